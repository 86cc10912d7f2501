"""`dinamis harvest run` and `deliveries`: the commands that harvest."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from database.commands.terminal import Failure, json_option, print_json, print_plain, say
from harvester.commands.bbox import bbox_option
from harvester.commands.opening import collection_documents, credentials_called, documented_feeds, harvest_context
from harvester.commands.run_accounts import Accounts, listed, report_option

if TYPE_CHECKING:
    import procrastinate

    from database import Database
    from harvester.collection_documents import CollectionDocuments
    from harvester.feeds import Feed
    from harvester.runs import Request

Command = Callable[..., None]

_MOMENTS = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


def _in_utc(_ctx: click.Context, _param: click.Parameter, moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment else None


def _known_collection(_ctx: click.Context, _param: click.Parameter, collection: str | None) -> str | None:
    if collection is not None and collection not in (documents := collection_documents()):
        raise Failure(f"there is no collection {collection!r}; there are {listed(documents)}.")
    return collection


def _with(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    def decorated(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorated


_how_to_harvest = _with(
    click.option("--limit", type=click.IntRange(min=1), help="Stop after this many records."),
    click.option("--dry-run", is_flag=True, help="Read and compare all, write nothing, and show what would change."),
    click.option(
        "--reread",
        is_flag=True,
        help="Also read unchanged records again, after a change of a sensor document or the program.",
    ),
    click.option(
        "--allow-withdrawals",
        is_flag=True,
        help="Withdraw all records that are gone from the source, however many there are.",
    ),
    report_option,
    json_option,
)


@click.command()
@click.argument("what", metavar="COLLECTION[/SOURCE]", required=False)
@click.option("--all", "is_all", is_flag=True, help="Harvest every source that has an address.")
@click.option("--full", "is_full", is_flag=True, help="Ask for everything, not only for what changed.")
@click.option(
    "--since", type=_MOMENTS, callback=_in_utc, help="Only what changed at the source since then (UTC), if it can tell."
)
@click.option(
    "--until", type=_MOMENTS, callback=_in_utc, help="Only what changed there before then (UTC), if it can tell."
)
@bbox_option("Only what lies in this box, in degrees.")
@click.option(
    "--queue", "is_queued", is_flag=True, help="Leave it to the workers (`dinamis worker`), without waiting for them."
)
@_how_to_harvest
def run(
    what: str | None, is_all: bool, is_queued: bool, dry_run: bool, file: Path | None, as_json: bool, **wishes: Any
) -> None:
    """Harvest one source, all of a collection, or all there are.

    Only what changed since the last good run is asked for, if the source can tell; a run that was stopped or killed is
    resumed. Sources are described in the collection documents; `dinamis harvest sources` lists them.

    \b
      dinamis harvest run spot-6-7-open
      dinamis harvest run airbus-archive-pleiades/oneatlas --since 2026-01-01 --dry-run
      dinamis harvest run --all --report run.html
      dinamis harvest run sentinel --full --queue

    A source without the credentials that its document names, and that it needs, is not asked: that harvest fails at
    once. With --queue it is the worker that needs them; you are warned if they are missing here.

    Exit code, that of the worst run: 0 all is well, 1 some records were refused or a collection is not as its document
    expects, 2 a harvest failed, 130 it was stopped with Ctrl-C or SIGTERM. Whatever ends it, what was written is kept,
    --report is written, and harvesting again does the rest. JSON is a list with the account of each run; with --queue,
    with the number of each job, null if the same harvest waits already.
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.runs import Request

    if wishes["since"] and wishes["until"] and wishes["since"] >= wishes["until"]:
        raise click.UsageError("--since must be earlier than --until.")
    documents = collection_documents()
    feeds = _chosen(what, is_all, documents, documented_feeds(documents))
    request = Request(**wishes)
    if is_queued:
        if dry_run or file:
            raise click.UsageError("--queue does not wait for a report: leave out --dry-run and --report.")
        _leave_to_workers(feeds, request, as_json=as_json)
        return
    sys.exit(harvested(feeds, request, Accounts(as_json=as_json, file=file), is_dry=dry_run))


@click.command()
@click.argument("location", metavar="PATH_OR_URL")
@click.option(
    "--collection", metavar="ID", callback=_known_collection, help="Put every record in this collection; remembered."
)
@click.option(
    "--move",
    is_flag=True,
    help="Move Items from other collections to that of --collection, else to the one that accepts them.",
)
@_how_to_harvest
def deliveries(location: str, dry_run: bool, file: Path | None, as_json: bool, **wishes: Any) -> None:
    """Harvest Airbus deliveries (DIMAP). They are below a folder, in an archive file, or below a URL.

    Deliveries are found at any depth, also inside zip and tar files, and identified by their metadata, never by their
    names. Files are read where they are; nothing is copied. Running it again changes nothing.

    Set DINAMIS_SOURCE_DELIVERIES_USER and DINAMIS_SOURCE_DELIVERIES_PASSWORD for a server that asks for them.

    \b
      dinamis harvest deliveries /archive/airbus
      dinamis harvest deliveries ftp://host/out --dry-run
      dinamis harvest deliveries s3://bucket/prefix --report run.json

    Exit code: 0 all records are in the catalogue (also when none was found), 1 some were refused (each with its
    reason), 2 the harvest failed, 130 it was stopped with Ctrl-C or SIGTERM. Whatever ends it, what was written is
    kept, --report is written, and harvesting again does the rest.
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.feeds import DELIVERIES, deliveries_at
    from harvester.runs import Request

    feed = deliveries_at(location, credentials_called(DELIVERIES))
    accounts = Accounts(as_json=as_json, file=file, is_one=True)
    sys.exit(harvested([feed], Request(**wishes), accounts, is_dry=dry_run))


def harvested(
    feeds: list[Feed],
    request: Request,
    accounts: Accounts,
    *,
    is_dry: bool = False,
    database: Database | None = None,
) -> int:
    """Harvest feeds one after the other, also if one fails.

    Returns:
        The exit code of the worst run.
    """
    from harvester.dry_run import dry_run
    from harvester.harvest import harvest

    context = harvest_context(database)
    with accounts.kept():
        for feed in feeds:
            with accounts.of(feed.name, feed.location) as watch:
                watch.report = (dry_run if is_dry else harvest)(feed, context, request, watch)
    return accounts.exit_code


def _leave_to_workers(feeds: list[Feed], request: Request, *, as_json: bool) -> None:
    from harvester.jobs.queue import job_queue, workers_alive

    with job_queue(harvest_context().conninfo).open() as queue:
        jobs = {feed.name: _job(queue, feed, request) for feed in feeds}
        alive = workers_alive(queue)
    if as_json:
        print_json([{"feed": name, "job": number} for name, number in jobs.items()])
    else:
        for name, number in jobs.items():
            print_plain(f"{name} is job {number}" if number else f"{name} waits in the queue already")
    for feed in feeds:
        if feed.credentials_wanted:  # here: workers may have another environment
            say(f"{feed.name} has no credentials here: it fails unless its worker has {feed.credentials_wanted}.")
    if not alive:
        say("No worker is at work now: start `dinamis worker`.")


def _job(queue: procrastinate.App, feed: Feed, request: Request) -> int | None:
    from harvester.jobs.queue import AlreadyWaiting, enqueue_harvest

    try:
        return enqueue_harvest(queue, feed, request)
    except AlreadyWaiting:
        return None


# Which feeds


def _chosen(what: str | None, is_all: bool, documents: CollectionDocuments, feeds: Mapping[str, Feed]) -> list[Feed]:
    """The feeds that the operator named; sources without an address are reported and passed over."""
    if bool(what) == is_all:
        raise click.UsageError("name a collection, or one of its sources as COLLECTION/SOURCE, or give --all.")
    wanted = list(_wanted(what, documents))
    for name in wanted:
        if name not in feeds:
            say(_without_address(name))
    chosen = [feeds[name] for name in wanted if name in feeds]
    if not chosen:
        raise Failure(f"no source of {what} has an address." if what else "no source has an address.")
    return chosen


def _wanted(what: str | None, documents: CollectionDocuments) -> Iterator[str]:
    """The names of the feeds of a collection, of one source, or of all collections.

    Raises:
        Failure: there is no such collection or source.
    """
    collection, slash, source = (what or "").partition("/")
    if what and collection not in documents:
        raise Failure(f"there is no collection {collection!r}; there are {listed(documents)}.")
    for document in [documents[collection]] if what else documents.values():
        labels = [choice.label for choice in document.harvest.sources]
        if slash and source not in labels:
            raise Failure(f"{collection} has no source {source!r}; it has {listed(labels)}.")
        yield from (f"{document.id}/{label}" for label in labels if not slash or label == source)


def _without_address(name: str) -> str:
    from harvester.feeds import DELIVERIES

    collection, _, source = name.partition("/")
    elsewhere = ", or harvest a place with `dinamis harvest deliveries PATH_OR_URL`" if source == DELIVERIES else ""
    return f"{name} is passed over: it has no address. Give it a `url` in {collection}.yaml{elsewhere}."
