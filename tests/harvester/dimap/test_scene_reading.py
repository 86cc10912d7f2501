"""What is read from a product, what is mandatory, and what refuses it."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from footprints.stereo.properties import view_of_image
from harvester.dimap import scene_from_delivery
from harvester.errors import UnreadableScene
from harvester.items.from_scenes import item_from_scenes
from tests.scene_records import delivered

SOURCE = "<SOURCE_ID>DS_PHR1A_202301021030001_MADE_00001</SOURCE_ID>"
SPECTRAL = "<SPECTRAL_PROCESSING>PMS</SPECTRAL_PROCESSING>"


@pytest.mark.parametrize(
    ("element", "path"),
    [
        ("<METADATA_PROFILE>PHR_ORTHO</METADATA_PROFILE>", "Metadata_Identification/METADATA_PROFILE"),
        (SOURCE, r"Dataset_Sources/Source_Identification\[1\]/SOURCE_ID"),
        ("<MISSION>PHR</MISSION>", r"Dataset_Sources/Source_Identification\[1\]/Strip_Source/MISSION"),
        ("<IMAGING_DATE>2023-01-02</IMAGING_DATE>", r"Source_Identification\[1\]/Strip_Source/IMAGING_DATE"),
        ("<IMAGING_TIME>10:30:00.1Z</IMAGING_TIME>", r"Source_Identification\[1\]/Strip_Source/IMAGING_TIME"),
        ("<JOB_ID>MADE-1</JOB_ID>", "Product_Information/Delivery_Identification/JOB_ID"),
        ("<DATASET_NAME>DS_PHR1A_202301021030000_MADE</DATASET_NAME>", "Dataset_Identification/DATASET_NAME"),
        ("<PROCESSING_LEVEL>ORTHO</PROCESSING_LEVEL>", "Product_Settings/PROCESSING_LEVEL"),
        (SPECTRAL, "Product_Settings/SPECTRAL_PROCESSING"),
        ("<NROWS>80</NROWS>", "Raster_Data/Raster_Dimensions/NROWS"),
        ("<NBANDS>4</NBANDS>", "Raster_Data/Raster_Dimensions/NBANDS"),
        ("<NBITS>16</NBITS>", "Raster_Data/Raster_Encoding/NBITS"),
        ("<ULXMAP>421000</ULXMAP>", "Geoposition/Geoposition_Insert/ULXMAP"),
        ("<PROJECTED_CRS_CODE>urn:ogc:def:crs:EPSG::32631</PROJECTED_CRS_CODE>", "Projected_CRS/PROJECTED_CRS_CODE"),
    ],
)
def test_a_missing_mandatory_field_is_named_by_file_and_path(made: Any, element: str, path: str) -> None:
    """A product without it is refused, and the message says where to look."""
    with pytest.raises(UnreadableScene, match=rf"job/IMG 01/DIM\.XML: .*{path} is missing or empty"):
        made.read((element, ""))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<NROWS>80<", "<NROWS>0<"), r"NROWS = '0' is out of range"),
        (("<NBANDS>4<", "<NBANDS>3<"), r"NBANDS = 3, but PMS has 4 bands"),
        (("<NBITS>16<", "<NBITS>12<"), r"Raster_Encoding describes pixels of no known type \(INTEGER UNSIGNED 12\)"),
        (("<XDIM>20<", "<XDIM>0<"), r"XDIM = '0' is out of range"),
        (("EPSG::32631", "EPSG::99999"), r"PROJECTED_CRS_CODE = .* is not a reference system that PROJ knows"),
        (("EPSG::32631", "UTM31"), r"PROJECTED_CRS_CODE = .* is not an EPSG code"),
        ((">PMS<", ">PAN<"), r"SPECTRAL_PROCESSING : spectral mode 'PAN' is not one of Pléiades \(P, MS"),
        (("<MISSION_INDEX>1A<", "<MISSION_INDEX>3<"), r"satellite 'PHR3' is not one of Pléiades \(PHR1A, PHR1B\)"),
        (("<IMAGING_DATE>2023-01-02<", "<IMAGING_DATE>2023-13-02<"), r"IMAGING_DATE \+ IMAGING_TIME = '2023-13-02T"),
        (("<IMAGING_DATE>2023-01-02<", "<IMAGING_DATE>2023-01-03<"), r"is not the acquisition of IMAGING_TIME"),
        (("DS_PHR1A_202301021030001", "ACQ_PNEO3_008164"), r"has no 15-digit stamp of PHR1A"),
        (("DS_PHR1A_202301021030001", "DS_PHR1B_202301021030001"), r"has no 15-digit stamp of PHR1A"),
        (
            ("DS_PHR1A_202301021030001", "DS_PHR1A_202399021030001"),
            r"SOURCE_ID = '2023-99-02T10:30:00.1Z' is not a time",
        ),
        (("<Strip_Source>", "<Ground_Source>"), r"Source_Identification/Strip_Source is missing"),
        (("<Data_Files>", "<Files>"), r"Raster_Data/Data_Access/Data_Files is missing"),
        (("PHR_ORTHO", "SPOTSCENE_2A"), r"SPOTSCENE_2A is written in DIMAP 2 instead of 1"),
        (("PHR_ORTHO", "WV3_ORTHO"), r"METADATA_PROFILE: profile 'WV3_ORTHO' is not one of any sensor"),
        (("PHR_ORTHO", "PER1_ORTHO"), r"METADATA_PROFILE: PeruSat-1 products are not part"),
        ((">PRODUCT<", ">RPC<"), r"this is a companion of a product \(RPC\)"),
    ],
)
def test_a_product_that_contradicts_the_rules_is_refused(made: Any, change: tuple[str, str], reason: str) -> None:
    """Values out of range, unknown words and names that do not fit each other are told with the path and the value."""
    closing = {"<Strip_Source>": "</Ground_Source>", "<Data_Files>": "</Files>"}.get(change[0])
    changes = (change, (change[0].replace("<", "</"), closing)) if closing else (change,)
    with pytest.raises(UnreadableScene, match=rf"job/IMG 01/DIM\.XML: .*{reason}"):
        made.read(*changes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((">12.5<", ">140<"), r"Dataset_Content/CLOUD_COVERAGE = '140' is out of range \(0 to 100\)"),
        ((">12.5<", ">clear<"), r"Dataset_Content/CLOUD_COVERAGE = 'clear' is not a number"),
        (("<INCIDENCE_ANGLE>11.3<", "<INCIDENCE_ANGLE>-11.3<"), r"Values\[2\]/.*INCIDENCE_ANGLE = '-11.3' is out of"),
        (("<MIN>0.43<", "<MIN>0.93<"), r"Band_Spectral_Range\[1\]/MIN = 0\.93 is not below MAX"),
        ((">micrometers<", ">furlongs<"), r"MEASURE_UNIT = 'furlongs' is not a unit of wavelength"),
        (("<GAIN>8.0<", "<GAIN>0<"), r"Band_Radiance\[1\]/GAIN = '0' is out of range"),
    ],
)
def test_what_an_image_can_be_without_does_not_cost_it(made: Any, change: tuple[str, str], reason: str) -> None:
    """The product is read, without the field, and a warning names the file, the path and the value."""
    plain, scene = made.read(), made.read(change)
    assert (scene.id, scene.acquired_at, scene.footprint) == (plain.id, plain.acquired_at, plain.footprint)
    assert scene != replace(plain, warnings=scene.warnings)
    assert [w for w in scene.warnings if re.search(rf"job/IMG 01/DIM\.XML: .*{reason}.*, and was left out", w)]


def test_a_problem_met_while_fetching_is_the_reason(made: Any, sensors: Any) -> None:
    """What the source could not read refuses the record in the source's words."""
    content = {**made.content(made.edited()), "problem": "the archive member is encrypted"}
    with pytest.raises(UnreadableScene, match=r"^the archive member is encrypted$"):
        scene_from_delivery(content, sensors)


def test_rapideye_is_refused_with_its_reason(made: Any) -> None:
    """RapidEye metadata is recognised, and said not to be DIMAP."""
    with pytest.raises(UnreadableScene, match="RapidEye products are not DIMAP"):
        made.read_bytes(b"<re:EarthObservation xmlns:re='http://schemas.rapideye.de/products/x'/>")


@pytest.mark.parametrize("value", ["", "NA"])
def test_absent_cloud_cover_stays_absent(made: Any, value: str) -> None:
    """An unknown cloud cover is None, never clear sky."""
    assert made.read((">12.5<", f">{value}<")).product.cloud_cover_percent is None


def test_order_fields_of_the_customer_are_never_read(made: Any) -> None:
    """Neither the customer's reference nor the comment of the order is anywhere in the record."""
    assert "private" not in repr(asdict(made.read()))
    assert "a private name" in made.edited()


def test_an_accuracy_that_is_no_number_refuses_nothing(made: Any) -> None:
    """What no Item says is not read."""
    accuracy = "<Planimetric_Accuracy_Measurement><Quality_Values><ACCURACY_CE90>unknown</ACCURACY_CE90>"
    closing = "</Quality_Values></Planimetric_Accuracy_Measurement>"
    assert made.read(("<Quality_Assessment>", f"<Quality_Assessment>{accuracy}{closing}")).id == made.read().id


def test_documents_in_latin_1_are_read_from_their_kept_bytes(made: Any) -> None:
    """The raw record keeps bytes as text with surrogates; the declared encoding is applied to the exact bytes."""
    changes = ('encoding="UTF-8"', 'encoding="ISO-8859-1"'), ("202301021030000_MADE", "202301021030000_FAÇONNÉ")
    assert made.read_bytes(made.edited(*changes).encode("latin-1")).product.dataset_name.endswith("_FAÇONNÉ")


def test_the_made_product_is_read_as_it_was_made(made: Any) -> None:
    """Every field of the small product arrives in the record in our units."""
    scene = made.read()
    product = scene.product
    assert (scene.id, scene.mission) == ("PHR1A_202301021030001", "PHR1A")
    assert (scene.platform, scene.constellation, scene.instruments) == ("pleiades-1a", "pleiades", ("hiri",))
    assert scene.international_designator == "2011-076F"
    assert scene.acquired_at == datetime(2023, 1, 2, 10, 30, 0, 100000, UTC)
    assert scene.viewing.azimuth_deg == pytest.approx(315.0)
    assert (scene.viewing.incidence_deg, scene.viewing.off_nadir_deg) == (11.3, 10.0)
    assert (scene.sun_azimuth_deg, scene.sun_elevation_deg) == (161.0, 41.0)
    assert (product.job, product.sampling_m, product.nodata, product.bits_per_sample) == ("MADE-1", 0.5, 0.0, 12)
    assert product.produced_at == datetime(2023, 1, 3, 8, tzinfo=UTC)
    assert (product.shape, product.data_type) == ((80, 100), "uint16")
    assert product.transform == (20.0, 0.0, 421000.0, 0.0, -20.0, 4985000.0)
    (image,) = product.images
    assert image.media_type == "image/tiff; application=geotiff; profile=cloud-optimized"
    assert (image.tile, image.group, image.size_bytes) == (None, None, 10)
    blue = image.bands[2]
    assert (blue.name, blue.scale, blue.offset, blue.unit) == ("B0", 0.125, 0.25, "W m-2 sr-1 um-1")


GEOGRAPHIC = (
    ("Projected_CRS>", "Geodetic_CRS>"),
    ("PROJECTED_CRS_CODE", "GEODETIC_CRS_CODE"),
    ("EPSG::32631", "EPSG::4326"),
    ("<ULXMAP>421000</ULXMAP><ULYMAP>4985000</ULYMAP>", "<ULXMAP>2.0</ULXMAP><ULYMAP>45.02</ULYMAP>"),
    ("<XDIM>20</XDIM><YDIM>20</YDIM>", "<XDIM>0.0003</XDIM><YDIM>0.00025</YDIM>"),
)
METRES = '<RESAMPLING_SPACING unit="m">0.5</RESAMPLING_SPACING>'


@pytest.mark.parametrize(
    ("changes", "sampling_m"),
    [
        ([(METRES, "")], 20.0),
        ([(' unit="m"', "")], 0.5),
        ([*GEOGRAPHIC], 0.5),
        ([*GEOGRAPHIC, (METRES, "")], None),
        ([*GEOGRAPHIC, (METRES, '<RESAMPLING_SPACING unit="deg">0.0000045</RESAMPLING_SPACING>')], None),
        ([*GEOGRAPHIC, (METRES, "<RESAMPLING_SPACING>0.0000045</RESAMPLING_SPACING>")], None),
    ],
)
def test_degrees_between_pixels_are_never_taken_for_metres(
    made: Any, changes: list[tuple[str, str]], sampling_m: float | None
) -> None:
    """An image in longitude and latitude is read; how many metres its pixels are apart is said where they are given."""
    assert made.read(*changes).product.sampling_m == sampling_m


def test_missing_images_and_models_are_reported(made: Any, sensors: Any) -> None:
    """A product whose raster did not arrive is read without it, and says so."""
    content = {**made.content(made.edited()), "files": {}}
    scene = scene_from_delivery(content, sensors)
    assert scene.product is not None
    assert scene.product.images == ()
    assert scene.warnings[:2] == (
        "1 of 1 images are not delivered, the first is job/IMG 01/IMG_R1C1.TIF",
        "the geometric model job/IMG 01/RPC.XML is not delivered",
    )


def test_empty_images_are_reported(made: Any, sensors: Any) -> None:
    """A raster of which nothing has arrived but its name is told, as a delivery that is still being copied has it."""
    content = {**made.content(made.edited()), "files": {"IMG_R1C1.TIF": {"size": 0, "cog": False}}}
    scene = scene_from_delivery(content, sensors)
    assert scene.product is not None
    assert [image.size_bytes for image in scene.product.images] == [0]
    assert scene.warnings[0] == "1 of 1 images are empty (0 bytes), the first is job/IMG 01/IMG_R1C1.TIF"


def test_located_values_are_found_by_name_and_else_averaged_as_vectors(made: Any) -> None:
    """Without a centre the azimuth is the mean vector, so that 350° and 10° give 0°."""
    scene = made.read(
        ("<LOCATION_TYPE>Center<", "<LOCATION_TYPE>Bottom Center<"),
        ("PHR_ORTHO", "S7_ORTHO"),
        ("<MISSION>PHR<", "<MISSION>SPOT<"),
        ("<MISSION_INDEX>1A<", "<MISSION_INDEX>7<"),
        ("DS_PHR1A_", "DS_SPOT7_"),
        (
            "<AZIMUTH_ANGLE>180.0</AZIMUTH_ANGLE><VIEWING_ANGLE>9.0<",
            "<AZIMUTH_ANGLE>350</AZIMUTH_ANGLE><VIEWING_ANGLE>9.0<",
        ),
        ("<AZIMUTH_ANGLE>180.0<", "<AZIMUTH_ANGLE>10<"),
    )
    assert (scene.viewing.azimuth_deg + 180) % 360 == pytest.approx(180.0)
    assert scene.viewing.incidence_deg == pytest.approx(10.65)
    assert scene.sun_azimuth_deg == pytest.approx(160.5)
    assert scene.vendor_angles == {}


def test_a_product_without_angles_is_read_without_them(made: Any) -> None:
    """Angles are not mandatory; a view without them is told to take no part in stereo."""
    scene = made.read(("Use_Area", "No_Area"))
    assert (scene.viewing, scene.sun_azimuth_deg, scene.native_gsd_m) == (None, None, None)
    assert any("takes no part in stereo" in warning for warning in scene.warnings)


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        ("2023-01-02T10:30:01Z", "2023-01-02T10:30:00Z", "Time_Range ends before it starts"),
        ("2023-01-02T10:30:00Z", "2023-03-02T10:30:01Z", "Time_Range is not of the time of the strip"),
        ("2022-01-02T10:30:00Z", "2023-01-02T10:30:01Z", "Time_Range is not of the time of the strip"),
    ],
)
def test_times_that_are_not_of_the_strip_are_left_out(made: Any, start: str, end: str, reason: str) -> None:
    """An Item is found by its interval, which must not reach over months where a file is damaged."""
    times = f"<Time><Time_Range><START>{start}</START><END>{end}</END></Time_Range></Time>"
    scene = made.read(("<Geometric_Data>", f"<Geometric_Data><Refined_Model>{times}</Refined_Model>"))
    assert (scene.started_at, scene.ended_at) == (None, None)
    assert any(reason in warning for warning in scene.warnings)


STRIP = """<Dimap_Document><Metadata_Identification><METADATA_SUBPROFILE>STRIP</METADATA_SUBPROFILE>
</Metadata_Identification><Acquisition_Configuration><Platform_Configuration><Ephemeris_Configuration>
<NADIR_LAT>{lat}</NADIR_LAT><NADIR_LON>{lon}</NADIR_LON><ACQUISITION_ORBIT_NUMBER>51</ACQUISITION_ORBIT_NUMBER>
<ACQUISITION_ORBIT_DIRECTION>{direction}</ACQUISITION_ORBIT_DIRECTION>
</Ephemeris_Configuration></Platform_Configuration></Acquisition_Configuration></Dimap_Document>"""


def test_an_azimuth_that_contradicts_the_nadir_is_reported(made: Any) -> None:
    """North-west of the scene the sub-satellite point confirms 315°; south-east of it, it does not."""
    agreeing = made.read(strip=STRIP.format(lat=46, lon=0.6, direction="DESCENDING").encode())
    opposite = made.read(strip=STRIP.format(lat=44, lon=3.4, direction="ASCENDING").encode())
    assert (agreeing.relative_orbit, agreeing.orbit_state, opposite.orbit_state) == (51, "descending", "ascending")
    assert not any("disagrees" in warning for warning in agreeing.warnings)
    assert any("disagrees with the sub-satellite point" in warning for warning in opposite.warnings)


@pytest.mark.parametrize(
    "strip",
    [
        b"",
        b"<A",
        b"<Dimap_Document/>",
    ],
)
def test_an_unusable_lineage_is_reported_and_left_out(made: Any, strip: bytes) -> None:
    """The lineage only adds: what is wrong in it never refuses the product."""
    scene = made.read(strip=strip)
    assert scene.relative_orbit is None
    assert any("the lineage of the strip is not usable" in warning for warning in scene.warnings)


@pytest.mark.parametrize(
    ("strip", "told", "orbit"),
    [
        (STRIP.format(lat=99, lon=0, direction=""), "NADIR_LAT = '99' is out of range", (51, None)),
        (
            STRIP.format(lat=46, lon=0.6, direction="ASCENDING").replace(">51<", ">0<"),
            "NUMBER = '0'",
            (None, "ascending"),
        ),
        (STRIP.format(lat=46, lon=0.6, direction="UP"), "'up' is neither", (51, None)),
    ],
)
def test_a_value_of_the_lineage_that_cannot_be_meant_is_left_out(
    made: Any, strip: str, told: str, orbit: tuple[int | None, str | None]
) -> None:
    """The others are read, and a warning names the file, the path and the value."""
    scene = made.read(strip=strip.encode())
    assert (scene.relative_orbit, scene.orbit_state) == orbit
    assert [warning for warning in scene.warnings if told in warning and warning.endswith("left out")]


def test_reflectances_have_their_fixed_scale(made: Any) -> None:
    """Reflectance products hold ten thousandths, whatever the calibration says; display products have none."""
    reflectance = made.read((">BASIC<", ">REFLECTANCE<")).product.images[0].bands[2]
    display = made.read((">BASIC<", ">DISPLAY<")).product.images[0].bands[2]
    assert (reflectance.scale, reflectance.offset, reflectance.unit) == (1e-4, 0.0, "1")
    assert (display.scale, display.offset, display.unit) == (None, None, None)


@pytest.mark.parametrize(
    ("mode", "bands"),
    [
        ("PMS-N", ("red", "green", "blue")),
        ("MS-X", ("green", "red", "nir")),
        ("MS", ("red", "green", "blue", "nir")),
        ("P", ("pan",)),
    ],
)
def test_each_spectral_mode_has_its_own_order(made: Any, mode: str, bands: tuple[str, ...]) -> None:
    """Three-band products are red, green, blue or green, red, near infrared."""
    scene = made.read((">PMS<", f">{mode}<"), ("<NBANDS>4<", f"<NBANDS>{len(bands)}<"))
    assert tuple(band.common_name for band in scene.product.images[0].bands) == bands


def test_an_index_in_the_file_wins_over_the_order_of_the_mode(made: Any) -> None:
    """Raster_Index numbers the bands of its own file, in any order of writing."""
    index = "".join(
        f"<Raster_Index><BAND_ID>{band}</BAND_ID><BAND_INDEX>{position}</BAND_INDEX></Raster_Index>"
        for band, position in (("B3", 4), ("B0", 1), ("B2", 3), ("B1", 2))
    )
    listed = f"<Raster_Display><Raster_Index_List>{index}</Raster_Index_List></Raster_Display></Data_Files>"
    scene = made.read(("</Data_Files>", listed))
    assert [band.name for band in scene.product.images[0].bands] == ["B0", "B1", "B2", "B3"]
    with pytest.raises(UnreadableScene, match=r"BAND_INDEX does not number the bands 1, 2, 3"):
        made.read(("</Data_Files>", listed.replace("<BAND_INDEX>4<", "<BAND_INDEX>7<")))


@pytest.mark.parametrize(
    "overlap",
    ['<NTILES_OVERLAP nrows="10" ncols="20"/>', "<OVERLAP_ROW>10.0</OVERLAP_ROW><OVERLAP_COL>20</OVERLAP_COL>"],
)
def test_overlapping_tiles_begin_before_the_last_one_ends(made: Any, overlap: str) -> None:
    """Overlap, written as attributes or as elements, moves the next tile back by as many pixels."""
    tiling = f'<NTILES_SIZE nrows="50" ncols="60"/>{overlap}'
    second = '<Data_File tile_R="2" tile_C="2"><DATA_FILE_PATH href="./IMG_R1C1.TIF"/></Data_File></Data_Files>'
    document = made.edited(
        ("<NBANDS>4</NBANDS>", f"<NBANDS>4</NBANDS><Tile_Set><Regular_Tiling>{tiling}</Regular_Tiling></Tile_Set>"),
        ("</Data_Files>", second),
        ('href="./IMG_R1C1.TIF"', 'href="IMG_R1C1.TIF"'),
    )
    first, last = made.read_bytes(document.encode()).product.images
    assert (first.tile, first.shape) == ("r1c1", (50, 60))
    assert (last.tile, last.shape) == ("r2c2", (40, 60))
    assert last.transform == (20.0, 0.0, 421000.0 + 40 * 20, 0.0, -20.0, 4985000.0 - 40 * 20)


@pytest.mark.parametrize("place", ["", 'tile_R="1" tile_C="1"', 'tile_C="1"'])
def test_tiles_without_a_place_of_their_own_are_refused(made: Any, place: str) -> None:
    """Both would lie at the first pixel."""
    second = f'<Data_File {place}><DATA_FILE_PATH href="IMG_R2C1.TIF"/></Data_File></Data_Files>'
    with pytest.raises(UnreadableScene, match=r"Data_Files\[1\]/Data_File@tile_R and @tile_C do not number the tiles"):
        made.read(("</Data_Files>", second))


def second_strip(satellite: str) -> tuple[str, str]:
    """A change that adds a strip a minute before that of the made product."""
    strip = (
        f"<Source_Identification><SOURCE_ID>DS_PHR{satellite}_202301021029001_MADE_00002</SOURCE_ID><Strip_Source>"
        f"<MISSION>PHR</MISSION><MISSION_INDEX>{satellite}</MISSION_INDEX><IMAGING_DATE>2023-01-02</IMAGING_DATE>"
        "<IMAGING_TIME>10:29:00.1Z</IMAGING_TIME></Strip_Source></Source_Identification>"
    )
    return "</Dataset_Sources>", f"{strip}</Dataset_Sources>"


def test_a_mosaic_of_strips_is_an_acquisition_of_its_own(made: Any) -> None:
    """Several strips are named for the earliest, and share no key with the products of that strip alone."""
    mosaic = made.read(second_strip("1A"))
    assert mosaic.id == "PHR1A_202301021029001_MOSAIC"
    assert mosaic.scene_keys == (mosaic.id,)


def test_a_mosaic_of_strips_has_a_period_and_no_moment(made: Any) -> None:
    """With a moment it would be of one acquisition with its first strip, and make stereo pairs with the others."""
    item = item_from_scenes(delivered(mosaic := made.read(second_strip("1A"))), item_id=mosaic.id, collection="c")
    properties = item["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2023-01-02T10:29:00.100000Z"
    assert properties["end_datetime"] == "2023-01-02T10:30:00.100000Z"
    assert view_of_image(mosaic.id, mosaic.footprint, properties) is None
    assert properties["platform"] == "pleiades-1a"


def test_a_mosaic_of_several_satellites_has_the_constellation_alone(made: Any) -> None:
    """Neither of the two is said to have taken the whole."""
    mosaic = made.read(second_strip("1B"))
    assert mosaic.id == "PHR1B_202301021029001_MOSAIC"
    assert (mosaic.platform, mosaic.international_designator, mosaic.constellation) == (None, None, "pleiades")
    assert mosaic.platform_title == "Pléiades"


def test_a_strip_named_twice_is_one_strip(made: Any) -> None:
    """The same source written twice is no mosaic."""
    text = made.edited()
    source = text[text.index("<Source_Identification>") : text.index("</Dataset_Sources>")]
    assert made.read(("</Dataset_Sources>", f"{source}</Dataset_Sources>")).id == "PHR1A_202301021030001"


def test_the_stamp_of_pleiades_neo_is_that_of_its_dataset_name(made: Any) -> None:
    """Its strip has no stamp; the imaging time is never made into one, and a foreign SOURCE_ID is no key."""
    changes = (
        ("PHR_ORTHO", "PNEO_ORTHO"),
        (">DS_PHR1A_202301021030000_MADE<", ">PNEO3_202301021030014_PMS_ORT<"),
        ("<MISSION>PHR<", "<MISSION>PNEO<"),
        ("<MISSION_INDEX>1A<", "<MISSION_INDEX>3<"),
    )
    own = made.read(*changes, ("DS_PHR1A_202301021030001_MADE_00001", "ACQ_PNEO3_0081"))
    foreign = made.read(*changes)
    assert own.scene_keys == ("ACQ_PNEO3_0081", "PNEO3_202301021030014")
    assert foreign.scene_keys == ("PNEO3_202301021030014",)
    assert own.viewing.azimuth_deg == 180.0


def test_a_mosaic_of_pleiades_neo_is_told_by_its_strips(made: Any) -> None:
    """Its strips have one DATASET_NAME, so that the names of the acquisitions tell that there are two."""
    text = made.edited(
        ("PHR_ORTHO", "PNEO_ORTHO"),
        (">DS_PHR1A_202301021030000_MADE<", ">PNEO3_202301021030014_PMS_ORT<"),
        ("<MISSION>PHR<", "<MISSION>PNEO<"),
        ("<MISSION_INDEX>1A<", "<MISSION_INDEX>3<"),
        ("DS_PHR1A_202301021030001_MADE_00001", "ACQ_PNEO3_0081"),
    )
    source = text[text.index("<Source_Identification>") : text.index("</Dataset_Sources>")]
    other = source.replace("ACQ_PNEO3_0081", "ACQ_PNEO3_0082").replace("10:30:00.1Z", "10:30:20.1Z")
    mosaic = made.read_bytes(text.replace("</Dataset_Sources>", f"{other}</Dataset_Sources>").encode())
    assert (mosaic.id, mosaic.scene_keys) == ("PNEO3_202301021030014_MOSAIC", ("PNEO3_202301021030014_MOSAIC",))
