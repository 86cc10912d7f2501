"""Harvests as processes do them that are to be killed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from harvester.collection_model import WithdrawalRules
from harvester.credentials import Credentials
from harvester.errors import CatalogueError, SourceUnavailable
from harvester.feeds import Feed, deliveries_at
from harvester.harvest import HarvestContext, Request, harvest
from harvester.runs import RunBusy
from harvester.sources.registry import OPTIONS
from tests.chaos.processes import Outcome
from tests.harvests import counts, documents, sensors

COLLECTIONS = {
    "deliveries": "pleiades",
    "oneatlas": "airbus-archive-pleiades",
    "geodes": "sentinel",
    "stac": "spot-6-7-drs",
}

# The server that children are forked from imports this module too: what is read here no child has to read.
_READ_ONCE = (sensors(), *map(documents, COLLECTIONS.values()))

#: What is absent goes at once, and any number of records may: the histories are short and the archives small.
_WITHDRAWALS = WithdrawalRules(grace_days=0, max_share=1)


@dataclass(frozen=True)
class Task:
    """One harvest, as a process is told of it."""

    conninfo: str = field(repr=False)  #: it holds a password
    kind: str  #: of source
    address: str
    is_full: bool = False


def feed_of(kind: str, address: str) -> Feed:
    """The feed of an archive, with pages so small that a run has many of them."""
    if kind == "deliveries":
        return replace(deliveries_at(address, Credentials(), page_size=2), withdrawals=_WITHDRAWALS)
    small_pages: dict[str, Any] = {"page_size": 3, "rate": 1000.0}
    options: dict[str, dict[str, Any]] = {
        "oneatlas": {"url": f"{address}/search", "deleted_url": f"{address}/deleted", "constellation": "PHR"},
        "geodes": {"url": address, "collections": ("PEPS_S2_L1C",)},
        "stac": {"url": f"{address}/", "collections": ("spot-6-7-drs",), "preset": "spot-6-7-drs"},
    }
    return Feed(
        name=f"{COLLECTIONS[kind]}/{kind}",
        source=kind,
        kind=kind,
        collection=COLLECTIONS[kind],
        location=address,
        options=OPTIONS[kind](**small_pages, **options[kind]),
        withdrawals=_WITHDRAWALS,
    )


def harvest_once(task: Task) -> Outcome:
    """Harvest an archive once."""
    context = HarvestContext(
        conninfo=task.conninfo, documents=documents(COLLECTIONS[task.kind]), sensors=sensors(), language="fr"
    )
    try:
        report = harvest(feed_of(task.kind, task.address), context, Request(is_full=task.is_full))
    except RunBusy as error:
        return Outcome("busy", str(error))
    except (SourceUnavailable, CatalogueError) as error:
        return Outcome("failed", f"{type(error).__name__}: {error}")
    return Outcome(report.state, "; ".join(report.breaches), report.run, counts(report))
