"""Amendments that were stopped on their way: `dinamis harvest status` has the command that resumes each."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from cli import main
from harvester.amendments import (
    amendment_run,
    correct_item,
    quarantine,
    rename_source,
    renaming,
    replay_quarantine,
    retire_source,
    retirement,
    undo,
    undo_run,
)
from harvester.collection_documents import default_collections_directory
from harvester.errors import CatalogueError
from harvester.harvest_context import HarvestContext
from harvester.jobs import queue
from harvester.jobs.queue import enqueue_harvest, job_queue
from harvester.runs import Request
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.registry import SOURCES
from tests.harvester.amendments.test_quarantine import MendedSource
from tests.harvester.amendments.test_renaming import NEW, OLD, house, the_feed
from tests.harvester.invented_source import HELD, Stock, image, stock
from tests.harvests import harvest_context, rows

__all__ = ["stock"]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    """A folder with one document, which names the source by its old name and by its new one."""
    folder = tmp_path / "documents"
    shutil.copytree(default_collections_directory() / "sensors", folder / "sensors")
    write_document(folder, "host", "centre")
    return folder


def write_document(folder: Path, *names: str) -> None:
    """Let the document of the collection name these sources."""
    document = yaml.safe_load((default_collections_directory() / f"{HELD}.yaml").read_text("utf-8"))
    document["harvest"]["sources"] = [
        {"source": "geodes", "name": name, "options": {"collections": ["A"]}} for name in names
    ]
    (folder / f"{HELD}.yaml").write_text(json.dumps(document), "utf-8")


@pytest.fixture(autouse=True)
def harvested(stock: Stock, documents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five records that were harvested, pages of two, and commands that know the catalogue."""
    monkeypatch.setitem(SOURCES, "geodes", stock.held)
    for amendment in (undo, retirement, renaming, quarantine):
        monkeypatch.setattr(amendment, "PAGE_SIZE", 2)
    monkeypatch.setenv("DINAMIS_DATABASE_URL", stock.database.conninfo("owner"))
    monkeypatch.setenv("DINAMIS_HARVEST_DATABASE_URL", stock.database.conninfo("harvest"))
    monkeypatch.setenv("DINAMIS_COLLECTIONS", str(documents))
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    stock.harvest(the_feed("host"))


def amend(kind: str, stock: Stock, watch: Watcher = nobody_watches) -> None:
    """Undo, retire, rename or replay what was harvested."""
    place: HarvestContext = house(stock, centre="geodes")
    if kind == "rename":
        rename_source(OLD, NEW, place, watch)
    elif kind == "retire":
        retire_source(OLD, place, watch=watch)
    elif kind == "replay":
        replay_quarantine(place, {OLD: the_feed("host")}, watch=watch)
    else:
        undo_run(1, place, watch)


def kill(*_: object) -> None:
    """End the process, wherever it is."""
    raise KeyboardInterrupt


def left_in_quarantine(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three records that were refused, and a reader that copes with them by now."""
    stock.held.records |= {f"torn {number}": image(number, problem="it is torn") for number in (11, 12, 13)}
    stock.harvest(the_feed("host"))
    monkeypatch.setitem(SOURCES, "geodes", MendedSource(records=stock.held.records))


def runs(stock: Stock) -> list[tuple[str, str]]:
    """Kind and state of each run after the first harvest."""
    return rows(stock.database, "SELECT kind, state FROM dinamis.run WHERE id > 1 ORDER BY id")


def dinamis(*arguments: str) -> Result:
    """A command."""
    return CliRunner().invoke(main, arguments)


def told(stock: Stock, feed: str, *, minutes: int = 0) -> dict[str, Any]:
    """What the status says of the feed so many minutes after that was left; its exit code is that of the feed."""
    for column, table in (("started_at", "run"), ("heartbeat_at", "run_part")):
        change = f"UPDATE dinamis.{table} SET {column} = {column} - make_interval(mins => %s) RETURNING 1"
        rows(stock.database, change, minutes)
    asked = dinamis("harvest", "status", "--json")
    assert asked.exit_code < 2, asked.output
    (status,) = [each for each in json.loads(asked.stdout) if each["feed"] == feed]
    assert asked.exit_code == status["is_amiss"], asked.output
    assert isinstance(status, dict)
    return status


@pytest.mark.parametrize(
    ("kind", "feed", "command"),
    [
        ("undo", OLD, "dinamis harvest undo 1"),
        ("retire", OLD, f"dinamis harvest retire {OLD}"),
        ("rename", NEW, f"dinamis harvest rename {OLD} {NEW}"),
    ],
)
def test_killed_amendment_is_told_until_it_is_gone_on_with(
    stock: Stock, documents: Path, kind: str, feed: str, command: str
) -> None:
    """The command that the status gives resumes the same run, and ends the alarm."""
    at_work: list[dict[str, Any]] = []

    def kill(*_: object) -> None:
        at_work.extend(told(stock, feed)["at_work"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        amend(kind, stock, kill)
    assert [(part["run"], part["kind"]) for part in at_work] == [(2, kind)]
    assert told(stock, feed)["left_amendments"] == []  # its process may only have lost its connection

    if kind == "retire":
        assert told(stock, feed, minutes=2)["left_amendments"] == []  # named again, it is not to be retired any more
        write_document(documents, "centre")
    (left,) = told(stock, feed, minutes=2)["left_amendments"]
    assert (left["run"], left["kind"], left["state"], left["command"]) == (2, kind, "running", command)
    screen = dinamis("harvest", "status", "--all").stdout
    assert f"{kind} interrupted" in screen
    assert f"{command} resumes run 2, interrupted" in screen

    gone_on = dinamis(*shlex.split(command)[1:], *(["--yes"] if kind == "retire" else []))
    assert gone_on.exit_code == 0, gone_on.output
    assert rows(stock.database, "SELECT id, state FROM dinamis.run") == [(1, "succeeded"), (2, "succeeded")]
    assert told(stock, feed)["left_amendments"] == []


def test_amendment_that_failed_is_told_until_it_is_cancelled(stock: Stock) -> None:
    """With its reason, at once; cancelled it is no alarm, and still goes on when it is asked for."""

    def fail(*_: object) -> None:
        raise CatalogueError("the disk is full")

    with pytest.raises(CatalogueError):
        amend("undo", stock, fail)
    status = told(stock, OLD)
    (left,) = status["left_amendments"]
    assert (status["is_amiss"], left["state"], left["run"]) == (True, "failed", 2)
    why = "The catalogue could not be written. the disk is full"
    assert f"dinamis harvest undo 1 resumes run 2, failed: {why}" in dinamis("harvest", "status", "--all").stdout

    assert dinamis("harvest", "cancel", "2").exit_code == 0
    assert told(stock, OLD)["left_amendments"] == []
    amend("undo", stock)
    assert rows(stock.database, "SELECT id, state FROM dinamis.run") == [(1, "succeeded"), (2, "succeeded")]


def test_failed_amendment_that_was_undone_is_no_alarm(stock: Stock, documents: Path) -> None:
    """What it had done is put back: there is nothing to go on with."""
    write_document(documents, "centre")

    def fail(*_: object) -> None:
        raise CatalogueError("the disk is full")

    with pytest.raises(CatalogueError):
        amend("retire", stock, fail)
    assert told(stock, OLD)["left_amendments"] != []
    undo_run(2, harvest_context(stock.database, HELD))
    assert told(stock, OLD)["left_amendments"] == []


def test_killed_replay_is_told_until_another_reads_the_rest(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it read is not read again, and it is no run that is not at its end any more."""
    left_in_quarantine(stock, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        amend("replay", stock, kill)
    (left,) = told(stock, OLD, minutes=2)["left_amendments"]
    assert (left["run"], left["command"]) == (3, f"dinamis harvest quarantine replay --feed {OLD}")

    gone_on = dinamis(*shlex.split(left["command"])[1:], "--json")

    assert (gone_on.exit_code, json.loads(gone_on.stdout)["new"]) == (0, 1), gone_on.output
    assert runs(stock) == [("harvest", "succeeded"), ("replay", "failed"), ("replay", "succeeded")]
    assert told(stock, OLD)["left_amendments"] == []


@pytest.mark.parametrize(("kind", "feed"), [("undo", OLD), ("retire", OLD), ("rename", NEW), ("replay", OLD)])
def test_amendment_that_is_killed_before_it_published_is_told(
    stock: Stock, documents: Path, monkeypatch: pytest.MonkeyPatch, kind: str, feed: str
) -> None:
    """All pages are written, but the Collections do not say so: that too is left to do, and done by the command."""
    write_document(documents, "centre")
    if kind == "replay":
        left_in_quarantine(stock, monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(amendment_run, "publish_changes", kill)
        with pytest.raises(KeyboardInterrupt):
            amend(kind, stock)
    deferred = "SELECT query FROM pgstac.query_queue"
    assert rows(stock.database, deferred)

    (left,) = told(stock, feed, minutes=2)["left_amendments"]
    gone_on = dinamis(*shlex.split(left["command"])[1:], *(["--yes"] if kind == "retire" else []))

    assert gone_on.exit_code == 0, gone_on.output
    assert not rows(stock.database, deferred)
    assert {state for _, state in runs(stock)} == {"succeeded"}
    assert told(stock, feed)["left_amendments"] == []


def test_renaming_that_is_killed_before_the_queue_knows_of_it_is_told(
    stock: Stock, documents: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Harvests that wait under the old name are renamed by the command that resumes it."""
    write_document(documents, "centre")
    with job_queue(stock.database.conninfo("harvest")).open() as jobs:
        enqueue_harvest(jobs, the_feed("host"), Request(is_full=True))
    with monkeypatch.context() as patch:
        patch.setattr(queue, "rename_waiting", kill)
        assert dinamis("harvest", "rename", OLD, NEW).exit_code == 130

    (left,) = told(stock, NEW, minutes=2)["left_amendments"]
    assert waiting(stock) == [OLD]
    gone_on = dinamis(*shlex.split(left["command"])[1:])

    assert gone_on.exit_code == 0, gone_on.output
    assert waiting(stock) == [NEW]
    assert told(stock, NEW)["left_amendments"] == []


def waiting(stock: Stock) -> list[str]:
    """The feeds of which harvests wait in the queue."""
    return [feed for (feed,) in rows(stock.database, "SELECT args->>'feed' FROM dinamis_jobs.procrastinate_jobs")]


def test_retirement_goes_on_though_an_item_was_corrected_meanwhile(stock: Stock, documents: Path) -> None:
    """A correction says nothing of the records of the source."""
    write_document(documents, "centre")
    with pytest.raises(KeyboardInterrupt):
        amend("retire", stock, kill)
    correct_item(harvest_context(stock.database, HELD), image(4)["image"], "eo:snow_cover", 7, "seen", "me")

    amend("retire", stock)

    assert runs(stock) == [("retire", "succeeded"), ("correct", "succeeded")]


def test_retirement_begins_anew_where_records_came_meanwhile(stock: Stock, documents: Path) -> None:
    """Records that it had passed are withdrawn too, and the retirement that was killed is not told of any more."""
    write_document(documents, "centre")
    with pytest.raises(KeyboardInterrupt):
        amend("retire", stock, kill)
    stock.harvest(the_feed("host"))

    amend("retire", stock)

    assert runs(stock) == [("retire", "failed"), ("harvest", "succeeded"), ("retire", "succeeded")]
    assert rows(stock.database, "SELECT DISTINCT state FROM dinamis.source_record") == [("withdrawn",)]
    assert told(stock, OLD)["left_amendments"] == []
