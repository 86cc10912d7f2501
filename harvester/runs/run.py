"""What a run is: its request, the parts that are worked on, and what may go wrong with them."""

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
    """What a run was asked for."""

    is_full: bool = False  #: everything, not only what changed since the last run
    since: datetime | None = None  #: with `until` and `bbox` as in `Selection`
    until: datetime | None = None
    bbox: BBox | None = None
    limit: int | None = None  #: stop after so many records
    collection: str | None = None  #: with `move` and `reread` as in `WritingOptions`
    move: bool = False
    reread: bool = False
    allow_withdrawals: bool = False  #: of any number of records

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
    """A run as the database has it."""

    id: int
    feed: str
    kind: str  #: harvest, undo, replay, correct, retire or rename
    request: Request
    state: str  #: running, succeeded, failed or cancelled
    started_at: datetime  #: with its time zone, as all instants of the database
    is_resumed: bool  #: another process resumed a part: records that were not seen may exist
    is_resumable: bool  #: it failed, and can be resumed
    cancel_requested: bool  #: the processes that work on it are to stop
    is_everything: bool  #: a record that it does not see is missing at the source
    active_before: int  #: records of the feed in force when it began


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a run that this process works on."""

    run: int
    number: int  #: from 1
    selection: Selection
    cursor: str | None  #: of the source, after the last page; None at the beginning
    pages: int  #: committed so far
    holder: UUID  #: this process, as it claimed the part
    counts: Mapping[str, int]  #: the account of those pages
