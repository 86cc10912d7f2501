"""The ledger: one row for each record a source gave us, and the scene it belongs to.

Items are rebuilt from these rows, so the ledger and the catalogue are written in one transaction: every function here
works on the caller's connection and never commits.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg import Connection
from psycopg.sql import SQL, Identifier

from harvester.record import RawRecord, SceneRecord


@dataclass(frozen=True)
class KnownRecord:
    """What the ledger holds of one record."""

    digest: bytes
    is_active: bool
    scene: str | None
    collection: str | None  #: where the Item of that scene is


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

    def known(self, records: Iterable[str]) -> dict[str, KnownRecord]:
        """Those of the given record ids that the ledger holds."""
        rows = self._connection.execute(
            "SELECT record, digest, state = 'active', scene, collection FROM dinamis.source_record"
            " LEFT JOIN dinamis.scene ON scene.id = source_record.scene WHERE source = %s AND record = ANY(%s)",
            (self._source, list(records)),
        )
        return {record: KnownRecord(bytes(digest), *rest) for record, digest, *rest in rows}

    def scenes_of(self, scene: SceneRecord) -> list[KnownScene]:
        """The known acquisitions that share a key with this record, the oldest first: they are one and the same."""
        rows = self._connection.execute(
            "SELECT id, collection, created FROM dinamis.scene"
            " WHERE id IN (SELECT scene_alias.scene FROM dinamis.scene_alias WHERE key = ANY(%s))"
            ' ORDER BY created, id COLLATE "C"',
            (_keys(scene),),
        )
        return [KnownScene(*row) for row in rows]

    def scene(self, name: str) -> KnownScene | None:
        """The acquisition known under this name, if there is one."""
        row = self._connection.execute(
            "SELECT id, collection, created FROM dinamis.scene"
            " WHERE id = (SELECT scene_alias.scene FROM dinamis.scene_alias WHERE key = %s)",
            (name,),
        ).fetchone()
        return KnownScene(*row) if row else None

    def keep_scene(self, scene: KnownScene) -> None:
        """Write down an acquisition with its id, given for good, and the collection where its Item is from now on."""
        self._connection.execute(
            "INSERT INTO dinamis.scene (id, collection, created) VALUES (%s, %s, %s)"
            " ON CONFLICT (id) DO UPDATE SET collection = excluded.collection",
            (scene.id, scene.collection, scene.created),
        )

    def merge(self, survivor: str, others: Sequence[str]) -> None:
        """Let one acquisition stand for others that turned out to be the same: their names lead to it from now on."""
        for table in ("source_record", "scene_alias"):
            self._connection.execute(
                SQL("UPDATE dinamis.{} SET scene = %s WHERE scene = ANY(%s)").format(Identifier(table)),
                (survivor, list(others)),
            )
        self._connection.execute("DELETE FROM dinamis.scene WHERE id = ANY(%s)", (list(others),))

    def remember_keys(self, scene: SceneRecord, scene_id: str) -> None:
        """Let all names of this record lead to this acquisition; a name that is known already stays as it is."""
        self._connection.execute(
            "INSERT INTO dinamis.scene_alias (key, scene) SELECT key, %s FROM unnest(%s::text[]) AS key"
            " ON CONFLICT (key) DO NOTHING",
            (scene_id, _keys(scene)),
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
        """Write down what an unreadable record said, and why it was refused; `reason` is text without NUL."""
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


def _keys(scene: SceneRecord) -> list[str]:
    """Every name of the acquisition; its id is one, also when a source does not say so."""
    return sorted({scene.id, *scene.scene_keys})
