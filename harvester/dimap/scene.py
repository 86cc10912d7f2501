"""From a delivered product to a scene record, for any version of DIMAP."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvester.dimap.classification import classify_document
from harvester.dimap.delivery import Delivery, delivery_from_content
from harvester.dimap.version1 import scene_of_version1
from harvester.dimap.version2 import scene_of_version2
from harvester.errors import UnreadableScene
from harvester.record import SceneRecord
from harvester.sensors import Sensor, Sensors


def scene_from_delivery(content: Mapping[str, Any], sensors: Sensors) -> SceneRecord:
    """The scene record of one delivered product.

    Args:
        content: Of the raw record, as made by the source of deliveries: `root`, `path`, `documents` (product, and roi,
            strip and clouds if delivered), `files` (those that exist, by their names in the product), `problem`, and
            `unread` if a file was left unread.
        sensors: The families that are read.

    Raises:
        UnreadableScene: When the product is not of a kind that is read, or something mandatory is missing or
            unreadable; the message names the file and the XML path.
    """
    delivery = delivery_from_content(content)
    sensor, profile = _sensor(delivery, sensors)
    version = 1 if delivery.document.section("Metadata_Id") is not None else 2
    if version != sensor.dimap:
        raise UnreadableScene(f"{delivery.path}: {profile} is written in DIMAP {version} instead of {sensor.dimap}")
    read = scene_of_version1 if version == 1 else scene_of_version2
    return read(delivery, sensor, profile)


def _sensor(delivery: Delivery, sensors: Sensors) -> tuple[Sensor, str]:
    classification = classify_document(delivery.document)
    if classification.kind != "product":
        role = "a companion of a product" if classification.kind == "companion" else "no DIMAP document"
        raise UnreadableScene(
            f"{delivery.path}: this is {role} ({classification.subprofile or delivery.document.tag[:80]})"
        )
    if classification.profile is None:
        raise UnreadableScene(f"{delivery.path}: Metadata_Identification/METADATA_PROFILE is missing or empty")
    try:
        return sensors.for_profile(classification.profile), classification.profile
    except UnreadableScene as error:
        raise UnreadableScene(f"{delivery.path}: METADATA_PROFILE: {error}") from error
