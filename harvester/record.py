"""The two records that every source produces: what it said (`RawRecord`) and what we read in it (`SceneRecord`).

Sources yield raw records page by page; a reader turns one raw record into one scene record in our units; everything
after that (Items, ledger, stereo) knows only the scene record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from footprints import Region, ViewingDirection


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """One record as its source gives it: everything the reader needs, nothing read yet.

    The content is plain JSON data. It is kept in the ledger, so that an Item can be rebuilt at any time from what the
    source said, without asking the source again.
    """

    id: str  #: stable within its source; for a delivery the URL of its metadata file, without credentials
    content: Mapping[str, Any]
    place_keys: frozenset[str] = frozenset()  #: keys of the content that say from where the source looked

    def serialised(self) -> bytes:
        """The content as canonical JSON (sorted keys, ASCII), equal for equal contents."""
        return _canonical(self.content)

    def digest(self) -> bytes:
        """SHA-256 of what the record says: equal digests mean an unchanged record.

        From where the source looked does not count: an archive and a folder in it give the same records.
        """
        said = {key: value for key, value in self.content.items() if key not in self.place_keys}
        return hashlib.sha256(_canonical(said)).digest()


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode("ascii")


@dataclass(frozen=True, kw_only=True)
class Page:
    """A run of raw records and the cursor from which the source goes on after them."""

    records: Sequence[RawRecord]
    next_cursor: str | None  #: None on the last page


@dataclass(frozen=True, kw_only=True)
class Band:
    """One band of an image, as it lies in the pixels."""

    name: str  #: as the vendor names it: P, PAN, B0, R, NIR…
    common_name: str | None  #: of the STAC eo extension: pan, blue, green, red, nir, rededge, coastal…
    centre_wavelength_um: float | None = None
    full_width_half_max_um: float | None = None
    solar_irradiance_w_m2_um: float | None = None
    scale: float | None = None  #: value = scale * pixel + offset, in the unit below
    offset: float | None = None
    unit: str | None = None


@dataclass(frozen=True, kw_only=True)
class ImageFile:
    """One raster file of a product: a whole image, or one tile or band group of it."""

    path: str  #: from the root of its source, "/" separated; a member of an archive is `delivery.zip!/IMG/x.TIF`
    bands: tuple[Band, ...]  #: in the order of the pixels
    media_type: str
    tile: str | None = None  #: "r1c1" where the image is cut in tiles, else None
    group: str | None = None  #: "rgb", "ned" where bands are spread over files, else None
    shape: tuple[int, int] | None = None  #: rows, columns of this file
    transform: tuple[float, ...] | None = None  #: six numbers (GDAL/rasterio `Affine` order); None in sensor geometry
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class CompanionFile:
    """A file beside the images: previews, masks, geometric models, the metadata itself."""

    path: str
    kind: str  #: "thumbnail", "overview", "metadata", "rpc", or "mask-<code>" such as "mask-roi", "mask-cld"
    media_type: str
    title: str
    size_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Product:
    """One component of a delivery: one spectral mode of one acquisition at one processing level, from one job."""

    spectral: str  #: as the vendor writes it: P, MS, PMS, PAN, MS-FS…
    level: str  #: SENSOR, PROJECTED, ORTHO, MOSAIC; 1A, 1B, 2A… for SPOT 1-5
    job: str  #: JOB_ID, different for each component
    dataset_name: str
    produced_at: datetime | None  #: UTC
    radiometry: str | None  #: BASIC, REFLECTANCE, DISPLAY…
    sampling_m: float | None  #: pixel size of the product
    proj_code: str | None  #: "EPSG:32618"; None in sensor geometry
    transform: tuple[float, ...] | None
    shape: tuple[int, int]  #: rows, columns of the whole image
    data_type: str  #: "uint8", "uint16"…
    bits_per_sample: int | None  #: the bits that carry signal: 12 in a 16-bit container
    nodata: float | None
    cloud_cover_percent: float | None
    snow_cover_percent: float | None
    surface_area_km2: float | None  #: as the vendor states it; a check, never published as ours
    software: Mapping[str, str] = field(default_factory=dict)  #: name -> version
    facility: str | None = None
    accuracy_ce90_m: float | None = None
    images: tuple[ImageFile, ...] = ()
    companions: tuple[CompanionFile, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SceneRecord:
    """One acquisition as one record of one source describes it, in our units.

    Several records (panchromatic and multispectral components, levels, jobs, sources) may describe one acquisition:
    they share a scene key and become one Item.
    """

    id: str  #: of the Item: from raw source values, never cleaned or rounded, so it never moves
    scene_keys: tuple[str, ...]  #: all names under which this acquisition is known; equal key = same acquisition
    mission: str  #: satellite code as the vendor writes it: PHR1A, PNEO4, SPOT7, SPOT5
    sensor: str  #: id of the sensor document that described it
    profile: str  #: vendor profile, such as PHR_ORTHO
    platform: str  #: "pleiades-1a"
    platform_title: str  #: "Pléiades 1A"
    constellation: str
    instruments: tuple[str, ...]
    international_designator: str | None
    acquired_at: datetime  #: start of the strip, UTC; naive values are refused
    started_at: datetime | None  #: of the first and last line of this image, UTC
    ended_at: datetime | None
    footprint: Region  #: WGS 84, longitude first, RFC 7946 winding, cut at the antimeridian
    footprint_from: str  #: "roi-mask" or "extent"
    viewing: ViewingDirection | None  #: ground to satellite, at the centre of the image
    sun_azimuth_deg: float | None  #: clockwise from north
    sun_elevation_deg: float | None
    vendor_angles: Mapping[str, float] = field(default_factory=dict)  #: as the vendor writes them: azimuth_angle…
    native_gsd_m: tuple[float, float] | None = None  #: across and along track
    relative_orbit: int | None = None
    orbit_state: str | None = None  #: "ascending" or "descending"
    acquisition_station: str | None = None
    copyright: str | None = None
    root: str = ""  #: URL below which the files of the product lie, without credentials
    product: Product | None = None  #: None for an acquisition that is catalogued but not held
    warnings: tuple[str, ...] = ()  #: what the reader could not use though the scene is readable
