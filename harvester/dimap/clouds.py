"""The clouds in an image, from the cloud mask of its product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import cos, radians

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from pyproj.exceptions import ProjError
from shapely import MultiPolygon, Polygon
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from footprints import FootprintError, polygon_parts, repaired, valid_footprint
from harvester.dimap.delivery import Delivery
from harvester.dimap.frame import Corner, Frame
from harvester.dimap.masks import read_mask
from harvester.errors import UnreadableScene

Numbers = npt.NDArray[np.float64]

#: Types of members of a cloud mask that are not clouds.
_NO_CLOUDS = ("SHADOW", "HAZE")
#: How far an edge may move. Vendors draw clouds along cells of some 20 m to 100 m, so the smallest clouds stay. The
#: cloud share of genuine masks changes by less than 0.1 points; with 50 m it would by up to 0.8.
_TOLERANCE_M = 20.0
#: About 100 kB stored with the Item. Genuine masks have up to 136 clouds and 2600 vertices.
_MOST_CLOUDS = 500
_MOST_VERTICES = 4000
#: 11 cm: less than a pixel.
_PRECISION_DEG = 1e-6
_DEGREE_M = 111_195.0


@dataclass(frozen=True)
class Clouds:
    """Where the clouds are."""

    region: MultiPolygon | None  #: WGS 84; empty where the mask has none, None where there is no usable mask
    warnings: tuple[str, ...] = ()


def clouds_of_delivery(delivery: Delivery, frame: Frame) -> Clouds:
    """The clouds in a DIMAP 2 product; an unusable mask gives a warning."""
    unread = delivery.unread.get("clouds")
    if unread is not None:
        return Clouds(None, (_not_usable(unread),))
    if delivery.clouds is None:
        return Clouds(None)
    try:
        return Clouds(_region(delivery.clouds, delivery.path_of(delivery.links.clouds or "cloud mask"), frame))
    except (UnreadableScene, FootprintError, ShapelyError) as error:
        return Clouds(None, (_not_usable(error),))


def _not_usable(reason: object) -> str:
    return f"the cloud mask is not usable, where the clouds are is not known ({reason})"


def _region(data: bytes, name: str, frame: Frame) -> MultiPolygon:
    mask = read_mask(data, name, leaving_out=_NO_CLOUDS)
    if not mask.polygons:
        return MultiPolygon()
    polygons, crs = frame.on_ground(mask, name)
    members = [repaired(Polygon(exterior, holes)) for exterior, holes in polygons]
    plane = _Plane(frame.corners[0], crs)
    try:
        clouds = shapely.transform(polygon_parts(shapely.union_all(members)), plane.metres)
    except ProjError as error:
        raise UnreadableScene(f"{name}: the mask is outside the reference system of the product ({error})") from error
    region = _rounded(shapely.transform(_simplified(clouds), plane.degrees))
    if region.is_empty:
        raise UnreadableScene(f"{name}: no member of the mask has an area")
    frame.check_overlap(region, name)
    return region


def _simplified(clouds: Iterable[Polygon]) -> BaseGeometry:
    """Clouds, in metres, with edges moved by no more than is needed to have few enough vertices."""
    largest = sorted(clouds, key=lambda cloud: -cloud.area)[:_MOST_CLOUDS]
    tolerance_m = _TOLERANCE_M
    while True:
        whole = MultiPolygon([_without_small_holes(cloud, tolerance_m**2) for cloud in largest])
        simple = whole.simplify(tolerance_m)
        if shapely.get_num_coordinates(simple) <= _MOST_VERTICES:
            return simple
        tolerance_m *= 2


def _without_small_holes(cloud: Polygon, smallest_m2: float) -> Polygon:
    if not cloud.interiors:
        return cloud
    return Polygon(cloud.exterior, [hole for hole in cloud.interiors if Polygon(hole).area >= smallest_m2])


def _rounded(region: BaseGeometry) -> MultiPolygon:
    """A region within ±180°, with GeoJSON's winding and rounded coordinates.

    It stays valid, whereas rounding each number by itself could make edges cross.
    """
    west, _, east, _ = region.bounds
    whole = valid_footprint(region) if west < -180 or east > 180 else region
    snapped = shapely.set_precision(shapely.make_valid(whole), _PRECISION_DEG)
    # The normal form has the opposite winding.
    return MultiPolygon(polygon_parts(shapely.reverse(shapely.normalize(snapped))))


class _Plane:
    """Metres east and north of a corner of the image, exact enough for a tolerance; degrees are unwrapped around it."""

    def __init__(self, corner: Corner, crs: str) -> None:
        """Set the origin at a corner, for coordinates in a reference system."""
        self._origin = np.array([(corner.lon + 180) % 360 - 180, corner.lat])
        self._scale = np.array([max(cos(radians(corner.lat)), 0.01), 1.0]) * _DEGREE_M
        self._transformer = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)

    def metres(self, points: Numbers) -> Numbers:
        lon, lat = self._transformer.transform(points[:, 0], points[:, 1], errcheck=True)
        east, north = (lon - self._origin[0] + 180) % 360 - 180, lat - self._origin[1]
        return np.column_stack([east, north]) * self._scale

    def degrees(self, points: Numbers) -> Numbers:
        return self._origin + points / self._scale
