"""Holds a harvest against stock `pypgstac load`, in one run on one machine: `make benchmark`.

Measured is the real path: a bulk file of Items through the source `stac`, the ledger with what every record said, the
acquisitions, the checks and the catalogue. The bypass is the writing into the catalogue alone, of the same Items.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from pypgstac.db import PgstacDB
from pypgstac.load import Loader, Methods

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from database import Database
from harvester import catalogue
from harvester.catalogue.publish import publish_collections
from harvester.harvest import Request, harvest
from tests.benchmarks.generated_items import COLLECTION, feed_of, write_items
from tests.benchmarks.measuring import Cost, cost_of
from tests.benchmarks.server import running_server
from tests.benchmarks.stages import clocked_stages
from tests.harvests import documents, harvest_context, sensors
from tests.postgres import PostgresServer

CHANGED_SHARE = 0.005
_PAGE = 1000
_STAGED = 10_000  #: Items of which it is told where their time goes


@dataclass(frozen=True)
class Comparison:
    """One task, done by the stock loader and by a harvest, and the ratio that is wanted at least."""

    task: str
    stock: Cost
    ours: Cost
    wanted: float | None

    @property
    def ratio(self) -> float:
        """How many times faster than stock."""
        return self.stock.seconds / self.ours.seconds


def stock_load(database: Database, items: Path, method: str) -> None:
    """What `pypgstac load items` does."""
    with PgstacDB(dsn=database.conninfo("harvest")) as connection:
        Loader(connection).load_items(str(items), Methods(method))


def harvested(database: Database, items: Path, *, clocked: bool = False) -> dict[str, float]:
    """Harvest the file as the source of a collection; with `clocked`, the seconds of each stage."""
    clocks: AbstractContextManager[dict[str, float]] = clocked_stages() if clocked else nullcontext({})
    with clocks as seconds:
        report = harvest(feed_of(items), harvest_context(database, COLLECTION), Request())
    assert report.exit_code == 0
    assert report.read == sum(report.outcomes.values())
    return dict(seconds)


def prepared() -> None:
    """Read the documents of the project, as any program of it does when it starts."""
    documents(COLLECTION)
    sensors()


def loaded_alone(database: Database, items: Path) -> None:
    """Write Items into the catalogue page by page, without checking or remembering anything.

    As in a harvest the collector of garbage passes over what was loaded before, and the next page is read meanwhile.
    """
    gc.freeze()
    with (
        catalogue.connect(database.conninfo("harvest")) as page,
        catalogue.connect(database.conninfo("harvest"), autocommit=True) as side,
    ):
        for batch in _batches(items):
            with page.transaction():
                catalogue.put_items(page, side, batch)
        catalogue.finish_writing(side)


def _batches(items: Path) -> Iterator[list[dict[str, Any]]]:
    """The Items of a file, so many at once, each batch read by a thread while the one before is written."""
    with items.open("rb") as lines, ThreadPoolExecutor(1) as thread:
        parsed = map(orjson.loads, lines)
        coming = thread.submit(list, islice(parsed, _PAGE))
        while batch := coming.result():
            coming = thread.submit(list, islice(parsed, _PAGE))
            yield batch


def compare(count: int, folder: Path, postgres: PostgresServer) -> tuple[list[Comparison], dict[str, float]]:
    """Do every task on fresh databases of one server; also where the time of a first load goes."""
    first, changed, some = folder / "first.ndjson", folder / "changed.ndjson", folder / "some.ndjson"
    write_items(first, count)
    write_items(some, min(count, _STAGED))
    write_items(changed, count, changed_share=CHANGED_SHARE)
    pid = postgres.cluster.status().pid
    assert pid is not None

    def cost(work: Callable[..., Any], *args: Any, **options: Any) -> Cost:
        return cost_of(partial(work, *args, **options), pid, prepared)

    with postgres.clone() as stock, postgres.clone() as ours, postgres.clone() as other:
        for database in (stock, other):
            publish_collections(database.conninfo("harvest"), documents(COLLECTION), "fr")
        inserted, loaded = cost(stock_load, stock, first, "insert"), cost(harvested, ours, first)
        alone = cost(loaded_alone, other, first)
        upserted, few = cost(stock_load, stock, changed, "upsert"), cost(harvested, ours, changed)
        again, none = cost(stock_load, stock, changed, "upsert"), cost(harvested, ours, changed)
        changed.touch()
        touched = cost(harvested, ours, changed)
        with changed.open("ab") as file:
            file.write(b"\n")
        compared = cost(harvested, ours, changed)
    with postgres.clone() as database:
        stages = cost(harvested, database, some, clocked=True).result
    return [
        Comparison("first load", inserted, loaded, 2),
        Comparison("writing alone (bypass)", inserted, alone, None),
        Comparison(f"{CHANGED_SHARE:.1%} changed", upserted, few, 5),
        Comparison("nothing changed, as the source says", again, none, 20),
        Comparison("nothing changed, as its bytes show", again, touched, 20),
        Comparison("nothing changed, as every line shows", again, compared, 20),
    ], stages


def _table(count: int, comparisons: list[Comparison], stages: dict[str, float]) -> str:
    columns = (
        "task",
        "stock Items/s",
        "Items/s",
        "ratio",
        "wanted",
        "stock CPU s",
        "CPU s (client + server)",
        "MiB",
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for each in comparisons:
        stock, ours = each.stock, each.ours
        lines.append(
            f"| {each.task} | {count / stock.seconds:,.0f} | {count / ours.seconds:,.0f} | {each.ratio:.2f} "
            f"| {each.wanted or '–'} | {stock.client_cpu_s:.1f} + {stock.server_cpu_s:.1f} "
            f"| {ours.client_cpu_s:.1f} + {ours.server_cpu_s:.1f} | {ours.peak_mib:.0f} |"
        )
    staged = f"stage of a first load of {min(count, _STAGED):,} Items in one process"
    lines += ["", f"| {staged} | seconds |", "|---|---|"]
    lines += [f"| {stage} | {seconds:.2f} |" for stage, seconds in sorted(stages.items(), key=lambda each: -each[1])]
    return "\n".join(lines)


def _as_json(count: int, comparisons: list[Comparison], stages: dict[str, float]) -> str:
    rows = [
        {
            "task": each.task,
            "ratio": each.ratio,
            "wanted": each.wanted,
            "stock_items_per_s": count / each.stock.seconds,
            "items_per_s": count / each.ours.seconds,
            "stock_cpu_s": each.stock.client_cpu_s + each.stock.server_cpu_s,
            "cpu_s": each.ours.client_cpu_s + each.ours.server_cpu_s,
            "peak_mib": each.ours.peak_mib,
        }
        for each in comparisons
    ]
    return json.dumps({"items": count, "comparisons": rows, "stages_s": stages}, indent=2)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_server() as postgres:
        comparisons, stages = compare(arguments.items, Path(folder), postgres)
    show = _as_json if arguments.json else _table
    sys.stdout.write(show(arguments.items, comparisons, stages) + "\n")


if __name__ == "__main__":
    main()
