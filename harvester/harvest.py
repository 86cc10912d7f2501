"""One harvest: pages of raw records from a source become Items in the catalogue. The only place that joins the rooms.

The way of a record: `read_pages` (source) -> `PageWriting`: `scene_from_record` (reader) -> ledger ->
`item_from_scenes` -> catalogue. A page is one transaction: its ledger rows and its Items are committed together or not
at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Self, TypeVar

import psycopg
from psycopg import Connection
from tenacity import Retrying, before_sleep_log, retry_if_exception_type, stop_after_attempt, wait_exponential

from harvester import catalogue
from harvester.collection_documents import CollectionDocuments
from harvester.errors import CatalogueError, CollectionDocumentError
from harvester.page_writing import HarvestOptions, HarvestRooms, PageWriting
from harvester.publish import publish, publish_collections
from harvester.record import Page
from harvester.report import HarvestReport, PageReport
from harvester.sources import SOURCES
from harvester.sources.delivery_walk import WalkCount

__all__ = ["HarvestOptions", "HarvestRooms", "harvest"]

logger = logging.getLogger(__name__)

T = TypeVar("T")


def harvest(
    source: str,
    source_options: Any,
    rooms: HarvestRooms,
    options: HarvestOptions,
    on_page: Callable[[HarvestReport], None] = lambda _: None,
    on_walk: Callable[[WalkCount], None] | None = None,
) -> HarvestReport:
    """Harvest a source into the catalogue.

    Args:
        source: a key of `SOURCES`.
        source_options: the options of that source; has a `location` that is fit to be shown.
        rooms: the database and the documents.
        options: what the operator asked for.
        on_page: called with the report so far, before the first page and after each; the same object each time.
        on_walk: called often with what the source has seen so far, the same object each time.

    Returns:
        The account of the run. Refused records are in it; they do not stop the run.

    Raises:
        CollectionDocumentError: there is no document of the collection that the operator named.
        SourceUnavailable: the source cannot be read.
        CatalogueError: the catalogue cannot be written.

    After an error all pages before are committed and can be searched, and nothing of the last one is written.
    """
    _refuse_unknown_collection(rooms.documents, options.collection)
    report = HarvestReport(source, source_options.shown_location, datetime.now(UTC), dry_run=options.dry_run)
    on_page(report)
    try:
        with _Run(source, rooms, options) as run:
            run.begin()
            for page in _limited(SOURCES[source].read_pages(source_options, None, on_walk), options.limit):
                report.add(run.write_page(page))
                on_page(report)
    except psycopg.OperationalError as error:
        raise CatalogueError(
            f"The database failed {rooms.attempts} times ({error}). What was written before is kept: see "
            "`dinamis db status`, then harvest again."
        ) from error
    except psycopg.Error as error:
        raise CatalogueError(f"The database refused a page ({error}). All pages before it are kept.") from error
    report.passed_over = source_options.passed_over()
    report.finished_at = datetime.now(UTC)
    return report


def _refuse_unknown_collection(documents: CollectionDocuments, collection: str | None) -> None:
    if collection is not None and collection not in documents:
        raise CollectionDocumentError(f"there is no collection {collection}; there are {', '.join(documents)}")


def _limited(pages: Iterable[Page], limit: int | None) -> Iterator[Page]:
    left = limit
    for page in pages:
        if left is None:
            yield page
            continue
        yield replace(page, records=page.records[:left])
        left -= len(page.records)
        if left <= 0:
            return


class _Run:
    """The connections of one run, and what it touched."""

    def __init__(self, source: str, rooms: HarvestRooms, options: HarvestOptions) -> None:
        self._source = source
        self._rooms = rooms
        self._options = options
        self._touched: set[str] = set()
        self._counts_refreshed_at = datetime.now(UTC)
        self._page_connection: Connection | None = None
        self._side_connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Finish also after an error or Ctrl-C, unless the database is gone: what is committed is to be found."""
        is_gone = kind is not None and issubclass(kind, psycopg.OperationalError)
        try:
            if not (self._options.dry_run or is_gone):
                self._patiently(self._finish)
        finally:
            self._disconnect()

    def begin(self) -> None:
        """Publish the Collections, if there are new ones: Items need theirs."""
        if not self._options.dry_run:
            self._patiently(self._publish_missing_collections)

    def write_page(self, page: Page) -> PageReport:
        """Write a page in one transaction; after a lost connection again, from the start, on new connections."""
        report, touched = self._patiently(self._write_page_once, page)
        if touched and not self._options.dry_run:
            self._touched |= touched
            self._patiently(self._refresh_counts_now_and_then)
        return report

    def _patiently(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do the work on these connections; when the database is gone for a moment, do it again on new ones."""
        trying = Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            stop=stop_after_attempt(self._rooms.attempts),
            wait=wait_exponential(multiplier=0.5, max=10),
            before_sleep=before_sleep_log(logger, logging.WARNING),
            reraise=True,
        )
        return trying(lambda: work(*self._connections(), *arguments))

    def _connections(self) -> tuple[Connection, Connection]:
        """The connection of the pages, and the autocommit one for what must be committed beside them."""
        page, side = self._page_connection, self._side_connection
        if page is None or side is None or page.closed or side.closed:
            self._disconnect()
            self._page_connection = page = catalogue.connect(self._rooms.conninfo)
            self._side_connection = side = catalogue.connect(self._rooms.conninfo, autocommit=True)
        return page, side

    def _disconnect(self) -> None:
        for connection in (self._page_connection, self._side_connection):
            if connection is not None:
                connection.close()

    def _publish_missing_collections(self, _: Connection, side: Connection) -> None:
        if self._rooms.documents.keys() - catalogue.stored_collections(side):
            publish_collections(self._rooms.conninfo, self._rooms.documents, self._rooms.language)

    def _write_page_once(self, connection: Connection, side: Connection, page: Page) -> tuple[PageReport, set[str]]:
        with connection.transaction(force_rollback=self._options.dry_run):
            writing = PageWriting(connection, self._source, self._rooms, self._options)
            report = writing.take_in(page, side)
            if not self._options.dry_run:
                writing.write_items(side)
        return report, writing.touched_collections()

    def _refresh_counts_now_and_then(self, _: Connection, side: Connection) -> None:
        if (datetime.now(UTC) - self._counts_refreshed_at).total_seconds() > 10:
            catalogue.refresh_counts(side)
            self._counts_refreshed_at = datetime.now(UTC)

    def _finish(self, _: Connection, side: Connection) -> None:
        """Rebuild what was deferred and publish what the new Items say of their collections."""
        documents = self._rooms.documents
        # Work that was left over without a page of ours is that of a run that was killed: its collections are unknown.
        was_deferred = catalogue.finish_writing(side)
        stale = self._touched or (documents.keys() if was_deferred else set())
        publish(side, [documents[each] for each in sorted(stale) if each in documents], self._rooms.language)
