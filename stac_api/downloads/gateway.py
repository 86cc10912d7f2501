"""The route of the files: stable addresses of our own, behind which each request is decided, recorded and answered."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import attr
from fastapi import APIRouter, FastAPI, Request
from fastapi import Path as PathParameter
from stac_fastapi.types.extension import ApiExtension
from starlette.concurrency import run_in_threadpool
from starlette.responses import FileResponse, RedirectResponse, Response

from stac_api.access.authorize import Action, Decision, Reason
from stac_api.access.refusals import PERSONAL_HEADERS, Refused
from stac_api.access.rules.in_force import policies_in_force
from stac_api.conditional_requests import has_current
from stac_api.downloads.archive_members import ArchiveMember
from stac_api.downloads.delivery import answer_with, origin_of
from stac_api.downloads.entitlement import Caller, caller_of, decided
from stac_api.downloads.files import AssetFile
from stac_api.downloads.held_assets import OCTETS, HeldAsset, held_assets
from stac_api.downloads.record import DownloadEvent, DownloadRecord, network_of
from stac_api.downloads.signatures import AssetName
from stac_api.downloads.storages import Storages

#: Vendor files are data, never pages of this site; and signed addresses must not leak as referrers.
_HEADERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}


@attr.s
class AssetsExtension(ApiExtension):
    """The route of the files.

    Attributes:
        public: Whether the files of everything visible are public, whatever the rules say.
    """

    public: bool = attr.ib(default=False)
    storages: Storages = attr.ib(factory=Storages, init=False)

    def register(self, app: FastAPI) -> None:
        """Add the route."""
        app.state.download_record = DownloadRecord()
        router = APIRouter(prefix=app.state.router_prefix, tags=["Assets"])
        for method in ("GET", "HEAD"):
            router.add_api_route(
                "/assets/{collection_id}/{item_id}/{asset_key}",
                self.asset,
                methods=[method],
                name=f"{method.title()} Asset",
                operation_id=f"{method.lower()}_asset",
                summary="The file of an asset",
                response_class=FileResponse,
                responses=_ANSWERS,
            )
        app.include_router(router)

    async def asset(
        self,
        request: Request,
        collection_id: Annotated[str, PathParameter(description="Collection ID")],
        item_id: Annotated[str, PathParameter(description="Item ID")],
        asset_key: Annotated[str, PathParameter(description="Key of the asset in its Item")],
    ) -> Response:
        """The file, whole or in the requested ranges; 304 if the client already has it; 307 to the storage that has it.

        Raises:
            Refused: by the rules in force the caller may not have it, or not know of it.
            SignatureInvalid, SignatureExpired: the address is signed, but not for this file, or no longer validly.
            AssetNotFound: the file does not exist.
            AssetNotServed: the file is stored where it cannot be served from.
            HTTPException: 400 or 416, the requested ranges are invalid.
        """
        name = AssetName(collection=collection_id, item=item_id, key=asset_key)
        caller = await caller_of(request, name)
        (asset,) = await held_assets(request, [name])
        decision = decided(asset, caller.principal, await policies_in_force(request), is_public=self.public)
        if asset is None or not decision.allowed:
            response = _instead(asset, decision)
        else:
            response = await self._delivered(request, asset, caller, decision)
        response.headers.update(_HEADERS | _caching(caller, response))
        return response

    async def _delivered(self, request: Request, asset: HeldAsset, caller: Caller, decision: Decision) -> Response:
        is_head = request.method == "HEAD"
        response = await run_in_threadpool(answer_with, asset, self.storages, is_head=is_head)
        etag = response.headers.get("etag")
        if etag and has_current(request, etag):
            return Response(status_code=304, headers={"etag": etag})
        if is_head or asset.action is not Action.DOWNLOAD:
            return response
        event = DownloadEvent(
            principal=caller.principal,
            decision=decision,
            asset=asset.name,
            bytes=_size_of_whole(request, response),
            grant=caller.grant,
            network=network_of(request),
        )
        add_to_record = partial(request.app.state.download_record.add, request, event)
        if isinstance(response, AssetFile):
            # Only when sending begins is it known whether there is anything to send.
            response.before_first_byte = add_to_record
        else:
            await add_to_record()
        return response


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole file", "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The ranges asked for"},
    304: {"description": "The client has the current file"},
    307: {"description": "The file is there for some minutes, at the storage or the infrastructure that has it"},
    400: {"description": "The Range header cannot be read, or there are two different credentials"},
    401: {"description": "Log in first"},
    403: {"description": "By the rules in force this is not for the caller, or the signature is not good for it"},
    404: {"description": "No such asset"},
    416: {"description": "The range lies beyond the end of the file"},
    501: {"description": "The file lies where it cannot be had from, as inside a tar"},
}


def _instead(asset: HeldAsset | None, decision: Decision) -> Response:
    """A redirect to where a file that is not served here can be found.

    Raises:
        Refused: there is no such place.
    """
    origin = origin_of(asset) if asset and Reason.AT_THE_ORIGIN in decision.reasons else None
    if origin is None:
        raise Refused(decision)
    return RedirectResponse(origin, 307)


def _caching(caller: Caller, response: Response) -> dict[str, str]:
    """Cache headers: what an anonymous caller gets may be shared, but must be revalidated with its ETag."""
    is_for_all = caller.principal.credential == "anonymous" and not isinstance(response, RedirectResponse)
    return {**PERSONAL_HEADERS, **({"Cache-Control": "no-cache"} if is_for_all else {})}


def _size_of_whole(request: Request, response: Response) -> int | None:
    is_whole = isinstance(response, ArchiveMember) or (
        isinstance(response, AssetFile) and "range" not in request.headers
    )
    if is_whole:
        return int(response.headers["content-length"])
    return None
