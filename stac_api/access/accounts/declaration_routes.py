"""Open data without an account: a short questionnaire for statistics, and accepting a licence, give a token."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from database.statements import statement
from stac_api.access.accounts.callers import personal
from stac_api.access.credentials.declaration_tokens import new_token
from stac_api.access.policy import Download, LicenceRef, PolicySet
from stac_api.access.rules.in_force import policies_in_force
from stac_api.downloads.signing_keys import present_signing_key
from stac_api.errors import HTTPProblem

_DECLARE = statement("stac_api.access", "declare")

Words = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]


class NotDeclared(HTTPProblem):
    """Accepting this version of the licence gives access to no images: see the licence of the collection."""

    status = 409
    code = "NotDeclared"


class Declaration(BaseModel):
    """The questionnaire: about the organisation and the use of the images, never about a person."""

    model_config = ConfigDict(extra="forbid")

    profile: Words = Field(description="In what profession: researcher, engineer, teacher…")
    organisation_type: Words = Field(description="What kind of organisation: laboratory, local authority, firm…")
    organisation: Words = Field(description="Its name.")
    application: Words = Field(description="What the images are for.")
    country: str = Field(pattern="^[A-Z]{2}$", description="Of the organisation: ISO 3166-1 alpha-2.")
    licence: LicenceRef = Field(description="The version of the licence that is accepted.")
    accepted: Literal[True] = Field(description="That the licence was read and is accepted.")


class Declared(BaseModel):
    """The token obtained by a declaration."""

    declaration: UUID
    token: str = Field(description="To be sent as `Authorization: Bearer`; good for all images under the licence.")
    expires: datetime
    licence: LicenceRef


router = APIRouter(prefix="/open-data", tags=["Licences"], dependencies=[Depends(personal)])


@router.post("/declarations", status_code=201, summary="Answer the questionnaire and accept a licence of open data")
async def declare(request: Request, declaration: Declaration) -> Declared:
    """Store the answers, and give a token for all images under the licence; nothing links the two.

    Raises:
        NotDeclared: it is not the version that the rules in force require.
    """
    if declaration.licence not in _accepted_by_declaration(await policies_in_force(request)):
        raise NotDeclared
    answers = declaration.model_dump(include={"profile", "organisation_type", "organisation", "application", "country"})
    licence, key = declaration.licence, await present_signing_key(request)
    async with request.app.state.get_connection(request, "r") as connection:
        id_: UUID = await connection.fetchval(_DECLARE, *answers.values(), licence.id, licence.version)
    token, expires_at = new_token([licence], key.kid, key.secret)
    return Declared(declaration=id_, token=token, expires=expires_at, licence=licence)


def _accepted_by_declaration(policies: PolicySet | None) -> list[LicenceRef]:
    rules = policies.rules if policies else ()
    return [rule.licence for rule in rules if rule.licence and rule.download is Download.QUESTIONNAIRE]
