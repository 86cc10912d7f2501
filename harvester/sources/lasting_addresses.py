"""Addresses in records that may be published: they stay valid, and let nobody in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

#: Parameters that make an address work for one reader, or for an hour.
_SIGNING = (
    r"x-(?:amz|goog|oss)-.*|awsaccesskeyid"
    r"|(?:.*[-_])?(?:expires|sig|signature|token|password|api[-_]?key|credential)"
)
_SIGNATURE = re.compile(_SIGNING, re.IGNORECASE)
#: They, and what differs with them: Azure writes `se` and `st`, CloudFront `Policy`, which alone may mean anything.
_DIFFERING = re.compile(rf"{_SIGNING}|policy|s[et]|sk[et]", re.IGNORECASE)
#: The parameters of an address in a text, which may go on behind it, and one of them; XML writes `&amp;` between them.
_QUERY = re.compile(r"""(?<=\?)[^\s#<>"]+""")
_FIELD = re.compile(r"(?P<before>^|&(?:amp;)?)(?P<name>[^=&]*)=[^&]*")


def with_blank_signatures(said: Any) -> Any:
    """What a service says, with nothing behind the `=` of what signs its addresses.

    A signature differs at each answer, and the record would seem to have changed; and it opens a file, for whoever sees
    the ledger. The name stays, so that the address is known for one that is signed.
    """
    if isinstance(said, str):
        return _QUERY.sub(_with_blank_signature, said) if "://" in said and "?" in said else said
    if isinstance(said, Mapping):
        return {name: with_blank_signatures(each) for name, each in said.items()}
    return [with_blank_signatures(each) for each in said] if isinstance(said, list) else said


def _with_blank_signature(query: re.Match[str]) -> str:
    if not any(_SIGNATURE.fullmatch(field["name"]) for field in _FIELD.finditer(query[0])):
        return query[0]
    return _FIELD.sub(_blank_if_differing, query[0])


def _blank_if_differing(field: re.Match[str]) -> str:
    return f"{field['before']}{field['name']}=" if _DIFFERING.fullmatch(field["name"]) else field[0]


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
