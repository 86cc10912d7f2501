"""The footprint of a product: its region-of-interest mask where usable, else its extent."""

from __future__ import annotations

from dataclasses import dataclass

from footprints import FootprintError, Region, area_km2, footprint_from_rings
from harvester.dimap.delivery import Delivery
from harvester.dimap.frame import Frame
from harvester.dimap.masks import read_mask
from harvester.errors import UnreadableScene

#: SURFACE_AREA agrees with the mask within 0.1 %; beyond this tolerance one of the two is of another product.
_AREA_TOLERANCE = 0.05


@dataclass(frozen=True)
class Outline:
    """The footprint and where it comes from."""

    region: Region  #: WGS 84, cut at the antimeridian
    origin: str  #: "roi-mask" or "extent"
    warnings: tuple[str, ...] = ()


def outline_of_delivery(delivery: Delivery, frame: Frame, surface_area_km2: float | None) -> Outline:
    """The outline of a DIMAP 2 product; an unusable mask gives a warning."""
    if delivery.roi is None:
        return Outline(frame.extent, "extent", _missing_mask(delivery))
    mask_path = delivery.path_of(delivery.links.roi or "ROI mask")
    try:
        region = _mask_region(delivery.roi, mask_path, frame)
    except (UnreadableScene, FootprintError) as error:
        warning = f"the region-of-interest mask is not usable, the extent stands in for it ({error})"
        return Outline(frame.extent, "extent", (warning,))
    return Outline(region, "roi-mask", _area_warning(region, surface_area_km2))


def _missing_mask(delivery: Delivery) -> tuple[str, ...]:
    if delivery.links.roi is None:
        return ()
    path = delivery.path_of(delivery.links.roi)
    return (f"the region-of-interest mask {path} is not delivered, the extent stands in for it",)


def _mask_region(data: bytes, name: str, frame: Frame) -> Region:
    mask = read_mask(data, name)
    if not mask.polygons:
        raise UnreadableScene(f"{name}: the mask has no polygon")
    region = footprint_from_rings(*frame.on_ground(mask, name))
    frame.check_overlap(region, name)
    return region


def _area_warning(region: Region, surface_area_km2: float | None) -> tuple[str, ...]:
    if not surface_area_km2:
        return ()
    area = area_km2(region)
    if abs(area / surface_area_km2 - 1) <= _AREA_TOLERANCE:
        return ()
    return (f"the region-of-interest mask covers {area:.1f} km², SURFACE_AREA says {surface_area_km2:.1f} km²",)
