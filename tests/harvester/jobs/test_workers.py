"""Workers: several processes share the runs of the queue, and none of them is needed to the end."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import procrastinate
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from database import Database
from database.job_queue import SEARCH_PATH
from harvester import catalogue, runs
from harvester.harvest import Request, harvest
from harvester.jobs.queue import (
    UPKEEP_QUEUE,
    UPKEEP_TASK,
    AlreadyWaiting,
    QueueLost,
    enqueue_harvest,
    enqueue_part,
    enqueue_repeat,
    job_queue,
)
from harvester.jobs.worker import work
from harvester.runs import RunBusy
from harvester.runs.bookkeeping import is_in_queue
from harvester.runs.report import PageReport
from harvester.sources.source import Selection
from tests.emulators import geodes
from tests.emulators.quirks import Plan, Quirks, refuses, too_many_requests, unavailable
from tests.emulators.serving import serving
from tests.harvester.jobs.workshop import (
    FEED,
    Patient,
    Workshop,
    documents_folder,
    months_ago,
    records,
    wait_until,
    workshop,
)
from tests.harvests import items, rows, timeless
from tests.postgres import PostgresServer

READ = "SELECT coalesce(sum((counts->>'read')::bigint), 0)::int FROM dinamis.run_part"

LISTENERS = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'"


def read(shop: Workshop) -> int:
    """How many records all runs have read, as committed."""
    return int(rows(shop.database, READ)[0][0])


def enqueue(shop: Workshop, name: str = FEED, *, is_full: bool = False) -> None:
    """Enqueue a harvest."""
    with shop.queue() as queue:
        enqueue_harvest(queue, shop.worker_context.feed(name), Request(is_full=is_full, since=months_ago(12)))


def pass_for_dead(database: Database, worker: int) -> None:
    """Let a worker be silent for an hour, as far as the queue can tell, and let the next sweep be now."""
    with database.connect("owner") as connection:
        connection.execute(f"SET search_path TO {SEARCH_PATH}".encode())
        connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour' WHERE id = %s", (worker,)
        )
    with job_queue(database.conninfo("harvest")).open() as queue:
        queue.configure_task(UPKEEP_TASK, queue=UPKEEP_QUEUE).defer(timestamp=0)


def registered(database: Database) -> list[int]:
    """The workers that the queue knows, in the order of their start."""
    return [number for (number,) in rows(database, "SELECT id FROM dinamis_jobs.procrastinate_workers ORDER BY id")]


def holders(database: Database) -> set[str]:
    """The processes that have committed pages of parts."""
    return {name for (name,) in rows(database, "SELECT DISTINCT worker FROM dinamis.run_part WHERE pages > 0")}


@contextmanager
def host_asked_by_another_job(shop: Workshop) -> Iterator[None]:
    """Let the one lane of the host be taken by the job of a worker that is elsewhere."""
    with shop.database.connect("owner", autocommit=True) as connection:
        connection.execute(f"SET search_path TO {SEARCH_PATH}".encode())
        connection.execute(
            "WITH elsewhere AS (INSERT INTO procrastinate_workers DEFAULT VALUES RETURNING id)"
            " INSERT INTO procrastinate_jobs (queue_name, task_name, lock, status, worker_id)"
            " SELECT 'geodes', 'elsewhere', %s, 'doing', id FROM elsewhere",
            (f"host:{shop.feed.host}:0",),
        )
        yield
        connection.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'elsewhere'")


def test_run_shared_by_two_workers_survives_the_death_of_one(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Two workers share a run, one is killed: the run ends with the Items of an undisturbed one and no record twice."""
    service = Patient(geodes.app(records(months=12, each=40)), delay_s=0.04)
    with (
        serving(service) as url,
        postgres_server.clone() as disturbed,
        postgres_server.clone() as quiet,
        workshop(disturbed, documents_folder(tmp_path / "documents", url, concurrency=2)) as shop,
        workshop(quiet, shop.folder) as undisturbed,
    ):
        enqueue(shop)
        first = shop.start("worker")
        wait_until(lambda: registered(disturbed))
        dead = registered(disturbed)[0]
        shop.start("worker")
        wait_until(lambda: len(holders(disturbed)) == 2 and read(shop) > 100)

        first.kill()
        first.wait(10)
        assert read(shop) < 480
        pass_for_dead(disturbed, dead)
        shop.start("worker")

        wait_until(lambda: shop.run_states() == ["succeeded"] and not shop.jobs(), within_s=120)
        harvest(undisturbed.feed, undisturbed.worker_context.harvest_context, Request(since=months_ago(12)))
        assert {key: timeless(item) for key, item in items(disturbed).items()} == {
            key: timeless(item) for key, item in items(quiet).items()
        }
        assert len(items(disturbed)) == read(shop) == read(undisturbed) == 480
        assert service.most_at_once <= 2  # that two were at work was seen above; that both ask at one moment is chance


def test_stopped_worker_commits_its_page_and_gives_its_job_back(database: Database, tmp_path: Path) -> None:
    """SIGTERM ends a worker between two pages with exit code 0; the next one does the rest and reads nothing twice."""
    with (
        serving(Patient(geodes.app(records(months=3, each=40)), delay_s=0.1)) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        worker = shop.start("worker")
        wait_until(lambda: read(shop) >= 20)
        worker.send_signal(signal.SIGTERM)
        _, said = worker.communicate(timeout=30)

        assert worker.returncode == 0
        assert "given back" in said
        assert "Traceback" not in said
        assert 20 <= read(shop) < 120
        assert [(task, status) for task, status, _ in shop.jobs()] == [("harvest_part", "todo")]
        work(shop.worker_context, until_empty=True)
        assert shop.run_states() == ["succeeded"]
        assert read(shop) == len(items(database)) == 120


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_worker_told_twice_to_stop_waits_for_no_host(database: Database, tmp_path: Path, stop: signal.Signals) -> None:
    """It ends at once in a pause that its host asked for; its job is taken over, and nothing read twice."""
    plan = Plan()
    with (
        serving(Quirks(Patient(geodes.app(records(months=3, each=40)), delay_s=0.1), plan)) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        worker = shop.start("worker")
        wait_until(lambda: read(shop) >= 20)
        plan.always = too_many_requests("600")
        before = plan.counted
        wait_until(lambda: plan.counted > before)
        worker.send_signal(stop)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(2)
        worker.send_signal(stop)
        _, said = worker.communicate(timeout=10)

        assert worker.returncode == -stop
        assert "stopping after the current page; told again, at once" in said
        assert "Traceback" not in said
        assert 20 <= read(shop) < 120
        plan.always = None
        pass_for_dead(database, registered(database)[0])
        work(shop.worker_context, until_empty=True)
        assert shop.run_states() == ["succeeded"]
        assert read(shop) == len(items(database)) == 120


@pytest.mark.parametrize("broken", [None, ConnectorException()], ids=["ends quietly", "fails"])
def test_worker_that_lost_the_queue_ends_with_an_error(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: Exception | None
) -> None:
    """One that nobody stopped does not end as if it had been: whoever keeps it going starts it again."""

    async def lost(_queue: procrastinate.App, **_options: object) -> None:
        if broken:
            raise broken

    monkeypatch.setattr(procrastinate.App, "run_worker_async", lost)
    with (
        workshop(database, documents_folder(tmp_path / "documents", "http://127.0.0.1:9")) as shop,
        pytest.raises(QueueLost, match="start this again"),
    ):
        work(shop.worker_context)


def test_queue_that_is_lost_is_told_in_one_line(database: Database, tmp_path: Path) -> None:
    """A worker whose database goes away tells so itself; the tracebacks of the queue's own tasks are left out."""
    with workshop(database, documents_folder(tmp_path / "documents", "http://127.0.0.1:9")) as shop:
        worker = shop.start("worker")
        wait_until(lambda: rows(database, LISTENERS))
        with psycopg.connect(database.conninfo("owner"), dbname="postgres", autocommit=True) as elsewhere:
            name = str(conninfo_to_dict(database.conninfo("owner"))["dbname"])
            allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
            elsewhere.execute(allow.format(sql.Identifier(name), False))
            elsewhere.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            time.sleep(1)
            elsewhere.execute(allow.format(sql.Identifier(name), True))
        _, said = worker.communicate(timeout=120)
    assert worker.returncode != 0
    assert "harvester.jobs.queue.QueueLost: The connection to the job queue was lost." in said
    assert "procrastinate.worker:" not in said
    assert "procrastinate.utils:" not in said


def test_second_enqueue_of_a_feed_is_refused(database: Database, tmp_path: Path) -> None:
    """A harvest that waits is not enqueued again; one of another kind is, and both are done, one after the other."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        with pytest.raises(AlreadyWaiting, match=FEED):
            enqueue(shop)
        assert len(shop.jobs()) == 1
        work(shop.worker_context, until_empty=True)

        enqueue(shop, is_full=True)
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["succeeded", "succeeded"]
        assert shop.jobs() == []


def test_run_of_another_kind_waits_for_the_one_at_work(database: Database, tmp_path: Path) -> None:
    """A full harvest is put off while jobs of the same feed are in the queue: it does not end their run."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        enqueue(shop, is_full=True)
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["succeeded"]
        ((task, status, arguments),) = shop.jobs()
        assert (task, status) == ("harvest_feed", "todo")
        assert (arguments["request"]["is_full"], arguments["failures"]) == (True, 0)


def test_harvest_that_is_asked_for_while_one_is_at_work_comes_after_it(database: Database, tmp_path: Path) -> None:
    """What changed at the source since that one read it is not left to the next time of the schedule."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
        host_asked_by_another_job(shop),
    ):
        for _ in range(2):
            enqueue(shop)
            work(shop.worker_context, until_empty=True)

        assert [task for task, status, _ in shop.jobs() if status == "todo"] == ["harvest_part", "harvest_feed"]


def test_run_whose_jobs_wait_is_left_to_the_workers(database: Database, tmp_path: Path) -> None:
    """A command that asks for something else is told so: it takes no harvest away that was asked for before."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        context = shop.worker_context.harvest_context
        enqueue(shop, is_full=True)
        with host_asked_by_another_job(shop):
            work(shop.worker_context, until_empty=True)
        assert [(task, status) for task, status, _ in shop.jobs()] == [("harvest_part", "todo")]
        with database.connect("harvest") as connection:
            assert [is_in_queue(connection, run) for run in (1, 2)] == [True, False]

        told = r"run 1 of .*\. Its jobs are in the queue: `dinamis worker` does them, and `dinamis harvest cancel 1`"
        with pytest.raises(RunBusy, match=told):
            harvest(shop.feed, context, Request(limit=2))
        assert shop.run_states() == ["running"]
        work(shop.worker_context, until_empty=True)

        harvest(shop.feed, context, Request(limit=2))
        assert shop.run_states() == ["succeeded", "succeeded"]
        assert read(shop) == 5 + 2


@pytest.mark.parametrize("concurrency", [1, 2])
def test_host_is_asked_by_as_many_jobs_as_its_sources_allow(
    database: Database, tmp_path: Path, concurrency: int
) -> None:
    """Two feeds of one host are harvested one after the other, or at once where their documents allow two jobs."""
    service = Patient(geodes.app(records(months=2, each=20)), delay_s=0.1, expected_at_once=concurrency)
    feeds = [{"name": "first"}, {"name": "second"}]
    with (
        serving(service) as url,
        workshop(
            database, documents_folder(tmp_path / "documents", url, concurrency=concurrency, sources=feeds)
        ) as shop,
    ):
        for name in ("sentinel/first", "sentinel/second"):
            enqueue(shop, name)

        for _ in range(2):  # of one process a host is asked one thing at a time anyway
            shop.start("worker")

        wait_until(lambda: shop.run_states() == ["succeeded", "succeeded"])
        assert service.most_at_once == concurrency


@pytest.mark.parametrize(
    ("lost_before", "states", "left"),
    [(0, ["succeeded"], []), (20, [], [("harvest_feed", "failed")])],
    ids=["once", "too often"],
)
def test_job_of_a_dead_worker_is_taken_back(
    database: Database, tmp_path: Path, lost_before: int, states: list[str], left: list[tuple[str, str]]
) -> None:
    """The job of a worker that fell silent is done by another, unless it may be what the workers die of.

    Also by one that does jobs of some kinds of sources alone.
    """
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        lose(shop, lost_before)

        work(shop.worker_context, ["geodes"], until_empty=True)

        assert shop.run_states() == states
        assert [(task, status) for task, status, _ in shop.jobs()] == left


def lose(shop: Workshop, lost_before: int) -> None:
    """Let the one job that waits be that of a worker that is dead, after so many others."""
    with shop.database.connect("owner") as connection:
        connection.execute(f"SET search_path TO {SEARCH_PATH}".encode())
        connection.execute("INSERT INTO procrastinate_workers DEFAULT VALUES")
        connection.execute(
            "UPDATE procrastinate_jobs SET status = 'doing', lock = %s, worker_id = worker, attempts = %s"
            " FROM (SELECT max(id) AS worker FROM procrastinate_workers) AS dead",
            (f"host:{shop.feed.host}:0", lost_before),  # which its own parts need
        )
    pass_for_dead(shop.database, registered(shop.database)[0])


def test_job_of_a_dead_worker_is_left_to_one_like_it_that_waits(database: Database, tmp_path: Path) -> None:
    """It was asked for again meanwhile: the host is harvested once, and not held up by the job that is lost."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        lose(shop, lost_before=0)
        enqueue(shop)

        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["succeeded"]
        assert [(task, status) for task, status, _ in shop.jobs()] == [("harvest_feed", "failed")]


def test_unavailable_source_is_tried_again_later_in_a_new_job(database: Database, tmp_path: Path) -> None:
    """After a failure of the source a new job waits for its time, without the lock of the host."""
    service = Quirks(geodes.app([]), Plan.each(1, [unavailable()]))
    with (
        serving(service) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["failed"]
        ((task, status, arguments),) = shop.jobs()
        assert (task, status, arguments["failures"], arguments["run"]) == ("harvest_feed", "todo", 1, 1)
        ((lock, wait),) = rows(
            database,
            "SELECT lock, extract(epoch FROM scheduled_at - now()) FROM dinamis_jobs.procrastinate_jobs"
            " WHERE status = 'todo' AND task_name = 'harvest_feed'",
        )
        assert lock is None
        assert 200 < wait <= 300


def test_failed_harvest_is_left_to_one_like_it_that_waits(database: Database, tmp_path: Path) -> None:
    """It was asked for again meanwhile: there is one more try, not two, and no job that failed."""
    service = Quirks(geodes.app([]), Plan.each(1, [unavailable()]))
    with (
        serving(service) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        with host_asked_by_another_job(shop):
            work(shop.worker_context, until_empty=True)
        enqueue(shop)
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["failed", "failed"]
        ((task, status, arguments),) = shop.jobs()
        assert (task, status, arguments["failures"]) == ("harvest_feed", "todo", 1)


@pytest.mark.parametrize(
    ("good_answers", "failures"), [(0, 4), (1, 1), (3, 1)], ids=["no further", "a part without records", "some pages"]
)
def test_failures_count_in_succession(database: Database, tmp_path: Path, good_answers: int, failures: int) -> None:
    """A run that has failed three times waits longer after a fourth one, but for one that came further meanwhile."""
    down = dict.fromkeys(range(good_answers + 1, 100), unavailable())
    with (
        serving(Quirks(geodes.app(records(months=1, each=25)), Plan(by_number=down))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        with shop.queue() as queue:
            wanted = Request(since=months_ago(2))
            enqueue_repeat(queue, shop.feed, wanted, wait=timedelta(0), run=None, failures=3)
        work(shop.worker_context, until_empty=True)

        assert [(task, arguments["failures"]) for task, _, arguments in shop.jobs()] == [("harvest_feed", failures)]


def test_run_that_another_program_does_is_waited_for(database: Database, tmp_path: Path) -> None:
    """What somebody harvests by hand is looked at again later: he may be stopped before the end."""
    with workshop(database, documents_folder(tmp_path / "documents", "http://127.0.0.1:9")) as shop:
        with closing(catalogue.connect(database.conninfo("harvest"), autocommit=True)) as by_hand:
            begun = runs.begin(by_hand, shop.feed, Request(), [Selection()], is_everything=True)
            assert runs.claim_part(by_hand, begun) is not None
            with shop.queue() as queue:
                enqueue_harvest(queue, shop.feed, Request())
            work(shop.worker_context, until_empty=True)
        ((task, status, arguments),) = shop.jobs()
    assert (task, status, arguments["run"], arguments["failures"]) == ("harvest_feed", "todo", begun.id, 0)


def test_run_that_lacks_its_end_alone_is_ended(database: Database, tmp_path: Path) -> None:
    """A run whose process died behind its last page has no part left, and a job nevertheless."""
    with workshop(database, documents_folder(tmp_path / "documents", "http://127.0.0.1:9")) as shop:
        with closing(catalogue.connect(database.conninfo("harvest"), autocommit=True)) as killed:
            begun = runs.begin(killed, shop.feed, Request(), [Selection()], is_everything=True)
            part = runs.claim_part(killed, begun)
            assert part is not None
            runs.advance(killed, part, None, PageReport(), is_done=True)
        with shop.queue() as queue:
            enqueue_harvest(queue, shop.feed, Request())
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["succeeded"]
        assert shop.jobs() == []


def test_job_of_a_cancelled_run_is_done(database: Database, tmp_path: Path) -> None:
    """Its run was ended by the operator: it stays in the queue neither as failed nor for another try."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        with database.connect("owner") as connection:
            connection.execute("ALTER TABLE dinamis.run ALTER COLUMN cancel_requested SET DEFAULT true")
        enqueue(shop)
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["cancelled"]
        assert shop.jobs() == []


@pytest.mark.parametrize("state", ["succeeded", "cancelled"])
def test_jobs_of_a_run_that_came_to_its_end_do_nothing(database: Database, tmp_path: Path, state: str) -> None:
    """Somebody brought it to its end by hand, or gave it up: neither is its source asked nor another run begun."""
    service = Patient(geodes.app(records(months=1, each=5)))
    with (
        serving(service) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        work(shop.worker_context, until_empty=True)
        with database.connect("owner") as connection:
            run = runs.run_by_id(connection, 1)
            connection.execute("UPDATE dinamis.run SET state = %s", (state,))
            connection.execute("UPDATE dinamis.run_part SET state = 'waiting'")
        service.most_at_once = 0
        assert run is not None
        with shop.queue() as queue:
            enqueue_part(queue, shop.feed, run, 0, failures=0)
            work(shop.worker_context, until_empty=True)
            enqueue_repeat(queue, shop.feed, Request(), wait=timedelta(), run=1, failures=1)
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == [state]
        assert shop.jobs() == []
        assert service.most_at_once == 0


def test_refused_credentials_are_not_tried_again(database: Database, tmp_path: Path) -> None:
    """A source that refuses us is left alone: the job stays in the queue as failed, and no other waits."""
    with (
        serving(Quirks(geodes.app([]), Plan.each(1, [refuses()]))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as shop,
    ):
        enqueue(shop)
        work(shop.worker_context, until_empty=True)

        assert shop.run_states() == ["failed"]
        assert [(task, status) for task, status, _ in shop.jobs()] == [("harvest_part", "failed")]


def test_feed_that_the_worker_does_not_know_says_what_to_do(
    database: Database, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A job for a source that came into the documents after the worker started fails in one line, without traceback."""
    with workshop(database, documents_folder(tmp_path / "documents", "http://127.0.0.1:9")) as shop:
        before = shop.worker_context
        documents_folder(shop.folder, "http://127.0.0.1:9", name="later")
        enqueue(shop, "sentinel/later")

        work(before, until_empty=True)

        assert [status for _, status, _ in shop.jobs()] == ["failed"]
        (line,) = [record for record in caplog.records if "sentinel/later" in record.getMessage()]
        assert "restart the worker" in line.getMessage()
        assert line.exc_info is None
