"""The PostgreSQL room: a private cluster or an external server, its schema, and how each role connects to it.

What is asked for is imported then: commands answer at once, though the room behind them is large.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

#: Where each is at home.
_HOMES = {
    "ClusterStatus": "database.cluster",
    "Database": "database.connections",
    "DatabaseError": "database.errors",
    "DatabaseSettings": "database.settings",
    "DatabaseStatus": "database.status",
    "Finding": "database.doctor",
    "MigrationReport": "database.migrations",
    "MigrationState": "database.migrations",
    "PrivateCluster": "database.cluster",
    "database_status": "database.status",
    "diagnose": "database.doctor",
    "ensure_migrated": "database.migrations",
    "migrate": "database.migrations",
    "migration_state": "database.migrations",
    "open_database": "database.connections",
    "open_shell": "database.shell",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
