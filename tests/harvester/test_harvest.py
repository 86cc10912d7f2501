"""Whole harvests of deliveries into a real catalogue: what is written, what is not, and what the account says."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from database import Database
from harvester import harvest as harvesting
from harvester.catalogue.publish import publish_missing_collections
from harvester.credentials import Credentials
from harvester.errors import CatalogueError, CollectionDocumentError, HarvestError, SourceUnavailable
from harvester.feeds import deliveries_at
from harvester.harvest import Request, harvest
from harvester.ledger import content_from_bytes
from harvester.runs import RunBusy
from harvester.runs.report import HarvestReport, Outcome, PageReport, Refusal
from harvester.sources.source import Progress
from tests.harvests import counts, delivery, harvest_context, items, rows, run, search, timeless
from tests.postgres import PostgresServer

FIRST, SECOND, THIRD = "PHR1A_202108151041301", "PHR1A_202108151041351", "PHR1A_202108151041401"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Three acquisitions: panchromatic and multispectral components of one, and two pansharpened ones."""
    folder = tmp_path / "archive"
    folder.mkdir()
    delivery(folder, modes=("P", "MS"), cloud_cover_percent=4.0)
    delivery(folder, seconds=5, job="6000000201")
    delivery(folder, seconds=10, job="6000000301")
    return folder


def metadata_of(folder: Path, part: str = "") -> Path:
    """The metadata file of the one product below a folder whose path has this part."""
    (found,) = [path for path in sorted(folder.rglob("DIM_*.XML")) if part in str(path)]
    return found


def rewrite(path: Path, before: str, after: str) -> None:
    """Replace a text everywhere in a metadata file."""
    text = path.read_text("utf-8")
    assert before in text
    path.write_text(text.replace(before, after), "utf-8")


def versions_of_rows(database: Database, table: str) -> list[tuple[Any, ...]]:
    """Which version of each row of a table there is: it changes with every write, even of the same content."""
    return rows(database, f"SELECT tableoid, ctid::text, xmin::text FROM {table} ORDER BY 1, 2")


# What a first and a second harvest do


def test_first_harvest_makes_one_item_of_each_acquisition(database: Database, archive: Path) -> None:
    """Four products of three acquisitions become three Items, searchable at once, with where their files lie."""
    report = run(database, archive)

    assert counts(report) == {"new": 4}
    assert (report.read, report.items_written, report.items_removed, report.exit_code) == (4, 3, 0, 0)
    assert items(database).keys() == {FIRST, SECOND, THIRD}
    images = [key for key, asset in items(database)[FIRST]["assets"].items() if "data" in asset["roles"]]
    assert sorted(key.split("-")[0] for key in images) == ["ms", "p"]
    assert items(database)[FIRST]["properties"]["dinamis:source"] == ["deliveries"]
    ((places,),) = rows(database, "SELECT private -> 'assets' FROM pgstac.items WHERE id = %s", FIRST)
    assert places.keys() == items(database)[FIRST]["assets"].keys()
    assert all(str(place).count(archive.name) for place in places.values())


def test_second_harvest_changes_nothing_and_says_so(database: Database, archive: Path) -> None:
    """Harvesting the same again writes no row of an Item, a Collection or a scene, and counts all as unchanged."""
    run(database, archive)
    tables = ("pgstac.items", "pgstac.collections", "dinamis.scene", "dinamis.scene_alias", "pgstac.queryables")
    before = {table: versions_of_rows(database, table) for table in tables}

    report = run(database, archive, page_size=2)

    assert counts(report) == {"unchanged": 4}
    assert (report.items_written, report.items_removed) == (0, 0)
    assert {table: versions_of_rows(database, table) for table in tables} == before


def test_folder_of_a_harvested_archive_is_unchanged(database: Database, archive: Path) -> None:
    """Harvesting a folder inside an archive that was harvested whole finds the same records, unchanged."""
    run(database, archive)
    folder = next(path for path in sorted(archive.iterdir()) if path.is_dir())

    report = run(database, folder)

    assert report.read > 0
    assert counts(report) == {"unchanged": report.read}


def test_changed_product_updates_its_item_only(database: Database, archive: Path) -> None:
    """New metadata change the Item of their acquisition, whose `created` stays and whose `updated` moves."""
    run(database, archive)
    before = items(database)
    rewrite(metadata_of(archive, "6000000201"), 'percent">0.0</CLOUD', 'percent">7.0</CLOUD')

    report = run(database, archive)

    after = items(database)
    assert counts(report) == {"changed": 1, "unchanged": 3}
    assert {item_id for item_id in after if after[item_id] != before[item_id]} == {SECOND}
    was, now = before[SECOND]["properties"], after[SECOND]["properties"]
    assert (was["eo:cloud_cover"], now["eo:cloud_cover"]) == (0.0, 7.0)
    assert now["created"] == was["created"]
    assert now["updated"] > was["updated"]


def test_items_do_not_depend_on_the_order_of_arrival(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """Components, a later level and a later job of one acquisition give the same Item at once and in any order."""
    folders = [
        delivery(tmp_path, modes=("P",), cloud_cover_percent=3.0),
        delivery(tmp_path, modes=("MS",), job="6000000201", cloud_cover_percent=20.0),
        delivery(tmp_path, modes=("PMS",), level="SENSOR", job="6000000301", lon=2.351, cloud_cover_percent=5.0),
    ]
    with postgres_server.clone() as database:
        assert counts(run(database, tmp_path)) == {"new": 3}
        at_once = {item_id: timeless(item) for item_id, item in items(database).items()}
    assert at_once.keys() == {FIRST}

    for order in itertools.permutations(folders):
        with postgres_server.clone() as database:
            for folder in order:
                assert counts(run(harvest_context(database, "pleiades"), folder)) == {"new": 1}
            assert {item_id: timeless(item) for item_id, item in items(database).items()} == at_once


# Refusals


def test_broken_product_is_quarantined_and_mended_later(database: Database, archive: Path) -> None:
    """A product that cannot be read is refused with its reason on each run, until it is mended: then it is new."""
    broken = metadata_of(archive, "6000000201")
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])

    first, second = run(database, archive), run(database, archive)

    assert counts(first) == {"new": 3, "quarantined": 1}
    assert counts(second) == {"unchanged": 3, "quarantined": 1}
    assert first.exit_code == 1
    assert items(database).keys() == {FIRST, THIRD}
    ((state, reason, item),) = rows(
        database, "SELECT state, reason, item FROM dinamis.source_record WHERE record LIKE %s", f"%{broken.name}%"
    )
    assert (state, reason, item) == ("quarantined", second.refusals[0].reason, None)

    broken.write_bytes(whole)
    assert counts(run(database, archive)) == {"new": 1, "unchanged": 3}
    assert SECOND in items(database)
    assert rows(database, "SELECT count(*) FROM dinamis.source_record WHERE state = 'quarantined'") == [(0,)]


def test_product_that_breaks_keeps_its_item(database: Database, archive: Path) -> None:
    """A product that was readable and is not any more is refused; its Item and what the ledger holds stay in force."""
    run(database, archive)
    before = items(database)
    ledger = (
        "SELECT source_record.record, known.digest, content, source_record.state, item, last_changed"
        " FROM dinamis.source_record JOIN dinamis.record_version AS known"
        " ON known.record = source_record.id AND known.version = source_record.version ORDER BY 1"
    )
    kept = rows(database, ledger)
    rewrite(metadata_of(archive, "6000000201"), "<MISSION>PHR", "<MISSION>XYZ")

    report = run(database, archive)

    assert counts(report) == {"unchanged": 3, "quarantined": 1}
    assert "XYZ" in report.refusals[0].reason
    assert (items(database), rows(database, ledger)) == (before, kept)


def test_record_whose_item_would_be_invalid_is_refused(database: Database, archive: Path) -> None:
    """A readable product that says what no Item may say is refused with the invariant; the others go on."""
    centre = "<PROCESSING_CENTER>"
    rewrite(metadata_of(archive, "6000000201"), f"{centre}DINAMIS", f"{centre}ftp://somebody:password@example.org")

    report = run(database, archive)

    assert counts(report) == {"new": 3, "quarantined": 1}
    assert "holds a credential" in report.refusals[0].reason
    assert "password" not in str(report.as_json())
    assert items(database).keys() == {FIRST, THIRD}


def test_record_is_refused_when_its_acquisition_cannot_be_built(database: Database, archive: Path) -> None:
    """A component is refused while another one in the ledger makes their Item impossible, and taken in afterwards."""
    run(database, archive, limit=1)
    query = "UPDATE dinamis.record_version SET content = %s RETURNING record"
    ((content,),) = rows(database, "SELECT content FROM dinamis.record_version")
    damaged = {**content_from_bytes(content), "problem": "its disk is damaged"}
    rows(database, query, json.dumps(damaged).encode())

    report = run(database, archive)

    assert counts(report) == {"new": 2, "unchanged": 1, "quarantined": 1}
    assert "another record of its acquisition is not readable any more: its disk" in report.refusals[0].reason
    rows(database, query, content)
    assert counts(run(database, archive)) == {"new": 1, "unchanged": 3}
    assert len(items(database)) == 3


def test_names_that_are_not_text_are_refused_legibly(database: Database, archive: Path) -> None:
    """A broken product in a folder whose name is not UTF-8 is refused, with a reason that every catalogue can store."""
    folder = Path(f"{archive}/\udce9t\udce9")
    shutil.copytree(metadata_of(archive, "6000000201").parent, folder)
    metadata_of(folder).write_bytes(b"<Dimap_Document>\xe9")

    report = run(database, archive)

    assert counts(report) == {"new": 4, "quarantined": 1}
    str(report.as_json()).encode("utf-8")
    assert rows(database, "SELECT count(*) FROM dinamis.source_record WHERE state = 'quarantined'") == [(1,)]


def test_account_that_does_not_add_up_stops_the_run(
    database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that loses a record from its account is a fault of the program: nothing hides it, nothing is committed."""
    monkeypatch.setattr(PageReport, "refuse", lambda _, record, reason: Refusal(record, reason))
    rewrite(metadata_of(archive, "6000000301"), "<MISSION>PHR", "<MISSION>XYZ")

    with pytest.raises(AssertionError, match="4 records were read"):
        run(database, archive)

    assert rows(database, "SELECT record FROM dinamis.source_record") == []
    assert items(database) == {}


# Acquisitions that change


def test_record_that_moves_to_another_acquisition_leaves_the_first(database: Database, archive: Path) -> None:
    """When products turn out to be of other acquisitions, a shared Item shrinks and one that is left empty goes."""
    run(database, archive)
    rewrite(metadata_of(archive, "_MS_"), f"<SOURCE_ID>DS_{FIRST}", "<SOURCE_ID>DS_PHR1A_202108151041501")
    rewrite(metadata_of(archive, "6000000201"), f"<SOURCE_ID>DS_{SECOND}", "<SOURCE_ID>DS_PHR1A_202108151041551")
    rewrite(metadata_of(archive, "_MS_"), "<IMAGING_TIME>10:41:30.1Z", "<IMAGING_TIME>10:41:50.1Z")
    rewrite(metadata_of(archive, "6000000201"), "<IMAGING_TIME>10:41:35.1Z", "<IMAGING_TIME>10:41:55.1Z")

    report = run(database, archive)
    assert counts(report) == {"changed": 2, "unchanged": 2}
    assert (report.items_written, report.items_removed) == (3, 1)
    modes = {item_id: item["properties"]["title"].split()[-1] for item_id, item in items(database).items()}
    assert modes == {FIRST: "P", "PHR1A_202108151041501": "MS", "PHR1A_202108151041551": "PMS", THIRD: "PMS"}
    assert counts(run(database, archive)) == {"unchanged": 4}


@pytest.mark.parametrize("page_size", [1, 200])
def test_two_acquisitions_that_turn_out_to_be_one_become_one_item(
    database: Database, tmp_path: Path, page_size: int
) -> None:
    """A product that has the name of one known acquisition and the key of another one joins both into the older."""
    for job in ("6000000101", "6000000102", "6000000103"):
        delivery(tmp_path, mission="PNEO3", modes=("PAN",), job=job)
    key, name = "<SOURCE_ID>ACQ_PNEO3_0000019564890", "PNEO3_2021081510413"
    rewrite(metadata_of(tmp_path, "6000000102"), f"{key}1", f"{key}2")
    for job in ("6000000102", "6000000103"):
        rewrite(metadata_of(tmp_path, job), f"{name}10_PAN_ORT</", f"{name}20_PAN_ORT</")
    rewrite(metadata_of(tmp_path, "6000000102"), "<IMAGING_TIME>10:41:30.1", "<IMAGING_TIME>10:41:40.1")
    neo = harvest_context(database, "pleiades-neo")
    assert counts(run(neo, tmp_path, page_size, limit=2)) == {"new": 2}
    assert items(database).keys() == {f"{name}10", f"{name}20"}

    report = run(neo, tmp_path, page_size)

    assert counts(report) == {"new": 1, "unchanged": 2}
    assert (report.items_written, report.items_removed) == (1, 1)
    images = [each for each in items(database)[f"{name}10"]["assets"].values() if "data" in each["roles"]]
    assert items(database).keys() == {f"{name}10"}
    assert len(images) == 3
    assert counts(run(neo, tmp_path)) == {"unchanged": 3}


def test_collection_of_the_operator_is_remembered(database: Database, archive: Path) -> None:
    """Records put in a collection by name stay there without the name, and go to another one only with --move."""
    run(database, archive, collection="pleiades-littoral")
    assert {item["collection"] for item in items(database).values()} == {"pleiades-littoral"}
    assert counts(run(database, archive)) == {"unchanged": 4}

    refused = run(database, archive, collection="pleiades")
    assert counts(refused) == {"quarantined": 4}
    assert "--move" in refused.refusals[0].reason
    assert {item["collection"] for item in items(database).values()} == {"pleiades-littoral"}

    moved = run(database, archive, collection="pleiades", move=True)
    assert counts(moved) == {"changed": 4}
    assert (moved.items_written, moved.items_removed) == (3, 0)
    assert rows(database, "SELECT DISTINCT collection, count(*) OVER () FROM pgstac.items") == [("pleiades", 3)]
    assert {
        item["assets"][key]["href"].split("/")[1] for item in items(database).values() for key in item["assets"]
    } == {"pleiades"}
    assert counts(run(database, archive)) == {"unchanged": 4}


def test_items_are_moved_to_the_collections_that_accept_them(database: Database, archive: Path) -> None:
    """Where no collection is named, --move sends back what an operator had put elsewhere, and nothing else."""
    run(database, archive, collection="pleiades-littoral")
    there = run(database, archive, move=True)
    assert (counts(there), there.items_written) == ({"changed": 4}, 3)
    assert {item["collection"] for item in items(database).values()} == {"pleiades"}
    again = run(database, archive, move=True)
    assert (counts(again), again.items_written) == ({"unchanged": 4}, 0)


def test_unknown_collection_is_refused_before_anything_is_read(database: Database, tmp_path: Path) -> None:
    """A collection without a document is refused at once, and the message lists those that there are."""
    with pytest.raises(CollectionDocumentError, match="no collection pleyades; there are pleiades"):
        run(database, tmp_path / "nowhere", collection="pleyades")


def test_mission_without_a_collection_is_refused(database: Database, archive: Path) -> None:
    """Products that no collection takes are refused, with what to do about it."""
    report = run(harvest_context(database, "spot-6-7"), archive)
    assert counts(report) == {"quarantined": 4}
    assert "--collection" in report.refusals[0].reason


# Dry runs and limits


def test_dry_run_writes_nothing_and_counts_the_same(database: Database, archive: Path) -> None:
    """A dry run gives the account of the real one, and leaves every table as it was."""
    rewrite(metadata_of(archive, "6000000301"), "<MISSION>PHR", "<MISSION>XYZ")

    def contents() -> list[tuple[Any, ...]]:
        tables = rows(
            database,
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ('pgstac', 'dinamis')",
        )
        return [(table, *versions_of_rows(database, table)) for (table,) in sorted(tables)]

    def account(report: HarvestReport) -> dict[str, Any]:
        volatile = ("run", "started_at", "finished_at", "dry_run", "changes")
        return {name: value for name, value in report.as_json().items() if name not in volatile}

    before = contents()
    dry = run(database, archive, dry_run=True, page_size=1)
    assert contents() == before
    real = run(database, archive, page_size=1)
    assert account(dry) == account(real)

    before = contents()
    assert counts(run(database, archive, dry_run=True)) == {"unchanged": 3, "quarantined": 1}
    assert contents() == before


@pytest.mark.parametrize("page_size", [1, 200])
def test_limit_stops_after_so_many_records(database: Database, archive: Path, page_size: int) -> None:
    """A limit holds within a page and over pages."""
    report = run(database, archive, limit=2, page_size=page_size)
    assert report.read == 2
    assert rows(database, "SELECT count(*) FROM dinamis.source_record") == [(2,)]


# When something fails


@contextmanager
def page_killed_once(database: Database, table: str, insert: int) -> Iterator[None]:
    """The server ends the backend that makes the so many-th insert into a table; later inserts are let be."""
    with database.connect("owner", autocommit=True) as connection:
        # A sequence counts also what is rolled back.
        connection.execute("CREATE SEQUENCE public.inserts")
        connection.execute(
            "CREATE FUNCTION public.kill_page() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS"
            f" 'BEGIN IF nextval(''public.inserts'') = {insert} THEN"
            " PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NEW; END'"
        )
        connection.execute(
            f"CREATE TRIGGER kill_page BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION public.kill_page()"
        )
    yield
    ((inserts,),) = rows(database, "SELECT last_value FROM public.inserts")
    assert inserts > insert, "no page was killed"


@pytest.mark.parametrize(
    ("table", "insert"),
    [("dinamis.source_record", 3), ("pgstac.items", 2), ("pgstac.query_queue", 3)],
    ids=["in-the-ledger", "in-the-items", "in-the-statistics"],
)
def test_page_whose_backend_is_killed_is_written_once(
    database: Database, archive: Path, table: str, insert: int
) -> None:
    """A page that loses its connection is written again from its start: nothing twice, nothing lost."""
    with page_killed_once(database, table, insert):
        report = run(database, archive, page_size=2)

    assert counts(report) == {"new": 4}
    assert items(database).keys() == {FIRST, SECOND, THIRD}
    assert rows(database, "SELECT count(*), count(item) FROM dinamis.source_record") == [(4, 4)]
    assert counts(run(database, archive)) == {"unchanged": 4}


def test_database_that_stays_away_ends_the_run_clearly(database: Database, archive: Path) -> None:
    """When the database does not come back the run fails with what to do, and the pages before are kept."""
    name = psycopg.conninfo.conninfo_to_dict(database.conninfo("owner"))["dbname"]
    elsewhere = psycopg.conninfo.make_conninfo(database.conninfo("owner"), dbname="postgres")

    def allow_connections(allowed: bool) -> None:
        with psycopg.connect(elsewhere, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {allowed}")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND NOT %s", (name, allowed)
            )

    feed = deliveries_at(str(archive), Credentials(), page_size=2)
    try:
        with pytest.raises(CatalogueError, match=r"failed 2 times .* kept.*dinamis db status"):
            harvest(
                feed,
                harvest_context(database, attempts=2),
                Request(),
                lambda report, _: allow_connections(report.read == 0),
            )
    finally:
        allow_connections(True)

    assert rows(database, "SELECT count(*) FROM dinamis.source_record") == [(2,)]
    resumed = run(database, archive)
    assert (counts(resumed), resumed.is_resumed) == ({"new": 4}, True)
    assert len(items(database)) == 3
    assert rows(database, "SELECT query FROM pgstac.query_queue") == []


def test_run_that_fails_leaves_searchable_pages(database: Database, archive: Path) -> None:
    """After an error in the middle the pages before can be searched and counted, and nothing is left deferred."""

    def fail(report: HarvestReport, _: Progress) -> None:
        if report.read and report.state == "running":
            raise SourceUnavailable("the archive went away")

    with pytest.raises(HarvestError, match="went away"):
        harvest(deliveries_at(str(archive), Credentials(), page_size=2), harvest_context(database), Request(), fail)

    with database.connect("api", autocommit=True) as connection:
        assert search(connection, conf={"context": "on"})["numberMatched"] == len(items(database)) > 0
    assert rows(database, "SELECT query FROM pgstac.query_queue") == []


def test_deferred_work_of_a_killed_run_is_done_by_the_next(database: Database, archive: Path) -> None:
    """A run that finds nothing new still finishes what one before it had no time for, extents included."""
    run(database, archive)
    declared = "UPDATE pgstac.collections SET content = jsonb_set(content, '{summaries,platform}', '[\"unknown\"]')"
    with database.connect("owner") as connection:
        connection.execute(f"{declared} WHERE id = 'pleiades'")
        connection.execute(
            "INSERT INTO pgstac.query_queue (query)"
            " SELECT format('SELECT update_partition_stats(%L, true);', partition)"
            " FROM pgstac.partitions_view WHERE collection = 'pleiades'"
        )

    assert counts(run(database, archive)) == {"unchanged": 4}

    assert rows(database, "SELECT query FROM pgstac.query_queue") == []
    platforms = rows(
        database, "SELECT content -> 'summaries' -> 'platform' FROM pgstac.collections WHERE id = 'pleiades'"
    )
    assert platforms == [(["pleiades-1a"],)]


def test_second_harvest_of_a_feed_at_work_is_refused(database: Database, archive: Path) -> None:
    """While a feed is harvested a second harvest of it says so and touches nothing; the first does its work."""
    refusals: list[pytest.ExceptionInfo[RunBusy]] = []

    def harvest_too(report: HarvestReport, _: Progress) -> None:
        if not refusals and report.read:
            with pytest.raises(RunBusy, match=r"being done by .*dinamis harvest cancel 1") as refused:
                run(database, archive, page_size=1)
            refusals.append(refused)

    feed = deliveries_at(str(archive), Credentials(), page_size=1)
    report = harvest(feed, harvest_context(database), Request(), harvest_too)

    assert len(refusals) == 1
    assert counts(report) == {"new": 4}
    assert counts(run(database, archive)) == {"unchanged": 4}


def test_harvest_that_has_only_begun_is_at_work(
    database: Database, archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is asked for something else before the first has taken up a part is refused; the first does its work."""

    def publish_while_another_begins(*arguments: Any) -> None:
        monkeypatch.setattr(harvesting, "publish_missing_collections", publish_missing_collections)
        with pytest.raises(RunBusy):
            run(database, archive, reread=True)
        publish_missing_collections(*arguments)

    monkeypatch.setattr(harvesting, "publish_missing_collections", publish_while_another_begins)

    assert counts(run(database, archive)) == {"new": 4}
    assert rows(database, "SELECT id, state FROM dinamis.run") == [(1, "succeeded")]


def test_harvests_of_two_feeds_at_once_do_the_work_of_one(database: Database, archive: Path) -> None:
    """An archive and its folders harvested at the same time into an empty catalogue: every record is new once."""
    places = [archive, *(path for path in sorted(archive.iterdir()) if path.is_dir())]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda place: run(database, place, page_size=1), places))

    assert sum(report.outcomes[Outcome.NEW] for report in reports) == 4
    assert sum(report.outcomes[Outcome.UNCHANGED] for report in reports) == 4
    assert items(database).keys() == {FIRST, SECOND, THIRD}
    assert rows(database, "SELECT count(*) FROM dinamis.source_record WHERE state = 'active'") == [(4,)]
    assert rows(database, "SELECT name FROM pgstac.queryables GROUP BY name, collection_ids HAVING count(*) > 1") == []
    assert rows(database, "SELECT error FROM pgstac.query_queue_history WHERE error IS NOT NULL") == []
