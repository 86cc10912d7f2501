"""What the database does when one image arrives in a large catalogue, and with it the pair that it makes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import psycopg

from database import Database
from harvester import catalogue
from harvester.harvest_context import WritingOptions
from harvester.pages.writing import PageWriting
from harvester.sources.registry import SOURCES
from harvester.sources.source import Progress, Selection
from tests.benchmarks.generated_items import feed_of
from tests.benchmarks.stereo_keeping import backward_view, context_with, forward_view
from tests.harvests import rows

_ARRIVALS = 50
_AWAY_S = 1000.0  #: no pass lasts as long


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An image whose transaction brings it, and the pair that it makes, into the catalogue."""

    alone_ms: float  #: time of the server for an image that makes no pair; the mean of many, as below
    with_pair_ms: float


def measured_arrival(database: Database, forward_views: list[dict[str, Any]]) -> Arrival:
    """Let images arrive one by one where forward views are that have no other yet."""
    step = len(forward_views) // _ARRIVALS
    chosen = forward_views[::step][:_ARRIVALS]
    before = _sets(database)
    alone_ms = _arrived(database, [forward_view(item, _AWAY_S) for item in chosen])
    assert _sets(database) == before
    with_pair_ms = _arrived(database, [backward_view(item) for item in chosen])
    assert _sets(database) == before + len(chosen)
    return Arrival(alone_ms=alone_ms, with_pair_ms=with_pair_ms)


def _arrived(database: Database, items: Iterable[dict[str, Any]]) -> float:
    """The time of the server for each, in ms, when every one comes in a transaction of its own."""
    given = list(items)
    before = _active_ms(database)
    with tempfile.NamedTemporaryFile(suffix=".ndjson") as file:
        Path(file.name).write_bytes(b"\n".join(map(orjson.dumps, given)))
        _write_pages(database, Path(file.name))
    return (_active_ms(database) - before) / len(given)


def _write_pages(database: Database, items: Path) -> None:
    """Write each image as a harvest writes a page."""
    feed, context = feed_of(items, page_size=1), context_with(True, database)
    pages = SOURCES["stac"].read_pages(feed.options, Selection(), None, Progress(), lambda _: {})
    with (
        closing(catalogue.connect(context.conninfo)) as connection,
        closing(catalogue.connect(context.conninfo, autocommit=True)) as side,
    ):
        for page in pages:
            with connection.transaction():
                writing = PageWriting(connection, side, feed, None, context, WritingOptions())
                writing.take_in(page)
                writing.write_items()


def _active_ms(database: Database) -> float:
    """How long the server has worked for a database; its sessions tell when they end."""
    name = rows(database, "SELECT current_database()")[0][0]
    with psycopg.connect(database.conninfo("owner"), dbname="postgres", autocommit=True) as connection:
        while connection.execute("SELECT FROM pg_stat_activity WHERE datname = %s", (name,)).rowcount:
            time.sleep(0.05)
        row = connection.execute("SELECT active_time FROM pg_stat_database WHERE datname = %s", (name,)).fetchone()
    assert row is not None
    return float(row[0])


def _sets(database: Database) -> int:
    return int(rows(database, "SELECT count(*) FROM dinamis.stereo_set")[0][0])
