"""Backs up the whole catalogue into one file, and restores it.

The file is an archive of `pg_dump`: a snapshot of Items, ledger, runs, rules, accounts and queue. What belongs to the
server and not to the database (roles, extensions) is created by `migrate`.

`pg_restore` alone cannot restore it. pgSTAC's functions call each other, and PostGIS's, without naming a schema, and
generated columns and indexes call them while being created; but the scripts of `pg_restore` empty the search path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

from psycopg.conninfo import conninfo_to_dict

from database.client_programs import client_program, without_passwords
from database.connections import SEARCH_PATH, Database
from database.errors import BackupRefused
from database.long_work import told_if_long
from database.migrations import migrate
from database.statements import statement

#: The schemas that `migrate` creates in a database, without those of extensions.
SCHEMAS = ("pgstac", "dinamis", "dinamis_jobs")

_EMPTIES_SEARCH_PATH = b"SELECT pg_catalog.set_config('search_path', '', false);\n"
_NAMES_SEARCH_PATH = f"SELECT pg_catalog.set_config('search_path', '{SEARCH_PATH}', false);\n".encode()

#: How long to wait for locks held by other programs.
_PATIENCE = "10s"


def back_up(database: Database, file: Path) -> int:
    """Write a snapshot of the whole database into a file; programs may be at work meanwhile.

    The file appears only when it is complete. Only its owner may read it, as it has keys and accounts in it.

    Args:
        database: Reached as its owner.
        file: A new file.

    Returns:
        Its size in bytes.

    Raises:
        BackupRefused: The file exists already or cannot be written, or `pg_dump` failed.
        ServerProgramsMissing: `pg_dump` is not installed.
        RoleUnknown: No connection is configured for the owner.
    """
    if file.exists():
        raise BackupRefused(f"{file} is there already: name another file, or remove it.")
    program = client_program("pg_dump")
    try:
        number, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    except OSError as error:
        raise BackupRefused(f"{file} cannot be written: {error.strerror}.") from error
    os.close(number)
    draft = Path(name)
    try:
        with told_if_long(f"writing {file}"), without_passwords(database.conninfo("owner")) as (source, given):
            schemas = [f"--schema={schema}" for schema in SCHEMAS]
            done = subprocess.run(
                [program, "--format=custom", *schemas, f"--file={draft}", f"--dbname={source}"],
                check=False,
                capture_output=True,
                text=True,
                **given,
            )
        if done.returncode != 0:
            raise BackupRefused(f"pg_dump says: {_last_words(done.stderr)}")
        return draft.rename(file).stat().st_size
    finally:
        draft.unlink(missing_ok=True)


def restore(database: Database, file: Path, *, replaces: bool = False) -> int:
    """Restore a backup, all of it or nothing, and migrate it to the schema of this release.

    No change gets a number that one had which was lost, so that those who follow the changes and know it are told.

    Args:
        database: Reached as its owner; no other program is at work on it.
        file: Written by `back_up` of this release or an earlier one.
        replaces: Replace an existing catalogue, which is lost.

    Returns:
        The number of Items in the catalogue.

    Raises:
        BackupRefused: The file is not a backup of a catalogue, belongs to another owner, cannot be restored, or there
            is a catalogue already. The database is unchanged.
        DatabaseNewer: A later release made the backup; it is restored, and can be used by that release.
        ServerProgramsMissing: `psql` or `pg_restore` is not installed.
        RoleUnknown: No connection is configured for the owner.
    """
    _refuse_foreign(file, owner=str(conninfo_to_dict(database.conninfo("owner")).get("user", "")))
    migrate(database)  # makes roles and extensions
    if not replaces:
        _refuse_filled(database)
    with told_if_long(f"putting {file} back"):
        _put_back(database.conninfo("owner"), file)
    migrate(database)
    with told_if_long("working out statistics"), database.connect("owner", autocommit=True) as connection:
        connection.execute("SELECT dinamis.note_restoration()")
        connection.execute("ANALYZE")
        row = connection.execute("SELECT count(*) FROM pgstac.items").fetchone()
    return int(row[0]) if row else 0


def _refuse_foreign(file: Path, owner: str) -> None:
    """Raise BackupRefused unless the file is a backup of a catalogue, owned by `owner`."""
    listed = subprocess.run(
        [client_program("pg_restore"), "--list", str(file)], check=False, capture_output=True, text=True
    )
    if listed.returncode != 0:
        raise BackupRefused(f"{file} is not an archive of pg_dump: {_last_words(listed.stderr)}")
    of = re.search(r"^\d+; \d+ \d+ SCHEMA - dinamis (.+)$", listed.stdout, re.MULTILINE)
    if of is None:
        raise BackupRefused(f"{file} holds another database: there is no catalogue in it.")
    if of[1] != owner:
        raise BackupRefused(f"It belongs to the role {of[1]}, and this database to {owner}: connect as {of[1]}.")


def _refuse_filled(database: Database) -> None:
    with database.connect("owner") as connection:
        row = connection.execute(statement("database", "holds_catalogue")).fetchone()
    if row and row[0]:
        raise BackupRefused(
            f"There is a catalogue in {database.described()} already. Put the backup into another database, or say "
            "--replace: what is there is then lost."
        )


def _put_back(conninfo: str, file: Path) -> None:
    """Replace the contents by the script of `pg_restore`, run by psql with a search path, in one transaction.

    The last line sent to psql commits the transaction: a script that ends early changes nothing.
    """
    with tempfile.TemporaryFile() as told, without_passwords(conninfo) as (target, given):
        options = ["--no-psqlrc", "--set=ON_ERROR_STOP=1", "--output=/dev/null", f"--dbname={target}"]
        with (
            subprocess.Popen(
                [client_program("pg_restore"), "--file=-", str(file)], stdout=subprocess.PIPE, stderr=told
            ) as reading,
            subprocess.Popen(
                [client_program("psql"), *options], stdin=subprocess.PIPE, stderr=told, **given
            ) as writing,
        ):
            assert reading.stdout  # noqa: S101 - both are pipes
            assert writing.stdin  # noqa: S101
            try:
                writing.stdin.write(f"BEGIN; SET LOCAL lock_timeout = '{_PATIENCE}';\n".encode())
                writing.stdin.write(f"DROP SCHEMA IF EXISTS {', '.join(SCHEMAS)} CASCADE;\n".encode())
                _copy_script(reading.stdout, writing.stdin)
                if reading.wait() == 0:
                    writing.stdin.write(b"COMMIT;\n")
                writing.stdin.close()
            except BrokenPipeError:  # psql has given up
                reading.kill()
                with suppress(BrokenPipeError):
                    writing.stdin.close()
        if reading.returncode or writing.returncode:
            told.seek(0)
            raise BackupRefused(f"{file} cannot be restored, and nothing was changed: {_last_words(told.read())}")


def _copy_script(script: IO[bytes], target: IO[bytes]) -> None:
    """Pass a script of `pg_restore` on, with the search path set instead of emptied."""
    for line in script:
        is_found = line == _EMPTIES_SEARCH_PATH
        target.write(_NAMES_SEARCH_PATH if is_found else line)
        if is_found:
            break
    shutil.copyfileobj(script, target)


def _last_words(told: str | bytes) -> str:
    """The first error in a program's output, else its last line."""
    text = told.decode(errors="replace") if isinstance(told, bytes) else told
    lines = [line for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "nothing")
