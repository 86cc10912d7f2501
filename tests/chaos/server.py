"""A PostgreSQL server of our own that is killed, and whose disk runs full."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import monotonic, sleep

import psycopg

from database import PrivateCluster, migrate
from database.connections import embedded_database
from tests.postgres import PostgresServer, short_directory

_DISK_MB = 2048


class MortalServer:
    """The server of both catalogues of a history.

    Attributes:
        postgres: to clone databases on it.
        has_small_disk: whether its disk can be made to run full, which takes the right to mount.
    """

    def __init__(self, cluster: PrivateCluster, disk: Path | None) -> None:
        self.postgres = PostgresServer(cluster, embedded_database(cluster))
        self.has_small_disk = disk is not None
        self._cluster = cluster
        self._disk = disk

    @property
    def port(self) -> int:
        """Where it listens at the moment."""
        port = self._cluster.files.recorded_port()
        assert port is not None
        return port

    def kill_postmaster(self) -> None:
        """End the server as `kill -9` does."""
        self._signal(self._cluster.status().pid)

    def stop_immediately(self) -> None:
        """End the server without letting it finish anything, as `pg_ctl stop -m immediate` does."""
        pid = self._cluster.status().pid
        if pid is not None:
            os.kill(pid, signal.SIGQUIT)

    def kill_backend(self, dice: Random) -> None:
        """End one process that serves a harvest as `kill -9` does: the whole server begins anew."""
        backends = self._backends()
        self._signal(dice.choice(backends) if backends else None)

    def terminate_backend(self, dice: Random) -> None:
        """Let the server end one connection of a harvest."""
        backends = self._backends()
        if backends:
            self._ask("SELECT pg_terminate_backend(%s)", dice.choice(backends))

    def fill_disk(self, dice: Random) -> None:
        """Leave nearly nothing of the disk."""
        if self._disk is not None:
            usage = shutil.disk_usage(self._disk)
            self._resize(f"{(usage.used >> 10) + dice.choice((4, 64, 256, 1024))}k")

    def recover(self) -> None:
        """Free the disk, start the server if it is gone, and wait until it answers."""
        if self._disk is not None:
            self._resize(f"{_DISK_MB}m")
        deadline = monotonic() + 60
        while True:
            try:
                self._cluster.start()
                self._ask("SELECT 1")
            except (psycopg.OperationalError, OSError):
                if monotonic() > deadline:
                    raise
                sleep(0.05)
            else:
                return

    def _backends(self) -> list[int]:
        return self._ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'dinamis-harvest'")

    def _ask(self, query: str, *parameters: object) -> list[int]:
        conninfo = self._cluster.conninfo("owner", dbname="postgres")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            return [row[0] for row in connection.execute(query, parameters)]

    def _signal(self, pid: int | None) -> None:
        if pid is not None:
            os.kill(pid, signal.SIGKILL)

    def _resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self._disk)], check=True)


@contextmanager
def mortal_server(*, small_disk: bool = False) -> Iterator[MortalServer]:
    """A new server with a migrated template; with a small disk of its own where that is wanted and allowed."""
    with short_directory() as folder, _disk(folder / "disk", wanted=small_disk) as disk:
        cluster = PrivateCluster((disk or folder) / "home")
        cluster.start()
        try:
            with psycopg.connect(cluster.conninfo("owner"), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET autovacuum = off")  # it would hold the template now and then
                connection.execute("SELECT pg_reload_conf()")
            migrate(embedded_database(cluster))
            yield MortalServer(cluster, disk)
        finally:
            cluster.destroy()


@contextmanager
def _disk(place: Path, *, wanted: bool) -> Iterator[Path | None]:
    """A file system in memory at a place; None where this user may not mount it."""
    place.mkdir()
    options = f"size={_DISK_MB}m,mode=755"
    if not wanted or subprocess.run(["mount", "-t", "tmpfs", "-o", options, "chaos", place], check=False).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)
