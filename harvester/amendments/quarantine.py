"""Records that were refused: what they say, why they were refused, and reading them again with the present code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from database.statements import statements
from harvester import runs
from harvester.amendments.amendment_run import PAGE_SIZE, AmendedPage, carry_out, try_out
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.errors import HarvestError
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext
from harvester.ledger import KeptRecord, content_from_bytes
from harvester.record import Page
from harvester.runs import Request, Run
from harvester.runs.report import HarvestReport
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.source import Selection

QUARANTINED, QUARANTINED_RECORD, FEEDS_WITH_QUARANTINED, RECORDS_TO_REPLAY = statements(
    "harvester.amendments", "quarantined", "quarantined_record", "feeds_with_quarantined", "records_to_replay"
)


class NotInQuarantine(HarvestError):
    """No such record is in quarantine."""


@dataclass(frozen=True)
class QuarantinedRecord:
    """A record that was refused."""

    source: str
    record: str
    feed: str
    stage: str  #: where it was refused: read, or build, which includes finding its place
    reason: str
    first_seen: datetime
    last_seen: datetime


def quarantined(connection: Connection, feed: str | None = None, limit: int = 1000) -> list[QuarantinedRecord]:
    """The records in quarantine, of one feed or of all, the last seen first."""
    with connection.cursor(row_factory=class_row(QuarantinedRecord)) as rows:
        return rows.execute(QUARANTINED, {"feed": feed, "limit": limit}).fetchall()


def quarantined_record(connection: Connection, source: str, record: str) -> tuple[QuarantinedRecord, Any]:
    """A record in quarantine, and what it says, as JSON data.

    Raises:
        NotInQuarantine: there is none with this id.
    """
    row = connection.execute(QUARANTINED_RECORD, {"source": source, "record": record}).fetchone()
    if row is None:
        raise NotInQuarantine(f"Asked for: {record} of {source}; see `dinamis harvest quarantine list`.")
    *known, content = row
    return QuarantinedRecord(*known), content_from_bytes(content)


def replay_quarantine(
    context: HarvestContext,
    feeds: Mapping[str, Feed],
    *,
    feed: str | None = None,
    record: str | None = None,
    dry_run: bool = False,
    watch: Watcher = nobody_watches,
) -> HarvestReport:
    """Read records in quarantine again with the present reader and documents, feed by feed.

    Those that can be read now become Items; the others stay, with their present reason.

    Args:
        context: the database and the documents.
        feeds: all feeds, by name.
        feed: only records of this one.
        record: only this record.
        dry_run: write nothing, and report what each Item would become.
        watch: called after each page.

    Returns:
        One account for all feeds; with the number of the run if there was only one.

    Raises:
        NotInQuarantine: no such record of these feeds is in quarantine.
        RunBusy: another process replays one of these feeds.
        CatalogueError: the catalogue cannot be written.
    """
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        waiting = connections.patiently(lambda _, side: _feeds_with_any(side, feed, record))
        chosen = [feeds[name] for name in waiting if name in feeds]
        if not chosen:
            raise NotInQuarantine(_explained(waiting, feed, record))
        report = _report_of(chosen)
        for each in chosen:
            page_after = partial(_page_after, each, record)
            if dry_run:
                try_out(connections, context, page_after, report, watch)
            else:
                run = _begin(connections, each, record)
                report.run = run.id if len(chosen) == 1 else None
                carry_out(connections, context, run, page_after, report, watch)
    report.dry_run, report.state, report.finished_at = dry_run, "succeeded", datetime.now(UTC)
    return report


def _feeds_with_any(side: Connection, feed: str | None, record: str | None) -> list[str]:
    return [row[0] for row in side.execute(FEEDS_WITH_QUARANTINED, {"feed": feed, "record": record})]


def _explained(waiting: Iterable[str], feed: str | None, record: str | None) -> str:
    if unknown := ", ".join(waiting):
        return f"Some are, but of feeds in no collection document: {unknown}."
    return f"Asked for: {record or 'all records'} of {feed or 'all feeds'}; see `dinamis harvest quarantine list`."


def _report_of(feeds: list[Feed]) -> HarvestReport:
    names = ", ".join(each.name for each in feeds)
    return HarvestReport(names, ", ".join(each.location for each in feeds), datetime.now(UTC), kind="replay")


def _begin(connections: CatalogueConnections, feed: Feed, record: str | None) -> Run:
    """A new run. A killed one need not be resumed: what it took in is no longer in quarantine.

    Raises:
        NotInQuarantine: another process, which was waited for, gave the source another name.
        RunBusy: another process works on one.
    """

    def begin(_: Connection, side: Connection) -> Run:
        with side.transaction():
            runs.wait_for_beginners(side, feed.name)
            if not _feeds_with_any(side, feed.name, record):
                raise NotInQuarantine(_explained((), feed.name, record))
            runs.set_aside_killed(side, feed.name, "replay")
            run = runs.begin(side, feed, Request(), [Selection()], is_everything=False, kind="replay")
            runs.stay_at_work(side, run.id)
        return run

    return connections.patiently(begin)


def _page_after(feed: Feed, record: str | None, connection: Connection, cursor: str | None) -> AmendedPage:
    rows = connection.execute(
        RECORDS_TO_REPLAY, {"feed": feed.name, "record": record, "after": int(cursor or 0), "size": PAGE_SIZE}
    ).fetchall()
    records = [
        KeptRecord(id=name, content=content_from_bytes(content), fingerprint=fingerprint, kept_digest=bytes(digest))
        for _, name, digest, fingerprint, content in rows
    ]
    is_last = len(rows) < PAGE_SIZE
    return AmendedPage(feed=feed, page=Page(records=records, next_cursor=None if is_last else str(rows[-1][0])))
