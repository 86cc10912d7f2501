"""Collections as clients need them: in the reader's language, with their links, their last harvest and their rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

from asyncpg import Connection
from fastapi import Request
from stac_fastapi.pgstac.models.links import CollectionLinks
from stac_fastapi.pgstac.utils import exclude_fields, include_fields
from stac_fastapi.types.requests import get_base_url

from stac_api.access.asset_protection import protection_of
from stac_api.access.item_redaction import without_hidden
from stac_api.access.restriction import Restriction
from stac_api.access.rules.routes import with_rule_links
from stac_api.languages import in_language, translations_of
from stac_api.stac_document import Document

#: Link relation from a Collection to its feed of changes.
CHANGES_REL = "changes"

#: Property of a Collection: when its sources were last read successfully, whether or not anything had changed.
HARVESTED_AT = "dinamis:harvested_at"

#: Stored by pgSTAC with the Collection, but never part of it.
_INTERNAL_FIELDS = ("parent_ids",)


async def presented_collections(
    connection: Connection, collections: Sequence[Document], request: Request, restriction: Restriction
) -> list[Document]:
    """The collections as sent to a client, each with the time of its last harvest and the link to its changes."""
    harvested_at = await _harvest_times(connection, [each["id"] for each in collections])
    base_url = get_base_url(request)
    translated = await _translated(connection, collections, request)
    shown = [without_hidden(each, restriction, base_url) for each in translated]
    return [
        {
            **each,
            **({HARVESTED_AT: harvested_at[each["id"]]} if each["id"] in harvested_at else {}),
            "links": [*each["links"], _changes_link(each["id"], base_url)],
        }
        for each in shown
    ]


async def _translated(connection: Connection, collections: Sequence[Document], request: Request) -> list[Document]:
    """The collections in the language of the reader, with their links."""
    translations = await translations_of(connection, [collection["id"] for collection in collections])
    accepted = request.headers.get("accept-language")
    return [
        await _linked(in_language(each, translations.get(each["id"], {}), accepted), request) for each in collections
    ]


async def _linked(collection: Document, request: Request) -> Document:
    links = CollectionLinks(collection_id=collection["id"], request=request)
    queryables = {
        "rel": "http://www.opengis.net/def/rel/ogc/1.0/queryables",
        "type": "application/schema+json",
        "title": "Queryables",
        "href": links.resolve(f"collections/{collection['id']}/queryables"),
    }
    stored = await links.get_links(extra_links=collection.get("links"))
    published = {key: value for key, value in collection.items() if key not in _INTERNAL_FIELDS}
    return {**published, "links": [*stored, queryables]}


async def _harvest_times(connection: Connection, collections: Sequence[str]) -> dict[str, str]:
    """When each collection was last harvested successfully, UTC; stored apart, as it changes with every harvest."""
    rows = await connection.fetch(
        "SELECT collection, harvested_at FROM dinamis.collection_harvest WHERE collection = ANY ($1)", collections
    )
    return {row["collection"]: f"{row['harvested_at'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for row in rows}


def _changes_link(collection_id: str, base_url: str) -> dict[str, str]:
    return {
        "rel": CHANGES_REL,
        "type": "application/json",
        "title": "Changes",
        "href": changes_href(collection_id, base_url),
    }


def changes_href(collection_id: str, base_url: str) -> str:
    """The address of the changes of a collection."""
    return f"{base_url}collections/{collection_id}/changes"


async def with_rules(collections: Sequence[Document], request: Request) -> list[Document]:
    """The collections with what the rules in force say of them. Hold no connection here: it may be the last one."""
    protection = await protection_of(request)
    return [protection.marked_collection(each) for each in await with_rule_links(collections, request)]


def with_fields(collection: Document, fields: Mapping[str, Sequence[str]]) -> Document:
    """Only the wanted fields of a collection (Fields extension)."""
    chosen: Document = include_fields(collection, set(fields.get("include", ())))
    chosen = dict(chosen)
    exclude_fields(chosen, set(fields.get("exclude", ())) - set(fields.get("include", ())))
    return chosen
