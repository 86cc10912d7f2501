"""The quantities of stereo, against published numbers and their own laws."""

from __future__ import annotations

import json
from math import asin, atan, cos, degrees, hypot, nan, radians, sin, sqrt, tan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprints import (
    AzimuthConvention,
    DirectionSource,
    ViewingDirection,
    ViewingError,
    asymmetry_deg,
    base_to_height,
    bisector_elevation_deg,
    convergence_angle_deg,
    flight_time_convergence_deg,
    lines_of_sight,
    normalised_direction,
    orbit_altitude_km,
    parallax_to_height,
    roll_deg,
    slant_range_km,
)

QUICK = settings(max_examples=100, deadline=None)
VIEWS = st.builds(ViewingDirection, st.floats(0, 360, exclude_max=True), st.floats(0, 60))
QUANTITIES = [convergence_angle_deg, parallax_to_height, bisector_elevation_deg, asymmetry_deg, roll_deg]


def viewing_of(scene: dict[str, Any]) -> ViewingDirection:
    """The direction of a published scene, which always has enough angles."""
    names = ("azimuth_deg", "incidence_deg", "along_deg", "across_deg", "scan_azimuth_deg")
    angles: dict[str, Any] = {name: scene.get(name) for name in names}
    direction = normalised_direction(**angles)
    assert direction.azimuth_deg is not None
    assert direction.incidence_deg is not None
    return ViewingDirection(direction.azimuth_deg, direction.incidence_deg)


def quantities_of(a: ViewingDirection, b: ViewingDirection) -> dict[str, float]:
    """Under the names of the published cases."""
    return {
        "convergence_deg": convergence_angle_deg(a, b),
        "bh": base_to_height(convergence_angle_deg(a, b)),
        "bh_exact": parallax_to_height(a, b),
        "bie_deg": bisector_elevation_deg(a, b),
        "asymmetry_deg": asymmetry_deg(a, b),
    }


def test_published_numbers_are_met_within_their_tolerance(samples: Path) -> None:
    """Every published angle and ratio of every case is computed from its scenes."""
    cases = json.loads((samples / "stereo" / "published_cases.json").read_text())["cases"]
    compared = 0
    for case in cases:
        scenes = {scene["id"]: viewing_of(scene) for scene in case["scenes"]}
        for pair in case["published"]["pairs"]:
            computed = quantities_of(*(scenes[name] for name in pair["ids"]))
            for name, tolerance in case["tolerance"].items():
                if name in pair:
                    assert computed[name] == pytest.approx(pair[name], abs=tolerance), (case["case"], pair["ids"], name)
                    compared += 1
    assert compared > 60


@QUICK
@given(VIEWS, VIEWS)
def test_quantities_do_not_depend_on_the_order_of_views(a: ViewingDirection, b: ViewingDirection) -> None:
    """Forward and backward may change places."""
    for quantity in QUANTITIES:
        assert quantity(a, b) == pytest.approx(quantity(b, a), nan_ok=True, abs=1e-6)


@QUICK
@given(st.lists(st.tuples(VIEWS, VIEWS), min_size=1, max_size=5))
def test_arrays_give_what_single_views_give(pairs: list[tuple[ViewingDirection, ViewingDirection]]) -> None:
    """There is one implementation."""
    first, second = (
        lines_of_sight([pair[end].azimuth_deg for pair in pairs], [pair[end].incidence_deg for pair in pairs])
        for end in range(2)
    )
    for quantity in QUANTITIES:
        single = [quantity(a, b) for a, b in pairs]
        assert all(type(value) is float for value in single)
        np.testing.assert_array_equal(quantity(first, second), single)


@QUICK
@given(VIEWS, VIEWS, st.floats(0, 360))
def test_quantities_do_not_depend_on_where_north_is(a: ViewingDirection, b: ViewingDirection, turn: float) -> None:
    """Turning both azimuths alike changes nothing."""
    turned = [ViewingDirection((v.azimuth_deg + turn) % 360 % 360, v.incidence_deg) for v in (a, b)]
    for quantity in (convergence_angle_deg, parallax_to_height, bisector_elevation_deg):
        assert quantity(*turned) == pytest.approx(quantity(a, b), abs=1e-6)


@QUICK
@given(VIEWS, VIEWS)
def test_bisector_stays_between_the_views_and_the_vertical(a: ViewingDirection, b: ViewingDirection) -> None:
    """It is never lower than the lower line of sight, and asymmetry and roll together lower it."""
    elevation = bisector_elevation_deg(a, b)
    assert 90 - max(a.incidence_deg, b.incidence_deg) - 1e-6 <= elevation <= 90 + 1e-6
    if convergence_angle_deg(a, b) > 0.01:
        product = cos(radians(asymmetry_deg(a, b))) * cos(radians(roll_deg(a, b)))
        assert sin(radians(elevation)) == pytest.approx(product, abs=1e-6)


def test_exact_ratio_of_views_in_one_vertical_plane_is_the_difference_of_tangents() -> None:
    """Its known special case (Becker 2015)."""
    pair = ViewingDirection(200, 25), ViewingDirection(200, 5)
    assert parallax_to_height(*pair) == pytest.approx(tan(radians(25)) - tan(radians(5)))
    assert roll_deg(*pair) == pytest.approx(0, abs=1e-9)
    assert asymmetry_deg(*pair) == pytest.approx(15)


def test_same_direction_twice_spans_no_epipolar_plane() -> None:
    """What depends on the plane is then not a number, without a warning."""
    view = ViewingDirection(10, 20)
    assert np.isnan([asymmetry_deg(view, view), roll_deg(view, view)]).all()


def test_unknown_direction_in_an_array_stays_unknown() -> None:
    """A missing azimuth spoils its own row only."""
    angles = convergence_angle_deg(lines_of_sight([0, nan], [10, 10]), lines_of_sight([180, 180], [10, 10]))
    assert angles == pytest.approx([20, nan], nan_ok=True)
    assert base_to_height(angles) == pytest.approx([2 * tan(radians(10)), nan], nan_ok=True)


@pytest.mark.parametrize("angles", [np.array([10.0, 200.0]), np.array([-1.0]), np.array([np.inf])])
def test_ratio_of_an_impossible_angle_is_refused_in_arrays_too(angles: np.ndarray[Any, Any]) -> None:
    """One wrong row is an error, as it is alone."""
    with pytest.raises(ViewingError, match="convergence"):
        base_to_height(angles)


def test_slant_range_at_nadir_is_the_altitude() -> None:
    """And it grows to the side."""
    assert slant_range_km(0.0, 694.0) == pytest.approx(694)
    assert slant_range_km(30.0, 694.0) == pytest.approx(788.6, abs=0.1)


def test_flight_time_agrees_with_the_angles_of_a_genuine_pair(samples: Path) -> None:
    """33 s of Pléiades Neo make 21.7°, within 2 %."""
    case = json.loads((samples / "stereo" / "published_cases.json").read_text())["cases"][2]
    first, second = (viewing_of(scene) for scene in case["scenes"])
    by_time = flight_time_convergence_deg(33.02, first.incidence_deg, second.incidence_deg, 630.0)
    assert by_time == pytest.approx(convergence_angle_deg(first, second), rel=0.02)


def test_flight_time_of_equal_incidences_is_the_textbook_formula() -> None:
    """Twice the arc sine of half the path over the slant range."""
    speed_km_s = sqrt(398_600.4418 / (6378.137 + 694))
    expected = degrees(2 * asin(speed_km_s * 30 / (2 * slant_range_km(20.0, 694.0))))
    assert flight_time_convergence_deg(30.0, 20.0, 20.0, 694.0) == pytest.approx(expected)


def test_flight_time_beyond_the_slant_range_is_half_a_turn() -> None:
    """Ten minutes are no pair, and no error either."""
    assert flight_time_convergence_deg(600.0, 0.0, 0.0, 694.0) == 180


@pytest.mark.parametrize(
    ("platform", "altitude_km"),
    [("PHR1A", 694), ("pleiades-1b", 694), ("Pléiades Neo 4", 620), ("PNEO3", 620), ("WV02", 770), ("unheard-of", 694)],
)
def test_altitude_is_that_of_the_orbit_in_any_spelling(platform: str, altitude_km: float) -> None:
    """Catalogues write one satellite in many ways."""
    assert orbit_altitude_km(platform) == altitude_km


@pytest.mark.parametrize(
    ("angles", "azimuth_deg", "source"),
    [
        ({"azimuth_deg": 350.0}, 350, DirectionSource.GIVEN),
        ({"azimuth_deg": 350.0, "convention": AzimuthConvention.SATELLITE_TO_GROUND}, 170, DirectionSource.GIVEN),
        ({"scan_azimuth_deg": 190.0, "along_deg": -10, "across_deg": 0}, 10, DirectionSource.COMPONENTS),
        (
            {"azimuth_deg": 190.0, "convention": AzimuthConvention.SCAN_AXIS, "along_deg": -10, "across_deg": 0},
            10,
            DirectionSource.COMPONENTS,
        ),
        ({"along_deg": 10, "across_deg": 0}, 180, DirectionSource.ASSUMED_SCAN_AXIS),
        ({"azimuth_deg": 180.0, "convention": AzimuthConvention.SCAN_AXIS}, None, DirectionSource.FLIGHT_TIME),
        ({}, None, DirectionSource.FLIGHT_TIME),
    ],
)
def test_direction_says_how_it_was_obtained(
    angles: dict[str, Any], azimuth_deg: float | None, source: DirectionSource
) -> None:
    """Given, from components, from an assumed scan axis, or not at all."""
    direction = normalised_direction(incidence_deg=10.0, **angles)
    assert direction.azimuth_deg == (None if azimuth_deg is None else pytest.approx(azimuth_deg))
    assert (direction.incidence_deg, direction.source) == (10.0, source)


def test_incidence_comes_from_the_components_when_it_is_absent() -> None:
    """The squares of their tangents add up."""
    direction = normalised_direction(along_deg=10, across_deg=-20)
    assert direction.incidence_deg == pytest.approx(degrees(atan(hypot(tan(radians(10)), tan(radians(20))))))


def test_raw_scan_axes_would_hide_a_real_pair() -> None:
    """The azimuth trap: the genuine 20° of a Pléiades pair shrink below 3° when scan axes are taken as azimuths."""
    angles: list[dict[str, Any]] = [{"along_deg": -9.4, "across_deg": -7.0}, {"along_deg": 10.6, "across_deg": -8.5}]
    right = [normalised_direction(scan_azimuth_deg=180.0, **each) for each in angles]
    wrong = [ViewingDirection(180, d.incidence_deg or nan) for d in right]
    assert convergence_angle_deg(*(ViewingDirection(d.azimuth_deg or nan, d.incidence_deg or nan) for d in right)) > 19
    assert convergence_angle_deg(*wrong) < 3
