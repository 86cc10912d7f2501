"""Writes the input of photogrammetric chains from the files of a stereo set.

Every chain reads whole panchromatic images in sensor geometry, with the vendor's camera models. Tiled images are joined
by a virtual mosaic of GDAL, which is a small text file; for pan-sharpened images it has only the first band, as s2p
uses no others.

- CARS: `docs/source/configuration` of CNES/cars: sections `input` and `output`, an image and a geomodel for each
  sensor, and pairs of sensors; for a triplet, each begins with the nadir view.
- Ames Stereo Pipeline: `docs/examples/pleiades.rst` of NeoGeographyToolkit/StereoPipeline: bundle adjustment and stereo
  in the session `pleiades` with the exact camera models of the vendor's DIM files, which it recommends especially for
  Pléiades Neo; in the session `rpc` with the RPC files.
- MicMac: `Tapioca`, `Convert2GenBundle`, `Campari` and `Malt` as in Phil-Mao/micmac-satellite_example: images and DIMAP
  RPC files of the same name in one folder, and `WGS84toUTM.xml` with a coordinate system of type `eTC_Proj4`. Images
  must be TIFF without Deflate (`alloc_tile` in its `src/tiff`), so the script makes plain copies of all.
- s2p: `README.md` and `s2p/initialization.py` of centreborelli/s2p: `images` with `img` and `rpc`, the reference first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from shlex import quote
from types import MappingProxyType

from lxml import etree

from harvester.stereo.errors import ViewNotUsable
from harvester.stereo.held_views import HeldView, Tile

#: The contents of a folder by name: a text, or the target of a symbolic link.
Folder = Mapping[str, str | Path]
Place = tuple[float, float]  #: longitude and latitude of the centre of the common footprint

_GDAL_TYPES = {"uint8": "Byte", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "float32": "Float32"}
_RUN = '#!/bin/sh\nset -e\ncd "$(dirname "$0")"\n'


def export_views(views: Sequence[HeldView], chain: str, place: Place, directory: Path) -> Path:
    """Write the input of a chain into a folder, which is created if need be; an earlier export is replaced.

    Args:
        views: In chronological order.
        chain: A key of `CHAINS`.
        place: Longitude and latitude of the centre of the common footprint.
        directory: To write into.

    Returns:
        The file to pass to the chain, or to run.

    Raises:
        ViewNotUsable: The tiles of a view cannot be joined.
    """
    folder = CHAINS[chain](views, place, directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in folder.items():
        _put(directory / name, content)
    return directory / next(iter(folder))


def _put(file: Path, content: str | Path) -> None:
    file.unlink(missing_ok=True)
    if isinstance(content, Path):
        file.symlink_to(content)
        return
    file.write_text(content, encoding="utf-8")
    if file.suffix == ".sh":
        file.chmod(0o755)


def _cars(views: Sequence[HeldView], _place: Place, directory: Path) -> Folder:
    sensors = {
        f"view{number}": {"image": image, "geomodel": str(view.rpc)}
        for number, (view, image) in enumerate(zip(views, _images(views, directory), strict=True), start=1)
    }
    names = list(sensors)
    pairing = [[names[a], names[b]] for a, b in _pairs(len(views))]
    content = {"input": {"sensors": sensors, "pairing": pairing}, "output": {"directory": str(directory / "cars")}}
    return {"cars.json": _as_json(content), **_mosaics(views)}


def _s2p(views: Sequence[HeldView], _place: Place, directory: Path) -> Folder:
    images = _images(views, directory)
    order = [_reference(len(views)), *(number for number in range(len(views)) if number != _reference(len(views)))]
    content = {
        "out_dir": str(directory / "s2p"),
        "images": [{"img": images[number], "rpc": str(views[number].rpc)} for number in order],
        "full_img": True,
    }
    return {"s2p.json": _as_json(content), **_mosaics(views)}


def _asp(views: Sequence[HeldView], place: Place, directory: Path) -> Folder:
    exact = [str(view.metadata) for view in views if view.metadata and view.platform.startswith("pleiades")]
    session, cameras = ("pleiades", exact) if len(exact) == len(views) else ("rpc", [str(view.rpc) for view in views])
    images = [quote(image) for image in _images(views, directory)]
    cameras = [quote(camera) for camera in cameras]
    lines = [
        f"bundle_adjust -t {session} --camera-weight 0 --tri-weight 0.1 \\",
        f"  {' '.join(images)} \\\n  {' '.join(cameras)} \\\n  -o ba/run",
    ]
    for a, b in _pairs(len(views)):
        run = f"view{a + 1}-view{b + 1}/run"
        files = f"{images[a]} {images[b]} \\\n  {cameras[a]} {cameras[b]} \\\n  {run}"
        lines += [
            f"parallel_stereo -t {session} --stereo-algorithm asp_mgm --subpixel-mode 9 \\",
            f"  --bundle-adjust-prefix ba/run \\\n  {files}",
            f"point2dem --t_srs {quote(_utm(place))} {run}-PC.tif",
        ]
    return {"asp.sh": _RUN + "\n".join(lines) + "\n", **_mosaics(views)}


def _micmac(views: Sequence[HeldView], place: Place, directory: Path) -> Folder:
    names = [f"view{number}" for number in range(1, len(views) + 1)]
    # An earlier triplet in this folder has left a third copy, which `view.*` would match.
    every = f"view[1-{len(views)}]"
    lines = [
        *(
            f"gdal_translate -co BIGTIFF=IF_SAFER {quote(image)} {name}.tif"
            for name, image in zip(names, _images(views, directory), strict=True)
        ),
        f'mm3d Tapioca All "{every}.tif" -1 ExpTxt=1 @ExitOnBrkp',
        f'mm3d Convert2GenBundle "({every}).tif" "\\$1.xml" RPC-d0 ChSys=WGS84toUTM.xml Degre=0 @ExitOnBrkp',
        f'mm3d Campari "{every}.tif" RPC-d0 RPC-d0-adj ExpTxt=1 @ExitOnBrkp',
        f'mm3d Malt UrbanMNE "{every}.tif" RPC-d0-adj SzW=2 Regul=0.2 NbVI=2 EZA=1 @ExitOnBrkp',
    ]
    return {
        "micmac.sh": _RUN + "\n".join(lines) + "\n",
        "WGS84toUTM.xml": _micmac_system(place),
        **{f"{name}.xml": view.rpc for name, view in zip(names, views, strict=True)},
        **_mosaics(views),
    }


CHAINS: Mapping[str, Callable[[Sequence[HeldView], Place, Path], Folder]] = MappingProxyType(
    {"cars": _cars, "asp": _asp, "micmac": _micmac, "s2p": _s2p}
)


def _reference(count: int) -> int:
    """The index of the reference view: the middle one of a triplet, the first one of a pair."""
    return (count - 1) // 2


def _pairs(count: int) -> list[tuple[int, int]]:
    reference = _reference(count)
    return [(reference, number) for number in range(count) if number != reference]


def _images(views: Sequence[HeldView], directory: Path) -> list[str]:
    """For each view, the file that a chain opens."""
    return [str(view.tiles[0].path if _is_whole(view) else directory / f"{view.item}.vrt") for view in views]


def _mosaics(views: Sequence[HeldView]) -> Folder:
    return {f"{view.item}.vrt": virtual_mosaic(view) for view in views if not _is_whole(view)}


def _is_whole(view: HeldView) -> bool:
    return len(view.tiles) == 1 and view.tiles[0].bands == 1


def virtual_mosaic(view: HeldView) -> str:
    """A mosaic of the first band of an image's tiles, in GDAL's format VRT (gdal.org/drivers/raster/vrt.html).

    Raises:
        ViewNotUsable: The size or type of a tile is unknown, a tile is missing, or the tiles form no rectangle.
    """
    rows = [list(row) for _, row in groupby(view.tiles, key=lambda tile: tile.row)]
    heights = [_shape(view, row[0])[0] for row in rows]
    widths = [_shape(view, tile)[1] for tile in rows[0]]
    wanted = [[(height, width) for width in widths] for height in heights]
    if [[_shape(view, tile) for tile in row] for row in rows] != wanted:
        raise ViewNotUsable(f"The tiles of {view.item} make no rectangle: is one missing?")
    root = etree.Element("VRTDataset", rasterXSize=str(sum(widths)), rasterYSize=str(sum(heights)))
    band = etree.SubElement(root, "VRTRasterBand", dataType=_gdal_type(view, view.tiles[0]), band="1")
    for number, row in enumerate(rows):
        for place, tile in enumerate(row):
            _add_source(band, tile, (sum(widths[:place]), sum(heights[:number])))
    return str(etree.tostring(root, pretty_print=True, encoding="unicode"))


def _add_source(band: etree._Element, tile: Tile, offset: tuple[int, int]) -> None:
    rows, columns = tile.shape or (0, 0)
    source = etree.SubElement(band, "SimpleSource")
    etree.SubElement(source, "SourceFilename", relativeToVRT="0").text = os.fspath(tile.path)
    etree.SubElement(source, "SourceBand").text = "1"
    for name, (x, y) in (("SrcRect", (0, 0)), ("DstRect", offset)):
        etree.SubElement(source, name, xOff=str(x), yOff=str(y), xSize=str(columns), ySize=str(rows))


def _shape(view: HeldView, tile: Tile) -> tuple[int, int]:
    if tile.shape is None:
        raise ViewNotUsable(f"The metadata of {view.item} do not tell the size of {tile.path.name}.")
    return tile.shape


def _gdal_type(view: HeldView, tile: Tile) -> str:
    if (known := _GDAL_TYPES.get(tile.data_type or "")) is None:
        raise ViewNotUsable(f"The metadata of {view.item} do not tell the data type of {tile.path.name}.")
    return known


def _micmac_system(place: Place) -> str:
    """The UTM zone in MicMac's notation."""
    root = etree.Element("SystemeCoord")
    system = etree.SubElement(root, "BSC")
    etree.SubElement(system, "TypeCoord").text = "eTC_Proj4"
    etree.SubElement(system, "AuxStr").text = _utm(place)
    return str(etree.tostring(root, pretty_print=True, encoding="unicode"))


def _utm(place: Place) -> str:
    """The UTM zone of a place in PROJ's notation; surface models need metres."""
    longitude, latitude = place
    zone = int((longitude + 180) // 6) % 60 + 1
    south = "" if latitude >= 0 else " +south"
    return f"+proj=utm +zone={zone}{south} +datum=WGS84 +units=m +no_defs"


def _as_json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
