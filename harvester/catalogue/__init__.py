"""The catalogue: Items and Collections written into pgSTAC."""

from __future__ import annotations

from harvester.catalogue.pgstac import (
    analyze_ledger,
    collections_with_deferred_work,
    connect,
    finish_writing,
    forget_searches,
    note_harvested,
    put_items,
    remove_items,
    stored_collections,
    stored_items,
    wait_for_other_writers,
)

__all__ = [
    "analyze_ledger",
    "collections_with_deferred_work",
    "connect",
    "finish_writing",
    "forget_searches",
    "note_harvested",
    "put_items",
    "remove_items",
    "stored_collections",
    "stored_items",
    "wait_for_other_writers",
]
