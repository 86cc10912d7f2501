"""psql on the catalogue database."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from database.client_programs import client_program, without_passwords
from database.connections import Database, Role


def open_shell(database: Database, role: Role = "owner", psql_arguments: Sequence[str] = ()) -> int:
    """Run psql as a role on this terminal, and return its exit code.

    Raises:
        ServerProgramsMissing: psql is not installed.
    """
    program = client_program("psql")
    with without_passwords(database.conninfo(role)) as (conninfo, given):
        return subprocess.run([program, f"--dbname={conninfo}", *psql_arguments], check=False, **given).returncode
