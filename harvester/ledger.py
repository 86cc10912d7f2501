"""The ledger: one row for each record a source gave us, and the scene it belongs to.

Items are rebuilt from these rows, so the ledger and the catalogue are written in one transaction: every function here
works on the caller's connection and never commits.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection

from harvester.record import RawRecord, SceneRecord

# One writer at a time: the ledger is read and the Item rebuilt from it in the same transaction, so a second writer
# must see what the first one wrote. The number is arbitrary and ours alone.
_WRITER_LOCK = 0x44494E41


@dataclass(frozen=True)
class KnownRecord:
    """What the ledger holds of one record."""

    digest: bytes
    is_active: bool
    scene: str | None


@dataclass(frozen=True)
class KnownScene:
    """An acquisition that has an Item: its id, where the Item is, and since when."""

    id: str
    collection: str
    created: datetime


class Ledger:
    """The ledger as one transaction sees it."""

    def __init__(self, connection: Connection, source: str, now: datetime) -> None:
        """Work for the source named `source`, on a connection whose transaction the caller owns; `now` is UTC."""
        self._connection = connection
        self._source = source
        self._now = now

    def lock(self) -> None:
        """Wait until this transaction is the only one that writes the catalogue, until it ends."""
        self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITER_LOCK,))

    def known(self, records: Iterable[str]) -> dict[str, KnownRecord]:
        """Those of the given record ids that the ledger holds."""
        rows = self._connection.execute(
            "SELECT record, digest, state = 'active', scene FROM dinamis.source_record"
            " WHERE source = %s AND record = ANY(%s)",
            (self._source, list(records)),
        )
        return {record: KnownRecord(bytes(digest), active, scene) for record, digest, active, scene in rows}

    def scene_of(self, scene: SceneRecord) -> KnownScene | None:
        """The acquisition that this record describes, if one of its keys or its id is known already; else None."""
        row = self._connection.execute(
            "SELECT s.id, s.collection, s.created FROM dinamis.scene s"
            " WHERE s.id IN (SELECT a.scene FROM dinamis.scene_alias a WHERE a.key = ANY(%s)) OR s.id = %s"
            # Two known scenes that turn out to be one: the older survives.
            " ORDER BY s.created, s.id LIMIT 1",
            (list(scene.scene_keys), scene.id),
        ).fetchone()
        return KnownScene(*row) if row else None

    def scene(self, scene_id: str) -> KnownScene | None:
        """The acquisition of this id, if there is one."""
        row = self._connection.execute(
            "SELECT id, collection, created FROM dinamis.scene WHERE id = %s", (scene_id,)
        ).fetchone()
        return KnownScene(*row) if row else None

    def add_scene(self, scene: SceneRecord, collection: str) -> KnownScene:
        """Give this acquisition its id for good."""
        known = KnownScene(scene.id, collection, self._now)
        self._connection.execute(
            "INSERT INTO dinamis.scene (id, collection, created) VALUES (%s, %s, %s)",
            (known.id, known.collection, known.created),
        )
        return known

    def move_scene(self, scene: KnownScene, collection: str) -> KnownScene:
        """Say that the Item of this acquisition is in another collection from now on."""
        self._connection.execute("UPDATE dinamis.scene SET collection = %s WHERE id = %s", (collection, scene.id))
        return KnownScene(scene.id, collection, scene.created)

    def remember_keys(self, scene: KnownScene, keys: Iterable[str]) -> None:
        """Let all these keys point to this acquisition; a key that is known already keeps its scene."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO dinamis.scene_alias (key, scene) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING",
                [(key, scene.id) for key in keys],
            )

    def records_of(self, scene: str) -> list[tuple[str, RawRecord]]:
        """All active records of an acquisition, each with the name of its source, in a fixed order."""
        rows = self._connection.execute(
            "SELECT source, record, content FROM dinamis.source_record WHERE scene = %s AND state = 'active'"
            ' ORDER BY source, record COLLATE "C"',
            (scene,),
        )
        return [
            (source, RawRecord(id=record, content=json.loads(zlib.decompress(content))))
            for source, record, content in rows
        ]

    def keep(self, raw: RawRecord, scene: str) -> None:
        """Write down what a readable record said, and the acquisition it belongs to."""
        self._write(raw, state="active", reason=None, scene=scene)

    def quarantine(self, raw: RawRecord, reason: str) -> None:
        """Write down what an unreadable record said, and why it was refused."""
        self._write(raw, state="quarantined", reason=reason, scene=None)

    def saw(self, records: Iterable[str]) -> None:
        """Note that unchanged records are still there."""
        self._connection.execute(
            "UPDATE dinamis.source_record SET last_seen = %s WHERE source = %s AND record = ANY(%s)",
            (self._now, self._source, list(records)),
        )

    def _write(self, raw: RawRecord, *, state: str, reason: str | None, scene: str | None) -> None:
        self._connection.execute(
            "INSERT INTO dinamis.source_record AS known"
            " (source, record, digest, content, state, reason, scene, first_seen, last_seen, last_changed)"
            " VALUES (%(source)s, %(record)s, %(digest)s, %(content)s, %(state)s, %(reason)s, %(scene)s,"
            " %(now)s, %(now)s, %(now)s)"
            " ON CONFLICT (source, record) DO UPDATE SET digest = excluded.digest, content = excluded.content,"
            " state = excluded.state, reason = excluded.reason, scene = excluded.scene, last_seen = excluded.last_seen,"
            " last_changed = CASE WHEN known.digest = excluded.digest AND known.state = excluded.state"
            " THEN known.last_changed ELSE excluded.last_changed END",
            {
                "source": self._source,
                "record": raw.id,
                "digest": raw.digest(),
                "content": zlib.compress(raw.serialised()),
                "state": state,
                "reason": reason,
                "scene": scene,
                "now": self._now,
            },
        )
