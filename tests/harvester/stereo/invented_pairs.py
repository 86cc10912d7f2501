"""Stereo sets made by hand, as the catalogue gives them, and a catalogue that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from shapely import box
from shapely.geometry import MultiPolygon, Polygon, mapping, shape

from footprints import View, ViewingDirection, footprint_bbox, valid_footprint
from footprints.stereo.finder import StereoPair, find_stereo_groups
from footprints.stereo.views import NormalisedDirection

Document = dict[str, Any]

MOMENT = datetime(2021, 8, 15, 10, 41, 30, 100_000, tzinfo=UTC)
#: Azimuth and incidence of a pass that comes from the north, and when.
DIRECTIONS = ((5.0, 14.0, 0.0), (95.0, 3.0, 22.0), (182.0, 13.0, 44.0))


def view_item(
    number: int, *, lon: float = 2.0, lat: float = 45.0, collection: str = "pleiades", known: bool = True
) -> Document:
    """One view of the pass, 0 to 2, a little east of the one before."""
    azimuth, incidence, seconds = DIRECTIONS[number]
    moment = MOMENT + timedelta(seconds=seconds)
    footprint = valid_footprint(box(lon + number * 0.01, lat, lon + 0.2 + number * 0.01, lat + 0.1))
    directions = {"view:azimuth": azimuth} if known else {}
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"PHR1A_{moment:%Y%m%d%H%M%S}{moment.microsecond // 100_000}",
        "collection": collection,
        "geometry": mapping(footprint),
        "bbox": list(footprint_bbox(footprint)),
        "properties": {
            "datetime": moment.isoformat().replace("+00:00", "Z"),
            "platform": "pleiades-1a",
            "constellation": "pleiades",
            "gsd": 0.5,
            "eo:cloud_cover": 10.0 * number,
            "view:incidence_angle": incidence,
            **directions,
        },
        "links": [],
        "assets": {},
    }


def set_item(views: Sequence[Document], *, collection: str | None = None, **properties: Any) -> Document:
    """The Item of the set that these views are, with the quantities of the finder."""
    found = find_stereo_groups([_view(each) for each in views])
    (each,) = found.triplets if len(views) == 3 else found.pairs
    outer = each if isinstance(each, StereoPair) else each.pairs[-1]
    common = each.common_footprint()
    mode = "tri-stereo" if len(views) == 3 else "stereo"
    told = {
        "title": f"Pléiades 1A {mode} {each.started_at:%Y-%m-%d %H:%M:%S}",
        "datetime": views[0]["properties"]["datetime"],
        "start_datetime": views[0]["properties"]["datetime"],
        "end_datetime": views[-1]["properties"]["datetime"],
        "platform": "pleiades-1a",
        "constellation": "pleiades",
        "gsd": 0.5,
        "eo:cloud_cover": each.worst_cloud_cover_percent,
        "dinamis:held": True,
        "dinamis:view_collections": [view["collection"] for view in views],
        "stereo:mode": mode,
        "stereo:views": [view["id"] for view in views],
        "stereo:views_to_order": [],
        "stereo:view_count": len(views),
        **_quantities(outer),
        "stereo:overlap": each.overlap,
        "stereo:overlap_area": each.overlap_km2,
        "stereo:cloud_cover_max": each.worst_cloud_cover_percent,
        "stereo:cloud_cover_mean": each.mean_cloud_cover_percent,
        "stereo:suitability": 0.8,
        **properties,
    }
    stamps = "_".join(view["id"].partition("_")[2] for view in views)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"pleiades-1a_{stamps}",
        "collection": collection or ("pleiades-tristereo" if len(views) == 3 else "pleiades-stereo"),
        "geometry": mapping(common),
        "bbox": list(footprint_bbox(common)),
        "properties": {name: value for name, value in told.items() if value is not None},
        "links": [{"rel": "derived_from", "href": f"collections/{v['collection']}/items/{v['id']}"} for v in views],
        "assets": {},
    }


def _quantities(pair: StereoPair) -> Document:
    return {
        "stereo:convergence_angle": pair.convergence_deg,
        "stereo:base_to_height": pair.base_to_height,
        "stereo:parallax_to_height": pair.parallax_to_height,
        "stereo:bisector_elevation_angle": pair.bisector_elevation_deg,
        "stereo:asymmetry_angle": pair.asymmetry_deg,
        "stereo:roll_angle": pair.roll_deg,
        "stereo:time_span": pair.time_span_s,
        "stereo:flight_time_ratio": pair.flight_time_ratio,
        "stereo:azimuth_doubtful": pair.azimuth_doubtful,
        "stereo:direction_source": "vendor",
    }


def _view(item: Document) -> View:
    properties = item["properties"]
    azimuth = properties.get("view:azimuth")
    incidence = properties["view:incidence_angle"]
    footprint = shape(item["geometry"])
    assert isinstance(footprint, Polygon | MultiPolygon)
    return View(
        id=item["id"],
        platform=properties["platform"],
        acquired_at=datetime.fromisoformat(properties["datetime"]),
        footprint=footprint,
        direction=NormalisedDirection(None, incidence)
        if azimuth is None
        else NormalisedDirection.of(ViewingDirection(azimuth, incidence)),
        cloud_cover_percent=properties["eo:cloud_cover"],
    )
