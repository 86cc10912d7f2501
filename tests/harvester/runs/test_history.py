"""What is told of runs afterwards is what the runs themselves told."""

from __future__ import annotations

import shlex
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import pytest

from cli import main
from database import Database
from harvester.commands.harvest_run import deliveries
from harvester.commands.harvest_run import run as run_command
from harvester.credentials import Credentials
from harvester.feeds import DELIVERIES, Feed, deliveries_at
from harvester.runs import Request, begin, cancel_failed, claim_part, end, is_at_work, unfinished_run
from harvester.runs.history import FeedStatus, NoSuchRun, history, records_of, report_of, status_of_feeds
from harvester.runs.report_page import report_page
from harvester.sources.source import Selection
from tests.harvests import delivery, run


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Two acquisitions, and a product that cannot be read."""
    folder = tmp_path / "archive"
    folder.mkdir()
    for number in range(3):
        delivery(folder, seconds=5 * number, job=f"600000020{number}")
    broken = sorted(folder.rglob("DIM_*.XML"))[2]
    broken.write_text(broken.read_text("utf-8").replace("<MISSION>PHR", "<MISSION><b>&amp;</b>"), "utf-8")
    return folder


@pytest.fixture
def feed(archive: Path) -> Feed:
    """The feed that `run` harvests."""
    return deliveries_at(str(archive), Credentials())


def status(database: Database, feed: Feed) -> FeedStatus:
    """How the feed stands."""
    with database.connect("harvest") as connection:
        return {each.feed: each for each in status_of_feeds(connection, [feed])}[feed.name]


def test_report_is_rebuilt_from_the_database(database: Database, archive: Path) -> None:
    """Counts, refusals and warnings of a run are the same afterwards as at its end."""
    told = run(database, archive).as_json()
    with database.connect("harvest") as connection:
        rebuilt = report_of(connection, 1).as_json()
    assert rebuilt == {**told, "finished_at": rebuilt["finished_at"]}
    assert (told["read"], len(told["refusals"])) == (3, 1)


def test_unknown_run_is_refused(database: Database) -> None:
    """A run that there is not is an error that says where to look."""
    with database.connect("harvest") as connection, pytest.raises(NoSuchRun, match="harvest history"):
        report_of(connection, 7)


def test_each_record_of_a_run_is_told_with_its_outcome(database: Database, archive: Path) -> None:
    """New and quarantined records of the first run, then the one that the second one changed."""
    run(database, archive)
    changed = sorted(archive.rglob("DIM_*.XML"))[0]
    changed.write_text(changed.read_text("utf-8").replace('percent">0.0</CLOUD', 'percent">7.0</CLOUD'), "utf-8")
    run(database, archive)
    with database.connect("harvest") as connection:
        first, second = (list(records_of(connection, number)) for number in (1, 2))
    assert [each.outcome for each in first] == ["new", "new", "quarantined"]
    assert [each.outcome for each in second if each.outcome != "quarantined"] == ["changed"]
    (refused,) = [each for each in first if each.outcome == "quarantined"]
    assert refused.item is None
    assert refused.reason is not None


def test_history_is_newest_first_and_limited(database: Database, archive: Path, feed: Feed) -> None:
    """The last runs come first, at most so many, with their counts."""
    for _ in range(3):
        run(database, archive)
    with database.connect("harvest") as connection:
        assert [each.id for each in history(connection)] == [3, 2, 1]
        (last,) = history(connection, feed.name, limit=1)
        assert history(connection, "another") == []
    assert (last.id, last.state, last.counts["read"], last.parts_done) == (3, "succeeded", 3, 1)


def test_status_of_a_feed_that_never_ran(database: Database, feed: Feed) -> None:
    """It is no alarm, unless its document says how old the last good run may be."""
    assert (status(database, feed).state, status(database, feed).is_amiss) == ("never run", False)
    assert status(database, replace(feed, stale_after_days=1.0)).is_amiss


def test_status_counts_records_and_finds_stale_feeds(database: Database, archive: Path, feed: Feed) -> None:
    """After a good run it has its counts; the run is too old one day after the days that are allowed."""
    run(database, archive)
    good = status(database, replace(feed, stale_after_days=2.0))
    assert (good.state, good.active, good.quarantined, good.is_amiss) == ("succeeded", 2, 1, False)
    assert good.last_good_at is not None
    assert replace(good, asked_at=good.last_good_at + timedelta(days=3)).is_stale


def test_status_tells_who_is_at_work(database: Database, feed: Feed) -> None:
    """A run is running while somebody holds a part, then waiting, and interrupted when nobody came for it."""
    with database.connect("harvest", autocommit=True) as connection:
        begun = begin(connection, feed, Request(), [Selection(), Selection(part="2")], is_everything=True)
        assert status(database, feed).state == "waiting"
        with database.connect("harvest", autocommit=True) as killed:
            assert claim_part(killed, begun) is not None
            assert claim_part(connection, begun) is not None
            assert [part.part for part in status(database, feed).at_work] == [1, 2]
        at_work = status(database, feed)
        assert (at_work.state, [part.part for part in at_work.at_work]) == ("running", [2])
        assert is_at_work(connection, begun.id)
    left = status(database, feed)
    assert (left.state, left.is_amiss) == ("waiting", False)
    late = replace(left, asked_at=left.asked_at + timedelta(hours=1))
    assert (late.state, late.is_amiss) == ("interrupted", True)


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("", Request(collection="pleiades", move=True, reread=True)),
        ("pleiades/stock", Request(is_full=True, limit=7, allow_withdrawals=True)),
        ("pleiades/stock", Request(since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), bbox=(-5.2, 41.3, 9.6, 51.1))),
    ],
)
def test_interrupted_run_is_told_with_what_was_asked_of_it(
    database: Database, feed: Feed, name: str, asked: Request
) -> None:
    """The command asks for the same: one that asked for less, as without --move, would leave it half done."""
    feed = replace(feed, name=name or feed.name)
    with database.connect("harvest") as connection:
        begin(connection, feed, asked, [Selection()], is_everything=True)
    left = status(database, feed)
    assert left.command is None
    command = replace(left, asked_at=left.asked_at + timedelta(hours=1)).command
    assert command is not None

    _, _, verb, *arguments = shlex.split(command)
    above = click.Context(main, **main.context_settings)
    with {"run": run_command, "deliveries": deliveries}[verb].make_context(verb, arguments, above) as context:
        assert (context.params.get("what") or f"deliveries {context.params.get('location')}") == feed.name
        given = {each.name: context.params[each.name] for each in fields(Request) if each.name in context.params}
    assert Request(**given) == asked


def test_failed_run_is_amiss(database: Database, feed: Feed) -> None:
    """A feed whose last run failed needs somebody; one that was cancelled does not."""
    for state, is_amiss in (("failed", True), ("cancelled", False)):
        with database.connect("harvest") as connection:
            begun = begin(connection, feed, Request(), [Selection()], is_everything=True)
            end(connection, begun.id, state, "the disk is full")
        assert (status(database, feed).state, status(database, feed).is_amiss) == (state, is_amiss)


def test_failed_run_that_is_cancelled_is_left_alone(database: Database, feed: Feed) -> None:
    """It alarms no more and is not resumed, also where its source cannot be harvested again: it has gone."""
    with database.connect("harvest") as connection:
        begun = begin(connection, feed, Request(), [Selection()], is_everything=True)
        end(connection, begun.id, "failed", "it is gone", is_resumable=True)
        assert cancel_failed(connection, begun.id)
        assert not cancel_failed(connection, begun.id)
        assert unfinished_run(connection, feed.name) is None
        assert report_of(connection, begun.id).error == "it is gone"
    assert (status(database, feed).state, status(database, feed).is_amiss) == ("cancelled", False)


@pytest.mark.parametrize("request_", [Request(limit=1), Request(bbox=(0, 0, 1, 1)), Request(until=datetime.now(UTC))])
def test_run_of_a_part_does_not_make_a_feed_fresh(database: Database, feed: Feed, request_: Request) -> None:
    """As in the notices: what was not looked at may be long out of date."""
    with database.connect("harvest") as connection:
        begun = begin(connection, feed, request_, [Selection()], is_everything=False)
        end(connection, begun.id, "succeeded")
    told = status(database, replace(feed, stale_after_days=1.0))
    assert (told.state, told.last_good_at, told.is_stale) == ("succeeded", None, True)


def test_page_escapes_what_stands_in_records(database: Database, archive: Path) -> None:
    """The page has the account and the reason, needs nothing from elsewhere, and takes no markup from a record."""
    report = run(database, archive)
    report.breaches.append("<script>alert(1)</script>")
    page = report_page([report])
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "href=" not in page
    assert report.refusals[0].record in page
    assert page.startswith("<!DOCTYPE html>")


def test_mistyped_place_is_no_alarm(database: Database, feed: Feed) -> None:
    """A place that only the command line named is watched once it was harvested with success, not before."""
    with database.connect("harvest") as connection:
        begun = begin(connection, feed, Request(), [Selection()], is_everything=True)
        end(connection, begun.id, "failed", "it does not exist")
        (failed,) = status_of_feeds(connection, [])
        assert (failed.state, failed.is_amiss) == ("failed", False)
    assert replace(failed, last_good_at=failed.asked_at).is_amiss


def test_source_that_no_document_names_any_more_is_amiss_while_its_records_are_in_force(
    database: Database, archive: Path, feed: Feed
) -> None:
    """An address is not needed, a name is; a place of the command line is in no document, and no orphan."""
    run(database, archive)
    with database.connect("harvest") as connection:
        assert [(each.active, each.is_orphaned) for each in status_of_feeds(connection, [])] == [(2, False)]
    named = replace(feed, name=f"pleiades/{DELIVERIES}")
    with database.connect("harvest") as connection:
        end(connection, begin(connection, named, Request(), [Selection()], is_everything=True).id, "failed", "gone")
        connection.execute("UPDATE dinamis.source_record SET feed = %s", (named.name,))

        def told(*names: str) -> FeedStatus:
            return {each.feed: each for each in status_of_feeds(connection, [], names)}[named.name]

        assert (told().is_documented, told().is_orphaned, told().is_amiss) == (False, True, True)
        assert (told(named.name).is_documented, told(named.name).is_orphaned) == (True, False)
        connection.execute("UPDATE dinamis.source_record SET state = 'withdrawn', reason = 'sold'")
        assert (told().state, told().is_orphaned, told().is_amiss) == ("failed", False, False)
