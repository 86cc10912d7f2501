"""What a source is: the few things that the harvest requires of a module of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field

from harvester.credentials import Credentials, without_credentials
from harvester.errors import UnreadableScene
from harvester.record import Page, RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.strict_reading import instant

BBox = tuple[float, float, float, float]  #: west, south, east, north in degrees, WGS 84; west > east over 180°


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which records of a source are asked for; without any bound, all of them."""

    since: datetime | None = None  #: changed at the source since then (UTC, inclusive), if the source can tell
    until: datetime | None = None  #: changed at the source before then (UTC, exclusive), if the source can tell
    bbox: BBox | None = None
    part: str | None = None  #: which part of this, as the source named it in `windows`

    @property
    def is_everything(self) -> bool:
        """Whether a record missing from the answers is missing at the source."""
        return self == Selection()


@dataclass
class Progress:
    """What a source has seen so far, for people who wait; always the same object."""

    records: int = 0
    total: int | None = None  #: expected number of records, if the source gives it
    at_hand: str = ""  #: what it is doing, in a few words: "window 3 of 12", "412 files seen"
    passed_over: Mapping[str, int] | None = None  #: what was seen but is no record: kind -> count
    content: str | None = None  #: as `HasState.content_of`, if computed by reading everything

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Count what was seen but is no record."""
        if count:
            already = self.passed_over or {}
            self.passed_over = {**already, kind: already.get(kind, 0) + count}


def once_each(
    told: Iterable[RawRecord], progress: Progress, changed_at: Callable[[Mapping[str, Any]], Any] | None = None
) -> list[RawRecord]:
    """Keep one record for each id: the latest by the source's date, else the last in the answer.

    Args:
        told: the records of an answer.
        progress: where the other versions are counted.
        changed_at: gives the time of change from the content of a record; anything but a time is ignored.
    """
    kept: dict[str, RawRecord] = {}
    for record in told:
        before = kept.get(record.id)
        if before is None:
            kept[record.id] = record
            continue
        progress.pass_over("duplicates")
        if changed_at is None or not _is_earlier(changed_at(record.content), changed_at(before.content)):
            kept[record.id] = record
    return list(kept.values())


def _is_earlier(one: Any, other: Any) -> bool:
    try:
        return instant(one, "the change") < instant(other, "the change")
    except UnreadableScene:
        return False


def unnamed_record(content: Mapping[str, Any]) -> RawRecord:
    """A record to which its source gives no id, identified by its content, so that it can be refused with a reason."""
    return RawRecord(id=f"sha256:{RawRecord(id='', content=content).digest().hex()}", content=content)


def said_in(said: Any, *path: str) -> Any:
    """The value at a path in an answer or the content of a record; None where there is none."""
    for name in path:
        said = said.get(name) if isinstance(said, Mapping) else None
    return said


class SourceOptions(BaseModel):
    """The address of a source and how it is asked: from its collection document, with the credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Groups of credential fields, any one of which opens the source; empty where it asks for none.
    opened_by: ClassVar[tuple[tuple[str, ...], ...]] = ()

    url: str = Field(repr=False)  #: it may hold a password or a key: show `shown_location`
    credentials: Credentials = Credentials()
    rate: float = Field(default=2.0, gt=0)  #: requests per second to one host, at most
    timeout_s: float = Field(default=60.0, gt=0)
    allowed_hosts: tuple[str, ...] = ()  #: hosts that may be asked besides that of `url`
    answers: Path | None = None  #: folder of kept answers, to ask whether they have changed; None = none kept

    @property
    def shown_location(self) -> str:
        """The address without credentials."""
        return without_credentials(self.url)

    @property
    def is_open(self) -> bool:
        """Whether it can be read without credentials even if its document names some."""
        return not self.opened_by

    @property
    def lacks_credentials(self) -> bool:
        """Whether the credentials given do not suffice, if its document names credentials."""
        given = self.credentials.model_dump(exclude_none=True).keys()
        return not self.is_open and not any(given >= set(group) for group in self.opened_by)


Fingerprints = Callable[[Sequence[str]], Mapping[str, str]]  #: record ids -> kept fingerprints of those that are known


@runtime_checkable
class FingerprintsInOrder(Protocol):
    """Fingerprints that can also be read in the order of the ledger, at a fraction of the cost of looking up each."""

    def __call__(self, records: Sequence[str], /) -> Mapping[str, str]:
        """The fingerprints of those of these records that are known, by id."""

    def following(self, record: str, count: int) -> Sequence[tuple[str, str, int]]:
        """Up to `count` records that the ledger took in next after this one: fingerprint, id, number in the ledger.

        A source that keeps the order of its records will most likely continue with these.
        """


class Source(Protocol):
    """A module `source` of a package beside this one."""

    is_selectable: bool  #: whether `Selection.since` and `until` narrow requests; if not, each run asks for all

    def read_pages(
        self,
        options: Any,
        selection: Selection,
        cursor: str | None,
        progress: Progress,
        fingerprints: Fingerprints,
    ) -> Iterator[Page]:
        """Read the selected records page by page.

        Args:
            options: where and how; an `Options` of this module.
            selection: which records.
            cursor: `next_cursor` of the page after which to continue, perhaps in another process; None to begin.
            progress: kept up to date by the source.
            fingerprints: what the ledger has of records that may be unchanged.

        Raises:
            SourceUnavailable: it cannot be reached, or its answer is unintelligible, after all retries.
            SourceRefused: it refuses our credentials.
        """

    def scene_from_record(self, raw: RawRecord, sensors: Sensors) -> SceneRecord:
        """The scene that a record describes; a pure function.

        Raises:
            UnreadableScene: it cannot become an Item, with the reason.
        """

    def windows(self, options: Any, selection: Selection) -> Sequence[Selection]:
        """Divide the selection into parts that can be harvested in parallel; into one where dividing is useless.

        Every record of the selection is in at least one part.
        """


def by_years_of_change(selection: Selection) -> Sequence[Selection]:
    """The selection by years; without `since` as one part, as records without a time of change would be in no year."""
    if selection.since is None:
        return [selection]
    years = new_years(selection.since, selection.until or datetime.now(UTC))
    bounds = pairwise([selection.since, *years, selection.until])
    return [replace(selection, since=since, until=until) for since, until in bounds]


def new_years(first: datetime, last: datetime) -> list[datetime]:
    """The beginnings of the years between two moments, UTC."""
    years = (datetime(year, 1, 1, tzinfo=UTC) for year in range(first.year + 1, last.year + 1))
    return [year for year in years if year < last]


def undivided(options: Any, selection: Selection) -> Sequence[Selection]:  # noqa: ARG001  # as every source has it
    """The selection as one part: the `windows` of a source that is not worth dividing."""
    return [selection]


@runtime_checkable
class HasState(Protocol):
    """A source that can tell that nothing in it has changed before any of it is read."""

    def state_of(self, options: Any) -> str | None:
        """A text that stays the same exactly as long as nothing changes, nor how it is read; None where unknown.

        Raises:
            SourceUnavailable: it cannot be reached.
        """

    def content_of(self, options: Any) -> str | None:
        """A text that stays the same as long as the content does, whatever the state; None if only reading can tell.

        Raises:
            SourceUnavailable: it cannot be reached.
        """


@runtime_checkable
class HasContentCheck(Protocol):
    """A source that can often tell, without being read through, that its content is another one."""

    def is_other_content(self, options: Any, former: str) -> bool:
        """Whether `content_of` would certainly not give `former` again.

        Raises:
            SourceUnavailable: it cannot be reached.
        """
