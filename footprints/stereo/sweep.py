"""The sweep over a table of views ordered by platform and time, all in columns.

A link joins two views of one pass that overlap enough. Pairs and triplets are linked views whose directions differ
enough; groups are sets of views that are all linked with each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from footprints.stereo.geometry import (
    asymmetry_deg,
    bisector_elevation_deg,
    flight_time_convergence_deg,
    parallax_to_height,
    roll_deg,
)
from footprints.stereo.graph import cliques_larger_than
from footprints.stereo.limits import StereoLimits
from footprints.stereo.overlap import Rows, Truths
from footprints.stereo.views import DirectionSource, ViewTable
from footprints.viewing import Numbers, base_to_height, convergence_angle_deg

# 256 thousand candidates at a time keep every array of the sweep below 10 MB.
_CANDIDATES_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class LinkColumns:
    """Links between rows of a table, ordered by both; the first view is the earlier one."""

    first: Rows
    second: Rows
    convergence_deg: Numbers  #: from the angles; NaN if an azimuth is unknown
    flight_time_deg: Numbers  #: convergence computed from the time between both views
    shared_km2: Numbers
    doubtful: Truths  #: the two convergences contradict each other

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, chosen: Truths | Rows) -> Self:
        return type(self)(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @cached_property
    def estimated_deg(self) -> Numbers:
        """Convergence from the angles, or from the flight time where these are unknown."""
        return np.where(np.isnan(self.convergence_deg), self.flight_time_deg, self.convergence_deg)

    def within(self, low_deg: float, high_deg: float) -> Truths:
        """Whether the convergence is in a range; for a doubtful one, that from the flight time may be instead."""
        by_angles = (self.estimated_deg >= low_deg) & (self.estimated_deg <= high_deg)
        by_time = (self.flight_time_deg >= low_deg) & (self.flight_time_deg <= high_deg)
        return by_angles | (self.doubtful & by_time)


@dataclass(frozen=True, eq=False)
class PairColumns:
    """All quantities of links, one row per link; NaN where a direction is unknown."""

    first: Rows
    second: Rows
    time_span_s: Numbers
    convergence_deg: Numbers  #: never NaN: from the flight time where the angles are unknown
    base_to_height: Numbers
    parallax_to_height: Numbers
    bisector_elevation_deg: Numbers
    asymmetry_deg: Numbers
    roll_deg: Numbers
    overlap_km2: Numbers
    overlap_of_first: Numbers  #: share of the first footprint, 0 to 1
    overlap_of_second: Numbers
    flight_time_deg: Numbers
    flight_time_ratio: Numbers  #: over the convergence from the angles; NaN if that is 0
    direction_source: npt.NDArray[np.int8]  #: the less trustworthy `DirectionSource` of both views
    azimuth_doubtful: Truths

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, eq=False)
class TripletColumns:
    """Three views of one pass in chronological order, and the links between them as rows of the link columns."""

    rows: tuple[Rows, Rows, Rows]  #: forward, nadir, backward
    links: tuple[Rows, Rows, Rows]  #: forward-nadir, nadir-backward, forward-backward
    shared_km2: Numbers  #: area shared by all three

    def __len__(self) -> int:
        return len(self.shared_km2)


def same_pass(table: ViewTable, span_s: float) -> Iterator[tuple[Rows, Rows]]:
    """Pairs of rows of one platform, at most `span_s` apart, whose boxes touch; in order, in blocks."""
    times = table.times_us - table.times_us.min(initial=0) if len(table) else table.times_us
    span_us = round(span_s * 1e6)
    # With a gap longer than the window between platforms, one search finds the end of every window.
    instants = times + table.platforms * (int(times.max(initial=0)) + span_us + 1)
    ends = np.searchsorted(instants, instants + span_us, side="right")
    after = np.arange(len(table)) + 1
    for first, second in members_of_slices(after, ends - after):
        touching = table.outlines.may_touch(first, second)
        yield first[touching], second[touching]


def find_link_columns(table: ViewTable, limits: StereoLimits) -> LinkColumns:
    """Links between views of one pass that overlap enough, whatever their directions."""
    parts = [_links(table, first, second, limits) for first, second in same_pass(table, limits.pass_s)]
    if not parts:
        return _links(table, _NO_ROWS, _NO_ROWS, limits)
    return LinkColumns(*(np.concatenate([getattr(p, column.name) for p in parts]) for column in fields(LinkColumns)))


def pairs_among(links: LinkColumns, limits: StereoLimits) -> Truths:
    """Which links are stereo pairs."""
    return links.within(limits.min_convergence_deg, limits.max_convergence_deg)


def pair_columns(table: ViewTable, links: LinkColumns) -> PairColumns:
    """All quantities of some links between the rows of a table."""
    first, second = links.first, links.second
    sights, areas, sources = (table.sights[first], table.sights[second]), table.outlines.areas_km2, _sources(table)
    return PairColumns(
        first=first,
        second=second,
        time_span_s=(table.times_us[second] - table.times_us[first]) / 1e6,
        convergence_deg=links.estimated_deg,
        base_to_height=base_to_height(links.estimated_deg),
        parallax_to_height=parallax_to_height(*sights),
        bisector_elevation_deg=bisector_elevation_deg(*sights),
        asymmetry_deg=asymmetry_deg(*sights),
        roll_deg=roll_deg(*sights),
        overlap_km2=links.shared_km2,
        overlap_of_first=np.minimum(links.shared_km2 / areas[first], 1.0),
        overlap_of_second=np.minimum(links.shared_km2 / areas[second], 1.0),
        flight_time_deg=links.flight_time_deg,
        flight_time_ratio=links.flight_time_deg / np.where(links.convergence_deg > 0, links.convergence_deg, np.nan),
        direction_source=np.maximum(sources[first], sources[second]),
        azimuth_doubtful=links.doubtful,
    )


def find_triplet_columns(table: ViewTable, links: LinkColumns, limits: StereoLimits) -> TripletColumns:
    """Triples of linked views within the limits of a triplet; not those of very large groups.

    Args:
        table: The views.
        links: From `find_link_columns` for the same table and limits.
        limits: What a triplet is.
    """
    crowds = cliques_larger_than(limits.max_enumerated_views, len(table), links.first, links.second)
    parts = [
        _triplets(table, links, _outside(crowds, links, len(table), edges), limits)
        for edges in _triangles(links, len(table))
    ]
    rows = [np.concatenate([_NO_ROWS, *(part.rows[role] for part in parts)]) for role in range(3)]
    edges = [np.concatenate([_NO_ROWS, *(part.links[role] for part in parts)]) for role in range(3)]
    shared = np.concatenate([np.empty(0), *(part.shared_km2 for part in parts)])
    return TripletColumns((rows[0], rows[1], rows[2]), (edges[0], edges[1], edges[2]), shared)


def members_of_slices(starts: Rows, counts: Rows) -> Iterator[tuple[Rows, Rows]]:
    """The number of each slice repeated for the places in it, with these places; in blocks."""
    ends = np.cumsum(counts)
    owner = 0
    while owner < len(counts):
        before = ends[owner] - counts[owner]
        stop = max(int(np.searchsorted(ends, before + _CANDIDATES_AT_ONCE, side="right")), owner + 1)
        owners = np.repeat(np.arange(owner, stop), counts[owner:stop])
        place = np.arange(len(owners)) - (ends[owners] - counts[owners] - before)
        yield owners, starts[owners] + place
        owner = stop


def _sources(table: ViewTable) -> npt.NDArray[np.int8]:
    unknown = np.isnan(table.azimuths_deg) | np.isnan(table.incidences_deg)
    return np.where(unknown, np.int8(DirectionSource.FLIGHT_TIME), table.direction_sources)


_NO_ROWS: Rows = np.empty(0, dtype=np.intp)


def _links(table: ViewTable, first: Rows, second: Rows, limits: StereoLimits) -> LinkColumns:
    convergence = convergence_angle_deg(table.sights[first], table.sights[second])
    flight_time = _flight_times_deg(table, first, second)
    low, high = limits.min_flight_time_ratio * convergence, limits.max_flight_time_ratio * convergence
    doubtful = (flight_time < low) | (flight_time > high)
    links = LinkColumns(first, second, convergence, flight_time, np.full(len(first), np.nan), doubtful)
    links.shared_km2[:] = table.outlines.shared_km2(links.first, links.second)
    areas = table.outlines.areas_km2
    smaller = np.minimum(areas[links.first], areas[links.second])
    enough: npt.NDArray[np.bool_] = links.shared_km2 >= limits.min_overlap * smaller
    return links[enough & (links.shared_km2 >= limits.min_overlap_km2)]


def _flight_times_deg(table: ViewTable, first: Rows, second: Rows) -> Numbers:
    seconds = (table.times_us[second] - table.times_us[first]) / 1e6
    incidences = table.incidences_deg
    known = _known(incidences[first], incidences[second]), _known(incidences[second], incidences[first])
    return flight_time_convergence_deg(seconds, *known, table.altitudes_km[first])


def _known(values: Numbers, otherwise: Numbers) -> Numbers:
    return np.nan_to_num(np.where(np.isnan(values), otherwise, values))


def _triangles(links: LinkColumns, size: int) -> Iterator[tuple[Rows, Rows, Rows]]:
    starts = np.searchsorted(links.first, links.second, side="left")
    counts = np.searchsorted(links.first, links.second, side="right") - starts
    names = links.first * size + links.second
    for earlier, later in members_of_slices(starts, counts):
        wanted = links.first[earlier] * size + links.second[later]
        outer = np.minimum(np.searchsorted(names, wanted), max(len(names) - 1, 0))
        closed = names[outer] == wanted
        yield earlier[closed], later[closed], outer[closed]


def _outside(
    crowds: list[tuple[int, ...]], links: LinkColumns, size: int, edges: tuple[Rows, Rows, Rows]
) -> tuple[Rows, Rows, Rows]:
    earlier, later, outer = edges
    kept = np.ones(len(outer), dtype=np.bool_)
    for crowd in crowds:
        member = np.isin(np.arange(size), crowd)
        kept &= ~(member[links.first[earlier]] & member[links.second[earlier]] & member[links.second[later]])
    return earlier[kept], later[kept], outer[kept]


def _triplets(
    table: ViewTable, links: LinkColumns, edges: tuple[Rows, Rows, Rows], limits: StereoLimits
) -> TripletColumns:
    earlier, later, outer = edges
    kept = _is_triplet(links[earlier], links[later], links[outer], limits)
    earlier, later, outer = earlier[kept], later[kept], outer[kept]
    rows = links.first[earlier], links.second[earlier], links.second[later]
    shared = table.outlines.shared_km2(*rows)
    areas = table.outlines.areas_km2
    enough = shared >= limits.min_overlap * np.minimum.reduce([areas[row] for row in rows])
    first, second, third = (row[enough] for row in rows)
    return TripletColumns((first, second, third), (earlier[enough], later[enough], outer[enough]), shared[enough])


def _is_triplet(earlier: LinkColumns, later: LinkColumns, outer: LinkColumns, limits: StereoLimits) -> Truths:
    doubtful = earlier.doubtful | later.doubtful | outer.doubtful
    by_angles = _opens_outwards(earlier.estimated_deg, later.estimated_deg, outer.estimated_deg, limits)
    by_time = _opens_outwards(earlier.flight_time_deg, later.flight_time_deg, outer.flight_time_deg, limits)
    return by_angles | (doubtful & by_time)


def _opens_outwards(earlier: Numbers, later: Numbers, outer: Numbers, limits: StereoLimits) -> Truths:
    in_range = (outer >= limits.min_convergence_deg) & (outer <= limits.max_outer_deg)
    widest: Truths = outer >= np.maximum(earlier, later)
    return in_range & widest & (np.minimum(earlier, later) >= limits.min_consecutive_deg)
