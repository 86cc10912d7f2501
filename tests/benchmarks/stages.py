"""Where the time of a harvest goes: the steps of a page with a clock before and after each, all in one process."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from harvester import catalogue
from harvester.items import from_scenes
from harvester.ledger import ItemLedger, RecordLedger, SceneLedger
from harvester.pages import drafts, writing
from harvester.sources.registry import SOURCES

_LEDGER = [
    (part, name)
    for part in (RecordLedger, SceneLedger, ItemLedger)
    for name, member in vars(part).items()
    if callable(member) and not name.startswith("__")
]


@contextmanager
def clocked_stages() -> Iterator[dict[str, float]]:
    """Count the seconds of each stage while the context is open; a stage inside another counts for itself alone."""
    seconds: defaultdict[str, float] = defaultdict(float)
    running: list[float] = []

    def clocked(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def timed(*args: Any, **options: Any) -> Any:
            began = time.perf_counter()
            running.append(0.0)
            try:
                return work(*args, **options)
            finally:
                took, inside = time.perf_counter() - began, running.pop()
                seconds[stage] += took - inside
                if running:
                    running[-1] += took

        return timed

    def paged(read_pages: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def timed(*args: Any) -> Iterator[Any]:
            pages = read_pages(*args)
            following = clocked("source", lambda: next(pages, None))
            yield from iter(following, None)

        return timed

    source: Any = SOURCES["stac"]
    patches = [
        patch.object(source, "read_pages", paged(source.read_pages)),
        # What has a clock cannot be sent to another process: nothing is read ahead.
        patch.object(source, "scene_from_record", clocked("reader", source.scene_from_record)),
        patch.object(drafts, "item_from_scenes", clocked("Items", from_scenes.item_from_scenes)),
        patch.object(writing.PageWriting, "take_in", clocked("the page", writing.PageWriting.take_in)),
        patch.object(writing.PageWriting, "write_items", clocked("documents", writing.PageWriting.write_items)),
        patch.object(catalogue, "put_items", clocked("catalogue", catalogue.put_items)),
        patch.object(catalogue, "finish_writing", clocked("catalogue", catalogue.finish_writing)),
        *(patch.object(part, name, clocked("ledger", getattr(part, name))) for part, name in _LEDGER),
    ]
    for each in patches:
        each.start()
    try:
        yield seconds
    finally:
        for each in reversed(patches):
            each.stop()
