"""A field that a source has for the first time, or has no longer, is told at the end of the run that saw it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from database import Database
from harvester.drift import ENOUGH_RECORDS, Sample, differences, field_names


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
    content = {"xml": '<g:md xmlns:g="urn:g"><!-- note --><g:id>1</g:id><g:id/></g:md>', "address": ""}
    assert field_names(content) == {"xml", "xml.md", "xml.md.id", "address"}


@pytest.mark.parametrize("broken", ["", "<a>", "<a/><b/>", "no xml", "\ud800", '<!DOCTYPE a [<!ENTITY x "y">]><a>&z;</a>'])
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
    """Of a whole new object the fields inside are not told one by one."""
    known = {"id": 1.0, "old": 1.0, "old.a": 1.0, "older": 0.95}
    sample = sample_of(*[{"id": 1, "new": {"b": [{"c": 1}]}, "newer": 2}] * ENOUGH_RECORDS)
    assert differences(known, sample) == [
        "new is new: 20 of 20 records have it",
        "newer is new: 20 of 20 records have it",
        "old is gone: none of 20 records has it",
        "older is gone: none of 20 records has it",
    ]


@pytest.mark.parametrize(
    ("share", "records", "is_told"), [(0.9, 20, True), (0.89, 20, False), (None, 20, False), (1.0, 19, False)]
)
def test_only_a_usual_field_can_be_gone(share: float | None, records: int, is_told: bool) -> None:
    """A field that was rare, or of which little is known, is not missed, and few records prove nothing."""
    assert bool(differences({"a": 1.0, "b": share}, sample_of(*[{"a": 1}] * records))) is is_told


def test_nothing_is_new_to_a_feed_that_is_new() -> None:
    """The first run of a feed learns its fields and tells of none."""
    assert differences({}, sample_of({"a": 1})) == []
