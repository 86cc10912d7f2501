"""`dinamis harvest` from a service on the loopback interface: run, looked at, cancelled, undone and mended."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from harvester.collection_documents import default_collections_directory
from tests.acceptance.command_line import Dinamis, Finished
from tests.emulators.openspot import OpenSpot, features
from tests.emulators.serving import serving
from tests.postgres import short_directory, skip_without_postgresql

FEED = "spot-6-7-open/openspot"
LAYER = "2018_PMS"


@dataclass(frozen=True)
class Place:
    """The command line with documents in which one source is the emulator, harvested once."""

    dinamis: Dinamis
    collections: Path
    service: OpenSpot

    def run(self, *arguments: str | Path) -> Finished:
        """Run a command of `dinamis harvest`."""
        environment = {"DINAMIS_COLLECTIONS": str(self.collections)}
        return self.dinamis.run("harvest", *arguments, environment=environment)

    def data(self, *arguments: str | Path, code: int = 0) -> Any:
        """What a command prints as JSON, after it ended with this code."""
        finished = self.run(*arguments, "--json")
        assert finished.code == code, finished.err
        return json.loads(finished.out)

    def account(self, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
        """The account of the one run of `dinamis harvest run`."""
        (account,) = self.data("run", *arguments, code=code)
        assert isinstance(account, dict)
        return account


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    """A catalogue into which the first forty scenes of an OpenSpot were harvested, of which one cannot be read."""
    skip_without_postgresql()
    service = OpenSpot(layers={LAYER: features(40)})
    service.layers[LAYER][7]["properties"]["ds_name"] = "yesterday"
    with short_directory() as home, serving(service.app) as url:
        documents = home / "collections"
        shutil.copytree(default_collections_directory(), documents)
        document = documents / "spot-6-7-open.yaml"
        text = document.read_text("utf-8")
        address = re.compile(r"(source: openspot\n\s+url: )\S+")
        assert address.search(text)
        document.write_text(address.sub(rf"\g<1>{url}/", text), "utf-8")
        dinamis = Dinamis(home)
        place = Place(dinamis, documents, service)
        try:
            assert place.run("run", FEED, "--report", home / "first.html").code == 1
            yield place
        finally:
            dinamis.run("db", "destroy", "--yes")


def test_life_of_a_feed(place: Place) -> None:
    """Harvested, changed, looked at and undone, every command tells the same of a feed and its runs."""
    first = place.data("show", "1")
    assert (first["feed"], first["new"], first["quarantined"]) == (FEED, 39, 1)
    page = (place.dinamis.home / "first.html").read_text("utf-8")
    assert FEED in page
    assert first["refusals"][0]["record"] in page
    assert '<tr><th scope="row">quarantined</th><td>1</td></tr>' in page

    place.service.layers[LAYER][0]["properties"]["resolution"] = 6.0
    del place.service.layers[LAYER][39]
    place.service.layers[LAYER] += features(2, seed=1)
    tried = place.run("run", "spot-6-7-open", "--dry-run")
    assert tried.code == 1
    assert "properties.gsd: 1.5 → 6.0" in tried.out
    assert len(re.findall(r"^new spot-6-7-open/", tried.out, re.MULTILINE)) == 2
    assert "1 known records were not seen" in tried.out

    second = place.account("spot-6-7-open", code=1)
    assert (second["new"], second["changed"], second["unchanged"], second["quarantined"]) == (2, 1, 37, 1)
    shown = place.data("show", "2", "--records")
    assert shown["changed"] == second["changed"]
    assert [each["outcome"] for each in shown["records"]] == ["changed", "new", "new", "quarantined"]
    assert [run["id"] for run in place.data("history", FEED)] == [2, 1]

    (status,) = [each for each in place.data("status") if each["feed"] == FEED]
    assert (status["state"], status["quarantined"]) == ("succeeded", 1)
    assert status["last_run"]["id"] == 2

    undone = place.data("undo", "2")
    assert (undone["kind"], undone["run"]) == ("undo", 3)
    assert place.run("undo", "2").code == 2
    history = place.run("history").out.splitlines()
    assert len(history) == 4
    assert "undone" in history[2]


def test_run_that_was_killed_is_cancelled(place: Place) -> None:
    """A run on which nobody works is cancelled at once; that is told, and not done twice."""
    place.dinamis.run("db", "shell", typed="UPDATE dinamis.run SET state = 'running' WHERE id = 1;")
    assert place.data("cancel", "1") == {"run": 1, "feed": FEED, "state": "cancelled"}
    assert place.run("cancel", "1").code == 2
    assert place.data("show", "1")["state"] == "cancelled"


def test_history_of_an_unknown_feed_says_where_the_names_are(place: Place) -> None:
    """A feed without runs may be one that is called otherwise."""
    assert "`dinamis harvest history` lists" in place.run("history", "spot-6-7-open/nothing").out


def test_quarantine_is_looked_at_and_replayed(place: Place) -> None:
    """A record in quarantine is listed with its reason, shown as it came, and read again without its source."""
    (listed,) = place.data("quarantine", "list", "--feed", FEED)
    shown = place.data("quarantine", "show", listed["source"], listed["record"])
    assert "yesterday" in json.dumps(shown.pop("content"))
    assert shown == listed
    told = place.run("quarantine", "show", listed["source"], listed["record"]).out
    assert re.search(r"^stage +read$", told, re.MULTILINE)
    assert listed["reason"] in told
    assert "yesterday" in told
    replayed = place.data("quarantine", "replay", "--feed", FEED, code=1)
    assert (replayed["kind"], replayed["quarantined"]) == ("replay", 1)
    assert place.run("quarantine", "show", listed["source"], "nothing").code == 2
    unknown = place.run("quarantine", "list", "--feed", "spot-6-7-open/nothing").out
    assert "No record is in quarantine of spot-6-7-open/nothing" in unknown


def test_correction_is_made_listed_and_taken_back(place: Place) -> None:
    """A field says what the operator says until that is taken back; a field that is none is refused."""
    item = next(each["item"] for each in place.data("show", "1", "--records")["records"] if each["item"])
    made = place.run("correct", item, "eo:cloud_cover", "3", "--reason", "seen by eye", "--author", "Ada")
    assert made.code == 0, made.err
    (correction,) = place.data("correct", item, "--list")
    assert (correction["field"], correction["value"], correction["author"]) == ("eo:cloud_cover", 3, "Ada")
    assert place.run("correct", item, "--remove", "eo:cloud_cover").code == 0
    assert place.data("correct", item, "--list") == []
    refused = place.run("correct", item, "eo:cloudiness", "3", "--reason", "guessed")
    assert refused.code == 2
    assert place.run("correct", item, "eo:cloud_cover", "3").code == 2
    assert place.run("correct", item, "eo:cloud_cover", "3", "--reason", " ").code == 2


def test_sources_tell_what_can_be_harvested(place: Place) -> None:
    """Each source of the documents is there, with its address if it has one and the credentials that are missing."""
    listed = {each["feed"]: each for each in place.data("sources")}
    assert listed[FEED]["address"].startswith("http://127.0.0.1:")
    assert listed["pleiades/deliveries"]["address"] is None
    assert listed["airbus-archive-spot/oneatlas"]["credentials"].startswith("missing: DINAMIS_SOURCE_")
    environment = {"DINAMIS_SOURCE_ONEATLAS_API_KEY": "hush"}
    given = place.dinamis.run("harvest", "sources", environment=environment)
    assert "credentials given" in given.out
    assert "hush" not in given.out


def test_status_fits_one_screen(place: Place) -> None:
    """However many feeds there are, the status has at most 23 lines of at most 80 characters."""
    lines = place.run("status").out.splitlines()
    assert 10 < len(lines) <= 23
    assert max(map(len, lines)) <= 80


def test_failure_is_an_alarm_until_the_next_good_run(place: Place) -> None:
    """A source that fails ends the run with 2 and turns the exit code of `status` to 1; a good run turns it back."""
    place.service.has_selects = False
    try:
        failed = place.account(FEED, code=2)
    finally:
        place.service.has_selects = True
    assert (failed["state"], failed["error"] is not None) == ("failed", True)
    alarmed = place.run("status")
    assert alarmed.code == 1
    assert alarmed.out.splitlines()[1].startswith(FEED)
    assert f"of {FEED} failed: " in alarmed.out
    place.account(FEED, code=1)
    assert place.run("status").code == 0


def test_place_that_was_mistyped_stands_last(place: Place) -> None:
    """It hides no other in the status, and there is nothing to retire of it, which nobody is asked first."""
    assert place.run("deliveries", "/mistyped").code == 2
    assert place.data("status")[-1]["feed"] == "deliveries /mistyped"
    refused = place.run("retire", "deliveries /mistyped")
    assert (refused.code, "Nothing of deliveries /mistyped" in refused.err, "?" in refused.err) == (2, True, False)


def test_source_without_address_is_passed_over(place: Place) -> None:
    """It is named with what to do; where no other source is left, that is a failure."""
    finished = place.run("run", "pleiades")
    assert finished.code == 2
    assert "pleiades/deliveries is passed over" in finished.err
    assert "dinamis harvest deliveries" in finished.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("run",), "--all"),
        (("run", FEED, "--all"), "--all"),
        (("run", ""), "--all"),
        (("run", "spot-67"), "spot-6-7-open"),
        (("run", "/openspot"), "spot-6-7-open"),
        (("run", "spot-6-7-open/"), "openspot"),
        (("run", "spot-6-7-open/geodes"), "openspot"),
        (("run", FEED, "--bbox", "9,41,-5,95"), "latitudes"),
        (("run", FEED, "--since", "2026-02-01", "--until", "2026-01-01"), "earlier than --until"),
        (("run", FEED, "--report", "run.txt"), ".html"),
        (("show", "999"), "harvest history"),
        (("cancel", "1"), "has ended already"),
        (("correct", "X", "eo:cloud_cover"), "FIELD VALUE"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_cannot_be_is_refused_with_what_can(place: Place, arguments: tuple[str, ...], reason: str) -> None:
    """A wrong argument ends with exit code 2 and says what is possible; nothing is harvested."""
    before = place.data("history")
    finished = place.run(*arguments)
    assert (finished.code, finished.out) == (2, "")
    assert reason in finished.err
    assert "Traceback" not in finished.err
    assert place.data("history") == before


@pytest.fixture(scope="module")
def renamed(place: Place) -> Place:
    """The same catalogue, and documents in which the source is called otherwise."""
    documents = place.dinamis.home / "renamed"
    shutil.copytree(place.collections, documents)
    document = documents / "spot-6-7-open.yaml"
    document.write_text(document.read_text("utf-8").replace("source: openspot", "source: openspot\n      name: ads"))
    return replace(place, collections=documents)


def test_source_that_no_document_names_any_more_is_told(place: Place, renamed: Place) -> None:
    """Its records are in force and nobody looks after them: `sources` and `status` say so, to a monitor too."""
    told = renamed.run("status")
    assert told.code == 1
    assert told.out.splitlines()[1].startswith(FEED)
    assert "succeeded, orphaned" in told.out
    assert f"no document names {FEED}: " in told.out
    (listed,) = [each for each in renamed.data("sources") if each["is_orphaned"]]
    assert (listed["feed"], listed["schedule"]) == (FEED, None)
    assert listed["records"] >= 39
    assert not any(each["is_orphaned"] for each in place.data("sources"))


def test_source_is_retired_once_no_document_names_it(place: Place, renamed: Place) -> None:
    """Tried, asked for, done and undone: its records go and come back, and the alarm of `status` with them."""
    refused = place.run("retire", FEED, "--yes")
    assert (refused.code, refused.out) == (2, "")
    assert f"spot-6-7-open.yaml names {FEED}" in refused.err
    tried = renamed.data("retire", FEED, "--dry-run")
    assert tried["withdrawn"] >= 40
    asked = renamed.run("retire", FEED)
    assert asked.code != 0
    assert "records of spot-6-7-open/openspot that are in force, and 1 in quarantine?" in asked.err
    retired = renamed.data("retire", "openspot", "--yes")
    assert (retired["kind"], retired["withdrawn"], retired["run"] is None) == ("retire", tried["withdrawn"], False)
    assert renamed.run("status").code == 0
    assert renamed.data("undo", str(retired["run"]), code=1)["new"] == retired["withdrawn"] - 1


def test_source_is_renamed_as_its_document_does(place: Place, renamed: Place) -> None:
    """Before the first harvest under the new name, which then finds everything known; and back again."""
    new = FEED.replace("/openspot", "/ads")
    place.account(FEED, code=1)
    refused = place.run("rename", FEED, new)
    assert (refused.code, f"spot-6-7-open.yaml still names {FEED}" in refused.err) == (2, True)
    done = renamed.data("rename", FEED, new)
    assert (done["kind"], done["feed"], done["read"], done["changed"]) == (
        "rename",
        new,
        done["changed"],
        done["items_written"],
    )
    account = renamed.account(new, "--full", code=1)
    assert (account["new"], account["changed"]) == (0, 0)
    assert account["unchanged"] >= 39
    assert place.data("rename", new, FEED)["changed"] == done["changed"]


def test_catalogue_is_backed_up_verified_and_restored(place: Place) -> None:
    """What was deleted by hand is told and mended from the ledger, or comes back with the backup."""
    backup = place.dinamis.home / "catalogue.dump"
    assert place.dinamis.run("db", "backup", backup).code == 0
    assert place.data("verify")["counts"] == {}
    before = _items(place)
    assert _items(place, "DELETE FROM pgstac.items WHERE collection = 'spot-6-7-open'") == 0

    told = place.run("verify", "spot-6-7-open")
    assert (told.code, len(re.findall(r"^missing\s+spot-6-7-open\s", told.out, re.MULTILINE))) == (1, before)
    assert "`--mend` mends what can be mended." in told.out
    mended = place.data("verify", "--mend")
    assert (mended["counts"], mended["left"]) == ({"missing": before}, 0)
    assert _items(place) == before

    _items(place, "DELETE FROM pgstac.items WHERE collection = 'spot-6-7-open'")
    refused = place.dinamis.run("db", "restore", backup)
    assert (refused.code, "--replace" in refused.err) == (2, True)
    assert place.dinamis.run("db", "restore", backup, "--replace").code == 0
    assert _items(place) == before
    assert place.data("verify")["counts"] == {}
    assert "there is no document of spot-9" in place.run("verify", "spot-9").err


def _items(place: Place, *statements: str) -> int:
    """How many Items there are in the collection, after these statements."""
    count = "SELECT count(*) FROM pgstac.items WHERE collection = 'spot-6-7-open'"
    each = [argument for statement in (*statements, count) for argument in ("-c", statement)]
    return int(place.dinamis.run("db", "shell", "--", "-qAt", *each).out)
