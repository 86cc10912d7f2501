"""Refuses what would silently be ignored in a query string."""

from __future__ import annotations

from typing import Literal, get_args

from fastapi import Request, params
from fastapi.dependencies.utils import get_flat_params
from fastapi.routing import APIRoute
from stac_fastapi.types.errors import InvalidQueryParameter

#: What `filter-crs` may be: geometries are in longitude and latitude, which is also the default.
FilterCrs = Literal["http://www.opengis.net/def/crs/OGC/1.3/CRS84"]
(CRS84,) = get_args(FilterCrs)


def refuse_passed_over(request: Request) -> None:
    """Refuse what the route would pass over; one that takes no parameters takes any.

    Unknown parameters (OGC API - Features, /req/core/query-param-unknown), repeated ones, of which only the last would
    count, and coordinates that are not degrees.

    Raises:
        InvalidQueryParameter: naming it.
    """
    parameters = request.query_params
    known = _parameters_of(request.scope["route"]) if parameters else []
    if not known:
        return
    if unknown := [name for name in parameters if name not in known]:
        raise InvalidQueryParameter(f"There is no parameter {unknown[0][:40]} here; there are {', '.join(known)}.")
    if repeated := [name for name in parameters if len(parameters.getlist(name)) > 1]:
        raise InvalidQueryParameter(f"Give {repeated[0]} once, with commas between several values.")
    if parameters.get("filter-crs", CRS84) not in (CRS84, ""):
        raise InvalidQueryParameter(f"filter-crs can only be {CRS84}: give longitude and latitude in degrees.")


def _parameters_of(route: APIRoute) -> list[str]:
    """The names of the query parameters that the API description has for a route."""
    declared = [each.alias for each in get_flat_params(route.dependant) if isinstance(each.field_info, params.Query)]
    return declared + [each["name"] for each in (route.openapi_extra or {}).get("parameters", ())]
