"""When a harvest that failed is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from harvester.errors import (
    CatalogueError,
    CollectionDocumentError,
    HarvestError,
    SourceRefused,
    SourceUnavailable,
    UnreadableAnswer,
)
from harvester.harvest import TooManyWithdrawals
from harvester.jobs.repeats import wait_before_repeat
from harvester.runs import PartLost, RunBusy


@pytest.mark.parametrize("error", [SourceUnavailable(), UnreadableAnswer(), CatalogueError(), PartLost()])
def test_waits_grow_and_come_to_an_end(error: HarvestError) -> None:
    """What may mend itself is tried again after ever longer waits, a few times."""
    waits = [wait_before_repeat(error, failures) for failures in range(5)]

    known = [wait for wait in waits if wait]
    assert len(known) == 5
    assert known == sorted(set(known))
    assert wait_before_repeat(error, 5) is None


def test_catalogue_is_tried_again_sooner_than_a_source() -> None:
    """Our own database is back within minutes, a service within hours."""
    assert wait_before_repeat(CatalogueError(), 0) == timedelta(seconds=30)
    assert wait_before_repeat(SourceUnavailable(), 0) == timedelta(minutes=5)


@pytest.mark.parametrize("error", [SourceRefused(), CollectionDocumentError(), TooManyWithdrawals(), HarvestError()])
def test_what_needs_an_operator_is_not_tried_again(error: HarvestError) -> None:
    """Refused credentials, a mistake in a document and a suspicious number of withdrawals wait for somebody."""
    assert wait_before_repeat(error, 0) is None


def test_busy_feed_is_waited_for_without_end() -> None:
    """A run may take days: what waits for its end does not count as failed."""
    assert wait_before_repeat(RunBusy(), 1000) == timedelta(minutes=10)
