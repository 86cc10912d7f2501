"""What must hold for every Item before it goes into the catalogue, whatever its source.

These are our own invariants and need no network. That Items also follow the published JSON Schemas is a test.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson
import shapely

from footprints import footprint_bbox
from harvester.errors import UnreadableScene
from harvester.items.document import ItemDocument

#: pgSTAC searches whole numbers as `int4`: one beyond would break each search by its property, for everybody.
LARGEST_WHOLE = 2**31 - 1
#: Lowest and highest value of numeric fields, in the field's unit, for properties, assets and bands.
RANGES: Mapping[str, tuple[float, float]] = {
    "eo:cloud_cover": (0, 100),
    "eo:snow_cover": (0, 100),
    "view:azimuth": (0, 360),
    "view:incidence_angle": (0, 90),
    "view:off_nadir": (0, 90),
    "view:sun_azimuth": (0, 360),
    "view:sun_elevation": (-90, 90),
    "sat:relative_orbit": (1, 100_000),
    "sat:absolute_orbit": (1, LARGEST_WHOLE),
    "iso:scale_denominator": (1, LARGEST_WHOLE),
    "gsd": (0.01, 10_000),
    "raster:bits_per_sample": (1, 64),
    "eo:center_wavelength": (0.1, 100),
    "eo:full_width_half_max": (0.0001, 100),
    "eo:solar_illumination": (0, 100_000),
    "file:size": (0, 2**53),
    "dinamis:footprint_area_km2": (0, 5.2e8),
    "sar:center_frequency": (0.01, 1000),
    "sar:resolution_range": (0.01, 10_000),
    "sar:resolution_azimuth": (0.01, 10_000),
}

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,199}")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_KEY = re.compile(r"[a-z0-9][a-z0-9_.-]*")
_SECRET = re.compile(
    r"://[^/?#\s\"]*@|(?<!=)\bfile://|x-(amz|goog)-(signature|credential)"
    r"|[?&](access_token|(x-)?api[_-]?key|awsaccesskeyid|expires|password|sig|signature|token)=",
    re.IGNORECASE,
)
#: Any text matched by `_SECRET` or `_UNSTORABLE` has one of these in its JSON.
_SIGNS_OF_HARM = (b"@", b"file://", b"x-amz-", b"x-goog-", b"?", b"&", b"\\u0000")
#: Addresses whose scheme and host are found without `urlsplit`.
_PLAIN_ADDRESS = re.compile(r"([a-z][a-z0-9]*)://[A-Za-z0-9.-]+(?=[/:]|$)")
#: The beginning of ids of images that Airbus has and nobody has ordered.
_ARCHIVE_PREFIX = "ARCHIVE-"
_ASSET_SCHEMES = ("http", "https", "s3")
_TIMES = ("datetime", "start_datetime", "end_datetime")
_LINK_SCHEMES = (*_ASSET_SCHEMES, "ftp", "ftps", "sftp")
_MADE_BY_THE_API = frozenset({"self", "root", "parent", "child", "item", "items"})


def check_item(item: ItemDocument) -> None:
    """Refuse an Item that breaks invariants, naming all of them.

    Raises:
        UnreadableScene: At least one invariant is broken.
    """
    problems = [*_identity_problems(item), *_geometry_problems(item), *_time_problems(item)]
    problems += [*_archive_problems(item), *_link_problems(item)]
    for key, asset in item["assets"].items():
        problems += [f"asset {key}: {problem}" for problem in _asset_problems(item, key, asset)]
    whole = _whole(item)
    problems += [*_range_problems(item), *_finiteness_problems(item, whole), *_text_problems(item, whole)]
    if problems:
        raise UnreadableScene(f"{item['id']}: {'; '.join(problems)}")


def _identity_problems(item: ItemDocument) -> Iterator[str]:
    properties = item["properties"]
    if not _ID.fullmatch(item["id"]):
        yield "the id must be 1 to 200 letters, digits, '_', '.' or '-', the first a letter or digit"
    if not item["collection"]:
        yield "it is in no collection"
    if not properties.get("title"):
        yield "title is empty"
    if not (properties.get("platform") or properties.get("constellation")):
        yield "platform and constellation are empty: one of them must be known"


def _archive_problems(item: ItemDocument) -> Iterator[str]:
    held, held_by = (item["properties"].get(name) for name in ("dinamis:held", "dinamis:held_by"))
    if item["id"].startswith(_ARCHIVE_PREFIX):
        if not item["properties"].get("order:status"):
            yield "order:status is empty: an image of the archive says whether it can be ordered"
        # Clients filter out what is already held, and an absent property cannot be filtered on.
        if not isinstance(held, bool):
            yield "dinamis:held must be true or false on every image of the archive"
    if (held is True) != bool(held_by):
        yield "dinamis:held_by is there when, and only when, dinamis:held is true"


def _link_problems(item: ItemDocument) -> Iterator[str]:
    for link in item["links"]:
        if link["rel"] in _MADE_BY_THE_API:
            yield f"link {link['rel']}: the API makes it itself"
        elif not _leads(link["href"], _LINK_SCHEMES, ("collections/", "assets/")):
            yield f"link {link['rel']}: the href must be an absolute address, or lead to the catalogue itself"


def _leads(href: str, schemes: Iterable[str], own: tuple[str, ...]) -> bool:
    if plain := _PLAIN_ADDRESS.match(href):
        return plain[1] in schemes
    try:
        parts = urlsplit(href)
    except ValueError:
        return False
    return href.startswith(own) or (parts.scheme in schemes and bool(parts.netloc))


def _geometry_problems(item: ItemDocument) -> Iterator[str]:
    geometry = shapely.from_geojson(orjson.dumps(item["geometry"]))
    if not isinstance(geometry, shapely.Polygon | shapely.MultiPolygon) or geometry.is_empty:
        yield f"the geometry must be a polygon with an area, not {geometry.geom_type}"
        return
    if not geometry.is_valid:
        yield f"the geometry is not valid ({shapely.is_valid_reason(geometry)})"
    west, south, east, north = geometry.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        yield f"the geometry leaves the world ({west}, {south}, {east}, {north})"
    elif not _close(item["bbox"], footprint_bbox(geometry)):
        yield f"the bbox {item['bbox']} is not that of the geometry"


def _close(left: Any, right: Any) -> bool:
    return len(left) == len(right) and all(abs(a - b) < 1e-9 for a, b in zip(left, right, strict=True))


def _time_problems(item: ItemDocument) -> Iterator[str]:
    said = {name: item["properties"].get(name) for name in _TIMES}
    moments = {name: datetime.fromisoformat(text) for name, text in said.items() if text is not None}
    if naive := [name for name, moment in moments.items() if moment.tzinfo is None]:
        yield f"{', '.join(naive)}: no time zone"
        return
    moment, start, end = map(moments.get, _TIMES)
    if (start is None) != (end is None):
        yield "start_datetime and end_datetime come together or not at all"
    elif start is None and moment is None:
        yield "it has neither a datetime nor start_datetime and end_datetime"
    elif start and end and not start <= (moment or start) <= end:
        yield f"its datetime is not between {said['start_datetime']} and {said['end_datetime']}"


def _range_problems(item: ItemDocument) -> Iterator[str]:
    for where, fields in _groups(item):
        for name, low, high in _ranges_of(tuple(fields)):
            if not _in_range(fields[name], low, high):
                yield f"{where}: {name} = {fields[name]!r} is not between {low} and {high}"


@lru_cache(maxsize=1024)
def _ranges_of(names: tuple[str, ...]) -> list[tuple[str, float, float]]:
    """The fields that have a range, with it; cached, as many assets and bands have the same fields."""
    return [(name, *RANGES[name]) for name in names if name in RANGES]


def _groups(item: ItemDocument) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The fields of the Item, of its assets and of their bands, each group with a name for its place."""
    yield "properties", item["properties"]
    for key, asset in item["assets"].items():
        yield f"asset {key}", asset
        for band in asset.get("bands", ()):
            yield f"asset {key}: band {band.get('name')}", band


def _in_range(value: Any, low: float, high: float) -> bool:
    return type(value) in (int, float) and low <= value <= high


def _whole(item: ItemDocument) -> bytes | None:
    """The Item as JSON; None if no catalogue could store it."""
    try:
        return orjson.dumps(item)
    except orjson.JSONEncodeError:
        return None


def _finiteness_problems(item: ItemDocument, whole: bytes | None) -> Iterator[str]:
    # JSON has null for what is not finite: nearly no Item has one.
    if whole is not None and b"null" not in whole:
        return
    for where, fields in _groups(item):
        for name, value in fields.items():
            members = value if isinstance(value, list | tuple) else [value]
            if any(isinstance(each, float) and not math.isfinite(each) for each in members):
                yield f"{where}: {name} is not a finite number"


def _asset_problems(item: ItemDocument, key: str, asset: Mapping[str, Any]) -> Iterator[str]:
    if not _KEY.fullmatch(key):
        yield "the key must be lower-case letters, digits, '_', '.' or '-'"
    is_ours = asset["href"] == f"assets/{item['collection']}/{item['id']}/{key}"
    if not (is_ours or _leads(asset["href"], _ASSET_SCHEMES, ())):
        yield "the href must be assets/<collection>/<item>/<key>, or absolute: http, https or s3"
    needed = ("title", "type", "roles") if is_ours else ("title", "roles")
    if missing := [name for name in needed if not asset.get(name)]:
        yield f"{', '.join(missing)} missing"
    # For files elsewhere, the source decides what is said about the pixels.
    if "data" in (asset.get("roles") or ()) and (is_ours or "bands" in asset):
        yield from _image_problems(asset)


def _image_problems(fields: Mapping[str, Any]) -> Iterator[str]:
    bands = fields.get("bands") or []
    names = [band.get("name") for band in bands]
    if not bands or not all(names) or len(set(names)) != len(names):
        yield f"an image has at least one band, each with a name of its own, not {names}"
    if not (_are_numbers(shape := fields.get("proj:shape", [1])) and min(shape, default=0) >= 1):
        yield f"proj:shape {shape} is empty, or no list of numbers"
    if not (_are_numbers(transform := fields.get("proj:transform", range(6))) and len(transform) in (6, 9)):
        yield "proj:transform must be six numbers, or nine"


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list | tuple | range) and all(type(each) in (int, float) for each in value)


def _text_problems(item: ItemDocument, whole: bytes | None) -> Iterator[str]:
    if whole is not None and _is_harmless(whole):
        return
    unstorable = [where for where, text in _texts(item, "") if not is_storable(text)]
    yield from (f"{where} holds a character that no catalogue can store" for where in unstorable)
    if whole is None and not unstorable:
        yield "a number has more than 64 bits, or lists lie too deep in each other: no catalogue can store that"
    for where, text in _texts(item, ""):
        if _SECRET.search(text):
            # The text is not quoted: this message goes into logs and reports.
            yield f"{where} holds a credential, a signed URL or the place of a file"


def _is_harmless(whole: bytes) -> bool:
    """Whether certainly no text of the document is refused: one search that suffices for nearly every Item."""
    lowered = whole.lower()
    return not any(sign in lowered for sign in _SIGNS_OF_HARM)


def is_storable(text: str) -> bool:
    """Whether PostgreSQL takes the text as JSON: no NUL, and no lone surrogate, as from a name that is not UTF-8."""
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
