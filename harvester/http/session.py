"""Sessions with the hosts of one source: which are asked, and what counts as an answer."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from logging import getLogger
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
from hishel import CacheOptions
from hishel.httpx import CacheClient

from database.long_work import told_if_long
from harvester.credentials import Credentials
from harvester.errors import AnsweredWithError, HarvestError, SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.http.errors import BeyondItsEnd, PassingFailure, TooLongAnswer
from harvester.http.kept_answers import KeptAnswers, kept_answers
from harvester.http.masking import Masking
from harvester.http.pacing import turns_at
from harvester.http.packing import AS_IT_CAME, PACKING, packings_not_taken, unpacked, with_content
from harvester.http.patience import Patience
from harvester.http.told_headers import TOLD, with_told

if TYPE_CHECKING:  # the sources import this module: a circular import otherwise
    from harvester.sources.source import SourceOptions

logger = getLogger(__name__)

USER_AGENT = "DINAMIS-STAC harvester (+https://dinamis.data-terra.org/)"

_PASSING_STATUSES = frozenset({408, 429, 502, 503, 504})
_MAX_REDIRECTS = 5
#: What precedes the text of an operating system's error.
_ERROR_NUMBER = re.compile(r"^\[Errno -?\d+\] ")

T = TypeVar("T")


class Session:
    """Requests to the hosts of one source, one at a time.

    Requests to one host are rate-limited in the whole process, however many sessions ask it.
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
            options: its address, how fast it may be asked, and where its answers are kept, so that it can reply "not
                modified"; every request is still sent. Answers given to credentials are never kept.
            auth: signs each request, and may ask for tokens to do so.
            patience: how often requests are repeated.
        """
        self._options = options
        self._origin = httpx.URL(options.url)
        self._hosts = frozenset({self._origin.netloc.decode(), *options.allowed_hosts})
        self._patience = patience or Patience()
        self._masking = Masking(options.credentials, self._origin)
        self._answers = None if auth or self._masking.has_secrets else kept_answers(options.answers)
        self._client = _client(self._answers, options.timeout_s, auth)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: object, error: BaseException | None, *__: object) -> None:
        if isinstance(error, HarvestError):  # it may quote an answer that repeats secrets
            error.args = tuple(self.masked(str(each)) for each in error.args)
        self._client.close()
        if self._answers is not None:
            self._answers.close()

    def get_json(
        self, url: str, parameters: Mapping[str, Any] | None = None, *, told: Mapping[str, str] | None = None
    ) -> Any:
        """The answer of the service as JSON data; numbers that JSON does not allow (NaN, 1e999) become texts.

        Args:
            url: the address to ask.
            parameters: added to those of the address.
            told: headers that the service at this host told us to send, as `headers_told` gives them. No other host is
                sent them, and the answer is not kept.

        Raises:
            SourceRefused: 401 or 403.
            UnreadableAnswer: it is not JSON, even after asking again.
            SourceUnavailable: no good answer after all retries, or the host is not allowed.
        """
        request = self._request("GET", url, parameters, **with_told(told))
        return self._ask(request, lambda response: self._read(response, _json))

    def post_json(self, url: str, body: Any, *, told: Mapping[str, str] | None = None) -> Any:
        """As `get_json`, for a POST with a JSON body; it is repeated after failures, so it must change nothing."""
        request = self._request("POST", url, json=body, **with_told(told))
        return self._ask(request, lambda response: self._read(response, _json))

    def get_document(self, url: str, read: Callable[[bytes], T], parameters: Mapping[str, Any] | None = None) -> T:
        """The answer as `read` parses it; where that raises `UnreadableAnswer`, the service is asked again."""
        return self._ask(self._request("GET", url, parameters), lambda response: self._read(response, read))

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
        """One good answer (2xx), read to its end; not decompressed where `is_unpacked` is false."""
        extensions = {} if is_unpacked else {AS_IT_CAME: True}
        parts = {"json": body, "content": content, "headers": headers, "extensions": extensions}
        request = self._request(method, url, parameters, **parts)
        return self._ask(request, lambda response: response)

    def check_allowed(self, url: str) -> None:
        """Refuse an address that would not be asked.

        Raises:
            SourceUnavailable: it is none, one of another host, or tells how to sign in.
        """
        self._check_allowed(self._request("GET", url).url)

    def _request(
        self, method: str, url: str, parameters: Mapping[str, Any] | None = None, **parts: Any
    ) -> httpx.Request:
        try:
            # httpx's `params` would replace those that a link already has.
            address = httpx.URL(url).copy_merge_params(parameters or {})
            return self._client.build_request(method, address if parameters else url, **parts)
        except httpx.InvalidURL as error:
            raise SourceUnavailable(f"{self._masking.shown(url)} is not an address: {error}") from error

    def _ask(self, request: httpx.Request, read: Callable[[httpx.Response], T]) -> T:
        """A good answer as `read` parses it, asked for as often as patience allows."""
        number = 0
        try:
            with told_if_long(f"waiting for {_host(request)}") as work:
                for attempt in self._patience.attempts_at(work, self._options.rate):
                    number, work.until = attempt.num, None
                    if number > 1:
                        logger.info("asking %s again, for the %s. time", self._masking.shown(request.url), number)
                    with attempt:
                        return read(self._answer(request))
        except PassingFailure as failure:
            raise SourceUnavailable(f"{failure.args[0]}; asked {number} times") from failure
        raise AssertionError("attempts end with a result or an error")

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to one request, after following redirects."""
        asked, auth = request.url.netloc, httpx.USE_CLIENT_DEFAULT
        for _ in range(1 + _MAX_REDIRECTS):
            self._check_allowed(request.url)
            # The credentials of one host are not shown to another, even if that is an allowed one.
            response = self._sent(request, auth if request.url.netloc == asked else None)
            if response.next_request is None:
                return self._good(response)
            request = self._led_on(request, response, response.next_request)
            for name in request.extensions.get(TOLD, ()) if request.url.netloc != asked else ():
                request.headers.pop(name, None)
        raise SourceUnavailable(f"{self._said(response)}; more than {_MAX_REDIRECTS} redirects")

    def _led_on(self, request: httpx.Request, response: httpx.Response, following: httpx.Request) -> httpx.Request:
        """The request that a redirect leads to: a POST is posted again, except after 303, which leads to the answer.

        Browsers send a GET without the body instead: a search would then return everything.
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
        host, shown = url.netloc.decode(), self._masking.shown(url)
        if url.scheme not in ("http", "https"):
            raise SourceUnavailable(f"{shown}: only http and https are asked")
        if host not in self._hosts:
            raise SourceUnavailable(f"{shown}: add {host} to allowed_hosts if this source may ask it")
        if url.userinfo not in (b"", self._origin.userinfo):
            raise SourceUnavailable(f"{shown}: a link that tells how to sign in is not followed")
        if url.scheme == "http" and self._origin.scheme == "https":
            raise SourceUnavailable(f"{shown}: a source on https is not asked over plain http")

    def _sent(self, request: httpx.Request, auth: Any) -> httpx.Response:
        with turns_at(_host(request), self._options.rate).take():
            deadline = time.monotonic() + self._options.timeout_s * self._patience.deadline_timeouts
            try:
                response = self._client.send(request, stream=True, auth=auth)
                with closing(response):
                    self._masking.hide_signature(response.request)  # pages for developers quote the request
                    return with_content(response, self._content(response, deadline))
            except httpx.RequestError as error:
                if isinstance(error, httpx.DecodingError):
                    self._forget(request)
                failed, words = f"{request.method} {self._masking.shown(request.url)} failed", self.masked(str(error))
                raise PassingFailure(f"{failed}: {type(error).__name__}: {words}", self._reason(error)) from error

    def _reason(self, error: httpx.RequestError) -> str:
        if isinstance(error, httpx.TimeoutException):
            return f"no answer within {self._options.timeout_s:g} s"
        if isinstance(error, httpx.ProtocolError | httpx.ReadError | httpx.WriteError):
            return "the connection broke"
        return _ERROR_NUMBER.sub("", self.masked(str(error))) or type(error).__name__

    def _content(self, response: httpx.Response, deadline: float) -> bytes:
        if packings := packings_not_taken(response):
            raise SourceUnavailable(f"{self._said(response)}, packed by {packings}; only {PACKING} is asked for")
        content = bytearray()
        for part in unpacked(response):
            content += part
            if len(content) > self._patience.max_bytes:
                limit = f"more than {self._patience.max_bytes:,} bytes"
                raise TooLongAnswer(f"{self._said(response)} and {limit}: ask for fewer records at once (page_size)")
            if time.monotonic() > deadline:
                left = f"after {len(content):,} bytes we left"
                raise PassingFailure(f"{self._said(response)}, but too slowly: {left}", "too slow an answer")
        return bytes(content)

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
            retry_after = response.headers.get("Retry-After", "")
            raise PassingFailure(message, reason, self._patience.wait_asked_for_s(retry_after))
        raise AnsweredWithError(message)

    def _advice(self) -> str:
        if self._masking.has_secrets:
            return "Check that the credentials of this source are right and have not expired"
        return "No credentials are given for this source: name them in its collection document and in the environment"

    def _read(self, response: httpx.Response, read: Callable[[bytes], T]) -> T:
        try:
            return read(response.content)
        except UnreadableAnswer as error:
            self._forget(response.request)
            raise UnreadableAnswer(f"{self._said(response)}: {error.args[0]}: {self._beginning(response)}") from error

    def _forget(self, request: httpx.Request) -> None:
        """Drop an unreadable answer from the store: "not modified" would bring it back for ever."""
        if self._answers is not None:
            for entry in self._answers.get_entries(request.extensions["caching"]["key"]):
                self._answers.remove_entry(entry.id)

    def _said(self, response: httpx.Response) -> str:
        asked = f"{response.request.method} {self._masking.shown(response.request.url)}"
        return f"{asked} answered {response.status_code} {response.reason_phrase}"

    def _beginning(self, response: httpx.Response) -> str:
        text = self.masked(" ".join(response.content[:4096].decode("utf-8", "replace").split()))
        return repr(text[:200]) if text else "nothing"

    def masked(self, text: str) -> str:
        """A text with `***` in place of each secret of the source."""
        return self._masking.masked(text)


def basic_auth(credentials: Credentials) -> httpx.BasicAuth | None:
    """Authentication with the user and password, where both are given."""
    user, password = credentials.user, credentials.password
    return httpx.BasicAuth(user, password.get_secret_value()) if user is not None and password is not None else None


def _host(request: httpx.Request) -> str:
    return request.url.netloc.decode()


def _client(answers: KeptAnswers | None, timeout_s: float, auth: httpx.Auth | None) -> httpx.Client:
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": PACKING}
    if answers is None:
        return httpx.Client(headers=headers, timeout=timeout_s, auth=auth)
    # Without "no-cache" an answer could pass for fresh by its age alone, and a change at the source be missed.
    return CacheClient(
        storage=answers,
        rfc=CacheOptions(shared=False),
        headers={**headers, "Cache-Control": "no-cache"},
        timeout=timeout_s,
        event_hooks={"request": [_name_in_store]},
    )


def _name_in_store(request: httpx.Request) -> None:
    # The name does not hold the headers told, so such an answer must not be mistaken for another at the same address.
    told = " as told" if TOLD in request.extensions else ""
    request.extensions["caching"] = {"key": f"{request.method} {request.url}{told}"}


def _json(content: bytes) -> Any:
    try:
        return json.loads(content, parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"it is not JSON ({error})") from error


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text
