"""A small archive, written once, and the harvester's eyes on any directory of deliveries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harvester.record import SceneRecord
from harvester.sample_archive import SITES, SampleArchive, Site, write_sample_archive
from harvester.sensors import Sensors
from harvester.sources.deliveries.source import Options, read_pages, scene_from_record
from harvester.sources.source import Progress, Selection


@pytest.fixture(scope="session")
def few_sites() -> tuple[Site, ...]:
    """One stereo pair of each family, and the three tiles."""
    wanted = {"Lyon", "Strasbourg", "Toulouse", "Nice"}
    return tuple(site for site in SITES if site.name in wanted)


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory, few_sites: tuple[Site, ...]) -> SampleArchive:
    """A sample archive of a few sites; tests read it only."""
    return write_sample_archive(tmp_path_factory.mktemp("archive") / "deliveries", sites=few_sites)


@pytest.fixture(scope="session")
def scenes_in(sensors: Sensors) -> Callable[[Path], list[SceneRecord]]:
    """Everything that the harvester reads in a directory; a refusal fails the test."""

    def scenes(directory: Path) -> list[SceneRecord]:
        pages = read_pages(Options(url=str(directory)), Selection(), None, Progress(), lambda _: {})
        return [scene_from_record(record, sensors) for page in pages for record in page.records]

    return scenes
