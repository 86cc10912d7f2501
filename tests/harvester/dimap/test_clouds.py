"""Where the clouds of a product are, and what happens when its cloud mask cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Polygon

from footprints import area_km2, valid_footprint
from harvester.dimap import scene_from_delivery
from harvester.dimap.masks import read_mask
from harvester.record import SceneRecord
from harvester.sensors import Sensors
from tests.harvester.dimap.conftest import ContentOf

MaskOf = Callable[..., bytes]

GROUND = "urn:ogc:def:crs:EPSG:6.3:32631"
IMAGE = "urn:ogc:def:derivedCRSType:OGC:1.0:image"
SQUARE = "421500 4983500 421500 4984500 422500 4984500 422500 4983500 421500 4983500"
OVERLAPPING = "422000 4983500 422000 4984500 422800 4984500 422800 4983500 422000 4983500"
EMPTY = b"<hma:Mask xmlns:hma='http://earth.esa.int/hma'><hma:maskMembers/></hma:Mask>"
CLEAR = MultiPolygon()


def test_clouds_are_the_union_of_the_members(made: Any, roi_mask: MaskOf) -> None:
    """Members that overlap, as SPOT writes them, count once."""
    clouds = made.read(clouds=roi_mask(GROUND, SQUARE, OVERLAPPING)).clouds
    assert isinstance(clouds, MultiPolygon)
    assert area_km2(clouds) == pytest.approx(1.3, rel=2e-3)


def test_members_that_cross_themselves_are_repaired(made: Any, roi_mask: MaskOf) -> None:
    """A bow tie with a spike is its two triangles, and takes nothing from the members beside it."""
    bow_tie = "421500 4983500 422500 4984500 422500 4983500 421500 4984500 421500 4984800 421500 4983500"
    beside = "422600 4983500 422600 4983600 422700 4983600 422700 4983500 422600 4983500"
    clouds = made.read(clouds=roi_mask(GROUND, bow_tie, beside)).clouds
    assert clouds.is_valid
    assert len(clouds.geoms) == 3
    assert area_km2(clouds) == pytest.approx(0.51, rel=2e-3)


def test_clouds_in_image_space_are_mapped_through_the_corners(made: Any, roi_mask: MaskOf) -> None:
    """The southern half of the rows of a sensor image is the southern half of its extent."""
    half = "0.5 40.5 100.5 40.5 100.5 80.5 0.5 80.5 0.5 40.5"
    sensor = (("PHR_ORTHO", "PHR_SENSOR"), ("<PROCESSING_LEVEL>ORTHO", "<PROCESSING_LEVEL>SENSOR"))
    west, south, east, north = made.read(*sensor, clouds=roi_mask(IMAGE, half)).clouds.bounds
    assert (west, east) == pytest.approx((2.0, 2.03), abs=2e-4)
    assert (south, north) == pytest.approx((45.0, 45.01), abs=2e-4)


def test_clouds_are_wound_and_rounded_as_geojson_has_them(made: Any, roi_mask: MaskOf) -> None:
    """Vendors write clockwise and to the nanometre; rings are turned, and six decimals are kept."""
    clouds = made.read(clouds=roi_mask(GROUND, SQUARE)).clouds
    assert all(part.exterior.is_ccw for part in clouds.geoms)
    numbers = shapely.get_coordinates(clouds)
    assert np.array_equal(numbers, numbers.round(6))


def test_mask_without_members_is_a_clear_sky(made: Any) -> None:
    """An empty mask says that no cloud was seen, and gives no warning beyond that of the missing outline."""
    scene = made.read(clouds=EMPTY)
    assert scene.clouds == CLEAR
    assert scene.warnings == made.read().warnings


def test_without_a_mask_the_clouds_are_not_known(made: Any) -> None:
    """A record from before masks were read, or without one, says nothing of clouds."""
    assert made.read().clouds is None


@pytest.mark.parametrize(
    ("kind", "expected_km2"),
    [("CLOUD", 1.0), ("CLOUD_COTATION", 1.0), ("OTHER", 1.0), ("CLOUD_SHADOW", 0.0), ("Haze", 0.0)],
)
def test_shadows_and_haze_are_no_clouds(made: Any, roi_mask: MaskOf, kind: str, expected_km2: float) -> None:
    """Members that are told apart as shadow or haze are left out; whatever else a cloud mask names is cloud."""
    told = f"<hma:MaskFeature><hma:maskType>{kind}</hma:maskType>"
    mask = roi_mask(GROUND, SQUARE).replace(b"<hma:MaskFeature>", told.encode())
    clouds = made.read(clouds=mask).clouds
    assert (area_km2(clouds) if clouds.geoms else 0) == pytest.approx(expected_km2, rel=2e-3)


@pytest.mark.parametrize(
    ("mask", "reason"),
    [
        (b"", "the file is empty"),
        (b"<hma:Mask", "not well-formed"),
        (b"<html><p>Not found</p></html>", "html is no mask"),
        (b"<Polygon><exterior><posList>1 2 3</posList></exterior></Polygon>", "3 numbers"),
        (
            b"<Polygon><exterior><posList>0 0 1 0 1 1 0 1 0 0</posList></exterior></Polygon>",
            "outside the image, at 0 0",
        ),
        (
            b"<Polygon><exterior><posList>421500 4983500 421600 4983500 421700 4983500</posList></exterior></Polygon>",
            "no member of the mask has an area",
        ),
    ],
)
def test_clouds_of_a_damaged_mask_are_not_known(made: Any, mask: bytes, reason: str) -> None:
    """A mask that is damaged or of another place never means a clear sky: the scene is read, a warning says why."""
    scene = made.read(clouds=mask)
    assert scene.clouds is None
    (warning,) = set(scene.warnings) - set(made.read().warnings)
    assert warning.startswith("the cloud mask is not usable, where the clouds are is not known (")
    assert reason in warning


def test_clouds_of_a_mask_that_was_left_unread_are_not_known(made: Any, sensors: Sensors) -> None:
    """What the source says of a mask that it did not read becomes the warning."""
    content = made.content(made.edited()) | {"unread": {"clouds": "MASKS/CLD.GML is larger than 9 bytes"}}
    scene = scene_from_delivery(content, sensors)
    assert scene.clouds is None
    assert any("MASKS/CLD.GML is larger than 9 bytes" in warning for warning in scene.warnings)


def test_clouds_are_simplified_to_some_metres(made: Any, roi_mask: MaskOf) -> None:
    """Steps of pixels along an edge go, and so little of the area that it does not show in a percentage."""
    steps = [(421500 + 4 * step + shift, 4983500 + 4 * step) for step in range(250) for shift in (0, 4)]
    ring = " ".join(f"{x} {y}" for x, y in [*steps, (422500, 4983500), steps[0]])
    clouds = made.read(clouds=roi_mask(GROUND, ring)).clouds
    assert shapely.get_num_coordinates(clouds) < 10
    assert area_km2(clouds) == pytest.approx(0.5, rel=1e-2)


def test_of_very_many_clouds_the_largest_are_kept(made: Any, roi_mask: MaskOf) -> None:
    """A mask of very many specks costs no more than one of 500 members, and keeps those that hide most."""
    places = [(x, y) for x in range(421050, 422950, 50) for y in range(4983450, 4984950, 50)]
    sizes = [40 if index % 2 else 20 for index in range(len(places))]
    rings = [
        f"{x} {y} {x} {y + size} {x + size} {y + size} {x + size} {y} {x} {y}"
        for (x, y), size in zip(places, sizes, strict=True)
    ]
    clouds = made.read(clouds=roi_mask(GROUND, *rings)).clouds
    assert sizes.count(40) == 570
    assert len(clouds.geoms) == 500
    assert area_km2(clouds) == pytest.approx(500 * 40**2 / 1e6, rel=2e-2)


def test_clouds_have_an_end_of_vertices(made: Any, roi_mask: MaskOf) -> None:
    """A ragged cloud is drawn more coarsely until its Item's row is small enough; its size stays about the same."""
    teeth = [(421500 + 2 * tooth + width, 4983500 + height)
             for tooth in range(600) for width, height in ((0, 60), (1, 60), (1, 0), (2, 0))]  # fmt: skip
    rings = [
        " ".join(f"{x} {y + north}" for x, y in [*teeth, (422700, 4983300), (421500, 4983300), teeth[0]])
        for north in (0, 400, 800)
    ]
    clouds = made.read(clouds=roi_mask(GROUND, *rings)).clouds
    assert 0 < shapely.get_num_coordinates(clouds) <= 4000
    assert area_km2(clouds) == pytest.approx(3 * 1.2 * 0.23, rel=0.15)


def test_clouds_over_the_antimeridian_are_cut(made: Any, roi_mask: MaskOf) -> None:
    """A cloud in UTM zone 60 that reaches beyond 180° makes two pieces, not a belt round the Earth."""
    changes = (("<LON>2.0<", "<LON>179.99<"), ("<LON>2.03<", "<LON>-179.98<"), ("EPSG::32631", "EPSG::32660"))
    corner = ((">421000<", ">735800<"), (">4985000<", ">4990000<"))
    ring = "735800 4989000 737800 4989000 737800 4990000 735800 4990000 735800 4989000"
    clouds = made.read(*changes, *corner, clouds=roi_mask("", ring)).clouds
    assert len(clouds.geoms) == 2
    assert area_km2(clouds) == pytest.approx(2.0, rel=5e-3)


# Genuine masks

NEO = "Terradue_Stars/PLEIADES-NEO/000071864_1_1_STD_A"
SPOT = "Terradue_Stars/SPOT/CHARTER_ID788_SPOT7/PROD_SPOT7_001/VOL_SPOT7_001_A/IMG_SPOT7_PMS_001_A"
GENUINE = [
    "Terradue_Stars/PLEIADES/5881313101/IMG_PHR1A_PMS_001",
    "Terradue_Stars/PLEIADES/5888578101/IMG_PHR1A_P_001",
    "Terradue_Stars/PLEIADES/5888578101/IMG_PHR1A_MS_002",
    "Terradue_Stars/PLEIADES/5897098101/IMG_PHR1A_P_001",
    "Terradue_Stars/PLEIADES/5897098101/IMG_PHR1A_MS_002",
    "Terradue_Stars/PLEIADES/TPP1601261554/IMG_PHR1B_P_001",
    "Terradue_Stars/PLEIADES/TPP1601261554/IMG_PHR1B_MS_002",
    "Terradue_Stars/PLEIADES/Pleiades_P_MS_haiti_pre_event",
    f"{NEO}/IMG_01_PNEO4_PAN",
    f"{NEO}/IMG_01_PNEO4_MS-FS",
    SPOT,
]


@pytest.fixture
def genuine(dimap_samples: Path, content_of: ContentOf, sensors: Sensors) -> Callable[[str], SceneRecord]:
    """A function from the folder of a genuine product to its scene."""

    def scene(folder: str) -> SceneRecord:
        (metadata,) = (dimap_samples / folder).glob("DIM_*.XML")
        return scene_from_delivery(content_of(metadata.relative_to(dimap_samples).as_posix()), sensors)

    return scene


def test_every_genuine_mask_is_among_these(dimap_samples: Path) -> None:
    """No genuine cloud mask is left out of the tests below."""
    found = {mask.parent.parent.relative_to(dimap_samples).as_posix() for mask in dimap_samples.rglob("CLD_*.GML")}
    assert found == set(GENUINE)


@pytest.mark.parametrize("folder", GENUINE)
def test_genuine_clouds_are_those_that_the_product_states(folder: str, genuine: Callable[[str], SceneRecord]) -> None:
    """Clouds cover CLOUD_COVERAGE of the footprint within 0.3 points, but for SPOT, see below."""
    scene = genuine(folder)
    assert scene.product is not None
    assert scene.clouds is not None
    assert scene.clouds.is_valid
    assert shapely.get_num_coordinates(scene.clouds) < 1600
    hidden = valid_footprint(shapely.intersection(scene.clouds, scene.footprint))
    share = 100 * area_km2(hidden) / area_km2(scene.footprint)
    stated = 36.3 if folder == SPOT else scene.product.cloud_cover_percent
    assert share == pytest.approx(0.01 if stated is None else stated, abs=0.3)


def test_spot_states_the_sum_of_its_members(dimap_samples: Path, genuine: Callable[[str], SceneRecord]) -> None:
    """The cloud cover that the SPOT sample states is that of its members laid side by side, though they overlap."""
    (mask,) = (dimap_samples / SPOT).glob("MASKS/CLD_*.GML")
    members = [shapely.make_valid(Polygon(*member)) for member in read_mask(mask.read_bytes(), mask.name).polygons]
    scene = genuine(SPOT)
    assert scene.product is not None
    side_by_side_km2 = sum(member.area for member in members) / 1e6
    stated = pytest.approx(scene.product.cloud_cover_percent, abs=0.1)
    assert 100 * side_by_side_km2 / area_km2(scene.footprint) == stated
