"""What curators know better than the sources: stored apart from records, and applied at every rebuild of an Item."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from functools import partial
from typing import Any

from psycopg import Connection, DataError
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from database.statements import statements
from harvester import catalogue, runs
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.catalogue.publish import publish, publish_changes
from harvester.errors import HarvestError, UnreadableScene
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.items.corrections import MADE_BY_THE_CATALOGUE
from harvester.ledger import KnownItem
from harvester.pages.writing import PageWriting
from harvester.queryables import PROPERTIES
from harvester.runs import Request
from harvester.sources.source import Selection


class CorrectionRefused(HarvestError):
    """This correction cannot be made."""


#: Not as the connection does: NaN would become null.
_STRICT_JSON = partial(json.dumps, allow_nan=False)
CORRECTABLE_ITEM, KEEP_CORRECTION = statements("harvester.amendments", "correctable_item", "keep_correction")


@dataclass(frozen=True)
class Correction:
    """A correction of one field of one Item."""

    field: str
    value: Any
    reason: str
    author: str
    created: datetime


def corrections_of(connection: Connection, item: str) -> list[Correction]:
    """The corrections of an Item, by field."""
    with connection.cursor(row_factory=class_row(Correction)) as rows:
        rows.execute(
            "SELECT field, value, reason, author, created FROM dinamis.correction WHERE item = %s ORDER BY field",
            (item,),
        )
        return rows.fetchall()


def _correction(connection: Connection, item: str, field: str) -> Correction | None:
    """The correction of a field of an Item, if there is one."""
    return next((each for each in corrections_of(connection, item) if each.field == field), None)


def correct_item(context: HarvestContext, item: str, field: str, value: Any | None, reason: str, author: str) -> None:
    """Correct a field of an Item, from now on and whatever its sources say.

    Args:
        context: the database and the documents.
        item: id.
        field: name of a property, or `geometry`.
        value: as the Item is to have it, in the unit of the field; a geometry as GeoJSON, WGS 84, longitude first. None
            removes the correction, and the field has again the value of its sources.
        reason: why, and how it is known.
        author: who says so.

    Raises:
        CorrectionRefused: there is no such Item, field or correction, the Item is withdrawn or a stereo set, or it
            would not be valid; nothing is changed.
        CatalogueError: the catalogue cannot be written.
    """
    if value is not None:
        _require_correctable(field)
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:

        def work(connection: Connection, side: Connection) -> Correction | None:
            catalogue.wait_for_other_writers(connection)
            known, told_by = _known(connection, item)
            if value is not None:
                _require_published_image(known, told_by)
            _write_down(connection, known, field, value, reason, author)
            touched = _rebuild(connection, side, context, known, told_by, f"{field}: {reason} ({author})")
            # In the same transaction: a correction that is killed after it is not resumed.
            documents = [context.documents[each] for each in sorted(touched & context.documents.keys())]
            publish(connection, documents, context.language)
            return _correction(connection, item, field)

        connections.once(work, lambda connection, done: _correction(connection, item, field) == done)
        connections.patiently(lambda _, side: publish_changes(side, context.documents, context.language, ()))


def _require_correctable(field: str) -> None:
    correctable = sorted(PROPERTIES.keys() - MADE_BY_THE_CATALOGUE)
    if field not in correctable:
        meant = get_close_matches(field, correctable, n=3)
        hint = f"Did you mean {' or '.join(meant)}?" if meant else "See the table of properties in the documentation."
        raise CorrectionRefused(f"{field} is no field of an Item that a source describes. {hint}")


def _known(connection: Connection, item: str) -> tuple[KnownItem, str | None]:
    """An Item, and the feed of its first record; None for a stereo set, or if all are of other Items by now."""
    row = connection.execute(CORRECTABLE_ITEM, {"item": item}).fetchone()
    if row is None:
        raise CorrectionRefused(f"There is no Item {item}: look for its id with a search.")
    return KnownItem(*row[:-1]), row[-1]


def _require_published_image(item: KnownItem, told_by: str | None) -> None:
    """Raise CorrectionRefused unless the Item is in the catalogue, and an image."""
    if not item.is_published:
        raise CorrectionRefused(f"{item.id} was withdrawn: it can be corrected when it is back.")
    if told_by is None:
        raise CorrectionRefused(f"{item.id} is a stereo set: correct the images that it is made of.")


def _write_down(
    connection: Connection, item: KnownItem, field: str, value: Any | None, reason: str, author: str
) -> None:
    """Store a correction, or delete it.

    Raises:
        CorrectionRefused: there is none to delete, or PostgreSQL cannot hold what it says.
    """
    if value is None:
        gone = connection.execute("DELETE FROM dinamis.correction WHERE item = %s AND field = %s", (item.id, field))
        if not gone.rowcount:
            raise CorrectionRefused(f"{field} of {item.id} is not corrected: there is nothing to remove.")
        return
    said = {"item": item.id, "field": field, "value": Jsonb(value, _STRICT_JSON), "reason": reason, "author": author}
    try:
        connection.execute(KEEP_CORRECTION, said)
    except (DataError, ValueError) as error:
        raise CorrectionRefused(
            f"{field} of {item.id} cannot be stored: numbers must be finite, and texts valid Unicode without NUL."
        ) from error


def _rebuild(
    connection: Connection, side: Connection, context: HarvestContext, item: KnownItem, told_by: str | None, what: str
) -> set[str]:
    """Rebuild the Item in a run of its own; returns the collections that this changes.

    Raises:
        CorrectionRefused: it would not be valid.
    """
    if told_by is None or not item.is_published:
        return set()
    feed = runs.kept_feed(connection, told_by)
    run = runs.begin(connection, feed, Request(), [Selection()], is_everything=False, kind="correct")
    part = runs.claim_part(connection, run)
    assert part is not None  # noqa: S101 - nobody else can see this run yet
    writing = PageWriting(connection, side, feed, run.id, context, WritingOptions())
    try:
        written = writing.rebuild([item.id])
    except UnreadableScene as error:
        raise CorrectionRefused(str(error)) from error
    writing.write_items()
    runs.advance(connection, part, None, written, is_done=True)
    runs.note(connection, run.id, "corrected", [(item.id, what, 1)])
    runs.end(connection, run.id, "succeeded")
    runs.unlock_part(connection, run.id, part.number)
    return writing.touched_collections()
