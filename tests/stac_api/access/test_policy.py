"""Which rule decides: the closest one, of the category before that of everybody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stac_api.access.policy import Category, PolicySet, Visibility

COLLECTIONS = ("pleiades", "pleiades-stereo", "spot-6-7", "dsm")
PATTERNS = (*COLLECTIONS, "*", "pleiades*", "spot-*", "*-stereo", "other")


def a_rule(*collections: str, categories: tuple[str, ...] = ("PUBLIC",), **fields: Any) -> dict[str, Any]:
    """A rule that shows its collections."""
    document = {"collections": collections, "categories": categories, "visibility": "full", "source": "a guide"}
    return document | fields


def a_set(*rules: dict[str, Any], **fields: Any) -> PolicySet:
    """A set of these rules."""
    document = {
        "id": "invented",
        "valid_from": datetime(2024, 1, 1, tzinfo=UTC),
        "source_document": "a guide",
        "approved_by": "a committee",
        "rules": rules,
    }
    return PolicySet.model_validate(document | fields)


rules = st.builds(
    lambda collections, categories, visibility: a_rule(*collections, categories=categories, visibility=visibility),
    st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from([each.value for each in Category]), min_size=1, max_size=3, unique=True).map(tuple),
    st.sampled_from(["hidden", "metadata", "full"]),
)
policies = st.lists(rules, min_size=1, max_size=8).map(lambda found: a_set(*found))
collections = st.sampled_from(COLLECTIONS)
categories = st.sampled_from(list(Category))


@pytest.mark.parametrize(
    ("collection", "category", "decides"),
    [
        ("pleiades", "PUBLIC", 2),
        ("pleiades-stereo", "PUBLIC", 1),
        ("spot-6-7", "PUBLIC", 0),
        ("spot-6-7", "SCI_FR", 3),
        ("pleiades", "SCI_FR", 3),
        ("pleiades", "PUB_FR", 4),
        ("pleiades-stereo", "PUB_FR", 1),
    ],
)
def test_closest_rule_decides(collection: str, category: str, decides: int) -> None:
    """The own id goes before a pattern, a longer pattern before a shorter one, the category before everybody."""
    set_ = a_set(
        a_rule("*"),
        a_rule("pleiades*"),
        a_rule("pleiades"),
        a_rule("*", categories=("SCI_FR",)),
        a_rule("pleiades", categories=("PUB_FR",)),
    )
    assert set_.rule_for(collection, Category(category)) is set_.rules[decides]


def test_rule_is_as_close_as_its_closest_pattern() -> None:
    """A rule that names a collection among others decides about it before a pattern, however wide the others are."""
    set_ = a_set(a_rule("plei*"), a_rule("*", "pleiades"))
    assert set_.rule_for("pleiades", Category.PUBLIC) is set_.rules[1]


def test_of_two_equally_close_the_first_decides() -> None:
    """What is written twice is decided by order, and told by the check of the files."""
    set_ = a_set(a_rule("pleiades", visibility="metadata"), a_rule("pleiades", visibility="full"))
    assert set_.rule_for("pleiades", Category.PUBLIC) is set_.rules[0]
    assert set_.closest("pleiades", Category.PUBLIC) == [0, 1]


@given(policies, collections, categories)
def test_a_rule_that_decides_speaks_of_both(set_: PolicySet, collection: str, category: Category) -> None:
    """No rule decides about a collection or a category that it does not name, and nothing named closer exists."""
    rule = set_.rule_for(collection, category)
    if rule is None:
        assert not any(
            each.closeness(collection) and {category, Category.PUBLIC} & {*each.categories} for each in set_.rules
        )
        return
    own = [each for each in set_.rules if category in each.categories and each.closeness(collection)]
    candidates = own or [each for each in set_.rules if Category.PUBLIC in each.categories]
    assert rule in candidates
    closeness = rule.closeness(collection)
    assert closeness is not None
    assert all((each.closeness(collection) or closeness) <= closeness for each in candidates)


@given(policies, collections, categories, categories)
def test_a_second_category_takes_nothing_away(set_: PolicySet, collection: str, one: Category, other: Category) -> None:
    """Who acts in two qualities sees whatever he would see in either."""
    assert set_.visibility(collection, {one, other}) == max(
        set_.visibility(collection, {one}), set_.visibility(collection, {other})
    )


@given(policies, collections)
def test_what_nobody_rules_is_hidden(set_: PolicySet, collection: str) -> None:
    """A collection that no rule covers is seen by no category."""
    if not set_.covers(collection):
        assert set_.visibility(collection, [*Category]) is Visibility.HIDDEN


@given(policies, st.sets(categories))
def test_showing_everything_is_never_claimed_wrongly(set_: PolicySet, held: set[Category]) -> None:
    """Where a set is said to show all, it shows each collection, also one that nobody has thought of."""
    if set_.shows_everything(held):
        assert all(set_.visibility(each, {*held, Category.PUBLIC}) for each in (*COLLECTIONS, "a-new-one"))


@given(policies)
def test_a_set_survives_the_database(set_: PolicySet) -> None:
    """Written as JSON and read again it is the same."""
    assert PolicySet.model_validate(set_.model_dump(mode="json")) == set_


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"download": "member_signed"}, "needs a licence"),
        ({"visibility": "hidden", "order": "both"}, "neither downloaded nor ordered"),
        ({"visibility": "hidden", "download": "member"}, "neither downloaded nor ordered"),
        ({"quota": "science"}, "names the quota science"),
        ({"collections": []}, "at least 1"),
        ({"visibility": "some"}, "visibility"),
        ({"downloads": "none"}, "downloads"),
    ],
)
def test_rules_that_contradict_themselves_are_refused(fields: dict[str, Any], mistake: str) -> None:
    """A rule that could not be obeyed is not read."""
    with pytest.raises(ValidationError, match=mistake):
        a_set(a_rule("pleiades") | fields)


@pytest.mark.parametrize(
    "polygon", [[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 0], [1, 1], [0, 1]], [[0, 0], [200, 0], [1, 1], [0, 0]]]
)
def test_excluded_areas_are_closed_rings_in_degrees(polygon: list[list[float]]) -> None:
    """A ring that is open, or lies outside the world, is refused."""
    area = {"title": "Somewhere", "polygon": polygon, "source": "a guide"}
    with pytest.raises(ValidationError):
        a_set(a_rule("pleiades"), exclusions={"somewhere": area})
