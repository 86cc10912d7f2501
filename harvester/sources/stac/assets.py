"""The assets of a STAC Item, with their bands as STAC 1.1 has them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from harvester.items.checks import RANGES
from harvester.record import RemoteAsset, known
from harvester.sources.stac.addresses import absolute

_UNSLUGGED = re.compile(r"[^a-z0-9_.-]+")

#: Fields of an asset without a namespace that we publish.
_KEPT = ("description", "gsd", "data_type", "nodata", "unit")

#: Prefixes of fields that are left out: bands by another name, or other ways to open the file than its address.
_IGNORED_PREFIXES = ("auth:", "alternate:", "storage:", "xarray:", "table:", "dinamis:")

#: Fields of bands in micrometres and W/m²/µm; some services use nanometres.
_OPTICAL = ("center_wavelength", "full_width_half_max", "solar_illumination")

#: Fields of the grid, and how many numbers each has; a transform may be the whole matrix.
_GRID = {"proj:shape": (2,), "proj:transform": (6, 9)}

#: Keys that serve as roles where an asset has none.
_ROLES_BY_KEY = ("data", "metadata", "overview", "thumbnail")

#: Types whose every value is valid JSON.
_SURE = frozenset({str, int, bool, type(None)})

#: Fields of `raster:bands` that move to the asset where all bands agree; they lost their namespace in STAC 1.1.
_SHARED_OF_BANDS = {
    "data_type": "data_type",
    "nodata": "nodata",
    "unit": "unit",
    "spatial_resolution": "raster:spatial_resolution",
    "bits_per_sample": "raster:bits_per_sample",
    "sampling": "raster:sampling",
}


def remote_assets(said: Any, base: str | None) -> tuple[tuple[RemoteAsset, ...], list[str]]:
    """The assets of an Item, and warnings about those that were left out.

    Args:
        said: The assets as in the Item: key -> asset.
        base: Base of relative addresses.
    """
    if not isinstance(said, dict):
        return (), ["assets is not an object, and was left out"]
    warnings: list[str] = []
    assets: dict[str, RemoteAsset] = {}
    for name, asset in said.items():
        href = absolute(asset.get("href"), base) if isinstance(asset, dict) else None
        if href is None:
            warnings.append(f"the asset {name[:80]!r} has no web address and was left out")
            continue
        key = _free_key(name, assets)
        assets[key] = _asset(key, name, href, asset, warnings)
    return tuple(assets.values()), warnings


def proj_code(code: Any, epsg: Any) -> str | None:
    """The code of a reference system, from that of projection 2.0 or the EPSG number of 1.x."""
    if isinstance(code, str) and code:
        return code
    return f"EPSG:{epsg}" if isinstance(epsg, int) and not isinstance(epsg, bool) else None


def is_plain(value: Any) -> bool:
    """Whether a value is a JSON scalar, or a list of JSON values."""
    return type(value) in _SURE or (not isinstance(value, dict) and _is_json(value))


def _is_json(value: Any) -> bool:
    if type(value) in _SURE:
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return all(isinstance(name, str) and _is_json(inner) for name, inner in value.items())
    return isinstance(value, list) and all(map(_is_json, value))


def _free_key(name: str, taken: Mapping[str, Any]) -> str:
    slug = _UNSLUGGED.sub("-", name.lower()).lstrip("-_.") or "asset"
    if slug not in taken:
        return slug
    return next(key for number in range(2, len(taken) + 3) if (key := f"{slug}-{number}") not in taken)


def _asset(key: str, name: str, href: str, said: Mapping[str, Any], warnings: list[str]) -> RemoteAsset:
    return RemoteAsset(
        key=key,
        href=href,
        roles=_roles(key, said.get("roles")),
        title=_text(said.get("title")) or name or key,
        media_type=_text(said.get("type")),
        fields=_fields(name, said, warnings) | _bands(name, said, warnings),
    )


def _roles(key: str, said: Any) -> tuple[str, ...]:
    """The roles, which STAC makes optional: a file without any counts as an image."""
    roles = tuple(role for role in said if isinstance(role, str)) if isinstance(said, list) else ()
    return roles or ((key,) if key in _ROLES_BY_KEY else ("data",))


def _fields(asset: str, said: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    fields = dict(_shared_of_bands(rasters)) if (rasters := said.get("raster:bands")) else {}
    fields |= {name: value for name, value in said.items() if _is_published(name) and is_plain(value)}
    if code := proj_code(said.get("proj:code"), fields.pop("proj:epsg", None)):
        fields["proj:code"] = code
    unfit = {name: value for name, value in fields.items() if not _can_be(name, value)}
    left_out = (f"{name} is {str(value)[:40]}" for name, value in unfit.items() if value is not None)
    warnings.extend(f"the asset {asset[:80]!r}: {each} and was left out" for each in left_out)
    return known({name: value for name, value in fields.items() if name not in unfit})


def _can_be(name: str, value: Any) -> bool:
    """Whether a numeric field is valid; services write -1, 0 or nothing for unknown values."""
    if name in RANGES:
        low, high = RANGES[name]
        return type(value) in (int, float) and low <= value <= high
    if name not in _GRID:
        return True
    if not isinstance(value, list) or len(value) not in _GRID[name]:
        return False
    lowest = 1 if name == "proj:shape" else -math.inf
    return all(type(number) in (int, float) and number >= lowest for number in value)


@lru_cache(maxsize=1024)
def _is_published(name: str) -> bool:
    if ":" not in name:
        return name in _KEPT
    return name not in ("eo:bands", "raster:bands") and not name.startswith(_IGNORED_PREFIXES)


def _shared_of_bands(said: Any) -> Iterator[tuple[str, Any]]:
    rasters = _objects(said)
    for old, new in _SHARED_OF_BANDS.items() if rasters else ():
        values = [raster.get(old) for raster in rasters]
        if values[0] is not None and values.count(values[0]) == len(values) and is_plain(values[0]):
            yield new, values[0]


def _bands(asset: str, said: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    """Bands from `bands`, or from `eo:bands` with the `raster:bands` beside them; none unless each has its own name.

    Their order is that of the pixels, so a single band cannot be left out.
    """
    optical = _objects(said.get("bands") or said.get("eo:bands"))
    if not optical:
        return {}
    rasters = _objects(said.get("raster:bands"))
    if len(rasters) != len(optical):
        rasters = [{}] * len(optical)
    names = [_text(band.get("name")) or "" for band in optical]
    if not all(names) or len(set(names)) < len(names):
        warnings.append(f"the asset {asset[:80]!r}: its bands have no names of their own and were left out")
        return {}
    return {"bands": [_band(*each, warnings) for each in zip(names, optical, rasters, strict=True)]}


def _band(name: str, band: Mapping[str, Any], raster: Mapping[str, Any], warnings: list[str]) -> dict[str, Any]:
    return known(
        {
            "name": name,
            "eo:common_name": _text(band.get("eo:common_name", band.get("common_name"))),
            **_optical_fields(name, band, warnings),
            "raster:scale": _number(band.get("raster:scale", raster.get("scale"))),
            "raster:offset": _number(band.get("raster:offset", raster.get("offset"))),
            "unit": _text(band.get("unit", raster.get("unit"))),
        }
    )


def _optical_fields(name: str, band: Mapping[str, Any], warnings: list[str]) -> dict[str, float]:
    fields = {}
    for field in _OPTICAL:
        since_1_1 = f"eo:{field}"
        value = _number(band.get(since_1_1, band.get(field)))
        if value is None:
            continue
        if _can_be(since_1_1, value):
            fields[since_1_1] = value
        else:
            warnings.append(f"band {name[:20]}: {field} is {value:g}, out of its range, and was left out")
    return fields


def _objects(said: Any) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in said if isinstance(entry, dict)] if isinstance(said, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None
