"""Decisions in words, in French and English: what somebody may do, on which condition or why not, by which rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from stac_api.access.authorize import Action, Decision, Reason, Resource, authorize
from stac_api.access.policy import Category, PolicySet
from stac_api.access.principal import ANONYMOUS, Capacity, Principal

Language = Literal["fr", "en"]
Outcome = Literal["allowed", "on-condition", "refused"]

#: Reasons that anybody who is otherwise entitled can remedy at once.
_CONDITIONS = frozenset({Reason.LICENCE_NOT_SIGNED, Reason.DECLARATION_REQUIRED})

#: An anonymous person.
_SOMEBODY = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One decision in words."""

    action: Action
    decision: Decision

    @property
    def outcome(self) -> Outcome:
        """Whether it is allowed, or only a formality is missing."""
        if self.decision.allowed:
            return "allowed"
        return "on-condition" if _CONDITIONS.issuperset(self.decision.reasons) else "refused"

    def text(self, language: Language) -> str:
        """A few sentences: the answer, then its reasons."""
        answer = f"{_ACTIONS[language][self.action]} : " if language == "fr" else f"{_ACTIONS[language][self.action]}: "
        reasons = [_REASONS[language][each] for each in self.decision.reasons]
        return " ".join([f"{answer}{_OUTCOMES[language][self.outcome]}.", *reasons])


def explanations(principal: Principal, resource: Resource, policies: PolicySet | None) -> list[Explanation]:
    """What somebody may do with a collection or an Item, action by action."""
    return [Explanation(action=each, decision=authorize(principal, each, resource, policies)) for each in Action]


def somebody_of(category: Category) -> Principal:
    """A principal who acts in this category, whose membership counts, and who has signed nothing yet."""
    if category is Category.PUBLIC:
        return ANONYMOUS
    return Principal(credential="bearer", person=_SOMEBODY, capacities=(Capacity(category=category),))


def rule_words(decision: Decision, policies: PolicySet | None, language: Language) -> str:
    """The rule behind a decision."""
    if decision.rule is None or policies is None:
        return _NO_RULE[language]
    rule = decision.rule
    return _RULE[language].format(
        set=policies.id,
        begins=policies.valid_from,
        categories=", ".join(rule.categories),
        collections=", ".join(rule.collections),
        source=rule.source,
    )


_ACTIONS: Mapping[Language, Mapping[Action, str]] = {
    "en": {
        Action.VIEW: "Seeing it",
        Action.PREVIEW: "Overviews and the vendor's metadata",
        Action.DOWNLOAD: "Downloading",
        Action.ORDER_ARCHIVE: "Ordering from the archive",
        Action.ORDER_TASKING: "Ordering a new acquisition",
    },
    "fr": {
        Action.VIEW: "Consultation",
        Action.PREVIEW: "Aperçus et métadonnées du producteur",
        Action.DOWNLOAD: "Téléchargement",
        Action.ORDER_ARCHIVE: "Commande d’archive",
        Action.ORDER_TASKING: "Commande d’une nouvelle acquisition",
    },
}

_OUTCOMES: Mapping[Language, Mapping[Outcome, str]] = {
    "en": {"allowed": "yes", "on-condition": "yes, on a condition", "refused": "no"},
    "fr": {"allowed": "oui", "on-condition": "oui, sous condition", "refused": "non"},
}

_NO_RULE: Mapping[Language, str] = {
    "en": "No rule speaks of it, so it is hidden.",
    "fr": "Aucune règle n’en parle : elle est donc cachée.",
}

_RULE: Mapping[Language, str] = {
    "en": "Rule of {set} (in force from {begins:%Y-%m-%d}) for {categories} on {collections}; source: {source}",
    "fr": "Règle de {set} (en vigueur depuis le {begins:%d/%m/%Y}) pour {categories} sur {collections} ; "
    "source : {source}",
}

_REASONS: Mapping[Language, Mapping[Reason, str]] = {
    "en": {
        Reason.HIDDEN: "The collection is hidden.",
        Reason.NOT_AUTHENTICATED: "Only members may, after login.",
        Reason.CATEGORY_NOT_ELIGIBLE: "The category is not entitled to it.",
        Reason.LICENCE_NOT_SIGNED: "The current version of the licence must be signed first.",
        Reason.DECLARATION_REQUIRED: "The short questionnaire must be answered and the licence accepted first.",
        Reason.SPATIALLY_EXCLUDED: "The image lies in an area whose images are not given out.",
        Reason.AT_THE_ORIGIN: "It is to be had at its origin, by the rules there.",
        Reason.NOT_OFFERED: "It is not offered to anybody.",
        Reason.SCOPE_MISSING: "The API key is not for this: it lacks the scope.",
        Reason.ENTITY_PENDING: "The membership of the entity is not active yet.",
        Reason.ENTITY_SUSPENDED: "The membership of the entity is suspended.",
        Reason.ENTITY_LEFT: "The entity is no longer a member.",
        Reason.MEMBERSHIP_UNCONFIRMED: "The place in the entity is not confirmed yet.",
        Reason.MEMBERSHIP_ENDED: "The place in the entity has ended.",
        Reason.FRAMEWORK_ENDED: "The mission or partnership has ended.",
        Reason.ACCOUNT_SUSPENDED: "The account is suspended.",
    },
    "fr": {
        Reason.HIDDEN: "La collection est cachée.",
        Reason.NOT_AUTHENTICATED: "C’est réservé aux membres, après connexion.",
        Reason.CATEGORY_NOT_ELIGIBLE: "La catégorie n’y a pas droit.",
        Reason.LICENCE_NOT_SIGNED: "La version en vigueur de la licence doit d’abord être signée.",
        Reason.DECLARATION_REQUIRED: "Il faut d’abord répondre au court questionnaire et accepter la licence.",
        Reason.SPATIALLY_EXCLUDED: "L’image est dans une zone dont les images ne sont pas diffusées.",
        Reason.AT_THE_ORIGIN: "Cela s’obtient auprès du service d’origine, selon ses règles.",
        Reason.NOT_OFFERED: "Ce n’est proposé à personne.",
        Reason.SCOPE_MISSING: "La clé d’API n’est pas prévue pour cela : il lui manque la portée.",
        Reason.ENTITY_PENDING: "L’adhésion de l’entité n’est pas encore active.",
        Reason.ENTITY_SUSPENDED: "L’adhésion de l’entité est suspendue.",
        Reason.ENTITY_LEFT: "L’entité n’est plus membre.",
        Reason.MEMBERSHIP_UNCONFIRMED: "Le rattachement à l’entité n’est pas encore confirmé.",
        Reason.MEMBERSHIP_ENDED: "Le rattachement à l’entité a pris fin.",
        Reason.FRAMEWORK_ENDED: "La mission ou le partenariat a pris fin.",
        Reason.ACCOUNT_SUSPENDED: "Le compte est suspendu.",
    },
}
