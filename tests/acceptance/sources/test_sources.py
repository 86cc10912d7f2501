"""Each of the ten sources, from a service on the loopback interface to Items that the API gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import httpx
import pytest

from database import Database
from harvester.collection_documents import queryables_of
from harvester.collection_model import SourceName
from harvester.credentials import Credentials
from harvester.feeds import deliveries_at
from harvester.harvest import HarvestContext, Request, harvest
from harvester.runs.report import HarvestReport, Outcome
from stac_api import ApiSettings, create_app
from tests.acceptance.sources.stand_ins import COUNT, STAND_INS, StandIn, feed_of, led_to
from tests.emulators import geonetwork, oneatlas, resto, stac
from tests.emulators.csw import iso_metadata
from tests.emulators.pycsw_server import pycsw_serving
from tests.emulators.quirks import Plan, Quirks, answers
from tests.emulators.serving import serving
from tests.emulators.stac import synthetic_items
from tests.harvester.sources.file_servers import PASSWORD, USER, ftp_server
from tests.harvester.sources.test_stac import fill
from tests.harvests import Items, counts, delivery, documents, harvest_context, images, items, rows
from tests.postgres import PostgresServer
from tests.stac_schemas import validator

#: Of the extensions that Items name, the only one whose schema is not among those at hand.
SAR = "https://stac-extensions.github.io/sar/v1.3.2/schema.json"

#: How to log in is no property of an image that anybody searches by.
ADDED_BY_THE_SERVER = {"auth:schemes"}

each_source = pytest.mark.parametrize("name", STAND_INS)


@dataclass(frozen=True)
class Site:
    """A stand-in and the catalogue into which it is harvested."""

    stand_in: StandIn
    database: Database
    context: HarvestContext

    def harvest(self, **request: Any) -> HarvestReport:
        """One run, held to its account."""
        report = harvest(self.stand_in.feed, self.context, Request(**request))
        assert report.state == "succeeded", report.breaches
        assert sum(report.outcomes.values()) == report.read
        return report


@contextmanager
def site(name: str, database: Database, folder: Path) -> Iterator[Site]:
    """One of the stand-ins with an empty catalogue of all shipped collections."""
    with STAND_INS[name](folder) as stand_in:
        yield Site(stand_in, database, harvest_context(database, *documents()))


def served_items(database: Database, *collections: str) -> Items:
    """The Items of some collections by id, as `GET /search` gives them to everybody."""
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as url:
        answer = httpx.get(f"{url}/search", params={"collections": ",".join(collections), "limit": 1000}, timeout=30)
    assert answer.status_code == 200, answer.text
    return {item["id"]: item for item in answer.json()["features"]}


def test_each_kind_of_source_has_a_stand_in(tmp_path: Path) -> None:
    """None of the ten is left out."""
    with ExitStack() as stack:
        kinds = {stack.enter_context(standing(tmp_path)).feed.kind for standing in STAND_INS.values()}
    assert kinds == set(get_args(SourceName))


@each_source
def test_a_source_becomes_items_of_its_collection(name: str, database: Database, tmp_path: Path, schemas: Path) -> None:
    """Each record is an Item of the right collection, valid as the API serves it, with properties to filter by."""
    with site(name, database, tmp_path) as place:
        report = place.harvest()
        found = served_items(database, *place.stand_in.collections)
        everything = items(database)
    assert counts(report) == {"new": report.read}
    assert report.read >= COUNT
    assert report.refusals == []
    assert report.warnings == {}
    assert 0 < len(found) <= report.read
    assert {item["collection"] for item in images(everything).values()} == set(place.stand_in.collections)
    for item in found.values():
        validator(schemas)(item | {"stac_extensions": [each for each in item["stac_extensions"] if each != SAR]})
        declared = set(queryables_of(documents()[item["collection"]])) | {"description", "datetime"}
        assert set(item["properties"]) - declared <= ADDED_BY_THE_SERVER, item["id"]
        assert item["properties"]["dinamis:source"] == [place.stand_in.feed.source]


@each_source
def test_a_source_is_followed(name: str, database: Database, tmp_path: Path) -> None:
    """Nothing changed is nothing written, after each step; one change, one addition and one removal are found alone."""
    with site(name, database, tmp_path) as place:
        first = place.harvest()
        before = items(database)
        assert set(counts(place.harvest())) <= {"unchanged"}
        whole = place.harvest(is_full=True)
        assert counts(whole) == {"unchanged": first.read}
        assert (whole.items_written, whole.items_removed, items(database)) == (0, 0, before)

        place.stand_in.change()
        place.stand_in.add()
        report = place.harvest()
        after = items(database)
        assert (report.outcomes[Outcome.CHANGED], report.outcomes[Outcome.NEW]) == (1, 1)
        written = {key: item for key, item in after.items() if before.get(key) != item}
        # The added record is a new Item, or a further one of an acquisition that is there.
        assert (report.items_written, len(images(written))) == (len(written), 2)
        assert written.keys() & before.keys()

        place.stand_in.remove()
        report = place.harvest(is_full=not place.stand_in.tells_removals)
        left = items(database)
        whole = place.harvest(is_full=True)
        assert (whole.items_written, whole.items_removed, whole.outcomes[Outcome.WITHDRAWN]) == (0, 0, 0)
    removed = {key: item for key, item in after.items() if key not in left}
    assert (report.outcomes[Outcome.WITHDRAWN], report.items_removed) == (1, len(removed))
    assert len(images(removed)) == 1
    assert {key for key in left if after[key] != left[key]} <= views_of_sets(removed)


def views_of_sets(removed: Items) -> set[str]:
    """The images that were views of these stereo sets."""
    return {view for item in removed.values() for view in item["properties"].get("stereo:views", ())}


def test_a_real_pycsw_is_asked_for_one_series(database: Database, tmp_path: Path) -> None:
    """Of a catalogue with several coverages only the series that the document names comes."""
    feed = feed_of("spot-1-5-france/geosud")
    series = {f"apiso:{name}": value for name, value in feed.options.where.items()}
    names = {"queryable_prefix": "apiso:", "sort_by": ["apiso:Identifier"], "where": series, "time_format": "%Y-%m-%d"}
    (series_name,) = series.values()
    records = [
        iso_metadata(
            f"{parent.partition('_')[0]}-{number}",
            root="gmi:MI_Metadata",
            platform="SPOT5",
            period=(f"2005-07-0{number}", f"2005-07-0{number}"),
            more=f"<gmd:parentIdentifier><gco:CharacterString>{parent}</gco:CharacterString></gmd:parentIdentifier>",
        )
        for parent in (series_name, "RapidEye_France")
        for number in range(1, 4)
    ]
    with pycsw_serving(records, tmp_path) as url:
        report = harvest(led_to(feed, url=url, **names), harvest_context(database, *documents()), Request())
    assert counts(report) == {"new": 3}
    found = {key: item["collection"] for key, item in items(database).items()}
    assert found == {f"SPOT-{number}": "spot-1-5-france" for number in range(1, 4)}


def test_a_real_file_server_is_harvested(database: Database, tmp_path: Path) -> None:
    """Deliveries on an FTP server are the same Items as those on a disk."""
    delivery(tmp_path / "d")
    with ftp_server(tmp_path) as (port, _):
        feed = deliveries_at(f"ftp://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/", Credentials())
        report = harvest(feed, harvest_context(database, *documents()), Request())
        again = harvest(feed, harvest_context(database, *documents()), Request())
    assert (counts(report), counts(again)) == ({"new": 1}, {"unchanged": 1})
    assert [item["collection"] for item in items(database).values()] == ["pleiades"]


def test_another_catalogue_of_ours_is_harvested(database: Database, postgres_server: PostgresServer) -> None:
    """The Items of a second pgSTAC behind our own API become Items here, and its next run writes nothing."""
    with postgres_server.clone() as other:
        fill(other, list(synthetic_items(12)))
        with serving(create_app(ApiSettings(), other.conninfo("api"))) as url:
            feed = feed_of("spot-6-7-drs/stac", url=f"{url}/", page_size=5)
            report = harvest(feed, harvest_context(database, *documents()), Request())
            again = harvest(feed, harvest_context(database, *documents()), Request(is_full=True))
    assert (counts(report), counts(again)) == ({"new": 12}, {"unchanged": 12})
    assert {item["collection"] for item in items(database).values()} == {"spot-6-7-drs"}


def test_all_sources_share_one_catalogue(database: Database, tmp_path: Path) -> None:
    """Harvested one after another into one catalogue, no source takes a record or an Item of another one away."""
    expected: Counter[str] = Counter()
    with ExitStack() as stack:
        for number, standing in enumerate(STAND_INS.values()):
            (folder := tmp_path / str(number)).mkdir()
            stand_in = stack.enter_context(standing(folder))
            report = harvest(stand_in.feed, harvest_context(database, *documents()), Request())
            assert counts(report) == {"new": report.read}, stand_in.feed.name
            expected[stand_in.feed.name] += report.read
    kept = rows(database, "SELECT feed, count(*) FROM dinamis.source_record WHERE state = 'active' GROUP BY 1")
    assert dict(kept) == expected
    assert {item["collection"] for item in items(database).values()} >= {"radar", "sentinel", "spot-6-7-open", "dsm"}


def test_a_value_of_another_type_does_not_break_the_filters_of_all(database: Database) -> None:
    """It is left out and told: in the catalogue it would fail each search that filters by its property."""
    records = resto.synthetic_records(3, "v2")
    said = (("N/A", "12 mars"), (5, None), ("7.5", "2024-05-06 10:00:00Z"))
    for record, (water, updated) in zip(records, said, strict=True):
        record["properties"] |= {"water": water, "updated": updated}
    catalogue = harvest_context(database, *documents())
    with serving(resto.app(records, "v2")) as url:
        report = harvest(feed_of("radar/kalideos", url=url, collection="S2ST"), catalogue, Request())
    assert (counts(report), len(report.warnings)) == ({"new": 3}, 2)
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as url:
        for filtering, found in (
            ("resto:water > 4", {5, 7.5}),
            ("resto:water < 7", {5}),
            ("resto:updated > TIMESTAMP('2024-01-01T00:00:00Z')", {7.5}),
        ):
            asked = {"collections": "radar", "filter": filtering, "filter-lang": "cql2-text"}
            answer = httpx.get(f"{url}/search", params=asked, timeout=30)
            assert answer.status_code == 200, answer.text
            assert {item["properties"]["resto:water"] for item in answer.json()["features"]} == found


def test_names_that_cannot_be_stored_are_not_taken_for_others(database: Database) -> None:
    """Ids with what PostgreSQL takes for the end of a text, and those that look like them, are records of their own."""
    told = ["a\0", "a\\0"]
    named = [item | {"id": name} for item, name in zip(synthetic_items(len(told)), told, strict=True)]
    with serving(stac.app({item["id"]: item for item in named})) as url:
        feed = feed_of("spot-6-7-drs/stac", url=f"{url}/")
        report = harvest(feed, harvest_context(database, *documents()), Request())
        again = harvest(feed, harvest_context(database, *documents()), Request(is_full=True))
    assert (report.state, report.read) == ("succeeded", len(told))
    assert (again.state, again.read, again.outcomes[Outcome.NEW]) == ("succeeded", len(told), 0)


def test_a_name_that_cannot_be_stored_is_asked_for_nowhere(database: Database) -> None:
    """Neither what an index lists nor what was deleted stops a run by its id."""
    hits = [{"_source": {"uuid": "a\0", "changeDate": "2024"}, "sort": ["2024", "a"]}]
    listed = Plan(paths=("/geonetwork/srv/api/search/",), by_number={1: answers(200, {"hits": found(hits)})})
    listed.always = answers(200, {"hits": found([])})
    catalogue = harvest_context(database, *documents())
    with serving(Quirks(geonetwork.app(geonetwork.GeoNetworkCatalogue()), listed)) as url:
        report = harvest(feed_of("dsm/geonetwork", url=f"{url}/geonetwork"), catalogue, Request())
    assert counts(report) == {"quarantined": 1}
    service = oneatlas.OneAtlas(oneatlas.synthetic_features(1, constellation="PHR"))
    deleted = {"data": [{"id": "a\0", "deletedDate": "2024-01-01T00:00:00Z"}], "totalResults": 1, "itemsPerPage": 500}
    plan = Plan(paths=("/deleted",), always=answers(200, deleted))
    with serving(Quirks(service.app(), plan)) as url:
        addresses = {"url": f"{url}/search", "token_url": f"{url}/token", "deleted_url": f"{url}/deleted"}
        report = harvest(feed_of("airbus-archive-pleiades/oneatlas", **addresses), catalogue, Request())
    assert counts(report) == {"new": 1}


def found(hits: list[Any]) -> dict[str, Any]:
    """What an index of GeoNetwork answers."""
    return {"total": {"value": len(hits)}, "hits": hits}
