"""A catalogue, a GEODES to harvest, and real worker and scheduler processes, as the tests of jobs need them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import procrastinate
import yaml
from starlette.types import ASGIApp, Receive, Scope, Send

from database import Database
from harvester.collection_documents import default_collections_directory, load_collection_documents
from harvester.feeds import Feed, feeds_of
from harvester.harvest import HarvestContext
from harvester.jobs.queue import job_queue
from harvester.jobs.tasks import WorkerContext
from harvester.sensors import load_sensors
from tests.emulators import geodes
from tests.harvests import rows

FEED = "sentinel/geodes"
_PROGRAM = """
import logging, sys
from harvester.commands import jobs
logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
getattr(jobs, sys.argv.pop(1))()
"""


@dataclass
class Patient:
    """A service that takes its time, and counts how many of its answers are on the way at once."""

    app: ASGIApp
    delay_s: float = 0.0
    expected_at_once: int = 1  #: nothing is answered before so many requests were there at once, or for half a minute
    at_once: int = 0
    most_at_once: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            await asyncio.sleep(self.delay_s)
            patience_ends = time.monotonic() + 30
            while self.most_at_once < self.expected_at_once and time.monotonic() < patience_ends:
                await asyncio.sleep(0.01)
        try:
            await self.app(scope, receive, send)
        finally:
            self.at_once -= scope["type"] == "http"


def months_ago(number: int) -> datetime:
    """The beginning of a month before this one, UTC: harvests since then have few parts, a month each."""
    now = datetime.now(UTC)
    year, month = divmod(now.year * 12 + now.month - 1 - number, 12)
    return datetime(year, month + 1, 1, tzinfo=UTC)


def records(months: int, each: int) -> list[dict[str, Any]]:
    """Synthetic records of GEODES that were inserted over the months before this one, so many in each."""
    made = geodes.synthetic_records(months * each)
    for number, record in enumerate(made):
        moment = months_ago(months - number // each) + timedelta(days=4, seconds=number % each)
        record["properties"]["datetime"] = f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"
    return made


def documents_folder(folder: Path, url: str, **source: Any) -> Path:
    """A folder of collection documents: one collection, with a GEODES at this address as its source.

    Give `sources` for several: what each has besides.
    """
    several = source.pop("sources", [{}])
    shipped = default_collections_directory()
    document = yaml.safe_load((shipped / "sentinel.yaml").read_text("utf-8"))
    choice = {"source": "geodes", "url": url, "rate": 500, "page_size": 10, "options": {"collections": ["PEPS_S2_L1C"]}}
    document["harvest"]["sources"] = [{**choice, **source, **each} for each in several]
    folder.mkdir(exist_ok=True)
    (folder / "sentinel.yaml").write_text(json.dumps(document), "utf-8")
    if not (folder / "sensors").is_dir():
        shutil.copytree(shipped / "sensors", folder / "sensors")
    return folder


@dataclass
class Workshop:
    """A catalogue with documents, and the processes that work there."""

    database: Database
    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def worker_context(self) -> WorkerContext:
        """What jobs in this process need."""
        documents = load_collection_documents(self.folder)
        sensors = load_sensors(self.folder / "sensors")
        context = HarvestContext(
            conninfo=self.database.conninfo("harvest"), documents=documents, sensors=sensors, language="fr"
        )
        return WorkerContext(context, feeds_of(documents, {}))

    @property
    def feed(self) -> Feed:
        """The one feed."""
        return self.worker_context.feed(FEED)

    @contextmanager
    def queue(self) -> Iterator[procrastinate.App]:
        """The queue, opened."""
        with job_queue(self.database.conninfo("harvest")).open() as queue:
            yield queue

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        """Start `worker` or `schedule` as a process of its own."""
        variables = {
            **os.environ,
            "DINAMIS_HARVEST_DATABASE_URL": self.database.conninfo("harvest"),
            "DINAMIS_COLLECTIONS": str(self.folder),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **environment,
        }
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments], env=variables, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        return process

    def jobs(self) -> list[tuple[Any, ...]]:
        """Task, status and arguments of the jobs of harvests, in the order in which they were enqueued."""
        return rows(
            self.database,
            "SELECT task_name, status::text, args FROM dinamis_jobs.procrastinate_jobs"
            " WHERE task_name LIKE 'harvest_%%' ORDER BY id",
        )

    def run_states(self) -> list[str]:
        """The state of each run, in their order."""
        return [state for (state,) in rows(self.database, "SELECT state FROM dinamis.run ORDER BY id")]


@contextmanager
def workshop(database: Database, folder: Path) -> Iterator[Workshop]:
    """A workshop; its processes are stopped at the end."""
    shop = Workshop(database, folder)
    try:
        yield shop
    finally:
        for process in shop.processes:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait(30)
            if process.stderr:
                process.stderr.close()


def wait_until(happened: Callable[[], object], within_s: float = 60.0) -> None:
    """Wait for something to happen in another process."""
    deadline = time.monotonic() + within_s
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
