"""Reads a long answer in time windows, each small enough for the service to page through."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import AwareDatetime

from harvester.errors import SourceUnavailable, UnreadableAnswer
from harvester.instants import rfc3339
from harvester.sources.positions import ResumablePosition

logger = logging.getLogger(__name__)

#: The vendor's documentation contradicts itself on which bracket includes a bound: so neighbours overlap.
_OVERLAP = timedelta(seconds=1)
_NARROWEST = timedelta(seconds=1)
_MOST_RESTARTS = 20


Stage = Literal["deletions", "records"]


class Position(ResumablePosition):
    """The next page of a window: all that another process needs to continue."""

    stage: Stage
    start: AwareDatetime  #: of the window
    end: AwareDatetime
    last: AwareDatetime  #: end of all windows
    page: int = 0  #: from 0
    size: int  #: entries per page
    total: int = 0  #: count of the service in this window, at the previous page
    restarts: int = 0  #: of this window

    def range(self, *, open_before: bool = False, open_after: bool = False) -> str:
        """The window in the service's notation, wider by a second on both sides."""
        start = "" if open_before else rfc3339(self.start - _OVERLAP)
        end = "" if open_after else rfc3339(self.end + _OVERLAP)
        return f"[{start},{end}]"

    def restarted(self, **changes: Any) -> Self:
        """The first page of the same window.

        Raises:
            SourceUnavailable: it was restarted too often.
        """
        if self.restarts >= _MOST_RESTARTS:
            raise SourceUnavailable(
                f"the answer from {self.start} to {self.end} changes faster than it is read; harvest again later"
            )
        return self.model_copy(update={"page": 0, "total": 0, "restarts": self.restarts + 1, **changes})

    def first_half(self, hits: int) -> Self:
        """The first half of the window.

        Raises:
            SourceUnavailable: it is too narrow to be halved.
        """
        if self.end - self.start <= _NARROWEST:
            raise SourceUnavailable(
                f"{hits} records stand within one second ({self.start}), more than the service pages through; narrow "
                "the selection with a bbox"
            )
        middle = self.start + (self.end - self.start) / 2
        return self.model_copy(update={"end": middle, "page": 0, "total": 0})

    def next_window(self, is_sparse: bool) -> Self | None:
        """The window after this one, wider if this one was sparse; None after the last."""
        if self.end >= self.last:
            return None
        width = max(self.end - self.start, _NARROWEST) * (2 if is_sparse else 1)
        end = min(self.end + width, self.last)
        return self.model_copy(update={"start": self.end, "end": end, "page": 0, "total": 0, "restarts": 0})


@dataclass(frozen=True)
class Answer:
    """One page of the service."""

    entries: Sequence[Any]
    total: int  #: count of the service in the window
    size: int | None  #: entries per page, as the service understood


Ask = Callable[[Position], Answer]


def walk(ask: Ask, position: Position, limit: int = sys.maxsize) -> Iterator[tuple[Position, Answer, Position | None]]:
    """Each page from a position on, with its own position and the next one; None after the last.

    A window is halved while the service counts `limit` or more in it. If entries vanish from a window while it is read,
    later ones move forward across a page limit: the window is read again from its start.

    Raises:
        SourceUnavailable: a window cannot be halved, or the answers change too fast.
        UnreadableAnswer: a page is empty although more was counted, or repeats the previous one.
    """
    following: Position | None = position
    before: Sequence[Any] = ()
    while following is not None:
        position, answer = following, ask(following)
        if answer.size is not None and 0 < answer.size < position.size:
            logger.info("the service gives %s records a page, not %s", answer.size, position.size)
            following = position.restarted(size=answer.size)
        # No page may begin below the limit and end beyond it.
        elif (hits := max(answer.total, _seen(position, answer))) >= limit - limit % position.size:
            following = position.first_half(hits)
        elif answer.total < position.total:
            logger.info("%s records vanished while they were read: once more", position.total - answer.total)
            following = position.restarted()
        else:
            if position.page > 0 and answer.entries and answer.entries == before:
                raise UnreadableAnswer(f"page {position.page + 1} of {position.range()} is that before it once more")
            before = answer.entries
            following = _following(position, answer, limit)
            yield position, answer, following


def _following(position: Position, answer: Answer, limit: int) -> Position | None:
    seen = _seen(position, answer)
    if not answer.entries and seen < answer.total:
        raise UnreadableAnswer(f"page {position.page + 1} of {position.range()} is empty, of {answer.total} records")
    # A count is not trusted where a full page suggests that there is more.
    if answer.entries and (seen < answer.total or len(answer.entries) >= position.size):
        return position.model_copy(update={"page": position.page + 1, "total": answer.total})
    return position.next_window(is_sparse=answer.total < limit / 2)


def _seen(position: Position, answer: Answer) -> int:
    return position.page * position.size + len(answer.entries)
