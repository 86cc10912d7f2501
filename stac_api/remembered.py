"""What a process of the server remembers of the database for a moment, so that not every request reads it."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar, Self

from asyncpg import Connection
from fastapi import FastAPI, Request


@dataclass(kw_only=True)
class Remembered(ABC):
    """Something that was read from the database, one for each application; read again once it is too old."""

    NAME: ClassVar[str]  #: of its place in the application's state

    read_at: float = float("-inf")  #: when reading began, by the monotonic clock, in seconds
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    @abstractmethod
    async def read(self, connection: Connection) -> None:
        """Learn how it is now."""

    @classmethod
    def of(cls, app: FastAPI) -> Self:
        """That of an application, however old."""
        if not hasattr(app.state, cls.NAME):  # made with the first request, in its event loop
            setattr(app.state, cls.NAME, cls())
        remembered: Self = getattr(app.state, cls.NAME)
        return remembered

    @classmethod
    async def recent(cls, request: Request, oldest_s: float) -> Self:
        """That of the application that is asked, so many seconds old at most."""
        remembered = cls.of(request.app)
        asked_at = time.monotonic()
        if asked_at - remembered.read_at > oldest_s:
            async with remembered.reading:
                # Whoever waited has what was read meanwhile.
                if asked_at - remembered.read_at > oldest_s:
                    began = time.monotonic()
                    async with request.app.state.get_connection(request, "r") as connection:
                        await remembered.read(connection)
                    remembered.read_at = began
        return remembered
