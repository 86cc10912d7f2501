"""Asking a service over HTTP as a good guest: identified, paced, patient, and no host but those allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Self

import httpx

from harvester.errors import SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.sources.source import SourceOptions

USER_AGENT = "DINAMIS-STAC harvester (+https://dinamis.data-terra.org/)"


class Session:
    """Requests to the hosts of one source, one at a time."""

    def __init__(self, options: SourceOptions, *, auth: httpx.Auth | None = None) -> None:
        """Open a session for a source; `auth` signs each request, and may ask for tokens on its way."""
        hosts = {httpx.URL(options.url).netloc.decode(), *options.allowed_hosts}
        self._hosts = frozenset(hosts)
        self._client = httpx.Client(headers={"User-Agent": USER_AGENT}, timeout=options.timeout_s, auth=auth)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def get_json(self, url: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """What the service answers, as JSON data.

        Raises:
            SourceRefused: 401 or 403.
            UnreadableAnswer: it is not JSON, also after asking again.
            SourceUnavailable: no good answer after patient retries, or the host is not allowed.
        """
        return _json(self.request("GET", url, parameters=parameters))

    def post_json(self, url: str, body: Any) -> Any:
        """The same for a POST with a JSON body; it is repeated after failures, so it must only ask."""
        return _json(self.request("POST", url, body=body))

    def get_bytes(self, url: str, parameters: Mapping[str, Any] | None = None) -> bytes:
        """What the service answers, for formats other than JSON; raises as `get_json`."""
        return self.request("GET", url, parameters=parameters).content

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
    ) -> httpx.Response:
        """One good answer (2xx)."""
        if httpx.URL(url).netloc.decode() not in self._hosts:
            raise SourceUnavailable(f"{url}: its host is not allowed for this source; add it to allowed_hosts")
        response = self._client.request(method, url, params=parameters, json=body, content=content, headers=headers)
        if response.status_code in (401, 403):
            raise SourceRefused(f"{url} answered {response.status_code}")
        if not response.is_success:
            raise SourceUnavailable(f"{url} answered {response.status_code}")
        return response


def _json(response: httpx.Response) -> Any:
    try:
        return json.loads(response.content)
    except ValueError as error:
        raise UnreadableAnswer(f"{response.url} did not answer JSON: {error}") from error
