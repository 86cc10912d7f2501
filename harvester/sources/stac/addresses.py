"""Addresses in STAC documents: made absolute, and stripped of signatures and credentials."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

#: Query parameters of signed addresses: AWS, Google, Azure (SAS), CloudFront, and the tokens of small services.
_SIGNATURE = re.compile(
    r"(x-(amz|goog)-.+|awsaccesskeyid|googleaccessid|key-pair-id|policy|signature|expires|sig|s[evprtks]|ske|sks|skt|skv"
    r"|skoid|sktid|srt|ss|sip|spr|sdd|token|.*[_-]token|(x[_-])?api[_-]?key|key|password|hmac)",
    re.IGNORECASE,
)
#: `sv`, `se`… of Azure and `Expires` of Amazon may mean anything alone, but not beside one of these.
_PROOF = re.compile(
    r"(x-(amz|goog)-(signature|credential|security-token)|signature|sig|token|.*[_-]token|(x[_-])?api[_-]?key|password|hmac)",
    re.IGNORECASE,
)


#: Nearly all addresses: they need not be parsed.
_PLAIN = re.compile(r"(https?|s3)://[\w.-]+(:\d+)?(/[^?@]*)?")


def unsigned(href: str) -> str:
    """The address without signature, token, user and password; the same text where it has none."""
    if "?" not in href and "@" not in href:
        return href
    try:
        parts = urlsplit(href)
    except ValueError:
        return href
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], query=_unsigned_query(parts.query)))


def absolute(href: Any, base: str | None) -> str | None:
    """The unsigned absolute http, https or s3 address; None for anything else."""
    if not isinstance(href, str) or not href:
        return None
    if _PLAIN.fullmatch(href):
        return href
    try:
        # The standard library does not join addresses of schemes that it does not know, such as s3.
        joined = href if "://" in href or not base else urljoin(base, href)
        parts = urlsplit(joined)
    except ValueError:
        return None
    return unsigned(joined) if parts.scheme in ("http", "https", "s3") and parts.netloc else None


def web_address(href: Any, base: str | None) -> str | None:
    """The same for http and https only."""
    address = absolute(href, base)
    return address if address and not address.startswith("s3:") else None


def _unsigned_query(query: str) -> str:
    # Cut out, not parsed and rebuilt: the rest must stay as the service wrote it.
    fields = query.split("&")
    if not any(_PROOF.fullmatch(_name(field)) for field in fields):
        return query
    return "&".join(field for field in fields if not _SIGNATURE.fullmatch(_name(field)))


def _name(field: str) -> str:
    return field.partition("=")[0]
