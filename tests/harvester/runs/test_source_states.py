"""Sources that say as a whole that nothing has changed: when they are believed, and what a run says of them then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from database import Database
from harvester.amendments import undo
from harvester.amendments.undo import undo_run
from harvester.collection_model import WithdrawalRules
from harvester.errors import SourceUnavailable
from harvester.sources.registry import SOURCES
from harvester.sources.source import Progress
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, InventedSource, Stock, feed_of, image, stock
from tests.harvests import counts, harvest_context, items, rows

__all__ = ["stock"]


@dataclass
class Telling(InventedSource):
    """A source that says which state it is in."""

    state: str | None = "first"
    state_after_reading: str | None = None  #: which it takes on while it is read
    content: str | None = None
    content_read: str | None = None  #: which reading it tells

    def state_of(self, options: Any) -> str | None:
        """As the test has it."""
        return self.state

    def content_of(self, options: Any) -> str | None:
        """As the test has it."""
        return self.content

    def read_pages(self, options: Any, selection: Any, cursor: Any, progress: Progress, *args: Any) -> Any:
        """All records; some other program may write meanwhile."""
        progress.content = self.content_read
        yield from super().read_pages(options, selection, cursor, progress, *args)
        self.state = self.state_after_reading or self.state


@pytest.fixture
def telling(stock: Stock, monkeypatch: pytest.MonkeyPatch) -> Telling:
    """A source of which ten records were harvested."""
    source = Telling(records={str(number): image(number) for number in range(10)})
    monkeypatch.setitem(SOURCES, "held", source)
    stock.held = source
    stock.harvest()
    return source


def absent(database: Database) -> list[str]:
    """The records that complete runs miss."""
    return [
        name for (name,) in rows(database, "SELECT record FROM dinamis.source_record WHERE absent_since IS NOT NULL")
    ]


def test_source_in_the_same_state_is_not_read(stock: Stock, telling: Telling) -> None:
    """The run succeeds with all records unchanged, without asking for one or writing a row of the ledger."""
    asked, before = len(telling.asked), rows(stock.database, "SELECT ctid::text, xmin::text FROM dinamis.source_record")

    report = stock.harvest(allow_withdrawals=True)

    assert len(telling.asked) == asked
    assert (report.state, report.exit_code, counts(report)) == ("succeeded", 0, {"unchanged": 10})
    assert rows(stock.database, "SELECT ctid::text, xmin::text FROM dinamis.source_record") == before
    assert rows(stock.database, "SELECT unchanged_at IS NOT NULL FROM dinamis.feed WHERE name = %s", report.feed) == [
        (True,)
    ]


def test_clock_that_is_set_back_does_not_make_a_run_one_that_read(stock: Stock, telling: Telling) -> None:
    """A run that left its source unread misses nothing, though the clock says that this was before it began."""
    stock.set_clocks_back()

    assert stock.harvest().absent == 0
    assert absent(stock.database) == []


def test_source_in_several_parts_is_read(stock: Stock, telling: Telling) -> None:
    """What the source says of itself says nothing of a part: each would count all records."""
    telling.parts = 2

    assert counts(stock.harvest()) == {"unchanged": 10}


def test_source_in_another_state_is_read(stock: Stock, telling: Telling, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new state has its record read and its Item changed, also if another source is in it; then it is known."""
    archive = Telling(records={"z": image(20)}, is_archive=True, state="second")
    monkeypatch.setitem(SOURCES, "archive", archive)
    stock.harvest(stock.archive_feed)
    telling.records["3"], telling.state = image(3, cloud=77.0), "second"

    assert counts(stock.harvest()) == {"changed": 1, "unchanged": 9}
    asked = len(telling.asked)
    assert counts(stock.harvest()) == {"unchanged": 10}
    assert counts(stock.harvest(stock.archive_feed)) == {"unchanged": 1}
    assert (len(telling.asked), len(archive.asked)) == (asked, 1)


@pytest.mark.parametrize("asked_for", [{"is_full": True}, {"reread": True}, {"limit": 4}, {"bbox": (0, 0, 1, 1)}])
def test_source_is_read_when_more_is_asked_for(stock: Stock, telling: Telling, asked_for: dict[str, Any]) -> None:
    """What is more, or less, than what has changed is read from the source, whatever it says of itself."""
    asked = len(telling.asked)

    stock.harvest(**asked_for)

    assert len(telling.asked) == asked + 1


def test_source_with_the_same_content_is_not_read(stock: Stock, telling: Telling) -> None:
    """Content that was harvested is not read again in another state, which then is the one that is known."""
    stock.harvest(stock.archive_feed)
    telling.state, telling.content = "second", "abc"
    stock.harvest()
    asked, telling.state = len(telling.asked), "third"

    assert counts(stock.harvest()) == {"unchanged": 10}
    telling.content = None
    assert counts(stock.harvest()) == {"unchanged": 10}
    assert len(telling.asked) == asked

    telling.state, telling.content = "fourth", "def"
    stock.harvest()
    assert len(telling.asked) == asked + 1


def test_source_in_the_same_state_is_not_asked_for_its_content(
    stock: Stock, telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Finding out all that it gives may take as long as the rest of the run."""

    def content_of(_: Any) -> str:
        raise AssertionError("it was asked")

    monkeypatch.setattr(telling, "content_of", content_of)

    assert counts(stock.harvest()) == {"unchanged": 10}


def test_content_that_reading_tells_is_not_asked_for(
    stock: Stock, telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither before, where none is known to compare it with, nor afterwards; it is the one that is known then."""
    with monkeypatch.context() as patched:
        patched.setattr(telling, "content_of", None)
        telling.state, telling.content_read = "second", "abc"
        assert counts(stock.harvest()) == {"unchanged": 10}
    asked, telling.state, telling.content = len(telling.asked), "third", "abc"

    assert counts(stock.harvest()) == {"unchanged": 10}
    assert len(telling.asked) == asked


def test_source_with_the_same_content_is_read_after_a_run_that_saw_a_part(stock: Stock, telling: Telling) -> None:
    """The part may have been of other content, from which the source came back to what it was."""
    telling.state, telling.content = "second", "abc"
    stock.harvest()
    telling.records["3"], telling.state, telling.content = image(3, cloud=77.0), "third", "def"
    assert counts(stock.harvest(limit=4)) == {"changed": 1, "unchanged": 3}
    telling.records["3"], telling.state, telling.content = image(3), "fourth", "abc"

    assert counts(stock.harvest()) == {"changed": 1, "unchanged": 9}


@pytest.mark.parametrize(
    "asked_for",
    [
        {"limit": 4},
        {"bbox": (0, 0, 1, 1)},
        {"since": datetime(2020, 1, 1, tzinfo=UTC)},
        {"until": datetime(2020, 1, 1, tzinfo=UTC)},
        {"collection": HELD},
    ],
    ids=str,
)
def test_source_is_read_after_a_run_that_saw_a_part(stock: Stock, telling: Telling, asked_for: dict[str, Any]) -> None:
    """It leaves no state to compare with, as what it wrote may be of another one, or elsewhere than otherwise."""
    stock.harvest(**asked_for)
    asked = len(telling.asked)

    stock.harvest()

    assert len(telling.asked) == asked + 1


def test_source_that_changes_while_it_is_read_is_read_again(stock: Stock, telling: Telling) -> None:
    """Where the state after the reading is another one than before it, neither is known, nor what it gives then."""
    telling.state, telling.state_after_reading, telling.content = "second", "third", "abc"
    stock.harvest()
    asked = len(telling.asked)

    stock.harvest()

    assert len(telling.asked) == asked + 1


def test_source_with_a_record_in_quarantine_is_read(stock: Stock, telling: Telling) -> None:
    """A refused record is tried again in each run, though the source is as it was."""
    telling.records["77"], telling.state = image(77, problem="it is torn"), "second"
    assert counts(stock.harvest()) == {"unchanged": 10, "quarantined": 1}

    assert counts(stock.harvest()) == {"unchanged": 10, "quarantined": 1}


def test_source_with_a_refused_record_that_was_readable_is_read(stock: Stock, telling: Telling) -> None:
    """It is not in quarantine, but the ledger does not hold what it says now: each run says so."""
    telling.records["3"], telling.state = image(3, problem="it is torn"), "second"
    assert counts(stock.harvest()) == {"unchanged": 9, "quarantined": 1}

    assert counts(stock.harvest()) == {"unchanged": 9, "quarantined": 1}


def test_source_is_read_after_a_run_that_failed(
    stock: Stock, telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what a successful run left is compared with, though the one that failed had read nothing."""

    def state_of(_: Any) -> str:
        raise SourceUnavailable("it went away.")

    with monkeypatch.context() as patched:
        patched.setattr(telling, "state_of", state_of)
        with pytest.raises(SourceUnavailable):
            stock.harvest()
    asked = len(telling.asked)

    stock.harvest()

    assert len(telling.asked) == asked + 1


@pytest.mark.parametrize("is_clock_set_back", [False, True])
def test_run_that_was_undone_is_read_again(stock: Stock, telling: Telling, is_clock_set_back: bool) -> None:
    """What an undone run had written comes back with the next harvest alone, though the source is as it was."""
    telling.records["3"], telling.state = image(3, cloud=77.0), "second"
    report = stock.harvest()
    assert report.run is not None
    if is_clock_set_back:
        stock.set_clocks_back()
    undo_run(report.run, harvest_context(stock.database, HELD, COAST, ARCHIVE))
    assert items(stock.database)[image(3)["image"]]["properties"]["eo:cloud_cover"] == 12.5

    stock.harvest()

    assert items(stock.database)[image(3)["image"]]["properties"]["eo:cloud_cover"] == 77.0
    asked = len(telling.asked)
    stock.harvest()
    assert len(telling.asked) == asked


def test_source_that_was_harvested_amid_an_undo_is_read(
    stock: Stock, telling: Telling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is put back after a harvest had seen it comes with the next one, though the source is as it was."""
    monkeypatch.setattr(undo, "PAGE_SIZE", 1)
    telling.records |= {name: image(int(name), cloud=77.0) for name in "34"}
    telling.state = "second"
    report = stock.harvest()
    assert report.run is not None

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        undo_run(report.run, harvest_context(stock.database, HELD, COAST, ARCHIVE), kill)
    assert counts(stock.harvest())["changed"] == 1
    asked = len(telling.asked)
    stock.harvest()
    assert len(telling.asked) == asked + 1
    undo_run(report.run, harvest_context(stock.database, HELD, COAST, ARCHIVE))

    assert counts(stock.harvest())["changed"] == 1


def test_unread_run_makes_no_record_absent(stock: Stock, telling: Telling) -> None:
    """Records that a run did not look at are not missed by it; the next reading misses just the one that is gone."""
    assert stock.harvest().absent == 0
    assert absent(stock.database) == []
    del telling.records["3"]
    telling.state = "second"

    report = stock.harvest()

    assert (report.absent, absent(stock.database)) == (1, ["3"])


def test_source_that_misses_a_record_is_read(stock: Stock, telling: Telling) -> None:
    """While the period of grace of an absent record runs, runs that may withdraw it go on reading."""
    del telling.records["3"]
    telling.state = "second"
    stock.harvest()
    asked = len(telling.asked)

    assert stock.harvest().absent == 1
    assert len(telling.asked) == asked + 1


def test_source_is_not_read_for_what_no_run_of_it_can_mend(stock: Stock, telling: Telling) -> None:
    """A record of another source in quarantine, missing or undone, one withdrawn, one missing from a run of changes."""
    feed, other = feed_of("held", HELD, withdrawals=WithdrawalRules(grace_days=0, max_share=1)), stock.archive
    other.records = {"q": image(20, problem="it is torn"), "z": image(21)}
    first = stock.harvest(stock.archive_feed).run or 0
    del other.records["z"]
    stock.harvest(stock.archive_feed)
    del telling.records["3"]
    telling.state = "second"
    assert counts(stock.harvest(feed)) == {"unchanged": 9, "withdrawn": 1}
    asked = len(telling.asked)
    stock.harvest(feed)
    assert len(telling.asked) == asked

    del telling.records["4"]
    telling.state = "third"
    stock.harvest()
    assert sorted(absent(stock.database)) == ["3", "4", "z"]
    asked, telling.is_selectable = len(telling.asked), True
    undo_run(first, harvest_context(stock.database, HELD, COAST, ARCHIVE))
    stock.harvest()
    assert len(telling.asked) == asked


def test_source_that_cannot_tell_is_read(stock: Stock, telling: Telling) -> None:
    """No state is no promise."""
    telling.state = None
    stock.harvest()
    asked = len(telling.asked)

    stock.harvest()

    assert len(telling.asked) == asked + 1
