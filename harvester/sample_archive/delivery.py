"""Writing one delivery: its tree of documents, rasters, masks and previews."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from shapely import Polygon

from harvester.rasters import write_cog, write_jpeg
from harvester.sample_archive.companion_documents import (
    delivery_folder,
    image_folder,
    processing_document,
    strip_document,
    volume_documents,
)
from harvester.sample_archive.component import Component, Tile, components_of
from harvester.sample_archive.masks import cloud_polygons, mask_document
from harvester.sample_archive.missions import BandGroup
from harvester.sample_archive.pixels import Picture, picture_of
from harvester.sample_archive.product_document import product_document
from harvester.sample_archive.rpc import gdal_rpcs, rpc_document
from harvester.sample_archive.specification import DeliverySpec

PREVIEW_PIXELS, ICON_PIXELS = 320, 96

Write = Callable[[Path], None]


@dataclass(frozen=True)
class DeliveredFile:
    """One file of a delivery and how it is written."""

    kind: str  #: of specification.FILE_KINDS
    path: str  #: from the root of the delivery
    write: Write


def write_delivery(directory: Path, spec: DeliverySpec) -> Path:
    """Write a delivery into its own folder below a directory and return that folder.

    The bytes depend on the specification alone. The folder appears when it is complete; an older one of the same
    name is replaced.
    """
    components = components_of(spec)
    folder = directory / delivery_folder(components[0])
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for file in _files(components):
        if file.kind not in spec.missing:
            path = partial / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            file.write(path)
    if folder.exists():
        shutil.rmtree(folder)
    return partial.replace(folder)


def _files(components: Sequence[Component]) -> Iterator[DeliveredFile]:
    for component in components:
        root, picture = image_folder(component), picture_of(component)
        for file in (*_documents(component, picture), *_rasters(component, picture), *_previews(component, picture)):
            yield DeliveredFile(file.kind, f"{root}/{file.path}", file.write)
    for path, document in volume_documents(components).items():
        yield _document("volume", path, document)


def _documents(component: Component, picture: Picture) -> Iterator[DeliveredFile]:
    grid = component.grid
    clouds = cloud_polygons(picture.clouds, grid.rows, grid.cols)
    yield _document("metadata", f"DIM_{component.stem}.XML", product_document(component))
    yield _document("processing", component.processing_file, processing_document(component))
    yield _document("mask", component.mask_file("CLD"), mask_document(component, "CLD", clouds))
    if component.roi_ring:
        region = mask_document(component, "ROI", [Polygon(component.roi_ring)])
        yield _document("roi-mask", component.mask_file("ROI"), region)
    if component.strip_file:
        yield _document("strip", component.strip_file, strip_document(component))
    if not component.is_map:
        yield _document("rpc", f"RPC_{component.stem}.XML", rpc_document(component))


def _rasters(component: Component, picture: Picture) -> Iterator[DeliveredFile]:
    for group in component.mode.groups:
        for tile in component.tiles:
            yield DeliveredFile("image", component.image_file(group, tile), _raster(component, picture, group, tile))
            if component.is_map:
                world_file = _world_file(_transform(component, tile))
                yield _document("world-file", component.image_file(group, tile, "TFW"), world_file)


def _previews(component: Component, picture: Picture) -> Iterator[DeliveredFile]:
    """Pléiades Neo has no icon."""
    bands = component.mode.groups[0].bands
    names = [("preview", "PREVIEW", PREVIEW_PIXELS), ("icon", "ICON", ICON_PIXELS)]
    for kind, prefix, pixels in names[:1] if component.family.name == "pneo" else names:
        yield DeliveredFile(kind, f"{prefix}_{component.stem}.JPG", _jpeg(picture, bands, pixels))


def _document(kind: str, path: str, content: bytes) -> DeliveredFile:
    def write(target: Path) -> None:
        target.write_bytes(content)

    return DeliveredFile(kind, path, write)


def _raster(component: Component, picture: Picture, group: BandGroup, tile: Tile) -> Write:
    rows, cols = slice(tile.first_row, tile.first_row + tile.rows), slice(tile.first_col, tile.first_col + tile.cols)

    def write(target: Path) -> None:
        array = picture.stacked(group.bands)[:, rows, cols]
        if component.is_map:
            write_cog(target, array, _transform(component, tile), component.grid.crs, 0)
        else:
            write_cog(target, array, None, None, 0, gdal_rpcs(component))

    return write


def _jpeg(picture: Picture, bands: tuple[str, ...], pixels: int) -> Write:
    def write(target: Path) -> None:
        write_jpeg(target, picture.preview(bands, pixels))

    return write


def _transform(component: Component, tile: Tile) -> tuple[float, float, float, float, float, float]:
    x_size, _, left, _, y_size, top = component.grid.transform
    return x_size, 0.0, left + tile.first_col * x_size, 0.0, y_size, top + tile.first_row * y_size


def _world_file(transform: tuple[float, float, float, float, float, float]) -> bytes:
    """World files give the centre of the first pixel."""
    x_size, _, left, _, y_size, top = transform
    lines = (x_size, 0.0, 0.0, y_size, left + x_size / 2, top + y_size / 2)
    return "".join(f"{line!r}\n" for line in lines).encode("ascii")
