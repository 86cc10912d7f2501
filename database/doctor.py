"""Checks everything that the database needs, and says what to do about what is amiss."""

from __future__ import annotations

import errno
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from database.account import SYSTEM_USER, known_account, refuse_unreachable
from database.cluster import PrivateCluster
from database.connections import VARIABLES, Database, embedded_database, external_database
from database.errors import DatabaseError
from database.memory import MIB, usable_memory_bytes
from database.migrations import migration_state
from database.programs import OLDEST_MAJOR, installed_servers, missing_programs_advice
from database.requirements import shortcomings
from database.settings import DatabaseSettings

Level = Literal["ok", "warning", "error"]

SERVE_PORT = 8000
SCARCE_DISK_BYTES = 2 * 1024 * MIB
NO_DISK_BYTES = 200 * MIB
SCARCE_MEMORY_BYTES = 1024 * MIB


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The result of one check."""

    level: Level
    subject: str
    message: str
    remedy: str | None = None  #: what to do; None when all is well

    def as_json(self) -> dict[str, str | None]:
        """The same as plain JSON data."""
        return asdict(self)


def diagnose(settings: DatabaseSettings) -> list[Finding]:
    """Check the database that the settings name, and the machine; nothing is started or changed."""
    rooms: Sequence[Callable[[DatabaseSettings], Iterator[Finding]]] = (
        [_external_server] if settings.is_external else [_programs, _home, _private_cluster, _disk]
    )
    return [finding for look in (*rooms, _memory, _port) for finding in look(settings)]


def _programs(_settings: DatabaseSettings) -> Iterator[Finding]:
    found = list(installed_servers())
    usable = [server for server in found if server.is_usable]
    if usable:
        message = f"PostgreSQL {usable[0].major} with PostGIS in {usable[0].bindir}"
        yield Finding(level="ok", subject="programs", message=message)
    else:
        here = ", ".join(f"{server.major} in {server.bindir}" for server in found) or "no server"
        yield Finding(
            level="error",
            subject="programs",
            message=f"No PostgreSQL of version {OLDEST_MAJOR} or later with PostGIS ({here})",
            remedy=missing_programs_advice(found),
        )


def _home(settings: DatabaseSettings) -> Iterator[Finding]:
    cluster = PrivateCluster(settings.home)
    if barrier := _barrier(cluster):
        yield Finding(
            level="error",
            subject="home",
            message=f"{barrier} is no folder in which this user may write: {cluster.home} cannot be used",
            remedy="Run this as the user that made the home, or set DINAMIS_HOME to a folder of your own.",
        )
        return
    account = known_account()
    if account is None:
        yield Finding(level="ok", subject="home", message=f"The system user {SYSTEM_USER} is made at the first use")
        return
    try:
        refuse_unreachable(cluster.directory, account)
    except DatabaseError as error:
        yield Finding(level="error", subject="home", message=str(error), remedy="Run the command of the message.")
        return
    yield Finding(level="ok", subject="home", message=f"{settings.home} can be reached by the server")
    if cluster.files.password_file.exists() and stat.S_IMODE(cluster.files.password_file.stat().st_mode) & 0o077:
        yield Finding(
            level="error",
            subject="passwords",
            message=f"{cluster.files.password_file} can be read by others",
            remedy=f"chmod 600 {cluster.files.password_file}",
        )


def _private_cluster(settings: DatabaseSettings) -> Iterator[Finding]:
    cluster = PrivateCluster(settings.home)
    if _barrier(cluster):
        return
    state = cluster.status()
    if state.running:
        yield Finding(level="ok", subject="server", message=f"PostgreSQL {state.major} runs on 127.0.0.1:{state.port}")
        yield from _schema(embedded_database(cluster))
    elif not state.exists:
        yield Finding(level="ok", subject="server", message="The private cluster is made at the first use")
    elif any(server.major == state.major and server.is_usable for server in installed_servers()):
        yield Finding(level="ok", subject="server", message="The private cluster is stopped; it starts when needed")
    else:
        yield Finding(
            level="error",
            subject="server",
            message=f"{cluster.data} was made by PostgreSQL {state.major}, which is not installed",
            remedy=missing_programs_advice([], state.major),
        )


def _external_server(settings: DatabaseSettings) -> Iterator[Finding]:
    database = external_database(settings)
    role = database.roles[0]
    try:
        with database.connect(role) as connection:
            # The owner set the rights of the other roles: the check of the schema covers them.
            lacks = list(shortcomings(connection)) if role == "owner" else []
    except DatabaseError as error:
        yield Finding(
            level="error",
            subject="server",
            message=str(error),
            remedy=f"Check {VARIABLES[role]} (or PGHOST, PGSERVICE), the server and its pg_hba.conf.",
        )
        return
    for lack in lacks:
        what, _, remedy = lack.partition(": ")
        yield Finding(level="error", subject="server", message=what, remedy=remedy)
    if not lacks:
        yield Finding(level="ok", subject="server", message=f"{database.described()} has what the catalogue needs")
        yield from _schema(database)
    if role == "owner" and settings.api_database_url is None:
        yield Finding(
            level="warning",
            subject="privileges",
            message="The API logs in as the owner and takes the role dinamis_api, which an intruder could leave again",
            remedy="Give dinamis_api a login and set DINAMIS_API_DATABASE_URL.",
        )


def _schema(database: Database) -> Iterator[Finding]:
    try:
        state = migration_state(database, role=database.roles[0])
    except DatabaseError as error:
        yield Finding(level="error", subject="schema", message=str(error), remedy="See the server's log.")
        return
    if state.is_current:
        yield Finding(level="ok", subject="schema", message=state.described())
        yield from _rules(database)
    else:
        level: Level = "error" if state.is_refused else "warning"
        yield Finding(level=level, subject="schema", message=state.described(), remedy=state.remedy)


def _rules(database: Database) -> Iterator[Finding]:
    role = database.roles[0]
    if role == "harvest":  # which has no use for them
        return
    with database.connect(role) as connection:
        row = connection.execute(
            "SELECT id FROM dinamis.policy_set WHERE state = 'active' AND valid @> now()"
        ).fetchone()
    if row:
        yield Finding(level="ok", subject="rules", message=f"{row[0]} is in force")
    else:
        yield Finding(
            level="warning",
            subject="rules",
            message="No access rules are in force: the API hides everything from everybody",
            remedy="dinamis rules activate",
        )


def _disk(settings: DatabaseSettings) -> Iterator[Finding]:
    home = settings.home.expanduser().absolute()
    free = shutil.disk_usage(_nearest_existing(home)).free
    level: Level = "ok" if free > SCARCE_DISK_BYTES else "warning" if free > NO_DISK_BYTES else "error"
    remedy = None if level == "ok" else f"Make room on the disk of {home}, or set DINAMIS_HOME to a larger one."
    yield Finding(level=level, subject="disk", message=f"{free // MIB} MiB free for {home}", remedy=remedy)


def _memory(_settings: DatabaseSettings) -> Iterator[Finding]:
    usable = usable_memory_bytes()
    scarce = usable < SCARCE_MEMORY_BYTES
    yield Finding(
        level="warning" if scarce else "ok",
        subject="memory",
        message=f"{usable // MIB} MiB usable",
        remedy="Harvests of large collections want 1 GiB or more." if scarce else None,
    )


def _port(_settings: DatabaseSettings) -> Iterator[Finding]:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", SERVE_PORT)) not in {errno.ECONNREFUSED, errno.ENETUNREACH}
    yield Finding(
        level="warning" if taken else "ok",
        subject="port",
        message=f"Port {SERVE_PORT} is {'taken by another program' if taken else 'free'}",
        remedy="Use `dinamis serve --port`." if taken else None,
    )


def _barrier(cluster: PrivateCluster) -> Path | None:
    """What keeps this user from a home: the folder, or the file in the place of one, in which it would be written."""
    for nearest in map(_nearest_existing, (cluster.home, cluster.directory)):
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK, effective_ids=True):
            return nearest
    return None


def _nearest_existing(path: Path) -> Path:
    """The path or the nearest folder above it that is there, as far as this user can see."""
    return next(each for each in (path, *path.parents) if os.access(each, os.F_OK, effective_ids=True))
