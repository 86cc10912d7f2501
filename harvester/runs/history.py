"""Reports on runs from the database alone: the status of feeds, past runs, and the account of each run."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import class_row

from database.statements import statements
from harvester.errors import HarvestError
from harvester.feeds import Feed, is_of_a_collection
from harvester.runs import counts_of, kept_feed
from harvester.runs.report import NAMED_RECORDS, HarvestReport, Refusal

#: How long a run that nobody works on may wait for a worker before it counts as interrupted.
PATIENCE = timedelta(minutes=15)
#: No worker takes over an amendment; a process that works on one reconnects within this time.
_RECONNECTION = timedelta(minutes=1)

STORED_FEEDS, RUN_SUMMARIES, ACCOUNT_OF_RUN, RECORDS_OF_RUN, PARTS_AT_WORK, UNFINISHED_AMENDMENTS, NOTES = statements(
    "harvester.runs",
    "stored_feeds",
    "run_summaries",
    "account_of_run",
    "records_of_run",
    "parts_at_work",
    "unfinished_amendments",
    "notes",
)


class NoSuchRun(HarvestError):
    """There is no such run."""


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """One run in a line."""

    id: int
    feed: str
    kind: str  #: harvest, undo, replay, correct, retire or rename
    request: Mapping[str, Any]  #: as `Request.as_json` gives it
    state: str  #: running, succeeded, failed or cancelled
    started_at: datetime
    finished_at: datetime | None
    error: str | None
    undone_by: int | None
    is_resumed: bool
    is_resumable: bool
    counts: Mapping[str, int]  #: as `report.counts` gives them
    parts: int
    parts_done: int
    heartbeat_at: datetime | None  #: when its last page was written, or a part was claimed

    def as_json(self) -> dict[str, Any]:
        """The summary as JSON data."""
        moments = {name: _iso(getattr(self, name)) for name in ("started_at", "finished_at", "heartbeat_at")}
        return {**self.__dict__, **moments, "counts": dict(self.counts)}


@dataclass(frozen=True, kw_only=True)
class PartAtWork:
    """A part of a run that a process works on."""

    feed: str
    kind: str  #: as of the run
    run: int
    part: int
    worker: str  #: host:process
    heartbeat_at: datetime
    read: int  #: records

    def as_json(self) -> dict[str, Any]:
        """The part as JSON data."""
        return {**self.__dict__, "heartbeat_at": _iso(self.heartbeat_at)}


@dataclass(frozen=True, kw_only=True)
class UnfinishedAmendment:
    """An undo, retirement, renaming or replay that has not ended, or failed."""

    run: int
    feed: str
    kind: str  #: undo, retire, rename or replay
    state: str  #: running or failed
    error: str | None
    heartbeat_at: datetime  #: when its last page was written, or it was begun or resumed
    former: str | None  #: the run that it undoes, or the name of the source before it

    @property
    def command(self) -> str:
        """The command that resumes it."""
        words = {
            "undo": ["undo", str(self.former)],
            "retire": ["retire", self.feed],
            "rename": ["rename", str(self.former), self.feed],
            "replay": ["quarantine", "replay", "--feed", self.feed],
        }
        return shlex.join(["dinamis", "harvest", *words[self.kind]])

    def as_json(self) -> dict[str, Any]:
        """The amendment as JSON data."""
        return {**self.__dict__, "heartbeat_at": _iso(self.heartbeat_at), "command": self.command}


@dataclass(frozen=True, kw_only=True)
class FeedStatus:
    """The status of a feed."""

    feed: str
    kind: str
    location: str
    is_documented: bool = False  #: in a collection document
    active: int = 0  #: records
    quarantined: int = 0
    absent: int = 0  #: active records that complete runs did not see lately
    last_good_at: datetime | None = None  #: end of the last successful run without a limit, area or period
    stale_after_days: float | None = None
    last_run: RunSummary | None = None
    at_work: tuple[PartAtWork, ...] = ()
    left_amendments: tuple[UnfinishedAmendment, ...] = ()  #: on which nobody works
    asked_at: datetime

    @property
    def is_stale(self) -> bool:
        """Whether it had no good run for longer than its document allows."""
        if self.stale_after_days is None:
            return False
        return self.last_good_at is None or self.asked_at - self.last_good_at > timedelta(days=self.stale_after_days)

    @property
    def is_orphaned(self) -> bool:
        """Whether it has records in force but no document names it any more."""
        return self.active > 0 and not self.is_documented and is_of_a_collection(self.feed)

    @property
    def state(self) -> str:
        """The state of the last run, in a word."""
        if self.last_run is None:
            return "never run"
        if self.last_run.state != "running":
            return self.last_run.state
        if any(part.run == self.last_run.id for part in self.at_work):
            return "running"
        return "interrupted" if self._is_abandoned else "waiting"

    @property
    def command(self) -> str | None:
        """The command that resumes its last harvest if that was interrupted; other options would begin a new one."""
        if self.last_run is None or self.state != "interrupted":
            return None
        where = ["run", self.feed] if is_of_a_collection(self.feed) else ["deliveries", self.location]
        return shlex.join(["dinamis", "harvest", *where, *_as_options(self.last_run.request)])

    @property
    def is_amiss(self) -> bool:
        """Whether somebody should look at it: it is stale or orphaned, or something failed or was left half done."""
        # Neither a place mistyped on the command line nor a source that nobody harvests must alarm for ever.
        is_of_command_line = not is_of_a_collection(self.feed)
        is_watched = self.is_documented or (is_of_command_line and self.last_good_at is not None)
        is_left = is_watched and self.state in ("failed", "interrupted")
        return self.is_stale or self.is_orphaned or is_left or bool(self.left_amendments)

    @property
    def _is_abandoned(self) -> bool:
        run = self.last_run
        return run is not None and self.asked_at - (run.heartbeat_at or run.started_at) > PATIENCE

    def as_json(self) -> dict[str, Any]:
        """The status as JSON data."""
        return {
            "feed": self.feed,
            "kind": self.kind,
            "location": self.location,
            "is_documented": self.is_documented,
            "state": self.state,
            "command": self.command,
            "is_stale": self.is_stale,
            "is_orphaned": self.is_orphaned,
            "is_amiss": self.is_amiss,
            "active": self.active,
            "quarantined": self.quarantined,
            "absent": self.absent,
            "last_good_at": _iso(self.last_good_at),
            "stale_after_days": self.stale_after_days,
            "last_run": self.last_run.as_json() if self.last_run else None,
            "at_work": [part.as_json() for part in self.at_work],
            "left_amendments": [amendment.as_json() for amendment in self.left_amendments],
        }


@dataclass(frozen=True, kw_only=True)
class RecordOutcome:
    """What a run did with one record."""

    record: str
    outcome: str  #: new, changed, withdrawn or quarantined
    item: str | None
    reason: str | None  #: why it was withdrawn or refused

    def as_json(self) -> dict[str, Any]:
        """The outcome as JSON data."""
        return dict(self.__dict__)


def status_of_feeds(connection: Connection, feeds: Collection[Feed], named: Iterable[str] = ()) -> list[FeedStatus]:
    """The status of feeds: those given, whether or not they ever ran, then those that only the database knows.

    Args:
        connection: any that may read the ledger.
        feeds: those of the documents that can be harvested.
        named: the names of all feeds in the documents, also of those without an address.
    """
    now = _now(connection)
    stored = {status.feed: status for status in _stored_feeds(connection, now)}
    runs = _last_runs(connection)
    at_work = list(_parts_at_work(connection))
    left = list(_left_amendments(connection, {part.run for part in at_work}, now))
    named = {*named, *(feed.name for feed in feeds)}
    given = {feed.name: _documented(feed, stored.pop(feed.name, None), now) for feed in feeds}
    return [
        replace(
            status,
            is_documented=name in named,
            last_run=runs.get(name),
            at_work=tuple(part for part in at_work if part.feed == name),
            # One that is named again will be harvested anew: its retirement is given up.
            left_amendments=tuple(
                each for each in left if each.feed == name and not (each.kind == "retire" and name in named)
            ),
        )
        for name, status in (given | stored).items()
    ]


def history(connection: Connection, feed: str | None = None, limit: int = 20) -> list[RunSummary]:
    """The last runs, of one feed or of all, the newest first."""
    return _summaries(
        connection,
        "SELECT id FROM dinamis.run WHERE feed = coalesce(%s, feed) ORDER BY id DESC LIMIT %s",
        (feed, limit),
    )


def report_of(connection: Connection, run: int) -> HarvestReport:
    """The account of a run over all its parts, whichever processes worked on them.

    Raises:
        NoSuchRun: there is none with this number.
    """
    with connection.cursor(row_factory=class_row(HarvestReport)) as cursor:
        report = cursor.execute(ACCOUNT_OF_RUN, {"run": run}).fetchone()
    if report is None:
        raise NoSuchRun(f"`dinamis harvest history` lists those there are; {run} is not among them.")
    report.add_counts(counts_of(connection, run))
    take_notes(connection, report, run)
    return report


def records_of(connection: Connection, run: int) -> Iterator[RecordOutcome]:
    """Each record that a run took in, withdrew or refused, by outcome and id; those unchanged are only counted.

    New and changed records are known as long as the ledger keeps the versions that the run wrote.
    """
    with connection.transaction(), connection.cursor("records_of_run", row_factory=class_row(RecordOutcome)) as cursor:
        yield from cursor.execute(RECORDS_OF_RUN, {"run": run})


def conflicts_of(connection: Connection, run: int) -> Iterator[tuple[str, str]]:
    """Each Item on which sources contradicted each other in a run, with a text: in what, and which one is believed."""
    with connection.transaction(), connection.cursor("conflicts_of_run") as cursor:
        for item, text, _ in cursor.execute(NOTES, {"run": run, "kind": "conflict", "named": None}):
            yield item, text


def kept_feeds(connection: Connection) -> dict[str, Feed]:
    """All feeds that were ever harvested, by name, as they were last harvested."""
    names = connection.execute("SELECT name FROM dinamis.feed ORDER BY name").fetchall()
    return {name: kept_feed(connection, name) for (name,) in names}


# Of feeds


def _as_options(request: Mapping[str, Any]) -> Iterator[str]:
    """The request of a harvest as options of its command."""
    for name, value in request.items():
        if value is None or value is False:
            continue
        yield f"--{name.removeprefix('is_').replace('_', '-')}"
        if isinstance(value, list):
            yield ",".join(map(str, value))
        elif value is not True:
            yield str(value).replace("+00:00", "Z")


def _now(connection: Connection) -> datetime:
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None  # noqa: S101 - it always has one
    moment: datetime = row[0]
    return moment


def _stored_feeds(connection: Connection, now: datetime) -> list[FeedStatus]:
    with connection.cursor(row_factory=class_row(FeedStatus)) as cursor:
        return cursor.execute(STORED_FEEDS, {"asked_at": now}).fetchall()


def _documented(feed: Feed, stored: FeedStatus | None, now: datetime) -> FeedStatus:
    status = stored or FeedStatus(feed=feed.name, kind=feed.kind, location=feed.location, asked_at=now)
    return replace(status, location=feed.location, stale_after_days=feed.stale_after_days)


def _last_runs(connection: Connection) -> dict[str, RunSummary]:
    last = _summaries(connection, "SELECT max(id) FROM dinamis.run WHERE kind = 'harvest' GROUP BY feed")
    return {run.feed: run for run in last}


def _summaries(connection: Connection, numbers: LiteralString, parameters: Sequence[object] = ()) -> list[RunSummary]:
    """The runs whose numbers a query gives, the newest first."""
    runs = [number for (number,) in connection.execute(numbers, parameters)]
    with connection.cursor(row_factory=class_row(RunSummary)) as cursor:
        return cursor.execute(RUN_SUMMARIES, {"runs": runs}).fetchall()


def _parts_at_work(connection: Connection) -> Iterator[PartAtWork]:
    with connection.cursor(row_factory=class_row(PartAtWork)) as cursor:
        yield from cursor.execute(PARTS_AT_WORK)


def _left_amendments(connection: Connection, at_work: Container[int], now: datetime) -> Iterator[UnfinishedAmendment]:
    """The amendments that failed or were killed, except the runs `at_work`."""
    with connection.cursor(row_factory=class_row(UnfinishedAmendment)) as cursor:
        for each in cursor.execute(UNFINISHED_AMENDMENTS):
            if each.run not in at_work and (each.state == "failed" or now - each.heartbeat_at > _RECONNECTION):
                yield each


# Of what a run noted


def take_notes(connection: Connection, report: HarvestReport, run: int) -> None:
    """Fill an account with what a run has noted so far, whichever processes worked on it."""
    report.refusals = [Refusal(record, reason) for record, reason, _ in _notes(connection, run, "quarantined")]
    report.withdrawn = [(record, reason) for record, reason, _ in _notes(connection, run, "withdrawn")]
    report.warnings = {text: (times, record) for text, record, times in _notes(connection, run, "warning")}
    report.conflicts = [(item, text) for item, text, _ in _notes(connection, run, "conflict")]
    report.breaches = [breach for breach, _, _ in _notes(connection, run, "breach")]
    report.drift = [change for change, _, _ in _notes(connection, run, "drift")]
    report.absent = sum(times for _, _, times in _notes(connection, run, "absent"))
    report.passed_over = Counter({kind: times for kind, _, times in _notes(connection, run, "passed over")})


def _notes(connection: Connection, run: int, kind: str) -> list[tuple[str, str, int]]:
    """The first notes of a kind, in the order in which they were made: subject, detail, how often."""
    return connection.execute(NOTES, {"run": run, "kind": kind, "named": NAMED_RECORDS}).fetchall()


def _iso(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat() if moment else None
