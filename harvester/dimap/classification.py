"""What an XML file of a delivery is, decided by profile and content; a name only shows what it should be."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from harvester.dimap.document import DimapDocument

Kind = Literal["product", "companion", "not-dimap"]

#: Counted from the root element: enough to find the profile even if the rest is broken.
_HEAD_BYTES = 8192
_DIMAP_ROOT = re.compile(rb"<(PHR_)?Dimap_Document\b")
_PROFILE = re.compile(rb"<METADATA_PROFILE[^>]*>\s*([^<\s]+)")
_SUBPROFILE = re.compile(rb"<METADATA_SUBPROFILE[^>]*>\s*([^<\s]+)")
#: DIMAP 2 and DIMAP 1, as the vendors name them (DIMAP documentation; SPOT scene format).
_PRODUCT_NAME = re.compile(r"DIM_.*\.XML|METADATA\.DIM", re.IGNORECASE | re.DOTALL)
#: Profiles of the documents that list products.
_CONTAINERS = frozenset({"DATASET", "VOLUME", "PRODUCT"})
_RAPIDEYE_NAMESPACE = "rapideye"


@dataclass(frozen=True)
class Classification:
    """The role of one XML file in its delivery."""

    kind: Kind
    profile: str | None = None  #: METADATA_PROFILE, such as "PHR_ORTHO"
    subprofile: str | None = None  #: METADATA_SUBPROFILE, such as "PRODUCT" or "RPC"; None in DIMAP 1


def classify_document(document: DimapDocument) -> Classification:
    """The role of a parsed XML file."""
    if document.tag == "PHR_Dimap_Document":
        return Classification("product", _profile(document))
    if document.tag.endswith("}EarthObservation") and _RAPIDEYE_NAMESPACE in document.tag.lower():
        return Classification("product", "RAPIDEYE")
    if document.tag != "Dimap_Document":
        return Classification("not-dimap")
    subprofile = document.text("Metadata_Identification/METADATA_SUBPROFILE")
    is_product = subprofile == "PRODUCT" or (subprofile is None and _describes_an_image(document))
    return Classification("product" if is_product else "companion", _profile(document), subprofile)


def _profile(document: DimapDocument) -> str | None:
    paths = ("Metadata_Identification/METADATA_PROFILE", "Metadata_Id/METADATA_PROFILE")
    return next((profile for profile in map(document.text, paths) if profile), None)


def _describes_an_image(document: DimapDocument) -> bool:
    """Whether a document without a subprofile (DIMAP 1, PeruSat-1) has the sections of an image."""
    sections = ("Raster_Data", "Raster_Dimensions", "Dataset_Content/Dataset_Extent", "Dataset_Frame")
    return any(document.section(path) is not None for path in sections)


def classify_broken(document_bytes: bytes) -> Classification:
    """The role of a file that cannot be parsed, as far as its beginning shows.

    What begins like a product counts as one, so that reading it gives the reason for refusing it: nothing that looks
    like a delivery is silently skipped.
    """
    # UTF-16 has zero bytes between the letters.
    text = document_bytes.replace(b"\0", b"")
    root = _DIMAP_ROOT.search(text)
    if root is None:
        return Classification("not-dimap")
    head = text[root.start() : root.start() + _HEAD_BYTES]
    profile, subprofile = _first(_PROFILE, head), _first(_SUBPROFILE, head)
    is_product = subprofile in (None, "PRODUCT") and profile not in _CONTAINERS
    return Classification("product" if is_product else "companion", profile, subprofile)


def is_named_as_product(name: str) -> bool:
    """Whether a file has the name of a product's metadata, so that it must not be skipped even if it is not DIMAP."""
    return _PRODUCT_NAME.fullmatch(name) is not None


def _first(pattern: re.Pattern[bytes], head: bytes) -> str | None:
    found = pattern.search(head)
    return found[1].decode("ascii", "replace") if found else None
