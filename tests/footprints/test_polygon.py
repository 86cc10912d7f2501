"""Footprints from corners and rings: repair, winding, antimeridian, poles, boxes, unions, simplification."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import cos, radians, sin
from random import Random

import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Point, Polygon, box
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from footprints import (
    CrsError,
    EmptyFootprintError,
    FootprintError,
    RingError,
    area_km2,
    bbox_parts,
    footprint_as_drawn,
    footprint_bbox,
    footprint_from_corners,
    footprint_from_rings,
    ground_from_image,
    simplify_footprint,
    union_footprints,
    valid_footprint,
)

Corners = list[tuple[float, float]]
QUICK = settings(max_examples=60, deadline=None)
ANYWHERE = st.floats(-180, 180)
DEGREE_KM = 111.2
SQUARE_AT_180 = [(179.5, 10.0), (-179.5, 10.0), (-179.5, 11.0), (179.5, 11.0)]
NORTH = [(0.0, 89.0), (90.0, 89.0), (180.0, 89.0), (-90.0, 89.0)]


@st.composite
def scenes(draw: st.DrawFn, longitudes: st.SearchStrategy[float] = ANYWHERE) -> Corners:
    """Corners around a centre, star-shaped, so that their ring never crosses itself; longitudes unwrapped."""
    lon = draw(longitudes)
    lat = draw(st.floats(-65, 65))
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(0.05, 2), min_size=count, max_size=count))
    angles = [radians(360 * i / count) for i in range(count)]
    return [(lon + radius * cos(angle), lat + radius * sin(angle)) for radius, angle in zip(radii, angles, strict=True)]


def wrapped(corners: Corners) -> Corners:
    """The corners as vendors write them, within [-180, 180]."""
    return [((lon + 180) % 360 - 180, lat) for lon, lat in corners]


def cut_by_boxes(polygon: Polygon) -> BaseGeometry:
    """An unwrapped plane polygon cut at the antimeridian by plain intersections."""
    turns = [
        (translate(polygon.intersection(box(360 * k - 180, -90, 360 * k + 180, 90)), -360 * k)) for k in (-1, 0, 1)
    ]
    return shapely.unary_union(turns)


def exteriors(geometry: BaseGeometry) -> list[shapely.LinearRing]:
    """Exterior rings of all polygons."""
    return [part.exterior for part in shapely.get_parts(geometry)]


def same_area(first: BaseGeometry, second: BaseGeometry) -> bool:
    """True when two plane geometries cover the same ground but for the seventh decimal."""
    return bool(first.symmetric_difference(second).area < 1e-5)


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


def square(half: float, x: float = 0, y: float = 0) -> Corners:
    """A square ring in a plane, unclosed on purpose, clockwise."""
    return [(x - half, y - half), (x - half, y + half), (x + half, y + half), (x + half, y - half)]


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


def test_outline_whose_last_points_nearly_coincide_is_cut() -> None:
    """A closing point a fraction of a millimetre off the first does not spoil the cut at 180°."""
    footprint = footprint_from_corners([*SQUARE_AT_180, (179.5 + 5e-9, 10.0)])
    assert footprint_bbox(footprint) == pytest.approx((179.5, 10, -179.5, 11), abs=1e-6)
    assert same_area(footprint, cut_by_boxes(box(179.5, 10, 180.5, 11)))


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


def test_image_over_the_antimeridian_is_mapped_unwrapped() -> None:
    """The middle of an image from 179.5 to -179.5 lies at 180, not at 0."""
    image = [(0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0)]
    [(ring, _)] = ground_from_image([([(5, 5), (10, 5), (10, 10)], [])], image, SQUARE_AT_180)
    assert ring[0] == pytest.approx([180, 10.5])
    assert footprint_bbox(footprint_from_rings([(ring, [])], 4326))[2] == pytest.approx(-179.5)


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


def test_union_over_the_antimeridian_joins_both_sides() -> None:
    """Two crossing squares side by side become one region with one piece on each side."""
    upper = footprint_from_corners([(179.5, 11), (-179.5, 11), (-179.5, 12), (179.5, 12)])
    union = union_footprints([footprint_from_corners(SQUARE_AT_180), upper])
    assert footprint_bbox(union) == (179.5, 10, -179.5, 12)
    assert len(shapely.get_parts(union)) == 2


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
