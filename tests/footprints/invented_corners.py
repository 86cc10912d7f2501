"""Corners of invented scenes, and how two geometries are compared."""

from __future__ import annotations

from math import cos, radians, sin

import shapely
from hypothesis import settings
from hypothesis import strategies as st
from shapely import Polygon, box
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

Corners = list[tuple[float, float]]
QUICK = settings(max_examples=60, deadline=None)
ANYWHERE = st.floats(-180, 180)
DEGREE_KM = 111.2
SQUARE_AT_180 = [(179.5, 10.0), (-179.5, 10.0), (-179.5, 11.0), (179.5, 11.0)]
NORTH = [(0.0, 89.0), (90.0, 89.0), (180.0, 89.0), (-90.0, 89.0)]


@st.composite
def scenes(draw: st.DrawFn, longitudes: st.SearchStrategy[float] = ANYWHERE) -> Corners:
    """Corners around a centre, star-shaped, so that their ring never crosses itself; longitudes unwrapped."""
    lon = draw(longitudes)
    lat = draw(st.floats(-65, 65))
    count = draw(st.integers(3, 9))
    radii = draw(st.lists(st.floats(0.05, 2), min_size=count, max_size=count))
    angles = [radians(360 * i / count) for i in range(count)]
    return [(lon + radius * cos(angle), lat + radius * sin(angle)) for radius, angle in zip(radii, angles, strict=True)]


def wrapped(corners: Corners) -> Corners:
    """The corners as vendors write them, within [-180, 180]."""
    return [((lon + 180) % 360 - 180, lat) for lon, lat in corners]


def cut_by_boxes(polygon: Polygon) -> BaseGeometry:
    """An unwrapped plane polygon cut at the antimeridian by plain intersections."""
    turns = [
        (translate(polygon.intersection(box(360 * k - 180, -90, 360 * k + 180, 90)), -360 * k)) for k in (-1, 0, 1)
    ]
    return shapely.unary_union(turns)


def exteriors(geometry: BaseGeometry) -> list[shapely.LinearRing]:
    """Exterior rings of all polygons."""
    return [part.exterior for part in shapely.get_parts(geometry)]


def same_area(first: BaseGeometry, second: BaseGeometry) -> bool:
    """True when two plane geometries cover the same ground but for the seventh decimal."""
    return bool(first.symmetric_difference(second).area < 1e-5)


def square(half: float, x: float = 0, y: float = 0) -> Corners:
    """A square ring in a plane, unclosed on purpose, clockwise."""
    return [(x - half, y - half), (x - half, y + half), (x + half, y + half), (x + half, y - half)]
