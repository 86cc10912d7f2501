"""Viewing directions and the angles between them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from footprints import (
    ViewingDirection,
    ViewingError,
    azimuth_from_scan_axis,
    azimuth_to_nadir,
    base_to_height,
    convergence_angle_deg,
    mean_azimuth,
    unit_line_of_sight,
)

QUICK = settings(max_examples=100, deadline=None)
VIEWS = st.builds(ViewingDirection, st.floats(0, 360, exclude_max=True), st.floats(0, 60))
ANGLES = st.floats(-1e3, 1e3)


def turned(a: float, b: float) -> float:
    """The smallest angle between two azimuths."""
    return abs((a - b + 180) % 360 - 180)


@QUICK
@given(VIEWS, VIEWS)
def test_convergence_is_symmetric_and_at_most_the_sum_of_incidences(a: ViewingDirection, b: ViewingDirection) -> None:
    """Two lines of sight are never further apart than over the vertical."""
    angle = convergence_angle_deg(a, b)
    assert angle == pytest.approx(convergence_angle_deg(b, a))
    assert abs(a.incidence_deg - b.incidence_deg) - 1e-9 <= angle <= a.incidence_deg + b.incidence_deg + 1e-9


@QUICK
@given(VIEWS)
def test_line_of_sight_is_a_unit_vector_that_points_up(view: ViewingDirection) -> None:
    """The satellite is above the horizon."""
    sight = unit_line_of_sight(view)
    assert np.linalg.norm(sight) == pytest.approx(1)
    assert sight[2] > 0
    assert convergence_angle_deg(view, view) == pytest.approx(0, abs=1e-6)


def test_line_of_sight_is_east_north_up() -> None:
    """A satellite in the east at 30° from the vertical stands half a unit to the east."""
    assert unit_line_of_sight(ViewingDirection(90, 30)) == pytest.approx([0.5, 0, 0.8660254])


def test_fifteen_degrees_fore_and_aft_converge_by_thirty() -> None:
    """The known value of the trade: 30° and a base-to-height ratio of 0.536."""
    angle = convergence_angle_deg(ViewingDirection(10, 15), ViewingDirection(190, 15))
    assert angle == pytest.approx(30)
    assert base_to_height(angle) == pytest.approx(0.536, abs=5e-4)


def test_small_convergence_keeps_its_digits() -> None:
    """Views a ten-thousandth of a degree apart are told apart."""
    angle = convergence_angle_deg(ViewingDirection(0, 10), ViewingDirection(0, 10.0001))
    assert angle == pytest.approx(1e-4, rel=1e-6)


@QUICK
@given(ANGLES, st.floats(-60, 60), st.floats(-60, 60))
def test_azimuth_from_the_scan_axis_is_in_the_circle(scan: float, along: float, across: float) -> None:
    """No combination of signs leaves 0 ≤ azimuth < 360, and turning the axis turns the azimuth."""
    azimuth = azimuth_from_scan_axis(scan, along, across)
    assert 0 <= azimuth < 360
    assert turned(azimuth_from_scan_axis(scan + 40, along, across), azimuth) == pytest.approx(40, abs=1e-6)


def test_tiny_negative_azimuth_is_zero() -> None:
    """Modulo 360 a tiny negative angle rounds to 360 itself, which is out of range."""
    assert azimuth_from_scan_axis(-1e-20, 10, 0) == 0


def test_satellite_across_a_southward_scan() -> None:
    """On a 180° scan a negative across-track incidence is a satellite in the west."""
    assert azimuth_from_scan_axis(180, 0, -20) == pytest.approx(270)
    assert azimuth_from_scan_axis(180, 0, 20) == pytest.approx(90)


@pytest.mark.parametrize(("along", "across"), [(90.0, 0.0), (0.0, -95.0), (float("nan"), 0.0)])
def test_incidences_below_the_horizon_are_refused(along: float, across: float) -> None:
    """A component of 90° or more has no tangent to go by."""
    with pytest.raises(ViewingError, match="incidence"):
        azimuth_from_scan_axis(180, along, across)


def test_scan_axis_that_is_no_number_is_refused() -> None:
    """A missing azimuth does not become a silent NaN."""
    with pytest.raises(ViewingError, match="azimuth"):
        azimuth_from_scan_axis(float("nan"), 1, 1)


def test_azimuth_to_the_nadir_point_follows_the_geodesic() -> None:
    """North, east on the equator, and east over the antimeridian."""
    assert azimuth_to_nadir(2, 40, 2, 45) == pytest.approx(0)
    assert azimuth_to_nadir(2, 0, 5, 0) == pytest.approx(90)
    assert azimuth_to_nadir(179.5, 0, -179.5, 0) == pytest.approx(90)
    assert azimuth_to_nadir(2, 45, 1, 45) == pytest.approx(270.35, abs=0.01)


@pytest.mark.parametrize("nadir", [(2.0, 45.0), (2.0, 95.0), (float("nan"), 0.0)])
def test_nadir_without_azimuth_is_refused(nadir: tuple[float, float]) -> None:
    """Right below the satellite and off the Earth there is no azimuth."""
    with pytest.raises(ViewingError):
        azimuth_to_nadir(2, 45, *nadir)


def test_azimuths_are_averaged_as_vectors() -> None:
    """Across north the mean is north, not south."""
    assert turned(mean_azimuth([350, 10]), 0) < 1e-9
    assert mean_azimuth([80, 100, 90]) == pytest.approx(90)


@QUICK
@given(st.floats(0, 360), st.floats(0, 80))
def test_mean_lies_halfway(centre: float, spread: float) -> None:
    """Two azimuths either side of a direction have that direction as mean."""
    assert turned(mean_azimuth([centre - spread, centre + spread]), centre) < 1e-6


@pytest.mark.parametrize("azimuths", [[], [0, 180], [float("nan")], [float("inf"), 1]])
def test_azimuths_without_mean_are_refused(azimuths: list[float]) -> None:
    """None, opposite ones, and what is no number."""
    with pytest.raises(ViewingError, match="no mean"):
        mean_azimuth(azimuths)


@pytest.mark.parametrize(
    ("azimuth", "incidence", "off_nadir", "says"),
    [
        (360.0, 10.0, None, "azimuth"),
        (-1.0, 10.0, None, "azimuth"),
        (float("nan"), 10.0, None, "azimuth"),
        (10.0, 90.0, None, "incidence"),
        (10.0, -1.0, None, "incidence"),
        (10.0, 10.0, -0.1, "off-nadir"),
        (10.0, 10.0, 90.0, "off-nadir"),
    ],
)
def test_views_out_of_range_are_refused(azimuth: float, incidence: float, off_nadir: float | None, says: str) -> None:
    """The message names the angle that is wrong."""
    with pytest.raises(ViewingError, match=says):
        ViewingDirection(azimuth, incidence, off_nadir)


@pytest.mark.parametrize("convergence", [-1.0, 180.0, float("nan")])
def test_convergence_out_of_range_has_no_ratio(convergence: float) -> None:
    """Opposite lines of sight have no finite base-to-height ratio."""
    with pytest.raises(ViewingError, match="convergence"):
        base_to_height(convergence)
