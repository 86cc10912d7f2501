"""The two records that every source produces: what it said (`RawRecord`) and what we read in it (`SceneRecord`).

Sources yield raw records page by page. A reader turns one raw record into one scene record in our units; everything
after that (Items, ledger, stereo) knows only the scene record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from shapely import MultiPolygon

from footprints import Region, ViewingDirection
from harvester.canonical_json import Canonical, canonical_form


@dataclass(frozen=True, kw_only=True)
class RawRecord:
    """One record as its source gives it: everything that the reader needs, nothing interpreted yet.

    The content is plain JSON data. It is kept in the ledger, so that an Item can be rebuilt at any time from what the
    source said, without asking the source again.
    """

    id: str  #: stable within its source; for a delivery the URL of its metadata file, without credentials
    content: Mapping[str, Any]
    #: Keys of the content that depend on the point of view or on the day; `a.b` is b in the object a.
    place_keys: frozenset[str] = frozenset()
    fingerprint: str | None = None  #: by which the source can tell next time that it has not changed, unread

    def serialised(self) -> bytes:
        """The content as canonical JSON (sorted keys, ASCII), equal for equal contents."""
        return self.canonical.text

    def digest(self) -> bytes:
        """SHA-256 of what the record says: equal digests mean an unchanged record.

        The point of view does not count: an archive and a folder in it give the same records. Nor does what changes
        without the record, such as the number of similar images.
        """
        return self.canonical.digest

    @cached_property
    def canonical(self) -> Canonical:
        """The content as it is stored, with its digest."""
        return canonical_form(self.content, self.place_keys)

    def remember(self, canonical: Canonical) -> None:
        """Take over what another process computed from the same content."""
        vars(self)["canonical"] = canonical


#: Begins the id of what stands for a record that its source can neither deliver nor name.
NAMELESS = "undelivered:"


@dataclass(frozen=True, kw_only=True)
class Withdrawal:
    """The source says that a record is gone."""

    id: str  #: of the record, as in `RawRecord`
    reason: str
    at: datetime | None = None  #: when it went, UTC; a record seen at the source later is back, and left alone


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of raw records, and the cursor from which the source continues after it."""

    records: Sequence[RawRecord]
    next_cursor: str | None  #: None on the last page
    unread: Sequence[str] = ()  #: ids of records that the source knows to be unchanged without reading them
    numbers: Mapping[str, int] = field(default_factory=dict)  #: for some of those, by id, their number in the ledger
    withdrawals: Sequence[Withdrawal] = ()
    passed_over: Mapping[str, int] = field(default_factory=dict)  #: seen since the last page, but no record: by kind


def known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that have a value: what a source does not say is absent, never null."""
    return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Band:
    """One band of the pixels of an image."""

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
    tile: str | None = None  #: "r1c1" where the image is cut into tiles, else None
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
class RemoteAsset:
    """A file that its source serves itself, at an address that stays valid: never a signed one."""

    key: str  #: of the asset in the Item: lower-case letters, digits, "_", "." or "-"
    href: str  #: absolute, http or https (s3 where the source publishes that), without credentials or signature
    roles: tuple[str, ...]  #: of the STAC best practices: "data", "thumbnail", "overview", "metadata"…
    title: str
    media_type: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)  #: further asset fields of STAC 1.1, such as `bands`


@dataclass(frozen=True, kw_only=True)
class RecordLink:
    """A link of the Item that its source gives: a licence, a web map, a page about it."""

    rel: str
    href: str  #: absolute
    media_type: str | None = None
    title: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)  #: further fields, such as "wmts:layer"


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
    surface_area_km2: float | None  #: as the vendor states it; for checking, never published as ours
    software: Mapping[str, str]  #: name -> version
    facility: str | None
    images: tuple[ImageFile, ...]
    companions: tuple[CompanionFile, ...]


@dataclass(frozen=True, kw_only=True)
class SceneRecord:
    """One acquisition as one record of one source describes it, in our units.

    Several records (panchromatic and multispectral components, levels, jobs, sources) may describe one acquisition:
    they share a scene key. Those in one collection become one Item; Items in several collections are linked.
    """

    id: str  #: of the Item: made from raw source values, never cleaned or rounded, so that it never changes
    scene_keys: tuple[str, ...]  #: all names of this acquisition; an equal key means the same acquisition
    platform_title: str  #: "Pléiades 1A"; the title of the Item begins with it
    acquired_at: datetime | None  #: start of the strip, UTC; naive values are refused; None for a mosaic
    footprint: Region  #: WGS 84, longitude first, RFC 7946 winding, cut at the antimeridian
    footprint_from: str  #: "roi-mask", "extent" (of the image) or "source" (as a catalogue gives it)
    clouds: MultiPolygon | None = None  #: WGS 84, 6 decimals; empty where a mask has none, None where there is no mask
    mission: str | None = None  #: satellite code as the vendor writes it: PHR1A, PNEO4, SPOT7, SPOT5
    profile: str | None = None  #: vendor profile, such as PHR_ORTHO
    platform: str | None = None  #: "pleiades-1a"; None for a mosaic of several
    constellation: str | None = None
    instruments: tuple[str, ...] = ()
    international_designator: str | None = None
    started_at: datetime | None = None  #: of the first and last line of this image, UTC
    ended_at: datetime | None = None
    viewing: ViewingDirection | None = None  #: ground to satellite, at the centre of the image
    sun_azimuth_deg: float | None = None  #: clockwise from north
    sun_elevation_deg: float | None = None
    vendor_angles: Mapping[str, float] = field(default_factory=dict)  #: as the vendor writes them: azimuth_angle…
    native_gsd_m: tuple[float, float] | None = None  #: across and along track
    relative_orbit: int | None = None
    orbit_state: str | None = None  #: "ascending" or "descending"
    acquisition_station: str | None = None
    root: str = ""  #: URL below which the files of the product lie, without credentials
    product: Product | None = None  #: None for a catalogued acquisition whose files we do not hold
    is_archive: bool = False  #: in the vendor's archive, to be ordered: its Item says whether we hold it
    gsd_m: float | None = None  #: where there is no product to give it
    cloud_cover_percent: float | None = None  #: 0 to 100; where there is no product to give it
    snow_cover_percent: float | None = None
    processing_level: str | None = None  #: where there is no product to give it
    source_id: str | None = None  #: the id as the source writes it, if not `id`
    source_href: str | None = None  #: where the source shows this record; becomes the `via` link
    published_at: datetime | None = None  #: when the source published it, UTC
    properties: Mapping[str, Any] = field(default_factory=dict)  #: further Item properties under their STAC names
    remote_assets: tuple[RemoteAsset, ...] = ()
    links: tuple[RecordLink, ...] = ()
    warnings: tuple[str, ...] = ()  #: what the reader could not use of a readable scene


class Moment(NamedTuple):
    """When and where a satellite took an acquisition, according to one record."""

    platform: str
    acquired_at: datetime  #: UTC
    footprint: bytes  #: WKB, WGS 84


@dataclass(frozen=True, kw_only=True)
class SceneOutline:
    """The part of a scene that decides to which acquisition and collection its record belongs."""

    id: str
    scene_keys: tuple[str, ...]
    platform: str | None
    acquired_at: datetime | None
    footprint: bytes  #: WKB, WGS 84
    mission: str | None
    profile: str | None
    is_archive: bool
    warnings: tuple[str, ...]

    @property
    def moment(self) -> Moment | None:
        """By which it is recognised without a common name; None for a mosaic."""
        if self.platform is None or self.acquired_at is None:
            return None
        return Moment(self.platform, self.acquired_at, self.footprint)

    @classmethod
    def of(cls, scene: SceneRecord) -> SceneOutline:
        """The outline of a scene."""
        return cls(
            id=scene.id,
            scene_keys=scene.scene_keys,
            platform=scene.platform,
            acquired_at=scene.acquired_at,
            footprint=scene.footprint.wkb,
            mission=scene.mission,
            profile=scene.profile,
            is_archive=scene.is_archive,
            warnings=scene.warnings,
        )
