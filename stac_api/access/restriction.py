"""Which part of the catalogue a reader sees: computed once per set of categories, policy set and list of collections.

Two readers with the same categories see the same. What a reader does not see is answered as if it did not exist.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from asyncpg import Connection
from fastapi import Request

from database.statements import statement
from stac_api.access.authorize import Action, Resource, authorize, views_filter
from stac_api.access.credentials.resolver import principal_of
from stac_api.access.policy import Category, PolicySet
from stac_api.access.principal import Principal
from stac_api.access.rules.in_force import policies_in_force
from stac_api.remembered import Remembered

#: After this many seconds, searches on every server know a new collection.
OLDEST_LIST_S = 1.0

PRESENT_COLLECTIONS = statement("stac_api.access", "present_collections")

#: An id that no collection has: pgSTAC takes an empty list for an error, or for no condition at all.
NO_COLLECTION = ""


@dataclass(frozen=True, kw_only=True)
class Restriction:
    """What readers with the same categories see."""

    is_none: bool = False  #: they see everything, also what is just being added
    collections: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()  #: those of them with stereo sets
    hides: bool = False  #: whether others may see more, by the rules: it discloses nothing of the catalogue

    def shows(self, collection: str) -> bool:
        """Whether the reader sees a collection."""
        return self.is_none or collection in self.collections

    def among(self, named: Collection[str] | None) -> list[str] | None:
        """The visible ones of the named collections, or of all; None if no condition is needed."""
        if self.is_none:
            return None if named is None else list(named)
        seen = self.collections if named is None else self.collections & set(named)
        return sorted(seen) or [NO_COLLECTION]

    def condition(self, collections: Collection[str]) -> dict[str, Any] | None:
        """CQL2 (JSON) that lets stereo sets pass whose views are all visible; None if there are no sets."""
        if self.is_none or self.sets.isdisjoint(collections):
            return None
        return views_filter(self.sets.intersection(collections), self.collections)


NO_RESTRICTION = Restriction(is_none=True)


@dataclass(frozen=True)
class PresentCollection:
    """The properties of a collection that decide whether it is visible, and what its stereo sets are."""

    id: str
    holds_sets: bool
    view_collections: frozenset[str]  #: collections of the views of its stereo sets
    modes: frozenset[str]  #: of its stereo sets

    @property
    def resource(self) -> Resource:
        """The resource for decisions; to a collection of stereo sets, the rules of all its view collections apply."""
        return Resource(collection=self.id, view_collections=self.view_collections)


@dataclass(kw_only=True)
class PresentCollections(Remembered):
    """The collections of the catalogue, and the restrictions that follow from them."""

    NAME = "present_collections"

    collections: frozenset[PresentCollection] = frozenset()
    restrictions: dict[frozenset[Category], tuple[PolicySet, Restriction]] = field(default_factory=dict)

    async def read(self, connection: Connection) -> None:
        """Reload the collections, and drop the restrictions if they have changed."""
        rows: list[Mapping[str, Any]] = await connection.fetch(PRESENT_COLLECTIONS)
        collections = frozenset(
            PresentCollection(
                row["id"], bool(row["holds_sets"]), frozenset(row["view_collections"]), frozenset(row["modes"])
            )
            for row in rows
        )
        if collections != self.collections:
            self.collections = collections
            self.restrictions.clear()


async def restriction_of(request: Request) -> Restriction:
    """The restriction of the caller; determined once per request."""
    state = request.scope.setdefault("state", {})
    if "restriction" not in state:
        state["restriction"] = await _restriction(request, OLDEST_LIST_S)
    restriction: Restriction = state["restriction"]
    return restriction


async def sees_collection(request: Request, collection: str) -> bool:
    """Whether the caller sees a collection.

    An unknown one is looked up again, whether hidden or absent: a new collection is found at once, and both cases take
    the same time.
    """
    restriction = await restriction_of(request)
    if not restriction.shows(collection):
        restriction = request.scope["state"]["restriction"] = await _restriction(request, 0)
    return restriction.shows(collection)


async def saw_collection(request: Request, collection: str, at: datetime) -> bool:
    """Whether the caller saw a collection under the rules of a time, given the caller's present categories."""
    present = (await present_collections(request)).get(collection)
    principal, policies = await principal_of(request), await policies_in_force(request, at=at)
    return present is not None and authorize(principal, Action.VIEW, present.resource, policies).allowed


async def present_collections(request: Request, oldest_s: float = OLDEST_LIST_S) -> dict[str, PresentCollection]:
    """All collections of the catalogue by id, for any caller; from a list at most `oldest_s` seconds old."""
    return {each.id: each for each in (await PresentCollections.recent(request, oldest_s)).collections}


async def _restriction(request: Request, oldest_s: float) -> Restriction:
    principal, policies = await principal_of(request), await policies_in_force(request)
    if policies is None:
        return Restriction(hides=True)
    if principal.is_operator or policies.shows_everything(principal.categories):
        return NO_RESTRICTION
    known = await PresentCollections.recent(request, oldest_s)
    worked_out = known.restrictions.get(principal.categories)
    if worked_out is None or worked_out[0] is not policies:
        worked_out = policies, restriction(principal, known.collections, policies)
        known.restrictions[principal.categories] = worked_out
    return worked_out[1]


def restriction(principal: Principal, present: Collection[PresentCollection], policies: PolicySet) -> Restriction:
    """What a principal sees of the existing collections."""
    seen = [each for each in present if authorize(principal, Action.VIEW, each.resource, policies).allowed]
    return Restriction(
        collections=frozenset(each.id for each in seen),
        sets=frozenset(each.id for each in seen if each.holds_sets),
        # Collections without a rule are visible to operators only, which the rules alone do not show.
        hides=policies.hides_what_others_see(principal.categories) or len(seen) < len(present),
    )
