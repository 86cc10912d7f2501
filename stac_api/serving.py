"""Serving the application with uvicorn, in one process or several, until a signal."""

from __future__ import annotations

import signal
import socket

import uvicorn
from fastapi import FastAPI

from stac_api.app import create_app
from stac_api.connections import refuse_closed_home
from stac_api.request_log import configure_logging
from stac_api.settings import ApiSettings, hand_over, handed_over


def serve_api(settings: ApiSettings, conninfo: str, *, host: str, port: int, workers: int = 1) -> None:
    """Serve the catalogue until SIGINT or SIGTERM; requests under way may finish within the shutdown timeout.

    Call it in the main thread: it takes over SIGTERM.

    Args:
        settings: What the operator set.
        conninfo: How to connect, as the role of the API: a libpq connection string.
        host: The address to listen on.
        port: The TCP port to listen on.
        workers: How many processes share the port.

    Raises:
        DatabaseUnavailable: this account may not look into its home directory.
    """
    refuse_closed_home()
    configure_logging(settings)
    if workers > 1:
        hand_over(settings, conninfo)
    # After a graceful shutdown uvicorn raises the signal again, and forgives only the KeyboardInterrupt: a service
    # manager that stops us would otherwise see a process killed by SIGTERM.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    uvicorn.run(
        "stac_api.serving:handed_over_app" if workers > 1 else create_app(settings, conninfo),
        factory=workers > 1,
        host=host,
        port=port,
        workers=workers,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )


def address_problem(host: str, port: int) -> str | None:
    """Why the server could not listen on an address, and what to do; None when it can.

    Args:
        host: A name or an IP address of this machine.
        port: A TCP port.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        return f"the server cannot listen on {host}:{port} ({error.strerror}): choose another --port or --host."
    return None


def handed_over_app() -> FastAPI:
    """The application of one worker, from what the first process left in the environment."""
    settings, conninfo = handed_over()
    configure_logging(settings)
    return create_app(settings, conninfo)
