"""The job queue as the harvester uses it: who opens it, and what may be put in it."""

from __future__ import annotations

from datetime import timedelta
from logging import getLogger
from typing import Any

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued

from database.job_queue import job_connector_arguments
from harvester.errors import HarvestError
from harvester.feeds import Feed
from harvester.runs import Run

logger = getLogger(__name__)

FEED_TASK = "harvest_feed"
PART_TASK = "harvest_part"
UPKEEP_TASK = "take_back_jobs"
UPKEEP_QUEUE = "upkeep"  #: every worker serves it; the other queues are called like the kinds of sources


class AlreadyWaiting(HarvestError):
    """A harvest of this source waits in the queue already."""


def job_queue(conninfo: str) -> procrastinate.App:
    """The queue in the harvester's role, to be opened."""
    connector = procrastinate.PsycopgConnector(**job_connector_arguments(conninfo), min_size=1, max_size=4)
    return procrastinate.App(connector=connector)


def harvest_options(feed: Feed, *, is_full: bool) -> dict[str, Any]:
    """How a harvest of a feed stands in the queue: only one of a kind waits at a time."""
    return {
        "queue": feed.kind,
        "queueing_lock": f"{feed.name} full" if is_full else feed.name,
        "task_kwargs": {"feed": feed.name, "is_full": is_full},
    }


def enqueue_harvest(queue: procrastinate.App, feed: Feed, *, is_full: bool = False) -> int:
    """Let some worker harvest a feed, and return the number of the job.

    Raises:
        AlreadyWaiting: one of this kind waits already.
    """
    try:
        return queue.configure_task(FEED_TASK, **harvest_options(feed, is_full=is_full)).defer()
    except AlreadyEnqueued as error:
        raise AlreadyWaiting(f"It is {feed.name}: start more workers if it should not wait.") from error


def enqueue_repeat(
    queue: procrastinate.App, feed: Feed, *, wait: timedelta, is_full: bool, run: int | None, failures: int
) -> None:
    """Let a harvest be tried again later, as a new job: one that waits for its retry would hold up its host."""
    options = harvest_options(feed, is_full=is_full)
    later = queue.configure_task(FEED_TASK, schedule_in={"seconds": int(wait.total_seconds())}, **options)
    try:
        later.defer(run=run, failures=failures)
    except AlreadyEnqueued:
        logger.info("%s waits in the queue already", feed.name)


def enqueue_part(queue: procrastinate.App, feed: Feed, run: Run, number: int, failures: int) -> None:
    """Let some worker do parts of a run, one of at most `feed.concurrency` that ask the host at once.

    Lanes of a host are shared by all its feeds: each lane is a lock, which one running job holds.
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
    """Whether a job, other than that with the number `but`, does parts of a run of this feed or waits to do so."""
    jobs = [job for status in ("todo", "doing") for job in queue.job_manager.list_jobs(task=PART_TASK, status=status)]
    return any(job.task_kwargs["feed"] == feed.name and job.id != but for job in jobs)
