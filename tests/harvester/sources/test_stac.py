"""The source `stac` over real HTTP: APIs good and bad, static catalogues and bulk files."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pystac
import pytest
from psycopg.types.json import Jsonb
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

from database import Database
from harvester.credentials import Credentials
from harvester.errors import CursorLost, SourceUnavailable, UnreadableAnswer, UnreadableScene
from harvester.record import Page, RawRecord
from harvester.sensors import load_sensors
from harvester.sources.source import Progress, Selection
from harvester.sources.stac import source as stac
from stac_api import ApiSettings, create_app
from tests.conftest import PROJECT
from tests.emulators import stac as emulator
from tests.emulators.quirks import Plan, Quirks, html_page, redirects, truncated
from tests.emulators.serving import serving
from tests.emulators.stac import StacQuirks, synthetic_item, synthetic_items
from tests.stac_api.invented_catalogue import a_collection, loader

SENSORS = load_sensors(PROJECT / "collections" / "sensors")

Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that serves an application until the end of the test and gives its address."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))


def catalogue(count: int = 25, **fields: Any) -> dict[str, Any]:
    """Synthetic Items by id."""
    return {item["id"]: item for item in synthetic_items(count, **fields)}


def pages_of(url: str, selection: Selection | None = None, cursor: str | None = None, **options: Any) -> Iterator[Page]:
    """The pages of a source at full speed."""
    asked = stac.Options(url=url, rate=1000.0, **options)
    return stac.read_pages(asked, selection or Selection(), cursor, Progress(), lambda _: {})


def ids_of(pages: Iterator[Page] | list[Page]) -> list[str]:
    """The ids of the Items, in the order in which they were read."""
    return [record.id.rpartition("/")[2] for page in pages for record in page.records]


def resumed(url: str, **options: Any) -> None:
    """Assert that from the cursor of every page on, another process reads exactly the rest."""
    pages = list(pages_of(url, **options))
    assert len(pages) > 2
    assert [page.next_cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    for number, page in enumerate(pages[:-1], start=1):
        rest = list(pages_of(url, cursor=page.next_cursor, **options))
        assert [list(page.records) for page in rest] == [list(page.records) for page in pages[number:]]


@pytest.mark.parametrize("is_get_only", [False, True])
def test_every_item_is_read_once(serve: Serve, is_get_only: bool) -> None:
    """All Items of an API are read once each, by GET and by POST."""
    records = catalogue()
    url = serve(emulator.app(records, StacQuirks(is_get_only=is_get_only)))
    assert sorted(ids_of(pages_of(url, page_size=10))) == sorted(records)


@pytest.mark.parametrize("is_get_only", [False, True])
def test_search_goes_on_from_every_page(serve: Serve, is_get_only: bool) -> None:
    """The persisted next link of any page gives exactly the pages after it."""
    resumed(serve(emulator.app(catalogue(), StacQuirks(is_get_only=is_get_only))), page_size=7)


@pytest.mark.parametrize(
    "quirks",
    [StacQuirks(), StacQuirks(filters="query"), StacQuirks(is_get_only=True), StacQuirks(is_sortable=False)],
    ids=["filter", "query", "get", "unsorted"],
)
def test_only_what_has_changed_is_asked_for(serve: Serve, quirks: StacQuirks) -> None:
    """`since` is inclusive and `until` exclusive, by whichever extension the API has."""
    url = serve(emulator.app(catalogue(), quirks))
    since, until = datetime(2024, 1, 1, 0, 0, 20, tzinfo=UTC), datetime(2024, 1, 1, 0, 0, 23, tzinfo=UTC)
    changed = ids_of(pages_of(url, Selection(since=since, until=until)))
    assert changed == [synthetic_item(number)["id"] for number in (20, 21, 22)]
    assert len(ids_of(pages_of(url, Selection(since=until)))) == 2


@pytest.mark.parametrize("is_resumed", [False, True])
@pytest.mark.parametrize("quirks", [StacQuirks(), StacQuirks(filters="query", is_get_only=True)], ids=["filter", "get"])
def test_an_item_that_changes_meanwhile_hides_no_other(serve: Serve, quirks: StacQuirks, is_resumed: bool) -> None:
    """What is sorted by change moves to the end when it changes: where pages are counted, all is then read again."""
    quirks.is_counting = True
    records = catalogue()
    url = serve(emulator.app(records, quirks))
    since = Selection(since=datetime(2024, 1, 1, tzinfo=UTC))
    pages = pages_of(url, since, page_size=10)
    first = next(pages)
    changed = records[ids_of([first])[3]]
    changed["properties"]["updated"] = datetime.now(UTC).isoformat()
    rest = list(pages_of(url, since, first.next_cursor, page_size=10) if is_resumed else pages)
    assert set(ids_of([first, *rest])) == set(records)


def test_items_that_change_again_and_again_end_the_reading(serve: Serve) -> None:
    """It is not begun anew for ever."""
    records = catalogue()
    url = serve(emulator.app(records, StacQuirks(is_counting=True)))
    pages = pages_of(url, Selection(since=datetime(2024, 1, 1, tzinfo=UTC)), page_size=4)
    given = list[Page]()
    for page, name in zip(pages, [*records] * 9, strict=False):
        given.append(page)
        records[name]["properties"]["updated"] = datetime.now(UTC).isoformat()
    assert given[-1].next_cursor is None


@pytest.mark.parametrize("quirks", [StacQuirks(is_updated_queryable=False), StacQuirks(filters=None)])
def test_everything_is_read_where_changes_cannot_be_asked_for(
    serve: Serve, quirks: StacQuirks, caplog: pytest.LogCaptureFixture
) -> None:
    """An API that refuses `updated`, or cannot filter at all, gives everything, with a warning in the log."""
    url = serve(emulator.app(catalogue(), quirks))
    since = datetime(2024, 1, 1, 0, 0, 20, tzinfo=UTC)
    assert len(ids_of(pages_of(url, Selection(since=since), page_size=10))) == 25
    assert caplog.records


@pytest.mark.parametrize("is_get_only", [False, True])
def test_collections_and_box_narrow_the_search(serve: Serve, is_get_only: bool) -> None:
    """Only the named collections are read, and only inside the box."""
    records = catalogue() | catalogue(5, seed=1, collection="other", start=100)
    url = serve(emulator.app(records, StacQuirks(is_get_only=is_get_only)))
    assert len(ids_of(pages_of(url, collections=("other",), page_size=2))) == 5
    boxed = ids_of(pages_of(url, Selection(bbox=(0.0, 44.0, 2.0, 46.0))))
    assert 0 < len(boxed) < 30
    assert all(records[identifier]["bbox"][0] <= 2.0 for identifier in boxed)


@pytest.mark.parametrize("fault", ["circle", "repeating"])
def test_pages_that_come_again_stop_the_run(serve: Serve, fault: Any) -> None:
    """Next links that lead back, or to the same page under new names, are an error and no endless run."""
    url = serve(emulator.app(catalogue(), StacQuirks(next_link=fault)))
    with pytest.raises(UnreadableAnswer, match=r"circle|gave before"):
        list(pages_of(url, page_size=7))


@pytest.mark.parametrize("fault", ["circle", "foreign"])
def test_a_run_that_a_wrong_next_link_stopped_goes_on_once_it_is_mended(serve: Serve, fault: Any) -> None:
    """The page with the wrong link is taken in, and asked for once more, for its link alone."""
    quirks = StacQuirks(next_link=fault)
    url = serve(emulator.app(catalogue(), quirks))
    read: list[Page] = []
    with pytest.raises(SourceUnavailable):
        read.extend(pages_of(url, page_size=7))
    quirks.next_link = "good"
    ids = ids_of([*read, *pages_of(url, cursor=read[-1].next_cursor, page_size=7)])
    assert sorted(ids) == sorted(catalogue())


def test_a_repeated_page_is_seen_by_another_process_too(serve: Serve) -> None:
    """The cursor remembers the page before it, so that a service that repeats it is noticed after a restart."""
    url = serve(emulator.app(catalogue(), StacQuirks(next_link="repeating")))
    pages = pages_of(url, page_size=7)
    cursor = [next(pages).next_cursor, next(pages).next_cursor][1]
    with pytest.raises(UnreadableAnswer, match="gave before"):
        list(pages_of(url, cursor=cursor, page_size=7))


def test_empty_pages_without_end_stop_the_run(serve: Serve) -> None:
    """A service that always has a next link is left after a number of empty pages."""
    url = serve(emulator.app(catalogue(), StacQuirks(next_link="endless")))
    with pytest.raises(UnreadableAnswer, match=r"empty pages|circle"):
        list(pages_of(url))


def test_an_empty_last_page_is_no_fault(serve: Serve) -> None:
    """A next link that leads to one empty page ends the run like none."""
    url = serve(emulator.app(catalogue(), StacQuirks(next_link="trailing")))
    pages = list(pages_of(url, page_size=10))
    assert [len(page.records) for page in pages] == [10, 10, 5, 0]
    assert pages[-1].next_cursor is None


def test_a_next_link_to_another_host_is_not_followed(serve: Serve) -> None:
    """A service cannot send us to hosts that the operator has not allowed; what was read before is kept."""
    url = serve(emulator.app(catalogue(), StacQuirks(next_link="foreign")))
    pages = pages_of(url, page_size=7)
    assert len([next(pages), next(pages)]) == 2
    with pytest.raises(SourceUnavailable, match=r"metadata\.example\.net"):
        next(pages)


@pytest.mark.parametrize(
    "quirks",
    [StacQuirks(is_get_only=True), StacQuirks(), StacQuirks(is_merging=True)],
    ids=["get", "post", "merge"],
)
def test_next_links_that_page_by_headers_are_followed(serve: Serve, quirks: StacQuirks) -> None:
    """Headers of a next link are sent with it, and kept in the cursor from which another process goes on."""
    records = catalogue()
    quirks.next_link = "headers"
    url = serve(emulator.app(records, quirks))
    assert sorted(ids_of(pages_of(url, page_size=7))) == sorted(records)
    resumed(url, page_size=7)


def test_headers_of_a_next_link_never_stand_in_place_of_ours(serve: Serve) -> None:
    """Who asks, which host, and what lets us in is not for a service to tell; none of it is in the cursor."""
    evil = {"Authorization": "Bearer 3vil", "COOKIE": "s=3vil", "Host": "3vil", "User-Agent": "3vil", "X-Page": 2}
    plan = Plan(paths=("/search",))
    url = serve(Quirks(emulator.app(catalogue(), StacQuirks(next_link="headers", headers=evil)), plan))
    pages = list(pages_of(url, page_size=7, credentials=Credentials(token=SecretStr("t0ken"))))
    assert len(ids_of(pages)) == 25
    followed = [headers for method, path, headers in plan.requests if "search-after" in headers]
    assert [headers["x-page"] for headers in followed] == ["2"] * 3
    assert {headers["authorization"] for headers in followed} == {"Bearer t0ken"}
    assert not any("3vil" in str(headers) for headers in followed)
    assert not any("3vil" in str(page.next_cursor) or "t0ken" in str(page.next_cursor) for page in pages)


def test_headers_that_may_let_somebody_in_are_not_kept(serve: Serve) -> None:
    """What is called like a secret is sent and not written down: a run that was killed says that it begins anew."""
    quirks = StacQuirks(next_link="headers", headers={"X-Session-Token": "s3cret"})
    plan = Plan(paths=("/search",))
    url = serve(Quirks(emulator.app(catalogue(), quirks), plan))
    pages = list(pages_of(url, page_size=7))
    assert len(ids_of(pages)) == 25
    assert plan.requests[-1][2]["x-session-token"] == "s3cret"
    assert not any("s3cret" in str(page.next_cursor) for page in pages)
    with pytest.raises(CursorLost, match="x-session-token"):
        next(pages_of(url, cursor=pages[0].next_cursor))


@pytest.mark.parametrize("is_redirected", [False, True])
def test_headers_of_a_next_link_are_not_sent_to_another_host(serve: Serve, is_redirected: bool) -> None:
    """Neither where the link leads there nor where it is redirected, though the host may be asked."""
    there = Plan()
    items = list(catalogue(3).values())
    elsewhere = serve(Quirks(listing({"/search": {"features": items[1:]}}), there))
    link = {"rel": "next", "href": f"{'' if is_redirected else elsewhere}/search", "headers": {"X-Page": "2"}}
    here = Plan(paths=("/search",), always=redirects(f"{elsewhere}/search") if is_redirected else None)
    first = {"type": "FeatureCollection", "features": items[:1], "links": [link]}
    url = serve(Quirks(listing({"/": first}), here))
    pages = list(pages_of(f"{url}/", allowed_hosts=(elsewhere.removeprefix("http://"),)))
    assert len(ids_of(pages)) == 3
    assert [headers["x-page"] for _, path, headers in here.requests if path == "/search"] == ["2"] * is_redirected
    assert [headers.get("x-page") for _, _, headers in there.requests] == [None]


@pytest.mark.parametrize(
    "part",
    [
        {"headers": ["a"]},
        {"headers": {"a b": "1"}},
        {"headers": {"a": "1\r\nb: 2"}},
        {"headers": {"a": "é"}},
        {"headers": {"a": ["1"]}},
        {"method": "POST", "body": [1]},
        {"method": "DELETE"},
    ],
)
def test_a_next_link_that_cannot_be_asked_stops_the_run(serve: Serve, part: dict[str, Any]) -> None:
    """Headers and bodies that are none are an error of the source."""
    first = {"type": "FeatureCollection", "features": [], "links": [{"rel": "next", "href": "/next", **part}]}
    with pytest.raises(UnreadableAnswer, match=r"its (next )?link"):
        list(pages_of(f"{serve(listing({'/': first}))}/"))


def listing(documents: dict[str, Any]) -> Starlette:
    """A service that gives these JSON documents."""
    return Starlette(routes=[Route(path, lambda _, said=said: JSONResponse(said)) for path, said in documents.items()])


def test_a_page_without_features_is_not_an_empty_page(serve: Serve) -> None:
    """An answer of another shape stops the run: it must not look like a catalogue without Items."""
    with pytest.raises(UnreadableAnswer, match="no list of features"):
        list(pages_of(serve(emulator.app(catalogue(), StacQuirks(has_features=False)))))


@pytest.mark.parametrize("quirk", [truncated(), html_page()], ids=["truncated", "html"])
def test_an_answer_that_is_no_json_stops_the_run(serve: Serve, quirk: Any) -> None:
    """Half an answer, or a page of HTML, is never read as the end of the catalogue."""
    plan = Plan(always=quirk, paths=("/search",))
    url = serve(Quirks(emulator.app(catalogue()), plan))
    with pytest.raises(SourceUnavailable):
        list(pages_of(url))


def test_one_bad_item_refuses_only_itself(serve: Serve) -> None:
    """A page with an Item without an id, one without a footprint and one that is none gives all of them as records."""
    records = catalogue(5)
    first, second, third, *_ = records.values()
    records["nameless"] = {name: value for name, value in first.items() if name != "id"}
    second["geometry"] = None
    third["properties"] = []
    records["null"] = None
    url = serve(emulator.app(records, StacQuirks(is_sortable=False)))
    read = [record for page in pages_of(url) for record in page.records]
    assert len(read) == 7
    assert sorted(filter(None, map(reason_of, read))) == [
        "geometry is missing",
        "id is missing",
        "it is not a STAC Item: its type is not Feature",
        "properties is not an object but []",
    ]


def reason_of(raw: RawRecord) -> str | None:
    """Why a record is refused; None if it is not."""
    try:
        stac.scene_from_record(raw, SENSORS)
    except UnreadableScene as error:
        return str(error)
    return None


def test_signatures_are_never_kept(serve: Serve) -> None:
    """Signed addresses are kept without their signature, so a record is the same in each answer."""
    url = serve(emulator.app(catalogue(3), StacQuirks(is_signing=True)))
    first, second = ([record for page in pages_of(url) for record in page.records] for _ in range(2))
    assert [record.digest() for record in first] == [record.digest() for record in second]
    assert b"secret" not in b"".join(record.serialised() for record in first)


def test_windows_are_years_of_change(serve: Serve) -> None:
    """A long selection is split into years without gap or overlap; one without a beginning is not split."""
    options = stac.Options(url=serve(emulator.app(catalogue())), rate=1000.0)
    since, until = datetime(2022, 5, 1, tzinfo=UTC), datetime(2024, 1, 1, tzinfo=UTC)
    windows = stac.windows(options, Selection(since=since, until=until))
    new_year = datetime(2023, 1, 1, tzinfo=UTC)
    assert [(window.since, window.until) for window in windows] == [(since, new_year), (new_year, until)]
    assert stac.windows(options, Selection()) == [Selection()]


def test_a_service_that_cannot_filter_has_one_window(serve: Serve) -> None:
    """Where each window would read everything, there is one."""
    options = stac.Options(url=serve(emulator.app(catalogue(), StacQuirks(filters=None))), rate=1000.0)
    selection = Selection(since=datetime(2020, 5, 1, tzinfo=UTC))
    assert stac.windows(options, selection) == [selection]


def test_another_catalogue_of_ours_is_read(database: Database) -> None:
    """A second pgSTAC behind our own API is read whole, resumed, and asked for what has changed."""
    items = list(synthetic_items(25))
    fill(database, items)
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as url:
        assert sorted(ids_of(pages_of(url, page_size=7))) == sorted(item["id"] for item in items)
        resumed(url, page_size=7)
        since = datetime(2024, 1, 1, 0, 0, 20, tzinfo=UTC)
        changed = ids_of(pages_of(url, Selection(since=since), page_size=3))
        assert changed == [item["id"] for item in items[20:]]
        raw = next(iter(pages_of(url, page_size=7))).records[0]
        assert stac.scene_from_record(raw, SENSORS).platform in ("spot-6", "spot-7")


def fill(database: Database, items: list[dict[str, Any]]) -> None:
    """Load Items, and declare what of them can be queried."""
    with loader(database) as target:
        target.load_collections(iter([a_collection("spot-6-7-drs", "SPOT", "SPOT 6 and 7")]))
        target.load_items(iter(items))
    with database.connect("harvest", autocommit=True) as connection:
        definition = Jsonb({"type": "string", "format": "date-time"})
        connection.execute("INSERT INTO pgstac.queryables (name, definition) VALUES ('updated', %s)", (definition,))


@contextmanager
def static_server(folder: Path) -> Iterator[str]:
    """The files of a folder over HTTP."""
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join(10)


class QuietHandler(SimpleHTTPRequestHandler):
    """Files without a log."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the signature of the standard library
        """Say nothing."""


@pytest.fixture
def static_folder(tmp_path: Path) -> Path:
    """A static catalogue of two collections, written by pystac."""
    root = pystac.Catalog("root", "A static catalogue")
    for name, start in (("one", 0), ("two", 12)):
        extent = pystac.Extent(pystac.SpatialExtent([-5, 41, 10, 52]), pystac.TemporalExtent([None, None]))
        collection = pystac.Collection(name, f"Collection {name}", extent)
        root.add_child(collection)
        for item in synthetic_items(12, collection=name, start=start):
            collection.add_item(pystac.Item.from_dict({**item, "links": []}, migrate=True))
    root.normalize_and_save(str(tmp_path), pystac.CatalogType.SELF_CONTAINED)
    return tmp_path


def test_static_catalogue_is_walked(static_folder: Path) -> None:
    """All Items of a static catalogue are read over HTTP, and from a disk, as the same records."""
    with static_server(static_folder) as url:
        remote = [record for page in pages_of(f"{url}/catalog.json") for record in page.records]
    local = [record for page in pages_of(f"file://{static_folder}/catalog.json") for record in page.records]
    assert len({record.id for record in remote}) == 24
    assert [(record.id, record.digest()) for record in remote] == [(record.id, record.digest()) for record in local]
    scene = stac.scene_from_record(remote[0], SENSORS)
    assert scene.source_href == f"{url}/{remote[0].id}"


def test_static_walk_goes_on_from_every_page(static_folder: Path) -> None:
    """The cursor of any page of a walk gives exactly the pages after it."""
    resumed(f"file://{static_folder}/catalog.json", page_size=5)


def test_static_collections_are_chosen(static_folder: Path) -> None:
    """Collections that are not named are not walked."""
    pages = list(pages_of(f"file://{static_folder}/catalog.json", collections=("two",)))
    assert len(ids_of(pages)) == 12


def test_a_broken_document_keeps_its_record(static_folder: Path) -> None:
    """An Item whose document is cut off is refused under the id that it had, so it does not seem to be gone."""
    url = f"file://{static_folder}/catalog.json"
    whole = [record.id for page in pages_of(url) for record in page.records]
    broken = static_folder / whole[3]
    broken.write_text(broken.read_text()[:100])
    read = [record for page in pages_of(url) for record in page.records]
    assert [record.id for record in read] == whole
    assert [bool(reason_of(record)) for record in read] == [number == 3 for number in range(24)]


def test_a_catalogue_on_a_disk_opens_no_other_file(
    static_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Links of a catalogue that leave its folder are refused."""
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.json"
    secret.write_text("{}")
    root = static_folder / "catalog.json"
    document = json.loads(root.read_text())
    document["links"].append({"rel": "item", "href": f"file://{secret}"})
    root.write_text(json.dumps(document))
    with pytest.raises(SourceUnavailable, match="outside the folder"):
        list(pages_of(f"file://{root}"))


def test_a_catalogue_in_a_circle_ends(static_folder: Path) -> None:
    """A child that links to its parent as a child is walked once."""
    child = static_folder / "one" / "collection.json"
    document = json.loads(child.read_text())
    document["links"].append({"rel": "child", "href": "../catalog.json"})
    child.write_text(json.dumps(document))
    assert len(ids_of(pages_of(f"file://{static_folder}/catalog.json"))) == 24


def bulk_file(folder: Path, name: str, count: int = 25) -> Path:
    """A bulk file of Items, with one line that cannot be parsed and one that is empty."""
    lines = [json.dumps(item) for item in synthetic_items(count)]
    text = "\n".join([*lines[:3], '{"type": "Feature", "id": ', "", *lines[3:]]).encode()
    path = folder / name
    path.write_bytes(gzip.compress(text[:2000]) + gzip.compress(text[2000:]) if name.endswith(".gz") else text)
    return path


@pytest.mark.parametrize("name", ["items.ndjson", "items.ndjson.gz"])
def test_bulk_file_is_read_in_pages(tmp_path: Path, name: str) -> None:
    """A bulk file gives every line as a record, from a disk and by HTTP, and goes on from every page."""
    path = bulk_file(tmp_path, name)
    resumed(f"file://{path}", page_size=7)
    with static_server(tmp_path) as url:
        resumed(f"{url}/{name}", page_size=7)
        remote = [record for page in pages_of(f"{url}/{name}") for record in page.records]
    assert len({record.id for record in remote}) == 26
    refusals = list(filter(None, map(reason_of, remote)))
    assert len(refusals) == 1
    assert refusals[0].startswith("the line is not JSON")


def test_bulk_file_is_read_in_ranges(tmp_path: Path, serve: Serve) -> None:
    """A server with ranges is asked for one block after the other, from the place where the reading stopped."""
    bulk_file(tmp_path, "items.ndjson", count=3000)
    plan = Plan()
    url = serve(Quirks(StaticFiles(directory=tmp_path), plan))
    resumed(f"{url}/items.ndjson", page_size=1000)
    asked = [headers["range"] for _, path, headers in plan.requests if path.endswith("ndjson") and "range" in headers]
    assert "bytes=4194304-8388607" in asked
    assert len(set(asked)) > 2


@pytest.mark.parametrize("name", ["items.ndjson", "items.ndjson.gz"])
def test_bulk_file_of_a_server_that_packs_is_read_in_ranges(tmp_path: Path, serve: Serve, name: str) -> None:
    """One that packs on the way is asked not to, and so has ranges; a packed file may be said to be packed."""
    content = bulk_file(tmp_path, name, count=3000).read_bytes()
    content += b"\n" * (5 * 2**20) if name.endswith("ndjson") else gzip.compress(os.urandom(5 * 2**20).hex().encode())
    ranges = []

    def file(request: Request) -> Response:
        if name.endswith("ndjson") and "gzip" in request.headers["accept-encoding"]:
            return Response(gzip.compress(content), headers={"Content-Encoding": "gzip"})
        start, end = (int(bound) for bound in request.headers["range"].removeprefix("bytes=").split("-"))
        ranges.append(start)
        told = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
        packed = {"Content-Encoding": "gzip"} if name.endswith("gz") else {}
        return Response(content[start : end + 1], 206, headers=told | packed)

    url = serve(Starlette(routes=[Route(f"/{name}", file, methods=["GET"])]))
    assert len(ids_of(pages_of(f"{url}/{name}"))) >= 3001
    assert len(ranges) > 1


def test_a_replaced_bulk_file_is_read_anew(tmp_path: Path) -> None:
    """A cursor into a file that was replaced since is not believed: nothing is left out."""
    path = bulk_file(tmp_path, "items.ndjson")
    cursor = next(iter(pages_of(f"file://{path}", page_size=7))).next_cursor
    bulk_file(tmp_path, "items.ndjson", count=30)
    assert len(ids_of(pages_of(f"file://{path}", cursor=cursor))) == 31


def test_a_cut_gzip_file_stops_the_run(tmp_path: Path) -> None:
    """Half a gzip file is not the end of the catalogue."""
    path = bulk_file(tmp_path, "items.ndjson.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UnreadableAnswer, match="cut off"):
        list(pages_of(f"file://{path}"))


@pytest.mark.parametrize(
    ("credentials", "header"),
    [({"token": "t0ken"}, "Bearer t0ken"), ({"user": "ada", "password": "pass"}, "Basic YWRhOnBhc3M=")],
)
def test_credentials_sign_each_request(serve: Serve, credentials: dict[str, str], header: str) -> None:
    """A token, or a user and password, go with every request to the host of the source."""
    plan = Plan()
    url = serve(Quirks(emulator.app(catalogue(3)), plan))
    assert len(ids_of(pages_of(url, credentials=Credentials.model_validate(credentials)))) == 3
    assert {headers.get("authorization") for _, _, headers in plan.requests} == {header}


def test_a_listing_is_paged_without_a_search(serve: Serve) -> None:
    """The address of a FeatureCollection is read along its next links."""
    url = serve(emulator.app(catalogue(), StacQuirks(is_sortable=False)))
    assert len(ids_of(pages_of(f"{url}/search?limit=10"))) == 25
    resumed(f"{url}/search?limit=10")


def served_file(items: list[Any]) -> Starlette:
    """One FeatureCollection over Items, which may be changed while it is served."""

    def file(_: Request) -> JSONResponse:
        return JSONResponse({"type": "FeatureCollection", "features": items})

    return Starlette(routes=[Route("/items.geojson", file)])


def test_a_file_with_all_items_is_read_in_pages(serve: Serve) -> None:
    """However many Items one answer has, none of its pages is longer than one transaction may be."""
    plan = Plan()
    url = f"{serve(Quirks(served_file(list(synthetic_items(2300))), plan))}/items.geojson"
    pages = list(pages_of(url))
    assert [len(page.records) for page in pages] == [1000, 1000, 300]
    assert len(set(ids_of(pages))) == 2300
    assert len(plan.requests) == 1
    resumed(url)


def test_a_file_that_was_replaced_meanwhile_is_read_anew(serve: Serve) -> None:
    """Where to go on in other Items is not known: none of them is passed over."""
    items = list(synthetic_items(1500))
    url = f"{serve(served_file(items))}/items.geojson"
    cursor = next(pages_of(url)).next_cursor
    items.insert(0, synthetic_item(1500))
    assert len(ids_of(pages_of(url, cursor=cursor))) == 1501


def test_a_file_that_is_too_long_stops_the_run(serve: Serve) -> None:
    """It says how it can be read: fewer records cannot be asked of a file."""
    body = b" " * (64 * 2**20 + 1)
    url = serve(Starlette(routes=[Route("/items.geojson", lambda _: Response(body))]))
    with pytest.raises(UnreadableAnswer, match=r"items.geojson is too long to be one document; .*items\.ndjson"):
        list(pages_of(f"{url}/items.geojson"))


@pytest.mark.parametrize(
    "root", [{"type": "Catalog", "links": []}, {"type": "Feature"}, [], {"type": "Catalog", "id": 1, "links": 3}]
)
def test_a_root_that_is_no_catalogue_stops_the_run(tmp_path: Path, root: Any) -> None:
    """A malformed root document is an error that says so, and no empty catalogue."""
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(root))
    with pytest.raises(UnreadableAnswer, match=r"not a STAC catalogue|none of"):
        list(pages_of(path.as_uri()))


def test_a_document_of_an_api_is_no_static_catalogue(static_folder: Path) -> None:
    """A child whose Items are only listed by an API stops the run: it is not an empty collection."""
    child = static_folder / "two" / "collection.json"
    document = json.loads(child.read_text())
    document["links"] = [{"rel": "items", "href": "./items"}]
    child.write_text(json.dumps(document))
    with pytest.raises(UnreadableAnswer, match="part of an API"):
        list(pages_of(f"file://{static_folder}/catalog.json"))


def test_a_document_that_is_not_there_stops_the_walk(static_folder: Path) -> None:
    """A link to nothing must not make a part of the catalogue seem withdrawn."""
    (static_folder / "two" / "collection.json").unlink()
    with pytest.raises(SourceUnavailable, match="No such file"):
        list(pages_of(f"file://{static_folder}/catalog.json"))


def test_only_a_changed_item_is_read_again(serve: Serve) -> None:
    """After a first run, a run since then reads what was changed or added, and nothing else."""
    records = catalogue()
    url = serve(emulator.app(records))
    assert len(ids_of(pages_of(url))) == 25
    now = datetime(2025, 1, 1, tzinfo=UTC)
    changed, added = synthetic_item(4), synthetic_item(30)
    for item in (changed, added):
        item["properties"]["updated"] = "2025-01-01T00:00:00Z"
        records[item["id"]] = item
    del records[synthetic_item(5)["id"]]
    assert sorted(ids_of(pages_of(url, Selection(since=now)))) == sorted([changed["id"], added["id"]])
    assert synthetic_item(5)["id"] not in ids_of(pages_of(url))
