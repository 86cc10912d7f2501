"""The methods allowed at an address: of several routes there, the framework names those of one only; and HEAD."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from stac_api.access.guards import all_routes
from stac_api.problems import answer


def tell_known_methods(app: FastAPI) -> None:
    """Name all allowed methods of an address in the answer to any other."""
    app.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, _answer)


class HeadAsGet:
    """Answers HEAD as GET wherever no route handles it; the server leaves out the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as GET if need be."""
        if scope["type"] == "http" and scope["method"] == "HEAD" and "HEAD" not in _methods_of_routes(scope):
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)


async def _answer(request: Request, _error: Exception) -> Response:
    known = _methods_of_routes(request.scope)
    methods = known | {"HEAD"} if "GET" in known else known
    headers = {"Allow": ", ".join(sorted(methods))}
    return await answer(request, HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers=headers))


def _methods_of_routes(scope: Scope) -> set[str]:
    routes = all_routes(scope["app"].router.routes)
    matching = (route for route in routes if route.matches(scope)[0] is not Match.NONE)
    return {method for route in matching for method in getattr(route, "methods", None) or ()}
