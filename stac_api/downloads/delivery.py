"""From the copies of a file to an answer: the file itself, or a redirect to its storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from urllib.parse import quote, urlsplit

from starlette.responses import RedirectResponse, Response

from stac_api.downloads.archive_members import MEMBER_MARK, zip_member
from stac_api.downloads.files import local_file
from stac_api.downloads.held_assets import Copy, HeldAsset
from stac_api.downloads.storages import Storages
from stac_api.errors import AssetNotFound, AssetNotServed


def answer_with(asset: HeldAsset, storages: Storages, *, is_head: bool) -> Response:
    """The answer with the first available copy; it reads disks and may ask a storage.

    Raises:
        AssetNotFound, AssetNotServed: no copy is available; the reason is that of the first.
    """
    refusals: list[AssetNotFound | AssetNotServed] = []
    for copy in asset.copies:
        try:
            return _answer_with(copy, storages, is_head=is_head)
        except (AssetNotFound, AssetNotServed) as refusal:
            refusals.append(refusal)
    raise refusals[0] if refusals else AssetNotFound


def _answer_with(copy: Copy, storages: Storages, *, is_head: bool) -> Response:
    # A storage or a client on the way to it would resolve them, and leave the root.
    if ".." in copy.path.split("/"):
        raise AssetNotFound
    root = urlsplit(copy.root)
    is_local = root.scheme == "file" and root.netloc in ("", "localhost")
    if MEMBER_MARK in copy.path:
        if is_local:
            return zip_member(copy, is_head=is_head)
        raise AssetNotServed("It lies inside an archive on another server, from which nothing is read on demand.")
    if root.scheme == "s3":
        return _stored(copy, storages, is_head=is_head)
    way = _WAYS.get(root.scheme)
    if way is None or (root.scheme == "file" and not is_local):
        raise AssetNotServed("It lies on a server from which clients cannot read.")
    return way(copy)


def _stored(copy: Copy, storages: Storages, *, is_head: bool) -> Response:
    # An address signed for GET does not answer HEAD, and GDAL would keep using the one that HEAD was redirected to.
    if is_head:
        return Response(media_type=copy.media_type, headers=storages.headers_of(copy))
    return RedirectResponse(storages.presigned(copy, file_name=PurePosixPath(copy.path).name), 307)


def _elsewhere(copy: Copy) -> Response:
    return RedirectResponse(f"{copy.root.rstrip('/')}/{quote(copy.path.lstrip('/'))}", 307)


_WAYS: Mapping[str, Callable[[Copy], Response]] = {"file": local_file, "http": _elsewhere, "https": _elsewhere}


def origin_of(asset: HeldAsset) -> str | None:
    """Where to get a file that is not served here: as its Item says, or where it was harvested from."""
    places = [asset.href or "", *(f"{copy.root.rstrip('/')}/{quote(copy.path)}" for copy in asset.copies)]
    return next((each for each in places if urlsplit(each).scheme in ("http", "https")), None)
