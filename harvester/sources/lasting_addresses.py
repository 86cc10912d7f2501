"""Addresses in records that may be published: they stay valid, and let nobody in."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import parse_qsl, urlsplit

#: Parameters that make an address work for one reader, or for an hour.
_SIGNATURE = re.compile(
    r"(?i)x-(amz|goog)-.*|awsaccesskeyid|expires|(.*[-_])?(sig|signature|token|password|api[-_]?key|credential)"
)


def lasting_address(href: Any, schemes: Collection[str] = ("http", "https", "s3")) -> str | None:
    """The address, if it is absolute and holds neither a signature nor a user and password; else None."""
    try:
        parts = urlsplit(href) if isinstance(href, str) else None
    except ValueError:
        return None
    if parts is None or parts.scheme not in schemes or not parts.hostname or "@" in parts.netloc:
        return None
    is_signed = any(_SIGNATURE.fullmatch(name) for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return None if is_signed else str(href)
