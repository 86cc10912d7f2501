"""Harvests keep stereo sets true, on a real database: they come, change, move and go with their views."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from harvester import catalogue
from harvester.harvest import Request, harvest
from harvester.harvest_context import WritingOptions
from harvester.pages.writing import PageWriting
from harvester.record import Page, RawRecord
from harvester.runs.report import HarvestReport
from tests.harvester.stereo.passes import (
    ARCHIVE,
    HELD,
    HELD_FEED,
    MIDDLE,
    SETS,
    Holdings,
    convergence_of,
    generated_passes,
    holdings,
    holdings_in,
    pass_over,
)
from tests.harvests import rows
from tests.postgres import PostgresServer

__all__ = ["holdings"]

PAIR = pass_over(2)
FIRST, SECOND = PAIR
PAIR_ID = f"pleiades-1a_{FIRST[6:]}_{SECOND[6:]}"


def links(item: dict[str, Any], rel: str) -> list[str]:
    """Where the links of an Item with one relation lead."""
    return [link["href"] for link in item["links"] if link["rel"] == rel]


def test_pair_is_there_as_soon_as_its_second_view_is(holdings: Holdings) -> None:
    """One view makes no set; with the second, in another run, the pair stands in the catalogue."""
    holdings.deliver({FIRST: PAIR[FIRST]})
    assert holdings.sets() == {}

    report = holdings.deliver({SECOND: PAIR[SECOND]})
    (pair,) = holdings.sets().values()
    assert (pair["id"], pair["collection"]) == (PAIR_ID, "pleiades-stereo")
    assert pair["properties"]["stereo:views"] == [FIRST, SECOND]
    assert pair["properties"]["stereo:convergence_angle"] == pytest.approx(convergence_of(0.3), abs=0.05)
    assert report.items_written == 3


def test_views_tell_of_their_sets(holdings: Holdings) -> None:
    """Each view links to its set and says its place, also the one that came in an earlier run."""
    holdings.deliver({FIRST: PAIR[FIRST]})
    holdings.deliver({SECOND: PAIR[SECOND]})
    views = {name: item for name, item in holdings.state()["items"].items() if name in PAIR}
    assert [links(view, "related") for view in views.values()] == [[f"collections/pleiades-stereo/items/{PAIR_ID}"]] * 2
    places = {name: view["properties"]["stereo-img:number"] for name, view in views.items()}
    assert places == {FIRST: 1, SECOND: 2}
    assert {view["properties"]["stereo-img:group"] for view in views.values()} == {PAIR_ID}


def test_pair_goes_when_a_view_goes(holdings: Holdings) -> None:
    """Without its second view the pair is withdrawn, with a tombstone, and the first view tells of it no more."""
    holdings.deliver(PAIR)
    report = holdings.withdraw(SECOND)
    assert holdings.sets() == {}
    assert report.items_removed == 2
    (first,) = holdings.state()["items"].values()
    assert not [name for name in first["properties"] if name.startswith("stereo")]
    assert links(first, "related") == []
    assert rows(holdings.database, "SELECT collection, item FROM dinamis.tombstone WHERE item = %s", PAIR_ID) == [
        ("pleiades-stereo", PAIR_ID)
    ]


def test_pair_comes_back_with_its_view(holdings: Holdings) -> None:
    """A set that comes back is the one that it was: same id, first made when it was, and no tombstone is left."""
    holdings.deliver(PAIR)
    (before,) = holdings.sets().values()
    holdings.withdraw(SECOND)
    holdings.deliver({SECOND: PAIR[SECOND]})
    (after,) = holdings.sets().values()
    assert after["properties"]["created"] == before["properties"]["created"]
    assert rows(holdings.database, "SELECT item FROM dinamis.tombstone") == []


def test_set_moves_when_its_missing_view_is_delivered(holdings: Holdings) -> None:
    """A set with a view to order stands in the collection of these, and keeps its id when the view is delivered."""
    holdings.deliver({FIRST: PAIR[FIRST]})
    holdings.list_in_archive(PAIR)
    (pair,) = holdings.sets().values()
    assert (pair["id"], pair["collection"]) == (PAIR_ID, "airbus-archive-pleiades-stereo")
    assert pair["properties"]["stereo:views_to_order"] == [f"ARCHIVE-{SECOND}"]
    assert pair["properties"]["dinamis:view_collections"] == [ARCHIVE, HELD]
    assert pair["properties"]["dinamis:held"] is False

    holdings.deliver({SECOND: PAIR[SECOND]})
    (moved,) = holdings.sets().values()
    assert (moved["id"], moved["collection"]) == (PAIR_ID, "pleiades-stereo")
    assert (moved["properties"]["stereo:views_to_order"], moved["properties"]["dinamis:held"]) == ([], True)
    assert rows(holdings.database, "SELECT collection, reason FROM dinamis.tombstone") == [
        ("airbus-archive-pleiades-stereo", "it was moved to pleiades-stereo")
    ]
    assert rows(holdings.database, "SELECT collection, is_archive FROM dinamis.item WHERE id = %s", PAIR_ID) == [
        ("pleiades-stereo", False)
    ]


def test_image_is_one_view_though_the_archive_says_that_it_was_seen_otherwise(holdings: Holdings) -> None:
    """The Item that is held stands for its acquisition: that of the archive makes no other set."""
    holdings.deliver(PAIR)
    before = holdings.sets()
    holdings.list_in_archive({name: {**said, "incidence": said["incidence"] + 3} for name, said in PAIR.items()})
    assert holdings.sets() == before


def test_triplet_and_its_pairs_are_sets(holdings: Holdings) -> None:
    """Three views of a pass are a triplet and three pairs, each in its own collection."""
    holdings.deliver(pass_over(3, base_to_height=0.5))
    collections = sorted(item["collection"] for item in holdings.sets().values())
    assert collections == ["pleiades-stereo"] * 3 + ["pleiades-tristereo"]
    (triplet,) = (item for item in holdings.sets().values() if item["collection"] == "pleiades-tristereo")
    roles = [link["stereo:role"] for link in triplet["links"] if link["rel"] == "derived_from"]
    assert roles == ["forward", "nadir", "backward"]
    assert len(triplet["properties"]["stereo:consecutive_convergence_angles"]) == 2


def test_collections_of_sets_are_harvested_with_their_views_also_by_a_run_that_was_killed(holdings: Holdings) -> None:
    """Whichever process made the sets; the archive, whose Items the run did not bring, is not harvested with them."""

    def kill(report: HarvestReport, _: object) -> None:
        if report.read == 2:
            raise KeyboardInterrupt

    holdings.held.records = {**pass_over(2), **pass_over(1, lon=40.0, middle=MIDDLE + timedelta(days=9))}
    holdings.held.page_size = 2
    with pytest.raises(KeyboardInterrupt):
        harvest(HELD_FEED, holdings.context, Request(), kill)
    assert len(holdings.sets()) == 1

    assert holdings.harvest().is_resumed

    harvested = rows(holdings.database, "SELECT collection FROM dinamis.collection_harvest")
    assert {collection for (collection,) in harvested} == {HELD, *SETS}


def test_same_harvest_again_writes_nothing(holdings: Holdings) -> None:
    """Unchanged records, and records that are read again, leave every Item and set as it was written."""
    holdings.deliver(pass_over(3, base_to_height=0.5))
    query = "SELECT id, change, updated FROM dinamis.item ORDER BY id"
    before = rows(holdings.database, query)
    assert holdings.harvest().items_written == 0
    assert holdings.harvest(reread=True).items_written == 0
    assert rows(holdings.database, query) == before


def test_changed_view_changes_its_sets_alone(holdings: Holdings) -> None:
    """More cloud over one view is seen in the pair, and no other Item is written."""
    holdings.deliver(PAIR)
    report = holdings.deliver({FIRST: {**PAIR[FIRST], "cloud": 60.0}})
    assert report.items_written == 2
    (pair,) = holdings.sets().values()
    assert pair["properties"]["eo:cloud_cover"] == pair["properties"]["stereo:cloud_cover_max"] == 60
    assert pair["properties"]["stereo:cloud_cover_mean"] == 32.5


def test_dry_run_tells_of_sets_and_writes_none(holdings: Holdings) -> None:
    """What a harvest would do to sets stands among its changes."""
    holdings.deliver({FIRST: PAIR[FIRST]})
    before = holdings.state()
    holdings.held.records = {SECOND: PAIR[SECOND]}
    changes = {change.item: change.kind for change in holdings.harvest(dry_run=True).changes}
    assert changes == {FIRST: "changed", SECOND: "new", PAIR_ID: "new"}
    assert holdings.state() == before


@contextmanager
def open_page(holdings: Holdings, name: str) -> Iterator[None]:
    """A page with one image that is written, and committed at the end of the context."""
    context = holdings.context
    with catalogue.connect(context.conninfo) as page, catalogue.connect(context.conninfo, autocommit=True) as side:
        writing = PageWriting(page, side, HELD_FEED, None, context, WritingOptions())
        writing.take_in(Page(records=[RawRecord(id=name, content=PAIR[name])], next_cursor=None))
        writing.write_items()
        yield


def wait_for_somebody_waiting(holdings: Holdings) -> None:
    """Return when a session waits for an advisory lock."""
    until = time.monotonic() + 10
    while not rows(holdings.database, "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        assert time.monotonic() < until, "the second page waits for nobody"
        time.sleep(0.02)


def test_two_pages_at_once_find_the_pair(holdings: Holdings) -> None:
    """Two connections that each bring one view while the other's page is open end with the pair."""
    assert holdings.harvest().read == 0

    def bring_the_second() -> None:
        with open_page(holdings, SECOND):
            pass

    with ThreadPoolExecutor(1) as other:
        with open_page(holdings, FIRST):
            second = other.submit(bring_the_second)
            wait_for_somebody_waiting(holdings)
        second.result(timeout=20)
    assert list(holdings.sets()) == [PAIR_ID]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_order_of_arrival_does_not_matter(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """All at once, or image by image in any order with withdrawals between: the catalogue ends up the same."""
    told = generated_passes(seed, 8)
    names = list(told)
    random.Random(seed).shuffle(names)
    with postgres_server.clone() as database:
        at_once = holdings_in(database, monkeypatch)
        at_once.deliver(told)
        at_once.list_in_archive(dict(list(told.items())[::2]))
        expected = at_once.state()
    assert len(expected["sets"]) > 2
    with postgres_server.clone() as database:
        piecewise = holdings_in(database, monkeypatch)
        for start in range(0, len(names), 4):
            some = names[start : start + 4]
            piecewise.list_in_archive({name: told[name] for name in some if name in list(told)[::2]})
            piecewise.deliver({name: told[name] for name in some})
            if start % 8 == 0:
                piecewise.withdraw(some[0])
                piecewise.deliver({some[0]: told[some[0]]})
        assert piecewise.state() == expected
