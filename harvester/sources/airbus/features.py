"""What the GeoJSON features of both Airbus catalogues have in common: ids and footprints."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from footprints import FootprintError, Region, footprint_from_corners, footprint_from_rings, union_footprints
from harvester.errors import UnreadableScene
from harvester.record import RawRecord
from harvester.sources.feature_search.features import raw_record
from harvester.sources.source import said_in
from harvester.strict_reading import instant

#: EO-DataHub's airbus-harvester met latitudes beyond the poles; farther off than this it is no rounding.
_BEYOND_POLE_DEG = 1.0


def records_from_features(
    features: Sequence[Any], id_field: str, passing: frozenset[str] = frozenset()
) -> list[RawRecord]:
    """The features of a page as raw records.

    Args:
        features: as the service gives them.
        id_field: the property that is the id of the record.
        passing: places of fields that change without the image.
    """
    return [raw_record(feature, said_in(feature, "properties", id_field), passing) for feature in features]


def moment_or_none(said: Any) -> datetime | None:
    """An optional time, UTC; None where there is none, or none that can be read."""
    try:
        return instant(said, "the time")
    except UnreadableScene:
        return None


def footprint_from_geojson(geometry: Any) -> tuple[Region, tuple[str, ...]]:
    """The footprint of a feature, and a warning where it had to be repaired.

    Longitudes beyond ±180 are brought back and cut; latitudes up to 1° beyond a pole become the pole.

    Args:
        geometry: GeoJSON Polygon or MultiPolygon in WGS 84, longitude first.

    Raises:
        UnreadableScene: it is no such geometry, encloses no area or is not on the Earth.
    """
    try:
        shape = shapely.force_2d(shapely.geometry.shape(geometry))
        polygons = _polygons(shape)
        clipped = [_clipped(polygon) for polygon in polygons]
        region = union_footprints([_region(polygon) for polygon in clipped])
    except (AttributeError, LookupError, TypeError) as error:
        raise UnreadableScene(f"geometry is not a GeoJSON polygon: {str(geometry)[:80]}") from error
    except (FootprintError, ValueError, shapely.errors.ShapelyError) as error:
        raise UnreadableScene(f"geometry is no footprint: {error}") from error
    is_moved = any(not before.equals(after) for before, after in zip(polygons, clipped, strict=True))
    return region, ("geometry reaches beyond a pole and was clipped",) if is_moved else ()


def _polygons(shape: BaseGeometry) -> list[shapely.Polygon]:
    if not isinstance(shape, shapely.Polygon | shapely.MultiPolygon) or shape.is_empty:
        raise ValueError(f"{shape.geom_type} where a Polygon or MultiPolygon with an area is wanted")
    return list(shape.geoms) if isinstance(shape, shapely.MultiPolygon) else [shape]


def _clipped(polygon: shapely.Polygon) -> shapely.Polygon:
    reach = max(map(abs, polygon.bounds[1::2]), default=0.0)
    if not 90 < reach <= 90 + _BEYOND_POLE_DEG:
        return polygon
    return shapely.transform(polygon, lambda points: points.clip([-720, -90], [720, 90]))


def _region(polygon: shapely.Polygon) -> Region:
    exterior = shapely.get_coordinates(polygon.exterior).tolist()
    if not polygon.interiors:
        return footprint_from_corners(exterior)
    return footprint_from_rings(
        [(exterior, [shapely.get_coordinates(hole).tolist() for hole in polygon.interiors])], 4326
    )
