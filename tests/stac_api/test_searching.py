"""Searches of Items: areas, dates, filters, paging and counts, as clients send them."""

from __future__ import annotations

import warnings
from typing import Any

import psycopg
import pytest
from pystac_client import Client

from database import Database
from stac_api import ApiSettings, create_app
from tests.stac_api.invented_catalogue import (
    ENGLISH_QUERYABLES,
    QUERYABLES,
    Site,
    a_collection,
    an_item,
    fill,
    load,
    problem_of,
    serving,
)

FIJI = [177, -19, -179, -17]


def test_bbox_over_the_antimeridian_finds_both_sides_by_get(site: Site) -> None:
    """A GET search whose west is greater than its east finds the two sides and nothing of Africa."""
    assert site.ids(bbox="177,-19,-179,-17") == ["FIJI-EAST", "FIJI-WEST"]


def test_bbox_over_the_antimeridian_finds_both_sides_by_post(site: Site) -> None:
    """A POST search does the same, in two and in three dimensions."""
    assert site.posted_ids(bbox=FIJI) == ["FIJI-EAST", "FIJI-WEST"]
    assert site.posted_ids(bbox=[177, -19, 0, -179, -17, 100]) == ["FIJI-EAST", "FIJI-WEST"]


def test_bbox_over_the_antimeridian_holds_in_one_collection(site: Site) -> None:
    """The Items of one collection pass the same waist, in two and in three dimensions."""
    path = "/collections/spot-6-7/items"
    assert site.ids(path, bbox="177,-19,-179,-17") == ["FIJI-EAST", "FIJI-WEST"]
    assert site.ids(path, bbox="177,-19,0,-179,-17,9") == ["FIJI-EAST", "FIJI-WEST"]


def test_bbox_with_heights_is_an_area(site: Site) -> None:
    """A bbox in three dimensions finds what it finds without its heights, on every route."""
    montpellier = ["CLEAR", "CLOUDY"]
    assert site.ids(bbox="3,43,4,44") == montpellier
    assert site.ids(bbox="3,43,0,4,44,9000") == montpellier
    assert site.posted_ids(bbox=[3, 43, 0, 4, 44, 9000]) == montpellier
    assert site.ids("/collections/pleiades/items", bbox="3,43,-10.5,4,44,100") == montpellier


def test_bbox_in_a_filter_is_an_area(site: Site) -> None:
    """The CQL2 literal BBOX works, over the antimeridian too."""
    assert site.ids(filter="S_INTERSECTS(geometry, BBOX(3.1, 43.1, 3.2, 43.2))") == ["CLEAR", "CLOUDY"]
    wrapped = {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": FIJI}]}
    assert site.posted_ids(filter=wrapped) == ["FIJI-EAST", "FIJI-WEST"]


@pytest.mark.parametrize(
    "interval",
    [
        "2023-01-01T00:00:00/2023-12-31T23:59:59",
        "2023-01-01T00:00:00.000/2023-12-31T23:59:59.999",
        "2023-01-01T00:00:00/..",
        "2023-05-01T10:30:00",
        "2023-05-01t10:30:00Z",
        "2023-05-01T12:30:00+02:00",
    ],
)
def test_datetime_without_zone_is_utc(site: Site, interval: str) -> None:
    """QGIS sends times without a zone: they are taken as UTC on every route."""
    assert site.ids(datetime=interval) == ["CLEAR"]
    assert site.ids("/collections/pleiades/items", datetime=interval) == ["CLEAR"]
    assert site.posted_ids(datetime=interval) == ["CLEAR"]


def test_unescaped_plus_of_a_zone_is_understood(site: Site) -> None:
    """A query string whose `+` was not escaped still means that zone."""
    response = site.get("/search?datetime=2023-05-01T12:30:00+02:00")
    assert [feature["id"] for feature in response.json()["features"]] == ["CLEAR"]


def test_lone_open_datetime_restricts_nothing(site: Site) -> None:
    """`..` alone is no restriction."""
    assert len(site.ids(datetime="..")) == 6
    assert len(site.posted_ids(datetime="..")) == 6


@pytest.mark.parametrize(
    "interval",
    [
        "/",
        "../..",
        "/1984-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z",
        "1985-04-12",
        "1937-01-01T12:00:27.87+0100",
        "1985-12-12T23:20:50.52",
        "1985-13-12T23:20:50.52Z",
        "1985-12-01T00:06:61",
        "1986-04-12T23:20:50.52Z/1985-04-12T23:20:50.52Z",
        "demain",
    ],
)
def test_impossible_datetime_is_refused(site: Site, interval: str) -> None:
    """Leniency ends where stac-api-validator wants 400."""
    assert site.get("/search", params={"datetime": interval}).status_code == 400
    assert problem_of(site.post("/search", {"datetime": interval}))["code"] == "InvalidParameter"


def test_null_datetime_is_kept_on_every_route(site: Site) -> None:
    """QGIS drops an Item without the key `datetime`: a mosaic has it, as null."""
    pages = [
        site.get("/search", params={"ids": "MOSAIC"}),
        site.post("/search", {"ids": ["MOSAIC"]}),
        site.get("/collections/pleiades-littoral/items"),
    ]
    items = [page.json()["features"][0] for page in pages]
    items.append(site.get("/collections/pleiades-littoral/items/MOSAIC").json())
    for item in items:
        assert "datetime" in item["properties"]
        assert item["properties"]["datetime"] is None


def test_null_datetime_is_left_out_when_fields_exclude_it(site: Site) -> None:
    """What the Fields extension excludes, or does not include, is not put back."""

    def properties(**fields: list[str]) -> dict[str, Any]:
        page = site.post("/search", {"ids": ["MOSAIC"], "fields": fields}).json()
        found: dict[str, Any] = page["features"][0].get("properties", {})
        return found

    assert "datetime" not in properties(exclude=["properties.datetime"])
    assert "datetime" not in properties(include=["properties.title"])
    assert properties(include=["properties.datetime"]) == {"datetime": None}


def test_query_and_filter_stand_together(site: Site) -> None:
    """`query` is translated, so that it may come with a filter, on every route."""
    query = '{"eo:cloud_cover":{"gte":1}}'
    text = "platform = 'pleiades-1a'"
    cql = {"op": "=", "args": [{"property": "platform"}, "pleiades-1a"]}
    body = {"query": {"eo:cloud_cover": {"gte": 1}}, "filter": cql, "filter-lang": "cql2-json"}
    assert site.ids(query=query, filter=text) == ["CLEAR"]
    assert site.ids("/collections/pleiades/items", query=query, filter=text) == ["CLEAR"]
    assert site.posted_ids(**body) == ["CLEAR"]
    assert site.posted_ids(query={"eo:cloud_cover": {"gte": 1}}) == ["CLEAR", "CLOUDY"]


@pytest.mark.parametrize("language", [{}, {"filter-lang": "cql2-text"}])
def test_body_may_hold_cql2_text(site: Site, language: dict[str, str]) -> None:
    """CQL2 text in a body is understood like in a query string, also on the following pages."""
    text = "eo:cloud_cover >= 1 AND platform = 'pleiades-1a'"
    assert site.posted_ids(filter=text, **language) == site.ids(filter=text) == ["CLEAR"]


def test_pystac_client_lists_a_collection(site: Site) -> None:
    """pystac-client names the collection once more when it lists its Items; any other one has none there."""
    collection = Client.open(site.url).get_collection("pleiades")
    assert collection is not None
    assert sorted(item.id for item in collection.get_items()) == ["CLEAR", "CLOUDY"]
    assert [item.id for item in collection.get_items("CLEAR")] == ["CLEAR"]
    path = "/collections/pleiades/items"
    assert site.ids(path, collections="spot-6-7,pleiades") == site.ids(path, collections="") == ["CLEAR", "CLOUDY"]
    assert site.ids(path, collections="spot-6-7") == []


def test_pystac_client_may_name_the_language(site: Site) -> None:
    """pystac-client told to write CQL2 text posts it as text, and pages through what is found."""
    search = Client.open(site.url).search(filter="eo:cloud_cover >= 1", filter_lang="cql2-text", limit=1)
    assert len([item.id for item in search.items()]) == search.matched() == 2


def test_openapi_tells_both_forms_of_a_filter(site: Site) -> None:
    """The document says that the filter of a body is an object or a string."""
    fields = site.get("/api").json()["components"]["schemas"]["SearchPostRequest"]["properties"]
    assert {"object", "string"} <= {each["type"] for each in fields["filter"]["anyOf"]}
    assert "cql2-text" in str(fields["filter-lang"])


@pytest.mark.parametrize(
    ("operators", "expected"),
    [
        ({"eq": "Image CLOUDY"}, ["CLOUDY"]),
        ({"in": ["Image CLOUDY", "x"]}, ["CLOUDY"]),
        ({"startsWith": "Crémieu"}, ["CLEAR"]),
        ({"endsWith": "ombre"}, ["CLEAR"]),
        ({"endsWith": "50"}, []),
        ({"contains": "50%"}, ["CLEAR"]),
        ({"contains": "5_%"}, []),
        ({"contains": "I%e"}, []),
        ({"contains": "\\"}, []),
    ],
)
def test_operators_of_query_are_all_there(site: Site, operators: dict[str, Any], expected: list[str]) -> None:
    """The text operators of the Query extension work, and take % and _ literally."""
    assert site.posted_ids(query={"title": operators}) == expected


@pytest.mark.parametrize(
    ("condition", "is_everything"),
    [
        ("true", True),
        ("false", False),
        ("NOT true", False),
        ("id = 'x' OR true", True),
        ("id <> 'x' AND false", False),
        (' {"op": "AND", "args": [true, {"op": "<>", "args": [{"property": "id"}, "x"]}]}', True),
        (f"id <> '{'(' * 1001}'", True),
    ],
    ids=["true", "false", "not true", "or true", "and false", "in capitals", "signs in a text"],
)
@pytest.mark.parametrize("path", ["/search", "/collections/pleiades/items", "/collections"])
def test_truth_and_falsehood_are_conditions(site: Site, path: str, condition: str, is_everything: bool) -> None:
    """A filter may be `true` or `false`, alone or among others; what stands in a text is no part of it."""
    kind = "collections" if path == "/collections" else "features"
    everything, found = (
        [each["id"] for each in site.get(path, params=asked).json()[kind]] for asked in ({}, {"filter": condition})
    )
    assert found == (everything if is_everything else [])
    if path == "/search":
        assert site.posted_ids(filter=condition) == sorted(found)


CQL2 = {
    "advanced-comparison-operators": [
        "title LIKE 'Cr%'",
        "eo:cloud_cover BETWEEN 1 AND 5",
        "eo:cloud_cover IN (3, 4)",
    ],
    "case-insensitive-comparison": ["CASEI(platform) = CASEI('PLEIADES-1A')"],
    "accent-insensitive-comparison": ["ACCENTI(title) LIKE ACCENTI('Cremieu%')"],
    "basic-spatial-functions": [
        "S_INTERSECTS(geometry, POINT(3.5 43.5)) AND eo:cloud_cover < 5",
        "S_INTERSECTS(geometry, BBOX(3, 43, 4, 44)) AND eo:cloud_cover < 5",
    ],
    "basic-spatial-functions-plus": [
        "S_INTERSECTS(geometry, POLYGON((3 43, 5 43, 5 45, 3 45, 3 43))) AND eo:cloud_cover < 5"
    ],
    "spatial-functions": [
        f"{predicate} AND eo:cloud_cover < 5"
        for predicate in (
            "S_CONTAINS(geometry, POINT(3.5 43.5))",
            "S_CROSSES(geometry, LINESTRING(2 43.5, 5 43.5))",
            "S_DISJOINT(geometry, POINT(13 43))",
            "S_EQUALS(geometry, POLYGON((3 43, 4 43, 4 44, 3 44, 3 43)))",
            "S_OVERLAPS(geometry, BBOX(3.5, 43, 5, 45))",
            "S_TOUCHES(geometry, POINT(3 43))",
            "S_WITHIN(geometry, BBOX(2, 42, 5, 45))",
        )
    ],
    "temporal-functions": [
        "T_AFTER(datetime, TIMESTAMP('2023-01-01T00:00:00Z'))",
        "datetime > DATE('2023-01-01')",
        "T_DURING(datetime, INTERVAL('2023-01-01T00:00:00Z', '2024-01-01T00:00:00Z'))",
        "T_INTERSECTS(datetime, INTERVAL('2023-01-01T00:00:00Z', '..'))",
        "NOT T_BEFORE(datetime, DATE('2023-01-01'))",
    ],
    "array-functions": [
        "A_CONTAINS(dinamis:view_collections, ('pleiades'))",
        "A_CONTAINEDBY(dinamis:view_collections, ('pleiades', 'pleiades-neo', 'spot-6-7')) AND eo:cloud_cover < 5",
        "A_EQUALS(dinamis:view_collections, ('pleiades', 'pleiades-neo'))",
        "A_OVERLAPS(dinamis:view_collections, ('pleiades-neo', 'x'))",
    ],
    "property-property": ["view:off_nadir < view:incidence_angle"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in CQL2.items() for text in texts])
def test_advertised_cql2_is_executed(site: Site, name: str, text: str) -> None:
    """Each CQL2 class that is advertised beyond the stock ones answers right."""
    assert site.ids(filter=text) == ["CLEAR"]


@pytest.mark.parametrize("text", ["eo:cloud_cover + 1 = 4", "title = 'x' OR NOT 2 * (eo:cloud_cover - 1) < 10"])
def test_arithmetic_is_refused(site: Site, text: str) -> None:
    """PgSTAC computes without brackets, and not at all below `and`: what is not advertised is refused, with why."""
    assert "not supported" in problem_of(site.get("/search", params={"filter": text}))["detail"]


@pytest.mark.parametrize("name", ["datetime", "start_datetime", "end_datetime", "properties.datetime"])
@pytest.mark.parametrize("condition", ["{} IS NULL", "{} IS NOT NULL", "eo:cloud_cover < 5 AND {} IS NULL"])
def test_whether_a_time_is_null_is_not_answered_wrongly(site: Site, name: str, condition: str) -> None:
    """A period is stored for each Item, also if its `datetime` is null: such a filter is refused, with why."""
    answer = site.get("/search", params={"filter": condition.format(name)})
    assert problem_of(answer)["status"] == 400
    assert "Every Item has a period" in problem_of(answer)["detail"]


def test_no_cql2_class_is_advertised_untested(site: Site) -> None:
    """The advertised CQL2 classes are the ones executed above and the stock three; arithmetic is not among them."""
    prefix = "http://www.opengis.net/spec/cql2/1.0/conf/"
    classes = site.get("/conformance").json()["conformsTo"]
    advertised = {each.removeprefix(prefix) for each in classes if each.startswith(prefix)}
    assert advertised == {*CQL2, "basic-cql2", "cql2-text", "cql2-json"}


def test_undeclared_properties_are_refused_everywhere(site: Site) -> None:
    """Filter, query and sort by a property without queryable are refused: sorting would tell what is hidden."""
    answers = [
        site.get("/search", params={"filter": "hidden_price > 1"}),
        site.get("/search", params={"query": '{"hidden_price":{"gt":1}}'}),
        site.get("/search", params={"sortby": "-hidden_price"}),
        site.get("/search", params={"sortby": "properties.hidden_price"}),
        site.get("/collections/spot-6-7/items", params={"sortby": "hidden_price"}),
        site.get("/collections/spot-6-7/items", params={"filter": "hidden_price > 1"}),
        site.post("/search", {"query": {"hidden_price": {"gt": 1}}}),
        site.post("/search", {"sortby": [{"field": "hidden_price", "direction": "asc"}]}),
        site.post("/search", {"filter": {"op": ">", "args": [{"property": "hidden_price"}, 1]}}),
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert "hidden_price" in problem_of(answer)["detail"]


def test_declared_properties_sort(site: Site) -> None:
    """Declared properties sort, with and without their prefix."""
    for field in ("-eo:cloud_cover", "-properties.eo:cloud_cover"):
        page = site.get("/search", params={"sortby": field, "collections": "pleiades"}).json()
        assert [feature["id"] for feature in page["features"]] == ["CLOUDY", "CLEAR"]


def test_bbox_of_a_geometry_is_not_looked_at(site: Site) -> None:
    """A geometry whose own bbox crosses the antimeridian is searched by its coordinates."""
    fiji = {"type": "Point", "coordinates": [178.5, -18], "bbox": [178, -19, -178, -17]}
    assert site.posted_ids(intersects=fiji) == ["FIJI-WEST"]


def test_bounds_of_between_may_be_a_list(site: Site) -> None:
    """The form of `between` in an early draft of CQL2 is still understood."""
    between = {"op": "between", "args": [{"property": "eo:cloud_cover"}, [1, 5]]}
    assert site.posted_ids(filter=between) == ["CLEAR"]
    assert site.posted_ids(filter={"op": "not", "args": [between]}) == ["CLOUDY"]


def test_one_collection_may_be_a_string(site: Site) -> None:
    """A body with a comma-separated string of collections is taken like the query string."""
    assert site.posted_ids(collections="pleiades,pleiades-littoral") == ["CLEAR", "CLOUDY", "MOSAIC"]


@pytest.mark.parametrize(
    ("fields", "present", "absent"),
    [
        ({"exclude": ["geometry"]}, {"bbox", "eo:cloud_cover", "datetime"}, {"geometry"}),
        ({"exclude": ["geometry"], "include": []}, {"bbox", "datetime", "assets"}, {"geometry", "eo:cloud_cover"}),
        ({"exclude": ["geometry"], "include": None}, {"bbox", "datetime"}, {"geometry", "eo:cloud_cover"}),
        ({"include": ["properties.eo:cloud_cover"], "exclude": ["properties"]}, {"type", "eo:cloud_cover"}, {"bbox"}),
        ({}, {"geometry", "eo:cloud_cover"}, set()),
    ],
)
def test_fields_are_chosen(site: Site, fields: dict[str, Any], present: set[str], absent: set[str]) -> None:
    """The Fields extension leaves what it should, an empty `include` meaning the default set."""
    item = site.post("/search", {"ids": ["CLEAR"], "fields": fields}).json()["features"][0]
    names = item.keys() | item["properties"].keys()
    assert present <= names
    assert not absent & names


def test_fields_add_no_asset_that_the_item_lacks(site: Site) -> None:
    """What a Collection says of an asset of its Items is not told of an Item that has no such asset."""
    for name in ("assets.pms", "assets.pms.title"):
        (item,) = site.post("/search", {"ids": ["CLOUDY"], "fields": {"include": [name]}}).json()["features"]
        assert not item.get("assets")
        assert (item["id"], item["collection"]) == ("CLOUDY", "pleiades")


def test_links_lead_to_the_api_without_the_fields_that_name_the_item(site: Site) -> None:
    """Whoever excludes the id or the Collection of Items has their links all the same."""
    for excluded in (["collection"], ["id", "collection"]):
        (item,) = site.post("/search", {"ids": ["CLEAR"], "fields": {"exclude": excluded}}).json()["features"]
        links = {link["rel"]: link["href"] for link in item["links"]}
        assert links["self"] == f"{site.url}/collections/pleiades/items/CLEAR"
        assert not set(excluded) & item.keys()


def test_item_comes_back_as_it_was_stored(database: Database) -> None:
    """An Item that shares much with its Collection keeps its own nulls, on every route."""
    described = {"title": "Image", "roles": ["data"], "type": "image/tiff"}
    asset = {**described, "href": "https://example.org/a.tif", "proj:code": None}
    load(
        database,
        [a_collection("rasters", "Rasters", "Images.", item_assets={"image": described, "mask": described})],
        [an_item("A", "rasters", assets={"image": asset})],
    )
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as site:
        pages = [site.get("/search"), site.post("/search", {}), site.get("/collections/rasters/items")]
        items = [page.json()["features"][0] for page in pages] + [site.get("/collections/rasters/items/A").json()]
    for item in items:
        assert item["assets"] == {"image": asset}
        assert not [name for name in item if name.startswith("pgstac")]


def test_clients_cannot_steer_pgstac(site: Site) -> None:
    """`conf` is pgSTAC's: a client can neither turn the counts off nor make it skip the hydration."""
    page = site.post("/search", {"conf": {"context": "off", "nohydrate": True}, "limit": 1}).json()
    assert page["numberMatched"] == 6
    assert page["features"][0]["stac_version"] == "1.1.0"


def test_number_matched_is_an_integer(site: Site) -> None:
    """QGIS loses a page whose numberMatched is not an integer."""
    for answer in (site.get("/search?limit=2"), site.post("/search", {"limit": 2}), site.get("/collections")):
        page = answer.json()
        assert type(page["numberMatched"]) is int
        assert page["numberMatched"] >= page["numberReturned"] > 0


def test_pages_follow_one_another_by_get(site: Site) -> None:
    """The hrefs of `next` links lead through all Items once, keeping the search."""
    seen: list[str] = []
    link: str | None = "/search?limit=2&filter=datetime > TIMESTAMP('2000-01-01T00:00:00Z')"
    while link:
        page = site.get(link).json()
        seen += [feature["id"] for feature in page["features"]]
        link = next((each["href"] for each in page["links"] if each["rel"] == "next"), None)
    assert len(seen) == len(set(seen)) == 6


def test_self_link_keeps_its_query(site: Site) -> None:
    """The self link of a page is the search that was asked."""
    for path in ("/search?limit=2&ids=CLEAR", "/collections/pleiades/items?limit=1"):
        links = site.get(path).json()["links"]
        assert [link["href"] for link in links if link["rel"] == "self"] == [site.url + path]


def test_a_page_has_a_hundred_items_unless_asked(site: Site, module_database: Database) -> None:
    """Clients that never ask for a limit get a hundred Items, by GET, by POST and in one collection."""
    load(module_database, [], [an_item(f"MANY-{number:03}", "other-00") for number in range(101)])
    pages = [
        site.get("/search?collections=other-00"),
        site.get("/collections/other-00/items"),
        site.post("/search", {"collections": ["other-00"]}),
        site.post("/search", {"collections": ["other-00"], "limit": None}),
    ]
    assert [page.json()["numberReturned"] for page in pages] == [100, 100, 100, 100]
    assert site.get("/search?collections=other-00&limit=10").json()["numberReturned"] == 10
    with module_database.connect("harvest", autocommit=True) as connection:
        connection.execute("DELETE FROM pgstac.items WHERE collection = 'other-00'")


def test_pystac_client_searches_without_a_warning(site: Site) -> None:
    """pystac-client opens the catalogue, sorts, filters and pages, and finds nothing missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client = Client.open(site.url)
        search = client.search(
            collections=["pleiades", "spot-6-7"], sortby="-properties.datetime", limit=2, filter="title IS NOT NULL"
        )
        found = [item.id for item in search.items()]
    assert found == ["CLEAR", "CLOUDY", "AFRICA", "FIJI-EAST", "FIJI-WEST"]
    assert search.matched() == 5
    assert len(list(client.get_collections())) == 15


def test_counts_are_right_after_a_harvest(database: Database, archive: Any) -> None:
    """A count that was cached before a harvest is right after it, once the harvester has reset the cache."""
    fill(database, archive)
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as site:
        assert site.get("/search?collections=pleiades").json()["numberMatched"] == 2
        load(database, [], [an_item("LATER", "pleiades")])
        with database.connect("harvest", autocommit=True) as connection:
            connection.execute("UPDATE pgstac.search_wheres SET statslastupdated = NULL, total_count = NULL")
        assert site.get("/search?collections=pleiades").json()["numberMatched"] == 3


def test_token_of_a_withdrawn_item_is_refused(database: Database, archive: Any) -> None:
    """A page link that names an Item deleted since is the client's to start again, not a failure of the server."""
    fill(database, archive)
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as site:
        page = site.get("/search?limit=1").json()
        following = next(link["href"] for link in page["links"] if link["rel"] == "next")
        with database.connect("harvest", autocommit=True) as connection:
            connection.execute("DELETE FROM pgstac.items WHERE id = %s", (page["features"][0]["id"],))
        problem = problem_of(site.get(following))
    assert problem["status"] == 400
    assert problem["detail"].endswith("Begin the search again.")


def test_server_cannot_write_items(module_database: Database, site: Site) -> None:
    """The role that the server connects with has no way to change the catalogue."""
    with (
        module_database.connect("api") as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DELETE FROM pgstac.items")


def test_queryables_are_typed(site: Site) -> None:
    """Each declared property is published with its type, over all collections and in one."""
    for path in ("/queryables", "/collections/pleiades/queryables"):
        schema = site.get(path).json()
        assert schema["additionalProperties"] is False
        assert schema["$id"] == site.url + path
        assert {name: schema["properties"][name] for name in QUERYABLES} == QUERYABLES


@pytest.mark.parametrize("path", ["/queryables", "/collections/pleiades/queryables"])
def test_queryables_are_in_the_readers_language(site: Site, path: str) -> None:
    """Forms of searches have the language of the collections; what is not translated keeps its words."""
    french: Any = QUERYABLES["eo:cloud_cover"]
    for language, words in (("fr", french), ("en-GB", french | ENGLISH_QUERYABLES["eo:cloud_cover"]), ("de", french)):
        answer = site.get(path, headers={"Accept-Language": language})
        assert answer.headers["Content-Type"] == "application/schema+json"
        assert {name: answer.json()["properties"][name] for name in QUERYABLES} == QUERYABLES | {
            "eo:cloud_cover": words
        }
        assert "Accept-Language" in answer.headers["Vary"]
        assert answer.headers["Content-Language"] == ("en" if words != french else "fr")


def test_landing_page_links_the_queryables(site: Site) -> None:
    """Clients find the properties to search by from the landing page."""
    links = {link["rel"]: link["href"] for link in site.get("/").json()["links"]}
    assert links["http://www.opengis.net/def/rel/ogc/1.0/queryables"] == f"{site.url}/queryables"


def test_queryables_of_an_unknown_collection_are_not_found(site: Site) -> None:
    """An unknown collection has no queryables."""
    assert problem_of(site.get("/collections/nowhere/queryables"))["status"] == 404
