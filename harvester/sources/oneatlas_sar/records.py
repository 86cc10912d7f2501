"""Reads one feature of the radar catalogue of Airbus into a scene."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from harvester.errors import UnreadableScene
from harvester.items.checks import RANGES, is_storable
from harvester.record import RawRecord, RemoteAsset, SceneRecord, known
from harvester.sensors import Satellite, Sensors
from harvester.sources.airbus.features import footprint_from_geojson
from harvester.sources.lasting_addresses import lasting_address
from harvester.strict_reading import Fields

#: As the catalogue writes them; sensor documents describe DIMAP products, of which radar has none.
_SATELLITES = {
    "TSX-1": Satellite(platform="terrasar-x", title="TerraSAR-X", international_designator="2007-026A"),
    "TDX-1": Satellite(platform="tandem-x", title="TanDEM-X", international_designator="2010-030A"),
    "PAZ-1": Satellite(platform="paz", title="PAZ", international_designator="2018-020A"),
}
#: The three fly in one orbit with similar instruments, and are offered as one constellation.
_CONSTELLATION = "terrasar-x"
#: Centre of the X band of all three, as EO-DataHub's airbus-harvester publishes it.
_BAND = {"sar:frequency_band": "X", "sar:center_frequency": 9.65}

_SIDES = {"L": "left", "R": "right"}
_POLARISATIONS = re.compile(r"(?:HH|HV|VH|VV){1,4}")
_ORBIT_STATES = ("ascending", "descending")

_TEXTS = {
    "antennaMode": "airbus:antenna_mode",
    "beamId": "airbus:beam_id",
    "quality": "airbus:quality",
    "status": "airbus:status",
}
#: Fields that depend on our account or on the day, and change without the image.
_IGNORED = {"itemType", "expiry", "orderTemplate", "datastackCount"}


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:  # noqa: ARG001  # see _SATELLITES
    """The scene of a feature.

    `view:incidence_angle` is the middle of the incidence range of the scene; the azimuth is not given.

    Raises:
        UnreadableScene: the satellite is unknown, or the acquisition, time or footprint cannot be determined.
    """
    feature = Fields(raw.content)
    properties = Fields(feature.take("properties"), "properties")
    acquisition = properties.text("acquisitionId")
    if not is_storable(acquisition):
        raise UnreadableScene(f"properties.acquisitionId {acquisition[:80]!r} holds a character that cannot be stored")
    code = properties.text("satellite")
    if (satellite := _SATELLITES.get(code)) is None:
        raise UnreadableScene(f"properties.satellite {code[:40]!r} is not one of {', '.join(_SATELLITES)}")
    footprint, mended = footprint_from_geojson(feature.take("geometry"))
    started_at = properties.instant("startTime")
    ended_at = _ended_at(properties, started_at)
    assets, unusable = _assets(feature, properties)
    further = _further(properties)
    return SceneRecord(
        id=re.sub(r"[^A-Za-z0-9_.-]", "-", acquisition)[:200],
        scene_keys=(acquisition,),
        platform_title=satellite.title,
        acquired_at=started_at,
        footprint=footprint,
        footprint_from="source",
        mission=properties.text("mission", None),
        platform=satellite.platform,
        constellation=_CONSTELLATION,
        international_designator=satellite.international_designator,
        started_at=started_at if ended_at else None,
        ended_at=ended_at,
        relative_orbit=properties.whole("relativeOrbit", RANGES["sat:relative_orbit"]),
        orbit_state=properties.one_of("pathDirection", _ORBIT_STATES, None),
        source_id=acquisition,
        published_at=properties.instant("catalogueTime", None),
        properties=further,
        remote_assets=assets,
        warnings=(*mended, *unusable, *properties.close(_IGNORED), *feature.close({"type", "bbox", "id"})),
    )


def _ended_at(properties: Fields, started_at: datetime) -> datetime | None:
    ended_at: datetime | None = properties.instant("stopTime", None)
    if ended_at is None or ended_at >= started_at:
        return ended_at
    properties.leave_out("properties.stopTime is before properties.startTime")
    return None


def _further(properties: Fields) -> dict[str, Any]:
    values = {name: properties.text(field, None) for field, name in _TEXTS.items()}
    values |= {
        "airbus:item_id": properties.text("itemId", None),
        "airbus:last_update_date": properties.time("lastUpdateTime"),
        "airbus:out_of_full_performance": properties.of_type("outOfFullPerformance", {"type": "boolean"}),
        "sar:instrument_mode": properties.text("sensorMode", None),
        "sar:observation_direction": _SIDES.get(properties.one_of("lookDirection", _SIDES, "")),
        "sar:polarizations": _polarisations(properties),
        "sat:absolute_orbit": properties.whole("absoluteOrbit", RANGES["sat:absolute_orbit"]),
        **_incidence(properties.section("incidenceAngle")),
    }
    return _BAND | known(values)


def _polarisations(properties: Fields) -> list[str] | None:
    """The polarisations, which are written without separator: HHVV."""
    channels = properties.text("polarizationChannels", None)
    if channels is None:
        return None
    if not _POLARISATIONS.fullmatch(channels):
        properties.leave_out(f"properties.polarizationChannels {channels[:40]!r} are no polarisations")
        return None
    return [channels[start : start + 2] for start in range(0, len(channels), 2)]


def _incidence(angles: Fields) -> dict[str, float]:
    least, most = (angles.number(name, None, RANGES["view:incidence_angle"]) for name in ("minimum", "maximum"))
    if least is None or most is None:
        return {}
    if least > most:
        angles.leave_out(f"properties.incidenceAngle is no range of angles: {least:g} to {most:g}")
        return {}
    return {
        "view:incidence_angle": round((least + most) / 2, 6),
        "airbus:incidence_angle_minimum": least,
        "airbus:incidence_angle_maximum": most,
    }


def _assets(feature: Fields, properties: Fields) -> tuple[tuple[RemoteAsset, ...], tuple[str, ...]]:
    """The quicklook, which is given twice, and a warning for each unusable asset."""
    told = feature.section("assets")
    browse = told.section("browse")
    browse.take("roles", None)
    title, media_type = browse.text("title", None), browse.text("type", None)
    href = lasting_address(browse.text("href", None)) or lasting_address(properties.text("quicklookUrl", None))
    properties.take("quicklookUrl", None)
    left = (*browse.close(), *told.close())
    if href is None:
        return (), left
    return (
        RemoteAsset(key="overview", href=href, roles=("overview",), title=title or "Overview", media_type=media_type),
    ), left
