"""Withdrawals on a real database: what is said to be gone goes at once, what is only missing goes late or never."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from database import Database
from harvester.amendments import quarantined
from harvester.collection_model import WithdrawalRules
from harvester.errors import SourceUnavailable, UnreadableScene
from harvester.harvest import TooManyWithdrawals, harvest
from harvester.record import NAMELESS, Withdrawal
from harvester.runs import Request, absence
from harvester.runs.report import HarvestReport
from harvester.sources.deliveries.file_tree import Entry
from harvester.sources.deliveries.local_tree import LocalTree
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Stock, feed_of, image, stock
from tests.harvests import counts, delivery, harvest_context, items, rows, run

__all__ = ["stock"]


@pytest.fixture(params=["read", "unread"])
def ten(stock: Stock, request: pytest.FixtureRequest) -> Stock:
    """A catalogue with ten Items of records 0 to 9, which the source reads again each time or knows to be unchanged."""
    stock.held.records = {str(number): image(number) for number in range(10)}
    if request.param == "unread":
        stock.held.fingerprints = dict.fromkeys(stock.held.records, "as it was")
    stock.harvest()
    return stock


def days_pass(stock: Stock, days: float) -> None:
    """Let everything that the ledger remembers be so much longer ago."""
    with stock.database.connect("owner") as connection:
        connection.execute(
            "UPDATE dinamis.source_record SET first_seen = first_seen - %(ago)s, last_seen = last_seen - %(ago)s,"
            " absent_since = absent_since - %(ago)s",
            {"ago": timedelta(days=days)},
        )
        connection.execute("UPDATE dinamis.sighting SET seen_at = seen_at - %s", (timedelta(days=days),))


def absent(stock: Stock) -> list[str]:
    """The records that complete runs miss."""
    query = "SELECT record FROM dinamis.source_record WHERE absent_since IS NOT NULL ORDER BY record"
    return [record for (record,) in rows(stock.database, query)]


def test_tombstone_of_the_source_takes_the_item_away_at_once(ten: Stock) -> None:
    """The Item leaves with the reason of the source, counted once; another run does not count it again."""
    del ten.held.records["3"]
    ten.held.withdrawals = [Withdrawal(id="3", reason="revoked: customer"), Withdrawal(id="77", reason="never known")]

    report = ten.harvest()

    assert counts(report) == {"unchanged": 9, "withdrawn": 1}
    assert (report.withdrawn, report.unknown_withdrawals) == ([("3", "revoked: customer")], 1)
    assert image(3)["image"] not in items(ten.database)
    assert rows(ten.database, "SELECT item, reason FROM dinamis.tombstone") == [
        (image(3)["image"], "revoked: customer")
    ]
    assert counts(ten.harvest()) == {"unchanged": 9}


def test_tombstone_older_than_the_record_is_ignored(ten: Stock) -> None:
    """A record that was seen after the source revoked it is back, and stays."""
    ten.held.withdrawals = [Withdrawal(id="3", reason="revoked", at=datetime.now(UTC) - timedelta(days=1))]
    assert counts(ten.harvest()) == {"unchanged": 10}
    assert len(items(ten.database)) == 10


def test_record_that_comes_back_revives_its_item(ten: Stock) -> None:
    """The Item has its former id and age, its tombstone is gone, and for who follows the catalogue it is new."""
    name = str(image(3)["image"])
    created = items(ten.database)[name]["properties"]["created"]
    said = ten.held.records.pop("3")
    ten.held.withdrawals = [Withdrawal(id="3", reason="revoked")]
    ten.harvest()
    ten.held.records["3"], ten.held.withdrawals = said, []

    assert counts(ten.harvest()) == {"unchanged": 9, "new": 1}

    assert items(ten.database)[name]["properties"]["created"] == created
    assert rows(ten.database, "SELECT * FROM dinamis.tombstone") == []
    assert rows(ten.database, "SELECT first_change = change FROM dinamis.item WHERE id = %s", name) == [(True,)]
    assert rows(ten.database, "SELECT version FROM dinamis.source_record WHERE record = '3'") == [(3,)]


def test_record_that_comes_back_is_where_the_operator_had_put_it(stock: Stock) -> None:
    """A collection that was said once is remembered over a withdrawal, and left only with --move."""
    feed = feed_of("held", None)
    stock.held.records = {"a": image()}
    stock.harvest(feed, collection=COAST)
    stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id="a", reason="revoked")]
    stock.harvest(feed)
    stock.held.records, stock.held.withdrawals = {"a": image()}, []

    assert "--move" in stock.harvest(feed, collection=HELD).refusals[0].reason
    assert counts(stock.harvest(feed)) == {"new": 1}
    assert [item["collection"] for item in items(stock.database).values()] == [COAST]


def test_missing_record_goes_after_complete_runs_and_the_period_of_grace(ten: Stock) -> None:
    """A complete run only notes what it misses; seven days later one withdraws it, as a dry run foretells."""
    del ten.held.records["3"]
    days_pass(ten, 1)
    assert ten.harvest(dry_run=True).absent == 1
    first = ten.harvest()
    assert (counts(first), first.absent, absent(ten)) == ({"unchanged": 9}, 1, ["3"])
    days_pass(ten, 6.9)
    assert counts(ten.harvest()) == {"unchanged": 9}
    days_pass(ten, 0.2)

    tried, report = ten.harvest(dry_run=True), ten.harvest()

    for told in (tried, report):
        assert counts(told) == {"unchanged": 9, "withdrawn": 1}
        assert told.withdrawn == [("3", "its source does not show it any more")]
        assert (told.absent, told.items_removed) == (0, 1)
    assert [(change.item, change.kind) for change in tried.changes] == [(image(3)["image"], "withdrawn")]
    kept = "SELECT counts ->> 'unchanged', counts ->> 'withdrawn' FROM dinamis.run_part WHERE run = %s"
    assert rows(ten.database, kept, report.run) == [("9", "1")]
    noted = "SELECT subject, detail FROM dinamis.run_note WHERE run = %s AND kind = 'withdrawn'"
    assert rows(ten.database, noted, report.run) == report.withdrawn
    assert len(items(ten.database)) == 9
    last = ten.harvest()
    assert (counts(last), last.unknown_withdrawals) == ({"unchanged": 9}, 0)


def test_record_that_is_seen_again_is_not_missed_any_more(ten: Stock) -> None:
    """Being there once ends the absence; the period of grace begins anew."""
    ten.harvest()
    said = ten.held.records.pop("3")
    ten.harvest(collection=HELD)
    assert absent(ten) == ["3"]
    ten.held.records["3"] = said
    ten.harvest()
    assert absent(ten) == []


@pytest.mark.parametrize(
    "request_of_run",
    [
        {"limit": 9},
        {"bbox": (4.0, 48.0, 5.0, 49.0)},
        {"since": datetime(2020, 1, 1, tzinfo=UTC)},
        {"until": datetime(2030, 1, 1, tzinfo=UTC)},
    ],
    ids=str,
)
def test_run_that_is_not_whole_misses_nothing(ten: Stock, request_of_run: dict[str, Any]) -> None:
    """What a run with a limit, a box or dates does not see is neither missed nor withdrawn, even if overdue."""
    days_pass(ten, 30)
    with ten.database.connect("owner") as connection:
        connection.execute("UPDATE dinamis.source_record SET absent_since = last_seen WHERE record = '3'")
    del ten.held.records["3"]
    assert counts(ten.harvest(**request_of_run)) == {"unchanged": 9}
    assert absent(ten) == ["3"]
    assert len(items(ten.database)) == 10


def test_empty_answer_misses_nothing(ten: Stock) -> None:
    """A source that shows nothing at all is broken rather than empty: nothing goes, and the run says so and fails."""
    ten.held.records = {}
    days_pass(ten, 30)
    report = ten.harvest()
    assert (report.read, report.absent, absent(ten)) == (0, 0, [])
    assert (report.state, report.exit_code) == ("failed", 1)
    assert [breach.split(",")[0] for breach in report.breaches] == [
        f"{ten.held_feed.name} shows no record at all: the 10 in force stay"
    ]
    assert len(items(ten.database)) == 10


def test_resumed_run_misses_nothing(ten: Stock) -> None:
    """A run that was interrupted saw its first half too long ago to know what is missing now."""
    days_pass(ten, 30)
    del ten.held.records["3"]
    ten.held.page_size, ten.held.fails_after = 2, 4
    with pytest.raises(SourceUnavailable, match="went away"):
        ten.harvest()
    ten.held.fails_after = None
    report = ten.harvest()
    assert (report.is_resumed, counts(report)) == (True, {"unchanged": 9})
    assert absent(ten) == []


def test_what_lies_below_an_unreadable_place_is_not_missed(stock: Stock) -> None:
    """An archive that breaks keeps its Items, as a product does; what is gone beside it goes."""
    names = ["a.zip!/1", "d/a.zip!/b/2", "a.zip", "a.zip!c"]
    stock.held.records = {name: image(number) for number, name in enumerate(names)}
    stock.harvest()
    stock.held.records = {name: {"problem": "the zip cannot be read"} for name in ("a.zip!", "d/a.zip!")}
    days_pass(stock, 1)

    assert stock.harvest(dry_run=True).absent == 2
    assert (stock.harvest().absent, absent(stock)) == (2, ["a.zip", "a.zip!c"])
    days_pass(stock, 8)
    report = stock.harvest()

    assert counts(report) == {"quarantined": 2, "withdrawn": 2}
    assert set(items(stock.database)) == {image(0)["image"], image(1)["image"]}


def test_what_is_gone_from_a_place_that_can_be_read_again_is_missed(stock: Stock) -> None:
    """A refusal of long ago protects nothing, nor does a record that is read."""
    stock.held.records = {"d/1": image(1), "d": {"problem": "the directory cannot be listed"}, "e": image(2)}
    stock.held.records["e/1"] = image(3)
    stock.harvest()
    stock.held.records = {"e": image(2)}
    days_pass(stock, 1)
    stock.harvest()
    assert absent(stock) == ["d", "d/1", "e/1"]
    assert rows(stock.database, "SELECT record FROM dinamis.source_record WHERE state = 'withdrawn'") == [("d",)]


def test_run_that_met_a_nameless_record_misses_nothing(ten: Stock) -> None:
    """What a source can neither deliver nor name may be any record that the run does not see, even an overdue one."""
    nameless = f"{NAMELESS}number 3"
    del ten.held.records["4"]
    ten.harvest()
    del ten.held.records["3"]
    ten.held.records[nameless] = {"problem": "the service can neither deliver nor name record number 3"}
    days_pass(ten, 8)
    for report in (ten.harvest(dry_run=True), ten.harvest(), ten.harvest()):
        assert (counts(report), report.absent) == ({"unchanged": 8, "quarantined": 1}, 0)
    assert (len(items(ten.database)), absent(ten)) == (10, ["4"])

    del ten.held.records[nameless]
    report = ten.harvest()
    assert [record for record, _ in report.withdrawn] == ["4", nameless]
    assert (report.absent, len(items(ten.database))) == (1, 9)


def test_record_that_is_missed_was_seen_when_it_was_seen(ten: Stock) -> None:
    """Of a run before the last one nothing is kept but when it saw what the last one missed."""
    for _ in range(2):
        days_pass(ten, 1)
        ten.harvest()
    del ten.held.records["3"]
    days_pass(ten, 1)
    ten.harvest()
    ((days,),) = rows(
        ten.database, "SELECT extract(day FROM now() - last_seen) FROM dinamis.source_record WHERE record = '3'"
    )
    assert days == 1
    sightings = rows(ten.database, "SELECT cardinality(records) FROM dinamis.sighting")
    assert sightings == ([(9,)] if ten.held.fingerprints else [])


def test_run_misses_and_withdraws_records_of_its_own_source_only(ten: Stock) -> None:
    """Another source has records with the same ids: what one of them misses says nothing of the other."""
    ten.archive.records = {name: image(int(name)) for name in "0123456789"}
    ten.harvest(ten.archive_feed)
    del ten.archive.records["3"]
    days_pass(ten, 1)
    ten.harvest(ten.archive_feed)
    days_pass(ten, 30)
    del ten.held.records["4"]

    assert counts(ten.harvest()) == {"unchanged": 9}

    query = "SELECT source, record FROM dinamis.source_record WHERE absent_since IS NOT NULL ORDER BY source"
    assert rows(ten.database, query) == [("archive", "3"), ("held", "4")]
    assert len(items(ten.database)) == 20


def test_run_that_ends_while_another_one_reads_makes_nothing_absent_there(ten: Stock) -> None:
    """What another run has seen before this one began is still seen by it; what this one refuses hides nothing."""
    ten.archive.records = {name: image(int(name)) for name in "0123456789"}
    ten.archive.fingerprints = dict.fromkeys(ten.archive.records, "as it was")
    ten.archive.records["d/1"] = image(20)
    ten.harvest(ten.archive_feed)
    del ten.archive.records["d/1"]
    ten.held.records["d"] = {"problem": "the directory cannot be listed"}
    ten.archive.page_size = 5
    reports: list[HarvestReport] = []

    def harvest_beside(report: HarvestReport, _: object) -> None:
        if report.read == 5 and not reports:
            reports.append(ten.harvest())

    days_pass(ten, 1)
    report = harvest(ten.archive_feed, harvest_context(ten.database, HELD, COAST, ARCHIVE), Request(), harvest_beside)

    assert (counts(report), report.absent, absent(ten)) == ({"unchanged": 10}, 1, ["d/1"])
    assert [each.absent for each in reports] == [0]


def test_clock_that_is_set_back_makes_nothing_absent(ten: Stock) -> None:
    """What a run saw was seen by it, though clocks say that this was before the run began."""
    ten.set_clocks_back()

    assert (ten.harvest().absent, absent(ten)) == (0, [])
    del ten.held.records["3"]
    ten.held.records[f"{NAMELESS}number 3"] = {"problem": "the service can neither deliver nor name record number 3"}
    assert (ten.harvest().absent, absent(ten)) == (0, [])


def test_records_that_go_in_several_transactions_go_once(ten: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many records that a run withdraws each is told and counted once, whichever page takes it out."""
    monkeypatch.setattr(absence, "_WITHDRAWN_AT_ONCE", 2)
    feed = feed_of("held", HELD, withdrawals=WithdrawalRules(grace_days=0, max_share=1))
    for gone in "345":
        del ten.held.records[gone]
    ten.held.parts = 3
    report = ten.harvest(feed)
    assert (counts(report), report.unknown_withdrawals) == ({"unchanged": 7, "withdrawn": 3}, 0)
    assert [record for record, _ in report.withdrawn] == ["3", "4", "5"]
    kept = "SELECT sum((counts ->> 'read')::int), sum((counts ->> 'withdrawn')::int) FROM dinamis.run_part GROUP BY run"
    assert rows(ten.database, f"{kept} ORDER BY run") == [(10, 0), (10, 3)]


def test_source_that_never_shows_all_withdraws_nothing_by_absence(ten: Stock) -> None:
    """With `by_absence: false` a missing record stays for ever."""
    feed = feed_of("held", HELD, withdrawals=WithdrawalRules(by_absence=False, grace_days=0, max_share=1))
    del ten.held.records["3"]
    for _ in range(2):
        assert counts(ten.harvest(feed)) == {"unchanged": 9}
    assert len(items(ten.database)) == 10


@pytest.mark.parametrize("by_absence", [True, False], ids=["absent", "revoked"])
def test_run_that_would_withdraw_too_much_stops_before_and_asks(ten: Stock, by_absence: bool) -> None:
    """Three of ten are more than a fifth: nothing is withdrawn until the operator allows it."""
    feed = feed_of("held", HELD, withdrawals=WithdrawalRules(grace_days=0, max_share=0.2))
    for gone in "345":
        del ten.held.records[gone]
    if not by_absence:
        ten.held.withdrawals = [Withdrawal(id=gone, reason="revoked") for gone in "345"]

    with pytest.raises(TooManyWithdrawals, match=r"3 of 10 records .* 2 are allowed \(20%\).*--allow-withdrawals"):
        ten.harvest(feed)
    assert len(items(ten.database)) == 10
    assert rows(ten.database, "SELECT count(*) FROM dinamis.source_record WHERE state != 'active'") == [(0,)]
    assert rows(ten.database, "SELECT state FROM dinamis.run ORDER BY id DESC LIMIT 1") == [("failed",)]

    assert counts(ten.harvest(feed, allow_withdrawals=True)) == {"unchanged": 7, "withdrawn": 3}
    assert len(items(ten.database)) == 7


def test_share_counts_over_all_pages_of_a_run(ten: Stock) -> None:
    """One allowed withdrawal after the other adds up: the share is of the run, not of a page, nor of what changes."""
    feed = feed_of("held", HELD, withdrawals=WithdrawalRules(grace_days=0, max_share=0.19))
    ten.held.records |= {name: image(int(name), cloud=1) for name in "012"}
    ten.held.fingerprints = {}
    ten.archive.records = {"z": image()}  # of another source, which does not count
    ten.harvest(ten.archive_feed)
    del ten.held.records["3"]
    ten.held.withdrawals = [Withdrawal(id="3", reason="revoked")]
    del ten.held.records["4"]
    with pytest.raises(TooManyWithdrawals, match="2 of 10"):
        ten.harvest(feed)


def test_share_is_of_one_run(ten: Stock) -> None:
    """What earlier runs withdrew does not count, nor how often a record had changed before."""
    feed = feed_of("held", HELD, withdrawals=WithdrawalRules(grace_days=0, max_share=0.12))
    ten.held.records |= {name: image(int(name), cloud=1) for name in "34"}
    ten.held.fingerprints = {}
    ten.harvest()
    for gone in "34":
        del ten.held.records[gone]
        ten.held.withdrawals = [Withdrawal(id=gone, reason="revoked")]
        assert counts(ten.harvest(feed))["withdrawn"] == 1


def test_share_is_of_records_in_force(ten: Stock) -> None:
    """Refused records that the source withdraws take no Item away: however many they are, they stop no run."""
    ten.held.records |= {name: image(20 + number, problem="it is torn") for number, name in enumerate("abcde")}
    ten.harvest()
    for gone in "abcde3":
        del ten.held.records[gone]
    ten.held.withdrawals = [Withdrawal(id=gone, reason="revoked") for gone in "abcde3"]

    feed = feed_of("held", HELD, withdrawals=WithdrawalRules(grace_days=0, max_share=0.13))

    assert counts(ten.harvest(feed)) == {"unchanged": 9, "withdrawn": 6}

    for gone in "45":
        del ten.held.records[gone]
    ten.held.withdrawals = [Withdrawal(id=gone, reason="revoked") for gone in "45"]
    with pytest.raises(TooManyWithdrawals, match="2 of 9 records"):
        ten.harvest(feed)


def test_quarantined_record_that_vanishes_is_forgotten(stock: Stock) -> None:
    """A refused record that its source does not show any more leaves the quarantine at once, and no Item changes."""
    stock.held.records = {"a": image(), "b": image(1, problem="it is torn")}
    stock.harvest()
    del stock.held.records["b"]
    reports = [stock.harvest(dry_run=True), stock.harvest()]
    assert [counts(report) for report in reports] == [{"unchanged": 1, "withdrawn": 1}] * 2
    assert [report.withdrawn for report in reports] == [[("b", "there is nothing to refuse there any more")]] * 2
    assert [report.absent for report in (*reports, stock.harvest(dry_run=True), stock.harvest())] == [0] * 4
    assert rows(stock.database, "SELECT state FROM dinamis.source_record WHERE record = 'b'") == [("withdrawn",)]
    assert len(items(stock.database)) == 1


def test_folder_that_can_be_listed_again_leaves_the_quarantine(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was closed for one run: the next takes in what is in it, and nothing is refused or missed any more."""
    for number, name in enumerate(("open", "closed")):
        delivery(tmp_path / name, seconds=60 * number)

    def entries_but_one(self: LocalTree, path: str) -> list[Entry]:
        if path == "closed":
            raise UnreadableScene("the directory cannot be listed: Permission denied")
        return entries(self, path)

    entries = LocalTree.entries
    with monkeypatch.context() as patch:
        patch.setattr(LocalTree, "entries", entries_but_one)
        assert counts(run(database, tmp_path)) == {"new": 1, "quarantined": 1}

    report = run(database, tmp_path)

    assert (counts(report), report.absent) == ({"new": 1, "unchanged": 1, "withdrawn": 1}, 0)
    assert report.withdrawn == [(f"file://{tmp_path}/closed", "there is nothing to refuse there any more")]
    with database.connect("harvest") as connection:
        assert quarantined(connection) == []


def test_record_whose_item_cannot_be_built_without_it_stays_and_is_named(stock: Stock) -> None:
    """When the rest of an Item is not readable any more, a withdrawal is refused, and the others go on."""
    stock.held.records = {"a": image(), "b": image(job="JOB_2"), "c": image(1)}
    stock.harvest()
    stock.held.torn = {"b"}
    stock.held.records = {"b": stock.held.records["b"]}
    stock.held.withdrawals = [Withdrawal(id=gone, reason="sold") for gone in "ac"]

    report = stock.harvest()

    assert counts(report) == {"unchanged": 1, "withdrawn": 1, "quarantined": 1}
    assert report.refusals[0].record == "a"
    assert "without it its Item cannot be built" in report.refusals[0].reason
    assert items(stock.database).keys() == {image()["image"]}
