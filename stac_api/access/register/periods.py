"""The time for which something holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from stac_api.access.errors import IdentityRefused


def last_day(end: datetime) -> date:
    """The last day, UTC, of what holds until `end`: the previous day, if `end` is midnight."""
    return (end.astimezone(UTC) - datetime.resolution).date()


@dataclass(frozen=True, kw_only=True)
class Period:
    """A period; None as a bound: from now on, or until further notice.

    Raises:
        IdentityRefused: It ends before it begins.
    """

    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.until and self.until <= (self.since or datetime.now(UTC)):
            raise IdentityRefused(f"It would end on {last_day(self.until)}, before it begins.")


FROM_NOW_ON = Period()
