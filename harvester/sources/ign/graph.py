"""The pieces of a mosaic, from the WFS that serves its graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from harvester.errors import UnreadableAnswer
from harvester.http import Session
from harvester.sources.source import BBox

Feature = Mapping[str, Any]

_COUNT = 1000  #: features per request; the Géoplateforme gives at most 5 000, whatever is asked for


def features_by_region(
    session: Session, url: str, type_name: str, region: str, boxes: Sequence[BBox]
) -> dict[str | None, list[Feature]]:
    """All features of a type, grouped by an attribute, both sorted; None for those without it.

    Args:
        session: to ask with.
        url: of the WFS.
        type_name: of the features.
        region: the attribute.
        boxes: where the features must lie, in longitude and latitude.

    Raises:
        UnreadableAnswer: There is no feature, they lie elsewhere (either may mean a wrong axis order), or the pages
            overlap.
    """
    features = _all_features(session, url, type_name)
    _check_axes(features.values(), boxes, type_name)
    regions: dict[str | None, list[Feature]] = defaultdict(list)
    for _, feature in sorted(features.items()):
        value = (feature.get("properties") or {}).get(region)
        regions[str(value) if value else None].append(feature)
    return dict(sorted(regions.items(), key=lambda named: named[0] or ""))


def _all_features(session: Session, url: str, type_name: str) -> dict[str, Feature]:
    """Page on until a page is empty: the service's counts are not trusted."""
    features: dict[str, Feature] = {}
    while page := _page(session, url, type_name, len(features)):
        fresh = {str(feature["id"]): feature for feature in page} if _have_ids(page) else {}
        if len(fresh) < len(page) or fresh.keys() & features.keys():
            raise UnreadableAnswer(f"{type_name}: the page from {len(features)} repeats features or has none with ids")
        features |= fresh
    if not features:
        raise UnreadableAnswer(f"{type_name} has 0 features: a wrong axis order and an unknown year look like this")
    return features


def _page(session: Session, url: str, type_name: str, start: int) -> list[Any]:
    parameters = {
        "SERVICE": "WFS",
        "VERSION": "2.0.0",
        "REQUEST": "GetFeature",
        "TYPENAMES": type_name,
        "OUTPUTFORMAT": "application/json",
        # The Géoplateforme gives EPSG:4326 as longitude, latitude, contrary to the definition; checked below.
        "SRSNAME": "EPSG:4326",
        "COUNT": _COUNT,
        "STARTINDEX": start,
    }
    answer = session.get_json(url, parameters)
    if not isinstance(answer, dict) or not isinstance(answer.get("features"), list):
        raise UnreadableAnswer(f"{type_name}: the answer is no FeatureCollection: {str(answer)[:200]}")
    return list(answer["features"])


def _have_ids(page: Sequence[Any]) -> bool:
    return all(isinstance(feature, dict) and feature.get("id") for feature in page)


def _check_axes(features: Any, boxes: Sequence[BBox], type_name: str) -> None:
    if not boxes:
        return
    shown = shapely.union_all([shapely.box(*box) for box in boxes])
    outlines = [outline for feature in features if (outline := _outline(feature)) is not None]
    if outlines and not any(shown.intersects(outline) for outline in outlines):
        raise UnreadableAnswer(
            f"{type_name}: no feature lies where it should ({shown.bounds}): is the axis order wrong?"
        )


def _outline(feature: Feature) -> BaseGeometry | None:
    """The box of a feature; None where it is unreadable, which the reader of the record will report."""
    try:
        return shapely.box(*shape(dict(feature["geometry"])).bounds)
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError):
        return None
