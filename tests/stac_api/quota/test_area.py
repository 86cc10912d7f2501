"""The charged area of what people draw, hold in files, or get wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely
from click import ClickException
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod, Transformer
from shapely.geometry import box, mapping

from database.commands.area_files import area_in
from stac_api.quota.area import UnusableArea, charged_area_m2


def area_of(geometry: Any) -> int:
    """The charged area of a shape."""
    return charged_area_m2(mapping(geometry))


def test_a_degree_at_the_equator_is_what_geodesy_says() -> None:
    """The area is that of the ellipsoid; straight edges in degrees differ from geodesics by less than a millionth."""
    expected, _ = Geod(ellps="WGS84").geometry_area_perimeter(shapely.segmentize(box(2, 0, 2.1, 0.1), 0.01))
    assert area_of(box(2, 0, 2.1, 0.1)) == pytest.approx(expected, rel=1e-6)


@given(st.floats(-170, 170), st.floats(-70, 70), st.floats(0.01, 1), st.floats(0.01, 1))
def test_overlaps_count_once(lon: float, lat: float, width: float, height: float) -> None:
    """Two parts that overlap have the area of their union, whatever order and winding they are drawn in."""
    whole = box(lon, lat, lon + width, lat + height)
    left, right = box(lon, lat, lon + width * 0.7, lat + height), box(lon + width * 0.4, lat, lon + width, lat + height)
    expected = area_of(whole)
    assert area_of(shapely.MultiPolygon([left, right])) == pytest.approx(expected, rel=1e-6)
    assert area_of(shapely.GeometryCollection([right.reverse(), left, left])) == pytest.approx(expected, rel=1e-6)


def test_holes_are_not_charged() -> None:
    """A hole is taken off, also a small one."""
    outer, hole = box(2, 48, 2.2, 48.2), box(2.1, 48.1, 2.1005, 48.1005)
    drawn = shapely.Polygon(outer.exterior.coords, [hole.exterior.coords])
    assert area_of(drawn) == pytest.approx(area_of(outer) - area_of(hole), abs=2)


def test_the_antimeridian_makes_no_difference() -> None:
    """The same field in Fiji costs the same, drawn across ±180 in any of the three ways."""
    here = area_of(box(10, -17, 12, -16))
    jumping = shapely.Polygon([(179, -17), (-179, -17), (-179, -16), (179, -16)])
    beyond = box(179, -17, 181, -16)
    cut = shapely.MultiPolygon([box(179, -17, 180, -16), box(-180, -17, -179, -16)])
    assert [area_of(each) for each in (jumping, beyond, cut)] == [pytest.approx(here, abs=5)] * 3


def test_a_bow_tie_has_the_area_of_its_two_halves() -> None:
    """A ring that crosses itself is repaired: a negative half does not eat up the other."""
    tie = shapely.Polygon([(2, 48), (2.2, 48.2), (2.2, 48), (2, 48.2)])
    halves = shapely.MultiPolygon(
        [
            shapely.Polygon([(2, 48), (2.1, 48.1), (2, 48.2)]),
            shapely.Polygon([(2.2, 48.2), (2.2, 48), (2.1, 48.1)]),
        ]
    )
    assert area_of(tie) == pytest.approx(area_of(halves), abs=5)


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [2, 48]},
        {"type": "LineString", "coordinates": [[2, 48], [3, 49]]},
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [[[2, 48], [3, 48], [2, 48]]]},
        {"type": "Polygon", "coordinates": [[[2, 48], [300000, 48], [3, 5000000], [2, 48]]]},
        {"type": "Polygon", "coordinates": [[[2, 48], [float("nan"), 48], [3, 49], [2, 48]]]},
        {"type": "Square"},
        {},
        mapping(shapely.Point(2, 48).buffer(1, quad_segs=30_000)),
    ],
)
def test_what_is_no_area_is_refused(geometry: dict[str, Any]) -> None:
    """Points, lines, empty and broken polygons, metres for degrees and too many vertices are refused with a reason."""
    with pytest.raises(UnusableArea, match=r"area"):
        charged_area_m2(geometry)


FIELD = box(2.0, 48.0, 2.1, 48.1)


def written(file: Path, driver: str, crs: str) -> Path:
    """The field in a file of some format and reference system."""
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform
    dense = shapely.segmentize(FIELD, 0.005)
    moved = shapely.transform(dense, lambda points: np.column_stack(to_crs(points[:, 0], points[:, 1])))
    pyogrio.raw.write(
        file,
        np.array([shapely.to_wkb(moved)], dtype=object),
        [np.array(["field"], dtype=object)],
        ["name"],
        driver=driver,
        geometry_type="Polygon",
        crs=crs,
    )
    return file


@pytest.mark.parametrize(
    ("name", "driver", "crs"),
    [
        ("aoi.geojson", "GeoJSON", "EPSG:4326"),
        ("aoi.gpkg", "GPKG", "EPSG:2154"),
        ("aoi.shp", "ESRI Shapefile", "EPSG:32631"),
        ("aoi.kml", "KML", "EPSG:4326"),
    ],
)
def test_files_of_any_kind_and_reference_system_give_the_same_area(
    tmp_path: Path, name: str, driver: str, crs: str
) -> None:
    """GeoJSON, GeoPackage, Shapefile and KML, in degrees or metres, cost the same."""
    found = charged_area_m2(area_in(written(tmp_path / name, driver, crs)))
    assert found == pytest.approx(area_of(FIELD), rel=1e-6)


@pytest.mark.parametrize("content", ["", "no area", '{"type": "FeatureCollection", "features": []}'])
def test_a_file_without_area_is_refused(tmp_path: Path, content: str) -> None:
    """A file that is none, or shows nothing, is refused by its name."""
    (file := tmp_path / "aoi.geojson").write_text(content, "utf-8")
    with pytest.raises(ClickException, match=r"aoi\.geojson"):
        area_in(file)


def test_two_overlapping_features_of_a_file_count_once(tmp_path: Path) -> None:
    """The parts of a file are united on the ellipsoid."""
    features = [
        {"type": "Feature", "properties": {}, "geometry": mapping(each)} for each in (FIELD, box(2.05, 48, 2.1, 48.1))
    ]
    (file := tmp_path / "aoi.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), "utf-8"
    )
    assert charged_area_m2(area_in(file)) == pytest.approx(area_of(FIELD), abs=2)
