"""The stereo finder: pairs, triplets and larger groups of images that one satellite took in one pass.

It is pure and deterministic: the result does not depend on the order of the views. The limits are in `StereoLimits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import pairwise
from math import isnan
from typing import Any

import numpy as np
import shapely

from footprints.polygon import valid_footprint
from footprints.stereo.acquisitions import AcquisitionColumns, Links, find_acquisition_columns, members_of
from footprints.stereo.graph import maximal_cliques
from footprints.stereo.limits import StereoLimits
from footprints.stereo.sweep import (
    LinkColumns,
    PairColumns,
    find_link_columns,
    find_triplet_columns,
    pair_columns,
    pairs_among,
)
from footprints.stereo.views import DirectionSource, View, ViewTable
from footprints.wrapping import Region

DEFAULT_LIMITS = StereoLimits()


@dataclass(frozen=True, kw_only=True)
class StereoSet:
    """Acquisitions of one pass in chronological order."""

    views: tuple[View, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the views."""
        return tuple(view.id for view in self.views)

    @property
    def platform(self) -> str:
        """The satellite."""
        return self.views[0].platform

    @property
    def started_at(self) -> datetime:
        """When the first view was taken."""
        return self.views[0].acquired_at

    @property
    def ended_at(self) -> datetime:
        """When the last view was taken."""
        return self.views[-1].acquired_at

    @property
    def worst_cloud_cover_percent(self) -> float | None:
        """Cloud cover of the cloudiest view; None if one of them is unknown."""
        clouds = self._known("cloud_cover_percent")
        return max(clouds) if clouds else None

    @property
    def mean_cloud_cover_percent(self) -> float | None:
        """Mean cloud cover of the views; None if one of them is unknown."""
        clouds = self._known("cloud_cover_percent")
        return sum(clouds) / len(clouds) if clouds else None

    @property
    def gsd_ratio(self) -> float | None:
        """Coarsest over finest ground sample distance; None if one of them is unknown."""
        distances = self._known("gsd_m")
        return max(distances) / min(distances) if distances else None

    @property
    def sun_azimuth_difference_deg(self) -> float | None:
        """Largest difference of sun azimuth between two views, 0 to 180; None if one azimuth is unknown."""
        azimuths = sorted(self._known("sun_azimuth_deg"))
        turns = [abs((b - a + 180) % 360 - 180) for n, a in enumerate(azimuths) for b in azimuths[n:]]
        return max(turns) if turns else None

    @property
    def sun_elevation_difference_deg(self) -> float | None:
        """Largest difference of sun elevation between two views; None if one elevation is unknown."""
        elevations = self._known("sun_elevation_deg")
        return max(elevations) - min(elevations) if elevations else None

    def common_footprint(self) -> Region:
        """The footprint shared by all views.

        Raises:
            EmptyFootprintError: They share no area, which only happens in groups of more than three.
        """
        return valid_footprint(shapely.intersection_all([valid_footprint(view.footprint) for view in self.views]))

    def _known(self, name: str) -> list[float]:
        values = [getattr(view, name) for view in self.views]
        return [] if None in values else values


@dataclass(frozen=True, kw_only=True)
class StereoPair(StereoSet):
    """Two acquisitions of one pass that see the same place from different directions."""

    time_span_s: float
    convergence_deg: float  #: angle between both lines of sight; from the flight time if an azimuth is unknown
    base_to_height: float  #: 2 tan(convergence / 2)
    parallax_to_height: float | None  #: exact base to height; None, as below, if an azimuth is unknown
    bisector_elevation_deg: float | None  #: 90 when the bisector of both lines of sight is vertical
    asymmetry_deg: float | None  #: 0 when the views mirror each other
    roll_deg: float | None  #: 0 when the epipolar plane is vertical
    overlap_km2: float
    overlap_of_first: float  #: share of the first footprint, 0 to 1
    overlap_of_second: float  #: share of the second one
    flight_time_deg: float  #: convergence computed from the time between both views
    flight_time_ratio: float | None  #: that convergence over the one from the angles; about 1 if these are right
    direction_source: DirectionSource  #: how the less trustworthy direction was obtained
    azimuth_doubtful: bool  #: angles and flight time contradict each other: perhaps an azimuth of another convention

    @property
    def overlap(self) -> float:
        """Common area as a share of the smaller footprint, 0 to 1."""
        return max(self.overlap_of_first, self.overlap_of_second)

    @property
    def is_estimated(self) -> bool:
        """Whether an angle was assumed, or the convergence taken from the flight time."""
        return self.direction_source >= DirectionSource.ASSUMED_SCAN_AXIS


@dataclass(frozen=True, kw_only=True)
class StereoTriplet(StereoSet):
    """Three acquisitions of one pass: forward, nadir (the nearest to the vertical along the track) and backward."""

    pairs: tuple[StereoPair, StereoPair, StereoPair]  #: forward-nadir, nadir-backward, forward-backward
    overlap_km2: float  #: area shared by all three
    overlap: float  #: its share of the smallest footprint, 0 to 1

    @property
    def is_estimated(self) -> bool:
        """Whether an angle was assumed, or a convergence taken from the flight time."""
        return any(pair.is_estimated for pair in self.pairs)

    @property
    def azimuth_doubtful(self) -> bool:
        """Whether angles and flight time contradict each other in one of the pairs."""
        return any(pair.azimuth_doubtful for pair in self.pairs)


@dataclass(frozen=True, kw_only=True)
class StereoGroup(StereoSet):
    """A maximal set of acquisitions of one pass that all overlap each other, with at least one stereo pair."""

    pairs: tuple[StereoPair, ...]

    @property
    def kind(self) -> str:
        """Stereo for two views, tri-stereo for three, multi-view for more."""
        return {2: "stereo", 3: "tri-stereo"}.get(len(self.views), "multi-view")


@dataclass(frozen=True, kw_only=True)
class StereoFindings:
    """All that was found, each list ordered by platform, time and id."""

    pairs: list[StereoPair]
    triplets: list[StereoTriplet]
    groups: list[StereoGroup]


def find_acquisitions(views: Iterable[View], limits: StereoLimits = DEFAULT_LIMITS) -> list[View]:
    """Records merged into acquisitions: one view each, ordered by platform, time and id.

    Records are one acquisition when they share a key, or come from one platform at one time, direction and place.
    Id, time and cloud cover are those of the smallest id; the footprint is the union, the direction the best known one.

    Args:
        views: Records in any order.
        limits: What makes two records one acquisition.

    Raises:
        FootprintError: A footprint is empty or not on the Earth.
    """
    given = list(views)
    records = ViewTable.of_views(given)
    columns = find_acquisition_columns(records, limits, _linked_by_key(given, records))
    members = [[given[row] for row in records.order[rows].tolist()] for rows in members_of(columns.numbers)]
    merged = [_acquisition(columns, number, records, given, members[number]) for number in range(len(columns))]
    return sorted(merged, key=lambda view: (view.platform, view.acquired_at, view.id))


def find_stereo_pairs(views: Iterable[View], limits: StereoLimits = DEFAULT_LIMITS) -> list[StereoPair]:
    """All stereo pairs of single passes, ordered by platform, time and id.

    Args:
        views: Records or acquisitions in any order; they are merged first.
        limits: What a pair is.

    Raises:
        FootprintError: A footprint is empty or not on the Earth.
    """
    acquisitions = find_acquisitions(views, limits)
    table = ViewTable.of_views(acquisitions)
    links = find_link_columns(table, limits)
    return _pairs(acquisitions, pair_columns(table, links[pairs_among(links, limits)]))


def find_stereo_groups(views: Iterable[View], limits: StereoLimits = DEFAULT_LIMITS) -> StereoFindings:
    """All stereo pairs, triplets, and groups of views that all overlap each other.

    Args:
        views: Records or acquisitions in any order; they are merged first.
        limits: What a pair and a triplet are.

    Raises:
        FootprintError: A footprint is empty or not on the Earth.
    """
    acquisitions = find_acquisitions(views, limits)
    table = ViewTable.of_views(acquisitions)
    links = find_link_columns(table, limits)
    described = _pairs(acquisitions, pair_columns(table, links))
    is_pair = pairs_among(links, limits).tolist()
    pairs = [pair for pair, kept in zip(described, is_pair, strict=True) if kept]
    return StereoFindings(
        pairs=pairs,
        triplets=_triplets(table, links, described, limits),
        groups=_groups(acquisitions, links, pairs),
    )


def _linked_by_key(given: Sequence[View], records: ViewTable) -> Links:
    rows_of: dict[str, list[int]] = {}
    for row, place in enumerate(records.order.tolist()):
        for key in given[place].acquisition_keys:
            rows_of.setdefault(key, []).append(row)
    linked = [link for rows in rows_of.values() for link in pairwise(rows)]
    first, second = np.array(linked, dtype=np.intp).reshape(-1, 2).T
    return first, second


def _acquisition(
    columns: AcquisitionColumns, number: int, records: ViewTable, given: Sequence[View], members: Sequence[View]
) -> View:
    speakers = columns.canonical[number], columns.directions[number], columns.outlines[number]
    canonical, direction, outline = (given[int(records.order[row])] for row in speakers)
    clouds = [view.cloud_cover_percent for view in (canonical, *members) if view.cloud_cover_percent is not None]
    return replace(
        canonical,
        footprint=columns.unions.get(number, outline.footprint),
        direction=direction.direction,
        acquisition_keys=frozenset[str]().union(*(view.acquisition_keys for view in members)),
        cloud_cover_percent=clouds[0] if clouds else None,
        record_ids=tuple(sorted({name for view in members for name in view.record_ids or (view.id,)})),
    )


def _pairs(views: Sequence[View], columns: PairColumns) -> list[StereoPair]:
    names = [column.name for column in fields(PairColumns)][2:]
    rows = zip(*(getattr(columns, name).tolist() for name in names), strict=True)
    ends = zip(columns.first.tolist(), columns.second.tolist(), strict=True)
    return [
        _pair((views[a], views[b]), dict(zip(names, row, strict=True))) for (a, b), row in zip(ends, rows, strict=True)
    ]


def _pair(views: tuple[View, View], quantities: dict[str, Any]) -> StereoPair:
    known: dict[str, Any] = {name: None if isnan(value) else value for name, value in quantities.items()}
    known["direction_source"] = DirectionSource(quantities["direction_source"])
    return StereoPair(views=views, **known)


def _triplets(
    table: ViewTable, links: LinkColumns, described: Sequence[StereoPair], limits: StereoLimits
) -> list[StereoTriplet]:
    columns = find_triplet_columns(table, links, limits)
    smallest = np.minimum.reduce([table.outlines.areas_km2[rows] for rows in columns.rows])
    shares = np.minimum(columns.shared_km2 / smallest, 1.0)
    found = []
    for a, b, c, shared, share in zip(*(e.tolist() for e in (*columns.links, columns.shared_km2, shares)), strict=True):
        pairs = described[a], described[b], described[c]
        views = (*pairs[0].views, pairs[1].views[1])
        found.append(StereoTriplet(views=views, pairs=pairs, overlap_km2=shared, overlap=share))
    return found


def _groups(views: Sequence[View], links: LinkColumns, pairs: Sequence[StereoPair]) -> list[StereoGroup]:
    pair_of = {pair.ids: pair for pair in pairs}
    found = []
    for clique in maximal_cliques(links.first, links.second):
        members = tuple(views[row] for row in clique)
        ends = ((a.id, b.id) for n, a in enumerate(members) for b in members[n + 1 :])
        inside = tuple(pair_of[ids] for ids in ends if ids in pair_of)
        if inside:
            found.append(StereoGroup(views=members, pairs=inside))
    return found
