"""How applications are decided: a référent of the entity validates, an operator confirms, either may refuse.

To anybody whom an application does not concern, it does not exist.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from asyncpg import CheckViolationError, Connection
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, Field

from database.statements import statement
from stac_api.access.accounts.application_routes import (
    Body,
    CategoryNotPossible,
    Himself,
    OwnApplicationTold,
    application_of,
    no_application,
)
from stac_api.access.accounts.callers import personal
from stac_api.access.accounts.register_routes import no_entity
from stac_api.access.errors import IdentityRefused
from stac_api.access.policy import Category
from stac_api.access.principal import Principal
from stac_api.access.register.memberships import APPLICATIONS, CONFIRM, REFUSE, VALIDATE, Application, grant_for
from stac_api.errors import HTTPProblem

IS_REFERENT = statement("stac_api.access", "is_referent")


class OwnApplication(HTTPProblem):
    """Nobody decides on their own application: somebody else has to."""

    code = "OwnApplication"


class ForReferents(HTTPProblem):
    """A référent of the entity validates applications."""

    code = "ForReferents"


class ForOperators(HTTPProblem):
    """An operator confirms applications."""

    code = "ForOperators"


class WrongState(HTTPProblem):
    """The state of the application does not allow this."""

    status = 409
    code = "WrongState"


class Confirmation(Body):
    """What an operator grants with a confirmation."""

    category: Category | None = Field(None, description="Left out: what was asked for, or is usual for the entity.")
    framework: UUID | None = Field(None, description="The mission or partnership that the category derives from.")


class Refusal(Body):
    """Why an application is refused."""

    reason: str = Field(min_length=1, max_length=1000, description="Why; the applicant reads it.")


class ApplicationTold(OwnApplicationTold):
    """An application as shown to those who decide on it."""

    person_name: str | None
    email: str | None


class Applications(BaseModel):
    """The open applications to an entity, the earliest first."""

    applications: list[ApplicationTold]


router = APIRouter(tags=["Applications"], dependencies=[Depends(personal)])


@router.get("/entities/{entity_id}/applications", summary="The open applications to an entity")
async def applications_to(request: Request, entity_id: UUID, caller: Himself) -> Applications:
    """The open applications to an entity, for its référents and operators.

    Raises:
        NotFoundError: there is no such entity, or the caller is neither its référent nor an operator.
    """
    async with request.app.state.get_connection(request, "r") as connection:
        if not (caller.is_operator or await connection.fetchval(IS_REFERENT, caller.person, entity_id)):
            raise no_entity()
        rows = await connection.fetch(APPLICATIONS, None, entity_id, None, True)
    return Applications(applications=[_told_to_deciders(Application(**row)) for row in rows])


@router.post("/accounts/applications/{application_id}/validate", summary="Say that an applicant is of one's entity")
async def validate(request: Request, application_id: UUID, caller: Himself) -> ApplicationTold:
    """Validate, as a référent of the entity, that the applicant is one of its people; an operator must then confirm it.

    Raises:
        NotFoundError: there is no such application, or the caller has no part in it.
        OwnApplication, ForReferents, WrongState: the caller cannot validate it, or it is not awaiting validation.
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
        if granted.framework and kind is None:
            raise CategoryNotPossible("There is no such mission, partnership or project now.")
        wanted = granted.category or (Category(application.category) if application.category else None)
        try:
            grant = grant_for(application.entity_kind, application.entity_country, wanted, granted.framework, kind)
        except IdentityRefused as error:
            raise CategoryNotPossible(*error.args) from error
        which = (grant.category, grant.framework) if grant else (None, None)
        return await _decided(connection, application_id, CONFIRM, caller.person, *which)


@router.post("/accounts/applications/{application_id}/refuse", summary="Refuse an applicant")
async def refuse(request: Request, application_id: UUID, refusal: Refusal, caller: Himself) -> ApplicationTold:
    """Refuse an applicant, as a référent of the entity or an operator, with a reason for the applicant to read.

    Raises:
        NotFoundError: there is no such application, or the caller has no part in it.
        OwnApplication, WrongState: the caller cannot refuse it, or it is already decided.
    """
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        await _decidable(connection, application_id, caller)
        return await _decided(connection, application_id, REFUSE, caller.person, refusal.reason)


async def _decidable(connection: Connection, id_: UUID, caller: Principal) -> tuple[Application, bool]:
    """An application that the caller may decide on, and whether as its entity's référent."""
    application = await application_of(connection, id_)
    if application.person == caller.person:
        raise OwnApplication
    is_referent: bool = await connection.fetchval(IS_REFERENT, caller.person, application.entity)
    if not (is_referent or caller.is_operator):
        raise no_application()
    if await _has_the_address_of(connection, application, caller):
        raise OwnApplication("It was made by another login with your own e-mail address.")
    return application, is_referent


async def _has_the_address_of(connection: Connection, application: Application, caller: Principal) -> bool:
    """Whether the applicant has the caller's e-mail address: a second login must not decide on the first one's."""
    if application.email is None:
        return False
    known = await connection.fetchval("SELECT email FROM dinamis.person WHERE id = $1", caller.person)
    told = caller.login.email if caller.login else None
    return application.email.casefold() in {each.casefold() for each in (known, told) if each}


async def _decided(connection: Connection, id_: UUID, decision: str, *parameters: Any) -> ApplicationTold:
    try:
        # No command-line login: whoever decides here is a person.
        changed = await connection.fetchval(decision, id_, *parameters, None)
    except CheckViolationError as error:
        raise OwnApplication from error
    application = await application_of(connection, id_)
    if changed is None:
        missing = " It waits for a référent of the entity." if application.state == "applied" else ""
        raise WrongState(f"It is {application.state}.{missing}")
    return _told_to_deciders(application)


def _told_to_deciders(application: Application) -> ApplicationTold:
    return ApplicationTold.model_validate(application, from_attributes=True)
