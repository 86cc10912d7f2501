"""Footprints of masks that are given as polygons, on a projection or in the pixels of an image."""

from __future__ import annotations

import pytest
import shapely
from shapely import Polygon

from footprints import (
    CrsError,
    EmptyFootprintError,
    FootprintError,
    RingError,
    area_km2,
    footprint_from_rings,
    ground_from_image,
)
from tests.footprints.invented_corners import (
    DEGREE_KM,
    SQUARE_AT_180,
    Corners,
    square,
)


def test_projected_members_become_one_footprint() -> None:
    """Two squares that overlap by half are united; the area is that on the ellipsoid, not in UTM."""
    footprint = footprint_from_rings(
        [(square(5_000, 500_000, 5e6), []), (square(5_000, 505_000, 5e6), [])], "EPSG:32631"
    )
    assert isinstance(footprint, Polygon)
    assert area_km2(footprint) == pytest.approx(150 / 0.9996**2, rel=1e-4)


def test_projected_edges_are_bent_before_they_are_thinned() -> None:
    """An edge of 200 km in UTM runs within 2 m of where its points really are."""
    corners = [(300_000.0, 6e6), (500_000.0, 6e6), (500_000.0, 6.2e6), (300_000.0, 6.2e6)]
    coarse = footprint_from_rings([(corners, [])], 32631)
    fine = footprint_from_rings([(corners, [])], 32631, tolerance_m=0.01, max_vertices=5_000)
    assert fine.hausdorff_distance(coarse) * DEGREE_KM * 1000 < 2
    assert 20 < shapely.get_num_coordinates(coarse) <= 200


def test_only_holes_above_the_threshold_stay() -> None:
    """A hole of 1 km² stays and one of 0.0036 km² is filled."""
    holes = [square(500, 500_000, 5e6), square(30, 502_000, 5e6)]
    footprint = footprint_from_rings([(square(5_000, 500_000, 5e6), holes)], 32631)
    assert isinstance(footprint, Polygon)
    assert len(footprint.interiors) == 1
    assert not footprint.interiors[0].is_ccw
    everything = footprint_from_rings([(square(5_000, 500_000, 5e6), holes)], 32631, min_hole_km2=0)
    assert isinstance(everything, Polygon)
    assert len(everything.interiors) == 2


def test_many_vertices_are_thinned_until_they_fit() -> None:
    """A frayed outline with specks comes down to the wanted number of vertices and keeps its area."""
    teeth = [(x * 100.0, (x % 2) * 50.0) for x in range(400)]
    outline = [*teeth, (39_900.0, 20_000.0), (0.0, 20_000.0)]
    specks = [square(10, 45_000 + 100 * i, 0) for i in range(60)]
    members: list[tuple[Corners, list[Corners]]] = [
        ([(500_000 + x, 5e6 + y) for x, y in ring], []) for ring in (outline, *specks)
    ]
    footprint = footprint_from_rings(members, 32631)
    assert shapely.get_num_coordinates(footprint) <= 200
    assert area_km2(footprint) == pytest.approx(39.9 * 20, rel=1e-2)


def test_members_without_area_are_left_out() -> None:
    """A flat ring beside a real one does not spoil the mask, and alone it is refused."""
    flat = [(2.0, 48.0), (3.0, 48.0), (4.0, 48.0)]
    real = [(2.0, 48.0), (3.0, 48.0), (3.0, 49.0)]
    assert footprint_from_rings([(flat, []), (real, [flat])], 4326).area == pytest.approx(0.5)
    with pytest.raises(EmptyFootprintError):
        footprint_from_rings([(flat, [])], 4326)


@pytest.mark.parametrize(
    ("crs", "corners", "error"),
    [
        (99_999_999, square(1), CrsError),
        ("image", square(1), CrsError),
        (32631, square(1e9, 3e9, 3e9), CrsError),
        (32631, square(1e6, 2.8e7, 2.8e7), CrsError),
        (4326, square(5_000, 500_000, 5e6), RingError),
        (32631, [(float("nan"), 0), (1, 1), (2, 0)], RingError),
        (32631, [(0, 0)], RingError),
    ],
)
def test_coordinates_that_do_not_fit_their_reference_system_are_refused(
    crs: int | str, corners: Corners, error: type[FootprintError]
) -> None:
    """An unknown system, a point outside of it and projected numbers called degrees are each refused."""
    with pytest.raises(error):
        footprint_from_rings([(corners, [])], crs)


def test_mask_without_members_is_refused() -> None:
    """An empty mask is an error that the caller answers with the extent."""
    for crs in (4326, 32631):
        with pytest.raises(EmptyFootprintError):
            footprint_from_rings([], crs)


def test_image_corners_map_to_ground_corners() -> None:
    """The four corners map onto themselves in any order, and the middle of the image onto their mean."""
    image = [(1.0, 1.0), (101.0, 1.0), (101.0, 51.0), (1.0, 51.0)]
    ground = [(2.0, 49.0), (3.1, 49.1), (3.0, 48.0), (2.2, 48.1)]
    for order in ([0, 1, 2, 3], [2, 0, 3, 1]):
        [(ring, [hole])] = ground_from_image(
            [(image, [[(51.0, 26.0)]])], [image[i] for i in order], [ground[i] for i in order]
        )
        assert [tuple(point) for point in ring] == [pytest.approx(corner) for corner in ground]
        assert hole[0] == pytest.approx([2.575, 48.55])


@pytest.mark.parametrize(
    "image",
    [
        [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)],
        [(0.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
        [(0.0, 0.0), (0.0, 1.0), (0.0, 2.0), (0.0, 3.0)],
    ],
)
def test_image_corners_that_span_nothing_are_refused(image: Corners) -> None:
    """Three corners, twins and corners on one line give no mapping."""
    with pytest.raises(RingError, match="corners"):
        ground_from_image([(image, [])], image, SQUARE_AT_180)
