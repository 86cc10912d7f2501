"""Passing images on under a licence that both sides sign: `/licenses/{id}/{version}/transfers`, `/me/transfers`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from asyncpg import Connection
from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.errors import NotFoundError

from database.statements import statements
from stac_api.access.accounts.callers import AccountHolder, personal
from stac_api.access.accounts.licence_routes import (
    LicenceId,
    SignatureWanted,
    Version,
    give_signature,
    refuse_other_text,
)
from stac_api.access.accounts.visible_resources import visible_resource
from stac_api.access.authorize import Action, authorize
from stac_api.access.policy import LicenceRef
from stac_api.access.principal import Principal
from stac_api.access.refusals import Refused
from stac_api.access.rules.in_force import policies_in_force
from stac_api.errors import HTTPProblem

_DECLARE, _ACCEPT, _TRANSFERS = statements("stac_api.access", "declare_transfer", "accept_transfer", "transfers")


class NotPassedOn(HTTPProblem):
    """This image cannot be passed on like this."""

    status = 409
    code = "NotPassedOn"


class TransferWanted(BaseModel):
    """An image to be passed on."""

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


router = APIRouter(tags=["Licences"], dependencies=[Depends(personal)])


@router.post(
    "/licenses/{licence_id}/{version}/transfers",
    status_code=201,
    summary="Declare that an image is passed on to another institution or a contractor",
)
async def declare_transfer(
    request: Request, licence_id: LicenceId, version: Version, wanted: TransferWanted, caller: AccountHolder
) -> Transfer:
    """Declare a transfer, under the licence by which the caller has the image; it counts once the receiver has signed.

    Raises:
        NotFoundError: there is no such image for the caller.
        Refused: the caller may not have the image.
        NotPassedOn: the image is under another licence, or the receiver is not an active entity.
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
        NotFoundError: no such transfer to the entity exists.
        LicenceSuperseded, OtherText, NoSuchPlace, Refused: as for any signature.
    """
    licence = LicenceRef(id=licence_id, version=version)
    policies = await policies_in_force(request)
    async with request.app.state.get_connection(request, "r") as connection, connection.transaction():
        transfer = await _transfer(connection, caller, transfer_id)
        if (transfer.licence, transfer.version, transfer.receiver) != (licence_id, version, wanted.entity):
            raise _no_such_transfer(transfer_id)
        await refuse_other_text(connection, licence, wanted.digest, policies)
        given, _ = await give_signature(connection, caller, licence, wanted)
        await connection.execute(_ACCEPT, transfer_id, given.id, caller.person)
        return await _transfer(connection, caller, transfer_id)


@router.get("/me/transfers", summary="The images that the caller passes on, or receives")
async def own_transfers(request: Request, caller: AccountHolder) -> Transfers:
    """The transfers declared by the caller, and those to the caller's entities."""
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
