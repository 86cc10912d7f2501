"""What can be searched: typed properties over all collections or in one, and the refusal of any other."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from asyncpg import Connection
from fastapi import Request
from stac_fastapi.pgstac.extensions.filter import FiltersClient
from stac_fastapi.types.errors import NotFoundError

from stac_api.errors import UndeclaredProperty


class Queryables(FiltersClient):  # type: ignore[misc]  # untyped upstream
    """The JSON Schema of the queryable properties, from pgSTAC's table of them."""

    async def get_queryables(self, request: Request, collection_id: str | None = None, **_: Any) -> dict[str, Any]:
        """The queryables of one collection, or of all.

        Raises:
            NotFoundError: there is no such collection.
        """
        async with request.app.state.get_connection(request, "r") as connection:
            schema = await _schema(connection, collection_id)
        return {**schema, "$id": str(request.url)}


async def _schema(connection: Connection, collection_id: str | None) -> dict[str, Any]:
    schema: dict[str, Any] | None = await connection.fetchval("SELECT get_queryables($1::text)", collection_id)
    if schema:
        return schema
    if collection_id is not None:
        raise NotFoundError(f"Collection {collection_id} does not exist.")
    # pgSTAC answers nothing at all while there is no collection.
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "title": "STAC Queryables.",
        "properties": {},
        "additionalProperties": False,
    }


async def refuse_undeclared(connection: Connection, properties: Sequence[str], collections: Sequence[str]) -> None:
    """Refuse to sort by what no queryable declares: pgSTAC would, and so tell about hidden properties.

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
