"""Somebody is told of a run that needs attention: once, by mail and webhook, without secrets, at no harm to the run."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg
import pytest
from pydantic import ValidationError

from database import Database
from harvester import runs
from harvester.collection_model import WithdrawalRules
from harvester.credentials import Credentials
from harvester.errors import SourceUnavailable
from harvester.feeds import Feed, deliveries_at
from harvester.harvest import HarvestContext, Request, TooManyWithdrawals, harvest
from harvester.runs.notice_sending import Occasion
from harvester.runs.notices import notify, notify_of_orphaned, notify_of_stale, stale_feeds
from harvester.runs.report import HarvestReport, Outcome
from harvester.settings import NoticeSettings
from harvester.sources.source import Selection
from tests.emulators.recipients import MailBox, Webhook, certificate, mail_server
from tests.harvests import delivery, harvest_context, rows, run

__all__ = ["certificate"]

NOW = datetime(2026, 5, 1, tzinfo=UTC)

#: How a mail server encrypts, and the settings of whoever signs in there.
ENCRYPTED: dict[str, Callable[[ssl.SSLContext], dict[str, Any]]] = {
    "tls": lambda own: {"ssl_context": own, "auth_require_tls": False},
    "starttls": lambda own: {"tls_context": own, "require_starttls": True, "auth_required": True},
}
SIGNED_IN = {
    security: {"notice_mail_user": "harvest", "notice_mail_password": "geheim", "notice_mail_security": security}
    for security in ENCRYPTED
}


@pytest.fixture
def connection(module_database: Database) -> Iterator[psycopg.Connection]:
    """A connection as the harvester has it; each test begins runs of its own."""
    with psycopg.connect(module_database.conninfo("harvest"), autocommit=True) as opened:
        yield opened


def a_run(connection: psycopg.Connection, feed: str = "pleiades/invented", **outcomes: int) -> HarvestReport:
    """The report of a run that has ended, which the database knows."""
    begun = runs.begin(connection, a_feed(feed), Request(), [Selection()], is_everything=True)
    report = HarvestReport(feed, "https://source.example", begun.started_at, run=begun.id, state="succeeded")
    report.outcomes.update({Outcome(name): number for name, number in outcomes.items()})
    return report


def a_feed(name: str = "pleiades/invented", **further: Any) -> Feed:
    """A feed of that name."""
    return replace(deliveries_at("file:///nowhere", Credentials()), name=name, **further)


def kinds(hook: Webhook) -> list[list[str]]:
    """What each notice told of."""
    return [[each["kind"] for each in body["occasions"]] for body in hook.bodies]


# What calls for a notice


def test_run_without_trouble_calls_for_nothing(connection: psycopg.Connection) -> None:
    """A good run with few refusals, one that goes on, and one that only tried are told to nobody."""
    hook = Webhook()
    with hook.served() as settings:
        notify(a_run(connection, new=95, quarantined=5), settings, connection)
        going_on = a_run(connection, new=1, quarantined=9)
        going_on.state = "running"
        notify(going_on, settings, connection)
        tried = a_run(connection, new=1, quarantined=9)
        tried.dry_run = True
        notify(tried, settings, connection)
    assert hook.headers == []


@pytest.mark.parametrize(
    ("limits", "is_told"),
    [
        ({}, True),
        ({"notice_quarantined_share": 0.1}, False),
        ({"notice_quarantined_share": None}, False),
        ({"notice_quarantined_share": None, "notice_quarantined_number": 5}, True),
        ({"notice_quarantined_share": None, "notice_quarantined_number": 6}, False),
    ],
)
def test_quarantine_is_told_above_its_limit(
    connection: psycopg.Connection, limits: dict[str, Any], is_told: bool
) -> None:
    """Six refused of a hundred are told where the share or the number that is set is smaller."""
    hook = Webhook()
    with hook.served(**limits) as settings:
        notify(a_run(connection, new=94, quarantined=6), settings, connection)
    assert kinds(hook) == ([["quarantine"]] if is_told else [])


def test_breaches_are_told_together(connection: psycopg.Connection) -> None:
    """One notice has all that is amiss with a run, with its numbers and where to look."""
    hook = Webhook()
    with hook.served() as settings:
        report = a_run(connection, new=5, quarantined=5)
        report.state, report.breaches = "failed", ["too few", "no date"]
        notify(report, settings, connection)
    (body,) = hook.bodies
    assert [each["text"] for each in body["occasions"]] == ["too few", "no date", "5 of 10 records were refused"]
    assert body["look_at"] == f"dinamis harvest show {report.run}"
    assert body["look_at"] in body["text"]
    assert (body["feed"], body["run"], body["counts"]["quarantined"]) == (report.feed, report.run, 5)


def test_each_thing_is_told_once_of_a_run(connection: psycopg.Connection) -> None:
    """Workers that finish twice tell once; what happens to the run later is told nevertheless."""
    hook = Webhook()
    with hook.served() as settings:
        report = a_run(connection, new=1)
        for kind in ("failure", "failure", "withdrawals"):
            notify(report, settings, connection, Occasion(kind, "why", report.run or 0))
    assert kinds(hook) == [["failure"], ["withdrawals"]]


def test_two_workers_at_once_tell_once(module_database: Database, connection: psycopg.Connection) -> None:
    """Of two that tell the same at the same moment, one waits and finds it told."""
    hook, report = Webhook(), a_run(connection, quarantined=5)

    def tell() -> None:
        with psycopg.connect(module_database.conninfo("harvest"), autocommit=True) as own:
            notify(report, settings, own)

    with hook.served() as settings:
        workers = [Thread(target=tell) for _ in range(4)]
        for each in workers:
            each.start()
        for each in workers:
            each.join(30)
    assert kinds(hook) == [["quarantine"]]


# How it is told


def test_mail_is_short_and_says_where_to_look(connection: psycopg.Connection) -> None:
    """The mail goes to all recipients, as one that no robot answers."""
    box = MailBox()
    with mail_server(box) as settings:
        report = a_run(connection, "pleiades/n\nBcc: x@example.org", quarantined=5)
        notify(report, NoticeSettings(**settings), connection)
    (mail,) = box.messages
    assert mail["To"] == "one@example.org, two@example.org"
    assert mail["Subject"] == f"Harvest of pleiades/n Bcc: x@example.org: needs attention (run {report.run})"
    assert (mail["Bcc"], mail["Auto-Submitted"]) == (None, "auto-generated")
    assert "5 of 5 records were refused" in mail.get_content()
    assert f"dinamis harvest show {report.run}" in mail.get_content()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_is_encrypted_and_signed_in(
    connection: psycopg.Connection, certificate: ssl.SSLContext, security: str
) -> None:
    """With STARTTLS and with TLS from the start the password reaches the server only on a verified connection."""
    box = MailBox()
    with mail_server(box, authenticator=box.authenticate, **ENCRYPTED[security](certificate)) as server:
        notify(a_run(connection, quarantined=1), NoticeSettings(**server | SIGNED_IN[security]), connection)
    assert box.logins == [("harvest", "geheim")]
    assert len(box.messages) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_unknown_certificate_gets_no_mail(
    connection: psycopg.Connection,
    certificate: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    security: str,
) -> None:
    """A server whose certificate nobody vouches for gets neither password nor message."""
    (tmp_path / "none.pem").touch()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    box = MailBox()
    with mail_server(box, authenticator=box.authenticate, **ENCRYPTED[security](certificate)) as server:
        notify(a_run(connection, quarantined=1), NoticeSettings(**server | SIGNED_IN[security]), connection)
    assert (box.logins, box.messages) == ([], [])
    assert box.greetings == (security == "starttls")  # which is before the certificate, and once


def test_mail_server_that_is_busy_is_asked_again(connection: psycopg.Connection) -> None:
    """A passing refusal (4xx) is not the last word."""
    box = MailBox(refusals=["451 Later"])
    with mail_server(box) as settings:
        notify(a_run(connection, quarantined=1), NoticeSettings(**settings), connection)
    assert len(box.messages) == 1


@pytest.mark.parametrize(
    ("refusing", "options", "recipient"),
    [
        ({"refusals": ["554 Never"]}, {}, "one@example.org"),
        ({"strangers": ("one@example.org",)}, {}, "one@example.org"),
        ({}, {"enable_SMTPUTF8": False}, "é@example.org"),
        ({}, {}, "one\nor@example.org"),
    ],
    ids=["message", "recipients", "letters", "lines"],
)
def test_refusal_that_lasts_is_the_last_word(
    connection: psycopg.Connection, refusing: dict[str, Any], options: dict[str, Any], recipient: str
) -> None:
    """A mail that no server will ever take is brought once."""
    box = MailBox(**refusing)
    with mail_server(box, **options) as server:
        notify(a_run(connection, quarantined=1), NoticeSettings(**server | {"notice_mail_to": [recipient]}), connection)
    assert box.greetings <= 1
    assert box.messages == []


@pytest.mark.parametrize("way", ["mail", "webhook"])
def test_recipient_that_never_answers_is_given_up(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    """Each attempt waits as long as the settings say, and there are few of them."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        given = {
            "mail": {"notice_mail_to": ["a@example.org"], "notice_mail_host": "127.0.0.1", "notice_mail_port": port},
            "webhook": {"notice_webhook_url": f"http://127.0.0.1:{port}/"},
        }[way]
        told = a_run(connection, quarantined=1), NoticeSettings(**given, notice_timeout_s=0.2), connection
        telling = Thread(target=notify, args=told, daemon=True)
        telling.start()
        telling.join(8)
        assert not telling.is_alive()
        mute.settimeout(1)
        for _ in range(2):
            mute.accept()[0].close()
    assert f"could not be sent by {way}" in caplog.text


@pytest.mark.parametrize("farewell", ["421 Busy", "500 What?"])
@pytest.mark.parametrize("refusal", [None, "554 Never"])
def test_farewell_of_a_mail_server_is_of_no_account(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture, farewell: str, refusal: str | None
) -> None:
    """However it answers to QUIT, a mail that was taken is told and not sent again, and one that was refused is not."""
    box = MailBox(refusals=[refusal] if refusal else [], farewell=farewell)
    with mail_server(box) as settings:
        notify(a_run(connection, quarantined=1), NoticeSettings(**settings), connection)
    assert len(box.messages) == (0 if refusal else 1)
    assert ("could not be sent" in caplog.text) is bool(refusal)


def test_recipient_whom_the_server_refuses_is_named(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """The others have the mail; that one of them will never have it is in the log."""
    box = MailBox(strangers=("two@example.org",))
    with mail_server(box) as settings:
        notify(a_run(connection, quarantined=1), NoticeSettings(**settings), connection)
    assert len(box.messages) == 1
    assert "was refused for two@example.org" in caplog.text
    assert "one@example.org" not in caplog.text


def test_webhook_is_asked_again_and_gets_its_secret(connection: psycopg.Connection) -> None:
    """A passing error is followed by another attempt, each with the bearer token."""
    hook = Webhook(statuses=[503])
    with hook.served(notice_webhook_secret="geheim") as settings:
        notify(a_run(connection, quarantined=1), settings, connection)
    assert [headers["authorization"] for headers in hook.headers] == ["Bearer geheim"] * 2
    assert kinds(hook) == [["quarantine"]]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_undelivered_notice_is_logged_without_secrets_and_told_later(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """What reached nobody fails nothing, is not taken as told, and the log has neither address nor secret."""
    hook = Webhook(always=status)
    report = a_run(connection, quarantined=1)
    with hook.served(notice_webhook_secret="geheim") as settings, caplog.at_level(logging.INFO):
        notify(report, settings, connection)
        hook.always = 204
        assert kinds(hook) == []
        notify(report, settings, connection)
    assert kinds(hook) == [["quarantine"]]
    assert f"it answered {status}" in caplog.text
    assert "s3cret" not in caplog.text
    assert "geheim" not in caplog.text


def test_webhook_does_without_a_dead_mail_server(
    connection: psycopg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """One way that leads nowhere does not block the other, and what arrived is not told again."""
    hook, report = Webhook(), a_run(connection, quarantined=1)
    with hook.served(notice_mail_to=["a@example.org"], notice_mail_host="127.0.0.1", notice_mail_port=9) as settings:
        notify(report, settings, connection)
        notify(report, settings, connection)
    assert kinds(hook) == [["quarantine"]]
    assert "could not be sent by mail" in caplog.text


def test_texts_that_are_no_utf8_are_told(connection: psycopg.Connection) -> None:
    """The name of a file with broken bytes in an error does not keep it from being told."""
    hook, box = Webhook(), MailBox()
    report = a_run(connection)
    with mail_server(box) as server, hook.served(**server) as settings:
        notify(report, settings, connection, Occasion("failure", "no \udce9t\udce9 \0", report.run or 0))
    assert hook.bodies[0]["occasions"][0]["text"] == "no \\udce9t\\udce9 \\0"
    assert len(box.messages) == 1


# Stale sources


def begun(
    connection: psycopg.Connection,
    feed: Feed,
    days_ago: float,
    state: str = "succeeded",
    kind: str = "harvest",
    **request: Any,
) -> int:
    """A run of a feed that ended so long ago, an hour after it began."""
    run_of_feed = runs.begin(connection, feed, Request(**request), [Selection()], is_everything=True, kind=kind)
    ended = NOW - timedelta(days=days_ago)
    connection.execute(
        "UPDATE dinamis.run SET state = %s, started_at = %s, finished_at = %s WHERE id = %s",
        (state, ended - timedelta(hours=1), ended, run_of_feed.id),
    )
    return run_of_feed.id


def test_feed_is_stale_without_a_good_run(connection: psycopg.Connection) -> None:
    """Failed runs and those of a part do not make fresh; what was never asked for, but renamed, is not stale."""
    fresh, failing, partly, hopeless, unknown, any_age = (
        a_feed(name, stale_after_days=None if name == "any age" else 2.0)
        for name in ("fresh", "failing", "partly", "hopeless", "unknown", "any age")
    )
    begun(connection, fresh, 9)
    begun(connection, fresh, 1)
    good = begun(connection, failing, 3)
    begun(connection, failing, 1, "failed")
    begun(connection, partly, 3)
    begun(connection, partly, 1, limit=5)
    first = begun(connection, hopeless, 4, "failed")
    begun(connection, hopeless, 1, "failed")
    begun(connection, unknown, 9, kind="rename")
    begun(connection, any_age, 900)

    stale = {
        each.feed: each for each in stale_feeds(connection, (fresh, failing, partly, hopeless, unknown, any_age), NOW)
    }

    assert sorted(stale) == ["failing", "hopeless", "partly"]
    assert (stale["failing"].run, stale["failing"].was_good) == (good, True)
    assert (stale["hopeless"].run, stale["hopeless"].was_good) == (first, False)
    assert stale["failing"].since == NOW - timedelta(days=3)
    assert stale["hopeless"].since == NOW - timedelta(days=4, hours=1)


def test_staleness_is_told_once_until_it_is_over(connection: psycopg.Connection) -> None:
    """A stale feed is told once, also beside others; after a good run it may go stale, and be told, again."""
    hook, feed, other = Webhook(), *(a_feed(name, stale_after_days=2.0) for name in ("forgotten", "forgotten too"))
    begun(connection, feed, 3)
    begun(connection, other, 3)
    with hook.served() as settings:
        assert len(notify_of_stale(connection, [feed], NOW, settings)) == 1
        assert len(notify_of_stale(connection, [feed, other], NOW + timedelta(days=1), settings)) == 2
        begun(connection, feed, 0)
        assert notify_of_stale(connection, [feed], NOW + timedelta(days=1), settings) == []
        notify_of_stale(connection, [feed], NOW + timedelta(days=3), settings)
    told = [[each["text"].partition(" was")[0] for each in body["occasions"]] for body in hook.bodies]
    assert told == [["forgotten"], ["forgotten too"], ["forgotten"]]
    assert "was last harvested successfully on 2026-04-28 00:00 UTC" in hook.bodies[0]["text"]


def test_orphaned_feed_is_told_once_until_it_is_harvested(database: Database, tmp_path: Path) -> None:
    """One that a document names, a place of the command line, and one without records in force are told to nobody."""
    documents, hook = harvest_context(database).documents, Webhook()
    delivery(tmp_path)
    run(database, tmp_path)
    with hook.served() as settings, database.connect("harvest", autocommit=True) as connection:

        def told_at(moment: datetime) -> list[list[str]]:
            hook.bodies.clear()
            notify_of_orphaned(connection, documents, moment, settings)
            return kinds(hook)

        def in_force(feed: str, kind: str = "harvest") -> int:
            number = runs.begin(connection, a_feed(feed), Request(), [Selection()], is_everything=True, kind=kind).id
            connection.execute("UPDATE dinamis.source_record SET feed = %s", (feed,))
            return number

        begun = datetime.now(UTC)
        assert told_at(begun) == []
        in_force("pleiades/deliveries")
        assert told_at(datetime.now(UTC)) == []
        in_force("pleiades/renamed", kind="rename")
        assert told_at(datetime.now(UTC)) == []
        number = in_force("pleiades/sold")
        assert told_at(begun) == []  # documents that were read before its run may not be those that name it
        assert told_at(datetime.now(UTC)) == [["orphaned"]]
        (occasion,) = hook.bodies[0]["occasions"]
        assert (occasion["run"], occasion["text"].partition(" ")[0]) == (number, "pleiades/sold")
        in_force("pleiades/sold", kind="correct")
        assert told_at(datetime.now(UTC)) == []
        in_force("pleiades/sold")
        assert told_at(datetime.now(UTC)) == [["orphaned"]]
        in_force("pleiades/sold")
        connection.execute("UPDATE dinamis.source_record SET state = 'withdrawn', reason = 'sold'")
        assert told_at(datetime.now(UTC)) == []


# Whole harvests


def notifying_context(database: Database, settings: NoticeSettings) -> HarvestContext:
    """A catalogue whose harvests are told of."""
    return replace(harvest_context(database), notices=settings)


def test_failed_harvest_is_told(database: Database, tmp_path: Path) -> None:
    """A source that cannot be read is told with its reason, the harvest fails as it would without."""
    hook = Webhook()
    with hook.served() as settings, pytest.raises(SourceUnavailable):
        run(notifying_context(database, settings), tmp_path / "missing")
    assert kinds(hook) == [["failure"]]
    assert ": failed (run " in hook.bodies[0]["subject"]
    assert "The source cannot be read" in hook.bodies[0]["text"]


def test_refused_deliveries_are_told_at_the_end_of_the_harvest(database: Database, tmp_path: Path) -> None:
    """A harvest that refuses half of its records is told once it has come to its end, a dry run is not."""
    delivery(tmp_path)
    (broken,) = delivery(tmp_path, seconds=5, job="6000000201").rglob("DIM_*.XML")
    broken.write_text("<broken", "utf-8")
    hook = Webhook()
    with hook.served() as settings:
        run(notifying_context(database, settings), tmp_path, dry_run=True)
        assert hook.bodies == []
        report = run(notifying_context(database, settings), tmp_path)
    assert kinds(hook) == [["quarantine"]]
    assert hook.bodies[0]["run"] == report.run


def test_stopped_withdrawals_are_told(database: Database, tmp_path: Path) -> None:
    """A run that stops before too many withdrawals asks for a decision."""
    emptied = [delivery(tmp_path, seconds=5 * n, job=f"600000020{n}") for n in range(3)]
    rules = WithdrawalRules(by_absence=True, grace_days=0)
    feed = replace(deliveries_at(str(tmp_path), Credentials()), withdrawals=rules)
    hook = Webhook()
    with hook.served() as settings:
        harvest(feed, notifying_context(database, settings), Request())
        for path in sorted(emptied[0].rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        with pytest.raises(TooManyWithdrawals):
            harvest(feed, notifying_context(database, settings), Request())
    assert kinds(hook) == [["withdrawals"]]
    assert "--allow-withdrawals" in hook.bodies[0]["text"]


def test_ctrl_c_is_told_to_nobody(database: Database, tmp_path: Path) -> None:
    """Whoever stops a harvest by hand knows it."""
    delivery(tmp_path)
    hook = Webhook()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with hook.served() as settings, pytest.raises(KeyboardInterrupt):
        harvest(
            deliveries_at(str(tmp_path), Credentials()), notifying_context(database, settings), Request(), interrupt
        )
    assert hook.headers == []
    assert rows(database, "SELECT state FROM dinamis.run") == [("running",)]


# Settings


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipients are separated by commas, and secrets are not shown."""
    written = {
        "MAIL_TO": "a@example.org, b@example.org,",
        "MAIL_USER": "harvest",
        "MAIL_PASSWORD": "geheim",
        "WEBHOOK_URL": "https://hooks.example/geheim",
        "WEBHOOK_SECRET": "geheim",
    }
    for name, value in written.items():
        monkeypatch.setenv(f"DINAMIS_NOTICE_{name}", value)
    settings = NoticeSettings()
    assert settings.notice_mail_to == ["a@example.org", "b@example.org"]
    assert settings.notice_webhook_url is not None
    assert str(settings.notice_webhook_url.get_secret_value()) == "https://hooks.example/geheim"
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"notice_mail_user": "harvest", "notice_mail_password": "geheim", "notice_mail_security": "none"},
        {"notice_mail_password": "geheim"},
        {"notice_webhook_url": "ftp://geheim"},
    ],
)
def test_unsafe_settings_are_refused_without_showing_secrets(wrong: dict[str, Any]) -> None:
    """A password in clear, half of a login and an address that is not one of the web are refused."""
    with pytest.raises(ValidationError) as refusal:
        NoticeSettings(**wrong)
    assert "geheim" not in str(refusal.value)
