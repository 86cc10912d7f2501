"""The one decision: may this principal do this to that resource, by the rules in force?

Pure and total: every question has an answer, and what no rule allows is refused. For what the caller cannot see, the
refusal is the same as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shapely import Polygon, from_wkb
from shapely.geometry.base import BaseGeometry

from stac_api.access.policy import Category, Download, LicenceRef, Ordering, PolicySet, Rule, Visibility
from stac_api.access.principal import Capacity, Principal, Scope, Signature, Standing


class Action(StrEnum):
    """What the principal wants to do."""

    VIEW = "view"  #: the Collection, its Items, thumbnails
    PREVIEW = "preview"  #: overviews and the vendor's metadata files
    DOWNLOAD = "download"
    ORDER_ARCHIVE = "order-archive"
    ORDER_TASKING = "order-tasking"


class Reason(StrEnum):
    """Why an action is refused; these words are part of the API."""

    HIDDEN = "hidden"  #: never disclosed: answered as absent
    NOT_AUTHENTICATED = "not-authenticated"
    CATEGORY_NOT_ELIGIBLE = "category-not-eligible"
    LICENCE_NOT_SIGNED = "licence-not-signed"
    DECLARATION_REQUIRED = "declaration-required"
    SPATIALLY_EXCLUDED = "spatially-excluded"
    AT_THE_ORIGIN = "at-the-origin"
    NOT_OFFERED = "not-offered"
    SCOPE_MISSING = "scope-missing"
    ENTITY_PENDING = "entity-pending"
    ENTITY_SUSPENDED = "entity-suspended"
    ENTITY_LEFT = "entity-left"
    MEMBERSHIP_UNCONFIRMED = "membership-unconfirmed"
    MEMBERSHIP_ENDED = "membership-ended"
    FRAMEWORK_ENDED = "framework-ended"
    ACCOUNT_SUSPENDED = "account-suspended"


@dataclass(frozen=True, kw_only=True)
class Resource:
    """The object of a question: a collection, or one of its Items with its footprint."""

    collection: str
    view_collections: frozenset[str] = frozenset()  #: of a stereo set: the collections of its views
    geometry: BaseGeometry | None = None  #: WGS 84, longitude first; None for a collection

    @classmethod
    def of_item(cls, collection: str, view_collections: Iterable[str] | None, geometry: bytes | None) -> Resource:
        """An Item of a collection, by what the database has of it; the geometry as WKB."""
        return cls(
            collection=collection,
            view_collections=frozenset(view_collections or ()),
            geometry=from_wkb(geometry) if geometry else None,
        )

    @property
    def collections(self) -> frozenset[str]:
        """The collections whose rules apply to it."""
        return self.view_collections | {self.collection}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The answer, with its grounds."""

    allowed: bool
    reasons: tuple[Reason, ...] = ()  #: why not, the easiest to remedy first; empty if allowed
    capacity: Capacity | None = None  #: the capacity that the decision is about
    rule: Rule | None = None  #: the rule behind it
    policy_set: str | None = None


def authorize(principal: Principal, action: Action, resource: Resource, policies: PolicySet | None) -> Decision:
    """Decide one question.

    Args:
        principal: Who asks.
        action: What they want to do.
        resource: With what. To a stereo set, the rules of all its views apply.
        policies: The set in force at the time in question; None if there is none, which hides everything.
    """
    if policies is None:
        return Decision(allowed=False, reasons=(Reason.HIDDEN,))
    answers = [_decided(principal, action, each, resource, policies) for each in sorted(resource.collections)]
    refused = [each for each in answers if not each.allowed]
    hidden = [each for each in refused if Reason.HIDDEN in each.reasons]
    return (hidden or refused or answers)[0]


def views_filter(sets: Iterable[str], collections: Iterable[str]) -> dict[str, Any]:
    """CQL2 (JSON) that lets stereo sets pass only if all their views are in visible collections.

    Args:
        sets: The collections of stereo sets, in which Items without views do not pass; Items of other collections do.
        collections: All visible collections, at least one.
    """
    of_sets = {"op": "in", "args": [{"property": "collection"}, sorted(sets)]}
    seen = {"op": "a_containedBy", "args": [{"property": "dinamis:view_collections"}, sorted(collections)]}
    return {"op": "or", "args": [{"op": "not", "args": [of_sets]}, seen]}


@dataclass(frozen=True, kw_only=True)
class _Question:
    """One question to one rule."""

    principal: Principal
    capacity: Capacity
    action: Action
    collection: str
    geometry: BaseGeometry | None
    policies: PolicySet

    @property
    def rule(self) -> Rule | None:
        return self.policies.rule_for(self.collection, self.capacity.category)

    def has_signed(self, licence: LicenceRef) -> bool:
        wanted = Signature(licence=licence.id, version=licence.version, entity=self.capacity.entity)
        return wanted in self.principal.signatures

    def not_eligible(self, is_offered: Callable[[Rule], bool]) -> Reason:
        """Why the principal does not have a right that others may have."""
        rules = (self.policies.rule_for(self.collection, each) for each in Category)
        if not any(is_offered(rule) for rule in rules if rule):
            return Reason.NOT_OFFERED
        return Reason.NOT_AUTHENTICATED if self.principal.is_anonymous else Reason.CATEGORY_NOT_ELIGIBLE


def _decided(
    principal: Principal, action: Action, collection: str, resource: Resource, policies: PolicySet
) -> Decision:
    if principal.is_operator and action in (Action.VIEW, Action.PREVIEW):
        # Operators see all of the catalogue, whether rules cover it or not.
        return Decision(allowed=True, policy_set=policies.id)
    if policies.visibility(collection, principal.categories) is Visibility.HIDDEN and not principal.is_operator:
        return Decision(allowed=False, reasons=(Reason.HIDDEN,), policy_set=policies.id)
    answers = [
        _answer(
            _Question(
                principal=principal,
                capacity=each,
                action=action,
                collection=collection,
                geometry=resource.geometry,
                policies=policies,
            )
        )
        for each in _asked(principal)
    ]
    return next((each for each in answers if each.allowed), None) or _most_helpful(answers)


def _asked(principal: Principal) -> tuple[Capacity, ...]:
    """Every capacity: one that does not count now still shows what can be remedied."""
    return (*principal.counting, *(each for each in principal.capacities if each.standing is not Standing.GOOD))


def _answer(question: _Question) -> Decision:
    reasons = tuple(_refusals(question))
    return Decision(
        allowed=not reasons,
        reasons=reasons,
        capacity=question.capacity,
        rule=question.rule,
        policy_set=question.policies.id,
    )


def _refusals(question: _Question) -> list[Reason]:
    rule = question.rule
    if rule is None or rule.seen is Visibility.HIDDEN:
        # An operator sees it anyway, and learns why no more is allowed.
        return [Reason.CATEGORY_NOT_ELIGIBLE if question.principal.is_operator else Reason.HIDDEN]
    reasons = _REFUSALS[question.action](question, rule)
    if question.capacity.standing is not Standing.GOOD:
        return [Reason(question.capacity.standing.value), *reasons]
    return reasons


def _view_refusals(_question: _Question, _rule: Rule) -> list[Reason]:
    return []


def _preview_refusals(question: _Question, rule: Rule) -> list[Reason]:
    return [] if rule.seen is Visibility.FULL else _download_refusals(question, rule)


def _download_refusals(question: _Question, rule: Rule) -> list[Reason]:
    if rule.download not in _NOT_FROM_HERE and _is_excluded(question, rule):
        return [Reason.SPATIALLY_EXCLUDED]  # nothing can remedy this
    reasons = _DOWNLOAD_REFUSALS[rule.download](question, rule)
    if not reasons and rule.download is not Download.QUESTIONNAIRE and Scope.DOWNLOAD not in question.principal.scopes:
        reasons = [Reason.SCOPE_MISSING]
    return reasons


def _is_excluded(question: _Question, rule: Rule) -> bool:
    if rule.exclusion is None or question.geometry is None:
        return False
    return bool(question.geometry.intersects(Polygon(question.policies.exclusions[rule.exclusion].polygon)))


def _no_download(question: _Question, _rule: Rule) -> list[Reason]:
    return [question.not_eligible(lambda rule: rule.download is not Download.NONE)]


def _at_the_origin(_question: _Question, _rule: Rule) -> list[Reason]:
    return [Reason.AT_THE_ORIGIN]


def _undeclared(question: _Question, rule: Rule) -> list[Reason]:
    # Signing the licence as a member includes accepting it.
    licence = rule.licence
    is_accepted = licence is not None and (
        (licence.id, licence.version) in question.principal.declared or question.has_signed(licence)
    )
    return [] if is_accepted else [Reason.DECLARATION_REQUIRED]


def _unsigned(question: _Question, rule: Rule) -> list[Reason]:
    is_signed = rule.licence is not None and question.has_signed(rule.licence)
    return [] if is_signed else [Reason.LICENCE_NOT_SIGNED]


def _order_refusals(kind: Ordering) -> Callable[[_Question, Rule], list[Reason]]:
    def refusals(question: _Question, rule: Rule) -> list[Reason]:
        if rule.order in (kind, Ordering.BOTH):
            return []
        if rule.order is Ordering.EXTERNAL:
            return [Reason.AT_THE_ORIGIN]
        return [question.not_eligible(lambda other: other.order in (kind, Ordering.BOTH, Ordering.EXTERNAL))]

    return refusals


_NOT_FROM_HERE = frozenset({Download.NONE, Download.EXTERNAL})

_DOWNLOAD_REFUSALS: Mapping[Download, Callable[[_Question, Rule], list[Reason]]] = {
    Download.NONE: _no_download,
    Download.EXTERNAL: _at_the_origin,
    Download.QUESTIONNAIRE: _undeclared,
    Download.MEMBER: lambda _question, _rule: [],
    Download.MEMBER_SIGNED: _unsigned,
}

_REFUSALS: Mapping[Action, Callable[[_Question, Rule], list[Reason]]] = {
    Action.VIEW: _view_refusals,
    Action.PREVIEW: _preview_refusals,
    Action.DOWNLOAD: _download_refusals,
    Action.ORDER_ARCHIVE: _order_refusals(Ordering.ARCHIVE),
    Action.ORDER_TASKING: _order_refusals(Ordering.TASKING),
}

#: Of several refusals, the one easiest to remedy is given.
_EASE = (
    Reason.DECLARATION_REQUIRED,
    Reason.LICENCE_NOT_SIGNED,
    Reason.SCOPE_MISSING,
    Reason.AT_THE_ORIGIN,
    Reason.MEMBERSHIP_UNCONFIRMED,
    Reason.ENTITY_PENDING,
    Reason.MEMBERSHIP_ENDED,
    Reason.FRAMEWORK_ENDED,
    Reason.ENTITY_SUSPENDED,
    Reason.ENTITY_LEFT,
    Reason.ACCOUNT_SUSPENDED,
    Reason.SPATIALLY_EXCLUDED,
    Reason.NOT_AUTHENTICATED,
    Reason.CATEGORY_NOT_ELIGIBLE,
    Reason.NOT_OFFERED,
    Reason.HIDDEN,
)


def _most_helpful(answers: list[Decision]) -> Decision:
    return min(answers, key=lambda each: max(_EASE.index(reason) for reason in each.reasons))
