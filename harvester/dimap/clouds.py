"""The clouds in an image, as the cloud mask of its product tells them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from footprints import FootprintError, Region, footprint_from_rings
from harvester.dimap.delivery import Delivery
from harvester.dimap.frame import Frame
from harvester.dimap.masks import RingPolygon, read_mask
from harvester.errors import UnreadableScene

#: What members of a cloud mask may be that are no clouds.
_NO_CLOUDS = ("SHADOW", "HAZE")
#: Vendors draw clouds along cells of some 20 m to 100 m: so far an edge may move, and the smallest clouds stay. The
#: share of cloud in the genuine masks moves by less than 0.1 points; at 50 m it would by up to 0.8.
_TOLERANCE_M = 20.0
#: About 100 kB beside the Item, and a second of work. Genuine masks have up to 136 members and 2600 vertices.
_MOST_MEMBERS = 500
_MOST_VERTICES = 4000
#: 11 cm: less than a pixel.
_PRECISION_DEG = 1e-6


@dataclass(frozen=True)
class Clouds:
    """Where the clouds are."""

    region: MultiPolygon | None  #: WGS 84; empty where the mask has none, None where there is no mask to be used
    warnings: tuple[str, ...] = ()


def clouds_of_delivery(delivery: Delivery, frame: Frame) -> Clouds:
    """The clouds in a DIMAP 2 product; a mask that cannot be used is told in a warning."""
    unread = delivery.unread.get("clouds")
    if unread is not None:
        return Clouds(None, (_not_usable(unread),))
    if delivery.clouds is None:
        return Clouds(None)
    try:
        return Clouds(_region(delivery.clouds, delivery.path_of(delivery.links.clouds or "cloud mask"), frame))
    except (UnreadableScene, FootprintError) as error:
        return Clouds(None, (_not_usable(error),))


def _not_usable(reason: object) -> str:
    return f"the cloud mask is not usable, where the clouds are is not known ({reason})"


def _region(data: bytes, name: str, frame: Frame) -> MultiPolygon:
    mask = read_mask(data, name, leaving_out=_NO_CLOUDS)
    if not mask.polygons:
        return MultiPolygon()
    largest_first = sorted(mask.polygons, key=_area, reverse=True)
    region = footprint_from_rings(
        *frame.on_ground(replace(mask, polygons=tuple(largest_first[:_MOST_MEMBERS])), name),
        tolerance_m=_TOLERANCE_M,
        max_vertices=_MOST_VERTICES,
        min_hole_km2=_TOLERANCE_M**2 / 1e6,
    )
    frame.check_overlap(region, name)
    return _rounded(region)


def _area(member: RingPolygon) -> float:
    return Polygon(member[0]).area


def _rounded(region: Region) -> MultiPolygon:
    """The region on the grid of its decimals, still valid: rounding each number for itself would let edges cross."""
    snapped = shapely.set_precision(region, _PRECISION_DEG)
    return MultiPolygon([orient(part) for part in getattr(snapped, "geoms", [snapped]) if part.area])
