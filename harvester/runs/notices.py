"""Notices about runs and sources: each kind of notice is sent once for each run.

A notice is recorded in the transaction that sends it: two workers that finish together send it once, and one that
reached nobody is sent again the next time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import psycopg
from psycopg import Connection

from database.statements import statements
from harvester.collection_documents import CollectionDocuments
from harvester.feeds import Feed, is_of_a_collection, named_sources
from harvester.instants import spoken
from harvester.runs.notice_sending import Notice, Occasion, is_addressed, send
from harvester.runs.report import HarvestReport, Outcome, counts
from harvester.settings import NoticeSettings

FRESHNESS, FEEDS_IN_FORCE, WRITE_DOWN_NOTICES = statements(
    "harvester.runs", "freshness", "feeds_in_force", "write_down_notices"
)


@dataclass(frozen=True)
class StaleFeed:
    """A feed without a good run for longer than its document allows."""

    feed: str
    days: float  #: that are allowed
    since: datetime  #: the end of its last good run, UTC; the start of its first run if none was good
    run: int  #: that run
    was_good: bool

    def as_occasion(self) -> Occasion:
        """What the notice says of it."""
        last = "was last harvested successfully on" if self.was_good else "was never harvested successfully since"
        text = f"{self.feed} {last} {spoken(self.since)}: {self.days:g} days are allowed"
        return Occasion("stale", text, self.run)


def notify(
    report: HarvestReport, settings: NoticeSettings, connection: Connection, failure: Occasion | None = None
) -> None:
    """Send a notice of a run, if it calls for one that was not sent yet. A failed delivery is only logged.

    Args:
        report: of the run; a dry run calls for no notice, and one that is still running only for that of a failure.
        settings: the recipients, and how many refused records call for a notice.
        connection: in autocommit mode.
        failure: why the run did not finish; then nothing else is reported.

    Raises:
        psycopg.Error: the notice cannot be recorded.
    """
    if report.run is None or report.dry_run:
        return
    notice = Notice(
        subject=f"Harvest of {report.feed}: {'failed' if failure else 'needs attention'} (run {report.run})",
        occasions=[failure] if failure else list(_occasions(report, report.run, settings)),
        look_at=f"dinamis harvest show {report.run}",
        facts={"feed": report.feed, "run": report.run, "counts": counts(report)},
    )
    _tell(connection, notice, settings)


def _occasions(report: HarvestReport, run: int, settings: NoticeSettings) -> Iterator[Occasion]:
    if report.state == "running":
        return
    yield from (Occasion("breach", breach, run) for breach in report.breaches)
    refused = report.outcomes[Outcome.QUARANTINED]
    if _is_too_many(refused, report.read, settings):
        yield Occasion("quarantine", f"{refused} of {report.read} records were refused", run)


def _is_too_many(refused: int, read: int, settings: NoticeSettings) -> bool:
    share, number = settings.notice_quarantined_share, settings.notice_quarantined_number
    return (share is not None and refused > share * read) or (number is not None and refused > number)


def stale_feeds(connection: Connection, feeds: Iterable[Feed], now: datetime) -> list[StaleFeed]:
    """The feeds without a good run for longer than their documents allow; `now` is UTC.

    A feed that was never harvested is not stale; a run with a limit, an area or a period does not make one fresh.
    """
    allowed = {feed.name: feed.stale_after_days for feed in feeds if feed.stale_after_days is not None}
    rows = connection.execute(FRESHNESS, {"feeds": list(allowed)})
    return [
        StaleFeed(feed, allowed[feed], since, run, was_good)
        for feed, run, was_good, since in rows
        if now - since > timedelta(days=allowed[feed])
    ]


def notify_of_stale(
    connection: Connection, feeds: Iterable[Feed], now: datetime, settings: NoticeSettings
) -> list[StaleFeed]:
    """Send a notice of stale feeds, of each once until it is fresh again; returns all that are stale.

    Raises:
        psycopg.Error: the notice cannot be recorded.
    """
    stale = stale_feeds(connection, feeds, now)
    notice = Notice(
        subject="Sources have not been harvested for too long",
        occasions=[each.as_occasion() for each in stale],
        look_at="dinamis harvest status",
    )
    _tell(connection, notice, settings)
    return stale


def notify_of_orphaned(
    connection: Connection, documents: CollectionDocuments, read_at: datetime, settings: NoticeSettings
) -> None:
    """Send a notice of feeds with records in force that no document names any more, of each once until harvested.

    Args:
        connection: of the role that harvests.
        documents: those in use.
        read_at: when they were read, UTC. A feed with a run since then may be in newer ones, and is left out.
        settings: the recipients.

    Raises:
        psycopg.Error: the notice cannot be recorded.
    """
    named = named_sources(documents)
    orphaned = [
        Occasion("orphaned", f"{feed} has records in force, but no collection document names it any more", run)
        for feed, run, last_began in connection.execute(FEEDS_IN_FORCE)
        if is_of_a_collection(feed) and feed not in named and last_began < read_at
    ]
    _tell(connection, Notice("Sources are orphaned", orphaned, look_at="dinamis harvest status"), settings)


def _tell(connection: Connection, notice: Notice, settings: NoticeSettings) -> None:
    """Send what was not sent yet, and record it unless it reached nobody."""
    if not notice.occasions or not is_addressed(settings):
        return
    with connection.transaction():
        new = _written_down(connection, notice.occasions)
        untold = [each for each in notice.occasions if (each.run, each.kind) in new]
        if untold and not send(replace(notice, occasions=untold), settings):
            raise psycopg.Rollback


def _written_down(connection: Connection, occasions: Sequence[Occasion]) -> set[tuple[int, str]]:
    """Record occasions, and return the new ones; a process with the same ones waits for the end of this transaction."""
    rows = connection.execute(
        WRITE_DOWN_NOTICES, {"runs": [each.run for each in occasions], "kinds": [each.kind for each in occasions]}
    )
    return {(run, kind) for run, kind in rows}
