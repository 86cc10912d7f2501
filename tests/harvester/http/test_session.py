"""A service over HTTP is asked patiently and politely, and nothing secret is told."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Thread

import httpx
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from database.long_work import lasting_work
from harvester.credentials import Credentials
from harvester.errors import AnsweredWithError, SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.http import USER_AGENT, Patience, Session, basic_auth
from harvester.sources.source import SourceOptions
from tests.emulators import quirks
from tests.emulators.quirks import Plan, Quirk, Quirks
from tests.emulators.serving import free_port, serving

ANSWER = {"features": [{"id": "a" * 500}]}
QUICK = Patience(attempts=3, unreadable_attempts=2)


async def _good(_: Request) -> Response:
    return JSONResponse(ANSWER)


async def _posted(request: Request) -> Response:
    return JSONResponse({"body": (await request.body()).decode(), "type": request.headers["content-type"]})


async def _bomb(request: Request) -> Response:
    return Response(gzip.compress(bytes(1_000_000)), headers={"Content-Encoding": "gzip"})


async def _odd_numbers(request: Request) -> Response:
    return Response("[NaN, 1e999, 1.5]", media_type="application/json")


def _app() -> Starlette:
    routes = [Route("/", _good), Route("/odd", _odd_numbers), Route("/bomb", _bomb)]
    return Starlette(routes=[*routes, Route("/post", _posted, methods=["POST"])])


@contextmanager
def _service(*first: Quirk, always: Quirk | None = None) -> Iterator[tuple[str, Plan]]:
    plan = Plan.first(*first)
    plan.always = always
    with serving(Quirks(_app(), plan)) as url:
        yield url, plan


def _session(
    url: str,
    patience: Patience = QUICK,
    auth: httpx.Auth | None = None,
    **options: object,
) -> Session:
    described = SourceOptions.model_validate({"url": url, "rate": 1000.0, "timeout_s": 5.0, **options})
    return Session(described, auth=auth, patience=patience)


PASSING = {
    "too-many-requests": quirks.too_many_requests(None),
    "bad-gateway": quirks.unavailable(502),
    "unavailable": quirks.unavailable(503),
    "gateway-timeout": quirks.unavailable(504),
    "request-timeout": quirks.unavailable(408),
    "cut-json": quirks.truncated(),
    "html-with-200": quirks.html_page(),
    "broken-connection": quirks.dropped(),
}


@pytest.mark.parametrize("quirk", PASSING.values(), ids=PASSING.keys())
def test_a_failure_that_passes_is_asked_again(quirk: Quirk) -> None:
    """The answer after a failure that passes is the answer."""
    with _service(quirk) as (url, plan), _session(url) as session:
        assert session.get_json(url) == ANSWER
    assert len(plan.requests) == 2


def test_patience_ends_and_tells_what_was_asked_how_often_and_what_was_answered() -> None:
    """When a service stays down, the message says what was asked, how often, and what was answered."""
    with _service(always=quirks.unavailable()) as (url, plan), _session(url) as session:
        with pytest.raises(SourceUnavailable, match=r"GET .*\?page=2 answered 503 .*Unavailable.*; asked 3 times"):
            session.get_json(url, {"page": 2})
        assert len(plan.requests) == 3


@pytest.mark.parametrize(
    ("quirk", "reason"),
    [
        (quirks.unavailable(), "503 Service Unavailable"),
        (quirks.too_many_requests("1"), "429 Too Many Requests"),
        (quirks.dropped(), "the connection broke"),
        (quirks.html_page(), "its answer cannot be read"),
        (None, "Connection refused"),
    ],
    ids=["unavailable", "too-many", "dropped", "unreadable", "refused"],
)
def test_who_waits_can_be_told_for_what(quirk: Quirk | None, reason: str) -> None:
    """While a request is repeated, its host, the reason and the attempt are known to other threads, and no secret."""
    patience = Patience(attempts=2, unreadable_attempts=2)
    with (
        _service(quirk) if quirk else nullcontext((f"http://127.0.0.1:{free_port()}", None)) as (url, _),
        _session(url, patience, rate=2.0, credentials=Credentials(token=SecretStr("t0ken"))) as session,
    ):
        asking = Thread(target=lambda: suppressed(lambda: session.get_json(url, {"apikey": "t0ken"})))
        asking.start()
        while asking.is_alive() and not any(work.until for work in lasting_work(0)):
            time.sleep(0.01)
        told = [(work.what, work.until) for work in lasting_work(0)]
        now = time.monotonic()
        asking.join()
    ((what, until),) = told
    assert what == f"waiting for {url.removeprefix('http://')}: {reason} (attempt 1 of 2)"
    assert until is not None
    assert 0 < until - now <= 2
    assert lasting_work(0) == []


def suppressed(ask: Callable[[], object]) -> None:
    """Ask, whatever comes of it."""
    with suppress(SourceUnavailable):
        ask()


def _plain(content: bytes, **headers: str) -> Quirk:
    """This answer."""
    response = Response(content, headers={name.replace("_", "-"): value for name, value in headers.items()})
    return lambda _, scope, receive, send: response(scope, receive, send)


UNREADABLE = {
    "cut": quirks.truncated(),
    "html": quirks.html_page(),
    "deep": _plain(b"[" * 100_000),
    "none": _plain(b""),
}


@pytest.mark.parametrize("quirk", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_stays_unreadable_is_given_up_early(quirk: Quirk) -> None:
    """What is not JSON again and again, or nests without end, is an unreadable answer, shown by its beginning."""
    with _service(always=quirk) as (url, plan), _session(url) as session:
        with pytest.raises(
            UnreadableAnswer, match=r"200 OK: it is not JSON .*: ('.*(features|Maintenance|\[\[)|nothing)"
        ):
            session.get_json(url)
        assert len(plan.requests) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_not_tried_again(status: int) -> None:
    """401 and 403 end at once, and say what to check."""
    with _service(always=quirks.refuses(status)) as (url, plan):
        with _session(url) as session, pytest.raises(SourceRefused, match=f"{status}.*No credentials are given"):
            session.get_json(url)
        signed = _session(url, credentials=Credentials(token=SecretStr("t0ken")))
        with signed as session, pytest.raises(SourceRefused, match="are right and have not expired"):
            session.get_json(url)
        assert len(plan.requests) == 2


@pytest.mark.parametrize(("status", "phrase"), [(400, "Bad Request"), (500, "Internal Server Error")])
def test_a_bad_request_shows_what_the_service_says(status: int, phrase: str) -> None:
    """Neither a bad request nor one at which the service breaks is repeated; the beginning of the answer is told."""
    with _service(always=quirks.answers(status, {"message": "bbox is wrong"})) as (url, plan), _session(url) as session:
        with pytest.raises(AnsweredWithError, match=rf"answered {status} {phrase}: .*bbox is wrong"):
            session.get_json(url)
        assert len(plan.requests) == 1


@pytest.mark.parametrize("is_date", [False, True], ids=["seconds", "date"])
def test_the_service_says_how_long_to_wait(is_date: bool) -> None:
    """Retry-After is waited for, as seconds or as a date."""
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=3), usegmt=True) if is_date else "1"
    with _service(quirks.too_many_requests(when)) as (url, _), _session(url) as session:
        began = time.monotonic()
        assert session.get_json(url) == ANSWER
        assert time.monotonic() - began >= 1


@pytest.mark.parametrize(
    "when",
    ["86400", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:00 -0000"],
    ids=["a day", "beyond all days", "past"],
)
def test_a_wait_without_end_is_cut(when: str) -> None:
    """A day, or more than all days, is waited for as long as patience allows, and what is over not at all."""
    patience = Patience(attempts=2, longest_retry_after_s=0.05)
    with _service(quirks.too_many_requests(when)) as (url, _), _session(url, patience) as session:
        assert session.get_json(url) == ANSWER


def test_a_slow_drip_ends() -> None:
    """An answer that comes byte by byte is left when it has taken too long in all."""
    patience = Patience(attempts=1, deadline_timeouts=0.02)
    service = _service(always=quirks.slow_drip(0.01))
    with service as (url, _), _session(url, patience) as session, pytest.raises(SourceUnavailable, match="too slowly"):
        session.get_json(url)


def test_an_answer_without_bounds_is_left() -> None:
    """A small packed answer that unpacks without bounds is refused, once."""
    with _service() as (url, plan), _session(url, Patience(max_bytes=100_000)) as session:
        with pytest.raises(SourceUnavailable, match="more than 100,000 bytes"):
            session.get_document(f"{url}/bomb", bytes)
        assert len(plan.requests) == 1


def _gzipped(content: bytes) -> Quirk:
    """This content, said to be gzipped, in letters of any case."""
    return _plain(content, content_encoding="GZip")


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_gzipped_answer_that_is_cut_off_is_asked_again(is_cut: bool) -> None:
    """However much of it could be read, it is not all; nor is what is not gzipped."""
    lines = b"".join(b"line %d\n" % number for number in range(5000))
    bad = _gzipped(gzip.compress(lines)[:5000] if is_cut else lines)
    with _service(bad, always=_gzipped(gzip.compress(lines))) as (url, plan), _session(url) as session:
        assert session.request("GET", url).content == lines
        plan.always = bad
        with pytest.raises(SourceUnavailable, match=r"DecodingError: .*; asked 3 times"):
            session.request("GET", url)


def test_gzipped_parts_one_after_the_other_are_one_answer() -> None:
    """As programs that compress in parallel write them: the first part is not the whole."""
    parts = [b"line %d\n" % number * 2_000_000 for number in range(3)]
    packed = b"".join(map(gzip.compress, parts))
    with _service(always=_gzipped(packed)) as (url, _), _session(url) as session:
        assert session.request("GET", url).content == b"".join(parts)


@pytest.mark.parametrize("said", ["r\xe9serv\xe9", "r\xc3\xa9serv\xc3\xa9"], ids=["latin-1", "utf-8"])
def test_a_header_with_accents_costs_no_answer(said: str) -> None:
    """Names of files and realms of logins have them, in either encoding, in good answers and in refusals."""
    good = quirks.answers(200, ANSWER, {"Content-Disposition": f'inline; filename="{said}.json"'})
    refusal = quirks.answers(401, ANSWER, {"WWW-Authenticate": f'Basic realm="{said}"'})
    with _service(good, refusal) as (url, _), _session(url) as session:
        assert session.get_json(url) == ANSWER
        with pytest.raises(SourceRefused):
            session.get_json(url)


def test_an_answer_to_head_may_say_how_it_would_be_packed() -> None:
    """Nothing at all is not cut off."""
    with _service(always=_gzipped(b"")) as (url, _), _session(url) as session:
        assert session.request("HEAD", url).content == b""


@pytest.mark.parametrize("packings", ["Br", "deflate", "gzip, gzip", "GZIP,br"])
def test_an_answer_that_may_unpack_without_bounds_is_not_unpacked(packings: str) -> None:
    """Brotli and others, or one packing within another, are refused before any is unpacked, and never asked for."""
    packed = quirks.answers(200, {}, {"Content-Encoding": packings})
    with _service(always=packed) as (url, plan), _session(url) as session:
        with pytest.raises(SourceUnavailable, match=r"packed by .*; only gzip is asked for"):
            session.get_document(url, bytes)
        assert len(plan.requests) == 1
    assert [headers["accept-encoding"] for _, _, headers in plan.requests] == ["gzip"]


def test_a_redirect_is_followed_to_allowed_hosts_only() -> None:
    """A redirect to another host is followed when that host is allowed, and else named."""
    with serving(_app()) as elsewhere, _service(always=quirks.redirects(elsewhere)) as (url, _):
        with _session(url) as session, pytest.raises(SourceUnavailable, match=r"add 127.0.0.1:\d+ to allowed_hosts"):
            session.get_json(url)
        with _session(url, allowed_hosts=(elsewhere.removeprefix("http://"),)) as session:
            assert session.get_json(url) == ANSWER


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_posted_question_is_posted_again_where_it_is_redirected_to(status: int) -> None:
    """A service that has moved is asked what was asked, and not for all that it has."""
    with _service(quirks.redirects("/post", status)) as (url, _), _session(url) as session:
        assert session.post_json(url, {"since": 1}) == {"body": '{"since":1}', "type": "application/json"}


def test_an_answer_that_is_elsewhere_is_fetched() -> None:
    """See other (303) is no move: the answer to what was posted is there, to be had by GET."""
    with _service(quirks.redirects("/", 303)) as (url, plan), _session(url) as session:
        assert session.post_json(f"{url}/post", {"since": 1}) == ANSWER
    assert [method for method, _, _ in plan.requests] == ["POST", "GET"]


def test_redirects_without_end_end() -> None:
    """A redirect to itself is not followed for ever."""
    with _service(always=quirks.redirects("/")) as (url, plan), _session(url) as session:
        with pytest.raises(SourceUnavailable, match="more than 5 redirects"):
            session.get_json(url)
        assert len(plan.requests) == 6


def test_a_redirect_to_another_host_is_not_signed() -> None:
    """What signs in at one host is not sent to another, though it may be asked."""
    there = Plan()
    with serving(Quirks(_app(), there)) as elsewhere, _service(quirks.redirects(elsewhere)) as (url, here):
        allowed = (elsewhere.removeprefix("http://"),)
        with _session(url, auth=httpx.BasicAuth("user", "secret"), allowed_hosts=allowed) as session:
            assert session.get_json(url) == ANSWER
    assert "authorization" in here.requests[0][2]
    assert "authorization" not in there.requests[0][2]


def test_a_redirect_to_another_host_is_not_told_what_this_one_told_us() -> None:
    """Headers that a service wants with a question are its own also where the question is posted again."""
    there = Plan()
    with (
        serving(Quirks(_app(), there)) as elsewhere,
        _service(quirks.redirects(f"{elsewhere}/post")) as (url, here),
        _session(url, allowed_hosts=(elsewhere.removeprefix("http://"),)) as session,
    ):
        session.post_json(url, {}, told={"x-page": "2"})
    assert [headers.get("x-page") for _, _, headers in (*here.requests, *there.requests)] == ["2", None]


@pytest.mark.parametrize(
    ("source", "asked"),
    [
        ("https://a.example", "http://a.example/x"),
        ("http://a.example", "ftp://a.example/x"),
        ("http://a", "http://b"),
        ("http://a", "http://2130706433"),
        ("http://a", "http://[::1]"),
        ("http://a", "http://a@b"),
        ("http://a", "http://b\\@a"),
        ("http://a", "http://b#@a"),
        ("http://a", "http://u:p@a"),
        ("http://u:p@a", "http://u:other@a"),
    ],
)
def test_only_what_is_allowed_is_asked(source: str, asked: str) -> None:
    """Other hosts however they are written, other schemes and logins, and plain HTTP in place of HTTPS are refused."""
    refusal = r"allowed_hosts|only http|plain http|how to sign in|not an address"
    with _session(source) as session, pytest.raises(SourceUnavailable, match=refusal):
        session.get_json(asked)


def test_an_address_that_is_none_is_told() -> None:
    """A link that is no address is an error of the source."""
    with _session("http://a.example") as session, pytest.raises(SourceUnavailable, match="is not an address") as told:
        session.get_json("http://me:p4ss@a.example:port/?key=s3cret")
    assert not [secret for secret in ("p4ss", "s3cret") if secret in str(told.value)]


def test_an_unreachable_service_is_told() -> None:
    """A connection that cannot be made is tried again, then told."""
    with _service() as (url, _):
        pass
    with _session(url) as session, pytest.raises(SourceUnavailable, match=r"ConnectError.*asked 3 times"):
        session.get_json(url)


def test_no_message_holds_a_secret() -> None:
    """Passwords, keys and tokens are masked in the address and in what the service says."""
    echo = quirks.answers(400, {"message": "bad key s3cr3t"})
    with _service(always=echo) as (url, _):
        address = url.replace("//", "//me:p4ssword@")
        keys = Credentials(api_key=SecretStr("s3cr3t"), token=SecretStr("s3cr3t-and-m0re"), password=SecretStr("s3c"))
        with _session(address, credentials=keys) as session, pytest.raises(SourceUnavailable) as caught:
            session.get_json(f"{address}/?apikey=0ther&access_token=th1rd&page=1&x=s3cr3t&y=s3cr3t-and-m0re")
    message = str(caught.value)
    assert "page=1" in message
    assert not [secret for secret in ("p4ssword", "s3c", "r3t", "m0re", "0ther", "th1rd") if secret in message]


def test_no_error_of_a_source_holds_a_secret() -> None:
    """A source may quote an answer in which the service repeats what it was sent."""
    keys = Credentials(token=SecretStr("s3cr3t"))
    left = pytest.raises(UnreadableAnswer, match=r"the page of \*\*\* has no features")
    with left, _session("http://a.example", credentials=keys):
        raise UnreadableAnswer("the page of s3cr3t has no features")


def test_no_error_of_a_source_holds_what_signed_a_request() -> None:
    """A source may quote a good answer (status 200) that repeats the header it was sent."""
    login = Credentials(user="me", password=SecretStr("p4ssword"))
    left = pytest.raises(UnreadableAnswer, match=r"Basic \*\*\* is no page")
    with _service() as (url, _), left, _session(url, auth=basic_auth(login), credentials=login) as session:
        session.get_json(url)
        raise UnreadableAnswer("Basic bWU6cDRzc3dvcmQ= is no page")


def test_a_link_may_repeat_the_login_of_the_address() -> None:
    """A service that writes its links as it was asked is followed."""
    with _service() as (url, _):
        address = url.replace("//", "//me:p4ssword@")
        with _session(address) as session:
            assert session.get_json(f"{address}/?page=2") == ANSWER


async def _echoed(request: Request) -> Response:
    """What asks, told back as pages for developers do."""
    return JSONResponse({"authorization": request.headers["authorization"], "url": str(request.url)}, 500)


def test_no_message_holds_what_signed_a_request() -> None:
    """Neither as it was sent (Basic is base64, a token was bought with the key) nor as it stands in an address."""
    credentials = Credentials(user="me", password=SecretStr("p4ss/w%rd ü"))
    with serving(Starlette(routes=[Route("/", _echoed)])) as url:
        for auth, asked in (
            (basic_auth(credentials), f"{url}/?login=p4ss%2Fw%25rd%20%C3%BC"),
            (httpx_header("Bearer bought-t0ken"), f"{url}/?login=p4ss%2Fw%25rd+%C3%BC"),
            (None, f"{url}/p4ss/w%25rd%20%C3%BC"),
        ):
            with _session(url, auth=auth, credentials=credentials) as session, pytest.raises(SourceUnavailable) as told:
                session.get_json(asked)
            message = str(told.value)
            assert "***" in message
            sent = "bWU6cDRzcy93JXJkIMO8", "bought-t0ken", "p4ss/w%rd ü", "p4ss%2Fw%25rd", "p4ss"
            assert not [secret for secret in sent if secret in message]


def httpx_header(value: str) -> httpx.Auth:
    """What signs requests with this header."""

    class Signing(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["Authorization"] = value
            yield request

    return Signing()


def test_what_signs_a_request_may_ask_the_same_host() -> None:
    """A token is bought in the midst of the request that it is to sign, which has the turn at that host."""
    answers: list[object] = []

    class Buying(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            answers.append(shop.get_json(url))
            yield request

    with _service() as (url, _), _session(url) as shop, _session(url, auth=Buying()) as session:
        asking = Thread(target=lambda: answers.append(session.get_json(url)), daemon=True)
        asking.start()
        asking.join(10)
    assert answers == [ANSWER, ANSWER]


def test_half_of_a_login_signs_nothing() -> None:
    """A user without a password, or a password without a user, is no login."""
    assert basic_auth(Credentials(user="me")) is None
    assert basic_auth(Credentials(password=SecretStr("p4ssword"))) is None


def test_requests_are_paced_over_all_sessions() -> None:
    """Two sessions together ask a host no faster than it may be asked."""
    with _service() as (url, plan), _session(url, rate=10.0) as one, _session(url, rate=10.0) as other:
        began = time.monotonic()
        threads = [Thread(target=lambda s=s: [s.get_json(url) for _ in range(3)]) for s in (one, other)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert time.monotonic() - began >= 0.5 - 0.05
    assert len(plan.requests) == 6


def test_the_guest_says_who_it_is() -> None:
    """Each request carries our name and where to find us."""
    with _service() as (url, plan), _session(url) as session:
        session.get_json(url)
    assert plan.requests[0][2]["user-agent"] == USER_AGENT


def test_documents_are_posted() -> None:
    """JSON and other documents are posted with their media type."""
    with _service() as (url, _), _session(url) as session:
        assert session.post_json(f"{url}/post", {"a": 1})["type"] == "application/json"
        headers = {"Content-Type": "application/xml"}
        assert b'"<a/>"' in session.request("POST", f"{url}/post", content=b"<a/>", headers=headers).content


def test_numbers_that_json_does_not_know_stay_texts() -> None:
    """One impossible number does not spoil the page: its own field says what stood there."""
    with _service() as (url, _), _session(url) as session:
        assert session.get_json(f"{url}/odd") == ["NaN", "1e999", 1.5]


def test_parameters_join_those_of_the_address() -> None:
    """A link to a next page keeps its own parameters."""
    with _service() as (url, plan), _session(url) as session:
        session.get_json(f"{url}/?next=a%2Bb", {"limit": 5})
        session.get_json(f"{url}/?next=a%2Bb", {})
    assert [path for _, path, _ in plan.requests] == ["/?next=a%2Bb&limit=5", "/?next=a%2Bb"]


def test_refused_credentials_may_be_renewed_once() -> None:
    """What signs requests may answer a 401 with a new signature, from the same host."""

    class Renewing(httpx.Auth):
        def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
            request.headers["Authorization"] = "Bearer old"
            response = yield request
            if response.status_code == 401:
                request.headers["Authorization"] = "Bearer new"
                yield request

    with _service(quirks.refuses()) as (url, plan), _session(url, auth=Renewing()) as session:
        assert session.get_json(url) == ANSWER
    assert [headers["authorization"] for _, _, headers in plan.requests] == ["Bearer old", "Bearer new"]
