"""Items of stereo sets: what they say, and that they follow the schemas of STAC and of our extension."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import shapely
from shapely.geometry import shape

from harvester.collection_documents import default_collections_directory, load_collection_documents
from harvester.queryables import QUERYABLES
from harvester.stereo.stereo_items import Membership, with_sets
from tests.conftest import PROJECT
from tests.harvester.stereo.passes import Holdings, holdings, pass_over
from tests.stac_schemas import validator

__all__ = ["holdings"]

OURS = PROJECT / "stac_api" / "schemas" / "stereo-v1.0.0.json"


def triplet_and_pairs(holdings: Holdings) -> list[dict[str, Any]]:
    """The sets of one tri-stereo pass, of which one image is to be ordered."""
    told = pass_over(3, base_to_height=0.5)
    holdings.list_in_archive(told)
    holdings.deliver(dict(list(told.items())[:2]))
    return list(holdings.sets().values())


def test_items_of_sets_and_of_views_are_valid(holdings: Holdings, schemas: Path) -> None:
    """Every Item follows the core and all extensions that it names, ours among them."""
    triplet_and_pairs(holdings)
    validate = validator(schemas)
    items = holdings.state()["items"]
    for item in items.values():
        validate({**item, "properties": {**item["properties"], "created": "2021-08-16T00:00:00Z"}})
    assert len(items) == 9


@pytest.mark.parametrize("missing", ["stereo:mode", "stereo:views", "stereo:convergence_angle"])
def test_schema_refuses_what_is_no_set(holdings: Holdings, schemas: Path, missing: str) -> None:
    """An Item without an essential field, or with one that the extension does not know, is not valid."""
    item = triplet_and_pairs(holdings)[0]
    for properties in (
        {name: value for name, value in item["properties"].items() if name != missing},
        item["properties"] | {"stereo:convergence": 1},
    ):
        with pytest.raises(AssertionError, match="is not valid"):
            validator(schemas)({**item, "properties": properties})


def test_every_published_property_can_be_filtered(holdings: Holdings) -> None:
    """What Items of sets say is queryable, and each queryable of ours is a field of the schema."""
    fields = json.loads(OURS.read_text(encoding="utf-8"))["definitions"]["fields"]["properties"]
    published = {name for item in triplet_and_pairs(holdings) for name in item["properties"]}
    assert published <= set(QUERYABLES)
    assert {name for name in QUERYABLES if name.startswith("stereo:")} <= set(fields)


def test_set_has_the_files_of_its_held_views(holdings: Holdings) -> None:
    """Files of held views stand under the number of the view, where the view has them; the picture is of the set."""
    triplet = next(item for item in triplet_and_pairs(holdings) if item["properties"]["stereo:mode"] == "tri-stereo")
    views = triplet["properties"]["stereo:views"]
    assert triplet["collection"] == "airbus-archive-pleiades-tristereo"
    assert triplet["properties"]["stereo:views_to_order"] == views[2:]
    hrefs = {key: asset["href"] for key, asset in triplet["assets"].items()}
    assert hrefs.pop("picture") == f"collections/{triplet['collection']}/items/{triplet['id']}/stereo/overview.png"
    assert hrefs == {
        f"view{number}-{key}": f"assets/pleiades/{view}/{key}"
        for number, view in enumerate(views[:2], 1)
        for key in ("p-sensor-job_1", "thumbnail-p-sensor-job_1", "metadata-p-sensor-job_1")
    }


def test_set_shows_what_its_views_have_in_common(holdings: Holdings) -> None:
    """The geometry is the intersection of the views, and its share and area are said."""
    told = pass_over(2)
    first, second = told
    told[second] |= {"lon": 4.05}
    holdings.deliver(told)
    (pair,) = holdings.sets().values()
    assert shape(pair["geometry"]).equals_exact(shapely.box(4.05, 48.7, 4.2, 48.9), 1e-9, normalize=True)
    assert pair["properties"]["stereo:overlap"] == pytest.approx(0.75, abs=0.001)
    assert pair["bbox"] == pytest.approx([4.05, 48.7, 4.2, 48.9])
    assert (
        pair["properties"]["title"]
        == f"Pléiades 1A 2021-08-15 {first[14:16]}:{first[16:18]}:{first[18:20]} stereo 17.1°"
    )


def test_best_set_of_an_image_is_its_group() -> None:
    """An image links to all its sets, the most suitable first, and is numbered in that one."""
    item: dict[str, Any] = {"stac_extensions": [], "properties": {}, "links": []}
    told = with_sets(item, {Membership(-0.2, "a", "x-stereo", 2, 1), Membership(-0.9, "b", "x-tristereo", 3, 2)})
    assert told["properties"] == {"stereo-img:count": 3, "stereo-img:group": "b", "stereo-img:number": 2}
    assert [link["title"] for link in told["links"]] == ["b", "a"]
    assert with_sets(item, ()) is item


def test_documents_of_sets_are_twelve() -> None:
    """Each family has pairs and triplets, held and to order, and each names collections that there are."""
    documents = load_collection_documents(default_collections_directory())
    told = {name: each.content.stereo for name, each in documents.items() if each.content.stereo}
    families = ("pleiades", "pleiades-neo", "spot-6-7")
    assert set(told) == {
        f"{before}{family}-{mode}"
        for before in ("", "airbus-archive-")
        for family in families
        for mode in ("stereo", "tristereo")
    }
    for name, rule in told.items():
        assert rule.held != name.startswith("airbus")
        assert (rule.mode == "tri-stereo") == name.endswith("tristereo")
        assert set(rule.views) <= set(documents)
