"""A harvested catalogue in one file, and put back from it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import SecretStr

from database import Database, DatabaseSettings, back_up, migrate, migration_state, open_database, restore
from database.backup import SCHEMAS
from database.client_programs import client_program, without_passwords
from database.errors import BackupRefused
from database.migrations import migration_files
from tests.harvests import counts, delivery, items, rows, run
from tests.postgres import PostgresServer, in_database

PROJECT = Path(__file__).resolve().parents[2]
OPTIONS = [f"--schema={schema}" for schema in SCHEMAS]


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two deliveries."""
    folder = tmp_path_factory.mktemp("archive")
    delivery(folder / "one")
    delivery(folder / "two", seconds=60)
    return folder


@pytest.fixture(scope="module")
def harvested(module_database: Database, archive: Path) -> Database:
    """A catalogue in which these are."""
    assert counts(run(module_database, archive)) == {"new": 2}
    return module_database


@pytest.fixture(scope="module")
def backup(harvested: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The catalogue in a file."""
    file = tmp_path_factory.mktemp("backups") / "catalogue.dump"
    assert back_up(harvested, file) == file.stat().st_size
    return file


def _written_out(database: Database) -> Counter[str]:
    """All that pg_dump tells of a database, definitions, owners, rights and rows, each line as often as it is there.

    Without the number of the last change, which a restore moves on, and the note of that.
    Without parentheses: the server nests conditions in other ways when it reads again what it has told.
    """
    apart = "--exclude-table-data=dinamis.(change|restoration)"
    with without_passwords(database.conninfo("owner")) as (conninfo, given):
        command = [client_program("pg_dump"), *OPTIONS, apart, f"--dbname={conninfo}"]
        told = subprocess.run(command, check=True, capture_output=True, text=True, **given).stdout
    return Counter(re.sub("[()]", "", line) for line in told.splitlines() if not re.match(r"\\(un)?restrict ", line))


def test_restored_catalogue_is_the_same(
    harvested: Database,
    empty_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Definitions, owners, rights and every row are those of the catalogue that was written, whatever psqlrc says."""
    back_up(harvested, tmp_path / "catalogue.dump")
    before = _written_out(harvested)
    (tmp_path / "psqlrc").write_text("\\quit\n")
    monkeypatch.setenv("PSQLRC", str(tmp_path / "psqlrc"))
    assert restore(empty_database, tmp_path / "catalogue.dump") == 2
    assert capfd.readouterr().out == ""
    assert _written_out(empty_database) == before
    assert not migrate(empty_database).changed
    assert rows(empty_database, "SELECT count(*) FROM pg_stats WHERE schemaname = 'dinamis'") > [(0,)]


def test_backup_of_an_earlier_release_is_migrated(empty_database: Database, database: Database, tmp_path: Path) -> None:
    """It is restored with the schema that it had, and brought to that of today."""
    *earlier, _ = migration_files()
    for each in earlier:
        (tmp_path / f"{each}.sql").write_text(each.sql, "utf-8")
    migrate(empty_database, directory=tmp_path)
    back_up(empty_database, tmp_path / "catalogue.dump")
    restore(database, tmp_path / "catalogue.dump", replaces=True)
    assert migration_state(database).is_current


def test_harvests_go_on_after_a_restore(backup: Path, archive: Path, database: Database) -> None:
    """What was harvested before the backup is unchanged for the next harvest, and only what came since is new."""
    restore(database, backup)
    delivery(archive / "three", seconds=3600)
    assert counts(run(database, archive)) == {"new": 1, "unchanged": 2}
    assert len(items(database)) == 3


def test_only_the_owner_of_the_file_may_read_it(backup: Path) -> None:
    """The keys and accounts in it are nobody else's."""
    assert backup.stat().st_mode & 0o777 == 0o600


def test_file_that_is_there_is_not_replaced(harvested: Database, backup: Path) -> None:
    """A backup takes no other away."""
    before = backup.read_bytes()
    with pytest.raises(BackupRefused, match="is there already"):
        back_up(harvested, backup)
    assert backup.read_bytes() == before


def test_backup_that_fails_leaves_no_file(harvested: Database, tmp_path: Path) -> None:
    """Nobody takes half a backup for a whole one."""
    gone = in_database(harvested, "no_such_database")
    with pytest.raises(BackupRefused, match=r"pg_dump says: .*no_such_database"):
        back_up(gone, tmp_path / "catalogue.dump")
    with pytest.raises(BackupRefused, match="No such file or directory"):
        back_up(harvested, tmp_path / "nowhere" / "catalogue.dump")
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _under_way(database: Database, file: Path, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    """A backup in a process of its own, whose `pg_dump` waits for a lock until the end."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump' AND wait_event_type = 'Lock'"
    environment = {**os.environ, "DINAMIS_DATABASE_URL": database.conninfo("owner"), **variables}
    command = [sys.executable, "-m", "cli", "db", "backup", str(file)]
    with database.connect("owner") as connection:
        connection.execute("LOCK TABLE dinamis.item IN ACCESS EXCLUSIVE MODE")
        with subprocess.Popen(command, env=environment, cwd=PROJECT, stderr=subprocess.PIPE) as backing_up:
            while rows(database, waiting) == [(0,)]:
                time.sleep(0.1)
            yield backing_up


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_backup_that_is_stopped_leaves_no_file(harvested: Database, tmp_path: Path, stop: signal.Signals) -> None:
    """Ctrl-C, and SIGTERM of a service manager, end it at once, and `pg_dump` with it."""
    with _under_way(harvested, tmp_path / "catalogue.dump") as backing_up:
        backing_up.send_signal(stop)
        assert backing_up.wait(timeout=60) == 130
    assert list(tmp_path.iterdir()) == []


def test_backup_that_is_killed_leaves_no_password(harvested: Database, tmp_path: Path) -> None:
    """Nothing is written beside the backup, and no argument of a process has the password."""
    password = str(conninfo_to_dict(harvested.conninfo("owner"))["password"])
    (tmp_path / "temporary").mkdir()
    with _under_way(harvested, tmp_path / "catalogue.dump", TMPDIR=str(tmp_path / "temporary")) as backing_up:
        children = Path(f"/proc/{backing_up.pid}/task/{backing_up.pid}/children").read_text().split()
        dumping = [Path(f"/proc/{child}/cmdline").read_text() for child in children]
        backing_up.kill()
        backing_up.wait(timeout=60)
    assert any("pg_dump" in arguments for arguments in dumping)
    assert password not in "".join(dumping)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_catalogue_is_replaced_only_when_that_is_said(
    backup: Path, harvested: Database, database: Database, tmp_path: Path
) -> None:
    """A restore into the wrong database takes nothing away; with `replaces` nothing of it is left."""
    delivery(tmp_path / "other", seconds=7200)
    run(database, tmp_path)
    before = items(database)
    with pytest.raises(BackupRefused, match="say --replace"):
        restore(database, backup)
    assert items(database) == before
    restore(database, backup, replaces=True)
    assert items(database) == items(harvested)


def _damaged(backup: Path, file: Path) -> Path:
    """The backup without its end, where the rows are."""
    file.write_bytes(backup.read_bytes()[:-5_000])
    return file


def test_damaged_backup_changes_nothing(backup: Path, database: Database, tmp_path: Path) -> None:
    """What cannot be put back as a whole is not put back at all."""
    delivery(tmp_path / "archive" / "other", seconds=7200)
    run(database, tmp_path / "archive")
    before = _written_out(database)
    with pytest.raises(BackupRefused, match="nothing was changed"):
        restore(database, _damaged(backup, tmp_path / "damaged.dump"), replaces=True)
    assert _written_out(database) == before


def test_catalogue_in_use_is_not_replaced(backup: Path, harvested: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a program is at work on the catalogue that is to be replaced the restore gives up, and says why."""
    monkeypatch.setattr("database.backup._PATIENCE", "100ms")
    before = items(harvested)
    with harvested.connect("harvest") as connection:
        connection.execute("SELECT count(*) FROM items")
        with pytest.raises(BackupRefused, match="lock timeout"):
            restore(harvested, backup, replaces=True)
    assert items(harvested) == before


def test_what_is_no_backup_is_refused(empty_database: Database, harvested: Database, tmp_path: Path) -> None:
    """Another file, and the archive of another database, are told apart before anything is done."""
    (tmp_path / "text").write_text("no archive")
    with pytest.raises(BackupRefused, match="not an archive of pg_dump"):
        restore(empty_database, tmp_path / "text")
    other = tmp_path / "other.dump"
    dumping = [client_program("pg_dump"), "--format=custom", "--schema=public", f"--file={other}"]
    with without_passwords(harvested.conninfo("owner")) as (conninfo, given):
        subprocess.run([*dumping, f"--dbname={conninfo}"], check=True, **given)
    with pytest.raises(BackupRefused, match="no catalogue in it"):
        restore(empty_database, other)


@contextmanager
def _institution(server: PostgresServer) -> Iterator[Database]:
    """A database of an owner without any privilege on the server, with the extensions and roles made for it."""
    name = sql.Identifier("institution")
    with server.empty() as empty, psycopg.connect(empty.conninfo("owner"), autocommit=True) as superuser:
        superuser.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'secret-of-institution'").format(name))
        try:
            for extension in ("postgis", "btree_gist", "unaccent"):
                superuser.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
            for role in ("pgstac_admin", "pgstac_read", "pgstac_ingest", "dinamis_api", "dinamis_harvest"):
                granted = sql.SQL("GRANT {} TO {} WITH ADMIN OPTION")
                superuser.execute(granted.format(sql.Identifier(role), name))
            superuser.execute(
                sql.SQL("GRANT ALL ON DATABASE {} TO {}").format(sql.Identifier(superuser.info.dbname), name)
            )
            url = make_conninfo(empty.conninfo("owner"), user="institution", password="secret-of-institution")
            yield open_database(DatabaseSettings(database_url=SecretStr(url)))
        finally:
            superuser.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(name))
            superuser.execute("DROP SCHEMA IF EXISTS pgstac, dinamis, dinamis_jobs CASCADE")
            superuser.execute(sql.SQL("DROP ROLE {}").format(name))


def test_owner_without_privileges_can_do_both(
    postgres_server: PostgresServer, backup: Path, archive: Path, tmp_path: Path
) -> None:
    """An institution's owner backs up and restores his catalogue; that of another owner he is told whose it is."""
    with _institution(postgres_server) as database:
        with pytest.raises(BackupRefused, match="connect as dinamis_owner"):
            restore(database, backup)
        migrate(database)
        run(database, archive)
        before = _written_out(database)
        back_up(database, tmp_path / "own.dump")
        restored = restore(database, tmp_path / "own.dump", replaces=True)
        assert rows(database, "SELECT count(*) FROM pgstac.items") == [(restored,)]
        assert _written_out(database) == before
