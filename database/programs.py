"""The PostgreSQL server programs on this machine."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from database.errors import ServerProgramsMissing

#: Debian and Ubuntu keep every major version in a directory of its own, off PATH.
DEBIAN_VERSIONS = Path("/usr/lib/postgresql")
#: The first to know `UNIQUE NULLS NOT DISTINCT`, which the migrations use.
OLDEST_MAJOR = 15


@dataclass(frozen=True, kw_only=True)
class ServerPrograms:
    """One installed PostgreSQL server."""

    bindir: Path
    major: int
    has_postgis: bool

    @property
    def is_usable(self) -> bool:
        """Whether it can run a catalogue."""
        return self.has_postgis and self.major >= OLDEST_MAJOR

    def path(self, program: str) -> str:
        """The full path of one program, such as `initdb`."""
        return str(self.bindir / program)


def installed_servers() -> Iterator[ServerPrograms]:
    """All servers found: those in Debian's directories, newest first, then pg_config's, then the one on PATH."""
    seen: set[Path] = set()
    for bindir in _candidate_directories():
        if bindir.resolve() in seen or not all((bindir / name).is_file() for name in ("initdb", "postgres", "pg_ctl")):
            continue
        seen.add(bindir.resolve())
        yield ServerPrograms(bindir=bindir, major=_major(bindir), has_postgis=_has_postgis(bindir))


def find_server(major: int | None = None, servers: Sequence[ServerPrograms] | None = None) -> ServerPrograms:
    """The server to run: of the given major version, else the newest one with PostGIS.

    Args:
        major: The major version of an existing data directory, which no other version can open.
        servers: The installed servers; looked up by default.

    Raises:
        ServerProgramsMissing: Nothing suitable is installed; the message names the packages.
    """
    found = list(installed_servers()) if servers is None else list(servers)
    suitable = [server for server in found if server.is_usable and major in {None, server.major}]
    if not suitable:
        raise ServerProgramsMissing(missing_programs_advice(found, major))
    return suitable[0]


def missing_programs_advice(found: Sequence[ServerPrograms], major: int | None = None) -> str:
    """What to install, in terms of the packages of Debian and Ubuntu."""
    recent = [server for server in found if server.major >= OLDEST_MAJOR]
    bare = next((server.major for server in recent if not server.has_postgis and major in {None, server.major}), None)
    if bare is not None:
        return f"PostgreSQL {bare} is here without PostGIS: apt-get install postgresql-{bare}-postgis-3"
    if major is not None:
        return (
            f"The data directory needs PostgreSQL {major}: "
            f"apt-get install postgresql-{major} postgresql-{major}-postgis-3"
        )
    return (
        "Run database/install_system_packages.sh, or install the packages postgresql-NN and postgresql-NN-postgis-3 "
        f"(NN = the version your system offers, at least {OLDEST_MAJOR})."
    )


def _candidate_directories() -> Iterator[Path]:
    numbered = [path for path in DEBIAN_VERSIONS.glob("*/bin") if path.parent.name.isdigit()]
    yield from sorted(numbered, key=lambda path: int(path.parent.name), reverse=True)
    if reported := _pg_config("--bindir"):
        yield Path(reported)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _pg_config(option: str, bindir: Path | None = None) -> str | None:
    program = str(bindir / "pg_config") if bindir else "pg_config"
    try:
        return subprocess.run([program, option], check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def _major(bindir: Path) -> int:
    answer = subprocess.run([bindir / "postgres", "--version"], check=True, capture_output=True, text=True).stdout
    match = re.search(r"\b(\d+)", answer)
    return int(match[1]) if match else 0


def _has_postgis(bindir: Path) -> bool:
    # In Debian, the server directory's own pg_config comes only with the development package.
    shared = [Path("/usr/share/postgresql") / bindir.parent.name]
    if bindir.parent.parent != DEBIAN_VERSIONS and (
        reported := _pg_config("--sharedir", bindir) or _pg_config("--sharedir")
    ):
        shared.append(Path(reported))
    return any((folder / "extension" / "postgis.control").is_file() for folder in shared)
