"""The collection documents: those that are shipped are sound, and each kind of mistake is explained with its line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

import pystac
import pytest

from harvester.collection_documents import (
    CollectionDocument,
    CollectionDocuments,
    check_collection_documents,
    default_collections_directory,
    load_collection_documents,
    queryables_of,
)
from harvester.errors import CollectionDocumentError
from harvester.items.from_scenes import SourcedScene, item_from_scenes
from harvester.queryables import PROPERTIES, QUERYABLES, queryables
from harvester.queryables.of_sources import SOURCE_PROPERTIES
from tests.scene_records import scene
from tests.stac_schemas import validator

COLLECTIONS = Path(__file__).resolve().parents[2] / "collections"
DOCS_PAGE = COLLECTIONS.parent / "docs" / "reference" / "collections.md"

SHIPPED = [
    "airbus-archive-pleiades",
    "airbus-archive-pleiades-neo",
    "airbus-archive-pleiades-neo-stereo",
    "airbus-archive-pleiades-neo-tristereo",
    "airbus-archive-pleiades-stereo",
    "airbus-archive-pleiades-tristereo",
    "airbus-archive-spot",
    "airbus-archive-spot-6-7-stereo",
    "airbus-archive-spot-6-7-tristereo",
    "dsm",
    "pleiades",
    "pleiades-littoral",
    "pleiades-neo",
    "pleiades-neo-stereo",
    "pleiades-neo-tristereo",
    "pleiades-stereo",
    "pleiades-tristereo",
    "radar",
    "rapideye-france",
    "sentinel",
    "spot-1-5-france",
    "spot-6-7",
    "spot-6-7-drs",
    "spot-6-7-open",
    "spot-6-7-stereo",
    "spot-6-7-tristereo",
    "spot-annual-coverage",
    "spot-world-heritage",
]

STEREO_SETS = {name for name in SHIPPED if name.endswith(("-stereo", "-tristereo"))}

#: Those whose Items are mosaics, grids, metadata of others or sets of views: no single viewing direction.
WITHOUT_VIEW = {"dsm", "pleiades-littoral", "sentinel", "spot-annual-coverage"} | STEREO_SETS

INVENTED = """\
stac:
  id: gaia-demo
  title: Images de démonstration
  description: Une collection inventée.
  keywords: [démonstration]
  license: CC-BY-4.0
  providers:
    - {name: Observatoire inventé, roles: [producer, host]}
  extent:
    spatial: {bbox: [[-5, 41, 10, 51]]}
    temporal: {interval: [["2020-01-01T00:00:00Z", null]]}
  summaries:
    gsd: [0.5]
translations:
  en:
    title: Demonstration images
    description: An invented collection.
    keywords: [demonstration]
harvest:
  accepts: {missions: [GAIA1], profiles: [GAIA_]}
  sources:
    - source: deliveries
queryables:
  gaia:haze:
    title: Brume
    type: number
    translations:
      en: {title: Haze}
"""

SENSOR = """\
id: gaia
title: Gaïa
dimap: 2
profiles: [GAIA_]
constellation: gaia
satellites:
  GAIA1: {platform: gaia-1, title: Gaïa 1}
azimuth: target
stamp: dataset-name
bands: {R: red}
"""

shipped = pytest.mark.parametrize("name", SHIPPED)
in_both_languages = pytest.mark.parametrize("language", ["fr", "en"])


@cache
def shipped_documents() -> CollectionDocuments:
    """The documents of the project."""
    return load_collection_documents(COLLECTIONS)


def document_of(name: str) -> CollectionDocument:
    """One of the shipped documents."""
    return shipped_documents()[name]


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Write the invented document, some of its text replaced, into a directory that has its sensor."""
    (tmp_path / "sensors").mkdir()
    (tmp_path / "sensors" / "gaia.yaml").write_text(SENSOR, "utf-8")

    def write(*replacements: tuple[str, str], name: str = "gaia-demo") -> Path:
        text = INVENTED
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} must stand once in the document"
            text = text.replace(old, new)
        file = tmp_path / f"{name}.yaml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def complaint(file: Path) -> str:
    """What the reader of a bad document is told."""
    with pytest.raises(CollectionDocumentError) as refusal:
        load_collection_documents(file.parent)
    return str(refusal.value)


def line_of(file: Path, text: str) -> int:
    """Number of the first line that holds this text, from 1."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


# The shipped documents


def test_the_shipped_documents_are_those_of_the_project_and_have_no_problem() -> None:
    """All twenty-eight collections are there, and the check finds nothing to mend."""
    assert default_collections_directory() == COLLECTIONS
    assert list(shipped_documents()) == SHIPPED
    assert check_collection_documents(COLLECTIONS) == []


@shipped
@in_both_languages
def test_every_published_collection_satisfies_the_schemas(name: str, language: str, schemas: Path) -> None:
    """What is published is a STAC 1.1 Collection and keeps the rules of each extension that it names."""
    validator(schemas)(document_of(name).published(language))


@shipped
@in_both_languages
def test_pystac_reads_every_published_collection_and_loses_nothing(name: str, language: str) -> None:
    """The client library builds the Collection, and writes back what it was given."""
    published = document_of(name).published(language)
    again = pystac.Collection.from_dict(published).to_dict(include_self_link=False)
    assert {key: again[key] for key in published if key != "links"} == {
        key: value for key, value in published.items() if key != "links"
    }
    assert [(link["rel"], link["href"]) for link in again["links"]] == [
        (link["rel"], link["href"]) for link in published["links"]
    ]


@shipped
@in_both_languages
def test_every_published_collection_is_plain_json(name: str, language: str) -> None:
    """Nothing that YAML made of a text (a date, a set, a NaN) gets into the JSON."""
    published = document_of(name).published(language)
    assert json.loads(json.dumps(published, allow_nan=False)) == published


@shipped
def test_every_shipped_document_speaks_both_languages_completely(name: str) -> None:
    """Title, description, keywords and the titles of all assets differ between French and English or are names."""
    document = document_of(name)
    french, english = document.published("fr"), document.published("en")
    assert (french["language"]["code"], english["language"]["code"]) == ("fr", "en")
    assert [language["code"] for language in english["languages"]] == ["fr"]
    assert french["title"] != english["title"]
    assert french["description"] != english["description"]
    assert len(french["keywords"]) == len(english["keywords"]) >= 5
    for key, asset in french["item_assets"].items():
        assert english["item_assets"][key]["title"] != asset["title"]
        assert english["item_assets"][key]["roles"] == asset["roles"]


@shipped
def test_descriptions_tell_a_reader_what_who_and_where(name: str) -> None:
    """Each description says resolution, coverage and who may use the images, in both languages."""
    document = document_of(name)
    for language, subjects in {
        "fr": ("Résolution", "Couverture", "Qui peut les "),
        "en": ("Resolution", "Coverage", "Who may "),
    }.items():
        description = document.published(language)["description"]
        assert all(subject in description for subject in subjects)


@shipped
def test_the_convention_of_the_azimuth_is_said_where_images_have_one(name: str) -> None:
    """Descriptions say that view:azimuth runs from target to satellite, in both languages."""
    document = document_of(name)
    said = "`view:azimuth` est l’azimut de la cible vers le satellite, dans le sens horaire depuis le nord vrai"
    meant = "`view:azimuth` is the azimuth from the target towards the satellite, clockwise from true north"
    french, english = (" ".join(document.published(code)["description"].split()) for code in ("fr", "en"))
    assert (said in french, meant in english) == ((name not in WITHOUT_VIEW,) * 2)


@shipped
def test_licences_can_be_read(name: str) -> None:
    """Every collection links to the text of its licence and names who licenses and who hosts it."""
    published = document_of(name).published()
    assert [link["href"] for link in published["links"] if link["rel"] == "license"]
    roles = {role for provider in published["providers"] for role in provider["roles"]}
    assert {"licensor", "host"} <= roles
    assert published["attribution"]


def test_licences_are_those_that_were_granted() -> None:
    """Only OpenSpot and the annual mosaics are Etalab 2.0 and the elevation models CC-BY-NC; the rest has its own."""
    licences = {name: document_of(name).published()["license"] for name in SHIPPED}
    open_data = {"spot-6-7-open": "etalab-2.0", "spot-annual-coverage": "etalab-2.0", "dsm": "CC-BY-NC-4.0"}
    assert licences == dict.fromkeys(SHIPPED, "other") | open_data


@pytest.mark.parametrize("name", ["spot-annual-coverage", "pleiades-littoral"])
def test_annual_mosaics_can_be_seen_as_a_map(name: str) -> None:
    """The annual mosaics link to their WMTS layers."""
    (wmts,) = [link for link in document_of(name).published()["links"] if link["rel"] == "wmts"]
    assert all(layer.startswith("ORTHOIMAGERY.ORTHO-SAT.") for layer in wmts["wmts:layer"])


@pytest.mark.parametrize(
    ("mission", "profile", "collection"),
    [
        ("PHR1A", "PHR_ORTHO", "pleiades"),
        ("PHR1B", "PHR_SENSOR", "pleiades"),
        ("PNEO3", "PNEO_ORTHO", "pleiades-neo"),
        ("PNEO4", "PNEO_SENSOR", "pleiades-neo"),
        ("SPOT6", "S6_SENSOR", "spot-6-7"),
        ("SPOT7", "S7_ORTHO", "spot-6-7"),
        ("SPOT5", "SPOTSCENE_2A", "spot-world-heritage"),
        ("SPOT1", "SPOTSCENE_1B", "spot-world-heritage"),
    ],
)
def test_deliveries_of_each_satellite_have_their_collection(mission: str, profile: str, collection: str) -> None:
    """A delivery goes to the collection that accepts its satellite and profile."""
    assert shipped_documents().accepting(mission, profile).id == collection


@pytest.mark.parametrize(("mission", "profile"), [("PER1", "PER1_ORTHO"), ("PHR1A", "S7_ORTHO")])
def test_a_delivery_that_no_collection_accepts_is_refused_with_a_way_out(mission: str, profile: str) -> None:
    """The refusal names the satellite, the profile and what the operator can do."""
    with pytest.raises(CollectionDocumentError, match=rf"{mission}.*{profile}.*--collection.*missions"):
        shipped_documents().accepting(mission, profile)


def test_there_is_no_python_among_the_documents() -> None:
    """Python in `collections/` would hide the module of the standard library."""
    assert list(COLLECTIONS.rglob("*.py")) == []
    assert list(COLLECTIONS.rglob("*.pyc")) == []


def test_the_standard_library_is_not_hidden_by_the_directory() -> None:
    """With the project first on the path, `import collections` still is the standard library's."""
    command = [sys.executable, "-S", "-c", "import collections; print(collections.deque)"]
    answer = subprocess.run(command, cwd=COLLECTIONS.parent, env={"PYTHONPATH": "."}, capture_output=True, check=False)
    assert (answer.returncode, answer.stdout.strip()) == (0, b"<class 'collections.deque'>")


@pytest.mark.parametrize("file", sorted(COLLECTIONS.glob("*.yaml")), ids=lambda file: file.stem)
def test_documents_are_easy_to_read_and_to_compare(file: Path) -> None:
    """Lines are at most 120 characters long, without blanks at their end."""
    lines = file.read_text(encoding="utf-8").splitlines()
    assert [number for number, line in enumerate(lines, 1) if len(line) > 120 or line != line.rstrip()] == []


def source_table(documents: CollectionDocuments) -> str:
    """Markdown table of the sources of each collection: a cell is the rank of the source in the collection."""
    sources = sorted({source for document in documents.values() for source in document.sources})
    heading = ["Collection", "Licence", "Takes deliveries of", *(f"`{source}`" for source in sources)]
    lines = [heading, ["---"] * 3 + [":-:"] * len(sources)]
    for document in documents.values():
        ranks = {source: str(rank) for rank, source in enumerate(document.sources, 1)}
        taken = ", ".join(document.missions)
        cells = [f"`{document.id}`", document.content.stac.license, taken, *(ranks.get(name, "") for name in sources)]
        lines.append(cells)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def test_the_table_of_sources_in_the_documentation_is_that_of_the_documents() -> None:
    """The table source × collection in the docs is what the documents say."""
    table = source_table(shipped_documents())
    assert table in DOCS_PAGE.read_text(encoding="utf-8"), f"replace the table in {DOCS_PAGE.name} by:\n{table}"


# Adding a collection


def test_adding_a_collection_is_adding_a_file(written: Callable[..., Path], schemas: Path) -> None:
    """An invented document in a directory of its own is published, accepts deliveries and declares its property."""
    documents = load_collection_documents(written().parent)
    document = documents.accepting("GAIA1", "GAIA_ORTHO")
    validator(schemas)(document.published("fr"))
    validator(schemas)(document.published("en"))
    assert (document.id, document.title("en"), document.sources) == (
        "gaia-demo",
        "Demonstration images",
        ("deliveries",),
    )
    assert queryables_of(document, "en")["gaia:haze"] == {"title": "Haze", "type": "number"}
    assert check_collection_documents(written().parent) == []


def test_a_language_that_a_document_does_not_speak_gives_french(written: Callable[..., Path]) -> None:
    """A reader who asks for German gets the French words, and is told so."""
    published = load_collection_documents(written().parent)["gaia-demo"].published("de")
    assert (published["title"], published["language"]["code"]) == ("Images de démonstration", "fr")


def test_the_greatest_priority_gets_the_delivery(written: Callable[..., Path]) -> None:
    """An institution can take a satellite over from another collection by a greater priority."""
    written()
    file = written(
        ("id: gaia-demo", "id: gaia-first"), ("profiles: [GAIA_]", "profiles: [GAIA_], priority: 1"), name="gaia-first"
    )
    documents = load_collection_documents(file.parent)
    assert documents.accepting("GAIA1", "GAIA_ORTHO").id == "gaia-first"


def test_discovery_does_not_enter_sub_directories(written: Callable[..., Path]) -> None:
    """Documents of sensors and rules lie below and have schemas of their own."""
    directory = written().parent
    (directory / "sensors" / "gaia.yaml").write_text("dimap: 2\n", encoding="utf-8")
    assert list(load_collection_documents(directory)) == ["gaia-demo"]


def test_an_open_end_of_the_interval_stays_open(written: Callable[..., Path]) -> None:
    """The null of an interval that goes on is published as null."""
    published = load_collection_documents(written().parent)["gaia-demo"].published()
    assert published["extent"]["temporal"]["interval"] == [["2020-01-01T00:00:00Z", None]]


# Mistakes


@pytest.mark.parametrize(
    ("old", "new", "line_with", "words"),
    [
        ("  title: Images", "  tilte: Images", "tilte", "unknown key; did you mean 'title'?"),
        ("  license: CC-BY-4.0\n", "", "stac:", "the key 'license' is missing"),
        ("  license: CC", "  licence: CC", "licence", "did you mean 'license'?"),
        ("harvest:\n", "harvset:\n", "harvset", "did you mean 'harvest'?"),
        ("profiles: [GAIA_]", "profile: [GAIA_]", "profile:", "did you mean 'profiles'?"),
        ("source: deliveries", "source: delivery", "source: delivery", "did you mean 'deliveries'?"),
        ("  id: gaia-demo", "  id: Gaïa démo", "id: Gaïa", "should match pattern"),
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
        ("    gsd: [0.5]", "    eo:cloud_covr: [1]", "eo:cloud_covr", "did you mean 'eo:cloud_cover'?"),
        ("  gaia:haze:", "  eo:cloud_cover:", "eo:cloud_cover:", "every collection of the platform has this property"),
        ("    type: number", "    type: float", "type: float", "should be 'string', 'number'"),
        ("  en:\n    title", "  de:\n    title", "de:", "should be 'en'"),
        ("source: deliveries", "source: stac\n      url: example.org", "example.org", "write an absolute address"),
        (
            "source: deliveries",
            "source: stac\n      url: https://u:p@example.org/",
            "u:p@",
            "credentials do not belong",
        ),
        (
            "source: deliveries",
            "source: stac\n      options: {api_key: abc}",
            "api_key",
            "credentials do not belong here",
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
        ("no", 'a truth value (only true and false are allowed): write "no" in quotes'),
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
        ("missions: [GAIA1]", "missions: [GAIA2]"),
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


def test_a_collection_without_deliveries_needs_no_sensor(written: Callable[..., Path]) -> None:
    """Missions whose records come from elsewhere need no sensor document."""
    file = written(("missions: [GAIA1]", "missions: [GAIA2]"), ("source: deliveries", "source: openspot"))
    assert check_collection_documents(file.parent) == []


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


# Queryables


def test_items_publish_no_property_that_cannot_be_filtered() -> None:
    """Every property of an Item of a full scene is a queryable of the platform."""
    record = scene()
    sourced = SourcedScene(source="deliveries", precedence=0, scene=record)
    properties = item_from_scenes([sourced], item_id=record.id, collection="pleiades")["properties"]
    assert sorted(set(properties) - set(QUERYABLES)) == []


def test_vendor_angles_of_every_reader_can_be_filtered() -> None:
    """The raw angles that the readers of DIMAP 1 and 2 keep are queryables, whatever the satellite."""
    angles = {"scene_orientation", "azimuth_angle", "image_orientation"}
    angles |= {
        f"{kind}_angle{way}" for kind in ("viewing", "incidence") for way in ("", "_along_track", "_across_track")
    }
    assert sorted({f"airbus:{angle}" for angle in angles} - set(QUERYABLES)) == []


ALL_PROPERTIES = {**PROPERTIES, **{name: each for own in SOURCE_PROPERTIES.values() for name, each in own.items()}}


@pytest.mark.parametrize("name", sorted(ALL_PROPERTIES))
def test_every_property_is_typed_and_named_in_both_languages(name: str) -> None:
    """Readers of both languages get a title; a filter knows the type."""
    definition = ALL_PROPERTIES[name]
    assert definition.words["fr"].title
    assert definition.words["en"].title
    assert bool(definition.words["fr"].description) == bool(definition.words["en"].description)
    assert definition.schema.get("type") or name == "geometry"


def test_properties_of_sources_stand_beside_those_of_all_collections() -> None:
    """A property is declared once: for all collections, or with one type for the sources that give it."""
    assert not {name for own in SOURCE_PROPERTIES.values() for name in own} & set(PROPERTIES)
    for own in SOURCE_PROPERTIES.values():
        assert all(each.schema == ALL_PROPERTIES[name].schema for name, each in own.items())


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_collection_publishes_the_properties_of_its_sources(language: str) -> None:
    """What GEODES says can be filtered where GEODES is a source, in the reader's language, and nowhere else."""
    title = {"fr": "Collection à GEODES", "en": "Collection at GEODES"}[language]
    assert queryables_of(document_of("sentinel"), language)["geodes:collection"]["title"] == title
    assert "geodes:collection" not in queryables_of(document_of("pleiades"), language)


def test_a_document_does_not_declare_what_its_source_does(written: Callable[..., Path]) -> None:
    """One definition of a property is enough."""
    file = written(("source: deliveries", "source: openspot"), ("  gaia:haze:", "  openspot:mode:"))
    assert "a source of the collection declares this property itself" in complaint(file)


@pytest.mark.parametrize("name", [name for name in QUERYABLES if "$ref" in QUERYABLES[name]])
def test_references_of_properties_lead_to_their_schema(name: str, schemas: Path) -> None:
    """The $ref of a property exists in the published schema and has the same type."""
    url, pointer = urldefrag(QUERYABLES[name]["$ref"])
    parts = urlsplit(url)
    target: Any = json.loads((schemas / parts.netloc / parts.path.lstrip("/")).read_bytes())
    for step in filter(None, pointer.split("/")):
        target = target[int(step)] if isinstance(target, list) else target[step]
    if "type" in QUERYABLES[name] and "type" in target:
        assert QUERYABLES[name]["type"] in (target["type"] if isinstance(target["type"], list) else [target["type"]])


def test_queryables_speak_the_language_asked_for() -> None:
    """The same property has a French and an English title, and the same type."""
    assert queryables("fr")["eo:cloud_cover"]["title"] == "Couverture nuageuse"
    assert queryables("en")["eo:cloud_cover"]["title"] == "Cloud cover"
    assert queryables("fr")["eo:cloud_cover"]["type"] == queryables("en")["eo:cloud_cover"]["type"] == "number"


@pytest.mark.parametrize("name", ["airbus-archive-pleiades", "airbus-archive-pleiades-neo", "airbus-archive-spot"])
def test_archive_images_can_be_filtered_by_whether_they_are_held(name: str) -> None:
    """dinamis:held is a boolean property and every archive Item must have it."""
    document = document_of(name)
    assert queryables_of(document)["dinamis:held"]["type"] == "boolean"
    assert "dinamis:held" in document.content.expect.required
    assert document.published()["summaries"]["order:status"] == ["orderable"]
