"""The acquisition that a product shows: satellite, time, id, and the names shared with its other components."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from harvester.dimap.document import DimapDocument
from harvester.errors import UnreadableScene
from harvester.sensors import Sensor

#: A strip lasts well under a minute; a time further off than this belongs to another acquisition.
LARGEST_OFFSET = timedelta(minutes=2)


@dataclass(frozen=True)
class Acquisition:
    """One acquisition, named from raw source values only."""

    id: str
    scene_keys: tuple[str, ...]
    code: str  #: satellite as the vendor writes it: PHR1A; for a mosaic, that of its earliest strip
    strips: tuple[datetime, ...]  #: start of each strip, UTC, the earliest first
    is_of_several_satellites: bool = False

    @property
    def acquired_at(self) -> datetime | None:
        """Start of the strip, UTC; None for a mosaic of several strips."""
        return self.strips[0] if len(self.strips) == 1 else None


def acquisition_of_strips(document: DimapDocument, sensor: Sensor) -> Acquisition:
    """The acquisition of a DIMAP 2 product, from its Strip_Source.

    A mosaic of several strips is named after its earliest strip and marked, and has no time of acquisition, so that it
    neither merges with products of that strip alone nor makes a stereo pair with one of them.

    Raises:
        UnreadableScene: When there is no strip, or it does not name an acquisition of a satellite of this family.
    """
    path = "Dataset_Sources/Source_Identification"
    sources = [source for source in document.sections(path) if source.section("Strip_Source") is not None]
    if not sources:
        raise document.problem(f"{path}/Strip_Source", "is missing; the product names no acquisition")
    acquisitions = sorted(
        (_of_strip(document, source, sensor) for source in sources), key=lambda each: (each.strips, each.scene_keys)
    )
    first = acquisitions[0]
    if all(each.scene_keys == first.scene_keys for each in acquisitions):
        return first
    mosaic_id = f"{first.id}_MOSAIC"
    return replace(
        first,
        id=mosaic_id,
        scene_keys=(mosaic_id,),
        strips=tuple(strip for each in acquisitions for strip in each.strips),
        is_of_several_satellites=any(each.code != first.code for each in acquisitions),
    )


def acquisition_of_scene(source: DimapDocument, sensor: Sensor) -> Acquisition:
    """The acquisition of a DIMAP 1 scene, from its Scene_Source: satellite, second and grid reference.

    Args:
        source: The `Source_Information` that has a Scene_Source.
        sensor: The family.

    Raises:
        UnreadableScene: When a part of the name is missing.
    """
    code = _satellite(source, "Scene_Source", sensor)
    acquired_at = _imaging_time(source, "Scene_Source")
    grid = re.sub(r"[^0-9]", "", source.required("Scene_Source/GRID_REFERENCE"))
    if not grid:
        raise source.problem("Scene_Source/GRID_REFERENCE", "has no digits")
    scene_id = f"{code}_{acquired_at:%Y%m%d%H%M%S}0_{grid}"
    source_id = source.text("SOURCE_ID")
    keys = (scene_id,) if source_id is None else (scene_id, f"{code}_{source_id}")
    return Acquisition(scene_id, keys, code, (acquired_at,))


def _of_strip(document: DimapDocument, source: DimapDocument, sensor: Sensor) -> Acquisition:
    code = _satellite(source, "Strip_Source", sensor)
    acquired_at = _imaging_time(source, "Strip_Source")
    source_id = source.required("SOURCE_ID")
    if sensor.stamp == "dataset-name":
        named, where, name = document, "Dataset_Identification/DATASET_NAME", _dataset_name(document)
    else:
        named, where, name = source, "SOURCE_ID", source_id
    stamp = _stamp(named, where, name, code)
    if abs(_stamp_time(named, where, stamp) - acquired_at) > LARGEST_OFFSET:
        raise named.problem(
            where, f"= {name[:80]!r} is not the acquisition of IMAGING_TIME ({acquired_at.isoformat()})"
        )
    scene_id = f"{code}_{stamp}"
    # A strip id without a stamp (Pléiades Neo) is a second name of the acquisition, if it names this satellite.
    is_second_name = sensor.stamp == "dataset-name" and f"_{code}_" in source_id
    return Acquisition(scene_id, (source_id, scene_id) if is_second_name else (scene_id,), code, (acquired_at,))


def _dataset_name(document: DimapDocument) -> str:
    return document.required("Dataset_Identification/DATASET_NAME")


def _satellite(source: DimapDocument, section: str, sensor: Sensor) -> str:
    code = source.required(f"{section}/MISSION") + source.required(f"{section}/MISSION_INDEX")
    try:
        sensor.satellite(code)
    except UnreadableScene as error:
        raise source.problem(f"{section}/MISSION", f"+ MISSION_INDEX: {error}") from error
    return code


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
