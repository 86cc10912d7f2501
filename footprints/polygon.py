"""Footprints from corners and from rings; their repair, bounding box and union.

A footprint is a valid Polygon or MultiPolygon in WGS 84 degrees, longitude first, with the winding of RFC 7946, and cut
at the antimeridian; a cap over a pole reaches latitude ±90 along ±180.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import TypeGuard

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from footprints.errors import CrsError, EmptyFootprintError, RingError
from footprints.overlap import area_km2
from footprints.simplification import vertex_count, within_size
from footprints.wrapping import (
    SLIVER_WIDTH_DEG,
    Region,
    Ring,
    checked_ring,
    cut,
    polygon_parts,
    polygons_only,
    region_of_polygon,
    region_of_ring,
    repaired,
    unwrap,
)

Points = Sequence[Sequence[float]]
RingPolygon = tuple[Points, Sequence[Points]]

# Between vertices 1 km apart, a straight projected edge deviates by a few centimetres in longitude and latitude.
_PROJECTED_EDGE_M = 1000.0
_EARTH_REACH_M = 3e7
# 1 cm: anything below is rounding of the projection.
_PRECISION_DEG = 1e-7


def footprint_from_corners(corners: Points) -> Region:
    """Footprint of an image from its corners, in any winding.

    Args:
        corners: Longitude and latitude in degrees, closed or not; longitudes in [-180, 180] or unwrapped. A step of
            more than 180° crosses the antimeridian. Poleward of 80° edges are straight on the ground.

    Raises:
        FootprintError: Fewer than three distinct points, no area, not a number, or not on the Earth.
    """
    region = region_of_ring(checked_ring(corners))
    return within_size(region, 1.0, 200) if vertex_count(region) > max(len(corners), 10) else region


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
        crs: EPSG code, URN or anything else that pyproj reads; projected or geographic.
        tolerance_m: The boundary moves at most this far in metres, unless that leaves too many vertices.
        max_vertices: Approximate limit: the tolerance is doubled until it is met, up to 5 km, and parts and holes
            smaller than 10 by 10 tolerances are dropped; the largest part stays.
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
    return _rounded(within_size(region, tolerance_m, max_vertices))


def ground_from_image(
    polygons: Iterable[RingPolygon], corners_image: Points, corners_ground: Points
) -> list[RingPolygon]:
    """Project polygons in image space to the ground bilinearly, for `footprint_from_rings` (EPSG:4326).

    For masks of images in sensor geometry, whose corners are known in both spaces; relief is ignored.

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
    """Repair a geometry into a footprint: valid, polygons only, no slivers (thinner than 0.1 m), cut and wound.

    Args:
        geometry: Longitude and latitude in degrees; longitudes beyond ±180 are wrapped and cut.

    Raises:
        FootprintError: No area is left, or a coordinate is not on the Earth.
    """
    if _is_plain(geometry):
        return geometry if geometry.exterior.is_ccw else orient(geometry)
    for polygon in polygon_parts(geometry):
        checked_ring(np.asarray(polygon.exterior.coords))
    return cut(repaired(geometry))


def footprint_as_drawn(geometry: BaseGeometry) -> Region:
    """The footprint given by a catalogue: repaired as by `valid_footprint`, and cut where the catalogue failed to.

    Args:
        geometry: Longitude and latitude in degrees. An edge of more than 180° crosses the antimeridian; one of 360°
            belongs to a box round the Earth. Heights are dropped.

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
    """Whether a geometry is certainly a footprint except for its winding, as nearly all are: a single uncut polygon."""
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
    """The boxes on both sides of the antimeridian for a box that crosses it; for any other box, the box alone.

    Args:
        bbox: West, south, east, north in degrees; west > east when it crosses the antimeridian.
    """
    west, south, east, north = bbox
    if west <= east:
        return [(west, south, east, north)]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def union_footprints(footprints: Iterable[Region]) -> Region:
    """The union of footprints, also across the antimeridian.

    Args:
        footprints: At least one footprint.

    Raises:
        EmptyFootprintError: There is none.
    """
    # All are cut at ±180, so the union in the plane is the union on the globe.
    return polygons_only(shapely.make_valid(shapely.unary_union(list(footprints))))


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
        # One member without area is no reason to refuse the mask.
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
    """West and east of the shortest arc of longitude that contains all intervals: the complement of the widest gap."""
    ordered = intervals[np.argsort(intervals[:, 0])]
    starts, ends = ordered[:, 0], np.maximum.accumulate(ordered[:, 1])
    gaps = np.append(starts[1:], starts[0] + 360) - ends
    widest = int(gaps.argmax()) if gaps.max() > gaps[-1] else len(gaps) - 1
    return float(starts[(widest + 1) % len(starts)]), float(ends[widest])
