"""Runs on a real database: pages and cursors together, resumed, fenced, cancelled, and every record accounted for."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import psycopg
import pytest

from harvester import catalogue, runs
from harvester.amendments import retire_source, undo_run
from harvester.catalogue.connections import CatalogueConnections
from harvester.errors import (
    AnsweredWithError,
    CollectionDocumentError,
    CredentialsMissing,
    CursorLost,
    SourceUnavailable,
    UnreadableAnswer,
)
from harvester.harvest import harvest, work_on
from harvester.record import Withdrawal
from harvester.runs import PartLost, Request, RunBusy, RunCancelled, bookkeeping
from harvester.runs.planning import KnownFingerprints, planned, run_of
from harvester.runs.report import HarvestReport, Outcome, PageReport
from harvester.runs.watching import Watcher
from harvester.sources.source import Selection
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Stock, feed_of, image, stock
from tests.harvester.lost_answers import lose_answer
from tests.harvests import counts, harvest_context, items, rows, timeless
from tests.postgres import PostgresServer

__all__ = ["stock"]


@pytest.fixture
def five(stock: Stock) -> Stock:
    """A source of five records on pages of two, nothing of it harvested."""
    stock.held.records = {name: image(number) for number, name in enumerate("abcde")}
    stock.held.page_size = 2
    return stock


def killed_after(number: int) -> Watcher:
    """A watcher that ends the process, as far as the run can tell, after so many records."""

    def kill(report: HarvestReport, _: object) -> None:
        if report.read >= number and report.state == "running":
            raise KeyboardInterrupt

    return kill


def kill_harvest(stock: Stock, number: int) -> None:
    """Harvest, and be killed after so many records."""
    with pytest.raises(KeyboardInterrupt):
        harvest(stock.held_feed, harvest_context(stock.database, HELD, ARCHIVE), Request(), killed_after(number))


def test_killed_run_goes_on_with_its_whole_account(five: Stock) -> None:
    """The next harvest begins behind the last page that was committed, and reports all that the run did."""
    kill_harvest(five, 2)
    assert rows(five.database, "SELECT state, cursor, pages FROM dinamis.run_part") == [("waiting", "b", 1)]
    assert len(items(five.database)) == 2

    report = five.harvest()

    assert (counts(report), report.is_resumed, report.state) == ({"new": 5}, True, "succeeded")
    assert rows(five.database, "SELECT state FROM dinamis.run") == [("succeeded",)]
    assert len(items(five.database)) == 5
    assert counts(five.harvest()) == {"unchanged": 5}


@pytest.mark.parametrize("parts", [1, 3])
def test_account_of_a_run_names_what_others_refused_and_withdrew(five: Stock, parts: int) -> None:
    """Whoever brings a run to its end tells what it did before it was killed, or what another process did of it."""
    five.harvest()
    five.held.parts, five.held.page_size = parts, 1
    del five.held.records["b"]
    five.held.withdrawals = [Withdrawal(id="b", reason="sold")]
    five.held.records |= {name: image(30, problem=f"{name} is torn") for name in "afg"}
    kill_harvest(five, 3)
    report = five.harvest()
    assert counts(report) == {"unchanged": 3, "quarantined": 3, "withdrawn": 1}
    assert sorted(each.record for each in report.refusals) == ["a", "f", "g"]
    assert report.withdrawn == [("b", "sold")]
    assert rows(five.database, "SELECT is_resumed FROM dinamis.run ORDER BY id")[0] == (False,)


def test_cursor_and_records_of_a_page_are_committed_together(five: Stock) -> None:
    """A page whose backend dies at its very end leaves neither records nor cursor, and is written once in the end."""
    with five.database.connect("owner", autocommit=True) as connection:
        connection.execute("CREATE SEQUENCE public.pages")
        connection.execute(
            "CREATE FUNCTION public.kill_page() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            " 'BEGIN IF nextval(''public.pages'') = 2 THEN"
            " PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END'"
        )
        connection.execute(
            "CREATE TRIGGER kill_page AFTER UPDATE OF cursor ON dinamis.run_part"
            " FOR EACH ROW EXECUTE FUNCTION public.kill_page()"
        )
    report = five.harvest()
    assert counts(report) == {"new": 5}
    assert rows(five.database, "SELECT last_value > 3 FROM public.pages") == [(True,)]
    assert rows(five.database, "SELECT pages, counts->>'new' FROM dinamis.run_part") == [(3, "5")]
    assert rows(five.database, "SELECT max(version) FROM dinamis.source_record") == [(1,)]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_page_is_written_once_though_its_commit_was_not_heard_of(
    five: Stock, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """The network may be cut between the commit of a page, also of the last one, and the answer of the server."""
    lose_answer(monkeypatch, number)

    report = five.harvest()

    assert (counts(report), report.state, report.is_resumed) == ({"new": 5}, "succeeded", False)
    assert rows(five.database, "SELECT pages, counts->>'new' FROM dinamis.run_part") == [(3, "5")]


def test_page_of_a_resumed_run_is_written_once_too(five: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages that it wrote before it was killed count with those that it writes now."""
    kill_harvest(five, 2)
    lose_answer(monkeypatch, 1)
    report = five.harvest()
    assert (counts(report), report.state) == ({"new": 5}, "succeeded")
    assert rows(five.database, "SELECT pages, counts->>'new' FROM dinamis.run_part") == [(3, "5")]


def test_dry_run_tells_each_change_once_though_the_end_of_a_page_was_not_heard_of(
    five: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that is compared again on a new connection adds nothing to what was told of it."""
    lose_answer(monkeypatch, 2)
    report = five.harvest(dry_run=True)
    assert (counts(report), len(report.changes)) == ({"new": 5}, 5)


def test_undoing_is_done_once_though_its_commit_was_not_heard_of(five: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account of an undoing tells what its page did, though that was the last of what was heard of it."""
    run = five.harvest().run
    assert run is not None
    lose_answer(monkeypatch, 1)

    report = undo_run(run, harvest_context(five.database, HELD, ARCHIVE))

    assert (counts(report), report.state) == ({"withdrawn": 5}, "succeeded")
    assert rows(five.database, "SELECT counts->>'withdrawn' FROM dinamis.run_part ORDER BY run") == [("0",), ("5",)]


def test_stolen_part_writes_nothing(five: Stock) -> None:
    """Who lost a part to another process cannot commit a page of it: neither cursor nor account moves."""
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        run = runs.begin(connection, five.held_feed, Request(), [Selection()], is_everything=True)
        part = runs.claim_part(connection, run)
        assert part is not None
        assert runs.is_at(connection, part)
        connection.execute("UPDATE dinamis.run_part SET holder = %s", (uuid4(),))
        assert not runs.is_at(connection, part)
        with pytest.raises(PartLost), connection.transaction():  # noqa: PT012 - both are of one transaction
            connection.execute("UPDATE dinamis.run SET error = 'written'")
            runs.advance(connection, part, "b", PageReport(), is_done=False)
        assert connection.execute("SELECT cursor, pages, error FROM dinamis.run_part, dinamis.run").fetchall() == [
            (None, 0, None)
        ]


def test_part_is_as_far_as_was_committed(five: Stock) -> None:
    """A page whose transaction came to nothing is not taken for written, and is written again."""
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        run = runs.begin(connection, five.held_feed, Request(), [Selection()], is_everything=True)
        part = runs.claim_part(connection, run)
        assert part is not None
        for is_lost in (True, False):
            with connection.transaction(force_rollback=is_lost):
                advanced = runs.advance(connection, part, "b", PageReport(), is_done=False)
            assert runs.is_at(connection, advanced) is not is_lost


def test_part_of_a_run_that_has_ended_writes_nothing(five: Stock) -> None:
    """Who works on when somebody has ended the run is stopped at his next page."""
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        run = runs.begin(connection, five.held_feed, Request(), [Selection()], is_everything=True)
        part = runs.claim_part(connection, run)
        assert part is not None
        runs.end(connection, run.id, "failed", "it was killed, as it seemed")
        with pytest.raises(RunCancelled), connection.transaction():
            runs.advance(connection, part, "b", PageReport(), is_done=False)
    assert rows(five.database, "SELECT cursor, pages FROM dinamis.run_part") == [(None, 0)]


def test_part_that_was_done_meanwhile_is_left_alone(five: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who finds a part waiting, and locks it when another process has just done it, gives it back."""
    lock = bookkeeping._try_lock

    def lock_late(connection: psycopg.Connection, run: int, number: int) -> bool:
        connection.execute("UPDATE dinamis.run_part SET state = 'done'")
        return lock(connection, run, number)

    monkeypatch.setattr(bookkeeping, "_try_lock", lock_late)
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        run = runs.begin(connection, five.held_feed, Request(), [Selection()], is_everything=True)
        assert runs.claim_part(connection, run) is None
        assert not runs.is_at_work(connection, run.id)


def test_work_is_told_by_the_locks_of_parts_alone(five: Stock, postgres_server: PostgresServer) -> None:
    """Neither by those of another run or catalogue on the same server nor by a lock that has one long number."""
    with postgres_server.clone() as other, closing(catalogue.connect(five.database.conninfo("harvest"))) as connection:
        run = runs.begin(connection, five.held_feed, Request(), [Selection()], is_everything=True)
        with other.connect("harvest") as elsewhere, five.database.connect("harvest") as beside:
            elsewhere.execute("SELECT pg_advisory_lock(%s, 1)", (run.id,))
            beside.execute("SELECT pg_advisory_lock(%s)", (run.id << 32 | 1,))
            beside.execute("SELECT pg_advisory_lock(%s, %s)", (run.id + 1, run.id))
            assert not runs.is_at_work(connection, run.id)
            beside.execute("SELECT pg_advisory_lock(%s, 1)", (run.id,))
            assert runs.is_at_work(connection, run.id)


def test_part_is_one_process_at_a_time(five: Stock) -> None:
    """A part that somebody works on cannot be claimed, until that connection ends."""
    one, other = (catalogue.connect(five.database.conninfo("harvest"), autocommit=True) for _ in range(2))
    with closing(other):
        with closing(one):
            run = runs.begin(one, five.held_feed, Request(), [Selection(), Selection(part="2")], is_everything=True)
            first, second = runs.claim_part(one, run), runs.claim_part(other, run)
            assert first is not None
            assert second is not None
            assert (first.number, second.number) == (1, 2)
            with pytest.raises(PartLost):
                runs.lock_again(other, first)
        # The server gives the lock back when it has noticed that the connection is gone.
        other.execute("SELECT pg_advisory_lock(%(run)s, 1), pg_advisory_unlock(%(run)s, 1)", {"run": run.id})
        taken_over = runs.claim_part(other, run)
        assert taken_over is not None
        assert (taken_over.number, taken_over.holder != first.holder) == (1, True)


def test_process_that_lost_its_connection_is_at_work_between_two_parts_too(five: Stock) -> None:
    """Nobody takes its run for killed when it has given the first part back and not taken up the second."""
    connect = partial(five.database.connect, "harvest", autocommit=True)
    with connect() as worker, connect() as other:
        run = runs.begin(worker, five.held_feed, Request(), [Selection(), Selection(part="2")], is_everything=True)
        part = runs.claim_part(worker, run)
        assert part is not None
        worker.execute("SELECT pg_advisory_unlock_all()")  # as the server does when the connection is lost
        runs.lock_again(worker, part)
        runs.unlock_part(worker, run.id, part.number)
        assert runs.is_at_work(other, run.id)


def test_cancelled_run_stops_at_its_next_page(five: Stock) -> None:
    """What was written is kept, the run says that it was cancelled, and the next harvest begins anew."""

    def cancel(report: HarvestReport, _: object) -> None:
        with five.database.connect("owner") as connection:
            assert runs.request_cancel(connection, report.run or 0) or report.state == "cancelled"

    with pytest.raises(RunCancelled):
        harvest(five.held_feed, harvest_context(five.database, HELD, ARCHIVE), Request(), cancel)
    assert rows(five.database, "SELECT state FROM dinamis.run") == [("cancelled",)]
    assert items(five.database) == {}
    report = five.harvest()
    assert (counts(report), report.is_resumed) == ({"new": 5}, False)


def test_run_that_was_killed_before_it_could_stop_is_cancelled(five: Stock) -> None:
    """The next harvest begins anew at once: it neither resumes the run that the operator stopped nor ends with it."""

    def cancel_and_die(report: HarvestReport, _: object) -> None:
        with five.database.connect("owner") as connection:
            runs.request_cancel(connection, report.run or 0)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        harvest(five.held_feed, harvest_context(five.database, HELD, ARCHIVE), Request(), cancel_and_die)
    report = five.harvest()
    assert (counts(report), report.is_resumed) == ({"new": 5}, False)
    assert rows(five.database, "SELECT state FROM dinamis.run ORDER BY id") == [("cancelled",), ("succeeded",)]


def test_cancelled_run_that_somebody_works_on_is_left_to_stop(five: Stock) -> None:
    """The next harvest neither ends it nor reads beside it: it is told who is at work."""
    with five.database.connect("harvest", autocommit=True) as worker:
        run = runs.begin(worker, five.held_feed, Request(), [Selection()], is_everything=True)
        runs.claim_part(worker, run)
        runs.request_cancel(worker, run.id)
        with pytest.raises(RunBusy, match=f"It is run {run.id} .* It is being done"):
            five.harvest()
    assert rows(five.database, "SELECT state FROM dinamis.run") == [("running",)]


def test_run_of_several_parts_reads_each_record_once(five: Stock) -> None:
    """A source in three parts gives one account of all its records."""
    five.held.parts = 3
    report = five.harvest()
    assert counts(report) == {"new": 5}
    assert rows(five.database, "SELECT count(*), sum((counts->>'read')::int) FROM dinamis.run_part") == [(3, 5)]
    assert {selection.part for selection in five.held.asked} == {"0", "1", "2"}


def test_run_is_ended_by_one_of_two_that_see_its_last_part_done(five: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process may end it between this one's looking and its lock: nothing is noted, nor told, a second time."""
    context = harvest_context(five.database, HELD, ARCHIVE)
    five.harvest()
    del five.held.records["c"]
    is_complete, others = runs.is_complete, []

    def outrun(connection: psycopg.Connection, number: int) -> bool:
        monkeypatch.setattr(runs, "is_complete", is_complete)
        run = runs.run_by_id(connection, number)
        assert run is not None
        others.append(work_on(run, five.held_feed, context))
        return is_complete(connection, number)

    monkeypatch.setattr(runs, "is_complete", outrun)
    report = five.harvest()

    assert rows(five.database, "SELECT kind, times FROM dinamis.run_note") == [("absent", 1)]
    assert [(each.state, each.absent) for each in others if each] == [("succeeded", 1)]
    assert (report.state, counts(report)) == ("running", {"unchanged": 4})


def test_account_of_a_run_counts_what_each_of_its_workers_passed_over(five: Stock) -> None:
    """Whoever ends the run tells what all parts passed over, whichever processes worked on them."""
    five.held.parts, five.held.duplicates = 3, 5
    context = harvest_context(five.database, HELD, ARCHIVE)
    reports: list[HarvestReport | None] = []

    def share(report: HarvestReport, _: object) -> None:
        if report.read and not reports:
            with closing(catalogue.connect(context.conninfo, autocommit=True)) as connection:
                run = runs.run_by_id(connection, report.run or 0)
            assert run is not None
            reports.append(None)
            reports.append(work_on(run, five.held_feed, context))

    reports.append(harvest(five.held_feed, context, Request(), share))

    assert [each.passed_over for each in reports if each and each.state == "succeeded"] == [{"duplicates": 15}]
    assert rows(five.database, "SELECT kind, subject, times FROM dinamis.run_note") == [
        ("passed over", "duplicates", 15)
    ]


@pytest.mark.parametrize("killed_at", [2, 4])
def test_what_a_killed_process_passed_over_is_counted_once(five: Stock, killed_at: int) -> None:
    """It is committed with the page for which it was passed over, like the records of that page."""
    five.held.duplicates = 5
    kill_harvest(five, killed_at)
    report = five.harvest()
    assert (report.read, report.is_resumed, report.passed_over) == (5, True, {"duplicates": 15})


def test_limit_is_of_the_whole_run(five: Stock) -> None:
    """A run with a limit has one part, and one that was killed goes on for what is left of it."""
    limited = Request(limit=3)
    with pytest.raises(KeyboardInterrupt):
        harvest(five.held_feed, harvest_context(five.database, HELD, ARCHIVE), limited, killed_after(2))
    assert counts(five.harvest(limit=3)) == {"new": 3}
    five.held.parts = 3
    assert five.harvest(limit=4).read == 4
    five.held.parts, five.held.fingerprints = 1, dict.fromkeys("abcde", "1")
    five.harvest()
    assert five.harvest(limit=3).read == 3  # of those too that need not be read
    five.held.page_size = 5
    five.held.fingerprints = {"a": "2", "b": "2", "c": "2", "d": "1", "e": "1"}
    assert [five.harvest(limit=number).read for number in (2, 4)] == [2, 4]


@pytest.mark.parametrize("is_dry", [False, True])
def test_source_is_asked_for_no_page_beyond_the_limit(five: Stock, is_dry: bool) -> None:
    """A run that has its records neither waits for the next page nor fails with it."""
    five.held.fails_after = 2
    report = five.harvest(limit=2, dry_run=is_dry)
    assert (counts(report), report.state) == ({"new": 2}, "succeeded")


def test_what_changed_is_asked_for_unless_all_is_wanted(five: Stock) -> None:
    """A source that can select is asked from a day before the last good run, with --full for all, else what is said."""
    five.held.is_selectable = True
    first = five.harvest()
    five.harvest()
    five.harvest(is_full=True)
    ((begun,),) = rows(five.database, "SELECT started_at FROM dinamis.run WHERE id = %s", first.run)
    assert [selection.since for selection in five.held.asked] == [None, begun - timedelta(days=1), None]
    year = Selection(since=datetime(2020, 1, 1, tzinfo=UTC), until=datetime(2021, 1, 1, tzinfo=UTC), bbox=(4, 8, 5, 9))
    five.harvest(since=year.since, until=year.until, bbox=year.bbox)
    assert five.held.asked[-1] == year


def test_source_is_asked_for_what_changed_since_its_own_runs(five: Stock) -> None:
    """Neither the runs of another source count, nor that these are undone or that it is retired."""
    five.held.is_selectable = five.archive.is_selectable = True
    context = harvest_context(five.database, HELD, ARCHIVE)
    five.archive.records = {"z": image()}
    five.harvest()
    five.harvest(five.archive_feed)
    assert five.archive.asked[-1].since is None
    five.archive.records["y"] = image(1)
    undone = five.harvest(five.archive_feed).run
    last = five.harvest()
    undo_run(undone or 0, context)
    retire_source(five.archive_feed.name, context)
    five.harvest()
    assert five.held.asked[-1].since == last.started_at - timedelta(days=1)


def test_last_good_run_is_found_at_once_among_years_of_runs(five: Stock) -> None:
    """Also where many of them are undone: one run a day, and every fiftieth undid that of the day before."""
    first = datetime(2020, 1, 1, tzinfo=UTC)
    with five.database.connect("harvest") as connection:
        runs.keep_feed(connection, five.held_feed)
        connection.execute(
            "INSERT INTO dinamis.run (feed, kind, request, state, is_everything, started_at, finished_at, undoes)"
            " SELECT %(feed)s, CASE WHEN n %% 50 = 0 THEN 'undo' ELSE 'harvest' END, '{}', 'succeeded', true,"
            " %(first)s + make_interval(days => n), %(first)s + make_interval(days => n),"
            " CASE WHEN n %% 50 = 0 THEN n - 1 END FROM generate_series(1, 3000) AS n",
            {"feed": five.held_feed.name, "first": first},
        )
        connection.execute("SET LOCAL statement_timeout = '2s'")
        assert runs.last_good_start(connection, five.held_feed.name) == first + timedelta(days=2998)


def test_run_for_a_collection_without_a_document_is_not_planned(five: Stock) -> None:
    """A worker refuses it before it is written down or anything of it is enqueued."""
    nowhere = planned(feed_of("held", "nowhere"), harvest_context(five.database, HELD), Request())
    with pytest.raises(CollectionDocumentError, match="there is no collection nowhere"), nowhere:
        pass
    assert rows(five.database, "SELECT id FROM dinamis.run") == []


@pytest.mark.parametrize("request_of_run", [Request(reread=True), Request(move=True), Request(collection=ARCHIVE)])
def test_records_that_are_all_to_be_read_are_known_to_no_source(five: Stock, request_of_run: Request) -> None:
    """A source is told what the ledger has of its records, but where those that have not changed are wanted too.

    Ids that no database can store are none that it has.
    """
    five.held.fingerprints = dict.fromkeys("abcde", "1")
    five.harvest()
    with CatalogueConnections(five.database.conninfo("harvest"), attempts=1) as connections:
        usual, wanted = (KnownFingerprints(connections, five.held_feed, each) for each in (Request(), request_of_run))
        assert usual(["a", "b", "z", "\udce9", "\0"]) == dict.fromkeys("ab", "1")
        assert len(usual.following("a", 2)) == 2
        assert (wanted("abz"), wanted.following("a", 2)) == ({}, [])


def test_killed_run_makes_way_for_another_request(five: Stock) -> None:
    """A run that was killed is not resumed for something else: it ends as failed, with the reason."""
    kill_harvest(five, 2)
    report = five.harvest(limit=3)
    assert counts(report) == {"unchanged": 2, "new": 1}
    assert rows(five.database, "SELECT state, starts_with(error, 'it was killed') FROM dinamis.run ORDER BY id")[0] == (
        "failed",
        True,
    )


def test_who_asks_for_the_run_that_is_planned_joins_it(five: Stock) -> None:
    """Also with other leave to withdraw records, which is then what counts."""
    asked = partial(planned, five.held_feed, harvest_context(five.database, HELD, ARCHIVE))
    with asked(Request()) as run, asked(Request(allow_withdrawals=True)) as joined:
        assert (joined.id, joined.request.allow_withdrawals) == (run.id, True)


def test_two_that_begin_at_once_do_one_run(five: Stock) -> None:
    """The second waits until the first has decided, and joins it."""
    connect = partial(five.database.connect, "harvest", autocommit=True)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
    with ThreadPoolExecutor(1) as pool, connect() as first, connect() as second:
        with first.transaction():
            runs.wait_for_beginners(first, five.held_feed.name)
            joining = pool.submit(run_of, second, five.held_feed, Request())
            while rows(five.database, waiting) == [(0,)] and not joining.done():
                time.sleep(0.05)
            run = runs.begin(first, five.held_feed, Request(), [Selection()], is_everything=True)
        assert joining.result().id == run.id


def test_killed_replay_is_set_aside_unless_somebody_is_at_it(five: Stock) -> None:
    """Of two runs of a kind only the one that nobody works on is ended."""
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as worker:
        run = runs.begin(worker, five.held_feed, Request(), [Selection()], is_everything=False, kind="replay")
        part = runs.claim_part(worker, run)
        assert part is not None
        with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as other:
            with pytest.raises(RunBusy, match=f"run {run.id} "):
                runs.set_aside_killed(other, five.held_feed.name, "replay")
            runs.unlock_part(worker, run.id, part.number)  # as the server does when the worker is gone
            runs.set_aside_killed(other, five.held_feed.name, "replay")
            assert not runs.is_at_work(worker, run.id)
    assert rows(five.database, "SELECT state FROM dinamis.run") == [("failed",)]


def test_run_that_is_in_the_way_is_told_with_what_to_do(five: Stock) -> None:
    """Who does it, and since when: one waits, stops it, resumes it or tries again."""
    connect = partial(five.database.connect, "harvest", autocommit=True)
    with connect() as worker, connect() as other:
        run = runs.begin(worker, five.held_feed, Request(), [Selection()], is_everything=False)
        runs.stay_at_work(worker, run.id)
        begun = str(runs.busy(other, run.id))
        runs.claim_part(worker, run)
        at_work = str(runs.busy(other, run.id))
        worker.execute("SELECT pg_advisory_unlock_all()")  # as the server does when the worker is gone
        left = str(runs.busy(other, run.id))
        runs.end(other, run.id, "succeeded")
        ended = str(runs.busy(other, run.id))

    told = f"It is run {run.id} of {five.held_feed.name} (harvest), begun {run.started_at.astimezone(UTC):%F %H:%M} UTC"
    stop = f"wait for its end, or stop it with `dinamis harvest cancel {run.id}`."
    assert f"{told}. It is being done: {stop}" in begun
    assert re.search(rf"being done by \S+:{os.getpid()}, last heard of 20.* UTC: {re.escape(stop)}", at_work)
    assert "Nobody is at work on it: `dinamis harvest status` shows how to resume it" in left
    assert f"`dinamis harvest cancel {run.id}` gives it up" in left
    assert f"{told}, which has ended meanwhile: start this again." in ended


def test_feed_is_kept_as_it_was_last_harvested(five: Stock) -> None:
    """What amendments read of it without its document follows that document."""
    changed = replace(
        five.held_feed, source="other", kind="archive", collection=ARCHIVE, location="https://other.example.org"
    )
    with five.database.connect("harvest") as connection:
        for feed in (five.held_feed, changed):
            runs.keep_feed(connection, feed)
            kept = runs.kept_feed(connection, feed.name)
            assert kept == replace(feed, options=None, withdrawals=kept.withdrawals)


def test_two_feeds_of_one_source_share_its_records(five: Stock) -> None:
    """A record that another feed of the same source gives is no other record; it belongs to who saw it last."""
    other = feed_of("other", HELD, source="held", kind="held")
    assert counts(five.harvest()) == {"new": 5}
    assert counts(five.harvest(other)) == {"unchanged": 5}
    assert rows(five.database, "SELECT DISTINCT feed FROM dinamis.source_record") == [(other.name,)]
    assert counts(five.harvest()) == {"unchanged": 5}
    assert len(items(five.database)) == 5


def test_source_that_another_collection_names_now_is_not_unchanged(five: Stock) -> None:
    """Its records say what they said, but belong elsewhere: they are refused as long as their Items stand."""
    five.harvest()

    for _ in range(2):
        report = five.harvest(feed_of("other", COAST, source="held", kind="held"))
        assert counts(report) == {"quarantined": 5}
        assert f"is in {HELD}, and this is a source of {COAST}" in report.refusals[0].reason

    assert {item["collection"] for item in items(five.database).values()} == {HELD}


@pytest.mark.parametrize("failure", [AnsweredWithError, UnreadableAnswer])
def test_run_whose_cursor_the_source_has_forgotten_gives_way_to_a_new_one(
    five: Stock, failure: type[SourceUnavailable]
) -> None:
    """A token that ended, or was wrong, would fail for ever: the run is given up, and the next begins anew."""
    kill_harvest(five, 2)
    five.held.fails_after, five.held.failure = 0, failure
    with pytest.raises(CursorLost, match=f"begins a new run. {failure.__doc__} it went away"):
        five.harvest()
    five.held.fails_after = None

    report = five.harvest()

    assert (counts(report), report.is_resumed) == ({"new": 3, "unchanged": 2}, False)


@pytest.mark.parametrize(("fails_after", "failure"), [(0, SourceUnavailable), (1, AnsweredWithError)])
def test_run_whose_source_fails_otherwise_is_gone_on_with(
    five: Stock, fails_after: int, failure: type[SourceUnavailable]
) -> None:
    """Where it cannot be reached, or fails only behind the place where it was taken up, that place is kept."""
    kill_harvest(five, 2)
    five.held.fails_after, five.held.failure = fails_after, failure
    with pytest.raises(failure):
        five.harvest()
    five.held.fails_after = None

    report = five.harvest()

    assert (counts(report), report.is_resumed) == ({"new": 5}, True)


def test_run_that_is_gone_on_with_is_as_if_it_had_not_ended(five: Stock) -> None:
    """Neither why it failed is told of it any more, nor does it stop because that was asked for before."""
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        run = runs.begin(connection, five.held_feed, Request(), [Selection()], is_everything=True)
        runs.request_cancel(connection, run.id)
        runs.end(connection, run.id, "failed", "it is down", is_resumable=True)
        runs.take_up(connection, run)
        told = "SELECT state, error, finished_at, is_resumable, cancel_requested FROM dinamis.run"
        assert rows(five.database, told) == [("running", None, None, False, False)]
        runs.request_cancel(connection, run.id)
        runs.take_up(connection, run)  # another process joins those at work
        assert rows(five.database, told) == [("running", None, None, False, True)]


def test_failed_run_that_is_given_up_is_not_gone_on_with(five: Stock) -> None:
    """Once the operator has cancelled it, the next harvest begins anew; what did not fail cannot be given up."""
    five.held.fails_after = 2
    with pytest.raises(SourceUnavailable):
        five.harvest()
    five.held.fails_after = None
    ((failed,),) = rows(five.database, "SELECT id FROM dinamis.run")
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        assert not runs.request_cancel(connection, failed)
        assert [runs.cancel_failed(connection, failed) for _ in range(2)] == [True, False]
        runs.end(connection, failed, "failed", "it went away again")
    assert rows(five.database, "SELECT state FROM dinamis.run") == [("cancelled",)]
    assert not five.harvest().is_resumed


def test_bad_record_refuses_only_itself(stock: Stock) -> None:
    """Of a page of two hundred records the one whose Item would not be valid is found and refused, alone."""
    stock.held.records = {f"{number:03d}": image(number) for number in range(200)}
    stock.held.records["123"]["cloud"] = 140
    report = stock.harvest()
    assert counts(report) == {"new": 199, "quarantined": 1}
    (refusal,) = report.refusals
    assert refusal.record == "123"
    assert "eo:cloud_cover = 140 is not between 0 and 100" in refusal.reason
    assert rows(stock.database, "SELECT stage FROM dinamis.source_record WHERE state = 'quarantined'") == [("build",)]
    assert len(items(stock.database)) == 199


def test_records_whose_ids_cannot_be_stored_are_told_apart(stock: Stock) -> None:
    """Each is known again, and none is taken for the one that is called as another is shown."""
    names = ("a\0", "a\\0", "a\udce9", "a\\udce9")
    stock.held.records = {name: image(number) for number, name in enumerate(names)}
    assert counts(stock.harvest()) == {"new": 4}
    assert counts(stock.harvest()) == {"unchanged": 4}


def test_unchanged_harvest_writes_no_row_of_pgstac(five: Stock) -> None:
    """Items, Collections and partitions keep their very rows when nothing changed."""
    five.harvest()
    tables = ("pgstac.items", "pgstac.collections", "pgstac.queryables", "dinamis.item", "dinamis.record_version")

    def versions() -> list[object]:
        return [
            rows(five.database, f"SELECT tableoid, ctid::text, xmin::text FROM {each} ORDER BY 1, 2") for each in tables
        ]

    before = versions()
    assert counts(five.harvest()) == {"unchanged": 5}
    assert versions() == before


def test_source_that_knows_its_records_need_not_read_them(five: Stock) -> None:
    """With the fingerprint of the last time a record is counted as unchanged without being read."""
    five.held.fingerprints = dict.fromkeys("abcde", "1")
    five.harvest()
    five.held.records["a"] = {"image": "never read"}
    five.held.fingerprints["b"] = "2"
    assert counts(five.harvest()) == {"unchanged": 5}
    assert rows(
        five.database,
        "SELECT fingerprint FROM dinamis.source_record WHERE record = 'b'",
    ) == [("2",)]


def test_every_record_of_a_run_ends_in_one_count(stock: Stock) -> None:
    """The counts of a run that does everything add up to what it read, in the report as in the database."""
    stock.held.records = {name: image(number) for number, name in enumerate("abc")}
    stock.harvest()
    stock.held.records |= {"a": image(cloud=1), "n": image(7), "x": image(8, problem="it is torn")}
    report = stock.harvest()
    assert counts(report) == {"new": 1, "changed": 1, "unchanged": 2, "quarantined": 1}
    assert report.read == 5
    with closing(catalogue.connect(stock.database.conninfo("harvest"))) as connection:
        said = runs.counts_of(connection, report.run or 0)
    assert said["read"] == sum(said[outcome] for outcome in Outcome) == 5
    notes = "SELECT kind, subject, detail FROM dinamis.run_note WHERE run = %s AND kind != 'drift'"
    assert rows(stock.database, notes, report.run) == [("quarantined", "x", "it is torn")]


def test_what_a_run_notes_again_is_counted(five: Stock) -> None:
    """It keeps what was said first, but for what sources contradict each other about, which is that of now."""
    with closing(catalogue.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        run = runs.begin(connection, five.held_feed, Request(), [Selection()], is_everything=True)
        for detail, times in (("first", 1), ("second", 2)):
            for kind in ("warning", "conflict"):
                runs.note(connection, run.id, kind, [("a", detail, times)])
        page = PageReport()
        for record in "xy":
            page.warn(record, ["no angle"])
        runs.add_to_last_part(connection, run.id, page)
    assert rows(five.database, "SELECT kind, detail, times FROM dinamis.run_note ORDER BY kind, detail") == [
        ("conflict", "second", 3),
        ("warning", "first", 3),
        ("warning", "x", 2),
    ]


def test_request_survives_the_database(five: Stock) -> None:
    """What was asked of a run is read back as it was asked, dates and box included."""
    since, until = (datetime(year, 1, 1, tzinfo=UTC) for year in (2020, 2021))
    selection = Selection(since=since, until=until, bbox=(170.0, -10.0, -170.0, 10.0), part="2")
    request = Request(limit=3, since=since, until=until, bbox=selection.bbox)
    with closing(psycopg.connect(five.database.conninfo("harvest"), autocommit=True)) as connection:
        run = runs.begin(connection, five.held_feed, request, [selection], is_everything=False)
        part = runs.claim_part(connection, run)
        found = runs.run_by_id(connection, run.id)
    assert found is not None
    assert part is not None
    assert (found.request, part.selection) == (request, selection)


def test_killed_run_and_undisturbed_run_make_the_same_catalogue(five: Stock) -> None:
    """After a kill and a resume the Items are those of a run that nobody disturbed."""
    kill_harvest(five, 4)
    five.harvest()
    found = {name: timeless(item) for name, item in items(five.database).items()}
    assert counts(five.harvest(reread=True)) == {"unchanged": 5}
    assert {name: timeless(item) for name, item in items(five.database).items()} == found


def test_source_that_is_down_when_asked_for_its_parts_fails_in_a_run(
    stock: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the failure stands in the history and the status; and one without its credentials is not asked at all."""
    asked: list[Selection] = []

    def windows(_: object, selection: Selection) -> list[Selection]:
        asked.append(selection)
        raise SourceUnavailable("it is down.")

    monkeypatch.setattr(stock.held, "windows", windows)
    stock.held.fails_after = 0
    with pytest.raises(SourceUnavailable, match="it went away"):
        stock.harvest()
    assert rows(stock.database, "SELECT state FROM dinamis.run") == [("failed",)]
    assert len(asked) == 1
    with pytest.raises(CredentialsMissing, match="Set THE_KEY"):
        stock.harvest(replace(stock.held_feed, credentials_wanted="THE_KEY"))
    assert rows(stock.database, "SELECT state FROM dinamis.run") == [("failed",), ("failed",)]
    assert len(asked) == 1

    stock.held.fails_after = None
    assert stock.harvest().state == "succeeded"
