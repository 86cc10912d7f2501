"""The dialects of resto: paging that believes no total, changes since a moment, and the records as scenes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from footprints import footprint_bbox
from harvester.errors import SourceUnavailable, UnreadableAnswer, UnreadableScene
from harvester.record import Page, RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.feature_search.features import raw_record
from harvester.sources.resto import source as resto
from harvester.sources.source import Progress, Selection
from tests.emulators.quirks import Plan, Quirks, answers
from tests.emulators.resto import Dialect, Resto, RestoQuirks, app, synthetic_records
from tests.emulators.serving import serving
from tests.harvester.sources.test_geodes import refuses, with_strange_values

DIALECTS: tuple[Dialect, ...] = ("v2", "v9", "opensearch3")
CHANGED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def genuine(samples: Path) -> Callable[[str], list[dict[str, Any]]]:
    """The features of a recorded answer."""

    def features(name: str) -> list[dict[str, Any]]:
        page = json.loads((samples / "sources" / name).read_text(encoding="utf-8"))
        recorded: list[dict[str, Any]] = page["features"]
        return recorded

    return features


def _options(url: str, dialect: Dialect, **changes: Any) -> resto.Options:
    where = {"url": f"{url}/opensearch"} if dialect == "opensearch3" else {"url": url, "collection": "S2ST"}
    return resto.Options.model_validate({**where, "dialect": dialect, "rate": 1000, "page_size": 10} | changes)


def _read(options: resto.Options, selection: Selection | None = None, cursor: str | None = None) -> Iterator[Page]:
    return resto.read_pages(options, selection or Selection(), cursor, Progress(), lambda _: {})


def _pages(service: Any, dialect: Dialect, selection: Selection | None = None, **changes: Any) -> list[Page]:
    with serving(service) as url:
        return list(_read(_options(url, dialect, **changes), selection))


def _ids(pages: list[Page]) -> list[str]:
    return [record.id for page in pages for record in page.records]


def _ids_of(service: Resto) -> set[str]:
    return {record.get("id") or record["properties"]["identifier"] for record in service.records}


def _service(count: int, dialect: Dialect, **quirks: Any) -> Resto:
    return app(synthetic_records(count, dialect), dialect, RestoQuirks(**quirks))


def _scene(feature: Any, sensors: Sensors) -> SceneRecord:
    return resto.scene_from_record(RawRecord(id="any", content=feature), sensors)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("count", [0, 1, 20])
@pytest.mark.parametrize("announced", [None, 5, 11_892])
def test_every_record_is_read_whatever_total_is_announced(dialect: Dialect, count: int, announced: int | None) -> None:
    """Neither a total that is too small nor one that is far too great changes what is read."""
    service = _service(count, dialect, announced=announced)
    assert set(_ids(_pages(service, dialect))) == _ids_of(service)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("counts_pages_as_asked", [False, True])
def test_silent_cap_loses_nothing(dialect: Dialect, counts_pages_as_asked: bool) -> None:
    """A service that serves fewer than asked, and counts its pages in either way, is read whole."""
    service = _service(40, dialect, cap=7, counts_pages_as_asked=counts_pages_as_asked, announced=3)
    assert set(_ids(_pages(service, dialect))) == _ids_of(service)


@pytest.mark.parametrize("counts_from", [0, 1])
@pytest.mark.parametrize("page_size", [1, 2, 10])
def test_kalideos_is_read_whether_it_counts_from_0_or_1(counts_from: int, page_size: int) -> None:
    """The first number is not known, and nothing is lost with either."""
    service = _service(12, "opensearch3", counts_from=counts_from)
    assert set(_ids(_pages(service, "opensearch3", page_size=page_size))) == _ids_of(service)


@pytest.mark.parametrize("count", [3, 20, 25])
def test_last_page_for_ever_is_an_end(count: int) -> None:
    """A service that repeats its last page beyond the end is read whole, and not for ever."""
    service = _service(count, "v2", serves_last_page_for_ever=True)
    assert set(_ids(_pages(service, "v2"))) == _ids_of(service)


def test_service_that_ignores_page_numbers_stops_the_run() -> None:
    """The first page again and again ends in an error, and neither in a loop nor in a short harvest."""
    with pytest.raises(UnreadableAnswer, match="ignore page numbers"):
        _pages(_service(30, "v2", ignores_page=True), "v2")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_cursor_gives_exactly_the_rest(dialect: Dialect) -> None:
    """From whichever page another process goes on, it reads the pages that are left; only the last has no cursor."""
    with serving(_service(23, dialect)) as url:
        options = _options(url, dialect, page_size=5)
        whole = list(_read(options))
        for cut, page in enumerate(whole[:-1], start=1):
            assert page.next_cursor is not None
            assert list(_read(options, None, page.next_cursor)) == whole[cut:]
    assert whole[-1].next_cursor is None


def test_v9_follows_the_cursor_beyond_1000() -> None:
    """More than 1000 records are read through the next links, where numbered pages would be refused."""
    service = _service(1300, "v9")
    assert set(_ids(_pages(service, "v9", page_size=250))) == _ids_of(service)
    assert [query.get("next") for query in service.queries] == [None, "250", "500", "750", "1000", "1250"]


def test_emulator_refuses_numbers_beyond_1000() -> None:
    """A page by number beyond 1000 records is answered 400, as resto v9 does."""
    with serving(_service(3, "v9")) as url, pytest.raises(SourceUnavailable, match="400"):
        list(_read(_options(url, "v9"), None, f"{url}/search?startIndex=1002"))


def test_pages_that_come_round_again_stop_the_run() -> None:
    """Next links that lead on for ever, over pages that came before, end in an error and not in a loop."""
    one, other = (
        {"features": [feature], "links": [{"rel": "next", "href": f"/search?next={number}"}]}
        for number, feature in enumerate(synthetic_records(2, "v9"), start=1)
    )
    plan = Plan(by_number={number: answers(200, (one, other)[number % 2]) for number in range(1, 40)})
    with pytest.raises(UnreadableAnswer, match="came before"):
        _pages(Quirks(app([], "v9"), plan), "v9")
    assert len(plan.requests) == 3


def test_v9_goes_on_behind_an_empty_page() -> None:
    """A page of which all records were filtered out is not the end while a next link leads on; for ever it may not."""
    first, last = synthetic_records(2, "v9")
    empty = [{"features": [], "links": [{"rel": "next", "href": f"/search?next={number}"}]} for number in range(30)]
    pages = [{**empty[0], "features": [first]}, *empty[1:3], {"features": [last]}]
    assert _ids(_pages(_answering(pages), "v9")) == [first["id"], last["id"]]
    with pytest.raises(UnreadableAnswer, match="20 empty pages"):
        _pages(_answering(empty), "v9")


def _answering(pages: list[dict[str, Any]]) -> Quirks:
    plan = Plan(by_number={number: answers(200, page) for number, page in enumerate(pages, start=1)})
    return Quirks(app([], "v9"), plan)


def test_next_page_that_is_the_same_page_stops_the_run() -> None:
    """A next link that leads nowhere ends in an error and not in a loop."""
    feature = synthetic_records(1, "v9")[0]
    answer = {"features": [feature], "links": [{"rel": "next", "href": "/search?next=1"}]}
    with serving(Quirks(app([], "v9"), Plan(always=answers(200, answer)))) as url:
        options = _options(url.replace("//", "//me:word@"), "v9")
        with pytest.raises(UnreadableAnswer, match="itself as the next page") as caught:
            list(_read(options))
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_since_selects_what_was_changed(dialect: Dialect) -> None:
    """Records changed since a moment are read, and few others."""
    service = _service(30, dialect)
    for record_id in sorted(_ids_of(service))[:2]:
        service.change(record_id, CHANGED)
    changed = set(sorted(_ids_of(service))[:2])
    assert set(_ids(_pages(service, dialect, Selection(since=CHANGED)))) == changed


def test_kalideos_is_asked_from_a_day_earlier() -> None:
    """Its times have no zone: a change of the hours before is asked for too."""
    service = _service(5, "opensearch3")
    service.change("urn:ogc:def:EOP:IGN::Kalideos:2", CHANGED - timedelta(hours=12))
    pages = _pages(service, "opensearch3", Selection(since=CHANGED))
    assert set(_ids(pages)) == {"urn:ogc:def:EOP:IGN::Kalideos:2"}


def test_names_of_the_bounds_are_configuration() -> None:
    """Services of one dialect name the time of change differently."""
    service = _service(1, "v2")
    selection = Selection(since=CHANGED, until=CHANGED + timedelta(days=1))
    _pages(service, "v2", selection, updated_from="updated", updated_to="updatedBefore")
    assert service.queries[0]["updated"] == "2024-05-06T07:08:09Z"
    assert service.queries[0]["updatedBefore"] == "2024-05-07T07:08:09Z"


def test_box_over_the_antimeridian_is_widened() -> None:
    """Resto 2 has no box over 180°: all longitudes are asked for, which loses nothing."""
    service = _service(40, "v2")
    _pages(service, "v2", Selection(bbox=(170.0, -20.0, -170.0, 20.0)))
    assert service.queries[0]["box"] == "-180.0,-20.0,180.0,20.0"


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("envelope", [{"totalResults": 0}, {"features": {}}, ["feature"], None])
def test_answer_without_features_is_never_empty(dialect: Dialect, envelope: Any) -> None:
    """An envelope that has changed stops the run."""
    with pytest.raises(UnreadableAnswer, match="list of features"):
        _pages(Quirks(app([], dialect), Plan(always=answers(200, envelope))), dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_record_without_id_is_refused_and_not_dropped(dialect: Dialect, sensors: Sensors) -> None:
    """A record that lost its id is known by its content, and its refusal says what is missing."""
    records = synthetic_records(2, dialect)
    records[0].pop("id", None)
    records[0]["properties"].pop("identifier", None)
    first, second = _pages(app(records, dialect), dialect)[0].records
    assert first.id.startswith("sha256:")
    with pytest.raises(UnreadableScene, match=r"id is missing"):
        resto.scene_from_record(first, sensors)
    assert resto.scene_from_record(second, sensors)


def test_v9_needs_a_collection() -> None:
    """A whole resto v9 is never harvested by mistake."""
    with pytest.raises(ValidationError, match="name one in `collection`"):
        _options("https://resto.example", "v9", collection=None)


def test_more_than_500_is_refused_before_asking() -> None:
    """A page size that some services answer with 400 is a mistake of the collection document."""
    with pytest.raises(ValidationError, match="less than or equal to 500"):
        _options("https://resto.example", "v2", page_size=501)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_synthetic_records_are_readable(dialect: Dialect, sensors: Sensors) -> None:
    """The generator makes records that are read without a warning, each with its own id."""
    scenes = [_scene(record, sensors) for record in synthetic_records(100, dialect)]
    assert len({scene.id for scene in scenes}) == 100
    assert {warning for scene in scenes for warning in scene.warnings} == set()


def test_genuine_peps_records_become_scenes(genuine: Callable[[str], Any], sensors: Sensors) -> None:
    """Every field of the recorded resto 2 page is read, and nothing is left over."""
    features = genuine("resto_legacy/peps_search.json")
    scenes = [_scene(feature, sensors) for feature in features]
    assert [scene.warnings for scene in scenes] == [(), ()]
    assert [scene.id for scene in scenes] == [feature["properties"]["productIdentifier"] for feature in features]
    assert [scene.source_id for scene in scenes] == [feature["id"] for feature in features]
    assert {scene.platform for scene in scenes} == {"sentinel-2a"}
    assert scenes[0].acquired_at == datetime(2020, 8, 15, 0, 52, 51, 24000, tzinfo=UTC)
    assert [scene.cloud_cover_percent for scene in scenes] == [20.5218, 2.6607]
    assert [scene.properties["resto:storage_mode"] for scene in scenes] == ["disk", "tape"]
    assert scenes[0].properties["grid:code"] == "MGRS-55PDR"
    assert [asset.key for asset in scenes[0].remote_assets] == ["data", "overview"]
    assert scenes[0].remote_assets[0].fields["file:size"] == 781865648
    assert scenes[0].source_href is not None
    assert ".json" in scenes[0].source_href


def test_genuine_kalideos_records_become_scenes(genuine: Callable[[str], Any], sensors: Sensors) -> None:
    """Every field of the recorded Kalideos page of 2013 is read, and nothing is left over."""
    scenes = [_scene(feature, sensors) for feature in genuine("kalideos_opensearch/kalideos.json")]
    assert [scene.warnings for scene in scenes] == [()] * 7
    assert [scene.mission for scene in scenes] == ["SPOT5"] * 4 + ["SPOT4"] * 3
    assert scenes[0].id == "urn-ogc-def-EOP-IGN--Kalideos-1245"
    assert scenes[0].source_id == "urn:ogc:def:EOP:IGN::Kalideos:1245"
    assert scenes[0].instruments == ("hrg",)
    assert [asset.key for asset in scenes[0].remote_assets] == ["data", "overview", "thumbnail"]
    assert scenes[0].remote_assets[0].media_type == "application/zip"
    assert [link.rel for link in scenes[0].links] == ["wms"]


def test_kalideos_times_are_days(genuine: Callable[[str], Any], sensors: Sensors) -> None:
    """A local time without a zone tells the day only: no time of acquisition is made up."""
    scene = _scene(genuine("kalideos_opensearch/kalideos.json")[0], sensors)
    assert scene.acquired_at is None
    assert scene.started_at == datetime(2012, 2, 21, tzinfo=UTC)
    assert scene.ended_at == datetime(2012, 2, 21, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "incidence", "signed"),
    [("00.61L", 0.61, -0.61), ("0.61L", 0.61, -0.61), ("12.40R", 12.4, 12.4), ("7R", 7.0, 7.0)],
)
def test_side_letter_is_a_sign(written: str, incidence: float, signed: float, sensors: Sensors) -> None:
    """The incidence is the number, and left of the track is negative."""
    feature = synthetic_records(1, "opensearch3")[0]
    feature["properties"]["incidence"] = written
    scene = _scene(feature, sensors)
    assert scene.properties["view:incidence_angle"] == incidence
    assert scene.properties["kalideos:incidence_angle"] == signed
    assert scene.viewing is None


@pytest.mark.parametrize("written", ["12.40", "12.40X", "L12.40", "-3.0R"])
def test_angle_of_another_form_is_left_out(written: str, sensors: Sensors) -> None:
    """An incidence without a side is not guessed at, and does not cost the record."""
    feature = synthetic_records(1, "opensearch3")[0]
    feature["properties"]["incidence"] = written
    scene = _scene(feature, sensors)
    assert not {"view:incidence_angle", "kalideos:incidence_angle"} & scene.properties.keys()
    assert [warning for warning in scene.warnings if "angle with its side" in warning]


def test_documented_v9_records_name_no_satellite(genuine: Callable[[str], Any], sensors: Sensors) -> None:
    """The example of the documentation of resto shows no images: both records are refused for it."""
    for feature in genuine("resto_v9_stac/RestoFeatureCollection_example.json"):
        with pytest.raises(UnreadableScene, match=r"properties\.platform is missing"):
            _scene(feature, sensors)


def test_records_rewritten_by_eodag(genuine: Callable[[str], Any], sensors: Sensors) -> None:
    """Those in STAC names are read, with a warning about the rest; those in names of eodag are refused."""
    scenes = [_scene(feature, sensors) for feature in genuine("resto_legacy/eodag_search_result_peps.geojson")]
    assert [scene.platform for scene in scenes] == ["sentinel-2a", "sentinel-2a"]
    assert all("properties.eodag:provider" in scene.warnings[0] for scene in scenes)
    for feature in genuine("resto_legacy/eodag_search_result_theia.geojson"):
        with pytest.raises(UnreadableScene, match=r"properties\.startDate is missing"):
            _scene(feature, sensors)


def test_pleiades_has_the_id_of_its_strip(sensors: Sensors) -> None:
    """A dataset name of the vendor gives the id and the key under which other sources know the acquisition."""
    feature = synthetic_records(1, "v2")[0]
    feature["properties"] |= {"platform": "PHR 1A", "productIdentifier": "DS_PHR1A_201205031058321_FR1_PX_E001N43_0818"}
    scene = _scene(feature, sensors)
    assert (scene.id, scene.scene_keys) == ("PHR1A_201205031058321", ("PHR1A_201205031058321",))
    assert (scene.mission, scene.platform) == ("PHR1A", "pleiades-1a")


@pytest.mark.parametrize(
    ("name", "platform", "title"),
    [
        ("SENTINEL2A", "sentinel-2a", "Sentinel-2A"),
        ("S1B", "sentinel-1b", "Sentinel-1B"),
        ("TerraSAR-X", "terrasar-x", "TerraSAR-X"),
        ("SPOT 4", "spot-4", "SPOT 4"),
        ("spot-4", "spot-4", "SPOT 4"),
        ("Pléiades 1B", "pleiades-1b", "Pléiades 1B"),
    ],
)
def test_satellites_are_known_in_any_spelling(name: str, platform: str, title: str, sensors: Sensors) -> None:
    """Each service spells satellites in its own way; the catalogue has one name."""
    feature = synthetic_records(1, "v2")[0]
    feature["properties"]["platform"] = name
    scene = _scene(feature, sensors)
    assert (scene.platform, scene.platform_title) == (platform, title)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_footprint_over_the_antimeridian_is_cut(dialect: Dialect, sensors: Sensors) -> None:
    """A ring that steps from 179° to -179°, as services write it, is as narrow as the image."""
    feature = synthetic_records(1, dialect)[0]
    ring = [[179, -18], [-179, -18], [-179, -17], [179, -17], [179, -18]]
    feature["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    assert footprint_bbox(_scene(feature, sensors).footprint) == pytest.approx((179, -18, -179, -17))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_unknown_field_is_told(dialect: Dialect, sensors: Sensors) -> None:
    """A field that the reader has never seen is reported by its name."""
    feature = synthetic_records(1, dialect)[0]
    feature["properties"]["novelty"] = 1
    assert "properties.novelty" in _scene(feature, sensors).warnings[0]


@pytest.mark.parametrize(("dialect", "end"), [("v2", "completionDate"), ("v9", "end_datetime")])
def test_image_that_ends_before_it_begins_is_refused(dialect: Dialect, end: str, sensors: Sensors) -> None:
    """The two are not taken for one another: the image would be of both dates, and of all between them."""
    feature = synthetic_records(1, dialect)[0]
    feature["properties"][end] = "1999-01-01T00:00:00Z"
    with pytest.raises(UnreadableScene, match=rf"its {end} \(1999-01-01.*\) is before it begins"):
        _scene(feature, sensors)


@pytest.mark.parametrize("content", [None, "text", {}, {"properties": []}, {"properties": {}}])
def test_what_is_no_record_refuses_itself(content: Any, sensors: Sensors) -> None:
    """Whatever stands among the features is a record that is refused with a reason."""
    with pytest.raises(UnreadableScene, match=r"missing|properties is not an object"):
        resto.scene_from_record(raw_record(content, None), sensors)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_strange_values_refuse_the_record_at_worst(dialect: Dialect, sensors: Sensors) -> None:
    """Whatever stands in whichever field, reading gives a scene or a reason, and never another error."""
    strange = list(with_strange_values(synthetic_records(1, dialect)[0]))
    refused = sum(refuses(feature, lambda content: _scene(content, sensors)) for feature in strange)
    assert 50 < refused < len(strange)
