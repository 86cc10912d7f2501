"""Search areas: a bbox across the antimeridian becomes two parts that pgSTAC can intersect."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any

from footprints import bbox_parts
from stac_api.errors import NotAnArea


def bbox_geometry(bbox: Sequence[float]) -> dict[str, Any]:
    """The GeoJSON geometry of a bbox in degrees: west, south, [lowest,] east, north[, highest].

    West greater than east means that it crosses the antimeridian: the geometry then has one part on each side.

    Raises:
        NotAnArea: when it is not four or six finite numbers, south to north.
    """
    rings = [[_ring(*part)] for part in bbox_parts(sides(bbox))]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def sides(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    """West, south, east and north of a bbox in degrees, without its heights; west may be greater than east.

    Raises:
        NotAnArea: when it is not four or six finite numbers, south to north.
    """
    if (
        not isinstance(bbox, Sequence)
        or len(bbox) not in (4, 6)
        or not all(isinstance(side, int | float) and isfinite(side) for side in bbox)
    ):
        raise NotAnArea("A bbox has 4 or 6 finite numbers.")
    half = len(bbox) // 2
    west, south, east, north = bbox[0], bbox[1], bbox[half], bbox[half + 1]
    if south > north:
        raise NotAnArea("The south of a bbox comes before its north.")
    return west, south, east, north


def _ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]
