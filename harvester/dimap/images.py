"""The image files of a product: which bands and tile each holds, and where its pixels are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from harvester.dimap.bands import described_bands, indexed_bands
from harvester.dimap.delivery import Delivery
from harvester.dimap.document import DimapDocument
from harvester.dimap.grid import Grid
from harvester.dimap.links import image_href
from harvester.errors import UnreadableScene
from harvester.record import Band, ImageFile
from harvester.sensors import Sensor

_FILES = "Raster_Data/Data_Access/Data_Files"
_GROUP = re.compile(r"_([A-Za-z]+)(?:_R[0-9]+C[0-9]+)?\.[A-Za-z0-9]+$")


def image_files(
    delivery: Delivery, sensor: Sensor, grid: Grid, spectral: str, radiometry: str | None
) -> tuple[ImageFile, ...]:
    """The image files of a DIMAP 2 product that exist, tile by tile within each group of bands.

    Raises:
        UnreadableScene: When the product names no image, its bands do not match their count, or a tile has no place.
    """
    groups = delivery.document.sections(_FILES)
    names = _band_names(delivery.document, groups, sensor, spectral)
    images: list[ImageFile] = []
    for group, bands_of_group in zip(groups, names, strict=True):
        bands = described_bands(delivery.document, sensor, bands_of_group, radiometry)
        images.extend(_group_images(delivery, group, grid, bands, is_one_of_many=len(groups) > 1))
    return tuple(images)


def whole_image(delivery: Delivery, href: str, grid: Grid, bands: tuple[Band, ...]) -> ImageFile:
    """The image file that holds a whole product."""
    return ImageFile(
        path=delivery.path_of(href),
        bands=bands,
        media_type=delivery.media_type_of(href),
        shape=grid.shape,
        transform=grid.transform,
        size_bytes=delivery.size_of(href),
    )


def _band_names(
    document: DimapDocument, groups: list[DimapDocument], sensor: Sensor, spectral: str
) -> list[tuple[str, ...]]:
    """Vendor names of the bands of each group, in the order of the pixels; a Raster_Index in the file wins."""
    if not groups:
        raise document.problem(_FILES, "is missing; the product names no image")
    names = [indexed_bands(group) for group in groups]
    if not all(names):
        if len(groups) > 1:
            raise document.problem(_FILES, "spreads the bands over several groups without a Raster_Index in each")
        names = [_bands_of_mode(document, sensor, spectral)]
    count = document.required_integer("Raster_Data/Raster_Dimensions/NBANDS", 1, 1000)
    found = sum(map(len, names))
    if found != count:
        raise document.problem("Raster_Data/Raster_Dimensions/NBANDS", f"= {count}, but {spectral} has {found} bands")
    return names


def _bands_of_mode(document: DimapDocument, sensor: Sensor, spectral: str) -> tuple[str, ...]:
    try:
        return sensor.bands_in_pixels(spectral)
    except UnreadableScene as error:
        path = "Processing_Information/Product_Settings/SPECTRAL_PROCESSING"
        raise document.problem(path, f": {error}") from error


def _group_images(
    delivery: Delivery, group: DimapDocument, grid: Grid, bands: tuple[Band, ...], *, is_one_of_many: bool
) -> Iterator[ImageFile]:
    files = group.sections("Data_File")
    if not files:
        raise group.problem("Data_File", "is missing; the product names no image")
    if len(set(map(_tile_position, files))) < len(files):
        raise group.problem("Data_File@tile_R", "and @tile_C do not number the tiles: two files would be in one place")
    is_tiled = len(files) > 1
    for file in sorted(files, key=_tile_position):
        href = image_href(file)
        if delivery.exists(href):
            row, column = _tile_position(file)
            yield ImageFile(
                path=delivery.path_of(href),
                bands=bands,
                media_type=delivery.media_type_of(href),
                tile=f"r{row}c{column}" if is_tiled else None,
                group=_group_name(href, bands) if is_one_of_many else None,
                shape=grid.shape_of_tile(row, column) if is_tiled else grid.shape,
                transform=grid.transform_of_tile(row, column) if is_tiled else grid.transform,
                size_bytes=delivery.size_of(href),
            )


def _tile_position(file: DimapDocument) -> tuple[int, int]:
    row, column = (file.attribute_integer("", name, 1, 100_000) for name in ("tile_R", "tile_C"))
    return row or 1, column or 1


def _group_name(href: str, bands: tuple[Band, ...]) -> str:
    # The vendor's own token (RGB, NED); there are others, so none are enumerated.
    found = _GROUP.search(href)
    return (found[1] if found else "-".join(band.name for band in bands)).lower()
