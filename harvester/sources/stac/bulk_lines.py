"""The lines of a bulk file, plain or gzipped, from a disk or by HTTP ranges."""

from __future__ import annotations

import codecs
import io
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from harvester.errors import SourceUnavailable, UnreadableAnswer
from harvester.http import BeyondItsEnd, Session
from harvester.http.packing import gunzipped
from harvester.sources.positions import ResumablePosition
from harvester.sources.stac.options import Options
from harvester.sources.stac.static import local_path

_BLOCK_BYTES = 4 * 2**20  #: requested at once
_BUFFER_BYTES = 2**18  #: searched for line ends at once: what fits into the processor's cache
_LONGEST_LINE_BYTES = 64 * 2**20
_LOOKED_AT_BYTES = 10_000  #: of a first line that cannot be parsed
#: What to do with a FeatureCollection in a file.
ONE_A_LINE = "write its Items one a line: jq -c '.features[]' FILE > items.ndjson"
#: The beginnings of files without an Item in their first line, and what to do about them.
_OTHER_FORMS = {
    b"\x1f\x8b": "is gzipped: let its name end in .gz",
    codecs.BOM_UTF16_LE: "is written in UTF-16: write it in UTF-8",
    codecs.BOM_UTF16_BE: "is written in UTF-16: write it in UTF-8",
    b"<": "is a page of HTML or XML, not a file of Items: look at its address",
    b"[": "is one list of all Items; write them one a line: jq -c '.[]' FILE > items.ndjson",
}
Lines = Iterator[tuple[bytes, int]]  #: each with the offset after it


class Position(ResumablePosition):
    """After which line to continue, in which version of the file."""

    offset: int = 0  #: in bytes of the uncompressed text
    version: str | None = None  #: ETag, or size and time of the last change; None where the server gives none


def open_lines(session: Session | None, options: Options, position: Position) -> tuple[str | None, Lines]:
    """The version of a bulk file, and its lines after a position; all its lines if it was replaced since.

    Raises:
        SourceUnavailable: It cannot be read; while going over the lines also that it was replaced meanwhile.
        UnreadableAnswer: It is truncated, a line is too long, or its first line cannot hold an Item.
    """
    packed = is_packed(options.url)
    start = 0 if packed else position.offset
    try:
        file = _bytes(session, options.url, start)
        is_replaced = position.offset and file.version != position.version
    except BeyondItsEnd:
        if not start:
            raise
        is_replaced = True
    if is_replaced:
        return open_lines(session, options, Position())
    if start:
        return file.version, _lines(file.blocks, start)
    shown = options.shown_location
    lines = _of_items(_lines(_unpacked(file.blocks, shown) if packed else file.blocks, 0), shown)
    return file.version, (entry for entry in lines if entry[1] > position.offset) if packed else lines


def is_packed(url: str) -> bool:
    """Whether a bulk file is gzipped, judged by its name."""
    return url.partition("?")[0].endswith(".gz")


def status_of(url: str) -> os.stat_result:
    """Size and times of a bulk file on this machine.

    Raises:
        SourceUnavailable: It cannot be looked at.
    """
    try:
        return local_path(url).stat()
    except OSError as error:
        raise SourceUnavailable(f"{url}: {error.strerror}") from error


@dataclass
class _Bytes:
    """The bytes of a file in blocks."""

    version: str | None
    blocks: Iterator[bytes]


def _bytes(session: Session | None, url: str, start: int) -> _Bytes:
    return _remote_bytes(session, url, start) if session else _local_bytes(url, start)


def _local_bytes(url: str, start: int) -> _Bytes:
    path, status = local_path(url), status_of(url)

    def blocks() -> Iterator[bytes]:
        with path.open("rb") as file:
            file.seek(start)
            while block := file.read(_BUFFER_BYTES):
                yield block

    return _Bytes(f"{status.st_size}-{status.st_mtime_ns}", blocks())


def _remote_bytes(session: Session, url: str, start: int) -> _Bytes:
    first = _range(session, url, start)

    def blocks() -> Iterator[bytes]:
        block, offset = first, start
        while True:
            yield block.content
            offset += len(block.content)
            if offset >= block.total or not block.content:
                return
            block = _range(session, url, offset)
            if block.version != first.version:
                raise SourceUnavailable(f"{url.partition('?')[0]} was replaced while it was read; harvest it again")

    return _Bytes(first.version, blocks())


@dataclass(frozen=True)
class _Block:
    content: bytes
    total: int  #: bytes of the whole file
    version: str | None


def _range(session: Session, url: str, start: int) -> _Block:
    # A compressed answer has no ranges of the file; and a range of a gzipped file cannot be decompressed.
    headers = {"Range": f"bytes={start}-{start + _BLOCK_BYTES - 1}", "Accept-Encoding": "identity"}
    answer = session.request("GET", url, headers=headers, is_unpacked=not is_packed(url))
    version = answer.headers.get("etag") or answer.headers.get("last-modified")
    if answer.status_code != 206:  # a server without ranges gives the whole file
        return _Block(answer.content[start:], len(answer.content), version)
    total = answer.headers.get("content-range", "").rpartition("/")[2]
    if not total.isdigit():
        raise UnreadableAnswer(f"{url.partition('?')[0]}: the server does not say how long the file is")
    return _Block(answer.content, int(total), version)


def _unpacked(blocks: Iterator[bytes], shown: str) -> Iterator[bytes]:
    """The text of a gzipped file."""
    try:
        yield from gunzipped(blocks)
    except zlib.error as error:
        raise UnreadableAnswer(f"{shown} is not a gzip file: {error}") from error
    except EOFError as error:
        raise UnreadableAnswer(f"{shown} is cut off: the gzip file has no end") from error


class _Stream(io.RawIOBase):
    """Consecutive blocks as an open file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._left:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._left = memoryview(block)
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _of_items(lines: Lines, shown: str) -> Lines:
    """The lines of a file from its beginning, after checking that the first one can hold an Item.

    Raises:
        UnreadableAnswer: The file is an HTML page, a single document, or in another encoding: read line by line, all
            its records would be missed.
    """
    for first, after in lines:
        line = first.removeprefix(codecs.BOM_UTF8)
        if fault := _fault_of_beginning(line):
            raise UnreadableAnswer(f"{shown} {fault}")
        return chain([(line, after)], lines)
    return lines


def _fault_of_beginning(line: bytes) -> str | None:
    if fault := next((fault for beginning, fault in _OTHER_FORMS.items() if line.lstrip().startswith(beginning)), None):
        return fault
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        is_collection = line.strip() == b"{" or b'"FeatureCollection"' in line[:_LOOKED_AT_BYTES]
    else:
        is_collection = isinstance(said, dict) and "features" in said
    return f"is one document over all Items; {ONE_A_LINE}" if is_collection else None


def _lines(blocks: Iterator[bytes], start: int) -> Lines:
    """Each line, and the offset after it; a last line without a line end counts too."""
    offset = start
    file = io.BufferedReader(_Stream(blocks), _BUFFER_BYTES)
    while line := file.readline(_LONGEST_LINE_BYTES + 1):
        if len(line) > _LONGEST_LINE_BYTES:
            raise UnreadableAnswer(f"a line has more than {_LONGEST_LINE_BYTES} bytes; it must hold one Item")
        offset += len(line)
        yield line.removesuffix(b"\n"), offset
