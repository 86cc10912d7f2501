"""What a reader sees of a catalogue, worked out from rules alone."""

from __future__ import annotations

from typing import Any

import pytest

from stac_api.access.policy import Category, PolicySet
from stac_api.access.principal import ANONYMOUS, Capacity, Principal, Standing
from stac_api.access.restriction import NO_COLLECTION, NO_RESTRICTION, PresentCollection, Restriction, restriction

SCIENTIST = Principal(capacities=(Capacity(category=Category.SCI_FR),))
SUSPENDED = Principal(capacities=(Capacity(category=Category.SCI_FR, standing=Standing.ENTITY_SUSPENDED),))
OPERATOR = Principal(is_operator=True)


def rules(*written: tuple[str, str, str]) -> PolicySet:
    """A set of rules: collections, category, visibility."""
    return PolicySet.model_validate(
        {
            "id": "invented",
            "valid_from": "2020-01-01T00:00:00Z",
            "source_document": "-",
            "approved_by": "-",
            "rules": [
                {"collections": [pattern], "categories": [category], "visibility": visibility, "source": "-"}
                for pattern, category, visibility in written
            ],
        }
    )


def images(name: str) -> PresentCollection:
    """A collection of images."""
    return PresentCollection(name, holds_sets=False, view_collections=frozenset(), modes=frozenset())


def sets(name: str, *views: str) -> PresentCollection:
    """A collection of stereo sets."""
    return PresentCollection(name, holds_sets=True, view_collections=frozenset(views), modes=frozenset({"stereo"}))


PRESENT = [images("a"), images("b"), images("c"), sets("sets-a", "a"), sets("sets-ab", "a", "b")]
RULES = rules(("a", "PUBLIC", "metadata"), ("b", "SCI_FR", "metadata"), ("sets-*", "PUBLIC", "full"))


@pytest.mark.parametrize(
    ("principal", "seen"),
    [
        (ANONYMOUS, {"a", "sets-a"}),
        (SUSPENDED, {"a", "sets-a"}),
        (SCIENTIST, {"a", "b", "sets-a", "sets-ab"}),
        (OPERATOR, {"a", "b", "c", "sets-a", "sets-ab"}),
    ],
    ids=["anonymous", "suspended", "scientist", "operator"],
)
def test_sets_are_seen_by_who_sees_all_their_views(principal: Principal, seen: set[str]) -> None:
    """A collection of stereo sets obeys the rules of the images too, and what no rule names only operators see."""
    found = restriction(principal, PRESENT, RULES)
    assert found.collections == seen
    assert found.sets == {name for name in seen if name.startswith("sets")}


def test_nothing_seen_is_a_condition_that_nothing_meets() -> None:
    """Who sees nothing searches in no collection, never in all; and names that he does not see are dropped."""
    nothing = Restriction()
    assert nothing.among(None) == nothing.among(["a"]) == nothing.among([]) == [NO_COLLECTION]
    some = Restriction(collections=frozenset({"a", "b"}))
    assert some.among(None) == ["a", "b"]
    assert some.among(["b", "c", "absent"]) == ["b"]
    assert NO_RESTRICTION.among(None) is None
    assert NO_RESTRICTION.among(["c"]) == ["c"]


def test_condition_is_there_where_sets_are_searched_only() -> None:
    """A search among images needs no condition beside the list of collections."""
    some = Restriction(collections=frozenset({"a", "sets"}), sets=frozenset({"sets"}))
    assert some.condition(["a"]) is None
    assert some.condition(["a", "sets"]) is not None
    assert NO_RESTRICTION.condition(["sets"]) is None


@pytest.mark.parametrize(
    ("written", "categories", "shows_everything"),
    [
        ([("*", "PUBLIC", "metadata")], ["PUBLIC"], True),
        ([("*", "SCI_FR", "full")], ["PUBLIC"], False),
        ([("*", "SCI_FR", "full")], ["PUBLIC", "SCI_FR"], True),
        ([("*", "PUBLIC", "full"), ("a", "SCI_FR", "hidden")], ["PUBLIC", "SCI_FR"], False),
        ([("*", "PUBLIC", "full"), ("a", "SCI_FR", "hidden")], ["PUBLIC"], True),
        ([("a*", "PUBLIC", "full"), ("b*", "PUBLIC", "full")], ["PUBLIC"], False),
    ],
)
def test_only_rules_that_can_hide_nothing_need_no_list(
    written: list[Any], categories: list[str], shows_everything: bool
) -> None:
    """A search is left as it is only when no collection could come that the reader may not see."""
    assert rules(*written).shows_everything([Category(each) for each in categories]) is shows_everything


@pytest.mark.parametrize(
    ("written", "categories", "hides"),
    [
        ([("a", "PUBLIC", "metadata"), ("a", "SCI_FR", "full")], ["PUBLIC"], False),
        ([("a", "SCI_FR", "metadata")], ["PUBLIC"], True),
        ([("a", "SCI_FR", "metadata")], ["PUBLIC", "SCI_FR"], False),
        ([("a-*", "PUBLIC", "full"), ("a-*", "SCI_FR", "full"), ("a-1", "PUBLIC", "hidden")], ["PUBLIC"], True),
        ([("a", "PUBLIC", "hidden")], ["PUBLIC"], False),
    ],
)
def test_rules_say_whether_others_see_more(written: list[Any], categories: list[str], hides: bool) -> None:
    """What answers reveal of restrictions comes from the rules, which are public, not from what the catalogue has."""
    assert rules(*written).hides_what_others_see([Category(each) for each in categories]) is hides
