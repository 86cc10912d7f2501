"""The source `geodes`: the portal of CNES, whose API is almost STAC."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from harvester.errors import CursorLost, UnreadableAnswer
from harvester.http import Session
from harvester.instants import rfc3339
from harvester.record import Page, RawRecord
from harvester.sources.feature_search.features import raw_record
from harvester.sources.feature_search.paging import Answer, Position, features_of, numbered_pages, whole_number
from harvester.sources.geodes.options import Options
from harvester.sources.geodes.records import scene_from_record
from harvester.sources.source import Fingerprints, Progress, Selection, once_each, said_in

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

is_selectable = True


_VERSION = re.compile(r":V\d+$")
_SUPERSEDED = "superseded versions"
#: Margin for clock differences: what is inserted while we read is dated at most this long before we began.
_INSERTED_MEANWHILE = timedelta(hours=1)
_FIRST_MONTH = (2023, 1)  # before the portal was built; anything older falls into the first window


def read_pages(
    options: Options, selection: Selection, cursor: str | None, progress: Progress, fingerprints: Fingerprints
) -> Iterator[Page]:
    """Read the collections one after another, each from its oldest insertion to its newest.

    We number the pages, sorted by insertion date and identifier. The service's `next` link is never followed, as it
    changes the page size on the way and so skips records (seen in a recorded answer). Superseded versions of a record
    are counted and passed over.

    Args:
        options: where and how.
        selection: `since` and `until` are dates of insertion, both inclusive here; `bbox` as the service applies it.
        cursor: `next_cursor` of the page after which to continue.
        progress: kept up to date.
        fingerprints: not used: the service gives none.

    Raises:
        SourceUnavailable: It cannot be reached.
        CursorLost: The cursor is of a collection that is no longer in the options.
        UnreadableAnswer: An answer holds no features, or those of another collection.
    """
    del fingerprints
    position = Position.from_cursor(cursor) if cursor else _beginning(options, options.collections[0])
    with Session(options) as session:
        for collection, following in _from(options.collections, position.collection):
            start = position if collection == position.collection else _beginning(options, collection)
            after = _beginning(options, following) if following else None
            yield from _collection_pages(session, options, selection, start, after, progress)


def windows(options: Options, selection: Selection) -> Sequence[Selection]:
    """The months of insertion in the selection, and the last hour; an open end of the selection stays open.

    What is inserted meanwhile falls into the last window. So a deletion in any other window shows as a falling count,
    which an insertion would otherwise hide; and the next run asks for the last hour again.
    """
    del options
    now = datetime.now(UTC)
    inner = [
        edge
        for edge in (*_months(now - _INSERTED_MEANWHILE), now - _INSERTED_MEANWHILE)
        if (selection.since is None or edge > selection.since) and (selection.until is None or edge < selection.until)
    ]
    edges = [selection.since, *inner, selection.until]
    return [replace(selection, since=start, until=end) for start, end in pairwise(edges)]


def _months(now: datetime) -> Iterator[datetime]:
    year, month = _FIRST_MONTH
    while (moment := datetime(year, month, 1, tzinfo=UTC)) <= now:
        yield moment
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)


def _beginning(options: Options, collection: str) -> Position:
    return Position(size=options.page_size, collection=collection)


def _from(collections: Sequence[str], first: str) -> Iterator[tuple[str, str | None]]:
    """The collections from `first` on, each with the one after it."""
    if first not in collections:
        raise CursorLost(f"It was in {first!r}, which is no longer asked for.")
    rest = collections[collections.index(first) :]
    return zip(rest, [*rest[1:], None], strict=True)


def _collection_pages(
    session: Session,
    options: Options,
    selection: Selection,
    start: Position,
    after: Position | None,
    progress: Progress,
) -> Iterator[Page]:
    """The pages of one collection; the cursor of the last leads to `after`."""

    def ask(position: Position) -> Answer:
        progress.at_hand = f"{position.collection}, page {position.page}"
        return _answer(session.post_json(f"{options.url.rstrip('/')}/search", _body(position, selection)), position)

    for answer, following in numbered_pages(ask, start, may_cap=False, counts=True):
        records = once_each(_records(answer.features, progress), progress, _inserted_at)
        progress.records += len(records)
        progress.total = answer.total if len(options.collections) == 1 else None
        going_on = following or after
        yield Page(records=records, next_cursor=going_on.cursor() if going_on else None)


def _body(position: Position, selection: Selection) -> dict[str, Any]:
    body: dict[str, Any] = {
        "collections": [position.collection],
        "page": position.page,
        "limit": position.size,
        "sortBy": [{"field": "datetime", "direction": "asc"}, {"field": "identifier", "direction": "asc"}],
    }
    bounds = {"gte": selection.since, "lte": selection.until}
    if inserted := {operator: rfc3339(moment) for operator, moment in bounds.items() if moment}:
        body["query"] = {"datetime": inserted}
    if selection.bbox:
        body["bbox"] = list(selection.bbox)
    return body


def _answer(answer: Any, position: Position) -> Answer:
    features = features_of(answer)
    for feature in features:
        told = said_in(feature, "collection")
        if told not in (None, position.collection):
            raise UnreadableAnswer(f"{position.collection} was asked for, {str(told)[:80]!r} came: is it renamed?")
    total = whole_number(said_in(answer, "context", "matched"))
    # So far before the end no page is empty, however short the previous ones were.
    if not features and total is not None and (position.page - 1) * position.size < total:
        raise UnreadableAnswer(f"page {position.page} of {position.collection} is empty, of {total} records")
    return Answer(features=features, total=total)


def _records(features: Sequence[Any], progress: Progress) -> Iterator[RawRecord]:
    for feature in features:
        if said_in(feature, "properties", "latest") is False:
            progress.pass_over(_SUPERSEDED)
        else:
            yield raw_record(feature, _stable_id(feature))


def _inserted_at(content: Mapping[str, Any]) -> Any:
    return said_in(content, "properties", "datetime")


def _stable_id(feature: Any) -> str | None:
    """The identifier, which a new version keeps; where there is none, the URN without its version."""
    identifier, urn = said_in(feature, "properties", "identifier"), said_in(feature, "id")
    if identifier and isinstance(identifier, str):
        return identifier
    return _VERSION.sub("", urn) if isinstance(urn, str) else None
