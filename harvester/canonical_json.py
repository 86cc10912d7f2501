"""Records as canonical JSON (sorted keys, ASCII): equal contents give equal texts and digests."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Any

import orjson


@dataclass(frozen=True)
class Canonical:
    """The content of a record as the ledger keeps it."""

    text: bytes
    digest: bytes  #: SHA-256 of the content without the uncounted keys


def canonical_form(content: Mapping[str, Any], uncounted: Iterable[str]) -> Canonical:
    """The canonical form of plain JSON data.

    Args:
        content: what the record says.
        uncounted: keys that are left out of the digest; `a.b` is b in the object a.
    """
    members = {key: _member(key, value) for key, value in sorted(content.items())}
    counting = reduce(_without, uncounted, content)
    # Members without uncounted keys are serialised already.
    counted = (
        member if counting[key] is content[key] else _member(key, counting[key])
        for key, member in members.items()
        if key in counting
    )
    return Canonical(_object(members.values()), hashlib.sha256(_object(counted)).digest())


_STANDARD = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
_PLAIN = orjson.OPT_SORT_KEYS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
#: DEL, which is ASCII but escaped; NaN and infinity, which become null; small numbers that need an exponent.
_SIGNS_OF_DIFFERENCE = (b"\x7f", b"null", b"0.0000")
_EXPONENT = re.compile(rb"e-?\d+(?![^,\]}])")


def _canonical(value: Any) -> bytes:
    """A value as canonical JSON, mostly by orjson, which is ten times as fast as the standard library.

    The digests in the ledger are of the standard library's output. orjson writes non-ASCII letters, very small and very
    large numbers, NaN and infinity differently: a value that may hold one of these is left to the standard library.
    """
    try:
        text = orjson.dumps(value, option=_PLAIN)
    except orjson.JSONEncodeError:
        return _STANDARD(value).encode("ascii")
    differs = any(sign in text for sign in _SIGNS_OF_DIFFERENCE) or not text.isascii() or _EXPONENT.search(text)
    return _STANDARD(value).encode("ascii") if differs else text


_canonical_key = lru_cache(maxsize=1024)(_canonical)  #: the records of a source share a few keys


def _member(key: str, value: Any) -> bytes:
    return b"%b:%b" % (_canonical_key(key), _canonical(value))


def _without(content: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    first, _, rest = path.partition(".")
    if first not in content:
        return content
    if not rest:
        return {key: value for key, value in content.items() if key != first}
    inner = content[first]
    return {**content, first: _without(inner, rest)} if isinstance(inner, Mapping) else content


def _object(members: Iterable[bytes]) -> bytes:
    return b"{%b}" % b",".join(members)
