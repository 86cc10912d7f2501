"""One component of a delivery (one view in one spectral mode): its names, its grid and its angles at each place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil, cos, radians, sin

import numpy as np
from shapely import Polygon

from footprints import area_km2
from harvester.sample_archive.grid import PixelGrid, map_grid, sensor_grid
from harvester.sample_archive.missions import LEVEL_TOKENS, BandGroup, Family, SpectralMode
from harvester.sample_archive.passes import (
    View,
    ground_speed_km_s,
    nadir_offset_km,
    slant_range_km,
    track_heading_deg,
    view_from_offset,
)
from harvester.sample_archive.specification import DeliverySpec

#: The time in the name of a Pléiades request is about this much earlier than that of its strip.
REQUEST_LEAD = timedelta(seconds=37.2)


@dataclass(frozen=True)
class Tile:
    """One raster file: its place in the tiling and in the whole image (counted from 0)."""

    row: int
    col: int
    first_row: int
    first_col: int
    rows: int
    cols: int

    @property
    def name(self) -> str:
        """The tile in file names."""
        return f"R{self.row}C{self.col}"


@dataclass(frozen=True)
class Place:
    """A point of the image where metadata state time and angles."""

    name: str
    col: int
    row: int


@dataclass(frozen=True)
class Component:
    """One view in one spectral mode, as metadata describe it."""

    spec: DeliverySpec
    view: View
    mode_name: str
    number: int  #: within the delivery, from 1
    view_number: int  #: of its view, from 1

    @property
    def family(self) -> Family:
        """The family of the satellite."""
        return self.spec.satellite.family

    @property
    def mode(self) -> SpectralMode:
        """The spectral mode."""
        return self.family.modes[self.mode_name]

    @property
    def stamp(self) -> str:
        """The 15-digit stamp in names."""
        return self.spec.stamp(self.view)

    @property
    def level_token(self) -> str:
        """SEN, PRJ, ORT or MOS."""
        return LEVEL_TOKENS[self.spec.level]

    @property
    def job_id(self) -> str:
        """Of this component alone, except for Pléiades Neo, where it names the view."""
        if self.family.name == "pneo":
            return f"PWOI_{self.spec.job}_1_1_F_{self.view_number}"
        alone = len(self.spec.views) * len(self.spec.modes) == 1
        return self.spec.job if alone else f"{self.spec.job}-{self.number}"

    @property
    def stem(self) -> str:
        """What follows the kind of file in file names."""
        code, mode = self.spec.mission, self.mode_name
        if self.family.name == "pneo":
            return f"{code}_{self.stamp}_{mode}_{self.level_token}_{self.job_id}"
        return f"{code}_{mode}_{self.stamp}_{self.level_token}_{self.job_id}"

    @property
    def folder(self) -> str:
        """The IMG folder, from the volume."""
        code, mode = self.spec.mission, self.mode_name
        if self.family.name == "pneo":
            return f"IMG_{self.view_number:02}_{code}_{mode}"
        if self.family.name == "spot":
            return f"IMG_{code}_{mode}_{self.view_number:03}_A"
        return f"IMG_{code}_{mode}_{self.number:03}"

    @property
    def dataset_name(self) -> str:
        """DATASET_NAME, which does not identify the acquisition."""
        if self.family.name == "pneo":
            return f"{self.spec.mission}_{self.stamp}_{self.mode_name}_{self.level_token}"
        if self.family.name == "spot":
            moment = self.view.acquired_at + timedelta(seconds=0.8)
            return f"{self.level_token}_{self.spec.mission}_{moment:%Y%m%d_%H%M%S}{moment.microsecond // 1000:03}_000"
        return self._strip_name(self.view.acquired_at - REQUEST_LEAD)

    @property
    def source_id(self) -> str:
        """SOURCE_ID of the strip, the identity of the acquisition."""
        if self.family.name != "pneo":
            return self._strip_name(self.view.acquired_at)
        start = datetime(2021, 1, 1, tzinfo=self.view.acquired_at.tzinfo)
        return f"ACQ_{self.spec.mission}_{int((self.view.acquired_at - start) / timedelta(milliseconds=100)):014}"

    def _strip_name(self, moment: datetime) -> str:
        lon, lat = self.spec.lon, self.spec.lat
        square = f"{'E' if lon >= 0 else 'W'}{int(abs(lon)):03}{'N' if lat >= 0 else 'S'}{int(abs(lat)):02}"
        stamp = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 100_000}"
        if self.family.name == "spot":
            return f"DS_{self.spec.mission}_{stamp}_FR1_FR1_SV1_SV1_{square}_01140"
        return f"DS_{self.spec.mission}_{stamp}_FR1_PX_{square}_1011_00822"

    @property
    def strip_file(self) -> str | None:
        """The lineage of the strip, from the IMG folder; Pléiades Neo has none."""
        return None if self.family.name == "pneo" else f"LINEAGE/STRIP_{self.source_id}_DIM.XML"

    @property
    def processing_file(self) -> str:
        """The lineage of the processing, from the IMG folder."""
        suffix = "" if self.family.name == "pneo" else "_DIM"
        return f"LINEAGE/PROCESSING_{self.stem}{suffix}.XML"

    def mask_file(self, code: str) -> str:
        """A mask (ROI, CLD), from the IMG folder."""
        suffix = "" if self.family.name == "pneo" else "_MSK"
        return f"MASKS/{code}_{self.stem}{suffix}.GML"

    def image_file(self, group: BandGroup, tile: Tile, suffix: str = "TIF") -> str:
        """A raster file or its world file, from the IMG folder."""
        token = f"_{group.token}" if group.token else ""
        return f"IMG_{self.stem}{token}_{tile.name}.{suffix}"

    @property
    def is_map(self) -> bool:
        """Whether the pixels lie on a map projection."""
        return self.spec.level != "SENSOR"

    @cached_property
    def grid(self) -> PixelGrid:
        """The grid of the whole image."""
        spec, ratio = self.spec, self.mode.pixel_ratio
        size = (spec.lon, spec.lat, spec.rows // ratio, spec.cols // ratio, spec.pixel_m * ratio)
        if self.is_map:
            # Components of all resolutions share their corner, as they do in a bundle.
            return map_grid(*size, snap_m=4 * spec.pixel_m)
        return sensor_grid(*size, self.view.scan_azimuth_deg)

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """The raster files of one group of bands, row by row."""
        down, right = self.spec.tiles
        height, width = self.tile_size
        return tuple(
            Tile(
                row + 1,
                col + 1,
                row * height,
                col * width,
                min(height, self.grid.rows - row * height),
                min(width, self.grid.cols - col * width),
            )
            for row in range(down)
            for col in range(right)
        )

    @property
    def tile_size(self) -> tuple[int, int]:
        """Rows and columns of all tiles but the last ones."""
        down, right = self.spec.tiles
        return ceil(self.grid.rows / down), ceil(self.grid.cols / right)

    @cached_property
    def roi_ring(self) -> list[tuple[float, float]] | None:
        """The region of interest as a closed ring of columns and rows."""
        return self.grid.ring(self.spec.roi) if self.spec.roi else None

    @property
    def surface_km2(self) -> float:
        """Geodesic area of the region of interest, or of the extent without one."""
        ring = self.roi_ring or self.grid.ring(((0, 0), (1, 0), (1, 1), (0, 1)))
        cols, rows = zip(*ring, strict=True)
        lons, lats = self.grid.lonlat(np.array(cols), np.array(rows))
        west = lons[0]
        unwrapped = [west + (lon - west + 180) % 360 - 180 for lon in lons]
        return area_km2(Polygon(zip(unwrapped, lats, strict=True)))

    @property
    def cloud_cover_percent(self) -> float | None:
        """The cloud cover of this component: coarser pixels see a little more cloud."""
        cover = self.spec.cloud_cover_percent
        return cover if cover is None or self.mode.pixel_ratio == 1 else round(min(100.0, cover * 1.02), 2)

    @property
    def centre_at(self) -> datetime:
        """When the middle line of the image was acquired."""
        return self.view.acquired_at + self.spec.centre_delay()

    def time_at(self, place: Place) -> datetime:
        """When this line was acquired: rows pass at the speed of the satellite over the ground."""
        distance_km = (place.row - (self.grid.rows + 1) / 2) * self.grid.pixel_m / 1000
        return self.centre_at + timedelta(seconds=distance_km / ground_speed_km_s(self.family.altitude_km))

    def view_at(self, place: Place) -> View:
        """The view of this point, away from the centre: both the satellite and the target have moved."""
        altitude = self.family.altitude_km
        east, north = nadir_offset_km(self.view, altitude)
        moved = ground_speed_km_s(altitude) * (self.time_at(place) - self.centre_at).total_seconds()
        heading = radians(track_heading_deg(self.spec.lat))
        target_east, target_north = self._offset_km(place)
        east += moved * sin(heading) - target_east
        north += moved * cos(heading) - target_north
        return view_from_offset(self.view.acquired_at, east, north, altitude, self.view.scan_azimuth_deg)

    def places(self) -> tuple[Place, ...]:
        """Where metadata state angles, named and ordered as each family does."""
        rows, cols = self.grid.rows, self.grid.cols
        middle_row, middle_col = (rows + 1) // 2, (cols + 1) // 2
        top, centre, bottom = (
            Place(name, middle_col, row)
            for name, row in (("TopCenter", 1), ("Center", middle_row), ("BottomCenter", rows))
        )
        if self.family.name == "phr":
            return tuple(
                replace(place, name=place.name.replace("Center", " Center").strip()) for place in (top, centre, bottom)
            )
        if self.family.name == "pneo" and self.is_map:
            return (centre, top, bottom)
        return tuple(
            Place(name, col, row)
            for prefix, row in (("Top", 1), ("Center", middle_row), ("Bottom", rows))
            for name, col in (
                (f"{prefix}Left", 1),
                (prefix if prefix == "Center" else f"{prefix}Center", middle_col),
                (f"{prefix}Right", cols),
            )
        )

    def ground_sample_m(self, view: View) -> tuple[float, float]:
        """Native sampling across and along the track; Pléiades and SPOT state that of the panchromatic band."""
        altitude = self.family.altitude_km
        ratio = self.mode.pixel_ratio if self.family.name == "pneo" else 1
        nadir_m = self.family.pan_gsd_m * ratio * slant_range_km(view.incidence_deg, altitude) / altitude
        along, across = view.incidences_deg
        return nadir_m / cos(radians(across)), nadir_m / cos(radians(along))

    def altitude_text(self) -> float | None:
        """SATELLITE_ALTITUDE in the unit of the family: metres for SPOT, kilometres for Pléiades Neo, else None."""
        return {"spot": self.family.altitude_km * 1000, "pneo": self.family.altitude_km}.get(self.family.name)

    def _offset_km(self, place: Place) -> tuple[float, float]:
        """East and north of this point from the centre of the image."""
        a, b, _, d, e, _ = self.grid.transform
        right = place.col - (self.grid.cols + 1) / 2
        down = place.row - (self.grid.rows + 1) / 2
        return (a * right + b * down) / 1000, (d * right + e * down) / 1000


def components_of(spec: DeliverySpec) -> tuple[Component, ...]:
    """The components of a delivery: for each view, its modes."""
    modes = len(spec.modes)
    return tuple(
        Component(spec, view, mode, view_index * modes + mode_index + 1, view_index + 1)
        for view_index, view in enumerate(spec.views)
        for mode_index, mode in enumerate(spec.modes)
    )
