"""Footprints from raster masks that are already in memory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LinearRing, MultiPolygon, Polygon
from shapely.affinity import affine_transform
from shapely.geometry.base import BaseGeometry

from footprints.errors import MaskError
from footprints.polygon import footprint_from_rings
from footprints.wrapping import Region, polygon_parts

_SPECK_PIXELS = 100


def footprint_from_mask(mask: npt.NDArray[np.bool_], transform: Sequence[float], crs: str | int) -> Region:
    """Footprint of the true pixels of a mask, simplified by a pixel; specks and holes below 100 pixels are left out.

    The cost grows with the number of runs of true pixels: read the mask on an overview.

    Args:
        mask: Rows by columns; true where the image has data.
        transform: Six numbers a, b, c, d, e, f (more are ignored) in the order of `Affine`:
            x = a·column + b·row + c, y = d·column + e·row + f, with the origin at the corner of the first pixel.
        crs: Reference system of x and y, as in `footprint_from_rings`.

    Raises:
        FootprintError: The mask has no true pixel or not two dimensions, or the transform is not usable.
    """
    a, b, c, d, e, f = _six_numbers(transform)
    boxes = _run_boxes(_checked_mask(mask))
    pixels = shapely.simplify(_without_specks(shapely.unary_union(boxes)), 1.0)
    ground = affine_transform(pixels, [a, b, d, e, c, f])
    return footprint_from_rings(_members(ground), crs)


def _without_specks(pixels: BaseGeometry) -> BaseGeometry:
    parts = polygon_parts(pixels)
    largest = max(part.area for part in parts)
    kept = [part for part in parts if part.area >= min(_SPECK_PIXELS, largest)]
    return MultiPolygon([Polygon(part.exterior, [h for h in part.interiors if not _is_speck(h)]) for part in kept])


def _is_speck(ring: LinearRing) -> bool:
    return bool(Polygon(ring).area < _SPECK_PIXELS)


def _members(geometry: BaseGeometry) -> list[tuple[list[list[float]], list[list[list[float]]]]]:
    return [
        (shapely.get_coordinates(part.exterior).tolist(), [shapely.get_coordinates(h).tolist() for h in part.interiors])
        for part in polygon_parts(geometry)
    ]


def _checked_mask(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    flags = np.asarray(mask, dtype=np.bool_)
    if flags.ndim != 2:
        raise MaskError(f"It has {flags.ndim} dimensions; give one band of rows and columns.")
    if not flags.any():
        raise MaskError("No pixel is true: the image has no data, or its no-data value is wrong.")
    return flags


def _six_numbers(transform: Sequence[float]) -> list[float]:
    numbers = [float(number) for number in tuple(transform)[:6]]
    if len(numbers) != 6 or not np.isfinite(numbers).all():
        raise MaskError(f"The transform must be six finite numbers, not {numbers}.")
    if numbers[0] * numbers[4] == numbers[1] * numbers[3]:
        raise MaskError(f"The transform {numbers} gives pixels without area.")
    return numbers


def _run_boxes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.object_]:
    """One box for each run of true pixels in a band of equal rows, in columns and rows."""
    new_band = np.flatnonzero(np.any(mask[1:] != mask[:-1], axis=1)) + 1
    tops = np.concatenate([[0], new_band])
    bottoms = np.append(new_band, len(mask))
    edges = np.diff(np.pad(mask[tops], ((0, 0), (1, 1))).astype(np.int8), axis=1)
    band, left = np.nonzero(edges == 1)
    right = np.nonzero(edges == -1)[1]
    boxes: npt.NDArray[np.object_] = shapely.box(left, tops[band], right, bottoms[band])
    return boxes
