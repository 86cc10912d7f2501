"""Runs that change the catalogue from what the ledger holds, without asking a source.

Like harvests they go page by page, each page in one transaction with the cursor after it, and keep an account. A page
is looked up inside its own transaction, so that no harvest can change its records in between.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from psycopg import Connection

from database.long_work import told_if_long
from harvester import catalogue, runs
from harvester.catalogue.connections import CatalogueConnections
from harvester.catalogue.publish import publish_changes, publish_missing_collections
from harvester.errors import HarvestError
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.ledger import RecordEntry
from harvester.pages.writing import PageWriting
from harvester.record import Page
from harvester.runs import Part, PartLost, Run, RunBusy, RunCancelled
from harvester.runs.report import HarvestReport, PageReport
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.source import Progress

#: Records, or Items that are rebuilt, of one transaction.
PAGE_SIZE = 500
#: Number of the part of such a run; its process holds it until the end of the run.
_ONLY_PART = 1


@dataclass(frozen=True, kw_only=True)
class AmendedPage:
    """Records of one feed as they are to be, and the cursor after them."""

    feed: Feed
    page: Page
    refused: Sequence[RecordEntry] = ()  #: that go into quarantine
    remarks: Sequence[tuple[str, str]] = ()  #: record or Item, and what the report is to say of it
    moves: Mapping[str, str] = field(default_factory=dict)  #: Items -> new collections, on a page without records
    rebuilt: Sequence[str] = ()  #: Items to build anew from their records, on a page without records


#: The page after a cursor, looked up in its transaction.
NextPage = Callable[[Connection, str | None], AmendedPage]


def carry_out(
    connections: CatalogueConnections,
    context: HarvestContext,
    run: Run,
    next_page: NextPage,
    report: HarvestReport,
    watch: Watcher = nobody_watches,
) -> None:
    """Do what is left of a run, page by page, and end it; its account is added to the report.

    Raises:
        RunBusy: another process works on it.
        HarvestError: it stopped; the pages before are kept, and it can be resumed.
    """
    touched: set[str] = set()
    try:
        for written in _pages(connections, context, run, next_page, report, touched):
            report.add(written)
            watch(report, Progress())
    except (RunBusy, PartLost):  # another process has it
        raise
    except HarvestError as error:
        state, told = "cancelled" if isinstance(error, RunCancelled) else "failed", str(error)
        connections.patiently(lambda _, side: runs.end(side, run.id, state, told))
        raise
    finally:
        connections.on_reconnection(lambda _: None)
        connections.patiently(lambda _, side: publish_changes(side, context.documents, context.language, touched))
    # Last: a run that is killed before is resumed, and publishes then.
    connections.patiently(lambda _, side: runs.end(side, run.id, "succeeded"))
    connections.patiently(lambda _, side: runs.unlock_part(side, run.id, _ONLY_PART))
    report.state, report.finished_at = "succeeded", datetime.now(UTC)


def try_out(
    connections: CatalogueConnections,
    context: HarvestContext,
    next_page: NextPage,
    report: HarvestReport,
    watch: Watcher = nobody_watches,
) -> None:
    """Write each page and roll it back; its account and its changes of Items are added to the report."""
    cursor, is_done = None, False
    while not is_done:
        cursor = connections.patiently(partial(_try_page, context, next_page, cursor, report))
        is_done = cursor is None
        watch(report, Progress())
    report.state, report.finished_at = "succeeded", datetime.now(UTC)


def _try_page(
    context: HarvestContext,
    next_page: NextPage,
    cursor: str | None,
    report: HarvestReport,
    connection: Connection,
    side: Connection,
) -> str | None:
    with connection.transaction(force_rollback=True):
        amended = next_page(connection, cursor)
        writing = PageWriting(connection, side, amended.feed, None, context, WritingOptions())
        written = writing.take_in(amended.page)
        changes = writing.changes()
    report.add(written)
    report.changes += changes
    return amended.page.next_cursor


def _pages(
    connections: CatalogueConnections,
    context: HarvestContext,
    run: Run,
    next_page: NextPage,
    report: HarvestReport,
    touched: set[str],
) -> Iterable[PageReport]:
    part = connections.patiently(lambda _, side: runs.claim_part(side, run))
    if part is None:
        if connections.patiently(lambda _, side: runs.is_complete(side, run.id)):
            report.add_counts(connections.patiently(lambda _, side: runs.counts_of(side, run.id)))
            return
        raise connections.patiently(lambda _, side: runs.busy(side, run.id))
    report.add_counts(part.counts)
    report.is_resumed = part.pages > 0
    # The documents of today may put records into a new Collection.
    connections.patiently(
        lambda _, side: publish_missing_collections(side, context.conninfo, context.documents, context.language)
    )
    is_done = False
    while not is_done:
        connections.on_reconnection(partial(_lock_again, part))
        part, written, changed = connections.once(
            partial(_write_page, context, part, next_page), lambda connection, done: runs.is_at(connection, done[0])
        )
        touched |= changed
        is_done = part.cursor is None
        yield written


def _lock_again(part: Part, side: Connection) -> None:
    runs.lock_again(side, part)


def _write_page(
    context: HarvestContext, part: Part, next_page: NextPage, connection: Connection, side: Connection
) -> tuple[Part, PageReport, set[str]]:
    catalogue.wait_for_other_writers(connection)
    with told_if_long(f"amending a page of at most {PAGE_SIZE} records"):
        amended = next_page(connection, part.cursor)
        writing = PageWriting(connection, side, amended.feed, part.run, context, WritingOptions())
        written = _written(writing, amended)
        writing.write_items()
    for record, remark in amended.remarks:
        written.warn(record, [remark])
    cursor = amended.page.next_cursor
    advanced = runs.advance(connection, part, cursor, written, is_done=cursor is None)
    return advanced, written, writing.touched_collections()


def _written(writing: PageWriting, amended: AmendedPage) -> PageReport:
    if amended.moves:
        return writing.move(amended.moves)
    if amended.rebuilt:
        return writing.rebuild_sets(amended.rebuilt)
    return writing.take_in(amended.page, refused=amended.refused)
