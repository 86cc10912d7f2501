"""Bad input is refused with a problem document that says what is wrong, never with a 500."""

from __future__ import annotations

import json
import logging
import re
import time
from typing import Any
from urllib.parse import quote

import pytest
from asyncpg.exceptions import InternalClientError

from database import Database
from stac_api import ApiSettings, create_app
from stac_api.body_limit import LARGEST_BODY_BYTES
from tests.emulators.serving import free_port
from tests.stac_api.invented_catalogue import Site, problem_of, serving

DEEP = "[" * 5000 + "]" * 5000
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "query",
    [
        "token=garbage",
        "token=next:zz:zz",
        "token=next:706c:ff",
        "token=next:706c656961646573:4e4f5448494e47",
        "filter=unheard_of(title) = 1",
        "filter=title = ",
        "filter=title",
        "filter=casei(eo:cloud_cover) = 'x'",
        "filter=eo:cloud_cover = 'many'",
        "filter=S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))",
        "filter={&filter-lang=cql2-json",
        "filter=id = 'x'&filter-lang=klingon",
        "query={",
        "query=[1]",
        'query={"title":{"resembles":"x"}}',
        'query={"eo:cloud_cover":{"lt":"many"}}',
        "bbox=1,2,3",
        "bbox=a,b,c,d",
        "bbox=nan,0,1,1",
        "bbox=0,-inf,1,inf",
        "bbox=0,10,1,-10",
        "bbox=0,0,1,100",
        "bbox=0,0,1,1&intersects={}",
        "intersects=x",
        'intersects={"type":"Polygon","coordinates":[[[0,0]]]}',
        'intersects={"type":"Feature"}',
        "intersects=3",
        "limit=0",
        "limit=-5",
        "limit=many",
        "limit=1e9",
        "sortby=%2B",
        "sortby=properties",
        "ids=%00",
        "collections=%00",
        "datetime=%00",
    ],
)
def test_bad_query_strings_are_refused(site: Site, query: str) -> None:
    """A search by GET that cannot be answered gets 400 and says so."""
    answer = site.get(f"/search?{quote(query, safe='=&%,:-+')}")
    assert answer.status_code == 400, answer.text
    problem_of(answer)


@pytest.mark.parametrize("path", ["/search", "/collections", "/collections/pleiades/items", "/stereo/search"])
def test_nothing_is_passed_over(site: Site, path: str) -> None:
    """A parameter given twice, of which one would be lost, and coordinates in metres are refused on every route."""
    twice = site.get(path, params={"filter": ["id = 'CLEAR'", "id = 'CLOUDY'"]})
    assert problem_of(twice)["detail"] == "Give filter once, with commas between several values."
    in_metres = {"filter": "S_INTERSECTS(geometry, POINT(700000 6600000))", "filter-crs": "EPSG:2154"}
    assert "filter-crs" in problem_of(site.get(path, params=in_metres))["detail"]
    if "search" in path:
        assert "filter-crs" in problem_of(site.post(path, in_metres))["detail"]


@pytest.mark.parametrize(
    ("path", "misspelt", "known"),
    [
        ("/search", "collection", "collections, ids, bbox"),
        ("/collections", "sort", "sortby"),
        ("/collections/pleiades/items", "eo:cloud_cover", "filter"),
        ("/collections/pleiades/changes", "from", "since, limit"),
        ("/collections/pleiades/access", "date", "there are at."),
        ("/stereo/search", "b_to_h", "base_to_height"),
    ],
)
def test_unknown_parameter_is_refused(site: Site, path: str, misspelt: str, known: str) -> None:
    """Who misspells one does not get everything instead, but 400 and the parameters that there are."""
    detail = problem_of(site.get(path, params={misspelt: "1"}))["detail"]
    assert detail.startswith(f"There is no parameter {misspelt} here; there are ")
    assert known in detail


@pytest.mark.parametrize("path", ["/", "/healthz", "/collections/pleiades", "/collections/pleiades/items/CLEAR"])
def test_what_takes_no_parameters_takes_any(site: Site, path: str) -> None:
    """A probe or a cache that adds one to an address without parameters gets the same answer."""
    assert site.get(path, params={"t": "1"}).status_code == 200


@pytest.mark.parametrize(
    ("parameter", "value", "advice"),
    [
        ("bbox", [5, 43, 6], "bbox: give 4 or 6 numbers"),
        ("bbox", "5,43,6,44", "bbox: give 4 or 6 numbers"),
        ("intersects", {"type": "Point", "coordinates": [5]}, "intersects: give a whole GeoJSON geometry"),
        ("intersects", "POINT(5 43)", "intersects: give a whole GeoJSON geometry"),
        ("datetime", "2023-01-01T00:00:00Z/2022-01-01T00:00:00Z", "the earlier one first"),
        ("datetime", "yesterday", "a time with its zone"),
    ],
)
def test_parameter_of_another_form_is_refused_in_a_sentence(
    site: Site, parameter: str, value: Any, advice: str
) -> None:
    """What would be right is said, in the words of the API and not in those of its libraries."""
    detail = problem_of(site.post("/search", {parameter: value}))["detail"]
    assert advice in detail
    assert len(detail) < 150


@pytest.mark.parametrize("path", ["/search?fields=id,", "/search?fields=,", "/collections?fields=,id"])
def test_a_comma_too_many_is_no_field(site: Site, path: str) -> None:
    """What is written between two commas, or behind the last one, may be nothing."""
    assert site.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/search", "/collections/pleiades/items", "/collections"])
@pytest.mark.parametrize(
    "asked",
    [{"filter": '{"op": "in", "args": [{"property": "title"}, []]}'}, {"query": '{"title": {"in": []}}'}],
    ids=["filter", "query"],
)
def test_empty_list_of_in_is_named(site: Site, path: str, asked: dict[str, str]) -> None:
    """A program that looks for none of no values is told what is wrong with its filter, not with our SQL."""
    answer = site.get(path, params=asked)
    assert answer.status_code == 400
    assert problem_of(answer)["detail"].endswith("The list of `in` is empty: give it at least one value.")


def test_a_huge_limit_is_cropped(site: Site) -> None:
    """As the STAC API has it, a limit beyond the largest page means the largest page."""
    assert site.get("/search?limit=99999999999999999999").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"filter": {"op": "unheard_of", "args": [{"property": "title"}]}},
        {"filter": {"op": "=", "args": "x"}},
        {"filter": {"op": "=", "args": [{"property": "title"}]}},
        {"filter": {"op": 3, "args": [{"property": "title"}, 1]}},
        {"filter": {"property": "title"}},
        {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"type": "Nonsense", "coordinates": []}]}},
        {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": [0, 0, "x", 1]}]}},
        {"filter": {"op": "s_intersects", "args": [{"property": "geometry"}, {"bbox": 3}]}},
        {"filter": {"op": "t_after", "args": [{"property": "datetime"}, {"timestamp": "soon"}]}},
        {"filter": {"op": "=", "args": [{"property": "title"}, "\x00"]}},
        {"filter": "title = "},
        {"filter": "title", "filter-lang": "cql2-text"},
        {"filter": "hidden_price > 1", "filter-lang": "cql2-text"},
        {"filter": {"op": "isNull", "args": [{"property": "title"}]}, "filter-lang": "klingon"},
        {"query": {"title": {"resembles": "x"}}},
        {"query": {"title": "x"}},
        {"bbox": [0, 0]},
        {"bbox": "0,0,1,1"},
        {"bbox": [0, 0, 1, 1], "intersects": {"type": "Point", "coordinates": [0, 0]}},
        {"intersects": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}},
        {"limit": 0},
        {"limit": -1},
        {"limit": "many"},
        {"sortby": [{"field": "title", "direction": "sideways"}]},
        {"sortby": "title"},
        {"ids": ["\x00"]},
        {"ids": ["\ud800"]},
        {"token": "garbage"},
        {"datetime": 3},
        {"fields": 3},
        {"fields": None},
        [],
        3,
        None,
    ],
    ids=lambda body: json.dumps(body)[:60],
)
def test_bad_bodies_are_refused(site: Site, body: Any) -> None:
    """A search by POST that cannot be answered gets 400 and says so."""
    answer = site.request("POST", "/search", data=json.dumps(body), headers=JSON)
    assert answer.status_code == 400, answer.text
    problem_of(answer)


@pytest.mark.parametrize("path", ["/search", "/stereo/search"])
@pytest.mark.parametrize(
    "text",
    [
        "{",
        "",
        DEEP,
        '{"bbox": [NaN, 0, 1, 1]}',
        '{"bbox": [0, 0, Infinity, 1]}',
        '{"filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, NaN]}}',
        '{"filter": {"op": "<", "args": [{"property": "eo:cloud_cover"}, 1e999]}}',
        '{"intersects": {"type": "Point", "coordinates": [NaN, 43.5]}}',
        "\xff",
    ],
)
def test_unreadable_bodies_are_refused(site: Site, text: str, path: str) -> None:
    """A body that is not JSON, or not finite, is refused."""
    answer = site.request("POST", path, data=text.encode("latin-1"), headers=JSON)
    assert answer.status_code == 400, answer.text
    problem_of(answer)


@pytest.mark.parametrize("path", ["/search", "/stereo/search"])
@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", ""])
def test_bodies_of_other_types_are_refused(site: Site, media_type: str, path: str) -> None:
    """Only JSON is a search, whatever the body looks like."""
    answer = site.request("POST", path, data=b'{"limit": 1}', headers={"Content-Type": media_type})
    assert problem_of(answer)["status"] == 415


def test_large_bodies_are_not_read(site: Site) -> None:
    """A body that no request needs is refused with 413 on every route, whether its length is announced or not."""
    paths = site.get("/api").json()["paths"]
    with_body = [path for path in paths if "requestBody" in paths[path].get("post", {})]
    assert {"/search", "/stereo/search", "/sign_urls", "/open-data/declarations"} <= {*with_body}
    flood = b'{"ids": "' + b"x" * LARGEST_BODY_BYTES
    for path in with_body:
        for body in (flood, iter([flood])):
            answer = site.request("POST", re.sub(r"{\w+}", "1", path), data=body, headers=JSON)
            assert problem_of(answer)["status"] == 413, path
    widest = b"{}".ljust(LARGEST_BODY_BYTES)
    assert site.request("POST", "/search", data=widest, headers=JSON).status_code == 200


@pytest.mark.parametrize("parameters", ["offset=-1", "offset=99999999999999999999", "limit=0", "q=%00", "filter=foo"])
def test_bad_searches_of_collections_are_refused(site: Site, parameters: str) -> None:
    """A search of collections that cannot be answered gets 400 and says so."""
    problem = problem_of(site.get(f"/collections?{parameters}"))
    assert problem["status"] == 400


@pytest.mark.parametrize(
    "identifier",
    ["nothing", "a%20b", "a%3Ab", "%00", "%2e%2e", "%ff", "'", "%F0%9F%9B%B0", "a;b", "x" * 3000, "{}", "%5C"],
)
def test_odd_ids_are_not_found(site: Site, identifier: str) -> None:
    """Ids that nothing has are not found, whatever characters they are made of."""
    for path in (
        f"/collections/{identifier}",
        f"/collections/{identifier}/items",
        f"/collections/{identifier}/items/CLEAR",
        f"/collections/{identifier}/queryables",
        f"/collections/{identifier}/changes",
        f"/collections/pleiades/items/{identifier}",
    ):
        answer = site.get(path)
        assert problem_of(answer)["status"] == 404, path


def test_methods_that_are_not_there_are_refused(site: Site) -> None:
    """The catalogue is not written through the API."""
    assert problem_of(site.request("DELETE", "/collections/pleiades"))["status"] == 405


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/api", "GET, HEAD"),
        ("/collections", "GET, HEAD"),
        ("/search", "GET, HEAD, POST"),
        ("/me/api-keys", "GET, HEAD, POST"),
        ("/sign", "POST"),
        ("/entities/applications", "GET, HEAD, POST"),
        ("/assets/pleiades/nothing/nothing", "GET, HEAD"),
    ],
)
def test_methods_that_are_there_are_told(site: Site, path: str, methods: str) -> None:
    """Whoever uses another method learns all that the address knows, whichever routes they belong to."""
    answer = site.request("PATCH", path)
    assert answer.headers["Allow"] == methods
    assert problem_of(answer)["status"] == 405


def test_refusals_do_not_repeat_what_was_sent(site: Site) -> None:
    """A refusal names the field, never the value: it may be a secret in the wrong place."""
    answer = site.post("/search", {"limit": "s3cret-key"})
    assert "limit" in problem_of(answer)["detail"]
    assert "s3cret" not in answer.text


def test_outage_is_logged_in_a_line(caplog: pytest.LogCaptureFixture) -> None:
    """While the database is away each request leaves its reason in the log, and no traceback."""
    port = free_port()
    with (
        serving(create_app(ApiSettings(), f"host=127.0.0.1 port={port} user=nobody dbname=none")) as site,
        caplog.at_level(logging.ERROR, "stac_api.problems"),
    ):
        assert problem_of(site.get("/search"))["status"] == 503
    (record,) = [record for record in caplog.records if record.name == "stac_api.problems"]
    assert record.exc_info is None
    assert "Connection refused" in record.getMessage()
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize("accepted", [None, "text/html", "image/png, image/jpeg"])
def test_who_does_not_ask_for_json_is_told_in_words(site: Site, accepted: str | None) -> None:
    """QGIS, which sends no Accept, shows its user an answer that is plain text and nothing else."""
    answer = site.get("/collections/nothing", headers={"Accept": accepted})
    assert answer.headers["content-type"].startswith("text/plain")
    assert (answer.status_code, answer.text) == (404, "Collection nothing does not exist.")
    login = site.get("/me", headers={"Accept": accepted})
    assert login.status_code == 401
    assert "Basic" in login.headers["www-authenticate"]
    assert re.search(r"send a bearer token.*\n.*: GET http://\S+/me$", login.text)


@pytest.mark.parametrize("accepted", ["*/*", "application/json", "application/*", "text/html, */*;q=0.8"])
def test_who_takes_json_gets_a_problem(site: Site, accepted: str) -> None:
    """Programs and browsers say so, GDAL and curl by taking anything."""
    assert problem_of(site.get("/collections/nothing", headers={"Accept": accepted}))["status"] == 404


def test_who_posts_gets_a_problem(site: Site) -> None:
    """Only programs do, and some of them say nothing of what they take."""
    answer = site.post("/search", {"limit": -1}, headers={"Accept": None})
    assert problem_of(answer)["status"] == 400


@pytest.mark.parametrize(
    "text",
    [
        "id=id=id=id=id=id=id=id=id=id=id=id",
        "NOT " * 300 + "id = 'x'",
        "casei(" * 300 + "id" + ")" * 300 + " = 'x'",
        "gsd = " + "+".join("1" * 300),
        "(" * 4000 + "id = 'x'" + ")" * 4000,
        "NOT (" * 4000 + "id = 'x'" + ")" * 4000,
        "gsd = " + "-" * 20000 + "1",
        "gsd = " + "^".join("1" * 20000),
        " OR ".join(["public"] * 100000),
        "id = '" + "'' OR id = '" * 2000 + "(" * 4000,
    ],
    ids=lambda text: text[:20],
)
def test_filters_that_go_deep_hold_nobody_up(site: Site, text: str) -> None:
    """A filter that nests is answered or refused at once, whoever reads it, and takes no server with it."""
    began = time.monotonic()
    answers = [site.post(path, {"filter": text, "ids": ["none"]}) for path in ("/search", "/stereo/search")]
    if len(text) < 60_000:
        answers += [
            site.get(path, params={"filter": text})
            for path in ("/search", "/stereo/search", "/collections", "/collections/pleiades/items")
        ]
    assert {answer.status_code for answer in answers} <= {200, 400}
    assert time.monotonic() - began < 5
    assert site.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "text",
    [
        "title",
        "1",
        "gsd + 1",
        "casei(title)",
        "title = 'x' AND title",
        "NOT title",
        "collection = 'x' OR 1",
        '{"op": "and", "args": []}',
        '{"op": "NOT", "args": ["title"]}',
    ],
)
def test_filters_that_are_no_condition_are_refused(site: Site, text: str) -> None:
    """What is neither true nor false of an Item finds nothing and everything: it is refused on every route."""
    for path in ("/search", "/collections", "/collections/pleiades/items", "/stereo/search"):
        assert "true or false" in problem_of(site.get(path, params={"filter": text}))["detail"]
    for path in ("/search", "/stereo/search"):
        assert "true or false" in problem_of(site.post(path, {"filter": text}))["detail"]


def test_collections_of_collections_hold_nobody_up(site: Site) -> None:
    """A geometry of collections inside each other is refused at once, however deep it goes."""
    began = time.monotonic()
    for depth in (10, 150, 250, 2000):
        geometry = '{"type":"GeometryCollection","geometries":[' * depth
        body = f'{{"intersects": {geometry}{{"type":"Point","coordinates":[3.5,43.5]}}{"]}" * depth}}}'
        for path in ("/search", "/stereo/search"):
            answer = site.request("POST", path, data=body, headers=JSON)
            assert problem_of(answer)["status"] == 400
    assert time.monotonic() - began < 5
    point = {"type": "Point", "coordinates": [3.5, 43.5]}
    square = {"type": "Polygon", "coordinates": [[[2, 42], [5, 42], [5, 45], [2, 45], [2, 42]]]}
    mixed = {"type": "GeometryCollection", "geometries": [point, square]}
    assert site.posted_ids(intersects=mixed) == ["CLEAR", "CLOUDY"]


def test_connection_that_breaks_is_an_outage(database: Database) -> None:
    """Whoever is answered while the database restarts is told to try again, whatever its driver says of it."""
    app = create_app(ApiSettings(), database.conninfo("api"))

    async def broken() -> None:
        raise InternalClientError("cannot switch to state 12; another operation (2) is in progress")

    app.add_api_route("/broken", broken)
    with serving(app) as site:
        answer = site.get("/broken")
    assert problem_of(answer)["status"] == 503
    assert answer.headers["Retry-After"] == "5"


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded"])
def test_headers_of_other_characters_are_refused(site: Site, header: str) -> None:
    """A header that is no UTF-8 is the client's mistake, also where it is read before all else."""
    assert problem_of(site.get("/", headers={header: b"host=\xff\xfe"}))["status"] == 400


def test_search_that_takes_too_long_is_told_so(database: Database) -> None:
    """Whoever asks too much learns it, instead of that the database is away and he should ask the same again."""
    with (
        serving(create_app(ApiSettings(statement_timeout_s=0.5), database.conninfo("api"))) as site,
        database.connect("owner") as blocking,
    ):
        blocking.execute("LOCK TABLE pgstac.items IN ACCESS EXCLUSIVE MODE")
        answer = site.get("/search")
    assert problem_of(answer)["code"] == "TookTooLong"
    assert "narrow" in answer.json()["detail"]
    assert "Retry-After" not in answer.headers
