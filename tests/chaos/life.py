"""One life of a catalogue, lived twice: in peace, and by processes that are killed again and again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import monotonic, sleep
from typing import Any

from psycopg.conninfo import make_conninfo

from database import Database
from tests.chaos.catalogue_state import differences, faults_of, state_of
from tests.chaos.processes import Outcome, Worker
from tests.chaos.server import MortalServer
from tests.chaos.wire import Wire
from tests.harvests import rows

#: No work on these small archives takes so long, whatever happens to it.
_LONGEST_S = 120.0
#: A server needs a moment to notice that the client for which it worked is gone.
_BUSY_S = 20.0

KILL, FULL_DISK = "kill -9 of the process", "full disk"


class Unexpected(AssertionError):
    """A process did what it must not; the message tells how to see it again."""


@dataclass(frozen=True)
class Plan:
    """How one history goes; two of one plan have the same dice, but no two processes the same pace."""

    kind: str  #: of source, or of history
    seed: int
    changes: int = 3  #: of the archive, each followed by a harvest
    disturbances: int = 12  #: of one piece of work at most, so that it ends
    troubles: tuple[str, ...] = ()  #: what happens besides kills of the process
    trouble_share: float = 0.15  #: of all that happens


@dataclass
class Tally:
    """What happened.

    Attributes:
        events: the story, line by line.
        happened: how often each disturbance met a process at work.
        places: what the runs were at that were killed.
        resumed: runs that another process went on with.
        histories: how many these are.
    """

    events: list[str] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    places: Counter[str] = field(default_factory=Counter)
    resumed: int = 0
    histories: int = 0

    def add(self, other: Tally) -> None:
        """Count another history in."""
        self.happened += other.happened
        self.places += other.places
        self.resumed += other.resumed
        self.histories += 1


@dataclass(frozen=True)
class Troubles:
    """What may happen to a piece of work besides that its process is killed."""

    server: MortalServer
    network: Wire
    source: Wire | None

    def happen(self, name: str, dice: Random) -> None:
        """Let it happen."""
        seconds = dice.choice((0.0, 0.3, 2.0))
        does: Mapping[str, Callable[[], None]] = {
            "kill -9 of the postmaster": self.server.kill_postmaster,
            "immediate stop of the server": self.server.stop_immediately,
            "kill -9 of a backend": partial(self.server.kill_backend, dice),
            "termination of a backend": partial(self.server.terminate_backend, dice),
            FULL_DISK: partial(self.server.fill_disk, dice),
            "cut from the database": partial(self.network.cut, seconds),
            "cut from the source": partial((self.source or self.network).cut, seconds),
        }
        does[name]()

    def end(self) -> None:
        """Let all be as before; returns when the server answers."""
        self.network.mend()
        if self.source:
            self.source.mend()
        self.server.recover()


#: All there are; a full disk needs one that can be mounted.
TROUBLES = (
    "kill -9 of the postmaster",
    "immediate stop of the server",
    "kill -9 of a backend",
    "termination of a backend",
    "cut from the database",
    "cut from the source",
    FULL_DISK,
)


#: Begins a piece of work, or resumes it, over the network of this connection; None where all of it is done.
Begin = Callable[[str], Worker | None]


@dataclass
class Life:
    """Two databases of one history: what is done in peace to one is done to the other in trouble."""

    plan: Plan
    tally: Tally
    dice: Random
    address: str  #: of what is harvested
    peaceful: Database
    disturbed: Database
    troubles: Troubles
    _first_run: int = 1  #: of the work at hand

    def do_both(self, what: str, begin: Callable[[Database], Begin]) -> None:
        """Do a piece of work in both databases; the accounts of its runs must be the same."""
        start = monotonic()
        self.in_peace(self.peaceful, begin(self.peaceful))
        duration = monotonic() - start
        self.tally.events.append(f"{what}, {duration:.2f} s in peace:")
        self._first_run = max((run for run, *_ in _runs(self.disturbed)), default=0) + 1
        self._in_trouble(duration, begin(self.disturbed))
        ours = [each for each in _runs(self.disturbed) if each[0] >= self._first_run]
        self.tally.resumed += sum(is_resumed for _, is_resumed, _ in ours)
        if len(ours) == 1:
            counts = _runs(self.peaceful)[-1][2]
            assert ours[0][2] == counts, f"the account of run {ours[0][0]} is {ours[0][2]}, in peace it was {counts}"

    def in_peace(self, database: Database, begin: Begin) -> None:
        """Do a piece of work to which nothing happens."""
        outcome = self._patiently(database.conninfo("harvest"), begin)
        assert outcome.state == "succeeded", f"work in peace: {outcome}"

    def require_likeness(self) -> None:
        """Hold the two catalogues against each other.

        Raises:
            AssertionError: they differ, or that of troubles is not sound.
        """
        found = [*faults_of(self.disturbed), *differences(state_of(self.peaceful), state_of(self.disturbed))]
        assert not found, "\n".join(found[:20])

    def _in_trouble(self, duration: float, begin: Begin) -> None:
        """Go on with a piece of work until it ends well, each time with something happening to it."""
        for _ in range(self.plan.disturbances):
            if self._is_done_in_spite_of(
                self._drawn(), self.dice.uniform(0, duration * self.dice.choice((0.3, 0.6, 1))), begin
            ):
                return
        outcome = self._patiently(self._over_the_network(), begin)
        self.tally.events.append(f"at last {outcome.state}")
        assert outcome.state == "succeeded", f"after all disturbances: {outcome}"

    def _drawn(self) -> str:
        if self.plan.troubles and self.dice.random() < self.plan.trouble_share:
            return self.dice.choice(self.plan.troubles)
        return KILL

    def _is_done_in_spite_of(self, disturbance: str, delay: float, begin: Begin) -> bool:
        """Whether the work is done though this happens to its process after some seconds."""
        worker = begin(self._over_the_network())
        if worker is None:
            self.tally.events.append("  it was done")
            return True
        outcome = worker.outcome(delay)
        if outcome is not None:
            self.tally.events.append(f"  {outcome.state} before {disturbance} at {delay:.3f} s {outcome.said}")
            # The server may still be at work for the one that was killed before.
            assert outcome.state in ("succeeded", "busy"), f"nothing happened to it: {outcome}"
            return outcome.state == "succeeded"
        outcome = self._outcome_of(worker, disturbance)
        self.tally.happened[disturbance] += 1
        self.tally.events.append(f"  {outcome.state} by {disturbance} at {delay:.3f} s {outcome.said}")
        allowed = ("succeeded", "busy", "killed" if disturbance == KILL else "failed")
        assert outcome.state in allowed, f"{disturbance}: {outcome}"
        return outcome.state == "succeeded"

    def _outcome_of(self, worker: Worker, disturbance: str) -> Outcome:
        if disturbance == KILL:
            worker.kill()
            killed = ended(worker)
            self.tally.places[_place(self.disturbed, self._first_run)] += 1
            return killed
        self.troubles.happen(disturbance, self.dice)
        outcome = worker.outcome(self.dice.choice((0.0, 1.0, 3.0, 20.0)))
        self.troubles.end()
        return outcome or ended(worker)

    def _over_the_network(self) -> str:
        return make_conninfo(self.disturbed.conninfo("harvest"), port=self.troubles.network.port)

    def _patiently(self, conninfo: str, begin: Begin) -> Outcome:
        """The outcome of a piece of work, tried again while the server works for one that was killed."""
        deadline = monotonic() + _BUSY_S
        while (worker := begin(conninfo)) is not None:
            if (outcome := ended(worker)).state != "busy":
                return outcome
            assert monotonic() < deadline, f"nobody is at work, but: {outcome.said}"
            sleep(0.05)
        return Outcome("succeeded", "it was done")


@contextmanager
def lived(plan: Plan, server: MortalServer, tally: Tally, address: str) -> Iterator[Life]:
    """Two new databases for a history of what is at an address: of a service, or a folder."""
    with ExitStack() as stack:
        source = None
        if address.startswith("http"):
            port = int(address.rpartition(":")[2])
            source = stack.enter_context(Wire(lambda: port).running())
            address = f"http://127.0.0.1:{source.port}"
        network = stack.enter_context(Wire(lambda: server.port).running())
        peaceful, disturbed = (stack.enter_context(server.postgres.clone()) for _ in range(2))
        troubles = Troubles(server, network, source)
        yield Life(plan, tally, Random(f"{plan.kind} {plan.seed}"), address, peaceful, disturbed, troubles)


def ended(worker: Worker) -> Outcome:
    """How a process ends, which must not last."""
    outcome = worker.outcome(_LONGEST_S)
    if outcome is None:
        worker.kill()
    assert outcome is not None, f"it does not end within {_LONGEST_S:.0f} s"
    return outcome


def _place(database: Database, first_run: int) -> str:
    """What a process was at when it was killed, as its run tells; it may be a little behind the truth."""
    ((place,),) = rows(
        database,
        "SELECT CASE WHEN count(run.id) = 0 THEN 'before a run began' WHEN bool_or(run.state != 'running')"
        " THEN 'publishing' WHEN bool_and(run_part.state = 'done') THEN 'finishing' WHEN sum(pages) = 0"
        " THEN 'before its first page was written' ELSE 'among its pages' END FROM dinamis.run"
        " JOIN dinamis.run_part ON run_part.run = run.id WHERE run.id = (SELECT max(id) FROM dinamis.run)"
        " AND run.id >= %s",
        first_run,
    )
    return str(place)


def _runs(database: Database) -> list[tuple[int, bool, dict[str, Any]]]:
    """Number, whether it was resumed, and the account of each run, without what depends on absence."""
    return [
        (run, is_resumed, counts)
        for run, is_resumed, counts in rows(
            database,
            "SELECT id, is_resumed, (SELECT jsonb_object_agg(key, sum) FROM (SELECT key, sum(value::bigint)"
            " FROM dinamis.run_part, jsonb_each_text(counts) WHERE run = run.id"
            " AND key IN ('new', 'changed', 'unchanged', 'quarantined') GROUP BY key) AS added)"
            " FROM dinamis.run ORDER BY id",
        )
    ]
