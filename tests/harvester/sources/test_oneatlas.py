"""The source `oneatlas`, against an emulator over HTTP and on the genuine answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from database import Database
from harvester.credentials import Credentials
from harvester.errors import CursorLost, SourceRefused, SourceUnavailable, UnreadableAnswer
from harvester.harvest import Request, harvest
from harvester.record import Page
from harvester.sources.oneatlas import source as oneatlas
from harvester.sources.source import Progress, Selection
from tests.acceptance.sources.stand_ins import feed_of
from tests.emulators.oneatlas import OneAtlas, synthetic_features, written
from tests.emulators.quirks import Plan, Quirks, answers, html_page, too_many_requests
from tests.emulators.serving import serving
from tests.harvests import documents, harvest_context

KEY = Credentials(api_key=SecretStr("right-key"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = Selection()


@contextmanager
def served(service: OneAtlas, plan: Plan | None = None, **changes: Any) -> Iterator[oneatlas.Options]:
    """Options that lead to an emulator of the service."""
    with serving(Quirks(service.app(), plan)) as url:
        addresses = {"url": f"{url}/search", "token_url": f"{url}/token", "deleted_url": f"{url}/deleted"}
        defaults = {"constellation": "PHR", "rate": 2000, "window_limit": service.window_limit}
        yield oneatlas.Options.model_validate({**defaults, **addresses, **changes})


def read(
    options: oneatlas.Options,
    selection: Selection = EVERYTHING,
    cursor: str | None = None,
    progress: Progress | None = None,
) -> list[Page]:
    """All pages from a cursor on."""
    return list(oneatlas.read_pages(options, selection, cursor, progress or Progress(), lambda _: {}))


def ids(pages: Sequence[Page]) -> list[str]:
    """The ids of all records, in order."""
    return [record.id for page in pages for record in page.records]


def withdrawn(pages: Sequence[Page]) -> list[str]:
    """The ids of all withdrawals, in order."""
    return [withdrawal.id for page in pages for withdrawal in page.withdrawals]


@pytest.mark.parametrize("includes_end", [True, False])
@pytest.mark.parametrize("caps_total", [True, False])
def test_all_records_are_read_though_one_query_shows_only_some(includes_end: bool, caps_total: bool) -> None:
    """Windows are halved below the limit of one query, and lose no record whatever the end of a range means."""
    service = OneAtlas(synthetic_features(700), window_limit=100, includes_end=includes_end, caps_total=caps_total)
    with served(service, page_size=30) as options:
        pages = read(options)
    assert set(ids(pages)) == service.ids()
    assert len(service.ids()) == 700
    assert len(ids(pages)) < 1.02 * 700
    assert all(len(page.records) == len(set(ids([page]))) for page in pages)


def test_a_wrong_date_hides_no_record_from_a_full_load() -> None:
    """The first and the last window of a full load are open: dates before Pléiades and in the future are found."""
    service = OneAtlas(synthetic_features(3))
    service.features[0]["properties"]["acquisitionDate"] = "1970-01-01T00:00:00Z"
    service.features[1]["properties"]["acquisitionDate"] = "2970-01-01T00:00:00Z"
    with served(service) as options:
        assert set(ids(read(options))) == service.ids()


def test_every_cursor_gives_exactly_the_rest() -> None:
    """Whatever the page after which a run is cut, another process reads just what was left."""
    service = OneAtlas(synthetic_features(150), window_limit=40)
    service.deletions = {f"gone-{number}": NOW for number in range(45)}
    with served(service, page_size=20) as options:
        pages = read(options)
        assert pages[-1].next_cursor is None
        for cut, page in enumerate(pages[:-1]):
            rest = read(options, cursor=page.next_cursor)
            assert (ids(rest), withdrawn(rest)) == (ids(pages[cut + 1 :]), withdrawn(pages[cut + 1 :]))


def test_only_what_changed_since_is_read() -> None:
    """An incremental run gets the records that changed and the deletions, and nothing else."""
    service = OneAtlas(synthetic_features(60))
    since = NOW - timedelta(days=1)
    changed, gone, gone_before = sorted(service.ids())[:3]
    service.touch(changed, NOW, cloudCover=1.0)
    service.delete(gone, NOW)
    service.delete(gone_before, NOW - timedelta(days=30))
    with served(service) as options:
        pages = read(options, Selection(since=since))
    assert ids(pages) == [changed]
    assert withdrawn(pages) == [gone]
    assert "deleted at OneAtlas on 2026-01-01" in next(page for page in pages if page.withdrawals).withdrawals[0].reason


def test_a_record_that_changes_meanwhile_hides_no_other() -> None:
    """Even where our clock is ahead: what changed, dated before now, must not only move to a later page."""
    service = OneAtlas(synthetic_features(60))
    now = datetime.now(UTC)
    for seconds, name in enumerate(sorted(service.ids())):
        service.touch(name, now - timedelta(days=20, seconds=-seconds))
    with served(service, page_size=10) as options:
        pages = oneatlas.read_pages(options, Selection(since=now - timedelta(days=30)), None, Progress(), lambda _: {})
        before = [next(pages) for _ in range(3)]
        service.touch(ids(before)[0], now - timedelta(minutes=10))
        after = list(pages)
    assert set(ids([*before, *after])) == service.ids()
    assert ids(after[-1:]) == ids(before)[:1]


def test_a_deletion_shortly_before_its_record_was_seen_counts(module_database: Database) -> None:
    """Clocks differ, and an index lags behind: only what was seen long after its deletion is back."""
    service = OneAtlas(synthetic_features(3))
    gone, back, _ = sorted(service.ids())
    with served(service) as options:
        addresses = options.model_dump(include={"url", "token_url", "deleted_url"})
        feed = feed_of("airbus-archive-pleiades/oneatlas", **addresses)
        harvest(feed, harvest_context(module_database, *documents()), Request(is_full=True))
        service.delete(gone, datetime.now(UTC) - timedelta(minutes=5))
        service.delete(back, datetime.now(UTC) - timedelta(hours=2))
        report = harvest(feed, harvest_context(module_database, *documents()), Request())
    assert [record for record, _ in report.withdrawn] == [gone]
    assert report.unknown_withdrawals == 1


def test_a_full_run_tells_all_deletions_before_its_records() -> None:
    """A record that lost one of its production statuses is among the deletions, and its own record comes after."""
    service = OneAtlas(synthetic_features(5))
    service.deletions = {f"gone-{number}": NOW for number in range(7)}
    with served(service, page_size=3) as options:
        pages = read(options)
    assert sorted(withdrawn(pages)) == sorted(service.deletions)
    last_withdrawal = max(index for index, page in enumerate(pages) if page.withdrawals)
    assert min(index for index, page in enumerate(pages) if page.records) > last_withdrawal


def test_nothing_is_lost_when_a_record_vanishes_between_two_pages() -> None:
    """What moves forward over the edge of a page is read: the window is begun again."""
    service = OneAtlas(synthetic_features(100))
    first = min(service.features, key=lambda feature: feature["properties"]["acquisitionDate"])["properties"]["id"]
    with served(service, page_size=10, deleted_url=None) as options:
        pages = oneatlas.read_pages(options, Selection(), None, Progress(), lambda _: {})
        read_first = [next(pages)]
        service.delete(first, NOW)
        assert set(ids([*read_first, *pages])) == service.ids() | {first}


def test_a_record_that_changes_during_an_incremental_run_pushes_no_other_out() -> None:
    """A record that leaves the window because it changes again does not hide the one that takes its place."""
    service = OneAtlas(synthetic_features(60))
    with served(service, page_size=10, deleted_url=None) as options:
        pages = oneatlas.read_pages(
            options, Selection(since=NOW - timedelta(days=9000)), None, Progress(), lambda _: {}
        )
        read_first = [next(pages)]
        service.touch(read_first[0].records[0].id, datetime.now(UTC) + timedelta(hours=1))
        assert set(ids([*read_first, *pages])) == service.ids()


def test_a_server_that_gives_smaller_pages_is_read_completely() -> None:
    """Where the service caps the page it is asked in its own size, so that page numbers mean the same to both."""
    service = OneAtlas(synthetic_features(100), largest_page=7, caps_pages=True)
    with served(service, page_size=50) as options:
        assert set(ids(read(options))) == service.ids()


def test_more_records_in_one_second_than_can_be_paged_stop_the_run() -> None:
    """A window that cannot be halved is an error that says what to do, not a silent loss."""
    features = synthetic_features(50)
    for feature in features:
        feature["properties"]["acquisitionDate"] = "2020-01-01T00:00:00Z"
    with served(OneAtlas(features, window_limit=20)) as options, pytest.raises(SourceUnavailable, match="bbox"):
        read(options)


def test_the_parts_of_a_full_load_are_together_everything() -> None:
    """Each record is in the part of its year of acquisition, whether it says when it changed or not."""
    service = OneAtlas(synthetic_features(80))
    for number, date in enumerate(["1970-01-01T00:00:00Z", "2970-01-01T00:00:00Z", "2016-01-01T00:00:00Z"]):
        service.features[number]["properties"]["acquisitionDate"] = date
        service.features[number]["properties"].pop("lastUpdateDate", None)
    with served(service) as options:
        parts = [ids(read(options, part)) for part in oneatlas.windows(options, EVERYTHING)]
    assert len([part for part in parts if part]) > 5
    assert {each for part in parts for each in part} == service.ids()


def test_deletions_are_one_part_of_a_full_load_with_their_dates() -> None:
    """All deletions are told by exactly one of the parts, each with the time at which it happened."""
    service = OneAtlas(synthetic_features(5))
    gone = service.features[0]["properties"]["id"]
    service.delete(gone, NOW - timedelta(days=300))
    with served(service, page_size=2) as options:
        told = [withdrawn(read(options, part)) for part in oneatlas.windows(options, EVERYTHING)]
        (withdrawal,) = [each for page in read(options) for each in page.withdrawals]
        undeleted = oneatlas.windows(options.model_copy(update={"deleted_url": None}), EVERYTHING)
    assert [part for part in told if part] == [[gone]]
    assert len(undeleted) == len(told) - 1
    assert withdrawal.at is not None
    assert timedelta() < withdrawal.at - (NOW - timedelta(days=300)) < timedelta(hours=2)


def test_the_windows_of_changes_are_together_the_selection() -> None:
    """What changed since a time is in the window of its year, and so is each deletion."""
    service = OneAtlas(synthetic_features(6))
    names = sorted(service.ids())
    for number, name in enumerate(names[:-1]):
        service.touch(name, datetime(2021 + number, 1, 1, tzinfo=UTC))
    service.delete(names[-1], datetime(2023, 5, 1, tzinfo=UTC))
    selection = Selection(since=datetime(2022, 1, 1, tzinfo=UTC), until=NOW)
    with served(service) as options:
        windows = oneatlas.windows(options, selection)
        pages = [read(options, window) for window in windows]
    assert [window.since for window in windows] == [datetime(year, 1, 1, tzinfo=UTC) for year in range(2022, 2026)]
    assert windows[-1].until == NOW
    assert {each for part in pages for each in ids(part)} == set(names[1:-1])
    assert [withdrawn(part) for part in pages if withdrawn(part)] == [[names[-1]]]


@pytest.mark.parametrize("is_divided", [False, True])
def test_what_had_changed_until_a_time_has_the_records_without_a_date_of_change(is_divided: bool) -> None:
    """Later changes and deletions are left out, and nothing else, be it read in parts or in one."""
    service = OneAtlas(synthetic_features(60), window_limit=20)
    until = datetime(2018, 6, 1, tzinfo=UTC)
    for number, feature in enumerate(service.features):
        properties = feature["properties"]
        properties["acquisitionDate"] = written(datetime(2014, 1, 1, tzinfo=UTC) + timedelta(days=27 * number))
        properties["lastUpdateDate"] = written(until + timedelta(days=40 * (number % 2) - 20))
        if number % 5 == 0:
            del properties["lastUpdateDate"]
    service.delete("gone-before", until - timedelta(days=3))
    service.delete("gone-later", until + timedelta(days=3))
    expected = {
        feature["properties"]["id"]
        for number, feature in enumerate(service.features)
        if number % 5 == 0 or number % 2 == 0
    }
    with served(service, page_size=5) as options:
        parts = oneatlas.windows(options, Selection(until=until)) if is_divided else [Selection(until=until)]
        pages = [page for part in parts for page in read(options, part)]
    assert set(ids(pages)) == expected
    assert withdrawn(pages) == ["gone-before"]
    assert (len(parts) > 5) == is_divided


def test_an_unknown_part_is_refused() -> None:
    """A part that another release named is not taken for everything."""
    with served(OneAtlas(synthetic_features(1))) as options, pytest.raises(CursorLost, match="begins a new run"):
        read(options, Selection(part="north"))


def test_a_short_selection_is_one_window() -> None:
    """A selection within one year is not divided."""
    selection = Selection(since=NOW, until=NOW + timedelta(days=3), bbox=(1, 2, 3, 4))
    assert oneatlas.windows(oneatlas.Options(constellation="PHR"), selection) == [selection]


@pytest.mark.parametrize("bbox", [(-20.0, -30.0, 60.0, 40.0), (100.0, -60.0, -100.0, 60.0)])
def test_a_box_narrows_what_is_asked(bbox: tuple[float, float, float, float]) -> None:
    """Only the records of the box are read, over the antimeridian too."""
    west, south, east, north = bbox
    service = OneAtlas(synthetic_features(200))

    def is_inside(feature: dict[str, Any]) -> bool:
        spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        return any(
            start <= lon <= end and south <= lat <= north
            for lon, lat in feature["geometry"]["coordinates"][0]
            for start, end in spans
        )

    expected = {feature["properties"]["id"] for feature in service.features if is_inside(feature)}
    with served(service) as options:
        assert set(ids(read(options, Selection(bbox=bbox)))) == expected
    assert 0 < len(expected) < 200


def test_progress_tells_what_was_read_and_how_much_there_is() -> None:
    """The counts of the service become the total."""
    progress = Progress()
    with served(OneAtlas(synthetic_features(100)), page_size=40) as options:
        read(options, progress=progress)
    assert (progress.records, progress.total) == (100, 100)


def test_a_key_buys_one_token_for_many_requests() -> None:
    """One token serves the whole run."""
    service = OneAtlas(synthetic_features(50, constellation="PNEO"))
    with served(service, constellation="PNEO", credentials=KEY, page_size=10) as options:
        assert set(ids(read(options))) == service.ids()
    assert len(service.identity.forms) == 1
    assert service.identity.forms[0]["client_id"] == ["IDP"]


def test_a_token_that_expires_early_is_renewed() -> None:
    """A 401 in the middle of a run costs a new token, and no record."""
    service = OneAtlas(synthetic_features(50))
    with served(service, credentials=KEY, page_size=10) as options:
        pages = oneatlas.read_pages(options, Selection(), None, Progress(), lambda _: {})
        first = [next(pages), next(pages)]
        service.identity.tokens.clear()
        assert set(ids([*first, *pages])) == service.ids()
    assert len(service.identity.forms) == 2


def test_a_token_is_renewed_before_it_ends() -> None:
    """A token that ends at once is used once: no request is answered 401."""
    service = OneAtlas(synthetic_features(30))
    service.identity.lifetime_s = 0.2
    with served(service, credentials=KEY, page_size=10, rate=5) as options:
        read(options)
    assert len(service.identity.forms) > 1


@pytest.mark.parametrize("is_renewed", [False, True])
def test_the_identity_service_says_how_long_to_wait(is_renewed: bool) -> None:
    """Its Retry-After is waited for, as that of the catalogue is, for the first token and for another one."""
    service, plan = OneAtlas(synthetic_features(20)), Plan(paths=("/token",))
    with served(service, plan, credentials=KEY, page_size=10) as options:
        pages = oneatlas.read_pages(options, Selection(), None, Progress(), lambda _: {})
        first = [next(pages)] if is_renewed else []
        service.identity.tokens.clear()
        plan.by_number[plan.counted + 1] = too_many_requests("1")
        began = time.monotonic()
        assert set(ids([*first, *pages])) == service.ids()
        assert time.monotonic() - began >= 1
    assert len(service.identity.forms) == 1 + is_renewed


@pytest.mark.parametrize("is_suspended", [True, False])
def test_a_refused_key_is_not_tried_again(is_suspended: bool) -> None:
    """A 403 of the identity service ends the run after one attempt, because more may suspend the account."""
    service = OneAtlas(synthetic_features(5))
    service.identity.is_suspended = is_suspended
    wrong = Credentials(api_key=SecretStr("wrong-secret"))
    with served(service, credentials=wrong) as options, pytest.raises(SourceRefused, match="suspend") as refusal:
        read(options)
    assert len(service.identity.forms) == 1
    assert "wrong-secret" not in str(refusal.value)


def test_pleiades_neo_is_not_asked_for_without_a_key() -> None:
    """The message says what is missing, before anything is asked."""
    service = OneAtlas([])
    with served(service, constellation="PNEO") as options, pytest.raises(SourceRefused, match="api_key"):
        read(options)
    assert service.queries == []


def test_passing_failures_lose_nothing() -> None:
    """429 with Retry-After, an identity service that is down and an HTML page are borne with."""
    service = OneAtlas(synthetic_features(40))
    plan = Plan(by_number={1: answers(503), 3: too_many_requests("1"), 5: html_page()})
    with served(service, plan, credentials=KEY, page_size=10) as options:
        assert set(ids(read(options))) == service.ids()
    assert plan.counted > 8


@pytest.mark.parametrize(
    "envelope",
    [
        {"error": False, "totalResults": 0},
        {"error": True, "features": [], "totalResults": 0},
        {"features": [], "totalResults": 12, "itemsPerPage": 200},
        {"features": [], "totalResults": "many"},
        {"features": {}, "totalResults": 0},
        [],
    ],
)
def test_an_envelope_that_changed_is_never_an_empty_page(envelope: Any) -> None:
    """A page without its list, without a count, or empty against its count stops the run."""
    with (
        served(OneAtlas([]), Plan(always=answers(200, envelope)), deleted_url=None) as options,
        pytest.raises(UnreadableAnswer),
    ):
        read(options)


def test_a_deletion_without_an_id_stops_the_run() -> None:
    """A tombstone that names nothing is a change of the service."""
    envelope = {"data": [{"deletedDate": "2020-01-01T00:00:00Z"}], "totalResults": 1, "itemsPerPage": 200}
    with (
        served(OneAtlas([]), Plan(always=answers(200, envelope))) as options,
        pytest.raises(UnreadableAnswer, match="name"),
    ):
        read(options)


def test_a_cursor_of_another_source_is_refused() -> None:
    """What is no position is not taken for the beginning."""
    options = oneatlas.Options(constellation="PHR")
    with pytest.raises(SourceUnavailable, match="cursor"):
        read(options, cursor="page=3")


def test_a_record_without_id_is_kept() -> None:
    """It gets an id of its content, and the page its other records."""
    features = synthetic_features(2)
    features[0]["properties"]["id"] = None
    with served(OneAtlas(features)) as options:
        found = ids(read(options))
    assert len(found) == 2
    assert [each for each in found if each.startswith("sha256:")] != []


def test_the_genuine_answer_is_read_through_the_emulator(samples: Path) -> None:
    """All 34 records of the genuine answer come through as they are."""
    answer = json.loads((samples / "sources/airbus_oneatlas/opensearch_sf_phr_spot.json").read_bytes())
    phr = [each for each in answer["features"] if each["properties"]["constellation"] == "PHR"]
    with served(OneAtlas(answer["features"]), page_size=10) as options:
        records = [record for page in read(options) for record in page.records]
        assert len(ids(read(options.model_copy(update={"constellation": "SPOT"})))) == 34 - len(phr)
    by_id = {feature["properties"]["id"]: feature for feature in phr}
    assert {record.id: record.content for record in records} == by_id


def test_the_emulator_makes_the_same_records_each_time() -> None:
    """Synthetic records depend on their seed alone, and hold stereo mates and twins of both levels."""
    assert synthetic_features(50, seed=3) == synthetic_features(50, seed=3)
    assert synthetic_features(50, seed=3) != synthetic_features(50, seed=4)
    properties = [feature["properties"] for feature in synthetic_features(200)]
    names = [each["acquisitionIdentifier"] for each in properties]
    assert len(set(names)) < len(names)
    dates = [each["acquisitionDate"] for each in properties if each["processingLevel"] == "ALBUM"]
    assert len(set(dates)) < len(dates)
    assert written(NOW) == "2026-01-01T00:00:00.000Z"
