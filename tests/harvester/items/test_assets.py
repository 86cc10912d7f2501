"""The assets of an Item: their keys, titles and roles, what they say of the pixels, and where their copies lie."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from harvester.items.from_scenes import private_part
from harvester.record import CompanionFile, ImageFile, SceneRecord
from tests.harvester.items.built_items import ID, asset_of, item_of, json_of
from tests.scene_records import BANDS, COG, delivered, product, scene


def test_later_job_leaves_earlier_keys_and_titles_of_assets() -> None:
    """The URL of an image never changes when another job of the strip is delivered."""
    first = scene(product(job="1"))
    second = scene(product(job="2"))
    assert set(item_of(first).assets) < set(item_of(first, second).assets)


def test_image_asset_describes_its_pixels() -> None:
    """An image says its CRS, grid, bands in pixel order, sampling, depth, production and size."""
    asset = item_of(scene()).assets["pms-ortho-job_1"]
    fields = asset.extra_fields
    assert asset.media_type == COG
    assert asset.roles == ["data", "dn"]
    assert asset.title == "PHR1A 2021-08-15 15:41:30 PMS ORTHO"
    assert asset.href == f"assets/pleiades/{ID}/pms-ortho-job_1"
    assert fields["proj:code"] == "EPSG:32631"
    assert fields["proj:shape"] == [1000, 800]
    assert fields["proj:transform"] == [0.5, 0, 500_000, 0, -0.5, 5_400_000]
    assert fields["proj:bbox"] == [500_000, 5_399_500, 500_400, 5_400_000]
    assert [band["name"] for band in fields["bands"]] == ["B2", "B1", "B0", "B3"]
    assert fields["bands"][0] == {
        "name": "B2",
        "eo:common_name": "red",
        "eo:center_wavelength": 0.65,
        "eo:full_width_half_max": 0.1,
        "raster:scale": 0.1,
        "raster:offset": 0,
    }
    assert fields["bands"][3]["eo:solar_illumination"] == 1050
    scalars = ("gsd", "data_type", "nodata", "raster:bits_per_sample", "file:size", "processing:datetime")
    assert [fields[name] for name in scalars] == [0.5, "uint16", 0, 12, 6_400_000, "2021-08-20T09:30:00Z"]
    assert fields["processing:software"] == {"DRAW": "9.1"}
    assert (fields["airbus:job_id"], fields["airbus:spectral_processing"]) == ("JOB_1", "PMS")


def test_image_in_sensor_geometry_is_in_no_crs() -> None:
    """A sensor-level image has a null code, its shape, and neither transform nor projected box."""
    item = item_of(scene(product(level="SENSOR")))
    fields = item.assets["pms-sensor-job_1"].extra_fields
    assert fields["proj:code"] is None
    assert fields["proj:shape"] == [1000, 800]
    assert not {"proj:transform", "proj:bbox"} & set(fields)
    assert "proj:code" not in item.properties


@pytest.mark.parametrize(
    ("radiometry", "roles"),
    [("REFLECTANCE", ["data", "reflectance"]), ("DISPLAY", ["data", "visual"]), ("NEW", ["data"]), (None, ["data"])],
)
def test_radiometry_is_a_role(radiometry: str | None, roles: list[str]) -> None:
    """Counts, reflectances and pictures are told apart by a role; an unknown radiometry claims nothing."""
    assert item_of(scene(product(radiometry=radiometry))).assets["pms-ortho-job_1"].roles == roles


def test_companions_have_their_roles() -> None:
    """Previews, masks and metadata stand beside the image, each with the role that clients look for."""
    item = item_of(scene())
    roles = {key: asset.roles for key, asset in item.assets.items() if "data" not in (asset.roles or [])}
    assert roles == {
        "thumbnail-pms-ortho-job_1": ["thumbnail"],
        "overview-pms-ortho-job_1": ["overview"],
        "mask-roi-pms-ortho-job_1": ["data-mask"],
        "mask-cld-pms-ortho-job_1": ["metadata", "cloud"],
        "metadata-pms-ortho-job_1": ["metadata"],
    }


def test_quicklook_stands_in_for_a_missing_icon() -> None:
    """A product without an icon shows its quicklook as thumbnail, for clients that list Items by it."""
    preview = CompanionFile(path="p.jpg", kind="overview", media_type="image/jpeg", title="quicklook")
    (asset,) = [
        asset
        for asset in item_of(scene(product(companions=(preview,)))).assets.values()
        if "data" not in (asset.roles or [])
    ]
    assert asset.roles == ["overview", "thumbnail"]


def test_tiles_and_groups_have_keys_and_grids_of_their_own() -> None:
    """Each file of a tiled, grouped product is an asset; a tile without a grid does not borrow that of the whole."""
    red = (BANDS["B2"],)
    images = (
        ImageFile(path="a", bands=red, media_type=COG, tile="R1C1", group="RGB", shape=(10, 20)),
        ImageFile(path="b", bands=red, media_type=COG, tile="R1C2", group="RGB"),
        ImageFile(path="c", bands=red, media_type=COG, group="NED"),
    )
    assets = item_of(scene(product("MS-FS", images=images, companions=()))).assets
    assert {key: asset.extra_fields.get("proj:shape") for key, asset in assets.items()} == {
        "ms-fs-ortho-rgb-r1c1-job_1": [10, 20],
        "ms-fs-ortho-rgb-r1c2-job_1": None,
        "ms-fs-ortho-ned-job_1": [1000, 800],
    }
    assert len({asset.title for asset in assets.values()}) == 3


def test_companions_of_one_kind_keep_apart() -> None:
    """Two RPC files of one component are two assets with titles of their own, numbered by path."""
    rpcs = tuple(
        CompanionFile(path=path, kind="rpc", media_type="application/xml", title="RPC") for path in ("b.XML", "a.XML")
    )
    scenes = [scene(product(companions=rpcs))]
    paths = {
        key: place["path"]
        for key, (place,) in private_part(delivered(*scenes))["assets"].items()
        if key.startswith("rpc")
    }
    assert paths == {"rpc-pms-ortho-job_1": "a.XML", "rpc-pms-ortho-job_1-2": "b.XML"}
    titles = [asset.title for asset in item_of(*scenes).assets.values()]
    assert len(set(titles)) == len(titles)


def test_titles_of_two_jobs_are_distinct() -> None:
    """QGIS names layers by asset title, so two jobs of one mode and level are told apart."""
    titles = [asset.title for asset in item_of(scene(product(job="1")), scene(product(job="2"))).assets.values()]
    assert len(titles) == 12
    assert len(set(titles)) == len(titles)


def test_jobs_that_look_alike_keep_apart() -> None:
    """Jobs that differ only in letters that a key cannot hold are still two assets, with keys fit for a URL."""
    jobs = ["5881/1", "5881 1", "5881é1"]
    keys = set(private_part(delivered(*(scene(product(job=job, companions=())) for job in jobs)))["assets"])
    assert len(keys) == 3
    assert all(key.isascii() and not set(key) & set("/ ") for key in keys)


@pytest.mark.parametrize("reverse", [False, True])
def test_component_delivered_twice_is_its_latest_production(reverse: bool) -> None:
    """Of one component delivered twice the asset is the newer; of equal age, the smaller path; the others follow."""
    old = scene(product(), root="file:///old")
    new = scene(product(produced_at=datetime(2022, 1, 1, tzinfo=UTC)), root="file:///new")
    undated = scene(product(produced_at=None), root="file:///a")
    scenes = [undated, old, new][:: -1 if reverse else 1]
    assert roots_of(scenes) == {("file:///new", "file:///old", "file:///a")}
    copies = [replace(old, root="file:///b"), replace(old, root="file:///a")][:: -1 if reverse else 1]
    assert roots_of([*copies, *copies]) == {("file:///a", "file:///b")}


def test_products_of_one_job_that_are_no_copies_keep_apart() -> None:
    """Two areas of an order, or two radiometries, are assets of their own; the first that was produced has its key."""
    first = product(companions=())
    days = iter(range(1, 9))

    def later(**changes: Any) -> SceneRecord:
        produced = datetime(2022, 1, next(days), tzinfo=UTC)
        return scene(replace(first, produced_at=produced, **changes), root=f"file:///{produced.day}")

    scenes = [
        scene(first, root="file:///0"),
        later(transform=(0.5, 0.0, 510_000.0, 0.0, -0.5, 5_400_000.0)),
        later(radiometry="REFLECTANCE"),
        later(radiometry="REFLECTANCE"),
        later(shape=(10, 10)),
    ]
    for order in permutations(scenes):
        places = private_part(delivered(*order))["assets"]
        assert {key: [place["root"] for place in copies] for key, copies in places.items()} == {
            "pms-ortho-job_1": ["file:///0"],
            "pms-ortho-job_1-product-2": ["file:///1"],
            "pms-ortho-job_1-product-3": ["file:///3", "file:///2"],
            "pms-ortho-job_1-product-4": ["file:///4"],
        }
    assert len({asset.title for asset in item_of(*scenes).assets.values()}) == 4


@pytest.mark.parametrize("reverse", [False, True])
def test_copy_that_can_be_served_is_preferred(reverse: bool) -> None:
    """Of copies of equal age a file of this machine comes before those on servers, and before members of archives."""
    packed = tuple(replace(image, path=f"A.zip!/{image.path}", media_type="image/tiff") for image in product().images)
    copies = [
        scene(product(companions=()), root="ftp://a"),
        scene(product(companions=(), images=packed), root="file:///a"),
        scene(product(companions=()), root="file:///z"),
        scene(product(companions=(), images=packed), root="ftp://a"),
    ][:: -1 if reverse else 1]
    (places,) = private_part(delivered(*copies))["assets"].values()
    path = product().images[0].path
    assert [(place["root"], place["path"]) for place in places] == [
        ("file:///z", path),
        ("file:///a", f"A.zip!/{path}"),
        ("ftp://a", path),
        ("ftp://a", f"A.zip!/{path}"),
    ]
    assert asset_of(item_of(*copies)).media_type == COG


def roots_of(scenes: Sequence[SceneRecord]) -> set[tuple[str, ...]]:
    """The roots of the copies of each asset, in order of preference."""
    return {tuple(place["root"] for place in places) for places in private_part(delivered(*scenes))["assets"].values()}


def test_locations_are_private() -> None:
    """Every asset has a place, and no place is in the Item."""
    item = item_of(scene())
    places = private_part(delivered(scene()))["assets"]
    assert list(places) == list(item.assets)
    assert places["pms-ortho-job_1"] == [
        {"root": "file:///archive", "path": "JOB_1/IMG_PMS_ORTHO/IMG_R1C1.TIF", "media_type": COG}
    ]
    text = json.dumps(json_of(item))
    assert not any(secret in text for secret in ("/archive", "IMG_R1C1.TIF", "file://"))


def test_acquisition_that_is_not_held_has_no_assets() -> None:
    """A record without product makes an Item without assets, with the native sampling."""
    item = item_of(replace(scene(), product=None))
    assert item.assets == {}
    assert item.properties["gsd"] == 0.72
    assert item.properties["title"] == "Pléiades 1A 2021-08-15 15:41:30"
