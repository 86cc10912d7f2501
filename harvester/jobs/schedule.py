"""The schedule: harvests are enqueued at the times that the collection documents say."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime
from logging import getLogger

import procrastinate
import psycopg
from procrastinate.periodic import PeriodicDeferrer

from harvester import catalogue
from harvester.feeds import Feed
from harvester.jobs.queue import FEED_TASK, harvest_options, job_queue, losses_told
from harvester.jobs.tasks import harvest_feed
from harvester.runs import Request
from harvester.runs.notices import notify_of_stale
from harvester.settings import NoticeSettings

logger = getLogger(__name__)

#: A slot that passed while no scheduler ran is made up for within this time; after it the next one serves as well.
CATCH_UP_S = 3600.0
#: How often it is looked whether a source has gone stale.
STALENESS_S = 600.0


def keep_schedule(conninfo: str, feeds: Mapping[str, Feed], notices: NoticeSettings | None = None) -> None:
    """Enqueue each slot of each schedule once, however many schedulers run, until SIGTERM or SIGINT.

    Args:
        conninfo: of the harvester's role.
        feeds: whose schedules they are; times are UTC.
        notices: whom to tell of feeds that have gone stale, each once.

    Raises:
        QueueLost: a slot cannot be enqueued.
    """
    queue = job_queue(conninfo)
    times = _learn(queue, feeds.values())
    if not times:
        logger.warning("no source has a schedule in its collection document: there is nothing to do")
    logger.info("the times of %s schedules are kept until the next start", times)
    asyncio.run(_defer_until_stopped(queue, lambda: _tell_of_stale(conninfo, feeds, notices)))


def _learn(queue: procrastinate.App, feeds: Iterable[Feed]) -> int:
    """Let a queue know when to harvest each feed, and return how many times there are."""
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


def _tell_of_stale(conninfo: str, feeds: Mapping[str, Feed], notices: NoticeSettings | None) -> None:
    if notices is None:
        return
    try:
        with closing(catalogue.connect(conninfo, autocommit=True)) as connection:
            notify_of_stale(connection, feeds.values(), datetime.now(UTC), notices)
    except psycopg.Error as error:
        logger.warning("whether a source has gone stale cannot be told: %s", error)


async def _now_and_then(work: Callable[[], None]) -> None:
    while True:
        await asyncio.to_thread(work)
        await asyncio.sleep(STALENESS_S)


async def _defer_until_stopped(queue: procrastinate.App, tell_of_stale: Callable[[], None]) -> None:
    async with queue.open_async():
        telling = asyncio.create_task(_now_and_then(tell_of_stale))
        deferring = asyncio.create_task(PeriodicDeferrer(queue.periodic_registry, CATCH_UP_S).worker())
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, deferring.cancel)
        with suppress(asyncio.CancelledError), losses_told():
            await deferring
        telling.cancel()
