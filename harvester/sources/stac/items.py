"""Reads a STAC Item of any version into a scene record: a pure function, without network access."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import orjson
import shapely
from pystac.serialization import identify_stac_object, migrate_to_latest

from footprints import FootprintError, Region, ViewingDirection, footprint_as_drawn
from harvester.errors import UnreadableScene
from harvester.items.checks import RANGES
from harvester.queryables import QUERYABLES
from harvester.record import RawRecord, RecordLink, SceneRecord, known
from harvester.sensors import SatelliteFields, Sensors
from harvester.sources.feature_search.features import footprint_of, orbit_state
from harvester.sources.stac.addresses import web_address
from harvester.sources.stac.assets import is_plain, proj_code, remote_assets
from harvester.sources.stac.documents import PYSTAC_FAULTS, links_of
from harvester.strict_reading import Fields

#: Ids that hold the stamps of the strips: SPOT7_MS_201805051026429_SPOT7_P_201805051026429_1.
_STAMPED_ID = re.compile(r"(SPOT[67])_MS_(\d{15})_(SPOT[67])_P_(\d{15})_\d+")

_UNSLUGGED = re.compile(r"[^A-Za-z0-9_.-]+")
_LONGEST_ID = 200
_TILT = (0, 89.999)  #: degrees
_OLD_VERSION = re.compile(r"0\.|1\.0\.0-")

#: Relations of links about the image; the others connect the documents of the remote catalogue.
_TELLING_LINKS = ("about", "cite-as", "describedby", "license", "pmtiles", "tilejson", "wms", "wmts", "xyz")

#: Properties without a namespace that are taken over.
_KEPT = ("description", "keywords", "license", "providers")

#: Properties that may be objects; all others are scalars or lists.
_KEPT_OBJECTS = ("processing:software", "proj:centroid")

#: Properties without meaning here: names and times of the remote record, bands (they are given with each asset), and
#: what another catalogue of this software says about its own harvest.
_IGNORED = frozenset(
    {
        "title",
        "created",
        "updated",
        "sensor_type",
        "spectral_mode",
        "eo:bands",
        "raster:bands",
        "bands",
        "proj:geometry",
        "proj:projjson",
    }
)

_IGNORED_OF_ITEM = frozenset({"type", "stac_version", "stac_extensions", "bbox", "links", "context"})


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that a STAC Item describes.

    Raises:
        UnreadableScene: It is not an Item, has no footprint or no time, or a field is invalid.
    """
    if "fault" in raw.content:
        raise UnreadableScene(raw.content["fault"])
    item = _current(raw.content.get("item"))
    try:
        return _scene(item, raw, sensors)
    except FootprintError as error:
        raise UnreadableScene(f"the footprint cannot be used: {error}") from error
    except RecursionError as error:
        raise UnreadableScene("it is nested too deeply") from error


def _current(item: Any) -> Mapping[str, Any]:
    """The Item with the fields of STAC 1.0 or later."""
    if not isinstance(item, Mapping) or item.get("type") != "Feature":
        raise UnreadableScene("it is not a STAC Item: its type is not Feature")
    if not _OLD_VERSION.match(str(item.get("stac_version", ""))):
        return item
    try:
        return migrate_to_latest(dict(item), identify_stac_object(dict(item)))
    except PYSTAC_FAULTS as error:
        raise UnreadableScene(f"it cannot be migrated from STAC {item['stac_version']}: {error!r}") from error


def _scene(item: Mapping[str, Any], raw: RawRecord, sensors: Sensors) -> SceneRecord:
    fields = Fields(item)
    raw_id = fields.text("id")
    collection = fields.text("collection", None)
    footprint = _footprint(fields.take("geometry"))
    links = links_of(item)
    own = web_address(raw.content.get("document"), None) or web_address(_self_href(links), raw.content.get("page"))
    base = own or raw.content.get("page")
    assets, asset_warnings = remote_assets(fields.take("assets", {}), base)
    reading = _Properties(Fields(fields.take("properties"), "properties"))
    keys = _scene_keys(raw_id, preset := raw.content.get("preset"))
    if preset and not keys:
        reading.warnings.append(f"the id does not tell the acquisition, as those of {preset} do")
    satellite = _satellite(reading.fields, keys, collection or raw_id, sensors)
    return SceneRecord(
        id=_slug(raw_id),
        source_id=raw_id if _slug(raw_id) != raw_id else None,
        scene_keys=keys,
        footprint=footprint,
        footprint_from="source",
        **satellite,
        **reading.with_own_fields(),
        properties=reading.further(),
        source_href=own,
        remote_assets=assets,
        links=tuple(_telling_links(links, base)),
        warnings=(*reading.warnings, *asset_warnings, *reading.left_over(), *fields.close(_IGNORED_OF_ITEM)),
    )


class _Properties:
    """The properties of an Item, divided into fields of the scene and further published ones."""

    def __init__(self, fields: Fields) -> None:
        self.fields = fields
        self.warnings: list[str] = []
        self._further: dict[str, Any] = {}

    def with_own_fields(self) -> dict[str, Any]:
        """The properties that have a field of their own in a scene record."""
        return {
            **self._moments(),
            **self._view(),
            "gsd_m": self._ranged("gsd"),
            "cloud_cover_percent": self._ranged("eo:cloud_cover"),
            "snow_cover_percent": self._ranged("eo:snow_cover"),
            "processing_level": self.fields.text("processing:level", None),
            "orbit_state": orbit_state(self.fields, "sat:orbit_state"),
            "relative_orbit": self.fields.whole("sat:relative_orbit", RANGES["sat:relative_orbit"]),
            "published_at": self.fields.instant("published", None),
        }

    def further(self) -> dict[str, Any]:
        """The further properties to publish: those with a namespace, and a few without."""
        self._take_proj_code()
        for name in list(self.fields.left_over()):
            field = name.removeprefix("properties.")
            value = self._value(field) if _is_published(field) else None
            if value is not None and (is_plain(value) or field in _KEPT_OBJECTS):
                self._further[field] = value
            elif value is not None:
                self.warnings.append(f"{name} is an object and was left out")
        return self._further

    def _value(self, field: str) -> Any:
        schema = QUERYABLES.get(field, {})
        is_whole = schema.get("type") == "integer"
        return self._ranged(field) if field in RANGES and not is_whole else self.fields.of_type(field, schema)

    def left_over(self) -> tuple[str, ...]:
        """A warning that names the properties not taken."""
        left = (name.removeprefix("properties.") for name in self.fields.left_over())
        return self.fields.close(_IGNORED | {name for name in left if name.startswith("dinamis:")})

    def _moments(self) -> dict[str, Any]:
        started = self.fields.instant("start_datetime", None)
        ended = self.fields.instant("end_datetime", None)
        if started and ended and started > ended:
            self.fields.leave_out("properties.end_datetime is before properties.start_datetime")
            ended = None
        if started and ended:
            acquired = self.fields.instant("datetime", None)
        elif self.fields.has("datetime"):
            acquired = self.fields.instant("datetime")
        else:
            raise UnreadableScene("it has neither a datetime nor both start_datetime and end_datetime in their order")
        return {"acquired_at": acquired, "started_at": started, "ended_at": ended}

    def _view(self) -> dict[str, Any]:
        """Directions; `view:azimuth` is taken as from target to satellite, as nearly all catalogues mean it."""
        azimuth = self.fields.azimuth("view:azimuth")
        incidence = self.fields.number("view:incidence_angle", None, _TILT)
        off_nadir = self.fields.number("view:off_nadir", None, _TILT)
        viewing = None
        if azimuth is not None and incidence is not None:
            viewing = ViewingDirection(azimuth, incidence, off_nadir)
        else:
            alone = {"view:azimuth": azimuth, "view:incidence_angle": incidence, "view:off_nadir": off_nadir}
            self._further |= known(alone)
        return {
            "viewing": viewing,
            "sun_azimuth_deg": self.fields.azimuth("view:sun_azimuth"),
            "sun_elevation_deg": self._ranged("view:sun_elevation"),
        }

    def _ranged(self, name: str) -> float | None:
        number: float | None = self.fields.number(name, None, RANGES[name])
        return number

    def _take_proj_code(self) -> None:
        code = proj_code(self.fields.take("proj:code", None), self.fields.take("proj:epsg", None))
        if code:
            self._further["proj:code"] = code


def _is_published(field: str) -> bool:
    return (":" in field and field not in _IGNORED and not field.startswith("dinamis:")) or field in _KEPT


def _satellite(properties: Fields, keys: tuple[str, ...], otherwise: str, sensors: Sensors) -> SatelliteFields:
    """The satellite: as in its sensor document if there is one, else as in the Item."""
    platform, constellation = properties.text("platform", None), properties.text("constellation", None)
    instruments, mission = properties.texts("instruments"), properties.text("mission", None)
    designator = properties.text("sat:platform_international_designator", None)
    if ours := sensors.satellite_called(keys[0].partition("_")[0] if keys else (platform or "")):
        return ours
    return {
        "platform_title": platform or constellation or otherwise,
        "mission": mission,
        "platform": platform.lower().replace(" ", "-") if platform else None,
        "constellation": constellation.lower() if constellation else None,
        "instruments": tuple(name.lower() for name in instruments),
        "international_designator": designator,
    }


def _scene_keys(item_id: str, preset: str | None) -> tuple[str, ...]:
    if preset is None or (stamps := _STAMPED_ID.fullmatch(item_id)) is None:
        return ()
    multispectral, panchromatic = f"{stamps[1]}_{stamps[2]}", f"{stamps[3]}_{stamps[4]}"
    return tuple(dict.fromkeys((panchromatic, multispectral)))


def _slug(item_id: str) -> str:
    slug = _UNSLUGGED.sub("-", item_id).lstrip("-_.")
    if not slug:
        raise UnreadableScene(f"no id of ours can be made from {item_id[:80]!r}")
    if len(slug) <= _LONGEST_ID:
        return slug
    return f"{slug[: _LONGEST_ID - 13]}-{hashlib.sha256(item_id.encode()).hexdigest()[:12]}"


def _footprint(geometry: Any) -> Region:
    try:
        return footprint_as_drawn(shapely.from_geojson(orjson.dumps(geometry)))
    except (shapely.GEOSException, orjson.JSONEncodeError, TypeError, ValueError):
        return footprint_of(geometry)  # slower, and closes open rings


def _self_href(links: list[Mapping[str, Any]]) -> Any:
    return next((link.get("href") for link in links if link.get("rel") == "self"), None)


def _telling_links(links: list[Mapping[str, Any]], base: str | None) -> list[RecordLink]:
    told = [(link, web_address(link.get("href"), base)) for link in links if link.get("rel") in _TELLING_LINKS]
    return [_record_link(link, href) for link, href in told if href]


def _record_link(link: Mapping[str, Any], href: str) -> RecordLink:
    further = {name: value for name, value in link.items() if ":" in name and is_plain(value)}
    return RecordLink(
        rel=link["rel"],
        href=href,
        media_type=link["type"] if isinstance(link.get("type"), str) else None,
        title=link["title"] if isinstance(link.get("title"), str) else None,
        fields=further,
    )
