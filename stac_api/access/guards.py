"""The guard of each route: routes not listed here are not served.

Everything about one collection is below `/collections/{collection_id}` and guarded without being listed, so that nobody
who adds a route there can forget its guard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping

from fastapi import Depends, FastAPI, Request
from fastapi.dependencies.utils import get_parameterless_sub_dependant
from fastapi.routing import APIRoute
from stac_fastapi.types.errors import NotFoundError
from starlette.routing import BaseRoute

from stac_api.access.accounts.callers import logged_in
from stac_api.access.answer_caching import mark_same_for_all
from stac_api.access.restriction import PresentCollection, present_collections, restriction_of, sees_collection
from stac_api.query_strings import refuse_passed_over

Guard = Callable[[Request], Awaitable[object]]

OF_ONE_COLLECTION = "/collections/{collection_id}"


class UnguardedRoute(Exception):
    """Some routes have no guard."""

    def __init__(self, paths: Iterable[str]) -> None:
        super().__init__(f"Write down in stac_api/access/guards.py who may use {', '.join(paths)}.")


async def everybody(request: Request) -> None:
    """An answer that is the same for all, and discloses nothing of the catalogue's contents."""
    mark_same_for_all(request)


async def what_is_seen(request: Request) -> None:
    """An answer about visible collections and Items, which come through `CatalogueClient`."""
    await restriction_of(request)


async def seen_collection(request: Request) -> None:
    """An answer about one collection, for callers who see it.

    Raises:
        NotFoundError: the caller sees no such collection.
    """
    await refuse_unseen(str(request.path_params["collection_id"]), request)


async def refuse_unseen(collection_id: str, request: Request) -> None:
    """Treat a collection that the caller does not see as one that does not exist.

    Raises:
        NotFoundError: the reader sees no such collection.
    """
    # PostgreSQL texts have no NUL, so no id has one.
    if "\x00" in collection_id or not await sees_collection(request, collection_id):
        raise no_collection(collection_id)


def no_collection(collection_id: str) -> NotFoundError:
    """The error for a collection that is hidden or absent."""
    return NotFoundError(f"Collection {collection_id} does not exist.")


async def present_collection(collection_id: str, request: Request) -> PresentCollection:
    """A collection, whoever asks; a new one is found at once.

    Raises:
        NotFoundError: there is no such collection.
    """
    present = (await present_collections(request)).get(collection_id)
    present = present or (await present_collections(request, 0)).get(collection_id)
    if present is None:
        raise no_collection(collection_id)
    return present


async def decided_inside(_request: Request) -> None:
    """An answer that depends on more than the path, such as a signature: the route calls `authorize` itself."""


GUARDS: Mapping[str, Guard] = {
    "/": what_is_seen,
    "/conformance": everybody,
    "/healthz": everybody,
    "/api.html": everybody,
    "/openapi.json": everybody,
    "/extensions/{name}/{version}/schema.json": everybody,
    "/collections": what_is_seen,
    "/search": what_is_seen,
    "/queryables": what_is_seen,
    "/stereo/search": what_is_seen,
    "/assets/{collection_id}/{item_id}/{asset_key}": decided_inside,
    "/sign": decided_inside,
    "/sign_urls": decided_inside,
    "/policies": what_is_seen,
    "/policies/{policy_set_id}": what_is_seen,
    "/eligibility": decided_inside,
    "/licenses/{licence_id}/{version}": everybody,
    "/licenses/{licence_id}/{version}/signatures": logged_in,
    "/licenses/{licence_id}/{version}/transfers": logged_in,
    "/licenses/{licence_id}/{version}/transfers/{transfer_id}/signatures": logged_in,
    "/open-data/declarations": decided_inside,
    "/me": logged_in,
    "/me/permissions": decided_inside,
    "/me/quotas": logged_in,
    "/me/export": logged_in,
    "/me/transfers": logged_in,
    "/me/api-keys": logged_in,
    "/me/api-keys/{key_id}": logged_in,
    "/entities": everybody,
    "/entities/{entity_id}": everybody,
    "/entities/applications": logged_in,
    "/entities/{entity_id}/applications": logged_in,
    "/accounts/applications": logged_in,
    "/accounts/applications/{application_id}/validate": logged_in,
    "/accounts/applications/{application_id}/confirm": logged_in,
    "/accounts/applications/{application_id}/refuse": logged_in,
}

#: Routes of the framework that cannot have a guard: the description of the API and its page.
PLAIN = frozenset({"/api", "/api-page", "/docs/oauth2-redirect"})


def guard_of(path: str) -> Guard | None:
    """The guard of a route, by the path that it was declared with; None if it is not listed."""
    if path == OF_ONE_COLLECTION or path.startswith(f"{OF_ONE_COLLECTION}/"):
        return seen_collection
    return GUARDS.get(path)


async def guarded(request: Request) -> None:
    """Let the guard of the route decide whether the route answers, and refuse parameters that it would pass over.

    Raises:
        NotFoundError: the route has no guard.
        InvalidQueryParameter: it does not know a parameter.
    """
    guard = guard_of(request.scope["route"].path)
    if guard is None:
        raise NotFoundError("There is no such route.")
    await guard(request)
    refuse_passed_over(request)


def guard_all_routes(app: FastAPI) -> None:
    """Add the guards to all routes of an application.

    Raises:
        UnguardedRoute: some routes have none.
    """
    routes = list(all_routes(app.router.routes))
    unguarded = sorted({path for route in routes if not is_known(route, path := getattr(route, "path", repr(route)))})
    if unguarded:
        raise UnguardedRoute(unguarded)
    for route in routes:
        if isinstance(route, APIRoute):
            _guard(route)


def is_known(route: BaseRoute, path: str) -> bool:
    """Whether a guard is listed for a route."""
    return guard_of(path) is not None if isinstance(route, APIRoute) else path in PLAIN


def all_routes(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    """The routes, including those of included routers."""
    for route in routes:
        if inner := getattr(route, "original_router", None):
            yield from all_routes(inner.routes)
        else:
            yield route


def _guard(route: APIRoute) -> None:
    # A router may be included in several applications of one process.
    if any(each.dependency is guarded for each in route.dependencies):
        return
    guard = Depends(guarded)
    route.dependencies.insert(0, guard)
    route.dependant.dependencies.insert(0, get_parameterless_sub_dependant(depends=guard, path=route.path_format))
