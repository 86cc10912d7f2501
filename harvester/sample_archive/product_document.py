"""The DIM document of a component, section by section, in the DIMAP 2 variant of its family."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

from harvester.sample_archive.component import Component, Place
from harvester.sample_archive.missions import BandGroup, SpectralBand
from harvester.sample_archive.passes import off_nadir_deg, viewing_components_deg
from harvester.sample_archive.sun import sun_position_deg
from harvester.sample_archive.xml_tree import element, linked, measured, serialised, zulu

PRODUCER = "DINAMIS sample archive"
COPYRIGHT = "Synthetic data, no satellite image, no rights reserved"
MASK_NAMES = {"ROI": "Area_Of_Interest", "CLD": "Cloud_Cotation"}
_CALIBRATED = datetime(2020, 1, 1, tzinfo=UTC)
_PRODUCTION_DELAY = timedelta(hours=5, minutes=12)


def product_document(component: Component) -> bytes:
    """The DIM document."""
    attributes = {"spot": {"version": "2.12"}, "pneo": {"version": "1.2"}}.get(component.family.name, {})
    root = element(
        "Dimap_Document",
        identification(component, f"{component.spec.satellite.profile}_{component.spec.level}", "PRODUCT"),
        _dataset_identification(component),
        _dataset_content(component),
        product_information(component, job_id=component.job_id),
        _reference_system(component),
        _geoposition(component),
        _processing_information(component),
        _raster_data(component),
        _radiometric_data(component),
        _geometric_data(component),
        _quality_assessment(component),
        _dataset_sources(component),
        attributes=attributes,
    )
    return serialised(root, component.family.encoding)


def identification(component: Component, profile: str, subprofile: str) -> ElementTree.Element:
    """Metadata_Identification, which says what a document is."""
    return element(
        "Metadata_Identification",
        element("METADATA_FORMAT", "DIMAP", attributes={"version": component.family.format_version}),
        element("METADATA_PROFILE", profile),
        element("METADATA_SUBPROFILE", subprofile),
        element("METADATA_LANGUAGE", "en"),
    )


def product_information(component: Component, job_id: str | None = None) -> ElementTree.Element:
    """Producer and order; volumes name no job."""
    spec, is_neo = component.spec, component.family.name == "pneo"
    is_stereo = len(spec.views) > 1
    produced = zulu(component.view.acquired_at + _PRODUCTION_DELAY)
    return element(
        "Product_Information",
        element("Producer_Information", element("PRODUCER_NAME", PRODUCER), element("PRODUCER_CONTACT", "NA")),
        element(
            "Delivery_Identification",
            element("PRODUCTION_DATE", produced.removesuffix("Z") if component.family.name == "phr" else produced),
            element("JOB_ID", job_id) if job_id else None,
            element("PRODUCT_CODE", ("STE" if is_stereo else "STD") if is_neo else component.family.name.upper()),
            element("PRODUCT_TYPE", "STEREO" if is_stereo else "STANDARD") if is_neo else None,
            element("PRODUCT_INFO", component.family.name.upper()),
            element("DELIVERY_TYPE", "NETWORK"),
            element(
                "Order_Identification",
                element("CUSTOMER_REFERENCE", spec.title or "NA"),
                element("INTERNAL_REFERENCE", f"SYNTHETIC_{spec.job}"),
                element("COMMERCIAL_REFERENCE", f"SY{spec.job}"),
                element("COMMERCIAL_ITEM", component.number),
            ),
        ),
    )


def component_link(title: str, content: str | None, kind: str, href: str) -> ElementTree.Element:
    """A Component: a link to a file beside the document."""
    return element(
        "Component",
        element("COMPONENT_TITLE", title),
        element("COMPONENT_CONTENT", content) if content else None,
        element("COMPONENT_TYPE", kind),
        linked("COMPONENT_PATH", href),
    )


def temporal_crs() -> ElementTree.Element:
    """The temporal reference system, UTC."""
    return element(
        "Temporal_CRS",
        element("CRS_TABLES", "ITU", attributes={"version": "0.0"}),
        element("TEMPORAL_CRS_NAME", "UTC"),
    )


def _dataset_identification(component: Component) -> ElementTree.Element:
    kind = "RASTER_SENSOR" if not component.is_map else "RASTER_ORTHO"
    thumbnail = [
        linked("DATASET_TN_PATH", f"ICON_{component.stem}.JPG"),
        element("DATASET_TN_FORMAT", "image/jpeg"),
    ]
    return element(
        "Dataset_Identification",
        element("DATASET_TYPE", kind),
        element("DATASET_NAME", component.dataset_name, attributes={"version": "1.0"}),
        *([] if component.family.name == "pneo" else thumbnail),
        linked("DATASET_QL_PATH", f"PREVIEW_{component.stem}.JPG"),
        element("DATASET_QL_FORMAT", "image/jpeg"),
        element("Legal_Constraints", element("COPYRIGHT", f"© {COPYRIGHT}"), element("LICENSE", "NA")),
    )


def _dataset_content(component: Component) -> ElementTree.Element:
    cloud, snow = component.cloud_cover_percent, component.spec.snow_cover_percent
    return element(
        "Dataset_Content",
        measured("SURFACE_AREA", round(component.surface_km2, 6), "square km"),
        None if cloud is None else measured("CLOUD_COVERAGE", float(cloud), "percent"),
        None if snow is None else measured("SNOW_COVERAGE", float(snow), "percent"),
        element("Dataset_Components", *_lineage_links(component)),
        _dataset_extent(component),
    )


def _lineage_links(component: Component) -> list[ElementTree.Element]:
    links = [_processing_link(component)]
    if component.strip_file:
        links.append(_strip_link(component.strip_file))
    if not component.is_map:
        links.append(_rpc_link(component))
    return links


def _processing_link(component: Component) -> ElementTree.Element:
    return component_link("Processing", "Lineage Information", "DIMAP", component.processing_file)


def _strip_link(href: str) -> ElementTree.Element:
    return component_link("Strip Source", "Lineage Information", "DIMAP", href)


def _rpc_link(component: Component) -> ElementTree.Element:
    return component_link("RPC Model", "Geoposition Model", "DIMAP", f"RPC_{component.stem}.XML")


def _dataset_extent(component: Component) -> ElementTree.Element:
    rows, cols = component.grid.rows, component.grid.cols
    corners = ((1, 1), (cols, 1), (cols, rows), (1, rows))
    return element(
        "Dataset_Extent",
        element("EXTENT_TYPE", "Bounding_Polygon" if component.family.name == "phr" else "Bounding_Box"),
        *(element("Vertex", *_position(component, col, row)) for col, row in corners),
        element("Center", *_position(component, (cols + 1) // 2, (rows + 1) // 2)),
    )


def _position(component: Component, col: int, row: int) -> list[ElementTree.Element]:
    """Position of a pixel: SPOT gives its centre, Pléiades the outer corner of a corner pixel, Neo its upper left."""
    grid, family = component.grid, component.family.name
    at_col, at_row = float(col), float(row)
    if component.is_map and family == "phr":
        at_col += {1: -0.5, grid.cols: 0.5}.get(col, 0.0)
        at_row += {1: -0.5, grid.rows: 0.5}.get(row, 0.0)
    if component.is_map and family == "pneo":
        at_col, at_row = at_col - 0.5, at_row - 0.5
    lon, lat = grid.lonlat(at_col, at_row)
    x, y = grid.plane(at_col, at_row)
    on_map = [element("X", float(x)), element("Y", float(y))] if component.is_map else []
    height = [element("H", float(component.spec.height_m))] if family == "pneo" and not component.is_map else []
    return [
        element("LON", float(lon)),
        element("LAT", float(lat)),
        *on_map,
        *height,
        element("COL", col),
        element("ROW", row),
    ]


def _reference_system(component: Component) -> ElementTree.Element:
    if component.is_map:
        epsg = component.grid.epsg
        zone = f"{epsg % 100}{'N' if epsg < 32700 else 'S'}"
        name = {"phr": str(epsg), "spot": f"{epsg} WGS84/UTM {zone}", "pneo": f"WGS 84 / UTM zone {zone}"}
        crs = element(
            "Projected_CRS",
            element("PROJECTED_CRS_NAME", name[component.family.name]),
            element("PROJECTED_CRS_CODE", f"urn:ogc:def:crs:EPSG::{epsg}"),
        )
    else:
        crs = geodetic_crs()
    return element("Coordinate_Reference_System", crs, temporal_crs())


def geodetic_crs() -> ElementTree.Element:
    """The reference system of longitudes and latitudes, WGS 84."""
    return element(
        "Geodetic_CRS",
        element("GEODETIC_CRS_TYPE", "GEOGRAPHIC2D"),
        element("GEODETIC_CRS_NAME", "WGS84"),
        element("GEODETIC_CRS_CODE", "urn:ogc:def:crs:EPSG::4326"),
    )


def _geoposition(component: Component) -> ElementTree.Element:
    is_map = component.is_map
    raster_crs = element(
        "Raster_CRS",
        element("RASTER_GEOMETRY", "GROUND" if is_map else "SENSOR"),
        element("PIXEL_ORIENTATION", "UL" if is_map else "CENTER"),
        element("PIXEL_CRS_TYPE", "CELL" if is_map else "POINT"),
        element("PIXEL_ORIGIN", 1),
    )
    if not is_map:
        model = element("Rational_Function_Model", _rpc_link(component))
        return element("Geoposition", raster_crs, element("Geoposition_Models", model))
    x_size, _, left, _, y_size, top = component.grid.transform
    unit = {"unit": "m"} if component.family.name == "pneo" else {}
    values = {"ULXMAP": left, "ULYMAP": top, "XDIM": x_size, "YDIM": -y_size}
    insert = [element(tag, value, attributes=unit) for tag, value in values.items()]
    return element("Geoposition", raster_crs, element("Geoposition_Insert", *insert))


def _processing_information(component: Component) -> ElementTree.Element:
    level = component.spec.level
    return element(
        "Processing_Information",
        element(
            "Production_Facility",
            element("SOFTWARE", PRODUCER, attributes={"version": "1"}),
            element("PROCESSING_CENTER", "DINAMIS"),
        ),
        element(
            "Product_Settings",
            element("PROCESSING_LEVEL", level),
            element("SPECTRAL_PROCESSING", component.mode_name),
            element(
                "Geometric_Settings",
                element("GEOMETRIC_PROCESSING", f"SYSTEM_{level}" if component.family.name == "phr" else level),
            ),
            element("Radiometric_Settings", element("RADIOMETRIC_PROCESSING", component.spec.radiometry)),
            element(
                "Sampling_Settings",
                measured("RESAMPLING_SPACING", component.grid.pixel_m, "m"),
                element("RESAMPLING_KERNEL", "SPLINE"),
            ),
        ),
        element("Processing_Lineage", _processing_link(component)),
    )


def _raster_data(component: Component) -> ElementTree.Element:
    """Sizes, files and special values: Pléiades Neo keeps those of a group of bands beside its files."""
    grid, is_neo = component.grid, component.family.name == "pneo"
    access = element(
        "Data_Access",
        element("DATA_FILE_ORGANISATION", "BAND_COMPOSITE"),
        element("DATA_FILE_FORMAT", "image/tiff"),
        element("DATA_FILE_TILES", str(len(component.tiles) > 1).lower()),
        *(_data_files(component, group) for group in component.mode.groups),
    )
    dimensions = element(
        "Raster_Dimensions",
        element("NROWS", grid.rows),
        element("NCOLS", grid.cols),
        element("NBANDS", len(component.mode.bands)),
        _tile_set(component),
    )
    encoding = element(
        "Raster_Encoding",
        element("DATA_TYPE", "INTEGER"),
        element("NBITS", 16),
        element("SIGN", "UNSIGNED"),
        element("COMPRESSION_TYPE", "LOSSLESS"),
    )
    if is_neo:
        return element("Raster_Data", dimensions, encoding, access)
    return element(
        "Raster_Data", access, dimensions, encoding, _raster_display(component.mode.groups[0], indexed=False)
    )


def _tile_set(component: Component) -> ElementTree.Element | None:
    if component.family.name == "phr" and len(component.tiles) == 1:
        return None
    height, width = component.tile_size
    down, right = component.spec.tiles
    overlap = [element("OVERLAP_ROW", 0), element("OVERLAP_COL", 0)]
    if component.family.name == "pneo":
        overlap = [element("NTILES_OVERLAP", attributes={"ncols": "0", "nrows": "0"})]
    return element(
        "Tile_Set",
        element("NTILES", down * right),
        element(
            "Regular_Tiling",
            element("NTILES_SIZE", attributes={"nrows": str(height), "ncols": str(width)}),
            element("NTILES_COUNT", attributes={"ntiles_R": str(down), "ntiles_C": str(right)}),
            *overlap,
        ),
    )


def _data_files(component: Component, group: BandGroup) -> ElementTree.Element:
    files = [
        element(
            "Data_File",
            linked("DATA_FILE_PATH", component.image_file(group, tile)),
            attributes={"tile_R": str(tile.row), "tile_C": str(tile.col)},
        )
        for tile in component.tiles
    ]
    display = _raster_display(group, indexed=True) if component.family.name == "pneo" else None
    return element("Data_Files", *files, display)


def _raster_display(group: BandGroup, *, indexed: bool) -> ElementTree.Element:
    red, green, blue = group.bands[:3] if len(group.bands) > 1 else group.bands * 3
    indices = [
        element("Raster_Index", element("BAND_ID", band), element("BAND_INDEX", index))
        for index, band in enumerate(group.bands, start=1)
    ]
    return element(
        "Raster_Display",
        element("Raster_Index_List", *indices) if indexed else None,
        element(
            "Band_Display_Order",
            element("RED_CHANNEL", red),
            element("GREEN_CHANNEL", green),
            element("BLUE_CHANNEL", blue),
            element("ALPHA_CHANNEL", group.bands[3]) if len(group.bands) == 4 else None,
        ),
        _special_value("NODATA", 0),
        _special_value("SATURATED", 4095),
    )


def _special_value(name: str, count: int) -> ElementTree.Element:
    return element("Special_Value", element("SPECIAL_VALUE_TEXT", name), element("SPECIAL_VALUE_COUNT", count))


def _radiometric_data(component: Component) -> ElementTree.Element:
    is_basic = component.spec.radiometry == "BASIC"
    measures = [part for band in _listed_bands(component) for part in _band_measures(component, band)]
    return element(
        "Radiometric_Data",
        element("Dynamic_Range", element("ACQUISITION_RANGE", 12), element("PRODUCT_RANGE", 12 if is_basic else 16)),
        element(
            "Radiometric_Calibration",
            element("Instrument_Calibration", element("Band_Measurement_List", *measures)),
        ),
    )


def _listed_bands(component: Component) -> list[SpectralBand]:
    """The bands in the order of the family's calibration list, which is not that of the pixels."""
    return [band for band in component.family.bands if band.id in component.mode.bands]


def _band_measures(component: Component, band: SpectralBand) -> list[ElementTree.Element]:
    unit = component.family.wavelength_unit
    scale = 1000 if unit == "micrometers" else 1
    limits: list[ElementTree.Element] = [
        element("MIN", band.shortest_nm / scale),
        element("MAX", band.longest_nm / scale),
    ]
    if component.family.name == "pneo":
        limits = [element("FWHM", *limits)]
    calibrated = element("CALIBRATION_DATE", zulu(_CALIBRATED))
    radiance = element(
        "Band_Radiance",
        element("BAND_ID", band.id),
        calibrated,
        element("MEASURE_DESC", "Raw radiometric count (DN) to TOA Radiance (L). Formulae L=DN/GAIN+BIAS"),
        element("MEASURE_UNIT", "watt/m2/steradians/micrometers"),
        element("GAIN", band.gain),
        element("BIAS", 0),
    )
    irradiance = element(
        "Band_Solar_Irradiance",
        element("BAND_ID", band.id),
        calibrated,
        element("MEASURE_UNIT", "watt/m2/micron"),
        element("VALUE", band.solar_irradiance),
    )
    spectral = element(
        "Band_Spectral_Range", element("BAND_ID", band.id), calibrated, element("MEASURE_UNIT", unit), *limits
    )
    return [spectral, radiance, irradiance] if component.spec.radiometry == "BASIC" else [spectral, irradiance]


def _geometric_data(component: Component) -> ElementTree.Element:
    located = [_located_values(component, place) for place in component.places()]
    return element(
        "Geometric_Data",
        None if component.is_map else _refined_model(component),
        element("Use_Area", *located),
    )


def _refined_model(component: Component) -> ElementTree.Element:
    first, last = (Place("", 1, row) for row in (1, component.grid.rows))
    start, end = zulu(component.time_at(first)), zulu(component.time_at(last))
    limits = element("Time_Range", element("START", start), element("END", end))
    return element("Refined_Model", element("Time", limits))


def _located_values(component: Component, place: Place) -> ElementTree.Element:
    view, moment = component.view_at(place), component.time_at(place)
    spec = component.spec
    sun_azimuth, sun_elevation = sun_position_deg(moment, spec.lon, spec.lat)
    across_m, along_m = component.ground_sample_m(view)
    pixel = [element("COL", place.col), element("ROW", place.row)]
    altitude = component.altitude_text()
    return element(
        "Located_Geometric_Values",
        element("LOCATION_TYPE", place.name),
        *([] if component.family.name == "phr" else pixel),
        element("TIME", zulu(moment)),
        None if altitude is None else element("SATELLITE_ALTITUDE", altitude),
        _acquisition_angles(component, place),
        element(
            "Solar_Incidences",
            measured("SUN_AZIMUTH", sun_azimuth, "deg"),
            measured("SUN_ELEVATION", sun_elevation, "deg"),
        ),
        element(
            "Ground_Sample_Distance",
            measured("GSD_ACROSS_TRACK", across_m, "m"),
            measured("GSD_ALONG_TRACK", along_m, "m"),
        ),
    )


def _acquisition_angles(component: Component, place: Place) -> ElementTree.Element:
    """Angles in the convention of the family: Pléiades states the scan axis as azimuth, the others the satellite's."""
    view, altitude = component.view_at(place), component.family.altitude_km
    pitch, roll = viewing_components_deg(view, component.spec.lat, altitude)
    along, across = view.incidences_deg
    is_phr, is_neo = component.family.name == "phr", component.family.name == "pneo"
    return element(
        "Acquisition_Angles",
        measured("IMAGE_ORIENTATION", view.scan_azimuth_deg, "deg") if is_neo else None,
        element("AZIMUTH_ANGLE", view.scan_azimuth_deg if is_phr else view.azimuth_deg),
        measured("VIEWING_ANGLE_ACROSS_TRACK", roll, "deg"),
        measured("VIEWING_ANGLE_ALONG_TRACK", pitch, "deg"),
        measured("VIEWING_ANGLE", off_nadir_deg(view.incidence_deg, altitude), "deg"),
        element("INCIDENCE_ANGLE_ALONG_TRACK", along),
        element("INCIDENCE_ANGLE_ACROSS_TRACK", across),
        element("INCIDENCE_ANGLE", view.incidence_deg),
    )


def _quality_assessment(component: Component) -> ElementTree.Element:
    codes = ["ROI", "CLD"] if component.roi_ring else ["CLD"]
    accuracy = element(
        "Planimetric_Accuracy_Measurement",
        element("MEASURE_NAME", "Absolute Horizontal Accuracy"),
        element("MEASURE_UNIT", "m"),
        element("Quality_Values", element("ACCURACY_CE90", 5.0)),
    )
    return element("Quality_Assessment", accuracy, *(_imaging_quality(component, code) for code in codes))


def _imaging_quality(component: Component, code: str) -> ElementTree.Element:
    name = MASK_NAMES[code]
    mask = component_link(f"{name} Mask", "GML MASK", "ENCAPSULATED", component.mask_file(code))
    return element(
        "Imaging_Quality_Measurement",
        element("QUALITY_TABLES", component.family.quality_tables),
        element("MEASURE_NAME", f"{name} ({code})"),
        element("MEASURE_TYPE", "AUTOMATIC"),
        element("Quality_Mask", mask),
    )


def _dataset_sources(component: Component) -> ElementTree.Element:
    satellite, moment = component.spec.satellite, component.view.acquired_at
    is_phr, is_neo = component.family.name == "phr", component.family.name == "pneo"
    tenth = f"{moment:%H:%M:%S}.{moment.microsecond // 100_000}"
    instrument = (
        []
        if is_neo
        else [
            element("INSTRUMENT", satellite.mission),
            element("INSTRUMENT_INDEX", satellite.index),
        ]
    )
    strip = element(
        "Strip_Source",
        element("MISSION", satellite.mission),
        element("MISSION_INDEX", satellite.index),
        *instrument,
        element("IMAGING_DATE", f"{moment:%Y-%m-%d}"),
        element("IMAGING_TIME", f"{tenth}Z" if is_phr else tenth),
        element("BAND_MODE", "PMS" if is_neo else "PX"),
    )
    source = element(
        "Source_Identification",
        element("SOURCE_ID", component.source_id),
        element("SOURCE_TYPE", "Strip_Source"),
        element("SOURCE_DESCRIPTION", f"{component.spec.mission} synthetic strip"),
        strip,
        _strip_link(component.strip_file) if component.strip_file else None,
    )
    return element("Dataset_Sources", source)
