"""How entities and people become members by themselves, and who may do what about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
import requests

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.access.accounts.application_routes import MOST_OPEN_APPLICATIONS
from tests.stac_api.access.invented_people import People, with_key
from tests.stac_api.access.invented_provider import AUDIENCE, InventedProvider, bearer, provider
from tests.stac_api.invented_catalogue import Site, problem_of, serving


@dataclass(frozen=True)
class Scene:
    """A server, and people who log in to it."""

    site: Site
    sso: InventedProvider
    people: People

    def somebody(self, **claims: Any) -> dict[str, str]:
        """The header of somebody whom nobody knows yet."""
        return self.login(f"new-{uuid4()}", **claims)

    def login(self, subject: str, **claims: Any) -> dict[str, str]:
        """The header of a login."""
        return bearer(self.sso.token(subject, **claims))

    def person(self, entity: UUID | None = None, role: str = "user", **fields: Any) -> tuple[UUID, dict[str, str]]:
        """Somebody in the register, a member of an entity when one is given, and the header of his login."""
        name = f"person-{uuid4()}"
        id_ = self.people.person(name, issuer=self.sso.issuer, **fields)
        if entity:
            self.people.connection.execute(
                "INSERT INTO dinamis.membership (person, entity, role, validated_at, confirmed_at)"
                " VALUES (%s, %s, %s, now(), now())",
                (id_, entity, role),
            )
        return id_, self.login(name)

    def laboratory(self, **fields: Any) -> UUID:
        """An entity."""
        return self.people.entity(f"Laboratory {uuid4()}", **fields)

    def applies(self, entity: UUID, who: dict[str, str], **body: Any) -> dict[str, Any]:
        """An application that is taken in."""
        answer = self.site.post("/accounts/applications", {"entity": str(entity), **body}, headers=who)
        assert answer.status_code == 201, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def decides(self, what: str, application: str, who: dict[str, str], **body: Any) -> Any:
        """The answer to a decision."""
        return self.site.post(f"/accounts/applications/{application}/{what}", body, headers=who)

    def trail(self, subject: UUID | str) -> list[str]:
        """What was done to somebody, the earliest first."""
        rows = self.people.connection.execute(
            "SELECT action FROM dinamis.audit_event WHERE subject = %s ORDER BY id", (str(subject),)
        )
        return [action for (action,) in rows]

    def count(self, table: str) -> int:
        """The rows of a table."""
        row = self.people.connection.execute(f"SELECT count(*) FROM dinamis.{table}").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture(scope="module")
def scene(module_database: Database) -> Iterator[Scene]:
    """The server with a provider of logins, and a pen to write into its register."""
    with provider() as sso, module_database.connect("owner", autocommit=True) as connection:
        settings = ApiSettings(oidc_issuers=(sso.issuer,), oidc_audiences=(AUDIENCE,))
        with serving(create_app(settings, module_database.conninfo("api"))) as site:
            yield Scene(site, sso, People(connection))


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert answer.status_code == status, answer.text
    problem = problem_of(answer)
    assert problem["code"] == code
    return problem


@pytest.mark.parametrize("deed", ["validate", "confirm", "refuse"])
@pytest.mark.parametrize("told_by", ["register", "token"])
def test_nobody_decides_for_himself_by_a_second_login(scene: Scene, deed: str, told_by: str) -> None:
    """An applicant with the address of the référent or the operator, in whatever letters, needs somebody else."""
    laboratory = scene.laboratory()
    id_, decider = scene.person(laboratory, "referent", is_operator=True)
    address = f"{scene.site.get('/me', headers=decider).json()['email']}"
    if told_by == "token":
        scene.people.connection.execute("UPDATE dinamis.person SET email = NULL WHERE id = %s", (id_,))
        name = address.partition("@")[0]
        decider = scene.login(name, email=address)
    _, other = scene.person(laboratory, "referent")
    told = scene.applies(laboratory, scene.somebody(email=address.upper()))
    body = {"reason": "mine"} if deed == "refuse" else {}
    if deed == "confirm":
        assert scene.decides("validate", told["id"], other).status_code == 200
    refused(scene.decides(deed, told["id"], decider, **body), 403, "OwnApplication")
    if deed == "validate":
        assert scene.decides("validate", told["id"], other).json()["state"] == "validated"


def test_person_without_an_account_becomes_a_member_in_three_steps(scene: Scene) -> None:
    """Apply, be validated by the référent, be confirmed by an operator: then, and not before, the category counts."""
    laboratory = scene.laboratory()
    _, referent = scene.person(laboratory, "referent")
    _, operator = scene.person(is_operator=True)
    ada = scene.somebody(name="Ada Martin", email="ada@example.org")

    told = scene.applies(laboratory, ada, purpose="Landslides")
    assert (told["state"], told["role"], told["purpose"]) == ("applied", "user", "Landslides")
    (waiting,) = scene.site.get(f"/entities/{laboratory}/applications", headers=referent).json()["applications"]
    assert (waiting["id"], waiting["person_name"], waiting["email"]) == (told["id"], "Ada Martin", "ada@example.org")

    assert scene.decides("validate", told["id"], referent).json()["state"] == "validated"
    assert scene.site.get("/me", headers=ada).json()["categories"] == ["PUBLIC"]
    assert scene.decides("confirm", told["id"], operator).json()["state"] == "confirmed"
    me = scene.site.get("/me", headers=ada).json()
    assert (me["state"], sorted(me["categories"])) == ("active", ["PUBLIC", "SCI_FR"])
    assert scene.trail(me["id"]) == ["membership.apply", "membership.validate", "membership.confirm"]
    assert scene.site.get(f"/entities/{laboratory}/applications", headers=referent).json()["applications"] == []


def test_entity_applies_and_waits_for_operators(scene: Scene) -> None:
    """An application for an entity makes it `applied`, its applicant the référent to be, and neither is public."""
    founder = scene.somebody(name="Bea", email="bea@example.org")
    name = f"Université {uuid4()}"
    body = {
        "name": f"  {name} ",
        "kind": "science",
        "legal_representative": {"name": "Jeanne Martin", "email": "jm@example.org"},
        "category": "SCI_FR",
    }
    told = scene.site.post("/entities/applications", body, headers=founder).json()
    assert (told["entity_name"], told["role"], told["state"]) == (name, "referent", "applied")
    row = scene.people.connection.execute(
        "SELECT state, country, legal_representative FROM dinamis.entity WHERE id = %s", (told["entity"],)
    ).fetchone()
    assert row == ("applied", "FR", "Jeanne Martin")
    assert scene.site.get("/entities", params={"name": name}).json()["entities"] == []
    assert scene.site.get(f"/entities/{told['entity']}").status_code == 404
    assert [each["id"] for each in own(scene, founder)] == [told["id"]]
    assert scene.trail(told["entity"]) == ["entity.apply"]


def own(scene: Scene, who: dict[str, str]) -> list[dict[str, Any]]:
    """The caller's applications."""
    found: list[dict[str, Any]] = scene.site.get("/accounts/applications", headers=who).json()["applications"]
    return found


Outcome = tuple[int, str | None]
OK: Outcome = (200, None)
OWN: Outcome = (403, "OwnApplication")
NOTHING: Outcome = (404, "NotFound")
STATE: Outcome = (409, "WrongState")

#: Who × what, on an application that is `applied`, and on one that is `validated`.
TABLE: dict[str, dict[str, tuple[Outcome, Outcome]]] = {
    "nobody": dict.fromkeys(("validate", "confirm", "refuse"), ((401, "NotAuthenticated"),) * 2),
    "somebody unknown": dict.fromkeys(("validate", "confirm", "refuse"), (NOTHING,) * 2),
    "applicant": dict.fromkeys(("validate", "confirm", "refuse"), (OWN,) * 2),
    "member": dict.fromkeys(("validate", "confirm", "refuse"), (NOTHING,) * 2),
    "référent": {"validate": (OK, STATE), "confirm": ((403, "ForOperators"),) * 2, "refuse": (OK, OK)},
    "référent of another entity": dict.fromkeys(("validate", "confirm", "refuse"), (NOTHING,) * 2),
    "référent not confirmed": dict.fromkeys(("validate", "confirm", "refuse"), (NOTHING,) * 2),
    "suspended référent": dict.fromkeys(("validate", "confirm", "refuse"), (NOTHING,) * 2),
    "former référent": dict.fromkeys(("validate", "confirm", "refuse"), (NOTHING,) * 2),
    "operator": {"validate": ((403, "ForReferents"),) * 2, "confirm": (STATE, OK), "refuse": (OK, OK)},
    "suspended operator": dict.fromkeys(("validate", "confirm", "refuse"), (NOTHING,) * 2),
    "référent by key": dict.fromkeys(("validate", "confirm", "refuse"), ((403, "NotByKey"),) * 2),
    "operator by key": dict.fromkeys(("validate", "confirm", "refuse"), ((403, "NotByKey"),) * 2),
}


def who_is(scene: Scene, who: str, laboratory: UUID, applicant: dict[str, str]) -> dict[str, str]:
    """The header of one of the table."""
    state = "suspended" if who.startswith("suspended") else "active"
    makers: dict[str, Callable[[], dict[str, str]]] = {
        "nobody": dict,
        "somebody unknown": scene.somebody,
        "applicant": lambda: applicant,
        "member": lambda: scene.person(laboratory)[1],
        "référent of another entity": lambda: scene.person(scene.laboratory(), "referent")[1],
        "operator": lambda: scene.person(is_operator=True)[1],
        "suspended operator": lambda: scene.person(is_operator=True, state=state)[1],
        "operator by key": lambda: with_key_of(scene, scene.person(is_operator=True)[0]),
        "référent by key": lambda: with_key_of(scene, scene.person(laboratory, "referent")[0]),
        "référent not confirmed": lambda: changed_referent(scene, laboratory, "confirmed_at = NULL"),
        "former référent": lambda: changed_referent(scene, laboratory, "valid = tstzrange('2020-01-01', now())"),
    }
    return makers.get(who, lambda: scene.person(laboratory, "referent", state=state)[1])()


def with_key_of(scene: Scene, person: UUID) -> dict[str, str]:
    """The header of a key of somebody."""
    return with_key(scene.people.key(person))


def changed_referent(scene: Scene, laboratory: UUID, change: str) -> dict[str, str]:
    """The header of a référent whose membership is changed."""
    person, header = scene.person(laboratory, "referent")
    scene.people.connection.execute(f"UPDATE dinamis.membership SET {change} WHERE person = %s".encode(), (person,))
    return header


@pytest.mark.parametrize("stage", ["applied", "validated"])
@pytest.mark.parametrize("what", ["validate", "confirm", "refuse"])
@pytest.mark.parametrize("who", TABLE)
def test_who_may_decide(scene: Scene, who: str, what: str, stage: str) -> None:
    """Référents validate, operators confirm, both refuse; nobody for himself, and to others there is nothing."""
    laboratory, applicant = scene.laboratory(), scene.somebody()
    application = scene.applies(laboratory, applicant)["id"]
    if stage == "validated":
        scene.people.connection.execute(
            "UPDATE dinamis.membership SET validated_at = now() WHERE id = %s", (application,)
        )
    status, code = TABLE[who][what][stage == "validated"]
    header = who_is(scene, who, laboratory, applicant)
    answer = scene.decides(what, application, header, **({"reason": "No."} if what == "refuse" else {}))
    if code is not None:
        refused(answer, status, code)
        assert own(scene, applicant)[0]["state"] == stage
    else:
        assert answer.status_code == status, answer.text
        expected = {"validate": "validated", "confirm": "confirmed", "refuse": "refused"}[what]
        assert own(scene, applicant)[0]["state"] == expected


@pytest.mark.parametrize("framework", ["unknown", "ended"])
def test_category_is_granted_in_a_framework_that_runs_or_not_at_all(scene: Scene, framework: str) -> None:
    """A confirmation that names a mission that is not there, or is over, is refused and leaves the application open."""
    laboratory, applicant = scene.laboratory(), scene.somebody()
    application = scene.applies(laboratory, applicant)["id"]
    scene.people.connection.execute("UPDATE dinamis.membership SET validated_at = now() WHERE id = %s", (application,))
    row = scene.people.connection.execute(
        "INSERT INTO dinamis.framework (kind, title, valid) VALUES ('project', %s, '[2020-01-01,2021-01-01)')"
        " RETURNING id",
        (f"Over {uuid4()}",),
    ).fetchone()
    named = uuid4() if framework == "unknown" or row is None else row[0]
    _, operator = scene.person(is_operator=True)
    answer = scene.decides("confirm", application, operator, category="SCI_FR", framework=str(named))
    refused(answer, 409, "CategoryNotPossible")
    assert own(scene, applicant)[0]["state"] == "validated"


@pytest.mark.parametrize("who", ["somebody unknown", "member", "référent of another entity", "suspended référent"])
def test_strangers_learn_nothing_of_applications(scene: Scene, who: str) -> None:
    """To whoever has no part in it, an application that is there is answered as one that is not, word for word."""
    laboratory = scene.laboratory()
    application = scene.applies(laboratory, scene.somebody())["id"]
    stranger = who_is(scene, who, laboratory, {})
    there = problem_of(scene.decides("validate", application, stranger))
    absent = problem_of(scene.decides("validate", str(uuid4()), stranger))
    assert {name: there[name] for name in there if name != "request_id"} == {
        name: absent[name] for name in absent if name != "request_id"
    }
    listed = problem_of(scene.site.get(f"/entities/{laboratory}/applications", headers=stranger))
    nowhere = problem_of(scene.site.get(f"/entities/{uuid4()}/applications", headers=stranger))
    assert listed["detail"] == nowhere["detail"]
    assert listed["status"] == nowhere["status"] == 404


@pytest.mark.parametrize("state", ["applied", "compliant", "suspended", "left"])
def test_entities_outside_the_register_are_as_if_absent(scene: Scene, state: str) -> None:
    """Nobody can find out by applying that an entity has asked to join, is suspended or has left."""
    entity = scene.laboratory()
    scene.people.connection.execute(
        "UPDATE dinamis.entity SET state = %s, left_at = CASE WHEN %s = 'left' THEN now() END WHERE id = %s",
        (state, state, entity),
    )
    somebody = scene.somebody()
    answers = [
        scene.site.post("/accounts/applications", {"entity": str(each)}, headers=somebody) for each in (entity, uuid4())
    ]
    details = {refused(answer, 404, "NotFound")["detail"] for answer in answers}
    assert len(details) == 1
    assert scene.site.get(f"/entities/{entity}").status_code == 404


@pytest.mark.parametrize("state", ["applied", "suspended", "left"])
def test_name_of_an_entity_outside_the_register_is_no_secret_to_find(scene: Scene, state: str) -> None:
    """An application under the name of an entity that is not public is taken in as under any other name."""
    name = f"Hidden {uuid4()}"
    scene.people.entity(name, state="active")
    scene.people.connection.execute(
        "UPDATE dinamis.entity SET state = %s, left_at = CASE WHEN %s = 'left' THEN now() END WHERE name = %s",
        (state, state, name),
    )
    assert scene.site.post("/entities/applications", entity_body(name), headers=scene.somebody()).status_code == 201


def entity_body(name: str, **fields: Any) -> dict[str, Any]:
    """An application for an entity."""
    representative = {"name": "Jeanne Martin", "email": "jm@example.org"}
    return {"name": name, "kind": "science", "country": "FR", "legal_representative": representative, **fields}


def test_entity_of_the_register_is_joined_not_founded(scene: Scene) -> None:
    """An application under the name of a public entity is refused, with what to do instead."""
    name = f"Public {uuid4()}"
    scene.people.entity(name)
    answer = scene.site.post("/entities/applications", entity_body(name.upper()), headers=scene.somebody())
    assert "/accounts/applications" in refused(answer, 409, "EntityKnown")["detail"]


def test_asking_twice_is_asking_once(scene: Scene) -> None:
    """A second application to the same entity gives back the first; a member is told that he is one."""
    laboratory, ada = scene.laboratory(), scene.somebody()
    first = scene.applies(laboratory, ada)
    again = scene.site.post("/accounts/applications", {"entity": str(laboratory)}, headers=ada)
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    _, member = scene.person(laboratory)
    answer = scene.site.post("/accounts/applications", {"entity": str(laboratory)}, headers=member)
    refused(answer, 409, "AlreadyMember")


def test_asking_many_times_at_once_is_asking_once(scene: Scene) -> None:
    """Somebody new whose browser sends an application eight times at once is one person with one application."""
    body, ada = {"entity": str(scene.laboratory())}, scene.somebody()
    with ThreadPoolExecutor(8) as hands:
        sent = [
            hands.submit(requests.post, f"{scene.site.url}/accounts/applications", json=body, headers=ada, timeout=20)
            for _ in range(8)
        ]
        answers = [each.result() for each in sent]
    assert sorted(each.status_code for each in answers) == [*[200] * 7, 201]
    assert len({each.json()["id"] for each in answers}) == 1


def test_applications_of_one_person_are_bounded(scene: Scene) -> None:
    """Nobody can flood référents: beyond a handful of open applications the next one is refused."""
    ada = scene.somebody()
    for _ in range(MOST_OPEN_APPLICATIONS):
        scene.applies(scene.laboratory(), ada)
    answer = scene.site.post("/accounts/applications", {"entity": str(scene.laboratory())}, headers=ada)
    refused(answer, 409, "TooManyApplications")
    refused(scene.site.post("/entities/applications", entity_body("Another"), headers=ada), 409, "TooManyApplications")


def test_suspended_person_cannot_apply(scene: Scene) -> None:
    """Whose account is suspended does not get round it by a new application."""
    _, suspended = scene.person(state="suspended")
    answer = scene.site.post("/accounts/applications", {"entity": str(scene.laboratory())}, headers=suspended)
    refused(answer, 403, "AccountSuspended")


def test_category_must_be_one_of_the_entity(scene: Scene) -> None:
    """Nobody of a French laboratory asks to act as a firm; the answer names what is possible."""
    body = {"entity": str(scene.laboratory()), "category": "PRIV_RD_FR"}
    answer = scene.site.post("/accounts/applications", body, headers=scene.somebody())
    assert "SCI_FR" in refused(answer, 409, "CategoryNotPossible")["detail"]
    answer = scene.site.post(
        "/entities/applications", entity_body("Firm", kind="firm", category="SCI_FR"), headers=scene.somebody()
    )
    refused(answer, 409, "CategoryNotPossible")


def test_contractor_is_confirmed_with_a_mission_only(scene: Scene) -> None:
    """PRIV_PSP_FR is granted with a mission that runs, not without one nor with one that has ended."""
    firm = scene.laboratory()
    scene.people.connection.execute("UPDATE dinamis.entity SET kind = 'firm' WHERE id = %s", (firm,))
    mission, over = scene.people.mission(scene.laboratory()), scene.people.mission(scene.laboratory())
    scene.people.connection.execute(
        "UPDATE dinamis.framework SET valid = tstzrange('2020-01-01', '2021-01-01') WHERE id = %s", (over,)
    )
    contractor, (_, operator) = scene.somebody(), scene.person(is_operator=True)
    application = scene.applies(firm, contractor, category="PRIV_PSP_FR")["id"]
    assert scene.decides("validate", application, scene.person(firm, "referent")[1]).status_code == 200
    refused(scene.decides("confirm", application, operator), 409, "CategoryNotPossible")
    refused(scene.decides("confirm", application, operator, framework=str(over)), 409, "CategoryNotPossible")
    assert scene.decides("confirm", application, operator, framework=str(mission)).status_code == 200
    assert "PRIV_PSP_FR" in scene.site.get("/me", headers=contractor).json()["categories"]


def test_refusal_is_read_by_the_applicant_who_may_ask_again(scene: Scene) -> None:
    """A refusal says why to whom it concerns; afterwards a new application can be made."""
    laboratory, ada = scene.laboratory(), scene.somebody()
    _, referent = scene.person(laboratory, "referent")
    application = scene.applies(laboratory, ada)["id"]
    scene.decides("refuse", application, referent, reason="Not in our staff.")
    (told,) = own(scene, ada)
    assert (told["state"], told["refusal"]) == ("refused", "Not in our staff.")
    assert scene.applies(laboratory, ada)["id"] != application


def test_erased_applicant_is_nobodys_to_decide_on(scene: Scene) -> None:
    """Who has his account erased leaves no application behind; his login is somebody new afterwards."""
    laboratory, ada = scene.laboratory(), scene.somebody(name="Ada")
    _, referent = scene.person(laboratory, "referent")
    first = scene.applies(laboratory, ada, purpose="About me")
    assert scene.site.request("DELETE", "/me", headers=ada).status_code == 204
    listed = scene.site.get(f"/entities/{laboratory}/applications", headers=referent).json()
    assert listed == {"applications": []}
    refused(scene.decides("validate", first["id"], referent), 409, "WrongState")
    assert scene.site.get("/me", headers=ada).json()["id"] is None
    assert scene.applies(laboratory, ada)["id"] != first["id"]


def test_people_are_known_by_their_login_never_by_their_address(scene: Scene) -> None:
    """A login with somebody else's e-mail address is another person, without any of his rights."""
    laboratory = scene.laboratory()
    _, victim = scene.person(laboratory, "referent")
    address = scene.site.get("/me", headers=victim).json()["email"]
    thief = scene.somebody(email=address)
    told = scene.applies(laboratory, thief)
    refused(scene.decides("validate", told["id"], thief), 403, "OwnApplication")
    assert scene.site.get("/me", headers=thief).json()["categories"] == ["PUBLIC"]


def test_applicant_does_not_become_operator_by_asking(scene: Scene) -> None:
    """Fields that nobody asked for are refused, so that no body can say what only operators may."""
    for extra in ({"role": "referent"}, {"is_operator": True}, {"state": "active"}):
        body = {"entity": str(scene.laboratory()), **extra}
        answer = scene.site.post("/accounts/applications", body, headers=scene.somebody())
        refused(answer, 400, "InvalidParameter")


def test_register_of_the_api_cannot_make_operators(module_database: Database) -> None:
    """Even with its own connection the server can neither make an operator nor rewrite the trail."""
    with module_database.connect("api", autocommit=True) as connection:
        for statement in (
            "UPDATE dinamis.person SET is_operator = true",
            "INSERT INTO dinamis.person (name, is_operator) VALUES ('Eve', true)",
            "UPDATE dinamis.entity SET state = 'active'",
            "UPDATE dinamis.audit_event SET action = 'nothing'",
            "DELETE FROM dinamis.audit_event",
            "DELETE FROM dinamis.person",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement.encode())


def test_trail_is_append_only_for_everybody(scene: Scene) -> None:
    """Not even the owner of the database rewrites the trail."""
    scene.applies(scene.laboratory(), scene.somebody())
    for statement in ("UPDATE dinamis.audit_event SET action = 'x'", "DELETE FROM dinamis.audit_event"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            scene.people.connection.execute(statement.encode())


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "x" * 201},
        {"name": "NUL \x00"},
        {"kind": "club"},
        {"country": "France"},
        {"legal_representative": {"name": "J", "email": "no address"}},
        {"legal_representative": None},
        {"category": "PUBLIC_FR"},
        {"purpose": "x" * 2001},
    ],
    ids=lambda change: next(iter(change)),
)
def test_malformed_applications_are_refused_and_leave_nothing(scene: Scene, change: dict[str, Any]) -> None:
    """What is missing, too long or of an unknown word is a 400, and writes neither person nor entity."""
    before = (scene.count("person"), scene.count("entity"))
    answer = scene.site.post("/entities/applications", entity_body("Right") | change, headers=scene.somebody())
    refused(answer, 400, "InvalidParameter")
    assert (scene.count("person"), scene.count("entity")) == before


def test_public_is_not_a_category_to_ask_for(scene: Scene) -> None:
    """Everybody's category is nobody's to apply for."""
    body = {"entity": str(scene.laboratory()), "category": "PUBLIC"}
    answer = scene.site.post("/accounts/applications", body, headers=scene.somebody())
    refused(answer, 409, "CategoryNotPossible")


def test_personal_answers_are_kept_by_no_cache(scene: Scene) -> None:
    """Applications are for their readers alone; the register is the same for all and may be kept."""
    answer = scene.site.get("/accounts/applications", headers=scene.somebody())
    assert "no-store" in answer.headers["Cache-Control"]
    register = scene.site.get("/entities")
    assert "public" in register.headers["Cache-Control"]


def test_register_is_public_paged_and_without_people(scene: Scene) -> None:
    """All active entities are found page by page, once each, by name; nobody's name is among what is told."""
    mark = uuid4().hex[:8]
    names = [f"{mark} {letter} é%_" for letter in "bdaec"]
    for name in names:
        scene.people.entity(name)
    scene.people.entity(f"{mark} z", state="suspended")
    found, url = [], f"/entities?name={mark}&limit=2"
    pages = 0
    while url:
        page = scene.site.get(url).json()
        found += [each["name"] for each in page["entities"]]
        assert all(
            set(each) == {"id", "name", "kind", "country", "is_relay_partner", "state", "joined_at"}
            for each in page["entities"]
        )
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
        pages += 1
    assert (found, pages) == (sorted(names), 3)
    entity = scene.site.get("/entities", params={"name": f"{mark} a"}).json()["entities"][0]
    assert scene.site.get(f"/entities/{entity['id']}").json() == entity
    assert scene.site.get("/entities", params={"name": mark, "kind": "firm"}).json()["entities"] == []
    assert scene.site.get("/entities", params={"name": mark, "country": "BE"}).json()["entities"] == []


def test_register_is_paged_whatever_letters_its_names_have(scene: Scene) -> None:
    """Where small letters are not the same to the database as to the server, no entity is left out between pages."""
    mark = f"institute {uuid4().hex[:8]}"
    names = [f"\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}{mark[1:]} a", f"I{mark[1:]} b", f"I{mark[1:]} c"]
    for name in names:
        scene.people.entity(name)
    found, url = [], f"/entities?name={mark[1:]}&limit=1"
    while url:
        page = scene.site.get(url).json()
        found += [each["name"] for each in page["entities"]]
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert found == names


@pytest.mark.parametrize("token", ["x", "bnVsbA", "W10", "WzEsMl0"])
def test_token_of_another_make_is_refused(scene: Scene, token: str) -> None:
    """A token that the register did not give is a 400."""
    refused(scene.site.get("/entities", params={"token": token}), 400, "InvalidParameter")


def test_entity_ids_that_are_none_are_not_found(scene: Scene) -> None:
    """What is no id at all is answered as an unknown one."""
    refused(scene.site.get("/entities/applications"), 404, "NotFound")
    refused(scene.site.get("/entities/nothing"), 404, "NotFound")


def test_routes_are_described_for_those_who_call_them(scene: Scene) -> None:
    """The description of the API says what each route does, and nothing of the exceptions of the program."""
    document = scene.site.get("/api").json()
    texts = [
        operation.get("description", "")
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert "The entities that are active members, sorted by name." in texts
    assert [text for text in texts if "Raises:" in text] == []
