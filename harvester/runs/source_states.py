"""Sources that can say that nothing in them has changed: then nothing is read.

The state of a source is stored only if all of it was harvested and the state was still the same afterwards. It is
deleted before anything is read, so that a run that stops early, or sees only a part, leaves none to compare with.
"""

from __future__ import annotations

from psycopg import Connection

from database.statements import statements
from harvester.feeds import Feed
from harvester.runs import Request, Run
from harvester.runs.report import Outcome, PageReport
from harvester.sources.registry import SOURCES
from harvester.sources.source import HasContentCheck, HasState

IS_AS_HARVESTED, COUNT_UNCHANGED = statements("harvester.runs", "is_as_harvested", "count_unchanged")


def state_of(feed: Feed) -> str | None:
    """The state of the source as a whole; None if it gives none.

    Raises:
        SourceUnavailable: it cannot be reached.
    """
    source = SOURCES[feed.kind]
    return source.state_of(feed.options) if isinstance(source, HasState) else None


def content_of(feed: Feed) -> str | None:
    """A digest of all that the source gives; None if computing it would be as much work as reading.

    Raises:
        SourceUnavailable: it cannot be reached.
    """
    source = SOURCES[feed.kind]
    return source.content_of(feed.options) if isinstance(source, HasState) else None


def is_other_content(feed: Feed, former: str | None) -> bool:
    """Whether it is known, without reading all that the source gives, that its digest is not `former`.

    Raises:
        SourceUnavailable: it cannot be reached.
    """
    source = SOURCES[feed.kind]
    return former is None or (isinstance(source, HasContentCheck) and source.is_other_content(feed.options, former))


def is_plain(request: Request) -> bool:
    """Whether a run was asked only for what has changed."""
    return request.is_like(Request())


def is_comparable(request: Request) -> bool:
    """Whether a run with this request sees all changes, and places records as the documents say."""
    narrowed = (request.limit, request.bbox, request.since, request.until, request.collection)
    return all(each is None for each in narrowed)


def is_as_harvested(connection: Connection, run: Run, state: str, content: str | None = None) -> bool:
    """Whether the source was last harvested in that state, or with that content, and the ledger holds all of it.

    False if a record is in quarantine, as such records are read again each time, or is absent and the run may withdraw
    it, if the run has several parts, and after any run but a successful harvest or a renaming.
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
    """Count every active record of a feed as unchanged, and note when its source was found so and in which state."""
    row = connection.execute(COUNT_UNCHANGED, {"feed": run.feed, "begun": run.started_at, "state": state}).fetchone()
    report = PageReport()
    report.outcomes[Outcome.UNCHANGED] = row[0] if row else 0
    return report


def was_left_unread(connection: Connection, run: Run) -> bool:
    """Whether a run read nothing, because the source said that nothing had changed."""
    row = connection.execute(
        "SELECT unchanged_at >= %s FROM dinamis.feed WHERE name = %s", (run.started_at, run.feed)
    ).fetchone()
    return row is not None and bool(row[0])


def kept_content(connection: Connection, feed: str) -> str | None:
    """The digest of all that the source gave when it was last harvested; None if unknown."""
    row = connection.execute("SELECT content_digest FROM dinamis.feed WHERE name = %s", (feed,)).fetchone()
    return row[0] if row else None


def forget_state(connection: Connection, feed: str) -> None:
    """Delete the state of a source that is about to be read."""
    connection.execute(
        "UPDATE dinamis.feed SET state = NULL, content_digest = NULL WHERE name = %s AND state IS NOT NULL", (feed,)
    )


def keep_state(connection: Connection, feed: str, state: str, content: str | None) -> None:
    """Store the state of a source, and the digest of its content, after all of it was harvested."""
    connection.execute(
        "UPDATE dinamis.feed SET state = %s, content_digest = %s WHERE name = %s", (state, content, feed)
    )
