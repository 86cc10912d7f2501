"""The state of the database, found without starting or changing anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from database.cluster import PrivateCluster
from database.connections import Database, embedded_database, external_database
from database.errors import DatabaseError
from database.migrations import MigrationState, migration_state
from database.settings import DatabaseSettings


@dataclass(frozen=True, kw_only=True)
class DatabaseStatus:
    """Where the database is, whether it answers, and how its schema compares with this release."""

    where: str
    is_external: bool
    server_version: str | None  #: None when it does not answer
    migrations: MigrationState | None
    trouble: str | None  #: why it does not answer

    @property
    def is_ready(self) -> bool:
        """Whether this release can work with it as it is."""
        return self.migrations is not None and self.migrations.is_current

    def as_json(self) -> dict[str, Any]:
        """The same as plain JSON data."""
        return {**asdict(self), "is_ready": self.is_ready}

    def described(self) -> str:
        """The same in a few lines for a terminal."""
        kind = "external server" if self.is_external else "private cluster"
        if self.migrations is None:
            return f"{kind} {self.where}: {self.trouble or 'not running'}"
        return f"{kind} {self.where}: PostgreSQL {self.server_version}\n{self.migrations.described()}"


def database_status(settings: DatabaseSettings) -> DatabaseStatus:
    """The status of the database that the settings name; a private cluster that is stopped stays so."""
    if settings.is_external:
        return _answering(external_database(settings))
    cluster = PrivateCluster(settings.home)
    state = cluster.status()
    if state.running:
        return _answering(embedded_database(cluster))
    trouble = "stopped; `dinamis db start` starts it" if state.exists else "not made yet; `dinamis db start` makes it"
    return DatabaseStatus(
        where=str(cluster.directory), is_external=False, server_version=None, migrations=None, trouble=trouble
    )


def _answering(database: Database) -> DatabaseStatus:
    version, migrations, trouble = None, None, None
    try:
        role = database.roles[0]
        with database.connect(role) as connection:
            version = _version_text(connection.info.server_version)
        migrations = migration_state(database, role=role)
    except DatabaseError as error:
        trouble = str(error)
    return DatabaseStatus(
        where=database.described(),
        is_external=database.is_external,
        server_version=version,
        migrations=migrations,
        trouble=trouble,
    )


def _version_text(number: int) -> str:
    """The number that libpq gives, such as 150008, as 15.8."""
    return f"{number // 10000}.{number % 10000}"
