"""The end of a run, good or bad: absent records, expectations, publication and notices."""

from __future__ import annotations

import logging
from functools import partial

import psycopg
from psycopg import Connection

from database.long_work import told_if_long
from database.statements import statement
from harvester import catalogue, runs
from harvester.catalogue.publish import publish_changes
from harvester.errors import CursorLost, HarvestError, SourceUnavailable
from harvester.harvest_context import WritingOptions
from harvester.harvest_work import MANY_ITEMS, TooManyWithdrawals, Work, refuse_too_many
from harvester.pages.writing import PageWriting
from harvester.runs import PartLost, Run, RunCancelled, drift, source_states
from harvester.runs.absence import has_nameless, mark_absent, overdue_pages, overdue_records, settle_sightings
from harvester.runs.expectations import breaches_of
from harvester.runs.history import take_notes
from harvester.runs.notice_sending import Kind, Occasion
from harvester.runs.notices import notify
from harvester.runs.report import HarvestReport, Outcome
from harvester.stereo.rules import StereoRules

logger = logging.getLogger(__name__)

COLLECTIONS_OF_FEED = statement("harvester", "collections_of_feed")


def finish(work: Work) -> HarvestReport | None:
    """Finish the run, if all its parts are done and no other process finishes it."""
    with told_if_long("looking for what the whole run did not see, and at what is expected of it"):
        return work.connections.patiently(partial(_finish_once, work))


def _finish_once(work: Work, connection: Connection, side: Connection) -> HarvestReport | None:
    run = runs.run_by_id(side, work.run.id)
    if run is not None and run.state == work.report.state != "running":  # ended here; the answer was lost
        return work.report
    if not runs.is_complete(side, work.run.id) or not runs.try_finishing(side, work.run.id):
        return None
    run = runs.run_by_id(side, work.run.id)
    if run is None or run.state != "running":  # another process had it before, or somebody cancelled it
        runs.stop_finishing(side, work.run.id)
        return None
    work.report.is_resumed = run.is_resumed
    work.report.restart_counts(runs.counts_of(side, run.id))
    take_notes(side, work.report, run.id)
    if source_states.is_comparable(run.request) and not source_states.was_left_unread(side, run):
        settle_sightings(side, run)
    has_seen_all, has_read = _has_seen_all(side, run), work.report.read > 0
    if has_seen_all and has_read:
        work.report.absent = mark_absent(side, run)
        if work.feed.withdrawals.by_absence:
            _withdraw_overdue(work, connection, side)
    work.report.drift = drift.settle(side, run.id, work.feed.name)
    collections = _collections_of(side, work, run)
    documents = [work.context.documents[each] for each in sorted(collections & work.context.documents.keys())]
    work.report.breaches = [breach for each in documents for breach in breaches_of(side, each, work.report)]
    if has_seen_all and not has_read and run.active_before:
        work.report.breaches.append(
            f"{work.feed.name} shows no record at all: the {run.active_before} in force stay, as a source that fails "
            "may look empty. If it is empty for good, take it out of its document, and withdraw them with "
            "`dinamis harvest retire`"
        )
    state = "failed" if work.report.breaches else "succeeded"
    if work.report.items_written >= MANY_ITEMS:
        catalogue.analyze_ledger(side)
    if state == "succeeded" and not source_states.was_left_unread(side, run):
        _keep_state(work, side, run)
    work.report.ended(state)
    _end_with_notes(work.report, side, run, collections)
    runs.stop_finishing(side, run.id)
    return work.report


def _end_with_notes(report: HarvestReport, side: Connection, run: Run, collections: set[str]) -> None:
    """End a run and write down its last notes in one transaction, as a repetition would add the notes twice."""
    with side.transaction():
        runs.note(side, run.id, "breach", [(breach, "", 1) for breach in report.breaches])
        runs.note(side, run.id, "absent", [("records", "", report.absent)] if report.absent else [])
        catalogue.note_harvested(side, collections)
        runs.end(side, run.id, report.state, "; ".join(report.breaches) or None)


def _has_seen_all(side: Connection, run: Run) -> bool:
    """Whether a record that this run did not see is not shown by the source; never after an incomplete run."""
    is_whole = run.is_everything and not run.is_resumed and not source_states.was_left_unread(side, run)
    return is_whole and not has_nameless(side, run)


def _keep_state(work: Work, side: Connection, run: Run) -> None:
    """Keep the state that the source gave before it was read, if it still gives the same and no record was refused."""
    if work.state is None or run.is_resumed or not source_states.is_comparable(run.request):
        return
    if work.report.outcomes[Outcome.QUARANTINED]:  # a record that was readable before leaves no trace in the ledger
        return
    try:
        content = work.progress.content or work.content or source_states.content_of(work.feed)
        is_lasting = source_states.state_of(work.feed) == work.state
    except SourceUnavailable as error:
        logger.info("%s does not say whether it has changed meanwhile: %s", work.feed.name, error)
        return
    if is_lasting:
        source_states.keep_state(side, work.feed.name, work.state, content)


def _withdraw_overdue(work: Work, connection: Connection, side: Connection) -> None:
    overdue = overdue_records(side, work.feed.name, work.feed.withdrawals)
    if overdue:
        refuse_too_many(work, side, sum(is_active for _, is_active in overdue))
    for page in overdue_pages(overdue):
        with connection.transaction():
            writing = PageWriting(connection, side, work.feed, work.run.id, work.context, WritingOptions())
            written = writing.take_in(page)
            writing.write_items()
            runs.add_to_last_part(connection, work.run.id, written)
        work.report.add(written)
        work.report.absent -= written.outcomes[Outcome.WITHDRAWN]  # they are not in their period of grace any more
        work.touched |= writing.touched_collections()


def end_early(work: Work, error: HarvestError) -> None:
    """Write down why a run did not finish; if it had read something, it can be resumed."""
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
    work.report.ended(state)
    work.watch(work.report, work.progress)


def publish_what_was_written(work: Work) -> None:
    """Rebuild what was deferred, and publish the changed collections, however the run ends."""
    try:
        work.connections.patiently(partial(_publish_once, work))
    except (psycopg.OperationalError, PartLost) as error:
        logger.warning("the extents of %s are not refreshed: %s", ", ".join(sorted(work.touched)), error)


def tell(work: Work) -> None:
    """Send the notices that the end of the run calls for; if that fails, the run is not affected."""
    settings = work.context.notices
    if settings is None:
        return
    try:
        work.connections.patiently(lambda _, side: notify(work.report, settings, side, work.failure))
    except psycopg.Error as error:
        logger.warning("nobody was told of run %s: %s", work.run.id, error)


def _publish_once(work: Work, _: Connection, side: Connection) -> None:
    publish_changes(side, work.context.documents, work.context.language, work.touched)


def _collections_of(side: Connection, work: Work, run: Run) -> set[str]:
    """The collections of a feed and of the Items that the whole run changed, and those of their stereo sets."""
    feed, report = work.feed, work.report
    named = {feed.collection} if feed.collection else set()
    # Neither is looked up by an index: the first only where the document names no collection, the second after changes.
    searched = {
        "feed": None if named else feed.name,
        "run": run.id if report.items_written or report.items_removed else None,
    }
    images = named | {collection for (collection,) in side.execute(COLLECTIONS_OF_FEED, searched)}
    return images | StereoRules(work.context.documents).collections_of_sets(images)
