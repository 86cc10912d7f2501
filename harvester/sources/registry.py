"""All sources, by the names that collection documents use.

The options of each are imported at once, as every document is checked against them. The modules that read are imported
only when needed: they take many libraries, of which most commands use none.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import cast

from harvester.record import RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.csw import options as csw
from harvester.sources.deliveries import options as deliveries
from harvester.sources.geodes import options as geodes
from harvester.sources.geonetwork import options as geonetwork
from harvester.sources.ign import options as ign
from harvester.sources.oneatlas import options as oneatlas
from harvester.sources.oneatlas_sar import options as oneatlas_sar
from harvester.sources.openspot import options as openspot
from harvester.sources.resto import options as resto
from harvester.sources.source import Source, SourceOptions
from harvester.sources.stac import options as stac

OPTIONS: Mapping[str, type[SourceOptions]] = {
    "csw": csw.Options,
    "deliveries": deliveries.Options,
    "geodes": geodes.Options,
    "geonetwork": geonetwork.Options,
    "ign": ign.Options,
    "oneatlas": oneatlas.Options,
    "oneatlas-sar": oneatlas_sar.Options,
    "openspot": openspot.Options,
    "resto": resto.Options,
    "stac": stac.Options,
}


class _Sources(dict[str, Source]):
    """The module `source` of each kind, imported on first use."""

    def __missing__(self, kind: str) -> Source:
        package = OPTIONS[kind].__module__.rpartition(".")[0]
        self[kind] = source = cast("Source", import_module(f"{package}.source"))
        return source


SOURCES: dict[str, Source] = _Sources()


def read_record(kind: str, raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that a record describes.

    Raises:
        UnreadableScene: it cannot be read, with the reason.
    """
    return SOURCES[kind].scene_from_record(raw, sensors)
