"""The methods that an address knows: of several routes at it, the framework names those of one alone."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match

from stac_api.access.guards import all_routes
from stac_api.errors import answer


def tell_known_methods(app: FastAPI) -> None:
    """Name all methods of an address to whoever uses another."""
    app.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, _answer)


async def _answer(request: Request, _error: Exception) -> Response:
    headers = {"Allow": ", ".join(sorted(_known_methods(request)))}
    return await answer(request, HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, headers=headers))


def _known_methods(request: Request) -> set[str]:
    routes = all_routes(request.app.router.routes)
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in getattr(route, "methods", None) or ()}
