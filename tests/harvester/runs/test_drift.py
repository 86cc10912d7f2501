"""A field that a source has for the first time, or has no longer, is told at the end of the run that saw it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from database import Database
from harvester import runs
from harvester.credentials import Credentials
from harvester.feeds import Feed
from harvester.harvest import Request, harvest
from harvester.runs.drift import ENOUGH_RECORDS, KEEP_SAMPLE, Sample, differences, field_names, settle
from harvester.runs.report import HarvestReport, Outcome
from harvester.sources.geodes import source as geodes
from harvester.sources.source import Progress, Selection
from tests.emulators.geodes import FIRST_INSERTION, Geodes, app, synthetic_records
from tests.emulators.serving import serving
from tests.harvester.invented_source import Stock, image, stock
from tests.harvests import counts, delivery, harvest_context, rows, run

__all__ = ["stock"]

COLLECTION = "sentinel"
LATER = FIRST_INSERTION + timedelta(days=30)


def sample_of(*contents: dict[str, Any]) -> Sample:
    """A sample of these records."""
    sample = Sample()
    for content in contents:
        sample.add(content)
    return sample


def test_fields_are_named_by_their_place() -> None:
    """Members of lists are taken together, and values make no difference."""
    content = {"id": 1, "properties": {"cloudCover": None}, "links": [{"href": ""}, {"rel": "self"}], "bbox": [1, 2]}
    expected = {"id", "properties", "properties.cloudCover", "links", "links[].href", "links[].rel", "bbox"}
    assert field_names(content) == expected
    assert field_names({"rings": [[{"x": 1}, {"y": 2}], []]}) == {"rings", "rings[][].x", "rings[][].y"}
    assert field_names(json.loads(json.dumps(content).replace("self", "other"))) == expected


def test_names_of_files_are_no_fields() -> None:
    """Assets named by their files do not make new fields of each record."""
    records = [{"assets": {f"SPOT_2021{n:04}.tif": {"href": ""}, "thumbnail": {"href": ""}}} for n in range(3)]
    assert {name for record in records for name in field_names(record)} == {
        "assets",
        "assets.*",
        "assets.*.href",
        "assets.thumbnail",
        "assets.thumbnail.href",
    }


def test_elements_of_xml_are_fields() -> None:
    """A record that is an XML document has its elements as fields, whatever their prefix."""
    content = {"xml": '<g:scene xmlns:g="urn:g"><!-- note --><g:id>1</g:id><g:id/></g:scene>', "address": ""}
    assert field_names(content) == {"xml", "xml.scene", "xml.scene.id", "address"}


@pytest.mark.parametrize(
    "broken", ["", "<a>", "<a/><b/>", "no xml", "\ud800", '<!DOCTYPE a [<!ENTITY x "y">]><a>&z;</a>']
)
def test_broken_xml_is_left_to_its_reader(broken: str) -> None:
    """What is no XML has no elements, and stops nothing."""
    assert field_names({"xml": broken}) == {"xml"}


def test_strange_names_can_be_stored() -> None:
    """Names with NUL or broken characters, very long ones and very deep ones end up as short printable texts."""
    deep: dict[str, Any] = {}
    for _ in range(5000):
        deep = {"a": deep}
    names = field_names({"\0": 1, "\udcff": 1, "n" * 10_000: 1, "deep": deep})
    assert all("\0" not in name and name.encode() and len(name) <= 400 for name in names)
    assert len(names) < 100


def test_new_and_vanished_fields_are_told_by_the_outermost() -> None:
    """Of a whole new object or list the fields inside are not told one by one."""
    known = {"id": 1.0, "old": 1.0, "old.a": 1.0, "older": 0.95}
    sample = sample_of(*[{"id": 1, "new": {"b": [{"c": 1}]}, "newer": 2, "newest": [{"d": 1}]}] * ENOUGH_RECORDS)
    assert differences(known, sample) == [
        "new is new: 20 of 20 records have it",
        "newer is new: 20 of 20 records have it",
        "newest is new: 20 of 20 records have it",
        "old is gone: none of 20 records has it",
        "older is gone: none of 20 records has it",
    ]


def test_names_without_end_do_not_make_a_sample_without_end() -> None:
    """Where every record has fields of its own, only those that were met first are counted on."""
    records = [{f"{record:03}-{name:03}": 1 for name in range(999)} | {"id": 1} for record in range(9)]
    fields = sample_of(*records).fields
    assert (fields["id"], len(fields) < 3000) == (9, True)


@pytest.mark.parametrize(
    ("share", "records", "is_told"), [(0.9, 20, True), (0.89, 20, False), (None, 20, False), (1.0, 19, False)]
)
def test_only_a_usual_field_can_be_gone(share: float | None, records: int, is_told: bool) -> None:
    """A field that was rare, or of which little is known, is not missed, and few records prove nothing."""
    assert bool(differences({"a": 1.0, "b": share}, sample_of(*[{"a": 1}] * records))) is is_told


def test_nothing_is_new_to_a_feed_that_is_new() -> None:
    """The first run of a feed learns its fields and tells of none."""
    assert differences({}, sample_of({"a": 1})) == []


# Whole harvests


@contextmanager
def feed_of(service: Any) -> Iterator[Feed]:
    """A service as the feed that a document would make of it."""
    with serving(service) as url:
        options = geodes.Options(
            url=url, credentials=Credentials(), collections=("PEPS_S2_L1C",), rate=1000, page_size=10
        )
        yield Feed(
            name="sentinel/geodes", source="geodes", kind="geodes", collection=COLLECTION, location=url, options=options
        )


def harvested(database: Database, service: Any, **request: Any) -> HarvestReport:
    """The account of one more run over the service."""
    with feed_of(service) as feed:
        return harvest(feed, harvest_context(database, COLLECTION), Request(**request))


def interrupted_on_its_way(report: HarvestReport, _: Progress) -> None:
    """Press Ctrl-C when a page with news is written."""
    if report.outcomes[Outcome.CHANGED]:
        raise KeyboardInterrupt


def supersede_all(service: Geodes, **properties: Any) -> None:
    """Let the service have another version of each record."""
    for number, record in enumerate(list(service.records)):
        service.supersede(record["properties"]["identifier"], LATER + timedelta(seconds=number), **properties)


def test_new_and_vanished_fields_are_in_the_report(database: Database) -> None:
    """What a source renames is told once, in the report of the run that saw it and in its notes."""
    service = app(synthetic_records(ENOUGH_RECORDS))
    assert harvested(database, service).drift == []
    service.records = [
        record | {"properties": {("cloudiness" if name == "eo:cloud_cover" else name): value for name, value in said}}
        for record in service.records
        for said in [record["properties"].items()]
    ]

    report = harvested(database, service, is_full=True)

    assert report.drift == [
        "properties.cloudiness is new: 20 of 20 records have it",
        "properties.eo:cloud_cover is gone: none of 20 records has it",
    ]
    noted = rows(database, "SELECT subject FROM dinamis.run_note WHERE kind = 'drift' AND run = %s", report.run)
    assert sorted(text for (text,) in noted) == report.drift
    supersede_all(service)
    again = harvested(database, service, is_full=True)
    assert (again.outcomes[Outcome.CHANGED], again.drift) == (ENOUGH_RECORDS, [])


def test_unchanged_records_say_nothing(database: Database) -> None:
    """A run without news looks at no record and keeps what was known."""
    service = app(synthetic_records(ENOUGH_RECORDS))
    harvested(database, service)
    known = rows(database, "SELECT * FROM dinamis.feed_field ORDER BY field")
    assert harvested(database, service, is_full=True).drift == []
    assert known
    assert rows(database, "SELECT * FROM dinamis.feed_field ORDER BY field") == known


def test_drift_that_ends_in_quarantine_is_seen(database: Database) -> None:
    """Records that a change at the source made unreadable are looked at too, though what they said stays in force."""
    service = app(synthetic_records(ENOUGH_RECORDS))
    harvested(database, service)
    for record in service.records:
        del record["geometry"]

    report = harvested(database, service, is_full=True)

    assert report.outcomes[Outcome.QUARANTINED] == ENOUGH_RECORDS
    assert report.drift == ["geometry is gone: none of 20 records has it"]


def test_what_a_broken_run_saw_is_not_lost(database: Database) -> None:
    """A run that was interrupted on its way and goes on later has looked at the records of both its halves."""
    service = app(synthetic_records(ENOUGH_RECORDS))
    harvested(database, service)
    supersede_all(service, novelty=1)
    with feed_of(service) as feed, pytest.raises(KeyboardInterrupt):
        harvest(feed, harvest_context(database, COLLECTION), Request(is_full=True), interrupted_on_its_way)

    report = harvested(database, service, is_full=True)

    assert report.is_resumed
    assert report.drift == ["properties.novelty is new: 20 of 20 records have it"]
    assert rows(database, "SELECT * FROM dinamis.part_sample") == []


def test_only_some_records_are_looked_at(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many records are new, the sample of a part stays small."""
    monkeypatch.setattr("harvester.runs.drift.SAMPLED_RECORDS", 15)
    service = app(synthetic_records(ENOUGH_RECORDS))
    service.records[-1]["properties"]["late"] = 1
    harvested(database, service)
    known = {field for (field,) in rows(database, "SELECT field FROM dinamis.feed_field")}
    assert "properties.identifier" in known
    assert "properties.late" not in known


def test_sample_is_that_of_the_run_alone(database: Database) -> None:
    """What runs saw that came to no end is dropped with it; that of other feeds, and of later runs, is left to them."""
    feed = Feed(name="a", source="a", kind="geodes", collection=COLLECTION, location="", options=None)
    with database.connect("harvest", autocommit=True) as connection:
        numbers = {
            field: runs.begin(connection, of, Request(), [Selection()], is_everything=True).id
            for field, of in (("former", feed), ("other", replace(feed, name="b")), ("own", feed), ("later", feed))
        }
        for field, run_number in numbers.items():
            sample = {"run": run_number, "part": 1, "records": 1, "fields": Jsonb({field: 1})}
            connection.execute(KEEP_SAMPLE, sample)
        connection.execute(
            "INSERT INTO dinamis.feed_field (feed, field, first_run, last_run, share) VALUES ('a', 'own', 1, 1, 0.5)"
        )
        settle(connection, numbers["own"], feed.name)
    # Of a single record no share is taken.
    assert rows(database, "SELECT field, share, last_run FROM dinamis.feed_field") == [("own", 0.5, numbers["own"])]
    assert rows(database, "SELECT run FROM dinamis.part_sample ORDER BY run") == [
        (numbers["other"],),
        (numbers["later"],),
    ]


def test_id_that_cannot_be_stored_is_no_obstacle(stock: Stock) -> None:
    """A record whose id the database cannot hold as it is, is looked at like the others."""
    stock.held.records = {"a": image(), "b\0": image(1, odd=1)}
    assert counts(stock.harvest()) == {"new": 2}
    assert ("odd",) in rows(stock.database, "SELECT field FROM dinamis.feed_field")


def test_deliveries_are_left_out(database: Database, tmp_path: Path) -> None:
    """The documents of deliveries have a strict reader, so their fields are not kept."""
    delivery(tmp_path)
    assert run(database, tmp_path).drift == []
    assert rows(database, "SELECT * FROM dinamis.feed_field") == []
