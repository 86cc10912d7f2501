"""Archives of any size with stereo in them, and the truth about small ones by brute force.

Satellites fly straight over a flat country here, which keeps flight time and angles within a few per cent of each
other. Passes hold one view, stereo, tri-stereo, more views, or neighbouring strips that are no stereo at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import combinations
from math import acos, cos, degrees, radians, sin

import numpy as np
import numpy.typing as npt

from footprints import (
    AzimuthConvention,
    Outlines,
    StereoLimits,
    View,
    ViewTable,
    area_km2,
    footprint_from_corners,
    normalised_direction,
)

PLATFORMS = ("PHR1A", "PHR1B", "SPOT6", "SPOT7", "PNEO3", "PNEO4")
_ALTITUDES_KM = np.array([694.0, 694.0, 694.0, 694.0, 620.0, 620.0])
_SPEED_KM_S = 7.5
_KM_PER_DEG = 111.2
_START = datetime(2012, 1, 1, tzinfo=UTC)
_DECADE_US = 10 * 365 * 86_400 * 1_000_000

#: Angles and shares this near to a limit may fall on either side: the truth does not count them.
ANGLE_MARGIN_DEG = 0.02
SHARE_MARGIN = 0.002

Column = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Archive:
    """Acquisitions in columns, in no order."""

    platforms: npt.NDArray[np.intp]  #: of `PLATFORMS`
    times_us: npt.NDArray[np.int64]  #: since 1970
    along_deg: Column
    across_deg: Column
    scan_azimuth_deg: Column
    corners: Column  #: n × 4 × 2, longitudes within ±180

    @classmethod
    def generate(cls, size: int, seed: int, *, antimeridian_share: float = 0.05) -> Archive:
        """So many acquisitions; the same ones for the same seed."""
        random = np.random.default_rng(seed)
        views = random.choice([1, 2, 3, 5, 8], p=[0.70, 0.15, 0.10, 0.04, 0.01], size=size)
        passes = np.repeat(np.arange(size), views)[:size]
        place = (np.arange(len(passes)) - (np.cumsum(views) - views)[passes])[:size]
        platforms = random.integers(len(PLATFORMS), size=size)[passes]
        middle = (place - (views[passes] - 1) / 2) * random.uniform(4, 25, size)[passes]
        lon = np.where(random.random(size) < antimeridian_share, 180, random.uniform(-180, 180, size))
        lat = np.degrees(np.arcsin(random.uniform(-0.97, 0.97, size)))
        is_mosaic, half_km = random.random(size) < 0.1, random.uniform(4, 12, (size, 2))
        scan = 180 + random.uniform(-5, 5, size)
        drift_km = random.normal(0, 2.5, (size, 2))
        drift_km[:, 0] += (2 * half_km[:, 0] * 0.9)[passes] * place * is_mosaic[passes]
        tangent = np.tan(np.radians(random.uniform(-28, 28, size)))[passes] + random.normal(0, 0.02, size)
        start_us = round(_START.timestamp() * 1e6) + random.integers(_DECADE_US, size=size)
        return cls(
            platforms=platforms,
            times_us=(start_us[passes] + np.round(middle * 1e6)).astype(np.int64),
            along_deg=np.degrees(np.arctan(_SPEED_KM_S * middle / _ALTITUDES_KM[platforms])),
            across_deg=np.degrees(np.arctan(tangent)),
            scan_azimuth_deg=scan[passes],
            corners=_corners(lon[passes], lat[passes], drift_km, half_km[passes], scan[passes]),
        )

    def __len__(self) -> int:
        return len(self.times_us)

    @cached_property
    def incidences_deg(self) -> Column:
        """At the ground."""
        return np.degrees(np.arctan(np.hypot(np.tan(np.radians(self.along_deg)), np.tan(np.radians(self.across_deg)))))

    @cached_property
    def azimuths_deg(self) -> Column:
        """From the ground to the satellite."""
        along, across = np.tan(np.radians(self.along_deg)), np.tan(np.radians(self.across_deg))
        return (self.scan_azimuth_deg - np.degrees(np.arctan2(across, along))) % 360

    def table(self) -> ViewTable:
        """As the columns that the finder takes."""
        return ViewTable.of_columns(
            ids=np.arange(len(self)),
            platforms=np.array(PLATFORMS)[self.platforms],
            times_us=self.times_us,
            azimuths_deg=self.azimuths_deg,
            incidences_deg=self.incidences_deg,
            outlines=Outlines.of_corners(self.corners),
        )

    def views(self) -> list[View]:
        """As one view an acquisition."""
        return [self._view(n, f"view-{n:06}", 0, AzimuthConvention.GROUND_TO_SATELLITE) for n in range(len(self))]

    def records(self, seed: int) -> list[View]:
        """As one to three records an acquisition, in mixed conventions, with missing azimuths and cut-outs."""
        random = np.random.default_rng(seed)
        conventions = list(AzimuthConvention)
        records = []
        for n in range(len(self)):
            for copy in range(random.integers(1, 4)):
                jitter = timedelta(milliseconds=int(random.integers(200))) if copy else timedelta()
                convention = conventions[random.integers(3)]
                record = self._view(n, f"view-{n:06}{'-copy' * copy}", copy, convention, jitter)
                records.append(record)
        return [records[place] for place in random.permutation(len(records)).tolist()]

    def _view(
        self, n: int, name: str, copy: int, convention: AzimuthConvention, jitter: timedelta = timedelta()
    ) -> View:
        azimuth, scan = float(self.azimuths_deg[n]), float(self.scan_azimuth_deg[n])
        given = {
            AzimuthConvention.GROUND_TO_SATELLITE: azimuth,
            AzimuthConvention.SATELLITE_TO_GROUND: (azimuth + 180) % 360,
            AzimuthConvention.SCAN_AXIS: scan,
        }
        corners = self.corners[n]
        first = corners[0]
        steps = corners - first
        steps[:, 0] -= 360 * np.round(steps[:, 0] / 360)
        return View(
            id=name,
            platform=PLATFORMS[self.platforms[n]],
            acquired_at=datetime.fromtimestamp(0, UTC) + timedelta(microseconds=int(self.times_us[n])) + jitter,
            footprint=footprint_from_corners((first + steps * (0.9 if copy else 1)).tolist()),
            direction=normalised_direction(
                azimuth_deg=None if copy == 2 else given[convention],
                convention=convention,
                along_deg=float(self.along_deg[n]),
                across_deg=float(self.across_deg[n]),
                scan_azimuth_deg=scan,
            ),
        )


@dataclass(frozen=True)
class Truth:
    """Ids in the order of time; the borderline ones count neither as found nor as missed."""

    pairs: set[tuple[str, ...]]
    triplets: set[tuple[str, ...]]
    borderline: set[tuple[str, ...]]


def truth_of(views: list[View], limits: StereoLimits) -> Truth:
    """Every two and every three views looked at one after the other, with formulas that the finder does not use."""
    ordered = sorted(views, key=lambda view: (view.platform, view.acquired_at, view.id))
    neighbours = [(a, b) for a, b in combinations(ordered, 2) if _is_one_pass(a, b, limits)]
    known = {(a.id, b.id): (_angle_deg(a, b), _share(a, b)) for a, b in neighbours}
    closed = [(a, b, c) for a, b in neighbours for c in ordered if (a.id, c.id) in known and (b.id, c.id) in known]
    pairs: dict[tuple[str, ...], float] = {ids: _pair_margin(*measured, limits) for ids, measured in known.items()}
    triplets: dict[tuple[str, ...], float] = {
        (a.id, b.id, c.id): _triplet_margin(known, (a, b, c), limits) for a, b, c in closed
    }
    margins = {**pairs, **triplets}
    return Truth(
        pairs={ids for ids, margin in pairs.items() if margin > 0},
        triplets={ids for ids, margin in triplets.items() if margin > 0},
        borderline={ids for ids, margin in margins.items() if abs(margin) < 1},
    )


def _is_one_pass(a: View, b: View, limits: StereoLimits) -> bool:
    seconds = (b.acquired_at - a.acquired_at).total_seconds()
    return a.platform == b.platform and seconds <= limits.pass_s and a.footprint.intersects(b.footprint)


def _angle_deg(a: View, b: View) -> float:
    first, second = a.direction, b.direction
    assert first.azimuth_deg is not None
    assert first.incidence_deg is not None
    assert second.azimuth_deg is not None
    assert second.incidence_deg is not None
    e1, e2 = radians(90 - first.incidence_deg), radians(90 - second.incidence_deg)
    turn = radians(first.azimuth_deg - second.azimuth_deg)
    return degrees(acos(min(1.0, sin(e1) * sin(e2) + cos(e1) * cos(e2) * cos(turn))))


def _share(*views: View) -> float:
    common = views[0].footprint
    for view in views[1:]:
        common = common.intersection(view.footprint)  # type: ignore[assignment]
    return area_km2(common) / min(area_km2(view.footprint) for view in views)


def _pair_margin(angle_deg: float, share: float, limits: StereoLimits) -> float:
    """In margins, how far within the limits; negative when outside."""
    by_angle = min(angle_deg - limits.min_convergence_deg, limits.max_convergence_deg - angle_deg) / ANGLE_MARGIN_DEG
    return min(by_angle, (share - limits.min_overlap) / SHARE_MARGIN)


def _triplet_margin(
    known: dict[tuple[str, str], tuple[float, float]], views: tuple[View, View, View], limits: StereoLimits
) -> float:
    a, b, c = views
    (first, share1), (second, share2), (outer, share3) = (known[x.id, y.id] for x, y in ((a, b), (b, c), (a, c)))
    angles = (
        first - limits.min_consecutive_deg,
        second - limits.min_consecutive_deg,
        outer - limits.min_convergence_deg,
        limits.max_outer_deg - outer,
        outer - max(first, second),
    )
    shares = (share - limits.min_overlap for share in (share1, share2, share3, _share(*views)))
    return min(min(angles) / ANGLE_MARGIN_DEG, min(shares) / SHARE_MARGIN)


def _corners(lon: Column, lat: Column, drift_km: Column, half_km: Column, scan_deg: Column) -> Column:
    square = np.array([[-1, 1], [1, 1], [1, -1], [-1, -1]])
    local = square * half_km[:, None] + drift_km[:, None]
    turn = np.radians(180 - scan_deg)[:, None]
    east = local[..., 0] * np.cos(turn) - local[..., 1] * np.sin(turn)
    north = local[..., 0] * np.sin(turn) + local[..., 1] * np.cos(turn)
    lats = lat[:, None] + north / _KM_PER_DEG
    lons = lon[:, None] + east / (_KM_PER_DEG * np.cos(np.radians(lat))[:, None])
    return np.stack([(lons + 180) % 360 - 180, lats], axis=-1)
