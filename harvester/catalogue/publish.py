"""Publishes Collections: from their documents, with the extents and summaries of their Items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from database.long_work import told_if_long
from database.statements import statement
from harvester import catalogue
from harvester.collection_documents import CollectionDocument, CollectionDocuments, queryables_of
from harvester.queryables import INDEXED

DECLARE_QUERYABLES = statement("harvester.catalogue", "declare_queryables")


def publish_collections(conninfo: str, documents: CollectionDocuments, language: str) -> dict[str, bool]:
    """Publish all Collections; Items are never touched.

    Args:
        conninfo: of the role that may load.
        documents: what to publish.
        language: of the Collections themselves; the other languages are their translations.

    Returns:
        For each collection id whether anything changed.
    """
    # All or nothing: where a Collection is published, so are the queryables of its Items.
    with closing(catalogue.connect(conninfo, autocommit=True)) as connection, connection.transaction():
        changed = publish(connection, documents.values(), language)
        load_queryables(connection, list(documents.values()), language)
    return changed


def publish_missing_collections(
    connection: Connection, conninfo: str, documents: CollectionDocuments, language: str
) -> None:
    """Publish all Collections if one of them is not in the catalogue: pgSTAC takes no Item without its Collection."""
    if documents.keys() - catalogue.stored_collections(connection):
        publish_collections(conninfo, documents, language)


def publish_changes(
    connection: Connection, documents: CollectionDocuments, language: str, touched: Iterable[str]
) -> None:
    """Publish the extents and summaries that new Items change, then do the work deferred while writing them.

    In this order: the deferred work shows the successor of a killed run what is not published yet.
    """
    stale = ({*touched} | catalogue.collections_with_deferred_work(connection)) & documents.keys()
    publish(connection, [documents[each] for each in sorted(stale)], language)
    catalogue.finish_writing(connection)


def publish(connection: Connection, documents: Iterable[CollectionDocument], language: str) -> dict[str, bool]:
    """Publish these Collections, one by one or in the open transaction; for each id whether anything changed."""
    return {document.id: load_collection(connection, document, language) for document in documents}


def load_collection(connection: Connection, document: CollectionDocument, language: str) -> bool:
    """Publish a Collection from its document, with the extents and summaries of its Items.

    Its Items are never touched. Returns whether anything changed.
    """
    with told_if_long(f"publishing the Collection {document.id}"), connection.transaction():
        # When two harvests end together, an older extent must not overwrite a newer one.
        catalogue.wait_for_other_writers(connection)
        published = _with_facts_of_items(connection, document.published(language))
        row = connection.execute("SELECT content FROM collections WHERE id = %s", (document.id,)).fetchone()
        changed = row is None or row[0] != published
        if changed:
            connection.execute("SELECT upsert_collection(%s)", (Jsonb(published),))
        changed |= _load_translations(connection, document, language)
    return changed


def load_queryables(connection: Connection, documents: Sequence[CollectionDocument], language: str) -> bool:
    """Declare every property that the collections publish, so that it can be filtered on; others are refused.

    Returns whether anything changed.
    """
    wanted = _queryable_rows(documents, language)
    with told_if_long("declaring queryables, and indexing Items by them"), connection.transaction():
        catalogue.wait_for_other_writers(connection)
        known = connection.execute(
            "SELECT name, definition, collection_ids, property_index_type FROM queryables"
        ).fetchall()
        if sorted(map(_canonical, known)) == sorted(_canonical(tuple(row.values())) for row in wanted):
            return False
        connection.execute("DELETE FROM queryables")
        connection.execute(DECLARE_QUERYABLES, {"queryables": Jsonb(wanted)})
    return True


def _with_facts_of_items(connection: Connection, collection: dict[str, Any]) -> dict[str, Any]:
    """The Collection with the extent and summaries of its Items; as declared if it has none."""
    row = connection.execute("SELECT dinamis.collection_facts(%s)", (collection["id"],)).fetchone()
    if row is None or row[0] is None:
        return collection
    facts = row[0]
    summaries = {**collection.get("summaries", {}), **facts["summaries"]}
    return {**collection, "extent": facts["extent"], "summaries": summaries}


def _load_translations(connection: Connection, document: CollectionDocument, language: str) -> bool:
    wanted = [
        (other, document.words(other), _words_of_queryables(document, other))
        for other in sorted(document.languages)
        if other != language
    ]
    rows = connection.execute(
        "SELECT language, content, queryables FROM dinamis.collection_translation WHERE collection = %s"
        ' ORDER BY language COLLATE "C"',
        (document.id,),
    )
    if rows.fetchall() == wanted:
        return False
    connection.execute("DELETE FROM dinamis.collection_translation WHERE collection = %s", (document.id,))
    for other, content, words in wanted:
        connection.execute(
            "INSERT INTO dinamis.collection_translation (collection, language, content, queryables)"
            " VALUES (%s, %s, %s, %s)",
            (document.id, other, Jsonb(content), Jsonb(words)),
        )
    return True


def _words_of_queryables(document: CollectionDocument, language: str) -> dict[str, dict[str, str]]:
    """Title and description of each property that can be searched, in one language."""
    return {
        name: {word: definition[word] for word in ("title", "description") if word in definition}
        for name, definition in queryables_of(document, language).items()
    }


def _queryable_rows(documents: Sequence[CollectionDocument], language: str) -> list[dict[str, Any]]:
    """One row for each property and definition: for all collections, or for those with this definition."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for document in documents:
        for name, definition in queryables_of(document, language).items():
            row = rows.setdefault(
                (name, _canonical(definition)),
                {
                    "name": name,
                    "definition": definition,
                    "collection_ids": [],
                    "property_index_type": "BTREE" if name in INDEXED else None,
                },
            )
            row["collection_ids"].append(document.id)
    for row in rows.values():
        if len(row["collection_ids"]) == len(documents):
            row["collection_ids"] = None
    return sorted(rows.values(), key=lambda row: (row["name"], row["collection_ids"] or []))


def _canonical(data: object) -> str:
    return json.dumps(data, sort_keys=True)
