"""Files on a local disk: never outside their root, whatever the symbolic links, and sent in ranges."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from logging import getLogger
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse
from starlette.types import Message, Receive, Scope, Send

from stac_api.downloads.held_assets import Copy
from stac_api.errors import AssetNotFound

logger = getLogger(__name__)


class AssetFile(FileResponse):
    """A file, sent in chunks that suit images of gigabytes."""

    chunk_size = 1024 * 1024

    #: Awaited before the first byte is sent.
    before_first_byte: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, or the requested ranges.

        Raises:
            HTTPException: 400 or 416, the ranges cannot be read or lie beyond the end.
        """

        async def checked(message: Message) -> None:
            # Starlette answers these as plain text; raised before anything is sent, they become problem documents.
            if message["type"] == "http.response.start" and message["status"] in _RANGE_REFUSALS:
                raise _refused_range(message)
            if message["type"] == "http.response.start" and self.before_first_byte:
                await self.before_first_byte()
            await send(message)

        await super().__call__(_understood(scope), receive, checked)


def _understood(scope: Scope) -> Scope:
    """The request without a Range in unknown units, which must be ignored (RFC 9110, section 14.2)."""
    unit, _, _ = Headers(scope=scope).get("range", "bytes").partition("=")
    if unit.strip().lower() == "bytes":
        return scope
    return {**scope, "headers": [header for header in scope["headers"] if header[0] != b"range"]}


_RANGE_REFUSALS = {
    400: "The Range header cannot be read: ask for bytes as in `bytes=0-1023`, or leave it out.",
    416: "The range lies beyond the end of the file, whose size is in Content-Range.",
}


def _refused_range(answer: Message) -> HTTPException:
    size = Headers(raw=answer["headers"]).get("content-range")
    headers = {"Content-Range": size} if size else None
    return HTTPException(answer["status"], _RANGE_REFUSALS[answer["status"]], headers)


def local_file(copy: Copy) -> AssetFile:
    """The answer with a copy on a local disk.

    Raises:
        AssetNotFound: it is not below its root, or not a readable file.
    """
    file = readable_file(copy.root, copy.path)
    return AssetFile(file, media_type=copy.media_type, filename=Path(copy.path).name, stat_result=file.stat())


def readable_file(root: str, path: str) -> Path:
    """The file at a path below a root, which is a URL `file:///…`.

    Raises:
        AssetNotFound: it is not below its root, symbolic links resolved, or not a readable file.
    """
    file = _file_below(Path(url2pathname(urlsplit(root).path)), path)
    if not file.is_file() or not os.access(file, os.R_OK):
        raise AssetNotFound("It is in the catalogue, but is not a readable file.")
    return file


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
