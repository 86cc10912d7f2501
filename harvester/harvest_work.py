"""The work of one process on one run, and the guard against withdrawing too much."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from psycopg import Connection

from harvester.catalogue.connections import CatalogueConnections
from harvester.errors import HarvestError
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext
from harvester.runs import Run
from harvester.runs.absence import count_withdrawn, withdrawal_limit
from harvester.runs.notice_sending import Occasion
from harvester.runs.report import HarvestReport
from harvester.runs.watching import Watcher
from harvester.sources.source import Progress

#: After so many Items the server's statistics of the ledger are too old for good query plans.
MANY_ITEMS = 1000


class TooManyWithdrawals(HarvestError):
    """The run stopped: it would withdraw more records than one run may."""


@dataclass
class Work:
    """The work of one process on one run."""

    connections: CatalogueConnections
    feed: Feed
    context: HarvestContext
    run: Run
    report: HarvestReport
    watch: Watcher
    progress: Progress = field(default_factory=Progress)
    touched: set[str] = field(default_factory=set)  #: collections whose Items were written
    searches_forgotten_at: datetime = field(default_factory=partial(datetime.now, UTC))
    analyzed_next: int = MANY_ITEMS  #: number of Items after which the ledger is analysed again
    state: str | None = None  #: the state that the source gave before it was read
    content: str | None = None  #: a digest of what the source held then, if it was asked for
    failure: Occasion | None = None  #: why the run did not finish


def refuse_too_many(work: Work, connection: Connection, more: int = 0) -> None:
    """Stop a run before it withdraws more active records than allowed, counting those withdrawn so far and `more`.

    Raises:
        TooManyWithdrawals: the limit would be exceeded.
    """
    if work.run.request.allow_withdrawals or not work.run.active_before:
        return
    gone = count_withdrawn(connection, work.run) + more
    limit = withdrawal_limit(work.run, work.feed.withdrawals)
    if gone > limit:
        raise TooManyWithdrawals(
            f"It would be at least {gone} of {work.run.active_before} records of {work.feed.name}; "
            f"{limit} are allowed ({work.feed.withdrawals.max_share:.0%}). If the source is right, run it again with "
            "--allow-withdrawals."
        )
