"""Reads Airbus DIMAP deliveries: what a file is, which files it names, and the scene record that it makes."""

from harvester.dimap.classification import Classification, is_named_as_product
from harvester.dimap.links import Companion, LinkedPaths, beside, unsafe_reason
from harvester.dimap.metadata_file import NOT_DIMAP, MetadataFile, read_metadata_file
from harvester.dimap.scene import scene_from_delivery

__all__ = [
    "NOT_DIMAP",
    "Classification",
    "Companion",
    "LinkedPaths",
    "MetadataFile",
    "beside",
    "is_named_as_product",
    "read_metadata_file",
    "scene_from_delivery",
    "unsafe_reason",
]
