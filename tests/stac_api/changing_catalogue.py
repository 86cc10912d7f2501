"""A catalogue whose Items come, change, leave, return and move, with the marks that the harvester leaves of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg

from database import Database
from tests.stac_api.invented_catalogue import Site, a_collection, load

PLACES = ("here", "there")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)

#: First published, or published again after not being there, is a first change; else the first change stays.
PUBLISHED = """
INSERT INTO dinamis.item AS known
    (id, scene, collection, is_published, created, updated, change, first_change)
SELECT %(id)s, %(id)s, %(collection)s, true, %(now)s, %(now)s, number, number FROM nextval('dinamis.change') AS number
ON CONFLICT (id) DO UPDATE SET
    collection = excluded.collection, is_published = true, updated = excluded.updated, change = excluded.change,
    first_change = CASE
        WHEN known.is_published AND known.collection = excluded.collection THEN known.first_change
        ELSE excluded.change
    END
"""
_BURY = """
INSERT INTO dinamis.tombstone (collection, item, withdrawn_at, reason)
VALUES (%(collection)s, %(id)s, %(now)s, %(reason)s)
ON CONFLICT (collection, item) DO UPDATE SET
    withdrawn_at = excluded.withdrawn_at, reason = excluded.reason, change = excluded.change
"""


class ChangingCatalogue:
    """Two collections, and a day between any two changes."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = BEGINNING
        self.standing: dict[str, str] = {}  #: Item -> the collection in which it stands
        load(database, [a_collection(place, place, "Invented.") for place in PLACES], [])

    def put(self, item: str, collection: str = "here") -> None:
        """Publish an Item, or change it; from another collection it moves."""
        with self._change() as connection:
            former = self.standing.get(item, collection)
            if former != collection:
                self._bury(connection, item, former, "It was moved.")
            connection.execute(
                "INSERT INTO dinamis.scene (id, created) VALUES (%s, %s) ON CONFLICT DO NOTHING", (item, self.now)
            )
            connection.execute(PUBLISHED, {"id": item, "collection": collection, "now": self.now})
            if self.now.day % 2:  # a tombstone may go or stay when the Item is back: it has to make no difference
                connection.execute(
                    "DELETE FROM dinamis.tombstone WHERE item = %s AND collection = %s", (item, collection)
                )
        self.standing[item] = collection

    def withdraw(self, item: str, reason: str = "The source does not have it any more.") -> None:
        """Take an Item out of the collection in which it stands."""
        collection = self.standing.pop(item)
        with self._change() as connection:
            connection.execute("UPDATE dinamis.item SET is_published = false WHERE id = %s", (item,))
            self._bury(connection, item, collection, reason)

    def standing_in(self, collection: str) -> set[str]:
        """The Items that stand in a collection."""
        return {item for item, place in self.standing.items() if place == collection}

    def _change(self) -> psycopg.Connection:
        self.now += timedelta(days=1)
        return psycopg.connect(self.database.conninfo("harvest"))

    def _bury(self, connection: psycopg.Connection, item: str, collection: str, reason: str) -> None:
        values = {"collection": collection, "id": item, "now": self.now, "reason": reason}
        connection.execute(_BURY, values)


class Follower:
    """Another catalogue, which follows one collection with nothing but the cursor."""

    def __init__(self, site: Site, collection: str, limit: int) -> None:
        self.site, self.path, self.limit = site, f"/collections/{collection}/changes", limit
        self.cursor: str | None = None
        self.held: set[str] = set()

    def step(self) -> bool:
        """Take one page; whether more is waiting."""
        answer = self.site.get(self.path, params={"since": self.cursor, "limit": self.limit})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        for change in page["changes"]:
            (self.held.discard if change["type"] == "withdrawn" else self.held.add)(change["id"])
        self.cursor = page["cursor"]
        return any(link["rel"] == "next" for link in page["links"])

    def catch_up(self) -> None:
        """Take page after page until nothing is waiting."""
        while self.step():
            pass
