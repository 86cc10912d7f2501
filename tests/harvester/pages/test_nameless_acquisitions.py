"""Acquisitions to which their source gives no name that others could know."""

from __future__ import annotations

from database import Database
from harvester.feeds import Feed
from harvester.harvest import Request, harvest
from harvester.sources.geodes import source as geodes
from tests.emulators.geodes import app, synthetic_records
from tests.emulators.serving import serving
from tests.harvests import counts, harvest_context, items, rows


def test_records_without_a_common_name_become_items(database: Database) -> None:
    """A name that only one source can know holds a space, and stands for the acquisition all the same."""
    with serving(app(synthetic_records(3))) as address:
        feed = Feed(
            name="sentinel/geodes",
            source="geodes",
            kind="geodes",
            collection="sentinel",
            location=address,
            options=geodes.Options(url=address, collections=("PEPS_S2_L1C",), rate=1000.0),
        )
        report = harvest(feed, harvest_context(database, "sentinel"), Request())

    assert counts(report) == {"new": 3}
    scenes = {scene for (scene,) in rows(database, "SELECT id FROM dinamis.scene")}
    assert scenes == {f"geodes {item}" for item in items(database)}
