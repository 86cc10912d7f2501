"""The search of stereo sets by what clouds hide of an area, over the real server and masks in its database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft7Validator
from psycopg.types.json import Jsonb
from shapely import MultiPolygon, Polygon, box
from shapely.geometry import mapping

from database import Database
from footprints import area_km2
from stac_api import ApiSettings, create_app
from tests.stac_api.invented_catalogue import Site, problem_of, serving
from tests.stac_api.stereo.stereo_catalogue import CLOUDY_PAIR, FOUR_VIEWS, TRIPLET, fill_with_stereo
from tests.stac_api.stereo.test_extension import SCHEMA
from tests.stac_api.stereo.test_routes import sets

WORST, MEAN = "stereo:aoi_cloud_cover", "stereo:aoi_cloud_cover_mean"
FORWARD, NADIR, BACKWARD = (view["id"] for view in TRIPLET)

#: It reaches beyond the images in the east, which end at 4.0°.
AREA = box(3.9, 43.55, 4.1, 43.65)
LAND = box(3.9, 43.55, 4.0, 43.65)
GAP = box(3.92, 43.58, 3.94, 43.62)
#: Over the western half of the land and beyond, with a gap over the land.
CLOUD = Polygon(box(3.85, 43.5, 3.95, 43.7).exterior, [GAP.exterior])
HIDDEN = round(100 * (area_km2(box(3.9, 43.55, 3.95, 43.65)) - area_km2(GAP)) / area_km2(LAND), 2)

LYON_AREA = box(4.75, 45.75, 4.85, 45.85)
MASKS = {
    FORWARD: MultiPolygon(),
    NADIR: MultiPolygon([CLOUD]),
    BACKWARD: MultiPolygon([box(3.81, 43.51, 3.84, 43.52)]),
    CLOUDY_PAIR[0]["id"]: MultiPolygon(),
    **{view["id"]: MultiPolygon([box(4.7, 45.7, 4.75 + 0.02 * n, 45.9)]) for n, view in enumerate(FOUR_VIEWS)},
}


@pytest.fixture(scope="module")
def cloudy_site(module_database: Database) -> Iterator[Site]:
    """The server over the invented passes; of the second view of the cloudy pair no mask is known."""
    fill_with_stereo(module_database)
    with module_database.connect("owner", autocommit=True) as connection:
        for name, mask in MASKS.items():
            connection.execute(
                "UPDATE pgstac.items SET private = jsonb_build_object('clouds', %s::jsonb) WHERE id = %s",
                (Jsonb(mapping(mask)), name),
            )
    with serving(create_app(ApiSettings(), module_database.conninfo("api"))) as running:
        yield running


def covers(found: list[dict[str, Any]], name: str = WORST) -> dict[tuple[str, ...], float | None]:
    """By the views of each set, what it tells of clouds."""
    return {tuple(each["properties"]["stereo:views"]): each["properties"].get(name) for each in found}


def test_clouds_inside_the_area_are_told_and_asked_for(cloudy_site: Site) -> None:
    """The cloudiest view counts, of the area only what all views show; gaps in clouds and clouds beside are clear."""
    found = sets(cloudy_site, intersects=mapping(AREA), aoi_cloud=[0, 100])
    worst = {
        (FORWARD, BACKWARD): 0,
        (FORWARD, NADIR): HIDDEN,
        (NADIR, BACKWARD): HIDDEN,
        (FORWARD, NADIR, BACKWARD): HIDDEN,
    }
    assert 40 < HIDDEN < 45
    assert covers(found) == {views: pytest.approx(cover, abs=0.011) for views, cover in worst.items()}
    means = {views: pytest.approx(cover / len(views), abs=0.011) for views, cover in worst.items()}
    assert covers(found, MEAN) == means
    assert {each["properties"]["stereo:aoi_coverage"] for each in found} == {0.5}
    for each in found:
        Draft7Validator(SCHEMA).validate(each)


def test_share_at_the_limit_is_within(cloudy_site: Site) -> None:
    """Both ends of the range belong to it: the cover that an answer tells finds the set again."""
    told = max(filter(None, covers(sets(cloudy_site, bbox=AREA.bounds, aoi_cloud=[0, 100])).values()))
    clear, all_sets = [(FORWARD, BACKWARD)], 4
    assert len(sets(cloudy_site, bbox=AREA.bounds, aoi_cloud=[None, told])) == all_sets
    assert list(covers(sets(cloudy_site, bbox=AREA.bounds, aoi_cloud=[None, told - 0.01]))) == clear
    assert list(covers(sets(cloudy_site, bbox=AREA.bounds, aoi_cloud=[0, 0]))) == clear
    assert len(sets(cloudy_site, bbox=AREA.bounds, aoi_cloud=[told, None])) == all_sets - 1
    assert sets(cloudy_site, bbox=AREA.bounds, aoi_cloud=[told + 0.01, None]) == []


def test_query_string_and_body_find_the_same(cloudy_site: Site) -> None:
    """`aoi_cloud=../30` in the query string is `[null, 30]` or the same text in the body."""
    bounds = ",".join(map(str, AREA.bounds))
    path = f"/stereo/search?bbox={bounds}&aoi_cloud=../30&aoi_coverage=0.2"
    asked = cloudy_site.get(path).json()["features"]
    assert list(covers(asked)) == [(FORWARD, BACKWARD)]
    for ends in ([None, 30], "../30"):
        assert sets(cloudy_site, bbox=AREA.bounds, aoi_cloud=ends, aoi_coverage=0.2) == asked


def test_sets_of_unknown_clouds_are_left_out_when_they_are_bounded(cloudy_site: Site) -> None:
    """A set with a view without a mask, though the other has one, meets no bounds, and tells no cover."""
    area = mapping(box(7.15, 43.65, 7.2, 43.7))
    views = tuple(view["id"] for view in CLOUDY_PAIR)
    assert sets(cloudy_site, intersects=area, aoi_cloud=[0, 100]) == []
    assert sets(cloudy_site, intersects=area, aoi_cloud="../100") == []
    for asked in ({"aoi_coverage": 1}, {"aoi_cloud": "../.."}):
        (found,) = sets(cloudy_site, intersects=area, **asked)
        assert covers([found]) == {views: None}
        assert covers([found], "stereo:aoi_coverage") == {views: 1}


def test_sets_that_tell_of_the_area_tell_of_its_clouds(cloudy_site: Site) -> None:
    """Asked for a share of the area or a cover of it, sets tell what clouds hide of it as well."""
    for asked in ({"aoi_coverage": 0.4}, {"cover": True, "limit": 1}):
        (first, *_) = cloudy_site.post("/stereo/search", {"bbox": AREA.bounds, **asked}).json()["features"]
        assert first["properties"].keys() >= {WORST, MEAN, "stereo:aoi_coverage"}
    plain = sets(cloudy_site, bbox=AREA.bounds)
    assert not {WORST, MEAN} & {name for each in plain for name in each["properties"]}


def test_pages_are_sorted_by_clouds(cloudy_site: Site) -> None:
    """Pages of two, by GET and by POST, the clearest first; the order of the greatest first is the reverse."""
    order = [{"field": WORST, "direction": "asc"}]
    bounds = ",".join(map(str, LYON_AREA.bounds))
    found = sets(cloudy_site, bbox=LYON_AREA.bounds, aoi_cloud=[0, 100], sortby=order, limit=2)
    told = [each["properties"][WORST] for each in found]
    assert sorted(set(told)) == [pytest.approx(share, abs=0.02) for share in (20, 40, 60)]
    assert told == sorted(told)
    assert len(told) > 4
    path, read = f"/stereo/search?bbox={bounds}&aoi_cloud=0/100&sortby=-{WORST}&limit=2", []
    while path:
        page = cloudy_site.get(path).json()
        assert page["numberMatched"] == len(found)
        read += [each["id"] for each in page["features"]]
        path = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert read == [each["id"] for each in found][::-1]


def test_clouds_inside_the_area_can_be_filtered(cloudy_site: Site) -> None:
    """A CQL2 filter may name them, beside other terms."""
    area = {"bbox": AREA.bounds, "aoi_coverage": 0.1}
    found = sets(cloudy_site, **area, filter=f'"{WORST}" > 10 AND "stereo:view_count" = 3')
    assert list(covers(found)) == [(FORWARD, NADIR, BACKWARD)]
    refusal = cloudy_site.post("/stereo/search", {"bbox": AREA.bounds, "filter": f'"{WORST}" > 10'})
    assert problem_of(refusal)["status"] == 400


def test_larger_groups_are_asked_for_by_their_clouds(cloudy_site: Site) -> None:
    """Of four views the cloudiest counts, and the mean is over all four."""
    (found,) = sets(cloudy_site, bbox=LYON_AREA.bounds, mode=["multi-view"], aoi_cloud=[55, 65])
    assert covers([found]) == {tuple(view["id"] for view in FOUR_VIEWS): pytest.approx(60, abs=0.02)}
    assert covers([found], MEAN) == {tuple(view["id"] for view in FOUR_VIEWS): pytest.approx(30, abs=0.02)}


@pytest.mark.parametrize(
    ("search", "reason"),
    [
        ({"aoi_cloud": [0, 10]}, "aoi_cloud needs bbox or intersects"),
        ({"aoi_cloud": [0, 101], "bbox": AREA.bounds}, "aoi_cloud lies between 0 and 100"),
        ({"aoi_cloud": [-1, None], "bbox": AREA.bounds}, "aoi_cloud lies between 0 and 100"),
        ({"aoi_cloud": [20, 10], "bbox": AREA.bounds}, "begins at 20"),
        ({"aoi_cloud": "10", "bbox": AREA.bounds}, "low/high"),
        ({"aoi_cloud": [0, 10], "intersects": {"type": "Point", "coordinates": [3.95, 43.6]}}, "surface"),
    ],
    ids=str,
)
def test_clouds_that_cannot_be_asked_for_are_refused(cloudy_site: Site, search: dict[str, Any], reason: str) -> None:
    """Without an area that has a surface, or with bounds that no share can have, it is 400 with the reason."""
    refusal = problem_of(cloudy_site.post("/stereo/search", search))
    assert (refusal["status"], reason in refusal["detail"]) == (400, True)
