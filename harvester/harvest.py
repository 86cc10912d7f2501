"""One harvest: pages of raw records from a source become Items in the catalogue. The only place that joins the rooms.

The way of a record: `read_pages` (source) -> `scene_from_record` (reader) -> ledger -> `item_from_scenes` -> catalogue.
A page is one transaction: its ledger rows and its Items are committed together or not at all.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import psycopg
from psycopg import Connection
from tenacity import Retrying, before_sleep_log, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from harvester import catalogue
from harvester.collection_documents import CollectionDocuments
from harvester.errors import CollectionDocumentError, UnreadableScene
from harvester.items import asset_locations, item_from_scenes
from harvester.ledger import KnownRecord, KnownScene, Ledger
from harvester.publish import publish, publish_collections
from harvester.record import Page, RawRecord, SceneRecord
from harvester.report import HarvestReport, Outcome, PageReport
from harvester.sensors import Sensors
from harvester.sources import SOURCES

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HarvestOptions:
    """What the operator asked for."""

    collection: str | None = None  #: put every record there, instead of where the documents say; remembered
    move: bool = False  #: with `collection`: also move Items that are in another collection
    dry_run: bool = False  #: read and compare everything, write nothing
    limit: int | None = None  #: stop after so many records


@dataclass(frozen=True, kw_only=True)
class HarvestRooms:
    """What a harvest works with: where to write, and the documents that say how."""

    conninfo: str  #: of the role that may load
    documents: CollectionDocuments
    sensors: Sensors
    language: str  #: in which Collections are published first


def harvest(
    source: str,
    source_options: Any,
    rooms: HarvestRooms,
    options: HarvestOptions,
    on_page: Callable[[HarvestReport], None] = lambda _: None,
) -> HarvestReport:
    """Harvest a source into the catalogue.

    Args:
        source: a key of `SOURCES`.
        source_options: the options of that source; has a `location` that is fit to be shown.
        rooms: the database and the documents.
        options: what the operator asked for.
        on_page: called with the report so far after each page.

    Returns:
        The account of the run. Refused records are in it; they do not stop the run.

    Raises:
        HarvestError: the source or the catalogue failed. All pages before are committed, nothing of this one is.
    """
    report = HarvestReport(source, source_options.shown_location, datetime.now(UTC), dry_run=options.dry_run)
    with _Run(source, rooms, options) as run:
        for page in _limited(SOURCES[source].read_pages(source_options, None), options.limit):
            report.add(run.write_page(page))
            on_page(report)
        run.finish()
    report.passed_over = source_options.passed_over()
    report.finished_at = datetime.now(UTC)
    return report


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

    def __enter__(self) -> _Run:
        self._connect()
        if not self._options.dry_run:
            self._publish_missing_collections()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._side.close()

    def write_page(self, page: Page) -> PageReport:
        """Write a page in one transaction; after a lost connection again, from the start, on new connections."""
        for attempt in Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            stop=stop_after_attempt(5),
            wait=wait_exponential_jitter(initial=0.5, max=10),
            before_sleep=before_sleep_log(logger, logging.WARNING),
            reraise=True,
        ):
            with attempt:
                if self._connection.closed or self._side.closed:
                    self._connect()
                return self._write_page_once(page)
        raise AssertionError("unreachable: Retrying either returns or raises")

    def finish(self) -> None:
        """Rebuild what was deferred and publish what the new Items say of their collections."""
        if self._options.dry_run or not self._touched:
            return
        catalogue.finish_writing(self._side)
        touched = [self._rooms.documents[collection] for collection in sorted(self._touched)]
        publish(self._side, touched, self._rooms.language)

    def _connect(self) -> None:
        self._connection = catalogue.connect(self._rooms.conninfo)
        self._side = catalogue.connect(self._rooms.conninfo, autocommit=True)

    def _publish_missing_collections(self) -> None:
        if self._rooms.documents.keys() - catalogue.stored_collections(self._side):
            publish_collections(self._rooms.conninfo, self._rooms.documents, self._rooms.language)

    def _write_page_once(self, page: Page) -> PageReport:
        with self._connection.transaction(force_rollback=self._options.dry_run):
            writing = _PageWriting(self._connection, self._side, self._source, self._rooms, self._options)
            report = writing.write(page)
        self._touched |= writing.touched_collections
        if writing.touched_collections and not self._options.dry_run:
            self._refresh_counts_now_and_then()
        return report

    def _refresh_counts_now_and_then(self) -> None:
        if (datetime.now(UTC) - self._counts_refreshed_at).total_seconds() > 10:
            catalogue.refresh_counts(self._side)
            self._counts_refreshed_at = datetime.now(UTC)


class _PageWriting:
    """One page inside its transaction."""

    def __init__(
        self, connection: Connection, side: Connection, source: str, rooms: HarvestRooms, options: HarvestOptions
    ) -> None:
        self._connection = connection
        self._side = side
        self._source = source
        self._rooms = rooms
        self._options = options
        self._now = datetime.now(UTC)
        self._ledger = Ledger(connection, source, self._now)
        self._scenes: dict[str, KnownScene] = {}
        self._left: dict[str, str] = {}  #: scenes that lost a record, or moved: id -> collection that held the Item
        self.touched_collections: set[str] = set()

    def write(self, page: Page) -> PageReport:
        """Write the page; the caller commits."""
        self._ledger.lock()
        report = PageReport(read=len(page.records))
        known = self._ledger.known(record.id for record in page.records)
        unchanged = []
        for raw in page.records:
            before = known.get(raw.id)
            if before and before.is_active and before.digest == raw.digest():
                report.outcomes[Outcome.UNCHANGED] += 1
                unchanged.append(raw.id)
            else:
                self._take_in(raw, before, report)
        self._ledger.saw(unchanged)
        self._write_items(report)
        return report

    def _take_in(self, raw: RawRecord, before: KnownRecord | None, report: PageReport) -> None:
        """Read one new or changed record and write it into the ledger, or refuse it with its reason."""
        try:
            scene = _source(self._source).scene_from_record(raw, self._rooms.sensors)
            # An Item that cannot stand is this record's fault: found here, before anything of it is written.
            item_from_scenes([scene], item_id=scene.id, collection="unplaced")
            known = self._place(scene)
        except UnreadableScene as refusal:
            report.refuse(raw.id, str(refusal))
            # What an active record said last stays in force: a broken upload must not take an Item away.
            if not (before and before.is_active):
                self._ledger.quarantine(raw, str(refusal))
            return
        self._ledger.remember_keys(known, scene.scene_keys)
        self._ledger.keep(raw, known.id)
        self._scenes[known.id] = known
        if before and before.scene and before.scene != known.id:
            self._leave(before.scene)
        report.outcomes[Outcome.CHANGED if before and before.is_active else Outcome.NEW] += 1
        report.warnings += [f"{raw.id}: {warning}" for warning in scene.warnings]

    def _place(self, scene: SceneRecord) -> KnownScene:
        """The acquisition that this record belongs to, in the collection where its Item is to be.

        Raises:
            UnreadableScene: no collection takes it, or its Item is in another collection than the operator asked for.
        """
        known = self._scenes.get(scene.id) or self._ledger.scene_of(scene)
        wanted = self._options.collection
        if known is None:
            return self._ledger.add_scene(
                scene, wanted or self._rooms.documents.accepting(scene.mission, scene.profile).id
            )
        if wanted in (None, known.collection):
            return known
        if not self._options.move:
            raise UnreadableScene(
                f"its Item {known.id} is in the collection {known.collection}; say --move to move it to {wanted}"
            )
        self._left[known.id] = known.collection
        return self._ledger.move_scene(known, str(wanted))

    def _accepting_collection(self, scene: SceneRecord) -> str:
        try:
            return self._rooms.documents.accepting(scene.mission, scene.profile).id
        except CollectionDocumentError as error:
            raise UnreadableScene(str(error)) from error

    def _leave(self, scene_id: str) -> None:
        """Note that a record does not belong to this acquisition any more: its Item is to be rebuilt, or to go."""
        if (known := self._ledger.scene(scene_id)) is not None:
            self._scenes.setdefault(known.id, known)

    def _write_items(self, report: PageReport) -> None:
        items = []
        for scene in sorted(self._scenes.values(), key=lambda scene: scene.id):
            records = self._ledger.records_of(scene.id)
            if records:
                items.append(self._item_of(scene, records))
            else:
                self._left[scene.id] = scene.collection
        report.items_written = len(items)
        report.items_removed = len(self._left.keys() - {item["id"] for item in items})
        self.touched_collections = {item["collection"] for item in items} | set(self._left.values())
        if self._options.dry_run:
            return
        catalogue.put_items(self._connection, self._side, items)
        for scene_id, collection in self._left.items():
            catalogue.remove_item(self._connection, collection, scene_id)

    def _item_of(self, scene: KnownScene, records: Sequence[tuple[str, RawRecord]]) -> catalogue.ItemDocument:
        """The Item of an acquisition, built from all its active records, whatever their order of arrival."""
        scenes = [_source(source).scene_from_record(raw, self._rooms.sensors) for source, raw in records]
        item = item_from_scenes(scenes, item_id=scene.id, collection=scene.collection)
        document = item.to_dict(include_self_link=False, transform_hrefs=False)
        document["properties"] |= {"created": _rfc3339(scene.created), "updated": _rfc3339(self._now)}
        document["private"] = {"assets": asset_locations(scenes)}
        return document


def _source(name: str) -> ModuleType:
    return SOURCES[name]


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
