"""What keeping stereo sets true costs: a share of a bulk harvest, and of the database when one scene arrives."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from database import Database
from harvester.collection_documents import CollectionDocument, CollectionDocuments
from harvester.feeds import Feed
from harvester.harvest import HarvestRooms, Request, harvest
from harvester.sources.registry import SOURCES
from tests.benchmarks.generated_items import write_items
from tests.benchmarks.measuring import Cost, cost_of
from tests.harvest_rooms import documents, rows, sensors
from tests.postgres import PostgresServer

COLLECTION = "spot-6-7-drs"
SETS = ("spot-6-7-stereo", "spot-6-7-tristereo")
#: Of the images that are views of a pair: in France some tenth of the Pléiades are.
SHARES = (0.0, 0.1)
_BETWEEN_VIEWS = timedelta(seconds=31)


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Bulk harvests of one file, by turns with and without stereo sets."""

    share: float  #: of images in pairs
    pairs: int
    without: Sequence[Cost]
    kept: Sequence[Cost]

    @property
    def added_time(self) -> float:
        """What the sets add to the time of a harvest, as a share of it: between the best of both."""
        return _added(self, lambda cost: cost.seconds)

    @property
    def added_work(self) -> float:
        """The same of the processor time of harvest and server, which other programs disturb less."""
        return _added(self, lambda cost: cost.client_cpu_s + cost.server_cpu_s)


def _added(keeping: Keeping, measure: Callable[[Cost], float]) -> float:
    return min(map(measure, keeping.kept)) / min(map(measure, keeping.without)) - 1


def measured_keeping(postgres: PostgresServer, count: int, share: float, rounds: int = 3) -> Keeping:
    """Harvest images into fresh databases with and without sets."""
    pid = postgres.cluster.status().pid
    assert pid is not None
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.ndjson"
        write_images(items, count, share)
        for number in range(2 * rounds):
            is_kept = bool(number % 2)
            with postgres.clone() as database:
                costs[is_kept].append(cost_of(partial(harvested, database, items, is_kept), pid, prepared))
                pairs = rows(database, "SELECT count(*) FROM dinamis.stereo_set")[0][0]
    return Keeping(share=share, pairs=pairs, without=costs[False], kept=costs[True])


def prepared() -> None:
    """Read the documents of the project, as any program of it does when it starts."""
    rooms_with(True)


def harvested(database: Database, items: Path, is_kept: bool) -> None:
    """Harvest the file into the collection, with or without the collections of its sets."""
    options = SOURCES["stac"].Options(url=items.as_uri(), preset=COLLECTION)
    feed = Feed(
        name=f"{COLLECTION}/stac",
        source="stac",
        kind="stac",
        collection=COLLECTION,
        location=options.shown_location,
        options=options,
    )
    report = harvest(feed, replace(rooms_with(is_kept), conninfo=database.conninfo("harvest")), Request())
    assert report.exit_code == 0


def rooms_with(is_kept: bool) -> HarvestRooms:
    """The documents of a harvest, which keeps sets or not; no database yet."""
    known = documents(COLLECTION, *SETS)
    chosen = [known[COLLECTION], *(_with_sets(known[each], is_kept) for each in SETS)]
    return HarvestRooms(conninfo="", documents=CollectionDocuments(chosen), sensors=sensors(), language="fr")


def _with_sets(document: CollectionDocument, is_kept: bool) -> CollectionDocument:
    """The document for sets of these images, or for none."""
    assert document.content.stereo is not None
    rule = document.content.stereo.model_copy(update={"views": [COLLECTION]}) if is_kept else None
    return replace(document, content=document.content.model_copy(update={"stereo": rule}))


def write_images(path: Path, count: int, share: float) -> None:
    """Write Items, one a line; of an even share of them every second is the backward view of the one before."""
    write_items(path, count)
    items = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    every = max(2, round(2 / share)) if share else 0
    for number, (forward, backward) in enumerate(pairwise(items)):
        if every and number % every == 0:
            items[number + 1] = _backward(forward, backward)
    path.write_bytes(b"\n".join(map(orjson.dumps, items)) + b"\n")


def _backward(forward: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """The Item of another place and time, taken half a minute after the forward view of the same place."""
    forward["properties"] |= {"view:azimuth": 10.0, "view:incidence_angle": 11.0}
    moment = datetime.fromisoformat(forward["properties"]["datetime"]) + _BETWEEN_VIEWS
    stamp = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 100_000}"
    _, _, former, *_ = item["id"].split("_")
    moved: dict[str, Any] = orjson.loads(orjson.dumps(item).replace(former.encode(), stamp.encode()))
    moved["properties"] |= {
        "datetime": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}",
        "view:azimuth": 185.0,
        "view:incidence_angle": 10.0,
    }
    return moved | {name: forward[name] for name in ("geometry", "bbox")}
