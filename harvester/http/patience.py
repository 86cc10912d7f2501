"""How often, and after which waits, a request that failed in passing is repeated."""

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
    """Let those who wait know for how long."""
    if work := work_at_hand():
        work.until = time.monotonic() + details.wait_for


# It stands in for those of stamina: where structlog is installed, they print among the output of the command.
stamina.instrumentation.set_on_retry_hooks((_tell_of_repetition,))


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a service is borne with."""

    attempts: int = 8  #: of one request that fails in a way that passes: 429, 503, a broken connection…
    unreadable_attempts: int = 3  #: of one request that is answered with cut JSON or an HTML page
    longest_wait_s: float = 120.0  #: between two attempts
    longest_retry_after_s: float = 600.0  #: where the service itself says how long to wait
    deadline_timeouts: float = 10.0  #: the whole of an answer may take so many times `SourceOptions.timeout_s`
    max_bytes: int = 64 * 1024 * 1024  #: of one answer, unpacked

    def attempts_at(self, work: LongWork, rate: float) -> Iterator[stamina.Attempt]:
        """The attempts at one request; what is told of `work` says why there is more than one.

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
        """How long a Retry-After header makes us wait, as far as we do; None where it says nothing."""
        seconds = _retry_after_s(retry_after, datetime.now(UTC))
        return None if seconds is None else min(seconds, self.longest_retry_after_s)


def _retry_after_s(header: str, now: datetime) -> float | None:
    """The seconds of a Retry-After header, a number or an HTTP date (RFC 9110 §10.2.3); None where it says nothing."""
    try:
        seconds = float(header) if header.strip().isdigit() else (_http_date(header) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _http_date(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
