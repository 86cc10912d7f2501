"""What is read in the records of OneAtlas: acquisitions, directions, footprints, and what each level offers."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from math import degrees, radians, tan
from pathlib import Path
from typing import Any

import pytest

from footprints import footprint_bbox
from harvester.errors import UnreadableScene
from harvester.record import RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.airbus.features import records_from_features
from harvester.sources.oneatlas.source import scene_from_record
from harvester.sources.source import Progress, once_each
from tests.emulators.oneatlas import Feature, synthetic_features


@pytest.fixture(scope="module")
def genuine(samples: Path) -> list[RawRecord]:
    """The 34 records of the genuine answer."""
    answer = json.loads((samples / "sources/airbus_oneatlas/opensearch_sf_phr_spot.json").read_bytes())
    return records_from_features(answer["features"], "id")


def feature(constellation: str = "PHR", geometry: Any = None, **properties: Any) -> Feature:
    """A synthetic ALBUM record, changed."""
    made = synthetic_features(1, constellation=constellation)[0]
    made["properties"] |= properties
    return made | ({"geometry": geometry} if geometry else {})


def scene(changed: Feature, sensors: Sensors) -> SceneRecord:
    """The scene of one feature."""
    [record] = records_from_features([changed], "id")
    return scene_from_record(record, sensors)


def square(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """A GeoJSON polygon."""
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


DATE_IS_OFF = "acquisitionDate is more than a minute off the stamp of the acquisition"


def test_each_genuine_record_is_a_scene(genuine: list[RawRecord], sensors: Sensors) -> None:
    """34 records are 32 acquisitions, named and dated by the stamp of their strip."""
    scenes = [scene_from_record(record, sensors) for record in genuine]
    assert len({each.id for each in scenes}) == 32
    assert Counter(each.platform for each in scenes) == {"pleiades-1a": 14, "pleiades-1b": 14, "spot-6": 3, "spot-7": 3}
    for record, each in zip(genuine, scenes, strict=True):
        stamp = record.content["properties"]["acquisitionIdentifier"].split("_")[2]
        assert each.id == f"ARCHIVE-{each.mission}_{stamp}"
        assert each.scene_keys == (f"{each.mission}_{stamp}",)
        assert each.acquired_at is not None
        assert f"{each.acquired_at:%Y%m%d%H%M%S}{each.acquired_at.microsecond // 100_000}" == stamp
        assert (each.is_archive, each.source_id) == (True, record.id)
    assert Counter(warning for each in scenes for warning in each.warnings) == {DATE_IS_OFF: 30}


def test_no_genuine_record_is_dated_by_its_acquisition_date(genuine: list[RawRecord], sensors: Sensors) -> None:
    """30 of the 34 differ from it by more than an hour; it is kept as a field of the source."""
    far = 0
    for record in genuine:
        each = scene_from_record(record, sensors)
        assert each.acquired_at is not None
        told = datetime.fromisoformat(each.properties["airbus:acquisition_date"])
        far += abs((told - each.acquired_at).total_seconds()) > 3600
    assert far == 30


def test_both_levels_of_an_acquisition_give_one_item(genuine: list[RawRecord], sensors: Sensors) -> None:
    """The record of a bundle, whose source is a segment 37 s early, has the id and key of the strip."""
    scenes = [scene_from_record(record, sensors) for record in genuine]
    [twin, *_] = [each for each in scenes if each.processing_level == "SENSOR"]
    [album] = [each for each in scenes if each.id == twin.id and each is not twin]
    assert (album.scene_keys, album.acquired_at) == (twin.scene_keys, twin.acquired_at)
    assert not {asset.key for asset in album.remote_assets} & {asset.key for asset in twin.remote_assets}
    shared = album.properties.keys() & twin.properties.keys() - {"airbus:acquisition_date"}
    assert {name: album.properties[name] for name in shared} == {name: twin.properties[name] for name in shared}
    assert album.properties["airbus:album_production_status"] == "ARCHIVED"
    assert twin.properties["airbus:sensor_production_status"] == "IN_CLOUD"
    assert {asset.fields["processing:level"] for asset in twin.remote_assets} == {"SENSOR"}


def test_links_may_be_lists(genuine: list[RawRecord], sensors: Sensors) -> None:
    """Each part of a bundle has its own metadata; an image alone has one."""
    keys = {
        scene.processing_level: sorted(asset.key for asset in scene.remote_assets)
        for scene in (scene_from_record(record, sensors) for record in genuine)
    }
    assert keys["SENSOR"] == [
        "metadata-sensor-multispectral",
        "metadata-sensor-panchromatic",
        "overview-sensor",
        "thumbnail-sensor",
    ]
    assert keys["ALBUM"] == ["metadata", "overview", "thumbnail"]


def test_nothing_private_is_published(genuine: list[RawRecord], sensors: Sensors) -> None:
    """References of orders and names of workspaces stay in the record."""
    private = ("commercialReference", "customerReference", "workspaceId", "acquisitionAnonymousIdentifier")
    checked = 0
    for record in genuine:
        shown = repr(scene_from_record(record, sensors))
        for name in private:
            if value := record.content["properties"].get(name):
                checked += 1
                assert value not in shown
    assert checked > 60


def test_the_azimuth_of_the_scan_axis_is_not_published(genuine: list[RawRecord], sensors: Sensors) -> None:
    """The direction comes from the components of the incidence: positive across is a satellite in the east."""
    azimuths = []
    for record in genuine:
        each = scene_from_record(record, sensors)
        assert each.viewing is not None
        assert each.vendor_angles["azimuth_angle"] == pytest.approx(180, abs=0.1)
        is_east = 0 < each.viewing.azimuth_deg < 180
        assert is_east == (each.vendor_angles["incidence_angle_across_track"] > 0)
        azimuths.append(each.viewing.azimuth_deg)
    assert max(azimuths) - min(azimuths) > 200


@pytest.mark.parametrize(("constellation", "expected"), [("PNEO", 63.0), ("PHR", 63.0 - 45.0)])
def test_pleiades_neo_gives_the_azimuth_itself_where_it_is_not_that_of_the_scan(
    constellation: str, expected: float, sensors: Sensors
) -> None:
    """Away from 180° the azimuth of Pléiades Neo is that of the satellite; Pléiades always gives its scan axis."""
    angle = degrees(tan(radians(10)))
    record = feature(constellation, azimuthAngle=63.0, incidenceAngleAlongTrack=angle, incidenceAngleAcrossTrack=angle)
    viewing = scene(record, sensors).viewing
    assert viewing is not None
    assert viewing.azimuth_deg == pytest.approx(expected)


@pytest.mark.parametrize("field", ["incidenceAngleAlongTrack", "incidenceAngleAcrossTrack", "azimuthAngle"])
def test_without_components_there_is_no_direction(field: str, sensors: Sensors) -> None:
    """An azimuth near 180° alone says nothing of the satellite; the incidence is published all the same."""
    said: dict[str, Any] = {"incidenceAngle": 17.25, field: None}
    seen = scene(feature(**said), sensors)
    assert seen.viewing is None
    assert seen.properties["view:incidence_angle"] == 17.25


def test_pleiades_neo_is_known_by_its_strip_and_by_its_stamp(sensors: Sensors) -> None:
    """The strip id has no stamp; the one of another identifier names the Item, and both are keys."""
    record = feature(
        "PNEO",
        platform="PNEO4",
        acquisitionIdentifier="ACQ_PNEO4_00123456789",
        archiveIdentifier="DS_PNEO4_202201051030152_XX1_PX",
        acquisitionDate="2022-01-05T10:30:15.2Z",
    )
    found = scene(record, sensors)
    assert (found.id, found.acquired_at) == (
        "ARCHIVE-PNEO4_202201051030152",
        datetime(2022, 1, 5, 10, 30, 15, 200_000, UTC),
    )
    assert found.scene_keys == ("ACQ_PNEO4_00123456789", "PNEO4_202201051030152")
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2022-01-05T10:31:15.2Z", ()),
        ("2022-01-05T10:31:15.3Z", (DATE_IS_OFF,)),
        ("2022-01-05T12:30:15.2+02:00", ()),
        ("unknown", ("properties.acquisitionDate is not a time, and was left out",)),
        (None, ()),
    ],
)
def test_an_acquisition_date_that_is_off_is_told(said: str | None, told: tuple[str, ...], sensors: Sensors) -> None:
    """The time is that of the stamp all the same; what is no date at all cannot be compared."""
    record = feature(acquisitionDate=said, platform="PHR1A", acquisitionIdentifier="DS_PHR1A_202201051030152_XX1")
    found = scene(record, sensors)
    assert found.acquired_at == datetime(2022, 1, 5, 10, 30, 15, 200_000, UTC)
    assert found.warnings == told


def test_pleiades_neo_without_any_stamp_says_that_its_time_is_weak(sensors: Sensors) -> None:
    """The strip names the Item; the time is that of the record, with a warning."""
    record = feature(
        "PNEO",
        platform="PNEO4",
        acquisitionIdentifier="ACQ_PNEO4_00123456789",
        sourceIdentifier="x",
        acquisitionDate="2022-01-05T10:30:15.2Z",
    )
    found = scene(record, sensors)
    assert (found.id, found.scene_keys) == ("ARCHIVE-ACQ_PNEO4_00123456789", ("ACQ_PNEO4_00123456789",))
    assert found.acquired_at == datetime(2022, 1, 5, 10, 30, 15, 200_000, UTC)
    assert [warning for warning in found.warnings if "acquisitionDate" in warning]


def test_the_source_of_a_bundle_never_names_the_acquisition(sensors: Sensors) -> None:
    """Its stamp is 37 s early, so without a better name the record is refused."""
    sensor_level = feature(processingLevel="SENSOR", acquisitionIdentifier=None)
    with pytest.raises(UnreadableScene, match="no stamp"):
        scene(sensor_level, sensors)
    album = feature(acquisitionIdentifier=None)
    assert scene(album, sensors).id == scene(feature(), sensors).id


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"platform": "PHR9Z"}, "platform"),
        ({"platform": None}, "platform is missing"),
        ({"id": None}, "properties.id is missing"),
        ({"processingLevel": None}, "processingLevel is missing"),
        ({"acquisitionIdentifier": "DS_SPOT7_202001010000000_X"}, "the acquisition is"),
        ({"acquisitionIdentifier": "DS_PHR1A_209913010000000_X", "platform": "PHR1A"}, "is not a time"),
    ],
)
def test_a_record_that_cannot_be_an_item_is_refused_with_its_reason(
    changes: dict[str, Any], reason: str, sensors: Sensors
) -> None:
    """Each reason names the field."""
    with pytest.raises(UnreadableScene, match=reason):
        scene(feature(**changes), sensors)


@pytest.mark.parametrize("content", [None, "text", {"type": "Feature"}, {"properties": []}])
def test_what_is_no_record_is_refused_alone(content: Any, sensors: Sensors) -> None:
    """Whatever stands in the list of features becomes a raw record that the reader refuses."""
    records = records_from_features([content, feature()], "id")
    assert len(records) == 2
    with pytest.raises(UnreadableScene):
        scene_from_record(records[0], sensors)
    assert scene_from_record(records[1], sensors).is_archive


def test_an_id_stands_once_in_a_page() -> None:
    """Of two records with one id the last is kept."""
    twice = [feature(cloudCover=1.0), feature(cloudCover=2.0)]
    progress = Progress()
    [record] = once_each(records_from_features(twice, "id"), progress)
    assert progress.passed_over == {"duplicates": 1}
    assert record.content["properties"]["cloudCover"] == 2.0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cloudCover", -1),
        ("cloudCover", "cloudy"),
        ("snowCover", "12,5"),
        ("resolution", 0),
        ("incidenceAngle", 95.0),
        ("incidenceAngleAlongTrack", -90),
        ("illuminationAzimuthAngle", 999),
        ("illuminationElevationAngle", "high"),
        ("publicationDate", "08/01/2022"),
        ("expirationDate", "08/01/2022"),
        ("processorName", 7),
    ],
)
def test_an_optional_field_that_cannot_be_meant_is_left_out(name: str, said: Any, sensors: Sensors) -> None:
    """The scene is that of a record without the field, and a warning tells why."""
    found = scene(feature(**{name: said}), sensors)
    assert replace(found, warnings=()) == scene(feature("PHR", None, **{name: None}), sensors)
    (warning,) = found.warnings
    assert warning.startswith(f"properties.{name} is ")


def test_an_unknown_field_is_reported(sensors: Sensors) -> None:
    """Drift of the service shows as a warning."""
    assert "properties.newField" in " ".join(scene(feature(newField=1), sensors).warnings)


def test_a_signed_address_is_no_asset(sensors: Sensors) -> None:
    """Addresses that end with their signature, hold credentials or are relative are left out."""
    changed = feature()
    changed["_links"] = {
        "quicklook": {"href": "https://images.example.com/1?X-Amz-Signature=abc"},
        "thumbnail": [{"href": "https://user:secret@images.example.com/1"}, {"href": "/relative"}, {}],
    }
    assert scene(changed, sensors).remote_assets == ()


@pytest.mark.parametrize(
    ("geometry", "bbox"),
    [
        (square(179.9, 10, 180.1, 10.2), (179.9, 10, -179.9, 10.2)),
        (square(-180.1, 10, -179.9, 10.2), (179.9, 10, -179.9, 10.2)),
        (square(10, 20, 10.2, 20.2), (10, 20, 10.2, 20.2)),
        (
            {
                "type": "MultiPolygon",
                "coordinates": [square(1, 1, 2, 2)["coordinates"], square(2, 1, 3, 2)["coordinates"]],
            },
            (1, 1, 3, 2),
        ),
    ],
)
def test_footprints_beyond_the_antimeridian_are_brought_back(
    geometry: dict[str, Any], bbox: tuple[float, ...], sensors: Sensors
) -> None:
    """Longitudes beyond ±180 wrap round, and the footprint is cut there."""
    found = scene(feature(geometry=geometry), sensors)
    assert footprint_bbox(found.footprint) == pytest.approx(bbox)
    assert found.warnings == ()


def test_a_footprint_slightly_beyond_the_pole_is_clipped_with_a_warning(sensors: Sensors) -> None:
    """Up to 1° beyond a pole a latitude becomes that of the pole."""
    found = scene(feature(geometry=square(10, 89, 20, 90.4)), sensors)
    assert footprint_bbox(found.footprint)[3] <= 90
    assert [warning for warning in found.warnings if "pole" in warning]


@pytest.mark.parametrize(
    "geometry",
    [
        square(10, 89, 20, 95),
        {"type": "Point", "coordinates": [1, 2]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": ""},
        {"type": "Polygon", "coordinates": [[[1, 2], [3, 4], [1, 2]]]},
        {"type": "Polygon", "coordinates": [[["a", 2], [3, 4], [5, 6], ["a", 2]]]},
        "POLYGON((1 2,3 4,5 6,1 2))",
        [1, 2],
    ],
)
def test_what_is_no_footprint_refuses_the_record(geometry: Any, sensors: Sensors) -> None:
    """Points, lines, texts and places that are not on the Earth are refused with the reason."""
    with pytest.raises(UnreadableScene, match="geometry"):
        scene(feature(geometry=geometry), sensors)


@pytest.mark.parametrize("constellation", ["PHR", "SPOT", "PNEO"])
def test_each_synthetic_record_is_a_scene_without_warnings(constellation: str, sensors: Sensors) -> None:
    """What the emulator serves is as readable as what the service did."""
    for each in synthetic_features(100, constellation=constellation):
        assert scene(each, sensors).warnings == ()
