"""The properties that can be searched: typed, in both languages, and as their extensions define them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag, urlsplit

import pytest

from database import Database
from harvester.items.checks import RANGES
from harvester.items.from_scenes import SourcedScene, item_from_scenes
from harvester.queryables import PROPERTIES, QUERYABLES, queryables
from harvester.queryables.of_sources import SOURCE_PROPERTIES
from tests.scene_records import scene


def test_items_publish_no_property_that_cannot_be_filtered() -> None:
    """Every property of an Item of a full scene is a queryable of the platform."""
    record = scene()
    sourced = SourcedScene(source="deliveries", precedence=0, scene=record)
    properties = item_from_scenes([sourced], item_id=record.id, collection="pleiades")["properties"]
    assert sorted(set(properties) - set(QUERYABLES)) == []


def test_vendor_angles_of_every_reader_can_be_filtered() -> None:
    """The raw angles that the readers of DIMAP 1 and 2 keep are queryables, whatever the satellite."""
    angles = {"scene_orientation", "azimuth_angle", "image_orientation"}
    angles |= {
        f"{kind}_angle{way}" for kind in ("viewing", "incidence") for way in ("", "_along_track", "_across_track")
    }
    assert sorted({f"airbus:{angle}" for angle in angles} - set(QUERYABLES)) == []


ALL_PROPERTIES = {**PROPERTIES, **{name: each for own in SOURCE_PROPERTIES.values() for name, each in own.items()}}


def test_whole_numbers_that_sources_give_can_be_searched(database: Database) -> None:
    """A larger one breaks an invariant of Items: pgSTAC would refuse each search by its property, to everybody."""
    names = [name for name, each in ALL_PROPERTIES.items() if each.schema.get("type") == "integer"]
    bounds = [bound for name in names if not name.startswith("stereo") for bound in RANGES[name]]
    with database.connect("harvest") as connection:
        read = connection.execute("SELECT pgstac.to_int(to_jsonb(bound)) FROM unnest(%s::int8[]) AS bound", (bounds,))
        assert [number for (number,) in read] == bounds


@pytest.mark.parametrize("name", sorted(ALL_PROPERTIES))
def test_every_property_is_typed_and_named_in_both_languages(name: str) -> None:
    """Readers of both languages get a title; a filter knows the type."""
    definition = ALL_PROPERTIES[name]
    assert definition.words["fr"].title
    assert definition.words["en"].title
    assert bool(definition.words["fr"].description) == bool(definition.words["en"].description)
    assert definition.schema.get("type") or name == "geometry"


def test_properties_of_sources_stand_beside_those_of_all_collections() -> None:
    """A property is declared once: for all collections, or with one type for the sources that give it."""
    assert not {name for own in SOURCE_PROPERTIES.values() for name in own} & set(PROPERTIES)
    for own in SOURCE_PROPERTIES.values():
        assert all(each.schema == ALL_PROPERTIES[name].schema for name, each in own.items())


@pytest.mark.parametrize("name", [name for name in QUERYABLES if "$ref" in QUERYABLES[name]])
def test_references_of_properties_lead_to_their_schema(name: str, schemas: Path) -> None:
    """The $ref of a property exists in the published schema and has the same type."""
    url, pointer = urldefrag(QUERYABLES[name]["$ref"])
    parts = urlsplit(url)
    target: Any = json.loads((schemas / parts.netloc / parts.path.lstrip("/")).read_bytes())
    for step in filter(None, pointer.split("/")):
        target = target[int(step)] if isinstance(target, list) else target[step]
    if "type" in QUERYABLES[name] and "type" in target:
        assert QUERYABLES[name]["type"] in (target["type"] if isinstance(target["type"], list) else [target["type"]])


def test_queryables_speak_the_language_asked_for() -> None:
    """The same property has a French and an English title, and the same type."""
    assert queryables("fr")["eo:cloud_cover"]["title"] == "Couverture nuageuse"
    assert queryables("en")["eo:cloud_cover"]["title"] == "Cloud cover"
    assert queryables("fr")["eo:cloud_cover"]["type"] == queryables("en")["eo:cloud_cover"]["type"] == "number"
