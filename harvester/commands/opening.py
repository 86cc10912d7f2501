"""What the commands of a harvest open before they work: documents, credentials, feeds and the database."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from database.commands.opening import ready_database, settings_of

if TYPE_CHECKING:
    from psycopg import Connection

    from database import Database
    from harvester.collection_documents import CollectionDocuments
    from harvester.credentials import Credentials
    from harvester.feeds import Feed
    from harvester.harvest_context import HarvestContext


def collection_documents() -> CollectionDocuments:
    """The documents in use."""
    from harvester.collection_documents import load_collection_documents
    from harvester.settings import HarvestSettings

    return load_collection_documents(settings_of(HarvestSettings).collections)


def harvest_context(database: Database | None = None) -> HarvestContext:
    """What a harvest works with: the documents in use, and the database, which is made ready if it is not given."""
    from harvester.harvest_context import HarvestContext
    from harvester.sensors import load_sensors
    from harvester.settings import HarvestSettings

    settings = settings_of(HarvestSettings)
    documents = collection_documents()
    return HarvestContext(
        conninfo=(database or ready_database("harvest")).conninfo("harvest"),
        documents=documents,
        sensors=load_sensors(settings.collections / "sensors"),
        language=settings.language,
        notices=settings,
    )


@contextmanager
def harvest_connection() -> Iterator[Connection]:
    """A connection of the role that harvests, committed at the end of the block."""
    with ready_database("harvest").connect("harvest") as connection:
        yield connection


def credentials_called(name: str) -> Credentials:
    """The credentials of this name from the environment."""
    from harvester.credentials import read_credentials

    return read_credentials(name, os.environ)


def documented_feeds(documents: CollectionDocuments) -> dict[str, Feed]:
    """The feeds of the documents that have an address, with the credentials of the environment."""
    from harvester.feeds import feeds_of
    from harvester.settings import HarvestSettings

    return feeds_of(documents, os.environ, settings_of(HarvestSettings).cache)


def known_feeds(connection: Connection, documents: CollectionDocuments) -> Mapping[str, Feed]:
    """The feeds of the documents, and those that only the database knows, whose records can still be read again."""
    from harvester.runs.history import kept_feeds

    return kept_feeds(connection) | documented_feeds(documents)
