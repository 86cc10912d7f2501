"""CSW 2.0.2 catalogues with ISO records: GEOSUD, GeoNetwork, Sextant, pycsw."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from logging import getLogger
from urllib.parse import urlencode

from harvester.errors import SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.http import Session, basic_auth
from harvester.record import Page, RawRecord
from harvester.sources.csw.answer import SearchResults, search_results
from harvester.sources.csw.options import Options
from harvester.sources.csw.request import DUBLIN_CORE_SCHEMA, ISO_SCHEMA, constraint_of, get_records
from harvester.sources.iso19139.document import XmlElement, text
from harvester.sources.iso19139.record import date_stamp_of, raw_record_from_iso, scene_from_iso, undelivered_record
from harvester.sources.positions import ResumablePosition
from harvester.sources.source import Fingerprints, Progress, Selection, once_each, undivided

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

logger = getLogger(__name__)

is_selectable = True
#: Catalogues are small, and their times of change uneven.
windows = undivided
scene_from_record = scene_from_iso

_PAGE_SIZE = 100
#: A page is one transaction, and a server may ignore how many records it is asked for.
_MOST_RECORDS = 1000
_MOST_STEPS_BACK = 10


def read_pages(
    options: Options, selection: Selection, cursor: str | None, progress: Progress, fingerprints: Fingerprints
) -> Iterator[Page]:
    """Read the selected records in the order of `sort_by`; see `harvester.sources.source.Source`.

    A page that the service cannot deliver is asked for in halves, down to the single records at fault.

    Raises:
        SourceUnavailable: It cannot be reached, gives an unintelligible answer, or delivers none of several records.
        SourceRefused: It refuses our credentials.
    """
    del fingerprints  # the time of change is only in the record itself
    place = _Place() if cursor is None else _Place.from_cursor(cursor)
    with Session(options, auth=basic_auth(options.credentials)) as session:
        catalogue = _Catalogue(session, options, selection)
        while (position := place.position) is not None:
            records = catalogue.page(position)
            if catalogue.matched < (place.matched or 0):
                place = catalogue.step_back(place)
                continue
            records = catalogue.without_repetition(position, records, place)
            place = catalogue.place_after(position, len(records))
            progress.records += len(records)
            progress.total = catalogue.matched
            yield Page(
                records=once_each(records, progress, date_stamp_of),
                next_cursor=None if place.position is None else place.cursor(),
            )


class _Place(ResumablePosition):
    """Where reading continues, and how many records the service had then."""

    position: int | None = 1
    matched: int | None = None


@dataclass
class _Catalogue:
    """The records of a catalogue, by position from 1 on."""

    session: Session
    options: Options
    selection: Selection
    matched: int = field(default=0, init=False)  #: number of records, by the last answer
    _steps_back: int = field(default=0, init=False)
    _before: Set[str] = field(default=frozenset(), init=False)  #: ids on the previous page
    _next: int | None = field(default=None, init=False)  #: position of the next record, by the last answer

    def page(self, start: int) -> list[RawRecord]:
        """The records from a position on: as many as the service gives at once.

        Raises:
            SourceUnavailable: It delivers none of several.
        """
        records = self._records(start, self.options.page_size or _PAGE_SIZE)
        bad = [record for record in records if "undelivered" in record.content]
        if len(bad) > 1 and len(bad) == len(records):
            # A service that fails on everything is broken: quarantining all its records would hide that.
            raise SourceUnavailable(
                f"{self.options.shown_location}: {bad[0].content['undelivered']}, nor the next ones"
            )
        return records

    def place_after(self, start: int, count: int) -> _Place:
        """Where to continue: while either the count or nextRecord says that a record is left; neither is trusted alone.

        nextRecord may be missing or stand still, and the count may be that of the page.
        """
        after = start + count
        is_left = after <= self.matched or after == self._next
        return _Place(position=after if count and is_left else None, matched=self.matched)

    def without_repetition(self, position: int, records: list[RawRecord], place: _Place) -> list[RawRecord]:
        """The records of a page; none if it is the previous one again, asked for beyond the count of records.

        Records that were added before it may move the previous page to where we are.

        Raises:
            UnreadableAnswer: It is the previous one again, within an unchanged count.
        """
        ids = {record.id for record in records}
        is_same = bool(ids) and ids == self._before
        if is_same and position > self.matched:
            return []
        if is_same and len(ids) > 1 and self.matched == place.matched:
            raise UnreadableAnswer(
                f"{self.options.shown_location}: from number {position} on it sent the same records as before: it "
                "seems to ignore startPosition, or something between here and there answers in its place"
            )
        self._before = ids
        return records

    def step_back(self, place: _Place) -> _Place:
        """Where to continue after records were removed, so that later ones moved to positions already read."""
        if not self.matched:
            raise UnreadableAnswer(f"{self.options.shown_location}: it had {place.matched} records, and now has none")
        self._steps_back += 1
        self._before = frozenset()
        if self._steps_back > _MOST_STEPS_BACK:
            raise SourceUnavailable(f"{self.options.shown_location}: its count of records falls again and again")
        gone = (place.matched or 0) - self.matched
        logger.info("%s: %s records are gone meanwhile; going back", self.options.shown_location, gone)
        return _Place(position=max(1, (place.position or 1) - gone), matched=self.matched)

    def _records(self, start: int, count: int) -> list[RawRecord]:
        try:
            return self._delivered(start, count)
        except SourceRefused:
            raise
        except SourceUnavailable as failure:
            count = min(count, self._count_left(start, failure))
            if count == 0:
                if start == 1:  # a failing catalogue must not pass for an empty one
                    raise
                return []
            reason = self.session.masked(str(failure))
            logger.warning("%s: records %s to %s: %s", self.options.shown_location, start, start + count - 1, reason)
            return self._one(start) if count == 1 else self._halves(start, count)

    def _halves(self, start: int, count: int) -> list[RawRecord]:
        half = count // 2
        first = self._records(start, half)
        # If the service gave fewer or more than asked, the next page continues after them.
        return first if len(first) != half else first + self._records(start + half, count - half)

    def _one(self, position: int) -> list[RawRecord]:
        """One record that failed once; if it fails again, a substitute with the reason."""
        try:
            return self._delivered(position, 1)
        except SourceRefused:
            raise
        except SourceUnavailable as failure:
            reason = self.session.masked(str(failure))
            return [undelivered_record(f"number {position}", reason, self._brief_identifier(position))]

    def _count_left(self, start: int, failure: SourceUnavailable) -> int:
        """The number of records from a position on.

        Raises:
            SourceUnavailable: The original failure, if the service cannot even count its records.
        """
        try:
            self.matched = self._ask(start=1, count=1, hits=True).matched
        except SourceUnavailable:
            raise failure from None
        return max(0, self.matched - start + 1)

    def _delivered(self, start: int, count: int) -> list[RawRecord]:
        results = self._ask(start=start, count=count)
        self.matched, self._next = results.matched, results.next_position
        _check_complete(results, start, count)
        return [raw_record_from_iso(record, self._address) for record in results.records[:_MOST_RECORDS]]

    def _brief_identifier(self, position: int) -> str | None:
        """The id of a record that cannot be delivered whole, so that it does not count as gone."""
        try:
            results = self._ask(start=position, count=1, schema=DUBLIN_CORE_SCHEMA)
        except SourceUnavailable:
            return None
        return text(results.records[0], "identifier") if len(results.records) == 1 else None

    def _ask(self, *, start: int, count: int, schema: str = ISO_SCHEMA, hits: bool = False) -> SearchResults:
        request = get_records(
            self._constraint(), start=start, count=count, sort_by=self.options.sort_by, schema=schema, hits=hits
        )
        headers = {"Content-Type": "application/xml"}
        return search_results(self.session.request("POST", self.options.url, content=request, headers=headers).content)

    def _constraint(self) -> XmlElement | None:
        prefix, time_format = self.options.queryable_prefix, self.options.time_format
        return constraint_of(self.selection, self.options.where, prefix=prefix, time_format=time_format)

    def _address(self, identifier: str) -> str:
        """The address of one record: its GetRecordById."""
        query = {"service": "CSW", "version": "2.0.2", "request": "GetRecordById", "elementSetName": "full"}
        url = self.options.shown_location
        joint = "&" if "?" in url else "?"
        return f"{url.rstrip('?&')}{joint}{urlencode({**query, 'outputSchema': ISO_SCHEMA, 'id': identifier})}"


def _check_complete(results: SearchResults, start: int, count: int) -> None:
    """Check that an answer to a request for `count` records skips none.

    A server may give fewer at once: the next request then continues after them.

    Raises:
        UnreadableAnswer: It sent fewer than it says, or says that the next record is further on, or that none is left.
    """
    sent = len(results.records)
    after = start + sent
    if sent < results.returned:
        raise UnreadableAnswer(f"the service says that it sent {results.returned} records, and sent {sent}")
    if sent and not results.matched:
        raise UnreadableAnswer(f"the service says that it has 0 records, and sent number {start}")
    if sent == count or after > results.matched:
        return
    if sent == 0 or results.next_position == 0:
        raise UnreadableAnswer(f"the service has {results.matched} records, and sent none from number {after} on")
    if results.next_position is not None and after < results.next_position <= results.matched:
        raise UnreadableAnswer(f"the service passes over records {after} to {results.next_position - 1}")
