"""Who belongs to which entity, in which role and category: applications, memberships, categories. For commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, LiteralString
from uuid import UUID

from psycopg import Connection, RawCursor
from psycopg.errors import CheckViolation, ExclusionViolation
from psycopg.rows import class_row

from database.statements import statements
from stac_api.access.errors import IdentityRefused, Unknown
from stac_api.access.policy import Category
from stac_api.access.register.audit import Actor, note
from stac_api.access.register.categories import NEEDED_FRAMEWORK, EntityKind, Role, categories_of, usual_category
from stac_api.access.register.periods import FROM_NOW_ON, Period

APPLICATIONS, VALIDATE, CONFIRM, REFUSE = statements(
    "stac_api.access", "applications", "validate_application", "confirm_application", "refuse_application"
)
ADD, END, GRANT, REVOKE = statements(
    "stac_api.access", "add_membership", "end_memberships", "grant_category", "revoke_category"
)


@dataclass(frozen=True, kw_only=True)
class Application:
    """An application to belong to an entity, and what became of it."""

    id: UUID
    person: UUID
    person_name: str | None
    email: str | None
    entity: UUID
    entity_name: str
    entity_kind: str
    entity_country: str
    role: str
    category: str | None  #: what is asked for
    purpose: str | None
    applied_at: datetime
    validated_at: datetime | None
    confirmed_at: datetime | None
    refused_at: datetime | None
    refusal: str | None
    state: str  #: applied, validated, confirmed or refused
    begins: datetime | None  #: of the membership; None if it never became one
    ends: datetime | None  #: None until further notice

    @property
    def is_current(self) -> bool:
        """Whether it is a membership that has not ended, or may still become one."""
        return not self.refused_at and (self.ends is None or self.ends > datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Grant:
    """The category to grant to a person, and in which framework."""

    category: Category
    framework: UUID | None = None


def grant_for(
    entity_kind: str,
    entity_country: str,
    category: Category | None,
    framework: UUID | None = None,
    framework_kind: str | None = None,
) -> Grant | None:
    """What to grant to somebody of an entity: the named category, else the usual one; None if there is no usual one.

    Raises:
        IdentityRefused: People of such an entity cannot have the category, or it needs another framework.
    """
    kind = EntityKind(entity_kind)
    wanted = category or usual_category(kind, entity_country)
    if wanted is None:
        return None
    possible = categories_of(kind, entity_country)
    if wanted not in possible:
        names = ", ".join(possible) or "none"
        raise IdentityRefused(f"{wanted} is not for people of a {kind} entity in {entity_country}; these are: {names}.")
    needed = NEEDED_FRAMEWORK.get(wanted)
    if needed and framework_kind != needed:
        raise IdentityRefused(f"{wanted} needs a framework, a {needed}: see `dinamis framework add`.")
    return Grant(category=wanted, framework=framework)


def applications(
    connection: Connection[Any], *, entity: UUID | None = None, person: UUID | None = None, only_open: bool = True
) -> list[Application]:
    """Applications and memberships, the earliest first."""
    return _applications(connection, None, entity, person, only_open)


def places_in(connection: Connection[Any], entity: UUID) -> list[Application]:
    """The present members of an entity, and those who apply to be."""
    return [each for each in applications(connection, entity=entity, only_open=False) if each.is_current]


def application_of(connection: Connection[Any], id_: UUID) -> Application:
    """One application.

    Raises:
        Unknown: There is none with this id.
    """
    found = _applications(connection, id_, None, None, False)
    if not found:
        raise Unknown(f"{id_}. See `dinamis user applications`.")
    return found[0]


def _applications(connection: Connection[Any], *parameters: UUID | bool | None) -> list[Application]:
    cursor = RawCursor(connection, row_factory=class_row(Application))
    return cursor.execute(APPLICATIONS, parameters).fetchall()


def confirm(
    connection: Connection[Any],
    actor: Actor,
    application: Application,
    grant: Grant | None,
) -> None:
    """Make an applicant whom the entity has validated a member, and grant a category.

    Raises:
        IdentityRefused: It is not validated, is already decided, or is one's own.
    """
    parameters = (
        application.id,
        actor.person,
        grant.category if grant else None,
        grant.framework if grant else None,
        actor.login,
    )
    _decide(connection, actor, application, CONFIRM, parameters)


def refuse(connection: Connection[Any], actor: Actor, application: Application, reason: str) -> None:
    """Refuse an application, with a reason for the applicant.

    Raises:
        IdentityRefused: It is already decided, or is one's own.
    """
    _decide(connection, actor, application, REFUSE, (application.id, actor.person, reason, actor.login))


def _decide(
    connection: Connection[Any],
    actor: Actor,
    application: Application,
    decision: LiteralString,
    parameters: Sequence[Any],
) -> None:
    own = "Nobody decides on their own application."
    _refuse_same_address(connection, actor, application.person, own)
    try:
        with connection.transaction():
            row = RawCursor(connection).execute(decision, parameters).fetchone()
    except CheckViolation as error:
        raise IdentityRefused(own) from error
    if row is None:
        missing = " and waits for a référent of the entity" if application.state == "applied" else ""
        raise IdentityRefused(f"The application is {application.state}{missing}.")


def _refuse_same_address(connection: Connection[Any], actor: Actor, person: UUID, own: str) -> None:
    # To the database, a second login of the same person is another person.
    same = (
        "SELECT FROM dinamis.person, dinamis.person AS actor"
        " WHERE person.id = %s AND actor.id = %s AND lower(person.email) = lower(actor.email)"
    )
    if connection.execute(same, (person, actor.person)).fetchone() is not None:
        raise IdentityRefused(own)


def confirm_referents(connection: Connection[Any], actor: Actor, entity: UUID) -> None:
    """Confirm the applicants for référent of an entity that has nobody yet to validate them."""
    for application in applications(connection, entity=entity):
        if application.role == Role.REFERENT:
            wanted = Category(application.category) if application.category else None
            needs_more = wanted in NEEDED_FRAMEWORK
            grant = None if needs_more else grant_for(application.entity_kind, application.entity_country, wanted)
            if application.validated_at is None:
                _decide(connection, actor, application, VALIDATE, (application.id, actor.person, actor.login))
            confirm(connection, actor, application, grant)


def end_all_of(connection: Connection[Any], entity: UUID) -> None:
    """End everything that people have in an entity, as of now."""
    parameters = {"entity": entity, "person": None, "role": None, "refusal": "The entity is not a member."}
    connection.execute(END, parameters)


def join(
    connection: Connection[Any],
    actor: Actor,
    person: UUID,
    entity: UUID,
    role: Role = Role.USER,
    period: Period = FROM_NOW_ON,
) -> None:
    """Make a person a member of an entity, validated and confirmed at once.

    Raises:
        IdentityRefused: There is already such a membership or application, the person is erased, or the operator does
            it for their own account.
    """
    parameters = {
        "person": person,
        "entity": entity,
        "role": role,
        "by": actor.person,
        "since": period.since,
        "until": period.until,
    }
    overlap = f"There is a membership or an application as {role} for that time: see `dinamis user show`."
    with _in_turn(connection, actor, person, overlap=overlap, own="Nobody makes themselves a member."):
        connection.execute(ADD, parameters)
        note(connection, actor, "membership.add", person, entity=str(entity), role=role)


@contextmanager
def _in_turn(connection: Connection[Any], actor: Actor, person: UUID, *, overlap: str, own: str) -> Iterator[None]:
    """A transaction that gives a person something for a time, serialised with others for the same person.

    Raises:
        IdentityRefused: The person is erased, already has it for a part of that time (`overlap`), or is the one who
            gives it (`own`), also under another login with the same e-mail address.
    """
    try:
        with connection.transaction():
            # Two conflicting ones would deadlock in their exclusion constraint.
            row = connection.execute("SELECT state FROM dinamis.person WHERE id = %s FOR UPDATE", (person,)).fetchone()
            if row == ("erased",):
                raise IdentityRefused("An erased account stays erased.")
            _refuse_same_address(connection, actor, person, own)
            yield
    except ExclusionViolation as error:
        raise IdentityRefused(overlap) from error
    except CheckViolation as error:
        raise IdentityRefused(own) from error


def leave(connection: Connection[Any], actor: Actor, person: UUID, entity: UUID, role: Role | None = None) -> None:
    """End a person's membership of an entity, in one role or all; when no role is left, the categories end as well.

    Raises:
        IdentityRefused: There is no such membership.
    """
    parameters = {"entity": entity, "person": person, "role": role, "refusal": "It was withdrawn."}
    with connection.transaction():
        if connection.execute(END, parameters).fetchone() is None:
            raise IdentityRefused("The person has no such membership: see `dinamis user show`.")
        note(connection, actor, "membership.end", person, entity=str(entity), role=role)


def grant_category(
    connection: Connection[Any],
    actor: Actor,
    person: UUID,
    entity: UUID,
    grant: Grant,
    period: Period = FROM_NOW_ON,
) -> None:
    """Grant a category to a member of an entity.

    Raises:
        IdentityRefused: The person is not a member, already has the category for that time, or is the operator.
    """
    parameters = {
        "person": person,
        "entity": entity,
        "framework": grant.framework,
        "category": grant.category,
        "by": actor.person,
        "since": period.since,
        "until": period.until,
    }
    overlap = f"The person has {grant.category} there for that time: see `dinamis user show`."
    with _in_turn(connection, actor, person, overlap=overlap, own="Nobody grants themselves a category."):
        inserted = connection.execute(GRANT, parameters).fetchone()
        if inserted is None:
            raise IdentityRefused("The person is no member of the entity: `dinamis user join` first.")
        framework = str(grant.framework) if grant.framework else None
        detail = {"entity": str(entity), "category": grant.category, "framework": framework}
        note(connection, actor, "category.grant", person, **detail)


def revoke_category(
    connection: Connection[Any], actor: Actor, person: UUID, entity: UUID, category: Category | None = None
) -> int:
    """Revoke a category, or all of them, of a person in an entity; the membership stays.

    Returns:
        The number revoked.
    """
    with connection.transaction():
        parameters = {"person": person, "entity": entity, "category": category}
        taken = connection.execute(REVOKE, parameters).rowcount
        note(connection, actor, "category.revoke", person, entity=str(entity), category=category, ended=taken)
    return taken
