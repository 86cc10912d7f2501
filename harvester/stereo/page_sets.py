"""The stereo sets of one page: found among its Items, built from them, and written with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection

from harvester import catalogue
from harvester.collection_documents import CollectionDocument
from harvester.instants import rfc3339
from harvester.items.document import ItemDocument
from harvester.stereo.keeping import NO_CHANGES, BuiltSet, SetKeeping, StoredSet
from harvester.stereo.rules import StereoRules
from harvester.stereo.scope import Span
from harvester.stereo.stereo_items import Membership, digest_of, stereo_item
from harvester.stereo.views import PlacedItem

_NO_SET_LEFT = "its views make no stereo set any more"


class PageSets:
    """What a page changes in stereo sets. Call in this order: `find`, `build`, the queries, `write`."""

    def __init__(
        self, connection: Connection, side: Connection, documents: Mapping[str, CollectionDocument], now: datetime
    ) -> None:
        """Work inside the open transaction of `connection`; `side` is for looking Items up, `now` is UTC."""
        self._keeping = SetKeeping(connection, StereoRules(documents))
        self._side = side
        self._now = now
        self._changes = NO_CHANGES
        self._built: list[BuiltSet] = []
        self.documents: list[dict[str, Any]] = []  #: Items of sets to be written

    @property
    def changed_views(self) -> frozenset[str]:
        """Items whose stereo memberships change."""
        return self._changes.changed_views

    @property
    def gone(self) -> Sequence[StoredSet]:
        """Sets that no longer exist."""
        return self._changes.gone

    def find(self, placed: Iterable[PlacedItem], windows: Sequence[Span] = ()) -> frozenset[str]:
        """Find what changes in the sets near these Items and within the windows.

        Returns:
            Ids of the Items that are needed to build sets, or whose stereo memberships change.
        """
        self._changes = self._keeping.changes(placed, windows)
        return self.changed_views | {view.item for found in self._changes.to_build for view in found.views}

    def build(self, views: Mapping[str, ItemDocument]) -> None:
        """Build the Items of sets from those of their views; sets with an unreadable view stay as they are.

        Args:
            views: Items by id, without their stereo memberships.
        """
        fit = [found for found in self._changes.to_build if all(view.item in views for view in found.views)]
        created = self._keeping.created([found.id for found in fit]) if fit else {}
        for found in fit:
            document = stereo_item(found, [views[view.item] for view in found.views])
            built, stored = BuiltSet(found, digest_of(document)), self._changes.stored.get(found.id)
            if stored is None or (stored.digest, stored.views) != (built.digest, [view.item for view in found.views]):
                document["properties"] |= {
                    "created": rfc3339(created.get(found.id, self._now)),
                    "updated": rfc3339(self._now),
                }
                self._built.append(built)
                self.documents.append(document)

    def memberships(self, item: str) -> Iterable[Membership]:
        """The sets that an Item of the page belongs to."""
        return self._changes.memberships.get(item, ())

    def removals(self) -> Iterator[tuple[str, str, str]]:
        """Collection, id and reason of the Items of sets that leave the catalogue, or their collection."""
        for stored in self.gone:
            yield stored.collection, stored.id, _NO_SET_LEFT
        for built in self._built:
            if (stored_before := self._stood(built)) and stored_before.collection != built.found.collection:
                yield stored_before.collection, built.found.id, f"it was moved to {built.found.collection}"

    def is_new(self) -> dict[str, bool]:
        """For each changed set, whether its Item is new in its collection."""
        news = {built.found.id: self._is_new(built) for built in self._built}
        return news | dict.fromkeys((stored.id for stored in self.gone), False)

    def touched_collections(self) -> set[str]:
        """Ids of the collections whose sets change."""
        left = {collection for collection, _, _ in self.removals()}
        return left | {built.found.collection for built in self._built}

    def outcomes(self) -> list[tuple[str, str, dict[str, Any] | None]]:
        """Id, collection and Item of each changed set; None for the Item if it no longer exists."""
        written = [(str(each["id"]), str(each["collection"]), each) for each in self.documents]
        return [*written, *((each.id, each.collection, None) for each in self.gone)]

    def stored_items(self) -> dict[str, ItemDocument]:
        """The stored Items of the changed sets, by id."""
        stood = [*self.gone, *filter(None, map(self._stood, self._built))]
        return catalogue.stored_items(self._side, [(each.collection, each.id) for each in stood]) if stood else {}

    def write(self) -> None:
        """Write down the sets as their Items will be."""
        if self._built or self.gone:
            self._keeping.write(self._built, self.gone, self._now)

    def _stood(self, built: BuiltSet) -> StoredSet | None:
        return self._changes.stored.get(built.found.id)

    def _is_new(self, built: BuiltSet) -> bool:
        stored = self._stood(built)
        return stored is None or stored.collection != built.found.collection
