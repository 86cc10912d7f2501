"""In what qualities a person acts: every standing, at every time that matters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from stac_api.access.policy import Category
from stac_api.access.principal import Standing
from stac_api.access.register import entities, frameworks, memberships, people
from stac_api.access.register.audit import Actor
from stac_api.access.register.categories import EntityKind, FrameworkKind, Role
from stac_api.access.register.entities import Entity, NewEntity, Step
from stac_api.access.register.memberships import Grant
from stac_api.access.register.people import Person
from stac_api.access.register.periods import Period

TERMINAL = Actor(login="tester")
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture
def laboratory(connection: psycopg.Connection) -> Entity:
    """An active laboratory that joined a month ago."""
    entity = an_entity(connection, EntityKind.SCIENCE)
    connection.execute("UPDATE dinamis.entity SET joined_at = now() - interval '30 days' WHERE id = %s", (entity.id,))
    return entity


@pytest.fixture
def person(connection: psycopg.Connection) -> Person:
    """Somebody without anything."""
    return people.add_person(connection, TERMINAL, "Ada", f"{uuid4()}@example.org")


@pytest.fixture
def member(connection: psycopg.Connection, person: Person, laboratory: Entity) -> Person:
    """A French scientist, member of the laboratory since three weeks ago."""
    since = Period(since=NOW - 21 * DAY)
    memberships.join(connection, TERMINAL, person.id, laboratory.id, Role.USER, since)
    memberships.grant_category(connection, TERMINAL, person.id, laboratory.id, Grant(category=Category.SCI_FR), since)
    return person


def an_entity(connection: psycopg.Connection, kind: EntityKind, country: str = "FR") -> Entity:
    """An active entity of a name that no other has."""
    return entities.add_entity(connection, TERMINAL, NewEntity(name=f"Entity {uuid4()}", kind=kind, country=country))


def standings(connection: psycopg.Connection, person: Person, at: datetime | None = None) -> dict[str, str]:
    """The standing of each category that a person has."""
    return {each.category: each.standing for each in people.capacities_of(connection, person.id, at)}


def test_confirmed_member_of_an_active_entity_counts(connection: psycopg.Connection, member: Person) -> None:
    """Entity active, membership confirmed, category granted: it counts."""
    assert standings(connection, member) == {"SCI_FR": Standing.GOOD}


def test_nobody_has_a_category_by_himself(connection: psycopg.Connection, person: Person) -> None:
    """A person without memberships has no capacity at all."""
    assert standings(connection, person) == {}


Change = Callable[[psycopg.Connection, Person, Entity], object]


def step(name: Step) -> Change:
    """What an operator does with the entity."""
    return lambda connection, _person, entity: entities.take_step(connection, TERMINAL, entity, name)


def statement(text: str) -> Change:
    """A change that no command makes."""
    return lambda connection, person, entity: connection.execute(
        text.encode(), {"person": person.id, "entity": entity.id}
    )


CHANGES: dict[str, tuple[Change, dict[str, str]]] = {
    "entity suspended": (step(Step.SUSPEND), {"SCI_FR": Standing.ENTITY_SUSPENDED}),
    "entity left": (step(Step.LEAVE), {"SCI_FR": Standing.ENTITY_LEFT}),
    "entity only compliant": (
        statement("UPDATE dinamis.entity SET state = 'compliant' WHERE id = %(entity)s"),
        {"SCI_FR": Standing.ENTITY_PENDING},
    ),
    "entity only applied": (
        statement("UPDATE dinamis.entity SET state = 'applied' WHERE id = %(entity)s"),
        {"SCI_FR": Standing.ENTITY_PENDING},
    ),
    "membership ended": (
        lambda connection, person, entity: memberships.leave(connection, TERMINAL, person.id, entity.id),
        {"SCI_FR": Standing.MEMBERSHIP_ENDED},
    ),
    "membership not confirmed": (
        statement("UPDATE dinamis.membership SET confirmed_at = NULL WHERE person = %(person)s"),
        {"SCI_FR": Standing.MEMBERSHIP_UNCONFIRMED},
    ),
    "membership neither validated": (
        statement("UPDATE dinamis.membership SET confirmed_at = NULL, validated_at = NULL WHERE person = %(person)s"),
        {"SCI_FR": Standing.MEMBERSHIP_UNCONFIRMED},
    ),
    "membership over by itself": (
        statement(
            "UPDATE dinamis.membership SET valid = tstzrange(lower(valid), now() - interval '1 hour')"
            " WHERE person = %(person)s"
        ),
        {"SCI_FR": Standing.MEMBERSHIP_ENDED},
    ),
    "account suspended": (
        lambda connection, person, _entity: people.set_state(connection, TERMINAL, person, "suspended"),
        {"SCI_FR": Standing.ACCOUNT_SUSPENDED},
    ),
    "account not yet active": (
        statement("UPDATE dinamis.person SET state = 'applied' WHERE id = %(person)s"),
        {"SCI_FR": Standing.MEMBERSHIP_UNCONFIRMED},
    ),
    "account erased": (lambda connection, person, _entity: people.erase(connection, TERMINAL, person), {}),
    "category revoked": (
        lambda connection, person, entity: memberships.revoke_category(connection, TERMINAL, person.id, entity.id),
        {},
    ),
    "both entity and account suspended": (
        statement(
            "WITH entity AS (UPDATE dinamis.entity SET state = 'suspended' WHERE id = %(entity)s)"
            " UPDATE dinamis.person SET state = 'suspended' WHERE id = %(person)s"
        ),
        {"SCI_FR": Standing.ACCOUNT_SUSPENDED},
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_what_stops_counting_says_why(
    connection: psycopg.Connection, member: Person, laboratory: Entity, case: str
) -> None:
    """Whatever ends a right is seen at once, and told as what could be mended first."""
    change, expected = CHANGES[case]
    change(connection, member, laboratory)
    got = standings(connection, member)
    if case == "account erased":
        assert Standing.GOOD not in got.values()
    else:
        assert got == expected


def test_suspension_is_taken_back_with_everything(
    connection: psycopg.Connection, member: Person, laboratory: Entity
) -> None:
    """An entity and an account that were suspended have all they had when that ends."""
    suspended = entities.take_step(connection, TERMINAL, laboratory, Step.SUSPEND)
    people.set_state(connection, TERMINAL, member, "suspended")
    entities.take_step(connection, TERMINAL, suspended, Step.ACTIVATE)
    people.set_state(connection, TERMINAL, member, "active")
    assert standings(connection, member) == {"SCI_FR": Standing.GOOD}


def test_rights_do_not_come_back_with_an_entity_that_joins_again(
    connection: psycopg.Connection, member: Person, laboratory: Entity
) -> None:
    """Who was a member of an entity that left is none when it returns."""
    left = entities.take_step(connection, TERMINAL, laboratory, Step.LEAVE)
    entities.take_step(connection, TERMINAL, left, Step.ACTIVATE)
    assert standings(connection, member) == {"SCI_FR": Standing.MEMBERSHIP_ENDED}


def test_rights_do_not_come_back_with_a_person_who_joins_again(
    connection: psycopg.Connection, member: Person, laboratory: Entity
) -> None:
    """A new membership brings back no category of the former one."""
    memberships.leave(connection, TERMINAL, member.id, laboratory.id)
    memberships.join(connection, TERMINAL, member.id, laboratory.id)
    assert standings(connection, member) == {}


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (-40, {}),
        (-22, {}),
        (-20, {"SCI_FR": Standing.GOOD}),
        (0, {"SCI_FR": Standing.GOOD}),
        (1000, {"SCI_FR": "good"}),
    ],
)
def test_categories_hold_at_a_date(
    connection: psycopg.Connection, member: Person, days: int, expected: dict[str, str]
) -> None:
    """At a date before the category was granted there is none, afterwards there is."""
    assert standings(connection, member, NOW + days * DAY) == expected


def test_entity_counts_from_when_it_joined_until_it_left(
    connection: psycopg.Connection, person: Person, laboratory: Entity
) -> None:
    """A question about the past is answered as it was then: pending before the entity joined, good until it left."""
    since = Period(since=NOW - 60 * DAY)
    memberships.join(connection, TERMINAL, person.id, laboratory.id, Role.USER, since)
    memberships.grant_category(connection, TERMINAL, person.id, laboratory.id, Grant(category=Category.SCI_FR), since)
    entities.take_step(connection, TERMINAL, laboratory, Step.LEAVE)
    times = {days: standings(connection, person, NOW + days * DAY).get("SCI_FR") for days in (-40, -5, 1)}
    assert times == {-40: Standing.ENTITY_PENDING, -5: Standing.GOOD, 1: Standing.ENTITY_LEFT}


def test_category_for_a_time_ends_by_itself(connection: psycopg.Connection, member: Person, laboratory: Entity) -> None:
    """A category granted until a date is there the day before and gone the day after."""
    public = Grant(category=Category.PUB_FR)
    memberships.grant_category(connection, TERMINAL, member.id, laboratory.id, public, Period(until=NOW + 10 * DAY))
    assert standings(connection, member, NOW + 9 * DAY)["PUB_FR"] == Standing.GOOD
    assert "PUB_FR" not in standings(connection, member, NOW + 11 * DAY)


@pytest.fixture
def contractor(connection: psycopg.Connection, person: Person) -> tuple[Person, UUID, Entity]:
    """Somebody of a firm with a mission for a town, from yesterday until in ten days; the mission; the town."""
    firm, town = an_entity(connection, EntityKind.FIRM), an_entity(connection, EntityKind.PUBLIC)
    for entity in (firm, town):
        connection.execute("UPDATE dinamis.entity SET joined_at = %s WHERE id = %s", (NOW - 30 * DAY, entity.id))
    mission = frameworks.add_framework(
        connection, TERMINAL, FrameworkKind.MISSION, "Coast", town, Period(since=NOW - DAY, until=NOW + 10 * DAY)
    )
    since = Period(since=NOW - 20 * DAY)
    memberships.join(connection, TERMINAL, person.id, firm.id, Role.USER, since)
    grant = Grant(category=Category.PRIV_PSP_FR, framework=mission.id)
    memberships.grant_category(connection, TERMINAL, person.id, firm.id, grant, since)
    return person, mission.id, town


@pytest.mark.parametrize(
    ("days", "standing"),
    [(-2, Standing.FRAMEWORK_ENDED), (0, Standing.GOOD), (9, Standing.GOOD), (11, Standing.FRAMEWORK_ENDED)],
)
def test_contractor_has_rights_only_during_the_mission(
    connection: psycopg.Connection, contractor: tuple[Person, UUID, Entity], days: int, standing: Standing
) -> None:
    """A contractor's category counts from the beginning of the mission to its end and not a day longer."""
    assert standings(connection, contractor[0], NOW + days * DAY) == {"PRIV_PSP_FR": standing}


def test_mission_that_is_ended_ends_the_rights(
    connection: psycopg.Connection, contractor: tuple[Person, UUID, Entity]
) -> None:
    """Ending a mission early takes the contractor's category at once."""
    person, mission, _ = contractor
    frameworks.end_framework(connection, TERMINAL, frameworks.framework_of(connection, str(mission)))
    assert standings(connection, person) == {"PRIV_PSP_FR": Standing.FRAMEWORK_ENDED}


@pytest.mark.parametrize("change", [Step.SUSPEND, Step.LEAVE])
def test_mission_lives_no_longer_than_its_principal(
    connection: psycopg.Connection, contractor: tuple[Person, UUID, Entity], change: Step
) -> None:
    """When the actor behind a mission is suspended or leaves, the contractor's right, which derives from his, ends."""
    person, _, town = contractor
    entities.take_step(connection, TERMINAL, town, change)
    assert standings(connection, person) == {"PRIV_PSP_FR": Standing.FRAMEWORK_ENDED}


@pytest.mark.parametrize("category", [Category.PRIV_PSP_FR, Category.SCI_INTL])
def test_database_refuses_derived_categories_without_a_framework(
    connection: psycopg.Connection, member: Person, laboratory: Entity, category: Category
) -> None:
    """Contractors and foreign partners without what their right derives from cannot be written down, by anybody."""
    with pytest.raises(psycopg.errors.CheckViolation, match="needs_framework"):
        connection.execute(
            "INSERT INTO dinamis.category_grant (person, entity, category, valid) VALUES (%s, %s, %s, '[now,)')",
            (member.id, laboratory.id, category),
        )


def test_applicant_learns_what_he_waits_for(connection: psycopg.Connection, person: Person, laboratory: Entity) -> None:
    """The category that an open application asks for is there, and does not count; a refused one is not."""
    connection.execute(
        "INSERT INTO dinamis.membership (person, entity, category) VALUES (%s, %s, 'SCI_FR')",
        (person.id, laboratory.id),
    )
    assert standings(connection, person) == {"SCI_FR": Standing.MEMBERSHIP_UNCONFIRMED}
    (application,) = memberships.applications(connection, person=person.id)
    memberships.refuse(connection, TERMINAL, application, "Not one of ours.")
    assert standings(connection, person) == {}


def test_same_category_counts_once_in_each_entity(
    connection: psycopg.Connection, member: Person, laboratory: Entity
) -> None:
    """Two entities are two capacities; a category that was revoked and granted again is one."""
    other = an_entity(connection, EntityKind.SCIENCE)
    memberships.revoke_category(connection, TERMINAL, member.id, laboratory.id, Category.SCI_FR)
    for entity in (laboratory, other):
        if entity is other:
            memberships.join(connection, TERMINAL, member.id, entity.id)
        memberships.grant_category(connection, TERMINAL, member.id, entity.id, Grant(category=Category.SCI_FR))
    found = people.capacities_of(connection, member.id)
    assert sorted((each.entity, each.standing) for each in found) == sorted(
        (entity.id, Standing.GOOD) for entity in (laboratory, other)
    )


def test_categories_and_standings_are_those_of_the_rules(connection: psycopg.Connection) -> None:
    """The database knows the categories of the rules, without that of everybody, and no other word for a standing."""
    definition = connection.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid = 'dinamis.category'::regtype"
    ).fetchone()
    source = connection.execute("SELECT prosrc FROM pg_proc WHERE proname = 'capacities'").fetchone()
    assert definition is not None
    assert source is not None
    written = {each for each in definition[0].split("'") if each.isupper() and "(" not in each}
    assert written == {each.value for each in Category if each is not Category.PUBLIC}
    assert {each.value for each in Standing if f"'{each.value}'" not in source[0]} == set()


def test_many_people_and_entities_make_no_difference(connection: psycopg.Connection, member: Person) -> None:
    """Among 20 000 people in 2 000 entities the question reads a handful of pages, all found by indexes."""
    with connection.transaction(force_rollback=True):
        connection.execute(
            "WITH entities AS (INSERT INTO dinamis.entity (name, kind, country, state, joined_at)"
            " SELECT 'Bulk ' || n, 'science', 'FR', 'active', now() FROM generate_series(1, 2000) AS n RETURNING id),"
            " numbered AS (SELECT id, row_number() OVER () AS n FROM entities),"
            " people AS (INSERT INTO dinamis.person (name, email, state)"
            " SELECT 'Person ' || n, n || '@bulk.example', 'active' FROM generate_series(1, 20000) AS n RETURNING id),"
            " placed AS (SELECT people.id AS person, numbered.id AS entity FROM"
            " (SELECT id, row_number() OVER () AS n FROM people) AS people"
            " INNER JOIN numbered ON numbered.n = 1 + people.n % 2000),"
            " joined AS (INSERT INTO dinamis.membership (person, entity, validated_at, confirmed_at)"
            " SELECT person, entity, now(), now() FROM placed)"
            " INSERT INTO dinamis.category_grant (person, entity, category, valid)"
            " SELECT person, entity, 'SCI_FR', tstzrange(now(), NULL) FROM placed"
        )
        connection.execute("ANALYZE dinamis.person, dinamis.entity, dinamis.membership, dinamis.category_grant")
        explained = connection.execute(
            "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM dinamis.capacities(%s, now())", (member.id,)
        ).fetchone()
    assert explained is not None
    plan = explained[0][0]
    assert "Seq Scan" not in str(plan)
    assert plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"] < 60
