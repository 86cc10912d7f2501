"""An ASGI application served over real HTTP on the loopback interface, in a thread of this process; a port for more."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp


class _QuietServer(uvicorn.Server):
    """A server that tells when it answers, or that it could not start."""

    def __init__(self, app: ASGIApp) -> None:
        # A connection kept alive would hold the shutdown back for as long as the client keeps it.
        super().__init__(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.settled.set()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve an application until the block ends.

    Yields:
        Its base URL without a slash behind, such as `http://127.0.0.1:41837`.
    """
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = _QuietServer(app)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            assert server.settled.wait(30)
            assert server.started, "the application did not start"
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(30)
