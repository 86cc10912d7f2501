"""Applies the corrections of curators, who know better than the sources, to an Item."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import shapely
from pystac.utils import datetime_to_str
from shapely.errors import ShapelyError

from footprints import FootprintError, area_km2, footprint_bbox, valid_footprint
from harvester.errors import UnreadableScene
from harvester.queryables import PROPERTIES

#: Properties that the catalogue computes itself: corrections of them would be undone or untrue.
MADE_BY_THE_CATALOGUE = frozenset(
    {
        "collection",
        "created",
        "dinamis:corrected",
        "dinamis:footprint_area_km2",
        "dinamis:footprint_from",
        "dinamis:held",
        "dinamis:held_by",
        "dinamis:source",
        "dinamis:view_collections",
        "id",
        "updated",
    }
)

#: Properties that result from the images of a pass together.
_OF_STEREO = ("stereo:", "stereo-img:")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(:[A-Za-z][A-Za-z0-9_-]*)?")
_IS_OF_TYPE: Mapping[str, Callable[[Any], bool]] = {
    "array": lambda value: isinstance(value, list),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
}


def correct_item(item: dict[str, Any], corrections: Mapping[str, Any]) -> None:
    """Apply corrections to an Item, in place, and list them in it.

    Args:
        item: The Item as its sources describe it, as JSON data.
        corrections: Value by property name, null to remove the property; `geometry` is a GeoJSON polygon in WGS 84
            degrees, longitude first, from which box and area are computed.

    Raises:
        UnreadableScene: A correction cannot be applied; the message says which, and why.
    """
    for name, value in sorted(corrections.items()):
        try:
            _correct(item, name, value)
        except (TypeError, ValueError, FootprintError, ShapelyError) as error:
            raise UnreadableScene(f"{item['id']}: the correction of {name} cannot be applied: {error}") from error
    if corrections:
        item["properties"]["dinamis:corrected"] = sorted(corrections)


def _correct(item: dict[str, Any], name: str, value: Any) -> None:
    if name == "geometry":
        _correct_geometry(item, value)
    elif name in MADE_BY_THE_CATALOGUE or name.startswith(_OF_STEREO) or not _NAME.fullmatch(name):
        raise ValueError("it is no property that a source describes.")
    elif name == "datetime":
        item["properties"]["datetime"] = None if value is None else datetime_to_str(_instant(value))
    elif value is None:
        item["properties"].pop(name, None)
    else:
        _require_type(name, value)
        item["properties"][name] = value


def _correct_geometry(item: dict[str, Any], geometry: Any) -> None:
    try:
        drawn = shapely.from_geojson(json.dumps(geometry))
    except ShapelyError as error:
        raise ValueError("give a GeoJSON polygon, each ring of which ends where it began.") from error
    region = valid_footprint(drawn)
    item["geometry"], item["bbox"] = shapely.geometry.mapping(region), list(footprint_bbox(region))
    item["properties"]["dinamis:footprint_from"] = "correction"
    item["properties"]["dinamis:footprint_area_km2"] = round(area_km2(region), 3)


def _require_type(name: str, value: Any) -> None:
    schema = PROPERTIES[name].schema if name in PROPERTIES else {}
    expected = schema.get("type")
    if expected and not _IS_OF_TYPE[expected](value):
        raise TypeError(f"{value!r} is not of the type {expected}.")
    if value not in schema.get("enum", [value]):
        raise ValueError(f"{value!r} is none of {', '.join(schema['enum'])}.")
    if schema.get("format") == "date-time":
        _instant(value)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone; end it with Z.")
    return instant
