"""Undoing a run: each record returns to what the last run that is not undone said of it, and the Items follow.

Then the Items that the run moved go back to their collections.

An undo is itself a run, so it can be resumed and undone; runs can be undone in any order. What later runs changed is
left alone and reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from psycopg import Connection
from psycopg.rows import class_row

from database.statements import statements
from harvester import runs
from harvester.amendments.amendment_run import PAGE_SIZE, AmendedPage, carry_out
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.errors import HarvestError, UnreadableScene
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext
from harvester.ledger import KeptRecord, RecordEntry, content_from_bytes
from harvester.record import Page, Withdrawal
from harvester.runs import Request, Run
from harvester.runs.report import NAMED_RECORDS, HarvestReport, printable
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sensors import Sensors
from harvester.sources.registry import read_record
from harvester.sources.source import Selection

CHANGES_OF_RUN, MOVES_OF_RUN, CHANGED_SINCE, UNDONE_AT_LAST = statements(
    "harvester.amendments", "changes_of_run", "moves_of_run", "changed_since", "undone_at_last"
)

#: Prefix of cursors once all records are put back; the Item after which to continue follows.
_MOVED = "moved/"


class UndoRefused(HarvestError):
    """This run cannot be undone."""


def undo_run(run_id: int, context: HarvestContext, watch: Watcher = nobody_watches) -> HarvestReport:
    """Put back what a run changed, or resume an undo of it that did not finish.

    Records that were new are withdrawn; the others say what they said before the run, read by the present reader.
    Items that were moved go back. What another run changed or moved since stays as that run left it, unless that was
    undone too, and is reported.

    Args:
        run_id: number of a run that has ended.
        context: the database and the documents.
        watch: called after each page.

    Raises:
        UndoRefused: there is no such run, it was undone already, it corrected an Item, or it renamed a source.
        RunBusy: the run has not ended, or another process is undoing it.
        CatalogueError: the catalogue cannot be written.
    """
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        run, feed = connections.patiently(lambda _, side: _undoing(side, run_id))
        report = HarvestReport(feed.name, feed.location, run.started_at, run=run.id, kind=run.kind)
        next_page = partial(_page_after, run_id, feed, context.sensors)
        carry_out(connections, context, run, next_page, report, watch)
    return report


# Beginning


def _undoing(side: Connection, run_id: int) -> tuple[Run, Feed]:
    """The run that undoes another one: one that was begun before, else a new one."""
    with side.transaction():
        undone = _run_to_undo(side, run_id)
        feed = runs.kept_feed(side, undone.feed)
        return _undoing_left(side, undone) or _new_undoing(side, undone, feed), feed


def _run_to_undo(side: Connection, run_id: int) -> Run:
    """The run of this number, once nobody else begins a run of its feed."""
    undone, name = _known(side, run_id), None
    while undone.feed != name:  # it has another one if who was waited for renamed it
        name = undone.feed
        runs.wait_for_beginners(side, name)
        undone = _known(side, run_id)
    return undone


def _known(side: Connection, run_id: int) -> Run:
    run = runs.run_by_id(side, run_id)
    if run is None:
        raise UndoRefused(f"There is no run {run_id}: see `dinamis harvest history`.")
    return run


def _undoing_left(side: Connection, undone: Run) -> Run | None:
    """The run that began to undo this one and did not finish.

    Raises:
        UndoRefused: it did finish.
    """
    row = side.execute("SELECT undone_by FROM dinamis.undone WHERE run = %s", (undone.id,)).fetchone()
    left = runs.run_by_id(side, row[0]) if row else None
    if left is None:
        return None
    if left.state == "succeeded":
        raise UndoRefused(f"Run {undone.id} was undone by run {left.id}; to have it again, undo run {left.id}.")
    runs.take_up(side, left)
    return left


def _new_undoing(side: Connection, undone: Run, feed: Feed) -> Run:
    if undone.state == "running":
        raise runs.busy(side, undone.id)
    if undone.kind == "correct":
        raise UndoRefused(
            f"Run {undone.id} corrected an Item, see `dinamis harvest show {undone.id}`: remove the correction with "
            "`dinamis harvest correct ITEM --remove FIELD`."
        )
    if undone.kind == "rename":
        raise UndoRefused(
            f"Run {undone.id} renamed a source, see `dinamis harvest show {undone.id}`: rename it in its document, and "
            "then back with `dinamis harvest rename`."
        )
    run = runs.begin(side, feed, Request(), [Selection()], is_everything=False, kind="undo")
    side.execute("UPDATE dinamis.run SET undoes = %s WHERE id = %s", (undone.id, run.id))
    # To resume a run whose first half is undone would leave that half out.
    side.execute("UPDATE dinamis.run SET is_resumable = false WHERE id = %s", (undone.id,))
    return run


# Pages


@dataclass(frozen=True)
class _Change:
    """A record that an undone run changed and no later run in force has, and what it is to say now."""

    id: int
    record: str
    feed: str
    state: str
    due_state: str | None  #: None if only undone runs said anything of it
    digest: bytes | None
    content: bytes | None
    oldest_version: int

    @property
    def is_forgotten(self) -> bool:
        """Whether the version that it is to have is no longer kept."""
        return self.due_state is None and self.oldest_version > 1

    @property
    def is_to_go(self) -> bool:
        """Whether it is to be withdrawn."""
        return self.due_state in (None, "withdrawn") and self.state != "withdrawn" and not self.is_forgotten

    def due(self) -> KeptRecord:
        """The record as it is to be."""
        return KeptRecord(
            id=self.record,
            content=content_from_bytes(self.content or b""),
            kept_digest=bytes(self.digest or b""),
        )


def _page_after(undone: int, feed: Feed, sensors: Sensors, connection: Connection, cursor: str | None) -> AmendedPage:
    """The next records of one feed; then the next Items; finally the remarks on records that are left alone."""
    item = cursor.removeprefix(_MOVED) if cursor and cursor.startswith(_MOVED) else None
    changed_by = _undone_at_last(connection, undone)
    changes = _changes_after(connection, changed_by, int(cursor or 0)) if item is None else []
    if changes:
        _, together = next(groupby(changes, key=lambda change: change.feed))
        page = list(together)
        return _put_back(page, runs.kept_feed(connection, page[0].feed), undone, sensors)
    if moves := _moves_after(connection, changed_by, item or ""):
        return _moved_back(moves, feed)
    remarks = list(_left_alone(connection, changed_by))
    return AmendedPage(feed=feed, page=Page(records=(), next_cursor=None), remarks=remarks)


def _undone_at_last(connection: Connection, undone: int) -> int:
    """The run that undoing this one changes the effect of: itself, or if it is an undo, the first of its chain."""
    row = connection.execute(UNDONE_AT_LAST, {"run": undone}).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    return int(row[0])


def _changes_after(connection: Connection, run: int, cursor: int) -> list[_Change]:
    with connection.cursor(row_factory=class_row(_Change)) as rows:
        return rows.execute(CHANGES_OF_RUN, {"run": run, "cursor": cursor, "size": PAGE_SIZE}).fetchall()


@dataclass(frozen=True)
class _Move:
    """An Item that a run moved, and that is to be elsewhere now."""

    item: str
    present: str  #: collection
    due: str  #: collection where it is to be
    later_run: int | None  #: that moved it again
    other_item: str | None  #: of its acquisition in that collection

    @property
    def hindrance(self) -> str | None:
        """Why it cannot go there."""
        if self.later_run:
            return f"run {self.later_run} moved it since"
        return f"{self.other_item} is the Item of its acquisition in {self.due}" if self.other_item else None


def _moves_after(connection: Connection, run: int, item: str) -> list[_Move]:
    with connection.cursor(row_factory=class_row(_Move)) as rows:
        return rows.execute(MOVES_OF_RUN, {"run": run, "item": item, "size": PAGE_SIZE}).fetchall()


def _moved_back(moves: Sequence[_Move], feed: Feed) -> AmendedPage:
    """A page that moves Items back, as far as nothing hinders them."""
    return AmendedPage(
        feed=feed,
        page=Page(records=(), next_cursor=_MOVED + moves[-1].item),
        moves={each.item: each.due for each in moves if not each.hindrance},
        remarks=[
            (each.item, f"{each.item} stays in {each.present}: {each.hindrance}") for each in moves if each.hindrance
        ],
    )


def _put_back(changes: Sequence[_Change], feed: Feed, undone: int, sensors: Sensors) -> AmendedPage:
    """A page of records as they are to be."""
    reason = f"undone: run {undone}"
    return AmendedPage(
        feed=feed,
        page=Page(
            records=[each.due() for each in changes if each.due_state == "active"],
            withdrawals=[Withdrawal(id=each.record, reason=reason) for each in changes if each.is_to_go],
            next_cursor=str(changes[-1].id),
        ),
        refused=[
            _refused_again(each.due(), feed, undone, sensors) for each in changes if each.due_state == "quarantined"
        ],
        remarks=[
            (each.record, f"{each.record} is left as it is: what it said before run {undone} is not kept any more")
            for each in changes
            if each.is_forgotten
        ],
    )


def _refused_again(raw: KeptRecord, feed: Feed, undone: int, sensors: Sensors) -> RecordEntry:
    """A record in quarantine again, with its present reason, as the former one is not kept."""
    try:
        read_record(feed.kind, raw, sensors)
    except UnreadableScene as error:
        return RecordEntry(raw=raw, state="quarantined", stage="read", reason=printable(str(error)))
    reason = f"it was in quarantine before run {undone}, which is undone: replay it"
    return RecordEntry(raw=raw, state="quarantined", stage="build", reason=reason)


def _left_alone(connection: Connection, run: int) -> Iterator[tuple[str, str]]:
    """The records that a run changed and a later one changed again, each with a remark."""
    rows = connection.execute(CHANGED_SINCE, {"run": run, "named": NAMED_RECORDS})
    for record, later in rows.fetchall():
        yield record, f"{record} is left as it is: run {later} changed it since"
