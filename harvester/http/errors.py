"""Failures of HTTP requests, beside those of every source."""

from __future__ import annotations

from harvester.errors import SourceUnavailable


class BeyondItsEnd(SourceUnavailable):
    """The requested range lies beyond the end of the file."""


class TooLongAnswer(SourceUnavailable):
    """An answer is longer than allowed."""


class PassingFailure(SourceUnavailable):
    """The source cannot be read."""

    def __init__(self, message: str, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason  #: in a few words, for the display of progress
        self.retry_after_s = retry_after_s
