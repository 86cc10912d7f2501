"""psql on the catalogue database."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from database.connections import Database, Role
from database.errors import ServerProgramsMissing
from database.programs import installed_servers


def open_shell(database: Database, role: Role = "owner", psql_arguments: Sequence[str] = ()) -> int:
    """Run psql as a role on this terminal, and return its exit code.

    Raises:
        ServerProgramsMissing: psql is not installed.
    """
    program = psql_program()
    with _without_password(database.conninfo(role)) as conninfo:
        return subprocess.run([program, f"--dbname={conninfo}", *psql_arguments], check=False).returncode


def psql_program() -> str:
    """The path of psql: that on PATH, else that of the newest server.

    Raises:
        ServerProgramsMissing: There is none; the message names the package.
    """
    beside = (server.path("psql") for server in installed_servers())
    found = shutil.which("psql") or next((path for path in beside if Path(path).is_file()), None)
    if found is None:
        raise ServerProgramsMissing("psql is not here: apt-get install postgresql-client")
    return found


@contextmanager
def _without_password(conninfo: str) -> Iterator[str]:
    """The connection string with the password moved to a file: every user may read the arguments of a process."""
    parts = conninfo_to_dict(conninfo)
    password = parts.pop("password", None)
    if password is None:
        yield conninfo
        return
    with tempfile.NamedTemporaryFile("w", prefix="dinamis-", suffix=".pgpass") as passfile:
        passfile.write(f"*:*:*:*:{_escaped(str(password))}\n")
        passfile.flush()
        yield make_conninfo("", **{**parts, "passfile": passfile.name})


def _escaped(password: str) -> str:
    return password.replace("\\", "\\\\").replace(":", "\\:")
