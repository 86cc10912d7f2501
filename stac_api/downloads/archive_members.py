"""Members of zip archives on a local disk: decompressed while being sent, so always sent whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote
from zipfile import BadZipFile, ZipFile, ZipInfo

from starlette.responses import Response, StreamingResponse

from stac_api.downloads.files import readable_file
from stac_api.downloads.held_assets import Copy
from stac_api.errors import AssetNotFound, AssetNotServed

#: Between the path of an archive and that of its member.
MEMBER_MARK = "!/"

_CHUNK_BYTES = 1024 * 1024


class ArchiveMember(StreamingResponse):
    """A whole member of a zip: a range would require decompressing all that precedes it."""

    def __init__(self, archive: Path, member: ZipInfo, media_type: str) -> None:
        super().__init__(_unpacked(archive, member), headers=_headers(member), media_type=media_type)


def zip_member(copy: Copy, *, is_head: bool) -> Response:
    """The answer with a copy inside a zip on a local disk.

    Raises:
        AssetNotFound: the archive or its member does not exist.
        AssetNotServed: the archive is not a zip, is inside another one, encrypted, damaged, or compressed in an unusual
            way.
    """
    path, _, name = copy.path.partition(MEMBER_MARK)
    archive = readable_file(copy.root, path)
    if MEMBER_MARK in name:
        raise AssetNotServed("It lies in an archive inside an archive: unpack the outer one.")
    member = _usable_member(archive, name)
    if is_head:
        return Response(headers=_headers(member), media_type=copy.media_type)
    return ArchiveMember(archive, member, copy.media_type)


def _usable_member(archive: Path, name: str) -> ZipInfo:
    try:
        with ZipFile(archive) as opened:
            member = opened.getinfo(name)
            opened.open(member).close()
    except KeyError as error:
        raise AssetNotFound("It is in the catalogue, but not in its archive any more.") from error
    # What zipfile raises for damage, unusual compression, and encryption.
    except (BadZipFile, RuntimeError, OSError) as error:
        raise AssetNotServed("It lies inside an archive from which nothing is read on demand: unpack it.") from error
    return member


def _headers(member: ZipInfo) -> dict[str, str]:
    name = quote(PurePosixPath(member.filename).name)
    return {
        "Content-Length": str(member.file_size),
        "ETag": f'"{member.CRC:08x}-{member.file_size:x}"',
        "Accept-Ranges": "none",
        "Content-Disposition": f"attachment; filename*=utf-8''{name}",
    }


def _unpacked(archive: Path, member: ZipInfo) -> Iterator[bytes]:
    with ZipFile(archive) as opened, opened.open(member) as packed:
        while chunk := packed.read(_CHUNK_BYTES):
            yield chunk
