"""Areas of interest in files, for commands of all packages."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyogrio.errors
import pyogrio.raw
import shapely
from pyproj import Transformer
from pyproj.exceptions import ProjError

from database.commands.terminal import Failure


def area_in(file: Path) -> dict[str, Any]:
    """The area in a GeoJSON, GeoPackage, Shapefile or KML file, as a GeoJSON geometry in WGS 84.

    The parts are not united here: they may overlap or cross the antimeridian.

    Raises:
        Failure: it is not such a file, is empty, or its coordinates do not fit its reference system.
    """
    try:
        meta, _, geometries, _ = pyogrio.raw.read(os.fspath(file), columns=[], force_2d=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, ValueError) as error:
        raise Failure(f"{file} is not GeoJSON, GeoPackage, Shapefile or KML: {error}") from error
    shapes = [each for each in shapely.from_wkb(geometries) if each is not None and not each.is_empty]
    if not shapes:
        raise Failure(f"{file} shows nothing: draw a polygon, or name another file.")
    shown = _in_wgs84(shapely.GeometryCollection(shapes), meta["crs"], file)
    return dict(shown.__geo_interface__)


def _in_wgs84(geometry: shapely.GeometryCollection, crs: str | None, file: Path) -> shapely.GeometryCollection:
    transformer = Transformer.from_crs(crs or "EPSG:4326", "EPSG:4326", always_xy=True)

    def moved(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1], errcheck=True))

    try:
        return shapely.transform(geometry, moved)
    except ProjError as error:
        raise Failure(f"The coordinates of {file} do not fit its reference system {crs}: {error}") from error
