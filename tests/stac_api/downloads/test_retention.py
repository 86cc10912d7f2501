"""What is kept of downloads, and for how long."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from click.testing import Result

from database import Database
from tests.stac_api.access.invented_people import People
from tests.stac_api.operators import Operator

NOW = datetime.now(UTC)


def typed(database: Database, *words: str) -> Result:
    """What `dinamis downloads` answers."""
    return Operator(database).tries("downloads", *words)


def download(database: Database, days_ago: int, **fields: Any) -> None:
    """An event of so long ago."""
    event = {"at": NOW - timedelta(days=days_ago), "category": "SCI_FR", "collection": "pleiades", "bytes": 10} | fields
    with database.connect("owner") as connection:
        connection.execute(
            "INSERT INTO dinamis.download_event (at, pseudonym, category, collection, item, asset, bytes, network)"
            " VALUES (%(at)s, gen_random_uuid(), %(category)s, %(collection)s, 'IMAGE', 'pan', %(bytes)s, 'unknown')",
            event,
        )


def counted(database: Database) -> dict[tuple[str, str], tuple[int, int | None]]:
    """Downloads and bytes of each collection and category, over all months."""
    found: dict[tuple[str, str], tuple[int, int | None]] = {}
    for each in json.loads(typed(database, "count", "--json").stdout):
        key = (each["collection"], each["category"])
        downloads, size = found.get(key, (0, None))
        added = None if size is None and each["bytes"] is None else (size or 0) + (each["bytes"] or 0)
        found[key] = (downloads + each["downloads"], added)
    return found


def events(database: Database) -> int:
    """How many single events there are."""
    with database.connect("owner") as connection:
        ((number,),) = connection.execute("SELECT count(*) FROM dinamis.download_event").fetchall()
    return int(number)


def test_counts_outlive_the_events(database: Database) -> None:
    """What is forgotten of people is still counted, once, however often it is asked for."""
    for days_ago in (900, 899, 500, 3):
        download(database, days_ago)
    download(database, 500, category="PUBLIC", bytes=None)
    before = counted(database)
    assert before == {("pleiades", "SCI_FR"): (4, 40), ("pleiades", "PUBLIC"): (1, None)}
    assert typed(database, "forget", "--months", "24").output == "forgotten: 2\n"
    assert typed(database, "forget").output == "forgotten: 2\n"
    assert typed(database, "forget").output == "forgotten: 0\n"
    assert (events(database), counted(database)) == (1, before)


def test_whole_months_are_forgotten(database: Database) -> None:
    """The month that is 13 months before the current one stays to its first day, so that no month is half counted."""
    first_kept = datetime(NOW.year - 1 - (NOW.month == 1), (NOW.month - 2) % 12 + 1, 1, tzinfo=UTC)
    download(database, 0, at=first_kept)
    download(database, 0, at=first_kept - timedelta(microseconds=1))
    assert typed(database, "forget").output == "forgotten: 1\n"
    months = [each["month"] for each in json.loads(typed(database, "count", "--json").stdout)]
    assert months == [f"{first_kept:%Y-%m-%d}", f"{first_kept - timedelta(days=1):%Y-%m}-01"]


def test_last_year_is_never_forgotten(database: Database) -> None:
    """Neither by the command, nor by the owner of the database; and counts are not rewritten."""
    download(database, 360)
    assert typed(database, "forget", "--months", "11").exit_code == 2
    download(database, 900)
    assert typed(database, "forget").exit_code == 0
    for rewriting in (
        "DELETE FROM dinamis.download_event",
        "UPDATE dinamis.download_event SET bytes = 0",
        "UPDATE dinamis.download_month SET downloads = 9",
        "DELETE FROM dinamis.download_month",
    ):
        with database.connect("owner") as connection, pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute(rewriting.encode())


def test_server_can_forget_nothing(database: Database) -> None:
    """Only the owner of the database may, whatever somebody makes the server do."""
    download(database, 900)
    with database.connect("api") as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM dinamis.download_event")


def test_forgetting_is_in_the_trail(database: Database) -> None:
    """Who forgot how much by which rule can be shown, and only an operator may be named."""
    download(database, 900)
    with database.connect("owner", autocommit=True) as connection:
        People(connection).person("olga", is_operator=True)
        People(connection).person("bob")
    assert "is no operator" in typed(database, "forget", "--by", "bob@example.org").output
    assert typed(database, "forget", "--by", "olga@example.org").exit_code == 0
    with database.connect("owner") as connection:
        ((actor, detail),) = connection.execute(
            "SELECT person.name, event.detail FROM dinamis.audit_event AS event"
            " INNER JOIN dinamis.person ON event.actor = person.id WHERE action = 'downloads.forget'"
        ).fetchall()
    assert (actor, detail["forgotten"], detail["months_kept"]) == ("olga", 1, 13)
