"""The schema of the job queue: procrastinate's own SQL, applied by our `migrate` and recorded by us.

procrastinate ships its whole schema and the steps between its releases, and leaves it to its users to apply them. Its
names are not qualified: connections that use the queue have its schema first in the search path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Any

import psycopg
from procrastinate.schema import SchemaManager
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from database.errors import MigrationError
from database.statements import statement

logger = getLogger(__name__)

SEARCH_PATH = "dinamis_jobs,public"


@dataclass(frozen=True, kw_only=True)
class JobQueueState:
    """The queue's schema compared with what the installed procrastinate expects."""

    is_created: bool
    pending: Sequence[Path]  #: migrations to be applied, in order; all of them before the schema is created
    newer: Sequence[str]  #: names of migrations that only a later procrastinate has

    @property
    def steps(self) -> Sequence[str]:
        """What `upgrade_job_queue` would do, as text for a terminal."""
        names = [_described(path.stem) for path in self.pending]
        return names if self.is_created else names[-1:]

    @property
    def steps_of_later_release(self) -> Sequence[str]:
        """What only a later release can have done, as text for a terminal."""
        return [_described(name) for name in self.newer]


def job_queue_state(connection: psycopg.Connection) -> JobQueueState:
    """The state of the queue's schema; any of our roles may ask."""
    recorded = _recorded(connection)
    packaged = sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    return JobQueueState(
        is_created=bool(recorded),
        pending=[path for path in packaged if path.stem not in recorded],
        newer=sorted(recorded - {path.stem for path in packaged}),
    )


def upgrade_job_queue(connection: psycopg.Connection, state: JobQueueState) -> None:
    """Create the queue's schema, or migrate it to the installed procrastinate; each step is one transaction.

    Args:
        connection: As the owner, in autocommit mode.
        state: As it is now.

    Raises:
        MigrationError: A step failed, and was rolled back.
    """
    if not state.is_created:
        _apply(connection, _schema(), [path.stem for path in state.pending])
        return
    for path in state.pending:
        _apply(connection, path.read_text(encoding="utf-8"), [path.stem])


def job_connector_arguments(conninfo: str) -> dict[str, Any]:
    """Keyword arguments of procrastinate's PsycopgConnector and SyncPsycopgConnector.

    Args:
        conninfo: How to connect, such as `Database.conninfo("harvest")`; the password stays in it.
    """
    options = conninfo_to_dict(conninfo).get("options") or ""
    # Of two values of one option, the server takes the last.
    return {"conninfo": make_conninfo(conninfo, options=f"{options} -c search_path={SEARCH_PATH}".strip())}


def _described(name: str) -> str:
    return f"procrastinate {name}"


def _recorded(connection: psycopg.Connection) -> frozenset[str]:
    if connection.execute("SELECT to_regclass('dinamis.job_queue_migration')").fetchone() == (None,):
        return frozenset()
    return frozenset(name for (name,) in connection.execute("SELECT name FROM dinamis.job_queue_migration").fetchall())


def _schema() -> str:
    return statement("database", "job_queue") + SchemaManager.get_schema()


def _apply(connection: psycopg.Connection, sql: str, names: Sequence[str]) -> None:
    logger.info("Applying %s", _described(names[-1]))
    try:
        with connection.transaction():
            connection.execute(f"SET LOCAL search_path TO {SEARCH_PATH}".encode())
            connection.execute(sql.encode())
            connection.execute(statement("database", "job_queue_rights"))
            connection.execute(
                "INSERT INTO dinamis.job_queue_migration (name) SELECT unnest(%s::text[])", (list(names),)
            )
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.Error as error:
        raise MigrationError(f"{_described(names[-1])}: {error}") from error
