"""Collections: all on one page, in the reader's language, found by words in French and English."""

from __future__ import annotations

import pytest

from tests.stac_api.invented_catalogue import COLLECTIONS, ENGLISH, Site, problem_of

ALL = sorted(collection["id"] for collection in COLLECTIONS)


def ids(site: Site, **parameters: str | int) -> list[str]:
    """The sorted ids of one page of collections."""
    page = site.get("/collections", params=parameters)
    assert page.status_code == 200, page.text
    return sorted(collection["id"] for collection in page.json()["collections"])


def test_all_collections_are_on_the_first_page(site: Site) -> None:
    """QGIS never asks for a second page, so the first one has all, with the count."""
    page = site.get("/collections").json()
    assert sorted(each["id"] for each in page["collections"]) == ALL
    assert page["numberMatched"] == page["numberReturned"] == len(ALL)
    assert not any(link["rel"] == "next" for link in page["links"])


def test_a_limit_pages_through_all_collections(site: Site) -> None:
    """A client that asks for a limit gets pages whose links lead through all, and back."""
    seen: list[str] = []
    link: str | None = "/collections?limit=4"
    while link:
        page = site.get(link).json()
        seen += [each["id"] for each in page["collections"]]
        link = next((each["href"] for each in page["links"] if each["rel"] == "next"), None)
    assert seen == ALL
    assert any(link["rel"] == "previous" for link in page["links"])


def test_landing_page_has_a_child_per_collection(site: Site) -> None:
    """A browser of the tree finds each collection from the landing page."""
    children = [link for link in site.get("/").json()["links"] if link["rel"] == "child"]
    assert sorted(link["href"] for link in children) == [f"{site.url}/collections/{each}" for each in ALL]
    assert all(link["title"] for link in children)


def test_sort_is_advertised_in_both_versions(site: Site) -> None:
    """pystac-client looks for sort v1.0.0, the newer clients for v1.1.0."""
    classes = site.get("/").json()["conformsTo"]
    for version in ("v1.0.0", "v1.1.0"):
        assert f"https://api.stacspec.org/{version}/item-search#sort" in classes
        assert f"https://api.stacspec.org/{version}/ogcapi-features#sort" in classes
    assert "https://api.stacspec.org/v1.0.0/collections" in classes
    assert "https://api.stacspec.org/v1.0.0-rc.2/language" in classes


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("pleiades", ["pleiades", "pleiades-littoral"]),
        ("PLÉIADES", ["pleiades", "pleiades-littoral"]),
        ("littorale", ["pleiades", "pleiades-littoral"]),
        ("littoraux", ["pleiades", "pleiades-littoral"]),
        ("mosaiques", ["pleiades"]),
        ("couvertures annuelles", ["spot-6-7"]),
        ("coast", ["pleiades"]),
        ("city", ["pleiades"]),
        ("spot 6/7", ["spot-6-7"]),
        ("spot-6-7", ["spot-6-7"]),
        ("radar,coasts", ["pleiades"]),
        ("radar", []),
        ("d'", []),
        ("'); DROP TABLE items; --", []),
    ],
)
def test_free_text_knows_french_and_english(site: Site, words: str, expected: list[str]) -> None:
    """Accents, capitals, gender and number do not matter; terms apart by commas are alternatives."""
    assert ids(site, q=words) == expected


def test_free_text_stands_with_other_parameters(site: Site) -> None:
    """Words, filter, query and area restrict together."""
    assert ids(site, q="pleiades", filter="id = 'pleiades'") == ["pleiades"]
    assert ids(site, query='{"id":{"neq":"pleiades"}}', filter="id LIKE 'plei%'") == ["pleiades-littoral"]
    assert ids(site, query='{"id":"pleiades"}', filter="id LIKE 'plei%'") == ["pleiades"]
    assert ids(site, bbox="177,-19,-179,-17", q="littoral") == ["pleiades", "pleiades-littoral"]
    assert ids(site, q="littoral", datetime="1970-01-01T00:00:00/1980-01-01T00:00:00") == []


def test_collections_are_filtered_by_their_own_fields_only(site: Site) -> None:
    """The fields of collections may be searched and sorted, any other is refused."""
    assert ids(site, filter="title = 'SPOT 6/7'") == ["spot-6-7"]
    first = site.get("/collections", params={"sortby": "-id", "limit": 1}).json()["collections"][0]
    assert first["id"] == ALL[-1]
    for parameters in ({"filter": "price = 3"}, {"sortby": "price"}, {"query": '{"price":{"gt":1}}'}):
        assert "price" in problem_of(site.get("/collections", params=parameters))["detail"]


def test_fields_of_collections_are_chosen(site: Site) -> None:
    """The Fields extension works on collections, even without their id."""
    page = site.get("/collections", params={"fields": "title", "filter": "id = 'pleiades'"}).json()
    assert page["collections"] == [{"title": "Images Pléiades"}]
    page = site.get("/collections", params={"fields": "-id,-links", "filter": "id = 'pleiades'"}).json()
    assert not {"id", "links"} & page["collections"][0].keys()


@pytest.mark.parametrize(
    ("accepted", "language", "title"),
    [
        (None, "fr", "Images Pléiades"),
        ("en-GB,en;q=0.9,fr;q=0.5", "en", ENGLISH["title"]),
        ("fr;q=0.2,en;q=0.7", "en", ENGLISH["title"]),
        ("de,*;q=0.1", "fr", "Images Pléiades"),
        ("en;q=0", "fr", "Images Pléiades"),
        ("en;q=oui,,;", "fr", "Images Pléiades"),
    ],
)
def test_collections_are_in_the_readers_language(site: Site, accepted: str | None, language: str, title: str) -> None:
    """Accept-Language chooses among the languages of a collection; its own one is the last resort."""
    headers = {"Accept-Language": accepted}
    answer = site.get("/collections/pleiades", headers=headers)
    collection = answer.json()
    assert (collection["title"], collection["language"]["code"]) == (title, language)
    assert {each["code"] for each in collection["languages"]} == {"fr", "en"} - {language}
    assert answer.headers["Content-Language"] == language
    assert "Accept-Language" in answer.headers["Vary"]


def test_assets_of_items_are_named_in_the_readers_language(site: Site) -> None:
    """The titles of the Item assets are translated with the collection, and nothing that was not asked for comes in."""
    english = {"Accept-Language": "en"}
    collection = site.get("/collections/pleiades", headers=english).json()
    assert collection["item_assets"] == ENGLISH["item_assets"]
    page = site.get("/collections", params={"fields": "title", "filter": "id = 'pleiades'"}, headers=english).json()
    assert page["collections"] == [{"title": ENGLISH["title"]}]


def test_lists_of_collections_are_translated_too(site: Site) -> None:
    """The list and the landing page say the translated titles, and in which languages they are."""
    headers = {"Accept-Language": "en"}
    answer = site.get("/collections", headers=headers)
    titles = {each["id"]: each["title"] for each in answer.json()["collections"]}
    assert (titles["pleiades"], titles["spot-6-7"]) == (ENGLISH["title"], "SPOT 6/7")
    assert answer.headers["Content-Language"] == "en"
    children = [link for link in site.get("/", headers=headers).json()["links"] if link["rel"] == "child"]
    assert ENGLISH["title"] in {link["title"] for link in children}


def test_collection_keeps_its_stored_links(site: Site) -> None:
    """The links of the document stand beside those of the API."""
    links = {link["rel"]: link["href"] for link in site.get("/collections/pleiades").json()["links"]}
    assert links["license"] == "https://example.org/licence"
    assert links["items"] == f"{site.url}/collections/pleiades/items"
    assert links["http://www.opengis.net/def/rel/ogc/1.0/queryables"] == f"{site.url}/collections/pleiades/queryables"
