"""A rebuild finds what harvests keep, on a real database."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from harvester.amendments import stereo_rebuild
from harvester.amendments.stereo_rebuild import Shard, UnfinishedRebuild, rebuild, unfinished_rebuilds
from tests.harvester.lost_answers import lose_answer
from tests.harvester.stereo.passes import (
    ARCHIVE,
    HELD,
    HELD_FEED,
    MIDDLE,
    SETS,
    Holdings,
    generated_passes,
    holdings,
    pass_over,
)
from tests.harvests import harvest_context, images, items, rows

__all__ = ["holdings"]

EARLY = datetime(2020, 2, 3, 10, 0, tzinfo=UTC)
SINCE = datetime(2021, 8, 10, tzinfo=UTC)

FORGET = (
    "DELETE FROM pgstac.items WHERE id IN (SELECT id FROM dinamis.stereo_set)",
    "UPDATE dinamis.item SET is_published = false WHERE id IN (SELECT id FROM dinamis.stereo_set)",
    "DELETE FROM dinamis.stereo_set",
    "DELETE FROM dinamis.stereo_view",
)


def execute(holdings: Holdings, *statements: str) -> None:
    """Change the catalogue behind the back of the harvest."""
    with holdings.database.connect("owner") as connection:
        for statement in statements:
            connection.execute(statement)


def harvested(holdings: Holdings, seed: int = 7) -> None:
    """A generated archive, some images held, some to order, some withdrawn."""
    told = generated_passes(seed, 12)
    holdings.list_in_archive(dict(list(told.items())[::2]))
    holdings.deliver(told)
    holdings.withdraw(*list(told)[::5])


def test_rebuild_of_a_true_catalogue_writes_nothing(holdings: Holdings) -> None:
    """What harvests kept is what a rebuild finds."""
    harvested(holdings)
    before, changes = holdings.state(), rows(holdings.database, "SELECT max(change) FROM dinamis.item")
    report = rebuild(holdings.context)
    assert (report.written, report.removed) == (0, 0)
    assert report.items == len(before["views"])
    assert holdings.state() == before
    assert rows(holdings.database, "SELECT max(change) FROM dinamis.item") == changes


@pytest.mark.parametrize("seed", [7, 8])
def test_rebuild_makes_again_all_that_was_lost(holdings: Holdings, seed: int) -> None:
    """A catalogue from before there were sets ends up as one that had them from the first harvest on."""
    harvested(holdings, seed)
    before = holdings.state()
    assert len(before["sets"]) > 3
    execute(holdings, *FORGET)
    rebuild(holdings.context)
    assert holdings.state() == before


def test_rebuild_removes_sets_that_should_not_be(holdings: Holdings) -> None:
    """A set of which nobody knows the views goes; so does a view whose Item was withdrawn unnoticed."""
    told = pass_over(2)
    holdings.deliver(told)
    execute(holdings, "DELETE FROM dinamis.stereo_view WHERE item LIKE '%1'", "DELETE FROM dinamis.stereo_view")
    execute(
        holdings, f"UPDATE dinamis.source_record SET state = 'withdrawn', reason = 'x' WHERE record = '{min(told)}'"
    )
    execute(holdings, f"UPDATE dinamis.item SET is_published = false WHERE id = '{min(told)}'")
    rebuild(holdings.context)
    assert holdings.sets() == {}


@pytest.mark.parametrize("left", [(), (SETS[0],)], ids=["none", "pairs"])
def test_rebuild_removes_sets_that_no_document_takes(holdings: Holdings, left: tuple[str, ...]) -> None:
    """Sets that the documents know no more go, and no image tells of them; with the documents they come back."""
    holdings.deliver(pass_over(3, base_to_height=0.5))
    before = holdings.state()
    rebuild(harvest_context(holdings.database, HELD, ARCHIVE, *left))
    kept = {item["collection"] for item in holdings.sets().values()}
    assert kept == set(left)
    told_of = {
        link["href"].split("/")[1]
        for item in images(items(holdings.database)).values()
        for link in item["links"]
        if link["rel"] == "related"
    }
    assert told_of == set(left)
    rebuild(holdings.context)
    assert holdings.state() == before


def test_rebuild_keeps_to_what_was_asked(holdings: Holdings) -> None:
    """With a satellite and a day, only its months from that one on are done."""
    for middle in (EARLY, MIDDLE):
        for platform in ("pleiades-1a", "pleiades-1b"):
            holdings.deliver(pass_over(2, middle=middle, platform=platform))
    seen = []
    report = rebuild(
        holdings.context, "pleiades-1b", datetime(2021, 1, 1, tzinfo=UTC), lambda shard, _: seen.append(shard)
    )
    assert [(shard.platform, f"{shard.month:%Y-%m}") for shard in seen] == [("pleiades-1b", "2021-08")]
    assert (report.shards, report.items) == (1, 2)


def test_workers_share_a_rebuild(holdings: Holdings) -> None:
    """A month that another worker holds is left to it, and what it left undone is resumed."""
    holdings.deliver(pass_over(2))
    holdings.deliver(pass_over(2, platform="pleiades-1b"))
    with holdings.database.connect("harvest") as other:
        other.execute("SELECT pg_advisory_lock(hashtextextended('stereo shard pleiades-1a 2021-08-01', 0))")
        assert rebuild(holdings.context).shards == 1
    assert rows(holdings.database, "SELECT platform FROM dinamis.stereo_shard") == [("pleiades-1a",)]
    assert rebuild(holdings.context).shards == 1
    assert rows(holdings.database, "SELECT platform FROM dinamis.stereo_shard") == []


def test_nothing_is_there_to_rebuild(holdings: Holdings) -> None:
    """An empty catalogue, and one without collections of sets, are done at once."""
    assert rebuild(holdings.context).items == 0
    assert holdings.harvest(HELD_FEED).exit_code == 0


@pytest.mark.parametrize("is_committed", [True, False])
def test_rebuild_counts_what_it_wrote_though_a_commit_was_not_heard_of(
    holdings: Holdings, monkeypatch: pytest.MonkeyPatch, is_committed: bool
) -> None:
    """Whether a page was committed or not when the connection was lost, what it wrote is counted, once."""
    holdings.deliver(pass_over(2))
    before = holdings.state()
    execute(holdings, *FORGET)
    undisturbed = rebuild(holdings.context)
    execute(holdings, *FORGET)
    lose_answer(monkeypatch, 1, is_committed=is_committed)

    report = rebuild(holdings.context)

    assert (report.written, report.removed, report.touched) == (
        undisturbed.written,
        undisturbed.removed,
        undisturbed.touched,
    )
    assert report.written > 0
    assert holdings.state() == before


def test_interrupted_rebuild_is_told_until_it_has_published(
    holdings: Holdings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A month is left to do until the Collections tell of its sets; it is not called left while a worker is at it."""
    holdings.deliver(pass_over())
    execute(holdings, *FORGET)
    at_work: list[list[UnfinishedRebuild]] = []

    def kill(*_: object) -> None:
        at_work.append(left(holdings))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(stereo_rebuild, "publish_changes", kill)
        with pytest.raises(KeyboardInterrupt):
            rebuild(holdings.context)
    assert (at_work[0], left(holdings)) == ([], [UnfinishedRebuild(None, None, 1)])
    assert rows(holdings.database, "SELECT query FROM pgstac.query_queue")

    assert rebuild(holdings.context).written == 0
    assert left(holdings) == []
    assert not rows(holdings.database, "SELECT query FROM pgstac.query_queue")


@pytest.fixture
def four_months(holdings: Holdings) -> Holdings:
    """Sets of two satellites in two months."""
    for middle in (EARLY, MIDDLE):
        for platform in ("pleiades-1a", "pleiades-1b"):
            holdings.deliver(pass_over(2, middle=middle, platform=platform))
    return holdings


def interrupted_rebuild(holdings: Holdings, platform: str | None = None, since: datetime | None = None) -> str:
    """Begin a rebuild that is killed after its first month; what the status says of the others."""
    with pytest.raises(KeyboardInterrupt):
        rebuild(holdings.context, platform, since, kill)
    (told,) = left(holdings)
    assert told.months == 1
    return told.command


def months_done(
    holdings: Holdings, platform: str | None = None, since: datetime | None = None
) -> tuple[list[str], bool]:
    """The months that a rebuild does, and whether it went on with another."""
    seen: list[Shard] = []
    report = rebuild(holdings.context, platform, since, lambda shard, _: seen.append(shard))
    return [f"{shard.platform[-2:]} {shard.month:%Y-%m}" for shard in seen], report.is_resumed


def test_interrupted_rebuild_is_finished_by_one_that_is_asked_for_the_same(four_months: Holdings) -> None:
    """Whatever the day of the month that was named; and no month is done twice."""
    asked = interrupted_rebuild(four_months, None, SINCE)
    assert asked == "dinamis stereo rebuild --since 2021-08-01"
    assert months_done(four_months, None, SINCE + timedelta(days=3)) == (["1b 2021-08"], True)
    assert left(four_months) == []
    assert months_done(four_months, None, SINCE) == (["1a 2021-08", "1b 2021-08"], False)


def test_interrupted_rebuild_is_an_entry_of_the_status(four_months: Holdings) -> None:
    """A monitor that reads JSON sees why the exit code is 1, and the command that mends it."""
    asked = interrupted_rebuild(four_months, None, SINCE)
    what = {"feed": None, "kind": "stereo rebuild", "state": "interrupted", "command": asked, "is_amiss": True}
    assert status(four_months) == [{**what, "platform": None, "since": "2021-08-01", "months": 1}]
    months_done(four_months, None, SINCE)
    assert status(four_months) == []


def test_rebuild_that_is_asked_for_otherwise_does_all_that_it_is_asked_for(four_months: Holdings) -> None:
    """What an interrupted rebuild of less had left is done with it; what one of more has left besides is left to it."""
    assert interrupted_rebuild(four_months, "pleiades-1b") == "dinamis stereo rebuild --platform pleiades-1b"
    assert months_done(four_months) == (["1a 2020-02", "1b 2020-02", "1a 2021-08", "1b 2021-08"], False)
    assert left(four_months) == []

    asked = interrupted_rebuild(four_months, None, SINCE)
    assert months_done(four_months, "pleiades-1a") == (["1a 2020-02", "1a 2021-08"], False)
    assert [each.command for each in left(four_months)] == [asked]
    assert months_done(four_months, "pleiades-1b", SINCE) == (["1b 2021-08"], False)
    assert left(four_months) == []


def kill(*_: object) -> None:
    """End the process, wherever it is."""
    raise KeyboardInterrupt


def status(holdings: Holdings) -> list[dict[str, Any]]:
    """What the status says in JSON besides how feeds stand."""
    variables = {f"DINAMIS_{role}DATABASE_URL": holdings.database.conninfo("harvest") for role in ("", "HARVEST_")}
    result = CliRunner(env=variables).invoke(main, ["harvest", "status", "--json"])
    assert result.exit_code == 1, result.output
    return [each for each in json.loads(result.stdout) if each["feed"] is None]


def left(holdings: Holdings) -> list[UnfinishedRebuild]:
    """Rebuilds that were interrupted."""
    with holdings.database.connect("harvest") as connection:
        return unfinished_rebuilds(connection)
