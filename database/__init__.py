"""The PostgreSQL room: a private cluster or an external server, its schema, and how each role connects to it."""

from database.cluster import ClusterStatus, PrivateCluster
from database.connections import Database, open_database
from database.errors import DatabaseError
from database.migrations import MigrationReport, MigrationState, migrate, migration_state
from database.settings import DatabaseSettings

__all__ = [
    "ClusterStatus",
    "Database",
    "DatabaseError",
    "DatabaseSettings",
    "MigrationReport",
    "MigrationState",
    "PrivateCluster",
    "migrate",
    "migration_state",
    "open_database",
]
