"""Logins: tokens of a real provider, and every token that must not be taken for one."""

from __future__ import annotations

import base64
import hmac
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import ValidationError

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.credentials import oidc
from tests.stac_api.access.invented_people import people_of
from tests.stac_api.access.invented_provider import (
    AUDIENCE,
    InventedProvider,
    bearer,
    provider,
    public_jwk,
    rsa_key,
)
from tests.stac_api.invented_catalogue import Site, serving


@pytest.fixture(scope="module")
def site(module_database: Database, sso: InventedProvider) -> Iterator[Site]:
    """The server, which trusts the provider and knows Ada."""
    with people_of(module_database) as people:
        people.join(people.person("ada", issuer=sso.issuer), people.entity("Laboratory"), "SCI_FR")
    with logins_of(module_database, sso.issuer) as running:
        yield running


@contextmanager
def logins_of(database: Database, *issuers: str) -> Iterator[Site]:
    """The server with these providers."""
    settings = ApiSettings(oidc_issuers=issuers, oidc_audiences=(AUDIENCE,))
    with serving(create_app(settings, database.conninfo("api"))) as running:
        yield running


def test_token_opens_the_account_of_its_subject(site: Site, sso: InventedProvider) -> None:
    """Somebody is recognised by issuer and subject, and has the rights that our database has."""
    account = site.get("/me", headers=bearer(sso.token("ada"))).json()
    assert account["name"] == "ada"
    assert account["credential"] == "bearer"
    assert account["categories"] == ["PUBLIC", "SCI_FR"]


def test_unknown_subject_has_logged_in_and_may_apply(site: Site, sso: InventedProvider) -> None:
    """Who has no account yet is not refused, and is told where to apply for one."""
    account = site.get("/me", headers=bearer(sso.token("bob"))).json()
    assert account["subject"] == "bob"
    assert account["id"] is None
    assert account["categories"] == ["PUBLIC"]
    assert [each["rel"] for each in account["actions"]] == ["apply"]
    assert site.get("/me/export", headers=bearer(sso.token("bob"))).json()["code"] == "NoAccount"


def test_claims_give_no_rights(site: Site, sso: InventedProvider) -> None:
    """An address of somebody else, roles and groups in a token change nothing."""
    token = sso.token(
        "mallory",
        email="ada@example.org",
        email_verified=True,
        realm_access={"roles": ["operator"]},
        groups=["SCI_FR"],
        scope="admin",
    )
    account = site.get("/me", headers=bearer(token)).json()
    assert account["id"] is None
    assert account["categories"] == ["PUBLIC"]
    assert account["is_operator"] is False


@pytest.mark.parametrize("changes", [{"typ": "Bearer"}, {"aud": ["account", AUDIENCE]}, {"nbf": 0}, {"exp": None}])
def test_tokens_as_keycloak_writes_them(site: Site, sso: InventedProvider, changes: dict[str, Any]) -> None:
    """A type as a claim, several audiences, a time from which on; a clock may differ by some seconds."""
    changes = {name: value if value is not None else int(time.time()) - 5 for name, value in changes.items()}
    assert site.get("/me", headers=bearer(sso.token(**changes))).status_code == 200


@pytest.mark.parametrize("type_", ["at+jwt", "application/at+jwt", "JWT"])
def test_types_of_access_tokens(site: Site, sso: InventedProvider, type_: str) -> None:
    """The types of RFC 9068 and of older providers are taken."""
    assert site.get("/me", headers=bearer(sso.token(header={"typ": type_}))).status_code == 200


def _unsigned(sso: InventedProvider) -> str:
    header, payload = (
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
        for each in ({"alg": "none", "typ": "JWT"}, sso.claims())
    )
    return f"{header}.{payload}."


def _signed_with_the_public_key(sso: InventedProvider) -> str:
    """The attack of confused algorithms: the published key as the secret of an HMAC."""
    secret = sso.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = ".".join(
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
        for each in ({"alg": "HS256", "typ": "JWT", "kid": "first"}, sso.claims())
    )
    signature = hmac.digest(secret, signing_input.encode(), "sha256")
    return f"{signing_input}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _tampered(sso: InventedProvider) -> str:
    header, _, signature = sso.token("mallory").split(".")
    return f"{header}.{sso.token('ada').split('.')[1]}.{signature}"


def _with_its_own_key(sso: InventedProvider) -> str:
    """The attack of the key that a token brings along."""
    key = rsa_key()
    return sso.token(key=key, header={"jwk": public_jwk(key), "jku": f"{sso.issuer}/keys"})


FORGERIES: dict[str, Callable[[InventedProvider], str]] = {
    "expired": lambda sso: sso.token(exp=int(time.time()) - 60),
    "not yet": lambda sso: sso.token(nbf=int(time.time()) + 120),
    "issued in the future": lambda sso: sso.token(iat=int(time.time()) + 120),
    "for another server": lambda sso: sso.token(aud="account"),
    "for nobody": lambda sso: sso.token(aud=None),
    "without an end": lambda sso: sso.token(exp=None),
    "without a subject": lambda sso: sso.token(subject=""),
    "of no subject": lambda sso: sso.token(sub=None),
    "of a number": lambda sso: jwt.PyJWS().encode(
        json.dumps(sso.claims() | {"sub": 7}).encode(), sso.key, "RS256", {"kid": "first", "typ": "JWT"}
    ),
    "of another issuer": lambda sso: sso.token(iss="https://sso.example.org"),
    "of an issuer with a slash more": lambda sso: sso.token(iss=f"{sso.issuer}/"),
    "without an issuer": lambda sso: sso.token(iss=None),
    "of a list of issuers": lambda sso: jwt.PyJWS().encode(
        json.dumps(sso.claims() | {"iss": [sso.issuer]}).encode(), sso.key, "RS256", {"kid": "first", "typ": "JWT"}
    ),
    "signed by a stranger": lambda sso: sso.token(key=rsa_key()),
    "signed with another algorithm of the key": lambda sso: sso.token(algorithm="PS256"),
    "signed with a longer hash": lambda sso: sso.token(algorithm="RS512"),
    "signed with a curve": lambda sso: sso.token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
    "signed with a shared secret": lambda sso: sso.token(key="0" * 32, algorithm="HS256"),
    "signed with the public key": _signed_with_the_public_key,
    "not signed": _unsigned,
    "tampered with": _tampered,
    "with a critical header": lambda sso: sso.token(header={"crit": ["b64"], "b64": True}),
    "with an unknown critical header": lambda sso: sso.token(header={"crit": ["exp"], "exp": 1}),
    "a refresh token": lambda sso: sso.token(typ="Refresh"),
    "an ID token of Keycloak": lambda sso: sso.token(typ="ID"),
    "of a list of types": lambda sso: sso.token(typ=["Bearer"]),
    "a logout token": lambda sso: sso.token(header={"typ": "logout+jwt"}),
    "of a key that nobody has": lambda sso: sso.token(header={"kid": "second"}),
    "with its own key": _with_its_own_key,
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_token_is_refused(site: Site, sso: InventedProvider, forgery: str) -> None:
    """A token of which not all is right proves nothing: it is refused, on public routes too."""
    answer = site.get("/conformance", headers=bearer(FORGERIES[forgery](sso)))
    assert answer.status_code == 401, forgery
    assert answer.json()["code"] == "InvalidCredential"
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


def test_token_of_one_provider_is_none_of_another(module_database: Database, sso: InventedProvider) -> None:
    """Of two providers, none can speak for the people of the other, though both are trusted."""
    with provider() as other, logins_of(module_database, sso.issuer, other.issuer) as site:
        assert site.get("/me", headers=bearer(sso.token())).json()["issuer"] == sso.issuer
        assert site.get("/me", headers=bearer(other.token())).json()["issuer"] == other.issuer
        assert site.get("/me", headers=bearer(other.token(iss=sso.issuer))).status_code == 401


def test_keys_are_read_once_and_again_when_they_change(
    module_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new key of the provider is found without a restart; invented ids do not make the server ask again and again."""
    with provider() as own, logins_of(module_database, own.issuer) as site:
        for _ in range(3):
            assert site.get("/me", headers=bearer(own.token())).status_code == 200
        assert own.readings == 1
        for number in range(5):
            assert site.get("/me", headers=bearer(own.token(header={"kid": f"made-up-{number}"}))).status_code == 401
        assert own.readings == 1
        following = ec.generate_private_key(ec.SECP256R1())
        own.jwks.append(public_jwk(following, kid="second"))
        monkeypatch.setattr(oidc, "ASKING_INTERVAL_S", 0)
        token = own.token(key=following, algorithm="ES256", header={"kid": "second"})
        assert site.get("/me", headers=bearer(token)).status_code == 200
        assert own.readings == 2


def test_key_without_a_name_serves_tokens_without_one(module_database: Database) -> None:
    """A small provider with one key need not name it; its algorithm is then one of those that we know."""
    with provider() as own:
        own.jwks = [public_jwk(own.key)]
        with logins_of(module_database, own.issuer) as site:
            for algorithm in ("RS256", "PS256"):
                token = jwt.encode(own.claims(), own.key, algorithm)
                assert site.get("/me", headers=bearer(token)).status_code == 200
            assert site.get("/me", headers=bearer(jwt.encode(own.claims(), own.key, "RS384"))).status_code == 401


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
def test_weak_and_encrypting_keys_are_not_used(module_database: Database) -> None:
    """A key that is too short, or published for encryption, proves nothing."""
    with provider() as own:
        weak = rsa_key(1024)
        own.jwks = [public_jwk(weak, kid="weak"), public_jwk(own.key, kid="first", use="enc")]
        with logins_of(module_database, own.issuer) as site:
            weakly = jwt.encode(own.claims(), weak, "RS256", headers={"kid": "weak"})
            assert site.get("/me", headers=bearer(weakly)).status_code == 401
            assert site.get("/me", headers=bearer(own.token())).status_code == 401


def test_provider_that_is_down(module_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tokens are answered with 503 until it was heard of; from then on its failures log nobody out."""
    monkeypatch.setattr(oidc, "ASKING_INTERVAL_S", 0)
    monkeypatch.setattr(oidc, "KEYS_AGE_S", 0)
    with provider() as own:
        own.is_down = True
        with logins_of(module_database, own.issuer) as site:
            answer = site.get("/me", headers=bearer(own.token()))
            assert answer.status_code == 503
            assert "Retry-After" in answer.headers
            assert site.get("/conformance").status_code == 200
            own.is_down = False
            assert site.get("/me", headers=bearer(own.token())).status_code == 200
            own.is_down = True
            for _ in range(3):
                assert site.get("/me", headers=bearer(own.token())).status_code == 200


@pytest.mark.parametrize("keys", [{}, {"keys": "none"}, {"keys": []}, {"keys": [{"kty": "RSA", "kid": "first"}]}, []])
def test_unreadable_keys_are_no_keys(module_database: Database, keys: Any) -> None:
    """What a provider publishes in their place opens nothing, and makes nothing fail."""
    with provider() as own:
        own.published = keys
        with logins_of(module_database, own.issuer) as site:
            answer = site.get("/me", headers=bearer(own.token()))
            assert answer.status_code == 503
            assert answer.json()["code"] == "Unavailable"


def test_discovery_of_another_issuer_is_not_believed(module_database: Database) -> None:
    """Who answers for a provider must say that it is that provider."""
    with provider() as own:
        own.named_issuer = "https://sso.example.org"
        with logins_of(module_database, own.issuer) as site:
            assert site.get("/me", headers=bearer(own.token())).status_code == 503


def test_api_names_its_ways_to_log_in(module_database: Database) -> None:
    """Programs read there how to send a credential, and where a provider gives tokens, once it has told of itself."""
    with provider() as own:
        own.is_down = True
        with logins_of(module_database, own.issuer) as site:
            schemes = site.get("/api").json()["components"]["securitySchemes"]
            assert schemes["ApiKey"] | {"description": ""} == {
                "type": "apiKey", "in": "header", "name": "X-API-Key", "description": ""
            }  # fmt: skip
            assert schemes["Basic"]["scheme"] == "basic"
            assert schemes["OpenIdConnect"]["openIdConnectUrl"] == f"{own.issuer}/.well-known/openid-configuration"
            assert "OAuth2PasswordBearer" not in schemes
        own.is_down = False
        with logins_of(module_database, own.issuer) as site:
            assert site.get("/me", headers=bearer(own.token())).status_code == 200
            document = site.get("/api").json()
            flows = document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]
            assert flows["password"]["tokenUrl"] == f"{own.issuer}/token"
            assert {} in document["security"]


@pytest.mark.parametrize("issuer", ["http://sso.example.org", "sso.example.org", "ftp://localhost/x"])
def test_provider_must_be_behind_https(issuer: str) -> None:
    """Whoever can change what a provider answers could log in as anybody: plain http is for this machine alone."""
    with pytest.raises(ValidationError, match="https"):
        ApiSettings(oidc_issuers=(issuer,))


def test_providers_are_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator writes several with commas between them."""
    monkeypatch.setenv("DINAMIS_API_OIDC_ISSUERS", "https://a.example.org/realms/x, https://b.example.org")
    monkeypatch.setenv("DINAMIS_API_OIDC_AUDIENCES", "dinamis,account")
    settings = ApiSettings()
    assert settings.oidc_issuers == ("https://a.example.org/realms/x", "https://b.example.org")
    assert settings.oidc_audiences == ("dinamis", "account")


@contextmanager
def _real_provider() -> Iterator[str]:
    """A provider made by others, in a process of its own."""
    program = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", "0"]
    with subprocess.Popen(
        program,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        try:
            found = next(match for line in process.stdout if (match := re.search(r"https?://[\w.]+:(\d+)", line)))
            yield f"http://localhost:{found[1]}"
        finally:
            process.terminate()


def test_login_at_a_real_provider(module_database: Database) -> None:
    """Somebody logs in by the code flow of OpenID Connect, and the token opens the account here."""
    with _real_provider() as issuer, logins_of(module_database, issuer) as site:
        with people_of(module_database) as people:
            people.person("ada", issuer=issuer)
        client = {"client_id": AUDIENCE, "redirect_uri": "http://localhost/back"}
        asked = {**client, "response_type": "code", "scope": "openid email", "nonce": "n"}
        answer = requests.post(
            f"{issuer}/oauth2/authorize", params=asked, data={"sub": "ada"}, allow_redirects=False, timeout=20
        )
        (code,) = parse_qs(urlsplit(answer.headers["Location"]).query)["code"]
        grant = {**client, "grant_type": "authorization_code", "code": code, "client_secret": "s"}
        token = requests.post(f"{issuer}/oauth2/token", data=grant, timeout=20).json()["id_token"]
        assert jwt.get_unverified_header(token)["alg"] == "RS256"
        account = site.get("/me", headers=bearer(token)).json()
        assert account["name"] == "ada"
        assert account["issuer"] == issuer
