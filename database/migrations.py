"""Migrates a database to the schema that this release expects: pgSTAC's migrations, then ours, then the job queue's.

Ours are the files `migrations/NNNN_name.sql`, each applied in one transaction and recorded in `dinamis.migration`.
A released file is never changed: a new one follows it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version as installed_version
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import pairwise
from logging import getLogger

import psycopg
from psycopg.pq import TransactionStatus

from database.connections import Database, Role
from database.errors import DatabaseNewer, MigrationAltered, MigrationError, NotMigrated
from database.job_queue import job_queue_state, upgrade_job_queue
from database.long_work import told_if_long
from database.statements import statement

logger = getLogger(__name__)

#: Any number will do, as long as every release uses the same one.
ADVISORY_LOCK = 0x44494E414D4953
FILE_NAME = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]+)\.sql")

#: Counts in every answer (estimated if exact ones cost too much), and only declared properties in filters.
PGSTAC_SETTINGS: Mapping[str, str] = {"context": "auto", "additional_properties": "false"}

#: How long a migration waits for locks held by other programs: whoever reads these tables waits behind it.
LOCK_TIMEOUT = "10s"

OWNER_NEEDED = "Run `dinamis db migrate` with the owner's URL in DINAMIS_DATABASE_URL."


@dataclass(frozen=True, kw_only=True)
class MigrationFile:
    """One of our migrations as this release ships it."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> bytes:
        """The digest of its text, in bytes."""
        return hashlib.sha256(self.sql.encode()).digest()

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


@dataclass(frozen=True, kw_only=True)
class MigrationState:
    """The schema of a database compared with what this release expects."""

    pgstac_version: str | None  #: None when pgSTAC is not installed
    pgstac_wanted: str
    applied: Sequence[str]  #: ours, such as "0001_roles"
    pending: Sequence[str]  #: ours and the job queue's
    newer: Sequence[str]  #: applied by a later release
    altered: Sequence[str]  #: changed since they were applied

    @property
    def is_newer(self) -> bool:
        """Whether a later release has migrated this database."""
        return bool(self.newer) or _version_key(self.pgstac_version) > _version_key(self.pgstac_wanted)

    @property
    def is_current(self) -> bool:
        """Whether this release can use the database as it is."""
        return self.pgstac_version == self.pgstac_wanted and not (self.pending or self.newer or self.altered)

    @property
    def is_refused(self) -> bool:
        """Whether `migrate` leaves this database alone, as it is of another release."""
        return self.is_newer or bool(self.altered)

    @property
    def remedy(self) -> str:
        """What to do if it is not current."""
        if self.is_refused:
            return "Install the release that migrated this database, or a later one."
        return "Run dinamis db migrate."

    def described(self) -> str:
        """The same in a sentence for a terminal."""
        pgstac = f"pgSTAC {self.pgstac_version or 'not installed'}"
        if self.pgstac_version != self.pgstac_wanted:
            pgstac = f"{pgstac} (this release has {self.pgstac_wanted})"
        told = {"applied": self.applied, "pending": self.pending, "newer": self.newer, "altered": self.altered}
        return "; ".join([pgstac, *(f"{word}: {', '.join(names)}" for word, names in told.items() if names)])


@dataclass(frozen=True, kw_only=True)
class MigrationReport:
    """What one call of `migrate` did."""

    pgstac_before: str | None
    pgstac_version: str
    applied: Sequence[str]  #: our migrations and the job queue's applied by this call, in order

    @property
    def changed(self) -> bool:
        """Whether anything was done."""
        return bool(self.applied) or self.pgstac_before != self.pgstac_version

    def described(self) -> str:
        """The same in a sentence for a terminal."""
        if not self.changed:
            return f"Nothing to do: pgSTAC {self.pgstac_version}, our migrations all applied."
        before = f" (was {self.pgstac_before})" if self.pgstac_before not in {None, self.pgstac_version} else ""
        return f"pgSTAC {self.pgstac_version}{before}; applied: {', '.join(self.applied) or 'none'}."


def migrate(database: Database, *, directory: Traversable | None = None) -> MigrationReport:
    """Migrate the database to this release's schema; a second process waits for the first and finds nothing to do.

    If there is nothing to do, nothing is written, so that any role may call it.

    Args:
        database: The database, reached as its owner.
        directory: The folder of our migrations; the packaged one by default.

    Raises:
        DatabaseNewer: A later release has migrated it.
        MigrationAltered: An applied migration differs from the file of this release.
        MigrationError: A migration failed, and was rolled back.
        RoleUnknown: No connection is configured for the owner.
    """
    wanted = migration_files(directory)
    with database.connect("owner", autocommit=True) as connection, _privileges_needed():
        _only_one(connection)
        before = _state(connection, wanted)
        _refuse(before)
        if before.pgstac_version != before.pgstac_wanted:
            with told_if_long(f"bringing pgSTAC to {before.pgstac_wanted}"):
                _migrate_pgstac(database)
        _settle_pgstac(connection)
        _create_migration_table(connection)
        for file in wanted:
            if str(file) in before.pending:
                _apply(connection, file)
        upgrade_job_queue(connection, job_queue_state(connection))
        return MigrationReport(
            pgstac_before=before.pgstac_version,
            pgstac_version=before.pgstac_wanted,
            applied=before.pending,
        )


def ensure_migrated(database: Database, role: Role) -> None:
    """Ensure that the database has this release's schema and is open to a role; without a known owner, only check it.

    Args:
        database: The database.
        role: The role that will use it.

    Raises:
        NotMigrated: The owner is not known, and the schema is not that of this release.
        MigrationError: As in `migrate`.
        DatabaseUnavailable: The role may not connect.
    """
    if database.owner is not None:
        migrate(database)
    state = migration_state(database, role=role)
    if not state.is_current:
        raise NotMigrated(f"{OWNER_NEEDED} ({state.described()})")


def migration_state(database: Database, *, role: Role = "api", directory: Traversable | None = None) -> MigrationState:
    """The state of the schema as a role sees it, for the health of a server; nothing is written."""
    with database.connect(role, autocommit=True) as connection:
        return _state(connection, migration_files(directory))


def migration_files(directory: Traversable | None = None) -> Sequence[MigrationFile]:
    """Our migrations in order.

    Raises:
        MigrationError: Two files share a number, or a name is not of the form NNNN_name.sql.
    """
    folder = directory if directory is not None else files("database") / "migrations"
    found = sorted(
        (_migration_file(path) for path in folder.iterdir() if path.name.endswith(".sql")), key=lambda file: file.number
    )
    for earlier, later in pairwise(found):
        if earlier.number == later.number:
            raise MigrationError(f"{earlier} and {later} share a number: renumber the newer one.")
    return found


def _migration_file(path: Traversable) -> MigrationFile:
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise MigrationError(f"{path.name} is not named NNNN_name.sql.")
    return MigrationFile(number=int(match["number"]), name=match["name"], sql=path.read_text(encoding="utf-8"))


def _only_one(connection: psycopg.Connection) -> None:
    """Take the lock that keeps other processes from migrating this database, until the connection ends."""
    with told_if_long("waiting for another process that migrates the database"):
        connection.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))


@contextmanager
def _privileges_needed() -> Iterator[None]:
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(f"This user may not do it ({error.diag.message_primary}). {OWNER_NEEDED}") from error


def _state(connection: psycopg.Connection, wanted: Sequence[MigrationFile]) -> MigrationState:
    applied, queue = _applied(connection), job_queue_state(connection)
    ours = {file.number: file for file in wanted}
    latest = max(ours, default=0)
    return MigrationState(
        pgstac_version=_pgstac_version(connection),
        pgstac_wanted=installed_version("pypgstac"),
        applied=[f"{number:04}_{name}" for number, (name, _) in applied.items()],
        pending=[*(str(file) for file in wanted if file.number not in applied), *queue.steps],
        newer=[
            *(f"{number:04}_{name}" for number, (name, _) in applied.items() if number > latest),
            *queue.steps_of_later_release,
        ],
        altered=[
            f"{number:04}_{name}"
            for number, (name, digest) in applied.items()
            if number <= latest and (number not in ours or ours[number].sha256 != digest)
        ],
    )


def _applied(connection: psycopg.Connection) -> dict[int, tuple[str, bytes]]:
    if not _has_table(connection, "dinamis.migration"):
        return {}
    rows = connection.execute("SELECT number, name, sha256 FROM dinamis.migration ORDER BY number").fetchall()
    return {number: (name, bytes(digest)) for number, name, digest in rows}


def _pgstac_version(connection: psycopg.Connection) -> str | None:
    if not _has_table(connection, "pgstac.migrations"):
        return None
    row = connection.execute(
        "SELECT version FROM pgstac.migrations ORDER BY datetime DESC, version DESC LIMIT 1"
    ).fetchone()
    return str(row[0]) if row else None


def _has_table(connection: psycopg.Connection, name: str) -> bool:
    row = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone()
    return bool(row and row[0])


def _refuse(state: MigrationState) -> None:
    if state.is_newer:
        what = ", ".join(state.newer) or f"pgSTAC {state.pgstac_version} (this release has {state.pgstac_wanted})"
        raise DatabaseNewer(f"It has {what}.")
    if state.altered:
        raise MigrationAltered(", ".join(state.altered))


def _migrate_pgstac(database: Database) -> None:
    # Needed once per release; its own imports, boto3 among them, would slow down every command.
    from pypgstac.db import PgstacDB  # noqa: PLC0415
    from pypgstac.migrate import Migrate  # noqa: PLC0415

    # On a connection of its own, as pgSTAC's files change role and search path.
    with database.connect("owner", autocommit=True) as connection:
        try:
            if not _has_table(connection, "pgstac.migrations"):
                connection.execute(statement("database", "pgstac_ground"))
            Migrate(PgstacDB(connection=connection)).run_migration()
        except psycopg.errors.InsufficientPrivilege:
            raise
        except Exception as error:  # pypgstac raises bare Exception, among others
            raise MigrationError(f"pgSTAC: {error}") from error


def _settle_pgstac(connection: psycopg.Connection) -> None:
    settled: dict[str, str] = dict(connection.execute("SELECT name, value FROM pgstac.pgstac_settings").fetchall())
    for name, value in PGSTAC_SETTINGS.items() - settled.items():
        connection.execute(
            "INSERT INTO pgstac.pgstac_settings (name, value) VALUES (%s, %s) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


def _create_migration_table(connection: psycopg.Connection) -> None:
    if not _has_table(connection, "dinamis.migration"):
        connection.execute(statement("database", "migration_table"))


def _apply(connection: psycopg.Connection, file: MigrationFile) -> None:
    logger.info("Applying migration %s", file)
    try:
        with told_if_long(f"applying migration {file}"), connection.transaction():
            connection.execute("SET LOCAL search_path TO pgstac, public")
            connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            connection.execute(file.sql.encode())
            if connection.info.transaction_status != TransactionStatus.INTRANS:
                raise MigrationError(f"{file} ends the transaction it runs in: leave COMMIT and ROLLBACK out of it.")
            connection.execute(
                "INSERT INTO dinamis.migration (number, name, sha256) VALUES (%s, %s, %s)",
                (file.number, file.name, file.sha256),
            )
    except psycopg.errors.InsufficientPrivilege:
        raise
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationError(
            f"{file}: another program, such as a backup or a harvest, is at work on tables that it changes. Wait for "
            "its end or stop it, and run dinamis db migrate again."
        ) from error
    except psycopg.Error as error:
        raise MigrationError(f"{file}: {error}") from error


def _version_key(version: str | None) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version or ""))
