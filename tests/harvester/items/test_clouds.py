"""The clouds that are kept beside an Item: which mask is believed over which ground."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest
import shapely
from shapely import MultiPolygon, Polygon, box
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from harvester.items.from_scenes import private_part
from harvester.record import SceneRecord
from tests.harvester.items.built_items import BUNDLE, document_of
from tests.scene_records import delivered, product, scene

CLOUD = MultiPolygon([box(4.02, 48.72, 4.03, 48.73)])
LARGER_CLOUD = MultiPolygon([box(4.01, 48.71, 4.05, 48.75)])


@pytest.mark.parametrize(
    ("panchromatic", "multispectral", "believed"),
    [
        (None, None, None),
        (CLOUD, LARGER_CLOUD, CLOUD),
        (MultiPolygon(), LARGER_CLOUD, MultiPolygon()),
        (None, LARGER_CLOUD, LARGER_CLOUD),
    ],
)
def test_clouds_are_those_of_the_first_mask(
    panchromatic: MultiPolygon | None, multispectral: MultiPolygon | None, believed: MultiPolygon | None
) -> None:
    """The panchromatic mask is believed, one without clouds too; without any mask the clouds are not known."""
    bundle = [replace(BUNDLE[0], clouds=panchromatic), replace(BUNDLE[1], clouds=multispectral)]
    for records in (bundle, bundle[::-1]):
        found = private_part(delivered(*records)).get("clouds")
        assert (found and shape(found)) == believed
        assert found is None or found["type"] == "MultiPolygon"


def clouds_of(*scenes: SceneRecord) -> BaseGeometry:
    """The clouds that are kept beside the Item of these records."""
    found = shape(private_part(delivered(*scenes))["clouds"])
    assert found.is_valid
    return found


def test_clouds_of_the_ground_that_only_one_delivery_shows() -> None:
    """Each part of an acquisition has its own clouds; where two deliveries show it, the larger one is believed."""

    def showing(west: float, east: float, cloud: Polygon) -> SceneRecord:
        job = f"{west}-{east}"
        return scene(product(job=job), footprint=box(west, 48.7, east, 48.8), clouds=MultiPolygon([cloud]))

    west = showing(4.0, 4.1, box(4.0, 48.7, 4.01, 48.8))
    east = showing(4.05, 4.14, box(4.0, 48.7, 4.2, 48.75))
    far = showing(4.12, 4.17, box(4.12, 48.7, 4.17, 48.8))
    expected = [box(4.0, 48.7, 4.01, 48.8), box(4.1, 48.7, 4.14, 48.75), box(4.14, 48.7, 4.17, 48.8)]
    for records in permutations((west, east, far)):
        assert clouds_of(*records).equals(shapely.union_all(expected))
        assert private_part(delivered(*records)) == private_part(delivered(west, east, far))


def test_clouds_at_the_edge_of_a_bundle_stay_those_of_one_mask() -> None:
    """A multispectral component that reaches a few pixels further adds no slivers of cloud."""
    panchromatic = scene(product("P"), footprint=box(4.0, 48.7, 4.1, 48.8), clouds=CLOUD)
    clouded = MultiPolygon([box(3.9, 48.6, 4.2, 48.9)])
    multispectral = scene(product("MS"), footprint=box(3.9999, 48.6999, 4.1001, 48.8001), clouds=clouded)
    assert clouds_of(panchromatic, multispectral) == CLOUD


def test_clouds_are_private() -> None:
    """The Item says nothing of the mask's content: it is that of a scene without one."""
    assert document_of(scene(clouds=CLOUD)) == document_of(scene())
