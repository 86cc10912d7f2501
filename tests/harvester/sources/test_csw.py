"""CSW catalogues are read whole, whatever their servers do wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from starlette.responses import Response
from starlette.types import ASGIApp

from harvester.credentials import Credentials
from harvester.errors import SourceRefused, SourceUnavailable, UnreadableAnswer, UnreadableScene
from harvester.record import NAMELESS, Page
from harvester.sensors import Sensors
from harvester.sources.csw import source as csw
from harvester.sources.source import Progress, Selection
from tests.emulators.csw import CswCatalogue, app, iso_metadata, iso_scene, iso_scenes
from tests.emulators.quirks import Plan, Quirk, Quirks, answers, preceded, refuses
from tests.emulators.serving import serving

NO_SENSORS = Sensors([])


@contextmanager
def options_for(application: ASGIApp, **chosen: Any) -> Iterator[csw.Options]:
    """How to ask an application that is served."""
    with serving(application) as url:
        yield csw.Options(url=f"{url}/csw", rate=1000, **chosen)


def pages_of(options: csw.Options, selection: Selection | None = None, cursor: str | None = None) -> list[Page]:
    """All pages."""
    return list(csw.read_pages(options, selection or Selection(), cursor, Progress(), lambda ids: {}))


def ids_of(pages: list[Page]) -> list[str]:
    """The ids of the records of pages, in their order."""
    return [record.id for page in pages for record in page.records]


def reasons_of(pages: list[Page]) -> list[str]:
    """Why records could not be delivered."""
    contents = [record.content for page in pages for record in page.records]
    return [str(content["undelivered"]) for content in contents if "undelivered" in content]


def test_mixed_pages_lose_no_record() -> None:
    """Pages that mix MD_Metadata and MI_Metadata give all their records, each once, and no page too many."""
    catalogue = CswCatalogue.of(iso_scenes(23))
    progress = Progress()
    with options_for(app(catalogue), page_size=5) as options:
        pages = list(csw.read_pages(options, Selection(), None, progress, lambda ids: {}))
    assert ids_of(pages) == sorted(catalogue.records)
    assert [len(page.records) for page in pages] == [5, 5, 5, 5, 3]
    assert [page.next_cursor is None for page in pages] == [False] * 4 + [True]
    assert (progress.records, progress.total) == (23, 23)


@pytest.mark.parametrize("before", [b"\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\r\n\xef\xbb\xbf"])
def test_what_scripts_leave_before_the_document_is_passed_over(before: bytes) -> None:
    """Blank lines and byte order marks before the XML declaration neither stop a run nor cost a record."""
    catalogue = CswCatalogue.of(iso_scenes(5))
    with options_for(Quirks(app(catalogue), Plan(always=preceded(before)))) as options:
        pages = pages_of(options)
    assert (ids_of(pages), reasons_of(pages)) == (sorted(catalogue.records), [])


def test_a_password_that_the_service_repeats_is_masked(caplog: pytest.LogCaptureFixture) -> None:
    """Neither the error of a run nor the record that cannot be delivered nor the log holds it."""
    catalogue, credentials = app(CswCatalogue.of(iso_scenes(1))), Credentials(user="me", password=SecretStr("p4ssword"))
    echo = saying("<ExceptionReport><ExceptionText>none for me:p4ssword</ExceptionText></ExceptionReport>")
    always, once = Plan(always=echo), Plan.first(echo, preceded(b""), echo)
    with options_for(Quirks(catalogue, once), credentials=credentials) as options:
        assert ["none for me:***" in reason for reason in reasons_of(pages_of(options))] == [True]
    assert "none for me:***" in caplog.text
    assert "p4ssword" not in caplog.text
    with (
        options_for(Quirks(catalogue, always), credentials=credentials) as options,
        pytest.raises(UnreadableAnswer, match=r"none for me:\*\*\*"),
    ):
        pages_of(options)


def saying(body: str) -> Quirk:
    """A service that answers everything with this document."""
    response = Response(body, media_type="application/xml")
    return lambda _, scope, receive, send: response(scope, receive, send)


def test_empty_catalogue_is_one_empty_page() -> None:
    """A catalogue without records is read to its end."""
    with options_for(app(CswCatalogue())) as options:
        pages = pages_of(options)
    assert [(list(page.records), page.next_cursor) for page in pages] == [([], None)]


@pytest.mark.parametrize("next_record", ["right", "missing", "beyond", "stuck"])
def test_capped_pages_and_wrong_next_records_lose_nothing(next_record: Any) -> None:
    """The server's limit and its nextRecord do not decide how far is read."""
    catalogue = CswCatalogue.of(iso_scenes(20))
    catalogue.largest_page, catalogue.next_record = 3, next_record
    with options_for(app(catalogue), page_size=8) as options:
        assert ids_of(pages_of(options)) == sorted(catalogue.records)


def test_server_that_ignores_how_many_are_asked_for_is_read_in_pages_of_a_thousand() -> None:
    """However many records come at once, a page has no more than one transaction may; one that starts anew stops."""
    catalogue = CswCatalogue.of(iso_scenes(2300))
    catalogue.ignores_count = True
    with options_for(app(catalogue)) as options:
        pages = pages_of(options)
        assert [len(page.records) for page in pages] == [1000, 1000, 300]
        assert ids_of(pages) == sorted(catalogue.records)
        assert ids_of(pages_of(options, cursor=pages[0].next_cursor)) == ids_of(pages[1:])
        catalogue.ignores_start = True
        with pytest.raises(UnreadableAnswer, match="seems to ignore startPosition"):
            pages_of(options)
    catalogue.ignores_start = False
    with options_for(Quirks(app(catalogue), Plan.first(answers(500)))) as options:
        assert ids_of(pages_of(options)) == sorted(catalogue.records)


def test_server_that_always_says_that_no_record_is_left_is_read_to_its_end() -> None:
    """A nextRecord of 0 on every page ends nothing while records are matched."""
    catalogue = CswCatalogue.of(iso_scenes(20))
    catalogue.largest_page, catalogue.next_record = 3, "none-left"
    with options_for(app(catalogue), page_size=8) as options:
        assert ids_of(pages_of(options)) == sorted(catalogue.records)


@pytest.mark.parametrize("count", [20, 17])
def test_count_of_the_page_alone_does_not_end_the_run(count: int) -> None:
    """A server that counts the records it sends, and says which is next, is read to its end."""
    catalogue = CswCatalogue.of(iso_scenes(count))
    catalogue.counts = "page"
    with options_for(app(catalogue), page_size=5) as options:
        assert set(ids_of(pages_of(options))) == set(catalogue.records)


@pytest.mark.parametrize("beyond_end", ["empty", "exception", "last-page"])
def test_next_record_beyond_the_end_is_none(beyond_end: Any) -> None:
    """However a server answers there, no record is told that it does not have, and none comes twice."""
    catalogue = CswCatalogue.of(iso_scenes(18))
    catalogue.next_record, catalogue.beyond_end = "beyond", beyond_end
    with options_for(app(catalogue), page_size=5) as options:
        assert ids_of(pages_of(options)) == sorted(catalogue.records)


@pytest.mark.parametrize("said", ["", "-1", "none"])
def test_next_record_that_is_no_position_costs_no_record(said: str) -> None:
    """It is read as if it were missing, and no record counts as undeliverable for it."""
    record = iso_scene(1)
    counts = f'numberOfRecordsMatched="1" numberOfRecordsReturned="1" nextRecord="{said}"'
    answer = f"<GetRecordsResponse><SearchResults {counts}>{record}</SearchResults></GetRecordsResponse>"
    with options_for(Quirks(app(CswCatalogue()), Plan(always=saying(answer)))) as options:
        (page,) = pages_of(options)
    assert reasons_of([page]) == []
    assert [raw.content.keys() >= {"xml"} for raw in page.records] == [True]


def test_server_that_does_not_sort_by_itself_is_asked_to() -> None:
    """Pages of a server without an order of its own neither repeat nor lose a record."""
    catalogue = CswCatalogue.of(iso_scenes(17))
    catalogue.turns_order = True
    with options_for(app(catalogue), page_size=4) as options:
        assert ids_of(pages_of(options)) == sorted(catalogue.records)
    with options_for(app(catalogue), page_size=4, sort_by=()) as options:
        assert sorted(ids_of(pages_of(options))) != sorted(catalogue.records)


def test_reading_goes_on_after_each_page() -> None:
    """The cursor of a page gives exactly the pages after it, in another process too."""
    with options_for(app(CswCatalogue.of(iso_scenes(14))), page_size=3) as options:
        pages = pages_of(options)
        assert len(pages) == 5
        for number, page in enumerate(pages[:-1], start=1):
            assert ids_of(pages_of(options, cursor=page.next_cursor)) == ids_of(pages[number:])


@pytest.mark.parametrize("failure", ["status", "exception", "html", "cut", "left-out", "passed-over"])
def test_bad_record_spoils_only_itself(failure: Any) -> None:
    """Whatever a server makes of a page with a bad record, all others come, and the bad one is told by its id."""
    catalogue = CswCatalogue.of(iso_scenes(16))
    bad = sorted(catalogue.records)[10]
    catalogue.undeliverable, catalogue.failure = {bad}, failure
    with options_for(app(catalogue), page_size=8) as options:
        pages = pages_of(options)
    assert ids_of(pages) == sorted(catalogue.records)
    (reason,) = reasons_of(pages)
    assert reason.startswith("the service cannot deliver record number 11: ")


def test_bad_last_record_is_told() -> None:
    """A bad record that is alone on the last page is no reason to stop."""
    catalogue = CswCatalogue.of(iso_scenes(9))
    catalogue.undeliverable = {max(catalogue.records)}
    with options_for(app(catalogue), page_size=4) as options:
        pages = pages_of(options)
    assert ids_of(pages) == sorted(catalogue.records)
    assert len(reasons_of(pages)) == 1


def test_bad_record_without_an_id_is_still_told() -> None:
    """A record that cannot be delivered even in brief is told by its number, as one that has no name."""
    catalogue = CswCatalogue.of(iso_scenes(6))
    catalogue.undeliverable, catalogue.is_brief_broken = {min(catalogue.records)}, True
    with options_for(app(catalogue)) as options:
        pages = pages_of(options)
    assert ids_of(pages)[0] == f"{NAMELESS}number 1"
    assert reasons_of(pages)[0].startswith("the service can neither deliver nor name record number 1: ")
    assert ids_of(pages)[1:] == sorted(catalogue.records)[1:]


def test_service_that_fails_on_everything_stops_the_run() -> None:
    """All records bad at once means that the service is broken, and not that all its records are."""
    catalogue = CswCatalogue.of(iso_scenes(5))
    catalogue.undeliverable = set(catalogue.records)
    with (
        options_for(app(catalogue)) as options,
        pytest.raises(SourceUnavailable, match=r"record number 1: .*nor the next ones"),
    ):
        pages_of(options)


def test_service_that_is_down_is_not_asked_for_halves() -> None:
    """A service that cannot even count its records stops the run at once, with what it said."""
    catalogue = CswCatalogue.of(iso_scenes(50))
    catalogue.is_down = True
    plan = Plan()
    with (
        options_for(Quirks(app(catalogue), plan)) as options,
        pytest.raises(SourceUnavailable, match="a record could not be written"),
    ):
        pages_of(options)
    assert len(plan.requests) == 2


@pytest.mark.parametrize("failure", ["none", "status", "exception", "html"])
def test_service_that_counts_no_record_but_has_some_is_not_taken_for_empty(failure: Any) -> None:
    """A count of 0 is not believed of a service that sends records, or fails to."""
    catalogue = CswCatalogue.of(iso_scenes(5))
    catalogue.counts, catalogue.failure = "none", failure
    catalogue.undeliverable = set(catalogue.records) if failure != "none" else set()
    reason = "it has 0 records, and sent number 1" if failure == "none" else "answered|could not be written|not XML"
    with options_for(app(catalogue)) as options, pytest.raises(SourceUnavailable, match=reason):
        pages_of(options)


def test_service_that_sends_the_same_page_again_stops_the_run() -> None:
    """Whoever ignores the position that is asked for would be read as often as there are pages, and never whole."""
    catalogue = CswCatalogue.of(iso_scenes(25))
    catalogue.ignores_start = True
    refused = pytest.raises(UnreadableAnswer, match="from number 11 on it sent the same records as before")
    with options_for(app(catalogue), page_size=10) as options, refused:
        pages_of(options)


def test_page_that_records_added_before_it_push_on_is_read_again() -> None:
    """As many records as a page holds, added before it meanwhile, bring it again: that is no fault of the service."""
    catalogue = CswCatalogue.of(iso_metadata(f"b{number}") for number in range(6))
    with options_for(app(catalogue), page_size=3) as options:
        pages = csw.read_pages(options, Selection(), None, Progress(), lambda ids: {})
        seen = ids_of([next(pages)])
        catalogue.put(*(iso_metadata(f"a{number}") for number in range(3)))
        seen += ids_of(list(pages))
    assert seen == ["b0", "b1", "b2"] * 2 + ["b3", "b4", "b5"]


def test_catalogue_that_is_empty_all_at_once_stops_the_run() -> None:
    """A service that has lost all its records in the middle of a run has not had them deleted."""
    catalogue = CswCatalogue.of(iso_scenes(9))
    with options_for(app(catalogue), page_size=3) as options:
        pages = csw.read_pages(options, Selection(), None, Progress(), lambda ids: {})
        next(pages)
        catalogue.records.clear()
        with pytest.raises(UnreadableAnswer, match="it had 9 records, and now has none"):
            next(pages)


def test_refusal_is_not_taken_for_a_bad_record() -> None:
    """A service that refuses us in the middle stops the run."""
    plan = Plan(by_number={2: refuses(403)})
    with options_for(Quirks(app(CswCatalogue.of(iso_scenes(9))), plan), page_size=3) as options:
        pages = csw.read_pages(options, Selection(), None, Progress(), lambda ids: {})
        assert len(next(pages).records) == 3
        with pytest.raises(SourceRefused):
            next(pages)


def test_records_removed_meanwhile_hide_no_other() -> None:
    """Records that move to positions already read, because earlier ones are deleted, are read all the same."""
    catalogue = CswCatalogue.of(iso_scenes(20))
    names = sorted(catalogue.records)
    with options_for(app(catalogue), page_size=5) as options:
        pages = csw.read_pages(options, Selection(), None, Progress(), lambda ids: {})
        seen = {record.id for record in next(pages).records}
        catalogue.remove(*names[:3])
        seen |= {record.id for page in pages for record in page.records}
    assert seen == set(names)


def test_since_finds_dates_written_as_days_and_in_other_zones() -> None:
    """What changed since a moment is found though servers compare texts of another precision and zone."""
    moment = datetime(2024, 3, 10, 0, 30, tzinfo=UTC)
    stamps = ["2024-03-01", "2024-03-09T20:00:00-05:00", "2024-03-10", "2024-03-20"]
    catalogue = CswCatalogue.of(iso_metadata(f"r{number}", stamp=stamp) for number, stamp in enumerate(stamps))
    with options_for(app(catalogue)) as options:
        assert ids_of(pages_of(options, Selection(since=moment))) == ["r1", "r2", "r3"]
        assert ids_of(pages_of(options, Selection(since=moment, until=moment + timedelta(days=1)))) == ["r1", "r2"]


def test_box_and_values_narrow_what_is_asked() -> None:
    """The bounding box, also over the antimeridian, and chosen queryables go into the request."""
    catalogue = CswCatalogue.of(
        [
            iso_metadata("east", box=(178, -18, 179, -17)),
            iso_metadata("west", box=(-179, -18, -178, -17)),
            iso_metadata("france", box=(1, 43, 2, 44)),
            iso_metadata("service", box=(1, 43, 2, 44), level="service"),
        ]
    )
    with options_for(app(catalogue), where={"apiso:Type": "dataset"}) as options:
        assert ids_of(pages_of(options, Selection(bbox=(177, -19, -177, -16)))) == ["east", "west"]
        assert ids_of(pages_of(options, Selection(bbox=(0, 40, 5, 45)))) == ["france"]


def test_changed_record_is_found_changed() -> None:
    """A record that its catalogue changes has another digest, and its neighbours keep theirs."""
    catalogue = CswCatalogue.of(iso_scenes(4))
    with options_for(app(catalogue)) as options:
        before = {record.id: record.digest() for page in pages_of(options) for record in page.records}
        catalogue.put(iso_scene(2, changed="2024-05-05"))
        after = {record.id: record.digest() for page in pages_of(options) for record in page.records}
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) == 1


def test_record_says_where_it_can_be_seen_without_credentials() -> None:
    """The link to the record asks the service for it by id, and shows no password."""
    with options_for(app(CswCatalogue.of([iso_metadata("a/b")]))) as options:
        url = options.url.replace("://", "://user:pass@") + "?apikey=pass"
        (record,) = pages_of(csw.Options(url=url, rate=1000))[0].records
        scene = csw.scene_from_record(record, NO_SENSORS)
    assert scene.source_href is not None
    assert scene.source_href.startswith(f"{options.url}?service=CSW&version=2.0.2&request=GetRecordById")
    assert scene.source_href.endswith("&id=a%2Fb")
    assert "pass" not in json.dumps(dict(record.content))


def test_undelivered_record_is_refused_with_its_reason() -> None:
    """The reader refuses what stands in the place of a bad record, and says that the service failed."""
    catalogue = CswCatalogue.of(iso_scenes(2))
    catalogue.undeliverable = {min(catalogue.records)}
    with options_for(app(catalogue)) as options:
        record = pages_of(options)[0].records[0]
    with pytest.raises(UnreadableScene, match=r"cannot deliver record number 1: .*a record could not be written"):
        csw.scene_from_record(record, NO_SENSORS)
