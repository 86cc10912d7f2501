"""ISO 19139 and 19115-2 records become scenes, or are refused with the reason."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from shapely import Point

from footprints import footprint_bbox
from harvester.errors import UnreadableAnswer, UnreadableScene
from harvester.items.from_scenes import SourcedScene, item_from_scenes
from harvester.record import RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.iso19139.document import RECORD_NAMES, elements, name_of, parsed_xml
from harvester.sources.iso19139.extent import bounds_of
from harvester.sources.iso19139.links import public_address
from harvester.sources.iso19139.record import raw_record_from_iso, scene_from_iso
from tests.emulators.csw import iso_metadata, iso_scene, iso_scenes

VECTOR = "it describes a dataset of kind vector, not an image"
GEOSUD_ID = "SCENE_5_037-261_05_07_03_11_12_37_2_J"
SENTINEL_ID = "S2B_MSIL2A_20200902T090559_N0214_R050_T34SFG_20200902T113910.SAFE"

#: What becomes of each genuine record: file -> id of the record -> id of the Item, or why it is refused.
EXPECTED = {
    "geosud_csw/geosud.xml": {GEOSUD_ID: "SPOT5_200507031112370_037261"},
    "geonetwork_csw_iso19139/geoide-iso19139-single-dataset.xml": {
        "fr-120066022-ldd-3f4cc8c8-5c3e-4a0e-8b56-0a569a7e12f6": VECTOR
    },
    "geonetwork_csw_iso19139/geonetwork-iso19139-page-1.xml": {
        "fr-120066022-ldd-56fce164-04b2-41ae-be87-9f256f39dd44": VECTOR,
        "fr-120066022-ldd-777b1c6b-36a7-4650-befa-e4be638cd694": VECTOR,
    },
    "geonetwork_csw_iso19139/geonetwork-iso19139-page-3.xml": {
        "fr-120066022-jdd-585c9cd3-d542-407a-b6a5-885f062b0024": VECTOR,
        "fr-120066022-ldd-05ba3a8c-ee8a-4dd5-a86a-15b6d6cd1bc8": VECTOR,
    },
    "iso_records_for_pycsw/T_aerfo_RAS_1991_GR800P001800000012.xml": {
        "366f6257-19eb-4f20-ba78-0698ac4aae77": "366f6257-19eb-4f20-ba78-0698ac4aae77"
    },
    "iso_records_for_pycsw/T_ortho_RAS_1998_284404.xml": {
        "de53e931-778a-4792-94ad-9fe507aca483": "de53e931-778a-4792-94ad-9fe507aca483"
    },
    "iso_records_for_pycsw/iso_19115-2_Sentinel-2-scene.xml": {SENTINEL_ID: SENTINEL_ID},
}


def raw_of(xml: str) -> RawRecord:
    """A record as a catalogue gives it."""
    return raw_record_from_iso(parsed_xml(xml.encode()), lambda name: f"https://catalogue.example/{name}")


def scene_of(xml: str, sensors: Sensors | None = None) -> SceneRecord:
    """The scene of a record."""
    return scene_from_iso(raw_of(xml), sensors or Sensors([]))


def sample_records(file: Path) -> list[RawRecord]:
    """The records of a file: a page, or one record."""
    root = parsed_xml(file.read_bytes())
    found = [root] if name_of(root) in RECORD_NAMES else elements(root, "SearchResults/*")
    return [raw_record_from_iso(record, lambda name: f"https://catalogue.example/{name}") for record in found]


def outcome_of(raw: RawRecord, sensors: Sensors) -> str:
    """The id of the Item, or why there is none."""
    try:
        scene = scene_from_iso(raw, sensors)
    except UnreadableScene as error:
        return str(error)
    assert scene.warnings == ()
    return scene.id


@pytest.mark.parametrize("file", EXPECTED)
def test_genuine_records_become_what_is_expected(file: str, samples: Path, sensors: Sensors) -> None:
    """Each genuine record becomes its Item without a warning, or is refused for the right reason."""
    records = sample_records(samples / "sources" / file)
    assert {raw.id: outcome_of(raw, sensors) for raw in records} == EXPECTED[file]


def test_every_genuine_file_is_expected(samples: Path) -> None:
    """No recorded answer of these services is left out of the expectations."""
    folders = {Path(file).parent.name for file in EXPECTED}
    files = {f"{folder}/{file.name}" for folder in folders for file in (samples / "sources" / folder).glob("*.xml")}
    assert files == set(EXPECTED)


def test_geosud_scene_is_known_by_the_names_of_its_delivery(samples: Path, sensors: Sensors) -> None:
    """The SPOT 5 scene of GEOSUD has the names that a DIMAP delivery of it has, and the angles of its record."""
    (raw,) = sample_records(samples / "sources/geosud_csw/geosud.xml")
    scene = scene_from_iso(raw, sensors)
    assert scene.scene_keys == ("SPOT5_200507031112370_037261", "SPOT5_50372610507031112372J")
    assert (scene.mission, scene.platform) == ("SPOT5", "spot-5")
    assert scene.instruments == ("hrg",)
    assert (scene.sun_elevation_deg, scene.sun_azimuth_deg) == (66.218695, 147.82136)
    assert scene.viewing is None
    assert scene.properties["view:incidence_angle"] == 10.694823
    assert scene.properties["iso:parent_identifier"] == "SPOT_France_2005:niveau_1A"
    assert (scene.gsd_m, scene.processing_level) == (10, "1A")
    assert scene.footprint.touches(Point(-1.009979, 44.493411))
    assert [(asset.key, asset.roles) for asset in scene.remote_assets] == [
        ("overview", ("overview",)),
        ("thumbnail", ("thumbnail",)),
    ]
    (link,) = scene.links
    assert (link.rel, link.href) == ("enclosure", f"ftp://geosud-sw.teledetection.fr/{GEOSUD_ID}.zip")


def test_spot_second_is_utc_whatever_zone_the_record_adds(samples: Path, sensors: Sensors) -> None:
    """GEOSUD calls the UTC second of a scene local time; at 09:12 UTC the sun would stand at 48°, not at 66°."""
    (raw,) = sample_records(samples / "sources/geosud_csw/geosud.xml")
    assert "2005-07-03T11:12:37+02:00" in raw.content["xml"]
    scene = scene_from_iso(raw, sensors)
    assert scene.acquired_at == datetime(2005, 7, 3, 11, 12, 37, tzinfo=UTC)
    assert (scene.started_at, scene.ended_at) == (None, None)


def test_sentinel_scene_is_read_whole(samples: Path, sensors: Sensors) -> None:
    """The 19115-2 record of a Sentinel-2 scene gives platform, orbit, covers, and its granules as assets."""
    (raw,) = sample_records(samples / "sources/iso_records_for_pycsw/iso_19115-2_Sentinel-2-scene.xml")
    scene = scene_from_iso(raw, sensors)
    assert (scene.platform, scene.mission, scene.instruments) == ("sentinel-2b", None, ())
    assert scene.acquired_at == datetime(2020, 9, 2, 9, 5, 59, 24000, tzinfo=UTC)
    assert (scene.cloud_cover_percent, scene.snow_cover_percent) == (0.082857, 0)
    assert (scene.orbit_state, scene.relative_orbit) == ("descending", 50)
    assert len({asset.key for asset in scene.remote_assets}) == len(scene.remote_assets) > 10
    assert {asset.media_type for asset in scene.remote_assets} == {"image/jp2"}
    assert [link.href.endswith(".SAFE/") for link in scene.links] == [True]


def test_authority_of_an_identifier_is_no_part_of_the_name() -> None:
    """Who gave a code stands before it, and belongs neither to the satellite nor to the instrument."""
    authority = "<gmd:authority><gmd:CI_Citation><gmd:title>CNES</gmd:title></gmd:CI_Citation></gmd:authority>"
    instrument = "<gmi:instrument><gmi:MI_Instrument><gmi:identifier><gmd:MD_Identifier><gmd:code>RSI</gmd:code>"
    instrument += "</gmd:MD_Identifier></gmi:identifier></gmi:MI_Instrument></gmi:instrument></gmi:MI_Platform>"
    record = iso_metadata("r1", root="gmi:MI_Metadata", platform="FORMOSAT-2").replace("</gmi:MI_Platform>", instrument)
    record = record.replace("<gmd:MD_Identifier>", f"<gmd:MD_Identifier>{authority}")
    scene = scene_of(record)
    assert (scene.platform, scene.platform_title, scene.instruments) == ("formosat-2", "FORMOSAT-2", ("rsi",))


def test_synthetic_scenes_are_read_without_warnings(sensors: Sensors) -> None:
    """What the generator makes has the shape that the reader knows, distinct ids and names that tell the satellite."""
    scenes = [scene_of(xml, sensors) for xml in iso_scenes(50)]
    assert len({scene.id for scene in scenes}) == 50
    assert {(scene.mission, scene.platform) for scene in scenes} == {("SPOT5", "spot-5")}
    assert all(scene.id.startswith("SPOT5_") and not scene.warnings for scene in scenes)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"level": "service"}, "it describes a service, not an image"),
        ({"level": "series"}, "it describes a series, not an image"),
        ({"level": "nonGeographicDataset"}, "it describes a nonGeographicDataset, not an image"),
        ({"kind": "vector"}, VECTOR),
        ({"kind": ""}, "it does not say that its dataset is imagery"),
        ({"identifier": ""}, "it has no fileIdentifier"),
        ({"period": None}, "it does not say when its image was acquired (no temporal extent)"),
        ({"period": ("unknown", "now")}, "it does not say when its image was acquired (no temporal extent)"),
        ({"period": ("last summer", "now")}, "beginPosition is not a time but 'last summer'"),
        ({"period": ("2005-13", "2006")}, "beginPosition is not a time but '2005-13'"),
        ({"period": ("2005", "2004")}, "its period ends"),
        ({"box": None}, "it has neither a bounding polygon nor a bounding box"),
        ({"box": (1, 43, 1, 43)}, "its extent is no footprint"),
        ({"box": (1, 43, 2, 144)}, "its extent is no footprint"),
        ({"box": None, "ring": [(1, 2), (3, 4)]}, "its bounding polygon is none"),
        ({"box": (1, 43, float("nan"), 44)}, "eastBoundLongitude is not a number"),
    ],
)
def test_unusable_record_is_refused_with_its_reason(parts: dict[str, Any], reason: str) -> None:
    """A record that lacks what an Item needs, or is no image, says why."""
    with pytest.raises(UnreadableScene) as refused:
        scene_of(iso_metadata(**{"identifier": "r1", **parts}))
    assert str(refused.value).startswith(reason)


def test_record_of_another_schema_is_refused() -> None:
    """Dublin Core and ISO 19115-3 records are told for what they are."""
    with pytest.raises(UnreadableScene, match="it is Record, not ISO 19139"):
        scene_of('<csw:Record xmlns:csw="http://www.opengis.net/cat/csw/2.0.2"/>')
    with pytest.raises(UnreadableScene, match=r"its metadata are of http://standards.iso.org/iso/19115/-3/mdb/2.0"):
        scene_of('<mdb:MD_Metadata xmlns:mdb="http://standards.iso.org/iso/19115/-3/mdb/2.0"/>')


def test_record_without_an_id_is_known_by_its_content() -> None:
    """A record that does not say its id has the same one at each run, and another one when it changes."""
    one, same, other = (
        raw_of(iso_metadata("", stamp=stamp)).id for stamp in ("2020-01-01", "2020-01-01", "2021-01-01")
    )
    assert one == same != other
    assert one.startswith("sha256:")


def test_page_around_a_record_does_not_change_it() -> None:
    """The same record has the same digest, whatever namespaces its page declares and wherever it is asked for."""
    alone = iso_scene(1)
    page = parsed_xml(f'<page xmlns:x="urn:x" xmlns:gmd="http://www.isotc211.org/2005/gmd">{alone}</page>'.encode())
    inside = raw_record_from_iso(page[0], lambda name: f"https://elsewhere.example/{name}")
    assert inside.digest() == raw_of(alone).digest()


def test_swapped_sides_of_a_box_are_put_right_with_a_warning() -> None:
    """A box that would go around the Earth has its west and east swapped; one over 180° is what it says."""
    swapped = scene_of(iso_metadata("r1", box=(3.2, 49, 1.3, 50)))
    assert swapped.footprint.bounds == (1.3, 49, 3.2, 50)
    assert swapped.warnings == ("the west and east sides of its bounding box are swapped",)
    over = scene_of(iso_metadata("r2", box=(179, -18, -179, -17)))
    assert over.footprint.geom_type == "MultiPolygon"
    assert over.warnings == ()


@pytest.mark.parametrize("srs", ["EPSG:4326", "urn:ogc:def:crs:EPSG::4326"])
@pytest.mark.parametrize("is_latitude_first", [True, False])
def test_axis_order_of_a_polygon_is_that_of_its_box(srs: str, is_latitude_first: bool) -> None:
    """Whatever order is written and whatever is said of it, the footprint lies where the box is."""
    ring = [(1.0, 43.0), (2.0, 43.1), (2.0, 44.0), (1.0, 43.9), (1.0, 43.0)]
    written = [(y, x) for x, y in ring] if is_latitude_first else ring
    footprint = scene_of(iso_metadata("r1", ring=written, srs=srs)).footprint
    assert footprint.bounds == (1, 43, 2, 44)


@pytest.mark.parametrize("srs", ["urn:ogc:def:crs:EPSG::4326", "http://www.opengis.net/def/crs/EPSG/0/4326"])
def test_polygon_without_a_box_has_the_axis_order_of_its_reference_system(srs: str) -> None:
    """Without a box, the URN of EPSG:4326 and its address say latitude first."""
    ring = [(43.0, 1.0), (43.1, 2.0), (44.0, 2.0), (43.0, 1.0)]
    scene = scene_of(iso_metadata("r1", box=None, ring=ring, srs=srs))
    assert scene.footprint.bounds == (1, 43, 2, 44)


@pytest.mark.parametrize(
    ("attribute", "ring"),
    [
        ('srsDimension="3"', "<gml:posList>1 43 0 2 43.1 0 2 44 0 1 43 0</gml:posList>"),
        ("", '<gml:posList srsDimension="3">1 43 0 2 43.1 0 2 44 0 1 43 0</gml:posList>'),
        ("", "<gml:pos>1 43 0</gml:pos><gml:pos>2 43.1 0</gml:pos><gml:pos>2 44 0</gml:pos><gml:pos>1 43 0</gml:pos>"),
        ("", "<gml:coordinates>1,43,0 2,43.1,0 2,44,0 1,43,0</gml:coordinates>"),
    ],
    ids=["of the polygon", "of the list", "positions", "coordinates"],
)
def test_heights_of_a_polygon_are_left_out(attribute: str, ring: str) -> None:
    """A third number of each position is no longitude of the next, however it is told that there are three."""
    flat = iso_metadata("r1", ring=[(1, 43), (2, 43.1), (2, 44), (1, 43)])
    solid = re.sub("<gml:posList>.*</gml:posList>", ring, flat.replace("<gml:Polygon", f"<gml:Polygon {attribute}"))
    assert scene_of(solid).footprint.equals(scene_of(flat).footprint)
    assert ring in solid


def test_polygon_over_the_antimeridian_is_cut() -> None:
    """A ring that steps from 179° to -179° is as narrow as its box."""
    ring = [(179.1, -17.9), (-179.1, -17.9), (-179.1, -17.1), (179.1, -17.1), (179.1, -17.9)]
    scene = scene_of(iso_metadata("r1", box=(179, -18, -179, -17), ring=ring))
    assert footprint_bbox(scene.footprint) == pytest.approx((179.1, -17.9, -179.1, -17.1))


@pytest.mark.parametrize(
    ("said", "begin", "end"),
    [
        ("2013", "2013-01-01T00:00:00", "2013-12-31T23:59:59"),
        ("2012-02", "2012-02-01T00:00:00", "2012-02-29T23:59:59"),
        ("2013-05-06", "2013-05-06T00:00:00", "2013-05-06T23:59:59"),
        ("2013-05-06+02:00", "2013-05-06T00:00:00", "2013-05-06T23:59:59"),
        ("2013-05-06T10:11:12.5+02:00", "2013-05-06T08:11:12.500000", "2013-05-06T08:11:12.500000"),
    ],
)
def test_imprecise_time_is_the_whole_of_what_it_names(said: str, begin: str, end: str) -> None:
    """A year, a month and a day are intervals, an instant is one."""
    assert [moment.isoformat() for moment in bounds_of(said, "time")] == [f"{begin}+00:00", f"{end}+00:00"]


@pytest.mark.parametrize(
    ("period", "acquired", "begin", "end"),
    [
        (("2013-05-06T10:11:12Z", "2013-05-06T10:11:12Z"), "2013-05-06T10:11:12", None, None),
        (("2013-05-06T10:11:12Z", "now"), "2013-05-06T10:11:12", None, None),
        (("2013-05-06T10:11:12Z", "2013-05-06T10:11:42Z"), *("2013-05-06T10:11:12",) * 2, "2013-05-06T10:11:42"),
        (("2013-05-06", "2013-05-06"), None, "2013-05-06T00:00:00", "2013-05-06T23:59:59"),
        (("2013-05-06", ""), None, "2013-05-06T00:00:00", "2013-05-06T23:59:59"),
        (("2013-01-01T00:00:00", "2013-12-31T00:00:00"), None, "2013-01-01T00:00:00", "2013-12-31T00:00:00"),
    ],
)
def test_only_an_instant_or_a_pass_has_a_moment(
    period: tuple[str, str], acquired: str | None, begin: str | None, end: str | None
) -> None:
    """A day, or a year of a mosaic, is a period: its first midnight is not when the image was taken."""
    scene = scene_of(iso_metadata("r1", period=period))
    moments = (scene.acquired_at, scene.started_at, scene.ended_at)
    assert [moment and moment.isoformat() for moment in moments] == [
        said and f"{said}+00:00" for said in (acquired, begin, end)
    ]


@pytest.mark.parametrize("description", ["gmd:MD_ImageDescription", "gmi:MI_ImageDescription"])
def test_image_is_described_by_either_standard(description: str) -> None:
    """ISO 19115-2 has a description of images of its own, which says all that that of ISO 19115 says."""
    record = iso_metadata("r1", root="gmi:MI_Metadata", kind="", cloud=12.5)
    record = record.replace("gmd:MD_ImageDescription>", f"{description}>").replace(
        "</gmd:cloudCoverPercentage>", "</gmd:cloudCoverPercentage><gmd:cloudiness/>"
    )
    scene = scene_of(record)
    assert scene.cloud_cover_percent == 12.5
    assert scene.warnings == (f"fields not known to the reader: {description.partition(':')[2]}/cloudiness",)


def _with_resolution(said: str, unit: str) -> str:
    distance = f'<gmd:distance><gco:Distance uom="{unit}">{said}</gco:Distance></gmd:distance>'
    resolution = f"<gmd:spatialResolution><gmd:MD_Resolution>{distance}</gmd:MD_Resolution></gmd:spatialResolution>"
    return iso_metadata("r1").replace("<gmd:extent>", f"{resolution}<gmd:extent>")


@pytest.mark.parametrize(
    ("unit", "metres"),
    [("m", 2.5), ("meters", 2.5), ("Mètre", 2.5), ("http://www.opengis.net/def/uom/EPSG/0/9001", 2.5), ("km", None)],
)
def test_resolution_is_in_metres_however_they_are_written(unit: str, metres: float | None) -> None:
    """Metres have many names; other units are not guessed at."""
    assert scene_of(_with_resolution("2.5", unit)).gsd_m == metres


@pytest.mark.parametrize("said", ["2,5", "0", "-1"])
def test_a_resolution_that_cannot_be_meant_is_left_out(said: str) -> None:
    """It is told, and does not cost the record."""
    scene = scene_of(_with_resolution(said, "m"))
    assert scene.gsd_m is None
    (warning,) = scene.warnings
    assert warning.startswith("spatialResolution.0 is ")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("cloudCoverPercentage", "-1"),
        ("cloudCoverPercentage", "130"),
        ("cloudCoverPercentage", "12,5"),
        ("cloudCoverPercentage", "unknown"),
        ("illuminationElevationAngle", "999"),
        ("illuminationAzimuthAngle", "south"),
    ],
)
def test_what_cannot_be_meant_of_an_image_is_left_out(field: str, said: str) -> None:
    """The scene is that of a record that does not say it, and a warning tells why."""
    record = iso_metadata("r1", cloud=12.5).replace("cloudCoverPercentage", field)
    scene = scene_of(record.replace("12.5", said))
    assert replace(scene, warnings=()) == scene_of(record.replace("12.5", ""))
    (warning,) = scene.warnings
    assert warning.startswith(f"{field} is ")


@pytest.mark.parametrize(
    ("said", "incidence", "warning"),
    [
        (" -10.5, forward", 10.5, None),
        ("10,69", None, "incidence angle is not a number but '10,69'"),
        ("999", None, "incidence angle is 999, out of its range"),
    ],
)
def test_incidence_in_the_free_text_is_read_whole_or_left_out(
    said: str, incidence: float | None, warning: str | None
) -> None:
    """A part of a number, or one that no angle has, is not taken for the incidence."""
    free = f"<gco:CharacterString>incidence angle :{said}</gco:CharacterString>"
    free = f"<gmd:supplementalInformation>{free}</gmd:supplementalInformation></gmd:MD_DataIdentification>"
    scene = scene_of(iso_metadata("r1").replace("</gmd:MD_DataIdentification>", free))
    assert scene.properties.get("view:incidence_angle") == incidence
    assert scene.warnings == (() if warning is None else (f"{warning}, and was left out",))


@pytest.mark.parametrize(
    ("said", "scale", "warnings"),
    [
        ("25000", 25_000, ()),
        ("4294967295", None, ("scale denominator is 4.29497e+09, out of its range, and was left out",)),
        ("1:25000", None, ("scale denominator is not a number but '1:25000', and was left out",)),
    ],
)
def test_a_scale_that_cannot_be_searched_is_left_out(said: str, scale: int | None, warnings: tuple[str, ...]) -> None:
    """Its denominator is a whole number, and one that pgSTAC can compare."""
    denominator = f"<gmd:denominator><gco:Integer>{said}</gco:Integer></gmd:denominator>"
    fraction = f"<gmd:MD_RepresentativeFraction>{denominator}</gmd:MD_RepresentativeFraction>"
    resolution = f"<gmd:MD_Resolution><gmd:equivalentScale>{fraction}</gmd:equivalentScale></gmd:MD_Resolution>"
    known = f"<gmd:spatialResolution>{resolution}</gmd:spatialResolution></gmd:MD_DataIdentification>"
    scene = scene_of(iso_metadata("r1").replace("</gmd:MD_DataIdentification>", known))
    assert (scene.properties.get("iso:scale_denominator"), scene.warnings) == (scale, warnings)


def test_a_box_that_cannot_be_used_does_not_cost_a_polygon() -> None:
    """The polygon alone tells the ground, as of a record that has no box."""
    ring = [(1, 43), (2, 43.1), (2, 44), (1, 43)]
    scene = scene_of(iso_metadata("r1", box=(1, 43, float("nan"), 44), ring=ring))
    assert scene.footprint == scene_of(iso_metadata("r1", box=None, ring=ring)).footprint
    assert scene.warnings == ("eastBoundLongitude is not a number but 'nan'",)


def test_a_box_stands_in_for_a_polygon_that_cannot_be_used() -> None:
    """The box is what the record says too, and a warning tells that it is only that."""
    scene = scene_of(iso_metadata("r1", box=(1, 43, 2, 44), ring=[(1, 2), (3, 4)]))
    assert scene.footprint.bounds == (1, 43, 2, 44)
    (warning,) = scene.warnings
    assert warning.startswith("its bounding box stands in for its polygon: its bounding polygon is none")


def test_element_that_the_standard_does_not_have_is_reported() -> None:
    """Drift of a source is told, and does not refuse its records."""
    scene = scene_of(iso_metadata("r1", more="<gmd:cloudiness><gco:Real>3</gco:Real></gmd:cloudiness>"))
    assert scene.warnings == ("fields not known to the reader: MD_Metadata/cloudiness",)


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("2013-03-27", datetime(2013, 3, 27, tzinfo=UTC)),
        ("2013-03-27T02:00:00+02:00", datetime(2013, 3, 27, tzinfo=UTC)),
        ("2013-03-27Z", datetime(2013, 3, 27, tzinfo=UTC)),
        ("2013-03-27+01:00", datetime(2013, 3, 27, tzinfo=UTC)),
        ("2013-03", None),
        ("2013", None),
        ("soon", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_a_date_of_publication_that_is_none_is_left_out(said: str, published: datetime | None) -> None:
    """Also a month, a year, and one that is before all days in UTC; the zone of a day is no time of that day."""
    date = f"<gmd:date><gmd:CI_Date><gmd:date><gco:Date>{said}</gco:Date></gmd:date><gmd:dateType><gmd:CI_DateTypeCode"
    dated = f'</gmd:title>{date} codeListValue="publication"/></gmd:dateType></gmd:CI_Date></gmd:date>'
    xml = iso_metadata("image", root="gmi:MI_Metadata").replace("</gmd:title>", dated, 1)
    assert scene_of(xml).published_at == published


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("https://user:secret@files.example/a.tif", "https://files.example/a.tif"),
        ("https://files.example/a.tif?X-Amz-Signature=1", None),
        ("https://files.example/a.tif?token=1", None),
        ("https://maps.example/wms?layers=a", "https://maps.example/wms?layers=a"),
        ("/data/a.tif", None),
        ("javascript:alert(1)", None),
    ],
)
def test_published_addresses_hold_no_secret(said: str, published: str | None) -> None:
    """Addresses are absolute, unsigned and without credentials, or not published."""
    assert public_address(said) == published


@pytest.mark.parametrize("scheme", ["ftp", "ftps", "sftp"])
def test_file_on_a_server_of_files_is_a_link_of_the_item(scheme: str) -> None:
    """An address that browsers do not open is published all the same, and refuses no record."""
    scene = scene_of(iso_metadata("r1", platform="SPOT5", files=[f"{scheme}://files.example/a.zip"]))
    item = item_from_scenes([SourcedScene("csw", 0, scene)], item_id=scene.id, collection="any")
    assert ("enclosure", f"{scheme}://files.example/a.zip") in [(link["rel"], link["href"]) for link in item["links"]]


def test_files_of_one_name_are_all_kept() -> None:
    """Assets have keys of their own though their files have one name, and one address stands once."""
    files = ["https://a.example/x/B02.jp2", "https://a.example/y/B02.jp2", "https://a.example/x/B02.jp2"]
    assets = scene_of(iso_metadata("r1", files=files)).remote_assets
    assert [(asset.key, asset.href) for asset in assets] == [("b02", files[0]), ("b02-2", files[1])]


def test_texts_are_read_in_the_language_of_their_record() -> None:
    """Translations, which catalogues of several languages write beside each text, are not read as a part of it."""
    translated = (
        "<gco:CharacterString>Image r1</gco:CharacterString><gmd:PT_FreeText><gmd:textGroup>"
        '<gmd:LocalisedCharacterString locale="#EN">Picture r1</gmd:LocalisedCharacterString>'
        "</gmd:textGroup></gmd:PT_FreeText>"
    )
    record = iso_metadata("r1").replace("<gco:CharacterString>Image r1</gco:CharacterString>", translated)
    assert "Picture r1" in record
    assert scene_of(record).properties["iso:title"] == "Image r1"


def test_entities_and_document_types_are_refused() -> None:
    """No entity is resolved: neither a file of ours nor a bomb is read."""
    with pytest.raises(UnreadableAnswer, match="document type"):
        parsed_xml(b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]><a>&e;</a>')
    with pytest.raises(UnreadableAnswer, match="not XML"):
        parsed_xml(b"<html><br></html>")
