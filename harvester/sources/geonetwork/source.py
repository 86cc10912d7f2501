"""GeoNetwork 4 (FormaTerre): records listed by its search index, each fetched as ISO XML from its formatter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from logging import getLogger
from typing import Any
from urllib.parse import quote

from pystac.utils import datetime_to_str

from harvester.errors import SourceUnavailable, UnreadableAnswer
from harvester.http import Session, basic_auth
from harvester.record import Page, RawRecord, known
from harvester.sources.geonetwork.options import Options
from harvester.sources.iso19139.document import canonical_xml, parsed_xml
from harvester.sources.iso19139.record import scene_from_iso, undelivered_record
from harvester.sources.source import Fingerprints, Progress, Selection, undivided

__all__ = ["Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

logger = getLogger(__name__)

is_selectable = True
#: Catalogues are small, and their times of change uneven.
windows = undivided
scene_from_record = scene_from_iso

_PAGE_SIZE = 50


def read_pages(
    options: Options, selection: Selection, cursor: str | None, progress: Progress, fingerprints: Fingerprints
) -> Iterator[Page]:
    """Read the selected records in the order of their last change; see `harvester.sources.source.Source`.

    The index is asked for what follows the last record seen (`search_after`), so that neither its window of 10 000 hits
    nor changes meanwhile hide a record. Reading ends with a page without hits.

    Raises:
        SourceUnavailable: It cannot be reached, gives an unintelligible answer, or delivers none of a page.
        SourceRefused: It refuses our credentials.
    """
    after = None if cursor is None else json.loads(cursor)
    with Session(options, auth=basic_auth(options.credentials)) as session:
        catalogue = _Catalogue(session, options)
        while True:
            listed, total = catalogue.hits(_search(options, selection, after))
            if total and not listed and after is None:
                raise UnreadableAnswer(f"{options.shown_location}: the search lists none of {total} records")
            if listed and listed[-1].place == after:
                raise UnreadableAnswer(
                    f"{options.shown_location}: the search gives the same page again: it does not go on"
                )
            hits = list({hit.uuid: hit for hit in listed}.values())  # the latest hit of each, in search order
            progress.pass_over("duplicates", len(listed) - len(hits))
            kept = fingerprints([hit.uuid for hit in hits])
            changed = [hit for hit in hits if hit.change_date is None or kept.get(hit.uuid) != hit.change_date]
            after = listed[-1].place if listed else None
            progress.records += len(hits)
            progress.total = total
            yield Page(
                records=catalogue.records(changed),
                unread=[hit.uuid for hit in hits if hit not in changed],
                next_cursor=json.dumps(after) if hits else None,
            )
            if after is None:
                return


@dataclass(frozen=True)
class _Hit:
    """One record as the index lists it."""

    uuid: str
    change_date: str | None
    place: list[Any]  #: its sort values, for `search_after`


@dataclass(frozen=True)
class _Catalogue:
    session: Session
    options: Options

    def hits(self, search: Mapping[str, Any]) -> tuple[list[_Hit], int]:
        """The hits of a search, and how many there are in all."""
        url = f"{self._api}/search/records/_search?bucket=metadata"
        answer = self.session.post_json(url, search)
        try:
            if answer.get("timed_out") or (answer.get("_shards") or {}).get("failed"):
                raise UnreadableAnswer(f"{self.options.shown_location}: the search did not look everywhere; try later")
            found = answer["hits"]
            hits = [_hit(hit) for hit in found["hits"]]
            return hits, int(found["total"]["value"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UnreadableAnswer(
                f"{self.options.shown_location}: the search did not answer hits with uuid and sort ({error!r})"
            ) from error

    def records(self, hits: Sequence[_Hit]) -> list[RawRecord]:
        """The records of hits; one that cannot be fetched is marked as undelivered.

        Raises:
            SourceUnavailable: None of several can be fetched: then the service fails, not the record.
        """
        records: list[RawRecord] = []
        failures: list[SourceUnavailable] = []
        for hit in hits:
            try:
                records.append(self._record(hit))
            except SourceUnavailable as failure:
                reason = self.session.masked(str(failure))
                logger.warning("%s: record %s: %s", self.options.shown_location, hit.uuid, reason)
                failures.append(failure)
                records.append(undelivered_record(hit.uuid, reason, hit.uuid))
        if len(failures) > 1 and len(failures) == len(hits):
            raise failures[0]
        return records

    def _record(self, hit: _Hit) -> RawRecord:
        address = f"{self._api}/records/{quote(hit.uuid, safe='')}"
        record = self.session.get_document(f"{address}/formatters/xml", parsed_xml)
        return RawRecord(
            id=hit.uuid,
            content={"xml": canonical_xml(record), "address": address},
            place_keys=frozenset({"address"}),
            fingerprint=hit.change_date,
        )

    @property
    def _api(self) -> str:
        return f"{self.options.url.rstrip('/')}/{self.options.portal}/api"


def _hit(hit: Mapping[str, Any]) -> _Hit:
    source, place = hit["_source"], hit["sort"]
    if not isinstance(source["uuid"], str) or not source["uuid"] or not isinstance(place, list):
        raise ValueError(f"hit {hit.get('_id')!r}")
    return _Hit(source["uuid"], source.get("changeDate"), place)


def _search(options: Options, selection: Selection, after: Sequence[Any] | None) -> dict[str, Any]:
    search: dict[str, Any] = {
        "size": options.page_size or _PAGE_SIZE,
        "query": {"bool": {"filter": list(_filters(options, selection))}},
        "sort": [{"changeDate": "asc"}, {"uuid": "asc"}],
        "_source": ["uuid", "changeDate"],
        "track_total_hits": True,
    }
    return search if after is None else {**search, "search_after": list(after)}


def _filters(options: Options, selection: Selection) -> Iterator[dict[str, Any]]:
    yield {"term": {"isTemplate": "n"}}
    if options.query is not None:
        yield {"query_string": {"query": options.query}}
    if bounds := known({"gte": selection.since, "lt": selection.until}):
        yield {"range": {"changeDate": {name: datetime_to_str(moment) for name, moment in bounds.items()}}}
    if selection.bbox is not None:
        west, south, east, north = selection.bbox
        shape = {"type": "envelope", "coordinates": [[west, north], [east, south]]}
        yield {"geo_shape": {"geom": {"shape": shape, "relation": "intersects"}}}
