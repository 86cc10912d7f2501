"""The ledger of source records in a real database: what it remembers, and which acquisition each record belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from database import Database
from harvester.ledger import KnownRecord, KnownScene, Ledger
from harvester.record import RawRecord
from harvester.report import PageReport
from tests.scene_records import scene

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLACE = KnownScene("IMAGE_1", "pleiades", NOW)


@pytest.fixture
def connection(module_database: Database) -> Iterator[Connection]:
    """A connection of the harvest role in a transaction that is rolled back after the test."""
    with psycopg.connect(module_database.conninfo("harvest")) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    """The ledger with one acquisition in it."""
    ledger = Ledger(connection, "deliveries", NOW)
    ledger.keep_scene(PLACE)
    return ledger


def raw(record_id: str = "a", **content: Any) -> RawRecord:
    """What a source said."""
    return RawRecord(id=record_id, content=content)


def times(connection: Connection, record_id: str = "a") -> tuple[datetime, ...]:
    """First seen, last seen and last changed."""
    query = "SELECT first_seen, last_seen, last_changed FROM dinamis.source_record WHERE record = %s"
    row = connection.execute(query, (record_id,)).fetchone()
    assert row is not None
    return row


def test_records_come_back_as_they_were_said(ledger: Ledger) -> None:
    """The active records of an acquisition come back with their whole content, in the same order each time."""
    said = [raw("b", documents={"product": "é \udce9 \x00"}, n=[1, 2.5, None]), raw("B"), raw("a", size=2**60)]
    for record in said:
        ledger.keep(record, PLACE.id)
    ledger.quarantine(raw("c"), "broken")

    assert ledger.records_of(PLACE.id) == [("deliveries", record) for record in (said[1], said[2], said[0])]


def test_known_records_are_told_by_digest_state_and_place(ledger: Ledger) -> None:
    """Of the records asked for the ledger knows those it holds, with what they said, their state and their place."""
    ledger.keep(raw("a", n=1), PLACE.id)
    ledger.quarantine(raw("b", n=2), "broken")

    assert ledger.known(["a", "b", "c"]) == {
        "a": KnownRecord(raw("a", n=1).digest(), True, PLACE.id, "pleiades"),
        "b": KnownRecord(raw("b", n=2).digest(), False, None, None),
    }


def test_ledgers_of_two_sources_are_apart(ledger: Ledger, connection: Connection) -> None:
    """Two sources may give records of one name: each knows its own, and both are of the acquisition."""
    other = Ledger(connection, "oneatlas", NOW)
    ledger.keep(raw("a", n=1), PLACE.id)
    other.keep(raw("a", n=2), PLACE.id)

    assert other.known(["a"])["a"].digest == raw("a", n=2).digest()
    assert ledger.records_of(PLACE.id) == [("deliveries", raw("a", n=1)), ("oneatlas", raw("a", n=2))]


def test_times_tell_first_last_and_change(ledger: Ledger, connection: Connection) -> None:
    """A record keeps when it was first seen; only another content or state moves when it last changed."""
    ledger.keep(raw(n=1), PLACE.id)
    steps = [NOW + timedelta(hours=hour) for hour in range(4)]
    Ledger(connection, "deliveries", steps[1]).saw(["a"])
    assert times(connection) == (NOW, steps[1], NOW)
    Ledger(connection, "deliveries", steps[2]).keep(raw(n=1), PLACE.id)
    assert times(connection) == (NOW, steps[2], NOW)
    Ledger(connection, "deliveries", steps[3]).keep(raw(n=2), PLACE.id)
    assert times(connection) == (NOW, steps[3], steps[3])


def test_quarantine_and_activity_exclude_each_other(ledger: Ledger, connection: Connection) -> None:
    """A quarantined record that becomes readable loses its reason, and the other way round its place."""
    query = "SELECT state, reason, scene FROM dinamis.source_record"
    ledger.quarantine(raw(n=1), "broken")
    assert connection.execute(query).fetchall() == [("quarantined", "broken", None)]
    ledger.keep(raw(n=2), PLACE.id)
    assert connection.execute(query).fetchall() == [("active", None, PLACE.id)]
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE dinamis.source_record SET state = 'quarantined'")


def test_reason_that_quotes_a_broken_name_can_be_kept(ledger: Ledger, connection: Connection) -> None:
    """A refusal whose reason quotes NUL or a name that is not UTF-8 is kept with these bytes made visible."""
    refusal = PageReport(read=1).refuse("a", "caf\udce9/\x00.XML: é is not readable")
    ledger.quarantine(raw(), refusal.reason)
    reasons = connection.execute("SELECT reason FROM dinamis.source_record").fetchall()
    assert reasons == [("caf\\udce9/\\0.XML: é is not readable",)]


def test_acquisition_is_known_by_each_of_its_names(ledger: Ledger) -> None:
    """A record belongs to the acquisition with which it shares its id or any key, and to none otherwise."""
    ledger.remember_keys(scene(id="IMAGE_1", scene_keys=("KEY_1", "KEY_2")), PLACE.id)

    assert ledger.scenes_of(scene(id="OTHER", scene_keys=("KEY_0", "KEY_2"))) == [PLACE]
    assert ledger.scenes_of(scene(id="IMAGE_1", scene_keys=("KEY_0",))) == [PLACE]
    assert ledger.scenes_of(scene(id="OTHER", scene_keys=("KEY_0",))) == []
    assert (ledger.scene("KEY_2"), ledger.scene("KEY_0")) == (PLACE, None)


def test_oldest_of_several_acquisitions_comes_first(ledger: Ledger) -> None:
    """When a record has the names of two acquisitions the older one is the first, whatever the order of its names."""
    newer = KnownScene("IMAGE_0", "pleiades", NOW + timedelta(seconds=1))
    ledger.keep_scene(newer)
    for known in (PLACE, newer):
        ledger.remember_keys(scene(id=known.id, scene_keys=()), known.id)

    assert ledger.scenes_of(scene(id="IMAGE_0", scene_keys=("IMAGE_1",))) == [PLACE, newer]


def test_merged_acquisition_lives_on_in_the_survivor(ledger: Ledger) -> None:
    """After two acquisitions became one, the records and all names of the other lead to the survivor."""
    other = KnownScene("IMAGE_2", "pleiades", NOW)
    ledger.keep_scene(other)
    for known, record in ((PLACE, "a"), (other, "b")):
        ledger.remember_keys(scene(id=known.id, scene_keys=(f"KEY_OF_{known.id}",)), known.id)
        ledger.keep(raw(record), known.id)

    ledger.merge(PLACE.id, [other.id])

    assert [record.id for _, record in ledger.records_of(PLACE.id)] == ["a", "b"]
    assert {ledger.scene(name) for name in ("IMAGE_1", "IMAGE_2", "KEY_OF_IMAGE_2")} == {PLACE}


def test_moved_acquisition_keeps_its_age(ledger: Ledger) -> None:
    """An acquisition that goes to another collection keeps its id and when it was made."""
    ledger.remember_keys(scene(id=PLACE.id), PLACE.id)
    ledger.keep_scene(KnownScene(PLACE.id, "pleiades-littoral", NOW + timedelta(days=1)))
    assert ledger.scene(PLACE.id) == KnownScene(PLACE.id, "pleiades-littoral", NOW)


@pytest.mark.parametrize("scene_id", ["", "_", "a b", "a/b", "é", "a" * 201])
def test_id_that_no_item_may_have_is_refused(connection: Connection, scene_id: str) -> None:
    """The database itself refuses ids that would not be safe in a URL."""
    with pytest.raises(psycopg.errors.CheckViolation):
        Ledger(connection, "deliveries", NOW).keep_scene(KnownScene(scene_id, "pleiades", NOW))
