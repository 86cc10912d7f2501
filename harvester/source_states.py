"""Sources that say as a whole that nothing has changed: then nothing of them is read.

What a source said of itself is kept only when all of it was harvested and it still said so afterwards. It is forgotten
before anything is read, so that a run that stops on its way, or sees only a part, leaves none to be compared with.
"""

from __future__ import annotations

from psycopg import Connection

from harvester.feeds import Feed
from harvester.report import Outcome, PageReport
from harvester.runs import Request, Run
from harvester.sources.registry import SOURCES
from harvester.sources.source import TellsItsState


def state_of(feed: Feed) -> str | None:
    """What the source says of itself as a whole; None where it does not.

    Raises:
        SourceUnavailable: it cannot be reached.
    """
    source = SOURCES[feed.kind]
    return source.state_of(feed.options) if isinstance(source, TellsItsState) else None


def is_plain(request: Request) -> bool:
    """Whether a run was asked for nothing but what has changed."""
    return request.is_like(Request())


def is_comparable(request: Request) -> bool:
    """Whether a run that was asked for this sees all that has changed, as the documents place it."""
    narrowed = (request.limit, request.bbox, request.since, request.until, request.collection)
    return all(each is None for each in narrowed)


def is_as_harvested(connection: Connection, run: Run, state: str) -> bool:
    """Whether the source said the same when it was harvested last, and the ledger still holds what it had then.

    Not where a record is in quarantine, which is read again each time, or is missed by a run that may withdraw it, nor
    after any run but a harvest: what that undid or amended is for a real reading to find.
    """
    row = connection.execute(
        "SELECT EXISTS (SELECT FROM dinamis.feed WHERE name = %(feed)s AND state = %(state)s)"
        " AND NOT EXISTS (SELECT FROM dinamis.source_record WHERE feed = %(feed)s AND (state = 'quarantined'"
        "  OR (%(is_everything)s AND state = 'active' AND absent_since IS NOT NULL)))"
        " AND (SELECT count(*) FROM dinamis.run_part WHERE run = %(run)s) = 1"
        " AND (SELECT kind = 'harvest' AND state = 'succeeded' FROM dinamis.run"
        "  WHERE feed = %(feed)s AND id < %(run)s ORDER BY id DESC LIMIT 1)",
        {"feed": run.feed, "state": state, "run": run.id, "is_everything": run.is_everything},
    ).fetchone()
    return row is not None and bool(row[0])


def count_unchanged(connection: Connection, feed: str) -> PageReport:
    """Count every active record of a feed as unchanged, and note when its source said that they are."""
    row = connection.execute(
        "WITH told AS (UPDATE dinamis.feed SET unchanged_at = now() WHERE name = %(feed)s)"
        " SELECT count(*) FROM dinamis.source_record WHERE feed = %(feed)s AND state = 'active'",
        {"feed": feed},
    ).fetchone()
    report = PageReport()
    report.outcomes[Outcome.UNCHANGED] = row[0] if row else 0
    return report


def was_left_unread(connection: Connection, run: Run) -> bool:
    """Whether nothing was read in a run, as the source said that nothing had changed."""
    row = connection.execute(
        "SELECT unchanged_at >= %s FROM dinamis.feed WHERE name = %s", (run.started_at, run.feed)
    ).fetchone()
    return row is not None and bool(row[0])


def forget_state(connection: Connection, feed: str) -> None:
    """Forget what the source said of itself: it is about to be read."""
    connection.execute("UPDATE dinamis.feed SET state = NULL WHERE name = %s AND state IS NOT NULL", (feed,))


def keep_state(connection: Connection, feed: str, state: str) -> None:
    """Keep what the source said of itself while all of it was harvested."""
    connection.execute("UPDATE dinamis.feed SET state = %s WHERE name = %s", (state, feed))
