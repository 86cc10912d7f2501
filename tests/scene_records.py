"""Scene records made by hand: a Pléiades acquisition over the Marne, of which each test changes what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from shapely import box

from footprints import ViewingDirection
from harvester.items.from_scenes import SourcedScene
from harvester.record import Band, CompanionFile, ImageFile, Product, RemoteAsset, SceneRecord

COG = "image/tiff; application=geotiff; profile=cloud-optimized"

BANDS = {
    "B2": Band(
        name="B2", common_name="red", centre_wavelength_um=0.65, full_width_half_max_um=0.1, scale=0.1, offset=0
    ),
    "B1": Band(name="B1", common_name="green", centre_wavelength_um=0.56, full_width_half_max_um=0.12),
    "B0": Band(name="B0", common_name="blue", centre_wavelength_um=0.49, full_width_half_max_um=0.12),
    "B3": Band(name="B3", common_name="nir", centre_wavelength_um=0.84, solar_irradiance_w_m2_um=1050.0),
    "P": Band(name="P", common_name="pan", centre_wavelength_um=0.65, unit="W/m2/sr/um"),
}


def product(spectral: str = "PMS", level: str = "ORTHO", job: str = "JOB_1", **changes: Any) -> Product:
    """One component with one image, a thumbnail, an ROI mask and its metadata, 1000 × 800 pixels of 0.5 m."""
    folder = f"{job}/IMG_{spectral}_{level}"
    names = ("P",) if spectral in ("P", "PAN") else ("B2", "B1", "B0", "B3")
    georeferenced = level == "ORTHO"
    made = Product(
        spectral=spectral,
        level=level,
        job=job,
        dataset_name="DS_PHR1A_202108151540532",
        produced_at=datetime(2021, 8, 20, 9, 30, tzinfo=UTC),
        radiometry="BASIC",
        sampling_m=2.0 if spectral == "MS" else 0.5,
        proj_code="EPSG:32631" if georeferenced else None,
        transform=(0.5, 0.0, 500_000.0, 0.0, -0.5, 5_400_000.0) if georeferenced else None,
        shape=(1000, 800),
        data_type="uint16",
        bits_per_sample=12,
        nodata=0,
        cloud_cover_percent=12.5,
        snow_cover_percent=None,
        surface_area_km2=0.2,
        software={"DRAW": "9.1"},
        facility="Paris",
        images=(
            ImageFile(
                path=f"{folder}/IMG_R1C1.TIF",
                bands=tuple(BANDS[name] for name in names),
                media_type=COG,
                size_bytes=6_400_000,
            ),
        ),
        companions=(
            CompanionFile(path=f"{folder}/ICON.JPG", kind="thumbnail", media_type="image/jpeg", title="icon"),
            CompanionFile(path=f"{folder}/PREVIEW.JPG", kind="overview", media_type="image/jpeg", title="quicklook"),
            CompanionFile(path=f"{folder}/ROI.GML", kind="mask-roi", media_type="application/gml+xml", title="ROI"),
            CompanionFile(path=f"{folder}/CLD.GML", kind="mask-cld", media_type="application/gml+xml", title="clouds"),
            CompanionFile(path=f"{folder}/DIM.XML", kind="metadata", media_type="application/xml", title="metadata"),
        ),
    )
    return replace(made, **changes)


def scene(component: Product | None = None, **changes: Any) -> SceneRecord:
    """One record of the acquisition `PHR1A_202108151541301`, held as one product unless `product=None` is said."""
    made = SceneRecord(
        id="PHR1A_202108151541301",
        scene_keys=("PHR1A_202108151541301",),
        mission="PHR1A",
        profile="PHR_ORTHO",
        platform="pleiades-1a",
        platform_title="Pléiades 1A",
        constellation="pleiades",
        instruments=("phr",),
        international_designator="2011-076F",
        acquired_at=datetime(2021, 8, 15, 15, 41, 30, 100_000, tzinfo=UTC),
        started_at=datetime(2021, 8, 15, 15, 41, 31, 250_000, tzinfo=UTC),
        ended_at=datetime(2021, 8, 15, 15, 41, 32, 750_000, tzinfo=UTC),
        footprint=box(4.0, 48.7, 4.1, 48.8),
        footprint_from="roi-mask",
        viewing=ViewingDirection(201.5, 14.2, 12.8),
        sun_azimuth_deg=155.0,
        sun_elevation_deg=52.25,
        vendor_angles={"azimuth_angle": 179.9, "incidence_angle_along_track": -12.0},
        native_gsd_m=(0.72, 0.74),
        relative_orbit=252,
        orbit_state="descending",
        acquisition_station="TLS",
        root="file:///archive",
        product=component or product(),
    )
    return replace(made, **changes)


def delivered(*scenes: SceneRecord) -> list[SourcedScene]:
    """The records as those of the one source of deliveries."""
    return [SourcedScene("deliveries", 0, each) for each in scenes]


def archived(**changes: Any) -> SceneRecord:
    """The same acquisition as the archive of the vendor lists it: no files of ours, a quicklook of theirs."""
    made = replace(
        scene(),
        id="ARCHIVE-PHR1A_202108151541301",
        profile=None,
        product=None,
        root="",
        footprint_from="source",
        started_at=None,
        ended_at=None,
        native_gsd_m=None,
        is_archive=True,
        gsd_m=0.5,
        cloud_cover_percent=3.0,
        processing_level="ALBUM",
        source_id="5b1e0f1c-0000-4000-8000-000000000001",
        source_href="https://archive.example.org/records/1",
        published_at=datetime(2021, 8, 16, 4, 0, tzinfo=UTC),
        properties={"airbus:album_production_status": "ARCHIVED"},
        remote_assets=(quicklook(),),
    )
    return replace(made, **changes)


def quicklook(**changes: Any) -> RemoteAsset:
    """A preview that its source serves itself."""
    made = RemoteAsset(
        key="overview",
        href="https://archive.example.org/records/1/quicklook",
        roles=("overview",),
        title="Quicklook",
        media_type="image/jpeg",
    )
    return replace(made, **changes)
