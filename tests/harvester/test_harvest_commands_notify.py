"""A harvest that fails on the command line reaches people over the wire, and ends as it would without them."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result

from cli import main
from database import Database
from tests.emulators.recipients import MailBox, Webhook, certificate, mail_server

__all__ = ["certificate"]

Harvest = Callable[..., Result]  #: harvests what is not there, with these settings of notices


@pytest.fixture
def harvest(module_database: Database, tmp_path: Path) -> Harvest:
    """`dinamis harvest deliveries` of a folder that does not exist."""
    variables = {
        "DINAMIS_DATABASE_URL": module_database.conninfo("owner"),
        "DINAMIS_HARVEST_DATABASE_URL": module_database.conninfo("harvest"),
    }

    def fail(**settings: Any) -> Result:
        notices = {f"DINAMIS_{name.upper()}": str(value) for name, value in settings.items()}
        done = CliRunner().invoke(
            main, ["harvest", "deliveries", str(tmp_path / "missing"), "--json"], env=variables | notices
        )
        assert (done.exit_code, json.loads(done.stdout)["state"]) == (2, "failed"), done.output
        return done

    return fail


def test_failure_comes_by_mail(harvest: Harvest, certificate: ssl.SSLContext) -> None:
    """Over STARTTLS, with the login of the settings, to all who are named; nothing of it is secret."""
    box = MailBox()
    options: dict[str, Any] = {"tls_context": certificate, "require_starttls": True, "auth_required": True}
    with mail_server(box, **options, authenticator=box.authenticate) as server:
        server["notice_mail_to"] = ",".join(server["notice_mail_to"])
        done = harvest(**server, notice_mail_user="harvest", notice_mail_password="geheim")
    (mail,) = box.messages
    run = json.loads(done.stdout)["run"]
    assert box.logins == [("harvest", "geheim")]
    assert (mail["To"], f"failed (run {run})" in mail["Subject"]) == ("one@example.org, two@example.org", True)
    assert f"dinamis harvest show {run}" in mail.get_content()
    assert "geheim" not in mail.as_string() + done.output


@pytest.mark.parametrize(("status", "attempts"), [(500, 3), (302, 1), (404, 1)])
def test_webhook_that_does_not_take_it_is_warned_of(
    harvest: Harvest, caplog: pytest.LogCaptureFixture, status: int, attempts: int
) -> None:
    """Asked again only where that may help, and never elsewhere; the harvest ends as it would without."""
    hook = Webhook(always=status)
    with hook.served(notice_webhook_secret="geheim") as notices:
        assert notices.notice_webhook_url is not None
        url = notices.notice_webhook_url.get_secret_value()
        done = harvest(notice_webhook_url=url, notice_webhook_secret="geheim")
    assert re.search(rf"by webhook: .*it answered {status}\. Check the settings DINAMIS_NOTICE_WEBHOOK_", caplog.text)
    assert [headers["authorization"] for headers in hook.headers] == ["Bearer geheim"] * attempts
    assert not re.search("geheim|s3cret", done.output + caplog.text)


@contextmanager
def answering(beginning: bytes, then: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A webhook that answers so and goes on for half a minute, a drop at a time; its address, and what it was sent."""
    asked: list[bytes] = []

    def answer(client: socket.socket) -> None:
        with suppress(OSError), client:
            asked.append(client.recv(65536))
            client.sendall(beginning)
            for _ in range(300):
                client.sendall(then)
                time.sleep(0.1)

    def accept() -> None:
        with suppress(OSError):
            while True:
                Thread(target=answer, args=server.accept()[:1], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=accept, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hook", asked
        server.shutdown(socket.SHUT_RDWR)  # or `accept` waits on


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "then", "attempts"),
    [(b"HTTP/1.1 2", b"", 3), (OK, b"", 1), (OK, b".", 1)],
    ids=["stops in its status", "stops behind it", "drips behind it"],
)
def test_slow_webhook_holds_up_no_harvest(
    harvest: Harvest, caplog: pytest.LogCaptureFixture, beginning: bytes, then: bytes, attempts: int
) -> None:
    """Its status is waited for and nothing else: who has it has told, and sends nothing twice."""
    begun = time.monotonic()
    with answering(beginning, then) as (url, asked):
        harvest(notice_webhook_url=url, notice_timeout_s=0.3)
    assert len(asked) == attempts
    assert ("could not be sent by webhook" in caplog.text) == (attempts > 1)
    assert time.monotonic() - begun < 15
