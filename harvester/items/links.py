"""The links of an Item: to its collection, to its records at their sources, and to Items of the same acquisition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pystac import MediaType, RelType

from harvester.items.assets import documents_of_deliveries
from harvester.record import SceneRecord, known


@dataclass(frozen=True, order=True)
class Sibling:
    """Another Item of the same acquisition, in another collection."""

    item: str
    collection: str
    is_archive: bool  #: to be ordered, not held


def archive_fields(siblings: Sequence[Sibling]) -> dict[str, Any]:
    """Fields of every image in a vendor's archive: that it can be ordered, and whether we already hold it."""
    holder = _holder(siblings)
    held = {"dinamis:held_by": holder.item} if holder else {}
    return {"order:status": "orderable", "dinamis:held": holder is not None, **held}


def item_links(
    item: Mapping[str, Any], ranked: Sequence[SceneRecord], siblings: Sequence[Sibling], *, is_archive: bool
) -> list[dict[str, Any]]:
    """All links of the Item; those into the catalogue are relative to the root of the API, which makes them absolute.

    Args:
        item: As JSON data, with its collection and assets.
        ranked: Its records, the principal one first.
        siblings: Other Items of the acquisition, in any order.
        is_archive: Whether the Item is one to order: if the image is already held, the held Item is the canonical one.
    """
    collection = collection_link(item["collection"])
    return [collection, *_via_links(item, ranked), *_sibling_links(siblings, is_archive), *_record_links(ranked)]


def collection_link(collection: str) -> dict[str, Any]:
    """The link to its collection that an Item must have besides the name; the API replaces it by an absolute one."""
    return _link(RelType.COLLECTION, f"collections/{collection}", MediaType.JSON)


def item_link(rel: str, collection: str, item: str) -> dict[str, Any]:
    """A link to another Item of the catalogue, titled with its id."""
    return _link(rel, f"collections/{collection}/items/{item}", MediaType.GEOJSON, item)


def _link(rel: str, href: str, media_type: str | None = None, title: str | None = None) -> dict[str, Any]:
    # pystac's names are of a subclass of str.
    return {"rel": str(rel), "href": href, **known({"type": media_type and str(media_type), "title": title})}


def _holder(siblings: Sequence[Sibling]) -> Sibling | None:
    return min((sibling for sibling in siblings if not sibling.is_archive), default=None)


def _via_links(item: Mapping[str, Any], ranked: Sequence[SceneRecord]) -> Iterator[dict[str, Any]]:
    """Links to the records at their sources; for a delivery, to its metadata file."""
    hrefs = [scene.source_href for scene in ranked if scene.source_href]
    for href in dict.fromkeys([*documents_of_deliveries(item["assets"]), *hrefs]):
        yield _link(RelType.VIA, href)


def _sibling_links(siblings: Sequence[Sibling], is_archive: bool) -> Iterator[dict[str, Any]]:
    holder = _holder(siblings) if is_archive else None
    for sibling in sorted(set(siblings)):
        rel = RelType.CANONICAL if sibling == holder else RelType.ALTERNATE
        yield item_link(rel, sibling.collection, sibling.item)


def _record_links(ranked: Sequence[SceneRecord]) -> Iterator[dict[str, Any]]:
    links = {repr(link): link for scene in ranked for link in scene.links}
    for link in links.values():
        yield {**_link(link.rel, link.href, link.media_type, link.title), **link.fields}
