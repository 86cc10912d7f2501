"""All sources there are, by the names that collection documents use."""

from __future__ import annotations

from collections.abc import Mapping

from harvester.record import RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.csw import source as csw
from harvester.sources.deliveries import source as deliveries
from harvester.sources.geodes import source as geodes
from harvester.sources.geonetwork import source as geonetwork
from harvester.sources.ign import source as ign
from harvester.sources.oneatlas import source as oneatlas
from harvester.sources.oneatlas_sar import source as oneatlas_sar
from harvester.sources.openspot import source as openspot
from harvester.sources.resto import source as resto
from harvester.sources.source import Source
from harvester.sources.stac import source as stac

SOURCES: Mapping[str, Source] = {
    "csw": csw,
    "deliveries": deliveries,
    "geodes": geodes,
    "geonetwork": geonetwork,
    "ign": ign,
    "oneatlas": oneatlas,
    "oneatlas-sar": oneatlas_sar,
    "openspot": openspot,
    "resto": resto,
    "stac": stac,
}

__all__ = ["SOURCES", "read_record"]


def read_record(kind: str, raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """What a record says.

    Raises:
        UnreadableScene: it cannot be read, with the reason.
    """
    scene: SceneRecord = SOURCES[kind].scene_from_record(raw, sensors)
    return scene
