"""The source `oneatlas`: Pléiades, SPOT and Pléiades Neo in the catalogue of Airbus (OneAtlas opensearch v2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import shapely

from footprints import bbox_parts
from harvester.errors import CursorLost, SourceRefused, UnreadableAnswer
from harvester.http import Session
from harvester.record import Page, RawRecord, Withdrawal
from harvester.sources.airbus.auth import auth_of, with_hosts_of
from harvester.sources.airbus.features import moment_or_none, records_from_features
from harvester.sources.oneatlas.options import Options
from harvester.sources.oneatlas.records import scene_from_record
from harvester.sources.oneatlas.windows import Answer, Position, Stage, walk
from harvester.sources.source import (
    BBox,
    Fingerprints,
    Progress,
    Selection,
    by_years_of_change,
    new_years,
    once_each,
    said_in,
)

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

is_selectable = True

#: Acquisition dates have been seen some hours off.
_DATES_ARE_OFF = timedelta(days=1)
#: Clocks differ, and an index lags: a record seen up to this long after its deletion is gone all the same, and what
#: changes while we read is dated at most this long before we began.
_LAG = timedelta(hours=1)
#: Fields that change without the image: what our account may do with a record.
_PASSING = frozenset({"rights"})
#: The part of a full load that reads the deletions.
_DELETIONS = "deletions"


def read_pages(
    options: Options,
    selection: Selection,
    cursor: str | None,
    progress: Progress,
    fingerprints: Fingerprints,  # noqa: ARG001  # the service only gives whole records
) -> Iterator[Page]:
    """Read deletions, then records, page by page.

    Everything is read in windows of `acquisitionDate`, which each record has, and so is a selection with only `until`,
    including records without a time of change. With `since`, windows are of `lastUpdateDate`. Deletions come first: an
    item that lost one of its production statuses is listed as deleted, yet stays in the catalogue, and its record, read
    after them, brings it back.

    Args:
        options: where and how.
        selection: `since` and `until` bound `lastUpdateDate`, and `deletedDate` of the deletions; `bbox` the records;
            `part` is one of `windows`.
        cursor: of the page after which to continue.
        progress: its total is what is known so far: a lower bound until the last window is reached.
        fingerprints: not used.

    Raises:
        SourceUnavailable: the service does not answer as it should, or more records changed in one second than it pages
            through.
        SourceRefused: it refuses the key, or asks for one.
    """
    if options.lacks_credentials:
        raise SourceRefused("Pléiades Neo is only shown to holders of an API key: give this source an api_key.")
    catalogue = _Catalogue(options, selection)
    with Session(with_hosts_of(options, options.deleted_url or options.url), auth=auth_of(options)) as session:
        position = Position.from_cursor(cursor) if cursor else catalogue.first_position()
        if position.stage == "deletions":
            after = None if selection.part == _DELETIONS else catalogue.records_position(position.last)
            yield from _deletions(catalogue, session, position, after)
            if after is None:
                return
            position = after
        yield from _records(catalogue, session, position, progress)


def windows(options: Options, selection: Selection) -> Sequence[Selection]:
    """The selection by years of change if it has a `since`, else by years of acquisition, then the deletions.

    The first and the last year of acquisition are open. The deletions come last, so that they apply to what was seen
    meanwhile.
    """
    if selection.since is None:
        years = new_years(options.first_moment, _last_acquisition(selection) or datetime.now(UTC))
        if not years:
            return [selection]
        parts = [_named(start, end) for start, end in pairwise([None, *years, None])]
        return [replace(selection, part=part) for part in (*parts, *([_DELETIONS] if options.deleted_url else []))]
    return by_years_of_change(selection)


def _named(start: datetime | None, end: datetime | None) -> str:
    """The name of a part of a full load: its bounds, empty where open."""
    return "/".join("" if bound is None else bound.isoformat() for bound in (start, end))


def _bounds(selection: Selection) -> tuple[datetime | None, datetime | None]:
    """The bounds of the records: of their change if the selection has a `since`, else of acquisition; None where open.

    Raises:
        CursorLost: the part is not one of ours.
    """
    if selection.since:
        return selection.since, selection.until
    last = _last_acquisition(selection)
    if selection.part in (None, _DELETIONS):
        return None, last
    start, _, end = str(selection.part).partition("/")
    try:
        return datetime.fromisoformat(start) if start else None, datetime.fromisoformat(end) if end else last
    except ValueError as error:
        raise CursorLost(f"Its part {selection.part!r} is not one of this source.") from error


def _last_acquisition(selection: Selection) -> datetime | None:
    """The latest acquisition of a record that changed before the end of a selection."""
    return selection.until + _DATES_ARE_OFF if selection.until else None


class _Catalogue:
    """How the service is asked for one selection."""

    def __init__(self, options: Options, selection: Selection) -> None:
        self._options = options
        self._selection = selection
        self._start, self._end = _bounds(selection)
        self._is_by_acquisition = selection.since is None
        self._date_field = "acquisitionDate" if self._is_by_acquisition else "lastUpdateDate"

    def first_position(self) -> Position:
        # A fixed end: a record that changes meanwhile leaves the window, which shows, and the next run reads it.
        end = self._selection.until or datetime.now(UTC)
        if self._options.deleted_url and self._selection.part in (None, _DELETIONS):
            return self._position("deletions", end)
        return self.records_position(end)

    def records_position(self, last: datetime) -> Position:
        position = self._position("records", self._end or last)
        before = position.last - _LAG
        if self._is_by_acquisition or self._end or before <= position.start:
            return position
        # A record that changes meanwhile must leave the window: within it, it would shift another across a page limit.
        return position.model_copy(update={"end": before})

    def _position(self, stage: Stage, last: datetime) -> Position:
        start = self._start or self._options.first_moment
        last = max(last, start + timedelta(seconds=1))
        return Position(stage=stage, start=start, end=last, last=last, size=self._options.records_per_page)

    def is_selected(self, record: RawRecord) -> bool:
        """Whether a record changed before the end of the selection, as far as it says."""
        if not (self._is_by_acquisition and self._selection.until):
            return True
        changed = moment_or_none(_updated_at(record.content))
        return changed is None or changed < self._selection.until

    def ask_records(self, session: Session, position: Position) -> Answer:
        body = {
            "constellation": self._options.constellation,
            "processingLevel": ",".join(self._options.processing_levels),
            "workspace": self._workspace(),
            "index": "all",  # as EO-DataHub's airbus-harvester asks; the vendor does not explain it
            self._date_field: self._range(position),
            "sortBy": ",".join(filter(None, (self._date_field, self._options.tie_breaker))),
            "itemsPerPage": position.size,
            "startPage": position.page + 1,
            **_area(self._selection.bbox),
        }
        return _answer(session.post_json(self._options.url, body), "features", self._options.url)

    def ask_deletions(self, session: Session, position: Position) -> Answer:
        url = self._options.deleted_url or ""
        body = {
            "deletedDate": position.range(open_before=self._is_first(position)),
            "itemsPerPage": position.size,
            "startIndex": position.page * position.size,
        }
        return _answer(session.post_json(url, body), "data", url)

    def walk_records(self, session: Session, position: Position) -> Iterator[tuple[Position, Answer, Position | None]]:
        return walk(lambda at: self.ask_records(session, at), position, self._options.window_limit)

    def walk_deletions(
        self, session: Session, position: Position
    ) -> Iterator[tuple[Position, Answer, Position | None]]:
        return walk(lambda at: self.ask_deletions(session, at), position)

    def _range(self, position: Position) -> str:
        """The range of the window, with the open ends of the selection, so that a wrong date does not hide a record."""
        is_last = self._is_by_acquisition and self._end is None and position.end >= position.last
        return position.range(open_before=self._is_first(position), open_after=is_last)

    def _is_first(self, position: Position) -> bool:
        return self._start is None and position.start <= self._options.first_moment

    def _workspace(self) -> str:
        return self._options.workspace or ("public-pneo" if self._options.constellation == "PNEO" else "public")


def _deletions(catalogue: _Catalogue, session: Session, position: Position, after: Position | None) -> Iterator[Page]:
    """The pages of deletions; the cursor of the last leads to `after`."""
    for _, answer, following in catalogue.walk_deletions(session, position):
        withdrawals = list({each.id: each for each in map(_withdrawal, answer.entries)}.values())
        going_on = following or after
        yield Page(records=[], withdrawals=withdrawals, next_cursor=going_on.cursor() if going_on else None)


def _withdrawal(entry: Any) -> Withdrawal:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
        raise UnreadableAnswer(f"a deletion does not name its record: {entry!r:.80}")
    deleted = entry.get("deletedDate")
    at = moment_or_none(deleted)
    return Withdrawal(
        id=entry["id"],
        reason=f"deleted at OneAtlas on {deleted or 'an unknown date'}",
        at=at and at + _LAG,
    )


def _records(catalogue: _Catalogue, session: Session, position: Position, progress: Progress) -> Iterator[Page]:
    for at, answer, following in catalogue.walk_records(session, position):
        told = once_each(records_from_features(answer.entries, "id", _PASSING), progress, _updated_at)
        records = list(filter(catalogue.is_selected, told))
        left = max(answer.total - at.page * at.size, len(records))
        progress.total = max(progress.total or 0, progress.records + left)
        progress.records += len(records)
        progress.at_hand = f"window from {at.start:%Y-%m-%d} to {at.end:%Y-%m-%d}, page {at.page + 1}"
        yield Page(records=records, next_cursor=following.cursor() if following else None)


def _updated_at(content: Mapping[str, Any]) -> Any:
    return said_in(content, "properties", "lastUpdateDate")


def _answer(envelope: Any, name: str, url: str) -> Answer:
    """The page in an envelope.

    Raises:
        UnreadableAnswer: it has none: an envelope without its list is a change of the service, never an empty page.
    """
    if not isinstance(envelope, Mapping) or envelope.get("error"):
        raise UnreadableAnswer(f"{url} answered no page but {envelope!r:.80}")
    entries, total, size = envelope.get(name), envelope.get("totalResults"), envelope.get("itemsPerPage")
    if not isinstance(entries, list) or not isinstance(total, int):
        raise UnreadableAnswer(f"{url} answered without the list {name!r} or the number 'totalResults'")
    return Answer(entries, total, size if isinstance(size, int) else None)


def _area(bbox: BBox | None) -> Mapping[str, Any]:
    if bbox is None:
        return {}
    boxes = [shapely.box(*part) for part in bbox_parts(bbox)]
    area = boxes[0] if len(boxes) == 1 else shapely.MultiPolygon(boxes)
    return {"geometry": shapely.geometry.mapping(area), "relation": "intersects"}
