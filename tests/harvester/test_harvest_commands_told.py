"""What `dinamis harvest` tells at once, and while it is waited for."""

from __future__ import annotations

import io
import json
import logging
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from cli import main
from database import Database
from database.commands import terminal
from database.long_work import lasting_work, told_if_long
from harvester.catalogue import wait_for_other_writers
from harvester.collection_documents import default_collections_directory
from harvester.credentials import Credentials
from harvester.feeds import deliveries_at
from harvester.record import Page
from harvester.runs.planning import awaited
from harvester.sources.source import Progress
from tests.emulators import quirks
from tests.emulators.openspot import OpenSpot, features
from tests.emulators.quirks import Plan, Quirks
from tests.emulators.serving import serving

FEED = "spot-6-7-open/openspot"

Harvest = Callable[..., Result]  #: types `dinamis harvest` and these arguments


@pytest.fixture
def document(tmp_path: Path) -> Path:
    """The document of a collection, among copies of all of them."""
    shutil.copytree(default_collections_directory(), tmp_path / "collections")
    return tmp_path / "collections" / "spot-6-7-open.yaml"


@pytest.fixture
def harvest(database: Database, document: Path, tmp_path: Path) -> Harvest:
    """`dinamis harvest` over an empty catalogue."""
    variables = {
        "DINAMIS_DATABASE_URL": database.conninfo("owner"),
        "DINAMIS_HARVEST_DATABASE_URL": database.conninfo("harvest"),
        "DINAMIS_COLLECTIONS": str(document.parent),
        "DINAMIS_CACHE": str(tmp_path / "cache"),
    }
    return lambda *arguments: CliRunner().invoke(main, ["harvest", *arguments], env=variables)


def served_at(document: Path, url: str) -> None:
    """Let the source of the document be at an address."""
    text = document.read_text("utf-8")
    document.write_text(re.sub(r"(source: openspot\n\s+url: )\S+", rf"\g<1>{url}/", text), "utf-8")


def test_source_without_its_credentials_is_not_asked(harvest: Harvest, document: Path) -> None:
    """The variables that would give them are named at once and at the end; the other source is harvested meanwhile."""
    locked = "sources:\n    - {source: stac, name: vault, url: 'http://127.0.0.1:9/', credentials: vault-of-all}"
    document.write_text(document.read_text("utf-8").replace("sources:", locked, 1), "utf-8")
    with serving(OpenSpot(layers={"2018_PMS": features(3)}).app) as url:
        served_at(document, url)
        done = harvest("run", "spot-6-7-open", "--json")
    refused, harvested = json.loads(done.stdout)
    assert (done.exit_code, refused["state"], harvested["state"], harvested["new"]) == (2, "failed", "succeeded", 3)
    either = "DINAMIS_SOURCE_VAULT_OF_ALL_TOKEN, or DINAMIS_SOURCE_VAULT_OF_ALL_API_KEY"
    assert either in refused["error"]
    assert done.stderr.index("1 of 2 failed:") < done.stderr.rindex(f"spot-6-7-open/vault: {refused['error']}")
    asked = harvest("status", "--json")
    (status,) = [each for each in json.loads(asked.stdout) if each["feed"] == "spot-6-7-open/vault"]
    assert (asked.exit_code, status["state"], status["last_run"]["error"]) == (1, "failed", refused["error"])
    assert either in harvest("run", "spot-6-7-open/vault", "--dry-run").stderr
    assert f"credentials missing: {either}" in harvest("sources").stdout


@pytest.fixture
def told_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lasts half a second is told."""
    monkeypatch.setattr(terminal, "_LONG_S", 0.5)


@pytest.mark.usefixtures("told_soon")
def test_service_that_is_waited_for_is_named(harvest: Harvest, document: Path) -> None:
    """Its host, what it answered, which attempt that was and when it is asked again; nothing of it among the JSON."""
    plan = Plan.first(*[quirks.too_many_requests("2")] * 3)
    with serving(Quirks(OpenSpot(layers={"2018_PMS": features(3)}).app, plan)) as url:
        served_at(document, url)
        done = harvest("run", FEED, "--json")
    assert json.loads(done.stdout)[0]["new"] == 3
    host = url.removeprefix("http://")
    told = rf"waiting for {host}: 429 Too Many Requests \(attempt 1 of 8\), \d s so far, again in \d s"
    assert len(re.findall(told, done.stderr)) == 1
    assert done.stderr.count("waiting for") == 1  # another is told only after a while


@pytest.mark.usefixtures("told_soon")
def test_other_writer_that_is_waited_for_is_told(harvest: Harvest, document: Path, database: Database) -> None:
    """A harvest that can write nothing because another process writes says so, and goes on when that is over."""

    def write_for_a_while() -> None:
        with database.connect("harvest") as connection:
            wait_for_other_writers(connection)
            time.sleep(5)

    other = Thread(target=write_for_a_while)
    other.start()
    with serving(OpenSpot(layers={"2018_PMS": features(3)}).app) as url:
        served_at(document, url)
        done = harvest("run", FEED)
    other.join()
    assert done.exit_code == 0, done.output
    assert "waiting for another process that writes the catalogue, " in done.stderr


def test_page_that_is_long_in_coming_is_waited_for() -> None:
    """While a source of whatever protocol is at its next page, that is at hand; between two pages it is not."""
    seen: list[list[str]] = []

    def source() -> Iterator[Page]:
        for _ in range(2):
            seen.append([work.what for work in lasting_work(0)])
            yield Page(records=(), next_cursor=None)

    feed = deliveries_at("ftp://me:secret@files.example.org/in", Credentials())
    for page in awaited(source(), feed, Progress()):
        assert not page.records
        seen.append([work.what for work in lasting_work(0)])
    assert seen == [["waiting for records of ftp://files.example.org/in"], []] * 2


@pytest.mark.usefixtures("told_soon")
def test_progress_bar_shows_what_is_waited_for_below_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the narrowest of what lasts stands under the bar, and goes away when it is over; the log above."""
    screen = io.StringIO()
    monkeypatch.setattr(terminal, "ERR", Console(file=screen, force_terminal=True, width=80))
    log = logging.getLogger("archive")
    monkeypatch.setattr(log, "handlers", [terminal.LogLines()])
    with terminal.progress_bar("archive") as show:
        show(1, 3, str)
        log.warning("it is damp")
        with told_if_long("waiting for [the] database"), told_if_long("applying a migration"):
            time.sleep(0.9)
        end = screen.tell()
        time.sleep(0.3)
    assert re.search(r"archive .*1 of 3.*\n.*applying a migration, \d s so far", screen.getvalue()[:end])
    assert "\x1b[2Kit is damp\n" in screen.getvalue()
    assert "waiting" not in screen.getvalue()
    assert "migration" not in screen.getvalue()[end:]
