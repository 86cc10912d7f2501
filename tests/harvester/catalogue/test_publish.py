"""Collections published in a real pgSTAC: idempotent, harmless to Items, and told by them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from click.testing import CliRunner
from psycopg import Connection
from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from cli import main
from database import Database
from harvester.catalogue.publish import load_queryables, publish_collections
from harvester.collection_documents import (
    CollectionDocuments,
    default_collections_directory,
    load_collection_documents,
    queryables_of,
)
from tests.harvests import delivery, documents, harvest_context, items, rows, run, search

STORED = "SELECT id, content FROM pgstac.collections"
VERSIONS = (
    "SELECT tableoid::text, ctid::text, xmin::text FROM pgstac.collections"
    " UNION ALL SELECT tableoid::text, ctid::text, xmin::text FROM pgstac.queryables"
    " UNION ALL SELECT tableoid::text, ctid::text, xmin::text FROM dinamis.collection_translation ORDER BY 1, 2"
)


@pytest.fixture(scope="module")
def harvested(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A catalogue with all Collections of the project and Items of three satellites."""
    archive = tmp_path_factory.mktemp("archive")
    delivery(archive, modes=("P", "MS"), cloud_cover_percent=30.0)
    delivery(archive, seconds=30, mission="PHR1B", level="SENSOR", job="6000000201", snow_cover_percent=2.0)
    delivery(archive, mission="PNEO3", modes=("PAN", "MS-FS"), job="6000000301", roi=None)
    delivery(archive, mission="SPOT7", modes=("MS",), level="PROJECTED", job="6000000401", radiometry="REFLECTANCE")
    report = run(harvest_context(module_database, *documents()), archive)
    assert report.refusals == []
    return module_database


def publish(database: Database, published: CollectionDocuments, language: str = "fr") -> set[str]:
    """Publish and tell which Collections changed."""
    changed = publish_collections(database.conninfo("harvest"), published, language)
    return {collection for collection, has_changed in changed.items() if has_changed}


def with_changed_texts(tmp_path: Path, collection: str) -> CollectionDocuments:
    """The documents of the project, with other texts for one Collection and the assets of its Items."""
    folder = tmp_path / "collections"
    shutil.copytree(default_collections_directory(), folder)
    path = folder / f"{collection}.yaml"
    content = yaml.safe_load(path.read_text("utf-8"))
    content["stac"]["title"] = "Autre titre"
    for asset in content["stac"]["item_assets"].values():
        asset["description"] = "Autre description"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), "utf-8")
    return load_collection_documents(folder)


def test_collections_are_published_as_their_documents_say(database: Database) -> None:
    """Every document becomes a Collection, and one translation for each other language that it speaks."""
    published = documents()

    assert publish(database, published) == set(published)

    assert dict(rows(database, STORED)) == {each.id: each.published("fr") for each in published.values()}
    translations = rows(database, "SELECT collection, language, content FROM dinamis.collection_translation")
    assert {(collection, language): content for collection, language, content in translations} == {
        (each.id, language): each.words(language)
        for each in published.values()
        for language in each.languages
        if language != "fr"
    }


def test_titles_of_assets_are_translated(database: Database) -> None:
    """A reader of English gets the assets of the Items with English titles."""
    one = documents("pleiades")
    publish(database, one)
    ((content,),) = rows(database, "SELECT content FROM dinamis.collection_translation")
    assert content["item_assets"] == one["pleiades"].published("en")["item_assets"]
    assert content["item_assets"] != one["pleiades"].published("fr")["item_assets"]


def test_queryables_are_translated(database: Database) -> None:
    """What a reader searches by is named in each other language that the document speaks, with the same properties."""
    one = documents("pleiades")
    publish(database, one)
    ((words,),) = rows(database, "SELECT queryables FROM dinamis.collection_translation")
    english = queryables_of(one["pleiades"], "en")
    assert {name: english[name] | words[name] for name in words} == english
    assert (
        words["eo:cloud_cover"]["title"] == "Cloud cover" != queryables_of(one["pleiades"])["eo:cloud_cover"]["title"]
    )


def test_publishing_again_writes_nothing(harvested: Database) -> None:
    """A second load reports every Collection as unchanged and writes no row, also where there are Items."""
    before = rows(harvested, VERSIONS)
    assert publish(harvested, documents()) == set()
    assert rows(harvested, VERSIONS) == before


def test_other_language_is_published_and_translated_back(database: Database) -> None:
    """Published in English, the Collection is English, and its French words are the translation."""
    one = documents("pleiades")
    publish(database, one, "en")
    ((content,),) = rows(database, "SELECT content FROM pgstac.collections")
    translations = rows(database, "SELECT language, content ->> 'title' FROM dinamis.collection_translation")
    assert content["title"] == one["pleiades"].title("en")
    assert translations == [("fr", one["pleiades"].title("fr"))]


def test_changed_document_changes_its_collection_and_no_item(harvested: Database, tmp_path: Path) -> None:
    """A changed document is published, its Collection keeps its Items as they were, extent and summaries included."""
    before, extent = items(harvested), dict(rows(harvested, STORED))["pleiades"]["extent"]
    changed = with_changed_texts(tmp_path, "pleiades")

    assert publish(harvested, changed) == {"pleiades"}

    after = dict(rows(harvested, STORED))["pleiades"]
    assert (after["title"], after["extent"]) == ("Autre titre", extent)
    assert items(harvested) == before
    assert publish(harvested, documents()) == {"pleiades"}
    assert items(harvested) == before


def test_collection_without_a_document_stays(harvested: Database) -> None:
    """Loading fewer documents takes no Collection and no Item away."""
    before = items(harvested)
    publish(harvested, documents("radar"))
    assert len(rows(harvested, STORED)) == len(documents())
    assert items(harvested) == before
    publish(harvested, documents())


def test_extents_and_summaries_are_those_of_the_items(harvested: Database) -> None:
    """After a harvest a Collection tells where, when and what its Items are; one without Items tells its document."""
    stored = dict(rows(harvested, STORED))
    held = [item for item in items(harvested).values() if item["collection"] == "pleiades"]
    pleiades = stored["pleiades"]

    boxes = [item["bbox"] for item in held]
    (box,) = pleiades["extent"]["spatial"]["bbox"]
    assert box == pytest.approx(
        [*(min(b[i] for b in boxes) for i in (0, 1)), *(max(b[i] for b in boxes) for i in (2, 3))]
    )
    ((first, last),) = pleiades["extent"]["temporal"]["interval"]
    assert first == min(item["properties"]["start_datetime"] for item in held).replace(".100000Z", ".100Z")
    assert first < last
    summaries = pleiades["summaries"]
    assert summaries["platform"] == ["pleiades-1a", "pleiades-1b"]
    assert summaries["eo:cloud_cover"] == {"minimum": 0, "maximum": 30}
    gsd = [item["properties"]["gsd"] for item in held]
    assert summaries["gsd"] == {"minimum": min(gsd), "maximum": max(gsd)}
    assert summaries["bands"] == documents()["pleiades"].published("fr")["summaries"]["bands"]
    assert stored["radar"] == documents()["radar"].published("fr")


def test_every_property_of_every_item_can_be_filtered(harvested: Database) -> None:
    """Each property that an Item has is declared as queryable of its collection, and its own value finds the Item."""
    with harvested.connect("api", autocommit=True) as connection:
        for item in items(harvested).values():
            declared = connection.execute("SELECT pgstac.get_queryables(%s)", (item["collection"],)).fetchone()
            assert declared is not None
            assert item["properties"].keys() <= declared[0]["properties"].keys()
            for name, value in item["properties"].items():
                operator = "a_equals" if isinstance(value, list) else "="
                terms = {"op": operator, "args": [{"property": name}, _comparable(name, value)]}
                found = search(connection, filter=terms, **{"filter-lang": "cql2-json"})["features"]
                assert item["id"] in [each["id"] for each in found], name


def _comparable(name: str, value: Any) -> Any:
    return {"timestamp": value} if name in ("datetime", "created", "updated") else value


def test_undeclared_property_is_refused(harvested: Database) -> None:
    """With additional properties off, a filter on a name that no document declares is refused."""
    terms = {"op": "=", "args": [{"property": "gaia:haze"}, 1]}
    with harvested.connect("api") as connection:
        connection.execute("SET LOCAL pgstac.additional_properties = 'false'")
        with pytest.raises(psycopg.errors.RaiseException, match="gaia:haze"):
            search(connection, filter=terms, **{"filter-lang": "cql2-json"})


def test_queryables_that_no_document_declares_any_more_go(database: Database) -> None:
    """The queryables are those of the documents, no more: what a collection stopped publishing is refused again."""
    publish(database, documents("pleiades", "radar"))
    names = "SELECT DISTINCT name FROM pgstac.queryables"
    both = {name for (name,) in rows(database, names)}
    assert {"eo:cloud_cover", "id", "datetime"} <= both
    with database.connect("owner") as connection:
        connection.execute("INSERT INTO pgstac.queryables (name, definition) VALUES ('old:name', '{}')")

    publish(database, documents("pleiades", "radar"))

    assert {name for (name,) in rows(database, names)} == both


def test_items_are_sorted_by_cloud_cover_with_an_index(harvested: Database) -> None:
    """Sorting by cloud cover reads an index, also in a catalogue that was published before there was one."""
    assert _reads_an_index(harvested)
    with harvested.connect("owner") as connection:
        connection.execute("UPDATE pgstac.queryables SET property_index_type = NULL")
        connection.execute("SET search_path = pgstac, public")
        connection.execute("SELECT maintain_partitions(dropindexes => true)")
    assert not _reads_an_index(harvested)

    publish(harvested, documents())

    assert _reads_an_index(harvested)


def _reads_an_index(database: Database) -> bool:
    """Whether PostgreSQL gives the Items in the order in which pgSTAC asks for them without comparing them all."""
    sorting = {"sortby": [{"field": "eo:cloud_cover", "direction": "asc"}]}
    with database.connect("api") as connection:
        connection.execute("SET LOCAL search_path = pgstac, public")
        connection.execute("SET LOCAL enable_sort = off")
        row = connection.execute("SELECT sort_sqlorderby(%s)", (Jsonb(sorting),)).fetchone()
        assert row is not None
        query = SQL("EXPLAIN SELECT * FROM items WHERE collection = 'pleiades' ORDER BY {}").format(SQL(row[0]))
        plan = " ".join(line for (line,) in connection.execute(query))
    # By the index come those with equal clouds together, to be sorted by their id.
    return "Incremental Sort" in plan


def test_new_collection_among_published_ones_is_published_by_a_harvest(database: Database, tmp_path: Path) -> None:
    """A harvest publishes the Collections that are not in the catalogue yet, with their queryables."""
    publish(database, documents("radar"))
    folder = delivery(tmp_path)
    run(harvest_context(database, "pleiades", "radar"), folder)
    assert [collection for collection, _ in sorted(rows(database, STORED))] == ["pleiades", "radar"]
    assert len(items(database)) == 1


def test_api_role_cannot_publish(database: Database) -> None:
    """The role that serves may not change a Collection."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        publish_collections(database.conninfo("api"), documents("radar"), "fr")
    assert rows(database, STORED) == []


def test_load_that_loses_its_connection_is_tried_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command publishes as a harvest does: it does not end with a traceback because the server was restarted."""
    lost: list[bool] = []

    def lose_once(connection: Connection, *arguments: Any) -> bool:
        if not lost:
            lost.append(True)
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return load_queryables(connection, *arguments)

    monkeypatch.setattr("harvester.catalogue.publish.load_queryables", lose_once)
    monkeypatch.setenv("DINAMIS_DATABASE_URL", database.conninfo("owner"))
    monkeypatch.setenv("DINAMIS_HARVEST_DATABASE_URL", database.conninfo("harvest"))

    loaded = CliRunner().invoke(main, ["collections", "load"])

    assert (loaded.exit_code, lost) == (0, [True]), loaded.output
    assert "pleiades: published" in loaded.stdout
