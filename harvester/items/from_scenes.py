"""Builds one STAC Item from all scene records of one acquisition; a pure function.

An Item is always rebuilt from all its active records and never patched, so it does not depend on the order in which
they arrived. Where several sources know the acquisition, the first one that gives a field decides; their files, links
and footprints are united.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson
import shapely
from pystac.utils import datetime_to_str

from footprints import FootprintError, Region, area_km2, footprint_bbox, union_footprints
from harvester.errors import UnreadableScene
from harvester.items.assets import (
    ScenesBySource,
    assets_from_scenes,
    places_by_key,
    product_type,
    spoken_moment,
)
from harvester.items.checks import check_item
from harvester.items.clouds import clouds_of_ground
from harvester.items.corrections import correct_item
from harvester.items.document import ItemDocument
from harvester.items.links import Sibling, archive_fields, item_links
from harvester.record import SceneRecord, known

__all__ = ["Sibling", "SourcedScene", "item_from_scenes", "private_part"]

STAC_VERSION = "1.1.0"
#: Listed here, as the classes of pystac write older versions of most of them.
EXTENSIONS = {
    "eo": "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "order": "https://stac-extensions.github.io/order/v1.1.0/schema.json",
    "processing": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "product": "https://stac-extensions.github.io/product/v1.0.0/schema.json",
    "proj": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "sar": "https://stac-extensions.github.io/sar/v1.3.2/schema.json",
    "sat": "https://stac-extensions.github.io/sat/v1.2.0/schema.json",
    "sci": "https://stac-extensions.github.io/scientific/v1.0.0/schema.json",
    "view": "https://stac-extensions.github.io/view/v1.1.0/schema.json",
}
TIMESTAMPS = "https://stac-extensions.github.io/timestamps/v1.1.0/schema.json"
WEB_MAP_LINKS = "https://stac-extensions.github.io/web-map-links/v1.2.0/schema.json"
WEB_MAPS = frozenset({"3d-tiles", "pmtiles", "tilejson", "wms", "wmts", "xyz"})

PANCHROMATIC = ("P", "PAN", "PMS")
#: Origins of footprints, the least precise first.
FOOTPRINT_ORIGINS = ("source", "extent", "roi-mask")


@dataclass(frozen=True)
class SourcedScene:
    """One record of an acquisition, with its source."""

    source: str  #: its name in the collection
    precedence: int  #: of the source in the collection document; 0 comes first and decides
    scene: SceneRecord


def item_from_scenes(
    scenes: Sequence[SourcedScene],
    *,
    item_id: str,
    collection: str,
    siblings: Sequence[Sibling] = (),
    corrections: Mapping[str, Any] = {},
) -> ItemDocument:
    """Build the Item of an acquisition from all its active records, in any order, as JSON data.

    Geometry is the union of the footprints. Within a source, cloud cover, level and product type are those of the
    principal component: the largest panchromatic one (P, PAN, PMS and their variants), else the largest.

    Args:
        scenes: All active records of the acquisition, at least one.
        item_id: The id once given to the acquisition's Item.
        collection: Id of the collection.
        siblings: The other Items of the same acquisition, in other collections.
        corrections: Those of curators, by property name, or `geometry`; applied last.

    Raises:
        UnreadableScene: There is no record, there are two satellites, or the Item would break an invariant.
    """
    by_source = _by_source(scenes)
    ranked = [scene for group in by_source.values() for scene in group]
    _require_one_acquisition(ranked, item_id)
    geometry = _united(ranked, item_id)
    properties = _properties(by_source, ranked) | {"dinamis:footprint_area_km2": round(area_km2(geometry), 3)}
    is_archive = all(scene.is_archive for scene in ranked)
    if is_archive:
        properties |= archive_fields(siblings)
    item = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "id": item_id,
        "geometry": orjson.loads(shapely.to_geojson(geometry)),
        "bbox": list(footprint_bbox(geometry)),
        "properties": properties,
        "assets": assets_from_scenes(by_source, item_id=item_id, collection=collection),
        "collection": collection,
    }
    item["links"] = item_links(item, ranked, siblings, is_archive=is_archive)
    correct_item(item, corrections)
    item["stac_extensions"] = _extensions(item)
    check_item(item)
    return item


def private_part(scenes: Sequence[SourcedScene]) -> dict[str, Any]:
    """What is stored beside an Item but never shown in it, as JSON data.

    Returns:
        `assets`: where the copies of each file that we hold are stored, the preferred one first, by asset key. All
        copies are listed, as the ledger still has the old place of a delivery that was moved. Files that a source
        serves itself are not among them.
        `clouds`: the clouds in the image as a GeoJSON MultiPolygon, in each place from the first record that shows it
        and has a cloud mask; empty if there are no clouds, absent if no record has a mask.
    """
    by_source = _by_source(scenes)
    holds_files = any(each.scene.product for each in scenes)
    return {"assets": places_by_key(by_source) if holds_files else {}, **known({"clouds": _clouds(by_source)})}


def _clouds(by_source: ScenesBySource) -> dict[str, Any] | None:
    clouds = clouds_of_ground([scene for group in by_source.values() for scene in group])
    return None if clouds is None else orjson.loads(shapely.to_geojson(clouds))


def _by_source(scenes: Sequence[SourcedScene]) -> ScenesBySource:
    """The records by source in order of precedence, principal component first; only their content decides."""
    groups: dict[tuple[int, str], list[SceneRecord]] = {}
    for each in scenes:
        groups.setdefault((each.precedence, each.source), []).append(each.scene)
    return {source: _ranked(group) for (_, source), group in sorted(groups.items())}


def _ranked(group: list[SceneRecord]) -> list[SceneRecord]:
    # Nearly every acquisition has one record per source, and ranking one would cost more than the rest of its Item.
    return sorted(group, key=_rank) if len(group) > 1 else group


def _require_one_acquisition(ranked: Sequence[SceneRecord], item_id: str) -> None:
    if not ranked:
        raise UnreadableScene(f"{item_id}: no record is left, so there is no Item to build. Withdraw it instead.")
    platforms = sorted({scene.platform for scene in ranked if scene.platform})
    if len(platforms) > 1:
        raise UnreadableScene(f"{item_id}: its records are of two satellites ({', '.join(platforms)}).")
    names = ("acquired_at", "started_at", "ended_at", "published_at")
    moments = [moment for scene in ranked for name in names if (moment := getattr(scene, name))]
    if any(moment.tzinfo is None for moment in moments):
        raise UnreadableScene(f"{item_id}: a time has no time zone; the reader must give UTC.")
    if not any(scene.acquired_at or (scene.started_at and scene.ended_at) for scene in ranked):
        raise UnreadableScene(f"{item_id}: no record says when it was taken: neither a time, nor a start and an end.")


def _united(ranked: Sequence[SceneRecord], item_id: str) -> Region:
    # A union may begin its rings elsewhere than its members: a footprint given twice must stay as it is.
    footprints = list(dict.fromkeys(scene.footprint for scene in ranked))
    try:
        return footprints[0] if len(footprints) == 1 else union_footprints(footprints)
    except FootprintError as error:
        raise UnreadableScene(f"{item_id}: {error}") from error


def _rank(scene: SceneRecord) -> tuple[Any, ...]:
    product = scene.product
    spectral = product.spectral if product else ""
    produced = product.produced_at.timestamp() if product and product.produced_at else 0.0
    # The repr comes last and breaks every tie; it shortens geometries, hence the WKB before it.
    return (
        product is None,
        spectral.split("-")[0] not in PANCHROMATIC,
        -area_km2(scene.footprint),
        -produced,
        spectral,
        product.job if product else "",
        scene.footprint.wkb,
        b"" if scene.clouds is None else scene.clouds.wkb,
        repr(scene),
    )


def _properties(by_source: ScenesBySource, ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    moment, period = _moment(by_source), _period(by_source)
    stated: dict[str, Any] = {}
    for group in reversed(list(by_source.values())):
        stated |= _fields_of_source(group)
    return {
        **stated,
        **_acquisition_fields(ranked),
        **_viewing_fields(ranked),
        **_sun_fields(ranked),
        **_period_fields(period),
        "datetime": datetime_to_str(moment) if moment else None,
        "title": _title(ranked, moment, period),
        "dinamis:source": sorted(by_source),
        "dinamis:source_id": ranked[0].source_id or ranked[0].id,
        "dinamis:footprint_from": _footprint_from(ranked),
    }


def _fields_of_source(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    """The fields that one source gives; those that it lacks come from the next source."""
    return {
        **_further_properties(ranked),
        **known({"gsd": _gsd_m(ranked), "instruments": _instruments(ranked), "proj:code": _proj_code(ranked)}),
        **_principal_fields(ranked[0]),
    }


def _further_properties(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    """Further properties under STAC names: the first record that has one decides, but lists of names are united."""
    fields: dict[str, Any] = {}
    for name, value in ((name, value) for scene in ranked for name, value in known(scene.properties).items()):
        if name in fields and _is_names(value) and _is_names(fields[name]):
            fields[name] = list(dict.fromkeys([*fields[name], *value]))
        fields.setdefault(name, value)
    return dict(sorted(fields.items()))


def _is_names(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)


def _moment(by_source: ScenesBySource) -> datetime | None:
    """The earliest start given by the first source that gives any."""
    moments = ([scene.acquired_at for scene in group if scene.acquired_at] for group in by_source.values())
    return next((min(group) for group in moments if group), None)


def _period(by_source: ScenesBySource) -> tuple[datetime, datetime] | None:
    """From the start of the strip to the last line, from the first source that dates lines.

    The strip may start before the first line of the image. If there is an interval, pgSTAC searches by that alone, so
    it must contain `datetime`, or the Item would not be found under its own date.
    """
    moment = _moment(by_source)
    for group in by_source.values():
        ends = [(scene.started_at, scene.ended_at) for scene in group if scene.started_at and scene.ended_at]
        if ends:
            moments = [end for pair in ends for end in pair] + ([moment] if moment else [])
            return min(moments), max(moments)
    return None


def _period_fields(period: tuple[datetime, datetime] | None) -> dict[str, str]:
    if period is None:
        return {}
    return {"start_datetime": datetime_to_str(period[0]), "end_datetime": datetime_to_str(period[1])}


def _title(ranked: Sequence[SceneRecord], moment: datetime | None, period: tuple[datetime, datetime] | None) -> str:
    """A readable and distinctive title: clients show it instead of the id."""
    year = str(period[0].year) if period else ""
    modes = dict.fromkeys(scene.product.spectral for scene in ranked if scene.product)
    words = (ranked[0].platform_title, spoken_moment(moment) if moment else year, "+".join(modes))
    return " ".join(filter(None, words))


def _footprint_from(ranked: Sequence[SceneRecord]) -> str:
    """The origin of the footprint: that of the least precise member of the union."""
    return min((scene.footprint_from for scene in ranked), key=FOOTPRINT_ORIGINS.index)


def _instruments(ranked: Sequence[SceneRecord]) -> list[str] | None:
    return sorted({instrument for scene in ranked for instrument in scene.instruments}) or None


def _gsd_m(ranked: Sequence[SceneRecord]) -> float | None:
    stated = [scene.product.sampling_m if scene.product else scene.gsd_m for scene in ranked]
    native = [min(scene.native_gsd_m) for scene in ranked if scene.native_gsd_m]
    return min(list(filter(None, stated)) or native, default=None)


def _proj_code(ranked: Sequence[SceneRecord]) -> str | None:
    codes = {scene.product.proj_code for scene in ranked if scene.product}
    return codes.pop() if len(codes) == 1 else None


def _principal_fields(principal: SceneRecord) -> dict[str, Any]:
    """Fields of the principal component that pgSTAC can only search as properties of the Item."""
    product = principal.product
    said_by = product or principal
    fields = {
        "eo:cloud_cover": said_by.cloud_cover_percent,
        "eo:snow_cover": said_by.snow_cover_percent,
        "processing:level": product.level if product else principal.processing_level,
    }
    if product:
        fields |= {"product:type": product_type(principal, product), "product:acquisition_type": "nominal"}
    return known(fields)


def _acquisition_fields(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    """What all components share: satellite, orbit, and time of publication."""
    names = {
        "platform": "platform",
        "constellation": "constellation",
        "mission": "mission",
        "sat:platform_international_designator": "international_designator",
        "sat:orbit_state": "orbit_state",
        "sat:relative_orbit": "relative_orbit",
        "sat:acquisition_station": "acquisition_station",
    }
    published = _first_known(ranked, "published_at")
    fields = {field: _first_known(ranked, attribute) for field, attribute in names.items()}
    return known(fields | {"published": datetime_to_str(published) if published else None})


def _viewing_fields(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    """Direction from the target to the satellite, and the unchanged vendor angles of the same record, in degrees."""
    seen = next((scene for scene in ranked if scene.viewing), ranked[0])
    across, along = seen.native_gsd_m or (None, None)
    fields = {f"airbus:{name}": angle for name, angle in sorted(seen.vendor_angles.items())}
    fields |= known({"airbus:gsd_across_track": across, "airbus:gsd_along_track": along})
    if viewing := seen.viewing:
        fields["view:azimuth"] = viewing.azimuth_deg
        fields["view:incidence_angle"] = viewing.incidence_deg
        fields |= known({"view:off_nadir": viewing.off_nadir_deg})
    return fields


def _sun_fields(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    lit = next((scene for scene in ranked if scene.sun_elevation_deg is not None), ranked[0])
    return known({"view:sun_azimuth": lit.sun_azimuth_deg, "view:sun_elevation": lit.sun_elevation_deg})


def _first_known(ranked: Sequence[SceneRecord], attribute: str) -> Any:
    for scene in ranked:
        if (value := getattr(scene, attribute)) is not None:
            return value
    return None


@lru_cache(maxsize=1024)
def _prefixes(names: tuple[str, ...]) -> frozenset[str]:
    """The namespaces of fields; cached, as many assets and bands have the same fields."""
    return frozenset(name.partition(":")[0] for name in names if ":" in name)


def _extensions(item: ItemDocument) -> list[str]:
    """The extensions whose fields occur in the Item's properties, links, assets or their bands."""
    assets = item["assets"].values()
    groups = [item["properties"], *assets, *(band for asset in assets for band in asset.get("bands", ()))]
    prefixes = frozenset().union(*(_prefixes(tuple(fields)) for fields in groups))
    uris = [uri for prefix, uri in EXTENSIONS.items() if prefix in prefixes]
    uris += [TIMESTAMPS] if "published" in item["properties"] else []
    return uris + ([WEB_MAP_LINKS] if any(link["rel"] in WEB_MAPS for link in item["links"]) else [])
