"""Views: what the stereo finder needs to know of an image, one by one or in columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from functools import cached_property
from math import atan, degrees, hypot, nan, radians, tan
from typing import Any

import numpy as np
import numpy.typing as npt

from footprints.errors import ViewingError
from footprints.stereo.geometry import orbit_altitude_km
from footprints.stereo.overlap import Outlines, Rows
from footprints.viewing import (
    LinesOfSight,
    Numbers,
    ViewingDirection,
    azimuth_from_scan_axis,
    azimuth_in_circle,
    lines_of_sight,
)
from footprints.wrapping import Region

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Scan axes are within about 5° of it for satellites that descend by day.
_USUAL_SCAN_AZIMUTH_DEG = 180.0


class AzimuthConvention(StrEnum):
    """What a supplier means by the azimuth of an image."""

    GROUND_TO_SATELLITE = "ground-to-satellite"  #: SPOT 6/7 and Pléiades Neo DIMAP, Maxar, and ours
    SATELLITE_TO_GROUND = "satellite-to-ground"  #: STAC `view:azimuth` read literally
    SCAN_AXIS = "scan-axis"  #: Pléiades DIMAP, and "orientation" of the Airbus catalogue


class DirectionSource(IntEnum):
    """How a direction was obtained, the most trustworthy first."""

    GIVEN = 0  #: the azimuth of the satellite, by the supplier
    COMPONENTS = 1  #: both components of the incidence and the azimuth of the scan axis
    ASSUMED_SCAN_AXIS = 2  #: both components, and a scan axis assumed at 180°
    FLIGHT_TIME = 3  #: no azimuth: pairs are judged by the flight time between their views


@dataclass(frozen=True)
class NormalisedDirection:
    """Direction from the target to the satellite, as far as known."""

    azimuth_deg: float | None = None  #: clockwise from true north, 0 ≤ azimuth < 360
    incidence_deg: float | None = None  #: from the vertical of the target, 0 ≤ incidence < 90
    source: DirectionSource = DirectionSource.FLIGHT_TIME

    @classmethod
    def of(cls, viewing: ViewingDirection) -> NormalisedDirection:
        """The direction that a supplier gives in our convention."""
        return cls(viewing.azimuth_deg, viewing.incidence_deg, DirectionSource.GIVEN)


def normalised_direction(
    *,
    azimuth_deg: float | None = None,
    convention: AzimuthConvention = AzimuthConvention.GROUND_TO_SATELLITE,
    incidence_deg: float | None = None,
    along_deg: float | None = None,
    across_deg: float | None = None,
    scan_azimuth_deg: float | None = None,
) -> NormalisedDirection:
    """The direction to the satellite from the available angles, and how it was obtained.

    Args:
        azimuth_deg: As the supplier gives it.
        convention: What the supplier's azimuth is; an azimuth of the scan axis serves as `scan_azimuth_deg`.
        incidence_deg: At the target; computed from the components if absent.
        along_deg: Signed incidence along the track, seen from the ground.
        across_deg: Signed incidence across the track.
        scan_azimuth_deg: Azimuth of the scan axis, clockwise from north.

    Raises:
        ViewingError: An angle is out of range.
    """
    if convention is AzimuthConvention.SCAN_AXIS:
        azimuth_deg, scan_azimuth_deg = None, azimuth_deg if scan_azimuth_deg is None else scan_azimuth_deg
    if incidence_deg is None and along_deg is not None and across_deg is not None:
        incidence_deg = degrees(atan(hypot(tan(radians(along_deg)), tan(radians(across_deg)))))
    if azimuth_deg is not None:
        turn = 180 if convention is AzimuthConvention.SATELLITE_TO_GROUND else 0
        return NormalisedDirection(azimuth_in_circle(azimuth_deg + turn), incidence_deg, DirectionSource.GIVEN)
    if along_deg is None or across_deg is None:
        return NormalisedDirection(None, incidence_deg, DirectionSource.FLIGHT_TIME)
    known = scan_azimuth_deg is not None
    scan = scan_azimuth_deg if scan_azimuth_deg is not None else _USUAL_SCAN_AZIMUTH_DEG
    source = DirectionSource.COMPONENTS if known else DirectionSource.ASSUMED_SCAN_AXIS
    return NormalisedDirection(azimuth_from_scan_axis(scan, along_deg, across_deg), incidence_deg, source)


@dataclass(frozen=True, kw_only=True)
class View:
    """One image, or one record of it, as input for the stereo finder.

    Raises:
        ViewingError: The time is naive, so that its order is undefined.
    """

    id: str
    platform: str  #: the satellite, in one spelling for all views
    acquired_at: datetime  #: start of the scan, with its time zone
    footprint: Region  #: WGS 84, longitude first
    direction: NormalisedDirection = field(default_factory=NormalisedDirection)
    acquisition_keys: frozenset[str] = frozenset()  #: records that share one are the same acquisition
    altitude_km: float | None = None  #: of the satellite; None for that of the platform's orbit
    cloud_cover_percent: float | None = None  #: 0 to 100
    sun_azimuth_deg: float | None = None  #: clockwise from true north
    sun_elevation_deg: float | None = None  #: over the horizon
    gsd_m: float | None = None
    record_ids: tuple[str, ...] = ()  #: the records merged into this acquisition, in order

    def __post_init__(self) -> None:
        if self.acquired_at.tzinfo is None:
            raise ViewingError(f"The time of {self.id}, {self.acquired_at}, has no time zone; give it in UTC.")


@dataclass(frozen=True, eq=False)
class ViewTable:
    """Many views in columns, ordered by platform, time and id; for archives of a million records.

    `of_columns` sorts them; rows in all results refer to the sorted table.
    """

    ids: npt.NDArray[Any]
    platforms: npt.NDArray[np.int64]  #: numbers of the platforms, in the order of their names
    times_us: npt.NDArray[np.int64]  #: microseconds since 1970, UTC
    azimuths_deg: Numbers  #: ground to satellite; NaN when unknown
    incidences_deg: Numbers  #: NaN when unknown
    direction_sources: npt.NDArray[np.int8]  #: of `DirectionSource`
    altitudes_km: Numbers
    outlines: Outlines
    order: Rows  #: the index of each row in the given columns

    @classmethod
    def of_columns(  # noqa: PLR0913  one argument per column
        cls,
        *,
        ids: npt.ArrayLike,
        platforms: npt.ArrayLike,
        times_us: npt.ArrayLike,
        azimuths_deg: npt.ArrayLike,
        incidences_deg: npt.ArrayLike,
        outlines: Outlines,
        direction_sources: npt.ArrayLike | None = None,
        altitudes_km: npt.ArrayLike | None = None,
    ) -> ViewTable:
        """From columns in any order.

        Args:
            ids: Unique, text or numbers.
            platforms: Names of the satellites.
            times_us: Microseconds since 1970 in UTC.
            azimuths_deg: Ground to satellite, NaN when unknown (see `normalised_direction`).
            incidences_deg: NaN when unknown.
            outlines: The footprints.
            direction_sources: Numbers of `DirectionSource`; if None, a known azimuth counts as given.
            altitudes_km: Of the satellites; if None, those of the platforms' orbits.
        """
        names, codes = np.unique(np.asarray(platforms), return_inverse=True)
        azimuths, ids, times = np.asarray(azimuths_deg, dtype=np.float64), np.asarray(ids), np.asarray(times_us)
        if direction_sources is None:
            direction_sources = np.where(np.isnan(azimuths), DirectionSource.FLIGHT_TIME, DirectionSource.GIVEN)
        if altitudes_km is None:
            altitudes_km = np.array([orbit_altitude_km(str(name)) for name in names.tolist()])[codes]
        order = np.lexsort((ids, times, codes))
        return cls(
            ids=ids[order],
            platforms=codes[order],
            times_us=times[order],
            azimuths_deg=azimuths[order],
            incidences_deg=np.asarray(incidences_deg, dtype=np.float64)[order],
            direction_sources=np.asarray(direction_sources, dtype=np.int8)[order],
            altitudes_km=np.asarray(altitudes_km, dtype=np.float64)[order],
            outlines=outlines[order],
            order=order,
        )

    @classmethod
    def of_views(cls, views: Iterable[View]) -> ViewTable:
        """From views in any order.

        Raises:
            FootprintError: A footprint is empty or not on the Earth.
        """
        given = list(views)
        return cls.of_columns(
            ids=np.array([view.id for view in given], dtype=object),
            platforms=np.array([view.platform for view in given], dtype=np.str_),
            times_us=np.array([_microseconds(view.acquired_at) for view in given], dtype=np.int64),
            azimuths_deg=_numbers([view.direction.azimuth_deg for view in given]),
            incidences_deg=_numbers([view.direction.incidence_deg for view in given]),
            outlines=Outlines.of_regions([view.footprint for view in given]),
            direction_sources=np.array([view.direction.source for view in given], dtype=np.int8),
            altitudes_km=_numbers([view.altitude_km or orbit_altitude_km(view.platform) for view in given]),
        )

    def __len__(self) -> int:
        return len(self.times_us)

    def __getitem__(self, rows: Rows) -> ViewTable:
        """The table of some rows, which must be in ascending order."""
        return ViewTable(
            ids=self.ids[rows],
            platforms=self.platforms[rows],
            times_us=self.times_us[rows],
            azimuths_deg=self.azimuths_deg[rows],
            incidences_deg=self.incidences_deg[rows],
            direction_sources=self.direction_sources[rows],
            altitudes_km=self.altitudes_km[rows],
            outlines=self.outlines[rows],
            order=self.order[rows],
        )

    @cached_property
    def sights(self) -> LinesOfSight:
        """Lines of sight from the ground to the satellite; NaN where a direction is unknown."""
        return lines_of_sight(self.azimuths_deg, self.incidences_deg)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // _MICROSECOND


def _numbers(values: Sequence[float | None]) -> Numbers:
    return np.array([nan if value is None else value for value in values], dtype=np.float64)
