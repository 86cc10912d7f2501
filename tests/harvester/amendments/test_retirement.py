"""Retiring sources on a real database: what they gave goes, what others know stays, and all of it can be had back."""

from __future__ import annotations

from typing import Any

import pytest

from harvester.amendments import RetirementRefused, retire_source, retirement, undo_run
from harvester.collection_model import WithdrawalRules
from harvester.feeds import Feed
from harvester.runs import Request, RunBusy, RunCancelled, begin, end
from harvester.runs.report import HarvestReport
from harvester.sources.source import Selection
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Stock, feed_of, image, stock
from tests.harvests import counts, harvest_context, items, rows, timeless

__all__ = ["stock"]

OTHER = feed_of("other", HELD, kind="held")
REASON = "its source was retired"


def retire(stock: Stock, name: str = f"{HELD}/held", **how: Any) -> HarvestReport:
    """Retire a source that no document names."""
    return retire_source(name, harvest_context(stock.database, HELD, COAST, ARCHIVE), **how)


def undo(stock: Stock, run: int | None) -> HarvestReport:
    """Undo a run, without any document of its source."""
    assert run is not None
    return undo_run(run, harvest_context(stock.database, HELD, COAST, ARCHIVE))


def catalogue(stock: Stock) -> dict[str, dict[str, Any]]:
    """All Items, apart from when they were written."""
    return {name: timeless(item) for name, item in items(stock.database).items()}


def states(stock: Stock) -> dict[str, str]:
    """How each record stands in the ledger."""
    return dict(rows(stock.database, "SELECT source || ' ' || record, state FROM dinamis.source_record"))


def in_every_way(stock: Stock) -> None:
    """Items of one source alone, of two, of two records, one that the archive has too, and one in quarantine."""
    stock.archive.records = {"y": image(2), "z": image(1)}
    stock.harvest(stock.archive_feed)
    stock.held.records = {"b": image(1, cloud=2, job="JOB_2"), "o": image(9)}
    stock.harvest(OTHER)
    stock.held.records = {"a": image(), "a2": image(0, job="JOB_2"), "b": image(1), "c": image(2)}
    stock.held.records["q"] = image(20, problem="it is torn")
    stock.harvest()


@pytest.mark.parametrize("page_size", [1, 2, 500])
def test_records_go_and_items_that_others_know_stay(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    """All records of the source are withdrawn with the reason; an Item of two sources says what the other one says."""
    monkeypatch.setattr(retirement, "PAGE_SIZE", page_size)
    in_every_way(stock)
    before, ledger = catalogue(stock), states(stock)
    a, b, c, o = (image(number)["image"] for number in (0, 1, 2, 9))
    assert before[b]["properties"]["dinamis:source"] == ["held", "other"]

    tried = retire(stock, dry_run=True)
    assert (catalogue(stock), states(stock)) == (before, ledger)
    retired = retire(stock)

    after = catalogue(stock)
    assert after.keys() == {b, o, f"ARCHIVE-{b}", f"ARCHIVE-{c}"}
    assert [after[f"ARCHIVE-{name}"]["properties"]["dinamis:held"] for name in (b, c)] == [True, False]
    assert after[b]["properties"]["dinamis:source"] == ["other"]
    assert after[b]["properties"]["eo:cloud_cover"] == 2
    assert len(after[b]["assets"]) < len(before[b]["assets"])
    assert (after[o], after[f"ARCHIVE-{b}"]) == (before[o], before[f"ARCHIVE-{b}"])
    assert counts(retired) == counts(tried) == {"withdrawn": 5}
    assert (retired.items_removed, retired.items_written) == (tried.items_removed, tried.items_written) == (2, 2)
    changes = {(a, "withdrawn"), (b, "changed"), (c, "withdrawn"), (f"ARCHIVE-{c}", "changed")}
    assert {(each.item, each.kind) for each in tried.changes} == changes
    assert set(retired.withdrawn) == {(name, REASON) for name in ("a", "a2", "b", "c", "q")}
    assert {name for name, state in states(stock).items() if state == "withdrawn"} == {
        f"held {name}" for name in ("a", "a2", "b", "c", "q")
    }
    assert rows(stock.database, "SELECT item, reason FROM dinamis.tombstone ORDER BY item") == [
        (a, REASON),
        (c, REASON),
    ]

    assert counts(undo(stock, retired.run)) == {"new": 4, "quarantined": 1}
    assert (catalogue(stock), states(stock)) == (before, ledger)


def test_grace_begins_anew_when_a_retirement_is_undone(stock: Stock) -> None:
    """A record that was missed before is back in force, and goes only after it was missed for long enough again."""
    feed = feed_of("held", HELD, withdrawals=WithdrawalRules(grace_days=10, max_share=1))
    days_pass = "UPDATE dinamis.source_record SET absent_since = absent_since - interval '20 days'"
    stock.held.records = {"a": image(), "b": image(1)}
    stock.harvest(feed)
    del stock.held.records["b"]
    assert stock.harvest(feed).absent == 1
    with stock.database.connect("owner") as connection:
        connection.execute(days_pass)
    undo(stock, retire(stock).run)
    missed = stock.harvest(feed)
    assert (counts(missed), missed.absent) == ({"unchanged": 1}, 1)
    with stock.database.connect("owner") as connection:
        connection.execute(days_pass)
    assert counts(stock.harvest(feed)) == {"unchanged": 1, "withdrawn": 1}


def test_retirement_of_a_collection_that_has_no_document_any_more(stock: Stock) -> None:
    """Neither its source nor the collection itself need be known to the documents."""
    coast = feed_of("coast", COAST, kind="held")
    stock.held.records = {"a": image()}
    stock.harvest(coast)
    retired = retire_source("coast", harvest_context(stock.database, HELD))
    assert (retired.feed, counts(retired), catalogue(stock)) == (coast.name, {"withdrawn": 1}, {})


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_retirement_that_is_stopped_goes_on(stock: Stock, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """Asked for again it resumes its own run, which is undone as one."""
    monkeypatch.setattr(retirement, "PAGE_SIZE", 2)
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    stock.harvest()
    before = catalogue(stock)

    with pytest.raises((KeyboardInterrupt, RunCancelled)):
        retire(stock, watch=stock.stopped(how))
    assert len(catalogue(stock)) == 3

    retired = retire(stock)

    assert (counts(retired), retired.is_resumed, catalogue(stock)) == ({"withdrawn": 5}, True, {})
    assert rows(stock.database, "SELECT id, state FROM dinamis.run WHERE kind = 'retire'") == [
        (retired.run, "succeeded")
    ]
    undo(stock, retired.run)
    assert catalogue(stock) == before


def test_retirement_that_was_killed_before_its_end_comes_to_it(stock: Stock) -> None:
    """All its pages were written, only that it has ended was not: it does so when it is asked for again, and once."""
    stock.held.records = {"a": image()}
    stock.harvest()
    run = retire(stock).run
    with stock.database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.run SET state = 'running' WHERE id = %s", (run,))
    assert counts(retire(stock, dry_run=True)) == {}
    again = retire(stock)
    assert (again.run, counts(again), again.state) == (run, {"withdrawn": 1}, "succeeded")


@pytest.mark.parametrize("dry_run", [False, True])
def test_source_of_which_nothing_is_left_is_not_retired(stock: Stock, dry_run: bool) -> None:
    """Who only tries is told so too."""
    stock.held.records = {"a": image()}
    stock.harvest()
    retire(stock)
    with pytest.raises(RetirementRefused, match="Nothing of"):
        retire(stock, dry_run=dry_run)


def test_retired_source_that_is_named_again_is_asked_for_everything(stock: Stock) -> None:
    """What changed since the last good run would not bring back what was withdrawn since; undone, it is all there."""
    stock.held.is_selectable = True
    stock.held.records = {"a": image()}
    stock.harvest()
    before = items(stock.database)
    undo(stock, retire(stock).run)
    stock.harvest()
    assert stock.held.asked[-1].since is not None
    retire(stock)
    assert counts(stock.harvest()) == {"new": 1}
    assert stock.held.asked[-1].since is None
    (name,) = before
    assert items(stock.database)[name]["properties"]["created"] == before[name]["properties"]["created"]


def test_source_that_cannot_be_retired_is_refused_with_what_to_do(stock: Stock) -> None:
    """One that a document names, none, one of several, and one of which a run has not ended."""
    named, other = feed_of("oneatlas", ARCHIVE, kind="held"), feed_of("held", COAST)
    stock.held.records = {"a": image()}
    stock.harvest(named)
    for name in (named.name, "oneatlas"):
        with pytest.raises(RetirementRefused, match=f"{ARCHIVE}.yaml names {named.name}.*take it out"):
            retire(stock, name)
    with pytest.raises(RetirementRefused, match="knows no source nothing: `dinamis harvest status`"):
        retire(stock, "nothing")
    stock.harvest()
    stock.harvest(other)
    with pytest.raises(RetirementRefused, match=f"say {COAST}/held or {HELD}/held"):
        retire(stock, "held")
    with stock.database.connect("owner") as connection:
        run = begin(connection, stock.held_feed, Request(), [Selection()], is_everything=True)
        with pytest.raises(RunBusy, match=f"dinamis harvest cancel {run.id}"):
            retire(stock)
        end(connection, run.id, "cancelled")
    assert "withdrawn" not in states(stock).values()


def test_source_of_one_document_is_retired_where_another_one_does_not_name_it(stock: Stock) -> None:
    """Its name alone tells which one is meant: what a document names is not to be retired."""
    named, orphan = (feed_of("oneatlas", collection, kind="held") for collection in (ARCHIVE, COAST))
    stock.held.records = {"a": image()}
    stock.harvest(named)
    stock.held.records = {"c": image(3)}
    stock.harvest(orphan)
    assert retire(stock, "oneatlas").feed == orphan.name
    assert states(stock) == {"oneatlas a": "active", "oneatlas c": "withdrawn"}


def test_record_without_which_an_item_cannot_be_built_stays(stock: Stock) -> None:
    """Another record of its Item is not readable any more: nothing of that Item changes, and the account says why."""
    stock.held.records = {"b": image(1, job="JOB_2")}
    stock.harvest(OTHER)
    stock.held.records = {"a": image(), "b": image(1)}
    stock.harvest()
    before = catalogue(stock)[image(1)["image"]]
    stock.held.torn = {"b"}
    retired = retire(stock)
    assert counts(retired) == {"withdrawn": 1, "quarantined": 1}
    assert "without it its Item cannot be built" in retired.refusals[0].reason
    assert catalogue(stock) == {image(1)["image"]: before}


def test_place_of_the_command_line_is_retired_by_its_name(stock: Stock) -> None:
    """No document ever named it: it is no orphan, and goes when that is asked for."""
    place = Feed(**{**stock.held_feed.__dict__, "name": "held /mnt/old", "collection": None})
    stock.held.records = {"a": image()}
    stock.harvest(place)
    assert counts(retire(stock, place.name)) == {"withdrawn": 1}
