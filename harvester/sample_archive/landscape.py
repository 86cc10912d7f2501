"""A synthetic ground: fields, towns, coasts and relief that look like real places.

The ground is a function of east and north metres, so that every image of a site, whatever its geometry, shows the
same landscape.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harvester.sample_archive.grid import Numbers

SETTINGS = ("fields", "town", "coast", "mountain")

#: Reflectance in 1/10000 of water, vegetation, bare or built ground and cloud, by the role of a band.
_SIGNATURES = {
    "deep-blue": (900, 450, 1100, 5200),
    "blue": (760, 480, 1250, 5400),
    "green": (620, 760, 1480, 5500),
    "red": (420, 520, 1720, 5600),
    "red-edge": (300, 2100, 1950, 5700),
    "nir": (180, 3600, 2250, 5800),
    "pan": (520, 1250, 1700, 5600),
}
_ROLES = {
    "P": "pan",
    "PAN": "pan",
    "B0": "blue",
    "B1": "green",
    "B2": "red",
    "B3": "nir",
    "R": "red",
    "G": "green",
    "B": "blue",
    "NIR": "nir",
    "RE": "red-edge",
    "DB": "deep-blue",
}
_LATTICE = 64

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Landscape:
    """The ground of one site."""

    setting: str  #: one of SETTINGS
    seed: int

    def reflectance(self, east: Numbers, north: Numbers, clouds: Numbers, bands: tuple[str, ...]) -> Numbers:
        """Reflectance in 1/10000 of each band at these points (metres), under clouds of this opacity (0 to 1)."""
        water, vegetation, light = self._cover(east, north)
        bare = 1.0 - water - vegetation
        ground = np.stack([water, vegetation * light, bare * light], axis=0) * (1 - clouds)
        mixture = np.concatenate([ground, clouds[None]], axis=0)
        signatures = np.array([_SIGNATURES[_ROLES[band]] for band in bands], dtype=float)
        return np.asarray(np.tensordot(signatures, mixture, axes=1))

    def height_m(self, east: Numbers, north: Numbers) -> Numbers:
        """Height above the plane of the site, metres."""
        relief = {"mountain": 220.0, "coast": 40.0}.get(self.setting, 15.0)
        return relief * (self._noise(east, north, 900.0, 1) - 0.5)

    def _cover(self, east: Numbers, north: Numbers) -> tuple[Numbers, Numbers, Numbers]:
        water = self._water(east, north)
        patches = self._parcels(east, north)
        vegetation = np.clip(patches + 0.5 * (self._noise(east, north, 70.0, 3) - 0.5), 0, 1) * (1 - water)
        light = self._shade(east, north) * (0.9 + 0.2 * self._noise(east, north, 14.0, 4))
        return water, vegetation, light

    def _shade(self, east: Numbers, north: Numbers) -> Numbers | float:
        """Light on slopes, from the north-west as on maps; only mountains have slopes that show."""
        if self.setting != "mountain":
            return 1.0
        rise = self.height_m(east + 15, north - 15) - self.height_m(east, north)
        return np.asarray(np.clip(1 + rise / 12, 0.45, 1.6))

    def _water(self, east: Numbers, north: Numbers) -> Numbers:
        shore = self._noise(east, north, 700.0, 2) - 0.5
        if self.setting == "coast":
            return np.clip(((east - 0.4 * north) / 900 + 2 * shore - 0.4) * 8, 0, 1)
        river = np.abs(shore + (north - 0.3 * east) / 4000)
        return np.clip((0.012 - river) * 150, 0, 1)

    def _parcels(self, east: Numbers, north: Numbers) -> Numbers:
        """How green each field or block is: one value in each cell of a distorted chessboard, with streets between."""
        size = 60.0 if self.setting == "town" else 190.0
        bend = 40 * self._noise(east, north, 400.0, 5)
        x, y = (east + 0.25 * north + bend) / size, (north - 0.25 * east + bend) / size
        shade = self._hash(np.floor(x), np.floor(y))
        street = (np.minimum(x % 1, y % 1) * size) < 7
        greenness = 0.35 * shade if self.setting == "town" else 0.15 + 0.8 * shade
        return np.where(street, 0.0, greenness)

    def _hash(self, x: Numbers, y: Numbers) -> Numbers:
        table = self._lattice(6)
        return np.asarray(table[x.astype(int) % _LATTICE, y.astype(int) % _LATTICE])

    def _noise(self, east: Numbers, north: Numbers, scale_m: float, octave: int) -> Numbers:
        return lattice_noise(self._lattice(octave), east / scale_m, north / scale_m)

    def _lattice(self, octave: int) -> Numbers:
        return np.random.default_rng([self.seed, octave]).random((_LATTICE, _LATTICE))


def cloud_opacity(
    field: Numbers, cover_percent: float | None, inside: NDArray[np.bool_]
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Opacity (0 to 1) of the clouds at each point of a smooth field, and where they count as cloud.

    The mask covers the given share of the points inside the region of interest; opacity falls to zero within a small
    margin around it.
    """
    if not cover_percent:
        return np.zeros_like(field), np.zeros(field.shape, dtype=bool)
    threshold = np.quantile(field[inside], 1 - cover_percent / 100)
    return np.clip((field - threshold) * 12 + 0.3, 0, 0.95), field >= threshold


def lattice_noise(lattice: Numbers, x: Numbers, y: Numbers) -> Numbers:
    """Smooth noise in [0, 1]: the lattice, repeated periodically and interpolated between its points."""
    size = len(lattice)
    values = lattice.astype(np.float32).ravel()
    left, low = np.floor(x), np.floor(y)
    across, up = _eased((x - left).astype(np.float32)), _eased((y - low).astype(np.float32))
    first_col, first_row = left.astype(np.int32), low.astype(np.int32)
    west, east = first_col % size * size, (first_col + 1) % size * size
    south, north = first_row % size, (first_row + 1) % size
    bottom = _between(values[west + south], values[east + south], across)
    top = _between(values[west + north], values[east + north], across)
    return _between(bottom, top, up).astype(float)


def _between(start: Singles, end: Singles, step: Singles) -> Singles:
    return start + (end - start) * step


def _eased(step: Singles) -> Singles:
    return step * step * (3 - 2 * step)
