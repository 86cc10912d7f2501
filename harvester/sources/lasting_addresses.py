"""Addresses in records that may be published: they stay valid, and give no access."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

#: Parameters of addresses that work for one reader, or for an hour.
_SIGNING = (
    r"x-(?:amz|goog|oss)-.*|awsaccesskeyid"
    r"|(?:.*[-_])?(?:expires|sig|signature|token|password|api[-_]?key|credential)"
)
_SIGNATURE = re.compile(_SIGNING, re.IGNORECASE)
#: The same, and those that vary with them: `se`, `st` (Azure), `Policy` (CloudFront), which alone may mean anything.
_DIFFERING = re.compile(rf"{_SIGNING}|policy|s[et]|sk[et]", re.IGNORECASE)
#: The user and password of an address within a text.
_LOGIN = re.compile(r"""(?<=://)[^\s/?#<>"]+(?=@)""")
#: The parameters of an address within a text, and one parameter; XML separates them with `&amp;`.
_QUERY = re.compile(r"""(?<=\?)[^\s#<>"]+""")
_FIELD = re.compile(r"(?P<before>^|&(?:amp;)?)(?P<name>[^=&]*)=[^&]*")


def with_blank_secrets(said: Any) -> Any:
    """An answer of a service with the values of all signing parameters, and all logins in addresses, left blank.

    A signature differs in each answer, so that the record would seem to have changed; and whoever sees the ledger could
    open the file with it. The parameter's name and the `@` stay, so that such an address is still recognised.
    """
    if isinstance(said, str):
        return _without_secrets(said) if "://" in said else said
    if isinstance(said, Mapping):
        return {name: with_blank_secrets(each) for name, each in said.items()}
    return [with_blank_secrets(each) for each in said] if isinstance(said, list) else said


def _without_secrets(text: str) -> str:
    anonymous = _LOGIN.sub("", text) if "@" in text else text
    return _QUERY.sub(_with_blank_signature, anonymous) if "?" in anonymous else anonymous


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
