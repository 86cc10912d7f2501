"""The search of collections: free text in two languages, filters over their own fields."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from asyncpg import Connection
from fastapi import Request
from stac_fastapi.pgstac.models.links import CollectionSearchPagingLinks

from stac_api.areas import bbox_geometry
from stac_api.filters import NOTHING, conjunction, filter_of_query, properties_in, runnable
from stac_api.queryables import refuse_others
from stac_api.stac_document import Document

#: QGIS never requests a second page of collections, so the first one has them all.
COLLECTIONS_PER_PAGE = 1000

#: Fields by which collections can be filtered and sorted; /queryables is about Items.
COLLECTION_FIELDS = frozenset(
    {
        "id",
        "title",
        "description",
        "keywords",
        "license",
        "type",
        "datetime",
        "start_datetime",
        "end_datetime",
        "geometry",
    }
)


async def matching_page(connection: Connection, search: Mapping[str, Any], seen: Sequence[str] | None) -> Document:
    """One page of collections as pgSTAC gives it: `collections`, `numberMatched`, `numberReturned`, `links`.

    Args:
        connection: One connection of the pool.
        search: bbox, datetime, limit, offset, query, filter, sortby and q, all optional.
        seen: The collections that the reader sees; None means all.

    Raises:
        UndeclaredProperty: when filter, query or sortby name what collections do not have.
    """
    statement = await _statement(connection, search) | ({} if seen is None else {"ids": seen})
    async with connection.transaction():
        # The declared properties are those of Items; for collections our own list has been applied already.
        await connection.execute("SELECT set_config('pgstac.additional_properties', 'true', true)")
        page: Document = await connection.fetchval("SELECT collection_search($1::text::jsonb)", json.dumps(statement))
    return page


async def _statement(connection: Connection, search: Mapping[str, Any]) -> dict[str, Any]:
    sortby = search.get("sortby") or []
    wanted = runnable(conjunction(filter_of_query(search.get("query") or {}), search.get("filter")))
    refuse_others([*properties_in(wanted), *(each["field"] for each in sortby)], COLLECTION_FIELDS)
    statement = {key: search[key] for key in ("datetime", "limit", "offset") if search.get(key) is not None}
    if search.get("bbox"):
        statement["intersects"] = bbox_geometry(search["bbox"])
    if text := await _free_text_filter(connection, search.get("q")):
        wanted = conjunction(wanted, text)
    return statement | ({"filter": wanted, "filter-lang": "cql2-json"} if wanted else {}) | {"sortby": sortby or _BY_ID}


_BY_ID = [{"field": "id", "direction": "asc"}]


async def _free_text_filter(connection: Connection, terms: Sequence[str] | str | None) -> Mapping[str, Any] | None:
    terms = [terms] if isinstance(terms, str) else list(terms or [])
    if not terms:
        return None
    ids = await connection.fetch("SELECT dinamis.collections_matching($1) AS id", terms)
    return {"op": "in", "args": [{"property": "id"}, [row["id"] for row in ids]]} if ids else NOTHING


async def paging_links(page: Mapping[str, Any], request: Request) -> list[Document]:
    """The links of a page of collections: itself, the root, the next and the previous page."""
    stock = {link["rel"]: link for link in page.get("links", [])}
    links = CollectionSearchPagingLinks(request=request, next=stock.get("next"), prev=stock.get("prev"))
    pages: list[Document] = await links.get_links()
    return [{**link, "type": "application/json"} for link in pages]
