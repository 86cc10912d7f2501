"""The schedule: each time of a collection document is enqueued once, in UTC."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from database import Database
from database.job_queue import SEARCH_PATH
from harvester.harvest import harvest
from harvester.runs import Request
from tests.emulators import geodes
from tests.emulators.recipients import Webhook
from tests.emulators.serving import serving
from tests.harvester.jobs.workshop import Workshop, documents_folder, records, wait_until, workshop

NOWHERE = "http://127.0.0.1:9"


def cron(moment: datetime) -> str:
    """The time of the day of a moment, as documents have it."""
    return f"{moment.minute} {moment.hour} * * *"


@pytest.fixture
def just_now() -> str:
    """A time of the day that passed some minutes ago, UTC: a scheduler that starts makes up for it."""
    return cron(datetime.now(UTC) - timedelta(minutes=5))


@pytest.fixture
def shop(database: Database, tmp_path: Path, just_now: str) -> Iterator[Workshop]:
    """A workshop whose only source is due since some minutes."""
    with workshop(database, documents_folder(tmp_path / "documents", NOWHERE, schedule=just_now)) as made:
        yield made


def test_a_time_is_enqueued_once_for_several_schedulers(shop: Workshop, just_now: str) -> None:
    """Two schedulers enqueue one job for a time, and a third none, though that job was done long before it started."""
    for _ in range(2):
        shop.start("schedule", TZ="Asia/Tokyo")
    wait_until(shop.jobs)
    ((task, _, arguments),) = shop.jobs()
    assert (task, arguments["feed"], arguments["request"]) == ("harvest_feed", "sentinel/geodes", {})
    with shop.database.connect("owner") as connection:
        connection.execute(f"SET search_path TO {SEARCH_PATH}".encode())
        connection.execute("UPDATE procrastinate_jobs SET status = 'succeeded'")

    documents_folder(shop.folder, NOWHERE, schedule=just_now, full_schedule=just_now)
    shop.start("schedule")
    wait_until(lambda: len(shop.jobs()) > 1)

    assert [(status, arguments["request"]) for _, status, arguments in shop.jobs()] == [
        ("succeeded", {}),
        ("todo", {"is_full": True}),
    ]


def test_scheduler_stops_cleanly(shop: Workshop) -> None:
    """SIGTERM ends a scheduler with exit code 0 and without a traceback."""
    scheduler = shop.start("schedule")
    wait_until(shop.jobs)

    scheduler.send_signal(signal.SIGTERM)
    _, said = scheduler.communicate(timeout=30)

    assert scheduler.returncode == 0
    assert "1 schedules are kept" in said
    assert "Traceback" not in said


def test_times_that_passed_long_ago_are_left_to_the_next(database: Database, tmp_path: Path, just_now: str) -> None:
    """Of a source whose time was hours ago nothing is enqueued at the start; of one whose time was just now it is."""
    long_ago = cron(datetime.now(UTC) - timedelta(hours=3))
    sources = [{"name": "slept", "schedule": long_ago}, {"name": "due", "schedule": just_now}]
    with workshop(database, documents_folder(tmp_path / "documents", NOWHERE, sources=sources)) as shop:
        shop.start("schedule")
        wait_until(shop.jobs)

        assert [arguments["feed"] for _, _, arguments in shop.jobs()] == ["sentinel/due"]


def test_scheduler_tells_of_stale_and_orphaned_sources(database: Database, tmp_path: Path) -> None:
    """Without a job, and without anybody who asks for it."""
    hook = Webhook()
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        hook.served() as notices,
        workshop(database, documents_folder(tmp_path / "documents", url, name="former")) as shop,
    ):
        assert notices.notice_webhook_url is not None
        environment = {"DINAMIS_NOTICE_WEBHOOK_URL": str(notices.notice_webhook_url.get_secret_value())}
        for name in ("former", "present"):
            documents_folder(shop.folder, url, name=name, stale_after_days=1)
            harvest(shop.worker_context.feed(f"sentinel/{name}"), shop.worker_context.harvest_context, Request())
        with database.connect("owner") as connection:
            connection.execute(
                "UPDATE dinamis.run SET started_at = now() - interval '3 d', finished_at = now() - interval '2 d'"
            )
        shop.start("schedule", **environment)
        wait_until(lambda: len(hook.bodies) == 2)
        told = [(each["kind"], each["text"].partition(" ")[0]) for body in hook.bodies for each in body["occasions"]]
        assert told == [("stale", "sentinel/present"), ("orphaned", "sentinel/former")]


def test_scheduler_stops_though_it_is_telling_somebody(database: Database, tmp_path: Path) -> None:
    """A webhook that takes the notice and never answers does not keep it from ending at once, and with 0."""
    with (
        serving(geodes.app(records(months=1, each=5))) as url,
        socket.create_server(("127.0.0.1", 0)) as mute,
        workshop(database, documents_folder(tmp_path / "documents", url, stale_after_days=1)) as shop,
    ):
        harvest(shop.feed, shop.worker_context.harvest_context, Request())
        with database.connect("owner") as connection:
            connection.execute("UPDATE dinamis.run SET finished_at = now() - interval '2 d'")
        scheduler = shop.start("schedule", DINAMIS_NOTICE_WEBHOOK_URL=f"http://127.0.0.1:{mute.getsockname()[1]}/")
        mute.settimeout(60)
        with mute.accept()[0]:
            scheduler.send_signal(signal.SIGTERM)
            _, said = scheduler.communicate(timeout=8)
    assert scheduler.returncode == 0
    assert "Traceback" not in said
