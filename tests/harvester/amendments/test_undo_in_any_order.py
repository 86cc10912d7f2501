"""Undos in any order, against a model: records are as the last run had them that is not undone, and so are their Items.

A run is undone while an undo of it is not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from database import Database
from harvester.amendments import UndoRefused, undo, undo_run
from harvester.harvest import harvest
from harvester.record import Withdrawal
from harvester.runs import Request, RunBusy
from harvester.runs.watching import nobody_watches
from harvester.sources.registry import SOURCES
from tests.harvester.invented_source import ARCHIVE, COAST, HELD, InventedSource, feed_of, image
from tests.harvests import harvest_context, items, rows
from tests.postgres import PostgresServer

RECORDS = "abc"
ANYWHERE = feed_of("held", None)


@dataclass(frozen=True)
class Harvest:
    """The source says other clouds of some records, or that they are gone; perhaps all are moved to a collection."""

    clouds: Mapping[str, int | None]
    collection: str | None = None


@dataclass(frozen=True)
class Undo:
    """The so many-th run before the last is undone; perhaps the undoing is killed, and resumed at the end."""

    before_last: int
    is_killed: bool = False


@dataclass
class Told:
    """What a run changed: the clouds of records, None of one that it withdrew, and the collections of their Items."""

    clouds: Mapping[str, int | None] = field(default_factory=dict)
    collections: Mapping[str, str] = field(default_factory=dict)
    undoes: int | None = None


class Archive:
    """A catalogue, and the model of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._context = harvest_context(database, HELD, COAST, ARCHIVE)
        self.source = InventedSource()
        self._runs: dict[int, Told] = {}
        self._origins: dict[str, str] = {}  #: where each Item stood at first
        self._left: dict[int, int] = {}  #: what the undoings undo that were killed, by their numbers

    def live(self, step: Harvest | Undo) -> None:
        """Do a step."""
        if isinstance(step, Harvest):
            self._harvest(step)
        else:
            self.undo(sorted(self._runs)[-1 - step.before_last % len(self._runs)], is_killed=step.is_killed)

    def undo(self, run: int, *, is_killed: bool = False) -> None:
        """Undo a run, or be told that it is undone already, or not at its end."""

        def kill(*_: object) -> None:
            raise KeyboardInterrupt

        left = next((undoing for undoing, undone in self._left.items() if undone == run), None)
        try:
            undo_run(run, self._context, kill if is_killed else nobody_watches)
        except (UndoRefused, RunBusy):
            assert run in self._left or (self._is_undone(run) and left is None)
            return
        except KeyboardInterrupt:
            self._left[left or self._last_run()] = run
        else:
            self._left = {undoing: undone for undoing, undone in self._left.items() if undoing != left}
        assert left or not self._is_undone(run)
        self._runs[left or self._last_run()] = Told(undoes=run)
        self._holds()

    def go_on(self) -> None:
        """Do what is left of the undoings that were killed."""
        for undone in list(self._left.values()):
            self.undo(undone)
        assert not self._left

    def _harvest(self, step: Harvest) -> None:
        for name, cloud in step.clouds.items():
            self.source.records.pop(name, None)
            if cloud is not None:
                self.source.records[name] = image(RECORDS.index(name), cloud=cloud)
        gone = [name for name in RECORDS if name not in self.source.records]
        self.source.withdrawals = [Withdrawal(id=name, reason="sold") for name in gone]
        clouds, places = self._clouds(), self._places()
        shown = {name: said["cloud"] for name, said in self.source.records.items()}

        harvest(ANYWHERE, self._context, Request(collection=step.collection, move=step.collection is not None))

        place = step.collection or HELD
        self._origins |= {name: place for name in shown if name not in self._origins}
        moved = [name for name in shown if step.collection and places.get(name, place) != place]
        self._runs[self._last_run()] = Told(
            clouds={name: shown.get(name) for name in RECORDS if shown.get(name) != clouds.get(name)},
            collections=dict.fromkeys(moved, place),
        )
        self._holds()

    # The model

    def _is_undone(self, run: int) -> bool:
        return any(told.undoes == run and not self._is_undone(undoing) for undoing, told in self._runs.items())

    def _in_force(self) -> Iterator[Told]:
        """What runs said that are not undone, the last first."""
        return (self._runs[run] for run in sorted(self._runs, reverse=True) if not self._is_undone(run))

    def _holds(self) -> None:
        """Hold the catalogue against the model, where no undoing is half done."""
        if self._left:
            return
        undone = {run for (run,) in rows(self._database, "SELECT run FROM dinamis.undone")}
        assert undone == {run for run in self._runs if self._is_undone(run)}
        for name, origin in self._origins.items():
            clouds = [told.clouds[name] for told in self._in_force() if name in told.clouds]
            collections = [told.collections[name] for told in self._in_force() if name in told.collections]
            assert (name, self._clouds().get(name)) == (name, next(iter(clouds), None))
            assert (name, self._places()[name]) == (name, next(iter(collections), origin))

    # The catalogue

    def _last_run(self) -> int:
        ((run,),) = rows(self._database, "SELECT max(id) FROM dinamis.run")
        return int(run)

    def _clouds(self) -> dict[str, int]:
        """Of the records of which the Item is published."""
        published = items(self._database)
        names = {image(number)["image"]: name for number, name in enumerate(RECORDS)}
        return {names[item]: said["properties"]["eo:cloud_cover"] for item, said in published.items()}

    def _places(self) -> dict[str, str]:
        """The collection of the Item of each record, in the catalogue or withdrawn."""
        query = (
            "SELECT record, collection FROM dinamis.source_record AS known JOIN dinamis.item ON item.id = known.item"
        )
        return dict(rows(self._database, query))


harvests = st.builds(
    Harvest,
    st.dictionaries(st.sampled_from(RECORDS), st.sampled_from((1, 2, 3, None)), min_size=1),
    st.sampled_from((None, None, HELD, COAST)),
)
undos = st.builds(Undo, st.integers(0, 7), st.sampled_from((False, False, False, True)))


@pytest.fixture
def archive(postgres_server: PostgresServer) -> Iterator[Archive]:
    """An empty catalogue and a source without records."""
    with archive_on(postgres_server) as archive:
        yield archive


@contextmanager
def archive_on(server: PostgresServer) -> Iterator[Archive]:
    """An empty catalogue and a source without records."""
    with server.clone() as database:
        archive = Archive(database)
        with patch.dict(SOURCES, {"held": archive.source}):
            yield archive


@pytest.mark.parametrize(
    "undone",
    [
        (2, 3),
        (1, 2, 3, 4, 5, 6),
        (2, 4, 3, 5, 6),
        (3, 2, 5, 4, 1, 8, 9),
        (3, 4, 3, 5, 6, 4),
    ],
    ids=str,
)
def test_runs_are_undone_in_any_order(archive: Archive, undone: Sequence[int]) -> None:
    """Three runs that change and move one record, and undos of these, and of the undos."""
    for cloud, collection in ((1, HELD), (2, COAST), (3, ARCHIVE)):
        archive.live(Harvest({"a": cloud}, collection))
    for run in undone:
        archive.undo(run)


def test_undo_of_an_undo_behind_a_later_run_counts_once_that_is_undone(archive: Archive) -> None:
    """What a run said is in force again, though a later run said otherwise when its undoing was undone."""
    archive.live(Harvest({"a": 1}, HELD))
    archive.live(Harvest({"a": 2}, COAST))
    archive.undo(2)
    archive.live(Harvest({"a": 3}, ARCHIVE))
    archive.undo(3)
    archive.undo(4)


@settings(max_examples=8, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(page_size=st.sampled_from((1, 500)), first=harvests, steps=st.lists(harvests | undos | undos, max_size=12))
def test_records_are_as_the_last_run_in_force_had_them(
    postgres_server: PostgresServer, page_size: int, first: Harvest, steps: list[Harvest | Undo]
) -> None:
    """Whatever runs, undos and undos of undos there were, in whatever order, and killed or not."""
    with archive_on(postgres_server) as archive, patch.object(undo, "PAGE_SIZE", page_size):
        for step in (first, *steps):
            archive.live(step)
        archive.go_on()
