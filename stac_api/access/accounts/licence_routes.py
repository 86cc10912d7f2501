"""Licences are signed, and images passed on under them: what stands below `/licenses/{id}/{version}`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from asyncpg import Connection
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.errors import NotFoundError

from database.statements import statements
from stac_api.access.accounts.callers import AccountHolder, personal
from stac_api.access.accounts.places import visible_resource
from stac_api.access.authorize import Action, Decision, Reason, authorize
from stac_api.access.policy import LicenceRef, PolicySet
from stac_api.access.principal import Principal, Standing
from stac_api.access.refusals import Refused
from stac_api.access.rules.in_force import policies_in_force
from stac_api.errors import Explained

_SIGNER, _SIGN, _DECLARE, _ACCEPT, _TRANSFERS = statements(
    "stac_api.access", "signer", "sign_licence", "declare_transfer", "accept_transfer", "transfers"
)

Digest = Annotated[
    str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the text that was read, as the licence has it.")
]


class NotToBeSigned(Explained):
    """This licence is not one that is signed."""

    status = 409
    code = "NotToBeSigned"


class LicenceSuperseded(Explained):
    """This version of the licence is superseded: read the present one and sign that."""

    status = 409
    code = "LicenceSuperseded"


class OtherText(Explained):
    """The digest is not that of the licence's text: read it again, and sign what you have read."""

    status = 409
    code = "OtherText"


class NoSuchPlace(Explained):
    """You do not belong to this entity."""

    code = "NoSuchPlace"


class NotPassedOn(Explained):
    """This image cannot be passed on like this."""

    status = 409
    code = "NotPassedOn"


class SignatureWanted(BaseModel):
    """A licence as it is signed."""

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


class TransferWanted(BaseModel):
    """An image that is to be passed on."""

    model_config = ConfigDict(extra="forbid")

    collection: str = Field(max_length=200)
    item: str = Field(max_length=200)
    receiver: UUID = Field(description="The entity that receives it, of the register under /entities.")
    purpose: str = Field(min_length=1, max_length=500, description="What the receiver needs it for.")


class Transfer(BaseModel):
    """An image that one entity passes on to another."""

    id: UUID
    licence: str
    version: int
    collection: str
    item: str
    purpose: str
    declared_at: datetime
    giver: UUID
    giver_name: str
    receiver: UUID
    receiver_name: str
    is_own: bool = Field(description="Whether the caller declared it.")
    accepted_at: datetime | None = Field(None, description="When the receiver signed too: it counts from then on.")


class Transfers(BaseModel):
    """Transfers, the newest first."""

    transfers: list[Transfer]


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
        NotToBeSigned, LicenceSuperseded, OtherText: it is not this text that is to be signed.
        NoSuchPlace, Refused: the caller does not belong to the entity, or not now.
    """
    policies = await policies_in_force(request)
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        await _refuse_other_text(connection, LicenceRef(id=licence_id, version=version), wanted.digest, policies)
        given, is_new = await _sign(connection, caller, LicenceRef(id=licence_id, version=version), wanted)
    response.status_code = 201 if is_new else 200
    return given


async def _refuse_other_text(
    connection: Connection, licence: LicenceRef, digest: str, policies: PolicySet | None
) -> None:
    row = await connection.fetchrow(
        "SELECT kind, digest FROM dinamis.licence WHERE id = $1 AND version = $2", licence.id, licence.version
    )
    if row is None:
        raise NotFoundError(f"Licence {licence.id}, version {licence.version}, does not exist.")
    if row["kind"] != "signed":
        raise NotToBeSigned
    if licence.version < version_in_force(licence.id, policies):
        raise LicenceSuperseded
    if row["digest"] != digest:
        raise OtherText


def version_in_force(licence_id: str, policies: PolicySet | None) -> int:
    """The version of a licence that the rules ask for; 0 where they name none."""
    rules = policies.rules if policies else ()
    return max((rule.licence.version for rule in rules if rule.licence and rule.licence.id == licence_id), default=0)


async def _sign(
    connection: Connection, caller: Principal, licence: LicenceRef, wanted: SignatureWanted
) -> tuple[SignatureGiven, bool]:
    standing = await connection.fetchval(_SIGNER, caller.person, wanted.entity, wanted.on_behalf_of)
    if standing is None:
        raise NoSuchPlace
    if standing != Standing.GOOD:
        raise Refused(Decision(allowed=False, reasons=(Reason(standing),)))
    signature = (caller.person, wanted.entity, licence.id, licence.version, wanted.digest, caller.credential)
    row = None
    while row is None:
        # Not found only while the same signature is being given by another request: that one was waited for.
        row = await connection.fetchrow(_SIGN, *signature, wanted.on_behalf_of)
    given = SignatureGiven(
        id=row["id"],
        licence=licence.id,
        version=licence.version,
        signed_at=row["signed_at"],
        **wanted.model_dump(),
    )
    return given, row["is_new"]


@router.post(
    "/licenses/{licence_id}/{version}/transfers",
    status_code=201,
    summary="Declare that an image is passed on to another institution or a contractor",
)
async def declare_transfer(
    request: Request, licence_id: LicenceId, version: Version, wanted: TransferWanted, caller: AccountHolder
) -> Transfer:
    """Declare a transfer, under the licence by which the caller has the image; it counts once the receiver signed too.

    Raises:
        NotFoundError: there is no such image for the caller.
        Refused: the caller may not have the image.
        NotPassedOn: the image is under another licence, or the receiver is no active entity.
    """
    resource = await visible_resource(request, wanted.collection, wanted.item)
    decision = authorize(caller, Action.DOWNLOAD, resource, await policies_in_force(request))
    if not decision.allowed:
        raise Refused(decision)
    licence = decision.rule.licence if decision.rule else None
    if licence != LicenceRef(id=licence_id, version=version) or decision.capacity is None:
        raise NotPassedOn("It is had under another licence, or another version of it.")
    async with request.app.state.get_connection(request, "r") as connection:
        declared = await connection.fetchval(
            _DECLARE,
            caller.person,
            decision.capacity.entity,
            licence_id,
            version,
            wanted.collection,
            wanted.item,
            wanted.receiver,
            wanted.purpose,
        )
        if declared is None:
            raise NotPassedOn("The receiver must be another entity, active in the register, and the licence signed.")
        return await _transfer(connection, caller, declared)


@router.post(
    "/licenses/{licence_id}/{version}/transfers/{transfer_id}/signatures",
    status_code=201,
    summary="Sign the licence of an image that one's entity receives",
)
async def accept_transfer(
    request: Request,
    licence_id: LicenceId,
    version: Version,
    transfer_id: UUID,
    wanted: SignatureWanted,
    caller: AccountHolder,
) -> Transfer:
    """Sign the licence as the receiver of an image: from then on the transfer counts.

    Raises:
        NotFoundError: no such image is passed on to the entity.
        LicenceSuperseded, OtherText, NoSuchPlace, Refused: as for any signature.
    """
    licence = LicenceRef(id=licence_id, version=version)
    policies = await policies_in_force(request)
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        transfer = await _transfer(connection, caller, transfer_id)
        if (transfer.licence, transfer.version, transfer.receiver) != (licence_id, version, wanted.entity):
            raise _no_such_transfer(transfer_id)
        await _refuse_other_text(connection, licence, wanted.digest, policies)
        given, _ = await _sign(connection, caller, licence, wanted)
        await connection.execute(_ACCEPT, transfer_id, given.id, caller.person)
        return await _transfer(connection, caller, transfer_id)


@router.get("/me/transfers", summary="The images that the caller passes on, or receives")
async def own_transfers(request: Request, caller: AccountHolder) -> Transfers:
    """What the caller declared, and what is passed on to the entities that he belongs to."""
    async with request.app.state.get_connection(request, "r") as connection:
        rows = await connection.fetch(_TRANSFERS, caller.person, None)
    return Transfers(transfers=[Transfer.model_validate(dict(row)) for row in rows])


async def _transfer(connection: Connection, caller: Principal, transfer_id: UUID) -> Transfer:
    row: Any = await connection.fetchrow(_TRANSFERS, caller.person, transfer_id)
    if row is None:
        raise _no_such_transfer(transfer_id)
    return Transfer.model_validate(dict(row))


def _no_such_transfer(transfer_id: UUID) -> NotFoundError:
    return NotFoundError(f"Transfer {transfer_id} does not exist.")
