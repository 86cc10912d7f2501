"""Open data without an account: the questionnaire, the licence, and the token for many products."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from database import Database
from stac_api.access.credentials import declaration_tokens
from stac_api.access.credentials.declaration_tokens import PREFIX
from tests.stac_api.access.invented_people import people_of
from tests.stac_api.access.invented_provider import bearer
from tests.stac_api.access.licensed_catalogue import MEMBERS, OPEN, licensed_catalogue
from tests.stac_api.invented_catalogue import Site, problem_of

ANSWERS: dict[str, Any] = {
    "profile": "Chercheur",
    "organisation_type": "Laboratoire",
    "organisation": "Université de Montpellier",
    "application": "Suivi du littoral",
    "country": "FR",
    "licence": {"id": OPEN, "version": 1},
    "accepted": True,
}


@pytest.fixture(scope="module")
def site(module_database: Database) -> Iterator[Site]:
    """The server."""
    with licensed_catalogue(module_database) as running:
        yield running


def token_of(site: Site) -> str:
    """A token, declared for."""
    answer = site.post("/open-data/declarations", ANSWERS)
    assert answer.status_code == 201, answer.text
    token: str = answer.json()["token"]
    return token


def download_of(site: Site, token: str | None, collection: str = "open", item: str | None = None) -> dict[str, Any]:
    """Whether a token opens a download."""
    answer = site.get(
        "/me/permissions",
        params={"collection": collection, "item": item},
        headers=bearer(token) if token else {},
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["permissions"]["download"]
    return found


def test_token_opens_all_products_under_the_licence(site: Site) -> None:
    """One declaration is enough for many products, without an account."""
    assert download_of(site, None)["reasons"] == ["declaration-required"]
    token = token_of(site)
    assert download_of(site, token)["allowed"]
    assert download_of(site, token, item="OPEN")["allowed"]


def test_token_opens_nothing_else(site: Site) -> None:
    """It gives no rights of members, and nothing that is somebody's own."""
    token = token_of(site)
    assert download_of(site, token, "images")["reasons"] == ["not-authenticated"]
    for path in ("/me", "/me/export", "/me/api-keys"):
        assert site.get(path, headers=bearer(token)).status_code == 401


def test_answers_are_kept_for_statistics_alone(site: Site, module_database: Database) -> None:
    """What was answered is kept with the licence; no person, no address, and nothing of the token."""
    token = token_of(site)
    with module_database.connect("owner") as connection:
        cursor = connection.execute("SELECT * FROM dinamis.open_data_declaration ORDER BY at DESC LIMIT 1")
        columns = [column.name for column in cursor.description or ()]
        kept = dict(zip(columns, cursor.fetchone() or (), strict=True))
    assert kept.keys() == {
        "id", "profile", "organisation_type", "organisation", "application", "country", "licence", "version", "at"
    }  # fmt: skip
    assert kept["organisation"] == ANSWERS["organisation"]
    claims = jwt.decode(token.removeprefix(PREFIX), options={"verify_signature": False})
    assert claims.keys() == {"aud", "exp", "licences"}


def test_api_cannot_read_what_was_answered(module_database: Database, site: Site) -> None:
    """A hole in the API would not open the statistics."""
    token_of(site)
    with module_database.connect("api") as connection, pytest.raises(Exception, match="permission denied"):
        connection.execute("SELECT organisation FROM dinamis.open_data_declaration")


MISTAKEN: dict[str, dict[str, Any]] = {
    "not accepted": {"accepted": False},
    "no tick": {"accepted": None},
    "no organisation": {"organisation": ""},
    "blank organisation": {"organisation": "   "},
    "no country": {"country": "France"},
    "a novel": {"application": "x" * 201},
    "lines": {"application": "a\nb"},
    "a person": {"email": "ada@example.org"},
    "no licence": {"licence": None},
    "no version": {"licence": {"id": OPEN, "version": 0}},
}


@pytest.mark.parametrize("case", MISTAKEN)
def test_incomplete_questionnaire_is_refused(site: Site, case: str) -> None:
    """Every question is answered, the licence is accepted, and nothing personal is taken."""
    body = {name: value for name, value in {**ANSWERS, **MISTAKEN[case]}.items() if value is not None}
    answer = site.post("/open-data/declarations", body)
    assert answer.status_code == 400
    assert problem_of(answer)["code"] == "InvalidParameter"


@pytest.mark.parametrize(("licence", "version"), [(MEMBERS, 2), (OPEN, 2), ("absent", 1), (OPEN, 2**40)])
def test_other_licences_are_not_accepted_so(site: Site, licence: str, version: int) -> None:
    """A licence that members sign, and a version that no rule asks for, give no token."""
    answer = site.post("/open-data/declarations", {**ANSWERS, "licence": {"id": licence, "version": version}})
    assert (answer.status_code, problem_of(answer)["code"]) == (409, "NotDeclared")


def _forged(token: str) -> dict[str, str]:
    text = token.removeprefix(PREFIX)
    header, payload, signature = text.split(".")
    claims = jwt.decode(text, options={"verify_signature": False})
    kid = jwt.get_unverified_header(text)["kid"]
    wider = jwt.encode({**claims, "licences": [[MEMBERS, 2]]}, "0" * 32, "HS256", headers={"kid": kid})
    return {
        "signed with another secret": PREFIX + wider,
        "signature of another": f"{PREFIX}{'.'.join(wider.split('.')[:2])}.{signature}",
        "of a key that nobody has": PREFIX + jwt.encode(claims, "1" * 32, "HS256", headers={"kid": "absent"}),
        "not signed": PREFIX + jwt.encode(claims, "", "none", headers={"kid": kid}),
        "cut": PREFIX + f"{header}.{payload}.",
        "without its prefix": text,
        "nothing": PREFIX,
    }


CASES = tuple(_forged(PREFIX + jwt.encode({}, "0" * 32, "HS256", headers={"kid": "x"})))


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("case", CASES)
def test_forged_token_is_refused(site: Site, case: str) -> None:
    """Nobody gives himself licences that he has not accepted."""
    answer = site.get("/conformance", headers=bearer(_forged(token_of(site))[case]))
    assert answer.status_code == 401
    assert problem_of(answer)["code"] == "InvalidCredential"


def test_expired_token_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its time one declares again."""
    monkeypatch.setattr(declaration_tokens, "LIFE", -declaration_tokens.LIFE)
    assert site.get("/conformance", headers=bearer(token_of(site))).status_code == 401


def test_token_and_key_together_are_refused(site: Site, module_database: Database) -> None:
    """Whether somebody asks as himself or as nobody is not guessed."""
    with people_of(module_database) as people:
        key = people.key(people.person("ada"))
    answer = site.get("/", headers={**bearer(token_of(site)), "X-API-Key": str(key)})
    assert answer.status_code == 400


def test_token_is_safe_in_a_header(site: Site) -> None:
    """It is of the alphabet of bearer tokens, RFC 6750."""
    assert re.fullmatch(r"dod_[A-Za-z0-9_.-]+", token_of(site))
