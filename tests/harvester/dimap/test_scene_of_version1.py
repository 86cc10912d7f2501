"""DIMAP 1 scenes: what is mandatory, what refuses them, and what an old instrument does not say."""

from __future__ import annotations

from typing import Any

import pytest

from harvester.dimap import scene_from_delivery
from harvester.errors import UnreadableScene
from harvester.sensors import Sensors

SCENE = """<Dimap_Document>
<Metadata_Id><METADATA_PROFILE>SPOTSCENE_1A</METADATA_PROFILE></Metadata_Id>
<Dataset_Id><DATASET_NAME>SCENE 2 050-262/5 90/07/14 10:20:30 1 P</DATASET_NAME></Dataset_Id>
<Dataset_Frame>
<Vertex><FRAME_LON>2.0</FRAME_LON><FRAME_LAT>45.5</FRAME_LAT></Vertex>
<Vertex><FRAME_LON>2.7</FRAME_LON><FRAME_LAT>45.4</FRAME_LAT></Vertex>
<Vertex><FRAME_LON>2.6</FRAME_LON><FRAME_LAT>44.9</FRAME_LAT></Vertex>
<Vertex><FRAME_LON>1.9</FRAME_LON><FRAME_LAT>45.0</FRAME_LAT></Vertex>
<Scene_Center><FRAME_LON>2.3</FRAME_LON><FRAME_LAT>45.2</FRAME_LAT></Scene_Center>
</Dataset_Frame>
<Coordinate_Reference_System><Horizontal_CS><HORIZONTAL_CS_CODE>epsg:4326</HORIZONTAL_CS_CODE></Horizontal_CS>
</Coordinate_Reference_System>
<Geoposition><Geoposition_Points/></Geoposition>
<Production><JOB_ID>7</JOB_ID></Production>
<Dataset_Sources>
<Source_Information><SOURCE_ID>GLOBE</SOURCE_ID></Source_Information>
<Source_Information><SOURCE_ID>20502629007141020301P</SOURCE_ID><Scene_Source>
<GRID_REFERENCE>050-262</GRID_REFERENCE><IMAGING_DATE>1990-07-14</IMAGING_DATE><IMAGING_TIME>10:20:30</IMAGING_TIME>
<MISSION>SPOT</MISSION><MISSION_INDEX>2</MISSION_INDEX><SENSOR_CODE>P</SENSOR_CODE>
<INCIDENCE_ANGLE>-21.5</INCIDENCE_ANGLE></Scene_Source></Source_Information>
</Dataset_Sources>
<Raster_Dimensions><NCOLS>6000</NCOLS><NROWS>6010</NROWS><NBANDS>1</NBANDS></Raster_Dimensions>
<Raster_Encoding><NBITS>8</NBITS><DATA_TYPE>UNSIGNED</DATA_TYPE></Raster_Encoding>
<Data_Access><Data_File><DATA_FILE_PATH href="IMAGERY.BIL"/></Data_File></Data_Access>
<Data_Processing><PROCESSING_LEVEL>1A</PROCESSING_LEVEL></Data_Processing>
<Image_Interpretation><Spectral_Band_Info><BAND_INDEX>1</BAND_INDEX><BAND_DESCRIPTION>PAN</BAND_DESCRIPTION>
</Spectral_Band_Info></Image_Interpretation>
<Data_Strip><Ephemeris><NADIR_LON>5.5</NADIR_LON><NADIR_LAT>45.0</NADIR_LAT></Ephemeris></Data_Strip>
</Dimap_Document>"""


def _read(sensors: Sensors, *changes: tuple[str, str]) -> Any:
    text = SCENE
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    content = {
        "root": "file:///archive",
        "path": "s/METADATA.DIM",
        "documents": {"product": text},
        "files": {"IMAGERY.BIL": {"size": 9, "cog": False}},
        "problem": None,
    }
    return scene_from_delivery(content, sensors)


def test_a_scene_of_1990_is_read(sensors: Sensors) -> None:
    """Level 1A has no reference system, the signed incidence becomes positive, the azimuth points to the nadir."""
    scene = _read(sensors)
    assert scene.id == "SPOT2_199007141020300_050262"
    assert (scene.platform, scene.instruments) == ("spot-2", ("hrv",))
    assert (scene.viewing.incidence_deg, scene.viewing.off_nadir_deg) == (21.5, None)
    assert scene.viewing.azimuth_deg == pytest.approx(93.8, abs=0.5)
    assert (scene.product.proj_code, scene.product.transform, scene.product.level) == (None, None, "1A")
    assert scene.product.cloud_cover_percent is None
    (image,) = scene.product.images
    assert (image.media_type, image.bands[0].common_name) == ("application/octet-stream", "pan")
    assert (image.path, image.shape, image.size_bytes) == ("s/IMAGERY.BIL", (6010, 6000), 9)


@pytest.mark.parametrize(("code", "step", "sampling_m"), [("4326", "0.0001", None), ("32631", "10.0", 10.0)])
def test_degrees_between_pixels_are_never_taken_for_metres(
    sensors: Sensors, code: str, step: str, sampling_m: float | None
) -> None:
    """The step of a scene has no unit: it is that of the reference system."""
    insert = "<ULXMAP>2</ULXMAP><ULYMAP>45</ULYMAP><XDIM>1</XDIM><YDIM>1</YDIM>"
    options = f"<Sampling_Step><SAMPLING_STEP_X>{step}</SAMPLING_STEP_X></Sampling_Step>"
    scene = _read(
        sensors,
        ("epsg:4326", f"epsg:{code}"),
        ("<Geoposition_Points/>", f"<Geoposition_Insert>{insert}</Geoposition_Insert>"),
        ("<Data_Processing>", f"<Data_Processing><Processing_Options>{options}</Processing_Options>"),
    )
    assert scene.product.sampling_m == sampling_m


def test_a_scene_without_ephemeris_has_no_viewing_direction(sensors: Sensors) -> None:
    """Nothing else in DIMAP 1 gives the azimuth; the scene is read and says so."""
    scene = _read(sensors, ("Ephemeris>", "Nothing>"))
    assert scene.viewing is None
    assert "takes no part in stereo" in scene.warnings[0]


def test_an_angle_that_cannot_be_meant_is_left_out(sensors: Sensors) -> None:
    """The scene is read without a viewing direction, and a warning names the file, the path and the value."""
    scene = _read(sensors, ("<INCIDENCE_ANGLE>-21.5<", "<INCIDENCE_ANGLE>-91<"))
    assert scene.viewing is None
    assert [warning for warning in scene.warnings if "INCIDENCE_ANGLE = '-91' is out of range" in warning]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<GRID_REFERENCE>050-262</GRID_REFERENCE>", ""), r"Scene_Source/GRID_REFERENCE is missing or empty"),
        ((">050-262<", ">none<"), r"GRID_REFERENCE has no digits"),
        (("<MISSION_INDEX>2<", "<MISSION_INDEX>9<"), r"satellite 'SPOT9' is not one of SPOT 1-5"),
        (("Scene_Source>", "Other_Source>"), r"Scene_Source is missing"),
        (("<FRAME_LAT>45.5<", "<FRAME_LAT>145.5<"), r"Dataset_Frame/Vertex\[1\]/FRAME_LAT = '145.5' is out of range"),
        (("<NBANDS>1<", "<NBANDS>3<"), r"NBANDS = 3, but 1 bands are described"),
        (("<BAND_INDEX>1<", "<BAND_INDEX>2<"), r"BAND_INDEX does not number the bands"),
        (("IMAGERY.BIL", "../IMAGERY.BIL"), r"leaves the directory of the product"),
        (("SPOTSCENE_1A", "PHR_ORTHO"), r"PHR_ORTHO is written in DIMAP 1 instead of 2"),
        (("SPOTSCENE_1A", "BEAM-DATAMODEL-V1"), r"'BEAM-DATAMODEL-V1' is not one of any sensor"),
    ],
)
def test_a_scene_that_breaks_the_rules_is_refused(sensors: Sensors, change: tuple[str, str], reason: str) -> None:
    """The message names the file, the path and what is wrong there."""
    with pytest.raises(UnreadableScene, match=rf"s/METADATA\.DIM: .*{reason}"):
        _read(sensors, change)
