"""The short form of chaos: one history of each kind, with a few kills; `make chaos` is the long form."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from database import Database
from tests.chaos.catalogue_state import differences, faults_of, state_of
from tests.chaos.history import relive
from tests.chaos.life import KILL, Plan
from tests.chaos.server import MortalServer, mortal_server
from tests.harvests import delivery, run
from tests.postgres import skip_without_postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[MortalServer]:
    """A server that may be killed: not that of the other tests."""
    skip_without_postgresql()
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
    """Harvests that are killed at any moment and resumed give the catalogue that peace would have given."""
    plan = Plan(kind, seed=2026, changes=1, disturbances=3, troubles=(trouble,), trouble_share=0.2)

    tally = relive(plan, server)

    assert tally.happened.total() > 0


def test_killed_amendments_leave_what_undisturbed_ones_do(server: MortalServer) -> None:
    """Amendments that are killed at any moment, and resumed as the status says, end as peace would have it."""
    tally = relive(Plan("amendments", seed=2026, disturbances=1), server)

    assert tally.happened[KILL] > 0


@pytest.mark.parametrize(
    ("damage", "seen_as"),
    [
        ("DELETE FROM pgstac.items", "Items"),
        ('UPDATE pgstac.collections SET content = content || \'{"title": "other"}\'', "Collections"),
        ("DELETE FROM dinamis.scene_alias", "aliases"),
        ("INSERT INTO dinamis.tombstone VALUES ('pleiades', 'other', now(), 'lost')", "tombstones"),
        ("UPDATE dinamis.source_record SET state = 'withdrawn', reason = 'lost'", "records"),
    ],
)
def test_comparison_sees_damage(database: Database, tmp_path: Path, damage: str, seen_as: str) -> None:
    """A catalogue is not taken for its like when anything of it was changed."""
    delivery(tmp_path)
    run(database, tmp_path)
    before = state_of(database)
    assert (faults_of(database), differences(before, state_of(database))) == ([], [])

    with database.connect("owner") as connection:
        connection.execute(damage)

    assert seen_as in {difference.partition(" only ")[0] for difference in differences(before, state_of(database))}


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("UPDATE dinamis.run SET state = 'running'", "a run is left as running"),
        ("INSERT INTO pgstac.query_queue (query) VALUES ('SELECT 1')", "a query of pgSTAC is left in the queue"),
        ("UPDATE dinamis.run_part SET counts = counts || '{\"read\": 7}'", "the account of a part does not add up"),
        ("DELETE FROM pgstac.items", "an Item of the ledger is not in the catalogue"),
    ],
)
def test_faults_are_seen(database: Database, tmp_path: Path, damage: str, fault: str) -> None:
    """What must be true of every catalogue is not found true of one that was damaged."""
    delivery(tmp_path)
    run(database, tmp_path)

    with database.connect("owner") as connection:
        connection.execute(damage)

    assert fault in {found.partition(":")[0] for found in faults_of(database)}
