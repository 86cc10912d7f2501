"""What a harvest did: every record that was read ends in exactly one count."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """Where a record ended."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"


@dataclass(frozen=True)
class Refusal:
    """A record that did not become (part of) an Item, and why."""

    record: str
    reason: str


@dataclass
class HarvestReport:
    """The account of one run: how many records were read, and what became of each."""

    source: str
    location: str
    started_at: datetime
    dry_run: bool = False
    finished_at: datetime | None = None
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    items_written: int = 0
    items_removed: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    passed_over: dict[str, int] = field(default_factory=dict)  #: what the source saw that is no record: kind -> count

    @property
    def read(self) -> int:
        """How many records the source gave."""
        return self.outcomes.total()

    @property
    def exit_code(self) -> int:
        """For a shell: 0 when all is well, 1 when some records were refused."""
        return 1 if self.refusals else 0

    def add(self, page: PageReport) -> None:
        """Add the account of a page that is committed."""
        self.outcomes += page.outcomes
        self.items_written += page.items_written
        self.items_removed += page.items_removed
        self.refusals += page.refusals
        self.warnings += page.warnings

    def as_json(self) -> dict[str, Any]:
        """The report as JSON data, for `--report` and for programs."""
        return {
            "source": self.source,
            "location": self.location,
            "dry_run": self.dry_run,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "read": self.read,
            **{outcome.value: self.outcomes[outcome] for outcome in Outcome},
            "items_written": self.items_written,
            "items_removed": self.items_removed,
            "passed_over": self.passed_over,
            "refusals": [{"record": refusal.record, "reason": refusal.reason} for refusal in self.refusals],
            "warnings": self.warnings,
        }


@dataclass
class PageReport:
    """The account of one page; it counts only once the page is committed."""

    read: int
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    items_written: int = 0
    items_removed: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def refuse(self, record: str, reason: str) -> Refusal:
        """Count a record as refused; `reason` may quote anything that stands in a file."""
        self.outcomes[Outcome.REFUSED] += 1
        refusal = Refusal(record, _printable(reason))
        self.refusals.append(refusal)
        return refusal

    def require_complete(self) -> None:
        """Hold the account to its records, before the page is committed.

        Raises:
            AssertionError: the page does not account for each of its records exactly once.
        """
        if self.outcomes.total() != self.read or len(self.refusals) != self.outcomes[Outcome.REFUSED]:
            raise AssertionError(f"{self.read} records were read, but the page accounts for {dict(self.outcomes)}")


def _printable(text: str) -> str:
    """The text as terminals and PostgreSQL take it: without NUL, and names that are not UTF-8 with their bytes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
