"""Areas of overlap of two or three among very many footprints.

Nearly all footprints are convex quadrilaterals, which are clipped together with numpy; the others are intersected by
shapely. Points of the former are complex numbers, longitude + i latitude, in degrees. Edges are straight in longitude
and latitude as in GeoJSON, and areas are on the WGS 84 ellipsoid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import shapely

from footprints.polygon import footprint_bbox, footprint_from_corners, valid_footprint
from footprints.viewing import Numbers
from footprints.wrapping import POLAR_LAT_DEG, Region

Rows = npt.NDArray[np.intp]
Points = npt.NDArray[np.complex128]
Truths = npt.NDArray[np.bool_]
Ring = TypeVar("Ring", Numbers, Points)

# Blocks of this size stay in the processor's cache; larger ones take a fifth longer, and more memory.
_CLIPPED_AT_ONCE = 1 << 13

# An edge of 0.02° deviates by 4 cm in the equal-area plane.
_EDGE_DEG = 0.02

_E2 = 6.69437999014e-3
_SEMI_MAJOR_KM = 6378.137


@dataclass(frozen=True, eq=False)
class Outlines:
    """Many footprints in columns: the corners of convex quadrilaterals, and all others as regions."""

    corners: Points  #: n × 4, counter-clockwise, unwrapped across the antimeridian; NaN where `regions` has the row
    regions: Mapping[int, Region]

    @classmethod
    def of_regions(cls, regions: Sequence[Region]) -> Outlines:
        """From footprints in degrees, cut at the antimeridian or extending beyond it.

        Raises:
            FootprintError: A footprint is empty or not on the Earth.
        """
        rings, is_ring = _rings(regions)
        return cls.of_corners(rings, {row: regions[row] for row in np.flatnonzero(~is_ring).tolist()})

    @classmethod
    def of_corners(cls, corners: npt.NDArray[np.float64], regions: Mapping[int, Region] | None = None) -> Outlines:
        """From an array of n × 4 × 2 corners, longitude first, in any winding; faster than from footprints.

        Args:
            corners: Degrees, unclosed; may cross the antimeridian, wrapped or unwrapped.
            regions: The footprints of the rows that are not quadrilaterals, whose corners are ignored.

        Raises:
            FootprintError: A footprint is empty or not on the Earth.
        """
        others = {row: valid_footprint(region) for row, region in (regions or {}).items()}
        points = _counter_clockwise(_unwrapped(corners[..., 0] + 1j * corners[..., 1]))
        plain = _is_convex(points) & (np.abs(points.imag).max(axis=1, initial=0) <= POLAR_LAT_DEG)
        plain[list(others)] = False
        for row in np.flatnonzero(~plain).tolist():
            if row not in others:
                others[row] = footprint_from_corners(corners[row].tolist())
        points[~plain] = np.nan
        return cls(points, others)

    def __len__(self) -> int:
        return len(self.corners)

    def __getitem__(self, rows: Rows) -> Outlines:
        """The outlines of some rows, in the given order."""
        places = np.flatnonzero(np.isin(rows, list(self.regions)))
        inside = {place: self.regions[row] for place, row in zip(places.tolist(), rows[places].tolist(), strict=True)}
        return Outlines(self.corners[rows], inside)

    @cached_property
    def areas_km2(self) -> Numbers:
        """Area of each footprint."""
        areas = np.empty(len(self))
        for part in _blocks(len(self)):
            areas[part] = areas_of_rings(self.corners[part])
        for row, region in self.regions.items():
            areas[row] = areas_of_regions(np.array([region]))[0]
        return areas

    def may_touch(self, first: Rows, second: Rows) -> Truths:
        """Whether the boxes of two rows touch, also across the antimeridian."""
        lon, lat, half_width, half_height = self._boxes
        east = np.abs(_nearest_turn(lon[first] - lon[second])) <= half_width[first] + half_width[second]
        touching: Truths = east & (np.abs(lat[first] - lat[second]) <= half_height[first] + half_height[second])
        return touching

    def shared_km2(self, *rows: Rows) -> Numbers:
        """Area shared by the footprints of two or more rows.

        Args:
            rows: The first, the second and further footprints, arrays of equal length.
        """
        shared = np.empty(len(rows[0]))
        for part in _blocks(len(shared)):
            shared[part] = self._shared_km2([row[part] for row in rows])
        return shared

    def region(self, row: int) -> Region:
        """The footprint of a row, cut at the antimeridian."""
        corners = self.corners[row]
        return self.regions.get(row) or footprint_from_corners(
            [(corner.real, corner.imag) for corner in corners.tolist()]
        )

    def _shared_km2(self, rows: Sequence[Rows]) -> Numbers:
        rings = self.corners[rows[0]]
        for row in rows[1:]:
            corners = self.corners[row]
            turns = np.round((rings[:, 0].real - corners[:, 0].real) / 360)
            rings = clipped(rings, corners + 360 * turns[:, None])
        shared = areas_of_rings(rings)
        exact = np.flatnonzero(np.isnan(sum(self.corners[row][:, 0].real for row in rows)))
        if self.regions and exact.size:
            shared[exact] = self._exactly_shared_km2([row[exact] for row in rows])
        return shared

    def _exactly_shared_km2(self, rows: Sequence[Rows]) -> Numbers:
        common, *others = [np.array([self.region(row) for row in some.tolist()], dtype=object) for some in rows]
        for other in others:
            common = shapely.intersection(common, other)
        return areas_of_regions(common)

    @cached_property
    def _boxes(self) -> tuple[Numbers, Numbers, Numbers, Numbers]:
        west, east = self.corners.real.min(axis=1), self.corners.real.max(axis=1)
        south, north = self.corners.imag.min(axis=1), self.corners.imag.max(axis=1)
        for row, region in self.regions.items():
            west[row], south[row], east[row], north[row] = footprint_bbox(region)
            east[row] += 360 * (east[row] < west[row])
        return (west + east) / 2, (south + north) / 2, (east - west) / 2, (north - south) / 2


def clipped(rings: Points, corners: Points) -> Points:
    """The part of each convex ring within a convex quadrilateral (Sutherland & Hodgman 1974).

    Args:
        rings: m × k points, counter-clockwise; points may be repeated.
        corners: m × 4 points, counter-clockwise.

    Returns:
        m × (k + 4) points, some repeated; a single repeated point where nothing is left.
    """
    for edge in range(4):
        rings = _left_part(rings, corners[:, edge, None], corners[:, (edge + 1) % 4, None])
    return rings


def areas_of_rings(rings: Points) -> Numbers:
    """Areas in km² of m × k rings with straight edges in longitude and latitude; k points may be repeated."""
    following = _following(rings)
    middle = (rings.imag + following.imag) / 2
    ends = _authalic_height(rings.imag)
    # Simpson's rule along each edge: over half a degree, the curvature of the height makes 3e-4 of the area.
    heights = (ends + _following(ends) + 4 * _authalic_height(middle)) / 6
    widths = np.radians(following.real - rings.real)
    return np.asarray(np.abs((widths * heights).sum(axis=1)) * _SEMI_MAJOR_KM**2)


def areas_of_regions(regions: npt.NDArray[np.object_]) -> Numbers:
    """Areas in km² of footprints cut at the antimeridian; 0 for empty ones and lines."""
    plane = shapely.transform(shapely.segmentize(regions, _EDGE_DEG), _to_equal_area)
    return np.asarray(shapely.area(plane)) * _SEMI_MAJOR_KM**2


def _blocks(size: int) -> Iterator[slice]:
    return (slice(start, start + _CLIPPED_AT_ONCE) for start in range(0, size, _CLIPPED_AT_ONCE))


def _to_equal_area(points: Numbers) -> Numbers:
    return np.column_stack([np.radians(points[:, 0]), _authalic_height(points[:, 1])])


def _authalic_height(lat_deg: Numbers) -> Numbers:
    """Height of a parallel in the equal-area cylinder of WGS 84 (Snyder 1987, equation 3-12), over its radius."""
    s = np.sin(np.radians(lat_deg))
    s2 = _E2 * s * s
    # The equation's logarithm as a series: the next term is below 1e-9 of the first.
    return (1 - _E2) * s * (1 + s2 * (2 / 3 + s2 * (3 / 5 + s2 * (4 / 7))))


def _left_part(rings: Points, start: Points, end: Points) -> Points:
    side = _cross(end - start, rings - start)
    next_side = _following(side)
    inside = side >= 0
    crossing = inside != (next_side >= 0)
    share = np.divide(side, side - next_side, out=np.zeros_like(side), where=crossing)
    cuts = rings + share * (_following(rings) - rings)
    candidates = np.stack([rings, cuts], axis=2).reshape(len(rings), -1)
    kept = np.stack([inside, crossing], axis=2).reshape(len(rings), -1)
    return _packed(candidates, kept, rings.shape[1] + 1)


def _packed(points: Points, kept: Truths, slots: int) -> Points:
    """The kept points of each row first, then the first of them repeated."""
    counts = kept.sum(axis=1)
    if counts.max(initial=0) > slots:
        # By rounding, a ring with nearly equal points may cross a line more than twice.
        kept = kept & (np.cumsum(kept, axis=1) <= slots)
        counts = np.minimum(counts, slots)
    first = points[np.arange(len(points)), kept.argmax(axis=1)]
    packed = np.repeat(first[:, None], slots, axis=1)
    packed[np.arange(slots) < counts[:, None]] = points[kept]
    return packed


def _following(ring: Ring) -> Ring:
    following: Ring = np.roll(ring, -1, axis=1)
    return following


def _cross(a: Points, b: Points) -> Numbers:
    return a.real * b.imag - a.imag * b.real


def _nearest_turn(degrees: Numbers) -> Numbers:
    return degrees - 360 * np.round(degrees / 360)


def _unwrapped(points: Points) -> Points:
    return _nearest_turn(points.real - points[:, :1].real) + points[:, :1].real + 1j * points.imag


def _counter_clockwise(points: Points) -> Points:
    clockwise = _cross(points - points[:, :1], _following(points) - points[:, :1]).sum(axis=1) < 0
    return np.where(clockwise[:, None], points[:, ::-1], points)


def _is_convex(points: Points) -> Truths:
    edges = _following(points) - points
    turns = _cross(edges, _following(edges))
    return np.asarray((turns >= 0).all(axis=1) & (turns > 0).any(axis=1))


def _rings(regions: Sequence[Region]) -> tuple[Numbers, Truths]:
    """The corners of each region, and whether it has exactly four and is away from the poles."""
    geometries = np.array(regions, dtype=object)
    bounds = shapely.bounds(geometries)
    is_ring = np.asarray(shapely.get_type_id(geometries) == shapely.GeometryType.POLYGON)
    is_ring &= shapely.get_num_coordinates(geometries) == 5
    is_ring &= np.abs(bounds[:, [1, 3]]).max(axis=1, initial=0) <= POLAR_LAT_DEG
    corners = np.full((len(regions), 4, 2), np.nan)
    corners[is_ring] = shapely.get_coordinates(geometries[is_ring]).reshape(-1, 5, 2)[:, :4]
    return corners, is_ring
