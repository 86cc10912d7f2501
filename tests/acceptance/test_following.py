"""Another catalogue follows this one with the program of the page that tells how."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx

from stac_api import ApiSettings, create_app
from tests.harvester.stereo.passes import ARCHIVE, HELD, SETS, Holdings, holdings, pass_over
from tests.stac_api.invented_catalogue import serving

__all__ = ["holdings"]

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "follow-changes.md"
(PROGRAM,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_program_of_the_page_misses_nothing(holdings: Holdings) -> None:
    """Images come, change and go, and sets move with them, also between a page and its Items: the copy is the same."""
    images = pass_over(3)
    first, *_ = images
    harvests = [
        lambda: holdings.deliver(images),
        lambda: holdings.deliver({first: {**images[first], "cloud": 60.0}}),
        lambda: holdings.withdraw(first),
    ]
    statuses: set[int] = set()

    def get(address: str, **options: Any) -> httpx.Response:
        if harvests and f"/{ARCHIVE}-stereo/items/" in address:
            harvests.pop(0)()
        answer = httpx.get(address, timeout=20, **options)
        statuses.add(answer.status_code)
        return answer

    program: dict[str, Any] = {}
    exec(PROGRAM, program)
    program["httpx"] = SimpleNamespace(get=get)
    copies: dict[str, dict[str, Any]] = {collection: {} for collection in (HELD, ARCHIVE, *SETS)}
    cursors: dict[str, str] = {}
    holdings.list_in_archive(images)
    with serving(create_app(ApiSettings(), holdings.database.conninfo("api"))) as site:
        for _ in range(3):
            for collection, copy in copies.items():
                cursors[collection] = program["follow"](
                    f"{site.url}/collections/{collection}/changes",
                    cursors.get(collection),
                    lambda item, copy=copy: copy.update({item["id"]: item}),
                    lambda name, _, copy=copy: copy.pop(name, None),
                )
        found = site.get("/search", params={"limit": 1000}).json()["features"]
    assert {200, 308} <= statuses
    assert harvests == []
    assert {(place, name): item for place, copy in copies.items() for name, item in copy.items()} == {
        (item["collection"], item["id"]): item for item in found
    }
