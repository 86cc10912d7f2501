"""Headers that a service tells us to send, as the links of STAC APIs do: which are sent, and to whom."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from harvester.errors import UnreadableAnswer

#: Extension of a request with the names of headers that the host told us to send, and that no other is sent.
TOLD = "told"
#: Of RFC 9110 what every server takes.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+: [ -~]*")
#: What no service tells us to send: who we are, what lets us in, and how a message is made up and sent.
_NEVER_TOLD = re.compile(
    r"accept-encoding|authorization|cache-control|connection|content-.*|cookie|expect|host|proxy-.*|te|trailer"
    r"|transfer-encoding|upgrade|user-agent"
)


def headers_told(said: Any) -> dict[str, str]:
    """The headers that a service tells us to send, by their names in lower case, without those that are ours alone.

    Raises:
        UnreadableAnswer: they are none.
    """
    if not isinstance(said, Mapping):
        raise UnreadableAnswer("its link wants headers that are no object")
    headers = {name.lower(): str(value).strip() for name, value in said.items() if isinstance(value, str | int | float)}
    if len(headers) < len(said) or not all(map(_HEADER.fullmatch, map(": ".join, headers.items()))):
        raise UnreadableAnswer(f"its link wants headers that are none: {', '.join(said)[:80]}")
    return {name: value for name, value in headers.items() if not _NEVER_TOLD.fullmatch(name)}


def with_told(told: Mapping[str, str] | None) -> dict[str, Any]:
    """The parts of a request with headers that the service told us to send."""
    # Such an answer is one of several at the same address, and what was told may let somebody in.
    return {"headers": {**told, "Cache-Control": "no-store"}, "extensions": {TOLD: tuple(told)}} if told else {}
