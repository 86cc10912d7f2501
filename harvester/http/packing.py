"""Compression of answers: which is accepted, and decompression within bounds."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

#: The accepted compression: it expands a thousandfold at most, and is measured part by part as it is decompressed.
PACKING = "gzip"
#: Compressions that httpx would accept too: Brotli, or nested ones, expand a few hundred bytes to a gigabyte; and the
#: end of a deflate stream cannot be checked.
_OTHER_PACKINGS = ("deflate", "br", "zstd")
#: Extension of a request whose answer is not decompressed.
AS_IT_CAME = "as_it_came"


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
    unpacker, is_begun = zlib.decompressobj(wbits=31), False
    try:
        for part in response.iter_raw():
            is_begun = True
            yield unpacker.decompress(part)
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from error
    if is_begun and not unpacker.eof:  # an answer to HEAD declares the compression, but has no content
        raise httpx.DecodingError("the gzipped answer is cut off", request=response.request)


def with_content(response: httpx.Response, content: bytes) -> httpx.Response:
    """The response with its decompressed content."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    ]
    whole = httpx.Response(response.status_code, headers=headers, content=content, request=response.request)
    whole.next_request = response.next_request
    return whole
