"""What the Items of an acquisition say of each other, as the tests of pages look at them."""

from __future__ import annotations

from typing import Any

from tests.harvester.invented_source import Stock, image
from tests.harvests import Items, items, timeless

IMAGE = str(image()["image"])
ARCHIVED = f"ARCHIVE-{IMAGE}"


def links(item: dict[str, Any]) -> list[tuple[str, str]]:
    """The links of an Item to others of its acquisition."""
    return [(link["rel"], link["href"]) for link in item["links"] if link["rel"] in ("alternate", "canonical")]


def held_by(stock: Stock) -> dict[str, tuple[bool, str | None]]:
    """What the Items of the archive say: whether they are held, and by which Item."""
    archived = {name: item["properties"] for name, item in items(stock.database).items() if name.startswith("ARCHIVE")}
    return {name: (said["dinamis:held"], said.get("dinamis:held_by")) for name, said in archived.items()}


def timeless_items(stock: Stock) -> Items:
    """All Items, without when they were written."""
    return {name: timeless(item) for name, item in items(stock.database).items()}
