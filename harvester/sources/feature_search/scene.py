"""The part of a scene that is read from a feature in the same way for every service."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from harvester.errors import UnreadableScene
from harvester.items.checks import RANGES
from harvester.record import SceneRecord, known
from harvester.sensors import Sensors
from harvester.sources.feature_search.features import (
    footprint_of,
    grid_code,
    item_id,
    orbit_state,
    satellite_called,
    scene_keys,
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
        identifier: the service's name of the image.
        feature: the geometry is read from it.
        properties: of the feature; platform and instruments are read from them.
        started_at: UTC; None where only the day is known.
        sensors: the sensor documents, which take precedence for the satellite.
        instruments: the property that names the instruments.

    Raises:
        UnreadableScene: There is no usable name, satellite or footprint.
    """
    satellite = satellite_called(properties.text("platform"), properties.texts(instruments), sensors)
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
    """The scene, completed from the properties of STAC and its extensions.

    An incidence loses the sign with which some services mark its side.

    Raises:
        UnreadableScene: The image ends before it begins.
    """
    incidence = properties.number("view:incidence_angle", None, (-90, 90))
    return replace(
        scene,
        ended_at=end_of(properties, "end_datetime", scene.started_at),
        gsd_m=properties.number("gsd", None, RANGES["gsd"]),
        cloud_cover_percent=properties.number("eo:cloud_cover", None, RANGES["eo:cloud_cover"]),
        snow_cover_percent=properties.number("eo:snow_cover", None, RANGES["eo:snow_cover"]),
        processing_level=properties.text("processing:level", None),
        orbit_state=orbit_state(properties, "sat:orbit_state"),
        relative_orbit=properties.whole("sat:relative_orbit", RANGES["sat:relative_orbit"]),
        sun_azimuth_deg=properties.azimuth("view:sun_azimuth"),
        sun_elevation_deg=properties.number("view:sun_elevation", None, RANGES["view:sun_elevation"]),
        properties=known(
            {
                **scene.properties,
                "product:type": properties.text("product:type", None),
                "sat:absolute_orbit": properties.whole("sat:absolute_orbit", RANGES["sat:absolute_orbit"]),
                "view:incidence_angle": None if incidence is None else abs(incidence),
                "grid:code": grid_code(properties.text("grid:code", None)),
            }
        ),
    )


def end_of(properties: Fields, name: str, started_at: datetime | None) -> datetime | None:
    """The end of an image; its beginning where the service does not give an end.

    Raises:
        UnreadableScene: It ends before it begins, so that one of the two is wrong.
    """
    ended_at: datetime | None = properties.instant(name, started_at)
    if started_at and ended_at and ended_at < started_at:
        raise UnreadableScene(f"its {name} ({ended_at.isoformat()}) is before it begins ({started_at.isoformat()})")
    return ended_at
