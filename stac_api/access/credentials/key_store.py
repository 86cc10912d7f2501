"""The API keys that people have. For commands, over psycopg."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg.rows import class_row

from database.statements import statement
from stac_api.access.credentials.api_keys import PREFIX, ApiKey, new_key
from stac_api.access.errors import IdentityRefused, Unknown
from stac_api.access.principal import Scope
from stac_api.access.register.audit import Actor, note
from stac_api.access.register.people import Person

KEYS = statement("stac_api.access", "keys")


@dataclass(frozen=True, kw_only=True)
class KeptKey:
    """A key without its secret, which is not stored."""

    id: str
    person: UUID
    person_name: str | None
    label: str
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    last_used_at: datetime | None


def create_key(
    connection: Connection[Any],
    actor: Actor,
    person: Person,
    *,
    scopes: Iterable[Scope],
    label: str,
    expires_at: datetime,
) -> ApiKey:
    """Create a key for somebody; its secret is only in the returned key.

    Raises:
        IdentityRefused: The person's account is not active.
    """
    if person.state != "active":
        raise IdentityRefused(f"{person.described()}: keys are for active accounts.")
    key = new_key()
    granted = sorted({each.value for each in scopes})
    with connection.transaction():
        connection.execute(
            "INSERT INTO dinamis.api_key (id, person, digest, scopes, label, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (key.id, person.id, key.digest, granted, label, expires_at),
        )
        note(connection, actor, "key.create", person.id, key=key.id, scopes=granted, until=expires_at.isoformat())
    return key


def keys(connection: Connection[Any], *, person: UUID | None = None, only_live: bool = True) -> list[KeptKey]:
    """The keys, the latest first; `only_live` leaves out those that have expired or were revoked."""
    with connection.cursor(row_factory=class_row(KeptKey)) as cursor:
        return cursor.execute(KEYS, {"person": person, "live": only_live}).fetchall()


def revoke_key(connection: Connection[Any], actor: Actor, written: str) -> str:
    """Revoke a key, now and for good.

    Args:
        connection: To the catalogue.
        actor: Who does it.
        written: Its id, with or without the prefix, or the whole key with its secret.

    Returns:
        Its id.

    Raises:
        Unknown: There is no such key, or it is already revoked.
    """
    id_ = written.strip().removeprefix(PREFIX).partition("_")[0]
    with connection.transaction():
        row = connection.execute(
            "UPDATE dinamis.api_key SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL RETURNING person",
            (id_,),
        ).fetchone()
        if row is None:
            raise Unknown(f"no key {id_!r} that could be revoked. See `dinamis key list`.")
        note(connection, actor, "key.revoke", row[0], key=id_)
    return id_
