"""Passes of invented satellites over invented places, told by sources in memory: of held images, and of an archive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import atan, degrees
from random import Random
from typing import Any

import pytest
from shapely import box

from database import Database
from footprints import ViewingDirection
from harvester.dry_run import dry_run
from harvester.feeds import Feed
from harvester.harvest import HarvestContext, harvest
from harvester.record import RawRecord, SceneRecord, Withdrawal
from harvester.runs import Request
from harvester.runs.report import HarvestReport
from harvester.sample_archive import views_of_pass
from harvester.sensors import Sensors
from harvester.sources.registry import SOURCES
from tests.harvester.invented_source import InventedSource, feed_of
from tests.harvests import harvest_context, items, rows, timeless
from tests.scene_records import archived, product, scene

HELD, ARCHIVE = "pleiades", "airbus-archive-pleiades"
SETS = tuple(f"{before}pleiades-{mode}" for before in ("", "airbus-archive-") for mode in ("stereo", "tristereo"))
MIDDLE = datetime(2021, 8, 15, 10, 41, 30, tzinfo=UTC)
HELD_FEED, ARCHIVE_FEED = feed_of("held", HELD), feed_of("archive", ARCHIVE)

Content = dict[str, Any]


def pass_over(
    count: int = 2,
    *,
    middle: datetime = MIDDLE,
    base_to_height: float = 0.3,
    platform: str = "pleiades-1a",
    lon: float = 4.0,
) -> dict[str, Content]:
    """What records say of the images of one pass, by the id of their Items."""
    made = views_of_pass(middle, 48.75, 694.0, base_to_height=base_to_height, count=max(count, 2), across_km=20)
    code = {"pleiades-1a": "PHR1A", "pleiades-1b": "PHR1B"}[platform]
    return {
        f"{code}_{view.acquired_at:%Y%m%d%H%M%S}{view.acquired_at.microsecond // 100_000}": {
            "at": view.acquired_at.isoformat(),
            "platform": platform,
            "azimuth": round(view.azimuth_deg, 6),
            "incidence": round(view.incidence_deg, 6),
            "lon": lon,
        }
        for view in made[:count]
    }


@dataclass
class PassSource(InventedSource):
    """A source whose records say from where each image was taken."""

    def scene_from_record(self, raw: RawRecord, sensors: Sensors) -> SceneRecord:
        """The scene; its id is that of the record."""
        said = raw.content
        moment = datetime.fromisoformat(said["at"])
        lon, lat = said["lon"], said.get("lat", 48.7)
        fields: Content = {
            "scene_keys": (raw.id,),
            "acquired_at": moment,
            "footprint": box(lon, lat, lon + 0.2, lat + 0.2),
            "platform": said["platform"],
            "mission": raw.id.partition("_")[0],
            "viewing": ViewingDirection(said["azimuth"], said["incidence"]),
            "vendor_angles": {},
        }
        cloud = said.get("cloud", 5.0)
        if self.is_archive:
            return archived(id=f"ARCHIVE-{raw.id}", cloud_cover_percent=cloud, source_id=raw.id, **fields)
        ends = {"started_at": moment, "ended_at": moment + timedelta(seconds=2)}
        components = product("P", "SENSOR", job=said.get("job", "JOB_1"), cloud_cover_percent=cloud)
        return scene(components, id=raw.id, **ends, **fields)


@dataclass
class Holdings:
    """A catalogue with the collections of Pléiades and its sets, and the two sources."""

    database: Database
    held: PassSource = field(default_factory=PassSource)
    archive: PassSource = field(default_factory=lambda: PassSource(is_archive=True))

    @property
    def context(self) -> HarvestContext:
        """The catalogue and its documents."""
        return harvest_context(self.database, HELD, ARCHIVE, *SETS)

    def harvest(self, feed: Feed = HELD_FEED, **request: Any) -> HarvestReport:
        """Harvest what is held, or another feed; with `dry_run=True` only try."""
        work = dry_run if request.pop("dry_run", False) else harvest
        return work(feed, self.context, Request(**request))

    def deliver(self, records: Mapping[str, Content]) -> HarvestReport:
        """Let these records, and no others of this run, come to what is held."""
        self.held.records = dict(records)
        return self.harvest()

    def list_in_archive(self, records: Mapping[str, Content]) -> HarvestReport:
        """Let these records, and no others of this run, come to the archive."""
        self.archive.records = dict(records)
        return self.harvest(ARCHIVE_FEED)

    def withdraw(self, *records: str) -> HarvestReport:
        """Let held records go."""
        self.held.records, self.held.withdrawals = {}, [Withdrawal(id=each, reason="it was lost") for each in records]
        report = self.harvest()
        self.held.withdrawals = []
        return report

    def sets(self) -> dict[str, dict[str, Any]]:
        """The Items of sets, by id."""
        return {name: item for name, item in items(self.database).items() if "stereo:mode" in item["properties"]}

    def state(self) -> dict[str, Any]:
        """All that there is, apart from when it was written."""
        return {
            "items": {name: timeless(item) for name, item in items(self.database).items()},
            "sets": sorted(rows(self.database, "SELECT id, collection, mode, views, digest FROM dinamis.stereo_set")),
            "views": sorted(rows(self.database, "SELECT item, collection, acquired_at FROM dinamis.stereo_view")),
            "published": sorted(rows(self.database, "SELECT id, collection FROM dinamis.item WHERE is_published")),
        }


@pytest.fixture
def holdings(database: Database, monkeypatch: pytest.MonkeyPatch) -> Holdings:
    """An empty catalogue and two sources without records."""
    return holdings_in(database, monkeypatch)


def holdings_in(database: Database, monkeypatch: pytest.MonkeyPatch) -> Holdings:
    """A catalogue and two sources, which are those that a harvest finds from now on."""
    made = Holdings(database)
    monkeypatch.setitem(SOURCES, "held", made.held)
    monkeypatch.setitem(SOURCES, "archive", made.archive)
    return made


def generated_passes(seed: int, count: int) -> dict[str, Content]:
    """Images of passes of one to four views on a few days, some of them near midnight and near each other in time."""
    random = Random(seed)
    records: dict[str, Content] = {}
    for _ in range(count):
        day = datetime(2021, random.choice((7, 8)), random.choice((15, 31)), tzinfo=UTC)
        middle = day + timedelta(seconds=random.choice((86_395, 40_000, 40_150, 0, 5)) + random.randrange(40))
        told = pass_over(
            random.choice((1, 2, 2, 3, 4)),
            middle=middle,
            base_to_height=random.uniform(0.1, 0.7),
            platform=random.choice(("pleiades-1a", "pleiades-1b")),
            lon=random.choice((4.0, 4.05, 30.0)),
        )
        records |= {name: said for name, said in told.items() if not _is_taken(said, records)}
    return records


def _is_taken(said: Content, records: Mapping[str, Content]) -> bool:
    """Whether the satellite took another image within two seconds: these would be one acquisition."""
    moment = datetime.fromisoformat(said["at"])
    return any(
        abs((datetime.fromisoformat(other["at"]) - moment).total_seconds()) <= 2.1
        for other in records.values()
        if other["platform"] == said["platform"]
    )


def convergence_of(base_to_height: float) -> float:
    """The convergence, in degrees, that makes this ratio."""
    return degrees(2 * atan(base_to_height / 2))
