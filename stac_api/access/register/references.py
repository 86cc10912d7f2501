"""References to entities, people and frameworks, as typed: a name, an e-mail address or an id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar
from uuid import UUID

from stac_api.access.errors import Ambiguous, Unknown


class Referable(Protocol):
    """Something with an id and a distinguishing description."""

    @property
    def id(self) -> UUID:
        """Its id."""

    def described(self) -> str:
        """A few words that distinguish it from others of the same name."""


def printable(text: str) -> str:
    """A text without terminal control characters, as people choose their own names."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


Found = TypeVar("Found", bound=Referable)

#: How many of the same name a message lists, as anybody may apply with any name.
_TOLD = 20


def id_in(reference: str) -> UUID | None:
    """The id in a reference; None if it is something else."""
    try:
        return UUID(reference)
    except ValueError:
        return None


def only_one(found: Sequence[Found], reference: str, where_to_look: str) -> Found:
    """The one that is meant.

    Raises:
        Unknown: There is none.
        Ambiguous: There are several; the message describes the first of them.
    """
    if not found:
        raise Unknown(f"{reference!r}. See {where_to_look}.")
    if len(found) > 1:
        raise Ambiguous("".join(f"\n  {each.id}  {each.described()}" for each in found[:_TOLD]))
    return found[0]
