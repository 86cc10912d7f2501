"""Items as clients need them: absolute asset hrefs, and the `datetime` key that pgSTAC drops when it is null."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import Any

from stac_api.stac_document import Document

#: Hrefs of what we serve are stored relative to the API, so that the catalogue can move: files of the archive as
#: `assets/{collection}/{item}/{key}`, pictures of stereo sets below the address of their Item.
OWN_PREFIXES = ("assets/", "collections/")


#: The fields of an Item that a client has whichever it includes, unless it excludes them.
IDENTIFYING_FIELDS = frozenset({"id", "collection"})

#: The fields of an Item when a client includes none and excludes some (Fields extension, POST).
DEFAULT_FIELDS = frozenset(
    {
        "type",
        "stac_version",
        "id",
        "collection",
        "geometry",
        "bbox",
        "links",
        "assets",
        "properties.title",
        "properties.datetime",
        "properties.start_datetime",
        "properties.end_datetime",
    }
)


def complete_item(
    feature: Document,
    base_url: str,
    *,
    include: AbstractSet[str],
    exclude: AbstractSet[str],
) -> Document:
    """The Item with what a client may rely on.

    Args:
        feature: An Item, or what a Fields request left of it.
        base_url: Of the API, with its final slash.
        include: The fields asked for; empty means all.
        exclude: The fields not wanted.
    """
    if "type" not in exclude:
        feature.setdefault("type", "Feature")
    properties = feature.get("properties")
    if isinstance(properties, dict) and _wants_datetime(include, exclude):
        # QGIS (3.40 and later) silently drops an Item without this key, and pgSTAC 0.10 drops the key when it is null.
        properties.setdefault("datetime", None)
    if isinstance(feature.get("assets"), dict):
        feature["assets"] = {key: _reachable(asset, base_url) for key, asset in feature["assets"].items()}
    return feature


def _wants_datetime(include: AbstractSet[str], exclude: AbstractSet[str]) -> bool:
    names = {"properties", "properties.datetime", "datetime"}
    return bool(not include or include & names) and not exclude & {"properties.datetime", "datetime"}


def _reachable(asset: Any, base_url: str) -> Any:
    if isinstance(asset, dict) and str(asset.get("href", "")).startswith(OWN_PREFIXES):
        return {**asset, "href": base_url + asset["href"]}
    return asset
