"""Who asks: every way to show a credential, over HTTP, against a real database."""

from __future__ import annotations

import base64
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from fastapi import Request
from stac_fastapi.pgstac.db import get_connection

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.credentials import resolver as credentials
from stac_api.access.credentials.api_keys import ApiKey, key_of, new_key
from tests.stac_api.access.invented_people import people_of
from tests.stac_api.invented_catalogue import Site, serving


def basic(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def pair(key: ApiKey) -> dict[str, str]:
    """The headers of the `teledetection` client."""
    return {"access-key": key.id, "secret-key": key.secret}


@dataclass(frozen=True)
class Keys:
    """The keys of the register of this module."""

    ada: ApiKey
    other_of_ada: ApiKey
    reader: ApiKey
    clerk: ApiKey
    expired: ApiKey
    revoked: ApiKey
    erased: ApiKey


@pytest.fixture(scope="module")
def keys(module_database: Database) -> Keys:
    """Ada with two keys, and keys that are good for nothing."""
    with people_of(module_database) as people:
        laboratory = people.entity("Laboratory")
        ada, gone = people.person("ada"), people.person("gone")
        people.join(ada, laboratory, "SCI_FR")
        found = Keys(
            ada=people.key(ada),
            other_of_ada=people.key(ada),
            reader=people.key(ada, scopes=("read",)),
            clerk=people.key(ada, scopes=("account",)),
            expired=people.key(ada, days=-1),
            revoked=people.key(ada),
            erased=people.key(gone),
        )
        people.connection.execute("UPDATE dinamis.api_key SET revoked_at = now() WHERE id = %s", (found.revoked.id,))
        people.connection.execute("SELECT dinamis.erase_person(%s, %s)", (gone, gone))
    return found


@pytest.fixture(scope="module")
def site(module_database: Database, keys: Keys) -> Iterator[Site]:
    """The server."""
    with serving(create_app(ApiSettings(), module_database.conninfo("api"))) as running:
        yield running


def test_one_key_opens_by_all_its_ways(site: Site, keys: Keys) -> None:
    """A key is taken whole, as a pair of headers and as user and password, with the prefix of its id or without."""
    for headers in (
        {"X-API-Key": str(keys.ada)},
        pair(keys.ada),
        basic(keys.ada.id, keys.ada.secret),
        basic(f"dk_{keys.ada.id}", keys.ada.secret),
        {"access-key": f"dk_{keys.ada.id}", "secret-key": keys.ada.secret},
    ):
        account = site.get("/me", headers=headers).json()
        assert account["name"] == "ada", headers.keys()
        assert account["key"] == keys.ada.id
        assert account["categories"] == ["PUBLIC", "SCI_FR"]


def test_same_key_in_two_forms_is_one(site: Site, keys: Keys) -> None:
    """QGIS with a header and Basic, or a client that sends a key twice, is not refused."""
    headers = {"X-API-Key": str(keys.ada), **basic(keys.ada.id, keys.ada.secret), **pair(keys.ada)}
    assert site.get("/me", headers=headers).status_code == 200


def test_two_different_credentials_are_refused(site: Site, keys: Keys) -> None:
    """Which of two keys of one person is meant is not guessed, be each of them good."""
    answer = site.get(
        "/", headers={"X-API-Key": str(keys.ada), **basic(keys.other_of_ada.id, keys.other_of_ada.secret)}
    )
    assert answer.status_code == 400
    assert answer.json()["code"] == "SeveralCredentials"


def _wrong(keys: Keys) -> dict[str, dict[str, str]]:
    return {
        "unknown key": {"X-API-Key": str(new_key())},
        "other secret": {"X-API-Key": str(ApiKey(keys.ada.id, new_key().secret))},
        "secret of the other key": pair(ApiKey(keys.ada.id, keys.other_of_ada.secret)),
        "expired": {"X-API-Key": str(keys.expired)},
        "revoked": {"X-API-Key": str(keys.revoked)},
        "erased person": {"X-API-Key": str(keys.erased)},
        "not a key": {"X-API-Key": "dk_guess"},
        "empty": {"X-API-Key": ""},
        "half a pair": {"access-key": keys.ada.id},
        "other half": {"secret-key": keys.ada.secret},
        "password of a person": basic("ada", "password"),
        "not base64": {"Authorization": "Basic §§§".encode().decode("latin-1")},
        "no such scheme": {"Authorization": "Digest username=ada"},
        "not a token": {"Authorization": "Bearer nonsense"},
        "empty token": {"Authorization": "Bearer "},
        "a key as a token": {"Authorization": f"Bearer {keys.ada}"},
        "made-up declaration": {"Authorization": "Bearer dod_e30.e30.e30"},
    }


@pytest.mark.parametrize("case", _wrong(Keys(*[new_key()] * 7)))
def test_wrong_credential_is_refused_on_public_routes_too(site: Site, keys: Keys, case: str) -> None:
    """A credential that is wrong is never taken for none; both ways to log in are told."""
    answer = site.get("/conformance", headers=_wrong(keys)[case])
    assert answer.status_code == 401
    assert answer.json()["code"] == "InvalidCredential"
    assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert "Bearer realm=" in answer.headers["WWW-Authenticate"]
    assert answer.headers["Cache-Control"] == "private, no-store"


def test_unknown_and_wrong_keys_are_told_apart_by_nobody(site: Site, keys: Keys) -> None:
    """Which ids exist cannot be found out by trying them."""
    answers = [
        site.get("/", headers={"X-API-Key": str(key)}).json() | {"request_id": ""}
        for key in (new_key(), ApiKey(keys.ada.id, new_key().secret))
    ]
    assert answers[0] == answers[1]


def test_key_in_the_query_string_opens_nothing(site: Site, keys: Keys) -> None:
    """What stands in addresses is kept by proxies and histories, so that no credential is read from there."""
    for name in ("X-API-Key", "api_key", "access-key", "access_token"):
        assert site.get("/me", params={name: str(keys.ada)}).status_code == 401


def test_nothing_is_needed_where_all_is_public(site: Site) -> None:
    """Without any credential the public routes answer, and /me asks for one."""
    assert site.get("/conformance").status_code == 200
    answer = site.get("/me")
    assert answer.status_code == 401
    assert answer.json()["reasons"] == ["not-authenticated"]
    assert "WWW-Authenticate" in answer.headers


def test_narrow_key_tells_neither_name_nor_address(site: Site, keys: Keys) -> None:
    """A key in a shared project shows what it opens, and nothing personal of its owner."""
    account = site.get("/me", headers={"X-API-Key": str(keys.reader)}).json()
    assert account["scopes"] == ["read"]
    assert account["name"] is None
    assert account["email"] is None
    refused = site.get("/me/export", headers={"X-API-Key": str(keys.reader)})
    assert refused.status_code == 403
    assert refused.json()["reasons"] == ["scope-missing"]


def test_key_for_the_account_alone_shows_what_everybody_sees(site: Site, keys: Keys) -> None:
    """A key that may neither read nor download gives its owner's rights to nobody."""
    account = site.get("/me", headers={"X-API-Key": str(keys.clerk)}).json()
    assert account["name"] == "ada"
    assert account["categories"] == ["PUBLIC"]


def test_use_of_a_key_is_noted_once_a_minute(site: Site, keys: Keys, module_database: Database) -> None:
    """When a key was used last can be seen, though not every request writes."""

    def noted() -> object:
        with module_database.connect("owner") as connection:
            row = connection.execute(
                "SELECT last_used_at FROM dinamis.api_key WHERE id = %s", (keys.other_of_ada.id,)
            ).fetchone()
        return row[0] if row else None

    headers = {"X-API-Key": str(keys.other_of_ada)}
    assert site.get("/me", headers=headers).status_code == 200
    first = noted()
    assert site.get("/me", headers=headers).status_code == 200
    assert first is not None
    assert noted() == first


def test_rights_are_gone_at_the_next_request(serve_one: Site, database: Database) -> None:
    """A category that is taken away, and a key that is revoked, count no more at once."""
    with people_of(database) as people:
        bea, laboratory = people.person("bea"), people.entity("Laboratory")
        people.join(bea, laboratory, "SCI_FR")
        headers = {"X-API-Key": str(key := people.key(bea))}
    assert serve_one.get("/me", headers=headers).json()["categories"] == ["PUBLIC", "SCI_FR"]
    with people_of(database) as people:
        people.connection.execute("UPDATE dinamis.person SET state = 'suspended' WHERE id = %s", (bea,))
    account = serve_one.get("/me", headers=headers).json()
    assert account["categories"] == ["PUBLIC"]
    assert [each["standing"] for each in account["capacities"]] == ["account-suspended"]
    with people_of(database) as people:
        people.connection.execute("UPDATE dinamis.api_key SET revoked_at = now() WHERE id = %s", (key.id,))
    assert serve_one.get("/me", headers=headers).status_code == 401


@pytest.fixture
def serve_one(database: Database) -> Iterator[Site]:
    """The server over a database of this test alone."""
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as running:
        yield running


def test_one_question_to_the_database_per_credential(database: Database) -> None:
    """Whoever sends nothing costs nothing, and whoever sends a key one query."""
    with people_of(database) as people:
        headers = {"X-API-Key": str(people.key(people.person("bea")))}
    app = create_app(ApiSettings(), database.conninfo("api"))
    asked: list[str] = []

    @asynccontextmanager
    async def noting(request: Request, mode: Literal["r", "w"] = "r") -> AsyncIterator[Any]:
        async with get_connection(request, mode) as connection:
            with connection.query_logger(note):
                yield connection

    def note(query: Any) -> None:
        asked.append(query.query)

    with serving(app) as site:
        # The first use of a key within a minute is noted besides.
        assert site.get("/conformance", headers=headers).status_code == 200
        app.state.get_connection = noting
        assert site.get("/conformance", headers=headers).status_code == 200
        assert len(asked) == 1
        assert site.get("/conformance").status_code == 200
        assert len(asked) == 1


@pytest.mark.parametrize("ask", ["key", "login", "pseudonym"])
def test_question_is_answered_by_indexes(database: Database, ask: str) -> None:
    """Whoever asks is found without reading through the register, however many are in it."""
    asked = {"key": ("'k'", "NULL", "NULL", "NULL"), "login": ("NULL", "'i'", "'s'", "NULL")}
    columns = asked.get(ask, ("NULL", "NULL", "NULL", "'00000000-0000-0000-0000-000000000000'"))
    statement = credentials.PRINCIPAL
    for number, value in enumerate(columns, 1):
        statement = statement.replace(f"${number}", value)
    with database.connect("owner") as connection:
        connection.execute("SET enable_seqscan = off")
        plan = connection.execute(f"EXPLAIN {statement}").fetchall()
    assert "Index" in str(plan)
    assert "Seq Scan" not in str(plan)


def test_browsers_may_send_credentials_and_delete(site: Site) -> None:
    """A web site may send what programs send, and revoke keys; cookies are never involved."""
    answer = site.request(
        "OPTIONS",
        "/me/api-keys",
        headers={
            "Origin": "https://browser.example.org",
            "Access-Control-Request-Method": "DELETE",
            "Access-Control-Request-Headers": "Authorization, X-API-Key, Idempotency-Key",
        },
    )
    assert answer.status_code == 200
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_secrets_are_in_no_log(site: Site, keys: Keys, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a good secret nor a wrong one, neither of a header nor of a query, is written to any log."""
    wrong = new_key()
    with caplog.at_level(logging.DEBUG):
        site.get("/me", headers={"X-API-Key": str(keys.ada)})
        site.get("/me", headers=pair(wrong))
        site.get("/me", params={"key": str(keys.ada)})
    assert [record for record in caplog.records if record.message == "request"]
    # The line of uvicorn, which names the query, is switched off where the program sets up its log.
    ours = [record for record in caplog.records if record.name.startswith("stac_api")]
    for record in ours:
        assert keys.ada.secret not in str(record.__dict__)
        assert wrong.secret not in str(record.__dict__)


def test_keys_are_safe_in_urls_and_shown_by_no_repr() -> None:
    """GDAL writes user and password into a URL without quoting, and programs print what fails."""
    for _ in range(50):
        key = new_key()
        assert all(letter.isascii() and (letter.isalnum() or letter in "-_") for letter in str(key))
        assert key.secret not in repr(key)
        assert len(base64.urlsafe_b64decode(key.secret + "=")) == 32
        assert key_of(str(key)) == key
        assert key.secret.encode() not in key.digest
