"""The search of stored stereo sets against the plain search, over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import requests

from database import Database
from stac_api import ApiSettings, create_app
from tests.benchmarks.generated_items import COLLECTION
from tests.benchmarks.stereo_keeping import SETS
from tests.emulators.serving import serving
from tests.postgres import open_to_all

PAGE = 100
_ROUNDS = 40


@dataclass(frozen=True, kw_only=True)
class Searching:
    """Pages of equal length, in milliseconds: the middle of many."""

    stereo_ms: float  #: `/stereo/search`
    plain_ms: float  #: `/search` for the same sets in the same order
    images_ms: float  #: `/search` for images
    ratio: float  #: how many times as long as the plain search


def measured_searching(database: Database) -> Searching:
    """Ask by turns."""
    open_to_all(database)
    best = [{"field": "stereo:suitability", "direction": "desc"}]
    with serving(create_app(ApiSettings(), database.conninfo("api"))) as url, requests.Session() as session:

        def asking(path: str, **body: Any) -> Callable[[], int]:
            def ask() -> int:
                answer = session.post(f"{url}{path}", json={"limit": PAGE, **body}, timeout=60)
                answer.raise_for_status()
                return len(answer.json()["features"])

            return ask

        asked = {
            "stereo_ms": asking("/stereo/search"),
            "plain_ms": asking("/search", collections=list(SETS), sortby=best),
            "images_ms": asking("/search", collections=[COLLECTION]),
        }
        times: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(_ROUNDS):
            for name, ask in asked.items():
                began = time.perf_counter()
                assert ask() == PAGE, f"the catalogue holds less than a page for {name}: measure with more --items"
                times[name].append((time.perf_counter() - began) * 1000)
    ratio = median(stereo / plain for stereo, plain in zip(times["stereo_ms"], times["plain_ms"], strict=True))
    return Searching(ratio=ratio, **{name: median(each) for name, each in times.items()})
