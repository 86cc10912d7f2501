"""The job queue of the harvester: how it is opened, and which jobs are put in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from logging import getLogger
from typing import Any, cast

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from database.job_queue import job_connector_arguments
from harvester.errors import HarvestError
from harvester.feeds import Feed
from harvester.runs import Request, Run

logger = getLogger(__name__)

FEED_TASK = "harvest_feed"
PART_TASK = "harvest_part"
UPKEEP_TASK = "take_back_jobs"
#: A worker sends a heartbeat every 10 s; after so long without one it is dead or cut off from the database.
SILENT_S = 60.0
UPKEEP_QUEUE = "upkeep"  #: served by every worker; the other queues have the names of the kinds of sources


class AlreadyWaiting(HarvestError):
    """A harvest of this source waits in the queue already."""


class QueueLost(HarvestError):
    """The connection to the job queue was lost."""


@contextmanager
def losses_told() -> Iterator[None]:
    """Translate errors of the queue's connections.

    Raises:
        QueueLost: a connection broke.
    """
    try:
        yield
    except ConnectorException as error:
        raise QueueLost("What was done is kept: see `dinamis db status`, then start this again.") from error


def job_queue(conninfo: str) -> procrastinate.App:
    """The queue in the harvester's role, not yet open."""
    connector = procrastinate.PsycopgConnector(**job_connector_arguments(conninfo), min_size=1, max_size=4)
    return procrastinate.App(connector=connector)


def harvest_options(feed: Feed, request: Request) -> dict[str, Any]:
    """How a harvest of a feed is enqueued: only one for the same request waits at a time."""
    usual = Request().as_json()
    wishes = {name: wish for name, wish in request.as_json().items() if wish != usual[name]}
    return {
        "queue": feed.kind,
        "queueing_lock": f"{feed.name} {json.dumps(wishes)}" if wishes else feed.name,
        "task_kwargs": {"feed": feed.name, "request": wishes},
    }


def enqueue_harvest(queue: procrastinate.App, feed: Feed, request: Request) -> int:
    """Enqueue a harvest of a feed, and return the number of the job.

    Raises:
        AlreadyWaiting: one for the same request is in the queue.
    """
    try:
        return queue.configure_task(FEED_TASK, **harvest_options(feed, request)).defer()
    except AlreadyEnqueued as error:
        raise AlreadyWaiting(f"It is {feed.name}: start more workers if it should not wait.") from error


def rename_waiting(queue: procrastinate.App, former: str, feed: Feed) -> None:
    """Enqueue again, under the new name of a feed, the harvests that wait under its former one."""
    jobs = queue.job_manager.list_jobs(task=FEED_TASK, status="todo")
    for job in (job for job in jobs if job.task_kwargs["feed"] == former):
        # A job that a worker has taken meanwhile is left to that worker.
        if queue.job_manager.cancel_job_by_id(cast("int", job.id), delete_job=True):
            with suppress(AlreadyWaiting):
                enqueue_harvest(queue, feed, Request.from_json(cast("dict[str, Any]", job.task_kwargs["request"])))


def enqueue_repeat(
    queue: procrastinate.App, feed: Feed, request: Request, *, wait: timedelta, run: int | None, failures: int
) -> None:
    """Enqueue another try of a harvest for later, as a new job: one waiting for its retry would hold up its host."""
    options = harvest_options(feed, request)
    later = queue.configure_task(FEED_TASK, schedule_in={"seconds": int(wait.total_seconds())}, **options)
    try:
        later.defer(run=run, failures=failures)
    except AlreadyEnqueued:
        logger.info("%s waits in the queue already", feed.name)


def enqueue_part(queue: procrastinate.App, feed: Feed, run: Run, number: int, failures: int) -> None:
    """Enqueue a job that does parts of a run, one of at most `feed.concurrency` that ask the host at once.

    All feeds of a host share its lanes: each lane is a lock that one running job holds.
    """
    lane = (run.id + number) % feed.concurrency
    try:
        queue.configure_task(
            PART_TASK,
            queue=feed.kind,
            lock=f"host:{feed.host}:{lane}",
            queueing_lock=f"run {run.id} lane {lane}",
        ).defer(feed=feed.name, run=run.id, failures=failures)
    except AlreadyEnqueued:
        logger.debug("lane %s of run %s waits in the queue already", lane, run.id)


def is_at_work(queue: procrastinate.App, feed: Feed, *, but: int | None = None) -> bool:
    """Whether a job other than number `but` does parts of a run of this feed, or waits to do so."""
    jobs = [job for status in ("todo", "doing") for job in queue.job_manager.list_jobs(task=PART_TASK, status=status)]
    return any(job.task_kwargs["feed"] == feed.name and job.id != but for job in jobs)


def workers_alive(queue: procrastinate.App) -> int:
    """How many workers have sent a heartbeat lately."""
    row = queue.connector.get_sync_connector().execute_query_one(
        "SELECT count(*)::int AS alive FROM procrastinate_workers"
        " WHERE last_heartbeat > now() - make_interval(secs => %(silent_s)s)",
        silent_s=SILENT_S,
    )
    alive: int = row["alive"]
    return alive
