"""Work that may last: whoever looks on, from another thread, can ask what is at hand and tell those who wait."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident


@dataclass(eq=False)
class LongWork:
    """What a thread is at."""

    what: str  #: in a few words, such as "waiting for …", and fit to be shown
    until: float | None = None  #: when it will be gone on with, on the clock of `time.monotonic`, where that is known
    begun: float = field(default_factory=time.monotonic)  #: on the same clock


#: Of each thread that is at something; the last stands for the narrowest.
_AT_HAND: dict[int, list[LongWork]] = {}


@contextmanager
def told_if_long(what: str) -> Iterator[LongWork]:
    """Let those who look on tell what this thread is at, should the block last; it may say more of it meanwhile."""
    nested = _AT_HAND.setdefault(get_ident(), [])
    nested.append(work := LongWork(what))
    try:
        yield work
    finally:
        nested.remove(work)
        if not nested:
            del _AT_HAND[get_ident()]


def work_at_hand() -> LongWork | None:
    """What this thread is at, as narrowly as it is known."""
    return next(reversed(_AT_HAND.get(get_ident(), ())), None)


def lasting_work(seconds: float) -> list[LongWork]:
    """What has lasted so long by now: of each thread the narrowest."""
    begun = time.monotonic() - seconds
    lasting = [[work for work in list(nested) if work.begun <= begun] for nested in list(_AT_HAND.values())]
    return [nested[-1] for nested in lasting if nested]
