"""The private PostgreSQL cluster of the embedded default: start, stop, destroy.

Everything is in `<home>/postgresql`: `data` (the data directory), `log`, `socket`, the passwords and the recorded port.
Other clusters of the machine are ignored, and a directory without our marker is never written or removed.
"""

from __future__ import annotations

import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from database.cluster_files import ClusterFiles, Progress, refused_if_closed, silent
from database.errors import ClusterError
from database.memory import memory_settings, usable_memory_bytes
from database.programs import ServerPrograms, find_server

DATABASE_NAME = "dinamis"
OWNER = "dinamis_owner"
LOGINS = {"owner": OWNER, "api": "dinamis_api", "harvest": "dinamis_harvest"}

LARGEST_LOG_BYTES = 10 * 1024 * 1024
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """The state of the private cluster, found without starting it."""

    exists: bool
    running: bool
    directory: Path
    pid: int | None
    port: int | None  #: TCP, on 127.0.0.1 only
    major: int | None  #: the PostgreSQL version that created the data directory


class PrivateCluster:
    """A PostgreSQL cluster of our own below `home`, reachable from this machine only."""

    def __init__(self, home: Path, *, server: ServerPrograms | None = None) -> None:
        self.files = ClusterFiles(home)
        self.home = self.files.home
        self.directory = self.files.directory
        self.data = self.directory / "data"
        self.log = self.directory / "log" / "postgresql.log"
        self._server = server

    @property
    def server(self) -> ServerPrograms:
        """The installed PostgreSQL that fits this cluster's data directory."""
        if self._server is None:
            self._server = find_server(self._data_major())
        return self._server

    def conninfo(self, role: str, dbname: str = DATABASE_NAME) -> str:
        """The libpq connection string of `owner`, `api` or `harvest`, password included: never print it."""
        return make_conninfo(
            host=LOOPBACK,
            port=self.files.recorded_port(),
            dbname=dbname,
            user=LOGINS[role],
            password=self.files.passwords()[role],
        )

    def status(self) -> ClusterStatus:
        """Whether the cluster exists and runs.

        Raises:
            HomeRefused: The home is closed to this user.
        """
        with refused_if_closed():
            pid = self._postmaster()
            return ClusterStatus(
                exists=self._exists(),
                running=pid is not None,
                directory=self.directory,
                pid=pid,
                port=self.files.recorded_port() if pid is not None else None,
                major=self._data_major(),
            )

    def start(self, on_progress: Progress | None = None) -> ClusterStatus:
        """Create the cluster unless it exists, start its server unless it runs, and wait until it answers.

        The remains of an interrupted attempt are replaced, and recovery after a crash is waited for. Two processes may
        do this at once: the second waits for the first and finds the server running.

        Raises:
            ClusterError: The cluster cannot be created, its data directory is of another PostgreSQL version, or the
                server does not start; the message has the end of its log.
        """
        report = on_progress or silent
        with self.files.locked(report):
            self._create(report)
            if self._postmaster_state() == "stopping":
                # Another process asked it to end, as a shutdown of the machine does.
                self._await_orphans()
            if self._postmaster() is None:
                self._launch(report)
            self._await_ready(report)
            self._ensure_database()
        return self.status()

    def stop(self) -> bool:
        """Stop the server, ending its sessions; returns whether it ran."""
        if not self.directory.is_dir():
            return False
        with self.files.locked(silent):
            return self._stop()

    def destroy(self) -> bool:
        """Stop the server and remove exactly what this class created; returns whether there was anything.

        Raises:
            HomeRefused: The directory is not one of ours.
        """
        if not self.directory.exists():
            return False
        with self.files.locked(silent) as lock:
            self.files.refuse_foreign()
            self._stop()
            self.files.remove()
            lock.unlink(missing_ok=True)
        self.files.remove_home()
        return True

    def log_tail(self, lines: int = 8) -> str:
        """The last lines of the server's log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _create(self, report: Progress) -> None:
        self.files.make_directory()
        self._refuse_other_version()
        if not self._exists():
            report("Creating the private PostgreSQL cluster")
            self._initialise()

    def _refuse_other_version(self) -> None:
        major = self._data_major()
        if major is not None and self.server.major != major:
            raise ClusterError(
                f"{self.data} was made by PostgreSQL {major} and cannot be opened by {self.server.major}: "
                f"install postgresql-{major} and postgresql-{major}-postgis-3, or set DINAMIS_HOME elsewhere."
            )

    def _initialise(self) -> None:
        draft = self.directory / "data.new"
        # Remains of a killed initdb; only the rename below makes it the data directory.
        shutil.rmtree(draft, ignore_errors=True)
        self.files.make_passwords(LOGINS)
        with self.files.password_handed_over("owner") as handed:
            self._run_initdb(draft, handed)
        with (draft / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists 'dinamis.conf'\n")
        draft.rename(self.data)

    def _run_initdb(self, draft: Path, password: Path) -> None:
        done = self.files.account.run(
            [
                self.server.path("initdb"),
                f"--pgdata={draft}",
                f"--username={OWNER}",
                f"--pwfile={password}",
                "--auth=scram-sha-256",
                "--data-checksums",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ],
            cwd=self.directory,
            environment=self._environment(),
        )
        if done.returncode != 0:
            raise ClusterError(f"initdb failed in {self.directory}: {done.stdout.strip()}")

    def _launch(self, report: Progress) -> None:
        self._await_orphans()
        for _attempt in range(3):
            port = self._configure()
            report(f"Starting the private PostgreSQL server on {LOOPBACK}:{port}")
            if self._pg_ctl_start(report):
                return
            # Another program may have taken the port between our check and the server's.
            if _is_free(port):
                break
        raise ClusterError(f"PostgreSQL does not start in {self.data}; the end of {self.log}:\n{self.log_tail()}")

    def _configure(self) -> int:
        self.files.remove_distant_socket()
        port = self.files.recorded_port()
        if port is None or not _is_free(port):
            port = _free_port()
        socket_directory = self.files.make_socket_directory()
        self.files.record_endpoint(port, socket_directory)
        self.files.write(self.data / "dinamis.conf", self._configuration(port, socket_directory))
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        self.files.account.adopt(self.log.parent, 0o700)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        # The socket or pid file of a killed server names a process that is gone, or by now another program's.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return port

    def _configuration(self, port: int, socket_directory: Path) -> str:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": str(socket_directory),
            "fsync": "on",
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Searches are short: compiling them takes longer than running them.
            "jit": "off",
            "random_page_cost": "1.1",
            "max_wal_size": "2GB",
            **memory_settings(usable_memory_bytes()),
        }
        lines = [f"{name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items()]
        return "\n".join(["# Written at each start; put your own settings into postgresql.auto.conf.", *lines, ""])

    def _pg_ctl_start(self, report: Progress) -> bool:
        # pg_ctl does not wait: we do, as recovery after a crash may take minutes.
        command = [self.server.path("pg_ctl"), "start", "--no-wait", f"--pgdata={self.data}", f"--log={self.log}"]
        logged_before = self.log.stat().st_size if self.log.exists() else 0
        done = self.files.account.run(command, cwd=self.directory, environment=self._environment())
        if done.returncode != 0:
            raise ClusterError(f"pg_ctl failed: {done.stdout.strip()}\n{self.log_tail()}")
        return self._settles(report, logged_before)

    def _settles(self, report: Progress, logged_before: int) -> bool:
        """Wait for a starting server; returns whether it became ready. `logged_before` is in bytes of its log."""
        appears_before = time.monotonic() + 20
        said = time.monotonic()
        while (state := self._postmaster_state()) != "ready":
            if state is None and (time.monotonic() > appears_before or self._gave_up(logged_before)):
                return False
            if time.monotonic() - said > 2:
                said = time.monotonic()
                report(f"Waiting for PostgreSQL: {self.log_tail(1)}")
            time.sleep(0.05)
        return True

    def _gave_up(self, logged_before: int) -> bool:
        # A server that fails early has no pid file, not yet or no longer, but gives the reason in its log.
        with self.log.open("rb") as log:
            log.seek(logged_before)
            return b"FATAL" in log.read() and not self._server_processes()

    def _await_ready(self, report: Progress) -> None:
        if not self._settles(report, self.log.stat().st_size):
            raise ClusterError(f"PostgreSQL ended while it was starting; the end of {self.log}:\n{self.log_tail()}")

    def _await_orphans(self) -> None:
        """Wait for the children of a killed server: a new server must not use the data together with them."""
        for _attempt in range(200):
            orphans = self._server_processes()
            if not orphans:
                return
            time.sleep(0.05)
        raise ClusterError(
            f"Processes of a killed server still hold {self.data}: end them with `kill {' '.join(map(str, orphans))}`."
        )

    def _stop(self) -> bool:
        if self._postmaster() is None:
            return False
        command = [self.server.path("pg_ctl"), "stop", "--mode=fast", "--wait", f"--pgdata={self.data}"]
        done = self.files.account.run(command, cwd=self.directory, environment=self._environment())
        if done.returncode != 0 and self._postmaster() is not None:
            raise ClusterError(f"PostgreSQL does not stop: {done.stdout.strip()}")
        # pg_ctl returns when the pid file is gone; the process ends a little later.
        self._await_orphans()
        return True

    def _ensure_database(self) -> None:
        with psycopg.connect(self.conninfo("owner", dbname="postgres"), autocommit=True) as connection:
            for role in ("api", "harvest"):
                self._ensure_login(connection, role)
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE_NAME,)).fetchone()
            if known is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE_NAME)))

    def _ensure_login(self, connection: psycopg.Connection, role: str) -> None:
        name = sql.Identifier(LOGINS[role])
        row = connection.execute("SELECT rolcanlogin FROM pg_roles WHERE rolname = %s", (LOGINS[role],)).fetchone()
        if row is None:
            connection.execute(sql.SQL("CREATE ROLE {}").format(name))
        if row is None or not row[0]:
            password = sql.Literal(self.files.passwords()[role])
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, password))

    def _exists(self) -> bool:
        return (self.data / "PG_VERSION").is_file()

    def _data_major(self) -> int | None:
        try:
            return int((self.data / "PG_VERSION").read_text())
        except (OSError, ValueError):
            return None

    def _postmaster(self) -> int | None:
        """The pid of our running server; a pid file that names another process counts as none."""
        lines = self._pid_file()
        pid = int(lines[0]) if lines and lines[0].strip().isdigit() else None
        return pid if pid is not None and self._is_ours(pid) else None

    def _postmaster_state(self) -> str | None:
        if self._postmaster() is None:
            return None
        lines = self._pid_file()
        return lines[7].strip() if len(lines) > 7 else "starting"

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _is_ours(self, pid: int) -> bool:
        # Every PostgreSQL process has the data directory as its working directory.
        try:
            return Path(psutil.Process(pid).cwd()).samefile(self.data)
        except (psutil.Error, OSError):
            return False

    def _server_processes(self) -> list[int]:
        named = (process.pid for process in psutil.process_iter(["name"]) if process.info["name"] == "postgres")
        return [pid for pid in named if self._is_ours(pid)]

    def _environment(self) -> dict[str, str]:
        # PGPORT, PGDATA and the like are meant for other servers.
        return {"PATH": f"{self.server.bindir}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])
