"""Where the footprint comes from, and what happens when a mask cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from shapely import MultiPolygon, Polygon

from footprints import area_km2
from harvester.errors import UnreadableScene

MaskOf = Callable[..., bytes]

GROUND = "urn:ogc:def:crs:EPSG:6.3:32631"
IMAGE = "urn:ogc:def:derivedCRSType:OGC:1.0:image"
SQUARE = "421500 4983500 422500 4983500 422500 4984500 421500 4984500 421500 4983500"
OTHER_SQUARE = "422600 4983500 423000 4983500 423000 4983900 422600 4983900 422600 4983500"


@pytest.mark.parametrize(
    "srs_name", [GROUND, "urn:ogc:def:crs:epsg::32631", "GDLIB:32631", "32631 WGS84/UTM 31N (N. hemisphere)", ""]
)
def test_the_mask_is_in_the_system_of_the_product(made: Any, roi_mask: MaskOf, srs_name: str) -> None:
    """Whatever srsName says, ground coordinates are easting and northing in the product's own system."""
    scene = made.read(('<SURFACE_AREA unit="square km">4.0</SURFACE_AREA>', ""), roi=roi_mask(srs_name, SQUARE))
    assert scene.footprint_from == "roi-mask"
    assert area_km2(scene.footprint) == pytest.approx(1.0, rel=2e-3)


def test_all_members_of_a_mask_count(made: Any, roi_mask: MaskOf) -> None:
    """A mask of two pieces gives a footprint of two pieces."""
    scene = made.read(roi=roi_mask(GROUND, SQUARE, OTHER_SQUARE))
    assert isinstance(scene.footprint, MultiPolygon)
    assert area_km2(scene.footprint) == pytest.approx(1.16, rel=2e-3)


def test_exteriors_are_counter_clockwise(made: Any, roi_mask: MaskOf) -> None:
    """Vendors write clockwise; GeoJSON wants the reverse, from the mask and from the extent."""
    for scene in (made.read(roi=roi_mask(GROUND, SQUARE)), made.read()):
        assert isinstance(scene.footprint, Polygon)
        assert scene.footprint.exterior.is_ccw


def test_a_mask_in_image_space_is_mapped_through_the_corners(made: Any, roi_mask: MaskOf) -> None:
    """The western half of the columns of a sensor image is the western half of its extent."""
    half = "0.5 0.5 50.5 0.5 50.5 80.5 0.5 80.5 0.5 0.5"
    sensor = (("PHR_ORTHO", "PHR_SENSOR"), ("<PROCESSING_LEVEL>ORTHO", "<PROCESSING_LEVEL>SENSOR"))
    scene = made.read(*sensor, roi=roi_mask(IMAGE, half))
    west, south, east, north = scene.footprint.bounds
    assert scene.footprint_from == "roi-mask"
    # Half a pixel lies outside the corners, which are pixel centres.
    assert (west, east) == pytest.approx((2.0 - 0.5 * 0.03 / 99, 2.0 + 49.5 * 0.03 / 99), abs=1e-5)
    assert (south, north) == pytest.approx((45.0, 45.02), abs=2e-4)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (b"", "the file is empty"),
        (b"<hma:Mask", "not well-formed"),
        (b"<Mask/>", "has no polygon"),
        (b"<!DOCTYPE m [<!ENTITY a 'b'>]><Mask>&a;</Mask>", "not safe XML"),
        (b"<Polygon><exterior><posList>1 2 3</posList></exterior></Polygon>", "3 numbers"),
        (b"<Polygon><exterior><posList>1 2 3 4 x 6</posList></exterior></Polygon>", "'x' where a coordinate"),
        (b"<Polygon><exterior><posList>1 2 3 4 nan 6</posList></exterior></Polygon>", "'nan' where a coordinate"),
        (b"<Polygon/>", "0 gml:exterior rings"),
        (
            b"<Polygon><exterior><posList>0 0 1 0 1 1 0 1 0 0</posList></exterior></Polygon>",
            "outside the image, at 0 0",
        ),
        (
            b"<Polygon><exterior><posList>421500 4983500 421600 4983500 421700 4983500</posList></exterior></Polygon>",
            "no area",
        ),
    ],
)
def test_the_extent_stands_in_for_an_unusable_mask(made: Any, mask: bytes, reason: str) -> None:
    """A zero-byte, broken, empty, degenerate or misplaced mask leaves the extent and a warning that says why."""
    scene = made.read(roi=mask)
    assert scene.footprint_from == "extent"
    assert scene.footprint.bounds == pytest.approx((2.0, 45.0, 2.03, 45.02))
    (warning,) = scene.warnings
    assert "the extent stands in for it" in warning
    assert reason in warning


def test_a_mask_of_another_place_is_not_used(made: Any, roi_mask: MaskOf) -> None:
    """A mask that fits the grid of the product but not its extent belongs to another product, or the grid does."""
    scene = made.read(("<LON>2.0<", "<LON>12.0<"), ("<LON>2.03<", "<LON>12.03<"), roi=roi_mask(GROUND, SQUARE))
    assert scene.footprint_from == "extent"
    assert "lies outside the extent of the product" in scene.warnings[0]


def test_a_mask_that_mixes_spaces_is_not_used(made: Any, roi_mask: MaskOf) -> None:
    """One member in pixels and one in metres cannot be united."""
    mixed = roi_mask(GROUND, SQUARE, OTHER_SQUARE).replace(GROUND.encode(), IMAGE.encode(), 1)
    assert "mixes image and ground" in made.read(roi=mixed).warnings[0]


def test_a_mask_that_is_named_and_not_delivered_is_reported(made: Any) -> None:
    """The extent of a product whose mask is missing over-claims, and the record says so."""
    (warning,) = made.read().warnings
    assert warning == (
        "the region-of-interest mask job/IMG 01/MASKS/ROI.GML is not delivered, the extent stands in for it"
    )


def test_a_mask_of_another_area_than_the_product_says_is_reported(made: Any, roi_mask: MaskOf) -> None:
    """SURFACE_AREA checks the mask: 1 km² where 4 are announced is told."""
    (warning,) = made.read(roi=roi_mask(GROUND, SQUARE)).warnings
    assert "covers 1.0 km², SURFACE_AREA says 4.0 km²" in warning


def test_an_extent_over_the_antimeridian_is_cut(made: Any) -> None:
    """Corners at 179.99 and -179.98 make two small pieces, not a belt round the Earth."""
    scene = made.read(("<LON>2.0<", "<LON>179.99<"), ("<LON>2.03<", "<LON>-179.98<"))
    assert isinstance(scene.footprint, MultiPolygon)
    assert len(scene.footprint.geoms) == 2
    assert area_km2(scene.footprint) == pytest.approx(area_km2(made.read().footprint), rel=1e-3)


def test_a_mask_over_the_antimeridian_is_cut(made: Any, roi_mask: MaskOf) -> None:
    """A projected mask in UTM zone 60 that reaches beyond 180° makes two pieces within the cut extent."""
    changes = (("<LON>2.0<", "<LON>179.99<"), ("<LON>2.03<", "<LON>-179.98<"), ("EPSG::32631", "EPSG::32660"))
    corner = ((">421000<", ">735800<"), (">4985000<", ">4990000<"))
    ring = "735800 4989000 737800 4989000 737800 4990000 735800 4990000 735800 4989000"
    scene = made.read(*changes, *corner, ('square km">4.0', 'square km">2.0'), roi=roi_mask("", ring))
    assert scene.footprint_from == "roi-mask"
    assert isinstance(scene.footprint, MultiPolygon)
    assert area_km2(scene.footprint) == pytest.approx(2.0, rel=5e-3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("<LAT>45.02<", "<LAT>95<"), r"Vertex\[1\]/LAT = '95' is out of range"),
        (("<LON>2.03<", "<LON>many<"), r"Vertex\[2\]/LON = 'many' is not a number"),
        (("<LON>2.03<", "<LON>2.0<"), "is no footprint"),
        (("<Vertex>", "<Corner>"), "Vertex has 0 vertices"),
    ],
)
def test_an_unusable_extent_refuses_the_product(made: Any, change: tuple[str, str], reason: str) -> None:
    """Without an extent there is nothing to fall back on, and the reason names the path."""
    changes = (change, ("</Vertex>", "</Corner>")) if change[1] == "<Corner>" else (change,)
    with pytest.raises(UnreadableScene, match=rf"job/IMG 01/DIM\.XML: Dataset_Content/Dataset_Extent/.*{reason}"):
        made.read(*changes)
