"""Stereo sets as files that other programs open: GeoJSON, GeoPackage and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from pyogrio.errors import DataSourceError
from shapely.geometry import shape

from harvester.items.document import ItemDocument

#: Columns of tables by name, with the property that each shows; lists become texts.
COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "title": "title",
        "platform": "platform",
        "datetime": "datetime",
        "mode": "stereo:mode",
        "view_count": "stereo:view_count",
        "convergence": "stereo:convergence_angle",
        "consecutive_convergences": "stereo:consecutive_convergence_angles",
        "base_to_height": "stereo:base_to_height",
        "parallax_to_height": "stereo:parallax_to_height",
        "bisector_elevation": "stereo:bisector_elevation_angle",
        "asymmetry": "stereo:asymmetry_angle",
        "roll": "stereo:roll_angle",
        "overlap": "stereo:overlap",
        "overlap_km2": "stereo:overlap_area",
        "time_span_s": "stereo:time_span",
        "flight_time_ratio": "stereo:flight_time_ratio",
        "direction_source": "stereo:direction_source",
        "azimuth_doubtful": "stereo:azimuth_doubtful",
        "cloud_max": "stereo:cloud_cover_max",
        "cloud_mean": "stereo:cloud_cover_mean",
        "aoi_coverage": "stereo:aoi_coverage",
        "aoi_cloud_max": "stereo:aoi_cloud_cover",
        "aoi_cloud_mean": "stereo:aoi_cloud_cover_mean",
        "sun_azimuth_difference": "stereo:sun_azimuth_difference",
        "sun_elevation_difference": "stereo:sun_elevation_difference",
        "gsd": "gsd",
        "gsd_ratio": "stereo:gsd_ratio",
        "suitability": "stereo:suitability",
        "held": "dinamis:held",
        "views": "stereo:views",
        "views_to_order": "stereo:views_to_order",
    }
)
_TEXTS = frozenset(
    {"title", "platform", "mode", "consecutive_convergences", "direction_source", "views", "views_to_order"}
)


def rows_of(sets: Sequence[ItemDocument]) -> list[dict[str, Any]]:
    """One row per set: id, collection and `COLUMNS`; None for unknown values."""
    return [
        {"id": each["id"], "collection": each["collection"]}
        | {name: _plain(each["properties"].get(key)) for name, key in COLUMNS.items()}
        for each in sets
    ]


def _plain(value: Any) -> Any:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def as_geojson(sets: Sequence[ItemDocument]) -> str:
    """The Items themselves, as a FeatureCollection."""
    return json.dumps({"type": "FeatureCollection", "features": list(sets)}, indent=2, ensure_ascii=False) + "\n"


def as_csv(sets: Sequence[ItemDocument]) -> str:
    """A table with a header, without geometries; RFC 4180 except for the line ends."""
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "collection", *COLUMNS], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows_of(sets))
    return text.getvalue()


def write_geopackage(sets: Sequence[ItemDocument], file: Path) -> None:
    """A layer `stereo` with the common footprint of each set, in WGS 84; an old file is replaced.

    Raises:
        OSError: It cannot be written.
    """
    rows = rows_of(sets)
    names = ["id", "collection", *COLUMNS]
    draft = file.with_name(f".{file.name}.part.gpkg")
    columns = [_column(name, [row[name] for row in rows]) for name in names]
    try:
        pyogrio.raw.write(
            draft,
            geometry=np.array([shapely.to_wkb(shape(each["geometry"])) for each in sets], dtype=object),
            field_data=columns,
            field_mask=[np.array([row[name] is None for row in rows], dtype=bool) for name in names],
            fields=names,
            layer="stereo",
            driver="GPKG",
            geometry_type="MultiPolygon",
            promote_to_multi=True,
            crs="EPSG:4326",
        )
        draft.replace(file)
    except DataSourceError as error:
        raise OSError(f"{file} cannot be written: {error}. Choose another place.") from error
    finally:
        draft.unlink(missing_ok=True)


def _column(name: str, values: Sequence[Any]) -> np.ndarray[Any, Any]:
    if name == "datetime":
        moments = [datetime.fromisoformat(value).replace(tzinfo=None) if value else None for value in values]
        return np.array(moments, dtype="datetime64[ms]")
    if name in _TEXTS or name in ("id", "collection"):
        return np.array(values, dtype=object)
    if name in ("azimuth_doubtful", "held"):
        return np.array([bool(value) for value in values], dtype=bool)
    return np.array([np.nan if value is None else value for value in values], dtype="float64")
