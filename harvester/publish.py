"""Publishing Collections: what their documents say, with the extents and summaries of the Items they hold."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing

from psycopg import Connection

from harvester import catalogue
from harvester.collection_documents import CollectionDocument, CollectionDocuments


def publish_collections(conninfo: str, documents: CollectionDocuments, language: str) -> dict[str, bool]:
    """Publish all Collections; Items are never touched.

    Args:
        conninfo: of the role that may load.
        documents: what to publish.
        language: of the Collections themselves; the other languages are their translations.

    Returns:
        For each collection id whether anything changed.
    """
    # All or nothing: a Collection that is there says that what can be asked of its Items is there too.
    with closing(catalogue.connect(conninfo, autocommit=True)) as connection, connection.transaction():
        changed = publish(connection, documents.values(), language)
        catalogue.load_queryables(connection, list(documents.values()), language)
    return changed


def publish_changes(
    connection: Connection, documents: CollectionDocuments, language: str, touched: Iterable[str]
) -> None:
    """Publish what new Items say of their collections, and do what was deferred while they were written.

    In this order: what is deferred tells who comes after a run that was killed what is not published yet.
    """
    stale = ({*touched} | catalogue.collections_with_deferred_work(connection)) & documents.keys()
    publish(connection, [documents[each] for each in sorted(stale)], language)
    catalogue.finish_writing(connection)


def publish(connection: Connection, documents: Iterable[CollectionDocument], language: str) -> dict[str, bool]:
    """Publish these Collections on an autocommit connection; for each id whether anything changed."""
    return {document.id: catalogue.load_collection(connection, document, language) for document in documents}
