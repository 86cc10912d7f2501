"""Finds and names the stereo sets of images: pure functions, independent of the order of the images."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from footprints import (
    Region,
    StereoLimits,
    StereoPair,
    StereoTriplet,
    View,
    find_stereo_groups,
)
from footprints.stereo.properties import set_id
from harvester.collection_model import StereoMode
from harvester.stereo.rules import StereoRules
from harvester.stereo.views import ViewItem

LIMITS = StereoLimits()


@dataclass(frozen=True, kw_only=True)
class FoundSet:
    """A pair or triplet, and its collection."""

    id: str
    collection: str
    mode: StereoMode
    views: tuple[ViewItem, ...]  #: in chronological order
    records: frozenset[str]  #: Items that it depends on: of its views, and of the views merged into them
    pairs: tuple[StereoPair, ...]  #: the pair itself; for a triplet: forward-nadir, nadir-backward, forward-backward
    triplet: StereoTriplet | None

    @property
    def set(self) -> StereoPair | StereoTriplet:
        """The set as the finder gives it."""
        return self.triplet or self.pairs[-1]

    @property
    def started_at(self) -> datetime:
        """When the first view was taken."""
        return self.set.started_at

    @property
    def ended_at(self) -> datetime:
        """When the last view was taken."""
        return self.set.ended_at

    @property
    def common_footprint(self) -> Region:
        """The footprint shared by all views."""
        return self.set.common_footprint()


def find_sets(items: Iterable[ViewItem], rules: StereoRules) -> list[FoundSet]:
    """The pairs and triplets that a collection accepts, sorted by id."""
    by_scene: defaultdict[str, list[ViewItem]] = defaultdict(list)
    for each in items:
        by_scene[each.scene].append(each)
    speakers = [min(scene, key=lambda each: each.preference) for scene in by_scene.values()]
    speakers = _in_company(speakers)
    if not speakers:
        return []
    findings = find_stereo_groups([each.view for each in speakers], LIMITS)
    of_item = {each.item: tuple(by_scene[each.scene]) for each in speakers}
    found = [
        *_placed(((pair, (pair,)) for pair in findings.pairs), "stereo", of_item, rules),
        *_placed(((triplet, triplet.pairs) for triplet in findings.triplets), "tri-stereo", of_item, rules),
    ]
    # Two images of one satellite with one stamp may both pair with a third: the set with more overlap keeps the name.
    found.sort(key=lambda each: (each.id, -each.set.overlap_km2, [view.item for view in each.views]))
    distinct = {each.id: each for each in reversed(found)}
    return sorted(distinct.values(), key=lambda each: each.id)


def _in_company(speakers: Sequence[ViewItem]) -> list[ViewItem]:
    """Those with another image of the same pass: most images of an archive have none."""
    ordered = sorted(speakers, key=lambda each: (each.view.platform, each.view.acquired_at, each.item))
    breaks = [
        number
        for number, (before, after) in enumerate(pairwise(ordered), 1)
        if before.view.platform != after.view.platform
        or (after.view.acquired_at - before.view.acquired_at).total_seconds() > LIMITS.pass_s
    ]
    bounds = pairwise([0, *breaks, len(ordered)])
    return [each for start, end in bounds if end - start > 1 for each in ordered[start:end]]


def _placed(
    sets: Iterable[tuple[StereoPair | StereoTriplet, tuple[StereoPair, ...]]],
    mode: StereoMode,
    of_item: Mapping[str, tuple[ViewItem, ...]],
    rules: StereoRules,
) -> Iterator[FoundSet]:
    for found, pairs in sets:
        acquisitions = [_items_of(view, of_item) for view in found.views]
        placement = rules.placement(mode, acquisitions)
        if placement:
            yield FoundSet(
                id=set_id([each.view for each in placement.views]),
                collection=placement.collection,
                mode=mode,
                views=placement.views,
                records=frozenset(each.item for items in acquisitions for each in items),
                pairs=pairs,
                triplet=found if isinstance(found, StereoTriplet) else None,
            )


def _items_of(view: View, of_item: Mapping[str, tuple[ViewItem, ...]]) -> list[ViewItem]:
    """All Items of an acquisition: those of each view that the finder merged into it."""
    return [each for name in view.record_ids or (view.id,) for each in of_item[name]]
