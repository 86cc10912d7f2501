"""How people and entities come to be members by themselves: they apply, a référent validates, an operator confirms.

Whoever has no part in an application is answered as if it did not exist.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from asyncpg import CheckViolationError, Connection
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.errors import NotFoundError

from database.statements import statements
from stac_api.access.accounts.callers import LoggedIn, personal
from stac_api.access.accounts.register_routes import Country, no_entity, registered
from stac_api.access.accounts.small_bodies import SmallBodyRoute
from stac_api.access.authorize import Decision, Reason
from stac_api.access.errors import IdentityRefused
from stac_api.access.policy import Category
from stac_api.access.principal import Login, Principal
from stac_api.access.refusals import Refused
from stac_api.access.register.categories import EntityKind, Role, categories_of
from stac_api.access.register.memberships import (
    APPLICATIONS,
    CONFIRM,
    REFUSE,
    VALIDATE,
    Application,
    grant_for,
)
from stac_api.errors import Explained

PERSON, APPLY_FOR_PLACE, APPLY_FOR_ENTITY, IS_REFERENT = statements(
    "stac_api.access", "person_of_login", "apply_for_place", "apply_for_entity", "is_referent"
)

#: Nobody needs more at once; who has asked for this many waits for an answer.
MOST_OPEN_APPLICATIONS = 5


class NotByKey(Explained):
    """Applications are for people who have logged in: send a bearer token, not an API key."""

    code = "NotByKey"


class OwnApplication(Explained):
    """Nobody decides on his own application: somebody else has to."""

    code = "OwnApplication"


class ForReferents(Explained):
    """A référent of the entity validates applications."""

    code = "ForReferents"


class ForOperators(Explained):
    """An operator confirms applications."""

    code = "ForOperators"


class AlreadyMember(Explained):
    """You have a place in this entity already."""

    status = 409
    code = "AlreadyMember"


class EntityKnown(Explained):
    """This entity is in the register: apply for a place in it, under /accounts/applications."""

    status = 409
    code = "EntityKnown"


class TooManyApplications(Explained):
    """You have applied for as many places as one may at once: wait for an answer."""

    status = 409
    code = "TooManyApplications"


class CategoryNotPossible(Explained):
    """People of this entity cannot act in this category."""

    status = 409
    code = "CategoryNotPossible"


class WrongState(Explained):
    """The application does not stand so that this could be done."""

    status = 409
    code = "WrongState"


class Body(BaseModel):
    """A request; what is not known is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


WantedCategory = Annotated[
    Category | None, Field(description="In what quality the applicant wants to act; left out: what is usual there.")
]
Purpose = Annotated[str, Field(max_length=2000, description="What the images are needed for.")]
Reasoning = Annotated[str, Field(min_length=1, max_length=1000, description="Why; the applicant reads it.")]


class LegalRepresentative(Body):
    """Who can sign for an entity."""

    name: str = Field(min_length=1, max_length=200)
    email: str = Field(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=320)


class EntityApplication(Body):
    """An entity that wants to join; whoever sends this becomes its référent."""

    name: str = Field(min_length=2, max_length=200)
    kind: EntityKind
    country: Country = "FR"
    legal_representative: LegalRepresentative
    category: WantedCategory = None
    purpose: Purpose = ""


class AccountApplication(Body):
    """Somebody who wants a place in an entity."""

    entity: UUID = Field(description="Of the register under /entities.")
    category: WantedCategory = None
    purpose: Purpose = ""


class Confirmation(Body):
    """What an operator grants with a confirmation."""

    category: Category | None = Field(None, description="Left out: what was asked for, or is usual for the entity.")
    framework: UUID | None = Field(None, description="The mission or partnership that the category derives from.")


class Refusal(Body):
    """Why an application is refused."""

    reason: Reasoning


class OwnApplicationTold(BaseModel):
    """An application as its applicant reads it."""

    id: UUID
    entity: UUID
    entity_name: str
    role: Role
    category: Category | None
    purpose: str | None
    state: Literal["applied", "validated", "confirmed", "refused"]
    applied_at: datetime
    refusal: str | None


class ApplicationTold(OwnApplicationTold):
    """An application as those read it who decide on it."""

    person_name: str | None
    email: str | None


class OwnApplications(BaseModel):
    """The caller's applications, the earliest first."""

    applications: list[OwnApplicationTold]


class Applications(BaseModel):
    """The open applications to an entity, the earliest first."""

    applications: list[ApplicationTold]


async def _himself(caller: LoggedIn) -> Principal:
    if caller.login is None:
        raise NotByKey
    return caller


#: Somebody with a bearer token, with an account here or without.
Himself = Annotated[Principal, Depends(_himself)]

router = APIRouter(tags=["Applications"], dependencies=[Depends(personal)], route_class=SmallBodyRoute)


@router.post("/entities/applications", status_code=201, summary="Ask that an entity be taken in")
async def apply_for_entity(request: Request, wanted: EntityApplication, caller: Himself) -> OwnApplicationTold:
    """Ask that an entity be taken in, with the caller as its référent; operators look at its papers.

    Raises:
        EntityKnown: the register has it.
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
        return _told(await _application(connection, id_))


@router.post(
    "/accounts/applications",
    status_code=201,
    summary="Ask for a place in an entity",
    responses={200: {"model": OwnApplicationTold, "description": "It was asked for before, and is open"}},
)
async def apply_for_place(
    request: Request, response: Response, wanted: AccountApplication, caller: Himself
) -> OwnApplicationTold:
    """Ask for a place in an entity of the register, and with it for an account; asking twice is asking once.

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
        return _told(await _application(connection, id_))


async def _earlier(connection: Connection, person: UUID, entity: UUID) -> Application:
    """The open application of somebody who asks again."""
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
    """What the caller has asked for, and what became of it."""
    if caller.person is None:
        return OwnApplications(applications=[])
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(APPLICATIONS, None, None, caller.person, False)
    return OwnApplications(applications=[_told(Application(**row)) for row in rows])


@router.get("/entities/{entity_id}/applications", summary="The open applications to an entity")
async def applications_to(request: Request, entity_id: UUID, caller: Himself) -> Applications:
    """The open applications to an entity, for its référents and for operators.

    Raises:
        NotFoundError: there is no such entity, or the caller has no part in it.
    """
    async with request.app.state.get_connection(request, "r") as connection:
        if not (caller.is_operator or await connection.fetchval(IS_REFERENT, caller.person, entity_id)):
            raise no_entity()
        rows = await connection.fetch(APPLICATIONS, None, entity_id, None, True)
    return Applications(applications=[_told_to_deciders(Application(**row)) for row in rows])


@router.post("/accounts/applications/{application_id}/validate", summary="Say that an applicant is of one's entity")
async def validate(request: Request, application_id: UUID, caller: Himself) -> ApplicationTold:
    """Say, as a référent of the entity, that the applicant is one of its people; an operator has to confirm it.

    Raises:
        NotFoundError: there is no such application, or the caller has no part in it.
        OwnApplication, ForReferents, WrongState: the caller cannot validate it, or it is no longer to be validated.
    """
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        _, is_referent = await _decidable(connection, application_id, caller)
        if not is_referent:
            raise ForReferents
        return await _decided(connection, application_id, VALIDATE, caller.person)


@router.post("/accounts/applications/{application_id}/confirm", summary="Make an applicant a member")
async def confirm(
    request: Request, application_id: UUID, caller: Himself, confirmation: Confirmation | None = None
) -> ApplicationTold:
    """Make an applicant whom a référent has validated a member, as an operator, and grant a category.

    Raises:
        NotFoundError: there is no such application, or the caller has no part in it.
        OwnApplication, ForOperators, WrongState, CategoryNotPossible: the caller cannot confirm it, or not so.
    """
    granted = confirmation or Confirmation()
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        application, _ = await _decidable(connection, application_id, caller)
        if not caller.is_operator:
            raise ForOperators
        kind = await connection.fetchval(
            "SELECT kind FROM dinamis.framework WHERE id = $1 AND valid @> now()", granted.framework
        )
        wanted = granted.category or (Category(application.category) if application.category else None)
        try:
            grant = grant_for(application.entity_kind, application.entity_country, wanted, granted.framework, kind)
        except IdentityRefused as error:
            raise CategoryNotPossible(*error.args) from error
        which = (grant.category, grant.framework) if grant else (None, None)
        return await _decided(connection, application_id, CONFIRM, caller.person, *which)


@router.post("/accounts/applications/{application_id}/refuse", summary="Refuse an applicant")
async def refuse(request: Request, application_id: UUID, refusal: Refusal, caller: Himself) -> ApplicationTold:
    """Refuse an applicant, as a référent of the entity or an operator, with a reason that he reads.

    Raises:
        NotFoundError: there is no such application, or the caller has no part in it.
        OwnApplication, WrongState: the caller cannot refuse it, or it is decided.
    """
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        await _decidable(connection, application_id, caller)
        return await _decided(connection, application_id, REFUSE, caller.person, refusal.reason)


async def _decidable(connection: Connection, id_: UUID, caller: Principal) -> tuple[Application, bool]:
    """An application that the caller may have a say in, and whether he does as its entity's référent."""
    application = await _application(connection, id_)
    if application.person == caller.person:
        raise OwnApplication
    is_referent: bool = await connection.fetchval(IS_REFERENT, caller.person, application.entity)
    if not (is_referent or caller.is_operator):
        raise _no_application()
    if await _has_the_address_of(connection, application, caller):
        raise OwnApplication("It was made by another login with your own e-mail address.")
    return application, is_referent


async def _has_the_address_of(connection: Connection, application: Application, caller: Principal) -> bool:
    """Whether the applicant gives the caller's e-mail address: nobody decides for himself by a second login."""
    if application.email is None:
        return False
    known = await connection.fetchval("SELECT email FROM dinamis.person WHERE id = $1", caller.person)
    told = caller.login.email if caller.login else None
    return application.email.casefold() in {each.casefold() for each in (known, told) if each}


async def _decided(connection: Connection, id_: UUID, decision: str, *parameters: Any) -> ApplicationTold:
    try:
        # No login at the command line: whoever decides here is a person.
        changed = await connection.fetchval(decision, id_, *parameters, None)
    except CheckViolationError as error:
        raise OwnApplication from error
    application = await _application(connection, id_)
    if changed is None:
        missing = " It waits for a référent of the entity." if application.state == "applied" else ""
        raise WrongState(f"It is {application.state}.{missing}")
    return _told_to_deciders(application)


async def _application(connection: Connection, id_: UUID) -> Application:
    row = await connection.fetchrow(APPLICATIONS, id_, None, None, False)
    if row is None:
        raise _no_application()
    return Application(**row)


def _no_application() -> NotFoundError:
    return NotFoundError("There is no such application.")


def _told(application: Application) -> OwnApplicationTold:
    return OwnApplicationTold.model_validate(application, from_attributes=True)


def _told_to_deciders(application: Application) -> ApplicationTold:
    return ApplicationTold.model_validate(application, from_attributes=True)
