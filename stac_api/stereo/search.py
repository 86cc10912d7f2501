"""The search of stereo sets: stored ones come through the waist, others are found among the images that pass it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from fastapi import Request
from stac_fastapi.pgstac.models.links import PagingLinks
from stac_fastapi.pgstac.types.search import PgstacSearch
from stac_fastapi.types.requests import get_base_url
from starlette.concurrency import run_in_threadpool

from stac_api.access.restriction import PresentCollection, present_collections, restriction_of
from stac_api.client import CatalogueClient
from stac_api.errors import TooManyImages
from stac_api.filters import Filter, conjunction, properties_in
from stac_api.intervals import OPEN, ends_of
from stac_api.queryables import refuse_undeclared
from stac_api.stac_document import Document
from stac_api.stereo.area import MeasuredArea, covered_share, covering, surface_of
from stac_api.stereo.clouds import clouds_over
from stac_api.stereo.on_demand import IMAGE_FIELDS, computed_sets
from stac_api.stereo.order import SetOrder
from stac_api.stereo.parameters import SortKey
from stac_api.stereo.places import Places, places_of
from stac_api.stereo.request import BEST_FIRST, STORED, StereoSearch, comparisons

#: Properties that only computed sets have, so that no queryable declares them.
COMPUTED_ONLY = frozenset(
    {"stereo:aoi_coverage", "stereo:aoi_cloud_cover", "stereo:aoi_cloud_cover_mean", "stereo:multi_date"}
)


async def found_sets(client: CatalogueClient, search: StereoSearch, request: Request, *, most_images: int) -> Document:
    """A page of the sets that a search asks for.

    Args:
        client: Gives access to Items.
        search: The search.
        request: The request.
        most_images: Maximum number of images among which sets are found on demand.

    Raises:
        UnusableStereoSearch: it names both collections of sets and of images.
        TooManyImages: sets would have to be found among more images.
    """
    known = await _known_sets(request)
    places = places_of(known, search.collections or [], search.modes)
    if search.is_answered_by_stored_sets and places.sets:
        return await _stored_sets(client, search, places, request)
    surface = surface_of(search) if search.measures_area else None
    await _refuse_undeclared(search, request)
    images = await _images(client, search, places, request, most_images)
    area = MeasuredArea(surface, await clouds_over(surface, images, request)) if surface else None
    items = await run_in_threadpool(computed_sets, images, search, get_base_url(request), area)
    if search.cover:
        return await run_in_threadpool(_cover, items, search)
    return await _computed_page(items, search, request)


async def _known_sets(request: Request) -> list[PresentCollection]:
    """The collections of stereo sets that the reader sees, by their ids."""
    restriction, present = await restriction_of(request), await present_collections(request)
    return [each for id_, each in sorted(present.items()) if each.holds_sets and restriction.shows(id_)]


async def sets_of_image(
    client: CatalogueClient, image: Document, request: Request, limit: int, token: str | None
) -> Document:
    """A page of the stored sets that have an image as a view, the most suitable first."""
    known = await _known_sets(request)
    moment = image["properties"].get("datetime")
    if not known or moment is None:
        return _collection([], [], matched=0)
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
    """The condition that all images of a set are in these collections; None if there are none."""
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


def _as_geojson(link: Document) -> Document:
    return {**link, "type": "application/geo+json"} if link["rel"] == "self" else link


def _around(moment: str, reach: timedelta) -> str:
    instant = datetime.fromisoformat(moment)
    return f"{(instant - reach).isoformat()}/{(instant + reach).isoformat()}"


async def _images(
    client: CatalogueClient, search: StereoSearch, places: Places, request: Request, most: int
) -> list[Document]:
    """The visible images that may be views of matching sets."""
    elsewhere = {"op": "not", "args": [{"op": "in", "args": [{"property": "collection"}, places.all_sets]}]}
    wanted = _pgstac_search(
        client,
        collections=places.views,
        bbox=search.bbox,
        intersects=search.intersects,
        datetime=_within_reach(search),
        limit=most + 1,
        fields={"include": set(IMAGE_FIELDS)},
        filter=conjunction(
            elsewhere if places.all_sets and not places.views else None,
            *comparisons("eo:cloud_cover", (None, (search.cloud or (None, None))[1])),
        ),
    )
    images = (await client.seen_items(wanted, request))["features"]
    if len(images) > most:
        raise TooManyImages(f"At most {most} can be looked through.")
    return cast("list[Document]", images)


def _within_reach(search: StereoSearch) -> str | None:
    """The interval of the search, extended by how far away the other views of its sets may be."""
    first, last = ends_of(search.datetime)
    ends = (_moved(first, -search.reach_s), _moved(last, search.reach_s))
    return None if ends == (OPEN, OPEN) else "/".join(ends)


def _moved(instant: datetime | None, seconds: float) -> str:
    try:
        return (instant + timedelta(seconds=seconds)).isoformat() if instant else OPEN
    except OverflowError:  # before the first year or after the last
        return OPEN


async def _refuse_undeclared(search: StereoSearch, request: Request) -> None:
    """Allow for computed sets only the filter and sort properties of stored ones."""
    # The default order need not be checked: where there are no sets, no queryable declares it.
    sortby = search.sortby if "sortby" in search.model_fields_set else ()
    names = [*properties_in(search.filter_expr), *(key.field for key in sortby)]
    seen = (await restriction_of(request)).among(None) or []
    async with request.app.state.get_connection(request, "r") as connection:
        await refuse_undeclared(connection, sorted({*names} - COMPUTED_ONLY), seen)


async def _computed_page(items: list[Document], search: StereoSearch, request: Request) -> Document:
    order = SetOrder(search.sortby)
    left = order.behind(search.token.removeprefix("next:"), items) if search.token else items
    page = left[: search.limit]
    following = order.token(page[-1]) if len(left) > len(page) else None
    links = await PagingLinks(request=request, next=following).get_links()
    return _collection(page, links, matched=len(items))


def _cover(items: list[Document], search: StereoSearch) -> Document:
    area = surface_of(search)
    chosen = covering(items, area, search.limit)
    return {**_collection(chosen, [], matched=len(chosen)), "stereo:covered": round(covered_share(chosen, area), 4)}


def _collection(items: list[Document], links: list[Document], *, matched: int) -> Document:
    return {
        "type": "FeatureCollection",
        "features": items,
        "links": [_as_geojson(link) for link in links],
        "numberMatched": matched,
        "numberReturned": len(items),
    }
