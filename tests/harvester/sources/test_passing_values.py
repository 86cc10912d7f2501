"""What a service says otherwise at each answer is no change of a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from typing import Any
from xml.sax.saxutils import escape

import pytest

from database import Database
from harvester.feeds import Feed
from harvester.harvest import Request, harvest
from harvester.record import RawRecord
from harvester.sources.feature_search.paging import Answer, Position, numbered_pages
from tests.acceptance.sources.stand_ins import feed_of
from tests.emulators import csw, oneatlas, oneatlas_sar, openspot, resto
from tests.emulators.serving import serving
from tests.harvests import counts, documents, harvest_context, items

COUNT = 3

#: Changes a feature as the service does between two answers, here for the n-th time.
Change = Callable[[dict[str, Any], int], None]


def signed(said: dict[str, Any], name: str, number: int) -> None:
    """Sign an address anew."""
    plain = str(said.get(name, "https://images.example.org/1.jpg")).partition("?")[0]
    said[name] = f"{plain}?page=1&X-Amz-Date={number}&X-Amz-Signature=abc{number}"


@contextmanager
def oneatlas_feed(change: Change) -> Iterator[tuple[Feed, Callable[[int], None]]]:
    """OneAtlas, which signs its previews."""
    features = oneatlas.synthetic_features(COUNT)
    service = oneatlas.OneAtlas(features)
    with serving(service.app()) as url:
        addresses = {"url": f"{url}/search", "token_url": f"{url}/token", "deleted_url": f"{url}/deleted"}
        yield feed_of("airbus-archive-pleiades/oneatlas", **addresses), _each(features, change, service.put)


@contextmanager
def radar_feed(change: Change) -> Iterator[tuple[Feed, Callable[[int], None]]]:
    """The radar catalogue."""
    features = oneatlas_sar.synthetic_features(COUNT)
    service = oneatlas_sar.SarCatalogue(features)
    with serving(service.app()) as url:
        feed = feed_of("radar/oneatlas-sar", url=f"{url}/catalogue", token_url=f"{url}/token")
        yield feed, _each(features, change, service.put)


@contextmanager
def resto_feed(change: Change) -> Iterator[tuple[Feed, Callable[[int], None]]]:
    """Kalideos as a resto 2."""
    service = resto.app(resto.synthetic_records(COUNT, "v2"), "v2")
    with serving(service) as url:
        yield feed_of("radar/kalideos", url=url, collection="S2ST"), _each(service.records, change)


@contextmanager
def openspot_feed(change: Change) -> Iterator[tuple[Feed, Callable[[int], None]]]:
    """OpenSpot."""
    features = openspot.features(COUNT)
    with serving(openspot.OpenSpot(layers={"2018_PMS": features}).app) as url:
        yield feed_of("spot-6-7-open/openspot", url=f"{url}/"), _each(features, change)


@contextmanager
def csw_feed(change: Change) -> Iterator[tuple[Feed, Callable[[int], None]]]:
    """A CSW, which signs its files."""
    names = [{"id": f"image-{number}", "day": f"2005-07-0{number + 1}"} for number in range(COUNT)]
    catalogue = csw.CswCatalogue()

    def put(said: dict[str, Any]) -> None:
        period, files = (said["day"], said["day"]), [escape(said["href"])]
        catalogue.put(
            csw.iso_metadata(said["id"], root="gmi:MI_Metadata", platform="SPOT5", period=period, files=files)
        )

    with serving(csw.app(catalogue)) as url:
        yield feed_of("spot-1-5-france/geosud", url=f"{url}/csw", where={}), _each(names, change, put)


def _each(
    features: list[dict[str, Any]], change: Change, put: Callable[[dict[str, Any]], None] | None = None
) -> Callable[[int], None]:
    def change_all(number: int) -> None:
        for feature in features:
            change(feature, number)
            if put:
                put(feature)

    return change_all


def of_oneatlas(feature: dict[str, Any], number: int) -> None:
    """Previews are signed, and the rights of our account told."""
    signed(feature["_links"]["thumbnail"], "href", number)
    feature["rights"] = {"browse": {"until": number}}


def of_radar(feature: dict[str, Any], number: int) -> None:
    """An offer holds for some days, and other images of the place come."""
    signed(feature["properties"], "quicklookUrl", number)
    feature["properties"] |= {"expiry": f"20{number + 24}-01-01T00:00:00Z", "datastackCount": number}


def of_resto(feature: dict[str, Any], number: int) -> None:
    """People like a record, and its keywords stand in any order."""
    signed(feature["properties"], "quicklook", number)
    feature["properties"] |= {"likes": number, "keywords": [{"name": str((number + each) % 2)} for each in (0, 1)]}


def of_openspot(feature: dict[str, Any], number: int) -> None:
    """The table is loaded anew."""
    feature["id"] = number
    feature["properties"] |= {"fid": number + 100, "page_": number}


def of_csw(record: dict[str, Any], number: int) -> None:
    """A file is signed."""
    signed(record, "href", number)


Feeding = Callable[[Change], AbstractContextManager[tuple[Feed, Callable[[int], None]]]]
CASES: Mapping[str, tuple[Feeding, Change]] = {
    "oneatlas": (oneatlas_feed, of_oneatlas),
    "oneatlas-sar": (radar_feed, of_radar),
    "resto": (resto_feed, of_resto),
    "openspot": (openspot_feed, of_openspot),
    "csw": (csw_feed, of_csw),
}


@pytest.mark.parametrize("case", CASES)
def test_what_passes_is_no_change(case: str, module_database: Database) -> None:
    """A second whole harvest finds every record as it was, and writes nothing."""
    feeding, change = CASES[case]
    catalogue = harvest_context(module_database, *documents())
    with feeding(change) as (feed, change_all):
        change_all(0)
        first = harvest(feed, catalogue, Request(is_full=True))
        before = items(module_database)
        change_all(1)
        second = harvest(feed, catalogue, Request(is_full=True))
    assert counts(first) == {"new": first.read}
    assert counts(second) == {"unchanged": first.read}
    assert (second.items_written, items(module_database)) == (0, before)


def test_what_does_not_pass_is_a_change_as_before() -> None:
    """Only the places that are named do not count, and a record without them has the digest that it always had."""
    said = {"id": 1, "properties": {"cloud": 3, "likes": 1}}
    passing = frozenset({"properties.likes", "absent", "id.deeper", "absent.too"})
    record = RawRecord(id="r", content=said, place_keys=passing)
    liked = RawRecord(id="r", content={"id": 1, "properties": {"cloud": 3, "likes": 2}}, place_keys=passing)
    clouded = RawRecord(id="r", content={"id": 1, "properties": {"cloud": 4, "likes": 1}}, place_keys=passing)
    plain = RawRecord(id="r", content={"id": 1, "properties": {"cloud": 3}})
    assert record.digest() == liked.digest() == plain.digest() != clouded.digest()
    assert record.serialised() == RawRecord(id="r", content=said).serialised() != liked.serialised()


def test_a_last_page_that_comes_for_ever_is_known_by_its_ids() -> None:
    """Whatever else is otherwise in it each time."""

    def ask(position: Position) -> Answer:
        return Answer(features=[{"id": str(min(position.page, 2)), "likes": position.page}])

    pages = list(islice(numbered_pages(ask, Position(size=2), may_cap=False), 10))
    assert [answer.features[0]["id"] for answer, _ in pages] == ["1", "2", "2", "2", "2"]
    assert pages[-1][1] is None
