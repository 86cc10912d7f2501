"""Areas on the WGS 84 ellipsoid, and the overlap of two footprints."""

from __future__ import annotations

import shapely
from pyproj import Geod
from shapely import Polygon

from footprints.wrapping import Region, polygon_parts

_WGS84 = Geod(ellps="WGS84")

# GeoJSON edges are straight in longitude and latitude, those of Geod are geodesics: with vertices every 0.1° they
# differ by about a metre at 45°, and the pieces of a polygon still add up.
_EDGE_DEG = 0.1


def area_km2(geometry: Region) -> float:
    """Geodesic area in km² on WGS 84, whatever the winding; holes are subtracted.

    Args:
        geometry: Longitudes and latitudes in degrees, cut at the antimeridian; caps reach down to latitude ±90.

    Returns:
        The area, 0 for an empty geometry.
    """
    return sum(_polygon_area_km2(polygon) for polygon in polygon_parts(geometry))


def overlap_km2(a: Region, b: Region) -> float:
    """Geodesic area in km² of the overlap of two footprints; 0 where they only touch.

    Args:
        a: A valid footprint, degrees, cut at the antimeridian.
        b: Another one.
    """
    return sum(_polygon_area_km2(part) for part in polygon_parts(a.intersection(b)))


def overlap_fraction(a: Region, b: Region) -> float:
    """Shared area as a fraction of the smaller footprint, 0 to 1; 0 when one of them is empty.

    Args:
        a: A valid footprint, degrees, cut at the antimeridian.
        b: Another one.
    """
    smaller = min(area_km2(a), area_km2(b))
    return min(overlap_km2(a, b) / smaller, 1.0) if smaller > 0 else 0.0


def _polygon_area_km2(polygon: Polygon) -> float:
    dense = shapely.segmentize(polygon, _EDGE_DEG)
    if not polygon.interiors:
        return _ring_area_km2(dense)
    holes = sum(map(_ring_area_km2, dense.interiors))
    return max(_ring_area_km2(dense.exterior) - holes, 0.0)


def _ring_area_km2(ring: shapely.LinearRing | Polygon) -> float:
    lon, lat = shapely.get_coordinates(ring).T
    area_m2, _ = _WGS84.polygon_area_perimeter(lon, lat)
    return float(abs(area_m2)) / 1e6
