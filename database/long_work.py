"""Work that may take long: another thread can ask what is being done, and tell the user."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import get_ident


@dataclass(eq=False)
class LongWork:
    """What a thread is doing."""

    what: str  #: in a few words, such as "waiting for …", without secrets
    until: float | None = None  #: when a wait will end, if known, by `time.monotonic`
    begun: float = field(default_factory=time.monotonic)  #: by the same clock


#: By thread; the last entry is the innermost.
_AT_HAND: dict[int, list[LongWork]] = {}


@contextmanager
def told_if_long(what: str) -> Iterator[LongWork]:
    """Describe what the block does, to be shown if it takes long; the block may update the description."""
    nested = _AT_HAND.setdefault(get_ident(), [])
    nested.append(work := LongWork(what))
    try:
        yield work
    finally:
        nested.remove(work)
        if not nested:
            del _AT_HAND[get_ident()]


def work_at_hand() -> LongWork | None:
    """The innermost work of this thread."""
    return next(reversed(_AT_HAND.get(get_ident(), ())), None)


def lasting_work(seconds: float) -> list[LongWork]:
    """Work that has taken at least this long: for each thread, the innermost."""
    begun = time.monotonic() - seconds
    lasting = [[work for work in list(nested) if work.begun <= begun] for nested in list(_AT_HAND.values())]
    return [nested[-1] for nested in lasting if nested]
