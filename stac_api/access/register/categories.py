"""What entities, frameworks and people in them can be, and in what qualities these can act."""

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
    """How an entity stands."""

    APPLIED = "applied"
    COMPLIANT = "compliant"  #: its papers are in order
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


class Role(StrEnum):
    """What somebody is in an entity."""

    USER = "user"
    REFERENT = "referent"  #: validates the applications of the others
    LEGAL_REPRESENTATIVE = "legal_representative"


class FrameworkKind(StrEnum):
    """What binds people together for a time."""

    MISSION = "mission"  #: work of a contractor for a French public actor
    PARTNERSHIP = "partnership"  #: of a foreign scientific organisation with a French actor
    PROJECT = "project"


FRANCE = "FR"

#: Its member states but France, by ISO 3166-1 alpha-2.
REST_OF_THE_UNION = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905 - to be read
)

_IN_FRANCE: Mapping[EntityKind, tuple[Category, ...]] = {
    EntityKind.SCIENCE: (Category.SCI_FR, Category.PUB_FR),
    EntityKind.PUBLIC: (Category.PUB_FR, Category.SCI_FR),
    EntityKind.FIRM: (Category.PRIV_RD_FR, Category.PRIV_PSP_FR, Category.PRIV_OTHER),
}

#: These rights derive from somebody else's: they are only as long as what binds the two.
NEEDED_FRAMEWORK: Mapping[Category, FrameworkKind] = {
    Category.PRIV_PSP_FR: FrameworkKind.MISSION,
    Category.SCI_INTL: FrameworkKind.PARTNERSHIP,
}


def categories_of(kind: EntityKind, country: str) -> tuple[Category, ...]:
    """The categories that people of such an entity can be granted; of scientists and public actors the usual one first.

    Args:
        kind: What it is.
        country: Where, ISO 3166-1 alpha-2.
    """
    if country == FRANCE:
        return _IN_FRANCE[kind]
    if kind is EntityKind.FIRM:
        return (Category.PRIV_OTHER,)
    if kind is EntityKind.PUBLIC:
        return ()
    return (Category.SCI_EU, Category.SCI_INTL) if country in REST_OF_THE_UNION else (Category.SCI_INTL,)


def usual_category(kind: EntityKind, country: str) -> Category | None:
    """What people of such an entity are granted when nobody says otherwise; None where it must be said.

    A firm must say what it needs images for, and what needs a framework must name it.
    """
    possible = categories_of(kind, country)
    if not possible or kind is EntityKind.FIRM or possible[0] in NEEDED_FRAMEWORK:
        return None
    return possible[0]
