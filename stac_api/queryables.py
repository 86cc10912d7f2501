"""What can be searched: typed properties over all collections or in one, and the refusal of any other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from asyncpg import Connection
from fastapi import Request
from stac_fastapi.api.models import JSONSchemaResponse
from stac_fastapi.pgstac.extensions.filter import FiltersClient

from stac_api.access.guards import no_collection
from stac_api.access.item_redaction import TELLING
from stac_api.access.restriction import Restriction, restriction_of
from stac_api.errors import UndeclaredProperty
from stac_api.languages import headers_of_languages, words_of_queryables


class Queryables(FiltersClient):  # type: ignore[misc]  # untyped upstream
    """The JSON Schema of the queryable properties, from pgSTAC's table of them."""

    async def get_queryables(self, request: Request, collection_id: str | None = None, **_: Any) -> JSONSchemaResponse:
        """The queryables of one collection, or of all, in the language in which the reader gets these.

        Raises:
            NotFoundError: there is no such collection.
        """
        restriction = await restriction_of(request)
        collections = restriction.among(None) if collection_id is None else [collection_id]
        async with request.app.state.get_connection(request, "r") as connection:
            schema = await _schema(connection, collections)
            words, languages = await words_of_queryables(
                connection, collections, request.headers.get("accept-language")
            )
        if schema is None and collection_id is not None:
            raise no_collection(collection_id)
        told = _without_telling(schema or _EMPTY, restriction)
        properties = {name: each | words.get(name, {}) for name, each in told["properties"].items()}
        content = {**told, "properties": properties, "$id": str(request.url)}
        return JSONSchemaResponse(content, headers=headers_of_languages(languages))


async def _schema(connection: Connection, collections: Sequence[str] | None) -> dict[str, Any] | None:
    """The merged queryables of these collections, or of all; None when none of them exists."""
    schema: dict[str, Any] | None = await connection.fetchval("SELECT get_queryables($1::text[])", collections)
    return schema


def _without_telling(schema: dict[str, Any], restriction: Restriction) -> dict[str, Any]:
    if not restriction.hides:
        return schema
    searchable = {name: each for name, each in schema["properties"].items() if name not in TELLING}
    return {**schema, "properties": searchable}


_EMPTY: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "title": "STAC Queryables.",
    "properties": {},
    "additionalProperties": False,
}


async def refuse_undeclared(connection: Connection, properties: Sequence[str], collections: Sequence[str]) -> None:
    """Refuse to sort by undeclared properties: pgSTAC would do it, and so disclose hidden ones.

    Raises:
        UndeclaredProperty: naming the first of them.
    """
    undeclared = await connection.fetchval(
        "SELECT name FROM unnest($1::text[]) AS name WHERE (queryable(name, $2::text[])).registered IS NOT TRUE "
        "LIMIT 1",
        properties,
        collections,
    )
    if undeclared is not None:
        raise UndeclaredProperty(f"{undeclared[:100]} is not one of them.")


def refuse_others(properties: Collection[str], known: Collection[str]) -> None:
    """Refuse every property that is not among the known ones.

    Raises:
        UndeclaredProperty: naming the first of them.
    """
    unknown = sorted(set(properties) - set(known))
    if unknown:
        raise UndeclaredProperty(f"{unknown[0][:100]} is not one of them; collections have {', '.join(sorted(known))}.")
