"""Records that a source no longer has: noticed only by complete runs, and withdrawn after a period of grace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

from psycopg import Connection

from database.statements import statements
from harvester import catalogue
from harvester.collection_model import WithdrawalRules
from harvester.record import NAMELESS, Page, Withdrawal
from harvester.runs import Run

MARK_ABSENT, OVERDUE_RECORDS, UNSEEN_RECORDS, COUNT_WITHDRAWN, HAS_NAMELESS = statements(
    "harvester.runs", "mark_absent", "overdue_records", "unseen_records", "count_withdrawn", "has_nameless"
)

#: Records withdrawn in one transaction.
_WITHDRAWN_AT_ONCE = 500

#: Why a record that a complete run did not see is withdrawn, by whether it is active. One that is not may be a folder
#: that could not be listed before.
_WHY_GONE = {True: "its source does not show it any more", False: "there is nothing to refuse there any more"}


def settle_sightings(connection: Connection, run: Run) -> None:
    """After the end of a run, store older sightings that it did not repeat with their records, and delete the rest."""
    with connection.transaction():
        catalogue.wait_for_other_writers(connection)
        connection.execute("SELECT dinamis.settle_sightings(%s, %s)", (run.feed, run.started_at))


def has_nameless(connection: Connection, run: Run) -> bool:
    """Whether a run met a record that its source can neither deliver nor name: it may be any that the run misses."""
    said = {"feed": run.feed, "start": run.started_at, "nameless": NAMELESS}
    row = connection.execute(HAS_NAMELESS, said).fetchone()
    return row is not None and bool(row[0])


def mark_absent(connection: Connection, run: Run) -> int:
    """Note which records of the feed a complete run did not see, and return their number.

    Records below a folder or archive that could not be read are left out.
    """
    return connection.execute(MARK_ABSENT, {"feed": run.feed, "start": run.started_at}).rowcount


def unseen_records(
    connection: Connection, feed: str, rules: WithdrawalRules, seen: Set[str], refused: Iterable[str]
) -> tuple[int, list[tuple[str, bool]]]:
    """What a run that saw these records and refused some would make of the others.

    Returns:
        How many `mark_absent` would note, and what `overdue_records` would then give.
    """
    rows = connection.execute(UNSEEN_RECORDS, {"feed": feed, "grace_days": rules.grace_days})
    places = tuple(f"{place}/" for place in refused)
    unseen = [row for row in rows if row[0] not in seen and not row[0].startswith(places)]
    return len(unseen), [(record, is_active) for record, is_active, is_overdue in unseen if is_overdue]


def overdue_records(connection: Connection, feed: str, rules: WithdrawalRules) -> list[tuple[str, bool]]:
    """The records to withdraw, absent longer than the grace period or refused before: id, and whether it is active."""
    rows = connection.execute(OVERDUE_RECORDS, {"feed": feed, "grace_days": rules.grace_days})
    return rows.fetchall()


def overdue_pages(overdue: Sequence[tuple[str, bool]]) -> Iterator[Page]:
    """Pages that withdraw overdue records, each for one transaction."""
    for start in range(0, len(overdue), _WITHDRAWN_AT_ONCE):
        some = overdue[start : start + _WITHDRAWN_AT_ONCE]
        gone = [Withdrawal(id=record, reason=_WHY_GONE[is_active]) for record, is_active in some]
        yield Page(records=(), withdrawals=gone, next_cursor=None)


def count_withdrawn(connection: Connection, run: Run) -> int:
    """How many records in force a run has withdrawn; those that were in quarantine had no Item to lose."""
    row = connection.execute(COUNT_WITHDRAWN, {"feed": run.feed, "run": run.id}).fetchone()
    assert row is not None  # noqa: S101 - a count gives a row
    return int(row[0])


def withdrawal_limit(run: Run, rules: WithdrawalRules) -> int:
    """How many records a run may withdraw unless it is allowed any number: a share of those active before it."""
    return int(run.active_before * rules.max_share)
