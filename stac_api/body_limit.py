"""The most that is read of the body of a request."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: An area of interest of 50 000 vertices, with all digits and one coordinate a line.
LARGEST_BODY_BYTES = 4 * 1024 * 1024


class BodyLimit:
    """Refuses a larger body before it is in memory, whether its length is announced or not."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; reading further than the limit answers it with 413."""
        await self.app(scope, _measured(receive) if scope["type"] == "http" else receive, send)


def _measured(receive: Receive) -> Receive:
    size = 0

    async def next_message() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY_BYTES:
            raise HTTPException(413, f"The body may be {LARGEST_BODY_BYTES} bytes long.")
        return message

    return next_message
