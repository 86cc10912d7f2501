"""`dinamis harvest history`, `show` and `cancel`: past runs, the account of each, and how to stop one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from database.commands.terminal import Failure, json_option, print_json, print_plain, spoken_duration
from harvester.commands.opening import harvest_connection
from harvester.commands.run_accounts import print_account, report_option, write_report

if TYPE_CHECKING:
    from harvester.runs.history import RunSummary
    from harvester.runs.report import HarvestReport

_COUNTS = ("read", "new", "changed", "withdrawn", "quarantined")


@click.command()
@click.argument("feed", required=False)
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="List at most this many runs.")
@json_option
def history(feed: str | None, limit: int, as_json: bool) -> None:
    """List the last runs, of one FEED or of all, the newest first.

    A feed is COLLECTION/SOURCE, or "deliveries PATH_OR_URL" for a place that was named on the command line.
    """
    from harvester.runs.history import history as runs_of

    with harvest_connection() as connection:
        runs = runs_of(connection, feed, limit)
    if as_json:
        print_json([run.as_json() for run in runs])
    elif runs:
        for line in _lines(runs):
            print_plain(line)
    elif feed:
        print_plain(f"There was no run of {feed} yet: `dinamis harvest history` lists all runs with their feeds.")
    else:
        print_plain("There was no run yet.")


@click.command()
@click.argument("run", type=int)
@click.option("--records", is_flag=True, help="List each record that was new, changed, withdrawn or quarantined.")
@click.option("--conflicts", is_flag=True, help="List each Item on which sources contradict each other, and in what.")
@report_option
@json_option
def show(run: int, records: bool, conflicts: bool, file: Path | None, as_json: bool) -> None:
    """Show what became of the records of a RUN. It says what was refused and why, and what else was found.

    \b
      dinamis harvest show 12
      dinamis harvest show 12 --report run.html
      dinamis harvest show 12 --records
    """  # noqa: D301  # click wants the character, which a raw string has not
    from harvester.runs.history import conflicts_of, records_of, report_of

    with harvest_connection() as connection:
        report = report_of(connection, run)
        account = report.as_json()
        if file:
            write_report(file, [report], account)
        if as_json:
            if records:
                account["records"] = [each.as_json() for each in records_of(connection, run)]
            if conflicts:
                every = conflicts_of(connection, run)
                account["conflicts"] = [{"item": item, "conflict": text} for item, text in every]
            print_json(account)
            return
        _print_run(report)
        for each in records_of(connection, run) if records else ():
            print_plain("\t".join(chain((each.outcome, each.record), filter(None, (each.item, each.reason)))))
        for conflict in conflicts_of(connection, run) if conflicts else ():
            print_plain("\t".join(conflict))


@click.command()
@click.argument("run", type=int)
@json_option
def cancel(run: int, as_json: bool) -> None:
    """Stop a RUN for good. Its workers stop after the current page, and what was written is kept.

    A run that failed can be cancelled too: then the next harvest does not resume it, and `dinamis harvest status` no
    longer raises an alarm for it.
    """
    from harvester import runs
    from harvester.runs.history import report_of

    with harvest_connection() as connection:
        report = report_of(connection, run)
        is_under_way = False
        if not runs.cancel_failed(connection, run):
            if not runs.request_cancel(connection, run):
                raise Failure(f"run {run} has ended already: it {_ended(report.state)}.")
            is_under_way = runs.is_at_work(connection, run)
            if not is_under_way:
                runs.end(connection, run, "cancelled", "it was cancelled while nobody worked on it")
    if as_json:
        print_json({"run": run, "feed": report.feed, "state": "stopping" if is_under_way else "cancelled"})
    else:
        becomes = "stops after the current page" if is_under_way else "is cancelled"
        print_plain(f"Run {run} of {report.feed} {becomes}.")


def _ended(state: str) -> str:
    return "was cancelled" if state == "cancelled" else state


def _lines(runs: list[RunSummary]) -> Iterator[str]:
    """A heading and a line for each run; its feed comes last, as it may be long."""
    yield f"  run  began (UTC)        took{''.join(f'  {name:>6}' for name in _COUNTS)}  state, feed"
    for run in runs:
        began = f"{run.started_at.astimezone(UTC):%Y-%m-%d %H:%M}"
        counts = "".join(f"  {run.counts.get(name, 0):>{max(len(name), 6)}}" for name in _COUNTS)
        yield f"{run.id:>5}  {began} {_took(run):>6}{counts}  {_state(run)}, {run.feed}"


def _state(run: RunSummary) -> str:
    state = run.state if run.kind == "harvest" else f"{run.kind} {run.state}"
    return f"{state}, undone" if run.undone_by else state


def _took(run: RunSummary) -> str:
    return spoken_duration((run.finished_at - run.started_at).total_seconds()) if run.finished_at else "-"


def _print_run(report: HarvestReport) -> None:
    ended = f", ended {report.finished_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if report.finished_at else ""
    resumed = ", after an interruption" if report.is_resumed else ""
    print_plain(f"Run {report.run}: {report.kind} of {report.feed}, {report.state}{resumed}")
    print_plain(f"Began {report.started_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}{ended} (UTC).")
    if report.error:
        print_plain(report.error)
    if report.read or report.finished_at:
        print_account(report)
