"""One harvest: pages of raw records from a source become Items in the catalogue. The only place that joins the rooms.

The way of a record: `read_pages` (source) -> `scene_from_record` (reader) -> `PageWriting`: acquisitions, ledger,
`item_from_scenes` -> catalogue. A page is one transaction: its ledger rows, its Items and the cursor behind it are
committed together or not at all, so that a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
from psycopg import Connection

from harvester import catalogue, drift, runs
from harvester.absence import count_unseen, mark_absent, overdue_records, withdrawal_limit
from harvester.catalogue_connections import CatalogueConnections
from harvester.errors import CatalogueError, CollectionDocumentError, HarvestError, SourceUnavailable
from harvester.expectations import breaches_of
from harvester.feeds import Feed
from harvester.ledger import fingerprints
from harvester.notices import Kind, Occasion, notify
from harvester.page_writing import HarvestRooms, PageWriting, WritingOptions
from harvester.publish import publish, publish_collections
from harvester.record import Page, Withdrawal
from harvester.report import HarvestReport, Outcome, PageReport, printable
from harvester.runs import Part, PartLost, Request, Run, RunBusy, RunCancelled
from harvester.sources.registry import SOURCES
from harvester.sources.source import Progress, Selection

__all__ = ["HarvestRooms", "Request", "dry_run", "harvest", "plan", "work_on"]

logger = logging.getLogger(__name__)

#: Indexes of services lag behind, and clocks differ: what changed shortly before the last run is asked for again.
OVERLAP = timedelta(days=1)
#: Records of one transaction that withdraws.
_WITHDRAWN_AT_ONCE = 500

Watcher = Callable[[HarvestReport, Progress], None]


class TooManyWithdrawals(HarvestError):
    """The run stopped: it would withdraw more records than one run may."""


def _nobody(_report: HarvestReport, _progress: Progress) -> None:
    """Nobody watches."""


def harvest(feed: Feed, rooms: HarvestRooms, request: Request, watch: Watcher = _nobody) -> HarvestReport:
    """Harvest a feed into the catalogue: go on with its last run if that was killed, else begin one.

    Args:
        feed: what to harvest.
        rooms: the database and the documents.
        request: what the operator asked for.
        watch: called often with the report so far and what the source has seen, the same objects each time.

    Returns:
        The account of the run. Records in quarantine are in it; they do not stop the run.

    Raises:
        CollectionDocumentError: there is no document of the collection that the operator named.
        RunBusy: another process harvests this feed.
        SourceUnavailable: the source cannot be read.
        TooManyWithdrawals: more records would be withdrawn than one run may.
        CatalogueError: the catalogue cannot be written.

    After an error all pages before are committed and can be searched, and nothing of the last one is written.
    """
    _refuse_unknown_collection(feed, rooms, request)
    with _translated_errors(rooms), CatalogueConnections(rooms.conninfo, rooms.attempts) as connections:
        run = connections.patiently(lambda _, side: _run_of(side, feed, request))
        report = _work(connections, feed, rooms, run, watch, allow_withdrawals=request.allow_withdrawals)
        if report is None:
            raise RunBusy(f"{feed.name} is run {run.id}: see `dinamis harvest status`, or cancel it.")
        return report


def plan(feed: Feed, rooms: HarvestRooms, request: Request) -> Run:
    """Decide which run of a feed is to be done, as `harvest` does, and leave its parts to `work_on`.

    Raises:
        CollectionDocumentError: there is no document of the collection that the operator named.
        RunBusy: another process does a run of another kind.
        SourceUnavailable: the source cannot say in which parts it is read.
        CatalogueError: the run cannot be written down.
    """
    _refuse_unknown_collection(feed, rooms, request)
    with _translated_errors(rooms), CatalogueConnections(rooms.conninfo, rooms.attempts) as connections:
        return connections.patiently(lambda _, side: _run_of(side, feed, request))


def work_on(run: Run, feed: Feed, rooms: HarvestRooms, watch: Watcher = _nobody) -> HarvestReport | None:
    """Do what is left of a run that nobody does yet; None where there is nothing. Raises as `harvest`."""
    with _translated_errors(rooms), CatalogueConnections(rooms.conninfo, rooms.attempts) as connections:
        return _work(connections, feed, rooms, run, watch, allow_withdrawals=run.request.allow_withdrawals)


def dry_run(feed: Feed, rooms: HarvestRooms, request: Request, watch: Watcher = _nobody) -> HarvestReport:
    """Read and compare everything that a harvest would, write nothing, and tell what each Item would become.

    Raises as `harvest`. It neither begins a run nor goes on with one.
    """
    _refuse_unknown_collection(feed, rooms, request)
    report = HarvestReport(feed.name, feed.location, datetime.now(UTC), dry_run=True)
    progress = Progress()
    with _translated_errors(rooms), CatalogueConnections(rooms.conninfo, rooms.attempts) as connections:
        selection = connections.patiently(lambda _, side: _selection(side, feed, request))
        known = partial(_known_fingerprints, connections, feed, request)
        seen: set[str] = set()
        for page in _limited(SOURCES[feed.kind].read_pages(feed.options, selection, None, progress, known), request):
            report.add(connections.patiently(partial(_compared, feed, rooms, request, page, report)))
            seen |= {*page.unread, *(printable(raw.id) for raw in page.records)}
            watch(report, progress)
        if seen and selection.is_everything and request.limit is None:
            report.absent = connections.patiently(lambda _, side: count_unseen(side, feed.name, seen))
    return _ended(report, progress, "succeeded")


def _compared(
    feed: Feed,
    rooms: HarvestRooms,
    request: Request,
    page: Page,
    report: HarvestReport,
    connection: Connection,
    side: Connection,
) -> PageReport:
    with connection.transaction(force_rollback=True):
        runs.keep_feed(connection, feed)
        writing = PageWriting(connection, side, feed, None, rooms, _writing_options(request))
        compared = writing.take_in(page)
        report.changes += writing.changes()
    return compared


# Beginning


def _run_of(side: Connection, feed: Feed, request: Request) -> Run:
    """The run to work on: the last one if it can be gone on with, else a new one."""
    with side.transaction():
        runs.wait_for_beginners(side, feed.name)
        return _run_left_or_new(side, feed, request)


def _run_left_or_new(side: Connection, feed: Feed, request: Request) -> Run:
    left = runs.unfinished_run(side, feed.name)
    if left is not None and left.request.is_like(request):
        runs.take_up(side, left)
        logger.info("going on with run %s of %s", left.id, feed.name)
        return replace(left, request=request)
    if left is not None:
        _set_aside(side, left)
    selection = _selection(side, feed, request)
    windows = [selection] if request.limit else SOURCES[feed.kind].windows(feed.options, selection)
    return runs.begin(side, feed, request, windows, is_everything=selection.is_everything and request.limit is None)


def _set_aside(side: Connection, left: Run) -> None:
    """End a run that was asked for something else, unless somebody works on it.

    Raises:
        RunBusy: somebody does.
    """
    if left.state != "running":
        return
    if runs.is_at_work(side, left.id):
        raise RunBusy(
            f"{left.feed} is run {left.id}, which was asked for something else: see `dinamis harvest status`."
        )
    runs.end(side, left.id, "failed", "it was killed, and a run of another kind was asked for after it")


def _selection(side: Connection, feed: Feed, request: Request) -> Selection:
    """What is asked of the source: what changed since the last good run, unless the operator says otherwise."""
    since = request.since
    if since is None and not request.is_full and SOURCES[feed.kind].is_selectable:
        last = runs.last_good_start(side, feed.name)
        since = last - OVERLAP if last else None
    return Selection(since=since, until=request.until, bbox=request.bbox)


# At work


@dataclass
class _Work:
    """What one process does of one run."""

    connections: CatalogueConnections
    feed: Feed
    rooms: HarvestRooms
    run: Run
    allow_withdrawals: bool
    report: HarvestReport
    progress: Progress
    watch: Watcher
    touched: set[str]
    counts_refreshed_at: datetime
    failure: Occasion | None = None  #: why the run did not come to its end


def _work(
    connections: CatalogueConnections,
    feed: Feed,
    rooms: HarvestRooms,
    run: Run,
    watch: Watcher,
    *,
    allow_withdrawals: bool,
) -> HarvestReport | None:
    """Do the parts of a run that nobody works on, and bring it to its end if they were the last."""
    report = HarvestReport(feed.name, feed.location, run.started_at, run=run.id, kind=run.kind)
    work = _Work(connections, feed, rooms, run, allow_withdrawals, report, Progress(), watch, set(), datetime.now(UTC))
    connections.patiently(partial(_publish_missing_collections, work))
    worked = False
    try:
        while (part := connections.patiently(lambda _, side: runs.claim_part(side, run))) is not None:
            worked = True
            with _frozen_beginnings():
                _harvest_part(work, part)
        return _finish(work) or (_ended(report, work.progress, "running") if worked else None)
    except (SourceUnavailable, CatalogueError, TooManyWithdrawals, RunCancelled) as error:
        _end_early(work, error)
        raise
    except psycopg.Error as error:
        work.failure = Occasion("failure", str(error), run.id)
        raise
    finally:
        _publish_what_was_written(work)
        _tell(work)


@contextmanager
def _frozen_beginnings() -> Iterator[None]:
    """Let the collector of garbage pass over what was loaded before: visiting it costs a fifth of a first harvest."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _harvest_part(work: _Work, part: Part) -> None:
    """Read a part from its cursor on and write it page by page."""
    work.connections.on_reconnection(lambda side: runs.lock_again(side, part))
    work.report.add_counts(part.counts)
    known = partial(_known_fingerprints, work.connections, work.feed, work.run.request)
    source = SOURCES[work.feed.kind]
    pages = source.read_pages(work.feed.options, part.selection, part.cursor, work.progress, known)
    is_done = False
    work.watch(work.report, work.progress)
    for page in _limited(pages, work.run.request, part.counts.get("read", 0)):
        is_done = page.next_cursor is None
        part = _write_page(work, part, page, is_done=is_done)
    if not is_done:  # the source ended without a last page, or nothing was left below the limit
        _write_page(work, part, Page(records=(), next_cursor=None), is_done=True)
    work.connections.patiently(lambda _, side: runs.unlock_part(side, part.run, part.number))
    work.connections.on_reconnection(lambda _: None)


def _write_page(work: _Work, part: Part, page: Page, *, is_done: bool) -> Part:
    """Write a page in one transaction; after a lost connection again, from the start, on new connections."""
    part, written, touched = work.connections.patiently(partial(_write_page_once, work, part, page, is_done))
    work.report.add(written)
    work.touched |= touched
    work.watch(work.report, work.progress)
    if touched and (datetime.now(UTC) - work.counts_refreshed_at).total_seconds() > 10:
        work.connections.patiently(lambda _, side: catalogue.refresh_counts(side))
        work.counts_refreshed_at = datetime.now(UTC)
    return part


def _write_page_once(
    work: _Work, part: Part, page: Page, is_done: bool, connection: Connection, side: Connection
) -> tuple[Part, PageReport, set[str]]:
    with connection.transaction():
        writing = PageWriting(connection, side, work.feed, work.run.id, work.rooms, _writing_options(work.run.request))
        written = writing.take_in(page)
        _refuse_too_many(work, connection, len(written.withdrawn))
        writing.write_items()
        drift.keep_sample(connection, part, work.feed, page, written)
        advanced = runs.advance(connection, part, page.next_cursor, written, is_done=is_done)
    return advanced, written, writing.touched_collections()


def _refuse_too_many(work: _Work, connection: Connection, withdrawing: int) -> None:
    """Stop before more records are withdrawn than one run may.

    Raises:
        TooManyWithdrawals: these would be more.
    """
    if not withdrawing or work.allow_withdrawals or not work.run.active_before:
        return
    so_far = runs.counts_of(connection, work.run.id).get(Outcome.WITHDRAWN, 0)
    limit = withdrawal_limit(work.run, work.feed.withdrawals)
    if so_far + withdrawing > limit:
        raise TooManyWithdrawals(
            f"It would be at least {so_far + withdrawing} of {work.run.active_before} records of {work.feed.name}; "
            f"{limit} are allowed ({work.feed.withdrawals.max_share:.0%}). If the source is right, run it again with "
            "--allow-withdrawals."
        )


def _limited(pages: Iterable[Page], request: Request, already: int = 0) -> Iterator[Page]:
    """The pages up to the number of records that was asked for."""
    if request.limit is None:
        yield from pages
        return
    left = request.limit - already
    for page in pages:
        if left <= 0:
            return
        records, unread = page.records[:left], page.unread[: max(left - len(page.records), 0)]
        left -= len(records) + len(unread)
        yield replace(page, records=records, unread=unread)


# The end


def _finish(work: _Work) -> HarvestReport | None:
    """Bring the run to its end, if all its parts are done and no other process does so."""
    return work.connections.patiently(partial(_finish_once, work))


def _finish_once(work: _Work, connection: Connection, side: Connection) -> HarvestReport | None:
    run = runs.run_by_id(side, work.run.id)
    if run is None or run.state != "running" or not runs.is_complete(side, run.id):
        return None
    if not runs.try_finishing(side, run.id):
        return None
    work.report.is_resumed = run.is_resumed
    work.report.restart_counts(runs.counts_of(side, run.id))
    if _saw_everything(side, run):
        work.report.absent = mark_absent(side, run)
        if work.feed.withdrawals.by_absence:
            _withdraw_overdue(work, connection, side)
    work.report.drift = drift.settle(side, run.id, work.feed.name)
    collections = _collections_of(side, work.feed) | work.touched
    for each in sorted(collections & work.rooms.documents.keys()):
        work.report.breaches += breaches_of(side, work.rooms.documents[each], work.report)
    state = "failed" if work.report.breaches else "succeeded"
    runs.note(side, run.id, "breach", [(breach, "", 1) for breach in work.report.breaches])
    catalogue.note_harvested(side, collections)
    runs.end(side, run.id, state, "; ".join(work.report.breaches) or None)
    runs.stop_finishing(side, run.id)
    return _ended(work.report, work.progress, state)


def _saw_everything(side: Connection, run: Run) -> bool:
    """Whether a record that this run did not see is not at the source: never after a run that was not whole."""
    return run.is_everything and not run.is_resumed and runs.counts_of(side, run.id).get("read", 0) > 0


def _withdraw_overdue(work: _Work, connection: Connection, side: Connection) -> None:
    overdue = overdue_records(side, work.feed.name, work.feed.withdrawals)
    _refuse_too_many(work, side, sum(is_active for _, is_active in overdue))
    for start in range(0, len(overdue), _WITHDRAWN_AT_ONCE):
        gone = [
            Withdrawal(id=record, reason="its source does not show it any more")
            for record, _ in overdue[start : start + _WITHDRAWN_AT_ONCE]
        ]
        with connection.transaction():
            writing = PageWriting(connection, side, work.feed, work.run.id, work.rooms, WritingOptions())
            written = writing.take_in(Page(records=(), withdrawals=gone, next_cursor=None))
            writing.write_items()
            runs.add_to_last_part(connection, work.run.id, written)
        work.report.add(written)
        work.touched |= writing.touched_collections()


def _end_early(work: _Work, error: HarvestError) -> None:
    """Note why a run did not come to its end; one that came some way can be gone on with."""
    state = "cancelled" if isinstance(error, RunCancelled) else "failed"

    def end(_: Connection, side: Connection) -> None:
        came_some_way = runs.counts_of(side, work.run.id).get("read", 0) > 0
        is_resumable = came_some_way and isinstance(error, SourceUnavailable)
        runs.end(side, work.run.id, state, str(error), is_resumable=is_resumable)

    try:
        work.connections.patiently(end)
    except (psycopg.Error, HarvestError) as failure:
        logger.warning("that run %s failed could not be noted: %s", work.run.id, failure)
    work.report.error = str(error)
    if not isinstance(error, RunCancelled):
        kind: Kind = "withdrawals" if isinstance(error, TooManyWithdrawals) else "failure"
        work.failure = Occasion(kind, str(error), work.run.id)
    _ended(work.report, work.progress, state)
    work.watch(work.report, work.progress)


def _publish_what_was_written(work: _Work) -> None:
    """Rebuild what was deferred and publish what the new Items say of their collections, however the run ends."""
    try:
        work.connections.patiently(partial(_publish_once, work))
    except (psycopg.OperationalError, PartLost) as error:
        logger.warning("the extents of %s are not refreshed: %s", ", ".join(sorted(work.touched)), error)


def _tell(work: _Work) -> None:
    """Tell somebody how the run ended if that is called for; the run stays what it is, whatever comes of it."""
    settings = work.rooms.notices
    if settings is None:
        return
    try:
        work.connections.patiently(lambda _, side: notify(work.report, settings, side, work.failure))
    except psycopg.Error as error:
        logger.warning("nobody was told of run %s: %s", work.run.id, error)


def _publish_once(work: _Work, _: Connection, side: Connection) -> None:
    # In this order: what is deferred tells who comes after a run that was killed what is not published yet.
    stale = (work.touched | catalogue.collections_with_deferred_work(side)) & work.rooms.documents.keys()
    publish(side, [work.rooms.documents[each] for each in sorted(stale)], work.rooms.language)
    catalogue.finish_writing(side)


def _ended(report: HarvestReport, progress: Progress, state: str) -> HarvestReport:
    report.state, report.finished_at = state, datetime.now(UTC)
    report.passed_over = dict(progress.passed_over or {})
    return report


# What all of it needs


def _publish_missing_collections(work: _Work, _: Connection, side: Connection) -> None:
    if work.rooms.documents.keys() - catalogue.stored_collections(side):
        publish_collections(work.rooms.conninfo, work.rooms.documents, work.rooms.language)


def _collections_of(side: Connection, feed: Feed) -> set[str]:
    """The collections that have Items of this feed, and the one it is for."""
    rows = side.execute(
        "SELECT DISTINCT item.collection FROM dinamis.source_record JOIN dinamis.item ON item.id = source_record.item"
        " WHERE feed = %s AND state = 'active'",
        (feed.name,),
    )
    return {row[0] for row in rows} | ({feed.collection} if feed.collection else set())


def _known_fingerprints(
    connections: CatalogueConnections, feed: Feed, request: Request, records: Sequence[str]
) -> dict[str, str]:
    """What the ledger has of records that may be unchanged; nothing where these too are to be read, or to be moved."""
    if request.reread or request.collection or not records:
        return {}
    return connections.patiently(lambda _, side: fingerprints(side, feed.source, records))


def _writing_options(request: Request) -> WritingOptions:
    return WritingOptions(collection=request.collection, move=request.move, reread=request.reread)


def _refuse_unknown_collection(feed: Feed, rooms: HarvestRooms, request: Request) -> None:
    for collection in filter(None, (feed.collection, request.collection)):
        if collection not in rooms.documents:
            known = ", ".join(rooms.documents)
            raise CollectionDocumentError(f"there is no collection {collection}; there are {known}")


@contextmanager
def _translated_errors(rooms: HarvestRooms) -> Iterator[None]:
    """Errors of the database as ours."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise CatalogueError(
            f"The database failed {rooms.attempts} times ({error}). What was written before is kept: see "
            "`dinamis db status`, then harvest again."
        ) from error
    except psycopg.Error as error:
        raise CatalogueError(f"The database refused a page ({error}). All pages before it are kept.") from error
