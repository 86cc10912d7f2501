"""What goes wrong between a client and a service, laid over any emulator."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

Quirk = Callable[[ASGIApp, Scope, Receive, Send], Any]  #: serves one request in place of the application, or around it


def answers(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Quirk:
    """A status with a JSON body and headers, without asking the application."""
    return _instead(JSONResponse(body, status, headers))


def too_many_requests(retry_after: str | None = "1") -> Quirk:
    """429; `retry_after` is in seconds, or an HTTP date."""
    return answers(429, {"message": "slow down"}, {"Retry-After": retry_after} if retry_after else None)


def unavailable(status: int = 503) -> Quirk:
    """A gateway that has lost its service: 502, 503 or 504."""
    return _instead(HTMLResponse("<html><body>Service Temporarily Unavailable</body></html>", status))


def refuses(status: int = 401) -> Quirk:
    """401 or 403."""
    return answers(status, {"message": "Unauthorized"}, {"WWW-Authenticate": "Bearer"} if status == 401 else None)


def html_page() -> Quirk:
    """An error page with status 200, as proxies and login walls give it, said to be JSON."""
    return _instead(
        HTMLResponse("<html><title>Maintenance</title></html>", headers={"Content-Type": "application/json"})
    )


def redirects(url: str, status: int = 302) -> Quirk:
    """Send the client elsewhere."""
    return _instead(RedirectResponse(url, status))


def truncated(keep: float = 0.5, headers: Mapping[str, str] | None = None) -> Quirk:
    """Only the first part of the application's body, complete as far as HTTP can tell; with further headers."""

    async def serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await answer_of(app, scope, receive)
        response = Response(body[: int(len(body) * keep)], start["status"], headers, "application/json")
        await response(scope, receive, send)

    return serve


def preceded(by: bytes) -> Quirk:
    """The application's answer with something before its body, as scripts leave it there."""

    async def serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await answer_of(app, scope, receive)
        await Response(by + body, start["status"])(scope, receive, send)

    return serve


def dropped(after: int = 10) -> Quirk:
    """The connection ends after some bytes of the body, though Content-Length promised more."""

    async def serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await answer_of(app, scope, receive)
        await send({**start, "headers": [(b"content-length", str(len(body) + after).encode())]})
        await send({"type": "http.response.body", "body": body[:after], "more_body": True})

    return serve


def slow_drip(pause_s: float = 0.05, chunk: int = 1) -> Quirk:
    """The application's body, a few bytes at a time: no single read is late, but all together they are."""

    async def serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        start, body = await answer_of(app, scope, receive)
        await send(start)
        for at in range(0, len(body), chunk):
            await send({"type": "http.response.body", "body": body[at : at + chunk], "more_body": True})
            await asyncio.sleep(pause_s)
        await send({"type": "http.response.body", "body": b""})

    return serve


@dataclass
class Plan:
    """Which requests go wrong, and how; the same object can be changed while it is served.

    Attributes:
        by_number: number of the request among those that count (from 1) -> what becomes of it.
        always: what becomes of every other one.
        paths: only requests whose path begins with one of these count; without any, all do.
        requests: method, path with query, and headers of each request seen, in order.
    """

    by_number: dict[int, Quirk] = field(default_factory=dict)
    always: Quirk | None = None
    paths: tuple[str, ...] = ()
    requests: list[tuple[str, str, Mapping[str, str]]] = field(default_factory=list)
    counted: int = 0
    _lock: Any = field(default_factory=Lock, repr=False)

    @classmethod
    def first(cls, *quirks: Quirk) -> Plan:
        """These for the first requests, one each; then all is well."""
        return cls(by_number=dict(enumerate(quirks, start=1)))

    @classmethod
    def each(cls, every: int, quirks: Iterable[Quirk], until: int = 10_000) -> Plan:
        """One of the quirks, in turn, for every `every`-th request: weather that comes again and again."""
        turn = list(quirks)
        numbers = range(every, until, every)
        return cls(by_number={number: turn[index % len(turn)] for index, number in enumerate(numbers)})

    def quirk_for(self, request: Request) -> Quirk | None:
        """Note a request and say what becomes of it; None = it is served well."""
        with self._lock:
            path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            self.requests.append((request.method, path, dict(request.headers)))
            if self.paths and not request.url.path.startswith(self.paths):
                return None
            self.counted += 1
            return self.by_number.get(self.counted, self.always)


class Quirks:
    """ASGI middleware that lets requests go wrong as planned, and keeps what was asked (`plan.requests`)."""

    def __init__(self, app: ASGIApp, plan: Plan | None = None) -> None:
        self.app = app
        self.plan = plan or Plan()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        quirk = self.plan.quirk_for(Request(scope)) if scope["type"] == "http" else None
        await (quirk(self.app, scope, receive, send) if quirk else self.app(scope, receive, send))


def _instead(response: Response) -> Quirk:
    async def serve(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        await response(scope, receive, send)

    return serve


async def answer_of(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    """The `http.response.start` message and the whole body of what the application answers."""
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])
