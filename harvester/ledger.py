"""The ledger: what every source said, which acquisition and Item it belongs to, and what became of it.

Items are rebuilt from these rows, so the ledger and the catalogue are written in one transaction: every function here
works on the caller's connection and never commits. All of them take many rows at once: a page is a few statements.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection, sql

from database.statements import statements
from harvester.record import Moment, RawRecord

#: Older versions are kept at least so many, or so many days.
KEPT_VERSIONS = 3
KEPT_DAYS = 90

#: Of new rows, with their types.
_SCENE_COLUMNS = {
    "id": "text",
    "created": "timestamptz",
    "platform": "text",
    "acquired_at": "timestamptz",
    "footprint": "bytea",
}
_MOMENT_COLUMNS = {"scene": "text", "platform": "text", "acquired_at": "timestamptz", "footprint": "bytea"}
_ALIAS_COLUMNS = {"key": "text", "scene": "text"}
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

# Lists go to the server in binary: as text each of their members would be searched for what is to be quoted.

KNOWN_RECORDS, LAST_SEEN, ACTIVE_RECORDS, FINGERPRINTS, FOLLOWING_RECORDS = statements(
    "harvester", "known_records", "last_seen", "active_records", "fingerprints", "following_records"
)
KEEP_RECORDS, PRUNE_VERSIONS, WITHDRAW_RECORDS, REASSIGN_RECORDS = statements(
    "harvester", "keep_records", "prune_versions", "withdraw_records", "reassign_records"
)
SAW_RECORDS, REFUSED_AGAIN, REMEMBER_FINGERPRINTS = statements(
    "harvester", "saw_records", "refused_again", "remember_fingerprints"
)
SCENES_OF_KEYS, SCENES_NEAR, KEEP_MOMENTS, MERGE_SCENES, REDIRECT_KEYS = statements(
    "harvester", "scenes_of_keys", "scenes_near", "keep_moments", "merge_scenes", "redirect_keys"
)
ITEMS, ITEMS_OF_SCENES, KEEP_ITEMS, KEEP_MOVES, NUMBER_CHANGES, BURY, UNBURY = statements(
    "harvester", "items", "items_of_scenes", "keep_items", "keep_moves", "number_changes", "bury", "unbury"
)


@dataclass(frozen=True)
class KnownRecord:
    """How one record stands in the ledger."""

    digest: bytes
    state: str  #: active, withdrawn or quarantined
    item: str | None
    collection: str | None  #: where that Item is

    @property
    def is_active(self) -> bool:
        """Whether it is in force."""
        return self.state == "active"


class KnownScene(NamedTuple):
    """An acquisition: its id, and since when it is known."""

    id: str
    created: datetime


class KnownItem(NamedTuple):
    """An Item, in the catalogue or withdrawn from it; its id is given for good."""

    id: str
    scene: str
    collection: str
    is_published: bool
    is_archive: bool
    created: datetime


@dataclass(frozen=True)
class ActiveRecord:
    """An active record of an Item."""

    item: str
    source: str
    kind: str  #: of the source: the module that reads the record
    raw: RawRecord


@dataclass(frozen=True, kw_only=True)
class KeptRecord(RawRecord):
    """What a record once said, as the ledger has it, which does not know what of it only says where it was found."""

    kept_digest: bytes

    def digest(self) -> bytes:
        """The digest that it had when its source gave it."""
        return self.kept_digest


@dataclass(frozen=True, kw_only=True)
class RecordEntry:
    """A record as it is to stand in the ledger."""

    raw: RawRecord
    state: str
    item: str | None = None
    stage: str | None = None  #: where it was refused
    reason: str | None = None  #: text without NUL; None where it is active
    is_new: bool = False  #: the ledger does not hold the record yet


class Ledger:
    """The ledger as one transaction sees it."""

    def __init__(self, connection: Connection, *, source: str, feed: str, run: int | None, now: datetime) -> None:
        """Work for a source, on a connection whose transaction the caller owns; `now` is UTC."""
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
        """When those of the given record ids that the ledger holds were seen, UTC."""
        if not records:
            return {}
        rows = self._connection.execute(LAST_SEEN, {"source": self._source, "records": list(records)})
        return dict(rows.fetchall())

    def scenes_of_keys(self, keys: Collection[str]) -> dict[str, KnownScene]:
        """The acquisitions that are known under these names, by name."""
        rows = self._connection.execute(SCENES_OF_KEYS, {"keys": list(keys)})
        return {key: KnownScene(*rest) for key, *rest in rows}

    def scenes(self, names: Collection[str]) -> dict[str, KnownScene]:
        """The acquisitions with these ids, by id."""
        if not names:
            return {}
        query = "SELECT id, created FROM dinamis.scene WHERE id = ANY(%b::text[])"
        rows = self._connection.execute(query, (list(names),))
        return {scene: KnownScene(scene, created) for scene, created in rows}

    def scenes_near(self, moments: Sequence[Moment], seconds: float) -> list[tuple[int, str, bytes]]:
        """What the same satellite took within some seconds of each of these.

        Returns:
            The place of that one, the acquisition that is known, and a footprint that a record gives it.
        """
        rows = self._connection.execute(
            SCENES_NEAR,
            {
                "platforms": [moment.platform for moment in moments],
                "moments": [moment.acquired_at for moment in moments],
                "gap": seconds,
            },
        )
        return [(place, scene, bytes(footprint)) for place, scene, footprint in rows]

    def items_of_scenes(self, scenes: Collection[str]) -> list[KnownItem]:
        """All Items of these acquisitions, withdrawn ones too."""
        return [KnownItem(*row) for row in self._connection.execute(ITEMS_OF_SCENES, {"scenes": list(scenes)})]

    def items(self, names: Collection[str]) -> list[KnownItem]:
        """Those of these Items that were ever made."""
        if not names:
            return []
        return [KnownItem(*row) for row in self._connection.execute(ITEMS, {"ids": list(names)})]

    def active_records(self, items: Collection[str]) -> list[ActiveRecord]:
        """All active records of these Items, in a fixed order."""
        if not items:
            return []
        rows = self._connection.execute(ACTIVE_RECORDS, {"items": list(items)})
        return [
            ActiveRecord(item, source, kind, RawRecord(id=record, content=content_from_bytes(content)))
            for item, source, kind, record, content in rows
        ]

    def corrections(self, items: Collection[str]) -> dict[str, dict[str, Any]]:
        """What we know better of these Items: field to value, by Item."""
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

    def keep_new_scenes(self, scenes: Mapping[KnownScene, Sequence[Moment]]) -> None:
        """Write down acquisitions that the ledger does not hold.

        Args:
            scenes: their ids, given for good, and when and where their records say that they were taken.
        """
        rows = ((*scene, *(moments[0] if moments else (None, None, None))) for scene, moments in scenes.items())
        self._copy("scene", _SCENE_COLUMNS, rows)
        if further := [(scene.id, *moment) for scene, moments in scenes.items() for moment in moments[1:]]:
            self._copy("scene_moment", _MOMENT_COLUMNS, further)

    def keep_moments(self, scenes: Mapping[str, Sequence[Moment]]) -> None:
        """Write down anew when and where their records say that these acquisitions were taken."""
        first = [(scene, *(moments[0] if moments else (None, None, None))) for scene, moments in scenes.items()]
        names, platforms, times, footprints = zip(*first, strict=True)
        self._connection.execute(
            KEEP_MOMENTS,
            {
                "scenes": list(names),
                "platforms": list(platforms),
                "moments": list(times),
                "footprints": list(footprints),
            },
        )
        if further := [(scene, *moment) for scene, moments in scenes.items() for moment in moments[1:]]:
            self._copy("scene_moment", _MOMENT_COLUMNS, further)

    def merge_scenes(self, survivors: Mapping[str, str]) -> None:
        """Let acquisitions stand for others (other -> survivor) that turned out to be the same."""
        self._connection.execute(MERGE_SCENES, {"others": list(survivors), "survivors": list(survivors.values())})

    def forget_scenes(self, scenes: Collection[str]) -> None:
        """Remove acquisitions that stand for nothing any more."""
        self._connection.execute("DELETE FROM dinamis.scene WHERE id = ANY(%b::text[])", (list(scenes),))

    def keep_new_keys(self, keys: Mapping[str, str]) -> None:
        """Let names that the ledger does not hold lead to acquisitions (name -> scene)."""
        self._copy("scene_alias", _ALIAS_COLUMNS, keys.items())

    def redirect_keys(self, keys: Mapping[str, str]) -> None:
        """Let names that the ledger holds lead to other acquisitions (name -> scene)."""
        self._connection.execute(REDIRECT_KEYS, {"keys": list(keys), "scenes": list(keys.values())})

    def keep_new_items(self, items: Sequence[KnownItem]) -> None:
        """Write down Items that the ledger does not hold, as `keep_items` does with more work."""
        changes = self._numbers("dinamis.change", len(items))
        self._copy(
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

    def keep_items(self, items: Sequence[KnownItem]) -> None:
        """Write down Items and where they are from now on, one after the other; a new one is a change."""
        # Those that are withdrawn first: one published Item at a time may stand for an acquisition in a collection.
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
        """Let Items not stand for their acquisition while they, or others, come to stand for another one."""
        self._connection.execute("UPDATE dinamis.item SET is_published = false WHERE id = ANY(%b::text[])", (items,))

    def keep_moves(self, former: Mapping[str, str]) -> None:
        """Note where Items belonged before this run moved them (Item -> collection)."""
        if former and self._run is not None:
            self._connection.execute(
                KEEP_MOVES,
                {"run": self._run, "items": list(former), "collections": list(former.values())},
            )

    def number_changes(self, items: Mapping[str, bool]) -> None:
        """Let the change of each of these Items have its place in the order of changes.

        Args:
            items: by id, whether the Item is new where it is.
        """
        self._connection.execute(NUMBER_CHANGES, {"ids": list(items), "new": list(items.values()), "now": self._now})
        self._connection.execute(UNBURY, {"ids": list(items)})

    def bury(self, items: Sequence[tuple[str, str, str]]) -> None:
        """Note that Items (collection, id, reason) stand in a collection no more."""
        self._connection.execute(
            BURY,
            {
                "collections": [collection for collection, _, _ in items],
                "items": [item for _, item, _ in items],
                "reasons": [reason for _, _, reason in items],
                "now": self._now,
            },
        )

    def keep(self, entries: Sequence[RecordEntry]) -> None:
        """Write down what records said, each as a new version."""
        if new := [each for each in entries if each.is_new]:
            self._keep_first(new)
        if further := [each for each in entries if not each.is_new]:
            self._keep_further(further)

    def _keep_first(self, entries: Sequence[RecordEntry]) -> None:
        now, run = self._now, self._run
        numbers = self._numbers("dinamis.source_record_id_seq", len(entries))
        numbered = list(zip(numbers, entries, strict=True))
        self._copy(
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
        self._copy(
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
        """Let records (source, id) be of other Items."""
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
        """Note by one row that active records are there as they were; gives how many of them are active.

        Args:
            records: ids of records.
            numbers: of further records, which then need not be looked for.
        """
        if not records and not numbers:
            return 0
        # Numbers go as one text: of a list psycopg would adapt each of them in turn.
        numbers_text = "{" + ",".join(map(str, numbers)) + "}"
        row = self._connection.execute(
            "SELECT dinamis.note_unread(%s, %s, %b::text[], %s::int8[], %s)",
            (self._feed, self._source, list(records), numbers_text, self._now),
        ).fetchone()
        return int(row[0]) if row else 0

    def remember_fingerprints(self, fingerprints: Mapping[str, str | None]) -> None:
        """Note by what the source can tell next time that these unchanged records did not change."""
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
        """Note why a quarantined record is refused today, and that it is still there; `reason` is without NUL."""
        self.saw([raw])
        self._connection.execute(
            REFUSED_AGAIN, {"source": self._source, "record": raw.id, "stage": stage, "reason": reason}
        )

    def _numbers(self, sequence: str, count: int) -> range:
        """The next numbers of a sequence; nobody else takes any meanwhile, as writers take turns."""
        row = self._connection.execute(
            "SELECT setval(sequence, nextval(sequence) + %s) FROM (VALUES (%s::regclass)) AS wanted (sequence)",
            (count - 1, sequence),
        ).fetchone()
        assert row is not None  # noqa: S101 - a query without a condition gives a row
        return range(row[0] - count + 1, row[0] + 1)

    def _copy(self, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert rows by COPY in binary; nobody else writes them meanwhile, as writers take turns."""
        statement = sql.SQL("COPY dinamis.{} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(list(columns.values()))
            for row in rows:
                copy.write_row(row)

    def _prune(self, records: Iterable[str]) -> None:
        """Forget versions that are neither among the last ones nor young."""
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
    """Whether its source showed it just now: not one that comes from the ledger, where it may be gone since."""
    return not isinstance(raw, KeptRecord)


def fingerprints(connection: Connection, source: str, records: Sequence[str]) -> dict[str, str]:
    """The fingerprints of those of these records that are active, by id."""
    rows = connection.execute(FINGERPRINTS, {"source": source, "records": list(records)})
    return dict(rows.fetchall())


def following_records(connection: Connection, source: str, record: str, count: int) -> list[tuple[str, str, int]]:
    """Up to `count` active records that were new next after this one: fingerprint, id, number."""
    rows = connection.execute(FOLLOWING_RECORDS, {"source": source, "record": record, "count": count})
    return rows.fetchall()


def content_from_bytes(content: bytes) -> Any:
    """What a record said, from the bytes that the ledger holds."""
    text = bytes(content)
    # Releases before there were runs compressed it; JSON never begins with the first byte of a zlib stream.
    return json.loads(text if text[:1] in b"{[" else zlib.decompress(text))
