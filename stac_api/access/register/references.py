"""What people type to mean an entity, a person or a framework: a name, an e-mail address or an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from stac_api.access.errors import Ambiguous, Unknown


class Referable(Protocol):
    """Something with an id and words that tell it from others."""

    @property
    def id(self) -> UUID:
        """Its id."""

    def described(self) -> str:
        """A few words that tell it from others of the same name."""


def printable(text: str) -> str:
    """A text without what would steer a terminal: people choose their own names."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


Found = TypeVar("Found", bound=Referable)

#: Of how many that bear one name a message speaks: anybody may ask for any name.
_TOLD = 20


def id_in(reference: str) -> UUID | None:
    """The id that somebody typed; None when it is something else."""
    try:
        return UUID(reference)
    except ValueError:
        return None


def only_one(found: Sequence[Found], reference: str, where_to_look: str) -> Found:
    """The one that is meant.

    Raises:
        Unknown: Nothing is.
        Ambiguous: Several are; the message tells the first of them apart.
    """
    if not found:
        raise Unknown(f"{reference!r}. See {where_to_look}.")
    if len(found) > 1:
        raise Ambiguous("".join(f"\n  {each.id}  {each.described()}" for each in found[:_TOLD]))
    return found[0]
