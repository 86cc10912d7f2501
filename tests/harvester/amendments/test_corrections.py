"""Corrections on a real database: on top of what the sources say, for as long as they stand."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from harvester.amendments import CorrectionRefused, correct_item, corrections, corrections_of
from harvester.record import Withdrawal
from tests.harvester.invented_source import ARCHIVE, HELD, Stock, image, stock
from tests.harvester.lost_answers import lose_answer
from tests.harvester.stereo.passes import Holdings, holdings, pass_over
from tests.harvests import counts, harvest_context, items, rows, timeless

__all__ = ["holdings", "stock"]

ITEM = image()["image"]
SQUARE = {"type": "Polygon", "coordinates": [[[4.0, 48.7], [4.05, 48.7], [4.05, 48.75], [4.0, 48.75], [4.0, 48.7]]]}


@pytest.fixture
def one(stock: Stock) -> Stock:
    """A catalogue with one Item whose cloud cover is 12.5 %."""
    stock.held.records = {"a": image()}
    stock.harvest()
    return stock


def correct(stock: Stock, field: str, value: Any, item: str = ITEM) -> None:
    """Correct a field, because somebody looked."""
    correct_item(
        harvest_context(stock.database, HELD, ARCHIVE), item, field, value, "seen on the quicklook", "M. Curatrice"
    )


def properties(stock: Stock) -> dict[str, Any]:
    """Of the one Item."""
    found: dict[str, Any] = items(stock.database)[ITEM]["properties"]
    return found


def test_correction_is_in_the_item_at_once_and_says_so(one: Stock) -> None:
    """The Item has the corrected value and names the field; the correction keeps why and by whom."""
    correct(one, "eo:cloud_cover", 80)

    assert properties(one)["eo:cloud_cover"] == 80
    assert properties(one)["dinamis:corrected"] == ["eo:cloud_cover"]
    with psycopg.connect(one.database.conninfo("harvest")) as connection:
        (kept,) = corrections_of(connection, ITEM)
    assert (kept.field, kept.value, kept.reason, kept.author) == (
        "eo:cloud_cover",
        80,
        "seen on the quicklook",
        "M. Curatrice",
    )


def test_correction_survives_harvests(one: Stock) -> None:
    """Neither an unchanged record nor one that says something else takes the correction away."""
    correct(one, "eo:cloud_cover", 80)
    assert counts(one.harvest()) == {"unchanged": 1}
    one.held.records["a"] = image(cloud=3, job="JOB_2")
    assert counts(one.harvest()) == {"changed": 1}
    assert properties(one)["eo:cloud_cover"] == 80
    assert all("job_2" in key for key in items(one.database)[ITEM]["assets"] if key.startswith("pms"))


def test_correction_survives_withdrawal_and_return(one: Stock) -> None:
    """An Item that comes back has its correction."""
    correct(one, "eo:cloud_cover", 80)
    one.held.records, one.held.withdrawals = {}, [Withdrawal(id="a", reason="sold")]
    one.harvest()
    assert items(one.database) == {}
    one.held.records, one.held.withdrawals = {"a": image()}, []
    one.harvest()
    assert properties(one)["eo:cloud_cover"] == 80


def test_removed_correction_gives_back_what_the_source_says(one: Stock) -> None:
    """After its correction is removed the Item is what it was before."""
    before = timeless(items(one.database)[ITEM])
    correct(one, "eo:cloud_cover", 80)
    correct(one, "eo:cloud_cover", None)
    assert timeless(items(one.database)[ITEM]) == before
    with pytest.raises(CorrectionRefused, match="nothing to remove"):
        correct(one, "eo:cloud_cover", None)


def test_later_correction_replaces_the_former(one: Stock) -> None:
    """A field has one correction, the last one."""
    correct(one, "eo:cloud_cover", 80)
    correct(one, "eo:cloud_cover", 70)
    assert properties(one)["eo:cloud_cover"] == 70


def test_corrected_footprint_moves_box_area_and_extent(one: Stock) -> None:
    """A better footprint is that of the Item, its box and its area, and of the extent of its collection."""
    correct(one, "geometry", SQUARE)
    item = items(one.database)[ITEM]
    assert item["bbox"] == [4.0, 48.7, 4.05, 48.75]
    assert item["properties"]["dinamis:footprint_from"] == "correction"
    assert extent(one) == [4.0, 48.7, 4.05, 48.75]


def test_correction_is_in_the_collection_as_soon_as_in_the_item(one: Stock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed right after its transaction, it leaves no Collection that tells less than its Items."""
    monkeypatch.setattr(corrections, "publish_changes", kill)
    with pytest.raises(KeyboardInterrupt):
        correct(one, "geometry", SQUARE)
    assert items(one.database)[ITEM]["bbox"] == extent(one) == [4.0, 48.7, 4.05, 48.75]


def extent(stock: Stock) -> list[float]:
    """The box of the Collection."""
    box = "SELECT content #> '{extent,spatial,bbox,0}' FROM pgstac.collections WHERE id = %s"
    ((found,),) = rows(stock.database, box, HELD)
    assert isinstance(found, list)
    return found


def kill(*_: object) -> None:
    """End the process, wherever it is."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cloud_cover", 3, "Did you mean eo:cloud_cover"),
        ("dinamis:held", True, "no field of an Item that a source describes"),
        ("eo:cloud_cover", "much", "not of the type number"),
        ("eo:cloud_cover", 180, "not between 0 and 100"),
        ("eo:cloud_cover", float("nan"), "numbers must be finite"),
        ("title", "Strasbourg\0", "valid Unicode without NUL"),
        ("title", "Strasbourg \ud800", "valid Unicode without NUL"),
        ("datetime", "yesterday", "Invalid isoformat"),
        ("geometry", {"type": "Point", "coordinates": [4, 48]}, "geometry"),
    ],
)
def test_wrong_field_or_value_is_refused_and_nothing_is_written(
    one: Stock, field: str, value: Any, message: str
) -> None:
    """The message says what is wrong; Item, corrections and runs are as before."""
    tables = ("pgstac.items", "dinamis.correction", "dinamis.item", "dinamis.run")

    def contents() -> list[Any]:
        return [rows(one.database, f"SELECT xmin::text, ctid::text FROM {table} ORDER BY 1, 2") for table in tables]

    before = contents()
    with pytest.raises(CorrectionRefused, match=message):
        correct(one, field, value)
    assert contents() == before


def test_correction_can_be_removed_when_all_records_are_of_another_item(one: Stock) -> None:
    """Nothing tells of the Item any more, but its correction would be in force again if something did."""
    correct(one, "eo:cloud_cover", 80)
    one.held.records = {"a": image(1)}
    one.harvest()
    correct(one, "eo:cloud_cover", None)
    one.held.records["b"] = image()
    one.harvest()
    assert items(one.database)[ITEM]["properties"]["eo:cloud_cover"] == 12.5


def test_item_that_is_not_there_cannot_be_corrected(one: Stock) -> None:
    """An unknown Item is named, and a withdrawn one is to come back first; its correction can be removed though."""
    with pytest.raises(CorrectionRefused, match="no Item IMAGE"):
        correct(one, "eo:cloud_cover", 1, "IMAGE")
    correct(one, "eo:cloud_cover", 80)
    one.held.records, one.held.withdrawals = {}, [Withdrawal(id="a", reason="sold")]
    one.harvest()
    with pytest.raises(CorrectionRefused, match="was withdrawn"):
        correct(one, "eo:cloud_cover", 1)
    correct(one, "eo:cloud_cover", None)
    assert rows(one.database, "SELECT * FROM dinamis.correction") == []


def test_stereo_set_cannot_be_corrected(holdings: Holdings) -> None:
    """It says what its images say; and nothing is written."""
    holdings.deliver(pass_over(2))
    (name,) = holdings.sets()
    with pytest.raises(CorrectionRefused, match=f"{name} is a stereo set: correct the images"):
        correct_item(holdings.context, name, "eo:cloud_cover", 3, "seen", "A. Martin")
    assert rows(holdings.database, "SELECT * FROM dinamis.correction") == []


def test_correction_is_a_run_of_the_history(one: Stock) -> None:
    """Who corrected what and why is found among the runs; the Item is a change for those who follow us."""
    ((before,),) = rows(one.database, "SELECT change FROM dinamis.item")
    correct(one, "eo:cloud_cover", 80)
    assert rows(
        one.database,
        "SELECT run.kind, state, feed, run_note.kind, subject, detail FROM dinamis.run JOIN dinamis.run_note"
        " ON run_note.run = run.id WHERE run.kind = 'correct'",
    ) == [
        (
            "correct",
            "succeeded",
            one.held_feed.name,
            "corrected",
            ITEM,
            "eo:cloud_cover: seen on the quicklook (M. Curatrice)",
        )
    ]
    ((after,),) = rows(one.database, "SELECT change FROM dinamis.item")
    assert after > before


def test_correction_is_made_once_though_its_commit_was_not_heard_of(
    one: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is it a second run of the history, nor is one that was removed said not to be there."""
    before = properties(one)["eo:cloud_cover"]
    with monkeypatch.context() as cut:
        lose_answer(cut, 1)
        correct(one, "eo:cloud_cover", 80)
    assert properties(one)["eo:cloud_cover"] == 80
    assert rows(one.database, "SELECT count(*) FROM dinamis.run WHERE kind = 'correct'") == [(1,)]

    with monkeypatch.context() as cut:
        lose_answer(cut, 1)
        correct(one, "eo:cloud_cover", None)
    assert properties(one)["eo:cloud_cover"] == before
    assert rows(one.database, "SELECT count(*) FROM dinamis.run WHERE kind = 'correct'") == [(2,)]


def test_correction_that_was_not_committed_is_made_on_a_new_connection(
    one: Stock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is lost before the commit leaves nothing of it, and it is made from the start."""
    correct(one, "eo:cloud_cover", 70)
    lose_answer(monkeypatch, 1, is_committed=False)

    correct(one, "eo:cloud_cover", 80)

    assert properties(one)["eo:cloud_cover"] == 80
    assert rows(one.database, "SELECT count(*) FROM dinamis.run WHERE kind = 'correct'") == [(2,)]
