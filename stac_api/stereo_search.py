"""The search of stereo sets: stored ones through the waist as they are, others found among the images it lets pass."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request
from stac_fastapi.pgstac.types.search import PgstacSearch

from stac_api.client import CatalogueClient
from stac_api.errors import UnusableStereoSearch
from stac_api.filters import Filter, conjunction
from stac_api.stereo_collections import Places, places_of, set_collections
from stac_api.stereo_request import BEST_FIRST, SETS_PER_PAGE, STORED, SortKey, StereoSearch

Document = dict[str, Any]


async def found_sets(client: CatalogueClient, search: StereoSearch, request: Request) -> Document:
    """A page of the sets that a search asks for.

    Raises:
        UnusableStereoSearch: it names collections of sets and of images, or no sets are stored for it.
    """
    async with request.app.state.get_connection(request, "r") as connection:
        known = await set_collections(connection)
    places = places_of(known, search.collections or [], search.modes)
    if not (search.is_answered_by_stored_sets and places.sets):
        raise UnusableStereoSearch("No sets are stored for it.")
    return await _stored_sets(client, search, places, request)


async def sets_of_image(
    client: CatalogueClient, image: Document, request: Request, limit: int = SETS_PER_PAGE, token: str | None = None
) -> Document:
    """A page of the stored sets that have an image as a view, the most suitable first."""
    async with request.app.state.get_connection(request, "r") as connection:
        known = await set_collections(connection)
    moment = image["properties"].get("datetime")
    if not known or moment is None:
        return {"type": "FeatureCollection", "features": [], "links": [], "numberMatched": 0, "numberReturned": 0}
    names = [image["id"], *filter(None, [image["properties"].get("dinamis:held_by")])]
    search = _pgstac_search(
        client,
        collections=[each.id for each in known],
        datetime=_around(moment, timedelta(seconds=STORED.pass_s)),
        sortby=_sorted_by([BEST_FIRST]),
        limit=limit,
        token=token,
        filter={"op": "a_overlaps", "args": [{"property": "stereo:views"}, names]},
    )
    return await _page(client, search, request)


async def _stored_sets(client: CatalogueClient, search: StereoSearch, places: Places, request: Request) -> Document:
    wanted = _pgstac_search(
        client,
        collections=places.sets,
        ids=search.ids,
        bbox=search.bbox,
        intersects=search.intersects,
        datetime=search.datetime,
        sortby=_sorted_by(search.sortby),
        limit=search.limit,
        token=search.token,
        filter=conjunction(search.condition(), _only_of(places.only_views)),
    )
    return await _page(client, wanted, request)


def _only_of(views: Sequence[str]) -> Filter | None:
    """All images of a set are in these collections; any when there are none."""
    if not views:
        return None
    return {"op": "a_containedBy", "args": [{"property": "dinamis:view_collections"}, list(views)]}


def _pgstac_search(client: CatalogueClient, **terms: Any) -> PgstacSearch:
    given = {name: term for name, term in terms.items() if term}
    return client.pgstac_search_model(**given, filter_lang="cql2-json")


def _sorted_by(keys: Sequence[SortKey]) -> list[dict[str, str]]:
    return [key.model_dump() for key in keys]


async def _page(client: CatalogueClient, search: PgstacSearch, request: Request) -> Document:
    page = await client.search_items(search, request)
    return {**page, "links": [_as_geojson(link) for link in page["links"]]}


def _as_geojson(link: dict[str, Any]) -> dict[str, Any]:
    return {**link, "type": "application/geo+json"} if link["rel"] == "self" else link


def _around(moment: str, reach: timedelta) -> str:
    instant = datetime.fromisoformat(moment)
    return f"{(instant - reach).isoformat()}/{(instant + reach).isoformat()}"
