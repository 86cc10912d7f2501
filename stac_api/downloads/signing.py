"""`POST /sign` and `POST /sign_urls`: addresses of assets that open them for a while without any other credential.

The second is as the client `teledetection` (1.13) asks and understands it. Nothing is ever fetched here, and only our
own addresses are signed.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from logging import getLogger
from typing import Annotated, Any

import attr
from fastapi import APIRouter, FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from stac_fastapi.types.extension import ApiExtension
from stac_fastapi.types.requests import get_base_url
from starlette.responses import JSONResponse

from stac_api.access.authorize import Decision
from stac_api.access.credentials.resolver import principal_of
from stac_api.access.refusals import PERSONAL_HEADERS, Refused
from stac_api.access.rules.in_force import policies_in_force
from stac_api.downloads.addresses import asset_named_by
from stac_api.downloads.entitlement import decided
from stac_api.downloads.errors import NotOurAddress, NotSigned
from stac_api.downloads.held_assets import held_assets
from stac_api.downloads.signatures import AssetName, Grant, SigningKey, signed_query
from stac_api.downloads.signing_keys import LONGEST_S, USUAL_S, present_signing_key
from stac_api.downloads.subjects import subject_of
from stac_api.errors import HTTPProblem

logger = getLogger(__name__)

#: As many as the `teledetection` client sends at once.
MOST_ADDRESSES = 64

Address = Annotated[str, Field(max_length=4096)]


class SignRequest(BaseModel):
    """One address."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"href": "https://…/assets/pleiades/PHR1A…/pms-ortho-…"}]}
    )

    href: Address = Field(description="The href of an asset, as it stands in its Item.")
    duration_seconds: int | None = Field(None, ge=1, description="How long it is to open the file.")


class Signed(BaseModel):
    """A signed address."""

    href: str = Field(description="Opens the file for GET and HEAD until it expires, without any other credential.")
    expires: datetime = Field(description="UTC.")
    expiry: datetime = Field(description="The same, as the `teledetection` client calls it.")
    msft_expiry: datetime = Field(alias="msft:expiry", description="The same, as `planetary-computer` calls it.")


class SignUrlsRequest(BaseModel):
    """Several addresses."""

    urls: list[Address] = Field(max_length=MOST_ADDRESSES, description="Hrefs of assets.")
    duration_seconds: int | None = Field(None, ge=1, description="How long they are to open the files.")


class SignedUrls(BaseModel):
    """The signed addresses, all of them: one that cannot be signed refuses the others too."""

    expiry: datetime = Field(description="UTC.")
    hrefs: dict[str, str] = Field(description="By the addresses that were asked for.")


@dataclass(frozen=True, kw_only=True)
class _Signer:
    """What all signatures of one request have in common."""

    base_url: str
    subject: str
    key: SigningKey
    expires_at: datetime

    @property
    def expiry(self) -> str:
        return f"{self.expires_at:%Y-%m-%dT%H:%M:%SZ}"

    def signed(self, asset: AssetName) -> str:
        grant = Grant(subject=self.subject, expires_at=self.expires_at, jti=secrets.token_urlsafe(12))
        logger.info("Signed %s as %s for %s", asset.path, grant.jti, self.subject)
        return f"{self.base_url}{asset.path}?{signed_query(asset, grant, self.key)}"


@attr.s
class SigningExtension(ApiExtension):
    """The routes that sign.

    Attributes:
        public: Whether everybody may have the files of all that they can see, whatever the rules say.
    """

    public: bool = attr.ib(default=False)

    def register(self, app: FastAPI) -> None:
        """Add the routes."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Signed addresses"])
        router.add_api_route(
            "/sign", self.sign, methods=["POST"], name="Sign an address", response_model=Signed, responses=_ANSWERS
        )
        router.add_api_route(
            "/sign_urls",
            self.sign_urls,
            methods=["POST"],
            name="Sign several addresses",
            response_model=SignedUrls,
            responses=_ANSWERS,
        )
        # Beside the routes that sign, `teledetection` looks for the description that says where to log in.
        router.add_api_route("/openapi.json", self.description, methods=["GET"], include_in_schema=False)
        app.include_router(router)

    async def description(self, request: Request) -> JSONResponse:
        """The description of the API, as at /api."""
        return JSONResponse(request.app.openapi())

    async def sign(self, request: Request, asked: SignRequest) -> JSONResponse:
        """The address of an asset with a signature that opens it for a while, an hour unless asked otherwise.

        Raises:
            NotOurAddress: it is not the address of an asset of this server.
            Refused: by the rules in force the caller may not have the asset, or not know of it.
        """
        (found,) = await self._decisions(request, [asked.href])
        if isinstance(found, HTTPProblem):
            raise found
        signer = await _signer(request, asked.duration_seconds)
        until = dict.fromkeys(("expires", "expiry", "msft:expiry"), signer.expiry)
        return JSONResponse({"href": signer.signed(found), **until}, headers=PERSONAL_HEADERS)

    async def sign_urls(self, request: Request, asked: SignUrlsRequest) -> JSONResponse:
        """The addresses of assets with signatures that open them for a while, an hour unless asked otherwise.

        Raises:
            NotSigned: at least one of them cannot be signed.
        """
        found = dict(zip(asked.urls, await self._decisions(request, asked.urls), strict=True))
        if refusals := {url: each for url, each in found.items() if isinstance(each, HTTPProblem)}:
            raise NotSigned(refusals)
        signer = await _signer(request, asked.duration_seconds)
        hrefs = {url: signer.signed(asset) for url, asset in found.items() if isinstance(asset, AssetName)}
        return JSONResponse({"expiry": signer.expiry, "hrefs": hrefs}, headers=PERSONAL_HEADERS)

    async def _decisions(self, request: Request, addresses: Sequence[str]) -> list[AssetName | HTTPProblem]:
        """What each address names, or why it is not signed."""
        principal, policies = await principal_of(request), await policies_in_force(request)
        names = [asset_named_by(each, get_base_url(request)) for each in addresses]
        assets = await held_assets(request, names)
        return [
            _outcome(name, decided(asset, principal, policies, is_public=self.public))
            for name, asset in zip(names, assets, strict=True)
        ]


_ANSWERS: dict[int | str, dict[str, Any]] = {
    400: {"description": "An address is not that of an asset of this server"},
    401: {"description": "Log in first"},
    403: {"description": "By the rules in force an asset is not for the caller"},
    404: {"description": "No such asset"},
}


def _outcome(name: AssetName | None, decision: Decision) -> AssetName | HTTPProblem:
    if name is None:
        return NotOurAddress()
    return name if decision.allowed else Refused(decision)


async def _signer(request: Request, duration_s: int | None) -> _Signer:
    key, principal = await present_signing_key(request), await principal_of(request)
    lasts = timedelta(seconds=min(duration_s or USUAL_S, LONGEST_S))
    return _Signer(
        base_url=get_base_url(request),
        subject=subject_of(principal),
        key=key,
        expires_at=(datetime.now(UTC) + lasts).replace(microsecond=0),
    )
