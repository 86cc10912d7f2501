"""Pages that rebuild Items from what the ledger holds, and change no record."""

from __future__ import annotations

from psycopg import Connection

from harvester import runs
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.pages.writing import PageWriting


def rebuilt_page(connection: Connection, side: Connection, context: HarvestContext) -> PageWriting:
    """A page inside the open transaction of `connection`, with `side` beside it; the ledger must have a feed."""
    # Any feed will do, as no record is changed.
    (feed,) = connection.execute("SELECT min(name) FROM dinamis.feed").fetchone() or (None,)
    return PageWriting(connection, side, runs.kept_feed(connection, str(feed)), None, context, WritingOptions())
