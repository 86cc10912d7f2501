"""The numbers of genuine Airbus products reproduced: areas from ROI masks, azimuths from ephemerides."""

from __future__ import annotations

from collections.abc import Iterator
from math import acos, cos, degrees, radians, sin
from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
import shapely
from defusedxml.ElementTree import parse

from footprints import (
    ViewingDirection,
    area_km2,
    azimuth_from_scan_axis,
    azimuth_to_nadir,
    convergence_angle_deg,
    footprint_from_corners,
    footprint_from_rings,
    ground_from_image,
)

Points = list[tuple[float, float]]
GML = "{http://www.opengis.net/gml}"
STARS = "dimap/Terradue_Stars"
HAITI_2015 = "PLEIADES/Pleiades_P_MS_haiti_pre_event/DIM_PHR1B_PMS_201512251537253_ORT_1629599101-001.XML"
NEO_MULTISPECTRAL = "PLEIADES-NEO/000071864_1_1_STD_A/IMG_01_PNEO4_MS-FS"
SPOT_7 = "SPOT/CHARTER_ID788_SPOT7/PROD_SPOT7_001/VOL_SPOT7_001_A/IMG_SPOT7_PMS_001_A"
PRODUCTS = [
    HAITI_2015,
    "PLEIADES/5881313101/IMG_PHR1A_PMS_001/DIM_PHR1A_PMS_202108151541301_ORT_5881313101.XML",
    "PLEIADES/5888578101/IMG_PHR1A_P_001/DIM_PHR1A_P_202108201553330_ORT_5888578101-1.XML",
    "PLEIADES/5888578101/IMG_PHR1A_MS_002/DIM_PHR1A_MS_202108201553330_ORT_5888578101-2.XML",
    "PLEIADES/5897098101/IMG_PHR1A_P_001/DIM_PHR1A_P_202108271549303_SEN_5897098101-1.XML",
    "PLEIADES/5897098101/IMG_PHR1A_MS_002/DIM_PHR1A_MS_202108271549303_SEN_5897098101-2.XML",
    "PLEIADES/TPP1601261554/IMG_PHR1B_P_001/DIM_PHR1B_P_201911060805331_ORT_4596933101-001.XML",
    "PLEIADES/TPP1601261554/IMG_PHR1B_MS_002/DIM_PHR1B_MS_201911060805331_ORT_4596933101-002.XML",
    "PLEIADES-NEO/000071864_1_1_STD_A/IMG_01_PNEO4_PAN/DIM_PNEO4_202111151358313_PAN_ORT_PWOI_000071864_1_1_F_1.XML",
    f"{NEO_MULTISPECTRAL}/DIM_PNEO4_202111151358313_MS-FS_ORT_PWOI_000071864_1_1_F_1.XML",
    f"{SPOT_7}/DIM_SPOT7_PMS_202011170245179_ORT_5481586101.XML",
]
PLEIADES = [product for product in PRODUCTS if product.startswith("PLEIADES/")]


def number(element: Element, path: str) -> float:
    """The number at a path."""
    text = element.findtext(path)
    assert text is not None, path
    return float(text)


def document(samples: Path, product: str) -> Element:
    """The root of a metadata file."""
    root = parse(samples / STARS / product).getroot()
    assert root is not None
    return root


def vertices(root: Element, *fields: str) -> Points:
    """Two fields of each corner of the extent."""
    corners = root.findall("Dataset_Content/Dataset_Extent/Vertex")
    return [(number(corner, fields[0]), number(corner, fields[1])) for corner in corners]


def mask_polygons(samples: Path, product: str) -> list[tuple[Points, list[Points]]]:
    """Exterior and holes of each member of the ROI mask beside a metadata file."""
    [path] = (samples / STARS / product).parent.glob("MASKS/ROI_*")
    root = parse(path).getroot()
    assert root is not None
    return [
        (next(rings(polygon, "exterior")), list(rings(polygon, "interior"))) for polygon in root.iter(f"{GML}Polygon")
    ]


def rings(polygon: Element, side: str) -> Iterator[Points]:
    """The rings of one side of a GML polygon."""
    for positions in polygon.findall(f"{GML}{side}/{GML}LinearRing/{GML}posList"):
        numbers = [float(word) for word in (positions.text or "").split()]
        yield list(zip(numbers[::2], numbers[1::2], strict=True))


def roi_footprint(samples: Path, product: str) -> shapely.Polygon | shapely.MultiPolygon:
    """The footprint of the ROI mask, through the corners for a product in sensor geometry."""
    root = document(samples, product)
    polygons = mask_polygons(samples, product)
    code = root.findtext("Coordinate_Reference_System/Projected_CRS/PROJECTED_CRS_CODE")
    if code:
        return footprint_from_rings(polygons, int(code.rsplit(":", 1)[1]))
    ground = ground_from_image(polygons, vertices(root, "COL", "ROW"), vertices(root, "LON", "LAT"))
    return footprint_from_rings(ground, "EPSG:4326")


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda product: product.rsplit("/", 1)[1])
def test_roi_area_agrees_with_the_surface_the_vendor_states(samples: Path, product: str) -> None:
    """The geodesic area of the footprint is SURFACE_AREA within 1 %, with at most 200 vertices."""
    footprint = roi_footprint(samples, product)
    stated = number(document(samples, product), "Dataset_Content/SURFACE_AREA")
    assert area_km2(footprint) == pytest.approx(stated, rel=0.01)
    assert footprint.is_valid
    assert shapely.get_num_coordinates(footprint) <= 200


def test_extent_of_haiti_2015_claims_half_as_much_again_as_its_mask(samples: Path) -> None:
    """424.493 km² were imaged, within an extent of 651 km² that holds them."""
    roi = roi_footprint(samples, HAITI_2015)
    extent = footprint_from_corners(vertices(document(samples, HAITI_2015), "LON", "LAT"))
    assert area_km2(roi) == pytest.approx(424.493, rel=1e-3)
    assert area_km2(extent) == pytest.approx(651, rel=1e-3)
    assert roi.difference(extent).area < 1e-3 * roi.area


def centre(root: Element) -> Element:
    """The angles at the centre of the image."""
    located = root.iter("Located_Geometric_Values")
    return next(values for values in located if values.findtext("LOCATION_TYPE") == "Center")


def angle(values: Element, name: str) -> float:
    """One acquisition angle."""
    return number(values, f"Acquisition_Angles/{name}")


def azimuth_of(root: Element) -> float:
    """Azimuth of a Pléiades image by the formula."""
    values = centre(root)
    return azimuth_from_scan_axis(
        angle(values, "AZIMUTH_ANGLE"),
        angle(values, "INCIDENCE_ANGLE_ALONG_TRACK"),
        angle(values, "INCIDENCE_ANGLE_ACROSS_TRACK"),
    )


def ephemeris_azimuth(samples: Path, product: str) -> float:
    """Azimuth from the centre of the extent to the sub-satellite point of the strip."""
    [strip] = (samples / STARS / product).parent.glob("LINEAGE/STRIP_*_DIM.XML")
    nadir = next(parse(strip).iter("Ephemeris_Configuration"))
    extent = document(samples, product).find("Dataset_Content/Dataset_Extent/Center")
    assert extent is not None
    return azimuth_to_nadir(
        number(extent, "LON"), number(extent, "LAT"), number(nadir, "NADIR_LON"), number(nadir, "NADIR_LAT")
    )


@pytest.mark.parametrize("product", PLEIADES, ids=lambda product: product.rsplit("/", 1)[1])
def test_formula_of_pleiades_agrees_with_the_sub_satellite_point(samples: Path, product: str) -> None:
    """The formula and the geodesic to the nadir point of the strip agree within 0.2°."""
    assert azimuth_of(document(samples, product)) == pytest.approx(ephemeris_azimuth(samples, product), abs=0.2)


def test_published_azimuths_of_pleiades_are_reproduced(samples: Path) -> None:
    """The five acquisitions give the five azimuths recorded for them."""
    found = {product.split("/")[1]: round(azimuth_of(document(samples, product)), 1) for product in PLEIADES}
    assert sorted(found.values()) == [219.0, 255.4, 268.3, 270.2, 311.7]


def test_azimuth_of_spot_7_is_usable_as_it_stands(samples: Path) -> None:
    """AZIMUTH_ANGLE of SPOT 7 is 271.7 and lies within 0.7° of the nadir point; the formula would give about 4."""
    spot = PRODUCTS[-1]
    root = document(samples, spot)
    assert angle(centre(root), "AZIMUTH_ANGLE") == pytest.approx(271.7, abs=0.05)
    assert ephemeris_azimuth(samples, spot) == pytest.approx(272.3, abs=0.1)
    assert azimuth_of(root) == pytest.approx(4.4, abs=0.1)


def test_pleiades_neo_pair_of_marseille_converges(samples: Path) -> None:
    """Fore at 63.05° / 21.78° and aft at 128.01° / 19.03° converge by what the law of cosines says."""
    views = []
    for path in sorted((samples / "dimap/asp_plot/pleiades").rglob("*DIM*.XML")):
        values = centre(parse(path).getroot())  # type: ignore[arg-type]
        views.append(ViewingDirection(angle(values, "AZIMUTH_ANGLE") % 360, angle(values, "INCIDENCE_ANGLE")))
    assert [round(view.azimuth_deg, 2) for view in views] == [63.05, 128.01]
    fore, aft, between = radians(21.78), radians(19.03), radians(128.01 - 63.05)
    expected = degrees(acos(cos(fore) * cos(aft) + sin(fore) * sin(aft) * cos(between)))
    assert convergence_angle_deg(*views) == pytest.approx(expected, abs=0.02)
