"""Processes that work, to be killed: each is forked from a server that has imported everything already."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import connection, get_context
from typing import TypeVar

T = TypeVar("T")

_IMPORTED_ONCE = ["tests.chaos.harvesting", "tests.chaos.amendments"]


@dataclass(frozen=True)
class Outcome:
    """How a piece of work ended: succeeded, failed (the program said so), busy, crashed (it did not), or killed."""

    state: str
    said: str = ""
    run: int | None = None
    counts: dict[str, int] = field(default_factory=dict)


class Worker:
    """A process that does one piece of work."""

    def __init__(self, work: Callable[[T], Outcome], task: T) -> None:
        """Start it."""
        context = get_context("forkserver")
        context.set_forkserver_preload(_IMPORTED_ONCE)
        self._answers, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(work, task, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def outcome(self, timeout_s: float | None = None) -> Outcome | None:
        """How it ended; None while it goes on."""
        self._process.join(timeout_s)
        if self._process.is_alive():
            return None
        try:
            outcome: Outcome = self._answers.recv()
        except EOFError:
            return Outcome("killed")
        return outcome

    def kill(self) -> None:
        """End it as `kill -9` does, wherever it is."""
        self._process.kill()


def _work(work: Callable[[T], Outcome], task: T, answers: connection.Connection) -> None:
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        answers.send(work(task))
    except Exception:  # whatever it is, the one who waits is to see it
        answers.send(Outcome("crashed", traceback.format_exc()))
