"""Who is calling: resolves whatever credential a request carries into one `Principal`.

Rights are never cached: a revocation takes effect at the next request.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from database.statements import statement
from stac_api.access.credentials.api_keys import NO_DIGEST, ApiKey, key_of, key_of_pair
from stac_api.access.credentials.declaration_tokens import PREFIX as DECLARATION
from stac_api.access.credentials.declaration_tokens import declarer
from stac_api.access.policy import Category
from stac_api.access.principal import ANONYMOUS, Capacity, Login, Principal, Signature, Standing
from stac_api.access.principal import Scope as KeyScope
from stac_api.access.refusals import CredentialInvalid, CredentialsDiffer
from stac_api.downloads.signing_keys import signing_keys
from stac_api.problems import answer

PRINCIPAL = statement("stac_api.access", "principal")

#: In the form of ASGI; a request without any of them is anonymous.
CREDENTIAL_HEADERS = frozenset({b"authorization", b"x-api-key", b"access-key", b"secret-key"})

#: The right to download includes the right to see.
_SCOPES_OF_THE_CATALOGUE = frozenset({KeyScope.READ, KeyScope.DOWNLOAD})


@dataclass(frozen=True)
class BearerToken:
    """The token after the word Bearer."""

    text: str = field(repr=False)


class Credentials:
    """Resolves the credential of every request, so that a wrong one is also refused on public routes."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its principal, or refuse it."""
        if scope["type"] == "http" and any(name in CREDENTIAL_HEADERS for name, _ in scope["headers"]):
            request = Request(scope)
            try:
                await principal_of(request)
            except Exception as error:
                await (await answer(request, error))(scope, receive, send)
                return
        await self.app(scope, receive, send)


async def principal_of(request: Request) -> Principal:
    """The caller; determined once per request.

    Raises:
        CredentialInvalid: the credential is not one of ours, wrong, expired or revoked.
        CredentialsDiffer: the request carries two different ones.
    """
    state = request.scope.setdefault("state", {})
    if "principal" not in state:
        state["principal"] = await _resolved(request)
    principal: Principal = state["principal"]
    return principal


async def _resolved(request: Request) -> Principal:
    credential = presented_in(request.headers)
    if credential is None:
        return ANONYMOUS
    if isinstance(credential, ApiKey):
        return await _holder(request, credential)
    if credential.text.startswith(DECLARATION):
        keys = await signing_keys(request)
        return declarer(credential.text, {key.kid: key.secret for key in keys.by_id.values()})
    return await _bearer(request, credential)


def presented_in(headers: Headers) -> ApiKey | BearerToken | None:
    """The credential of a request; the same one given in two ways counts once.

    Raises:
        CredentialInvalid: one is malformed.
        CredentialsDiffer: there are two different ones.
    """
    found = {*_authorizations(headers), *_keys(headers), *_key_pairs(headers)}
    if len(found) > 1:
        raise CredentialsDiffer
    return found.pop() if found else None


def _authorizations(headers: Headers) -> Iterator[ApiKey | BearerToken]:
    for value in headers.getlist("authorization"):
        scheme, _, rest = value.strip().partition(" ")
        match scheme.lower():
            case "bearer":
                yield BearerToken(rest.strip())
            case "basic":
                yield _well_written(_key_of_basic(rest.strip()))
            case _:
                raise CredentialInvalid("Of Authorization this server knows Bearer and Basic.")


def _keys(headers: Headers) -> Iterator[ApiKey]:
    for value in headers.getlist("x-api-key"):
        yield _well_written(key_of(value.strip()))


def _key_pairs(headers: Headers) -> Iterator[ApiKey]:
    ids, secrets = headers.getlist("access-key"), headers.getlist("secret-key")
    if len(ids) != len(secrets):
        raise CredentialInvalid("access-key and secret-key belong together.")
    for id_, secret in zip(ids, secrets, strict=True):
        yield _well_written(key_of_pair(id_.strip(), secret.strip()))


def _key_of_basic(encoded: str) -> ApiKey | None:
    try:
        id_, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return key_of_pair(id_, secret)


def _well_written(key: ApiKey | None) -> ApiKey:
    if key is None:
        raise CredentialInvalid(
            "An API key is written dk_<id>_<secret>; with HTTP Basic its id is the user and its secret the password."
        )
    return key


async def _holder(request: Request, key: ApiKey) -> Principal:
    """The person whose key it is."""
    async with request.app.state.get_connection(request, "r") as connection:
        row = await connection.fetchrow(PRINCIPAL, key.id, None, None, None)
        if not key.is_of(row["digest"] if row else NO_DIGEST) or row is None:
            raise CredentialInvalid("There is no such API key.")
        if not row["is_live"]:
            raise CredentialInvalid("This API key has expired or was revoked.")
        if row["is_use_news"]:
            await connection.execute("UPDATE dinamis.api_key SET last_used_at = now() WHERE id = $1", key.id)
    scopes = frozenset(map(KeyScope, row["scopes"]))
    holder = _principal(row, credential="key", key=key.id, scopes=scopes)
    if scopes.isdisjoint(_SCOPES_OF_THE_CATALOGUE):
        # Such a key manages the account, and sees only the public part of the catalogue.
        return replace(holder, capacities=(), is_operator=False)
    return holder


async def _bearer(request: Request, token: BearerToken) -> Principal:
    login: Login = await request.app.state.logins.login_of(token.text)
    async with request.app.state.get_connection(request, "r") as connection:
        row = await connection.fetchrow(PRINCIPAL, None, login.issuer, login.subject, None)
    if row is None:
        return Principal(credential="bearer", login=login)
    return _principal(row, credential="bearer", login=login)


async def principal_behind(request: Request, pseudonym: UUID, **proof: Any) -> Principal | None:
    """The person behind a pseudonym, with their present rights; None if that person no longer exists."""
    async with request.app.state.get_connection(request, "r") as connection:
        row = await connection.fetchrow(PRINCIPAL, None, None, None, pseudonym)
    return _principal(row, **proof) if row else None


def _principal(row: Mapping[str, Any], **proof: Any) -> Principal:
    return Principal(
        person=row["person"],
        pseudonym=row["pseudonym"],
        is_operator=row["is_operator"],
        capacities=tuple(map(_capacity, row["capacities"])),
        signatures=frozenset(map(_signature, row["signatures"])),
        **proof,
    )


def _capacity(found: Mapping[str, Any]) -> Capacity:
    return Capacity(
        category=Category(found["category"]),
        entity=_uuid(found["entity"]),
        framework=_uuid(found["framework"]),
        standing=Standing(found["standing"]),
    )


def _signature(found: Mapping[str, Any]) -> Signature:
    return Signature(licence=found["licence"], version=found["version"], entity=_uuid(found["entity"]))


def _uuid(text: str | None) -> UUID | None:
    return UUID(text) if text else None
