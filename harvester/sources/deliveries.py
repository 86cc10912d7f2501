"""The source `deliveries`: DIMAP products of Airbus on a disk, a server, in an object store or in archives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import unquote

from harvester.dimap import scene_from_delivery
from harvester.record import Page, RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.delivery_walk import Found, Position, Walk, WalkCount, cursor_of
from harvester.sources.file_tree import Limits
from harvester.sources.location import open_location, shown_location, with_password

__all__ = ["DeliveriesOptions", "Limits", "WalkCount", "read_pages", "scene_from_record", "with_password"]

#: A page is one transaction and lies in memory as a whole.
_PAGE_BYTES = 64 * 2**20


@dataclass(frozen=True, kw_only=True)
class DeliveriesOptions:
    """Where the deliveries are and how they are read."""

    location: str = field(repr=False)  #: path, or URL of file, ftp, sftp or s3; it may hold a password: never show it
    page_size: int = 200  #: records
    limits: Limits = field(default_factory=Limits)
    count: WalkCount = field(default_factory=WalkCount, compare=False)  #: filled by the reading of pages

    @property
    def shown_location(self) -> str:
        """The location without credentials."""
        return shown_location(self.location)

    def passed_over(self) -> dict[str, int]:
        """What the last walk saw that is no record: kind to number."""
        return self.count.passed_over()


def read_pages(
    options: DeliveriesOptions, cursor: str | None, on_progress: Callable[[WalkCount], None] | None = None
) -> Iterator[Page]:
    """Read the products of a location, and what should have been one, in pages.

    Args:
        options: where and how.
        cursor: `next_cursor` of the page after which to go on; None for the beginning.
        on_progress: called often with what was seen so far, the same object each time.

    Raises:
        SourceUnavailable: When the location does not exist, cannot be reached or cannot be read.
    """
    location = open_location(options.location)
    with closing(location.tree):
        walk = Walk(location, options.limits, options.count, _position(cursor), on_progress)
        yield from _pages(walk.records(), options.page_size)


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that a record describes.

    Raises:
        UnreadableScene: When it cannot become an Item, with the reason.
    """
    return scene_from_delivery(raw.content, sensors)


def _pages(records: Iterator[Found], page_size: int) -> Iterator[Page]:
    page: list[RawRecord] = []
    size, last = 0, None
    for found in records:
        if last is not None and (len(page) >= page_size or size > _PAGE_BYTES):
            yield Page(records=page, next_cursor=cursor_of(last))
            page, size = [], 0
        page.append(found.record)
        size += sum(map(len, found.record.content["documents"].values()))
        last = found.position
    yield Page(records=page, next_cursor=None)


def _position(cursor: str | None) -> Position:
    return tuple(unquote(part, errors="surrogateescape") for part in cursor.split("/")) if cursor else ()
