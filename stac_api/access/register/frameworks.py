"""Missions, partnerships and projects: time-limited cooperation. For commands, with psycopg."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from database.statements import statements
from stac_api.access.errors import IdentityRefused
from stac_api.access.register.audit import Actor, note
from stac_api.access.register.categories import FRANCE, EntityKind, FrameworkKind
from stac_api.access.register.entities import Entity
from stac_api.access.register.periods import Period, last_day
from stac_api.access.register.references import id_in, only_one, printable


@dataclass(frozen=True, kw_only=True)
class Framework:
    """A mission, partnership or project."""

    id: UUID
    kind: str
    title: str
    principal_entity: UUID | None
    principal_name: str | None
    begins: datetime
    ends: datetime

    def described(self) -> str:
        """A description that distinguishes it from others of the same title."""
        with_whom = f" of {self.principal_name}" if self.principal_name else ""
        first_day = self.begins.astimezone(UTC).date()
        return printable(f"{self.title} ({self.kind}{with_whom}, {first_day} to {last_day(self.ends)})")


ALL, ADD = statements("stac_api.access", "frameworks", "add_framework")


def framework_of(connection: Connection[Any], reference: str) -> Framework:
    """The framework with a title or id.

    Raises:
        Unknown: There is none.
        Ambiguous: There are several with this title.
    """
    found = _frameworks(connection, at=None, id=id_in(reference), text=reference.strip())
    return only_one(found, reference, "dinamis framework list")


def frameworks(connection: Connection[Any], *, at: datetime | None = None) -> list[Framework]:
    """The frameworks, sorted by their end; with `at`, those running then."""
    return _frameworks(connection, at=at, id=None, text=None)


def _frameworks(connection: Connection[Any], **conditions: Any) -> list[Framework]:
    with connection.cursor(row_factory=class_row(Framework)) as cursor:
        return cursor.execute(ALL, conditions).fetchall()


def add_framework(
    connection: Connection[Any],
    actor: Actor,
    kind: FrameworkKind,
    title: str,
    principal: Entity | None,
    period: Period,
) -> Framework:
    """Register a mission, partnership or project.

    Args:
        connection: To the catalogue.
        actor: Who does it.
        kind: Of framework.
        title: Its name.
        principal: The French actor for whom a mission is done, or with whom a partner works.
        period: Its duration; every framework has an end.

    Raises:
        IdentityRefused: It needs an end, a principal, or another one.
    """
    if period.until is None:
        raise IdentityRefused("A framework has an end.")
    _refuse_unsuitable_principal(kind, principal)
    parameters = {
        "kind": kind,
        "title": title.strip(),
        "principal": principal.id if principal else None,
        "since": period.since,
        "until": period.until,
    }
    with connection.transaction():
        row = connection.execute(ADD, parameters).fetchone()
        assert row is not None  # noqa: S101 - an INSERT returns its row
        note(connection, actor, "framework.add", row[0], kind=kind, until=period.until.isoformat())
    return framework_of(connection, str(row[0]))


def _refuse_unsuitable_principal(kind: FrameworkKind, principal: Entity | None) -> None:
    if kind is FrameworkKind.PROJECT:
        return
    if principal is None:
        raise IdentityRefused(f"A {kind} has a principal: name the French actor with --principal.")
    if principal.country != FRANCE or principal.kind == EntityKind.FIRM:
        raise IdentityRefused(
            f"The principal of a {kind} is a French scientific or public actor, which {principal.name} is not."
        )


def end_framework(connection: Connection[Any], actor: Actor, framework: Framework) -> None:
    """End a framework now, and with it all rights derived from it.

    Raises:
        IdentityRefused: It has ended already, or has not begun.
    """
    with connection.transaction():
        ended = connection.execute(
            "UPDATE dinamis.framework SET valid = tstzrange(lower(valid), now())"
            " WHERE id = %s AND valid @> now() AND lower(valid) < now()",
            (framework.id,),
        )
        if not ended.rowcount:
            raise IdentityRefused(f"{framework.described()}: it does not run now.")
        note(connection, actor, "framework.end", framework.id)
