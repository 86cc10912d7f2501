"""Refuses what would silently be ignored in a query string."""

from __future__ import annotations

from typing import Literal, get_args

from stac_fastapi.types.errors import InvalidQueryParameter
from starlette.datastructures import QueryParams

#: What `filter-crs` may be: geometries are in longitude and latitude, which is also the default.
FilterCrs = Literal["http://www.opengis.net/def/crs/OGC/1.3/CRS84"]
(CRS84,) = get_args(FilterCrs)


def refuse_passed_over(parameters: QueryParams) -> None:
    """Refuse repeated parameters, of which only the last would count, and coordinates that are not degrees.

    Raises:
        InvalidQueryParameter: naming it.
    """
    repeated = [name for name in parameters if len(parameters.getlist(name)) > 1]
    if repeated:
        raise InvalidQueryParameter(f"Give {repeated[0][:40]} once, with commas between several values.")
    if parameters.get("filter-crs", CRS84) not in (CRS84, ""):
        raise InvalidQueryParameter(f"filter-crs can only be {CRS84}: give longitude and latitude in degrees.")
