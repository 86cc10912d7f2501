"""Where the pixels of a product lie: size, tiles, reference system and transform."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pyproj import CRS
from pyproj.exceptions import CRSError

from harvester.dimap.document import DimapDocument

Transform = tuple[float, float, float, float, float, float]

_MOST_PIXELS = 10_000_000  #: rows or columns; the longest strips have some hundred thousand
_EPSG_CODE = re.compile(r"epsg:(?:[0-9.]*:)?([0-9]{4,6})$", re.IGNORECASE)
_DATA_TYPES = {
    ("INTEGER", "UNSIGNED"): "uint",
    ("INTEGER", "SIGNED"): "int",
    ("UNSIGNED", ""): "uint",
    ("SIGNED", ""): "int",
    ("FLOAT", ""): "float",
    ("REAL", ""): "float",
}


@dataclass(frozen=True)
class Tiling:
    """A regular tiling of an image into files."""

    size: tuple[int, int]  #: rows, columns of a full tile
    overlap: tuple[int, int]  #: rows, columns shared with the next tile


@dataclass(frozen=True)
class Grid:
    """The pixels of a whole image."""

    shape: tuple[int, int]  #: rows, columns
    proj_code: str | None  #: "EPSG:32618"; None in sensor geometry
    transform: Transform | None  #: of the outer corner of the first pixel; None in sensor geometry
    tiling: Tiling | None

    @property
    def is_in_degrees(self) -> bool:
        """Whether the pixels lie in a geographic reference system."""
        return self.proj_code is not None and bool(CRS.from_user_input(self.proj_code).is_geographic)

    @property
    def bounds(self) -> tuple[float, float, float, float] | None:
        """Left, bottom, right and top in the reference system, None in sensor geometry."""
        if self.transform is None:
            return None
        a, _, left, _, e, top = self.transform
        return left, top + e * self.shape[0], left + a * self.shape[1], top

    def shape_of_tile(self, row: int, column: int) -> tuple[int, int] | None:
        """Rows and columns of a tile counted from 1, None where the tiling is unknown or has no such tile."""
        if self.tiling is None:
            return None
        first = self._first_pixel(row, column)
        rows, columns = (
            min(size, whole - start) for size, whole, start in zip(self.tiling.size, self.shape, first, strict=True)
        )
        return (rows, columns) if rows > 0 and columns > 0 else None

    def transform_of_tile(self, row: int, column: int) -> Transform | None:
        """Transform of a tile counted from 1, None in sensor geometry or where the tiling is unknown."""
        if self.transform is None or self.tiling is None:
            return None
        first_row, first_column = self._first_pixel(row, column)
        a, b, c, d, e, f = self.transform
        return a, b, c + a * first_column, d, e, f + e * first_row

    def _first_pixel(self, row: int, column: int) -> tuple[int, int]:
        tiling = self.tiling or Tiling(self.shape, (0, 0))
        steps = [size - overlap for size, overlap in zip(tiling.size, tiling.overlap, strict=True)]
        return (row - 1) * steps[0], (column - 1) * steps[1]


def read_shape(document: DimapDocument, dimensions: str) -> tuple[int, int]:
    """Rows and columns from a Raster_Dimensions section.

    Raises:
        UnreadableScene: When one of them is missing or not a count of pixels.
    """
    rows = document.required_integer(f"{dimensions}/NROWS", 1, _MOST_PIXELS)
    return rows, document.required_integer(f"{dimensions}/NCOLS", 1, _MOST_PIXELS)


def read_transform(document: DimapDocument) -> Transform:
    """Transform from Geoposition_Insert, whose YDIM is positive although rows go south.

    Raises:
        UnreadableScene: When a part of it is missing or out of range.
    """
    insert = "Geoposition/Geoposition_Insert"
    x, y = (document.required_number(f"{insert}/{name}", -1e8, 1e8) for name in ("ULXMAP", "ULYMAP"))
    width, height = (document.required_number(f"{insert}/{name}", 1e-9, 1e5) for name in ("XDIM", "YDIM"))
    return width, 0.0, x, 0.0, -height, y


def read_proj_code(document: DimapDocument, path: str) -> str:
    """The EPSG code at a path, written as `urn:ogc:def:crs:EPSG::32618` or `epsg:32618`.

    Raises:
        UnreadableScene: When there is none, or PROJ does not know it.
    """
    text = document.required(path)
    found = _EPSG_CODE.search(text)
    if found is None:
        raise document.problem(path, f"= {text[:80]!r} is not an EPSG code")
    try:
        CRS.from_epsg(int(found[1]))
    except CRSError as error:
        raise document.problem(path, f"= {text[:80]!r} is not a reference system that PROJ knows") from error
    return f"EPSG:{found[1]}"


def read_sampling(document: DimapDocument, path: str, grid: Grid) -> float | None:
    """Metres between pixels as written at a path, else those of the transform; None where only degrees are known."""
    spacing = document.number(path, 1e-9, 1e5)
    unit = document.attribute(path, "unit") or ("deg" if grid.is_in_degrees else "m")
    if spacing is not None and unit.lower() == "m":
        return spacing
    return grid.transform[0] if grid.transform and not grid.is_in_degrees else None


def read_tiling(document: DimapDocument) -> Tiling | None:
    """The regular tiling of a DIMAP 2 image, whose overlap is in attributes or in elements.

    Raises:
        UnreadableScene: When the size or the overlap of the tiles cannot be read.
    """
    path = "Raster_Data/Raster_Dimensions/Tile_Set/Regular_Tiling"
    section = document.section(path)
    if section is None:
        return None
    size = [section.attribute_integer("NTILES_SIZE", name, 1, _MOST_PIXELS) for name in ("nrows", "ncols")]
    if size[0] is None or size[1] is None:
        raise section.problem("NTILES_SIZE", "has no nrows or no ncols")
    overlap = (
        _overlap(section, "nrows", "OVERLAP_ROW", size[0]),
        _overlap(section, "ncols", "OVERLAP_COL", size[1]),
    )
    return Tiling((size[0], size[1]), overlap)


def _overlap(section: DimapDocument, attribute: str, element: str, size: int) -> int:
    in_attribute = section.attribute_integer("NTILES_OVERLAP", attribute, 0, size - 1)
    # A wrong overlap would misplace the tiles: an unreadable one must not count as none.
    in_element = None if section.text(element) is None else section.required_integer(element, 0, size - 1)
    return next((value for value in (in_attribute, in_element) if value is not None), 0)


def read_data_type(document: DimapDocument, encoding: str) -> str:
    """The numpy name of the pixel type from a Raster_Encoding section: "uint16".

    Raises:
        UnreadableScene: When the type is neither an integer of 8, 16 or 32 bits nor a float of 32 or 64.
    """
    bits = document.required_integer(f"{encoding}/NBITS", 1, 64)
    kind = document.required(f"{encoding}/DATA_TYPE").upper()
    sign = (document.text(f"{encoding}/SIGN") or "UNSIGNED").upper() if kind == "INTEGER" else ""
    name = f"{_DATA_TYPES.get((kind, sign), 'unknown ')}{bits}"
    if name not in {"uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"}:
        raise document.problem(encoding, f"describes pixels of no known type ({kind[:20]} {sign[:20]} {bits})")
    return name
