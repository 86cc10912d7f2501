"""The stereo sets of the sample archive, harvested by the command line and found over HTTP by pystac-client alone."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from statistics import fmean
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from pystac_client import Client
from shapely import Polygon, box
from shapely.geometry import mapping, shape

from harvester.sample_archive import SITES
from tests.acceptance.command_line import Dinamis, Server

FAMILIES = {"PHR1A": "pleiades", "PHR1B": "pleiades", "PNEO3": "pleiades-neo", "PNEO4": "pleiades-neo"}


@pytest.fixture(scope="module")
def stereo_server(dinamis: Dinamis) -> Iterator[Server]:
    """The demonstration in a home of its own, served."""
    own = Dinamis(dinamis.home / "demo")
    try:
        finished = dinamis.run("demo", "--once")
        assert finished.code == 0, finished.err
        with dinamis.serving("demo") as server:
            yield server
    finally:
        own.run("db", "destroy", "--yes")


@pytest.fixture(scope="module")
def stereo_client(stereo_server: Server) -> Client:
    """pystac-client on the demonstration."""
    return Client.open(stereo_server.url)


def test_every_pass_of_the_archive_is_found(stereo_client: Client) -> None:
    """Each stereo pass is a pair, each tri-stereo pass a triplet and its pairs, in the collection of its family."""
    expected: Counter[str] = Counter()
    for site in SITES:
        family = FAMILIES.get(site.mission, "spot-6-7")
        expected[f"{family}-stereo"] += {1: 0, 2: 1, 3: 3}[site.views]
        expected[f"{family}-tristereo"] += site.views == 3
    found = Counter(
        item.collection_id for item in stereo_client.search(collections=sorted(expected), limit=100).items()
    )
    assert found == +expected


@pytest.mark.parametrize(
    ("collection", "bbox", "views"),
    [
        ("pleiades-tristereo", [2.30, 48.80, 2.40, 48.90], 3),
        ("pleiades-neo-tristereo", [5.30, 43.25, 5.45, 43.35], 3),
        ("pleiades-stereo", [4.80, 45.70, 4.90, 45.80], 2),
        ("spot-6-7-stereo", [-1.60, 47.15, -1.50, 47.30], 2),
    ],
    ids=["Paris", "Marseille", "Lyon", "Nantes"],
)
def test_sets_are_found_by_collection_and_place(
    stereo_client: Client, collection: str, bbox: list[float], views: int
) -> None:
    """What QGIS can filter by is enough; the Item has a title, a moment and thumbnails."""
    (item,) = stereo_client.search(collections=[collection], bbox=bbox).items()
    assert len(item.properties["stereo:views"]) == views
    assert item.properties["title"]
    assert item.datetime
    assert sum(asset.has_role("thumbnail") for asset in item.assets.values()) >= views
    assert all(urlsplit(asset.href).hostname == "127.0.0.1" for asset in item.assets.values())
    led_to = [link.absolute_href.rsplit("/", 1)[-1] for link in item.get_links("derived_from")]
    assert led_to == item.properties["stereo:views"]


def test_set_has_its_picture(stereo_client: Client) -> None:
    """The picture of a set is an image that the server draws, and nothing that clients lay over its footprint."""
    (item,) = stereo_client.search(collections=["pleiades-tristereo"], bbox=[2.30, 48.80, 2.40, 48.90]).items()
    picture = item.assets["picture"]
    assert picture.roles == ["graphic"]
    answer = requests.get(picture.href, timeout=20)
    assert (answer.status_code, answer.headers["content-type"]) == (200, picture.media_type)
    assert answer.content.startswith(b"\x89PNG")


def test_sets_are_found_by_their_convergence(stereo_client: Client) -> None:
    """CQL2 on the convergence keeps those within the range, and sorting by it is possible."""
    everything = list(stereo_client.search(collections=["pleiades-stereo"], limit=100).items())
    angles = sorted(item.properties["stereo:convergence_angle"] for item in everything)
    wanted = [angle for angle in angles if 10 <= angle <= 20]
    assert 0 < len(wanted) < len(angles)
    search = stereo_client.search(
        collections=["pleiades-stereo"],
        filter="stereo:convergence_angle BETWEEN 10 AND 20",
        filter_lang="cql2-text",
        sortby="stereo:convergence_angle",
    )
    assert [item.properties["stereo:convergence_angle"] for item in search.items()] == wanted


def test_clouds_over_an_area_are_those_of_the_delivered_masks(stereo_client: Client, stereo_server: Server) -> None:
    """Over Mont Blanc clouds hide what the images state; of each quarter their own share, by which it is asked for."""
    (item,) = stereo_client.search(collections=["pleiades-tristereo"], bbox=[6.8, 45.8, 6.9, 45.9]).items()

    def asked(area: Polygon, **terms: Any) -> list[dict[str, Any]]:
        body = {"intersects": mapping(area), "ids": [item.id], **terms}
        answer = requests.post(f"{stereo_server.url}/stereo/search", json=body, timeout=20)
        return [each["properties"] for each in answer.json()["features"]]

    west, south, east, north = shape(item.to_dict()["geometry"]).bounds
    lon, lat = (west + east) / 2, (south + north) / 2
    quarters = [box(*corner, lon, lat) for corner in itertools.product((west, east), (south, north))]
    (whole,) = asked(box(west, south, east, north), aoi_cloud="0/100")
    told = [each for area in quarters for each in asked(area, aoi_cloud="0/100")]
    assert whole["stereo:aoi_cloud_cover"] == pytest.approx(item.properties["stereo:cloud_cover_max"], abs=2)
    shown = [each["stereo:aoi_coverage"] for each in told]
    mean = fmean([each["stereo:aoi_cloud_cover_mean"] for each in told], shown)
    assert mean == pytest.approx(whole["stereo:aoi_cloud_cover_mean"], abs=0.1)
    worst = [each["stereo:aoi_cloud_cover"] for each in told]
    assert min(worst) < max(worst)
    found = [bool(asked(area, aoi_cloud=[None, min(worst)])) for area in quarters]
    assert found == [each == min(worst) for each in worst]


def test_views_lead_to_their_sets(stereo_client: Client) -> None:
    """From an image one comes to its pair over the link that it has."""
    views = list(stereo_client.search(collections=["pleiades"], bbox=[4.80, 45.70, 4.90, 45.80]).items())
    assert [view.properties["stereo-img:number"] for view in sorted(views, key=lambda view: view.id)] == [1, 2]
    for view in views:
        (link,) = view.get_links("related")
        assert link.absolute_href.endswith(f"/collections/pleiades-stereo/items/{view.properties['stereo-img:group']}")


def test_rebuild_is_a_command(dinamis: Dinamis, stereo_server: Server) -> None:
    """`dinamis stereo rebuild` finds every set as it is, and writes nothing."""
    own = Dinamis(dinamis.home / "demo")
    done = own.run("stereo", "rebuild", "--json")
    assert done.code == 0, done.err
    assert '"written": 0' in done.out
