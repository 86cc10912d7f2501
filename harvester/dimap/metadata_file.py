"""What the source must know about an XML file of a delivery, from one parse."""

from __future__ import annotations

from dataclasses import dataclass

from harvester.dimap.classification import Classification, classify_broken, classify_document
from harvester.dimap.document import parse_document
from harvester.dimap.links import LinkedPaths, components_of, links_of
from harvester.errors import UnreadableScene


@dataclass(frozen=True)
class MetadataFile:
    """The role of one file and the files that it names: small enough to be cached."""

    classification: Classification
    links: LinkedPaths | None = None  #: None where it is not DIMAP, or has a problem
    components: tuple[str, ...] = ()  #: the DIMAP documents that a volume names
    problem: str | None = None  #: why it cannot be read although it is DIMAP


NOT_DIMAP = MetadataFile(Classification("not-dimap"))


def read_metadata_file(data: bytes, name: str) -> MetadataFile:
    """The role of an XML file and the files that it names.

    Args:
        data: The whole file.
        name: The file's name in messages.
    """
    try:
        document = parse_document(data, name)
    except UnreadableScene as error:
        return MetadataFile(classify_broken(data), problem=str(error))
    classification = classify_document(document)
    if classification.kind == "not-dimap":
        return NOT_DIMAP
    components = components_of(document)
    try:
        return MetadataFile(classification, links_of(document), components)
    except UnreadableScene as error:
        return MetadataFile(classification, components=components, problem=str(error))
