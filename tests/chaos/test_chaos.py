"""The short form of chaos: one history of each source, with a few kills; `make chaos` is the long form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from database.errors import ServerProgramsMissing
from database.programs import find_server
from tests.chaos.archives import ARCHIVES
from tests.chaos.catalogue_state import differences, faults_of, state_of
from tests.chaos.harvesting import Harvester, Task
from tests.chaos.history import KILL, Plan, Unexpected, relive
from tests.chaos.server import MortalServer, mortal_server
from tests.harvest_rooms import rows


@pytest.fixture(scope="module")
def server() -> Iterator[MortalServer]:
    """A server that may be killed: not that of the other tests."""
    try:
        find_server()
    except ServerProgramsMissing as error:
        pytest.skip(f"no PostgreSQL with PostGIS on this machine: {error}")
    with mortal_server() as mortal:
        yield mortal


@pytest.mark.parametrize(
    ("kind", "trouble"),
    [
        ("deliveries", "kill -9 of a backend"),
        ("oneatlas", "kill -9 of the postmaster"),
        ("geodes", "cut from the source"),
        ("stac", "cut from the database"),
    ],
)
def test_killed_harvests_leave_what_undisturbed_ones_do(server: MortalServer, kind: str, trouble: str) -> None:
    """Harvests that are killed at any moment and gone on with give the catalogue that peace would have given."""
    plan = Plan(kind, seed=2026, changes=1, disturbances=3, troubles=(trouble,), trouble_share=0.2)

    tally = relive(plan, server)

    assert tally.happened.total() > 0


def test_all_sources_of_the_chaos_are_in_the_short_form() -> None:
    """No archive of the long form is left out of the short one."""
    assert set(ARCHIVES) == {"deliveries", "oneatlas", "geodes", "stac"}
