"""On whose behalf an address is signed, written so that it can stand in it, and read again at each request."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from stac_api.access.credentials.resolver import principal_behind
from stac_api.access.principal import Principal, Scope
from stac_api.downloads.errors import SignatureInvalid

#: Whoever made no more than a declaration, or nothing at all, is nobody in particular.
_NOBODY = "-"
_OF_LICENCE = "~"

_SCOPES = frozenset({Scope.READ, Scope.DOWNLOAD})


def subject_of(principal: Principal) -> str:
    """The word for a principal: the pseudonym of a person, else the licences that were accepted."""
    if principal.pseudonym is not None:
        return principal.pseudonym.hex
    accepted = sorted(f"{licence}{_OF_LICENCE}{version}" for licence, version in principal.declared)
    return ",".join(accepted) or _NOBODY


async def principal_of_subject(request: Request, subject: str) -> Principal:
    """Who is meant by a word of `subject_of`, with the rights of now: those of a person may have changed since.

    Raises:
        SignatureInvalid: the person has been erased.
    """
    if subject == _NOBODY:
        return Principal(credential="signature")
    if _OF_LICENCE in subject:
        accepted = (each.split(_OF_LICENCE) for each in subject.split(","))
        declared = frozenset((licence, int(version)) for licence, version in accepted)
        return Principal(credential="signature", declared=declared)
    person = await principal_behind(request, UUID(hex=subject), credential="signature", scopes=_SCOPES)
    if person is None:
        raise SignatureInvalid
    return person
