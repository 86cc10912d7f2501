"""The paths of a stereo set's images and camera models on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from harvester.items.assets import MEMBER_MARK
from harvester.items.document import ItemDocument
from harvester.stereo.errors import ViewNotHere, ViewNotUsable, ViewToOrder

Copies = Sequence[Mapping[str, str]]  #: root and path of each copy of a file
Places = Mapping[str, Copies]  #: by the key of the asset

#: Images for surface models, the best first: panchromatic, else pan-sharpened.
_SPECTRAL = ("p", "pan", "pms", "pms-n", "pms-x", "pms-fs")
_RPC_KEY = re.compile(rf"rpc-(?P<spectral>{'|'.join(sorted(_SPECTRAL, key=len, reverse=True))})-sensor-(?P<job>.+)")


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One file of an image, and its position among the others."""

    path: Path
    row: int  #: of tiles, from 1
    column: int
    shape: tuple[int, int] | None  #: rows and columns of pixels; None where the metadata does not give them
    data_type: str | None  #: as in STAC's raster extension
    bands: int


@dataclass(frozen=True, kw_only=True)
class HeldView:
    """The files of one view in sensor geometry on this machine."""

    item: str
    platform: str
    tiles: tuple[Tile, ...]  #: of the image, row by row; most images have one
    rpc: Path  #: the vendor's file of rational polynomial coefficients
    metadata: Path | None  #: the vendor's document with the exact camera model, if held


def held_views(pair: ItemDocument, views: Iterable[tuple[ItemDocument, Places]]) -> tuple[HeldView, ...]:
    """The files of all views of a set, in chronological order.

    Args:
        pair: The Item of the set.
        views: The Items of its views in chronological order, each with the places of its files.

    Raises:
        ViewToOrder: A view is not held.
        ViewNotUsable: A view is not held in sensor geometry.
        ViewNotHere: A file is on another machine, in an archive, or gone.
    """
    if missing := pair["properties"].get("stereo:views_to_order"):
        raise ViewToOrder(f"{pair['id']} needs {', '.join(missing)}.")
    return tuple(_held_view(item, places) for item, places in views)


def _held_view(item: ItemDocument, places: Places) -> HeldView:
    component, job = _best_component(item["id"], places)
    # For images with six bands in two files the first is enough: both have the same geometry.
    image = re.compile(rf"{component}(-rgb|-p)?(-r(?P<row>\d+)c(?P<column>\d+))?-{re.escape(job)}")
    found = [named for key in places if key in item["assets"] and (named := image.fullmatch(key))]
    if not found:
        raise ViewNotUsable(f"Of {item['id']} only the camera model is held, not its image.")
    tiles = [_tile(item, named, places[named.string]) for named in found]
    metadata = f"metadata-{component}-{job}"
    return HeldView(
        item=item["id"],
        platform=item["properties"].get("platform", ""),
        tiles=tuple(sorted(tiles, key=lambda tile: (tile.row, tile.column))),
        rpc=_here(item["id"], places[f"rpc-{component}-{job}"]),
        metadata=_here(item["id"], places[metadata]) if metadata in places else None,
    )


def _best_component(item: str, places: Places) -> tuple[str, str]:
    """Component and job of the image to use, as in asset keys."""
    models = [found for key in places if (found := _RPC_KEY.fullmatch(key))]
    if not models:
        raise ViewNotUsable(
            f"No panchromatic image of {item} with its RPC is held in the geometry of the sensor, which a surface "
            "model is made of; an ortho-image will not do."
        )
    best = min(models, key=lambda found: (_SPECTRAL.index(found["spectral"]), found["job"]))
    return f"{best['spectral']}-sensor", best["job"]


def _tile(item: ItemDocument, named: re.Match[str], copies: Copies) -> Tile:
    asset = item["assets"][named.string]
    shape = asset.get("proj:shape")
    return Tile(
        path=_here(item["id"], copies),
        row=int(named["row"] or 1),
        column=int(named["column"] or 1),
        shape=(shape[0], shape[1]) if shape else None,
        data_type=asset.get("data_type"),
        bands=len(asset.get("bands") or [0]),
    )


def _here(item: str, copies: Copies) -> Path:
    """The first copy that is a file on this machine.

    Raises:
        ViewNotHere: There is none.
    """
    for copy in copies:
        root = urlsplit(copy["root"])
        if root.scheme == "file" and root.netloc in ("", "localhost") and MEMBER_MARK not in copy["path"]:
            path = Path(url2pathname(root.path)) / copy["path"].lstrip("/")
            if path.is_file():
                return path
    first = copies[0]
    raise ViewNotHere(f"{first['path']} of {item} is in {first['root']}: run this where the archive is mounted.")
