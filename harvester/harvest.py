"""One harvest: pages of raw records from a source become Items in the catalogue.

The only module that joins the others. The way of a record: `read_pages` (source) -> `scene_from_record` (reader) ->
`PageWriting`: acquisitions, ledger, `item_from_scenes` -> catalogue. A page is one transaction: its ledger rows, its
Items and the cursor after it are committed together or not at all, so that a killed run continues where it stopped.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import psycopg
from psycopg import Connection

from database.long_work import told_if_long
from harvester import catalogue, runs
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.catalogue.publish import publish_missing_collections
from harvester.errors import AnsweredWithError, CatalogueError, CursorLost, SourceUnavailable, UnreadableAnswer
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext
from harvester.harvest_end import end_early, finish, publish_what_was_written, tell
from harvester.harvest_work import TooManyWithdrawals, Work, refuse_too_many
from harvester.ledger import Ledger
from harvester.pages.reading_ahead import Reader, ReadingAhead, Readings
from harvester.pages.writing import PageWriting
from harvester.record import Page, RawRecord
from harvester.runs import Part, Request, Run, RunCancelled, drift, source_states
from harvester.runs.notice_sending import Occasion
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

__all__ = ["HarvestContext", "Request", "TooManyWithdrawals", "harvest", "work_on"]

#: The ledger is analysed again each time the run has written this many times more Items.
_MANY_TIMES = 4


def harvest(feed: Feed, context: HarvestContext, request: Request, watch: Watcher = nobody_watches) -> HarvestReport:
    """Harvest a feed into the catalogue: resume its last run if that was killed, else begin a new one.

    Args:
        feed: what to harvest.
        context: the database and the documents.
        request: what the operator asked for.
        watch: called often with the report so far and the source's progress, the same objects each time.

    Returns:
        The report of the run. Quarantined records are counted in it; they do not stop the run.

    Raises:
        CollectionDocumentError: the collection that the operator named has no document.
        CredentialsMissing: the document names credentials that are not given.
        RunBusy: another process harvests this feed.
        SourceUnavailable: the source cannot be read.
        TooManyWithdrawals: more records would be withdrawn than one run may.
        CatalogueError: the catalogue cannot be written.

    After an error, all earlier pages are committed and searchable, and nothing of the current page is written.
    """
    refuse_unknown_collection(feed, context, request)
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        run = connections.patiently(lambda _, side: run_of(side, feed, request))
        report = _work(connections, feed, context, run, watch)
        if report is None:
            raise connections.patiently(lambda _, side: runs.busy(side, run.id))
        return report


def work_on(run: Run, feed: Feed, context: HarvestContext, watch: Watcher = nobody_watches) -> HarvestReport | None:
    """Do the parts of a run that nobody works on; None where there are none. Raises what `harvest` raises."""
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        return _work(connections, feed, context, run, watch)


def _work(
    connections: CatalogueConnections, feed: Feed, context: HarvestContext, run: Run, watch: Watcher
) -> HarvestReport | None:
    """Do the parts of a run that nobody works on, and finish the run if they were the last."""
    report = HarvestReport(
        feed.name, feed.location, run.started_at, run=run.id, kind=run.kind, is_everything=run.is_everything
    )
    work = Work(connections, feed, context, run, report, watch)
    connections.patiently(
        lambda _, side: publish_missing_collections(side, context.conninfo, context.documents, context.language)
    )
    worked = False
    try:
        refuse_without_credentials(feed)
        with _frozen_beginnings():
            while (part := connections.patiently(lambda _, side: runs.claim_part(side, run))) is not None:
                worked = True
                _harvest_part(work, part)
        return finish(work) or (report.ended("running") if worked else None)
    except (SourceUnavailable, CatalogueError, TooManyWithdrawals, RunCancelled) as error:
        end_early(work, error)
        raise
    except psycopg.Error as error:
        work.failure = Occasion("failure", str(error), run.id)
        raise
    finally:
        publish_what_was_written(work)
        tell(work)


@contextmanager
def _frozen_beginnings() -> Iterator[None]:
    """Exclude what was loaded before from garbage collection: visiting it costs a fifth of a first harvest.

    No collection is run first: that alone takes longer than a run in which nothing has changed.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _harvest_part(work: Work, part: Part) -> None:
    """Read a part from its cursor on and write it page by page, or leave it unread where nothing has changed."""
    work.connections.on_reconnection(lambda side: runs.lock_again(side, part))
    work.report.add_counts(part.counts)
    work.watch(work.report, work.progress)
    if not (part.pages == 0 and _is_left_unread(work, part)):
        _read_part(work, part)
    work.connections.patiently(lambda _, side: runs.unlock_part(side, part.run, part.number))
    work.connections.on_reconnection(lambda _: None)


def _is_left_unread(work: Work, part: Part) -> bool:
    """Whether the source says that nothing has changed since it was harvested whole; the part is then done."""
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


def _count_unchanged(work: Work, part: Part, state: str) -> PageReport | None:
    """Count a part in which nothing has changed as unchanged; None where that is not certain."""

    def count(connection: Connection, _: Connection) -> tuple[Part, PageReport | None]:
        if not source_states.is_as_harvested(connection, work.run, state, work.content):
            return part, None
        written = source_states.count_unchanged(connection, work.run, state)
        return runs.advance(connection, part, None, written, is_done=True), written

    return work.connections.once(count, lambda connection, done: runs.is_at(connection, done[0]))[1]


def _read_part(work: Work, part: Part) -> None:
    work.connections.patiently(lambda _, side: source_states.forget_state(side, work.feed.name))
    is_done, taken_up = False, part
    feed = work.feed.asked_anew() if work.run.request.is_full else work.feed
    with ReadingAhead(_reader(work), partial(_are_news, work)) as ahead:
        known = ahead.fingerprints(KnownFingerprints(work.connections, work.feed, work.run.request))
        source = SOURCES[feed.kind]
        pages = source.read_pages(feed.options, part.selection, part.cursor, work.progress, known)
        try:
            wanted = limited(awaited(pages, feed, work.progress), work.run.request, part.counts.get("read", 0))
            for page, readings in ahead.pages(wanted):
                is_done = page.next_cursor is None
                part = _write_page(work, part, page, readings, is_done=is_done)
        except (AnsweredWithError, UnreadableAnswer) as error:
            # Page tokens expire, or were wrong: resuming from this one would fail for ever.
            if part is taken_up and part.cursor:
                raise CursorLost(str(error)) from error
            raise
    if not is_done:  # the source ended without a last page, or nothing was left below the limit
        _write_page(work, part, Page(records=(), next_cursor=None), (), is_done=True)


def _reader(work: Work) -> Reader:
    return Reader(
        scene_from_record=SOURCES[work.feed.kind].scene_from_record,
        sensors=work.context.sensors,
        source=work.feed.source,
        collection=work.feed.collection or work.run.request.collection,
    )


def _are_news(work: Work, records: Sequence[RawRecord]) -> list[bool]:
    """For each record, whether it will probably be read when its page is written: it is not in the ledger as it is."""
    storable = [raw.id == printable(raw.id) for raw in records]
    if writing_options(work.run.request).reads_all:
        return storable
    names = [raw.id for raw, is_storable in zip(records, storable, strict=True) if is_storable]
    known = work.connections.patiently(lambda _, side: _ledger_beside(side, work).records.known(names))
    return [
        is_storable and not (raw.id in known and known[raw.id].digest == raw.digest())
        for raw, is_storable in zip(records, storable, strict=True)
    ]


def _ledger_beside(side: Connection, work: Work) -> Ledger:
    return Ledger(side, source=work.feed.source, feed=work.feed.name, run=work.run.id, now=datetime.now(UTC))


def _write_page(work: Work, part: Part, page: Page, readings: Readings, *, is_done: bool) -> Part:
    """Write a page in one transaction; after a lost connection, start again on new connections."""
    with told_if_long(f"writing a page of {len(page.records) + len(page.unread)} records"):
        part, written, touched = work.connections.once(
            partial(_write_page_once, work, part, page, readings, is_done=is_done),
            lambda connection, done: runs.is_at(connection, done[0]),
        )
    work.report.add(written)
    work.touched |= touched
    work.watch(work.report, work.progress)
    if touched and (datetime.now(UTC) - work.searches_forgotten_at).total_seconds() > 10:
        work.connections.patiently(lambda _, side: catalogue.forget_searches(side))
        work.searches_forgotten_at = datetime.now(UTC)
    if work.report.items_written >= work.analyzed_next:
        work.connections.patiently(lambda _, side: catalogue.analyze_ledger(side))
        work.analyzed_next = work.report.items_written * _MANY_TIMES
    return part


def _write_page_once(
    work: Work,
    part: Part,
    page: Page,
    readings: Readings,
    connection: Connection,
    side: Connection,
    *,
    is_done: bool,
) -> tuple[Part, PageReport, set[str]]:
    writing = PageWriting(connection, side, work.feed, work.run.id, work.context, writing_options(work.run.request))
    written = writing.take_in(page, readings)
    if written.withdrawn:
        refuse_too_many(work, connection)
    writing.write_items()
    drift.keep_sample(connection, part, work.feed, page, written)
    advanced = runs.advance(connection, part, page.next_cursor, written, is_done=is_done)
    return advanced, written, writing.touched_collections()
