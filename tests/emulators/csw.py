"""A CSW 2.0.2 catalogue of ISO records over real HTTP, with the mistakes that such servers make.

`CswCatalogue` holds the records and may be changed while it is served; `app(catalogue)` is the service, to be run by
`tests.emulators.serving`. `iso_scene` and `iso_scenes` make synthetic records of the shape that GEOSUD serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Literal

from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

_NAMESPACES = {
    "csw": "http://www.opengis.net/cat/csw/2.0.2",
    "ogc": "http://www.opengis.net/ogc",
    "gml": "http://www.opengis.net/gml",
    "gmd": "http://www.isotc211.org/2005/gmd",
    "gco": "http://www.isotc211.org/2005/gco",
}
_DECLARED = (
    'xmlns:gmd="http://www.isotc211.org/2005/gmd" xmlns:gco="http://www.isotc211.org/2005/gco"'
    ' xmlns:gmi="http://www.isotc211.org/2005/gmi" xmlns:gml="http://www.opengis.net/gml"'
)
_CSW = 'xmlns:csw="http://www.opengis.net/cat/csw/2.0.2"'


def iso_scene(number: int, *, seed: int = 0, changed: str | None = None, is_plain: bool | None = None) -> str:
    """A synthetic SPOT 5 scene as ISO 19115-2, or as plain ISO 19139 (without what 19115-2 adds).

    Args:
        number: which one; equal numbers and seeds give equal scenes.
        seed: of all scenes of a catalogue.
        changed: the dateStamp; by default a day of its own.
        is_plain: `gmd:MD_Metadata`; by default every third is.
    """
    random = Random(f"{seed}/{number}")
    acquired = datetime(2003, 1, 1, 10, tzinfo=UTC) + timedelta(days=number % 3000, seconds=37 * (number // 3000))
    west, south = round(random.uniform(-4, 7), 6), round(random.uniform(42, 50), 6)
    k, j = 10 + random.randrange(60), 240 + random.randrange(30)
    name = f"SCENE_5_{k:03}-{j:03}_{acquired:%y_%m_%d_%H_%M_%S}_{1 + number % 2}_J"
    plain = number % 3 == 0 if is_plain is None else is_plain
    stamp = changed or f"{datetime(2013, 1, 1, tzinfo=UTC) + timedelta(days=number % 365):%Y-%m-%d}"
    ring = [(west + 0.2, south + 0.6), (west + 0.9, south + 0.5), (west + 0.7, south), (west, south + 0.1)]
    return iso_metadata(
        name,
        stamp=stamp,
        root="gmd:MD_Metadata" if plain else "gmi:MI_Metadata",
        period=(f"{acquired:%Y-%m-%dT%H:%M:%SZ}",) * 2,
        box=(west, south, west + 0.9, south + 0.6),
        ring=[*ring, ring[0]],
        cloud=round(random.uniform(0, 100), 1),
        platform=None if plain else "SPOT5",
        files=[f"ftp://files.example/{name}.zip", f"https://files.example/preview/{name}.tif"],
    )


def iso_scenes(count: int, *, seed: int = 0) -> Iterator[str]:
    """The first synthetic scenes of a seed."""
    return (iso_scene(number, seed=seed) for number in range(count))


def iso_metadata(
    identifier: str,
    *,
    stamp: str = "2013-03-27",
    root: str = "gmd:MD_Metadata",
    level: str = "dataset",
    kind: str = "grid",
    period: tuple[str, str] | None = ("2005-07-03", "2005-07-03"),
    box: tuple[float, float, float, float] | None = (1, 43, 2, 44),
    ring: Sequence[tuple[float, float]] = (),
    srs: str = "EPSG:4326",
    cloud: float | None = None,
    platform: str | None = None,
    files: Sequence[str] = (),
    more: str = "",
) -> str:
    """One ISO record, from the parts that a test cares for.

    Args:
        identifier: fileIdentifier, and title.
        stamp: dateStamp, a day.
        root: `gmd:MD_Metadata` or `gmi:MI_Metadata`.
        level: hierarchyLevel.
        kind: spatialRepresentationType.
        period: begin and end as GML writes them.
        box: west, south, east, north.
        ring: of the bounding polygon, as it is to be written.
        srs: srsName of the ring.
        cloud: percentage.
        platform: code of the satellite.
        files: addresses of online resources.
        more: any XML, at the end of the record.
    """
    parts = (
        f"<gmd:fileIdentifier>{_text(identifier)}</gmd:fileIdentifier>",
        f'<gmd:hierarchyLevel><gmd:MD_ScopeCode codeListValue="{level}"/></gmd:hierarchyLevel>',
        f"<gmd:dateStamp><gco:Date>{stamp}</gco:Date></gmd:dateStamp>",
        "<gmd:identificationInfo><gmd:MD_DataIdentification><gmd:citation><gmd:CI_Citation>",
        f"<gmd:title>{_text(f'Image {identifier}')}</gmd:title></gmd:CI_Citation></gmd:citation>",
        "<gmd:spatialRepresentationType><gmd:MD_SpatialRepresentationTypeCode",
        f' codeListValue="{kind}"/></gmd:spatialRepresentationType>',
        f"<gmd:extent><gmd:EX_Extent>{_box(box)}{_polygon(ring, srs)}{_period(period)}</gmd:EX_Extent></gmd:extent>",
        "</gmd:MD_DataIdentification></gmd:identificationInfo>",
        _cloud(cloud),
        *(_file(href) for href in files),
        _platform(platform),
        more,
    )
    return f"<{root} {_DECLARED}>{''.join(parts)}</{root}>"


@dataclass
class CswCatalogue:
    """Records by their id, and how badly they are served; the same object may be changed all the time.

    Attributes:
        records: id -> XML, by default in the order in which they were put.
        largest_page: the server's own limit of maxRecords.
        next_record: what it says of the next record: the truth, nothing, a position beyond the end, the same again,
            or that none is left.
        undeliverable: ids that kill the page that they are on.
        failure: how such a page is killed.
        is_brief_broken: they cannot be delivered in brief either.
        is_down: nothing is delivered at all.
        turns_order: without SortBy, each answer has another order.
        ignores_start: each answer begins with the first record, as one from the cache of a proxy does.
        ignores_count: each answer has all records to the end.
        counts: the records that it says to have: all, none, or those that it sends.
        beyond_end: what it answers where it has no record any more: none, an exception, or its last page again.
        asked: start and count of each request for records.
    """

    records: dict[str, str] = field(default_factory=dict)
    largest_page: int = 1000
    next_record: Literal["right", "missing", "beyond", "stuck", "none-left"] = "right"
    undeliverable: set[str] = field(default_factory=set)
    failure: Literal["status", "exception", "html", "cut", "left-out", "passed-over"] = "exception"
    is_brief_broken: bool = False
    is_down: bool = False
    turns_order: bool = False
    ignores_start: bool = False
    ignores_count: bool = False
    counts: Literal["right", "none", "page"] = "right"
    beyond_end: Literal["empty", "exception", "last-page"] = "empty"
    asked: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, records: Iterable[str]) -> CswCatalogue:
        """A catalogue of records."""
        catalogue = cls()
        catalogue.put(*records)
        return catalogue

    def put(self, *records: str) -> None:
        """Add records, or change those that have the same id."""
        for record in records:
            self.records[_value(etree.fromstring(record), "gmd:fileIdentifier")] = record

    def remove(self, *identifiers: str) -> None:
        """Delete records."""
        for identifier in identifiers:
            del self.records[identifier]


def app(catalogue: CswCatalogue) -> Starlette:
    """The service, which answers POST at `/csw`."""

    async def csw(request: Request) -> Response:
        return _answer(catalogue, etree.fromstring(await request.body()))

    return Starlette(routes=[Route("/csw", csw, methods=["POST"])])


def _answer(catalogue: CswCatalogue, request: etree._Element) -> Response:
    if catalogue.is_down:
        return _failure("exception")
    found = _found(catalogue, request)
    matched = 0 if catalogue.counts == "none" else len(found)
    if request.get("resultType") == "hits":
        return _results([], matched, None)
    start = 1 if catalogue.ignores_start else int(request.get("startPosition", "1"))
    count = min(int(request.get("maxRecords", "10")), catalogue.largest_page)
    is_brief = request.get("outputSchema") == _NAMESPACES["csw"]
    catalogue.asked.append((start, count))
    page = found[start - 1 : None if catalogue.ignores_count else start - 1 + count]
    if start > len(found) and catalogue.beyond_end == "exception":
        return _failure("exception")
    if start > len(found) and catalogue.beyond_end == "last-page":
        page = found[(len(found) - 1) // count * count :]
    if catalogue.counts == "page":
        matched = len(page)
    bad = catalogue.undeliverable.intersection(page) if not is_brief or catalogue.is_brief_broken else set()
    after = _next_record(catalogue, start, start + len(page), len(found))
    if bad and catalogue.failure not in ("left-out", "passed-over"):
        return _failure(catalogue.failure)
    sent = [_brief(name) if is_brief else catalogue.records[name] for name in page if name not in bad]
    returned = len(page) if catalogue.failure == "left-out" else len(sent)
    return _results(sent, matched, after, returned)


def _found(catalogue: CswCatalogue, request: etree._Element) -> list[str]:
    """The ids of the records that pass the filter, in the order that is asked for."""
    kept = {name: record for name, record in catalogue.records.items() if _passes(etree.fromstring(record), request)}
    if request.find(".//ogc:SortBy", _NAMESPACES) is not None:
        return sorted(kept)
    names = list(kept)
    if catalogue.turns_order and names:
        turn = (len(catalogue.asked) * 7) % len(names)
        names = names[turn:] + names[:turn]
    return names


def _passes(record: etree._Element, request: etree._Element) -> bool:
    stamp, level = _value(record, "gmd:dateStamp"), _scope(record)
    for operator in request.iterfind(".//ogc:Filter//ogc:Literal/..", _NAMESPACES):
        name, literal = (child.text or "" for child in operator)
        value = {"apiso:Modified": stamp, "Modified": stamp, "apiso:Type": level}[name]
        passes = {
            "PropertyIsEqualTo": value == literal,
            "PropertyIsGreaterThanOrEqualTo": value >= literal,
            "PropertyIsLessThan": value < literal,
        }
        if not passes[etree.QName(operator).localname]:
            return False
    boxes = list(request.iterfind(".//ogc:BBOX", _NAMESPACES))
    return not boxes or any(_touches(record, box) for box in boxes)


def _touches(record: etree._Element, box: etree._Element) -> bool:
    corners = [float(word) for corner in box.iterfind(".//gml:Envelope/*", _NAMESPACES) for word in _words(corner)]
    south, west, north, east = corners
    sides = [
        float(side.text or "") for side in record.iterfind(".//gmd:EX_GeographicBoundingBox//gco:Decimal", _NAMESPACES)
    ]
    return sides[0] <= east and west <= sides[1] and sides[2] <= north and south <= sides[3]


def _words(element: etree._Element) -> list[str]:
    return (element.text or "").split()


def _value(record: etree._Element, name: str) -> str:
    return "".join(text for found in record.iterfind(name, _NAMESPACES) for text in found.itertext()).strip()


def _scope(record: etree._Element) -> str:
    found = record.find("gmd:hierarchyLevel/gmd:MD_ScopeCode", _NAMESPACES)
    return "" if found is None else found.get("codeListValue", "")


def _next_record(catalogue: CswCatalogue, start: int, after: int, matched: int) -> int | None:
    wrong = {"missing": None, "beyond": matched + 1, "stuck": start, "none-left": 0}
    if catalogue.next_record in wrong:
        return wrong[catalogue.next_record]
    return after if after <= matched else 0


def _results(records: Sequence[str], matched: int, after: int | None, returned: int | None = None) -> Response:
    next_record = "" if after is None else f' nextRecord="{after}"'
    counts = (
        f'numberOfRecordsMatched="{matched}" numberOfRecordsReturned="{len(records) if returned is None else returned}"'
    )
    return _xml(
        f'<csw:GetRecordsResponse {_CSW} version="2.0.2"><csw:SearchStatus timestamp="2026-01-01T00:00:00Z"/>'
        f"<csw:SearchResults {counts}{next_record}>{''.join(records)}</csw:SearchResults></csw:GetRecordsResponse>"
    )


def _failure(kind: str) -> Response:
    if kind == "status":
        return HTMLResponse("<html><body>Internal Server Error</body></html>", 500)
    if kind == "html":
        return HTMLResponse("<html><body><p>Error<br></body></html>")
    if kind == "cut":
        return _xml(f"<csw:GetRecordsResponse {_CSW}><csw:SearchResults numberOfRec")
    return _xml(
        '<ows:ExceptionReport xmlns:ows="http://www.opengis.net/ows" version="1.0.0">'
        '<ows:Exception exceptionCode="NoApplicableCode"><ows:ExceptionText>a record could not be written'
        "</ows:ExceptionText></ows:Exception></ows:ExceptionReport>"
    )


def _brief(identifier: str) -> str:
    return (
        f'<csw:BriefRecord {_CSW} xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:identifier>{identifier}</dc:identifier></csw:BriefRecord>"
    )


def _xml(content: str) -> Response:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>{content}', media_type="application/xml")


def _text(said: str) -> str:
    return f"<gco:CharacterString>{said}</gco:CharacterString>"


def _box(box: tuple[float, float, float, float] | None) -> str:
    if box is None:
        return ""
    names = ("westBoundLongitude", "eastBoundLongitude", "southBoundLatitude", "northBoundLatitude")
    west, south, east, north = box
    sides = "".join(
        f"<gmd:{name}><gco:Decimal>{side:g}</gco:Decimal></gmd:{name}>"
        for name, side in zip(names, (west, east, south, north), strict=True)
    )
    element = "gmd:EX_GeographicBoundingBox"
    return f"<gmd:geographicElement><{element}>{sides}</{element}></gmd:geographicElement>"


def _polygon(ring: Sequence[tuple[float, float]], srs: str) -> str:
    if not ring:
        return ""
    positions = " ".join(f"{x:.6f} {y:.6f}" for x, y in ring)
    return (
        f'<gmd:geographicElement><gmd:EX_BoundingPolygon><gmd:polygon><gml:Polygon srsName="{srs}"><gml:exterior>'
        f"<gml:LinearRing><gml:posList>{positions}</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon>"
        "</gmd:polygon></gmd:EX_BoundingPolygon></gmd:geographicElement>"
    )


def _period(period: tuple[str, str] | None) -> str:
    if period is None:
        return ""
    return (
        "<gmd:temporalElement><gmd:EX_TemporalExtent><gmd:extent><gml:TimePeriod>"
        f"<gml:beginPosition>{period[0]}</gml:beginPosition><gml:endPosition>{period[1]}</gml:endPosition>"
        "</gml:TimePeriod></gmd:extent></gmd:EX_TemporalExtent></gmd:temporalElement>"
    )


def _cloud(percentage: float | None) -> str:
    if percentage is None:
        return ""
    return (
        "<gmd:contentInfo><gmd:MD_ImageDescription><gmd:cloudCoverPercentage>"
        f"<gco:Real>{percentage:g}</gco:Real></gmd:cloudCoverPercentage></gmd:MD_ImageDescription></gmd:contentInfo>"
    )


def _file(href: str) -> str:
    return (
        "<gmd:distributionInfo><gmd:MD_Distribution><gmd:transferOptions><gmd:MD_DigitalTransferOptions><gmd:onLine>"
        f"<gmd:CI_OnlineResource><gmd:linkage><gmd:URL>{href}</gmd:URL></gmd:linkage></gmd:CI_OnlineResource>"
        "</gmd:onLine></gmd:MD_DigitalTransferOptions></gmd:transferOptions></gmd:MD_Distribution></gmd:distributionInfo>"
    )


def _platform(code: str | None) -> str:
    if code is None:
        return ""
    return (
        "<gmi:acquisitionInformation><gmi:MI_AcquisitionInformation><gmi:platform><gmi:MI_Platform><gmi:identifier>"
        f"<gmd:MD_Identifier><gmd:code>{_text(code)}</gmd:code></gmd:MD_Identifier></gmi:identifier></gmi:MI_Platform>"
        "</gmi:platform></gmi:MI_AcquisitionInformation></gmi:acquisitionInformation>"
    )
