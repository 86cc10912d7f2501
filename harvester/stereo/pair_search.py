"""Searches for stereo sets and their views: only in pgSTAC, as the role of the API may read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.types.json import Jsonb

from database.statements import statement
from harvester.items.document import ItemDocument
from harvester.record import known
from harvester.stereo.errors import StereoSearchRefused, StereoSetUnknown
from harvester.stereo.held_views import Places

VIEWS_OF_SET = statement("harvester.stereo", "views_of_set")

Condition = Mapping[str, Any]  #: in CQL2 JSON
Bounds = tuple[float | None, float | None]  #: inclusive; None where open

CONVERGENCE = "stereo:convergence_angle"
VIEW_COUNT = "stereo:view_count"
MOST_SETS = 10_000


@dataclass(frozen=True, kw_only=True)
class StereoQuestion:
    """Which sets are wanted; an unknown quantity meets no bounds."""

    collections: Sequence[str]  #: collections of stereo sets
    intersects: Mapping[str, Any] | None = None  #: a geometry of GeoJSON, cut at the antimeridian
    datetime: str | None = None  #: an RFC 3339 instant or interval, `..` where open
    ids: Sequence[str] | None = None
    mode: str | None = None  #: stereo or tri-stereo
    held: bool | None = None  #: true: every view is held
    bounds: Mapping[str, Bounds] | None = None  #: by property name
    convergence_by_views: Mapping[int, Bounds] | None = None  #: required by a chain, by number of views, in degrees
    limit: int = 1000  #: 1 to MOST_SETS


def find_sets(connection: Connection, question: StereoQuestion) -> list[ItemDocument]:
    """The sets that meet all conditions, the most suitable first, equally suitable ones in chronological order.

    Raises:
        StereoSearchRefused: pgSTAC does not have a property, or cannot parse a time.
    """
    if not question.collections:
        return []
    try:
        row = connection.execute("SELECT pgstac.search(%s)", (Jsonb(_as_search(question)),)).fetchone()
    except (psycopg.DataError, psycopg.InternalError, psycopg.ProgrammingError) as error:
        raise StereoSearchRefused(
            f"{error.diag.message_primary} Times are written as in RFC 3339; `dinamis collections load` publishes the "
            "properties of stereo sets where nothing was harvested yet."
        ) from error
    return list(row[0]["features"]) if row else []


def set_called(connection: Connection, name: str, collections: Sequence[str]) -> ItemDocument:
    """The set with this id.

    Raises:
        StereoSetUnknown: No collection has it.
    """
    found = find_sets(connection, StereoQuestion(collections=collections, ids=[name]))
    if not found:
        raise StereoSetUnknown(f"There is no {name}: `dinamis stereo search` lists those there are.")
    return found[0]


def views_of(connection: Connection, pair: ItemDocument) -> list[tuple[ItemDocument, Places]]:
    """The Items of the views of a set in chronological order, each with the places of its files.

    Raises:
        StereoSetUnknown: A view has left the catalogue.
    """
    names = pair["properties"]["stereo:views"]
    collections = list(pair["properties"].get("dinamis:view_collections") or [])
    rows = connection.execute(VIEWS_OF_SET, {"names": names, "collections": collections}).fetchall()
    views: dict[str, tuple[ItemDocument, Places]] = {item["id"]: (item, places or {}) for item, places in rows}
    if gone := [name for name in names if name not in views]:
        raise StereoSetUnknown(f"{', '.join(gone)}, of which {pair['id']} is made, left it: search again.")
    return [views[name] for name in names]


def _as_search(question: StereoQuestion) -> dict[str, Any]:
    """The body of a pgSTAC search."""
    wanted = {
        "collections": list(question.collections),
        "intersects": question.intersects,
        "datetime": question.datetime,
        "ids": question.ids,
        "filter": _all_of(_conditions(question)),
        "sortby": [
            {"field": "stereo:suitability", "direction": "desc"},
            {"field": "datetime", "direction": "asc"},
            {"field": "id", "direction": "asc"},
        ],
        "limit": question.limit,
    }
    return known(wanted) | {"filter-lang": "cql2-json"}


def _conditions(question: StereoQuestion) -> list[Condition]:
    conditions = [
        *(_is("=", name, value) for name, value in _facts(question).items()),
        *(part for name, bounds in (question.bounds or {}).items() for part in _within(name, bounds)),
    ]
    if question.convergence_by_views:
        conditions.append({"op": "or", "args": [_chain(*each) for each in question.convergence_by_views.items()]})
    return conditions


def _facts(question: StereoQuestion) -> dict[str, Any]:
    return known({"stereo:mode": question.mode, "dinamis:held": question.held})


def _chain(view_count: int, bounds: Bounds) -> Condition:
    return {"op": "and", "args": [_is("=", VIEW_COUNT, view_count), *_within(CONVERGENCE, bounds)]}


def _within(name: str, bounds: Bounds) -> list[Condition]:
    return [_is(op, name, bound) for op, bound in zip((">=", "<="), bounds, strict=True) if bound is not None]


def _is(op: str, name: str, value: object) -> Condition:
    return {"op": op, "args": [{"property": name}, value]}


def _all_of(conditions: Sequence[Condition]) -> Condition | None:
    return {"op": "and", "args": conditions} if conditions else None
