"""The running server as its operator sees it: what it lets out, and how it stops."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from database import PrivateCluster
from tests.acceptance.command_line import Dinamis, Server
from tests.acceptance.conftest import Harvest
from tests.postgres import short_directory


@pytest.mark.parametrize("workers", ["1", "2"])
def test_server_stops_when_asked(dinamis: Dinamis, first_harvest: Harvest, workers: str) -> None:
    """On SIGTERM the server ends within seconds with exit code 0, and its log has no traceback."""
    with dinamis.serving("serve", "--workers", workers) as server:
        assert server.stop(timeout_s=10) == 0
        assert "Traceback" not in server.log.read_text(encoding="utf-8")


class ApiHost(Dinamis):
    """A machine that knows nothing but how the API connects."""

    def environment(self) -> dict[str, str]:
        """The API's URL, and a home without database."""
        url = PrivateCluster(self.home).conninfo("api")
        return super().environment() | {"DINAMIS_API_DATABASE_URL": url, "DINAMIS_HOME": "/nowhere"}


def test_api_needs_its_own_url_only(dinamis: Dinamis, first_harvest: Harvest) -> None:
    """With the URL of the API's role alone the catalogue of that server is served."""
    with (
        ApiHost(dinamis.home).serving("serve") as server,
        urlopen(f"{server.url}/collections/pleiades/items", timeout=10) as answer,
    ):
        assert json.load(answer)["numberMatched"] > 0


def test_files_are_given_out_by_the_rules(dinamis: Dinamis, served_items: dict[str, dict[str, Any]]) -> None:
    """Without --public-assets everybody gets the metadata that the shipped rules open, others are refused with why."""
    opened, closed = (metadata_in(served_items, collection) for collection in ("pleiades", "pleiades-neo"))
    with dinamis.serving("serve") as server:
        with urlopen(at(server, opened), timeout=10) as answer:
            assert answer.read(5) == b"<?xml"
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(at(server, closed), headers={"Accept": "application/json"}), timeout=10)
        with refused.value as answer:
            assert (answer.code, answer.headers["Content-Type"]) == (403, "application/problem+json")
            assert json.load(answer)["reasons"] == ["not-offered"]


def metadata_in(items: dict[str, dict[str, Any]], collection: str) -> str:
    """The href of a metadata file of a collection."""
    assets = [asset for item in items.values() if item["collection"] == collection for asset in item["assets"].values()]
    return next(str(asset["href"]) for asset in assets if asset["roles"] == ["metadata"])


def at(server: Server, href: str) -> str:
    """The same asset, served by another server."""
    return f"{server.url}/assets/{href.partition('/assets/')[2]}"


def test_server_says_that_nobody_sees_anything_without_rules(dinamis: Dinamis) -> None:
    """Before rules are activated the catalogue is empty to everybody, and both the server and the doctor say why."""
    with short_directory() as home:
        fresh = Dinamis(home)
        try:
            with fresh.serving("serve") as server:
                assert "dinamis rules activate" in server.log.read_text(encoding="utf-8")
                with urlopen(f"{server.url}/collections", timeout=10) as answer:
                    assert json.load(answer)["collections"] == []
            assert "dinamis rules activate" in fresh.run("doctor").out
        finally:
            fresh.run("db", "destroy", "--yes")


def test_each_request_has_one_log_line(server: Server, served_items: dict[str, dict[str, Any]]) -> None:
    """The id in the answer's header finds the request in the log."""
    with urlopen(f"{server.url}/collections/pleiades", timeout=10) as answer:
        request_id = answer.headers["X-Request-ID"]
    (line,) = lines_with(request_id, server)
    assert "path=/collections/pleiades" in line


def lines_with(word: str, server: Server) -> list[str]:
    """The lines of the log with this word; a line is written just after the answer, so a moment is given to it."""
    end = time.monotonic() + 5
    lines: list[str] = []
    while not lines and time.monotonic() < end:
        time.sleep(0.1)
        lines = [line for line in server.log.read_text(encoding="utf-8").splitlines() if word in line]
    return lines
