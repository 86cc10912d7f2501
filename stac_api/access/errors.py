"""Errors of access: the docstring is the message, the argument says where and what."""

from __future__ import annotations


class AccessError(Exception):
    """Rights cannot be read or changed like this."""

    def __str__(self) -> str:
        detail = super().__str__()
        summary = (type(self).__doc__ or "").strip().splitlines()[0]
        return f"{summary} {detail}".strip()


class RulesMistaken(AccessError):
    """The rules cannot be used before this is fixed."""

    def __str__(self) -> str:
        return f"{type(self).__doc__}\n{Exception.__str__(self)}"


class RulesRefused(AccessError):
    """The rules stay as they are."""


class Unknown(AccessError):
    """Nothing has this name or id:"""  # noqa: D415  # which one follows


class Ambiguous(AccessError):
    """Several have this name: give the id."""


class IdentityRefused(AccessError):
    """This is refused."""
