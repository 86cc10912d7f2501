"""What QGIS (src/core/stac of 3.40 and later) does with a STAC API, rule by rule: anything it would drop fails here."""

from __future__ import annotations

from typing import Any

from tests.stac_api.invented_catalogue import Site


def connect(site: Site) -> tuple[str, str]:
    """Read the landing page as QGIS does: the URLs of the collections and of the search."""
    landing = site.get("/").json()
    assert landing["type"] == "Catalog"
    version = landing["stac_version"].split(".")
    assert version[0] == "1"
    assert all(part.isdecimal() for part in version)
    assert landing["id"]
    assert landing["description"]
    # The browser tree compares these exactly.
    assert "https://api.stacspec.org/v1.0.0/collections" in landing["conformsTo"]
    assert "https://api.stacspec.org/v1.0.0/ogcapi-features" in landing["conformsTo"]
    collections = next(link["href"] for link in landing["links"] if link["href"].endswith("/collections"))
    search = [link["href"] for link in landing["links"] if link["rel"] == "search"][-1]
    return collections, search


def read_collections(site: Site, url: str) -> list[dict[str, Any]]:
    """Read the one page of collections that QGIS asks for."""
    page = site.get(url).json()
    assert type(page["numberMatched"]) is int
    for collection in page["collections"]:
        assert {"stac_version", "id", "description", "license", "links"} <= collection.keys()
        assert collection["extent"]["spatial"]["bbox"]
        assert collection["extent"]["temporal"]["interval"]
        assert any(link["rel"] == "items" for link in collection["links"])
    found: list[dict[str, Any]] = page["collections"]
    return found


def read_item(item: dict[str, Any]) -> str:
    """Read an Item as QGIS does; it drops one without a key of these."""
    assert {"id", "geometry", "bbox", "links", "assets"} <= item.keys()
    assert "datetime" in item["properties"]
    for asset in item["assets"].values():
        assert asset["href"].startswith(("http://", "https://"))
    return str(item["properties"].get("title", item["id"]))


def read_pages(site: Site, url: str) -> list[str]:
    """The titles of all Items, following the href of `next` by GET and nothing else."""
    titles: list[str] = []
    while url:
        page = site.get(url).json()
        titles += [read_item(item) for item in page["features"]]
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    return titles


def test_qgis_finds_images_by_area_and_dates(site: Site) -> None:
    """QGIS connects, lists the collections and searches by GET with a bbox and dates without zone."""
    collections_url, search_url = connect(site)
    collections = ",".join(collection["id"] for collection in read_collections(site, collections_url))
    area = "bbox=2.5,42.5,4.5,44.5"
    dates = "datetime=2022-01-01T00:00:00/2022-12-31T23:59:59"
    assert read_pages(site, f"{search_url}?collections={collections}&{area}&{dates}") == ["Image CLOUDY"]
    assert len(read_pages(site, f"{search_url}?collections={collections}&limit=2")) == 6


def test_qgis_browses_the_items_of_each_collection(site: Site) -> None:
    """The browser tree opens `rel=items` of each collection and fetches more by `next`."""
    collections_url, _ = connect(site)
    titles: list[str] = []
    for collection in read_collections(site, collections_url):
        items = next(link["href"] for link in collection["links"] if link["rel"] == "items")
        titles += read_pages(site, f"{items}?limit=1")
    assert len(titles) == 6
    assert "Image MOSAIC" in titles
