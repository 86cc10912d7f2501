"""The audit trail: every change of identities and rights, recorded in the transaction that makes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from database.statements import statement

EVENTS = statement("stac_api.access", "audit_events")


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who makes a change: a registered person, or a user of the command line."""

    person: UUID | None = None
    login: str | None = None  #: at the command line, the system login

    def signed(self, detail: dict[str, Any]) -> dict[str, Any]:
        """The detail of an event, with the login if there is one; None values are left out."""
        return {name: value for name, value in {**detail, "login": self.login}.items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One recorded change."""

    id: int
    at: datetime
    actor: UUID | None
    action: str
    subject: str
    detail: dict[str, Any]


def note(connection: Connection[Any], actor: Actor, action: str, subject: UUID | str, **detail: Any) -> None:
    """Record a change, in the transaction that makes it.

    Args:
        connection: That of the change.
        actor: Who did it.
        action: What, as noun and verb: `entity.activate`.
        subject: Id of what was changed.
        detail: What else matters. No names or addresses of people: those can be erased, the trail cannot.
    """
    connection.execute(
        "INSERT INTO dinamis.audit_event (actor, action, subject, detail) VALUES (%s, %s, %s, %s)",
        (actor.person, action, str(subject), Jsonb(actor.signed(detail))),
    )


def audit_events(
    connection: Connection[Any], *, of: UUID | str | None = None, since: datetime | None = None, limit: int = 100
) -> list[AuditEvent]:
    """The latest events, the latest first.

    Args:
        connection: To the catalogue.
        of: Id of what was changed, or of who changed it; None: all.
        since: Only those from then on.
        limit: Maximum number.
    """
    with connection.cursor(row_factory=class_row(AuditEvent)) as cursor:
        parameters = {
            "subject": None if of is None else str(of),
            "actor": of if isinstance(of, UUID) else None,
            "since": since,
            "limit": limit,
        }
        return cursor.execute(EVENTS, parameters).fetchall()
