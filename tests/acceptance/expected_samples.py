"""The checked-in table: what becomes of each sample file."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("expected_samples.csv")
OUTCOMES = {"item", "asset", "companion", "refused", "no record"}


@dataclass(frozen=True)
class Row:
    """One line of the table: some files, and what is expected of each."""

    files: str  #: glob below samples/dimap
    outcome: str  #: one of OUTCOMES
    expected: str  #: the Item, a fragment of the reason, or what the file is


@dataclass(frozen=True)
class ExpectedSamples:
    """The table, applied to the samples at hand."""

    files: list[str]  #: all files below samples/dimap, relative to it
    rows: list[Row]
    matches: list[tuple[str, Row]]  #: each file with each row that matches it

    def expected(self, *outcomes: str) -> dict[str, str]:
        """The files with these outcomes, and what the table says of each."""
        return {file: row.expected for file, row in self.matches if row.outcome in outcomes}

    def items(self) -> set[str]:
        """The ids of all Items."""
        return set(self.expected("item").values())

    def files_of(self, item_id: str, *outcomes: str) -> list[str]:
        """The files of one Item with these outcomes."""
        return sorted(file for file, expected in self.expected(*outcomes).items() if expected == item_id)

    def times_matched(self) -> Counter[str]:
        """By how many rows each file is matched."""
        return Counter(file for file, _ in self.matches)


def read_expected_samples(folder: Path) -> ExpectedSamples:
    """The table, applied to the files below `folder`."""
    with TABLE.open(encoding="utf-8", newline="") as lines:
        rows = [Row(**row) for row in csv.DictReader(line for line in lines if not line.startswith("#"))]
    matches = [
        (path.relative_to(folder).as_posix(), row) for row in rows for path in folder.glob(row.files) if path.is_file()
    ]
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return ExpectedSamples(files, rows, matches)
