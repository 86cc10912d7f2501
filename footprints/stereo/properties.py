"""From the properties of images to views, and from stereo sets to the properties of the stereo extension of STAC.

Stored sets and those computed on demand must agree, so both come from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from statistics import fmean
from types import MappingProxyType
from typing import Any

import numpy as np
import shapely
from shapely import MultiPolygon

from footprints.errors import ViewingError
from footprints.overlap import area_km2
from footprints.stereo.finder import StereoGroup, StereoPair, StereoTriplet
from footprints.stereo.overlap import areas_of_regions
from footprints.stereo.suitability import (
    AnyStereoSet,
    neighbouring_pairs,
    outer_pair,
    overlap_of,
    pairs_of,
    suitability,
)
from footprints.stereo.views import (
    AzimuthConvention,
    DirectionSource,
    NormalisedDirection,
    View,
    normalised_direction,
)
from footprints.wrapping import Region, polygon_parts

STEREO_EXTENSION = "https://w3id.org/stac-stereo/v1.0.0/schema.json"
#: Roles of the views of a set, in chronological order, by the number of views.
ROLES: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {2: ("forward", "backward"), 3: ("forward", "nadir", "backward")}
)
#: Properties with the direction of an image; `direction_of_image` reads no others.
DIRECTION_PROPERTIES = (
    "view:azimuth",
    "view:incidence_angle",
    "airbus:azimuth_angle",
    "airbus:image_orientation",
    "airbus:incidence_angle_along_track",
    "airbus:incidence_angle_across_track",
)
_STAMP = re.compile(r"_([0-9]{15})(?:_|$)")
_SAME_AZIMUTH_DEG = 1e-6

#: How a direction was obtained, in terms of the extension.
DIRECTION_SOURCES: Mapping[DirectionSource, str] = MappingProxyType(
    {
        DirectionSource.GIVEN: "vendor",
        DirectionSource.COMPONENTS: "components",
        DirectionSource.ASSUMED_SCAN_AXIS: "assumed",
        DirectionSource.FLIGHT_TIME: "estimated",
    }
)


def view_of_image(identifier: str, footprint: Region, properties: Mapping[str, Any]) -> View | None:
    """The image of an Item as a view for the finder; None unless it is of one satellite at one time.

    Args:
        identifier: Of the Item.
        footprint: WGS 84, longitude first.
        properties: Of the Item.
    """
    if not (properties.get("platform") and properties.get("datetime")):
        return None
    return View(
        id=identifier,
        platform=properties["platform"],
        acquired_at=datetime.fromisoformat(properties["datetime"]),
        footprint=footprint,
        direction=direction_of_image(properties),
        cloud_cover_percent=properties.get("eo:cloud_cover"),
        sun_azimuth_deg=properties.get("view:sun_azimuth"),
        sun_elevation_deg=properties.get("view:sun_elevation"),
        gsd_m=properties.get("gsd"),
    )


def set_id(views: Sequence[View]) -> str:
    """The id `<platform>_<stamp>_<stamp>[_<stamp>]`, the same for held views and views to be ordered."""
    return "_".join((views[0].platform, *map(_stamp, views)))


def stereo_mode(found: AnyStereoSet) -> str:
    """Stereo for two views, tri-stereo for three with one near nadir, multi-view for any other group."""
    if isinstance(found, StereoPair):
        return "stereo"
    return "tri-stereo" if isinstance(found, StereoTriplet) else "multi-view"


def stereo_properties(found: AnyStereoSet) -> dict[str, Any]:
    """All properties that follow from the views alone, rounded, without unknown ones.

    Raises:
        EmptyFootprintError: The views of a group share no area.
    """
    values = {**_composition(found), **_geometry(found), **_coverage(found), **_conditions(found)}
    return {name: value for name, value in values.items() if value is not None}


def area_properties(area: Region, footprint: Region, clouds: Sequence[Region | None]) -> dict[str, float]:
    """How much of an area a stereo set shows, and how much of that clouds hide; rounded.

    The clouds are left out if those of a view are unknown, or the set shows nothing of the area.

    Args:
        area: Not empty; WGS 84, longitude first, cut at the antimeridian.
        footprint: The common footprint of the views.
        clouds: Of each view; None if unknown.
    """
    known = [each for each in clouds if each is not None]
    land = MultiPolygon(polygon_parts(area.intersection(footprint)))
    areas_km2 = areas_of_regions(np.array([area, land, *shapely.intersection(land, known)], dtype=object))
    whole_km2, land_km2, *hidden_km2 = areas_km2.tolist()
    coverage = {"stereo:aoi_coverage": round(min(land_km2 / whole_km2, 1.0), 4)}
    if len(known) < len(clouds) or not land_km2:
        return coverage
    covers = [min(100 * each / land_km2, 100.0) for each in hidden_km2]
    return coverage | {
        "stereo:aoi_cloud_cover": round(max(covers), 2),
        "stereo:aoi_cloud_cover_mean": round(fmean(covers), 2),
    }


def direction_of_image(properties: Mapping[str, Any]) -> NormalisedDirection:
    """The direction from the target to the satellite, from the Item of an image; `view:azimuth` is in this convention.

    Args:
        properties: Of the Item.
    """
    azimuth, incidence = properties.get("view:azimuth"), properties.get("view:incidence_angle")
    said = properties.get("airbus:azimuth_angle")
    if azimuth is not None:
        # If it differs from the vendor's own azimuth, it was computed from the scan axis and the two components.
        is_vendors = said is None or abs((azimuth - said + 180) % 360 - 180) < _SAME_AZIMUTH_DEG
        source = DirectionSource.GIVEN if is_vendors else DirectionSource.COMPONENTS
        return NormalisedDirection(azimuth, incidence, source)
    try:
        return normalised_direction(
            azimuth_deg=properties.get("airbus:image_orientation", said),
            convention=AzimuthConvention.SCAN_AXIS,
            incidence_deg=incidence,
            along_deg=properties.get("airbus:incidence_angle_along_track"),
            across_deg=properties.get("airbus:incidence_angle_across_track"),
        )
    except ViewingError:
        # The vendor's angles are published unchanged, even impossible ones.
        return NormalisedDirection(None, incidence)


def _stamp(view: View) -> str:
    """The 15 digits in the name of the image; if it has none, its time to a tenth of a second."""
    if named := _STAMP.search(view.id):
        return named[1]
    moment = view.acquired_at.astimezone(UTC)
    return f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 100_000}"


def _composition(found: AnyStereoSet) -> dict[str, Any]:
    return {
        "stereo:mode": stereo_mode(found),
        "stereo:views": list(found.ids),
        "stereo:view_count": len(found.views),
    }


def _geometry(found: AnyStereoSet) -> dict[str, Any]:
    """The geometry of the views; of more than two, that of the outer ones, which have the widest base."""
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
