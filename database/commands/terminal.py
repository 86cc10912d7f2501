"""What commands share in dealing with people: the console, failures, and progress."""

from __future__ import annotations

import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from threading import Event, Thread
from types import FrameType
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from database.long_work import LongWork, lasting_work

# Without emoji, as ":100:" is line 100 of a file.
OUT = Console(emoji=False)
ERR = Console(stderr=True, emoji=False)

FAILED = 2  #: exit code of a command that could not do its work; 1 means that it did, and found something amiss
INTERRUPTED = 130  #: exit code after Ctrl-C, as in shells

#: Work that takes longer is announced, and repeatedly, in seconds.
_LONG_S = 3.0
_AGAIN_S = 15.0

ShowProgress = Callable[[int, int | None, Callable[[], str]], None]  #: done, total if known, what is at hand


class Failure(click.ClickException):
    """The command cannot do its work; the message says what to do."""

    exit_code = FAILED


class Commands(click.Group):
    """A group whose commands end on an expected error with its message and exit code 2, never with a traceback.

    Args:
        foreseen: Gives the expected errors, whose messages say what to do; called when an error is raised.
        arguments, named: Those of click's own group.
    """

    def __init__(self, *arguments: Any, foreseen: Callable[[], tuple[type[Exception], ...]], **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._foreseen = foreseen

    def main(self, *arguments: Any, **named: Any) -> Any:
        """Run the program; characters that the output encoding lacks become question marks instead of errors."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="replace")
        return super().main(*arguments, **named)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, and show what it is doing if that takes long."""
        try:
            with _long_work_told():
                return super().invoke(ctx)
        except BrokenPipeError:  # the reader of the output has closed it
            raise
        except Exception as error:
            if not isinstance(error, self._foreseen()) or ctx.find_root().params.get("verbose"):
                raise
            print_error(error)
            sys.exit(FAILED)
        except KeyboardInterrupt:
            ERR.print("Interrupted.")
            sys.exit(INTERRUPTED)


class LogLines(logging.Handler):
    """Log lines on standard error, above a progress bar while there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        print(self.format(record), file=sys.stderr)  # noqa: T201


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_error(error: Exception) -> None:
    """Print an expected error as one line."""
    ERR.print(f"[red]Error:[/red] {escape(str(error))}", highlight=False, soft_wrap=True)


def print_json(data: Any) -> None:
    """Print one JSON document in UTF-8 (RFC 8259), not wrapped to the width of the terminal."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str).encode())


def print_plain(text: str) -> None:
    """Print a line as it is: text from records and files is not markup."""
    OUT.print(text, highlight=False, markup=False, soft_wrap=True)


def confirm(question: str) -> None:
    """Ask before doing something that is not easily undone.

    Raises:
        Failure: the answer is no, or there is nobody to ask.
    """
    try:
        is_wanted = click.confirm(question, err=True)
    except click.Abort:
        is_wanted = False
        click.echo(err=True)
    if not is_wanted:
        raise Failure("nothing was done, as nobody answered with y; --yes does it without asking.")


def say(message: str) -> None:
    """Tell the user what is being done."""
    ERR.print(escape(message), style="dim", highlight=False, soft_wrap=True)


@contextmanager
def _long_work_told() -> Iterator[None]:
    """Announce work in the block that takes long; a progress bar shows it itself."""
    is_over = Event()
    teller = Thread(target=_tell_until, args=(is_over,), daemon=True)
    teller.start()
    try:
        yield
    finally:
        is_over.set()
        teller.join()


def _tell_until(is_over: Event) -> None:
    told_at = -_AGAIN_S
    while not is_over.wait(1):
        if time.monotonic() < told_at + _AGAIN_S or _BARS:
            continue
        for line in _lasting_lines():
            say(line)
            told_at = time.monotonic()


def _lasting_lines() -> list[str]:
    return sorted({_told(work, time.monotonic()) for work in lasting_work(_LONG_S)})


def _told(work: LongWork, now: float) -> str:
    goes_on = f", again in {spoken_duration(work.until - now)}" if work.until else ""
    return f"{work.what}, {spoken_duration(now - work.begun)} so far{goes_on}"


@contextmanager
def stopped_like_ctrl_c() -> Iterator[None]:
    """Make SIGTERM, with which service managers stop a program, end a piece of work as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _AtHand(ProgressColumn):
    """What is being done, refreshed whenever the bar is drawn, also between two steps."""

    def render(self, task: Task) -> Text:
        """A few words."""
        return Text(task.fields["at_hand"]())


class _Count(ProgressColumn):
    """Steps done, steps in all, and steps per second."""

    def render(self, task: Task) -> Text:
        """The numbers that are known."""
        total = f" of {task.total:.0f}" if task.total else ""
        return Text(f"{task.completed:.0f}{total}{f', {task.speed:.0f}/s' if task.speed else ''}")


class _TimeLeft(ProgressColumn):
    """The remaining time at the rate of the last minute."""

    def render(self, task: Task) -> Text:
        """The estimate, once there is one."""
        left = task.time_remaining
        return Text(f"{spoken_duration(left)} left" if left is not None and task.total else "")


class _Bar(Progress):
    """Progress, and below it what has been taking long."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """The bar, and a line for each wait."""
        yield from super().get_renderables()
        yield from (Text(line, style="dim") for line in _lasting_lines())


#: The bars on the screen.
_BARS: set[Progress] = set()


@contextmanager
def progress_bar(what: str) -> Iterator[ShowProgress]:
    """A progress bar on a terminal: steps done, steps in all if known, and what is being done; nothing elsewhere."""

    def one_line() -> Column:
        return Column(no_wrap=True, overflow="ellipsis")

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False, table_column=one_line()),
        BarColumn(bar_width=10),
        _Count(),
        _TimeLeft(),
        TimeElapsedColumn(),
        _AtHand(table_column=one_line()),
    )
    with _Bar(*columns, console=ERR, transient=True, disable=not ERR.is_terminal) as bar:
        task = bar.add_task(what, total=None, at_hand=str)

        def show(done: int, total: int | None, at_hand: Callable[[], str]) -> None:
            bar.update(task, completed=done, total=total, at_hand=at_hand)

        shown = set() if bar.disable else {bar}
        _BARS.update(shown)
        try:
            yield show
        finally:
            _BARS.difference_update(shown)


class Rate:
    """Steps per second since its creation."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def of(self, steps: int) -> float:
        """The mean rate after so many steps."""
        return steps / max(time.monotonic() - self._start, 1e-3)


def spoken_duration(seconds: float) -> str:
    """A duration in its largest unit: `40 s`, `12 min`, `5 h`, `3 d`."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
