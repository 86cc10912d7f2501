"""Compares a collection after a run with what its document expects."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import Connection
from psycopg.types.json import Jsonb

from database.statements import statement
from harvester.collection_documents import CollectionDocument
from harvester.collection_model import Queryable
from harvester.runs.report import HarvestReport, Outcome

MISDECLARED = statement("harvester.runs", "misdeclared")


def breaches_of(connection: Connection, document: CollectionDocument, report: HarvestReport) -> list[str]:
    """The expectations that are not met after a run, in sentences."""
    return [
        *_count_breaches(connection, document),
        *_missing_fields(connection, document),
        *_misdeclared(connection, document),
        *_refused(document, report),
    ]


def _count_breaches(connection: Connection, document: CollectionDocument) -> Iterator[str]:
    expect = document.content.expect
    if expect.min_items is None and expect.max_items is None:
        return
    items = _count(connection, "SELECT count(*) FROM items WHERE collection = %s", document.id)
    if expect.min_items is not None and items < expect.min_items:
        yield f"{document.id} has {items} Items, at least {expect.min_items} are expected"
    if expect.max_items is not None and items > expect.max_items:
        yield f"{document.id} has {items} Items, at most {expect.max_items} are expected"


def _missing_fields(connection: Connection, document: CollectionDocument) -> Iterator[str]:
    with connection.transaction():
        # Two harvests that end together must not both record the fields that no Item lacks.
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"expectations {document.id}",))
        # An Item whose `datetime` is null has an interval, which counts as a date.
        row = connection.execute(
            "SELECT dinamis.items_lacking(%s, %s)", (document.id, list(document.content.expect.required))
        ).fetchone()
    for name, lacking in sorted(row[0].items() if row else ()):
        yield f"{lacking} Items of {document.id} have no {name}, which is expected of all"


def _misdeclared(connection: Connection, document: CollectionDocument) -> Iterator[str]:
    # Those of all collections are checked as records are read; those of a document are what its author takes them for.
    kinds = {name: _kind(each) for name, each in document.content.queryables.items()}
    if not kinds:
        return
    found = connection.execute(MISDECLARED, {"collection": document.id, "kinds": Jsonb(kinds)}).fetchall()
    for name, kind, items, example in found:
        yield (
            f"{items} Items of {document.id}, such as {example}, have a {name} that is no {kind}, while the document "
            "declares one (queryables): searches by it fail, or find the wrong Items. Declare what it is, and number "
            "for whole numbers beyond 2,147,483,647, or have the source mended"
        )


def _kind(declared: Queryable) -> str:
    return declared.format if declared.type == "string" and declared.format in ("date", "date-time") else declared.type


def _refused(document: CollectionDocument, report: HarvestReport) -> Iterator[str]:
    allowed = document.content.expect.max_refused_share
    refused = report.outcomes[Outcome.QUARANTINED]
    if allowed is not None and report.read and refused / report.read > allowed:
        yield f"{refused} of {report.read} records were refused, {allowed:.0%} are expected at most ({document.id})"


def _count(connection: Connection, query: str, *parameters: object) -> int:
    row = connection.execute(query, parameters).fetchone()
    return int(row[0]) if row else 0
