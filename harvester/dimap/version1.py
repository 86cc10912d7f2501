"""From DIMAP 1 scenes (SPOT 1 to 5) to scene records."""

from __future__ import annotations

from dataclasses import replace

from footprints import FootprintError, ViewingDirection, azimuth_in_circle, azimuth_to_nadir
from harvester.dimap.acquisition_scene import scene_of_acquisition
from harvester.dimap.bands import scene_bands
from harvester.dimap.delivery import Delivery, companion_files, file_warnings
from harvester.dimap.document import DimapDocument
from harvester.dimap.frame import read_corners, region_of_corners
from harvester.dimap.grid import Grid, read_data_type, read_proj_code, read_sampling, read_shape, read_transform
from harvester.dimap.identity import acquisition_of_scene
from harvester.dimap.images import whole_image
from harvester.dimap.outline import Outline
from harvester.record import ImageFile, Product, SceneRecord, known
from harvester.sensors import Sensor

_SOURCES = "Dataset_Sources/Source_Information"
_VERTICES = "Dataset_Frame/Vertex"
_PROCESSING = "Data_Processing"
_CRS = "Coordinate_Reference_System/Horizontal_CS"


def scene_of_version1(delivery: Delivery, sensor: Sensor, profile: str) -> SceneRecord:
    """The acquisition that this DIMAP 1 scene shows.

    DIMAP 1 has neither cloud cover nor masks; the footprint is the frame.

    Raises:
        UnreadableScene: Naming the file and the XML path of what is missing or unreadable.
    """
    document = delivery.document
    source = _scene_source(document)
    acquisition = acquisition_of_scene(source, sensor)
    corners = read_corners(document, _VERTICES, "FRAME_")
    outline = Outline(region_of_corners(document, _VERTICES, corners), "extent")
    viewing = _viewing(document, source)
    return replace(
        scene_of_acquisition(delivery, sensor, profile, acquisition, outline),
        viewing=viewing,
        sun_azimuth_deg=_sun_azimuth(source),
        sun_elevation_deg=source.number("Scene_Source/SUN_ELEVATION", -90, 90),
        vendor_angles=_vendor_angles(document, source),
        product=_product(delivery, sensor, source),
        warnings=(
            *delivery.links.warnings,
            *file_warnings(delivery),
            *document.left_out,
            *(() if viewing else ("the scene gives no viewing direction; it takes no part in stereo pairs",)),
        ),
    )


def _scene_source(document: DimapDocument) -> DimapDocument:
    sources = [source for source in document.sections(_SOURCES) if source.section("Scene_Source") is not None]
    if not sources:
        raise document.problem(f"{_SOURCES}/Scene_Source", "is missing; the scene names no acquisition")
    return sources[0]


def _product(delivery: Delivery, sensor: Sensor, source: DimapDocument) -> Product:
    document = delivery.document
    grid = _grid(document)
    facility = "Production/Production_Facility"
    return Product(
        spectral=source.required("Scene_Source/SENSOR_CODE"),
        level=document.required(f"{_PROCESSING}/PROCESSING_LEVEL"),
        job=document.required("Production/JOB_ID"),
        dataset_name=document.required("Dataset_Id/DATASET_NAME"),
        produced_at=document.time("Production/DATASET_PRODUCTION_DATE"),
        radiometry=document.text(f"{_PROCESSING}/RADIOMETRIC_PROCESSING"),
        sampling_m=read_sampling(document, f"{_PROCESSING}/Processing_Options/Sampling_Step/SAMPLING_STEP_X", grid),
        proj_code=grid.proj_code,
        transform=grid.transform,
        shape=grid.shape,
        data_type=read_data_type(document, "Raster_Encoding"),
        bits_per_sample=document.integer("Raster_Encoding/NBITS", 1, 64),
        nodata=_nodata(document),
        cloud_cover_percent=None,
        snow_cover_percent=None,
        surface_area_km2=None,
        software=_software(document, facility),
        facility=document.text(f"{facility}/PROCESSING_CENTER"),
        images=_images(delivery, sensor, grid),
        companions=companion_files(delivery),
    )


def _images(delivery: Delivery, sensor: Sensor, grid: Grid) -> tuple[ImageFile, ...]:
    document = delivery.document
    bands = scene_bands(document, sensor)
    count = document.required_integer("Raster_Dimensions/NBANDS", 1, 1000)
    if count != len(bands):
        raise document.problem("Raster_Dimensions/NBANDS", f"= {count}, but {len(bands)} bands are described")
    if len(delivery.links.images) != 1:
        path = "Data_Access/Data_File"
        raise document.problem(path, f"names {len(delivery.links.images)} images; a scene of DIMAP 1 has one")
    hrefs = [href for href in delivery.links.images if delivery.exists(href)]
    return tuple(whole_image(delivery, href, grid, bands) for href in hrefs)


def _grid(document: DimapDocument) -> Grid:
    shape = read_shape(document, "Raster_Dimensions")
    # Levels 1A and 1B have tie points instead of a Geoposition_Insert: their pixels are in sensor geometry.
    if document.section("Geoposition/Geoposition_Insert") is None:
        return Grid(shape, None, None, None)
    return Grid(shape, read_proj_code(document, f"{_CRS}/HORIZONTAL_CS_CODE"), read_transform(document), None)


def _nodata(document: DimapDocument) -> float | None:
    values = document.sections("Image_Display/Special_Value")
    nodata = (value for value in values if value.text("SPECIAL_VALUE_TEXT") == "NODATA")
    return next((value.required_number("SPECIAL_VALUE_INDEX") for value in nodata), None)


def _software(document: DimapDocument, facility: str) -> dict[str, str]:
    name, version = document.text(f"{facility}/SOFTWARE_NAME"), document.text(f"{facility}/SOFTWARE_VERSION")
    return {} if name is None or version is None else {name: version}


def _viewing(document: DimapDocument, source: DimapDocument) -> ViewingDirection | None:
    """The viewing direction: azimuth along the geodesic to the sub-satellite point, incidence without its sign."""
    nadir = document.position("Data_Strip/Ephemeris", "NADIR_")
    incidence = source.number("Scene_Source/INCIDENCE_ANGLE", -90, 90)
    centre = document.position("Dataset_Frame/Scene_Center", "FRAME_")
    if nadir is None or incidence is None or centre is None:
        return None
    off_nadir = source.number("Scene_Source/VIEWING_ANGLE", -90, 90)
    try:
        azimuth = azimuth_to_nadir(*centre, *nadir)
        return ViewingDirection(azimuth, abs(incidence), None if off_nadir is None else abs(off_nadir))
    except FootprintError as error:
        source.leave_out(source.problem("Scene_Source/INCIDENCE_ANGLE", f"gives no viewing direction: {error}"))
        return None


def _sun_azimuth(source: DimapDocument) -> float | None:
    azimuth = source.number("Scene_Source/SUN_AZIMUTH", -360, 360)
    return None if azimuth is None else azimuth_in_circle(azimuth)


def _vendor_angles(document: DimapDocument, source: DimapDocument) -> dict[str, float]:
    read = {
        "incidence_angle": source.number("Scene_Source/INCIDENCE_ANGLE", -90, 90),
        "viewing_angle": source.number("Scene_Source/VIEWING_ANGLE", -90, 90),
        "scene_orientation": document.number("Dataset_Frame/SCENE_ORIENTATION", -360, 360),
    }
    return known(read)
