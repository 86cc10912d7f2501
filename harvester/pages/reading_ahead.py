"""Reads records and builds their Items in another process, while this one writes the previous page.

Reading is pure, so only the time depends on where it is done. The worker is a fresh interpreter, not a fork: it shares
no connection and no thread with this process. It lives as long as its socket does, which the system closes however this
process ends. There is one: with two a harvest takes more than 300 MB.
"""

from __future__ import annotations

import gc
import logging
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from math import ceil
from multiprocessing import Pipe
from multiprocessing.connection import Connection as Socket
from queue import SimpleQueue
from threading import Thread
from time import monotonic
from typing import Any, Self

import orjson

from harvester.canonical_json import Canonical
from harvester.errors import UnreadableScene
from harvester.items.document import ItemDocument
from harvester.items.from_scenes import SourcedScene, item_from_scenes, private_part
from harvester.record import Page, RawRecord, SceneOutline, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.source import Fingerprints, FingerprintsInOrder

logger = logging.getLogger(__name__)

Wanted = Callable[[Sequence[RawRecord]], Sequence[bool]]  #: which records of a page are worth reading ahead

#: After so many records a harvest counts as large: starting an interpreter takes about as long as reading them.
_LARGE = 250
#: After waiting longer than this for a page, the worker is given less of the next one, otherwise more: this process
#: reads the rest while the worker reads the next page, so that neither waits for the other.
_LONG_WAIT_S = 0.01
_LESS, _MORE = 0.9, 1.03
#: Records that the worker unpickles at a time; the others stay bytes, which take a fraction of the memory.
_BATCH = 50
_WORKER = "import sys; from harvester.pages.reading_ahead import work; work(int(sys.argv[1]))"


@dataclass(frozen=True, kw_only=True)
class SoleRecordItem:
    """The Item of an acquisition that has a single record."""

    id: str
    collection: str
    document: bytes  #: JSON
    private: bytes  #: JSON, as `private_part` gives it

    def parsed(self) -> tuple[ItemDocument, dict[str, Any]]:
        """The Item and its private part as JSON data."""
        return orjson.loads(self.document), orjson.loads(self.private)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A record read before its page is written: small and cheap to send, as most of it is bytes."""

    canonical: Canonical
    result: SceneOutline | UnreadableScene
    alone: SoleRecordItem | None = None


#: Of the records of a page, in order; None, or missing at the end, for those to be read in this process.
Readings = Sequence[Reading | None]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How the records of a feed are read."""

    scene_from_record: Callable[[RawRecord, Sensors], SceneRecord]
    sensors: Sensors
    source: str  #: its name in Items
    collection: str | None  #: where Items most likely go; None where that depends on the record

    def read(self, raw: RawRecord) -> Reading:
        """Read a record, and build the Item that it makes alone."""
        try:
            scene = self.scene_from_record(raw, self.sensors)
        except UnreadableScene as error:
            return Reading(canonical=raw.canonical, result=error)
        return Reading(canonical=raw.canonical, result=SceneOutline.of(scene), alone=self._alone(scene))

    def _alone(self, scene: SceneRecord) -> SoleRecordItem | None:
        if self.collection is None:
            return None
        alone = [SourcedScene(source=self.source, precedence=0, scene=scene)]
        try:
            item = item_from_scenes(alone, item_id=scene.id, collection=self.collection)
        except UnreadableScene:
            return None  # whoever builds this Item will find out why
        document, private = orjson.dumps(item), orjson.dumps(private_part(alone))
        return SoleRecordItem(id=scene.id, collection=self.collection, document=document, private=private)


class ReadingAhead:
    """Reads pages while the previous one is written; its worker ends with the `with` block."""

    def __init__(self, reader: Reader, wanted: Wanted, *, large: int = _LARGE) -> None:
        """Read the `wanted` records with `reader` in a worker, once `large` records were seen."""
        self._reader = reader
        self._wanted = wanted
        self._large = large
        self._worker: _Worker | None = None
        self._part = 1.0  #: share of the records of a page that the worker is given
        self._unwritten: frozenset[str] = frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def fingerprints(self, known: Fingerprints) -> Fingerprints:
        """`known`, except for records of a page that is fetched but not written: what is known of these will change."""
        return _Settled(self, known)

    @property
    def unwritten(self) -> frozenset[str]:
        """Ids of the records of a page that is fetched but not written."""
        return self._unwritten

    def pages(self, pages: Iterable[Page]) -> Iterator[tuple[Page, Readings]]:
        """The pages in order. Once the harvest is large, each is handed out while the next is read.

        An error of the source is raised after all pages before it.
        """
        coming = iter(pages)
        seen = 0
        for page in coming:
            # Where most is unread there is little to be read ahead.
            seen = max(seen + len(page.records) - len(page.unread), 0)
            if seen >= self._large and page.next_cursor:
                # It begins while this page is written.
                self._start()
                yield page, ()
                break
            yield page, ()
        else:
            return
        yield from self._one_ahead(coming)

    def _one_ahead(self, coming: Iterator[Page]) -> Iterator[tuple[Page, Readings]]:
        held: tuple[Page, Sequence[int]] | None = None
        while True:
            failure: Exception | None = None
            try:
                page = next(coming, None)
            except Exception as error:
                page, failure = None, error
            # Sent before the result for the page at hand is received, so that the worker goes on at once.
            sent = self._send(page.records) if page else []
            if held:
                yield held[0], self._received(held[1])
            if failure:
                raise failure
            if page is None:
                return
            held = page, sent
            self._unwritten = frozenset([raw.id for raw in page.records] + [gone.id for gone in page.withdrawals])

    def _send(self, records: Sequence[RawRecord]) -> Sequence[int]:
        """Give records to the worker; returns which of them."""
        if self._worker is None or not records:
            return []
        indices = [index for index, is_wanted in enumerate(self._wanted(records)) if is_wanted]
        given = indices[: ceil(self._part * len(indices))]
        try:
            if given:
                self._worker.send([records[index] for index in given])
        except (OSError, EOFError, RecursionError) as error:  # it is gone, or a record is nested too deep to be sent
            self._give_up(error)
            return []
        return given

    def _received(self, given: Sequence[int]) -> Readings:
        if self._worker is None or not given:
            return []
        began = monotonic()
        try:
            readings = dict(zip(given, self._worker.receive(), strict=True))
        except (OSError, EOFError) as error:
            self._give_up(error)
            return []
        is_late = monotonic() - began > _LONG_WAIT_S
        self._part = min(self._part * (_LESS if is_late else _MORE), 1.0)
        return [readings.get(index) for index in range(given[-1] + 1)]

    def _start(self) -> None:
        try:
            task = pickle.dumps(self._reader)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            logger.debug("records are not read ahead: %s", error)
            return
        with suppress(OSError):  # no more processes can be started: the work is done here
            self._worker = _Worker(task)

    def _give_up(self, error: Exception) -> None:
        logger.warning("a process that reads ahead has ended (%r); records are read in place", error)
        self._end()

    def _end(self) -> None:
        if self._worker is not None:
            self._worker.end()
            self._worker = None


@dataclass(frozen=True)
class _Settled:
    """What is known of records, except those whose page is not written yet."""

    ahead: ReadingAhead
    known: Fingerprints

    def __call__(self, records: Sequence[str], /) -> Mapping[str, str]:
        """As `FingerprintsInOrder`."""
        return self.known([record for record in records if record not in self.ahead.unwritten])

    def following(self, record: str, count: int) -> Sequence[tuple[str, str, int]]:
        """As `FingerprintsInOrder`."""
        if not isinstance(self.known, FingerprintsInOrder):
            return []
        following, unwritten = self.known.following(record, count), self.ahead.unwritten
        return [each for each in following if each[1] not in unwritten] if unwritten else following


class _Worker:
    """A process that reads."""

    def __init__(self, task: bytes) -> None:
        self._socket, theirs = Pipe()
        self._is_started = False
        with ExitStack() as undo:
            undo.callback(theirs.close)
            # In a session of its own, out of reach of Ctrl-C: this process decides when it ends.
            self._process = subprocess.Popen(
                [sys.executable, "-c", _WORKER, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._socket.send_bytes(task)

    def send(self, records: Sequence[RawRecord]) -> None:
        """Give it records to read, once it has started; raises OSError or EOFError when it is gone."""
        # Reading them here instead would take longer, and would hold the page in two forms.
        if not self._is_started:
            self._is_started = bool(self._socket.recv())
        self._socket.send([pickle.dumps(batch) for batch in _batches(records)])

    def receive(self) -> list[Reading]:
        """The records as it has read them; raises OSError or EOFError when it is gone."""
        return [reading for batch in self._socket.recv() for reading in pickle.loads(batch)]  # noqa: S301 - as below

    def end(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


def work(descriptor: int) -> None:
    """Read the records that arrive through a socket until its other end is closed."""
    with Socket(descriptor) as socket, suppress(EOFError, BrokenPipeError, ConnectionResetError):
        reader: Reader = pickle.loads(socket.recv_bytes())  # noqa: S301 - from the process that started this one
        gc.collect()
        gc.freeze()
        socket.send(True)
        pages: SimpleQueue[Sequence[bytes] | None] = SimpleQueue()
        # The other end sends the next page before it receives the result of this one.
        Thread(target=_take_in, args=(socket, pages), daemon=True).start()
        while (page := pages.get()) is not None:
            # Sent at once, when all is done: the other end receives nothing while it writes.
            socket.send([pickle.dumps(list(map(reader.read, pickle.loads(batch)))) for batch in page])  # noqa: S301


def _take_in(socket: Socket[Any, Any], pages: SimpleQueue[Sequence[bytes] | None]) -> None:
    """Put the pages that come through a socket into a queue, and None when its other end is closed."""
    with suppress(EOFError, OSError):
        while True:
            pages.put(socket.recv())
    pages.put(None)


def _batches(records: Sequence[RawRecord]) -> Iterator[Sequence[RawRecord]]:
    return (records[start : start + _BATCH] for start in range(0, len(records), _BATCH))
