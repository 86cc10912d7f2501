"""The source `resto`: catalogues of CNES and others that run resto, and the 2013 OpenSearch service of Kalideos."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urljoin

from harvester.credentials import without_credentials
from harvester.errors import UnreadableAnswer
from harvester.http import Session
from harvester.record import Page, RawRecord, known
from harvester.sources.feature_search.features import raw_record
from harvester.sources.feature_search.paging import (
    Answer,
    Position,
    digest_of,
    features_of,
    numbered_pages,
    whole_number,
)
from harvester.sources.resto.options import Options
from harvester.sources.resto.records import scene_from_record
from harvester.sources.source import Fingerprints, Progress, Selection, once_each, said_in, undivided

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

is_selectable = True
#: Not every service can select by time: each part could be everything.
windows = undivided


#: The service of 2013 writes times without their zone: asking from a day earlier covers every zone.
_ANY_ZONE = timedelta(days=1)

#: Fields that change without the image: who likes a record, and keywords derived from other fields, in any order.
_PASSING = frozenset({"properties.likes", "properties.keywords"})

#: Where each dialect gives the id of a record.
_ID_OF: Mapping[str, tuple[str, ...]] = {"v2": ("id",), "v9": ("id",), "opensearch3": ("properties", "identifier")}

#: A page whose records were all filtered out is empty without being the last.
_MOST_EMPTY_PAGES = 20

#: The records of each page, the cursor after it, and the total where the service gives it.
_Pages = Iterator[tuple[Sequence[RawRecord], str | None, int | None]]


def read_pages(
    options: Options, selection: Selection, cursor: str | None, progress: Progress, fingerprints: Fingerprints
) -> Iterator[Page]:
    """Read the records of a service page by page.

    v2 and opensearch3 are asked by page number until a page is empty, as their totals are estimates or the size of the
    whole collection. v9 refuses page numbers beyond 1000 records: there the `next` link is followed, which is the
    cursor.

    Args:
        options: where and how.
        selection: `since` and `until` are times of change, `bbox` a place, where the dialect can select by them
            (opensearch3 cannot, and gives everything).
        cursor: `next_cursor` of the page after which to continue.
        progress: kept up to date.
        fingerprints: not used: the dialects give none.

    Raises:
        SourceUnavailable: It cannot be reached.
        CursorLost: The cursor is not understood.
        UnreadableAnswer: An answer holds no features, or paging comes to no end.
    """
    del fingerprints
    with Session(options) as session:
        pages = _linked_pages if options.dialect == "v9" else _numbered_pages
        for records, next_cursor, total in pages(session, options, selection, cursor):
            page = Page(records=once_each(records, progress, _changed_at), next_cursor=next_cursor)
            progress.records += len(page.records)
            progress.total = total
            yield page


def _numbered_pages(session: Session, options: Options, selection: Selection, cursor: str | None) -> _Pages:
    parameters = {"v2": _v2_parameters, "opensearch3": _opensearch3_parameters}[options.dialect]
    start = Position.from_cursor(cursor) if cursor else Position(size=options.page_size)

    def ask(position: Position) -> Answer:
        answer = session.get_json(_address(options), parameters(options, selection, position))
        return Answer(features=features_of(answer), total=_total(answer))

    for answer, following in numbered_pages(ask, start, may_cap=True):
        records = _records(answer.features, options.dialect)
        yield records, following.cursor() if following else None, answer.total


def _address(options: Options) -> str:
    root = options.url.rstrip("/")
    if options.dialect == "opensearch3":
        return options.url
    path = (
        f"collections/{quote(options.collection, safe='')}/search.json"
        if options.collection
        else "collections/search.json"
    )
    return f"{root}/api/{path}"


def _v2_parameters(options: Options, selection: Selection, position: Position) -> dict[str, Any]:
    bounds = {
        options.updated_from or "updatedFrom": _written(selection.since),
        options.updated_to or "updatedTo": _written(selection.until),
        "box": _box(selection),
    }
    paging = {"maxRecords": position.size, "page": position.page}
    return paging | known(bounds)


def _opensearch3_parameters(options: Options, selection: Selection, position: Position) -> dict[str, Any]:
    """Parameters with records counted from 0; where a service counts from 1, the second page repeats one record."""
    parameters: dict[str, Any] = {"numRecordsPerPage": position.size}
    if position.read:
        parameters["nextRecord"] = position.read + position.repeats
    if selection.since:
        parameters[options.updated_from or "modified"] = _written(selection.since - _ANY_ZONE)
    return parameters


def _box(selection: Selection) -> str | None:
    """West, south, east, north; a box across 180° is widened to all longitudes, which loses nothing."""
    if selection.bbox is None:
        return None
    west, south, east, north = selection.bbox
    west, east = (west, east) if west <= east else (-180.0, 180.0)
    return f"{west},{south},{east},{north}"


def _written(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _linked_pages(session: Session, options: Options, selection: Selection, cursor: str | None) -> _Pages:
    """The pages along the next links; the cursor is the address of the next page."""
    address: str | None = cursor or f"{options.url.rstrip('/')}/search"
    parameters = None if cursor else _v9_parameters(options, selection)
    seen: set[str] = set()
    empty_in_a_row = 0
    while address:
        answer = session.get_json(address, parameters)
        features = features_of(answer)
        following = _next_address(answer, address)
        if not features:
            empty_in_a_row += 1
        elif (digest := digest_of(features)) not in seen:
            empty_in_a_row = 0
            seen.add(digest)
        else:
            raise UnreadableAnswer(
                f"{without_credentials(address)} is a page that came before: the next links lead round and round"
            )
        if empty_in_a_row > _MOST_EMPTY_PAGES:
            raise UnreadableAnswer(
                f"{without_credentials(address)}: {_MOST_EMPTY_PAGES} empty pages, each with a next link"
            )
        yield _records(features, "v9"), following, _total(answer)
        address, parameters = following, None


def _v9_parameters(options: Options, selection: Selection) -> dict[str, Any]:
    parameters: dict[str, Any] = {"collections": options.collection, "limit": options.page_size}
    if changed := [
        f"updated{operator}TIMESTAMP('{_written(moment)}')"
        for operator, moment in ((">=", selection.since), ("<", selection.until))
        if moment
    ]:
        parameters |= {"filter-lang": "cql2-text", "filter": " AND ".join(changed)}
    if selection.bbox:
        parameters["bbox"] = ",".join(map(str, selection.bbox))
    return parameters


def _next_address(answer: Mapping[str, Any], address: str) -> str | None:
    links = answer.get("links")
    links = links if isinstance(links, list) else []
    hrefs = [link.get("href") for link in links if isinstance(link, Mapping) and link.get("rel") == "next"]
    if not hrefs:
        return None
    if not isinstance(hrefs[0], str) or (following := urljoin(address, hrefs[0])) == address:
        raise UnreadableAnswer(f"{without_credentials(address)} names itself as the next page")
    return following


def _records(features: Sequence[Any], dialect: str) -> list[RawRecord]:
    return [raw_record(feature, said_in(feature, *_ID_OF[dialect]), _PASSING) for feature in features]


def _changed_at(content: Mapping[str, Any]) -> Any:
    """The time of change, which the 2013 OpenSearch service names differently."""
    return said_in(content, "properties", "updated") or said_in(content, "properties", "modified")


def _total(answer: Mapping[str, Any]) -> int | None:
    """The total, from where each dialect gives it."""
    told = [
        said_in(answer, "properties", "totalResults"),
        said_in(answer, "context", "matched"),
        answer.get("numberMatched"),
        answer.get("totalResults"),
    ]
    return next((total for total in map(whole_number, told) if total is not None), None)
