"""A STAC API as services run them, with the faults they have, and Items like those of the Montpellier service."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import cql2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

Json = dict[str, Any]

_CORE = (
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
)
_FIRST_SCENE = datetime(2017, 3, 1, 10, 0, tzinfo=UTC)
_FIRST_UPDATE = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass
class StacQuirks:
    """How this API differs from a good one; may be changed while it is served.

    Attributes:
        filters: the extension by which it can be asked for what has changed.
        is_sortable: whether it has the sort extension; without it, it answers in the order of the records.
        is_updated_queryable: else it answers 400 where `updated` is filtered or sorted.
        is_get_only: whether it can only be searched by GET.
        next_link: "good", or what is wrong with the one of the second page: "circle" leads to the first page,
            "repeating" gives the second page again under ever new links, "foreign" leads to another host,
            "endless" goes on behind the last page with empty ones, "trailing" once. "headers" tells in `Search-After`,
            beside further `headers`, what else stands in the address or the body.
        is_counting: whether a page goes on after so many Items, in place of after the last of the page before: what is
            deleted meanwhile, or changes and moves to the end, then hides others.
        headers: further ones of such a link.
        is_merging: whether a link leaves out what was asked before, to be sent again (`merge`).
        is_signing: whether the addresses of assets carry a signature, another one in each answer.
        has_features: else the page has another shape.
        largest_page: Items a page at most, whatever is asked for.
    """

    filters: Literal["filter", "query"] | None = "filter"
    is_sortable: bool = True
    is_updated_queryable: bool = True
    is_get_only: bool = False
    next_link: Literal["good", "circle", "repeating", "foreign", "endless", "trailing", "headers"] = "good"
    headers: Mapping[str, Any] = field(default_factory=dict)
    is_merging: bool = False
    is_counting: bool = False
    is_signing: bool = False
    has_features: bool = True
    largest_page: int = 1000


def app(records: MutableMapping[str, Any], quirks: StacQuirks | None = None) -> Starlette:
    """An API over Items, by their ids; they may be changed, added and deleted while it is served.

    It has `/` (landing page), `/search` (GET and POST; `limit`, `collections`, `bbox`, `filter`, `query`, `sortby`)
    and one address for each Item. A page goes on after the last Item of the one before, so changes between two pages
    neither repeat nor leave out what has not changed. Records that are no Items, or have no id, need an API that does
    not sort (`is_sortable=False`): they stand in its answers as they are.
    """
    service = _Service(records, quirks or StacQuirks())
    return Starlette(
        routes=[
            Route("/", service.landing_page),
            Route("/search", service.search, methods=["GET", "POST"]),
            Route("/collections/{collection}/items/{item:path}", service.item),
        ]
    )


def synthetic_items(count: int, *, seed: int = 0, collection: str = "spot-6-7-drs", start: int = 0) -> Iterator[Json]:
    """Invented Items of the shape of the Montpellier service, the same for the same numbers.

    Args:
        count: how many.
        seed: of the places and angles.
        collection: id of their collection.
        start: number of the first one, so that a collection can be gone on with.
    """
    for number in range(start, start + count):
        yield synthetic_item(number, seed=seed, collection=collection)


def synthetic_item(number: int, *, seed: int = 0, collection: str = "spot-6-7-drs") -> Json:
    """One of the Items of `synthetic_items`; each of the two satellites takes one every 20 seconds."""
    chance = random.Random(f"{seed}-{number}")
    satellite = "SPOT7" if number % 2 else "SPOT6"
    moment = _FIRST_SCENE + timedelta(seconds=10 * number)
    stamp = f"{moment:%Y%m%d%H%M%S}{number % 10}"
    identifier = f"{satellite}_MS_{stamp}_{satellite}_P_{stamp}_1"
    west, south = chance.uniform(-4.5, 7.5), chance.uniform(42.5, 50.0)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [],
        "id": identifier,
        "collection": collection,
        "geometry": _quadrilateral(west, south, 0.6),
        "bbox": [west, south, west + 0.7, south + 0.6],
        "properties": _properties(number, moment, satellite, chance),
        "links": [
            {"rel": "self", "href": f"https://stac.example.org/collections/{collection}/items/{identifier}"},
            {"rel": "license", "href": "https://stac.example.org/licence"},
        ],
        "assets": _assets(identifier),
    }


def _properties(number: int, moment: datetime, satellite: str, chance: random.Random) -> Json:
    return {
        "datetime": moment.isoformat().replace("+00:00", "Z"),
        "created": _FIRST_UPDATE.isoformat(),
        "updated": (_FIRST_UPDATE + timedelta(seconds=number)).isoformat().replace("+00:00", "Z"),
        "platform": f"{satellite[:4]}-{satellite[4]}".lower(),
        "constellation": "spot",
        "instruments": ["naomi"],
        "gsd": 1.5,
        "eo:cloud_cover": round(chance.uniform(0, 100), 2),
        "view:azimuth": round(chance.uniform(0, 359), 3),
        "view:incidence_angle": round(chance.uniform(0, 30), 3),
        "view:sun_azimuth": round(chance.uniform(120, 200), 3),
        "view:sun_elevation": round(chance.uniform(20, 65), 3),
        "proj:epsg": 2154,
        "processing:level": "ORTHO",
    }


def _assets(identifier: str) -> Json:
    names = {"P": "pan", "B0": "blue", "B1": "green", "B2": "red", "B3": "nir"}
    bands = [{"name": name, "common_name": common} for name, common in names.items()]
    raster = {"data_type": "uint16", "nodata": 0}
    media_type = "image/tiff; application=geotiff; profile=cloud-optimized"
    place = f"https://data.example.org/{identifier}"
    return {
        "src_pan": {"href": f"{place}_P.tif", "type": media_type, "roles": ["data"], "eo:bands": bands[:1]},
        "src_xs": {
            "href": f"{place}_MS.tif",
            "type": media_type,
            "roles": ["data"],
            "eo:bands": bands[1:],
            "raster:bands": [raster] * 4,
        },
        "thumbnail": {"href": f"{place}.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
    }


def _quadrilateral(west: float, south: float, size: float) -> Json:
    ring = [[west, south], [west + size, south + 0.05], [west + size + 0.1, south + size], [west + 0.1, south + 0.5]]
    return {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}


@dataclass
class _Service:
    records: MutableMapping[str, Any]
    quirks: StacQuirks
    answers: int = 0

    async def landing_page(self, request: Request) -> JSONResponse:
        href = str(request.url_for("search"))
        methods = ["GET"] if self.quirks.is_get_only else ["GET", "POST"]
        offered = {"sort": self.quirks.is_sortable, self.quirks.filters: self.quirks.filters is not None}
        extensions = [f"https://api.stacspec.org/v1.0.0/item-search#{name}" for name, has in offered.items() if has]
        links = [
            {"rel": "search", "href": href, "method": method, "type": "application/geo+json"} for method in methods
        ]
        return JSONResponse(
            {
                "type": "Catalog",
                "stac_version": "1.0.0",
                "id": "emulator",
                "description": "An emulated STAC API",
                "conformsTo": [*_CORE, *extensions],
                "links": [{"rel": "self", "href": str(request.base_url)}, *links],
            }
        )

    async def item(self, request: Request) -> JSONResponse:
        item = self.records.get(request.path_params["item"])
        return JSONResponse(item or {"description": "not found"}, 200 if item else 404)

    async def search(self, request: Request) -> JSONResponse:
        asked = _asked_by_get(request) if request.method == "GET" else await request.json()
        if "search-after" in request.headers:
            asked["token"] = request.headers["search-after"]
        bounds = _bounds(asked)
        if not self.quirks.is_updated_queryable and (bounds or "updated" in json.dumps(asked.get("sortby", ""))):
            return JSONResponse({"code": "InvalidQueryParameter", "description": "updated cannot be queried"}, 400)
        self.answers += 1
        return JSONResponse(self._page(request, asked, bounds))

    def _page(self, request: Request, asked: Json, bounds: list[tuple[str, str]]) -> Json:
        matching = [item for item in self.records.values() if _matches(item, asked, bounds)]
        key_of = _key_by(asked.get("sortby"))
        keyed = sorted(((key_of(item, place), item) for place, item in enumerate(matching)), key=_first)
        after = json.loads(asked["token"])["after"] if "token" in asked else None
        if self.quirks.is_counting:
            left = keyed[after or 0 :]
        else:
            left = [(key, item) for key, item in keyed if after is None or key > after]
        limit = min(int(asked.get("limit", 10)), self.quirks.largest_page)
        page = left[:limit]
        # A key that comes after all others leads to an empty page.
        last = page[-1][0] if page else keyed[-1][0] if keyed else []
        token = (
            {"after": (after or 0) + limit if self.quirks.is_counting else last}
            if len(left) > limit or self._goes_on(page)
            else None
        )
        body = {"type": "FeatureCollection", "numberMatched": len(matching), "links": []}
        if token:
            body["links"] = [self._next(request, asked, token, is_first=after is None)]
        return body | ({"features": [self._shown(item) for _, item in page]} if self.quirks.has_features else {})

    def _goes_on(self, page: list[Any]) -> bool:
        return self.quirks.next_link == "endless" or (self.quirks.next_link == "trailing" and bool(page))

    def _next(self, request: Request, asked: Json, token: Json, *, is_first: bool) -> Json:
        body = {**asked, "token": json.dumps(token | {"number": self.answers})}
        if not is_first and self.quirks.next_link == "circle":
            body.pop("token")
        if not is_first and self.quirks.next_link == "repeating":
            body["token"] = json.dumps(json.loads(asked["token"]) | {"number": self.answers})
        url = request.url
        if not is_first and self.quirks.next_link == "foreign":
            url = url.replace(hostname="metadata.example.net")
        if self.quirks.next_link == "headers":
            link = {
                "rel": "next",
                "href": str(url),
                "headers": {"Search-After": body.pop("token"), **self.quirks.headers},
            }
            if request.method == "GET":
                return link
            return {**link, "method": "POST", **({"merge": True} if self.quirks.is_merging else {"body": body})}
        if request.method == "POST":
            return {"rel": "next", "method": "POST", "href": str(url), "body": body}
        token = {"token": body["token"]} if "token" in body else {}
        return {"rel": "next", "href": str(url.remove_query_params("token").include_query_params(**token))}

    def _shown(self, item: Any) -> Any:
        if not self.quirks.is_signing or not isinstance(item, dict):
            return item
        signed = deepcopy(item)
        for asset in signed["assets"].values():
            asset["href"] += (
                f"?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=28800&X-Amz-Signature=secret{self.answers}"
            )
        return signed


def _key_by(sortby: Any) -> Callable[[Any, int], list[Any]]:
    """What an Item stands by in the order of the answer: its place among the records where none is asked for."""
    if not sortby:
        return lambda item, place: [place]
    if "updated" not in json.dumps(sortby):
        return lambda item, place: [str(item["id"])]
    return lambda item, place: [item["properties"].get("updated", ""), str(item["id"])]


def _first(keyed: tuple[list[Any], Any]) -> list[Any]:
    return keyed[0]


def _asked_by_get(request: Request) -> Json:
    asked: Json = dict(request.query_params)
    if "collections" in asked:
        asked["collections"] = asked["collections"].split(",")
    if "bbox" in asked:
        asked["bbox"] = [float(number) for number in asked["bbox"].split(",")]
    if "query" in asked:
        asked["query"] = json.loads(asked["query"])
    return asked


def _bounds(asked: Json) -> list[tuple[str, str]]:
    """Sign and moment of each bound of `updated`."""
    told = asked.get("filter")
    expression = cql2.Expr(told).to_json() if isinstance(told, str) else told
    terms = expression["args"] if expression and expression["op"] == "and" else [expression] if expression else []
    bounds = [(term["op"], term["args"][1]["timestamp"]) for term in terms]
    signs = {"gte": ">=", "lt": "<"}
    return bounds + [(signs[name], moment) for name, moment in asked.get("query", {}).get("updated", {}).items()]


def _matches(item: Any, asked: Json, bounds: list[tuple[str, str]]) -> bool:
    if not isinstance(item, dict):
        return True
    if asked.get("collections") and item.get("collection") not in asked["collections"]:
        return False
    if "bbox" in asked and not _overlaps(item.get("bbox"), asked["bbox"]):
        return False
    properties = item.get("properties")
    updated = properties.get("updated") if isinstance(properties, dict) else None
    return all(_holds(updated, sign, moment) for sign, moment in bounds)


def _overlaps(box: list[float] | None, asked: list[float]) -> bool:
    return box is not None and box[0] <= asked[2] and asked[0] <= box[2] and box[1] <= asked[3] and asked[1] <= box[3]


def _holds(updated: str | None, sign: str, moment: str) -> bool:
    if updated is None:
        return False
    told, bound = datetime.fromisoformat(updated), datetime.fromisoformat(moment)
    return told >= bound if sign == ">=" else told < bound
