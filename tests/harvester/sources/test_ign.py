"""The yearly coverages of the Géoplateforme are read from its capabilities, and nothing odd is taken for empty."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from footprints import footprint_bbox
from harvester.errors import UnreadableAnswer, UnreadableScene
from harvester.items.from_scenes import SourcedScene, item_from_scenes
from harvester.record import Page, RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.ign import source as ign
from harvester.sources.source import Progress, Selection
from tests.emulators.ign import FRANCE, WORLD, Coverage, Geoplateforme, coverages, graph
from tests.emulators.quirks import Plan, Quirks, html_page, preceded, truncated
from tests.emulators.serving import serving
from tests.stac_schemas import validator

TERRITORIES = {"Guyane": (-54.7, 2.1, -51.5, 5.9), "métropole": FRANCE, "Réunion": (55.2, -21.5, 55.9, -20.8)}


@contextmanager
def _served(service: Geoplateforme, plan: Plan | None = None) -> Iterator[str]:
    with serving(Quirks(service.app, plan)) as url:
        yield url


def _pages(url: str, cursor: str | None = None, family: str = "SPOT", **more: Any) -> list[Page]:
    options = ign.Options.model_validate(
        {"url": f"{url}/wmts", "rate": 1000, "timeout_s": 10, "family": family, **more}
    )
    return list(ign.read_pages(options, Selection(), cursor, Progress(), lambda ids: {}))


def _records(service: Geoplateforme, family: str = "SPOT", **more: Any) -> list[RawRecord]:
    with _served(service) as url:
        return [record for page in _pages(url, family=family, **more) for record in page.records]


def _graph_records(service: Geoplateforme, **more: Any) -> list[RawRecord]:
    with _served(service) as url:
        described = {"url": f"{url}/wfs/ows", "type_name": "SPOT.{year}:graphe"}
        return [record for page in _pages(url, graph=described, **more) for record in page.records]


def _scenes(records: list[RawRecord], sensors: Sensors) -> list[SceneRecord]:
    return [ign.scene_from_record(record, sensors) for record in records]


def test_a_layer_is_a_mosaic_of_its_year(sensors: Sensors) -> None:
    """A yearly layer has a period and no moment, no satellite of its own, and lies in its box."""
    service = Geoplateforme([*coverages("SPOT", [2019], dimensions={"season": "summer"}), Coverage("OTHER.LAYER")])
    (scene,) = _scenes(_records(service), sensors)
    assert scene.id == "ORTHOIMAGERY.ORTHO-SAT.SPOT.2019"
    assert (scene.acquired_at, scene.platform, scene.mission, scene.scene_keys) == (None, None, None, ())
    assert scene.started_at == datetime(2019, 1, 1, tzinfo=UTC)
    assert scene.ended_at == datetime(2019, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert (scene.platform_title, scene.constellation, scene.instruments) == ("SPOT 6/7", "spot", ("naomi",))
    assert footprint_bbox(scene.footprint) == pytest.approx(FRANCE)
    assert scene.warnings == ()


def test_capabilities_behind_a_blank_line_are_read() -> None:
    """What a script leaves before the XML declaration is passed over."""
    with _served(Geoplateforme(coverages("SPOT", [2019])), Plan(always=preceded(b"\n\xef\xbb\xbf"))) as url:
        assert [record.id for page in _pages(url) for record in page.records] == ["ORTHOIMAGERY.ORTHO-SAT.SPOT.2019"]


def test_the_web_map_is_linked_with_its_layer(sensors: Sensors) -> None:
    """The WMTS is linked by its bare address; the WMS only where it serves the layer."""
    service = Geoplateforme(coverages("SPOT", [2018]) + coverages("SPOT", [2019], in_wms=False, dimensions={"d": "1"}))
    with _served(service) as url:
        pages = _pages(url, wms_url=f"{url}/wms-r/wms")
    both, only = _scenes([record for page in pages for record in page.records], sensors)
    assert [(link.rel, link.href) for link in both.links] == [("wmts", f"{url}/wmts"), ("wms", f"{url}/wms-r/wms")]
    assert both.links[1].fields == {"wms:layers": ["ORTHOIMAGERY.ORTHO-SAT.SPOT.2018"]}
    (wmts,) = only.links
    assert wmts.fields == {"wmts:layer": "ORTHOIMAGERY.ORTHO-SAT.SPOT.2019", "wmts:dimensions": {"d": "1"}}
    assert wmts.media_type == "image/jpeg"


def test_the_harvest_goes_on_after_any_page() -> None:
    """From each cursor another process reads exactly the rest, whatever the order of the capabilities."""
    service = Geoplateforme(coverages("SPOT", [2015, 2013, 2014]))
    with _served(service) as url:
        pages = _pages(url)
        for cut, page in enumerate(pages[:-1], start=1):
            assert _pages(url, page.next_cursor) == pages[cut:]
    assert [page.next_cursor is None for page in pages] == [False, False, True]


def test_a_layer_over_several_territories_is_a_record_for_each(sensors: Sensors) -> None:
    """Each territory that a layer meets is a scene of its own, cut to it, and the region is told."""
    reunion = (55.0, -22.0, 56.0, -20.0)
    service = Geoplateforme(coverages("PLEIADES", [2020], boxes=[(-5.0, 42.0, 3.0, 51.0), reunion]))
    scenes = _scenes(_records(service, "PLEIADES", territories=TERRITORIES), sensors)
    assert [scene.properties["dinamis:region"] for scene in scenes] == ["Réunion", "métropole"]
    assert footprint_bbox(scenes[0].footprint) == pytest.approx(TERRITORIES["Réunion"])
    assert scenes[1].platform_title == "Pléiades métropole"
    assert len({scene.id for scene in scenes}) == 2


def test_a_box_of_the_whole_world_says_nothing(sensors: Sensors) -> None:
    """A layer whose box is the world is refused, unless territories say where to look."""
    service = Geoplateforme(coverages("PLEIADES", [2015], boxes=[WORLD]))
    with pytest.raises(UnreadableScene, match="whole world: give territories or a graph"):
        _scenes(_records(service, "PLEIADES"), sensors)
    assert len(_scenes(_records(service, "PLEIADES", territories=TERRITORIES), sensors)) == 3


def test_a_layer_without_a_year_refuses_only_itself(sensors: Sensors) -> None:
    """A renamed layer is a record that is refused with a reason; the others are read."""
    service = Geoplateforme([*coverages("SPOT", [2019]), Coverage("ORTHOIMAGERY.ORTHO-SAT.SPOT.2020_V2")])
    good, renamed = _records(service)
    assert _scenes([good], sensors)
    with pytest.raises(UnreadableScene, match="was it renamed"):
        _scenes([renamed], sensors)


@pytest.mark.parametrize("boxes", [[], [(9.0, 51.0, -5.0, 41.0)]], ids=["none", "turned"])
def test_a_layer_without_a_readable_box_is_refused(sensors: Sensors, boxes: list[Any]) -> None:
    """Nothing is invented for a layer that does not say where it is."""
    with pytest.raises(UnreadableScene, match="missing or the whole world"):
        _scenes(_records(Geoplateforme(coverages("SPOT", [2019], boxes=boxes))), sensors)


def test_a_family_without_layers_is_not_taken_for_empty() -> None:
    """When all layers of a family are gone, the run stops and names what is there instead."""
    with pytest.raises(UnreadableAnswer, match=r"no layer ORTHOIMAGERY.ORTHO-SAT.SPOT.\* among 1.*PLEIADES.2020"):
        _records(Geoplateforme(coverages("PLEIADES", [2020])))


@pytest.mark.parametrize(("user", "key"), [("me:word@", ""), ("", "?apikey=word")], ids=["user", "key"])
def test_what_opens_a_service_is_neither_kept_nor_told(user: str, key: str) -> None:
    """A password or key in the address of a service is in no record, and in no message."""
    with _served(Geoplateforme(coverages("PLEIADES", [2020]))) as url:
        opened = url.replace("//", f"//{user}")
        options = ign.Options(
            url=f"{opened}/wmts{key}", wms_url=f"{opened}/wms-r/wms{key}", family="PLEIADES", rate=1000
        )
        (page,) = ign.read_pages(options, Selection(), None, Progress(), lambda ids: {})
        (record,) = page.records
        renamed = options.model_copy(update={"family": "SPOT"})
        with pytest.raises(UnreadableAnswer) as caught:
            list(ign.read_pages(renamed, Selection(), None, Progress(), lambda ids: {}))
    assert (record.content["service"], record.content["wms"]) == (f"{url}/wmts", f"{url}/wms-r/wms")
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("quirk", [html_page(), truncated()], ids=["html", "cut"])
def test_capabilities_that_cannot_be_read_are_asked_again(quirk: Any) -> None:
    """A maintenance page or cut XML passes; when it stays, the run stops."""
    service = Geoplateforme(coverages("SPOT", [2019]))
    with _served(service, Plan.first(quirk)) as url:
        assert len(_pages(url)) == 1
    with _served(service, Plan(always=quirk)) as url, pytest.raises(UnreadableAnswer):
        _pages(url)


def test_changes_and_losses_are_seen_by_comparing() -> None:
    """A moved box is a changed digest, and a layer that is gone is absent."""
    service = Geoplateforme(coverages("SPOT", [2018, 2019, 2020]))
    with _served(service) as url:
        before = {record.id: record.digest() for page in _pages(url) for record in page.records}
        service.coverages[0].boxes = [(0.0, 43.0, 1.0, 44.0)]
        del service.coverages[1]
        after = {record.id: record.digest() for page in _pages(url) for record in page.records}
    assert sorted(before.keys() - after.keys()) == ["ORTHOIMAGERY.ORTHO-SAT.SPOT.2019"]
    changed = [name for name, digest in after.items() if before[name] != digest]
    assert changed == ["ORTHOIMAGERY.ORTHO-SAT.SPOT.2018"]


def test_a_graph_tells_what_each_region_shows(sensors: Sensors) -> None:
    """All pieces of a graph are read, however the service cuts its pages, and united by region."""
    service = Geoplateforme(coverages("SPOT", [2019]), {"SPOT.2019:graphe": graph(2300, ("34", "30"))}, page_limit=700)
    records = _graph_records(service)
    assert [record.id.rpartition("/")[2] for record in records] == ["30", "34"]
    assert sum(len(record.content["features"]) for record in records) == 2300
    for scene in _scenes(records, sensors):
        assert footprint_bbox(scene.footprint) == pytest.approx((1, 43, 2, 43.23), abs=0.011)


@pytest.mark.parametrize(
    ("quirks", "reason"),
    [
        ({"graphs": {}}, "has 0 features: a wrong axis order"),
        ({"latitude_first": True}, "is the axis order wrong"),
        ({"ignores_start": True}, "repeats features"),
        ({"graphs": {"SPOT.2019:graphe": [{"type": "Feature"}]}}, "repeats features or has none with ids"),
    ],
    ids=["no-feature", "latitude-first", "no-paging", "no-ids"],
)
def test_a_graph_that_cannot_be_right_stops_the_run(quirks: dict[str, Any], reason: str) -> None:
    """No feature with status 200, features elsewhere, and pages that repeat are never taken for an answer."""
    service = Geoplateforme(coverages("SPOT", [2019]), {"SPOT.2019:graphe": graph(10)})
    for name, value in quirks.items():
        setattr(service, name, value)
    with pytest.raises(UnreadableAnswer, match=reason):
        _graph_records(service)


def test_territories_tell_the_axis_order_where_the_box_of_a_layer_does_not() -> None:
    """Features in a wrong order lie in a box of the whole world too, but in no territory."""
    service = Geoplateforme(coverages("SPOT", [2019], boxes=[WORLD]), {"SPOT.2019:graphe": graph(10)})
    assert len(_graph_records(service, territories=TERRITORIES)) == 1
    service.latitude_first = True
    with pytest.raises(UnreadableAnswer, match="is the axis order wrong"):
        _graph_records(service, territories=TERRITORIES)


def test_a_piece_without_a_geometry_refuses_its_region_only(sensors: Sensors) -> None:
    """One unreadable piece refuses the region that it is in."""
    pieces = graph(10, ("30", "34"))
    pieces[0]["geometry"] = None
    bad, good = _graph_records(Geoplateforme(coverages("SPOT", [2019]), {"SPOT.2019:graphe": pieces}))
    assert _scenes([good], sensors)
    with pytest.raises(UnreadableScene, match="no readable geometry"):
        _scenes([bad], sensors)


def test_a_mosaic_becomes_a_valid_item(sensors: Sensors, schemas: Path) -> None:
    """The Item of a region has a null datetime, its year as period, and web map links that the extension allows."""
    service = Geoplateforme(coverages("PLEIADES", [2020], boxes=[FRANCE], dimensions={"season": "summer"}))
    (scene,) = _scenes(_records(service, "PLEIADES", territories=TERRITORIES), sensors)
    sourced = SourcedScene(source="ign", precedence=0, scene=scene)
    item = item_from_scenes([sourced], item_id=scene.id, collection="pleiades-littoral")
    validator(schemas)(item)
    assert item["properties"]["datetime"] is None
    assert item["properties"]["start_datetime"] == "2020-01-01T00:00:00Z"
    assert item["properties"]["title"] == "Pléiades métropole 2020"
