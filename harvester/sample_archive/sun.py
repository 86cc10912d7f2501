"""The position of the sun, to a few tenths of a degree: enough for the metadata of synthetic images."""

from __future__ import annotations

from datetime import UTC, datetime
from math import asin, atan2, cos, degrees, radians, sin, tan

_J2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)


def sun_position_deg(moment: datetime, lon: float, lat: float) -> tuple[float, float]:
    """Azimuth of the sun, clockwise from north, and its elevation.

    The low-precision formula of the Astronomical Almanac (page C5).
    """
    days = (moment - _J2000).total_seconds() / 86400
    anomaly = radians(357.528 + 0.9856003 * days)
    longitude = radians(280.460 + 0.9856474 * days + 1.915 * sin(anomaly) + 0.020 * sin(2 * anomaly))
    tilt = radians(23.439)
    declination = asin(sin(tilt) * sin(longitude))
    ascension = atan2(cos(tilt) * sin(longitude), cos(longitude))
    sidereal = radians(280.46062 + 360.985647 * days + lon)
    return _horizontal_deg(sidereal - ascension, declination, radians(lat))


def _horizontal_deg(hour_angle: float, declination: float, lat: float) -> tuple[float, float]:
    elevation = asin(sin(lat) * sin(declination) + cos(lat) * cos(declination) * cos(hour_angle))
    azimuth = atan2(-sin(hour_angle), tan(declination) * cos(lat) - sin(lat) * cos(hour_angle))
    return degrees(azimuth) % 360, degrees(elevation)
