"""Renaming sources on a real database: the next harvest finds every record known, and nothing says the old name."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from harvester import catalogue as catalogue_writing
from harvester.amendments import (
    NotInQuarantine,
    RenamingRefused,
    UndoRefused,
    correct_item,
    rename_source,
    renaming,
    replay_quarantine,
    undo_run,
)
from harvester.collection_documents import CollectionDocuments
from harvester.collection_model import Harvest, SourceChoice
from harvester.feeds import Feed
from harvester.harvest import harvest
from harvester.harvest_context import HarvestContext
from harvester.record import Withdrawal
from harvester.runs import Request, RunBusy, RunCancelled, begin, end
from harvester.runs.report import HarvestReport
from harvester.sources.registry import SOURCES
from harvester.sources.source import Selection
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Stock, feed_of, image, stock
from tests.harvester.jobs.workshop import wait_until
from tests.harvester.runs.test_source_states import Telling
from tests.harvester.stereo.passes import SETS, Holdings, holdings, pass_over
from tests.harvests import counts, harvest_context, items, rows, timeless

__all__ = ["holdings", "stock"]

OLD, NEW = f"{HELD}/host", f"{HELD}/centre"


def house(stock: Stock | Holdings, **sources: str) -> HarvestContext:
    """The catalogue, and documents of its collections; that of what is held names these sources (name -> kind)."""
    shipped = harvest_context(stock.database, HELD, COAST, ARCHIVE, *(SETS if isinstance(stock, Holdings) else ()))
    choices = [SourceChoice.model_validate({"source": kind, "name": name}) for name, kind in sources.items()]
    content = shipped.documents[HELD].content.model_copy(update={"harvest": Harvest(sources=choices)})
    ours = {**shipped.documents, HELD: replace(shipped.documents[HELD], content=content)}
    return replace(shipped, documents=CollectionDocuments(ours.values()))


def rename(stock: Stock, **how: Any) -> HarvestReport:
    """Rename the source as its document does."""
    return rename_source(OLD, NEW, house(stock, centre="geodes"), **how)


def take(stock: Stock, name: str, **request: Any) -> HarvestReport:
    """Harvest the source under a name."""
    return harvest(the_feed(name), house(stock, **{name: "geodes"}), Request(**request))


def the_feed(name: str, collection: str | None = HELD) -> Feed:
    """The feed of the source under a name."""
    return feed_of(name, collection, kind="geodes")


@pytest.fixture(autouse=True)
def registered(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source of what is held has the kind of one that documents may name."""
    monkeypatch.setitem(SOURCES, "geodes", stock.held)


def catalogue(stock: Stock) -> dict[str, dict[str, Any]]:
    """All Items, apart from when they were written."""
    return {name: timeless(item) for name, item in items(stock.database).items()}


def said_by(items: Mapping[str, Any], source: str) -> dict[str, Any]:
    """The same Items, as those of this source alone."""
    return {
        name: {**item, "properties": {**item["properties"], "dinamis:source": [source]}} for name, item in items.items()
    }


def names_in(stock: Stock, name: str) -> set[str]:
    """The tables of the ledger in which a name stands, whole or as a value of some column."""
    tables = rows(stock.database, "SELECT tablename FROM pg_tables WHERE schemaname = 'dinamis'")
    query = "SELECT count(*) FROM dinamis.{} AS each, jsonb_each_text(to_jsonb(each)) AS f (n, said) WHERE said = %s"
    return {table for (table,) in tables if rows(stock.database, query.format(table), name) != [(0,)]}


def in_every_way(stock: Stock) -> None:
    """Records in force, withdrawn, in quarantine and absent; a correction; one that only its source has a name for."""
    stock.held.records = {name: image(number) for number, name in enumerate("abw")}
    stock.held.records |= {"q": image(20, problem="it is torn"), "n": image(5, keys=())}
    take(stock, "host")
    stock.held.withdrawals = [Withdrawal(id="w", reason="sold")]
    for gone in "wb":
        del stock.held.records[gone]
    take(stock, "host", is_full=True)
    stock.held.withdrawals = []
    correct_item(house(stock, host="geodes"), image()["image"], "eo:snow_cover", 7, "seen", "me")


_RECORDS = (
    "SELECT record, state, stage, reason, item, run, version, first_seen, last_seen, last_changed, absent_since"
    " FROM dinamis.source_record ORDER BY record"
)


@pytest.mark.parametrize("page_size", [1, 500])
def test_next_harvest_finds_everything_known(stock: Stock, monkeypatch: pytest.MonkeyPatch, page_size: int) -> None:
    """Items say the new name and are otherwise as they were; records, runs and corrections go with the source."""
    monkeypatch.setattr(renaming, "PAGE_SIZE", page_size)
    in_every_way(stock)
    before, known = catalogue(stock), rows(stock.database, _RECORDS)
    seen = rows(stock.database, "SELECT seen_at, records FROM dinamis.sighting")
    fields = rows(stock.database, "SELECT field, first_run, last_run, share FROM dinamis.feed_field")
    past = rows(stock.database, "SELECT id, kind, state FROM dinamis.run ORDER BY id")
    assert fields

    renamed = rename(stock)

    assert catalogue(stock) == said_by(before, "centre")
    assert (counts(renamed), renamed.items_written) == ({"changed": 3}, 3)
    assert list(renamed.warnings) == [f"{OLD} is called {NEW} from now on"]
    assert rows(stock.database, _RECORDS) == known
    assert rows(stock.database, "SELECT DISTINCT source, feed FROM dinamis.source_record") == [("centre", NEW)]
    assert rows(stock.database, "SELECT seen_at, records FROM dinamis.sighting") == seen
    assert rows(stock.database, "SELECT field, first_run, last_run, share FROM dinamis.feed_field") == fields
    assert rows(stock.database, "SELECT id, kind, state FROM dinamis.run WHERE feed = %s ORDER BY id", NEW) == [
        *past,
        (renamed.run, "rename", "succeeded"),
    ]
    assert names_in(stock, OLD) == {"run_note"}
    assert names_in(stock, "host") == {"run_note"}

    changes = rows(stock.database, "SELECT id, change FROM dinamis.item ORDER BY id")
    assert counts(take(stock, "centre", is_full=True)) == {"unchanged": 2, "quarantined": 1}
    assert rows(stock.database, "SELECT id, change FROM dinamis.item ORDER BY id") == changes
    stock.held.records |= {"a": image(0, cloud=3), "n": image(5, keys=(), cloud=4)}
    assert counts(take(stock, "centre")) == {"changed": 2, "quarantined": 1}
    assert catalogue(stock).keys() == before.keys()
    assert rows(stock.database, "SELECT count(*) FROM dinamis.scene") == [(4,)]


def test_item_of_two_sources_has_both_names_right(stock: Stock) -> None:
    """Only the records of the one are renamed, and the other is not asked."""
    stock.held.records = {"x": image(0, job="JOB_2")}
    stock.harvest()
    stock.held.records = {"a": image()}
    take(stock, "host")
    rename(stock)
    (item,) = catalogue(stock).values()
    assert item["properties"]["dinamis:source"] == ["centre", "held"]
    assert set(rows(stock.database, "SELECT source, record FROM dinamis.source_record")) == {
        ("centre", "a"),
        ("held", "x"),
    }


def test_stereo_sets_say_the_new_name_too(holdings: Holdings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set says the sources of its views: it is written with them, and is otherwise as it was."""
    monkeypatch.setitem(SOURCES, "geodes", holdings.held)
    holdings.held.records = pass_over(2)
    harvest(the_feed("host"), house(holdings, host="geodes"), Request())
    before = holdings.state()
    assert len(holdings.sets()) == 1
    renamed = rename_source(OLD, NEW, house(holdings, centre="geodes"))
    after = holdings.state()
    assert after["items"] == said_by(before["items"], "centre")
    assert (after["views"], after["published"]) == (before["views"], before["published"])
    assert (counts(renamed), renamed.items_written) == ({"changed": 2}, 3)


def test_name_of_the_feed_alone_writes_no_item(stock: Stock) -> None:
    """A place of the command line that a document names now by the same source: its Items say nothing of it."""
    place = replace(the_feed("host", None), name="host /mnt/archive", collection=HELD)
    stock.held.records = {"a": image()}
    harvest(place, house(stock, host="geodes"), Request())
    before = items(stock.database)
    renamed = rename_source(place.name, OLD, house(stock, host="geodes"))
    assert (counts(renamed), items(stock.database)) == ({}, before)
    assert rows(stock.database, "SELECT source, feed FROM dinamis.source_record") == [("host", OLD)]
    assert counts(take(stock, "host")) == {"unchanged": 1}


@pytest.mark.parametrize("is_known", [False, True])
def test_source_that_has_not_changed_since_is_not_read(
    stock: Stock, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    """What it said of itself goes with it, and so does when it was harvested last, also where the new name is known."""
    source = Telling(records={"a": image()}, is_selectable=True, content="all of it")
    monkeypatch.setitem(SOURCES, "geodes", source)
    if is_known:
        with stock.database.connect("harvest") as connection:
            run = begin(connection, the_feed("centre"), Request(), [Selection()], is_everything=True)
            end(connection, run.id, "cancelled")
    take(stock, "host")
    rename(stock)
    assert counts(take(stock, "centre")) == {"unchanged": 1}
    source.state = "second"
    assert counts(take(stock, "centre")) == {"unchanged": 1}
    assert len(source.asked) == 1
    source.state, source.content = "third", "more"
    take(stock, "centre")
    assert source.asked[-1].since is not None


@pytest.mark.parametrize("how", ["killed", "cancelled"])
def test_renaming_that_is_stopped_goes_on(stock: Stock, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """The ledger has the new name at once; the Items have it when the same is asked for again, after a harvest too."""
    monkeypatch.setattr(renaming, "PAGE_SIZE", 2)
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    take(stock, "host")
    before = catalogue(stock)

    with pytest.raises((KeyboardInterrupt, RunCancelled)):
        rename(stock, watch=stock.stopped(how))
    assert counts(take(stock, "centre")) == {"unchanged": 5}
    assert catalogue(stock) != said_by(before, "centre")

    renamed = rename(stock)

    assert (counts(renamed), renamed.is_resumed) == ({"changed": 5}, True)
    assert catalogue(stock) == said_by(before, "centre")
    assert rows(stock.database, "SELECT id, state FROM dinamis.run WHERE kind = 'rename'") == [
        (renamed.run, "succeeded")
    ]
    with pytest.raises(RenamingRefused, match=f"no record of {OLD}"):
        rename(stock)


def test_runs_of_before_are_undone_and_a_renaming_is_renamed_back(stock: Stock) -> None:
    """What a run did under the old name is put back under the new one; a renaming itself is none of the records."""
    stock.held.records = {"a": image()}
    take(stock, "host")
    before = catalogue(stock)
    stock.held.records = {"a": image(cloud=2), "b": image(1)}
    bad = take(stock, "host")
    renamed = rename(stock)
    assert bad.run is not None
    assert renamed.run is not None
    undo_run(bad.run, house(stock, centre="geodes"))
    assert catalogue(stock) == said_by(before, "centre")
    with pytest.raises(UndoRefused, match="dinamis harvest rename"):
        undo_run(renamed.run, house(stock, centre="geodes"))
    rename_source(NEW, OLD, house(stock, host="geodes"))
    assert catalogue(stock) == before


def test_undo_that_waited_for_a_renaming_is_of_the_new_name(stock: Stock) -> None:
    """A run whose source is being renamed is undone once that is done; the ledger does not know the old name again."""
    stock.held.records = {"a": image()}
    take(stock, "host")
    stock.held.records = {"a": image(cloud=2)}
    bad = take(stock, "host").run
    assert bad is not None
    place = house(stock, centre="geodes")
    with ThreadPoolExecutor() as processes, stock.database.connect("harvest") as writer:
        catalogue_writing.wait_for_other_writers(writer)
        renaming_it = processes.submit(rename, stock)
        wait_for_waiting(stock, 1)
        undoing_it = processes.submit(undo_run, bad, place)
        wait_for_waiting(stock, 2)
        writer.commit()
        renaming_it.result(60)
        assert undoing_it.result(60).feed == NEW
    assert rows(stock.database, "SELECT name FROM dinamis.feed") == [(NEW,)]


def test_replay_that_waited_for_a_renaming_finds_nothing_of_the_old_name(stock: Stock) -> None:
    """It is refused, as what was in quarantine has the new name; the ledger does not know the old one again."""
    stock.held.records = {"q": image(problem="it is torn")}
    take(stock, "host")
    place = house(stock, host="geodes")
    with ThreadPoolExecutor() as processes, stock.database.connect("harvest") as writer:
        catalogue_writing.wait_for_other_writers(writer)
        renaming_it = processes.submit(rename, stock)
        wait_for_waiting(stock, 1)
        replaying = processes.submit(replay_quarantine, place, {OLD: the_feed("host")})
        wait_for_waiting(stock, 2)
        writer.commit()
        renaming_it.result(60)
        with pytest.raises(NotInQuarantine, match=f"all records of {OLD}"):
            replaying.result(60)
    assert rows(stock.database, "SELECT name FROM dinamis.feed") == [(NEW,)]


def wait_for_waiting(stock: Stock, number: int) -> None:
    """Wait until so many connections wait for an advisory lock."""
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    wait_until(lambda: rows(stock.database, waiting) == [(number,)])


@pytest.mark.parametrize("torn", ["a", "b"])
def test_item_that_cannot_be_built_any_more_keeps_the_old_name_and_is_told(stock: Stock, torn: str) -> None:
    """The others have the new name, and the report says which has not."""
    stock.held.records = {"a": image(), "b": image(1)}
    take(stock, "host")
    stock.held.torn = {torn}
    renamed = rename(stock)
    left = stock.held.records[torn]["image"]
    assert f"{left} stays as it is: a record of it is not readable any more" in renamed.warnings
    names = {name for name, item in catalogue(stock).items() if item["properties"]["dinamis:source"] == ["host"]}
    assert (names, counts(renamed)) == ({left}, {"changed": 1})


def test_what_is_not_a_renaming_is_refused_with_what_to_do(stock: Stock) -> None:
    """Documents that do not say so, another service or collection, records of both names, and runs under way."""
    stock.held.records = {"a": image()}
    take(stock, "host")
    before = catalogue(stock)

    def refused(why: str, old: str = OLD, new: str = NEW, **sources: str) -> None:
        with pytest.raises((RenamingRefused, RunBusy), match=why):
            rename_source(old, new, house(stock, **sources or {"centre": "geodes"}))

    refused(f"{HELD}.yaml still names {OLD}", host="geodes", centre="geodes")
    refused(f"No document names {NEW}", other="geodes")
    refused(f"no record of {HELD}/nothing", old=f"{HELD}/nothing")
    refused(f"a geodes of {HELD}, and {NEW} a stac.*dinamis harvest retire {OLD}", centre="stac")
    refused(f"of {HELD}, and {ARCHIVE}/oneatlas", new=f"{ARCHIVE}/oneatlas")
    for name in ("host", "centre"):
        with stock.database.connect("harvest") as connection:
            run = begin(connection, the_feed(name), Request(), [Selection()], is_everything=True)
            refused(f"harvest cancel {run.id}")
            end(connection, run.id, "cancelled")
    stock.harvest(feed_of("elsewhere", COAST, source="centre", kind="geodes"))
    refused(f"Records were taken in .* a is one: `dinamis harvest retire {OLD}`")
    with stock.database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.source_record SET record = 'b' WHERE source = 'centre'")
    refused_not = rename(stock)
    assert refused_not.state == "succeeded"
    assert catalogue(stock).keys() >= before.keys()


def test_records_of_the_new_name_are_kept_from_being_mixed(stock: Stock) -> None:
    """A harvest came before the renaming: the old name is to be retired, and what the new one says stays."""
    stock.held.records = {"a": image()}
    take(stock, "host")
    stock.held.records = {"b": image(1)}
    take(stock, "centre")
    with pytest.raises(RenamingRefused, match=f"those of {NEW} already, b is one: `dinamis harvest retire {OLD}`"):
        rename(stock)
    assert sorted(rows(stock.database, "SELECT DISTINCT feed FROM dinamis.source_record")) == [(NEW,), (OLD,)]
