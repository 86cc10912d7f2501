"""The register of entities: who asks to join, is a member, is suspended, has left. For commands, over psycopg."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.errors import UniqueViolation
from psycopg.rows import class_row

from database.statements import statements
from stac_api.access.errors import IdentityRefused
from stac_api.access.register import memberships
from stac_api.access.register.audit import Actor, note
from stac_api.access.register.categories import EntityKind, EntityState
from stac_api.access.register.references import id_in, only_one, printable


@dataclass(frozen=True, kw_only=True)
class Entity:
    """A laboratory, authority or firm."""

    id: UUID
    name: str
    kind: str
    country: str
    state: str
    charter_version: str | None
    is_relay_partner: bool
    legal_representative: str | None
    legal_representative_email: str | None
    applied_at: datetime
    joined_at: datetime | None
    left_at: datetime | None

    def described(self) -> str:
        """What tells it from others of its name."""
        return printable(f"{self.name} ({self.kind}, {self.country}, {self.state})")


@dataclass(frozen=True, kw_only=True)
class NewEntity:
    """What an operator says of an entity that is taken in."""

    name: str
    kind: EntityKind
    country: str  #: ISO 3166-1 alpha-2
    charter_version: str | None = None
    is_relay_partner: bool = False
    legal_representative: str | None = None
    legal_representative_email: str | None = None


@dataclass(frozen=True, kw_only=True)
class EntityFacts:
    """What is to be said of an entity from now on; None: what was said before."""

    name: str | None = None
    kind: EntityKind | None = None
    country: str | None = None
    charter_version: str | None = None
    is_relay_partner: bool | None = None
    legal_representative: str | None = None
    legal_representative_email: str | None = None


class Step(StrEnum):
    """What an operator does with an entity."""

    APPROVE = "approve"
    ACTIVATE = "activate"
    SUSPEND = "suspend"
    LEAVE = "leave"
    REFUSE = "refuse"


@dataclass(frozen=True)
class _Change:
    before: frozenset[EntityState]
    after: EntityState


def _change(after: EntityState, *before: EntityState) -> _Change:
    return _Change(frozenset(before), after)


CHANGES: Mapping[Step, _Change] = {
    Step.APPROVE: _change(EntityState.COMPLIANT, EntityState.APPLIED),
    Step.ACTIVATE: _change(EntityState.ACTIVE, EntityState.COMPLIANT, EntityState.SUSPENDED, EntityState.LEFT),
    Step.SUSPEND: _change(EntityState.SUSPENDED, EntityState.ACTIVE),
    Step.LEAVE: _change(EntityState.LEFT, EntityState.ACTIVE, EntityState.SUSPENDED),
    Step.REFUSE: _change(EntityState.LEFT, EntityState.APPLIED, EntityState.COMPLIANT),
}

ALL, ADD, EDIT, CHANGE = statements("stac_api.access", "entities", "add_entity", "edit_entity", "change_entity")

#: Of the statement that reads them: all of them.
NO_CONDITIONS = dict.fromkeys(("id", "text", "state", "kind", "part"))

#: Of several that bear a name, one may hold it: others have asked for it, or have left.
_HOLDING = frozenset({EntityState.COMPLIANT, EntityState.ACTIVE, EntityState.SUSPENDED})


def entity_of(connection: Connection[Any], reference: str) -> Entity:
    """The entity of a name or id; among several of the name, the one that holds it.

    Raises:
        Unknown: There is none.
        Ambiguous: Several have asked for the name, and none holds it.
    """
    found = _entities(connection, id=id_in(reference), text=reference.strip())
    holding = [each for each in found if each.state in _HOLDING]
    return only_one(holding or found, reference, "dinamis entity list")


def entities(
    connection: Connection[Any], *, state: str | None = None, kind: str | None = None, text: str | None = None
) -> list[Entity]:
    """The entities by name; `text` is a part of it."""
    return _entities(connection, state=state, kind=kind, part=text)


def _entities(connection: Connection[Any], **conditions: Any) -> list[Entity]:
    with connection.cursor(row_factory=class_row(Entity)) as cursor:
        return cursor.execute(ALL, NO_CONDITIONS | conditions).fetchall()


def _entity(connection: Connection[Any], id_: UUID) -> Entity:
    (entity,) = _entities(connection, id=id_)
    return entity


def add_entity(connection: Connection[Any], actor: Actor, new: NewEntity) -> Entity:
    """Take in an entity whose papers are in order: it is active at once.

    Raises:
        IdentityRefused: The name is taken.
    """
    try:
        with connection.transaction():
            row = connection.execute(ADD, vars(new)).fetchone()
            assert row is not None  # noqa: S101 - an INSERT returns its row
            note(connection, actor, "entity.add", row[0], kind=new.kind, country=new.country)
    except UniqueViolation as error:
        raise _taken(new.name) from error
    return _entity(connection, row[0])


def edit_entity(connection: Connection[Any], actor: Actor, entity: Entity, facts: EntityFacts) -> Entity:
    """Say other things of an entity; what its people have been granted stays.

    Raises:
        IdentityRefused: The name is taken.
    """
    try:
        with connection.transaction():
            connection.execute(EDIT, {"id": entity.id, **vars(facts)})
            changed = sorted(name for name, value in vars(facts).items() if value is not None)
            note(connection, actor, "entity.edit", entity.id, changed=changed)
    except UniqueViolation as error:
        raise _taken(facts.name or entity.name) from error
    return _entity(connection, entity.id)


def take_step(
    connection: Connection[Any],
    actor: Actor,
    entity: Entity,
    step: Step,
    *,
    charter_version: str | None = None,
    reason: str | None = None,
) -> Entity:
    """Change how an entity stands, and with it the applications and memberships that hang on it.

    Activating an entity that has applied confirms those who asked to be its référents; when it leaves, everything
    that its people had in it ends.

    Raises:
        IdentityRefused: It does not stand so that this could be done, or its name is taken by now.
    """
    with connection.transaction():
        _change_state(connection, entity, step, charter_version)
        note(connection, actor, f"entity.{step}", entity.id, reason=reason, charter_version=charter_version)
        if step is Step.ACTIVATE:
            memberships.confirm_referents(connection, actor, entity.id)
        if CHANGES[step].after is EntityState.LEFT:
            memberships.end_all_of(connection, entity.id)
    return _entity(connection, entity.id)


def _change_state(connection: Connection[Any], entity: Entity, step: Step, charter_version: str | None) -> None:
    change = CHANGES[step]
    parameters = {
        "id": entity.id,
        "before": sorted(change.before),
        "after": change.after,
        "charter_version": charter_version,
    }
    try:
        with connection.transaction():
            is_changed = connection.execute(CHANGE, parameters).rowcount
    except UniqueViolation as error:
        raise _taken(entity.name) from error
    if not is_changed:
        raise IdentityRefused(
            f"{entity.described()}: `{step}` is for entities that are {' or '.join(sorted(change.before))}."
        )


def _taken(name: str) -> IdentityRefused:
    return IdentityRefused(f"Another entity is called {name!r}: see `dinamis entity show`, and tell the two apart.")
