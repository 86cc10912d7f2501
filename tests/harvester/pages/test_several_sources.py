"""One acquisition at several sources, on a real database: its Items know of each other, in every order of arrival."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from harvester.feeds import Feed
from harvester.harvest import harvest
from harvester.record import Withdrawal
from harvester.runs import Request, history
from harvester.sources.registry import SOURCES
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, InventedSource, Stock, feed_of, image, stock
from tests.harvester.pages.acquisition_items import ARCHIVED, IMAGE, held_by, links
from tests.harvests import counts, harvest_context, items, rows, timeless
from tests.postgres import PostgresServer

__all__ = ["stock"]


def by_every_order(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch, said: list[tuple[Feed, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """The catalogue after the feeds came in each order; it is the same for all."""
    results = []
    for order in itertools.permutations(said):
        with server.clone() as database:
            for feed, records in order:
                is_archive = str(feed.collection).startswith("airbus")
                source = InventedSource(records=records, is_archive=is_archive)
                monkeypatch.setitem(SOURCES, feed.kind, source)
                Stock(database, source, source).harvest(feed)
            results.append({name: timeless(item) for name, item in items(database).items()})
    assert all(result == results[0] for result in results)
    return results[0]


@pytest.mark.parametrize(
    "said",
    [
        {"seconds": 0},
        {"seconds": 2, "keys": ("OTHER",)},
        {"seconds": -2, "keys": ("OTHER",)},
        {"east": 0.05, "keys": ("OTHER",)},
    ],
    ids=["same-key", "two-seconds-later", "two-seconds-earlier", "half-of-the-ground"],
)
def test_image_of_the_archive_says_that_it_is_held(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    """Archive and delivery link to each other, by a common key or by moment and place, whichever comes first."""
    feeds = [(feed_of("held", HELD), {"a": image()}), (feed_of("archive", ARCHIVE), {"z": {**image(), **said}})]
    found = by_every_order(postgres_server, monkeypatch, feeds)

    archived = found[ARCHIVED]["properties"]
    assert (archived["dinamis:held"], archived["dinamis:held_by"]) == (True, IMAGE)
    assert links(found[ARCHIVED]) == [("canonical", f"collections/{HELD}/items/{IMAGE}")]
    assert links(found[IMAGE]) == [("alternate", f"collections/{ARCHIVE}/items/{ARCHIVED}")]
    assert "dinamis:held" not in found[IMAGE]["properties"]


@pytest.mark.parametrize(
    "said",
    [{"seconds": 3}, {"seconds": 2.001}, {"east": 0.06}, {"platform": "pleiades-1b"}],
    ids=["three-seconds", "just-over-two", "two-fifths-of-the-ground", "other-satellite"],
)
def test_other_acquisitions_are_not_taken_for_held(stock: Stock, said: dict[str, Any]) -> None:
    """Without a common key, a moment or a place that differs by more is another acquisition."""
    stock.held.records = {"a": image()}
    stock.archive.records = {"z": {**image(), **said, "keys": ("OTHER",)}}
    stock.harvest()
    stock.harvest(stock.archive_feed)
    assert held_by(stock) == {ARCHIVED: (False, None)}
    assert [links(item) for item in items(stock.database).values()] == [[], []]


def test_image_of_two_archives_is_not_held(stock: Stock) -> None:
    """Each of the Items knows the other one, by which nobody has it yet."""
    second = f"ARCHIVE-{image(1)['image']}"
    stock.archive.records = {"z": image()}
    stock.harvest(stock.archive_feed)
    stock.archive.records = {"y": image(1, keys=(IMAGE,))}
    stock.harvest(feed_of("coast", COAST, kind="archive"))
    assert held_by(stock) == {ARCHIVED: (False, None), second: (False, None)}
    assert links(items(stock.database)[ARCHIVED]) == [("alternate", f"collections/{COAST}/items/{second}")]


def test_three_collections_of_one_acquisition_in_every_order(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The archive has one canonical Item; all three know both others."""
    feeds = [
        (feed_of("held", HELD), {"a": image()}),
        (feed_of("coast", COAST), {"c": {**image(), "image": "COAST", "keys": ("K", IMAGE)}}),
        (feed_of("archive", ARCHIVE), {"z": image()}),
    ]
    found = by_every_order(postgres_server, monkeypatch, feeds)
    assert found.keys() == {IMAGE, ARCHIVED, "COAST"}
    assert sorted(rel for rel, _ in links(found[ARCHIVED])) == ["alternate", "canonical"]
    assert sorted(rel for rel, _ in links(found[IMAGE])) == ["alternate", "alternate"]


def test_each_record_tells_when_and_where_its_acquisition_was_taken(
    postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has no common name is held against all records of an acquisition, not against the one that came last."""
    feeds = [
        (feed_of("held", HELD), {"a": image()}),
        (feed_of("archive", ARCHIVE), {"z": image(seconds=60, east=7.0, platform="pleiades-1b")}),
        (feed_of("coast", COAST), {"c": {**image(), "image": "COAST", "keys": ("K",), "seconds": -1, "east": -0.04}}),
    ]
    found = by_every_order(postgres_server, monkeypatch, feeds)
    assert {name: len(links(item)) for name, item in found.items()} == {IMAGE: 2, ARCHIVED: 2, "COAST": 2}


@pytest.mark.parametrize("is_corrected", [True, False])
def test_what_no_record_says_any_more_leads_to_no_acquisition(stock: Stock, is_corrected: bool) -> None:
    """A record that was corrected, or is gone, draws no other one to where it said that its image was taken."""
    stock.held.records = {"a": image(), "b": image(seconds=60, east=7.0, job="JOB_2")}
    stock.harvest()
    stock.held.records |= {"b": image(job="JOB_2")}
    if not is_corrected:
        del stock.held.records["b"]
        stock.held.withdrawals = [Withdrawal(id="b", reason="sold")]
    stock.harvest()
    stock.archive.records = {"z": image(1, keys=("OTHER",), seconds=60, east=7.0)}
    stock.harvest(stock.archive_feed)
    assert held_by(stock) == {f"ARCHIVE-{image(1)['image']}": (False, None)}


def test_delivery_that_is_withdrawn_is_not_held_any_more(stock: Stock) -> None:
    """When the delivery goes its mark and links go; when it comes back so do they."""
    stock.archive.records = {"z": image()}
    stock.harvest(stock.archive_feed)
    before = timeless(items(stock.database)[ARCHIVED])
    stock.held.records = {"a": image()}
    stock.harvest()
    held = timeless(items(stock.database)[ARCHIVED])
    assert held["properties"]["dinamis:held_by"] == IMAGE

    stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id="a", reason="sold")]
    report = stock.harvest()
    assert (report.items_written, report.items_removed) == (1, 1)
    assert {name: timeless(item) for name, item in items(stock.database).items()} == {ARCHIVED: before}

    stock.held.records, stock.held.withdrawals = {"a": image()}, []
    stock.harvest()
    assert timeless(items(stock.database)[ARCHIVED]) == held


def test_unchanged_delivery_leaves_the_item_of_the_archive_alone(stock: Stock) -> None:
    """A new version of the delivery is no news for the archive: its Item is not written again."""
    stock.archive.records, stock.held.records = {"z": image()}, {"a": image()}
    stock.harvest(stock.archive_feed)
    stock.harvest()
    before = items(stock.database)[ARCHIVED]
    stock.held.records = {"a": image(cloud=4)}
    assert stock.harvest().items_written == 1
    assert items(stock.database)[ARCHIVED] == before


def test_record_changes_though_one_of_another_item_of_its_acquisition_is_not_readable_any_more(stock: Stock) -> None:
    """That Item stays as it is, and its record goes on saying of which acquisition it is."""
    stock.archive.records, stock.held.records = {"z": image()}, {"a": image()}
    stock.harvest(stock.archive_feed)
    stock.harvest()
    before = items(stock.database)[IMAGE]
    stock.held.torn = {"a"}
    stock.archive.records = {"z": image(cloud=4)}
    assert counts(stock.harvest(stock.archive_feed)) == {"changed": 1}
    found = items(stock.database)
    assert (found[IMAGE], found[ARCHIVED]["properties"]["eo:cloud_cover"]) == (before, 4)


def test_delivery_that_moves_is_linked_where_it_is(stock: Stock) -> None:
    """The image of the archive links to the held one in the collection to which a run moved it."""
    stock.archive.records, stock.held.records = {"z": image()}, {"a": image()}
    anywhere = feed_of("held", None)
    stock.harvest(stock.archive_feed)
    stock.harvest(anywhere)
    stock.harvest(anywhere, collection=COAST, move=True)
    assert links(items(stock.database)[ARCHIVED]) == [("canonical", f"collections/{COAST}/items/{IMAGE}")]


def test_item_does_not_move_to_another_of_its_acquisition(stock: Stock) -> None:
    """It stays where it is, and the reason is told; the other records of the page move."""
    coast, anywhere = feed_of("coast", COAST, kind="held"), feed_of("held", None)
    stock.held.records = {"z": {**image(), "image": "COAST"}}
    stock.harvest(coast)
    stock.held.records = {"a": image(keys=("COAST",)), "b": image(keys=("COAST",), job="JOB_2"), "c": image(1)}
    stock.harvest(anywhere)
    report = stock.harvest(anywhere, collection=COAST, move=True)
    assert {name: item["collection"] for name, item in items(stock.database).items()} == {
        "COAST": COAST,
        IMAGE: HELD,
        str(image(1)["image"]): COAST,
    }
    assert {each.record: each.reason for each in report.refusals} == dict.fromkeys(
        "ab",
        f"{IMAGE} in {HELD} and COAST in {COAST} are Items of one acquisition, of which no collection can have two: "
        "leave out --move, and --collection",
    )


def test_items_of_one_acquisition_in_two_collections_do_not_become_one(stock: Stock) -> None:
    """A further record is of the older one; without --move both are named, and with it they stay where they are."""
    anywhere, other = feed_of("held", None), str(image(5)["image"])
    stock.held.records = {"b": image()}
    stock.harvest(anywhere, collection=COAST)
    stock.held.records = {"a": image(5), "b": image(cloud=4)}
    stock.harvest(anywhere)
    stock.held.records["c"] = image(1, keys=(IMAGE, other), job="JOB_2")
    stock.harvest(anywhere)
    before = {IMAGE: COAST, other: HELD}
    assert rows(stock.database, "SELECT item FROM dinamis.source_record WHERE record = 'c'") == [(IMAGE,)]
    where = f"{IMAGE} in {COAST} and {other} in {HELD}"
    for options, reason in (
        ({}, f"the catalogue has {where}; say --move to move it to {ARCHIVE}"),
        ({"move": True}, f"{where} are Items of one acquisition, of which no collection can have two: "),
    ):
        refusals = stock.harvest(anywhere, collection=ARCHIVE, **options).refusals
        assert [each.reason.startswith(reason) for each in refusals] == [True] * 3
        assert {name: item["collection"] for name, item in items(stock.database).items()} == before


@pytest.mark.parametrize("page_size", [1, 200])
def test_ids_that_clash_are_refused_with_the_reason(stock: Stock, page_size: int) -> None:
    """Two acquisitions whose Items would have one id: the second is refused, on the same page as on a later one."""
    stock.held.page_size = page_size
    stock.held.records = {"a": image(keys=("ONE",)), "b": {**image(keys=("TWO",)), "seconds": 500}}
    report = stock.harvest()
    assert counts(report) == {"new": 1, "quarantined": 1}
    assert f"its Item would be {IMAGE}, which is that of another acquisition in {HELD}" in report.refusals[0].reason


def test_source_of_another_collection_is_told_where_the_item_is(stock: Stock) -> None:
    """An Item is in one collection: what a source of another one says of it is refused, with what to do."""
    stock.held.records = {"a": image()}
    stock.harvest(feed_of("held", None), collection=COAST)
    stock.held.records = {"a": image(cloud=3), "b": image(keys=("TWO",), seconds=500)}
    report = stock.harvest()
    assert counts(report) == {"quarantined": 2}
    same, other = (each.reason for each in report.refusals)
    assert same == (
        f"its Item {IMAGE} is in {COAST}, and this is a source of {HELD}: move it (`dinamis harvest deliveries … "
        f"--collection {HELD} --move`), or harvest the source into {COAST}"
    )
    assert other.startswith(f"its Item would be {IMAGE}, which is that of another acquisition in {COAST}: ")


def test_item_of_another_source_takes_no_record_that_may_go_anywhere(stock: Stock) -> None:
    """Neither one in force, the id of which is taken, nor a withdrawn one with another id."""
    coast, anywhere, second = feed_of("coast", COAST, kind="held"), feed_of("held", None), str(image(1)["image"])
    gone = {**image(1, keys=(second,)), "image": "COAST"}
    stock.held.records = {"a": image(), "b": gone}
    stock.harvest(coast)
    stock.held.records, stock.held.withdrawals = {"a": image()}, [Withdrawal(id="b", reason="sold")]
    stock.harvest(coast)
    stock.held.records, stock.held.withdrawals = {"c": image(), "d": image(1)}, []
    (refusal,) = stock.harvest(anywhere).refusals
    assert refusal.reason.startswith(f"its Item {IMAGE} is in {COAST}, and this is a source of {HELD}: move")
    assert {name: item["collection"] for name, item in items(stock.database).items()} == {IMAGE: COAST, second: HELD}


def test_two_sources_of_one_collection_make_one_item(stock: Stock) -> None:
    """Records of two sources in one collection are united, and what they contradict each other about is reported."""
    other = feed_of("other", HELD, kind="held")
    stock.held.records = {"a": image()}
    stock.harvest()
    stock.held.records = {"b": {**image(cloud=60), "job": "JOB_2"}}
    report = stock.harvest(other)
    (item,) = items(stock.database).values()
    assert item["properties"]["dinamis:source"] == ["held", "other"]
    assert report.conflicts == [(IMAGE, "other says cloud cover 60 %, held says cloud cover 12.5 %, which is believed")]


def test_source_that_the_document_names_first_is_believed(stock: Stock) -> None:
    """Whatever they are called and whoever came last; one that it does not name is behind all that it does."""
    context = harvest_context(stock.database, "radar")
    assert [choice.label for choice in context.documents["radar"].harvest.sources] == ["oneatlas-sar", "kalideos"]
    for source, cloud in (("kalideos", 60), ("oneatlas-sar", 20), ("another", 40)):
        stock.held.records = {source: image(cloud=cloud, job=source)}
        report = harvest(feed_of(source, "radar", kind="held"), context, Request())
    assert [item["properties"]["eo:cloud_cover"] for item in items(stock.database).values()] == [20]
    believed = "oneatlas-sar says cloud cover 20 %, which is believed"
    assert report.conflicts == [
        (IMAGE, f"kalideos says cloud cover 60 %, {believed}; another says cloud cover 40 %, {believed}")
    ]


def test_all_conflicts_of_a_run_are_told_afterwards(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its account has the first of them; of an Item all that its sources contradict each other about at last."""
    other = feed_of("other", HELD, kind="held")
    stock.held.records = {"a": image(), "b": image(1)}
    stock.harvest()
    stock.held.page_size = 1
    stock.held.records = {"c": image(cloud=60), "d": image(1, cloud=60), "e": image(cloud=60, seconds=4)}
    run = stock.harvest(other).run or 0
    monkeypatch.setattr(history, "NAMED_RECORDS", 1)
    with stock.database.connect("harvest") as connection:
        assert len(history.report_of(connection, run).conflicts) == 1
        told = dict(history.conflicts_of(connection, run))
    assert told.keys() == {IMAGE, image(1)["image"]}
    assert [told[IMAGE].count(f"other says {field}") for field in ("cloud cover", "acquired")] == [1, 1]
