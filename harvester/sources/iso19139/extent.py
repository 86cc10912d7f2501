"""Place and time of an ISO record: its bounding polygons, boxes and periods."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from footprints import FootprintError, Region, footprint_as_drawn, union_footprints, valid_footprint
from harvester.errors import UnreadableScene
from harvester.sources.iso19139.document import XmlElement, elements, name_of, number, text, texts
from harvester.strict_reading import instant

_EXTENT = "identificationInfo//EX_Extent"
_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?(?:Z|[+-]\d{2}:\d{2})?")
#: The two forms of an EPSG name that prescribe the axis order of EPSG; `EPSG:4326` alone does not.
_LATITUDE_FIRST = re.compile(r"urn:ogc:def:crs:EPSG|opengis\.net/def/crs/EPSG")
#: A box and its polygon are rounded differently, and the box is often a little wider.
_SLACK_DEG = 0.1


def footprint_of(record: XmlElement) -> tuple[Region, tuple[str, ...]]:
    """The footprint of a record, WGS 84, and warnings: from its polygons, or from its boxes if no polygon is usable.

    Raises:
        UnreadableScene: It has neither, or they enclose nothing on the Earth.
    """
    boxes, warnings = _boxes(record)
    try:
        if polygons := [_ordered(polygon, boxes) for polygon in _polygons(record)]:
            return _united(map(footprint_as_drawn, polygons)), warnings
    except UnreadableScene as error:
        if not boxes:
            raise
        warnings = (*warnings, f"its bounding box stands in for its polygon: {error}")
    if not boxes:
        raise UnreadableScene("; ".join(warnings) or "it has neither a bounding polygon nor a bounding box")
    return _united(map(valid_footprint, boxes)), warnings


def _united(drawn: Iterable[Region]) -> Region:
    try:
        return union_footprints(drawn)
    except FootprintError as error:
        raise UnreadableScene(f"its extent is no footprint: {error}") from error


def period_of(record: XmlElement) -> tuple[datetime, datetime]:
    """First and last moment of what a record shows, UTC; both from its beginning where it gives no end.

    Dates of the citation (creation, publication) are not used: they say when the product was made.

    Raises:
        UnreadableScene: It has no temporal extent.
    """
    begins = _moments(record, "beginPosition", "begin", "timePosition")
    ends = _moments(record, "endPosition", "end", "timePosition")
    if not begins:
        raise UnreadableScene("it does not say when its image was acquired (no temporal extent)")
    begin, end = min(begin for begin, _ in begins), max(end for _, end in ends or begins)
    if end < begin:
        raise UnreadableScene(f"its period ends ({end.isoformat()}) before it begins ({begin.isoformat()})")
    return begin, end


def _moments(record: XmlElement, *names: str) -> list[tuple[datetime, datetime]]:
    extents = elements(record, f"{_EXTENT}//temporalElement")
    said = [text for extent in extents for name in names for text in texts(extent, f"/{name}")]
    return [bounds_of(text, names[0]) for text in said if text not in ("now", "unknown")]


def bounds_of(said: str, where: str) -> tuple[datetime, datetime]:
    """First and last moment of a GML time: a year, month or day (in UTC, whatever its zone), or an instant.

    Raises:
        UnreadableScene: It is none of these.
    """
    partial = _PARTIAL_DATE.fullmatch(said)
    if partial is None:
        moment = instant(said, where)
        return moment, moment
    year, month, day = (int(part) if part else None for part in partial.groups())
    try:
        begin = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
        last_month = month or 12
        last_day = datetime(begin.year, last_month, day or monthrange(begin.year, last_month)[1], tzinfo=UTC)
    except ValueError as error:
        raise UnreadableScene(f"{where} is not a time but {said[:80]!r}") from error
    return begin, last_day + timedelta(days=1, seconds=-1)


def _boxes(record: XmlElement) -> tuple[list[Polygon], tuple[str, ...]]:
    boxes, warnings = [], []
    for element in elements(record, f"{_EXTENT}//EX_GeographicBoundingBox"):
        if text(element, "extentTypeCode") in ("false", "0"):  # an area excluded from the data
            continue
        try:
            west, south, east, north = _sides(element)
        except UnreadableScene as error:
            warnings.append(str(error))
            continue
        if west > east and west - east < 180:
            # Across 180° this box would cover more than half of the Earth: its sides are swapped, as in a whole
            # French catalogue (GéoIDE, 2019).
            warnings.append("the west and east sides of its bounding box are swapped")
            west, east = east, west
        boxes.append(shapely.box(west, south, east + 360 if west > east else east, north))
    return boxes, tuple(dict.fromkeys(warnings))


def _sides(box: XmlElement) -> list[float]:
    names = ("westBoundLongitude", "southBoundLatitude", "eastBoundLongitude", "northBoundLatitude")
    said = [side for name in names if (side := number(box, name)) is not None]
    if len(said) < len(names):
        raise UnreadableScene("its bounding box lacks a side")
    return said


def _polygons(record: XmlElement) -> Iterator[Polygon]:
    for element in elements(record, f"{_EXTENT}//EX_BoundingPolygon//Polygon"):
        exterior = [_points(ring) for ring in _rings(element, ("exterior", "outerBoundaryIs"))]
        holes = [_points(ring) for ring in _rings(element, ("interior", "innerBoundaryIs"))]
        if len(exterior) != 1:
            raise UnreadableScene(f"its bounding polygon has {len(exterior)} outer rings")
        try:
            yield Polygon(exterior[0], holes)
        except ValueError as error:
            raise UnreadableScene(f"its bounding polygon is none: {error}") from error


def _rings(polygon: XmlElement, names: Sequence[str]) -> list[XmlElement]:
    return [ring for name in names for ring in elements(polygon, name)]


def _points(ring: XmlElement) -> list[tuple[float, float]]:
    """The positions of a ring, longitude first according to its reference system."""
    places = [found for found in ring.iter() if name_of(found) in ("pos", "posList", "coordinates")]
    try:
        numbers = [float(word) for place in places for word in (place.text or "").replace(",", " ").split()]
    except ValueError as error:
        raise UnreadableScene(f"its bounding polygon holds what is no number: {error}") from error
    dimension = _dimension(places)
    points = list(zip(numbers[0::dimension], numbers[1::dimension], strict=False))
    latitude_first = any(_LATITUDE_FIRST.search(_inherited(place, "srsName")) for place in places)
    return [(y, x) for x, y in points] if latitude_first else points


def _dimension(places: Sequence[XmlElement]) -> int:
    """The number of coordinates per position: as declared, or as counted in a single position."""
    if any("3" in (_inherited(place, "srsDimension"), place.get("dimension")) for place in places):
        return 3
    alone = [_numbers_alone(place) for place in places]
    return 3 if 3 in alone else 2


def _numbers_alone(place: XmlElement) -> int | None:
    """The number of coordinates per position, as written; None for a `posList`, where only an attribute tells."""
    words = (place.text or "").split()
    if name_of(place) == "pos":
        return len(words)
    return words[0].count(",") + 1 if name_of(place) == "coordinates" and words else None


def _inherited(place: XmlElement, attribute: str) -> str:
    """An attribute that a GML element may inherit from those around it."""
    return next((said for element in (place, *place.iterancestors()) if (said := element.get(attribute))), "")


def _ordered(polygon: Polygon, boxes: Sequence[BaseGeometry]) -> Polygon:
    """The polygon in the axis order that fits the record's own box: the order that servers declare is unreliable."""
    room = shapely.union_all(boxes).buffer(_SLACK_DEG)
    swapped = shapely.transform(polygon, lambda points: points[:, ::-1])
    return swapped if boxes and not room.covers(polygon) and room.covers(swapped) else polygon
