"""What a run is: what was asked, which parts of it are worked on, and what may go wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from harvester.errors import HarvestError
from harvester.sources.source import BBox, Selection


class RunBusy(HarvestError):
    """Another run of this source is in the way."""


class RunCancelled(HarvestError):
    """The run was cancelled."""


class PartLost(HarvestError):
    """Another process took over this part of the run, after the connection to the database was lost."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked of a run."""

    is_full: bool = False  #: everything, not only what changed since the last run
    since: datetime | None = None  #: with `until` and `bbox` as in `Selection`
    until: datetime | None = None
    bbox: BBox | None = None
    limit: int | None = None  #: stop after so many records
    collection: str | None = None  #: with `move` and `reread` as in `WritingOptions`
    move: bool = False
    reread: bool = False
    allow_withdrawals: bool = False  #: however many there are

    def as_json(self) -> dict[str, Any]:
        """The request as JSON data."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Request:
        """The request that `as_json` gave."""
        moments = {name: datetime.fromisoformat(data[name]) for name in ("since", "until") if data.get(name)}
        bbox = tuple(data["bbox"]) if data.get("bbox") else None
        return cls(**{**data, **moments, "bbox": bbox})

    def is_like(self, other: Request) -> bool:
        """Whether a run for one of the two can be resumed for the other."""
        return replace(self, allow_withdrawals=False) == replace(other, allow_withdrawals=False)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run as the database has it."""

    id: int
    feed: str
    kind: str  #: harvest, undo, replay, correct, retire or rename
    request: Request
    state: str  #: running, succeeded, failed or cancelled
    started_at: datetime  #: with its time zone, as all instants of the database
    finished_at: datetime | None
    is_resumed: bool  #: another process went on with a part: what was not seen may be there
    is_resumable: bool  #: it failed on its way, and can be resumed
    is_everything: bool  #: a record that it does not see is not at the source
    active_before: int  #: records of the feed in force when it began
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a run that this process works on."""

    run: int
    number: int  #: from 1
    selection: Selection
    cursor: str | None  #: of the source, behind the last page; None at the beginning
    pages: int  #: that are committed
    holder: UUID  #: this process, as it claimed the part
    counts: Mapping[str, int]  #: the account of those pages
