"""Viewing directions as seen from the ground, and the angles between two of them.

All azimuths are from the target towards the satellite, clockwise from true north, 0 ≤ azimuth < 360.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from math import atan2, cos, degrees, hypot, isfinite, radians, sin, tan
from typing import Any, Protocol, TypeVar, overload

import numpy as np
import numpy.typing as npt
from pyproj import Geod

from footprints.errors import ViewingError

_WGS84 = Geod(ellps="WGS84")

Numbers = npt.NDArray[np.float64]
LinesOfSight = npt.NDArray[np.float64]  #: east, north, up along the last axis
Number = TypeVar("Number", float, Numbers)


@dataclass(frozen=True)
class ViewingDirection:
    """The direction of the satellite seen from the target.

    Raises:
        ViewingError: An angle is not a number or out of its range.
    """

    azimuth_deg: float  #: target to satellite, clockwise from true north, 0 ≤ azimuth < 360
    incidence_deg: float  #: from the vertical of the target, 0 ≤ incidence < 90
    off_nadir_deg: float | None = None  #: from the vertical of the satellite, 0 ≤ off-nadir < 90

    def __post_init__(self) -> None:
        _check_range("azimuth", self.azimuth_deg, 360)
        _check_range("incidence", self.incidence_deg, 90)
        if self.off_nadir_deg is not None:
            _check_range("off-nadir", self.off_nadir_deg, 90)


def azimuth_from_scan_axis(scan_azimuth_deg: float, incidence_along_deg: float, incidence_across_deg: float) -> float:
    """Azimuth from the target to the satellite, from the scan axis and the two components of the incidence.

    For Pléiades, whose AZIMUTH_ANGLE is the azimuth of the image line axis (about 180°); SPOT 6/7 and Pléiades Neo
    give the azimuth of the satellite itself. ``azimuth = scan - atan2(tan across, tan along)``: the form of Orfeo
    ToolBox (otbPleiadesImageMetadataInterface.cxx), reduced to 0-360 and checked against ephemerides.

    Args:
        scan_azimuth_deg: Azimuth of the scan axis, clockwise from north.
        incidence_along_deg: Signed incidence along the track, seen from the ground, -90 to 90 excluded.
        incidence_across_deg: Signed incidence across the track, same range.

    Raises:
        ViewingError: An incidence is out of range or an angle is not a number.
    """
    for name, angle in (("along-track", incidence_along_deg), ("across-track", incidence_across_deg)):
        _check_range(f"absolute {name} incidence", abs(angle), 90)
    turn = atan2(tan(radians(incidence_across_deg)), tan(radians(incidence_along_deg)))
    return azimuth_in_circle(scan_azimuth_deg - degrees(turn))


def azimuth_in_circle(azimuth_deg: float) -> float:
    """The same azimuth in 0 ≤ azimuth < 360.

    Raises:
        ViewingError: It is not a number.
    """
    if not isfinite(azimuth_deg):
        raise ViewingError(f"The azimuth is {azimuth_deg}; give a number of degrees.")
    # A tiny negative angle modulo 360 rounds to 360.0 itself.
    return azimuth_deg % 360 % 360


def azimuth_to_nadir(lon: float, lat: float, nadir_lon: float, nadir_lat: float) -> float:
    """Azimuth from a target to the sub-satellite point, along the geodesic of WGS 84.

    Args:
        lon: Longitude of the target in degrees.
        lat: Latitude of the target in degrees.
        nadir_lon: Longitude of the sub-satellite point in degrees.
        nadir_lat: Latitude of the sub-satellite point in degrees.

    Raises:
        ViewingError: The points coincide or are not on the Earth.
    """
    if not all(isfinite(value) for value in (lon, lat, nadir_lon, nadir_lat)) or max(abs(lat), abs(nadir_lat)) > 90:
        raise ViewingError(f"Positions ({lon}, {lat}) and ({nadir_lon}, {nadir_lat}) must be degrees on the Earth.")
    azimuth, _, distance_m = _WGS84.inv(lon, lat, nadir_lon, nadir_lat)
    if distance_m == 0:
        raise ViewingError(f"The satellite is right above ({lon}, {lat}): no azimuth is defined there.")
    return azimuth_in_circle(float(azimuth))


def mean_azimuth(azimuths_deg: Iterable[float]) -> float:
    """Mean of azimuths taken as unit vectors, so that 350° and 10° give 0°.

    Args:
        azimuths_deg: Azimuths in degrees, in any range.

    Raises:
        ViewingError: There is none, one is not a number, or they cancel each other.
    """
    angles = [radians(azimuth) for azimuth in azimuths_deg]
    east, north = sum(map(_sine, angles)), sum(map(_cosine, angles))
    if not hypot(east, north) > 1e-9 * len(angles):
        raise ViewingError("Azimuths that are absent, not numbers or opposite to each other have no mean.")
    return azimuth_in_circle(degrees(atan2(east, north)))


def lines_of_sight(azimuth_deg: npt.ArrayLike, incidence_deg: npt.ArrayLike) -> LinesOfSight:
    """Unit vectors from the target to the satellite: east, north, up along a new last axis.

    Args:
        azimuth_deg: Target to satellite, clockwise from true north; NaN where it is unknown.
        incidence_deg: From the vertical of the target, 0 ≤ incidence < 90; NaN where it is unknown.
    """
    azimuth, incidence = np.radians(azimuth_deg), np.radians(incidence_deg)
    across, up = np.sin(incidence), np.cos(incidence) + 0 * azimuth
    return np.stack([np.sin(azimuth) * across, np.cos(azimuth) * across, up], axis=-1)


def unit_line_of_sight(view: ViewingDirection) -> LinesOfSight:
    """Unit vector from the target to the satellite: east, north, up."""
    return lines_of_sight(view.azimuth_deg, view.incidence_deg)


class QuantityOfTwoViews(Protocol):
    """A number for two viewing directions, or an array of numbers for two arrays of lines of sight."""

    @overload
    def __call__(self, a: ViewingDirection, b: ViewingDirection, /) -> float: ...
    @overload
    def __call__(self, a: LinesOfSight, b: LinesOfSight, /) -> Numbers: ...


def quantity_of_two_views(formula: Callable[[LinesOfSight, LinesOfSight], Numbers]) -> QuantityOfTwoViews:
    """Make a formula over arrays of lines of sight also accept two single viewing directions."""

    @wraps(formula)
    def quantity(a: Any, b: Any, /) -> Any:
        if isinstance(a, ViewingDirection):
            return float(formula(unit_line_of_sight(a), unit_line_of_sight(b)))
        return formula(a, b)

    return quantity


@quantity_of_two_views
def convergence_angle_deg(a: LinesOfSight, b: LinesOfSight) -> Numbers:
    """Angle between two lines of sight to the same target, in degrees, 0 to 180 (Jeong & Kim 2016, equation 1).

    Args:
        a: One view, or many.
        b: The other; the order does not matter.
    """
    # The arc cosine of the dot product loses half its digits for the small angles of a tri-stereo.
    return np.degrees(np.arctan2(norm_of(np.cross(a, b)), dot_product(a, b)))


def base_to_height(convergence_deg: Number) -> Number:
    """Base-to-height ratio of two views symmetric about the vertical: ``2 tan(convergence / 2)``; 30° gives 0.536.

    Args:
        convergence_deg: Angle between the two lines of sight, 0 ≤ angle < 180; NaN in an array stays NaN.

    Raises:
        ViewingError: The angle is out of range.
    """
    check_each("convergence", convergence_deg, 180)
    return as_given(2 * np.tan(np.radians(convergence_deg) / 2), convergence_deg)


def dot_product(a: LinesOfSight, b: LinesOfSight) -> Numbers:
    """Scalar products along the last axis."""
    product: Numbers = np.einsum("...i,...i->...", a, b)
    return product


def norm_of(vectors: LinesOfSight) -> Numbers:
    """Lengths of vectors along the last axis."""
    return np.sqrt(dot_product(vectors, vectors))


def as_given(values: Any, given: Number) -> Number:
    """The values as a float if a single number was given, else as an array."""
    result: Number = values if isinstance(given, np.ndarray) else float(values)
    return result


def check_each(name: str, angles_deg: npt.ArrayLike, end_deg: float) -> None:
    """Refuse an angle outside 0 ≤ angle < end; NaN means unknown in an array, but is refused alone.

    Raises:
        ViewingError: An angle is out of range.
    """
    angles = np.atleast_1d(np.asarray(angles_deg, dtype=np.float64))
    wrong = angles[~((angles >= 0) & (angles < end_deg)) & (~np.isnan(angles) | (np.ndim(angles_deg) == 0))]
    if wrong.size:
        _check_range(name, float(wrong[0]), end_deg)


def _check_range(name: str, angle_deg: float, end_deg: float) -> None:
    if not 0 <= angle_deg < end_deg:
        raise ViewingError(f"The {name} is {angle_deg}; give degrees from 0 to below {end_deg}.")


def _sine(angle: float) -> float:
    return sin(angle) if isfinite(angle) else float("nan")


def _cosine(angle: float) -> float:
    return cos(angle) if isfinite(angle) else float("nan")
