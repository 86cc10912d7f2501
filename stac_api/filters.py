"""Prepares filters for pgSTAC: `query` becomes CQL2, and CQL2 is rewritten into what pgSTAC can run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
from cql2 import Expr
from geojson_pydantic.geometries import parse_geometry_obj

from stac_api.areas import bbox_geometry
from stac_api.errors import UnknownOperator, UnusableFilter

Filter = Mapping[str, Any]

NOTHING: Filter = {"op": "=", "args": [{"property": "id"}, ""]}  # pgSTAC: `in []` is a syntax error
EVERYTHING: Filter = {"op": "<>", "args": [{"property": "id"}, ""]}

QUERY_COMPARISONS = {
    "eq": "=",
    "ne": "<>",
    "neq": "<>",
    "lt": "<",
    "lte": "<=",
    "gt": ">",
    "gte": ">=",
    "in": "in",
}
QUERY_PATTERNS = {"startsWith": "{}%", "endsWith": "%{}", "contains": "%{}%"}
PGSTAC_NAMES = {"a_containedby": "a_contained_by"}

#: Operators and brackets in CQL2 text: the parser recurses with each, and a stack overflow kills the whole process.
MOST_STEPS = 1000
_QUOTED = re.compile(r"""'(?:[^']|'')*'|"[^"]*\"""")
_STEP = re.compile(r"[-+*/^%=<>(]|\b(?:and|or|not|div)\b", re.IGNORECASE)

_OF_CONDITIONS = frozenset({"and", "or", "not"})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "^", "%", "div"})
_OF_VALUES = _ARITHMETIC | {"casei", "accenti"}

#: Stored as the period of an Item: its `datetime` is the beginning of an Item without one.
_PERIOD = frozenset({"datetime", "start_datetime", "end_datetime"})


def cql2_json(told: Any) -> Any:
    """A filter that is CQL2 JSON, or a string of CQL2 text or JSON, as CQL2 JSON; None is no filter.

    It is not validated against the schema of CQL2: that takes a minute for `id=id=id=id=id=id`.

    Raises:
        UnusableFilter: it is not CQL2, not a condition, or has an invalid geometry.
    """
    if isinstance(told, str):
        told = orjson.loads(told) if told.lstrip().startswith("{") else _json_of_text(told)
    return None if told is None else _condition(told)


def _json_of_text(text: str) -> Any:
    if len(_STEP.findall(_QUOTED.sub("", text))) > MOST_STEPS:
        raise UnusableFilter(f"This text has more than {MOST_STEPS} operators, brackets and signs: send it as JSON.")
    try:
        return Expr(text).to_json()
    except Exception as error:  # cql2 raises bare Exception, among others
        raise UnusableFilter(f"It is not CQL2 text: {error}") from error


def _condition(node: Any) -> Filter:
    """The same condition, where it is one; `true` and `false`, which pgSTAC takes for texts, as comparisons."""
    match node:
        case bool():
            return EVERYTHING if node else NOTHING
        case {"op": str(op), "args": [_, *_] as args} if op.lower() in _OF_CONDITIONS:
            return {**node, "args": [_condition(each) for each in args]}
        case {"op": str(op), "args": [*args]} if op.lower() not in _OF_CONDITIONS | _OF_VALUES:
            for each in args:
                _require_geometry(each)
            return dict(node)
        case _:
            raise UnusableFilter


def _require_geometry(argument: Any) -> None:
    if not isinstance(argument, Mapping) or "coordinates" not in argument:
        return
    try:
        parse_geometry_obj(argument)
    except ValueError as error:
        raise UnusableFilter(f"It has a geometry that is none: {argument.get('type')!s:.20}.") from error


def conjunction(*filters: Filter | None) -> Filter | None:
    """The conjunction of the filters; None if there are none."""
    present = [each for each in filters if each]
    if len(present) < 2:
        return present[0] if present else None
    return {"op": "and", "args": present}


def filter_of_query(query: Mapping[str, Any]) -> Filter | None:
    """The CQL2 equivalent of the older `query` parameter, `{property: {operator: value}}`.

    Raises:
        UnknownOperator: an operator is not one of the Query extension.
    """
    comparisons = [
        _comparison(name, operator, value)
        for name, operators in query.items()
        for operator, value in (operators.items() if isinstance(operators, Mapping) else [("eq", operators)])
    ]
    return conjunction(*comparisons)


def _comparison(name: str, operator: str, value: Any) -> Filter:
    if operator in QUERY_COMPARISONS:
        return {"op": QUERY_COMPARISONS[operator], "args": [{"property": name}, value]}
    if operator in QUERY_PATTERNS:
        literal = str(value).replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        return {"op": "like", "args": [{"property": name}, QUERY_PATTERNS[operator].format(literal)]}
    raise UnknownOperator(f"It does not know {operator[:40]}.")


def runnable(node: Any) -> Any:
    """The same filter, with unsupported constructs replaced by ones that pgSTAC supports.

    pgSTAC refuses `{"bbox": …}` literals, spells A_CONTAINEDBY differently, and compares `{"date": …}` as text.

    Raises:
        UnusableFilter: the list of an `in` is empty, for which pgSTAC would tell of a syntax error in its own SQL; or
            pgSTAC would answer wrongly: whether a time is null it always denies, and it computes without brackets.
    """
    if isinstance(node, list):
        return [runnable(each) for each in node]
    if not isinstance(node, Mapping) or "coordinates" in node:
        return node
    if "bbox" in node and "type" not in node:
        return bbox_geometry(node["bbox"])
    if isinstance(node.get("date"), str):
        return {"timestamp": f"{node['date']}T00:00:00Z"}
    renamed = {key: _operator(value) if key == "op" else runnable(value) for key, value in node.items()}
    match renamed:
        case {"op": "between"}:
            return _with_flat_bounds(renamed)
        case {"op": "in", "args": [_, []]}:
            raise UnusableFilter("The list of `in` is empty: give it at least one value.")
        case {"op": str(op), "args": [{"property": str(name)}]} if op.lower() == "isnull" and _is_of_period(name):
            raise UnusableFilter(
                f"Every Item has a period, so whether its {name} is null is not searched: compare it with a time."
            )
        case {"op": str(op)} if op.lower() in _ARITHMETIC:
            raise UnusableFilter(f"It computes ({op}), which is not supported: compare properties with values.")
    return renamed


def _is_of_period(name: str) -> bool:
    return name.rpartition("properties.")[2] in _PERIOD


def _with_flat_bounds(between: dict[str, Any]) -> dict[str, Any]:
    # In an early draft of CQL2, which clients still use, the bounds are a separate list.
    match between.get("args"):
        case [value, [lower, upper]]:
            return {**between, "args": [value, lower, upper]}
    return between


def _operator(name: Any) -> Any:
    return PGSTAC_NAMES.get(name.lower(), name) if isinstance(name, str) else name


def properties_in(node: Any) -> Iterator[str]:
    """The names of all properties that a filter reads."""
    if isinstance(node, Mapping):
        if isinstance(node.get("property"), str):
            yield node["property"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from properties_in(each)
