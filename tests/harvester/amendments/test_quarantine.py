"""Records that were refused, on a real database: listed, shown, and read again with the reader of today."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from database import Database
from harvester.amendments import NotInQuarantine, quarantine, quarantined, quarantined_record, replay_quarantine
from harvester.amendments.amendment_run import carry_out
from harvester.credentials import Credentials
from harvester.feeds import Feed, deliveries_at
from harvester.record import RawRecord, SceneRecord, Withdrawal
from harvester.runs import RunBusy
from harvester.runs.report import HarvestReport
from harvester.sensors import Sensors
from harvester.sources.registry import SOURCES
from tests.harvester.invented_source import ARCHIVE, HELD, InventedSource, Stock, image, stock
from tests.harvests import counts, delivery, harvest_context, items, rows, run

__all__ = ["stock"]


class MendedSource(InventedSource):
    """The source with a reader that copes with what is torn, but not with what is burnt."""

    def scene_from_record(self, raw: RawRecord, sensors: Sensors) -> SceneRecord:
        """The scene, whatever is torn."""
        said = dict(raw.content)
        if said.get("problem") == "it is torn":
            del said["problem"]
        elif said.get("problem"):
            said["problem"] = "it is burnt beyond repair"
        return super().scene_from_record(RawRecord(id=raw.id, content=said), sensors)


@pytest.fixture
def refused(stock: Stock) -> Stock:
    """A catalogue with one Item, three torn records and a burnt one."""
    stock.held.records = {"a": image(), "burnt": image(9, problem="it is burnt")}
    stock.held.records |= {f"torn {number}": image(number, problem="it is torn") for number in (1, 2, 3)}
    stock.harvest()
    return stock


def mend(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the reader of today be better than that of the harvest."""
    stock.held = MendedSource(records=stock.held.records)
    monkeypatch.setitem(SOURCES, "held", stock.held)


def replay(stock: Stock, **asked: Any) -> HarvestReport:
    """Replay what is in quarantine of both feeds."""
    feeds: dict[str, Feed] = {each.name: each for each in (stock.held_feed, stock.archive_feed)}
    return replay_quarantine(harvest_context(stock.database, HELD, ARCHIVE), feeds, **asked)


def listed(stock: Stock, **asked: Any) -> dict[str, str]:
    """Reasons of the records in quarantine."""
    with psycopg.connect(stock.database.conninfo("harvest")) as connection:
        return {each.record: each.reason for each in quarantined(connection, **asked)}


def test_quarantine_is_listed_with_all_that_one_needs_to_know(refused: Stock) -> None:
    """Each record comes with its feed, stage, reason and times, seen last first; a feed and a limit narrow the list."""
    with psycopg.connect(refused.database.conninfo("harvest")) as connection:
        (burnt,) = [each for each in quarantined(connection) if each.record == "burnt"]
        assert len(quarantined(connection, limit=2)) == 2
        assert quarantined(connection, refused.archive_feed.name) == []
    assert (burnt.source, burnt.feed, burnt.stage) == ("held", refused.held_feed.name, "read")
    assert burnt.reason == "it is burnt"
    assert burnt.first_seen == burnt.last_seen
    with refused.database.connect("owner") as connection:
        later = "UPDATE dinamis.source_record SET last_seen = last_seen + interval '1 day' WHERE record = 'torn 2'"
        connection.execute(later)
    assert list(listed(refused)) == ["torn 2", "burnt", "torn 1", "torn 3"]


def test_content_of_a_quarantined_record_is_shown(refused: Stock) -> None:
    """What it says comes back whole; a record that is not in quarantine is named."""
    with psycopg.connect(refused.database.conninfo("harvest")) as connection:
        known, content = quarantined_record(connection, "held", "burnt")
        assert known in quarantined(connection)
        assert content == refused.held.records["burnt"]
        with pytest.raises(NotInQuarantine, match="Asked for: a of held"):
            quarantined_record(connection, "held", "a")


@pytest.mark.parametrize("page_size", [1, 3, 500])
def test_replay_takes_in_what_can_be_read_today(
    refused: Stock, monkeypatch: pytest.MonkeyPatch, page_size: int
) -> None:
    """Torn records become Items; the burnt one stays, with the reason of today; the next harvest changes nothing."""
    monkeypatch.setattr(quarantine, "PAGE_SIZE", page_size)
    mend(refused, monkeypatch)

    report = replay(refused)

    assert counts(report) == {"new": 3, "quarantined": 1}
    assert (report.kind, report.feed, report.state, report.exit_code) == (
        "replay",
        refused.held_feed.name,
        "succeeded",
        1,
    )
    assert len(items(refused.database)) == 4
    assert listed(refused) == {"burnt": "it is burnt beyond repair"}
    assert counts(refused.harvest()) == {"unchanged": 4, "quarantined": 1}


def test_replay_is_idempotent(refused: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second replay finds only what is still refused, and writes no Item."""
    mend(refused, monkeypatch)
    replay(refused)
    before = rows(refused.database, "SELECT id, xmin::text, ctid::text FROM pgstac.items ORDER BY 1")
    assert counts(replay(refused)) == {"quarantined": 1}
    assert rows(refused.database, "SELECT id, xmin::text, ctid::text FROM pgstac.items ORDER BY 1") == before
    assert rows(refused.database, "SELECT max(version) FROM dinamis.source_record WHERE record = 'burnt'") == [(1,)]


def test_replayed_record_is_not_read_again_while_its_source_says_that_it_is_the_same(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the source told it by before the replay is known after it."""
    stock.held.records, stock.held.fingerprints = {"t": image(problem="it is torn")}, {"t": "first"}
    stock.harvest()
    mend(stock, monkeypatch)
    stock.held.fingerprints = {"t": "first"}
    replay(stock)
    stock.held.records["t"] = image(cloud=77)  # unseen, as it is not read
    assert counts(stock.harvest()) == {"unchanged": 1}


def test_replay_of_one_record_leaves_the_others(refused: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the record that is named is read again."""
    mend(refused, monkeypatch)
    assert counts(replay(refused, feed=refused.held_feed.name, record="torn 2")) == {"new": 1}
    assert listed(refused).keys() == {"torn 1", "torn 3", "burnt"}


def test_dry_replay_tells_what_would_become_and_writes_nothing(refused: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run counts the same, names the Items, and leaves the ledger and the runs as they were."""
    monkeypatch.setattr(quarantine, "PAGE_SIZE", 2)
    mend(refused, monkeypatch)
    tables = ("dinamis.source_record", "dinamis.record_version", "dinamis.run", "dinamis.item", "pgstac.items")

    def contents() -> list[Any]:
        return [rows(refused.database, f"SELECT ctid::text, xmin::text FROM {table} ORDER BY 1") for table in tables]

    before = contents()
    report = replay(refused, dry_run=True)

    assert contents() == before
    assert counts(report) == {"new": 3, "quarantined": 1}
    assert (report.dry_run, report.run) == (True, None)
    assert [change.kind for change in report.changes] == ["new"] * 3


def test_replay_of_all_feeds_gives_one_account(refused: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of two feeds are replayed in two runs, and reported as one."""
    refused.archive.records = {"z": image(1, problem="it is torn")}
    refused.harvest(refused.archive_feed)
    mend(refused, monkeypatch)
    report = replay(refused)
    assert counts(report) == {"new": 3, "quarantined": 2}
    assert report.run is None
    assert rows(refused.database, "SELECT count(*) FROM dinamis.run WHERE kind = 'replay'") == [(2,)]


def test_replay_publishes_the_collection_that_was_added_for_what_was_refused(
    database: Database, tmp_path: Path
) -> None:
    """A delivery that no collection accepted is taken in by a new document, though nobody has published that yet."""
    delivery(tmp_path, mission="SPOT6")
    assert counts(run(database, tmp_path)) == {"quarantined": 1}
    feed = deliveries_at(str(tmp_path), Credentials())
    report = replay_quarantine(harvest_context(database, HELD, "spot-6-7"), {feed.name: feed})
    assert counts(report) == {"new": 1}
    assert {item["collection"] for item in items(database).values()} == {"spot-6-7"}


def test_replay_of_nothing_is_refused(refused: Stock) -> None:
    """A record that is not in quarantine is named, and so is a feed that no document describes."""
    with pytest.raises(NotInQuarantine, match="Asked for: a of all feeds"):
        replay(refused, record="a")
    with pytest.raises(NotInQuarantine, match=f"no collection document: {refused.held_feed.name}"):
        replay_quarantine(harvest_context(refused.database, HELD), {})


def test_killed_replay_is_done_by_the_next(refused: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a replay took in before it was killed is not in quarantine any more; the next one does the rest."""
    monkeypatch.setattr(quarantine, "PAGE_SIZE", 1)
    mend(refused, monkeypatch)

    def stop(report: HarvestReport, _: object) -> None:
        if counts(report).get("new"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(refused, watch=stop)
    assert len(items(refused.database)) == 2
    assert counts(replay(refused)) == {"new": 2, "quarantined": 1}
    states = rows(refused.database, "SELECT state FROM dinamis.run WHERE kind = 'replay' ORDER BY id")
    assert states == [("failed",), ("succeeded",)]


def test_what_the_source_took_back_before_a_replay_goes(refused: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A replay does not see a record at its source, whether it can read it now or not."""
    taken_back = datetime.now(UTC)
    mend(refused, monkeypatch)
    seen = rows(refused.database, "SELECT record, last_seen FROM dinamis.source_record ORDER BY 1")
    assert counts(replay(refused)) == {"new": 3, "quarantined": 1}
    assert rows(refused.database, "SELECT record, last_seen FROM dinamis.source_record ORDER BY 1") == seen
    gone = ("torn 1", "burnt")
    refused.held.withdrawals = [Withdrawal(id=name, reason="revoked", at=taken_back) for name in gone]
    refused.held.records = {name: said for name, said in refused.held.records.items() if name not in gone}
    assert counts(refused.harvest()) == {"unchanged": 3, "withdrawn": 2}


def test_replay_that_has_only_begun_is_at_work(refused: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another that is asked for before the first has taken up its part is refused; the first does its work."""
    mend(refused, monkeypatch)

    def begin_another(*arguments: Any) -> None:
        monkeypatch.setattr(quarantine, "carry_out", carry_out)
        with pytest.raises(RunBusy):
            replay(refused)
        carry_out(*arguments)

    monkeypatch.setattr(quarantine, "carry_out", begin_another)

    assert counts(replay(refused)) == {"new": 3, "quarantined": 1}
