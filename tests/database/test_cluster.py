"""The private cluster: made once, started by anybody, hurt by nothing that a machine does to it."""

from __future__ import annotations

import fcntl
import json
import os
import pwd
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from threading import Event, Timer

import psutil
import psycopg
import pytest

from database import PrivateCluster
from database.account import server_account
from database.cluster_files import ClusterFiles, silent
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
    port = running.status().port
    assert running.stop()
    assert (running.status().running, running.status().port) == (False, None)
    assert not running.stop()
    assert running.start().port == port
    assert _rows(running) == [("committed",)]


def test_stop_waits_for_who_handles_the_cluster(running: PrivateCluster) -> None:
    """A server that another process is about to use is not stopped under its hands."""
    with ThreadPoolExecutor(1) as pool:
        with running.files.locked(silent):
            stopping = pool.submit(running.stop)
            with pytest.raises(TimeoutError):
                stopping.result(timeout=1)
        assert stopping.result()


def test_stop_and_destroy_of_nothing_make_nothing() -> None:
    """Where no cluster was made there is nothing to stop or to remove, and no home afterwards."""
    with short_directory() as folder:
        cluster = PrivateCluster(folder / "home")
        assert not cluster.stop()
        assert not cluster.destroy()
        assert not cluster.home.exists()


def test_lock_of_a_cluster_that_is_destroyed_meanwhile_is_taken_anew() -> None:
    """Who waited for `destroy` holds the lock that all others find, not the file that was removed."""
    with short_directory() as folder, ThreadPoolExecutor(1) as pool:
        files, is_waiting, is_at_work, is_done = ClusterFiles(folder / "home"), Event(), Event(), Event()

        def work() -> None:
            with files.locked(lambda _: is_waiting.set()):
                is_at_work.set()
                is_done.wait()

        with files.locked(silent) as lock:
            working = pool.submit(work)
            assert is_waiting.wait(10)
            lock.unlink()
        try:
            assert is_at_work.wait(10)
            with lock.open() as found, pytest.raises(BlockingIOError):
                fcntl.flock(found, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            is_done.set()
        working.result()


def test_server_that_another_process_has_just_begun_to_start_is_waited_for(cluster: PrivateCluster) -> None:
    """Who had begun it may be gone; the server comes to its end by itself."""
    cluster.start()
    cluster.stop()
    started = [cluster.server.path("pg_ctl"), "start", "--no-wait", f"--pgdata={cluster.data}", f"--log={cluster.log}"]
    cluster.files.account.run(started, cwd=cluster.directory, environment={"LC_ALL": "C.UTF-8"})
    while (pid := cluster.status().pid) is None:
        time.sleep(0.001)
    os.kill(pid, signal.SIGSTOP)
    slow = Timer(1, os.kill, (pid, signal.SIGCONT))
    slow.start()
    assert cluster.start().pid == pid
    slow.join()
    assert _answers(cluster)


def test_server_that_is_being_stopped_is_started_again(cluster: PrivateCluster) -> None:
    """A shutdown that another program asked for is waited for, then there is a new server."""
    before = cluster.start().pid
    ended = ["stop", "--mode=smart", "--no-wait", f"--pgdata={cluster.data}"]
    with psycopg.connect(cluster.conninfo("owner")) as last:
        pg_ctl = [cluster.server.path("pg_ctl"), *ended]
        cluster.files.account.run(pg_ctl, cwd=cluster.directory, environment={"LC_ALL": "C.UTF-8"})
        while "stopping" not in (cluster.data / "postmaster.pid").read_text():
            time.sleep(0.01)
        leaving = Timer(1, last.close)
        leaving.start()
        after = cluster.start().pid
        leaving.join()
    assert after not in (None, before)
    assert _answers(cluster)


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


def test_torn_small_files_do_not_stop_the_start(running: PrivateCluster) -> None:
    """A pid file and a record of the port that say nothing are those of a machine that lost its power."""
    for record in ("{", "[]"):
        running.stop()
        (running.data / "postmaster.pid").write_text("torn")
        (running.directory / "endpoint.json").write_text(record)
        assert not running.status().running
        running.start()
    assert _answers(running)


def test_torn_version_file_is_told_by_the_server(cluster: PrivateCluster) -> None:
    """A data directory that does not say of which version it is fails with the words of the server."""
    (cluster.data / "PG_VERSION").write_text("")
    assert cluster.status().major is None
    with pytest.raises(ClusterError, match="not a valid data directory"):
        cluster.start()


def test_processes_of_a_killed_server_that_do_not_end_are_named(
    cluster: PrivateCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second server beside them would spoil the data: there is none, and the message has the command."""
    account = cluster.files.account
    program = cluster.home / "postgres"
    shutil.copy("/bin/sleep", program)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with subprocess.Popen([program, "60"], cwd=cluster.data, user=account.uid if account.switches else None) as orphan:
        with pytest.raises(ClusterError, match=f"end them with `kill {orphan.pid}`"):
            cluster.start()
        orphan.terminate()
    program.unlink()


def test_login_that_was_half_made_is_made_whole(cluster: PrivateCluster) -> None:
    """A role without login and password is what a start leaves that was killed between the two."""
    cluster.start()
    with psycopg.connect(cluster.conninfo("owner")) as connection:
        connection.execute("ALTER ROLE dinamis_api NOLOGIN PASSWORD NULL")
    cluster.start()
    assert _answers(cluster)


def test_disk_without_room_leaves_nothing_half_made() -> None:
    """What initdb says is told, no data directory is there, and no password in a file of its own."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with short_directory() as folder:
        cluster = PrivateCluster(folder / "home")
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, most))
        try:
            with pytest.raises(ClusterError, match="initdb failed"):
                cluster.start()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        assert not cluster.status().exists
        assert list(cluster.directory.glob("*.password")) == []


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


def test_port_that_is_taken_at_the_last_moment_is_chosen_again(running: PrivateCluster) -> None:
    """Another program takes it when it was found free, but before the server listens."""
    running.stop()
    with socket.socket() as other:

        def take_it(message: str) -> None:
            if (starting := re.search(r"Starting .*:(\d+)$", message)) and other.getsockname()[1] == 0:
                other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                other.bind(("127.0.0.1", int(starting[1])))
                other.listen()

        after = running.start(take_it).port
        assert after not in (None, other.getsockname()[1])
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
    """The files of ours belong to the server's account with mode 0600, the directories have 0700."""
    for file in (running.files.password_file, running.home / "postgresql.lock"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert file.stat().st_uid == running.files.account.uid
    for folder in (running.directory, running.data, running.directory / "socket", running.log.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert len(set(json.loads(running.files.password_file.read_text()).values())) == 3


def test_wrong_password_is_refused(running: PrivateCluster) -> None:
    """Nobody comes in without the password, not even through the loopback address."""
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(running.conninfo("owner"), password="guessed")


def test_durable_and_checksummed(running: PrivateCluster) -> None:
    """The server syncs its writes, checks its pages, and keeps text as UTF-8 and times in UTC."""
    with psycopg.connect(running.conninfo("owner")) as connection:
        shown = {
            name: connection.execute(f"SHOW {name}").fetchone()
            for name in (
                "fsync",
                "data_checksums",
                "server_encoding",
                "password_encryption",
                "log_timezone",
                "TimeZone",
            )
        }
    assert shown == {
        "fsync": ("on",),
        "data_checksums": ("on",),
        "server_encoding": ("UTF8",),
        "password_encryption": ("scram-sha-256",),
        "log_timezone": ("UTC",),
        "TimeZone": ("UTC",),
    }


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the server over to another user")
def test_root_does_not_run_the_server(running: PrivateCluster) -> None:
    """As root the server runs as the unprivileged system user."""
    assert _processes(running)[0].username() == "dinamis"
    assert pwd.getpwnam("dinamis").pw_shell.endswith("nologin")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the server over to another user")
@pytest.mark.parametrize("is_made", [False, True], ids=["to be made", "made"])
def test_closed_home_is_refused_with_the_command_that_opens_it(is_made: bool) -> None:
    """A home below a directory that the server's user cannot enter is refused, and the message mends it."""
    with short_directory() as folder:
        if is_made:
            (folder / "home").mkdir()
        folder.chmod(0o700)
        with pytest.raises(HomeRefused, match=rf"chmod o\+x {folder}"):
            PrivateCluster(folder / "home").start()
        assert not (folder / "home" / "postgresql").exists()
        assert (folder / "home").exists() == is_made


def test_home_is_open_to_the_server_however_careful_the_user_is() -> None:
    """Whoever makes it, and every folder on the way to it, with a umask that closes all to others."""
    before = os.umask(0o077)
    try:
        with short_directory() as folder:
            files = ClusterFiles(folder / "way" / "home")
            files.make_home()
            files.make_directory()
            assert files.account.can_enter(files.directory)
    finally:
        os.umask(before)


def test_home_where_a_file_is_in_the_way_is_refused() -> None:
    """With what to do, instead of the words of the system alone."""
    with short_directory() as folder:
        (folder / "file").touch()
        with pytest.raises(HomeRefused, match=r"cannot be made .*set DINAMIS_HOME elsewhere"):
            ClusterFiles(folder / "file" / "home").make_home()


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
        distant = _socket_directory(cluster)
        assert stat.S_IMODE(distant.stat().st_mode) == 0o700
        cluster.stop()
        cluster.start()
        again = _socket_directory(cluster)
        assert (distant.exists(), again.exists()) == (False, True)
        cluster.destroy()
        assert not again.exists()


def _socket_directory(cluster: PrivateCluster) -> Path:
    return Path(json.loads((cluster.directory / "endpoint.json").read_text())["socket"])


def test_home_may_have_an_apostrophe(pristine: Path) -> None:
    """As in the name of a person; the configuration of the server quotes it."""
    with short_directory() as folder:
        home = folder / "o'brien"
        subprocess.run(["cp", "-a", str(pristine), str(home)], check=True)
        cluster = PrivateCluster(home)
        try:
            cluster.start()
            assert _answers(cluster)
        finally:
            cluster.destroy()


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


def test_empty_directory_is_made_ours() -> None:
    """Whoever was killed when it was just made, or mounted a disk there, has left nothing that could be lost."""
    with short_directory() as folder:
        files = ClusterFiles(folder)
        files.directory.mkdir()
        files.make_directory()
        (files.directory / "data").mkdir()
        files.refuse_foreign()


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
    said: list[str] = []
    with pytest.raises(ClusterError, match="no_such_library"):
        cluster.start(said.append)
    assert time.monotonic() - began < 15
    assert len([line for line in said if "Starting" in line]) == 1


def test_programs_that_are_half_removed_are_told(cluster: PrivateCluster) -> None:
    """As in the midst of an upgrade of the system: pg_ctl is there, but not the server that it is to start."""
    installed = cluster.server
    with short_directory() as folder:
        shutil.copy(installed.path("pg_ctl"), folder)
        with pytest.raises(ClusterError, match=r'pg_ctl failed: .*"postgres"'):
            PrivateCluster(cluster.home, server=replace(installed, bindir=folder)).start()


def test_signal_to_the_program_does_not_stop_the_server(running: PrivateCluster) -> None:
    """Ctrl-C in the terminal that started the server reaches the program, not the server."""
    assert os.getpgid(_processes(running)[0].pid) != os.getpgid(0)
    assert os.getsid(_processes(running)[0].pid) != os.getsid(0)


def test_server_account_is_made_once() -> None:
    """Asking for the account again gives the same one."""
    assert server_account() == server_account()
