"""Items copied straight into the tables of pgSTAC, held against what pypgstac's own Loader writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from psycopg.types.json import Jsonb

from database import Database
from harvester import catalogue
from harvester.catalogue import direct_loading
from harvester.catalogue.publish import publish_collections
from tests.benchmarks.generated_items import write_items
from tests.harvests import documents, rows
from tests.postgres import PostgresServer

COLLECTION = "spot-6-7-drs"
RING = [[2.0, 45.0], [2.5, 45.0], [2.5, 45.5], [2.0, 45.5], [2.0, 45.0]]
HOLE = [[2.1, 45.1], [2.1, 45.2], [2.2, 45.2], [2.1, 45.1]]
ITEM_ASSETS: dict[str, dict[str, Any]] = {
    "thumbnail": {"type": "image/jpeg", "roles": ["thumbnail"]},
    "rpc": {"type": "application/xml"},
}


@pytest.fixture
def items(tmp_path: Path) -> list[dict[str, Any]]:
    """Several hundred Items as catalogues have them, and some odd ones."""
    file = tmp_path / "items.ndjson"
    write_items(file, 300)
    generated = [orjson.loads(line) for line in file.read_bytes().splitlines()]
    return [*generated, *(odd | {"id": f"odd-{number}"} for number, odd in enumerate(_odd(generated[0])))]


def _odd(item: dict[str, Any]) -> list[dict[str, Any]]:
    properties = item["properties"]
    period = {"start_datetime": "2021-03-01T00:00:00+00:00", "end_datetime": "2021-03-31T23:59:59.999999Z"}
    return [
        item | {"geometry": {"type": "MultiPolygon", "coordinates": [[RING, HOLE], [[[x + 9, y] for x, y in RING]]]}},
        item | {"geometry": {"type": "Polygon", "coordinates": [[[x, y, 120.5] for x, y in RING]]}},
        item | {"geometry": {"type": "Polygon", "coordinates": [RING, HOLE]}},
        item | {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1.5], [0, 0]]]}},
        item | {"properties": properties | period | {"datetime": None}},
        item | {"properties": properties | {"title": 'tab\t, new\nline, \\N, "quote", é 漢 \U0001f6f0', "gsd": 1e-7}},
        item | {"properties": properties | {"empty": [], "nothing": None, "deep": {"a": [{"b": None}]}}},
        item | {"private": {"assets": {"data": [{"root": "file:///archive\\", "path": "a\tb.TIF"}]}}},
        item | {"private": {}, "assets": {"thumbnail": {"href": "https://images.example.org/1.jpg"}}},
        item | {"assets": {"thumbnail": {"href": "https://images.example.org/2.jpg"} | ITEM_ASSETS["thumbnail"]}},
        item | {"assets": {}, "links": []},
    ]


def _written(database: Database, items: list[dict[str, Any]], interval: str | None) -> list[tuple[Any, ...]]:
    """The rows of these Items, put into an empty catalogue twice."""
    publish_collections(database.conninfo("harvest"), documents(COLLECTION), "fr")
    with database.connect("owner") as connection:
        ((content,),) = connection.execute("SELECT content FROM pgstac.collections").fetchall()
        connection.execute("SELECT pgstac.upsert_collection(%s)", (Jsonb(content | {"item_assets": ITEM_ASSETS}),))
        connection.execute("UPDATE pgstac.collections SET partition_trunc = %s", (interval,))
    with (
        catalogue.connect(database.conninfo("harvest")) as page,
        catalogue.connect(database.conninfo("harvest"), autocommit=True) as side,
    ):
        for batch in (items, items[:50]):
            with page.transaction():
                catalogue.put_items(page, side, batch)
        catalogue.finish_writing(side)
    return rows(
        database,
        "SELECT id, tableoid::regclass::text, collection, datetime, end_datetime, geometry::text, content::text,"
        " private::text FROM pgstac.items ORDER BY id",
    )


@pytest.mark.parametrize("interval", [None, "year", "month"])
def test_rows_are_those_of_the_loader(
    postgres_server: PostgresServer,
    items: list[dict[str, Any]],
    interval: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every column of every row is what pypgstac's Loader writes, byte for byte, in the same partition."""
    with postgres_server.clone() as database:
        direct = _written(database, items, interval)
    monkeypatch.setattr(direct_loading, "fits", lambda _: False)
    with postgres_server.clone() as database:
        by_loader = _written(database, items, interval)

    assert len(direct) == len(items)
    assert direct == by_loader


def test_other_versions_are_left_to_the_loader(database: Database) -> None:
    """The tables are written only where pgSTAC is of the version that is known."""
    with database.connect("owner") as connection:
        assert direct_loading.fits(connection)
        connection.execute("SELECT pgstac.set_version('0.11.0')")
        assert not direct_loading.fits(connection)
        connection.rollback()
