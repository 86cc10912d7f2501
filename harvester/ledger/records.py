"""Records in the ledger: what every source said, version by version, and how each record stands."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Connection

from database.statements import statements
from harvester.ledger.new_rows import copy_rows, next_numbers
from harvester.record import RawRecord

#: At least so many old versions are kept, and all that are younger than so many days.
KEPT_VERSIONS = 3
KEPT_DAYS = 90

#: Columns of new rows, with their types.
_RECORD_COLUMNS = {
    "id": "int8",
    "source": "text",
    "record": "text",
    "feed": "text",
    "state": "text",
    "stage": "text",
    "reason": "text",
    "digest": "bytea",
    "fingerprint": "text",
    "item": "text",
    "run": "int8",
    "first_seen": "timestamptz",
    "last_seen": "timestamptz",
    "last_changed": "timestamptz",
}
_VERSION_COLUMNS = {
    "record": "int8",
    "version": "int4",
    "run": "int8",
    "stored_at": "timestamptz",
    "state": "text",
    "digest": "bytea",
    "content": "bytea",
}

# Lists go to the server in binary: as text, each member would be scanned for characters to quote.
KNOWN_RECORDS, LAST_SEEN, ACTIVE_RECORDS, FINGERPRINTS, FOLLOWING_RECORDS = statements(
    "harvester.ledger", "known_records", "last_seen", "active_records", "fingerprints", "following_records"
)
KEEP_RECORDS, PRUNE_VERSIONS, WITHDRAW_RECORDS, REASSIGN_RECORDS = statements(
    "harvester.ledger", "keep_records", "prune_versions", "withdraw_records", "reassign_records"
)
SAW_RECORDS, REFUSED_AGAIN, REMEMBER_FINGERPRINTS = statements(
    "harvester.ledger", "saw_records", "refused_again", "remember_fingerprints"
)


@dataclass(frozen=True)
class KnownRecord:
    """The state of one record in the ledger."""

    digest: bytes
    state: str  #: active, withdrawn or quarantined
    item: str | None
    collection: str | None  #: of that Item

    @property
    def is_active(self) -> bool:
        """Whether it is in force."""
        return self.state == "active"


@dataclass(frozen=True)
class ActiveRecord:
    """An active record of an Item."""

    item: str
    source: str
    kind: str  #: of the source: the module that reads the record
    raw: RawRecord


@dataclass(frozen=True, kw_only=True)
class KeptRecord(RawRecord):
    """A version of a record from the ledger, which does not know its `place_keys`: hence the kept digest."""

    kept_digest: bytes

    def digest(self) -> bytes:
        """The digest computed when its source gave it."""
        return self.kept_digest


@dataclass(frozen=True, kw_only=True)
class RecordEntry:
    """A record as it will stand in the ledger."""

    raw: RawRecord
    state: str
    item: str | None = None
    stage: str | None = None  #: at which it was refused
    reason: str | None = None  #: text without NUL; None where it is active
    is_new: bool = False  #: the ledger does not hold the record yet


class RecordLedger:
    """The records of a source as one transaction sees them."""

    def __init__(self, connection: Connection, *, source: str, feed: str, run: int | None, now: datetime) -> None:
        """Serve one source, on a connection whose transaction the caller owns; `now` is UTC."""
        self._connection = connection
        self._source = source
        self._feed = feed
        self._run = run
        self._now = now

    def known(self, records: Collection[str]) -> dict[str, KnownRecord]:
        """Those of the given record ids that the ledger holds."""
        if not records:
            return {}
        rows = self._connection.execute(KNOWN_RECORDS, {"source": self._source, "records": list(records)})
        return {record: KnownRecord(bytes(digest), *rest) for record, digest, *rest in rows}

    def last_seen(self, records: Collection[str]) -> dict[str, datetime]:
        """When those of the given record ids that the ledger holds were last seen, UTC."""
        if not records:
            return {}
        rows = self._connection.execute(LAST_SEEN, {"source": self._source, "records": list(records)})
        return dict(rows.fetchall())

    def active(self, items: Collection[str]) -> list[ActiveRecord]:
        """All active records of these Items, in a fixed order."""
        if not items:
            return []
        rows = self._connection.execute(ACTIVE_RECORDS, {"items": list(items)})
        return [
            ActiveRecord(item, source, kind, RawRecord(id=record, content=content_from_bytes(content)))
            for item, source, kind, record, content in rows
        ]

    def keep(self, entries: Sequence[RecordEntry]) -> None:
        """Insert or update records, each with a new version."""
        if new := [each for each in entries if each.is_new]:
            self._keep_first(new)
        if further := [each for each in entries if not each.is_new]:
            self._keep_further(further)

    def _keep_first(self, entries: Sequence[RecordEntry]) -> None:
        now, run = self._now, self._run
        numbers = next_numbers(self._connection, "dinamis.source_record_id_seq", len(entries))
        numbered = list(zip(numbers, entries, strict=True))
        copy_rows(
            self._connection,
            "source_record",
            _RECORD_COLUMNS,
            (
                (
                    number,
                    self._source,
                    each.raw.id,
                    self._feed,
                    each.state,
                    each.stage,
                    each.reason,
                    each.raw.digest(),
                    each.raw.fingerprint,
                    each.item,
                    run,
                    now,
                    now,
                    now,
                )
                for number, each in numbered
            ),
        )
        copy_rows(
            self._connection,
            "record_version",
            _VERSION_COLUMNS,
            ((number, 1, run, now, each.state, each.raw.digest(), each.raw.serialised()) for number, each in numbered),
        )

    def _keep_further(self, entries: Sequence[RecordEntry]) -> None:
        versions = self._connection.execute(
            KEEP_RECORDS,
            {
                "records": [each.raw.id for each in entries],
                "states": [each.state for each in entries],
                "stages": [each.stage for each in entries],
                "reasons": [each.reason for each in entries],
                "digests": [each.raw.digest() for each in entries],
                "items": [each.item for each in entries],
                "fingerprints": [each.raw.fingerprint for each in entries],
                "contents": [each.raw.serialised() for each in entries],
                "seen": [_is_seen(each.raw) for each in entries],
                "source": self._source,
                "feed": self._feed,
                "run": self._run,
                "now": self._now,
            },
        )
        if any(version > KEPT_VERSIONS for (version,) in versions):
            self._prune([each.raw.id for each in entries])

    def reassign(self, items: Mapping[tuple[str, str], str]) -> None:
        """Assign records (source, id) to other Items."""
        sources, records = zip(*items, strict=True)
        self._connection.execute(
            REASSIGN_RECORDS, {"sources": list(sources), "records": list(records), "items": list(items.values())}
        )

    def withdraw(self, records: Mapping[str, str]) -> None:
        """Note that active records (id -> reason) are gone; what they said stays."""
        self._connection.execute(
            WITHDRAW_RECORDS,
            {
                "records": list(records),
                "reasons": list(records.values()),
                "source": self._source,
                "run": self._run,
                "now": self._now,
            },
        )
        self._prune(list(records))

    def saw(self, records: Iterable[RawRecord]) -> None:
        """Note that unchanged records are still there."""
        if seen := [raw.id for raw in records if _is_seen(raw)]:
            self._connection.execute(
                SAW_RECORDS, {"source": self._source, "feed": self._feed, "records": seen, "now": self._now}
            )

    def saw_unread(self, records: Collection[str], numbers: Collection[int] = ()) -> int:
        """Note in one row that active records are still there unchanged; returns how many of them are active.

        Args:
            records: ids of records.
            numbers: numbers of further records, which saves looking them up.
        """
        if not records and not numbers:
            return 0
        # Numbers go as one text: psycopg would adapt each member of a list in turn.
        numbers_text = "{" + ",".join(map(str, numbers)) + "}"
        row = self._connection.execute(
            "SELECT dinamis.note_unread(%s, %s, %b::text[], %s::int8[], %s)",
            (self._feed, self._source, list(records), numbers_text, self._now),
        ).fetchone()
        return int(row[0]) if row else 0

    def remember_fingerprints(self, fingerprints: Mapping[str, str | None]) -> None:
        """Keep the fingerprints by which the source can tell next time that these records have not changed."""
        if not fingerprints:
            return
        self._connection.execute(
            REMEMBER_FINGERPRINTS,
            {
                "source": self._source,
                "records": list(fingerprints),
                "fingerprints": list(fingerprints.values()),
            },
        )

    def refused_again(self, raw: RawRecord, stage: str, reason: str) -> None:
        """Note that a quarantined record is still there, and why it is refused today; `reason` has no NUL."""
        self.saw([raw])
        self._connection.execute(
            REFUSED_AGAIN, {"source": self._source, "record": raw.id, "stage": stage, "reason": reason}
        )

    def _prune(self, records: Iterable[str]) -> None:
        """Delete versions that are neither among the last ones nor recent."""
        self._connection.execute(
            PRUNE_VERSIONS,
            {
                "source": self._source,
                "records": list(records),
                "kept": KEPT_VERSIONS,
                "days": KEPT_DAYS,
                "now": self._now,
            },
        )


def _is_seen(raw: RawRecord) -> bool:
    """Whether its source showed it just now; one from the ledger may be gone from its source."""
    return not isinstance(raw, KeptRecord)


def fingerprints(connection: Connection, source: str, records: Sequence[str]) -> dict[str, str]:
    """The fingerprints of those records that are active, by id."""
    rows = connection.execute(FINGERPRINTS, {"source": source, "records": list(records)})
    return dict(rows.fetchall())


def following_records(connection: Connection, source: str, record: str, count: int) -> list[tuple[str, str, int]]:
    """Up to `count` active records that the ledger got next after this one: fingerprint, id, number."""
    rows = connection.execute(FOLLOWING_RECORDS, {"source": source, "record": record, "count": count})
    return rows.fetchall()


def content_from_bytes(content: bytes) -> Any:
    """The content of a record, from the bytes in the ledger."""
    text = bytes(content)
    # The first releases compressed it; JSON never begins with the first byte of a zlib stream.
    return json.loads(text if text[:1] in b"{[" else zlib.decompress(text))
