"""The three dialects of resto, over records that a test gives and may change.

`app(records, dialect)` is an ASGI application; serve it with `tests.emulators.serving.serving`, and wrap it in
`tests.emulators.quirks.Quirks` for the mishaps that any service has.

- `v2` at `/api/collections/{collection}/search.json`: `maxRecords`, `page`, `box`, `updatedFrom`, `updatedTo`;
- `v9` at `/search`: `limit`, `filter` on `updated`, pages by the cursor of the next link; numbers beyond 1000 are 400;
- `opensearch3` at `/opensearch`: `numRecordsPerPage`, `nextRecord`, `modified`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

Dialect = Literal["v2", "v9", "opensearch3"]

LARGEST_PAGE = 500
LARGEST_OFFSET = 1000
_CHANGED = re.compile(r"updated(>=|<)TIMESTAMP\('([^']+)'\)")


@dataclass(frozen=True, kw_only=True)
class RestoQuirks:
    """What restos in the field do."""

    announced: int | None = None  #: a total that has nothing to do with the records; None = the true one
    cap: int | None = None  #: the most records of a page, whatever is asked and without saying so
    counts_pages_as_asked: bool = False  #: page numbers count pages of the size asked for, also where fewer come
    serves_last_page_for_ever: bool = False  #: in place of an empty page beyond the end
    ignores_page: bool = False  #: every page is the first
    counts_from: Literal[0, 1] = 1  #: the number of the first record of opensearch3


@dataclass
class Resto:
    """The service.

    Attributes:
        records: what it holds, in the order of its answers; change it at will between requests.
        dialect: what it speaks.
        quirks: what it does wrong.
        queries: the parameters of each request, in order.
    """

    records: list[dict[str, Any]]
    dialect: Dialect
    quirks: RestoQuirks = field(default_factory=RestoQuirks)
    queries: list[Mapping[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._app = Starlette(
            routes=[
                Route("/api/collections/{collection}/search.json", self._v2),
                Route("/search", self._v9),
                Route("/opensearch", self._opensearch3),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    def change(self, record_id: str, when: datetime, **properties: Any) -> None:
        """Change properties of a record."""
        changed = "modified" if self.dialect == "opensearch3" else "updated"
        for record in self.records:
            if _id(record) == record_id:
                record["properties"] |= {changed: _written(when, self.dialect)} | properties

    def delete(self, record_id: str) -> None:
        """Take a record away."""
        self.records = [record for record in self.records if _id(record) != record_id]

    async def _v2(self, request: Request) -> JSONResponse:
        query = self._noted(request)
        asked, page = int(query.get("maxRecords", 20)), int(query.get("page", 1))
        if asked > LARGEST_PAGE:
            return JSONResponse({"ErrorMessage": "maxRecords is too great", "ErrorCode": 400}, 400)
        bounds = [(">=", query.get("updatedFrom")), ("<", query.get("updatedTo"))]
        matches = [record for record in self.records if _changed_within(record, "updated", bounds)]
        matches = [record for record in matches if _in_box(record, query.get("box"))]
        size = self._served(asked)
        counted = asked if self.quirks.counts_pages_as_asked else size
        features = self._slice(matches, (page - 1) * counted, size)
        told = {"totalResults": self._total(matches), "exactCount": False, "itemsPerPage": len(features)}
        return _collection(features, properties={**told, "startIndex": (page - 1) * counted + 1, "links": []})

    async def _v9(self, request: Request) -> JSONResponse:
        query = self._noted(request)
        limit = int(query.get("limit", 20))
        offset = int(query.get("startIndex", 1)) - 1 + (int(query.get("page", 1)) - 1) * limit
        if limit > LARGEST_PAGE or offset > LARGEST_OFFSET:
            return JSONResponse({"ErrorMessage": "use the next link", "ErrorCode": 400}, 400)
        bounds = _CHANGED.findall(query.get("filter", ""))
        matches = [record for record in self.records if _changed_within(record, "updated", bounds)]
        start = int(query.get("next", offset))
        features = self._slice(matches, start, self._served(limit))
        links = []
        if start + len(features) < len(matches):
            following = request.url.include_query_params(next=start + len(features))
            links.append({"rel": "next", "type": "application/geo+json", "href": str(following)})
        context = {"returned": len(features), "limit": str(limit), "matched": self._total(matches)}
        return _collection(features, context=context, links=links)

    async def _opensearch3(self, request: Request) -> JSONResponse:
        query = self._noted(request)
        first = self.quirks.counts_from
        bounds = [(">=", query.get("modified", "").removesuffix("Z"))]
        matches = [record for record in self.records if _changed_within(record, "modified", bounds)]
        start = int(query.get("nextRecord", first)) - first
        features = self._slice(matches, start, self._served(int(query.get("numRecordsPerPage", 10))))
        return _collection(features, totalResults=self._total(matches))

    def _noted(self, request: Request) -> Mapping[str, str]:
        self.queries.append(dict(request.query_params))
        return self.queries[-1]

    def _served(self, asked: int) -> int:
        return min(asked, self.quirks.cap or asked)

    def _slice(self, matches: Sequence[dict[str, Any]], start: int, size: int) -> Sequence[dict[str, Any]]:
        if self.quirks.ignores_page:
            start = 0
        elif self.quirks.serves_last_page_for_ever and start >= len(matches):
            start = max(0, (len(matches) - 1) // size * size)
        return matches[start : start + size]

    def _total(self, matches: Sequence[Any]) -> int:
        return len(matches) if self.quirks.announced is None else self.quirks.announced


def app(records: Iterable[dict[str, Any]], dialect: Dialect, quirks: RestoQuirks | None = None) -> Resto:
    """The service with some records of its dialect."""
    return Resto([deepcopy(record) for record in records], dialect, quirks or RestoQuirks())


def synthetic_records(count: int, dialect: Dialect, *, seed: int = 0) -> list[dict[str, Any]]:
    """Records of the shape of a dialect, the same for the same seed; each is changed a minute after the one before."""
    chance = random.Random(f"{seed} {dialect}")
    make = {"v2": _v2_record, "v9": _v9_record, "opensearch3": _opensearch3_record}[dialect]
    return [make(index, chance) for index in range(count)]


def _v2_record(index: int, chance: random.Random) -> dict[str, Any]:
    moment, changed = _times(index)
    name = f"S2A_MSIL1C_{moment:%Y%m%dT%H%M%S}_{index:08}"
    uuid = str(UUID(int=chance.getrandbits(128)))
    address = f"https://resto.example/resto/collections/S2ST/{uuid}"
    return {
        "type": "Feature",
        "id": uuid,
        "geometry": {"type": "Polygon", "coordinates": [_square(chance)]},
        "properties": {
            "collection": "S2ST",
            "productIdentifier": name,
            "title": name,
            "startDate": _written(moment, "v2"),
            "completionDate": _written(moment, "v2"),
            "platform": "S2A",
            "instrument": "MSI",
            "productType": "S2MSI1C",
            "processingLevel": "LEVEL1C",
            "cloudCover": round(chance.uniform(0, 100), 4),
            "orbitDirection": "descending",
            "updated": _written(changed, "v2"),
            "published": _written(changed, "v2"),
            "services": {"download": {"url": f"{address}/download", "mimeType": "application/zip", "size": 1 + index}},
            "links": [{"rel": "alternate", "type": "application/json", "href": f"{address}.json"}],
            "storage": {"mode": chance.choice(["disk", "tape"])},
        },
    }


def _v9_record(index: int, chance: random.Random) -> dict[str, Any]:
    moment, changed = _times(index)
    uuid = str(UUID(int=chance.getrandbits(128)))
    return {
        "type": "Feature",
        "id": uuid,
        "stac_version": "1.1.0",
        "geometry": {"type": "Polygon", "coordinates": [_square(chance)]},
        "collection": "scenes",
        "properties": {
            "productIdentifier": f"SPOT5_SCENE_{index:08}",
            "platform": "spot-5",
            "start_datetime": _written(moment, "v9"),
            "end_datetime": _written(moment, "v9"),
            "eo:cloud_cover": round(chance.uniform(0, 100), 2),
            "created": _written(changed, "v9"),
            "updated": _written(changed, "v9"),
        },
        "links": [{"rel": "self", "type": "application/geo+json", "href": f"https://resto.example/items/{uuid}"}],
        "assets": {"data": {"href": f"https://resto.example/{uuid}.tif", "type": "image/tiff", "roles": ["data"]}},
    }


def _opensearch3_record(index: int, chance: random.Random) -> dict[str, Any]:
    moment, changed = _times(index)
    address = f"https://kalideos.example/data/{index}"
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [_square(chance)]},
        "properties": {
            "identifier": f"urn:ogc:def:EOP:IGN::Kalideos:{index + 1}",
            "title": f"SITE_{moment:%Y-%m-%d}_SPOT 5",
            "description": None,
            "platform": "SPOT 5",
            "instrument": "HRG 1",
            "startDate": f"{moment:%Y-%m-%d}T00:00:00",
            "completionDate": f"{moment:%Y-%m-%d}T00:00:00",
            "resolution": 10,
            "modified": _written(changed, "opensearch3"),
            "services": {"download": {"url": f"{address}/image.zip", "mimeType": "multipart/x-zip"}},
            "thumbnail": f"{address}/thumbnail.jpg",
            "incidence": f"{chance.uniform(0, 30):05.2f}{chance.choice('LR')}",
            "processingLevel": "1A",
        },
    }


def _times(index: int) -> tuple[datetime, datetime]:
    """When it was taken and when it was changed."""
    return (
        datetime(2012, 1, 1, 10, 30, tzinfo=UTC) + timedelta(minutes=11 * index),
        datetime(2020, 8, 15, 12, tzinfo=UTC) + timedelta(minutes=index),
    )


def _square(chance: random.Random) -> list[list[float]]:
    west, south = round(chance.uniform(-179, 178), 6), round(chance.uniform(-75, 74), 6)
    east, north = west + 1, south + 1
    return [[west, north], [west, south], [east, south], [east, north], [west, north]]


def _written(moment: datetime, dialect: Dialect) -> str:
    """Kalideos writes no zone."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S" if dialect == "opensearch3" else "%Y-%m-%dT%H:%M:%SZ")


def _id(record: Mapping[str, Any]) -> Any:
    return record.get("id") or record["properties"]["identifier"]


def _changed_within(record: Mapping[str, Any], name: str, bounds: Iterable[tuple[str, str | None]]) -> bool:
    """Times are compared as the texts that they are: all are written alike."""
    changed = str(record["properties"].get(name, ""))
    return all(changed >= told if operator == ">=" else changed < told for operator, told in bounds if told)


def _in_box(record: Mapping[str, Any], box: str | None) -> bool:
    if box is None:
        return True
    west, south, east, north = map(float, box.split(","))
    ring = record["geometry"]["coordinates"][0]
    lons, lats = [point[0] for point in ring], [point[1] for point in ring]
    return bool(min(lons) <= east and west <= max(lons) and min(lats) <= north and south <= max(lats))


def _collection(features: Sequence[Any], **envelope: Any) -> JSONResponse:
    return JSONResponse({"type": "FeatureCollection", **envelope, "features": features})
