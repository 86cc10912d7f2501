"""Renaming a source as its document does, so that none of its records is taken in anew.

All that the ledger has of it is moved in one transaction, which also begins a run. That renames the waiting jobs, and
rebuilds the Items that name their source, page by page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from psycopg import Connection

from database.statements import statements
from harvester import catalogue, runs
from harvester.amendments.amendment_run import PAGE_SIZE, AmendedPage, carry_out
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.collection_documents import CollectionDocuments
from harvester.errors import HarvestError
from harvester.feeds import DELIVERIES, Feed, named_sources
from harvester.harvest_context import HarvestContext
from harvester.record import Page
from harvester.runs import Request, Run
from harvester.runs.report import HarvestReport
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.source import Selection

RENAMING_LEFT, RECORD_IN_THE_WAY, KEEP_FEED_AS, NAME_ACQUISITIONS, ITEMS_OF_FEED = statements(
    "harvester.amendments",
    "renaming_left",
    "record_in_the_way",
    "keep_feed_as",
    "name_acquisitions",
    "items_of_feed",
)


class RenamingRefused(HarvestError):
    """This source cannot be renamed so."""


@dataclass(frozen=True)
class _Renaming:
    """The run that renames a source, and its feeds under both names."""

    run: Run
    former: str  #: name of the feed
    former_source: str
    feed: Feed


def rename_source(
    former: str,
    present: str,
    context: HarvestContext,
    watch: Watcher = nobody_watches,
    rename_jobs: Callable[[], None] = lambda: None,
) -> HarvestReport:
    """Give a source another name in the ledger, or resume a renaming that was killed.

    Records, quarantines, runs, fields and the state of the source move with it. The source is not asked.

    Args:
        former: name of a feed in the ledger; no document names it any more.
        present: name of the feed, as a document names it now.
        context: the database and the documents.
        watch: called after each page.
        rename_jobs: renames the harvests that wait in the queue; called again when a killed renaming is resumed.

    Raises:
        RenamingRefused: the documents do not say so, they are not the same source, or there are records of both.
        RunBusy: a run of one of the two has not ended.
        CatalogueError: the catalogue cannot be written.
    """
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        renaming = connections.patiently(lambda _, side: _renaming(side, former, present, context.documents))
        run, feed = renaming.run, renaming.feed
        report = HarvestReport(feed.name, feed.location, run.started_at, run=run.id, kind=run.kind)
        rename_jobs()
        carry_out(connections, context, run, partial(_page_after, renaming), report, watch)
    return report


def _renaming(side: Connection, former: str, present: str, documents: CollectionDocuments) -> _Renaming:
    """Move what the ledger knows, unless that was done already and only its run is to be resumed."""
    with side.transaction():
        for name in sorted((former, present)):
            runs.wait_for_beginners(side, name)
        if left := _renaming_left(side, former, present):
            runs.take_up(side, left.run)
            return left
        catalogue.wait_for_other_writers(side)
        feed = _renamed(side, former, present, documents)
        source = runs.kept_feed(side, former).source
        _move_ledger(side, former, feed)
        if source != feed.source:
            _add_names_of_acquisitions(side, source, feed)
        run = runs.begin(side, feed, Request(), [Selection()], is_everything=False, kind="rename")
        runs.note(side, run.id, "renamed", [(former, source, 1)])
        return _Renaming(run, former, source, feed)


def _renaming_left(side: Connection, former: str, present: str) -> _Renaming | None:
    row = side.execute(RENAMING_LEFT, {"present": present, "former": former}).fetchone()
    run = runs.run_by_id(side, row[0]) if row else None
    return _Renaming(run, former, row[1], runs.kept_feed(side, present)) if run and row else None


# Checks


def _renamed(side: Connection, former: str, present: str, documents: CollectionDocuments) -> Feed:
    """The feed under its new name.

    Raises:
        RenamingRefused: it cannot have that name.
        RunBusy: a run of one of the two names has not ended.
    """
    named = named_sources(documents)
    if former in named:
        file = documents[former.partition("/")[0]].file
        raise RenamingRefused(
            f"{file} still names {former}: rename it there first, then restart workers and schedulers."
        )
    if present not in named:
        raise RenamingRefused(
            f"No document names {present}: write it in that of its collection first; `dinamis harvest sources` lists "
            "those there are."
        )
    if not _count_records(side, former):
        raise RenamingRefused(f"The ledger has no record of {former}: `dinamis harvest status` lists what it knows.")
    known, choice = runs.kept_feed(side, former), named[present]
    collection = None if choice.source == DELIVERIES else present.partition("/")[0]
    if (known.kind, known.collection) != (choice.source, collection):
        raise RenamingRefused(
            f"{former} is another source, a {known.kind} of {known.collection or 'any collection'}, and {present} a "
            f"{choice.source} of {collection or 'any'}: harvest that, then `dinamis harvest retire {former}`."
        )
    feed = replace(known, name=present, source=choice.label)
    for name in (former, present):
        runs.require_none_under_way(side, name)
    _require_room(side, former, feed)
    return feed


def _count_records(side: Connection, feed: str) -> int:
    row = side.execute("SELECT count(*) FROM dinamis.source_record WHERE feed = %s", (feed,)).fetchone()
    return row[0] if row else 0


def _require_room(side: Connection, former: str, feed: Feed) -> None:
    """Refuse a name under which the ledger has records already, perhaps of another feed of the same service.

    Raises:
        RenamingRefused: there are such records.
    """
    row = side.execute(RECORD_IN_THE_WAY, {"present": feed.name, "source": feed.source, "former": former}).fetchone()
    if row:
        raise RenamingRefused(
            f"Records were taken in as those of {feed.name} already, {row[0]} is one: `dinamis harvest retire "
            f"{former}` withdraws those of the old name, and these stay."
        )


# What the ledger knows


def _move_ledger(side: Connection, former: str, feed: Feed) -> None:
    names = {"former": former, "present": feed.name, "source": feed.source}
    side.execute(KEEP_FEED_AS, names)
    side.execute("UPDATE dinamis.run SET feed = %(present)s WHERE feed = %(former)s", names)
    side.execute("UPDATE dinamis.sighting SET feed = %(present)s WHERE feed = %(former)s", names)
    side.execute("UPDATE dinamis.feed_field SET feed = %(present)s WHERE feed = %(former)s", names)
    side.execute(
        "UPDATE dinamis.source_record SET feed = %(present)s, source = %(source)s WHERE feed = %(former)s", names
    )
    side.execute("DELETE FROM dinamis.feed WHERE name = %(former)s", names)


def _add_names_of_acquisitions(side: Connection, former_source: str, feed: Feed) -> None:
    """Let acquisitions whose name holds that of their source be found under its new name too."""
    side.execute(NAME_ACQUISITIONS, {"former": former_source, "present": feed.source, "feed": feed.name})


# Items


def _page_after(renaming: _Renaming, connection: Connection, cursor: str | None) -> AmendedPage:
    """The next Items that have the old name; none if the source keeps its name and only that of its feed changes."""
    feed, items = renaming.feed, []
    if renaming.former_source != feed.source:
        rows = connection.execute(ITEMS_OF_FEED, {"feed": feed.name, "after": cursor or "", "size": PAGE_SIZE})
        items = [item for (item,) in rows]
    is_last = len(items) < PAGE_SIZE
    return AmendedPage(
        feed=feed,
        page=Page(records=(), next_cursor=None if is_last else items[-1]),
        rebuilt=items,
        remarks=[(feed.name, f"{renaming.former} is called {feed.name} from now on")] if is_last else (),
    )
