"""Records that a source does not show any more: noticed by complete runs only, and withdrawn only after a while."""

from __future__ import annotations

from collections.abc import Iterable, Set

from psycopg import Connection

from database.statements import statements
from harvester import catalogue
from harvester.collection_model import WithdrawalRules
from harvester.runs import Run

MARK_ABSENT, OVERDUE_RECORDS, COUNT_WITHDRAWN = statements(
    "harvester.runs", "mark_absent", "overdue_records", "count_withdrawn"
)


def settle_sightings(connection: Connection, run: Run) -> None:
    """Keep of what was seen before a run, which has come to its end, only what it did not see again."""
    with connection.transaction():
        catalogue.wait_for_other_writers(connection)
        connection.execute("SELECT dinamis.settle_sightings(%s, %s)", (run.feed, run.started_at))


def mark_absent(connection: Connection, run: Run) -> int:
    """Note which records of the feed a complete run did not see; returns how many they are.

    Those below a place that could not be read, a folder or an archive, are not among them.
    """
    return connection.execute(MARK_ABSENT, {"feed": run.feed, "start": run.started_at}).rowcount


def count_unseen(connection: Connection, feed: str, seen: Set[str], refused: Iterable[str]) -> int:
    """How many records `mark_absent` would note of a run that saw these and refused some of them."""
    rows = connection.execute(
        "SELECT record FROM dinamis.source_record WHERE feed = %s AND state != 'withdrawn'", (feed,)
    )
    places = tuple(f"{place}/" for place in refused)
    return sum(record not in seen and not record.startswith(places) for (record,) in rows)


def overdue_records(connection: Connection, feed: str, rules: WithdrawalRules) -> list[tuple[str, bool]]:
    """The records that have been absent longer than the period of grace: id, and whether it is active."""
    rows = connection.execute(OVERDUE_RECORDS, {"feed": feed, "grace_days": rules.grace_days})
    return rows.fetchall()


def count_withdrawn(connection: Connection, run: Run) -> int:
    """How many records a run has withdrawn that were in force: of one in quarantine nobody misses an Item."""
    row = connection.execute(COUNT_WITHDRAWN, {"feed": run.feed, "run": run.id}).fetchone()
    assert row is not None  # noqa: S101 - a count gives a row
    return int(row[0])


def withdrawal_limit(run: Run, rules: WithdrawalRules) -> int:
    """How many records one run may withdraw without being told so: a share of those that were active before it."""
    return int(run.active_before * rules.max_share)
