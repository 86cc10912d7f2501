"""Which records describe one acquisition: those that share a name, or one satellite, moment and place."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, cast

import shapely

from footprints import Region, overlap_fraction
from harvester.ledger import KnownScene, Ledger
from harvester.record import Moment, SceneOutline

#: Where no name is shared: the times that two sources give for one strip differ by at most this…
SAME_MOMENT_S = 2.0
#: …and the footprints overlap by at least this share of the smaller one.
SAME_PLACE = 0.5

RecordKey = tuple[str, str]  #: source, record id


class Member(NamedTuple):
    """A record in force, with what identifies its acquisition."""

    key: RecordKey
    outline: SceneOutline | None  #: None for a record that is no longer readable
    names: frozenset[str]  #: every name of its acquisition; for an unreadable record, the acquisition's id
    scene: str | None  #: id of its Item's acquisition; None for a record just taken in, which has no Item yet
    near: Collection[str] = ()  #: ids of known acquisitions that it matches by moment and place


@dataclass
class Matches:
    """What the ledger knows of the acquisitions that records may belong to."""

    names: dict[str, KnownScene] = field(default_factory=dict)  #: acquisition by name, of those names that it holds
    near: Sequence[Collection[str]] = ()  #: for each record, ids of those that it matches by moment and place
    known: dict[str, KnownScene] = field(default_factory=dict)  #: all of these, by id

    def add(self, names: Mapping[str, KnownScene]) -> None:
        """Add the acquisitions of further names."""
        self.names |= names
        self.known |= {scene.id: scene for scene in names.values()}


class Acquisition(NamedTuple):
    """One acquisition as its records in force describe it."""

    scene: KnownScene  #: that stands for it: the oldest of those known to be this one
    merged: tuple[str, ...]  #: ids of the others
    is_known: bool
    members: tuple[Member, ...]

    @property
    def is_told(self) -> bool:
        """Whether at least one of its records is readable."""
        return any(each.outline for each in self.members)

    @property
    def moments(self) -> list[Moment]:
        """When and where its records say that it was taken, sorted."""
        return sorted({moment for each in self.members if each.outline and (moment := each.outline.moment)})


def names_of(scene: SceneOutline, source: str) -> frozenset[str]:
    """Every name of the acquisition; where its source gives none, one that only this source can know."""
    return frozenset(scene.scene_keys or (f"{source} {scene.id}",))


def matches_of(scenes: Sequence[SceneOutline], source: str, ledger: Ledger) -> Matches:
    """The acquisitions in the ledger that these records of a source match by name, or by moment and place."""
    near: list[set[str]] = [set() for _ in scenes]
    for index, scene in _known_at_that_moment(scenes, ledger):
        near[index].add(scene)
    matches = Matches(near=near)
    matches.add(ledger.scenes.of_keys({name for scene in scenes for name in names_of(scene, source)}))
    matches.known |= ledger.scenes.known(set().union(*near) - matches.known.keys())
    return matches


def acquisitions_of(members: Sequence[Member], matches: Matches, now: datetime) -> list[Acquisition]:
    """Group records into acquisitions. Only what the records in force say decides, nothing that was said before.

    Args:
        members: all records of every acquisition that may be concerned, those of the oldest Items first.
        matches: what the ledger knows of all of these.
        now: when acquisitions that the ledger does not hold yet became known, UTC.

    Returns:
        The acquisitions; each record is a member of exactly one.
    """
    links = [*_sharing(each.names for each in members), *_sharing(_bound(members)), *_simultaneous(members)]
    groups = [tuple(members[index] for index in group) for group in _connected(len(members), links)]
    theirs: list[list[KnownScene]] = [[] for _ in groups]
    for scene, index in _holders(groups, matches).items():
        theirs[index].append(matches.known[scene])
    return [_acquisition(group, scenes, now) for group, scenes in zip(groups, theirs, strict=True)]


def _acquisition(members: tuple[Member, ...], known: Sequence[KnownScene], now: datetime) -> Acquisition:
    if not known:
        name = min(name for each in members for name in each.names)
        return Acquisition(KnownScene(name, now), merged=(), is_known=False, members=members)
    standing, *others = sorted(known, key=_oldest_first)
    return Acquisition(standing, tuple(scene.id for scene in others), is_known=True, members=members)


def _holders(groups: Sequence[Sequence[Member]], matches: Matches) -> dict[str, int]:
    """Which group inherits each known acquisition: one that has its id as a name, else the first with a record of it.

    An acquisition that has no record left is inherited by a group that leads to it.
    """
    in_force = {each.scene for group in groups for each in group}
    holders: dict[str, int] = {}
    for index, group in enumerate(groups):
        names = frozenset().union(*(each.names for each in group))
        theirs = {each.scene for each in group if each.scene}
        by_name = {matches.names[name].id for name in names & matches.names.keys()}
        for scene in theirs.union(by_name, *(each.near for each in group)):
            if scene in names:
                holders[scene] = index
            elif scene in theirs or scene not in in_force:
                holders.setdefault(scene, index)
    return holders


def _bound(members: Sequence[Member]) -> list[set[str]]:
    """Keep each record with the unreadable ones of its acquisition: nobody knows whether these connect the others."""
    torn = {each.scene for each in members if each.scene and each.outline is None}
    return [torn & {each.scene} for each in members]


def _oldest_first(scene: KnownScene) -> tuple[datetime, str]:
    return scene.created, scene.id


def _known_at_that_moment(scenes: Sequence[SceneOutline], ledger: Ledger) -> list[tuple[int, str]]:
    """Pairs of a record's index and a known acquisition that it matches by moment and place."""
    dated = list(_dated(scenes))
    near = ledger.scenes.near([moment for moment, _ in dated], SAME_MOMENT_S) if dated else []
    return [
        (dated[place][1], scene)
        for place, scene, footprint in near
        if _is_same_place(dated[place][0].footprint, footprint)
    ]


def _simultaneous(members: Iterable[Member]) -> Iterator[tuple[int, int]]:
    """Pairs of indices of records that are of one acquisition by moment and place."""
    gap = timedelta(seconds=SAME_MOMENT_S)
    ordered = sorted(_dated(each.outline for each in members))
    for position, (moment, index) in enumerate(ordered, 1):
        for place in range(position, len(ordered)):
            later, other = ordered[place]
            if later.platform != moment.platform or later.acquired_at - moment.acquired_at > gap:
                break
            if _is_same_place(moment.footprint, later.footprint):
                yield index, other


def _sharing(names: Iterable[Iterable[str]]) -> Iterator[tuple[int, int]]:
    """Pairs of indices that share a name: enough pairs to connect all that do."""
    first_with: dict[str, int] = {}
    for index, each in enumerate(names):
        for name in each:
            if (first := first_with.setdefault(name, index)) != index:
                yield first, index


def _connected(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The connected components of the numbers below `count`, in order of their first member."""
    leader = list(range(count))

    def led_by(index: int) -> int:
        while leader[index] != index:
            leader[index] = leader[leader[index]]
            index = leader[index]
        return index

    for one, other in links:
        first, second = sorted((led_by(one), led_by(other)))
        leader[second] = first
    groups: dict[int, list[int]] = {}
    for index in range(count):
        groups.setdefault(led_by(index), []).append(index)
    return list(groups.values())


def _dated(scenes: Iterable[SceneOutline | None]) -> Iterator[tuple[Moment, int]]:
    """Moment and index of those that have one."""
    for index, scene in enumerate(scenes):
        if scene and (moment := scene.moment):
            yield moment, index


def _is_same_place(one: bytes, other: bytes) -> bool:
    return one == other or overlap_fraction(_region(one), _region(other)) >= SAME_PLACE


def _region(footprint: bytes) -> Region:
    return cast("Region", shapely.from_wkb(footprint))
