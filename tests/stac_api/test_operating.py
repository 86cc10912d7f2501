"""What an operator sees: health, logs, the OpenAPI document, signals and workers."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from openapi_spec_validator import validate

from database import Database, MigrationState, migration_state
from database.errors import DatabaseUnavailable
from stac_api import ApiSettings, create_app, serve_api
from stac_api.connections import refuse_closed_home
from stac_api.request_log import configure_logging
from tests.emulators.serving import free_port
from tests.postgres import as_nobody
from tests.stac_api.invented_catalogue import Site, fill, problem_of, serving

PROJECT = Path(__file__).resolve().parents[2]
SERVE = """
import sys
from stac_api import ApiSettings, serve_api
conninfo, port, workers = sys.stdin.readline().strip(), int(sys.argv[1]), int(sys.argv[2])
serve_api(ApiSettings(), conninfo, host="127.0.0.1", port=port, workers=workers)
"""


def test_health_says_what_is_applied(site: Site) -> None:
    """A migrated catalogue is well, and the versions are told."""
    answer = site.get("/healthz")
    assert answer.status_code == 200
    health = answer.json()
    assert (health["status"], health["pgstac_version"]) == ("ok", "0.10.0")
    assert "0003_collection_texts" in health["migrations_applied"]
    assert health["migrations_pending"] == []
    assert answer.headers["Cache-Control"] == "no-store"


def test_health_fails_on_a_database_that_is_not_migrated(empty_database: Database) -> None:
    """An empty database cannot be searched: 503, and what to run."""
    with serving(create_app(ApiSettings(), empty_database.conninfo("api"))) as site:
        answer = site.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not migrated"
    assert "dinamis db migrate" in answer.json()["advice"]


def test_closed_home_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where asyncpg may not look for certificates each request would be answered by 503; none at all is all right."""
    home = tmp_path / "home"
    home.mkdir(mode=0)
    monkeypatch.setenv("HOME", str(home))
    with as_nobody(), pytest.raises(DatabaseUnavailable, match=r"home is closed to this account.*HOME=/nonexistent"):
        serve_api(ApiSettings(), "dbname=none", host="127.0.0.1", port=free_port())
    monkeypatch.setenv("HOME", "/nonexistent")
    with as_nobody():
        refuse_closed_home()
    home.chmod(0o700)


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO pgstac.migrations (version) VALUES ('99.0.0')",
        "UPDATE dinamis.migration SET sha256 = sha256('') WHERE number = 1",
    ],
    ids=["newer", "altered"],
)
def test_health_does_not_advise_a_migration_that_would_be_refused(database: Database, change: str) -> None:
    """A database of another release needs that release: `dinamis db migrate` of this one would leave it alone."""
    with database.connect("owner") as connection:
        connection.execute(change.encode())
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as site:
        health = site.get("/healthz").json()
    assert health["status"] == "not migrated"
    assert health["advice"] == "Install the release that migrated this database, or a later one."


def test_unreachable_database_is_said_without_its_address() -> None:
    """While the database is away the server runs, answers 503, and does not tell where the database is."""
    port = free_port()
    conninfo = f"host=127.0.0.1 port={port} user=nobody password=s3cret dbname=none"
    with serving(create_app(ApiSettings(), conninfo)) as site:
        health, search, stock = site.get("/healthz"), site.get("/search"), site.get("/_mgmt/health")
    assert health.status_code == 503
    assert health.json()["status"] == "database unreachable"
    assert health.json()["advice"] == "Start it, a private one by dinamis db start; then dinamis doctor."
    assert problem_of(search)["status"] == 503
    assert search.headers["Retry-After"] == "5"
    assert stock.status_code == 404
    for answer in (health, search, stock):
        assert not re.search(f"s3cret|nobody|{port}", answer.text)


def test_nobody_waits_for_those_before_him_while_the_database_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a database that takes connections and says nothing, everybody is told after the same time."""
    monkeypatch.setattr("stac_api.connections.CONNECTING_TIMEOUT_S", 1)
    monkeypatch.setattr("stac_api.health.LOOKING_TIMEOUT_S", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        conninfo = f"host=127.0.0.1 port={silent.getsockname()[1]} user=nobody dbname=none"
        with serving(create_app(ApiSettings(), conninfo)) as site, ThreadPoolExecutor(8) as people:
            paths = ["/search", "/healthz"] * 4
            answers = list(people.map(lambda path: requests.get(f"{site.url}{path}", timeout=60), paths))
    assert {each.status_code for each in answers} == {503}
    assert max(each.elapsed.total_seconds() for each in answers) < 4


@contextmanager
def frozen(database: Database) -> Iterator[None]:
    """The server's processes for the connections of the API stand still until the end of the block."""
    of_the_api = "SELECT pid FROM pg_stat_activity WHERE application_name = 'dinamis-api' AND datname = %s"
    with database.connect("owner") as connection:
        processes = connection.execute(of_the_api, [connection.info.dbname]).fetchall()
    assert processes
    for (process,) in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for (process,) in processes:
            os.kill(process, signal.SIGCONT)


def test_connections_whose_server_froze_are_given_up(
    database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks on them gets 503 soon after the time for a statement, and who asks next gets a new connection."""
    monkeypatch.setattr("stac_api.connections.ANSWERING_MARGIN_S", 0.5)
    fill(database, archive)
    app = create_app(ApiSettings(pool_size=2, statement_timeout_s=1), database.conninfo("api"))
    with serving(app) as site, ThreadPoolExecutor(8) as people:

        def all_ask() -> list[requests.Response]:
            return list(people.map(lambda _: requests.get(f"{site.url}/search", timeout=30), range(8)))

        assert {each.status_code for each in all_ask()} == {200}
        with frozen(database):
            refused = all_ask()
            assert {each.status_code for each in refused} == {503}
            assert max(each.elapsed.total_seconds() for each in refused) < 4
            assert {each.status_code for each in all_ask()} == {200}


def test_probes_of_health_share_one_connection(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ask at once, one look at the database is under way; nobody is told what was seen before he asked."""
    under_way, most, begun = 0, 0, 0

    def slow_look(*_: object, **__: object) -> MigrationState:
        nonlocal under_way, most, begun
        under_way, begun = under_way + 1, begun + 1
        most = max(most, under_way)
        time.sleep(0.3)
        under_way -= 1
        return migration_state(database)

    monkeypatch.setattr("stac_api.health.migration_state", slow_look)
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as site, ThreadPoolExecutor(20) as people:
        answers = list(people.map(lambda _: requests.get(f"{site.url}/healthz", timeout=20), range(20)))
        assert {each.status_code for each in answers} == {200}
        assert most == 1
        assert begun < len(answers)
        before = begun
        site.get("/healthz")
    assert begun == before + 1


def test_empty_catalogue_has_queryables(serve: Callable[..., Site]) -> None:
    """Before the first collection the landing page, the queryables and the searches already answer."""
    site = serve()
    assert site.get("/queryables").json()["additionalProperties"] is False
    assert site.get("/").status_code == 200
    assert site.get("/search").json()["features"] == []
    assert site.get("/stereo/search").json()["features"] == []


def test_openapi_is_valid_and_complete(site: Site) -> None:
    """The OpenAPI document is valid, has our routes, and says 400 where the framework would say 422."""
    document = site.get("/api").json()
    validate(document)
    assert {"/search", "/healthz", "/assets/{collection_id}/{item_id}/{asset_key}"} <= document["paths"].keys()
    assert "422" not in json.dumps([each["responses"] for path in document["paths"].values() for each in path.values()])
    limits = [each for each in document["paths"]["/collections"]["get"]["parameters"] if each["name"] == "limit"]
    assert limits[0]["schema"]["default"] == 1000
    assert "conf" not in document["components"]["schemas"]["SearchPostRequest"]["properties"]


def test_examples_of_the_description_are_answered(site: Site) -> None:
    """Whoever tries an example of a parameter, as the page to click through offers it, is not refused."""
    document = site.get("/api").json()
    for path in ("/search", "/collections", "/collections/{collection_id}/items"):
        parameters = document["paths"][path]["get"]["parameters"]
        told = [(each["name"], example) for each in parameters for example in each.get("examples", {}).values()]
        assert told
        for name, example in told:
            if example.get("value"):
                answer = site.get(path.format(collection_id="pleiades"), params={name: example["value"]})
                assert answer.status_code == 200, (path, name, answer.text)


def test_api_page_needs_no_other_host(site: Site) -> None:
    """The page to click through names only files of this server, and all of them are there."""
    page = site.get("/api.html").text
    addresses = re.findall(r'(?:src|href|url)(?:=|: )["\']([^"\']+)', page)
    assert addresses
    for address in addresses:
        assert not address.startswith(("http", "//"))
        assert site.get(f"/{address}").status_code == 200


@contextmanager
def logged(**settings: str) -> Iterator[io.StringIO]:
    """The log of this process as the server writes it, for the length of the block."""
    root, access = logging.getLogger(), logging.getLogger("uvicorn.access")
    before = list(root.handlers), root.level, access.disabled
    stream = io.StringIO()
    configure_logging(ApiSettings(**settings), stream)  # type: ignore[arg-type]
    try:
        yield stream
    finally:
        root.handlers[:], access.disabled = before[0], before[2]
        root.setLevel(before[1])


def test_each_request_leaves_one_line_with_its_id(serve: Callable[..., Site]) -> None:
    """The line has method, path, status, duration and the id of the answer's header, but no query string."""
    site = serve()
    with logged(log_format="json") as log:
        answer = site.get("/search?limit=1&ids=s3cret")
        site.get("/healthz")
        time.sleep(0.1)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert len(lines) == 1
    line = lines[0]
    assert (line["method"], line["path"], line["status"]) == ("GET", "/search", 200)
    assert line["request_id"] == answer.headers["X-Request-ID"]
    assert line["ms"] > 0
    assert "s3cret" not in log.getvalue()


def test_logs_may_be_key_values(serve: Callable[..., Site]) -> None:
    """The default format is key=value."""
    site = serve()
    with logged() as log:
        site.get("/conformance", headers={"X-Request-ID": "from-the-proxy"})
        time.sleep(0.1)
    assert re.search(r"level=info event=request .*path=/conformance .*status=200", log.getvalue())
    assert "request_id=from-the-proxy" in log.getvalue()


def test_forged_request_ids_are_replaced(site: Site) -> None:
    """An id that could forge a log line is not taken over; a proxy's plain one is."""
    assert site.get("/", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    for forged in ("a b", "x" * 65, "a=b"):
        assert re.fullmatch("[0-9a-f]{32}", site.get("/", headers={"X-Request-ID": forged}).headers["X-Request-ID"])


def test_failure_is_logged_once_and_answered_as_a_problem(database: Database) -> None:
    """What nobody expected is one traceback in the log under the request's id, and a problem without details."""
    app = create_app(ApiSettings(), database.conninfo("api"))

    async def broken() -> None:
        raise ZeroDivisionError("inner detail")

    app.add_api_route("/broken", broken)
    with serving(app) as site, logged(log_format="json") as log:
        problem = problem_of(site.get("/broken"))
        time.sleep(0.1)
    assert (problem["status"], problem["code"]) == (500, "ServerError")
    assert "inner detail" not in json.dumps(problem)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    failures = [line for line in lines if "inner detail" in json.dumps(line)]
    assert len(failures) == 1
    assert failures[0]["request_id"] == problem["request_id"]


@contextmanager
def served_process(conninfo: str, workers: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The server as `dinamis serve` runs it, in a process of its own, waited for until it is well."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port), str(workers)],
        cwd=PROJECT,
        env={**os.environ, "DINAMIS_API_TITLE": "Handed over"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    process.stdin.write(f"{conninfo}\n")
    process.stdin.close()
    try:
        yield process, _well(f"http://127.0.0.1:{port}", process)
    finally:
        process.kill()
        process.wait(10)
        assert process.stderr
        process.stderr.close()


def _well(url: str, process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if requests.get(f"{url}/healthz", timeout=2).ok:
                return url
        except requests.RequestException:
            time.sleep(0.2)
    raise AssertionError("the server did not become well")


@pytest.mark.parametrize(("number", "workers"), [(signal.SIGTERM, 1), (signal.SIGINT, 2)])
def test_server_stops_cleanly_on_a_signal(database: Database, number: signal.Signals, workers: int) -> None:
    """Served by one process or two, the settings arrive, and a signal ends it without a traceback."""
    with served_process(database.conninfo("api"), workers) as (process, url):
        assert requests.get(url, timeout=5).json()["title"] == "Handed over"
        process.send_signal(number)
        assert process.wait(20) == 0
        assert process.stderr
        log = process.stderr.read()
    assert "Traceback" not in log
    assert "path=/ " in log
    assert "password" not in log


def test_request_under_way_is_finished_at_shutdown(database: Database, archive: Path) -> None:
    """A search that waits when the signal comes is answered before the server goes."""
    fill(database, archive)
    with (
        served_process(database.conninfo("api"), 1) as (process, url),
        database.connect("owner") as blocking,
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=20) as client,
    ):
        blocking.execute("LOCK TABLE pgstac.items IN ACCESS EXCLUSIVE MODE")
        client.sendall(b"GET /search?limit=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        time.sleep(1)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert process.poll() is None
        blocking.rollback()
        answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200")
        assert process.wait(20) == 0


@pytest.mark.parametrize("path", ["/", "/healthz", "/collections", "/search?limit=1", "/collections/nothing", "/api"])
def test_head_has_the_headers_of_get(site: Site, path: str) -> None:
    """Whoever only looks whether something is there, as monitors and link checkers do, learns what GET would say."""
    told, asked = site.get(path), site.request("HEAD", path)
    assert (asked.status_code, asked.content) == (told.status_code, b"")
    for header in ("Content-Type", "Content-Length", "Vary", "Cache-Control"):
        assert asked.headers.get(header) == told.headers.get(header)
