"""The account of a run: every record read ends in exactly one count."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")

#: An account names at most so many single records of a kind; the database has all of them.
NAMED_RECORDS = 1000


class Outcome(StrEnum):
    """What became of a record."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WITHDRAWN = "withdrawn"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class Refusal:
    """A record that did not become (part of) an Item, and why."""

    record: str
    reason: str


@dataclass(frozen=True)
class ItemChange:
    """What a run would do to one Item."""

    item: str
    collection: str
    kind: str  #: "new", "changed", "unchanged" or "withdrawn"
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)  #: those that differ: before, after

    @classmethod
    def between(
        cls, item: str, collection: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
    ) -> ItemChange:
        """The change from one state of an Item to another; None where there is no Item."""
        if before is None or after is None:
            return cls(item, collection, "new" if after else "withdrawn")
        old, new = (dict(_leaves(each)) for each in (before, after))
        names = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
        fields = {name: (old.get(name), new.get(name)) for name in names}
        return cls(item, collection, "changed" if fields else "unchanged", fields)

    def as_json(self) -> dict[str, Any]:
        """The change as JSON data."""
        fields = {name: {"before": before, "after": after} for name, (before, after) in self.fields.items()}
        return {"item": self.item, "collection": self.collection, "kind": self.kind, "fields": fields}


@dataclass
class PageReport:
    """The account of one page; it counts only once the page is committed."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    items_written: int = 0
    items_removed: int = 0
    unknown_withdrawals: int = 0  #: of records that are not active in the ledger
    passed_over: Counter[str] = field(default_factory=Counter)  #: what the source saw but is no record, by kind
    refusals: list[Refusal] = field(default_factory=list)
    withdrawn: list[tuple[str, str]] = field(default_factory=list)  #: record, reason
    warnings: dict[str, tuple[int, str]] = field(default_factory=dict)  #: text -> how often, first record
    conflicts: list[tuple[str, str]] = field(default_factory=list)  #: Item, what its sources disagree on

    def refuse(self, record: str, reason: str) -> Refusal:
        """Count a record as quarantined; `reason` may quote anything from a file."""
        self.outcomes[Outcome.QUARANTINED] += 1
        refusal = Refusal(record, printable(reason))
        self.refusals.append(refusal)
        return refusal

    def warn(self, record: str, warnings: Iterable[str]) -> None:
        """Note what a reader could not use in a record."""
        for warning in map(printable, warnings):
            times, example = self.warnings.get(warning, (0, record))
            self.warnings[warning] = times + 1, example

    def require_complete(self, read: int) -> None:
        """Check the account against the records, before the page is committed.

        Raises:
            AssertionError: the page does not account for each of its records exactly once.
        """
        if self.outcomes.total() != read or len(self.refusals) != self.outcomes[Outcome.QUARANTINED]:
            raise AssertionError(f"{read} records were read, but the page accounts for {dict(self.outcomes)}")


@dataclass
class HarvestReport:
    """The account of one run: how many records were read, and what became of each."""

    feed: str
    location: str
    started_at: datetime
    run: int | None = None  #: None for a dry run
    kind: str = "harvest"
    state: str = "running"
    dry_run: bool = False
    is_resumed: bool = False
    is_everything: bool = True  #: all that the source has was asked for, not only what changed
    finished_at: datetime | None = None
    error: str | None = None
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    items_written: int = 0
    items_removed: int = 0
    unknown_withdrawals: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    refusals: list[Refusal] = field(default_factory=list)  #: the first of them
    withdrawn: list[tuple[str, str]] = field(default_factory=list)  #: the first of them
    warnings: dict[str, tuple[int, str]] = field(default_factory=dict)
    conflicts: list[tuple[str, str]] = field(default_factory=list)  #: the first of them
    breaches: list[str] = field(default_factory=list)  #: of what the collection documents expect
    drift: list[str] = field(default_factory=list)  #: fields of the source that are new or gone
    changes: list[ItemChange] = field(default_factory=list)  #: of a dry run
    absent: int = 0  #: records that a complete run did not see; they are withdrawn after the period of grace

    @property
    def read(self) -> int:
        """How many records are accounted for."""
        return self.outcomes.total()

    @property
    def exit_code(self) -> int:
        """For a shell: 0 if all is well, 1 if records were refused or a collection is not as expected."""
        return 1 if self.outcomes[Outcome.QUARANTINED] or self.breaches else 0

    def add(self, page: PageReport) -> None:
        """Add the account of a page that is committed."""
        self.outcomes += page.outcomes
        self.items_written += page.items_written
        self.items_removed += page.items_removed
        self.unknown_withdrawals += page.unknown_withdrawals
        self.passed_over += page.passed_over
        _extend(self.refusals, page.refusals)
        _extend(self.withdrawn, page.withdrawn)
        _extend(self.conflicts, page.conflicts)
        for warning, (times, example) in page.warnings.items():
            before, first = self.warnings.get(warning, (0, example))
            self.warnings[warning] = before + times, first

    def restart_counts(self, counts: Mapping[str, int]) -> None:
        """Replace the numbers by those of all parts of a run, whoever did them."""
        self.outcomes.clear()
        self.items_written = self.items_removed = self.unknown_withdrawals = 0
        self.add_counts(counts)

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Add numbers of earlier work, as `counts` gives them."""
        self.outcomes += Counter({outcome: counts.get(outcome.value, 0) for outcome in Outcome})
        self.items_written += counts.get("items_written", 0)
        self.items_removed += counts.get("items_removed", 0)
        self.unknown_withdrawals += counts.get("unknown_withdrawals", 0)

    def ended(self, state: str) -> HarvestReport:
        """This report, with the end of its run entered."""
        self.state, self.finished_at = state, datetime.now(UTC)
        return self

    def as_json(self) -> dict[str, Any]:
        """The report as JSON data, for files and programs."""
        return {
            "run": self.run,
            "kind": self.kind,
            "state": self.state,
            "feed": self.feed,
            "location": self.location,
            "dry_run": self.dry_run,
            "is_resumed": self.is_resumed,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
            "error": self.error,
            **counts(self),
            "absent": self.absent,
            "passed_over": self.passed_over,
            "refusals": [{"record": each.record, "reason": each.reason} for each in self.refusals],
            "withdrawals": [{"record": record, "reason": reason} for record, reason in self.withdrawn],
            "warnings": [
                {"warning": text, "times": times, "record": record} for text, (times, record) in self.warnings.items()
            ],
            "conflicts": [{"item": item, "conflict": text} for item, text in self.conflicts],
            "breaches": self.breaches,
            "drift": self.drift,
            "changes": [change.as_json() for change in self.changes],
        }


def counts(report: PageReport | HarvestReport) -> dict[str, int]:
    """The numbers of an account: of records by outcome, and of Items."""
    return {
        "read": report.outcomes.total(),
        **{outcome.value: report.outcomes[outcome] for outcome in Outcome},
        "items_written": report.items_written,
        "items_removed": report.items_removed,
        "unknown_withdrawals": report.unknown_withdrawals,
    }


def printable(text: str) -> str:
    """The text as terminals and PostgreSQL accept it: NUL and bytes that are not UTF-8 are escaped."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def storable_id(record: str) -> str:
    """The id of a record as the ledger stores it: unchanged if printable, and never equal to that of another one."""
    if (shown := printable(record)) == record:
        return record
    return f"{shown}#{hashlib.sha256(record.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _extend(named: list[T], more: Sequence[T]) -> None:
    named += more[: NAMED_RECORDS - len(named)]


def _leaves(node: Any, where: str = "") -> Iterable[tuple[str, Any]]:
    """The values of JSON data by path: `properties.gsd`; lists of numbers and texts are values."""
    if isinstance(node, Mapping) and node:
        for name, child in node.items():
            yield from _leaves(child, f"{where}.{name}" if where else str(name))
    elif isinstance(node, Sequence) and any(isinstance(child, Mapping) for child in node):
        for position, child in enumerate(node):
            yield from _leaves(child, f"{where}[{position}]")
    else:
        yield where, node
