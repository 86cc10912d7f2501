"""Areas that footprints share, clipped all at once."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyproj import Geod
from shapely import Polygon, box
from shapely.affinity import rotate
from shapely.geometry.base import BaseGeometry

from footprints import Outlines, Region, footprint_from_corners

QUICK = settings(max_examples=150, deadline=None)
SQUARE = [(10.0, 45.0), (10.2, 45.0), (10.2, 45.2), (10.0, 45.2)]
PLACES = st.tuples(st.floats(-180, 180), st.floats(-79, 79))
OFFSETS = st.floats(-0.15, 0.15)


WGS84 = Geod(ellps="WGS84")


def exact_km2(geometry: BaseGeometry) -> float:
    """Geodesic area of edges that are straight in longitude and latitude to a centimetre."""
    area_m2, _ = WGS84.geometry_area_perimeter(shapely.segmentize(shapely.orient_polygons(geometry), 0.005))
    return float(abs(area_m2)) / 1e6


@st.composite
def quadrilaterals(draw: st.DrawFn) -> tuple[Polygon, Polygon]:
    """Two images of one place, turned and moved, convex or not."""
    lon, lat = draw(PLACES)
    pair = []
    for _ in range(2):
        corners = [(x + draw(OFFSETS) / 2, y + draw(OFFSETS) / 2) for x, y in ((0, 0), (0.2, 0), (0.2, 0.3), (0, 0.3))]
        shape = rotate(Polygon(corners), draw(st.floats(0, 360)))
        # GEOS 3.14 intersects wrongly where a coordinate is nearer to 0 than a number of full precision can be.
        pair.append(Polygon([(round(lon + x, 12), round(lat + y, 12)) for x, y in shape.exterior.coords[:-1]]))
    return pair[0], pair[1]


def shared_km2(*regions: Region) -> float:
    """What the regions share, by the clipper."""
    outlines = Outlines.of_regions(regions)
    return float(outlines.shared_km2(*(np.array([row]) for row in range(len(regions))))[0])


@QUICK
@given(quadrilaterals())
def test_shared_area_is_that_of_exact_geometry(pair: tuple[Polygon, Polygon]) -> None:
    """Within a hundred-thousandth of the smaller image, over the antimeridian too."""
    exact = [footprint_from_corners(image.exterior.coords[:-1]) for image in pair]
    smaller = min(map(exact_km2, exact))
    assert shared_km2(*pair) == pytest.approx(exact_km2(exact[0].intersection(exact[1])), abs=1e-5 * smaller)


@QUICK
@given(quadrilaterals(), st.integers(0, 3), st.booleans())
def test_shared_area_does_not_depend_on_the_first_corner_nor_the_winding(
    pair: tuple[Polygon, Polygon], turns: int, reverse: bool
) -> None:
    """Rings may start anywhere and run either way."""
    ring = list(pair[0].exterior.coords[:-1])
    ring = ring[turns:] + ring[:turns]
    turned = Polygon(ring[::-1] if reverse else ring)
    assert shared_km2(turned, pair[1]) == pytest.approx(shared_km2(*pair), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("west", [179.9, -180.1, 539.9 - 360])
def test_antimeridian_does_not_matter_in_any_way_of_writing(west: float) -> None:
    """Unwrapped to either side, wrapped corner by corner, or cut in two."""
    unwrapped = box(west, 10, west + 0.2, 10.2)
    cut = footprint_from_corners([(179.9, 10), (180.1, 10), (180.1, 10.2), (179.9, 10.2)])
    wrapped = Polygon([(179.9, 10), (-179.9, 10), (-179.9, 10.2), (179.9, 10.2)])
    whole = exact_km2(box(10, 10, 10.2, 10.2))
    for other in (unwrapped, cut, wrapped):
        assert shared_km2(unwrapped, other) == pytest.approx(whole, rel=1e-6)
        assert shared_km2(wrapped, other, cut) == pytest.approx(whole, rel=1e-6)


def test_images_over_a_pole_share_their_true_area() -> None:
    """A cap and an image beside the pole are intersected exactly."""
    image = footprint_from_corners([(0, 89.5), (90, 89.5), (180, 89.5), (270, 89.5)])
    beside = footprint_from_corners([(10, 89.9), (20, 89.0), (60, 89.0), (60, 89.9)])
    assert shared_km2(image, beside) == pytest.approx(exact_km2(image.intersection(beside)), rel=1e-4)
    assert shared_km2(image, image) == pytest.approx(exact_km2(image), rel=1e-4)


@pytest.mark.parametrize(
    "ring",
    [
        [(10.0, 45.0), (10.2, 45.0), (10.1, 45.1), (10.2, 45.2)],
        [(10.0, 45.0), (10.2, 45.2), (10.2, 45.0), (10.0, 45.2)],
        [(10.0, 45.0), (10.2, 45.0), (10.1, 45.1)],
        [(10.0, 45.0), (10.2, 45.0), (10.3, 45.1), (10.2, 45.2), (10.0, 45.2)],
    ],
    ids=["concave", "bow tie", "triangle", "pentagon"],
)
def test_other_shapes_than_convex_quadrilaterals_are_exact_too(ring: list[tuple[float, float]]) -> None:
    """They take the slow way through exact geometry."""
    square, other = footprint_from_corners(SQUARE), footprint_from_corners(ring)
    assert shared_km2(Polygon(SQUARE), Polygon(ring)) == pytest.approx(exact_km2(square.intersection(other)), rel=1e-5)
    assert shared_km2(Polygon(ring), Polygon(ring)) == pytest.approx(exact_km2(other), rel=1e-5)


@pytest.mark.parametrize(
    ("other", "share"),
    [
        (box(10, 45, 10.2, 45.2), 1.0),
        (box(10, 45, 10.1, 45.2), 0.5),
        (box(10.05, 45, 10.15, 45.3), 0.5),
        (box(9.9, 45, 10.1, 45.2), 0.5),
        (box(10.2, 45, 10.4, 45.2), 0.0),
        (box(10.2, 45.2, 10.4, 45.4), 0.0),
        (box(11, 45, 12, 46), 0.0),
    ],
    ids=["same", "clip", "across", "aligned", "side by side", "corner", "apart"],
)
def test_common_edges_do_not_confuse_the_clipper(other: Polygon, share: float) -> None:
    """Clips of one image lie on its edges exactly."""
    whole = exact_km2(Polygon(SQUARE))
    assert shared_km2(Polygon(SQUARE), other) == pytest.approx(share * whole, rel=2e-6, abs=1e-6)


@QUICK
@given(quadrilaterals(), st.floats(0, 1), st.floats(0, 1))
def test_cut_out_with_rounded_corners_lies_within_its_image(
    pair: tuple[Polygon, Polygon], start: float, end: float
) -> None:
    """Corners that are on the edge but for the last digit neither lose nor double the area."""
    ring = shapely.get_coordinates(pair[0].convex_hull)
    assume(len(ring) == 5)
    a, b, c, d = np.round(ring[:-1], 7)
    low, high = 0.1 + 0.3 * start, 0.6 + 0.3 * end
    cut = Polygon(np.round([a + (b - a) * low, a + (b - a) * high, d + (c - d) * high, d + (c - d) * low], 7))
    assert shared_km2(Polygon([a, b, c, d]), cut) == pytest.approx(shared_km2(cut, cut), rel=1e-4)


def test_three_images_share_no_more_than_two() -> None:
    """Three squares moved by a quarter keep half in common."""
    squares = [box(10 + shift, 45, 10.2 + shift, 45.2) for shift in (0, 0.05, 0.1)]
    whole = exact_km2(squares[0])
    assert shared_km2(*squares) == pytest.approx(whole / 2, rel=1e-6)
    assert shared_km2(*squares[:2]) == pytest.approx(whole * 3 / 4, rel=1e-6)


def test_area_of_a_long_strip_is_geodesic() -> None:
    """Ten degrees of track bend by 10 % of their width, which the area takes into account."""
    strip = Polygon([(20, 60), (20.5, 60), (18.5, 70), (18, 70)])
    assert Outlines.of_regions([strip]).areas_km2[0] == pytest.approx(exact_km2(strip), rel=1e-4)
