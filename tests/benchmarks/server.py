"""A PostgreSQL for the benchmark alone, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from database import PrivateCluster, migrate
from database.connections import embedded_database
from tests.postgres import PostgresServer, short_directory


@contextmanager
def running_server() -> Iterator[PostgresServer]:
    """A private cluster that does not wait for the disk: what is compared is work, not the disk of the day."""
    with short_directory() as home:
        cluster = PrivateCluster(home)
        cluster.start()
        try:
            with psycopg.connect(cluster.conninfo("owner"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")
                # A table that is cleaned up in one of two measurements would decide between them.
                connection.execute("ALTER SYSTEM SET autovacuum = off")
                connection.execute("ALTER SYSTEM SET max_wal_size = '8GB'")
                connection.execute("SELECT pg_reload_conf()")
            template = embedded_database(cluster)
            migrate(template)
            yield PostgresServer(cluster, template)
        finally:
            cluster.destroy()
