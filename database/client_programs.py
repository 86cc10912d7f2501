"""PostgreSQL's own client programs: psql, pg_dump, pg_restore."""

from __future__ import annotations

import os
import shutil
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


def without_password(conninfo: str) -> tuple[str, dict[str, str]]:
    """The connection string without its password, and the environment of a client program, which has it.

    Every user can read the arguments of a process, but only its own user its environment; a file with the password
    would be left by a command that is killed.
    """
    parts = conninfo_to_dict(conninfo)
    password = parts.pop("password", None)
    return make_conninfo("", **parts), {**os.environ, **({} if password is None else {"PGPASSWORD": str(password)})}
