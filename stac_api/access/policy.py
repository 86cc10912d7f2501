"""The institution's decisions: a policy set says who may do what with which collection from a date on.

A set is one decision. It is written as YAML in `collections/rules/`, stored in the database, and read from there; the
same model reads both. Each rule cites the document that it comes from; what no document states is an assumption.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from enum import IntEnum, StrEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from database.documents.forms import Form

Identifier = Annotated[
    str,
    Form(
        r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$",
        "at most 100 letters without accents, digits, dots, hyphens and underscores, a letter or digit first",
    ),
]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]


class Category(StrEnum):
    """The category in which somebody acts: granted in an entity for a time, and for some in a framework."""

    PUBLIC = "PUBLIC"  #: everybody, without an account
    SCI_FR = "SCI_FR"  #: French scientist
    PUB_FR = "PUB_FR"  #: French public actor
    PRIV_RD_FR = "PRIV_RD_FR"  #: French firm, for research and development
    PRIV_PSP_FR = "PRIV_PSP_FR"  #: contractor of a French public actor, for the time of the mission
    SCI_EU = "SCI_EU"  #: scientist of the European Union
    SCI_INTL = "SCI_INTL"  #: foreign scientist in a partnership with a French actor
    PRIV_OTHER = "PRIV_OTHER"  #: any other firm


class Visibility(IntEnum):
    """How much of a collection can be seen; each level includes the previous ones."""

    HIDDEN = 0  #: nothing, as if it did not exist
    METADATA = 1  #: the Collection, its Items, their footprints and thumbnails
    FULL = 2  #: also the overviews and the vendor's metadata files


class Download(StrEnum):
    """On which condition the images of a collection can be downloaded."""

    NONE = "none"
    EXTERNAL = "external"  #: at the source, by its rules
    QUESTIONNAIRE = "questionnaire"  #: by anybody who has answered the questionnaire and accepted the licence
    MEMBER = "member"  #: by members
    MEMBER_SIGNED = "member_signed"  #: by members who signed the current version of the licence


class Ordering(StrEnum):
    """What can be ordered."""

    NONE = "none"
    EXTERNAL = "external"  #: from the vendor directly
    ARCHIVE = "archive"
    TASKING = "tasking"
    BOTH = "both"


class RuleDocument(BaseModel):
    """Handwritten rules and licences: unknown keys are refused, and instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LicenceRef(RuleDocument):
    """A version of a licence."""

    id: Identifier
    version: Annotated[int, Field(ge=1)]


class Exclusion(RuleDocument):
    """An area whose images are not given out under the rules that refer to it."""

    title: str
    polygon: tuple[tuple[Longitude, Latitude], ...] = Field(min_length=4, description="A closed ring, WGS 84.")
    source: str

    @model_validator(mode="after")
    def _closed(self) -> Self:
        if self.polygon[0] != self.polygon[-1]:
            raise ValueError("the last point of an excluded area must be its first one")
        return self


class QuotaRule(RuleDocument):
    """How much is free of charge."""

    unit: Literal["km2", "credit"]
    amount: Annotated[Decimal, Field(ge=0)]
    credit_km2: Annotated[Decimal, Field(gt=0)] = Decimal(3600)
    scope: Literal["user", "demand", "user_demand", "entity"]
    period: Literal["none", "quarter", "year"]
    debit_event: Literal["attempt", "order", "delivery"]
    discretionary: bool = Field(description="Whether somebody grants it, in view of the project and the budget.")
    multiplier_follows_price: bool = Field(False, description="Whether stereo uses it up twice, tri-stereo thrice.")
    source: str
    assumptions: tuple[str, ...] = ()


class Tranche(RuleDocument):
    """An amount at a fixed price."""

    km2: Annotated[Decimal, Field(gt=0)]
    eur: Annotated[Decimal, Field(ge=0)]


class TariffRule(RuleDocument):
    """The price beyond the quota, or without one; VAT is not included."""

    archive_eur_per_km2: Annotated[Decimal, Field(ge=0)] | None = None
    tasking_eur_per_km2: Annotated[Decimal, Field(ge=0)] | None = None
    stereo_factor: Annotated[Decimal, Field(ge=1)] = Decimal(2)
    tristereo_factor: Annotated[Decimal, Field(ge=1)] = Decimal(3)
    minimum_km2: Annotated[Decimal, Field(ge=0)] = Decimal(0)
    tranches: tuple[Tranche, ...] = ()
    payer: str | None = Field(None, description="Who shares in the costs.")
    source: str
    assumptions: tuple[str, ...] = ()


class Rule(RuleDocument):
    """What some categories may do with some collections."""

    collections: tuple[str, ...] = Field(min_length=1, description="Ids, or patterns such as `airbus-archive-*`.")
    categories: tuple[Category, ...] = Field(min_length=1)
    visibility: Literal["hidden", "metadata", "full"]
    download: Download = Download.NONE
    order: Ordering = Ordering.NONE
    licence: LicenceRef | None = None
    exclusion: Identifier | None = None
    quota: Identifier | None = None
    tariff: Identifier | None = None
    source: str = Field(description="The document that states it, and where.")
    assumptions: tuple[str, ...] = Field((), description="What no document states.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        needs_licence = self.download in (Download.QUESTIONNAIRE, Download.MEMBER_SIGNED)
        if needs_licence and self.licence is None:
            raise ValueError(f"download: {self.download} needs a licence")
        if self.visibility == "hidden" and (self.download != Download.NONE or self.order != Ordering.NONE):
            raise ValueError("what is hidden can be neither downloaded nor ordered")
        return self

    @property
    def seen(self) -> Visibility:
        """The visibility as a level."""
        return Visibility[self.visibility.upper()]

    def closeness(self, collection: str) -> tuple[bool, int] | None:
        """How specifically it names a collection: by its id, else by the longest pattern; None if not at all."""
        closeness = [
            (pattern == collection, len(pattern)) for pattern in self.collections if fnmatchcase(collection, pattern)
        ]
        return max(closeness, default=None)


class PolicySet(RuleDocument):
    """All rules in force from one date until the next set.

    A set that was active is never changed in the database, and every later release reads it: so new fields have
    defaults, and no field is removed.
    """

    id: Identifier = Field(description="The period that it is for, such as `2024-Q4`.")
    valid_from: AwareDatetime
    source_document: str
    decided_on: date | None = None
    approved_by: str
    notes: tuple[str, ...] = Field((), description="Conflicts between documents and how they were resolved.")
    exclusions: dict[Identifier, Exclusion] = {}
    quotas: dict[Identifier, QuotaRule] = {}
    tariffs: dict[Identifier, TariffRule] = {}
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _refers_to_what_it_has(self) -> Self:
        for rule in self.rules:
            for kind, name, known in (
                ("exclusion", rule.exclusion, self.exclusions),
                ("quota", rule.quota, self.quotas),
                ("tariff", rule.tariff, self.tariffs),
            ):
                if name is not None and name not in known:
                    raise ValueError(
                        f"a rule of {', '.join(rule.collections)} names the {kind} {name}, which is not there"
                    )
        return self

    def rule_for(self, collection: str, category: Category) -> Rule | None:
        """The rule that decides: for the category, else for everybody; for the collection's id, else for a pattern.

        A longer pattern precedes a shorter one; of two equally long ones, the first in the file decides.
        """
        key = (collection, category)
        if key not in self._decided:
            if len(self._decided) > _MOST_REMEMBERED:
                self._decided.clear()
            self._decided[key] = self._most_specific(collection, category) or (
                self._most_specific(collection, Category.PUBLIC) if category != Category.PUBLIC else None
            )
        return self._decided[key]

    def covers(self, collection: str) -> bool:
        """Whether any rule names the collection; otherwise it is hidden."""
        return any(rule.closeness(collection) is not None for rule in self.rules)

    def shows_everything(self, categories: Collection[Category]) -> bool:
        """Whether these categories see any possible collection: no rule that could decide for them hides one."""
        asked = {*categories, Category.PUBLIC}
        deciding = [rule for rule in self.rules if asked.intersection(rule.categories)]
        is_covered = any("*" in rule.collections for rule in deciding)
        return is_covered and all(rule.seen is not Visibility.HIDDEN for rule in deciding)

    def hides_what_others_see(self, categories: Collection[Category]) -> bool:
        """Whether the rules let other categories see something that these do not, whatever the catalogue holds."""
        spoken_of = {pattern for rule in self.rules for pattern in rule.collections}
        return any(
            self.visibility(each, categories) is Visibility.HIDDEN
            and self.visibility(each, tuple(Category)) is not Visibility.HIDDEN
            for each in spoken_of
        )

    def visibility(self, collection: str, categories: Collection[Category]) -> Visibility:
        """The highest visibility of a collection for any of the categories."""
        rules = [self.rule_for(collection, each) for each in categories]
        return max((rule.seen for rule in rules if rule), default=Visibility.HIDDEN)

    def closest(self, collection: str, category: Category) -> list[int]:
        """Indices of the rules that name the collection most specifically for the category; the first one decides."""
        found = [
            (closeness, index)
            for index, rule in enumerate(self.rules)
            if category in rule.categories and (closeness := rule.closeness(collection)) is not None
        ]
        most = max((closeness for closeness, _ in found), default=None)
        return [index for closeness, index in found if closeness == most]

    def _most_specific(self, collection: str, category: Category) -> Rule | None:
        closest = self.closest(collection, category)
        return self.rules[closest[0]] if closest else None

    @cached_property
    def _decided(self) -> dict[tuple[str, Category], Rule | None]:
        return {}


#: Ids of collections also come from requests: so the cache is bounded.
_MOST_REMEMBERED = 10_000
