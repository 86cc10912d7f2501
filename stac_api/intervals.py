"""The `datetime` parameter, read as leniently as clients need: QGIS sends times without a zone."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from stac_fastapi.types.rfc3339 import str_to_interval
from starlette.types import ASGIApp, Receive, Scope, Send

OPEN = ".."
_WHOLE_SECONDS = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d")
_WITH_FRACTION = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?")
_LOST_PLUS = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)")


def utc_interval(value: str) -> str | None:
    """The same instant or interval with UTC where no zone is given; None for a lone `..`, which restricts nothing.

    A lone instant with a fraction of a second but no zone is left as it is, and so refused: RFC 3339 forbids it and
    stac-api-validator checks it. Unreadable values are returned unchanged, for the stock validation to refuse.
    """
    if value == OPEN:
        return None
    ends = value.split("/")
    zoneless = _WITH_FRACTION if len(ends) == 2 else _WHOLE_SECONDS
    return "/".join(_with_zone(end, zoneless) for end in ends)


def lenient_interval(value: object) -> object:
    """As `utc_interval`, before a model reads the value; anything but text is left for the model to refuse."""
    return utc_interval(value) if isinstance(value, str) else value


def _with_zone(end: str, zoneless: re.Pattern[str]) -> str:
    if zoneless.fullmatch(end):
        return f"{end}Z"
    # An unescaped "+" in a query string arrives as a space.
    return _LOST_PLUS.sub(r"\1+\2", end) if _LOST_PLUS.fullmatch(end) else end


def ends_of(value: str | None) -> tuple[datetime | None, datetime | None]:
    """The first and the last instant of an interval, twice the same for an instant; None where open.

    Args:
        value: As in RFC 3339, with zones; None restricts nothing.

    Raises:
        HTTPException: 400, it is neither an instant nor an interval.
    """
    read = str_to_interval(value)
    return read if isinstance(read, tuple) else (read, read)


class LenientDatetimes:
    """Rewrites the `datetime` of a query string that the stock models, which cannot be changed, would refuse."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with a complete `datetime`."""
        if scope["type"] == "http" and b"datetime=" in scope["query_string"]:
            scope = {**scope, "query_string": _rewritten(scope["query_string"])}
        await self.app(scope, receive, send)


def _rewritten(query_string: bytes) -> bytes:
    pairs = parse_qsl(query_string.decode("latin-1"), keep_blank_values=True)
    rewritten = [(key, utc_interval(value) if key == "datetime" else value) for key, value in pairs]
    return urlencode([(key, value) for key, value in rewritten if value is not None]).encode("ascii")
