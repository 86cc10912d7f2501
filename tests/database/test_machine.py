"""What the machine offers: server programs, memory, psql, and the doctor's look at all of it."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from database import DatabaseSettings, PrivateCluster, database_status, diagnose, open_database, open_shell
from database.client_programs import without_passwords
from database.errors import HomeRefused, ServerProgramsMissing
from database.memory import memory_settings, usable_memory_bytes
from database.programs import ServerPrograms, find_server, installed_servers
from tests.postgres import PostgresServer, as_nobody, short_directory, skip_without_postgresql

GIB = 1024**3


def _server(major: int, *, has_postgis: bool = True) -> ServerPrograms:
    return ServerPrograms(bindir=Path(f"/usr/lib/postgresql/{major}/bin"), major=major, has_postgis=has_postgis)


def _embedded(home: Path) -> DatabaseSettings:
    return DatabaseSettings().embedded_in(home)


def test_newest_server_with_postgis_is_taken() -> None:
    """A newer server without PostGIS is passed over."""
    assert find_server(servers=[_server(18, has_postgis=False), _server(17), _server(15)]).major == 17


def test_existing_data_decide_the_version() -> None:
    """A data directory keeps its server although a newer one is installed."""
    assert find_server(15, [_server(17), _server(15)]).major == 15


@pytest.mark.parametrize(
    ("major", "servers", "advice"),
    [
        (None, [], "database/install_system_packages.sh"),
        (None, [_server(16, has_postgis=False)], "apt-get install postgresql-16-postgis-3"),
        (15, [_server(17)], "apt-get install postgresql-15 postgresql-15-postgis-3"),
        (None, [_server(14)], "at least 15"),
        (None, [_server(14, has_postgis=False)], "at least 15"),
    ],
)
def test_missing_programs_name_the_packages(major: int | None, servers: list[ServerPrograms], advice: str) -> None:
    """Each way in which the programs can be missing ends in a message with the packages to install."""
    with pytest.raises(ServerProgramsMissing, match=advice):
        find_server(major, servers)


def test_server_that_is_too_old_for_the_migrations_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a server that would not be started nobody is told that all is well."""
    monkeypatch.setattr("database.doctor.installed_servers", lambda: iter([_server(14)]))
    (found,) = (each for each in diagnose(_embedded(tmp_path)) if each.subject == "programs")
    assert found.level == "error"
    assert "14 in /usr/lib/postgresql/14/bin" in found.message
    assert "at least 15" in str(found.remedy)


def test_installed_servers_are_found_from_the_newest() -> None:
    """The servers of this machine are listed once each, the newest of Debian's directories first."""
    servers = list(installed_servers())
    if not servers:
        pytest.skip("no PostgreSQL on this machine")
    assert len({server.bindir.resolve() for server in servers}) == len(servers)
    assert Path(servers[0].path("initdb")).is_file()


@pytest.mark.parametrize(("memory", "shared"), [(GIB // 2, "128MB"), (2 * GIB, "512MB"), (64 * GIB, "2048MB")])
def test_shared_buffers_follow_the_memory(memory: int, shared: str) -> None:
    """Shared buffers are a quarter of the memory and at most 2 GiB."""
    assert memory_settings(memory)["shared_buffers"] == shared


def test_memory_limit_of_a_container_counts(tmp_path: Path) -> None:
    """In a container the cgroup's limit is what may be used, not the host's memory."""
    limit = tmp_path / "memory.max"
    limit.write_text(f"{300 * 1024**2}\n")
    assert usable_memory_bytes(limit) == 300 * 1024**2
    limit.write_text("max\n")
    assert usable_memory_bytes(limit) > 300 * 1024**2
    assert usable_memory_bytes(tmp_path / "absent") == usable_memory_bytes(limit)


def test_doctor_before_the_first_start() -> None:
    """On a machine where nothing was made yet the doctor finds no error and makes nothing."""
    with short_directory() as folder:
        findings = diagnose(_embedded(folder / "home"))
        assert [finding for finding in findings if finding.level == "error"] == []
        assert {"programs", "home", "server", "disk", "memory", "port"} <= {finding.subject for finding in findings}
        assert not (folder / "home").exists()
        assert "not made yet" in database_status(_embedded(folder / "home")).described()


def test_doctor_of_a_running_cluster(postgres_server: PostgresServer) -> None:
    """Of a cluster that runs and is migrated the doctor says so, as does its status."""
    settings = _embedded(postgres_server.cluster.home)
    schema = [finding for finding in diagnose(settings) if finding.subject == "schema"]
    assert [finding.level for finding in schema] == ["ok"]
    status = database_status(settings)
    assert status.is_ready
    assert status.as_json()["is_ready"] is True
    assert "0001_roles" in status.described()


PLENTY = 2**62


@pytest.mark.parametrize(("scarce", "none", "level"), [(0, 0, "ok"), (PLENTY, 0, "warning"), (PLENTY, PLENTY, "error")])
def test_doctor_sees_how_full_the_disk_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, scarce: int, none: int, level: str
) -> None:
    """It is that of the home, be it named from the user's own and not made yet; scarce room comes with a remedy."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("database.doctor.SCARCE_DISK_BYTES", scarce)
    monkeypatch.setattr("database.doctor.NO_DISK_BYTES", none)
    (disk,) = [each for each in diagnose(_embedded(Path("~/home"))) if each.subject == "disk"]
    assert (disk.level, disk.remedy is None) == (level, level == "ok")
    assert disk.message.endswith(f" MiB free for {tmp_path / 'home'}")


@pytest.mark.parametrize(("scarce", "level"), [(0, "ok"), (PLENTY, "warning")])
def test_doctor_sees_how_much_memory_there_is(monkeypatch: pytest.MonkeyPatch, scarce: int, level: str) -> None:
    """Little is a warning with what it is too little for."""
    monkeypatch.setattr("database.doctor.SCARCE_MEMORY_BYTES", scarce)
    (memory,) = [each for each in diagnose(_embedded(Path("/nowhere"))) if each.subject == "memory"]
    assert (memory.level, memory.remedy is None) == (level, level == "ok")


def test_doctor_sees_whether_the_port_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program listens on the port of `dinamis serve` it is a warning with the option that helps."""

    def told() -> tuple[str, str | None]:
        (port,) = [each for each in diagnose(_embedded(Path("/nowhere"))) if each.subject == "port"]
        return port.level, port.remedy

    with socket.create_server(("127.0.0.1", 0)) as another:
        monkeypatch.setattr("database.doctor.SERVE_PORT", another.getsockname()[1])
        assert told() == ("warning", "Use `dinamis serve --port`.")
    assert told() == ("ok", None)


def test_doctor_sees_a_server_without_postgis(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is none, be it the newest: neither for a cluster to be made nor for one of its version."""
    skip_without_postgresql()
    usable = find_server()
    (tmp_path / str(usable.major)).symlink_to(usable.bindir.parent)
    (tmp_path / "97/bin").mkdir(parents=True)
    for program in ("initdb", "postgres", "pg_ctl"):
        (tmp_path / "97/bin" / program).write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 97.1'\n")
        (tmp_path / "97/bin" / program).chmod(0o755)
    monkeypatch.setattr("database.programs.DEBIAN_VERSIONS", tmp_path)
    with short_directory() as folder:
        cluster = PrivateCluster(folder)
        cluster.data.mkdir(parents=True)
        for major, level in ((97, "error"), (usable.major, "ok")):
            (cluster.data / "PG_VERSION").write_text(f"{major}\n")
            findings = {each.subject: each for each in diagnose(_embedded(folder))}
            assert findings["programs"].message.startswith(f"PostgreSQL {usable.major} with PostGIS in ")
            assert findings["server"].level == level


@pytest.mark.parametrize("mode", [0o640, 0o604], ids=["group", "others"])
def test_doctor_sees_what_is_amiss(mode: int) -> None:
    """Readable passwords and a data directory without its server are errors with a remedy."""
    with short_directory() as folder:
        cluster = PrivateCluster(folder)
        cluster.data.mkdir(parents=True)
        (cluster.data / "PG_VERSION").write_text("9\n")
        cluster.files.password_file.write_text("{}")
        cluster.files.password_file.chmod(mode)
        errors = {
            finding.subject: finding.remedy for finding in diagnose(_embedded(folder)) if finding.level == "error"
        }
    assert errors["passwords"] == f"chmod 600 {cluster.files.password_file}"
    assert "postgresql-9" in str(errors["server"])


def test_doctor_sees_a_closed_home() -> None:
    """A home that the server's user cannot enter is an error that holds the command."""
    with short_directory() as folder:
        cluster = PrivateCluster(folder / "closed" / "home")
        if not cluster.files.account.switches:
            pytest.skip("only root hands the server over to another user")
        (folder / "closed").mkdir(mode=0o700)
        homes = [finding for finding in diagnose(_embedded(cluster.home)) if finding.subject == "home"]
    assert [finding.level for finding in homes] == ["error"]
    assert f"chmod o+x {folder / 'closed'}" in homes[0].message


@pytest.mark.parametrize("below", ["", "home"], ids=["made", "to be made"])
@pytest.mark.parametrize("mode", [0o555, 0o666, 0], ids=["readable", "not to be entered", "closed"])
def test_doctor_sees_a_home_that_this_user_may_not_write(mode: int, below: str) -> None:
    """It is an error that names the folder, and nothing in the home is looked at, which nobody else may."""
    with short_directory() as folder:
        theirs = folder / "theirs"
        (theirs / "postgresql").mkdir(parents=True)
        (theirs / "postgresql").chmod(0)
        theirs.chmod(mode)
        with as_nobody():
            homes = {each.subject: each for each in diagnose(_embedded(theirs / below))}
        theirs.chmod(0o755)
    assert (homes["home"].level, "server" in homes) == ("error", False)
    assert f"{theirs} is no folder in which this user may write" in homes["home"].message
    assert "set DINAMIS_HOME" in str(homes["home"].remedy)


@pytest.mark.parametrize("act", [PrivateCluster.status, PrivateCluster.start, PrivateCluster.destroy])
def test_cluster_of_another_user_is_refused_with_advice(act: Callable[[PrivateCluster], object]) -> None:
    """Whoever may write the home, but not look into the folder of its cluster, is told whose that is."""
    with short_directory() as folder:
        (folder / "postgresql").mkdir()
        (folder / "postgresql").chmod(0)
        folder.chmod(0o777)
        with as_nobody():
            with pytest.raises(HomeRefused, match=r"/postgresql.* cannot be opened .*as the user that made the home"):
                act(PrivateCluster(folder))
            findings = {each.subject: each for each in diagnose(_embedded(folder))}
        (folder / "postgresql").chmod(0o755)
    assert (findings["home"].level, "server" in findings) == ("error", False)
    assert f"{folder / 'postgresql'} is no folder in which this user may write" in findings["home"].message


def test_doctor_sees_a_file_where_the_home_is_to_be_made() -> None:
    """It is an error that names the file, be it one that may be executed."""
    with short_directory() as folder:
        (folder / "file").touch(0o755)
        (home,) = [each for each in diagnose(_embedded(folder / "file" / "home")) if each.subject == "home"]
    assert (home.level, f"{folder / 'file'} is no folder" in home.message) == ("error", True)


def test_opening_a_running_cluster_gives_its_database(postgres_server: PostgresServer) -> None:
    """Opening the private database while it runs connects to it."""
    database = open_database(_embedded(postgres_server.cluster.home))
    with database.connect("api") as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("dinamis_api",)


def test_shell_runs_psql_as_the_role(postgres_server: PostgresServer, capfd: pytest.CaptureFixture[str]) -> None:
    """The shell is psql on the database as the role, its exit code ours, no password among its arguments."""
    code = open_shell(postgres_server.template, "api", ["-Atc", "SELECT current_user"])
    assert (code, capfd.readouterr().out) == (0, "dinamis_api\n")
    assert open_shell(postgres_server.template, "api", ["-qc", "DELETE FROM pgstac.items"]) != 0


def test_password_of_a_key_is_given_and_not_shown(
    postgres_server: PostgresServer, capfd: pytest.CaptureFixture[str]
) -> None:
    """Libpq in a program finds it in none of the arguments, which everybody can read; psql connects as ever."""
    said = make_conninfo(postgres_server.template.conninfo("api"), sslpassword="of 'the' key")
    program = (
        "import sys, psycopg.pq as pq\n"
        "connected = pq.PGconn.connect(sys.argv[1].encode())\n"
        "print(*(each.val.decode() for each in connected.info if each.keyword == b'sslpassword'))"
    )
    with without_passwords(said) as (shown, given):
        told = subprocess.run(
            [sys.executable, "-c", program, shown], check=True, capture_output=True, text=True, **given
        )
    assert "sslpassword" not in shown
    assert told.stdout == "of 'the' key\n"
    database = replace(postgres_server.template, api=SecretStr(said))
    assert (open_shell(database, "api", ["-Atc", "SELECT 1"]), capfd.readouterr().out) == (0, "1\n")
