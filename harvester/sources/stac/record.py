"""Raw records of STAC Items: what was said and where, without anything that gives access to files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import orjson

from harvester.record import RawRecord
from harvester.sources.stac.addresses import unsigned

#: Addresses only matter for relative links: the same Item at a mirror is the same record.
_PLACE_KEYS = frozenset({"document", "page"})


def listed_record(item: Any, page: str, preset: str | None) -> RawRecord:
    """The record of a member of a list, which should be an Item.

    It is named by its collection and id, as ids are only unique within a collection.

    Args:
        item: as the source gives it; signatures are removed, as they last for hours and give access to files.
        page: address of the list.
        preset: `Options.preset`, which tells the reader how to interpret ids.
    """
    return _record(_identity(item), _content(item, {"page": unsigned(page)}, preset))


def line_record(line: bytes, page: str, preset: str | None, fingerprint: str) -> RawRecord:
    """The same record as `listed_record` gives, but from a line of a file, and kept as that line.

    Raises:
        orjson.JSONDecodeError: It is not JSON.
    """
    return RawRecord(
        id=_identity(orjson.loads(line)),
        content=_LineContent(line, unsigned(page), preset),
        place_keys=_PLACE_KEYS,
        fingerprint=fingerprint,
    )


class _LineContent(Mapping[str, Any]):
    """The content of a line's record, parsed when needed: the line itself is smaller and cheaper to send."""

    def __init__(self, line: bytes, page: str, preset: str | None) -> None:
        self._line = line
        self._page = page
        self._preset = preset

    def __reduce__(self) -> tuple[Any, ...]:
        return _LineContent, (self._line, self._page, self._preset)

    def __getitem__(self, key: str) -> Any:
        return self._parsed[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed)

    def __len__(self) -> int:
        return len(self._parsed)

    @cached_property
    def _parsed(self) -> dict[str, Any]:
        return _content(orjson.loads(self._line), {"page": self._page}, self._preset)


def document_record(item: Any, identity: str, document: str, preset: str | None) -> RawRecord:
    """The record of an Item that is a document of its own, at the address `document`."""
    return _record(identity, _content(item, {"document": unsigned(document)}, preset))


def unreadable_record(fault: str, said: str, identity: str | None = None) -> RawRecord:
    """The record of what should be an Item but cannot be parsed."""
    return _record(identity or f"sha256:{_digest(said)}", {"fault": fault, "said": said})


def _content(item: Any, place: Mapping[str, str], preset: str | None) -> dict[str, Any]:
    return {"item": _without_signatures(item), **place, **({"preset": preset} if preset else {})}


def _record(identity: str, content: dict[str, Any]) -> RawRecord:
    return RawRecord(id=identity, content=content, place_keys=_PLACE_KEYS)


def _identity(item: Any) -> str:
    if not isinstance(item, Mapping) or not isinstance(item.get("id"), str) or not item["id"]:
        return f"sha256:{_digest(item)}"
    collection = item.get("collection")
    return f"{collection}/{item['id']}" if isinstance(collection, str) and collection else str(item["id"])


def _digest(said: Any) -> str:
    try:
        text = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # too deep, a number too large, or a lone surrogate
        text = json.dumps(said, sort_keys=True).encode("ascii")
    return hashlib.sha256(text).hexdigest()


def _without_signatures(item: Any) -> Any:
    for place in _addressed(item) if isinstance(item, Mapping) else ():
        if isinstance(place, dict) and isinstance(place.get("href"), str):
            place["href"] = unsigned(place["href"])
    return item


def _addressed(item: Mapping[str, Any]) -> Iterator[Any]:
    """The parts of an Item with an address: links, assets, and alternates of assets (alternate extension)."""
    assets, links = item.get("assets"), item.get("links")
    yield from links if isinstance(links, list) else ()
    for asset in assets.values() if isinstance(assets, dict) else ():
        yield asset
        alternates = asset.get("alternate") if isinstance(asset, dict) else None
        yield from alternates.values() if isinstance(alternates, dict) else ()
