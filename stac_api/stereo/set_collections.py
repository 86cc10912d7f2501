"""Which collections hold stereo sets, from their summaries: `stereo:mode` and `dinamis:view_collections`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Connection

from database.statements import statement
from stac_api.errors import UnusableStereoSearch

_SQL = statement("stac_api.stereo", "set_collections")


@dataclass(frozen=True)
class SetCollection:
    """One collection of stereo sets."""

    id: str
    modes: frozenset[str]
    view_collections: frozenset[str]  #: collections of the images in its sets


@dataclass(frozen=True)
class Places:
    """Where a search looks: in stored sets, or in images among which sets are found."""

    sets: list[str]  #: collections of stored sets; empty when these cannot answer
    views: list[str]  #: collections of images; empty means all
    only_views: list[str]  #: stored sets match if all their images are in these; empty means any
    all_sets: list[str]  #: all collections of stored sets


async def set_collections(connection: Connection) -> list[SetCollection]:
    """All collections of stereo sets."""
    return [
        SetCollection(row["id"], frozenset(row["modes"]), frozenset(row["view_collections"]))
        for row in await connection.fetch(_SQL)
    ]


def places_of(known: Sequence[SetCollection], named: Sequence[str], modes: Sequence[str]) -> Places:
    """Where to look for sets.

    Args:
        known: All collections of sets.
        named: Those named in the request, of sets or of images; empty means all.
        modes: Of the wanted sets.

    Raises:
        UnusableStereoSearch: both kinds are named.
    """
    all_sets = [each.id for each in known]
    of_sets = [each for each in known if each.id in named]
    if of_sets and len(of_sets) < len(set(named)):
        raise UnusableStereoSearch("Name either collections of stereo sets or collections of images.")
    if of_sets:
        return Places([each.id for each in of_sets], _views_of(of_sets), [], all_sets)
    fitting = [each for each in known if each.modes & set(modes)]
    if not named:
        return Places([each.id for each in fitting], _views_of(known), [], all_sets)
    taking = [each.id for each in fitting if each.view_collections & set(named)]
    is_stored = set(named) <= set(_views_of(fitting))
    return Places(taking if is_stored else [], list(named), list(named), all_sets)


def _views_of(collections: Sequence[SetCollection]) -> list[str]:
    return sorted({view for each in collections for view in each.view_collections})
