"""The directory of a private cluster, and the small files beside PostgreSQL's own: lock, passwords, endpoint."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from logging import getLogger
from pathlib import Path

from database.account import Account, refuse_unreachable, server_account
from database.errors import ClusterError, HomeRefused

logger = getLogger(__name__)

Progress = Callable[[str], None]

#: Linux allows 107 bytes for the path of a Unix socket.
LONGEST_SOCKET_PATH = 107
HOME_MARKER = ".made-by-dinamis"


@contextmanager
def refused_if_closed() -> Iterator[None]:
    """What is done in the block looks into a home that may be that of another user.

    Raises:
        HomeRefused: This user may not do so.
    """
    try:
        yield
    except PermissionError as error:
        raise _closed(error.filename, error) from error


def _closed(path: Path | str, error: OSError) -> HomeRefused:
    return HomeRefused(
        f"{path} cannot be opened ({error.strerror}): run this as the user that made the home, or set DINAMIS_HOME "
        "elsewhere."
    )


class ClusterFiles:
    """The contents of `<home>/postgresql`; a directory without our marker is never written or removed."""

    def __init__(self, home: Path) -> None:
        self.home = home.expanduser().absolute()
        self.directory = self.home / "postgresql"
        self.password_file = self.directory / "passwords.json"
        self._marker = self.directory / ".dinamis-cluster"
        self._endpoint = self.directory / "endpoint.json"

    @cached_property
    def account(self) -> Account:
        """The operating-system account that runs the server and owns the files."""
        return server_account()

    @contextmanager
    def locked(self, report: Progress) -> Iterator[Path]:
        """Lock the cluster against every other process of ours; yields the lock file."""
        self.make_home()
        lock = self.home / "postgresql.lock"
        descriptor = self._take_lock(lock, report)
        try:
            yield lock
        finally:
            os.close(descriptor)

    def _take_lock(self, lock: Path, report: Progress) -> int:
        while True:
            try:
                descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                raise _closed(lock, error) from error
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report("Waiting for another process that handles the private cluster")
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            # `destroy` removes the lock file: then our lock is on a deleted file.
            if lock.exists() and os.path.samestat(os.fstat(descriptor), lock.stat()):
                self.account.adopt(lock, 0o600)
                return descriptor
            os.close(descriptor)

    def make_home(self) -> None:
        """Create the home, unless it exists.

        Raises:
            HomeRefused: It cannot be created, or the server's account cannot reach it.
        """
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

    def remove_home(self) -> None:
        """Remove the home if we created it and it holds nothing else."""
        # If others keep files in a home that we created, it stays.
        if [path.name for path in self.home.iterdir()] == [HOME_MARKER]:
            (self.home / HOME_MARKER).unlink()
            self.home.rmdir()

    def make_directory(self) -> None:
        """Create the directory, closed to others.

        Raises:
            HomeRefused: It is not ours, or the server's account cannot reach it.
        """
        self.refuse_foreign()
        refuse_unreachable(self.directory, self.account)
        self.directory.mkdir(mode=0o700, exist_ok=True)
        self._marker.touch()
        self.account.adopt(self.directory, 0o700)

    def refuse_foreign(self) -> None:
        """Refuse a directory that is not ours.

        Raises:
            HomeRefused: It holds files, but not our marker, or is closed to this user.
        """
        with refused_if_closed():
            is_foreign = self.directory.is_dir() and any(self.directory.iterdir()) and not self._marker.exists()
        if is_foreign:
            raise HomeRefused(
                f"{self.directory} holds files that are not ours: move them away or set DINAMIS_HOME elsewhere."
            )

    def remove(self) -> None:
        """Remove the directory with all its contents."""
        self.remove_distant_socket()
        shutil.rmtree(self.directory)

    def make_passwords(self, roles: Iterable[str]) -> None:
        """Generate a password for each role of a new cluster."""
        self.write(self.password_file, json.dumps({role: secrets.token_urlsafe(24) for role in roles}))

    def passwords(self) -> dict[str, str]:
        """The password of each role.

        Raises:
            ClusterError: They cannot be read.
        """
        try:
            passwords: dict[str, str] = json.loads(self.password_file.read_text())
        except (OSError, ValueError) as error:
            raise ClusterError(
                f"{self.password_file} cannot be read: restore it from a backup, run as its owner, or start afresh "
                "with `dinamis db destroy`."
            ) from error
        return passwords

    @contextmanager
    def password_handed_over(self, role: str) -> Iterator[Path]:
        """A file with the password of a role that exists for the length of the block, for programs that read one."""
        handed = self.directory / f"{role}.password"
        self.write(handed, self.passwords()[role])
        try:
            yield handed
        finally:
            handed.unlink()

    def make_socket_directory(self) -> Path:
        """An empty directory for the Unix socket, in our own directory if the path is short enough."""
        near = self.directory / "socket"
        if len(os.fsencode(near / ".s.PGSQL.65535")) <= LONGEST_SOCKET_PATH:
            shutil.rmtree(near, ignore_errors=True)
            near.mkdir(mode=0o700)
            chosen = near
        else:
            chosen = Path(tempfile.mkdtemp(prefix="dinamis-", dir="/tmp"))
        self.account.adopt(chosen, 0o700)
        return chosen

    def remove_distant_socket(self) -> None:
        """Remove the recorded socket directory if it is not in our own directory."""
        recorded = Path(str(self._endpoint_record().get("socket", "")))
        if recorded.match("/tmp/dinamis-*"):  # noqa: S108  (compared, not opened)
            shutil.rmtree(recorded, ignore_errors=True)

    def record_endpoint(self, port: int, socket_directory: Path) -> None:
        """Record where the server listens."""
        self.write(self._endpoint, json.dumps({"port": port, "socket": str(socket_directory)}))

    def recorded_port(self) -> int | None:
        """The TCP port that the server was last started on."""
        port = self._endpoint_record().get("port")
        return port if isinstance(port, int) else None

    def _endpoint_record(self) -> dict[str, object]:
        try:
            record = json.loads(self._endpoint.read_text())
        except (OSError, ValueError):
            return {}
        return record if isinstance(record, dict) else {}

    def write(self, path: Path, text: str) -> None:
        """Write a small file atomically, readable by the server's account only."""
        draft = path.with_name(path.name + ".new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        self.account.adopt(draft, 0o600)
        draft.replace(path)


def silent(message: str) -> None:
    """Report only to the log."""
    logger.debug("%s", message)
