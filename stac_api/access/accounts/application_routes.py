"""How people and entities become members by themselves: they apply, and read what became of it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from asyncpg import Connection
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.errors import NotFoundError

from database.statements import statements
from stac_api.access.accounts.callers import LoggedIn, personal
from stac_api.access.accounts.register_routes import Country, registered
from stac_api.access.authorize import Decision, Reason
from stac_api.access.policy import Category
from stac_api.access.principal import Login, Principal
from stac_api.access.refusals import Refused
from stac_api.access.register.categories import EntityKind, Role, categories_of
from stac_api.access.register.memberships import APPLICATIONS, Application
from stac_api.errors import HTTPProblem

PERSON, APPLY_FOR_PLACE, APPLY_FOR_ENTITY = statements(
    "stac_api.access", "person_of_login", "apply_for_place", "apply_for_entity"
)

#: Nobody needs more at once; with this many open applications one must wait for an answer.
MOST_OPEN_APPLICATIONS = 5


class NotByKey(HTTPProblem):
    """Applications are for people who have logged in: send a bearer token, not an API key."""

    code = "NotByKey"


class AlreadyMember(HTTPProblem):
    """You have a place in this entity already."""

    status = 409
    code = "AlreadyMember"


class EntityKnown(HTTPProblem):
    """This entity is in the register: apply for a place in it, under /accounts/applications."""

    status = 409
    code = "EntityKnown"


class TooManyApplications(HTTPProblem):
    """You have applied for as many places as one may at once: wait for an answer."""

    status = 409
    code = "TooManyApplications"


class CategoryNotPossible(HTTPProblem):
    """People of this entity cannot act in this category."""

    status = 409
    code = "CategoryNotPossible"


class Body(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


WantedCategory = Annotated[
    Category | None, Field(description="In what quality the applicant wants to act; left out: what is usual there.")
]
Purpose = Annotated[str, Field(max_length=2000, description="What the images are needed for.")]


class LegalRepresentative(Body):
    """Who can sign for an entity."""

    name: str = Field(min_length=1, max_length=200)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=320)


class EntityApplication(Body):
    """An entity that wants to join; the sender becomes its référent."""

    name: str = Field(min_length=2, max_length=200)
    kind: EntityKind
    country: Country = "FR"
    legal_representative: LegalRepresentative
    category: WantedCategory = None
    purpose: Purpose = ""


class AccountApplication(Body):
    """A request for a place in an entity."""

    entity: UUID = Field(description="Of the register under /entities.")
    category: WantedCategory = None
    purpose: Purpose = ""


class OwnApplicationTold(BaseModel):
    """An application as shown to its applicant."""

    id: UUID
    entity: UUID
    entity_name: str
    role: Role
    category: Category | None
    purpose: str | None
    state: Literal["applied", "validated", "confirmed", "refused"]
    applied_at: datetime
    refusal: str | None


class OwnApplications(BaseModel):
    """The caller's applications, the earliest first."""

    applications: list[OwnApplicationTold]


async def _himself(caller: LoggedIn) -> Principal:
    if caller.login is None:
        raise NotByKey
    return caller


#: Somebody with a bearer token, with or without an account here.
Himself = Annotated[Principal, Depends(_himself)]

router = APIRouter(tags=["Applications"], dependencies=[Depends(personal)])


@router.post("/entities/applications", status_code=201, summary="Ask that an entity be taken in")
async def apply_for_entity(request: Request, wanted: EntityApplication, caller: Himself) -> OwnApplicationTold:
    """Apply for an entity to be registered, with the caller as its référent; operators check its papers.

    Raises:
        EntityKnown: it is already in the register.
        CategoryNotPossible, TooManyApplications, Refused: the caller cannot ask for this, or not now.
    """
    _refuse_impossible(wanted.category, wanted.kind, wanted.country)
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        if await connection.fetchval(
            "SELECT EXISTS (SELECT FROM dinamis.entity WHERE state = 'active' AND lower(name) = lower($1))", wanted.name
        ):
            raise EntityKnown
        person = await _person(connection, caller.login)
        id_ = await connection.fetchval(
            APPLY_FOR_ENTITY,
            person,
            wanted.name,
            wanted.kind,
            wanted.country,
            wanted.legal_representative.name,
            wanted.legal_representative.email,
            wanted.category,
            wanted.purpose,
            MOST_OPEN_APPLICATIONS,
        )
        if id_ is None:
            raise TooManyApplications
        return _told(await application_of(connection, id_))


@router.post(
    "/accounts/applications",
    status_code=201,
    summary="Ask for a place in an entity",
    responses={200: {"model": OwnApplicationTold, "description": "It was asked for before, and is open"}},
)
async def apply_for_place(
    request: Request, response: Response, wanted: AccountApplication, caller: Himself
) -> OwnApplicationTold:
    """Apply for a place in an entity of the register, and with it for an account; a repetition has no effect.

    Raises:
        NotFoundError: the register has no such entity.
        AlreadyMember, CategoryNotPossible, TooManyApplications, Refused: the caller cannot ask for this, or not now.
    """
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        entity = await registered(connection, wanted.entity)
        _refuse_impossible(wanted.category, entity.kind, entity.country)
        person = await _person(connection, caller.login)
        id_ = await connection.fetchval(
            APPLY_FOR_PLACE, person, entity.id, wanted.category, wanted.purpose, MOST_OPEN_APPLICATIONS
        )
        if id_ is None:
            response.status_code = 200
            return _told(await _earlier(connection, person, entity.id))
        return _told(await application_of(connection, id_))


async def _earlier(connection: Connection, person: UUID, entity: UUID) -> Application:
    """The open application of somebody who applies again."""
    rows = await connection.fetch(APPLICATIONS, None, entity, person, False)
    found = [Application(**row) for row in rows]
    if earlier := next((each for each in found if each.state in ("applied", "validated")), None):
        return earlier
    raise AlreadyMember if any(each.is_current for each in found) else TooManyApplications


def _refuse_impossible(category: Category | None, kind: EntityKind, country: str) -> None:
    possible = categories_of(kind, country)
    if category is not None and category not in possible:
        raise CategoryNotPossible(f"Possible are: {', '.join(possible) or 'none'}.")


async def _person(connection: Connection, login: Login | None) -> UUID:
    assert login is not None  # noqa: S101 - `_himself` lets nobody else pass
    row = await connection.fetchrow(PERSON, login.issuer, login.subject, login.email, login.name)
    if row["state"] == "suspended":
        raise Refused(Decision(allowed=False, reasons=(Reason.ACCOUNT_SUSPENDED,)))
    found: UUID = row["id"]
    return found


@router.get("/accounts/applications", summary="The caller's applications")
async def own_applications(request: Request, caller: Himself) -> OwnApplications:
    """The caller's applications, and what became of them."""
    if caller.person is None:
        return OwnApplications(applications=[])
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(APPLICATIONS, None, None, caller.person, False)
    return OwnApplications(applications=[_told(Application(**row)) for row in rows])


async def application_of(connection: Connection, id_: UUID) -> Application:
    """The application with this id.

    Raises:
        NotFoundError: there is none.
    """
    row = await connection.fetchrow(APPLICATIONS, id_, None, None, False)
    if row is None:
        raise no_application()
    return Application(**row)


def no_application() -> NotFoundError:
    """The error for an application that does not exist, or that does not concern the caller."""
    return NotFoundError("There is no such application.")


def _told(application: Application) -> OwnApplicationTold:
    return OwnApplicationTold.model_validate(application, from_attributes=True)
