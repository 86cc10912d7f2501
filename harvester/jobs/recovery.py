"""Takes back the jobs of workers that died: the queue itself would show them as being done for ever."""

from __future__ import annotations

from logging import getLogger

import procrastinate
from procrastinate import JobContext
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status

from harvester.jobs.queue import SILENT_S

logger = getLogger(__name__)

#: A job that was lost with its worker this often may be what kills them. Its run can still be resumed.
_LOST_AT_MOST = 20


async def take_back_jobs(context: JobContext, *, timestamp: int) -> None:  # noqa: ARG001  # of the slot
    """Give the jobs of workers that died to other workers."""
    for job in await context.app.job_manager.get_stalled_jobs(seconds_since_heartbeat=SILENT_S):
        await _take_back(context.app, job)


async def _take_back(queue: procrastinate.App, job: Job) -> None:
    if job.attempts >= _LOST_AT_MOST:
        logger.error("%s is given up: %s workers died of it or with it", job.call_string, job.attempts)
        await queue.job_manager.finish_job(job, Status.FAILED, delete_job=False)
        return
    try:
        await queue.job_manager.retry_job(job)
        logger.warning("%s is taken back from a worker that died", job.call_string)
    except ConnectorException as error:
        # One like it waits already, or another sweep was quicker.
        logger.info("%s is left to the one that waits: %s", job.call_string, error.__cause__)
        await queue.job_manager.finish_job(job, Status.FAILED, delete_job=False)
