"""psql on the catalogue database."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from database.client_programs import client_program, without_password
from database.connections import Database, Role


def open_shell(database: Database, role: Role = "owner", psql_arguments: Sequence[str] = ()) -> int:
    """Run psql as a role on this terminal, and return its exit code.

    Raises:
        ServerProgramsMissing: psql is not installed.
    """
    conninfo, environment = without_password(database.conninfo(role))
    command = [client_program("psql"), f"--dbname={conninfo}", *psql_arguments]
    return subprocess.run(command, env=environment, check=False).returncode
