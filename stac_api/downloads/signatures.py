"""Signed addresses: a proof in the query of an asset's address that somebody asked for this file, until a moment.

Whoever has such an address reads the file as the one who asked for it, with the rights of that person by then; it opens
nothing else and serves for reading alone.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

from stac_api.downloads.errors import SignatureExpired, SignatureInvalid

#: What is signed beside the file: a signature of this kind reads, and nothing else.
_PURPOSE = "dinamis-1:GET,HEAD"

#: The parameters of a signed address.
PARAMETERS = ("sub", "exp", "kid", "jti", "sig")


@dataclass(frozen=True, kw_only=True)
class AssetName:
    """What an asset's address names."""

    collection: str
    item: str
    key: str

    @property
    def path(self) -> str:
        """Its path below the root of the API; no two assets have the same."""
        return "assets/" + "/".join(quote(part, safe="") for part in (self.collection, self.item, self.key))


@dataclass(frozen=True, kw_only=True)
class SigningKey:
    """A key of the server."""

    kid: str
    secret: bytes


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a signed address says, beside the file that it leads to."""

    subject: str  #: on whose behalf: `stac_api.downloads.subjects`
    expires_at: datetime  #: UTC, to the second
    jti: str  #: of this grant alone; downloads by it are recorded with it


def signed_query(asset: AssetName, grant: Grant, key: SigningKey) -> str:
    """The query that makes the asset's address a signed one."""
    fields = {"sub": grant.subject, "exp": str(int(grant.expires_at.timestamp())), "kid": key.kid, "jti": grant.jti}
    return urlencode({**fields, "sig": _signature(asset, fields, key)})


def verified_grant(asset: AssetName, query: Mapping[str, str], keys: Mapping[str, SigningKey], now: datetime) -> Grant:
    """What a signed address grants.

    Args:
        asset: The file that is asked for.
        query: The parameters of the request.
        keys: The keys that are honoured, by their ids.
        now: The time of the request.

    Raises:
        SignatureInvalid: the address was not signed like this, or its key is not honoured any more.
        SignatureExpired: it was, for a time that is over.
    """
    fields = {name: query.get(name, "") for name in PARAMETERS}
    given = fields.pop("sig")
    key = keys.get(fields["kid"])
    if key is None or not hmac.compare_digest(given.encode(), _signature(asset, fields, key).encode()):
        raise SignatureInvalid
    # Only what we signed is read: its form is ours.
    expires_at = datetime.fromtimestamp(int(fields["exp"]), UTC)
    if expires_at <= now:
        raise SignatureExpired
    return Grant(subject=fields["sub"], expires_at=expires_at, jti=fields["jti"])


def _signature(asset: AssetName, fields: Mapping[str, str], key: SigningKey) -> str:
    # Quoted, so that no value can pass for two.
    message = "\n".join([_PURPOSE, asset.path, *(f"{name}={quote(fields[name], safe='')}" for name in sorted(fields))])
    return urlsafe_b64encode(hmac.digest(key.secret, message.encode(), "sha256")).decode().rstrip("=")
