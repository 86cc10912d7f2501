"""What a stereo search may ask for, and what that widens."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from stac_api.stereo.request import STORED, StereoSearch

AREA = [7.0, 43.6, 7.4, 43.9]


def asked(**terms: Any) -> StereoSearch:
    """A search as it is posted."""
    return StereoSearch.model_validate(terms)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"bbox": AREA, "intersects": {"type": "Point", "coordinates": [7, 43]}}, "bbox or intersects, not both"),
        ({"cover": True}, "cover needs bbox or intersects"),
        ({"aoi_coverage": 0}, "aoi_coverage needs bbox or intersects"),
        ({"aoi_cloud": [0, 5]}, "aoi_cloud needs bbox or intersects"),
        ({"cover": True, "bbox": AREA, "token": "x"}, "the answer of cover is one page"),
        ({"preset": "cars", "mode": ["multi-view"]}, "a preset is about stereo and tri-stereo"),
        ({"max_days": 3}, "max_days goes with multi_date"),
        ({"max_sun_difference": 0}, "max_sun_difference goes with multi_date"),
        ({"multi_date": True, "mode": ["stereo", "tri-stereo"]}, "multi_date finds pairs only"),
        ({"multi_date": True, "time_span": [0, 9]}, "max_days, not with time_span"),
    ],
    ids=str,
)
def test_terms_that_do_not_go_together_are_refused_with_the_reason(terms: dict[str, Any], reason: str) -> None:
    """Neither is passed over for the other."""
    with pytest.raises(ValidationError, match=reason):
        asked(**terms)


@pytest.mark.parametrize(
    ("name", "highest"),
    [
        ("convergence", 180),
        ("base_to_height", 100),
        ("bie", 90),
        ("asymmetry", 90),
        ("overlap", 1),
        ("time_span", 1800),
        ("cloud", 100),
        ("aoi_cloud", 100),
    ],
)
def test_ranges_reach_as_far_as_is_possible(name: str, highest: float) -> None:
    """From nothing to the highest possible value, and not beyond."""
    assert getattr(asked(bbox=AREA, **{name: [0, highest]}), name) == (0, highest)
    for beyond in ([-0.01, highest], [0, highest + 0.01]):
        with pytest.raises(ValidationError, match=rf"{name} lies between 0 and {highest}"):
            asked(bbox=AREA, **{name: beyond})


def test_small_angles_are_wanted_between_neighbours_too() -> None:
    """The views of a triplet stand closer to their neighbours than the outer ones to each other."""
    limits = asked(convergence=[1, None]).limits
    assert (limits.min_convergence_deg, limits.min_consecutive_deg) == (1, 1)


def test_wide_angles_are_those_of_the_kinds_that_are_wanted() -> None:
    """The angle of a pair, and the outer one of a triplet."""
    pairs, triplets = (asked(convergence=[None, 100], mode=[mode]).limits for mode in ("stereo", "tri-stereo"))
    assert (pairs.max_convergence_deg, pairs.max_outer_deg) == (100, STORED.max_outer_deg)
    assert (triplets.max_convergence_deg, triplets.max_outer_deg) == (STORED.max_convergence_deg, 100)


@pytest.mark.parametrize("terms", [{"mode": ["multi-view"]}, {"bbox": AREA, "aoi_coverage": 0}, {"multi_date": True}])
def test_what_no_stored_set_tells_is_computed(terms: dict[str, Any]) -> None:
    """Other kinds of sets, the share of an area however small, and other dates; all else is looked up."""
    assert asked(bbox=AREA, convergence=[10, 30], cloud=[0, 5], preset="cars").is_answered_by_stored_sets
    assert not asked(**terms).is_answered_by_stored_sets


def test_dates_are_a_month_apart_unless_said_otherwise() -> None:
    """Views of other passes are looked for so far away."""
    assert asked(multi_date=True).reach_s == 30 * 86400
    assert asked(multi_date=True, max_days=0.5).reach_s == 43200


def test_sun_is_to_stand_alike_in_both_angles() -> None:
    """Its azimuth and its elevation differ by no more than is allowed."""
    assert asked(multi_date=True, max_sun_difference=0).condition() == {
        "op": "and",
        "args": [
            {"op": "<=", "args": [{"property": f"stereo:sun_{angle}_difference"}, 0]}
            for angle in ("azimuth", "elevation")
        ],
    }
