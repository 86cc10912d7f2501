"""The register of entities: applicants, members, suspended and former ones. For commands, with psycopg."""

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
        """A description that distinguishes it from others of the same name."""
        return printable(f"{self.name} ({self.kind}, {self.country}, {self.state})")


@dataclass(frozen=True, kw_only=True)
class NewEntity:
    """What an operator enters for a new entity."""

    name: str
    kind: EntityKind
    country: str  #: ISO 3166-1 alpha-2
    charter_version: str | None = None
    is_relay_partner: bool = False
    legal_representative: str | None = None
    legal_representative_email: str | None = None


@dataclass(frozen=True, kw_only=True)
class EntityFacts:
    """New values for the fields of an entity; None: unchanged."""

    name: str | None = None
    kind: EntityKind | None = None
    country: str | None = None
    charter_version: str | None = None
    is_relay_partner: bool | None = None
    legal_representative: str | None = None
    legal_representative_email: str | None = None


class Step(StrEnum):
    """A change of state that an operator makes."""

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

#: Parameters of the statement without any condition.
NO_CONDITIONS = dict.fromkeys(("id", "text", "state", "kind", "part"))

#: The states in which an entity holds its name; others have only applied, or have left.
_HOLDING = frozenset({EntityState.COMPLIANT, EntityState.ACTIVE, EntityState.SUSPENDED})


def entity_of(connection: Connection[Any], reference: str) -> Entity:
    """The entity with a name or id; of several with the name, the one that holds it.

    Raises:
        Unknown: There is none.
        Ambiguous: Several have applied with the name, and none holds it.
    """
    found = _entities(connection, id=id_in(reference), text=reference.strip())
    holding = [each for each in found if each.state in _HOLDING]
    return only_one(holding or found, reference, "dinamis entity list")


def entities(
    connection: Connection[Any], *, state: str | None = None, kind: str | None = None, text: str | None = None
) -> list[Entity]:
    """The entities, sorted by name; `text` is a part of the name."""
    return _entities(connection, state=state, kind=kind, part=text)


def _entities(connection: Connection[Any], **conditions: Any) -> list[Entity]:
    with connection.cursor(row_factory=class_row(Entity)) as cursor:
        return cursor.execute(ALL, NO_CONDITIONS | conditions).fetchall()


def _entity(connection: Connection[Any], id_: UUID) -> Entity:
    (entity,) = _entities(connection, id=id_)
    return entity


def add_entity(connection: Connection[Any], actor: Actor, new: NewEntity) -> Entity:
    """Register an entity whose papers are in order: it is active at once.

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
    """Change the fields of an entity; what its people have been granted stays.

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
    """Change the state of an entity, and with it the applications and memberships that depend on it.

    Activating an entity that has applied confirms those who applied to be its référents; when it leaves, everything
    that its people had in it ends.

    Raises:
        IdentityRefused: Its state does not allow this, or its name has been taken meanwhile.
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
