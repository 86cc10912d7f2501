"""The Géoplateforme of IGN: WMTS and WMS capabilities, and a WFS with the graph of each mosaic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

Box = tuple[float, float, float, float]

FRANCE: Box = (-5.3, 41.2, 9.7, 51.2)
WORLD: Box = (-179.5, -75.0, 179.5, 75.0)


@dataclass
class Coverage:
    """One layer of the WMTS.

    Attributes:
        name: its identifier.
        boxes: its WGS 84 boxes, longitude first.
        dimensions: name -> default value.
        in_wms: whether the WMS has it too.
    """

    name: str
    boxes: Sequence[Box] = (FRANCE,)
    dimensions: dict[str, str] = field(default_factory=dict)
    in_wms: bool = True


@dataclass
class Geoplateforme:
    """The services and what they hold, which may be changed between two runs of the harvest.

    Attributes:
        coverages: the layers, in the order of the capabilities.
        graphs: features of each WFS type name.
        page_limit: features that the WFS gives at most, whatever is asked.
        latitude_first: whether the WFS answers EPSG:4326 as the definition has it.
        ignores_start: whether the WFS gives its first page again and again.
    """

    coverages: list[Coverage] = field(default_factory=list)
    graphs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    page_limit: int = 5000
    latitude_first: bool = False
    ignores_start: bool = False

    @property
    def app(self) -> Starlette:
        """The ASGI application: `/wmts`, `/wms-r/wms` and `/wfs/ows`."""
        routes = [Route("/wmts", self._wmts), Route("/wms-r/wms", self._wms), Route("/wfs/ows", self._wfs)]
        return Starlette(routes=routes)

    async def _wmts(self, request: Request) -> Response:
        assert request.query_params["REQUEST"] == "GetCapabilities"
        layers = "".join(_wmts_layer(coverage) for coverage in self.coverages)
        return _xml(
            '<Capabilities xmlns="http://www.opengis.net/wmts/1.0" xmlns:ows="http://www.opengis.net/ows/1.1"'
            f' xmlns:xlink="http://www.w3.org/1999/xlink" version="1.0.0"><Contents>{layers}</Contents></Capabilities>'
        )

    async def _wms(self, request: Request) -> Response:
        names = (coverage.name for coverage in self.coverages if coverage.in_wms)
        layers = "".join(f"<Layer><Name>{escape(name)}</Name></Layer>" for name in names)
        return _xml(
            '<WMS_Capabilities xmlns="http://www.opengis.net/wms" version="1.3.0"><Capability>'
            f"<Layer><Title>Root</Title>{layers}</Layer></Capability></WMS_Capabilities>"
        )

    async def _wfs(self, request: Request) -> Response:
        asked = request.query_params
        features = self.graphs.get(asked["TYPENAMES"], [])
        start = 0 if self.ignores_start else int(asked["STARTINDEX"])
        page = features[start : start + min(int(asked["COUNT"]), self.page_limit)]
        if self.latitude_first:
            page = [_swapped(feature) for feature in page]
        return JSONResponse({"type": "FeatureCollection", "numberMatched": "unknown", "features": page})


def coverages(family: str, years: Sequence[int], **more: Any) -> list[Coverage]:
    """The yearly layers of a family: SPOT or PLEIADES."""
    return [Coverage(f"ORTHOIMAGERY.ORTHO-SAT.{family}.{year}", **more) for year in years]


def graph(count: int, departments: Sequence[str] = ("34",)) -> list[dict[str, Any]]:
    """Synthetic pieces of a mosaic, in rows over the south of France, the departments in turn."""
    return [_piece(number, departments[number % len(departments)]) for number in range(count)]


def _piece(number: int, department: str) -> dict[str, Any]:
    west, south = 1 + 0.01 * (number % 100), 43 + 0.01 * (number // 100)
    east, north = west + 0.01, south + 0.01
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "id": f"graphe.{number}",
        "properties": {"dep": department, "res": 1.5},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


def _swapped(feature: dict[str, Any]) -> dict[str, Any]:
    (ring,) = feature["geometry"]["coordinates"]
    return feature | {"geometry": {"type": "Polygon", "coordinates": [[[y, x] for x, y in ring]]}}


def _wmts_layer(coverage: Coverage) -> str:
    name = escape(coverage.name)
    boxes = "".join(
        f"<ows:WGS84BoundingBox><ows:LowerCorner>{west} {south}</ows:LowerCorner>"
        f"<ows:UpperCorner>{east} {north}</ows:UpperCorner></ows:WGS84BoundingBox>"
        for west, south, east, north in coverage.boxes
    )
    dimensions = "".join(
        f"<Dimension><ows:Identifier>{key}</ows:Identifier><Default>{value}</Default></Dimension>"
        for key, value in coverage.dimensions.items()
    )
    return (
        f"<Layer><ows:Title>{name}</ows:Title>{boxes}<ows:Identifier>{name}</ows:Identifier>"
        f'<ows:Metadata xlink:href="https://data.geopf.fr/csw?id={name}"/><Format>image/jpeg</Format>{dimensions}'
        "<TileMatrixSetLink><TileMatrixSet>PM</TileMatrixSet></TileMatrixSetLink></Layer>"
    )


def _xml(text: str) -> Response:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{text}', media_type="text/xml")
