"""API keys: `dk_<id>_<secret>`. The id finds the key, and only a digest of the secret is kept.

All of it is of the URL-safe alphabet: GDAL writes the user and password of HTTP Basic into URLs as they are.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

PREFIX = "dk_"

_WRITTEN = re.compile(r"dk_(?P<id>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})")

#: What the secret of an unknown key is held against, so that it takes the time of a known one.
NO_DIGEST = bytes(32)


@dataclass(frozen=True)
class ApiKey:
    """A key as its owner has it."""

    id: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return f"{PREFIX}{self.id}_{self.secret}"

    @property
    def digest(self) -> bytes:
        """What is kept of the secret: SHA-256; with 256 bits of chance in it, a slow hash would add nothing."""
        return hashlib.sha256(self.secret.encode()).digest()

    def is_of(self, digest: bytes) -> bool:
        """Whether the kept digest is that of this key's secret, in a time that does not tell how nearly."""
        return hmac.compare_digest(self.digest, digest)


def new_key() -> ApiKey:
    """A key that nobody has yet; its secret is shown once and never again."""
    return ApiKey(id=secrets.token_hex(6), secret=secrets.token_urlsafe(32))


def key_of(text: str) -> ApiKey | None:
    """The key that is written so; None when it is none."""
    match = _WRITTEN.fullmatch(text)
    return ApiKey(id=match["id"], secret=match["secret"]) if match else None


def key_of_pair(id_: str, secret: str) -> ApiKey | None:
    """The key given as a pair, as in HTTP Basic: its id, with the prefix or without, and its secret."""
    return key_of(f"{PREFIX}{id_.removeprefix(PREFIX)}_{secret}")
