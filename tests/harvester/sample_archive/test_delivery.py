"""Single deliveries: what the specification asks for is what the harvester and GDAL read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio
from rasterio.transform import RPCTransformer
from shapely import Polygon

from footprints import ViewingDirection, area_km2, convergence_angle_deg, footprint_bbox, overlap_fraction
from harvester.record import Product, SceneRecord
from harvester.sample_archive import ROTATED_ROI, DeliverySpec, SampleArchiveError, View, views_of_pass, write_delivery
from harvester.sample_archive.component import components_of
from harvester.sample_archive.passes import off_nadir_deg

NOON = datetime(2022, 5, 4, 10, 40, 12, 300000, tzinfo=UTC)
OBLIQUE = View(NOON, 255.4, 18.5, 183.0)
SMALL = DeliverySpec(views=(OBLIQUE,), rows=256, cols=320, pixel_m=8.0, cloud_cover_percent=12.5)
GML = "{http://www.opengis.net/gml}"

Scenes = Callable[[Path], list[SceneRecord]]


def moment_of(scene: SceneRecord) -> datetime:
    """When it was taken."""
    assert scene.acquired_at is not None
    return scene.acquired_at


def viewing_of(scene: SceneRecord) -> ViewingDirection:
    """The viewing direction, which every scene of the archive has."""
    assert scene.viewing is not None
    return scene.viewing


def product_of(scene: SceneRecord) -> Product:
    """The product, which every scene of the archive has."""
    assert scene.product is not None
    return scene.product


@pytest.mark.parametrize("level", ["SENSOR", "ORTHO"])
@pytest.mark.parametrize(
    ("mission", "modes", "bands"),
    [
        ("PHR1A", ("P", "MS"), {"P": ["P"], "MS": ["B2", "B1", "B0", "B3"]}),
        ("SPOT6", ("P", "MS"), {"P": ["P"], "MS": ["B2", "B1", "B0", "B3"]}),
        ("SPOT7", ("PMS",), {"PMS": ["B2", "B1", "B0", "B3"]}),
        ("PNEO4", ("PAN", "MS-FS"), {"PAN": ["PAN"], "MS-FS": ["R", "G", "B", "NIR", "RE", "DB"]}),
    ],
)
def test_harvester_reads_what_was_asked(
    tmp_path: Path, scenes_in: Scenes, mission: str, modes: tuple[str, ...], bands: dict[str, list[str]], level: str
) -> None:
    """Id, angles, time, area, cloud and bands come back from the metadata of every family and level."""
    spec = replace(SMALL, mission=mission, modes=modes, level=level)
    write_delivery(tmp_path, spec)
    scenes = scenes_in(tmp_path)
    assert {scene.id for scene in scenes} == set(spec.item_ids)
    read = {product_of(scene).spectral: product_of(scene) for scene in scenes}
    assert {mode: [band.name for image in read[mode].images for band in image.bands] for mode in read} == bands
    altitude = spec.satellite.family.altitude_km
    for scene in scenes:
        assert scene.acquired_at == NOON
        assert viewing_of(scene).azimuth_deg == pytest.approx(255.4, abs=0.5)
        assert viewing_of(scene).incidence_deg == pytest.approx(18.5, abs=0.1)
        assert viewing_of(scene).off_nadir_deg == pytest.approx(off_nadir_deg(18.5, altitude), abs=0.1)
        assert scene.footprint_from == "roi-mask"
        assert area_km2(scene.footprint) == pytest.approx(product_of(scene).surface_area_km2, rel=0.002)
        assert product_of(scene).cloud_cover_percent == pytest.approx(12.5, abs=0.3)
        assert scene.sun_elevation_deg == pytest.approx(54.4, abs=0.5)
        assert (product_of(scene).proj_code is None) == (level == "SENSOR")


def test_signed_incidences_give_the_azimuth(tmp_path: Path, scenes_in: Scenes) -> None:
    """A Pléiades view whose metadata state the scan axis is read with its azimuth all the same."""
    write_delivery(tmp_path, replace(SMALL, views=(View(NOON, 212.5, 14.7, 180.09),)))
    (scene,) = scenes_in(tmp_path)
    assert viewing_of(scene).azimuth_deg == pytest.approx(212.5, abs=0.5)
    assert scene.vendor_angles["azimuth_angle"] == pytest.approx(180.09)


def test_views_of_a_stereo_delivery_overlap_and_converge(tmp_path: Path, scenes_in: Scenes) -> None:
    """The views read back converge by the base to height asked for, over the same ground."""
    views = views_of_pass(NOON, 45.0, 620.0, base_to_height=0.4, count=3, across_km=60.0)
    spec = replace(SMALL, mission="PNEO3", views=views, modes=("PAN",), level="SENSOR", lat=45.0)
    write_delivery(tmp_path, spec)
    first, *_, last = sorted(scenes_in(tmp_path), key=moment_of)
    assert convergence_angle_deg(viewing_of(first), viewing_of(last)) == pytest.approx(2 * 11.31, abs=0.2)
    assert overlap_fraction(first.footprint, last.footprint) > 0.95


def test_image_over_the_antimeridian_is_cut_there(tmp_path: Path, scenes_in: Scenes) -> None:
    """A site on the 180th meridian becomes a footprint in two pieces of the right area."""
    for level, job in (("ORTHO", "6000000111"), ("SENSOR", "6000000222")):
        write_delivery(tmp_path, replace(SMALL, lon=179.998, lat=-16.8, level=level, job=job))
    scenes = scenes_in(tmp_path)
    assert len(scenes) == 2
    for scene in scenes:
        west, _, east, _ = footprint_bbox(scene.footprint)
        assert scene.footprint.geom_type == "MultiPolygon"
        assert west > 179.9
        assert east < -179.9
        assert area_km2(scene.footprint) == pytest.approx(product_of(scene).surface_area_km2, rel=0.002)


def test_absent_cloud_and_region_stay_absent(tmp_path: Path, scenes_in: Scenes) -> None:
    """Without cloud cover and region of interest, the harvester finds no cloud cover and falls back to the extent."""
    folder = write_delivery(tmp_path, replace(SMALL, cloud_cover_percent=None, roi=None))
    (scene,) = scenes_in(tmp_path)
    assert product_of(scene).cloud_cover_percent is None
    assert scene.footprint_from == "extent"
    assert list(folder.rglob("ROI_*")) == []


def test_tiles_make_up_the_image(tmp_path: Path, scenes_in: Scenes) -> None:
    """Rasters, world files and the harvester's transforms of the tiles agree, and together cover the image."""
    folder = write_delivery(tmp_path, replace(SMALL, tiles=(3, 2)))
    (scene,) = scenes_in(tmp_path)
    placed = {Path(image.path).name: image for image in product_of(scene).images}
    assert len(placed) == 6
    pixels = 0
    for path in folder.rglob("*.TIF"):
        with rasterio.open(path) as raster:
            pixels += raster.width * raster.height
            assert tuple(raster.transform)[:6] == placed[path.name].transform
            assert raster.shape == placed[path.name].shape
            centre = [float(line) for line in path.with_suffix(".TFW").read_text().splitlines()[4:]]
            assert centre == pytest.approx(raster.xy(0, 0))
    assert pixels == 256 * 320


@pytest.mark.parametrize(("kind", "pattern"), [("image", "*.TIF"), ("roi-mask", "ROI_*"), ("strip", "STRIP_*")])
def test_missing_files_are_named_but_not_there(tmp_path: Path, kind: str, pattern: str) -> None:
    """A product that lacks files still names them, as a delivery cut short does."""
    folder = write_delivery(tmp_path / "cut", replace(SMALL, missing=frozenset({kind})))
    (name,) = [path.name for path in write_delivery(tmp_path / "whole", SMALL).rglob(pattern)]
    (document,) = folder.rglob("DIM_*.XML")
    assert list(folder.rglob(pattern)) == []
    assert name in document.read_text(encoding="utf-8")


def test_gdal_opens_an_ortho_product_by_its_metadata(tmp_path: Path) -> None:
    """GDAL's DIMAP driver finds the pixels of each family through the DIM file, where they are on the map."""
    for mission, mode, count in (("PHR1B", "PMS", 4), ("SPOT7", "PMS", 4), ("PNEO3", "MS-FS", 6)):
        spec = replace(SMALL, mission=mission, modes=(mode,))
        (document,) = write_delivery(tmp_path / mission, spec).rglob("DIM_*.XML")
        grid = components_of(spec)[0].grid
        with rasterio.open(document) as product:
            assert product.count == count
            assert product.crs.to_epsg() == 32631
            assert product.shape == (grid.rows, grid.cols)
            assert tuple(product.transform)[:6] == grid.transform


@pytest.mark.parametrize("mission", ["PHR1A", "SPOT6", "PNEO3"])
def test_rpc_place_the_corners_of_the_extent(tmp_path: Path, mission: str) -> None:
    """The RPC of the raster, and those of the metadata, place the corners of the extent within a tenth of a pixel."""
    mode = "PAN" if mission.startswith("PNEO") else "P"
    spec = replace(SMALL, mission=mission, modes=(mode,), level="SENSOR", height_m=120.0)
    folder = write_delivery(tmp_path, spec)
    (document,), (raster,) = folder.rglob("DIM_*.XML"), folder.rglob("*.TIF")
    alone = raster.rename(tmp_path / "alone.tif") if mission.startswith("PNEO") else raster
    vertices = ElementTree.parse(document).findall("Dataset_Content/Dataset_Extent/Vertex")
    lons, lats, cols, rows = (
        [float(vertex.findtext(name, "nan")) for vertex in vertices] for name in ("LON", "LAT", "COL", "ROW")
    )
    assert len(vertices) == 4
    # GDAL takes the offsets of a Neo RPC file as counted from 0, in spite of PIXEL_ORIGIN: only the raster counts.
    for path in (alone,) if mission.startswith("PNEO") else (document, raster):
        with rasterio.open(path) as image, RPCTransformer(image.rpcs) as model:
            found_rows, found_cols = model.rowcol(lons, lats, [120.0] * 4, op=float)
        # DIMAP counts pixels from 1 at their centre, GDAL from 0 at their corner.
        assert np.asarray(found_cols) + 0.5 == pytest.approx(cols, abs=0.1)
        assert np.asarray(found_rows) + 0.5 == pytest.approx(rows, abs=0.1)


def test_region_of_interest_bounds_the_pixels(tmp_path: Path) -> None:
    """Pixels outside the region of interest are no-data, those inside are not."""
    spec = replace(SMALL, roi=((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75)))
    (path,) = write_delivery(tmp_path, spec).rglob("*.TIF")
    with rasterio.open(path) as raster:
        valid = raster.read_masks(1) > 0
    expected = np.zeros((256, 320), dtype=bool)
    expected[64:192, 80:240] = True
    assert (valid == expected).all()


def test_cloud_mask_covers_the_stated_share(tmp_path: Path) -> None:
    """The cloud mask covers the share of the region of interest that the metadata state, to one of its cells."""
    region = Polygon([(x * 320 + 0.5, y * 256 + 0.5) for x, y in ROTATED_ROI])
    (mask,) = write_delivery(tmp_path, replace(SMALL, level="SENSOR", cloud_cover_percent=40.0)).rglob("CLD_*.GML")
    area = 0.0
    for polygon in ElementTree.parse(mask).iter(f"{GML}Polygon"):
        assert polygon.get("srsName") == "urn:ogc:def:derivedCRSType:OGC:1.0:image"
        rings = [
            np.array((ring.text or "").split(), dtype=float).reshape(-1, 2) for ring in polygon.iter(f"{GML}posList")
        ]
        area += Polygon(rings[0], rings[1:]).intersection(region).area
    assert area / region.area == pytest.approx(0.4, abs=0.01)


def test_every_linked_file_is_delivered(tmp_path: Path) -> None:
    """Each relative link of each document of a bundle leads to a file that is there."""
    for mission, modes in (("PHR1A", ("P", "MS")), ("SPOT6", ("P", "MS")), ("PNEO3", ("PAN", "MS-FS"))):
        folder = write_delivery(tmp_path / mission, replace(SMALL, mission=mission, modes=modes, level="SENSOR"))
        documents = list(folder.rglob("*.XML"))
        links = [
            document.parent / link.attrib["href"]
            for document in documents
            for link in ElementTree.parse(document).iter()
            if "href" in link.attrib
        ]
        assert len(links) > 10
        assert [link for link in links if not link.is_file()] == []


def test_delivery_replaces_an_older_one(tmp_path: Path) -> None:
    """Writing a delivery again leaves nothing of the former one."""
    folder = write_delivery(tmp_path, SMALL)
    (folder / "stray.txt").write_text("left over")
    assert write_delivery(tmp_path, SMALL) == folder
    assert not (folder / "stray.txt").exists()
    assert [path.name for path in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mission": "SPOT9"}, "Unknown mission"),
        ({"modes": ("PAN",)}, "has no mode"),
        ({"modes": ()}, "has no mode"),
        ({"level": "L3"}, "Unknown level"),
        ({"setting": "moon"}, "Unknown setting"),
        ({"missing": frozenset({"lunch"})}, "Unknown kind of file"),
        ({"views": ()}, "at least one view"),
        ({"views": (View(NOON.replace(microsecond=312345), 10, 10),)}, "whole tenth"),
        ({"views": (View(NOON.replace(tzinfo=None), 10, 10),)}, "UTC"),
    ],
)
def test_impossible_delivery_is_refused(change: dict[str, Any], message: str) -> None:
    """A specification that no delivery can meet says what to choose."""
    with pytest.raises(SampleArchiveError, match=message):
        replace(SMALL, **change)
