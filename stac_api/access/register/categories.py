"""The kinds of entities and frameworks, the roles of people, and the categories in which these can act."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from stac_api.access.policy import Category


class EntityKind(StrEnum):
    """What an entity is."""

    SCIENCE = "science"  #: laboratory, university, research organisation
    PUBLIC = "public"  #: authority, agency, or association with a mission of public interest
    FIRM = "firm"


class EntityState(StrEnum):
    """The state of an entity."""

    APPLIED = "applied"
    COMPLIANT = "compliant"  #: its papers are in order
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class Role(StrEnum):
    """The role of a person in an entity."""

    USER = "user"
    REFERENT = "referent"  #: validates the applications of the others
    LEGAL_REPRESENTATIVE = "legal_representative"


class FrameworkKind(StrEnum):
    """A kind of time-limited cooperation."""

    MISSION = "mission"  #: work of a contractor for a French public actor
    PARTNERSHIP = "partnership"  #: of a foreign scientific organisation with a French actor
    PROJECT = "project"


FRANCE = "FR"

#: Member states of the European Union except France, by ISO 3166-1 alpha-2.
REST_OF_THE_UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905 - to be read
)

_IN_FRANCE: Mapping[EntityKind, tuple[Category, ...]] = {
    EntityKind.SCIENCE: (Category.SCI_FR, Category.PUB_FR),
    EntityKind.PUBLIC: (Category.PUB_FR, Category.SCI_FR),
    EntityKind.FIRM: (Category.PRIV_RD_FR, Category.PRIV_PSP_FR, Category.PRIV_OTHER),
}

#: These categories derive from another's rights: they last only as long as the framework between the two.
NEEDED_FRAMEWORK: Mapping[Category, FrameworkKind] = {
    Category.PRIV_PSP_FR: FrameworkKind.MISSION,
    Category.SCI_INTL: FrameworkKind.PARTNERSHIP,
}


def categories_of(kind: EntityKind, country: str) -> tuple[Category, ...]:
    """The categories that people of such an entity can be granted; for science and public actors, the usual one first.

    Args:
        kind: Of the entity.
        country: Of the entity, ISO 3166-1 alpha-2.
    """
    if country == FRANCE:
        return _IN_FRANCE[kind]
    if kind is EntityKind.FIRM:
        return (Category.PRIV_OTHER,)
    if kind is EntityKind.PUBLIC:
        return ()
    return (Category.SCI_EU, Category.SCI_INTL) if country in REST_OF_THE_UNION else (Category.SCI_INTL,)


def usual_category(kind: EntityKind, country: str) -> Category | None:
    """The default category for people of such an entity; None where it must be given.

    A firm must say what it needs images for, and a category that needs a framework must name it.
    """
    possible = categories_of(kind, country)
    if not possible or kind is EntityKind.FIRM or possible[0] in NEEDED_FRAMEWORK:
        return None
    return possible[0]
