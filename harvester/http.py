"""Asking a service over HTTP as a good guest: identified, paced, patient, and no host but those allowed."""

from __future__ import annotations

import json
import math
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from itertools import count
from logging import getLogger
from threading import RLock
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, quote_plus

import httpx
import stamina
from hishel import CacheOptions
from hishel.httpx import CacheClient
from pydantic import SecretStr
from pyrate_limiter import GCRA, Limiter, Rate, SingleBucketFactory, StateBucket
from stamina.instrumentation import RetryDetails

from database.long_work import LongWork, told_if_long, work_at_hand
from harvester.credentials import Credentials, is_secret_name
from harvester.errors import AnsweredWithError, HarvestError, SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.kept_answers import KeptAnswers, kept_answers

if TYPE_CHECKING:  # the sources import this module: whichever comes first must not need the other
    from harvester.sources.source import SourceOptions

logger = getLogger(__name__)

USER_AGENT = "DINAMIS-STAC harvester (+https://dinamis.data-terra.org/)"

#: How answers may be packed: it makes a thousandfold at most, and what has come is measured before more is unpacked.
_PACKING = "gzip"
#: What httpx would unpack too: Brotli, or one packing within another, makes a gigabyte of a few hundred bytes; and of
#: deflate it is not known whether it has come to its end.
_OTHER_PACKINGS = ("deflate", "br", "zstd")
#: Extension of a request whose answer is not unpacked.
_AS_IT_CAME = "as_it_came"
#: Of RFC 9110 what every server takes.
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+: [ -~]*")
#: Extension of a request with the names of headers that the host told us to send, and that no other is sent.
_TOLD = "told"
#: What no service tells us to send: who we are, what lets us in, and how a message is made up and sent.
_NEVER_TOLD = re.compile(
    r"accept-encoding|authorization|cache-control|connection|content-.*|cookie|expect|host|proxy-.*|te|trailer"
    r"|transfer-encoding|upgrade|user-agent"
)
_PASSING_STATUSES = frozenset({408, 429, 502, 503, 504})
_MAX_REDIRECTS = 5
#: Before the words of an error of the system.
_ERROR_NUMBER = re.compile(r"^\[Errno -?\d+\] ")


def _tell_of_repetition(details: RetryDetails) -> None:
    """Let those who wait know for how long."""
    if work := work_at_hand():
        work.until = time.monotonic() + details.wait_for


# It stands in for those of stamina: where structlog is installed, they print among the output of the command.
stamina.instrumentation.set_on_retry_hooks((_tell_of_repetition,))

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long a service is borne with."""

    attempts: int = 8  #: of one request that fails in a way that passes: 429, 503, a broken connection…
    unreadable_attempts: int = 3  #: of one request that is answered with cut JSON or an HTML page
    longest_wait_s: float = 120.0  #: between two attempts
    longest_retry_after_s: float = 600.0  #: where the service itself says how long to wait
    deadline_timeouts: float = 10.0  #: the whole of an answer may take so many times `SourceOptions.timeout_s`
    max_bytes: int = 64 * 1024 * 1024  #: of one answer, unpacked


class Session:
    """Requests to the hosts of one source, one at a time.

    Requests to one host are paced in the whole process, however many sessions ask it. The wait before the first
    repetition is two turns at `options.rate`, and doubles from then on.
    """

    def __init__(
        self,
        options: SourceOptions,
        *,
        auth: httpx.Auth | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Open a session for a source.

        Args:
            options: where it is, how fast it may be asked, and where its answers are kept, so that it may say "not
                modified"; each answer is still asked for. What is answered to credentials is never kept.
            auth: signs each request, and may ask for tokens on its way.
            patience: how long the service is borne with.
        """
        self._options = options
        self._origin = httpx.URL(options.url)
        self._hosts = frozenset({self._origin.netloc.decode(), *options.allowed_hosts})
        self._patience = patience or Patience()
        self._secrets = _secrets(options.credentials, self._origin)
        self._answers = None if auth or self._secrets else kept_answers(options.answers)
        self._client = _client(self._answers, options.timeout_s, auth)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if isinstance(error, HarvestError):  # it may quote an answer
            error.args = tuple(self.masked(str(each)) for each in error.args)
        self._client.close()
        if self._answers is not None:
            self._answers.close()

    def get_json(
        self, url: str, parameters: Mapping[str, Any] | None = None, *, told: Mapping[str, str] | None = None
    ) -> Any:
        """What the service answers, as JSON data; numbers that JSON does not know (NaN, 1e999) as texts.

        Args:
            url: to be asked.
            parameters: beside those of the address.
            told: headers that the service at this host told us to send, as `headers_told` gives them. No other host is
                sent them, and what is answered to them is not kept.

        Raises:
            SourceRefused: 401 or 403.
            UnreadableAnswer: it is not JSON, also after asking again.
            SourceUnavailable: no good answer after patient retries, or the host is not allowed.
        """
        request = self._request("GET", url, parameters, **_with_told(told))
        return self._ask(request, lambda response: self._read(response, _json))

    def post_json(self, url: str, body: Any, *, told: Mapping[str, str] | None = None) -> Any:
        """The same for a POST with a JSON body; it is repeated after failures, so it must only ask."""
        request = self._request("POST", url, json=body, **_with_told(told))
        return self._ask(request, lambda response: self._read(response, _json))

    def get_document(self, url: str, read: Callable[[bytes], T], parameters: Mapping[str, Any] | None = None) -> T:
        """What `read` makes of the answer; where it raises `UnreadableAnswer`, the service is asked again."""
        return self._ask(self._request("GET", url, parameters), lambda response: self._read(response, read))

    def post_bytes(self, url: str, content: bytes, media_type: str) -> bytes:
        """What the service answers to a posted document; raises as `get_json`."""
        return self.request("POST", url, content=content, headers={"Content-Type": media_type}).content

    def request(
        self,
        method: str,
        url: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        is_unpacked: bool = True,
    ) -> httpx.Response:
        """One good answer (2xx), read to its end; as it came where it is the file itself that is packed."""
        extensions = {} if is_unpacked else {_AS_IT_CAME: True}
        parts = {"json": body, "content": content, "headers": headers, "extensions": extensions}
        request = self._request(method, url, parameters, **parts)
        return self._ask(request, lambda response: response)

    def _request(
        self, method: str, url: str, parameters: Mapping[str, Any] | None = None, **parts: Any
    ) -> httpx.Request:
        try:
            # httpx itself would put parameters in place of those that a link has already.
            address = httpx.URL(url).copy_merge_params(parameters or {})
            return self._client.build_request(method, address if parameters else url, **parts)
        except httpx.InvalidURL as error:
            raise SourceUnavailable(f"{self._shown(url)} is not an address: {error}") from error

    def _ask(self, request: httpx.Request, read: Callable[[httpx.Response], T]) -> T:
        """What `read` makes of a good answer, asked for as often as patience allows."""
        number = 0
        try:
            with told_if_long(f"waiting for {_host(request)}") as work:
                for attempt in self._attempts(work):
                    number, work.until = attempt.num, None
                    if number > 1:
                        logger.info("asking %s again, for the %s. time", self._shown(request.url), number)
                    with attempt:
                        return read(self._answer(request))
        except _PassingFailure as failure:
            raise SourceUnavailable(f"{failure.args[0]}; asked {number} times") from failure
        raise AssertionError("attempts end with a result or an error")

    def _attempts(self, work: LongWork) -> Iterator[stamina.Attempt]:
        """The attempts at one request; what is told of the work says why there is more than one."""
        unreadable, failed, asking = count(1), count(1), work.what

        def is_asked_again(error: Exception) -> bool | float:
            reason = error.reason if isinstance(error, _PassingFailure) else "its answer cannot be read"
            work.what = f"{asking}: {reason} (attempt {next(failed)} of {self._patience.attempts})"
            if isinstance(error, UnreadableAnswer):
                return next(unreadable) < self._patience.unreadable_attempts
            return isinstance(error, _PassingFailure) and (error.retry_after_s or True)

        wait_s = 2 / self._options.rate
        return iter(
            stamina.retry_context(
                on=is_asked_again,
                attempts=self._patience.attempts,
                timeout=None,
                wait_initial=wait_s,
                wait_jitter=wait_s,
                wait_max=self._patience.longest_wait_s,
            )
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request, wherever it is redirected to."""
        asked, auth = request.url.netloc, httpx.USE_CLIENT_DEFAULT
        for _ in range(1 + _MAX_REDIRECTS):
            self._check_allowed(request.url)
            # What signs in at one host is not shown to another, though it may be asked.
            response = self._sent(request, auth if request.url.netloc == asked else None)
            if response.next_request is None:
                return self._good(response)
            request = self._led_on(request, response, response.next_request)
            for name in request.extensions.get(_TOLD, ()) if request.url.netloc != asked else ():
                request.headers.pop(name, None)
        raise SourceUnavailable(f"{self._said(response)}; more than {_MAX_REDIRECTS} redirects")

    def _led_on(self, request: httpx.Request, response: httpx.Response, following: httpx.Request) -> httpx.Request:
        """The request that a redirect leads to: what was posted is posted again, unless the answer itself is there.

        Browsers ask by GET instead, without what they posted: a search would then give everything that it has.
        """
        if following.method == request.method or response.status_code == httpx.codes.SEE_OTHER:
            return following
        return self._client.build_request(
            request.method,
            following.url,
            headers=following.headers,
            content=request.read(),
            extensions=following.extensions,
        )

    def _check_allowed(self, url: httpx.URL) -> None:
        host = url.netloc.decode()
        if url.scheme not in ("http", "https"):
            raise SourceUnavailable(f"{self._shown(url)}: only http and https are asked")
        if host not in self._hosts:
            raise SourceUnavailable(f"{self._shown(url)}: add {host} to allowed_hosts if this source may ask it")
        if url.userinfo not in (b"", self._origin.userinfo):
            raise SourceUnavailable(f"{self._shown(url)}: a link that tells how to sign in is not followed")
        if url.scheme == "http" and self._origin.scheme == "https":
            raise SourceUnavailable(f"{self._shown(url)}: a source on https is not asked over plain http")

    def _sent(self, request: httpx.Request, auth: Any) -> httpx.Response:
        with _turns(_host(request), self._options.rate).take():
            deadline = time.monotonic() + self._options.timeout_s * self._patience.deadline_timeouts
            try:
                response = self._client.send(request, stream=True, auth=auth)
                with _closing(response):
                    return _whole(response, self._content(response, deadline))
            except httpx.RequestError as error:
                if isinstance(error, httpx.DecodingError):
                    self._forget(request)
                failed, words = f"{request.method} {self._shown(request.url)} failed", self.masked(str(error))
                raise _PassingFailure(f"{failed}: {type(error).__name__}: {words}", self._reason(error)) from error

    def _reason(self, error: httpx.RequestError) -> str:
        if isinstance(error, httpx.TimeoutException):
            return f"no answer within {self._options.timeout_s:g} s"
        if isinstance(error, httpx.ProtocolError | httpx.ReadError | httpx.WriteError):
            return "the connection broke"
        return _ERROR_NUMBER.sub("", self.masked(str(error))) or type(error).__name__

    def _content(self, response: httpx.Response, deadline: float) -> bytes:
        self._check_packing(response)
        content = bytearray()
        for part in _unpacked(response):
            content += part
            if len(content) > self._patience.max_bytes:
                limit = f"more than {self._patience.max_bytes:,} bytes"
                raise TooLongAnswer(f"{self._said(response)} and {limit}: ask for fewer records at once (page_size)")
            if time.monotonic() > deadline:
                left = f"after {len(content):,} bytes we left"
                raise _PassingFailure(f"{self._said(response)}, but too slowly: {left}", "too slow an answer")
        return bytes(content)

    def _check_packing(self, response: httpx.Response) -> None:
        packings = [name.strip().lower() for name in response.headers.get("Content-Encoding", "").split(",")]
        known = [name for name in packings if name in (_PACKING, *_OTHER_PACKINGS)]
        if known not in ([], [_PACKING]):
            raise SourceUnavailable(f"{self._said(response)}, packed by {', '.join(known)}; only gzip is asked for")

    def _good(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        message = f"{self._said(response)}: {self._beginning(response)}"
        if response.status_code in (401, 403):
            raise SourceRefused(f"{message}. {self._advice()}")
        if response.status_code == 416:
            raise BeyondItsEnd(message)
        if response.status_code in _PASSING_STATUSES:
            reason = f"{response.status_code} {response.reason_phrase}"
            raise _PassingFailure(message, reason, self._retry_after_s(response))
        raise AnsweredWithError(message)

    def _advice(self) -> str:
        if self._secrets:
            return "Check that the credentials of this source are right and have not expired"
        return "No credentials are given for this source: name them in its collection document and in the environment"

    def _retry_after_s(self, response: httpx.Response) -> float | None:
        seconds = _retry_after_s(response.headers.get("Retry-After", ""), datetime.now(UTC))
        return None if seconds is None else min(seconds, self._patience.longest_retry_after_s)

    def _read(self, response: httpx.Response, read: Callable[[bytes], T]) -> T:
        try:
            return read(response.content)
        except UnreadableAnswer as error:
            self._forget(response.request)
            raise UnreadableAnswer(f"{self._said(response)}: {error.args[0]}: {self._beginning(response)}") from error

    def _forget(self, request: httpx.Request) -> None:
        """Keep no answer that cannot be read: "not modified" would bring it back for ever."""
        if self._answers is not None:
            for entry in self._answers.get_entries(request.extensions["caching"]["key"]):
                self._answers.remove_entry(entry.id)

    def _said(self, response: httpx.Response) -> str:
        request = response.request
        return f"{request.method} {self._shown(request.url)} answered {response.status_code} {response.reason_phrase}"

    def _beginning(self, response: httpx.Response) -> str:
        text = self.masked(" ".join(response.content[:4096].decode("utf-8", "replace").split()))
        # Pages for developers tell what they were asked.
        _, _, signature = response.request.headers.get("Authorization", "").partition(" ")
        text = text.replace(signature, "***") if signature else text
        return repr(text[:200]) if text else "nothing"

    def _shown(self, url: httpx.URL | str) -> str:
        return self.masked(_without_secrets(url))

    def masked(self, text: str) -> str:
        """A text with `***` for each secret of the source, whoever repeats it."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def basic_auth(credentials: Credentials) -> httpx.BasicAuth | None:
    """What signs requests with the user and password, where both are given."""
    user, password = credentials.user, credentials.password
    return httpx.BasicAuth(user, password.get_secret_value()) if user is not None and password is not None else None


class BeyondItsEnd(SourceUnavailable):
    """A file is not as long as that the part of it that was asked for could be there."""


class TooLongAnswer(SourceUnavailable):
    """An answer is longer than one may be."""


class _PassingFailure(SourceUnavailable):
    """The source cannot be read."""

    def __init__(self, message: str, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason  #: in a few words, for those who wait
        self.retry_after_s = retry_after_s


class _Turns:
    """Turns at one host: one request at a time, and evenly spaced."""

    def __init__(self, host: str, rate: float) -> None:
        self._host = host
        bucket = StateBucket([Rate(1, max(1, round(1000 / rate)))], algorithm=GCRA())
        # Such a bucket holds two numbers: there is nothing that a thread must clear away.
        self._limiter = Limiter(SingleBucketFactory(bucket, schedule_leak=False), buffer_ms=0)
        self._lock = RLock()  # what signs a request may ask the same host for a token

    @contextmanager
    def take(self) -> Iterator[None]:
        with ExitStack() as held:
            with told_if_long(f"waiting for the next turn at {self._host}"):
                held.enter_context(self._lock)
                self._limiter.try_acquire()
            yield


@lru_cache(maxsize=1024)
def _turns(host: str, rate: float) -> _Turns:
    """The turns at a host, the same for all in this process who ask it at this rate."""
    return _Turns(host, rate)


def _host(request: httpx.Request) -> str:
    return request.url.netloc.decode()


def _client(answers: KeptAnswers | None, timeout_s: float, auth: httpx.Auth | None) -> httpx.Client:
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": _PACKING}
    if answers is None:
        return httpx.Client(headers=headers, timeout=timeout_s, auth=auth)
    # Without "no-cache" an answer may be taken for fresh by its age alone, and a change at the source be missed.
    return CacheClient(
        storage=answers,
        rfc=CacheOptions(shared=False),
        headers={**headers, "Cache-Control": "no-cache"},
        timeout=timeout_s,
        event_hooks={"request": [_name_in_store]},
    )


def headers_told(said: Any) -> dict[str, str]:
    """The headers that a service tells us to send, by their names in lower case, without those that are ours alone.

    Raises:
        UnreadableAnswer: they are none.
    """
    if not isinstance(said, Mapping):
        raise UnreadableAnswer("its link wants headers that are no object")
    headers = {name.lower(): str(value).strip() for name, value in said.items() if isinstance(value, str | int | float)}
    if len(headers) < len(said) or not all(map(_HEADER.fullmatch, map(": ".join, headers.items()))):
        raise UnreadableAnswer(f"its link wants headers that are none: {', '.join(said)[:80]}")
    return {name: value for name, value in headers.items() if not _NEVER_TOLD.fullmatch(name)}


def _with_told(told: Mapping[str, str] | None) -> dict[str, Any]:
    """The parts of a request with headers that the service told us to send."""
    # Such an answer is one of several at the same address, and what was told may let somebody in.
    return {"headers": {**told, "Cache-Control": "no-store"}, "extensions": {_TOLD: tuple(told)}} if told else {}


def _name_in_store(request: httpx.Request) -> None:
    # What was told is no part of the name, so an answer to it must not be taken for another at the same address.
    told = " as told" if _TOLD in request.extensions else ""
    request.extensions["caching"] = {"key": f"{request.method} {request.url}{told}"}


@contextmanager
def _closing(response: httpx.Response) -> Iterator[None]:
    try:
        yield
    finally:
        response.close()


def _unpacked(response: httpx.Response) -> Iterator[bytes]:
    """What an answer holds, part by part; as it came, where that was asked for.

    httpx does not look whether what is gzipped has come to its end: cut off, it would pass for all of it.

    Raises:
        httpx.DecodingError: It is not packed as it says, or cut off.
    """
    if _AS_IT_CAME in response.request.extensions:
        yield from response.iter_raw()
        return
    if response.headers.get("Content-Encoding", "").strip().lower() != _PACKING:
        yield from response.iter_bytes()
        return
    unpacker, is_begun = zlib.decompressobj(wbits=31), False
    try:
        for part in response.iter_raw():
            is_begun = True
            yield unpacker.decompress(part)
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from error
    if is_begun and not unpacker.eof:  # an answer to HEAD has no content, and says how it would be packed
        raise httpx.DecodingError("the gzipped answer is cut off", request=response.request)


def _whole(response: httpx.Response, content: bytes) -> httpx.Response:
    """The response with its content, unpacked already."""
    headers = [
        (name, value)
        for name, value in response.headers.multi_items()
        if name not in ("content-encoding", "content-length", "transfer-encoding")
    ]
    whole = httpx.Response(response.status_code, headers=headers, content=content, request=response.request)
    whole.next_request = response.next_request
    return whole


def _retry_after_s(header: str, now: datetime) -> float | None:
    """The seconds of a Retry-After header, a number or an HTTP date (RFC 9110 §10.2.3); None where it says nothing."""
    try:
        seconds = float(header) if header.strip().isdigit() else (_http_date(header) - now).total_seconds()
    except (ValueError, OverflowError):
        return None
    return seconds if seconds > 0 else None


def _http_date(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"it is not JSON ({error})") from error


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _secrets(credentials: Credentials, url: httpx.URL) -> tuple[str, ...]:
    """All that must not be shown, the longest first; with one secret inside another nothing is left of either."""
    values = (value for _, value in credentials if isinstance(value, SecretStr))
    plain = {secret for secret in (*(value.get_secret_value() for value in values), url.password) if secret}
    in_address = {write(secret, safe) for secret in plain for write in (quote, quote_plus) for safe in ("", "/")}
    return tuple(sorted(plain | in_address, key=len, reverse=True))


def _without_secrets(url: httpx.URL | str) -> str:
    """An address as it may be shown: without user and password, and with `***` for what looks like a key."""
    try:
        url = httpx.URL(url)
    except httpx.InvalidURL:
        return str(url).partition("?")[0].rpartition("@")[2]
    parameters = [(name, "***" if is_secret_name(name) else value) for name, value in url.params.multi_items()]
    bare = url.copy_with(username=None, password=None)
    return str(bare.copy_with(params=parameters) if parameters else bare).replace("%2A%2A%2A", "***")
