"""Retiring a source that no collection document names any more: all its records are withdrawn.

A retirement is a run, so it can be resumed and undone. Items with records of other sources stay, built from these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from psycopg import Connection
from psycopg.rows import class_row

from database.statements import statements
from harvester import runs
from harvester.amendments.amendment_run import PAGE_SIZE, AmendedPage, carry_out, try_out
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.collection_documents import CollectionDocuments
from harvester.errors import HarvestError
from harvester.feeds import Feed, named_sources
from harvester.harvest_context import HarvestContext
from harvester.record import Page, Withdrawal
from harvester.runs import Request, Run
from harvester.runs.report import HarvestReport
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.source import Selection

RETIRABLE_SOURCES, RECORDS_TO_RETIRE = statements("harvester.amendments", "retirable_sources", "records_to_retire")

REASON = "its source was retired"


class RetirementRefused(HarvestError):
    """This source cannot be retired."""


@dataclass(frozen=True)
class RetirableSource:
    """A source that no document names, and how many of its records a retirement would withdraw."""

    feed: str
    source: str
    active: int
    quarantined: int


def source_to_retire(connection: Connection, name: str, documents: CollectionDocuments) -> RetirableSource:
    """The source of this name.

    Args:
        connection: any that may read the ledger.
        name: of its feed; or of the source alone, if that has only one feed that no document names.
        documents: those in use.

    Raises:
        RetirementRefused: there is no such source, there are several, or a document names it.
    """
    called = [each for each in _sources(connection) if name in (each.feed, each.source)]
    named = named_sources(documents)
    chosen = [each for each in called if each.feed == name] or [each for each in called if each.feed not in named]
    if not called:
        raise RetirementRefused(f"The ledger knows no source {name}: `dinamis harvest status` lists those there are.")
    if len(chosen) > 1:
        raise RetirementRefused(f"{name} is the source of several: say {' or '.join(each.feed for each in chosen)}.")
    source = (chosen or called)[0]
    if source.feed in named:
        collection = source.feed.partition("/")[0]
        raise RetirementRefused(
            f"{documents[collection].file} names {source.feed}, and its next harvest would take all of it in again: "
            "take it out of that document first, then restart workers and schedulers."
        )
    return source


def retire_source(
    name: str, context: HarvestContext, *, dry_run: bool = False, watch: Watcher = nobody_watches
) -> HarvestReport:
    """Withdraw all records of a source, also those in quarantine, or resume a retirement that did not finish.

    Args:
        name: as `source_to_retire` takes it.
        context: the database and the documents.
        dry_run: write nothing, and report what each Item would become.
        watch: called after each page.

    Raises:
        RetirementRefused: there is no such source, a document names it, or nothing of it is left.
        RunBusy: another run of it has not ended, or another process is retiring it.
        CatalogueError: the catalogue cannot be written.
    """
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        source = connections.patiently(lambda _, side: source_to_retire(side, name, context.documents))
        feed = connections.patiently(lambda _, side: runs.kept_feed(side, source.feed))
        report = HarvestReport(feed.name, feed.location, datetime.now(UTC), kind="retire", dry_run=dry_run)
        next_page = partial(_page_after, feed)
        if dry_run:
            connections.patiently(lambda _, side: _require_work(side, feed))
            try_out(connections, context, next_page, report, watch)
        else:
            run = connections.patiently(lambda _, side: _retirement(side, feed))
            report.run, report.started_at = run.id, run.started_at
            carry_out(connections, context, run, next_page, report, watch)
    return report


def _sources(connection: Connection) -> Sequence[RetirableSource]:
    with connection.cursor(row_factory=class_row(RetirableSource)) as rows:
        return rows.execute(RETIRABLE_SOURCES).fetchall()


def _retirement(side: Connection, feed: Feed) -> Run:
    """The run that retires a source: one that was begun before, if it was the last to change records, else a new one.

    Raises:
        RetirementRefused: nothing of it is left.
        RunBusy: another run of it has not ended.
    """
    with side.transaction():
        runs.wait_for_beginners(side, feed.name)
        if left := _unfinished(side, feed):
            runs.take_up(side, left)
            return left
        runs.set_aside_killed(side, feed.name, "retire")
        runs.require_none_under_way(side, feed.name)
        _require_work(side, feed)
        return runs.begin(side, feed, Request(), [Selection()], is_everything=False, kind="retire")


def _unfinished(side: Connection, feed: Feed) -> Run | None:
    """The retirement of a source that was begun and did not finish, if it was the last to change records."""
    left = runs.last_run(side, feed.name)
    return left if left and left.kind == "retire" and left.state != "succeeded" else None


def _require_work(side: Connection, feed: Feed) -> None:
    left = "SELECT FROM dinamis.source_record WHERE feed = %s AND state != 'withdrawn' LIMIT 1"
    if not (_unfinished(side, feed) or side.execute(left, (feed.name,)).rowcount):
        raise RetirementRefused(f"Nothing of {feed.name} is in force or in quarantine.")


def _page_after(feed: Feed, connection: Connection, cursor: str | None) -> AmendedPage:
    """The next records in force, those of an Item together; the last page also has all that are in quarantine."""
    rows = connection.execute(
        RECORDS_TO_RETIRE, {"feed": feed.name, "after": cursor or "", "size": PAGE_SIZE}
    ).fetchall()
    records = [record for _, record in rows]
    is_last = len(rows) < PAGE_SIZE
    if is_last:
        records += _quarantined(connection, feed.name)
    withdrawals = [Withdrawal(id=record, reason=REASON) for record in records]
    next_cursor = None if is_last else str(rows[-1][0])
    return AmendedPage(feed=feed, page=Page(records=(), withdrawals=withdrawals, next_cursor=next_cursor))


def _quarantined(connection: Connection, feed: str) -> list[str]:
    rows = connection.execute(
        "SELECT record FROM dinamis.source_record WHERE feed = %s AND state = 'quarantined' ORDER BY id", (feed,)
    )
    return [record for (record,) in rows]
