"""Sign what a search finds, so that its images open without further credentials. Copy this file beside your notebook.

It needs nothing but Python:

    from dinamis_sign import sign_inplace  # with DINAMIS_URL and DINAMIS_API_KEY in the environment
    catalogue = Client.open("https://stac.example.org", modifier=sign_inplace)

or, with the key from elsewhere, `modifier=Signer("https://stac.example.org", api_key=...)`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta, timezone
from functools import cache
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

#: As many addresses as the server signs at once.
MOST_AT_ONCE = 64

#: What ends sooner is signed again, so that there is time to read.
MARGIN = timedelta(minutes=10)


class Signer:
    """Signs the assets of one server, for one user; those that the user may not have are left as they are.

    Args:
        url: Of the API. The key is sent there and nowhere else.
        api_key: As `dk_…`; without it only what is open to everybody is signed.
        token: A bearer token, of a login or of a declaration, in place of a key.
    """

    def __init__(self, url: str, api_key: str | None = None, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Content-Type": "application/json"}
        if api_key:
            self._headers["X-API-Key"] = api_key
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._signed: dict[str, tuple[str, datetime]] = {}

    def __call__(self, found: Any) -> Any:
        """Sign the assets of an Item, a Collection, a page of Items or the dictionary of one, in place.

        A single address, as `patch_url` of odc-stac hands over, is returned signed.
        """
        if isinstance(found, str):
            return self({"assets": {"": {"href": found}}})["assets"][""]["href"]
        assets = [asset for asset in _assets_of(found) if _href_of(asset).startswith(f"{self._url}/assets/")]
        signed = self.sign([_href_of(asset) for asset in assets])
        for asset in assets:
            _set_href(asset, signed.get(_href_of(asset), _href_of(asset)))
        return found

    def sign(self, addresses: Sequence[str]) -> dict[str, str]:
        """The signed addresses by the plain ones; those that the user may not have are not among them."""
        soon = datetime.now(timezone.utc) + MARGIN  # noqa: UP017  # notebooks run on older Pythons too
        wanted = [each for each in dict.fromkeys(addresses) if each not in self._signed or self._signed[each][1] < soon]
        for first in range(0, len(wanted), MOST_AT_ONCE):
            self._sign(wanted[first : first + MOST_AT_ONCE])
        return {each: self._signed[each][0] for each in addresses if each in self._signed}

    def _sign(self, addresses: Sequence[str]) -> None:
        refused = self._ask(addresses)
        # The server signs all or none: without those that it refused it signs the others.
        if refused and (left := [each for each in addresses if each not in refused]):
            self._ask(left)

    def _ask(self, addresses: Sequence[str]) -> set[str]:
        """Have addresses signed; returns those that were refused, which keeps all of them from being signed."""
        body = json.dumps({"urls": list(addresses)}).encode()
        request = Request(f"{self._url}/sign_urls", body, self._headers)  # noqa: S310  # the user's own server
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310
                signed = json.load(answer)
        except HTTPError as error:
            problem = json.load(error)
            if "errors" not in problem:
                raise PermissionError(f"{self._url} signs nothing: {problem.get('detail')}") from error
            return {each["href"] for each in problem["errors"]}
        expiry = datetime.fromisoformat(signed["expiry"].replace("Z", "+00:00"))
        self._signed.update({plain: (href, expiry) for plain, href in signed["hrefs"].items()})
        return set()


@cache
def _own_signer() -> Signer:
    return Signer(os.environ["DINAMIS_URL"], api_key=os.environ.get("DINAMIS_API_KEY"))


def sign_inplace(found: Any) -> Any:
    """Sign with the server and the key that the environment names: DINAMIS_URL and DINAMIS_API_KEY."""
    return _own_signer()(found)


def _assets_of(found: Any) -> Iterator[Any]:
    if isinstance(found, dict):
        yield from found.get("assets", {}).values()
        for item in found.get("features", ()):
            yield from _assets_of(item)
    elif hasattr(found, "assets"):
        yield from found.assets.values()
    else:
        for item in found:
            yield from _assets_of(item)


def _href_of(asset: Any) -> str:
    return str(asset["href"] if isinstance(asset, dict) else asset.href)


def _set_href(asset: Any, href: str) -> None:
    if isinstance(asset, dict):
        asset["href"] = href
    else:
        asset.href = href
