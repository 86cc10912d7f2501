"""Removes from Items what they disclose about Items that the reader does not see.

The Items of one acquisition name each other, and images name the stereo sets that they belong to. Links into a hidden
collection are removed, and so are properties that name an Item to which no link is left.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from stac_api.access.restriction import Restriction
from stac_api.stac_document import Document

#: Properties that describe other Items, by the property that names these.
_NAMING: Mapping[str, tuple[str, ...]] = {
    "dinamis:held_by": ("dinamis:held_by",),
    "stereo-img:group": ("stereo-img:group", "stereo-img:count", "stereo-img:number"),
}

#: Readers who do not see every collection may not search by these: the answer would disclose what the Item hides.
TELLING = frozenset(name for names in _NAMING.values() for name in names)

_EXTENSIONS = {"stereo-img:group": "https://stac-extensions.github.io/stereo-imagery/"}

#: Path segments that are followed by the id of a collection.
_PLACES = frozenset({"collections", "assets"})


def without_hidden(document: Document, restriction: Restriction, base_url: str) -> Document:
    """An Item (or what a Fields request left of it) or a Collection, redacted for a reader.

    Args:
        document: With absolute links.
        restriction: What the reader sees.
        base_url: Of the API, with a final slash.
    """
    if restriction.is_none or not restriction.hides:
        return document
    links = [link for link in document.get("links", ()) if _is_shown(link, restriction, base_url)]
    shown = {**document, "links": links} if "links" in document else document
    return _without_names(shown, {name for link in links if (name := _item_of(link, base_url))})


_MOVED = re.compile(r"it was moved to (?P<collection>\S+)", re.IGNORECASE)


def told_reason(reason: str, restriction: Restriction) -> str:
    """Why an Item left its collection, without its new place if the reader does not see that."""
    moved = _MOVED.fullmatch(reason)
    return reason if moved is None or restriction.shows(moved["collection"]) else "no record of it is left"


def _is_shown(link: Mapping[str, Any], restriction: Restriction, base_url: str) -> bool:
    collection = _collection_of(link, base_url)
    return collection is None or restriction.shows(collection)


def _collection_of(link: Mapping[str, Any], base_url: str) -> str | None:
    """The collection that a link leads to; None if it leads elsewhere."""
    steps = _steps(link, base_url)
    return steps[1] if len(steps) > 1 and steps[0] in _PLACES else None


def _item_of(link: Mapping[str, Any], base_url: str) -> str | None:
    match _steps(link, base_url):
        case ["collections", _, "items", name]:
            return name
    return None


def _steps(link: Mapping[str, Any], base_url: str) -> list[str]:
    path = urlsplit(str(link.get("href", "")).removeprefix(base_url)).path
    return [unquote(step) for step in path.split("/")]


def _without_names(item: Document, linked: Collection[Any]) -> Document:
    properties = item.get("properties")
    if not isinstance(properties, dict):
        return item
    untold = [
        name for name, told in _NAMING.items() if properties.keys() & set(told) and properties.get(name) not in linked
    ]
    if not untold:
        return item
    left_out = {each for name in untold for each in _NAMING[name]}
    kept = {name: value for name, value in properties.items() if name not in left_out}
    return {**item, "properties": kept, **_extensions(item, untold)}


def _extensions(item: Mapping[str, Any], untold: Iterable[str]) -> dict[str, Any]:
    gone = tuple(_EXTENSIONS[name] for name in untold if name in _EXTENSIONS)
    if not gone or "stac_extensions" not in item:
        return {}
    return {"stac_extensions": [each for each in item["stac_extensions"] if not each.startswith(gone)]}
