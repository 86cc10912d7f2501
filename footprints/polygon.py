"""Footprints from corners and from rings, their repair, box, union and simplification.

A footprint is a Polygon or MultiPolygon in WGS 84, longitude first, degrees, valid, wound as RFC 7946 wants and cut at
the antimeridian; a cap over a pole reaches latitude ±90 along ±180.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from math import cos, radians
from typing import TypeGuard

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely import MultiPolygon, Polygon
from shapely.affinity import scale
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from footprints.errors import CrsError, EmptyFootprintError, RingError
from footprints.overlap import area_km2
from footprints.wrapping import (
    SLIVER_WIDTH_DEG,
    Region,
    Ring,
    checked_ring,
    cut,
    joined,
    polygon_parts,
    polygons_only,
    region_of_polygon,
    region_of_ring,
    repaired,
    unwrap,
)

Points = Sequence[Sequence[float]]
RingPolygon = tuple[Points, Sequence[Points]]

# Between vertices 1 km apart a straight edge of a projection bends by a few centimetres in longitude and latitude.
_PROJECTED_EDGE_M = 1000.0
_EARTH_REACH_M = 3e7
# A degree is nowhere longer than at the pole, on either axis.
_LONGEST_DEGREE_M = 111_694.0
_RAISE_TOLERANCE = 2.0
_LARGEST_TOLERANCE_M = 5000.0
# When there are too many vertices, parts and holes of less than 10 by 10 tolerances go first.
_DETAIL_IN_TOLERANCES = 10.0
# 1 cm: what lies below is arithmetic of the projection.
_PRECISION_DEG = 1e-7


def footprint_from_corners(corners: Points) -> Region:
    """Footprint of an image from its corners, in any winding.

    Args:
        corners: Longitude and latitude in degrees, closed or not; longitudes in [-180, 180] or unwrapped. A step of
            more than 180° crosses the antimeridian. Poleward of 80° the edges are drawn straight on the ground.

    Raises:
        FootprintError: Fewer than three distinct points, no area, not a number, or not on the Earth.
    """
    region = region_of_ring(checked_ring(corners))
    return _within_size(region, 1.0, 200) if _vertex_count(region) > max(len(corners), 10) else region


def footprint_from_rings(
    polygons: Iterable[RingPolygon],
    crs: str | int,
    *,
    tolerance_m: float = 1.0,
    max_vertices: int = 200,
    min_hole_km2: float = 0.01,
) -> Region:
    """Footprint of a mask given as polygons: their union in WGS 84, simplified.

    Args:
        polygons: Exterior ring and holes of each member, x then y (longitude first) in `crs`, in any winding.
        crs: EPSG code, URN or whatever else pyproj reads; projected or geographic.
        tolerance_m: The boundary moves at most this far in metres, unless that leaves too many vertices.
        max_vertices: About how many vertices are wanted: the tolerance is doubled until they fit, up to 5 km, and parts
            and holes smaller than 10 by 10 tolerances go; the largest part stays.
        min_hole_km2: Holes smaller than this are filled.

    Raises:
        FootprintError: No member has an area, a number is missing, or the coordinates are not in `crs`.
    """
    source = _crs(crs)
    members = list(polygons)
    if source.is_projected:
        members = _united_members(members, source.axis_info[0].unit_conversion_factor)
    transformer = Transformer.from_crs(source, "EPSG:4326", always_xy=True)
    region = union_footprints(_regions(members, transformer, min_hole_km2))
    return _rounded(_within_size(region, tolerance_m, max_vertices))


def ground_from_image(
    polygons: Iterable[RingPolygon], corners_image: Points, corners_ground: Points
) -> list[RingPolygon]:
    """Polygons in image space brought to the ground bilinearly, as `footprint_from_rings` takes them (EPSG:4326).

    For masks of images in sensor geometry, whose corners are known in both spaces; relief within is left out.

    Args:
        polygons: Exterior ring and holes of each member, column then row.
        corners_image: Column and row of the four corners, in any order, in the convention of the polygons.
        corners_ground: Longitude and latitude of the same corners in degrees; may cross the antimeridian.

    Returns:
        The same polygons in longitude and latitude, unwrapped where they cross the antimeridian.

    Raises:
        RingError: There are not four distinct corners in general position in both spaces.
    """
    image = np.asarray(corners_image, dtype=np.float64)
    if image.shape != (4, 2) or len(corners_ground) != 4:
        raise RingError("Four corners are needed in the image (column, row) and on the ground (longitude, latitude).")
    origin, size = image.min(axis=0), np.ptp(image, axis=0)
    ground = unwrap(checked_ring(corners_ground))
    if len(ground) != 4 or not size.all():
        raise RingError("The four corners must differ from each other in the image and on the ground.")
    try:
        coefficients = np.linalg.solve(_bilinear_terms((image - origin) / size), ground)
    except np.linalg.LinAlgError as error:
        raise RingError("The four corners do not span a quadrilateral in the image.") from error

    def to_ground(points: Points) -> Points:
        cells = (np.asarray(points, dtype=np.float64).reshape(-1, 2) - origin) / size
        mapped: list[list[float]] = (_bilinear_terms(cells) @ coefficients).tolist()
        return mapped

    return [(to_ground(exterior), [to_ground(hole) for hole in holes]) for exterior, holes in polygons]


def valid_footprint(geometry: BaseGeometry) -> Region:
    """A geometry repaired into a footprint: valid, polygons only, no slivers (thinner than 0.1 m), cut and wound.

    Args:
        geometry: Longitude and latitude in degrees; longitudes beyond ±180 are brought back and cut.

    Raises:
        FootprintError: No area is left, or a coordinate is not on the Earth.
    """
    if _is_plain(geometry):
        return geometry if geometry.exterior.is_ccw else orient(geometry)
    for polygon in polygon_parts(geometry):
        checked_ring(np.asarray(polygon.exterior.coords))
    return cut(repaired(geometry))


def footprint_as_drawn(geometry: BaseGeometry) -> Region:
    """The footprint that a catalogue draws: repaired as by `valid_footprint`, and cut where the catalogue forgot to.

    Args:
        geometry: Longitude and latitude in degrees. An edge of more than 180° crosses the antimeridian; one of 360° is
            that of a box round the Earth. Heights are left out.

    Raises:
        FootprintError: No area is left, or a coordinate is not on the Earth.
    """
    flat = shapely.force_2d(geometry) if geometry.has_z else geometry
    west, _, east, _ = flat.bounds
    if not east - west > 180 or not any(map(_is_uncut, polygon_parts(flat))):  # an empty one has no bounds
        return valid_footprint(flat)
    return union_footprints(
        _cut_as_meant(part) if _is_uncut(part) else valid_footprint(part) for part in polygon_parts(flat)
    )


def _is_uncut(polygon: Polygon) -> bool:
    steps = np.abs(np.diff(shapely.get_coordinates(polygon.exterior)[:, 0]))
    return bool(((steps > 180) & (steps < 360)).any())


def _cut_as_meant(polygon: Polygon) -> Region:
    exterior, *holes = (shapely.get_coordinates(ring).tolist() for ring in (polygon.exterior, *polygon.interiors))
    return footprint_from_rings([(exterior, holes)], 4326) if holes else footprint_from_corners(exterior)


def _is_plain(geometry: BaseGeometry) -> TypeGuard[Polygon]:
    """Whether a geometry is for certain a footprint but for its winding, as nearly all are: one polygon on the map."""
    if not isinstance(geometry, Polygon) or geometry.interiors or not geometry.is_valid:
        return False
    west, south, east, north = geometry.bounds
    is_in_world = west >= -180 and east <= 180 and south >= -90 and north <= 90
    return bool(is_in_world and 2 * geometry.area >= SLIVER_WIDTH_DEG * geometry.length)


def footprint_bbox(geometry: Region) -> tuple[float, float, float, float]:
    """West, south, east, north of the smallest box, in degrees; west > east when it crosses the antimeridian.

    Args:
        geometry: A footprint. One that encloses a pole gives -180 and 180.

    Raises:
        EmptyFootprintError: The geometry is empty.
    """
    parts = polygon_parts(geometry)
    if not parts:
        raise EmptyFootprintError("An empty geometry has no box.")
    if len(parts) == 1:
        return parts[0].bounds
    bounds = np.array([part.bounds for part in parts])
    west, east = _smallest_arc(bounds[:, [0, 2]])
    return west, float(bounds[:, 1].min()), east, float(bounds[:, 3].max())


def bbox_parts(bbox: Sequence[float]) -> list[tuple[float, float, float, float]]:
    """The boxes on both sides of the antimeridian that a box over it has; any other box is its own only part.

    Args:
        bbox: West, south, east, north in degrees; west > east when it crosses the antimeridian.
    """
    west, south, east, north = bbox
    if west <= east:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def union_footprints(footprints: Iterable[Region]) -> Region:
    """The union of footprints, over the antimeridian too.

    Args:
        footprints: At least one footprint.

    Raises:
        EmptyFootprintError: There is none.
    """
    # All are cut at ±180, so the union in the plane is the union on the globe.
    return polygons_only(shapely.make_valid(shapely.unary_union(list(footprints))))


def simplify_footprint(geometry: Region, tolerance_m: float) -> Region:
    """A footprint with fewer vertices, whose boundary has moved by at most the tolerance.

    Distances are those between straight edges in longitude and latitude, as GeoJSON draws them; degrees of longitude
    are taken as long as at the latitude nearest to the equator, so the true distance is never above the tolerance.

    Args:
        geometry: A footprint.
        tolerance_m: Metres, 0 or more.

    Raises:
        FootprintError: Nothing is left.
    """
    whole = joined(geometry)
    _, south, _, north = whole.bounds
    nearest_to_equator = 0.0 if south <= 0 <= north else min(abs(south), abs(north))
    x_scale = _LONGEST_DEGREE_M * max(cos(radians(nearest_to_equator)), 1e-6)
    plane = scale(whole, x_scale, _LONGEST_DEGREE_M, origin=(0, 0))
    simple = scale(_simplified(plane, tolerance_m), 1 / x_scale, 1 / _LONGEST_DEGREE_M, origin=(0, 0))
    return cut(shapely.make_valid(_snapped(simple)))


def _simplified(plane: BaseGeometry, tolerance_m: float) -> BaseGeometry:
    simple = plane.simplify(tolerance_m)
    outline = simple.boundary
    shapely.prepare(outline)
    # GEOS takes off the first point of a ring last of all, which moves the edges beside it once more.
    is_near = shapely.dwithin(outline, shapely.points(shapely.get_coordinates(plane)), tolerance_m * (1 + 1e-9))
    return simple if is_near.all() else plane.simplify(tolerance_m / 2)


def _snapped(geometry: BaseGeometry) -> BaseGeometry:
    # Scaling there and back moves ±180 and ±90 by the last digit, which would make a second cut.
    return shapely.transform(geometry, _snapped_points)


def _snapped_points(points: Ring) -> Ring:
    at_end = np.abs(np.abs(points) - [180.0, 90.0]) < 1e-9
    return np.where(at_end, np.round(points), points)


def _within_size(region: Region, tolerance_m: float, max_vertices: int) -> Region:
    simple = simplify_footprint(region, tolerance_m)
    while _vertex_count(simple) > max_vertices and tolerance_m < _LARGEST_TOLERANCE_M:
        tolerance_m = max(tolerance_m, 0.1) * _RAISE_TOLERANCE
        region = _without_details(region, (_DETAIL_IN_TOLERANCES * tolerance_m) ** 2 / 1e6)
        simple = simplify_footprint(region, tolerance_m)
    return simple


def _without_details(region: Region, min_km2: float) -> Region:
    largest, *others = sorted(polygon_parts(region), key=lambda part: -part.area)
    kept = [largest, *(part for part in others if area_km2(part) >= min_km2)]
    return polygons_only(MultiPolygon([_without_small_holes(part, min_km2) for part in kept]))


def _without_small_holes(polygon: Polygon, min_km2: float) -> Polygon:
    return Polygon(polygon.exterior, [hole for hole in polygon.interiors if area_km2(Polygon(hole)) >= min_km2])


def _vertex_count(geometry: BaseGeometry) -> int:
    return int(shapely.get_num_coordinates(geometry))


def _rounded(region: Region) -> Region:
    return polygons_only(shapely.set_precision(region, _PRECISION_DEG))


def _crs(crs: str | int) -> CRS:
    try:
        return CRS.from_user_input(crs)
    except ProjError as error:
        raise CrsError(f"{crs!r} is not a reference system that pyproj knows; give an EPSG code.") from error


def _united_members(members: Sequence[RingPolygon], unit_m: float) -> list[RingPolygon]:
    united = shapely.unary_union([_plane_polygon(member) for member in members])
    reach_m = max(map(abs, united.bounds), default=0) * unit_m
    if reach_m > _EARTH_REACH_M:
        raise CrsError(f"Coordinates reach {reach_m:.3g} m, more than any projection of the Earth; check their unit.")
    return [_member(polygon) for polygon in polygon_parts(united.segmentize(_PROJECTED_EDGE_M / unit_m))]


def _plane_polygon(member: RingPolygon) -> BaseGeometry:
    exterior, holes = member
    try:
        return repaired(Polygon(np.asarray(exterior), [np.asarray(hole) for hole in holes]))
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise RingError(f"A polygon of the mask is not made of rings of x and y: {error}.") from error


def _member(polygon: Polygon) -> RingPolygon:
    return np.asarray(polygon.exterior.coords).tolist(), [np.asarray(h.coords).tolist() for h in polygon.interiors]


def _regions(members: Iterable[RingPolygon], transformer: Transformer, min_hole_km2: float) -> Iterator[Region]:
    for exterior, holes in members:
        # A member without area beside others is no reason to refuse the mask.
        with suppress(EmptyFootprintError):
            yield region_of_polygon(_to_wgs84(exterior, transformer), _holes(holes, transformer, min_hole_km2))


def _holes(rings: Iterable[Points], transformer: Transformer, min_hole_km2: float) -> Iterator[Region]:
    for ring in rings:
        with suppress(EmptyFootprintError):
            region = region_of_ring(_to_wgs84(ring, transformer))
            if area_km2(region) >= min_hole_km2:
                yield region


def _to_wgs84(points: Points, transformer: Transformer) -> Ring:
    ring = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    try:
        lon, lat = transformer.transform(ring[:, 0], ring[:, 1], errcheck=True)
    except ProjError as error:
        raise CrsError(f"Points near {ring[:1].tolist()} are outside their reference system ({error}).") from error
    return checked_ring(np.column_stack([lon, lat]))


def _bilinear_terms(cells: Ring) -> Ring:
    u, v = cells.T
    return np.column_stack([np.ones_like(u), u, v, u * v])


def _smallest_arc(intervals: Ring) -> tuple[float, float]:
    """West and east of the shortest arc of longitude that holds all intervals: the complement of the widest gap."""
    ordered = intervals[np.argsort(intervals[:, 0])]
    starts, ends = ordered[:, 0], np.maximum.accumulate(ordered[:, 1])
    gaps = np.append(starts[1:], starts[0] + 360) - ends
    widest = int(gaps.argmax()) if gaps.max() > gaps[-1] else len(gaps) - 1
    return float(starts[(widest + 1) % len(starts)]), float(ends[widest])
