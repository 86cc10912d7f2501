"""Attack: read from the queryables what hidden collections have: pgSTAC merges them over all collections."""

from __future__ import annotations

from stac_api.access.item_redaction import TELLING
from tests.stac_api.access.restricted_catalogue import HIDDEN, SHOWN_SETS, Catalogues


def test_queryables_are_those_of_what_is_seen(catalogues: Catalogues) -> None:
    """Names, enumerations and bounds come from the collections that somebody sees."""
    assert "hidden:property" not in catalogues.answer("/queryables").json()["properties"]
    seen = catalogues.answer("/queryables", "scientist").json()["properties"]
    assert seen["hidden:property"]["enum"] == ["clandestine"]


def test_what_tells_of_hidden_items_can_be_searched_by_those_who_see_all(catalogues: Catalogues) -> None:
    """By the views of a set or the holder of an image a search would tell of Items that are not seen."""
    for path in ("/queryables", f"/collections/{SHOWN_SETS}/queryables"):
        told, all_told = (
            catalogues.answer(path, role).json()["properties"].keys() for role in ("stranger", "operator")
        )
        assert (told & TELLING, all_told & TELLING) == (set(), TELLING)


def test_queryables_of_a_hidden_collection_are_absent(catalogues: Catalogues) -> None:
    """The stock server answers 200 for a hidden collection and 404 for an unknown one: here both are 404."""
    assert catalogues.assert_indistinguishable(f"/collections/{HIDDEN}/queryables").status_code == 404
