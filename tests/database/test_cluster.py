"""The private cluster: made once, started by anybody, hurt by nothing that a machine does to it."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from database import PrivateCluster
from database.account import server_account
from database.errors import ClusterError, HomeRefused
from database.programs import find_server
from tests.postgres import short_directory


@pytest.fixture(scope="module")
def pristine() -> Iterator[Path]:
    """The home of a stopped cluster with its empty database, to be copied instead of made anew."""
    find_server()
    with short_directory() as folder:
        made = PrivateCluster(folder / "home")
        made.start()
        made.stop()
        yield folder / "home"


@pytest.fixture
def cluster(pristine: Path) -> Iterator[PrivateCluster]:
    """A stopped cluster of the test's own, to be spoilt, destroyed at the end."""
    with short_directory() as folder:
        subprocess.run(["cp", "-a", str(pristine), str(folder / "home")], check=True)
        cluster = PrivateCluster(folder / "home")
        yield cluster
        cluster.destroy()


@pytest.fixture(scope="module")
def shared(pristine: Path) -> Iterator[PrivateCluster]:
    """A cluster for the tests that leave it whole."""
    with short_directory() as folder:
        subprocess.run(["cp", "-a", str(pristine), str(folder / "home")], check=True)
        cluster = PrivateCluster(folder / "home")
        yield cluster
        cluster.destroy()


@pytest.fixture
def running(shared: PrivateCluster) -> PrivateCluster:
    """The shared cluster, started."""
    shared.start()
    return shared


def _processes(cluster: PrivateCluster) -> list[psutil.Process]:
    postmaster = psutil.Process(cluster.status().pid)
    return [postmaster, *postmaster.children(recursive=True)]


def _kill_everything(cluster: PrivateCluster) -> int:
    """End the server with kill -9 together with all its children; the pid it had."""
    processes = _processes(cluster)
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a worker that ended by itself
            process.kill()
    psutil.wait_procs(processes, timeout=10)
    return processes[0].pid


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _write_a_row(cluster: PrivateCluster) -> None:
    with psycopg.connect(cluster.conninfo("owner")) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept (note text)")
        connection.execute("INSERT INTO kept VALUES ('committed')")


def _rows(cluster: PrivateCluster) -> list[tuple[str]]:
    with psycopg.connect(cluster.conninfo("owner")) as connection:
        return connection.execute("SELECT note FROM kept").fetchall()


def test_start_is_idempotent(running: PrivateCluster) -> None:
    """A second start finds the server running and leaves it alone."""
    first = running.start()
    second = running.start()
    assert first.running
    assert second == first


def test_stop_and_start_keep_the_data(running: PrivateCluster) -> None:
    """After a stop the server is gone, after the next start the data are back."""
    _write_a_row(running)
    assert running.stop()
    assert not running.status().running
    assert not running.stop()
    running.start()
    assert _rows(running) == [("committed",)]


def test_kill_of_everything_loses_nothing(running: PrivateCluster) -> None:
    """After kill -9 of the server and all its children it starts again with what was committed."""
    _write_a_row(running)
    _kill_everything(running)
    assert not running.status().running
    said: list[str] = []
    running.start(said.append)
    assert _rows(running) == [("committed",)]
    assert any("Starting" in line for line in said)


def test_kill_of_the_postmaster_alone_loses_nothing(running: PrivateCluster) -> None:
    """When only the postmaster is killed, the start waits for its children to end and the data are there."""
    _write_a_row(running)
    postmaster = _processes(running)[0]
    postmaster.kill()
    psutil.wait_procs([postmaster], timeout=10)
    running.start()
    assert _rows(running) == [("committed",)]


def test_pid_file_naming_another_process_is_stale(running: PrivateCluster) -> None:
    """A pid file whose number now belongs to another process of the same user does not stop the start."""
    _write_a_row(running)
    pid = _kill_everything(running)
    account = running.files.account
    with subprocess.Popen(["sleep", "60"], user=account.uid if account.switches else None) as bystander:
        for file in [running.data / "postmaster.pid", *(running.directory / "socket").glob(".*.lock")]:
            file.write_text(file.read_text().replace(str(pid), str(bystander.pid), 1))
        assert not running.status().running
        running.start()
        assert bystander.poll() is None, "the other process was hurt"
        bystander.terminate()
    assert _rows(running) == [("committed",)]


def test_half_made_cluster_is_made_again() -> None:
    """An initdb that was killed half-way is thrown away and made again; destroy then removes the home that was made."""
    with short_directory() as folder:
        cluster = PrivateCluster(folder / "home")
        cluster.files.make_home()
        cluster.files.make_directory()
        draft = cluster.directory / "data.new"
        draft.mkdir()
        (draft / "PG_VERSION").write_text("15\n")
        (draft / "half").write_text("written")
        try:
            assert not cluster.status().exists
            assert cluster.start().running
            assert not draft.exists()
            assert not (cluster.data / "half").exists()
        finally:
            cluster.destroy()
        assert not cluster.home.exists()


def test_two_processes_may_start_it_at_once() -> None:
    """Two processes that make and start one cluster at the same time end with one server, both content."""
    program = "import sys, database, pathlib; print(database.PrivateCluster(pathlib.Path(sys.argv[1])).start().pid)"
    with short_directory() as folder:
        home = folder / "home"
        try:
            starts = [
                subprocess.Popen([sys.executable, "-c", program, str(home)], stdout=subprocess.PIPE, text=True)
                for _ in range(2)
            ]
            answers = [start.communicate(timeout=60)[0].strip() for start in starts]
            assert [start.returncode for start in starts] == [0, 0]
            assert answers[0] == answers[1] == str(PrivateCluster(home).status().pid)
        finally:
            PrivateCluster(home).destroy()


def test_taken_port_is_chosen_again(running: PrivateCluster) -> None:
    """When another program took the recorded port meanwhile, the server starts on another one."""
    before = running.status().port
    assert before is not None
    running.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", before))
        other.listen()
        after = running.start().port
    assert after != before
    assert _answers(running)


def _answers(cluster: PrivateCluster) -> bool:
    with psycopg.connect(cluster.conninfo("api")) as connection:
        return connection.execute("SELECT 1").fetchone() == (1,)


def test_listens_on_loopback_only(running: PrivateCluster) -> None:
    """The server listens on no address that another machine could reach."""
    listening = {
        connection.laddr.ip
        for connection in _processes(running)[0].net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_passwords_are_readable_by_their_owner_only(running: PrivateCluster) -> None:
    """The password file belongs to the server's account with mode 0600, the directories with 0700."""
    state = running.files.password_file.stat()
    assert stat.S_IMODE(state.st_mode) == 0o600
    assert state.st_uid == running.files.account.uid
    for folder in (running.directory, running.data, running.directory / "socket", running.log.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(set(json.loads(running.files.password_file.read_text()).values())) == 3


def test_wrong_password_is_refused(running: PrivateCluster) -> None:
    """Nobody comes in without the password, not even through the loopback address."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running.conninfo("owner"), password="guessed")


def test_durable_and_checksummed(running: PrivateCluster) -> None:
    """The server syncs its writes, checks its pages, and keeps text as UTF-8."""
    with psycopg.connect(running.conninfo("owner")) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in ("fsync", "data_checksums", "server_encoding", "password_encryption")
        }
    assert shown == {
        "fsync": ("on",),
        "data_checksums": ("on",),
        "server_encoding": ("UTF8",),
        "password_encryption": ("scram-sha-256",),
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the server over to another user")
def test_root_does_not_run_the_server(running: PrivateCluster) -> None:
    """As root the server runs as the unprivileged system user."""
    assert _processes(running)[0].username() == "dinamis"
    assert pwd.getpwnam("dinamis").pw_shell.endswith("nologin")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the server over to another user")
def test_closed_home_is_refused_with_the_command_that_opens_it() -> None:
    """A home below a directory that the server's user cannot enter is refused, and the message mends it."""
    with short_directory() as folder:
        folder.chmod(0o700)
        with pytest.raises(HomeRefused, match=rf"chmod o\+x {folder}"):
            PrivateCluster(folder / "home").start()
        assert not (folder / "home").exists()


def test_lock_of_somebody_else_is_refused_with_advice() -> None:
    """A home whose lock cannot be opened is that of another user; here even of the superuser."""
    with short_directory() as folder:
        (folder / "postgresql.lock").mkdir()
        with pytest.raises(HomeRefused, match="as the user that made the home, or set DINAMIS_HOME"):
            PrivateCluster(folder).start()


def test_long_home_gets_a_short_socket_directory(pristine: Path) -> None:
    """A home whose path is too long for a unix socket works, and leaves nothing behind when destroyed."""
    with short_directory() as folder:
        home = folder / ("n" * 60) / ("m" * 60)
        home.parent.mkdir()
        home.parent.chmod(0o755)
        subprocess.run(["cp", "-a", str(pristine), str(home)], check=True)
        cluster = PrivateCluster(home)
        cluster.start()
        distant = Path(json.loads((cluster.directory / "endpoint.json").read_text())["socket"])
        assert stat.S_IMODE(distant.stat().st_mode) == 0o700
        cluster.destroy()
        assert not distant.exists()


def test_other_major_version_is_refused(cluster: PrivateCluster) -> None:
    """A data directory of another PostgreSQL version is refused, naming the package, and not touched."""
    (cluster.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(Exception, match="PostgreSQL 9") as refusal:
        PrivateCluster(cluster.home).start()
    assert "postgresql-9-postgis-3" in str(refusal.value)
    with pytest.raises(ClusterError, match="made by PostgreSQL 9"):
        PrivateCluster(cluster.home, server=find_server()).start()


def test_directory_of_others_is_neither_used_nor_removed() -> None:
    """A directory `postgresql` that we did not make is refused by start and by destroy."""
    with short_directory() as folder:
        theirs = folder / "postgresql" / "precious"
        theirs.parent.mkdir()
        theirs.write_text("data")
        for action in (PrivateCluster(folder).start, PrivateCluster(folder).destroy):
            with pytest.raises(HomeRefused, match="not ours"):
                action()
        assert theirs.read_text() == "data"


def test_destroy_leaves_the_files_of_others(cluster: PrivateCluster) -> None:
    """Destroy ends the server and removes the cluster, not what others put into the home."""
    cluster.start()
    others = cluster.home / "archive.txt"
    others.write_text("mine")
    pid = _processes(cluster)[0].pid
    assert cluster.destroy()
    assert not _runs(pid)
    assert sorted(path.name for path in cluster.home.iterdir()) == [".made-by-dinamis", "archive.txt"]
    assert not cluster.destroy()


def test_lost_password_file_is_explained(cluster: PrivateCluster) -> None:
    """Without the password file the start says what to do instead of failing somewhere later."""
    cluster.files.password_file.unlink()
    with pytest.raises(ClusterError, match="restore it from a backup"):
        cluster.start()


def test_large_log_begins_anew(cluster: PrivateCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log of a server that runs for years takes no more of the disk than twice its limit."""
    cluster.start()
    cluster.stop()
    monkeypatch.setattr("database.cluster.LARGEST_LOG_BYTES", cluster.log.stat().st_size - 1)
    before = cluster.log.read_bytes()
    cluster.start()
    assert cluster.log.with_suffix(".log.1").read_bytes() == before
    assert not cluster.log.read_bytes().startswith(before)


def test_broken_configuration_shows_the_servers_own_words(cluster: PrivateCluster) -> None:
    """A server that cannot start is reported at once with the end of its log."""
    with (cluster.data / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("shared_preload_libraries = 'no_such_library'\n")
    began = time.monotonic()
    with pytest.raises(ClusterError, match="no_such_library"):
        cluster.start()
    assert time.monotonic() - began < 15


def test_signal_to_the_program_does_not_stop_the_server(running: PrivateCluster) -> None:
    """Ctrl-C in the terminal that started the server reaches the program, not the server."""
    assert os.getpgid(_processes(running)[0].pid) != os.getpgid(0)
    assert os.getsid(_processes(running)[0].pid) != os.getsid(0)


def test_server_account_is_made_once() -> None:
    """Asking for the account again gives the same one."""
    assert server_account() == server_account()
