"""`dinamis harvest run --queue`: a harvest is left to workers, who do what was asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from database import Database
from harvester.jobs.queue import enqueue_harvest, rename_waiting
from harvester.jobs.worker import work
from harvester.runs import Request
from tests.emulators import geodes
from tests.emulators.recipients import Webhook
from tests.emulators.serving import serving
from tests.harvester.jobs.workshop import FEED, Workshop, documents_folder, records, workshop
from tests.harvests import items, rows


@pytest.fixture
def shop(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A workshop in which the commands of this process work too."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        workshop(database, documents_folder(tmp_path / "documents", url)) as made,
    ):
        monkeypatch.setenv("DINAMIS_HARVEST_DATABASE_URL", database.conninfo("harvest"))
        monkeypatch.setenv("DINAMIS_COLLECTIONS", str(made.folder))
        yield made


def left_to_workers(*arguments: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(main, ["harvest", "run", "sentinel", "--queue", *arguments])


def test_workers_do_what_was_left_to_them_as_it_was_asked_for(shop: Workshop) -> None:
    """The run of a worker has every wish of the operator; that none is there is told, a dead one is none."""
    with shop.database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO dinamis_jobs.procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')"
        )
    done = left_to_workers("--since", "2025-01-01", "--bbox", "-180,-90,180,90", "--limit", "3", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (0, [{"feed": FEED, "job": 1}]), done.stderr
    assert "start `dinamis worker`" in done.stderr

    work(shop.worker_context, until_empty=True)

    ((wishes, state),) = rows(shop.database, "SELECT request, state FROM dinamis.run")
    asked = Request.from_json(wishes)
    assert asked.since is not None
    assert (asked.since.isoformat(), asked.bbox, asked.limit) == ("2025-01-01T00:00:00+00:00", (-180, -90, 180, 90), 3)
    assert (state, len(items(shop.database))) == ("succeeded", 3)


def test_the_same_wish_waits_once(shop: Workshop) -> None:
    """A harvest that waits already is told, not enqueued again and no failure; another wish waits beside it."""
    assert left_to_workers("--full").stdout == f"{FEED} is job 1\n"
    again = left_to_workers("--full")
    assert (again.exit_code, again.stdout) == (0, f"{FEED} waits in the queue already\n")
    assert f"{FEED} is job " in left_to_workers().stdout
    assert [arguments["request"] for _, _, arguments in shop.jobs()] == [{"is_full": True}, {}]


def test_waiting_harvests_of_a_renamed_source_are_those_of_its_new_name(shop: Workshop) -> None:
    """What was asked for under the old name is done under the new one, unless it waits there already."""
    for wishes in ([], ["--full"]):
        left_to_workers(*wishes)
    renamed, beside = (replace(shop.feed, name=name) for name in ("sentinel/other", "sentinel/beside"))
    with shop.queue() as queue:
        enqueue_harvest(queue, beside, Request())
        rename_waiting(queue, FEED, renamed)
        enqueue_harvest(queue, shop.feed, Request(is_full=True))
        rename_waiting(queue, FEED, renamed)
    waiting = rows(shop.database, "SELECT args FROM dinamis_jobs.procrastinate_jobs WHERE status = 'todo' ORDER BY id")
    assert [arguments for (arguments,) in waiting] == [
        {"feed": "sentinel/beside", "request": {}},
        {"feed": "sentinel/other", "request": {}},
        {"feed": "sentinel/other", "request": {"is_full": True}},
    ]


@pytest.mark.parametrize("option", [["--dry-run"], ["--report", "run.html"]], ids=["dry run", "report"])
def test_what_needs_the_end_of_a_harvest_is_refused(shop: Workshop, option: list[str]) -> None:
    """Nothing is enqueued where the operator waits for something that a queue cannot give."""
    refused = left_to_workers(*option)
    assert (refused.exit_code, shop.jobs()) == (2, [])
    assert "leave out --dry-run and --report" in refused.stderr


def test_credentials_that_are_missing_here_are_wanted_of_the_worker(shop: Workshop) -> None:
    """It is said, as workers may have them; one that has not fails the job at once, and somebody is told."""
    documents_folder(
        shop.folder, "http://127.0.0.1:9", source="geonetwork", name="geodes", options={}, credentials="portal"
    )
    hook, wanted = Webhook(), "DINAMIS_SOURCE_PORTAL_USER and DINAMIS_SOURCE_PORTAL_PASSWORD"
    with hook.served() as notices:
        done = left_to_workers()
        work(
            replace(shop.worker_context, harvest_context=replace(shop.worker_context.harvest_context, notices=notices)),
            until_empty=True,
        )
    assert (done.exit_code, done.stdout) == (0, f"{FEED} is job 1\n")
    assert f"no credentials here: it fails unless its worker has {wanted}" in " ".join(done.stderr.split())
    assert [(task, status) for task, status, _ in shop.jobs()] == [("harvest_part", "failed")]
    ((state, error),) = rows(shop.database, "SELECT state, error FROM dinamis.run")
    assert (state, wanted in error) == ("failed", True)
    (notice,) = hook.bodies
    assert (notice["occasions"][0]["kind"], wanted in notice["text"]) == ("failure", True)
