"""Tokens of the Airbus identity service: an API key is exchanged for one, which opens the catalogues for a while."""

from __future__ import annotations

import time
from collections.abc import Generator

import httpx
from pydantic import SecretStr

from harvester.errors import SourceRefused
from harvester.sources.airbus.options import OneAtlasOptions

#: A token is renewed so long before it expires, as it could expire in transit.
_MARGIN_S = 60.0
_ASSUMED_LIFETIME_S = 3600.0

_Flow = Generator[httpx.Request, httpx.Response, None]


def with_hosts_of(options: OneAtlasOptions, *urls: str) -> OneAtlasOptions:
    """The same options, with the hosts of these addresses and of the identity service allowed."""
    hosts = {httpx.URL(url).netloc.decode() for url in (options.token_url, *urls)}
    return options.model_copy(update={"allowed_hosts": tuple(sorted({*options.allowed_hosts, *hosts}))})


def auth_of(options: OneAtlasOptions) -> ApiKeyAuth | None:
    """The authentication of requests; None where there is no key."""
    key = options.credentials.api_key
    return ApiKeyAuth(key, options.token_url) if key else None


class ApiKeyAuth(httpx.Auth):
    """A bearer token on each request, exchanged for an API key, renewed before it expires and after a 401."""

    def __init__(self, api_key: SecretStr, token_url: str) -> None:
        """Ask for no token yet: the first request does."""
        self._api_key = api_key
        self._token_url = token_url
        self._token = ""
        self._ends_at = 0.0

    def auth_flow(self, request: httpx.Request) -> _Flow:
        """Sign one request.

        Raises:
            SourceRefused: the key is refused; it is not tried again.
            httpx.TransportError: the identity service gave no token; to be tried again.
        """
        if time.monotonic() >= self._ends_at and not (yield from self._renew()):
            return
        response = yield self._signed(request)
        if response.status_code == httpx.codes.UNAUTHORIZED and (yield from self._renew()):
            yield self._signed(request)

    def _signed(self, request: httpx.Request) -> httpx.Request:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def _renew(self) -> Generator[httpx.Request, httpx.Response, bool]:
        """Ask for a token, and return whether there is one; if not, the service's "try later" becomes the answer."""
        form = {"apikey": self._api_key.get_secret_value(), "grant_type": "api_key", "client_id": "IDP"}
        request = httpx.Request("POST", self._token_url, data=form)
        response = yield request
        if response.status_code in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
            return False
        # Only answers of the identity service are read here; the session reads all others, with its deadline.
        response.read()
        # Wrong keys are said to suspend the account for a while: repeating would make it worse.
        if response.status_code in (400, 401, 403):
            raise SourceRefused(
                f"{self._token_url} answered {response.status_code} to the API key. It is not tried again, because "
                "wrong keys may suspend the account: check the key and its end, wait some minutes, then harvest again."
            )
        try:
            answer = response.raise_for_status().json()
            self._token = answer["access_token"]
            lifetime_s = float(answer.get("expires_in", _ASSUMED_LIFETIME_S))
        except (httpx.HTTPStatusError, ValueError, KeyError, TypeError, AttributeError) as error:
            # A transport error, so that the session tries again.
            message = f"{self._token_url} gave no token (status {response.status_code})"
            raise httpx.TransportError(message, request=request) from error
        self._ends_at = time.monotonic() + max(lifetime_s - _MARGIN_S, lifetime_s / 2)
        return True
