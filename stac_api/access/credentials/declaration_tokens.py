"""Tokens for answering the questionnaire: they prove that a licence was accepted, but not by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import jwt

from stac_api.access.policy import LicenceRef
from stac_api.access.principal import Principal, Scope
from stac_api.access.refusals import CredentialInvalid

PREFIX = "dod_"

#: Long enough to download many products one after another.
LIFE = timedelta(days=7)

#: Distinguishes these tokens from anything else signed with the same keys.
_AUDIENCE = "dinamis-declaration"
_ALGORITHM = "HS256"

_SCOPES = frozenset({Scope.READ, Scope.DOWNLOAD})


def new_token(licences: Iterable[LicenceRef], kid: str, secret: bytes) -> tuple[str, datetime]:
    """A token for these licences, and when it expires: UTC, to the second.

    Args:
        licences: The versions that were accepted.
        kid: Id of the signing key.
        secret: The signing key.
    """
    expires_at = (datetime.now(UTC) + LIFE).replace(microsecond=0)
    claims = {
        "aud": _AUDIENCE,
        "exp": int(expires_at.timestamp()),
        "licences": [[each.id, each.version] for each in licences],
    }
    return PREFIX + jwt.encode(claims, secret, _ALGORITHM, headers={"kid": kid}), expires_at


def declarer(token: str, keys: Mapping[str, bytes]) -> Principal:
    """The anonymous principal of a token, who has accepted its licences.

    Args:
        token: With its prefix.
        keys: The signing keys that are honoured, by their ids.

    Raises:
        CredentialInvalid: it is not one of ours, or has expired.
    """
    text = token.removeprefix(PREFIX)
    try:
        kid = jwt.get_unverified_header(text).get("kid")
        claims = jwt.decode(
            text,
            keys.get(str(kid), b""),
            algorithms=[_ALGORITHM],
            audience=_AUDIENCE,
            options={"require": ["exp", "aud"], "enforce_minimum_key_length": True},
        )
    except jwt.PyJWTError as error:
        raise CredentialInvalid("Declare again: this token is not valid, or not any more.") from error
    declared = frozenset((id_, version) for id_, version in claims["licences"])
    return Principal(credential="declaration", declared=declared, scopes=_SCOPES)
