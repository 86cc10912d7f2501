"""One harvest: pages of raw records from a source become Items in the catalogue. The only place that joins the rooms.

The way of a record: `read_pages` (source) -> `scene_from_record` (reader) -> `PageWriting`: acquisitions, ledger,
`item_from_scenes` -> catalogue. A page is one transaction: its ledger rows, its Items and the cursor behind it are
committed together or not at all, so that a run that was killed goes on where it stopped.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import psycopg
from psycopg import Connection

from database.long_work import told_if_long
from database.statements import statement
from harvester import catalogue, runs
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.catalogue.publish import publish_changes, publish_collections
from harvester.errors import AnsweredWithError, CatalogueError, CursorLost, HarvestError, SourceUnavailable
from harvester.feeds import Feed
from harvester.harvest_rooms import HarvestRooms, WritingOptions
from harvester.ledger import Ledger
from harvester.pages.reading_ahead import Reader, ReadingAhead, Readings
from harvester.pages.writing import PageWriting
from harvester.record import Page, RawRecord, Withdrawal
from harvester.runs import Part, PartLost, Request, Run, RunBusy, RunCancelled, drift, source_states
from harvester.runs.absence import (
    count_withdrawn,
    mark_absent,
    overdue_records,
    settle_sightings,
    withdrawal_limit,
)
from harvester.runs.expectations import breaches_of
from harvester.runs.notice_sending import Kind, Occasion
from harvester.runs.notices import notify
from harvester.runs.planning import (
    KnownFingerprints,
    awaited,
    limited,
    refuse_unknown_collection,
    refuse_without_credentials,
    run_of,
    writing_options,
)
from harvester.runs.report import HarvestReport, PageReport, printable
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.registry import SOURCES
from harvester.sources.source import Progress

__all__ = ["HarvestRooms", "Request", "TooManyWithdrawals", "harvest", "work_on"]

logger = logging.getLogger(__name__)

COLLECTIONS_OF_FEED = statement("harvester", "collections_of_feed")

#: Records of one transaction that withdraws.
_WITHDRAWN_AT_ONCE = 500
#: The server plans with wrong sizes of tables after so many Items, and again whenever there are `_MANY_TIMES` as many.
_MANY_ITEMS = 1000
_MANY_TIMES = 4


class TooManyWithdrawals(HarvestError):
    """The run stopped: it would withdraw more records than one run may."""


def harvest(feed: Feed, rooms: HarvestRooms, request: Request, watch: Watcher = nobody_watches) -> HarvestReport:
    """Harvest a feed into the catalogue: resume its last run if that was killed, else begin one.

    Args:
        feed: what to harvest.
        rooms: the database and the documents.
        request: what the operator asked for.
        watch: called often with the report so far and what the source has seen, the same objects each time.

    Returns:
        The account of the run. Records in quarantine are in it; they do not stop the run.

    Raises:
        CollectionDocumentError: there is no document of the collection that the operator named.
        CredentialsMissing: the document of the source names some that are not given.
        RunBusy: another process harvests this feed.
        SourceUnavailable: the source cannot be read.
        TooManyWithdrawals: more records would be withdrawn than one run may.
        CatalogueError: the catalogue cannot be written.

    After an error all pages before are committed and can be searched, and nothing of the last one is written.
    """
    refuse_unknown_collection(feed, rooms, request)
    with translated_errors(rooms.attempts), CatalogueConnections(rooms.conninfo, rooms.attempts) as connections:
        run = connections.patiently(lambda _, side: run_of(side, feed, request))
        report = _work(connections, feed, rooms, run, watch)
        if report is None:
            raise RunBusy(f"{feed.name} is run {run.id}: see `dinamis harvest status`, or cancel it.")
        return report


def work_on(run: Run, feed: Feed, rooms: HarvestRooms, watch: Watcher = nobody_watches) -> HarvestReport | None:
    """Do the parts of a run on which nobody works; None where there are none. Raises as `harvest`."""
    with translated_errors(rooms.attempts), CatalogueConnections(rooms.conninfo, rooms.attempts) as connections:
        return _work(connections, feed, rooms, run, watch)


# At work


@dataclass
class _Work:
    """What one process does of one run."""

    connections: CatalogueConnections
    feed: Feed
    rooms: HarvestRooms
    run: Run
    report: HarvestReport
    progress: Progress
    watch: Watcher
    touched: set[str]
    counts_refreshed_at: datetime
    analyzed_next: int = _MANY_ITEMS  #: after so many Items
    state: str | None = None  #: what the source said of itself before it was read
    content: str | None = None  #: a digest of what it held then, where that was asked for
    failure: Occasion | None = None  #: why the run did not come to its end


def _work(
    connections: CatalogueConnections, feed: Feed, rooms: HarvestRooms, run: Run, watch: Watcher
) -> HarvestReport | None:
    """Do the parts of a run that nobody works on, and bring it to its end if they were the last."""
    report = HarvestReport(
        feed.name, feed.location, run.started_at, run=run.id, kind=run.kind, is_everything=run.is_everything
    )
    work = _Work(connections, feed, rooms, run, report, Progress(), watch, set(), datetime.now(UTC))
    connections.patiently(partial(_publish_missing_collections, work))
    worked = False
    try:
        refuse_without_credentials(feed)
        with _frozen_beginnings():
            while (part := connections.patiently(lambda _, side: runs.claim_part(side, run))) is not None:
                worked = True
                _harvest_part(work, part)
        return _finish(work) or (report.ended("running", work.progress.passed_over) if worked else None)
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
    """Let the collector of garbage pass over what was loaded before: visiting it costs a fifth of a first harvest.

    It is not collected before: that alone takes longer than a run in which nothing has changed.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _harvest_part(work: _Work, part: Part) -> None:
    """Read a part from its cursor on and write it page by page, or leave it unread where nothing has changed."""
    work.connections.on_reconnection(lambda side: runs.lock_again(side, part))
    work.report.add_counts(part.counts)
    work.watch(work.report, work.progress)
    if not (part.pages == 0 and _is_left_unread(work, part)):
        _read_part(work, part)
    work.connections.patiently(lambda _, side: runs.unlock_part(side, part.run, part.number))
    work.connections.on_reconnection(lambda _: None)


def _is_left_unread(work: _Work, part: Part) -> bool:
    """Whether the source says that nothing has changed since all of it was harvested; then that is the whole part."""
    if not source_states.is_comparable(work.run.request):
        return False
    state = work.state = source_states.state_of(work.feed)
    if state is None or not source_states.is_plain(work.run.request):
        return False
    written = _count_unchanged(work, part, state)
    if written is None:
        former = work.connections.patiently(lambda _, side: source_states.kept_content(side, work.feed.name))
        if source_states.is_other_content(work.feed, former):
            return False
        work.content = source_states.content_of(work.feed)
        written = _count_unchanged(work, part, state)
    if written is None:
        return False
    work.report.add(written)
    work.watch(work.report, work.progress)
    return True


def _count_unchanged(work: _Work, part: Part, state: str) -> PageReport | None:
    """The account of a part in which nothing has changed; None where that is not known."""

    def count(connection: Connection, _: Connection) -> tuple[Part, PageReport | None]:
        if not source_states.is_as_harvested(connection, work.run, state, work.content):
            return part, None
        written = source_states.count_unchanged(connection, work.run, state)
        return runs.advance(connection, part, None, written, is_done=True), written

    return work.connections.once(count, lambda connection, done: runs.is_at(connection, done[0]))[1]


def _read_part(work: _Work, part: Part) -> None:
    work.connections.patiently(lambda _, side: source_states.forget_state(side, work.feed.name))
    is_done, taken_up = False, part
    feed = work.feed.asked_anew() if work.run.request.is_full else work.feed
    with ReadingAhead(_reader(work), partial(_are_news, work)) as ahead:
        known = ahead.fingerprints(KnownFingerprints(work.connections, work.feed, work.run.request))
        source = SOURCES[feed.kind]
        pages = source.read_pages(feed.options, part.selection, part.cursor, work.progress, known)
        try:
            wanted = limited(awaited(pages, feed), work.run.request, part.counts.get("read", 0))
            for page, readings in ahead.pages(wanted):
                is_done = page.next_cursor is None
                part = _write_page(work, part, page, readings, is_done=is_done)
        except AnsweredWithError as error:
            # Page tokens expire: asked for again, such a page would be refused for ever.
            if part is taken_up and part.cursor:
                raise CursorLost(str(error)) from error
            raise
    if not is_done:  # the source ended without a last page, or nothing was left below the limit
        _write_page(work, part, Page(records=(), next_cursor=None), (), is_done=True)


def _reader(work: _Work) -> Reader:
    return Reader(
        scene_from_record=SOURCES[work.feed.kind].scene_from_record,
        sensors=work.rooms.sensors,
        source=work.feed.source,
        collection=work.feed.collection or work.run.request.collection,
    )


def _are_news(work: _Work, records: Sequence[RawRecord]) -> list[bool]:
    """Which of the records are likely to be read when their page is written: those that the ledger does not hold."""
    storable = [raw.id == printable(raw.id) for raw in records]
    if writing_options(work.run.request).reads_all:
        return storable
    names = [raw.id for raw, is_storable in zip(records, storable, strict=True) if is_storable]
    known = work.connections.patiently(lambda _, side: _ledger_beside(side, work).known(names))
    return [
        is_storable and not (raw.id in known and known[raw.id].digest == raw.digest())
        for raw, is_storable in zip(records, storable, strict=True)
    ]


def _ledger_beside(side: Connection, work: _Work) -> Ledger:
    return Ledger(side, source=work.feed.source, feed=work.feed.name, run=work.run.id, now=datetime.now(UTC))


def _write_page(work: _Work, part: Part, page: Page, readings: Readings, *, is_done: bool) -> Part:
    """Write a page in one transaction; after a lost connection again, from the start, on new connections."""
    with told_if_long(f"writing a page of {len(page.records) + len(page.unread)} records"):
        part, written, touched = work.connections.once(
            partial(_write_page_once, work, part, page, readings, is_done),
            lambda connection, done: runs.is_at(connection, done[0]),
        )
    work.report.add(written)
    work.touched |= touched
    work.watch(work.report, work.progress)
    if touched and (datetime.now(UTC) - work.counts_refreshed_at).total_seconds() > 10:
        work.connections.patiently(lambda _, side: catalogue.refresh_counts(side))
        work.counts_refreshed_at = datetime.now(UTC)
    if work.report.items_written >= work.analyzed_next:
        work.connections.patiently(lambda _, side: catalogue.analyze_ledger(side))
        work.analyzed_next = work.report.items_written * _MANY_TIMES
    return part


def _write_page_once(
    work: _Work,
    part: Part,
    page: Page,
    readings: Readings,
    is_done: bool,
    connection: Connection,
    side: Connection,
) -> tuple[Part, PageReport, set[str]]:
    writing = PageWriting(connection, side, work.feed, work.run.id, work.rooms, writing_options(work.run.request))
    written = writing.take_in(page, readings)
    if written.withdrawn:
        _refuse_too_many(work, connection)
    writing.write_items()
    drift.keep_sample(connection, part, work.feed, page, written)
    advanced = runs.advance(connection, part, page.next_cursor, written, is_done=is_done)
    return advanced, written, writing.touched_collections()


def _refuse_too_many(work: _Work, connection: Connection, more: int = 0) -> None:
    """Stop before more records in force are withdrawn than one run may: those that it has withdrawn, and `more`.

    Raises:
        TooManyWithdrawals: these would be more.
    """
    if work.run.request.allow_withdrawals or not work.run.active_before:
        return
    gone = count_withdrawn(connection, work.run) + more
    limit = withdrawal_limit(work.run, work.feed.withdrawals)
    if gone > limit:
        raise TooManyWithdrawals(
            f"It would be at least {gone} of {work.run.active_before} records of {work.feed.name}; "
            f"{limit} are allowed ({work.feed.withdrawals.max_share:.0%}). If the source is right, run it again with "
            "--allow-withdrawals."
        )


# The end


def _finish(work: _Work) -> HarvestReport | None:
    """Bring the run to its end, if all its parts are done and no other process does so."""
    with told_if_long("looking for what the whole run did not see, and at what is expected of it"):
        return work.connections.patiently(partial(_finish_once, work))


def _finish_once(work: _Work, connection: Connection, side: Connection) -> HarvestReport | None:
    run = runs.run_by_id(side, work.run.id)
    if run is not None and run.state == work.report.state != "running":  # it was ended here, and that not heard of
        return work.report
    if run is None or run.state != "running" or not runs.is_complete(side, run.id):
        return None
    if not runs.try_finishing(side, run.id):
        return None
    work.report.is_resumed = run.is_resumed
    work.report.restart_counts(runs.counts_of(side, run.id))
    if source_states.is_comparable(run.request) and not source_states.was_left_unread(side, run):
        settle_sightings(side, run)
    if _saw_everything(side, run):
        work.report.absent = mark_absent(side, run)
        if work.feed.withdrawals.by_absence:
            _withdraw_overdue(work, connection, side)
    work.report.drift = drift.settle(side, run.id, work.feed.name)
    collections = _collections_of(side, work.feed) | work.touched
    documents = [work.rooms.documents[each] for each in sorted(collections & work.rooms.documents.keys())]
    work.report.breaches = [breach for each in documents for breach in breaches_of(side, each, work.report)]
    state = "failed" if work.report.breaches else "succeeded"
    if work.report.items_written >= _MANY_ITEMS:
        catalogue.analyze_ledger(side)
    if state == "succeeded" and not source_states.was_left_unread(side, run):
        _keep_state(work, side, run)
    work.report.ended(state, work.progress.passed_over)
    _end_with_notes(work.report, side, run, collections)
    runs.stop_finishing(side, run.id)
    return work.report


def _end_with_notes(report: HarvestReport, side: Connection, run: Run, collections: set[str]) -> None:
    """End a run, and note what its end told; both or neither, as notes are added to those that there are."""
    with side.transaction():
        runs.note(side, run.id, "breach", [(breach, "", 1) for breach in report.breaches])
        runs.note(side, run.id, "absent", [("records", "", report.absent)] if report.absent else [])
        runs.note(side, run.id, "passed over", [(kind, "", number) for kind, number in report.passed_over.items()])
        catalogue.note_harvested(side, collections)
        runs.end(side, run.id, report.state, "; ".join(report.breaches) or None)


def _saw_everything(side: Connection, run: Run) -> bool:
    """Whether a record that this run did not see is not at the source: never after a run that was not whole."""
    if not run.is_everything or run.is_resumed or source_states.was_left_unread(side, run):
        return False
    return runs.counts_of(side, run.id).get("read", 0) > 0


def _keep_state(work: _Work, side: Connection, run: Run) -> None:
    """Keep what the source said of itself before it was read, if it says the same afterwards."""
    if work.state is None or run.is_resumed or not source_states.is_comparable(run.request):
        return
    try:
        content = work.progress.content or work.content or source_states.content_of(work.feed)
        is_lasting = source_states.state_of(work.feed) == work.state
    except SourceUnavailable as error:
        logger.info("%s does not say whether it has changed meanwhile: %s", work.feed.name, error)
        return
    if is_lasting:
        source_states.keep_state(side, work.feed.name, work.state, content)


def _withdraw_overdue(work: _Work, connection: Connection, side: Connection) -> None:
    overdue = overdue_records(side, work.feed.name, work.feed.withdrawals)
    if overdue:
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
    """Note why a run did not come to its end; one that came some way can be resumed."""
    state = "cancelled" if isinstance(error, RunCancelled) else "failed"

    def end(_: Connection, side: Connection) -> None:
        came_some_way = runs.counts_of(side, work.run.id).get("read", 0) > 0
        is_lasting = isinstance(error, SourceUnavailable) and not isinstance(error, CursorLost)
        is_resumable = came_some_way and is_lasting
        runs.end(side, work.run.id, state, str(error), is_resumable=is_resumable)

    try:
        work.connections.patiently(end)
    except (psycopg.Error, HarvestError) as failure:
        logger.warning("that run %s failed could not be noted: %s", work.run.id, failure)
    work.report.error = str(error)
    if not isinstance(error, RunCancelled):
        kind: Kind = "withdrawals" if isinstance(error, TooManyWithdrawals) else "failure"
        work.failure = Occasion(kind, str(error), work.run.id)
    work.report.ended(state, work.progress.passed_over)
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
    publish_changes(side, work.rooms.documents, work.rooms.language, work.touched)


# What all of it needs


def _publish_missing_collections(work: _Work, _: Connection, side: Connection) -> None:
    if work.rooms.documents.keys() - catalogue.stored_collections(side):
        publish_collections(work.rooms.conninfo, work.rooms.documents, work.rooms.language)


def _collections_of(side: Connection, feed: Feed) -> set[str]:
    """The collection that a feed is for; else those that have Items of it."""
    if feed.collection:
        return {feed.collection}
    return {row[0] for row in side.execute(COLLECTIONS_OF_FEED, {"feed": feed.name})}
