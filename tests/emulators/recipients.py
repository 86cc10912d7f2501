"""A mail server and a webhook on the loopback interface, which keep what they are told."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from harvester.settings import NoticeSettings
from tests.emulators.serving import serving


@dataclass
class MailBox:
    """What came to a mail server, the lines with which it refuses first, whom it does not know, and its farewell."""

    messages: list[EmailMessage] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    strangers: tuple[str, ...] = ()
    farewell: str = "221 Bye"
    greetings: int = 0

    async def handle_EHLO(  # noqa: N802 - so it is called
        self, server: Any, session: Any, envelope: Any, name: str, responses: list[str]
    ) -> list[str]:
        """Be greeted."""
        self.greetings += 1
        session.host_name = name
        return responses

    async def handle_RCPT(  # noqa: N802 - so it is called
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        """Take a recipient or refuse him."""
        if address in self.strangers:
            return "550 Unknown"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - so it is called
        """Take a message or refuse it."""
        if self.refusals:
            return self.refusals.pop(0)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.messages.append(message)
        return "250 OK"

    async def handle_QUIT(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - so it is called
        """Answer to the end of a session."""
        return self.farewell

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        """Let one user in."""
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == ("harvest", "geheim"))


@contextmanager
def mail_server(box: MailBox, **options: Any) -> Iterator[dict[str, Any]]:
    """A mail server on the loopback interface; gives the settings by which it is reached."""
    controller = Controller(box, hostname="127.0.0.1", port=0, **options)
    with _running(controller) as port:
        yield {
            "notice_mail_to": ["one@example.org", "two@example.org"],
            "notice_mail_host": "localhost",
            "notice_mail_port": port,
            "notice_mail_security": "starttls" if options.get("tls_context") else "none",
        }


@contextmanager
def _running(controller: Controller) -> Iterator[int]:
    # Its own `start` connects to the port that it was given, which is 0 here.
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(
        loop.create_server(controller.factory, host="127.0.0.1", port=0, ssl=controller.ssl_context)
    )
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_closed(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        controller.loop.close()


async def _closed(server: asyncio.Server) -> None:
    server.close()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()
    await asyncio.sleep(0)


@dataclass
class Webhook:
    """What was posted to it, and the statuses with which it answers first."""

    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    always: int = 204

    async def _hook(self, request: Request) -> Response:
        self.headers.append(dict(request.headers))
        status = self.statuses.pop(0) if self.statuses else self.always
        if status == 302:
            return RedirectResponse("/elsewhere", status)
        if status < 300:
            self.bodies.append(await request.json())
        return Response(status_code=status)

    @contextmanager
    def served(self, **settings: Any) -> Iterator[NoticeSettings]:
        """Serve it; gives settings that name it."""
        routes = [Route(path, self._hook, methods=["GET", "POST"]) for path in ("/hook-s3cret", "/elsewhere")]
        with serving(Starlette(routes=routes)) as url:
            yield NoticeSettings(notice_webhook_url=f"{url}/hook-s3cret", **settings)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The TLS of a server named `localhost`, which this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    today = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), today, today + timedelta(1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + signed.public_bytes(serialization.Encoding.PEM))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
