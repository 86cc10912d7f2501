"""Footprints with fewer vertices: how far the boundary moves, and what never goes."""

from __future__ import annotations

from math import cos, radians

import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from shapely import Point
from shapely.geometry.base import BaseGeometry

from footprints import (
    area_km2,
    footprint_bbox,
    footprint_from_corners,
    simplify_footprint,
)
from tests.footprints.invented_corners import (
    DEGREE_KM,
    QUICK,
    Corners,
    scenes,
)


def distance_m(point: Point, boundary: BaseGeometry, lat: float) -> float:
    """Distance in metres from a point to a line near a latitude, in a plane whose axes are in metres."""
    metres = shapely.transform(boundary, lambda xy: xy * [DEGREE_KM * 1000 * cos(radians(lat)), DEGREE_KM * 1000])
    at = Point(point.x * DEGREE_KM * 1000 * cos(radians(lat)), point.y * DEGREE_KM * 1000)
    return float(at.distance(metres))


@QUICK
@given(scenes(st.floats(-150, 150)), st.sampled_from([1.0, 100.0, 5000.0]))
@example([(0.055, 60.0), (0.017, 60.052), (-0.809, 60.588), (-0.809, 59.412), (0.019, 59.941)], 5000.0)
def test_simplification_moves_the_boundary_by_no_more_than_the_tolerance(corners: Corners, tolerance_m: float) -> None:
    """Every vertex of the original lies within the tolerance of the simplified boundary."""
    footprint = footprint_from_corners(corners)
    boundary = simplify_footprint(footprint, tolerance_m).boundary
    for lon, lat in shapely.get_coordinates(footprint):
        assert distance_m(Point(lon, lat), boundary, lat) <= tolerance_m * 1.01 + 0.1


def test_simplification_joins_pieces_before_it_thins_them() -> None:
    """Vertices that only the cut at 180° made do not survive as corners of their own, and the pieces still meet."""
    ring = [(179.5 + i / 10, 10.0) for i in range(11)] + [(180.5, 11.0), (179.5, 11.0)]
    simple = simplify_footprint(footprint_from_corners(ring), 1.0)
    assert shapely.get_num_coordinates(simple) == 10
    assert footprint_bbox(simple) == (179.5, 10, -179.5, 11)


def test_simplified_cap_still_reaches_the_pole() -> None:
    """The sides of a cap along ±180 and ±90 are no detail to be thinned away."""
    cap = footprint_from_corners([(float(lon), -80 - (lon % 7) / 100) for lon in range(-180, 180, 3)])
    simple = simplify_footprint(cap, 10_000)
    assert footprint_bbox(simple)[:3] == (-180, -90, 180)
    assert shapely.get_num_coordinates(simple) < shapely.get_num_coordinates(cap)
    assert area_km2(simple) == pytest.approx(area_km2(cap), rel=1e-2)
