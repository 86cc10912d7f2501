"""One page of records inside its transaction: into the ledger, and their Items into the catalogue.

The way of a page: records that say what they said before are only noted; the others are read, those of one acquisition
are found, and every Item that they change is built anew from all its active records; then the stereo sets that these
Items make or break. What cannot be read, placed or built refuses that record only. Everything is looked up and written
for many records at once; when a batch fails it is halved until the record that fails stands alone.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, lru_cache, partial
from itertools import zip_longest
from typing import Any

from psycopg import Connection

from harvester import catalogue
from harvester.acquisitions import Acquisition, acquisitions_of
from harvester.collection_documents import CollectionDocuments
from harvester.conflicts import conflicts_between
from harvester.errors import CatalogueError, CollectionDocumentError, UnreadableScene
from harvester.feeds import Feed
from harvester.items import Sibling, SourcedScene, item_from_scenes, private_part
from harvester.ledger import ActiveRecord, KnownItem, KnownRecord, Ledger, RecordEntry
from harvester.reading_ahead import ItemAlone, ReadBeforehand, Readings
from harvester.record import Page, RawRecord, SceneOutline, SceneRecord, Withdrawal
from harvester.report import ItemChange, Outcome, PageReport, printable
from harvester.sensors import Sensors
from harvester.settings import NoticeSettings
from harvester.sources.registry import SOURCES
from harvester.stereo.keeping import Span
from harvester.stereo.page_sets import PageSets
from harvester.stereo.stereo_items import with_sets
from harvester.stereo.views import PlacedItem

logger = logging.getLogger(__name__)

RecordKey = tuple[str, str]  #: source, record id


@dataclass(frozen=True, kw_only=True)
class HarvestRooms:
    """What a harvest works with: where to write, and the documents that say how."""

    conninfo: str = field(repr=False)  #: of the role that may load; it holds a password
    documents: CollectionDocuments
    sensors: Sensors
    language: str  #: in which Collections are published first
    attempts: int = 5  #: how often a page is tried when the connection is lost, over some ten seconds
    notices: NoticeSettings | None = None  #: whom to tell of runs that need attention; None for nobody


@dataclass(frozen=True, kw_only=True)
class WritingOptions:
    """How the records of a run are written."""

    collection: str | None = None  #: put every record there, instead of where the documents say; remembered
    move: bool = False  #: with `collection`: also move Items that are in another collection
    reread: bool = False  #: read unchanged records again too, with the documents and the reader of today


@dataclass(frozen=True)
class _Taken:
    """A record that was read: new, changed, or asked to be read again."""

    raw: RawRecord
    outline: SceneOutline
    scene: Callable[[], SceneRecord]
    before: KnownRecord | None
    alone: ItemAlone | None = None


@dataclass
class _Said:
    """A record of an Item. One that was read elsewhere is read here only if its Item has to be built."""

    source: str
    precedence: int
    scene: Callable[[], SceneRecord]
    alone: ItemAlone | None = None

    @cached_property
    def sourced(self) -> SourcedScene:
        """As Items are built from it."""
        return SourcedScene(source=self.source, precedence=self.precedence, scene=self.scene())


@dataclass
class _Draft:
    """An Item as this page finds it, and as it is to be."""

    known: KnownItem  #: as it is to stand in the ledger
    stood_in: str | None  #: the collection where it is in the catalogue before this page
    was_published: bool  #: before the batch at hand
    records: dict[RecordKey, _Said] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)  #: of its records before the batch at hand
    reason: str = "no record of it is left"  #: should it be withdrawn
    is_new: bool = False  #: the ledger did not have it before this page
    is_touched: bool = False
    built: catalogue.ItemDocument | None = None
    private: Mapping[str, Any] = field(default_factory=dict)  #: what is kept beside it

    @property
    def scenes(self) -> list[SourcedScene]:
        """What its records say."""
        return [said.sourced for said in self.records.values()]

    def build(self, siblings: Sequence[Sibling], corrections: Mapping[str, Any]) -> None:
        """Let it be what its records say; nothing if there is none."""
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

    def _built_elsewhere(self) -> ItemAlone | None:
        """The Item that was built where its one record was read, if it is just the one that is to be."""
        alone = next(iter(self.records.values())).alone if len(self.records) == 1 else None
        return alone if alone and (alone.id, alone.collection) == (self.known.id, self.known.collection) else None

    def leave_out(self, record: RecordKey) -> None:
        """Let a record not be one of it any more; one that was withdrawn is none already."""
        if self.records.pop(record, None):
            self.is_touched = True

    def as_placed(self) -> PlacedItem:
        """As the finder of stereo sets takes it."""
        known = self.known
        return PlacedItem(
            item=known.id,
            scene=known.scene,
            collection=known.collection,
            is_archive=known.is_archive,
            built=self.built,
        )

    def as_sibling(self) -> Sibling:
        """As other Items of the acquisition link to it."""
        return Sibling(item=self.known.id, collection=self.known.collection, is_archive=self.known.is_archive)


class PageWriting:
    """One page inside its transaction, which the caller opens and commits."""

    def __init__(
        self,
        connection: Connection,
        side: Connection,
        feed: Feed,
        run: int | None,
        rooms: HarvestRooms,
        options: WritingOptions,
    ) -> None:
        """Work for one run of a feed.

        Args:
            connection: has the page's transaction open.
            side: where Items can be looked up; on the page's own connection that would lock their partitions.
            feed: whose records they are.
            run: that they are read in; None for a dry run.
            rooms: the documents.
            options: what the operator asked for.
        """
        self._connection = connection
        self._side = side
        self._feed = feed
        self._rooms = rooms
        self._options = options
        self._now = datetime.now(UTC)
        self._ledger = Ledger(connection, source=feed.source, feed=feed.name, run=run, now=self._now)
        self._sets = PageSets(connection, side, rooms.documents, self._now)
        self._settled: dict[str, _Draft] = {}  #: Items that this page changes, as its batches left them
        self._made: set[str] = set()  #: those of them that the ledger did not have before this page
        self._others: dict[str, _Draft] = {}  #: further views of the sets of these Items
        self._reread: list[str] = []  #: the Item of each unchanged record that was read again

    def take_in(self, page: Page, readings: Readings = (), refused: Sequence[RecordEntry] = ()) -> PageReport:
        """Write the records of the page into the ledger and build the Items they change.

        Args:
            page: records of the feed.
            readings: of the records of the page that were read beforehand; the others are read here.
            refused: other records, known ones, that go into quarantine even if they are in force.

        Raises:
            CatalogueError: a record that the source left unread is not in force any more.
        """
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport()
        records = list(map(with_printable_id, page.records))
        names = [raw.id for raw in records] + [gone.id for gone in page.withdrawals] + [each.raw.id for each in refused]
        known = self._ledger.known(names)
        self._note_unread(page.unread, report)
        self._take(list(self._read_changed(records, known, readings, report)), report)
        gone = self._withdraw(page.withdrawals, known, report)
        self._put_in_quarantine(refused, known, report)
        self._find_sets()
        self._settle(report)
        report.require_complete(len(records) + len(page.unread) + gone + len(refused))
        return report

    def rebuild(self, items: Iterable[str]) -> PageReport:
        """Build Items anew from what the ledger has of them."""
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport()
        drafts = self._drafts_with_siblings(self._ledger.items(set(items)))
        for name in items:
            drafts[name].is_touched = True
        self._settled |= self._build(drafts)
        self._find_sets()
        self._settle(report)
        return report

    def rebuild_sets(self, items: Sequence[str], windows: Sequence[Span] = ()) -> PageReport:
        """Find the stereo sets of Items, and those within stretches of time, anew; what is as it should be is left.

        Items with a record that cannot be read any more stay as they are.
        """
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport()
        self._settled |= self._built_anew(items)
        self._reread += self._settled
        self._find_sets(windows)
        self._settle(report)
        return report

    def write_items(self) -> None:
        """Write the Items into the catalogue, and take those away that are not what they were."""
        built = [self._document(draft, draft.built) for draft in self._settled.values() if draft.built]
        built += self._sets.documents
        catalogue.put_items(self._connection, self._side, sorted(built, key=lambda item: str(item["id"])))
        removals = [*self._removals(), *self._sets.removals()]
        for collection, item, _ in removals:
            catalogue.remove_item(self._connection, collection, item)
        self._sets.write()
        # A new Item got its number when it was written down.
        known = {name: draft for name, draft in self._settled.items() if name not in self._made}
        is_new = {name: draft.stood_in != draft.known.collection for name, draft in known.items()}
        is_new |= self._sets.is_new()
        if is_new:
            self._ledger.number_changes(is_new)
        if removals:
            self._ledger.bury(removals)

    def touched_collections(self) -> set[str]:
        """Ids of the collections that have other Items than before this page."""
        drafts = self._settled.values()
        stood_in = {draft.stood_in for draft in drafts if draft.stood_in}
        return {draft.known.collection for draft in drafts} | stood_in | self._sets.touched_collections()

    def changes(self) -> list[ItemChange]:
        """What this page does to Items, field by field: for a dry run."""
        stored = self._stored(self._settled) | self._sets.stored_items()
        outcomes = [
            (name, draft.known.collection, self._document(draft, draft.built) if draft.built else None)
            for name, draft in sorted(self._settled.items())
        ]
        return [
            ItemChange.between(
                name,
                collection,
                comparable(stored[name]) if name in stored else None,
                comparable(document) if document else None,
            )
            for name, collection, document in [*outcomes, *self._sets.outcomes()]
        ]

    # Reading

    def _note_unread(self, unread: Sequence[str], report: PageReport) -> None:
        """Note records that the source did not read again, as nothing had changed."""
        if self._ledger.saw_unread(unread) != len(unread):
            known = self._ledger.known(unread)
            lost = next(name for name in unread if name not in known or known[name].state != "active")
            raise CatalogueError(f"{lost} and perhaps others were withdrawn by another program meanwhile: run again")
        report.outcomes[Outcome.UNCHANGED] += len(unread)

    def _read_changed(
        self,
        records: Sequence[RawRecord],
        known: Mapping[str, KnownRecord],
        readings: Readings,
        report: PageReport,
    ) -> Iterator[_Taken]:
        """The records that are to be taken in; the others are counted, and noted as seen."""
        unchanged = [raw for raw in records if self._is_unchanged(raw, known.get(raw.id))]
        left = [] if self._options.reread else unchanged
        self._ledger.saw([raw.id for raw in left])
        self._ledger.remember_fingerprints({raw.id: raw.fingerprint for raw in left if raw.fingerprint})
        report.outcomes[Outcome.UNCHANGED] += len(left)
        names = {raw.id for raw in left}
        for raw, beforehand in zip_longest(records, readings):
            if raw.id in names:
                continue
            if beforehand:
                raw.remember(beforehand.canonical)
            try:
                yield self._taken(raw, known.get(raw.id), beforehand)
            except UnreadableScene as error:
                self._refuse(raw, known.get(raw.id), "read", error, report)

    def _taken(self, raw: RawRecord, before: KnownRecord | None, beforehand: ReadBeforehand | None) -> _Taken:
        """A record with what it says.

        Raises:
            UnreadableScene: it cannot be read.
        """
        read = partial(read_record, self._feed.kind, raw, self._rooms.sensors)
        if beforehand is None:
            scene = read()
            return _Taken(raw, SceneOutline.of(scene), _given(scene), before)
        if isinstance(beforehand.reading, UnreadableScene):
            raise beforehand.reading
        return _Taken(raw, beforehand.reading, read, before, beforehand.alone)

    def _is_unchanged(self, raw: RawRecord, before: KnownRecord | None) -> bool:
        if before is None or before.state != "active" or before.digest != raw.digest():
            return False
        return self._options.collection in (None, before.collection)

    def _refuse(
        self, raw: RawRecord, before: KnownRecord | None, stage: str, error: UnreadableScene, report: PageReport
    ) -> None:
        refusal = report.refuse(raw.id, str(error))
        if before and before.state == "active":
            # What it said last stays in force: a broken upload must not take an Item away.
            self._ledger.saw([raw.id])
        elif before and before.state == "quarantined" and before.digest == raw.digest():
            self._ledger.refused_again(raw.id, stage, refusal.reason)
        else:
            self._ledger.keep(
                [RecordEntry(raw=raw, state="quarantined", stage=stage, reason=refusal.reason, is_new=before is None)]
            )

    # Taking in

    def _take(self, taken: Sequence[_Taken], report: PageReport) -> None:
        """Take in as many at once as go together; what fails alone is refused."""
        if not taken:
            return
        try:
            with self._connection.transaction():
                drafts = self._take_batch(taken)
        except UnreadableScene as error:
            if len(taken) == 1:
                self._refuse(taken[0].raw, taken[0].before, "build", error, report)
                return
            middle = len(taken) // 2
            self._take(taken[:middle], report)
            self._take(taken[middle:], report)
            return
        self._settled |= drafts
        self._made |= {name for name, draft in drafts.items() if draft.is_new}
        for each in taken:
            self._count(each, report)

    def _count(self, taken: _Taken, report: PageReport) -> None:
        report.warn(taken.raw.id, taken.outline.warnings)
        if taken.before and self._is_unchanged(taken.raw, taken.before):
            self._reread.append(str(taken.before.item))
        else:
            was_active = taken.before is not None and taken.before.state == "active"
            report.outcomes[Outcome.CHANGED if was_active else Outcome.NEW] += 1

    def _take_batch(self, taken: Sequence[_Taken]) -> dict[str, _Draft]:
        """Let records be part of their acquisitions, and of no other; gives the Items that this changes, built.

        Raises:
            UnreadableScene: no collection takes one of them, its Item is in another collection than the operator asked
                for, or an Item that they change would not be valid.
        """
        found = acquisitions_of([each.outline for each in taken], self._feed.source, self._ledger, self._now)
        scenes = [name for each in found if each.is_known for name in (each.scene.id, *each.merged)]
        drafts = self._drafts(self._ledger.items_of_scenes(scenes)) if scenes else {}
        former = {each.before.item for each in taken if each.before and each.before.item}
        drafts |= self._drafts_with_siblings(self._ledger.items(former - drafts.keys()))
        for each in taken:
            if each.before and each.before.item:
                drafts[each.before.item].leave_out((self._feed.source, each.raw.id))
        for acquisition in found:
            self._merge(acquisition, drafts)
        of_scene = _by_scene(drafts)
        placed = [
            (taken[index], self._place(taken[index].outline, acquisition.scene.id, of_scene[acquisition.scene.id]))
            for acquisition in found
            for index in acquisition.members
        ]
        made = [draft for _, draft in placed if draft.known.id not in drafts or drafts[draft.known.id] is not draft]
        drafts = {draft.known.id: draft for draft in made} | drafts
        self._refuse_taken_ids(drafts, made)
        for each, draft in placed:
            said = self._said(self._feed.source, draft, each.scene, each.alone)
            draft.records[self._feed.source, each.raw.id] = said
            draft.is_touched = True
        changed = self._build(drafts)
        self._keep(found, changed, placed)
        return changed

    def _keep(
        self,
        found: Sequence[Acquisition],
        changed: Mapping[str, _Draft],
        placed: Sequence[tuple[_Taken, _Draft]],
    ) -> None:
        self._ledger.keep_scenes([(each.scene, each.moment) for each in found])
        merged = {name: each.scene.id for each in found for name in each.merged}
        if merged:
            self._ledger.merge_scenes(merged)
        self._ledger.remember_keys({name: each.scene.id for each in found for name in each.names})
        self._keep_items(changed)
        if merged:
            self._ledger.forget_scenes(merged)
        again = [each for each, draft in placed if self._says_the_same(each, draft)]
        self._ledger.saw([each.raw.id for each in again])
        entries = [
            RecordEntry(raw=each.raw, state="active", item=draft.known.id, is_new=each.before is None)
            for each, draft in placed
            if not self._says_the_same(each, draft)
        ]
        if entries:
            self._ledger.keep(entries)

    def _keep_items(self, changed: Mapping[str, _Draft]) -> None:
        # Known ones first: of those of an acquisition in a collection that are merged one may be new.
        if known := [draft.known for draft in changed.values() if not draft.is_new]:
            self._ledger.keep_items(known)
        if new := [draft.known for draft in changed.values() if draft.is_new]:
            self._ledger.keep_new_items(new)

    def _says_the_same(self, taken: _Taken, draft: _Draft) -> bool:
        before = taken.before
        is_active_there = before is not None and before.state == "active" and before.item == draft.known.id
        return is_active_there and before is not None and before.digest == taken.raw.digest()

    # Where a record belongs

    def _place(self, scene: SceneOutline, scene_id: str, of_scene: list[_Draft]) -> _Draft:
        """The Item that a record belongs to, made if need be.

        Raises:
            UnreadableScene: no collection takes it, or the id of its Item is that of another acquisition.
        """
        collection = self._collection_of(scene, of_scene)
        there = [draft for draft in of_scene if draft.known.collection == collection]
        if there:
            return min(there, key=_standing_first)
        known = KnownItem(scene.id, scene_id, collection, True, scene.is_archive, self._now)
        of_scene.append(_Draft(known, None, was_published=False, is_new=True))
        return of_scene[-1]

    def _refuse_taken_ids(self, drafts: Mapping[str, _Draft], made: Sequence[_Draft]) -> None:
        """Refuse Items whose id is that of another acquisition already.

        Raises:
            UnreadableScene: one of them is.
        """
        others = {item.id: item for item in self._ledger.items([draft.known.id for draft in made])}
        for draft in made:
            other = others.get(draft.known.id)
            if other is None and drafts[draft.known.id] is not draft:
                other = drafts[draft.known.id].known
            if other is not None:
                raise UnreadableScene(
                    f"its Item would be {other.id}, which is that of another acquisition in {other.collection}: one of "
                    "the two sources gives ids that are not unique"
                )

    def _collection_of(self, scene: SceneOutline, of_scene: Sequence[_Draft]) -> str:
        """Where the Item of a record belongs: where the feed or the operator says, else where a document takes it."""
        if self._feed.collection is not None:
            return self._feed.collection
        wanted = self._options.collection
        held = sorted((draft for draft in of_scene if self._is_ours(draft, scene)), key=_standing_first)
        elsewhere = [draft for draft in held if wanted not in (None, draft.known.collection)]
        if elsewhere and not self._options.move:
            where = " and ".join(f"{draft.known.id} in {draft.known.collection}" for draft in elsewhere)
            raise UnreadableScene(f"the catalogue has {where}; say --move to move it to {wanted}")
        for draft in elsewhere:
            draft.known = replace(draft.known, collection=str(wanted))
        if wanted is not None:
            return wanted
        return held[0].known.collection if held else self._accepting_collection(scene)

    def _is_ours(self, draft: _Draft, scene: SceneOutline) -> bool:
        """Whether records of this source go on with an Item, which may be a withdrawn one that comes back."""
        return self._feed.source in draft.sources or (not draft.sources and draft.known.id == scene.id)

    def _accepting_collection(self, scene: SceneOutline) -> str:
        try:
            return self._rooms.documents.accepting(str(scene.mission), str(scene.profile)).id
        except CollectionDocumentError as error:
            raise UnreadableScene(str(error)) from error

    def _merge(self, acquisition: Acquisition, drafts: Mapping[str, _Draft]) -> None:
        """Let the Items of acquisitions that turned out to be one be those of the one that stands for all."""
        if not acquisition.merged:
            return
        ours = [draft for draft in drafts.values() if draft.known.scene in (acquisition.scene.id, *acquisition.merged)]
        survivors: dict[str, _Draft] = {}
        for draft in sorted(ours, key=lambda each: (each.known.scene != acquisition.scene.id, _standing_first(each))):
            draft.known = replace(draft.known, scene=acquisition.scene.id)
            draft.is_touched = True
            survivor = survivors.setdefault(draft.known.collection, draft)
            if survivor is not draft:
                survivor.records |= draft.records
                survivor.sources |= draft.sources
                draft.records = {}
                draft.reason = f"it is the same acquisition as {survivor.known.id}"
                self._ledger.reassign({draft.known.id: survivor.known.id})

    # Withdrawing

    def _withdraw(self, withdrawals: Sequence[Withdrawal], known: Mapping[str, KnownRecord], report: PageReport) -> int:
        """Take records away that are gone; those that are not in force here, or came back since, are left alone.

        Returns:
            How many are accounted for.
        """
        seen = self._ledger.last_seen([each.id for each in withdrawals if each.at])
        gone = {
            each.id: printable(each.reason)
            for each in withdrawals
            if _is_gone(each, known.get(each.id), seen.get(each.id))
        }
        report.unknown_withdrawals += len(withdrawals) - len(gone)
        for some in self._taken_out(gone, known, report, self._ledger.withdraw):
            report.outcomes[Outcome.WITHDRAWN] += len(some)
            report.withdrawn += some.items()
        return len(gone)

    def _put_in_quarantine(
        self, refused: Sequence[RecordEntry], known: Mapping[str, KnownRecord], report: PageReport
    ) -> None:
        entries = {each.raw.id: each for each in refused}
        reasons = {name: str(each.reason) for name, each in entries.items()}
        keep = partial(_keep_some, self._ledger, entries)
        for some in self._taken_out(reasons, known, report, keep):
            for name, reason in some.items():
                report.refuse(name, reason)

    def _taken_out(
        self,
        gone: Mapping[str, str],
        known: Mapping[str, KnownRecord],
        report: PageReport,
        note: Callable[[Mapping[str, str]], None],
    ) -> Iterator[Mapping[str, str]]:
        """Take records (id -> reason) out of their Items, as many at once as go together; what fails alone stays.

        Gives those that are out, as `note` wrote them into the ledger.
        """
        if not gone:
            return
        try:
            with self._connection.transaction():
                note(gone)
                changed = self._without(gone, known)
        except UnreadableScene as error:
            if len(gone) == 1:
                (name,) = gone
                report.refuse(name, f"it is to go, but without it its Item cannot be built: {error}")
                return
            names = list(gone)
            for some in (names[: len(names) // 2], names[len(names) // 2 :]):
                yield from self._taken_out({name: gone[name] for name in some}, known, report, note)
            return
        self._settled |= changed
        yield gone

    def _without(self, gone: Mapping[str, str], known: Mapping[str, KnownRecord]) -> dict[str, _Draft]:
        """The Items of these records (id -> reason), built anew without them."""
        in_force = {name: str(known[name].item) for name in gone if known[name].state == "active"}
        drafts = self._drafts_with_siblings(self._ledger.items(set(in_force.values())))
        for name, item in in_force.items():
            drafts[item].reason, drafts[item].is_touched = gone[name], True
        changed = self._build(drafts)
        self._keep_items(changed)
        return changed

    # Items

    def _drafts_with_siblings(self, items: Sequence[KnownItem]) -> dict[str, _Draft]:
        """These Items and all others of their acquisitions."""
        return self._drafts(self._ledger.items_of_scenes({item.scene for item in items})) if items else {}

    def _drafts(self, items: Sequence[KnownItem]) -> dict[str, _Draft]:
        """Items as the ledger has them, with all their active records."""
        drafts = {}
        for known in items:
            settled = self._settled.get(known.id)
            # What an earlier batch of this page has put into the ledger is not in the catalogue yet.
            stood_in = settled.stood_in if settled else (known.collection if known.is_published else None)
            drafts[known.id] = _Draft(known, stood_in, was_published=known.is_published)
        for record in self._ledger.active_records(drafts.keys()):
            draft = drafts[record.item]
            draft.sources.add(record.source)
            # Mostly it is replaced by what it says today, and never read.
            scene = partial(_scene_again, record, self._rooms.sensors)
            draft.records[record.source, record.raw.id] = self._said(record.source, draft, scene)
        return drafts

    def _said(
        self, source: str, draft: _Draft, scene: Callable[[], SceneRecord], alone: ItemAlone | None = None
    ) -> _Said:
        document = self._rooms.documents.get(draft.known.collection)
        labels = [choice.label for choice in document.harvest.sources] if document else []
        precedence = labels.index(source) if source in labels else len(labels)
        return _Said(source, precedence, scene, alone)

    def _build(self, drafts: Mapping[str, _Draft]) -> dict[str, _Draft]:
        """Those Items that are not what they were, built anew from all their records, whatever their order of arrival.

        An Item changes with its records, and when another Item of its acquisition comes or goes.
        """
        for draft in drafts.values():
            if draft.known.is_published != bool(draft.records):
                draft.known = replace(draft.known, is_published=bool(draft.records))
        of_scene = _by_scene(drafts)
        has_news = {
            scene: any(draft.was_published != draft.known.is_published for draft in together)
            for scene, together in of_scene.items()
        }
        changed = {
            name: draft
            for name, draft in drafts.items()
            if draft.is_touched or (draft.records and has_news[draft.known.scene])
        }
        corrections = self._ledger.corrections(changed.keys())
        for name, draft in changed.items():
            together = of_scene[draft.known.scene]
            siblings = [other.as_sibling() for other in together if other is not draft and other.records]
            draft.build(siblings, corrections.get(name, {}))
        return changed

    def _settle(self, report: PageReport) -> None:
        """Count the records that were read again by whether that changes their Item, and leave equal Items be."""
        again = {name: self._settled[name] for name in self._reread if name in self._settled}
        stored = self._stored(again)
        equal = {
            name
            for name, draft in again.items()
            if draft.built
            and name in stored
            and comparable(self._document(draft, draft.built)) == comparable(stored[name])
        }
        for name in self._reread:
            report.outcomes[Outcome.UNCHANGED if name in equal else Outcome.CHANGED] += 1
        for name in equal:
            del self._settled[name]
        for name, draft in self._settled.items():
            if len(draft.records) > 1:
                report.conflicts += [(name, conflict) for conflict in conflicts_between(draft.scenes)]
        self._settled |= {name: draft for name, draft in self._others.items() if name in self._sets.changed_views}
        report.items_written = sum(draft.built is not None for draft in self._settled.values())
        report.items_removed = sum(bool(draft.stood_in) and not draft.built for draft in self._settled.values())
        report.items_written += len(self._sets.documents)
        report.items_removed += len(self._sets.gone)

    def _find_sets(self, windows: Sequence[Span] = ()) -> None:
        """Find the stereo sets that the Items of this page make or break; Items of their other views are built too."""
        needed = self._sets.find([draft.as_placed() for draft in self._settled.values()], windows)
        self._others = self._built_anew(sorted(needed - self._settled.keys()))
        views = {name: draft for name, draft in (self._others | self._settled).items() if name in needed}
        self._sets.build(
            {name: self._bare_document(draft, draft.built) for name, draft in views.items() if draft.built}
        )

    def _built_anew(self, items: Sequence[str]) -> dict[str, _Draft]:
        """These Items, built, but those with a record that cannot be read any more: what they say stays in force."""
        if not items:
            return {}
        try:
            drafts = self._drafts_with_siblings(self._ledger.items(items))
            for name in items:
                drafts[name].is_touched = True
            return self._build(drafts)
        except UnreadableScene as error:
            if len(items) == 1:
                logger.warning("%s and its stereo sets stay as they are: %s", items[0], error)
                return {}
        middle = len(items) // 2
        return self._built_anew(items[:middle]) | self._built_anew(items[middle:])

    def _stored(self, drafts: Mapping[str, _Draft]) -> dict[str, catalogue.ItemDocument]:
        places = [(draft.stood_in, name) for name, draft in drafts.items() if draft.stood_in]
        return catalogue.stored_items(self._side, places) if places else {}

    def _removals(self) -> Iterator[tuple[str, str, str]]:
        """Collection, id and reason of the Items that do not stand where they stood."""
        for name, draft in self._settled.items():
            if draft.stood_in and draft.built is None:
                yield draft.stood_in, name, draft.reason
            elif draft.stood_in not in (None, draft.known.collection):
                yield str(draft.stood_in), name, f"it was moved to {draft.known.collection}"

    def _document(self, draft: _Draft, built: catalogue.ItemDocument) -> catalogue.ItemDocument:
        return with_sets(self._bare_document(draft, built), self._sets.memberships(draft.known.id))

    def _bare_document(self, draft: _Draft, built: catalogue.ItemDocument) -> catalogue.ItemDocument:
        """The Item without what it says of stereo sets."""
        written = {"created": _rfc3339(draft.known.created), "updated": _rfc3339(self._now)}
        properties = {**built["properties"], **written}
        return {**built, "properties": properties, "private": draft.private}


def with_printable_id(raw: RawRecord) -> RawRecord:
    """The record under an id that can be stored; mostly the record itself, with what it has worked out of itself."""
    name = printable(raw.id)
    return raw if name == raw.id else replace(raw, id=name)


def read_record(kind: str, raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """What a record says.

    Raises:
        UnreadableScene: it cannot be read, with the reason.
    """
    scene: SceneRecord = SOURCES[kind].scene_from_record(raw, sensors)
    return scene


def _scene_again(record: ActiveRecord, sensors: Sensors) -> SceneRecord:
    """What a record said when it was harvested.

    Raises:
        UnreadableScene: the reader of today cannot read it.
    """
    try:
        return read_record(record.kind, record.raw, sensors)
    except UnreadableScene as error:
        raise UnreadableScene(f"another record of its acquisition is not readable any more: {error}") from error


def _given(scene: SceneRecord) -> Callable[[], SceneRecord]:
    return lambda: scene


def comparable(document: catalogue.ItemDocument) -> dict[str, Any]:
    """The Item as JSON, apart from when it was written, and from nulls, which pgSTAC does not give back."""
    timeless = {**document, "properties": {**document["properties"], "updated": None}}
    plain: dict[str, Any] = json.loads(json.dumps(timeless), object_hook=_without_nulls)
    return plain


def _keep_some(ledger: Ledger, entries: Mapping[str, RecordEntry], names: Iterable[str]) -> None:
    ledger.keep([entries[name] for name in names])


def _is_gone(withdrawal: Withdrawal, known: KnownRecord | None, last_seen: datetime | None) -> bool:
    if known is None or known.state == "withdrawn":
        return False
    return withdrawal.at is None or last_seen is None or last_seen <= withdrawal.at


def _by_scene(drafts: Mapping[str, _Draft]) -> defaultdict[str, list[_Draft]]:
    of_scene: defaultdict[str, list[_Draft]] = defaultdict(list)
    for draft in drafts.values():
        of_scene[draft.known.scene].append(draft)
    return of_scene


def _standing_first(draft: _Draft) -> tuple[bool, datetime, str]:
    return not draft.known.is_published, draft.known.created, draft.known.id


def _without_nulls(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}


@lru_cache(maxsize=16)
def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
