"""Reading ahead in another process: the same as reading in place, in the same order, and over when it is over."""

from __future__ import annotations

import operator
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from database import Database
from harvester import catalogue, runs
from harvester.amendments import correct_item
from harvester.catalogue.publish import publish_collections
from harvester.errors import SourceUnavailable, UnreadableScene
from harvester.feeds import Feed
from harvester.harvest import Request, harvest
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.pages.reading_ahead import Reader, ReadingAhead, Readings
from harvester.pages.writing import PageWriting
from harvester.record import Page, RawRecord, SceneOutline, Withdrawal
from harvester.sources.registry import read_record
from harvester.sources.source import FingerprintsInOrder, Progress, Selection
from harvester.sources.stac import source as stac
from tests.benchmarks.generated_items import write_items
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Stock, image, stock
from tests.harvests import harvest_context, items, rows, sensors, timeless
from tests.postgres import PostgresServer

__all__ = ["stock"]

COLLECTION = "spot-6-7-drs"
PATIENCE_S = 60.0


@pytest.fixture
def page(tmp_path: Path) -> Page:
    """A page of Items of a bulk file, of which one cannot be read; there are more pages."""
    path = tmp_path / "items.ndjson"
    write_items(path, 120)
    path.write_bytes(path.read_bytes().replace(b'"Polygon"', b'"Polyp"', 1))
    options = stac.Options(url=path.as_uri(), preset="spot-6-7-drs")
    (only,) = stac.read_pages(options, Selection(), None, Progress(), lambda _: {})
    return replace(only, next_cursor="more")


def reader() -> Reader:
    """What reads the Items of the collection."""
    return Reader(scene_from_record=stac.scene_from_record, sensors=sensors(), source="stac", collection=COLLECTION)


def ahead(wanted: Callable[[Sequence[RawRecord]], list[bool]] | None = None) -> ReadingAhead:
    """Reading that begins ahead after the first record."""
    return ReadingAhead(reader(), wanted or (lambda records: [True] * len(records)), large=1)


def patiently(page: Page) -> Iterator[Page]:
    """The page again and again, as long as a test is patient."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        yield page
        time.sleep(0.02)


def first_readings(page: Page, reading: ReadingAhead) -> Readings:
    """What comes of the page once the worker has started."""
    return next(readings for _, readings in reading.pages(patiently(page)) if readings)


def readers_of(pid: int) -> list[int]:
    """The processes that read ahead for a process."""
    asked = ["ps", "-ww", "-o", "pid=", "-o", "stat=", "-o", "args=", "--ppid", str(pid)]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout
    found = [line.split(None, 2) for line in told.splitlines()]
    return [int(each) for each, state, command in found if "Z" not in state and "reading_ahead import work" in command]


def test_record_too_deep_to_be_sent_is_read_in_place(page: Page) -> None:
    """What cannot be sent to another process stops no harvest."""
    content: dict[str, object] = {}
    for _ in range(100_000):
        content = {"deep": content}
    deep = replace(page, records=[*page.records, RawRecord(id="deep", content=content)])
    with ahead() as reading:
        read = [(len(each.records), len(readings)) for each, readings in reading.pages([page, deep, page])]

    assert read == [(120, 0), (121, 0), (120, 0)]


def test_readings_are_those_in_place(page: Page) -> None:
    """Every record gives the scene, or the refusal, that it gives when it is read here."""
    with ahead() as reading:
        readings = first_readings(page, reading)

    assert len(readings) == len(page.records) == 120
    for raw, read in zip(page.records, readings, strict=True):
        assert read is not None
        assert read.canonical == raw.canonical
        if isinstance(read.result, UnreadableScene):
            with pytest.raises(UnreadableScene, match=re.escape(str(read.result))):
                read_record("stac", raw, sensors())
        else:
            assert read.result == SceneOutline.of(read_record("stac", raw, sensors()))
            assert read.alone is not None
            item, _ = read.alone.parsed()
            assert item["id"] == read.result.id
    assert sum(isinstance(each.result, UnreadableScene) for each in readings if each) == 1


def test_only_what_is_wanted_is_read(page: Page) -> None:
    """Records that the ledger holds are left to be compared, and cost nothing."""
    with ahead(lambda records: [index % 3 == 0 for index in range(len(records))]) as reading:
        readings = first_readings(page, reading)

    assert [index for index, each in enumerate(readings) if each] == list(range(0, 120, 3))


def test_items_are_those_of_a_reading_in_place(page: Page, postgres_server: PostgresServer) -> None:
    """A page that was read ahead puts the same Items into the catalogue, with the same account."""
    with ahead() as reading:
        readings = first_readings(page, reading)
    with postgres_server.clone() as one, postgres_server.clone() as other:
        accounts = [written(database, page, read) for database, read in ((one, readings), (other, ()))]
        found = [{name: timeless(item) for name, item in items(database).items()} for database in (one, other)]
        kept = [rows(database, "SELECT id, private FROM pgstac.items ORDER BY id") for database in (one, other)]

    assert accounts[0] == accounts[1]
    assert len(found[0]) == 119
    assert found[0] == found[1]
    assert kept[0] == kept[1]


def written(database: Database, page: Page, readings: Readings) -> object:
    """The account of a page that is written into a new catalogue."""
    context = harvest_context(database, COLLECTION)
    publish_collections(context.conninfo, context.documents, context.language)
    feed = Feed(name="bulk", source="stac", kind="stac", collection=COLLECTION, location="here", options=None)
    return written_by(context, feed, page, readings)


def written_by(context: HarvestContext, feed: Feed, page: Page, readings: Readings) -> object:
    """The account of a page of a feed."""
    with (
        catalogue.connect(context.conninfo) as connection,
        catalogue.connect(context.conninfo, autocommit=True) as side,
    ):
        run = runs.begin(side, feed, Request(), [Selection()], is_everything=True)
        with connection.transaction():
            writing = PageWriting(connection, side, feed, run.id, context, WritingOptions())
            account = writing.take_in(page, readings)
            writing.write_items()
    return account


def test_what_was_built_of_one_record_is_not_taken_where_more_concerns_the_item(stock: Stock) -> None:
    """Other Items of its acquisition, corrections, further records, and the id that it was given once."""
    context = harvest_context(stock.database, HELD, COAST, ARCHIVE)
    stock.archive.records = {"z": image()}
    stock.harvest(stock.archive_feed)
    stock.held.records = {"b": image(1), "c": image(2), "e": image(3)}
    stock.harvest()
    correct_item(context, str(image(1)["image"]), "eo:cloud_cover", 77, "we looked at it", "a curator")
    news = {
        "a": image(),
        "b": image(1, job="JOB_2"),
        "d": image(2, job="JOB_2"),
        "e": {**image(3, keys=(image(3)["image"],)), "image": "CALLED_OTHERWISE"},
        "f": image(4),
        "g": image(4, job="JOB_2"),
    }
    stock.held.records |= news
    page = Page(records=[RawRecord(id=name, content=said) for name, said in news.items()], next_cursor=None)
    ahead = Reader(scene_from_record=stock.held.scene_from_record, sensors=sensors(), source="held", collection=HELD)
    written_by(context, stock.held_feed, page, [ahead.read(raw) for raw in page.records])
    assert len(items(stock.database)) == 6
    assert stock.harvest(reread=True).items_written == 0


def test_large_harvest_reads_ahead_and_ends_its_worker(database: Database, tmp_path: Path) -> None:
    """A harvest of many pages has all its Items, leaves no process behind, and tells the server how large it is."""
    path = tmp_path / "items.ndjson"
    write_items(path, 1500)
    options = stac.Options(url=path.as_uri(), preset="spot-6-7-drs", page_size=100)
    feed = Feed(name="bulk", source="stac", kind="stac", collection=COLLECTION, location="here", options=options)
    seen: set[int] = set()
    sizes: list[float] = []

    def watch(*_: object) -> None:
        seen.update(readers_of(os.getpid()))
        known = rows(database, "SELECT reltuples FROM pg_class WHERE relname = 'source_record'")
        sizes.append(known[0][0])

    report = harvest(feed, harvest_context(database, COLLECTION), Request(), watch)

    assert (report.exit_code, report.read, report.items_written) == (0, 1500, 1500)
    assert len(items(database)) == 1500
    assert seen
    assert 1000 <= max(sizes) < 1500
    assert readers_of(os.getpid()) == []


def test_error_of_the_source_comes_after_the_pages_before_it(page: Page) -> None:
    """All that a source gave before it failed is written."""

    def failing() -> Iterator[Page]:
        yield from [page] * 3
        raise SourceUnavailable("it went away.")

    with ahead() as reading:
        pages = reading.pages(failing())
        come = [next(pages)[0] for _ in range(3)]
        with pytest.raises(SourceUnavailable):
            next(pages)

    assert come == [page] * 3


def test_small_harvest_starts_no_process(page: Page) -> None:
    """A harvest of few records costs what it did."""
    reading = ReadingAhead(reader(), lambda _: [], large=1000)
    with reading:
        assert [readings for _, readings in reading.pages([page, page])] == [(), ()]
        assert readers_of(os.getpid()) == []


def test_who_is_waited_for_is_given_less(page: Page) -> None:
    """Where pages are written faster than they are read, a part of each is left to be read in place."""
    with ReadingAhead(reader(), lambda records: [True] * len(records), large=1) as reading:
        read = [len(readings) for _, readings in reading.pages([page] * 12)]

    assert read[:2] == [0, 120]
    assert 0 < read[-1] < 120


def test_killed_worker_costs_its_readings_only(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    """When a process that reads is killed all pages still come, to be read in place."""
    with ahead() as reading:
        pages = reading.pages(patiently(page))
        next(readings for _, readings in pages if readings)
        for worker in readers_of(os.getpid()):
            os.kill(worker, signal.SIGKILL)
        after = [readings for _, readings in (next(pages) for _ in range(5))]

    assert after[-1] == []
    assert "records are read in place" in caplog.text


def test_worker_that_fails_costs_its_readings_only(page: Page, caplog: pytest.LogCaptureFixture) -> None:
    """A fault in a reader ends the process that reads ahead, also at the last page; it is met again in place."""
    faulty = replace(reader(), scene_from_record=operator.truediv)
    with ReadingAhead(faulty, lambda records: [True] * len(records), large=1) as reading:
        readings = [readings for _, readings in reading.pages([page, page])]

    assert readings == [(), []]
    assert "records are read in place" in caplog.text


def test_killed_process_leaves_no_worker() -> None:
    """The worker ends by itself when the process that it reads for is killed."""
    program = (
        "import time; from tests.harvester.pages.test_reading_ahead import Page, ReadingAhead, reader\n"
        "reading = ReadingAhead(reader(), lambda _: [], large=0)\n"
        "pages = reading.pages([Page(records=(), next_cursor='x')] * 3)\n"
        "next(pages); next(pages); print(flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        workers = readers_of(process.pid)
        process.kill()
    assert len(workers) == 1
    end = time.monotonic() + PATIENCE_S
    while any(map(_runs, workers)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(_runs, workers))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_fingerprints_of_an_unwritten_page_are_not_believed() -> None:
    """While a page is fetched ahead, what is known of the records of the page before it is about to change."""
    known = {name: f"print of {name}" for name in "abc"}
    asked: list[list[str]] = []
    reading = ahead()
    fingerprints = reading.fingerprints(lambda names: {name: known[name] for name in names})

    def source() -> Iterator[Page]:
        raw = RawRecord(id="a", content={"problem": 1})
        for gone in ((), (Withdrawal(id="b", reason="gone"),), ()):
            asked.append(sorted(fingerprints(list("abc"))))
            yield Page(records=[raw], withdrawals=gone, next_cursor="x")
        asked.append(sorted(fingerprints(list("abc"))))

    with reading:
        for _ in reading.pages(source()):
            pass

    assert asked == [["a", "b", "c"], ["a", "b", "c"], ["c"], ["b", "c"]]


class Ordered:
    """Fingerprints of three records in their order."""

    def __call__(self, records: Sequence[str], /) -> dict[str, str]:
        """Those of these records."""
        return {name: f"print of {name}" for name in records}

    def following(self, record: str, count: int) -> list[tuple[str, str, int]]:
        """Those of all, whatever they follow."""
        return [(f"print of {name}", name, number) for number, name in enumerate("abc")]


def test_records_of_an_unwritten_page_do_not_follow() -> None:
    """What comes next in the ledger is not believed of a record that is about to change; plain ones have no order."""
    asked: list[list[str]] = []
    reading = ahead()
    fingerprints = reading.fingerprints(Ordered())
    assert isinstance(fingerprints, FingerprintsInOrder)

    def source() -> Iterator[Page]:
        for _ in range(3):
            asked.append([name for _, name, _ in fingerprints.following("z", 9)])
            yield Page(records=[RawRecord(id="a", content={"problem": 1})], next_cursor="x")

    with reading:
        for _ in reading.pages(source()):
            pass
        plain = reading.fingerprints(lambda _: {})
        assert isinstance(plain, FingerprintsInOrder)
        assert plain.following("z", 9) == []

    assert asked == [["a", "b", "c"], ["a", "b", "c"], ["b", "c"]]
