"""The files and links of an ISO record: previews, downloads, services, pages; none is ever fetched."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit, urlunsplit

from harvester.record import RecordLink, RemoteAsset
from harvester.sources.iso19139.document import XmlElement, elements, text
from harvester.sources.lasting_addresses import lasting_address

_MEDIA_TYPES: Mapping[str, str] = {
    ".tif": "image/tiff; application=geotiff",
    ".tiff": "image/tiff; application=geotiff",
    ".jp2": "image/jp2",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".nc": "application/x-netcdf",
    ".h5": "application/x-hdf5",
    ".hdf": "application/x-hdf",
    ".zip": "application/zip",
    ".gz": "application/gzip",
    ".tgz": "application/gzip",
    ".tar": "application/x-tar",
    ".xml": "application/xml",
    ".json": "application/json",
}
_METADATA_TYPES = ("application/xml", "application/json")
_SCHEMES = ("http", "https", "s3", "ftp", "ftps", "sftp")


def previews_of(record: XmlElement) -> list[RemoteAsset]:
    """The browse graphics: one as the thumbnail, the others as overviews."""
    hrefs = []
    for graphic in elements(record, "identificationInfo//MD_BrowseGraphic"):
        href = public_address(text(graphic, "fileName") or "")
        if href and href.startswith("http"):
            hrefs.append((href, f"{text(graphic, 'fileDescription') or ''} {href}".casefold()))
    # A single picture is rarely described: it counts as the thumbnail.
    small = next((href for href, said in hrefs if "thumb" in said), hrefs[0][0] if len(hrefs) == 1 else None)
    found = dict.fromkeys(href for href, _ in hrefs)
    return [_preview("thumbnail" if href == small else "overview", href) for href in found]


def downloads_of(record: XmlElement) -> list[RemoteAsset]:
    """The online resources that are files at addresses that clients can open: http, https or s3."""
    return [
        RemoteAsset(
            key=slug(PurePosixPath(unquote(urlsplit(href).path)).stem).lower(),
            href=href,
            roles=("metadata",) if media_type in _METADATA_TYPES else ("data",),
            title=text(resource, "description") or text(resource, "name") or "File",
            media_type=media_type,
        )
        for href, resource in _resources(record)
        if (media_type := _file_type(href, resource)) is not None
    ]


def links_of(record: XmlElement) -> list[RecordLink]:
    """The other online resources: folders, FTP addresses, services and pages."""
    return [
        RecordLink(
            rel="enclosure" if _is_download(href, resource) else "related",
            href=href,
            title=text(resource, "name") or text(resource, "description"),
        )
        for href, resource in _resources(record)
        if _file_type(href, resource) is None
    ]


def with_distinct_keys(assets: Iterable[RemoteAsset]) -> tuple[RemoteAsset, ...]:
    """The assets, once per address, with a number appended to keys that are already taken."""
    chosen: dict[str, RemoteAsset] = {}
    for asset in {asset.href: asset for asset in assets}.values():
        key, count = asset.key or "file", 1
        while key in chosen:
            count += 1
            key = f"{asset.key}-{count}"
        chosen[key] = RemoteAsset(
            key=key, href=asset.href, roles=asset.roles, title=asset.title, media_type=asset.media_type
        )
    return tuple(chosen.values())


def public_address(href: str) -> str | None:
    """An absolute address without user and password; None where it is not one, or is signed for one reader."""
    try:
        parts = urlsplit(href.strip())
    except ValueError:
        return None
    return lasting_address(urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), _SCHEMES)


def slug(name: str) -> str:
    """A name in the characters of ids: letters, digits, `_`, `.` and `-`, beginning with a letter or digit."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-_.")[:200]


def _preview(kind: str, href: str) -> RemoteAsset:
    return RemoteAsset(
        key=kind, href=href, roles=(kind,), title=kind.capitalize(), media_type=_MEDIA_TYPES.get(_suffix(href))
    )


def _resources(record: XmlElement) -> list[tuple[str, XmlElement]]:
    found = elements(record, "distributionInfo//onLine/CI_OnlineResource")
    addressed = ((public_address(text(resource, "linkage") or ""), resource) for resource in found)
    return list({href: (href, resource) for href, resource in addressed if href}.values())


def _file_type(href: str, resource: XmlElement) -> str | None:
    """The media type of a file that becomes an asset; None for everything else."""
    is_service = (text(resource, "protocol") or "").upper().startswith("OGC:")
    if is_service or not href.startswith(("http://", "https://", "s3://")):
        return None
    return _MEDIA_TYPES.get(_suffix(urlsplit(href).path))


def _is_download(href: str, resource: XmlElement) -> bool:
    return text(resource, "function") == "download" or href.startswith(("ftp", "sftp", "s3"))


def _suffix(path: str) -> str:
    return PurePosixPath(path).suffix.lower() if not path.endswith("/") else ""
