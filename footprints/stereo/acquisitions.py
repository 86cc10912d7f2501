"""Merges records into acquisitions: bands, levels, hosts and clips of one image are one view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from footprints.polygon import union_footprints
from footprints.stereo.graph import connected_components
from footprints.stereo.limits import StereoLimits
from footprints.stereo.overlap import Outlines, Rows, Truths
from footprints.stereo.sweep import same_pass
from footprints.stereo.views import ViewTable
from footprints.viewing import convergence_angle_deg
from footprints.wrapping import Region

# With corners of 7 decimals, a clip may lie outside the image that it was cut from by this little.
_INSIDE = 1 - 1e-4

Links = tuple[Rows, Rows]
_NO_LINKS: Links = (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp))


@dataclass(frozen=True, eq=False)
class AcquisitionColumns:
    """Which records make up each acquisition, and which of them represents it."""

    numbers: Rows  #: of each record: its acquisition
    canonical: Rows  #: of each acquisition: the record with the smallest id, which gives time and name
    directions: Rows  #: of each acquisition: the record whose direction is the most trustworthy
    outlines: Rows  #: of each acquisition: the record with the largest footprint
    unions: Mapping[int, Region]  #: of the acquisitions whose largest footprint does not contain all others

    def __len__(self) -> int:
        return len(self.canonical)

    def table(self, records: ViewTable) -> ViewTable:
        """One row per acquisition, ordered as any table; `order` gives the row of the record that names it."""
        merged = ViewTable(
            ids=records.ids[self.canonical],
            platforms=records.platforms[self.canonical],
            times_us=records.times_us[self.canonical],
            azimuths_deg=records.azimuths_deg[self.directions],
            incidences_deg=records.incidences_deg[self.directions],
            direction_sources=records.direction_sources[self.directions],
            altitudes_km=records.altitudes_km[self.canonical],
            outlines=_outlines(records.outlines[self.outlines], self.unions),
            order=records.order[self.canonical],
        )
        return merged[np.lexsort((merged.ids, merged.times_us, merged.platforms))]


def find_acquisition_columns(records: ViewTable, limits: StereoLimits, same: Links = _NO_LINKS) -> AcquisitionColumns:
    """Merge the records of one image.

    Args:
        records: A table of records.
        limits: What makes two records one acquisition.
        same: Pairs of rows known to be of one acquisition, by a shared key.
    """
    parts = [same, *(_duplicates(records, *rows, limits) for rows in same_pass(records, limits.duplicate_s))]
    first, second = (np.concatenate([part[end] for part in parts]) for end in range(2))
    numbers = np.unique(connected_components(len(records), first, second), return_inverse=True)[1]
    unknown = np.isnan(records.incidences_deg)
    largest = _first_of_each(numbers, -records.outlines.areas_km2, records.ids)
    return AcquisitionColumns(
        numbers=numbers,
        canonical=_first_of_each(numbers, records.ids),
        directions=_first_of_each(numbers, records.direction_sources, unknown, records.ids),
        outlines=largest,
        unions=_unions(records.outlines, numbers, largest),
    )


def members_of(numbers: Rows) -> list[Rows]:
    """The rows of each number, in order."""
    order = np.argsort(numbers, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)


def _duplicates(records: ViewTable, first: Rows, second: Rows, limits: StereoLimits) -> Links:
    alike = _seen_alike(records, first, second, limits.duplicate_deg)
    first, second = first[alike], second[alike]
    areas = records.outlines.areas_km2
    smaller = np.minimum(areas[first], areas[second])
    same = records.outlines.shared_km2(first, second) >= limits.duplicate_overlap * smaller
    return first[same], second[same]


def _seen_alike(records: ViewTable, first: Rows, second: Rows, limit_deg: float) -> Truths:
    """Whether lines of sight agree, or incidences where an azimuth is missing; unknown ones agree with any."""
    between = convergence_angle_deg(records.sights[first], records.sights[second])
    incidences = np.abs(records.incidences_deg[first] - records.incidences_deg[second])
    apart: Truths = np.where(np.isnan(between), incidences, between) > limit_deg
    return ~apart


def _first_of_each(numbers: Rows, *keys: npt.NDArray[np.generic]) -> Rows:
    """The row of each number that comes first by some keys, the most important key first."""
    order = np.lexsort((*reversed(keys), numbers))
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    return np.asarray(order[starts])


def _unions(outlines: Outlines, numbers: Rows, largest: Rows) -> dict[int, Region]:
    others = np.setdiff1d(np.arange(len(numbers)), largest, assume_unique=True)
    inside = outlines.shared_km2(others, largest[numbers[others]]) >= _INSIDE * outlines.areas_km2[others]
    members = members_of(numbers)
    wider = np.unique(numbers[others[~inside]]).tolist()
    return {number: union_footprints(map(outlines.region, members[number].tolist())) for number in wider}


def _outlines(largest: Outlines, unions: Mapping[int, Region]) -> Outlines:
    corners = largest.corners.copy()
    corners[list(unions)] = np.nan
    return replace(largest, corners=corners, regions={**largest.regions, **unions})
