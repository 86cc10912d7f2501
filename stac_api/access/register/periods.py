"""From when until when something is to hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from stac_api.access.errors import IdentityRefused


@dataclass(frozen=True, kw_only=True)
class Period:
    """From when until when; None: from now on, until further notice.

    Raises:
        IdentityRefused: It ends before it begins.
    """

    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        if self.until and self.until <= (self.since or datetime.now(UTC)):
            raise IdentityRefused(f"It would end on {self.until:%Y-%m-%d}, before it begins.")


FROM_NOW_ON = Period()
