"""One Item from all records of an acquisition: its fields, its assets, and what it never says."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import shapely
from pystac import Asset, Item
from shapely import MultiPolygon, Polygon, box
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from harvester.errors import UnreadableScene
from harvester.items.from_scenes import check_item, item_from_scenes, private_part
from harvester.record import CompanionFile, ImageFile, SceneRecord
from tests.scene_records import BANDS, COG, delivered, product, scene
from tests.stac_schemas import validator

ID = "PHR1A_202108151541301"


def item_of(*scenes: SceneRecord) -> Item:
    """The Item of these deliveries in the collection `pleiades`."""
    return Item.from_dict(document_of(*scenes))


def document_of(*scenes: SceneRecord) -> dict[str, Any]:
    """The same Item as JSON data."""
    return item_from_scenes(delivered(*scenes), item_id=ID, collection="pleiades")


def json_of(item: Item) -> dict[str, Any]:
    """The Item as the catalogue gets it."""
    document: dict[str, Any] = json.loads(json.dumps(item.to_dict(), allow_nan=False))
    return document


BUNDLE = (
    scene(product("P", "SENSOR", "JOB_P", cloud_cover_percent=66.9), footprint=box(4.0, 48.7, 4.1, 48.8)),
    scene(product("MS", "SENSOR", "JOB_MS", cloud_cover_percent=68.32), footprint=box(3.99, 48.69, 4.11, 48.81)),
)

CASES: dict[str, Sequence[SceneRecord]] = {
    "ortho": [scene()],
    "bundle": BUNDLE,
    "bare": [scene(product(cloud_cover_percent=None, radiometry=None, companions=()), viewing=None, vendor_angles={})],
    "archive": [replace(scene(), product=None)],
    "antimeridian": [scene(footprint=box(179.9, -17, 180, -16)), scene(footprint=box(-180, -17, -179.9, -16))],
}


@pytest.mark.parametrize("case", CASES)
def test_item_follows_the_published_schemas(case: str, schemas: Path) -> None:
    """Every kind of Item passes the schema of STAC 1.1 and of each extension that it names."""
    validator(schemas)(json_of(item_of(*CASES[case])))


def test_schema_validator_refuses_what_the_schemas_refuse(schemas: Path) -> None:
    """A cloud cover of 140 % and an extension that is not in the folder both fail the validator."""
    wrong = json_of(item_of(scene()))
    wrong["properties"]["eo:cloud_cover"] = 140
    with pytest.raises(AssertionError, match="eo:cloud_cover"):
        validator(schemas)(wrong)
    unknown = {**json_of(item_of(scene())), "stac_extensions": ["https://example.org/none/v1.0.0/schema.json"]}
    with pytest.raises(Exception, match=r"example\.org"):
        validator(schemas)(unknown)


@pytest.mark.parametrize("case", CASES)
def test_round_trip_loses_nothing(case: str) -> None:
    """Item to JSON to Item to JSON gives the same JSON."""
    first = json_of(item_of(*CASES[case]))
    assert json_of(Item.from_dict(first)) == first


def test_item_says_what_the_record_says() -> None:
    """Times, platform, angles, orbit and footprint of one record are the properties of its Item."""
    item = item_of(scene())
    properties = json_of(item)["properties"]
    expected = {
        "datetime": "2021-08-15T15:41:30.100000Z",
        "title": "Pléiades 1A 2021-08-15 15:41:30 PMS",
        "platform": "pleiades-1a",
        "constellation": "pleiades",
        "instruments": ["phr"],
        "gsd": 0.5,
        "eo:cloud_cover": 12.5,
        "view:azimuth": 201.5,
        "view:incidence_angle": 14.2,
        "view:off_nadir": 12.8,
        "view:sun_azimuth": 155.0,
        "view:sun_elevation": 52.25,
        "sat:orbit_state": "descending",
        "sat:relative_orbit": 252,
        "sat:platform_international_designator": "2011-076F",
        "sat:acquisition_station": "TLS",
        "processing:level": "ORTHO",
        "product:type": "PHR_PMS_ORTHO",
        "product:acquisition_type": "nominal",
        "proj:code": "EPSG:32631",
        "airbus:azimuth_angle": 179.9,
        "airbus:incidence_angle_along_track": -12.0,
        "airbus:gsd_across_track": 0.72,
        "airbus:gsd_along_track": 0.74,
        "dinamis:source": ["deliveries"],
        "dinamis:source_id": ID,
        "dinamis:footprint_from": "roi-mask",
    }
    assert {name: properties.get(name) for name in expected} == expected
    assert item.collection_id == "pleiades"
    assert item.bbox == [4.0, 48.7, 4.1, 48.8]
    # 0.1° of longitude by 0.1° of latitude at 48.75° N.
    assert properties["dinamis:footprint_area_km2"] == pytest.approx(81.8, rel=0.01)


def test_created_and_updated_are_left_to_the_catalogue() -> None:
    """The same records give the same Item on any day, so no time of writing is in it."""
    assert not {"created", "updated"} & set(item_of(scene()).properties)


def test_bundle_becomes_one_item() -> None:
    """P and MS of one acquisition are assets of one Item, which has cloud cover and type of the panchromatic one."""
    item = item_of(*BUNDLE)
    assert {"p-sensor-job_p", "ms-sensor-job_ms"} <= set(item.assets)
    assert item.properties["eo:cloud_cover"] == 66.9
    assert item.properties["product:type"] == "PHR_P_SENSOR"
    assert item.properties["title"].endswith("P+MS")
    assert item.properties["gsd"] == 0.5
    clouds = {key: item.assets[key].extra_fields["eo:cloud_cover"] for key in ("p-sensor-job_p", "ms-sensor-job_ms")}
    assert clouds == {"p-sensor-job_p": 66.9, "ms-sensor-job_ms": 68.32}
    assert shape(item.geometry or {}).equals(BUNDLE[1].footprint)


def test_cloud_cover_is_that_of_the_largest_panchromatic_component() -> None:
    """Of two jobs cut from one strip the larger one speaks for the Item, whatever a larger MS says."""
    small = scene(product(job="1", cloud_cover_percent=1), footprint=box(4.0, 48.7, 4.05, 48.8))
    large = scene(product(job="2", cloud_cover_percent=2), footprint=box(4.0, 48.7, 4.1, 48.8))
    largest = scene(product("MS", job="3", cloud_cover_percent=3), footprint=box(3.0, 48.0, 4.1, 49.0))
    assert item_of(small, large, largest).properties["eo:cloud_cover"] == 2


def test_without_a_panchromatic_component_the_largest_speaks() -> None:
    """Of multispectral components alone the larger one gives the cloud cover."""
    small = scene(product("MS", job="1", cloud_cover_percent=1), footprint=box(4.0, 48.7, 4.05, 48.8))
    large = scene(product("MS-FS", job="2", cloud_cover_percent=2), footprint=box(4.0, 48.7, 4.1, 48.8))
    assert item_of(small, large).properties["eo:cloud_cover"] == 2


def test_absent_cloud_cover_stays_absent() -> None:
    """A principal component without cloud cover makes an Item without cloud cover: not 0, not that of another."""
    silent = scene(product("P", job="1", cloud_cover_percent=None))
    spoken = scene(product("MS", job="2", cloud_cover_percent=3))
    assert "eo:cloud_cover" not in item_of(silent, spoken).properties


def test_two_jobs_of_one_strip_are_united() -> None:
    """Two areas cut from one strip make one Item with both footprints and both images."""
    west = scene(product(job="1"), footprint=box(4.0, 48.7, 4.1, 48.8))
    east = scene(product(job="2"), footprint=box(4.2, 48.7, 4.3, 48.8))
    item = item_of(west, east)
    assert shape(item.geometry or {}).equals(west.footprint.union(east.footprint))
    assert {"pms-ortho-1", "pms-ortho-2"} <= set(item.assets)


def test_later_job_leaves_earlier_keys_and_titles_of_assets() -> None:
    """The URL of an image never changes when another job of the strip is delivered."""
    first = scene(product(job="1"))
    second = scene(product(job="2"))
    assert set(item_of(first).assets) < set(item_of(first, second).assets)


def test_footprint_over_the_antimeridian_has_a_bbox_from_east_to_west() -> None:
    """RFC 7946: west is greater than east where the image crosses 180°."""
    item = item_of(*CASES["antimeridian"])
    assert item.bbox == pytest.approx([179.9, -17, -179.9, -16])


def test_one_extent_in_the_union_is_said() -> None:
    """A union with one footprint from the extent is no more precise than that."""
    item = item_of(scene(), scene(product(job="2"), footprint_from="extent"))
    assert item.properties["dinamis:footprint_from"] == "extent"


def test_interval_holds_the_datetime() -> None:
    """Lines begin after the strip does, and pgSTAC searches by the interval alone: it starts with the strip."""
    item = item_of(scene())
    start, end = item.common_metadata.start_datetime, item.common_metadata.end_datetime
    assert start == item.datetime == datetime(2021, 8, 15, 15, 41, 30, 100_000, tzinfo=UTC)
    assert end == datetime(2021, 8, 15, 15, 41, 32, 750_000, tzinfo=UTC)


def test_without_dated_lines_there_is_no_interval() -> None:
    """One end alone is no interval."""
    item = item_of(scene(started_at=None))
    assert not {"start_datetime", "end_datetime"} & set(item.properties)


def test_angles_come_from_one_record() -> None:
    """Where the principal record has no viewing direction, all angles are those of the record that has one."""
    principal = scene(product(job="1"), viewing=None, vendor_angles={"azimuth_angle": 1.0})
    other = scene(product("MS", job="2"))
    properties = item_of(principal, other).properties
    assert (properties["view:azimuth"], properties["airbus:azimuth_angle"]) == (201.5, 179.9)


def test_image_asset_describes_its_pixels() -> None:
    """An image says its CRS, grid, bands in pixel order, sampling, depth, production and size."""
    asset = item_of(scene()).assets["pms-ortho-job_1"]
    fields = asset.extra_fields
    assert asset.media_type == COG
    assert asset.roles == ["data", "dn"]
    assert asset.title == "PHR1A 2021-08-15 15:41:30 PMS ORTHO"
    assert asset.href == f"assets/pleiades/{ID}/pms-ortho-job_1"
    assert fields["proj:code"] == "EPSG:32631"
    assert fields["proj:shape"] == [1000, 800]
    assert fields["proj:transform"] == [0.5, 0, 500_000, 0, -0.5, 5_400_000]
    assert fields["proj:bbox"] == [500_000, 5_399_500, 500_400, 5_400_000]
    assert [band["name"] for band in fields["bands"]] == ["B2", "B1", "B0", "B3"]
    assert fields["bands"][0] == {
        "name": "B2",
        "eo:common_name": "red",
        "eo:center_wavelength": 0.65,
        "eo:full_width_half_max": 0.1,
        "raster:scale": 0.1,
        "raster:offset": 0,
    }
    assert fields["bands"][3]["eo:solar_illumination"] == 1050
    scalars = ("gsd", "data_type", "nodata", "raster:bits_per_sample", "file:size", "processing:datetime")
    assert [fields[name] for name in scalars] == [0.5, "uint16", 0, 12, 6_400_000, "2021-08-20T09:30:00Z"]
    assert fields["processing:software"] == {"DRAW": "9.1"}
    assert (fields["airbus:job_id"], fields["airbus:spectral_processing"]) == ("JOB_1", "PMS")


def test_image_in_sensor_geometry_is_in_no_crs() -> None:
    """A sensor-level image has a null code, its shape, and neither transform nor projected box."""
    item = item_of(scene(product(level="SENSOR")))
    fields = item.assets["pms-sensor-job_1"].extra_fields
    assert fields["proj:code"] is None
    assert fields["proj:shape"] == [1000, 800]
    assert not {"proj:transform", "proj:bbox"} & set(fields)
    assert "proj:code" not in item.properties


def test_levels_of_one_acquisition_share_no_crs() -> None:
    """Beside a sensor-level image the Item itself is in no one CRS; its level is that of the principal component."""
    item = item_of(scene(product(job="1")), scene(product("MS", "SENSOR", job="2")))
    assert "proj:code" not in item.properties
    assert item.properties["processing:level"] == "ORTHO"


@pytest.mark.parametrize(
    ("radiometry", "roles"),
    [("REFLECTANCE", ["data", "reflectance"]), ("DISPLAY", ["data", "visual"]), ("NEW", ["data"]), (None, ["data"])],
)
def test_radiometry_is_a_role(radiometry: str | None, roles: list[str]) -> None:
    """Counts, reflectances and pictures are told apart by a role; an unknown radiometry claims nothing."""
    assert item_of(scene(product(radiometry=radiometry))).assets["pms-ortho-job_1"].roles == roles


def test_companions_have_their_roles() -> None:
    """Previews, masks and metadata stand beside the image, each with the role that clients look for."""
    item = item_of(scene())
    roles = {key: asset.roles for key, asset in item.assets.items() if "data" not in (asset.roles or [])}
    assert roles == {
        "thumbnail-pms-ortho-job_1": ["thumbnail"],
        "overview-pms-ortho-job_1": ["overview"],
        "mask-roi-pms-ortho-job_1": ["data-mask"],
        "mask-cld-pms-ortho-job_1": ["metadata", "cloud"],
        "metadata-pms-ortho-job_1": ["metadata"],
    }


def test_quicklook_stands_in_for_a_missing_icon() -> None:
    """A product without an icon shows its quicklook as thumbnail, for clients that list Items by it."""
    preview = CompanionFile(path="p.jpg", kind="overview", media_type="image/jpeg", title="quicklook")
    (asset,) = [
        asset
        for asset in item_of(scene(product(companions=(preview,)))).assets.values()
        if "data" not in (asset.roles or [])
    ]
    assert asset.roles == ["overview", "thumbnail"]


def test_tiles_and_groups_have_keys_and_grids_of_their_own() -> None:
    """Each file of a tiled, grouped product is an asset; a tile without a grid does not borrow that of the whole."""
    red = (BANDS["B2"],)
    images = (
        ImageFile(path="a", bands=red, media_type=COG, tile="R1C1", group="RGB", shape=(10, 20)),
        ImageFile(path="b", bands=red, media_type=COG, tile="R1C2", group="RGB"),
        ImageFile(path="c", bands=red, media_type=COG, group="NED"),
    )
    assets = item_of(scene(product("MS-FS", images=images, companions=()))).assets
    assert {key: asset.extra_fields.get("proj:shape") for key, asset in assets.items()} == {
        "ms-fs-ortho-rgb-r1c1-job_1": [10, 20],
        "ms-fs-ortho-rgb-r1c2-job_1": None,
        "ms-fs-ortho-ned-job_1": [1000, 800],
    }
    assert len({asset.title for asset in assets.values()}) == 3


def test_companions_of_one_kind_keep_apart() -> None:
    """Two RPC files of one component are two assets with titles of their own, numbered by path."""
    rpcs = tuple(
        CompanionFile(path=path, kind="rpc", media_type="application/xml", title="RPC") for path in ("b.XML", "a.XML")
    )
    scenes = [scene(product(companions=rpcs))]
    paths = {
        key: place["path"]
        for key, (place,) in private_part(delivered(*scenes))["assets"].items()
        if key.startswith("rpc")
    }
    assert paths == {"rpc-pms-ortho-job_1": "a.XML", "rpc-pms-ortho-job_1-2": "b.XML"}
    titles = [asset.title for asset in item_of(*scenes).assets.values()]
    assert len(set(titles)) == len(titles)


def test_titles_of_two_jobs_are_distinct() -> None:
    """QGIS names layers by asset title, so two jobs of one mode and level are told apart."""
    titles = [asset.title for asset in item_of(scene(product(job="1")), scene(product(job="2"))).assets.values()]
    assert len(titles) == 12
    assert len(set(titles)) == len(titles)


def test_jobs_that_look_alike_keep_apart() -> None:
    """Jobs that differ only in letters that a key cannot hold are still two assets, with keys fit for a URL."""
    jobs = ["5881/1", "5881 1", "5881é1"]
    keys = set(private_part(delivered(*(scene(product(job=job, companions=())) for job in jobs)))["assets"])
    assert len(keys) == 3
    assert all(key.isascii() and not set(key) & set("/ ") for key in keys)


@pytest.mark.parametrize("reverse", [False, True])
def test_component_delivered_twice_is_its_latest_production(reverse: bool) -> None:
    """Of one component delivered twice the asset is the newer; of equal age, the smaller path; the others follow."""
    old = scene(product(), root="file:///old")
    new = scene(product(produced_at=datetime(2022, 1, 1, tzinfo=UTC)), root="file:///new")
    undated = scene(product(produced_at=None), root="file:///a")
    scenes = [undated, old, new][:: -1 if reverse else 1]
    assert roots_of(scenes) == {("file:///new", "file:///old", "file:///a")}
    copies = [replace(old, root="file:///b"), replace(old, root="file:///a")][:: -1 if reverse else 1]
    assert roots_of([*copies, *copies]) == {("file:///a", "file:///b")}


def test_products_of_one_job_that_are_no_copies_keep_apart() -> None:
    """Two areas of an order, or two radiometries, are assets of their own; the first that was produced has its key."""
    first = product(companions=())
    days = iter(range(1, 9))

    def later(**changes: Any) -> SceneRecord:
        produced = datetime(2022, 1, next(days), tzinfo=UTC)
        return scene(replace(first, produced_at=produced, **changes), root=f"file:///{produced.day}")

    scenes = [
        scene(first, root="file:///0"),
        later(transform=(0.5, 0.0, 510_000.0, 0.0, -0.5, 5_400_000.0)),
        later(radiometry="REFLECTANCE"),
        later(radiometry="REFLECTANCE"),
        later(shape=(10, 10)),
    ]
    for order in permutations(scenes):
        places = private_part(delivered(*order))["assets"]
        assert {key: [place["root"] for place in copies] for key, copies in places.items()} == {
            "pms-ortho-job_1": ["file:///0"],
            "pms-ortho-job_1-product-2": ["file:///1"],
            "pms-ortho-job_1-product-3": ["file:///3", "file:///2"],
            "pms-ortho-job_1-product-4": ["file:///4"],
        }
    assert len({asset.title for asset in item_of(*scenes).assets.values()}) == 4


@pytest.mark.parametrize("reverse", [False, True])
def test_copy_that_can_be_served_is_preferred(reverse: bool) -> None:
    """Of copies of equal age a file of this machine comes before those on servers, and before members of archives."""
    packed = tuple(replace(image, path=f"A.zip!/{image.path}", media_type="image/tiff") for image in product().images)
    copies = [
        scene(product(companions=()), root="ftp://a"),
        scene(product(companions=(), images=packed), root="file:///a"),
        scene(product(companions=()), root="file:///z"),
        scene(product(companions=(), images=packed), root="ftp://a"),
    ][:: -1 if reverse else 1]
    (places,) = private_part(delivered(*copies))["assets"].values()
    path = product().images[0].path
    assert [(place["root"], place["path"]) for place in places] == [
        ("file:///z", path),
        ("file:///a", f"A.zip!/{path}"),
        ("ftp://a", path),
        ("ftp://a", f"A.zip!/{path}"),
    ]
    assert asset_of(item_of(*copies)).media_type == COG


def roots_of(scenes: Sequence[SceneRecord]) -> set[tuple[str, ...]]:
    """The roots of the copies of each asset, in order of preference."""
    return {tuple(place["root"] for place in places) for places in private_part(delivered(*scenes))["assets"].values()}


def test_instruments_that_are_not_known_are_absent() -> None:
    """A satellite whose instrument is not named makes an Item without instruments, never with an empty list."""
    assert "instruments" not in item_of(scene(instruments=())).properties


def test_locations_are_private() -> None:
    """Every asset has a place, and no place is in the Item."""
    item = item_of(scene())
    places = private_part(delivered(scene()))["assets"]
    assert list(places) == list(item.assets)
    assert places["pms-ortho-job_1"] == [
        {"root": "file:///archive", "path": "JOB_1/IMG_PMS_ORTHO/IMG_R1C1.TIF", "media_type": COG}
    ]
    text = json.dumps(json_of(item))
    assert not any(secret in text for secret in ("/archive", "IMG_R1C1.TIF", "file://"))


CLOUD = MultiPolygon([box(4.02, 48.72, 4.03, 48.73)])
LARGER_CLOUD = MultiPolygon([box(4.01, 48.71, 4.05, 48.75)])


@pytest.mark.parametrize(
    ("panchromatic", "multispectral", "believed"),
    [
        (None, None, None),
        (CLOUD, LARGER_CLOUD, CLOUD),
        (MultiPolygon(), LARGER_CLOUD, MultiPolygon()),
        (None, LARGER_CLOUD, LARGER_CLOUD),
    ],
)
def test_clouds_are_those_of_the_first_mask(
    panchromatic: MultiPolygon | None, multispectral: MultiPolygon | None, believed: MultiPolygon | None
) -> None:
    """The panchromatic mask is believed, one without clouds too; without any mask the clouds are not known."""
    bundle = [replace(BUNDLE[0], clouds=panchromatic), replace(BUNDLE[1], clouds=multispectral)]
    for records in (bundle, bundle[::-1]):
        found = private_part(delivered(*records)).get("clouds")
        assert (found and shape(found)) == believed
        assert found is None or found["type"] == "MultiPolygon"


def clouds_of(*scenes: SceneRecord) -> BaseGeometry:
    """The clouds that are kept beside the Item of these records."""
    found = shape(private_part(delivered(*scenes))["clouds"])
    assert found.is_valid
    return found


def test_clouds_of_the_ground_that_only_one_delivery_shows() -> None:
    """Each part of an acquisition has its own clouds; where two deliveries show it, the larger one is believed."""

    def showing(west: float, east: float, cloud: Polygon) -> SceneRecord:
        job = f"{west}-{east}"
        return scene(product(job=job), footprint=box(west, 48.7, east, 48.8), clouds=MultiPolygon([cloud]))

    west = showing(4.0, 4.1, box(4.0, 48.7, 4.01, 48.8))
    east = showing(4.05, 4.14, box(4.0, 48.7, 4.2, 48.75))
    far = showing(4.12, 4.17, box(4.12, 48.7, 4.17, 48.8))
    expected = [box(4.0, 48.7, 4.01, 48.8), box(4.1, 48.7, 4.14, 48.75), box(4.14, 48.7, 4.17, 48.8)]
    for records in permutations((west, east, far)):
        assert clouds_of(*records).equals(shapely.union_all(expected))
        assert private_part(delivered(*records)) == private_part(delivered(west, east, far))


def test_clouds_at_the_edge_of_a_bundle_stay_those_of_one_mask() -> None:
    """A multispectral component that reaches a few pixels further adds no slivers of cloud."""
    panchromatic = scene(product("P"), footprint=box(4.0, 48.7, 4.1, 48.8), clouds=CLOUD)
    clouded = MultiPolygon([box(3.9, 48.6, 4.2, 48.9)])
    multispectral = scene(product("MS"), footprint=box(3.9999, 48.6999, 4.1001, 48.8001), clouds=clouded)
    assert clouds_of(panchromatic, multispectral) == CLOUD


def test_clouds_are_private() -> None:
    """The Item says nothing of the mask's content: it is that of a scene without one."""
    assert document_of(scene(clouds=CLOUD)) == document_of(scene())


def test_acquisition_that_is_not_held_has_no_assets() -> None:
    """A record without product makes an Item without assets, with the native sampling."""
    item = item_of(replace(scene(), product=None))
    assert item.assets == {}
    assert item.properties["gsd"] == 0.72
    assert item.properties["title"] == "Pléiades 1A 2021-08-15 15:41:30"


def test_extensions_are_those_of_the_fields() -> None:
    """An Item names an extension when, and only when, it has a field of it."""
    bare = replace(scene(), product=None, viewing=None, sun_azimuth_deg=None, sun_elevation_deg=None)
    names = {uri.split("/")[3] for uri in item_of(bare).stac_extensions}
    assert names == {"sat"}
    every = {"eo", "file", "processing", "product", "projection", "raster", "sat", "view"}
    assert {uri.split("/")[3] for uri in item_of(scene()).stac_extensions} == every


@pytest.mark.parametrize(
    ("scenes", "reason"),
    [
        ([], "no record is left"),
        ([scene(), scene(platform="pleiades-1b")], "two satellites"),
        ([scene(acquired_at=datetime(2021, 8, 15))], "no time zone"),  # noqa: DTZ001
        ([scene(product(cloud_cover_percent=140))], "eo:cloud_cover = 140"),
        ([scene(product(sampling_m=-0.5))], "gsd = -0.5"),
        ([scene(sun_azimuth_deg=float("nan"))], "view:sun_azimuth is not a finite number"),
        ([scene(product(images=(ImageFile(path="a", bands=(), media_type=COG),)))], "at least one band"),
        ([scene(product(transform=(1.0, 0.0, float("inf"), 0.0, -1.0, 0.0)))], "proj:transform is not a finite"),
        ([scene(product(shape=(0, 800)))], "is empty"),
        ([scene(product(facility="Paris\0"))], "no catalogue can store"),
        ([scene(product(images=(ImageFile(path="\udce9.TIF", bands=(BANDS["P"],), media_type=COG),)))], "not in UTF-8"),
        ([scene(product(facility="ftp://user:secret@host/"))], "holds a credential"),
    ],
)
def test_record_that_makes_no_sound_item_is_refused(scenes: list[SceneRecord], reason: str) -> None:
    """A record with an impossible value makes no Item, and the message says which value."""
    with pytest.raises(UnreadableScene, match=reason) as error:
        item_of(*scenes)
    assert "secret" not in str(error.value)


def asset_of(item: Item) -> Asset:
    """The image of the Item."""
    return item.assets["pms-ortho-job_1"]


def without_times(item: dict[str, Any]) -> None:
    """Take every time of acquisition out of the Item."""
    item["properties"]["datetime"] = None
    for name in ("start_datetime", "end_datetime"):
        del item["properties"][name]


def spoil(item: dict[str, Any], place: str, value: Any) -> None:
    """Put a value in the place of another: `properties.title`, `image.href`."""
    *way, name = place.split(".")
    inner = {"image": item["assets"]["pms-ortho-job_1"], "properties": item["properties"]}.get(*way) if way else item
    assert inner is not None
    inner[name] = value


BOW_TIE = {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}
OUTSIDE = {"type": "Polygon", "coordinates": [[[170, 0], [190, 0], [190, 1], [170, 0]]]}

SPOILED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "id": (lambda item: spoil(item, "id", "PHR1A/2021"), "the id must be"),
    "collection": (lambda item: spoil(item, "collection", None), "in no collection"),
    "title": (lambda item: spoil(item, "properties.title", ""), "title is empty"),
    "bow-tie": (lambda item: spoil(item, "geometry", BOW_TIE), "not valid"),
    "point": (lambda item: spoil(item, "geometry", {"type": "Point", "coordinates": [0, 0]}), "must be a polygon"),
    "world": (lambda item: spoil(item, "geometry", OUTSIDE), "leaves the world"),
    "bbox": (lambda item: spoil(item, "bbox", [0, 0, 1, 1]), "is not that of the geometry"),
    "datetime": (without_times, "neither a datetime"),
    "zone": (lambda item: spoil(item, "properties.datetime", "2021-08-15T15:41:31"), "no time zone"),
    "interval": (lambda item: spoil(item, "properties.datetime", "2022-01-01T00:00:00Z"), "is not between"),
    "half interval": (lambda item: item["properties"].pop("end_datetime"), "together or not at all"),
    "key": (lambda item: item["assets"].update({"Not A Key": item["assets"]["pms-ortho-job_1"]}), "the key must be"),
    "href": (lambda item: spoil(item, "image.href", "/archive/IMG.TIF"), "the href must be"),
    "roles": (lambda item: spoil(item, "image.roles", []), "roles missing"),
    "transform": (lambda item: spoil(item, "image.proj:transform", [1, 2]), "six numbers"),
    "infinite": (lambda item: spoil(item, "properties.airbus:x", float("-inf")), "airbus:x is not a finite"),
    "infinite in a list": (lambda item: spoil(item, "properties.airbus:x", [1, float("nan")]), "is not a finite"),
    "65 bits": (lambda item: spoil(item, "properties.airbus:x", [2**64]), "more than 64 bits"),
    "signed": (lambda item: spoil(item, "properties.a", "https://h/x?X-Amz-Signature=b"), "properties/a holds"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_broken_invariant_is_named(name: str) -> None:
    """Each invariant of an Item is checked before the catalogue sees it."""
    spoil_it, reason = SPOILED[name]
    item = document_of(scene())
    check_item(item)
    spoil_it(item)
    with pytest.raises(UnreadableScene, match=reason):
        check_item(item)
