"""The job queue's schema: created and upgraded by our migrate, worked by the harvester's role and by no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import procrastinate
import psycopg
import pytest
from procrastinate.schema import SchemaManager

from database import Database, ensure_migrated, migrate, migration_state
from database.errors import DatabaseNewer, MigrationError, NotMigrated
from database.job_queue import job_connector_arguments, job_queue_state

STEPS = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
LATEST = f"procrastinate {STEPS[-1].stem}"


def note_into(done: list[str], app: procrastinate.App) -> None:
    """Give the application its one task."""

    @app.task(name="note")
    def note(word: str) -> None:
        done.append(word)


@contextmanager
def queue(database: Database, done: list[str]) -> Iterator[procrastinate.App]:
    """An open application in the harvester's role with one task, which notes the words it is given."""
    connector = procrastinate.SyncPsycopgConnector(
        **job_connector_arguments(database.conninfo("harvest")), min_size=1, max_size=1
    )
    app = procrastinate.App(connector=connector)
    note_into(done, app)
    with app.open():
        yield app


def work(database: Database, done: list[str]) -> None:
    """Work all jobs that wait, in the harvester's role."""
    arguments = job_connector_arguments(database.conninfo("harvest"))
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(**arguments, min_size=1, max_size=2))
    note_into(done, app)
    app.run_worker(wait=False, install_signal_handlers=False, listen_notify=False)


def shape(database: Database) -> dict[str, list[str]]:
    """What the queue's schema is made of."""
    questions = {
        "columns": (
            "SELECT concat_ws(' ', table_name, column_name, data_type, column_default, is_nullable)"
            " FROM information_schema.columns WHERE table_schema = 'dinamis_jobs'"
        ),
        "functions": (
            "SELECT concat_ws(' ', oid::regprocedure, md5(regexp_replace(prosrc, '\\s', '', 'g'))) FROM pg_proc"
            " WHERE pronamespace = 'dinamis_jobs'::regnamespace"
        ),
        "indexes": "SELECT indexname::text FROM pg_indexes WHERE schemaname = 'dinamis_jobs'",
        "triggers": (
            "SELECT tgname::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE relnamespace = 'dinamis_jobs'::regnamespace AND NOT tgisinternal"
        ),
    }
    with database.connect("owner") as connection:
        return {
            name: sorted(text for (text,) in connection.execute(question.encode()).fetchall())
            for name, question in questions.items()
        }


def turn_back(database: Database, steps: list[Path]) -> None:
    """Leave the queue as an older release made it, by the first steps alone."""
    with database.connect("owner") as connection:
        connection.execute("DROP SCHEMA dinamis_jobs CASCADE")
        connection.execute("CREATE SCHEMA dinamis_jobs")
        connection.execute("DELETE FROM dinamis.job_queue_migration")
    with database.connect("owner", autocommit=True) as connection:
        connection.execute("SET search_path TO dinamis_jobs, public")
        for step in steps:
            connection.execute(step.read_bytes())
            connection.execute("INSERT INTO dinamis.job_queue_migration (name) VALUES (%s)", (step.stem,))


def test_queue_is_created_once(empty_database: Database) -> None:
    """The first migrate makes the whole queue in its own schema, the second finds nothing to do."""
    assert migration_state(empty_database).pending[-1] == LATEST
    assert migrate(empty_database).applied[-1] == LATEST
    assert not migrate(empty_database).changed
    assert migration_state(empty_database).is_current
    with empty_database.connect("owner") as connection:
        homes = connection.execute(
            "SELECT DISTINCT relnamespace::regnamespace::text FROM pg_class WHERE relname LIKE 'procrastinate%'"
        ).fetchall()
    assert homes == [("dinamis_jobs",)]


def test_queue_of_an_older_release_is_upgraded(database: Database) -> None:
    """From the queue of an older procrastinate the missing steps lead to the very schema of a new one, jobs kept."""
    fresh = shape(database)
    older = [step for step in STEPS if step.stem < "03"]
    turn_back(database, older)
    with database.connect("owner") as connection:
        connection.execute("SET LOCAL search_path TO dinamis_jobs")
        connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args)"
            """ VALUES ('default', 'note', '{"word": "kept"}')"""
        )
    assert shape(database) != fresh
    missing = [f"procrastinate {step.stem}" for step in STEPS[len(older) :]]
    assert migration_state(database).pending == missing

    assert migrate(database).applied == missing

    assert shape(database) == fresh
    assert migration_state(database).is_current
    done: list[str] = []
    with queue(database, done) as app:
        app.configure_task("note").defer(word="new")
    work(database, done)
    assert sorted(done) == ["kept", "new"]


def test_program_without_the_owner_refuses_an_older_queue(database: Database) -> None:
    """Who may not migrate is told which step is missing; after the owner's migrate the work begins."""
    turn_back(database, STEPS[:-1])
    with pytest.raises(NotMigrated, match=LATEST):
        ensure_migrated(replace(database, owner=None), "harvest")
    migrate(database)
    ensure_migrated(replace(database, owner=None), "harvest")


def test_failing_step_leaves_nothing(database: Database) -> None:
    """A step that fails is undone and not recorded, and the message names it."""
    turn_back(database, STEPS[:-1])
    with database.connect("owner") as connection:
        connection.execute("DROP TABLE dinamis_jobs.procrastinate_events CASCADE")
        connection.execute("DROP TYPE dinamis_jobs.procrastinate_job_event_type CASCADE")
        connection.execute("DROP TABLE dinamis_jobs.procrastinate_jobs CASCADE")
    before = shape(database)
    with pytest.raises(MigrationError, match=STEPS[-1].stem):
        migrate(database)
    assert shape(database) == before
    assert migration_state(database).pending == [LATEST]


def test_queue_of_a_newer_release_is_refused(database: Database) -> None:
    """A queue with a step that the installed procrastinate does not have is left alone."""
    with database.connect("owner") as connection:
        connection.execute("INSERT INTO dinamis.job_queue_migration (name) VALUES ('99.00.00_01_invented')")
    assert migration_state(database).newer == ["procrastinate 99.00.00_01_invented"]
    with pytest.raises(DatabaseNewer, match="01_invented"):
        migrate(database)


def test_harvester_defers_and_works_a_job(module_database: Database) -> None:
    """A job that the harvester's role defers is worked by it, and stands as succeeded."""
    done: list[str] = []
    with queue(module_database, done) as app:
        number = app.configure_task("note").defer(word="worked")
        work(module_database, done)
        assert app.job_manager.get_job_status(number).value == "succeeded"
    assert done == ["worked"]


def test_queue_is_closed_to_the_api(module_database: Database) -> None:
    """The API's role sees whether the queue is up to date, and nothing in it."""
    with module_database.connect("api") as connection:
        assert job_queue_state(connection).steps == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT FROM dinamis_jobs.procrastinate_jobs")


def test_harvester_cannot_change_the_queue(module_database: Database) -> None:
    """The harvester's role works jobs, and neither makes tables beside them nor writes the record of steps."""
    for statement in ("CREATE TABLE dinamis_jobs.mine ()", "DELETE FROM dinamis.job_queue_migration"):
        with (
            pytest.raises(psycopg.errors.InsufficientPrivilege),
            module_database.connect("harvest") as connection,
        ):
            connection.execute(statement.encode())


@pytest.mark.parametrize("options", [None, "-c search_path=pgstac,public -c role=dinamis_harvest"])
def test_connectors_look_into_the_queue_first(module_database: Database, options: str | None) -> None:
    """Whatever search path a connection string has, the connectors' is the queue's, in the same role."""
    arguments = job_connector_arguments(
        psycopg.conninfo.make_conninfo(module_database.conninfo("harvest"), options=options)
    )
    with psycopg.connect(arguments["conninfo"]) as connection:
        assert connection.execute("SELECT current_setting('search_path'), current_user").fetchone() == (
            "dinamis_jobs,public",
            "dinamis_harvest",
        )
