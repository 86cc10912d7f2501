"""Each record of the recorded answers, from a service over HTTP into the catalogue: what the checked-in table says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from database import Database
from harvester.collection_model import WithdrawalRules
from harvester.harvest import Request, harvest
from harvester.runs.report import Outcome
from tests.acceptance.expected_sources import Row, read_expected_sources
from tests.acceptance.sources.genuine_services import SERVICES
from tests.acceptance.sources.test_sources import SAR, served_items
from tests.harvests import documents, harvest_context, images, rows
from tests.stac_schemas import validator

Outcomes = list[tuple[str, str, str, str, str]]


@pytest.fixture(scope="module")
def folder(samples: Path) -> Path:
    """The recorded answers."""
    return samples / "sources"


@pytest.fixture(scope="module")
def harvested(module_database: Database, folder: Path) -> Outcomes:
    """File, feed, record, Item and reason of each record after all of them were harvested into one catalogue."""
    catalogue = harvest_context(module_database, *documents())
    outcomes: Outcomes = []
    for pattern, services in SERVICES.items():
        for file in sorted(folder.glob(pattern)):
            for serve in services:
                with serve(file) as feed:
                    whole = replace(feed, withdrawals=WithdrawalRules(by_absence=False))  # one file is not all it has
                    report = harvest(whole, catalogue, Request(is_full=True, allow_withdrawals=True))
                known = rows(
                    module_database,
                    "SELECT record, CASE WHEN state = 'active' THEN item ELSE '' END, coalesce(reason, '')"
                    " FROM dinamis.source_record"
                    " WHERE run = %s OR (feed = %s AND last_seen >= %s) ORDER BY record",
                    report.run,
                    feed.name,
                    report.started_at,
                )
                # A record that stands on two pages is unchanged the second time.
                assert len(known) == report.read - report.outcomes[Outcome.UNCHANGED], file.name
                outcomes += [(file.relative_to(folder).as_posix(), feed.name, *each) for each in known]
    return outcomes


def test_each_record_becomes_what_the_table_says(harvested: Outcomes) -> None:
    """Every record is the Item of the table, or is quarantined for its reason; none is missing, none is more."""
    expected = {(row.file, row.feed, row.record): row for row in read_expected_sources() if row.record}
    found = {(file, feed, record): (item, reason) for file, feed, record, item, reason in harvested}
    assert set(found) == set(expected)
    wrong = {key: outcome for key, outcome in found.items() if not _is_as_said(expected[key], *outcome)}
    assert not wrong


def _is_as_said(row: Row, item: str, reason: str) -> bool:
    return item == row.item and (reason.startswith(row.reason) if row.reason else not reason)


def test_the_table_speaks_of_each_file(folder: Path) -> None:
    """Each recorded file has rows; one without records says why, and its reason stands alone."""
    table = read_expected_sources()
    assert {row.file for row in table} == {path.relative_to(folder).as_posix() for path in folder.rglob("*.*")}
    assert len({(row.file, row.feed, row.record) for row in table}) == len(table)
    for row in table:
        assert bool(row.record) == bool(row.feed), row
        assert bool(row.item) != bool(row.reason), row


def test_the_catalogue_has_the_items_of_the_table_and_they_are_valid(
    harvested: Outcomes, module_database: Database, schemas: Path
) -> None:
    """The images that the API serves are exactly the Items of the table; they and their stereo sets are valid."""
    assert harvested
    found = served_items(module_database, *documents())
    table = read_expected_sources()
    revoked = {row.record for row in table if row.reason.startswith("revoked")}
    assert set(images(found)) == {row.item for row in table if row.item} - revoked
    for item in found.values():
        validator(schemas)(without_sar(item))


def without_sar(item: Mapping[str, Any]) -> dict[str, Any]:
    """The Item without the extension whose schema is not at hand."""
    return {**item, "stac_extensions": [each for each in item["stac_extensions"] if each != SAR]}
