"""Acquisitions that turn out to be one, or come apart, on a real database: each Item goes with what bears its id."""

from __future__ import annotations

import json

import pytest

from harvester.amendments import correct_item, undo_run
from harvester.record import Withdrawal
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, Stock, feed_of, image, stock
from tests.harvester.pages.acquisition_items import ARCHIVED, IMAGE, held_by, links, timeless_items
from tests.harvests import counts, harvest_context, items, rows

__all__ = ["stock"]


@pytest.mark.parametrize(("first", "second"), [(0, 5), (5, 0)])
def test_two_known_acquisitions_that_turn_out_to_be_one_are_merged(stock: Stock, first: int, second: int) -> None:
    """The older survives with its id; the other Item goes, with the reason, and its names lead to the survivor."""
    older, younger = str(image(first)["image"]), str(image(second)["image"])
    stock.held.records = {"a": image(first)}
    stock.harvest()
    stock.held.records["b"] = image(second)
    stock.harvest()
    stock.held.records["c"] = {**image(first), "image": "PHR1A_NEW", "keys": (older, younger), "job": "JOB_3"}

    report = stock.harvest()

    assert items(stock.database).keys() == {older}
    assert (report.items_written, report.items_removed) == (1, 1)
    assert rows(stock.database, "SELECT item, reason FROM dinamis.tombstone") == [
        (younger, f"it is the same acquisition as {older}")
    ]
    assert rows(stock.database, "SELECT DISTINCT scene FROM dinamis.scene_alias") == [(older,)]
    assert rows(stock.database, "SELECT DISTINCT item FROM dinamis.source_record") == [(older,)]
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
        undo_run(joining.run or 0, harvest_context(stock.database, HELD, COAST, ARCHIVE))
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
    undo_run(joining.run or 0, harvest_context(stock.database, HELD, COAST, ARCHIVE))
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


def test_withdrawn_item_of_a_merged_acquisition_comes_back_in_the_one_that_it_was_merged_into(stock: Stock) -> None:
    """Nothing of the ledger leads to what is merged any more, and the record with the id of the Item has it again."""
    other = str(image(5)["image"])
    stock.held.records = {"a": image()}
    stock.harvest()
    stock.held.records["b"] = image(5)
    stock.harvest()
    stock.held.records, stock.held.withdrawals = {"a": image()}, [Withdrawal(id="b", reason="sold")]
    stock.harvest()
    stock.held.records, stock.held.withdrawals = {"c": image(keys=(IMAGE, other), job="JOB_2")}, []
    assert stock.harvest().refusals == []
    assert rows(stock.database, "SELECT DISTINCT scene FROM dinamis.item") == [(IMAGE,)]


def test_item_stays_with_a_record_that_stays(stock: Stock) -> None:
    """Not with one that leaves its acquisition, where it is called after neither."""
    stock.held.records = {"a": image()}
    stock.harvest()
    stock.held.records |= {
        "b": {**image(keys=(IMAGE,), job="JOB_2"), "image": "CALLED_OTHERWISE"},
        "c": {**image(keys=(IMAGE,), job="JOB_3"), "image": "CALLED_OTHERWISE_TOO"},
    }
    stock.harvest()
    del stock.held.records["a"]
    stock.held.withdrawals = [Withdrawal(id="a", reason="sold")]
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE}
    stock.held.records["b"] |= {"keys": ("ANOTHER",), "seconds": 500}
    stock.harvest()
    assert rows(stock.database, "SELECT record, item FROM dinamis.source_record WHERE state = 'active' ORDER BY 1") == [
        ("b", "CALLED_OTHERWISE"),
        ("c", IMAGE),
    ]


def test_item_goes_with_the_record_that_it_is_called_after(stock: Stock) -> None:
    """Not with the first of its records, when what joined them is gone."""
    stock.held.records = {"b": image(keys=("TWO",))}
    stock.harvest()
    stock.held.records |= {
        "a": {**image(keys=("ONE",), seconds=500, job="JOB_2"), "image": "CALLED_OTHERWISE"},
        "c": image(keys=("ONE", "TWO"), job="JOB_3"),
    }
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE}
    del stock.held.records["c"]
    stock.held.withdrawals = [Withdrawal(id="c", reason="sold")]
    stock.harvest()
    assert rows(stock.database, "SELECT record, item FROM dinamis.source_record WHERE state = 'active' ORDER BY 1") == [
        ("a", "CALLED_OTHERWISE"),
        ("b", IMAGE),
    ]


def test_item_stays_with_a_record_that_is_not_readable_any_more(stock: Stock) -> None:
    """Neither one that it is called after, which leaves its acquisition, nor one that joins it takes it away."""
    stock.held.records = {"a": image(), "b": image(job="JOB_2")}
    stock.harvest()
    before = items(stock.database)
    stock.held.records["a"], stock.held.torn = image(keys=("OTHER",), seconds=500), {"b"}
    stock.held.records["c"] = image(job="JOB_3")
    assert [each.record for each in stock.harvest().refusals] == ["a", "c"]
    assert items(stock.database) == before


def test_records_that_part_leave_the_ids_of_others_alone(stock: Stock) -> None:
    """Their Item is called after the one whose id is neither taken nor that of an Item of another collection."""
    coast, other = feed_of("coast", COAST, kind="held"), str(image(5)["image"])
    stock.held.records = {"z": image(5)}
    stock.harvest(coast)
    stock.held.records, stock.held.withdrawals = {}, [Withdrawal(id="z", reason="sold")]
    stock.harvest(coast)
    stock.held.records = {
        "a": image(),
        "b": {**image(keys=(other,), seconds=50, job="JOB_2"), "image": "CALLED_OTHERWISE"},
        "c": image(keys=(other,), seconds=50, job="JOB_3"),
        "d": image(5, keys=(other,), job="JOB_4"),
        "e": image(keys=(IMAGE, other), job="JOB_5"),
    }
    stock.held.withdrawals = []
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE}
    del stock.held.records["e"]
    stock.held.withdrawals = [Withdrawal(id="e", reason="sold")]
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE, "CALLED_OTHERWISE"}
    stock.held.records, stock.held.withdrawals = {"z": image(5)}, []
    assert stock.harvest(coast).refusals == []
    assert {name: item["collection"] for name, item in items(stock.database).items()} == {
        IMAGE: HELD,
        "CALLED_OTHERWISE": HELD,
        other: COAST,
    }


def test_record_that_records_elsewhere_give_to_another_acquisition_is_told_in_its_item_alone(stock: Stock) -> None:
    """Neither Item has a record on the page: both are built anew, the one without it and the other with it."""
    coast, other = feed_of("coast", COAST, kind="held"), str(image(5)["image"])
    held = {"a": image(), "b": image(5), "k": image(5, keys=("THIRD",), seconds=900, job="JOB_2")}
    y, z = {**image(5, seconds=1800), "image": "COAST_Y"}, {**image(seconds=2700), "image": "COAST_Z"}
    stock.held.records = {"y": {**y, "keys": (other, "THIRD")}, "z": {**z, "keys": (IMAGE,)}}
    stock.harvest(coast)
    stock.held.records = held
    stock.harvest()
    assert items(stock.database).keys() == {IMAGE, other, "COAST_Y", "COAST_Z"}
    stock.held.records = {"y": {**y, "keys": (other,)}, "z": {**z, "keys": (IMAGE, "THIRD")}}
    assert counts(stock.harvest(coast)) == {"changed": 2}
    assert rows(stock.database, "SELECT item FROM dinamis.source_record WHERE record = 'k'") == [(IMAGE,)]
    stock.held.records = held
    assert stock.harvest(reread=True).items_written == 0


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
    undo_run(parting.run or 0, harvest_context(stock.database, HELD, COAST, ARCHIVE))
    assert timeless_items(stock) == before
    assert rows(stock.database, "SELECT collection FROM dinamis.item WHERE id = %s", other) == [(HELD,)]


def test_record_goes_on_with_what_another_of_its_source_is_given_on_its_page(stock: Stock) -> None:
    """What it joined parts where the operator put it; there the record is of the Item that is made for the other."""
    anywhere, other = feed_of("held", None), str(image(5)["image"])
    stock.held.records = {"a": image(), "b": image(5), "c": image(1, keys=(IMAGE, other), job="JOB_2")}
    stock.harvest(anywhere, collection=COAST)
    assert items(stock.database).keys() == {IMAGE}
    stock.held.records["c"] = image(1, keys=(other,), job="JOB_2")
    stock.harvest(anywhere)
    assert rows(stock.database, "SELECT record, item FROM dinamis.source_record ORDER BY 1") == [
        ("a", IMAGE),
        ("b", other),
        ("c", other),
    ]
    assert {name: item["collection"] for name, item in items(stock.database).items()} == {IMAGE: COAST, other: COAST}


def test_record_that_comes_back_joins_the_item_that_its_source_goes_on_with(stock: Stock) -> None:
    """Its own was withdrawn in another collection, where it would be a second Item of what is one acquisition now."""
    anywhere, other = feed_of("held", None), str(image(1)["image"])
    stock.held.records = {"b": image(1)}
    stock.harvest(anywhere, collection=COAST)
    stock.held.records, stock.held.withdrawals = {"a": image()}, [Withdrawal(id="b", reason="sold")]
    stock.harvest(anywhere)
    stock.held.records["b"], stock.held.withdrawals = image(1, keys=(IMAGE, other), job="JOB_2"), []
    assert stock.harvest(anywhere).refusals == []
    assert {name: item["collection"] for name, item in items(stock.database).items()} == {IMAGE: HELD}


@pytest.mark.parametrize(("joining", "page_size"), [("a", 200), ("z", 200), ("c", 2)])
def test_items_that_a_run_joins_and_moves_are_one_where_it_moves_them(
    stock: Stock, joining: str, page_size: int
) -> None:
    """Whichever of their records comes first; undone, both are where they were."""
    anywhere, other = feed_of("held", None), str(image(5)["image"])
    stock.held.page_size = page_size
    stock.held.records = {"b": image(), "d": image(5)}
    stock.harvest(anywhere)
    before = timeless_items(stock)
    stock.held.records[joining] = image(1, keys=(IMAGE, other), job="JOB_2")
    moving = stock.harvest(anywhere, collection=COAST, move=True)
    assert moving.refusals == []
    assert {name: item["collection"] for name, item in items(stock.database).items()} == {IMAGE: COAST}
    undo_run(moving.run or 0, harvest_context(stock.database, HELD, COAST, ARCHIVE))
    assert timeless_items(stock) == before


def test_correction_stays_with_its_item_when_that_goes_and_comes_back(stock: Stock) -> None:
    """Of two Items that are joined and part again each has its own, also one that was made or removed meanwhile."""
    asked, other = harvest_context(stock.database, HELD, COAST, ARCHIVE), str(image(5)["image"])

    def clouds() -> dict[str, float]:
        return {name: item["properties"]["eo:cloud_cover"] for name, item in items(stock.database).items()}

    stock.held.records = {"a": image(), "b": image(5)}
    stock.harvest()
    correct_item(asked, other, "eo:cloud_cover", 77, "we looked at it", "a curator")
    stock.held.records["c"] = image(keys=(IMAGE, other), job="JOB_2")
    joining = stock.harvest()
    assert clouds() == {IMAGE: 12.5}
    correct_item(asked, IMAGE, "eo:cloud_cover", 55, "we looked at it", "a curator")
    undo_run(joining.run or 0, asked)
    assert clouds() == {IMAGE: 55, other: 77}
    joining = stock.harvest()
    assert clouds() == {IMAGE: 55}
    correct_item(asked, other, "eo:cloud_cover", None, "it was another one", "a curator")
    undo_run(joining.run or 0, asked)
    assert clouds() == {IMAGE: 55, other: 12.5}


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


@pytest.mark.parametrize("is_exchanged", [False, True])
def test_id_that_one_acquisition_leaves_and_another_takes_goes_with_its_item(stock: Stock, is_exchanged: bool) -> None:
    """What it left knows it no more, also where the Item of the other takes its place; it is changed, and not new."""
    stock.archive.records = {"y": image()}
    stock.harvest(stock.archive_feed)
    stock.held.records = {"z": {**image(9, keys=("Z",), job="JOB_3"), "image": "OLDER"}}
    stock.harvest()
    stock.held.records["a"] = image()
    stock.harvest()
    assert held_by(stock) == {ARCHIVED: (True, IMAGE)}
    called = {**image(8, keys=("Z" if is_exchanged else "Q",), job="JOB_2"), "image": IMAGE}
    stock.held.records |= {"a": image(5), "q": called}
    if is_exchanged:
        stock.held.records["z"] |= {"keys": (IMAGE,), "seconds": 0}
    assert stock.harvest().refusals == []
    assert held_by(stock) == {ARCHIVED: (True, "OLDER") if is_exchanged else (False, None)}
    assert rows(stock.database, "SELECT first_change < change FROM dinamis.item WHERE id = %s", IMAGE) == [(True,)]


def test_item_goes_with_its_last_record_though_one_that_went_before_comes_back_elsewhere(stock: Stock) -> None:
    """Both were of it once, and both are of other acquisitions now."""
    stock.held.records = {"a": image(), "b": image(job="JOB_2")}
    stock.harvest()
    stock.held.records, stock.held.withdrawals = {"a": image()}, [Withdrawal(id="b", reason="sold")]
    stock.harvest()
    stock.held.records, stock.held.withdrawals = {"a": image(5), "b": image(6)}, []
    assert counts(stock.harvest()) == {"changed": 1, "new": 1}
    assert items(stock.database).keys() == {image(5)["image"], image(6)["image"]}


def test_item_stays_with_what_is_in_force_though_its_namesake_comes_back_elsewhere(stock: Stock) -> None:
    """What was withdrawn takes no Item along: the id is that of the acquisition that still has it."""
    stock.held.records = {"a": image(), "b": {**image(keys=(IMAGE,), job="JOB_2"), "image": "CALLED_OTHERWISE"}}
    stock.harvest()
    del stock.held.records["a"]
    stock.held.withdrawals = [Withdrawal(id="a", reason="sold")]
    stock.harvest()
    stock.held.records["a"], stock.held.withdrawals = image(keys=("OTHER",), seconds=500), []
    (refusal,) = stock.harvest().refusals
    assert refusal.reason.startswith(f"its Item would be {IMAGE}, which is that of another acquisition in {HELD}: ")
    assert items(stock.database).keys() == {IMAGE}


def test_item_that_a_page_both_makes_and_joins_to_another_was_never_there(stock: Stock) -> None:
    """A refused record has the page taken in by turns; nobody is told that an Item is gone which nobody saw."""
    both = image(1, keys=(IMAGE, image(5)["image"]), job="JOB_2")
    stock.held.records = {"a": image(), "b": image(5), "c": both, "z": image(9, cloud=140)}
    report = stock.harvest()
    assert counts(report) == {"new": 3, "quarantined": 1}
    assert (report.items_written, report.items_removed) == (1, 0)
    assert rows(stock.database, "SELECT item FROM dinamis.tombstone") == []
