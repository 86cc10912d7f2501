"""A source in memory, for tests of what becomes of records after they were read: no files, no network.

A record says which image it is of and when and where that was taken; all else is that of one Pléiades acquisition.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from shapely import box

from database import Database
from harvester.collection_model import WithdrawalRules
from harvester.dry_run import dry_run
from harvester.errors import SourceUnavailable, UnreadableScene
from harvester.feeds import Feed
from harvester.harvest import harvest
from harvester.record import Page, RawRecord, SceneRecord, Withdrawal
from harvester.runs import Request
from harvester.runs.report import HarvestReport
from harvester.runs.watching import Watcher
from harvester.sensors import Sensors
from harvester.sources.registry import SOURCES
from harvester.sources.source import Fingerprints, Progress, Selection, SourceOptions
from tests.harvests import harvest_context
from tests.scene_records import archived, product, scene

FIRST_STRIP = datetime(2021, 8, 15, 15, 41, 30, 100_000, tzinfo=UTC)
HELD, COAST, ARCHIVE = "pleiades", "pleiades-littoral", "airbus-archive-pleiades"

Content = dict[str, Any]


def image(number: int = 0, **said: Any) -> Content:
    """What a record says of the so many-th image, each taken ten seconds after the one before.

    Args:
        number: of the image.
        said: `image` (its id), `keys`, `seconds` (after the first strip), `east` (degrees from the first footprint,
            which is 0.1° wide), `cloud` (percent), `job`, and `problem`, for which the record is refused.
    """
    return {"image": f"PHR1A_2021081515{number:05d}", "seconds": 10 * number, **said}


@dataclass
class InventedSource:
    """A source as the harvest sees the modules of `harvester.sources`; tests change what it has between runs."""

    records: dict[str, Content] = field(default_factory=dict)
    withdrawals: list[Withdrawal] = field(default_factory=list)
    fingerprints: dict[str, str] = field(default_factory=dict)  #: of records that are not read again while they last
    page_size: int = 200
    duplicates: int = 0  #: passed over on each page
    fails_after: int | None = None  #: records, after which it cannot be reached
    failure: type[SourceUnavailable] = SourceUnavailable
    torn: set[str] = field(default_factory=set)  #: records that the reader of today cannot read
    is_archive: bool = False
    is_selectable: bool = False
    parts: int = 1
    asked: list[Selection] = field(default_factory=list)  #: of each reading

    def read_pages(
        self, options: Any, selection: Selection, cursor: str | None, progress: Progress, fingerprints: Fingerprints
    ) -> Iterator[Page]:
        """All records by id; the cursor is the last id."""
        self.asked.append(selection)
        names = sorted(name for name in self.records if cursor is None or name > cursor)
        if selection.part is not None:
            names = [name for name in names if self._part_of(name) == selection.part]
        for start in range(0, max(len(names), 1), self.page_size):
            if self.fails_after is not None and start >= self.fails_after:
                raise self.failure("it went away.")
            page = names[start : start + self.page_size]
            is_last = start + self.page_size >= len(names)
            progress.records += len(page)
            progress.pass_over("duplicates", self.duplicates)
            yield self._page(page, fingerprints(page), None if is_last else page[-1])

    def _page(self, names: Sequence[str], known: Mapping[str, str], cursor: str | None) -> Page:
        unread = [name for name in names if name in known and self.fingerprints.get(name) == known[name]]
        return Page(
            records=[
                RawRecord(id=name, content=self.records[name], fingerprint=self.fingerprints.get(name))
                for name in names
                if name not in unread
            ],
            unread=unread,
            withdrawals=self.withdrawals if cursor is None else (),
            next_cursor=cursor,
        )

    def _part_of(self, name: str) -> str:
        return str(sum(name.encode()) % self.parts)

    def windows(self, options: Any, selection: Selection) -> list[Selection]:
        """As many parts as the test wants."""
        if self.parts == 1:
            return [selection]
        return [Selection(since=selection.since, part=str(number)) for number in range(self.parts)]

    def scene_from_record(self, raw: RawRecord, sensors: Sensors) -> SceneRecord:
        """The scene of which the record says the essentials."""
        said = raw.content
        if problem := "it is torn" if raw.id in self.torn else said.get("problem"):
            raise UnreadableScene(problem)
        later, east = timedelta(seconds=said["seconds"]), said.get("east", 0.0)
        fields: Content = {
            "scene_keys": tuple(said.get("keys", (said["image"],))),
            "acquired_at": FIRST_STRIP + later,
            "footprint": box(4.0 + east, 48.7, 4.1 + east, 48.8),
            "platform": said.get("platform", "pleiades-1a"),
        }
        cloud = said.get("cloud", 12.5)
        if self.is_archive:
            return archived(id=f"ARCHIVE-{said['image']}", cloud_cover_percent=cloud, source_id=raw.id, **fields)
        ends = {"started_at": FIRST_STRIP + later, "ended_at": FIRST_STRIP + later + timedelta(seconds=2)}
        component = product(job=said.get("job", "JOB_1"), cloud_cover_percent=cloud)
        return scene(component, id=said["image"], **ends, **fields)


def feed_of(
    name: str, collection: str | None = HELD, *, source: str | None = None, kind: str | None = None, **fields: Any
) -> Feed:
    """A feed of the source that is registered under this name."""
    options = SourceOptions(url="https://source.example.org")
    kind, source = kind or name, source or name
    label = f"{collection or 'anywhere'}/{name}"
    return Feed(
        name=label,
        source=source,
        kind=kind,
        collection=collection,
        location=options.shown_location,
        options=options,
        withdrawals=fields.pop("withdrawals", WithdrawalRules(max_share=1)),
        **fields,
    )


@dataclass
class Stock:
    """A catalogue with two invented sources: one of what is held, one of the archive of the vendor."""

    database: Database
    held: InventedSource
    archive: InventedSource
    held_feed: Feed = field(default_factory=lambda: feed_of("held", HELD))
    archive_feed: Feed = field(default_factory=lambda: feed_of("archive", ARCHIVE))

    def harvest(self, feed: Feed | None = None, **request: Any) -> HarvestReport:
        """Harvest a feed, that of what is held if none is named; with `dry_run=True` only try."""
        work = dry_run if request.pop("dry_run", False) else harvest
        return work(feed or self.held_feed, harvest_context(self.database, HELD, COAST, ARCHIVE), Request(**request))

    def stopped(self, how: str) -> Watcher:
        """A watcher that kills a run at its first page, or has it cancelled."""

        def stop(report: HarvestReport, _: object) -> None:
            if how == "killed":
                raise KeyboardInterrupt
            with self.database.connect("owner") as connection:
                connection.execute("UPDATE dinamis.run SET cancel_requested = true WHERE id = %s", (report.run,))

        return stop

    def set_clocks_back(self) -> None:
        """Let all clocks be set back by five minutes as soon as a run has begun."""
        with self.database.connect("owner") as connection:
            connection.execute(
                "CREATE FUNCTION public.was_fast() RETURNS trigger LANGUAGE plpgsql AS"
                " 'BEGIN NEW.started_at = NEW.started_at + interval ''5 minutes''; RETURN NEW; END'"
            )
            connection.execute(
                "CREATE TRIGGER was_fast BEFORE INSERT ON dinamis.run FOR EACH ROW EXECUTE FUNCTION public.was_fast()"
            )


@pytest.fixture
def stock(database: Database, monkeypatch: pytest.MonkeyPatch) -> Stock:
    """An empty catalogue and two sources without records."""
    held, archive = InventedSource(), InventedSource(is_archive=True)
    monkeypatch.setitem(SOURCES, "held", held)
    monkeypatch.setitem(SOURCES, "archive", archive)
    return Stock(database, held, archive)
