"""Parsing of the parameters of a stereo search: texts in a query string, JSON in a body."""

from __future__ import annotations

from math import isfinite
from typing import Annotated, Any, Literal

import orjson
from cql2 import Expr
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema

from stac_api.errors import UnusableFilter
from stac_api.filters import cql2_json
from stac_api.intervals import OPEN

Ends = tuple[float | None, float | None]  #: of a range, None where it is open


class SortKey(BaseModel):
    """One property to sort by."""

    field: str
    direction: Literal["asc", "desc"] = "asc"


def listed(value: object) -> object:
    """The members of a comma-separated list."""
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def numbers(value: object) -> object:
    """The numbers in a comma-separated list."""
    return [float(part) for part in value.split(",")] if isinstance(value, str) else value


def parsed(value: object) -> object:
    """The JSON value of a text."""
    return orjson.loads(value) if isinstance(value, str) else value


def sort_keys(value: object) -> object:
    """The properties in a comma-separated list, with `-` before those in descending order."""
    if not isinstance(value, str):
        return value
    keys = [part.strip() for part in value.split(",")]
    return [{"field": key.lstrip("+-"), "direction": "desc" if key.startswith("-") else "asc"} for key in keys]


def cql2(value: Any) -> Any:
    """A filter as CQL2 JSON.

    Raises:
        UnusableFilter: it is not CQL2.
    """
    condition = cql2_json(value)
    try:
        # For computed sets it is evaluated here, not in the database.
        return condition if condition is None else Expr(condition) and condition
    except Exception as error:  # cql2 raises bare Exception, among others
        raise UnusableFilter(f"It is not CQL2: {error}") from error


def _ends(value: object) -> object:
    """The ends of `low/high`, where `..` is open."""
    if not isinstance(value, str):
        return value
    ends = value.split("/")
    if len(ends) != 2:
        raise ValueError("give a range as low/high, such as 5/20, ../20 or 5/..")
    return [None if end.strip() in ("", OPEN) else float(end) for end in ends]


def _ordered(ends: Ends) -> Ends:
    low, high = ends
    if not all(end is None or isfinite(end) for end in ends):
        raise ValueError("the ends of a range are finite numbers")
    if low is not None and high is not None and low > high:
        raise ValueError(f"the range begins at {low:g}, above its end, {high:g}")
    return ends


def _range_schema(*examples: str) -> WithJsonSchema:
    return WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "examples": list(examples)},
                {"type": "array", "items": {"type": ["number", "null"]}, "minItems": 2, "maxItems": 2},
            ]
        }
    )


Range = Annotated[Ends, BeforeValidator(_ends), AfterValidator(_ordered), _range_schema("5/20", "../20", "5/..")]
Share = Annotated[Ends, BeforeValidator(_ends), AfterValidator(_ordered), _range_schema("0.5/0.9", "0.7/..")]
Texts = Annotated[list[str], BeforeValidator(listed), Field(min_length=1)]
