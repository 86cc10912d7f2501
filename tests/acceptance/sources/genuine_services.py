"""The recorded answers of services, served again over HTTP by the emulator that speaks their protocol."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harvester.feeds import Feed
from harvester.sources.iso19139.document import RECORD_NAMES, elements, name_of, parsed_xml
from tests.acceptance.sources.stand_ins import feed_of
from tests.emulators import csw, geodes, geonetwork, oneatlas, resto, stac
from tests.emulators.serving import serving

Served = Callable[[Path], AbstractContextManager[Feed]]


def _features(file: Path) -> list[Any]:
    """The records of a JSON answer, of a documented one too."""
    answer = json.loads(file.read_bytes())
    if "responseExamples" in answer:
        answer = answer["responseExamples"][0]["example"]
    found: list[Any] = next(answer[name] for name in ("features", "data", "value") if name in answer)
    return found


def _iso_records(file: Path) -> list[str]:
    root = parsed_xml(file.read_bytes())
    found = [root] if name_of(root) in RECORD_NAMES else elements(root, "SearchResults/*")
    return [etree.tostring(each, encoding="unicode") for each in found]


@contextmanager
def _oneatlas(collection: str, file: Path) -> Iterator[Feed]:
    with serving(oneatlas.OneAtlas(_features(file)).app()) as url:
        addresses = {"url": f"{url}/search", "token_url": f"{url}/token", "deleted_url": f"{url}/deleted"}
        yield feed_of(f"{collection}/oneatlas", **addresses)


@contextmanager
def _oneatlas_sar(file: Path) -> Iterator[Feed]:
    """Both feeds as one page each: the documented examples lack the time by which the emulator orders."""
    entries = _features(file)
    revocations = [each for each in entries if "issueTime" in each]
    acquisitions = [each for each in entries if "issueTime" not in each]

    async def replication(_: Request) -> Response:
        return JSONResponse({"type": "FeatureCollection", "features": acquisitions})

    async def revocation(_: Request) -> Response:
        return JSONResponse({"data": revocations})

    async def token(_: Request) -> Response:
        return JSONResponse({"access_token": "any", "expires_in": 3600})

    routes = [
        Route("/catalogue/replication", replication),
        Route("/catalogue/revocation", revocation),
        Route("/token", token, methods=["POST"]),
    ]
    with serving(Starlette(routes=routes)) as url:
        yield feed_of("radar/oneatlas-sar", url=f"{url}/catalogue", token_url=f"{url}/token")


@contextmanager
def _geodes(file: Path) -> Iterator[Feed]:
    with serving(geodes.app(_features(file))) as url:
        yield feed_of("sentinel/geodes", url=url, collections=["PEPS_S2_L1C"])


@contextmanager
def _resto(dialect: resto.Dialect, file: Path) -> Iterator[Feed]:
    path = "/opensearch" if dialect == "opensearch3" else ""
    with serving(resto.app(_features(file), dialect)) as url:
        yield feed_of("radar/kalideos", url=f"{url}{path}", dialect=dialect, collection="S2ST", updated_to=None)


@contextmanager
def _stac(file: Path) -> Iterator[Feed]:
    records = {str(number): each for number, each in enumerate(_features(file))}
    with serving(stac.app(records, stac.StacQuirks(is_sortable=False))) as url:
        yield feed_of("spot-6-7-drs/stac", url=f"{url}/", collections=[], preset=None)


@contextmanager
def _csw(file: Path) -> Iterator[Feed]:
    with serving(csw.app(csw.CswCatalogue.of(_iso_records(file)))) as url:
        yield feed_of("spot-1-5-france/geosud", url=f"{url}/csw", where={})


@contextmanager
def _geonetwork(file: Path) -> Iterator[Feed]:
    with serving(geonetwork.app(geonetwork.GeoNetworkCatalogue.of(_iso_records(file)))) as url:
        yield feed_of("dsm/geonetwork", url=f"{url}/geonetwork")


#: Which services gave the recorded answers, by a glob below samples/sources; an answer may be that of two of them.
SERVICES: Mapping[str, tuple[Served, ...]] = {
    "airbus_oneatlas/opensearch_sf_phr_spot.json": (
        lambda file: _oneatlas("airbus-archive-pleiades", file),
        lambda file: _oneatlas("airbus-archive-spot", file),
    ),
    "airbus_sar/*.json": (_oneatlas_sar,),
    "geodes_stac/*.json": (_geodes,),
    "kalideos_opensearch/*.json": (lambda file: _resto("opensearch3", file),),
    "resto_legacy/*json": (lambda file: _resto("v2", file),),
    "resto_v9_stac/*.json": (lambda file: _resto("v9", file),),
    "geosud_csw/*.xml": (_csw,),
    "iso_records_for_pycsw/*.xml": (_csw,),
    "geonetwork_csw_iso19139/*.xml": (_geonetwork,),
    # No source of ours reads these two: what a STAC service would say that answered so.
    "other_odata/*.json": (_stac,),
    "up42_catalog/*.geojson": (_stac,),
}
