"""A network between a client and a server that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from time import monotonic


class Wire:
    """A TCP proxy on the loopback interface.

    Attributes:
        port: where clients connect to.
    """

    port: int

    def __init__(self, target: Callable[[], int]) -> None:
        """Lead to the port that `target` names at that moment, for a server may come back on another one."""
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._cut_until = 0.0
        self._loop = asyncio.new_event_loop()

    def cut(self, seconds: float) -> None:
        """Drop all connections, and all that are tried in the next seconds."""
        self._cut_until = monotonic() + seconds
        self._loop.call_soon_threadsafe(self._drop_all)

    def mend(self) -> None:
        """Let new connections through again."""
        self._cut_until = 0.0

    async def serve(self) -> asyncio.Server:
        """Begin to listen."""
        server = await asyncio.start_server(self._serve_client, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    @contextmanager
    def running(self) -> Iterator[Wire]:
        """Serve in a thread until the end of the block."""
        server = self._loop.run_until_complete(self.serve())
        thread = Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            asyncio.run_coroutine_threadsafe(self._end(server), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join()
            self._loop.close()

    async def _end(self, server: asyncio.Server) -> None:
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        self._drop_all()
        await asyncio.wait(others, timeout=5) if others else None

    def _drop_all(self) -> None:
        for writer in self._open:
            writer.transport.abort()

    async def _serve_client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with suppress(OSError):
            if monotonic() >= self._cut_until:
                await self._connect(reader, writer)
        self._open.discard(writer)
        writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target())
        self._open.add(back)
        try:
            await asyncio.gather(_copy(reader, back), _copy(there, writer))
        finally:
            self._open.discard(back)
            back.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until either side ends; what is left of the other direction is of no use to anybody then."""
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
