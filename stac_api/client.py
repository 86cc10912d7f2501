"""The catalogue's client of pgSTAC: every Item route passes through `_search_base`, the waist."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import quote, unquote_plus

import attr
import orjson
from asyncpg import Connection, RaiseError
from fastapi import Request
from stac_fastapi.api.models import GeoJSONResponse
from stac_fastapi.pgstac.core import CoreCrudClient
from stac_fastapi.pgstac.models.links import BaseLinks, ItemCollectionLinks, SearchLinks
from stac_fastapi.pgstac.types.search import PgstacSearch
from stac_fastapi.types.errors import InvalidQueryParameter, NotFoundError
from stac_fastapi.types.requests import get_base_url
from stac_fastapi.types.stac import Item, ItemCollection, LandingPage
from starlette.responses import JSONResponse, RedirectResponse, Response

from database.statements import statements
from stac_api.access.asset_protection import protection_of
from stac_api.access.guards import no_collection, refuse_unseen
from stac_api.access.item_redaction import told_reason, without_hidden
from stac_api.access.restriction import NO_COLLECTION, Restriction, restriction_of, saw_collection
from stac_api.collection_presentation import presented_collections, with_fields, with_rules
from stac_api.collection_search import COLLECTIONS_PER_PAGE, matching_page, paging_links
from stac_api.conformance import ADDED_CLASSES
from stac_api.errors import ItemWithdrawn, PageGone
from stac_api.filters import cql2_json
from stac_api.item_presentation import complete_item
from stac_api.item_search import item_of_token, prepared, restricted
from stac_api.languages import language_headers
from stac_api.queryables import refuse_undeclared
from stac_api.stac_document import Document

ITEMS_PER_PAGE = 100

#: Link relation from the landing page to the search of stereo sets.
STEREO_REL = "stereo-search"

#: How pgSTAC says that the Item of a page token is not there.
_PAGE_GONE = "Could not find item using token"

WITHDRAWAL, PRESENT_PLACE = statements("stac_api", "withdrawal", "present_place")


@attr.s
class CatalogueClient(CoreCrudClient):  # type: ignore[misc]  # untyped upstream
    """pgSTAC behind the STAC API, without the defects of the stock client (docs/explanation/stock-server.md)."""

    landing_page_id: str = attr.ib(default="dinamis-stac")

    def conformance_classes(self) -> list[str]:
        """The stock classes and the additional ones."""
        return sorted({*super().conformance_classes(), *ADDED_CLASSES})

    async def landing_page(self, **kwargs: Any) -> JSONResponse:
        """The landing page, with one child link per collection."""
        request: Request = kwargs["request"]
        page: LandingPage = await super().landing_page(**kwargs)
        _, collections = await self._matching({"limit": COLLECTIONS_PER_PAGE}, request)
        page["links"] += _stereo_links(get_base_url(request))
        page["links"] += [_child_link(collection, get_base_url(request)) for collection in collections]
        return JSONResponse(page, headers=language_headers(collections))

    async def _matching(self, search: Mapping[str, Any], request: Request) -> tuple[Document, list[Document]]:
        """A page of collections as pgSTAC gives it, and its collections as clients need them, but for their rules."""
        restriction = await restriction_of(request)
        async with request.app.state.get_connection(request, "r") as connection:
            page = await matching_page(connection, search, restriction.among(None))
            return page, await presented_collections(connection, page["collections"], request, restriction)

    async def all_collections(self, request: Request, **parameters: Any) -> JSONResponse:
        """The matching collections, all on one page unless a limit is given."""
        search = self._collection_search(request, parameters)
        page, presented = await self._matching(search, request)
        collections = await with_rules(presented, request)
        fields = search.get("fields") or {}
        content = {
            "collections": [with_fields(each, fields) for each in collections],
            "links": await paging_links(page, request),
            "numberMatched": page["numberMatched"],
            "numberReturned": len(collections),
        }
        return JSONResponse(content, headers=language_headers(collections))

    def _collection_search(self, request: Request, parameters: dict[str, Any]) -> dict[str, Any]:
        limit = parameters.get("limit") if "limit" in request.query_params else COLLECTIONS_PER_PAGE
        base = {name: parameters.get(name) for name in ("bbox", "offset")}
        base["filter"] = cql2_json(parameters.get("filter_expr") or None)
        arguments: dict[str, Any] = self._clean_search_args(
            base_args={**base, "limit": limit, "query": _query_parameter(parameters.get("query"))},
            **{name: parameters.get(name) for name in ("datetime", "sortby", "q")},
            fields=_without_blanks(parameters.get("fields")),
        )
        return arguments

    async def get_collection(self, collection_id: str, request: Request, **_: Any) -> JSONResponse:
        """One collection in the reader's language.

        Raises:
            NotFoundError: there is no such collection.
        """
        await refuse_unseen(collection_id, request)
        async with request.app.state.get_connection(request, "r") as connection:
            stored = await stored_collection(connection, collection_id)
            collections = await presented_collections(connection, [stored], request, await restriction_of(request))
        (collection,) = await with_rules(collections, request)
        return JSONResponse(collection, headers=language_headers([collection]))

    async def get_item(self, item_id: str, collection_id: str, request: Request, **_: Any) -> Item | Response:
        """One Item; if a stereo set has moved to another collection of sets, a redirect to it.

        Raises:
            ItemWithdrawn: it was in the collection when the reader could see that, but has left it.
            NotFoundError: there is no such collection, or there never was such an Item in it.
        """
        await refuse_unseen(collection_id, request)
        if item := await self._item(_storable_id(item_id), collection_id, request):
            return item
        async with request.app.state.get_connection(request, "r") as connection:
            await stored_collection(connection, collection_id)
            place = await connection.fetchval(PRESENT_PLACE, collection_id, item_id)
            withdrawal = await connection.fetchrow(WITHDRAWAL, collection_id, item_id)
        if place is not None and await self._item(item_id, place, request):
            return RedirectResponse(f"{get_base_url(request)}collections/{place}/items/{quote(item_id)}", 308)
        if withdrawal and await saw_collection(request, collection_id, withdrawal["withdrawn_at"]):
            reason = told_reason(withdrawal["reason"], await restriction_of(request))
            raise ItemWithdrawn(f"Since {withdrawal['withdrawn_at']:%Y-%m-%dT%H:%M:%SZ}: {reason}")
        raise NotFoundError(f"Item {item_id} in Collection {collection_id} does not exist.")

    async def _item(self, item_id: str, collection_id: str, request: Request) -> Item | None:
        """The Item, if the reader may see it: the waist hides the others."""
        search = self.pgstac_search_model(ids=[item_id], collections=[collection_id], limit=1)
        return next(iter((await self._search_base(search, request))["features"]), None)

    async def item_collection(self, collection_id: str, request: Request, **parameters: Any) -> GeoJSONResponse:
        """A page of the Items of one collection."""
        async with request.app.state.get_connection(request, "r") as connection:
            await stored_collection(connection, collection_id)
        named = parameters.get("collections")
        wanted = collection_id if not named or collection_id in named.split(",") else NO_COLLECTION
        search = self._get_search(request, {**parameters, "collections": [wanted]})
        return await self._answer(search, request, ItemCollectionLinks(collection_id=collection_id, request=request))

    async def get_search(self, request: Request, **parameters: Any) -> GeoJSONResponse:
        """A page of Items, requested in the query string."""
        return await self._answer(self._get_search(request, parameters), request, SearchLinks(request=request))

    async def post_search(self, search_request: PgstacSearch, request: Request, **_: Any) -> GeoJSONResponse:
        """A page of Items, requested in the body."""
        if search_request.limit is None or "limit" not in search_request.model_fields_set:
            search_request.limit = ITEMS_PER_PAGE
        return await self._answer(search_request, request, SearchLinks(request=request))

    def _get_search(self, request: Request, parameters: dict[str, Any]) -> PgstacSearch:
        limit = parameters.get("limit") if "limit" in request.query_params else ITEMS_PER_PAGE
        base = {name: parameters.get(name) for name in ("collections", "ids", "bbox", "token")}
        base["filter"] = parameters.get("filter_expr") or None
        arguments = self._clean_search_args(
            base_args={**base, "limit": limit, "query": _query_parameter(parameters.get("query"))},
            **{name: parameters.get(name) for name in ("intersects", "datetime", "sortby")},
            fields=_without_blanks(parameters.get("fields")),
        )
        return self.pgstac_search_model(**arguments)

    async def _answer(self, search_request: PgstacSearch, request: Request, links: BaseLinks) -> GeoJSONResponse:
        page = await self._search_base(search_request, request)
        # The page's self link is the request with its query string, which the stock one lacks.
        own = [link for link in page["links"] if link["rel"] == "self"]
        others = [link for link in await links.get_links(extra_links=page["links"]) if link["rel"] != "self"]
        return GeoJSONResponse(
            {**page, "links": [{**link, "type": GeoJSONResponse.media_type} for link in own] + others}
        )

    async def search_items(self, search_request: PgstacSearch, request: Request) -> Document:
        """A page of Items for other routes, through the waist like all others."""
        return cast("Document", await self._search_base(search_request, request))

    async def seen_items(self, search_request: PgstacSearch, request: Request) -> Document:
        """A page of the Items that the reader sees, unredacted: for internal use, never as an answer."""
        return cast("Document", await self._seen_page(search_request, request))

    async def _search_base(self, search_request: PgstacSearch, request: Request) -> ItemCollection:
        """The only way to Items: those that the reader sees, without what they disclose of others."""
        page = await self._seen_page(search_request, request)
        restriction, protection = await restriction_of(request), await protection_of(request)
        told = [without_hidden(cast("Document", each), restriction, protection.base_url) for each in page["features"]]
        page["features"] = [cast("Item", protection.marked_item(each)) for each in told]
        return page

    async def _seen_page(self, search_request: PgstacSearch, request: Request) -> ItemCollection:
        """The page of a request, made safe and restricted to what the reader sees, with its Items completed."""
        restriction = await restriction_of(request)
        wanted = restricted(prepared(search_request), restriction)
        await _refuse_undeclared_sort(wanted, request)
        if wanted.token:
            await self._refuse_unseen_token(wanted.token, restriction, request)
        try:
            page: ItemCollection = await super()._search_base(wanted, request)
        except RaiseError as error:
            if _PAGE_GONE not in str(error):
                raise
            raise PageGone from error
        complete = _completion(wanted, get_base_url(request))
        page["features"] = [cast("Item", complete(cast("Document", each))) for each in page["features"]]
        return page

    async def _refuse_unseen_token(self, token: str, restriction: Restriction, request: Request) -> None:
        """Answer the token of a hidden Item as that of an absent one.

        The Items before or after it would disclose that it exists, and its sort key.

        Raises:
            PageGone: the reader sees no such Item.
        """
        collection, item = item_of_token(token)
        is_seen = restriction.shows(collection)
        if is_seen and collection in restriction.sets:
            is_seen = await self._item(item, collection, request) is not None
        if not is_seen:
            raise PageGone


async def stored_collection(connection: Connection, collection_id: str) -> Document:
    """The document of a collection; every answer about one collection begins with this.

    Raises:
        NotFoundError: there is no such collection.
    """
    stored: Document | None = await connection.fetchval("SELECT get_collection($1::text)", collection_id)
    if stored is None or stored.get("type") != "Collection":
        raise no_collection(collection_id)
    return stored


async def _refuse_undeclared_sort(search_request: PgstacSearch, request: Request) -> None:
    fields = [each.field for each in getattr(search_request, "sortby", None) or []]
    if fields:
        async with request.app.state.get_connection(request, "r") as connection:
            await refuse_undeclared(connection, fields, search_request.collections or [])


def _completion(search_request: PgstacSearch, base_url: str) -> Callable[[Document], Document]:
    fields = getattr(search_request, "fields", None)
    include = frozenset(fields.include or ()) if fields else frozenset[str]()
    exclude = frozenset(fields.exclude or ()) if fields else frozenset[str]()
    return lambda feature: complete_item(feature, base_url, include=include, exclude=exclude)


def _stereo_links(base_url: str) -> list[Document]:
    return [
        {
            "rel": STEREO_REL,
            "type": GeoJSONResponse.media_type,
            "title": f"Search of stereo sets [{method}]",
            "href": f"{base_url}stereo/search",
            "method": method,
        }
        for method in ("GET", "POST")
    ]


def _child_link(collection: Document, base_url: str) -> Document:
    return {
        "rel": "child",
        "type": "application/json",
        "title": collection.get("title") or collection["id"],
        "href": f"{base_url}collections/{collection['id']}",
    }


def _without_blanks(names: Sequence[str] | None) -> list[str]:
    # The stock client would fail on empty names, as it looks at the first character.
    return [name for name in names or () if name]


def _query_parameter(text: str | None) -> dict[str, Any] | None:
    if not text:
        return None
    value = orjson.loads(unquote_plus(text))
    if not isinstance(value, dict):
        raise InvalidQueryParameter("The query parameter must be a JSON object.")
    return value


def _storable_id(identifier: str) -> str:
    # PostgreSQL texts have no NUL, so no id has one.
    if "\x00" in identifier:
        raise NotFoundError("No id has a NUL character.")
    return identifier
