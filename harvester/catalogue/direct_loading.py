"""Copies Items straight into the partitions of pgSTAC, as the rows that pypgstac's Loader would write.

The Loader copies a page into a temporary table first, and parses geometries in Python. This module depends on the
tables of one version of pgSTAC; for any other `fits` is false, and the Loader must be used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import shapely
from psycopg import Connection, sql
from psycopg.types.json import set_json_dumps
from pypgstac.hydration import dehydrate

from database.statements import statements

BASE_ITEM, COMPRESS_BY_LZ4 = statements("harvester.catalogue", "base_item", "compress_by_lz4")

#: The version whose table `items` is written here.
_VERSION = "0.10.0"
#: The columns, and the types as which they are sent.
_COLUMNS = {
    "id": "text",
    "collection": "text",
    "datetime": "timestamptz",
    "end_datetime": "timestamptz",
    "geometry": "bytea",  # PostGIS reads EWKB
    "content": "jsonb",
    "private": "jsonb",
}
#: What does not go into the column `content`.
_APART = frozenset({"id", "collection", "geometry", "private", "pgstac:base_item"})
_WGS84 = 4326


@dataclass(frozen=True)
class _Target:
    """Where and how the Items of one collection are stored."""

    base_item: dict[str, Any]  #: what they have in common, left out of their content
    base_item_id: int | None
    key: int
    interval: str | None  #: of its partitions: year, month, or None for a single one

    def partition(self, moment: str) -> str:
        """The name of pgSTAC's table for Items that begin at an RFC 3339 instant."""
        if self.interval is None:
            return f"_items_{self.key}"
        date = "%Y" if self.interval == "year" else "%Y%m"
        return f"_items_{self.key}_{datetime.fromisoformat(moment).astimezone(UTC):{date}}"

    def row(self, item: dict[str, Any], geometry: bytes) -> tuple[Any, ...]:
        """The columns of an Item."""
        first, last = map(datetime.fromisoformat, period(item))
        return item["id"], item["collection"], first, last, geometry, self._content(item), item.get("private")

    def _content(self, item: dict[str, Any]) -> dict[str, Any]:
        stripped = dehydrate(self.base_item, item)
        content = {name: value for name, value in stripped.items() if name not in _APART}
        if self.base_item_id is not None:
            content["pgstac:base_item"] = self.base_item_id
        return content


def fits(connection: Connection) -> bool:
    """Whether pgSTAC has the version whose tables are written here."""
    row = connection.execute("SELECT get_version()").fetchone()
    return row is not None and row[0] == _VERSION


def replace_items(connection: Connection, items: Sequence[dict[str, Any]]) -> None:
    """Insert or replace Items inside the open transaction of `connection`.

    Args:
        connection: where `fits` is true and `pgstac.use_queue` is set.
        items: as JSON data, each id once; the partitions for their dates exist.

    Raises:
        psycopg.Error: the database refuses a row, or the connection is lost.
    """
    _compress_quickly(connection)
    by_collection: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        by_collection[item["collection"]].append(item)
    for collection, members in by_collection.items():
        _replace(connection, collection, members)


def _replace(connection: Connection, collection: str, items: Sequence[dict[str, Any]]) -> None:
    target = _target(connection, collection)
    by_partition: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in items:
        by_partition[target.partition(period(item)[0])].append(item)
    for partition in sorted(by_partition):
        connection.execute(sql.SQL("LOCK TABLE ONLY {} IN EXCLUSIVE MODE").format(sql.Identifier(partition)))
    # From the whole collection: an Item whose date was corrected may be in another partition.
    connection.execute(
        "DELETE FROM items WHERE collection = %s AND id = ANY(%s)", (collection, [item["id"] for item in items])
    )
    for partition, members in sorted(by_partition.items()):
        _copy(connection, partition, map(target.row, members, _geometries(members)))


def _copy(connection: Connection, partition: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows by binary COPY; the server reads the first ones while the last are being made."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
        sql.Identifier(partition), sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
    )
    with connection.cursor() as cursor:
        set_json_dumps(orjson.dumps, cursor)
        with cursor.copy(statement) as copy:
            copy.set_types(list(_COLUMNS.values()))
            for row in rows:
                copy.write_row(row)
        cursor.execute("SELECT update_partition_stats_q(%s)", (partition,))


def period(item: dict[str, Any]) -> tuple[str, str]:
    """First and last instant of an Item, RFC 3339, by which pgSTAC searches it."""
    properties = item["properties"]
    start, end = properties.get("start_datetime"), properties.get("end_datetime")
    if start is not None and end is not None:
        return start, end
    return properties["datetime"], properties["datetime"]


def _geometries(items: Sequence[dict[str, Any]]) -> list[bytes]:
    """The geometries as EWKB, in WGS 84."""
    shapes = shapely.from_geojson([orjson.dumps(item["geometry"]) for item in items])
    written: list[bytes] = shapely.to_wkb(shapely.set_srid(shapes, _WGS84), include_srid=True).tolist()
    return written


def _target(connection: Connection, collection: str) -> _Target:
    row = connection.execute(BASE_ITEM, {"collection": collection}).fetchone()
    if row is None:
        raise LookupError(f"there is no collection {collection}")
    return _Target(*row)


def _compress_quickly(connection: Connection) -> None:
    """Let the server compress with lz4 in this transaction, if it can: otherwise compression is a third of its work."""
    connection.execute(COMPRESS_BY_LZ4)
