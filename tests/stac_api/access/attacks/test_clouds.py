"""Attack: learn of hidden images by what clouds hide of an area in the sets that they would make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from shapely import MultiPolygon, box
from shapely.geometry import mapping

from tests.postgres import PostgresServer
from tests.stac_api.access.restricted_catalogue import HIDDEN, SHOWN, Catalogues, restricted_catalogues
from tests.stac_api.invented_catalogue import an_item, load

AREA = [3.2, 43.2, 3.8, 43.8]
CLEAR, OVERCAST = MultiPolygon(), MultiPolygon([box(3, 43, 4, 44)])
FORWARD, NADIR, BACKWARD = "PASS_202406011030000", "PASS_202406011030140", "PASS_202406011030280"


def a_view(name: str, collection: str, looking: tuple[float, float], clouds: MultiPolygon | None) -> dict[str, Any]:
    """An image of one pass, from that azimuth and incidence, with its mask if it has one."""
    return an_item(
        name,
        collection,
        private=None if clouds is None else {"clouds": mapping(clouds)},
        datetime=f"2024-06-01T10:30:{name[-3:-1]}Z",
        platform="pleiades-1a",
        **{"view:azimuth": looking[0], "view:incidence_angle": looking[1]},
    )


@pytest.fixture(scope="module")
def overcast(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogues]:
    """Two views that all see, one without a mask; a hidden one, and a hidden Item of the name of that without."""
    shown = [a_view(FORWARD, SHOWN, (5, 12), CLEAR), a_view(BACKWARD, SHOWN, (185, 12), None)]
    hidden = [a_view(NADIR, HIDDEN, (95, 2), CLEAR), a_view(BACKWARD, HIDDEN, (185, 12), OVERCAST)]
    with (
        postgres_server.clone() as full,
        postgres_server.clone() as double,
        restricted_catalogues(full, double, tmp_path_factory.mktemp("overcast")) as served,
    ):
        load(full, [], [*shown, *hidden])
        load(double, [], shown)
        yield served


@pytest.mark.parametrize(
    "asked",
    [
        {"aoi_cloud": [0, 100]},
        {"aoi_cloud": "../.."},
        {"aoi_coverage": 0.1, "sortby": [{"field": "stereo:aoi_cloud_cover", "direction": "desc"}]},
        {"aoi_coverage": 0.1, "filter": '"stereo:aoi_cloud_cover" >= 0'},
        {"aoi_cloud": [0, 100], "collections": [HIDDEN, SHOWN]},
        {"cover": True},
    ],
    ids=str,
)
def test_clouds_of_hidden_images_are_not_told(overcast: Catalogues, asked: dict[str, Any]) -> None:
    """Whatever a stranger asks of clouds, he gets what he would if the hidden images were not there."""
    overcast.assert_indistinguishable("/stereo/search", "POST", {"bbox": AREA, **asked})


def test_clouds_are_told_to_those_who_see_the_images(overcast: Catalogues) -> None:
    """There is something to hide: a scientist finds a set and its clouds where a stranger finds none."""
    asked = {"bbox": AREA, "aoi_cloud": [0, 100]}
    found = {role: overcast.answer("/stereo/search", role, "POST", asked) for role in ("scientist", "stranger")}
    views = [each["properties"]["stereo:views"] for each in found["scientist"].json()["features"]]
    assert [FORWARD, NADIR] in views
    assert found["stranger"].json()["features"] == []
