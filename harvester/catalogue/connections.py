"""The two connections of a run: one for the pages, one for what must be committed beside them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Self, TypeVar

import psycopg
from psycopg import Connection
from psycopg.pq import TransactionStatus
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from database.long_work import told_if_long
from harvester import catalogue
from harvester.errors import CatalogueError

logger = logging.getLogger(__name__)

T = TypeVar("T")


class CatalogueConnections:
    """Connections of the role that may load, opened when they are needed and again when they were lost."""

    def __init__(self, conninfo: str, attempts: int) -> None:
        """Connect to `conninfo`; a piece of work is tried `attempts` times, over some ten seconds for five."""
        self._conninfo = conninfo
        self._attempts = attempts
        self._page: Connection | None = None
        self._side: Connection | None = None
        self._on_reconnection: list[Callable[[Connection], None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in (self._page, self._side):
            if connection is not None:
                connection.close()

    def on_reconnection(self, work: Callable[[Connection], None]) -> None:
        """Let this be done on each new side connection, before anything else: its locks went with the old one."""
        self._on_reconnection = [work]

    def patiently(self, work: Callable[[Connection, Connection], T]) -> T:
        """Do the work on the page's and the side connection; after a lost connection again, on new ones.

        Raises:
            psycopg.OperationalError: it failed as often as it is tried.
        """
        trying = Retrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            stop=stop_after_attempt(self._attempts),
            wait=wait_exponential(multiplier=0.5, max=10),
            before_sleep=self._tell_of_repetition,
            reraise=True,
        )
        return trying(partial(self._try, work))

    def _try(self, work: Callable[[Connection, Connection], T]) -> T:
        try:
            return work(*self._open())
        except BaseException:
            self._close_those_at_work()
            raise

    def _close_those_at_work(self) -> None:
        """Let go of what an interruption left in the middle of a statement, whose locks this process would wait for."""
        for connection in (self._page, self._side):
            if connection is not None and connection.info.transaction_status != TransactionStatus.IDLE:
                connection.close()

    def _tell_of_repetition(self, state: RetryCallState) -> None:
        wait_s = state.next_action.sleep if state.next_action else 0
        why = " ".join(str(state.outcome and state.outcome.exception()).split())
        number = f"{state.attempt_number} of {self._attempts}"
        logger.warning("the database failed, attempt %s, again in %.1f s: %s", number, wait_s, why)

    def once(self, work: Callable[[Connection, Connection], T], is_committed: Callable[[Connection, T], bool]) -> T:
        """As `patiently`, in a transaction of the page's connection that is committed only once.

        The connection may be lost when the server has committed and not yet said so.

        Args:
            work: what is to be done in the transaction.
            is_committed: whether what it gave, the last time that it was tried, is what the database holds.
        """
        tried: list[T] = []

        def attempt(connection: Connection, side: Connection) -> T:
            with connection.transaction():
                if tried:
                    # The transaction before may still be about to commit.
                    catalogue.wait_for_other_writers(connection)
                if not (tried and is_committed(connection, tried[-1])):
                    tried.append(work(connection, side))
            return tried[-1]

        return self.patiently(attempt)

    def _open(self) -> tuple[Connection, Connection]:
        with told_if_long("connecting to the database"):
            return self._opened()

    def _opened(self) -> tuple[Connection, Connection]:
        if self._side is None or self._side.closed or self._side.broken:
            was_there = self._side is not None
            self._side = catalogue.connect(self._conninfo, autocommit=True)
            if was_there:
                for work in self._on_reconnection:
                    work(self._side)
        if self._page is None or self._page.closed or self._page.broken:
            self._page = catalogue.connect(self._conninfo)
        return self._page, self._side


@contextmanager
def translated_errors(attempts: int) -> Iterator[None]:
    """Errors of the database as ours.

    Raises:
        CatalogueError: the database failed as often as it is tried, or refused what it was given.
    """
    try:
        yield
    except psycopg.OperationalError as error:
        raise CatalogueError(
            f"The database failed {attempts} times ({error}). What was written before is kept: see "
            "`dinamis db status`, then try again."
        ) from error
    except psycopg.Error as error:
        raise CatalogueError(f"The database refused a page ({error}). All pages before it are kept.") from error
