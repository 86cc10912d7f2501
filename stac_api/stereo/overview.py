"""The picture of a stereo set, drawn on request from its Item and those of its views."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial

import orjson
from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import Request
from stac_fastapi.types.errors import NotFoundError
from starlette.responses import RedirectResponse, Response

from footprints.stereo.properties import DIRECTION_PROPERTIES
from stac_api.client import CatalogueClient
from stac_api.conditional_requests import has_current
from stac_api.stac_document import Document

PNG = "image/png"
#: What the picture shows of a view.
_VIEW_FIELDS = ("id", "geometry", *(f"properties.{name}" for name in DIRECTION_PROPERTIES))


async def overview(
    client: CatalogueClient, collection_id: str, item_id: str, request: Request, limiter: CapacityLimiter
) -> Response:
    """The picture of a stored set; 304 if the client has it, and a redirect if the set has moved.

    Args:
        client: Gives access to Items.
        collection_id: Of the set.
        item_id: Of the set.
        request: The request.
        limiter: Limits the pictures drawn at once: each takes a processor for a good part of a second.

    Raises:
        NotFoundError: there is no such set, or not all its views can be seen.
    """
    found = await client.get_item(item_id, collection_id, request)
    if isinstance(found, Response):
        return RedirectResponse(f"{found.headers['location']}/stereo/overview.png", found.status_code)
    pair = {name: found[name] for name in ("id", "geometry", "properties")}
    views = await _views(client, pair, request)
    headers = {"ETag": f'"{_digest([pair, *views])}"', "Cache-Control": "no-cache"}
    if has_current(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    picture = await run_sync(partial(_drawn, pair, views), limiter=limiter)
    return Response(picture, media_type=PNG, headers=headers)


async def _views(client: CatalogueClient, pair: Document, request: Request) -> list[Document]:
    """The Items of the views of a set in chronological order, with the fields that a picture needs."""
    names = pair["properties"].get("stereo:views")
    if not names:
        raise NotFoundError(f"{pair['id']} is no stereo set.")
    search = client.pgstac_search_model(
        collections=pair["properties"]["dinamis:view_collections"],
        ids=names,
        limit=len(names),
        fields={"include": set(_VIEW_FIELDS)},
    )
    found = {view["id"]: view for view in (await client.search_items(search, request))["features"]}
    if not found.keys() >= set(names):
        raise NotFoundError(f"Not all views of {pair['id']} are there.")
    return [{name: found[view][name] for name in ("id", "geometry", "properties")} for view in names]


def _digest(documents: Sequence[Document]) -> str:
    return hashlib.sha256(orjson.dumps(documents, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def _drawn(pair: Document, views: Sequence[Document]) -> bytes:
    # The first picture loads matplotlib, which most servers never need.
    from footprints.stereo.picture import stereo_picture  # noqa: PLC0415

    return stereo_picture(pair, views)
