"""ISO 19139 and 19115-2 metadata as untrusted XML, read by the local names of its elements.

Namespaces are ignored: for the same elements servers write those of GML 3.1 and 3.2, and one of them adds a slash
(`http://www.opengis.net/gml/`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from lxml import etree

from harvester.errors import UnreadableAnswer, UnreadableScene
from harvester.sources.lasting_addresses import with_blank_secrets
from harvester.xml_documents import root_of

XmlElement: TypeAlias = etree._Element

RECORD_NAMES = ("MD_Metadata", "MI_Metadata")

#: 64 MB: a page of 1 000 records as large as the largest one seen.
_LARGEST_DOCUMENT = 64_000_000


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_OF_IMAGES = _names(
    "attributeDescription contentType dimension illuminationElevationAngle illuminationAzimuthAngle"
    " imagingCondition imageQualityCode cloudCoverPercentage processingLevelCode compressionGenerationQuantity"
    " triangulationIndicator radiometricCalibrationDataAvailability cameraCalibrationInformationAvailability"
    " filmDistortionInformationAvailability lensDistortionInformationAvailability rangeElementDescription"
)
#: The elements that may occur in metadata of images, read or of no use to an Item.
_KNOWN: Mapping[str, frozenset[str]] = {
    ".": _names(
        "fileIdentifier language characterSet parentIdentifier hierarchyLevel hierarchyLevelName contact dateStamp"
        " metadataStandardName metadataStandardVersion dataSetURI locale spatialRepresentationInfo referenceSystemInfo"
        " metadataExtensionInfo identificationInfo contentInfo distributionInfo dataQualityInfo"
        " portrayalCatalogueInfo metadataConstraints applicationSchemaInfo metadataMaintenance acquisitionInformation"
        " series describes propertyType featureType featureAttribute"
    ),
    ".//{*}MD_ImageDescription": _OF_IMAGES,
    ".//{*}MI_ImageDescription": _OF_IMAGES,
    ".//{*}MI_AcquisitionInformation": _names(
        "instrument operation platform acquisitionPlan objective acquisitionRequirement environmentalConditions"
    ),
}


def parsed_xml(content: bytes) -> XmlElement:
    """The root of an XML document.

    Raises:
        UnreadableAnswer: It is not well-formed, is an HTML page, declares a document type, or is larger than 64 MB.
    """
    if len(content) > _LARGEST_DOCUMENT:
        raise UnreadableAnswer(f"the document has {len(content)} bytes; ask for fewer records at once (page_size)")
    try:
        root = root_of(content)
    except ValueError as error:
        raise UnreadableAnswer(str(error)) from error
    if name_of(root).casefold() == "html":
        raise UnreadableAnswer("it is a page of HTML")
    return root


def canonical_xml(element: XmlElement) -> str:
    """One element as text that depends neither on the document around it nor on secrets in its addresses."""
    said = etree.tostring(element, method="c14n", exclusive=True, with_comments=False).decode()
    return str(with_blank_secrets(said))


def name_of(element: XmlElement) -> str:
    """The name of an element without its namespace."""
    return etree.QName(element).localname


def elements(element: XmlElement, path: str) -> list[XmlElement]:
    """The elements at a path of names, `//` for any depth, in any namespace."""
    steps = [step if step in ("", ".", "*") else f"{{*}}{step}" for step in path.split("/")]
    return element.findall("./" + "/".join(steps))


def texts(element: XmlElement, path: str) -> list[str]:
    """The non-empty texts below a path; for a code list, the code."""
    said = (_text(found) for found in elements(element, path))
    return [text for text in said if text]


def text(element: XmlElement, path: str) -> str | None:
    """The first non-empty text below a path; None where there is none."""
    return next(iter(texts(element, path)), None)


def number(element: XmlElement, path: str) -> float | None:
    """A finite number.

    Raises:
        UnreadableScene: The text there is not a finite number.
    """
    said = text(element, path)
    if said is None:
        return None
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        name = name_of(element) if path == "." else path.rpartition("/")[2]
        raise UnreadableScene(f"{name} is not a number but {said[:80]!r}")
    return value


def unknown_elements(record: XmlElement) -> Iterator[str]:
    """The names of elements that no edition of the standard has in their place: the source has drifted."""
    for path, known in _KNOWN.items():
        for section in [record] if path == "." else record.findall(path):
            yield from (f"{name_of(section)}/{name_of(child)}" for child in section if name_of(child) not in known)


def _text(element: XmlElement) -> str:
    said = " ".join("".join(_parts(element)).split())
    coded = (code for found in element.iter() if (code := found.get("codeListValue")))
    return next(coded, said)


def _parts(element: XmlElement) -> Iterator[str]:
    """The text in an element, in the language of the record, without the translations beside it."""
    yield element.text or ""
    for child in element:
        if name_of(child) != "PT_FreeText":
            yield from _parts(child)
        yield child.tail or ""
