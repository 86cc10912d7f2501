"""What the server knows of the caller, and what the caller may do and why not: `/me` and below it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from database import Database
from stac_api.access.accounts.key_routes import MOST_KEYS
from stac_api.access.credentials.api_keys import ApiKey
from tests.stac_api.access.invented_people import people_of, with_key
from tests.stac_api.access.invented_provider import InventedProvider, bearer
from tests.stac_api.access.licensed_catalogue import MEMBERS, OPEN, licensed_catalogue
from tests.stac_api.invented_catalogue import Site, problem_of


@dataclass(frozen=True)
class Register:
    """Who is in the register of this module."""

    laboratory: UUID
    ada: UUID
    key: ApiKey
    signer: ApiKey
    reader: ApiKey
    suspended: ApiKey
    former: ApiKey
    firm: ApiKey
    operator: ApiKey


@pytest.fixture(scope="module")
def site(module_database: Database, sso: InventedProvider) -> Iterator[Site]:
    """The server."""
    with licensed_catalogue(module_database, sso.issuer) as running:
        yield running


@pytest.fixture(scope="module")
def register(module_database: Database, site: Site, sso: InventedProvider) -> Register:
    """Ada, who has not signed; one who has; and those who may not any more."""
    with people_of(module_database) as people:
        laboratory = people.entity("Laboratory")
        names = ("ada", "signer", "suspended", "former", "firm", "operator")
        ada, signer, suspended, former, firm = (people.person(each, issuer=sso.issuer) for each in names[:-1])
        operator = people.person("operator", is_operator=True)
        for person in (ada, signer, suspended):
            people.join(person, laboratory, "SCI_FR")
        people.sign(signer, laboratory, MEMBERS, 2)
        people.join(former, people.entity("A closed one", state="suspended"), "SCI_FR")
        people.join(firm, people.entity("A firm"), "PRIV_OTHER")
        people.connection.execute("UPDATE dinamis.person SET state = 'suspended' WHERE id = %s", (suspended,))
        return Register(
            laboratory=laboratory,
            ada=ada,
            key=people.key(ada),
            signer=people.key(signer),
            reader=people.key(signer, scopes=("read",)),
            suspended=people.key(suspended),
            former=people.key(former),
            firm=people.key(firm),
            operator=people.key(operator),
        )


def permissions(site: Site, key: ApiKey | None, collection: str, item: str | None = None) -> dict[str, Any]:
    """What somebody may do, by action."""
    headers = with_key(key) if key else {}
    answer = site.get("/me/permissions", params={"collection": collection, "item": item}, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["permissions"]
    return found


DOWNLOADS = {
    "key": ("images", ["licence-not-signed"], ["license", "sign-license"]),
    "signer": ("images", [], []),
    "reader": ("images", ["scope-missing"], ["api-keys"]),
    "suspended": ("images", ["account-suspended", "licence-not-signed"], ["license", "sign-license"]),
    "former": ("images", ["entity-suspended", "licence-not-signed"], ["license", "sign-license"]),
    "firm": ("images", ["category-not-eligible"], ["apply"]),
    "nobody": ("images", ["not-authenticated"], ["authenticate"]),
    "nobody, open data": ("open", ["declaration-required"], ["license", "declare"]),
    "nobody, elsewhere": ("origin", ["at-the-origin"], []),
}


@pytest.mark.parametrize("who", DOWNLOADS)
def test_why_not_and_what_to_do(site: Site, register: Register, who: str) -> None:
    """Whoever may not download is told why, in words for programs, and by which routes to mend it."""
    collection, reasons, actions = DOWNLOADS[who]
    download = permissions(site, getattr(register, who, None), collection)["download"]
    assert download["allowed"] is (not reasons)
    assert download["reasons"] == reasons
    assert [each["rel"] for each in download["actions"]] == actions
    assert bool(download["detail"]) is bool(reasons)


def test_the_way_to_sign_leads_to_the_licence_in_force(site: Site, register: Register) -> None:
    """The address to sign at is that of the version that the rule asks for."""
    answer = site.get("/me/permissions", params={"collection": "images"}, headers=with_key(register.key)).json()
    (sign,) = (each for each in answer["permissions"]["download"]["actions"] if each["rel"] == "sign-license")
    assert sign["method"] == "POST"
    assert sign["href"] == f"{site.url}/licenses/{MEMBERS}/2/signatures"
    assert answer["licence"] == {"id": MEMBERS, "version": 2}
    assert answer["policy_set"] == "2025-Q1"


def test_each_action_has_its_own_answer(site: Site, register: Register) -> None:
    """A member who has not signed may see and order, and not download."""
    found = permissions(site, register.key, "images")
    assert {action: each["allowed"] for action, each in found.items()} == {
        "view": True,
        "preview": True,
        "download": False,
        "order-archive": True,
        "order-tasking": True,
    }
    assert found["order-archive"]["category"] == "SCI_FR"
    assert found["order-archive"]["entity"] == str(register.laboratory)


def test_place_of_an_item_counts(site: Site, register: Register) -> None:
    """An image of an excluded area is refused to those who may have all others."""
    assert permissions(site, register.signer, "images", "IMAGE")["download"]["allowed"]
    excluded = permissions(site, register.signer, "images", "BASE")["download"]
    assert excluded["reasons"] == ["spatially-excluded"]


def test_pairs_obey_the_rules_of_their_images(site: Site, register: Register) -> None:
    """Pairs that members have without a signature are refused until the licence of their images is signed."""
    assert permissions(site, register.key, "pairs")["download"]["reasons"] == ["licence-not-signed"]
    assert permissions(site, register.signer, "pairs")["download"]["allowed"]


@pytest.mark.parametrize("item", [None, "HIDDEN", "NOWHERE", "a\x00b"])
def test_hidden_is_as_absent(site: Site, register: Register, item: str | None) -> None:
    """Of what somebody cannot see the answer is that of what there is not, but for the name."""
    answers = []
    for collection in ("hidden", "absent"):
        answer = site.get(
            "/me/permissions", params={"collection": collection, "item": item}, headers=with_key(register.firm)
        )
        assert answer.status_code == 404
        answers.append(problem_of(answer) | {"request_id": ""})
    assert str(answers[0]).replace("hidden", "absent") == str(answers[1])
    seen = site.get("/me/permissions", params={"collection": "hidden"}, headers=with_key(register.key))
    assert seen.status_code == 200


def test_absent_item_of_a_collection_that_is_seen(site: Site, register: Register) -> None:
    """There is no permission for an Item that there is not, be its name one that no database can hold."""
    for item in ("NOWHERE", "a\x00b"):
        answer = site.get(
            "/me/permissions", params={"collection": "images", "item": item}, headers=with_key(register.operator)
        )
        assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/me", "/me/permissions?collection=images", "/me/quotas", "/me/api-keys"])
def test_personal_answers_are_kept_by_no_cache(site: Site, register: Register, path: str) -> None:
    """Neither a browser nor a proxy gives one person's answer to another."""
    answer = site.get(path, headers=with_key(register.key))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert {"authorization", "x-api-key", "access-key"} <= set(answer.headers["Vary"].lower().split(", "))


def test_account_names_places_and_capacities(site: Site, register: Register) -> None:
    """Somebody sees where he belongs, in what quality he acts, and what he signed."""
    account = site.get("/me", headers=with_key(register.signer)).json()
    assert account["name"] == "signer"
    assert [(each["entity_name"], each["is_confirmed"]) for each in account["memberships"]] == [("Laboratory", True)]
    assert [(each["category"], each["standing"]) for each in account["capacities"]] == [("SCI_FR", "good")]
    assert account["signatures"] == [{"licence": MEMBERS, "version": 2, "entity": str(register.laboratory)}]
    former = site.get("/me", headers=with_key(register.former)).json()
    assert [(each["category"], each["standing"]) for each in former["capacities"]] == [("SCI_FR", "entity-suspended")]


def test_quotas_are_those_of_the_callers_categories(site: Site, register: Register) -> None:
    """A scientist sees what is free of charge; a firm has nothing free; what was used is not said to be known."""
    found = site.get("/me/quotas", headers=with_key(register.key)).json()
    assert [(each["category"], each["quota"]["amount"], each["quota"]["unit"]) for each in found["allowances"]] == [
        ("SCI_FR", "2500", "km2")
    ]
    assert found["used"] is None
    assert site.get("/me/quotas", headers=with_key(register.firm)).json()["allowances"] == []


def test_key_lives_from_its_making_to_its_revoking(site: Site, register: Register, sso: InventedProvider) -> None:
    """A new key shows its secret once, opens what it is for, and nothing any more once revoked."""
    login = bearer(sso.token("ada"))
    made = site.post("/me/api-keys", {"label": "QGIS", "scopes": ["read", "account"], "days": 7}, headers=login)
    assert made.status_code == 201
    key = made.json()
    listed = {each["id"]: each for each in site.get("/me/api-keys", headers=login).json()["keys"]}
    assert key["secret"] not in str(listed)
    assert listed[key["id"]]["label"] == "QGIS"
    assert site.get("/me", headers={"X-API-Key": key["key"]}).json()["scopes"] == ["account", "read"]
    assert site.get("/me", auth=(key["id"], key["secret"])).status_code == 200
    for _ in range(2):
        revoked = site.request("DELETE", f"/me/api-keys/{key['id']}", headers=login)
        assert revoked.status_code == 204
    assert site.get("/me", headers={"X-API-Key": key["key"]}).status_code == 401


def test_key_makes_no_keys(site: Site, register: Register) -> None:
    """Whoever steals a key cannot make himself another one that outlives it."""
    answer = site.post("/me/api-keys", {}, headers=with_key(register.key))
    assert answer.status_code == 403
    assert answer.json()["code"] == "KeyFromKey"


def test_keys_of_others_are_as_absent(site: Site, register: Register) -> None:
    """Nobody revokes or finds out the keys of somebody else."""
    for id_ in (register.signer.id, "0" * 12):
        answer = site.request("DELETE", f"/me/api-keys/{id_}", headers=with_key(register.key))
        assert answer.status_code == 404
    assert site.get("/me", headers=with_key(register.signer)).status_code == 200


UNUSABLE: list[dict[str, Any]] = [
    {"days": 0},
    {"days": 5000},
    {"scopes": []},
    {"scopes": ["operator"]},
    {"label": "x" * 101},
    {"owner": "x"},
]


@pytest.mark.parametrize("body", UNUSABLE)
def test_unusable_keys_are_refused(site: Site, sso: InventedProvider, register: Register, body: dict[str, Any]) -> None:
    """No key without end, without scope, or with a scope that there is not."""
    assert site.post("/me/api-keys", body, headers=bearer(sso.token("ada"))).status_code == 400


def test_keys_of_one_person_are_limited(site: Site, register: Register, sso: InventedProvider) -> None:
    """A program gone wild does not fill the register."""
    login = bearer(sso.token("firm"))
    made = [site.post("/me/api-keys", {}, headers=login).status_code for _ in range(MOST_KEYS)]
    assert made == [201] * (MOST_KEYS - 1) + [403]


def test_export_has_everything_and_no_secret(
    site: Site, register: Register, module_database: Database, sso: InventedProvider
) -> None:
    """Whoever asks gets all that is kept of him, downloads too, and nothing of others."""
    with people_of(module_database) as people:
        people.connection.execute(
            "INSERT INTO dinamis.download_event (pseudonym, category, collection, item, asset, network) "
            "SELECT pseudonym, 'SCI_FR', 'images', name, 'pms', '192.0.2.0/24' FROM dinamis.person "
            "WHERE name IN ('signer', 'ada')"
        )
    export = site.get("/me/export", headers=with_key(register.signer))
    kept = export.json()
    assert kept["person"]["email"] == "signer@example.org"
    assert [each["item"] for each in kept["downloads"]] == ["signer"]
    assert [each["licence"] for each in kept["licence_signatures"]] == [MEMBERS]
    assert {"memberships", "category_grants", "api_keys", "licence_transfers", "events"} <= kept.keys()
    assert "digest" not in str(kept["api_keys"])
    assert not any(other in export.text for other in ('"ada"', "ada@example.org", str(register.ada)))
    assert export.headers["Cache-Control"] == "private, no-store"


def test_erased_account_is_gone_and_its_records_are_nobodys(
    site: Site, module_database: Database, sso: InventedProvider, register: Register
) -> None:
    """Name, address, login and keys are gone at once; what was signed stays, and the login may begin anew."""
    with people_of(module_database) as people:
        person = people.person("gone", issuer=sso.issuer)
        people.join(person, register.laboratory, "SCI_FR")
        people.sign(person, register.laboratory, MEMBERS, 2)
        key = people.key(person)
    login = bearer(sso.token("gone"))
    assert site.request("DELETE", "/me", headers=login).status_code == 204
    assert site.get("/me", headers=with_key(key)).status_code == 401
    assert site.get("/me", headers=login).json()["id"] is None
    with people_of(module_database) as people:
        (row,) = people.connection.execute(
            "SELECT name, email, subject, pseudonym IS NOT NULL, (SELECT count(*) FROM dinamis.licence_signature "
            "WHERE person = person.id) FROM dinamis.person WHERE id = %s",
            (person,),
        ).fetchall()
    assert row == (None, None, None, True, 1)


def test_what_is_ones_own_needs_a_login(site: Site) -> None:
    """Without a credential nothing personal is answered, and how to log in is told."""
    for method, path in (("GET", "/me"), ("GET", "/me/export"), ("DELETE", "/me"), ("POST", "/me/api-keys")):
        answer = site.request(method, path, json={})
        assert answer.status_code == 401, path
        assert "Basic" in answer.headers["WWW-Authenticate"]
        assert problem_of(answer)["reasons"] == ["not-authenticated"]


def test_open_data_licence_is_told_to_everybody(site: Site) -> None:
    """Who would fetch open data is told which licence to accept."""
    answer = site.get("/me/permissions", params={"collection": "open"}).json()
    assert answer["licence"] == {"id": OPEN, "version": 1}
    assert answer["authenticated"] is False
