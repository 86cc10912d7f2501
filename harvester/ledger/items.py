"""Items in the ledger: their collections, the corrections of curators, and the order of changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from database.statements import statements
from harvester.ledger.new_rows import copy_rows, next_numbers

#: Columns of new rows, with their types.
_ITEM_COLUMNS = {
    "id": "text",
    "scene": "text",
    "collection": "text",
    "is_published": "bool",
    "is_archive": "bool",
    "created": "timestamptz",
    "updated": "timestamptz",
    "first_change": "int8",
    "change": "int8",
}

# Lists go to the server in binary: as text, each member would be scanned for characters to quote.
ITEMS, ITEMS_OF_SCENES, KEEP_ITEMS, KEEP_MOVES, NUMBER_CHANGES, BURY, UNBURY = statements(
    "harvester.ledger", "items", "items_of_scenes", "keep_items", "keep_moves", "number_changes", "bury", "unbury"
)


class KnownItem(NamedTuple):
    """An Item, in the catalogue or withdrawn from it; its id never changes."""

    id: str
    scene: str
    collection: str
    is_published: bool
    is_archive: bool
    created: datetime


class ItemLedger:
    """The Items as one transaction sees them."""

    def __init__(self, connection: Connection, *, run: int | None, now: datetime) -> None:
        """Work for a run, on a connection whose transaction the caller owns; `now` is UTC."""
        self._connection = connection
        self._run = run
        self._now = now

    def known(self, names: Collection[str]) -> list[KnownItem]:
        """Those of these Items that ever existed."""
        if not names:
            return []
        return [KnownItem(*row) for row in self._connection.execute(ITEMS, {"ids": list(names)})]

    def of_scenes(self, scenes: Collection[str]) -> list[KnownItem]:
        """All Items of these acquisitions, withdrawn ones too."""
        return [KnownItem(*row) for row in self._connection.execute(ITEMS_OF_SCENES, {"scenes": list(scenes)})]

    def corrections(self, items: Collection[str]) -> dict[str, dict[str, Any]]:
        """The curators' corrections of these Items: field to value, by Item."""
        if not items:
            return {}
        corrections: dict[str, dict[str, Any]] = {}
        rows = self._connection.execute(
            "SELECT item, field, value FROM dinamis.correction WHERE item = ANY(%b::text[]) ORDER BY item, field",
            (list(items),),
        )
        for item, field, value in rows:
            corrections.setdefault(item, {})[field] = value
        return corrections

    def keep_new(self, items: Sequence[KnownItem]) -> None:
        """Insert Items that the ledger does not hold; `keep` does the same more slowly."""
        changes = next_numbers(self._connection, "dinamis.change", len(items))
        copy_rows(
            self._connection,
            "item",
            _ITEM_COLUMNS,
            (
                (
                    each.id,
                    each.scene,
                    each.collection,
                    each.is_published,
                    each.is_archive,
                    each.created,
                    self._now,
                    change,
                    change,
                )
                for each, change in zip(items, changes, strict=True)
            ),
        )

    def keep(self, items: Sequence[KnownItem]) -> None:
        """Insert or update Items, one after the other; a new Item gets the number of a change."""
        # Withdrawn ones first: an acquisition may have only one published Item in a collection at a time.
        ordered = sorted(items, key=lambda item: item.is_published)
        self._connection.execute(
            KEEP_ITEMS,
            {
                "ids": [each.id for each in ordered],
                "scenes": [each.scene for each in ordered],
                "collections": [each.collection for each in ordered],
                "published": [each.is_published for each in ordered],
                "archive": [each.is_archive for each in ordered],
                "created": [each.created for each in ordered],
                "now": self._now,
            },
        )

    def take_off(self, items: Sequence[str]) -> None:
        """Mark Items as unpublished while they, or others, are assigned to another acquisition."""
        self._connection.execute("UPDATE dinamis.item SET is_published = false WHERE id = ANY(%b::text[])", (items,))

    def keep_moves(self, former: Mapping[str, str]) -> None:
        """Note the collections of Items before this run moved them (Item -> collection)."""
        if former and self._run is not None:
            self._connection.execute(
                KEEP_MOVES,
                {"run": self._run, "items": list(former), "collections": list(former.values())},
            )

    def number_changes(self, items: Mapping[str, bool]) -> None:
        """Number the change of each of these Items in the order of changes.

        Args:
            items: by id, whether the Item is new in its collection.
        """
        self._connection.execute(NUMBER_CHANGES, {"ids": list(items), "new": list(items.values()), "now": self._now})
        self._connection.execute(UNBURY, {"ids": list(items)})

    def bury(self, items: Sequence[tuple[str, str, str]]) -> None:
        """Note that Items (collection, id, reason) have left a collection."""
        self._connection.execute(
            BURY,
            {
                "collections": [collection for collection, _, _ in items],
                "items": [item for _, item, _ in items],
                "reasons": [reason for _, _, reason in items],
                "now": self._now,
            },
        )
