"""Sensor documents: adding one adds a sensor, and a wrong one is named with what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harvester.dimap import scene_from_delivery
from harvester.errors import CollectionDocumentError, UnreadableScene
from harvester.sensors import Sensors, load_sensors

INVENTED = """
id: icare
title: Icare
dimap: 2
profiles: ["PER1_"]
constellation: icare
instruments: [eye]
satellites:
  IC7: {platform: icare-7, title: Icare 7}
azimuth: nadir
stamp: strip-source-id
bands: {W1: green, W2: null}
pixel_order:
  DUO: [W2, W1]
"""


def test_adding_a_sensor_is_adding_a_file(made: Any, tmp_path: Path) -> None:
    """A family that no code knows, even one that is otherwise refused, is read from its document alone."""
    (tmp_path / "icare.yaml").write_text(INVENTED, "utf-8")
    document = made.edited(
        ("PHR_ORTHO", "PER1_ORTHO"),
        ("DS_PHR1A_", "DS_IC7_"),
        ("<MISSION>PHR<", "<MISSION>IC<"),
        ("<MISSION_INDEX>1A<", "<MISSION_INDEX>7<"),
        (">PMS<", ">DUO<"),
        ("<NBANDS>4<", "<NBANDS>2<"),
    )
    strip = (
        "<Dimap_Document><Metadata_Identification><METADATA_SUBPROFILE>STRIP</METADATA_SUBPROFILE>"
        "</Metadata_Identification><Acquisition_Configuration><Platform_Configuration><Ephemeris_Configuration>"
        "<NADIR_LAT>46.01</NADIR_LAT><NADIR_LON>2.015</NADIR_LON></Ephemeris_Configuration></Platform_Configuration>"
        "</Acquisition_Configuration></Dimap_Document>"
    )
    scene = scene_from_delivery(made.content(document, strip=strip.encode()), load_sensors(tmp_path))
    assert (scene.id, scene.platform) == ("IC7_202301021030001", "icare-7")
    assert scene.viewing is not None
    assert scene.viewing.azimuth_deg == pytest.approx(0.0, abs=1e-6)
    assert scene.product is not None
    assert [(band.name, band.common_name) for band in scene.product.images[0].bands] == [("W2", None), ("W1", "green")]


def test_the_families_of_the_project_are_found_by_profile(sensors: Sensors) -> None:
    """Every level of every family is matched by prefix, unseen names included."""
    found = {
        profile: sensors.for_profile(profile).id
        for profile in ("PHR_MOSAIC", "S6_SENSOR", "S7_PROJECTED", "PNEO_ORTHO", "SPOTSCENE_1A", "SPOTVIEW_ORTHO")
    }
    assert found == {
        "PHR_MOSAIC": "pleiades",
        "S6_SENSOR": "spot-6-7",
        "S7_PROJECTED": "spot-6-7",
        "PNEO_ORTHO": "pleiades-neo",
        "SPOTSCENE_1A": "spot-1-5",
        "SPOTVIEW_ORTHO": "spot-1-5",
    }
    assert sorted(sensor.id for sensor in sensors) == ["pleiades", "pleiades-neo", "spot-1-5", "spot-6-7"]


@pytest.mark.parametrize(
    ("profile", "reason"),
    [
        ("PER1_ORTHO", "PeruSat-1"),
        ("PHR_SYSTEM_RECTIFIED_PRODUCT", "older than DIMAP 2"),
        ("RAPIDEYE", "RapidEye"),
        ("WV3_ORTHO", "add a document to collections/sensors"),
    ],
)
def test_refused_families_are_refused_with_a_reason(sensors: Sensors, profile: str, reason: str) -> None:
    """A known family that is not read is called by its name, an unknown one is told how to be added."""
    with pytest.raises(UnreadableScene, match=reason):
        sensors.for_profile(profile)


@pytest.mark.parametrize(
    ("change", "place", "reason"),
    [
        (("azimuth: nadir", "azimuth: banana"), "10:1", "azimuth: input should be 'scan-axis'"),
        (("azimuth: nadir", "azimuth: targt"), "10:1", "did you mean 'target'"),
        (("azimuth: nadir\n", ""), "2:1", "the key 'azimuth' is missing"),
        (("title: Icare\n", "titel: Icare\n"), "3:1", "titel: unknown key; did you mean 'title'"),
        (("DUO: [W2, W1]", "DUO: [W2, W9]"), "14:13", "'W9' is not in bands; known here: W1, W2"),
        (("IC7:", "ic-7:"), "9:3", "satellites.ic-7: write MISSION and MISSION_INDEX in capital letters"),
        (
            ("platform: icare-7", "platform: Icare 7"),
            "9:9",
            "IC7.platform: write lower-case letters",
        ),
        (("platform: icare-7", "plattform: icare-7"), "9:9", "did you mean 'platform'"),
        (("id: icare", "id: other"), "2:1", "rename the file to other.yaml"),
        (("azimuth: nadir", "azimuth: [nadir"), "11:6", "this is not YAML"),
        (("W1: green", "W1: grene"), "12:9", "did you mean 'green'"),
        (("W2: null", "W2: no"), "12:24", "YAML reads no as a truth value"),
        (("[eye]", "eye"), "7:1", "write a list here"),
        ((INVENTED, "- 1"), "1:1", "write keys and their values here"),
    ],
)
def test_a_wrong_sensor_document_is_explained_with_its_line(
    tmp_path: Path, change: tuple[str, str], place: str, reason: str
) -> None:
    """The message names the file, line and column, and says how to mend it."""
    assert change[0] in INVENTED
    file = tmp_path / "icare.yaml"
    file.write_text(INVENTED.replace(*change), "utf-8")
    with pytest.raises(CollectionDocumentError) as refusal:
        load_sensors(tmp_path)
    lines = str(refusal.value).splitlines()
    assert any(line.startswith(f"{file}:{place}: error: ") and reason in line for line in lines), lines


@pytest.mark.parametrize("code", ["PHR1A", "SPOT7", "CO3D1", "CO3D4", "S2A10"])
def test_a_satellite_may_have_digits_anywhere_but_first(tmp_path: Path, code: str) -> None:
    """A mission with a digit in its name is a mission."""
    (tmp_path / "icare.yaml").write_text(INVENTED.replace("IC7:", f"{code}:"), "utf-8")
    (sensor,) = load_sensors(tmp_path)
    assert sensor.satellite(code).platform == "icare-7"


def test_two_documents_may_not_claim_one_profile(tmp_path: Path) -> None:
    """Which document reads a profile never depends on the order of files."""
    (tmp_path / "icare.yaml").write_text(INVENTED, "utf-8")
    (tmp_path / "dedale.yaml").write_text(INVENTED.replace("id: icare", "id: dedale"), "utf-8")
    with pytest.raises(CollectionDocumentError, match=r"icare\.yaml:5:12: error: .*PER1_ is claimed by 'dedale' too"):
        load_sensors(tmp_path)


def test_a_directory_without_documents_is_refused(tmp_path: Path) -> None:
    """An empty directory is a wrong path, not a project without sensors."""
    with pytest.raises(CollectionDocumentError, match="holds no sensor document"):
        load_sensors(tmp_path)
