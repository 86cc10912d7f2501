"""Who requests an asset, and whether they may have it: one decision for sending a file and for signing its address."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from fastapi import Request

from stac_api.access.authorize import Action, Decision, Reason, authorize
from stac_api.access.credentials.resolver import principal_of
from stac_api.access.policy import PolicySet
from stac_api.access.principal import Principal
from stac_api.downloads.held_assets import HeldAsset
from stac_api.downloads.signatures import AssetName, verified_grant
from stac_api.downloads.signing_keys import signing_keys
from stac_api.downloads.subjects import principal_of_subject

_ABSENT = Decision(allowed=False, reasons=(Reason.HIDDEN,))


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who requests a file, and with which credential."""

    principal: Principal
    grant: str | None = None  #: the jti of the signature, where that is the credential


async def caller_of(request: Request, asset: AssetName) -> Caller:
    """The caller: a signature in the address stands for the person it was made for, whatever else the request carries.

    Raises:
        SignatureInvalid, SignatureExpired: there is a signature, but it does not open this file now.
        CredentialInvalid, CredentialsDiffer: as for any request.
    """
    if "sig" not in request.query_params:
        return Caller(principal=await principal_of(request))
    keys = await signing_keys(request)
    grant = verified_grant(asset, request.query_params, keys.by_id, datetime.now(UTC))
    return Caller(principal=await principal_of_subject(request, grant.subject), grant=grant.jti)


def decided(asset: HeldAsset | None, principal: Principal, policies: PolicySet | None, *, is_public: bool) -> Decision:
    """Whether somebody may have an asset; an absent one counts as hidden.

    Args:
        asset: The asset, if there is one.
        principal: Who asks.
        policies: The set in force.
        is_public: Whether the operator makes the files of everything visible public, whatever the rules say.
    """
    if asset is None:
        return _ABSENT
    return authorize(principal, Action.VIEW if is_public else asset.action, asset.resource, policies)
