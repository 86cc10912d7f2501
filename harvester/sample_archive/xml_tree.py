"""Writing XML as a tree of calls: `element("Vertex", element("LON", 2.35))`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from xml.etree import ElementTree

Content = ElementTree.Element | str | int | float | datetime | None


def element(tag: str, *content: Content, attributes: Mapping[str, str] | None = None) -> ElementTree.Element:
    """An element with its children, or its text. None among the children is left out."""
    made = ElementTree.Element(tag, dict(attributes or {}))
    for part in content:
        if isinstance(part, ElementTree.Element):
            made.append(part)
        elif part is not None:
            made.text = _text(part)
    return made


def measured(tag: str, value: float, unit: str) -> ElementTree.Element:
    """An element with a number and its unit."""
    return element(tag, value, attributes={"unit": unit})


def linked(tag: str, href: str) -> ElementTree.Element:
    """An empty element that points to a file."""
    return element(tag, attributes={"href": href})


def serialised(root: ElementTree.Element, encoding: str = "UTF-8") -> bytes:
    """The document, indented, in this encoding, which it declares."""
    ElementTree.indent(root)
    return bytes(ElementTree.tostring(root, encoding=encoding, xml_declaration=True)) + b"\n"


def zulu(moment: datetime) -> str:
    """A UTC time with milliseconds, as most metadata write it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"


def _text(value: str | int | float | datetime) -> str:
    if isinstance(value, datetime):
        return zulu(value)
    return repr(float(value)) if isinstance(value, float) else str(value)
