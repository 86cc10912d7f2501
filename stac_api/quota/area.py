"""The chargeable area of interest of an order: whole square metres on the ellipsoid."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from footprints import FootprintError, Region, area_km2, union_footprints, valid_footprint

#: A country with all its islands has fewer; more is no plausible area of interest, but a load on the server.
MOST_VERTICES = 50_000


class UnusableArea(Exception):
    """The area of interest cannot be charged."""


def charged_area_m2(geometry: dict[str, Any]) -> int:
    """The geodesic area of a GeoJSON geometry on WGS 84, in whole square metres, rounded half up once.

    Overlaps count once, holes are subtracted, rings may cross each other or the antimeridian.

    Args:
        geometry: A Polygon, MultiPolygon or GeometryCollection of them; longitude first, degrees.

    Raises:
        UnusableArea: it is none of these, has no area, has too many vertices, or is not on the Earth.
    """
    try:
        with np.errstate(invalid="ignore"):  # NaN is refused below
            parts = _polygons(shape(geometry))
        region = union_footprints([_region(part) for part in parts])
    except (ShapelyError, FootprintError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnusableArea(f"The area is no polygon on the Earth in degrees: {error}") from error
    area_m2 = int((Decimal(area_km2(region)) * 1_000_000).to_integral_value(ROUND_HALF_UP))
    if area_m2 == 0:
        raise UnusableArea("The area has no extent: draw a polygon.")
    return area_m2


def _polygons(geometry: shapely.Geometry) -> list[shapely.Polygon]:
    if shapely.get_num_coordinates(geometry) > MOST_VERTICES:
        raise ValueError(f"it has more than {MOST_VERTICES} vertices; simplify it")
    parts = [each for each in shapely.get_parts(shapely.get_parts(geometry)) if each.geom_type == "Polygon"]
    if not parts:
        raise ValueError("there is no polygon in it")
    return parts


def _region(polygon: shapely.Polygon) -> Region:
    region = valid_footprint(_unwrapped(polygon.exterior))
    holes = [valid_footprint(_unwrapped(each)) for each in polygon.interiors]
    return valid_footprint(region.difference(union_footprints(holes))) if holes else region


def _unwrapped(ring: shapely.LinearRing) -> shapely.Polygon:
    # An edge across more than half the Earth is meant to take the short way, across ±180.
    points = np.asarray(ring.coords)[:, :2]
    if not np.isfinite(points).all():
        raise ValueError("a coordinate is no number")
    return shapely.Polygon(np.column_stack([np.unwrap(points[:, 0], period=360), points[:, 1]]))
