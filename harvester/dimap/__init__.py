"""Reading Airbus DIMAP deliveries: what a file is, what it names, and the scene record it makes."""

from harvester.dimap.classification import Classification, classify
from harvester.dimap.links import Companion, LinkedPaths, linked_paths, unsafe_reason
from harvester.dimap.scene import scene_from_delivery

__all__ = [
    "Classification",
    "Companion",
    "LinkedPaths",
    "classify",
    "linked_paths",
    "scene_from_delivery",
    "unsafe_reason",
]
