"""The feed of changes: nothing is missed by who follows it, and what was withdrawn is gone with a reason."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from database import Database, back_up, restore
from stac_api.conformance import CHANGES_CLASS
from tests.stac_api.changing_catalogue import BEGINNING, PLACES, ChangingCatalogue, Follower
from tests.stac_api.invented_catalogue import Site, a_collection, an_item, load, problem_of

FEED = "/collections/here/changes"


@pytest.fixture
def catalogue(database: Database) -> ChangingCatalogue:
    """Two empty collections."""
    return ChangingCatalogue(database)


@pytest.fixture
def site(serve: Callable[..., Site], catalogue: ChangingCatalogue) -> Site:
    """The server over them."""
    return serve()


def told(page: dict[str, Any]) -> list[tuple[str, str]]:
    """What a page tells: type and id, in its order."""
    assert page["numberReturned"] == len(page["changes"])
    return [(change["type"], change["id"]) for change in page["changes"]]


def link(page: dict[str, Any], rel: str) -> str | None:
    """The href of a link of a page."""
    return next((each["href"] for each in page["links"] if each["rel"] == rel), None)


def test_changes_are_told_in_their_order_and_once(site: Site, catalogue: ChangingCatalogue) -> None:
    """From the beginning each Item stands once, where its latest change stands."""
    for item in ("A", "B", "C"):
        catalogue.put(item)
    catalogue.put("A")
    catalogue.withdraw("B", "The customer took it back.")
    page = site.get(FEED).json()
    assert told(page) == [("new", "C"), ("new", "A"), ("withdrawn", "B")]
    assert page["changes"][2] == {
        "type": "withdrawn",
        "id": "B",
        "at": "2026-01-06T00:00:00Z",
        "reason": "The customer took it back.",
        "href": f"{site.url}/collections/here/items/B",
    }
    assert "reason" not in page["changes"][0]


def test_cursor_separates_new_from_updated(site: Site, catalogue: ChangingCatalogue) -> None:
    """After a cursor, what was there before it is updated; what came or came back since is new."""
    for item in ("KEPT", "CHANGED", "BACK"):
        catalogue.put(item)
    catalogue.withdraw("BACK")
    catalogue.put("LAST")
    cursor = site.get(FEED).json()["cursor"]
    for item in ("CHANGED", "BACK", "FIRST", "LAST"):
        catalogue.put(item)
    page = site.get(FEED, params={"since": cursor}).json()
    assert told(page) == [("updated", "CHANGED"), ("new", "BACK"), ("new", "FIRST"), ("updated", "LAST")]


def test_moved_item_leaves_one_collection_and_is_new_in_the_other(site: Site, catalogue: ChangingCatalogue) -> None:
    """Who follows the old collection is told of a withdrawal, who follows the new one of a new Item."""
    catalogue.put("A", "here")
    cursors = {place: site.get(f"/collections/{place}/changes").json()["cursor"] for place in PLACES}
    catalogue.put("A", "there")
    pages = {
        place: site.get(f"/collections/{place}/changes", params={"since": cursors[place]}).json() for place in PLACES
    }
    assert told(pages["here"]) == [("withdrawn", "A")]
    assert told(pages["there"]) == [("new", "A")]
    assert site.get("/collections/here/items/A").status_code == 410


def test_nothing_new_keeps_the_cursor(site: Site, catalogue: ChangingCatalogue) -> None:
    """An answer without changes has a cursor all the same, and no next page; so has an empty collection."""
    empty = site.get(FEED).json()
    assert (told(empty), link(empty, "next")) == ([], None)
    catalogue.put("A")
    cursor = site.get(FEED, params={"since": empty["cursor"]}).json()["cursor"]
    again = site.get(FEED, params={"since": cursor}).json()
    assert (told(again), again["cursor"], link(again, "next")) == ([], cursor, None)


@pytest.mark.parametrize(("count", "pages"), [(4, 2), (5, 3), (1, 1), (0, 1)])
def test_next_leads_through_all_pages(site: Site, catalogue: ChangingCatalogue, count: int, pages: int) -> None:
    """By `next` all changes come, two by two; a full last page has no next one."""
    expected = [f"ITEM_{number}" for number in range(count)]
    for item in expected:
        catalogue.put(item)
    href: str | None = f"{FEED}?limit=2"
    answers = []
    while href:
        answers.append(site.get(href).json())
        href = link(answers[-1], "next")
    assert [each["id"] for page in answers for each in page["changes"]] == expected
    assert len(answers) == pages
    assert link(answers[0], "self") == f"{site.url}{FEED}?limit=2"
    assert link(answers[0], "collection") == f"{site.url}/collections/here"


def test_pages_are_in_the_order_of_the_changes_however_the_server_stores_them(
    site: Site, catalogue: ChangingCatalogue, database: Database
) -> None:
    """Each page has the earliest changes after its cursor, of what stands and of what is withdrawn."""
    for item in ("Z", "Y", "X", "C", "B", "A"):
        catalogue.put(item)
    for item in ("Z", "Y", "X"):
        catalogue.withdraw(item)
    with database.connect("owner") as connection:
        connection.execute("CLUSTER dinamis.item USING item_pkey")
        connection.execute("CLUSTER dinamis.tombstone USING tombstone_pkey")
    pages: list[list[tuple[str, str]]] = []
    since = None
    while not pages or len(pages[-1]) == 1:
        page = site.get(FEED, params={"since": since, "limit": 1}).json()
        pages.append(told(page))
        since = page["cursor"]
    standing = [[("new", item)] for item in ("C", "B", "A")]
    assert pages == [*standing, *([("withdrawn", item)] for item in ("Z", "Y", "X")), []]


def test_follower_ends_with_what_stands(site: Site, catalogue: ChangingCatalogue) -> None:
    """Whatever comes, changes, leaves, returns and moves between its pages, who repeats the cursor misses nothing."""
    chance = random.Random(20260101)
    followers = [Follower(site, place, limit) for place in PLACES for limit in (1, 3, 1000)]
    items = [f"ITEM_{number}" for number in range(12)]
    for _ in range(30):
        for item in chance.sample(items, chance.randint(0, 5)):
            if item in catalogue.standing and chance.random() < 0.4:
                catalogue.withdraw(item)
            else:
                catalogue.put(item, chance.choice(PLACES))
        chance.choice(followers).step()
    for follower in followers:
        follower.catch_up()
        collection = follower.path.split("/")[2]
        assert follower.held == catalogue.standing_in(collection), (collection, follower.limit)
    assert all(catalogue.standing_in(place) for place in PLACES)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (BEGINNING.isoformat(), ["A", "B", "C", "D"]),
        ("2026-01-03T00:00:00Z", ["B", "C", "D"]),
        ("2026-01-03", ["B", "C", "D"]),
        ("2026-01-03T00:00:00.5", ["C", "D"]),
        ("2026-01-03T02:00:00+02:00", ["B", "C", "D"]),
        ("2026-01-06T00:00:00Z", ["C", "D"]),
        ("2026-01-06T00:00:01Z", ["D"]),
        ("2026-01-07T00:00:01Z", []),
    ],
)
def test_time_begins_the_feed(site: Site, catalogue: ChangingCatalogue, since: str, expected: list[str]) -> None:
    """From a time on, UTC where no zone is given, its own moment included; then the cursor goes on."""
    for item in ("A", "B", "C", "D"):
        catalogue.put(item)
    for item in ("C", "D"):
        catalogue.withdraw(item)
    page = site.get(FEED, params={"since": since}).json()
    assert [change["id"] for change in page["changes"]] == expected
    catalogue.put("E")
    assert told(site.get(FEED, params={"since": page["cursor"]}).json()) == [("new", "E")]


def test_time_misses_no_later_change(site: Site, catalogue: ChangingCatalogue) -> None:
    """A change that bears an earlier time than the one before it, as a long page does, comes after it all the same."""
    catalogue.put("LATE")
    catalogue.now -= timedelta(days=5)
    catalogue.put("EARLY")
    page = site.get(FEED, params={"since": "2026-01-02T00:00:00Z"}).json()
    assert told(page) == [("new", "LATE"), ("new", "EARLY")]


def test_time_begins_the_feed_of_its_collection_alone(site: Site, catalogue: ChangingCatalogue) -> None:
    """What changed in another collection at that time, or left it, does not bring earlier changes of this one."""
    catalogue.put("OTHER", "there")
    catalogue.withdraw("OTHER")
    catalogue.now -= timedelta(days=5)
    catalogue.put("EARLY")
    assert told(site.get(FEED, params={"since": "2026-01-02T00:00:00Z"}).json()) == []


@pytest.mark.parametrize(
    "since",
    [
        "",
        "soon",
        "change-",
        "change--1",
        "change-1x",
        "change-٣",
        "change-99999",
        "change-" + "9" * 5000,
        "0001-01-01T00:00:00+14:00",
        "2026-13-01T00:00:00Z",
        "2026-01-03T02:00:00 02:00",
        "\x00",
    ],
)
def test_unusable_since_is_refused(site: Site, since: str) -> None:
    """What is neither a time nor a cursor of this feed is 400, and the answer says what to send."""
    problem = problem_of(site.get(FEED, params={"since": since}))
    assert problem["status"] == 400
    assert "cursor" in problem["detail"]
    assert "start again" in problem["detail"]


def test_who_knows_lost_changes_is_told_after_a_restore(
    serve: Callable[..., Site], catalogue: ChangingCatalogue, database: Database, tmp_path: Path
) -> None:
    """Also when more has changed since than was lost, and after a second restore; who knows none of them goes on."""
    items = [f"ITEM_{number}" for number in range(4)]
    catalogue.put("KEPT")
    back_up(database, tmp_path / "catalogue.dump")
    cursors = [serve().get(FEED).json()["cursor"]]
    for _ in range(2):
        catalogue.put("LOST")
        cursors.append(serve().get(FEED).json()["cursor"])
        restore(database, tmp_path / "catalogue.dump", replaces=True)
        for item in items:
            catalogue.put(item)
    site = serve()
    answers = [site.get(FEED, params={"since": cursor}) for cursor in cursors]
    assert [answer.status_code for answer in answers] == [200, 400, 400]
    assert told(answers[0].json()) == [("new", item) for item in items]


@pytest.mark.parametrize(("limit", "status"), [("0", 400), ("-1", 400), ("many", 400), ("1000", 200), ("9" * 30, 200)])
def test_limit_is_positive_and_cropped(site: Site, limit: str, status: int) -> None:
    """A limit that is no number of changes is refused; one beyond the largest page means the largest page."""
    assert site.get(FEED, params={"limit": limit}).status_code == status


def test_pages_have_a_hundred_changes_and_never_more_than_a_thousand(
    site: Site, catalogue: ChangingCatalogue, database: Database
) -> None:
    """Without a limit a page has 100 changes; with whatever limit it has at most 1000."""
    with database.connect("harvest") as connection:
        connection.execute(
            "INSERT INTO dinamis.tombstone (collection, item, withdrawn_at, reason)"
            " SELECT 'here', 'GONE_' || number, now(), 'Invented.' FROM generate_series(1, 1001) AS number"
        )
    assert site.get(FEED).json()["numberReturned"] == 100
    page = site.get(FEED, params={"limit": 5000}).json()
    assert page["numberReturned"] == 1000
    assert site.get(str(link(page, "next"))).json()["numberReturned"] == 1


@pytest.mark.parametrize("identifier", ["nowhere", "%00", "'"])
def test_unknown_collection_has_no_feed(site: Site, identifier: str) -> None:
    """Of a collection that is not there nothing is told."""
    assert problem_of(site.get(f"/collections/{identifier}/changes"))["status"] == 404


def test_unchanged_feed_is_not_sent_again(site: Site, catalogue: ChangingCatalogue) -> None:
    """With the ETag of the last answer an unchanged feed is 304 without a body; after a change of it it is sent."""
    catalogue.put("A")
    answer = site.get(FEED)
    catalogue.put("B", "there")
    catalogue.withdraw("B")
    assert answer.headers["Cache-Control"] == "no-cache"
    tag = answer.headers["ETag"]
    for known in (tag, f'"other", {tag}', tag.removeprefix("W/")):
        unchanged = site.get(FEED, headers={"If-None-Match": known})
        assert (unchanged.status_code, unchanged.content) == (304, b"")
        assert unchanged.headers["ETag"] == tag
    catalogue.withdraw("A")
    changed = site.get(FEED, headers={"If-None-Match": tag})
    assert told(changed.json()) == [("withdrawn", "A")]
    assert changed.headers["ETag"] != tag


def test_collections_link_to_their_changes(site: Site) -> None:
    """Each Collection, alone and in the list, links its feed; the conformance says that there are feeds."""
    alone = site.get("/collections/here").json()
    (listed,) = [each for each in site.get("/collections").json()["collections"] if each["id"] == "here"]
    for collection in (alone, listed):
        assert link(collection, "changes") == site.url + FEED
    assert CHANGES_CLASS in site.get("/conformance").json()["conformsTo"]


def test_feed_is_documented(site: Site) -> None:
    """The OpenAPI document has the route, the shape of its answer, and the answer to a withdrawn Item."""
    document = site.get("/api").json()
    operation = document["paths"]["/collections/{collection_id}/changes"]["get"]
    assert {"200", "304", "400"} <= operation["responses"].keys()
    shape = document["components"]["schemas"]["Changes"]
    assert {"changes", "cursor", "numberReturned", "links"} == set(shape["required"])
    assert "410" in document["paths"]["/collections/{collection_id}/items/{item_id}"]["get"]["responses"]


def test_withdrawn_item_is_gone(site: Site, catalogue: ChangingCatalogue) -> None:
    """A withdrawn Item is 410, with when and why; one that never was there is 404."""
    catalogue.put("A")
    catalogue.withdraw("A", "The source does not have it any more.")
    problem = problem_of(site.get("/collections/here/items/A"))
    assert (problem["status"], problem["code"]) == (410, "Gone")
    assert "2026-01-03T00:00:00Z" in problem["detail"]
    assert "The source does not have it any more." in problem["detail"]
    for path in ("/collections/here/items/B", "/collections/there/items/A", "/collections/here/items/%00"):
        assert problem_of(site.get(path))["status"] == 404, path


def test_withdrawals_of_an_unknown_collection_are_not_told(site: Site, database: Database) -> None:
    """Where the collection is not to be seen, neither is what left it."""
    with database.connect("harvest") as connection:
        connection.execute("INSERT INTO dinamis.tombstone VALUES ('hidden', 'A', now(), 'Secret.')")
    answer = site.get("/collections/hidden/items/A")
    assert problem_of(answer)["status"] == 404
    assert "Secret" not in answer.text


def test_returned_item_is_served(site: Site, catalogue: ChangingCatalogue, database: Database) -> None:
    """An Item that came back is there, though its tombstone may still stand."""
    catalogue.put("A")
    catalogue.withdraw("A")
    catalogue.put("A")
    with database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO dinamis.tombstone VALUES ('here', 'A', now(), 'Invented.') ON CONFLICT DO NOTHING"
        )
    load(database, [], [an_item("A", "here")])
    assert site.get("/collections/here/items/A").status_code == 200
    assert told(site.get(FEED).json()) == [("new", "A")]


def test_time_of_the_last_harvest_is_passed_on(site: Site, database: Database) -> None:
    """What the harvester writes into a Collection besides the standard fields reaches its readers."""
    load(database, [a_collection("here", "here", "Invented.", **{"dinamis:harvested_at": "2026-01-31T06:00:00Z"})], [])
    alone = site.get("/collections/here").json()
    (listed,) = [each for each in site.get("/collections").json()["collections"] if each["id"] == "here"]
    assert alone["dinamis:harvested_at"] == listed["dinamis:harvested_at"] == "2026-01-31T06:00:00Z"
