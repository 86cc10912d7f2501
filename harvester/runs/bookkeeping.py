"""The bookkeeping of runs: which there are, who works on which part, and how far it has come.

A run has one or more parts. The process that works on a part holds its advisory lock, which the server releases as
soon as the process dies, and has put its token on the row. A page commits together with the cursor after it, and only
for the holder: no page is lost, and none is written twice.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from psycopg import Connection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from database.long_work import told_if_long
from database.statements import statements
from harvester.feeds import Feed
from harvester.instants import spoken
from harvester.runs.report import PageReport, counts
from harvester.runs.run import Part, PartLost, Request, Run, RunBusy, RunCancelled
from harvester.sources.source import Selection

#: Of the two numbers of an advisory lock: parts count from 1.
_FINISHING = 0
_AT_WORK = -1

KEEP_FEED, BEGIN_RUN, RUN, TAKE_UP_RUN, END_RUN, CANCEL_FAILED_RUN = statements(
    "harvester.runs", "keep_feed", "begin_run", "run", "take_up_run", "end_run", "cancel_failed_run"
)
IS_AT_WORK, IS_IN_QUEUE, WORKERS_OF_RUN, LAST_GOOD_START, COUNTS_OF_RUN, NOTE = statements(
    "harvester.runs", "is_at_work", "is_in_queue", "workers_of_run", "last_good_start", "counts_of_run", "note"
)
HOLD_PART, ADVANCE_PART, IS_AT = statements("harvester.runs", "hold_part", "advance_part", "is_at")


def keep_feed(connection: Connection, feed: Feed) -> None:
    """Store where a feed comes from, so that its records can be read again without its document."""
    connection.execute(
        KEEP_FEED,
        {
            "name": feed.name,
            "source": feed.source,
            "kind": feed.kind,
            "collection": feed.collection,
            "location": feed.location,
        },
    )


def kept_feed(connection: Connection, name: str) -> Feed:
    """A feed as it was last harvested: enough to read its records again, not to ask its source."""
    row = connection.execute(
        "SELECT source, kind, collection, location FROM dinamis.feed WHERE name = %s", (name,)
    ).fetchone()
    assert row is not None  # noqa: S101 - every run and every record refers to a feed
    source, kind, collection, location = row
    return Feed(name=name, source=source, kind=kind, collection=collection, location=location, options=None)


def wait_for_beginners(connection: Connection, feed: str) -> None:
    """Let only one process at a time decide which run of a feed to do; the others wait for its transaction to end."""
    with told_if_long(f"waiting for another process that begins a run of {feed}"):
        connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"dinamis run of {feed}",))


def begin(
    connection: Connection,
    feed: Feed,
    request: Request,
    selections: Sequence[Selection],
    *,
    is_everything: bool,
    kind: str = "harvest",
) -> Run:
    """Begin a run with one part for each selection; `is_everything`: together they are all that the source has."""
    with connection.transaction():
        keep_feed(connection, feed)
        row = connection.execute(
            BEGIN_RUN,
            {"feed": feed.name, "kind": kind, "request": Jsonb(request.as_json()), "is_everything": is_everything},
        ).fetchone()
        run = run_by_id(connection, row[0]) if row else None
        assert run is not None  # noqa: S101 - it was just begun
        for number, selection in enumerate(selections, 1):
            connection.execute(
                "INSERT INTO dinamis.run_part (run, part, selection) VALUES (%s, %s, %s)",
                (run.id, number, Jsonb(_selection_as_json(selection))),
            )
    return run


def run_by_id(connection: Connection, number: int) -> Run | None:
    """The run with this number."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(RUN, {"run": number}).fetchone()
    return Run(**{**row, "request": Request.from_json(row["request"])}) if row else None


def last_run(connection: Connection, feed: str, kind: str | None = None) -> Run | None:
    """The last run of this feed, of one kind or of any but corrections, which change no record."""
    row = connection.execute(
        "SELECT max(id) FROM dinamis.run WHERE feed = %s AND kind = coalesce(%s, nullif(kind, 'correct'))",
        (feed, kind),
    ).fetchone()
    return run_by_id(connection, row[0]) if row and row[0] else None


def require_none_under_way(connection: Connection, feed: str) -> None:
    """Require that no run of a feed is under way, before what is known of the feed is changed.

    Raises:
        RunBusy: a run has not ended; it may have been killed.
    """
    row = connection.execute("SELECT id FROM dinamis.run WHERE feed = %s AND state = 'running'", (feed,)).fetchone()
    if row:
        raise busy(connection, row[0])


def busy(connection: Connection, number: int) -> RunBusy:
    """The error for a run that is in the way: since when, who works on it, and what to do."""
    run = run_by_id(connection, number)
    assert run is not None  # noqa: S101 - runs stay
    told = f"It is run {run.id} of {run.feed} ({run.kind}), begun {spoken(run.started_at)}"
    cancel = f"`dinamis harvest cancel {run.id}`"
    if run.state != "running":
        return RunBusy(f"{told}, which has ended meanwhile: start this again.")
    if not is_at_work(connection, run.id):
        if is_in_queue(connection, run.id):
            return RunBusy(f"{told}. Its jobs are in the queue: `dinamis worker` does them, and {cancel} gives it up.")
        resume = "`dinamis harvest status` shows how to resume it"
        return RunBusy(f"{told}. Nobody is at work on it: {resume}, and {cancel} gives it up.")
    row = connection.execute(WORKERS_OF_RUN, {"run": run.id}).fetchone()
    by = f" by {row[0]}, last heard of {spoken(row[1])}" if row and row[0] else ""
    return RunBusy(f"{told}. It is being done{by}: wait for its end, or stop it with {cancel}.")


def unfinished_run(connection: Connection, feed: str) -> Run | None:
    """The last harvest of this feed, if it is running, was killed, or can be resumed after its source failed.

    One that was cancelled, and killed before it stopped, is ended.
    """
    run = last_run(connection, feed, "harvest")
    if run and run.state == "running" and run.cancel_requested and not is_at_work(connection, run.id):
        end(connection, run.id, "cancelled", "it was cancelled, and killed before it stopped")
        return None
    return run if run and (run.state == "running" or run.is_resumable) else None


def take_up(connection: Connection, run: Run) -> None:
    """Resume a run that failed or was cancelled."""
    connection.execute(TAKE_UP_RUN, {"run": run.id})


def set_aside_killed(connection: Connection, feed: str, kind: str) -> None:
    """End the runs of a kind that were killed.

    Raises:
        RunBusy: a process works on one.
    """
    rows = connection.execute(
        "SELECT id FROM dinamis.run WHERE feed = %s AND kind = %s AND state = 'running'", (feed, kind)
    ).fetchall()
    for (run,) in rows:
        if is_at_work(connection, run):
            raise busy(connection, run)
        if is_complete(connection, run):  # only its end was missing
            end(connection, run, "succeeded")
        else:
            end(connection, run, "failed", "it was killed, and another one was asked for after it")


def last_good_start(connection: Connection, feed: str) -> datetime | None:
    """The time since which changes may be unknown: the start of the last run that saw all changes.

    Runs do not count if they were undone, began between an undone run and the end of its undo, or began before the
    end of a retirement of the source.
    """
    row = connection.execute(LAST_GOOD_START, {"feed": feed}).fetchone()
    return row[0] if row else None


def claim_part(connection: Connection, run: Run) -> Part | None:
    """A part of the run that nobody works on, ours until this connection ends; None if there is none."""
    waiting = connection.execute(
        "SELECT part FROM dinamis.run_part WHERE run = %s AND state = 'waiting' ORDER BY part", (run.id,)
    ).fetchall()
    for (number,) in waiting:
        if _try_lock(connection, run.id, number):
            if (part := _hold(connection, run.id, number)) is not None:
                return part
            unlock_part(connection, run.id, number)
    return None


def stay_at_work(connection: Connection, run: int) -> None:
    """Count as at work on a run until this connection ends, also before the first part and between two."""
    connection.execute("SELECT pg_advisory_lock_shared(%s, %s)", (run, _AT_WORK))


def is_at_work(connection: Connection, run: int) -> bool:
    """Whether any process is at work on the run: on a part, on its end, or about to begin."""
    row = connection.execute(IS_AT_WORK, {"run": run}).fetchone()
    return row is not None and bool(row[0])


def is_in_queue(connection: Connection, run: int) -> bool:
    """Whether the queue has jobs of the run, be they waiting, at work, or of a worker that died."""
    row = connection.execute(IS_IN_QUEUE, {"run": run}).fetchone()
    return row is not None and bool(row[0])


def lock_again(connection: Connection, part: Part) -> None:
    """Lock a part and its run again on a new connection, after the previous one was lost.

    Raises:
        PartLost: another process has it.
    """
    if not _try_lock(connection, part.run, part.number):
        raise PartLost(f"It is part {part.number} of run {part.run}.")
    stay_at_work(connection, part.run)


def unlock_part(connection: Connection, run: int, number: int) -> None:
    """Release a part to others."""
    connection.execute("SELECT pg_advisory_unlock(%s, %s)", (run, number))


def advance(connection: Connection, part: Part, cursor: str | None, page: PageReport, *, is_done: bool) -> Part:
    """Store, in the transaction of a page, how far the part has come with it, and its account.

    Returns:
        The part as it is once the transaction is committed.

    Raises:
        PartLost: another process works on it.
        RunCancelled: the run was cancelled, or has ended.
    """
    done = {name: part.counts.get(name, 0) + number for name, number in counts(page).items()}
    row = connection.execute(
        ADVANCE_PART,
        {
            "run": part.run,
            "part": part.number,
            "holder": part.holder,
            "cursor": cursor,
            "counts": Jsonb(done),
            "state": "done" if is_done else "waiting",
        },
    ).fetchone()
    if row is None:
        raise PartLost(f"It is part {part.number} of run {part.run}.")
    if row[0]:
        raise RunCancelled(f"Run {part.run} was cancelled: what was written before is kept.")
    _note_page(connection, part.run, page)
    return replace(part, cursor=cursor, pages=part.pages + 1, counts=done)


def is_at(connection: Connection, part: Part) -> bool:
    """Whether a part has come as far as `advance` returned it, and is still ours."""
    row = connection.execute(
        IS_AT, {"run": part.run, "part": part.number, "holder": part.holder, "pages": part.pages}
    ).fetchone()
    return row is not None and bool(row[0])


def note(connection: Connection, run: int, kind: str, notes: Sequence[tuple[str, str, int]]) -> None:
    """Store notes of a run: subject, detail, how often."""
    connection.execute(
        NOTE,
        {
            "run": run,
            "kind": kind,
            "subjects": [subject for subject, _, _ in notes],
            "details": [detail for _, detail, _ in notes],
            "times": [times for _, _, times in notes],
        },
    )


def parts_left(connection: Connection, run: int) -> int:
    """How many parts of a run are not done."""
    row = connection.execute(
        "SELECT count(*) FROM dinamis.run_part WHERE run = %s AND state = 'waiting'", (run,)
    ).fetchone()
    return row[0] if row else 0


def is_complete(connection: Connection, run: int) -> bool:
    """Whether every part of a run is done."""
    return parts_left(connection, run) == 0


def counts_of(connection: Connection, run: int) -> dict[str, int]:
    """The account of a run over all its parts."""
    return dict(connection.execute(COUNTS_OF_RUN, {"run": run}).fetchall())


def add_to_last_part(connection: Connection, run: int, page: PageReport) -> None:
    """Add what was done after all parts to the account of a run, in the same transaction."""
    row = connection.execute(
        "SELECT part, counts FROM dinamis.run_part WHERE run = %s ORDER BY part DESC LIMIT 1", (run,)
    ).fetchone()
    assert row is not None  # noqa: S101 - every run has a part
    done = {name: row[1].get(name, 0) + number for name, number in counts(page).items()}
    connection.execute(
        "UPDATE dinamis.run_part SET counts = %s WHERE run = %s AND part = %s", (Jsonb(done), run, row[0])
    )
    _note_page(connection, run, page)


def try_finishing(connection: Connection, run: int) -> bool:
    """Whether this process may finish the run; no other may then."""
    return _try_lock(connection, run, _FINISHING)


def stop_finishing(connection: Connection, run: int) -> None:
    """Release what `try_finishing` took."""
    unlock_part(connection, run, _FINISHING)


def end(connection: Connection, run: int, state: str, error: str | None = None, *, is_resumable: bool = False) -> None:
    """End a run as succeeded, failed (perhaps to be resumed) or cancelled."""
    connection.execute(END_RUN, {"run": run, "state": state, "error": error, "is_resumable": is_resumable})


def request_cancel(connection: Connection, run: int) -> bool:
    """Ask the processes that work on a run to stop; False if it has ended already."""
    row = connection.execute(
        "UPDATE dinamis.run SET cancel_requested = true WHERE id = %s AND state = 'running' RETURNING id", (run,)
    ).fetchone()
    return row is not None


def cancel_failed(connection: Connection, run: int) -> bool:
    """Cancel a failed run, so that it is not resumed and raises no alarm; False if it did not fail."""
    return connection.execute(CANCEL_FAILED_RUN, {"run": run}).fetchone() is not None


def _note_page(connection: Connection, run: int, page: PageReport) -> None:
    said = {
        "quarantined": [(each.record, each.reason, 1) for each in page.refusals],
        "withdrawn": [(record, reason, 1) for record, reason in page.withdrawn],
        "warning": [(text, record, times) for text, (times, record) in page.warnings.items()],
        "conflict": [(item, text, 1) for item, text in page.conflicts],
        "passed over": [(kind, "", number) for kind, number in page.passed_over.items()],
    }
    for kind, notes in said.items():
        if notes:
            note(connection, run, kind, list({each[0]: each for each in notes}.values()))


def _hold(connection: Connection, run: int, number: int) -> Part | None:
    holder = uuid4()
    row = connection.execute(
        HOLD_PART, {"run": run, "part": number, "holder": holder, "worker": _worker_name()}
    ).fetchone()
    if row is None:
        return None
    selection, cursor, pages, done = row
    if pages:
        # Another process read its first pages, perhaps long ago: absence no longer proves anything.
        connection.execute("UPDATE dinamis.run SET is_resumed = true WHERE id = %s", (run,))
    return Part(
        run=run,
        number=number,
        selection=_selection_from_json(selection),
        cursor=cursor,
        pages=pages,
        holder=holder,
        counts=done,
    )


def _worker_name() -> str:
    """The name by which people find this process: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _try_lock(connection: Connection, run: int, number: int) -> bool:
    row = connection.execute("SELECT pg_try_advisory_lock(%s, %s)", (run, number)).fetchone()
    return row is not None and bool(row[0])


def _selection_as_json(selection: Selection) -> dict[str, Any]:
    return {
        "since": selection.since and selection.since.isoformat(),
        "until": selection.until and selection.until.isoformat(),
        "bbox": selection.bbox,
        "part": selection.part,
    }


def _selection_from_json(data: Mapping[str, Any]) -> Selection:
    return Selection(
        since=datetime.fromisoformat(data["since"]) if data["since"] else None,
        until=datetime.fromisoformat(data["until"]) if data["until"] else None,
        bbox=tuple(data["bbox"]) if data["bbox"] else None,
        part=data["part"],
    )
