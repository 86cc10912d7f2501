"""The public register of entities: `/entities`."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, Field
from stac_fastapi.types.errors import InvalidQueryParameter, NotFoundError
from stac_fastapi.types.requests import get_base_url
from starlette.datastructures import URL

from database.statements import statement
from stac_api.access.register.categories import EntityKind
from stac_api.access.register.references import id_in

REGISTER = statement("stac_api.access", "register")

ENTITIES_PER_PAGE = 100
MOST_ENTITIES_PER_PAGE = 1000

Country = Annotated[str, Field(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2; FR for overseas France too.")]


class RegisteredEntity(BaseModel):
    """A member of the register, without its people."""

    id: UUID
    name: str
    kind: EntityKind = Field(description="science, public or firm.")
    country: Country
    is_relay_partner: bool
    state: Literal["active"] = "active"
    joined_at: datetime


class RegisterLink(BaseModel):
    """A link in a page of the register."""

    rel: Literal["self", "next"]
    href: str
    type: str = "application/json"


class RegisterPage(BaseModel):
    """A page of the register, sorted by name."""

    entities: list[RegisteredEntity]
    links: list[RegisterLink]


def _public(response: Response) -> None:
    response.headers["Cache-Control"] = "public, max-age=60"


router = APIRouter(tags=["Register"], dependencies=[Depends(_public)])


@router.get("/entities", summary="The register of entities")
async def entities(
    request: Request,
    name: Annotated[str | None, Query(max_length=200, description="A part of the name.")] = None,
    kind: EntityKind | None = None,
    country: Annotated[str | None, Query(pattern="^[A-Z]{2}$", description="ISO 3166-1 alpha-2.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST_ENTITIES_PER_PAGE)] = ENTITIES_PER_PAGE,
    token: Annotated[str | None, Query(max_length=1000, description="Of the link to the next page.")] = None,
) -> RegisterPage:
    """The entities that are active members, sorted by name.

    Raises:
        InvalidQueryParameter: the token is not one of ours.
    """
    last_name, last_id = _position(token) if token else (None, None)
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(REGISTER, None, name, kind, country, last_name, last_id, limit + 1)
    page = [RegisteredEntity.model_validate(dict(row)) for row in rows[:limit]]
    here = URL(f"{get_base_url(request)}entities").replace(query=request.url.query)
    links = [RegisterLink(rel="self", href=str(here))]
    if len(rows) > limit:
        links.append(RegisterLink(rel="next", href=str(here.include_query_params(token=_token(page[-1])))))
    return RegisterPage(entities=page, links=links)


@router.get("/entities/{entity_id}", summary="An entity of the register")
async def entity(request: Request, entity_id: str) -> RegisteredEntity:
    """One entity that is an active member.

    Raises:
        NotFoundError: the register has none with this id.
    """
    async with request.app.state.get_connection(request, "r") as connection:
        return await registered(connection, entity_id)


async def registered(connection: Any, entity_id: UUID | str) -> RegisteredEntity:
    """An entity of the register; those that have only applied, are suspended or have left do not count.

    Raises:
        NotFoundError: the register has none with this id.
    """
    id_ = id_in(str(entity_id))
    row = await connection.fetchrow(REGISTER, id_, None, None, None, None, None, 1) if id_ else None
    if row is None:
        raise no_entity()
    return RegisteredEntity.model_validate(dict(row))


def no_entity() -> NotFoundError:
    """The error for an entity that is not in the public register, for whatever reason."""
    return NotFoundError("The register has no such entity.")


def _token(last: RegisteredEntity) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.name, str(last.id)]).encode()).decode().rstrip("=")


def _position(token: str) -> tuple[str, UUID]:
    try:
        name, id_ = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return str(name), UUID(id_)
    except (binascii.Error, ValueError, TypeError, AttributeError) as error:
        raise InvalidQueryParameter("token: take it from the link to the next page.") from error
