"""One Item from all records of an acquisition: its fields, and what it never says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pystac import Item
from shapely import box
from shapely.geometry import shape

from harvester.record import SceneRecord
from tests.harvester.items.built_items import BUNDLE, ID, item_of, json_of
from tests.scene_records import product, scene
from tests.stac_schemas import validator

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


def test_levels_of_one_acquisition_share_no_crs() -> None:
    """Beside a sensor-level image the Item itself is in no one CRS; its level is that of the principal component."""
    item = item_of(scene(product(job="1")), scene(product("MS", "SENSOR", job="2")))
    assert "proj:code" not in item.properties
    assert item.properties["processing:level"] == "ORTHO"


def test_instruments_that_are_not_known_are_absent() -> None:
    """A satellite whose instrument is not named makes an Item without instruments, never with an empty list."""
    assert "instruments" not in item_of(scene(instruments=())).properties


def test_extensions_are_those_of_the_fields() -> None:
    """An Item names an extension when, and only when, it has a field of it."""
    bare = replace(scene(), product=None, viewing=None, sun_azimuth_deg=None, sun_elevation_deg=None)
    names = {uri.split("/")[3] for uri in item_of(bare).stac_extensions}
    assert names == {"sat"}
    every = {"eo", "file", "processing", "product", "projection", "raster", "sat", "view"}
    assert {uri.split("/")[3] for uri in item_of(scene()).stac_extensions} == every
