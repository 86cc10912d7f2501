"""Attack: follow links and names from what is seen to what is not."""

from __future__ import annotations

import pytest

from tests.stac_api.access.restricted_catalogue import (
    HELD_ELSEWHERE,
    HIDDEN_IMAGE,
    HIDDEN_PAIR,
    MIXED_PAIR,
    SHOWN,
    SHOWN_IMAGE,
    SHOWN_PAIR,
    TELLTALE,
    Catalogues,
)


@pytest.mark.parametrize(
    "path",
    [f"/collections/{SHOWN}/items/{HELD_ELSEWHERE}", f"/search?ids={HELD_ELSEWHERE}", f"/collections/{SHOWN}/items"],
)
def test_item_does_not_say_who_holds_it_or_what_it_is_a_view_of(catalogues: Catalogues, path: str) -> None:
    """The links of an image to a hidden Item are left out, and so is what names it in the properties."""
    answer = catalogues.assert_indistinguishable(path)
    assert not [name for name in TELLTALE if name in answer.text]


def test_who_sees_both_has_the_links(catalogues: Catalogues) -> None:
    """To those who see the other Items too, the image says all."""
    item = catalogues.answer(f"/collections/{SHOWN}/items/{HELD_ELSEWHERE}", "scientist").json()
    assert {link["rel"] for link in item["links"]} >= {"canonical", "related"}
    assert item["properties"]["dinamis:held_by"] == HIDDEN_IMAGE
    assert item["properties"]["stereo-img:group"] == HIDDEN_PAIR


def test_links_to_what_is_seen_stay(catalogues: Catalogues) -> None:
    """An image that names only what a stranger sees says so to him."""
    item = catalogues.answer(f"/collections/{SHOWN}/items/{SHOWN_IMAGE}").json()
    assert [link["title"] for link in item["links"] if link["rel"] == "related"] == [SHOWN_PAIR]
    assert item["properties"]["stereo-img:group"] == SHOWN_PAIR


@pytest.mark.parametrize(
    "path", ["/", "/collections", f"/collections/{SHOWN}", "/search", "/policies", "/api", "/queryables"]
)
def test_no_document_names_what_is_hidden(catalogues: Catalogues, path: str) -> None:
    """Neither links, summaries, rules, examples nor facets of a document have a name of it."""
    answer = catalogues.answer(path)
    assert answer.status_code == 200
    assert not [name for name in TELLTALE if name in answer.text]


@pytest.mark.parametrize("role", ["stranger", "other category"])
def test_sets_of_an_image_are_those_that_are_seen(catalogues: Catalogues, role: str) -> None:
    """An image tells of the sets that it is a view of, but not of those with a hidden view."""
    path = f"/collections/{SHOWN}/items/{SHOWN_IMAGE}/stereo"
    sets = catalogues.answer(path, role).json()
    assert [each["id"] for each in sets["features"]] == [SHOWN_PAIR]
    assert sets["numberMatched"] == 1
    more = catalogues.answer(path, "scientist").json()
    assert {each["id"] for each in more["features"]} == {SHOWN_PAIR, MIXED_PAIR}
