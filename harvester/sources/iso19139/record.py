"""Turns ISO 19139 and ISO 19115-2 metadata of an image into a scene record, for the CSW and GeoNetwork sources."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from harvester.errors import UnreadableAnswer, UnreadableScene
from harvester.items.checks import RANGES
from harvester.record import NAMELESS, RawRecord, SceneRecord, known
from harvester.sensors import SatelliteFields, Sensors
from harvester.sources.feature_search.features import orbit_state
from harvester.sources.iso19139.document import (
    RECORD_NAMES,
    XmlElement,
    canonical_xml,
    elements,
    name_of,
    parsed_xml,
    text,
    texts,
    unknown_elements,
)
from harvester.sources.iso19139.extent import bounds_of, footprint_of, period_of
from harvester.sources.iso19139.links import downloads_of, links_of, previews_of, slug, with_distinct_keys
from harvester.sources.source import unnamed_record
from harvester.strict_reading import Fields

#: ISO 19115-3 has the same root name, but another structure.
_NAMESPACES = ("http://www.isotc211.org/2005/gmd", "http://www.isotc211.org/2005/gmi")
_IMAGE = "contentInfo/*"
_IMAGE_ANGLES = ("illuminationElevationAngle", "illuminationAzimuthAngle")
_IMAGE_DESCRIPTIONS = ("MD_ImageDescription", "MI_ImageDescription")
_IMAGE_LEVELS = ("dataset", "tile", "feature", "collectionSession", "coverage")
_VECTOR_TYPES = ("vector", "textTable", "tin", "stereoModel", "video")
_IMAGERY_KEYWORDS = ("orthoimagery", "ortho-imagerie", "orthoimagerie", "imagery", "imagerie")
#: WMO code for "not an instrument of observation", which pygeometa writes where it knows none.
_NO_INSTRUMENT = "INS-NOBS"
#: A longer period is that of a day or a mosaic: reduced to a moment, it could match another record's image.
_LONGEST_PASS = timedelta(hours=1)
_METRES = ("m", "metre", "metres", "meter", "meters", "mètre", "mètres")
#: Some write the side of the track as a sign.
_SIGNED_INCIDENCE = (-RANGES["view:incidence_angle"][1], RANGES["view:incidence_angle"][1])
_EMPTY_PARENTS = ("TBD", "none", "None")

#: Names of SPOT scenes: satellite, grid reference (K-J), second of acquisition, instrument, spectral mode.
_SPOT_SCENE = re.compile(r"SCENE_([1-5])_(\d{3})-(\d{3})_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)_(\d\d)_([12])_([A-Z])")
_FREE_INCIDENCE = re.compile(r"incidence angle\s*:\s*(\S+?)[.,;]?(?:\s|$)", re.IGNORECASE)


@dataclass(frozen=True)
class _SpotScene:
    """The contents of the name of a SPOT 1-5 scene."""

    mission: str
    grid: str
    acquired_at: datetime  #: UTC
    source_id: str  #: as DIMAP 1 writes it in SOURCE_ID

    @property
    def id(self) -> str:
        return f"{self.mission}_{self.acquired_at:%Y%m%d%H%M%S}0_{self.grid}"


def raw_record_from_iso(record: XmlElement, address_of: Callable[[str], str]) -> RawRecord:
    """A record as its server gives it; `address_of` gives the address of the record with an id."""
    said = canonical_xml(record)
    identifier = text(record, "fileIdentifier") or text(record, "identifier")
    if identifier is None:
        return unnamed_record({"xml": said})
    return RawRecord(
        id=identifier,
        content={"xml": said, "address": address_of(identifier)},
        place_keys=frozenset({"address"}),
    )


def date_stamp_of(content: Mapping[str, Any]) -> str | None:
    """The date stamp in the content of a record; None for one that was not delivered."""
    return text(parsed_xml(str(content["xml"]).encode()), "dateStamp") if "xml" in content else None


def undelivered_record(which: str, reason: str, identifier: str | None) -> RawRecord:
    """A substitute for a record that its server cannot deliver, nor perhaps name; the reader refuses it."""
    what = f"cannot deliver record {which}" if identifier else f"can neither deliver nor name record {which}"
    return RawRecord(id=identifier or f"{NAMELESS}{which}", content={"undelivered": f"the service {what}: {reason}"})


def scene_from_iso(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that an ISO record describes.

    Raises:
        UnreadableScene: It describes no image, or has no id, no footprint or no time of acquisition.
    """
    record = _checked(raw)
    identifier = text(record, "fileIdentifier")
    if identifier is None or not slug(identifier):
        raise UnreadableScene("it has no fileIdentifier")
    spot = _spot_scene(identifier)
    footprint, warnings = footprint_of(record)
    begin, end = period_of(record)
    image = _said_of_image(record)
    unknown = sorted(set(unknown_elements(record)))
    return SceneRecord(
        id=spot.id if spot else slug(identifier),
        scene_keys=(spot.id, f"{spot.mission}_{spot.source_id}") if spot else (),
        # GEOSUD's record gives SPOT's second, which is UTC, as local time (+02:00). Its sun angles (66.2°, 147.8°) fit
        # that second in UTC: so the name is right, and the period is not.
        acquired_at=spot.acquired_at if spot else begin if end - begin < _LONGEST_PASS else None,
        started_at=None if spot or begin == end else begin,
        ended_at=None if spot or begin == end else end,
        footprint=footprint,
        footprint_from="source",
        source_id=identifier,
        source_href=raw.content.get("address"),
        published_at=_published_at(record),
        remote_assets=with_distinct_keys([*previews_of(record), *downloads_of(record)]),
        links=tuple(links_of(record)),
        properties=_properties(record, image),
        **_platform_fields(record, sensors, spot),
        **_image_fields(image),
        warnings=(
            *warnings,
            *image.close(),
            *([f"fields not known to the reader: {', '.join(unknown)}"] if unknown else []),
        ),
    )


def _checked(raw: RawRecord) -> XmlElement:
    """The root of the metadata, after checking that it describes an image."""
    if "undelivered" in raw.content:
        raise UnreadableScene(str(raw.content["undelivered"]))
    try:
        record = parsed_xml(str(raw.content.get("xml", "")).encode())
    except UnreadableAnswer as error:
        raise UnreadableScene(f"its metadata cannot be read: {error}") from error
    if name_of(record) not in RECORD_NAMES:
        raise UnreadableScene(f"it is {name_of(record)}, not ISO 19139 or 19115-2 metadata")
    if record.nsmap.get(record.prefix) not in _NAMESPACES:
        raise UnreadableScene(f"its metadata are of {record.nsmap.get(record.prefix)}, not ISO 19139 or 19115-2")
    if (reason := _why_no_image(record)) is not None:
        raise UnreadableScene(reason)
    return record


def _why_no_image(record: XmlElement) -> str | None:
    level = text(record, "hierarchyLevel") or "dataset"
    if level == "service" or elements(record, "identificationInfo/SV_ServiceIdentification"):
        return "it describes a service, not an image"
    if level not in _IMAGE_LEVELS:
        return f"it describes a {level}, not an image"
    kinds = set(texts(record, "identificationInfo//spatialRepresentationType"))
    if kinds and kinds.issubset(_VECTOR_TYPES):
        return f"it describes a dataset of kind {', '.join(sorted(kinds))}, not an image"
    return None if "grid" in kinds or _shows_imagery(record) else "it does not say that its dataset is imagery"


def _shows_imagery(record: XmlElement) -> bool:
    keywords = {keyword.casefold() for keyword in texts(record, "identificationInfo//MD_Keywords/keyword")}
    return (
        any(name_of(found) in _IMAGE_DESCRIPTIONS for found in elements(record, _IMAGE))
        or bool(elements(record, "acquisitionInformation"))
        or "image" in texts(record, "contentInfo//contentType")
        or "imageryBaseMapsEarthCover" in texts(record, "identificationInfo//topicCategory")
        or not keywords.isdisjoint(_IMAGERY_KEYWORDS)
    )


def _spot_scene(identifier: str) -> _SpotScene | None:
    found = _SPOT_SCENE.fullmatch(identifier)
    if found is None:
        return None
    satellite, k, j, year, *rest, instrument, mode = found.groups()
    century = 1900 if int(year) >= 86 else 2000  # SPOT 1 was launched in 1986
    month, day, hour, minute, second = (int(part) for part in rest)
    try:
        acquired_at = datetime(century + int(year), month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise UnreadableScene(f"its name {identifier} holds no time: {error}") from error
    source_id = f"{satellite}{k}{j}{year}{''.join(rest)}{instrument}{mode}"
    return _SpotScene(f"SPOT{satellite}", k + j, acquired_at, source_id)


def _platform_fields(record: XmlElement, sensors: Sensors, spot: _SpotScene | None) -> SatelliteFields:
    """Platform and instruments as in the sensor documents, or else as in the record or its name."""
    names = [*_platform_names(record), *([spot.mission] if spot else [])]
    if ours := next(filter(None, map(sensors.satellite_called, names)), None):
        return ours
    instruments = _codes(record, "acquisitionInformation//MI_Instrument/identifier")
    return {
        "platform_title": names[0] if names else text(record, "identificationInfo//citation//title") or "Image",
        "platform": slug(names[0]).lower() if names else None,
        "instruments": tuple(dict.fromkeys(slug(name).lower() for name in instruments if name != _NO_INSTRUMENT)),
    }


def _platform_names(record: XmlElement) -> Iterator[str]:
    yield from _codes(record, "acquisitionInformation//MI_Platform/identifier")
    for name in ("description", "citation//title"):
        yield from texts(record, f"acquisitionInformation//MI_Platform/{name}")


def _codes(record: XmlElement, path: str) -> list[str]:
    """The codes of identifiers, without their authorities; pygeometa writes bare codes."""
    said = (text(found, "/code") or text(found, ".") for found in elements(record, path))
    return [code for code in said if code]


def _said_of_image(record: XmlElement) -> Fields:
    """The record's fields about the image itself and its resolution, as texts."""
    keywords = _keyword_fields(record)
    incidence = _FREE_INCIDENCE.search(text(record, "identificationInfo//supplementalInformation") or "")
    return Fields(
        {
            **{name: text(record, f"{_IMAGE}/{name}") for name in _IMAGE_ANGLES},
            **{name: keywords.get(name) for name in ("eo:snowCover", "eo:orbitDirection", "eo:orbitNumber")},
            "cloudCoverPercentage": text(record, f"{_IMAGE}/cloudCoverPercentage"),
            "processingLevelCode": text(record, f"{_IMAGE}/processingLevelCode//code"),
            "spatialResolution": {str(place): said for place, said in enumerate(_distances_m(record))},
            "incidence angle": incidence[1] if incidence else None,
            "scale denominator": text(record, "identificationInfo//spatialResolution//equivalentScale//denominator"),
        }
    )


def _image_fields(image: Fields) -> dict[str, Any]:
    elevation, azimuth = _IMAGE_ANGLES
    distances = image.section("spatialResolution")
    metres = [distances.number(each.rpartition(".")[2], None, RANGES["gsd"]) for each in list(distances.left_over())]
    return {
        "cloud_cover_percent": image.number("cloudCoverPercentage", None, RANGES["eo:cloud_cover"]),
        "snow_cover_percent": image.number("eo:snowCover", None, RANGES["eo:snow_cover"]),
        "sun_elevation_deg": image.number(elevation, None, RANGES["view:sun_elevation"]),
        "sun_azimuth_deg": image.azimuth(azimuth),
        "processing_level": image.text("processingLevelCode", None),
        "gsd_m": min((each for each in metres if each is not None), default=None),
        "orbit_state": orbit_state(image, "eo:orbitDirection"),
        "relative_orbit": image.whole("eo:orbitNumber", RANGES["sat:relative_orbit"]),
    }


def _keyword_fields(record: XmlElement) -> dict[str, str]:
    """The fields that pygeometa hides in keywords such as `eo:snowCover:0.0`."""
    keywords = texts(record, "identificationInfo//MD_Keywords/keyword")
    parts = (keyword.rpartition(":") for keyword in keywords if keyword.startswith("eo:"))
    return {name: value for name, _, value in parts}


def _distances_m(record: XmlElement) -> list[str]:
    """The resolutions that are in metres; those in other units are ignored."""
    found = elements(record, "identificationInfo//spatialResolution//Distance")
    metres = (text(element, ".") for element in found if _is_metre(element.get("uom", "")))
    return list(dict.fromkeys(said for said in metres if said))


def _is_metre(unit: str) -> bool:
    # A unit may be a reference into a dictionary: ...gmxUom.xml#xpointer(//*[@gml:id='m'])
    return unit.casefold() in _METRES or unit.endswith(("id='m'])", "#m", "EPSG::9001", "EPSG/0/9001"))


def _published_at(record: XmlElement) -> datetime | None:
    """When it was published, to the day; None where only the year or month is given, or no date."""
    for date in elements(record, "identificationInfo/*/citation/CI_Citation/date/CI_Date"):
        said = text(date, "date")
        if text(date, "dateType") == "publication" and said:
            try:
                first, last = bounds_of(said, "date")
            except UnreadableScene:
                return None
            return first if last - first < timedelta(days=1) else None
    return None


def _properties(record: XmlElement, image: Fields) -> dict[str, Any]:
    incidence = image.number("incidence angle", None, _SIGNED_INCIDENCE)
    parent = text(record, "parentIdentifier")
    said = {
        "description": text(record, "identificationInfo//abstract"),
        # Without an azimuth it is no viewing direction, and of no use for stereo.
        "view:incidence_angle": None if incidence is None else abs(incidence),
        "iso:title": text(record, "identificationInfo//citation//title"),
        "iso:parent_identifier": None if parent in _EMPTY_PARENTS else parent,
        "iso:scale_denominator": image.whole("scale denominator", RANGES["iso:scale_denominator"]),
        "iso:bands": texts(record, f"{_IMAGE}/dimension/*/descriptor") or None,
        "iso:product_type": _keyword_fields(record).get("eo:productType"),
        "iso:date_stamp": text(record, "dateStamp"),
    }
    return known(said)
