"""The files of the archive at stable, same-origin URLs: GET, HEAD, Range and ETag, so that a COG opens in QGIS."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import attr
from fastapi import APIRouter, FastAPI, Request
from fastapi import Path as PathParameter
from stac_fastapi.types.extension import ApiExtension
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.types import Message, Receive, Scope, Send

from stac_api.errors import AssetNotFound, AssetNotServed, AssetsNotPublic

logger = getLogger(__name__)

#: Between the path of an archive and that of its member.
MEMBER_MARK = "!/"
OCTETS = "application/octet-stream"


class AssetFile(FileResponse):
    """A file in chunks that suit images of gigabytes."""

    chunk_size = 1024 * 1024

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file or the ranges of it that are asked for.

        Raises:
            HTTPException: 400 or 416, the ranges cannot be read or lie beyond the end.
        """

        async def checked(message: Message) -> None:
            # Starlette answers these as plain text; raised before anything is sent, they become problem documents.
            if message["type"] == "http.response.start" and message["status"] in _RANGE_REFUSALS:
                raise _refused_range(message)
            await send(message)

        await super().__call__(scope, receive, checked)


_RANGE_REFUSALS = {
    400: "The Range header cannot be read: ask for bytes as in `bytes=0-1023`, or leave it out.",
    416: "The range lies beyond the end of the file, whose size is in Content-Range.",
}


def _refused_range(answer: Message) -> HTTPException:
    size = Headers(raw=answer["headers"]).get("content-range")
    headers = {"Content-Range": size} if size else None
    return HTTPException(answer["status"], _RANGE_REFUSALS[answer["status"]], headers)


@dataclass(frozen=True, kw_only=True)
class AssetLocation:
    """Where one copy of an asset's file lies, as the harvester wrote it beside the Item."""

    root: str  #: URL of the source, `file:///archive`
    path: str  #: below the root, "/" separated; `delivery.zip!/IMG/x.TIF` for a member of an archive
    media_type: str

    def file(self) -> Path:
        """The file itself, found below its root whatever links are on the way.

        Raises:
            AssetNotServed: it is not on a local disk, or inside an archive.
            AssetNotFound: it is not below its root, or is no readable file.
        """
        root = urlsplit(self.root)
        if root.scheme != "file" or root.netloc not in ("", "localhost") or MEMBER_MARK in self.path:
            raise AssetNotServed
        return _file_below(Path(url2pathname(root.path)), self.path)


def _file_below(root: Path, path: str) -> Path:
    try:
        home = root.resolve(strict=True)
        file = (home / path.lstrip("/")).resolve(strict=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise AssetNotFound("It is in the catalogue, but not in the archive.") from error
    if not file.is_relative_to(home):
        logger.warning("An asset leads out of its root %s: %s", root, path)
        raise AssetNotFound
    return file


@attr.s
class AssetsExtension(ApiExtension):
    """The route of the files.

    Attributes:
        public: Whether anyone may have them; access rules per reader come later.
    """

    public: bool = attr.ib(default=False)

    def register(self, app: FastAPI) -> None:
        """Add the route."""
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
        """The file, whole or the ranges asked for; 304 when the client has it already.

        Raises:
            AssetsNotPublic: files are not served to everyone here.
            AssetNotFound: no such asset, or no such file.
            AssetNotServed: the file is not on a local disk.
            HTTPException: 400 or 416, the ranges asked for cannot be had.
        """
        if not self.public:
            raise AssetsNotPublic
        copies = await _locations(request, collection_id, item_id, asset_key)
        response = await run_in_threadpool(_first_served, copies)
        if _has_current(request, response.headers["etag"]):
            return Response(
                status_code=304, headers={name: response.headers[name] for name in ("etag", "cache-control")}
            )
        return response


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The whole file", "content": {OCTETS: {"schema": {"type": "string", "format": "binary"}}}},
    206: {"description": "The ranges asked for"},
    304: {"description": "The client has the current file"},
    400: {"description": "The Range header cannot be read"},
    403: {"description": "Files are not served to everyone here"},
    404: {"description": "No such asset"},
    416: {"description": "The range lies beyond the end of the file"},
    501: {"description": "The file is not on a local disk of the server"},
}


async def _locations(request: Request, collection: str, item: str, key: str) -> list[AssetLocation]:
    """The copies of a file, the preferred one first, at least one."""
    if "\x00" in collection + item + key:
        raise AssetNotFound
    async with request.app.state.get_connection(request, "r") as connection:
        found: Sequence[Mapping[str, str]] | None = await connection.fetchval(
            "SELECT private -> 'assets' -> $3::text FROM items WHERE collection = $1 AND id = $2", collection, item, key
        )
    if not found:
        raise AssetNotFound
    return [
        AssetLocation(root=copy["root"], path=copy["path"], media_type=copy.get("media_type") or OCTETS)
        for copy in found
    ]


def _first_served(copies: Sequence[AssetLocation]) -> AssetFile:
    """The first copy that is there and readable.

    Raises:
        AssetNotFound, AssetNotServed: none is; the reason is that of the first.
    """
    refusals: list[AssetNotFound | AssetNotServed] = []
    for location in copies:
        try:
            return _response(location)
        except (AssetNotFound, AssetNotServed) as refusal:
            refusals.append(refusal)
    raise refusals[0]


def _response(location: AssetLocation) -> AssetFile:
    file = location.file()
    facts = file.stat()
    if not stat.S_ISREG(facts.st_mode) or not os.access(file, os.R_OK):
        raise AssetNotFound("It is in the catalogue, but is not a readable file.")
    return AssetFile(
        file,
        media_type=location.media_type,
        filename=Path(location.path).name,
        stat_result=facts,
        # Vendor files are data, never pages of this site; and clients ask again with the ETag.
        headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache"},
    )


def _has_current(request: Request, etag: str) -> bool:
    wanted = request.headers.get("if-none-match", "")
    return etag in {each.strip().removeprefix("W/") for each in wanted.split(",")} or wanted.strip() == "*"
