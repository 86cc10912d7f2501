"""GeoNetwork catalogues: the index lists, the formatter tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.types import ASGIApp

from harvester.errors import SourceUnavailable, UnreadableAnswer, UnreadableScene
from harvester.record import Page
from harvester.sensors import Sensors
from harvester.sources.geonetwork import source as geonetwork
from harvester.sources.source import Progress, Selection
from tests.emulators.csw import iso_metadata, iso_scene, iso_scenes
from tests.emulators.geonetwork import GeoNetworkCatalogue, app
from tests.emulators.quirks import Plan, Quirk, Quirks, answers, html_page, preceded, truncated
from tests.emulators.serving import serving


@contextmanager
def options_for(application: ASGIApp, **chosen: Any) -> Iterator[geonetwork.Options]:
    """How to ask an application that is served."""
    with serving(application) as url:
        yield geonetwork.Options(url=f"{url}/geonetwork", rate=1000, **chosen)


def pages_of(
    options: geonetwork.Options,
    selection: Selection | None = None,
    cursor: str | None = None,
    known: Mapping[str, str] | None = None,
) -> list[Page]:
    """All pages."""
    kept = known or {}
    return list(geonetwork.read_pages(options, selection or Selection(), cursor, Progress(), lambda ids: kept))


def ids_of(pages: list[Page]) -> list[str]:
    """The ids of the records of pages, in their order."""
    return [record.id for page in pages for record in page.records]


def in_order_of_change(catalogue: GeoNetworkCatalogue) -> list[str]:
    """The ids in the order in which they are read."""
    return sorted(catalogue.records, key=lambda uuid: (catalogue.changed[uuid], uuid))


def test_all_records_are_read_beyond_the_window_of_the_index() -> None:
    """Neither the 10 000 hits of an index (here 12) nor its limit of a page hides a record."""
    catalogue = GeoNetworkCatalogue.of(iso_scenes(31))
    catalogue.window, catalogue.largest_page = 12, 4
    with options_for(app(catalogue), page_size=6) as options:
        pages = pages_of(options)
    assert ids_of(pages) == in_order_of_change(catalogue)
    assert pages[-1].next_cursor is None


def test_records_that_change_at_one_moment_are_all_read() -> None:
    """Equal times of change, as a bulk import leaves them, are told apart by uuid."""
    catalogue = GeoNetworkCatalogue.of(iso_scene(number, changed="2024-01-01") for number in range(11))
    with options_for(app(catalogue), page_size=3) as options:
        assert ids_of(pages_of(options)) == sorted(catalogue.records)


def test_reading_goes_on_after_each_page() -> None:
    """The cursor of a page gives exactly the pages after it, in another process too."""
    with options_for(app(GeoNetworkCatalogue.of(iso_scenes(10))), page_size=3) as options:
        pages = pages_of(options)
        assert len(pages) == 5
        for number, page in enumerate(pages[:-1], start=1):
            assert ids_of(pages_of(options, cursor=page.next_cursor)) == ids_of(pages[number:])


def test_what_scripts_leave_before_an_answer_is_passed_over() -> None:
    """Byte order marks and blank lines before the JSON of the index and the XML of the formatter are passed over."""
    catalogue = GeoNetworkCatalogue.of(iso_scenes(3))
    with options_for(Quirks(app(catalogue), Plan(always=preceded(b"\xef\xbb\xbf\n")))) as options:
        pages = pages_of(options)
    assert ids_of(pages) == in_order_of_change(catalogue)
    assert not any("undelivered" in record.content for page in pages for record in page.records)


def test_search_that_does_not_go_on_stops_the_run() -> None:
    """An index that passes over `search_after` would be read for ever."""
    found = {"total": {"value": 9}, "hits": [{"_source": {"uuid": "a"}, "sort": ["2024", "a"]}]}
    plan = Plan(paths=("/geonetwork/srv/api/search/",), always=answers(200, {"hits": found}))
    catalogue = GeoNetworkCatalogue.of([iso_metadata("a")])
    with options_for(Quirks(app(catalogue), plan)) as options, pytest.raises(UnreadableAnswer, match="same page again"):
        pages_of(options)
    assert len(catalogue.formatted) == 1


def test_search_that_lists_none_of_its_records_stops_the_run() -> None:
    """An index that counts records and gives none is not taken for an empty catalogue; one that counts none is."""
    catalogue = GeoNetworkCatalogue.of(iso_scenes(3))
    catalogue.largest_page = 0
    with options_for(app(catalogue)) as options:
        with pytest.raises(UnreadableAnswer, match="lists none of 3 records"):
            pages_of(options)
        catalogue.remove(*list(catalogue.records))
        assert ids_of(pages_of(options)) == []


def test_what_changes_meanwhile_hides_no_record() -> None:
    """A record deleted and one changed between two pages leave all others to be read."""
    catalogue = GeoNetworkCatalogue.of(iso_scenes(12))
    order = in_order_of_change(catalogue)
    with options_for(app(catalogue), page_size=4) as options:
        pages = geonetwork.read_pages(options, Selection(), None, Progress(), lambda ids: {})
        seen = ids_of([next(pages)])
        catalogue.remove(order[0])
        catalogue.put(catalogue.records[order[1]], changed="2026-01-01T00:00:00Z")
        seen += ids_of(list(pages))
    assert seen == [*order, order[1]]


def test_selection_narrows_the_search() -> None:
    """Time of change and bounding box are asked of the index."""
    catalogue = GeoNetworkCatalogue()
    catalogue.put(iso_metadata("old"), "2024-01-01T00:00:00Z")
    catalogue.put(iso_metadata("new"), "2024-03-01T00:00:00Z")
    catalogue.put(iso_metadata("far", box=(50, -20, 51, -19)), "2024-03-02T00:00:00Z")
    catalogue.put(iso_metadata("late"), "2024-04-01T00:00:00Z")
    march = Selection(since=datetime(2024, 3, 1, tzinfo=UTC), until=datetime(2024, 4, 1, tzinfo=UTC))
    with options_for(app(catalogue), query="resourceType:dataset") as options:
        assert ids_of(pages_of(options, march)) == ["new", "far"]
        assert ids_of(pages_of(options, Selection(bbox=(0, 40, 5, 45)))) == ["old", "new", "late"]
    assert {"query_string": {"query": "resourceType:dataset"}} in catalogue.searches[0]["query"]["bool"]["filter"]


def test_unchanged_records_are_not_fetched_again() -> None:
    """A record whose time of change is known is told as there, and its XML is not asked for."""
    catalogue = GeoNetworkCatalogue.of(iso_scenes(6))
    with options_for(app(catalogue), page_size=4) as options:
        known = {record.id: record.fingerprint or "" for page in pages_of(options) for record in page.records}
        changed = min(catalogue.records)
        catalogue.put(catalogue.records[changed], changed="2026-02-02T00:00:00Z")
        catalogue.formatted.clear()
        pages = pages_of(options, known=known)
    assert catalogue.formatted == ids_of(pages) == [changed]
    assert sorted(uuid for page in pages for uuid in page.unread) == sorted(set(catalogue.records) - {changed})


def test_bad_record_spoils_only_itself() -> None:
    """A record that the formatter cannot write is told by its uuid, and refused with the reason."""
    catalogue = GeoNetworkCatalogue.of(iso_scenes(5))
    catalogue.broken = {in_order_of_change(catalogue)[2]}
    with options_for(app(catalogue)) as options:
        records = pages_of(options)[0].records
    assert [record.id for record in records] == in_order_of_change(catalogue)
    with pytest.raises(UnreadableScene, match=r"cannot deliver record SCENE_5_.*answered 500"):
        geonetwork.scene_from_record(records[2], Sensors([]))
    assert geonetwork.scene_from_record(records[1], Sensors([])).source_id == records[1].id


@pytest.mark.parametrize("quirk", [html_page(), truncated()], ids=["html", "cut"])
def test_record_that_arrives_broken_is_asked_for_again(quirk: Quirk) -> None:
    """A page of HTML with status 200, or half a record, is a hiccup of the service and no bad record."""
    plan = Plan.first(quirk)
    plan.paths = ("/geonetwork/srv/api/records/",)
    with options_for(Quirks(app(GeoNetworkCatalogue.of(iso_scenes(3))), plan)) as options:
        records = pages_of(options)[0].records
    assert all(geonetwork.scene_from_record(record, Sensors([])) for record in records)


def test_formatter_that_fails_on_everything_stops_the_run() -> None:
    """All records bad at once means that the service is broken."""
    catalogue = GeoNetworkCatalogue.of(iso_scenes(3))
    catalogue.broken = set(catalogue.records)
    with options_for(app(catalogue)) as options, pytest.raises(SourceUnavailable, match="500"):
        pages_of(options)


@pytest.mark.parametrize("sign", [{"timed_out": True}, {"_shards": {"total": 2, "successful": 1, "failed": 1}}])
def test_index_that_did_not_look_everywhere_stops_the_run(sign: dict[str, Any]) -> None:
    """An index answers with status 200 and what it found when a part of it fails: the rest would be passed over."""
    found = {"total": {"value": 1}, "hits": [{"_source": {"uuid": "a"}, "sort": ["2024", "a"]}]}
    plan = Plan(always=answers(200, {**sign, "hits": found}))
    refused = pytest.raises(UnreadableAnswer, match="did not look everywhere")
    with options_for(Quirks(app(GeoNetworkCatalogue()), plan)) as options, refused:
        pages_of(options)


@pytest.mark.parametrize("body", [{"hits": {"total": {"value": 1}}}, {"error": "x"}, [], {"hits": {"hits": [{}]}}])
def test_answer_of_another_shape_stops_the_run(body: Any) -> None:
    """An index that answers something else is not taken for an empty one."""
    plan = Plan(always=answers(200, body))
    with options_for(Quirks(app(GeoNetworkCatalogue()), plan)) as options, pytest.raises(UnreadableAnswer):
        pages_of(options)
