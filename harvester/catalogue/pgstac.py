"""Writes Items into pgSTAC, and removes them.

A page of Items is written on the caller's connection, inside the caller's transaction: straight into the tables if
pgSTAC has the version that we know, else by pypgstac's own Loader. Three traps are avoided here (each has a test): the
first load of a partition would stop every reader until the page commits; statistics would be rebuilt page by page; and
the Loader's `delsert` fails when a batch holds one id twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

import psycopg
from psycopg import Connection

from database.long_work import told_if_long
from database.statements import statements
from harvester.catalogue import direct_loading
from harvester.errors import CatalogueError
from harvester.items.document import ItemDocument

# An arbitrary number of our own.
_WRITER_LOCK = 0x44494E41

DEFERRED_COLLECTIONS, MAKE_ROOM, NOTE_HARVESTED, STORED_ITEMS = statements(
    "harvester.catalogue", "deferred_collections", "make_room", "note_harvested", "stored_items"
)


def connect(conninfo: str, *, autocommit: bool = False) -> Connection:
    """Open a connection of the role that may load."""
    return psycopg.connect(conninfo, autocommit=autocommit, application_name="dinamis-harvest")


def wait_for_other_writers(connection: Connection) -> None:
    """Make the open transaction of `connection` the only one that writes the catalogue until it ends.

    The ledger is read and Items are rebuilt from it in one transaction, so a second writer must see what the first one
    wrote. Every writing transaction begins with this, so that two cannot deadlock on each other's rows.
    """
    with told_if_long("waiting for another process that writes the catalogue"):
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITER_LOCK,))


def put_items(connection: Connection, side: Connection, items: Sequence[ItemDocument]) -> None:
    """Insert or replace Items, inside the open transaction of `connection`.

    Args:
        connection: has the page's transaction open; it must not have touched the items of these collections yet.
        side: an autocommit connection of the same role, for what must be committed before the page.
        items: Items as JSON data, each id once.

    Raises:
        CatalogueError: an id is twice in the page, or pgSTAC refused an Item.
    """
    if not items:
        return
    _refuse_repeated_ids(items)
    for collection in sorted({item["collection"] for item in items}):
        _prepare_partition(side, [item for item in items if item["collection"] == collection])
    # Statistics and constraints are rebuilt once after the run (`finish_writing`), not page by page.
    connection.execute("SET LOCAL pgstac.use_queue = true")
    try:
        if direct_loading.fits(connection):
            direct_loading.replace_items(connection, items)
        else:
            # Rarely needed, and imports the clients of every cloud.
            from harvester.catalogue import stock_loading  # noqa: PLC0415

            stock_loading.replace_items(connection, items)
    except psycopg.Error:
        raise
    except Exception as error:  # pypgstac raises bare exceptions
        raise CatalogueError(f"pgSTAC did not take a page of {len(items)} Items: {error}") from error


def remove_items(connection: Connection, places: Iterable[tuple[str, str]]) -> None:
    """Remove Items (collection, id) from the catalogue, inside the open transaction of `connection`."""
    gone: defaultdict[str, list[str]] = defaultdict(list)
    for collection, item in places:
        gone[collection].append(item)
    connection.execute("SET LOCAL pgstac.use_queue = true")
    for collection in sorted(gone):
        # One collection at a time: with a constant the server can prune partitions.
        connection.execute("DELETE FROM items WHERE collection = %s AND id = ANY(%s)", (collection, gone[collection]))


def collections_with_deferred_work(side: Connection) -> set[str]:
    """Ids of the collections that were written since `finish_writing`, also by unfinished runs."""
    return {row[0] for row in side.execute(DEFERRED_COLLECTIONS)}


def finish_writing(side: Connection) -> bool:
    """Rebuild the constraints and statistics of partitions, deferred while pages were written, and forget searches.

    Returns whether anything was deferred, by this run or by an unfinished one.
    """
    deferred = 0
    with told_if_long("rebuilding constraints and statistics of what was written"):
        while _run_deferred(side):
            deferred += 1
    forget_searches(side)
    return deferred > 0


def _run_deferred(side: Connection) -> bool:
    with side.transaction():
        wait_for_other_writers(side)
        row = side.execute("SELECT run_queued_query()").fetchone()
    return row is not None and bool(row[0])


def analyze_ledger(side: Connection) -> None:
    """Update the server's statistics of the ledger: for a table that it believes empty it plans badly."""
    with side.transaction():
        wait_for_other_writers(side)
        side.execute("SELECT dinamis.analyze_ledger()")


def forget_searches(side: Connection) -> None:
    """Make pgSTAC forget the searches that it keeps, except those registered with metadata, as tile servers do.

    It would give their counts and estimates from before the harvest for a day, and never removes one.
    """
    with side.transaction():
        wait_for_other_writers(side)
        side.execute("DELETE FROM search_wheres")
        # A search that is under way may hold its row here and wait for the other table.
        side.execute(
            "DELETE FROM searches WHERE hash IN"
            " (SELECT hash FROM searches WHERE metadata = '{}' FOR UPDATE SKIP LOCKED)"
        )


def note_harvested(connection: Connection, collections: Iterable[str]) -> None:
    """Note that these collections are now as up to date as their sources."""
    connection.execute(NOTE_HARVESTED, {"collections": sorted(collections)})


def stored_collections(connection: Connection) -> set[str]:
    """Ids of the Collections in the catalogue."""
    return {row[0] for row in connection.execute("SELECT id FROM collections")}


def stored_items(connection: Connection, items: Sequence[tuple[str, str]]) -> dict[str, ItemDocument]:
    """Those of these Items (collection, id) that are in the catalogue, by id, as they were put into it."""
    rows = connection.execute(
        STORED_ITEMS,
        {"collections": [collection for collection, _ in items], "items": [item for _, item in items]},
    )
    return {item: {**document, "private": private} for item, document, private in rows}


def _refuse_repeated_ids(items: Sequence[ItemDocument]) -> None:
    seen: set[tuple[str, str]] = set()
    for item in items:
        key = (item["collection"], item["id"])
        if key in seen:
            raise CatalogueError(f"the Item {item['id']} of {item['collection']} stands twice in one page")
        seen.add(key)


def _prepare_partition(side: Connection, items: Sequence[ItemDocument]) -> None:
    """Create or widen the partitions for the dates of these Items, in a short transaction of its own.

    Creating a partition, or widening its constraint, takes ACCESS EXCLUSIVE: inside the page it would stop every reader
    until the page commits.
    """
    spans = list(_time_spans(items))
    with side.transaction():
        side.execute("SET LOCAL pgstac.use_queue = true")
        side.execute(
            MAKE_ROOM,
            {
                "collection": items[0]["collection"],
                "firsts": [first for first, _ in spans],
                "lasts": [last for _, last in spans],
            },
        )


def _time_spans(items: Iterable[ItemDocument]) -> Iterator[tuple[datetime, datetime]]:
    """The periods of the Items, as pgSTAC indexes them, merged for Items that begin in the same month."""
    by_month: dict[tuple[int, int], tuple[list[datetime], list[datetime]]] = {}
    for item in items:
        first, last = (datetime.fromisoformat(moment).astimezone(UTC) for moment in direct_loading.period(item))
        firsts, lasts = by_month.setdefault((first.year, first.month), ([], []))
        firsts.append(first)
        lasts.append(last)
    for firsts, lasts in by_month.values():
        yield min(firsts), min(lasts)
        yield max(firsts), max(lasts)
