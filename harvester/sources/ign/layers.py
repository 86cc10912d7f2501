"""The layers in the capabilities of a WMTS or WMS."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from harvester.credentials import without_credentials
from harvester.errors import UnreadableAnswer
from harvester.http import Session
from harvester.sources.iso19139.document import XmlElement, canonical_xml, elements, name_of, parsed_xml
from harvester.sources.source import BBox

_YEAR = re.compile(r"\.(\d{4})$")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of a WMTS, as its capabilities describe it."""

    name: str
    xml: str  #: the `Layer` element
    boxes: tuple[BBox, ...]  #: the readable `ows:WGS84BoundingBox`, longitude first
    formats: tuple[str, ...]  #: media types
    dimensions: Mapping[str, str]  #: name -> default value
    documents: tuple[str, ...]  #: addresses of metadata about it

    @property
    def year(self) -> int | None:
        """The year in its name; None where it has none."""
        match = _YEAR.search(self.name)
        return int(match[1]) if match else None


def layers_of_wmts(session: Session, url: str, beginning: str) -> list[Layer]:
    """The layers whose names begin with `beginning`, sorted by name, each once.

    Raises:
        UnreadableAnswer: There are none, or the answer is not a capabilities document.
    """
    contents = elements(_capabilities(session, url, "WMTS", "1.0.0"), "Contents")
    layers = [layer_from_xml(element) for content in contents for element in elements(content, "Layer")]
    ours = {layer.name: layer for layer in layers if layer.name.startswith(beginning)}
    if not ours:
        stem = beginning.partition(".")[0]
        others = sorted(layer.name for layer in layers if layer.name.startswith(stem))[:10]
        raise UnreadableAnswer(
            f"{without_credentials(url)} has no layer {beginning}* among {len(layers)}; were they renamed? "
            f"Others are: {', '.join(others)}"
        )
    return [ours[name] for name in sorted(ours)]


def layers_of_wms(session: Session, url: str) -> frozenset[str]:
    """The names of all layers of a WMS.

    Raises:
        UnreadableAnswer: There are none, or the answer is not a capabilities document.
    """
    layers = elements(_capabilities(session, url, "WMS", "1.3.0"), "Capability//Layer")
    names = frozenset(name for layer in layers if (name := _text(layer, "Name")))
    if not names:
        raise UnreadableAnswer(f"{without_credentials(url)} has no layer at all")
    return names


def layer_from_xml(element: XmlElement) -> Layer:
    """Read one `Layer` element of WMTS capabilities."""
    dimensions = {_text(each, "Identifier"): _text(each, "Default") for each in elements(element, "Dimension")}
    hrefs = (each.get("{http://www.w3.org/1999/xlink}href", "") for each in elements(element, "Metadata"))
    boxes = (_box(each) for each in elements(element, "WGS84BoundingBox"))
    return Layer(
        name=_text(element, "Identifier"),
        xml=canonical_xml(element),
        boxes=tuple(box for box in boxes if box is not None),
        formats=tuple(dict.fromkeys(text for each in elements(element, "Format") if (text := _said(each)))),
        dimensions={name: default for name, default in dimensions.items() if name and default},
        documents=tuple(href for href in hrefs if href.startswith(("http://", "https://"))),
    )


def _capabilities(session: Session, url: str, service: str, version: str) -> XmlElement:
    def read(content: bytes) -> XmlElement:
        root = parsed_xml(content)
        if not name_of(root).endswith("Capabilities"):
            raise UnreadableAnswer(f"it is no capabilities document but {name_of(root)}")
        return root

    return session.get_document(url, read, {"SERVICE": service, "VERSION": version, "REQUEST": "GetCapabilities"})


def _box(element: XmlElement) -> BBox | None:
    try:
        west, south = map(float, _text(element, "LowerCorner").split())
        east, north = map(float, _text(element, "UpperCorner").split())
    except ValueError:
        return None
    box = (west, south, east, north)
    return box if all(map(math.isfinite, box)) and west < east and south < north else None


def _text(element: XmlElement, name: str) -> str:
    found = elements(element, name)
    return _said(found[0]) if found else ""


def _said(element: XmlElement) -> str:
    return (element.text or "").strip()
