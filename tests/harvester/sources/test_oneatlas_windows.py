"""Reading in windows, against services that answer oddly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count, islice, pairwise

import pytest

from harvester.errors import SourceUnavailable, UnreadableAnswer
from harvester.sources.oneatlas.windows import Answer, Position, walk

START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2021, 1, 1, tzinfo=UTC)
FIRST = Position(stage="records", start=START, end=END, last=END, size=10)


def counted(position: Position, total: int) -> Answer:
    """The page of a service that holds so many entries in the window."""
    return Answer([(position.start, entry) for entry in range(total)][position.page * 10 :][:10], total, 10)


def test_an_understated_count_loses_nothing() -> None:
    """A full page is followed by the next one, whatever the count."""
    entries = list(range(25))
    pages = walk(lambda at: Answer(entries[at.page * 10 : at.page * 10 + 10], 10, 10), FIRST)
    assert [entry for _, answer, _ in pages for entry in answer.entries] == entries


def test_a_short_page_in_the_middle_is_not_the_end() -> None:
    """As long as more is counted, the next page is asked for."""
    pages = {0: list(range(10)), 1: list(range(10, 15)), 2: list(range(20, 30)), 3: [30]}
    read = walk(lambda at: Answer(pages[at.page], 31, 10), FIRST)
    assert len([entry for _, answer, _ in islice(read, 4) for entry in answer.entries]) == 26


def test_a_service_that_gives_one_page_for_ever_is_left() -> None:
    """A page number that is ignored is noticed, not followed without end."""
    with pytest.raises(UnreadableAnswer, match="once more"):
        list(walk(lambda _: Answer(list(range(10)), 10, 10), FIRST))


def test_a_count_that_falls_for_ever_ends_the_run() -> None:
    """A window is begun again some times, not without end."""
    totals = count(10_000, -1)
    with pytest.raises(SourceUnavailable, match="harvest again later"):
        list(walk(lambda at: Answer([(at.page, entry) for entry in range(10)], next(totals), 10), FIRST))


def test_windows_follow_each_other_without_a_gap() -> None:
    """Each window begins where the one before ended, the last ends with the whole, and ranges overlap."""
    hits = 1000

    def ask(position: Position) -> Answer:
        total = round(hits * (position.end - position.start) / (END - START))
        return counted(position, total)

    windows = [position for position, _, _ in walk(ask, FIRST, 50) if position.page == 0]
    assert windows[0].start == START
    assert windows[-1].end == END
    assert all(after.start == before.end for before, after in pairwise(windows))
    assert len(windows) > 10
    assert windows[0].range().startswith("[2019-12-31T23:59:59.000Z,")


def test_a_sparse_window_is_followed_by_a_wider_one() -> None:
    """After a busy hour a quiet decade is not read hour by hour."""
    quiet = START + timedelta(hours=1)

    def ask(position: Position) -> Answer:
        is_busy = position.start < quiet
        span = min(position.end, quiet) - position.start
        total = round(90 * span / timedelta(hours=1)) if is_busy else 0
        return counted(position, total)

    starts = {position.start for position, _, _ in walk(ask, FIRST, 100)}
    assert len(starts) < 30


def test_a_cursor_brings_back_the_position() -> None:
    """Nothing of a position is lost in its text."""
    position = FIRST.model_copy(update={"page": 3, "total": 41, "restarts": 2})
    assert Position.from_cursor(position.cursor()) == position
