"""The schedule: enqueues harvests at the times that the collection documents give."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from logging import getLogger
from threading import Thread

import procrastinate
import psycopg
from procrastinate.periodic import PeriodicDeferrer

from harvester import catalogue
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext
from harvester.jobs.queue import FEED_TASK, harvest_options, job_queue, losses_told
from harvester.jobs.tasks import harvest_feed
from harvester.runs import Request
from harvester.runs.notices import notify_of_orphaned, notify_of_stale

logger = getLogger(__name__)

#: A slot missed while no scheduler ran is caught up within this time; after that the next slot will do.
CATCH_UP_S = 3600.0
#: Time between two searches for stale and orphaned sources.
NEGLECT_S = 600.0


def keep_schedule(context: HarvestContext, feeds: Mapping[str, Feed]) -> None:
    """Enqueue each slot of each schedule once, however many schedulers run, until SIGTERM or SIGINT.

    Meanwhile, send notices of feeds that are stale or orphaned.

    Args:
        context: the database, the documents, and who gets notices.
        feeds: the scheduled feeds; times are UTC.

    Raises:
        QueueLost: a slot cannot be enqueued.
    """
    queue = job_queue(context.conninfo)
    times = _learn(queue, feeds.values())
    if not times:
        logger.warning("no source has a schedule in its collection document: there is nothing to enqueue")
    logger.info("the times of %s schedules are kept until the next start", times)
    # A daemon: a slow mail server must not delay the stop.
    Thread(target=_tell_now_and_then, args=(context, feeds, datetime.now(UTC)), daemon=True).start()
    asyncio.run(_defer_until_stopped(queue))


def _learn(queue: procrastinate.App, feeds: Iterable[Feed]) -> int:
    """Register the schedules of feeds with a queue, and return how many there are."""
    times = [
        (feed, cron, Request(is_full=is_full))
        for feed in feeds
        for cron, is_full in ((feed.schedule, False), (feed.full_schedule, True))
        if cron
    ]
    queue.task(name=FEED_TASK)(harvest_feed)
    for feed, cron, request in times:
        options = harvest_options(feed, request)
        queue.periodic(cron=cron, periodic_id=options["queueing_lock"], **options)(queue.tasks[FEED_TASK])
    return len(times)


def _tell_now_and_then(context: HarvestContext, feeds: Mapping[str, Feed], documents_read_at: datetime) -> None:
    while True:
        _tell_of_neglected(context, feeds, documents_read_at)
        time.sleep(NEGLECT_S)


def _tell_of_neglected(context: HarvestContext, feeds: Mapping[str, Feed], documents_read_at: datetime) -> None:
    if context.notices is None:
        return
    try:
        with closing(catalogue.connect(context.conninfo, autocommit=True)) as connection:
            notify_of_stale(connection, feeds.values(), datetime.now(UTC), context.notices)
            notify_of_orphaned(connection, context.documents, documents_read_at, context.notices)
    except psycopg.Error as error:
        logger.warning("could not look for stale and orphaned sources: %s", error)


async def _defer_until_stopped(queue: procrastinate.App) -> None:
    async with queue.open_async():
        deferring = asyncio.create_task(_defer(queue))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, deferring.cancel)
        with suppress(asyncio.CancelledError), losses_told():
            await deferring


async def _defer(queue: procrastinate.App) -> None:
    await PeriodicDeferrer(queue.periodic_registry, CATCH_UP_S).worker()
    await asyncio.Event().wait()  # without schedules it returns at once, but there may be notices to send
