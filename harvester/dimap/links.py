"""The files that a product names, each checked before anything is opened."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from harvester.dimap.document import DimapDocument

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_MASK_CODE = re.compile(r"\(([A-Za-z]{3})\)")
_MASK_FILE = re.compile(r"([A-Za-z]{3})_")
_STRIP = "Dataset_Sources/Source_Identification"
_RPC = "Geoposition/Geoposition_Models/Rational_Function_Model/Component/COMPONENT_PATH"
_COMPONENTS = ("Dataset_Content/Dataset_Components/Component", "Dataset_Components/Component")
_MASK_TITLES = {
    "roi": "Region of interest mask",
    "det": "Detector quality mask",
    "slt": "Saturation mask",
    "vis": "Visibility mask",
    "snw": "Snow mask",
    "cld": "Cloud mask",
    "qte": "Technical quality mask",
    "dtm": "Water mask",
    "wat": "Water mask",
}


@dataclass(frozen=True)
class Companion:
    """A file beside the images, by the product's name for it."""

    href: str
    kind: str  #: "thumbnail", "overview", "rpc" or "mask-<code>"
    title: str


@dataclass(frozen=True)
class LinkedPaths:
    """The files that a product names, relative to its own directory."""

    images: tuple[str, ...]
    companions: tuple[Companion, ...]  #: previews, geometric models and masks
    roi: str | None  #: the mask of the region of interest, whose content the reader needs
    clouds: str | None  #: the cloud mask, whose content is optional for the reader
    strip: str | None  #: the lineage document of the strip, whose content the reader needs
    warnings: tuple[str, ...]  #: lesser companions whose names were refused

    def hrefs(self) -> tuple[str, ...]:
        """Every file once: first images, then companions, then the strip lineage."""
        lineage = () if self.strip is None else (self.strip,)
        return tuple(dict.fromkeys((*self.images, *(companion.href for companion in self.companions), *lineage)))


def links_of(document: DimapDocument) -> LinkedPaths:
    """The files that a product names.

    Raises:
        UnreadableScene: When an image's name leaves the product's directory.
    """
    warnings: list[str] = []
    companions = tuple(_safe_companions(document, warnings))
    return LinkedPaths(
        images=tuple(_images(document)),
        companions=companions,
        roi=_first_of_kind(companions, "mask-roi"),
        clouds=_first_of_kind(companions, "mask-cld"),
        strip=_safe_or_warn(document, _strip_href(document), warnings),
        warnings=tuple(warnings),
    )


def components_of(document: DimapDocument) -> tuple[str, ...]:
    """The DIMAP documents that a volume names; none for other documents."""
    components = (component for path in _COMPONENTS for component in document.sections(path))
    hrefs = (c.attribute("COMPONENT_PATH", "href") for c in components if c.text("COMPONENT_TYPE") == "DIMAP")
    return tuple(href for href in hrefs if href is not None)


def unsafe_reason(href: str) -> str | None:
    """Why a file name in a product must not be followed, or None if it stays below the product's directory."""
    for text in (href, unquote(href)):
        if "\\" in text:
            return "has backslashes"
        if _SCHEME.match(text):
            return "is an address or a drive, not a relative path"
        if text.startswith("/"):
            return "is an absolute path"
        if ".." in text.split("/"):
            return "leaves the directory of the product (..)"
        if "!/" in text or not text.isprintable():
            return "has characters that no file of a delivery has"
    return None


def beside(path: str, href: str) -> str:
    """The path of a file named by the document at a path, both from the root of their source."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), href))


def _first_of_kind(companions: Iterable[Companion], kind: str) -> str | None:
    return next((companion.href for companion in companions if companion.kind == kind), None)


def _images(document: DimapDocument) -> Iterator[str]:
    for path in ("Raster_Data/Data_Access/Data_Files/Data_File", "Data_Access/Data_File"):
        for file in document.sections(path):
            yield image_href(file)


def image_href(file: DimapDocument) -> str:
    """The name of an image, from its `Data_File` section.

    Raises:
        UnreadableScene: When it has none or must not be followed.
    """
    href = file.attribute("DATA_FILE_PATH", "href")
    if href is None:
        raise file.problem("DATA_FILE_PATH@href", "is missing or empty")
    reason = unsafe_reason(href)
    if reason:
        raise file.problem("DATA_FILE_PATH@href", f"= {href[:200]!r} {reason}; it is not followed")
    return href


def _safe_companions(document: DimapDocument, warnings: list[str]) -> Iterator[Companion]:
    for companion in _companions(document):
        if _safe_or_warn(document, companion.href, warnings) is not None:
            yield companion


def _companions(document: DimapDocument) -> Iterator[Companion]:
    for section in ("Dataset_Identification", "Dataset_Id"):
        yield from _named(document, f"{section}/DATASET_TN_PATH", "thumbnail", "Thumbnail")
        yield from _named(document, f"{section}/DATASET_QL_PATH", "overview", "Quicklook")
    yield from _named(document, _RPC, "rpc", "Rational polynomial coefficients")
    yield from _masks(document)


def _named(document: DimapDocument, path: str, kind: str, title: str) -> Iterator[Companion]:
    href = document.attribute(path, "href")
    if href is not None:
        yield Companion(href, kind, title)


def _masks(document: DimapDocument) -> Iterator[Companion]:
    # Masks have COMPONENT_TYPE ENCAPSULATED, like the documentation; only their section distinguishes them.
    for measure in document.sections("Quality_Assessment/Imaging_Quality_Measurement"):
        name = measure.text("MEASURE_NAME") or ""
        for component in measure.sections("Quality_Mask/Component"):
            href = component.attribute("COMPONENT_PATH", "href")
            if href is not None:
                code = _mask_code(name, href)
                yield Companion(href, f"mask-{code}", _MASK_TITLES.get(code, name or "Mask"))


def _mask_code(measure_name: str, href: str) -> str:
    found = _MASK_CODE.search(measure_name) or _MASK_FILE.match(posixpath.basename(href))
    return found[1].lower() if found else "other"


def _strip_href(document: DimapDocument) -> str | None:
    sources = [source for source in document.sections(_STRIP) if source.section("Strip_Source") is not None]
    return next((href for s in sources if (href := s.attribute("Component/COMPONENT_PATH", "href"))), None)


def _safe_or_warn(document: DimapDocument, href: str | None, warnings: list[str]) -> str | None:
    reason = None if href is None else unsafe_reason(href)
    if reason is None:
        return href
    warnings.append(f"{document.name}: the file name {str(href)[:200]!r} {reason}; it is not followed")
    return None
