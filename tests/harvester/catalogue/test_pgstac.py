"""Pages of Items in a real pgSTAC: readers go on, nothing is written twice or outside its page, counts are fresh."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict

from database import Database
from harvester import catalogue
from harvester.catalogue.publish import publish_collections
from harvester.errors import CatalogueError
from harvester.items.document import ItemDocument
from harvester.items.from_scenes import SourcedScene, item_from_scenes
from tests.harvests import documents, items, rows, search
from tests.scene_records import scene

DAY = timedelta(days=1)


@pytest.fixture
def catalogue_database(database: Database) -> Database:
    """A catalogue with two Collections and no Item."""
    publish_collections(database.conninfo("harvest"), documents("pleiades", "pleiades-littoral"), "fr")
    return database


def document(item_id: str = "IMAGE_1", *, later: timedelta = timedelta(0), **changes: Any) -> ItemDocument:
    """The Item of a Pléiades acquisition, as a page holds it."""
    made = scene()
    assert made.acquired_at is not None
    assert made.started_at is not None
    assert made.ended_at is not None
    moved = scene(
        acquired_at=made.acquired_at + later, started_at=made.started_at + later, ended_at=made.ended_at + later
    )
    item = item_from_scenes(
        [SourcedScene(source="deliveries", precedence=0, scene=moved)], item_id=item_id, collection="pleiades"
    )
    return {**item, **changes}


@contextmanager
def connections(database: Database) -> Iterator[tuple[Connection, Connection]]:
    """The connection of a page, and the one beside it, as a harvest opens them."""
    with (
        catalogue.connect(database.conninfo("harvest")) as page,
        catalogue.connect(database.conninfo("harvest"), autocommit=True) as side,
    ):
        yield page, side


def put(database: Database, *page_items: ItemDocument) -> None:
    """Write one page and finish."""
    with connections(database) as (page, side):
        with page.transaction():
            catalogue.put_items(page, side, page_items)
        catalogue.finish_writing(side)


@contextmanager
def impatient_reader(database: Database) -> Iterator[list[int]]:
    """A reader who searches all the time and gives up after a second; yields the numbers of Items that it found."""
    found: list[int] = []
    failures: list[Exception] = []
    is_over = Event()

    def read() -> None:
        try:
            with database.connect("api", autocommit=True) as connection:
                connection.execute("SET statement_timeout = '1s'")
                while not is_over.wait(0.02):
                    found.append(len(search(connection, collections=["pleiades"])["features"]))
        except psycopg.Error as error:
            failures.append(error)

    thread = Thread(target=read)
    thread.start()
    try:
        yield found
    finally:
        is_over.set()
        thread.join()
    assert failures == []


def _while_read(found: list[int], work: Callable[[], None]) -> int:
    """How many searches are answered from the beginning to the end of some work."""
    before = len(found)
    work()
    return len(found) - before


def test_first_load_and_wider_dates_stop_no_reader(catalogue_database: Database) -> None:
    """A reader with a timeout of 1 s searches all through open pages that make and widen a partition."""
    with (
        connections(catalogue_database) as (page, side),
        impatient_reader(catalogue_database) as found,
    ):
        for number, later in enumerate((timedelta(0), 400 * DAY, -400 * DAY)):
            with page.transaction():
                catalogue.put_items(page, side, [document(f"IMAGE_{number}", later=later)])
                assert _while_read(found, lambda: time.sleep(1.3)) > 1
            if number:
                catalogue.finish_writing(side)
    assert found[0] == 0
    assert found[-1] <= 3
    assert len(items(catalogue_database)) == 3


def test_one_id_twice_in_a_page_is_refused(catalogue_database: Database) -> None:
    """A page that holds one Item twice is refused by name, and nothing of it is written."""
    twice = [document(), document("IMAGE_2"), document()]
    with (
        connections(catalogue_database) as (page, side),
        pytest.raises(CatalogueError, match="IMAGE_1 of pleiades stands twice"),
        page.transaction(),
    ):
        catalogue.put_items(page, side, twice)
    assert items(catalogue_database) == {}


@pytest.mark.parametrize("partitions", [None, "month"])
def test_item_with_a_corrected_date_leaves_one_row(catalogue_database: Database, partitions: str | None) -> None:
    """An Item whose date moves replaces itself, also from one partition to another."""
    with catalogue_database.connect("owner") as connection:
        connection.execute("UPDATE pgstac.collections SET partition_trunc = %s WHERE id = 'pleiades'", (partitions,))
    put(catalogue_database, document(), document("IMAGE_2", later=40 * DAY))

    put(catalogue_database, document(later=80 * DAY))

    assert items(catalogue_database)["IMAGE_1"]["properties"]["datetime"].startswith("2021-11-03")
    assert rows(catalogue_database, "SELECT id FROM pgstac.items ORDER BY id") == [("IMAGE_1",), ("IMAGE_2",)]


def test_statistics_and_constraints_wait_for_the_end_and_are_right_then(catalogue_database: Database) -> None:
    """Pages only queue what concerns their partition; at the end it fits the Items of all pages, and nothing failed."""
    with connections(catalogue_database) as (page, side):
        for number in range(3):
            with page.transaction():
                catalogue.put_items(page, side, [document(f"IMAGE_{number}", later=number * DAY)])
        assert rows(catalogue_database, "SELECT count(*) > 0 FROM pgstac.query_queue") == [(True,)]
        assert catalogue.finish_writing(side)
        assert not catalogue.finish_writing(side)

    assert rows(catalogue_database, "SELECT query FROM pgstac.query_queue") == []
    assert rows(catalogue_database, "SELECT query, error FROM pgstac.query_queue_history WHERE error IS NOT NULL") == []
    ((dates, constraint),) = rows(
        catalogue_database,
        "SELECT stats.dtrange = (SELECT tstzrange(min(datetime), max(datetime), '[]') FROM pgstac.items),"
        " meta.constraint_dtrange = stats.dtrange"
        " FROM pgstac.partition_stats AS stats, pgstac.partition_catalog_meta(stats.partition) AS meta",
    )
    assert (dates, constraint) == (True, True)


def test_counts_are_fresh_after_writing(catalogue_database: Database) -> None:
    """A search that was counted before the page counts anew after it."""

    def matched() -> int:
        with catalogue_database.connect("api", autocommit=True) as connection:
            return int(search(connection, collections=["pleiades"], conf={"context": "on"})["numberMatched"])

    put(catalogue_database, document("IMAGE_0"))
    assert matched() == 1
    put(catalogue_database, document("IMAGE_1"), document("IMAGE_2"))
    assert matched() == 3


def test_searches_do_not_pile_up(catalogue_database: Database) -> None:
    """What pgSTAC keeps of each search is gone after writing, but for registered searches and those under way."""
    with (
        catalogue_database.connect("api") as under_way,
        catalogue_database.connect("api", autocommit=True) as connection,
    ):
        for name in ("under-way", "over"):
            search(connection, ids=[name])
        connection.execute("""SELECT search_query('{"ids": ["registered"]}', false, '{"type": "mosaic"}')""")
        under_way.execute("""UPDATE searches SET usecount = 2 WHERE search->'ids' = '["under-way"]'""")
        put(catalogue_database, document())
        left = rows(catalogue_database, "SELECT search->'ids'->>0 FROM pgstac.searches ORDER BY 1")
        counted = rows(catalogue_database, "SELECT _where FROM pgstac.search_wheres")
    assert (left, counted) == ([("registered",), ("under-way",)], [])


@pytest.mark.parametrize("months", [1, 2])
def test_page_on_a_lost_connection_is_not_written_elsewhere(
    catalogue_database: Database, monkeypatch: pytest.MonkeyPatch, months: int
) -> None:
    """When its backend is gone a page fails, also where the Loader could open a connection of its own."""
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD", "dbname": "PGDATABASE"}
    for name, value in conninfo_to_dict(catalogue_database.conninfo("harvest")).items():
        if name in names:
            monkeypatch.setenv(names[name], str(value))
    page_items = [document(f"IMAGE_{month}", later=month * 31 * DAY) for month in range(months)]
    with catalogue_database.connect("owner") as connection:
        connection.execute("UPDATE pgstac.collections SET partition_trunc = 'month' WHERE id = 'pleiades'")

    with connections(catalogue_database) as (page, side), page.transaction():
        _kill_when_statistics_are_queued(catalogue_database, page)
        with pytest.raises(psycopg.OperationalError, match=r"connection of this page was lost|terminating connection"):
            catalogue.put_items(page, side, page_items)

    assert items(catalogue_database) == {}


def _kill_when_statistics_are_queued(database: Database, page: Connection) -> None:
    """End the backend of a page after its first partition is loaded: pypgstac passes over that error and goes on."""
    with database.connect("owner") as connection:
        connection.execute(
            "CREATE FUNCTION public.kill_page() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            f" 'BEGIN IF pg_backend_pid() = {page.info.backend_pid} THEN"
            " PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END'"
        )
        connection.execute(
            "CREATE TRIGGER kill_page BEFORE INSERT ON pgstac.query_queue"
            " FOR EACH ROW EXECUTE FUNCTION public.kill_page()"
        )


def test_item_that_pgstac_does_not_take_is_reported(catalogue_database: Database) -> None:
    """What pgSTAC's loader refuses is an error of ours that says so."""
    with (
        connections(catalogue_database) as (page, side),
        pytest.raises(CatalogueError, match="did not take a page of 1 Items"),
        page.transaction(),
    ):
        catalogue.put_items(page, side, [document(geometry={"type": "Polygon"})])
    assert items(catalogue_database) == {}


def test_removed_item_is_gone_with_its_page_only(catalogue_database: Database) -> None:
    """An Item that is removed stays until the page is committed, and others stay for good."""
    put(catalogue_database, document("IMAGE_1"), document("IMAGE_2"))
    with connections(catalogue_database) as (page, _):
        with page.transaction(force_rollback=True):
            catalogue.remove_items(page, [("pleiades", "IMAGE_1")])
        assert items(catalogue_database).keys() == {"IMAGE_1", "IMAGE_2"}
        with page.transaction():
            catalogue.remove_items(page, [("pleiades", "IMAGE_1")])
    assert items(catalogue_database).keys() == {"IMAGE_2"}


def test_api_role_writes_no_item(catalogue_database: Database) -> None:
    """The role that serves may not write: not an Item, not the ledger."""
    with (
        psycopg.connect(catalogue_database.conninfo("api")) as page,
        psycopg.connect(catalogue_database.conninfo("api"), autocommit=True) as side,
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), page.transaction():
            catalogue.put_items(page, side, [document()])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            side.execute("SELECT * FROM dinamis.source_record")
    assert items(catalogue_database) == {}
