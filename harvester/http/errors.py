"""What else can go wrong when a service is asked over HTTP."""

from __future__ import annotations

from harvester.errors import SourceUnavailable


class BeyondItsEnd(SourceUnavailable):
    """A file is not as long as that the part of it that was asked for could be there."""


class TooLongAnswer(SourceUnavailable):
    """An answer is longer than one may be."""


class PassingFailure(SourceUnavailable):
    """The source cannot be read."""

    def __init__(self, message: str, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason  #: in a few words, for those who wait
        self.retry_after_s = retry_after_s
