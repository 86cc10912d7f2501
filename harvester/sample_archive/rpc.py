"""Rational polynomial coefficients that fit the synthetic geometry, with its relief parallax."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin, tan
from xml.etree import ElementTree

import numpy as np

from harvester.sample_archive.component import Component
from harvester.sample_archive.grid import Numbers
from harvester.sample_archive.xml_tree import element, serialised

_HEIGHT_SCALE_M = 500.0
_NODES = 9


@dataclass(frozen=True)
class RationalModel:
    """Polynomials between the ground and the image; every denominator is 1, as the geometry is nearly affine."""

    offsets: dict[str, float]
    scales: dict[str, float]
    sample: Numbers  #: 20 coefficients of (longitude, latitude, height), RPC00B order
    line: Numbers
    longitude: Numbers  #: 20 coefficients of (sample, line, height)
    latitude: Numbers
    bounds: dict[str, float]


def rational_model(component: Component) -> RationalModel:
    """The model of an image in sensor geometry, fitted on a grid of points at several heights."""
    col, row, height, lon, lat = _tie_points(component)
    values = {"SAMP": col, "LINE": row, "LONG": lon, "LAT": lat, "HEIGHT": height}
    offsets = {name: float((points.max() + points.min()) / 2) for name, points in values.items()}
    scales = {name: float((points.max() - points.min()) / 2) for name, points in values.items()}
    unit = {name: (points - offsets[name]) / scales[name] for name, points in values.items()}
    ground = _terms(unit["LONG"], unit["LAT"], unit["HEIGHT"])
    image = _terms(unit["SAMP"], unit["LINE"], unit["HEIGHT"])
    return RationalModel(
        offsets,
        scales,
        _fitted(ground, unit["SAMP"]),
        _fitted(ground, unit["LINE"]),
        _fitted(image, unit["LONG"]),
        _fitted(image, unit["LAT"]),
        {
            "FIRST_LON": float(lon.min()),
            "FIRST_LAT": float(lat.min()),
            "LAST_LON": float(lon.max()),
            "LAST_LAT": float(lat.max()),
        },
    )


def rpc_document(component: Component) -> bytes:
    """The RPC file of an image, with the element names of its family; pixels count from 1."""
    model = rational_model(component)
    family = component.family
    is_neo = family.name == "pneo"
    to_ground = ("ImagetoGround_Values", ("LON", "LAT")) if is_neo else ("Direct_Model", ("SAMP", "LINE"))
    sections = [
        _polynomials(*to_ground, model.longitude, model.latitude),
        _polynomials("GroundtoImage_Values" if is_neo else "Inverse_Model", ("SAMP", "LINE"), model.sample, model.line),
        _validity(component, model),
    ]
    root = element(
        "Dimap_Document",
        element(
            "Metadata_Identification",
            # The RPC files of Pléiades Neo are of DIMAP 3.0, while its other documents are of 2.0.
            element("METADATA_FORMAT", "DIMAP", attributes={"version": "3.0" if is_neo else family.format_version}),
            element("METADATA_PROFILE", f"{component.spec.satellite.profile}_SENSOR"),
            element("METADATA_SUBPROFILE", "RPC"),
            element("METADATA_LANGUAGE", "en"),
        ),
        element(
            "Rational_Function_Model",
            element(
                "Resource_Reference",
                element("RESOURCE_TITLE", "NITF", attributes={"version": "2.1"}),
                element("RESOURCE_ID", "RPC00B"),
            ),
            element("Global_RFM", *sections),
        ),
    )
    return serialised(root)


def gdal_rpcs(component: Component) -> dict[str, str]:
    """The ground-to-image model as GDAL writes it into a GeoTIFF; there pixels count from 0."""
    model = rational_model(component)
    scalars = {f"{name}_OFF": value - (name in {"SAMP", "LINE"}) for name, value in model.offsets.items()}
    scalars |= {f"{name}_SCALE": value for name, value in model.scales.items()}
    vectors = {"LINE_NUM_COEFF": model.line, "SAMP_NUM_COEFF": model.sample}
    vectors |= {"LINE_DEN_COEFF": _one(), "SAMP_DEN_COEFF": _one()}
    written = {name: repr(float(value)) for name, value in scalars.items()}
    return written | {name: " ".join(repr(float(value)) for value in values) for name, values in vectors.items()}


def _tie_points(component: Component) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
    """Columns, rows, heights, longitudes and latitudes: a point above the plane is seen farther from the satellite."""
    grid, view = component.grid, component.view
    nodes = np.linspace(-1, 1, _NODES)
    col, row, height = (
        axis.ravel()
        for axis in np.meshgrid(
            (grid.cols + 1) / 2 + nodes * (grid.cols - 1) / 2,
            (grid.rows + 1) / 2 + nodes * (grid.rows - 1) / 2,
            nodes[::2] * _HEIGHT_SCALE_M,
        )
    )
    x, y = grid.plane(col, row)
    shift = height * tan(radians(view.incidence_deg))
    azimuth = radians(view.azimuth_deg)
    on_plane = grid.image_of_plane(x + shift * sin(azimuth), y + shift * cos(azimuth))
    lon, lat = grid.lonlat(*on_plane)
    west = lon[0]
    return col, row, height + component.spec.height_m, west + (lon - west + 180) % 360 - 180, lat


def _terms(x: Numbers, y: Numbers, z: Numbers) -> Numbers:
    """The 20 terms of RPC00B (NIMA STDI-0002, appendix A): x longitude, y latitude, z height."""
    return np.stack(
        [
            np.ones_like(x), x, y, z, x * y, x * z, y * z, x * x, y * y, z * z,
            x * y * z, x**3, x * y * y, x * z * z, x * x * y, y**3, y * z * z, x * x * z, y * y * z, z**3,
        ],
        axis=1,
    )  # fmt: skip


def _fitted(terms: Numbers, values: Numbers) -> Numbers:
    coefficients, *_ = np.linalg.lstsq(terms, values, rcond=None)
    return np.asarray(coefficients)


def _one() -> Numbers:
    return np.array([1.0] + [0.0] * 19)


def _polynomials(tag: str, names: tuple[str, str], first: Numbers, second: Numbers) -> ElementTree.Element:
    across, along = names
    named = {f"{across}_NUM": first, f"{across}_DEN": _one(), f"{along}_NUM": second, f"{along}_DEN": _one()}
    return element(
        tag,
        *(
            element(f"{name}_COEFF_{number}", float(value))
            for name, values in named.items()
            for number, value in enumerate(values, start=1)
        ),
        *_biases(tag),
    )


def _biases(tag: str) -> list[ElementTree.Element]:
    names = {
        "Direct_Model": ("ERR_BIAS_X", "ERR_BIAS_Y"),
        "Inverse_Model": ("ERR_BIAS_ROW", "ERR_BIAS_COL"),
        "ImagetoGround_Values": ("ERR_BIAS_LON", "ERR_BIAS_LAT"),
        "GroundtoImage_Values": ("ERR_BIAS_COL", "ERR_BIAS_ROW"),
    }
    return [element(name, 0.01) for name in names[tag]]


def _validity(component: Component, model: RationalModel) -> ElementTree.Element:
    is_neo = component.family.name == "pneo"
    image = {"FIRST_ROW": 1, "FIRST_COL": 1, "LAST_ROW": component.grid.rows, "LAST_COL": component.grid.cols}
    image_tag = "ImagetoGround_Validity_Domain" if is_neo else "Direct_Model_Validity_Domain"
    ground_tag = "GroundtoImage_Validity_Domain" if is_neo else "Inverse_Model_Validity_Domain"
    scalars = [
        element(f"{name}_{kind}", values[name])
        for name in ("LONG", "LAT", "HEIGHT", "SAMP", "LINE")
        for kind, values in (("SCALE", model.scales), ("OFF", model.offsets))
    ]
    return element(
        "RFM_Validity",
        element(image_tag, *(element(name, value) for name, value in image.items())),
        element(ground_tag, *(element(name, value) for name, value in model.bounds.items())),
        *scalars,
    )
