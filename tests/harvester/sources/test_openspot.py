"""OpenSpot is read whole, layer by layer, whatever its answers hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from harvester.errors import UnreadableAnswer, UnreadableScene
from harvester.items.from_scenes import SourcedScene, item_from_scenes
from harvester.record import Page, RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.openspot import source as openspot
from harvester.sources.source import Progress, Selection
from tests.emulators.openspot import OpenSpot, features
from tests.emulators.quirks import Plan, Quirks, html_page, truncated
from tests.emulators.serving import serving
from tests.stac_schemas import validator


@contextmanager
def _served(service: OpenSpot, plan: Plan | None = None) -> Iterator[str]:
    with serving(Quirks(service.app, plan)) as url:
        yield url


def _options(url: str, **more: Any) -> openspot.Options:
    return openspot.Options(url=url, rate=1000, timeout_s=10, **more)


def _pages(options: openspot.Options, cursor: str | None = None) -> list[Page]:
    return list(openspot.read_pages(options, Selection(), cursor, Progress(), lambda ids: {}))


def _records(options: openspot.Options, cursor: str | None = None) -> list[RawRecord]:
    return [record for page in _pages(options, cursor) for record in page.records]


def _raw(**properties: Any) -> RawRecord:
    feature = features(1)[0]
    feature["properties"] |= properties
    content = {"feature": feature, "layer": "2018_PMS", "service": "https://openspot.example/"}
    return RawRecord(id="2018_PMS/x", content=content)


def _scene(sensors: Sensors, **properties: Any) -> SceneRecord:
    return openspot.scene_from_record(_raw(**properties), sensors)


def test_all_years_and_modes_that_the_page_offers_are_read() -> None:
    """Every feature of every year and mode is one record with an id of its own."""
    layers = {f"{year}_{mode}": features(30, year, mode) for year in (2017, 2018) for mode in ("P", "MS")}
    with _served(OpenSpot(layers=layers)) as url:
        records = _records(_options(url))
    assert len({record.id for record in records}) == len(records) == 120


def test_modes_are_read_however_they_are_written() -> None:
    """The select is called for resolutions: one that is written as a number is a mode like any other."""
    service = OpenSpot(layers={f"2018_{mode}": features(2, mode=mode) for mode in ("1.5", "6", "2,5m", "PMS_6")})
    with _served(service) as url:
        assert {record.content["layer"] for record in _records(_options(url))} == service.layers.keys()


def test_years_and_modes_that_are_fixed_need_no_page() -> None:
    """With years and modes in the options, the page is not asked."""
    plan = Plan()
    with _served(OpenSpot(layers={"2018_PMS": features(3)}, has_selects=False), plan) as url:
        assert len(_records(_options(url, years=("2018",), modes=("PMS",)))) == 3
    assert [path for _, path, _ in plan.requests] == ["/api/geo/2018_PMS"]


def test_overseas_is_read_where_it_is_asked_for() -> None:
    """The page for overseas adds its years and modes."""
    service = OpenSpot(layers={"2018_PMS": features(3)}, overseas={"2019_P": features(2, 2019, "P")})
    with _served(service) as url:
        assert len(_records(_options(url))) == 3
        assert len(_records(_options(url, pages=("", "PO")))) == 5


def test_the_harvest_goes_on_after_any_page() -> None:
    """From each cursor another process reads exactly the rest; no page is longer than 1 000 records."""
    layers = {"2016_P": features(2100, 2016, "P"), "2017_P": [], "2018_P": features(2, 2018, "P"), "2019_P": []}
    with _served(OpenSpot(layers=layers)) as url:
        pages = _pages(_options(url))
        assert [len(page.records) for page in pages] == [1000, 1000, 100, 0, 2, 0]
        assert [page.next_cursor is None for page in pages] == [False] * 5 + [True]
        for cut, page in enumerate(pages[:-1], start=1):
            rest = [record for later in pages[cut:] for record in later.records]
            assert _records(_options(url), page.next_cursor) == rest


def test_a_scene_in_several_parts_is_several_records(sensors: Sensors) -> None:
    """Equal features are one record; different ones of one name are all kept, in whatever order they come."""
    (feature,) = features(1)
    part = feature | {"geometry": features(1, seed=1)[0]["geometry"]}
    service = OpenSpot(layers={"2018_PMS": [feature, part, feature]})
    with _served(service) as url:
        records = _records(_options(url))
        service.layers["2018_PMS"].reverse()
        assert _records(_options(url)) == records
    assert len(records) == 2
    assert len({openspot.scene_from_record(record, sensors).id for record in records}) == 1


@pytest.mark.parametrize("number", ["fid", "page_"])
def test_row_numbers_tell_no_features_apart(number: str) -> None:
    """A scene that is there in several rows is one record for each content, the same when the table is loaded anew."""
    (feature,) = features(1)
    coarse = feature["properties"] | {"resolution": 6}
    service, progress, told = OpenSpot(), Progress(), []
    with _served(service) as url:
        for rows in ((1, 2, 3), (9, 8, 7)):
            said = zip((feature["properties"], coarse, feature["properties"]), rows, strict=True)
            service.layers["2018_PMS"] = [feature | {"properties": each | {number: row}} for each, row in said]
            (page,) = openspot.read_pages(_options(url), Selection(), None, progress, lambda ids: {})
            told.append({record.id: record.digest() for record in page.records})
    assert told[0] == told[1]
    assert len(told[0]) == 2
    assert progress.passed_over == {"duplicates": 2}


def test_changes_and_losses_are_seen_by_comparing() -> None:
    """A changed feature has a new digest, a deleted one is absent, and the others are as they were."""
    service = OpenSpot(layers={"2018_PMS": features(3)})
    with _served(service) as url:
        before = {record.id: record.digest() for record in _records(_options(url))}
        service.layers["2018_PMS"][0]["properties"]["resolution"] = 2.5
        del service.layers["2018_PMS"][1]
        after = {record.id: record.digest() for record in _records(_options(url))}
    assert len(before.keys() - after.keys()) == 1
    assert sum(before[record] != digest for record, digest in after.items()) == 1


@pytest.mark.parametrize("quirk", [truncated(), html_page()])
def test_a_cut_answer_is_asked_again(quirk: Any) -> None:
    """A cut answer or a maintenance page in place of a layer does not lose its records."""
    plan = Plan(by_number={1: quirk}, paths=("/api/geo",))
    with _served(OpenSpot(layers={"2018_PMS": features(5)}), plan) as url:
        assert len(_records(_options(url))) == 5


@pytest.mark.parametrize("quirk", [truncated(0.75), html_page()], ids=["cut", "html"])
def test_a_cut_page_of_years_and_modes_is_asked_again(quirk: Any) -> None:
    """A maintenance page does not stop the run, and one that ends within its modes hides none of them."""
    layers = {f"2018_{mode}": features(2, mode=mode) for mode in ("MS", "P", "PMS")}
    with _served(OpenSpot(layers=layers), Plan.first(quirk)) as url:
        assert {record.content["layer"] for record in _records(_options(url))} == layers.keys()


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (OpenSpot(layers={"2018_PMS": features(1)}, has_selects=False), "choix_annee offers"),
        (OpenSpot(layers={"2018_PMS": []}), "no record in any"),
        (OpenSpot(layers={"2018_PMS": None}), "not a FeatureCollection"),  # type: ignore[dict-item]
        (OpenSpot(layers={"2018_PMS": features(1), "2018_6 m": features(1)}), "offers .*6 m.*; give years and modes"),
        (OpenSpot(layers={"2018_P": features(1), "2018-2019_P": features(1)}), "offers .*2018-2019"),
    ],
    ids=["no-selects", "nothing-at-all", "no-features", "odd-mode", "odd-year"],
)
def test_a_service_that_changed_its_ways_is_not_taken_for_empty(service: OpenSpot, reason: str) -> None:
    """Missing selects, a missing list, a service without records and a choice that is not understood stop the run."""
    with _served(service) as url, pytest.raises(UnreadableAnswer, match=reason):
        _pages(_options(url))


def test_a_feature_becomes_a_scene(sensors: Sensors) -> None:
    """Satellite and time come from the name; the overview is where the service has it."""
    scene = _scene(sensors, ds_name="DS_SPOT7_201807041015123_FR1_FR1", img_date="2018-07-04", f_quicklook="a b.jpg")
    assert scene.id == "SPOT7_201807041015123"
    assert scene.scene_keys == ("SPOT7_201807041015123",)
    assert (scene.platform, scene.constellation, scene.instruments) == ("spot-7", "spot", ("naomi",))
    assert scene.acquired_at == datetime(2018, 7, 4, 10, 15, 12, 300_000, tzinfo=UTC)
    assert [asset.href for asset in scene.remote_assets] == ["https://openspot.example/api/lien_jpg/a%20b.jpg"]
    assert (scene.gsd_m, scene.properties, scene.warnings) == (1.5, {"openspot:mode": "PMS"}, ())


@pytest.mark.parametrize("name", ["SPOT6_201807041015123", "IMG_SPOT6_PMS_201807041015123_ORT_1-001"])
def test_other_names_of_the_vendor_are_read(sensors: Sensors, name: str) -> None:
    """The satellite and the stamp are found in the vendor's other names too."""
    assert _scene(sensors, ds_name=name).id == "SPOT6_201807041015123"


@pytest.mark.parametrize("written", ["2018-07-04", "04/07/2018", "20180704", "2018-07-04T12:15:12+02:00"])
def test_the_date_is_read_in_all_its_forms(sensors: Sensors, written: str) -> None:
    """The same day in other forms is no reason for a warning."""
    assert _scene(sensors, ds_name="DS_SPOT6_201807041015123_", img_date=written).warnings == ()


@pytest.mark.parametrize(
    ("properties", "warning"),
    [
        ({"img_date": "2018-07-05"}, "img_date is 2018-07-05, ds_name says 2018-07-04"),
        ({"img_date": "soon"}, "img_date is no date"),
        ({"img_date": "0001-01-01T00:00:00+14:00"}, "img_date is no date"),
        ({"resolution": "fine"}, "resolution is not in metres"),
        ({"novelty": 1}, "fields not known to the reader: properties.novelty"),
    ],
)
def test_what_cannot_be_used_is_told(sensors: Sensors, properties: dict[str, Any], warning: str) -> None:
    """A field that contradicts, cannot be read or is new is a warning of a scene that is read all the same."""
    scene = _scene(sensors, **{"ds_name": "DS_SPOT6_201807041015123_", "img_date": "2018-07-04"} | properties)
    assert [text for text in scene.warnings if warning in text]


def test_half_a_character_in_a_name_refuses_no_record(sensors: Sensors) -> None:
    """JSON may hold one half of a pair of surrogates, which no address can."""
    scene = _scene(sensors, ds_name="DS_SPOT6_201807041015123_", f_quicklook="a\ud800.jpg")
    assert [asset.href for asset in scene.remote_assets] == ["https://openspot.example/api/lien_jpg/a%3F.jpg"]


@pytest.mark.parametrize(("written", "metres"), [("1,5 m", 1.5), ("6", 6.0), (1.5, 1.5), (None, None)])
def test_the_resolution_is_in_metres(sensors: Sensors, written: Any, metres: float | None) -> None:
    """A number and a French text are the same resolution."""
    assert _scene(sensors, resolution=written).gsd_m == metres


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (None, "ds_name is missing"),
        ("spot image", "names no satellite"),
        ("DS_SPOT6_201813041015123_", "stamp of ds_name is no time"),
        ("DS_SPOT9_201807041015123_", "not in any sensor document"),
    ],
)
def test_a_name_that_cannot_be_read_is_refused(sensors: Sensors, name: str | None, reason: str) -> None:
    """Without satellite and stamp there is no scene, and the reason says so."""
    with pytest.raises(UnreadableScene, match=reason):
        _scene(sensors, ds_name=name)


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        {"type": "Polygon"},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[650000, 6860000], [651000, 6860000], [651000, 6861000]]]},
        {"type": "Nonsense", "coordinates": "x"},
        {"type": "Polygon", "coordinates": [[["a", 1], [2, 3], [4, 5]]]},
    ],
)
def test_a_geometry_that_is_none_is_refused(sensors: Sensors, geometry: Any) -> None:
    """Missing, broken and projected geometries refuse the record, and nothing else."""
    raw = _raw()
    raw.content["feature"]["geometry"] = geometry
    with pytest.raises(UnreadableScene):
        openspot.scene_from_record(raw, sensors)


def test_a_record_without_a_name_refuses_only_itself(sensors: Sensors) -> None:
    """What is no feature at all is still a record, which the reader refuses."""
    service = OpenSpot(layers={"2018_PMS": [*features(2), "nonsense", {"properties": None}]})  # type: ignore[list-item]
    with _served(service) as url:
        records = _records(_options(url))
    assert len(records) == 4
    for record in records[2:]:
        with pytest.raises(UnreadableScene):
            openspot.scene_from_record(record, sensors)


def test_a_feature_becomes_a_valid_item(sensors: Sensors, schemas: Path) -> None:
    """The modes of one acquisition are one Item with an overview of each."""
    raws = [_raw(ds_name="DS_SPOT6_201807041015123_", mode_=mode, f_quicklook=f"{mode}.jpg") for mode in ("P", "MS")]
    scenes = [openspot.scene_from_record(raw, sensors) for raw in raws]
    sourced = [SourcedScene(source="openspot", precedence=0, scene=scene) for scene in scenes]
    item = item_from_scenes(sourced, item_id=scenes[0].id, collection="spot-6-7-open")
    validator(schemas)(item)
    assert sorted(asset["href"].rpartition("/")[2] for asset in item["assets"].values()) == ["MS.jpg", "P.jpg"]
