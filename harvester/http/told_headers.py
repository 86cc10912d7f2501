"""Headers that a service tells us to send, as links of STAC APIs do: which are sent, and to which host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harvester.errors import UnreadableAnswer

#: Extension of a request: names of the headers that this host told us to send, and that no other host is sent.
TOLD = "told"
#: The subset of RFC 9110 that every server accepts.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+: [ -~]*")
#: Headers that no service may dictate: identity, authentication, and the framing of messages.
_NEVER_TOLD = re.compile(
    r"accept-encoding|authorization|cache-control|connection|content-.*|cookie|expect|host|proxy-.*|te|trailer"
    r"|transfer-encoding|upgrade|user-agent"
)


def headers_told(said: Any) -> dict[str, str]:
    """The headers that a service tells us to send, by lower-case name, without those that no service may dictate.

    Raises:
        UnreadableAnswer: they are not valid headers.
    """
    if not isinstance(said, Mapping):
        raise UnreadableAnswer("its link wants headers that are no object")
    headers = {name.lower(): str(value).strip() for name, value in said.items() if isinstance(value, str | int | float)}
    if len(headers) < len(said) or not all(map(_HEADER.fullmatch, map(": ".join, headers.items()))):
        raise UnreadableAnswer(f"its link wants headers that are none: {', '.join(said)[:80]}")
    return {name: value for name, value in headers.items() if not _NEVER_TOLD.fullmatch(name)}


def with_told(told: Mapping[str, str] | None) -> dict[str, Any]:
    """The parts of a request with headers that the service told us to send."""
    # The answer depends on these headers, and they may hold a credential.
    return {"headers": {**told, "Cache-Control": "no-store"}, "extensions": {TOLD: tuple(told)}} if told else {}
