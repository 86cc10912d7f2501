"""Invented people, entities, keys and licences in a real database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import psycopg

from database import Database
from stac_api.access.credentials.api_keys import ApiKey, new_key

#: The text of every invented licence; only its version changes.
LICENCE_TEXT = "Use the images for your mission alone. Version {}."


def digest_of(version: int) -> str:
    """The digest of an invented licence's text, as a signer must give it."""
    return hashlib.sha256(LICENCE_TEXT.format(version).encode()).hexdigest()


@dataclass(frozen=True)
class People:
    """What a test writes into the register; each call is committed with the connection."""

    connection: psycopg.Connection

    def entity(self, name: str, *, state: str = "active") -> UUID:
        """An entity; it joined when it is active."""
        return self._id(
            "INSERT INTO dinamis.entity (name, kind, country, state, joined_at) "
            "VALUES (%s, 'science', 'FR', %s, now() - interval '1 year') RETURNING id",
            (name, state),
        )

    def person(self, name: str, *, issuer: str | None = None, state: str = "active", is_operator: bool = False) -> UUID:
        """A person; with an issuer the name is the subject too."""
        return self._id(
            "INSERT INTO dinamis.person (name, email, issuer, subject, state, is_operator) "
            "VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
            (name, f"{name}@example.org", issuer, name if issuer else None, state, is_operator),
        )

    def join(self, person: UUID, entity: UUID, *categories: str, framework: UUID | None = None) -> None:
        """A confirmed membership, with categories."""
        self.connection.execute(
            "INSERT INTO dinamis.membership (person, entity, validated_at, confirmed_at, valid) "
            "VALUES (%s, %s, now(), now(), tstzrange(now() - interval '1 day', NULL))",
            (person, entity),
        )
        for category in categories:
            self.connection.execute(
                "INSERT INTO dinamis.category_grant (person, entity, category, framework, valid) "
                "VALUES (%s, %s, %s, %s, tstzrange(now() - interval '1 day', NULL))",
                (person, entity, category, framework),
            )

    def mission(self, principal: UUID) -> UUID:
        """A mission for another entity, under way for a year."""
        return self._id(
            "INSERT INTO dinamis.framework (kind, title, principal_entity, valid) VALUES ('mission', 'A mission', %s, "
            "tstzrange(now() - interval '1 day', now() + interval '1 year')) RETURNING id",
            (principal,),
        )

    def key(self, person: UUID, *, scopes: tuple[str, ...] = ("read", "download", "account"), days: int = 30) -> ApiKey:
        """An API key; with negative days one that has expired."""
        key = new_key()
        self.connection.execute(
            "INSERT INTO dinamis.api_key (id, person, digest, scopes, created_at, expires_at) "
            "VALUES (%s, %s, %s, %s, now() - interval '1 year', now() + make_interval(days => %s))",
            (key.id, person, key.digest, list(scopes), days),
        )
        return key

    def licence(self, id_: str, version: int = 1, *, kind: str = "signed") -> None:
        """A version of a licence."""
        text = LICENCE_TEXT.format(version)
        self.connection.execute(
            "INSERT INTO dinamis.licence (id, version, kind, title, href, text, digest) "
            "VALUES (%s, %s, %s, %s, 'https://example.org/licence', %s, %s)",
            (id_, version, kind, f"Licence {id_}", text, digest_of(version)),
        )

    def sign(self, person: UUID, entity: UUID, licence: str, version: int = 1) -> None:
        """A signature, as if the person had given it."""
        self.connection.execute(
            "INSERT INTO dinamis.licence_signature (person, entity, licence, version, digest, method) "
            "VALUES (%s, %s, %s, %s, %s, 'bearer')",
            (person, entity, licence, version, digest_of(version)),
        )

    def _id(self, statement: str, values: tuple[object, ...]) -> UUID:
        row = self.connection.execute(statement, values).fetchone()
        assert row is not None
        found: UUID = row[0]
        return found


def with_key(key: ApiKey) -> dict[str, str]:
    """The header that carries a key."""
    return {"X-API-Key": str(key)}


@contextmanager
def people_of(database: Database) -> Iterator[People]:
    """The register of a database, to be written to; committed at the end of the block."""
    with database.connect("owner") as connection:
        yield People(connection)
