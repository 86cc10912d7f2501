"""Footprints from raster masks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
import shapely
from pyproj import Transformer
from shapely import MultiPolygon, Polygon, box

from footprints import MaskError, area_km2, footprint_bbox, footprint_from_mask

UTM31 = 32631
TRANSFORM = (20.0, 0.0, 500_000.0, 0.0, -20.0, 5_000_000.0)
PIXEL_KM2 = 0.0004 / 0.9996**2


def disc(rows: int, columns: int, radius: float) -> npt.NDArray[np.bool_]:
    """A mask with a disc in its middle."""
    y, x = np.mgrid[:rows, :columns]
    inside: npt.NDArray[np.bool_] = (x - columns / 2) ** 2 + (y - rows / 2) ** 2 < radius**2
    return inside


def test_full_mask_is_the_outline_of_the_image() -> None:
    """All pixels true gives the rectangle from the corner of the first pixel to that of the last."""
    footprint = footprint_from_mask(np.ones((100, 300), dtype=np.bool_), TRANSFORM, UTM31)
    back = Transformer.from_crs(4326, UTM31, always_xy=True)
    outline = shapely.transform(footprint, lambda p: np.column_stack(back.transform(p[:, 0], p[:, 1])))
    assert outline.symmetric_difference(box(500_000, 4_998_000, 506_000, 5_000_000)).area < 10_000
    assert area_km2(footprint) == pytest.approx(30_000 * PIXEL_KM2, rel=1e-3)


def test_disc_keeps_its_area_with_few_vertices() -> None:
    """A staircase of pixels is thinned to within a pixel, and the area stays within 1 %."""
    mask = disc(400, 500, 150)
    footprint = footprint_from_mask(mask, TRANSFORM, UTM31)
    assert area_km2(footprint) == pytest.approx(mask.sum() * PIXEL_KM2, rel=1e-2)
    assert shapely.get_num_coordinates(footprint) < 100


def test_hole_stays_and_specks_go() -> None:
    """A hole of 2 500 pixels stays; single pixels, dark within or bright without, are left out."""
    mask = disc(400, 500, 150)
    mask[175:225, 225:275] = False
    mask[100, 250] = False
    mask[5, 5] = True
    footprint = footprint_from_mask(mask, TRANSFORM, UTM31)
    assert isinstance(footprint, Polygon)
    assert len(footprint.interiors) == 1
    assert area_km2(Polygon(footprint.interiors[0])) == pytest.approx(2500 * PIXEL_KM2, rel=2e-2)


def test_two_parts_are_two_polygons() -> None:
    """Data in two places is not bridged, and each part lies where its pixels are."""
    mask = np.zeros((100, 200), dtype=np.bool_)
    mask[10:40, 10:60] = mask[50:90, 120:180] = True
    footprint = footprint_from_mask(mask, TRANSFORM, UTM31)
    assert isinstance(footprint, MultiPolygon)
    assert sorted(area_km2(part) / PIXEL_KM2 for part in footprint.geoms) == pytest.approx([1500, 2400], rel=1e-3)


def test_small_mask_is_kept_whole() -> None:
    """A mask of less than 100 pixels is all there is, so it is no speck."""
    footprint = footprint_from_mask(np.ones((3, 3), dtype=np.bool_), TRANSFORM, UTM31)
    assert area_km2(footprint) == pytest.approx(9 * PIXEL_KM2, rel=1e-2)


def test_rotated_pixels_follow_their_transform() -> None:
    """A transform with rotation and nine numbers, as `Affine` gives them, is honoured."""
    rotated = (0.0, -20.0, 500_000.0, -20.0, 0.0, 5_000_000.0, 0.0, 0.0, 1.0)
    footprint = footprint_from_mask(np.ones((300, 100), dtype=np.bool_), rotated, UTM31)
    west, south, east, north = footprint_bbox(footprint)
    assert east == pytest.approx(3.0, abs=1e-3)
    assert (east - west) > 2 * (north - south)


def test_mask_over_the_antimeridian_is_cut() -> None:
    """Pixels in degrees that run past 180° end on both sides of it."""
    footprint = footprint_from_mask(np.ones((50, 100), dtype=np.bool_), (0.01, 0, 179.5, 0, -0.01, 10.5), 4326)
    assert footprint_bbox(footprint) == pytest.approx((179.5, 10, -179.5, 10.5))


def test_diagonal_edge_moves_by_less_than_a_pixel() -> None:
    """Every true pixel of a triangle lies within a pixel of the footprint."""
    mask = np.tri(200, dtype=np.bool_)
    footprint = footprint_from_mask(mask, (0.001, 0, 2, 0, -0.001, 48), 4326)
    centres = [(2 + (i + 0.5) * 0.001, 48 - (i + 0.5) * 0.001) for i in range(200)]
    assert footprint.distance(shapely.MultiPoint(centres)) <= 0.001
    assert max(footprint.distance(shapely.Point(centre)) for centre in centres) <= 0.0015
    assert len(list(pairwise(shapely.get_coordinates(footprint)))) < 20


@pytest.mark.parametrize(
    ("mask", "transform", "says"),
    [
        (np.zeros((5, 5), dtype=np.bool_), TRANSFORM, "No pixel"),
        (np.zeros((0, 0), dtype=np.bool_), TRANSFORM, "No pixel"),
        (np.ones((2, 5, 5), dtype=np.bool_), TRANSFORM, "3 dimensions"),
        (np.ones((5, 5), dtype=np.bool_), (1.0, 0.0, 0.0), "six"),
        (np.ones((5, 5), dtype=np.bool_), (0.0, 0.0, 0.0, 0.0, -1.0, 0.0), "without area"),
        (np.ones((5, 5), dtype=np.bool_), (float("nan"), 0.0, 0.0, 0.0, -1.0, 0.0), "six"),
    ],
)
def test_unusable_masks_are_refused(mask: npt.NDArray[np.bool_], transform: tuple[float, ...], says: str) -> None:
    """The message says whether the mask or its transform is at fault."""
    with pytest.raises(MaskError, match=says):
        footprint_from_mask(mask, transform, UTM31)
