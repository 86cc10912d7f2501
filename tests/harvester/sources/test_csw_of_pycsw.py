"""The CSW source reads a real pycsw."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harvester.errors import SourceUnavailable
from harvester.record import Page
from harvester.sensors import Sensors
from harvester.sources.csw import source as csw
from harvester.sources.source import Progress, Selection
from tests.emulators.csw import iso_metadata, iso_scene
from tests.emulators.pycsw_server import pycsw_serving

RECORDS = {
    **{f"plain-{day:02}": iso_metadata(f"plain-{day:02}", stamp=f"2024-03-{day:02}") for day in range(1, 6)},
    **{
        f"scene-{day:02}": iso_metadata(
            f"scene-{day:02}", stamp=f"2024-04-{day:02}", root="gmi:MI_Metadata", platform="SPOT5"
        )
        for day in range(1, 6)
    },
    "fiji": iso_metadata("fiji", stamp="2024-05-01", box=(177, -19, 178, -18)),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A pycsw that holds the records and gives three at once."""
    with pycsw_serving(RECORDS.values(), tmp_path_factory.mktemp("pycsw")) as url:
        yield url


def pages_of(url: str, selection: Selection | None = None, cursor: str | None = None, **chosen: object) -> list[Page]:
    """All pages."""
    options = csw.Options.model_validate({"url": url, "rate": 1000, **chosen})
    return list(csw.read_pages(options, selection or Selection(), cursor, Progress(), lambda ids: {}))


def ids_of(pages: list[Page]) -> list[str]:
    """The ids of the records of pages, in their order."""
    return [record.id for page in pages for record in page.records]


@pytest.mark.parametrize("page_size", [1, 2, 100])
def test_pycsw_gives_all_its_records_once(address: str, page_size: int) -> None:
    """Plain and 19115-2 records of mixed pages all come, in order, whatever is asked for at once."""
    pages = pages_of(address, page_size=page_size)
    assert ids_of(pages) == sorted(RECORDS)
    assert max(len(page.records) for page in pages) == min(page_size, 3)


def test_reading_pycsw_goes_on_after_each_page(address: str) -> None:
    """The cursor of a page gives exactly the pages after it."""
    pages = pages_of(address)
    assert len(pages) > 1
    for number, page in enumerate(pages[:-1], start=1):
        assert ids_of(pages_of(address, cursor=page.next_cursor)) == ids_of(pages[number:])


def test_pycsw_selects_by_time_of_change_and_by_box(address: str) -> None:
    """`Modified` and `BoundingBox` are understood, with latitude first."""
    april = Selection(since=datetime(2024, 4, 2, 12, tzinfo=UTC), until=datetime(2024, 4, 3, tzinfo=UTC))
    # A day more on each side: dateStamps are compared as texts.
    assert ids_of(pages_of(address, april)) == ["scene-01", "scene-02", "scene-03", "scene-04"]
    assert ids_of(pages_of(address, Selection(bbox=(170, -25, -170, -10)))) == ["fiji"]
    assert ids_of(pages_of(address, Selection(since=datetime(2030, 1, 1, tzinfo=UTC)))) == []
    assert ids_of(pages_of(address, where={"apiso:Identifier": "plain-03"})) == ["plain-03"]


def test_records_of_pycsw_become_scenes(address: str) -> None:
    """What pycsw gives back is what was put in, and can be read."""
    records = [record for page in pages_of(address) for record in page.records]
    scenes = [csw.scene_from_record(record, Sensors([])) for record in records]
    assert [scene.id for scene in scenes] == sorted(RECORDS)
    assert {scene.platform for scene in scenes} == {None, "spot5"}


def test_unknown_queryable_stops_the_run_with_what_pycsw_says(address: str) -> None:
    """An option that the server does not understand is no empty catalogue."""
    with pytest.raises(SourceUnavailable, match="Invalid"):
        pages_of(address, sort_by=["apiso:Nonsense"])


def test_capped_page_of_scenes_is_the_same_each_time(tmp_path: Path) -> None:
    """Two readings of an unchanged catalogue give equal digests: nothing is rebuilt."""
    with pycsw_serving([iso_scene(number) for number in range(4)], tmp_path) as url:
        first, second = ({r.id: r.digest() for page in pages_of(url) for r in page.records} for _ in range(2))
    assert len(first) == 4
    assert first == second


def test_genuine_records_pass_through_pycsw(tmp_path: Path, samples: Path) -> None:
    """The genuine records of the test suite of pycsw come out of it, and each becomes a scene."""
    files = sorted((samples / "sources" / "iso_records_for_pycsw").glob("*.xml"))
    with pycsw_serving([file.read_text(encoding="utf-8") for file in files], tmp_path, largest_page=2) as url:
        records = [record for page in pages_of(url) for record in page.records]
    assert len({csw.scene_from_record(record, Sensors([])).id for record in records}) == len(files) == 3
