"""Records of a page that come into force, or leave it, in one batch: their acquisitions and Items in the ledger.

A batch fails as a whole when one of its records does, inside a transaction that the caller opens: nothing is
half-written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from harvester.errors import ItemIdTaken
from harvester.ledger import KnownRecord, Ledger, RecordEntry
from harvester.pages.acquisitions import (
    Acquisition,
    Matches,
    Member,
    RecordKey,
    acquisitions_of,
    matches_of,
    names_of,
)
from harvester.pages.drafts import Draft, ItemDrafts, by_scene, members
from harvester.pages.placing import RecordPlacing
from harvester.pages.reading_ahead import SoleRecordItem
from harvester.pages.regrouping import regroup
from harvester.record import RawRecord, SceneOutline, SceneRecord


class IncomingRecord(NamedTuple):
    """A record that was read: new, changed, or asked to be read again."""

    raw: RawRecord
    outline: SceneOutline
    scene: Callable[[], SceneRecord]
    before: KnownRecord | None
    alone: SoleRecordItem | None = None

    @property
    def former(self) -> str | None:
        """The Item that it belonged to, if any."""
        return self.before.item if self.before else None

    def says_the_same_of(self, item: str) -> bool:
        """Whether it already said the same, for the same Item."""
        before = self.before
        return before is not None and before.is_active and before.item == item and before.digest == self.raw.digest()


class BatchWriting:
    """Applies the records of one batch after the other to acquisitions and Items."""

    def __init__(self, ledger: Ledger, drafts: ItemDrafts, placing: RecordPlacing, source: str, now: datetime) -> None:
        """Write records of a source at `now`, UTC."""
        self._ledger = ledger
        self._drafts = drafts
        self._placing = placing
        self._source = source
        self._now = now

    def take_in(self, incoming: Sequence[IncomingRecord]) -> dict[str, Draft]:
        """Add records to their acquisitions, and remove them from any other.

        Returns:
            The Items that this changes, built.

        Raises:
            UnreadableScene: no collection takes one of them, its Item is in another collection than the operator asked
                for, or an Item that they change would not be valid.
        """
        matches = matches_of([each.outline for each in incoming], self._source, self._ledger)
        drafts = self._drafts.of(self._ledger.items.of_scenes(matches.known)) if matches.known else {}
        former = {each.former for each in incoming if each.former}
        drafts |= self._drafts.with_siblings(self._ledger.items.known(former - drafts.keys()))
        leaving = {
            self._key(each): each.former
            for each in incoming
            if each.former and drafts[each.former].leave_out(self._key(each))
        }
        found = self._acquisitions(drafts, matches, incoming)
        moved = regroup(found, drafts, leaving, self._now)
        made = {draft.known.id: draft for draft in moved.values() if draft.is_new}
        placed = self._placed(incoming, found, [*drafts.values(), *made.values()])
        self._take_ids(drafts, [*moved.values(), *placed])
        for each, draft in zip(incoming, placed, strict=True):
            draft.records[self._key(each)] = self._drafts.record(self._source, each.scene, each.alone, each.outline)
            draft.is_touched = True
        changed = self._drafts.build(drafts)
        self._keep(found, matches, changed, moved)
        self._keep_records(incoming, placed)
        return changed

    def take_out(self, gone: Mapping[str, tuple[str, str]]) -> dict[str, Draft]:
        """Remove records (id -> Item, reason), which the ledger already marks as gone, from their Items.

        Returns:
            The Items that this changes, built.

        Raises:
            UnreadableScene: an Item would not be valid without them.
        """
        matches = Matches()
        try:
            drafts = self._without(gone)
            found = self._acquisitions(drafts, matches)
            moved = regroup(found, drafts, {}, self._now)
            self._take_ids(drafts, list(moved.values()))
        except ItemIdTaken:
            if len(gone) > 1:
                raise
            # A withdrawal must not fail: the records that the withdrawn one connected stay together until their source
            # gives them ids of their own.
            drafts, found, moved = self._without(gone), [], {}
        changed = self._drafts.build(drafts)
        self._keep(found, matches, changed, moved)
        return changed

    def move(self, items: Mapping[str, str]) -> dict[str, Draft]:
        """Assign Items (id -> collection) to other collections.

        Returns:
            The Items that this changes, built.

        Raises:
            UnreadableScene: one of them would not be valid there.
        """
        drafts = self._drafts.with_siblings(self._ledger.items.known(items))
        for name, collection in items.items():
            drafts[name].move(collection)
            drafts[name].is_touched = True
        changed = self._drafts.build(drafts)
        self._keep_items(changed)
        return changed

    def _without(self, gone: Mapping[str, tuple[str, str]]) -> dict[str, Draft]:
        """The Items of records that are gone (id -> Item, reason), with all others of their acquisitions."""
        drafts = self._drafts.with_siblings(self._ledger.items.known({item for item, _ in gone.values()}))
        for item, reason in gone.values():
            drafts[item].reason, drafts[item].is_touched = reason, True
        return drafts

    def _key(self, incoming: IncomingRecord) -> RecordKey:
        return self._source, incoming.raw.id

    def _acquisitions(
        self, drafts: dict[str, Draft], matches: Matches, incoming: Sequence[IncomingRecord] = ()
    ) -> list[Acquisition]:
        """The acquisitions of the records taken in and of those of these Items; further Items found join the drafts."""
        new = [
            Member(self._key(each), each.outline, names_of(each.outline, self._source), None, near)
            for each, near in zip(incoming, matches.near, strict=True)
        ]
        former = self._all_matching(drafts, matches)
        matches.known |= self._ledger.scenes.known(by_scene(drafts.values()).keys() - matches.known.keys())
        return acquisitions_of([*former, *new], matches, self._now)

    def _all_matching(self, drafts: dict[str, Draft], matches: Matches) -> list[Member]:
        """The records of these Items and of every Item that their names lead to, which join `drafts` and `matches`.

        There is rarely a further Item, but today's reader may find names in a record that the ledger does not have.
        """
        asked: set[str] = set()
        while True:
            found = list(members(drafts.values()))
            names = {name for each in found for name in each.names} - asked
            if not names:
                return found
            asked |= names
            matches.add(self._ledger.scenes.of_keys(names))
            if further := matches.known.keys() - by_scene(drafts.values()).keys():
                drafts |= self._drafts.of(self._ledger.items.of_scenes(further))

    def _placed(
        self, incoming: Sequence[IncomingRecord], found: Sequence[Acquisition], drafts: Sequence[Draft]
    ) -> list[Draft]:
        """The Item that each record belongs to, made if need be."""
        scene_of = {member.key: each.scene.id for each in found for member in each.members}
        scenes = [scene_of[self._key(each)] for each in incoming]
        of_scene = by_scene(drafts)
        return [
            self._placing.place(each.outline, scene, of_scene[scene], each.former)
            for each, scene in zip(incoming, scenes, strict=True)
        ]

    def _take_ids(self, drafts: dict[str, Draft], wanted: Sequence[Draft]) -> None:
        """Add the Items that records will belong to, and any existing Item with the same id, to the drafts."""
        drafts |= self._drafts.with_siblings(
            self._ledger.items.known({draft.known.id for draft in wanted} - drafts.keys())
        )
        self._placing.take_ids(drafts, wanted)

    # The ledger

    def _keep(
        self,
        found: Sequence[Acquisition],
        matches: Matches,
        changed: Mapping[str, Draft],
        moved: Mapping[RecordKey, Draft],
    ) -> None:
        """Write down acquisitions and Items, and which records now belong to another Item."""
        self._keep_scenes(found)
        self._keep_names(found, matches)
        self._keep_items(changed)
        if merged := [name for each in found for name in each.merged]:
            self._ledger.scenes.forget(merged)
        if moved:
            self._ledger.records.reassign({key: draft.known.id for key, draft in moved.items()})

    def _keep_scenes(self, found: Sequence[Acquisition]) -> None:
        if new := {each.scene: each.moments for each in found if not each.is_known}:
            self._ledger.scenes.keep_new(new)
        if told := {each.scene.id: each.moments for each in found if each.is_known and each.is_told}:
            self._ledger.scenes.keep_moments(told)
        if merged := {name: each.scene.id for each in found for name in each.merged}:
            self._ledger.scenes.merge(merged)

    def _keep_names(self, found: Sequence[Acquisition], matches: Matches) -> None:
        """Make the names of acquisitions lead to them."""
        names = {name: each.scene.id for each in found for member in each.members for name in member.names}
        if new := {name: scene for name, scene in names.items() if name not in matches.names}:
            self._ledger.scenes.keep_new_keys(new)
        if other := {
            name: names[name] for name, known in matches.names.items() if names.get(name, known.id) != known.id
        }:
            self._ledger.scenes.redirect_keys(other)

    def _keep_items(self, changed: Mapping[str, Draft]) -> None:
        if parted := [name for name, draft in changed.items() if draft.was_published and draft.parted_from]:
            self._ledger.items.take_off(parted)
        # Known ones first: when Items of one acquisition in one collection are merged, one of them may be new.
        if known := [draft.known for draft in changed.values() if not draft.is_new]:
            self._ledger.items.keep(known)
            self._ledger.items.keep_moves(
                {name: draft.moved_from for name, draft in changed.items() if draft.moved_from}
            )
        if new := [draft.known for draft in changed.values() if draft.is_new]:
            self._ledger.items.keep_new(new)

    def _keep_records(self, incoming: Sequence[IncomingRecord], placed: Sequence[Draft]) -> None:
        again = [each.says_the_same_of(draft.known.id) for each, draft in zip(incoming, placed, strict=True)]
        self._ledger.records.saw([each.raw for each, is_again in zip(incoming, again, strict=True) if is_again])
        self._ledger.records.keep(
            [
                RecordEntry(raw=each.raw, state="active", item=draft.known.id, is_new=each.before is None)
                for each, draft, is_again in zip(incoming, placed, again, strict=True)
                if not is_again
            ]
        )
