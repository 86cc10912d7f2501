"""The worker: does the jobs of the queue, one after the other or several at once, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import procrastinate
from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException, JobAborted
from procrastinate.worker import Worker

from harvester.errors import HarvestError
from harvester.jobs.queue import FEED_TASK, PART_TASK, UPKEEP_QUEUE, UPKEEP_TASK, job_queue, losses_told
from harvester.jobs.recovery import take_back_jobs
from harvester.jobs.tasks import WorkerContext, harvest_feed, harvest_part

logger = logging.getLogger(__name__)

_STOPS = (signal.SIGTERM, signal.SIGINT)


def work(
    worker_context: WorkerContext, queues: Sequence[str] = (), concurrency: int = 1, *, until_empty: bool = False
) -> None:
    """Do jobs until SIGTERM or SIGINT; then commit the current page, and leave the rest of each job to others.

    A second one ends the process, as a page may be long in coming; others take over its jobs as those of a dead one.

    Args:
        worker_context: what the jobs need.
        queues: kinds of sources; all of them when none is named.
        concurrency: jobs at a time.
        until_empty: also stop when no job is ready; use it with a concurrency of 1, as running jobs enqueue others.

    Raises:
        QueueLost: the connection to the queue was lost.
    """
    queue = job_queue(worker_context.harvest_context.conninfo)
    _learn(queue)
    for name in ("procrastinate.worker", "procrastinate.utils"):
        logging.getLogger(name).addFilter(_is_not_told_by_us)
    waiting = f"waiting for jobs of {', '.join(queues) or 'all kinds of sources'}"
    logger.info(
        "%s; %s sources of the collection documents are known until the next start", waiting, len(worker_context.feeds)
    )
    working = _work_until_told(
        queue,
        queues=[*queues, UPKEEP_QUEUE] if queues else None,
        concurrency=concurrency,
        wait=not until_empty,
        name=None,  # so that the filter sees all lines of the worker
        additional_context={"worker_context": worker_context},
        task_middleware=[_one_line_a_job],
        shutdown_graceful_timeout=0,  # jobs are told at once, and stop after the current page
        delete_jobs="successful",  # the account of the run says what was harvested
    )
    asyncio.run(working)


async def _work_until_told(queue: procrastinate.App, *, wait: bool, **options: Any) -> None:
    async with queue.open_async():
        worker = asyncio.create_task(queue.run_worker_async(wait=wait, install_signal_handlers=False, **options))
        for number in _STOPS:
            asyncio.get_running_loop().add_signal_handler(number, _stop, worker)
        with suppress(asyncio.CancelledError), losses_told():
            await worker
            if wait:  # it returns only when its connections break, even if new ones hold
                raise ConnectorException


def _stop(worker: asyncio.Task[None]) -> None:
    """Let a worker stop; the next signal has the effect that the system gives it."""
    logger.info("stopping after the current page; told again, at once")
    worker.cancel()
    for number in _STOPS:
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, signal.SIG_DFL)  # for SIGINT Python has a handler of its own, which waits for threads


def _learn(queue: procrastinate.App) -> None:
    """Register the tasks with a queue."""
    # A job whose worker stops is retried at once: as it does not wait, it does not hold up its host.
    given_back = procrastinate.RetryStrategy(retry_exceptions={JobAborted})
    queue.task(name=FEED_TASK, pass_context=True, retry=given_back)(harvest_feed)
    queue.task(name=PART_TASK, pass_context=True, retry=given_back)(harvest_part)
    # Without a lock: the job of a sweep that died would block all later ones.
    sweep = queue.task(name=UPKEEP_TASK, queue=UPKEEP_QUEUE, queueing_lock=UPKEEP_TASK, pass_context=True)
    queue.periodic(cron="* * * * *")(sweep(take_back_jobs))


def _one_line_a_job(do: Callable[[], Any], context: JobContext, _worker: Worker) -> Any:
    """Do a job, and log its result in one line."""
    start = time.monotonic()
    try:
        said = do()
    except JobAborted:
        logger.info("%s: given back, the worker stops", context.job.call_string)
        raise
    except HarvestError as error:
        logger.error("%s: %s", context.job.call_string, error)  # noqa: TRY400  # the message says what to do
        raise
    logger.info("%s: %s (%.1f s)", context.job.call_string, said, time.monotonic() - start)
    return said


def _is_not_told_by_us(line: logging.LogRecord) -> bool:
    """Whether a line that the queue logs says what ours do not, such as the traceback of an unexpected error."""
    error = (line.exc_info or (None, None))[1]
    if getattr(line, "action", "") not in ("start_job", "job_success", "job_error", "job_aborted_retry"):
        return not isinstance(error, ConnectorException)  # the worker ends with QueueLost for these
    return bool(line.exc_info) and not isinstance(error, HarvestError | JobAborted)
