"""A PostgreSQL and other servers for the benchmark alone, gone afterwards."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from database import PrivateCluster, migrate
from database.connections import embedded_database
from tests.emulators.serving import free_port
from tests.postgres import PostgresServer, short_directory

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Served:
    """A program that answers on the loopback interface."""

    pid: int
    port: int


@contextmanager
def served_program(code: str, **environment: str) -> Iterator[Served]:
    """Run Python code in a process of its own, given a port to serve on, from when it answers until the block ends.

    Raises:
        TimeoutError: It does not answer within half a minute.
    """
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(port)],
        env={**os.environ, **environment},
        cwd=PROJECT,
        stderr=subprocess.DEVNULL,  # a line for each request
    )
    try:
        _await(port)
        yield Served(process.pid, port)
    finally:
        process.terminate()
        process.wait(30)


def _await(port: int) -> None:
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("a server did not start")


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
