"""Pixel grids: where the pixels of a synthetic image lie on the ground, in sensor geometry or on a map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from shapely import Polygon, contains_xy, prepare

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class PixelGrid:
    """Rows and columns of an image and the affine map from pixel edges to a plane.

    Coordinates of pixels follow DIMAP: column before row, 1 at the centre of the first pixel, 0.5 at its edge.
    """

    rows: int
    cols: int
    pixel_m: float
    crs: str
    transform: tuple[float, float, float, float, float, float]  #: affine, from (column, row) edges that start at 0
    is_map: bool  #: False in sensor geometry, whose plane is a local one

    @property
    def epsg(self) -> int:
        """EPSG code of the map projection."""
        return int(self.crs.removeprefix("EPSG:"))

    def plane(self, col: Numbers | float, row: Numbers | float) -> tuple[Numbers, Numbers]:
        """Plane coordinates in metres of points of the image."""
        a, b, c, d, e, f = self.transform
        x, y = np.asarray(col, dtype=float) - 0.5, np.asarray(row, dtype=float) - 0.5
        return a * x + b * y + c, d * x + e * y + f

    def lonlat(self, col: Numbers | float, row: Numbers | float) -> tuple[Numbers, Numbers]:
        """Longitudes in [-180, 180] and latitudes of points of the image."""
        lon, lat = self._to_lonlat.transform(*self.plane(col, row))
        return np.asarray(lon), np.asarray(lat)

    def image_of_plane(self, x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
        """Columns and rows of points of the plane."""
        a, b, c, d, e, f = self.transform
        scale = a * e - b * d
        east, north = np.asarray(x) - c, np.asarray(y) - f
        return (e * east - b * north) / scale + 0.5, (a * north - d * east) / scale + 0.5

    def ring(self, fractions: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
        """A closed ring in columns and rows, from fractions of the width and height counted from the upper left."""
        ring = [(round(x * self.cols) + 0.5, round(y * self.rows) + 0.5) for x, y in fractions]
        return [*ring, ring[0]]

    def inside(self, ring: Sequence[tuple[float, float]]) -> NDArray[np.bool_]:
        """Which pixels have their centre in a ring of columns and rows."""
        return _centres_inside(self.rows, self.cols, tuple(ring))

    def centres(self) -> tuple[Numbers, Numbers]:
        """Columns and rows of all pixel centres, as two arrays of the image's shape."""
        return _centres(self.rows, self.cols)

    @cached_property
    def _to_lonlat(self) -> Transformer:
        return Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)


def _centres(rows: int, cols: int) -> tuple[Numbers, Numbers]:
    across, down = np.meshgrid(np.arange(1.0, cols + 1), np.arange(1.0, rows + 1))
    return across, down


@lru_cache(maxsize=4)
def _centres_inside(rows: int, cols: int, ring: tuple[tuple[float, float], ...]) -> NDArray[np.bool_]:
    """Cached, as the images of an archive have few sizes and outlines."""
    polygon = Polygon(ring)
    prepare(polygon)
    return np.asarray(contains_xy(polygon, *_centres(rows, cols)))


def map_grid(lon: float, lat: float, rows: int, cols: int, pixel_m: float, snap_m: float) -> PixelGrid:
    """A north-up grid in the UTM zone of its centre, its upper left corner on a multiple of `snap_m` metres."""
    crs = utm_crs(lon, lat)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(lon, lat)
    left = round((x - cols * pixel_m / 2) / snap_m) * snap_m
    top = round((y + rows * pixel_m / 2) / snap_m) * snap_m
    transform = (pixel_m, 0.0, left, 0.0, -pixel_m, top)
    return PixelGrid(rows=rows, cols=cols, pixel_m=pixel_m, crs=crs, transform=transform, is_map=True)


def sensor_grid(lon: float, lat: float, rows: int, cols: int, pixel_m: float, scan_azimuth_deg: float) -> PixelGrid:
    """A grid whose rows follow each other along the scan axis, on a plane tangent to the ground at its centre."""
    scan = radians(scan_azimuth_deg)
    across, along = (-cos(scan) * pixel_m, sin(scan) * pixel_m), (sin(scan) * pixel_m, cos(scan) * pixel_m)
    left = -(across[0] * cols + along[0] * rows) / 2
    top = -(across[1] * cols + along[1] * rows) / 2
    transform = (across[0], along[0], left, across[1], along[1], top)
    crs = CRS.from_dict({"proj": "aeqd", "lon_0": lon, "lat_0": lat, "datum": "WGS84", "units": "m"}).to_wkt()
    return PixelGrid(rows=rows, cols=cols, pixel_m=pixel_m, crs=crs, transform=transform, is_map=False)


def utm_crs(lon: float, lat: float) -> str:
    """EPSG code of the UTM zone of a point, WGS 84."""
    zone = int((lon + 180) % 360 // 6) + 1
    return f"EPSG:{(32600 if lat >= 0 else 32700) + zone}"
