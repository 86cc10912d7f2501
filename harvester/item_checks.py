"""What must be true of every Item before it goes to the catalogue, whatever its source.

These are our own invariants and need no network. That Items also follow the published JSON Schemas is a test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import shapely
from pystac import Asset, Item

from footprints import footprint_bbox
from harvester.errors import UnreadableScene

#: Lowest and highest value of numeric fields, in the unit of the field, in properties, assets and bands alike.
RANGES: Mapping[str, tuple[float, float]] = {
    "eo:cloud_cover": (0, 100),
    "eo:snow_cover": (0, 100),
    "view:azimuth": (0, 360),
    "view:incidence_angle": (0, 90),
    "view:off_nadir": (0, 90),
    "view:sun_azimuth": (0, 360),
    "view:sun_elevation": (-90, 90),
    "sat:relative_orbit": (1, 100_000),
    "gsd": (0.01, 10_000),
    "raster:bits_per_sample": (1, 64),
    "eo:center_wavelength": (0.1, 100),
    "eo:full_width_half_max": (0.0001, 100),
    "eo:solar_illumination": (0, 100_000),
    "file:size": (0, 2**53),
    "dinamis:footprint_area_km2": (0, 5.2e8),
}

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_SECRET = re.compile(
    r"://[^/\s\"]*@|\bfile://|x-amz-(signature|credential)|[?&](token|api_?key|signature|sig|password|access_token)=",
    re.IGNORECASE,
)


def check_item(item: Item) -> None:
    """Refuse an Item that breaks an invariant, naming everything that is wrong with it.

    Raises:
        UnreadableScene: At least one invariant is broken.
    """
    problems = [*_identity_problems(item), *_geometry_problems(item), *_time_problems(item)]
    problems += _number_problems("properties", item.properties)
    for key, asset in item.assets.items():
        problems += [f"asset {key}: {problem}" for problem in _asset_problems(item, key, asset)]
    problems += _text_problems(item)
    if problems:
        raise UnreadableScene(f"{item.id}: {'; '.join(problems)}")


def _identity_problems(item: Item) -> Iterator[str]:
    if not _ID.fullmatch(item.id):
        yield "the id must be 1 to 200 letters, digits, '_', '.' or '-', the first a letter or digit"
    if not item.collection_id:
        yield "it is in no collection"
    for name in ("title", "platform"):
        if not item.properties.get(name):
            yield f"{name} is empty"


def _geometry_problems(item: Item) -> Iterator[str]:
    if item.geometry is None or item.bbox is None:
        yield "it has no geometry or no bbox"
        return
    geometry = shapely.geometry.shape(item.geometry)
    if not isinstance(geometry, shapely.Polygon | shapely.MultiPolygon) or geometry.is_empty:
        yield f"the geometry must be a polygon with an area, not {geometry.geom_type}"
        return
    if not geometry.is_valid:
        yield f"the geometry is not valid ({shapely.is_valid_reason(geometry)})"
    west, south, east, north = geometry.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        yield f"the geometry leaves the world ({west}, {south}, {east}, {north})"
    elif not _close(item.bbox, footprint_bbox(geometry)):
        yield f"the bbox {item.bbox} is not that of the geometry"


def _close(left: Any, right: Any) -> bool:
    return len(left) == len(right) and all(abs(a - b) < 1e-9 for a, b in zip(left, right, strict=True))


def _time_problems(item: Item) -> Iterator[str]:
    if item.datetime is None:
        yield "it has no datetime"
    elif item.datetime.tzinfo is None:
        yield "its datetime has no time zone"
    start, end = item.properties.get("start_datetime"), item.properties.get("end_datetime")
    if (start is None) != (end is None):
        yield "start_datetime and end_datetime come together or not at all"
    elif start is not None and item.datetime is not None and item.datetime.tzinfo is not None:
        interval = item.common_metadata.start_datetime, item.common_metadata.end_datetime
        if None in interval or not interval[0] <= item.datetime <= interval[1]:  # type: ignore[operator]
            yield f"its datetime is not between {start} and {end}"


def _number_problems(where: str, fields: Mapping[str, Any]) -> Iterator[str]:
    for name, value in fields.items():
        numbers = value if isinstance(value, list | tuple) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            yield f"{where}: {name} is not a finite number"
        elif name in RANGES and not _in_range(value, *RANGES[name]):
            yield f"{where}: {name} = {value!r} is not between {RANGES[name][0]} and {RANGES[name][1]}"


def _in_range(value: Any, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _asset_problems(item: Item, key: str, asset: Asset) -> Iterator[str]:
    if not _KEY.fullmatch(key):
        yield "the key must be lower-case letters, digits, '_', '.' or '-'"
    if asset.href != f"assets/{item.collection_id}/{item.id}/{key}":
        yield "the href must be assets/<collection>/<item>/<key>"
    missing = [name for name in ("title", "media_type", "roles") if not getattr(asset, name)]
    if missing:
        yield f"{', '.join(missing)} missing"
    yield from _number_problems("fields", asset.extra_fields)
    if "data" in (asset.roles or []):
        yield from _image_problems(asset.extra_fields)


def _image_problems(fields: Mapping[str, Any]) -> Iterator[str]:
    bands = fields.get("bands") or []
    names = [band.get("name") for band in bands]
    if not bands or not all(names) or len(set(names)) != len(names):
        yield f"an image has at least one band, each with a name of its own, not {names}"
    for band in bands:
        yield from _number_problems(f"band {band.get('name')}", band)
    if min(fields.get("proj:shape", [1])) < 1:
        yield f"proj:shape {fields['proj:shape']} is empty"
    if len(fields.get("proj:transform", range(6))) != 6:
        yield "proj:transform must be six numbers"


def _text_problems(item: Item) -> Iterator[str]:
    for where, text in _texts(item.to_dict(include_self_link=False, transform_hrefs=False), ""):
        if not is_storable(text):
            yield f"{where} holds a character that no catalogue can store"
        if _SECRET.search(text):
            # The text itself is not repeated: this message goes into logs and reports.
            yield f"{where} holds a credential, a signed URL or the place of a file"


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes the text as JSON: neither NUL nor half a surrogate pair, as in a name not in UTF-8."""
    return not _UNSTORABLE.search(text)


def _texts(node: Any, where: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, str):
        yield where, node
    elif isinstance(node, Mapping):
        for name, child in node.items():
            yield from _texts(child, f"{where}/{name}")
    elif isinstance(node, list | tuple):
        for position, child in enumerate(node):
            yield from _texts(child, f"{where}/{position}")
