"""Stereo sets selected by the share of an area that clouds hide, from the cloud masks of their views."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import shapely
from psycopg import Connection

from database.statements import statement
from footprints import Region
from footprints.stereo.properties import area_properties
from harvester.items.document import ItemDocument
from harvester.stereo.errors import StereoSearchRefused
from harvester.stereo.pair_search import MOST_SETS, StereoQuestion, find_sets

_CLOUDS = statement("harvester.stereo", "clouds_of_views")


def find_clear_sets(connection: Connection, question: StereoQuestion, most_percent: float) -> list[ItemDocument]:
    """The sets that meet all conditions, and whose views have no more than this cloud over the area asked about.

    They are among the MOST_SETS most suitable ones. Each says how much of the area it shows, and how much of that
    clouds hide. A set with a view without a cloud mask is left out.

    Args:
        connection: As the role of the API.
        question: With an area.
        most_percent: Of the part of the area that all views show, 0 to 100, in the cloudiest view.

    Raises:
        StereoSearchRefused: the area is empty.
    """
    area = _region(question.intersects)
    if not area.area > 0:
        raise StereoSearchRefused("Clouds hide a share of a surface: give an area that is one.")
    sets = find_sets(connection, replace(question, limit=MOST_SETS))
    masks = _masks(connection, sets)
    measured = [_measured(each, area, masks) for each in sets]
    clear = [each for each in measured if each["properties"].get("stereo:aoi_cloud_cover", 101) <= most_percent]
    return clear[: question.limit]


def _masks(connection: Connection, sets: Sequence[ItemDocument]) -> dict[str, Region]:
    """The clouds of the views by id; views without a mask are missing."""
    told = [each["properties"] for each in sets]
    places = {
        "names": sorted({view for each in told for view in each["stereo:views"]}),
        "collections": sorted({place for each in told for place in each["dinamis:view_collections"]}),
    }
    rows = connection.execute(_CLOUDS, places).fetchall()
    return dict(zip((name for name, _ in rows), shapely.from_geojson([mask for _, mask in rows]), strict=True))


def _measured(stereo_set: ItemDocument, area: Region, masks: Mapping[str, Region]) -> ItemDocument:
    properties = stereo_set["properties"]
    footprint = _region(stereo_set["geometry"])
    clouds = [masks.get(view) for view in properties["stereo:views"]]
    return {**stereo_set, "properties": {**properties, **area_properties(area, footprint, clouds)}}


def _region(geometry: Mapping[str, Any] | None) -> Region:
    return cast("Region", shapely.from_geojson(json.dumps(geometry)))
