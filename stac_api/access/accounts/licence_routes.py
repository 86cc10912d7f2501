"""Signing licences: `/licenses/{id}/{version}/signatures`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from asyncpg import Connection
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.errors import NotFoundError

from database.statements import statements
from stac_api.access.accounts.callers import AccountHolder, personal
from stac_api.access.authorize import Decision, Reason
from stac_api.access.policy import LicenceRef, PolicySet
from stac_api.access.principal import Principal, Standing
from stac_api.access.refusals import Refused
from stac_api.access.rules.in_force import policies_in_force
from stac_api.errors import HTTPProblem

_SIGNER, _SIGN = statements("stac_api.access", "signer", "sign_licence")

Digest = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the text that was read, as the licence has it.")
]


class NotToBeSigned(HTTPProblem):
    """This licence is not one that is signed."""

    status = 409
    code = "NotToBeSigned"


class LicenceSuperseded(HTTPProblem):
    """This version of the licence is superseded: read the present one and sign that."""

    status = 409
    code = "LicenceSuperseded"


class OtherText(HTTPProblem):
    """The digest is not that of the licence's text: read it again, and sign what you have read."""

    status = 409
    code = "OtherText"


class NoSuchPlace(HTTPProblem):
    """You do not belong to this entity."""

    code = "NoSuchPlace"


class SignatureWanted(BaseModel):
    """A licence to be signed."""

    model_config = ConfigDict(extra="forbid")

    entity: UUID = Field(description="The entity that it is signed for; the signer belongs to it.")
    digest: Digest
    on_behalf_of: UUID | None = Field(
        None, description="Of a contractor or partner: the actor for whom the mission or partnership is."
    )


class SignatureGiven(BaseModel):
    """A signature."""

    id: UUID
    licence: str
    version: int
    entity: UUID
    on_behalf_of: UUID | None = None
    digest: str
    signed_at: datetime


LicenceId = Annotated[str, Path(description="Licence ID", max_length=100)]
Version = Annotated[int, Path(description="Its version", ge=1, lt=2**31)]

router = APIRouter(tags=["Licences"], dependencies=[Depends(personal)])


@router.post(
    "/licenses/{licence_id}/{version}/signatures",
    status_code=201,
    summary="Sign a licence",
    responses={200: {"model": SignatureGiven, "description": "It was signed before"}},
)
async def sign(
    request: Request,
    response: Response,
    licence_id: LicenceId,
    version: Version,
    wanted: SignatureWanted,
    caller: AccountHolder,
) -> SignatureGiven:
    """Sign a version of a licence for an entity.

    Raises:
        NotFoundError: there is no such licence.
        NotToBeSigned, LicenceSuperseded, OtherText: this is not the text to be signed.
        NoSuchPlace, Refused: the caller does not belong to the entity, or not now.
    """
    policies = await policies_in_force(request)
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        await refuse_other_text(connection, LicenceRef(id=licence_id, version=version), wanted.digest, policies)
        given, is_new = await give_signature(connection, caller, LicenceRef(id=licence_id, version=version), wanted)
    response.status_code = 201 if is_new else 200
    return given


async def refuse_other_text(
    connection: Connection, licence: LicenceRef, digest: str, policies: PolicySet | None
) -> None:
    """Refuse a signature of another text.

    Raises:
        NotFoundError: there is no such licence.
        NotToBeSigned, LicenceSuperseded, OtherText: this is not the text to be signed.
    """
    row = await connection.fetchrow(
        "SELECT kind, digest FROM dinamis.licence WHERE id = $1 AND version = $2", licence.id, licence.version
    )
    if row is None:
        raise NotFoundError(f"Licence {licence.id}, version {licence.version}, does not exist.")
    if row["kind"] != "signed":
        raise NotToBeSigned
    if licence.version < _version_in_force(licence.id, policies):
        raise LicenceSuperseded
    if row["digest"] != digest:
        raise OtherText


def _version_in_force(licence_id: str, policies: PolicySet | None) -> int:
    """The version of a licence that the rules require; 0 where they name none."""
    rules = policies.rules if policies else ()
    return max((rule.licence.version for rule in rules if rule.licence and rule.licence.id == licence_id), default=0)


async def give_signature(
    connection: Connection, caller: Principal, licence: LicenceRef, wanted: SignatureWanted
) -> tuple[SignatureGiven, bool]:
    """Store the signature of a licence; returns it, and whether it is new.

    Raises:
        NoSuchPlace, Refused: the caller does not belong to the entity, or not now.
    """
    standing = await connection.fetchval(_SIGNER, caller.person, wanted.entity, wanted.on_behalf_of)
    if standing is None:
        raise NoSuchPlace
    if standing != Standing.GOOD:
        raise Refused(Decision(allowed=False, reasons=(Reason(standing),)))
    signature = (caller.person, wanted.entity, licence.id, licence.version, wanted.digest, caller.credential)
    row = None
    while row is None:
        # Only missing if another request was giving the same signature at the same time; by now that one is stored.
        row = await connection.fetchrow(_SIGN, *signature, wanted.on_behalf_of)
    given = SignatureGiven(
        id=row["id"],
        licence=licence.id,
        version=licence.version,
        signed_at=row["signed_at"],
        **wanted.model_dump(),
    )
    return given, row["is_new"]
