"""Cursors that a source cannot go on from."""

from __future__ import annotations

from typing import Any

import pytest

from harvester.credentials import Credentials
from harvester.errors import CursorLost
from harvester.sources.registry import OPTIONS, SOURCES
from harvester.sources.source import Progress, Selection

NOWHERE = "https://nowhere.example"
OPTIONS_OF: dict[str, dict[str, Any]] = {
    "csw": {"url": NOWHERE},
    "geodes": {"collections": ["PEPS_S2_L1C"]},
    "oneatlas": {"constellation": "PHR"},
    "oneatlas-sar": {"credentials": Credentials(api_key="k")},
    "resto": {"url": NOWHERE, "dialect": "v2"},
    "stac": {"url": f"{NOWHERE}/items.ndjson"},
}


@pytest.mark.parametrize("kind", OPTIONS_OF)
@pytest.mark.parametrize("cursor", ["?", "[]", '{"of_another_release": 3}'])
def test_cursor_that_is_not_understood_ends_the_run(kind: str, cursor: str) -> None:
    """A run that cannot go on from its cursor says so before it asks anything: the next harvest begins a new one."""
    options = OPTIONS[kind](**OPTIONS_OF[kind])
    pages = SOURCES[kind].read_pages(options, Selection(), cursor, Progress(), lambda _: {})
    with pytest.raises(CursorLost, match="begins a new run"):
        next(pages)
