"""The server's connections: one pool per worker, in the API's own role."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Literal

# The stock client needs buildpg's pool for its named parameters.
from buildpg import asyncpg
from fastapi import FastAPI, Request
from pydantic import SecretStr
from stac_fastapi.pgstac.db import con_init, translate_pgstac_errors

from database import Database
from database.connections import SEARCH_PATH
from database.errors import DatabaseUnavailable
from stac_api.settings import ApiSettings

CLOSING_TIMEOUT_S = 5
CONNECTING_TIMEOUT_S = 10
#: A server that has not ended a statement so long after its time was over does not answer any more.
ANSWERING_MARGIN_S = 5


def api_database(conninfo: str) -> Database:
    """The catalogue as the server connects to it: in one role only."""
    secret = SecretStr(conninfo)
    return Database(owner=secret, api=secret, harvest=secret, is_external=True)


def refuse_closed_home() -> None:
    """Fail here, rather than at each request: unlike libpq, asyncpg must be able to look for certificates there.

    Raises:
        DatabaseUnavailable: this account has a home directory into which it may not look.
    """
    try:
        (Path.home() / ".postgresql" / "postgresql.key").stat()
    except PermissionError as error:
        raise DatabaseUnavailable(
            f"The home directory {Path.home()} is closed to this account, and the client of the database looks there"
            " for certificates: open it, or set HOME=/nonexistent."
        ) from error
    except (OSError, RuntimeError):
        return  # there is no such file, or no home


def lifespan_of(settings: ApiSettings, database: Database) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """The lifespan of the application: its pool is open from start to shutdown."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.readpool = pool = await asyncpg.create_pool(**_pool_arguments(settings, database))
        app.state.get_connection = _connections_of(pool, _longest_wait_s(settings))
        introduction = asyncio.create_task(app.state.logins.introduce())
        try:
            yield
        finally:
            introduction.cancel()
            await _close(pool)

    return lifespan


def _connections_of(pool: Any, longest_wait_s: float) -> Callable[..., AbstractAsyncContextManager[Any]]:
    """What gives a request one of the connections of the pool, in the form of the stock client's `get_connection`."""

    @asynccontextmanager
    async def connection_of(request: Request, readwrite: Literal["r", "w"] = "r") -> AsyncIterator[Any]:  # noqa: ARG001
        with translate_pgstac_errors():
            async with pool.acquire(timeout=longest_wait_s) as connection:
                try:
                    yield connection
                except TimeoutError:
                    # Otherwise the pool would wait as long again until the server confirms that it gives up.
                    connection.terminate()
                    raise

    return connection_of


def _longest_wait_s(settings: ApiSettings) -> float:
    return settings.statement_timeout_s + ANSWERING_MARGIN_S


async def _close(pool: Any) -> None:
    try:
        await asyncio.wait_for(pool.close(), CLOSING_TIMEOUT_S)
    except TimeoutError:
        pool.terminate()


def _pool_arguments(settings: ApiSettings, database: Database) -> dict[str, Any]:
    arguments = database.asyncpg_arguments("api")
    arguments["server_settings"] |= {
        "search_path": SEARCH_PATH,
        "application_name": "dinamis-api",
        "statement_timeout": str(int(settings.statement_timeout_s * 1000)),
    }
    # No connection is needed to start: the server answers 503 until its database does.
    return {
        **arguments,
        "timeout": CONNECTING_TIMEOUT_S,
        "command_timeout": _longest_wait_s(settings),
        "min_size": 0,
        "max_size": settings.pool_size,
        "init": con_init,
    }
