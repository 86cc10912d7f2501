"""The invariants of an Item: what breaks one is named, and refused before the catalogue sees it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from harvester.errors import UnreadableScene
from harvester.items.checks import check_item
from harvester.record import ImageFile, SceneRecord
from tests.harvester.items.built_items import document_of, item_of
from tests.scene_records import BANDS, COG, product, scene


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
