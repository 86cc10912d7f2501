"""Attack: ask for properties instead of reading them, by filter, query, sort and fields, and see what changes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stac_api.access.restricted_catalogue import (
    HELD_ELSEWHERE,
    HIDDEN,
    HIDDEN_IMAGE,
    HIDDEN_PAIR,
    MIXED_PAIR,
    SECRET_PLACE,
    UNRULED,
    Catalogues,
)
from tests.stac_api.invented_catalogue import problem_of


def equals(name: str, value: Any) -> dict[str, Any]:
    """A filter of one property."""
    return {"op": "=", "args": [{"property": name}, value]}


@pytest.mark.parametrize(
    "condition",
    [
        equals("collection", HIDDEN),
        equals("collection", UNRULED),
        equals("id", HIDDEN_IMAGE),
        {"op": "in", "args": [{"property": "id"}, [SECRET_PLACE, HIDDEN_IMAGE, MIXED_PAIR]]},
        {"op": "not", "args": [equals("collection", "shown-images")]},
        {"op": "or", "args": [equals("id", HIDDEN_IMAGE), {"op": "like", "args": [{"property": "id"}, "%"]}]},
        {"op": "isNull", "args": [{"property": "dinamis:view_collections"}]},
        {"op": "a_contains", "args": [{"property": "dinamis:view_collections"}, [HIDDEN]]},
        {"op": "a_contains", "args": [{"property": "stereo:views"}, [HIDDEN_IMAGE]]},
    ],
    ids=str,
)
def test_filter_finds_nothing_hidden(catalogues: Catalogues, condition: dict[str, Any]) -> None:
    """Whatever a stranger asks for, and however he turns it, he gets what he would if the hidden were not there."""
    catalogues.assert_indistinguishable("/search", "POST", {"filter": condition, "filter-lang": "cql2-json"})


@pytest.mark.parametrize(
    "name", ["dinamis:held_by", "stereo-img:group", "stereo-img:count", "properties.dinamis:held_by"]
)
@pytest.mark.parametrize("way", ["filter", "query", "sortby"])
def test_properties_that_name_other_items_are_not_searched(catalogues: Catalogues, name: str, way: str) -> None:
    """A stranger cannot ask whether an Item that he sees names one that he does not."""
    value = 2 if name.endswith("count") else HIDDEN_IMAGE
    bodies: dict[str, dict[str, Any]] = {
        "filter": {"filter": equals(name, value)},
        "query": {"query": {name: {"eq": value}}},
        "sortby": {"sortby": [{"field": name, "direction": "asc"}]},
    }
    assert problem_of(catalogues.answer("/search", method="POST", body=bodies[way]))["status"] == 400
    assert catalogues.answer("/search", "operator", "POST", bodies[way]).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"include": ["id", "properties.dinamis:held_by", "properties.stereo-img:group"]},
        {"include": ["properties"], "exclude": ["links"]},
        {"exclude": ["links"]},
    ],
    ids=str,
)
def test_fields_bring_nothing_back(catalogues: Catalogues, fields: dict[str, Any]) -> None:
    """Leaving the links out, which tell whether a named Item is seen, does not let its name through."""
    body = {"ids": [HELD_ELSEWHERE], "fields": fields}
    answer = catalogues.assert_indistinguishable("/search", "POST", body)
    assert len(answer.json()["features"]) == 1
    assert HIDDEN_IMAGE not in answer.text
    assert HIDDEN_PAIR not in answer.text


@pytest.mark.parametrize("path", ["/search", "/stereo/search"])
@pytest.mark.parametrize("way", ["filter", "sortby"])
def test_properties_of_hidden_collections_are_undeclared(catalogues: Catalogues, path: str, way: str) -> None:
    """A property that only a hidden collection declares is refused as one that none does."""
    bodies: dict[str, dict[str, Any]] = {
        "filter": {"filter": equals("hidden:property", "clandestine")},
        "sortby": {"sortby": [{"field": "hidden:property", "direction": "asc"}]},
    }
    computed = {"multi_date": True} if path == "/stereo/search" else {}
    assert catalogues.assert_indistinguishable(path, "POST", bodies[way] | computed).status_code == 400
