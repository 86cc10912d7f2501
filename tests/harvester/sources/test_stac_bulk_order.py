"""Lines of a bulk file in the order in which they came to the ledger: told together, as each would be told alone."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from database import Database
from harvester.harvest import Request, harvest
from harvester.record import Page
from harvester.runs.planning import KnownFingerprints
from harvester.sources.source import Progress, Selection
from harvester.sources.stac import source as stac
from tests.benchmarks.generated_items import COLLECTION, feed_of, write_items
from tests.harvests import counts, harvest_context, rows
from tests.postgres import PostgresServer

COUNT = 40
AT_ONCE = 4  #: lines of a page


@dataclass
class Kept:
    """Fingerprints of records in the order of a ledger, and what was asked for."""

    records: dict[str, str]
    asked: list[str] = field(default_factory=list)

    def __call__(self, records: Sequence[str], /) -> Mapping[str, str]:
        """Those of these records."""
        self.asked += records
        return {record: self.records[record] for record in records if record in self.records}

    def following(self, record: str, count: int) -> Sequence[tuple[str, str, int]]:
        """Those after this one."""
        numbered = [(fingerprint, each, number) for number, (each, fingerprint) in enumerate(self.records.items())]
        start = list(self.records).index(record) + 1
        return numbered[start : start + count]


@pytest.fixture
def bulk(tmp_path: Path) -> Path:
    """A bulk file of some Items."""
    write_items(tmp_path / "items.ndjson", COUNT)
    return tmp_path / "items.ndjson"


def pages_of(path: Path, known: Any) -> Iterator[Page]:
    """The pages of a file."""
    options = stac.Options(url=path.as_uri(), page_size=AT_ONCE)
    return stac.read_pages(options, Selection(), None, Progress(), known)


@pytest.fixture
def kept(bulk: Path) -> Kept:
    """A ledger that has every line of the file."""
    records = [record for page in pages_of(bulk, lambda _: {}) for record in page.records]
    return Kept({record.id: str(record.fingerprint) for record in records})


def test_lines_in_their_order_are_not_looked_for(bulk: Path, kept: Kept) -> None:
    """After the first lines all are told by what follows in the ledger, with their numbers in it."""
    names = list(kept.records)
    pages = list(pages_of(bulk, kept))

    assert kept.asked == names[:AT_ONCE]
    assert [name for page in pages for name in page.unread] == names
    assert {name: page.numbers[name] for page in pages[1:] for name in page.unread} == {
        name: number for number, name in enumerate(names) if number >= AT_ONCE
    }


def test_only_lines_out_of_order_are_looked_for(bulk: Path, kept: Kept) -> None:
    """What changed, is new or stands elsewhere is asked for by name; the lines after it are in their order again."""
    lines, names = bulk.read_bytes().splitlines(), list(kept.records)
    moved = [*lines[:9], lines[30], *lines[9:20], lines[20].replace(b"1.5", b"1.6"), *lines[21:30], *lines[31:]]
    bulk.write_bytes(b"\n".join(moved))

    pages = list(pages_of(bulk, kept))

    assert [record.id for page in pages for record in page.records] == [names[20]]
    assert {name for page in pages for name in page.unread} == set(names) - {names[20]}
    assert {names[30], names[20]} < set(kept.asked)
    assert len(kept.asked) < COUNT / 2


def test_of_one_id_the_last_line_counts_in_order_too(bulk: Path, kept: Kept) -> None:
    """A line that is told by its place makes a changed one before it unread, and the other way round."""
    lines, names = bulk.read_bytes().splitlines(), list(kept.records)
    changed = [line.replace(b"1.5", b"1.6") for line in lines]
    bulk.write_bytes(b"\n".join([*lines[:4], changed[4], *lines[4:6], changed[6], *lines[7:8], changed[7]]))

    pages = list(pages_of(bulk, kept))

    assert [list(page.unread) for page in pages] == [names[:4], names[4:6], []]
    assert [[record.id for record in page.records] for page in pages] == [[], [names[6]], [names[7]]]


def state_of(database: Database) -> list[tuple[Any, ...]]:
    """What the ledger has of each record, but for times, and whether the last run saw it."""
    return rows(
        database,
        "SELECT record, state, fingerprint, digest, version, item, feed, absent_since IS NULL,"
        " id IN (SELECT unnest(records) FROM dinamis.sighting)"
        " OR last_seen > (SELECT max(started_at) FROM dinamis.run)"
        " FROM dinamis.source_record ORDER BY record",
    )


def edited(lines: Sequence[bytes], chance: random.Random) -> list[bytes]:
    """Lines of which some are gone, moved, doubled, changed or changed back."""
    edited = list(lines)
    for _ in range(6):
        at = chance.randrange(len(edited))
        line = edited[at]
        changed = line.replace(b"1.5", b"1.6") if b"1.5" in line else line.replace(b"1.6", b"1.5")
        match chance.choice(["gone", "moved", "doubled", "changed", "changed copy"]):
            case "gone":
                del edited[at]
            case "moved":
                edited.insert(chance.randrange(len(edited)), edited.pop(at))
            case "doubled":
                edited.insert(chance.randrange(len(edited)), line)
            case "changed":
                edited[at] = changed
            case "changed copy":
                edited.insert(chance.randrange(len(edited)), changed)
    return edited


def test_the_order_changes_nothing_but_the_work(
    postgres_server: PostgresServer, bulk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over files that change at random, also after withdrawals, the ledger is as if each line were looked for."""
    chance, lines = random.Random(7), bulk.read_bytes().splitlines()

    def harvested(database: Database) -> dict[str, int]:
        return counts(harvest(feed_of(bulk, AT_ONCE), harvest_context(database, COLLECTION), Request()))

    def without_order(database: Database) -> dict[str, int]:
        with monkeypatch.context() as patch:
            patch.setattr(KnownFingerprints, "following", lambda *_: [])
            return harvested(database)

    with postgres_server.clone() as ordered, postgres_server.clone() as plain:
        for _ in range(5):
            assert harvested(ordered) == without_order(plain)
            assert state_of(ordered) == state_of(plain)
            for database in (ordered, plain):
                rows(
                    database,
                    "UPDATE dinamis.source_record SET state = 'withdrawn', reason = 'test', fingerprint = NULL"
                    " WHERE record = %s RETURNING id",
                    sorted(name for (name,) in rows(database, "SELECT record FROM dinamis.source_record"))[5],
                )
            lines = edited(lines, chance)
            bulk.write_bytes(b"\n".join(lines))
