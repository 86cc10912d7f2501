"""Random histories of a catalogue: after each step it is held against what must be true of every catalogue.

`make histories` lives through many of them; what it prints of one that fails are the steps, as few as still fail.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from database import Database
from harvester.amendments import (
    CorrectionRefused,
    NotInQuarantine,
    RetirementRefused,
    UndoRefused,
    correct_item,
    quarantine,
    replay_quarantine,
    retire_source,
    retirement,
    undo,
    undo_run,
)
from harvester.amendments.stereo_rebuild import rebuild
from harvester.dry_run import dry_run
from harvester.errors import SourceUnavailable
from harvester.feeds import Feed
from harvester.harvest import harvest
from harvester.harvest_context import HarvestContext
from harvester.runs import Request, RunBusy, RunCancelled, request_cancel
from harvester.runs.history import report_of
from harvester.runs.report import HarvestReport
from harvester.runs.watching import Watcher, nobody_watches
from harvester.sources.registry import SOURCES
from tests.harvester.histories.archive import (
    COLLECTIONS,
    FEEDS,
    Change,
    ChangingSource,
    changes,
    contradicting,
    joining,
    lost,
    numbers,
    torn,
    whole,
    withdrawn,
)
from tests.harvester.histories.invariants import (
    INVARIANTS,
    Follower,
    Held,
    each_record_is_in_one_count,
    what_the_source_says_is_in_the_ledger,
)
from tests.harvester.invented_source import COAST, HELD, image
from tests.harvests import Items, counts, harvest_context
from tests.postgres import PostgresServer

Changes = Mapping[int, Change]
HowStopped = tuple[str, int] | None

feeds = st.sampled_from(("held", *FEEDS, "held"))  # what happens to one source is more than what happens to five
good = changes(whole, whole, whole, withdrawn)
bad = changes(whole, whole, joining, contradicting, torn, withdrawn)
worse = changes(whole, whole, joining, contradicting, torn, withdrawn, lost)
ids = st.builds(
    "{}{}".format, st.sampled_from(("", "COAST-", "ARCHIVE-")), numbers.map(lambda each: image(each)["image"])
)
page_sizes = st.sampled_from((200, 1, 2))
requests = st.sampled_from(({}, {}, {"reread": True}, {"limit": 2}))
#: How a run is stopped, and after how many looks at it; mostly it is not.
stops = st.one_of(st.none(), st.none(), st.tuples(st.sampled_from(("killed", "cancelled")), st.integers(1, 3)))


class Killed(BaseException):
    """What no harvest expects."""


class Stop:
    """A watcher that kills a run, or has it cancelled, when it was looked at so many times."""

    def __init__(self, database: Database, stop: HowStopped) -> None:
        self._database = database
        self._how, self._looks = stop or ("never", 0)

    def __call__(self, report: HarvestReport, _: object) -> None:
        """Look at a run."""
        self._looks -= 1
        if self._looks == 0 and self._how == "killed":
            raise Killed
        if self._looks == 0 and report.run is not None:
            with self._database.connect("harvest") as connection:
                request_cancel(connection, report.run)


class SecondWorker:
    """A watcher that has another worker do what is left of a run, when it was looked at so many times."""

    def __init__(self, feed: Feed, context: HarvestContext, looks: int) -> None:
        self._feed, self._context, self._looks = feed, context, looks

    def __call__(self, report: HarvestReport, _: object) -> None:
        """Look at a run."""
        self._looks -= 1
        if self._looks == 0:
            with suppress(RunBusy):  # nothing is left
                harvest(self._feed, self._context, Request(allow_withdrawals=True))


class Harvests(RuleBasedStateMachine):
    """Sources that change, and harvests of them, some of which do not come to their end."""

    server: PostgresServer  #: of the databases of all histories

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.database = self.stack.enter_context(self.server.clone())
        self.connection = self.stack.enter_context(self.database.connect("owner"))
        self.connection.autocommit = True
        self.context = harvest_context(self.database, *COLLECTIONS)
        self.sources = {name: ChangingSource(name=name, is_archive=name == "archive") for name in FEEDS}
        self.stack.enter_context(patch.dict(SOURCES, self.sources))
        self.followers = {1: Follower(), 3: Follower()}  #: by how many steps each waits before it looks again
        self.steps = 0
        self.is_sound_so_far = True
        self.is_in_one_go = False  #: whether the last harvest began a run and brought it to its end

    @initialize(has_fingerprints=st.booleans())
    def begins(self, has_fingerprints: bool) -> None:
        """All sources are harvested; perhaps they tell from then on which of their records did not change."""
        for feed, source in self.sources.items():
            source.has_fingerprints = has_fingerprints
            source.change({})
            self.harvest(feed)

    @rule(feed=feeds, changed=good, page_size=page_sizes, parts=st.sampled_from((1, 3)))
    def harvests(self, feed: str, changed: Changes, page_size: int, parts: int) -> None:
        """A source changes and is harvested."""
        self.change(feed, changed, page_size=page_size, parts=parts)
        self.harvest(feed)

    @rule(feed=feeds, changed=good, page_size=page_sizes, stop=stops)
    def harvests_in_part(self, feed: str, changed: Changes, page_size: int, stop: HowStopped) -> None:
        """A source changes, and its harvest is stopped on its way, or does not reach the source any more."""
        self.change(feed, changed, page_size=page_size, fails_after=None if stop else page_size)
        self.harvest(feed, Stop(self.database, stop))
        self.sources[feed].fails_after = None

    @invariant()
    def is_sound(self) -> None:
        """Everything that must be true of a catalogue is."""
        held = self.held()
        for holds in INVARIANTS:
            holds(held)
        self.steps += 1
        for steps, follower in self.followers.items():
            if self.steps % steps == 0:
                follower.follow(held)
        Follower(at_once=3).follow(held)
        self.is_sound_so_far = True

    def teardown(self) -> None:
        """Leave no database behind."""
        self.stack.close()

    def held(self) -> Held:
        """What the catalogue holds now."""
        return Held(self.database, self.connection, self.context)

    def latest_run(self) -> int:
        """The number of the last run that was begun; 0 before the first."""
        return int(self.held().rows("SELECT coalesce(max(id), 0) FROM dinamis.run")[0][0])

    def change(self, feed: str, changed: Changes, **said: Any) -> None:
        """Let a source be another one from now on."""
        self.is_sound_so_far = False
        source = self.sources[feed]
        source.change(changed)
        for name, value in said.items():
            setattr(source, name, value)

    def harvest(self, feed: str, watch: Watcher = nobody_watches, **request: Any) -> HarvestReport | None:
        """Harvest a source; None when that did not come to its end."""
        run_before = self.latest_run()
        try:
            report = harvest(FEEDS[feed], self.context, Request(allow_withdrawals=True, **request), watch)
        except (Killed, RunCancelled, SourceUnavailable):
            return None
        self.is_in_one_go = (report.run or 0) > run_before
        if self.is_in_one_go and not request.get("limit"):
            account = report_of(self.connection, report.run or 0)  # also of what another worker did
            each_record_is_in_one_count(self.sources[feed], account)
            what_the_source_says_is_in_the_ledger(self.held(), self.sources[feed], account)
        return report


class PlainHarvests(Harvests):
    """Harvests that nobody interferes with: they leave what the sources say at last, however it came to that."""

    def teardown(self) -> None:
        """Harvest everything once more, and into a new database."""
        try:
            if self.is_sound_so_far:
                self.matches_a_fresh_catalogue()
        finally:
            super().teardown()

    def matches_a_fresh_catalogue(self) -> None:
        """A catalogue that only knows what the sources say at last holds the same Items."""
        with self.server.clone() as fresh:
            for feed in FEEDS:
                assert self.harvest(feed, is_full=True)
                assert harvest(FEEDS[feed], harvest_context(fresh, *COLLECTIONS), Request())
            with fresh.connect("owner") as connection:
                assert self.held().items == Held(fresh, connection, self.context).items


class AmendedHarvests(Harvests):
    """Harvests, and all that people do about them."""

    runs = Bundle("runs")

    def __init__(self) -> None:
        super().__init__()
        self.undoable: list[tuple[int, Items, Items]] = []  #: the last runs, with the Items before and after each
        self.overdue: set[str] = set()  #: feeds of which the next harvest may withdraw what it does not see

    @initialize(page_size=st.sampled_from((1, 2, 500)))
    def begins_amending(self, page_size: int) -> None:
        """How large the pages of amendments are."""
        for module in (undo, quarantine, retirement):
            self.stack.enter_context(patch.object(module, "PAGE_SIZE", page_size))

    @rule(target=runs, feed=feeds, changed=worse, page_size=page_sizes, stop=stops, asked=requests)
    def harvests_whatever_comes(
        self, feed: str, changed: Changes, page_size: int, stop: HowStopped, asked: Mapping[str, Any]
    ) -> int:
        """A source changes in ways that are not good, and is harvested."""
        self.change(feed, changed, page_size=page_size)
        return self.run_of_harvest(feed, stop, **asked)

    @rule(target=runs, changed=bad, collection=st.sampled_from((COAST, HELD, None)), move=st.booleans())
    def harvests_into(self, changed: Changes, collection: str | None, move: bool) -> int:
        """An operator says where the records of a source belong."""
        self.change("any", changed)
        return self.run_of_harvest("any", collection=collection, move=move)

    @rule(feed=feeds, changed=bad, page_size=page_sizes, looks=st.integers(1, 3))
    def harvests_by_two(self, feed: str, changed: Changes, page_size: int, looks: int) -> None:
        """A source changes and is harvested by two workers, the one while the other is at it."""
        self.change(feed, changed, page_size=page_size, parts=3)
        self.harvest(feed, SecondWorker(FEEDS[feed], self.context, looks))

    @rule(feed=feeds, changed=bad)
    def tries_and_harvests(self, feed: str, changed: Changes) -> None:
        """A dry run writes nothing, and tells what the harvest then does."""
        self.change(feed, changed, page_size=200, parts=1)
        before = self.held().items
        tried = dry_run(FEEDS[feed], self.context, Request())
        assert self.held().items == before
        report = self.harvest(feed)
        if report and self.is_in_one_go:
            assert counts(tried) == counts(report)
            after = self.held().items
            told = {change.item for change in tried.changes if change.kind != "unchanged"}
            assert told >= {name for name in after.keys() | before.keys() if after.get(name) != before.get(name)}

    @precondition(lambda self: self.undoable)
    @rule(target=runs, stop=stops, is_redone=st.booleans())
    def undoes_the_last_run(self, stop: HowStopped, is_redone: bool) -> Any:
        """What was before a run is again; and when its undoing is undone, what was after it."""
        run, before, after = self.undoable.pop()
        undoing = self.undo(run, stop)
        self.is_again(before, undoing)
        if not is_redone or undoing.run is None:
            return undoing.run
        redoing = self.undo(undoing.run, None)
        self.is_again(after, redoing)
        self.undoable.append((run, before, after))
        return multiple(undoing.run, redoing.run)

    @rule(target=runs, run=runs, stop=stops)
    def undoes_some_run(self, run: int, stop: HowStopped) -> Any:
        """Any run is undone, or it is said why not."""
        try:
            report = self.undo(run, stop)
        except UndoRefused:
            return multiple()
        self.undoable.clear()
        return report.run

    @rule(item=ids, field=st.sampled_from(("eo:cloud_cover", "view:azimuth")), value=st.sampled_from((55, 66, None)))
    def corrects(self, item: str, field: str, value: int | None) -> None:
        """We know better than the sources, or do not any more; of an Item that stands."""
        held = self.held()
        is_possible = field in held.corrections[item] if value is None else item in held.images
        try:
            correct_item(self.context, item, field, value, "we looked at it", "a curator")
        except CorrectionRefused:
            assert not is_possible
            return
        assert is_possible
        assert self.held().corrections[item].get(field) == value
        self.undoable.clear()

    @rule(target=runs, is_mended=st.booleans())
    def replays_the_quarantine(self, is_mended: bool) -> Any:
        """Records that were refused are read again, perhaps by a reader that can."""
        for source in self.sources.values():
            source.is_mended |= is_mended
        before = self.held().items
        try:
            report = replay_quarantine(self.context, {feed.name: feed for feed in FEEDS.values()})
        except NotInQuarantine:
            return multiple()
        self.undoable.clear()
        if report.run is None:
            return multiple()
        self.undoable.append((report.run, before, self.held().items))
        return report.run

    @rule(target=runs, feed=feeds, stop=stops)
    def retires(self, feed: str, stop: HowStopped) -> Any:
        """All that a source said is withdrawn, if need be in two goes, until it is harvested again."""
        before = self.held().items
        try:
            report = self.retire(feed, stop)
        except (RetirementRefused, RunBusy):
            return multiple()
        assert not [name for name, source, _ in self.held().records if source == feed]
        self.undoable[:] = [(report.run or 0, before, self.held().items)]
        return report.run

    @precondition(lambda self: not self.overdue)
    @rule()
    def time_passes(self) -> None:
        """What was not seen has not been seen for a long time."""
        self.connection.execute("UPDATE dinamis.source_record SET absent_since = absent_since - interval '30 days'")
        self.overdue = set(FEEDS)

    @rule()
    def finds_the_stereo_sets_anew(self) -> None:
        """There is nothing to mend."""
        report = rebuild(self.context)
        assert (report.written, report.removed) == (0, 0)

    def harvest(self, feed: str, watch: Watcher = nobody_watches, **request: Any) -> HarvestReport | None:
        """Harvest a source, and note what was before and after."""
        before = self.held().items
        report = super().harvest(feed, watch, **request)
        if report and report.run and self.is_in_one_go:
            self.overdue -= set() if request.get("limit") else {feed}
            self.undoable.append((report.run, before, self.held().items))
        else:
            self.undoable.clear()
        return report

    def run_of_harvest(self, feed: str, stop: HowStopped = None, **request: Any) -> int:
        """Harvest a source; the number of the run, whatever became of it."""
        report = self.harvest(feed, Stop(self.database, stop), **request)
        return report.run if report and report.run else self.latest_run()

    def undo(self, run: int, stop: HowStopped) -> HarvestReport:
        """Undo a run, if need be in two goes."""
        with suppress(Killed, RunCancelled):
            return undo_run(run, self.context, Stop(self.database, stop))
        return undo_run(run, self.context)

    def retire(self, feed: str, stop: HowStopped) -> HarvestReport:
        """Retire a source, if need be in two goes."""
        with suppress(Killed, RunCancelled):
            return retire_source(FEEDS[feed].name, self.context, watch=Stop(self.database, stop))
        return retire_source(FEEDS[feed].name, self.context)

    def is_again(self, before: Items, report: HarvestReport) -> None:
        """The Items are those that were before, unless what was can not be: then the report says so."""
        if not any("stays where" in warning for warning in report.warnings):
            assert self.held().items == before


@pytest.mark.parametrize(("machine", "few"), [(PlainHarvests, 2), (AmendedHarvests, 4)])
def test_every_history_leaves_a_sound_catalogue(
    postgres_server: PostgresServer, pytestconfig: pytest.Config, machine: type[Harvests], few: int
) -> None:
    """Whatever happens to sources, harvests and what they wrote, all that must be true of the catalogue stays true."""
    wanted = pytestconfig.getoption("--histories")
    patient = settings(
        max_examples=wanted or few,
        stateful_step_count=20 if wanted else 8,
        derandomize=not wanted,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )

    with patch.object(Harvests, "server", postgres_server, create=True):
        run_state_machine_as_test(machine, settings=patient)
