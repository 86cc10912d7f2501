"""The keys of the server: one signs, and those before it are honoured as long as what they signed may live."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
from asyncpg import Connection
from fastapi import Request
from psycopg.rows import class_row

from database.statements import statements
from stac_api.downloads.errors import NoSigningKey
from stac_api.downloads.signatures import SigningKey
from stac_api.remembered import Remembered

#: How long a signed address may live at most, and by default. The `teledetection` client signs again half an hour
#: before the end: what lives less would never be used twice.
LONGEST_S, USUAL_S = 6 * 3600, 3600

#: How long a key is honoured after it has been replaced: as long as a declaration's token, which lives longest.
HONOURED = timedelta(days=7)

#: A process knows of a new key, and of one that was revoked, after this, in seconds.
OLDEST_KEYS_S = 2.0

KEYS, LISTED = statements("stac_api.downloads", "signing_keys", "listed_signing_keys")


@dataclass(kw_only=True)
class SigningKeys(Remembered):
    """The keys that are honoured."""

    NAME = "signing_keys"

    by_id: Mapping[str, SigningKey] = field(default_factory=dict)
    signing: SigningKey | None = None

    async def read(self, connection: Connection) -> None:
        """Learn of keys that are new, and of those that were revoked."""
        rows = await connection.fetch(KEYS, HONOURED)
        self.by_id = {row["kid"]: SigningKey(kid=row["kid"], secret=bytes(row["secret"])) for row in rows}
        self.signing = next((self.by_id[row["kid"]] for row in rows if row["signs"]), None)


async def signing_keys(request: Request) -> SigningKeys:
    """The keys that are honoured now."""
    return await SigningKeys.recent(request, OLDEST_KEYS_S)


async def present_signing_key(request: Request) -> SigningKey:
    """The key that signs now.

    Raises:
        NoSigningKey: there is none.
    """
    key = (await signing_keys(request)).signing
    if key is None:
        raise NoSigningKey
    return key


@dataclass(frozen=True, kw_only=True)
class KeyState:
    """How a key stands, without its secret."""

    kid: str
    created_at: datetime
    retired_at: datetime | None  #: since when it signs nothing more; None while it signs
    honoured_until: datetime | None  #: None while it signs


def listed_keys(connection: psycopg.Connection) -> list[KeyState]:
    """The keys that are honoured, the one that signs first."""
    with connection.cursor(row_factory=class_row(KeyState)) as cursor:
        return cursor.execute(LISTED, {"honoured": HONOURED}).fetchall()


def rotate_key(connection: psycopg.Connection, *, revoke: bool = False) -> str:
    """Let a new key sign; what the one before signed is honoured to its end.

    Args:
        connection: To the catalogue, as its owner.
        revoke: Honour nothing any more that was signed before.

    Returns:
        The id of the new key.
    """
    kid = secrets.token_hex(4)
    with connection.transaction():
        connection.execute("UPDATE dinamis.signing_key SET retired_at = now() WHERE retired_at IS NULL")
        connection.execute(
            "DELETE FROM dinamis.signing_key WHERE retired_at <= now() - %s::interval",
            (timedelta(0) if revoke else HONOURED,),
        )
        connection.execute(
            "INSERT INTO dinamis.signing_key (kid, secret) VALUES (%s, %s)", (kid, secrets.token_bytes(32))
        )
    return kid
