"""Footprints with fewer vertices."""

from __future__ import annotations

from math import cos, radians

import numpy as np
import shapely
from shapely import MultiPolygon, Polygon
from shapely.affinity import scale
from shapely.geometry.base import BaseGeometry

from footprints.overlap import area_km2
from footprints.wrapping import Region, Ring, cut, joined, polygon_parts, polygons_only

# A degree is longest at the pole, on either axis.
_LONGEST_DEGREE_M = 111_694.0
_RAISE_TOLERANCE = 2.0
_LARGEST_TOLERANCE_M = 5000.0
# When there are too many vertices, parts and holes of less than 10 by 10 tolerances are dropped first.
_DETAIL_IN_TOLERANCES = 10.0


def simplify_footprint(geometry: Region, tolerance_m: float) -> Region:
    """A footprint with fewer vertices, whose boundary has moved by at most the tolerance.

    Distances are between straight edges in longitude and latitude, as in GeoJSON; degrees of longitude count as long as
    at the latitude nearest to the equator, so the true distance never exceeds the tolerance.

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


def within_size(region: Region, tolerance_m: float, max_vertices: int) -> Region:
    """A footprint simplified until it has few enough vertices, or the tolerance has grown to 5 km.

    Args:
        region: A footprint.
        tolerance_m: Initial tolerance in metres, 0 or more; it is doubled as often as needed.
        max_vertices: Approximate limit, over all parts and holes.
    """
    simple = simplify_footprint(region, tolerance_m)
    while vertex_count(simple) > max_vertices and tolerance_m < _LARGEST_TOLERANCE_M:
        tolerance_m = max(tolerance_m, 0.1) * _RAISE_TOLERANCE
        region = _without_details(region, (_DETAIL_IN_TOLERANCES * tolerance_m) ** 2 / 1e6)
        simple = simplify_footprint(region, tolerance_m)
    return simple


def vertex_count(geometry: BaseGeometry) -> int:
    """The number of vertices of a geometry, counting the repeated last one of each ring."""
    return int(shapely.get_num_coordinates(geometry))


def _simplified(plane: BaseGeometry, tolerance_m: float) -> BaseGeometry:
    simple = plane.simplify(tolerance_m)
    outline = simple.boundary
    shapely.prepare(outline)
    # GEOS removes the first point of a ring last, which moves the adjacent edges once more.
    is_near = shapely.dwithin(outline, shapely.points(shapely.get_coordinates(plane)), tolerance_m * (1 + 1e-9))
    return simple if is_near.all() else plane.simplify(tolerance_m / 2)


def _snapped(geometry: BaseGeometry) -> BaseGeometry:
    # Scaling and unscaling changes ±180 and ±90 in the last digit, which would make a second cut.
    return shapely.transform(geometry, _snapped_points)


def _snapped_points(points: Ring) -> Ring:
    at_end = np.abs(np.abs(points) - [180.0, 90.0]) < 1e-9
    return np.where(at_end, np.round(points), points)


def _without_details(region: Region, min_km2: float) -> Region:
    largest, *others = sorted(polygon_parts(region), key=lambda part: -part.area)
    kept = [largest, *(part for part in others if area_km2(part) >= min_km2)]
    return polygons_only(MultiPolygon([_without_small_holes(part, min_km2) for part in kept]))


def _without_small_holes(polygon: Polygon, min_km2: float) -> Polygon:
    return Polygon(polygon.exterior, [hole for hole in polygon.interiors if area_km2(Polygon(hole)) >= min_km2])
