"""The checked-in table: what becomes of each record of the recorded answers of services."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("expected_sources.csv")


@dataclass(frozen=True)
class Row:
    """One line of the table: a record, or a file that has none."""

    file: str  #: below samples/sources
    feed: str  #: that reads it; empty for a file without records
    record: str  #: its id at the source; empty for a file without records
    item: str  #: id of its Item; empty where it is quarantined or withdrawn
    reason: str  #: how the reason of that begins, or why there is no record


def read_expected_sources() -> list[Row]:
    """All lines of the table."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        return [Row(**row) for row in csv.DictReader(line for line in lines if not line.startswith("#"))]
