"""Records that a source does not show any more: noticed by complete runs only, and withdrawn only after a while."""

from __future__ import annotations

from collections.abc import Set

from psycopg import Connection

from harvester import catalogue
from harvester.collection_model import WithdrawalRules
from harvester.runs import Run


def settle_sightings(connection: Connection, run: Run) -> None:
    """Keep of what was seen before a run, which has come to its end, only what it did not see again."""
    with connection.transaction():
        catalogue.wait_for_other_writers(connection)
        connection.execute("SELECT dinamis.settle_sightings(%s, %s)", (run.feed, run.started_at))


def mark_absent(connection: Connection, run: Run) -> int:
    """Note which records of the feed a complete run did not see; returns how many they are."""
    return connection.execute(
        "UPDATE dinamis.source_record SET absent_since = coalesce(absent_since, %s)"
        " WHERE feed = %s AND state != 'withdrawn' AND last_seen < %s AND NOT EXISTS"
        " (SELECT FROM dinamis.sighting CROSS JOIN unnest(records) AS seen"
        " WHERE sighting.feed = source_record.feed AND seen_at >= %s AND seen = source_record.id)",
        (run.started_at, run.feed, run.started_at, run.started_at),
    ).rowcount


def count_unseen(connection: Connection, feed: str, seen: Set[str]) -> int:
    """How many active records of the feed are not among these."""
    rows = connection.execute("SELECT record FROM dinamis.source_record WHERE feed = %s AND state = 'active'", (feed,))
    return sum(record not in seen for (record,) in rows)


def overdue_records(connection: Connection, feed: str, rules: WithdrawalRules) -> list[tuple[str, bool]]:
    """The records that have been absent longer than the period of grace: id, and whether it is active."""
    rows = connection.execute(
        "SELECT record, state = 'active' FROM dinamis.source_record WHERE feed = %s AND state != 'withdrawn'"
        " AND absent_since <= now() - %s * interval '1 day' ORDER BY record COLLATE \"C\"",
        (feed, rules.grace_days),
    )
    return rows.fetchall()


def withdrawal_limit(run: Run, rules: WithdrawalRules) -> int:
    """How many records one run may withdraw without being told so: a share of those that were active before it."""
    return int(run.active_before * rules.max_share)
