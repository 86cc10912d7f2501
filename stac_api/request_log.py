"""One structured line per request, tied by an id to its answer and to whatever else it logs."""

from __future__ import annotations

import re
import sys
from collections.abc import MutableMapping
from logging import StreamHandler, getLogger
from time import perf_counter
from typing import Any, TextIO
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stac_api.settings import ApiSettings

logger = getLogger(__name__)

ID_HEADER = "X-Request-ID"
PROBES = frozenset({"/healthz"})
_CLEAN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def request_id(scope: Scope) -> str:
    """The id of this request, as in its X-Request-ID header; empty outside a request."""
    return str(scope.get("state", {}).get("request_id", ""))


class RequestLog:
    """Gives each request its id and logs it when it is answered; probes of health leave no line.

    Only the path is logged: a query string may carry keys.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Time the request, and write its line."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        with structlog.contextvars.bound_contextvars(request_id=answer.id):
            try:
                await self.app(scope, receive, answer.send)
            finally:
                answer.log()


class _Answer:
    """What the log must know of one answer."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.id = _id_of(Headers(scope=scope))
        self.status = 0
        self._begun = perf_counter()
        self._send = send
        self._method, self._path = scope["method"], scope["path"]
        scope.setdefault("state", {})["request_id"] = self.id

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            MutableHeaders(scope=message)[ID_HEADER] = self.id
        await self._send(message)

    def log(self) -> None:
        if self._path in PROBES:
            return
        milliseconds = round((perf_counter() - self._begun) * 1000, 1)
        fields = {"method": self._method, "path": self._path, "status": self.status, "ms": milliseconds}
        logger.info("request", extra=fields)


def _id_of(headers: Headers) -> str:
    # A proxy's id is kept so that its log and ours join; anything that could forge a log line is not.
    given = headers.get(ID_HEADER, "")
    return given if _CLEAN_ID.fullmatch(given) else uuid4().hex


def configure_logging(settings: ApiSettings, stream: TextIO = sys.stderr) -> None:
    """Send every log record of this process to `stream` as one structured line."""
    handler = StreamHandler(stream)
    handler.setFormatter(_formatter(settings))
    root = getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.log_level)
    # Each request has its line here already.
    getLogger("uvicorn.access").disabled = True


def _formatter(settings: ApiSettings) -> structlog.stdlib.ProcessorFormatter:
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if settings.log_format == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_colours, renderer],
    )


def _without_colours(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    # uvicorn attaches a second, coloured wording of its messages.
    event.pop("color_message", None)
    return event
