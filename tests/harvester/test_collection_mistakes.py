"""Mistakes in collection documents: each kind is explained with its line and with how to mend it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harvester.collection_checks import check_collection_documents
from harvester.collection_documents import load_collection_documents
from harvester.errors import CollectionDocumentError
from tests.harvester.invented_collection import SENSOR, complaint, line_of


@pytest.mark.parametrize(
    ("old", "new", "line_with", "words"),
    [
        ("  title: Images", "  tilte: Images", "tilte", "unknown key; did you mean 'title'?"),
        ("  license: CC-BY-4.0\n", "", "stac:", "the key 'license' is missing"),
        ("  license: CC", "  licence: CC", "licence", "did you mean 'license'?"),
        ("harvest:\n", "harvset:\n", "harvset", "did you mean 'harvest'?"),
        ("profiles: [GAIA_]", "profile: [GAIA_]", "profile:", "did you mean 'profiles'?"),
        ("source: deliveries", "source: delivery", "source: delivery", "did you mean 'deliveries'?"),
        ("  id: gaia-demo", "  id: Gaïa démo", "id: Gaïa", "write at most 64 lower-case letters"),
        ("title: Images de démonstration", "title: '  '", "title: '", "stac.title: write a text here, not '  '"),
        ("license: CC-BY-4.0", "license: CC BY 4", "license: CC", "such as CC-BY-4.0, or other, not 'CC BY 4'"),
        ("source: deliveries", "source: stac\n      name: My source", "name: My", "lower-case letters without accents"),
        ("  gaia:haze:", "  1haze:", "1haze:", "queryables.1haze: write a name of letters"),
        ("  id: gaia-demo", "  id: gaia-other", "id: gaia-other", "rename the file to gaia-other.yaml"),
        ("license: CC-BY-4.0", "license: other", "license: other", "needs a link with rel: license"),
        ("license: CC-BY-4.0", "license: 4", "license: 4", "write a text here, in quotes"),
        ("[démonstration]", "démonstration", "keywords: démonstration", "write a list here"),
        ("[démonstration]", "[a, b, a]", "[a, b, a]", "a stands twice"),
        ("[producer, host]", "[producer, hots]", "hots", "did you mean 'host'?"),
        ("[[-5, 41, 10, 51]]", "[[41, -5, 51, 100]]", "100]]", "south before north"),
        ("[[-5, 41, 10, 51]]", "[[-5, 41, 190, 51]]", "190", "longitudes run from -180 to 180"),
        ("[[-5, 41, 10, 51]]", '[["-5", 41, 10, 51]]', '"-5"', "write a number here, without quotes"),
        ("2020-01-01T00:00:00Z", "2020-13-01T00:00:00Z", "2020-13", "month must be in"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00", "2020-01-01", "write the time in UTC"),
        ('Z", null]]', 'Z", "2019-01-01T00:00:00Z"]]', "2019", "ends before it begins"),
        ("    gsd: [0.5]", "    gsd: 0.5", "gsd", "write a list here"),
        ("    gsd: [0.5]", "    gsd: {minimum: 1, maximun: 2}", "maximun", "did you mean 'maximum'?"),
        ("    gsd: [0.5]", "    gsd: {minimum: 2, maximum: 1}", "gsd", "minimum is greater than maximum"),
        ("    gsd: [0.5]", "    gsd: {minimum: 2, maximum: a}", "gsd", "two numbers or two texts"),
        ("    gsd: [0.5]", "    bands: [{name: B1, eo:common_name: gren}]", "gren", "did you mean 'green'?"),
        ("    gsd: [0.5]", "    eo:cloud_covr: [1]", "eo:cloud_covr", "did you mean 'eo:cloud_cover'?"),
        ("  gaia:haze:", "  eo:cloud_cover:", "eo:cloud_cover:", "every collection of the platform has this property"),
        ("    type: number", "    type: float", "type: float", "should be 'string', 'number'"),
        ("  en:\n    title", "  de:\n    title", "de:", "should be 'en'"),
        ("source: deliveries", "source: stac\n      url: example.org", "example.org", "write an absolute address"),
        ("source: deliveries", "source: deliveries\n      url: archive", "archive", "write an absolute address"),
        ("source: deliveries", "source: stac\n      url: /archive", "source: stac", "stac does not read /archive"),
        ("source: deliveries", "source: csw\n      url: s3://bucket/csw", "source: csw", "csw does not read s3:"),
        (
            "source: deliveries",
            "source: deliveries\n      url: https://example.org/archive",
            "source: deliveries",
            "such as /archive or sftp://example.org/archive",
        ),
        (
            "source: deliveries",
            "source: resto\n      credentials: partner",
            "source: resto",
            "resto asks for no credentials: remove them here",
        ),
        (
            "source: deliveries",
            "source: stac\n      url: https://u:p@example.org/",
            "u:p@",
            "credentials do not belong",
        ),
        (
            "source: deliveries",
            "source: deliveries\n      options: {url: archive}",
            "options: {url",
            "write the url beside the options, not in them",
        ),
        (
            "source: deliveries",
            "source: stac\n      options: {api_key: abc}",
            "api_key",
            "credentials do not belong here",
        ),
        (
            "source: deliveries",
            "source: oneatlas\n      options: {constellation: PHR, token_url: 'https://u:p@example.org/token'}",
            "token_url",
            "credentials do not belong in an address",
        ),
        ("  summaries:", "  links: [{rel: self, href: 'https://a.fr/x'}]\n  summaries:", "rel: self", "the API makes"),
        (
            "  summaries:",
            "  links: [{rel: changes, href: 'https://a.fr/x'}]\n  summaries:",
            "rel: changes",
            "API makes",
        ),
        ("queryables:", "expect: {required: [datetmie]}\nqueryables:", "datetmie", "did you mean 'datetime'?"),
        ("queryables:", "expect: {min_items: 5, max_items: 1}\nqueryables:", "min_items", "exchange the two numbers"),
        ("queryables:", "expect: {min_items: -1}\nqueryables:", "min_items", "greater than or equal to 0"),
        ("source: deliveries", "source: deliveries\n      schedule: '@daily'", "@daily", "is no cron expression"),
        ("source: deliveries", "source: deliveries\n      schedule: 0 0 31 2 *", "31 2", "'0 0 31 2 *' never comes"),
        (
            "source: deliveries",
            "source: deliveries\n      withdrawals: {by_absence: 'no'}",
            "by_absence",
            "write true or false here",
        ),
    ],
)
def test_a_mistake_is_explained_with_its_line(
    old: str, new: str, line_with: str, words: str, written: Callable[..., Path]
) -> None:
    """The refusal names file, line and column and says how to mend it."""
    file = written((old, new))
    text = complaint(file)
    line = line_of(file, line_with)
    assert any(part.startswith(f"{file}:{line}:") and words in part for part in text.splitlines()), text


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("2012-01-01", 'a date: write "2012-01-01" in quotes'),
        ("no", 'a truth value (where one is meant, write true or false): write "no" in quotes'),
        ("on", 'write "on" in quotes'),
        ("12:30:00", 'a number in an unusual notation: write "12:30:00" in quotes'),
        ("0755", 'write "0755" in quotes'),
        (".inf", 'write ".inf" in quotes'),
        ("!!python/object:os.system x", "something special"),
    ],
)
def test_what_yaml_would_guess_is_a_mistake(value: str, words: str, written: Callable[..., Path]) -> None:
    """Dates, yes/no, sexagesimal and octal numbers that YAML reads in its own way are pointed out."""
    file = written(("title: Images de démonstration", f"title: {value}"))
    text = complaint(file)
    assert f"{file}:3:10: error: " in text
    assert words in text


@pytest.mark.parametrize(
    ("content", "place", "words"),
    [
        (b"", "1:1", "the file is empty"),
        (b"stac: {}\nstac: {}\n", "2:1", "the key 'stac' stands twice, first in line 1"),
        (b"stac: [\n", "2:1", "this is not YAML"),
        (b"stac:\n\tid: x\n", "2:1", "this is not YAML"),
        (b"stac: \x07\n", "1:7", "this is not YAML"),
        (b"a: 1\nb: caf\xe9\n", "2:7", "byte 0xe9 is not UTF-8"),
        (b"a: &x 1\nb: *x\n", "1:4", "anchors"),
        (b"a: 1\n---\nb: 1\n", "2:1", "a second document begins here"),
        (b"12: x\n", "1:1", 'write "12" in quotes'),
        (b"[" * 100_000, "1:41", "levels are nested"),
        (b"x" * (1024 * 1024 + 1), "1:1", "larger than 1048576 bytes"),
        (b'a: "\\0"\n', "1:4", "a character that no catalogue can store"),
        (b'a: "\\ud800"\n', "1:4", "a character that no catalogue can store"),
        (b"just a text\n", "1:1", "write keys and their values here"),
        (b"%BAD\xc2\xa0\n---\n", "1:5", "this is not YAML"),
    ],
    ids=lambda value: value[:20].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_a_file_that_is_no_document_is_explained(content: bytes, place: str, words: str, tmp_path: Path) -> None:
    """Whatever bytes are in the file, the answer is a place and a reason."""
    file = tmp_path / "broken.yaml"
    file.write_bytes(content)
    lines = complaint(file).splitlines()
    assert any(line.startswith(f"{file}:{place}: ") and words in line for line in lines), lines


def test_a_file_that_cannot_be_opened_is_explained(tmp_path: Path) -> None:
    """A link that leads nowhere is a problem like the others, not a traceback."""
    file = tmp_path / "nowhere.yaml"
    file.symlink_to(tmp_path / "gone")
    assert "cannot be read" in complaint(file)


def test_a_directory_without_documents_is_explained(tmp_path: Path) -> None:
    """An empty directory is most likely a wrong path, so it is an error."""
    with pytest.raises(CollectionDocumentError, match=r"no \*\.yaml here"):
        load_collection_documents(tmp_path)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(written: Callable[..., Path]) -> None:
    """Three mistakes in one document give three lines, so that one round mends them all."""
    file = written(("  title: Images", "  tilte: Images"), ("gsd: [0.5]", "gsd: fine"), ("type: number", "type: float"))
    lines = complaint(file).splitlines()
    assert [int(line.split(":")[1]) for line in lines] == sorted(
        [line_of(file, "stac:"), line_of(file, "tilte"), line_of(file, "gsd:"), line_of(file, "type: float")]
    )


def test_what_yaml_misread_does_not_hide_the_other_mistakes(written: Callable[..., Path]) -> None:
    """A date without quotes and a misspelt key are told together, each once."""
    file = written(('"2020-01-01T00:00:00Z"', "2020-01-01"), ("  title: Images", "  tilte: Images"))
    lines = complaint(file).splitlines()
    assert [int(line.split(":")[1]) for line in lines] == [
        line_of(file, "stac:"),
        line_of(file, "tilte"),
        line_of(file, "2020-01-01"),
    ]


def test_two_documents_may_not_take_one_mission_at_one_priority(written: Callable[..., Path]) -> None:
    """The document that comes second is told which one has the mission, at the line of the mission."""
    written()
    file = written(("id: gaia-demo", "id: gaia-twin"), name="gaia-twin")
    with pytest.raises(CollectionDocumentError, match=r"GAIA1 is accepted by 'gaia-demo' too.*priority") as refusal:
        load_collection_documents(file.parent)
    assert str(refusal.value).startswith(f"{file}:{line_of(file, 'missions')}:")


def test_one_id_cannot_be_that_of_two_documents(written: Callable[..., Path]) -> None:
    """A copy that keeps the id of its original is refused, since its file has another name."""
    written()
    copy = written(name="gaia-copy")
    with pytest.raises(CollectionDocumentError, match="'gaia-demo' is not the name of the file") as refusal:
        load_collection_documents(copy.parent)
    assert str(refusal.value).startswith(f"{copy}:{line_of(copy, 'id: gaia-demo')}:")


def test_one_property_has_one_type_in_all_documents(written: Callable[..., Path]) -> None:
    """The catalogue types a property once, so a second document must agree."""
    written()
    file = written(
        ("id: gaia-demo", "id: gaia-text"), ("[GAIA1]", "[GAIA2]"), ("type: number", "type: string"), name="gaia-text"
    )
    with pytest.raises(CollectionDocumentError, match="gaia:haze is a number in 'gaia-demo'"):
        load_collection_documents(file.parent)


SERVICE = "source: stac\n      url: https://one.example/stac"


@pytest.mark.parametrize(
    "other",
    [
        "source: stac\n      url: https://two.example/stac",
        "source: geodes\n      name: stac\n      options: {collections: [A]}",
    ],
)
def test_one_name_of_a_source_is_one_service(other: str, written: Callable[..., Path]) -> None:
    """Ids of records are unique within the name of their source, so another service needs another name."""
    written(("source: deliveries", SERVICE))
    file = written(
        ("id: gaia-demo", "id: gaia-other"), ("[GAIA1]", "[GAIA2]"), ("source: deliveries", other), name="gaia-other"
    )
    with pytest.raises(CollectionDocumentError, match=r"'gaia-demo' has another source named 'stac'") as refusal:
        load_collection_documents(file.parent)
    assert str(refusal.value).startswith(f"{file}:{line_of(file, '- source')}:")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (SERVICE, SERVICE + "/"),
        (SERVICE, SERVICE.replace("one", "two") + "\n      name: other"),
        ("source: deliveries\n      url: ftp://one.example/", "source: deliveries\n      url: ftp://two.example/"),
    ],
)
def test_sources_that_cannot_be_confused_are_no_problem(one: str, other: str, written: Callable[..., Path]) -> None:
    """One service may feed several collections, and the records of deliveries are named by their whole address."""
    written(("source: deliveries", one))
    file = written(
        ("id: gaia-demo", "id: gaia-other"), ("[GAIA1]", "[GAIA2]"), ("source: deliveries", other), name="gaia-other"
    )
    assert sorted(load_collection_documents(file.parent)) == ["gaia-demo", "gaia-other"]


@pytest.mark.parametrize(
    ("source", "line_with", "words"),
    [
        ("source: geodes", "- source", "geodes needs the option 'collections'"),
        ("source: geodes\n      options: {collection: [A]}", "{collection", "did you mean 'collections'?"),
        ("source: ign\n      options: {family: LANDSAT}", "LANDSAT", "ign does not take this as family"),
        ("source: resto\n      options: {dialect: v9}", "options", "name one in `collection`"),
        ("source: stac\n      options: {collections: A}", "collections", "as collections: write a list here"),
        ("source: geonetwork\n      options: {portal: a b}", "portal", "as portal: write the portal as it stands in"),
        ("source: stac\n      options: {static: oui}", "static", "as static: write true or false here"),
        ("source: openspot\n      page_size: 50", "page_size", "openspot has no option 'page_size'"),
        ("source: geodes\n      page_size: 100", "page_size", "input should be less than or equal to 80"),
        ("source: csw\n      options: {rate: 1}", "{rate", "write the rate beside the options"),
        ("source: stac\n      options: {preset: drs}", "preset", "as preset: input should be 'spot-6-7-drs'"),
        (
            "source: ign\n      options: {family: SPOT, territories: {Corse: [1, 2]}}",
            "Corse",
            "ign needs the option 'territories.Corse.2'",
        ),
    ],
)
def test_options_that_a_source_does_not_take_are_explained(
    source: str, line_with: str, words: str, written: Callable[..., Path]
) -> None:
    """The check holds the options of each source against what its module takes."""
    file = written(("source: deliveries", source))
    problems = check_collection_documents(file.parent)
    assert any(
        words in each.message and each.line == line_of(file, line_with) and each.is_error for each in problems
    ), problems


def test_an_option_may_be_a_mapping(written: Callable[..., Path]) -> None:
    """Named boxes are written as they are, with names in French."""
    territories = "{La Réunion: [55.2, -21.5, 55.9, -20.8]}"
    file = written(
        ("source: deliveries", f"source: ign\n      options: {{family: SPOT, territories: {territories}}}"),
    )
    assert check_collection_documents(file.parent) == []


def test_files_that_would_be_overlooked_are_pointed_out(written: Callable[..., Path]) -> None:
    """A document named .yml is a warning, since it is not read; Python is an error."""
    directory = written().parent
    (directory / "other.yml").write_text("stac: {}\n", encoding="utf-8")
    (directory / "rules.py").write_text("", encoding="utf-8")
    problems = {problem.file.name: problem.is_error for problem in check_collection_documents(directory)}
    assert problems == {"other.yml": False, "rules.py": True}


def test_a_wrong_sensor_document_is_found_by_the_check(written: Callable[..., Path]) -> None:
    """The check goes through the sensors too, and tells their mistakes with file, line and column."""
    sensor = written().parent / "sensors" / "gaia.yaml"
    sensor.write_text(SENSOR.replace("azimuth: target", "azimuth: banana"), "utf-8")
    (problem,) = check_collection_documents(sensor.parents[1])
    assert str(problem).startswith(f"{sensor}:{line_of(sensor, 'azimuth')}:1: error: azimuth: input should be")


def test_documents_without_sensors_are_an_error(written: Callable[..., Path]) -> None:
    """No harvest can begin without a sensor document, so the check says that there is none."""
    sensor = written().parent / "sensors" / "gaia.yaml"
    sensor.unlink()
    (problem,) = check_collection_documents(sensor.parents[1])
    assert (problem.file, problem.is_error) == (sensor.parent, True)
    assert "holds no sensor document" in problem.message


def test_a_mission_that_no_sensor_knows_is_a_warning(written: Callable[..., Path]) -> None:
    """A collection that takes deliveries of a satellite nobody can read is told so, at the line of the mission."""
    file = written(("missions: [GAIA1]", "missions: [GAIA1, GAIA2]"))
    (problem,) = check_collection_documents(file.parent)
    assert (problem.file, problem.line, problem.is_error) == (file, line_of(file, "missions"), False)
    assert "no sensor document knows GAIA2" in problem.message


@pytest.mark.parametrize("sources", ["", "  sources:\n    - source: openspot\n"])
def test_a_mission_needs_a_sensor_also_where_no_source_of_deliveries_is_named(
    sources: str, written: Callable[..., Path]
) -> None:
    """Deliveries harvested on the command line go to the collection that takes their mission, whatever its sources."""
    file = written(("missions: [GAIA1]", "missions: [GAIA2]"), ("  sources:\n    - source: deliveries\n", sources))
    (problem,) = check_collection_documents(file.parent)
    assert (problem.line, problem.is_error) == (line_of(file, "missions"), False)
    assert "no sensor document knows GAIA2" in problem.message


def test_a_collection_that_no_rule_set_covers_is_a_warning(written: Callable[..., Path]) -> None:
    """Where there are rules, a collection that none names is hidden, and the check says so."""
    file = written()
    rules = file.parent / "rules"
    rules.mkdir()
    (rules / "2024.yaml").write_text("rules:\n  - collections: [pleiades]\n", encoding="utf-8")
    (problem,) = check_collection_documents(file.parent)
    assert (problem.file, problem.line, problem.is_error) == (file, line_of(file, "id: gaia-demo"), False)
    assert "no rule set covers 'gaia-demo'" in problem.message
    (rules / "2025.yaml").write_text("rules:\n  - collections: [gaia-*]\n", encoding="utf-8")
    assert check_collection_documents(file.parent) == []


def test_one_bad_document_does_not_hide_the_problems_of_the_others(written: Callable[..., Path]) -> None:
    """The check goes through all documents."""
    written(("license: CC-BY-4.0\n", "license: other\n"))
    second = written(("id: gaia-demo", "id: gaia-b"), ("[GAIA1]", "[1]"), name="gaia-b")
    problems = check_collection_documents(second.parent)
    assert {problem.file.stem for problem in problems} == {"gaia-demo", "gaia-b"}


def test_a_document_does_not_declare_what_its_source_does(written: Callable[..., Path]) -> None:
    """One definition of a property is enough."""
    file = written(("source: deliveries", "source: openspot"), ("  gaia:haze:", "  openspot:mode:"))
    assert "a source of the collection declares this property itself" in complaint(file)
