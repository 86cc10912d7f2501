"""The source `oneatlas-sar`, against an emulator over HTTP and on the genuine records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from harvester.credentials import Credentials
from harvester.errors import SourceRefused, SourceUnavailable, UnreadableAnswer, UnreadableScene
from harvester.record import Page, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.airbus.features import records_from_features
from harvester.sources.oneatlas_sar import source as oneatlas_sar
from harvester.sources.source import Progress, Selection
from tests.emulators.oneatlas import Feature, written
from tests.emulators.oneatlas_sar import SarCatalogue, synthetic_features
from tests.emulators.quirks import Plan, Quirks, answers, too_many_requests
from tests.emulators.serving import serving

KEY = Credentials(api_key=SecretStr("right-key"))
NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = Selection()


@contextmanager
def served(catalogue: SarCatalogue, plan: Plan | None = None, **changes: Any) -> Iterator[oneatlas_sar.Options]:
    """Options that lead to an emulator of the service."""
    with serving(Quirks(catalogue.app(), plan)) as url:
        defaults = {"url": f"{url}/catalogue/", "token_url": f"{url}/token", "credentials": KEY, "rate": 2000}
        yield oneatlas_sar.Options.model_validate(defaults | changes)


def read(options: oneatlas_sar.Options, selection: Selection = EVERYTHING, cursor: str | None = None) -> list[Page]:
    """All pages from a cursor on."""
    return list(oneatlas_sar.read_pages(options, selection, cursor, Progress(), lambda _: {}))


def told(pages: list[Page]) -> list[str]:
    """The ids of all records, then of all withdrawals."""
    records = [record.id for page in pages for record in page.records]
    return records + [f"-{withdrawal.id}" for page in pages for withdrawal in page.withdrawals]


def scene(feature: Feature) -> SceneRecord:
    """The scene of one feature."""
    [record] = records_from_features([feature], "acquisitionId")
    return oneatlas_sar.scene_from_record(record, Sensors([]))


def changed(**properties: Any) -> Feature:
    """A synthetic record with other properties."""
    [feature] = synthetic_features(1)
    feature["properties"] |= properties
    return feature


def acquisitions(catalogue: SarCatalogue) -> set[str]:
    """The ids of all records of the emulator."""
    return {feature["properties"]["acquisitionId"] for feature in catalogue.features}


def test_both_feeds_are_read_to_their_end() -> None:
    """All acquisitions and all revocations come, though the next link names a host that was given up."""
    catalogue = SarCatalogue(synthetic_features(55), {f"gone-{number}": NOW for number in range(12)})
    with served(catalogue, page_size=10) as options:
        pages = read(options)
    assert sorted(told(pages)) == sorted(acquisitions(catalogue) | {f"-gone-{number}" for number in range(12)})
    assert pages[-1].next_cursor is None


def test_every_cursor_gives_exactly_the_rest() -> None:
    """Whatever the page after which a run is cut, another process reads just what was left."""
    catalogue = SarCatalogue(synthetic_features(35), {f"gone-{number}": NOW for number in range(12)})
    with served(catalogue, page_size=10) as options:
        pages = read(options)
        for cut, page in enumerate(pages[:-1]):
            assert told(read(options, cursor=page.next_cursor)) == told(pages[cut + 1 :])
    assert len(pages) > 6


def test_only_what_changed_since_is_read() -> None:
    """`since` is asked of both feeds."""
    catalogue = SarCatalogue(synthetic_features(20))
    first, second = sorted(acquisitions(catalogue))[:2]
    catalogue.revoke(first, NOW)
    catalogue.revocations["gone-before"] = NOW - timedelta(days=40)
    [feature] = [each for each in catalogue.features if each["properties"]["acquisitionId"] == second]
    feature["properties"]["lastUpdateTime"] = "2026-01-01T00:00:00Z"
    with served(catalogue) as options:
        assert told(read(options, Selection(since=NOW - timedelta(days=1)))) == [second, f"-{first}"]


def revoked_then_updated(after: timedelta) -> tuple[SarCatalogue, str]:
    """A catalogue of some acquisitions of which one was revoked, and changed so long after that; and its name."""
    catalogue = SarCatalogue(synthetic_features(3))
    properties = catalogue.features[1]["properties"]
    catalogue.revoke(properties["acquisitionId"], NOW)
    properties["lastUpdateTime"] = written(NOW + after)
    return catalogue, properties["acquisitionId"]


@pytest.mark.parametrize("after", [timedelta(days=-1), timedelta(), timedelta(hours=23)])
def test_what_is_revoked_is_no_record_though_the_log_still_shows_it(after: timedelta) -> None:
    """It is only withdrawn, and counted as passed over; its revocation may have been its last change."""
    catalogue, name = revoked_then_updated(after)
    progress = Progress()
    with served(catalogue) as options:
        pages = list(oneatlas_sar.read_pages(options, EVERYTHING, None, progress, lambda _: {}))
    assert sorted(told(pages)) == sorted({*acquisitions(catalogue) - {name}, f"-{name}"})
    assert (progress.records, progress.passed_over) == (2, {"revoked": 1})


@pytest.mark.parametrize("since", [None, NOW + timedelta(days=1)])
def test_what_is_catalogued_again_after_its_revocation_is_a_record(since: datetime | None) -> None:
    """It is not withdrawn, be it by a full run, by one for what changed, or by another process that goes on."""
    catalogue, name = revoked_then_updated(timedelta(days=2))
    with served(catalogue, page_size=1) as options:
        pages = read(options, Selection(since=since))
        assert name in told(pages)
        assert not any(page.withdrawals for page in pages)
        assert len(pages) > 1
        for page in pages[:-1]:
            assert not any(each.withdrawals for each in read(options, Selection(since=since), page.next_cursor))


def test_failures_that_pass_lose_nothing() -> None:
    """429 and a token that expired early are borne with."""
    catalogue = SarCatalogue(synthetic_features(30))
    with served(catalogue, Plan(by_number={3: too_many_requests()}), page_size=10) as options:
        pages = oneatlas_sar.read_pages(options, EVERYTHING, None, Progress(), lambda _: {})
        first = next(pages)
        catalogue.identity.tokens.clear()
        assert set(told([first, *pages])) == acquisitions(catalogue)
    assert len(catalogue.identity.forms) == 2


def test_without_a_key_nothing_is_asked() -> None:
    """The message says what is missing."""
    catalogue = SarCatalogue([])
    with served(catalogue, credentials=Credentials()) as options, pytest.raises(SourceRefused, match="api_key"):
        read(options)
    assert catalogue.requests == []


@pytest.mark.parametrize(
    "envelope",
    [
        {"limit": 100},
        {"features": None},
        [],
        {"features": [{}], "_links": {"next": "https://sar.example.com/replication?limit=100"}},
        {"features": [{}], "_links": {"next": "https://sar.example.com/replication"}},
    ],
)
def test_an_envelope_that_changed_stops_the_run(envelope: Any) -> None:
    """A page without its list, or one that leads to itself or nowhere, is no end of the feed."""
    plan = Plan(always=answers(200, envelope), paths=("/catalogue",))
    with served(SarCatalogue([]), plan) as options, pytest.raises(UnreadableAnswer):
        read(options)


@pytest.mark.parametrize("feed", ["replication", "revocation"])
def test_next_links_in_a_circle_stop_the_run(feed: str) -> None:
    """However long the circle is."""
    catalogue = SarCatalogue(synthetic_features(3), {f"gone-{number}": NOW for number in range(3)})
    entries = {"features": synthetic_features(1), "data": [{"acquisitionId": "gone-1"}]}
    pages = {
        number: answers(200, {**entries, "_links": {"next": f"https://sar.example.com/x?token={number % 2}"}})
        for number in range(1, 100)
    }
    plan = Plan(by_number=pages, always=answers(500), paths=(f"/catalogue/{feed}",))
    with served(catalogue, plan) as options, pytest.raises(UnreadableAnswer, match=f"links of {feed} go round"):
        read(options)


def test_a_revocation_without_an_id_stops_the_run() -> None:
    """A tombstone that names nothing is a change of the service."""
    plan = Plan(
        always=answers(200, {"data": [{"issueTime": "2020-01-01T00:00:00Z"}]}), paths=("/catalogue/revocation",)
    )
    with served(SarCatalogue([]), plan) as options, pytest.raises(UnreadableAnswer, match="name"):
        read(options)


def test_a_cursor_of_another_source_is_refused() -> None:
    """What is no position is not taken for the beginning."""
    with pytest.raises(SourceUnavailable, match="cursor"):
        read(oneatlas_sar.Options(credentials=KEY), cursor="page=3")


def test_a_feed_is_one_window() -> None:
    """A feed cannot be divided among workers."""
    assert oneatlas_sar.windows(oneatlas_sar.Options(), EVERYTHING) == [EVERYTHING]


def test_the_genuine_records_are_scenes_without_warnings(samples: Path) -> None:
    """The answer of the service and the example of its documentation are read whole."""
    folder = samples / "sources/airbus_sar"
    answer = json.loads((folder / "mock_response.json").read_bytes())
    example = json.loads((folder / "sar_replication.json").read_bytes())["responseExamples"][0]["example"]
    first, second = scene(answer["features"][0]), scene(example["features"][0])
    assert first.id == "TDX-1_SL_D_spot_029R_75359_A12865033_1711"
    assert second.id == "TDX-1_ST_S_spot_028R_45707_A14252474_413"
    assert (first.warnings, second.warnings) == ((), ())
    assert (first.platform, first.constellation, first.orbit_state) == ("tandem-x", "terrasar-x", "ascending")
    assert (first.relative_orbit, first.acquired_at) == (72, datetime(2024, 1, 22, 19, 42, 44, 735_000, UTC))
    assert first.ended_at == datetime(2024, 1, 22, 19, 42, 46, 446_000, UTC)
    assert first.properties["sar:polarizations"] == ["HH", "VV"]
    assert first.properties["sar:observation_direction"] == "right"
    assert first.properties["view:incidence_angle"] == pytest.approx(30.45)
    assert first.properties["sat:absolute_orbit"] == 75359
    assert first.viewing is None
    assert [asset.key for asset in first.remote_assets] == ["overview"]
    assert second.remote_assets == ()


def test_the_genuine_feeds_are_understood(samples: Path) -> None:
    """The documented examples of both feeds, of one acquisition, each followed by an empty page: it is revoked."""
    folder = samples / "sources/airbus_sar"
    envelopes = [
        json.loads((folder / f"sar_{feed}.json").read_bytes())["responseExamples"][0]["example"]
        for feed in ("replication", "revocation")
    ]
    pages = [envelopes[1], {"data": []}, envelopes[0], {"features": []}]
    plan = Plan(
        by_number={number: answers(200, page) for number, page in enumerate(pages, start=1)}, paths=("/catalogue",)
    )
    name = "TDX-1_ST_S_spot_028R_45707_A14252474_413"
    with served(SarCatalogue([]), plan) as options:
        read_pages = read(options)
    assert told(read_pages) == [f"-{name}"]
    (revocation,) = (each for page in read_pages for each in page.withdrawals)
    assert revocation.at is None
    assert "2021-04-08" in revocation.reason
    assert [path for _, path, _ in plan.requests if "token=P5uvZ0N2zAUsiScDJA" in path] != []


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ({"acquisitionId": None}, "acquisitionId is missing"),
        ({"acquisitionId": "\ud800"}, "acquisitionId .* cannot be stored"),
        ({"satellite": "ERS-1"}, "satellite"),
        ({"startTime": None}, "startTime is missing"),
        ({"startTime": "yesterday"}, "startTime"),
    ],
)
def test_a_record_that_cannot_be_an_item_is_refused_with_its_reason(properties: dict[str, Any], reason: str) -> None:
    """Each reason names the field."""
    with pytest.raises(UnreadableScene, match=reason):
        scene(changed(**properties))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("lookDirection", "up"),
        ("polarizationChannels", "XY"),
        ("incidenceAngle", {"minimum": 40, "maximum": 30}),
        ("incidenceAngle", 40),
        ("pathDirection", "sideways"),
        ("relativeOrbit", 0),
        ("lastUpdateTime", "soon"),
        ("catalogueTime", "soon"),
        ("stopTime", "2001-01-01T00:00:00Z"),
    ],
)
def test_an_optional_field_that_cannot_be_meant_is_left_out(name: str, said: Any) -> None:
    """The scene is that of a record without the field, and a warning tells why."""
    found = scene(changed(**{name: said}))
    assert replace(found, warnings=()) == scene(changed(**{name: None}))
    (warning,) = found.warnings
    assert warning.startswith(f"properties.{name} ")


def test_assets_that_cannot_be_read_refuse_no_record() -> None:
    """An Item needs no overview."""
    found = scene(changed() | {"assets": [{}]})
    assert found.warnings == ("assets is not an object but [{}], and was left out",)


def test_each_synthetic_record_is_a_scene_without_warnings() -> None:
    """What the emulator serves is as readable as what the service gave."""
    assert {scene(feature).platform for feature in synthetic_features(50)} == {"terrasar-x", "tandem-x", "paz"}
    assert [feature for feature in synthetic_features(50) if scene(feature).warnings] == []


def test_what_the_record_does_not_say_is_not_made_up() -> None:
    """Without angles, sides and orbits there are none in the scene."""
    silent = dict.fromkeys(("incidenceAngle", "lookDirection", "pathDirection", "relativeOrbit", "stopTime"))
    found = scene(changed(**silent))
    assert (found.orbit_state, found.relative_orbit, found.ended_at, found.started_at) == (None, None, None, None)
    assert not {"view:incidence_angle", "sar:observation_direction"} & found.properties.keys()
