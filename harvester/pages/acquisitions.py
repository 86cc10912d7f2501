"""Which records are of one acquisition: those that share a name, or that one satellite took at one moment and place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, cast

import shapely

from footprints import Region, overlap_fraction
from harvester.ledger import KnownScene, Ledger
from harvester.record import Moment, SceneOutline

#: Without a common name: the moments that two sources give for one strip differ by less…
SAME_MOMENT_S = 2.0
#: …and its footprints share at least so much of the smaller one.
SAME_PLACE = 0.5


class Acquisition(NamedTuple):
    """One acquisition as the records of a page tell it."""

    scene: KnownScene  #: that stands for it, the oldest of those known
    merged: tuple[str, ...]  #: ids of those known that turned out to be the same
    is_known: bool
    names: frozenset[str]
    members: tuple[int, ...]  #: which of the records that were given are of it
    moments: Sequence[Moment]  #: when and where those say that it was taken


def acquisitions_of(scenes: Sequence[SceneOutline], source: str, ledger: Ledger, now: datetime) -> list[Acquisition]:
    """The acquisitions of these records, with what the ledger knows of them already.

    Args:
        scenes: what the records say.
        source: that says it.
        ledger: where acquisitions are looked up.
        now: since when those are known that the ledger has not yet, UTC.

    Returns:
        Each record is a member of exactly one of them.
    """
    names = [names_of(scene, source) for scene in scenes]
    known = ledger.scenes_of_keys({name for each in names for name in each})
    former = [{known[name].id: known[name] for name in each if name in known} for each in names]
    for index, scene in _known_at_that_moment(scenes, ledger):
        former[index][scene.id] = scene
    links = [*_sharing(map(frozenset.union, names, former)), *_simultaneous(scenes)]
    return [_acquisition(group, scenes, names, former, now) for group in _connected(len(scenes), links)]


def names_of(scene: SceneOutline, source: str) -> frozenset[str]:
    """Every name of the acquisition; where its source gives none, one that only this source can know."""
    return frozenset(scene.scene_keys or (f"{source} {scene.id}",))


def moments_of(scenes: Iterable[SceneOutline]) -> list[Moment]:
    """When and where these records say that their acquisition was taken, in an order of its own."""
    return sorted({moment for scene in scenes if (moment := scene.moment)})


def _acquisition(
    group: Sequence[int],
    scenes: Sequence[SceneOutline],
    names: Sequence[frozenset[str]],
    former: Sequence[Mapping[str, KnownScene]],
    now: datetime,
) -> Acquisition:
    known = {scene.id: scene for index in group for scene in former[index].values()}
    oldest_first = sorted(known.values(), key=_oldest_first)
    leading, *others = group
    every_name = names[leading].union(*[names[index] for index in others])
    standing = oldest_first[0] if oldest_first else KnownScene(min(every_name), now)
    return Acquisition(
        scene=standing,
        merged=tuple([scene.id for scene in oldest_first[1:]]),
        is_known=bool(oldest_first),
        names=every_name,
        members=tuple(group),
        moments=moments_of(scenes[index] for index in group),
    )


def _oldest_first(scene: KnownScene) -> tuple[datetime, str]:
    return scene.created, scene.id


def _known_at_that_moment(scenes: Sequence[SceneOutline], ledger: Ledger) -> Iterator[tuple[int, KnownScene]]:
    """Which records are of a known acquisition by moment and place."""
    dated = list(_dated(scenes))
    near = ledger.scenes_near([moment for moment, _ in dated], SAME_MOMENT_S) if dated else []
    same = [
        (dated[place][1], scene)
        for place, scene, footprint in near
        if _is_same_place(dated[place][0].footprint, footprint)
    ]
    known = ledger.scenes({scene for _, scene in same}) if same else {}
    return ((index, known[scene]) for index, scene in same)


def _simultaneous(scenes: Sequence[SceneOutline]) -> Iterator[tuple[int, int]]:
    """Which of the records are of one acquisition by moment and place."""
    gap = timedelta(seconds=SAME_MOMENT_S)
    ordered = sorted(_dated(scenes))
    for position, (moment, index) in enumerate(ordered, 1):
        for place in range(position, len(ordered)):
            later, other = ordered[place]
            if later.platform != moment.platform or later.acquired_at - moment.acquired_at > gap:
                break
            if _is_same_place(moment.footprint, later.footprint):
                yield index, other


def _sharing(names: Iterable[Iterable[str]]) -> Iterator[tuple[int, int]]:
    """Pairs of indices that share a name, enough of them to connect all that do."""
    first_with: dict[str, int] = {}
    for index, each in enumerate(names):
        for name in each:
            if (first := first_with.setdefault(name, index)) != index:
                yield first, index


def _connected(count: int, links: Iterable[tuple[int, int]]) -> list[list[int]]:
    """The numbers below `count` in groups that the links connect, in order of their first member."""
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


def _dated(scenes: Iterable[SceneOutline]) -> Iterator[tuple[Moment, int]]:
    """Moment and index of those that have one."""
    for index, scene in enumerate(scenes):
        if moment := scene.moment:
            yield moment, index


def _is_same_place(one: bytes, other: bytes) -> bool:
    return one == other or overlap_fraction(_region(one), _region(other)) >= SAME_PLACE


def _region(footprint: bytes) -> Region:
    return cast("Region", shapely.from_wkb(footprint))
