"""The histories of a catalogue that is disturbed: harvests of an archive that changes, and amendments."""

from __future__ import annotations

from functools import partial

from tests.chaos import amendments
from tests.chaos.archives import ARCHIVES, Archive
from tests.chaos.harvesting import Task, harvest_once
from tests.chaos.life import Life, Plan, Tally, Unexpected, lived
from tests.chaos.processes import Worker
from tests.chaos.server import MortalServer

KINDS = (*ARCHIVES, amendments.KIND)


def relive(plan: Plan, server: MortalServer) -> Tally:
    """Live through a history in two databases and hold the catalogues against each other.

    Raises:
        Unexpected: they differ, one of them is not sound, or a process failed without cause.
    """
    tally = Tally()
    try:
        if plan.kind == amendments.KIND:
            with amendments.folder() as place, lived(plan, server, tally, str(place)) as life:
                amendments.go_through(life)
        else:
            archive = ARCHIVES[plan.kind]()
            with archive.served() as address, lived(plan, server, tally, address) as life:
                _harvest_again_and_again(life, archive)
    except AssertionError as error:
        story = "\n  ".join(tally.events)
        raise Unexpected(f"{plan}\n  {story}\n{error}") from error
    return tally


def _harvest_again_and_again(life: Life, archive: Archive) -> None:
    """Harvest, change, harvest…; at last in peace and in full, for absence is only seen so."""
    for number in range(1 + life.plan.changes):
        if number:
            archive.change(life.dice)
        life.do_both(f"harvest {number}", lambda _: partial(_harvest, life, False))
    for database in (life.peaceful, life.disturbed):
        life.in_peace(database, partial(_harvest, life, True))
    life.require_likeness()


def _harvest(life: Life, is_full: bool, conninfo: str) -> Worker:
    return Worker(harvest_once, Task(conninfo, life.plan.kind, life.address, is_full))
