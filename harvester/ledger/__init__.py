"""The ledger: what every source said, to which acquisition and Item that belongs, and what became of it.

Items are rebuilt from these rows, so the ledger and the catalogue are written in one transaction: every function here
works on the caller's connection and never commits. Each takes many rows at once: a page needs only a few statements.
"""

from harvester.ledger.items import ItemLedger, KnownItem
from harvester.ledger.ledger import Ledger
from harvester.ledger.records import (
    KEPT_DAYS,
    KEPT_VERSIONS,
    ActiveRecord,
    KeptRecord,
    KnownRecord,
    RecordEntry,
    RecordLedger,
    content_from_bytes,
    fingerprints,
    following_records,
)
from harvester.ledger.scenes import KnownScene, SceneLedger

__all__ = [
    "KEPT_DAYS",
    "KEPT_VERSIONS",
    "ActiveRecord",
    "ItemLedger",
    "KeptRecord",
    "KnownItem",
    "KnownRecord",
    "KnownScene",
    "Ledger",
    "RecordEntry",
    "RecordLedger",
    "SceneLedger",
    "content_from_bytes",
    "fingerprints",
    "following_records",
]
