"""API keys: `dk_<id>_<secret>`. The key is found by its id, and only a digest of the secret is stored.

The whole key is URL-safe, as GDAL writes the user and password of HTTP Basic into URLs unquoted.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

PREFIX = "dk_"

_WRITTEN = re.compile(r"dk_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")

#: The digest with which an unknown key is compared, so that it takes as long as a known one.
NO_DIGEST = bytes(32)


@dataclass(frozen=True)
class ApiKey:
    """A key as given to its owner."""

    id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{PREFIX}{self.id}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """The stored digest of the secret: SHA-256; as it has 256 random bits, a slow hash would add nothing."""
        return hashlib.sha256(self.secret.encode()).digest()

    def is_of(self, digest: bytes) -> bool:
        """Whether the stored digest is that of this key's secret, compared in constant time."""
        return hmac.compare_digest(self.digest, digest)


def new_key() -> ApiKey:
    """A new key; its secret is shown once and never again."""
    return ApiKey(id=secrets.token_hex(6), secret=secrets.token_urlsafe(32))


def key_of(text: str) -> ApiKey | None:
    """The key in a text; None if it is not one."""
    match = _WRITTEN.fullmatch(text)
    return ApiKey(id=match["id"], secret=match["secret"]) if match else None


def key_of_pair(id_: str, secret: str) -> ApiKey | None:
    """The key given as a pair, as in HTTP Basic: its id, with or without the prefix, and its secret."""
    return key_of(f"{PREFIX}{id_.removeprefix(PREFIX)}_{secret}")
