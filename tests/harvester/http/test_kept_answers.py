"""Answers are kept so that a service need not send them again, and nothing secret is among them."""

from __future__ import annotations

import gzip
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hishel.httpx import CacheClient
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from harvester.credentials import Credentials
from harvester.http import Session
from harvester.http.kept_answers import KeptAnswers
from harvester.sources.source import SourceOptions
from tests.emulators import quirks
from tests.emulators.quirks import Plan, Quirk, Quirks
from tests.emulators.serving import serving

NOW = datetime.now(UTC)


@contextmanager
def _service(*first: Quirk, **headers: str) -> Iterator[tuple[str, Plan]]:
    """A service with one document, whose answers have these headers and go to all methods alike."""
    said = {name.replace("_", "-"): value for name, value in headers.items()} or {"ETag": '"1"'}

    async def answer(request: Request) -> Response:
        asked = (request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since"))
        if asked in ((said.get("ETag", ""), None), (None, said.get("Last-Modified", ""))):
            return Response(status_code=304, headers=said)
        return JSONResponse({"id": "a" * 500}, headers=said)

    plan = Plan.first(*first)
    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    with serving(Quirks(app, plan)) as url:
        yield url, plan


def _session(url: str, folder: Path, auth: httpx.Auth | None = None, **options: Any) -> Session:
    return Session(SourceOptions(url=url, rate=1000.0, timeout_s=5.0, answers=folder, **options), auth=auth)


def _asked_twice(url: str, folder: Path) -> None:
    for _ in range(2):
        with _session(url, folder) as session:
            assert session.get_json(url) == {"id": "a" * 500}


@pytest.mark.parametrize("said", ["r\xe9serv\xe9", "r\xc3\xa9serv\xc3\xa9"], ids=["latin-1", "utf-8"])
def test_an_answer_with_accents_in_a_header_is_kept(tmp_path: Path, said: str) -> None:
    """Such an answer is read when it comes and when it is taken from the store."""
    with _service(ETag='"1"', Server=said) as (url, plan):
        _asked_twice(url, tmp_path)
    assert len(plan.requests) == 2


def _conditions(plan: Plan) -> list[str | None]:
    return [headers.get("if-none-match") or headers.get("if-modified-since") for _, _, headers in plan.requests]


def _content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


EARLIER = format_datetime(NOW - timedelta(days=1), usegmt=True)
VERSIONS = {
    "etag": ({"ETag": '"1"'}, '"1"'),
    "time of change": ({"Last-Modified": EARLIER}, EARLIER),
    "allowed to be taken for fresh": ({"ETag": '"1"', "Cache-Control": "max-age=3600"}, '"1"'),
    "for one reader alone": ({"ETag": '"1"', "Cache-Control": "private"}, '"1"'),
}


@pytest.mark.parametrize(("headers", "version"), VERSIONS.values(), ids=VERSIONS)
def test_a_kept_answer_is_asked_for_but_not_sent_again(headers: dict[str, str], version: str, tmp_path: Path) -> None:
    """Another session asks whether the answer is still the same, however fresh it may be called."""
    with _service(**headers) as (url, plan):
        _asked_twice(url, tmp_path)
    assert _conditions(plan) == [None, version]


SENT_AGAIN = {
    "without a version": {"Date": format_datetime(NOW, usegmt=True)},
    "changed within the last second": {"Last-Modified": format_datetime(NOW + timedelta(hours=1), usegmt=True)},
    "a time that is none": {"Last-Modified": "yesterday"},
    "a time beyond all days": {"Last-Modified": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"},
    "not to be stored": {"ETag": '"1"', "Cache-Control": "no-store"},
}


@pytest.mark.parametrize("headers", SENT_AGAIN.values(), ids=SENT_AGAIN)
def test_an_answer_that_cannot_be_told_from_a_later_one_is_not_kept(headers: dict[str, str], tmp_path: Path) -> None:
    """Without a version that can be trusted the whole answer is sent each time."""
    with _service(**headers) as (url, plan):
        _asked_twice(url, tmp_path)
    assert _conditions(plan) == [None, None]


def test_an_answer_to_headers_that_were_told_is_never_kept(tmp_path: Path) -> None:
    """It is one of several at the same address, neither taken for another one nor written down with the headers."""
    with _service(ETag='"1"') as (url, plan):
        for told in (None, {"x-page": "s3cret"}, {"x-page": "s3cret"}):
            with _session(url, tmp_path) as session:
                session.get_json(url, told=told)
    assert _conditions(plan) == [None, None, None]
    assert b"s3cret" not in _content(tmp_path)


def test_a_posted_question_is_never_kept(tmp_path: Path) -> None:
    """POST is asked anew each time, though its answer has a version."""
    with _service() as (url, plan):
        for _ in range(2):
            with _session(url, tmp_path) as session:
                session.post_json(url, {"page": 1})
    assert _conditions(plan) == [None, None]
    assert b"aaaa" not in _content(tmp_path)


def _packed(content: bytes) -> Quirk:
    response = Response(content, headers={"ETag": '"1"', "Content-Encoding": "gzip"})
    return lambda _, scope, receive, send: response(scope, receive, send)


CUT = {"cut": quirks.truncated(headers={"ETag": '"1"'}), "packed and cut": _packed(gzip.compress(b"{}")[:-1])}


@pytest.mark.parametrize("cut", CUT.values(), ids=CUT)
def test_an_unreadable_answer_is_not_kept(cut: Quirk, tmp_path: Path) -> None:
    """A cut answer with an ETag is not brought back by "not modified"."""
    with _service(cut) as (url, plan), _session(url, tmp_path) as session:
        assert session.get_json(url) == {"id": "a" * 500}
    assert _conditions(plan) == [None, None]


SIGNING = {
    "key": ({"credentials": Credentials(api_key=SecretStr("s3cr3t"))}, None),
    "signature": ({}, httpx.BasicAuth("reader", "s3cr3t")),
}


@pytest.mark.parametrize(("options", "auth"), SIGNING.values(), ids=SIGNING)
def test_what_is_answered_to_credentials_is_not_kept(
    options: dict[str, Any], auth: httpx.Auth | None, tmp_path: Path
) -> None:
    """Neither a secret nor what it opens gets on the disk: no file is made at all."""
    with _service() as (url, _), _session(url, tmp_path, auth, **options) as session:
        session.get_json(url)
    assert not list(tmp_path.iterdir())


def test_an_address_with_a_key_is_not_kept(tmp_path: Path) -> None:
    """Nothing is written of a request whose address would let others in."""
    with _service() as (url, _), _session(url, tmp_path) as session:
        session.get_json(url, {"access_token": "s3cr3t"})
    assert b"s3cr3t" not in _content(tmp_path)


def test_cookies_are_used_but_not_kept(tmp_path: Path) -> None:
    """A session cookie goes back to the service during the session, and is not on the disk."""
    headers = {"ETag": '"1"', "Set-Cookie": "session=s3cr3t"}
    with _service(**headers) as (url, plan), _session(url, tmp_path) as session:
        for page in (1, 1, 2):
            session.get_json(url, {"page": page})
    assert [told.get("cookie") for _, _, told in plan.requests] == [None, *["session=s3cr3t"] * 2]
    assert _conditions(plan) == [None, '"1"', None]
    assert b"s3cr3t" not in _content(tmp_path)


def test_many_may_share_the_answers(tmp_path: Path) -> None:
    """Sessions that ask and keep at the same time all get their answers, and the next ones need none of them sent."""

    def ask(number: int) -> None:
        with _session(url, tmp_path) as session:
            for page in range(5):
                assert session.get_json(url, {"page": f"{number % 2}-{page}"}) == {"id": "a" * 500}

    with _service() as (url, plan):
        for _ in range(2):
            plan.requests.clear()
            with ThreadPoolExecutor(4) as workers:
                assert len(list(workers.map(ask, range(4)))) == 4
    assert _conditions(plan) == ['"1"'] * 20


def test_a_folder_that_cannot_be_made_costs_only_the_answers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Where nothing can be written the harvest goes on, and it is said what to set."""
    (tmp_path / "file").touch()
    with _service() as (url, plan):
        _asked_twice(url, tmp_path / "file" / "cache")
    assert _conditions(plan) == [None, None]
    assert "set DINAMIS_CACHE" in caplog.text


def test_answers_are_for_their_owner_alone_and_never_grow_beyond_their_bound(tmp_path: Path) -> None:
    """The folder is closed to others; with its bytes used up, what was asked for lately is kept and more is not."""
    folder = tmp_path / "cache"
    with _service() as (url, _), _session(url, folder) as session:
        session.get_json(url)
    assert folder.stat().st_mode & 0o777 == 0o700
    full = KeptAnswers(folder, most_bytes=1)
    with _service() as (url, _), CacheClient(storage=full, rfc=True) as client:
        assert client.get(f"{url}/?page=2").json() == {"id": "a" * 500}
    (file,) = folder.glob("*.sqlite")
    with closing(sqlite3.connect(file)) as database:
        assert database.execute("SELECT count(*) FROM entries").fetchone() == (1,)
