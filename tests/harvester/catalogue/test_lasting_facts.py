"""What a Collection says of its Items, told from those that changed, against what all of them say."""

from __future__ import annotations

import random
from typing import Any

import pytest

from harvester.record import Withdrawal
from tests.harvester.invented_source import HELD, Stock, image, stock
from tests.harvests import rows

__all__ = ["stock"]


def published_facts(stock: Stock) -> dict[str, Any]:
    """Extent and summaries of the Collection, as it was published."""
    ((content,),) = rows(stock.database, "SELECT content FROM pgstac.collections WHERE id = %s", HELD)
    return {name: content[name] for name in ("extent", "summaries")}


def facts_of_all_items(stock: Stock) -> dict[str, Any]:
    """What all Items say, with nothing known before."""
    with stock.database.connect("owner") as connection:
        connection.execute("DELETE FROM dinamis.collection_fact")
        row = connection.execute("SELECT dinamis.collection_facts(%s)", (HELD,)).fetchone()
        connection.rollback()
    assert row is not None
    facts: dict[str, Any] = row[0]
    return facts


def clouds(stock: Stock) -> tuple[float, float]:
    """The least and the greatest cloud cover that the Collection tells."""
    summary = published_facts(stock)["summaries"]["eo:cloud_cover"]
    return summary["minimum"], summary["maximum"]


@pytest.fixture
def cloudy(stock: Stock) -> Stock:
    """Five Items with 10 to 50 percent of clouds."""
    stock.held.records = {str(number): image(number, cloud=10.0 * number) for number in range(1, 6)}
    stock.harvest()
    return stock


def test_fact_goes_with_the_item_that_said_it(cloudy: Stock) -> None:
    """Once the cloudiest Item is less cloudy, the greatest cover is that of the next one."""
    cloudy.held.records["5"] = image(5, cloud=25.0)
    cloudy.harvest()
    assert clouds(cloudy) == (10.0, 40.0)


def test_fact_goes_with_an_item_that_is_withdrawn(cloudy: Stock) -> None:
    """An Item that left the catalogue says nothing any more."""
    del cloudy.held.records["1"]
    cloudy.held.withdrawals = [Withdrawal(id="1", reason="gone")]
    cloudy.harvest()
    assert clouds(cloudy) == (20.0, 50.0)


def test_little_change_leaves_the_other_items_alone(cloudy: Stock) -> None:
    """A new extreme is found without looking at an Item that did not change."""
    with cloudy.database.connect("owner") as connection:
        connection.execute(
            "UPDATE pgstac.items SET content = jsonb_set(content, '{properties,eo:cloud_cover}', '99')"
            " WHERE content->'properties'->>'eo:cloud_cover' = '30.0'"
        )
    cloudy.held.records["2"] = image(2, cloud=5.0)
    cloudy.harvest()
    assert clouds(cloudy) == (5.0, 50.0)
    assert facts_of_all_items(cloudy)["summaries"]["eo:cloud_cover"] == {"minimum": 5, "maximum": 99}


def test_facts_are_those_of_all_items_whatever_changed(stock: Stock) -> None:
    """After each of many runs that change, add and withdraw records the Collection says what all its Items say."""
    chance = random.Random(20_150_623)
    for step in range(8):
        for number in chance.sample(range(8), 2):
            stock.held.records[str(number)] = image(
                number,
                cloud=float(chance.randrange(6)),
                east=chance.randrange(3) * 1.0,
                platform=chance.choice(["pleiades-1a", "pleiades-1b"]),
            )
        gone = chance.choice(sorted(stock.held.records))
        if step % 3 == 2:
            del stock.held.records[gone]
        stock.held.withdrawals = [Withdrawal(id=gone, reason="gone")] if step % 3 == 2 else []
        stock.harvest()
        told, wanted = published_facts(stock), facts_of_all_items(stock)
        assert told["extent"] == wanted["extent"], step
        # The document declares summaries of its own, such as the bands.
        assert {name: told["summaries"][name] for name in wanted["summaries"]} == wanted["summaries"], step


def lacking(stock: Stock, *names: str) -> dict[str, int]:
    """How many Items lack each of these properties."""
    with stock.database.connect("harvest") as connection:
        row = connection.execute("SELECT dinamis.items_lacking(%s, %s)", (HELD, list(names))).fetchone()
    assert row is not None
    found: dict[str, int] = row[0]
    return found


def test_property_that_none_lacked_is_looked_for_where_something_changed(cloudy: Stock) -> None:
    """Of a property that no Item lacked, one that changed is told; then all of them are counted again."""
    assert lacking(cloudy, "platform", "eo:cloud_cover") == {}
    cloudy.held.records["2"] = image(2, cloud=None)
    cloudy.harvest()
    assert lacking(cloudy, "platform", "eo:cloud_cover") == {"eo:cloud_cover": 1}
    cloudy.held.records["3"] = image(3, cloud=None)
    cloudy.harvest()
    assert lacking(cloudy, "platform", "eo:cloud_cover") == {"eo:cloud_cover": 2}
    assert lacking(cloudy, "eo:snow_cover") == {"eo:snow_cover": 5}


def test_property_that_none_lacked_is_not_looked_for_again(cloudy: Stock) -> None:
    """Where no Item changed since, none is looked at."""
    assert lacking(cloudy, "platform") == {}
    with cloudy.database.connect("owner") as connection:
        connection.execute("UPDATE pgstac.items SET content = content #- '{properties,platform}'")
    assert lacking(cloudy, "platform") == {}
