"""The accounts of runs: watched while they grow, printed at their end, and written into files."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table

from database.commands.terminal import (
    ERR,
    FAILED,
    OUT,
    Failure,
    Rate,
    ShowProgress,
    print_error,
    print_json,
    print_plain,
    progress_bar,
    say,
    stopped_like_ctrl_c,
)

if TYPE_CHECKING:
    from harvester.runs.report import HarvestReport, ItemChange
    from harvester.sources.source import Progress

logger = logging.getLogger(__name__)

INTERRUPTION = "interrupted"  #: the error in an account after Ctrl-C

_COLUMNS = ("read", "new", "changed", "unchanged", "withdrawn", "quarantined")
#: Most lines of one kind that are printed; files have more.
_PRINTED = 100


def _writable(_ctx: click.Context, _param: click.Parameter, file: Path | None) -> Path | None:
    if file is not None and not file.parent.is_dir():
        raise Failure(f"the report cannot be written: make the folder {file.parent} first.")
    if file is not None and file.suffix not in (".json", ".html"):
        raise Failure(f"the report is written as JSON or as a page: the name of {file} must end with .json or .html.")
    return file


report_option = click.option(
    "--report",
    "file",
    metavar="FILE",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=_writable,
    help="Also write the account here, as JSON (.json) or as a page to read and print (.html).",
)


class Watch:
    """Watches one run: called with its growing account, which it keeps, and shows how far it has come."""

    def __init__(self, report: HarvestReport, show: ShowProgress) -> None:
        self.report = report
        self._show = show
        self._rate = Rate()
        self._told = 0

    def __call__(self, report: HarvestReport, progress: Progress) -> None:
        """Show how far the run has come: by a bar on a terminal, by a line for each page elsewhere."""
        self.report = report
        self._show(report.read, progress.total, lambda: progress.at_hand)
        if not ERR.is_terminal and report.read > self._told:
            self._told = report.read
            ERR.print(self._line(progress.total), highlight=False, markup=False, soft_wrap=True)

    def _line(self, total: int | None) -> str:
        report = self.report
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(report.outcomes.items()) if count)
        of_all = f" of {total}" if total else ""
        return f"{report.feed}: {report.read}{of_all} records read ({self._rate.of(report.read):.0f}/s): {counts}"


class Accounts:
    """The accounts of the runs of a command, and its exit code."""

    def __init__(self, *, as_json: bool = False, file: Path | None = None, is_one: bool = False) -> None:
        """Print them as text or JSON, and write them into a file; `is_one`: there is never more than one."""
        self._reports: list[HarvestReport] = []
        self._as_json = as_json
        self._file = file
        self._is_one = is_one

    @property
    def exit_code(self) -> int:
        """The exit code of the worst run."""
        return max(FAILED if report.error else report.exit_code for report in self._reports)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Write the accounts, however the block ends; SIGTERM ends it as Ctrl-C does."""
        try:
            with stopped_like_ctrl_c():
                yield
        finally:
            self._tell_failures_again()
            if self._as_json:
                print_json(self._as_data())
            if self._file:
                write_report(self._file, self._reports, self._as_data())

    @contextmanager
    def of(self, feed: str, location: str, *, kind: str = "harvest") -> Iterator[Watch]:
        """Keep and print the account of the run done in the block, however it ends; it sets `report` of the watch.

        An expected error ends the block but not the command, so that other feeds are still harvested.
        """
        from database import DatabaseError
        from harvester.errors import HarvestError
        from harvester.runs.report import HarvestReport

        with progress_bar(feed) as show:
            watch = Watch(HarvestReport(feed, location, datetime.now(UTC), kind=kind), show)
            failure: Exception | None = None
            try:
                yield watch
            except (DatabaseError, HarvestError) as error:
                logger.info("%s failed", feed, exc_info=True)
                watch.report.error, watch.report.state, failure = str(error), "failed", error
            except KeyboardInterrupt:
                watch.report.error = INTERRUPTION
                raise
            finally:
                self._reports.append(watch.report)
                if not self._as_json:
                    print_account(watch.report)
        if failure:
            print_error(failure)

    def _tell_failures_again(self) -> None:
        """Repeat the errors of several runs, as they may have scrolled away."""
        failed = [report for report in self._reports if report.error not in (None, INTERRUPTION)]
        if failed and len(self._reports) > 1:
            say(f"{len(failed)} of {len(self._reports)} failed:")
            for report in failed:
                say(f"  {report.feed}: {report.error}")

    def _as_data(self) -> Any:
        data = [report.as_json() for report in self._reports]
        return data[0] if self._is_one and data else data


def write_report(file: Path, reports: Sequence[HarvestReport], data: Any) -> None:
    """Write accounts into a file: as a page if its name says so, else as JSON."""
    from harvester.runs.report_page import report_page

    is_page = file.suffix == ".html"
    text = report_page(reports) if is_page else json.dumps(data, indent=2, ensure_ascii=False) + "\n"
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        runs = " or ".join(str(report.run) for report in reports if report.run)
        elsewhere = f" `dinamis harvest show {runs} --report FILE` writes it elsewhere." if runs else ""
        raise Failure(f"the report cannot be written: {error}.{elsewhere}") from error


def print_account(report: HarvestReport) -> None:
    """Print the account of a run; if it ended early, only what was done."""
    has_counts = bool(report.read or report.changes or report.items_written or report.items_removed)
    if has_counts:
        OUT.print(_table(report))
    elif report.error is None:
        print_plain(_nothing_found(report))
    _print_first([f"refused {each.reason}" for each in report.refusals], report, "--records")
    _print_first([f"withdrawn {record}: {reason}" for record, reason in report.withdrawn], report, "--records")
    _print_some([line for change in report.changes for line in _described(change)])
    _print_first([f"conflict {item}: {text}" for item, text in report.conflicts], report, "--conflicts")
    _print_some(
        [
            f"warning {text} ({record}{', and others' * (times > 1)})"
            for text, (times, record) in report.warnings.items()
        ]
    )
    _print_some([f"drift {text}" for text in report.drift])
    _print_some([f"not as expected: {text}" for text in report.breaches])
    for sentence in _remarks(report) if has_counts else ():
        OUT.print(sentence, highlight=False, soft_wrap=True)
    if report.error == INTERRUPTION:
        print_plain(f"The {report.kind} was interrupted. What was written is kept: the same command does the rest.")


def _table(report: HarvestReport) -> Table:
    account = report.as_json()
    run = f", run {report.run}" if report.run else ""
    title = f"{report.location or report.feed}{run}{' (dry run: nothing was written)' if report.dry_run else ''}"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    table.add_row(*(str(account[name]) for name in _COLUMNS))
    return table


def _remarks(report: HarvestReport) -> Iterator[str]:
    outcomes = {outcome.value: count for outcome, count in report.outcomes.items() if count}
    written = "would be " if report.dry_run else ""
    yield f"Items {written}written: {report.items_written}, Items {written}removed: {report.items_removed}."
    if report.absent:
        yield f"{report.absent} known records were not seen; they are withdrawn after the period of grace."
    if report.error is None and "unchanged" in outcomes and not outcomes.keys() - {"unchanged", "quarantined"}:
        is_all = outcomes.keys() == {"unchanged"} and not report.absent
        yield f"Nothing {'' if is_all else 'else '}has changed since the last harvest."


def _described(change: ItemChange) -> Iterator[str]:
    """What a run would do to an Item, in lines."""
    if change.kind == "unchanged":
        return
    yield f"{change.kind} {change.collection}/{change.item}"
    for name, (before, after) in change.fields.items():
        yield f"    {name}: {_shortened(before)} → {_shortened(after)}"


def _shortened(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _print_some(lines: Sequence[str], others: str | None = None) -> None:
    for line in lines[:_PRINTED]:
        print_plain(line)
    if len(lines) > _PRINTED:
        print_plain(others or f"… and {len(lines) - _PRINTED} more lines like these: --report FILE has them.")


def _print_first(lines: Sequence[str], report: HarvestReport, option: str) -> None:
    """Print some of these lines, and which option of `show` gives all if the account has only the first."""
    from harvester.runs.report import NAMED_RECORDS

    may_be_cut = len(lines) >= NAMED_RECORDS
    every = f", `dinamis harvest show {report.run} {option}` all" if report.run else ""
    others = f"… and more like these: --report FILE has the first {NAMED_RECORDS}{every}."
    _print_some(lines, others if may_be_cut else None)


def _nothing_found(report: HarvestReport) -> str:
    if report.kind != "harvest":
        return f"{report.feed}: this {report.kind} had nothing to do."
    seen = ", ".join(f"{number} {kind}" for kind, number in report.passed_over.items())
    passed_over = f": passed over {seen}" if seen else ""
    if not report.is_everything:
        return f"{report.feed}: nothing new was found there{passed_over}. Not all was asked for; --full does."
    return f"{report.feed}: nothing was found there{passed_over}."


def listed(names: Iterable[str]) -> str:
    """Names, for a message."""
    return ", ".join(names) or "none"
