"""What changes from one set to another: who loses and who gains what, and what is paid otherwise."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stac_api.access.policy import Category, PolicySet
from stac_api.access.rules.changes import Change, changes

BASE = {
    "valid_from": "2024-01-01T00:00:00Z",
    "source_document": "a guide",
    "approved_by": "a committee",
    "exclusions": {"base": {"title": "A base", "polygon": [[0, 0], [1, 0], [1, 1], [0, 0]], "source": "a guide"}},
    "quotas": {
        name: {
            "unit": unit,
            "amount": amount,
            "scope": "user",
            "period": "none",
            "debit_event": "order",
            "discretionary": False,
            "source": "a guide",
        }
        for name, unit, amount in (("large", "credit", 2), ("small", "km2", 7000))
    },
    "tariffs": {
        name: {"archive_eur_per_km2": price, "minimum_km2": 100, "source": "a guide"}
        for name, price in (("cheap", 1), ("dear", 1.4))
    },
}
LICENCE = {"id": "invented", "version": 1}


def a_set(identifier: str, **fields: Any) -> PolicySet:
    """A set of one rule, which shows a collection to scientists."""
    rule = {"collections": ["a"], "categories": ["SCI_FR"], "visibility": "full", "source": "a guide", **fields}
    return PolicySet.model_validate({"id": identifier, "rules": [rule], **BASE})


def told(before: PolicySet | None, after: PolicySet | None, *collections: str) -> list[tuple[str, str, str, str]]:
    """Effect, right, and how it was and is."""
    found = changes(before, after, collections or ("a",))
    return [(each.effect, each.right, each.before, each.after) for each in found]


def test_each_right_is_held_against_what_it_was() -> None:
    """Less of a right is a loss, more of it a gain; an excluded area takes away."""
    before = a_set("before", order="archive", quota="large", tariff="cheap")
    after = a_set(
        "after",
        visibility="metadata",
        download="member_signed",
        licence=LICENCE,
        order="both",
        quota="small",
        tariff="dear",
        exclusion="base",
    )
    assert told(before, after) == [
        ("loses", "visibility", "full", "metadata"),
        ("loses", "exclusion", "–", "A base"),
        (
            "loses",
            "quota",
            "2 credits (7\N{NARROW NO-BREAK SPACE}200 km²) for each user, used up when ordered",
            "7\N{NARROW NO-BREAK SPACE}000 km² for each user, used up when ordered",
        ),
        ("gains", "download", "none", "member_signed"),
        ("gains", "order", "archive", "archive and tasking"),
        ("changes", "licence", "–", "invented 1"),
        (
            "changes",
            "tariff",
            "1 €/km² archive, ×2 stereo, ×3 tri-stereo, at least 100 km²",
            "1.4 €/km² archive, ×2 stereo, ×3 tri-stereo, at least 100 km²",
        ),
    ]


def test_categories_and_collections_with_the_same_change_stand_together() -> None:
    """A committee reads one line for all who are touched alike."""
    wide = {"collections": ["*"], "categories": ["SCI_FR", "PUB_FR"]}
    (change,) = changes(a_set("before", **wide), a_set("after", **wide, visibility="metadata"), ["b", "a", "c"])
    assert change == Change(
        effect="loses",
        right="visibility",
        before="full",
        after="metadata",
        categories=(Category.SCI_FR, Category.PUB_FR),
        collections=("a", "b", "c"),
    )
    assert change.who == "SCI_FR, PUB_FR"


def test_what_everybody_has_counts_for_each_category() -> None:
    """A rule that gives everybody what some had before takes nothing from these."""
    before = a_set("before", download="member_signed", licence=LICENCE)
    after = a_set("after", categories=["PUBLIC"], download="questionnaire", licence=LICENCE)
    gained = [each for each in changes(before, after, ["a"]) if each.effect == "gains"]
    assert all(each.effect != "loses" for each in changes(before, after, ["a"]))
    assert {category for each in gained for category in each.categories} == {*Category}


def test_the_first_rules_show_what_nobody_saw() -> None:
    """Held against no rules at all, each right is a gain; taken away again, a loss."""
    assert told(None, a_set("after")) == [("gains", "visibility", "hidden", "full")]
    assert told(a_set("before"), None) == [("loses", "visibility", "full", "hidden")]


sets = st.builds(
    lambda visibility, order, quota, categories: a_set(
        "any", visibility=visibility, order=order, quota=quota, categories=categories
    ),
    st.sampled_from(["metadata", "full"]),
    st.sampled_from(["none", "external", "archive", "tasking", "both"]),
    st.sampled_from([None, "large", "small"]),
    st.lists(st.sampled_from([each.value for each in Category]), min_size=1, max_size=3, unique=True),
)


@given(sets)
def test_nothing_changes_from_a_set_to_itself(policies: PolicySet) -> None:
    """Equal rules differ in nothing."""
    assert changes(policies, policies, ["a", "b"]) == []


@given(sets, sets)
def test_back_again_turns_losses_into_gains(one: PolicySet, other: PolicySet) -> None:
    """Whoever loses on the way there gains the same on the way back."""
    opposite = {"loses": "gains", "gains": "loses", "changes": "changes"}
    there = {(each.effect, each.right, each.before, each.after, each.categories) for each in changes(one, other, ["a"])}
    back = {
        (opposite[each.effect], each.right, each.after, each.before, each.categories)
        for each in changes(other, one, ["a"])
    }
    assert there == back
