"""The clouds of images in the catalogue: beside their Items, as the masks tell them, whatever happens to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shapely.geometry import shape

from database import Database
from harvester.amendments import correct_item, undo_run
from tests.harvests import counts, delivery, harvest_context, items, rows, run, timeless

ITEM = "PHR1A_202108151041301"
CLEAR = {"type": "MultiPolygon", "coordinates": []}
EMPTY_MASK = b"<hma:Mask xmlns:hma='http://earth.esa.int/hma'><hma:maskMembers/></hma:Mask>"

Clouds = dict[str, Any]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A cloudy acquisition as a bundle of panchromatic and multispectral components."""
    folder = tmp_path / "archive"
    folder.mkdir()
    delivery(folder, modes=("P", "MS"), cloud_cover_percent=30.0)
    return folder


def clouds_in(database: Database) -> Clouds | None:
    """What the catalogue keeps of the clouds of the one Item."""
    ((clouds,),) = rows(database, "SELECT private -> 'clouds' FROM pgstac.items WHERE id = %s", ITEM)
    found: Clouds | None = clouds
    return found


def masks(archive: Path, mode: str = "") -> list[Path]:
    """The cloud masks of an archive, or that of one mode."""
    return sorted(archive.rglob(f"CLD_PHR1A_{mode}*.GML"))


def clear_the_sky(archive: Path) -> None:
    """Let the panchromatic mask have no clouds, and nothing else change."""
    masks(archive, "P_")[0].write_bytes(EMPTY_MASK)


def test_clouds_lie_beside_the_item_and_not_in_it(database: Database, archive: Path) -> None:
    """The catalogue keeps the clouds of the panchromatic mask; who searches sees nothing of them."""
    run(database, archive)
    clouds = clouds_in(database)
    assert clouds is not None
    assert clouds["type"] == "MultiPolygon"
    footprint = shape(items(database)[ITEM]["geometry"])
    assert shape(clouds).intersection(footprint).area / footprint.area == pytest.approx(0.3, abs=0.01)
    assert "clouds" not in items(database)[ITEM]
    assert str(clouds["coordinates"][0][0][0][0]) not in str(items(database))


def test_changed_mask_alone_rewrites_the_item(database: Database, archive: Path) -> None:
    """A mask that is delivered again changes its record and what is kept, though the Item reads the same."""
    run(database, archive)
    before = items(database)[ITEM]
    clear_the_sky(archive)

    assert counts(run(database, archive)) == {"changed": 1, "unchanged": 1}

    assert clouds_in(database) == CLEAR
    assert timeless(items(database)[ITEM]) == {**timeless(before), "assets": items(database)[ITEM]["assets"]}
    assert items(database)[ITEM]["properties"]["updated"] > before["properties"]["updated"]


def test_mask_that_is_taken_away_leaves_that_of_the_other_component(database: Database, archive: Path) -> None:
    """Without a panchromatic mask the multispectral one tells of the clouds, without any nothing is told."""
    run(database, archive)
    masks(archive, "P_")[0].unlink()
    run(database, archive)
    assert clouds_in(database) not in (None, CLEAR)
    masks(archive, "MS_")[0].unlink()
    run(database, archive)
    assert clouds_in(database) is None
    assert rows(database, "SELECT private ? 'clouds' FROM pgstac.items WHERE id = %s", ITEM) == [(False,)]


def test_dry_run_tells_that_clouds_change(database: Database, archive: Path) -> None:
    """A dry run names the clouds among what changes, and leaves them as they are."""
    run(database, archive)
    before = clouds_in(database)
    clear_the_sky(archive)

    (change,) = run(database, archive, dry_run=True).changes

    assert before is not None
    assert change.fields["private.clouds.coordinates"] == (before["coordinates"], [])
    assert clouds_in(database) == before


def test_mask_that_cannot_be_used_is_told(database: Database, archive: Path) -> None:
    """A damaged mask makes the clouds unknown, not the image: the report says which file to deliver again."""
    for mask in masks(archive):
        mask.write_bytes(b"<html/>")
    report = run(database, archive)
    assert counts(report) == {"new": 2}
    assert clouds_in(database) is None
    assert all("the cloud mask is not usable" in warning for warning in report.warnings)
    assert [mask.name in str(report.warnings) for mask in masks(archive)] == [True, True]


def undone(database: Database, archive: Path) -> None:
    """Clear the sky by mistake, and undo that run."""
    clear_the_sky(archive)
    undo_run(run(database, archive).run or 0, harvest_context(database))


def corrected(database: Database, archive: Path) -> None:
    """Correct a property of the Item."""
    correct_item(harvest_context(database), ITEM, "eo:cloud_cover", 31, "seen on the quicklook", "M. Curatrice")


def harvested_again(database: Database, archive: Path) -> None:
    """Harvest what has not changed, without reading it and reading it all."""
    assert counts(run(database, archive)) == {"unchanged": 2}
    assert counts(run(database, archive, reread=True)) == {"unchanged": 2}


def delivered_elsewhere(database: Database, archive: Path) -> None:
    """Have the acquisition once more, at another level and without a mask of clouds."""
    again = delivery(archive, modes=("PMS",), level="SENSOR", job="6000000201", missing=frozenset({"mask"}))
    assert counts(run(database, again)) == {"new": 1}


@pytest.mark.parametrize("happening", [undone, corrected, harvested_again, delivered_elsewhere])
def test_clouds_survive(database: Database, archive: Path, happening: Callable[[Database, Path], None]) -> None:
    """Undo, corrections, further harvests and further deliveries leave the clouds what the mask says."""
    run(database, archive)
    before = clouds_in(database)
    assert before is not None
    happening(database, archive)
    assert clouds_in(database) == before
