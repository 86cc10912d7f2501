"""A notice, and how it is sent: by mail and by webhook, each retried while that may help."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from logging import WARNING, getLogger
from typing import Any, Literal

import httpx
import stamina

from database.long_work import told_if_long
from harvester.errors import HarvestError
from harvester.http import USER_AGENT
from harvester.runs.report import printable
from harvester.settings import NoticeSettings

logger = getLogger(__name__)
# It logs the whole address of each request, and that of a webhook is a secret.
getLogger("httpx").setLevel(WARNING)

Kind = Literal["failure", "withdrawals", "breach", "quarantine", "stale", "orphaned"]

_ATTEMPTS = 3
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class NoticeUndelivered(HarvestError):
    """A notice was not delivered."""


class _TryAgain(NoticeUndelivered):
    """A notice was not delivered yet."""


@dataclass(frozen=True)
class Occasion:
    """One thing to report about a run."""

    kind: Kind
    text: str
    run: int


@dataclass(frozen=True)
class Notice:
    """What is sent: short, in English, nothing secret in it."""

    subject: str
    occasions: Sequence[Occasion]
    look_at: str  #: the command that shows more
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The body of the mail."""
        lines = [f"- {each.text}" for each in self.occasions]
        return printable("\n".join([self.subject, "", *lines, "", f"Look at it with: {self.look_at}", ""]))

    def as_json(self) -> dict[str, Any]:
        """The body of the webhook; chats that expect a message show `text`."""
        occasions = [{"kind": each.kind, "run": each.run, "text": printable(each.text)} for each in self.occasions]
        shown = {"subject": self.subject, "text": self.text, "look_at": self.look_at}
        return {**shown, "occasions": occasions, **self.facts}


_Way = Callable[[Notice], None]


def is_addressed(settings: NoticeSettings) -> bool:
    """Whether the settings name a recipient."""
    return bool(_ways(settings))


def send(notice: Notice, settings: NoticeSettings) -> bool:
    """Send a notice by every way that the settings name; returns whether any succeeded."""
    sent = [_sent(notice, name, way) for name, way in _ways(settings).items()]
    return any(sent)


def _ways(settings: NoticeSettings) -> dict[str, _Way]:
    ways: dict[str, _Way] = {}
    if settings.notice_mail_to:
        ways["mail"] = lambda notice: _mail(notice, settings)
    if settings.notice_webhook_url:
        ways["webhook"] = lambda notice: _post(notice, settings)
    return ways


def _sent(notice: Notice, name: str, way: _Way) -> bool:
    try:
        with told_if_long(f"sending a notice by {name}"):
            for attempt in stamina.retry_context(on=_TryAgain, attempts=_ATTEMPTS, wait_initial=0.5, wait_jitter=0.5):
                with attempt:
                    way(notice)
    except (NoticeUndelivered, ValueError) as error:  # ValueError: an invalid mail address
        advice = f"Check the settings DINAMIS_NOTICE_{name.upper()}_…"
        logger.warning("%r could not be sent by %s: %s. %s", notice.subject, name, str(error).rstrip("."), advice)
        return False
    return True


def _mail(notice: Notice, settings: NoticeSettings) -> None:
    """Send a notice by mail.

    Raises:
        NoticeUndelivered: the server does not take it.
    """
    try:
        with _mail_server(settings) as server, _farewell_of_no_account(server):
            if settings.notice_mail_user and settings.notice_mail_password:
                server.login(settings.notice_mail_user, settings.notice_mail_password.get_secret_value())
            refused = server.send_message(_message(notice, settings))
    except OSError as error:  # those of smtplib are among them
        raise (_TryAgain if _passes(error) else NoticeUndelivered)(str(error)) from error
    if refused:
        logger.warning("the mail %r was refused for %s", notice.subject, ", ".join(refused))


@contextmanager
def _mail_server(settings: NoticeSettings) -> Iterator[smtplib.SMTP]:
    host, port, timeout = settings.notice_mail_host, settings.notice_mail_port, settings.notice_timeout_s
    context = ssl.create_default_context()
    if settings.notice_mail_security == "tls":
        with smtplib.SMTP_SSL(host, port, timeout=timeout, context=context) as server:
            yield server
        return
    with smtplib.SMTP(host, port, timeout=timeout) as server:
        if settings.notice_mail_security == "starttls":
            server.starttls(context=context)
        yield server


@contextmanager
def _farewell_of_no_account(server: smtplib.SMTP) -> Iterator[None]:
    """Quit the session before smtplib does, which takes a refused QUIT for a refused mail."""
    try:
        yield
    finally:
        with suppress(smtplib.SMTPException):
            server.quit()


def _passes(error: OSError) -> bool:
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500
    lasting = (smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError)
    return not isinstance(error, lasting)


def _message(notice: Notice, settings: NoticeSettings) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = " ".join(notice.subject.split())
    message["From"] = settings.notice_mail_from
    message["To"] = ", ".join(settings.notice_mail_to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=settings.notice_mail_from.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    return message


def _post(notice: Notice, settings: NoticeSettings) -> None:
    """Send a notice to the webhook. Redirects are not followed: they would take the secret elsewhere.

    Raises:
        NoticeUndelivered: the webhook does not take it. The message leaves out its address.
    """
    assert settings.notice_webhook_url is not None  # noqa: S101 - `_ways` ensures it
    url, headers = str(settings.notice_webhook_url.get_secret_value()), {"User-Agent": USER_AGENT}
    if secret := settings.notice_webhook_secret:
        headers["Authorization"] = f"Bearer {secret.get_secret_value()}"
    try:
        # The status is enough: the body may come slowly, or never end.
        with httpx.stream("POST", url, json=notice.as_json(), headers=headers, timeout=settings.notice_timeout_s) as it:
            status, is_taken = it.status_code, it.is_success
    except httpx.RequestError as error:
        raise _TryAgain(f"{type(error).__name__}: {error}") from error
    if not is_taken:
        raise (_TryAgain if status in _PASSING_STATUSES else NoticeUndelivered)(f"it answered {status}")
