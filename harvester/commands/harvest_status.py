"""`dinamis harvest sources` and `status`: what can be harvested, and its status."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click
from rich.table import Column, Table

from database.commands.opening import settings_of
from database.commands.terminal import OUT, json_option, print_json, print_plain, say, spoken_duration
from harvester.commands.opening import collection_documents, credentials_called, documented_feeds, harvest_connection

if TYPE_CHECKING:
    from psycopg import Connection

    from harvester.collection_documents import CollectionDocuments
    from harvester.collection_model import SourceChoice
    from harvester.feeds import Feed
    from harvester.runs.history import FeedStatus, UnfinishedAmendment

#: Lines for feeds, and for remarks on single feeds, on a terminal of 24.
_FEED_LINES = 15
_REMARK_LINES = 5
#: About a source that no document names any more.
_WHAT_TO_DO = "`dinamis harvest rename` or `retire` it, or name it again"


@dataclass(frozen=True, kw_only=True)
class _SourceLine:
    """A source as it is listed."""

    feed: str
    kind: str
    address: str | None
    schedule: str | None
    full_schedule: str | None
    credentials: str
    last_run: str
    records: int  #: in force
    is_orphaned: bool  #: no document names it any more

    def as_json(self) -> dict[str, Any]:
        return dict(self.__dict__)


@click.command()
@json_option
def sources(as_json: bool) -> None:
    """List the sources of the collections. It says where they are, when they are harvested, and whether they can be.

    Credentials are `given`, `missing` with the variables that give them, or `-` if none are named. A source without
    an address is not harvested. Last come sources with records in force that no document names any more.
    """
    documents = collection_documents()
    feeds = documented_feeds(documents)
    with harvest_connection() as connection:
        from harvester.feeds import named_sources
        from harvester.runs.history import status_of_feeds

        named = named_sources(documents)
        standing = {status.feed: status for status in status_of_feeds(connection, feeds.values(), named)}
    lines = [*_source_lines(named, feeds, standing), *_orphaned_lines(standing.values())]
    if as_json:
        print_json([line.as_json() for line in lines])
        return
    for line in lines:
        print_plain(f"{line.feed}: {line.last_run}")
        print_plain(f"    {line.kind}, {line.address or 'no address'}")
        if line.is_orphaned:
            print_plain(f"    {line.records} records are in force, but no document names it: {_WHAT_TO_DO}")
            continue
        print_plain(
            f"    schedule {line.schedule or '-'}, full {line.full_schedule or '-'}; credentials {line.credentials}"
        )


@click.command()
@click.option("--all", "is_all", is_flag=True, help="List every feed, however many there are.")
@click.option(
    "--notify", is_flag=True, help="Send a notice of each stale or orphaned source, once, by mail or webhook."
)
@json_option
def status(is_all: bool, notify: bool, as_json: bool) -> None:
    """Show the status of all feeds on one screen. First what needs attention, then what is running, then the rest.

    Exit code, for a monitor: 0 all is well; 1 something needs attention; 2 the status is not known. A source needs
    attention if it is stale, failed, left its collection not as expected, was interrupted and is resumed by nobody, or
    has records in force but is no longer named by any document; so does an undo, a `retire`, a `rename`, a replay or a
    rebuild of stereo sets that failed or was interrupted, which is shown with the command that resumes it. Records in
    quarantine raise no alarm.

    JSON is a list of all feeds, followed by each unfinished rebuild, whose feed is null; whatever needs attention
    is_amiss.
    """
    from harvester.amendments.stereo_rebuild import unfinished_rebuilds
    from harvester.feeds import named_sources
    from harvester.runs.history import status_of_feeds

    read_at, documents = datetime.now(UTC), collection_documents()
    feeds = documented_feeds(documents)
    with harvest_connection() as connection:
        standing = sorted(status_of_feeds(connection, feeds.values(), named_sources(documents)), key=_urgency)
        if notify:
            _tell_of_neglected(connection, documents, feeds, read_at)
        rebuilds = unfinished_rebuilds(connection)
    if as_json:
        print_json([each.as_json() for each in standing] + [each.as_json() for each in rebuilds])
    else:
        _print_status(standing, is_all=is_all)
    for rebuild in rebuilds:
        left = f"{rebuild.months} months are left"
        say(f"{rebuild.command} resumes an interrupted rebuild of stereo sets: {left}")
    sys.exit(1 if rebuilds or any(each.is_amiss for each in standing) else 0)


# Sources


def _source_lines(
    named: Mapping[str, SourceChoice], feeds: Mapping[str, Feed], standing: Mapping[str, FeedStatus]
) -> Iterator[_SourceLine]:
    for name, choice in named.items():
        yield _SourceLine(
            feed=name,
            kind=choice.source,
            address=feeds[name].location if name in feeds else None,
            schedule=choice.schedule,
            full_schedule=choice.full_schedule,
            credentials=_credentials(choice, feeds.get(name)),
            last_run=_last_run(standing[name]) if name in standing else "never run",
            records=standing[name].active if name in standing else 0,
            is_orphaned=False,
        )


def _orphaned_lines(standing: Iterable[FeedStatus]) -> Iterator[_SourceLine]:
    for each in standing:
        if each.is_orphaned:
            yield _SourceLine(
                feed=each.feed,
                kind=each.kind,
                address=each.location,
                schedule=None,
                full_schedule=None,
                credentials="-",
                last_run=_last_run(each),
                records=each.active,
                is_orphaned=True,
            )


def _credentials(choice: SourceChoice, feed: Feed | None) -> str:
    from harvester.credentials import variable_of

    if choice.credentials is None:
        return "-"
    if feed and feed.credentials_wanted:
        return f"missing: {feed.credentials_wanted}"
    given = credentials_called(choice.credentials)
    if any(given.model_dump(exclude_none=True)):
        return "given"
    return f"missing: {variable_of(choice.credentials, '…')}"


def _last_run(status: FeedStatus) -> str:
    run = status.last_run
    return f"{status.state}, {_ago(run.finished_at or run.started_at, status.asked_at)}" if run else status.state


# Status


def _tell_of_neglected(
    connection: Connection, documents: CollectionDocuments, feeds: Mapping[str, Feed], read_at: datetime
) -> None:
    from harvester.runs.notices import notify_of_orphaned, notify_of_stale
    from harvester.settings import HarvestSettings

    settings = settings_of(HarvestSettings)
    notify_of_stale(connection, feeds.values(), read_at, settings)
    notify_of_orphaned(connection, documents, read_at, settings)


def _urgency(status: FeedStatus) -> tuple[bool, bool, bool, bool]:
    # A place from the command line that was never harvested successfully: probably mistyped.
    is_nothing = not status.is_documented and status.last_good_at is None
    return not status.is_amiss, not status.at_work, is_nothing, status.last_run is None


def _print_status(standing: Sequence[FeedStatus], *, is_all: bool) -> None:
    shown = standing if is_all else standing[:_FEED_LINES]
    table = Table(Column("feed", no_wrap=True, ratio=1), box=None, pad_edge=False, expand=True)
    for name in ("state", "last good", "records", "quarantine"):
        table.add_column(name, no_wrap=True, justify="left" if name == "state" else "right")
    for each in shown:
        counts = (str(count) if each.last_run else "-" for count in (each.active, each.quarantined))
        table.add_row(each.feed, _state(each), _ago(each.last_good_at, each.asked_at), *counts)
    OUT.print(table)
    if hidden := standing[len(shown) :]:
        amiss = sum(each.is_amiss for each in hidden)
        print_plain(f"… and {len(hidden)} more feeds ({amiss} need attention): --all lists them.")
    for remark in [remark for each in shown for remark in _remarks(each)][:_REMARK_LINES]:
        print_plain(remark if is_all else _cut(remark))


def _state(status: FeedStatus) -> str:
    amended = [f"{each.kind} {_how_left(each)}" for each in status.left_amendments]
    what_else = ["stale"] * status.is_stale + ["orphaned"] * status.is_orphaned
    return ", ".join([*(amended or [status.state]), *what_else])


def _how_left(amendment: UnfinishedAmendment) -> str:
    return "failed" if amendment.state == "failed" else "interrupted"


def _remarks(status: FeedStatus) -> Iterator[str]:
    """Remarks on a feed: what is running, what was left half done and why, and whether no document names it."""
    run = status.last_run
    for part in status.at_work:
        heartbeat = _ago(part.heartbeat_at, status.asked_at)
        kind = "" if part.kind == "harvest" else f" ({part.kind})"
        of_parts = f"part {part.part} of {run.parts}, " if run and run.id == part.run and run.parts > 1 else ""
        yield f"run {part.run}{kind}: {of_parts}{part.read} records, {part.worker}, heartbeat {heartbeat}"
    for left in status.left_amendments:
        yield f"{left.command} resumes run {left.run}, {_how_left(left)}{f': {left.error}' if left.error else ''}"
    if run and status.state == "interrupted":
        yield f"{status.command} resumes run {run.id}, interrupted; or cancel it"
    elif run and run.error and status.state == "failed":
        yield f"run {run.id} of {status.feed} failed: {run.error}"
    if status.is_orphaned:
        yield f"no document names {status.feed}: {_WHAT_TO_DO}"


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{spoken_duration((now - moment).total_seconds())} ago" if moment else "never"


def _cut(line: str) -> str:
    return line if len(line) <= OUT.width else f"{line[: OUT.width - 1]}…"
