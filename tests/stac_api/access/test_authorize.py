"""The decision, case by case: who may do what, and if not, why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import box

from stac_api.access.authorize import Action, Reason, Resource, authorize
from stac_api.access.policy import Category, PolicySet
from stac_api.access.principal import ANONYMOUS, Capacity, Principal, Scope, Signature, Standing

ENTITY, OTHER_ENTITY = UUID(int=1), UUID(int=2)
LICENCE = {"id": "invented", "version": 2}
MEMBERS = ["SCI_FR", "PUB_FR"]


def a_rule(collection: str, *categories: str, visibility: str = "full", **fields: Any) -> dict[str, Any]:
    """A rule of one collection."""
    document = {"collections": [collection], "categories": categories, "visibility": visibility, "source": "a guide"}
    return document | fields


POLICIES = PolicySet.model_validate(
    {
        "id": "invented",
        "valid_from": "2024-01-01T00:00:00Z",
        "source_document": "a guide",
        "approved_by": "a committee",
        "exclusions": {
            "base": {"title": "A base", "polygon": [[0, 0], [1, 0], [1, 1], [0, 1], [0, 0]], "source": "a guide"}
        },
        "rules": [
            a_rule("held", "PUBLIC", visibility="metadata"),
            a_rule("held", *MEMBERS, download="member_signed", licence=LICENCE, exclusion="base", order="tasking"),
            a_rule("held", "PRIV_OTHER", visibility="metadata", order="external"),
            a_rule("old", "PUBLIC"),
            a_rule("old", "PUB_FR", download="member"),
            a_rule("open", "PUBLIC", download="questionnaire", licence=LICENCE),
            a_rule("elsewhere", "PUBLIC", download="external"),
            a_rule("archive", "PUBLIC", visibility="metadata"),
            a_rule("archive", "SCI_FR", order="both"),
            a_rule("secret", "PUBLIC", visibility="hidden"),
            a_rule("secret", "SCI_FR", download="member"),
            a_rule("pairs", "PUBLIC"),
            a_rule("pairs", "SCI_FR", download="member"),
        ],
    }
)


def acting(*categories: str, standing: Standing = Standing.GOOD, **fields: Any) -> Principal:
    """Somebody who acts in these qualities, for one entity."""
    capacities = tuple(Capacity(category=Category(each), entity=ENTITY, standing=standing) for each in categories)
    return Principal(credential="bearer", person=UUID(int=9), capacities=capacities, **fields)


SIGNED = frozenset({Signature(licence="invented", version=2, entity=ENTITY)})
SCIENTIST, SIGNER = acting("SCI_FR"), acting("SCI_FR", signatures=SIGNED)
OUTDATED = acting("SCI_FR", signatures=frozenset({Signature(licence="invented", version=1, entity=ENTITY)}))
FOR_ANOTHER = acting("SCI_FR", signatures=frozenset({Signature(licence="invented", version=2, entity=OTHER_ENTITY)}))
DECLARER = Principal(credential="declaration", declared=frozenset({("invented", 2)}))
READER = acting("SCI_FR", signatures=SIGNED, scopes=frozenset({Scope.READ}))
SUSPENDED = acting("SCI_FR", signatures=SIGNED, standing=Standing.ENTITY_SUSPENDED)
OPERATOR = Principal(credential="bearer", person=UUID(int=8), is_operator=True)

YES: tuple[Reason, ...] = ()


@pytest.mark.parametrize(
    ("principal", "action", "collection", "reasons"),
    [
        (ANONYMOUS, "view", "held", YES),
        (ANONYMOUS, "preview", "held", ["not-authenticated"]),
        (ANONYMOUS, "download", "held", ["not-authenticated"]),
        (ANONYMOUS, "order-tasking", "held", ["not-authenticated"]),
        (ANONYMOUS, "order-archive", "old", ["not-offered"]),
        (SCIENTIST, "preview", "held", YES),
        (SCIENTIST, "download", "held", ["licence-not-signed"]),
        (SIGNER, "download", "held", YES),
        (OUTDATED, "download", "held", ["licence-not-signed"]),
        (FOR_ANOTHER, "download", "held", ["licence-not-signed"]),
        (READER, "download", "held", ["scope-missing"]),
        (READER, "view", "held", YES),
        (READER, "download", "open", YES),
        (acting("SCI_FR", scopes=frozenset({Scope.READ})), "download", "held", ["licence-not-signed"]),
        (SUSPENDED, "view", "held", YES),
        (SUSPENDED, "download", "held", ["entity-suspended"]),
        (SUSPENDED, "view", "secret", ["hidden"]),
        (acting("PRIV_OTHER"), "download", "held", ["category-not-eligible"]),
        (acting("PRIV_OTHER"), "order-tasking", "held", ["at-the-origin"]),
        (acting("PRIV_OTHER", "PUB_FR", signatures=SIGNED), "download", "held", YES),
        (acting("PUB_FR"), "download", "old", YES),
        (SCIENTIST, "download", "old", ["category-not-eligible"]),
        (ANONYMOUS, "download", "open", ["declaration-required"]),
        (DECLARER, "download", "open", YES),
        (DECLARER, "download", "held", ["not-authenticated"]),
        (SIGNER, "download", "open", YES),
        (ANONYMOUS, "download", "elsewhere", ["at-the-origin"]),
        (SIGNER, "download", "archive", ["not-offered"]),
        (SCIENTIST, "order-archive", "archive", YES),
        (SCIENTIST, "order-tasking", "archive", YES),
        (acting("PUB_FR"), "order-archive", "archive", ["category-not-eligible"]),
        (ANONYMOUS, "view", "secret", ["hidden"]),
        (acting("PUB_FR"), "download", "secret", ["hidden"]),
        (SCIENTIST, "download", "secret", YES),
        (ANONYMOUS, "view", "unheard-of", ["hidden"]),
        (SIGNER, "order-archive", "unheard-of", ["hidden"]),
        (OPERATOR, "view", "secret", YES),
        (OPERATOR, "preview", "unheard-of", YES),
        (OPERATOR, "download", "held", ["category-not-eligible"]),
        (OPERATOR, "download", "unheard-of", ["category-not-eligible"]),
    ],
)
def test_decision(principal: Principal, action: str, collection: str, reasons: list[str]) -> None:
    """Each case gets its answer, and each refusal its reasons."""
    decision = authorize(principal, Action(action), Resource(collection=collection), POLICIES)
    assert list(decision.reasons) == list(reasons)
    assert (decision.allowed, decision.policy_set) == (not reasons, POLICIES.id)


@pytest.mark.parametrize(
    ("area", "reasons"),
    [(box(5, 5, 6, 6), ()), (box(0.5, 0.5, 6, 6), ("spatially-excluded",)), (box(1, 0, 2, 1), ("spatially-excluded",))],
    ids=["far", "across", "touching"],
)
def test_excluded_area_is_shown_but_not_given_out(area: Any, reasons: tuple[str, ...]) -> None:
    """An image that touches the excluded area can be seen, but not downloaded, whatever one signs."""
    resource = Resource(collection="held", geometry=area)
    assert authorize(SIGNER, Action.DOWNLOAD, resource, POLICIES).reasons == reasons
    assert authorize(SCIENTIST, Action.DOWNLOAD, resource, POLICIES).reasons == (reasons or ("licence-not-signed",))
    assert authorize(SIGNER, Action.VIEW, resource, POLICIES).allowed


@pytest.mark.parametrize(
    ("principal", "action", "views", "reasons"),
    [
        (ANONYMOUS, "view", {"held"}, ()),
        (ANONYMOUS, "view", {"held", "secret"}, ("hidden",)),
        (SCIENTIST, "view", {"held", "secret"}, ()),
        (SCIENTIST, "download", {"held"}, ("licence-not-signed",)),
        (SIGNER, "download", {"held", "secret"}, ()),
        (SIGNER, "download", {"archive"}, ("not-offered",)),
    ],
)
def test_stereo_sets_obey_the_rules_of_all_their_views(
    principal: Principal, action: str, views: set[str], reasons: tuple[str, ...]
) -> None:
    """A set may be had when each of its images may."""
    resource = Resource(collection="pairs", view_collections=frozenset(views))
    assert authorize(principal, Action(action), resource, POLICIES).reasons == reasons


def test_without_rules_everything_is_hidden() -> None:
    """No set in force: nobody sees anything, not even an operator."""
    for principal in (ANONYMOUS, SIGNER, OPERATOR):
        decision = authorize(principal, Action.VIEW, Resource(collection="open"), None)
        assert (decision.allowed, decision.reasons) == (False, (Reason.HIDDEN,))


principals = st.builds(
    lambda categories, standing, signed, scopes, is_operator: acting(
        *categories,
        standing=standing,
        signatures=SIGNED if signed else frozenset(),
        scopes=frozenset(scopes),
        is_operator=is_operator,
    ),
    st.lists(st.sampled_from([each.value for each in Category]), max_size=3, unique=True),
    st.sampled_from(list(Standing)),
    st.booleans(),
    st.sets(st.sampled_from(list(Scope))),
    st.booleans(),
)
places = st.builds(
    lambda collection, views: Resource(collection=collection, view_collections=frozenset(views)),
    st.sampled_from(["held", "old", "open", "elsewhere", "archive", "secret", "unheard-of"]),
    st.sets(st.sampled_from(["held", "secret", "open"]), max_size=2),
)


@given(principals, st.sampled_from(list(Action)), places)
def test_every_question_has_an_answer(principal: Principal, action: Action, resource: Resource) -> None:
    """The decision is total: allowed without reasons, or refused with some."""
    decision = authorize(principal, action, resource, POLICIES)
    assert decision.allowed == (not decision.reasons)


@given(principals, st.sampled_from(list(Action)), places)
def test_what_is_not_seen_is_refused_as_hidden(principal: Principal, action: Action, resource: Resource) -> None:
    """Whoever does not see a thing learns no other reason, whatever he asks for."""
    if not authorize(principal, Action.VIEW, resource, POLICIES).allowed:
        assert Reason.HIDDEN in authorize(principal, action, resource, POLICIES).reasons


@given(principals, st.sampled_from(list(Action)), places)
def test_one_refusal_refuses_the_whole_set(principal: Principal, action: Action, resource: Resource) -> None:
    """A stereo set may be had only when each of its views may, wherever that stands among them."""
    alone = [authorize(principal, action, Resource(collection=each), POLICIES) for each in resource.collections]
    assert authorize(principal, action, resource, POLICIES).allowed == all(each.allowed for each in alone)


@given(principals)
def test_logging_in_hides_nothing(principal: Principal) -> None:
    """Whoever logs in sees at least what everybody sees."""
    for each in ("held", "old", "open", "secret", "archive"):
        seen, seen_by_all = (
            authorize(who, Action.VIEW, Resource(collection=each), POLICIES).allowed for who in (principal, ANONYMOUS)
        )
        assert seen or not seen_by_all
