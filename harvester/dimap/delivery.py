"""One delivered product as its source found it: the metadata, the files beside it, and their paths."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harvester.dimap.document import DimapDocument, parse_document
from harvester.dimap.links import LinkedPaths, beside, links_of
from harvester.errors import UnreadableScene
from harvester.record import CompanionFile

_COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_GEOTIFF = "image/tiff; application=geotiff"
_MEDIA_TYPES = {
    ".tif": _GEOTIFF,
    ".tiff": _GEOTIFF,
    ".jp2": "image/jp2",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".xml": "application/xml",
    ".dim": "application/xml",
    ".gml": "application/gml+xml",
}


@dataclass(frozen=True)
class Delivery:
    """A product's parsed metadata, with what its source found out about the files beside it."""

    document: DimapDocument
    links: LinkedPaths
    root: str  #: URL of the source
    path: str  #: of the metadata file from the root, "/" separated
    metadata_size: int  #: bytes
    roi: bytes | None  #: the region-of-interest mask, None if not delivered
    strip: bytes | None  #: the lineage document of the strip, None if not delivered
    clouds: bytes | None  #: the cloud mask, None if not delivered or not read
    unread: Mapping[str, str]  #: role of a file that was left unread ("clouds") -> why
    files: Mapping[str, Mapping[str, Any]]  #: name in the product -> {"size", "cog"}, existing files only

    def path_of(self, href: str) -> str:
        """The path of a file named by the product, from the root of the source."""
        return beside(self.path, href)

    def exists(self, href: str) -> bool:
        """Whether the source found this file."""
        return href in self.files

    def size_of(self, href: str) -> int | None:
        """Size of a file beside the metadata, in bytes."""
        size = self.files.get(href, {}).get("size")
        return None if size is None else int(size)

    def media_type_of(self, href: str) -> str:
        """Media type of a file, from its suffix in any case; for Cloud Optimized GeoTIFFs, as the source found out."""
        if self.files.get(href, {}).get("cog"):
            return _COG
        return _MEDIA_TYPES.get(posixpath.splitext(href)[1].lower(), "application/octet-stream")


def delivery_from_content(content: Mapping[str, Any]) -> Delivery:
    """The delivery in the content of a raw record.

    Args:
        content: `root`, `path`, `documents` (product, roi, strip, clouds: text decoded as UTF-8 with surrogate
            escapes), `files`, `problem` and perhaps `unread`, as made by the source of deliveries.

    Raises:
        UnreadableScene: When the source found a problem, or the product cannot be parsed.
    """
    if content.get("problem"):
        raise UnreadableScene(str(content["problem"]))
    documents = content["documents"]
    path = str(content["path"])
    product = _exact_bytes(documents["product"])
    document = parse_document(product, path)
    return Delivery(
        document=document,
        links=links_of(document),
        root=str(content["root"]),
        path=path,
        metadata_size=len(product),
        roi=_optional_bytes(documents.get("roi")),
        strip=_optional_bytes(documents.get("strip")),
        clouds=_optional_bytes(documents.get("clouds")),
        unread=content.get("unread") or {},
        files=content.get("files") or {},
    )


def companion_files(delivery: Delivery) -> tuple[CompanionFile, ...]:
    """The files beside the images that exist, the product's metadata first."""
    metadata = CompanionFile(
        path=delivery.path,
        kind="metadata",
        media_type="application/xml",
        title="DIMAP metadata",
        size_bytes=delivery.metadata_size,
    )
    beside_images = [
        CompanionFile(
            path=delivery.path_of(companion.href),
            kind=companion.kind,
            media_type=delivery.media_type_of(companion.href),
            title=companion.title,
            size_bytes=delivery.size_of(companion.href),
        )
        for companion in delivery.links.companions
        if delivery.exists(companion.href)
    ]
    return (metadata, *beside_images)


def file_warnings(delivery: Delivery) -> tuple[str, ...]:
    """What a user of the images would miss of the files that the product names: not delivered, or empty."""
    hrefs, companions = delivery.links.images, delivery.links.companions
    models = [each.href for each in companions if each.kind == "rpc" and not delivery.exists(each.href)]
    return (
        *_images_that(delivery, "are not delivered", [href for href in hrefs if not delivery.exists(href)]),
        *_images_that(delivery, "are empty (0 bytes)", [href for href in hrefs if delivery.size_of(href) == 0]),
        *(f"the geometric model {delivery.path_of(href)} is not delivered" for href in models),
    )


def _images_that(delivery: Delivery, are_amiss: str, hrefs: Sequence[str]) -> Iterator[str]:
    if hrefs:
        first = delivery.path_of(hrefs[0])
        yield f"{len(hrefs)} of {len(delivery.links.images)} images {are_amiss}, the first is {first}"


def _optional_bytes(text: str | None) -> bytes | None:
    return None if text is None else _exact_bytes(text)


def _exact_bytes(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise UnreadableScene(f"the stored document is not the text of a file ({error.reason})") from error
