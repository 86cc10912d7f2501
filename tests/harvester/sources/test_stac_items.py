"""The reader of STAC Items: any version, nothing invented, nothing signed, nothing fetched."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from footprints import ViewingDirection, footprint_bbox
from harvester.errors import UnreadableScene
from harvester.items.from_scenes import SourcedScene, item_from_scenes
from harvester.record import SceneRecord
from harvester.sensors import load_sensors
from harvester.sources.stac import source as stac
from harvester.sources.stac.record import document_record, listed_record
from tests.conftest import PROJECT
from tests.emulators.stac import synthetic_item

SENSORS = load_sensors(PROJECT / "collections" / "sensors")
PAGE = "https://stac.example.org/search"


def read(item: Any, preset: str | None = None) -> SceneRecord:
    """The scene of an Item that stands on a page of a search."""
    return stac.scene_from_record(listed_record(item, PAGE, preset), SENSORS)


def changed(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A synthetic Item with other fields; "properties" are laid over its own."""
    item = synthetic_item(number)
    item["properties"] |= fields.pop("properties", {})
    return item | fields


def item_of(scene: SceneRecord) -> dict[str, Any]:
    """The Item of a scene, which holds all invariants."""
    sourced = SourcedScene(source="stac", precedence=0, scene=scene)
    return item_from_scenes([sourced], item_id=scene.id, collection="spot-6-7-open")


def polygon(*ring: tuple[float, float]) -> dict[str, Any]:
    """A GeoJSON polygon, closed."""
    return {"type": "Polygon", "coordinates": [[*map(list, ring), list(ring[0])]]}


def test_an_item_becomes_a_scene() -> None:
    """Every field of a plain Item is read into ours, and no warning is left."""
    item = synthetic_item(1)
    scene = read(item)
    properties = item["properties"]
    assert scene.id == item["id"]
    assert scene.source_id is None
    assert (scene.mission, scene.platform, scene.platform_title) == ("SPOT7", "spot-7", "SPOT 7")
    assert (scene.constellation, scene.instruments) == ("spot", ("naomi",))
    assert scene.international_designator == "2014-034A"
    assert scene.acquired_at == datetime(2017, 3, 1, 10, 0, 10, tzinfo=UTC)
    assert scene.viewing == ViewingDirection(properties["view:azimuth"], properties["view:incidence_angle"])
    assert scene.cloud_cover_percent == properties["eo:cloud_cover"]
    assert (scene.gsd_m, scene.processing_level) == (1.5, "ORTHO")
    assert scene.properties == {"proj:code": "EPSG:2154"}
    assert scene.source_href == item["links"][0]["href"]
    assert [(link.rel, link.href) for link in scene.links] == [("license", "https://stac.example.org/licence")]
    assert scene.warnings == ()


def test_bands_become_those_of_stac_1_1() -> None:
    """`eo:bands` and `raster:bands` of STAC 1.0 are read as bands; what all bands share stands at the asset."""
    assets = {asset.key: asset for asset in read(synthetic_item(1)).remote_assets}
    fields = dict(assets["src_xs"].fields)
    blue, green, *_ = fields.pop("bands")
    assert [blue["name"], blue["eo:common_name"], green["name"]] == ["B0", "blue", "B1"]
    assert fields == {"data_type": "uint16", "nodata": 0}
    band = {"name": "P", "eo:common_name": "pan", "eo:center_wavelength": 0.6, "raster:scale": 0.1}
    new = read(changed(assets={"pan": {"href": "https://x.example.org/p.tif", "bands": [band]}})).remote_assets[0]
    assert new.fields["bands"] == [band]


def test_ids_of_montpellier_tell_the_acquisition() -> None:
    """With the preset, the stamps in the id join the Item with the same image of other sources."""
    identifier = "SPOT7_MS_201805051026429_SPOT7_P_201805051026430_1"
    scene = read(changed(id=identifier), "spot-6-7-drs")
    assert scene.scene_keys == ("SPOT7_201805051026430", "SPOT7_201805051026429")
    assert scene.id == identifier
    assert read(changed(id=identifier)).scene_keys == ()


def test_an_id_of_another_form_has_no_key_and_says_so() -> None:
    """With the preset, an Item whose id has no stamps is kept, with a warning."""
    scene = read(changed(id="mosaic-2020"), "spot-6-7-drs")
    assert scene.scene_keys == ()
    assert "does not tell the acquisition" in scene.warnings[0]


@pytest.mark.parametrize(
    ("said", "slug"),
    [("URN:FEATURE:DATA:1", "URN-FEATURE-DATA-1"), ("_été 1", "t-1"), ("/a/b", "a-b")],
)
def test_ids_are_made_fit(said: str, slug: str) -> None:
    """An id that ours cannot be is changed, and kept as it was beside it."""
    scene = read(changed(id=said))
    assert (scene.id, scene.source_id) == (slug, said)


def test_long_ids_stay_different() -> None:
    """Two ids that differ only behind the longest length of ours do not become one."""
    first, second = (read(changed(id="x" * 250 + end)).id for end in "ab")
    assert first != second
    assert len(first) == len(second) == 200


@pytest.mark.parametrize(
    ("href", "kept"),
    [
        ("https://b.example.org/x.tif?X-Amz-Expires=1&X-Amz-Signature=abc", "https://b.example.org/x.tif"),
        ("https://b.example.org/x.tif?sv=2020&se=1&sr=c&sig=abc%3D", "https://b.example.org/x.tif"),
        ("https://b.example.org/x.tif?file=a&token=abc", "https://b.example.org/x.tif?file=a"),
        ("https://b.example.org/x.tif?x-api-key=abc&f=1", "https://b.example.org/x.tif?f=1"),
        ("https://b.example.org/x.tif?Expires=1&Signature=abc&Key-Pair-Id=K", "https://b.example.org/x.tif"),
        ("https://ada:pass@b.example.org/x.tif", "https://b.example.org/x.tif"),
        ("https://b.example.org/x?sr=2154&st=a", "https://b.example.org/x?sr=2154&st=a"),
        ("../../data/x.tif", "https://stac.example.org/collections/data/x.tif"),
        ("s3://bucket/x.tif", "s3://bucket/x.tif"),
    ],
)
def test_addresses_are_absolute_and_unsigned(href: str, kept: str) -> None:
    """Relative addresses are meant against the Item; signatures, tokens and passwords are taken off."""
    assert read(changed(assets={"x": {"href": href}})).remote_assets[0].href == kept


def test_a_record_is_the_same_whatever_its_signatures() -> None:
    """They are taken off all addresses, those of other copies of a file and of links as well."""

    def signed(signature: str) -> dict[str, Any]:
        href = {"href": f"https://x.example.org/a.tif?X-Amz-Signature={signature}"}
        return changed(
            assets={"x": {**href, "alternate": {"s3": href, "odd": 7}}, "y": 7}, links=[{"rel": "a", **href}]
        )

    first, second = (listed_record(signed(signature), PAGE, None) for signature in ("abc", "def"))
    assert b"abc" not in first.serialised()
    assert first.digest() == second.digest()


def test_a_link_of_no_kind_is_passed_over() -> None:
    """Whatever stands in its place."""
    link = {"rel": ["license"], "href": "https://x.example.org/licence"}
    assert read(changed(links=[link])).links == ()


@pytest.mark.parametrize("oddity", [10**30, "\ud800"])
def test_what_has_neither_an_id_nor_a_plain_text_is_a_record_all_the_same(oddity: Any) -> None:
    """It is known by its content, so that it can be refused; it stops no run."""
    raw = listed_record({"id": None, "oddity": oddity}, PAGE, None)
    assert raw.id == listed_record({"oddity": oddity, "id": None}, PAGE, None).id
    with pytest.raises(UnreadableScene):
        stac.scene_from_record(raw, SENSORS)


@pytest.mark.parametrize(
    "href", ["file:///etc/passwd", "ftp://x.example.org/a", "/vsicurl/x", "", None, 7, "http://[x"]
)
def test_assets_without_a_web_address_are_left_out(href: Any) -> None:
    """What cannot be fetched from the web is no asset, and a warning says so."""
    raw = document_record(changed(links=[], assets={"x": {"href": href}}), "x.json", "file:///a/x.json", None)
    scene = stac.scene_from_record(raw, SENSORS)
    assert scene.remote_assets == ()
    assert scene.warnings == ("the asset 'x' has no web address and was left out",)


def test_keys_of_assets_are_made_fit_and_stay_different() -> None:
    """Keys become lower case without other signs; two that become one are numbered."""
    href = {"href": "https://x.example.org/a"}
    scene = read(changed(assets={"Bands/Red": href, "bands/red": href, "bands-red": href}))
    assert [asset.key for asset in scene.remote_assets] == ["bands-red", "bands-red-2", "bands-red-3"]


def test_a_period_without_a_moment_is_kept() -> None:
    """`datetime: null` with a start and an end is an Item like any other."""
    period = {"datetime": None, "start_datetime": "2020-01-01T00:00:00Z", "end_datetime": "2020-12-31T23:59:59Z"}
    scene = read(changed(properties=period))
    assert scene.acquired_at is None
    assert scene.started_at == datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"geometry": None}, "geometry is missing"),
        ({"geometry": {"type": "Point", "coordinates": [3, 43]}}, "footprint cannot be used"),
        ({"geometry": {"type": "Polygon"}}, "not a GeoJSON polygon"),
        ({"geometry": polygon((0, 95), (1, 95), (1, 96))}, "footprint cannot be used"),
        ({"properties": {"datetime": None}}, "neither a datetime nor both"),
        ({"properties": {"datetime": "yesterday"}}, "is not a time"),
        ({"id": 7}, "id is not a text"),
        ({"id": "::"}, "no id of ours"),
        ({"type": "Catalog"}, "not a STAC Item"),
        ({"stac_version": "0.9.0", "stac_extensions": [1], "properties": {"eo:bands": 1}}, "cannot be migrated"),
    ],
)
def test_what_cannot_be_an_item_is_refused(fields: dict[str, Any], reason: str) -> None:
    """Each refusal tells its reason."""
    with pytest.raises(UnreadableScene, match=reason):
        read(changed(**fields))


@pytest.mark.parametrize(
    "geometry",
    [
        polygon((179, 10), (-179, 10), (-179, 11), (179, 11)),
        polygon((179, 10), (181, 10), (181, 11), (179, 11)),
        {
            "type": "MultiPolygon",
            "coordinates": [
                polygon((179, 10), (180, 10), (180, 11), (179, 11))["coordinates"],
                polygon((-180, 10), (-179, 10), (-179, 11), (-180, 11))["coordinates"],
            ],
        },
    ],
    ids=["uncut", "beyond", "cut"],
)
def test_footprints_over_the_antimeridian(geometry: dict[str, Any]) -> None:
    """Cut, not cut or beyond 180°: the footprint is the same narrow one."""
    assert footprint_bbox(read(changed(geometry=geometry)).footprint) == pytest.approx((179, 10, -179, 11))


def test_a_box_round_the_earth_stays_one() -> None:
    """A footprint of all longitudes is not taken for one over the antimeridian."""
    scene = read(changed(geometry=polygon((-180, -60), (180, -60), (180, 60), (-180, 60))))
    assert footprint_bbox(scene.footprint) == pytest.approx((-180, -60, 180, 60))


def test_numbers_that_stand_for_unknown_are_left_out() -> None:
    """A cloud cover of -1 is not published, and does not refuse the Item."""
    scene = read(changed(properties={"eo:cloud_cover": -1}))
    assert scene.cloud_cover_percent is None
    assert scene.warnings == ("properties.eo:cloud_cover is -1, out of its range, and was left out",)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("eo:cloud_cover", "cloudy"),
        ("published", "yesterday"),
        ("start_datetime", "yesterday"),
        ("view:sun_azimuth", 999),
        ("instruments", {"name": "msi"}),
        ("sat:orbit_state", "DSC"),
        ("processing:level", 2),
    ],
)
def test_an_optional_field_that_cannot_be_meant_is_left_out(name: str, said: Any) -> None:
    """The Item is that of one without the field, and a warning tells why."""
    scene = read(changed(properties={name: said}))
    assert item_of(scene) == item_of(read(changed(properties={name: None})))
    (warning,) = scene.warnings
    assert name in warning
    assert warning.endswith("left out")


def test_a_period_the_wrong_way_round_does_not_cost_an_image_with_a_moment() -> None:
    """Its datetime is sure, and the period is told."""
    period = {"start_datetime": "2020-01-02T00:00:00Z", "end_datetime": "2020-01-01T00:00:00Z"}
    scene = read(changed(properties=period))
    assert "start_datetime" not in item_of(scene)["properties"]
    assert scene.warnings == ("properties.end_datetime is before properties.start_datetime, and was left out",)


@pytest.mark.parametrize(
    "coordinates",
    [[[[1, 1], [2, 1], [2, 2], [1, 2]]], [[["1", "1"], ["2", "1"], ["2", "2"], ["1", "2"], ["1", "1"]]]],
    ids=["open", "texts"],
)
def test_a_ring_that_anybody_could_draw_is_drawn(coordinates: list[Any]) -> None:
    """Rings that are not closed, and coordinates in quotes, mean one thing only."""
    assert read(changed(geometry={"type": "Polygon", "coordinates": coordinates})).footprint.bounds == (1, 1, 2, 2)


def test_a_hole_without_points_refuses_its_item_alone() -> None:
    """It must not stop the run."""
    square = polygon((1, 1), (2, 1), (2, 2), (1, 2))
    with pytest.raises(UnreadableScene, match="geometry"):
        read(changed(geometry={**square, "coordinates": [*square["coordinates"], []]}))


def file(**fields: Any) -> SceneRecord:
    """The scene of an Item with one file that has these fields."""
    return read(changed(assets={"x": {"href": "https://x.example.org/a.tif", **fields}}))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gsd", 0),
        ("file:size", "12"),
        ("eo:cloud_cover", -1),
        ("proj:shape", [0, 0]),
        ("proj:shape", "100 x 100"),
        ("proj:transform", [10, 0, 0]),
    ],
)
def test_numbers_of_a_file_that_cannot_be_are_left_out(field: str, value: Any) -> None:
    """They do not refuse the Item, whose image they are beside."""
    scene = file(**{field: value})
    assert field not in scene.remote_assets[0].fields
    assert scene.warnings == (f"the asset 'x': {field} is {value} and was left out",)
    item_of(scene)


@pytest.mark.parametrize("field", ["gsd", "proj:shape", "proj:transform"])
def test_what_a_file_does_not_say_is_no_fault(field: str) -> None:
    """A null is the same as no field."""
    scene = file(bands=[{"name": "a"}], **{field: None})
    assert (set(scene.remote_assets[0].fields), scene.warnings) == ({"bands"}, ())
    item_of(scene)


def test_a_transform_may_be_a_whole_matrix() -> None:
    """The projection extension takes six numbers or nine."""
    matrix = [10, 0, 5, 0, -10, 5, 0, 0, 1]
    scene = file(bands=[{"name": "a"}], **{"proj:transform": matrix})
    assert item_of(scene)["assets"]["x"]["proj:transform"] == matrix


def test_a_file_without_roles_is_an_image() -> None:
    """STAC does not ask for roles, and we do: as where access is decided, it is taken for an image."""
    assert item_of(file())["assets"]["x"]["roles"] == ["data"]


@pytest.mark.parametrize("names", [("a", None, "b"), ("a", "a", "b")])
def test_bands_without_names_of_their_own_are_left_out(names: tuple[str | None, ...]) -> None:
    """All of them: without one the others would stand for other pixels."""
    scene = file(**{"eo:bands": [{"name": name, "common_name": "red"} for name in names]})
    assert "bands" not in scene.remote_assets[0].fields
    assert scene.warnings == ("the asset 'x': its bands have no names of their own and were left out",)


@pytest.mark.parametrize(("said", "kept"), [(-30, 330), (400, 40)])
def test_an_azimuth_alone_is_one_of_the_circle(said: float, kept: float) -> None:
    """As one beside an incidence is."""
    item = changed(properties={"view:azimuth": said, "view:incidence_angle": None})
    assert item_of(read(item))["properties"]["view:azimuth"] == kept


def test_a_number_of_an_extension_out_of_its_range_is_left_out() -> None:
    """Whichever it is: the Item would be refused for it."""
    scene = read(changed(properties={"sar:center_frequency": 0}))
    assert "sar:center_frequency" not in scene.properties
    assert scene.warnings == ("properties.sar:center_frequency is 0, out of its range, and was left out",)


@pytest.mark.parametrize("name", ["sat:absolute_orbit", "stereo:view_count"])
def test_a_whole_number_that_pgstac_cannot_search_is_left_out(name: str) -> None:
    """Such as the -1 of 32 bits, by which services mean that they do not know."""
    scene = read(changed(properties={name: 2**32 - 1}))
    assert name not in scene.properties
    assert scene.warnings == (f"properties.{name} is 4.29497e+09, out of its range, and was left out",)


def test_properties_with_a_namespace_are_kept() -> None:
    """Published and unknown namespaces are kept as they are; what has none, or is ours, is not."""
    kept = {"sat:absolute_orbit": 7, "s2:tile": "31TFJ", "x:list": [1, "a", {"b": None}], "license": "CC-BY-4.0"}
    scene = read(changed(properties={**kept, "owner": "Ada", "dinamis:source": ["x"], "x:object": {"a": 1}}))
    assert scene.properties == {**kept, "proj:code": "EPSG:2154"}
    assert scene.warnings == (
        "properties.x:object is an object and was left out",
        "fields not known to the reader: properties.owner",
    )


def test_a_satellite_that_is_not_ours_is_as_the_item_says() -> None:
    """Platform, constellation and instruments of others are taken over in lower case."""
    said = {"platform": "Sentinel-2A", "constellation": "Sentinel-2", "instruments": ["MSI"]}
    scene = read(changed(properties=said))
    assert (scene.mission, scene.platform_title) == (None, "Sentinel-2A")
    assert (scene.platform, scene.constellation, scene.instruments) == ("sentinel-2a", "sentinel-2", ("msi",))


@pytest.mark.parametrize("platform", ["SPOT7", "spot_7", "SPOT 7", "spot-7"])
def test_our_satellites_are_known_by_any_spelling(platform: str) -> None:
    """The satellite is found by its code or its STAC name."""
    assert read(changed(properties={"platform": platform})).mission == "SPOT7"


def test_an_item_of_stac_0_9_is_migrated() -> None:
    """Old Items are read as if they were written today, without asking for a schema."""
    old = changed(stac_version="0.9.0", stac_extensions=["eo", "view", "projection"])
    old["properties"]["proj:epsg"] = 32631
    scene = read(old)
    assert scene.properties["proj:code"] == "EPSG:32631"
    assert scene.sun_elevation_deg == old["properties"]["view:sun_elevation"]


def test_genuine_items_are_read_whole(samples: Path) -> None:
    """Items of another reader of DIMAP are read with direction and bands; one has its wavelengths in nanometres."""
    nanometres = {"B0": 491, "B1": 565, "B2": 665, "B3": 822}
    strange: dict[str | None, set[str]] = {
        "SPOT7": {
            f"band {name}: center_wavelength is {wavelength}, out of its range, and was left out"
            for name, wavelength in nanometres.items()
        }
    }
    files = sorted(samples.glob("dimap/Terradue_Stars/stars_expected_stac/*.json"))
    assert len(files) == 8
    for file in files:
        item = json.loads(file.read_text())
        scene = read(item)
        assert set(scene.warnings) == strange.get(scene.mission, set())
        assert scene.id == item["id"]
        assert scene.viewing is not None
        assert scene.remote_assets
        assert any("bands" in asset.fields for asset in scene.remote_assets)


def test_genuine_items_without_a_satellite_are_read(samples: Path) -> None:
    """Items of a service that catalogues other things than images are read too."""
    page = json.loads((samples / "sources/resto_v9_stac/RestoFeatureCollection_example.json").read_text())
    scenes = [read(item) for item in page["features"]]
    assert [scene.acquired_at for scene in scenes] == [None, None]
    assert [scene.id for scene in scenes] == [item["id"] for item in page["features"]]


def nested(depth: int) -> list[Any]:
    """A list in a list, and so on."""
    return [nested(depth - 1)] if depth else []


def item_with(**fields: Any) -> dict[str, Any]:
    """The Item of ours that is made of one whose image has other fields."""
    image = {"href": "https://x.example.org/p.tif", "roles": ["data"], "bands": [{"name": "P"}], **fields}
    alone = SourcedScene(source="stac", precedence=0, scene=read(changed(assets={"pan": image})))
    return item_from_scenes([alone], item_id="x", collection="spot-6-7-drs")


@pytest.mark.parametrize(
    "fields",
    [
        {"file:values": [10**30]},
        {"file:values": nested(300)},
        {"file:values": nested(900)},
    ],
    ids=["great", "deep", "deeper"],
)
def test_an_image_that_makes_no_sound_item_is_refused(fields: dict[str, Any]) -> None:
    """Whatever stands in a field of an asset, it stops no run: the record is refused."""
    with pytest.raises(UnreadableScene):
        item_with(**fields)


def test_what_is_null_is_not_there() -> None:
    """An image may say by null that it has no grid; and what is no grid at all is left out."""
    for shape, transform in ((None, None), (["many", 4], ["1"] * 6), (4, 4), ([], [])):
        image = item_with(**{"proj:shape": shape, "proj:transform": transform})["assets"]["pan"]
        assert image.keys().isdisjoint({"proj:shape", "proj:transform"})


def test_a_link_of_no_relation_is_passed_over() -> None:
    """Whatever stands where the relation should stand."""
    relations: list[Any] = [{}, [], None]
    assert read(changed(links=[{"rel": each, "href": "https://x.example.org"} for each in relations])).links == ()
