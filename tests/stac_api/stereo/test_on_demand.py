"""Stereo sets that are not stored: found among the images that a search reaches, over the real server."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import Request
from jsonschema import Draft7Validator
from shapely.geometry import box, mapping
from stac_fastapi.pgstac.types.search import PgstacSearch

from database import Database
from footprints import StereoLimits, area_km2, find_stereo_groups
from footprints.stereo.properties import set_id, stereo_properties
from stac_api import ApiSettings, create_app
from stac_api.client import CatalogueClient
from stac_api.errors import TooManyImages
from stac_api.filters import conjunction
from stac_api.stereo.area import covered_share, covering
from stac_api.stereo.on_demand import computed_sets
from stac_api.stereo.order import SetOrder
from stac_api.stereo.parameters import SortKey
from stac_api.stereo.request import StereoSearch
from tests.stac_api.invented_catalogue import Site, problem_of, serving
from tests.stac_api.stereo.stereo_catalogue import (
    CLOUDY_PAIR,
    FOUR_VIEWS,
    HALF_HELD_PAIR,
    HELD,
    HELD_SETS,
    IMAGES,
    LATER,
    NARROW_PAIR,
    OPEN,
    OPEN_PAIR,
    TRIPLET,
    an_image,
    stored_sets,
    view_of,
)
from tests.stac_api.stereo.test_extension import SCHEMA
from tests.stac_api.stereo.test_routes import ids, sets

#: It changes nothing but that the stored sets do not answer: no set takes longer than a pass.
ON_DEMAND: dict[str, Any] = {"time_span": [0, 301]}
NICE_AREA = [7.15, 43.65, 7.25, 43.75]
STORED = {each["id"]: each for each in stored_sets()}


def views_in(found: list[dict[str, Any]]) -> list[list[str]]:
    """The images of each set, sorted."""
    return sorted(each["properties"]["stereo:views"] for each in found)


def names(images: list[dict[str, Any]]) -> list[str]:
    """Their ids, in order."""
    return [image["id"] for image in images]


def test_computed_sets_are_the_stored_ones(stereo_site: Site) -> None:
    """Found on demand, the same sets have the same ids, places and properties as those of the harvest."""
    found = {each["id"]: each for each in sets(stereo_site, **ON_DEMAND)}
    assert found.keys() == STORED.keys()
    for name, each in found.items():
        stored = STORED[name]
        assert each["geometry"]["type"] == stored["geometry"]["type"]
        assert each["bbox"] == stored["bbox"]
        differing = {
            field for field, value in stored["properties"].items() if each["properties"].get(field) != value
        } - {"title"}
        assert not differing, name


@pytest.mark.parametrize(
    "search",
    [
        {"bbox": NICE_AREA},
        {"intersects": {"type": "Point", "coordinates": [7.2, 43.7]}},
        {"datetime": "2023-07-02T10:30:10Z"},
        {"datetime": "2023-07-02T10:30:10Z/.."},
        {"datetime": "../2023-07-02T10:29:59Z"},
        {"ids": [next(iter(STORED))]},
        {"cloud": [None, 10]},
        {"convergence": [10, 20]},
        {"mode": ["tri-stereo"]},
        {"preset": "cars"},
        {"collections": [HELD]},
        {"collections": [HELD_SETS], "mode": ["stereo"]},
        {"filter": {"op": "=", "args": [{"property": "dinamis:held"}, False]}},
        {"filter": '"stereo:overlap" > 0.9 AND platform LIKE \'pleiades%\' AND NOT "eo:cloud_cover" > 2'},
        {"filter": 'A_CONTAINS("stereo:views_to_order", (\'nothing\')) OR "stereo:view_count" = 3'},
    ],
    ids=str,
)
def test_terms_mean_the_same_for_computed_sets(stereo_site: Site, search: dict[str, Any]) -> None:
    """Whichever way a search is answered, it is answered with the same sets, the most suitable first."""
    stored, computed = sets(stereo_site, **search), sets(stereo_site, **search, **ON_DEMAND)
    assert 0 < len(stored) < len(STORED)
    assert ids(computed) == ids(stored)
    scores = [[each["properties"]["stereo:suitability"] for each in found] for found in (stored, computed)]
    assert scores[0] == scores[1]


@pytest.mark.parametrize("way", [{}, ON_DEMAND], ids=["stored", "computed"])
def test_truth_and_falsehood_are_conditions(stereo_site: Site, way: dict[str, Any]) -> None:
    """A filter that is `true` finds all sets, one that is `false` none."""
    assert {each["id"] for each in sets(stereo_site, filter="true", **way)} == STORED.keys()
    assert sets(stereo_site, filter="false", **way) == []


def test_interval_may_be_all_of_time(stereo_site: Site) -> None:
    """What lies around an interval that ends with the calendar is no error."""
    ever = "0001-01-01T00:00:00Z/9999-12-31T23:59:59Z"
    assert {each["id"] for each in sets(stereo_site, **ON_DEMAND, datetime=ever)} == STORED.keys()


def test_wider_limits_are_those_of_the_finder(stereo_site: Site) -> None:
    """Views that share a quarter and differ by less than two degrees are a pair when the search takes them."""
    search = {"overlap": [0.2, None], "convergence": [1.5, 45], "collections": [HELD], "mode": ["stereo"]}
    found = {each["id"]: each for each in sets(stereo_site, **search)}
    limits = StereoLimits(min_overlap=0.2, min_convergence_deg=1.5, min_consecutive_deg=1.5)
    expected = find_stereo_groups([view_of(image) for image in IMAGES if image["collection"] == HELD], limits).pairs
    assert {set_id(pair.views): stereo_properties(pair) for pair in expected} == {
        name: {field: each["properties"][field] for field in stereo_properties(pair)}
        for (name, each), pair in zip(
            sorted(found.items()), sorted(expected, key=lambda pair: set_id(pair.views)), strict=True
        )
    }
    assert names(NARROW_PAIR) in views_in(list(found.values()))
    assert names(NARROW_PAIR) not in [each["properties"]["stereo:views"] for each in STORED.values()]


def test_images_of_any_collection_can_be_looked_through(stereo_site: Site) -> None:
    """A collection whose sets nobody stores has them on demand, as valid Items that lead to their images."""
    (found,) = sets(stereo_site, collections=[OPEN])
    assert found["properties"]["stereo:views"] == names(OPEN_PAIR)
    assert "collection" not in found
    Draft7Validator(SCHEMA).validate(found)
    links = [link for link in found["links"] if link["rel"] == "derived_from"]
    assert [link["stereo:role"] for link in links] == ["forward", "backward"]
    assert [stereo_site.get(link["href"]).json()["id"] for link in links] == names(OPEN_PAIR)
    beside = sets(stereo_site, collections=[HELD, OPEN])
    assert ids(beside) == sorted([found["id"], *ids(sets(stereo_site, collections=[HELD]))])


def test_groups_of_more_than_three_views_are_found(stereo_site: Site) -> None:
    """A multi-view group is all images of a pass over one place, once."""
    (found,) = sets(stereo_site, mode=["multi-view"])
    assert found["properties"]["stereo:views"] == names(FOUR_VIEWS)
    Draft7Validator(SCHEMA).validate(found)


def test_dates_can_be_paired(stereo_site: Site) -> None:
    """Pairs of different passes and satellites are told apart from all others, with their days and the sun."""
    wanted = [[view["id"], LATER[0]["id"]] for view in CLOUDY_PAIR]
    found = sets(stereo_site, multi_date=True, convergence=[3, 60])
    assert views_in(found) == wanted
    for each in found:
        assert each["properties"]["stereo:multi_date"] is True
        assert each["properties"]["stereo:sun_azimuth_difference"] == 12
        assert "stereo:flight_time_ratio" not in each["properties"]
        Draft7Validator(SCHEMA).validate(each)
    angles = {"convergence": [3, 60], "multi_date": True}
    assert views_in(sets(stereo_site, **angles, max_days=12.1)) == wanted
    assert sets(stereo_site, **angles, max_days=11) == []
    assert views_in(sets(stereo_site, **angles, max_sun_difference=12)) == wanted
    assert sets(stereo_site, **angles, max_sun_difference=11) == []
    assert sets(stereo_site, **ON_DEMAND, filter='"stereo:multi_date" = true') == []


def test_two_satellites_make_pairs_of_dates_within_minutes() -> None:
    """They are never of one pass, however soon one follows the other; an image without its azimuth is in no pair."""
    first, unknown = an_image((0, 0), (3.8, 43.5), (5, 12)), an_image((0, 60), (3.8, 43.5), (185, 12))
    second = an_image((0, 120), (3.8, 43.5), (185, 12), platform="pleiades-1b", gsd=0.7)
    del unknown["properties"]["view:azimuth"]
    found = computed_sets([first, second, unknown], StereoSearch(multi_date=True), "http://example.org/")
    assert views_in(found) == [[first["id"], second["id"]]]
    assert found[0]["properties"]["gsd"] == 0.7


def test_share_of_the_area_is_told_and_asked_for(stereo_site: Site) -> None:
    """Of an area that reaches beyond the sets, only the share inside their overlap counts."""
    area = box(7.2, 43.6, 7.4, 43.8)
    shared = area_km2(box(7.2, 43.6, 7.3, 43.8)) / area_km2(area)
    (found,) = sets(stereo_site, intersects=mapping(area), aoi_coverage=0.4)
    assert found["properties"]["stereo:aoi_coverage"] == pytest.approx(shared, abs=1e-4)
    assert sets(stereo_site, intersects=mapping(area), aoi_coverage=0.6) == []
    corners = [[7.2, 43.6], [7.3, 43.7], [7.3, 43.6], [7.2, 43.7], [7.2, 43.6]]
    for unusable in (
        {"type": "LineString", "coordinates": corners[:2]},
        {"type": "Polygon", "coordinates": [corners]},
        {"type": "Polygon", "coordinates": [[corners[0]] * 4]},
    ):
        refusal = problem_of(stereo_site.post("/stereo/search", {"intersects": unusable, "aoi_coverage": 0.4}))
        assert (refusal["status"], "give a surface" in refusal["detail"]) == (400, True)


def test_few_sets_cover_an_area(stereo_site: Site) -> None:
    """One of the sets of Montpellier and the one of Nice are enough for the land between, as far as any goes."""
    answer = stereo_site.post("/stereo/search", {"bbox": [3.9, 43.6, 7.2, 43.7], "cover": True}).json()
    chosen = [set(each["properties"]["stereo:views"]) for each in answer["features"]]
    assert len(chosen) == 2
    assert any(views <= set(names(TRIPLET)) for views in chosen)
    assert set(names(CLOUDY_PAIR)) in chosen
    assert answer["stereo:covered"] == pytest.approx(0.2 / 3.3, abs=0.001)
    assert not answer["links"]


def test_greedy_cover_takes_what_adds_most() -> None:
    """Of sets over a strip the one that shows most of what is left is next; one that adds nothing is not taken."""
    widths = {"left": (0, 5), "middle": (3, 8), "right": (7, 10), "inside": (1, 4)}
    items = [{"id": name, "geometry": mapping(box(west, 0, east, 1))} for name, (west, east) in widths.items()]
    area = box(0, 0, 10, 1)
    assert names(covering(items, area, 10)) == ["left", "middle", "right"]
    assert names(covering(items, area, 1)) == ["left"]
    assert covering([], area, 3) == []
    assert covered_share(covering(items, area, 1), area) == pytest.approx(0.5)


def test_pages_of_computed_sets_follow_each_other(stereo_site: Site) -> None:
    """Pages of two, by GET and by POST, in the order that is asked for and with the number of all."""
    order = [{"field": "stereo:convergence_angle", "direction": "asc"}]
    found = sets(stereo_site, **ON_DEMAND, limit=2, sortby=order)
    angles = [each["properties"]["stereo:convergence_angle"] for each in found]
    assert ids(found) == sorted(STORED)
    assert angles == sorted(angles)
    prefixed = [{"field": "properties.stereo:convergence_angle"}]
    assert sets(stereo_site, **ON_DEMAND, limit=2, sortby=prefixed) == found
    path, read = "/stereo/search?time_span=0/301&limit=2&sortby=%2Bstereo:convergence_angle", []
    while path:
        page = stereo_site.get(path).json()
        assert (page["numberMatched"], bool(page["features"])) == (len(STORED), True)
        read += page["features"]
        path = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert [each["id"] for each in read] == [each["id"] for each in found]


def test_token_holds_when_sets_come_and_go() -> None:
    """The page behind a set is the same after that set has gone and others came, unknown values last."""
    order = SetOrder([SortKey(field="cloud", direction="desc")])
    clouds = {"a": 5, "b": 9, "c": 5, "d": None, "e": 1}
    items = [{"id": name, "properties": {} if cloud is None else {"cloud": cloud}} for name, cloud in clouds.items()]
    ordered = order.sorted(items)
    assert "".join(names(ordered)) == "bcaed"
    left = [each for each in ordered if each["id"] != "a"]
    assert names(order.behind(order.token(ordered[2]), left)) == ["e", "d"]


@pytest.mark.parametrize(
    "search",
    [
        {"token": "x"},
        {"token": "next:bm90aGluZw=="},
        {"token": "next:W10="},
        {"token": "next:WyJhIiwiYiJd"},
        {"filter": "hidden_price > 3"},
        {"sortby": [{"field": "hidden_price"}]},
        {"intersects": {"type": "Blob"}},
        {"datetime": "yesterday"},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused_on_demand(stereo_site: Site, search: dict[str, Any]) -> None:
    """Unknown names, and tokens of other searches, are 400."""
    assert problem_of(stereo_site.post("/stereo/search", search | ON_DEMAND))["status"] == 400


def test_too_many_images_are_refused_with_what_to_narrow(stereo_site: Site, module_database: Database) -> None:
    """A server that looks through two images refuses a search that reaches three, and answers a narrower one."""
    with serving(create_app(ApiSettings(stereo_images=2), module_database.conninfo("api"))) as small:
        refusal = problem_of(small.post("/stereo/search", ON_DEMAND))
        assert refusal["status"] == 413
        assert "datetime" in refusal["detail"]
        assert len(sets(small, **ON_DEMAND, datetime="2023-07-02T10:30:00Z")) == 1
        assert len(sets(small)) == len(STORED)


def test_crowd_of_images_is_refused_before_it_is_compared() -> None:
    """Seven hundred images of one place within a month are too many to pair by date, not to find one pass among."""
    crowd = [an_image((n / 30, 0), (3.8, 43.5), (5, 12)) for n in range(700)]
    with pytest.raises(TooManyImages, match="near enough in time"):
        computed_sets(crowd, StereoSearch(multi_date=True), "http://example.org/")
    assert computed_sets(crowd, StereoSearch(overlap=(0.1, None)), "http://example.org/") == []


def test_too_many_sets_are_refused() -> None:
    """Images that make more sets than can be told in seconds are refused with the number."""
    crowd = [an_image((n / 30, 0), (3.8, 43.5), (n * 17 % 360, 15)) for n in range(300)]
    with pytest.raises(TooManyImages, match="sets"):
        computed_sets(crowd, StereoSearch(multi_date=True), "http://example.org/")


def test_every_member_passes_the_waist(stereo_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the waist hides of a reader is in no computed set, whatever is asked for."""
    hidden = TRIPLET[1]["id"]
    stock = CatalogueClient._seen_page

    async def hiding(self: CatalogueClient, search: PgstacSearch, request: Request) -> Any:
        readable = {"op": "<>", "args": [{"property": "id"}, hidden]}
        wanted = conjunction(getattr(search, "filter_expr", None), readable)
        return await stock(self, search.model_copy(update={"filter_expr": wanted}), request)

    assert any(hidden in views for views in views_in(sets(stereo_site, **ON_DEMAND)))
    monkeypatch.setattr(CatalogueClient, "_seen_page", hiding)
    left = views_in(sets(stereo_site, **ON_DEMAND))
    assert [TRIPLET[0]["id"], TRIPLET[2]["id"]] in left
    assert not any(hidden in views for views in left)


def test_image_that_is_held_and_in_an_archive_is_one_view(module_database: Database, stereo_site: Site) -> None:
    """Views to be ordered are named; of a set with one, the archive's Item is the view."""
    (found,) = sets(stereo_site, **ON_DEMAND, filter={"op": "=", "args": [{"property": "dinamis:held"}, False]})
    assert found["properties"]["stereo:views"] == names(HALF_HELD_PAIR)
    assert found["properties"]["stereo:views_to_order"] == [HALF_HELD_PAIR[1]["id"]]
