"""What is probably unintended in valid rules: collections left out, rules that compete or never decide."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

from database.documents.located_yaml import LocatedDocument
from database.documents.mistakes import did_you_mean
from stac_api.access.policy import Category, PolicySet


def report_suspicious(located: LocatedDocument, policies: PolicySet, collections: Collection[str]) -> None:
    """Add what is probably unintended to the problems of a document.

    Args:
        located: The document.
        policies: Its contents.
        collections: Ids of the existing collections.
    """
    _report_uncovered(located, policies, collections)
    _report_unknown(located, policies, collections)
    _report_competing(located, policies, collections)


def _report_uncovered(located: LocatedDocument, policies: PolicySet, collections: Collection[str]) -> None:
    uncovered = sorted(each for each in collections if not policies.covers(each))
    if uncovered:
        message = f"no rule speaks of {', '.join(uncovered)}: it is hidden, even from members; add a rule"
        located.report_at(("rules",), message, "warning")


def _report_unknown(located: LocatedDocument, policies: PolicySet, collections: Collection[str]) -> None:
    for index, rule in enumerate(policies.rules):
        for number, pattern in enumerate(rule.collections):
            alone = rule.model_copy(update={"collections": (pattern,)})
            if not any(alone.closeness(each) for each in collections):
                message = f"{pattern} is no collection{did_you_mean(pattern, collections)}"
                located.report_at(("rules", index, "collections", number), message, "warning")


def _report_competing(located: LocatedDocument, policies: PolicySet, collections: Collection[str]) -> None:
    """Report rules that name a collection equally specifically for a category: only their order decides."""
    reported: set[tuple[int, int]] = set()
    for collection in sorted(collections):
        for category in Category:
            for first, second in pairwise(policies.closest(collection, category)):
                if (first, second) not in reported:
                    reported.add((first, second))
                    _report_second(located, first, second, f"{collection} and {category}")


def _report_second(located: LocatedDocument, first: int, second: int, what: str) -> None:
    line = located.keys[("rules", first)][0]
    message = f"the rule in line {line} speaks of {what} as well and goes before this one: take it out of one of them"
    located.report_at(("rules", second), message, "warning")
