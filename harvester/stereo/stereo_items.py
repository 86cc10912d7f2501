"""Builds the Items of stereo sets, and the memberships in the Items of their views: pure functions on JSON data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import shapely
from pystac.utils import datetime_to_str

from footprints import footprint_bbox
from footprints.stereo.properties import ROLES, STEREO_EXTENSION, stereo_properties
from footprints.stereo.suitability import outer_pair, suitability
from harvester.items.assets import spoken_moment
from harvester.items.document import ItemDocument
from harvester.items.from_scenes import EXTENSIONS, STAC_VERSION
from harvester.items.links import collection_link, item_link
from harvester.record import known
from harvester.stereo.sets import FoundSet

STEREO_IMAGERY_EXTENSION = "https://stac-extensions.github.io/stereo-imagery/v1.0.0/schema.json"

#: Extensions whose schemas require a field in the properties, whatever the assets have.
_OF_ITEMS_ALONE = frozenset({"processing", "product"})
#: Times of writing, which are no content of an Item.
_TIMESTAMPS = ("created", "updated")


@dataclass(frozen=True, order=True)
class Membership:
    """That an image is a view of a set; sorted, the best set comes first."""

    rank: float  #: negative suitability of the set
    set: str
    collection: str
    count: int  #: views of the set
    number: int  #: of this view in chronological order, from 1


def stereo_item(found: FoundSet, views: Sequence[ItemDocument]) -> dict[str, Any]:
    """The Item of a set as JSON data, without the times of its writing.

    Args:
        found: The set.
        views: The Items of its views, in chronological order.
    """
    footprint = found.common_footprint
    assets = dict(_assets(found, views))
    properties = _properties(found, views)
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [STEREO_EXTENSION, *_extensions(properties, assets.values())],
        "id": found.id,
        "collection": found.collection,
        "geometry": shapely.geometry.mapping(footprint),
        "bbox": list(footprint_bbox(footprint)),
        "properties": properties,
        "links": list(_links(found)),
        "assets": assets,
    }


def digest_of(item: ItemDocument) -> bytes:
    """SHA-256 of the content of an Item, without the times of writing."""
    properties = {name: value for name, value in item["properties"].items() if name not in _TIMESTAMPS}
    return hashlib.sha256(orjson.dumps({**item, "properties": properties}, option=orjson.OPT_SORT_KEYS)).digest()


def memberships_of(found: FoundSet) -> Iterator[tuple[str, Membership]]:
    """The Item of each view, with its membership."""
    count = len(found.views)
    rank = -published_suitability(found)
    for number, view in enumerate(found.views, 1):
        yield view.item, Membership(rank, found.id, found.collection, count, number)


def published_suitability(found: FoundSet) -> float:
    """The suitability as published in Items."""
    return round(suitability(found.set), 4)


def with_sets(item: dict[str, Any], memberships: Iterable[Membership]) -> dict[str, Any]:
    """The Item of an image with links to the sets that it belongs to, and its place in the best of them.

    `stereo-img:number` is a property of the Item, so an image can be in one group only; other sets are only linked.
    """
    ordered = sorted(memberships)
    if not ordered:
        return item
    best = ordered[0]
    place = {"stereo-img:count": best.count, "stereo-img:group": best.set, "stereo-img:number": best.number}
    links = [item_link("related", each.collection, each.set) for each in ordered]
    return {
        **item,
        "stac_extensions": [*item["stac_extensions"], STEREO_IMAGERY_EXTENSION],
        "properties": item["properties"] | place,
        "links": [*item["links"], *links],
    }


def _properties(found: FoundSet, views: Sequence[ItemDocument]) -> dict[str, Any]:
    said = [view["properties"] for view in views]
    return {
        **_times(found),
        **known({name: said[0].get(name) for name in ("platform", "constellation", "mission", "instruments")}),
        **known({"gsd": max((each["gsd"] for each in said if each.get("gsd")), default=None)}),
        **_shared(said, ("processing:level", "product:type")),
        **known({"eo:cloud_cover": found.set.worst_cloud_cover_percent}),
        "title": _title(found, said[0]),
        **stereo_properties(found.set),
        # Where an image is both held and in the archive, the finder saw one of the two Items.
        "stereo:views": [view.item for view in found.views],
        "stereo:views_to_order": [view.item for view in found.views if view.is_archive],
        "dinamis:held": not any(view.is_archive for view in found.views),
        "dinamis:view_collections": sorted({view.collection for view in found.views}),
        "dinamis:source": sorted({source for each in said for source in each.get("dinamis:source", ())}),
    }


def _shared(said: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """The fields on which all views agree."""
    first = said[0]
    return {
        name: first[name] for name in names if name in first and all(first[name] == each.get(name) for each in said)
    }


def _times(found: FoundSet) -> dict[str, str]:
    started, ended = datetime_to_str(found.started_at), datetime_to_str(found.ended_at)
    return {"datetime": started, "start_datetime": started, "end_datetime": ended}


def _title(found: FoundSet, first: Mapping[str, Any]) -> str:
    moment = spoken_moment(found.started_at)
    satellite = str(first.get("title", "")).partition(moment)[0].strip() or first["platform"]
    return f"{satellite} {moment} {found.mode} {outer_pair(found.set).convergence_deg:.1f}°"


def _assets(found: FoundSet, views: Sequence[ItemDocument]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The picture of the set; previews of all views; images, geometric models and metadata of held ones."""
    yield "picture", _picture(found)
    for number, (view, document) in enumerate(zip(found.views, views, strict=True), 1):
        for key, asset in document["assets"].items():
            roles = asset.get("roles", [])
            # Masks are metadata too, but have a further role.
            is_needed = "data" in roles or roles == ["metadata"]
            if "thumbnail" in roles or (is_needed and not view.is_archive):
                yield f"view{number}-{key}", asset


def _picture(found: FoundSet) -> Mapping[str, Any]:
    """The picture of the set, drawn by the API: no overview, which clients would lay over the footprint on a map."""
    return {
        "href": f"collections/{found.collection}/items/{found.id}/stereo/overview.png",
        "title": f"{found.mode}: footprints, lines of sight and numbers".capitalize(),
        "type": "image/png",
        "roles": ["graphic"],
    }


def _links(found: FoundSet) -> Iterator[dict[str, Any]]:
    yield collection_link(found.collection)
    for view, role in zip(found.views, ROLES[len(found.views)], strict=True):
        yield item_link("derived_from", view.collection, view.item) | {"stereo:role": role}


def _extensions(properties: Mapping[str, Any], assets: Iterable[Mapping[str, Any]]) -> list[str]:
    groups = [group for asset in assets for group in (asset, *asset.get("bands", ()))]
    of_item, of_assets = _prefixes([properties]), _prefixes(groups) - _OF_ITEMS_ALONE
    return [uri for prefix, uri in EXTENSIONS.items() if prefix in of_item | of_assets]


def _prefixes(groups: Iterable[Mapping[str, Any]]) -> set[str]:
    return {name.partition(":")[0] for group in groups for name in group if ":" in name}
