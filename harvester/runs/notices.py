"""Which runs and sources somebody is told of: of each run each thing once.

What was told is written down in the transaction in which it is sent: two workers that finish together tell once, and
what reached nobody is tried again the next time.
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
    """A feed that was not harvested with success for longer than its document allows."""

    feed: str
    days: float  #: that are allowed
    since: datetime  #: the end of its last good run, UTC; or the start of its first run where none was good
    run: int  #: that run
    was_good: bool

    def as_occasion(self) -> Occasion:
        """As it is told."""
        last = "was last harvested with success on" if self.was_good else "was never harvested with success since"
        text = f"{self.feed} {last} {spoken(self.since)}: {self.days:g} days are allowed"
        return Occasion("stale", text, self.run)


def notify(
    report: HarvestReport, settings: NoticeSettings, connection: Connection, failure: Occasion | None = None
) -> None:
    """Tell of a run that has ended whatever calls for it and was not told yet. It never raises for want of an answer.

    Args:
        report: of the run; one that goes on, and one that only tried, call for nothing.
        settings: whom to tell, and from how many refused records on.
        connection: commits by itself.
        failure: why the run did not come to its end.

    Raises:
        psycopg.Error: what was told cannot be written down.
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

    A feed that nobody has harvested yet is not stale, and a run of a part of it (a limit, an area, a period) does not
    make it fresh.
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
    """Tell of feeds that have gone stale, of each once until it is fresh again; gives all that are stale.

    Raises:
        psycopg.Error: what was told cannot be written down.
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
    """Tell of feeds that no document names any more though their records are in force, of each once until harvested.

    Args:
        connection: commits by itself.
        documents: those in use.
        read_at: when, UTC. A feed of which there was a run since may be named by newer ones, and is left alone.
        settings: whom to tell.

    Raises:
        psycopg.Error: what was told cannot be written down.
    """
    named = named_sources(documents)
    orphaned = [
        Occasion("orphaned", f"{feed} has records in force, but no collection document names it any more", run)
        for feed, run, last_began in connection.execute(FEEDS_IN_FORCE)
        if is_of_a_collection(feed) and feed not in named and last_began < read_at
    ]
    _tell(connection, Notice("Sources are orphaned", orphaned, look_at="dinamis harvest status"), settings)


def _tell(connection: Connection, notice: Notice, settings: NoticeSettings) -> None:
    """Send what was not told yet, and write down that it is told, unless it reached nobody."""
    if not notice.occasions or not is_addressed(settings):
        return
    with connection.transaction():
        new = _written_down(connection, notice.occasions)
        untold = [each for each in notice.occasions if (each.run, each.kind) in new]
        if untold and not send(replace(notice, occasions=untold), settings):
            raise psycopg.Rollback


def _written_down(connection: Connection, occasions: Sequence[Occasion]) -> set[tuple[int, str]]:
    """What of this was not told before; another process that tells the same waits for the end of the transaction."""
    rows = connection.execute(
        WRITE_DOWN_NOTICES, {"runs": [each.run for each in occasions], "kinds": [each.kind for each in occasions]}
    )
    return {(run, kind) for run, kind in rows}
