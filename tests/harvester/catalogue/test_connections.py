"""The connections of a run when what they are at is broken off."""

from __future__ import annotations

import pytest
from psycopg import Connection

from database import Database
from harvester import catalogue
from harvester.catalogue.connections import CatalogueConnections


def test_interrupted_page_does_not_keep_its_own_process_waiting(database: Database) -> None:
    """Ctrl-C may leave a page in the middle of a COPY, which no rollback ends: its locks are given back nonetheless."""

    def interrupted(connection: Connection, _: Connection) -> None:
        catalogue.wait_for_other_writers(connection)
        connection.execute("CREATE TEMPORARY TABLE taken (id text)")
        connection.pgconn.exec_(b"COPY taken FROM STDIN")
        raise KeyboardInterrupt

    def wait(_: Connection, side: Connection) -> str:
        side.execute("SET lock_timeout = '5s'")
        with side.transaction():
            catalogue.wait_for_other_writers(side)
        return "it is free"

    with CatalogueConnections(database.conninfo("harvest"), attempts=1) as connections:
        with pytest.raises(KeyboardInterrupt):
            connections.once(interrupted, lambda *_: False)
        assert connections.patiently(wait) == "it is free"
