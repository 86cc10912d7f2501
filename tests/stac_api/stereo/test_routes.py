"""The search of stored stereo sets, and the sets of an image, over the real server."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from database import Database
from footprints.stereo.picture import stereo_picture
from stac_api.areas import bbox_geometry
from stac_api.stereo.request import StereoSearch
from tests.conftest import PROJECT
from tests.stac_api.invented_catalogue import Site, load, problem_of
from tests.stac_api.stereo.stereo_catalogue import (
    ARCHIVE,
    ARCHIVE_SETS,
    CLOUDY_PAIR,
    HALF_HELD_PAIR,
    HELD,
    HELD_SETS,
    HELD_TRIPLETS,
    TRIPLET,
    stored_sets,
)

STORED = stored_sets()
NICE_AREA = [7.15, 43.65, 7.2, 43.7]
MIXED = {
    "type": "GeometryCollection",
    "geometries": [{"type": "Point", "coordinates": [7.17, 43.67]}, bbox_geometry(NICE_AREA)],
}


def sets(site: Site, **search: Any) -> list[dict[str, Any]]:
    """All sets that a posted search finds, over all its pages."""
    found, answer = [], site.post("/stereo/search", search)
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["features"]
        following = [link for link in page["links"] if link["rel"] == "next"]
        if not following:
            return found
        answer = site.post(following[0]["href"], following[0]["body"])


def ids(found: list[dict[str, Any]]) -> list[str]:
    """Their ids, sorted."""
    return sorted(each["id"] for each in found)


def stored_ids(is_wanted: Callable[[dict[str, Any]], bool]) -> list[str]:
    """The ids of stored sets whose properties are as wanted."""
    wanted = ids([each for each in STORED if is_wanted(each["properties"])])
    assert 0 < len(wanted) < len(STORED)
    return wanted


def test_all_stored_sets_are_found(stereo_site: Site) -> None:
    """A search without terms finds each pair and triplet, those to order too, and no image."""
    assert ids(sets(stereo_site)) == ids(STORED)


def test_best_comes_first_over_pages(stereo_site: Site) -> None:
    """Pages of two follow each other by suitability, without a gap or a repetition."""
    found = sets(stereo_site, limit=2)
    assert ids(found) == ids(STORED)
    scores = [each["properties"]["stereo:suitability"] for each in found]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) > 2


def test_pages_of_a_get_search_follow_each_other(stereo_site: Site) -> None:
    """The links of GET lead through all sets in the order that is asked for."""
    found: list[dict[str, Any]] = []
    answer = stereo_site.get("/stereo/search", params={"sortby": "-stereo:convergence_angle", "limit": 3})
    while True:
        page = answer.json()
        assert answer.headers["content-type"] == "application/geo+json"
        found += page["features"]
        following = [link["href"] for link in page["links"] if link["rel"] == "next"]
        if not following:
            break
        answer = stereo_site.get(following[0])
    assert ids(found) == ids(STORED)
    angles = [each["properties"]["stereo:convergence_angle"] for each in found]
    assert angles == sorted(angles, reverse=True)


@pytest.mark.parametrize(
    ("name", "ends", "field"),
    [
        ("convergence", (12, 20), "stereo:convergence_angle"),
        ("base_to_height", (0.2, 0.38), "stereo:base_to_height"),
        ("bie", (85, None), "stereo:bisector_elevation_angle"),
        ("asymmetry", (None, 3), "stereo:asymmetry_angle"),
        ("time_span", (20, 29), "stereo:time_span"),
        ("cloud", (None, 10), "stereo:cloud_cover_max"),
    ],
)
def test_ranges_are_those_of_the_properties(
    stereo_site: Site, name: str, ends: tuple[float | None, float | None], field: str
) -> None:
    """A range in the body or in the query string keeps the sets whose property lies within."""
    low, high = (-1 if ends[0] is None else ends[0]), (1e9 if ends[1] is None else ends[1])
    wanted = stored_ids(lambda properties: low <= properties[field] <= high)
    assert ids(sets(stereo_site, **{name: list(ends)})) == wanted
    spoken = "/".join(".." if end is None else str(end) for end in ends)
    assert stereo_site.ids("/stereo/search", **{name: spoken}) == wanted


def test_null_is_as_left_out(stereo_site: Site) -> None:
    """A client that writes every term of a search, those without a value as null, finds what it would without them."""
    nothing = {field.alias or name: None for name, field in StereoSearch.model_fields.items() if field.default is None}
    assert ids(sets(stereo_site, **nothing)) == ids(STORED)


def test_mode_chooses(stereo_site: Site) -> None:
    """Pairs or triplets alone, as asked for."""
    triplets = stored_ids(lambda properties: properties["stereo:mode"] == "tri-stereo")
    assert stereo_site.ids("/stereo/search", mode="tri-stereo") == triplets
    assert sorted(stereo_site.ids("/stereo/search", mode="stereo") + triplets) == ids(STORED)


def test_collections_of_sets_and_of_images_can_be_named(stereo_site: Site) -> None:
    """Named collections are those of the sets; those of images keep sets that have no other image."""
    assert ids(sets(stereo_site, collections=[HELD_TRIPLETS])) == stored_ids(lambda p: p["stereo:mode"] == "tri-stereo")
    assert ids(sets(stereo_site, collections=[ARCHIVE_SETS])) == stored_ids(lambda p: not p["dinamis:held"])
    assert ids(sets(stereo_site, collections=[HELD])) == stored_ids(lambda p: p["dinamis:held"])
    assert ids(sets(stereo_site, collections=[HELD, ARCHIVE])) == ids(STORED)
    refusal = problem_of(stereo_site.post("/stereo/search", {"collections": [HELD_SETS, HELD]}))
    assert (refusal["status"], "either" in refusal["detail"]) == (400, True)


def test_area_time_ids_and_filter_hold_as_in_any_search(stereo_site: Site) -> None:
    """The common terms of STAC and a CQL2 filter, as text or JSON, restrict the sets."""
    nice = stored_ids(lambda p: p["stereo:views"] == [view["id"] for view in CLOUDY_PAIR])
    assert ids(sets(stereo_site, bbox=NICE_AREA)) == nice
    assert ids(sets(stereo_site, intersects={"type": "Point", "coordinates": [7.2, 43.7]})) == nice
    assert stereo_site.ids("/stereo/search", datetime="2023-07-02T00:00:00/2023-07-02T23:59:59") == nice
    assert ids(sets(stereo_site, ids=nice)) == nice
    assert stereo_site.ids("/stereo/search", filter='"eo:cloud_cover" >= 40') == nice
    assert ids(sets(stereo_site, filter={"op": ">=", "args": [{"property": "eo:cloud_cover"}, 40]})) == nice


def test_preset_is_the_angles_of_its_chain(stereo_site: Site) -> None:
    """A triplet has two bases, so the outer angle of one may be twice as large."""
    wanted = stored_ids(
        lambda p: 5 * (p["stereo:view_count"] - 1) <= p["stereo:convergence_angle"] <= 15 * (p["stereo:view_count"] - 1)
    )
    assert stereo_site.ids("/stereo/search", preset="dsm-opt") == wanted


@pytest.mark.parametrize(
    "search",
    [
        {"convergence": [20, 10]},
        {"convergence": "5-10"},
        {"convergence": ["x", 10]},
        {"converges": [5, 10]},
        {"mode": ["quad"]},
        {"mode": []},
        {"ids": []},
        {"collections": []},
        {"bbox": []},
        {"preset": "dtm"},
        {"max_days": 3},
        {"multi_date": True, "max_days": 9000},
        {"bbox": [1, 2, 3]},
        {"intersects": {"type": "Blob"}},
        {"filter": "stereo:convergence_angle >"},
        {"filter": "hidden_price > 3"},
        {"sortby": [{"field": "hidden_price"}]},
        {"datetime": "yesterday"},
        {"limit": 0},
        {"token": "x"},
        {"cover": True, "intersects": MIXED},
    ],
    ids=str,
)
def test_what_cannot_be_asked_is_refused(stereo_site: Site, search: dict[str, Any]) -> None:
    """Bad ranges, terms that contradict each other and unknown names are 400 with the reason."""
    assert problem_of(stereo_site.post("/stereo/search", search))["status"] == 400


@pytest.mark.parametrize(
    "query", ["convergence=20/10", "convergence=a/b", "bbox=1,2,x,4", "cover=perhaps", "intersects={"]
)
def test_what_cannot_be_asked_by_get_is_refused(stereo_site: Site, query: str) -> None:
    """The query string is held to the same."""
    assert problem_of(stereo_site.get(f"/stereo/search?{query}"))["status"] == 400


def test_sets_of_an_image_are_those_that_have_it_as_a_view(stereo_site: Site) -> None:
    """Of the image in the middle: two pairs and the triplet, the most suitable first; of an archive's, its pair."""
    middle = TRIPLET[1]["id"]
    page = stereo_site.get(f"/collections/{HELD}/items/{middle}/stereo").json()
    assert ids(page["features"]) == stored_ids(lambda p: middle in p["stereo:views"])
    assert len(page["features"]) == 3
    scores = [each["properties"]["stereo:suitability"] for each in page["features"]]
    assert scores == sorted(scores, reverse=True)
    ordered = HALF_HELD_PAIR[1]["id"]
    assert len(stereo_site.ids(f"/collections/{ARCHIVE}/items/{ordered}/stereo")) == 1


def test_sets_of_an_image_that_is_held_are_those_of_its_item(stereo_site: Site, module_database: Database) -> None:
    """The Item of an archive whose image was delivered is in no set, but leads to those of the delivered one."""
    held = TRIPLET[0]
    properties = {**held["properties"], "dinamis:held_by": held["id"]}
    load(module_database, [], [{**held, "id": "ARCHIVED", "collection": ARCHIVE, "properties": properties}])
    found = stereo_site.ids(f"/collections/{ARCHIVE}/items/ARCHIVED/stereo")
    assert found == stored_ids(lambda p: held["id"] in p["stereo:views"])


def test_sets_of_an_image_that_is_not_there_are_404(stereo_site: Site) -> None:
    """Of an unknown image or collection nothing is told."""
    assert problem_of(stereo_site.get(f"/collections/{HELD}/items/nothing/stereo"))["status"] == 404
    assert problem_of(stereo_site.get(f"/collections/nothing/items/{TRIPLET[0]['id']}/stereo"))["status"] == 404


def test_overview_is_the_picture_of_the_set(stereo_site: Site) -> None:
    """Below a pair and a triplet there is the picture that the documents of the set and of its views make."""
    for stored in (STORED[0], STORED[-1]):
        views = [
            stereo_site.get(f"/search?ids={view}").json()["features"][0]
            for view in stored["properties"]["stereo:views"]
        ]
        answer = stereo_site.get(f"/collections/{stored['collection']}/items/{stored['id']}/stereo/overview.png")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        assert answer.content == stereo_picture(stored, views)


def test_overview_is_drawn_only_for_who_has_another(stereo_site: Site) -> None:
    """A client that gives the ETag back gets no second picture, and caches ask each time."""
    path = f"/collections/{STORED[0]['collection']}/items/{STORED[0]['id']}/stereo/overview.png"
    first = stereo_site.get(path)
    assert first.headers["cache-control"] == "no-cache"
    again = stereo_site.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert stereo_site.get(path, headers={"If-None-Match": '"other"'}).content == first.content


@pytest.mark.parametrize("path", [f"{HELD}/items/{TRIPLET[0]['id']}", f"{HELD_SETS}/items/nothing", "nothing/items/x"])
def test_what_is_no_set_has_no_overview(stereo_site: Site, path: str) -> None:
    """An image, an unknown set and an unknown collection are 404."""
    assert problem_of(stereo_site.get(f"/collections/{path}/stereo/overview.png"))["status"] == 404


@pytest.mark.parametrize("page", ["how-to/pick-a-stereo-pair.md", "reference/stereo-api.md"])
def test_searches_of_the_documentation_are_answered(stereo_site: Site, page: str) -> None:
    """Each search by GET that a page shows can be asked as it stands."""
    shown = re.findall(r"(/stereo/search\?\S+)", (PROJECT / "docs" / page).read_text(encoding="utf-8"))
    assert len(shown) > 1
    for search in shown:
        assert stereo_site.get(search).status_code == 200, search


@pytest.fixture
def moved(module_database: Database) -> Callable[..., None]:
    """A function that writes down where an Item stands, as the harvest does; where it stood it is withdrawn."""

    def move(item: str, collection: str, former: str) -> None:
        places = {"item": item, "collection": collection, "former": former}
        with module_database.connect("harvest", autocommit=True) as connection:
            connection.execute(
                "INSERT INTO dinamis.scene (id, created) VALUES (%(item)s, now()) ON CONFLICT DO NOTHING", places
            )
            connection.execute(
                "INSERT INTO dinamis.item"
                " (id, scene, collection, is_published, created, updated, change, first_change)"
                " SELECT %(item)s, %(item)s, %(collection)s, true, now(), now(), number, number"
                " FROM nextval('dinamis.change') AS number",
                places,
            )
            connection.execute(
                "INSERT INTO dinamis.tombstone (collection, item, withdrawn_at, reason)"
                " VALUES (%(former)s, %(item)s, now(), 'It was moved.')",
                places,
            )

    return move


def test_set_that_moved_is_found_from_its_old_place(stereo_site: Site, moved: Callable[..., None]) -> None:
    """The old address of a set whose last view was delivered leads to the Item, for good."""
    now_held = stored_ids(lambda p: p["stereo:views"] == [view["id"] for view in CLOUDY_PAIR])[0]
    moved(now_held, HELD_SETS, former=ARCHIVE_SETS)
    answer = stereo_site.get(f"/collections/{ARCHIVE_SETS}/items/{now_held}", allow_redirects=False)
    assert answer.status_code == 308
    assert answer.headers["location"] == f"{stereo_site.url}/collections/{HELD_SETS}/items/{now_held}"
    assert stereo_site.get(answer.headers["location"]).json()["id"] == now_held
    picture = stereo_site.get(
        f"/collections/{ARCHIVE_SETS}/items/{now_held}/stereo/overview.png", allow_redirects=False
    )
    assert (picture.status_code, picture.headers["location"]) == (
        308,
        f"{answer.headers['location']}/stereo/overview.png",
    )


def test_set_that_is_not_where_it_moved_to_is_gone(stereo_site: Site, moved: Callable[..., None]) -> None:
    """A set that is written down elsewhere but cannot be seen there is withdrawn, as far as readers know."""
    moved("pleiades-1a_unseen", HELD_SETS, former=ARCHIVE_SETS)
    path = f"/collections/{ARCHIVE_SETS}/items/pleiades-1a_unseen"
    assert problem_of(stereo_site.get(path, allow_redirects=False))["status"] == 410


def test_image_that_moved_is_gone_from_its_old_place(stereo_site: Site, moved: Callable[..., None]) -> None:
    """Only sets lead on: the Item of an image that moved is withdrawn from its former collection."""
    image = TRIPLET[0]["id"]
    moved(image, HELD, former=ARCHIVE)
    assert problem_of(stereo_site.get(f"/collections/{ARCHIVE}/items/{image}"))["status"] == 410


def test_server_says_that_it_searches_stereo_sets(stereo_site: Site) -> None:
    """Conformance, landing page and OpenAPI name the search and its parameters."""
    assert "https://w3id.org/stac-stereo/v1.0.0/search" in stereo_site.get("/conformance").json()["conformsTo"]
    links = [link for link in stereo_site.get("/").json()["links"] if link["rel"] == "stereo-search"]
    assert len({link["title"] for link in links}) == 2, "clients that show titles alone tell them apart"
    assert {link["method"]: link["href"] for link in links} == dict.fromkeys(
        ("GET", "POST"), f"{stereo_site.url}/stereo/search"
    )
    paths = stereo_site.get("/api").json()["paths"]
    parameters = {each["name"] for each in paths["/stereo/search"]["get"]["parameters"]}
    assert {"convergence", "filter", "multi_date", "cover", "aoi_cloud", "bbox", "token"} <= parameters
    assert "post" in paths["/stereo/search"]
    assert "/collections/{collection_id}/items/{item_id}/stereo" in paths


def test_examples_of_the_description_are_answered(stereo_site: Site) -> None:
    """Whoever tries an example of a parameter, as the page to click through offers it, is not refused."""
    parameters = stereo_site.get("/api").json()["paths"]["/stereo/search"]["get"]["parameters"]
    told = [(each["name"], example) for each in parameters for example in each["schema"].get("examples", ())]
    assert {"overlap", "convergence"} <= {name for name, _ in told}
    for name, example in told:
        answer = stereo_site.get("/stereo/search", params={name: example, "bbox": "7,43,8,44"})
        assert answer.status_code == 200, (name, answer.text)
