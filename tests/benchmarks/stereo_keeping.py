"""What keeping stereo sets true adds to a bulk harvest."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from database import Database
from harvester.collection_documents import CollectionDocument, CollectionDocuments
from harvester.harvest import HarvestContext, Request, harvest
from tests.benchmarks.generated_items import COLLECTION, feed_of, write_items
from tests.benchmarks.measuring import Cost, cost_of
from tests.harvests import documents, rows, sensors
from tests.postgres import PostgresServer

SETS = ("spot-6-7-stereo", "spot-6-7-tristereo")
_BETWEEN_VIEWS_S = 31.0


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """Bulk harvests of one file, by turns with and without stereo sets."""

    share: float  #: of images in pairs
    pairs: int
    without: Sequence[Cost]
    kept: Sequence[Cost]

    @property
    def added_time(self) -> float:
        """What the sets add to the time of a harvest, as a share of it: the middle of the rounds."""
        return _added(self, lambda cost: cost.seconds)

    @property
    def added_work(self) -> float:
        """The same of the processor time of harvest and server, which other programs disturb less."""
        return _added(self, lambda cost: cost.client_cpu_s + cost.server_cpu_s)


def _added(keeping: Keeping, measure: Callable[[Cost], float]) -> float:
    # Within a round the machine is as busy with other things; between rounds it need not be.
    rounds = zip(keeping.without, keeping.kept, strict=True)
    return median(measure(kept) / measure(without) for without, kept in rounds) - 1


def measured_keeping(postgres: PostgresServer, count: int, share: float, rounds: int = 6) -> Keeping:
    """Harvest images into fresh databases with and without sets."""
    pid = postgres.cluster.status().pid
    assert pid is not None
    costs: dict[bool, list[Cost]] = {False: [], True: []}
    pairs = 0
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.ndjson"
        write_images(items, count, share)
        for number in range(2 * rounds):
            # Now the one is first, now the other: what the first leaves the server to do would count for the second.
            is_kept = number % 4 in (1, 2)
            with postgres.clone() as database:
                costs[is_kept].append(cost_of(partial(harvested, database, items, is_kept), pid, prepared))
                found = rows(database, "SELECT count(*) FROM dinamis.stereo_set")[0][0]
                pairs = max(pairs, found)
    return Keeping(share=share, pairs=pairs, without=costs[False], kept=costs[True])


def prepared() -> None:
    """Read the documents of the project, as any program of it does when it starts."""
    context_with(True)


def harvested(database: Database, items: Path, is_kept: bool) -> None:
    """Harvest the file into the collection, with or without the collections of its sets."""
    report = harvest(feed_of(items), context_with(is_kept, database), Request())
    assert report.exit_code == 0


def harvested_images(database: Database, count: int, share: float) -> list[dict[str, Any]]:
    """Harvest so many images with their sets; gives their Items as the source has them."""
    with tempfile.TemporaryDirectory() as folder:
        items = Path(folder) / "items.ndjson"
        write_images(items, count, share)
        harvested(database, items, True)
        return [orjson.loads(line) for line in items.read_bytes().splitlines()]


def context_with(is_kept: bool, database: Database | None = None) -> HarvestContext:
    """What a harvest works with, which keeps sets or not."""
    known = documents(COLLECTION, *SETS)
    chosen = [known[COLLECTION], *(_with_sets(known[each], is_kept) for each in SETS)]
    conninfo = database.conninfo("harvest") if database else ""
    return HarvestContext(conninfo=conninfo, documents=CollectionDocuments(chosen), sensors=sensors(), language="fr")


def _with_sets(document: CollectionDocument, is_kept: bool) -> CollectionDocument:
    """The document for sets of these images, or for none."""
    assert document.content.stereo is not None
    rule = document.content.stereo.model_copy(update={"views": [COLLECTION]}) if is_kept else None
    return replace(document, content=document.content.model_copy(update={"stereo": rule}))


def write_images(path: Path, count: int, share: float) -> None:
    """Write forward-looking Items, one a line; of an even share of them every second looks back at the one before."""
    items = [forward_view(item) for item in generated_items(count)]
    every = max(2, round(2 / share)) if share else 0
    for number in range(1, count):
        if every and number % every == 1:
            items[number] = backward_view(items[number - 1])
    path.write_bytes(b"\n".join(map(orjson.dumps, items)) + b"\n")


def generated_items(count: int) -> list[dict[str, Any]]:
    """Items of a large catalogue, an hour or so between two."""
    with tempfile.NamedTemporaryFile() as file:
        write_items(Path(file.name), count)
        return [orjson.loads(line) for line in file]


def forward_view(item: dict[str, Any], seconds: float = 0.0) -> dict[str, Any]:
    """The Item taken so much later, looking ahead along the track."""
    return _taken(item, seconds, {"view:azimuth": 10.0, "view:incidence_angle": 11.0})


def backward_view(forward: dict[str, Any]) -> dict[str, Any]:
    """The other Item of a pair: the same place half a minute later."""
    return _taken(forward, _BETWEEN_VIEWS_S, {"view:azimuth": 185.0, "view:incidence_angle": 10.0})


def _taken(item: dict[str, Any], seconds: float, direction: dict[str, float]) -> dict[str, Any]:
    moment = datetime.fromisoformat(item["properties"]["datetime"]) + timedelta(seconds=seconds)
    stamp = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 100_000}"
    _, _, former, *_ = item["id"].split("_")
    # Names of files hold the stamp too.
    taken: dict[str, Any] = orjson.loads(orjson.dumps(item).replace(former.encode(), stamp.encode()))
    taken["properties"] |= {"datetime": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}", **direction}
    return taken
