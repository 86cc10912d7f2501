"""Who is calling: what a credential proves about a person, in the form that the rules need."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from uuid import UUID

from stac_api.access.policy import Category


class Standing(StrEnum):
    """Whether a capacity counts now, and if not, why not."""

    GOOD = "good"
    ENTITY_PENDING = "entity-pending"
    ENTITY_SUSPENDED = "entity-suspended"
    ENTITY_LEFT = "entity-left"
    MEMBERSHIP_UNCONFIRMED = "membership-unconfirmed"
    MEMBERSHIP_ENDED = "membership-ended"
    FRAMEWORK_ENDED = "framework-ended"
    ACCOUNT_SUSPENDED = "account-suspended"


class Scope(StrEnum):
    """What a credential may be used for; a bearer token of a login has all of them."""

    READ = "read"
    DOWNLOAD = "download"
    ACCOUNT = "account"  #: to read and change one's own data


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """One capacity in which a person acts: a category, granted in an entity and, if it needs one, a framework."""

    category: Category
    entity: UUID | None = None
    framework: UUID | None = None
    standing: Standing = Standing.GOOD


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A licence signed for the person's entity."""

    licence: str
    version: int
    entity: UUID | None


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a login provider says about somebody, whether we know the person or not."""

    issuer: str
    subject: str
    email: str | None  #: for sending mail; never for identification
    name: str | None


EVERYBODY = Capacity(category=Category.PUBLIC)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """The caller of one request. Built only by the resolver of credentials."""

    credential: Literal["anonymous", "bearer", "key", "declaration", "signature"] = "anonymous"
    login: Login | None = None  #: of a bearer token; the person may not be registered here yet
    person: UUID | None = None
    pseudonym: UUID | None = None  #: under which the person's downloads are recorded
    key: str | None = None  #: id of the API key
    is_operator: bool = False
    capacities: tuple[Capacity, ...] = ()  #: besides that of everybody; includes those that do not count now
    signatures: frozenset[Signature] = frozenset()
    declared: frozenset[tuple[str, int]] = frozenset()  #: licences accepted by questionnaire: id, version
    scopes: frozenset[Scope] = field(default_factory=lambda: frozenset(Scope))

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody has logged in."""
        return self.person is None and self.login is None

    @property
    def counting(self) -> tuple[Capacity, ...]:
        """The capacities that count now; everybody's always does."""
        return (EVERYBODY, *(each for each in self.capacities if each.standing is Standing.GOOD))

    @property
    def categories(self) -> frozenset[Category]:
        """The categories of the capacities that count now."""
        return frozenset(each.category for each in self.counting)


ANONYMOUS = Principal()
