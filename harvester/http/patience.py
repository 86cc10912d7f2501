"""How often a request that failed temporarily is repeated, and after which waits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import count

import stamina
from stamina.instrumentation import RetryDetails

from database.long_work import LongWork, work_at_hand
from harvester.errors import UnreadableAnswer
from harvester.http.errors import PassingFailure


def _tell_of_repetition(details: RetryDetails) -> None:
    """Tell those who wait how long the pause is."""
    if work := work_at_hand():
        work.until = time.monotonic() + details.wait_for


# Replaces stamina's own hooks, which print among the output of commands where structlog is installed.
stamina.instrumentation.set_on_retry_hooks((_tell_of_repetition,))


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How often a request is repeated, and how long its answer may take."""

    attempts: int = 8  #: at one request that fails temporarily: 429, 503, a broken connection…
    unreadable_attempts: int = 3  #: at one request that is answered with truncated JSON or an HTML page
    longest_wait_s: float = 120.0  #: between two attempts
    longest_retry_after_s: float = 600.0  #: where the service says how long to wait
    deadline_timeouts: float = 10.0  #: a whole answer may take this many times `SourceOptions.timeout_s`
    max_bytes: int = 64 * 1024 * 1024  #: of one answer, decompressed

    def attempts_at(self, work: LongWork, rate: float) -> Iterator[stamina.Attempt]:
        """The attempts at one request; from the second on, `work` says why it is repeated.

        The wait before the first repetition is two turns at `rate` (requests per second), and doubles from then on.
        """
        unreadable, failed, asking = count(1), count(1), work.what

        def is_asked_again(error: Exception) -> bool | float:
            reason = error.reason if isinstance(error, PassingFailure) else "its answer cannot be read"
            work.what = f"{asking}: {reason} (attempt {next(failed)} of {self.attempts})"
            if isinstance(error, UnreadableAnswer):
                return next(unreadable) < self.unreadable_attempts
            return isinstance(error, PassingFailure) and (error.retry_after_s or True)

        wait_s = 2 / rate
        return iter(
            stamina.retry_context(
                on=is_asked_again,
                attempts=self.attempts,
                timeout=None,
                wait_initial=wait_s,
                wait_jitter=wait_s,
                wait_max=self.longest_wait_s,
            )
        )

    def wait_asked_for_s(self, retry_after: str) -> float | None:
        """The wait that a Retry-After header asks for, within our own limit; None where it gives none."""
        seconds = _retry_after_s(retry_after, datetime.now(UTC))
        return None if seconds is None else min(seconds, self.longest_retry_after_s)


def _retry_after_s(header: str, now: datetime) -> float | None:
    """The seconds of a Retry-After header, a number or an HTTP date (RFC 9110 §10.2.3); None where it gives none."""
    try:
        seconds = float(header) if header.strip().isdigit() else (_http_date(header) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _http_date(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
