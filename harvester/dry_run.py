"""A harvest that writes nothing: what each Item would become, field by field."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from psycopg import Connection

from harvester import runs
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext
from harvester.pages.writing import PageWriting
from harvester.record import NAMELESS, Page
from harvester.runs import Request
from harvester.runs.absence import overdue_pages, unseen_records
from harvester.runs.planning import (
    KnownFingerprints,
    awaited,
    limited,
    refuse_unknown_collection,
    refuse_without_credentials,
    selection_of,
    writing_options,
)
from harvester.runs.report import HarvestReport, Outcome, PageReport, storable_id
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.registry import SOURCES
from harvester.sources.source import Progress


def dry_run(feed: Feed, context: HarvestContext, request: Request, watch: Watcher = nobody_watches) -> HarvestReport:
    """Read and compare all that a harvest would, write nothing, and report what each Item would become.

    Raises what `harvest` raises. It neither begins a run nor resumes one.
    """
    refuse_unknown_collection(feed, context, request)
    refuse_without_credentials(feed)
    report = HarvestReport(feed.name, feed.location, datetime.now(UTC), dry_run=True)
    progress = Progress()
    asked = feed.asked_anew() if request.is_full else feed
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        selection = connections.patiently(lambda _, side: selection_of(side, feed, request))
        report.is_everything = selection.is_everything
        known = KnownFingerprints(connections, feed, request)
        seen: set[str] = set()
        watch(report, progress)
        pages = SOURCES[feed.kind].read_pages(asked.options, selection, None, progress, known)
        for page in limited(awaited(pages, feed, progress), request):
            report.add(connections.patiently(partial(_compared, feed, context, request, page, report)))
            seen |= {*page.unread, *(storable_id(raw.id) for raw in page.records)}
            seen |= {storable_id(withdrawal.id) for withdrawal in page.withdrawals}
            watch(report, progress)
        refused = [refusal.record for refusal in report.refusals]
        has_nameless = any(record.startswith(NAMELESS) for record in refused)
        if seen and selection.is_everything and request.limit is None and not has_nameless:
            report.absent, overdue = connections.patiently(
                lambda _, side: unseen_records(side, feed.name, feed.withdrawals, seen, refused)
            )
            if feed.withdrawals.by_absence:
                for page in overdue_pages(overdue):
                    gone = connections.patiently(partial(_compared, feed, context, request, page, report))
                    report.add(gone)
                    report.absent -= gone.outcomes[Outcome.WITHDRAWN]
    return report.ended("succeeded")


def _compared(
    feed: Feed,
    context: HarvestContext,
    request: Request,
    page: Page,
    report: HarvestReport,
    connection: Connection,
    side: Connection,
) -> PageReport:
    with connection.transaction(force_rollback=True):
        runs.keep_feed(connection, feed)
        writing = PageWriting(connection, side, feed, None, context, writing_options(request))
        compared, changes = writing.take_in(page), writing.changes()
    report.changes += changes
    return compared
