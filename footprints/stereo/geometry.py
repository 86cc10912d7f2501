"""Quantities of stereo geometry, from two lines of sight to one place and the time between them.

Formulas of two views take two `ViewingDirection` and give a float, or two arrays of lines of sight (see
`lines_of_sight`) and give an array; those of numbers take floats or arrays. Both share one implementation.
"""

from __future__ import annotations

import numpy as np

from footprints.viewing import (
    LinesOfSight,
    Number,
    Numbers,
    as_given,
    dot_product,
    norm_of,
    quantity_of_two_views,
)

EARTH_RADIUS_KM = 6371.0
_EQUATORIAL_RADIUS_KM = 6378.137
_GM_KM3_S2 = 398_600.4418
_DEFAULT_ALTITUDE_KM = 694.0

# Orbit altitudes as published by the manufacturers, by the beginning of the platform's name.
_ALTITUDES_KM = {
    "phr": 694.0,
    "pleiadesneo": 620.0,
    "pleiades": 694.0,
    "pneo": 620.0,
    "spot5": 832.0,
    "spot": 694.0,
    "worldview1": 496.0,
    "worldview2": 770.0,
    "worldview3": 617.0,
    "wv01": 496.0,
    "wv02": 770.0,
    "wv03": 617.0,
}


def orbit_altitude_km(platform: str) -> float:
    """Nominal altitude of a platform's orbit in kilometres; 694, as of Pléiades and SPOT 6/7, if it is unknown.

    Args:
        platform: In any spelling: PHR1A, pleiades-1a, "Pléiades Neo 3".
    """
    name = "".join(letter for letter in platform.casefold().replace("é", "e") if letter.isalnum())
    known = [start for start in _ALTITUDES_KM if name.startswith(start)]
    return _ALTITUDES_KM[max(known, key=len)] if known else _DEFAULT_ALTITUDE_KM


@quantity_of_two_views
def parallax_to_height(a: LinesOfSight, b: LinesOfSight) -> Numbers:
    """Exact base-to-height ratio: metres of parallax on the ground per metre of height (Becker 2015).

    It equals `base_to_height` if the views are symmetric about the vertical, and is larger if they lean.
    """
    difference = a[..., :2] / a[..., 2:] - b[..., :2] / b[..., 2:]
    return np.asarray(norm_of(difference))


@quantity_of_two_views
def bisector_elevation_deg(a: LinesOfSight, b: LinesOfSight) -> Numbers:
    """Elevation of the bisector of both lines of sight over the horizon, 0 to 90 (Jeong & Kim 2016, equation 2)."""
    return np.degrees(np.arctan2(*_up_and_level(a + b)))


@quantity_of_two_views
def asymmetry_deg(a: LinesOfSight, b: LinesOfSight) -> Numbers:
    """Angle between the bisector and the vertical projected onto the epipolar plane, 0 for mirrored views.

    NaN if both lines of sight are the same, so that they span no plane.
    """
    normal = _epipolar_normal(a, b)
    vertical = np.array([0.0, 0.0, 1.0]) - normal * normal[..., 2:]
    bisector = a + b
    return np.degrees(np.arctan2(norm_of(np.cross(bisector, vertical)), dot_product(bisector, vertical)))


@quantity_of_two_views
def roll_deg(a: LinesOfSight, b: LinesOfSight) -> Numbers:
    """Obliquity of the epipolar plane, 0 if it contains the vertical; NaN if both lines of sight are the same."""
    normal = _epipolar_normal(a, b)
    return np.degrees(np.arctan2(np.abs(normal[..., 2]), norm_of(normal[..., :2])))


def flight_time_convergence_deg(
    time_span_s: Number, first_incidence_deg: Number, second_incidence_deg: Number, altitude_km: Number
) -> Number:
    """Convergence in degrees from the flight time between two views of one place, without azimuths.

    Path and slant ranges form a triangle: ``4 ρ1 ρ2 sin²(c / 2) = (v Δt)² - (ρ1 - ρ2)²``, which for equal incidences
    is ``c = 2 asin(v Δt / 2ρ)``. It is within 2 % of the convergence of genuine pairs, so it replaces an unknown
    azimuth and reveals a wrong one.

    Args:
        time_span_s: Between both views of one pass, 0 or more.
        first_incidence_deg: At the target, 0 ≤ incidence < 90.
        second_incidence_deg: Of the other view.
        altitude_km: Altitude of the satellite above the ground.
    """
    path_km = np.sqrt(_GM_KM3_S2 / (_EQUATORIAL_RADIUS_KM + altitude_km)) * time_span_s
    first, second = slant_range_km(first_incidence_deg, altitude_km), slant_range_km(second_incidence_deg, altitude_km)
    square = np.clip((path_km**2 - (first - second) ** 2) / (4 * first * second), 0.0, 1.0)
    return as_given(np.degrees(2 * np.arcsin(np.sqrt(square))), time_span_s)


def slant_range_km(incidence_deg: Number, altitude_km: Number) -> Number:
    """Distance from the target to the satellite in kilometres, on a spherical Earth.

    Args:
        incidence_deg: From the vertical of the target, 0 ≤ incidence < 90.
        altitude_km: Altitude of the satellite above the ground.
    """
    down = EARTH_RADIUS_KM * np.cos(np.radians(incidence_deg))
    beyond = (EARTH_RADIUS_KM + altitude_km) ** 2 - EARTH_RADIUS_KM**2
    return as_given(np.sqrt(down**2 + beyond) - down, incidence_deg)


def _epipolar_normal(a: LinesOfSight, b: LinesOfSight) -> LinesOfSight:
    normal = np.cross(a, b)
    length = norm_of(normal)[..., None]
    return normal / np.where(length > 0, length, np.nan)


def _up_and_level(vectors: LinesOfSight) -> tuple[Numbers, Numbers]:
    return vectors[..., 2], norm_of(vectors[..., :2])
