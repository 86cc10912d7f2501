"""Geodesic areas and overlaps."""

from __future__ import annotations

from math import atanh, pi, radians, sin, sqrt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box
from shapely.geometry.polygon import orient

from footprints import area_km2, footprint_from_corners, overlap_fraction, overlap_km2

QUICK = settings(max_examples=60, deadline=None)
BOXES = st.builds(
    lambda west, south, width, height: box(west, south, west + width, south + height),
    st.floats(0, 3),
    st.floats(-60, 57),
    st.floats(0.1, 3),
    st.floats(0.1, 3),
)


def zone_km2(south: float, north: float, width_deg: float) -> float:
    """Exact area of a box of longitude and latitude on WGS 84, by the authalic integral."""
    semi_major_km, e2 = 6378.137, 6.69437999014e-3
    e = sqrt(e2)

    def integral(lat: float) -> float:
        s = sin(radians(lat))
        return s / (1 - e2 * s * s) + atanh(e * s) / e

    return semi_major_km**2 * (1 - e2) / 2 * radians(width_deg) * (integral(north) - integral(south))


@pytest.mark.parametrize("south", [-70.0, -0.5, 20.0, 48.0, 75.0])
def test_area_of_a_box_is_the_integral_over_the_ellipsoid(south: float) -> None:
    """Edges along parallels count as such, though a geodesic would bend."""
    assert area_km2(box(1, south, 2, south + 1)) == pytest.approx(zone_km2(south, south + 1, 1), rel=1e-4)


@pytest.mark.parametrize(("south", "north"), [(80, 90), (-90, -80)])
def test_area_of_a_cap_is_that_of_its_zone(south: float, north: float) -> None:
    """A cap drawn down to ±90 along ±180 has the area of the polar zone."""
    assert area_km2(box(-180, south, 180, north)) == pytest.approx(zone_km2(south, north, 360), rel=1e-4)


def test_half_of_the_globe_has_half_of_its_area() -> None:
    """The authalic formula used as oracle here gives the known surface of the Earth."""
    assert zone_km2(-90, 90, 360) == pytest.approx(510_065_622, rel=1e-6)
    assert zone_km2(0, 90, 360) == pytest.approx(2 * pi * 6371.0072**2, rel=1e-6)


@QUICK
@given(BOXES)
def test_area_does_not_depend_on_winding(shape: Polygon) -> None:
    """Clockwise and counter-clockwise rings have the same positive area."""
    assert area_km2(orient(shape, -1)) == pytest.approx(area_km2(orient(shape, 1)))
    assert area_km2(shape) > 0


@QUICK
@given(BOXES, st.floats(0.1, 0.9))
def test_area_is_additive(shape: Polygon, share: float) -> None:
    """The two parts of a box cut along a meridian add up to it, as one geometry and as two."""
    west, south, east, north = shape.bounds
    middle = west + share * (east - west)
    left, right = box(west, south, middle, north), box(middle, south, east, north)
    assert area_km2(left) + area_km2(right) == pytest.approx(area_km2(shape), rel=1e-4)
    assert area_km2(MultiPolygon([left, right])) == pytest.approx(area_km2(left) + area_km2(right))


def test_holes_are_taken_off() -> None:
    """A hole has the area that it would have as a polygon."""
    outer, inner = box(0, 40, 2, 42), box(0.5, 40.5, 1.5, 41.5)
    holed = Polygon(outer.exterior, [inner.exterior])
    assert area_km2(holed) == pytest.approx(area_km2(outer) - area_km2(inner))


def test_empty_geometry_has_no_area() -> None:
    """Nothing covers nothing."""
    assert area_km2(Polygon()) == 0
    assert overlap_fraction(Polygon(), box(0, 0, 1, 1)) == 0


@QUICK
@given(BOXES, BOXES)
def test_overlap_is_symmetric_and_a_fraction(a: Polygon, b: Polygon) -> None:
    """The order of the footprints does not matter, and the fraction stays within 0 and 1."""
    assert overlap_fraction(a, b) == pytest.approx(overlap_fraction(b, a))
    assert 0 <= overlap_fraction(a, b) <= 1
    assert overlap_km2(a, b) <= min(area_km2(a), area_km2(b)) * (1 + 1e-3)


@QUICK
@given(BOXES, BOXES)
def test_union_has_the_areas_without_what_is_shared(a: Polygon, b: Polygon) -> None:
    """area(a or b) = area(a) + area(b) - area(a and b)."""
    union = a.union(b)
    assert isinstance(union, Polygon | MultiPolygon)
    assert area_km2(union) == pytest.approx(area_km2(a) + area_km2(b) - overlap_km2(a, b), rel=1e-3)


def test_fraction_is_that_of_the_smaller() -> None:
    """A small footprint within a large one overlaps wholly; half of it, by half."""
    large = box(0, 0, 10, 10)
    assert overlap_fraction(large, box(1, 1, 2, 2)) == pytest.approx(1)
    assert overlap_fraction(large, box(9.5, 1, 10.5, 2)) == pytest.approx(0.5, rel=1e-3)


def test_footprints_that_only_touch_share_nothing() -> None:
    """A common side or corner has no area."""
    assert overlap_km2(box(0, 0, 1, 1), box(1, 0, 2, 1)) == 0
    assert overlap_fraction(box(0, 0, 1, 1), box(1, 1, 2, 2)) == 0


def test_overlap_counts_on_both_sides_of_the_antimeridian() -> None:
    """A footprint across 180° shares half of itself with its neighbour moved by half its width."""
    first = footprint_from_corners([(179, 0), (-179, 0), (-179, 1), (179, 1)])
    second = footprint_from_corners([(180, 0), (182, 0), (182, 1), (180, 1)])
    assert overlap_fraction(first, second) == pytest.approx(0.5, rel=1e-4)
