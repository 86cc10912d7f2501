"""An emulator of OneAtlas opensearch v2, of its deletions and of its identity service, and synthetic records for it.

    service = OneAtlas(synthetic_features(1000))
    with serving(service.app()) as url:
        options = Options(url=f"{url}/search", token_url=f"{url}/token", deleted_url=f"{url}/deleted", ...)

Put `Quirks` of `tests.emulators.quirks` around the application for what goes wrong on the way (429, HTML, cut JSON).
The records are those of `service.features`; between runs (or during one) they are changed with `put`, `touch` and
`delete`. Built from the protocol as `docs/reference/sources/oneatlas.md` tells it; nothing was copied from the service.
"""

from __future__ import annotations

import json
import math
import random
import re
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import RLock
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import shapely
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Feature = dict[str, Any]

_RANGE = re.compile(r"\[([^,\]]*),([^,\]]*)\]")
_EARLIEST, _LATEST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass
class Identity:
    """The identity service: tokens for one API key, each good for some seconds.

    Attributes:
        api_key: the one that is right.
        lifetime_s: of a token, as it is said to be.
        is_suspended: whether every key is answered 403.
        forms: each form that was posted.
        tokens: those that are good; clear it to let all expire at once.
    """

    api_key: str = "right-key"
    lifetime_s: float = 3600.0
    is_suspended: bool = False
    forms: list[Mapping[str, list[str]]] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)

    async def token(self, request: Request) -> Response:
        """Answer the form of an API key with a token."""
        form = parse_qs((await request.body()).decode())
        self.forms.append(form)
        if self.is_suspended or form.get("apikey") != [self.api_key] or form.get("grant_type") != ["api_key"]:
            return JSONResponse({"error": "unauthorized_client"}, 403)
        token = f"token-{len(self.forms)}"
        self.tokens[token] = time.monotonic() + self.lifetime_s
        return JSONResponse({"access_token": token, "expires_in": self.lifetime_s, "token_type": "bearer"})

    def accepts(self, request: Request) -> bool:
        """Whether a request bears a token that is good."""
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return time.monotonic() < self.tokens.get(token, 0)


@dataclass
class OneAtlas:
    """The catalogue.

    Attributes:
        features: the records; each has its own dates, id and level.
        window_limit: hits of one query that can be paged through; what lies behind is answered 400.
        largest_page: more is refused with 400, or capped to it if `caps_pages`.
        includes_end: whether the end of a range is in it: the vendor's text can be read either way.
        caps_total: whether `totalResults` never says more than `window_limit`.
        locked: constellations that are only shown to bearers of a token; the others are open to all, but a token that
            is not good is refused for them too.
        deletions: id -> when it was deleted.
        queries: the body of each search, in order.
    """

    features: list[Feature] = field(default_factory=list)
    window_limit: int = 10_000
    largest_page: int = 500
    caps_pages: bool = False
    includes_end: bool = True
    caps_total: bool = True
    locked: frozenset[str] = frozenset({"PNEO"})
    identity: Identity = field(default_factory=Identity)
    deletions: dict[str, datetime] = field(default_factory=dict)
    queries: list[Mapping[str, Any]] = field(default_factory=list)
    _sorted: dict[str, list[tuple[datetime, str, Feature]]] = field(default_factory=dict, repr=False)
    _lock: Any = field(default_factory=RLock, repr=False)

    def app(self) -> Starlette:
        """The application: POST /search, POST /deleted, POST /token."""
        return Starlette(
            routes=[
                Route("/search", self._search, methods=["POST"]),
                Route("/deleted", self._deleted, methods=["POST"]),
                Route("/token", self.identity.token, methods=["POST"]),
            ]
        )

    def ids(self) -> set[str]:
        """The ids of all records."""
        return {feature["properties"]["id"] for feature in self.features}

    def put(self, *features: Feature) -> None:
        """Add records, or replace those with the same id."""
        with self._lock:
            new = {feature["properties"]["id"] for feature in features}
            self.features = [each for each in self.features if each["properties"].get("id") not in new]
            self.features += features
            self._sorted.clear()

    def touch(self, record_id: str, when: datetime, **properties: Any) -> None:
        """Change properties of a record, and with them its `lastUpdateDate`."""
        with self._lock:
            [feature] = [each for each in self.features if each["properties"].get("id") == record_id]
            changed = deepcopy(feature)
            changed["properties"] |= properties | {"lastUpdateDate": written(when)}
            self.put(changed)

    def delete(self, record_id: str, when: datetime) -> None:
        """Delete a record, and tell so among the deletions."""
        with self._lock:
            self.features = [each for each in self.features if each["properties"].get("id") != record_id]
            self.deletions[record_id] = when
            self._sorted.clear()

    async def _search(self, request: Request) -> Response:
        body = json.loads(await request.body())
        self.queries.append(body)
        size, page = body.get("itemsPerPage", 50), body.get("startPage", 1)
        if self.caps_pages:
            size = min(size, self.largest_page)
        has_token = "Authorization" in request.headers
        if (body["constellation"] in self.locked or has_token) and not self.identity.accepts(request):
            return JSONResponse({"error": True, "message": "Unauthorized"}, 401)
        if size > self.largest_page or page < 1 or size * page > self.window_limit:
            return JSONResponse({"error": True, "message": "Result window is too large"}, 400)
        with self._lock:
            hits = [feature for feature in self._in_range(body) if _matches(feature, body)]
        total = min(len(hits), self.window_limit) if self.caps_total else len(hits)
        return JSONResponse(
            {
                "error": False,
                "itemsPerPage": size,
                "startIndex": (page - 1) * size,
                "totalResults": total,
                "type": "FeatureCollection",
                "features": hits[(page - 1) * size : page * size],
            }
        )

    def _in_range(self, body: Mapping[str, Any]) -> Iterator[Feature]:
        """The records of the range, sorted by its date and then by id, as only this client asks."""
        [name] = [name for name in ("acquisitionDate", "lastUpdateDate") if name in body]
        assert body["sortBy"] == f"{name},id"
        if name not in self._sorted:
            dated = [each for each in self.features if each["properties"].get(name)]
            keyed = [(moment(each["properties"][name]), str(each["properties"].get("id")), each) for each in dated]
            self._sorted[name] = sorted(keyed, key=lambda key: key[:2])
        start, end = bounds(body[name])
        entries = self._sorted[name]
        bisect = bisect_right if self.includes_end else bisect_left
        first = bisect_left(entries, start, key=lambda key: key[0])
        return (feature for _, _, feature in entries[first : bisect(entries, end, key=lambda key: key[0])])

    async def _deleted(self, request: Request) -> Response:
        body = json.loads(await request.body())
        size, skipped = body.get("itemsPerPage", 50), body.get("startIndex", 0)
        if self.caps_pages:
            size = min(size, self.largest_page)
        if size > self.largest_page:
            return JSONResponse({"message": "itemsPerPage is at most 500"}, 400)
        start, end = bounds(body["deletedDate"])
        hits = [(each, when) for each, when in sorted(self.deletions.items()) if start <= when <= end]
        data = [{"id": each, "deletedDate": written(when)} for each, when in hits[skipped : skipped + size]]
        answer = {"itemsPerPage": size, "startIndex": skipped, "totalResults": len(hits), "data": data}
        return JSONResponse(answer)


def bounds(text: str) -> tuple[datetime, datetime]:
    """The bounds of a range as the service reads it: "[a,b]", either of which may be left out."""
    match = _RANGE.fullmatch(text)
    assert match, f"{text} is no range"
    return (moment(match[1]) if match[1] else _EARLIEST, moment(match[2]) if match[2] else _LATEST)


def moment(text: str) -> datetime:
    """A time as the catalogue writes it."""
    return datetime.fromisoformat(text)


def written(when: datetime) -> str:
    """A time as the catalogue writes it, with three decimals."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _matches(feature: Feature, body: Mapping[str, Any]) -> bool:
    properties = feature["properties"]
    return (
        properties["constellation"] == body["constellation"]
        and properties["processingLevel"] in body["processingLevel"].split(",")
        and properties["workspaceName"] == body["workspace"]
        and ("geometry" not in body or _touches(feature, body["geometry"]))
    )


def _touches(feature: Feature, area: dict[str, Any]) -> bool:
    return bool(shapely.intersects(shapely.geometry.shape(feature["geometry"]), shapely.geometry.shape(area)))


_SATELLITES = {"PHR": ("PHR1A", "PHR1B"), "SPOT": ("SPOT6", "SPOT7"), "PNEO": ("PNEO3", "PNEO4")}
_SIZE_DEG = {"PHR": 0.1, "SPOT": 0.3, "PNEO": 0.07}


def synthetic_features(
    n: int, *, constellation: str = "PHR", seed: int = 0, first: datetime = datetime(2012, 1, 1, tzinfo=UTC)
) -> list[Feature]:
    """Records of the shape of the catalogue, always the same for the same arguments.

    One acquisition in four has a stereo mate 30 s later on the same ground, and one in five the record of a bundle in
    the Living Library (SENSOR) beside that of the archive (ALBUM). Ids, dates, names and places are made up; the
    acquisitions are spread over ten years from `first` on.
    """
    return list(_features(n, constellation, random.Random(seed), first))


def _features(n: int, constellation: str, dice: random.Random, first: datetime) -> Iterator[Feature]:
    made = 0
    while made < n:
        for feature in _pass(constellation, dice, first + timedelta(seconds=dice.randrange(10 * 365 * 86400))):
            if made < n:
                made += 1
                yield feature


def _pass(constellation: str, dice: random.Random, when: datetime) -> Iterator[Feature]:
    satellite = dice.choice(_SATELLITES[constellation])
    place = (dice.uniform(-179, 179), dice.uniform(-60, 70))
    along = dice.uniform(-20, 5)
    across = dice.uniform(-25, 25)
    yield from _acquisition(constellation, satellite, dice, when, place, (along, across))
    if dice.random() < 0.25:
        later = when + timedelta(seconds=30, milliseconds=100 * dice.randrange(10))
        yield from _acquisition(constellation, satellite, dice, later, place, (along + 16, across))


def _acquisition(
    constellation: str,
    satellite: str,
    dice: random.Random,
    when: datetime,
    place: tuple[float, float],
    angles: tuple[float, float],
) -> Iterator[Feature]:
    name = f"DS_{satellite}_{_stamp(when)}_XX1_PX_E000N00_0101_{dice.randrange(10**5):05}"
    feature = _feature(constellation, satellite, name, when, place, angles, dice)
    yield feature
    if dice.random() < 0.2:
        yield _bundle(feature, when, dice)


def _feature(
    constellation: str,
    satellite: str,
    name: str,
    when: datetime,
    place: tuple[float, float],
    angles: tuple[float, float],
    dice: random.Random,
) -> Feature:
    along, across = angles
    record_id = str(UUID(int=dice.getrandbits(128), version=4))
    published = when + timedelta(days=1, seconds=dice.randrange(86400))
    incidence = math.degrees(math.atan(math.hypot(math.tan(math.radians(along)), math.tan(math.radians(across)))))
    return {
        "_links": _links(record_id, ["one"]),
        "geometry": {"type": "Polygon", "coordinates": [_ring(place, _SIZE_DEG[constellation])]},
        "properties": {
            # It is not that of the image, and often equal for the mates of one pass.
            "acquisitionDate": written(when.replace(second=0, microsecond=0)),
            "acquisitionIdentifier": name,
            "acquisitionStation": "XX1",
            "archivingCenter": "XX1",
            "azimuthAngle": 180 + dice.uniform(-0.08, 0.08),
            "cloudCover": round(dice.uniform(0, 100), 1),
            "constellation": constellation,
            "correlationId": f"made_up_{record_id}",
            "expirationDate": written(published + timedelta(days=365)),
            "format": "image/jp2",
            "id": record_id,
            "illuminationAzimuthAngle": dice.uniform(90, 200),
            "illuminationElevationAngle": dice.uniform(10, 70),
            "incidenceAngle": incidence,
            "incidenceAngleAcrossTrack": across,
            "incidenceAngleAlongTrack": along,
            "lastUpdateDate": written(published),
            "organisationName": "AIRBUS DS GEO",
            "parentIdentifier": name,
            "platform": satellite,
            "processingCenter": "XX2",
            "processingDate": written(published),
            "processingLevel": "ALBUM",
            "processorName": "MADE-UP",
            "productCategory": "image",
            "productType": "mono",
            "productionStatus": "ARCHIVED",
            "publicationDate": written(published).replace("Z", "123456Z"),
            "qualified": False,
            "resolution": {"PHR": 0.7, "SPOT": 1.5, "PNEO": 0.3}[constellation],
            "sensorType": "OPTICAL",
            "snowCover": 0,
            "sourceIdentifier": name,
            "spectralRange": "VISIBLE",
            "workspaceId": str(UUID(int=1, version=4)),
            "workspaceName": "public-pneo" if constellation == "PNEO" else "public",
            "workspaceTitle": "Public",
        },
        "rights": {"browse": {}, "wms": {}, "wmts": {}},
        "type": "Feature",
    }


def _bundle(album: Feature, when: datetime, dice: random.Random) -> Feature:
    """The record of the same acquisition in the Living Library: its source is a segment 37 s before the strip."""
    sensor = deepcopy(album)
    properties = sensor["properties"]
    properties |= {
        "id": str(UUID(int=dice.getrandbits(128), version=4)),
        "processingLevel": "SENSOR",
        "productType": "bundle",
        "productionStatus": "IN_CLOUD",
        "processingDate": properties["processingDate"].removesuffix("Z"),
        "sourceIdentifier": re.sub(
            r"\d{15}", _stamp(when - timedelta(seconds=37)), album["properties"]["sourceIdentifier"]
        ),
        "customerReference": "private",
    }
    sensor["_links"] = _links(properties["id"], ["multispectral", "panchromatic"])
    return sensor


def _stamp(when: datetime) -> str:
    return f"{when:%Y%m%d%H%M%S}{when.microsecond // 100_000}"


def _links(record_id: str, parts: Sequence[str]) -> dict[str, Any]:
    item = f"https://access.example.com/api/v1/items/{record_id}"
    named: list[dict[str, Any]] = [
        {"href": f"{item}/images/{part}/metadata", "name": part, "type": "application/geo+json"} for part in parts
    ]
    return {
        # An object for one image, a list for several.
        "imagesMetadata": named[0] if len(named) == 1 else named,
        "quicklook": {"href": f"{item}/quicklook", "name": "QuickLook", "type": "HTTP"},
        "thumbnail": {"href": f"{item}/thumbnail", "name": "Thumbnail", "type": "HTTP"},
        "wms": {"href": f"{item}/wms", "name": "WMS", "type": "WMS"},
    }


def _ring(place: tuple[float, float], size_deg: float) -> list[list[float]]:
    """A square that may reach beyond ±180, as some footprints of the catalogue do."""
    lon, lat = place
    corners: Iterable[tuple[float, float]] = ((0, 0), (0, 1), (1, 1), (1, 0), (0, 0))
    return [[round(lon + size_deg * x, 6), round(lat + size_deg * y, 6)] for x, y in corners]
