"""The feed of changes: what was added to a collection, changed and removed, in the order in which it happened.

Another catalogue follows a collection by repeating the request with the cursor of the last answer. The order is that of
`dinamis.change`: a greater number is never committed earlier, so that nothing can appear before a cursor.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import attr
from asyncpg import Connection
from fastapi import APIRouter, FastAPI, Path, Query, Request
from pydantic import BaseModel, Field, computed_field
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.requests import get_base_url
from starlette.datastructures import URL
from starlette.responses import Response

from database.statements import statements
from stac_api.access.item_redaction import told_reason
from stac_api.access.restriction import restriction_of, saw_collection
from stac_api.client import stored_collection
from stac_api.collection_presentation import changes_href
from stac_api.conditional_requests import has_current
from stac_api.errors import UnusableSince

CHANGES_PER_PAGE = 100
MOST_CHANGES_PER_PAGE = 1000

#: Opaque to readers; the word before the number distinguishes it from a time.
_CURSOR = re.compile(r"change-([0-9]{1,18})")

CHANGES, HEAD, FIRST_CHANGE_AT, IS_LOST_CHANGE = statements(
    "stac_api", "changes", "head_of_changes", "first_change_at", "is_lost_change"
)


class Change(BaseModel):
    """The state of an Item after its latest change."""

    type: Literal["new", "updated", "withdrawn"] = Field(
        description="`new` and `updated`: it stands in the collection; `withdrawn`: it does not any more."
    )
    id: str = Field(description="The id of the Item.")
    at: datetime = Field(description="When it changed, UTC; the order is that of the list, not of these times.")
    reason: str | None = Field(None, description="Why it was withdrawn.")
    href: str = Field(description="The Item; 410 when it is withdrawn, 308 when it is a stereo set that moved.")


class ChangesLink(BaseModel):
    """A link in a page of changes."""

    rel: Literal["self", "next", "collection"]
    href: str
    type: str = "application/json"


class Changes(BaseModel):
    """A page of changes, the earliest first."""

    changes: list[Change]
    cursor: str = Field(description="Opaque: the next `since`. It is there even when nothing changed.")
    links: list[ChangesLink] = Field(description="`next` is there when more changes are waiting.")

    @computed_field(alias="numberReturned")  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def number_returned(self) -> int:
        """The number of changes on the page."""
        return len(self.changes)


@attr.s
class ChangesExtension(ApiExtension):
    """The route of the feed."""

    def register(self, app: FastAPI) -> None:
        """Add the route."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Changes"])
        router.add_api_route(
            "/collections/{collection_id}/changes",
            self.changes,
            methods=["GET"],
            name="Changes of a collection",
            operation_id="changes",
            summary="What came into the collection, changed and left it",
            responses={200: {"model": Changes}, 304: {"description": "Nothing changed since the answer of that ETag"}},
        )
        app.include_router(router)

    async def changes(
        self,
        request: Request,
        collection_id: Annotated[str, Path(description="Collection ID")],
        since: Annotated[
            str | None,
            Query(description="The `cursor` of the last answer, or an RFC 3339 time; left out: from the beginning."),
        ] = None,
        limit: Annotated[int, Query(ge=1, description="Maximum number of changes; more than 1000 counts as 1000.")] = (
            CHANGES_PER_PAGE
        ),
    ) -> Response:
        """A page of the changes after a cursor or a time; 304 if nothing has changed since the ETag in the request.

        Raises:
            NotFoundError: there is no such collection.
            UnusableSince: `since` is neither a time nor a cursor of this feed.
        """
        limit = min(limit, MOST_CHANGES_PER_PAGE)
        async with request.app.state.get_connection(request, "r") as connection:
            await stored_collection(connection, collection_id)
            head = await connection.fetchval(HEAD, collection_id)
            headers = {"Cache-Control": "no-cache", "ETag": f'W/"{head}"'}
            if has_current(request, headers["ETag"]):
                return Response(status_code=304, headers=headers)
            position = await _position(connection, collection_id, since, head)
            rows = await connection.fetch(CHANGES, collection_id, position, limit + 1)
        page = _page(rows, position, limit, collection_id, request)
        seen = await _without_hidden_sets(page.changes, collection_id, request)
        told = [await _told(each, collection_id, request) for each in seen]
        page.changes = [each for each in told if each]
        content = page.model_dump_json(by_alias=True, exclude_none=True)
        return Response(content, headers=headers, media_type="application/json")


async def _position(connection: Connection, collection: str, since: str | None, head: int) -> int:
    """The number of the last change that the reader already has."""
    if since is None:
        return 0
    if cursor := _CURSOR.fullmatch(since):
        position = int(cursor[1])
        if position > head or await connection.fetchval(IS_LOST_CHANGE, position):
            # Nothing would tell the reader that what they have of the lost changes is no longer so.
            raise UnusableSince("This cursor is not of this collection, or of a catalogue that was since restored.")
        return position
    first = await connection.fetchval(FIRST_CHANGE_AT, collection, _instant(since))
    return head if first is None else int(first) - 1


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise UnusableSince from error


async def _without_hidden_sets(changes: list[Change], collection: str, request: Request) -> list[Change]:
    """The changes without those of stereo sets that the waist withholds because a view is hidden."""
    standing = [each.id for each in changes if each.type != "withdrawn"]
    if not standing or collection not in (await restriction_of(request)).sets:
        return changes
    client = request.app.state.client
    search = client.pgstac_search_model(
        collections=[collection], ids=standing, limit=len(standing), fields={"include": {"id"}}
    )
    seen = {item["id"] for item in (await client.seen_items(search, request))["features"]}
    return [each for each in changes if each.type == "withdrawn" or each.id in seen]


async def _told(change: Change, collection: str, request: Request) -> Change | None:
    """What the reader may know of a change: nothing of Items withdrawn while they could not see the collection."""
    if change.type == "withdrawn" and not await saw_collection(request, collection, change.at):
        return None
    reason = change.reason and told_reason(change.reason, await restriction_of(request))
    return change.model_copy(update={"reason": reason})


def _page(rows: list[Any], position: int, limit: int, collection: str, request: Request) -> Changes:
    """The page of at most `limit` changes; one more row means that there is a next page."""
    items = f"{get_base_url(request)}collections/{collection}/items"
    changes = [
        Change(type=row["type"], id=row["id"], at=row["at"], reason=row["reason"], href=f"{items}/{row['id']}")
        for row in rows[:limit]
    ]
    cursor = f"change-{rows[len(changes) - 1]['position'] if changes else position}"
    return Changes(
        changes=changes,
        cursor=cursor,
        links=_links(request, collection, following={"since": cursor, "limit": limit} if len(rows) > limit else None),
    )


def _links(request: Request, collection: str, following: dict[str, Any] | None) -> list[ChangesLink]:
    feed = URL(changes_href(collection, get_base_url(request)))
    links = [
        ChangesLink(rel="self", href=str(feed.replace(query=request.url.query))),
        ChangesLink(rel="collection", href=f"{get_base_url(request)}collections/{collection}"),
    ]
    following_href = str(feed.include_query_params(**following)) if following else None
    return [*links, *([ChangesLink(rel="next", href=following_href)] if following_href else [])]
