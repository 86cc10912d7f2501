"""The two connections of a run: one for the pages, one for what must be committed independently of them."""

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
    """Connections of the role that may load, opened when needed and reopened when lost."""

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
        """Do this first on each new side connection, as the locks went with the old one."""
        self._on_reconnection = [work]

    def patiently(self, work: Callable[[Connection, Connection], T]) -> T:
        """Do the work on the page's and the side connection; after a lost connection, again on new ones.

        Raises:
            psycopg.OperationalError: all attempts failed.
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
        """Close connections interrupted within a transaction: this process would wait for their locks."""
        for connection in (self._page, self._side):
            if connection is not None and connection.info.transaction_status != TransactionStatus.IDLE:
                connection.close()

    def _tell_of_repetition(self, state: RetryCallState) -> None:
        wait_s = state.next_action.sleep if state.next_action else 0
        why = " ".join(str(state.outcome and state.outcome.exception()).split())
        number = f"{state.attempt_number} of {self._attempts}"
        logger.warning("the database failed, attempt %s, again in %.1f s: %s", number, wait_s, why)

    def once(self, work: Callable[[Connection, Connection], T], is_committed: Callable[[Connection, T], bool]) -> T:
        """As `patiently`, in a transaction of the page's connection that is committed exactly once.

        The connection may be lost after the server has committed, but before it says so.

        Args:
            work: done in the transaction.
            is_committed: whether the result of the last attempt is in the database.
        """
        tried: list[T] = []

        def attempt(connection: Connection, side: Connection) -> T:
            with connection.transaction():
                if tried:
                    # The previous transaction may be about to commit.
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
    """Translate errors of the database into ours.

    Raises:
        CatalogueError: the database failed at all attempts, or refused a page.
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
