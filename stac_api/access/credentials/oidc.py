"""Logins by OpenID Connect: what a bearer token of one of the configured providers proves.

A token only proves who somebody is: what they may do is in our database, whatever roles the token claims.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from logging import getLogger
from time import monotonic
from typing import Any

import httpx
import jwt
from jwt import PyJWK
from pydantic import BaseModel

from stac_api.access.principal import Login
from stac_api.access.refusals import CredentialInvalid
from stac_api.errors import HTTPProblem
from stac_api.settings import is_private_way

logger = getLogger(__name__)

#: Fixed: a token's own algorithm only selects one of these, and its key must be meant for it.
ALGORITHMS = ("RS256", "PS256", "ES256")

#: From RFC 9068, and as written by Keycloak and others: in the header, and as a claim of that name.
TOKEN_TYPES = ("jwt", "at+jwt", "application/at+jwt")
CLAIMED_TYPES = (None, "Bearer")

LEEWAY_S = 30
KEYS_AGE_S = 600
#: A provider is not asked more often than this, whatever key ids are invented.
ASKING_INTERVAL_S = 10
TIMEOUT_S = 5
LARGEST_ANSWER = 1_000_000
LONGEST_TEXT = 320

KeyName = tuple[str | None, str]  #: the id of a key, and its algorithm


class ProviderUnavailable(HTTPProblem):
    """The login provider does not answer at the moment: try again shortly, or use an API key."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "Unavailable"

    @property
    def headers(self) -> Mapping[str, str]:
        """When to try again."""
        return {"Retry-After": str(ASKING_INTERVAL_S)}


class Metadata(BaseModel):
    """The fields that we need from a provider's discovery document."""

    issuer: str
    jwks_uri: str
    token_endpoint: str | None = None


class Provider:
    """One login provider, and the keys that it last published."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.metadata: Metadata | None = None  #: None until it has answered
        self._keys: Mapping[KeyName, PyJWK] = {}
        self._asked_at = self._answered_at = float("-inf")
        self._lock = asyncio.Lock()
        self._renewal: asyncio.Task[None] | None = None

    @property
    def discovery_url(self) -> str:
        """The address of its discovery document: OpenID Connect Discovery 1.0, section 4."""
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    async def key(self, name: KeyName) -> PyJWK:
        """The key of a name.

        Raises:
            CredentialInvalid: the provider has no such key.
            ProviderUnavailable: it has never answered.
        """
        if name not in self._keys:
            await self.ask()
        elif monotonic() - self._answered_at > KEYS_AGE_S:
            # In the background: known keys stay valid while the provider is down.
            self._renewal = asyncio.create_task(self.ask())
        if not self._keys:
            raise ProviderUnavailable
        if name not in self._keys:
            raise CredentialInvalid("The token is signed with a key that its issuer does not have.")
        return self._keys[name]

    async def ask(self) -> None:
        """Ask for the keys, unless that was done just now; failures are only logged."""
        async with self._lock:
            if monotonic() - self._asked_at < ASKING_INTERVAL_S:
                return
            self._asked_at = monotonic()
            try:
                await self._read()
                self._answered_at = monotonic()
            except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
                logger.warning("The provider of logins %s gave no keys: %s", self.issuer, error)

    async def _read(self) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client:
            metadata = Metadata.model_validate(await _json(client, self.discovery_url))
            if metadata.issuer != self.issuer:
                raise ValueError(f"its discovery document is that of {metadata.issuer}")
            if not is_private_way(metadata.jwks_uri):
                raise ValueError(f"its keys are not behind https: {metadata.jwks_uri}")
            keys = Keys.model_validate(await _json(client, metadata.jwks_uri))
        self.metadata, self._keys = metadata, dict(_named(keys.keys))


class Keys(BaseModel):
    """A JSON Web Key Set."""

    keys: list[dict[str, Any]]


async def _json(client: httpx.AsyncClient, url: str) -> Any:
    async with client.stream("GET", url) as response:
        response.raise_for_status()
        body = b""
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise ValueError(f"{url} answers more than {LARGEST_ANSWER} bytes")
    return json.loads(body)


def _named(keys: Sequence[dict[str, Any]]) -> Iterator[tuple[KeyName, PyJWK]]:
    """The signing keys by id; a single key also without an id, for tokens that name none."""
    signing = [each for each in keys if each.get("use", "sig") == "sig"]
    for each in signing:
        for algorithm in _algorithms(each):
            try:
                key = PyJWK(each, algorithm)
            except jwt.PyJWTError as error:
                logger.warning("A key of a provider of logins is not usable: %s", error)
                continue
            yield (key.key_id, algorithm), key
            if len(signing) == 1:
                yield (None, algorithm), key


def _algorithms(key: Mapping[str, Any]) -> list[str]:
    """The supported algorithms of a key: the one that it names, else those for its type."""
    of_kind = {"RSA": ("RS256", "PS256"), "EC": ("ES256",) if key.get("crv") == "P-256" else ()}
    return [each for each in of_kind.get(str(key.get("kty")), ()) if key.get("alg", each) == each]


class Logins:
    """The configured login providers."""

    def __init__(self, issuers: Iterable[str], audiences: Iterable[str]) -> None:
        self.providers = {issuer: Provider(issuer) for issuer in issuers}
        self._audiences = tuple(audiences)

    @property
    def are_known(self) -> bool:
        """Whether every provider has answered."""
        return all(each.metadata for each in self.providers.values())

    async def introduce(self) -> None:
        """Ask all providers for their keys before the first token arrives."""
        await asyncio.gather(*(each.ask() for each in self.providers.values()))

    async def login_of(self, token: str) -> Login:
        """The login that a token proves.

        Raises:
            CredentialInvalid: it is not a valid token of a configured provider for this server.
            ProviderUnavailable: its provider was never heard of.
        """
        name, issuer = _unverified(token)
        provider = self.providers.get(issuer)
        if provider is None:
            raise CredentialInvalid("The token is not of a provider that this server trusts.")
        return _login(self._verified(token, await provider.key(name), issuer))

    def _verified(self, token: str, key: PyJWK, issuer: str) -> Mapping[str, Any]:
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                audience=self._audiences,
                issuer=issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"], "enforce_minimum_key_length": True},
            )
        except jwt.PyJWTError as error:
            raise CredentialInvalid(f"{error}.") from error
        return claims


def _unverified(token: str) -> tuple[KeyName, str]:
    """The key and issuer that a token names, before either is trusted.

    Raises:
        CredentialInvalid: it is not a token, is of another kind, or has critical extensions.
    """
    try:
        read = jwt.api_jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise CredentialInvalid("It is not a token.") from error
    header, claims = read["header"], read["payload"]
    if "crit" in header or header.get("alg") not in ALGORITHMS:
        raise CredentialInvalid(f"Of tokens this server knows those signed with {', '.join(ALGORITHMS)}.")
    if str(header.get("typ", "jwt")).lower() not in TOKEN_TYPES or claims.get("typ") not in CLAIMED_TYPES:
        raise CredentialInvalid("It is not an access token.")
    return (header.get("kid"), header["alg"]), str(claims.get("iss"))


def _login(claims: Mapping[str, Any]) -> Login:
    if not claims["sub"] or len(claims["sub"]) > LONGEST_TEXT:
        raise CredentialInvalid("The token names nobody.")
    return Login(
        issuer=claims["iss"], subject=claims["sub"], email=_text(claims.get("email")), name=_text(claims.get("name"))
    )


def _text(value: object) -> str | None:
    return value[:LONGEST_TEXT] if isinstance(value, str) and value else None
