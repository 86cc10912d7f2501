"""What a worker does: plan the run of a feed, and do parts of it. What a task returns is logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

from procrastinate import JobContext
from procrastinate.exceptions import JobAborted
from psycopg import Connection

from harvester import catalogue, runs
from harvester.errors import CollectionDocumentError, HarvestError
from harvester.feeds import Feed
from harvester.harvest import HarvestContext, Request, work_on
from harvester.jobs.queue import enqueue_part, enqueue_repeat, is_at_work
from harvester.jobs.repeats import wait_before_repeat
from harvester.runs import Run, RunBusy, RunCancelled
from harvester.runs.planning import planned
from harvester.runs.report import HarvestReport
from harvester.sources.source import Progress


@dataclass(frozen=True)
class WorkerContext:
    """What the jobs of a worker need; its documents are as they were when it started."""

    harvest_context: HarvestContext
    feeds: Mapping[str, Feed]

    def feed(self, name: str) -> Feed:
        """The feed of this name.

        Raises:
            CollectionDocumentError: it is not in the documents that this worker has read.
        """
        if name not in self.feeds:
            raise CollectionDocumentError(
                f"{name} is no source of the collection documents as they were when this worker started: if it is one "
                "now, restart the worker."
            )
        return self.feeds[name]

    @classmethod
    def of(cls, context: JobContext) -> WorkerContext:
        """The context of the worker that does a job."""
        return cast("WorkerContext", context.additional_context["worker_context"])


def harvest_feed(
    context: JobContext,
    *,
    feed: str,
    request: Mapping[str, Any],
    run: int | None = None,
    failures: int = 0,
    timestamp: int | None = None,  # noqa: ARG001  # passed by the schedule
) -> str:
    """Plan a run of a feed, or resume the last one, and enqueue as many jobs as may ask its host at once.

    Args:
        context: of the job.
        feed: its name.
        request: what differs from a usual request, as JSON data.
        run: do nothing if this one has succeeded or was cancelled meanwhile.
        failures: how often it has failed in succession without getting any further.
        timestamp: the slot of the schedule.
    """
    worker_context = WorkerContext.of(context)
    known, wanted = worker_context.feed(feed), Request.from_json(request)
    try:
        with _planning_alone(worker_context.harvest_context, known) as connection:
            if run is not None and _needs_no_more(runs.run_by_id(connection, run)):
                return f"run {run} came to its end meanwhile"
            return _plan_and_share(context, worker_context, known, connection, wanted, failures)
    except HarvestError as error:
        return _repeated(error, context, known, wanted, run=run, failures=failures)


def harvest_part(context: JobContext, *, feed: str, run: int, failures: int) -> str:
    """Do parts of a run until none is left that nobody works on.

    Args:
        context: of the job.
        feed: its name.
        run: its number.
        failures: how often it has failed in succession without getting any further.
    """
    worker_context = WorkerContext.of(context)
    known = worker_context.feed(feed)
    this_run = _run_by_id(worker_context.harvest_context, run)
    if this_run is None or this_run.state != "running":
        return f"run {run} came to its end before"
    watch = _PageWatch(context)
    try:
        report = work_on(this_run, known, worker_context.harvest_context, watch)
        return _account(report) if report else _what_others_do(context, worker_context, known, this_run)
    except RunCancelled as error:
        return str(error)
    except HarvestError as error:
        failed = 0 if watch.came_further else failures
        return _repeated(error, context, known, this_run.request, run=run, failures=failed)


class _PageWatch:
    """Watches a harvest: stops it between two pages when its worker stops, and knows whether it got any further."""

    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._has_begun = False
        self.came_further = False

    def __call__(self, report: HarvestReport, _progress: Progress) -> None:
        if report.error is not None:
            return
        # First at the beginning of a part, then after each page and at the beginning of each further part.
        self.came_further = self._has_begun
        self._has_begun = True
        if self._context.should_abort():
            raise JobAborted


@contextmanager
def _planning_alone(context: HarvestContext, feed: Feed) -> Iterator[Connection]:
    """Keep others from planning a run of this feed until its jobs are in the queue.

    A lock of the queue would not do: a job that waits for its time would hold up those enqueued after it.
    """
    with catalogue.connect(context.conninfo) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"dinamis jobs of {feed.name}",))
        yield connection


def _plan_and_share(
    context: JobContext,
    worker_context: WorkerContext,
    feed: Feed,
    connection: Connection,
    request: Request,
    failures: int,
) -> str:
    if is_at_work(context.app, feed):
        raise RunBusy("Its jobs are in the queue.")
    with planned(feed, worker_context.harvest_context, request) as run:
        # With no parts left, one job ends the run.
        jobs = max(1, min(feed.concurrency, runs.parts_left(connection, run.id)))
        for number in range(jobs):
            enqueue_part(context.app, feed, run, number, failures)
    return f"run {run.id} is in the queue, {jobs} {'job' if jobs == 1 else 'jobs at once'}"


def _what_others_do(context: JobContext, worker_context: WorkerContext, feed: Feed, run: Run) -> str:
    """Say why nothing was left to do.

    Raises:
        RunBusy: a process outside the queue has the rest of the run, or has died and the server has not noticed yet.
    """
    now = _run_by_id(worker_context.harvest_context, run.id)
    if now and now.state == "running" and not is_at_work(context.app, feed, but=context.job.id):
        raise RunBusy(f"It is run {run.id}.")
    return f"run {run.id} has no part on which nobody works"


def _repeated(
    error: HarvestError, context: JobContext, feed: Feed, request: Request, *, run: int | None, failures: int
) -> str:
    """Enqueue another try of what failed, or raise the error if that is useless."""
    wait = wait_before_repeat(error, failures)
    if wait is None:
        raise error
    failed = failures + (not isinstance(error, RunBusy))
    enqueue_repeat(context.app, feed, request, wait=wait, run=run, failures=failed)
    return f"{error} Again in {wait}."


def _account(report: HarvestReport) -> str:
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in report.outcomes.items() if number)
    return f"run {report.run} {report.state}: {report.read} read{f', {outcomes}' if outcomes else ''}"


def _needs_no_more(run: Run | None) -> bool:
    return run is None or run.state in ("succeeded", "cancelled")


def _run_by_id(context: HarvestContext, number: int) -> Run | None:
    with catalogue.connect(context.conninfo, autocommit=True) as connection:
        return runs.run_by_id(connection, number)
