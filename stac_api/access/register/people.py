"""The people: who they are, how they log in, who is an operator. For commands, with psycopg."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from database.statements import statements
from stac_api.access.errors import IdentityRefused
from stac_api.access.register.audit import Actor, note
from stac_api.access.register.references import id_in, only_one, printable


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person known to the catalogue; erased people have no name any more."""

    id: UUID
    name: str | None
    email: str | None
    issuer: str | None
    subject: str | None
    state: str
    is_operator: bool
    created_at: datetime

    def described(self) -> str:
        """A description that distinguishes the person from others of the same name."""
        return printable(f"{self.name or '(no name)'} <{self.email or 'no address'}> ({self.state})")


@dataclass(frozen=True, kw_only=True)
class CapacityHeld:
    """A capacity in which a person acts, and whether it counts."""

    category: str
    entity: UUID
    entity_name: str
    framework: UUID | None
    framework_title: str | None
    standing: str


State = Literal["active", "suspended"]

ALL, ADD, CAPACITIES = statements("stac_api.access", "people", "add_person", "capacities")

#: Parameters of the statement without any condition.
NO_CONDITIONS = {"id": None, "text": None, "state": None, "entity": None, "operators": False}

#: For each state, the states that may precede it.
_BEFORE: Mapping[State, tuple[str, ...]] = {"active": ("applied", "suspended"), "suspended": ("applied", "active")}


def person_of(connection: Connection[Any], reference: str) -> Person:
    """The person with a name, an e-mail address or an id.

    Raises:
        Unknown: There is none.
        Ambiguous: There are several with this name or address.
    """
    found = _people(connection, id=id_in(reference), text=reference.strip())
    return only_one(found, reference, "dinamis user list")


def people(
    connection: Connection[Any], *, state: str | None = None, entity: UUID | None = None, operators: bool = False
) -> list[Person]:
    """The people, sorted by name; with `entity`, its members."""
    return _people(connection, state=state, entity=entity, operators=operators)


def _people(connection: Connection[Any], **conditions: Any) -> list[Person]:
    with connection.cursor(row_factory=class_row(Person)) as cursor:
        return cursor.execute(ALL, NO_CONDITIONS | conditions).fetchall()


def capacities_of(connection: Connection[Any], person: UUID, at: datetime | None = None) -> list[CapacityHeld]:
    """The capacities of a person, now or at another time, and why one does not count."""
    with connection.cursor(row_factory=class_row(CapacityHeld)) as cursor:
        return cursor.execute(CAPACITIES, {"person": person, "at": at}).fetchall()


def add_person(
    connection: Connection[Any],
    actor: Actor,
    name: str,
    email: str,
    *,
    issuer: str | None = None,
    subject: str | None = None,
) -> Person:
    """Register somebody whom an operator knows; without a login they can only use keys.

    Raises:
        IdentityRefused: The login is somebody else's.
    """
    try:
        with connection.transaction():
            row = connection.execute(
                ADD, {"name": name.strip(), "email": email.strip(), "issuer": issuer, "subject": subject}
            ).fetchone()
            assert row is not None  # noqa: S101 - an INSERT returns its row
            note(connection, actor, "person.add", row[0])
    except UniqueViolation as error:
        raise _login_taken() from error
    (person,) = _people(connection, id=row[0])
    return person


def set_login(connection: Connection[Any], actor: Actor, person: Person, issuer: str, subject: str) -> None:
    """Let somebody log in with this account of a provider, and no other.

    Raises:
        IdentityRefused: The login is somebody else's, or the person is erased.
    """
    try:
        with connection.transaction():
            changed = connection.execute(
                "UPDATE dinamis.person SET issuer = %s, subject = %s WHERE id = %s AND state <> 'erased'",
                (issuer, subject, person.id),
            )
            if not changed.rowcount:
                raise IdentityRefused("An erased account stays erased.")
            note(connection, actor, "person.login", person.id, issuer=issuer)
    except UniqueViolation as error:
        raise _login_taken() from error


def edit_person(
    connection: Connection[Any], actor: Actor, person: Person, *, name: str | None = None, email: str | None = None
) -> None:
    """Correct the name or the address of somebody; None: unchanged.

    Raises:
        IdentityRefused: The person is erased.
    """
    with connection.transaction():
        changed = connection.execute(
            "UPDATE dinamis.person SET name = coalesce(%s, name), email = coalesce(%s, email)"
            " WHERE id = %s AND state <> 'erased'",
            (name, email, person.id),
        )
        if not changed.rowcount:
            raise IdentityRefused("An erased account stays erased.")
        note(connection, actor, "person.edit", person.id)


def _login_taken() -> IdentityRefused:
    return IdentityRefused("This login is somebody else's: an account of a provider is one person here.")


def set_state(
    connection: Connection[Any], actor: Actor, person: Person, state: State, reason: str | None = None
) -> None:
    """Suspend or reactivate somebody; the person loses nothing by it.

    Raises:
        IdentityRefused: The person is already in that state, or erased.
    """
    with connection.transaction():
        changed = connection.execute(
            "UPDATE dinamis.person SET state = %s WHERE id = %s AND state = ANY(%s)",
            (state, person.id, list(_BEFORE[state])),
        )
        if not changed.rowcount:
            raise IdentityRefused(f"{person.described()} cannot become {state}.")
        note(connection, actor, f"person.{'activate' if state == 'active' else 'suspend'}", person.id, reason=reason)


def set_operator(connection: Connection[Any], actor: Actor, person: Person, *, is_operator: bool) -> None:
    """Make somebody an operator, who sees and decides everything, or revoke this.

    Raises:
        IdentityRefused: The person is not active.
    """
    with connection.transaction():
        changed = connection.execute(
            "UPDATE dinamis.person SET is_operator = %s WHERE id = %s AND (state = 'active' OR NOT %s)",
            (is_operator, person.id, is_operator),
        )
        if not changed.rowcount:
            raise IdentityRefused(f"{person.described()} cannot become an operator: activate the account first.")
        note(connection, actor, "person.operator", person.id, is_operator=is_operator)


def erase(connection: Connection[Any], actor: Actor, person: Person) -> None:
    """Erase the personal data of somebody, and end what the person has; records of use stay under a pseudonym.

    Raises:
        IdentityRefused: The person is already erased.
    """
    row = connection.execute(
        "SELECT dinamis.erase_person(%s, %s, %s)", (person.id, actor.person, Jsonb(actor.signed({})))
    ).fetchone()
    if row != (True,):
        raise IdentityRefused("The person is erased already.")
