"""One record of GEODES as a scene: it is not quite STAC, and its `datetime` is the time of insertion."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from harvester.record import RawRecord, RecordLink, RemoteAsset, SceneRecord, known
from harvester.sensors import Sensors
from harvester.sources.feature_search.features import asset_key, file_fields, lasting_assets, published
from harvester.sources.feature_search.scene import scene_of_feature, with_stac_properties
from harvester.sources.lasting_addresses import lasting_address
from harvester.strict_reading import Fields

_OF_FEATURE = frozenset({"type", "stac_version", "stac_extensions", "bbox", "centroid"})

#: Properties derived from the geometry (`proj:bbox` is a text there), or describing the place and not the image.
_OF_PROPERTIES = frozenset(
    {
        "area",
        "proj:bbox",
        "references",
        "political",
        "keywords",
        "continent_code",
        "dataset",
        "endpoint_description",
    }
)

#: Property of GEODES -> property of the Item.
_PUBLISHED = {
    # "Nominal" is a category, which STAC allows only together with a duration.
    "product:timeliness": "geodes:timeliness",
    "s2:datatake_id": "s2:datatake_id",
    "version": "geodes:version",
    "endpoint_url": "geodes:endpoint_url",
    # Optical records have it too, so it is not the mode of a radar.
    "sar:instrument_mode": "geodes:instrument_mode",
    # STAC measures it from the ground below the satellite, we from the target; no record says which one this is.
    "view:azimuth": "geodes:view_azimuth",
}

_DOI = re.compile(r"10\.[0-9a-zA-Z]{4,}/[^\s\"\]]+")
_TOLD = re.compile(r"^(File size|Is online|Datatype|Checksum MD5): *(.*?)(?: bytes)?$", re.MULTILINE)


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that a record describes.

    `start_datetime` is the acquisition, `datetime` the insertion in GEODES.

    Raises:
        UnreadableScene: A mandatory field is missing or invalid.
    """
    feature = Fields(raw.content)
    properties = Fields(feature.take("properties"), "properties")
    started_at = properties.instant("start_datetime")
    scene = scene_of_feature(properties.text("identifier"), feature, properties, started_at, sensors)
    scene = with_stac_properties(scene, properties)
    files = feature.objects("assets")
    assets, warnings = lasting_assets(_assets(files))
    links = list(_links(feature))
    properties.take("latest", None)
    return replace(
        scene,
        source_id=feature.text("id"),
        published_at=properties.instant("datetime", None),
        properties={**scene.properties, **_properties(feature, properties, assets)},
        remote_assets=assets,
        source_href=next((link.href for link in links if link.rel == "self"), None),
        links=tuple(link for link in links if link.rel == "license"),
        warnings=(
            *scene.warnings,
            *warnings,
            *(warning for file in files.values() for warning in file.close()),
            *feature.close(_OF_FEATURE),
            *properties.close(_OF_PROPERTIES),
        ),
    )


def _properties(feature: Fields, properties: Fields, assets: tuple[RemoteAsset, ...]) -> dict[str, Any]:
    named = published(properties, _PUBLISHED, "geodes")
    data = [
        asset.fields["geodes:online"] for asset in assets if "data" in asset.roles and "geodes:online" in asset.fields
    ]
    return known(
        {
            **named,
            "geodes:collection": feature.text("collection", None),
            "geodes:online": all(data) if data else None,
            "processing:version": properties.text("processing:version", None),
            "sci:doi": _doi(properties.text("sci:doi", None)),
        }
    )


def _doi(text: str | None) -> str | None:
    """GEODES writes a JSON list as a text; the empty list, `[]`, is no DOI."""
    doi = _DOI.search(text) if text else None
    return doi[0] if doi else None


def _assets(files: Mapping[str, Fields]) -> Iterator[RemoteAsset]:
    """The files. The keys of GEODES are paths; ours are file names, or whole paths where names repeat."""
    names = [asset_key(path.rpartition("/")[2]) for path in files]
    for (path, file), name in zip(files.items(), names, strict=True):
        yield _asset(name if names.count(name) == 1 else asset_key(path), file)


def _asset(key: str, asset: Fields) -> RemoteAsset:
    """One file; its size, checksum and whether it is on disk or on tape are only in its description."""
    told = dict(_TOLD.findall(asset.text("description", "")))
    fields = {
        **file_fields(told.get("File size"), told.get("Checksum MD5")),
        "geodes:online": {"true": True, "false": False}.get(told.get("Is online", "")),
        "geodes:datatype": told.get("Datatype"),
    }
    return RemoteAsset(
        key=key,
        href=asset.text("href", ""),
        roles=asset.texts("roles") or ("data",),
        title=asset.text("title", key).rpartition("/")[2],
        media_type=asset.text("type", None),
        fields=known(fields),
    )


def _links(feature: Fields) -> Iterator[RecordLink]:
    for link in feature.objects("links").values():
        if href := lasting_address(link.text("href", None)):
            # GEODES gives `application/html`, which is no media type.
            media_type = link.text("type", None)
            media_type = "text/html" if media_type == "application/html" else media_type
            yield RecordLink(
                rel=link.text("rel", "related"), href=href, media_type=media_type, title=link.text("title", None)
            )
