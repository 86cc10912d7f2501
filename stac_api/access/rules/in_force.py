"""The policy set in force, for the API: read from the database, where active sets never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asyncpg import Connection
from fastapi import Request

from database.statements import statement
from stac_api.access.policy import PolicySet
from stac_api.remembered import Remembered

#: After this many seconds, a newly activated set is known everywhere.
OLDEST_TIMELINE_S = 1.0

TIMELINE = statement("stac_api.access", "policy_timeline")


@dataclass(frozen=True, kw_only=True)
class Period:
    """The period in which a set is in force."""

    id: str
    digest: str
    begins: datetime
    ends: datetime | None  #: None until further notice

    def holds(self, at: datetime) -> bool:
        """Whether it includes this time."""
        return self.begins <= at and (self.ends is None or at < self.ends)


@dataclass(kw_only=True)
class PolicyTimeline(Remembered):
    """Which set is in force when, and the sets that were loaded."""

    NAME = "policy_timeline"

    periods: tuple[Period, ...] = ()
    sets: dict[tuple[str, str], PolicySet] = field(default_factory=dict)  #: by id and digest

    async def read(self, connection: Connection) -> None:
        """Reload the periods, as sets may have been activated or taken back."""
        rows: list[Mapping[str, Any]] = await connection.fetch(TIMELINE)
        self.periods = tuple(Period(**row) for row in rows)

    def period(self, at: datetime) -> Period | None:
        """The period that includes a time."""
        return next((each for each in self.periods if each.holds(at)), None)


async def policies_in_force(request: Request, at: datetime | None = None) -> PolicySet | None:
    """The set in force; the same set applies throughout a request.

    Args:
        request: The request to be decided.
        at: The time in question; now by default.

    Returns:
        The set; None if there is none, which hides everything.
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
    timeline = PolicyTimeline.of(request.app)
    key = (period.id, period.digest)
    if key not in timeline.sets:
        async with request.app.state.get_connection(request, "r") as connection:
            document = await connection.fetchval("SELECT document FROM dinamis.policy_set WHERE id = $1", period.id)
        timeline.sets[key] = PolicySet.model_validate(document)
    return timeline.sets[key]


async def policy_timeline(request: Request) -> PolicyTimeline:
    """The past, present and future sets."""
    return await PolicyTimeline.recent(request, OLDEST_TIMELINE_S)
