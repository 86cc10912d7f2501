"""From DIMAP 2 products (Pléiades, SPOT 6/7, Pléiades Neo) to scene records."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from footprints import FootprintError, azimuth_to_nadir
from harvester.dimap.acquisition_scene import scene_of_acquisition
from harvester.dimap.angles import Angles, read_angles
from harvester.dimap.clouds import clouds_of_delivery
from harvester.dimap.delivery import Delivery, companion_files, file_warnings
from harvester.dimap.document import DimapDocument
from harvester.dimap.frame import read_frame
from harvester.dimap.grid import (
    Grid,
    read_data_type,
    read_proj_code,
    read_sampling,
    read_shape,
    read_tiling,
    read_transform,
)
from harvester.dimap.identity import LARGEST_OFFSET, acquisition_of_strips
from harvester.dimap.images import image_files
from harvester.dimap.lineage import StripLineage, read_lineage
from harvester.dimap.outline import outline_of_delivery
from harvester.errors import UnreadableScene
from harvester.record import Product, SceneRecord
from harvester.sensors import Sensor

_SETTINGS = "Processing_Information/Product_Settings"
_SPECTRAL = f"{_SETTINGS}/SPECTRAL_PROCESSING"
_RASTER = "Raster_Data"
#: Below this incidence an azimuth is meaningless (degrees).
_ILL_CONDITIONED_DEG = 5.0
_LARGEST_AZIMUTH_OFFSET_DEG = 10.0


def scene_of_version2(delivery: Delivery, sensor: Sensor, profile: str) -> SceneRecord:
    """The acquisition of which this DIMAP 2 product is a component.

    Raises:
        UnreadableScene: Naming the file and the XML path of what is missing or unreadable.
    """
    document = delivery.document
    acquisition = acquisition_of_strips(document, sensor)
    product, grid = _product(delivery, sensor)
    lineage, lineage_warnings = _lineage(delivery)
    frame = read_frame(document, grid)
    outline = outline_of_delivery(delivery, frame, product.surface_area_km2)
    clouds = clouds_of_delivery(delivery, frame)
    centre = document.position("Dataset_Content/Dataset_Extent/Center")
    angles = read_angles(document, sensor.azimuth, centre, lineage.nadir)
    started_at, ended_at, time_warnings = _time_range(document, acquisition.strips)
    return replace(
        scene_of_acquisition(delivery, sensor, profile, acquisition, outline),
        clouds=clouds.region,
        started_at=started_at,
        ended_at=ended_at,
        viewing=angles.viewing,
        sun_azimuth_deg=angles.sun_azimuth_deg,
        sun_elevation_deg=angles.sun_elevation_deg,
        vendor_angles=angles.vendor,
        native_gsd_m=angles.native_gsd_m,
        relative_orbit=lineage.relative_orbit,
        orbit_state=lineage.orbit_state,
        acquisition_station=lineage.station,
        product=product,
        warnings=(
            *delivery.links.warnings,
            *file_warnings(delivery),
            *lineage_warnings,
            *outline.warnings,
            *clouds.warnings,
            *time_warnings,
            *_viewing_warnings(angles, centre, lineage),
            *document.left_out,
        ),
    )


def _product(delivery: Delivery, sensor: Sensor) -> tuple[Product, Grid]:
    document = delivery.document
    level, spectral = document.required(f"{_SETTINGS}/PROCESSING_LEVEL"), document.required(_SPECTRAL)
    radiometry = document.text(f"{_SETTINGS}/Radiometric_Settings/RADIOMETRIC_PROCESSING")
    order = "Product_Information/Delivery_Identification"
    content = "Dataset_Content"
    grid = _grid(document, level)
    # Order_Identification, beside JOB_ID, holds customers' texts: it is never read.
    product = Product(
        spectral=spectral,
        level=level,
        job=document.required(f"{order}/JOB_ID"),
        dataset_name=document.required("Dataset_Identification/DATASET_NAME"),
        produced_at=document.time(f"{order}/PRODUCTION_DATE"),
        radiometry=radiometry,
        sampling_m=read_sampling(document, f"{_SETTINGS}/Sampling_Settings/RESAMPLING_SPACING", grid),
        proj_code=grid.proj_code,
        transform=grid.transform,
        shape=grid.shape,
        data_type=read_data_type(document, f"{_RASTER}/Raster_Encoding"),
        bits_per_sample=document.integer("Radiometric_Data/Dynamic_Range/PRODUCT_RANGE", 1, 64),
        nodata=_nodata(document),
        cloud_cover_percent=document.number(f"{content}/CLOUD_COVERAGE", 0, 100),
        snow_cover_percent=document.number(f"{content}/SNOW_COVERAGE", 0, 100),
        surface_area_km2=document.number(f"{content}/SURFACE_AREA", 0, 1e8),
        software=_software(document),
        facility=document.text("Processing_Information/Production_Facility/PROCESSING_CENTER"),
        images=image_files(delivery, sensor, grid, spectral, radiometry),
        companions=companion_files(delivery),
    )
    return product, grid


def _grid(document: DimapDocument, level: str) -> Grid:
    shape, tiling = read_shape(document, f"{_RASTER}/Raster_Dimensions"), read_tiling(document)
    # In sensor geometry, the reference system is that of the corners, not of the pixels.
    if level == "SENSOR":
        return Grid(shape, None, None, tiling)
    reference = "Coordinate_Reference_System"
    is_projected = document.section(f"{reference}/Projected_CRS") is not None
    path = "Projected_CRS/PROJECTED_CRS_CODE" if is_projected else "Geodetic_CRS/GEODETIC_CRS_CODE"
    return Grid(shape, read_proj_code(document, f"{reference}/{path}"), read_transform(document), tiling)


def _nodata(document: DimapDocument) -> float | None:
    # Pléiades Neo gives it for each group of files, the others once for the raster.
    paths = (
        f"{_RASTER}/Raster_Display/Special_Value",
        f"{_RASTER}/Data_Access/Data_Files/Raster_Display/Special_Value",
    )
    values = [value for path in paths for value in document.sections(path)]
    nodata = (value for value in values if value.text("SPECIAL_VALUE_TEXT") == "NODATA")
    return next((value.required_number("SPECIAL_VALUE_COUNT") for value in nodata), None)


def _software(document: DimapDocument) -> dict[str, str]:
    path = "Processing_Information/Production_Facility/SOFTWARE"
    name, version = document.text(path), document.attribute(path, "version")
    if name is None or version is None:
        return {}
    names, versions = name.split(";"), version.split(";")
    return dict(zip(names, versions, strict=True)) if len(names) == len(versions) else {name: version}


def _lineage(delivery: Delivery) -> tuple[StripLineage, tuple[str, ...]]:
    if delivery.strip is None:
        return StripLineage(), ()
    try:
        lineage = read_lineage(delivery.strip, delivery.path_of(delivery.links.strip or "STRIP document"))
    except UnreadableScene as error:
        return StripLineage(), (f"the lineage of the strip is not usable ({error})",)
    return lineage, lineage.warnings


def _time_range(
    document: DimapDocument, strips: tuple[datetime, ...]
) -> tuple[datetime | None, datetime | None, tuple[str, ...]]:
    """Times of the first and last line: those of the sensor model, else the span of the located values.

    Those of a mosaic are the starts of its first and last strip, as its lines come from several.
    """
    if len(strips) > 1:
        return strips[0], strips[-1], ()
    path = "Geometric_Data/Refined_Model/Time/Time_Range"
    times = [time for name in ("START", "END") if (time := document.time(f"{path}/{name}")) is not None]
    if len(times) < 2:
        path = "Geometric_Data/Use_Area/Located_Geometric_Values"
        times = sorted(time for values in document.sections(path) if (time := values.time("TIME")) is not None)
    if len(times) < 2:
        return None, None, ()
    start, end = times[0], times[-1]
    if end < start:
        return None, None, (f"{document.where(path)} ends before it starts and is left out",)
    if max(strips[0] - start, end - strips[0]) > LARGEST_OFFSET:
        return None, None, (f"{document.where(path)} is not of the time of the strip and is left out",)
    return start, end, ()


def _viewing_warnings(angles: Angles, centre: tuple[float, float] | None, lineage: StripLineage) -> tuple[str, ...]:
    viewing = angles.viewing
    if viewing is None:
        return ("the product gives no viewing direction; it takes no part in stereo pairs",)
    if centre is None or lineage.nadir is None or viewing.incidence_deg < _ILL_CONDITIONED_DEG:
        return ()
    try:
        expected = azimuth_to_nadir(*centre, *lineage.nadir)
    except FootprintError:
        return ()
    offset = abs((viewing.azimuth_deg - expected + 180) % 360 - 180)
    if offset <= _LARGEST_AZIMUTH_OFFSET_DEG:
        return ()
    return (f"the azimuth {viewing.azimuth_deg:.1f}° disagrees with the sub-satellite point ({expected:.1f}°)",)
