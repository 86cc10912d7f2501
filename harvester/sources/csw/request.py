"""The GetRecords requests of CSW 2.0.2, as documents to post."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from lxml import etree
from lxml.builder import ElementMaker

from footprints import bbox_parts
from harvester.sources.iso19139.document import XmlElement
from harvester.sources.source import BBox, Selection

ISO_SCHEMA = "http://www.isotc211.org/2005/gmd"
DUBLIN_CORE_SCHEMA = "http://www.opengis.net/cat/csw/2.0.2"
_NAMESPACES = {
    "csw": DUBLIN_CORE_SCHEMA,
    "ogc": "http://www.opengis.net/ogc",
    "gml": "http://www.opengis.net/gml",
    "gmd": ISO_SCHEMA,
    "apiso": "http://www.opengis.net/cat/csw/apiso/1.0",
}
_CSW = ElementMaker(namespace=_NAMESPACES["csw"], nsmap=_NAMESPACES)
_OGC = ElementMaker(namespace=_NAMESPACES["ogc"])
_GML = ElementMaker(namespace=_NAMESPACES["gml"])

#: Servers compare dateStamps as texts, whatever their time zone; no zone is further from UTC than this.
_ZONE_MARGIN = timedelta(days=1)


def get_records(
    constraint: XmlElement | None,
    *,
    start: int,
    count: int,
    sort_by: Sequence[str],
    schema: str,
    hits: bool,
) -> bytes:
    """A GetRecords request for `count` records from position `start` (from 1) on.

    Args:
        constraint: what `constraint_of` gives.
        start: position of the first record in the sorted results.
        count: how many records at most.
        sort_by: queryables to sort by, ascending.
        schema: of the records: `ISO_SCHEMA` for whole ones, `DUBLIN_CORE_SCHEMA` for brief ones.
        hits: ask only for their number.
    """
    whole = schema == ISO_SCHEMA
    query = _CSW.Query(
        _CSW.ElementSetName("full" if whole else "brief"), typeNames="gmd:MD_Metadata" if whole else "csw:Record"
    )
    if constraint is not None:
        query.append(_CSW.Constraint(constraint, version="1.1.0"))
    if sort_by:
        query.append(_OGC.SortBy(*(_sort_property(name) for name in sort_by)))
    request = _CSW.GetRecords(
        query,
        service="CSW",
        version="2.0.2",
        resultType="hits" if hits else "results",
        startPosition=str(start),
        maxRecords=str(count),
        outputSchema=schema,
        outputFormat="application/xml",
    )
    return etree.tostring(request, xml_declaration=True, encoding="UTF-8")


def constraint_of(
    selection: Selection, where: Mapping[str, str], *, prefix: str, time_format: str
) -> XmlElement | None:
    """The filter for a selection; None for everything.

    Args:
        selection: `since` is moved a day earlier and `until` a day later, as servers compare texts.
        where: queryable -> required value.
        prefix: of the names of the queryables: "apiso:" or none.
        time_format: for `strftime`.
    """
    conditions = [
        *(_comparison("PropertyIsEqualTo", name, value) for name, value in where.items()),
        *_times(selection, f"{prefix}Modified", time_format),
        *_areas(selection.bbox, f"{prefix}BoundingBox"),
    ]
    if not conditions:
        return None
    return _OGC.Filter(conditions[0] if len(conditions) == 1 else _OGC.And(*conditions))


def _sort_property(name: str) -> XmlElement:
    return _OGC.SortProperty(_OGC.PropertyName(name), _OGC.SortOrder("ASC"))


def _times(selection: Selection, name: str, time_format: str) -> Iterator[XmlElement]:
    if selection.since is not None:
        day = _start_of_day(selection.since - _ZONE_MARGIN)
        yield _comparison("PropertyIsGreaterThanOrEqualTo", name, day.strftime(time_format))
    if selection.until is not None:
        day = _start_of_day(selection.until + 2 * _ZONE_MARGIN)
        yield _comparison("PropertyIsLessThan", name, day.strftime(time_format))


def _start_of_day(moment: datetime) -> datetime:
    # As a text, a dateStamp without a time is earlier than any second of its day.
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def _comparison(operator: str, name: str, value: str) -> XmlElement:
    return _OGC(operator, _OGC.PropertyName(name), _OGC.Literal(value))


def _areas(bbox: BBox | None, name: str) -> Iterator[XmlElement]:
    if bbox is None:
        return
    areas = [_area(box, name) for box in bbox_parts(bbox)]
    yield areas[0] if len(areas) == 1 else _OGC.Or(*areas)


def _area(box: BBox, name: str) -> XmlElement:
    west, south, east, north = box
    # The URN means latitude first, and every server tested follows it; "EPSG:4326" is read either way.
    envelope = _GML.Envelope(
        _GML.lowerCorner(f"{south} {west}"),
        _GML.upperCorner(f"{north} {east}"),
        srsName="urn:ogc:def:crs:EPSG::4326",
    )
    return _OGC.BBOX(_OGC.PropertyName(name), envelope)
