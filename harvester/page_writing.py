"""One page of records: written into the ledger, its Items built and put into the catalogue, in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from psycopg import Connection
from pystac import Item

from harvester import catalogue
from harvester.collection_documents import CollectionDocuments
from harvester.errors import CollectionDocumentError, UnreadableScene
from harvester.items import asset_locations, item_from_scenes
from harvester.ledger import KnownRecord, KnownScene, Ledger
from harvester.record import Page, RawRecord, SceneRecord
from harvester.report import Outcome, PageReport
from harvester.sensors import Sensors
from harvester.sources import SOURCES


@dataclass(frozen=True, kw_only=True)
class HarvestOptions:
    """What the operator asked for."""

    collection: str | None = None  #: put every record there, instead of where the documents say; remembered
    move: bool = False  #: with `collection`: also move Items that are in another collection
    dry_run: bool = False  #: read and compare everything, write nothing
    limit: int | None = None  #: stop after so many records
    reread: bool = False  #: read unchanged records again too, with the documents and the reader of today


@dataclass(frozen=True, kw_only=True)
class HarvestRooms:
    """What a harvest works with: where to write, and the documents that say how."""

    conninfo: str = field(repr=False)  #: of the role that may load; it holds a password
    documents: CollectionDocuments
    sensors: Sensors
    language: str  #: in which Collections are published first
    attempts: int = 5  #: how often a page is tried when the connection is lost, over some ten seconds


@dataclass(frozen=True, kw_only=True)
class _Acquisition:
    """An acquisition as this page knows it."""

    known: KnownScene
    records: Mapping[tuple[str, str], SceneRecord]  #: all that are active, by source and record
    stood_in: str | None  #: collection where its Item stood before this page
    item: Item | None = None  #: as it is to be written; None where there is none left, or nothing new


class PageWriting:
    """One page of records inside its transaction, which the caller opens and commits."""

    def __init__(self, connection: Connection, source: str, rooms: HarvestRooms, options: HarvestOptions) -> None:
        self._connection = connection
        self._source = source
        self._rooms = rooms
        self._options = options
        self._now = datetime.now(UTC)
        self._ledger = Ledger(connection, source, self._now)
        self._changed: dict[str, _Acquisition] = {}
        self._reread_scenes: list[str] = []  #: the acquisition of each unchanged record that was read again

    def take_in(self, page: Page, side: Connection) -> PageReport:
        """Write the records of the page into the ledger and build the Items they change.

        Args:
            page: records of one source.
            side: where Items can be looked up; on the page's own connection that would lock their partitions.
        """
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport(read=len(page.records))
        known = self._ledger.known(record.id for record in page.records)
        for raw in page.records:
            before = known.get(raw.id)
            if before and self._is_unchanged(raw, before) and not self._options.reread:
                report.outcomes[Outcome.UNCHANGED] += 1
            else:
                self._take_in_record(raw, before, report)
        self._ledger.saw(known)
        self._settle_reread(side, report)
        items = [each for each in self._changed.values() if each.item]
        report.items_written, report.items_removed = len(items), len(self._withdrawn())
        report.require_complete()
        return report

    def write_items(self, side: Connection) -> None:
        """Write the Items into the catalogue, and take those away that are not what they were."""
        items = [self._document(each, each.item) for each in self._changed.values() if each.item]
        catalogue.put_items(self._connection, side, sorted(items, key=lambda item: str(item["id"])))
        for each in (*self._moved(), *self._withdrawn()):
            catalogue.remove_item(self._connection, str(each.stood_in), each.known.id)

    def touched_collections(self) -> set[str]:
        """Ids of the collections that have other Items than before this page."""
        changed = self._changed.values()
        return {each.known.collection for each in changed} | {each.stood_in for each in changed if each.stood_in}

    def _moved(self) -> list[_Acquisition]:
        changed = self._changed.values()
        return [each for each in changed if each.item and each.stood_in not in (None, each.known.collection)]

    def _withdrawn(self) -> list[_Acquisition]:
        return [each for each in self._changed.values() if each.item is None and each.stood_in]

    def _is_unchanged(self, raw: RawRecord, before: KnownRecord) -> bool:
        is_in_place = self._options.collection in (None, before.collection)
        return before.is_active and is_in_place and before.digest == raw.digest()

    def _settle_reread(self, side: Connection, report: PageReport) -> None:
        """Count the unchanged records that were read again by whether that changes their Item; leave equal Items be."""
        again = {name: self._changed[name] for name in self._reread_scenes}
        stored = catalogue.stored_items(side, [(each.known.collection, name) for name, each in again.items()])
        equal = {name for name, each in again.items() if self._is_as_stored(each, stored.get(name))}
        for name in self._reread_scenes:
            report.outcomes[Outcome.UNCHANGED if name in equal else Outcome.CHANGED] += 1
        for name in equal:
            del self._changed[name]

    def _is_as_stored(self, acquisition: _Acquisition, stored: catalogue.ItemDocument | None) -> bool:
        if acquisition.item is None or stored is None:
            return False
        return _comparable(self._document(acquisition, acquisition.item)) == _comparable(stored)

    def _take_in_record(self, raw: RawRecord, before: KnownRecord | None, report: PageReport) -> None:
        """Write one new or changed record into the ledger, or refuse it with its reason."""
        was_active = before is not None and before.is_active
        try:
            scene = self._read(self._source, raw)
            joined = self._join(raw, scene, self._ledger.scenes_of(scene), before)
        except UnreadableScene as error:
            refusal = report.refuse(raw.id, str(error))
            # What an active record said last stays in force: a broken upload must not take an Item away.
            if not was_active:
                self._ledger.quarantine(raw, refusal.reason)
            return
        if before and self._is_unchanged(raw, before):
            self._reread_scenes.append(joined)
        else:
            report.outcomes[Outcome.CHANGED if was_active else Outcome.NEW] += 1
        report.warnings += [f"{raw.id}: {warning}" for warning in scene.warnings]

    def _join(self, raw: RawRecord, scene: SceneRecord, same: list[KnownScene], before: KnownRecord | None) -> str:
        """Let the record be part of its acquisition, and of no other; returns the id of that acquisition.

        Everything that can be refused is tried before anything is written.

        Args:
            raw: the record.
            scene: what it says.
            same: the known acquisitions that it is one with, the oldest first: that one stands for all.
            before: what the ledger holds of it.

        Raises:
            UnreadableScene: no collection takes it, its Item is in another collection than the operator asked for, or
                an Item that it changes would not be valid.
        """
        key = (self._source, raw.id)
        target = self._place(scene, same)
        merged = [self._without(key, known) for known in same]
        records = {name: record for each in merged for name, record in each.records.items()} | {key: scene}
        stood_in = next((each.stood_in for each in merged[:1]), None)
        joined = self._built(_Acquisition(known=target, records=records, stood_in=stood_in))
        emptied = [replace(each, records={}, item=None) for each in merged[1:]]
        left = self._left_behind(key, before, same)

        if target not in same:
            self._ledger.keep_scene(target)
        if emptied:
            self._ledger.merge(target.id, [each.known.id for each in emptied])
        self._ledger.remember_keys(scene, target.id)
        self._ledger.keep(raw, target.id)
        self._changed |= {each.known.id: each for each in (joined, *emptied, *left)}
        return joined.known.id

    def _place(self, scene: SceneRecord, same: list[KnownScene]) -> KnownScene:
        """The acquisition as it is to be: its id, and the collection where its Item belongs."""
        wanted = self._options.collection
        if not same:
            return KnownScene(scene.id, wanted or self._accepting_collection(scene), self._now)
        elsewhere = [known for known in same if wanted not in (None, known.collection)]
        if elsewhere and not self._options.move:
            where = " and ".join(f"{known.id} in {known.collection}" for known in elsewhere)
            raise UnreadableScene(f"the catalogue has {where}; say --move to move it to {wanted}")
        return replace(same[0], collection=wanted or same[0].collection)

    def _accepting_collection(self, scene: SceneRecord) -> str:
        try:
            return self._rooms.documents.accepting(scene.mission, scene.profile).id
        except CollectionDocumentError as error:
            raise UnreadableScene(str(error)) from error

    def _without(self, key: tuple[str, str], known: KnownScene) -> _Acquisition:
        """An acquisition, as this page has it so far or as the ledger has it, without what one record said of it."""
        if (changed := self._changed.get(known.id)) is not None:
            return replace(changed, records={name: scene for name, scene in changed.records.items() if name != key})
        raws = {(source, raw.id): raw for source, raw in self._ledger.records_of(known.id)}
        records = {name: self._reread(name[0], raw) for name, raw in raws.items() if name != key}
        return _Acquisition(known=known, records=records, stood_in=known.collection if raws else None)

    def _read(self, source: str, raw: RawRecord) -> SceneRecord:
        scene: SceneRecord = SOURCES[source].scene_from_record(raw, self._rooms.sensors)
        return scene

    def _reread(self, source: str, raw: RawRecord) -> SceneRecord:
        try:
            return self._read(source, raw)
        except UnreadableScene as error:
            raise UnreadableScene(f"another record of its acquisition is not readable any more: {error}") from error

    def _left_behind(
        self, key: tuple[str, str], before: KnownRecord | None, same: list[KnownScene]
    ) -> list[_Acquisition]:
        """The acquisition that the record belonged to before, without it, if it belongs to another one now."""
        known = self._ledger.scene(before.scene) if before and before.scene else None
        if known is None or known in same:
            return []
        return [self._built(self._without(key, known))]

    def _built(self, acquisition: _Acquisition) -> _Acquisition:
        """With its Item, built from all its active records, whatever their order of arrival."""
        if not acquisition.records:
            return replace(acquisition, item=None)
        item = item_from_scenes(
            list(acquisition.records.values()),
            item_id=acquisition.known.id,
            collection=acquisition.known.collection,
            sources={source for source, _ in acquisition.records},
        )
        return replace(acquisition, item=item)

    def _document(self, acquisition: _Acquisition, item: Item) -> catalogue.ItemDocument:
        document = item.to_dict(include_self_link=False, transform_hrefs=False)
        document["properties"] |= {"created": _rfc3339(acquisition.known.created), "updated": _rfc3339(self._now)}
        document["private"] = {"assets": asset_locations(list(acquisition.records.values()))}
        return document


def _comparable(document: catalogue.ItemDocument) -> dict[str, Any]:
    """The Item as JSON, apart from when it was written, and from nulls, which pgSTAC does not give back."""
    timeless = {**document, "properties": {**document["properties"], "updated": None}}
    comparable: dict[str, Any] = json.loads(json.dumps(timeless), object_hook=_without_nulls)
    return comparable


def _without_nulls(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
