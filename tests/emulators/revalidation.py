"""ETags for any emulator, and a count of the bodies that had to be sent in spite of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass
class Revalidation:
    """Around an application: its answers have ETags, and one that the client has already is not sent again.

    Attributes:
        app: the application, which needs no lifespan.
        bodies: how many answers were sent whole.
        not_modified: how many were 304.
    """

    app: ASGIApp
    bodies: int = 0
    not_modified: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        await (await self._response(request))(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport) as client:
            answer = await client.request(request.method, str(request.url), content=await request.body())
        version = f'"{hashlib.sha256(answer.content).hexdigest()}"'
        if request.headers.get("If-None-Match") == version:
            self.not_modified += 1
            return Response(status_code=304, headers={"ETag": version})
        self.bodies += 1
        return Response(answer.content, answer.status_code, {"ETag": version}, answer.headers["Content-Type"])
