"""What changes with a policy set: who gains or loses which right to which collection, and which prices change.

What is compared are all the rights of a person of a category: those of the category's rule, and those of everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stac_api.access.policy import Category, Download, Ordering, PolicySet, QuotaRule, Rule, Visibility
from stac_api.access.rules.words import price_words, quota_words

Effect = Literal["gains", "loses", "changes"]

NOTHING = "–"

#: In ascending order of openness.
_DOWNLOADS = (Download.NONE, Download.EXTERNAL, Download.MEMBER_SIGNED, Download.MEMBER, Download.QUESTIONNAIRE)

_ORDERS: Mapping[Ordering, frozenset[str]] = {
    Ordering.NONE: frozenset(),
    Ordering.EXTERNAL: frozenset({"external"}),
    Ordering.ARCHIVE: frozenset({"archive"}),
    Ordering.TASKING: frozenset({"tasking"}),
    Ordering.BOTH: frozenset({"archive", "tasking"}),
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One right that changes for some categories."""

    effect: Effect
    right: str  #: visibility, download, order, licence, exclusion, quota or tariff
    before: str
    after: str
    categories: tuple[Category, ...]
    collections: tuple[str, ...]

    @property
    def who(self) -> str:
        """The categories in words."""
        return "everybody" if len(self.categories) == len(Category) else ", ".join(self.categories)


@dataclass(frozen=True, kw_only=True)
class _Rights:
    """The rights of a category in a collection."""

    visibility: Visibility
    download: Download
    order: frozenset[str]
    licence: str
    exclusion: str
    quota: QuotaRule | None
    tariff: str


def changes(before: PolicySet | None, after: PolicySet | None, collections: Iterable[str]) -> list[Change]:
    """The changes from one set to another: losses first, then gains.

    Args:
        before: The set in force so far; None for none, which hides everything.
        after: The next set.
        collections: The existing collections.
    """
    found: dict[tuple[Effect, str, str, str], dict[str, set[Category]]] = {}
    for collection in sorted(collections):
        for category in Category:
            old, new = _rights(before, collection, category), _rights(after, collection, category)
            for single in _differences(old, new):
                found.setdefault(single, {}).setdefault(collection, set()).add(category)
    order: tuple[Effect, ...] = ("loses", "gains", "changes")
    return sorted(_united(found), key=lambda each: (order.index(each.effect), _RIGHTS.index(each.right)))


def _united(found: Mapping[tuple[Effect, str, str, str], Mapping[str, Collection[Category]]]) -> Iterator[Change]:
    """One change for all collections in which it is the same for the same categories."""
    for (effect, right, before, after), by_collection in found.items():
        united: dict[tuple[Category, ...], list[str]] = {}
        for collection, categories in by_collection.items():
            united.setdefault(tuple(each for each in Category if each in categories), []).append(collection)
        for categories, collections in united.items():
            yield Change(
                effect=effect,
                right=right,
                before=before,
                after=after,
                categories=categories,
                collections=tuple(collections),
            )


def _rights(policies: PolicySet | None, collection: str, category: Category) -> _Rights:
    rules = _rules(policies, collection, category)
    rule = max(rules, key=lambda each: _DOWNLOADS.index(each.download), default=None)
    own = rules[0] if rules else None
    return _Rights(
        visibility=max((each.seen for each in rules), default=Visibility.HIDDEN),
        download=rule.download if rule else Download.NONE,
        order=frozenset[str]().union(*(_ORDERS[each.order] for each in rules)),
        licence=f"{rule.licence.id} {rule.licence.version}" if rule and rule.licence else NOTHING,
        exclusion=_exclusion(policies, rule),
        quota=policies.quotas[own.quota] if policies and own and own.quota else None,
        tariff=price_words(policies.tariffs[own.tariff]) if policies and own and own.tariff else NOTHING,
    )


def _rules(policies: PolicySet | None, collection: str, category: Category) -> list[Rule]:
    """The rule of the category, then that of everybody."""
    if policies is None:
        return []
    found = (policies.rule_for(collection, each) for each in (category, Category.PUBLIC))
    return [rule for rule in found if rule]


def _exclusion(policies: PolicySet | None, rule: Rule | None) -> str:
    return policies.exclusions[rule.exclusion].title if policies and rule and rule.exclusion else NOTHING


def _differences(old: _Rights, new: _Rights) -> Iterator[tuple[Effect, str, str, str]]:
    for right, compare in _COMPARED.items():
        before, after = getattr(old, right), getattr(new, right)
        if before != after:
            yield compare(before, after), right, _words(before), _words(after)


def _by_rank(rank: Callable[[Any], float]) -> Callable[[Any, Any], Effect]:
    def compare(before: Any, after: Any) -> Effect:
        if rank(before) == rank(after):
            return "changes"
        return "gains" if rank(after) > rank(before) else "loses"

    return compare


def _by_content(before: frozenset[str], after: frozenset[str]) -> Effect:
    if before < after:
        return "gains"
    return "loses" if after < before else "changes"


def _differently(_before: str, _after: str) -> Effect:
    return "changes"


def _square_kilometres(quota: QuotaRule | None) -> float:
    return float(quota.amount * (quota.credit_km2 if quota.unit == "credit" else 1)) if quota else 0


def _words(right: Any) -> str:
    if right is None or right == frozenset():
        return NOTHING if right is None else "none"
    if isinstance(right, Visibility):
        return right.name.lower()
    if isinstance(right, QuotaRule):
        return quota_words(right)
    return " and ".join(sorted(right)) if isinstance(right, frozenset) else str(right)


_COMPARED: Mapping[str, Callable[[Any, Any], Effect]] = {
    "visibility": _by_rank(lambda seen: seen),
    "download": _by_rank(_DOWNLOADS.index),
    "order": _by_content,
    "licence": _differently,
    "exclusion": _by_rank(lambda title: title == NOTHING),
    "quota": _by_rank(_square_kilometres),
    "tariff": _differently,
}

_RIGHTS = tuple(_COMPARED)
