"""The Items of a bulk file, one JSON text per line, in pages; unchanged lines are recognised by fingerprints."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

import orjson
import xxhash

from harvester.errors import SourceUnavailable
from harvester.http import Session
from harvester.record import Page, RawRecord
from harvester.sources.source import Fingerprints, FingerprintsInOrder, Progress
from harvester.sources.stac.bulk_lines import Lines, Position, is_packed, open_lines, status_of
from harvester.sources.stac.options import Options
from harvester.sources.stac.record import line_record, unreadable_record
from harvester.sources.stac.static import local_path

logger = logging.getLogger(__name__)

_BATCH = 500  #: lines that are processed together
_FIRST_BATCH = 250  #: smaller, so that Items appear soon, and it is soon known whether there is much to read
_BATCHES_AHEAD = 6  #: read while a page is written
#: A page ends with the batch that brings it to so many records to be read…
_ENOUGH_RECORDS = 250
#: …or so many lines, most of them known.
_ENOUGH_LINES = 5000
_ENOUGH_BYTES = 3 * 2**20  #: of lines in a batch, and of those to be read in a page, however few they are
_KEPT_CHARACTERS = 10_000  #: of a line that cannot be parsed
_ID = re.compile(rb'"id"\s*:\s*"([^"\\]+)"')
_COLLECTION = re.compile(rb'"collection"\s*:\s*"([^"\\]+)"')
_NAME = re.compile(r"\.(ndjson|jsonl|geojsonl)(\.gz)?$")


def is_bulk_file(url: str) -> bool:
    """Whether an address is that of a bulk file, judged by its name."""
    return _NAME.search(url.partition("?")[0]) is not None


def bulk_pages(
    session: Session | None, options: Options, cursor: str | None, progress: Progress, fingerprints: Fingerprints
) -> Iterator[Page]:
    """The Items of a bulk file in pages.

    To continue, a gzipped file is decompressed from its beginning; a file that was replaced is read anew.

    Args:
        session: None for a file on this machine.
        options: where it is.
        cursor: after which page to continue.
        progress: kept up to date.
        fingerprints: of lines that may be unchanged.

    Raises:
        SourceUnavailable: It cannot be read, or is replaced while it is read.
        UnreadableAnswer: It is truncated, a line is longer than 64 MiB, or it is not a file of one Item per line.
    """
    position = Position.from_cursor(cursor) if cursor else Position()
    version, lines = open_lines(session, options, position)
    page, end, digest = _GatheredPage(options, fingerprints), 0, hashlib.sha256()
    with closing(_read_ahead(_batches(lines, options))) as batches:
        for batch in batches:
            if page.is_full:
                yield page.ended(Position(offset=end, version=version).cursor())
                page = _GatheredPage(options, fingerprints, page.last_known)
            page.read(batch)
            digest.update("".join(batch.fingerprints).encode())
            progress.records += len(batch.lines)
            end = batch.end
    if session is None and cursor is None and not is_packed(options.url):
        progress.content = _content(options, end, digest.hexdigest())
    yield page.ended(None)


@dataclass
class _Batch:
    """Lines that are processed together."""

    end: int  #: the offset after them
    lines: list[bytes] = field(default_factory=list)
    fingerprints: list[str] = field(default_factory=list)  #: by which the same lines are known under the same preset
    size: int = 0  #: of the lines, in bytes

    def add(self, line: bytes, fingerprint: str) -> None:
        """Let it have one more line."""
        self.lines.append(line)
        self.fingerprints.append(fingerprint)
        self.size += len(line)


def _batches(lines: Lines, options: Options) -> Iterator[_Batch]:
    """The non-empty lines, in batches."""
    fingerprint = _fingerprinting(options)
    batch, wanted = _Batch(end=0), options.page_size or _FIRST_BATCH
    for line, after in lines:
        if len(batch.lines) >= wanted or batch.size >= _ENOUGH_BYTES:
            yield batch
            batch, wanted = _Batch(end=after), options.page_size or _BATCH
        if line.strip():
            batch.add(line, fingerprint(line))
        batch.end = after
    yield batch


def _read_ahead(batches: Iterator[_Batch]) -> Generator[_Batch]:
    """The batches; a thread reads the next ones while one is looked up in the ledger and its page is written."""
    thread = ThreadPoolExecutor(1, "bulk file")
    try:
        coming = deque(thread.submit(next, batches, None) for _ in range(_BATCHES_AHEAD))
        while (batch := coming.popleft().result()) is not None:
            coming.append(thread.submit(next, batches, None))
            yield batch
    finally:
        thread.shutdown(cancel_futures=True)


class _GatheredPage:
    """A page in the making: known lines cost little, so it may hold many of them."""

    def __init__(self, options: Options, fingerprints: Fingerprints, last_known: str | None = None) -> None:
        self.last_known = last_known  #: the record of the last known line of the previous batch, if any
        self._options = options
        self._fingerprints = fingerprints
        self._in_order = fingerprints if isinstance(fingerprints, FingerprintsInOrder) else None
        self._records: dict[str, RawRecord | None] = {}  #: the last one of each id; None where its line is known
        self._numbers: dict[str, int] = {}  #: numbers in the ledger, by id, as far as they are known
        self._lines = self._read = self._read_bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether there is enough for one transaction."""
        if self._options.page_size:
            return self._lines >= self._options.page_size
        is_much_read = self._read >= _ENOUGH_RECORDS or self._read_bytes >= _ENOUGH_BYTES
        return is_much_read or self._lines >= _ENOUGH_LINES

    def read(self, batch: _Batch) -> None:
        """Read some more lines, except those that are known unchanged."""
        known = self._expected(len(batch.lines))
        known |= self._looked_for(batch, known)
        for line, fingerprint in zip(batch.lines, batch.fingerprints, strict=True):
            if identity := known.get(fingerprint):
                self._records[identity] = None
            else:
                record = _record(line, fingerprint, self._options)
                self._records[record.id] = record
                self._read += 1
                self._read_bytes += len(line)
        self.last_known = next((known[each] for each in reversed(batch.fingerprints) if each in known), None)
        self._lines += len(batch.lines)

    def _expected(self, count: int) -> dict[str, str]:
        """Records by fingerprint: those of the next lines if these are in the order of the ledger."""
        if self._in_order is None or self.last_known is None:
            return {}
        following = self._in_order.following(self.last_known, count)
        self._numbers |= {record: number for _, record, number in following}
        return {fingerprint: record for fingerprint, record, _ in following}

    def _looked_for(self, batch: _Batch, known: Mapping[str, str]) -> dict[str, str]:
        """Records by fingerprint: those that the ledger has under the ids which the remaining lines seem to have."""
        lines = zip(batch.lines, batch.fingerprints, strict=True)
        supposed = {fingerprint: _supposed_identity(line) for line, fingerprint in lines if fingerprint not in known}
        kept = self._fingerprints([identity for identity in supposed.values() if identity])
        return {each: identity for each, identity in supposed.items() if identity and kept.get(identity) == each}

    def ended(self, cursor: str | None) -> Page:
        """The finished page."""
        return Page(
            records=[record for record in self._records.values() if record],
            unread=[identity for identity, record in self._records.items() if record is None],
            numbers=self._numbers,
            next_cursor=cursor,
        )


def bulk_state(session: Session | None, options: Options) -> str | None:
    """What identifies the version of a bulk file; None where its server does not give enough.

    On a disk: inode, size, modification time, and change time, which nobody can set back.

    Raises:
        SourceUnavailable: A file on this machine cannot be found.
    """
    version: object = _remote_state(session, options.url) if session else _local_state(options.url)
    return json.dumps([options.shown_location, options.preset, version]) if version else None


def bulk_content(options: Options) -> str:
    """What identifies the content of a bulk file on this machine: its size, and a digest.

    The digest is of the fingerprints of all lines, which reading computes anyway; for a gzipped file, of its bytes,
    which are few.

    Raises:
        SourceUnavailable: It cannot be read.
    """
    try:
        digest = (_digest_of_bytes if is_packed(options.url) else _digest_of_lines)(options)
        return _content(options, status_of(options.url).st_size, digest)
    except OSError as error:
        raise SourceUnavailable(f"{options.url}: {error.strerror}") from error


def is_other_content(options: Options, former: str) -> bool:
    """Whether a bulk file on this machine has another size than when `former` was its content.

    Raises:
        SourceUnavailable: It cannot be found.
    """
    *beginning, _ = json.loads(former)
    *now, _ = json.loads(_content(options, status_of(options.url).st_size, ""))
    return bool(beginning != now)


def _content(options: Options, size: int, digest: str) -> str:
    return json.dumps([options.shown_location, options.preset, size, digest])


def _digest_of_bytes(options: Options) -> str:
    with local_path(options.url).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of_lines(options: Options) -> str:
    fingerprint, digest = _fingerprinting(options), hashlib.sha256()
    for line, _ in open_lines(None, options, Position())[1]:
        if line.strip():
            digest.update(fingerprint(line).encode())
    return digest.hexdigest()


def _local_state(url: str) -> list[int]:
    status = status_of(url)
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _remote_state(session: Session, url: str) -> list[str | None] | None:
    try:
        answer = session.request("HEAD", url)
    except SourceUnavailable as error:
        logger.debug("whether it has changed is found out by reading: %s", error)
        return None
    names = ("etag", "last-modified", "content-length")
    # A date alone only has whole seconds.
    return [answer.headers.get(name) for name in names] if "etag" in answer.headers else None


def _fingerprinting(options: Options) -> Callable[[bytes], str]:
    """A function that gives a line's fingerprint under a preset.

    XXH3 with 128 bits: no line changes without changing it by accident. A source that contrives such a line can only
    hide a change of its own records.
    """
    return partial(xxhash.xxh3_128_hexdigest, seed=xxhash.xxh3_64_intdigest((options.preset or "").encode()))


def _supposed_identity(line: bytes) -> str | None:
    """The probable id of the record, found without parsing; the fingerprint proves whether it is right."""
    item, collection = _ID.search(line), _COLLECTION.search(line)
    if not item:
        return None
    try:
        return (b"%b/%b" % (collection[1], item[1]) if collection else item[1]).decode()
    except UnicodeDecodeError:
        return None


def _record(line: bytes, fingerprint: str, options: Options) -> RawRecord:
    try:
        return line_record(line, options.url, options.preset, fingerprint)
    except orjson.JSONDecodeError as error:
        said = line[:_KEPT_CHARACTERS].decode("utf-8", "backslashreplace")
        return replace(unreadable_record(f"the line is not JSON: {error}", said), fingerprint=fingerprint)
