"""Licences are signed by members for their entities, and images passed on to those who sign too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import requests

from database import Database
from stac_api.access.credentials.api_keys import ApiKey
from stac_api.access.rules.store import activate_now
from tests.stac_api.access.invented_people import digest_of, people_of, with_key
from tests.stac_api.access.licensed_catalogue import MEMBERS, OPEN, OTHER, licensed_catalogue, rules
from tests.stac_api.invented_catalogue import Site, problem_of


@dataclass(frozen=True)
class Register:
    """Who is in the register of this module."""

    laboratory: UUID
    town: UUID
    contractor: UUID
    closed: UUID
    key: ApiKey
    reader: ApiKey
    mayor: ApiKey
    engineer: ApiKey
    former: ApiKey
    applicant: ApiKey
    newcomer: ApiKey


@pytest.fixture(scope="module")
def site(module_database: Database) -> Iterator[Site]:
    """The server."""
    with licensed_catalogue(module_database) as running:
        yield running


@pytest.fixture
def register(module_database: Database, site: Site) -> Register:
    """A laboratory, a town and its contractor, each with somebody of its own, new for each test."""
    with people_of(module_database) as people:
        name = uuid4().hex
        laboratory, town, contractor, closed = (
            people.entity(f"{kind} {name}", state=state)
            for kind, state in (("lab", "active"), ("town", "active"), ("firm", "active"), ("closed", "suspended"))
        )
        ada, mayor, engineer, former, applicant = (people.person(f"{who} {name}") for who in "abcde")
        newcomer = people.person(f"f {name}", state="applied")
        people.join(newcomer, laboratory, "SCI_FR")
        people.join(ada, laboratory, "SCI_FR")
        people.join(mayor, town, "SCI_FR")
        people.join(engineer, contractor, "PRIV_PSP_FR", framework=people.mission(town))
        people.join(former, closed, "SCI_FR")
        people.connection.execute(
            "INSERT INTO dinamis.membership (person, entity) VALUES (%s, %s)", (applicant, laboratory)
        )
        return Register(
            laboratory=laboratory,
            town=town,
            contractor=contractor,
            closed=closed,
            key=people.key(ada),
            reader=people.key(ada, scopes=("read", "download")),
            mayor=people.key(mayor),
            engineer=people.key(engineer),
            former=people.key(former),
            applicant=people.key(applicant),
            newcomer=people.key(newcomer),
        )


def sign(site: Site, key: ApiKey, entity: UUID, licence: str = MEMBERS, version: int = 2, **body: Any) -> Any:
    """The answer to a signature, with the right digest unless another is given."""
    wanted = {"entity": str(entity), "digest": digest_of(version), **body}
    return site.post(f"/licenses/{licence}/{version}/signatures", wanted, headers=with_key(key))


def may_download(site: Site, key: ApiKey) -> bool:
    """Whether somebody may have the images."""
    answer = site.get("/me/permissions", params={"collection": "images"}, headers=with_key(key))
    allowed: bool = answer.json()["permissions"]["download"]["allowed"]
    return allowed


def test_signature_opens_the_images_at_once(site: Site, register: Register) -> None:
    """A member signs the version in force and may download with the next request; signing again changes nothing."""
    assert not may_download(site, register.key)
    first = sign(site, register.key, register.laboratory)
    assert first.status_code == 201
    assert may_download(site, register.key)
    again = sign(site, register.key, register.laboratory)
    assert again.status_code == 200
    assert again.json() == first.json()


def test_signature_counts_for_the_signer_and_the_entity_alone(
    site: Site, register: Register, module_database: Database
) -> None:
    """A colleague has to sign too; and so has the signer, in another entity."""
    with people_of(module_database) as people:
        colleague = people.person(uuid4().hex)
        people.join(colleague, register.laboratory, "SCI_FR")
        key = people.key(colleague)
    assert sign(site, register.key, register.laboratory).status_code == 201
    assert not may_download(site, key)


def test_superseded_licence_must_be_signed_again(database: Database) -> None:
    """When the rules name a later version, the signature of the former one opens nothing, and cannot be given now."""
    with licensed_catalogue(database) as site:
        with people_of(database) as people:
            person, entity = people.person("ada"), people.entity("Laboratory")
            people.join(person, entity, "SCI_FR")
            people.sign(person, entity, MEMBERS, 1)
            key = people.key(person)
        assert not may_download(site, key)
        assert sign(site, key, entity, version=1).json()["code"] == "LicenceSuperseded"
        assert sign(site, key, entity, version=2).status_code == 201
        assert may_download(site, key)
        with people_of(database) as people:
            people.licence(MEMBERS, 3)
            activate_now(people.connection, rules("2025-Q2", version=3), by="the tests")
        _wait_for_the_next_rules(site, key)
        assert sign(site, key, entity, version=3).status_code == 201
        assert may_download(site, key)


def _wait_for_the_next_rules(site: Site, key: ApiKey) -> None:
    # Each process reads the rules anew once a second.
    assert any(not may_download(site, key) for _ in range(500))


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "another text": ({"digest": digest_of(1)}, 409, "OtherText"),
    "an older version": ({"version": 1}, 409, "LicenceSuperseded"),
    "one that is accepted, not signed": ({"licence": OPEN, "version": 1}, 409, "NotToBeSigned"),
    "none that there is": ({"licence": "absent"}, 404, "NotFound"),
    "no version that there is": ({"version": 9}, 404, "NotFound"),
    "no digest": ({"digest": "yes"}, 400, "InvalidParameter"),
    "for nobody": ({"entity": "laboratory"}, 400, "InvalidParameter"),
    "more than is asked": ({"signed_at": "2020-01-01"}, 400, "InvalidParameter"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_signature_of_something_else_is_refused(site: Site, register: Register, case: str) -> None:
    """What is signed is one text in its present version, and nothing that only looks like it."""
    changes, status, code = REFUSED[case]
    answer = sign(site, register.key, **{"entity": register.laboratory, **changes})
    assert (answer.status_code, problem_of(answer)["code"]) == (status, code)
    assert not may_download(site, register.key)


def test_nobody_signs_for_an_entity_that_is_not_his(site: Site, register: Register) -> None:
    """Neither a stranger, nor one whose place is not confirmed, nor the member of an entity that is suspended."""
    for key, entity, code in (
        (register.mayor, register.laboratory, "NoSuchPlace"),
        (register.key, uuid4(), "NoSuchPlace"),
        (register.applicant, register.laboratory, "MembershipUnconfirmed"),
        (register.newcomer, register.laboratory, "MembershipUnconfirmed"),
        (register.former, register.closed, "EntitySuspended"),
    ):
        answer = sign(site, key, entity)
        assert (answer.status_code, problem_of(answer)["code"]) == (403, code)


def test_key_without_the_scope_signs_nothing(site: Site, register: Register) -> None:
    """A key that is for downloads cannot bind an entity; nor can nobody."""
    assert problem_of(sign(site, register.reader, register.laboratory))["reasons"] == ["scope-missing"]
    wanted = {"entity": str(register.laboratory), "digest": digest_of(2)}
    assert site.post(f"/licenses/{MEMBERS}/2/signatures", wanted).status_code == 401


def test_page_of_another_site_signs_nothing(site: Site, register: Register) -> None:
    """What a browser sends without asking first, with a password that it remembers, is not taken for a signature."""
    body = f'{{"entity": "{register.laboratory}", "digest": "{digest_of(2)}"}}'
    answer = site.request(
        "POST",
        f"/licenses/{MEMBERS}/2/signatures",
        data=body,
        headers={"Content-Type": "text/plain"},
        auth=(register.key.id, register.key.secret),
    )
    assert answer.status_code == 400
    assert not may_download(site, register.key)


def test_contractor_signs_for_the_actor_of_the_mission(site: Site, register: Register) -> None:
    """Who works for a town may sign on its behalf, and on nobody else's."""
    own = sign(site, register.engineer, register.contractor, on_behalf_of=str(register.town))
    assert own.status_code == 201
    assert own.json()["on_behalf_of"] == str(register.town)
    assert may_download(site, register.engineer)
    for other in (register.laboratory, uuid4()):
        answer = sign(site, register.engineer, register.contractor, on_behalf_of=str(other))
        assert problem_of(answer)["reasons"] == ["framework-ended"]


@pytest.mark.parametrize(
    "table", ["licence_signature", "licence_transfer", "licence_transfer_acceptance", "open_data_declaration"]
)
@pytest.mark.parametrize("statement", ["DELETE FROM dinamis.{}", "TRUNCATE dinamis.{} CASCADE"])
def test_what_was_signed_stays(
    site: Site, register: Register, module_database: Database, table: str, statement: str
) -> None:
    """Not even the owner of the database takes a signature, a transfer or a declaration back."""
    _pass_on_and_accept(site, register)
    declaration = dict.fromkeys(("profile", "organisation_type", "organisation", "application"), "x")
    accepted = {"country": "FR", "licence": {"id": OPEN, "version": 1}, "accepted": True}
    assert site.post("/open-data/declarations", declaration | accepted).status_code == 201
    with module_database.connect("owner") as connection, pytest.raises(psycopg.errors.RestrictViolation):
        connection.execute(statement.format(table))
    with module_database.connect("api") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.format(table))


def declare(site: Site, key: ApiKey, receiver: UUID, **changes: Any) -> requests.Response:
    """The answer to the declaration of a transfer."""
    version = changes.pop("version", 2)
    licence = changes.pop("licence", MEMBERS)
    body = {"collection": "images", "item": "IMAGE", "receiver": str(receiver), "purpose": "A map", **changes}
    return site.post(f"/licenses/{licence}/{version}/transfers", body, headers=with_key(key))


def accept(site: Site, key: ApiKey, transfer: str, entity: UUID, **changes: Any) -> requests.Response:
    """The answer to the signature of a receiver."""
    body = {"entity": str(entity), "digest": digest_of(2), **changes}
    return site.post(f"/licenses/{MEMBERS}/2/transfers/{transfer}/signatures", body, headers=with_key(key))


def _pass_on_and_accept(site: Site, register: Register) -> dict[str, Any]:
    assert sign(site, register.key, register.laboratory).status_code in (200, 201)
    declared = declare(site, register.key, register.town)
    assert declared.status_code == 201, declared.text
    assert declared.json()["accepted_at"] is None
    accepted = accept(site, register.mayor, declared.json()["id"], register.town)
    assert accepted.status_code == 201, accepted.text
    found: dict[str, Any] = accepted.json()
    return found


def test_image_is_passed_on_to_who_signs_too(site: Site, register: Register) -> None:
    """A transfer counts once the receiver signed; giver and receiver see it, and nobody else."""
    transfer = _pass_on_and_accept(site, register)
    assert transfer["accepted_at"] is not None
    assert (transfer["giver"], transfer["receiver"]) == (str(register.laboratory), str(register.town))
    for key, seen in ((register.key, True), (register.mayor, True), (register.engineer, False)):
        listed = site.get("/me/transfers", headers=with_key(key)).json()["transfers"]
        assert (transfer["id"] in [each["id"] for each in listed]) is seen
    assert accept(site, register.mayor, transfer["id"], register.town).json() == transfer


def test_only_what_one_may_have_is_passed_on(site: Site, register: Register) -> None:
    """Who has not signed passes nothing on; nor an image that he may not have, or under another licence."""
    assert problem_of(declare(site, register.key, register.town))["reasons"] == ["licence-not-signed"]
    assert sign(site, register.key, register.laboratory).status_code == 201
    assert problem_of(declare(site, register.key, register.town, item="BASE"))["reasons"] == ["spatially-excluded"]
    for changes in ({"item": "NOWHERE"}, {"collection": "absent"}):
        assert declare(site, register.key, register.town, **changes).status_code == 404
    others: tuple[dict[str, Any], ...] = ({"licence": OTHER, "version": 1}, {"version": 1})
    for other in others:
        assert problem_of(declare(site, register.key, register.town, **other))["code"] == "NotPassedOn"


def test_receiver_is_another_active_entity(site: Site, register: Register) -> None:
    """Nothing is passed on to oneself, to who is suspended, or to nobody."""
    assert sign(site, register.key, register.laboratory).status_code == 201
    for receiver in (register.laboratory, register.closed, uuid4()):
        assert problem_of(declare(site, register.key, receiver))["code"] == "NotPassedOn"


def test_only_the_receiver_accepts(site: Site, register: Register) -> None:
    """To whom it is not passed on it is as if there were no transfer; the text must be the one that was read."""
    assert sign(site, register.key, register.laboratory).status_code == 201
    transfer = declare(site, register.key, register.town).json()["id"]
    assert accept(site, register.engineer, transfer, register.contractor).status_code == 404
    assert accept(site, register.key, transfer, register.laboratory).status_code == 404
    assert accept(site, register.mayor, str(uuid4()), register.town).status_code == 404
    assert accept(site, register.mayor, transfer, register.town, digest=digest_of(1)).status_code == 409
    listed = site.get("/me/transfers", headers=with_key(register.mayor)).json()["transfers"]
    assert [each["accepted_at"] for each in listed] == [None]


def test_everything_signed_is_in_the_trail(site: Site, register: Register, module_database: Database) -> None:
    """Signatures, transfers and their acceptance are written down with who did it."""
    transfer = _pass_on_and_accept(site, register)
    with module_database.connect("owner") as connection:
        found = connection.execute(
            "SELECT action FROM dinamis.audit_event WHERE subject = ANY(%s) AND actor IS NOT NULL ORDER BY id",
            ([transfer["id"], str(register.laboratory), str(register.town)],),
        ).fetchall()
    assert [action for (action,) in found] == [
        "licence.sign",
        "licence.transfer",
        "licence.sign",
        "licence.accept_transfer",
    ]
