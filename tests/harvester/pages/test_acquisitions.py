"""Which records are of one acquisition: by name, or by satellite, moment and place; in a page and in the ledger."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from shapely import box

from database import Database
from harvester.ledger import KnownScene, Ledger
from harvester.pages.acquisitions import Acquisition, Member, acquisitions_of, matches_of, names_of
from harvester.record import Moment, SceneOutline
from tests.scene_records import scene

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MOMENT = datetime(2021, 8, 15, 15, 41, 30, 100_000, tzinfo=UTC)
HALF = box(4.05, 48.7, 4.15, 48.8)


@pytest.fixture
def ledger(module_database: Database) -> Iterator[Ledger]:
    """An empty ledger, in a transaction that is rolled back after the test."""
    with psycopg.connect(module_database.conninfo("harvest")) as connection:
        yield Ledger(connection, source="held", feed="held", run=None, now=NOW)
        connection.rollback()


def record(*keys: str, seconds: float = 0, **changes: Any) -> SceneOutline:
    """A record of an acquisition with these names, some seconds after the first."""
    return SceneOutline.of(scene(scene_keys=keys, acquired_at=MOMENT + timedelta(seconds=seconds), **changes))


def remember(ledger: Ledger, name: str, *keys: str, days: float = 0, seconds: float = 0) -> KnownScene:
    """Let an acquisition be known since some days after the first."""
    known = KnownScene(name, NOW + timedelta(days=days))
    moment = Moment("pleiades-1a", MOMENT + timedelta(seconds=seconds), scene().footprint.wkb)
    ledger.scenes.keep_new({known: [moment]})
    ledger.scenes.keep_new_keys(dict.fromkeys(keys, name))
    return known


def standing(number: int, acquisition: str, *keys: str, seconds: float = 900) -> Member:
    """A record that is of an Item of an acquisition already."""
    outline = record(*keys, seconds=seconds)
    return Member(("held", f"standing-{number}"), outline, frozenset(keys), acquisition)


def acquisitions(ledger: Ledger, *records: SceneOutline, among: Sequence[Member] = ()) -> list[Acquisition]:
    """The acquisitions of records that are taken in, and of others that are in force."""
    matches = matches_of(records, "held", ledger)
    matches.add(ledger.scenes.of_keys({name for each in among for name in each.names}))
    matches.known |= ledger.scenes.known({each.scene for each in among if each.scene})
    new = [
        Member(("held", str(index)), each, names_of(each, "held"), None, near)
        for index, (each, near) in enumerate(zip(records, matches.near, strict=True))
    ]
    return acquisitions_of([*among, *new], matches, NOW)


def groups(ledger: Ledger, *records: SceneOutline) -> list[set[int]]:
    """Which of the records are of one acquisition."""
    return [{int(member.key[1]) for member in each.members} for each in acquisitions(ledger, *records)]


def test_records_that_share_a_name_are_of_one_acquisition(ledger: Ledger) -> None:
    """Also when the first and the last have only the one between them in common, whatever their order."""
    chain = [record("A", "B"), record("B", "C", seconds=50), record("C", "D", seconds=90), record("E", seconds=200)]
    for order in itertools.permutations(range(4)):
        found = groups(ledger, *(chain[index] for index in order))
        assert sorted(sorted(order[member] for member in group) for group in found) == [[0, 1, 2], [3]]


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (record("B", seconds=2), True),
        (record("B", seconds=2.001), False),
        (record("B", footprint=HALF), True),
        (record("B", footprint=box(4.06, 48.7, 4.16, 48.8)), False),
        (record("B", footprint=box(4.0, 48.7, 4.01, 48.71)), True),
        (record("B", platform="pleiades-1b"), False),
        (record("B", platform=None), False),
    ],
    ids=["two-seconds", "more", "half", "less", "inside", "other-satellite", "unknown-satellite"],
)
@pytest.mark.parametrize("is_known", [False, True], ids=["of-one-page", "in-the-ledger"])
def test_moment_and_place_join_without_a_common_name(
    ledger: Ledger, other: SceneOutline, is_same: bool, is_known: bool
) -> None:
    """One satellite within two seconds over half of the smaller footprint is one acquisition, on one page or later."""
    if not is_known:
        assert groups(ledger, record("A"), other) == ([{0, 1}] if is_same else [{0}, {1}])
        return
    known = remember(ledger, "IMAGE_1", "A")
    (found,) = acquisitions(ledger, other)
    assert (found.scene == known, found.is_known) == (is_same, is_same)


def test_oldest_known_acquisition_stands_for_all(ledger: Ledger) -> None:
    """A record with the names of two known acquisitions makes them one: the younger is merged into the older."""
    younger = remember(ledger, "IMAGE_0", "B", days=1, seconds=500)
    older = remember(ledger, "IMAGE_1", "A")
    (found,) = acquisitions(ledger, record("B", "A", seconds=900))
    assert (found.scene, found.merged, found.is_known) == (older, (younger.id,), True)


def test_of_acquisitions_known_since_one_moment_that_with_the_first_id_stands_for_all(ledger: Ledger) -> None:
    """Those of one page are of one age: which of them stays does not depend on the order in which they are found."""
    for name in "DCABEHGF":
        remember(ledger, f"IMAGE_{name}", name, seconds=500)
    (found,) = acquisitions(ledger, record(*"DCABEHGF", seconds=900))
    assert (found.scene.id, found.merged) == ("IMAGE_A", tuple(f"IMAGE_{name}" for name in "BCDEFGH"))


def test_new_acquisition_is_called_by_its_first_name(ledger: Ledger) -> None:
    """The id of an acquisition does not depend on the order of its names."""
    for keys in itertools.permutations("CAB"):
        (found,) = acquisitions(ledger, record(*keys))
        assert (found.scene, found.is_known, found.merged) == (KnownScene("A", NOW), False, ())


def test_record_without_a_name_has_one_of_its_source(ledger: Ledger) -> None:
    """Two sources that number their records from one do not share acquisitions."""
    (found,) = acquisitions(ledger, record(id="1"))
    assert found.scene.id == "held 1"


def test_acquisition_has_the_moments_of_all_its_records(ledger: Ledger) -> None:
    """In whatever order they come; a record without a satellite or time has none."""
    records = [record("A", footprint=HALF), record("A"), record("A", seconds=60), record("A", platform=None)]
    expected = sorted(each.moment for each in records if each.moment)
    for order in itertools.permutations(records):
        (found,) = acquisitions(ledger, *order)
        assert found.moments == expected
    assert len(expected) == 3


def scenes_of(found: Sequence[Acquisition]) -> dict[str, str]:
    """The acquisition of each record."""
    return {member.key[1]: each.scene.id for each in found for member in each.members}


def test_records_that_nothing_joins_any_more_are_of_several_acquisitions(ledger: Ledger) -> None:
    """The one that bears the name of the acquisition goes on with it, and the others are known since now."""
    remember(ledger, "A", "A", "B")
    found = acquisitions(ledger, among=[standing(1, "A", "B"), standing(2, "A", "A", seconds=500)])
    assert scenes_of(found) == {"standing-1": "B", "standing-2": "A"}
    assert {each.scene.id: each.is_known for each in found} == {"A": True, "B": False}


def test_first_record_goes_on_with_an_acquisition_whose_name_none_bears(ledger: Ledger) -> None:
    """Until a record comes that bears it."""
    remember(ledger, "A", "A", "B", "C")
    among = [standing(1, "A", "C"), standing(2, "A", "B", seconds=500)]
    assert scenes_of(acquisitions(ledger, among=among)) == {"standing-1": "A", "standing-2": "B"}
    assert scenes_of(acquisitions(ledger, record("A"), among=among[:1])) == {"standing-1": "C", "0": "A"}


def test_name_that_no_record_in_force_says_joins_nothing(ledger: Ledger) -> None:
    """A record that is gone said that they are one: that counts no more."""
    remember(ledger, "A", "A", "GONE")
    found = acquisitions(ledger, record("GONE", "B"), among=[standing(1, "A", "A")])
    assert scenes_of(found) == {"standing-1": "A", "0": "B"}


def test_acquisition_in_force_is_not_given_to_a_record_that_takes_a_former_name_of_it(ledger: Ledger) -> None:
    """Its own records do not say that name any more: both acquisitions stay, whichever is looked at first."""
    known = [remember(ledger, "IMAGE_0", "A"), remember(ledger, "IMAGE_1", "B", "C", seconds=500)]
    among = [standing(0, "IMAGE_0", "A", "C"), standing(1, "IMAGE_1", "B", seconds=1900)]
    assert [(each.scene, each.merged) for each in acquisitions(ledger, among=among)] == [(each, ()) for each in known]


def test_acquisition_without_records_is_gone_on_with(ledger: Ledger) -> None:
    """What comes back under any of its names, or at its moment and place, is what it was; only one can be that."""
    remember(ledger, "A", "A", "B", "C")
    for comes_back in (record("A", seconds=900), record("C", seconds=900), record("OTHER")):
        assert scenes_of(acquisitions(ledger, comes_back)) == {"0": "A"}
    several = record("C", seconds=900), record("B", seconds=500)
    assert scenes_of(acquisitions(ledger, *several)) == {"0": "A", "1": "B"}


def test_records_stay_with_one_that_is_not_readable_any_more(ledger: Ledger) -> None:
    """Nobody knows whether it joins them; and it stays what it was."""
    remember(ledger, "A", "A", "B")
    among = [standing(1, "A", "B"), Member(("held", "torn"), None, frozenset({"A"}), "A")]
    assert scenes_of(acquisitions(ledger, record("A", seconds=500), among=among)) == {
        "standing-1": "A",
        "torn": "A",
        "0": "A",
    }
