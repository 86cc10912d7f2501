"""Prepares Item searches for pgSTAC: in terms that it answers correctly, and restricted to what the reader sees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from geojson_pydantic.geometries import MultiPolygon
from stac_fastapi.pgstac.types.search import PgstacSearch
from stac_fastapi.types.errors import InvalidQueryParameter

from stac_api.access.item_redaction import TELLING
from stac_api.access.restriction import Restriction
from stac_api.areas import bbox_geometry, sides
from stac_api.errors import UndeclaredProperty
from stac_api.filters import conjunction, filter_of_query, properties_in, runnable
from stac_api.item_presentation import DEFAULT_FIELDS, IDENTIFYING_FIELDS


def prepared(search_request: PgstacSearch) -> PgstacSearch:
    """The same search in terms that pgSTAC answers correctly, without what clients must not control."""
    query = filter_of_query(getattr(search_request, "query", None) or {})
    wanted = runnable(conjunction(query, getattr(search_request, "filter_expr", None)))
    changes: dict[str, Any] = {"conf": None, "query": None, "filter_expr": wanted, "filter_lang": "cql2-json"}
    if fields := getattr(search_request, "fields", None):
        changes["fields"] = _named_fields(fields)
    if search_request.bbox:
        changes |= _area(search_request.bbox)
    return search_request.model_copy(update=changes)


def _area(bbox: Sequence[float]) -> dict[str, Any]:
    # pgSTAC intersects nothing with a bbox that has heights, and goes the long way round from west to a lesser east.
    west, south, east, north = sides(bbox)
    if west > east:
        return {"bbox": None, "intersects": MultiPolygon(**bbox_geometry(bbox))}
    return {"bbox": (west, south, east, north)}


def _named_fields(fields: Any) -> Any:
    if fields.include:
        return fields.model_copy(update={"include": fields.include | IDENTIFYING_FIELDS})
    # An empty `include` means the default set, while a missing one means every field.
    if fields.exclude and "include" in fields.model_fields_set:
        return fields.model_copy(update={"include": set(DEFAULT_FIELDS - fields.exclude)})
    return fields


def restricted(search_request: PgstacSearch, restriction: Restriction) -> PgstacSearch:
    """The same search, restricted to what the reader sees.

    Raises:
        UndeclaredProperty: it reads a property that would disclose what they do not see.
    """
    if restriction.is_none:
        return search_request
    if restriction.hides:
        _refuse_telling(search_request)
    collections = restriction.among(search_request.collections) or []
    condition = conjunction(search_request.filter_expr, runnable(restriction.condition(collections)))
    return search_request.model_copy(update={"collections": collections, "filter_expr": condition})


def _refuse_telling(search_request: PgstacSearch) -> None:
    fields = [each.field for each in getattr(search_request, "sortby", None) or []]
    read = [*properties_in(search_request.filter_expr), *fields]
    told = sorted(TELLING.intersection(name.rpartition("properties.")[2] for name in read))
    if told:
        raise UndeclaredProperty(f"{told[0]} is not one of them.")


def item_of_token(token: str) -> tuple[str, str]:
    """Collection and id of the Item in a page token, which pgSTAC writes in hexadecimal digits.

    Raises:
        InvalidQueryParameter: it is not a token.
    """
    try:
        _, collection, item = token.split(":")
        return bytes.fromhex(collection).decode(), bytes.fromhex(item).decode()
    except ValueError as error:
        raise InvalidQueryParameter(f"Invalid paging token: {token}") from error
