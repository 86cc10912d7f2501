"""Geometry of a satellite pass over one place, on a sphere: angles of a view, and views that share a pass.

The sub-satellite point is held in polar form around the target (azimuth and central angle), so that off-nadir angle,
incidence and position are consistent with each other and with the altitude by construction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import asin, atan, atan2, cos, degrees, hypot, pi, radians, sin, sqrt, tan

from footprints import ViewingDirection, convergence_angle_deg

EARTH_RADIUS_KM = 6371.0
_GRAVITATION_KM3_S2 = 398600.44
_INCLINATION_DEG = 98.1


@dataclass(frozen=True)
class View:
    """One image of a place: when its strip starts, and where the satellite is."""

    acquired_at: datetime  #: start of the strip, UTC, to a tenth of a second
    azimuth_deg: float  #: from the target to the satellite, clockwise from north
    incidence_deg: float  #: at the target, from the vertical
    scan_azimuth_deg: float = 180.0  #: direction in which the rows of the image follow each other

    @property
    def direction(self) -> ViewingDirection:
        """The viewing direction, without the off-nadir angle, which depends on the orbit."""
        return ViewingDirection(self.azimuth_deg, self.incidence_deg)

    @property
    def incidences_deg(self) -> tuple[float, float]:
        """Signed incidences along and across the scan axis."""
        return _components(self.incidence_deg, self.scan_azimuth_deg - self.azimuth_deg)


def track_heading_deg(lat: float) -> float:
    """Azimuth of the ground track at this latitude on a descending, sun-synchronous orbit."""
    tilt = cos(radians(_INCLINATION_DEG)) / max(cos(radians(lat)), 0.15)
    return 180.0 - degrees(asin(max(tilt, -1.0)))


def ground_speed_km_s(altitude_km: float) -> float:
    """Speed of the sub-satellite point of a circular orbit."""
    orbit_km = EARTH_RADIUS_KM + altitude_km
    return sqrt(_GRAVITATION_KM3_S2 / orbit_km) * EARTH_RADIUS_KM / orbit_km


def off_nadir_deg(incidence_deg: float, altitude_km: float) -> float:
    """Angle at the satellite between the vertical and the line to a target that sees it at this incidence."""
    return degrees(asin(EARTH_RADIUS_KM / (EARTH_RADIUS_KM + altitude_km) * sin(radians(incidence_deg))))


def slant_range_km(incidence_deg: float, altitude_km: float) -> float:
    """Distance from the target to the satellite."""
    central = radians(incidence_deg - off_nadir_deg(incidence_deg, altitude_km))
    orbit_km = EARTH_RADIUS_KM + altitude_km
    return sqrt(EARTH_RADIUS_KM**2 + orbit_km**2 - 2 * EARTH_RADIUS_KM * orbit_km * cos(central))


def viewing_components_deg(view: View, lat: float, altitude_km: float) -> tuple[float, float]:
    """Signed off-nadir angles along (pitch) and across (roll) the track, seen from the satellite."""
    total = off_nadir_deg(view.incidence_deg, altitude_km)
    along, across = _components(total, track_heading_deg(lat) - view.azimuth_deg - 180)
    return along, across


def nadir_of(view: View, lon: float, lat: float, altitude_km: float) -> tuple[float, float]:
    """Longitude and latitude of the sub-satellite point, degrees."""
    east, north = nadir_offset_km(view, altitude_km)
    return offset_position(lon, lat, east, north)


def nadir_offset_km(view: View, altitude_km: float) -> tuple[float, float]:
    """East and north distances of the sub-satellite point from the target, in its azimuthal equidistant plane."""
    central = radians(view.incidence_deg - off_nadir_deg(view.incidence_deg, altitude_km))
    distance, azimuth = central * EARTH_RADIUS_KM, radians(view.azimuth_deg)
    return distance * sin(azimuth), distance * cos(azimuth)


def offset_position(lon: float, lat: float, east_km: float, north_km: float) -> tuple[float, float]:
    """The point at this distance from another, on the great circle that leaves it in this direction."""
    central, azimuth = hypot(east_km, north_km) / EARTH_RADIUS_KM, atan2(east_km, north_km)
    start = radians(lat)
    end = asin(sin(start) * cos(central) + cos(start) * sin(central) * cos(azimuth))
    turn = atan2(sin(azimuth) * sin(central) * cos(start), cos(central) - sin(start) * sin(end))
    return (lon + degrees(turn) + 540) % 360 - 180, degrees(end)


def view_from_offset(
    acquired_at: datetime, east_km: float, north_km: float, altitude_km: float, scan_azimuth_deg: float = 180.0
) -> View:
    """The view of a target with the sub-satellite point at this distance from it."""
    central = hypot(east_km, north_km) / EARTH_RADIUS_KM
    orbit_km = EARTH_RADIUS_KM + altitude_km
    incidence = atan2(orbit_km * sin(central), orbit_km * cos(central) - EARTH_RADIUS_KM)
    azimuth = degrees(atan2(east_km, north_km)) % 360
    return View(acquired_at, azimuth, degrees(incidence), scan_azimuth_deg)


def views_of_pass(
    middle_at: datetime, lat: float, altitude_km: float, *, base_to_height: float, count: int, across_km: float
) -> tuple[View, ...]:
    """Views of one place from one pass, at one roll and several pitches; the satellite's speed gives their times.

    Args:
        middle_at: when the satellite passes abeam of the target, UTC.
        lat: latitude of the target, degrees.
        altitude_km: of the orbit.
        base_to_height: of the first and the last view, 2 tan(convergence / 2).
        count: number of views, evenly spaced along the track.
        across_km: distance of the ground track, positive when it passes east of the target.
    """
    reach = _half_base_km(middle_at, lat, altitude_km, across_km, base_to_height)
    steps = [reach * (2 * number / (count - 1) - 1) for number in range(count)]
    return tuple(view_on_track(middle_at, lat, altitude_km, across_km, step) for step in steps)


def view_on_track(middle_at: datetime, lat: float, altitude_km: float, across_km: float, along_km: float) -> View:
    """The view of a satellite that is this far beyond the target (before it, if negative) on its descending track.

    Args:
        middle_at: when it passes abeam of the target, UTC.
        lat: latitude of the target, degrees.
        altitude_km: of the orbit.
        across_km: distance of the ground track, positive when it passes east of the target.
        along_km: distance of the sub-satellite point from where it passes abeam.
    """
    heading = radians(track_heading_deg(lat))
    east = along_km * sin(heading) - across_km * cos(heading)
    north = along_km * cos(heading) + across_km * sin(heading)
    moment = middle_at + timedelta(seconds=along_km / ground_speed_km_s(altitude_km))
    return view_from_offset(truncated(moment), east, north, altitude_km)


def truncated(moment: datetime) -> datetime:
    """The moment cut to a tenth of a second, as the vendor's stamps are."""
    return moment.replace(microsecond=moment.microsecond // 100_000 * 100_000)


def _components(total_deg: float, turn_deg: float) -> tuple[float, float]:
    slope, turn = tan(radians(total_deg)), radians(turn_deg)
    return degrees(atan(slope * cos(turn))), degrees(atan(slope * sin(turn)))


def _half_base_km(
    middle_at: datetime, lat: float, altitude_km: float, across_km: float, base_to_height: float
) -> float:
    """Half of the distance between the outer views, by bisection: the convergence grows with it."""
    wanted = degrees(2 * atan(base_to_height / 2))
    low, high = 0.0, EARTH_RADIUS_KM * pi / 16
    for _ in range(60):
        middle = (low + high) / 2
        ends = [view_on_track(middle_at, lat, altitude_km, across_km, sign * middle).direction for sign in (-1, 1)]
        low, high = (middle, high) if convergence_angle_deg(*ends) < wanted else (low, middle)
    return (low + high) / 2
