"""One acquisition at several sources, on a real database: its Items know of each other, in every order of arrival."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from harvester.amendments import undo_run
from harvester.feeds import Feed
from harvester.record import Withdrawal
from harvester.sources.registry import SOURCES
from tests.harvest_rooms import Items, counts, items, rooms, rows, timeless
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, InventedSource, Stock, feed_of, image, stock
from tests.postgres import PostgresServer

__all__ = ["stock"]

IMAGE = str(image()["image"])
ARCHIVED = f"ARCHIVE-{IMAGE}"


def links(item: dict[str, Any]) -> list[tuple[str, str]]:
    """The links of an Item to others of its acquisition."""
    return [(link["rel"], link["href"]) for link in item["links"] if link["rel"] in ("alternate", "canonical")]


def held_by(stock: Stock) -> dict[str, tuple[bool, str | None]]:
    """What the Items of the archive say: whether they are held, and by which Item."""
    archived = {name: item["properties"] for name, item in items(stock.database).items() if name.startswith("ARCHIVE")}
    return {name: (said["dinamis:held"], said.get("dinamis:held_by")) for name, said in archived.items()}


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


def test_delivery_that_moves_is_linked_where_it_is(stock: Stock) -> None:
    """The image of the archive links to the held one in the collection to which a run moved it."""
    stock.archive.records, stock.held.records = {"z": image()}, {"a": image()}
    anywhere = feed_of("held", None)
    stock.harvest(stock.archive_feed)
    stock.harvest(anywhere)
    stock.harvest(anywhere, collection=COAST, move=True)
    assert links(items(stock.database)[ARCHIVED]) == [("canonical", f"collections/{COAST}/items/{IMAGE}")]


def timeless_items(stock: Stock) -> Items:
    """All Items, without when they were written."""
    return {name: timeless(item) for name, item in items(stock.database).items()}


def test_two_known_acquisitions_that_turn_out_to_be_one_are_merged(stock: Stock) -> None:
    """The older survives with its id; the other Item goes, with the reason, and its names lead to the survivor."""
    stock.held.records = {"a": image()}
    stock.harvest()
    stock.held.records["b"] = image(5)
    stock.harvest()
    other = str(image(5)["image"])
    stock.held.records["c"] = {**image(), "image": "PHR1A_NEW", "keys": (IMAGE, other), "job": "JOB_3"}

    report = stock.harvest()

    assert items(stock.database).keys() == {IMAGE}
    assert (report.items_written, report.items_removed) == (1, 1)
    assert rows(stock.database, "SELECT item, reason FROM dinamis.tombstone") == [
        (other, f"it is the same acquisition as {IMAGE}")
    ]
    assert rows(stock.database, "SELECT DISTINCT scene FROM dinamis.scene_alias") == [(IMAGE,)]
    assert rows(stock.database, "SELECT DISTINCT item FROM dinamis.source_record") == [(IMAGE,)]
    assert counts(stock.harvest()) == {"unchanged": 3}


def test_merged_acquisition_keeps_the_item_that_stands(stock: Stock) -> None:
    """The Item of the older acquisition was withdrawn: that of the other one, which readers know, stays."""
    stock.held.records = {"a": image()}
    stock.harvest()
    stock.held.records, stock.held.withdrawals = {"b": image(5)}, [Withdrawal(id="a", reason="sold")]
    stock.harvest()
    other = str(image(5)["image"])
    stock.held.records["c"] = {**image(), "image": "PHR1A_NEW", "keys": (IMAGE, other), "job": "JOB_3"}
    assert counts(stock.harvest()) == {"new": 1, "unchanged": 1}
    assert items(stock.database).keys() == {other}
    assert rows(stock.database, "SELECT record, item FROM dinamis.source_record WHERE state = 'active' ORDER BY 1") == [
        ("b", other),
        ("c", other),
    ]


def test_record_that_goes_on_the_page_that_merges_its_acquisition_is_gone(stock: Stock) -> None:
    """A record with both names replaces that of the one which is merged: the Item says nothing of it any more."""
    stock.held.records = {"a": image(), "b": image(5)}
    stock.harvest()
    both = image(keys=(IMAGE, str(image(5)["image"])), job="JOB_3")
    stock.held.records = {"a": image(), "c": {**both, "image": "PHR1A_NEW"}}
    stock.held.withdrawals = [Withdrawal(id="b", reason="replaced")]
    assert counts(stock.harvest()) == {"new": 1, "unchanged": 1, "withdrawn": 1}
    found = timeless_items(stock)
    assert found.keys() == {IMAGE}
    assert counts(stock.harvest(reread=True)) == {"unchanged": 2}
    assert timeless_items(stock) == found


@pytest.mark.parametrize("page_size", [1, 200])
@pytest.mark.parametrize("how", ["withdrawn", "corrected", "undone"])
def test_acquisitions_come_apart_when_nothing_joins_them_any_more(stock: Stock, how: str, page_size: int) -> None:
    """Each has its Item again, under its id and with its links, when the record that joined them is gone."""
    other = image(5)
    stock.held.page_size = page_size
    stock.archive.records = {"y": image(), "z": other}
    stock.harvest(stock.archive_feed)
    stock.held.records = {"a": image(), "b": other, "c": image(1)}
    stock.harvest()
    before = timeless_items(stock)
    both = image(1, keys=(IMAGE, other["image"]))
    stock.held.records["c"] = both
    joining = stock.harvest()
    assert items(stock.database).keys() == {IMAGE, ARCHIVED}

    if how == "undone":
        undo_run(joining.run or 0, {"pleiades/held": stock.held_feed}.get, rooms(stock.database, HELD, COAST, ARCHIVE))
    elif how == "corrected":
        stock.held.records["c"] = image(1)
        stock.harvest()
    else:
        stock.held.records, stock.held.withdrawals = {"a": image(), "b": other}, [Withdrawal(id="c", reason="sold")]
        stock.harvest()
        del before[str(image(1)["image"])]

    assert timeless_items(stock) == before
    assert rows(stock.database, "SELECT item FROM dinamis.tombstone WHERE item = %s", other["image"]) == []


def test_records_that_part_are_of_a_new_item_where_none_is_called_after_them(stock: Stock) -> None:
    """They came into an Item that was there; alone they are of one with the id that they give it."""
    other = image(5)
    stock.held.records = {"a": image(), "b": image(5, keys=(IMAGE, other["image"]))}
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE}
    stock.held.records["b"] = {**other, "job": "JOB_2"}
    report = stock.harvest()
    assert counts(report) == {"changed": 1, "unchanged": 1}
    assert items(stock.database).keys() == {IMAGE, other["image"]}
    assert rows(stock.database, "SELECT record, item FROM dinamis.source_record ORDER BY 1") == [
        ("a", IMAGE),
        ("b", other["image"]),
    ]
    stock.held.records["c"] = {**other, "seconds": 900, "job": "JOB_3"}
    assert counts(stock.harvest()) == {"new": 1, "unchanged": 2}
    assert len(items(stock.database)) == 2


def test_record_that_is_gone_goes_though_those_that_it_joined_cannot_part(stock: Stock) -> None:
    """They give their Items one id and stay together; what another record joined parts all the same."""
    other = image(5)
    stock.held.records = {
        "a": image(keys=("ONE",)),
        "b": image(keys=("TWO",), seconds=900, job="JOB_2"),
        "c": image(keys=("ONE", "TWO"), job="JOB_3"),
        "d": other,
        "e": image(6),
        "f": image(7, keys=(other["image"], str(image(6)["image"]))),
    }
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE, other["image"]}
    del stock.held.records["c"], stock.held.records["f"]
    stock.held.withdrawals = [Withdrawal(id=gone, reason="sold") for gone in "cf"]
    assert counts(stock.harvest()) == {"unchanged": 4, "withdrawn": 2}
    assert items(stock.database).keys() == {IMAGE, other["image"], image(6)["image"]}
    assert rows(stock.database, "SELECT record FROM dinamis.source_record WHERE item = %s ORDER BY 1", IMAGE) == [
        ("a",),
        ("b",),
        ("c",),
    ]


def test_record_that_others_of_its_page_gave_to_another_item_changes_there(stock: Stock) -> None:
    """They join its acquisition to an older one, a refused record has them taken in by turns; then it leaves both."""
    stock.held.records = {"a": image(), "c": image(5)}
    stock.harvest()
    both = image(1, keys=(IMAGE, image(5)["image"]), job="JOB_2")
    stock.held.records |= {"b": both, "c": image(7, job="JOB_3"), "z": {**image(9, keys=("OTHER",)), "image": IMAGE}}
    assert counts(stock.harvest()) == {"unchanged": 1, "new": 1, "changed": 1, "quarantined": 1}
    assert stock.harvest(feed_of("held", HELD), reread=True).items_written == 0


def test_record_goes_from_the_item_that_others_of_its_page_left_it(stock: Stock) -> None:
    """What joined its acquisition to another one goes first, as not all can go at once."""
    stock.held.records = {
        "a": image(),
        "b": image(keys=(IMAGE, image(5)["image"]), job="JOB_2"),
        "c": image(5, job="JOB_3"),
        "x": image(8, keys=("ONE",)),
        "y": {**image(9, keys=("TWO",)), "image": image(8)["image"]},
        "z": image(8, keys=("ONE", "TWO"), job="JOB_2"),
    }
    stock.harvest()
    for gone in "bcz":
        del stock.held.records[gone]
    stock.held.withdrawals = [Withdrawal(id=gone, reason="sold") for gone in "bcz"]
    assert counts(stock.harvest()) == {"unchanged": 3, "withdrawn": 3}
    assert items(stock.database).keys() == {IMAGE, image(8)["image"]}


def test_undone_run_leaves_what_it_joined_and_what_it_could_read_as_it_was(stock: Stock) -> None:
    """Those that it joined part, and of theirs what was in quarantine is there again."""
    stock.held.records = {"a": image(), "b": image(5), "c": image(5, job="JOB_2", problem="it is torn")}
    stock.harvest()
    before = timeless_items(stock)
    stock.held.records |= {"c": image(5, job="JOB_2"), "d": image(1, keys=(IMAGE, image(5)["image"]), job="JOB_3")}
    joining = stock.harvest()
    assert items(stock.database).keys() == {IMAGE}
    undo_run(joining.run or 0, {"pleiades/held": stock.held_feed}.get, rooms(stock.database, HELD, COAST, ARCHIVE))
    assert timeless_items(stock) == before


def test_item_comes_back_after_whichever_of_its_records_it_is_called(stock: Stock) -> None:
    """Not the first of its records, which came later and calls itself otherwise, has a new one made."""
    other = str(image(5)["image"])
    stock.held.records = {"a": image(), "c": image(5)}
    stock.harvest()
    stock.held.records["b"] = {**image(5, keys=(other,), job="JOB_2"), "image": "CALLED_OTHERWISE"}
    stock.harvest()
    stock.held.records["d"] = image(1, keys=(IMAGE, other), job="JOB_3")
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE}
    stock.held.records["d"] = image(1, job="JOB_3")
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE, other, str(image(1)["image"])}


def test_records_part_where_their_item_was_moved_to(stock: Stock) -> None:
    """The Item that was withdrawn when they were joined comes back in that collection; undone, it is as it was."""
    anywhere, other = feed_of("held", None), str(image(5)["image"])
    stock.held.records = {"a": image(), "b": image(5)}
    stock.harvest(anywhere)
    stock.held.records["c"] = image(1, keys=(IMAGE, other), job="JOB_2")
    stock.harvest(anywhere)
    stock.harvest(anywhere, collection=COAST, move=True)
    before = timeless_items(stock)
    stock.held.records["c"] = image(keys=(IMAGE,), job="JOB_2")
    parting = stock.harvest(anywhere)
    assert parting.refusals == []
    assert {name: item["collection"] for name, item in items(stock.database).items()} == {IMAGE: COAST, other: COAST}
    undo_run(parting.run or 0, {anywhere.name: anywhere}.get, rooms(stock.database, HELD, COAST, ARCHIVE))
    assert timeless_items(stock) == before
    assert rows(stock.database, "SELECT collection FROM dinamis.item WHERE id = %s", other) == [(HELD,)]


def test_names_that_the_reader_of_today_finds_join_a_record_when_its_acquisition_is_touched(stock: Stock) -> None:
    """A record that was read by another release parts from its acquisition, and is of the one that has its name."""
    other = str(image(5)["image"])
    stock.held.records = {
        "a": image(),
        "b": image(1, keys=(IMAGE,), job="JOB_2"),
        "c": image(job="JOB_3"),
        "d": image(5),
    }
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE, other}
    with stock.database.connect("owner") as connection:
        connection.execute(
            "UPDATE dinamis.record_version SET content = %s WHERE record ="
            " (SELECT id FROM dinamis.source_record WHERE record = 'b')",
            (json.dumps(image(1, keys=(other,), job="JOB_2")).encode(),),
        )
    del stock.held.records["c"]
    stock.held.withdrawals = [Withdrawal(id="c", reason="sold")]
    assert counts(stock.harvest()) == {"unchanged": 3, "withdrawn": 1}
    assert rows(stock.database, "SELECT record, item FROM dinamis.source_record WHERE state = 'active' ORDER BY 1") == [
        ("a", IMAGE),
        ("b", other),
        ("d", other),
    ]


def test_names_of_two_acquisitions_that_are_exchanged_are_followed(stock: Stock) -> None:
    """Each Item stays with the record that it is called after, also while the other one takes its place."""
    stock.archive.records = {"y": image(), "z": image(5)}
    stock.harvest(stock.archive_feed)
    names = IMAGE, str(image(5)["image"])
    stock.held.records = {"a": image(), "b": image(5)}
    stock.harvest()
    exchanged = {"a": image(keys=(names[1],), seconds=50), "b": image(5, keys=(names[0],), seconds=0)}
    stock.held.records = exchanged
    assert counts(stock.harvest()) == {"changed": 2}
    assert held_by(stock) == {f"ARCHIVE-{names[0]}": (True, names[1]), f"ARCHIVE-{names[1]}": (True, names[0])}
    assert counts(stock.harvest(reread=True)) == {"unchanged": 2}


@pytest.mark.parametrize("cloud", [12.5, 13])
@pytest.mark.parametrize(("stays", "leaves"), ["ab", "ba"])
def test_component_that_says_that_it_is_another_image_is_refused(
    stock: Stock, cloud: float, stays: str, leaves: str
) -> None:
    """Two acquisitions cannot both have the id: the one stays as it was, whether the other changes with it or not."""
    stock.held.records = {"a": image(), "b": image(job="JOB_2")}
    stock.harvest()
    stock.held.records[leaves] = image(keys=("OTHER",), seconds=500)
    stock.held.records[stays]["cloud"] = cloud
    (refusal,) = stock.harvest().refusals
    assert refusal.reason.startswith(f"its Item would be {IMAGE}, which is that of another acquisition in {HELD}: ")
    assert rows(stock.database, "SELECT DISTINCT item, state FROM dinamis.source_record") == [(IMAGE, "active")]
    assert items(stock.database).keys() == {IMAGE}


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


def test_merged_acquisitions_of_the_archive_are_held(stock: Stock) -> None:
    """An archived image of another name is joined to its delivery by a record that has both names."""
    stock.archive.records = {"z": {**image(4), "keys": ("ONLY_THE_ARCHIVE",)}}
    stock.harvest(stock.archive_feed)
    stock.held.records = {"a": image()}
    stock.harvest()
    archived = f"ARCHIVE-{image(4)['image']}"
    assert held_by(stock) == {archived: (False, None)}
    stock.held.records["b"] = {**image(), "keys": (IMAGE, "ONLY_THE_ARCHIVE"), "job": "JOB_2"}
    stock.harvest()
    assert held_by(stock) == {archived: (True, IMAGE)}


@pytest.mark.parametrize("page_size", [1, 200])
def test_ids_that_clash_are_refused_with_the_reason(stock: Stock, page_size: int) -> None:
    """Two acquisitions whose Items would have one id: the second is refused, on the same page as on a later one."""
    stock.held.page_size = page_size
    stock.held.records = {"a": image(keys=("ONE",)), "b": {**image(keys=("TWO",)), "seconds": 500}}
    report = stock.harvest()
    assert counts(report) == {"new": 1, "quarantined": 1}
    assert f"its Item would be {IMAGE}, which is that of another acquisition in {HELD}" in report.refusals[0].reason


@pytest.mark.parametrize("is_gone_meanwhile", [False, True])
def test_records_under_other_names_keep_their_item(stock: Stock, is_gone_meanwhile: bool) -> None:
    """When their names are corrected the Item goes with them to the other acquisition, and all links follow."""
    other = image(5)
    stock.archive.records = {"y": image(), "z": other}
    stock.harvest(stock.archive_feed)
    stock.held.records = {"a": image(), "b": image(job="JOB_2")}
    stock.harvest()
    before = items(stock.database)[IMAGE]
    if is_gone_meanwhile:
        stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id=gone, reason="sold") for gone in "ab"]
        stock.harvest()
        stock.held.withdrawals = []

    corrected = image(keys=(other["image"],), seconds=other["seconds"])
    stock.held.records = {"a": corrected, "b": {**corrected, "job": "JOB_2"}}
    report = stock.harvest()

    assert report.refusals == []
    assert held_by(stock) == {ARCHIVED: (False, None), f"ARCHIVE-{other['image']}": (True, IMAGE)}
    found = items(stock.database)[IMAGE]
    assert links(found) == [("alternate", f"collections/{ARCHIVE}/items/ARCHIVE-{other['image']}")]
    assert found["properties"]["created"] == before["properties"]["created"]
    assert counts(stock.harvest(reread=True)) == {"unchanged": 2}


def test_source_of_another_collection_is_told_where_the_item_is(stock: Stock) -> None:
    """An Item is in one collection: what a source of another one says of it is refused, with what to do."""
    stock.held.records = {"a": image()}
    stock.harvest(feed_of("held", None), collection=COAST)
    stock.held.records = {"a": image(cloud=3)}
    report = stock.harvest()
    assert counts(report) == {"quarantined": 1}
    assert report.refusals[0].reason.startswith(f"its Item {IMAGE} is in {COAST}, and this is a source of {HELD}: move")


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
