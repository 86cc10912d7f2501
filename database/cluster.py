"""The private PostgreSQL cluster of the embedded default: create, start, stop, destroy.

Everything lies in `<home>/postgresql`: `data` (the data directory), `log`, `socket`, the passwords and the recorded
port. No other cluster of the machine is looked at, and a directory without our marker is never written or removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from database.account import Account, refuse_unreachable, server_account
from database.errors import ClusterError, HomeRefused
from database.memory import memory_settings, usable_memory_bytes
from database.programs import ServerPrograms, find_server

logger = getLogger(__name__)

Progress = Callable[[str], None]

DATABASE_NAME = "dinamis"
OWNER = "dinamis_owner"
LOGINS = {"owner": OWNER, "api": "dinamis_api", "harvest": "dinamis_harvest"}

#: Linux allows 107 bytes for the path of a unix socket.
LONGEST_SOCKET_PATH = 107
LARGEST_LOG_BYTES = 10 * 1024 * 1024
LOOPBACK = "127.0.0.1"
HOME_MARKER = ".made-by-dinamis"


@dataclass(frozen=True, kw_only=True)
class ClusterStatus:
    """What can be said of the private cluster without starting it."""

    exists: bool
    running: bool
    directory: Path
    pid: int | None = None
    port: int | None = None  #: TCP, on 127.0.0.1 only
    major: int | None = None  #: the PostgreSQL version that made the data directory


class PrivateCluster:
    """A PostgreSQL cluster of our own below `home`, reachable from this machine only."""

    def __init__(self, home: Path, *, account: Account | None = None, server: ServerPrograms | None = None) -> None:
        self.home = home.expanduser().absolute()
        self.directory = self.home / "postgresql"
        self.data = self.directory / "data"
        self.log = self.directory / "log" / "postgresql.log"
        self.password_file = self.directory / "passwords.json"
        self._marker = self.directory / ".dinamis-cluster"
        self._endpoint = self.directory / "endpoint.json"
        self._account = account
        self._server = server

    @property
    def account(self) -> Account:
        """The operating-system account that runs the server."""
        if self._account is None:
            self._account = server_account()
        return self._account

    @property
    def server(self) -> ServerPrograms:
        """The installed PostgreSQL that opens this cluster's data directory."""
        if self._server is None:
            self._server = find_server(self._data_major())
        return self._server

    def conninfo(self, role: str, dbname: str = DATABASE_NAME) -> str:
        """The libpq connection string of `owner`, `api` or `harvest`, password included: never print it."""
        return make_conninfo(
            host=LOOPBACK,
            port=self._recorded_port(),
            dbname=dbname,
            user=LOGINS[role],
            password=self._passwords()[role],
        )

    def status(self) -> ClusterStatus:
        """Whether the cluster exists and runs."""
        pid = self._postmaster()
        return ClusterStatus(
            exists=self._exists(),
            running=pid is not None,
            directory=self.directory,
            pid=pid,
            port=self._recorded_port() if pid is not None else None,
            major=self._data_major(),
        )

    def create(self, on_progress: Progress | None = None) -> None:
        """Make the cluster unless it is there; an earlier attempt that was killed half-way is made again.

        Raises:
            ClusterError: It cannot be made, or its data directory is of another PostgreSQL version.
        """
        with self._locked(on_progress):
            self._create(on_progress or _silent)

    def start(self, on_progress: Progress | None = None) -> ClusterStatus:
        """Start the server unless it runs, and wait until it answers, through crash recovery if need be.

        Two processes may do this at once: the second waits for the first and finds the server running.

        Raises:
            ClusterError: The server does not start; the message holds the end of its log.
        """
        report = on_progress or _silent
        with self._locked(on_progress):
            self._create(report)
            if self._postmaster_state() == "stopping":
                # Somebody asked it to end without us, as a machine that shuts down does.
                self._await_orphans()
            if self._postmaster() is None:
                self._launch(report)
            self._await_ready(report)
            self._ensure_database()
        return self.status()

    def stop(self) -> bool:
        """Stop the server, ending its sessions; true if it ran."""
        if not self.directory.is_dir():
            return False
        with self._locked(None):
            return self._stop()

    def destroy(self) -> bool:
        """Stop the server and remove everything this class made, and nothing else; true if there was something.

        Raises:
            HomeRefused: The directory is not one of ours.
        """
        if not self.directory.exists():
            return False
        with self._locked(None) as lock:
            self._refuse_foreign()
            self._stop()
            self._remove_distant_socket()
            shutil.rmtree(self.directory)
            lock.unlink(missing_ok=True)
        self._remove_home()
        return True

    def log_tail(self, lines: int = 8) -> str:
        """The last lines of the server's log."""
        try:
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""

    def _remove_home(self) -> None:
        # Others may keep files in a home that we made: then it stays.
        if [path.name for path in self.home.iterdir()] == [HOME_MARKER]:
            (self.home / HOME_MARKER).unlink()
            self.home.rmdir()

    # --- making it ---

    def _create(self, report: Progress) -> None:
        self._make_directory()
        self._refuse_other_version()
        if not self._exists():
            report("Creating the private PostgreSQL cluster")
            self._initialise()

    def _make_directory(self) -> None:
        self._refuse_foreign()
        refuse_unreachable(self.directory, self.account)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._marker.touch()
        self.account.adopt(self.directory, 0o700)

    def _refuse_foreign(self) -> None:
        if self.directory.is_dir() and any(self.directory.iterdir()) and not self._marker.exists():
            raise HomeRefused(
                f"{self.directory} holds files that are not ours: move them away or set DINAMIS_HOME elsewhere."
            )

    def _refuse_other_version(self) -> None:
        major = self._data_major()
        if major is not None and self.server.major != major:
            raise ClusterError(
                f"{self.data} was made by PostgreSQL {major} and cannot be opened by {self.server.major}: "
                f"install postgresql-{major} and postgresql-{major}-postgis-3, or set DINAMIS_HOME elsewhere."
            )

    def _initialise(self) -> None:
        draft = self.directory / "data.new"
        # What a killed initdb left; the rename below is what makes a data directory ours.
        shutil.rmtree(draft, ignore_errors=True)
        if not self.password_file.exists():
            logins = {role: secrets.token_urlsafe(24) for role in LOGINS}
            self._write(self.password_file, json.dumps(logins))
        with self._password_handed_over() as handed:
            self._run_initdb(draft, handed)
        with (draft / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists 'dinamis.conf'\n")
        draft.rename(self.data)

    def _run_initdb(self, draft: Path, password: Path) -> None:
        done = self.account.run(
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

    @contextmanager
    def _password_handed_over(self) -> Iterator[Path]:
        handed = self.directory / "owner.password"
        self._write(handed, self._passwords()["owner"])
        try:
            yield handed
        finally:
            handed.unlink()

    # --- running it ---

    def _launch(self, report: Progress) -> None:
        self._await_orphans()
        for _attempt in range(3):
            port = self._configure()
            report(f"Starting the private PostgreSQL server on {LOOPBACK}:{port}")
            if self._pg_ctl_start(report):
                return
            # Somebody may have taken the port between our look and the server's.
            if _is_free(port):
                break
        raise ClusterError(f"PostgreSQL does not start in {self.data}; the end of {self.log}:\n{self.log_tail()}")

    def _configure(self) -> int:
        self._remove_distant_socket()
        port = self._recorded_port()
        if port is None or not _is_free(port):
            port = _free_port()
        socket_directory = self._make_socket_directory()
        self._write(self._endpoint, json.dumps({"port": port, "socket": str(socket_directory)}))
        self._write(self.data / "dinamis.conf", self._configuration(port, socket_directory))
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        self.account.adopt(self.log.parent, 0o700)
        if self.log.exists() and self.log.stat().st_size > LARGEST_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        # A socket or pid file of a killed server names a process that is gone or, by now, somebody else's.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        return port

    def _configuration(self, port: int, socket_directory: Path) -> str:
        settings = {
            "listen_addresses": LOOPBACK,
            "port": str(port),
            "unix_socket_directories": str(socket_directory),
            "unix_socket_permissions": "0700",
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

    def _make_socket_directory(self) -> Path:
        near = self.directory / "socket"
        if len(os.fsencode(near / ".s.PGSQL.65535")) <= LONGEST_SOCKET_PATH:
            shutil.rmtree(near, ignore_errors=True)
            near.mkdir(mode=0o700)
            chosen = near
        else:
            chosen = Path(tempfile.mkdtemp(prefix="dinamis-", dir="/tmp"))
        self.account.adopt(chosen, 0o700)
        return chosen

    def _remove_distant_socket(self) -> None:
        recorded = Path(str(self._endpoint_record().get("socket", "")))
        if recorded.match("/tmp/dinamis-*"):  # noqa: S108  (compared, not opened)
            shutil.rmtree(recorded, ignore_errors=True)

    def _pg_ctl_start(self, report: Progress) -> bool:
        # pg_ctl is told not to wait: the waiting is ours, because recovery after a crash may take minutes.
        command = [self.server.path("pg_ctl"), "start", "--no-wait", f"--pgdata={self.data}", f"--log={self.log}"]
        logged_before = self.log.stat().st_size if self.log.exists() else 0
        done = self.account.run(command, cwd=self.directory, environment=self._environment())
        if done.returncode != 0:
            raise ClusterError(f"pg_ctl failed: {done.stdout.strip()}\n{self.log_tail()}")
        return self._settles(report, logged_before)

    def _settles(self, report: Progress, logged_before: int) -> bool:
        """Wait for a server on its way: true when ready, false when it gave up; `logged_before` in bytes of its log."""
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
        # A server that fails early has no pid file yet or no longer, but says why in its log.
        with self.log.open("rb") as log:
            log.seek(logged_before)
            return b"FATAL" in log.read() and not self._server_processes()

    def _await_ready(self, report: Progress) -> None:
        if not self._settles(report, self.log.stat().st_size):
            raise ClusterError(f"PostgreSQL ended while it was starting; the end of {self.log}:\n{self.log_tail()}")

    def _await_orphans(self) -> None:
        """Wait for the children of a killed server: a new one must not touch the data beside them."""
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
        done = self.account.run(command, cwd=self.directory, environment=self._environment())
        if done.returncode != 0 and self._postmaster() is not None:
            raise ClusterError(f"PostgreSQL does not stop: {done.stdout.strip()}")
        # pg_ctl is content when the pid file is gone; the process ends a little later.
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
            password = sql.Literal(self._passwords()[role])
            connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(name, password))

    # --- looking at it ---

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
        # Every PostgreSQL process has its data directory as working directory.
        try:
            process = psutil.Process(pid)
            return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).samefile(self.data)
        except (psutil.Error, OSError):
            return False

    def _server_processes(self) -> list[int]:
        named = (
            p.pid for p in psutil.process_iter(["name"]) if (p.info["name"] or "").startswith(("postgres", "pg_ctl"))
        )
        return [pid for pid in named if self._is_ours(pid)]

    # --- its files ---

    def _endpoint_record(self) -> dict[str, object]:
        try:
            record = json.loads(self._endpoint.read_text())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def _recorded_port(self) -> int | None:
        port = self._endpoint_record().get("port")
        return port if isinstance(port, int) else None

    def _passwords(self) -> dict[str, str]:
        try:
            passwords: dict[str, str] = json.loads(self.password_file.read_text())
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"{self.password_file} cannot be read: restore it from a backup, run as its owner, or start afresh "
                "with `dinamis db destroy`."
            ) from error
        return passwords

    def _write(self, path: Path, text: str) -> None:
        """Write a small file in one step, readable by the server's account only."""
        draft = path.with_name(path.name + ".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        self.account.adopt(draft, 0o600)
        draft.replace(path)

    def _environment(self) -> dict[str, str]:
        # PGPORT, PGDATA and their like are meant for other servers.
        return {"PATH": f"{self.server.bindir}:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}

    @contextmanager
    def _locked(self, on_progress: Progress | None) -> Iterator[Path]:
        self._make_home()
        lock = self.home / "postgresql.lock"
        descriptor = self._take_lock(lock, on_progress or _silent)
        try:
            yield lock
        finally:
            os.close(descriptor)

    def _take_lock(self, lock: Path, report: Progress) -> int:
        while True:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report("Waiting for another process that handles the private cluster")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # `destroy` removes the lock file: then ours is the lock of nothing.
            if lock.exists() and os.path.samestat(os.fstat(descriptor), lock.stat()):
                self.account.adopt(lock, 0o600)
                return descriptor
            os.close(descriptor)

    def _make_home(self) -> None:
        if self.home.is_dir():
            return
        refuse_unreachable(self.home, self.account)
        missing = [folder for folder in reversed((self.home, *self.home.parents)) if not folder.exists()]
        try:
            for folder in missing:
                folder.mkdir(exist_ok=True)
                self.account.adopt(folder, 0o755)
            (self.home / HOME_MARKER).touch()
        except OSError as error:
            raise HomeRefused(f"{self.home} cannot be made ({error.strerror}): set DINAMIS_HOME elsewhere.") from error


def _silent(message: str) -> None:
    logger.debug("%s", message)


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
