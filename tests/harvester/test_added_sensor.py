"""A sensor is files: one that is added is harvested, and one that is changed changes the Items that are read again."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from database import Database
from harvester.collection_checks import check_collection_documents
from harvester.collection_documents import (
    default_collections_directory,
    load_collection_documents,
)
from harvester.harvest import HarvestContext
from harvester.sensors import load_sensors
from tests.harvests import counts, delivery, items, rows, run

SENSOR = """\
id: co3d
title: CO3D
dimap: 2
profiles: [CO3D_]
constellation: co3d
instruments: [co3d-optical]
satellites:
  CO3D1: {platform: co3d-1, title: CO3D 1}
azimuth: target
stamp: strip-source-id
bands: {P: pan, B0: blue, B1: green, B2: red, B3: nir}
pixel_order:
  PMS: [B2, B1, B0, B3]
"""

COLLECTION = """\
stac:
  id: co3d
  title: Images CO3D
  description: Une collection inventée.
  keywords: [CO3D]
  license: CC-BY-4.0
  providers:
    - {name: Observatoire inventé, roles: [producer, host]}
  extent:
    spatial: {bbox: [[-180, -90, 180, 90]]}
    temporal: {interval: [["2020-01-01T00:00:00Z", null]]}
harvest:
  accepts: {missions: [CO3D1], profiles: [CO3D_]}
  sources:
    - source: deliveries
"""

ITEM = "CO3D1_202108151041301"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The documents of the project, with an invented sensor and its collection."""
    copy = tmp_path / "documents"
    shutil.copytree(default_collections_directory(), copy)
    (copy / "sensors" / "co3d.yaml").write_text(SENSOR, "utf-8")
    (copy / "co3d.yaml").write_text(COLLECTION, "utf-8")
    return copy


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A delivery of the invented satellite, in the form of a Pléiades one, and a Pléiades one."""
    archive = tmp_path / "archive"
    archive.mkdir()
    for document in delivery(archive).rglob("*.XML"):
        text = document.read_text("utf-8").replace(">PHR_ORTHO<", ">CO3D_ORTHO<")
        text = text.replace("<MISSION>PHR<", "<MISSION>CO3D<").replace("<MISSION_INDEX>1A<", "<MISSION_INDEX>1<")
        document.write_text(re.sub("(<SOURCE_ID>|<STRIP_ID>)DS_PHR1A_", r"\1DS_CO3D1_", text), "utf-8")
    delivery(archive, seconds=5, job="6000000201")
    return archive


def context_of(database: Database, folder: Path) -> HarvestContext:
    """A catalogue and all documents of a folder, as the command line opens them."""
    return HarvestContext(
        conninfo=database.conninfo("harvest"),
        documents=load_collection_documents(folder),
        sensors=load_sensors(folder / "sensors"),
        language="fr",
    )


def rename_platform(folder: Path) -> None:
    """Change what the document of the invented sensor says of its satellite."""
    document = folder / "sensors" / "co3d.yaml"
    document.write_text(SENSOR.replace("platform: co3d-1,", "platform: co3d-one,"), "utf-8")


def test_an_added_sensor_and_its_collection_are_files(database: Database, folder: Path, archive: Path) -> None:
    """A satellite whose code has a digit inside is harvested into its collection by two documents alone."""
    (warning,) = check_collection_documents(folder)
    assert "no rule set covers" in warning.message
    report = run(context_of(database, folder), archive)
    assert (report.refusals, counts(report)) == ([], {"new": 2})
    item = items(database)[ITEM]
    assert (item["collection"], item["properties"]["platform"]) == ("co3d", "co3d-1")
    assert item["properties"]["instruments"] == ["co3d-optical"]


def test_a_changed_sensor_document_changes_the_items_that_are_read_again(
    database: Database, folder: Path, archive: Path
) -> None:
    """Unchanged records stay as they are, unless they are read again: then only Items that differ are written."""
    run(context_of(database, folder), archive)
    before = items(database)
    rename_platform(folder)
    assert counts(run(context_of(database, folder), archive)) == {"unchanged": 2}
    assert items(database) == before

    report = run(context_of(database, folder), archive, reread=True)

    assert (counts(report), report.items_written) == ({"changed": 1, "unchanged": 1}, 1)
    after = items(database)
    assert after[ITEM]["properties"]["platform"] == "co3d-one"
    assert after[ITEM]["properties"]["updated"] > before[ITEM]["properties"]["updated"]
    assert after | {ITEM: before[ITEM]} == before


def test_reading_again_without_a_change_writes_no_item(database: Database, folder: Path, archive: Path) -> None:
    """All records count as unchanged, components that share an Item included, and no Item gets a new version."""
    delivery(archive, seconds=10, modes=("P", "MS"), level="SENSOR", job="6000000301", cloud_cover_percent=4.0)
    delivery(archive, seconds=20, mission="PNEO3", modes=("PAN", "MS-FS"), job="6000000401", roi=None)
    run(context_of(database, folder), archive)
    versions = "SELECT id, ctid::text, xmin::text FROM pgstac.items ORDER BY 1"
    before = rows(database, versions)

    report = run(context_of(database, folder), archive, reread=True)

    assert (counts(report), report.items_written) == ({"unchanged": 6}, 0)
    assert rows(database, versions) == before


def test_trying_out_what_reading_again_would_change_writes_nothing(
    database: Database, folder: Path, archive: Path
) -> None:
    """A dry run tells how many records a changed document changes, and leaves their Items."""
    run(context_of(database, folder), archive)
    before = items(database)
    rename_platform(folder)
    report = run(context_of(database, folder), archive, reread=True, dry_run=True)
    assert counts(report) == {"changed": 1, "unchanged": 1}
    assert items(database) == before


def test_what_cannot_be_read_any_more_keeps_its_item(database: Database, folder: Path, archive: Path) -> None:
    """A document that no longer knows the satellite refuses its records with the reason, and takes no Item away."""
    run(context_of(database, folder), archive)
    before = items(database)
    document = folder / "sensors" / "co3d.yaml"
    document.write_text(SENSOR.replace("CO3D1:", "CO3D2:"), "utf-8")
    report = run(context_of(database, folder), archive, reread=True)
    assert counts(report) == {"quarantined": 1, "unchanged": 1}
    assert "satellite 'CO3D1' is not one of CO3D (CO3D2)" in report.refusals[0].reason
    assert items(database) == before
