"""Time spans of satellites in which stereo sets are looked for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, order=True)
class Span:
    """A time span of one satellite, both ends included."""

    platform: str
    first: datetime
    last: datetime

    def widened(self, reach: timedelta) -> Span:
        """The span, extended by `reach` at both ends."""
        return Span(self.platform, self.first - reach, self.last + reach)


class Scope:
    """Time spans of satellites; those that touch are merged."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans: list[Span] = []
        for span in sorted(spans):
            before = self.spans[-1] if self.spans else None
            if before and before.platform == span.platform and span.first <= before.last:
                self.spans[-1] = Span(before.platform, before.first, max(before.last, span.last))
            else:
                self.spans.append(span)
        self._starts = [(span.platform, span.first) for span in self.spans]

    def widened(self, reach: timedelta) -> Scope:
        """The scope, with each span extended by `reach` at both ends."""
        return Scope(span.widened(reach) for span in self.spans)

    def holds(self, platform: str, first: datetime, last: datetime) -> bool:
        """Whether a period lies within one of the spans."""
        place = bisect_right(self._starts, (platform, first)) - 1
        return place >= 0 and self.spans[place].platform == platform and last <= self.spans[place].last

    def as_arrays(self) -> dict[str, list[str] | list[datetime]]:
        """Satellites, beginnings and ends, as parameters of statements."""
        return {
            "platforms": [each.platform for each in self.spans],
            "firsts": [each.first for each in self.spans],
            "lasts": [each.last for each in self.spans],
        }
