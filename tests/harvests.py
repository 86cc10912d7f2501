"""Harvests of synthetic deliveries into a real catalogue, as tests need them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from database import Database
from harvester.collection_documents import (
    CollectionDocuments,
    default_collections_directory,
    load_collection_documents,
)
from harvester.credentials import Credentials
from harvester.dry_run import dry_run
from harvester.feeds import deliveries_at
from harvester.harvest import HarvestContext, Request, harvest
from harvester.runs.report import HarvestReport
from harvester.sample_archive import DeliverySpec, View, write_delivery
from harvester.sensors import Sensors, load_sensors

FIRST_VIEW = datetime(2021, 8, 15, 10, 41, 30, 100_000, tzinfo=UTC)

#: Items by id.
Items = dict[str, dict[str, Any]]

#: What a harvest writes anew each time it builds an Item.
TIMESTAMPS = ("created", "updated")


@cache
def documents(*collections: str) -> CollectionDocuments:
    """The documents of these collections of the project; all of them when none is named."""
    shipped = load_collection_documents(default_collections_directory())
    return CollectionDocuments(shipped[each] for each in (collections or shipped))


@cache
def sensors() -> Sensors:
    """The sensors of the project."""
    return load_sensors(default_collections_directory() / "sensors")


def harvest_context(database: Database, *collections: str, attempts: int = 5) -> HarvestContext:
    """A catalogue and the documents of these collections; two Pléiades ones when none is named."""
    return HarvestContext(
        conninfo=database.conninfo("harvest"),
        documents=documents(*(collections or ("pleiades", "pleiades-littoral"))),
        sensors=sensors(),
        language="fr",
        attempts=attempts,
    )


def delivery(directory: Path, *, seconds: float = 0.0, **changes: Any) -> Path:
    """Write a small Pléiades delivery, acquired some seconds after the first view, and return its folder."""
    view = View(FIRST_VIEW + timedelta(seconds=seconds), azimuth_deg=200.0, incidence_deg=12.0)
    spec: dict[str, Any] = {"views": (view,), "rows": 32, "cols": 32, "pixel_m": 40.0}
    return write_delivery(directory, DeliverySpec(**spec | changes))


def run(where: Database | HarvestContext, location: Path | str, page_size: int = 200, **request: Any) -> HarvestReport:
    """Harvest the deliveries below a folder; with `dry_run=True` only try."""
    context = where if isinstance(where, HarvestContext) else harvest_context(where)
    feed = deliveries_at(str(location), Credentials(), page_size=page_size)
    work = dry_run if request.pop("dry_run", False) else harvest
    return work(feed, context, Request(**request))


def counts(report: HarvestReport) -> dict[str, int]:
    """What became of the records, without the zeros."""
    return {outcome.value: number for outcome, number in report.outcomes.items() if number}


def search(connection: Connection, **terms: Any) -> dict[str, Any]:
    """What pgSTAC's search answers."""
    row = connection.execute("SELECT pgstac.search(%s)", (Jsonb(terms),)).fetchone()
    assert row is not None
    answer: dict[str, Any] = row[0]
    return answer


def items(database: Database) -> dict[str, dict[str, Any]]:
    """All Items of the catalogue by id, as a search gives them."""
    with database.connect("api") as connection:
        found = search(connection, limit=10_000)["features"]
    by_id = {item["id"]: item for item in found}
    assert len(by_id) == len(found), "one id stands twice in the catalogue"
    return by_id


def images(items: Items) -> Items:
    """The Items of images, without those of the stereo sets that they make."""
    return {key: item for key, item in items.items() if "stereo:mode" not in item["properties"]}


def timeless(item: dict[str, Any]) -> dict[str, Any]:
    """The Item without the times of its writing."""
    properties = {name: value for name, value in item["properties"].items() if name not in TIMESTAMPS}
    return {**item, "properties": properties}


def rows(database: Database, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of a query, as the owner sees them."""
    with database.connect("owner") as connection:
        return connection.execute(query, parameters).fetchall()
