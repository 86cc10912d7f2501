"""Errors of the database package: the docstring is the message, the argument says where and what."""

from __future__ import annotations


class DatabaseError(Exception):
    """The database cannot be used."""

    def __str__(self) -> str:
        detail = super().__str__()
        summary = (type(self).__doc__ or "").strip().splitlines()[0]
        return f"{summary} {detail}".strip()


class ServerProgramsMissing(DatabaseError):
    """PostgreSQL with PostGIS is not installed on this machine."""


class ClusterError(DatabaseError):
    """The private PostgreSQL cluster cannot be used."""


class HomeRefused(ClusterError):
    """The home of the private cluster cannot be used."""


class DatabaseUnavailable(DatabaseError):
    """The database server does not answer, or refuses the login."""


class RoleUnknown(DatabaseError):
    """No connection to the external server is configured for this role."""


class DatabaseUnsuitable(DatabaseError):
    """The database server lacks what the catalogue needs."""


class BackupRefused(DatabaseError):
    """The backup cannot be made or restored."""


class MigrationError(DatabaseError):
    """The database cannot be migrated."""


class NotMigrated(MigrationError):
    """The database does not have the schema of this release."""


class DatabaseNewer(MigrationError):
    """The database was migrated by a newer release than this one; install that release or a later one."""


class MigrationAltered(MigrationError):
    """A migration that was already applied has changed since; restore the file as it was released."""
