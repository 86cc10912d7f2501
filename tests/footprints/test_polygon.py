"""Footprints from corners: their winding, repair, boxes and unions."""

from __future__ import annotations

import time
from collections.abc import Callable
from random import Random

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from footprints import (
    EmptyFootprintError,
    RingError,
    footprint_bbox,
    footprint_from_corners,
    footprint_from_rings,
    union_footprints,
    valid_footprint,
)
from tests.footprints.invented_corners import (
    QUICK,
    Corners,
    cut_by_boxes,
    exteriors,
    same_area,
    scenes,
    wrapped,
)


@QUICK
@given(scenes(), st.integers(0, 8), st.booleans())
def test_footprint_does_not_depend_on_the_start_or_sense_of_its_ring(corners: Corners, start: int, turn: bool) -> None:
    """Any rotation or reversal of the corners gives the same valid, counter-clockwise region."""
    given_corners = wrapped(corners)
    start %= len(corners)
    other = given_corners[start:] + given_corners[:start]
    first, second = footprint_from_corners(given_corners), footprint_from_corners(other[::-1] if turn else other)
    assert first.is_valid
    assert second.is_valid
    assert same_area(first, second)
    assert all(ring.is_ccw for ring in exteriors(second))


@QUICK
@given(scenes())
def test_bbox_contains_the_footprint_and_is_as_wide(corners: Corners) -> None:
    """The RFC 7946 box holds every vertex, and its width is that of the unwrapped corners."""
    footprint = footprint_from_corners(wrapped(corners))
    west, south, east, north = footprint_bbox(footprint)
    width = (east - west) % 360
    assert all((lon - west) % 360 <= width + 1e-6 or lon == west for lon, _ in shapely.get_coordinates(footprint))
    assert footprint.bounds[1] == south
    assert footprint.bounds[3] == north
    assert width == pytest.approx(Polygon(corners).bounds[2] - Polygon(corners).bounds[0], abs=2e-6)


def test_clockwise_corners_come_back_counter_clockwise() -> None:
    """Vendors list corners clockwise from the north-west; RFC 7946 wants the reverse."""
    footprint = footprint_from_corners([(2, 49), (3, 49), (3, 48), (2, 48)])
    assert isinstance(footprint, Polygon)
    assert footprint.exterior.is_ccw
    assert footprint.equals(box(2, 48, 3, 49))


@pytest.mark.parametrize("lon", [1.0, 179.5])
def test_corners_in_the_order_of_a_bow_tie_span_the_whole_quadrilateral(lon: float) -> None:
    """Corners given row by row, as some catalogues do, still enclose the full image, over 180° too."""
    corners = wrapped([(lon, 10), (lon + 1, 10), (lon, 11), (lon + 1, 11)])
    expected = cut_by_boxes(box(lon, 10, lon + 1, 11))
    assert same_area(footprint_from_corners(corners), expected)


def test_self_crossing_outline_is_repaired() -> None:
    """An outline of more than four points that crosses itself becomes valid polygons."""
    footprint = footprint_from_corners([(0, 0), (2, 2), (4, 0), (4, 2), (2, 0), (0, 2)])
    assert footprint.is_valid
    assert footprint.area == pytest.approx(4)


@pytest.mark.parametrize(
    "footprint_of",
    [
        footprint_from_corners,
        lambda ring: footprint_from_rings([(ring, [])], "EPSG:4326"),
        lambda ring: valid_footprint(Polygon(ring)),
    ],
    ids=["corners", "mask", "geometry"],
)
def test_tangled_outline_is_repaired_in_time(footprint_of: Callable[[Corners], BaseGeometry]) -> None:
    """An outline that crosses itself thousands of times, and goes around most of its box, is repaired in seconds."""
    draw = Random(1)
    ring = [(draw.uniform(0, 1), draw.uniform(0, 1)) for _ in range(250)]
    began = time.process_time()
    footprint = footprint_of(ring)
    assert time.process_time() - began < 10
    assert footprint.is_valid
    assert 0.5 < footprint.area < 1


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        ([(1, 1), (2, 2)], "3 distinct"),
        ([(1, 1), (2, 2), (1, 1), (2, 2)], "3 distinct"),
        ([], "no points"),
        ([(1, 1), (2, float("nan")), (3, 1)], "finite"),
        ([(1, 1), (float("inf"), 2), (3, 1)], "finite"),
        ([(1, 1), (2, 95), (3, 1)], "Latitude 95"),
        ([(500_000, 1), (2, 2), (3, 1)], "Longitudes"),
        ([(1, 1), (2,), (3, 1)], "two numbers"),
        ([(0, -20), (90, 20), (180, 20), (-90, -20)], "which pole"),
    ],
)
def test_points_that_are_no_ring_are_refused_with_the_reason(corners: Corners, says: str) -> None:
    """Each fault has its own words."""
    with pytest.raises(RingError, match=says):
        footprint_from_corners(corners)


def test_points_on_a_line_are_refused() -> None:
    """A ring without area is no footprint."""
    with pytest.raises(EmptyFootprintError, match="line"):
        footprint_from_corners([(1, 1), (2, 2), (3, 3)])


def test_repair_keeps_polygons_only() -> None:
    """Points, lines and slivers go, crossings are resolved, and longitudes beyond 180 are brought back."""
    sliver = Polygon([(5, 5), (6, 5), (6, 5 + 1e-8)])
    mixed = shapely.GeometryCollection([Point(0, 0), Polygon([(179, 0), (181, 0), (181, 1), (179, 1)]), sliver])
    footprint = valid_footprint(mixed)
    assert same_area(footprint, shapely.union_all([box(179, 0, 180, 1), box(-180, 0, -179, 1)]))
    assert footprint_bbox(footprint) == (179, 0, -179, 1)


def test_repair_refuses_what_has_no_area() -> None:
    """A line is no footprint, nor is a polygon in metres."""
    with pytest.raises(EmptyFootprintError):
        valid_footprint(shapely.LineString([(0, 0), (1, 1)]))
    with pytest.raises(RingError):
        valid_footprint(box(500_000, 5e6, 501_000, 5.001e6))


def test_union_of_nothing_is_refused() -> None:
    """There is no footprint of no scenes."""
    with pytest.raises(EmptyFootprintError):
        union_footprints([])


def test_box_of_scattered_parts_is_the_smallest() -> None:
    """Parts that stand on both sides of 180° without touching it still have a box over it."""
    fiji = MultiPolygon([box(177, -19, 178, -18), box(178.5, -17, 179, -16), box(-179.5, -18, -179, -17)])
    assert footprint_bbox(fiji) == (177, -19, -179, -16)
    france = MultiPolygon([box(-1, 44, 0, 45), box(8.5, 41, 9.5, 43)])
    assert footprint_bbox(france) == (-1, 41, 9.5, 45)


def test_box_of_an_empty_geometry_is_refused() -> None:
    """Nothing has no box."""
    with pytest.raises(EmptyFootprintError):
        footprint_bbox(Polygon())
