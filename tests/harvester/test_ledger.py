"""The ledger in a real database: what it remembers of records, which versions it keeps, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from database import Database
from harvester import runs
from harvester.ledger import (
    KEPT_DAYS,
    KeptRecord,
    KnownItem,
    KnownScene,
    Ledger,
    RecordEntry,
    fingerprints,
    following_records,
)
from harvester.record import Moment, RawRecord
from harvester.runs import Request
from harvester.sources.source import Selection
from tests.harvester.invented_source import feed_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
PLACE = KnownItem("IMAGE_1", "IMAGE_1", "pleiades", True, False, NOW)
FEED = feed_of("held")


@pytest.fixture
def connection(module_database: Database) -> Iterator[Connection]:
    """A connection of the harvest role in a transaction that is rolled back after the test."""
    with psycopg.connect(module_database.conninfo("harvest")) as connection:
        runs.keep_feed(connection, FEED)
        keep_item(connection, PLACE)
        yield connection
        connection.rollback()


def ledger_at(connection: Connection, days: float = 0) -> Ledger:
    """The ledger some days later."""
    return Ledger(connection, source="held", feed=FEED.name, run=None, now=NOW + timedelta(days=days))


def keep_item(connection: Connection, item: KnownItem) -> None:
    """An acquisition with an Item."""
    ledger_at(connection).scenes.keep_new({KnownScene(item.scene, item.created): ()})
    ledger_at(connection).items.keep([item])


def entry(record: str = "a", state: str = "active", **content: Any) -> RecordEntry:
    """A record of the one Item, or a refused one."""
    raw = RawRecord(id=record, content=content, fingerprint=content.get("fingerprint"))
    if state == "active":
        return RecordEntry(raw=raw, state=state, item=PLACE.id)
    return RecordEntry(raw=raw, state=state, stage="read", reason="broken")


def times(connection: Connection) -> Any:
    """First seen, last seen and last changed, in days."""
    row = connection.execute("SELECT first_seen, last_seen, last_changed FROM dinamis.source_record").fetchone()
    return [(moment - NOW).days for moment in row or ()]


def test_records_come_back_as_they_were_said(connection: Connection) -> None:
    """The active records of an Item come back with their whole content, in the same order each time."""
    said = [entry("b", documents={"product": "é \udce9 \x00"}, n=[1, 2.5, None]), entry("B"), entry("a", size=2**60)]
    ledger_at(connection).records.keep([*said, entry("c", "quarantined")])
    found = ledger_at(connection).records.active([PLACE.id])
    assert [(each.source, each.kind, each.raw) for each in found] == [
        ("held", "held", said[1].raw),
        ("held", "held", said[2].raw),
        ("held", "held", said[0].raw),
    ]


def test_times_tell_seen_from_changed(connection: Connection) -> None:
    """Seeing a record again moves one time only, a new version two, and the first never moves."""
    ledger_at(connection).records.keep([entry(n=1)])
    ledger_at(connection, 1).records.saw([entry().raw])
    assert times(connection) == [0, 1, 0]
    ledger_at(connection, 2).records.keep([entry(n=2)])
    assert times(connection) == [0, 2, 2]


def test_unread_records_are_seen_by_one_row(connection: Connection) -> None:
    """Active records of the feed cost one row together; one that was missed is there again; no other is counted."""
    ledger_at(connection).records.keep([entry("a"), entry("b"), entry("c"), entry("d", "quarantined")])
    connection.execute("UPDATE dinamis.source_record SET absent_since = now() WHERE record = 'c'")
    assert ledger_at(connection, 1).records.saw_unread(["a", "b", "c", "d"]) == 3
    rows = connection.execute("SELECT record, last_seen, absent_since FROM dinamis.source_record ORDER BY record")
    assert [((seen - NOW).days, since) for _, seen, since in rows] == [(0, None), (0, None), (1, None), (0, None)]
    last_seen = ledger_at(connection).records.last_seen(["a", "b", "c", "d", "e"])
    assert {record: (seen - NOW).days for record, seen in last_seen.items()} == {"a": 1, "b": 1, "c": 1, "d": 0}
    assert connection.execute("SELECT cardinality(records) FROM dinamis.sighting").fetchall() == [(2,)]


def numbers_of(connection: Connection) -> dict[str, int]:
    """The numbers of all records, by id."""
    return dict(connection.execute("SELECT record, id FROM dinamis.source_record").fetchall())


def test_unread_records_are_seen_by_their_numbers(connection: Connection) -> None:
    """Those that are named and those that are numbered make one row together; of both only active ones are counted."""
    ledger_at(connection).records.keep([entry("a"), entry("b"), entry("c"), entry("d", "quarantined")])
    Ledger(connection, source="other", feed=FEED.name, run=None, now=NOW).records.keep([entry("e")])
    connection.execute("UPDATE dinamis.source_record SET absent_since = now() WHERE record = 'c'")
    number = numbers_of(connection)
    assert ledger_at(connection, 1).records.saw_unread(["a"], [number[name] for name in "bcde"]) == 3
    assert connection.execute("SELECT records FROM dinamis.sighting").fetchall() == [([number["a"], number["b"]],)]
    assert (
        connection.execute("SELECT record FROM dinamis.source_record WHERE absent_since > %s", (NOW,)).fetchall() == []
    )
    assert ledger_at(connection, 2).records.saw_unread([], [number["b"]]) == 1


def test_known_records_are_those_of_the_source_only(connection: Connection) -> None:
    """A record of the same id at another source is another record."""
    ledger_at(connection).records.keep([entry(n=1)])
    (known,) = ledger_at(connection).records.known(["a", "b"]).values()
    assert (known.state, known.item, known.collection) == ("active", PLACE.id, "pleiades")
    assert known.digest == entry(n=1).raw.digest()
    other = Ledger(connection, source="other", feed=FEED.name, run=None, now=NOW)
    assert (other.records.known(["a"]), other.records.last_seen(["a"])) == ({}, {})


@pytest.mark.parametrize(
    "what_is_said",
    [
        lambda ledger: ledger.records.keep([entry("a", n=2)]),
        lambda ledger: ledger.records.withdraw({"a": "gone"}),
        lambda ledger: ledger.records.saw([entry("a").raw]),
        lambda ledger: ledger.records.saw_unread(["a"]),
        lambda ledger: (
            ledger.records.keep([entry("a", "quarantined")])
            or ledger.records.refused_again(entry("a").raw, "build", "worse")
        ),
        lambda ledger: ledger.records.remember_fingerprints({"a": "3"}),
        lambda ledger: ledger.records.reassign({("held", "a"): "IMAGE_2"}),
    ],
    ids=["changed", "gone", "seen", "unread", "refused", "fingerprint", "reassigned"],
)
def test_what_is_said_of_a_record_is_said_of_no_other(
    connection: Connection, what_is_said: Callable[[Ledger], None]
) -> None:
    """Neither of the one that another source has under the same id, nor of those beside it."""

    def others() -> list[tuple[Any, ...]]:
        query = (
            "SELECT known.*, said.*, (SELECT count(*) FROM dinamis.sighting WHERE known.id = ANY(records))"
            " FROM dinamis.source_record AS known JOIN dinamis.record_version AS said ON said.record = known.id"
            " WHERE (source, known.record) != ('held', 'a') ORDER BY known.id"
        )
        return connection.execute(query).fetchall()

    keep_item(connection, KnownItem("IMAGE_2", "IMAGE_2", "pleiades", True, False, NOW))
    ledger_at(connection).records.keep([entry("a"), entry("b")])
    Ledger(connection, source="other", feed=FEED.name, run=None, now=NOW).records.keep([entry("a"), entry("b")])
    before = others()

    what_is_said(ledger_at(connection, 1))

    assert others() == before
    assert len(before) == 3


@pytest.mark.parametrize(
    ("state", "seeing"),
    [
        ("active", lambda ledger: ledger.records.keep([entry("a", n=2)])),
        ("active", lambda ledger: ledger.records.saw([entry("a").raw])),
        ("quarantined", lambda ledger: ledger.records.refused_again(entry("a").raw, "build", "worse")),
    ],
    ids=["changed", "unchanged", "refused"],
)
def test_record_that_is_seen_is_not_missed_any_more(
    connection: Connection, state: str, seeing: Callable[[Ledger], None]
) -> None:
    """Whatever it says: its period of grace begins anew."""
    ledger_at(connection).records.keep([entry("a", state)])
    connection.execute("UPDATE dinamis.source_record SET absent_since = now()")
    seeing(ledger_at(connection, 1))
    assert connection.execute("SELECT absent_since FROM dinamis.source_record").fetchall() == [(None,)]


def test_versions_that_are_forgotten_are_those_of_the_record_that_changed(connection: Connection) -> None:
    """The old versions of another record, and of that of another source, stay until these change."""
    other = Ledger(connection, source="other", feed=FEED.name, run=None, now=NOW)
    for number in range(5):
        ledger_at(connection).records.keep([entry("a", n=number), entry("b", n=number)])
        other.records.keep([entry("a", n=number)])

    ledger_at(connection, KEPT_DAYS + 1).records.keep([entry("a", n=5)])

    versions = connection.execute(
        "SELECT source, known.record, array_agg(said.version ORDER BY said.version)"
        " FROM dinamis.source_record AS known JOIN dinamis.record_version AS said ON said.record = known.id"
        " GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert versions.fetchall() == [
        ("held", "a", [4, 5, 6]),
        ("held", "b", [1, 2, 3, 4, 5]),
        ("other", "a", [1, 2, 3, 4, 5]),
    ]


def test_tombstone_goes_with_what_it_tells(connection: Connection) -> None:
    """It tells the last reason, as a new change, until the Item stands again where it was withdrawn."""
    ledger = ledger_at(connection)

    def tombstones() -> list[tuple[Any, ...]]:
        return connection.execute(
            "SELECT collection, item, reason, withdrawn_at, change FROM dinamis.tombstone ORDER BY collection, item"
        ).fetchall()

    keep_item(connection, KnownItem("IMAGE_2", "IMAGE_2", "pleiades", False, False, NOW))
    ledger.items.bury(
        [(PLACE.collection, PLACE.id, "sold"), ("spot", PLACE.id, "moved"), ("pleiades", "IMAGE_2", "gone")]
    )
    before = tombstones()
    ledger_at(connection, 1).items.bury([(PLACE.collection, PLACE.id, "revoked")])
    (again, *others) = tombstones()
    assert again[:4] == (PLACE.collection, PLACE.id, "revoked", NOW + timedelta(days=1))
    assert again[4] > max(change for *_, change in before)
    assert others == before[1:]

    ledger.items.number_changes({PLACE.id: True, "IMAGE_2": False})
    assert tombstones() == others


def test_last_three_versions_are_kept_and_older_ones_while_they_are_young(connection: Connection) -> None:
    """Of five versions the first two go when they are older than ninety days, and not before."""

    def versions() -> list[int]:
        query = "SELECT version FROM dinamis.record_version ORDER BY version"
        return [version for (version,) in connection.execute(query)]

    for number in range(4):
        ledger_at(connection, number).records.keep([entry(n=number)])
    ledger_at(connection, KEPT_DAYS).records.keep([entry(n=4)])
    assert versions() == [1, 2, 3, 4, 5]
    ledger_at(connection, KEPT_DAYS + 1.5).records.keep([entry(n=5)])
    assert versions() == [3, 4, 5, 6]
    ledger_at(connection, 3 * KEPT_DAYS).records.withdraw({"a": "gone"})
    assert versions() == [5, 6, 7]


def test_further_version_leaves_nothing_of_the_one_before(connection: Connection) -> None:
    """What a record says anew stands as that of a record which never said anything else, but for when it was new."""
    later = runs.begin(connection, feed_of("held", "spot"), Request(), [Selection()], is_everything=True)
    keep_item(connection, KnownItem("IMAGE_2", "IMAGE_2", "pleiades", True, False, NOW))
    ledger_at(connection).records.keep([entry("a", "quarantined", fingerprint="1"), entry("b", fingerprint="1")])
    ledger = Ledger(connection, source="held", feed=later.feed, run=later.id, now=NOW + timedelta(days=1))
    said = [replace(entry(name, n=2, fingerprint="2"), item="IMAGE_2") for name in "ac"]
    ledger.records.keep([*said, *(replace(entry(name, "quarantined"), stage="build") for name in "bd")])
    query = (
        "SELECT feed, state, stage, reason, digest, fingerprint, item, run, last_seen, last_changed, absent_since"
        " FROM dinamis.source_record ORDER BY record"
    )
    again_active, again_refused, active, refused = connection.execute(query).fetchall()
    assert (again_active, again_refused) == (active, refused)


def test_withdrawn_record_keeps_what_it_said(connection: Connection) -> None:
    """A withdrawal is a version of its own with the content of the one before; nothing is lost."""
    ledger_at(connection).records.keep([entry(n=1)])
    ledger_at(connection, 1).records.withdraw({"a": "gone"})
    assert times(connection) == [0, 0, 1]
    states = connection.execute(
        "SELECT state, convert_from(content, 'UTF8') FROM dinamis.record_version ORDER BY version"
    )
    assert states.fetchall() == [("active", '{"n":1}'), ("withdrawn", '{"n":1}')]
    assert ledger_at(connection).records.active([PLACE.id]) == []


def test_following_records_are_in_force_and_in_the_order_of_the_ledger(connection: Connection) -> None:
    """What is withdrawn, in quarantine, of another source or without a fingerprint is passed over."""
    ledger = ledger_at(connection)
    ledger.records.keep([entry("z", fingerprint="1"), entry("b", "quarantined", fingerprint="2"), entry("c")])
    Ledger(connection, source="other", feed=FEED.name, run=None, now=NOW).records.keep([entry("d", fingerprint="4")])
    ledger.records.keep([entry("e", fingerprint="5"), entry("f", fingerprint="6"), entry("a", fingerprint="7")])
    ledger.records.withdraw({"f": "gone"})
    number = numbers_of(connection)

    assert following_records(connection, "held", "z", 9) == [("5", "e", number["e"]), ("7", "a", number["a"])]
    assert following_records(connection, "held", "b", 9) == following_records(connection, "held", "z", 9)
    assert following_records(connection, "held", "e", 1) == [("7", "a", number["a"])]
    for last in ("a", "d", "no record"):
        assert following_records(connection, "held", last, 9) == []


def test_following_records_are_near(connection: Connection) -> None:
    """However many records of other sources came between, no more numbers are looked through than twice the records."""
    ledger_at(connection).records.keep([entry("a", fingerprint="1")])
    connection.execute("SELECT nextval('dinamis.source_record_id_seq') FROM generate_series(1, 10)")
    ledger_at(connection).records.keep([entry("b", fingerprint="2")])
    assert following_records(connection, "held", "a", 5) == []
    assert len(following_records(connection, "held", "a", 6)) == 1


def test_fingerprints_are_those_of_records_in_force(connection: Connection) -> None:
    """A source is told fingerprints of active records only, and they can be renewed without a new version."""
    ledger_at(connection).records.keep(
        [entry("a", fingerprint="1"), entry("b", "quarantined", fingerprint="2"), entry("c")]
    )
    assert fingerprints(connection, "held", ["a", "b", "c", "d"]) == {"a": "1"}
    ledger_at(connection).records.remember_fingerprints({"a": "3"})
    assert fingerprints(connection, "held", ["a"]) == {"a": "3"}
    assert fingerprints(connection, "other", ["a"]) == {}
    ledger_at(connection).records.withdraw({"a": "gone"})
    assert fingerprints(connection, "held", ["a"]) == {}


def test_quarantined_record_keeps_its_version_while_it_says_the_same(connection: Connection) -> None:
    """A record that is refused again has the reason of today and no further version."""
    ledger_at(connection).records.keep([entry("a", "quarantined")])
    ledger_at(connection, 1).records.refused_again(entry("a").raw, "build", "worse")
    query = "SELECT stage, reason, version FROM dinamis.source_record"
    assert connection.execute(query).fetchall() == [("build", "worse", 1)]
    assert times(connection) == [0, 1, 0]


def test_active_record_has_no_reason_and_every_other_one_has(connection: Connection) -> None:
    """The database itself refuses a state without its reason."""
    ledger_at(connection).records.keep([entry()])
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE dinamis.source_record SET state = 'quarantined'")


def test_kept_record_has_the_digest_that_its_source_gave_it() -> None:
    """What only says where a record was found does not count, also when the ledger gives the record."""
    raw = RawRecord(id="a", content={"n": 1, "place": "here"}, place_keys=frozenset({"place"}))
    kept = KeptRecord(id="a", content=raw.content, kept_digest=raw.digest())
    assert kept.digest() == raw.digest()
    assert RawRecord(id="a", content=raw.content).digest() != raw.digest()


def test_names_lead_to_one_acquisition(connection: Connection) -> None:
    """To another one when they are redirected; a merge moves all names of the other acquisition."""
    keep_item(connection, KnownItem("IMAGE_2", "IMAGE_2", "pleiades", True, False, NOW))
    ledger = ledger_at(connection)

    def led_to() -> dict[str, str]:
        return {name: scene.id for name, scene in ledger.scenes.of_keys(["ONE", "TWO", "NONE"]).items()}

    ledger.scenes.keep_new_keys({"ONE": "IMAGE_2", "TWO": "IMAGE_2"})
    ledger.scenes.redirect_keys({"ONE": "IMAGE_1"})
    assert led_to() == {"ONE": "IMAGE_1", "TWO": "IMAGE_2"}
    ledger.scenes.merge({"IMAGE_2": "IMAGE_1"})
    assert led_to() == {"ONE": "IMAGE_1", "TWO": "IMAGE_1"}


@pytest.mark.parametrize("item_id", ["", "_", "a b", "a/b", "é", "a" * 201])
def test_id_that_no_item_may_have_is_refused(connection: Connection, item_id: str) -> None:
    """The database itself refuses ids that would not be safe in a URL."""
    with pytest.raises(psycopg.errors.CheckViolation):
        ledger_at(connection).items.keep([KnownItem(item_id, PLACE.scene, "pleiades", True, False, NOW)])


def test_acquisition_has_one_published_item_in_a_collection(connection: Connection) -> None:
    """A second one in the same collection is refused by the database, unless one of the two is withdrawn."""
    second = KnownItem("IMAGE_1B", "IMAGE_1", "pleiades", False, False, NOW)
    ledger_at(connection).items.keep([second])
    with pytest.raises(psycopg.errors.UniqueViolation):
        ledger_at(connection).items.keep([KnownItem("IMAGE_1C", "IMAGE_1", "pleiades", True, False, NOW)])


def test_new_records_are_copied_as_they_would_be_inserted(connection: Connection) -> None:
    """A record that is known to be new leaves the rows of one that is looked for first, and changes like it."""
    told = [entry("a", fingerprint="1", n=1.5), entry("b", "quarantined", place="é\x00")]
    with connection.transaction(force_rollback=True):
        ledger_at(connection).records.keep(told)
        inserted = rows_of(connection)
    ledger_at(connection).records.keep([replace(each, is_new=True) for each in told])
    assert rows_of(connection) == inserted
    assert len(inserted) == 2
    ledger_at(connection, 1).records.keep([entry("a", n=2)])
    assert [row[0] for row in rows_of(connection)] == ["a", "b", "a"]


def rows_of(connection: Connection) -> list[tuple[Any, ...]]:
    """What the ledger has of records and of what they said, apart from its own numbers, oldest versions first."""
    return connection.execute(
        "SELECT known.record, source, feed, known.state, stage, reason, known.digest, fingerprint, item, known.run,"
        " first_seen, said.version, said.state, said.digest, content, stored_at"
        " FROM dinamis.source_record AS known JOIN dinamis.record_version AS said ON said.record = known.id"
        " ORDER BY said.version, known.record"
    ).fetchall()


def test_new_items_are_changes_in_their_order(connection: Connection) -> None:
    """Items that are known to be new are written as others are, each under a number of its own."""
    items = [KnownItem(f"IMAGE_{n}", PLACE.scene, f"c{n}", True, n == 3, NOW) for n in (2, 3)]
    ledger_at(connection).items.keep_new(items)
    assert ledger_at(connection).items.known(["IMAGE_2", "IMAGE_3"]) == items
    changes = connection.execute(
        "SELECT change = first_change, change FROM dinamis.item WHERE id IN ('IMAGE_2', 'IMAGE_3') ORDER BY id"
    ).fetchall()
    assert [is_first for is_first, _ in changes] == [True, True]
    assert changes[0][1] < changes[1][1]


def test_acquisition_is_found_by_all_its_moments_of_today(connection: Connection) -> None:
    """Each record may date and place it otherwise; what none of them says any more leads to it no longer."""
    ledger, scene = ledger_at(connection), KnownScene("IMAGE_9", NOW)
    moments = [Moment("spot-7", NOW + timedelta(minutes=minute), bytes([minute])) for minute in range(4)]

    def found() -> list[tuple[int, str, bytes]]:
        return sorted(ledger.scenes.near(moments, 2))

    def each(*minutes: int) -> list[tuple[int, str, bytes]]:
        return [(minute, scene.id, bytes([minute])) for minute in minutes]

    ledger.scenes.keep_new({scene: moments[:2]})
    ledger.scenes.keep_new_keys({"NINE": scene.id})
    assert found() == each(0, 1)
    ledger.scenes.keep_moments({scene.id: moments[1:]})
    assert found() == each(1, 2, 3)
    ledger.scenes.keep_moments({scene.id: moments[:1]})
    assert found() == each(0)
    ledger.scenes.keep_moments({scene.id: ()})
    assert found() == []
    assert ledger.scenes.of_keys(["NINE"]) == {"NINE": scene}


def test_acquisition_is_kept_while_anything_leads_to_it(connection: Connection) -> None:
    """The database itself refuses to remove an acquisition that has an Item or a name, and no other."""
    ledger = ledger_at(connection)
    for name in ("IMAGE_2", "IMAGE_3"):
        ledger.scenes.keep_new({KnownScene(name, NOW): [Moment("spot-7", NOW, b""), Moment("spot-7", NOW, b"1")]})
    ledger.scenes.keep_new_keys({"TWO": "IMAGE_3"})
    ledger.scenes.redirect_keys({"TWO": "IMAGE_2"})
    for kept in (PLACE.scene, "IMAGE_2"):
        with pytest.raises(psycopg.errors.ForeignKeyViolation, match=kept), connection.transaction():
            ledger.scenes.forget([kept])
    ledger.scenes.forget(["IMAGE_3"])
    assert ledger.scenes.known([PLACE.scene, "IMAGE_2", "IMAGE_3"]).keys() == {PLACE.scene, "IMAGE_2"}


@pytest.mark.parametrize("table", ["item", "source_record"])
def test_records_and_items_are_there_for_good(connection: Connection, table: str) -> None:
    """Who harvests may withdraw them, and never remove them."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(f"DELETE FROM dinamis.{table}")
