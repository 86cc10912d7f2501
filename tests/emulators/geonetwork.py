"""The part of GeoNetwork 4 that is harvested, over real HTTP: `_search` of its index, and the XML formatter.

`GeoNetworkCatalogue` holds the records and may be changed while it is served; `app(catalogue)` is the service, whose
root is `/geonetwork`. Records are those of `tests.emulators.csw`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

_NAMESPACES = {"gmd": "http://www.isotc211.org/2005/gmd", "gco": "http://www.isotc211.org/2005/gco"}


@dataclass
class GeoNetworkCatalogue:
    """Records by their uuid, and how badly they are served; the same object may be changed all the time.

    Attributes:
        records: uuid -> XML.
        changed: uuid -> the changeDate of the index.
        broken: uuids whose XML cannot be formatted: the answer is an HTML page with status 500.
        largest_page: the server's own limit of `size`.
        window: how many hits can be reached by `from` + `size`.
        searches: the bodies of the searches.
        formatted: the uuids of which the XML was asked for.
    """

    records: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    largest_page: int = 10_000
    window: int = 10_000
    searches: list[dict[str, Any]] = field(default_factory=list)
    formatted: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, records: Iterable[str]) -> GeoNetworkCatalogue:
        """A catalogue of records."""
        catalogue = cls()
        for record in records:
            catalogue.put(record)
        return catalogue

    def put(self, record: str, changed: str | None = None) -> None:
        """Add a record, or change the one that has the same id; by default its dateStamp is its time of change."""
        root = etree.fromstring(record)
        uuid = root.findtext("gmd:fileIdentifier/gco:CharacterString", namespaces=_NAMESPACES) or ""
        stamp = root.findtext("gmd:dateStamp/*", namespaces=_NAMESPACES) or ""
        self.records[uuid] = record
        self.changed[uuid] = changed or (stamp if "T" in stamp else f"{stamp}T00:00:00.000Z")

    def remove(self, *uuids: str) -> None:
        """Delete records."""
        for uuid in uuids:
            del self.records[uuid], self.changed[uuid]


def app(catalogue: GeoNetworkCatalogue) -> Starlette:
    """The service."""

    async def search(request: Request) -> Response:
        return _search(catalogue, await request.json())

    async def formatter(request: Request) -> Response:
        uuid = request.path_params["uuid"]
        catalogue.formatted.append(uuid)
        if uuid in catalogue.broken:
            return HTMLResponse("<html><body>Internal Server Error</body></html>", 500)
        if uuid not in catalogue.records:
            return JSONResponse({"code": "resource_not_found"}, 404)
        return Response(catalogue.records[uuid], media_type="application/xml")

    api = "/geonetwork/srv/api"
    return Starlette(
        routes=[
            Route(f"{api}/search/records/_search", search, methods=["POST"]),
            Route(f"{api}/records/{{uuid}}/formatters/xml", formatter),
        ]
    )


def _search(catalogue: GeoNetworkCatalogue, body: dict[str, Any]) -> Response:
    catalogue.searches.append(body)
    size, start = body.get("size", 10), body.get("from", 0)
    if start + size > catalogue.window:
        return JSONResponse({"error": {"reason": "Result window is too large"}}, 400)
    found = sorted(
        (changed, uuid) for uuid, changed in catalogue.changed.items() if _passes(catalogue, uuid, body["query"])
    )
    if (after := body.get("search_after")) is not None:
        start = sum((changed, uuid) <= tuple(after) for changed, uuid in found)
    page = found[start : start + min(size, catalogue.largest_page)]
    hits = [
        {"_id": uuid, "_source": {"uuid": uuid, "changeDate": changed}, "sort": [changed, uuid]}
        for changed, uuid in page
    ]
    return JSONResponse({"hits": {"total": {"value": len(found), "relation": "eq"}, "hits": hits}})


def _passes(catalogue: GeoNetworkCatalogue, uuid: str, query: Mapping[str, Any]) -> bool:
    return all(_passes_one(catalogue, uuid, condition) for condition in query["bool"]["filter"])


def _passes_one(catalogue: GeoNetworkCatalogue, uuid: str, condition: Mapping[str, Any]) -> bool:
    if "range" in condition:
        bounds, changed = condition["range"]["changeDate"], catalogue.changed[uuid]
        return bool(bounds.get("gte", "") <= changed < bounds.get("lt", "9999"))
    if "geo_shape" in condition:
        (west, north), (east, south) = condition["geo_shape"]["geom"]["shape"]["coordinates"]
        sides = etree.fromstring(catalogue.records[uuid]).iterfind(
            ".//gmd:EX_GeographicBoundingBox//gco:Decimal", _NAMESPACES
        )
        left, right, bottom, top = (float(side.text or "") for side in sides)
        return bool(left <= east and west <= right and bottom <= north and south <= top)
    return True
