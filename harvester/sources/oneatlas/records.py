"""Reads one feature of the OneAtlas catalogue into a scene."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from footprints import ViewingDirection, azimuth_from_scan_axis, azimuth_in_circle
from harvester.errors import UnreadableScene
from harvester.items.checks import RANGES
from harvester.record import RawRecord, RemoteAsset, SceneRecord, known
from harvester.sensors import SatelliteFields, Sensors
from harvester.sources.airbus.features import footprint_from_geojson, moment_or_none
from harvester.sources.lasting_addresses import lasting_address
from harvester.strict_reading import Fields, instant

_STAMPED = re.compile(r"DS_([A-Z]+[0-9][A-Z]?)_([0-9]{15})(?:_|$)")
_STRIP_OF_PNEO = re.compile(r"ACQ_(PNEO[0-9])_[A-Za-z0-9_-]{1,100}")

#: An acquisitionDate further off than this is not that of the image.
_DATE_TOLERANCE = timedelta(minutes=1)

#: An azimuthAngle in this range is the scan axis, whatever the constellation (genuine answers: 180° ± 0.08°).
_SCAN_AXIS_DEG = (179.0, 181.0)

_TILT = (-89.999, 89.999)
#: Field -> our name, bounds in degrees.
_ANGLES = {
    "azimuthAngle": ("azimuth_angle", (-360, 360)),
    "incidenceAngle": ("incidence_angle", (0, _TILT[1])),
    "incidenceAngleAlongTrack": ("incidence_angle_along_track", _TILT),
    "incidenceAngleAcrossTrack": ("incidence_angle_across_track", _TILT),
}

#: Fields of the acquisition: equal in the records of both levels.
_OF_ACQUISITION = {
    "acquisitionDate": "airbus:acquisition_date",
    "acquisitionIdentifier": "airbus:acquisition_identifier",
    "archiveIdentifier": "airbus:archive_identifier",
    "archivingCenter": "airbus:archiving_center",
    "spectralRange": "airbus:spectral_range",
}

#: Fields of the offer: they differ between the levels, so each level has its own.
_OF_OFFER = {
    "id": "id",
    "productionStatus": "production_status",
    "productType": "product_type",
    "format": "format",
    "processingCenter": "processing_center",
    "processingDate": "processing_date",
    "processorName": "processor_name",
    "lastUpdateDate": "last_update_date",
    "expirationDate": "expiration_date",
}

#: Link -> asset key, role, title.
_ASSETS = {
    "quicklook": ("overview", "overview", "Overview"),
    "thumbnail": ("thumbnail", "thumbnail", "Thumbnail"),
    "imagesMetadata": ("metadata", "metadata", "Metadata of the image"),
}

_IGNORED_LINKS = {"delete", "imagesGetBuffer", "imagesWcs", "imagesWms", "imagesWmts", "wms", "wmts"}
#: `rights` are the rights of our account.
_IGNORED = {"type", "rights"}
#: Names of customers and workspaces are private; the rest is the same in every record, or repeats another field.
_IGNORED_PROPERTIES = {
    "acquisitionAnonymousIdentifier",
    "commercialReference",
    "constellation",
    "correlationId",
    "customerReference",
    "organisationName",
    "parentIdentifier",
    "productCategory",
    "qualified",
    "sensorType",
    "sourceIdentifier",
    "workspaceId",
    "workspaceName",
    "workspaceTitle",
}


@dataclass(frozen=True)
class _Acquisition:
    id: str  #: without ARCHIVE-
    scene_keys: tuple[str, ...]
    acquired_at: datetime
    warnings: tuple[str, ...]


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene of a feature; both levels of one acquisition give one id and one scene key.

    The time is that of the stamp in the acquisition identifier: `acquisitionDate` is off by up to three hours.

    Raises:
        UnreadableScene: the satellite is unknown, or the acquisition, time or footprint cannot be determined.
    """
    feature = Fields(raw.content)
    properties = Fields(feature.take("properties"), "properties")
    source_id, level = properties.text("id"), properties.text("processingLevel")
    code = properties.text("platform")
    satellite = _satellite(code, sensors)
    acquisition = _acquisition(properties, code, level)
    footprint, mended = footprint_from_geojson(feature.take("geometry"))
    angles = {name: properties.number(field, None, within) for field, (name, within) in _ANGLES.items()}
    viewing = _viewing(angles, code)
    links = feature.section("_links")
    assets = tuple(_assets(links, level, properties.text("productionStatus", None)))
    return SceneRecord(
        id=f"ARCHIVE-{acquisition.id}",
        scene_keys=acquisition.scene_keys,
        **satellite,
        acquired_at=acquisition.acquired_at,
        footprint=footprint,
        footprint_from="source",
        viewing=viewing,
        sun_azimuth_deg=properties.azimuth("illuminationAzimuthAngle"),
        sun_elevation_deg=properties.number("illuminationElevationAngle", None, RANGES["view:sun_elevation"]),
        vendor_angles=known(angles),
        acquisition_station=properties.text("acquisitionStation", None),
        is_archive=True,
        gsd_m=properties.number("resolution", None, RANGES["gsd"]),
        cloud_cover_percent=properties.number("cloudCover", None, RANGES["eo:cloud_cover"]),
        snow_cover_percent=properties.number("snowCover", None, RANGES["eo:snow_cover"]),
        processing_level=level,
        source_id=source_id,
        published_at=properties.instant("publicationDate", None),
        properties=_further(properties, level, None if viewing else angles["incidence_angle"]),
        remote_assets=assets,
        warnings=(
            *acquisition.warnings,
            *mended,
            *properties.close(_IGNORED_PROPERTIES),
            *links.close(_IGNORED_LINKS),
            *feature.close(_IGNORED),
        ),
    )


def _satellite(code: str, sensors: Sensors) -> SatelliteFields:
    if satellite := sensors.satellite(code):
        return satellite
    raise UnreadableScene(f"properties.platform {code[:40]!r} is the satellite of no sensor document")


def _acquisition(properties: Fields, code: str, level: str) -> _Acquisition:
    """The acquisition that the identifiers name, preferably by the strip.

    Raises:
        UnreadableScene: they name none, or one of another satellite.
    """
    named = properties.text("acquisitionIdentifier", "")
    names = [named, properties.text("archiveIdentifier", ""), properties.text("sourceIdentifier", "")]
    if level == "SENSOR":
        # For a bundle it is a segment, 37 s before the strip.
        names.pop()
    strip = _STRIP_OF_PNEO.fullmatch(named)
    strip_keys = (named,) if strip else ()
    found = next(filter(None, map(_STAMPED.match, names)), None)
    if {match[1] for match in (strip, found) if match} - {code}:
        raise UnreadableScene(f"properties.platform is {code} but the acquisition is {named[:80]!r}")
    if found:
        scene_id = f"{code}_{found[2]}"
        stamp = found[2]
        moment = instant(f"{stamp[:8]}T{stamp[8:14]}.{stamp[14]}Z", "the stamp of the acquisition")
        said = moment_or_none(properties.take("acquisitionDate", None))
        is_off = said is not None and abs(said - moment) > _DATE_TOLERANCE
        warnings = ("acquisitionDate is more than a minute off the stamp of the acquisition",) if is_off else ()
        return _Acquisition(scene_id, (*strip_keys, scene_id), moment, warnings)
    if strip is None:
        raise UnreadableScene(f"properties.acquisitionIdentifier {named[:80]!r} has no stamp and names no acquisition")
    warning = "datetime is acquisitionDate, which may be hours off: no identifier has a stamp"
    return _Acquisition(named, strip_keys, properties.instant("acquisitionDate"), (warning,))


def _viewing(angles: Mapping[str, float | None], code: str) -> ViewingDirection | None:
    """The direction to the satellite; None where the record does not suffice.

    For Pléiades and SPOT 6/7, `azimuthAngle` is the azimuth of the scan axis, not of the satellite; the signed
    components are those of DIMAP.
    """
    azimuth, incidence = angles["azimuth_angle"], angles["incidence_angle"]
    along, across = angles["incidence_angle_along_track"], angles["incidence_angle_across_track"]
    if azimuth is None or incidence is None:
        return None
    start, end = _SCAN_AXIS_DEG
    if code.startswith("PNEO") and not start < azimuth < end:
        return ViewingDirection(azimuth_in_circle(azimuth), incidence)
    if along is None or across is None:
        return None
    return ViewingDirection(azimuth_from_scan_axis(azimuth, along, across), incidence)


def _further(properties: Fields, level: str, incidence_deg: float | None) -> dict[str, Any]:
    """Further properties; among them the incidence where there is no direction that has it."""
    names = _OF_ACQUISITION | {field: f"airbus:{_slug(level)}_{name}" for field, name in _OF_OFFER.items()}
    values = {
        name: properties.time(field) if field.endswith("Date") else properties.text(field, None)
        for field, name in names.items()
    }
    return {"order:status": "orderable"} | known(values | {"view:incidence_angle": incidence_deg})


def _assets(links: Fields, level: str, status: str | None) -> Iterator[RemoteAsset]:
    fields = {"processing:level": level} | ({"airbus:production_status": status} if status else {})
    suffix = "" if level == "ALBUM" else f"-{_slug(level)}"
    for link, (key, role, title) in _ASSETS.items():
        for each in _each(links.take(link, [])):
            href, part = lasting_address(each["href"]), _part(each, role)
            if href is None:
                links.leave_out(f"the address of {link} is not absolute, or holds a signature or credentials")
            else:
                yield RemoteAsset(
                    key=f"{key}{suffix}{part}",
                    href=href,
                    roles=(role,),
                    title=f"{title}{part.replace('-', ' ')} ({level})",
                    media_type="application/geo+json" if role == "metadata" else None,
                    fields=fields,
                )


def _each(link: Any) -> list[Mapping[str, Any]]:
    """The links with an address; a link is an object, or a list with one for each part of a bundle."""
    links = link if isinstance(link, list) else [link]
    named = [each if isinstance(each, Mapping) else {"href": each} for each in links]
    return [each for each in named if each.get("href")]


def _part(link: Mapping[str, Any], role: str) -> str:
    name = link.get("name") if role == "metadata" else None
    return f"-{_slug(name)}" if isinstance(name, str) else ""


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower())
