"""The quantities of a stereo set under the names that its Item has them by: the stereo extension of STAC.

Stored Items and those computed on demand must say the same, so both take their properties from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from footprints.overlap import area_km2
from footprints.stereo import StereoGroup, StereoPair, StereoTriplet
from footprints.stereo_views import DirectionSource
from footprints.suitability import (
    AnyStereoSet,
    neighbouring_pairs,
    outer_pair,
    overlap_of,
    pairs_of,
    suitability,
)

STEREO_EXTENSION = "https://w3id.org/stac-stereo/v1.0.0/schema.json"

#: How a direction became known, in the words of the extension.
DIRECTION_SOURCES: Mapping[DirectionSource, str] = MappingProxyType(
    {
        DirectionSource.GIVEN: "vendor",
        DirectionSource.COMPONENTS: "components",
        DirectionSource.ASSUMED_SCAN_AXIS: "assumed",
        DirectionSource.FLIGHT_TIME: "estimated",
    }
)


def stereo_mode(found: AnyStereoSet) -> str:
    """Stereo for two views, tri-stereo for three of which one looks down, multi-view for any other group."""
    if isinstance(found, StereoPair):
        return "stereo"
    return "tri-stereo" if isinstance(found, StereoTriplet) else "multi-view"


def stereo_properties(found: AnyStereoSet) -> dict[str, Any]:
    """All that follows from the views alone, rounded; what is not known is left out.

    Raises:
        EmptyFootprintError: The views of a group have no area in common.
    """
    values = {**_composition(found), **_geometry(found), **_coverage(found), **_conditions(found)}
    return {name: value for name, value in values.items() if value is not None}


def _composition(found: AnyStereoSet) -> dict[str, Any]:
    return {
        "stereo:mode": stereo_mode(found),
        "stereo:views": list(found.ids),
        "stereo:view_count": len(found.views),
    }


def _geometry(found: AnyStereoSet) -> dict[str, Any]:
    """How the views stand to each other; of more than two the outer ones, which make the widest base."""
    outer = outer_pair(found)
    consecutive = [round(pair.convergence_deg, 3) for pair in neighbouring_pairs(found)]
    return {
        "stereo:convergence_angle": round(outer.convergence_deg, 3),
        "stereo:consecutive_convergence_angles": consecutive if isinstance(found, StereoTriplet) else None,
        "stereo:base_to_height": round(outer.base_to_height, 4),
        "stereo:parallax_to_height": _rounded(outer.parallax_to_height, 4),
        "stereo:bisector_elevation_angle": _rounded(outer.bisector_elevation_deg, 3),
        "stereo:asymmetry_angle": _rounded(outer.asymmetry_deg, 3),
        "stereo:roll_angle": _rounded(outer.roll_deg, 3),
        "stereo:flight_time_ratio": _rounded(outer.flight_time_ratio, 4),
        "stereo:direction_source": DIRECTION_SOURCES[max(pair.direction_source for pair in pairs_of(found))],
        "stereo:azimuth_doubtful": any(pair.azimuth_doubtful for pair in pairs_of(found)),
    }


def _coverage(found: AnyStereoSet) -> dict[str, Any]:
    shared_km2 = area_km2(found.common_footprint()) if isinstance(found, StereoGroup) else found.overlap_km2
    return {
        "stereo:overlap": round(overlap_of(found), 4),
        "stereo:overlap_area": round(shared_km2, 3),
        "stereo:time_span": round((found.ended_at - found.started_at).total_seconds(), 3),
    }


def _conditions(found: AnyStereoSet) -> dict[str, Any]:
    return {
        "stereo:cloud_cover_max": found.worst_cloud_cover_percent,
        "stereo:cloud_cover_mean": _rounded(found.mean_cloud_cover_percent, 2),
        "stereo:sun_azimuth_difference": _rounded(found.sun_azimuth_difference_deg, 3),
        "stereo:sun_elevation_difference": _rounded(found.sun_elevation_difference_deg, 3),
        "stereo:gsd_ratio": _rounded(found.gsd_ratio, 4),
        "stereo:suitability": round(suitability(found), 4),
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
