"""GEODES as far as its public descriptions tell: `POST /search` over records that a test gives and may change.

`app(records)` is an ASGI application; serve it with `tests.emulators.serving.serving`, and wrap it in
`tests.emulators.quirks.Quirks` for the mishaps that any service has. Its own peculiarities are always on: pages by
number in the body, at most 80 records, `sortBy` (and not `sortby`), a `next` link with another page size, operators
under `query`. Two more are switched on by `GeodesQuirks`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

ROOT = "https://geodes.example/api/stac"
LARGEST_PAGE = 80
FIRST_INSERTION = datetime(2025, 4, 3, 9, 0, 26, 809000, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class GeodesQuirks:
    """What GEODES does at times."""

    short_pages: bool = False  #: each second page has one record fewer than it could; the next goes on after it
    duplicates: bool = False  #: each page but the first begins with the last record of the page before


@dataclass
class Geodes:
    """The service.

    Attributes:
        records: what it holds, in any order; change it at will between requests.
        quirks: what it does at times.
        bodies: the body of each search, in order.
    """

    records: list[dict[str, Any]]
    quirks: GeodesQuirks = field(default_factory=GeodesQuirks)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._app = Starlette(routes=[Route("/search", self._search, methods=["POST"])])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    def add(self, *records: dict[str, Any]) -> None:
        """Insert records."""
        self.records.extend(records)

    def delete(self, identifier: str) -> None:
        """Take all versions of a record away."""
        self.records = [record for record in self.records if record["properties"]["identifier"] != identifier]

    def supersede(self, identifier: str, inserted: datetime, **properties: Any) -> None:
        """Insert a new version of a record with other properties; the versions before stay, and are not the latest."""
        versions = [record for record in self.records if record["properties"]["identifier"] == identifier]
        newest = deepcopy(versions[-1])
        for record in versions:
            record["properties"]["latest"] = False
        stem, _, version = newest["id"].rpartition(":V")
        newest["id"] = f"{stem}:V{int(version) + 1}"
        newest["properties"] |= {"latest": True, "datetime": _written(inserted)} | properties
        self.records.append(newest)

    async def _search(self, request: Request) -> JSONResponse:
        body = await request.json()
        self.bodies.append(body)
        limit, page = body.get("limit", 10), body.get("page", 1)
        if not 1 <= limit <= LARGEST_PAGE or page < 1:
            return JSONResponse({"title": "Bad Request", "messages": [f"limit is {limit}"]}, 400)
        matches = _sorted([record for record in self.records if _matches(record, body)], body.get("sortBy", ()))
        return JSONResponse(_envelope(self._cut(matches, limit, page), len(matches), limit, page))

    def _cut(self, matches: Sequence[dict[str, Any]], limit: int, page: int) -> Sequence[dict[str, Any]]:
        repeated = int(self.quirks.duplicates)
        start = 0
        for number in range(1, page):
            start += self._new_on(number, limit)
        from_ = max(0, start - repeated) if start < len(matches) else start
        return matches[from_ : start + self._new_on(page, limit)]

    def _new_on(self, page: int, limit: int) -> int:
        """How many records stand on a page that did not stand on the one before."""
        repeated = self.quirks.duplicates and page > 1
        missing = self.quirks.short_pages and page % 2 == 0
        return max(1, limit - int(repeated) - int(missing))


def app(records: Iterable[dict[str, Any]], quirks: GeodesQuirks | None = None) -> Geodes:
    """The service with some records."""
    return Geodes([deepcopy(record) for record in records], quirks or GeodesQuirks())


def synthetic_records(count: int, *, seed: int = 0, collection: str = "PEPS_S2_L1C") -> list[dict[str, Any]]:
    """Records of the shape of GEODES, the same for the same seed; two of them share each insertion date."""
    chance = random.Random(f"{seed} {collection}")
    return [_record(index, collection, chance) for index in range(count)]


def _record(index: int, collection: str, chance: random.Random) -> dict[str, Any]:
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=7 * index, milliseconds=chance.randrange(60_000))
    platform = chance.choice(["S2A", "S2B"])
    tile = f"T{chance.randrange(1, 61):02}{chance.choice('CFHKMPRTVX')}{chance.choice('ABC')}{chance.choice('DEF')}"
    name = f"{platform}_MSIL1C_{moment:%Y%m%dT%H%M%S}_N0511_R{chance.randrange(1, 144):03}_{tile}_{index:08}"
    urn = f"URN:FEATURE:DATA:gdh:{UUID(md5(name.encode(), usedforsecurity=False).hexdigest())}:V1"
    west, south = round(chance.uniform(-179, 178), 6), round(chance.uniform(-75, 74), 6)
    inserted = FIRST_INSERTION + timedelta(seconds=index // 2)
    return {
        "stac_version": "1.0.0-beta.2",
        "stac_extensions": [],
        "id": urn,
        "bbox": [west, south, west + 1, south + 1],
        "geometry": {"type": "Polygon", "coordinates": [_square(west, south)]},
        "centroid": {"lon": west + 0.5, "lat": south + 0.5},
        "type": "Feature",
        "collection": collection,
        "properties": {
            "identifier": name,
            "latest": True,
            "platform": platform,
            "instrument": "MSI",
            "dataset": collection,
            "version": "00.00",
            "grid:code": tile,
            "product:type": "S2MSI1C",
            "processing:level": "L1C",
            "processing:version": "05.11",
            "sat:orbit_state": chance.choice(["Ascending", "Descending"]),
            "sat:relative_orbit": chance.randrange(1, 144),
            "sat:absolute_orbit": 50_000 + index,
            "eo:cloud_cover": round(chance.uniform(0, 100), 6),
            "sci:doi": "[]",
            "proj:bbox": f"{west},{south + 1},{west + 1},{south}",
            "start_datetime": _written(moment),
            "end_datetime": _written(moment),
            "datetime": _written(inserted),
        },
        "links": [
            {"href": f"{ROOT}/collections/{collection}/items/{urn}", "rel": "self", "type": "application/geo+json"}
        ],
        "assets": {
            f"{moment:%Y/%m/%d}/{platform}/{name}_quicklook.jpg": _asset(name, "_quicklook.jpg", urn, online=True),
            f"{name}.zip": _asset(name, ".zip", urn, online=index % 3 == 0),
        },
    }


def _asset(name: str, ending: str, urn: str, *, online: bool) -> dict[str, Any]:
    picture = ending.endswith("jpg")
    checksum = md5(f"{name}{ending}".encode(), usedforsecurity=False).hexdigest()
    lines = {
        "File size": f"{int(checksum[:6], 16) + 1} bytes",
        "Is reference": "false",
        "Is online": str(online).lower(),
        "Datatype": "QUICKLOOK_SD" if picture else "RAWDATA",
        "Checksum MD5": checksum,
    }
    return {
        "href": f"https://geodes.example/api/{'quicklook' if picture else 'download'}/{urn}/files/{checksum}",
        "title": f"{name}{ending}",
        "description": "\n\n".join(f"{label}: {value}" for label, value in lines.items()),
        "type": "image/jpeg" if picture else "application/zip",
        "roles": ["overview" if picture else "data"],
    }


def _square(west: float, south: float) -> list[list[float]]:
    east, north = west + 1, south + 1
    return [[west, north], [west, south], [east, south], [east, north], [west, north]]


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _matches(record: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    if "collections" in body and record["collection"] not in body["collections"]:
        return False
    if "bbox" in body and not _overlap(record["bbox"], body["bbox"]):
        return False
    conditions = body.get("query", {}).items()
    return all(_fulfils(record["properties"].get(name), wanted) for name, wanted in conditions)


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3]


def _fulfils(value: Any, wanted: Mapping[str, Any]) -> bool:
    """Times are compared as the texts that they are: all are written alike."""
    return all(_compared(value, operator, told) for operator, told in wanted.items())


def _compared(value: Any, operator: str, told: Any) -> bool:
    if operator in ("lte", "gte"):
        return value is not None and bool(value <= told if operator == "lte" else value >= told)
    results = {"eq": value == told, "neq": value != told}
    return results[operator] if operator in results else bool(value in told if operator == "in" else told in value)


def _sorted(records: list[dict[str, Any]], keys: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    for key in reversed(keys):
        records.sort(
            key=lambda record, name=key["field"]: str(record["properties"].get(name)),  # type: ignore[misc]
            reverse=key["direction"] != "asc",
        )
    return records


def _envelope(features: Sequence[Any], matched: int, limit: int, page: int) -> dict[str, Any]:
    return {
        "stac_version": "1.0.0-beta.1",
        "stac_extensions": [],
        "type": "FeatureCollection",
        "features": features,
        "links": [
            {"href": f"{ROOT}/search?limit={limit}&page={page}", "rel": "self", "type": "application/json"},
            # The page size of the link is not the one asked for: who follows it skips records.
            {"href": f"{ROOT}/search?limit={limit + 1}&page={page + 1}", "rel": "next", "type": "application/json"},
        ],
        "context": {"returned": len(features), "limit": limit, "matched": matched},
    }
