"""Addresses and answers fit to be shown: without secrets."""

from __future__ import annotations

from collections.abc import Set
from urllib.parse import quote, quote_plus

import httpx
from pydantic import SecretStr

from harvester.credentials import Credentials, is_secret_name


class Masking:
    """The secrets of one source, and texts without them."""

    def __init__(self, credentials: Credentials, url: httpx.URL) -> None:
        """Mask the credentials of a source and the password in its address."""
        values = (value for _, value in credentials if isinstance(value, SecretStr))
        plain = {secret for secret in (*(value.get_secret_value() for value in values), url.password) if secret}
        in_address = {write(secret, safe) for secret in plain for write in (quote, quote_plus) for safe in ("", "/")}
        self._secrets = _longest_first(plain | in_address)

    @property
    def has_secrets(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._secrets)

    def hide_signature(self, request: httpx.Request) -> None:
        """Mask also what signed a request: Basic is base64, and a token may have been bought with the key."""
        _, _, signature = request.headers.get("Authorization", "").partition(" ")
        if signature:
            self._secrets = _longest_first({*self._secrets, signature})

    def masked(self, text: str) -> str:
        """A text with `***` for each secret."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def shown(self, url: httpx.URL | str) -> str:
        """An address fit to be shown."""
        return self.masked(_without_secrets(url))


def _longest_first(secrets: Set[str]) -> tuple[str, ...]:
    """Secrets in an order that leaves nothing of one that is inside another."""
    return tuple(sorted(secrets, key=len, reverse=True))


def _without_secrets(url: httpx.URL | str) -> str:
    """An address without user and password, and with `***` for what looks like a key."""
    try:
        url = httpx.URL(url)
    except httpx.InvalidURL:
        return str(url).partition("?")[0].rpartition("@")[2]
    parameters = [(name, "***" if is_secret_name(name) else value) for name, value in url.params.multi_items()]
    bare = url.copy_with(username=None, password=None)
    return str(bare.copy_with(params=parameters) if parameters else bare).replace("%2A%2A%2A", "***")
