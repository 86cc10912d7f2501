"""Compression of answers: which is accepted, and decompression within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import httpx

#: The accepted compression: it expands a thousandfold at most, and is measured part by part as it is decompressed.
PACKING = "gzip"
#: Compressions that httpx would accept too: Brotli, or nested ones, expand a few hundred bytes to a gigabyte; and the
#: end of a deflate stream cannot be checked.
_OTHER_PACKINGS = ("deflate", "br", "zstd")
#: Extension of a request whose answer is not decompressed.
AS_IT_CAME = "as_it_came"
_PIECE_BYTES = 2**20


def packings_not_taken(response: httpx.Response) -> str:
    """The compressions of an answer that is not accepted; empty where it is."""
    packings = [name.strip().lower() for name in response.headers.get("Content-Encoding", "").split(",")]
    known = [name for name in packings if name in (PACKING, *_OTHER_PACKINGS)]
    return "" if known in ([], [PACKING]) else ", ".join(known)


def unpacked(response: httpx.Response) -> Iterator[bytes]:
    """The content of an answer, part by part, decompressed unless the request said otherwise.

    httpx does not check that a gzip stream has reached its end: a truncated one would pass for whole.

    Raises:
        httpx.DecodingError: It is not compressed as declared, or truncated.
    """
    if AS_IT_CAME in response.request.extensions:
        yield from response.iter_raw()
        return
    if response.headers.get("Content-Encoding", "").strip().lower() != PACKING:
        yield from response.iter_bytes()
        return
    parts = response.iter_raw()
    if not (first := next(parts, b"")):
        return  # an answer to HEAD declares the compression, but has no content
    try:
        yield from gunzipped(chain([first], parts))
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from error
    except EOFError as error:
        raise httpx.DecodingError("the gzipped answer is cut off", request=response.request) from error


def gunzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream, in pieces of at most a mebibyte; several concatenated streams are one.

    Raises:
        zlib.error: It is not gzip.
        EOFError: It is cut off.
    """
    unpacker = _unpacker()
    for part in parts:
        packed = part
        while packed:
            if unpacker.eof:
                unpacker = _unpacker()
            yield unpacker.decompress(packed, _PIECE_BYTES)
            packed = unpacker.unconsumed_tail or unpacker.unused_data
    yield unpacker.flush()
    if not unpacker.eof:
        raise EOFError


def _unpacker() -> Any:
    return zlib.decompressobj(wbits=31)


def with_content(response: httpx.Response, content: bytes) -> httpx.Response:
    """The response with its decompressed content."""
    # As bytes: httpx writes headers in ASCII, but servers send file names and realms with accents.
    headers = [
        (name, value)
        for name, value in response.headers.raw
        if name.lower() not in (b"content-encoding", b"content-length", b"transfer-encoding")
    ]
    whole = httpx.Response(response.status_code, headers=headers, content=content, request=response.request)
    whole.next_request = response.next_request
    return whole
