"""What a feature says of an image, whatever the service: the beginning of its scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from harvester.errors import UnreadableScene
from harvester.record import SceneRecord
from harvester.sensors import Sensors
from harvester.sources.feature_search.features import (
    footprint_of,
    grid_code,
    item_id,
    known,
    lowered,
    percentage,
    satellite_called,
    scene_keys,
    texts,
    whole,
)
from harvester.strict_reading import Fields


def scene_of_feature(
    identifier: str,
    feature: Fields,
    properties: Fields,
    started_at: datetime | None,
    sensors: Sensors,
    *,
    instruments: str = "instrument",
) -> SceneRecord:
    """The scene with its names, satellite, time and footprint.

    Args:
        identifier: how the service names the image.
        feature: its geometry is taken.
        properties: of the feature; its platform and instruments are taken.
        started_at: UTC; None where only the day is known.
        sensors: the sensor documents, which tell the satellite best.
        instruments: the property that names them.

    Raises:
        UnreadableScene: There is no usable name, satellite or footprint.
    """
    satellite = satellite_called(properties.text("platform"), texts(properties.take(instruments, None)), sensors)
    return SceneRecord(
        id=item_id(identifier),
        scene_keys=scene_keys(identifier),
        **satellite,
        acquired_at=started_at,
        started_at=started_at,
        footprint=footprint_of(feature.take("geometry")),
        footprint_from="source",
    )


def with_stac_properties(scene: SceneRecord, properties: Fields) -> SceneRecord:
    """The scene with what the properties of STAC and its extensions say of any image.

    Percentages that are none become warnings. An incidence loses the sign by which some services tell its side.
    """
    cloud, snow = properties.number("eo:cloud_cover", None), properties.number("eo:snow_cover", None)
    incidence = properties.number("view:incidence_angle", None)
    return replace(
        scene,
        ended_at=end_of(properties, "end_datetime", scene.started_at),
        gsd_m=properties.number("gsd", None),
        cloud_cover_percent=percentage(cloud),
        snow_cover_percent=percentage(snow),
        processing_level=properties.text("processing:level", None),
        orbit_state=lowered(properties.text("sat:orbit_state", None)),
        relative_orbit=whole(properties.number("sat:relative_orbit", None)),
        sun_azimuth_deg=properties.number("view:sun_azimuth", None),
        sun_elevation_deg=properties.number("view:sun_elevation", None),
        properties=known(
            {
                **scene.properties,
                "product:type": properties.text("product:type", None),
                "sat:absolute_orbit": whole(properties.number("sat:absolute_orbit", None)),
                "view:incidence_angle": None if incidence is None else abs(incidence),
                "grid:code": grid_code(properties.text("grid:code", None)),
            }
        ),
        warnings=(*scene.warnings, *not_percentages({"eo:cloud_cover": cloud, "eo:snow_cover": snow})),
    )


def end_of(properties: Fields, name: str, started_at: datetime | None) -> datetime | None:
    """When an image ends that began then: at once, where the service does not say it.

    Raises:
        UnreadableScene: It ends before it begins, so that one of the two is wrong.
    """
    ended_at: datetime | None = properties.instant(name, started_at)
    if started_at and ended_at and ended_at < started_at:
        raise UnreadableScene(f"its {name} ({ended_at.isoformat()}) is before it begins ({started_at.isoformat()})")
    return ended_at


def not_percentages(values: Mapping[str, float | None]) -> Iterator[str]:
    """A warning about each value that is no share of 0 to 100 %."""
    for name, value in values.items():
        if value is not None and percentage(value) is None:
            yield f"{name} is {value:g}, not a percentage"
