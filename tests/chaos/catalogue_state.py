"""All that two catalogues of the same history must have in common, and what must be true of each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from time import monotonic, sleep
from typing import Any

from database import Database
from tests.harvests import TIMESTAMPS, items, rows, timeless

State = dict[str, list[str]]  #: rows by kind, each as text, in a fixed order

# Without times of writing, numbers that the database gives, and fingerprints: whether a file has one depends on how
# long before the harvest it was written.
_KINDS = {
    "Items": "SELECT collection, id, pgstac.get_item(id, collection), private FROM pgstac.items",
    "Collections": "SELECT id, content FROM pgstac.collections",
    "translations": "SELECT collection, language, content, queryables FROM dinamis.collection_translation",
    "queryables": "SELECT name, definition, collection_ids FROM pgstac.queryables",
    "records": (
        "SELECT source, record, feed, state, stage, reason, digest, version, item, absent_since IS NULL"
        " FROM dinamis.source_record"
    ),
    "versions": (
        "SELECT source, source_record.record, said.version, said.state, said.digest, content"
        " FROM dinamis.record_version AS said JOIN dinamis.source_record ON source_record.id = said.record"
    ),
    "Items of the ledger": "SELECT id, scene, collection, is_published, is_archive FROM dinamis.item",
    "acquisitions": "SELECT id, platform, acquired_at, footprint FROM dinamis.scene",
    "moments": "SELECT scene, platform, acquired_at, footprint FROM dinamis.scene_moment",
    "aliases": "SELECT key, scene FROM dinamis.scene_alias",
    "tombstones": "SELECT collection, item, reason FROM dinamis.tombstone",
    "harvested": "SELECT collection FROM dinamis.collection_harvest",
}

_OUTCOMES = ("new", "changed", "unchanged", "withdrawn", "quarantined")

#: What is wrong with a catalogue in which no harvest is at work, and the rows that show it.
FAULTS = {
    "a run is left as running": "SELECT id, feed FROM dinamis.run WHERE state = 'running'",
    "a query of pgSTAC is left in the queue": "SELECT query FROM pgstac.query_queue",
    "a query of pgSTAC failed": "SELECT query, error FROM pgstac.query_queue_history WHERE error IS NOT NULL",
    "the account of a part does not add up": (
        "SELECT run, part, counts FROM dinamis.run_part WHERE counts != '{}' AND (counts->>'read')::bigint"
        f" != {' + '.join(f'''(counts->>'{outcome}')::bigint''' for outcome in _OUTCOMES)}"
    ),
    "a part of a good run is not done": (
        "SELECT run, part FROM dinamis.run_part JOIN dinamis.run ON run.id = run_part.run"
        " WHERE run.state = 'succeeded' AND run_part.state != 'done'"
    ),
    "an Item of the ledger is not in the catalogue": (
        "SELECT id FROM dinamis.item WHERE is_published"
        " AND NOT EXISTS (SELECT FROM pgstac.items AS put WHERE put.id = item.id AND put.collection = item.collection)"
    ),
    "an Item of the catalogue is not in the ledger": (
        "SELECT id FROM pgstac.items AS put WHERE NOT EXISTS"
        " (SELECT FROM dinamis.item WHERE is_published AND put.id = item.id AND put.collection = item.collection)"
    ),
    "an Item stands twice": "SELECT id FROM pgstac.items GROUP BY id HAVING count(*) > 1",
}

_LOCKS = (
    "SELECT classid, objid, pid FROM pg_locks WHERE locktype = 'advisory'"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
)


def state_of(database: Database) -> State:
    """What a catalogue holds, as far as another one of the same history must hold the same."""
    found = {kind: [_as_text(row) for row in rows(database, query)] for kind, query in _KINDS.items()}
    found["search"] = [_as_text(timeless(item)) for item in items(database).values()]
    return {kind: sorted(each) for kind, each in found.items()}


def differences(undisturbed: Mapping[str, list[str]], disturbed: Mapping[str, list[str]]) -> list[str]:
    """The rows that only one of two catalogues has."""
    return [
        f"{kind} only {where}: {row[:600]}"
        for kind in undisturbed
        for where, ours, others in (
            ("without disturbance", undisturbed, disturbed),
            ("with disturbance", disturbed, undisturbed),
        )
        for row in _left(ours[kind], others[kind])
    ]


def faults_of(database: Database) -> list[str]:
    """What is wrong with a catalogue in which no harvest is at work."""
    found = [f"{fault}: {row}" for fault, query in FAULTS.items() for row in rows(database, query)]
    return found + [f"an advisory lock is left: {row}" for row in _locks_left(database)]


def _locks_left(database: Database, patience_s: float = 5.0) -> list[tuple[Any, ...]]:
    """Locks that stay though the server had time to notice that their clients are gone."""
    deadline = monotonic() + patience_s
    while (left := rows(database, _LOCKS)) and monotonic() < deadline:
        sleep(0.05)
    return left


def _as_text(row: object) -> str:
    return json.dumps(_plain(row), sort_keys=True, default=str, ensure_ascii=False)


def _plain(value: Any) -> Any:
    """JSON data without the times of writing."""
    if isinstance(value, Mapping):
        return {name: _plain(child) for name, child in value.items() if name not in TIMESTAMPS}
    if isinstance(value, tuple | list):
        return [_plain(child) for child in value]
    return value.hex() if isinstance(value, bytes | memoryview) else value


def _left(ours: list[str], others: list[str]) -> list[str]:
    known = set(others)
    return [row for row in ours if row not in known] or ([] if len(ours) <= len(others) else ["one of them twice"])
