"""Images as input for the stereo finder, read from their Items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import orjson
import shapely

from footprints import Region, View
from footprints.stereo.properties import view_of_image
from harvester.items.document import ItemDocument


@dataclass(frozen=True, kw_only=True)
class PlacedItem:
    """An Item of the catalogue as a page leaves it."""

    item: str
    scene: str  #: its acquisition
    collection: str
    is_archive: bool  #: to be ordered, not held
    built: ItemDocument | None  #: None if it has left the catalogue


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
        """A sort key: the first Item of an acquisition represents it; held ones come before those to order."""
        return self.is_archive, self.collection, self.item


def view_items(placed: Iterable[PlacedItem]) -> list[ViewItem]:
    """Those Items that can be views: of one satellite at one time; mosaics and withdrawn Items are left out."""
    standing = [(each, each.built) for each in placed if each.built]
    shapes: Sequence[Region] = shapely.from_geojson([orjson.dumps(item["geometry"]) for _, item in standing]).tolist()
    views = [
        (each, view_of_image(each.item, footprint, item["properties"]))
        for (each, item), footprint in zip(standing, shapes, strict=True)
    ]
    return [
        ViewItem(scene=each.scene, collection=each.collection, is_archive=each.is_archive, view=view)
        for each, view in views
        if view
    ]
