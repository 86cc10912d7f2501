"""Writes Items with pypgstac's own Loader, which fits every version of pgSTAC.

The Loader would replace a dead connection by an autocommit one and write outside the page: here it has exactly one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

import psycopg
from psycopg import Connection
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods


class _PageConnection(PgstacDB):
    """pypgstac's database on exactly one connection: when that is lost, the page fails and nothing goes elsewhere."""

    def connect(self) -> Connection:
        """The connection of the page; raises psycopg.OperationalError when it is closed."""
        if self.connection is None or self.connection.closed or self.connection.broken:
            self.get_pool()
        return self.connection

    def get_pool(self) -> NoReturn:
        """Refused: there are no other connections, even where pypgstac looks for one after an error."""
        raise psycopg.OperationalError("the connection of this page was lost; nothing of the page is written")


def replace_items(connection: Connection, items: Sequence[dict[str, Any]]) -> None:
    """Insert or replace Items inside the open transaction of `connection`.

    Args:
        connection: where `pgstac.use_queue` is set.
        items: as JSON data, each id once; the partitions for their dates exist.

    Raises:
        psycopg.Error: the database refuses a row, or the connection is lost.
        Exception: pgSTAC refuses an Item; pypgstac has no exception of its own.
    """
    database = _PageConnection(connection=connection)
    # upsert would leave a second row when a corrected date moves an Item to another partition.
    Loader(database).load_items(iter(items), Methods.delsert)
    # The Loader ignores errors of the statistics.
    database.connect()
