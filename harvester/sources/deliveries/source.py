"""The source `deliveries`: DIMAP products of Airbus on a disk, a server, in an object store or in archives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from urllib.parse import unquote

from harvester.dimap import scene_from_delivery
from harvester.record import Page, RawRecord, SceneRecord
from harvester.sensors import Sensors
from harvester.sources.deliveries.directories import Position
from harvester.sources.deliveries.file_tree import Limits
from harvester.sources.deliveries.location import open_location
from harvester.sources.deliveries.options import Options
from harvester.sources.deliveries.walk import Found, Walk, cursor_of
from harvester.sources.source import Fingerprints, Progress, Selection, undivided

__all__ = ["Limits", "Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

#: A walk sees all files anyway; unchanged ones are not read.
is_selectable = False
#: A walk cannot be divided before the files are known.
windows = undivided

#: A page is one transaction, and is held in memory as a whole.
_PAGE_BYTES = 64 * 2**20


def read_pages(
    options: Options,
    selection: Selection,  # noqa: ARG001 -- what a file shows is not known before it is read
    cursor: str | None,
    progress: Progress,
    fingerprints: Fingerprints,
) -> Iterator[Page]:
    """Read the products of a location, and what should have been one, in pages; of unchanged products only the ids.

    Args:
        options: where and how.
        selection: ignored, all are read.
        cursor: `next_cursor` of the page after which to continue; None for the beginning.
        progress: kept up to date.
        fingerprints: looked up for about a page of records at a time.

    Raises:
        SourceUnavailable: When the location does not exist, cannot be reached or cannot be read.
    """
    location = open_location(options.url, options.credentials, options.timeout_s)
    with closing(location.tree):
        walk = Walk(location, options.limits, progress, fingerprints, options.page_size, _position(cursor))
        yield from _pages(walk.records(), options.page_size)


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The scene that a record describes.

    Raises:
        UnreadableScene: When it cannot become an Item, with the reason.
    """
    return scene_from_delivery(raw.content, sensors)


def _pages(records: Iterator[Found], page_size: int) -> Iterator[Page]:
    page: list[Found] = []
    size = 0
    for found in records:
        if len(page) >= page_size or size > _PAGE_BYTES:
            yield _page(page, cursor_of(page[-1].position))
            page, size = [], 0
        page.append(found)
        size += sum(map(len, found.record.content["documents"].values())) if found.record else 0
    yield _page(page, None)


def _page(found: Sequence[Found], next_cursor: str | None) -> Page:
    return Page(
        records=[each.record for each in found if each.record],
        unread=[each.id for each in found if each.record is None],
        next_cursor=next_cursor,
    )


def _position(cursor: str | None) -> Position:
    return tuple(unquote(part, errors="surrogateescape") for part in cursor.split("/")) if cursor else ()
