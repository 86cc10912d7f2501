"""A provider of logins on loopback whose keys and tokens a test makes as it likes, the invalid ones too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.emulators.serving import serving

AUDIENCE = "dinamis-stac"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    """A new RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(key: PrivateKey, **fields: Any) -> dict[str, Any]:
    """What is published of a key."""
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    published: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))  # type: ignore[arg-type]
    return published | fields


@dataclass
class InventedProvider:
    """The provider; what it publishes can be changed while it runs."""

    issuer: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=rsa_key)
    jwks: list[dict[str, Any]] = field(default_factory=list)
    named_issuer: str | None = None  #: what its discovery document says, when it is not the issuer
    published: Any = None  #: in place of its keys
    is_down: bool = False
    readings: int = 0  #: how often its keys were read

    def __post_init__(self) -> None:
        self.jwks = [public_jwk(self.key, kid="first", use="sig", alg="RS256")]

    def claims(self, subject: str = "ada", **changes: Any) -> dict[str, Any]:
        """The claims of a good token, changed; a claim that is None is left out."""
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + 300} | changes
        return {name: value for name, value in claims.items() if value is not None}

    def token(
        self,
        subject: str = "ada",
        *,
        key: Any = None,
        algorithm: str = "RS256",
        header: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """A token, good unless something is changed."""
        return jwt.encode(
            self.claims(subject, **changes), key or self.key, algorithm, headers={"kid": "first", **(header or {})}
        )

    def app(self) -> Starlette:
        """Its two documents."""
        return Starlette(
            routes=[Route("/.well-known/openid-configuration", self._discovery), Route("/keys", self._keys)]
        )

    async def _discovery(self, _request: Request) -> Response:
        if self.is_down:
            return Response(status_code=503)
        issuer = self.named_issuer or self.issuer
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{self.issuer}/keys",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
            }
        )

    async def _keys(self, _request: Request) -> Response:
        self.readings += 1
        return JSONResponse({"keys": self.jwks} if self.published is None else self.published)


@contextmanager
def provider() -> Iterator[InventedProvider]:
    """A running provider."""
    invented = InventedProvider()
    with serving(invented.app()) as url:
        invented.issuer = url
        yield invented


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
