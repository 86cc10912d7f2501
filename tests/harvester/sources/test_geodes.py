"""GEODES: paging that loses nothing, versions, and the records as scenes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from harvester.errors import CursorLost, SourceUnavailable, UnreadableAnswer, UnreadableScene
from harvester.record import Page, RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.geodes import source as geodes
from harvester.sources.source import Progress, Selection
from tests.emulators.geodes import FIRST_INSERTION, Geodes, GeodesQuirks, app, synthetic_records
from tests.emulators.quirks import Plan, Quirks, answers
from tests.emulators.serving import serving

LATER = FIRST_INSERTION + timedelta(days=30)


@pytest.fixture
def sample(samples: Path) -> dict[str, Any]:
    """The feature that was recorded from the service."""
    page = json.loads((samples / "sources" / "geodes_stac" / "geodes_search.json").read_text(encoding="utf-8"))
    feature: dict[str, Any] = page["features"][0]
    return feature


def _options(url: str, **changes: Any) -> geodes.Options:
    return geodes.Options(**{"url": url, "collections": ("PEPS_S2_L1C",), "rate": 1000} | changes)


def _pages(service: Any, selection: Selection | None = None, cursor: str | None = None, **changes: Any) -> list[Page]:
    with serving(service) as url:
        return list(_read(_options(url, **changes), selection or Selection(), cursor, Progress()))


def _read(options: geodes.Options, selection: Selection, cursor: str | None, progress: Progress) -> Iterator[Page]:
    return geodes.read_pages(options, selection, cursor, progress, lambda _: {})


def _ids(pages: list[Page]) -> list[str]:
    return [record.id for page in pages for record in page.records]


def _identifiers(records: list[dict[str, Any]]) -> list[str]:
    return [record["properties"]["identifier"] for record in records]


def _scene(feature: Any, sensors: Sensors) -> SceneRecord:
    return geodes.scene_from_record(RawRecord(id="any", content=feature), sensors)


def test_every_record_is_read_once() -> None:
    """All records come, each once, in pages of the size asked for."""
    records = synthetic_records(205)
    pages = _pages(app(records))
    assert sorted(_ids(pages)) == sorted(_identifiers(records))
    assert [len(page.records) for page in pages] == [80, 80, 45, 0]


def test_pages_are_numbered_by_us() -> None:
    """The next link of the service, which changes the page size, is not followed."""
    service = app(synthetic_records(7))
    _pages(service, page_size=3)
    assert [(body["page"], body["limit"]) for body in service.bodies] == [(1, 3), (2, 3), (3, 3), (4, 3)]


@pytest.mark.parametrize(
    "quirks",
    [
        GeodesQuirks(short_pages=True),
        GeodesQuirks(duplicates=True),
        GeodesQuirks(short_pages=True, duplicates=True),
    ],
)
def test_short_and_repeating_pages_lose_nothing(quirks: GeodesQuirks) -> None:
    """A short page is not taken for the end, and records that come twice do no harm."""
    records = synthetic_records(50)
    assert set(_ids(_pages(app(records, quirks), page_size=7))) == set(_identifiers(records))


def test_only_the_last_page_has_no_cursor() -> None:
    """A run that stops before the last page can always go on."""
    cursors = [page.next_cursor for page in _pages(app(synthetic_records(20)), page_size=6)]
    assert cursors[-1] is None
    assert None not in cursors[:-1]


def test_a_cursor_gives_exactly_the_rest() -> None:
    """From whichever page another process goes on, it reads the pages that are left, over all collections."""
    collections = ("PEPS_S2_L1C", "SWH_SPOT5_L1")
    records = [record for name in collections for record in synthetic_records(13, collection=name)]
    with serving(app(records)) as url:
        options = _options(url, collections=collections, page_size=5)
        whole = list(_read(options, Selection(), None, Progress()))
        for cut, page in enumerate(whole[:-1], start=1):
            assert list(_read(options, Selection(), page.next_cursor, Progress())) == whole[cut:]
    assert sorted(_ids(whole)) == sorted(_identifiers(records))


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.parametrize("gone", [1, 25])
def test_records_removed_meanwhile_hide_no_other(gone: int, is_resumed: bool) -> None:
    """What moves to pages that were read is read all the same, also by another process."""
    service = app(synthetic_records(60))
    with serving(service) as url:
        options = _options(url, page_size=10)
        pages = _read(options, Selection(), None, Progress())
        before = [next(pages) for _ in range(4)]
        for name in _ids(before)[5 : 5 + gone]:
            service.delete(name)
        after = list(_read(options, Selection(), before[-1].next_cursor, Progress()) if is_resumed else pages)
    assert set(_identifiers(service.records)) <= set(_ids([*before, *after]))
    assert len(_ids(after)) <= 60


def test_as_many_inserted_as_deleted_meanwhile_hide_no_other() -> None:
    """What is inserted while a run reads is no part of the window in which a deletion is missed by its count."""
    inserted = datetime.now(UTC) - timedelta(hours=3)
    records = synthetic_records(200)
    for index, record in enumerate(records):
        record["properties"]["datetime"] = _written(inserted + timedelta(seconds=index))
    service, later, read = app(records[:190]), records[190:], set[str]()
    with serving(service) as url:
        options = _options(url)
        for window in geodes.windows(options, Selection()):
            for page in _read(options, window, None, Progress()):
                read |= {record.id for record in page.records}
                if len(read) == 80:
                    for record in later:
                        service.delete(records[later.index(record)]["properties"]["identifier"])
                        service.add(
                            record | {"properties": record["properties"] | {"datetime": _written(datetime.now(UTC))}}
                        )
    assert read == set(_identifiers(records))


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_count_that_falls_for_ever_ends_nothing() -> None:
    """A service that does not count right is read as one that does not count."""
    records = synthetic_records(30)
    said = ({"features": records[:1], "context": {"matched": 1000 - number}} for number in range(40))
    falling = {number: answers(200, page) for number, page in enumerate(said, start=1)}
    with pytest.raises(UnreadableAnswer, match="one that came before"):
        _pages(Quirks(app(records), Plan(by_number=falling)), page_size=1)


def test_since_selects_by_insertion() -> None:
    """What was inserted since a moment, that moment included, is read and nothing else."""
    records = synthetic_records(40)
    since = FIRST_INSERTION + timedelta(seconds=15)
    assert sorted(_ids(_pages(app(records), Selection(since=since)))) == sorted(_identifiers(records[30:]))


def test_until_and_bbox_are_asked_of_the_service() -> None:
    """Both bounds of the insertion and the box stand in the body."""
    service = app([])
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    _pages(service, Selection(until=moment, bbox=(1.0, 2.0, 3.0, 4.0)))
    assert service.bodies[0]["query"] == {"datetime": {"lte": "2026-01-02T03:04:05.000Z"}}
    assert service.bodies[0]["bbox"] == [1.0, 2.0, 3.0, 4.0]


def test_windows_share_the_records_out() -> None:
    """The windows of a selection give together what the selection gives."""
    records = synthetic_records(30)
    for index, record in enumerate(records):
        inserted = datetime(2022, 11, 15, tzinfo=UTC) + timedelta(days=40 * index)
        record["properties"]["datetime"] = inserted.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    with serving(app(records)) as url:
        options = _options(url)
        windows = geodes.windows(options, Selection())
        read = [_ids(list(_read(options, window, None, Progress()))) for window in windows]
    assert len(windows) > 12
    assert {identifier for ids in read for identifier in ids} == set(_identifiers(records))
    assert max(map(len, read)) <= 2


def test_windows_keep_the_bounds_of_the_selection() -> None:
    """The first window begins and the last ends as the selection does, without gaps between."""
    selection = Selection(since=datetime(2025, 1, 20, tzinfo=UTC), until=datetime(2025, 3, 10, tzinfo=UTC))
    windows = geodes.windows(_options("https://geodes.example"), selection)
    assert [window.since for window in windows] == [
        selection.since,
        datetime(2025, 2, 1, tzinfo=UTC),
        datetime(2025, 3, 1, tzinfo=UTC),
    ]
    assert [window.until for window in windows] == [*[window.since for window in windows[1:]], selection.until]


def test_a_new_version_is_a_change_of_the_same_record() -> None:
    """The second version has the id of the first, and the first is counted and passed over."""
    service = app(synthetic_records(3))
    identifier = service.records[1]["properties"]["identifier"]
    before = {record.id: record for page in _pages(service) for record in page.records}
    service.supersede(identifier, LATER, **{"eo:cloud_cover": 12.5})
    progress = Progress()
    with serving(service) as url:
        pages = list(_read(_options(url), Selection(), None, progress))
    after = {record.id: record for page in pages for record in page.records}
    assert after.keys() == before.keys()
    assert after[identifier].content["properties"]["eo:cloud_cover"] == 12.5
    assert [name for name in after if after[name].digest() != before[name].digest()] == [identifier]
    assert progress.passed_over == {"superseded versions": 1}


def test_incremental_run_sees_only_the_new_version() -> None:
    """After a new version, a run since the last one reads that record alone."""
    service = app(synthetic_records(9))
    identifier = service.records[4]["properties"]["identifier"]
    service.supersede(identifier, LATER)
    assert _ids(_pages(service, Selection(since=LATER - timedelta(days=1)))) == [identifier]


def test_record_without_identifier_is_refused_and_not_dropped(sensors: Sensors) -> None:
    """A record that lost its identifier is still a record, known by its URN, and its refusal says what is missing."""
    records = synthetic_records(2)
    del records[0]["properties"]["identifier"]
    [broken] = [record for page in _pages(app(records)) for record in page.records if record.id.startswith("URN:")]
    assert not broken.id.endswith(":V1")
    with pytest.raises(UnreadableScene, match=r"properties\.identifier is missing"):
        geodes.scene_from_record(broken, sensors)


@pytest.mark.parametrize("broken", ["no object", {"type": "Feature"}, {"properties": {"identifier": 5}}, None])
def test_record_that_is_none_refuses_only_itself(broken: Any, sensors: Sensors) -> None:
    """Whatever stands among the features becomes a record with an id of its content, and is refused with a reason."""
    feature = synthetic_records(1)[0]
    service = answers(200, {"features": [broken, feature], "context": {"matched": 2}})
    plan = Plan(by_number={1: service}, always=answers(200, {"features": []}))
    first, second = _pages(Quirks(app([]), plan))[0].records
    assert first.id.startswith("sha256:")
    with pytest.raises(UnreadableScene):
        geodes.scene_from_record(first, sensors)
    assert second.content == feature


@pytest.mark.parametrize("envelope", [{"items": []}, {"features": None}, [], {"code": 500, "description": "drift"}])
def test_answer_without_features_is_never_empty(envelope: Any) -> None:
    """An envelope that has changed stops the run."""
    with pytest.raises(UnreadableAnswer, match="list of features"):
        _pages(Quirks(app([]), Plan(always=answers(200, envelope))))


def test_service_that_ignores_the_collection_stops_the_run() -> None:
    """Records of a collection that was not asked for are never harvested."""
    answer = {"features": synthetic_records(1, collection="OTHER")}
    with pytest.raises(UnreadableAnswer, match="OTHER"):
        _pages(Quirks(app([]), Plan(always=answers(200, answer))))


def test_service_that_ignores_page_numbers_stops_the_run() -> None:
    """A full page that comes again and again ends in an error, and neither in a loop nor in a short harvest."""
    answer = {"features": synthetic_records(3), "context": {"matched": 99}}
    with pytest.raises(UnreadableAnswer, match="ignore page numbers"):
        _pages(Quirks(app([]), Plan(always=answers(200, answer))), page_size=3)


def test_an_empty_page_before_the_end_stops_the_run() -> None:
    """It is not taken for the end, behind which all that was not seen would seem to be gone."""
    empty = answers(200, {"features": [], "context": {"matched": 20}})
    with pytest.raises(UnreadableAnswer, match="page 2 of PEPS_S2_L1C is empty, of 20 records"):
        _pages(Quirks(app(synthetic_records(20)), Plan(by_number={2: empty})), page_size=6)


def test_more_than_the_portal_allows_is_refused_before_asking() -> None:
    """A page size above 80 is a mistake of the collection document."""
    with pytest.raises(ValidationError, match="less than or equal to 80"):
        _options("https://geodes.example", page_size=81)


def test_the_portal_refuses_more_than_80() -> None:
    """The emulator answers 400 to a larger page, as the portal does."""
    options = _options("https://geodes.example").model_copy(update={"page_size": 81})
    with serving(app([])) as url, pytest.raises(SourceUnavailable, match="400"):
        list(_read(options.model_copy(update={"url": url}), Selection(), None, Progress()))


def test_run_in_a_collection_that_is_not_asked_for_any_more_ends() -> None:
    """It cannot go on from its cursor: the next harvest begins a new one."""
    with pytest.raises(CursorLost, match="RENAMED"):
        _pages(app([]), cursor='{"size": 80, "collection": "RENAMED"}')


def test_key_is_not_sent() -> None:
    """The search is open: the key for downloads stays here."""
    plan = Plan()
    _pages(Quirks(app(synthetic_records(1)), plan), credentials={"api_key": "secret-key"})
    assert plan.requests
    assert all("secret-key" not in str(request) for request in plan.requests)


def test_genuine_record_becomes_a_scene(sample: dict[str, Any], sensors: Sensors) -> None:
    """Every field of the recorded Sentinel-2 record is read, and nothing is left over."""
    scene = _scene(sample, sensors)
    identifier = sample["properties"]["identifier"]
    assert scene.warnings == ()
    assert (scene.id, scene.source_id) == (identifier, sample["id"])
    assert (scene.platform, scene.platform_title, scene.constellation) == ("sentinel-2a", "Sentinel-2A", "sentinel-2")
    assert scene.acquired_at == datetime(2025, 4, 2, 17, 57, 41, 24000, tzinfo=UTC)
    assert scene.published_at == datetime(2025, 4, 3, 9, 0, 26, 809000, tzinfo=UTC)
    assert (scene.orbit_state, scene.relative_orbit, scene.processing_level) == ("descending", 141, "L1C")
    assert scene.cloud_cover_percent == pytest.approx(67.5496, abs=1e-4)
    assert scene.footprint.bounds == pytest.approx(sample["bbox"])
    assert scene.properties["grid:code"] == "MGRS-14ULD"
    assert scene.properties["geodes:online"] is False
    assert "sci:doi" not in scene.properties
    assert scene.source_href is not None
    assert scene.source_href.endswith(sample["id"])


def test_files_of_the_genuine_record(sample: dict[str, Any], sensors: Sensors) -> None:
    """Size, checksum and place of each file are taken from its description, and keys hold no slash."""
    overview, data = _scene(sample, sensors).remote_assets
    assert overview.key.endswith("_quicklook.jpg")
    assert "/" not in overview.key
    assert overview.fields["geodes:online"] is True
    assert data.fields == {
        "file:size": 764210185,
        "file:checksum": "d50110" + data.href.rpartition("/")[2],
        "geodes:online": False,
        "geodes:datatype": "RAWDATA",
    }
    assert data.roles == ("data",)


def _renamed(feature: dict[str, Any], name: str, new: str) -> None:
    feature["properties"][new] = feature["properties"].pop(name)


def test_renamed_optional_property_is_told(sensors: Sensors) -> None:
    """A property that the service renames is reported by its new name."""
    feature = synthetic_records(1)[0]
    _renamed(feature, "eo:cloud_cover", "cloudCover")
    scene = _scene(feature, sensors)
    assert scene.cloud_cover_percent is None
    assert any("properties.cloudCover" in warning for warning in scene.warnings)


MANDATORY: dict[str, Callable[[dict[str, Any]], None]] = {
    r"properties\.start_datetime is missing": lambda feature: _renamed(feature, "start_datetime", "startDate"),
    r"properties\.platform is missing": lambda feature: _renamed(feature, "platform", "platformName"),
    r"geometry is missing": lambda feature: feature.pop("geometry"),
    r"id is missing": lambda feature: feature.pop("id"),
    r"geometry is not a GeoJSON polygon": lambda feature: feature.update(geometry={"type": "Polygon"}),
    r"geometry: ": lambda feature: feature.update(geometry={"type": "Point", "coordinates": [1, 2]}),
    r"start_datetime is not a time": lambda feature: feature["properties"].update(start_datetime="yesterday"),
    r"gives no id": lambda feature: feature["properties"].update(identifier="x" * 300),
}


@pytest.mark.parametrize(
    ("place", "name", "said"),
    [
        ("properties", "eo:cloud_cover", "N/A"),
        ("properties", "datetime", "03/04/2025"),
        ("properties", "sat:orbit_state", "DSC"),
        ("properties", "sat:relative_orbit", 0),
        ("properties", "gsd", 0),
        ("properties", "view:sun_azimuth", 999),
        ("properties", "processing:level", 1),
        ("", "assets", ["file"]),
        ("", "links", "none"),
    ],
)
def test_optional_field_that_cannot_be_meant_is_left_out(place: str, name: str, said: Any, sensors: Sensors) -> None:
    """It is told and not published, and the scene is that of a record without it."""
    without, wrong = synthetic_records(1)[0], synthetic_records(1)[0]
    (without[place] if place else without).pop(name, None)
    (wrong[place] if place else wrong)[name] = said
    scene = _scene(wrong, sensors)
    assert replace(scene, warnings=()) == _scene(without, sensors)
    assert [warning for warning in scene.warnings if name in warning and warning.endswith("left out")]


@pytest.mark.parametrize("reason", MANDATORY)
def test_mandatory_field_refuses_the_record(reason: str, sensors: Sensors) -> None:
    """What a scene cannot be without is named when it is missing or wrong."""
    feature = synthetic_records(1)[0]
    MANDATORY[reason](feature)
    with pytest.raises(UnreadableScene, match=reason):
        _scene(feature, sensors)


def test_spot_is_described_by_its_sensor_document(sensors: Sensors) -> None:
    """A SPOT record carries the names that deliveries of the same satellite carry."""
    feature = synthetic_records(1, collection="SWH_SPOT5_L1")[0]
    feature["properties"] |= {"platform": "SPOT-5", "instrument": "HRG2", "identifier": "URN:X:1"}
    scene = _scene(feature, sensors)
    assert (scene.mission, scene.platform, scene.id) == ("SPOT5", "spot-5", "URN-X-1")
    assert scene.instruments == ("hrg",)


def test_signed_address_is_left_out(sensors: Sensors) -> None:
    """A signed address would die, so its file is left out and told."""
    feature = synthetic_records(1)[0]
    asset = next(iter(feature["assets"].values()))
    asset["href"] += "?X-Amz-Signature=abc"
    scene = _scene(feature, sensors)
    assert len(scene.remote_assets) == 1
    assert any("signature" in warning for warning in scene.warnings)


@pytest.mark.parametrize("href", [None, ""])
def test_file_without_an_address_is_left_out(href: str | None, sensors: Sensors) -> None:
    """It is told, and does not refuse the image that it is beside."""
    feature = synthetic_records(1)[0]
    next(iter(feature["assets"].values()))["href"] = href
    scene = _scene(feature, sensors)
    assert len(scene.remote_assets) == 1
    assert any("the address of the file" in warning for warning in scene.warnings)


def test_what_a_file_says_anew_is_told(sensors: Sensors) -> None:
    """A field of a file that the reader does not know is named, as one of the record is."""
    feature = synthetic_records(1)[0]
    feature["assets"]["a/b.zip"] = {"href": "https://geodes.example/b.zip", "file:size": 3}
    scene = _scene(feature, sensors)
    assert scene.remote_assets[-1].roles == ("data",)
    assert scene.warnings == ("fields not known to the reader: assets.a/b.zip.file:size",)


def test_files_of_one_name_keep_their_paths(sensors: Sensors) -> None:
    """Two files of one name in two folders are two assets."""
    feature = synthetic_records(1)[0]
    asset = next(iter(feature["assets"].values()))
    feature["assets"] = {"a/image.tif": asset, "b/image.tif": deepcopy(asset)}
    assert [asset.key for asset in _scene(feature, sensors).remote_assets] == ["a-image.tif", "b-image.tif"]


def test_unknown_cloud_cover_is_told_and_not_published(sensors: Sensors) -> None:
    """-1 is no percentage."""
    feature = synthetic_records(1)[0]
    feature["properties"]["eo:cloud_cover"] = -1
    scene = _scene(feature, sensors)
    assert scene.cloud_cover_percent is None
    assert "properties.eo:cloud_cover is -1, out of its range, and was left out" in scene.warnings


@pytest.mark.parametrize(
    ("written", "doi"), [("[]", None), ('["10.1234/synthetic"]', "10.1234/synthetic"), ("soon", None)]
)
def test_doi_is_taken_out_of_its_list(written: str, doi: str | None, sensors: Sensors) -> None:
    """GEODES writes a list in a text, most often an empty one."""
    feature = synthetic_records(1)[0]
    feature["properties"]["sci:doi"] = written
    assert _scene(feature, sensors).properties.get("sci:doi") == doi


def test_synthetic_records_are_readable(sensors: Sensors) -> None:
    """The generator makes records that are read without a warning, each with its own id."""
    scenes = [_scene(record, sensors) for record in synthetic_records(200)]
    assert len({scene.id for scene in scenes}) == 200
    assert {warning for scene in scenes for warning in scene.warnings} == set()


def test_emulator_forgets_what_is_deleted() -> None:
    """A deleted record is gone, and an added one is there."""
    first, second = synthetic_records(2)
    service: Geodes = app([first])
    service.delete(first["properties"]["identifier"])
    service.add(second)
    assert _ids(_pages(service)) == [second["properties"]["identifier"]]


STRANGE: tuple[Any, ...] = (7, -1.5, True, "text", "\x00", "9" * 400, [], [None], {}, {"a": [1]}, "9999-12-31T23:59:59")


def _places(content: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all values of a record."""
    entries = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in entries:
        yield (*place, key)
        yield from _places(value, (*place, key))


def with_strange_values(whole: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A record once for each of its values and each strange value in its place."""
    for place in _places(whole):
        for strange in STRANGE:
            feature = deepcopy(whole)
            within = reduce(getitem, place[:-1], feature)
            within[place[-1]] = strange
            yield feature


def refuses(feature: dict[str, Any], read: Callable[[dict[str, Any]], SceneRecord]) -> bool:
    """Whether reading ends with a reason; any other error passes."""
    try:
        read(feature)
    except UnreadableScene:
        return True
    return False


def test_strange_values_refuse_the_record_at_worst(sensors: Sensors) -> None:
    """Whatever stands in whichever field, reading gives a scene or a reason, and never another error."""
    strange = list(with_strange_values(synthetic_records(1)[0]))
    refused = sum(refuses(feature, lambda content: _scene(content, sensors)) for feature in strange)
    assert 100 < refused < len(strange)
