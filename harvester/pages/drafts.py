"""Items as a page finds them in the ledger, and as they will be after it."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, cached_property, partial
from typing import Any

from harvester.collection_documents import CollectionDocuments
from harvester.errors import UnreadableScene
from harvester.items.document import ItemDocument
from harvester.items.from_scenes import Sibling, SourcedScene, item_from_scenes, private_part
from harvester.ledger import ActiveRecord, KnownItem, Ledger
from harvester.pages.acquisitions import Member, RecordKey, names_of
from harvester.pages.reading_ahead import SoleRecordItem
from harvester.record import SceneOutline, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.registry import read_record
from harvester.stereo.views import PlacedItem

logger = logging.getLogger(__name__)


@dataclass
class ItemRecord:
    """A record of an Item. A record that was read elsewhere is read again only if its Item has to be built here."""

    source: str
    precedence_in: Callable[[str], int]  #: the precedence of its source in a collection
    read: Callable[[], SceneRecord]
    alone: SoleRecordItem | None = None
    drawn: SceneOutline | None = None  #: the outline, where the record was read already

    @cached_property
    def scene(self) -> SceneRecord:
        """The scene that it describes."""
        return self.read()

    @cached_property
    def outline(self) -> SceneOutline:
        """The part of the scene that identifies its acquisition."""
        return self.drawn or SceneOutline.of(self.scene)

    def sourced(self, collection: str) -> SourcedScene:
        """The scene with its source, from which Items of a collection are built."""
        return SourcedScene(source=self.source, precedence=self.precedence_in(collection), scene=self.scene)


@dataclass
class Draft:
    """An Item as this page finds it, and as it will be after it."""

    known: KnownItem  #: as it will stand in the ledger
    stood_in: str | None  #: its collection in the catalogue before this page
    was_published: bool  #: before the current batch
    moved_from: str | None = None  #: the collection that it was in before the current batch moved it
    parted_from: str | None = None  #: the acquisition that it belonged to before the current batch
    records: dict[RecordKey, ItemRecord] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)  #: of its records before the current batch
    reason: str = "no record of it is left"  #: given if it is withdrawn
    is_new: bool = False  #: the ledger did not have it before this page
    is_touched: bool = False
    built: ItemDocument | None = None
    private: Mapping[str, Any] = field(default_factory=dict)  #: what is kept beside it

    @property
    def scenes(self) -> list[SourcedScene]:
        """The scenes that its records describe."""
        return [record.sourced(self.known.collection) for record in self.records.values()]

    @property
    def came_or_went(self) -> bool:
        """Whether the current batch publishes it, withdraws it, moves it, or assigns it to another acquisition."""
        return self.was_published != self.known.is_published or bool(self.moved_from or self.parted_from)

    def move(self, collection: str) -> None:
        """Assign it to another collection."""
        self.moved_from = self.known.collection
        self.known = self.known._replace(collection=collection)

    def belong_to(self, scene: str) -> None:
        """Assign it to an acquisition."""
        if self.known.scene != scene:
            self.parted_from = self.known.scene
            self.known = self.known._replace(scene=scene)
            self.is_touched = True

    def build(self, siblings: Sequence[Sibling], corrections: Mapping[str, Any]) -> None:
        """Build it from its records; without records it stays unbuilt."""
        alone = self._built_elsewhere() if not siblings and not corrections else None
        if alone:
            self.built, self.private = alone.parsed()
        elif self.records:
            self.built = item_from_scenes(
                self.scenes,
                item_id=self.known.id,
                collection=self.known.collection,
                siblings=siblings,
                corrections=corrections,
            )
            self.private = private_part(self.scenes)

    def _built_elsewhere(self) -> SoleRecordItem | None:
        """The Item that was built where its only record was read, if it has the right id and collection."""
        alone = next(iter(self.records.values())).alone if len(self.records) == 1 else None
        return alone if alone and (alone.id, alone.collection) == (self.known.id, self.known.collection) else None

    def leave_out(self, record: RecordKey) -> bool:
        """Remove a record, if it still has it: a withdrawn record was removed before.

        Returns:
            Whether it had the record.
        """
        was_one = self.records.pop(record, None) is not None
        self.is_touched |= was_one
        return was_one

    def as_placed(self) -> PlacedItem:
        """In the form that the finder of stereo sets takes."""
        known = self.known
        return PlacedItem(
            item=known.id,
            scene=known.scene,
            collection=known.collection,
            is_archive=known.is_archive,
            built=self.built,
        )

    def as_sibling(self) -> Sibling:
        """In the form in which other Items of the acquisition link to it."""
        return Sibling(item=self.known.id, collection=self.known.collection, is_archive=self.known.is_archive)


class ItemDrafts:
    """Drafts of the Items that one page touches, inside its transaction."""

    def __init__(self, ledger: Ledger, documents: CollectionDocuments, sensors: Sensors) -> None:
        """Look up Items and their records in a ledger, and read the records with today's sensor documents."""
        self._ledger = ledger
        self._precedence = cache(partial(_precedence, documents))
        self._sensors = sensors
        self.settled: dict[str, Draft] = {}  #: Items that the page has changed so far, as its batches left them

    def with_siblings(self, items: Sequence[KnownItem]) -> dict[str, Draft]:
        """These Items and all others of their acquisitions."""
        return self.of(self._ledger.items.of_scenes({item.scene for item in items})) if items else {}

    def of(self, items: Sequence[KnownItem]) -> dict[str, Draft]:
        """Items as the ledger has them, with all their active records."""
        drafts = {}
        for known in items:
            settled = self.settled.get(known.id)
            # What an earlier batch of this page has put into the ledger is not in the catalogue yet.
            stood_in = settled.stood_in if settled else (known.collection if known.is_published else None)
            drafts[known.id] = Draft(known, stood_in, was_published=known.is_published)
        for record in self._ledger.records.active(drafts.keys()):
            draft = drafts[record.item]
            draft.sources.add(record.source)
            # It is read lazily: mostly it is replaced by what the source says today.
            scene = partial(_scene_again, record, self._sensors)
            draft.records[record.source, record.raw.id] = self.record(record.source, scene)
        return drafts

    def record(
        self,
        source: str,
        read: Callable[[], SceneRecord],
        alone: SoleRecordItem | None = None,
        drawn: SceneOutline | None = None,
    ) -> ItemRecord:
        """A record, to be added to an Item."""
        return ItemRecord(source, partial(self._precedence, source), read, alone, drawn)

    def build(self, drafts: Mapping[str, Draft]) -> dict[str, Draft]:
        """Build those Items that change from all their records; the order in which these arrived does not matter.

        An Item changes with its records, and when another Item of its acquisition comes, goes or moves.
        """
        for draft in drafts.values():
            if draft.known.is_published != bool(draft.records):
                draft.known = draft.known._replace(is_published=bool(draft.records))
        of_scene = by_scene(drafts.values())
        unsettled = [draft for draft in drafts.values() if draft.came_or_went]
        news = {scene for draft in unsettled for scene in (draft.known.scene, draft.parted_from)}
        changed = {
            name: draft
            for name, draft in drafts.items()
            if draft.is_touched or (draft.records and draft.known.scene in news)
        }
        corrections = self._ledger.items.corrections([name for name, draft in changed.items() if not draft.is_new])
        for name, draft in changed.items():
            together = of_scene[draft.known.scene]
            siblings = [other.as_sibling() for other in together if other is not draft and other.records]
            draft.build(siblings, corrections.get(name, {}))
        return changed

    def built_anew(self, items: Sequence[str]) -> dict[str, Draft]:
        """Build these Items, except those with a record that is no longer readable: they stay as they are."""
        if not items:
            return {}
        try:
            drafts = self.with_siblings(self._ledger.items.known(items))
            for name in items:
                drafts[name].is_touched = True
            return self.build(drafts)
        except UnreadableScene as error:
            if len(items) == 1:
                logger.warning("%s and its stereo sets stay as they are: %s", items[0], error)
                return {}
        middle = len(items) // 2
        return self.built_anew(items[:middle]) | self.built_anew(items[middle:])


def _precedence(documents: CollectionDocuments, source: str, collection: str) -> int:
    """The rank of a source among those of a collection; after all of them where it is none of them."""
    document = documents.get(collection)
    labels = [choice.label for choice in document.harvest.sources] if document else []
    return labels.index(source) if source in labels else len(labels)


def by_scene(drafts: Iterable[Draft]) -> defaultdict[str, list[Draft]]:
    """Drafts by acquisition."""
    of_scene: defaultdict[str, list[Draft]] = defaultdict(list)
    for draft in drafts:
        of_scene[draft.known.scene].append(draft)
    return of_scene


def standing_first(draft: Draft) -> tuple[bool, datetime, str]:
    """A sort key: Items in the catalogue first, then the oldest."""
    return not draft.known.is_published, draft.known.created, draft.known.id


def _scene_again(record: ActiveRecord, sensors: Sensors) -> SceneRecord:
    """What a record said when it was harvested.

    Raises:
        UnreadableScene: the reader of today cannot read it.
    """
    try:
        return read_record(record.kind, record.raw, sensors)
    except UnreadableScene as error:
        raise UnreadableScene(f"another record of its acquisition is not readable any more: {error}") from error


def members(drafts: Iterable[Draft]) -> Iterator[Member]:
    """The records in force of Items, those of the oldest Items first, with what identifies their acquisitions."""
    for draft in sorted(drafts, key=standing_first):
        for key, record in draft.records.items():
            try:
                outline = record.outline
            except UnreadableScene:
                yield Member(key, None, frozenset({draft.known.scene}), draft.known.scene)
            else:
                yield Member(key, outline, names_of(outline, record.source), draft.known.scene)


def new_draft(outline: SceneOutline, scene: str, collection: str, now: datetime) -> Draft:
    """A new Item for a record in a collection, created `now`, UTC."""
    known = KnownItem(outline.id, scene, collection, True, outline.is_archive, now)
    return Draft(known, None, was_published=False, is_new=True)


def given(scene: SceneRecord) -> Callable[[], SceneRecord]:
    """A scene that was read already, in the form of one that is read when needed."""
    return lambda: scene
