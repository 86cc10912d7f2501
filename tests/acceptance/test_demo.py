"""`dinamis demo`: a sample archive, harvested and served, and quick to run again."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import psycopg
import pytest
import rasterio
from pystac import Item
from pystac_client import Client
from rio_cogeo.cogeo import cog_validate

from database import PrivateCluster
from tests.acceptance.command_line import Dinamis, Finished, Server
from tests.acceptance.conftest import harvested

COG = "image/tiff; application=geotiff; profile=cloud-optimized"

#: GDAL asks for the file itself and for nothing beside it.
GDAL = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_HTTP_PROXY": "", "GDAL_HTTP_MAX_RETRY": "0"}

PROJECT = Path(__file__).resolve().parents[2]

#: Those whose Python needs nothing but the demonstration.
PAGES = [
    *(page.name for page in sorted(PROJECT.glob("README*.md"))),
    "docs/tutorial.md",
    *(f"docs/how-to/{name}.md" for name in ("python", "pick-a-stereo-pair", "estimate-a-price")),
]

SETS = [
    pytest.param([2.30, 48.80, 2.40, 48.90], "2022-04-19", "PHR1A", 3, id="Paris, tri-stereo"),
    pytest.param([5.30, 43.25, 5.45, 43.35], "2023-06-21", "PNEO3", 3, id="Marseille, tri-stereo"),
    pytest.param([4.80, 45.70, 4.90, 45.80], "2021-09-03", "PHR1B", 2, id="Lyon, stereo"),
    pytest.param([-1.60, 47.15, -1.50, 47.30], "2019-09-16", "SPOT7", 2, id="Nantes, stereo"),
    pytest.param([7.20, 43.65, 7.30, 43.75], "2019-07-14", "PHR1B", 1, id="Nice, mono"),
    pytest.param([-0.65, 44.80, -0.50, 44.90], "2018-05-06", "SPOT6", 1, id="Bordeaux, mono"),
    pytest.param([179.9, -17.0, -179.9, -16.6], "2020-12-19", "PHR1B", 1, id="Taveuni, over the antimeridian"),
]

#: Percent of each footprint that is under the clouds kept beside its Item.
CLOUD_SHARES = """
    SELECT id, 100 * st_area(st_intersection(geometry, clouds)::geography) / st_area(geometry::geography)
    FROM (SELECT id, geometry, st_geomfromgeojson(private -> 'clouds') AS clouds FROM pgstac.items) AS masked
    WHERE clouds IS NOT NULL
"""


@dataclass(frozen=True)
class Demo:
    """Two runs of `dinamis demo --once`, and the seconds of the second."""

    dinamis: Dinamis
    first: Finished
    second: Finished
    second_took_s: float


@pytest.fixture(scope="module")
def demo(dinamis: Dinamis) -> Iterator[Demo]:
    """The demonstration, run twice. Its database and archive have a home of their own inside the home."""
    own = Dinamis(dinamis.home / "demo")
    try:
        first = dinamis.run("demo", "--once")
        start = time.monotonic()
        second = dinamis.run("demo", "--once")
        yield Demo(own, first, second, time.monotonic() - start)
    finally:
        own.run("db", "destroy", "--yes")


@pytest.fixture(scope="module")
def demo_server(dinamis: Dinamis, demo: Demo) -> Iterator[Server]:
    """The demonstration as it serves until it is interrupted."""
    with dinamis.serving("demo") as server:
        yield server


@pytest.fixture(scope="module")
def demo_client(demo_server: Server) -> Client:
    """pystac-client on the demonstration."""
    return Client.open(demo_server.url)


def test_first_run_makes_the_archive_and_its_items(demo: Demo) -> None:
    """From nothing to a catalogue in one command, without a refusal."""
    assert demo.first.code == 0, demo.first.err
    archive = demo.dinamis.home / "sample-archive"
    products = [path for path in archive.rglob("DIM_*.XML") if path.parent.name != "LINEAGE"]
    assert f"{len(products)} records read" in demo.first.err
    assert demo.first.err.rstrip().endswith(f"{len(products)} new")
    assert not any(line.startswith("refused ") for line in demo.first.out.splitlines())


def test_second_run_is_quick_and_changes_nothing(demo: Demo) -> None:
    """Run again, everything is unchanged, it says so, and it takes seconds."""
    assert demo.second.code == 0, demo.second.err
    assert "Nothing has changed" in demo.second.out
    assert demo.second_took_s < 30


def test_clean_archive_ends_with_code_0(demo: Demo) -> None:
    """Where nothing is refused, `dinamis harvest` ends with 0; --limit ends it sooner."""
    few = harvested(demo.dinamis, demo.dinamis.home / "sample-archive", "--limit", "3")
    assert (few.finished.code, few.report["read"], few.report["unchanged"]) == (0, 3, 3)


@pytest.mark.parametrize(("bbox", "day", "platform", "views"), SETS)
def test_sets_of_one_pass_are_found(
    demo_client: Client, bbox: list[float], day: str, platform: str, views: int
) -> None:
    """Mono, stereo and tri-stereo views are found by place and day; those of one pass look from different sides."""
    items = images(demo_client, bbox=bbox, datetime=day)
    assert [item.id.partition("_")[0] for item in items] == [platform] * views
    assert len({round(item.properties["view:azimuth"]) for item in items}) == views
    moments = sorted(item.datetime for item in items if item.datetime)
    assert (moments[-1] - moments[0]).total_seconds() < 180


def test_demo_covers_three_families_and_both_hemispheres(demo_client: Client) -> None:
    """The sample archive has Items in each collection of deliveries, and some twenty places."""
    items = images(demo_client)
    assert {item.collection_id for item in items} == {"pleiades", "pleiades-neo", "spot-6-7"}
    assert demo_client.search(collections=["pleiades", "pleiades-neo", "spot-6-7"]).matched() == len(items)
    places = {(round(item.bbox[0]), round(item.bbox[1])) for item in items if item.bbox}
    assert len(places) >= 18


def test_cloud_masks_cover_what_the_images_state(demo: Demo, demo_client: Client) -> None:
    """The clouds kept beside each image hide the share of its footprint that it states, to a cell of their mask."""
    with psycopg.connect(PrivateCluster(demo.dinamis.home).conninfo("harvest")) as connection:
        hidden: dict[str, float] = dict(connection.execute(CLOUD_SHARES).fetchall())
    stated = {item.id: item.properties.get("eo:cloud_cover") for item in images(demo_client)}
    assert hidden.keys() == stated.keys()
    told = {item: cover for item, cover in stated.items() if cover is not None}
    assert {item: hidden[item] for item in told} == pytest.approx(told, abs=1.0)
    assert max(told.values()) > 60


def test_image_opens_over_http_as_qgis_opens_it(demo_client: Client) -> None:
    """A COG asset is read through /vsicurl/ from the running server: its grid is the one that the Item states."""
    (item,) = demo_client.search(bbox=[3.83, 43.58, 3.93, 43.65], datetime="2021-06-12").items()
    (asset,) = (asset for asset in item.assets.values() if asset.media_type == COG)
    assert urlsplit(asset.href).hostname == "127.0.0.1"
    with rasterio.Env(**GDAL), rasterio.open(f"/vsicurl/{asset.href}") as image:
        assert list(image.shape) == asset.extra_fields["proj:shape"]
        assert f"EPSG:{image.crs.to_epsg()}" == asset.extra_fields["proj:code"]
        assert list(image.transform)[:6] == pytest.approx(asset.extra_fields["proj:transform"])
        assert image.count == len(asset.to_dict()["bands"]) == 4
        assert image.read(1, out_shape=(64, 64)).max() > 0


def test_every_image_of_an_item_is_a_valid_cog(demo: Demo) -> None:
    """What is called cloud-optimised is."""
    images = sorted((demo.dinamis.home / "sample-archive").rglob("IMG_*.TIF"))[:6]
    assert len(images) == 6
    assert [path.name for path in images if not cog_validate(path, quiet=True)[0]] == []


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_thumbnails_are_small_jpegs(demo_client: Client) -> None:
    """Every Item has a thumbnail for a list of results, at most 512 pixels."""
    items = images(demo_client)
    assert [item.id for item in items if not pictures(item, "thumbnail")] == []
    assert all(pictures(item, "overview") for item in items)
    for href in [pictures(item, "thumbnail")[0] for item in items][::5]:
        with urlopen(href, timeout=10) as answer:
            assert answer.headers["Content-Type"] == "image/jpeg"
            with rasterio.MemoryFile(answer.read()) as memory, memory.open() as picture:
                assert picture.driver == "JPEG"
                assert max(picture.shape) <= 512


def images(client: Client, **search: Any) -> list[Item]:
    """The Items of images; those of the stereo sets that they make are left out."""
    return [item for item in client.search(limit=100, **search).items() if "stereo:mode" not in item.properties]


@pytest.mark.parametrize("page", PAGES)
def test_python_of_the_first_pages_runs(demo_server: Server, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the first pages tell the reader to type in Python runs against the demonstration, block after block."""
    monkeypatch.chdir(PROJECT)
    text = Path(page).read_text(encoding="utf-8").replace("http://127.0.0.1:8000", demo_server.url)
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert blocks
    names: dict[str, Any] = {}
    with rasterio.Env(**GDAL):
        for block in blocks:
            exec(compile(block, page, "exec"), names)


def pictures(item: Item, role: str) -> list[str]:
    """The addresses of the JPEG files of an Item in one role."""
    return [a.href for a in item.assets.values() if a.has_role(role) and a.media_type == "image/jpeg"]


def test_parts_of_a_file_are_served(demo_client: Client) -> None:
    """A Range request gets its bytes, and those alone."""
    (item,) = demo_client.search(bbox=[3.83, 43.58, 3.93, 43.65], datetime="2021-06-12").items()
    (asset,) = (asset for asset in item.assets.values() if asset.media_type == COG)
    with urlopen(Request(asset.href, headers={"Range": "bytes=0-3"}), timeout=10) as answer:
        assert (answer.status, answer.headers["Content-Length"]) == (206, "4")
        assert answer.headers["Content-Range"] == f"bytes 0-3/{asset.extra_fields['file:size']}"
        assert answer.read() in (b"II*\0", b"II+\0")


def test_demo_says_where_to_point(demo_server: Server) -> None:
    """The serving demonstration prints its address for QGIS, browsers and programs, and that its files are open."""
    printed = demo_server.log.read_text(encoding="utf-8")
    for word in ("QGIS", f"{demo_server.url}/api.html", "pystac-client", "--public-assets"):
        assert word in printed
