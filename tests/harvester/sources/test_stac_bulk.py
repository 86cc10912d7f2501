"""Lines of a bulk file that were there last time: told by their fingerprint, never wrongly."""

from __future__ import annotations

import codecs
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Any

import orjson
import pytest
from starlette.staticfiles import StaticFiles

from database import Database
from harvester.errors import UnreadableAnswer, UnreadableScene
from harvester.feeds import Feed
from harvester.harvest import Request, harvest
from harvester.record import Page
from harvester.runs.report import HarvestReport
from harvester.sources.source import Progress, Selection
from harvester.sources.stac import source as stac
from tests.benchmarks.generated_items import write_items
from tests.emulators.serving import serving
from tests.harvests import counts, harvest_context, items, rows, sensors

COLLECTION = "spot-6-7-drs"


@pytest.fixture
def bulk(tmp_path: Path) -> Path:
    """A bulk file of five Items."""
    write_items(tmp_path / "items.ndjson", 5)
    return tmp_path / "items.ndjson"


def only_page(path: Path, known: dict[str, str] | None = None, **options: Any) -> Page:
    """What is read of a file of which these fingerprints are known."""
    asked = stac.Options(url=path.as_uri(), **options)
    (page,) = stac.read_pages(asked, Selection(), None, Progress(), lambda _: known or {})
    return page


def ids_read(path: Path) -> list[str]:
    """The ids of the Items of a file."""
    return [stac.scene_from_record(record, sensors()).id for record in only_page(path).records]


def fingerprints(page: Page) -> dict[str, str]:
    """What the ledger keeps of the records of a page."""
    return {record.id: str(record.fingerprint) for record in page.records}


def rewrite(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Let a file have other lines."""
    path.write_bytes(b"\n".join(change(path.read_bytes().splitlines())))


def test_known_lines_are_not_read(bulk: Path) -> None:
    """Only the line that changed becomes a record; the others are told as unread."""
    first = only_page(bulk)
    rewrite(bulk, lambda lines: [lines[0].replace(b"1.5", b"1.6"), *lines[1:]])

    page = only_page(bulk, fingerprints(first))

    assert [record.id for record in page.records] == [first.records[0].id]
    assert list(page.unread) == [record.id for record in first.records[1:]]


def test_another_file_is_another_state(bulk: Path) -> None:
    """Its state stays while a file stays, and is another after any change, also one that keeps its size and time."""
    options = stac.Options(url=bulk.as_uri())
    state, time = stac.state_of(options), bulk.stat().st_mtime_ns
    assert state is not None
    assert stac.state_of(options) == state
    assert stac.state_of(stac.Options(url=bulk.as_uri(), preset="spot-6-7-drs")) != state

    sleep(0.02)  # longer than the clock of the file system stands still
    bulk.write_bytes(bulk.read_bytes().replace(b"1.5", b"1.6", 1))
    os.utime(bulk, ns=(time, time))

    assert stac.state_of(options) != state


def test_content_of_a_file_stays_when_it_is_written_anew(bulk: Path) -> None:
    """Its state is another then, its content is not; any other byte, and another way to read it, is other content."""
    options = stac.Options(url=bulk.as_uri())
    state, content, said = stac.state_of(options), stac.content_of(options), bulk.read_bytes()
    assert content is not None
    assert stac.content_of(stac.Options(url=bulk.as_uri(), preset="spot-6-7-drs")) != content

    sleep(0.02)
    bulk.write_bytes(said)
    assert stac.state_of(options) != state
    assert stac.content_of(options) == content

    bulk.write_bytes(said + b"\n")
    assert stac.content_of(options) != content
    assert stac.content_of(stac.Options(url="https://stac.example.org/items.ndjson")) is None


@pytest.mark.parametrize("name", ["items.ndjson", "items.ndjson.gz"])
def test_reading_tells_the_content(tmp_path: Path, name: str) -> None:
    """Whoever read all of a plain file knows its content; after a cursor, or of a gzipped one, it is worked out."""
    path = tmp_path / name
    write_items(tmp_path / "plain", 5)
    said = (tmp_path / "plain").read_bytes() + b"\n"
    path.write_bytes(gzip.compress(said) if name.endswith(".gz") else said)
    options = stac.Options(url=path.as_uri(), page_size=2)
    whole, rest = Progress(), Progress()
    pages = list(stac.read_pages(options, Selection(), None, whole, lambda _: {}))
    list(stac.read_pages(options, Selection(), pages[0].next_cursor, rest, lambda _: {}))

    assert stac.content_of(options) is not None
    assert whole.content == (None if name.endswith(".gz") else stac.content_of(options))
    assert rest.content is None


def test_a_file_of_another_size_is_other_content(bulk: Path) -> None:
    """It need not be looked through; one of the same size has to be."""
    options = stac.Options(url=bulk.as_uri())
    content, said = str(stac.content_of(options)), bulk.read_bytes()
    bulk.write_bytes(said.replace(b"1.5", b"1.6"))
    assert not stac.is_other_content(options, content)
    assert stac.content_of(options) != content
    assert stac.is_other_content(stac.Options(url=bulk.as_uri(), preset="spot-6-7-drs"), content)
    bulk.write_bytes(said + b"\n")
    assert stac.is_other_content(options, content)


def test_state_of_a_file_on_a_server_is_its_version(bulk: Path) -> None:
    """A server that gives an ETag tells whether the file has changed; the credentials are in no state."""
    with serving(StaticFiles(directory=bulk.parent)) as url:
        address = f"{url}/items.ndjson"
        state = stac.state_of(stac.Options(url=address))
        assert state is not None
        assert stac.state_of(stac.Options(url=address)) == state
        secret = stac.state_of(stac.Options(url=address.replace("//", "//ada:pass@")))
        assert secret is not None
        assert "pass" not in secret
        bulk.write_bytes(bulk.read_bytes() * 2)
        assert stac.state_of(stac.Options(url=address)) != state


def test_only_a_bulk_file_tells_its_state() -> None:
    """Nothing is asked of a catalogue: that its root is as it was says nothing of its Items."""
    assert stac.state_of(stac.Options(url="https://stac.example.org")) is None


def test_a_preset_that_reads_otherwise_makes_all_lines_new(bulk: Path) -> None:
    """A fingerprint holds only for the preset under which its line was read."""
    known = fingerprints(only_page(bulk))

    page = only_page(bulk, known, preset="spot-6-7-drs")

    assert (len(page.records), len(page.unread)) == (5, 0)


def test_an_id_inside_the_item_is_not_taken_for_its_own(bulk: Path) -> None:
    """A line whose first `id` is that of another thing is read, and never noted under that name."""

    def with_inner_id(lines: list[bytes]) -> list[bytes]:
        item = orjson.loads(lines[0])
        properties = item.pop("properties") | {"id": "inner"}
        return [orjson.dumps({"properties": properties, **item}), *lines[1:]]

    rewrite(bulk, with_inner_id)
    known = fingerprints(only_page(bulk))

    page = only_page(bulk, known)

    assert not any("inner" in name for name in (*known, *page.unread))
    assert [record.id for record in page.records] == [next(iter(known))]
    assert len(page.unread) == 4


@pytest.mark.parametrize("is_changed_last", [True, False])
def test_of_one_id_the_last_line_counts(bulk: Path, is_changed_last: bool) -> None:
    """Where an Item stands twice, changed and as it was, the later line is what the source says."""
    known = fingerprints(only_page(bulk))
    name = next(iter(known))

    def twice(lines: list[bytes]) -> list[bytes]:
        pair = [lines[0], lines[0].replace(b"1.5", b"1.6")]
        return [*(pair if is_changed_last else reversed(pair)), *lines[1:]]

    rewrite(bulk, twice)

    page = only_page(bulk, known)

    assert [record.id for record in page.records] == ([name] if is_changed_last else [])
    assert (name in page.unread) is not is_changed_last


def harvested(database: Database, path: Path, **request: Any) -> HarvestReport:
    """Harvest the file into the catalogue."""
    options = stac.Options(url=path.as_uri(), preset="spot-6-7-drs")
    feed = Feed(
        name="spot-6-7-drs/stac", source="stac", kind="stac", collection=COLLECTION, location="", options=options
    )
    return harvest(feed, harvest_context(database, COLLECTION), Request(**request))


def test_unread_lines_are_seen_and_reread_ones_read(database: Database, bulk: Path) -> None:
    """Unread records are counted as unchanged and seen today; with `reread` each is read, and found unchanged."""
    assert counts(harvested(database, bulk)) == {"new": 5}
    before = items(database)
    rewrite(bulk, lambda lines: [lines[0].replace(b"1.5", b"1.6"), *lines[1:]])

    assert counts(harvested(database, bulk)) == {"changed": 1, "unchanged": 4}
    assert sum(before[name] != item for name, item in items(database).items()) == 1
    assert rows(database, "SELECT cardinality(records) FROM dinamis.sighting") == [(4,)]

    reread = harvested(database, bulk, reread=True)
    assert counts(reread) == {"unchanged": 5}


def pages_of(path: Path, known: dict[str, str], cursor: str | None = None) -> list[Page]:
    """The pages of a file of which these fingerprints are known, after a cursor."""
    options = stac.Options(url=path.as_uri())
    return list(stac.read_pages(options, Selection(), cursor, Progress(), lambda _: known))


def test_pages_are_of_so_many_lines_as_are_to_be_read(tmp_path: Path) -> None:
    """What is new comes in pages that one transaction writes, the first one soon; known lines all come together."""
    path = tmp_path / "items.ndjson"
    write_items(path, 1300)
    first = pages_of(path, {})
    assert [len(page.records) for page in first] == [250, 500, 500, 50]
    known = {name: mark for page in first for name, mark in fingerprints(page).items()}
    changed = first[1].records[0].id, first[3].records[0].id
    known |= dict.fromkeys(changed, "of another line")

    (page,) = pages_of(path, known)

    assert tuple(record.id for record in page.records) == changed
    assert len(page.unread) == 1298


def test_pages_of_long_lines_have_fewer_of_them(tmp_path: Path) -> None:
    """Not the number of lines alone but also their bytes end a batch, so that long ones do not fill the memory."""
    path = tmp_path / "items.ndjson"
    write_items(path, 600)
    rewrite(path, lambda lines: [line[:-1] + b',"long":"%b"}' % (b"x" * 10**4) for line in lines])

    pages = pages_of(path, {})

    assert [len(page.records) for page in pages[:2]] == [219, 219]
    assert sum(map(len_of, pages)) == 600


def test_a_cursor_goes_on_after_its_page(tmp_path: Path) -> None:
    """Whatever the pages were, those after a cursor are of the lines after it."""
    path = tmp_path / "items.ndjson"
    write_items(path, 1300)
    pages = pages_of(path, {})
    names = [record.id for page in pages for record in page.records]
    assert len(pages) == 4
    for number, page in enumerate(pages[:-1], 1):
        rest = pages_of(path, {}, page.next_cursor)
        assert [record.id for each in rest for record in each.records] == names[sum(map(len_of, pages[:number])) :]


def len_of(page: Page) -> int:
    """How many records are to be read."""
    return len(page.records)


def test_a_file_on_a_server_that_got_shorter_is_read_anew(tmp_path: Path) -> None:
    """A cursor behind the end of the file that is there now stops no run: each later one would stop there too."""
    path = tmp_path / "items.ndjson"
    write_items(path, 300)
    with serving(StaticFiles(directory=tmp_path)) as url:
        options = stac.Options(url=f"{url}/items.ndjson")
        first, _ = stac.read_pages(options, Selection(), None, Progress(), lambda _: {})
        write_items(path, 5)
        (page,) = stac.read_pages(options, Selection(), first.next_cursor, Progress(), lambda _: {})
    assert len(page.records) == 5


@pytest.mark.parametrize("line", [b'{"a":' * 400 + b"1" + b"}" * 400, b"[" * 400 + b"]" * 400])
def test_a_deep_line_without_an_id_is_a_record_that_is_refused(bulk: Path, line: bytes) -> None:
    """What orjson reads and does not write again, as it is nested too deeply, refuses only itself."""
    rewrite(bulk, lambda lines: [*lines, line])

    *_, deep = only_page(bulk).records

    with pytest.raises(UnreadableScene, match="not a STAC Item"):
        stac.scene_from_record(deep, sensors())


def test_of_lines_with_one_id_the_last_counts(bulk: Path) -> None:
    """A line that is known makes a changed one before it an unchanged record, and the other way round."""
    known = fingerprints(only_page(bulk))
    line = bulk.read_bytes().splitlines()[0]
    other = line.replace(b"1.5", b"1.6")

    rewrite(bulk, lambda lines: [other, *lines])
    assert only_page(bulk, known).records == []
    rewrite(bulk, lambda lines: [*lines, other])
    page = only_page(bulk, known)

    assert len(page.records) == 1
    assert {page.records[0].id, *page.unread} == known.keys()


@pytest.mark.parametrize("name", ["items.ndjson", "items.ndjson.gz"])
def test_a_byte_order_mark_is_no_part_of_the_first_line(tmp_path: Path, name: str) -> None:
    """A file as Windows writes it gives the Items of one without the mark."""
    path = tmp_path / name
    write_items(tmp_path / "plain.ndjson", 3)
    said = codecs.BOM_UTF8 + (tmp_path / "plain.ndjson").read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(gzip.compress(said) if name.endswith(".gz") else said)
    assert ids_read(path) == ids_read(tmp_path / "plain.ndjson")


def _collection(lines: list[bytes]) -> bytes:
    return b'{"type": "FeatureCollection", "features": [' + b",".join(lines) + b"]}"


OTHER_FORMS: dict[str, tuple[Callable[[list[bytes]], bytes], str]] = {
    "one document": (_collection, "one a line: jq"),
    "indented": (lambda lines: json.dumps(json.loads(_collection(lines)), indent=2).encode(), "one a line: jq"),
    "as GDAL writes it": (lambda lines: _collection(lines).replace(b", ", b",\n"), "one a line: jq"),
    "list": (lambda lines: b"[" + b",\n".join(lines) + b"]", "one a line: jq"),
    "UTF-16": (lambda lines: b"\n".join(lines).decode().encode("utf-16"), "write it in UTF-8"),
    "gzipped": (lambda lines: gzip.compress(b"\n".join(lines)), r"name end in \.gz"),
    "HTML": (lambda _: b"<!DOCTYPE html>\n<html><body>Please log in</body></html>", "look at its address"),
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_a_file_of_another_form_stops_the_run_and_says_what_to_do(bulk: Path, form: str) -> None:
    """Line by line, nothing of it could be read, and all its Items would be taken for gone."""
    write, advice = OTHER_FORMS[form]
    bulk.write_bytes(write(bulk.read_bytes().splitlines()))
    with pytest.raises(UnreadableAnswer, match=advice):
        only_page(bulk)


def test_one_document_over_all_items_on_a_disk_says_what_to_do(bulk: Path) -> None:
    """As a bulk file of another name would."""
    path = bulk.with_suffix(".geojson")
    path.write_bytes(_collection(bulk.read_bytes().splitlines()))
    with pytest.raises(UnreadableAnswer, match="one a line: jq"):
        only_page(path)


def test_a_first_line_that_is_no_item_is_refused_alone(bulk: Path) -> None:
    """It tells nothing of the other lines."""
    rewrite(bulk, lambda lines: [b'{"id": "cut', *lines])
    first, *others = only_page(bulk).records
    assert "fault" in first.content
    assert len(others) == 5
