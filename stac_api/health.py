"""/healthz: whether the database answers and has the schema of this release."""

from __future__ import annotations

import asyncio
from logging import getLogger
from time import monotonic
from typing import Any, Literal

import attr
from anyio import to_thread
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from stac_fastapi.types.extension import ApiExtension
from starlette.responses import JSONResponse

from database import Database, DatabaseError, MigrationState, migration_state

logger = getLogger(__name__)

#: For a look at the database; connecting alone may take ten seconds.
LOOKING_TIMEOUT_S = 15

#: What to do about a database that does not answer, be it a private one or somebody else's.
_START = "Start it, a private one by dinamis db start; then dinamis doctor."


class Health(BaseModel):
    """The state of the server."""

    status: Literal["ok", "not migrated", "database unreachable"]
    pgstac_version: str | None = None
    migrations_applied: list[str] = []
    migrations_pending: list[str] = []
    advice: str | None = None


_UNREACHABLE = Health(status="database unreachable", advice=_START)


@attr.s
class HealthExtension(ApiExtension):
    """The route for load balancers and operators.

    Attributes:
        database: The catalogue, in the API's role.
    """

    database: Database = attr.ib(kw_only=True)
    _looking: asyncio.Lock = attr.ib(factory=asyncio.Lock, init=False)
    _found: Health = attr.ib(factory=lambda: Health(status="ok"), init=False)
    _found_at: float = attr.ib(default=float("-inf"), init=False)

    def register(self, app: FastAPI) -> None:
        """Add the route."""
        router = APIRouter(prefix=app.state.router_prefix, tags=["Liveliness/Readiness"])
        router.add_api_route(
            "/healthz",
            self.healthz,
            methods=["GET"],
            name="State of the server",
            responses={200: {"model": Health}, 503: {"model": Health, "description": "It cannot answer searches"}},
        )
        app.include_router(router)

    async def healthz(self) -> JSONResponse:
        """The state of the database and of its schema; 503 if searches cannot be answered."""
        health = await self._recent_health()
        status = 200 if health.status == "ok" else 503
        return JSONResponse(health.model_dump(exclude_none=True), status, headers={"Cache-Control": "no-store"})

    async def _recent_health(self) -> Health:
        asked_at = monotonic()
        # Each look takes a connection beside the pool: requests that waited share what was found meanwhile.
        async with self._looking:
            if self._found_at < asked_at:
                began = monotonic()
                health = await self._look()
                self._log_change(health)
                self._found, self._found_at = health, began
        return self._found

    async def _look(self) -> Health:
        try:
            async with asyncio.timeout(LOOKING_TIMEOUT_S):
                return await to_thread.run_sync(self._health, abandon_on_cancel=True)
        except TimeoutError:
            return _UNREACHABLE

    def _health(self) -> Health:
        try:
            state = migration_state(self.database)
        except DatabaseError:
            # The message names the server and the user: it is only for the log.
            logger.debug("The database is unreachable", exc_info=True)
            return _UNREACHABLE
        return _health_of(state)

    def _log_change(self, health: Health) -> None:
        # Probes come every few seconds: only changes are logged.
        if health.status != self._found.status:
            level = logger.info if health.status == "ok" else logger.error
            level("The server is now: %s. %s", health.status, health.advice or "")


def _health_of(state: MigrationState) -> Health:
    facts: dict[str, Any] = {
        "pgstac_version": state.pgstac_version,
        "migrations_applied": list(state.applied),
        "migrations_pending": list(state.pending),
    }
    if state.is_current:
        return Health(status="ok", **facts)
    return Health(status="not migrated", advice=state.remedy, **facts)
