"""Every genuine sample product, against the numbers its vendor and the ephemerides give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from footprints import area_km2
from harvester.dimap import read_metadata_file, scene_from_delivery
from harvester.errors import UnreadableScene
from harvester.record import SceneRecord
from harvester.sensors import Sensors

PLEIADES = "Terradue_Stars/PLEIADES"
NEO = "Terradue_Stars/PLEIADES-NEO/000071864_1_1_STD_A"
MS_BANDS = ("red", "green", "blue", "nir")


@dataclass(frozen=True)
class Expected:
    """What a sample must become."""

    path: str
    id: str
    acquired_at: datetime
    azimuth_deg: float
    area_km2: float
    cloud: float | None
    bands: tuple[tuple[str | None, ...], ...]  #: one tuple of common names for each group of files
    spectral: str
    level: str
    proj_code: str | None
    footprint_from: str = "roi-mask"


def _time(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


PRODUCTS = [
    Expected(
        f"{PLEIADES}/5881313101/IMG_PHR1A_PMS_001/DIM_PHR1A_PMS_202108151541301_ORT_5881313101.XML",
        "PHR1A_202108151541301",
        _time(2021, 8, 15, 15, 41, 30, 100000),
        311.7,
        68.192,
        1.84,
        (MS_BANDS,),
        "PMS",
        "ORTHO",
        "EPSG:32618",
    ),
    Expected(
        f"{PLEIADES}/5888578101/IMG_PHR1A_P_001/DIM_PHR1A_P_202108201553330_ORT_5888578101-1.XML",
        "PHR1A_202108201553330",
        _time(2021, 8, 20, 15, 53, 33),
        255.4,
        291.367,
        66.9,
        (("pan",),),
        "P",
        "ORTHO",
        "EPSG:32618",
    ),
    Expected(
        f"{PLEIADES}/5888578101/IMG_PHR1A_MS_002/DIM_PHR1A_MS_202108201553330_ORT_5888578101-2.XML",
        "PHR1A_202108201553330",
        _time(2021, 8, 20, 15, 53, 33),
        255.4,
        291.42,
        68.32,
        (MS_BANDS,),
        "MS",
        "ORTHO",
        "EPSG:32618",
    ),
    Expected(
        f"{PLEIADES}/5897098101/IMG_PHR1A_P_001/DIM_PHR1A_P_202108271549303_SEN_5897098101-1.XML",
        "PHR1A_202108271549303",
        _time(2021, 8, 27, 15, 49, 30, 300000),
        268.3,
        124.872,
        61.87,
        (("pan",),),
        "P",
        "SENSOR",
        None,
    ),
    Expected(
        f"{PLEIADES}/5897098101/IMG_PHR1A_MS_002/DIM_PHR1A_MS_202108271549303_SEN_5897098101-2.XML",
        "PHR1A_202108271549303",
        _time(2021, 8, 27, 15, 49, 30, 300000),
        268.3,
        124.871,
        63.02,
        (MS_BANDS,),
        "MS",
        "SENSOR",
        None,
    ),
    Expected(
        f"{PLEIADES}/TPP1601261554/IMG_PHR1B_P_001/DIM_PHR1B_P_201911060805331_ORT_4596933101-001.XML",
        "PHR1B_201911060805331",
        _time(2019, 11, 6, 8, 5, 33, 100000),
        270.2,
        120.332,
        100.0,
        (("pan",),),
        "P",
        "ORTHO",
        "EPSG:32637",
    ),
    Expected(
        f"{PLEIADES}/TPP1601261554/IMG_PHR1B_MS_002/DIM_PHR1B_MS_201911060805331_ORT_4596933101-002.XML",
        "PHR1B_201911060805331",
        _time(2019, 11, 6, 8, 5, 33, 100000),
        270.2,
        120.366,
        100.0,
        (MS_BANDS,),
        "MS",
        "ORTHO",
        "EPSG:32637",
    ),
    Expected(
        f"{PLEIADES}/Pleiades_P_MS_haiti_pre_event/DIM_PHR1B_PMS_201512251537253_ORT_1629599101-001.XML",
        "PHR1B_201512251537253",
        _time(2015, 12, 25, 15, 37, 25, 300000),
        219.0,
        424.493,
        None,
        (MS_BANDS,),
        "PMS",
        "ORTHO",
        "EPSG:32618",
    ),
    Expected(
        f"{NEO}/IMG_01_PNEO4_PAN/DIM_PNEO4_202111151358313_PAN_ORT_PWOI_000071864_1_1_F_1.XML",
        "PNEO4_202111151358313",
        _time(2021, 11, 15, 13, 58, 30, 100000),
        147.6,
        208.716,
        21.211561981714695,
        (("pan",),),
        "PAN",
        "ORTHO",
        "EPSG:32622",
    ),
    Expected(
        f"{NEO}/IMG_01_PNEO4_MS-FS/DIM_PNEO4_202111151358313_MS-FS_ORT_PWOI_000071864_1_1_F_1.XML",
        "PNEO4_202111151358313",
        _time(2021, 11, 15, 13, 58, 30, 100000),
        147.6,
        208.729,
        21.225389299286775,
        (("red", "green", "blue"), ("nir", "rededge", "coastal")),
        "MS-FS",
        "ORTHO",
        "EPSG:32622",
    ),
    Expected(
        "Terradue_Stars/SPOT/CHARTER_ID788_SPOT7/PROD_SPOT7_001/VOL_SPOT7_001_A/IMG_SPOT7_PMS_001_A/"
        "DIM_SPOT7_PMS_202011170245179_ORT_5481586101.XML",
        "SPOT7_202011170245179",
        _time(2020, 11, 17, 2, 45, 17, 900000),
        271.7,
        546.389,
        51.63,
        (MS_BANDS,),
        "PMS",
        "ORTHO",
        "EPSG:32749",
    ),
    Expected(
        "asp_plot/pleiades/DIM_PNEO3_202111071029126_PAN_trimmed.XML",
        "PNEO3_202111071029126",
        _time(2021, 11, 7, 10, 29, 11, 900000),
        63.05,
        107.6,  # the extent: this sample comes without its mask
        0.0,
        (),
        "PAN",
        "SENSOR",
        None,
        footprint_from="extent",
    ),
    Expected(
        "asp_plot/pleiades/DIM_PNEO3_202111071029456_PAN_trimmed.XML",
        "PNEO3_202111071029456",
        _time(2021, 11, 7, 10, 29, 44, 900000),
        128.01,
        106.0,
        0.0,
        (),
        "PAN",
        "SENSOR",
        None,
        footprint_from="extent",
    ),
    Expected(
        "geotoolkit/spotscene.xml",
        "SPOT5_200703010711390_170395",
        _time(2007, 3, 1, 7, 11, 39),
        280.1,
        3939.5,
        None,
        (),
        "J",
        "2A",
        "EPSG:32738",
        footprint_from="extent",
    ),
]

REFUSED = {
    "DIM_PER1_20170307150657_ORT_P_000041.XML": "PeruSat-1",
    "DIM_PER1_20170307150657_ORT_MS_000041.XML": "PeruSat-1",
    "DIM_PER1_202111071029126_PAN_synthetic.XML": "PeruSat-1",
    "DIM_PHR1A_202111071029126_PAN_synthetic.XML": "SOURCE_ID",
    "PHRDIMAP_P1BP--2017030824934340CP.XML": "older than DIMAP 2",
}

ContentOf = Callable[[str], dict[str, Any]]
Read = Callable[[str], SceneRecord]


@pytest.fixture
def read(content_of: ContentOf, sensors: Sensors) -> Read:
    """A function from a sample's path to its scene."""
    return lambda path: scene_from_delivery(content_of(path), sensors)


@pytest.fixture(params=PRODUCTS, ids=lambda expected: Path(expected.path).stem)
def expected(request: pytest.FixtureRequest) -> Expected:
    """Each genuine product in turn."""
    chosen: Expected = request.param
    return chosen


def test_identity_and_time_are_those_of_the_strip(expected: Expected, read: Read) -> None:
    """Id, key and time come from the strip as the vendor writes it, never from the request or the file name."""
    scene = read(expected.path)
    assert scene.id == expected.id
    assert scene.id in scene.scene_keys
    assert scene.acquired_at == expected.acquired_at


def test_azimuth_points_from_target_to_satellite(expected: Expected, read: Read) -> None:
    """The azimuth agrees with that to the sub-satellite point computed from nadir positions and ephemerides."""
    viewing = read(expected.path).viewing
    assert viewing is not None
    assert viewing.azimuth_deg == pytest.approx(expected.azimuth_deg, abs=0.15)


def test_footprint_area_is_that_of_the_delivered_pixels(expected: Expected, read: Read) -> None:
    """The footprint has the SURFACE_AREA of the product within 1 % wherever a mask is delivered."""
    scene = read(expected.path)
    assert scene.footprint_from == expected.footprint_from
    assert area_km2(scene.footprint) == pytest.approx(expected.area_km2, rel=0.01)
    if scene.footprint_from == "roi-mask":
        assert scene.product is not None
        assert scene.product.surface_area_km2 == pytest.approx(expected.area_km2, rel=1e-4)


def test_product_facts_are_read(expected: Expected, read: Read) -> None:
    """Mode, level and reference system are the vendor's; a cloud cover that is absent stays absent."""
    product = read(expected.path).product
    assert product is not None
    assert (product.spectral, product.level, product.proj_code) == (
        expected.spectral,
        expected.level,
        expected.proj_code,
    )
    assert product.cloud_cover_percent == expected.cloud
    assert (product.transform is None) == (expected.proj_code is None)


def test_bands_are_in_the_order_of_the_pixels(expected: Expected, read: Read) -> None:
    """Each group of files lists its bands as they lie in the pixels: red first, whatever the calibration list says."""
    product = read(expected.path).product
    assert product is not None
    groups = dict.fromkeys(tuple(band.common_name for band in image.bands) for image in product.images)
    assert tuple(groups) == expected.bands


def test_no_genuine_product_is_doubtful(expected: Expected, read: Read) -> None:
    """The only warnings on genuine products are those of files that the samples leave out or hold without content."""
    warnings = read(expected.path).warnings
    assert all("not delivered" in warning or "images are empty" in warning for warning in warnings)


def test_every_product_of_the_samples_is_read_or_refused_with_its_reason(
    dimap_samples: Path, content_of: ContentOf, sensors: Sensors
) -> None:
    """What is a product is told by its content, and each is either read or refused for the right reason."""
    read_paths, refused = set(), {}
    for file in sorted(dimap_samples.rglob("*")):
        path = file.relative_to(dimap_samples).as_posix()
        if file.suffix.lower() not in {".xml", ".dim"}:
            continue
        if read_metadata_file(file.read_bytes(), path).classification.kind != "product":
            continue
        try:
            scene_from_delivery(content_of(path), sensors)
            read_paths.add(path)
        except UnreadableScene as error:
            refused[file.name] = str(error)
    assert read_paths == {expected.path for expected in PRODUCTS}
    assert refused.keys() == REFUSED.keys()
    assert all(REFUSED[name] in reason and name in reason for name, reason in refused.items())


def test_components_of_a_bundle_share_a_scene_key(read: Read) -> None:
    """P and MS of one strip, and PAN and MS-FS of one acquisition, have the same id and a key in common."""
    scenes = [read(product.path) for product in PRODUCTS]
    for one in scenes:
        for other in scenes:
            assert (one.id == other.id) == bool(set(one.scene_keys) & set(other.scene_keys))


def test_pleiades_neo_is_also_known_by_its_acquisition_id(read: Read) -> None:
    """SOURCE_ID of Pléiades Neo has no time, and is a key of the acquisition beside its stamp."""
    assert read(PRODUCTS[9].path).scene_keys == ("ACQ_PNEO4_00809200827130", "PNEO4_202111151358313")


def test_lineage_of_the_strip_is_read(read: Read) -> None:
    """Orbit, direction and receiving station come from the STRIP document of Pléiades and SPOT 7."""
    found = {
        scene.id: (scene.relative_orbit, scene.orbit_state, scene.acquisition_station)
        for scene in map(read, (PRODUCTS[0].path, PRODUCTS[7].path, PRODUCTS[10].path))
    }
    assert found == {
        "PHR1A_202108151541301": (252, "descending", "SV1"),
        "PHR1B_201512251537253": (354, "descending", "SE1"),
        "SPOT7_202011170245179": (361, "descending", "SV1"),
    }


def test_wavelengths_are_micrometres_whatever_the_unit(read: Read) -> None:
    """Micrometers (PHR), nanometers (SPOT) and nanometer FWHM (PNEO) all become full widths in µm."""
    reds = {}
    for path in (PRODUCTS[0].path, PRODUCTS[9].path, PRODUCTS[10].path):
        scene = read(path)
        assert scene.product is not None
        red = scene.product.images[0].bands[0]
        reds[scene.mission] = (red.name, red.centre_wavelength_um, red.full_width_half_max_um)
    assert reds == {"PHR1A": ("B2", 0.65, 0.12), "PNEO4": ("R", 0.6545, 0.071), "SPOT7": ("B2", 0.665, 0.064)}


def test_radiance_of_the_red_band_is_that_of_the_red_band(read: Read) -> None:
    """Calibration is matched by band, not by position: red of PHR1A has gain 9.95 and irradiance 1594."""
    product = read(PRODUCTS[0].path).product
    assert product is not None
    red = product.images[0].bands[0]
    assert (red.scale, red.offset, red.solar_irradiance_w_m2_um) == (1 / 9.95, 0.0, 1594.0)


def test_tiles_agree_with_their_world_files(dimap_samples: Path, read: Read) -> None:
    """Shape and transform of each tile, computed from the tiling, give the world file's centre of the first pixel."""
    compared = 0
    for expected in PRODUCTS:
        product = read(expected.path).product
        assert product is not None
        for image in product.images:
            world = (dimap_samples / image.path).with_suffix(".J2W" if image.path.endswith("JP2") else ".TFW")
            numbers = [float(line) for line in world.read_text().split()] if world.is_file() else []
            if image.transform is not None and len(numbers) == 6:
                a, b, c, d, e, f = image.transform
                assert numbers == pytest.approx([a, d, b, e, c + a / 2, f + e / 2], abs=1e-6)
                compared += 1
    assert compared == 24


def test_tiles_cover_the_image_once(read: Read) -> None:
    """The tiles of a group add up to the pixels of the whole image, and every tile of each group is there."""
    for path, groups, tiles in ((PRODUCTS[7].path, 1, 3), (PRODUCTS[8].path, 1, 6), (PRODUCTS[9].path, 2, 6)):
        product = read(path).product
        assert product is not None
        assert len({(image.group, image.tile) for image in product.images}) == len(product.images) == groups * tiles
        pixels = sum(image.shape[0] * image.shape[1] for image in product.images if image.shape)
        assert pixels == groups * product.shape[0] * product.shape[1]


def test_groups_of_bands_are_named_as_in_the_file_names(read: Read) -> None:
    """The two groups of Pléiades Neo are "rgb" and "ned"; a lone group has no name."""
    multispectral, panchromatic = read(PRODUCTS[9].path).product, read(PRODUCTS[8].path).product
    assert multispectral is not None
    assert panchromatic is not None
    assert {image.group for image in multispectral.images} == {"rgb", "ned"}
    assert {image.group for image in panchromatic.images} == {None}


def test_companions_are_those_that_exist(read: Read) -> None:
    """Metadata, geometric model and masks are listed with their sizes; previews that the samples lack are not."""
    product = read(PRODUCTS[3].path).product
    assert product is not None
    kinds = [companion.kind for companion in product.companions]
    assert kinds == ["metadata", "rpc", *(f"mask-{code}" for code in ("roi", "det", "slt", "vis", "snw", "cld", "qte"))]
    assert all(companion.size_bytes for companion in product.companions)


def test_sensor_times_are_those_of_the_first_and_last_line(read: Read) -> None:
    """Start and end come from the sensor model at SENSOR level, else from the located values; DIMAP 1 has none."""
    sensor, ortho, scene = (read(PRODUCTS[position].path) for position in (3, 0, 13))
    assert sensor.started_at == _time(2021, 8, 27, 15, 49, 30, 415218)
    assert sensor.ended_at == _time(2021, 8, 27, 15, 49, 31, 530140)
    assert ortho.started_at == _time(2021, 8, 15, 15, 41, 30, 281000)
    assert ortho.ended_at == _time(2021, 8, 15, 15, 41, 31, 406000)
    assert (scene.started_at, scene.ended_at) == (None, None)


def test_spot_5_bands_are_ordered_by_index(content_of: ContentOf, sensors: Sensors) -> None:
    """DIMAP 1 numbers its bands: green, red, near and short-wave infrared, with gain and irradiance of each."""
    content = content_of("geotoolkit/spotscene.xml")
    content["files"] = {"IMAGERY.TIF": {"size": 1, "cog": False}}
    product = scene_from_delivery(content, sensors).product
    assert product is not None
    (image,) = product.images
    assert [band.common_name for band in image.bands] == ["green", "red", "nir", "swir16"]
    assert image.bands[0].scale == 1 / 2.290530
    assert image.bands[3].solar_irradiance_w_m2_um == 236.0
    assert (image.path, image.shape) == ("geotoolkit/IMAGERY.TIF", (7308, 7762))


def test_vendor_angles_are_kept_as_written(read: Read) -> None:
    """The raw angles of the centre stay available: the azimuth of the image lines of Pléiades is not corrected."""
    angles = read(PRODUCTS[0].path).vendor_angles
    assert angles["azimuth_angle"] == 179.8796245087998
    assert angles["incidence_angle_across_track"] == -13.93320329787198
