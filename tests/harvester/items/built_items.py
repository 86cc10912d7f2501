"""Items built of invented records, for tests that look at what they say."""

from __future__ import annotations

import json
from typing import Any

from pystac import Asset, Item
from shapely import box

from harvester.items.from_scenes import item_from_scenes
from harvester.record import SceneRecord
from tests.scene_records import delivered, product, scene

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


def asset_of(item: Item) -> Asset:
    """The image of the Item."""
    return item.assets["pms-ortho-job_1"]


BUNDLE = (
    scene(product("P", "SENSOR", "JOB_P", cloud_cover_percent=66.9), footprint=box(4.0, 48.7, 4.1, 48.8)),
    scene(product("MS", "SENSOR", "JOB_MS", cloud_cover_percent=68.32), footprint=box(3.99, 48.69, 4.11, 48.81)),
)
