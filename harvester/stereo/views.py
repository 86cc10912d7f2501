"""Images as the finder of stereo takes them, read from their Items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import orjson
import shapely
from pystac import Item

from footprints import (
    AzimuthConvention,
    DirectionSource,
    NormalisedDirection,
    View,
    ViewingError,
    normalised_direction,
)
from footprints.wrapping import Region

ItemDocument = Mapping[str, Any]

#: Names of `DirectionSource` in Items.
DIRECTION_SOURCES: Mapping[DirectionSource, str] = {
    DirectionSource.GIVEN: "vendor",
    DirectionSource.COMPONENTS: "components",
    DirectionSource.ASSUMED_SCAN_AXIS: "assumed",
    DirectionSource.FLIGHT_TIME: "estimated",
}


@dataclass(frozen=True, kw_only=True)
class PlacedItem:
    """An Item of the catalogue as a page leaves it."""

    item: str
    scene: str  #: the acquisition that it is of
    collection: str
    is_archive: bool  #: to be ordered, not held
    built: Item | None  #: None where it stands in the catalogue no more


@dataclass(frozen=True, kw_only=True)
class ViewItem:
    """An Item that can be a view of a stereo set."""

    scene: str
    collection: str
    is_archive: bool
    view: View  #: its id is that of the Item

    @property
    def item(self) -> str:
        """Id of the Item."""
        return self.view.id

    @property
    def preference(self) -> tuple[bool, str, str]:
        """Of the Items of one acquisition the least speaks for it: one that is held before one to order."""
        return self.is_archive, self.collection, self.item


def view_items(placed: Iterable[PlacedItem]) -> list[ViewItem]:
    """Those Items that can be views: of one satellite, at one moment; mosaics and withdrawn Items are left out."""
    fit = [
        (each, item) for each in placed if (item := each.built) and item.datetime and item.properties.get("platform")
    ]
    shapes: Sequence[Region] = shapely.from_geojson([orjson.dumps(item.geometry) for _, item in fit]).tolist()
    return [
        ViewItem(scene=each.scene, collection=each.collection, is_archive=each.is_archive, view=_view(item, footprint))
        for (each, item), footprint in zip(fit, shapes, strict=True)
    ]


def _view(item: Item, footprint: Region) -> View:
    properties = item.properties
    return View(
        id=item.id,
        platform=properties["platform"],
        acquired_at=cast("datetime", item.datetime),
        footprint=footprint,
        direction=_direction(properties),
        cloud_cover_percent=properties.get("eo:cloud_cover"),
        sun_azimuth_deg=properties.get("view:sun_azimuth"),
        sun_elevation_deg=properties.get("view:sun_elevation"),
        gsd_m=properties.get("gsd"),
    )


def _direction(properties: Mapping[str, Any]) -> NormalisedDirection:
    """From the target to the satellite; the readers have brought `view:azimuth` into that convention already."""
    azimuth, incidence = properties.get("view:azimuth"), properties.get("view:incidence_angle")
    said = properties.get("airbus:azimuth_angle")
    if azimuth is not None:
        # What differs from the vendor's own azimuth was made from that of the scan axis and the two components.
        is_vendors = said is None or abs((azimuth - said + 180) % 360 - 180) < 1e-6
        source = DirectionSource.GIVEN if is_vendors else DirectionSource.COMPONENTS
        return NormalisedDirection(azimuth, incidence, source)
    try:
        return normalised_direction(
            azimuth_deg=properties.get("airbus:image_orientation", said),
            convention=AzimuthConvention.SCAN_AXIS,
            incidence_deg=incidence,
            along_deg=properties.get("airbus:incidence_angle_along_track"),
            across_deg=properties.get("airbus:incidence_angle_across_track"),
        )
    except ViewingError:
        # The vendor's angles are published as they are, also those that cannot be.
        return NormalisedDirection(None, incidence)
