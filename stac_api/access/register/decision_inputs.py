"""A person and an image in the form that decisions need. For commands, with psycopg."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import Connection, RawCursor

from database.statements import statement
from stac_api.access.authorize import Resource
from stac_api.access.errors import Unknown
from stac_api.access.policy import Category
from stac_api.access.principal import Capacity, Principal, Signature, Standing
from stac_api.access.register.people import Person, capacities_of

RESOURCE_OF_ITEM = statement("stac_api.access", "resource_of_item")
PRESENT_COLLECTIONS = statement("stac_api.access", "present_collections")


def principal_at(connection: Connection[Any], person: Person, at: datetime) -> Principal:
    """The principal of a person at a time; signatures count whenever they were given."""
    signed = connection.execute(
        "SELECT DISTINCT licence, version, entity FROM dinamis.licence_signature WHERE person = %s", (person.id,)
    )
    return Principal(
        credential="bearer",
        person=person.id,
        is_operator=person.is_operator and person.state == "active",
        capacities=tuple(
            Capacity(
                category=Category(each.category),
                entity=each.entity,
                framework=each.framework,
                standing=Standing(each.standing),
            )
            for each in capacities_of(connection, person.id, at)
        ),
        signatures=frozenset(
            Signature(licence=licence, version=version, entity=entity) for licence, version, entity in signed
        ),
    )


def resource_of(connection: Connection[Any], collection: str, item: str | None = None) -> Resource:
    """A collection, which need not be in the catalogue yet, or one of its Items.

    Raises:
        Unknown: there is no such Item.
    """
    if item is None:
        views = {str(row[0]): row[2] for row in connection.execute(PRESENT_COLLECTIONS)}
        return Resource(collection=collection, view_collections=frozenset(views.get(collection, ())))
    row: Sequence[Any] | None = RawCursor(connection).execute(RESOURCE_OF_ITEM, (collection, item)).fetchone()
    if row is None:
        raise Unknown(f"the Item {item} of {collection}.")
    geometry, view_collections = row
    return Resource.of_item(collection, view_collections, geometry)
