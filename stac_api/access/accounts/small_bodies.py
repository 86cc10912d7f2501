"""Routes that accept only small bodies, and read no further than the limit."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import HTTPException, Request, Response
from fastapi.routing import APIRoute
from starlette.types import Message, Receive

LARGEST_BODY_BYTES = 16 * 1024


class SmallBodyRoute(APIRoute):
    """A route that refuses a body of more than 16 KiB before it is in memory."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with a limit on what it reads."""
        handler = super().get_route_handler()

        async def measured(request: Request) -> Response:
            return await handler(Request(request.scope, _measured(request.receive)))

        return measured


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
