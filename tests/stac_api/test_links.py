"""Links under the public URL, and what browsers of other sites may ask."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from database import Database
from tests.stac_api.invented_catalogue import Site, fill

PUBLIC = "https://stac.example.org/catalogue"


def hrefs(node: Any) -> Iterator[str]:
    """All hrefs of a document, but those that lead elsewhere."""
    if isinstance(node, dict):
        if isinstance(node.get("href"), str) and not node["href"].startswith("https://example.org/"):
            yield node["href"]
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from hrefs(each)


@pytest.fixture
def published(serve: Callable[..., Site], database: Database, archive: Any) -> Site:
    """A server behind a proxy that strips the path of the public URL."""
    fill(database, archive)
    return serve(public_url=f"{PUBLIC}/", public_assets=True)


def test_every_link_is_under_the_public_url(published: Site) -> None:
    """Whatever host a request came in by, and whatever it claims, links and assets are under the configured URL."""
    forged = {"Host": "evil.example", "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "gopher"}
    paths = [
        "/",
        "/collections",
        "/collections/pleiades",
        "/search?limit=1",
        "/collections/pleiades/items?limit=1",
        "/collections/pleiades/items/CLEAR",
    ]
    for path in paths:
        found = list(hrefs(published.get(path, headers=forged).json()))
        assert found
        assert all(href == PUBLIC or href.startswith(f"{PUBLIC}/") for href in found), (path, found)
    page = published.post("/search", {"limit": 1}, headers=forged).json()
    assert all(href.startswith(f"{PUBLIC}/") for href in hrefs(page))
    assert page["features"][0]["assets"]["pms"]["href"] == f"{PUBLIC}/assets/pleiades/CLEAR/pms"
    assert published.get("/queryables").json()["$id"] == f"{PUBLIC}/queryables"


def test_proxy_may_keep_the_path(published: Site) -> None:
    """A proxy that passes the public path on reaches the same routes."""
    page = published.get("/catalogue/search?limit=1").json()
    assert {link["href"] for link in page["links"] if link["rel"] == "self"} == {f"{PUBLIC}/search?limit=1"}
    assert published.get("/catalogue/").status_code == 200
    assert published.get("/catalogue/assets/pleiades/CLEAR/pms", headers={"Range": "bytes=0-1"}).status_code == 206


def test_links_follow_the_request_without_a_public_url(serve: Callable[..., Site]) -> None:
    """Without configuration the links lead where the client reached us."""
    site = serve()
    links = site.get("/").json()["links"]
    assert all(link["href"].startswith(site.url) for link in links)


def test_preflight_lets_credentials_through(site: Site) -> None:
    """STAC Browser asks whether it may send its credentials: it may, on searches and files."""
    for path in ("/search", "/assets/pleiades/CLEAR/pms"):
        answer = site.request(
            "OPTIONS",
            path,
            headers={
                "Origin": "https://browser.example.org",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization, x-api-key, content-type, range",
            },
        )
        assert answer.status_code == 200, answer.text
        allowed = answer.headers["Access-Control-Allow-Headers"].lower()
        assert {"authorization", "x-api-key", "range"} <= {name.strip() for name in allowed.split(",")}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_refusals_can_be_read_by_other_sites(site: Site) -> None:
    """A web client sees why it was refused, and the id to report."""
    answer = site.get("/search?token=garbage", headers={"Origin": "https://browser.example.org"})
    assert answer.status_code == 400
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


def test_other_sites_can_be_kept_out(serve: Callable[..., Site]) -> None:
    """An operator may name the web sites that can call the API."""
    site = serve(cors_origins=("https://browser.example.org",))
    for origin, allowed in (("https://browser.example.org", True), ("https://evil.example", False)):
        headers = site.get("/", headers={"Origin": origin}).headers
        assert ("Access-Control-Allow-Origin" in headers) is allowed
