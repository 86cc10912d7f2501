"""Migrations: in order, once, all or nothing, and never over a newer database."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from database import Database, migrate, migration_state
from database.errors import DatabaseNewer, MigrationAltered, MigrationError
from database.migrations import migration_files

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the packaged migrations and the given further ones into a folder."""

    def write(**further: str) -> Path:
        for file in migration_files():
            (tmp_path / f"{file}.sql").write_text(file.sql)
        for name, text in further.items():
            (tmp_path / f"{name.removeprefix('_')}.sql").write_text(text)
        return tmp_path

    return write


def _one(database: Database, question: str) -> object:
    with database.connect("owner") as connection:
        row = connection.execute(question).fetchone()
    assert row is not None
    return row[0]


def migrate_until(database: Database, file: str, folder: Path) -> None:
    """Apply the migrations of the folder before that which begins with this number; the others are removed from it."""
    for later in folder.glob("*.sql"):
        if later.name >= file:
            later.unlink()
    migrate(database, directory=folder)


def insert_runs(connection: psycopg.Connection, *kinds: str) -> None:
    """Let runs of one feed have ended; their numbers begin with 1."""
    connection.execute("INSERT INTO dinamis.feed (name, source, kind, location) VALUES ('a/b', 'b', 'b', '')")
    connection.execute(
        "INSERT INTO dinamis.run (feed, kind, request, state, started_at, is_everything)"
        " SELECT 'a/b', kind, '{}', 'succeeded', now(), true FROM unnest(%s::text[]) AS kind",
        (list(kinds),),
    )


def test_empty_database_is_brought_up_to_date(empty_database: Database) -> None:
    """An empty database gets pgSTAC, all our migrations and the two settings; a second call does nothing."""
    first = migrate(empty_database)
    second = migrate(empty_database)

    assert first.pgstac_before is None
    assert first.applied[:-1] == [str(file) for file in migration_files()]
    assert "0001_roles" in first.described()
    assert not second.changed
    assert second.described().startswith("Nothing to do")
    assert migration_state(empty_database).is_current
    assert _one(empty_database, "SELECT pgstac.get_setting('context')") == "auto"
    assert _one(empty_database, "SELECT pgstac.get_setting('additional_properties')") == "false"


def test_extensions_live_in_public(database: Database) -> None:
    """PostGIS and its companions are in schema public, where an upgrade of pgSTAC leaves them alone."""
    with database.connect("owner") as connection:
        places = connection.execute(
            "SELECT extname, extnamespace::regnamespace::text FROM pg_extension WHERE extname <> 'plpgsql'"
        ).fetchall()
    assert dict(places) == {"postgis": "public", "btree_gist": "public", "unaccent": "public"}


def test_state_of_an_empty_database(empty_database: Database) -> None:
    """Before the first migration the state says that everything is pending."""
    state = migration_state(empty_database)
    assert state.pgstac_version is None
    assert not state.is_current
    assert not state.is_newer
    assert state.pending[:-1] == [str(file) for file in migration_files()]
    assert "not installed" in state.described()


def test_two_processes_migrate_at_once(empty_database: Database) -> None:
    """Of two migrations at the same time one does the work and the other finds it done."""
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(migrate, [empty_database, empty_database]))
    assert sorted(report.changed for report in reports) == [False, True]


def test_new_migration_is_applied_and_recorded(database: Database, write: Write) -> None:
    """A further file is pending, then applied once, with its digest."""
    folder = write(_9001_invented="CREATE TABLE dinamis.invented (id int);")
    assert migration_state(database, directory=folder).pending == ["9001_invented"]
    assert migrate(database, directory=folder).applied == ["9001_invented"]
    assert migrate(database, directory=folder).applied == []
    assert _one(database, "SELECT octet_length(sha256) FROM dinamis.migration WHERE number = 9001") == 32
    assert _one(database, "SELECT count(*) FROM dinamis.invented") == 0


def test_migration_finds_pgstac_whatever_search_path_the_owner_has(database: Database, write: Write) -> None:
    """What a URL sets for the programs of its host does not decide where a migration looks."""
    owner = SecretStr(make_conninfo(database.conninfo("owner"), options="-c search_path=information_schema"))
    folder = write(_9001_invented="CREATE TABLE dinamis.invented AS SELECT id FROM items;")
    assert migrate(replace(database, owner=owner), directory=folder).applied == ["9001_invented"]


def test_failing_migration_leaves_nothing(database: Database, write: Write) -> None:
    """When a statement fails, those before it in the file are undone and the file is not recorded."""
    folder = write(_9001_invented="CREATE TABLE dinamis.invented (id int); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match=r"9001_invented.*division by zero"):
        migrate(database, directory=folder)
    assert _one(database, "SELECT to_regclass('dinamis.invented')") is None
    assert _one(database, "SELECT count(*) FROM dinamis.migration WHERE number = 9001") == 0


def test_migrations_before_a_failing_one_stay(database: Database, write: Write) -> None:
    """Each file is a transaction of its own; once the second is mended only that one is applied."""
    folder = write(_9001_first="CREATE TABLE dinamis.first ();", _9002_second="SELECT nonsense;")
    with pytest.raises(MigrationError, match="9002_second"):
        migrate(database, directory=folder)
    (folder / "9002_second.sql").write_text("CREATE TABLE dinamis.second ();")
    assert migrate(database, directory=folder).applied == ["9002_second"]


def test_migration_that_commits_is_refused(database: Database, write: Write) -> None:
    """A file that ends its own transaction could be half applied: it is refused and not recorded."""
    folder = write(_9001_invented="SELECT 1; COMMIT;")
    with pytest.raises(MigrationError, match="COMMIT"):
        migrate(database, directory=folder)
    assert _one(database, "SELECT count(*) FROM dinamis.migration WHERE number = 9001") == 0


def test_migration_does_not_wait_for_a_backup(
    database: Database, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that a backup reads is not changed: after a while the migration gives up, and readers no longer wait."""
    monkeypatch.setattr("database.migrations.LOCK_TIMEOUT", "100ms")
    folder = write(_9001_invented="ALTER TABLE dinamis.run ADD COLUMN invented int;")
    with database.connect("owner") as backup, ThreadPoolExecutor(1) as pool:
        backup.execute("LOCK TABLE dinamis.run IN ACCESS SHARE MODE")
        migrating = pool.submit(migrate, database, directory=folder)
        try:
            with pytest.raises(MigrationError, match=r"9001_invented: another program.*run dinamis db migrate again"):
                migrating.result(timeout=10)
            assert _one(database, "SELECT count(*) FROM dinamis.run") == 0
        finally:
            backup.rollback()
    assert migrate(database, directory=folder).applied == ["9001_invented"]


def test_database_of_a_newer_release_is_refused(database: Database, write: Write) -> None:
    """A database that has one of our migrations that this release lacks is not migrated."""
    migrate(database, directory=write(_9001_invented="SELECT 1;"))
    assert migration_state(database).newer == ["9001_invented"]
    assert migration_state(database).is_newer
    with pytest.raises(DatabaseNewer, match="9001_invented"):
        migrate(database)


def test_newer_pgstac_is_refused(database: Database) -> None:
    """A database with a later pgSTAC than this release carries is not migrated."""
    with database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO pgstac.migrations (version, datetime) VALUES ('0.11.2', now() + interval '1 day')"
        )
    with pytest.raises(DatabaseNewer, match=r"pgSTAC 0\.11\.2"):
        migrate(database)


def test_older_pgstac_is_none_of_a_later_release(database: Database) -> None:
    """Versions are compared by their numbers: 0.9.11 comes before 0.10.0."""
    with database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO pgstac.migrations (version, datetime) VALUES ('0.9.11', now() + interval '1 day')"
        )
    state = migration_state(database)
    assert (state.pgstac_version, state.is_newer, state.is_current) == ("0.9.11", False, False)


def test_altered_migration_is_refused(database: Database, write: Write) -> None:
    """A file that changed after it was applied is refused, by migrate and in the state."""
    migrate(database, directory=write(_9001_invented="SELECT 1;"))
    folder = write(_9001_invented="SELECT 2;")
    assert migration_state(database, directory=folder).altered == ["9001_invented"]
    with pytest.raises(MigrationAltered, match="9001_invented"):
        migrate(database, directory=folder)


def test_lost_migration_is_refused(database: Database, write: Write) -> None:
    """A database with a migration that this release does not have, though it has a later one, is of another release."""
    folder = write(_9001_invented="SELECT 1;", _9002_next="SELECT 1;")
    migrate(database, directory=folder)
    (folder / "9001_invented.sql").unlink()
    with pytest.raises(MigrationAltered, match="9001_invented"):
        migrate(database, directory=folder)


def test_version_of_pgstac_is_the_last_that_was_applied(database: Database) -> None:
    """Of a database that was upgraded from 0.9.11 it is not that, though as a word it comes after 0.10.0."""
    now = migration_state(database).pgstac_version
    with database.connect("owner") as connection:
        connection.execute("INSERT INTO pgstac.migrations (version, datetime) VALUES ('0.9.11', '2020-01-01')")
    assert migration_state(database).pgstac_version == now


def test_one_number_for_two_files_is_refused(write: Write) -> None:
    """Two branches that took the same number are told before anything is applied."""
    with pytest.raises(MigrationError, match="share a number"):
        migration_files(write(_9001_one="SELECT 1;", _9001_two="SELECT 1;"))


def test_misnamed_file_is_refused(write: Write) -> None:
    """A file without a number would never be applied: it is refused instead of passed over."""
    with pytest.raises(MigrationError, match="not named"):
        migration_files(write(forgotten="SELECT 1;"))


def test_undos_of_before_know_what_they_undo(empty_database: Database, write: Write) -> None:
    """Where each run knew its last undo alone, of three undos one after the other the first and the last count."""
    migrate_until(empty_database, "0029", write())
    with empty_database.connect("owner") as connection:
        insert_runs(connection, "harvest", "undo", "undo", "undo", "harvest")
        connection.execute("UPDATE dinamis.run SET undone_by = id + 1 WHERE id < 4")

    migrate(empty_database)

    with empty_database.connect("owner") as connection:
        undoes = connection.execute("SELECT id, undoes FROM dinamis.run WHERE undoes IS NOT NULL ORDER BY id")
        undone = connection.execute("SELECT run, undone_by FROM dinamis.undone ORDER BY run")
        assert undoes.fetchall() == [(2, 1), (3, 2), (4, 3)]
        assert undone.fetchall() == [(1, 2), (3, 4)]


def test_moves_of_before_are_in_the_order_of_their_runs(empty_database: Database, write: Write) -> None:
    """Whichever was written first; each move after the migration is the last."""
    migrate_until(empty_database, "0030", write())
    with empty_database.connect("owner") as connection:
        insert_runs(connection, *["harvest"] * 12)
        connection.execute(
            "INSERT INTO dinamis.item (id, collection, is_published, created, updated, first_change)"
            " SELECT id, 'd', true, now(), now(), 1 FROM unnest('{i,j}'::text[]) AS id"
        )
        connection.execute(
            "INSERT INTO dinamis.item_move (run, item, collection)"
            " VALUES (12, 'i', 'c'), (9, 'j', 'a'), (2, 'i', 'a'), (10, 'i', 'b')"
        )

    migrate(empty_database)

    with empty_database.connect("owner") as connection:
        connection.execute("INSERT INTO dinamis.item_move (run, item, collection) VALUES (2, 'i', 'd')")
        moves = connection.execute("SELECT run, item, collection FROM dinamis.item_move ORDER BY number")
        assert moves.fetchall() == [(2, "i", "a"), (9, "j", "a"), (10, "i", "b"), (12, "i", "c"), (2, "i", "d")]


def test_settings_changed_by_hand_are_put_back(database: Database) -> None:
    """The two settings that answers depend on are those of the release after each migrate."""
    with database.connect("owner") as connection:
        connection.execute("UPDATE pgstac.pgstac_settings SET value = 'true' WHERE name = 'additional_properties'")
    migrate(database)
    assert _one(database, "SELECT pgstac.get_setting('additional_properties')") == "false"


def test_clones_of_the_template_are_independent(database: Database, empty_database: Database) -> None:
    """What a test writes into its database is seen in no other."""
    with database.connect("owner") as connection:
        connection.execute("CREATE TABLE dinamis.mine ()")
    assert _one(empty_database, "SELECT to_regclass('dinamis.mine')") is None


@pytest.fixture(autouse=True)
def _no_stray_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PGOPTIONS", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
