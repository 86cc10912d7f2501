"""Who watches a run: told often how far it has come."""

from __future__ import annotations

from collections.abc import Callable

from harvester.runs.report import HarvestReport
from harvester.sources.source import Progress

#: The report so far and what the source has seen; the same two objects each time.
Watcher = Callable[[HarvestReport, Progress], None]


def nobody_watches(_report: HarvestReport, _progress: Progress) -> None:
    """Let nobody be told."""
