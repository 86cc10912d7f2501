"""Finds every stereo set anew, month by month of each satellite, with any number of workers.

What is left to do is in `dinamis.stereo_shard`, with the request: workers with the same request share the work, or
resume it. A worker holds the advisory lock of the month that it works on, which the server releases as soon as the
worker ends, and deletes the month from the table when it is done, for every request. Pages are written like those of a
harvest, so harvests and rebuilds may run at the same time.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from database.long_work import told_if_long
from database.statements import statements
from harvester.amendments.amendment_run import PAGE_SIZE
from harvester.amendments.rebuilt_page import rebuilt_page
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.catalogue.publish import publish_changes, publish_collections
from harvester.harvest_context import HarvestContext
from harvester.runs.report import PageReport
from harvester.stereo.rules import StereoRules
from harvester.stereo.scope import Span

ITEMS_AND_VIEWS_APART, PLAN_REBUILD, UNFINISHED_REBUILDS, VIEWS_BETWEEN = statements(
    "harvester.amendments", "items_and_views_apart", "plan_rebuild", "unfinished_rebuilds", "views_between"
)

#: What a rebuild was asked for, as stored: `platform`, and `since` as the first day of a month; each may be None.
_Request = Mapping[str, str | None]


@dataclass
class RebuildReport:
    """What one worker of a rebuild did."""

    items: int = 0  #: whose sets were found anew
    written: int = 0  #: Items that were not as they should be: sets, and images that name their sets
    removed: int = 0
    shards: int = 0  #: months of satellites
    is_resumed: bool = False  #: the same rebuild was interrupted, or others work on it: only its months are done
    touched: set[str] = field(default_factory=set)  #: collections

    def add(self, items: int, page: PageReport, touched: set[str]) -> None:
        """Add a page that is committed."""
        self.items += items
        self.written += page.items_written
        self.removed += page.items_removed
        self.touched |= touched


@dataclass(frozen=True, order=True)
class Shard:
    """One month of one satellite."""

    platform: str
    month: date  #: its first day

    @property
    def days(self) -> Iterator[Span]:
        """Its days, UTC, each up to the beginning of the next."""
        day = self.month
        while day.month == self.month.month:
            first = datetime.combine(day, time(), UTC)
            day += timedelta(days=1)
            yield Span(self.platform, first, first + timedelta(days=1))


@dataclass(frozen=True)
class UnfinishedRebuild:
    """A rebuild that was interrupted."""

    platform: str | None  #: only of this satellite
    since: date | None  #: only from this first day of a month on
    months: int  #: months of satellites that are left to do

    @property
    def command(self) -> str:
        """The command that resumes it."""
        asked = {"--platform": self.platform, "--since": self.since}
        options = [word for name, value in asked.items() if value is not None for word in (name, str(value))]
        return shlex.join(["dinamis", "stereo", "rebuild", *options])

    def as_json(self) -> dict[str, Any]:
        """The rebuild as JSON data, with keys of the status of a feed: it belongs to none."""
        return {
            "feed": None,
            "kind": "stereo rebuild",
            "state": "interrupted",
            "command": self.command,
            "is_amiss": True,
            "platform": self.platform,
            "since": self.since and self.since.isoformat(),
            "months": self.months,
        }


Watcher = Callable[[Shard, RebuildReport], None]


def rebuild(
    context: HarvestContext,
    platform: str | None = None,
    since: datetime | None = None,
    watch: Watcher = lambda _shard, _report: None,
) -> RebuildReport:
    """Find all stereo sets anew, or resume that; only Items that are not as they should be are written.

    Args:
        context: the database and the documents.
        platform: only of this satellite, as Items name it.
        since: only from the month of this moment on, UTC.
        watch: called after each month.

    Raises:
        CatalogueError: the catalogue cannot be written; what was done before is kept, and the rest is left to do.
    """
    request = {"platform": platform, "since": since.astimezone(UTC).strftime("%Y-%m-01") if since else None}
    report = RebuildReport()
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        publish_collections(context.conninfo, context.documents, context.language)
        work = _Work(connections, context, report)
        try:
            with told_if_long("looking for images that are not known as views of sets"):
                work.take_up_unknown()
            report.is_resumed = bool(connections.patiently(lambda _, side: _shards_left(side, request)))
            connections.patiently(lambda _, side: _plan(side, request))
            work.do_shards(request, watch)
        finally:
            work.publish()
    return report


def unfinished_rebuilds(connection: Connection) -> list[UnfinishedRebuild]:
    """The rebuilds that are not done, and that nobody works on."""
    with connection.cursor(row_factory=class_row(UnfinishedRebuild)) as cursor:
        return cursor.execute(UNFINISHED_REBUILDS).fetchall()


class _Work:
    """The part of one worker."""

    def __init__(self, connections: CatalogueConnections, context: HarvestContext, report: RebuildReport) -> None:
        self._connections = connections
        self._context = context
        self._report = report
        self._views_in = sorted(StereoRules(context.documents).view_collections)

    def take_up_unknown(self) -> None:
        """Make every Item that can be a view known as one: those harvested before there were sets are not."""
        last = ""
        while self._views_in and (items := self._connections.patiently(partial(_unknown_items, self._views_in, last))):
            self._write(items)
            last = items[-1]

    def do_shards(self, request: _Request, watch: Watcher) -> None:
        """Do the months that nobody else works on."""
        for shard in self._connections.patiently(lambda _, side: _shards_left(side, request)):
            with self._held(shard) as is_ours:
                if is_ours:
                    self._do(shard)
                    watch(shard, self._report)

    def publish(self) -> None:
        """Publish the changed Collections."""
        context, touched = self._context, self._report.touched
        self._connections.patiently(lambda _, side: publish_changes(side, context.documents, context.language, touched))
        touched.clear()

    def _do(self, shard: Shard) -> None:
        with told_if_long(f"finding the sets of {shard.platform} in {shard.month:%Y-%m}"):
            for day in shard.days:
                items = self._connections.patiently(partial(_items_of, day=day))
                self._write(items, [day])
        self.publish()  # before the month counts as done, so that it is resumed if this is killed in between
        self._connections.patiently(partial(_done, shard=shard))
        self._report.shards += 1

    @contextmanager
    def _held(self, shard: Shard) -> Iterator[bool]:
        """Whether the month is ours, until the end of the context: nobody else works on it or has done it."""
        is_ours = self._connections.patiently(partial(_try_shard, shard=shard))
        self._connections.on_reconnection(lambda side: None if not is_ours else _lock_again(side, shard))
        try:
            yield is_ours
        finally:
            self._connections.on_reconnection(lambda _: None)
            if is_ours:
                self._connections.patiently(partial(_unlock, shard=shard))

    def _write(self, items: Sequence[str], windows: Sequence[Span] = ()) -> None:
        for page in [items[start : start + PAGE_SIZE] for start in range(0, len(items), PAGE_SIZE)] or [items]:
            self._report.add(len(page), *self._written(page, windows))

    def _written(self, items: Sequence[str], windows: Sequence[Span]) -> tuple[PageReport, set[str]]:
        """What a page wrote, and in which collections, whichever of its tries the server committed."""
        tried: list[tuple[PageReport, set[str]]] = []

        def work(connection: Connection, side: Connection) -> None:
            with connection.transaction():
                tried.append(self._write_page(items, windows, connection, side))

        self._connections.patiently(work)
        # If a try was committed before its connection broke, those after it find nothing to write.
        return max(tried, key=lambda each: each[0].items_written + each[0].items_removed)

    def _write_page(
        self, items: Sequence[str], windows: Sequence[Span], connection: Connection, side: Connection
    ) -> tuple[PageReport, set[str]]:
        writing = rebuilt_page(connection, side, self._context)
        written = writing.rebuild_sets(items, windows)
        writing.write_items()
        return written, writing.touched_collections()


def _unknown_items(collections: list[str], last: str, _: Connection, side: Connection) -> list[str]:
    """Items after `last` that may be views but are not known as such, and views whose Item is no longer one."""
    rows = side.execute(ITEMS_AND_VIEWS_APART, {"collections": collections, "last": last, "page": PAGE_SIZE})
    return [row[0] for row in rows]


def _plan(side: Connection, request: _Request) -> None:
    """Store what is to be done, unless a rebuild with the same request is under way: then that is resumed."""
    side.execute(PLAN_REBUILD, {**request, "request": Jsonb(request)})


def _shards_left(side: Connection, request: _Request) -> list[Shard]:
    rows = side.execute(
        "SELECT platform, month FROM dinamis.stereo_shard WHERE request = %s ORDER BY month, platform",
        (Jsonb(request),),
    )
    return [Shard(*row) for row in rows]


def _items_of(_: Connection, side: Connection, day: Span) -> list[str]:
    rows = side.execute(VIEWS_BETWEEN, {"platform": day.platform, "first": day.first, "last": day.last})
    return [row[0] for row in rows]


def _try_shard(_: Connection, side: Connection, shard: Shard) -> bool:
    """Take a month, unless another worker has it or has done it."""
    row = side.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (_name(shard),)).fetchone()
    if not (row and row[0]):
        return False
    is_left = side.execute(
        "SELECT FROM dinamis.stereo_shard WHERE platform = %s AND month = %s", (shard.platform, shard.month)
    )
    if is_left.rowcount:
        return True
    _unlock(_, side, shard)
    return False


def _lock_again(side: Connection, shard: Shard) -> None:
    side.execute("SELECT pg_advisory_lock(hashtextextended(%s, 0))", (_name(shard),))


def _unlock(_: Connection, side: Connection, shard: Shard) -> None:
    side.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", (_name(shard),))


def _done(_: Connection, side: Connection, shard: Shard) -> None:
    side.execute("DELETE FROM dinamis.stereo_shard WHERE platform = %s AND month = %s", (shard.platform, shard.month))


def _name(shard: Shard) -> str:
    return f"stereo shard {shard.platform} {shard.month}"
