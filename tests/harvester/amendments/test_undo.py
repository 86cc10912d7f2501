"""Undoing runs on a real database: the catalogue is what it was before, whatever the run did."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from harvester.amendments import UndoRefused, correct_item, undo, undo_run
from harvester.errors import CatalogueError
from harvester.harvest import harvest
from harvester.record import RawRecord, SceneRecord, Withdrawal
from harvester.runs import Request, RunBusy, RunCancelled
from harvester.runs.report import HarvestReport
from harvester.sensors import Sensors
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Stock, feed_of, image, stock
from tests.harvests import counts, harvest_context, items, rows, timeless

__all__ = ["stock"]


def undo_in(stock: Stock, run: int | None, **watched: Any) -> HarvestReport:
    """Undo a run."""
    assert run is not None
    return undo_run(run, harvest_context(stock.database, HELD, COAST, ARCHIVE), **watched)


def catalogue(stock: Stock) -> dict[str, dict[str, Any]]:
    """All Items, apart from when they were written."""
    return {name: timeless(item) for name, item in items(stock.database).items()}


def states(stock: Stock) -> dict[str, str]:
    """How each record stands in the ledger."""
    return dict(rows(stock.database, "SELECT record, state FROM dinamis.source_record"))


def undone_runs(stock: Stock) -> set[int]:
    """The runs that are undone."""
    return {run for (run,) in rows(stock.database, "SELECT run FROM dinamis.undone")}


Before = tuple[dict[str, dict[str, Any]], dict[str, str]]


def changed_in_every_way(stock: Stock) -> tuple[HarvestReport, Before]:
    """A run that adds, changes, moves, withdraws, revives, refuses and mends records; and what there was before it."""
    stock.archive.records = {"z": image(1)}
    stock.harvest(stock.archive_feed)
    stock.held.records = {name: image(number) for number, name in enumerate("abcdef")}
    stock.held.records["q"] = image(20, problem="it is torn")
    stock.held.records["w"] = image(21)
    stock.harvest()
    stock.held.withdrawals = [Withdrawal(id="w", reason="sold")]
    del stock.held.records["w"]
    stock.harvest()

    stock.held.records |= {"a": image(0, cloud=77), "n": image(30), "q": image(20), "w": image(21, cloud=1)}
    stock.held.records |= {"c": image(1, job="JOB_2"), "r": image(31, problem="it is burnt")}
    stock.held.withdrawals = [Withdrawal(id=gone, reason="sold") for gone in ("b", "d")]
    for gone in ("b", "d"):
        del stock.held.records[gone]
    before = catalogue(stock), states(stock)
    report = stock.harvest()
    assert counts(report) == {"new": 3, "changed": 2, "unchanged": 2, "withdrawn": 2, "quarantined": 1}
    assert catalogue(stock) != before[0]
    return report, before


@pytest.mark.parametrize("page_size", [1, 2, 500])
def test_undone_run_leaves_the_catalogue_as_it_was(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    """Records that a run added, changed, moved, withdrew, revived, refused and mended are all put back."""
    monkeypatch.setattr(undo, "PAGE_SIZE", page_size)
    report, (before, ledger) = changed_in_every_way(stock)

    undone = undo_in(stock, report.run)

    assert catalogue(stock) == before
    assert {name: state for name, state in states(stock).items() if name in ledger} == ledger
    assert (states(stock)["n"], states(stock)["r"]) == ("withdrawn", "withdrawn")
    assert counts(undone) == {"new": 2, "changed": 2, "withdrawn": 3, "quarantined": 1}
    assert (undone.kind, undone.state, undone.read) == ("undo", "succeeded", 8)
    assert rows(stock.database, "SELECT undone_by FROM dinamis.undone WHERE run = %s", report.run) == [(undone.run,)]


@pytest.mark.parametrize("is_mended", [False, True])
def test_record_back_in_quarantine_has_the_reason_of_today(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, is_mended: bool
) -> None:
    """Why the reader of today refuses it; where it does not, that it was in quarantine before."""
    stock.held.records = {"q": image(problem="it is torn")}
    stock.harvest()
    stock.held.records = {"q": image()}
    run = stock.harvest().run
    scene_from_record = stock.held.scene_from_record

    def reads_all(raw: RawRecord, sensors: Sensors) -> SceneRecord:
        return scene_from_record(RawRecord(id=raw.id, content={**raw.content, "problem": None}), sensors)

    if is_mended:
        monkeypatch.setattr(stock.held, "scene_from_record", reads_all)
    undo_in(stock, run)
    stage, reason = ("build", f"before run {run}, which is undone: replay it") if is_mended else ("read", "it is torn")
    ((told_stage, told),) = rows(stock.database, "SELECT stage, reason FROM dinamis.source_record")
    assert told_stage == stage
    assert told.endswith(reason)


def test_undone_undo_has_the_run_again(stock: Stock) -> None:
    """An undo can be undone, and that again: each time the catalogue is what it was."""
    report, _ = changed_in_every_way(stock)
    after, ledger = catalogue(stock), states(stock)

    first = undo_in(stock, report.run)
    before = catalogue(stock)
    second = undo_in(stock, first.run)

    assert catalogue(stock) == after
    assert states(stock) == ledger
    assert undone_runs(stock) == {first.run}
    undo_in(stock, second.run)
    assert catalogue(stock) == before
    assert undone_runs(stock) == {report.run, second.run}
    with pytest.raises(UndoRefused, match=f"was undone by run {first.run}; to have it again, undo run {first.run}"):
        undo_in(stock, report.run)
    undo_in(stock, first.run)
    assert catalogue(stock) == after
    assert undone_runs(stock) == {first.run, second.run}


def test_run_is_undone_once(stock: Stock) -> None:
    """A second undo is refused with what to do, and so are runs that do not exist."""
    stock.held.records = {"a": image()}
    run = stock.harvest().run
    undone = undo_in(stock, run)
    with pytest.raises(UndoRefused, match=f"was undone by run {undone.run}; to have it again, undo run {undone.run}"):
        undo_in(stock, run)
    with pytest.raises(UndoRefused, match="no run 4711"):
        undo_in(stock, 4711)


def test_what_a_later_run_changed_is_left_alone_and_named(stock: Stock) -> None:
    """A record that a later run changed keeps what that one said; the report says so."""
    stock.held.records = {"a": image(), "b": image(1)}
    first = stock.harvest()
    stock.held.records["b"] = image(1, cloud=50)
    later = stock.harvest()

    undone = undo_in(stock, first.run)

    assert counts(undone) == {"withdrawn": 1}
    assert list(undone.warnings) == [f"b is left as it is: run {later.run} changed it since"]
    (item,) = catalogue(stock).values()
    assert item["properties"]["eo:cloud_cover"] == 50


def test_runs_are_undone_from_the_last_to_the_first(stock: Stock) -> None:
    """Records and places that a later run changed are put back once that run is undone too, and undone again."""
    anywhere = feed_of("held", None)
    stock.held.records = {"a": image(), "w": image(1)}
    stock.harvest(anywhere)
    formers, reports = [(catalogue(stock), standing(stock))], []
    for cloud, collection in ((1, COAST), (2, ARCHIVE), (3, HELD)):
        stock.held.records = {"a": image(cloud=cloud), "n": image(2, cloud=cloud), f"n{cloud}": image(2 + cloud)}
        stock.held.withdrawals = [Withdrawal(id="w", reason="sold")]
        reports.append(stock.harvest(anywhere, collection=collection, move=True))
        formers.append((catalogue(stock), standing(stock)))

    for report, before, after in reversed(list(zip(reports, formers, formers[1:], strict=False))):
        undone = undo_in(stock, report.run)
        assert (catalogue(stock), standing(stock), undone.warnings) == (*before, {})
        undo_in(stock, undone.run)
        assert (catalogue(stock), standing(stock)) == after
        undone = undo_in(stock, report.run)
        assert (catalogue(stock), standing(stock), undone.warnings) == (*before, {})


def test_first_harvest_that_is_undone_leaves_an_empty_catalogue(stock: Stock) -> None:
    """All Items go with the reason, and come back with the same id and age when they are harvested again."""
    stock.held.records = {"a": image(), "b": image(1)}
    run = stock.harvest().run
    before = items(stock.database)

    undone = undo_in(stock, run)

    assert items(stock.database) == {}
    assert undone.withdrawn == [("a", f"undone: run {run}"), ("b", f"undone: run {run}")]
    assert rows(stock.database, "SELECT DISTINCT reason FROM dinamis.tombstone") == [(f"undone: run {run}",)]
    assert counts(stock.harvest()) == {"new": 2}
    for name, item in items(stock.database).items():
        assert item["properties"]["created"] == before[name]["properties"]["created"]


def test_archive_says_again_that_the_image_is_not_held(stock: Stock) -> None:
    """Undoing a delivery takes its mark off the image of the archive."""
    stock.archive.records = {"z": image()}
    stock.harvest(stock.archive_feed)
    before = catalogue(stock)
    stock.held.records = {"a": image()}
    run = stock.harvest().run
    assert catalogue(stock) != before
    undo_in(stock, run)
    assert catalogue(stock) == before


def test_records_keep_their_feed(stock: Stock) -> None:
    """Two feeds of one source: each record that is put back stays with the feed that gave it."""
    other = feed_of("other", HELD, source="held", kind="held")
    stock.held.records = {"a": image(), "b": image(1), "c": image(2)}
    stock.harvest()
    stock.held.records = {name: {**said, "cloud": 1} for name, said in stock.held.records.items()}
    run = stock.harvest(other).run
    with stock.database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.source_record SET feed = %s WHERE record = 'b'", (stock.held_feed.name,))
    before = dict(rows(stock.database, "SELECT record, feed FROM dinamis.source_record"))

    undone = undo_in(stock, run)

    assert counts(undone) == {"changed": 3}
    assert rows(stock.database, "SELECT record, feed FROM dinamis.source_record ORDER BY 1") == sorted(before.items())
    assert {item["properties"]["eo:cloud_cover"] for item in catalogue(stock).values()} == {12.5}


def test_undo_that_is_killed_goes_on(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """An undo that stops between two pages is resumed by the next call, which gives the whole account."""
    monkeypatch.setattr(undo, "PAGE_SIZE", 2)
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    run = stock.harvest().run

    def stop(report: HarvestReport, _: object) -> None:
        if report.read:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        undo_in(stock, run, watch=stop)
    assert len(items(stock.database)) == 3

    undone = undo_in(stock, run)

    assert items(stock.database) == {}
    assert (counts(undone), undone.is_resumed) == ({"withdrawn": 5}, True)
    assert rows(stock.database, "SELECT state FROM dinamis.run WHERE kind = 'undo'") == [("succeeded",)]


def test_undo_that_is_cancelled_keeps_its_pages_and_goes_on(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cancelled undo stops at its next page; asked for again it goes on, and can be undone as one."""
    monkeypatch.setattr(undo, "PAGE_SIZE", 2)
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    run = stock.harvest().run

    def cancel(report: HarvestReport, _: object) -> None:
        with stock.database.connect("owner") as connection:
            connection.execute("UPDATE dinamis.run SET cancel_requested = true WHERE id = %s", (report.run,))

    with pytest.raises(RunCancelled):
        undo_in(stock, run, watch=cancel)
    assert len(items(stock.database)) == 3
    undone = undo_in(stock, run)
    assert (counts(undone), list(undone.warnings), items(stock.database)) == ({"withdrawn": 5}, [], {})
    undo_in(stock, undone.run)
    assert len(items(stock.database)) == 5


def test_undo_that_was_cancelled_is_undone_as_far_as_it_came(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records that it had not come to say what they are to say, and are not read again."""
    monkeypatch.setattr(undo, "PAGE_SIZE", 2)
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    run = stock.harvest().run
    with pytest.raises(RunCancelled):
        undo_in(stock, run, watch=stock.stopped("cancelled"))
    ((cancelled,),) = rows(stock.database, "SELECT undone_by FROM dinamis.undone")
    assert counts(undo_in(stock, cancelled)) == {"new": 2}


def test_unchanged_harvest_after_an_undo_is_unchanged(stock: Stock) -> None:
    """What is put back has the digest that its source gave it: the source saying that again is no change."""
    stock.held.records = {"a": image()}
    stock.harvest()
    with stock.database.connect("owner") as connection:
        # As of a source that knows which keys only say from where it looked.
        digest = "UPDATE dinamis.{} SET digest = sha256('elsewhere')"
        connection.execute(digest.format("source_record"))
        connection.execute(digest.format("record_version"))
    stock.held.records = {"a": image(cloud=3)}
    undo_in(stock, stock.harvest().run)
    digests = rows(stock.database, "SELECT digest = sha256('elsewhere') FROM dinamis.source_record")
    assert digests == [(True,)]


def test_what_the_source_took_back_goes_again_after_an_undo(stock: Stock) -> None:
    """An undo does not see a record at its source: what took it back before the undo takes it back after it."""
    stock.held.records = {"a": image()}
    stock.harvest()
    stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id="a", reason="revoked", at=datetime.now(UTC))]
    undo_in(stock, stock.harvest().run)
    assert items(stock.database).keys() == {image()["image"]}
    assert counts(stock.harvest()) == {"withdrawn": 1}


@pytest.mark.parametrize("times", [1, 3])
def test_changes_of_an_undone_run_are_asked_for_again(stock: Stock, times: int) -> None:
    """After an undo the source is asked for what changed since the last run that still counts, until one did."""
    stock.held.is_selectable = True
    stock.held.records = {"a": image()}
    stock.harvest()
    bad = stock.harvest()
    stock.harvest()
    undone = bad
    for _ in range(times):  # that an undo was undone, and this too, is an undo again
        undone = undo_in(stock, undone.run)
    starts = dict(rows(stock.database, "SELECT id, started_at FROM dinamis.run"))

    good = stock.harvest()
    stock.harvest()

    first, again = (selection.since for selection in stock.held.asked[-2:])
    assert first is not None
    assert again is not None
    assert first < starts[bad.run]
    assert (starts[min(starts)] - first).days == 1
    assert again > first
    assert good.run is not None


def test_harvest_amid_an_undo_does_not_count(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it saw may be undone after it: the next one asks for that again."""
    monkeypatch.setattr(undo, "PAGE_SIZE", 2)
    stock.held.is_selectable = True
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    bad = stock.harvest()

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        undo_in(stock, bad.run, watch=kill)
    stock.harvest()
    stock.harvest()
    assert stock.held.asked[-1].since is None
    undo_in(stock, bad.run)
    assert len(items(stock.database)) == 2

    stock.harvest()

    assert stock.held.asked[-1].since is None


def test_run_at_work_is_not_undone(stock: Stock) -> None:
    """Who wants to undo a run that has not ended is told how to wait for its end, or to cancel it."""
    stock.held.records = {"a": image()}
    run = stock.harvest().run
    with stock.database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.run SET state = 'running'")
    with pytest.raises(RunBusy, match=f"harvest cancel {run}"):
        undo_in(stock, run)


def test_item_goes_back_though_its_acquisition_has_another_in_a_third_collection(stock: Stock) -> None:
    """What stands in neither of the two does not hinder it."""
    stock.archive.records, stock.held.records = {"z": image()}, {"a": image()}
    anywhere = feed_of("held", None)
    stock.harvest(stock.archive_feed)
    stock.harvest(anywhere)
    before = {name: item["collection"] for name, item in items(stock.database).items()}
    moving = stock.harvest(anywhere, collection=COAST, move=True)
    assert moving.run is not None
    undo_in(stock, moving.run)
    assert {name: item["collection"] for name, item in items(stock.database).items()} == before


def test_record_comes_back_into_the_item_of_another_source_where_it_was(stock: Stock) -> None:
    """It was put into the collection of that one by the operator, and withdrawn by the run that is undone."""
    coast = feed_of("coast", COAST, kind="held")
    stock.held.records = {"c": {**image(), "image": "COAST"}}
    stock.harvest(coast)
    stock.held.records = {"a": image()}
    stock.harvest(ANYWHERE, collection=COAST)
    before = catalogue(stock)
    stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id="a", reason="sold")]
    undo_in(stock, stock.harvest(ANYWHERE).run)
    assert catalogue(stock) == before


def test_record_comes_back_where_it_was_though_a_withdrawn_item_has_its_name(stock: Stock) -> None:
    """Another source made that Item once, in another collection, of the same acquisition."""
    coast, other = feed_of("coast", COAST, kind="held"), feed_of("other", HELD, kind="held")
    named = {**image(), "image": "COAST"}
    stock.held.records = {"c": named}
    stock.harvest(coast)
    stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id="c", reason="sold")]
    stock.harvest(coast)
    stock.held.withdrawals = []
    for feed, said in ((other, image()), (ANYWHERE, image()), (ANYWHERE, named)):
        stock.held.records = {"a": said}
        stock.harvest(feed)
    before = catalogue(stock)
    stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id="a", reason="sold")]
    undo_in(stock, stock.harvest(ANYWHERE).run)
    assert catalogue(stock) == before


ANYWHERE = feed_of("held", None)


def moved(stock: Stock) -> tuple[HarvestReport, Before]:
    """A run that moves Items of two collections to a third; one record changes, one comes back; and what was before."""
    stock.held.records = {"e": image(4)}
    stock.harvest(ANYWHERE, collection=ARCHIVE)
    stock.held.records |= {name: image(number) for number, name in enumerate("abcw")}
    stock.harvest(ANYWHERE)
    stock.held.withdrawals = [Withdrawal(id="w", reason="sold")]
    del stock.held.records["w"]
    stock.harvest(ANYWHERE)
    stock.held.withdrawals = []
    before = catalogue(stock), places(stock)
    assert before[1] == {"a": HELD, "b": HELD, "c": HELD, "e": ARCHIVE, "w": HELD}
    stock.held.records |= {"a": image(0, cloud=77), "w": image(3)}
    report = stock.harvest(ANYWHERE, collection=COAST, move=True)
    assert set(places(stock).values()) == {COAST}
    return report, before


def standing(stock: Stock) -> dict[str, str]:
    """To which collection the Item of each active record belongs."""
    return {name: place for name, place in places(stock).items() if states(stock)[name] == "active"}


def places(stock: Stock) -> dict[str, str]:
    """To which collection the Item of each record belongs, in the catalogue or withdrawn."""
    query = "SELECT record, collection FROM dinamis.source_record AS known JOIN dinamis.item ON item.id = known.item"
    return dict(rows(stock.database, query))


@pytest.mark.parametrize("page_size", [1, 500])
def test_items_that_a_run_moved_go_back(stock: Stock, monkeypatch: pytest.MonkeyPatch, page_size: int) -> None:
    """Each goes back to where it was, a withdrawn one too, and with another undo to where it had been moved."""
    monkeypatch.setattr(undo, "PAGE_SIZE", page_size)
    report, before = moved(stock)
    after = catalogue(stock), places(stock)

    undone = undo_in(stock, report.run)

    assert (catalogue(stock), places(stock)) == before
    assert counts(undone) == {"changed": 1, "withdrawn": 1}
    assert set(rows(stock.database, "SELECT collection, reason FROM dinamis.tombstone")) == {
        (HELD, "sold"),
        (COAST, f"it was moved to {ARCHIVE}"),
        (COAST, f"it was moved to {HELD}"),
        (COAST, f"undone: run {report.run}"),
    }
    undo_in(stock, undone.run)
    assert (catalogue(stock), places(stock)) == after


def test_items_that_cannot_go_back_stay_and_are_named(stock: Stock) -> None:
    """One that a later run moved again, one whose place is taken by now, and one that cannot be read any more.

    One of which the place was taken only for a while goes back.
    """
    report, _ = moved(stock)
    stock.held.records = {"b": image(1)}
    later = stock.harvest(ANYWHERE, collection=HELD, move=True)
    stock.archive.records = {"y": image(), "z": image(2)}
    stock.harvest(feed_of("archive", HELD))
    del stock.archive.records["y"]
    stock.archive.withdrawals = [Withdrawal(id="y", reason="sold")]
    stock.harvest(feed_of("archive", HELD))
    stock.held.torn = {"e"}
    undone = undo_in(stock, report.run)

    b, c, e = (image(number)["image"] for number in (1, 2, 4))
    assert set(undone.warnings) == {
        f"{b} stays in {HELD}: run {later.run} moved it since",
        f"{c} stays in {COAST}: ARCHIVE-{c} is the Item of its acquisition in {HELD}",
        f"{e} stays where it is: another record of its acquisition is not readable any more: it is torn",
    }
    assert places(stock) == {"a": HELD, "b": HELD, "c": COAST, "e": COAST, "w": HELD, "y": HELD, "z": HELD}


@pytest.mark.parametrize("is_first_run_first", [True, False])
def test_runs_that_moved_items_at_once_are_undone_in_the_order_of_their_moves(
    stock: Stock, is_first_run_first: bool
) -> None:
    """The run that began first moves one Item before the other run does, one after it, and one before and after it."""
    stock.held.records = {"a": image(0), "b": image(1), "c": image(1, job="JOB_2"), "d": image(2)}
    stock.harvest(ANYWHERE)
    stock.held.page_size = 2
    nearby = feed_of("nearby", None, source="held", kind="held")
    runs: list[int | None] = []

    def move_all_meanwhile(report: HarvestReport, _: object) -> None:
        if report.outcomes.total() and not runs:
            runs[:] = report.run, stock.harvest(nearby, collection=ARCHIVE, move=True).run

    request = Request(collection=COAST, move=True)
    harvest(ANYWHERE, harvest_context(stock.database, HELD, COAST, ARCHIVE), request, move_all_meanwhile)
    assert places(stock) == {"a": ARCHIVE, "b": COAST, "c": COAST, "d": COAST}
    first, second = runs

    if is_first_run_first:
        undone = undo_in(stock, first)
        assert list(undone.warnings) == [f"{image(0)['image']} stays in {ARCHIVE}: run {second} moved it since"]
        assert set(places(stock).values()) == {ARCHIVE}
        undo_in(stock, second)
    else:
        undone = undo_in(stock, second)
        assert list(undone.warnings) == [
            f"{image(number)['image']} stays in {COAST}: run {first} moved it since" for number in (1, 2)
        ]
        assert set(places(stock).values()) == {COAST}
        undo_in(stock, first)
    assert set(places(stock).values()) == {HELD}


def test_run_that_corrected_an_item_is_not_undone(stock: Stock) -> None:
    """A correction is none of the records of a source: the message says how it is taken off."""
    stock.held.records = {"a": image()}
    stock.harvest()
    correct_item(
        harvest_context(stock.database, HELD, COAST, ARCHIVE), image()["image"], "eo:cloud_cover", 85, "seen", "me"
    )
    corrected = catalogue(stock)
    ((run,),) = rows(stock.database, "SELECT id FROM dinamis.run WHERE kind = 'correct'")
    with pytest.raises(UndoRefused, match="--remove FIELD"):
        undo_in(stock, run)
    assert undone_runs(stock) == set()
    assert catalogue(stock) == corrected


def test_undone_half_of_a_run_is_not_gone_on_with(stock: Stock) -> None:
    """A run that failed on its way and is undone begins anew at the next harvest: nothing is left out."""
    stock.held.page_size, stock.held.fails_after = 1, 2
    stock.held.records = {name: image(number) for number, name in enumerate("abc")}
    with pytest.raises(Exception, match="went away"):
        stock.harvest()
    ((run,),) = rows(stock.database, "SELECT id FROM dinamis.run")
    assert counts(undo_in(stock, run)) == {"withdrawn": 2}
    stock.held.fails_after = None
    assert counts(stock.harvest()) == {"new": 3}
    assert len(items(stock.database)) == 3


def test_versions_that_are_not_kept_any_more_cannot_be_put_back(stock: Stock) -> None:
    """A record of which the version before is forgotten stays as it is, and the report says so; another goes back."""
    stock.held.records = {"a": image(), "b": image(1)}
    stock.harvest()
    stock.held.records["b"] = image(1, cloud=1)
    stock.harvest()
    stock.held.records = {"a": image(cloud=2), "b": image(1, cloud=2)}
    run = stock.harvest().run
    with stock.database.connect("owner") as connection:
        connection.execute("DELETE FROM dinamis.record_version WHERE version = 1")
    undone = undo_in(stock, run)
    assert counts(undone) == {"changed": 1}
    assert list(undone.warnings) == [f"a is left as it is: what it said before run {run} is not kept any more"]
    assert [item["properties"]["eo:cloud_cover"] for _, item in sorted(catalogue(stock).items())] == [2, 1]


def test_what_was_said_long_ago_outlasts_undos(stock: Stock) -> None:
    """What undos put back, and what is undone, does not push out of the ledger what a record said before."""
    stock.held.records = {"a": image()}
    stock.harvest()
    before = catalogue(stock)
    with stock.database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.record_version SET stored_at = stored_at - interval '100 days'")
    stock.held.records = {"a": image(cloud=2)}
    undone = stock.harvest()
    for _ in range(3):
        undone = undo_in(stock, undone.run)
    assert (catalogue(stock), undone.warnings) == (before, {})


def test_database_that_refuses_a_page_of_an_undo_is_told_clearly(stock: Stock) -> None:
    """An error of the database is one of ours, and nothing of the page is written."""
    stock.held.records = {"a": image()}
    run = stock.harvest().run
    with stock.database.connect("owner") as connection:
        connection.execute("ALTER TABLE dinamis.tombstone ADD CHECK (item = 'no')")
    with pytest.raises(CatalogueError, match="refused a page") as refused:
        undo_in(stock, run)
    assert isinstance(refused.value.__cause__, psycopg.errors.CheckViolation)
    assert len(items(stock.database)) == 1
