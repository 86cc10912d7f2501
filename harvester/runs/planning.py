"""Before a harvest: which run to do, and what to ask of its source."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from psycopg import Connection

from database.long_work import told_if_long
from harvester import runs
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.errors import CollectionDocumentError, CredentialsMissing, SourceUnavailable
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.ledger import fingerprints, following_records
from harvester.record import Page
from harvester.runs import Request, Run
from harvester.runs.report import printable
from harvester.sources.registry import SOURCES
from harvester.sources.source import Progress, Selection

logger = logging.getLogger(__name__)

#: Indexes of services lag behind, and clocks differ: what changed shortly before the last run is asked for again.
OVERLAP = timedelta(days=1)


@contextmanager
def planned(feed: Feed, context: HarvestContext, request: Request) -> Iterator[Run]:
    """Decide which run of a feed to do, as `harvest` does, and leave its parts to `work_on`.

    Until the context ends, nobody takes the run for killed: by then its jobs must be in the queue.

    Raises:
        CollectionDocumentError: a collection of the feed or the request has no document.
        RunBusy: another process, or jobs of the queue, do a run with another request.
        CatalogueError: the run cannot be stored.
    """
    refuse_unknown_collection(feed, context, request)
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        yield connections.patiently(lambda _, side: run_of(side, feed, request))


def run_of(side: Connection, feed: Feed, request: Request) -> Run:
    """The run to work on, until the connection ends: the last one if it can be resumed, else a new one.

    Raises:
        RunBusy: another process, or jobs of the queue, do a run with another request.
    """
    with side.transaction():
        runs.wait_for_beginners(side, feed.name)
        run = _run_left_or_new(side, feed, request)
        runs.stay_at_work(side, run.id)  # before another process can take it for killed
    return run


def _run_left_or_new(side: Connection, feed: Feed, request: Request) -> Run:
    left = runs.unfinished_run(side, feed.name)
    if left is not None and left.request.is_like(request):
        runs.take_up(side, left)
        logger.info("resuming run %s of %s", left.id, feed.name)
        return replace(left, request=request)
    if left is not None:
        _set_aside(side, left)
    selection = selection_of(side, feed, request)
    windows = [selection] if request.limit else _windows(feed, selection)
    return runs.begin(side, feed, request, windows, is_everything=selection.is_everything and request.limit is None)


def _windows(feed: Feed, selection: Selection) -> Sequence[Selection]:
    """The parts of a run; one if the source cannot say them, as the run that reads it will say why."""
    if feed.credentials_wanted:
        return [selection]
    try:
        return SOURCES[feed.kind].windows(feed.options, selection)
    except SourceUnavailable as error:
        logger.info("%s cannot say in which parts it is read: %s", feed.name, error)
        return [selection]


def _set_aside(side: Connection, left: Run) -> None:
    """End a killed run that had another request.

    Raises:
        RunBusy: a process works on it, or the queue has jobs of it.
    """
    if left.state != "running":
        return
    if runs.is_at_work(side, left.id) or runs.is_in_queue(side, left.id):
        raise runs.busy(side, left.id)
    runs.end(side, left.id, "failed", "it was killed, and a run of another kind was asked for after it")


def selection_of(side: Connection, feed: Feed, request: Request) -> Selection:
    """What to ask of the source: what changed since the last good run, unless the operator says otherwise."""
    since = request.since
    if since is None and not request.is_full and SOURCES[feed.kind].is_selectable:
        last = runs.last_good_start(side, feed.name)
        since = last - OVERLAP if last else None
    return Selection(since=since, until=request.until, bbox=request.bbox)


def awaited(pages: Iterator[Page], feed: Feed, progress: Progress) -> Iterator[Page]:
    """The pages of a source, each with what was passed over for it; if one is long in coming, the user is told."""
    passed_over = Counter(progress.passed_over)
    while True:
        with told_if_long(f"waiting for records of {feed.location}"):
            page = next(pages, None)
        if page is None:
            return
        before, passed_over = passed_over, Counter(progress.passed_over)
        yield replace(page, passed_over=passed_over - before)


def limited(pages: Iterator[Page], request: Request, already: int = 0) -> Iterator[Page]:
    """The pages up to the requested number of records, of which `already` were read before."""
    if request.limit is None:
        yield from pages
        return
    left = request.limit - already
    while left > 0 and (page := next(pages, None)):
        records, unread = page.records[:left], page.unread[: max(left - len(page.records), 0)]
        left -= len(records) + len(unread)
        yield replace(page, records=records, unread=unread)


@dataclass(frozen=True)
class KnownFingerprints:
    """The fingerprints that the ledger has of a feed; none if unchanged records are to be read or moved too."""

    connections: CatalogueConnections
    feed: Feed
    request: Request

    def __call__(self, records: Sequence[str], /) -> Mapping[str, str]:
        """As `FingerprintsInOrder`."""
        storable = [] if self._are_all_read else [name for name in records if name == printable(name)]
        if not storable:
            return {}
        return self.connections.patiently(lambda _, side: fingerprints(side, self.feed.source, storable))

    def following(self, record: str, count: int) -> Sequence[tuple[str, str, int]]:
        """As `FingerprintsInOrder`."""
        if self._are_all_read:
            return []
        return self.connections.patiently(lambda _, side: following_records(side, self.feed.source, record, count))

    @property
    def _are_all_read(self) -> bool:
        return writing_options(self.request).reads_all or self.request.collection is not None


def writing_options(request: Request) -> WritingOptions:
    """How the records of a run with this request are written."""
    return WritingOptions(collection=request.collection, move=request.move, reread=request.reread)


def refuse_unknown_collection(feed: Feed, context: HarvestContext, request: Request) -> None:
    """Refuse a feed or a request for a collection that has no document.

    Raises:
        CollectionDocumentError: there is none.
    """
    for collection in filter(None, (feed.collection, request.collection)):
        if collection not in context.documents:
            known = ", ".join(context.documents)
            raise CollectionDocumentError(f"there is no collection {collection}; there are {known}")


def refuse_without_credentials(feed: Feed) -> None:
    """Refuse to ask a source without the credentials that its document names, unless it is open to all.

    Raises:
        CredentialsMissing: they are not given.
    """
    if feed.credentials_wanted:
        raise CredentialsMissing(
            f"Set {feed.credentials_wanted}, or the same with _FILE behind to the path of a file that holds it."
        )
