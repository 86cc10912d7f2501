"""What commands open before they work: settings, documents, the database, and the feeds there are."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import ValidationError

from harvester.commands.terminal import Failure, say

if TYPE_CHECKING:
    from psycopg import Connection
    from pydantic_settings import BaseSettings

    from database import Database, DatabaseSettings
    from database.connections import Role
    from harvester.collection_documents import CollectionDocuments
    from harvester.credentials import Credentials
    from harvester.feeds import Feed
    from harvester.harvest import HarvestRooms

Settings = TypeVar("Settings", bound="BaseSettings")


def settings_of(kind: type[Settings]) -> Settings:
    """The settings of one program, from the environment.

    Raises:
        Failure: a variable has a value that cannot be.
    """
    try:
        return kind()
    except ValidationError as error:
        prefix = kind.model_config.get("env_prefix", "")
        raise Failure(
            "; ".join(
                f"{prefix}{str(problem['loc'][-1]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
                for problem in error.errors()
            )
        ) from error


def database_settings() -> DatabaseSettings:
    """Where the database is, as the environment says."""
    from database import DatabaseSettings

    return settings_of(DatabaseSettings)


def ready_database(role: Role = "owner", *, own_home: Path | None = None) -> Database:
    """The database, started and up to date for a role; with `own_home` a private one there, whatever is set."""
    from database import ensure_migrated, open_database

    settings = database_settings()
    if own_home:
        settings = settings.embedded_in(own_home)
    database = open_database(settings, on_progress=say)
    ensure_migrated(database, role)
    return database


def collection_documents() -> CollectionDocuments:
    """The documents in use."""
    from harvester.collection_documents import load_collection_documents
    from harvester.settings import HarvestSettings

    return load_collection_documents(settings_of(HarvestSettings).collections)


def harvest_rooms(database: Database | None = None) -> HarvestRooms:
    """What a harvest works with: the documents in use, and the database, which is made ready if it is not given."""
    from harvester.harvest import HarvestRooms
    from harvester.sensors import load_sensors
    from harvester.settings import HarvestSettings

    settings = settings_of(HarvestSettings)
    documents = collection_documents()
    return HarvestRooms(
        conninfo=(database or ready_database("harvest")).conninfo("harvest"),
        documents=documents,
        sensors=load_sensors(settings.collections / "sensors"),
        language=settings.language,
        notices=settings,
    )


@contextmanager
def harvest_connection() -> Iterator[Connection]:
    """A connection of the role that harvests, on which each statement is committed at once."""
    with ready_database("harvest").connect("harvest") as connection:
        yield connection


def credentials_called(name: str) -> Credentials:
    """The credentials of this name, as the environment gives them."""
    from harvester.credentials import read_credentials

    return read_credentials(name, os.environ)


def documented_feeds(documents: CollectionDocuments) -> dict[str, Feed]:
    """The feeds of the documents that have an address, with the credentials of the environment."""
    from harvester.feeds import feeds_of

    return feeds_of(documents, os.environ)


def known_feeds(connection: Connection, documents: CollectionDocuments) -> Mapping[str, Feed]:
    """The feeds of the documents, and those that only the database knows: their records can be read again."""
    from harvester.run_history import kept_feeds

    return kept_feeds(connection) | documented_feeds(documents)
