"""What sources of one acquisition contradict each other about, and what is only rounding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from shapely import box

from harvester.items.from_scenes import SourcedScene
from harvester.pages.conflicts import conflicts_between
from tests.scene_records import archived, scene

MOMENT = scene().acquired_at
LATER = MOMENT and MOMENT + timedelta(seconds=3)


def told(source: str, precedence: int, **said: Any) -> SourcedScene:
    """What a source says of the acquisition."""
    return SourcedScene(source, precedence, archived(cloud_cover_percent=said.pop("cloud", 0.0), **said))


@pytest.mark.parametrize(
    ("said", "conflict"),
    [
        ({"cloud": 9.0}, "cloud cover 9 %"),
        ({"acquired_at": LATER}, f"acquired {LATER}"),
        ({"footprint": box(4.06, 48.7, 4.16, 48.8)}, "a footprint elsewhere"),
    ],
    ids=["clouds", "moment", "ground"],
)
def test_contradiction_names_both_sources_and_who_is_believed(said: dict[str, Any], conflict: str) -> None:
    """The source that comes first in the document is believed, in whatever order the records come."""
    records = [told("a second", 1, **said), told("the first", 0)]
    (found,) = conflicts_between(records)
    assert found.startswith(f"a second says {conflict}")
    assert "the first says" in found
    assert found.endswith("which is believed")
    assert conflicts_between(records[::-1]) == [found]


@pytest.mark.parametrize(
    "said",
    [
        {"cloud": 5.0},
        {"cloud": None},
        {"acquired_at": MOMENT and MOMENT + timedelta(seconds=2)},
        {"acquired_at": None},
        {"footprint": box(4.04, 48.7, 4.14, 48.8)},
    ],
    ids=["clouds", "silence", "moment", "undated", "ground"],
)
def test_rounding_and_silence_are_no_contradiction(said: dict[str, Any]) -> None:
    """What differs by little, or what only one source says, is not reported."""
    assert conflicts_between([told("first", 0), told("second", 1, **said)]) == []


def test_records_of_one_source_do_not_contradict_each_other() -> None:
    """Components of one delivery have clouds of their own, whatever another source says."""
    ours = [told("first", 0), told("first", 0, cloud=90.0)]
    assert conflicts_between(ours) == []
    assert conflicts_between([*ours, told("second", 1)]) == []


@pytest.mark.parametrize("said", [{"cloud": 9.0}, {"acquired_at": LATER}], ids=["clouds", "moment"])
def test_source_that_says_less_is_contradicted_too(said: dict[str, Any]) -> None:
    """It is no matter which of the two sees more clouds, or says that the image was taken later."""
    assert len(conflicts_between([told("first", 0, **said), told("second", 1)])) == 1


def test_contradiction_is_told_once() -> None:
    """However many records of a source say the same."""
    assert len(conflicts_between([told("first", 0), *[told("second", 1, cloud=9.0)] * 2])) == 1


def test_sources_that_no_document_ranks_are_believed_by_their_names() -> None:
    """The same one is believed in whatever order their records come."""
    records = [told("b", 2, cloud=9.0), told("a", 2)]
    assert conflicts_between(records) == conflicts_between(records[::-1])
