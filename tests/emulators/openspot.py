"""OpenSpot as a third-party client shows it: two HTML selects, and one whole FeatureCollection per year and mode."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

Feature = dict[str, Any]


@dataclass
class OpenSpot:
    """The service and its records, which may be changed between two runs of the harvest.

    Attributes:
        layers: the features of each `{year}_{mode}`; what is changed here is served from then on.
        overseas: the same for what only the page `/PO` offers.
        has_selects: whether the pages still hold the selects that a client reads.
    """

    layers: dict[str, list[Feature]] = field(default_factory=dict)
    overseas: dict[str, list[Feature]] = field(default_factory=dict)
    has_selects: bool = True

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                Route("/", self._page(self.layers)),
                Route("/PO", self._page(self.overseas)),
                Route("/api/geo/{layer}", self._layer),
            ]
        )

    def _page(self, layers: Mapping[str, Any]) -> Any:
        async def page(request: Request) -> Response:
            years, modes = (sorted({layer.split("_", 1)[part] for layer in layers}) for part in (0, 1))
            selects = _select("choix_annee", years) + _select("choix_resolution", modes) if self.has_selects else ""
            return HTMLResponse(f"<!DOCTYPE html><html><body><form>{selects}</form></body></html>")

        return page

    async def _layer(self, request: Request) -> Response:
        features = (self.layers | self.overseas).get(request.path_params["layer"], [])
        return JSONResponse({"type": "FeatureCollection", "features": features})


def features(count: int, year: int = 2018, mode: str = "PMS", seed: int = 0) -> list[Feature]:
    """Synthetic features over mainland France, the same for the same seed."""
    dice = random.Random(f"{seed} {year} {mode}")
    return [_feature(number, year, mode, dice) for number in range(count)]


def _feature(number: int, year: int, mode: str, dice: random.Random) -> Feature:
    # Some seconds of each scene for itself: a stamp names one scene.
    moment = datetime(year, 1, 1, 10, tzinfo=UTC) + timedelta(seconds=3607 * number + dice.randrange(3000))
    stamp = f"{moment:%Y%m%d%H%M%S}{dice.randrange(10)}"
    name = f"DS_SPOT{dice.choice('67')}_{stamp}_FR1_FR1_FR1_FR1_E00{dice.randrange(8)}N4{dice.randrange(3, 9)}_01234"
    west, south = dice.uniform(-4, 7), dice.uniform(43, 49)
    return {
        "type": "Feature",
        "properties": {
            "fid": number + 1,
            "ds_name": name,
            "f_quicklook": f"{name}_{mode}.jpg",
            "img_date": f"{moment:%Y-%m-%d}",
            "mode_": mode,
            "resolution": 6.0 if mode == "MS" else 1.5,
            "page_": number // 20 + 1,
        },
        "geometry": {"type": "Polygon", "coordinates": [_ring(west, south)]},
    }


def _ring(west: float, south: float) -> Sequence[Sequence[float]]:
    """A leaning quadrilateral of about 60 km, as an orbit draws it."""
    corners = [(0.1, 0.0), (0.9, -0.1), (1.0, 0.5), (0.2, 0.6), (0.1, 0.0)]
    return [[round(west + east, 6), round(south + north, 6)] for east, north in corners]


def _select(name: str, values: Sequence[str]) -> str:
    options = "".join(f'<option value="{value}">{value}</option>' for value in values)
    return f'<select id="{name}" name="{name}"><option value="">Choisir</option>{options}</select>'
