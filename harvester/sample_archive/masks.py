"""GML masks: the region of interest and the clouds, in map coordinates or in those of the image."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray
from shapely import Polygon, box, union_all
from shapely.coords import CoordinateSequence

from harvester.sample_archive.component import Component
from harvester.sample_archive.xml_tree import element, serialised

GML = "http://www.opengis.net/gml"
HMA = "http://earth.esa.int/hma"
XLINK = "http://www.w3.org/1999/xlink"
_IMAGE_CRS = "urn:ogc:def:derivedCRSType:OGC:1.0:image"
_MEMBER_TYPES = {
    ("phr", "ROI"): "SOURCE_IMAGE_FOOTPRINT",
    ("spot", "ROI"): "REGION_OF_INTEREST",
    ("pneo", "ROI"): "AREA_OF_INTEREST",
    ("phr", "CLD"): "CLOUD",
    ("spot", "CLD"): "CLOUD",
    ("pneo", "CLD"): "CLOUD_COTATION",
}

ElementTree.register_namespace("gml", GML)
ElementTree.register_namespace("hma", HMA)
ElementTree.register_namespace("xlink", XLINK)


def mask_document(component: Component, code: str, polygons: Sequence[Polygon]) -> bytes:
    """A mask of polygons given in columns and rows; without polygons it has no members, as vendors write it."""
    members = [_member(component, code, number, polygon) for number, polygon in enumerate(polygons)]
    name = f"{code} mask of synthetic data {component.stem}"
    root = element(
        f"{{{HMA}}}Mask",
        element(f"{{{GML}}}name", name),
        element(f"{{{GML}}}boundedBy", _envelope(component)),
        element(f"{{{HMA}}}maskMembers", *members),
        attributes={f"{{{GML}}}id": f"{component.stem}_{code.lower()}_msk"},
    )
    return serialised(root)


def cloud_polygons(mask: NDArray[np.bool_], rows: int, cols: int) -> list[Polygon]:
    """Outlines, in columns and rows of an image of this size, of the cells of a coarse mask."""
    down, right = rows / mask.shape[0], cols / mask.shape[1]
    cells = [
        box(col * right + 0.5, row * down + 0.5, (col + 1) * right + 0.5, (row + 1) * down + 0.5)
        for row, col in np.argwhere(mask).tolist()
    ]
    union = union_all(cells)
    return [polygon for polygon in getattr(union, "geoms", [union]) if not polygon.is_empty]


def _envelope(component: Component) -> ElementTree.Element:
    grid = component.grid
    corners = _coordinates(component, [(0.5, grid.rows + 0.5), (grid.cols + 0.5, 0.5)])
    if not component.is_map:
        corners = [(1, 1), (grid.cols, grid.rows)]
    return element(
        f"{{{GML}}}Envelope",
        element(f"{{{GML}}}lowerCorner", _positions(corners[:1])),
        element(f"{{{GML}}}upperCorner", _positions(corners[1:])),
        attributes={"srsName": _envelope_crs(component)},
    )


def _member(component: Component, code: str, number: int, polygon: Polygon) -> ElementTree.Element:
    kind = _MEMBER_TYPES[component.family.name, code]
    space = "urn:spotimage:ast:maskType" if component.family.name == "spot" else "urn:phr:ipu:maskType"
    link = {f"{{{XLINK}}}type": "simple"} if component.family.name == "spot" else {}
    rings = [
        element(f"{{{GML}}}exterior", _ring(component, polygon.exterior.coords)),
        *(element(f"{{{GML}}}interior", _ring(component, hole.coords)) for hole in polygon.interiors),
    ]
    shape = element(f"{{{GML}}}Polygon", *rings, attributes={"srsName": _crs(component)})
    return element(
        f"{{{HMA}}}MaskFeature",
        element(f"{{{HMA}}}maskType", kind, attributes={"codeSpace": space}),
        element(f"{{{GML}}}extentOf", shape, attributes=link),
        attributes={f"{{{GML}}}id": f"{kind.lower()}-{component.stem}-{number}"},
    )


def _ring(component: Component, coordinates: CoordinateSequence) -> ElementTree.Element:
    points = _coordinates(component, [(point[0], point[1]) for point in coordinates])
    return element(f"{{{GML}}}LinearRing", element(f"{{{GML}}}posList", _positions(points)))


def _coordinates(component: Component, points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Map coordinates of points of the image; in sensor geometry the points themselves."""
    if not component.is_map:
        return list(points)
    return [(float(x), float(y)) for x, y in (component.grid.plane(col, row) for col, row in points)]


def _positions(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.10g} {y:.10g}" for x, y in points)


def _crs(component: Component) -> str:
    if not component.is_map:
        return _IMAGE_CRS
    epsg = component.grid.epsg
    return {
        "phr": f"urn:ogc:def:crs:EPSG:6.3:{epsg}",
        "spot": f"{epsg} WGS84/UTM {epsg % 100}{'N' if epsg < 32700 else 'S'}",
        "pneo": f"urn:ogc:def:crs:epsg::{epsg}",
    }[component.family.name]


def _envelope_crs(component: Component) -> str:
    is_neo_map = component.is_map and component.family.name == "pneo"
    return f"GDLIB:{component.grid.epsg}" if is_neo_map else _crs(component)
