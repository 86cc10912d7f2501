"""The pixels of a component: the landscape of its site, seen from its satellite, under its clouds."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin, tan

import numpy as np
from numpy.typing import NDArray

from harvester.sample_archive.component import Component
from harvester.sample_archive.grid import Numbers
from harvester.sample_archive.landscape import Landscape, cloud_opacity, lattice_noise

#: Cells on a side of the cloud mask.
CLOUD_CELLS = 24
_CLOUD_STREAM = 7
_NOISE_STREAM = 8
_BASIC_COUNTS = 0.55  # keeps a bright cloud below the 4095 of 12 bits
_PREVIEW_REFLECTANCE = 2700  #: shown as white


@dataclass(frozen=True)
class Picture:
    """All bands of a component and where it saw clouds."""

    bands: dict[str, NDArray[np.uint16]]  #: by vendor id, 0 outside the region of interest
    clouds: NDArray[np.bool_]  #: coarse mask, CLOUD_CELLS on a side
    white: float  #: count that previews show as white

    def stacked(self, names: tuple[str, ...]) -> NDArray[np.uint16]:
        """Some bands as (bands, rows, columns)."""
        return np.stack([self.bands[name] for name in names])

    def preview(self, names: tuple[str, ...], pixels: int) -> NDArray[np.uint8]:
        """Red, green and blue (or three times the first band) at about this many pixels across."""
        red_green_blue = names[:3] if len(names) > 1 else names * 3
        step = max(1, self.bands[names[0]].shape[1] // pixels)
        scaled = self.stacked(red_green_blue)[:, ::step, ::step] * (255 / self.white)
        return np.asarray(np.clip(scaled, 0, 255), dtype=np.uint8)


def picture_of(component: Component) -> Picture:
    """Draw a component."""
    grid, spec = component.grid, component.spec
    cols, rows = grid.centres()
    east, north = _ground_of(component, cols, rows)
    inside = grid.inside(component.roi_ring) if component.roi_ring else np.ones((grid.rows, grid.cols), dtype=bool)
    opacity, mask = _clouds(component, cols, rows, inside)
    landscape = Landscape(spec.setting, spec.seed)
    counts = landscape.reflectance(east, north, opacity, component.mode.bands)
    scale = _BASIC_COUNTS if spec.radiometry == "BASIC" else 1.0
    counts *= scale
    counts += np.random.default_rng([spec.seed, _NOISE_STREAM, component.number]).integers(-3, 4, counts.shape[1:])
    pixels = np.clip(counts, 1, 4000 if spec.radiometry == "BASIC" else 10000).astype(np.uint16)
    pixels[:, ~inside] = 0
    return Picture(dict(zip(component.mode.bands, pixels, strict=True)), mask, _PREVIEW_REFLECTANCE * scale)


def _ground_of(component: Component, cols: Numbers, rows: Numbers) -> tuple[Numbers, Numbers]:
    """East and north metres, from the centre of the site, of what each pixel shows.

    In sensor geometry a point above the plane appears displaced away from the satellite, which is the parallax of
    stereo pairs; one step of the fixed-point iteration is enough at this size.
    """
    grid, view, spec = component.grid, component.view, component.spec
    x, y = grid.plane(cols, rows)
    middle_x, middle_y = grid.plane((grid.cols + 1) / 2, (grid.rows + 1) / 2)
    east, north = x - middle_x, y - middle_y
    if component.is_map:
        return east, north
    shift = Landscape(spec.setting, spec.seed).height_m(east, north) * tan(radians(view.incidence_deg))
    azimuth = radians(view.azimuth_deg)
    return east + shift * sin(azimuth), north + shift * cos(azimuth)


def _clouds(
    component: Component, cols: Numbers, rows: Numbers, inside: NDArray[np.bool_]
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Opacity at each pixel and the coarse mask, from one smooth field over the image."""
    spec, grid = component.spec, component.grid
    lattice = np.random.default_rng([spec.seed, _CLOUD_STREAM, component.view_number]).random((64, 64))
    cells = (np.arange(CLOUD_CELLS) + 0.5) / CLOUD_CELLS
    coarse = lattice_noise(lattice, cells[None, :] * 4, cells[:, None] * 4)
    middles = np.ix_(*((cells * size).astype(int) for size in inside.shape))
    _, mask = cloud_opacity(coarse, spec.cloud_cover_percent, inside[middles])
    field = lattice_noise(lattice, (cols - 0.5) / grid.cols * 4, (rows - 0.5) / grid.rows * 4)
    opacity, _ = cloud_opacity(field, spec.cloud_cover_percent, inside)
    return opacity, mask
