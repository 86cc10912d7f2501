"""The body of `POST /search`, where the stock model is stricter or laxer than clients and stac-api-validator want."""

from __future__ import annotations

from typing import Annotated

import attr
from fastapi import FastAPI
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field
from stac_fastapi.extensions.fields.request import PostFieldsExtension
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.rfc3339 import str_to_interval
from stac_pydantic.api.search import Intersection

from stac_api.intervals import lenient_interval

#: Collections of geometries inside each other.
MOST_NESTED = 5


def _strict_interval(value: str | None) -> str | None:
    # The stock body takes what its query string refuses, such as +0100.
    str_to_interval(value)
    return value


def _listed(value: object) -> object:
    return value.split(",") if isinstance(value, str) else value


def _plain(geometry: object) -> object:
    """The geometry without any bbox, which repeats its coordinates: the stock model refuses one over the antimeridian.

    Raises:
        ValueError: it is a collection of collections of collections…; the model reads on for hours.
    """
    return _without_bbox(geometry, MOST_NESTED)


def _without_bbox(geometry: object, levels: int) -> object:
    if isinstance(geometry, dict):
        return {key: _without_bbox(value, levels) for key, value in geometry.items() if key != "bbox"}
    if isinstance(geometry, list) and geometry and isinstance(geometry[0], dict):
        if not levels:
            raise ValueError(f"its geometries lie more than {MOST_NESTED} levels deep: give a MultiPolygon")
        return [_without_bbox(each, levels - 1) for each in geometry]
    return geometry


class SearchBody(BaseModel):
    """The fields of the body that replace the stock ones."""

    datetime: Annotated[str | None, BeforeValidator(lenient_interval), AfterValidator(_strict_interval)] = None
    collections: Annotated[list[str] | None, BeforeValidator(_listed)] = None
    intersects: Annotated[Intersection | None, BeforeValidator(_plain)] = None
    fields: PostFieldsExtension = Field(
        default_factory=PostFieldsExtension, description="Include or exclude fields of the Items; null is refused."
    )


@attr.s
class SearchBodyExtension(ApiExtension):
    """Lends these fields to the model of the search route."""

    POST = SearchBody

    def register(self, app: FastAPI) -> None:
        """Nothing to add: the search route takes the fields from the model."""
