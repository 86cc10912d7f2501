"""Telling somebody, by mail and webhook, that a harvest needs attention: of each run each thing once.

What was told is written down in the transaction in which it is sent: two workers that finish together tell once, and
what reached nobody is tried again the next time.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from logging import WARNING, getLogger
from typing import Any, Literal

import httpx
import psycopg
import stamina
from psycopg import Connection

from database.long_work import told_if_long
from database.statements import statements
from harvester.collection_documents import CollectionDocuments
from harvester.errors import HarvestError
from harvester.feeds import Feed, is_of_a_collection, named_sources
from harvester.http import USER_AGENT
from harvester.runs.report import HarvestReport, Outcome, counts, printable
from harvester.settings import NoticeSettings

logger = getLogger(__name__)
# It logs the whole address of each request, and that of a webhook is a secret.
getLogger("httpx").setLevel(WARNING)

FRESHNESS, FEEDS_IN_FORCE, WRITE_DOWN_NOTICES = statements(
    "harvester.runs", "freshness", "feeds_in_force", "write_down_notices"
)

Kind = Literal["failure", "withdrawals", "breach", "quarantine", "stale", "orphaned"]

_ATTEMPTS = 3
_PASSING_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


class NoticeUndelivered(HarvestError):
    """A notice was not delivered."""


class _TryAgain(NoticeUndelivered):
    """A notice was not delivered yet."""


@dataclass(frozen=True)
class Occasion:
    """One thing to tell of a run."""

    kind: Kind
    text: str
    run: int


@dataclass(frozen=True)
class StaleFeed:
    """A feed that was not harvested with success for longer than its document allows."""

    feed: str
    days: float  #: that are allowed
    since: datetime  #: the end of its last good run, UTC; or the start of its first run where none was good
    run: int  #: that run
    was_good: bool

    def as_occasion(self) -> Occasion:
        """As it is told."""
        last = "was last harvested with success on" if self.was_good else "was never harvested with success since"
        text = f"{self.feed} {last} {self.since:%Y-%m-%d %H:%M} UTC: {self.days:g} days are allowed"
        return Occasion("stale", text, self.run)


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
        shown = {"subject": printable(self.subject), "text": self.text, "look_at": self.look_at}
        return {**shown, "occasions": occasions, **self.facts}


# What is told


def notify(
    report: HarvestReport, settings: NoticeSettings, connection: Connection, failure: Occasion | None = None
) -> None:
    """Tell of a run that has ended whatever calls for it and was not told yet. It never raises for want of an answer.

    Args:
        report: of the run; one that goes on, and one that only tried, call for nothing.
        settings: whom to tell, and from how many refused records on.
        connection: commits by itself.
        failure: why the run did not come to its end.

    Raises:
        psycopg.Error: what was told cannot be written down.
    """
    if report.run is None or report.dry_run:
        return
    notice = Notice(
        subject=f"Harvest of {report.feed}: {'failed' if failure else 'needs attention'} (run {report.run})",
        occasions=[failure] if failure else list(_occasions(report, report.run, settings)),
        look_at=f"dinamis harvest show {report.run}",
        facts={"feed": printable(report.feed), "run": report.run, "counts": counts(report)},
    )
    _tell(connection, notice, settings)


def _occasions(report: HarvestReport, run: int, settings: NoticeSettings) -> Iterator[Occasion]:
    if report.state == "running":
        return
    yield from (Occasion("breach", breach, run) for breach in report.breaches)
    refused = report.outcomes[Outcome.QUARANTINED]
    if _is_too_many(refused, report.read, settings):
        yield Occasion("quarantine", f"{refused} of {report.read} records were refused", run)


def _is_too_many(refused: int, read: int, settings: NoticeSettings) -> bool:
    share, number = settings.notice_quarantined_share, settings.notice_quarantined_number
    return (share is not None and refused > share * read) or (number is not None and refused > number)


def stale_feeds(connection: Connection, feeds: Iterable[Feed], now: datetime) -> list[StaleFeed]:
    """The feeds without a good run for longer than their documents allow; `now` is UTC.

    A feed that nobody has harvested yet is not stale, and a run of a part of it (a limit, an area, a period) does not
    make it fresh.
    """
    allowed = {feed.name: feed.stale_after_days for feed in feeds if feed.stale_after_days is not None}
    rows = connection.execute(FRESHNESS, {"feeds": list(allowed)})
    return [
        StaleFeed(feed, allowed[feed], since, run, was_good)
        for feed, run, was_good, since in rows
        if now - since > timedelta(days=allowed[feed])
    ]


def notify_of_stale(
    connection: Connection, feeds: Iterable[Feed], now: datetime, settings: NoticeSettings
) -> list[StaleFeed]:
    """Tell of feeds that have gone stale, of each once until it is fresh again; gives all that are stale.

    Raises:
        psycopg.Error: what was told cannot be written down.
    """
    stale = stale_feeds(connection, feeds, now)
    notice = Notice(
        subject="Sources have not been harvested for too long",
        occasions=[each.as_occasion() for each in stale],
        look_at="dinamis harvest status",
    )
    _tell(connection, notice, settings)
    return stale


def notify_of_orphaned(
    connection: Connection, documents: CollectionDocuments, read_at: datetime, settings: NoticeSettings
) -> None:
    """Tell of feeds that no document names any more though their records are in force, of each once until harvested.

    Args:
        connection: commits by itself.
        documents: those in use.
        read_at: when, UTC. A feed of which there was a run since may be named by newer ones, and is left alone.
        settings: whom to tell.

    Raises:
        psycopg.Error: what was told cannot be written down.
    """
    named = named_sources(documents)
    orphaned = [
        Occasion("orphaned", f"{feed} has records in force, but no collection document names it any more", run)
        for feed, run, last_began in connection.execute(FEEDS_IN_FORCE)
        if is_of_a_collection(feed) and feed not in named and last_began < read_at
    ]
    _tell(connection, Notice("Sources are orphaned", orphaned, look_at="dinamis harvest status"), settings)


# How it is told


def _tell(connection: Connection, notice: Notice, settings: NoticeSettings) -> None:
    """Send what was not told yet, and write down that it is told, unless it reached nobody."""
    ways = _ways(settings)
    if not ways or not notice.occasions:
        return
    with connection.transaction():
        new = _written_down(connection, notice.occasions)
        untold = [each for each in notice.occasions if (each.run, each.kind) in new]
        if untold and not _reached(Notice(notice.subject, untold, notice.look_at, notice.facts), ways):
            raise psycopg.Rollback


def _written_down(connection: Connection, occasions: Sequence[Occasion]) -> set[tuple[int, str]]:
    """What of this was not told before; another process that tells the same waits for the end of the transaction."""
    rows = connection.execute(
        WRITE_DOWN_NOTICES, {"runs": [each.run for each in occasions], "kinds": [each.kind for each in occasions]}
    )
    return {(run, kind) for run, kind in rows}


_Way = Callable[[Notice], None]


def _ways(settings: NoticeSettings) -> dict[str, _Way]:
    ways: dict[str, _Way] = {}
    if settings.notice_mail_to:
        ways["mail"] = lambda notice: _mail(notice, settings)
    if settings.notice_webhook_url:
        ways["webhook"] = lambda notice: _post(notice, settings)
    return ways


def _reached(notice: Notice, ways: Mapping[str, _Way]) -> bool:
    """Send a notice on every way; whether one of them led to its end."""
    sent = [_sent(notice, name, way) for name, way in ways.items()]
    return any(sent)


def _sent(notice: Notice, name: str, way: _Way) -> bool:
    try:
        with told_if_long(f"telling somebody by {name}"):
            for attempt in stamina.retry_context(on=_TryAgain, attempts=_ATTEMPTS, wait_initial=0.5, wait_jitter=0.5):
                with attempt:
                    way(notice)
    except (NoticeUndelivered, ValueError) as error:  # the latter of an address that no mail can have
        logger.warning("%r could not be told by %s: %s", notice.subject, name, error)
        return False
    return True


def _mail(notice: Notice, settings: NoticeSettings) -> None:
    """Send a notice by mail.

    Raises:
        NoticeUndelivered: the server does not take it.
    """
    try:
        with _mail_server(settings) as server:
            if settings.notice_mail_user and settings.notice_mail_password:
                server.login(settings.notice_mail_user, settings.notice_mail_password.get_secret_value())
            refused = server.send_message(_message(notice, settings))
    except OSError as error:  # those of smtplib are among them
        raise (_TryAgain if _passes(error) else NoticeUndelivered)(str(error)) from error
    if refused:
        logger.warning("the mail %r was not taken for %s", notice.subject, ", ".join(refused))


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


def _passes(error: OSError) -> bool:
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code < 500
    lasting = (smtplib.SMTPRecipientsRefused, smtplib.SMTPNotSupportedError, ssl.SSLCertVerificationError)
    return not isinstance(error, lasting)


def _message(notice: Notice, settings: NoticeSettings) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = " ".join(printable(notice.subject).split())
    message["From"] = settings.notice_mail_from
    message["To"] = ", ".join(settings.notice_mail_to)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain=settings.notice_mail_from.rpartition("@")[2])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(notice.text)
    return message


def _post(notice: Notice, settings: NoticeSettings) -> None:
    """Send a notice to the webhook. Redirections are not followed: they would take the secret elsewhere.

    Raises:
        NoticeUndelivered: the webhook does not take it. The message does not have its address.
    """
    assert settings.notice_webhook_url is not None  # noqa: S101 - `_ways` has seen to it
    url, headers = str(settings.notice_webhook_url.get_secret_value()), {"User-Agent": USER_AGENT}
    if secret := settings.notice_webhook_secret:
        headers["Authorization"] = f"Bearer {secret.get_secret_value()}"
    try:
        # The status says all: what follows it may come slowly, or never end.
        with httpx.stream("POST", url, json=notice.as_json(), headers=headers, timeout=settings.notice_timeout_s) as it:
            status, is_taken = it.status_code, it.is_success
    except httpx.RequestError as error:
        raise _TryAgain(f"{type(error).__name__}: {error}") from error
    if not is_taken:
        raise (_TryAgain if status in _PASSING_STATUSES else NoticeUndelivered)(f"it answered {status}")
