"""The clouds over the footprint of an Item, from the masks of records that show parts of it."""

from __future__ import annotations

from collections.abc import Sequence

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from footprints import polygon_parts
from harvester.record import SceneRecord

#: Share of new ground; the components of one bundle differ by less at their edges.
_LEAST_NEW_GROUND = 0.01
#: As in the masks of the records.
_PRECISION_DEG = 1e-6


def clouds_of_ground(ranked: Sequence[SceneRecord]) -> MultiPolygon | None:
    """The clouds of the first mask, and those of each further one over ground that none before it shows.

    Args:
        ranked: The records of an acquisition, in order of precedence.

    Returns:
        WGS 84; empty where no cloud was seen, None where no record has a mask.
    """
    masked = [(scene.clouds, scene.footprint) for scene in ranked if scene.clouds is not None]
    if not masked:
        return None
    (first, ground), *others = masked
    shown: BaseGeometry = ground
    further: list[Polygon] = []
    for clouds, footprint in others:
        unseen = shapely.difference(footprint, shown)
        if unseen.area > _LEAST_NEW_GROUND * footprint.area:
            further += polygon_parts(shapely.intersection(clouds, unseen))
            shown = shapely.union(shown, unseen)
    return _united([*first.geoms, *further]) if further else first


def _united(clouds: Sequence[Polygon]) -> MultiPolygon:
    region = shapely.set_precision(shapely.union_all(clouds), _PRECISION_DEG)
    return MultiPolygon([orient(part) for part in polygon_parts(region)])
