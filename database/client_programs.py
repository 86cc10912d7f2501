"""PostgreSQL's own client programs: psql, pg_dump, pg_restore."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from database.errors import ServerProgramsMissing
from database.programs import installed_servers

_SERVICE = "dinamis"


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
def without_passwords(conninfo: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The connection string without its passwords, and arguments of `subprocess` that give them to a client program.

    Every user can read the arguments of a process, but only its own user its environment. There is no variable for the
    password of a client certificate's key: it is given as a service, in a file that has no name. One with a name would
    be left by a command that is killed.
    """
    parts = conninfo_to_dict(conninfo)
    password = parts.pop("password", None)
    environment = {**os.environ, **({} if password is None else {"PGPASSWORD": str(password)})}
    if "sslpassword" not in parts or "service" in parts:  # a connection has one service at most
        yield make_conninfo("", **parts), {"env": environment}
        return
    with tempfile.TemporaryFile("w", encoding="utf-8") as services:
        services.write(f"[{_SERVICE}]\nsslpassword={parts.pop('sslpassword')}\n")
        services.flush()
        environment["PGSERVICEFILE"] = f"/dev/fd/{services.fileno()}"
        yield make_conninfo("", **parts, service=_SERVICE), {"env": environment, "pass_fds": [services.fileno()]}
