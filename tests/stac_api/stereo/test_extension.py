"""The JSON Schema of the stereo extension, and that the API serves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest
from jsonschema import Draft7Validator
from shapely.geometry import box

from footprints import NormalisedDirection, View, ViewingDirection, find_stereo_groups
from footprints.stereo.properties import STEREO_EXTENSION, stereo_properties
from footprints.stereo.suitability import AnyStereoSet
from tests.conftest import PROJECT
from tests.stac_api.invented_catalogue import Site, problem_of

START = datetime(2023, 7, 14, 10, 32, tzinfo=UTC)
SCHEMA = json.loads((files("stac_api") / "schemas" / "stereo-v1.0.0.json").read_text(encoding="utf-8"))


def a_view(name: str, seconds: float, azimuth: float, incidence: float) -> View:
    """A view of the land around Montpellier, without cloud."""
    return View(
        id=name,
        platform="pleiades-1a",
        acquired_at=START + timedelta(seconds=seconds),
        footprint=box(3.8, 43.5, 4.0, 43.7),
        direction=NormalisedDirection.of(ViewingDirection(azimuth, incidence)),
        cloud_cover_percent=3,
        gsd_m=0.5,
    )


VIEWS = [a_view("A", 0, 0, 16), a_view("B", 17, 0, 5.5), a_view("C", 34, 180, 5), a_view("D", 51, 180, 16)]


def sets_of(views: list[View]) -> list[AnyStereoSet]:
    """All pairs, triplets and groups of four among the views."""
    found = find_stereo_groups(views)
    return [*found.pairs, *found.triplets, *(group for group in found.groups if len(group.views) > 3)]


def an_item_of(found: AnyStereoSet) -> dict[str, Any]:
    """As much of an Item as the schema looks at."""
    return {
        "type": "Feature",
        "stac_extensions": [STEREO_EXTENSION],
        "properties": {
            **dict.fromkeys(("datetime", "start_datetime", "end_datetime"), "2023-07-14T10:32:00Z"),
            "stereo:views_to_order": [],
            **stereo_properties(found),
        },
        "links": [{"rel": "derived_from", "href": "x", "stereo:role": "forward"}],
        "assets": {},
    }


def test_schema_is_a_valid_schema_with_an_example_of_each_field() -> None:
    """It is Draft-07, and every field has an example that is valid for it."""
    Draft7Validator.check_schema(SCHEMA)
    kinds = [SCHEMA["definitions"][kind]["properties"] for kind in ("fields", "computed_fields")]
    for name, field in (each for kind in kinds for each in kind.items()):
        assert field["examples"], name
        assert [each for each in field["examples"] if Draft7Validator(field).is_valid(each)] == field["examples"], name


@pytest.mark.parametrize("found", sets_of(VIEWS), ids=lambda found: "-".join(found.ids))
def test_what_the_finder_finds_is_valid(found: AnyStereoSet) -> None:
    """Pairs, triplets and groups of four under the names of the extension pass its schema."""
    Draft7Validator(SCHEMA).validate(an_item_of(found))


def test_pairs_triplets_and_larger_groups_are_all_among_them() -> None:
    """The claim above is made of each mode."""
    assert {stereo_properties(found)["stereo:mode"] for found in sets_of(VIEWS)} == {
        "stereo",
        "tri-stereo",
        "multi-view",
    }


@pytest.mark.parametrize(
    "spoil",
    [
        lambda item: item["properties"].pop("stereo:views"),
        lambda item: item["properties"].update({"stereo:views": ["A"]}),
        lambda item: item["properties"].update({"stereo:mode": "tri-stereo"}),
        lambda item: item["properties"].update({"stereo:overlap": 93}),
        lambda item: item["properties"].update({"stereo:convergence_angles": 12}),
        lambda item: item["links"][0].update({"stereo:role": "left"}),
        lambda item: item["links"].clear(),
        lambda item: item.update({"stac_extensions": []}),
    ],
    ids=[
        "no views",
        "one view",
        "two views of three",
        "percent",
        "mistyped name",
        "unknown role",
        "no link",
        "not declared",
    ],
)
def test_what_is_wrong_is_refused(spoil: Callable[[dict[str, Any]], Any]) -> None:
    """An Item with one mistake does not pass."""
    item = an_item_of(sets_of(VIEWS)[0])
    spoil(item)
    assert not Draft7Validator(SCHEMA).is_valid(item)


def test_example_of_the_documentation_is_valid() -> None:
    """The Item that the reference shows passes the schema, and the reference names each field of it."""
    reference = (PROJECT / "docs" / "reference" / "stereo-extension.md").read_text(encoding="utf-8")
    Draft7Validator(SCHEMA).validate(json.loads(reference.split("```json")[1].split("```")[0]))
    kinds = (SCHEMA["definitions"][kind]["properties"] for kind in ("fields", "computed_fields"))
    assert [name for kind in kinds for name in kind if f"`{name}`" not in reference] == []


def test_collection_of_sets_is_valid() -> None:
    """A Collection says in its summaries which mode its sets have."""
    collection = {
        "type": "Collection",
        "stac_extensions": [STEREO_EXTENSION],
        "summaries": {"stereo:mode": ["stereo"], "stereo:convergence_angle": {"minimum": 3, "maximum": 45}},
        "links": [],
    }
    Draft7Validator(SCHEMA).validate(collection)
    collection["summaries"]["stereo:mode"] = ["pairs"]  # type: ignore[index]
    assert not Draft7Validator(SCHEMA).is_valid(collection)


def test_api_serves_the_schema(site: Site) -> None:
    """It is there for any site to read, as a JSON Schema."""
    response = site.get("/extensions/stereo/v1.0.0/schema.json", headers={"Origin": "https://example.org"})
    assert response.json() == SCHEMA
    assert response.headers["content-type"] == "application/schema+json"
    assert response.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["stereo/v9.9.9", "changes/v1.0.0", "..%2Fstereo/v1.0.0"])
def test_other_schemas_are_not_there(site: Site, path: str) -> None:
    """Another name or version is 404."""
    assert problem_of(site.get(f"/extensions/{path}/schema.json"))["status"] == 404
