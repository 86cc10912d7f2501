"""The whole ledger as one transaction sees it."""

from __future__ import annotations

from datetime import datetime

from psycopg import Connection

from harvester.ledger.items import ItemLedger
from harvester.ledger.records import RecordLedger
from harvester.ledger.scenes import SceneLedger


class Ledger:
    """The ledger as one transaction sees it."""

    def __init__(self, connection: Connection, *, source: str, feed: str, run: int | None, now: datetime) -> None:
        """Serve one source, on a connection whose transaction the caller owns; `now` is UTC."""
        self.records = RecordLedger(connection, source=source, feed=feed, run=run, now=now)
        self.scenes = SceneLedger(connection)
        self.items = ItemLedger(connection, run=run, now=now)
