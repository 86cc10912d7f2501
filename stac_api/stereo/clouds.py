"""The clouds over the area of a stereo search, from the masks of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import shapely
from fastapi import Request
from shapely import MultiPolygon
from starlette.concurrency import run_in_threadpool

from database.statements import statement
from footprints import Region, polygon_parts

_SQL = statement("stac_api.stereo", "clouds")


async def clouds_over(area: Region, images: Sequence[Mapping[str, Any]], request: Request) -> dict[str, Region]:
    """The part of an area that the clouds of each image hide, by image id; images without a mask are left out.

    Args:
        area: WGS 84, longitude first, cut at the antimeridian.
        images: Images visible to the reader; no other masks are read.
        request: The request.
    """
    places = [image["collection"] for image in images], [image["id"] for image in images]
    async with request.app.state.get_connection(request, "r") as connection:
        masks = {row["id"]: row["clouds"] for row in await connection.fetch(_SQL, *places)}
    return await run_in_threadpool(_cut, masks, area)


def _cut(masks: Mapping[str, str], area: Region) -> dict[str, Region]:
    """The polygons of each mask within an area, without lines, which intersections may contain."""
    shared = shapely.intersection(shapely.from_geojson(list(masks.values())), area)
    return {name: MultiPolygon(polygon_parts(each)) for name, each in zip(masks, shared, strict=True)}
