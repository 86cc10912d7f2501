"""Sources that say as a whole that nothing has changed: then nothing of them is read.

What a source said of itself is kept only when all of it was harvested and it still said so afterwards. It is forgotten
before anything is read, so that a run that stops on its way, or sees only a part, leaves none to be compared with.
"""

from __future__ import annotations

from psycopg import Connection

from database.statements import statements
from harvester.feeds import Feed
from harvester.runs import Request, Run
from harvester.runs.report import Outcome, PageReport
from harvester.sources.registry import SOURCES
from harvester.sources.source import TellsItsState, TellsOtherContent

IS_AS_HARVESTED, COUNT_UNCHANGED = statements("harvester.runs", "is_as_harvested", "count_unchanged")


def state_of(feed: Feed) -> str | None:
    """What the source says of itself as a whole; None where it does not.

    Raises:
        SourceUnavailable: it cannot be reached.
    """
    source = SOURCES[feed.kind]
    return source.state_of(feed.options) if isinstance(source, TellsItsState) else None


def content_of(feed: Feed) -> str | None:
    """A digest of all that the source gives; None where finding it out would be as much work as reading.

    Raises:
        SourceUnavailable: it cannot be reached.
    """
    source = SOURCES[feed.kind]
    return source.content_of(feed.options) if isinstance(source, TellsItsState) else None


def is_other_content(feed: Feed, former: str | None) -> bool:
    """Whether it is known, without a look at all that the source gives, that this has not the digest `former`.

    Raises:
        SourceUnavailable: it cannot be reached.
    """
    source = SOURCES[feed.kind]
    return former is None or (isinstance(source, TellsOtherContent) and source.is_other_content(feed.options, former))


def is_plain(request: Request) -> bool:
    """Whether a run was asked for nothing but what has changed."""
    return request.is_like(Request())


def is_comparable(request: Request) -> bool:
    """Whether a run that was asked for this sees all that has changed, as the documents place it."""
    narrowed = (request.limit, request.bbox, request.since, request.until, request.collection)
    return all(each is None for each in narrowed)


def is_as_harvested(connection: Connection, run: Run, state: str, content: str | None = None) -> bool:
    """Whether the source was in that state, or had that content, when it was harvested last, and the ledger holds it.

    Not where a record is in quarantine, which is read again each time, or is missed by a run that may withdraw it, nor
    after any run but a harvest, or one that renamed it: what that undid or amended is for a real reading to find.
    """
    row = connection.execute(
        IS_AS_HARVESTED,
        {
            "feed": run.feed,
            "state": state,
            "content": content,
            "run": run.id,
            "is_everything": run.is_everything,
        },
    ).fetchone()
    return row is not None and bool(row[0])


def count_unchanged(connection: Connection, run: Run, state: str) -> PageReport:
    """Count every active record of a feed as unchanged, and note when its source was found so, and in which state."""
    row = connection.execute(COUNT_UNCHANGED, {"feed": run.feed, "begun": run.started_at, "state": state}).fetchone()
    report = PageReport()
    report.outcomes[Outcome.UNCHANGED] = row[0] if row else 0
    return report


def was_left_unread(connection: Connection, run: Run) -> bool:
    """Whether nothing was read in a run, as the source said that nothing had changed."""
    row = connection.execute(
        "SELECT unchanged_at >= %s FROM dinamis.feed WHERE name = %s", (run.started_at, run.feed)
    ).fetchone()
    return row is not None and bool(row[0])


def kept_content(connection: Connection, feed: str) -> str | None:
    """The digest of all that the source gave when it was harvested last; None where none is known."""
    row = connection.execute("SELECT content_digest FROM dinamis.feed WHERE name = %s", (feed,)).fetchone()
    return row[0] if row else None


def forget_state(connection: Connection, feed: str) -> None:
    """Forget what the source said of itself: it is about to be read."""
    connection.execute(
        "UPDATE dinamis.feed SET state = NULL, content_digest = NULL WHERE name = %s AND state IS NOT NULL", (feed,)
    )


def keep_state(connection: Connection, feed: str, state: str, content: str | None) -> None:
    """Keep what the source said of itself, and what it held, while all of it was harvested."""
    connection.execute(
        "UPDATE dinamis.feed SET state = %s, content_digest = %s WHERE name = %s", (state, content, feed)
    )
