"""The area of a stereo search: how much of it sets show, and which sets cover it together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import orjson
import shapely

from footprints import Region, area_km2, overlap_km2
from footprints.stereo.properties import area_properties
from stac_api.areas import bbox_geometry
from stac_api.errors import NotAnArea
from stac_api.stac_document import Document
from stac_api.stereo.request import StereoSearch

_SLIVER = 1e-6


@dataclass(frozen=True)
class MeasuredArea:
    """The area against which sets are measured, and the clouds over it."""

    surface: Region
    clouds: Mapping[str, Region]  #: by image id; images without a mask are missing

    def properties_of(self, footprint: Region, views: Sequence[str]) -> dict[str, float]:
        """How much of the area a set shows, and how much of that clouds hide, as properties of its Item."""
        return area_properties(self.surface, footprint, [self.clouds.get(view) for view in views])


def covering(items: Sequence[Document], area: Region, most: int) -> list[Document]:
    """A few sets that cover an area together, chosen greedily: each adds the most.

    Finding the fewest is NP-hard; the greedy choice needs at most ln n times as many.

    Args:
        items: Sets, the preferred of equal ones first.
        area: To be covered as far as possible.
        most: Maximum number of sets.
    """
    outlines = np.array([footprint_of(item) for item in items], dtype=object)
    left, chosen = area, list[Document]()
    while len(items) and len(chosen) < most:
        gains = shapely.area(shapely.intersection(outlines, left))
        best = int(np.argmax(gains))
        # Rounding leaves slivers along common edges.
        if gains[best] <= _SLIVER * shapely.area(area):
            break
        chosen.append(items[best])
        left = shapely.difference(left, outlines[best])
    return chosen


def covered_share(items: Sequence[Document], area: Region) -> float:
    """The share of an area that some sets show together, 0 to 1."""
    shown = cast("Region", shapely.union_all([footprint_of(item) for item in items]))
    return min(1.0, overlap_km2(shown, area) / area_km2(area))


def footprint_of(item: Document) -> Region:
    """The geometry of an Item."""
    return cast("Region", shapely.from_geojson(orjson.dumps(item["geometry"])))


def area_of(search: StereoSearch) -> Region | None:
    """The area of a search; None if it has none.

    Raises:
        NotAnArea: it is not a geometry.
    """
    given = bbox_geometry(search.bbox) if search.bbox else search.intersects
    try:
        return cast("Region", shapely.from_geojson(orjson.dumps(given))) if given else None
    except shapely.errors.GEOSException as error:
        raise NotAnArea from error


def surface_of(search: StereoSearch) -> Region:
    """The area of a search, for computing shares of it.

    Raises:
        NotAnArea: it is a point, a line or a collection, or crosses itself.
    """
    area = area_of(search)
    if not isinstance(area, shapely.Polygon | shapely.MultiPolygon) or not area.is_valid or not area.area > 0:
        raise NotAnArea("A share or a cover of it is asked for: give a surface, one Polygon or MultiPolygon.")
    return area
