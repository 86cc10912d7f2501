"""What the roles of the programs may and may not do."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.types.json import Jsonb
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

from database import Database

COLLECTION = {
    "id": "invented",
    "type": "Collection",
    "stac_version": "1.1.0",
    "description": "Invented",
    "license": "other",
    "links": [],
    "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}},
}
ITEM = {
    "id": "SCENE_1",
    "type": "Feature",
    "collection": "invented",
    "stac_version": "1.1.0",
    "geometry": {"type": "Point", "coordinates": [3.87, 43.61]},
    "bbox": [3.87, 43.61, 3.87, 43.61],
    "properties": {"datetime": "2021-08-15T15:41:30Z"},
    "links": [],
    "assets": {},
}


def _load(database: Database) -> None:
    with database.connect("harvest", autocommit=True) as connection:
        loader = Loader(PgstacDB(connection=connection))
        loader.load_collections(iter([COLLECTION]), Methods.upsert)
        loader.load_items(iter([ITEM]), Methods.delsert)


@pytest.fixture(scope="module")
def loaded_database(module_database: Database) -> Database:
    """The module's database with the Item in it, for the tests that are refused to change it."""
    _load(module_database)
    return module_database


def _search(connection: psycopg.Connection) -> list[str]:
    row = connection.execute("SELECT search(%s)", (Jsonb({"bbox": [3, 43, 4, 44]}),)).fetchone()
    assert row is not None
    return [feature["id"] for feature in row[0]["features"]]


def test_harvester_loads_an_item_and_the_api_finds_it(database: Database) -> None:
    """What the harvester's role loads, the API's role finds through pgSTAC's search."""
    _load(database)

    with database.connect("api") as connection:
        assert _search(connection) == ["SCENE_1"]


def test_search_writes_its_count_as_the_api(database: Database) -> None:
    """The API's role may write the caches of searches and counts, without which search fails."""
    _load(database)

    with database.connect("api") as connection:
        _search(connection)
    with database.connect("owner") as connection:
        counted = connection.execute("SELECT total_count FROM pgstac.search_wheres").fetchall()
    assert counted == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO pgstac.items_staging (content) VALUES ('{}')",
        "UPDATE pgstac.items SET content = '{}'",
        "DELETE FROM pgstac.items",
        "UPDATE pgstac.collections SET content = '{}'",
        "DELETE FROM pgstac.collections",
        'INSERT INTO pgstac.collections (content) VALUES (\'{"id": "mine"}\')',
        "SELECT pgstac.delete_item('SCENE_1', 'invented')",
        "SELECT pgstac.delete_collection('invented')",
        "TRUNCATE pgstac.items",
        "UPDATE pgstac.pgstac_settings SET value = 'true'",
        "DELETE FROM dinamis.migration",
        "CREATE TABLE public.mine ()",
        "CREATE TABLE pgstac.mine ()",
        "SET ROLE dinamis_harvest",
    ],
)
def test_api_cannot_write(statement: str, loaded_database: Database) -> None:
    """The API's role is refused whatever changes Items, collections, settings or the schema."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege), loaded_database.connect("api") as connection:
        connection.execute(statement)


def test_api_writes_nothing_but_the_search_caches(module_database: Database) -> None:
    """Over all tables of pgSTAC the API's role may write exactly pgSTAC's three caches."""
    with module_database.connect("api") as connection:
        writable = connection.execute(
            """
            SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname IN ('pgstac', 'public') AND c.relkind IN ('r', 'p', 'v', 'm')
              AND (has_table_privilege(c.oid, 'INSERT') OR has_table_privilege(c.oid, 'UPDATE')
                   OR has_table_privilege(c.oid, 'DELETE') OR has_table_privilege(c.oid, 'TRUNCATE'))
            ORDER BY 1
            """
        ).fetchall()
    assert [name for (name,) in writable] == ["format_item_cache", "search_wheres", "searches"]


def test_api_borrows_no_rights(module_database: Database) -> None:
    """No function of the catalogue that runs with its owner's rights may be called by the API's role."""
    with module_database.connect("api") as connection:
        borrowed = connection.execute(
            """
            SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
            WHERE n.nspname IN ('pgstac', 'dinamis') AND p.prosecdef AND has_function_privilege(p.oid, 'EXECUTE')
            """
        ).fetchall()
    assert borrowed == []


def test_harvester_drains_the_queue(module_database: Database) -> None:
    """The harvester's role may run what its pages queued, once the run is over."""
    with module_database.connect("harvest", autocommit=True) as connection:
        connection.execute("INSERT INTO pgstac.query_queue (query) VALUES ('SELECT 1')")
        connection.execute("CALL pgstac.run_queued_queries()")
        left = connection.execute("SELECT count(*) FROM pgstac.query_queue").fetchone()
    assert left == (0,)


def test_harvester_cannot_change_the_schema(module_database: Database) -> None:
    """The harvester's role loads data and makes no tables of its own beside ours."""
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        module_database.connect("harvest") as connection,
    ):
        connection.execute("CREATE TABLE dinamis.mine ()")
