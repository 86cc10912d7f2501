"""The Items of acquisitions that turn out to be one, and of an acquisition that turns out to be several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from harvester.pages.acquisitions import Acquisition, Member, RecordKey
from harvester.pages.drafts import Draft, new_draft, standing_first


def regroup(
    acquisitions: Sequence[Acquisition], drafts: Mapping[str, Draft], leaving: Mapping[RecordKey, str], now: datetime
) -> dict[RecordKey, Draft]:
    """Give each acquisition the Items that hold its records, one in each collection.

    An Item goes with the record whose id it has, else with its first record; one without records stays with its
    acquisition. Where an acquisition has no Item for its records, a withdrawn one with the id of a record comes back.

    Args:
        acquisitions: of all records of these Items.
        drafts: the Items.
        leaving: records that are being taken in again, with the Items that they belonged to until now.
        now: when Items are created, UTC.

    Returns:
        The present Item, perhaps a new one, of each record that changes its Item.
    """
    holding = {key: draft for draft in drafts.values() for key in draft.records}
    withdrawn = {name: draft for name, draft in drafts.items() if not draft.known.is_published}
    items = _items(acquisitions, drafts, leaving)
    moved = {}
    for acquisition in acquisitions:
        standing = _standing(items[acquisition.scene.id], acquisition.scene.id)
        former = [each for each in acquisition.members if each.scene]
        for member in sorted(former, key=lambda each: not _comes_back(each, holding[each.key], withdrawn)):
            if home := _home(member, holding[member.key], acquisition.scene.id, standing, now):
                moved[member.key] = home
    return moved


def _comes_back(member: Member, holding: Draft, withdrawn: Mapping[str, Draft]) -> bool:
    """Whether a withdrawn Item of its collection has the id of a record."""
    called = withdrawn.get(member.outline.id) if member.outline else None
    return called is not None and called.known.collection == holding.known.collection


def _items(
    acquisitions: Sequence[Acquisition], drafts: Mapping[str, Draft], leaving: Mapping[RecordKey, str]
) -> Mapping[str, list[Draft]]:
    """The Items that each acquisition has from now on, by its id, those in the catalogue first."""
    successors = {name: each.scene.id for each in acquisitions for name in each.merged}
    present = {member.key: (each.scene.id, member) for each in acquisitions for member in each.members}
    records = {name: list(draft.records) for name, draft in drafts.items()}
    for key, item in leaving.items():
        if _is_called_after(item, present[key][1]):
            records[item].append(key)
    items: defaultdict[str, list[Draft]] = defaultdict(list)
    for draft in sorted(drafts.values(), key=standing_first):
        if told := [present[key] for key in records[draft.known.id]]:
            scene, _ = min(told, key=lambda each: _foreignness(each[1], draft.known.id))
        else:
            scene = successors.get(draft.known.scene, draft.known.scene)
        items[scene].append(draft)
    return items


def _is_called_after(item: str, member: Member) -> bool:
    return member.outline is not None and member.outline.id == item


def _foreignness(member: Member, item: str) -> tuple[bool, bool]:
    """A sort key: the record that an Item goes with first. No other Item can be made of an unreadable record."""
    return member.outline is not None, not _is_called_after(item, member)


def _standing(items: Sequence[Draft], scene: str) -> dict[str, Draft]:
    """The Item of an acquisition in each collection; its other Items there are withdrawn."""
    standing: dict[str, Draft] = {}
    for draft in items:
        draft.belong_to(scene)
        if standing.setdefault(draft.known.collection, draft) is not draft:
            draft.known = draft.known._replace(is_published=False)
            draft.reason = f"it is the same acquisition as {standing[draft.known.collection].known.id}"
    return standing


def _home(member: Member, holding: Draft, scene: str, standing: dict[str, Draft], now: datetime) -> Draft | None:
    """The Item of its acquisition, in the same collection, that a record must move to; None if it is there."""
    collection = holding.known.collection
    if collection not in standing and member.outline:  # the Item of an unreadable record goes with it
        standing[collection] = new_draft(member.outline, scene, collection, now)
    home = standing[collection]
    if home is holding:
        return None
    home.records[member.key] = holding.records.pop(member.key)
    home.sources.add(member.key[0])
    home.is_touched = holding.is_touched = True
    return home
