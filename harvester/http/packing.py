"""How answers may be packed on their way, and how they are unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import httpx

#: It makes a thousandfold at most, and what has come is measured before more is unpacked.
PACKING = "gzip"
#: What httpx would unpack too: Brotli, or one packing within another, makes a gigabyte of a few hundred bytes; and of
#: deflate it is not known whether it has come to its end.
_OTHER_PACKINGS = ("deflate", "br", "zstd")
#: Extension of a request whose answer is not unpacked.
AS_IT_CAME = "as_it_came"


def packings_not_taken(response: httpx.Response) -> str:
    """How an answer is packed, where that is not a way that is taken; else nothing."""
    packings = [name.strip().lower() for name in response.headers.get("Content-Encoding", "").split(",")]
    known = [name for name in packings if name in (PACKING, *_OTHER_PACKINGS)]
    return "" if known in ([], [PACKING]) else ", ".join(known)


def unpacked(response: httpx.Response) -> Iterator[bytes]:
    """What an answer holds, part by part; as it came, where that was asked for.

    httpx does not look whether what is gzipped has come to its end: cut off, it would pass for all of it.

    Raises:
        httpx.DecodingError: It is not packed as it says, or cut off.
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
    if is_begun and not unpacker.eof:  # an answer to HEAD has no content, and says how it would be packed
        raise httpx.DecodingError("the gzipped answer is cut off", request=response.request)


def with_content(response: httpx.Response, content: bytes) -> httpx.Response:
    """The response with its content, unpacked already."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    ]
    whole = httpx.Response(response.status_code, headers=headers, content=content, request=response.request)
    whole.next_request = response.next_request
    return whole
