"""Inserting new rows into the ledger: numbered by sequences, and sent by binary COPY."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Connection, sql


def next_numbers(connection: Connection, sequence: str, count: int) -> range:
    """The next numbers of a sequence; nobody else takes any meanwhile, as there is one writer at a time."""
    row = connection.execute(
        "SELECT setval(sequence, nextval(sequence) + %s) FROM (VALUES (%s::regclass)) AS wanted (sequence)",
        (count - 1, sequence),
    ).fetchone()
    assert row is not None  # noqa: S101 - a query without a condition gives a row
    return range(row[0] - count + 1, row[0] + 1)


def copy_rows(connection: Connection, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows by binary COPY; nobody else writes them meanwhile, as there is one writer at a time.

    Args:
        connection: of the transaction.
        table: of the schema `dinamis`.
        columns: with their types, in the order of the values of a row.
        rows: none of which the table holds yet.
    """
    statement = sql.SQL("COPY dinamis.{} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)
