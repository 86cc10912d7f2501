"""Parts of a feature that services write in various ways: names, satellites, footprints, file addresses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from shapely.errors import ShapelyError
from shapely.geometry import shape

from footprints import FootprintError, Region, footprint_as_drawn
from harvester.errors import UnreadableScene
from harvester.queryables.of_sources import SOURCE_PROPERTIES
from harvester.record import RawRecord, RemoteAsset
from harvester.sensors import SatelliteFields, Sensors
from harvester.sources.lasting_addresses import lasting_address, with_blank_secrets
from harvester.sources.source import unnamed_record
from harvester.strict_reading import Fields

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_.-]")
_STRIP = re.compile(r"DS_(PHR1A|PHR1B|SPOT6|SPOT7|PNEO\d)_(\d{15})_")
_SENTINEL = re.compile(r"S(?:ENTINEL)?(\d)([A-D])")
_TILE = re.compile(r"T?(\d{1,2}[C-X][A-Z]{2})")
_NOT_IN_KEY = re.compile(r"[^a-z0-9_.-]+")
_MD5_MULTIHASH = "d50110"  # code of MD5 (0xd5) as varint, and its length of 16 bytes: file extension, file:checksum
_LONGEST_ID = 200


def raw_record(feature: Any, record_id: Any, passing: frozenset[str] = frozenset()) -> RawRecord:
    """A feature as a record.

    Args:
        feature: as the service gives it.
        record_id: its id there; without one it can only be refused.
        passing: places of fields that change without the image.
    """
    content = with_blank_secrets(feature if isinstance(feature, Mapping) else {"not_an_object": feature})
    if isinstance(record_id, str) and record_id:
        return RawRecord(id=record_id, content=content, place_keys=passing)
    return unnamed_record(content)


def item_id(identifier: str) -> str:
    """The Item id made from another service's name of a record.

    Raises:
        UnreadableScene: Nothing is left of the name, or it is too long.
    """
    if strip := strip_key(identifier):
        return strip
    name = _NOT_IN_ID.sub("-", identifier).lstrip("-_.")
    if not 0 < len(name) <= _LONGEST_ID:
        raise UnreadableScene(f"identifier {identifier[:80]!r} gives no id of 1 to {_LONGEST_ID} characters")
    return name


def strip_key(identifier: str) -> str | None:
    """Satellite and stamp of the strip, if the vendor's dataset name has them: `PHR1A_202004011856193`."""
    match = _STRIP.match(identifier)
    return "_".join(match.groups()) if match else None


def scene_keys(identifier: str) -> tuple[str, ...]:
    """The names of the acquisition that other sources also give."""
    key = strip_key(identifier)
    return (key,) if key else ()


def satellite_called(name: str, instruments: Iterable[str], sensors: Sensors) -> SatelliteFields:
    """The satellite that a service calls `name`: from its sensor document where there is one, else from the name.

    Args:
        name: in any spelling: `SPOT 5`, `SPOT5`, `S2A`, `SENTINEL2A`, `TerraSAR-X`.
        instruments: as the record names them; those of a sensor document take precedence.
        sensors: the sensor documents.

    Raises:
        UnreadableScene: It names no satellite.
    """
    ours = sensors.satellite_called(name)
    return ours or _foreign(name, tuple(instrument.lower() for instrument in instruments))


def _foreign(name: str, instruments: tuple[str, ...]) -> SatelliteFields:
    if sentinel := _SENTINEL.fullmatch(re.sub(r"[^0-9A-Z]", "", name.upper())):
        number, unit = sentinel.groups()
        return {
            "platform": f"sentinel-{number}{unit.lower()}",
            "platform_title": f"Sentinel-{number}{unit}",
            "constellation": f"sentinel-{number}",
            "instruments": instruments,
        }
    platform = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not platform:
        raise UnreadableScene(f"platform {name[:40]!r} names no satellite")
    return {"platform": platform, "platform_title": name, "instruments": instruments}


def footprint_of(geometry: Any) -> Region:
    """The footprint given by a GeoJSON geometry.

    Raises:
        UnreadableScene: It is not a geometry, has no area or does not lie on the Earth.
    """
    try:
        return footprint_as_drawn(shape(geometry))
    except FootprintError as error:
        raise UnreadableScene(f"geometry: {error}") from error
    except (ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise UnreadableScene(f"geometry is not a GeoJSON polygon: {str(geometry)[:80]}") from error


def file_fields(size: Any, md5: Any) -> dict[str, Any]:
    """Size in bytes and checksum of a file, as fields of the file extension."""
    fields: dict[str, Any] = {}
    if str(size).isdecimal() and int(size) > 0:
        fields["file:size"] = int(size)
    if re.fullmatch(r"[0-9a-fA-F]{32}", str(md5)):
        fields["file:checksum"] = f"{_MD5_MULTIHASH}{str(md5).lower()}"
    return fields


def lasting_assets(assets: Iterable[RemoteAsset]) -> tuple[tuple[RemoteAsset, ...], tuple[str, ...]]:
    """The assets with an address that stays valid, and a warning about each of the others."""
    kept: list[RemoteAsset] = []
    warnings: list[str] = []
    for asset in assets:
        if lasting_address(asset.href):
            kept.append(asset)
        else:
            warnings.append(f"the address of the file {asset.key} is not absolute, or holds a signature or credentials")
    return tuple(kept), tuple(warnings)


def published(fields: Fields, names: Mapping[str, str], source: str) -> dict[str, Any]:
    """Fields under our names (theirs -> ours), each checked against the type of the published property."""
    declared = SOURCE_PROPERTIES[source]
    return {ours: fields.of_type(theirs, declared[ours].schema) for theirs, ours in names.items()}


def grid_code(tile: str | None) -> str | None:
    """The tile in the form of the grid extension, MGRS-14ULD for T14ULD; other grids stay as they are."""
    match = _TILE.fullmatch(tile) if tile else None
    return f"MGRS-{match[1]}" if match else tile


def asset_key(name: str) -> str:
    """A name or path as the key of an asset."""
    return _NOT_IN_KEY.sub("-", name.lower()).strip("-") or "file"


def orbit_state(fields: Fields, name: str) -> str | None:
    """The orbit direction in lower case, as STAC has it; services use any case."""
    state: str | None = fields.text(name, None)
    if state is None or state.lower() in ("ascending", "descending", "geostationary"):
        return None if state is None else state.lower()
    fields.leave_out(f"{name} is no direction of an orbit but {state[:40]!r}")
    return None
