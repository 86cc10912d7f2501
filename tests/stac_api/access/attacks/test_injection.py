"""Attack: write into names and conditions what the database would run, or what would undo the restriction."""

from __future__ import annotations

from typing import Any

import pytest

from tests.stac_api.access.restricted_catalogue import HIDDEN, HIDDEN_IMAGE, UNRULED, Catalogues

NAMES = [
    f"{HIDDEN}' OR '1'='1",
    f"{HIDDEN}') OR true --",
    '{"op":"=","args":[1,1]}',
    "*",
    "%",
    "",
    f"shown-images/../{HIDDEN}",
    f"{HIDDEN}%00",
    f"{HIDDEN}%20",
    HIDDEN.upper(),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "path", ["/search?collections={}", "/collections/{}", "/collections/{}/items", "/stereo/search?collections={}"]
)
def test_names_are_names(catalogues: Catalogues, path: str, name: str) -> None:
    """A name that is a pattern, a piece of SQL or of CQL2 finds what it would if nothing were hidden."""
    catalogues.assert_indistinguishable(path.format(name))


@pytest.mark.parametrize(
    "body",
    [
        {"filter": "1=1 OR collection = 'clandestine-images'", "filter-lang": "cql2-text"},
        {"filter": {"op": "or", "args": [{"op": "=", "args": [1, 1]}, {"op": "=", "args": [1, 2]}]}},
        {"filter": {"op": "not", "args": [{"op": "=", "args": [{"property": "collection"}, ""]}]}},
        {"filter": {"op": "=", "args": [{"property": "collection') OR true --"}, 1]}},
        {"query": {"collection": {"in": [HIDDEN, UNRULED]}}},
        {"collections": [HIDDEN, UNRULED, "shown-images"]},
        {"collections": []},
        {"collections": HIDDEN},
        {"collections": None, "ids": [HIDDEN_IMAGE]},
        {"ids": [HIDDEN_IMAGE], "filter-lang": "cql-json", "filter": {"eq": [1, 1]}},
        {"conf": {"additional_properties": "true"}, "filter": {"op": "=", "args": [{"property": "a:secret"}, 1]}},
        {"fields": {"include": ["private"]}},
        {"fields": {"include": ["collection", "private.assets"]}},
    ],
    ids=str,
)
def test_no_condition_undoes_the_restriction(catalogues: Catalogues, body: dict[str, Any]) -> None:
    """However a request is turned, it is answered as by a catalogue that has nothing to hide."""
    answer = catalogues.assert_indistinguishable("/search", "POST", body)
    assert "file://" not in answer.text


@pytest.mark.parametrize(
    "query",
    [
        f"collections=shown-images&collections={HIDDEN}",
        f"collections=shown-images,{HIDDEN}",
        f"filter=collection='{HIDDEN}'&filter-lang=cql2-text",
        f"filter=NOT(collection='x')&query=%7B%22collection%22:%7B%22eq%22:%22{HIDDEN}%22%7D%7D",
        f"ids={HIDDEN_IMAGE}&ids=IMAGE-1",
    ],
)
def test_no_query_string_undoes_the_restriction(catalogues: Catalogues, query: str) -> None:
    """Repeated and combined parameters are restricted as one request."""
    catalogues.assert_indistinguishable(f"/search?{query}")
