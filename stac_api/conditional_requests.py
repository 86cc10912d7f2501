"""Conditional requests: whether the client already has the current answer."""

from __future__ import annotations

from starlette.requests import Request


def has_current(request: Request, etag: str) -> bool:
    """Whether If-None-Match has the tag of the answer, by the weak comparison (RFC 9110, sections 8.8.3.2 and 13.1.2).

    Args:
        request: The request.
        etag: ETag of the current answer, with its quotes.
    """
    known = {each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")}
    return etag.removeprefix("W/") in known or "*" in known
