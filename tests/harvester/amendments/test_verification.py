"""The catalogue held against the ledger, after somebody changed it behind the back of the harvests."""

from __future__ import annotations

from typing import Any

import pytest

from harvester.amendments import Verification, verify
from harvester.amendments import verification as module
from tests.harvester.invented_source import Stock, image, stock
from tests.harvester.lost_answers import lose_answer
from tests.harvester.stereo.passes import ARCHIVE, HELD, Holdings, generated_passes, holdings, pass_over
from tests.harvests import harvest_context, images, items, rows, timeless

__all__ = ["holdings", "stock"]


def behind_the_back(holdings: Holdings, *statements: str) -> None:
    """Change the catalogue as no harvest does."""
    with holdings.database.connect("owner") as connection:
        for statement in statements:
            connection.execute(statement)


def harvested(holdings: Holdings) -> None:
    """Images that are held, in the archive, or both, some of them withdrawn, and the sets that they make."""
    told = generated_passes(7, 12)
    holdings.list_in_archive(dict(list(told.items())[::2]))
    holdings.deliver(told)
    holdings.withdraw(*list(told)[::5])


def found(account: Verification) -> set[tuple[str, str, str]]:
    """Kind, collection and Item of what was found."""
    return {(each.kind, each.collection, each.item) for each in account.findings}


def last_change(holdings: Holdings) -> Any:
    """The number of the last change of the catalogue."""
    return rows(holdings.database, "SELECT last_value FROM dinamis.change")


def test_true_catalogue_is_found_to_be_true(holdings: Holdings) -> None:
    """After harvests there is nothing to find, and nothing is written."""
    harvested(holdings)
    before, change = holdings.state(), last_change(holdings)
    for mend in (False, True):
        account = verify(holdings.context, mend=mend)
        assert (account.counts.total(), account.left) == (0, 0)
        assert account.items == len(images(items(holdings.database)))
    assert (holdings.state(), last_change(holdings)) == (before, change)


#: The first is deleted, the second says something else.
SPOILT = (
    "DELETE FROM pgstac.items WHERE id IN (SELECT id FROM dinamis.{table} ORDER BY id LIMIT 1)",
    """UPDATE pgstac.items SET content = jsonb_set(content, '{{properties,title}}', '"else"')
    WHERE id IN (SELECT id FROM dinamis.{table} ORDER BY id OFFSET 1 LIMIT 1)""",
)


@pytest.mark.parametrize(
    ("table", "page"),
    [("item WHERE is_published AND scene IS NOT NULL", 500), ("stereo_set", 3)],
    ids=["images", "sets"],
)
def test_what_is_missing_or_different_is_found_and_mended(
    holdings: Holdings, table: str, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Item that was deleted by hand, and one that was changed, are told, and come back; nothing else is written."""
    monkeypatch.setattr(module, "PAGE_SIZE", page)
    harvested(holdings)
    before, change = holdings.state(), last_change(holdings)
    (lost, its_collection), (changed, other_collection) = rows(
        holdings.database, f"SELECT id, collection FROM dinamis.{table} ORDER BY id LIMIT 2"
    )
    behind_the_back(holdings, *(each.format(table=table) for each in SPOILT))
    spoilt = holdings.state()
    expected = {("missing", its_collection, lost), ("different", other_collection, changed)}

    account = verify(holdings.context)
    assert (found(account), account.left) == (expected, 2)
    (different,) = (each for each in account.findings if each.kind == "different")
    assert {name: there for name, (there, _) in different.fields.items()} == {"properties.title": "else"}
    assert (holdings.state(), last_change(holdings)) == (spoilt, change)

    account = verify(holdings.context, mend=True)
    assert (found(account), account.left) == (expected, 0)
    assert holdings.state() == before
    assert rows(holdings.database, "SELECT id FROM dinamis.item WHERE change > %s ORDER BY id", *change[0]) == [
        (lost,),
        (changed,),
    ]
    assert not verify(holdings.context).counts


def test_collection_that_was_deleted_is_back_with_its_items(holdings: Holdings) -> None:
    """Who deletes a Collection by hand deletes its Items, too: all of them are told, and come back."""
    harvested(holdings)
    before, members = (
        holdings.state(),
        {name for name, item in items(holdings.database).items() if item["collection"] == HELD},
    )
    behind_the_back(holdings, f"SELECT pgstac.delete_collection('{HELD}')")
    expected = {("missing", HELD, name) for name in members}
    assert found(verify(holdings.context)) == expected
    assert found(verify(holdings.context, mend=True)) == expected
    assert holdings.state() == before


def test_what_was_withdrawn_and_stands_is_taken_away(holdings: Holdings) -> None:
    """An Item that the ledger has no more is left over; one that it never had is foreign, and stays."""
    holdings.deliver(pass_over(3))
    first, gone, last = sorted(pass_over(3))
    behind_the_back(holdings, "CREATE TABLE aside AS SELECT * FROM pgstac.items")
    holdings.withdraw(gone)
    behind_the_back(
        holdings,
        f"INSERT INTO pgstac.items SELECT * FROM aside WHERE id = '{gone}'",
        f"UPDATE aside SET id = 'SOMEBODY_ELSES' WHERE id = '{gone}'",
        "INSERT INTO pgstac.items SELECT * FROM aside WHERE id = 'SOMEBODY_ELSES'",
    )
    account = verify(holdings.context, mend=True)
    assert found(account) == {("left over", HELD, gone), ("foreign", HELD, "SOMEBODY_ELSES")}
    assert account.left == 1
    assert images(items(holdings.database)).keys() == {first, last, "SOMEBODY_ELSES"}


def test_only_what_is_named_is_looked_at(holdings: Holdings) -> None:
    """With a collection the Items of others may be as they like."""
    told = pass_over(2)
    holdings.deliver(told)
    holdings.list_in_archive(told)
    behind_the_back(holdings, f"DELETE FROM pgstac.items WHERE collection = '{HELD}'")
    assert not verify(holdings.context, [ARCHIVE]).counts
    assert verify(holdings.context, [HELD]).counts == {"missing": 2}


def test_item_of_an_unreadable_record_is_told_and_left_alone(stock: Stock) -> None:
    """Nobody knows how it should be; the others are mended."""
    torn, other = image()["image"], image(1)["image"]
    stock.held.records = {"a": image(), "b": image(1)}
    stock.harvest()
    before = items(stock.database)
    with stock.database.connect("owner") as connection:
        connection.execute(
            "UPDATE dinamis.record_version SET content = %s FROM dinamis.source_record AS known"
            " WHERE known.id = record_version.record AND known.record = 'a'",
            (b'{"problem": "it is torn"}',),
        )
        connection.execute("DELETE FROM pgstac.items WHERE id = %s", (other,))
    account = verify(harvest_context(stock.database, HELD), mend=True)
    assert found(account) == {("unreadable", HELD, torn), ("missing", HELD, other)}
    assert account.left == 1
    assert {name: timeless(item) for name, item in items(stock.database).items()} == {
        name: timeless(item) for name, item in before.items()
    }


@pytest.mark.parametrize("is_committed", [True, False])
def test_lost_answer_loses_nothing_of_the_account(
    holdings: Holdings, monkeypatch: pytest.MonkeyPatch, is_committed: bool
) -> None:
    """Where nobody heard that a page was committed, what it mended is told all the same."""
    holdings.deliver(pass_over(2))
    before = holdings.state()
    behind_the_back(holdings, f"DELETE FROM pgstac.items WHERE collection = '{HELD}'")
    with monkeypatch.context() as network:
        lose_answer(network, 1, is_committed=is_committed)
        account = verify(holdings.context, mend=True)
    assert (account.counts, account.left) == ({"missing": 2}, 0)
    assert holdings.state() == before


def test_mending_that_is_killed_before_it_published_is_finished_by_the_next(
    holdings: Holdings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though that finds nothing amiss any more, the Collections tell of what was mended."""

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    holdings.deliver(pass_over(2))
    before = holdings.state()
    behind_the_back(holdings, f"DELETE FROM pgstac.items WHERE collection = '{HELD}'")
    with monkeypatch.context() as patch:
        patch.setattr(module, "publish_changes", kill)
        with pytest.raises(KeyboardInterrupt):
            verify(holdings.context, mend=True)
    deferred = "SELECT query FROM pgstac.query_queue"
    assert rows(holdings.database, deferred)

    assert not verify(holdings.context, mend=True).counts

    assert not rows(holdings.database, deferred)
    assert holdings.state() == before
