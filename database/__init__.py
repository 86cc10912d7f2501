"""The PostgreSQL room: a private cluster or an external server, its schema, and how each role connects to it."""

from database.cluster import ClusterStatus, PrivateCluster
from database.connections import Database, open_database
from database.doctor import Finding, diagnose
from database.errors import DatabaseError
from database.migrations import MigrationReport, MigrationState, ensure_migrated, migrate, migration_state
from database.settings import DatabaseSettings
from database.shell import open_shell
from database.status import DatabaseStatus, database_status

__all__ = [
    "ClusterStatus",
    "Database",
    "DatabaseError",
    "DatabaseSettings",
    "DatabaseStatus",
    "Finding",
    "MigrationReport",
    "MigrationState",
    "PrivateCluster",
    "database_status",
    "diagnose",
    "ensure_migrated",
    "migrate",
    "migration_state",
    "open_database",
    "open_shell",
]
