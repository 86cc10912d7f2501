"""Turns at a host: one request at a time, evenly spaced, however many sessions of this process ask it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from threading import RLock

from pyrate_limiter import GCRA, Limiter, Rate, SingleBucketFactory, StateBucket

from database.long_work import told_if_long


class Turns:
    """Turns at one host: one request at a time, and evenly spaced."""

    def __init__(self, host: str, rate: float) -> None:
        """Space the requests to a host; `rate` is in requests per second."""
        self._host = host
        bucket = StateBucket([Rate(1, max(1, round(1000 / rate)))], algorithm=GCRA())
        # Such a bucket holds two numbers: no thread needs to clean it up.
        self._limiter = Limiter(SingleBucketFactory(bucket, schedule_leak=False), buffer_ms=0)
        self._lock = RLock()  # re-entrant: `auth` may ask the same host for a token

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for the next turn, and hold it."""
        with ExitStack() as held:
            with told_if_long(f"waiting for the next turn at {self._host}"):
                held.enter_context(self._lock)
                self._limiter.try_acquire()
            yield


@lru_cache(maxsize=1024)
def turns_at(host: str, rate: float) -> Turns:
    """The turns at a host, shared by all sessions of this process with this rate (requests per second)."""
    return Turns(host, rate)
