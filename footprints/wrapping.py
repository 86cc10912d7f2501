"""From rings of longitudes and latitudes on the sphere to plane regions within [-180, 180], cut at the antimeridian.

A region is a Polygon or MultiPolygon as in RFC 7946. Holes are separate regions that are subtracted: the `antimeridian`
library is only ever given one simple ring, as it refuses a hole that crosses 180°.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import floor

import antimeridian
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from shapely import MultiPolygon, Point, Polygon
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from footprints.errors import EmptyFootprintError, RingError

Region = Polygon | MultiPolygon
Ring = npt.NDArray[np.float64]

#: Regions thinner than this on average are artefacts of arithmetic: 0.1 m.
SLIVER_WIDTH_DEG = 1e-6

#: Poleward of this an edge of an image is far from straight in longitude and latitude: rings are drawn in a polar
#: plane, where edges are straight as on the ground, and sampled finely enough for a metre at 10 km from the pole.
POLAR_LAT_DEG = 80.0
_POLAR_PLANE_END_DEG = 60.0
_POLAR_STEP_M = 500.0
_POLAR_STEPS = 400
_POLE_RADIUS_M = 10.0
_POLAR_DECIMALS = 9

# 5 cm: within 1.8e-7 the library counts a point as on the antimeridian, and slivers are thinner than 1e-6.
_OFF_CUT_DEG = 5e-7

# With more, following each line from crossing to crossing takes seconds, and minutes for 500 vertices.
_MOST_TRACED_VERTICES = 100


def checked_ring(points: Sequence[Sequence[float]] | Ring) -> Ring:
    """The distinct points of a ring, unclosed, as an array of longitude and latitude.

    Args:
        points: Longitude (-360 to 540, so wrapped, unwrapped or 0-360) and latitude in degrees; more columns are
            ignored.

    Raises:
        RingError: A point is not a number or not on the Earth, or fewer than three are distinct.
    """
    ring = _numbers(points)
    if not np.isfinite(ring).all():
        raise RingError("A coordinate is not a finite number; leave the point out or use another source.")
    _check_degrees(ring)
    ring = ring[np.any(ring != np.roll(ring, 1, axis=0), axis=1)]
    if len(np.unique(ring, axis=0)) < 3:
        raise RingError("It has fewer than 3 distinct points; give at least a triangle.")
    return ring


def region_of_ring(ring: Ring) -> Region:
    """The region enclosed by a ring, in any winding, across the antimeridian or a pole if need be.

    A step of more than 180° in longitude counts as crossing the antimeridian. Four corners in bow-tie order stand for
    the quadrilateral that they span.

    Args:
        ring: As from `checked_ring`.

    Raises:
        RingError: The ring goes round the Earth on both sides of the equator.
        EmptyFootprintError: It encloses no area.
    """
    unwrapped = unwrap(ring)
    encloses_pole = abs(_step_sum(unwrapped)) > 180
    lat = np.abs(ring[:, 1])
    one_side = bool((ring[:, 1] > 0).all() or (ring[:, 1] < 0).all())
    if encloses_pole and not one_side:
        raise RingError("It goes round the Earth across the equator, so which pole it encloses cannot be told.")
    if encloses_pole or (one_side and lat.max() > POLAR_LAT_DEG and lat.min() > _POLAR_PLANE_END_DEG):
        return _polar_region(ring)
    return cut(simple_polygons(unwrapped))


def region_of_polygon(exterior: Ring, holes: Iterable[Region]) -> Region:
    """The region of an exterior ring minus its holes.

    Args:
        exterior: As from `checked_ring`.
        holes: Regions to subtract.

    Raises:
        EmptyFootprintError: Nothing is left.
    """
    region = region_of_ring(exterior)
    for hole in holes:
        region = polygons_only(region.difference(hole))
    return region


def unwrap(ring: Ring) -> Ring:
    """The ring with every longitude within 180° of the previous one, hence beyond ±180 where it crosses."""
    lon = ring[:, 0]
    steps = _short_steps(np.diff(lon))
    return np.column_stack([np.concatenate([lon[:1], lon[0] + np.cumsum(steps)]), ring[:, 1]])


def cut(geometry: BaseGeometry) -> Region:
    """A plane geometry of unwrapped longitudes as a region within [-180, 180], with the winding of RFC 7946.

    Args:
        geometry: Valid in the plane; parts other than polygons are dropped.

    Raises:
        EmptyFootprintError: Nothing is left.
    """
    pieces = [_cut_polygon(part) for part in polygon_parts(geometry)]
    return polygons_only(shapely.unary_union(pieces))


def polygons_only(geometry: BaseGeometry) -> Region:
    """The polygons of a geometry that are more than slivers, counter-clockwise, with clockwise holes.

    Raises:
        EmptyFootprintError: Nothing is left.
    """
    parts = [orient(_without_slivers(part)) for part in polygon_parts(geometry) if not _is_sliver(part)]
    if not parts:
        raise EmptyFootprintError("Its points lie on a line, or only slivers are left; check their order and unit.")
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def polygon_parts(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons in a geometry of any kind, including nested collections."""
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    return [polygon for part in getattr(geometry, "geoms", ()) for polygon in polygon_parts(part)]


def joined(region: Region) -> Region:
    """A region with its pieces on both sides of the antimeridian joined, longitudes up to 540.

    A cap, which spans all longitudes, stays as it is.
    """
    parts = polygon_parts(region)
    touches_east = any(part.bounds[2] == 180 for part in parts)
    if not touches_east:
        return region
    shifted = [translate(part, xoff=360) if _starts_at_antimeridian(part) else part for part in parts]
    return polygons_only(shapely.unary_union(shifted))


def simple_polygons(points: Ring) -> BaseGeometry:
    """The valid plane polygons of one ring, with self-intersections repaired.

    Args:
        points: A ring in any plane, unclosed.
    """
    polygon = Polygon(points)
    if polygon.is_valid:
        return polygon
    # Two edges of a quadrilateral cross only when its corners are in convex position: the hull is the right order.
    return polygon.convex_hull if len(points) == 4 else repaired(polygon)


def repaired(geometry: BaseGeometry) -> BaseGeometry:
    """A plane geometry made valid.

    What an invalid ring encircles twice is outside, as maps draw it; with more than 100 vertices, it is inside.
    """
    if shapely.get_num_coordinates(geometry) > _MOST_TRACED_VERTICES and not geometry.is_valid:
        return shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    return shapely.make_valid(geometry)


def _numbers(points: Sequence[Sequence[float]] | Ring) -> Ring:
    try:
        ring = np.asarray([point[:2] for point in points], dtype=np.float64)
    except (TypeError, ValueError, IndexError) as error:
        raise RingError("Each point must be two numbers: longitude, latitude.") from error
    if ring.ndim != 2 or ring.shape[1] != 2:
        raise RingError("It has no points of two numbers; give longitude and latitude of at least three.")
    return ring


def _check_degrees(ring: Ring) -> None:
    lon, lat = ring.T
    if np.abs(lat).max() > 90:
        raise RingError(f"Latitude {lat[np.abs(lat).argmax()]} is beyond ±90; are the axes swapped or projected?")
    if lon.min() < -360 or lon.max() > 540:
        raise RingError(f"Longitudes {lon.min()} to {lon.max()} are beyond -360 to 540; are they projected?")


def _short_steps(steps: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(np.abs(steps) > 180, steps - 360 * np.round(steps / 360), steps)


def _step_sum(unwrapped: Ring) -> float:
    lon = unwrapped[:, 0]
    closing = _short_steps(np.array([lon[0] - lon[-1]]))[0]
    return float(lon[-1] - lon[0] + closing)


def _is_sliver(polygon: Polygon) -> bool:
    return bool(2 * polygon.area < SLIVER_WIDTH_DEG * polygon.exterior.length)


def _without_slivers(polygon: Polygon) -> Polygon:
    return Polygon(polygon.exterior, [hole for hole in polygon.interiors if not _is_sliver(Polygon(hole))])


def _starts_at_antimeridian(polygon: Polygon) -> bool:
    west, _, east, _ = polygon.bounds
    return bool(west == -180 and east < 180)


def _cut_polygon(polygon: Polygon) -> Region:
    rings = [_cut_ring(Polygon(ring)) for ring in (polygon.exterior, *polygon.interiors)]
    region = rings[0]
    for hole in rings[1:]:
        region = polygons_only(region.difference(hole))
    return region


def _cut_ring(polygon: Polygon) -> Region:
    west, _, east, _ = polygon.bounds
    if west >= -180 and east <= 180:
        return polygon
    turns = floor((west + 180) / 360)
    moved = orient(translate(polygon, xoff=-360 * turns) if turns else polygon)
    return moved if moved.bounds[2] <= 180 else _split_at_antimeridian(moved)


def _split_at_antimeridian(polygon: Polygon) -> Region:
    # The library drops the closing point of a ring whose last two points nearly coincide.
    ring = np.asarray(shapely.remove_repeated_points(polygon, _OFF_CUT_DEG / 5).exterior.coords)[:-1]
    wrapped = Polygon(_wrapped(np.column_stack([_off_the_cut(ring[:, 0]), ring[:, 1]])))
    # Edges of GeoJSON are straight in the plane, so the cut is too.
    region: Region = antimeridian.fix_polygon(wrapped, fix_winding=True, great_circle=False)
    return polygons_only(shapely.make_valid(region))


def _off_the_cut(lon: Ring) -> Ring:
    # The library mistakes some vertices exactly on the antimeridian for crossings. One where the ring only touches it
    # from the east must stay there: otherwise the ring would cross twice in one place.
    is_on_cut = np.isclose(lon, 180.0, rtol=0, atol=_OFF_CUT_DEG)
    is_from_east = np.minimum(np.roll(lon, 1), np.roll(lon, -1)) > 180.0 + _OFF_CUT_DEG
    return np.where(is_on_cut, 180.0 + np.where(is_from_east, _OFF_CUT_DEG, -_OFF_CUT_DEG), lon)


def _wrapped(ring: Ring) -> Ring:
    lon = ring[:, 0]
    return np.column_stack([np.where(lon > 180, lon - 360, lon), ring[:, 1]])


def _polar_region(ring: Ring) -> Region:
    plane = _polar_plane(north=bool(ring[0, 1] > 0))
    x, y = plane.transform(ring[:, 0], ring[:, 1])
    area = simple_polygons(np.column_stack([x, y]))
    if area.boundary.distance(Point(0, 0)) < _POLE_RADIUS_M:
        # Exactly at the pole no longitude is defined: the pole is included.
        area = area.union(Point(0, 0).buffer(_POLE_RADIUS_M))
    return polygons_only(shapely.unary_union([_from_polar(part, plane) for part in polygon_parts(area)]))


def _from_polar(polygon: Polygon, plane: Transformer) -> Region:
    regions = [_ring_from_polar(Polygon(ring), plane) for ring in (polygon.exterior, *polygon.interiors)]
    return polygons_only(regions[0].difference(shapely.unary_union(regions[1:])))


def _ring_from_polar(polygon: Polygon, plane: Transformer) -> Region:
    step_m = min(_POLAR_STEP_M, polygon.exterior.length / _POLAR_STEPS)
    dense = np.asarray(orient(polygon).segmentize(step_m).exterior.coords)
    ring = np.column_stack(plane.transform(dense[:, 0], dense[:, 1], direction="INVERSE")).round(_POLAR_DECIMALS)
    if not polygon.contains(Point(0, 0)):
        return cut(simple_polygons(unwrap(ring)))
    # Counter-clockwise in the polar plane is counter-clockwise on the globe, so the library must not reverse it.
    region: Region = antimeridian.fix_polygon(Polygon(ring), fix_winding=False, great_circle=False)
    return polygons_only(shapely.make_valid(region))


def _polar_plane(*, north: bool) -> Transformer:
    latitude = 90 if north else -90
    plane = f"+proj=aeqd +lat_0={latitude} +lon_0=0 +datum=WGS84 +units=m"
    return Transformer.from_crs("EPSG:4326", plane, always_xy=True)
