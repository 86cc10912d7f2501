"""Footprints over the antimeridian: cut there, whether or not their source did so."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import example, given
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry

from footprints import (
    area_km2,
    bbox_parts,
    footprint_as_drawn,
    footprint_bbox,
    footprint_from_corners,
    footprint_from_rings,
    ground_from_image,
    union_footprints,
)
from tests.footprints.invented_corners import (
    QUICK,
    SQUARE_AT_180,
    Corners,
    cut_by_boxes,
    same_area,
    scenes,
    wrapped,
)


@QUICK
@given(scenes(st.sampled_from([180.0, -180.0, 179.3, -178.9])))
def test_cut_covers_what_a_plain_intersection_covers(corners: Corners) -> None:
    """Over the antimeridian the footprint equals the unwrapped polygon cut by boxes, and stays within ±180."""
    footprint = footprint_from_corners(wrapped(corners))
    assert same_area(footprint, cut_by_boxes(Polygon(corners)))
    assert footprint.bounds[0] >= -180
    assert footprint.bounds[2] <= 180


@QUICK
@given(
    st.lists(st.tuples(st.integers(177, 183), st.integers(-3, 3)), min_size=3, max_size=7, unique=True).filter(
        lambda points: Polygon(points).is_valid and Polygon(points).area > 0.4
    )
)
@example([(183, 3), (180, -1), (182, 2), (177, 0)])  # touched from the east only, beside real crossings
def test_vertices_right_on_the_antimeridian_do_not_disturb_the_cut(points: list[tuple[int, int]]) -> None:
    """Corners of whole degrees, many of them on 180°, are cut as a plain intersection would."""
    corners = [(float(lon), float(lat)) for lon, lat in points]
    assert same_area(footprint_from_corners(corners), cut_by_boxes(Polygon(corners)))


@QUICK
@given(scenes(st.just(180.0)))
def test_crossing_footprint_has_the_area_of_its_copy_elsewhere(corners: Corners) -> None:
    """Twenty degrees to the west the same corners enclose the same area."""
    elsewhere = footprint_from_corners([(lon - 20, lat) for lon, lat in corners])
    assert area_km2(footprint_from_corners(wrapped(corners))) == pytest.approx(area_km2(elsewhere), rel=1e-3)


@pytest.mark.parametrize(
    "corners",
    [
        SQUARE_AT_180,
        SQUARE_AT_180[::-1],
        [(179.5, 10.0), (180.5, 10.0), (180.5, 11.0), (179.5, 11.0)],
        [(-180.5, 10.0), (-179.5, 10.0), (-179.5, 11.0), (-180.5, 11.0)],
    ],
    ids=["wrapped", "clockwise", "unwrapped east", "unwrapped west"],
)
def test_square_over_the_antimeridian_is_two_pieces(corners: Corners) -> None:
    """Whatever its winding and longitudes, the square is cut in two halves and its box has west > east."""
    footprint = footprint_from_corners(corners)
    assert isinstance(footprint, MultiPolygon)
    assert len(footprint.geoms) == 2
    assert same_area(footprint, shapely.union_all([box(179.5, 10, 180, 11), box(-180, 10, -179.5, 11)]))
    assert footprint_bbox(footprint) == (179.5, 10, -179.5, 11)


@pytest.mark.parametrize("corners", [SQUARE_AT_180, [(3.0, 43.0), (4.0, 43.0), (4.0, 44.0), (3.0, 44.0)]])
def test_parts_of_a_box_show_what_the_box_shows(corners: Corners) -> None:
    """A box over the antimeridian has a part on each side of it; any other is its own only part."""
    footprint = footprint_from_corners(corners)
    parts = [box(*part) for part in bbox_parts(footprint_bbox(footprint))]
    assert shapely.union_all(parts).equals(footprint)
    assert len(parts) == (2 if corners is SQUARE_AT_180 else 1)


def test_what_a_catalogue_forgot_to_cut_is_cut() -> None:
    """An edge of more than 180° crosses the antimeridian, in whichever member; holes stay and heights go."""
    hole = [(179.8, 10.4), (-179.8, 10.4), (-179.8, 10.6), (179.8, 10.6)]
    drawn = MultiPolygon([Polygon(SQUARE_AT_180, [hole]), box(170, 10, 171, 11)])
    footprint = footprint_as_drawn(shapely.force_3d(drawn))
    east, west = box(179.5, 10, 180, 11), box(-180, 10, -179.5, 11)
    holes = shapely.union_all([box(179.8, 10.4, 180, 10.6), box(-180, 10.4, -179.8, 10.6)])
    expected = shapely.union_all([east, west, box(170, 10, 171, 11)]).difference(holes)
    assert same_area(footprint, expected)
    assert not footprint.has_z


@pytest.mark.parametrize("drawn", [box(-180, -60, 180, 60), MultiPolygon([box(-180, 1, -179, 2), box(179, 1, 180, 2)])])
def test_what_is_cut_stays_as_it_is_drawn(drawn: BaseGeometry) -> None:
    """Neither a box round the Earth nor pieces on both sides of the antimeridian are taken for uncut."""
    assert footprint_as_drawn(drawn).equals(drawn)


def test_square_that_only_touches_the_antimeridian_is_one_piece() -> None:
    """A side on 180° is no crossing, from either side and under either name."""
    for corners in ([(179, 0), (180, 0), (180, 1), (179, 1)], [(179, 0), (-180, 0), (-180, 1), (179, 1)]):
        assert footprint_bbox(footprint_from_corners(corners)) == pytest.approx((179, 0, 180, 1), abs=1e-6)


@pytest.mark.parametrize("shift", [0, -360], ids=["east", "west"])
def test_hole_over_the_antimeridian_is_cut_out(shift: int) -> None:
    """A hole across 180° in unwrapped longitudes takes off what it takes off elsewhere."""
    exterior: Corners = [(179 + shift, 0), (181 + shift, 0), (181 + shift, 1), (179 + shift, 1)]
    hole: Corners = [(179.5 + shift, 0.2), (180.5 + shift, 0.2), (180.5 + shift, 0.8), (179.5 + shift, 0.8)]
    crossing = footprint_from_rings([(exterior, [hole])], 4326)
    elsewhere = footprint_from_rings([(wrapped(exterior), [wrapped(hole)])], "EPSG:4326")
    away = [(lon - 20, lat) for lon, lat in exterior], [[(lon - 20, lat) for lon, lat in hole]]
    assert crossing.is_valid
    assert same_area(crossing, elsewhere)
    assert area_km2(crossing) == pytest.approx(area_km2(footprint_from_rings([away], 4326)), rel=1e-6)


def test_projected_mask_over_the_antimeridian_is_cut() -> None:
    """A mask in UTM zone 60 that runs over its eastern limit lies on both sides of 180°."""
    corners = [(700_000.0, 2e6), (850_000.0, 2e6), (850_000.0, 2.05e6), (700_000.0, 2.05e6)]
    footprint = footprint_from_rings([(corners, [])], 32660)
    west, _, east, _ = footprint_bbox(footprint)
    assert west > 178
    assert east < -179
    assert area_km2(footprint) == pytest.approx(7500, rel=3e-3)


def test_image_over_the_antimeridian_is_mapped_unwrapped() -> None:
    """The middle of an image from 179.5 to -179.5 lies at 180, not at 0."""
    image = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]
    [(ring, _)] = ground_from_image([([(5, 5), (10, 5), (10, 10)], [])], image, SQUARE_AT_180)
    assert ring[0] == pytest.approx([180, 10.5])
    assert footprint_bbox(footprint_from_rings([(ring, [])], 4326))[2] == pytest.approx(-179.5)


def test_outline_whose_last_points_nearly_coincide_is_cut() -> None:
    """A closing point a fraction of a millimetre off the first does not spoil the cut at 180°."""
    footprint = footprint_from_corners([*SQUARE_AT_180, (179.5 + 5e-9, 10.0)])
    assert footprint_bbox(footprint) == pytest.approx((179.5, 10, -179.5, 11), abs=1e-6)
    assert same_area(footprint, cut_by_boxes(box(179.5, 10, 180.5, 11)))


def test_union_over_the_antimeridian_joins_both_sides() -> None:
    """Two crossing squares side by side become one region with one piece on each side."""
    upper = footprint_from_corners([(179.5, 11), (-179.5, 11), (-179.5, 12), (179.5, 12)])
    union = union_footprints([footprint_from_corners(SQUARE_AT_180), upper])
    assert footprint_bbox(union) == (179.5, 10, -179.5, 12)
    assert len(shapely.get_parts(union)) == 2
