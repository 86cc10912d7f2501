"""Masks of a product (GML): polygons, for example of the pixels really delivered, or of clouds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from harvester.dimap.document import parse_document
from harvester.errors import UnreadableScene

Ring = list[tuple[float, float]]
RingPolygon = tuple[Ring, list[Ring]]  #: exterior and holes

#: No projected coordinate or pixel index of a scene comes near this.
_LARGEST_COORDINATE = 1e8
_IMAGE_SPACE = "derivedcrstype:ogc:1.0:image"


@dataclass(frozen=True)
class MaskPolygons:
    """The polygons of one mask: exterior ring and holes, x then y whatever the axis order of their CRS."""

    polygons: tuple[RingPolygon, ...]  #: empty where nothing is masked
    in_image: bool  #: column and row (0.5 = outer edge of pixel 1) instead of ground coordinates


def read_mask(data: bytes, name: str, *, leaving_out: Sequence[str] = ()) -> MaskPolygons:
    """The polygons of a GML mask, which may have none.

    Of `srsName` only "image" matters: the vendors write the ground CRS in five ways, and it is always that of the
    product.

    Args:
        data: The file, undecoded.
        name: The file's name in messages.
        leaving_out: Words in upper case; members whose `hma:maskType` has one of them are left out. All others count,
            as each family has its own names for them.

    Raises:
        UnreadableScene: When the file is empty, not XML or not a mask, or a ring is not a list of coordinates.
    """
    document = parse_document(data, name)
    found = [element for element in document.elements() if _local(element) == "Polygon"]
    if not found and document.tag.rpartition("}")[2] != "Mask":
        raise UnreadableScene(f"{name}: {document.tag[:80]} is no mask")
    wanted = [each for each in found if not any(word in _mask_type(each) for word in leaving_out)]
    in_image = {_IMAGE_SPACE in polygon.get("srsName", "").lower() for polygon in wanted}
    if len(in_image) > 1:
        raise UnreadableScene(f"{name}: the mask mixes image and ground coordinates")
    return MaskPolygons(tuple(_polygon(polygon, name) for polygon in wanted), in_image == {True})


def _mask_type(polygon: etree._Element) -> str:
    features = (around for around in polygon.iterancestors() if _local(around) == "MaskFeature")
    types = (part.text or "" for feature in features for part in feature if _local(part) == "maskType")
    return next(types, "").upper()


def _polygon(polygon: etree._Element, name: str) -> RingPolygon:
    exteriors = [ring for part in polygon if _local(part) == "exterior" for ring in _rings(part, name)]
    holes = [ring for part in polygon if _local(part) == "interior" for ring in _rings(part, name)]
    if len(exteriors) != 1:
        raise UnreadableScene(f"{name}: gml:Polygon has {len(exteriors)} gml:exterior rings instead of one")
    return exteriors[0], holes


def _rings(part: etree._Element, name: str) -> Iterator[Ring]:
    for element in part.iter():
        if _local(element) == "posList":
            yield _ring(element.text or "", name)


def _ring(text: str, name: str) -> Ring:
    values = [_coordinate(word, name) for word in text.split()]
    if len(values) < 6 or len(values) % 2:
        raise UnreadableScene(f"{name}: gml:posList has {len(values)} numbers, not the pairs of a ring")
    return list(zip(values[::2], values[1::2], strict=True))


def _coordinate(word: str, name: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not abs(value) <= _LARGEST_COORDINATE:
        raise UnreadableScene(f"{name}: gml:posList has {word[:40]!r} where a coordinate belongs")
    return value


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]
