"""One Item from records of several sources: whom to believe, what is united, and how Items of one image are linked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pystac import Item
from shapely import box
from shapely.geometry import mapping, shape

from footprints import area_km2
from harvester.errors import UnreadableScene
from harvester.items.from_scenes import Sibling, SourcedScene, item_from_scenes, private_part
from harvester.queryables import QUERYABLES
from harvester.record import RecordLink, RemoteAsset, SceneRecord
from tests.harvester.items.built_items import ID, json_of
from tests.scene_records import archived, delivered, product, quicklook, scene
from tests.stac_schemas import validator

ARCHIVE_ID = f"ARCHIVE-{ID}"
HELD = Sibling(ID, "pleiades", is_archive=False)
ORDERABLE = Sibling(ARCHIVE_ID, "airbus-archive-pleiades", is_archive=True)

MOSAIC = SceneRecord(
    id="SPOT_2019",
    scene_keys=("SPOT_2019",),
    platform_title="SPOT 6/7",
    acquired_at=None,
    started_at=datetime(2019, 1, 1, tzinfo=UTC),
    ended_at=datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC),
    footprint=box(-5, 41, 9, 51),
    footprint_from="source",
    constellation="spot",
    links=(
        RecordLink(
            rel="wmts",
            href="https://maps.example.org/wmts",
            title="SPOT 2019",
            fields={"wmts:layer": "SPOT.2019"},
        ),
    ),
)
RADAR = replace(
    archived(is_archive=False, viewing=None, vendor_angles={}),
    platform="terrasar-x",
    constellation="terrasar-x",
    properties={"sar:instrument_mode": "SM", "sar:frequency_band": "X", "sar:polarizations": ["VV"]},
)


def known_to(*sources: tuple[str, SceneRecord]) -> list[SourcedScene]:
    """The records of sources in their order of precedence."""
    order = list(dict.fromkeys(source for source, _ in sources))
    return [SourcedScene(source, order.index(source), record) for source, record in sources]


def item_of(records: Sequence[SourcedScene], item_id: str = ID, **further: Any) -> Item:
    """The Item of these records."""
    return Item.from_dict(item_from_scenes(records, item_id=item_id, collection="pleiades", **further))


def archive_item(*siblings: Sibling, **changes: Any) -> Item:
    """The Item of the archive, with these siblings."""
    return item_of(known_to(("oneatlas", archived(**changes))), ARCHIVE_ID, siblings=siblings)


def links_of(item: Item, rel: str) -> list[str]:
    """The hrefs of the links of one relation."""
    return [link["href"] for link in json_of(item)["links"] if link["rel"] == rel]


ITEMS: Mapping[str, Callable[[], Item]] = {
    "archive": archive_item,
    "archive, held": lambda: archive_item(HELD),
    "held, in the archive too": lambda: item_of(delivered(scene()), siblings=[ORDERABLE]),
    "several sources": lambda: item_of(known_to(("deliveries", scene()), ("other", archived(is_archive=False)))),
    "yearly mosaic": lambda: item_of(known_to(("ign", MOSAIC)), "SPOT_2019"),
    "corrected": lambda: item_of(
        delivered(scene()), corrections={"eo:cloud_cover": 1, "geometry": mapping(box(179, 0, 181, 1))}
    ),
}


@pytest.mark.parametrize("name", ITEMS)
def test_items_of_every_source_follow_the_schemas(name: str, schemas: Path) -> None:
    """Archive, mosaic, corrected and united Items are valid with each extension that they name, and survive JSON."""
    document = json_of(ITEMS[name]())
    validator(schemas)(document)
    assert json_of(Item.from_dict(document)) == document


@pytest.mark.parametrize("name", ITEMS)
def test_properties_of_every_source_can_be_filtered(name: str) -> None:
    """No property that the Items of any source have is missing among the queryables."""
    assert sorted(set(ITEMS[name]().properties) - set(QUERYABLES)) == []


def test_radar_item_names_the_radar_extension() -> None:
    """An Item with radar fields names the extension that defines them."""
    item = item_of(known_to(("oneatlas-sar", RADAR)))
    assert "https://stac-extensions.github.io/sar/v1.3.2/schema.json" in item.stac_extensions
    assert item.properties["sar:polarizations"] == ["VV"]


# Whom to believe


def test_first_source_that_says_something_is_believed() -> None:
    """A value of the first source stands against that of the second; where the first is silent, the second speaks."""
    first = scene(product(cloud_cover_percent=None, snow_cover_percent=1.0), orbit_state=None)
    second = archived(cloud_cover_percent=3.0, snow_cover_percent=2.0, orbit_state="ascending", is_archive=False)
    properties = item_of(known_to(("deliveries", first), ("oneatlas", second))).properties
    assert (properties["eo:snow_cover"], properties["eo:cloud_cover"]) == (1.0, 3.0)
    assert properties["sat:orbit_state"] == "ascending"
    assert (properties["gsd"], properties["processing:level"]) == (0.5, "ORTHO")
    assert properties["dinamis:source_id"] == ID
    reverse = item_of(known_to(("oneatlas", second), ("deliveries", first))).properties
    assert (reverse["eo:snow_cover"], reverse["processing:level"]) == (2.0, "ALBUM")
    assert reverse["dinamis:source_id"] == second.source_id


def test_precedence_decides_and_not_the_order_of_arrival() -> None:
    """The same records in any order make the same Item to the last byte; sources are named in alphabetical order."""
    records = [
        SourcedScene("stac", 1, archived(gsd_m=9.0, is_archive=False)),
        SourcedScene("deliveries", 0, scene()),
        SourcedScene("csw", 2, archived(gsd_m=8.0, is_archive=False)),
    ]
    item = json_of(item_of(records))
    assert json.dumps(item) == json.dumps(json_of(item_of(records[::-1])))
    assert item["properties"]["dinamis:source"] == ["csw", "deliveries", "stac"]
    assert item["properties"]["gsd"] == 0.5


def test_times_are_those_of_the_first_source_that_has_them() -> None:
    """A second source with another time does not move the Item."""
    later = datetime(2021, 8, 15, 16, 0, tzinfo=UTC)
    records = known_to(("deliveries", scene()), ("oneatlas", archived(acquired_at=later, is_archive=False)))
    assert item_of(records).datetime == scene().acquired_at
    silent = known_to(("ign", replace(MOSAIC, platform="pleiades-1a")), ("deliveries", scene()))
    assert item_of(silent).datetime == scene().acquired_at


def test_fields_of_the_scene_speak_where_there_is_no_product() -> None:
    """Resolution, clouds, level, source id and publication of a catalogued image are in its Item."""
    properties = archive_item().properties
    expected = {
        "gsd": 0.5,
        "eo:cloud_cover": 3.0,
        "processing:level": "ALBUM",
        "published": "2021-08-16T04:00:00Z",
        "dinamis:source_id": "5b1e0f1c-0000-4000-8000-000000000001",
        "dinamis:footprint_from": "source",
        "airbus:album_production_status": "ARCHIVED",
    }
    assert {name: properties.get(name) for name in expected} == expected
    assert not {"product:type", "product:acquisition_type"} & set(properties)


def test_lists_of_names_of_one_source_are_united() -> None:
    """Two records of one source unite their lists of names; of other values the principal record's stands."""
    one = archived(properties={"sar:polarizations": ["HH"], "proj:bbox": [1, 2]})
    two = archived(properties={"sar:polarizations": ["VV", "HH"], "proj:bbox": [3, 4]})
    properties = item_of(known_to(("oneatlas", one), ("oneatlas", two)), ARCHIVE_ID).properties
    assert sorted(properties["sar:polarizations"]) == ["HH", "VV"]
    assert properties["proj:bbox"] in ([1, 2], [3, 4])


def test_item_without_a_moment_is_of_its_year() -> None:
    """A yearly mosaic has a null datetime with both ends, and its year in its title."""
    item = item_of(known_to(("ign", MOSAIC)), "SPOT_2019")
    properties = json_of(item)["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2019-01-01T00:00:00Z"
    assert properties["end_datetime"] == "2019-12-31T23:59:59Z"
    assert properties["title"] == "SPOT 6/7 2019"
    assert not {"mission", "platform"} & set(properties)


# Assets and links


def test_files_of_sources_keep_their_address() -> None:
    """A file that its source serves keeps its href, roles, type, bands and fields, and is not one of our places."""
    remote = RemoteAsset(
        key="pan",
        href="s3://bucket/pan.tif",
        roles=("data",),
        title="Panchromatic",
        fields={"proj:code": "EPSG:2154", "bands": [{"name": "P", "eo:common_name": "pan"}]},
    )
    records = known_to(("stac", archived(remote_assets=(remote, quicklook()), is_archive=False)))
    assert json_of(item_of(records))["assets"] == {
        "overview": {
            "href": "https://archive.example.org/records/1/quicklook",
            "type": "image/jpeg",
            "title": "Quicklook",
            "roles": ["overview"],
        },
        "pan": {
            "href": "s3://bucket/pan.tif",
            "title": "Panchromatic",
            "roles": ["data"],
            "bands": [{"name": "P", "eo:common_name": "pan"}],
            "proj:code": "EPSG:2154",
        },
    }
    assert private_part(records)["assets"] == {}


def test_key_that_two_sources_claim_is_told_apart() -> None:
    """The first source keeps its keys; the later one has its name before its own, for held and remote files alike."""
    other = quicklook(href="https://other.example.org/q.jpg")
    records = known_to(
        ("north", scene(product(companions=()))),
        ("south", scene(product(companions=()), root="file:///south")),
        ("west", archived(is_archive=False)),
        ("east", archived(remote_assets=(other,), is_archive=False)),
    )
    item = item_of(records)
    assert set(item.assets) == {"pms-ortho-job_1", "south-pms-ortho-job_1", "overview", "east-overview"}
    assert item.assets["east-overview"].href == other.href
    assert item.assets["south-pms-ortho-job_1"].href == f"assets/pleiades/{ID}/south-pms-ortho-job_1"
    places = private_part(records)["assets"]
    assert {key: place["root"] for key, (place,) in places.items()} == {
        "pms-ortho-job_1": "file:///archive",
        "south-pms-ortho-job_1": "file:///south",
    }
    titles = [asset.title for asset in item.assets.values()]
    assert len(set(titles)) == len(titles)


def test_remote_file_takes_no_key_from_a_file_that_we_hold() -> None:
    """A file of ours keeps its key, and so its address, when a source before its own serves one of the same key."""
    remote = quicklook(key="pms-ortho-job_1")
    records = known_to(
        ("first", archived(remote_assets=(remote,), is_archive=False)),
        ("deliveries", scene(product(companions=()))),
    )
    assert set(private_part(records)["assets"]) == {"pms-ortho-job_1"}
    assert item_of(records).assets["first-pms-ortho-job_1"].href == remote.href


def test_files_of_one_source_are_numbered() -> None:
    """Two files under one key in one source are both there; the same file told twice is there once."""
    two = (quicklook(), quicklook(), quicklook(href="https://archive.example.org/2"))
    assert set(item_of(known_to(("stac", archived(remote_assets=two)))).assets) == {"overview", "overview-2"}


def test_every_record_is_linked_to_its_source() -> None:
    """`via` leads to the record at its source, for a delivery to its metadata file under the root of the API."""
    records = known_to(("deliveries", scene()), ("oneatlas", archived(is_archive=False)))
    assert links_of(item_of(records), "via") == [
        f"assets/pleiades/{ID}/metadata-pms-ortho-job_1",
        "https://archive.example.org/records/1",
    ]


def test_links_of_records_are_links_of_the_item() -> None:
    """Each link of a record is there once, with its fields, and a web map names its extension."""
    item = item_of(known_to(("ign", MOSAIC), ("ign", MOSAIC)), "SPOT_2019")
    (link,) = [link for link in json_of(item)["links"] if link["rel"] == "wmts"]
    assert (link["href"], link["wmts:layer"]) == ("https://maps.example.org/wmts", "SPOT.2019")
    assert any("web-map-links" in uri for uri in item.stac_extensions)


# The archive


def test_image_of_the_archive_says_that_nobody_holds_it() -> None:
    """Without a held sibling an archive Item can be ordered, and `dinamis:held` is false, never absent."""
    item = archive_item(Sibling("ARCHIVE-X", "other", is_archive=True))
    assert item.properties["order:status"] == "orderable"
    assert item.properties["dinamis:held"] is False
    assert "dinamis:held_by" not in item.properties
    assert links_of(item, "canonical") == []
    assert links_of(item, "alternate") == ["collections/other/items/ARCHIVE-X"]


def test_image_of_the_archive_says_who_holds_it() -> None:
    """With a held sibling it names that Item, and leads to it as the canonical one; others are alternates."""
    drs = Sibling("SPOT-DRS", "spot-6-7-drs", is_archive=False)
    item = archive_item(drs, HELD)
    assert item.properties["dinamis:held"] is True
    assert item.properties["dinamis:held_by"] == ID
    assert links_of(item, "canonical") == [f"collections/pleiades/items/{ID}"]
    assert links_of(item, "alternate") == ["collections/spot-6-7-drs/items/SPOT-DRS"]
    assert json_of(archive_item(HELD, drs, drs)) == json_of(item)


def test_held_image_leads_to_all_others() -> None:
    """A held Item has an alternate link to the archive Item and to every other one, and no order of its own."""
    drs = Sibling("SPOT-DRS", "spot-6-7-drs", is_archive=False)
    item = item_of(delivered(scene()), siblings=[drs, ORDERABLE])
    assert links_of(item, "alternate") == [
        f"collections/airbus-archive-pleiades/items/{ARCHIVE_ID}",
        "collections/spot-6-7-drs/items/SPOT-DRS",
    ]
    assert not {"order:status", "dinamis:held", "dinamis:held_by"} & set(item.properties)


# Corrections


def test_corrections_stand_above_all_sources() -> None:
    """A corrected value, outline, time and removal are in the Item, which says what was corrected."""
    outline = box(4.0, 48.7, 4.05, 48.75)
    corrections = {
        "geometry": mapping(outline),
        "eo:cloud_cover": 80,
        "sat:orbit_state": None,
        "datetime": "2021-08-15T15:41:31Z",
    }
    item = item_of(delivered(scene()), corrections=corrections)
    properties = json_of(item)["properties"]
    assert shape(item.geometry or {}).equals(outline)
    assert item.bbox == [4.0, 48.7, 4.05, 48.75]
    assert properties["dinamis:footprint_area_km2"] == pytest.approx(area_km2(outline), abs=0.001)
    assert properties["dinamis:footprint_from"] == "correction"
    assert properties["eo:cloud_cover"] == 80
    assert "sat:orbit_state" not in properties
    assert properties["datetime"] == "2021-08-15T15:41:31Z"
    assert properties["dinamis:corrected"] == sorted(corrections)


def test_correction_mends_what_would_be_refused() -> None:
    """An impossible value of a source does not stand in the way when it is corrected."""
    wrong = delivered(scene(product(cloud_cover_percent=140, images=())))
    assert item_of(wrong, corrections={"eo:cloud_cover": 14}).properties["eo:cloud_cover"] == 14


@pytest.mark.parametrize(
    ("corrections", "reason"),
    [
        ({"eo:cloud_cover": 140}, "eo:cloud_cover = 140"),
        ({"eo:cloud_cover": "clear"}, "correction of eo:cloud_cover cannot be applied: 'clear' is not of the type"),
        ({"sat:orbit_state": "sideways"}, "correction of sat:orbit_state cannot be applied: 'sideways' is none of"),
        ({"start_datetime": "2021-08-15T15:41:31"}, "correction of start_datetime cannot be applied: .* time zone"),
        ({"datetime": "yesterday"}, "correction of datetime cannot be applied"),
        ({"datetime": 5}, "correction of datetime cannot be applied"),
        ({"geometry": {"type": "Point", "coordinates": [4, 48]}}, "correction of geometry cannot be applied"),
        ({"geometry": {"type": "Polygon", "coordinates": [[[4, 48]]]}}, "geometry cannot be applied: give a GeoJSON"),
        ({"geometry": {"type": "Polygon"}}, "geometry cannot be applied: give a GeoJSON polygon"),
        ({"geometry": "here"}, "geometry cannot be applied: give a GeoJSON polygon"),
        ({"dinamis:held": True}, "correction of dinamis:held cannot be applied"),
        ({"not a name": 1}, "correction of not a name cannot be applied"),
        ({"title": "ftp://user:word@host/"}, "holds a credential"),
    ],
)
def test_correction_that_makes_no_sound_item_is_refused(corrections: Mapping[str, Any], reason: str) -> None:
    """A correction with a wrong name, type or value makes no Item, and the message says which it is."""
    with pytest.raises(UnreadableScene, match=reason):
        item_of(delivered(scene()), corrections=corrections)


# What is refused


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"remote_assets": (quicklook(href="/records/1/quicklook"),)}, "absolute: http, https or s3"),
        ({"remote_assets": (quicklook(href="ftp://host/q.jpg"),)}, "absolute: http, https or s3"),
        ({"remote_assets": (quicklook(href="assets/pleiades/X/overview"),)}, "absolute: http, https or s3"),
        ({"remote_assets": (quicklook(href="https://me:word@host/q.jpg"),)}, "assets/overview/href holds"),
        ({"remote_assets": (quicklook(href="https://host/q?X-Amz-Signature=b"),)}, "assets/overview/href holds"),
        ({"remote_assets": (quicklook(href="https://host/q?expires=12"),)}, "assets/overview/href holds"),
        ({"remote_assets": (quicklook(roles=()),)}, "roles missing"),
        ({"remote_assets": (quicklook(key="Quick Look"),)}, "the key must be"),
        ({"remote_assets": (quicklook(fields={"href": "file:///x"}),)}, "href said twice"),
        ({"links": (RecordLink(rel="about", href="https://host/?token=b"),)}, "links/.*href holds a credential"),
        ({"links": (RecordLink(rel="about", href="page.html"),)}, "link about: the href must be"),
        ({"links": (RecordLink(rel="self", href="https://host/"),)}, "link self: the API makes it"),
        ({"source_href": "https://me:word@host/"}, "holds a credential"),
        ({"acquired_at": None}, "no record says when"),
        ({"acquired_at": None, "started_at": datetime(2021, 1, 1, tzinfo=UTC)}, "no record says when"),
        ({"platform": None, "constellation": None}, "platform and constellation are empty"),
        ({"properties": {"view:azimuth": 400}, "viewing": None}, "view:azimuth = 400"),
    ],
)
def test_record_of_a_source_that_makes_no_sound_item_is_refused(changes: dict[str, Any], reason: str) -> None:
    """What a source must not publish through us is refused with its reason, and no secret is repeated."""
    with pytest.raises(UnreadableScene, match=reason) as error:
        archive_item(**changes)
    assert "word" not in str(error.value)


def test_id_of_the_archive_is_for_images_of_the_archive() -> None:
    """An Item under an archive id that does not say whether it is held is refused."""
    with pytest.raises(UnreadableScene, match="dinamis:held must be true or false"):
        item_of(delivered(scene()), ARCHIVE_ID)
