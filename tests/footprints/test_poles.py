"""Footprints around, beside and right over a pole."""

from __future__ import annotations

from math import cos, radians, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Point, Polygon

from footprints import (
    area_km2,
    footprint_bbox,
    footprint_from_corners,
    footprint_from_rings,
)
from tests.footprints.invented_corners import (
    NORTH,
    QUICK,
    square,
)


@pytest.mark.parametrize("side", [1, -1], ids=["north", "south"])
@pytest.mark.parametrize("turn", [1, -1], ids=["eastward", "westward"])
def test_ring_round_a_pole_encloses_it(side: int, turn: int) -> None:
    """Four corners a degree from the pole make a cap that reaches ±90 along all longitudes."""
    footprint = footprint_from_corners([(lon, side * lat) for lon, lat in NORTH][::turn])
    west, south, east, north = footprint_bbox(footprint)
    assert footprint.is_valid
    assert (west, east) == (-180, 180)
    assert (north if side > 0 else south) == side * 90
    assert footprint.contains(Point(45, side * 89.5))
    assert not footprint.contains(Point(45, side * 89.2))
    assert area_km2(footprint) == pytest.approx(2 * 111.69**2, rel=1e-3)


@pytest.mark.parametrize("side", [1, -1], ids=["north", "south"])
def test_scene_beside_a_pole_does_not_enclose_it(side: int) -> None:
    """A scene 20 km from the pole keeps to its own longitudes."""
    footprint = footprint_from_corners(
        [(lon, side * lat) for lon, lat in [(80, 89.7), (100, 89.7), (100, 89.8), (80, 89.8)]]
    )
    assert footprint.is_valid
    assert not footprint.contains(Point(0, side * 89.95))
    assert footprint_bbox(footprint)[::2] == pytest.approx((80, 100), abs=1e-6)


def test_ring_right_through_a_pole_takes_it_in() -> None:
    """An edge over the pole has no longitude there; the result is valid and has the area of the triangle."""
    footprint = footprint_from_corners([(0, 89.9), (180, 89.9), (90, 89.8)])
    assert footprint.is_valid
    assert footprint_bbox(footprint)[3] == 90
    assert area_km2(footprint) == pytest.approx(11.169 * 22.339, rel=1e-2)


@pytest.mark.parametrize("crs", [3413, 3031], ids=["north", "south"])
def test_hole_around_a_pole_is_kept(crs: int) -> None:
    """A ring-shaped mask around the pole in a polar projection leaves the pole out."""
    footprint = footprint_from_rings([(square(20_000), [square(5_000)])], crs)
    pole = 90 if crs == 3413 else -90
    assert footprint.is_valid
    assert not footprint.intersects(Point(0, pole))
    # Both projections shrink the pole to 0.970 or 0.973 of its size.
    assert area_km2(footprint) == pytest.approx(1500 / 0.971**2, rel=5e-3)


@QUICK
@given(
    st.floats(-6_000, 6_000),
    st.floats(-6_000, 6_000),
    st.lists(st.floats(1_000, 9_000), min_size=3, max_size=7),
    st.sampled_from([90, -90]),
)
def test_polar_masks_keep_their_area(x: float, y: float, radii: list[float], pole: int) -> None:
    """Star-shaped masks on, beside and around a pole keep the area they have in an equal-area projection."""
    angles = [radians(360 * i / len(radii)) for i in range(len(radii))]
    ring = [(x + r * cos(angle), y + r * sin(angle)) for r, angle in zip(radii, angles, strict=True)]
    footprint = footprint_from_rings([(ring, [])], f"+proj=laea +lat_0={pole} +datum=WGS84")
    assert footprint.is_valid
    assert area_km2(footprint) == pytest.approx(Polygon(ring).area / 1e6, rel=0.01)
