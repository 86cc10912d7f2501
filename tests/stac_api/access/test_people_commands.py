"""The commands on entities, people, frameworks and keys, as an operator types them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import psycopg
import pytest

from database import Database
from database.commands.terminal import OUT
from stac_api.access.credentials.api_keys import key_of
from tests.stac_api.operators import Operator


@pytest.fixture(scope="module")
def operator(module_database: Database) -> Operator:
    """An operator of the module's catalogue."""
    return Operator(module_database)


@pytest.fixture
def entity(operator: Operator) -> str:
    """The name of an active laboratory."""
    name = f"Laboratoire {uuid4().hex[:8]}"
    operator.types("entity", "add", name, "--kind", "science")
    return name


@pytest.fixture
def person(operator: Operator) -> str:
    """The address of somebody written down."""
    address = f"{uuid4().hex[:8]}@example.org"
    operator.types("user", "add", "Ada Martin", address)
    return address


def apply(
    connection: psycopg.Connection, person: str, entity: str, role: str = "user", category: str = "SCI_FR"
) -> str:
    """An application as the web takes it in; its id."""
    row = connection.execute(
        "INSERT INTO dinamis.membership (person, entity, role, category) SELECT person.id, entity.id, %s, %s"
        " FROM dinamis.person, dinamis.entity WHERE email = %s AND entity.name = %s RETURNING membership.id",
        (role, category, person, entity),
    ).fetchone()
    assert row is not None
    return str(row[0])


def standings(operator: Operator, person: str) -> dict[str, str]:
    """The standing of each category that a person has."""
    return {each["category"]: each["standing"] for each in operator.reads("user", "show", person)["capacities"]}


def test_member_acts_from_join_and_grant_until_revoke(operator: Operator, entity: str, person: str) -> None:
    """Two commands make a scientist of somebody, one takes it back; the membership stays."""
    operator.types("user", "join", person, entity)
    operator.types("user", "grant", person, "SCI_FR", "--entity", entity)
    assert standings(operator, person) == {"SCI_FR": "good"}
    assert operator.types("user", "revoke", person, "SCI_FR", "--entity", entity).startswith("1 taken")
    assert standings(operator, person) == {}
    (place,) = operator.reads("user", "show", person)["places"]
    assert (place["entity_name"], place["ends"]) == (entity, None)


def test_leaving_ends_everything(operator: Operator, entity: str, person: str) -> None:
    """Who leaves an entity has no category in it any more, and cannot leave twice."""
    operator.types("user", "join", person, entity)
    operator.types("user", "grant", person, "SCI_FR", "--entity", entity)
    operator.types("user", "leave", person, entity)
    assert standings(operator, person) == {"SCI_FR": "membership-ended"}
    assert "no such membership" in operator.is_refused("user", "leave", person, entity)


def test_leaving_one_role_keeps_the_other(operator: Operator, entity: str, person: str) -> None:
    """A référent who steps down remains a member with his categories."""
    operator.types("user", "join", person, entity)
    operator.types("user", "join", person, entity, "--role", "referent")
    operator.types("user", "grant", person, "SCI_FR", "--entity", entity)
    operator.types("user", "leave", person, entity, "--role", "referent")
    assert standings(operator, person) == {"SCI_FR": "good"}


def test_categories_are_for_members(operator: Operator, entity: str, person: str) -> None:
    """A category for somebody who is no member is refused, and the message says which command comes first."""
    assert "user join" in operator.is_refused("user", "grant", person, "SCI_FR", "--entity", entity)


def test_last_day_of_the_calendar_is_refused(operator: Operator, person: str) -> None:
    """A key until the end of 9999 is refused in words; one until the day before is made."""
    assert "a day before 9999-12-31" in operator.is_refused("key", "create", person, "--until", "9999-12-31")
    operator.types("key", "create", person, "--until", "9999-12-30")
    assert "9999-12-30" in operator.types("user", "show", person)


def test_what_ends_before_it_begins_is_refused(operator: Operator, entity: str, person: str) -> None:
    """A membership until yesterday is refused; one until today holds today."""
    yesterday, today = (f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (1, 0))
    assert "before it begins" in operator.is_refused("user", "join", person, entity, "--until", yesterday)
    operator.types("user", "join", person, entity, "--until", today)
    operator.types("user", "grant", person, "SCI_FR", "--entity", entity)
    assert standings(operator, person) == {"SCI_FR": "good"}


def test_moments_are_shown_in_utc(operator: Operator, entity: str) -> None:
    """The trail tells its times in UTC, as it is asked for them, wherever the server's clock stands."""
    there = Operator(operator.database, {"PGTZ": "Pacific/Noumea"})
    (event,) = operator.reads("audit", "--subject", entity)
    at = datetime.fromisoformat(event["at"]).astimezone(UTC)
    assert there.types("audit", "--subject", entity).startswith(f"{at:%Y-%m-%d %H:%M}  entity.add")


@pytest.mark.parametrize("zone", ["America/Cayenne", "Europe/Paris"])
def test_days_are_shown_as_they_were_typed(operator: Operator, entity: str, person: str, zone: str) -> None:
    """The first and the last day of a framework, a place and a key are shown, wherever the server's clock stands."""
    there = Operator(operator.database, {"PGTZ": zone})
    title, days = f"Mission {uuid4().hex[:8]}", ("--since", "2026-05-01", "--until", "2099-12-31")
    added = there.types("framework", "add", "mission", title, "--principal", entity, *days)
    there.types("user", "join", person, entity, *days)
    there.types("key", "create", person, "--until", "2099-12-31")
    assert "2026-05-01 to 2099-12-31" in added
    assert re.search(rf"{title} .* 2026-05-01 +2099-12-31\n", there.types("framework", "list", "--all"))
    assert there.types("user", "show", person).count("2099-12-31") == 2
    assert "2099-12-31" in there.types("key", "list", person)
    assert "on 2020-01-31," in there.is_refused("user", "join", person, entity, "--until", "2020-01-31")


@pytest.mark.parametrize(
    ("kind", "country", "category", "why"),
    [
        ("firm", "FR", "SCI_FR", "these are: PRIV_RD_FR, PRIV_PSP_FR, PRIV_OTHER"),
        ("science", "BE", "SCI_FR", "these are: SCI_EU, SCI_INTL"),
        ("science", "CA", "SCI_EU", "these are: SCI_INTL"),
        ("firm", "BE", "PRIV_RD_FR", "these are: PRIV_OTHER"),
        ("public", "DE", "PUB_FR", "these are: none"),
        ("firm", "FR", "PRIV_PSP_FR", "needs a framework, a mission"),
        ("science", "CA", "SCI_INTL", "needs a framework, a partnership"),
    ],
)
def test_categories_follow_what_the_entity_is(
    operator: Operator, person: str, kind: str, country: str, category: str, why: str
) -> None:
    """A category that people of such an entity cannot have is refused, with those that they can."""
    name = f"Entity {uuid4().hex[:8]}"
    operator.types("entity", "add", name, "--kind", kind, "--country", country)
    operator.types("user", "join", person, name)
    assert why in operator.is_refused("user", "grant", person, category, "--entity", name)


def test_contractor_needs_a_mission_and_loses_all_with_it(operator: Operator, entity: str, person: str) -> None:
    """A contractor acts within a mission for a French public actor; when an operator ends it, it is over."""
    firm, title = f"Firm {uuid4().hex[:8]}", f"Mission {uuid4().hex[:8]}"
    operator.types("entity", "add", firm, "--kind", "firm")
    operator.types("user", "join", person, firm)
    operator.types("framework", "add", "mission", title, "--principal", entity, "--until", "2099-12-31")
    operator.types("user", "grant", person, "PRIV_PSP_FR", "--entity", firm, "--framework", title)
    assert standings(operator, person) == {"PRIV_PSP_FR": "good"}
    assert title in operator.types("framework", "list")
    operator.types("framework", "end", title)
    assert title not in operator.types("framework", "list")
    assert title in operator.types("framework", "list", "--all")
    assert standings(operator, person) == {"PRIV_PSP_FR": "framework-ended"}
    assert "does not run now" in operator.is_refused("framework", "end", title)


def test_partnership_does_not_serve_a_contractor(operator: Operator, entity: str, person: str) -> None:
    """The kind of the framework must be that which the category derives from."""
    firm, title = f"Firm {uuid4().hex[:8]}", f"Partners {uuid4().hex[:8]}"
    operator.types("entity", "add", firm, "--kind", "firm")
    operator.types("user", "join", person, firm)
    operator.types("framework", "add", "partnership", title, "--principal", entity, "--until", "2099-12-31")
    words = ("user", "grant", person, "PRIV_PSP_FR", "--entity", firm, "--framework", title)
    assert "a mission" in operator.is_refused(*words)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("mission", "Nobody's", "--until", "2099-01-01"), "has a principal"),
        (("mission", "Over", "--principal", "ENTITY", "--since", "2099-01-02", "--until", "2099-01-01"), "before"),
        (("mission", "Firm's", "--principal", "FIRM", "--until", "2099-01-01"), "French scientific or public actor"),
    ],
)
def test_frameworks_need_a_principal_and_a_time(
    operator: Operator, entity: str, words: tuple[str, ...], why: str
) -> None:
    """A framework without the actor it derives from, or without an end behind its beginning, is refused."""
    firm = f"Firm {uuid4().hex[:8]}"
    operator.types("entity", "add", firm, "--kind", "firm")
    names = {"ENTITY": entity, "FIRM": firm}
    assert why in operator.is_refused("framework", "add", *(names.get(word, word) for word in words))


def test_entity_that_applies_is_approved_then_activated(
    operator: Operator, connection: psycopg.Connection, person: str
) -> None:
    """An application goes applied, compliant, active; the one who applied becomes référent with the last step."""
    name = f"Université {uuid4().hex[:8]}"
    connection.execute("INSERT INTO dinamis.entity (name, kind, country) VALUES (%s, 'science', 'FR')", (name,))
    apply(connection, person, name, "referent")
    assert "`activate` is for entities that are" in operator.is_refused("entity", "activate", name)
    assert operator.reads("entity", "approve", name)["state"] == "compliant"
    assert standings(operator, person) == {"SCI_FR": "entity-pending"}
    assert operator.reads("entity", "activate", name, "--charter", "2025")["charter_version"] == "2025"
    assert standings(operator, person) == {"SCI_FR": "good"}
    (place,) = operator.reads("entity", "show", name)["people"]
    assert (place["role"], place["confirmed_at"] is None) == ("referent", False)


def test_entity_is_edited_without_losing_what_is_not_said(operator: Operator, entity: str) -> None:
    """A new legal representative leaves the rest as it was; a name that another holds is refused."""
    before = operator.reads("entity", "show", entity)["entity"]
    edited = operator.reads("entity", "edit", entity, "--representative", "Jeanne Martin", "--relay-partner")
    assert edited == before | {"legal_representative": "Jeanne Martin", "is_relay_partner": True}
    assert operator.reads("entity", "edit", entity, "--no-relay-partner")["is_relay_partner"] is False
    other = operator.reads("entity", "add", f"Other {uuid4()}", "--kind", "firm")["id"]
    assert "Another entity is called" in operator.is_refused("entity", "edit", other, "--name", entity)


def test_person_is_edited(operator: Operator, person: str) -> None:
    """A corrected address is the one by which the person is meant from then on."""
    operator.types("user", "edit", person, "--email", f"new.{person}")
    assert operator.reads("user", "show", f"new.{person}")["person"]["name"] == "Ada Martin"
    assert "dinamis user list" in operator.is_refused("user", "show", person)


def test_entity_that_is_refused_confirms_nobody(
    operator: Operator, connection: psycopg.Connection, person: str
) -> None:
    """Refusing an entity refuses those who applied with it."""
    name = f"Université {uuid4().hex[:8]}"
    connection.execute("INSERT INTO dinamis.entity (name, kind, country) VALUES (%s, 'science', 'FR')", (name,))
    apply(connection, person, name, "referent")
    assert operator.reads("entity", "refuse", name, "--reason", "No papers")["state"] == "left"
    assert operator.reads("entity", "show", name)["people"] == []
    assert standings(operator, person) == {}


def test_two_entities_cannot_hold_one_name(operator: Operator, connection: psycopg.Connection, entity: str) -> None:
    """A second entity of a name is refused, whether it is added or has applied; the first is meant by the name."""
    assert "Another entity is called" in operator.is_refused("entity", "add", entity.upper(), "--kind", "public")
    row = connection.execute(
        "INSERT INTO dinamis.entity (name, kind, country) VALUES (%s, 'public', 'FR') RETURNING id", (entity,)
    ).fetchone()
    assert row is not None
    assert "Another entity is called" in operator.is_refused("entity", "approve", str(row[0]))
    assert operator.reads("entity", "show", entity)["entity"]["kind"] == "science"


def test_several_of_a_name_are_told_apart(operator: Operator) -> None:
    """A name that two people bear is refused with the ids of both; an address or an id is clear."""
    name = f"Marie {uuid4().hex[:8]}"
    ids = [operator.reads("user", "add", name, f"{number}-{uuid4().hex}@example.org")["id"] for number in range(2)]
    message = operator.is_refused("user", "show", name)
    assert all(each in message for each in ids)
    assert operator.reads("user", "show", ids[0])["person"]["id"] == ids[0]


@pytest.mark.parametrize(
    "words",
    [("user", "show", "nobody@example.org"), ("entity", "show", "Nowhere"), ("framework", "end", "Nothing")],
)
def test_unknown_references_say_where_to_look(operator: Operator, words: tuple[str, ...]) -> None:
    """What is meant by nothing is refused with the command that lists what there is."""
    assert f"dinamis {words[0]} list" in operator.is_refused(*words)


def test_applicant_is_confirmed_after_the_referent(
    operator: Operator, connection: psycopg.Connection, entity: str, person: str
) -> None:
    """An operator cannot confirm before the entity has validated; afterwards the category is that asked for."""
    application = apply(connection, person, entity)
    connection.execute(
        "UPDATE dinamis.membership SET purpose = %s WHERE id = %s", ("Landslides\nand [bold]floods[/bold]", application)
    )
    listed = operator.types("user", "applications", "--entity", entity)
    assert listed.startswith(f"{application}  applied, since ")
    assert f"Ada Martin <{person}> to {entity} as user, asks for SCI_FR\n" in listed
    assert "“Landslides and [bold]floods[/bold]”" in listed
    assert "waits for a référent" in operator.is_refused("user", "confirm", application)
    connection.execute("UPDATE dinamis.membership SET validated_at = now() WHERE id = %s", (application,))
    assert "as SCI_FR" in operator.types("user", "confirm", application)
    assert standings(operator, person) == {"SCI_FR": "good"}
    assert "is confirmed" in operator.is_refused("user", "confirm", application)
    assert operator.reads("user", "applications", "--entity", entity) == []


def test_refused_applicant_may_apply_again(
    operator: Operator, connection: psycopg.Connection, entity: str, person: str
) -> None:
    """A refusal keeps its reason, and a new application is possible after it."""
    application = apply(connection, person, entity)
    operator.types("user", "refuse", application, "--reason", "Not in the register.")
    (place,) = operator.reads("user", "show", person)["places"]
    assert place["refusal"] == "Not in the register."
    assert apply(connection, person, entity) != application


def test_nobody_decides_for_himself(
    operator: Operator, connection: psycopg.Connection, entity: str, person: str
) -> None:
    """An operator in his own name cannot confirm himself, join an entity or grant himself a category."""
    operator.types("user", "operator", person)
    assert "Nobody makes themselves" in operator.is_refused("user", "join", person, entity, "--by", person)
    application = apply(connection, person, entity)
    connection.execute("UPDATE dinamis.membership SET validated_at = now() WHERE id = %s", (application,))
    assert "Nobody decides" in operator.is_refused("user", "confirm", application, "--by", person)
    operator.types("user", "confirm", application)
    grant = ("user", "grant", person, "PUB_FR", "--entity", entity)
    assert "Nobody grants themselves" in operator.is_refused(*grant, "--by", person)
    operator.types(*grant)


def test_nobody_decides_for_himself_by_a_second_account(
    operator: Operator, connection: psycopg.Connection, entity: str, person: str
) -> None:
    """An operator in his own name has no say for another account with his e-mail address, however it is written."""
    applicant = operator.reads("user", "show", person)["person"]["id"]
    application = apply(connection, person, entity)
    connection.execute("UPDATE dinamis.membership SET validated_at = now() WHERE id = %s", (application,))
    row = connection.execute(
        "INSERT INTO dinamis.person (name, email, state, is_operator) VALUES ('Ada', upper(%s), 'active', true)"
        " RETURNING id",
        (person,),
    ).fetchone()
    assert row is not None
    by = ("--by", str(row[0]))
    assert "Nobody decides" in operator.is_refused("user", "confirm", application, *by)
    assert "Nobody decides" in operator.is_refused("user", "refuse", application, "--reason", "x", *by)
    assert "Nobody makes themselves" in operator.is_refused("user", "join", applicant, entity, *by)
    operator.types("user", "confirm", application)
    grant = ("user", "grant", applicant, "PUB_FR", "--entity", entity)
    assert "Nobody grants themselves" in operator.is_refused(*grant, *by)


def test_only_operators_act_in_their_own_name(operator: Operator, entity: str, person: str) -> None:
    """`--by` somebody who is no operator is refused; by an operator the trail names him."""
    message = operator.is_refused("entity", "suspend", entity, "--reason", "x", "--by", person)
    assert "is no operator" in message
    operator.types("user", "operator", person)
    operator.types("entity", "suspend", entity, "--reason", "Late", "--by", person)
    (event, *_) = operator.reads("audit", "--subject", entity)
    assert event["actor"] == operator.reads("user", "show", person)["person"]["id"]
    assert event["detail"]["reason"] == "Late"
    operator.types("user", "operator", person, "--off")
    assert operator.reads("user", "show", person)["person"]["is_operator"] is False


def test_key_is_shown_once_and_kept_by_nobody(operator: Operator, connection: psycopg.Connection, person: str) -> None:
    """The secret is printed on creation; neither the list nor the database has it; revoking ends the key."""
    written = operator.types("key", "create", person, "--label", "QGIS", "--scope", "read").strip()
    key = key_of(written)
    assert key is not None
    row = connection.execute("SELECT digest, scopes FROM dinamis.api_key WHERE id = %s", (key.id,)).fetchone()
    assert row == (key.digest, ["read"])
    assert key.id in operator.types("key", "list", person)
    assert key.secret not in operator.types("key", "list", person)
    operator.types("key", "revoke", written)
    assert operator.reads("key", "list", person) == []
    assert operator.reads("key", "list", person, "--all")[0]["revoked_at"]
    assert "dinamis key list" in operator.is_refused("key", "revoke", key.id)


def test_ids_stay_whole_on_a_narrow_terminal(operator: Operator, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 80 columns the id of a key, and those in the trail, can be copied, however long the other cells are."""
    monkeypatch.setattr(OUT, "width", 80)
    address = f"{uuid4().hex[:8]}@example.org"
    operator.types("user", "add", "Jean-Baptiste de La Fontaine", address)
    scopes = ("--scope", "read", "--scope", "download", "--scope", "account")
    operator.types("key", "create", address, "--label", "QGIS on the laptop of the laboratory, second floor", *scopes)
    (key,) = operator.reads("key", "list", address)
    person = operator.reads("user", "show", address)["person"]["id"]
    assert key["id"] in operator.types("user", "show", address)
    operator.types("key", "revoke", key["id"])
    assert key["id"] in operator.types("key", "list", address, "--all")
    assert person in operator.types("audit", "--subject", address)


def test_keys_are_for_active_accounts(operator: Operator, person: str) -> None:
    """A suspended person gets no key; activated again, one."""
    operator.types("user", "suspend", person, "--reason", "Shared a password")
    assert "active accounts" in operator.is_refused("key", "create", person)
    operator.types("user", "activate", person)
    assert operator.reads("key", "create", person)["key"].startswith("dk_")


def test_erased_person_leaves_nothing_but_an_id(
    operator: Operator, connection: psycopg.Connection, entity: str, person: str
) -> None:
    """Erasing takes name, address, login, rights and keys; the trail and the pseudonym stay, without a name."""
    operator.types("user", "login", person, "--issuer", "https://login.example.org", "--subject", uuid4().hex)
    operator.types("user", "join", person, entity)
    operator.types("user", "grant", person, "SCI_FR", "--entity", entity)
    operator.types("key", "create", person)
    id_ = operator.reads("user", "show", person)["person"]["id"]
    pseudonym = connection.execute("SELECT pseudonym FROM dinamis.person WHERE id = %s", (id_,)).fetchone()
    operator.types("user", "erase", person, "--yes")
    document = operator.reads("user", "show", id_)
    assert [document["person"][name] for name in ("name", "email", "issuer", "subject")] == [None] * 4
    assert document["keys"] == []
    assert "good" not in {each["standing"] for each in document["capacities"]}
    assert connection.execute("SELECT pseudonym FROM dinamis.person WHERE id = %s", (id_,)).fetchone() == pseudonym
    trail = operator.types("audit", "--subject", id_, "--json")
    assert "person.erase" in trail
    assert person not in trail
    assert "Ada" not in trail
    assert "dinamis user list" in operator.is_refused("user", "show", person)
    assert "erased already" in operator.is_refused("user", "erase", id_, "--yes")
    assert "stays erased" in operator.is_refused("user", "edit", id_, "--name", "Ada")
    login = ("--issuer", "https://login.example.org", "--subject", uuid4().hex)
    assert "stays erased" in operator.is_refused("user", "login", id_, *login)
    assert "cannot become active" in operator.is_refused("user", "activate", id_)
    assert "stays erased" in operator.is_refused("user", "join", id_, entity)


def test_one_login_is_one_person(operator: Operator, person: str) -> None:
    """The account of a provider cannot be that of two people."""
    login = ("--issuer", "https://login.example.org", "--subject", uuid4().hex)
    operator.types("user", "login", person, *login)
    assert "somebody else's" in operator.is_refused("user", "add", "Eve", "eve@example.org", *login)


def test_everything_that_changes_leaves_a_trace(operator: Operator, entity: str, person: str) -> None:
    """Each command that changes something is in the trail, with the login of whoever typed it."""
    operator.types("user", "join", person, entity)
    operator.types("user", "grant", person, "SCI_FR", "--entity", entity)
    operator.types("key", "create", person)
    operator.types("user", "revoke", person, "--entity", entity)
    operator.types("user", "leave", person, entity)
    operator.types("user", "suspend", person, "--reason", "Gone")
    events = operator.reads("audit", "--subject", person)
    assert [each["action"] for each in reversed(events)] == [
        "person.add",
        "membership.add",
        "category.grant",
        "key.create",
        "category.revoke",
        "membership.end",
        "person.suspend",
    ]
    assert all(each["detail"]["login"] for each in events)
    assert operator.reads("audit", "--subject", person, "--since", "2099-01-01") == []
    assert "person.suspend" in operator.types("audit", "--subject", person, "--limit", "1")


def test_refused_command_changes_nothing(operator: Operator, person: str) -> None:
    """What is refused half-way leaves neither a change nor a trace."""
    before = operator.reads("audit", "--subject", person)
    operator.is_refused("user", "grant", person, "SCI_FR", "--entity", "Nowhere")
    assert operator.reads("audit", "--subject", person) == before


def test_names_are_printed_as_they_are(operator: Operator) -> None:
    """What looks like markup of the terminal in a name is shown, not obeyed."""
    name = f"[red]Labo[/red] {uuid4().hex[:8]}"
    operator.types("entity", "add", name, "--kind", "public", "--country", "fr")
    assert name in operator.types("entity", "list", "--name", name[-8:])
    assert re.search(r"\bFR\b", operator.types("entity", "list", "--name", name[-8:]))


def test_names_cannot_steer_the_terminal(operator: Operator, connection: psycopg.Connection, entity: str) -> None:
    """Whoever calls himself by an escape sequence, or applies with one, does not rewrite the operator's screen."""
    steering = "\x1b[2J\x1b]0;owned\x07\u202e"
    address = f"{uuid4().hex[:8]}@example.org"
    operator.types("user", "add", f"Eve{steering}", address)
    application = apply(connection, address, entity)
    connection.execute("UPDATE dinamis.membership SET purpose = %s WHERE id = %s", (steering, application))
    pages = [
        operator.types("user", "applications", "--entity", entity),
        operator.types("user", "list"),
        operator.types("user", "show", address),
        operator.types("entity", "show", entity),
        operator.types("user", "refuse", application, "--reason", "Spam."),
        operator.is_refused("entity", "suspend", entity, "--reason", "x", "--by", address),
    ]
    assert all("Eve\N{REPLACEMENT CHARACTER}[2J" in page for page in pages)
    assert not {*"\x1b\x07\u202e"} & {*"".join(pages)}


def test_country_is_two_letters(operator: Operator) -> None:
    """A country in words is refused with an example."""
    assert "such as FR" in operator.is_refused("entity", "add", "X", "--kind", "public", "--country", "France")
