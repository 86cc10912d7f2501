"""What services do that keep several versions of a record: each is told twice in one answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from lxml import etree
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.emulators.quirks import answer_of

#: Where services say when a record changed.
_CHANGED = ("lastUpdateDate", "lastUpdateTime", "updated")
_LONG_AGO = "2001-01-01T00:00:00Z"


@dataclass
class Doubles:
    """ASGI middleware that gives each record once more, behind it and as it was long ago, while `is_on`."""

    app: ASGIApp
    is_on: bool = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if not self.is_on or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, body = await answer_of(self.app, scope, receive)
        doubled = _doubled_xml(body) if body.startswith(b"<") else _doubled_json(body)
        media_type = next(value.decode() for name, value in start["headers"] if name == b"content-type")
        await Response(doubled, start["status"], media_type=media_type)(scope, receive, send)


def _doubled_json(body: bytes) -> bytes:
    answer = json.loads(body)
    for holder, name in _lists(answer):
        holder[name] = [version for entry in holder[name] for version in (entry, _earlier(entry))]
    return json.dumps(answer).encode()


def _lists(answer: Any) -> Iterator[tuple[dict[str, Any], str]]:
    if isinstance(answer, dict) and "features" in answer:
        yield answer, "features"
    if isinstance(answer, dict) and isinstance(answer.get("hits"), dict):
        yield answer["hits"], "hits"


def _earlier(entry: Mapping[str, Any]) -> dict[str, Any]:
    version = deepcopy(dict(entry))
    said = version.get("properties", {})
    # What GEODES calls `datetime` is when this version came there.
    changed = ("datetime",) if "latest" in said else _CHANGED
    said |= dict.fromkeys(said.keys() & changed, _LONG_AGO)
    return version


def _doubled_xml(body: bytes) -> bytes:
    root = etree.fromstring(body)
    for record in [*root.iterfind(".//{*}SearchResults/*"), *root.iterfind("{*}Contents/{*}Layer")]:
        version = deepcopy(record)
        for stamp in version.iterfind("{*}dateStamp/*"):
            stamp.text = _LONG_AGO[:10]
        record.addnext(version)
    return etree.tostring(root)
