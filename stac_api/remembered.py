"""Short-lived caches of the database in each server process, so that not every request reads it."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

from asyncpg import Connection
from fastapi import FastAPI, Request


@dataclass(kw_only=True)
class Remembered(ABC):
    """Something read from the database, one per application, and read again once it is too old."""

    NAME: ClassVar[str]  #: its name in the application's state

    read_at: float = float("-inf")  #: when reading began, by the monotonic clock, in seconds
    reading: asyncio.Task[None] | None = None  #: the last one, perhaps under way

    @abstractmethod
    async def read(self, connection: Connection) -> None:
        """Read the current state."""

    @classmethod
    def of(cls, app: FastAPI) -> Self:
        """The instance of an application, however old."""
        if not hasattr(app.state, cls.NAME):
            setattr(app.state, cls.NAME, cls())
        remembered: Self = getattr(app.state, cls.NAME)
        return remembered

    @classmethod
    async def recent(cls, request: Request, oldest_s: float) -> Self:
        """The instance of the request's application, at most `oldest_s` seconds old."""
        remembered = cls.of(request.app)
        asked_at = time.monotonic()
        while asked_at - remembered.read_at > oldest_s:
            # Requests that wait share what is read meanwhile, or why it could not be read.
            if remembered.reading is None or remembered.reading.done():
                remembered.reading = asyncio.create_task(remembered._renew(request))
            await asyncio.shield(remembered.reading)
        return remembered

    async def _renew(self, request: Request) -> None:
        began = time.monotonic()
        async with request.app.state.get_connection(request, "r") as connection:
            await self.read(connection)
        self.read_at = began
