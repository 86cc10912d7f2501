"""The Items of acquisitions that turn out to be one, and of records that turn out to be of several."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from harvester.pages.acquisitions import Acquisition, Member, RecordKey
from harvester.pages.drafts import Draft, new_draft, standing_first


def regroup(
    acquisitions: Sequence[Acquisition], drafts: Mapping[str, Draft], leaving: Mapping[RecordKey, str], now: datetime
) -> dict[RecordKey, Draft]:
    """Let each acquisition have the Items that hold its records, one in each collection.

    An Item goes with the record that it is called after, else with its first; one without records stays with its
    acquisition. Where there is none for its records, one that was withdrawn comes back if it is called after one.

    Args:
        acquisitions: of all records of these Items.
        drafts: the Items.
        leaving: records that are taken in anew, with the Items that they were of until now.
        now: when Items are made, UTC.

    Returns:
        The present Item, perhaps a new one, of each record that is of another one than it was.
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
    """Whether an Item of its collection that is withdrawn is called after a record."""
    called = withdrawn.get(member.outline.id) if member.outline else None
    return called is not None and called.known.collection == holding.known.collection


def _items(
    acquisitions: Sequence[Acquisition], drafts: Mapping[str, Draft], leaving: Mapping[RecordKey, str]
) -> Mapping[str, list[Draft]]:
    """The Items of each acquisition from now on, by its id, those in the catalogue first."""
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


def _foreignness(member: Member, item: str) -> tuple[bool, bool, RecordKey]:
    """A key of order: whom an Item goes with first. Nobody knows what else could be made of an unreadable record."""
    return member.outline is not None, not _is_called_after(item, member), member.key


def _standing(items: Sequence[Draft], scene: str) -> dict[str, Draft]:
    """The Item of an acquisition in each collection; others there are its Items no more."""
    standing: dict[str, Draft] = {}
    for draft in items:
        draft.belong_to(scene)
        if standing.setdefault(draft.known.collection, draft) is not draft:
            draft.known = draft.known._replace(is_published=False)
            draft.reason = f"it is the same acquisition as {standing[draft.known.collection].known.id}"
    return standing


def _home(member: Member, holding: Draft, scene: str, standing: dict[str, Draft], now: datetime) -> Draft | None:
    """The Item that stands for the acquisition of a record in the collection where it is, if it is not there yet."""
    collection = holding.known.collection
    if collection not in standing and member.outline:  # one that is not readable has its Item with it
        standing[collection] = new_draft(member.outline, scene, collection, now)
    home = standing[collection]
    if home is holding:
        return None
    home.records[member.key] = holding.records.pop(member.key)
    home.sources.add(member.key[0])
    home.is_touched = holding.is_touched = True
    return home
