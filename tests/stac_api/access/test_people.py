"""The register of people and entities in a real database: what holds whoever writes, and how fast it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from database import Database
from stac_api.access.accounts.register_routes import REGISTER
from stac_api.access.errors import Ambiguous, IdentityRefused
from stac_api.access.policy import Category
from stac_api.access.register import entities, memberships, people
from stac_api.access.register.audit import Actor, audit_events
from stac_api.access.register.categories import (
    FRANCE,
    NEEDED_FRAMEWORK,
    REST_OF_THE_UNION,
    EntityKind,
    EntityState,
    Role,
    categories_of,
    usual_category,
)
from stac_api.access.register.entities import CHANGES, NewEntity, Step
from stac_api.access.register.memberships import Grant
from stac_api.access.register.periods import Period

TERMINAL = Actor(login="tester")


def an_entity(connection: psycopg.Connection, kind: EntityKind = EntityKind.SCIENCE) -> entities.Entity:
    """An active entity of a name that no other has."""
    return entities.add_entity(connection, TERMINAL, NewEntity(name=f"Entity {uuid4()}", kind=kind, country="FR"))


def a_person(connection: psycopg.Connection) -> people.Person:
    """Somebody of an address that nobody else has."""
    return people.add_person(connection, TERMINAL, "Ada", f"{uuid4()}@example.org")


def in_state(connection: psycopg.Connection, state: EntityState) -> entities.Entity:
    """An entity that stands so."""
    entity = an_entity(connection)
    connection.execute(
        "UPDATE dinamis.entity SET state = %s, left_at = CASE WHEN %s = 'left' THEN now() END WHERE id = %s",
        (state, state, entity.id),
    )
    return entities.entity_of(connection, str(entity.id))


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("state", EntityState)
def test_steps_of_entities(connection: psycopg.Connection, state: EntityState, step: Step) -> None:
    """Every step from every state either leads where the table says, or is refused and changes nothing."""
    entity = in_state(connection, state)
    if state in CHANGES[step].before:
        assert entities.take_step(connection, TERMINAL, entity, step).state == CHANGES[step].after
        assert audit_events(connection, of=entity.id)[0].action == f"entity.{step}"
    else:
        with pytest.raises(IdentityRefused):
            entities.take_step(connection, TERMINAL, entity, step)
        assert entities.entity_of(connection, str(entity.id)) == entity


def test_entity_is_never_active_without_being_approved() -> None:
    """No step leads from an application to a membership at once."""
    assert EntityState.APPLIED not in CHANGES[Step.ACTIVATE].before


@pytest.mark.parametrize(
    ("kind", "country", "possible", "usual"),
    [
        ("science", "FR", {"SCI_FR", "PUB_FR"}, "SCI_FR"),
        ("public", "FR", {"SCI_FR", "PUB_FR"}, "PUB_FR"),
        ("firm", "FR", {"PRIV_RD_FR", "PRIV_PSP_FR", "PRIV_OTHER"}, None),
        ("science", "IT", {"SCI_EU", "SCI_INTL"}, "SCI_EU"),
        ("science", "SN", {"SCI_INTL"}, None),
        ("public", "IT", set(), None),
        ("firm", "IT", {"PRIV_OTHER"}, None),
        ("firm", "SN", {"PRIV_OTHER"}, None),
    ],
)
def test_categories_of_entities(kind: str, country: str, possible: set[str], usual: str | None) -> None:
    """What an entity is and where decides in what quality its people can act, and which is theirs without asking."""
    assert set(categories_of(EntityKind(kind), country)) == possible
    assert usual_category(EntityKind(kind), country) == usual


def test_every_category_but_everybodys_can_be_had() -> None:
    """Each category of the rules is open to some entity, that of everybody to none."""
    countries = [FRANCE, "SN", *REST_OF_THE_UNION]
    had = {each for kind in EntityKind for country in countries for each in categories_of(kind, country)}
    assert had == set(Category) - {Category.PUBLIC}
    # What derives from somebody else's right is never given unasked.
    usual = {usual_category(kind, country) for kind in EntityKind for country in countries}
    assert not usual & NEEDED_FRAMEWORK.keys()
    assert len(REST_OF_THE_UNION) == 26


def at_once(database: Database, *changes: Callable[[psycopg.Connection], Any]) -> list[str]:
    """The outcomes of changes that are made at the same time over connections of their own: `done` or `refused`."""
    ready, outcomes = threading.Barrier(len(changes)), []

    def make(change: Callable[[psycopg.Connection], Any]) -> None:
        with database.connect("owner", autocommit=True) as own:
            ready.wait(20)
            try:
                change(own)
                outcomes.append("done")
            except IdentityRefused:
                outcomes.append("refused")

    threads = [threading.Thread(target=make, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return sorted(outcomes)


def test_two_operators_confirm_an_applicant_once(module_database: Database, connection: psycopg.Connection) -> None:
    """Of several who confirm and refuse at once one has his way; the others are told, the trail has one decision."""
    entity, person = an_entity(connection), a_person(connection)
    connection.execute(
        "INSERT INTO dinamis.membership (person, entity, validated_at) VALUES (%s, %s, now())", (person.id, entity.id)
    )
    (application,) = memberships.applications(connection, person=person.id)
    grant = Grant(category=Category.SCI_FR)
    outcomes = at_once(
        module_database,
        *[lambda own: memberships.confirm(own, TERMINAL, application, grant)] * 3,
        *[lambda own: memberships.refuse(own, TERMINAL, application, "No.")] * 2,
    )
    assert outcomes == ["done", *["refused"] * 4]
    decisions = [each.action for each in audit_events(connection, of=person.id) if each.action.startswith("membership")]
    assert len(decisions) == 1


def test_one_name_for_one_entity_also_at_once(module_database: Database) -> None:
    """Two operators who add the same entity at once make one."""
    new = NewEntity(name=f"Entity {uuid4()}", kind=EntityKind.PUBLIC, country="FR")
    assert at_once(module_database, *[lambda own: entities.add_entity(own, TERMINAL, new)] * 2) == ["done", "refused"]


def test_a_name_means_who_holds_it(connection: psycopg.Connection) -> None:
    """However many have asked for the name before, it is that of the one that was taken in."""
    name = f"Entity {uuid4()}"
    connection.execute(
        "INSERT INTO dinamis.entity (name, kind, country) SELECT %s, 'firm', 'FR' FROM generate_series(1, 30)", (name,)
    )
    with pytest.raises(Ambiguous) as refused:
        entities.entity_of(connection, name)
    assert str(refused.value).count(name) == 20
    holder = entities.add_entity(connection, TERMINAL, NewEntity(name=name, kind=EntityKind.SCIENCE, country="FR"))
    assert entities.entity_of(connection, name.upper()) == holder


def test_one_membership_and_one_category_at_once(module_database: Database, connection: psycopg.Connection) -> None:
    """The same membership or category given twice at once is there once."""
    entity, person = an_entity(connection), a_person(connection)
    join = [lambda own: memberships.join(own, TERMINAL, person.id, entity.id)] * 2
    assert at_once(module_database, *join) == ["done", "refused"]
    grant = Grant(category=Category.SCI_FR)
    give = [lambda own: memberships.grant_category(own, TERMINAL, person.id, entity.id, grant)] * 2
    assert at_once(module_database, *give) == ["done", "refused"]


def test_change_and_trace_stand_or_fall_together(connection: psycopg.Connection) -> None:
    """When the transaction of a change is given up, neither it nor its trace is there."""
    entity, person = an_entity(connection), a_person(connection)
    before = audit_events(connection, limit=1)
    with connection.transaction(force_rollback=True):
        memberships.join(connection, TERMINAL, person.id, entity.id, Role.REFERENT)
    assert memberships.applications(connection, person=person.id, only_open=False) == []
    assert audit_events(connection, limit=1) == before


@pytest.mark.parametrize("change", ["validated_by = person, validated_at = now()", "confirmed_by = person"])
def test_database_refuses_decisions_on_oneself(connection: psycopg.Connection, change: str) -> None:
    """Even past the program nobody can be written down as having decided on his own application."""
    entity, person = an_entity(connection), a_person(connection)
    connection.execute(
        "INSERT INTO dinamis.membership (person, entity, validated_at, confirmed_at) VALUES (%s, %s, now(), now())",
        (person.id, entity.id),
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(f"UPDATE dinamis.membership SET {change} WHERE person = %s".encode(), (person.id,))


def test_leaving_before_it_begins_leaves_nothing(connection: psycopg.Connection) -> None:
    """A membership that was to begin tomorrow and is ended today never holds."""
    entity, person = an_entity(connection), a_person(connection)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    memberships.join(connection, TERMINAL, person.id, entity.id, period=Period(since=tomorrow))
    memberships.leave(connection, TERMINAL, person.id, entity.id)
    row = connection.execute("SELECT isempty(valid) FROM dinamis.membership WHERE person = %s", (person.id,)).fetchone()
    assert row == (True,)


def test_server_erases_an_operator_whom_it_could_not_make(
    module_database: Database, connection: psycopg.Connection
) -> None:
    """In the server's role an operator is erased with all he had; nothing of that role could have made him one."""
    entity, person = an_entity(connection), a_person(connection)
    memberships.join(connection, TERMINAL, person.id, entity.id)
    memberships.grant_category(connection, TERMINAL, person.id, entity.id, Grant(category=Category.SCI_FR))
    people.set_operator(connection, TERMINAL, person, is_operator=True)
    with module_database.connect("api") as server:
        erased = server.execute("SELECT dinamis.erase_person(%s, %s)", (person.id, person.id)).fetchone()
    assert erased == (True,)
    found = people.person_of(connection, str(person.id))
    assert (found.name, found.email, found.is_operator, found.state) == (None, None, False, "erased")
    assert "good" not in {each.standing for each in people.capacities_of(connection, person.id)}


def test_trail_is_narrowed_by_who_and_when(connection: psycopg.Connection) -> None:
    """The trail of a person has what was done to him and by him, the latest first, from a time on."""
    boss, person = a_person(connection), a_person(connection)
    people.set_operator(connection, TERMINAL, boss, is_operator=True)
    people.set_state(connection, Actor(person=boss.id), person, "suspended", "Late")
    events = audit_events(connection, of=boss.id)
    assert [(each.action, each.subject == str(boss.id)) for each in events] == [
        ("person.suspend", False),
        ("person.operator", True),
        ("person.add", True),
    ]
    assert audit_events(connection, of=boss.id, since=datetime.now(UTC) + timedelta(minutes=1)) == []


def plan(connection: psycopg.Connection, query: str, parameters: Any) -> str:
    """How a query is answered."""
    cursor = psycopg.RawCursor(connection) if isinstance(parameters, tuple) else connection.cursor()
    row = cursor.execute(b"EXPLAIN (FORMAT JSON) " + query.encode(), parameters).fetchone()
    return str(row)


def test_register_and_references_are_found_by_indexes(connection: psycopg.Connection) -> None:
    """Among many people and entities a page of the register, a name and an address are looked up, not searched for."""
    with connection.transaction(force_rollback=True):
        connection.execute(
            "INSERT INTO dinamis.entity (name, kind, country, state, joined_at)"
            " SELECT 'Bulk ' || n, 'science', 'FR', 'active', now() FROM generate_series(1, 10000) AS n"
        )
        connection.execute(
            "INSERT INTO dinamis.person (name, email, state)"
            " SELECT 'Person ' || n, n || '@bulk.example', 'active' FROM generate_series(1, 20000) AS n"
        )
        connection.execute("ANALYZE dinamis.person, dinamis.entity")
        reference = {"id": None, "text": "77@bulk.example"}
        plans = [
            plan(connection, REGISTER, (None, None, None, None, "bulk 5000", uuid4(), 101)),
            plan(connection, people.ALL, people.NO_CONDITIONS | reference),
            plan(connection, entities.ALL, entities.NO_CONDITIONS | reference),
        ]
    assert [each for each in plans if "Seq Scan" in each] == []
