"""The links of an Item: to its collection, its records at their sources, and the Items of the same acquisition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pystac import Item, Link, MediaType, RelType

from harvester.item_assets import documents_of_deliveries
from harvester.record import SceneRecord


@dataclass(frozen=True, order=True)
class Sibling:
    """Another Item of the same acquisition, in another collection."""

    item: str
    collection: str
    is_archive: bool  #: to be ordered, not held


def archive_fields(siblings: Sequence[Sibling]) -> dict[str, Any]:
    """What every image of a vendor's archive says: that it can be ordered, and whether it is held already."""
    holder = _holder(siblings)
    held = {"dinamis:held_by": holder.item} if holder else {}
    return {"order:status": "orderable", "dinamis:held": holder is not None, **held}


def item_links(
    item: Item, ranked: Sequence[SceneRecord], siblings: Sequence[Sibling], *, is_archive: bool
) -> list[Link]:
    """All links of the Item; those into the catalogue are relative to the root of the API, which makes them absolute.

    Args:
        item: With its collection and assets.
        ranked: Its records, the principal one first.
        siblings: Other Items of the acquisition, in any order.
        is_archive: Whether the Item is one to order: where it is held already, that Item is the canonical one.
    """
    # The schema of an Item wants this link beside the name of the collection; the API replaces it by an absolute one.
    collection = Link(RelType.COLLECTION, f"collections/{item.collection_id}", media_type=MediaType.JSON)
    return [collection, *_via_links(item, ranked), *_sibling_links(siblings, is_archive), *_record_links(ranked)]


def _holder(siblings: Sequence[Sibling]) -> Sibling | None:
    return min((sibling for sibling in siblings if not sibling.is_archive), default=None)


def _via_links(item: Item, ranked: Sequence[SceneRecord]) -> Iterator[Link]:
    """Where each record stands at its source; that of a delivery is the metadata file that came with it."""
    hrefs = [scene.source_href for scene in ranked if scene.source_href]
    for href in dict.fromkeys([*documents_of_deliveries(item.assets), *hrefs]):
        yield Link(RelType.VIA, href)


def _sibling_links(siblings: Sequence[Sibling], is_archive: bool) -> Iterator[Link]:
    holder = _holder(siblings) if is_archive else None
    for sibling in sorted(set(siblings)):
        rel = RelType.CANONICAL if sibling == holder else RelType.ALTERNATE
        href = f"collections/{sibling.collection}/items/{sibling.item}"
        yield Link(rel, href, media_type=MediaType.GEOJSON, title=sibling.item)


def _record_links(ranked: Sequence[SceneRecord]) -> Iterator[Link]:
    links = {repr(link): link for scene in ranked for link in scene.links}
    for link in links.values():
        yield Link(link.rel, link.href, media_type=link.media_type, title=link.title, extra_fields=dict(link.fields))
