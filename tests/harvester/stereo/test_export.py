"""What is exported for a chain names the files of the views as the documentation of the chain wants them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from lxml import etree
from rasterio.errors import NotGeoreferencedWarning

from harvester.stereo.errors import ViewNotHere, ViewNotUsable, ViewToOrder
from harvester.stereo.export import CHAINS, export_views, virtual_mosaic
from harvester.stereo.held_views import HeldView, Tile, held_views

PARIS, SYDNEY = (2.35, 48.85), (151.2, -33.9)


def view(folder: Path, number: int, *, platform: str = "pleiades-1a", metadata: bool = True) -> HeldView:
    """A view of one file; nothing of it is read."""
    here = folder / f"delivery {number}"
    return HeldView(
        item=f"PHR1A_{number}",
        platform=platform,
        tiles=(Tile(path=here / "IMG.TIF", row=1, column=1, shape=(8, 8), data_type="uint16", bands=1),),
        rpc=here / "RPC.XML",
        metadata=here / "DIM.XML" if metadata else None,
    )


def tiled_view(folder: Path) -> tuple[HeldView, np.ndarray[Any, Any]]:
    """A view of 2 × 3 tiles of two bands with uneven edges, and the image that they make."""
    image = np.arange(2 * 7 * 11, dtype="uint16").reshape(2, 7, 11)
    tiles = []
    for row, lines in enumerate((slice(0, 4), slice(4, 7)), start=1):
        for column, samples in enumerate((slice(0, 4), slice(4, 8), slice(8, 11)), start=1):
            part = image[:, lines, samples]
            path = folder / f"IMG_R{row}C{column}.TIF"
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                with rasterio.open(
                    path, "w", driver="GTiff", count=2, height=part.shape[1], width=part.shape[2], dtype="uint16"
                ) as file:
                    file.write(part)
            tile = Tile(path=path, row=row, column=column, shape=part.shape[1:], data_type="uint16", bands=2)
            tiles.append(tile)
    return HeldView(
        item="PHR1A_1", platform="pleiades-1a", tiles=tuple(tiles), rpc=folder / "RPC.XML", metadata=None
    ), image


def test_cars_pairs_the_nadir_view_of_a_triplet_with_the_others(tmp_path: Path) -> None:
    """The file for CARS has each image with its geomodel, and pairs that name the nadir view first."""
    views = [view(tmp_path, number) for number in range(3)]
    file = export_views(views, "cars", PARIS, tmp_path / "out")
    content = json.loads(file.read_text("utf-8"))
    assert content["input"]["pairing"] == [["view2", "view1"], ["view2", "view3"]]
    assert content["input"]["sensors"]["view3"] == {
        "image": str(views[2].tiles[0].path),
        "geomodel": str(views[2].rpc),
    }
    assert content["output"] == {"directory": str(tmp_path / "out" / "cars")}


def test_s2p_gets_its_reference_first(tmp_path: Path) -> None:
    """The nadir view of a triplet stands first among the images for s2p, the forward one of a pair."""
    views = [view(tmp_path, number) for number in range(3)]
    triplet = json.loads(export_views(views, "s2p", PARIS, tmp_path).read_text("utf-8"))
    assert [image["rpc"] for image in triplet["images"]] == [str(views[number].rpc) for number in (1, 0, 2)]
    pair = json.loads(export_views(views[:2], "s2p", PARIS, tmp_path).read_text("utf-8"))
    assert [image["img"] for image in pair["images"]] == [str(each.tiles[0].path) for each in views[:2]]
    assert pair["full_img"] is True


@pytest.mark.parametrize(
    ("platform", "metadata", "session", "camera"),
    [
        ("pleiades-neo-3", True, "pleiades", "DIM.XML"),
        ("pleiades-1a", False, "rpc", "RPC.XML"),
        ("spot-6", True, "rpc", "RPC.XML"),
    ],
)
def test_asp_takes_exact_cameras_where_it_knows_them(
    tmp_path: Path, platform: str, metadata: bool, session: str, camera: str
) -> None:
    """The session is that of Pléiades when all exact cameras are held, and that of RPC otherwise."""
    views = [view(tmp_path, number, platform=platform, metadata=metadata) for number in range(2)]
    called = calls_of(export_views(views, "asp", SYDNEY, tmp_path / "out"), tmp_path)
    assert [call[0] for call in called] == ["bundle_adjust", "parallel_stereo", "point2dem"]
    stereo = called[1]
    assert stereo[stereo.index("-t") + 1] == session
    assert [Path(word).name for word in stereo[-5:-1]] == ["IMG.TIF", "IMG.TIF", camera, camera]
    assert "+proj=utm +zone=56 +south +datum=WGS84 +units=m +no_defs" in called[2]


def test_micmac_finds_images_and_models_of_one_name(tmp_path: Path) -> None:
    """For MicMac a plain copy of an image and its RPC differ by their endings; the zone is that of the place."""
    tiled, _ = tiled_view(tmp_path)
    views = [tiled, view(tmp_path, 2)]
    script = export_views(views, "micmac", PARIS, tmp_path / "out")
    assert [(script.parent / f"view{number}.xml").readlink() for number in (1, 2)] == [each.rpc for each in views]
    system = etree.parse(script.parent / "WGS84toUTM.xml")
    assert system.findtext("BSC/TypeCoord") == "eTC_Proj4"
    assert "+zone=31 +datum" in system.findtext("BSC/AuxStr", "")
    called = calls_of(script, tmp_path)
    copies = [(call[0], call[-2], call[-1]) for call in called[:2]]
    assert copies == [
        ("gdal_translate", str(script.parent / "PHR1A_1.vrt"), "view1.tif"),
        ("gdal_translate", str(views[1].tiles[0].path), "view2.tif"),
    ]
    assert [call[1] for call in called[2:]] == ["Tapioca", "Convert2GenBundle", "Campari", "Malt"]
    assert called[3][2:4] == ["(view[1-2]).tif", "$1.xml"]


def test_micmac_leaves_alone_what_a_triplet_left(tmp_path: Path) -> None:
    """No pattern for MicMac takes in a third view that was computed in the same folder before."""
    script = export_views([view(tmp_path, number) for number in range(2)], "micmac", PARIS, tmp_path / "out")
    patterns = [word for call in calls_of(script, tmp_path) for word in call[1:] if "view[" in word]
    assert len(patterns) == 4
    for pattern in patterns:
        assert [name for name in ("view1.tif", "view2.tif", "view3.tif") if re.fullmatch(pattern, name)] == [
            "view1.tif",
            "view2.tif",
        ]


def test_tiles_become_one_image(tmp_path: Path) -> None:
    """GDAL reads from the virtual mosaic what the first band of all tiles together shows."""
    tiled, image = tiled_view(tmp_path)
    mosaic = tmp_path / "mosaic.vrt"
    mosaic.write_text(virtual_mosaic(tiled), "utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(mosaic) as file:
            assert np.array_equal(file.read(), image[:1])


@pytest.mark.parametrize(("bands", "opened"), [(1, "IMG.TIF"), (4, "PHR1A_1.vrt")])
def test_chains_are_given_one_band(tmp_path: Path, bands: int, opened: str) -> None:
    """An image of several bands, which s2p cannot compute, is given as a mosaic of one; one of one band as it is."""
    of_one = view(tmp_path, 1)
    sharpened = replace(of_one, tiles=(replace(of_one.tiles[0], bands=bands),))
    file = export_views([sharpened, view(tmp_path, 2)], "s2p", PARIS, tmp_path / "out")
    first = Path(json.loads(file.read_text("utf-8"))["images"][0]["img"])
    assert first.name == opened
    if bands > 1:
        assert [band.get("band") for band in etree.parse(first).iter("VRTRasterBand")] == ["1"]


def test_missing_tile_is_refused(tmp_path: Path) -> None:
    """An image that lacks a tile is not exported with a hole."""
    tiled, _ = tiled_view(tmp_path)
    torn = HeldView(item=tiled.item, platform="", tiles=tiled.tiles[:-1], rpc=tiled.rpc, metadata=None)
    with pytest.raises(ViewNotUsable, match="no rectangle"):
        virtual_mosaic(torn)


@pytest.mark.parametrize("chain", CHAINS)
def test_export_can_be_repeated(tmp_path: Path, chain: str) -> None:
    """Exporting again replaces what was exported, and gives the same."""
    tiled, _ = tiled_view(tmp_path)
    views = [tiled, view(tmp_path, 2)]
    out = tmp_path / "out"
    first = export_views(views, chain, PARIS, out)
    before = {file.name: file.read_bytes() for file in out.iterdir() if not file.is_symlink()}
    assert export_views(views, chain, PARIS, out) == first
    assert {file.name: file.read_bytes() for file in out.iterdir() if not file.is_symlink()} == before


def item(name: str, *keys: str) -> dict[str, Any]:
    """An Item with these assets."""
    shaped = {"proj:shape": [8, 8], "data_type": "uint16", "bands": [{"name": "P"}]}
    return {"id": name, "properties": {"platform": "pleiades-1a"}, "assets": dict.fromkeys(keys, shaped)}


def delivered(folder: Path, *keys: str, root: str | None = None) -> dict[str, list[dict[str, str]]]:
    """Places of files that exist, by key."""
    for key in keys:
        (folder / key).touch()
    return {key: [{"root": root or folder.as_uri(), "path": key, "media_type": "x"}] for key in keys}


PAIR: dict[str, Any] = {"id": "pair", "properties": {"stereo:views_to_order": []}}


def test_panchromatic_image_is_preferred(tmp_path: Path) -> None:
    """Of the components of a view the panchromatic one in sensor geometry is taken, with the tiles of its own job."""
    used = ("p-sensor-r1c2-j-1", "p-sensor-r1c1-j-1", "rpc-p-sensor-j-1", "metadata-p-sensor-j-1")
    others = ("pms-sensor-j3", "rpc-pms-sensor-j3", "ms-sensor-j2", "rpc-ms-sensor-j2", "p-ortho-j4")
    keys = (*others, *used, "mask-cld-p-sensor-j-1")
    (held,) = held_views(PAIR, [(item("A", *keys), delivered(tmp_path, *keys))])
    assert [tile.path.name for tile in held.tiles] == ["p-sensor-r1c1-j-1", "p-sensor-r1c2-j-1"]
    assert held.rpc == tmp_path / "rpc-p-sensor-j-1"
    assert held.metadata == tmp_path / "metadata-p-sensor-j-1"


def test_view_to_order_is_named() -> None:
    """A set with a view that is not held is refused with the view that has to be ordered."""
    pair = {"id": "pair", "properties": {"stereo:views_to_order": ["PHR1A_2"]}}
    with pytest.raises(ViewToOrder, match=r"pair needs PHR1A_2"):
        held_views(pair, [])


def test_ortho_images_will_not_do(tmp_path: Path) -> None:
    """A view that is held as an ortho-image alone is refused."""
    with pytest.raises(ViewNotUsable, match="ortho-image"):
        held_views(PAIR, [(item("A", "pms-ortho-j"), delivered(tmp_path, "pms-ortho-j"))])


@pytest.mark.parametrize("root", ["s3://bucket/archive", "file://elsewhere/archive"])
def test_file_on_another_machine_is_named(tmp_path: Path, root: str) -> None:
    """Where a file does not lie on this machine the error says where it lies."""
    keys = ("p-sensor-j", "rpc-p-sensor-j")
    with pytest.raises(ViewNotHere, match=f"p-sensor-j of A is in {root}"):
        held_views(PAIR, [(item("A", *keys), delivered(tmp_path, *keys, root=root))])


def test_second_copy_serves_when_the_first_is_in_an_archive(tmp_path: Path) -> None:
    """Of several copies the first that is a file is taken."""
    keys = ("p-sensor-j", "rpc-p-sensor-j")
    places = delivered(tmp_path, *keys)
    zipped = {"root": tmp_path.as_uri(), "path": "delivery.zip!/IMG.TIF", "media_type": "x"}
    (held,) = held_views(PAIR, [(item("A", *keys), {**places, "p-sensor-j": [zipped, *places["p-sensor-j"]]})])
    assert held.tiles[0].path == tmp_path / "p-sensor-j"


def calls_of(script: Path, folder: Path) -> list[list[str]]:
    """How a script calls the programs of its chain, which stand-ins on the PATH write down."""
    assert os.access(script, os.X_OK)
    programs, log = folder / "programs", folder / "calls"
    programs.mkdir()
    for name in ("bundle_adjust", "parallel_stereo", "point2dem", "mm3d", "gdal_translate"):
        stand_in = programs / name
        stand_in.write_text(
            f'#!/bin/sh\nfor word in {name} "$@"; do printf "%s\\037" "$word"; done >> "{log}"\necho >> "{log}"\n'
        )
        stand_in.chmod(0o755)
    subprocess.run([script], env={"PATH": f"{programs}:/usr/bin:/bin"}, check=True)
    return [line.split("\x1f")[:-1] for line in log.read_text("utf-8").splitlines()]
