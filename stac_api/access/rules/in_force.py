"""The policy set in force, for the API: read from the database, where a set never changes once it is active."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asyncpg import Connection
from fastapi import FastAPI, Request

from database.statements import statement
from stac_api.access.policy import PolicySet

#: A newly activated set is known everywhere after this, in seconds.
OLDEST_TIMELINE_S = 1.0

TIMELINE = statement("stac_api.access", "policy_timeline")


@dataclass(frozen=True, kw_only=True)
class Period:
    """From when until when a set decides."""

    id: str
    digest: str
    begins: datetime
    ends: datetime | None  #: None until further notice

    def holds(self, at: datetime) -> bool:
        """Whether it decides at this time."""
        return self.begins <= at and (self.ends is None or at < self.ends)


@dataclass
class PolicyTimeline:
    """What one process remembers of the sets."""

    periods: tuple[Period, ...] = ()
    read_at: float = float("-inf")  #: by the monotonic clock, in seconds
    sets: dict[tuple[str, str], PolicySet] = field(default_factory=dict)  #: by id and digest
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_fresh(self) -> bool:
        """Whether it need not be read again."""
        return time.monotonic() - self.read_at < OLDEST_TIMELINE_S

    def period(self, at: datetime) -> Period | None:
        """The period that a time lies in."""
        return next((each for each in self.periods if each.holds(at)), None)


async def policies_in_force(request: Request, at: datetime | None = None) -> PolicySet | None:
    """The set that decides; one request is decided by one set from its beginning to its end.

    Args:
        request: The request that is to be decided.
        at: The time that is meant; now, unless it is given.

    Returns:
        The set; None when there is none, which hides everything.
    """
    if at is not None:
        return await _policies_at(request, at)
    state = request.scope.setdefault("state", {})
    if "policies" not in state:
        state["policies"] = await _policies_at(request, datetime.now(UTC))
    policies: PolicySet | None = state["policies"]
    return policies


async def _policies_at(request: Request, at: datetime) -> PolicySet | None:
    period = (await policy_timeline(request)).period(at)
    return await policies_of(request, period) if period else None


async def policies_of(request: Request, period: Period) -> PolicySet:
    """The set of a period."""
    timeline = _remembered(request.app)
    key = (period.id, period.digest)
    if key not in timeline.sets:
        async with request.app.state.get_connection(request, "r") as connection:
            document = await connection.fetchval("SELECT document FROM dinamis.policy_set WHERE id = $1", period.id)
        timeline.sets[key] = PolicySet.model_validate(document)
    return timeline.sets[key]


async def policy_timeline(request: Request) -> PolicyTimeline:
    """The sets that were, are and will be in force."""
    timeline = _remembered(request.app)
    if not timeline.is_fresh:
        async with timeline.reading:
            if not timeline.is_fresh:
                async with request.app.state.get_connection(request, "r") as connection:
                    timeline.periods = await _periods(connection)
                timeline.read_at = time.monotonic()
    return timeline


async def _periods(connection: Connection) -> tuple[Period, ...]:
    rows: list[Mapping[str, Any]] = await connection.fetch(TIMELINE)
    return tuple(Period(**row) for row in rows)


def _remembered(app: FastAPI) -> PolicyTimeline:
    # Made with the first request, in its event loop.
    timeline: PolicyTimeline | None = getattr(app.state, "policy_timeline", None)
    if timeline is None:
        timeline = app.state.policy_timeline = PolicyTimeline()
    return timeline
