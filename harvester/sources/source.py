"""What a source is: the few things that the harvest asks of a module of this package."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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

    since: datetime | None = None  #: changed at the source since then (UTC, inclusive): where the source can tell
    until: datetime | None = None  #: changed at the source before then (UTC, exclusive): where the source can tell
    bbox: BBox | None = None
    part: str | None = None  #: which part of all this, as the source itself named it in `windows`

    @property
    def is_everything(self) -> bool:
        """Whether a record that is not among the answers is not in the source."""
        return self == Selection()


@dataclass
class Progress:
    """What a source has seen so far, for people who wait; the same object all the time."""

    records: int = 0
    total: int | None = None  #: how many there will be, where the source says so
    at_hand: str = ""  #: what it is at, in a few words: "window 3 of 12", "412 files seen"
    passed_over: Mapping[str, int] | None = None  #: what was seen that is no record: kind -> count
    content: str | None = None  #: as `TellsItsState.content_of`, where reading all of it from the beginning has told it

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Count what was seen that is no record."""
        if count:
            already = self.passed_over or {}
            self.passed_over = {**already, kind: already.get(kind, 0) + count}


def once_each(
    told: Iterable[RawRecord], progress: Progress, changed_at: Callable[[Mapping[str, Any]], Any] | None = None
) -> list[RawRecord]:
    """Each id once, as in a page: of its versions the latest by the date of the source, else the one told last.

    Args:
        told: the records of an answer.
        progress: where the other versions are counted.
        changed_at: where the content of a record says when it changed; what is no time there tells nothing.
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


def said_in(content: Mapping[str, Any], *path: str) -> Any:
    """What stands at a place of the content of a record; None where nothing does."""
    said: Any = content
    for name in path:
        said = said.get(name) if isinstance(said, Mapping) else None
    return said


class SourceOptions(BaseModel):
    """Where a source is and how it is asked: what a collection document says, and the credentials."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: Fields of the credentials, any one group of which opens the source; none where it asks for nobody's.
    opened_by: ClassVar[tuple[tuple[str, ...], ...]] = ()

    url: str = Field(repr=False)  #: it may hold a password or a key: show `shown_location`
    credentials: Credentials = Credentials()
    page_size: int | None = Field(default=None, ge=1)  #: records a request; None = what the service takes best
    rate: float = Field(default=2.0, gt=0)  #: requests per second to one host, at most
    timeout_s: float = Field(default=60.0, gt=0)
    allowed_hosts: tuple[str, ...] = ()  #: hosts other than that of `url` that may be asked too
    answers: Path | None = None  #: folder where answers are kept, to ask whether they have changed; None = nowhere

    @property
    def shown_location(self) -> str:
        """The address without credentials."""
        return without_credentials(self.url)

    @property
    def is_open(self) -> bool:
        """Whether it can be read without credentials, though its document names some."""
        return not self.opened_by

    @property
    def lacks_credentials(self) -> bool:
        """Whether it cannot be read with what is given, if its document names credentials."""
        given = self.credentials.model_dump(exclude_none=True).keys()
        return not self.is_open and not any(given >= set(group) for group in self.opened_by)


Fingerprints = Callable[[Sequence[str]], Mapping[str, str]]  #: record ids -> fingerprints kept of those that are known


@runtime_checkable
class FingerprintsInOrder(Protocol):
    """Fingerprints that can also be had in the order of the ledger, which costs a fraction of looking for each."""

    def __call__(self, records: Sequence[str], /) -> Mapping[str, str]:
        """The fingerprints of those of these records that are known, by id."""

    def following(self, record: str, count: int) -> Sequence[tuple[str, str, int]]:
        """Up to `count` records that the ledger took in next after this one: fingerprint, id, number in the ledger.

        A source that gives its records in a lasting order will most likely go on with these.
        """


class Source(Protocol):
    """A module `source` of a package beside this one."""

    is_selectable: bool  #: whether `Selection.since` and `until` narrow what is asked; if not, each run asks for all

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
            cursor: `next_cursor` of the page after which to go on, perhaps of another process; None for the beginning.
            progress: kept up to date by the source.
            fingerprints: what the ledger has of records that may be unchanged.

        Raises:
            SourceUnavailable: it cannot be reached, or answers what cannot be understood, after patient retries.
            SourceRefused: it refuses our credentials.
        """

    def scene_from_record(self, raw: RawRecord, sensors: Sensors) -> SceneRecord:
        """The scene that a record describes: pure, and the same at any time.

        Raises:
            UnreadableScene: it cannot become an Item, with the reason.
        """

    def windows(self, options: Any, selection: Selection) -> Sequence[Selection]:
        """The selection in parts that can be harvested at the same time; as one part where that is of no use.

        Every record of the selection is in one of them at least.
        """


def undivided(options: Any, selection: Selection) -> Sequence[Selection]:  # noqa: ARG001  # as every source has it
    """The selection as one part: the `windows` of a source that it is of no use to divide."""
    return [selection]


@runtime_checkable
class TellsItsState(Protocol):
    """A source that can say as a whole that nothing has changed, before anything of it is read."""

    def state_of(self, options: Any) -> str | None:
        """A text that is equal exactly when nothing has changed, and is read in the same way; None where unknown.

        Raises:
            SourceUnavailable: it cannot be reached.
        """

    def content_of(self, options: Any) -> str | None:
        """The same for a source in another state, which may hold just what it held; None where that is to be read.

        Raises:
            SourceUnavailable: it cannot be reached.
        """


@runtime_checkable
class TellsOtherContent(Protocol):
    """A source that often knows without looking through it that it holds something else than it did."""

    def is_other_content(self, options: Any, former: str) -> bool:
        """Whether `content_of` would surely not give `former` again.

        Raises:
            SourceUnavailable: it cannot be reached.
        """
