"""Watching a run: a function that is often called with how far it has come."""

from __future__ import annotations

from collections.abc import Callable

from harvester.runs.report import HarvestReport
from harvester.sources.source import Progress

#: The report so far and what the source has seen; the same two objects each time.
Watcher = Callable[[HarvestReport, Progress], None]


def nobody_watches(_report: HarvestReport, _progress: Progress) -> None:
    """Ignore the report."""
