"""How long the record of downloads tells who had which image, and what is kept of it afterwards. For commands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from psycopg import Connection
from psycopg.rows import class_row

from database.statements import statements
from stac_api.access.register.audit import Actor, note

FORGET, BY_MONTH = statements("stac_api.downloads", "forget_downloads", "downloads_by_month")


@dataclass(frozen=True, kw_only=True)
class MonthlyDownloads:
    """What people of one category had of one collection in a month."""

    month: date  #: its first day, UTC
    collection: str
    category: str
    downloads: int
    bytes: int | None  #: of the files that were sent whole; None where none was


def forget_downloads(connection: Connection[Any], actor: Actor, months: int) -> int:
    """Count the downloads of the months before the last ones, and forget who had which image.

    Args:
        connection: As the owner of the database.
        actor: Who does it.
        months: How many whole months before the current one are kept as they are, 12 at least: the database
            lets nobody remove what is younger.

    Returns:
        How many were forgotten.
    """
    with connection.transaction():
        ((forgotten,),) = connection.execute(FORGET, {"months": months}).fetchall()
        if forgotten:
            note(connection, actor, "downloads.forget", "downloads", months_kept=months, forgotten=forgotten)
    return int(forgotten)


def downloads_by_month(connection: Connection[Any]) -> list[MonthlyDownloads]:
    """What was downloaded, the latest month first, those forgotten too."""
    with connection.cursor(row_factory=class_row(MonthlyDownloads)) as cursor:
        return cursor.execute(BY_MONTH).fetchall()
