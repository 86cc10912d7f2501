"""Decisions in words: every action and every reason has some, in French and in English."""

from __future__ import annotations

from typing import Literal

import pytest

from stac_api.access.authorize import Action, Decision, Reason, Resource
from stac_api.access.explanation import Explanation, explanations, rule_words, somebody_of
from stac_api.access.policy import Category, PolicySet
from stac_api.access.principal import ANONYMOUS

POLICIES = PolicySet.model_validate(
    {
        "id": "invented",
        "valid_from": "2024-01-01T00:00:00Z",
        "source_document": "a guide",
        "approved_by": "a committee",
        "rules": [
            {"collections": ["open"], "categories": ["PUBLIC"], "visibility": "metadata", "source": "a guide"},
        ],
    }
)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_everything_that_may_be_decided_has_words(language: Literal["fr", "en"]) -> None:
    """No answer is empty, and no two reasons or actions read alike."""
    texts = {
        Explanation(action=action, decision=Decision(allowed=False, reasons=(reason,))).text(language)
        for action in Action
        for reason in Reason
    }
    assert len(texts) == len(Action) * len(Reason)
    assert all(each.endswith(".") for each in texts)


@pytest.mark.parametrize(
    ("reasons", "outcome"),
    [
        ((), "allowed"),
        ((Reason.LICENCE_NOT_SIGNED,), "on-condition"),
        ((Reason.DECLARATION_REQUIRED,), "on-condition"),
        ((Reason.ENTITY_SUSPENDED, Reason.LICENCE_NOT_SIGNED), "refused"),
        ((Reason.AT_THE_ORIGIN,), "refused"),
    ],
)
def test_only_a_formality_is_a_condition(reasons: tuple[Reason, ...], outcome: str) -> None:
    """What somebody can do at once is a condition; what others must do, or nobody can, is a refusal."""
    decision = Decision(allowed=not reasons, reasons=reasons)
    assert Explanation(action=Action.DOWNLOAD, decision=decision).outcome == outcome


def test_the_rule_behind_an_answer_is_told() -> None:
    """With its set, its date and its source; where no rule speaks, that is said."""
    seen, *_ = explanations(somebody_of(Category.SCI_FR), Resource(collection="open"), POLICIES)
    assert rule_words(seen.decision, POLICIES, "en").startswith(
        "Rule of invented (in force from 2024-01-01) for PUBLIC"
    )
    assert "source : a guide" in rule_words(seen.decision, POLICIES, "fr")
    unruled, *_ = explanations(ANONYMOUS, Resource(collection="unheard-of"), POLICIES)
    assert "hidden" in rule_words(unruled.decision, POLICIES, "en")
    nothing, *_ = explanations(ANONYMOUS, Resource(collection="open"), None)
    assert (nothing.outcome, "cachée" in nothing.text("fr")) == ("refused", True)


@pytest.mark.parametrize("category", list(Category))
def test_somebody_of_a_category_acts_in_it(category: Category) -> None:
    """The simulator's person has that category, beside what everybody has, and nothing signed."""
    somebody = somebody_of(category)
    assert somebody.categories == {category, Category.PUBLIC}
    assert not somebody.signatures
    assert somebody.is_anonymous == (category is Category.PUBLIC)
