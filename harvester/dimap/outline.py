"""The footprint of a product: its region-of-interest mask where usable, else its extent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footprints import (
    FootprintError,
    Region,
    area_km2,
    footprint_from_corners,
    footprint_from_rings,
    ground_from_image,
)
from harvester.dimap.delivery import Delivery
from harvester.dimap.document import DimapDocument
from harvester.dimap.grid import Grid
from harvester.dimap.masks import MaskPolygons, read_mask
from harvester.errors import UnreadableScene

Bounds = tuple[float, float, float, float]  #: left, bottom, right, top

_WGS84 = "EPSG:4326"
#: SURFACE_AREA is that of the mask within 0.1 %; beyond this one of the two is of another product.
_AREA_TOLERANCE = 0.05
#: A mask reaches at most a pixel beyond its image; this much of the image's size is not yet damage.
_MARGIN = 0.05


@dataclass(frozen=True)
class Corner:
    """One vertex of an extent."""

    lon: float
    lat: float
    column: float | None  #: centre of the first pixel = 1
    row: float | None


@dataclass(frozen=True)
class Outline:
    """The footprint and where it comes from."""

    region: Region  #: WGS 84, cut at the antimeridian
    origin: str  #: "roi-mask" or "extent"
    warnings: tuple[str, ...] = ()


def read_corners(document: DimapDocument, path: str, prefix: str = "") -> list[Corner]:
    """The vertices at a path, whose names begin with a prefix (`FRAME_` in DIMAP 1).

    Raises:
        UnreadableScene: When there are fewer than three, or a coordinate is not on the Earth.
    """
    vertices = document.sections(path)
    if len(vertices) < 3:
        raise document.problem(path, f"has {len(vertices)} vertices; a footprint needs at least three")
    return [
        Corner(
            lon=vertex.required_number(f"{prefix}LON", -180, 360),
            lat=vertex.required_number(f"{prefix}LAT", -90, 90),
            column=vertex.number(f"{prefix}COL", -1e8, 1e8),
            row=vertex.number(f"{prefix}ROW", -1e8, 1e8),
        )
        for vertex in vertices
    ]


def outline_of_corners(document: DimapDocument, path: str, corners: Sequence[Corner]) -> Outline:
    """The outline through the vertices read at a path.

    Raises:
        UnreadableScene: When they enclose no area.
    """
    try:
        return Outline(footprint_from_corners([(corner.lon, corner.lat) for corner in corners]), "extent")
    except FootprintError as error:
        raise document.problem(path, f"is no footprint: {error}") from error


def outline_of_delivery(delivery: Delivery, grid: Grid, surface_area_km2: float | None) -> Outline:
    """The outline of a DIMAP 2 product; a mask that cannot be used is told in a warning.

    Raises:
        UnreadableScene: When not even the extent can be read.
    """
    path = "Dataset_Content/Dataset_Extent/Vertex"
    corners = read_corners(delivery.document, path)
    extent = outline_of_corners(delivery.document, path, corners)
    if delivery.roi is None:
        return Outline(extent.region, extent.origin, _missing_mask(delivery))
    mask_path = delivery.path_of(delivery.links.roi or "ROI mask")
    try:
        region = _mask_region(delivery.roi, mask_path, grid, corners)
        _check_overlap(region, extent.region, mask_path)
    except (UnreadableScene, FootprintError) as error:
        warning = f"the region-of-interest mask is not usable, the extent stands in for it ({error})"
        return Outline(extent.region, extent.origin, (warning,))
    return Outline(region, "roi-mask", _area_warning(region, surface_area_km2))


def _missing_mask(delivery: Delivery) -> tuple[str, ...]:
    if delivery.links.roi is None:
        return ()
    path = delivery.path_of(delivery.links.roi)
    return (f"the region-of-interest mask {path} is not delivered, the extent stands in for it",)


def _mask_region(data: bytes, name: str, grid: Grid, corners: Sequence[Corner]) -> Region:
    mask = read_mask(data, name)
    if not mask.in_image:
        if grid.proj_code is None or grid.bounds is None:
            raise UnreadableScene(f"{name}: the mask is on the ground, but the product has no reference system")
        _check_bounds(mask, grid.bounds, name)
        return footprint_from_rings(mask.polygons, grid.proj_code)
    pixels = [(c.column, c.row) for c in corners if c.column is not None and c.row is not None]
    if len(pixels) != len(corners):
        raise UnreadableScene(f"{name}: the mask is in image space, but the extent has no COL and ROW")
    columns, rows = zip(*pixels, strict=True)
    _check_bounds(mask, (min(columns), min(rows), max(columns), max(rows)), name)
    ground = ground_from_image(mask.polygons, pixels, [(corner.lon, corner.lat) for corner in corners])
    return footprint_from_rings(ground, _WGS84)


def _check_bounds(mask: MaskPolygons, box: Bounds, name: str) -> None:
    """Coordinates far outside the image are damage; they would also take very long to project and densify."""
    left, bottom, right, top = box
    margin = _MARGIN * max(right - left, top - bottom)
    for x, y in (point for exterior, holes in mask.polygons for ring in (exterior, *holes) for point in ring):
        if not (left - margin <= x <= right + margin and bottom - margin <= y <= top + margin):
            raise UnreadableScene(f"{name}: the mask reaches outside the image, at {x:g} {y:g}")


def _check_overlap(region: Region, extent: Region, name: str) -> None:
    if not region.intersects(extent):
        raise UnreadableScene(f"{name}: the mask lies outside the extent of the product")


def _area_warning(region: Region, surface_area_km2: float | None) -> tuple[str, ...]:
    if not surface_area_km2:
        return ()
    area = area_km2(region)
    if abs(area / surface_area_km2 - 1) <= _AREA_TOLERANCE:
        return ()
    return (f"the region-of-interest mask covers {area:.1f} km², SURFACE_AREA says {surface_area_km2:.1f} km²",)
