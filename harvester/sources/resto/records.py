"""One record of a resto service as a scene, in any of the three forms of these services."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from harvester.errors import UnreadableScene
from harvester.items.checks import RANGES
from harvester.record import RawRecord, RecordLink, RemoteAsset, SceneRecord, known
from harvester.sensors import Sensors
from harvester.sources.feature_search.features import (
    asset_key,
    file_fields,
    grid_code,
    lasting_assets,
    orbit_state,
    published,
)
from harvester.sources.feature_search.scene import end_of, scene_of_feature, with_stac_properties
from harvester.sources.lasting_addresses import lasting_address
from harvester.strict_reading import Fields

_INCIDENCE = re.compile(r"(\d{1,2}(?:\.\d+)?)([LR])")
_SHOWING = ("self", "alternate")
_ZIP = {"multipart/x-zip": "application/zip"}

_OF_FEATURE = frozenset({"type", "bbox", "stac_version", "stac_extensions", "_geometry", "geometry_name"})

#: Fields that resto adds for its own pages, or repeats: keywords are derived from the other fields.
_OF_V2 = frozenset(
    {
        "keywords",
        "description",
        "visible",
        "isNrt",
        "nrtResource",
        "useDatalake",
        "dhusIngestDate",
        "parentIdentifier",
        "resourceSize",
        "resourceChecksum",
        "title",
    }
)
_OF_V9 = frozenset({"likes", "owner", "status", "keywords", "citation", "license", "title", "providers"})
_OF_OPENSEARCH3 = frozenset({"completionDate"})

#: Property of resto 2 -> property of the Item.
_V2_PUBLISHED = {
    "collection": "resto:collection",
    "sensorMode": "resto:sensor_mode",
    "organisationName": "resto:organisation",
    "realtime": "resto:timeliness",
    "incidenceAngle": "resto:incidence_angle",
    "s2TakeId": "s2:datatake_id",
    "updated": "resto:updated",
    "newVersion": "resto:new_version",
    "isRefined": "resto:is_refined",
    "bareSoil": "resto:bare_soil",
    "highProbaClouds": "resto:high_probability_clouds",
    "mediumProbaClouds": "resto:medium_probability_clouds",
    "lowProbaClouds": "resto:low_probability_clouds",
    "snowIce": "resto:snow_ice",
    "vegetation": "resto:vegetation",
    "water": "resto:water",
}

_V9_PUBLISHED = {
    "sar:instrument_mode": "resto:sensor_mode",
    "updated": "resto:updated",
}

_KALIDEOS_PUBLISHED = {
    "product": "kalideos:product",
    "productType": "kalideos:product_type",
    "base": "kalideos:site",
    "acquisitionMode": "kalideos:acquisition_mode",
    "version": "kalideos:version",
    "modified": "kalideos:modified",
    "startDate": "kalideos:start_date",
    "J": "kalideos:row",
    "K": "kalideos:path",
    "project": "kalideos:project",
    "description": "kalideos:description",
    "title": "kalideos:title",
}


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that a record describes, whatever the dialect.

    Raises:
        UnreadableScene: A mandatory field is missing or invalid.
    """
    feature = Fields(raw.content)
    fields = Fields(feature.take("properties"), "properties")
    if fields.has("identifier"):
        scene = _opensearch3_scene(feature, fields, sensors)
    elif fields.has("start_datetime") or fields.has("datetime"):
        scene = _v9_scene(feature, fields, sensors)
    else:
        scene = _v2_scene(feature, fields, sensors)
    return replace(scene, warnings=(*scene.warnings, *feature.close(_OF_FEATURE)))


def _v2_scene(feature: Fields, properties: Fields, sensors: Sensors) -> SceneRecord:
    source_id = feature.text("id")
    identifier = properties.text("productIdentifier", source_id)
    started = properties.instant("startDate")
    assets, warnings = lasting_assets(_v2_assets(properties))
    return replace(
        scene_of_feature(identifier, feature, properties, started, sensors),
        source_id=source_id,
        ended_at=end_of(properties, "completionDate", started),
        published_at=properties.instant("published", None),
        gsd_m=properties.number("resolution", None, RANGES["gsd"]),
        cloud_cover_percent=properties.number("cloudCover", None, RANGES["eo:cloud_cover"]),
        snow_cover_percent=properties.number("snowCover", None, RANGES["eo:snow_cover"]),
        processing_level=properties.text("processingLevel", None),
        orbit_state=orbit_state(properties, "orbitDirection"),
        relative_orbit=properties.whole("relativeOrbitNumber", RANGES["sat:relative_orbit"]),
        remote_assets=assets,
        source_href=_page_of_record(properties),
        properties=known(
            {
                **published(properties, _V2_PUBLISHED, "resto"),
                "grid:code": grid_code(properties.text("mgrs", None)),
                "resto:storage_mode": properties.section("storage").text("mode", None),
                "product:type": properties.text("productType", None),
                "sat:absolute_orbit": properties.whole("orbitNumber", RANGES["sat:absolute_orbit"]),
                "view:incidence_angle": _unsigned(properties.number("incidenceAngle", None, (-90, 90))),
            }
        ),
        warnings=(*warnings, *properties.close(_OF_V2)),
    )


def _v9_scene(feature: Fields, properties: Fields, sensors: Sensors) -> SceneRecord:
    source_id = feature.text("id")
    identifier = properties.text("productIdentifier", source_id)
    started = properties.instant("start_datetime", properties.instant("datetime", None))
    if started is None:
        raise UnreadableScene("neither properties.start_datetime nor properties.datetime is a time")
    assets, warnings = lasting_assets(_v9_assets(feature))
    scene = scene_of_feature(identifier, feature, properties, started, sensors, instruments="instruments")
    scene = with_stac_properties(scene, properties)
    return replace(
        scene,
        source_id=source_id,
        constellation=scene.constellation or properties.text("constellation", None),
        published_at=properties.instant("published", properties.instant("created", None)),
        remote_assets=assets,
        source_href=_page_of_record(feature),
        properties=known(
            {
                **scene.properties,
                **published(properties, _V9_PUBLISHED, "resto"),
                "resto:collection": feature.text("collection", None),
            }
        ),
        warnings=(*scene.warnings, *warnings, *properties.close({*_OF_V9, "constellation"})),
    )


def _opensearch3_scene(feature: Fields, properties: Fields, sensors: Sensors) -> SceneRecord:
    """A record of Kalideos of 2013.

    Its times have no zone, and all those seen are midnight: only the day is trusted, so the scene has the interval of
    that day and no time of acquisition. The azimuth is not given, so there is no viewing direction.
    """
    identifier = properties.text("identifier")
    day = properties.instant("startDate").replace(hour=0, minute=0, second=0, microsecond=0)
    services = properties.section("services")
    assets, warnings = lasting_assets(_opensearch3_assets(properties, services.section("download")))
    browse = list(_web_map(services.section("browse").section("layer")))
    return replace(
        scene_of_feature(identifier, feature, properties, None, sensors),
        source_id=identifier,
        started_at=day,
        ended_at=day.replace(hour=23, minute=59, second=59),
        gsd_m=properties.number("resolution", None, RANGES["gsd"]),
        processing_level=properties.text("processingLevel", None),
        remote_assets=assets,
        links=tuple(browse),
        properties=known(
            {
                **_incidence(properties),
                **published(properties, _KALIDEOS_PUBLISHED, "resto"),
            }
        ),
        warnings=(*warnings, *properties.close(_OF_OPENSEARCH3)),
    )


def _incidence(properties: Fields) -> dict[str, float]:
    """The incidence in degrees, and the same with a sign: `00.61L` is 0.61 and -0.61, `12.40R` is 12.4 and 12.4.

    The letter is the side of the track on which the scene lies, seen along the flight: left is negative here.
    """
    if (text := properties.text("incidence", None)) is None:
        return {}
    match = _INCIDENCE.fullmatch(text)
    if match is None:
        properties.leave_out(f"properties.incidence is not an angle with its side, such as 12.40R, but {text[:40]!r}")
        return {}
    angle = float(match[1])
    return {"view:incidence_angle": angle, "kalideos:incidence_angle": -angle if match[2] == "L" else angle}


def _v2_assets(properties: Fields) -> Iterator[RemoteAsset]:
    services = properties.section("services")
    services.take("browse", None)
    download = services.section("download")
    if href := download.text("url", None):
        yield RemoteAsset(
            key="data",
            href=href,
            roles=("data",),
            title="Product",
            media_type=_media_type(download),
            fields=file_fields(download.take("size", None), download.take("checksum", None)),
        )
    yield from _pictures(properties)


def _opensearch3_assets(properties: Fields, download: Fields) -> Iterator[RemoteAsset]:
    if href := download.text("url", None):
        yield RemoteAsset(key="data", href=href, roles=("data",), title="Product", media_type=_media_type(download))
    yield from _pictures(properties)


def _pictures(properties: Fields) -> Iterator[RemoteAsset]:
    for name, role, title in (("quicklook", "overview", "Overview"), ("thumbnail", "thumbnail", "Thumbnail")):
        if href := properties.text(name, None):
            yield RemoteAsset(key=role, href=href, roles=(role,), title=title, media_type=_picture_type(href))


def _picture_type(href: str) -> str | None:
    path = href.lower().partition("?")[0]
    if path.endswith((".jpg", ".jpeg")):
        return "image/jpeg"
    return "image/png" if path.endswith(".png") else None


def _media_type(download: Fields) -> str | None:
    written = download.text("mimeType", None)
    return None if written is None else _ZIP.get(written, written)


def _v9_assets(feature: Fields) -> Iterator[RemoteAsset]:
    for key, asset in feature.objects("assets").items():
        yield RemoteAsset(
            key=asset_key(key),
            href=asset.text("href", ""),
            roles=asset.texts("roles"),
            title=asset.text("title", key),
            media_type=asset.text("type", None),
        )


def _web_map(layer: Fields) -> Iterator[RecordLink]:
    """A link to the map of the image, as the extension `web-map-links` writes it."""
    href, layers = layer.text("url", None), layer.text("layers", None)
    if href and layers and lasting_address(href) and layer.text("type", None) == "WMS":
        yield RecordLink(
            rel="wms",
            href=href,
            media_type="image/png",
            title=layer.text("title", None),
            fields={"wms:layers": layers.split(",")},
        )


def _page_of_record(fields: Fields) -> str | None:
    """Where the service shows the record as JSON."""
    links = fields.objects("links").values()
    shown = [link for link in links if link.take("rel", None) in _SHOWING and "json" in str(link.take("type", None))]
    return next((href for link in shown if (href := lasting_address(link.take("href", None)))), None)


def _unsigned(angle: float | None) -> float | None:
    """An incidence without the sign that marks its side; the angle from the vertical is never negative."""
    return None if angle is None else abs(angle)
