"""What a stereo set shows of an area, and what clouds hide of that."""

from __future__ import annotations

import pytest
from shapely import MultiPolygon, Polygon, box

from footprints import area_km2
from footprints.stereo.properties import area_properties

CLEAR = MultiPolygon()
COVERAGE, WORST, MEAN = "stereo:aoi_coverage", "stereo:aoi_cloud_cover", "stereo:aoi_cloud_cover_mean"


def test_only_land_that_all_views_show_counts() -> None:
    """Clouds over the rest of the area, or over the rest of the images, hide nothing."""
    beside = MultiPolygon([box(0, 1, 2, 2), box(2.5, 0, 4, 1)])
    told = area_properties(box(0, 0, 2, 1), box(1, 0, 3, 1), [CLEAR, beside])
    assert told == {COVERAGE: pytest.approx(0.5, abs=1e-4), WORST: 0, MEAN: 0}


def test_gaps_in_clouds_are_clear() -> None:
    """Of a cloud with a hole, the ring alone hides land; the mean is that over all views."""
    land, gap = box(0, 0, 1, 1), box(0.2, 0.2, 0.8, 0.8)
    ring = Polygon(land.exterior, [gap.exterior])
    told = area_properties(land, land, [CLEAR, ring, CLEAR])
    hidden = 100 * (1 - area_km2(gap) / area_km2(land))
    assert told == {COVERAGE: 1, WORST: pytest.approx(hidden, abs=0.01), MEAN: pytest.approx(hidden / 3, abs=0.01)}


def test_shares_never_exceed_the_whole() -> None:
    """Clouds over everything hide all of it, whatever rounding makes of the areas."""
    land = box(7.123, 43.456, 7.234, 43.567)
    told = area_properties(land, land.buffer(0.1), [land.buffer(0.05)] * 2)
    assert told == {COVERAGE: 1, WORST: 100, MEAN: 100}


def test_area_over_the_antimeridian_is_one() -> None:
    """Its parts on both sides count together: a cloud over one of them hides that part of all."""
    area = MultiPolygon([box(179, -18, 180, -17), box(-180, -18, -179, -17)])
    footprint = MultiPolygon([box(179.5, -19, 180, -16), box(-180, -19, -179.5, -16)])
    told = area_properties(area, footprint, [MultiPolygon([box(-180, -18, -179, -17)]), CLEAR])
    assert told == {COVERAGE: 0.5, WORST: 50, MEAN: 25}


@pytest.mark.parametrize("clouds", [[None, CLEAR], [None, None]])
def test_unknown_clouds_are_left_out(clouds: list[MultiPolygon | None]) -> None:
    """One view of unknown clouds is enough for the cover not to be known."""
    assert area_properties(box(0, 0, 1, 1), box(0, 0, 1, 1), clouds) == {COVERAGE: 1}


def test_sets_that_only_touch_an_area_tell_no_clouds() -> None:
    """Where nothing is shown of the area there is nothing that clouds could hide."""
    assert area_properties(box(0, 0, 1, 1), box(1, 0, 2, 1), [CLEAR, CLEAR]) == {COVERAGE: 0}
