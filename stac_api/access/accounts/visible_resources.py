"""A collection or an Item in the form that the rules need, for callers who can see it."""

from __future__ import annotations

from fastapi import Request
from stac_fastapi.types.errors import NotFoundError

from database.statements import statement
from stac_api.access.authorize import Action, Resource, authorize
from stac_api.access.credentials.resolver import principal_of
from stac_api.access.guards import present_collection, refuse_unseen
from stac_api.access.rules.in_force import policies_in_force

_RESOURCE_OF_ITEM = statement("stac_api.access", "resource_of_item")


async def visible_resource(request: Request, collection: str, item: str | None = None) -> Resource:
    """The resource that a request is about.

    Raises:
        NotFoundError: there is no such collection or Item, or the caller does not see it.
    """
    await refuse_unseen(collection, request)
    resource = await _resource(request, collection, item)
    principal, policies = await principal_of(request), await policies_in_force(request)
    if not authorize(principal, Action.VIEW, resource, policies).allowed:
        raise _no_such_item(collection, item)
    return resource


async def _resource(request: Request, collection: str, item: str | None) -> Resource:
    present = await present_collection(collection, request)
    if item is None:
        return present.resource
    async with request.app.state.get_connection(request, "r") as connection:
        # PostgreSQL texts have no NUL, so no id has one.
        row = None if "\x00" in item else await connection.fetchrow(_RESOURCE_OF_ITEM, collection, item)
    if row is None:
        raise _no_such_item(collection, item)
    return Resource.of_item(collection, row["view_collections"], row["geometry"])


def _no_such_item(collection: str, item: str | None) -> NotFoundError:
    return NotFoundError(f"Item {item} in Collection {collection} does not exist.")
