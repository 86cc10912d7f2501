"""Stereo sets found among the images of one answer: Items like the stored ones, but computed and not stored."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import shapely
from cql2 import Expr
from stac_fastapi.types.rfc3339 import datetime_to_str

from footprints import (
    EmptyFootprintError,
    View,
    find_stereo_groups,
    find_stereo_pairs,
    footprint_bbox,
    orbit_altitude_km,
)
from footprints.stereo.properties import (
    DIRECTION_PROPERTIES,
    ROLES,
    STEREO_EXTENSION,
    set_id,
    stereo_properties,
    view_of_image,
)
from footprints.stereo.suitability import AnyStereoSet
from stac_api.errors import TooManyImages
from stac_api.intervals import ends_of
from stac_api.stac_document import Document
from stac_api.stereo.area import MeasuredArea, area_of, footprint_of
from stac_api.stereo.order import SetOrder
from stac_api.stereo.request import STORED, StereoSearch

#: Fields read of an image; others would only enlarge the database's answer.
IMAGE_FIELDS = (
    "id",
    "collection",
    "geometry",
    "properties.datetime",
    "properties.platform",
    "properties.constellation",
    "properties.mission",
    "properties.gsd",
    "properties.eo:cloud_cover",
    "properties.view:sun_azimuth",
    "properties.view:sun_elevation",
    *(f"properties.{name}" for name in DIRECTION_PROPERTIES),
    "properties.dinamis:held",
    "properties.dinamis:held_by",
    "properties.dinamis:source",
)
MOST_NEIGHBOURS = 200_000  #: pairs of images near enough in time to be compared; more would take more than seconds
MOST_SETS = 10_000  #: a millisecond or two each
_EO = "https://stac-extensions.github.io/eo/v2.0.0/schema.json"
_ONE_NAME = "any"
_ANY_RATIO = 1e9  #: infinity times an angle of 0 would be no number


@dataclass(frozen=True)
class Image:
    """The Item of an image, and the image as a view for the finder."""

    document: Document
    view: View

    @property
    def is_to_order(self) -> bool:
        """Whether it is only in a vendor's archive: Items of archives say whether an image is held."""
        return self.document["properties"].get("dinamis:held") is False


def computed_sets(
    documents: Sequence[Document], search: StereoSearch, base_url: str, area: MeasuredArea | None = None
) -> list[Document]:
    """The Items of all sets among some images that match a search, in its order.

    Args:
        documents: Items of images, with the fields of `IMAGE_FIELDS`.
        search: The search.
        base_url: Of the API, with a final slash.
        area: The area of which each set gives the share it shows; None if not requested.

    Raises:
        TooManyImages: too many of them are near each other in time, or they make too many sets.
    """
    images = {image.view.id: image for image in _images(documents)}
    _refuse_crowds(images.values(), search)
    found = _multi_date_pairs(images, search) if search.multi_date else _of_one_pass(images, search)
    if len(found) > MOST_SETS:
        raise TooManyImages(f"They make {len(found)} sets; {MOST_SETS} is the most.")
    is_wanted = _wanted(search)
    items = (item for each in found for item in _items(each, images, search, base_url, area))
    return SetOrder(search.sortby).sorted(list(filter(is_wanted, items)))


def _images(documents: Sequence[Document]) -> Iterator[Image]:
    """The images that can be views; for a held image, the archive's Item only if the held one is missing."""
    names = {document["id"] for document in documents}
    for document in documents:
        if document["properties"].get("dinamis:held_by") in names:
            continue
        if view := view_of_image(document["id"], footprint_of(document), document["properties"]):
            yield Image(document, view)


def _refuse_crowds(images: Collection[Image], search: StereoSearch) -> None:
    instants = np.sort([image.view.acquired_at.timestamp() for image in images])
    neighbours = np.searchsorted(instants, instants + search.reach_s, side="right") - np.arange(len(instants)) - 1
    if neighbours.sum() > MOST_NEIGHBOURS:
        raise TooManyImages(f"{neighbours.sum()} pairs of them are near enough in time; {MOST_NEIGHBOURS} is the most.")


def _of_one_pass(images: Mapping[str, Image], search: StereoSearch) -> list[AnyStereoSet]:
    views = [image.view for image in images.values()]
    if search.modes == ["stereo"]:
        return list(find_stereo_pairs(views, search.limits))
    found = find_stereo_groups(views, search.limits)
    by_mode: dict[str, Sequence[AnyStereoSet]] = {
        "stereo": found.pairs,
        "tri-stereo": found.triplets,
        "multi-view": [group for group in found.groups if group.kind == "multi-view"],
    }
    return [each for mode in search.modes for each in by_mode[mode]]


def _multi_date_pairs(images: Mapping[str, Image], search: StereoSearch) -> list[AnyStereoSet]:
    """Pairs of different passes; an image without azimuth cannot be in one, as the flight time does not replace it."""
    views = [
        # The finder joins images of one platform: so all get the same one here.
        replace(view, platform=_ONE_NAME, altitude_km=view.altitude_km or orbit_altitude_km(view.platform))
        for view in (image.view for image in images.values())
        if view.direction.azimuth_deg is not None and view.direction.incidence_deg is not None
    ]
    # The time between two passes says nothing about the angle between them.
    limits = replace(search.limits, pass_s=search.reach_s, min_flight_time_ratio=0.0, max_flight_time_ratio=_ANY_RATIO)
    return [
        pair
        for pair in find_stereo_pairs(views, limits)
        if not _is_one_pass([images[view.id].view for view in pair.views])
    ]


def _is_one_pass(views: Sequence[View]) -> bool:
    first, second = views
    span_s = (second.acquired_at - first.acquired_at).total_seconds()
    return first.platform == second.platform and span_s <= STORED.pass_s


def _items(
    found: AnyStereoSet, images: Mapping[str, Image], search: StereoSearch, base_url: str, area: MeasuredArea | None
) -> Iterator[Document]:
    """The Item of a set; none for a group without a common footprint, or one that shows too little of the area."""
    members = [images[name] for name in found.ids]
    try:
        footprint = found.common_footprint()
        properties = _properties(found, members, search)
    except EmptyFootprintError:
        return
    if area is not None:
        properties |= area.properties_of(footprint, found.ids)
    yield {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [STEREO_EXTENSION, *([_EO] if "eo:cloud_cover" in properties else [])],
        "id": set_id([image.view for image in members]),
        "geometry": shapely.geometry.mapping(footprint),
        "bbox": list(footprint_bbox(footprint)),
        "properties": properties,
        "links": list(_links(members, base_url)),
        "assets": {},
    }


def _properties(found: AnyStereoSet, members: Sequence[Image], search: StereoSearch) -> Document:
    said = [image.document["properties"] for image in members]
    started, ended = (datetime_to_str(each.astimezone(UTC)) for each in (found.started_at, found.ended_at))
    computed = stereo_properties(found)
    shared = {name: said[0].get(name) for name in ("platform", "constellation", "mission")}
    shared["gsd"] = max((each["gsd"] for each in said if each.get("gsd")), default=None)
    shared["eo:cloud_cover"] = computed.get("stereo:cloud_cover_max")
    if search.multi_date:
        computed.pop("stereo:flight_time_ratio", None)
        computed["stereo:multi_date"] = True
    return {
        "datetime": started,
        "start_datetime": started,
        "end_datetime": ended,
        **{name: value for name, value in shared.items() if value is not None},
        "title": _title(members[0], computed),
        **computed,
        "stereo:views_to_order": [image.view.id for image in members if image.is_to_order],
        "dinamis:held": not any(image.is_to_order for image in members),
        "dinamis:view_collections": sorted({image.document["collection"] for image in members}),
        "dinamis:source": sorted({source for each in said for source in each.get("dinamis:source", ())}),
    }


def _title(first: Image, computed: Mapping[str, Any]) -> str:
    moment = f"{first.view.acquired_at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
    return f"{first.view.platform} {moment} {computed['stereo:mode']} {computed['stereo:convergence_angle']:.1f}°"


def _links(members: Sequence[Image], base_url: str) -> Iterator[Document]:
    yield {"rel": "root", "type": "application/json", "href": base_url}
    roles = ROLES.get(len(members), ("forward", *[None] * (len(members) - 2), "backward"))
    for image, role in zip(members, roles, strict=True):
        yield {
            "rel": "derived_from",
            "type": "application/geo+json",
            "title": image.view.id,
            "href": f"{base_url}collections/{image.document['collection']}/items/{image.view.id}",
            **({"stereo:role": role} if role else {}),
        }


def _wanted(search: StereoSearch) -> Callable[[Document], bool]:
    """Whether a set matches the search: the same conditions as pgSTAC applies to stored sets."""
    area, ids, condition = area_of(search), search.ids, search.condition()
    expression = Expr(dict(condition)) if condition else None
    started, ended = _interval(search.datetime)

    def is_wanted(item: Document) -> bool:
        properties = item["properties"]
        return (
            (not ids or item["id"] in ids)
            and datetime.fromisoformat(properties["start_datetime"]) <= ended
            and datetime.fromisoformat(properties["end_datetime"]) >= started
            and (area is None or footprint_of(item).intersects(area))
            and properties.get("stereo:aoi_coverage", 1) >= (search.aoi_coverage or 0)
            and _holds(expression, item)
        )

    return is_wanted


def _holds(condition: Expr | None, item: Document) -> bool:
    try:
        return condition is None or bool(condition.matches(item))
    except Exception:  # cql2 raises bare Exception for a missing property: as in SQL, the condition is then not met
        return False


def _interval(text: str | None) -> tuple[datetime, datetime]:
    first, last = ends_of(text)
    return first or datetime.min.replace(tzinfo=UTC), last or datetime.max.replace(tzinfo=UTC)
