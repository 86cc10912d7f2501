"""PostgreSQL's own client programs: psql, pg_dump, pg_restore."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from database.errors import ServerProgramsMissing
from database.programs import installed_servers


def client_program(name: str) -> str:
    """The path of a client program: the one on PATH, else that of the newest server.

    Raises:
        ServerProgramsMissing: There is none; the message names the package.
    """
    beside = (server.path(name) for server in installed_servers())
    found = shutil.which(name) or next((path for path in beside if Path(path).is_file()), None)
    if found is None:
        raise ServerProgramsMissing(f"{name} is not installed: apt-get install postgresql-client")
    return found


@contextmanager
def without_password(conninfo: str) -> Iterator[str]:
    """The connection string with the password moved to a file, as every user can read the arguments of a process."""
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
