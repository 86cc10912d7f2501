"""Where an image is: its pixels and corners, and how to project its masks to the ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from footprints import FootprintError, Region, footprint_from_corners, ground_from_image
from harvester.dimap.document import DimapDocument
from harvester.dimap.grid import Grid
from harvester.dimap.masks import MaskPolygons
from harvester.errors import UnreadableScene

Bounds = tuple[float, float, float, float]  #: left, bottom, right, top
Points = Sequence[Sequence[float]]
GroundPolygons = Sequence[tuple[Points, Sequence[Points]]]  #: exterior ring and holes of each

_EXTENT = "Dataset_Content/Dataset_Extent/Vertex"
_WGS84 = "EPSG:4326"
#: Share of the image's size by which a mask may reach beyond it; genuine ones do by at most a pixel.
_MARGIN = 0.05


@dataclass(frozen=True)
class Corner:
    """One vertex of an extent."""

    lon: float
    lat: float
    column: float | None  #: centre of the first pixel = 1
    row: float | None


@dataclass(frozen=True)
class Frame:
    """The place of an image of DIMAP 2, in pixels and on the ground."""

    grid: Grid
    corners: Sequence[Corner]
    extent: Region  #: through the corners; WGS 84, cut at the antimeridian

    def on_ground(self, mask: MaskPolygons, name: str) -> tuple[GroundPolygons, str]:
        """The polygons of a mask on the ground, and their reference system.

        Args:
            mask: At least one polygon.
            name: The file's name in messages.

        Raises:
            UnreadableScene: The mask reaches outside the image, or the product does not say where it lies.
            FootprintError: The corners are not those of an image.
        """
        if not mask.in_image:
            if self.grid.proj_code is None or self.grid.bounds is None:
                raise UnreadableScene(f"{name}: the mask is on the ground, but the product has no reference system")
            _check_bounds(mask, self.grid.bounds, name)
            return mask.polygons, self.grid.proj_code
        pixels = [(c.column, c.row) for c in self.corners if c.column is not None and c.row is not None]
        if len(pixels) != len(self.corners):
            raise UnreadableScene(f"{name}: the mask is in image space, but the extent has no COL and ROW")
        columns, rows = zip(*pixels, strict=True)
        _check_bounds(mask, (min(columns), min(rows), max(columns), max(rows)), name)
        ground = [(corner.lon, corner.lat) for corner in self.corners]
        return ground_from_image(mask.polygons, pixels, ground), _WGS84

    def check_overlap(self, region: Region, name: str) -> None:
        """Check that what a mask shows overlaps the image.

        Raises:
            UnreadableScene: It does not, so that the mask or the grid is of another product.
        """
        if not region.intersects(self.extent):
            raise UnreadableScene(f"{name}: the mask lies outside the extent of the product")


def read_frame(document: DimapDocument, grid: Grid) -> Frame:
    """The frame of a DIMAP 2 product.

    Raises:
        UnreadableScene: When its extent cannot be read.
    """
    corners = read_corners(document, _EXTENT)
    return Frame(grid, corners, region_of_corners(document, _EXTENT, corners))


def read_corners(document: DimapDocument, path: str, prefix: str = "") -> list[Corner]:
    """The vertices at a path, whose names have a prefix (`FRAME_` in DIMAP 1).

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


def region_of_corners(document: DimapDocument, path: str, corners: Sequence[Corner]) -> Region:
    """The region between the vertices read at a path: WGS 84, cut at the antimeridian.

    Raises:
        UnreadableScene: When they enclose no area.
    """
    try:
        return footprint_from_corners([(corner.lon, corner.lat) for corner in corners])
    except FootprintError as error:
        raise document.problem(path, f"is no footprint: {error}") from error


def _check_bounds(mask: MaskPolygons, box: Bounds, name: str) -> None:
    """Refuse coordinates far outside the image: they are damage, and would take very long to project and densify."""
    left, bottom, right, top = box
    margin = _MARGIN * max(right - left, top - bottom)
    for x, y in (point for exterior, holes in mask.polygons for ring in (exterior, *holes) for point in ring):
        if not (left - margin <= x <= right + margin and bottom - margin <= y <= top + margin):
            raise UnreadableScene(f"{name}: the mask reaches outside the image, at {x:g} {y:g}")
