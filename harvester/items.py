"""Scene records into STAC Items: pure, one Item from all that is known of one acquisition.

An Item is always built anew from all its active records and never patched, so it does not depend on the order in
which they arrived.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import shapely
from pystac import Item, Link, MediaType, RelType
from pystac.utils import datetime_to_str

from footprints import FootprintError, Region, area_km2, footprint_bbox, union_footprints
from harvester.errors import UnreadableScene
from harvester.item_assets import asset_locations, assets_from_scenes, known, product_type
from harvester.item_checks import check_item
from harvester.record import SceneRecord

__all__ = ["asset_locations", "check_item", "item_from_scenes"]

#: Written by hand: the classes of pystac write older versions of most of them.
EXTENSIONS = {
    "eo": "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "file": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "processing": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "product": "https://stac-extensions.github.io/product/v1.0.0/schema.json",
    "proj": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "raster": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "sat": "https://stac-extensions.github.io/sat/v1.2.0/schema.json",
    "view": "https://stac-extensions.github.io/view/v1.1.0/schema.json",
}

PANCHROMATIC = ("P", "PAN", "PMS")


def item_from_scenes(
    scenes: Sequence[SceneRecord], *, item_id: str, collection: str, sources: Iterable[str] = ("deliveries",)
) -> Item:
    """Build the one Item of an acquisition from all its active records, whatever their order.

    Geometry is the union of the footprints. Cloud cover, level and product type are those of the principal
    component: the largest panchromatic one (P, PAN, PMS and their variants), else the largest.

    Args:
        scenes: All active records of the acquisition, at least one.
        item_id: The id that the acquisition was once given.
        collection: Id of the collection.
        sources: Names of the sources that the records come from.

    Raises:
        UnreadableScene: There is no record, they are of two satellites, or the Item would break an invariant.
    """
    ranked = _ranked(scenes, item_id)
    geometry = _united(ranked, item_id)
    item = Item(
        id=item_id,
        geometry=shapely.geometry.mapping(geometry),
        bbox=list(footprint_bbox(geometry)),
        datetime=min(scene.acquired_at for scene in ranked),
        properties=_properties(ranked, sources, area_km2(geometry)),
        collection=collection,
        assets=assets_from_scenes(ranked, item_id=item_id, collection=collection),
    )
    # The schema of an Item wants this link beside the name of the collection; the API replaces it by an absolute one.
    item.add_link(Link(RelType.COLLECTION, f"collections/{collection}", media_type=MediaType.JSON))
    item.stac_extensions = _extensions(item)
    check_item(item)
    return item


def _ranked(scenes: Sequence[SceneRecord], item_id: str) -> list[SceneRecord]:
    """The records, principal component first; the order depends on nothing but their content."""
    if not scenes:
        raise UnreadableScene(f"{item_id}: no record is left, so there is no Item to build. Withdraw it instead.")
    platforms = sorted({scene.platform for scene in scenes})
    if len(platforms) > 1:
        raise UnreadableScene(f"{item_id}: its records are of two satellites ({', '.join(platforms)}).")
    moments = [moment for scene in scenes for moment in (scene.acquired_at, scene.started_at, scene.ended_at)]
    if any(moment.tzinfo is None for moment in moments if moment):
        raise UnreadableScene(f"{item_id}: a time of acquisition has no time zone; the reader must give UTC.")
    return sorted(scenes, key=_rank)


def _united(ranked: Sequence[SceneRecord], item_id: str) -> Region:
    # A union may begin its rings elsewhere than its members did: one footprint told twice must stay as it is.
    footprints = dict.fromkeys(scene.footprint for scene in ranked)
    try:
        return union_footprints(footprints)
    except FootprintError as error:
        raise UnreadableScene(f"{item_id}: {error}") from error


def _rank(scene: SceneRecord) -> tuple[Any, ...]:
    product = scene.product
    spectral = product.spectral if product else ""
    produced = product.produced_at.timestamp() if product and product.produced_at else 0.0
    # The representation comes last and breaks every tie; it shortens geometries, hence the WKB before it.
    return (
        product is None,
        spectral.split("-")[0] not in PANCHROMATIC,
        -area_km2(scene.footprint),
        -produced,
        spectral,
        product.job if product else "",
        scene.footprint.wkb,
        repr(scene),
    )


def _properties(ranked: Sequence[SceneRecord], sources: Iterable[str], area: float) -> dict[str, Any]:
    principal = ranked[0]
    return {
        "title": _title(ranked),
        "platform": principal.platform,
        "constellation": principal.constellation,
        "mission": principal.mission,
        "product:acquisition_type": "nominal",
        "dinamis:source": sorted(set(sources)),
        "dinamis:source_id": principal.id,
        "dinamis:footprint_from": _footprint_from(ranked),
        "dinamis:footprint_area_km2": round(area, 3),
        **_interval(ranked),
        **known({"gsd": _gsd_m(ranked), "instruments": _instruments(ranked)}),
        **_principal_fields(ranked),
        **_viewing_fields(ranked),
        **_sun_fields(ranked),
        **_orbit_fields(ranked),
    }


def _title(ranked: Sequence[SceneRecord]) -> str:
    """Human and distinct: clients show it in place of the id."""
    moment = min(scene.acquired_at for scene in ranked).strftime("%Y-%m-%d %H:%M:%S")
    modes = dict.fromkeys(scene.product.spectral for scene in ranked if scene.product)
    return " ".join(filter(None, (ranked[0].platform_title, moment, "+".join(modes))))


def _footprint_from(ranked: Sequence[SceneRecord]) -> str:
    """As precise as the least precise member of the union."""
    origins = {scene.footprint_from for scene in ranked}
    return "extent" if "extent" in origins else min(origins)


def _interval(ranked: Sequence[SceneRecord]) -> dict[str, str]:
    """From the start of the strip to the last line, where the lines are dated.

    The strip may start before the first line of the image. pgSTAC searches by the interval alone where there is one,
    so it must hold `datetime`, or the Item would not be found under its own date.
    """
    dated = [(scene.started_at, scene.ended_at) for scene in ranked if scene.started_at and scene.ended_at]
    if not dated:
        return {}
    moments = [moment for pair in dated for moment in pair] + [scene.acquired_at for scene in ranked]
    return {"start_datetime": datetime_to_str(min(moments)), "end_datetime": datetime_to_str(max(moments))}


def _instruments(ranked: Sequence[SceneRecord]) -> list[str] | None:
    return sorted({instrument for scene in ranked for instrument in scene.instruments}) or None


def _gsd_m(ranked: Sequence[SceneRecord]) -> float | None:
    samplings = [scene.product.sampling_m for scene in ranked if scene.product and scene.product.sampling_m]
    native = [min(scene.native_gsd_m) for scene in ranked if scene.native_gsd_m]
    return min(samplings or native, default=None)


def _principal_fields(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    """What pgSTAC can only search in the properties, from the principal component."""
    principal = ranked[0]
    if (product := principal.product) is None:
        return {}
    codes = {scene.product.proj_code for scene in ranked if scene.product}
    return known(
        {
            "eo:cloud_cover": product.cloud_cover_percent,
            "eo:snow_cover": product.snow_cover_percent,
            "processing:level": product.level,
            "product:type": product_type(principal, product),
            "proj:code": codes.pop() if len(codes) == 1 else None,
        }
    )


def _viewing_fields(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    """Direction from the target to the satellite, and the vendor's angles of the same record unchanged, in degrees."""
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


def _orbit_fields(ranked: Sequence[SceneRecord]) -> dict[str, Any]:
    names = {
        "sat:platform_international_designator": "international_designator",
        "sat:orbit_state": "orbit_state",
        "sat:relative_orbit": "relative_orbit",
        "sat:acquisition_station": "acquisition_station",
    }
    return known({field: _first_known(ranked, attribute) for field, attribute in names.items()})


def _first_known(ranked: Sequence[SceneRecord], attribute: str) -> Any:
    values = (getattr(scene, attribute) for scene in ranked)
    return next((value for value in values if value is not None), None)


def _extensions(item: Item) -> list[str]:
    """The extensions of which the Item has a field, in its properties, its assets or their bands."""
    groups: list[dict[str, Any]] = [item.properties]
    for asset in item.assets.values():
        groups += [asset.extra_fields, *asset.extra_fields.get("bands", [])]
    prefixes = {name.partition(":")[0] for group in groups for name in group if ":" in name}
    return [uri for prefix, uri in EXTENSIONS.items() if prefix in prefixes]
