"""An emulator of the radar catalogue of Airbus: its feeds of acquisitions and of revocations.

catalogue = SarCatalogue(synthetic_features(1000))
with serving(catalogue.app()) as url:
    options = Options(url=f"{url}/catalogue", token_url=f"{url}/token", ...)
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.emulators.oneatlas import Feature, Identity, moment, written

_GIVEN_UP_HOST = "https://given-up.example.com"


@dataclass
class SarCatalogue:
    """The catalogue; next links stand on every page that is not empty, and name a host that was given up.

    Attributes:
        features: the acquisitions.
        revocations: acquisitionId -> when it was revoked.
        requests: path and parameters of each request.
    """

    features: list[Feature] = field(default_factory=list)
    revocations: dict[str, datetime] = field(default_factory=dict)
    identity: Identity = field(default_factory=Identity)
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)

    def app(self) -> Starlette:
        """The application: GET /catalogue/replication, GET /catalogue/revocation, POST /token."""
        return Starlette(
            routes=[
                Route("/catalogue/replication", self._replication),
                Route("/catalogue/revocation", self._revocation),
                Route("/token", self.identity.token, methods=["POST"]),
            ]
        )

    def put(self, *features: Feature) -> None:
        """Add acquisitions, or replace those with the same id."""
        known = {feature["properties"]["acquisitionId"]: feature for feature in (*self.features, *features)}
        self.features = list(known.values())

    def revoke(self, acquisition: str, when: datetime) -> None:
        """Tell that an acquisition was revoked; the other feed, a log, goes on showing it."""
        self.revocations[acquisition] = when

    async def _replication(self, request: Request) -> Response:
        dated = sorted((each["properties"]["lastUpdateTime"], index) for index, each in enumerate(self.features))
        entries = [(moment(when), self.features[index]) for when, index in dated]
        return self._page(request, "features", entries, {"type": "FeatureCollection", "total": len(entries)})

    async def _revocation(self, request: Request) -> Response:
        dated = sorted((when, each) for each, when in self.revocations.items())
        entries = [(when, {"acquisitionId": each, "issueTime": written(when)}) for when, each in dated]
        return self._page(request, "data", entries, {})

    def _page(
        self, request: Request, name: str, entries: Sequence[tuple[datetime, Any]], envelope: Mapping[str, Any]
    ) -> Response:
        parameters = dict(request.query_params)
        self.requests.append((request.url.path, parameters))
        if not self.identity.accepts(request):
            return JSONResponse({"message": "Unauthorized"}, 401)
        since, _, skipped = parameters.get("token", f"{parameters.get('since', '')}~0").partition("~")
        limit, start = int(parameters["limit"]), int(skipped)
        chosen = [entry for when, entry in entries if not since or when >= moment(since)][start : start + limit]
        following = f"{_GIVEN_UP_HOST}{request.url.path}?limit={limit}&token={since}~{start + limit}"
        links = {"_links": {"next": following}} if chosen else {}
        return JSONResponse({**envelope, **links, "limit": limit, "size": len(chosen), name: chosen})


def synthetic_features(n: int, *, seed: int = 0) -> list[Feature]:
    """Records of the shape of the catalogue, made up, always the same for the same arguments."""
    dice = random.Random(seed)
    return [_feature(number, dice) for number in range(n)]


def _feature(number: int, dice: random.Random) -> Feature:
    satellite = dice.choice(("TSX-1", "TDX-1", "PAZ-1"))
    started = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(seconds=dice.randrange(10 * 365 * 86400))
    lon, lat = dice.uniform(-179, 179), dice.uniform(-60, 70)
    corners = ((0, 0), (0.1, 0.01), (0.1, 0.1), (0, 0.1), (0, 0))
    steepest = round(dice.uniform(20, 45), 2)
    return {
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [[[round(lon + x, 6), round(lat + y, 6)] for x, y in corners]]},
        "properties": {
            "acquisitionId": f"{satellite}_ST_S_spot_001R_{number:05}_X{dice.randrange(10**8):08}_1",
            "absoluteOrbit": dice.randrange(1, 90_000),
            "antennaMode": "SRA",
            "beamId": "spot_001",
            "catalogueTime": written(started + timedelta(hours=10)),
            "incidenceAngle": {"minimum": steepest, "maximum": steepest + 1},
            "lastUpdateTime": written(started + timedelta(days=1)),
            "lookDirection": dice.choice("LR"),
            "mission": satellite[:3],
            "outOfFullPerformance": False,
            "pathDirection": dice.choice(("ascending", "descending")),
            "polarizationChannels": dice.choice(("HH", "VV", "HHVV")),
            "relativeOrbit": dice.randrange(1, 168),
            "satellite": satellite,
            "sensorMode": "SAR_ST_S",
            "startTime": written(started),
            "stopTime": written(started + timedelta(seconds=1)),
        },
    }
