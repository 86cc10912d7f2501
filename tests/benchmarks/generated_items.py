"""STAC Items of the size and shape of a very-high-resolution catalogue, invented from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from harvester.feeds import Feed
from harvester.sources.stac.options import Options

COLLECTION = "spot-6-7-drs"
_FIRST = datetime(2014, 1, 1, 10, 30, tzinfo=UTC)
_STEP = timedelta(seconds=2_903.171)
_ROOT = "https://images.example.org/optical"
_BANDS = (("B0", "blue", 0.49), ("B1", "green", 0.56), ("B2", "red", 0.65), ("B3", "nir", 0.83))
_FILES = (
    ("pansharpened", "PMS", "image/tiff; application=geotiff; profile=cloud-optimized", ("data",)),
    ("panchromatic", "P", "image/tiff; application=geotiff; profile=cloud-optimized", ("data",)),
    ("thumbnail", "icon", "image/jpeg", ("thumbnail",)),
    ("overview", "preview", "image/jpeg", ("overview",)),
    ("metadata", "DIM", "application/xml", ("metadata",)),
    ("cloud-mask", "CLD_MSK", "application/gml+xml", ("metadata", "cloud")),
)


def write_items(path: Path, count: int, *, changed_share: float = 0.0) -> None:
    """Write `count` Items, one a line; the same ones each time, but for the cloud cover of an even share of them."""
    every = round(1 / changed_share) if changed_share else 0
    with path.open("wb") as file:
        for number, item in enumerate(_items(count)):
            if every and number % every == 0:
                item["properties"]["eo:cloud_cover"] = 100 - item["properties"]["eo:cloud_cover"]
            file.write(orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE))


def feed_of(items: Path, page_size: int | None = None) -> Feed:
    """The file as the source of the collection."""
    options = Options(url=items.as_uri(), preset=COLLECTION, page_size=page_size)
    return Feed(
        name=f"{COLLECTION}/stac",
        source="stac",
        kind="stac",
        collection=COLLECTION,
        location=options.shown_location,
        options=options,
    )


def _items(count: int) -> Iterator[dict[str, Any]]:
    chance = random.Random(20_140_101)
    for number in range(count):
        yield _item(_FIRST + number * _STEP, chance)


def _item(moment: datetime, chance: random.Random) -> dict[str, Any]:
    stamp = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 100_000}"
    name = f"SPOT7_MS_{stamp}_SPOT7_P_{stamp}_1"
    ring = _ring(chance.uniform(-175, 175), chance.uniform(-60, 70), chance.uniform(-0.3, 0.3))
    longitudes, latitudes = zip(*ring, strict=True)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [
            f"https://stac-extensions.github.io/{each}/schema.json"
            for each in ("eo/v2.0.0", "projection/v2.0.0", "view/v1.1.0", "sat/v1.1.0", "raster/v2.0.0", "file/v2.1.0")
        ],
        "id": name,
        "collection": COLLECTION,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        "properties": _properties(moment, chance),
        "links": [{"rel": "self", "href": f"{_ROOT}/items/{name}.json", "type": "application/geo+json"}],
        "assets": {key: _asset(name, part, media_type, roles, chance) for key, part, media_type, roles in _FILES},
    }


def _ring(longitude: float, latitude: float, turn: float) -> list[list[float]]:
    """A rectangle of some 20 km, turned and closed, counter-clockwise."""
    east, north = 0.1 / math.cos(math.radians(latitude)), 0.09
    corners = ((-east, -north), (east, -north), (east, north), (-east, north), (-east, -north))
    return [[round(longitude + x - turn * y, 6), round(latitude + y + turn * x / 2, 6)] for x, y in corners]


def _properties(moment: datetime, chance: random.Random) -> dict[str, Any]:
    return {
        "datetime": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}",
        "platform": "spot-7",
        "constellation": "spot",
        "instruments": ["naomi"],
        "gsd": 1.5,
        "eo:cloud_cover": round(chance.uniform(0, 100), 2),
        "view:azimuth": round(chance.uniform(0, 360), 3),
        "view:incidence_angle": round(chance.uniform(0, 40), 3),
        "view:off_nadir": round(chance.uniform(0, 35), 3),
        "view:sun_azimuth": round(chance.uniform(90, 270), 3),
        "view:sun_elevation": round(chance.uniform(10, 80), 3),
        "sat:orbit_state": "descending",
        "sat:relative_orbit": chance.randrange(1, 386),
        "proj:code": f"EPSG:{chance.randrange(32601, 32661)}",
        "processing:level": "ORTHO",
    }


def _asset(name: str, part: str, media_type: str, roles: tuple[str, ...], chance: random.Random) -> dict[str, Any]:
    asset: dict[str, Any] = {
        "href": f"{_ROOT}/{name[9:13]}/{name[13:15]}/{name}/{part}",
        "title": f"{part} of {name}",
        "type": media_type,
        "roles": list(roles),
        "file:size": chance.randrange(10_000, 2_000_000_000),
        "file:checksum": f"1220{chance.getrandbits(256):064x}",
    }
    return asset | (_image_fields(part, chance) if "data" in roles else {})


def _image_fields(part: str, chance: random.Random) -> dict[str, Any]:
    bands = _BANDS if part == "PMS" else (("PAN", "pan", 0.65),)
    return {
        "gsd": 1.5,
        "data_type": "uint16",
        "nodata": 0,
        "raster:bits_per_sample": 12,
        "proj:shape": [chance.randrange(20_000, 40_000), chance.randrange(20_000, 40_000)],
        "proj:transform": [0.5, 0, chance.randrange(200_000, 800_000), 0, -0.5, chance.randrange(100_000, 9_000_000)],
        "bands": [
            {
                "name": name,
                "eo:common_name": colour,
                "eo:center_wavelength": centre,
                "eo:full_width_half_max": 0.12,
                "raster:scale": round(chance.uniform(0.01, 0.2), 6),
            }
            for name, colour, centre in bands
        ],
    }
