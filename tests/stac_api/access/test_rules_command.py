"""`dinamis rules` and `dinamis access explain`, as an operator types them before and after a change of rules."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from database import Database
from database.documents.packaged import default_collections_directory
from tests.conftest import PROJECT
from tests.postgres import forget_rules
from tests.stac_api.access.invented_people import People
from tests.stac_api.invented_catalogue import a_collection, an_item, load
from tests.stac_api.operators import Operator

SHIPPED = default_collections_directory() / "rules"


@pytest.fixture
def operator(module_database: Database) -> Operator:
    """An operator of a catalogue without rules."""
    forget_rules(module_database)
    return Operator(module_database)


@pytest.fixture
def ruled(operator: Operator) -> Operator:
    """An operator of a catalogue with the rules that come with the program."""
    operator.types("rules", "activate", "--by", "a committee")
    return operator


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """A folder with a copy of the last shipped set, which begins in a month and shows the radar images to all."""
    (tmp_path / "licences").mkdir()
    for file in (SHIPPED / "licences").iterdir():
        (tmp_path / "licences" / file.name).write_bytes(file.read_bytes())
    text = (SHIPPED / "2026-Q1.yaml").read_text(encoding="utf-8")
    begins = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
    text = text.replace("id: 2026-Q1", "id: next").replace("2026-01-01T", f"{begins}T")
    radar = "  - collections: [radar]\n    categories: [PUBLIC]\n    visibility: metadata"
    assert radar in text
    (tmp_path / "next.yaml").write_text(text.replace(radar, radar.replace("metadata", "full")), encoding="utf-8")
    return tmp_path / "next.yaml"


def test_shipped_rules_are_checked() -> None:
    """Without a folder the rules in use are checked, and they are right; the database is not asked."""
    result = CliRunner().invoke(main, ["rules", "check"])
    assert result.exit_code == 0
    assert "0 errors, 0 warnings" in result.stdout


def test_a_mistake_is_told_with_its_line(written: Path) -> None:
    """A rule of the operator's own folder that names no quota that is there: exit code 1, file and line."""
    written.write_text(
        written.read_text(encoding="utf-8").replace("quota: spot\n", "quota: sopt\n", 1), encoding="utf-8"
    )
    result = CliRunner().invoke(main, ["rules", "check", str(written.parent), "--json"])
    assert result.exit_code == 1
    (problem,) = json.loads(result.stdout)
    line = written.read_text(encoding="utf-8").split("\n").index("    quota: sopt") + 1
    assert problem["line"] == line
    assert "did you mean 'spot'" in problem["message"]


def test_rules_are_activated_from_their_dates(operator: Operator) -> None:
    """All sets of the folder at once: each holds from its date until the next one's."""
    assert "activated: 2026-Q1, 2024-Q2, 2022-Q4, 2019-Q1" in operator.types("rules", "activate", "--by", "a committee")
    sets = operator.reads("rules", "show", "--history")
    assert [each["id"] for each in sets] == ["2019-Q1", "2022-Q4", "2024-Q2", "2026-Q1"]
    assert [each["ends"] for each in sets] == [*(each["begins"] for each in sets[1:]), None]
    assert {each["activated_by"] for each in sets} == {"a committee"}
    assert "none, they were active already" in operator.types("rules", "activate")


def test_rules_of_a_date_are_shown(ruled: Operator) -> None:
    """What held in 2022 is shown as it was then."""
    assert ruled.reads("rules", "show", "--at", "2022-12-01")["id"] == "2022-Q4"
    shown = ruled.types("rules", "show", "--at", "2023-05-01T00:00:00+02:00")
    assert "Theia/DINAMIS workshop slides 2022" in shown
    assert "download: member_signed (licence uia-pleiades 1)" in shown


def test_without_rules_the_remedy_is_told(operator: Operator) -> None:
    """A catalogue without rules hides everything, and the operator learns which command mends it."""
    assert "dinamis rules activate" in operator.is_refused("rules", "show")


def test_differences_are_told_for_a_committee(ruled: Operator, written: Path) -> None:
    """Who gains and who loses what, in words; the set in force is named by what it is."""
    told = ruled.types("rules", "diff", "in-force", written)
    assert "Lost: nothing" in told
    assert "visibility: metadata → full" in told
    assert "where  radar" in told
    (change,) = ruled.reads("rules", "diff", "2026-Q1", written)
    assert change["collections"] == ["radar"]
    assert ruled.reads("rules", "diff", "in-force", "in-force") == []


def test_differences_of_files_need_no_database(written: Path) -> None:
    """Two written sets are compared where no catalogue is."""
    nowhere = {"DINAMIS_DATABASE_URL": "postgresql://127.0.0.1:9/nowhere"}
    result = CliRunner().invoke(main, ["rules", "diff", "2022-Q4", str(written), "--json"], env=nowhere)
    assert result.exit_code == 0, result.output
    assert len(json.loads(result.stdout)) > 10


def test_a_new_quarter_comes_and_is_taken_back(ruled: Operator, written: Path) -> None:
    """Loaded as a draft nothing holds; activated it holds from its date; taken back the former rules go on."""
    assert "next: loaded as draft" in ruled.types("rules", "load", written)
    assert ruled.reads("rules", "show")["id"] == "2026-Q1"
    ruled.types("rules", "activate", written)
    later = f"{datetime.now(UTC) + timedelta(days=40):%Y-%m-%d}"
    assert ruled.reads("rules", "show", "--at", later)["id"] == "next"
    assert "2026-Q1 holds in its place" in ruled.types("rules", "rollback", "--yes")
    assert ruled.reads("rules", "show", "--at", later)["id"] == "2026-Q1"


def test_a_set_may_begin_at_once(ruled: Operator, written: Path) -> None:
    """In an emergency the date of the file does not matter; the former rules come back under an id of their own."""
    ruled.types("rules", "activate", written, "--now")
    assert ruled.reads("rules", "show")["id"] == "next"
    assert "2026-Q1-again-1 holds in its place" in ruled.types("rules", "rollback", "--yes")
    assert ruled.reads("rules", "show")["id"] == "2026-Q1-again-1"
    assert "--now is for one set" in ruled.is_refused("rules", "activate", "--now")


def test_a_date_in_the_past_is_refused(ruled: Operator, written: Path) -> None:
    """What was in force is not rewritten: the operator learns what to do instead."""
    text = written.read_text(encoding="utf-8")
    begins = text[text.index("valid_from") :].split("\n")[0]
    written.write_text(text.replace(begins, 'valid_from: "2026-02-01T00:00:00Z"'), encoding="utf-8")
    assert "give it a later valid_from" in ruled.is_refused("rules", "activate", written)


def test_an_unknown_set_is_refused_with_those_there_are(operator: Operator) -> None:
    """A wrong id is answered with the right ones."""
    assert "there are 2019-Q1, 2022-Q4" in operator.is_refused("rules", "activate", "2027-Q1")
    assert "there are 2019-Q1, 2022-Q4" in operator.is_refused("rules", "diff", "2027-Q1", "2026-Q1")


def outcomes(operator: Operator, *words: str) -> dict[str, str]:
    """Action → outcome of an explanation."""
    return {each["action"]: each["outcome"] for each in operator.reads("access", "explain", *words)}


def test_a_category_is_explained(ruled: Operator) -> None:
    """Anybody of a category: what is allowed, what on a condition, and by which document."""
    assert outcomes(ruled, "--category", "SCI_FR", "--collection", "pleiades") == {
        "view": "allowed",
        "preview": "allowed",
        "download": "on-condition",
        "order-archive": "refused",
        "order-tasking": "allowed",
    }
    told = ruled.types("access", "explain", "--category", "SCI_FR", "--collection", "pleiades", "--language", "fr")
    assert "doit d’abord être signée" in told
    assert "téléchargements sans coûts ni quotas" in told


def test_a_past_decision_is_explained_by_the_rules_of_then(ruled: Operator) -> None:
    """In 2022 nobody without an account saw anything."""
    now = outcomes(ruled, "--category", "PUBLIC", "--collection", "pleiades")
    then = outcomes(ruled, "--category", "PUBLIC", "--collection", "pleiades", "--at", "2022-12-01")
    assert (now["view"], then["view"]) == ("allowed", "refused")


def test_a_person_is_explained_with_what_he_holds(ruled: Operator) -> None:
    """A scientist of a laboratory may download once the licence is signed; after a suspension he may not."""
    with ruled.database.connect("owner") as connection:
        people = People(connection)
        person, entity = people.person("curie"), people.entity("Institut du radium")
        people.join(person, entity, "SCI_FR")
    words = ("--user", "curie@example.org", "--collection", "pleiades")
    assert outcomes(ruled, *words)["download"] == "on-condition"
    with ruled.database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.entity SET state = 'suspended' WHERE id = %s", (entity,))
    download = next(each for each in ruled.reads("access", "explain", *words) if each["action"] == "download")
    assert download["outcome"] == "refused"
    assert "entity-suspended" in download["reasons"]
    assert "dinamis user list" in ruled.is_refused("access", "explain", "--user", "nobody", "--collection", "pleiades")


def test_the_place_of_an_item_matters(ruled: Operator) -> None:
    """An image of the coast by the space base of Kourou is shown, and given to nobody."""
    items = [
        an_item("KOUROU", "pleiades-littoral", west=-53.3, south=4.6),
        an_item("LANDES", "pleiades-littoral", west=-1.5, south=44.0),
    ]
    load(ruled.database, [a_collection("pleiades-littoral", "Littoral", "Littoral.")], items)
    words = ("--category", "PUB_FR", "--collection", "pleiades-littoral", "--item")
    assert outcomes(ruled, *words, "LANDES")["download"] == "on-condition"
    assert outcomes(ruled, *words, "KOUROU")["download"] == "refused"
    with ruled.database.connect("owner") as connection:
        people = People(connection)
        person, entity = people.person("signer"), people.entity("Conservatoire")
        people.join(person, entity, "PUB_FR")
        connection.execute(
            "INSERT INTO dinamis.licence_signature (person, entity, licence, version, digest, method)"
            " SELECT %s, %s, id, version, digest, 'bearer' FROM dinamis.licence WHERE id = 'uia-pleiades'",
            (person, entity),
        )
    words = ("--user", "signer@example.org", "--collection", "pleiades-littoral", "--item")
    assert outcomes(ruled, *words, "LANDES")["download"] == "allowed"
    kourou = outcomes(ruled, *words, "KOUROU")
    assert (kourou["view"], kourou["download"]) == ("allowed", "refused")
    assert "ATLANTIS" in ruled.is_refused("access", "explain", *words, "ATLANTIS")
    assert ruled.tries("access", "explain", *words, "LANDES").stderr == ""
    mistyped = ruled.tries("access", "explain", "--category", "PUB_FR", "--collection", "pleiades-litoral")
    assert "The catalogue has no collection pleiades-litoral" in mistyped.stderr


def test_somebody_must_be_named(operator: Operator) -> None:
    """A person or a category, not both and not neither."""
    assert "either --user or --category" in operator.is_refused("access", "explain", "--collection", "pleiades")


def test_rules_are_written_as_the_page_of_the_documentation(operator: Operator) -> None:
    """An institution publishes its rules as ours are published, without a database."""
    page = (PROJECT / "docs" / "reference" / "access-rules.md").read_text(encoding="utf-8")
    assert page.endswith("\n" + operator.types("rules", "page", SHIPPED))


@pytest.mark.parametrize("command", [("activate",), ("load",), ("diff", "in-force")])
def test_file_that_is_not_there_is_named(operator: Operator, tmp_path: Path, command: tuple[str, ...]) -> None:
    """A path that was mistyped is said to be none, whatever else its folder has."""
    assert f"there is no file {tmp_path / 'mistyped.yaml'}" in operator.is_refused(
        "rules", *command, tmp_path / "mistyped.yaml"
    )
