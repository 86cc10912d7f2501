"""The operating-system account that runs the private cluster: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path

from database.errors import ClusterError, HomeRefused

logger = getLogger(__name__)

SYSTEM_USER = "dinamis"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account that owns the cluster's files and runs its programs."""

    uid: int
    gid: int
    switches: bool  #: whether programs must be started as a user other than ourselves

    def run(
        self, command: Sequence[str], *, cwd: Path, environment: dict[str, str], timeout: float | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as this account and return its output; the caller checks for failure."""
        return subprocess.run(
            command,
            cwd=cwd,
            env=environment,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            user=self.uid if self.switches else None,
            group=self.gid if self.switches else None,
            extra_groups=[] if self.switches else None,
        )

    def adopt(self, path: Path, mode: int) -> None:
        """Give a file or directory to this account with the permissions `mode`."""
        path.chmod(mode)
        if self.switches:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, directory: Path) -> bool:
        """Whether this account may enter a directory, access control lists included."""
        return (
            self.run(["test", "-x", str(directory)], cwd=Path("/"), environment={"PATH": "/usr/bin:/bin"}).returncode
            == 0
        )


def server_account() -> Account:
    """The account for the cluster: ourselves or, as root, the system user `dinamis`, created if missing.

    Raises:
        ClusterError: The system user cannot be created.
    """
    known = known_account()
    if known is not None:
        return known
    entry = _make_system_user()
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, switches=True)


def known_account() -> Account | None:
    """The account for the cluster if it exists; None if the system user has yet to be created."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid(), switches=False)
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        return None
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, switches=True)


def refuse_unreachable(home: Path, account: Account) -> None:
    """Refuse a home that the server's account cannot reach.

    Raises:
        HomeRefused: A directory on the path is closed; the message has the command that opens it.
    """
    if not account.switches:
        return
    for directory in reversed(home.absolute().parents):
        if directory.is_dir() and not account.can_enter(directory):
            raise HomeRefused(
                f"PostgreSQL runs as user {SYSTEM_USER}, who cannot enter {directory} on the way to {home}: "
                f"run `chmod o+x {directory}`, or set DINAMIS_HOME to a directory elsewhere."
            )


def _make_system_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    done = subprocess.run(
        [*command, "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=False, capture_output=True, text=True
    )
    try:
        # Another process may have created it meanwhile: what counts is that it exists.
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        raise ClusterError(
            f"As root the server runs as the system user {SYSTEM_USER}, who could not be made: {done.stderr.strip()}"
        ) from None
    logger.info("Made the system user %s to run the private cluster", SYSTEM_USER)
    return entry
