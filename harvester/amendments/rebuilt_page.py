"""Pages on which Items are built anew from what the ledger holds, and nothing is said of records."""

from __future__ import annotations

from psycopg import Connection

from harvester import runs
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.pages.writing import PageWriting


def rebuilt_page(connection: Connection, side: Connection, context: HarvestContext) -> PageWriting:
    """A page inside the open transaction of `connection`, with `side` beside it, of a ledger that has Items."""
    # Nothing is said of records, whichever feed they are of.
    (feed,) = connection.execute("SELECT min(name) FROM dinamis.feed").fetchone() or (None,)
    return PageWriting(connection, side, runs.kept_feed(connection, str(feed)), None, context, WritingOptions())
