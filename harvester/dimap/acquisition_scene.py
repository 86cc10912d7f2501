"""The part of a scene record that all versions of DIMAP share: which acquisition, and where."""

from __future__ import annotations

from harvester.dimap.delivery import Delivery
from harvester.dimap.identity import Acquisition
from harvester.dimap.outline import Outline
from harvester.record import SceneRecord
from harvester.sensors import Sensor


def scene_of_acquisition(
    delivery: Delivery, sensor: Sensor, profile: str, acquisition: Acquisition, outline: Outline
) -> SceneRecord:
    """The scene record of an acquisition, to be completed with the fields of one version of DIMAP."""
    taken_by = sensor.fields_of(acquisition.code)
    if acquisition.is_of_several_satellites:
        taken_by |= {"platform": None, "platform_title": sensor.title, "international_designator": None}
    return SceneRecord(
        id=acquisition.id,
        scene_keys=acquisition.scene_keys,
        **taken_by,
        profile=profile,
        acquired_at=acquisition.acquired_at,
        footprint=outline.region,
        footprint_from=outline.origin,
        root=delivery.root,
    )
