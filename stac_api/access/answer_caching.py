"""What caches may keep: documents that are the same for everybody, never one reader's for another."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stac_api.access.credentials.resolver import CREDENTIAL_HEADERS
from stac_api.access.refusals import PERSONAL
from stac_api.access.restriction import Restriction

VARY = "Authorization, X-API-Key, access-key, secret-key"

_SAME_FOR_ALL = "same_for_all"


def mark_same_for_all(request: Request) -> None:
    """Declare that the answer, unless it is a refusal, does not depend on the caller."""
    request.scope.setdefault("state", {})[_SAME_FOR_ALL] = True


class AnswerCaching:
    """Marks each answer for caches, according to the caller and what was hidden from them.

    Absent and hidden things are marked in the same way.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and mark its answer."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                _mark(MutableHeaders(scope=message), scope, message["status"])
            await send(message)

        await self.app(scope, receive, marked if scope["type"] == "http" else send)


def _mark(headers: MutableHeaders, scope: Scope, status: int) -> None:
    if status < HTTPStatus.BAD_REQUEST and scope.get("state", {}).get(_SAME_FOR_ALL):
        return
    headers.add_vary_header(VARY)
    own = headers.get("cache-control")
    if status >= HTTPStatus.BAD_REQUEST:
        headers["cache-control"] = PERSONAL
    elif any(name in CREDENTIAL_HEADERS for name, _ in scope["headers"]):
        headers["cache-control"] = PERSONAL if own is None or "public" in own else _private(own)
    elif _is_restricted(scope) and (own is None or "public" not in own):
        headers["cache-control"] = _private(own)


def _private(own: str | None) -> str:
    return ", ".join(filter(None, ("private", (own or "").removeprefix("private").strip(" ,"))))


def _is_restricted(scope: Scope) -> bool:
    """Whether somebody else may see more than the anonymous reader was shown."""
    restriction: Restriction | None = scope.get("state", {}).get("restriction")
    return restriction is not None and restriction.hides
