"""Who asks: what a credential proves of a person, as the rules need it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal
from uuid import UUID

from stac_api.access.policy import Category


class Standing(StrEnum):
    """Whether a capacity counts now, and if not, why."""

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
    ACCOUNT = "account"  #: to read and change what is one's own


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """One quality in which a person acts: a category, granted in an entity and, where it needs one, a framework."""

    category: Category
    entity: UUID | None = None
    framework: UUID | None = None
    standing: Standing = Standing.GOOD


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A licence that was signed, for the person's own entity."""

    licence: str
    version: int
    entity: UUID | None


@dataclass(frozen=True, kw_only=True)
class Login:
    """What a provider of logins says of somebody, whether we know the person or not."""

    issuer: str
    subject: str
    email: str | None = None  #: to write to; never to recognise somebody by
    name: str | None = None


EVERYBODY = Capacity(category=Category.PUBLIC)


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks, for one request. Built only by the resolver of credentials."""

    credential: Literal["anonymous", "bearer", "key", "declaration", "signature"] = "anonymous"
    login: Login | None = None  #: of a bearer token; there may be no person of ours behind it yet
    person: UUID | None = None
    pseudonym: UUID | None = None  #: under which downloads of the person are recorded
    key: str | None = None  #: id of the API key
    is_operator: bool = False
    capacities: tuple[Capacity, ...] = ()  #: beside that of everybody, also those that do not count now
    signatures: frozenset[Signature] = frozenset()
    declared: frozenset[tuple[str, int]] = frozenset()  #: licences accepted with the questionnaire: id, version
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
