"""The public documents about rules: what holds, when and for whom, without what the reader cannot see."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime

from pydantic import BaseModel, Field

from stac_api.access.authorize import Action, Reason
from stac_api.access.explanation import Outcome
from stac_api.access.policy import Category, Download, Exclusion, Ordering, PolicySet, QuotaRule, Rule, TariffRule
from stac_api.access.rules.in_force import Period


class RuleLink(BaseModel):
    """A link in these documents."""

    rel: str
    href: str
    type: str = "application/json"
    title: str | None = None


class Validity(BaseModel):
    """A policy set: one decision of the institution, and when it holds."""

    id: str
    valid: tuple[datetime, datetime | None] = Field(description="From when until when; null: until further notice.")
    href: str


class Decided(BaseModel):
    """A policy set, and where it comes from."""

    id: str
    valid: tuple[datetime, datetime | None] = Field(description="From when until when; null: until further notice.")
    source_document: str
    decided_on: date | None
    approved_by: str


class LicenceReference(BaseModel):
    """A version of a licence."""

    id: str
    version: int
    href: str


class RuleTold(BaseModel):
    """What some categories may do with some collections."""

    collections: list[str]
    categories: list[Category]
    visibility: str = Field(description="hidden; metadata: Items and thumbnails; full: overviews as well.")
    download: Download
    order: Ordering
    licence: LicenceReference | None
    exclusion: Exclusion | None = Field(description="An area whose images are not given out.")
    quota: QuotaRule | None
    tariff: TariffRule | None
    source: str
    assumptions: list[str]


class PolicySetTold(Decided):
    """The rules of a set for the collections that the reader sees."""

    notes: list[str] | None = Field(description="Told to those who see the whole catalogue.")
    rules: list[RuleTold]


class Policies(BaseModel):
    """The rules at a time, and the sets before and after."""

    in_force: PolicySetTold | None = Field(description="Null: none, so that everything is hidden.")
    sets: list[Validity]
    links: list[RuleLink]


class Access(BaseModel):
    """Who may do what with a collection."""

    collection: str
    policy_set: Decided | None
    rules: list[RuleTold] = Field(description="A category that no rule names has the rights of PUBLIC.")
    obeys: list[str] = Field(description="Of stereo sets: the collections of their images, whose rules hold as well.")
    links: list[RuleLink]


class QuotaTold(BaseModel):
    """What is free of charge for some categories, and what is paid beyond it."""

    categories: list[Category]
    order: Ordering
    quota: QuotaRule | None = Field(description="Null: nothing is free of charge.")
    tariff: TariffRule | None = Field(description="Null: no price is known.")
    source: str


class Quota(BaseModel):
    """What can be ordered from a collection, and at what price."""

    collection: str
    policy_set: Decided | None
    quotas: list[QuotaTold]
    links: list[RuleLink]


class LicenceTold(BaseModel):
    """A version of a licence."""

    id: str
    version: int
    kind: str
    title: str
    spdx: str | None
    href: str
    text: str
    digest: str = Field(description="SHA-256 of the text in UTF-8, in hexadecimal.")
    published_at: datetime
    links: list[RuleLink]


class Answer(BaseModel):
    """Whether somebody of the category may do one thing."""

    action: Action
    outcome: Outcome
    reasons: list[Reason]
    text: str
    rule: str


class Eligibility(BaseModel):
    """What somebody of a category may do with a collection."""

    collection: str
    category: Category
    policy_set: str | None
    language: str
    answers: list[Answer]


class RuleTeller:
    """Tells the rules of one set.

    Args:
        policies: The set.
        period: When it holds.
        base_url: Of the API, with a final slash.
    """

    def __init__(self, policies: PolicySet, period: Period, base_url: str) -> None:
        self.policies = policies
        self.period = period
        self.base_url = base_url

    def decided(self) -> Decided:
        """The set without its rules."""
        return Decided(
            id=self.policies.id,
            valid=(self.period.begins, self.period.ends),
            source_document=self.policies.source_document,
            decided_on=self.policies.decided_on,
            approved_by=self.policies.approved_by,
        )

    def policy_set(self, seen: Collection[str], *, with_notes: bool) -> PolicySetTold:
        """The set, as far as it concerns visible collections."""
        rules = [
            self._told(rule, named) for rule in self.policies.rules if (named := sorted(filter(rule.closeness, seen)))
        ]
        notes = list(self.policies.notes) if with_notes else None
        return PolicySetTold(**self.decided().model_dump(), notes=notes, rules=rules)

    def access(self, collection: str) -> list[RuleTold]:
        """The rules that decide on a collection, each with the categories for which it does."""
        return [self._told(rule, [collection], categories) for rule, categories in self._deciding(collection)]

    def quotas(self, collection: str) -> list[QuotaTold]:
        """What can be ordered from a collection."""
        return [
            QuotaTold(
                categories=categories,
                order=rule.order,
                quota=self.policies.quotas[rule.quota] if rule.quota else None,
                tariff=self.policies.tariffs[rule.tariff] if rule.tariff else None,
                source=rule.source,
            )
            for rule, categories in self._deciding(collection)
            if rule.order is not Ordering.NONE or rule.quota or rule.tariff
        ]

    def licences(self, collection: str) -> list[LicenceReference]:
        """The licences of a collection's images."""
        found = [self._licence(rule) for rule, _ in self._deciding(collection)]
        return list({(each.id, each.version): each for each in found if each}.values())

    def _deciding(self, collection: str) -> Iterable[tuple[Rule, list[Category]]]:
        for index, rule in enumerate(self.policies.rules):
            categories = [each for each in rule.categories if index in self.policies.closest(collection, each)[:1]]
            if categories:
                yield rule, categories

    def _told(self, rule: Rule, collections: list[str], categories: list[Category] | None = None) -> RuleTold:
        policies = self.policies
        return RuleTold(
            collections=collections,
            categories=list(rule.categories) if categories is None else categories,
            visibility=rule.visibility,
            download=rule.download,
            order=rule.order,
            licence=self._licence(rule),
            exclusion=policies.exclusions[rule.exclusion] if rule.exclusion else None,
            quota=policies.quotas[rule.quota] if rule.quota else None,
            tariff=policies.tariffs[rule.tariff] if rule.tariff else None,
            source=rule.source,
            assumptions=list(rule.assumptions),
        )

    def _licence(self, rule: Rule) -> LicenceReference | None:
        if rule.licence is None:
            return None
        href = f"{self.base_url}licenses/{rule.licence.id}/{rule.licence.version}"
        return LicenceReference(id=rule.licence.id, version=rule.licence.version, href=href)
