"""Which acquisition a product shows: satellite, time, id and the names it shares with its other components."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from harvester.dimap.document import DimapDocument
from harvester.errors import UnreadableScene
from harvester.sensors import Satellite, Sensor

#: A strip lasts well under a minute; a stamp further off belongs to another acquisition.
_LARGEST_STAMP_OFFSET = timedelta(minutes=2)


@dataclass(frozen=True)
class Acquisition:
    """One acquisition, named from raw source values only."""

    id: str
    scene_keys: tuple[str, ...]
    code: str  #: satellite as the vendor writes it: PHR1A
    satellite: Satellite
    acquired_at: datetime  #: start of the strip, UTC


def acquisition_of_strips(document: DimapDocument, sensor: Sensor) -> Acquisition:
    """The acquisition of a DIMAP 2 product, from its Strip_Source.

    A mosaic of several strips is named for its earliest strip and marked, so that it never merges with the products
    of that strip alone.

    Raises:
        UnreadableScene: When there is no strip, or it does not name an acquisition of a satellite of this family.
    """
    path = "Dataset_Sources/Source_Identification"
    sources = [source for source in document.sections(path) if source.section("Strip_Source") is not None]
    if not sources:
        raise document.problem(f"{path}/Strip_Source", "is missing; the product names no acquisition")
    acquisitions = sorted(
        (_of_strip(document, source, sensor) for source in sources), key=lambda a: (a.acquired_at, a.id)
    )
    first = acquisitions[0]
    if len({acquisition.id for acquisition in acquisitions}) == 1:
        return first
    mosaic_id = f"{first.id}_MOSAIC"
    return Acquisition(mosaic_id, (mosaic_id,), first.code, first.satellite, first.acquired_at)


def acquisition_of_scene(source: DimapDocument, sensor: Sensor) -> Acquisition:
    """The acquisition of a DIMAP 1 scene, from its Scene_Source: satellite, second and grid reference.

    Args:
        source: The `Source_Information` that has a Scene_Source.
        sensor: The family.

    Raises:
        UnreadableScene: When a part of the name is missing.
    """
    code, satellite = _satellite(source, "Scene_Source", sensor)
    acquired_at = _imaging_time(source, "Scene_Source")
    grid = re.sub(r"[^0-9]", "", source.required("Scene_Source/GRID_REFERENCE"))
    if not grid:
        raise source.problem("Scene_Source/GRID_REFERENCE", "has no digits")
    scene_id = f"{code}_{acquired_at:%Y%m%d%H%M%S}0_{grid}"
    source_id = source.text("SOURCE_ID")
    keys = (scene_id,) if source_id is None else (scene_id, f"{code}_{source_id}")
    return Acquisition(scene_id, keys, code, satellite, acquired_at)


def _of_strip(document: DimapDocument, source: DimapDocument, sensor: Sensor) -> Acquisition:
    code, satellite = _satellite(source, "Strip_Source", sensor)
    acquired_at = _imaging_time(source, "Strip_Source")
    source_id = source.required("SOURCE_ID")
    if sensor.stamp == "dataset-name":
        named, where, name = document, "Dataset_Identification/DATASET_NAME", _dataset_name(document)
    else:
        named, where, name = source, "SOURCE_ID", source_id
    stamp = _stamp(named, where, name, code)
    if abs(_stamp_time(named, where, stamp) - acquired_at) > _LARGEST_STAMP_OFFSET:
        raise named.problem(
            where, f"= {name[:80]!r} is not the acquisition of IMAGING_TIME ({acquired_at.isoformat()})"
        )
    scene_id = f"{code}_{stamp}"
    # A strip id without a stamp (Pléiades Neo) is a second name of the acquisition, if it is one of this satellite.
    is_second_name = sensor.stamp == "dataset-name" and f"_{code}_" in source_id
    return Acquisition(scene_id, (source_id, scene_id) if is_second_name else (scene_id,), code, satellite, acquired_at)


def _dataset_name(document: DimapDocument) -> str:
    return document.required("Dataset_Identification/DATASET_NAME")


def _satellite(source: DimapDocument, section: str, sensor: Sensor) -> tuple[str, Satellite]:
    code = source.required(f"{section}/MISSION") + source.required(f"{section}/MISSION_INDEX")
    try:
        return code, sensor.satellite(code)
    except UnreadableScene as error:
        raise source.problem(f"{section}/MISSION", f"+ MISSION_INDEX: {error}") from error


def _imaging_time(source: DimapDocument, section: str) -> datetime:
    date, time = source.required(f"{section}/IMAGING_DATE"), source.required(f"{section}/IMAGING_TIME")
    return source.as_time(f"{section}/IMAGING_DATE + IMAGING_TIME", f"{date}T{time}")


def _stamp(document: DimapDocument, where: str, name: str, code: str) -> str:
    found = re.search(rf"(?:^|_){re.escape(code)}_([0-9]{{15}})(?:_|$)", name)
    if found is None:
        raise document.problem(where, f"= {name[:80]!r} has no 15-digit stamp of {code}; it names no acquisition")
    return found[1]


def _stamp_time(document: DimapDocument, where: str, stamp: str) -> datetime:
    date, time = f"{stamp[:4]}-{stamp[4:6]}-{stamp[6:8]}", f"{stamp[8:10]}:{stamp[10:12]}:{stamp[12:14]}"
    return document.as_time(where, f"{date}T{time}.{stamp[14]}Z")
