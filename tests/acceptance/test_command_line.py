"""The commands as a person meets them: help that teaches, errors of one line, exit codes that scripts can use."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli import main
from database import PrivateCluster
from tests.acceptance.command_line import PROGRAM, PROJECT, Dinamis, Finished
from tests.acceptance.conftest import Harvest
from tests.postgres import short_directory


def commands(group: click.Group, *names: str) -> Iterator[tuple[str, ...]]:
    """The names of every command and group, as they are typed."""
    yield names
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name)


@pytest.fixture
def unused() -> Iterator[Dinamis]:
    """The command line where no database was ever made."""
    with short_directory() as home:
        yield Dinamis(home)


def said(finished: Finished) -> str:
    """The one line of a foreseen error; nothing on stdout, no traceback."""
    assert finished.code == 2
    assert finished.out == ""
    assert "Traceback" not in finished.err
    lines = [line for line in finished.err.splitlines() if line.startswith("Error: ")]
    assert len(lines) == 1, finished.err
    return lines[0]


@pytest.mark.parametrize("names", list(commands(main)), ids=lambda names: " ".join(names) or "dinamis")
def test_every_command_has_help_that_teaches(names: tuple[str, ...]) -> None:
    """--help says in whole sentences what commands do, those of a group in a line each, and what options are for."""
    command: click.Command = main
    for name in names:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    _usage, *shown = CliRunner().invoke(main, [*names, "--help"], terminal_width=80).output.splitlines()
    assert command.help
    assert [line for line in shown if line.endswith("...")] == []
    assert command.help.split("\n\n")[0].rstrip().endswith((".", "`.", "!", ":", "?"))
    options = [option for option in command.params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []
    assert all(option.opts[0] in "\n".join(shown) for option in options)


@pytest.mark.parametrize(
    ("names", "example"),
    [
        ((), "dinamis harvest deliveries /archive/airbus"),
        (("harvest", "run"), "dinamis harvest run --all"),
        (("harvest", "deliveries"), "dinamis harvest deliveries s3://bucket/prefix"),
        (("harvest", "show"), "dinamis harvest show 12 --records"),
        (("harvest", "undo"), "dinamis harvest undo 12"),
        (("harvest", "correct"), "dinamis harvest correct PHR1A_202108151041301 --list"),
        (("serve",), "dinamis serve --host 0.0.0.0"),
        (("demo",), "dinamis demo --once"),
        (("db", "shell"), "dinamis db shell -- -c 'SELECT 1'"),
        (("collections", "check"), "dinamis collections check"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_help_shows_an_example(dinamis: Dinamis, names: tuple[str, ...], example: str) -> None:
    """Commands with something to choose show how they are typed."""
    shown = dinamis.run(*names, "--help", environment={"COLUMNS": "120"})
    assert (shown.code, shown.err) == (0, "")
    assert any(line.strip().startswith(example) for line in shown.out.splitlines()) or f"`{example}`" in shown.out
    assert "\\b" not in shown.out


def test_help_needs_no_database(unused: Dinamis) -> None:
    """Asking for help or for the version makes nothing."""
    assert unused.run("--version").code == unused.run("harvest", "deliveries", "--help").code == 0
    assert list(unused.home.iterdir()) == []


def test_missing_folder_is_one_line(dinamis: Dinamis, first_harvest: Harvest) -> None:
    """A path that does not exist fails with its name and what to check."""
    line = said(dinamis.run("harvest", "deliveries", "/nowhere/at all"))
    assert "/nowhere/at all does not exist" in line


@pytest.mark.parametrize(
    ("location", "reason"),
    [("gopher://example.org/out", "gopher://"), ("file://host/out", "three slashes")],
)
def test_bad_url_is_one_line(dinamis: Dinamis, first_harvest: Harvest, location: str, reason: str) -> None:
    """A URL that nothing can read fails with what is wrong and what is possible."""
    assert reason in said(dinamis.run("harvest", "deliveries", location))


def test_unknown_collection_is_refused_before_anything_is_read(unused: Dinamis, dimap: Path) -> None:
    """An unknown --collection fails at once, with the collections there are; no database is made, no report written."""
    report = unused.home / "report.json"
    line = said(unused.run("harvest", "deliveries", dimap, "--collection", "pleiads", "--report", report))
    assert "pleiads" in line
    assert all(known in line for known in ("pleiades", "spot-6-7", "rapideye-france"))
    assert list(unused.home.iterdir()) == []


def test_empty_folder_is_not_taken_for_a_harvest(dinamis: Dinamis, first_harvest: Harvest, tmp_path: Path) -> None:
    """Where no delivery is found that is said, with what was seen instead of it, and it is no failure."""
    empty = dinamis.run("harvest", "deliveries", tmp_path)
    assert (empty.code, empty.out.strip()) == (0, f"deliveries {tmp_path}: nothing was found there.")
    (tmp_path / "notes.txt").write_text("no metadata", encoding="utf-8")
    other = dinamis.run("harvest", "deliveries", tmp_path)
    assert other.code == 0
    assert other.out.strip().endswith("nothing was found there: passed over 1 other files.")
    assert "records read" not in empty.err + other.err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_harvest_gives_its_account(
    dinamis: Dinamis, first_harvest: Harvest, tmp_path: Path, stop: signal.Signals
) -> None:
    """Ctrl-C and SIGTERM end with exit code 130; what was committed is told and written into the report.

    The next harvest goes on with the run, and has read every record once.
    """
    # A shell lets its background jobs ignore Ctrl-C, and children would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in range(6000):
        (tmp_path / f"DIM_{number:04}.XML").touch()
    report = dinamis.home / "interrupted.json"
    with subprocess.Popen(
        [PROGRAM, "harvest", "deliveries", str(tmp_path), "--report", str(report)],
        cwd=PROJECT,
        env=dinamis.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert ": 200 records read" in process.stderr.readline()
        process.send_signal(stop)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "What was written is kept: the same command" in out
    account = json.loads(report.read_text(encoding="utf-8"))
    assert account["error"] == "interrupted"
    assert 200 <= account["read"] == account["quarantined"] < 6000

    rest = dinamis.run("harvest", "deliveries", tmp_path, "--json")
    again = json.loads(rest.out)
    assert (again["run"], again["is_resumed"]) == (account["run"], True)
    assert again["read"] == again["quarantined"] == 6000


def test_failed_harvest_writes_its_report(dinamis: Dinamis, first_harvest: Harvest) -> None:
    """After a failure the report has the reason; after a success it has none."""
    report = dinamis.home / "failed.json"
    line = said(dinamis.run("harvest", "deliveries", "/nowhere", "--report", report))
    assert json.loads(report.read_text(encoding="utf-8"))["error"] == line.removeprefix("Error: ")
    assert first_harvest.report["error"] is None


def test_bad_database_url_is_one_line(unused: Dinamis) -> None:
    """A URL of another library is refused with the form that is wanted, and its password is not printed."""
    url = "postgresql+psycopg://u:hush@h/db"
    for options in ((), ("--verbose",)):
        finished = unused.run(*options, "db", "migrate", environment={"DINAMIS_DATABASE_URL": url})
        assert "DINAMIS_DATABASE_URL" in said(finished)
        assert "hush" not in finished.err


def test_url_of_one_role_makes_no_private_catalogue(dinamis: Dinamis, first_harvest: Harvest, unused: Dinamis) -> None:
    """With the URL of the API alone the harvester has no database: it says what to set, and makes none."""
    environment = {"DINAMIS_API_DATABASE_URL": PrivateCluster(dinamis.home).conninfo("api")}
    for command in (("collections", "load"), ("db", "migrate")):
        assert "DINAMIS_DATABASE_URL" in said(unused.run(*command, environment=environment))
    assert unused.run("db", "status", environment=environment).code == 0
    assert list(unused.home.iterdir()) == []


def test_harvester_needs_its_own_url_only(
    dinamis: Dinamis, first_harvest: Harvest, unused: Dinamis, dimap: Path
) -> None:
    """A host that knows the harvester's URL alone harvests into that server."""
    environment = {"DINAMIS_HARVEST_DATABASE_URL": PrivateCluster(dinamis.home).conninfo("harvest")}
    finished = unused.run("harvest", "deliveries", dimap / "Terradue_Stars", environment=environment)
    assert finished.code == 1, finished.err
    assert "Nothing else has changed" in finished.out


def test_report_that_cannot_be_written_is_told_first(unused: Dinamis, dimap: Path) -> None:
    """A report in a folder that does not exist is refused before hours of reading."""
    finished = unused.run("harvest", "deliveries", dimap, "--report", unused.home / "absent" / "report.json")
    assert "report" in said(finished)
    assert list(unused.home.iterdir()) == []


def test_report_for_which_the_disk_has_no_room_is_written_elsewhere(
    dinamis: Dinamis, first_harvest: Harvest, tmp_path: Path
) -> None:
    """That is one line, with the command that writes it from what is kept in the database."""
    (tmp_path / "report.json").symlink_to("/dev/full")
    finished = dinamis.run("harvest", "show", "1", "--report", tmp_path / "report.json")
    assert (finished.code, "Traceback" in finished.err) == (2, False)
    assert "`dinamis harvest show 1 --report FILE`" in finished.err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_output_for_which_the_disk_has_no_room_is_one_line(unused: Dinamis, options: tuple[str, ...]) -> None:
    """A full disk below a redirected output ends with exit code 2 and without a traceback."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [PROGRAM, "collections", "list", *options],
            env=unused.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (2, b"Error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_terminal_that_does_not_have_all_letters(unused: Dinamis, encoding: str) -> None:
    """Text is readable in what letters there are, and JSON is whole and UTF-8 nevertheless."""
    environment = {"PYTHONIOENCODING": encoding}
    told = unused.run("doctor", environment=environment)
    assert "? home: " in told.out
    listed = unused.run("collections", "list", "--json", environment=environment)
    assert json.loads(listed.out)[0]["title"] == "Pléiades – archive d’Airbus à commander"


@pytest.mark.parametrize("command", [("collections", "list"), ("collections", "load")])
def test_unreadable_collections_are_one_line(unused: Dinamis, command: tuple[str, ...]) -> None:
    """DINAMIS_COLLECTIONS that leads nowhere fails with its name."""
    assert "/nowhere" in said(unused.run(*command, environment={"DINAMIS_COLLECTIONS": "/nowhere"}))


@pytest.mark.parametrize(
    ("variable", "value"),
    [("POOL_SIZE", "none"), ("PUBLIC_URL", "stac.example.org"), ("OIDC_ISSUERS", "http://sso.example.org")],
)
def test_bad_setting_is_one_line(dinamis: Dinamis, first_harvest: Harvest, variable: str, value: str) -> None:
    """A variable with a value that cannot be is named, once."""
    name = f"DINAMIS_API_{variable}"
    assert said(dinamis.run("serve", "--port", "1", environment={name: value})).count(name) == 1


def test_taken_port_is_one_line(dinamis: Dinamis, server: object) -> None:
    """A port that another program has is told with the option that helps."""
    port = str(getattr(server, "url")).rpartition(":")[2]  # noqa: B009
    line = said(dinamis.run("serve", "--port", port))
    assert port in line
    assert "--port" in line


def test_collections_check_tells_errors_by_its_exit_code(unused: Dinamis, tmp_path: Path) -> None:
    """0 for the shipped documents, 1 with file and line for a broken one, or with the folder where there are none."""
    shipped = unused.run("collections", "check")
    assert (shipped.code, "0 errors" in shipped.out) == (0, True)
    (tmp_path / "broken.yaml").write_text("stac:\n  id: broken\n  extent: 3\n", encoding="utf-8")
    broken = unused.run("collections", "check", tmp_path)
    assert broken.code == 1
    assert "broken.yaml:3" in broken.out
    nowhere = unused.run("collections", "check", environment={"DINAMIS_COLLECTIONS": "/nowhere"})
    assert (nowhere.code, nowhere.out.startswith("/nowhere")) == (1, True)


def test_line_of_a_mistake_is_a_number(unused: Dinamis, tmp_path: Path) -> None:
    """Also that of line 100, which some terminals would show as an emoji."""
    (tmp_path / "broken.yaml").write_text("\n" * 99 + "stac: [", encoding="utf-8")
    refused = unused.run("harvest", "status", environment={"DINAMIS_COLLECTIONS": str(tmp_path)})
    assert "broken.yaml:100:" in said(refused)


@pytest.mark.parametrize(
    "command",
    [
        ("collections", "list"),
        ("doctor",),
        ("db", "status"),
        ("harvest", "sources"),
        ("harvest", "status"),
        ("harvest", "history"),
        ("harvest", "show", "1"),
        ("harvest", "show", "1", "--records"),
        ("harvest", "show", "1", "--conflicts"),
        ("harvest", "quarantine", "list"),
    ],
    ids=" ".join,
)
def test_json_is_json(dinamis: Dinamis, first_harvest: Harvest, command: tuple[str, ...]) -> None:
    """With --json standard output is one JSON document, on any width of terminal, and says something."""
    finished = dinamis.run(*command, "--json", environment={"COLUMNS": "20"})
    assert finished.code == 0, finished.err
    assert json.loads(finished.out)


def test_status_tells_by_its_exit_code(dinamis: Dinamis, first_harvest: Harvest, unused: Dinamis) -> None:
    """0 when the database is ready, 1 when there is none, and asking does not make one."""
    assert dinamis.run("db", "status").code == 0
    assert unused.run("db", "status").code == 1
    assert list(unused.home.iterdir()) == []


def test_database_lives_through_its_commands(unused: Dinamis) -> None:
    """Started, stopped and started again it is the same; destroyed only when the question is answered with yes."""
    assert unused.run("db", "start").code == 0
    assert unused.run("db", "stop").code == 0
    assert unused.run("db", "stop").out.strip() == "The private database was not running."
    assert unused.run("db", "status").code == 1
    for answer in ("n\n", ""):
        refused = unused.run("db", "destroy", typed=answer)
        assert (refused.code, (unused.home / "postgresql").exists()) == (2, True)
        assert "nothing was done" in refused.err
        assert "Traceback" not in refused.err
    destroyed = unused.run("db", "destroy", typed="y\n")
    assert (destroyed.code, (unused.home / "postgresql").exists()) == (0, False)
    assert "There is no private database" in unused.run("db", "destroy", "--yes").out


def test_psql_opens_with_the_role_that_is_asked_for(dinamis: Dinamis, first_harvest: Harvest) -> None:
    """`db shell` passes what stands after -- on to psql, as the least privileged role if so wished."""
    finished = dinamis.run("db", "shell", "--role", "api", "--", "-Atc", "SELECT current_user")
    assert (finished.code, finished.out.strip()) == (0, "dinamis_api")


def test_lines_are_plain_where_nobody_watches(first_harvest: Harvest) -> None:
    """In a file or a pipe there are no colours and no moving bars, but a line for each page."""
    finished = first_harvest.finished
    assert "\x1b" not in finished.out + finished.err
    assert "\r" not in finished.out + finished.err
    assert re.search(r"51 records read \(\d+/s\): 14 new, 37 quarantined", finished.err)


def test_terminal_shows_progress(dinamis: Dinamis, first_harvest: Harvest, dimap: Path) -> None:
    """On a terminal there is a bar that tells what is read, the records and the files seen."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "harvest", "deliveries", str(dimap / "Terradue_Stars")],
        cwd=PROJECT,
        env=dinamis.environment() | {"TERM": "xterm-256color", "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while chunk := os.read(ours, 4096):
            shown += chunk
    except OSError:  # Linux says so when the other side of a terminal is closed
        pass
    finally:
        os.close(ours)
    assert process.wait(60) == 1
    assert b"Terradue_Stars" in shown
    assert re.search(rb"[1-9]\d* files in [1-9]\d* folders seen", shown)
    assert b"\x1b[" in shown
