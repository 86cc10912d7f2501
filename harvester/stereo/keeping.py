"""Keeps stereo sets up to date: what a page of Items changes in the sets near them in time, in its transaction.

The scope of a page reaches one pass to either side of each Item: all sets within it are found again and compared with
the stored ones. Views are read as far again beyond, so that within the scope the same sets are found as over the whole
archive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import cast

import orjson
import shapely
from psycopg import Connection
from psycopg.rows import class_row
from psycopg.types.json import Json

from database.statements import statements
from footprints import DirectionSource, NormalisedDirection, Region, View
from harvester.stereo.rules import StereoRules
from harvester.stereo.scope import Scope, Span
from harvester.stereo.sets import LIMITS, FoundSet, find_sets
from harvester.stereo.stereo_items import Membership, memberships_of, published_suitability
from harvester.stereo.views import PlacedItem, ViewItem, view_items

Moment = tuple[str, datetime]  #: satellite, and when it took an image

#: Views of one set are of one pass, and each may stand for a record some seconds away.
REACH = timedelta(seconds=LIMITS.pass_s + 2 * LIMITS.duplicate_s)

FORMER_MOMENTS, KEEP_VIEWS, MOMENTS_IN_COMPANY, VIEWS_WITHIN, SETS_WITHIN, KEEP_ITEMS, KEEP_SET = statements(
    "harvester.stereo",
    "former_moments",
    "keep_views",
    "moments_in_company",
    "views_within",
    "sets_within",
    "keep_items",
    "keep_set",
)


@dataclass(frozen=True, kw_only=True)
class StoredSet:
    """A set as it is in the catalogue."""

    id: str
    collection: str
    platform: str
    started_at: datetime
    ended_at: datetime
    views: list[str]
    suitability: float
    digest: bytes

    def memberships(self) -> Iterable[tuple[str, Membership]]:
        """The Item of each view, with its membership."""
        for number, view in enumerate(self.views, 1):
            yield view, Membership(-self.suitability, self.id, self.collection, len(self.views), number)


@dataclass(frozen=True)
class BuiltSet:
    """A set with the digest of its Item."""

    found: FoundSet
    digest: bytes

    def as_row(self) -> Mapping[str, object]:
        """Its row, by column."""
        found = self.found
        return {
            "id": found.id,
            "collection": found.collection,
            "mode": found.mode,
            "platform": found.set.platform,
            "started_at": found.started_at,
            "ended_at": found.ended_at,
            "views": [view.item for view in found.views],
            "suitability": published_suitability(found),
            "digest": self.digest,
        }


@dataclass(frozen=True)
class SetChanges:
    """What changes in the sets near a page."""

    to_build: Sequence[FoundSet]  #: whose Items may change
    stored: Mapping[str, StoredSet]  #: all sets there now, by id
    gone: Sequence[StoredSet]
    memberships: Mapping[str, frozenset[Membership]]  #: of each Item near the page, as they will be
    changed_views: frozenset[str]  #: Items whose memberships change


NO_CHANGES = SetChanges((), {}, (), {}, frozenset())


class SetKeeping:
    """The stereo tables within one transaction, which the caller owns."""

    def __init__(self, connection: Connection, rules: StereoRules) -> None:
        self._connection = connection
        self._rules = rules

    def changes(self, placed: Iterable[PlacedItem], windows: Sequence[Span] = ()) -> SetChanges:
        """Write down Items as a page leaves them, and find what changes in the sets near them.

        Args:
            placed: Items that were written, moved or withdrawn.
            windows: further time spans in which to find sets again.
        """
        # Without collections of sets a harvest ignores sets; a rebuild removes the former ones.
        if not (self._rules.view_collections or windows):
            return NO_CHANGES
        placed = list(placed)
        views = view_items(each for each in placed if each.collection in self._rules.view_collections)
        touched = {each.item for each in placed}
        moments = self._former_moments(touched) | {(each.view.platform, each.view.acquired_at) for each in views}
        self._lock_days(moments)
        self._keep_views(views, touched - {each.item for each in views})
        # Most images stand alone, and make no set.
        scope = Scope([*windows, *(Span(*each, each[1]) for each in self._in_company(moments))]).widened(REACH)
        return self._compared(scope, touched) if scope.spans else NO_CHANGES

    def write(self, built: Iterable[BuiltSet], gone: Iterable[StoredSet], now: datetime) -> None:
        """Write down sets as their Items will be in the catalogue.

        Args:
            built: new or changed sets.
            gone: sets that no longer exist.
            now: UTC.
        """
        sets = list(built)
        self._keep_items(sets, now)
        self._keep_sets(sets)
        self._forget([each.id for each in gone])

    def created(self, sets: Collection[str]) -> dict[str, datetime]:
        """When the Items of sets were first created, for those that ever existed."""
        rows = self._connection.execute("SELECT id, created FROM dinamis.item WHERE id = ANY(%s)", (list(sets),))
        return dict(rows.fetchall())

    def _compared(self, scope: Scope, touched: Set[str]) -> SetChanges:
        stored = self._sets_in(scope.widened(REACH))
        found = [
            each
            for each in find_sets(self._views_in(scope.widened(REACH)), self._rules)
            if scope.holds(each.set.platform, each.started_at, each.ended_at)
        ]
        inside = {each.id for each in stored if scope.holds(each.platform, each.started_at, each.ended_at)}
        left = [each.memberships() for each in stored if each.id not in inside]
        before = _memberships(each.memberships() for each in stored)
        after = _memberships([*left, *map(memberships_of, found)])
        by_id = {each.id: each for each in stored}
        lasting = {each.id for each in found}
        views = before.keys() | after.keys()
        return SetChanges(
            to_build=[each for each in found if each.records & touched or _is_other(each, by_id.get(each.id))],
            stored=by_id,
            gone=[by_id[name] for name in sorted(inside - lasting)],
            memberships=after,
            changed_views=frozenset(view for view in views if _told(before.get(view)) != _told(after.get(view))),
        )

    def _former_moments(self, items: Set[str]) -> set[Moment]:
        """The times at which these Items were views until now."""
        return set(self._connection.execute(FORMER_MOMENTS, {"items": list(items)}).fetchall())

    def _lock_days(self, moments: Set[Moment]) -> None:
        """Lock out whoever looks for sets on the same days of the same satellites."""
        days = {
            (platform, end.astimezone(UTC).date())
            for platform, moment in moments
            for end in (moment - REACH, moment + REACH)
        }
        self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(day, 0)) FROM unnest(%s::text[]) AS day",
            ([f"stereo {platform} {day}" for platform, day in sorted(days)],),
        )

    def _keep_views(self, views: Sequence[ViewItem], gone: Collection[str]) -> None:
        """Write down views, and delete others."""
        self._connection.execute("DELETE FROM dinamis.stereo_view WHERE item = ANY(%b::text[])", (list(gone),))
        # Lists per column would be assembled element by element in Python.
        self._connection.execute(KEEP_VIEWS, {"views": Json(_rows(views), dumps=orjson.dumps)})

    def _in_company(self, moments: Set[Moment]) -> list[Moment]:
        """The moments near which there may be sets."""
        return self._connection.execute(
            MOMENTS_IN_COMPANY,
            {
                "platforms": [platform for platform, _ in moments],
                "times": [moment for _, moment in moments],
                "reach": REACH,
            },
        ).fetchall()

    def _views_in(self, scope: Scope) -> list[ViewItem]:
        rows = self._connection.execute(VIEWS_WITHIN, scope.as_arrays()).fetchall()
        footprints = shapely.from_wkb([bytes(row[6]) for row in rows]).tolist()
        return [_view_item(row, footprint) for row, footprint in zip(rows, footprints, strict=True)]

    def _sets_in(self, scope: Scope) -> list[StoredSet]:
        with self._connection.cursor(row_factory=class_row(StoredSet)) as sets:
            return sets.execute(SETS_WITHIN, scope.as_arrays()).fetchall()

    def _keep_items(self, sets: Sequence[BuiltSet], now: datetime) -> None:
        self._connection.execute(
            KEEP_ITEMS,
            {
                "now": now,
                "ids": [each.found.id for each in sets],
                "collections": [each.found.collection for each in sets],
                "archive": [any(view.is_archive for view in each.found.views) for each in sets],
            },
        )

    def _keep_sets(self, sets: Sequence[BuiltSet]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(KEEP_SET, [each.as_row() for each in sets])

    def _forget(self, sets: list[str]) -> None:
        self._connection.execute("DELETE FROM dinamis.stereo_set WHERE id = ANY(%s)", (sets,))
        self._connection.execute("UPDATE dinamis.item SET is_published = false WHERE id = ANY(%s)", (sets,))


def _is_other(found: FoundSet, stored: StoredSet | None) -> bool:
    return stored is None or (stored.collection, stored.views) != (
        found.collection,
        [view.item for view in found.views],
    )


def _told(memberships: Iterable[Membership] | None) -> list[Membership]:
    """What an Item shows of its sets: their order, not the differences in suitability."""
    return [replace(each, rank=0.0) for each in sorted(memberships or ())]


def _memberships(told: Iterable[Iterable[tuple[str, Membership]]]) -> dict[str, frozenset[Membership]]:
    by_item: defaultdict[str, set[Membership]] = defaultdict(set)
    for each in told:
        for item, membership in each:
            by_item[item].add(membership)
    return {item: frozenset(memberships) for item, memberships in by_item.items()}


def _rows(views: Sequence[ViewItem]) -> list[dict[str, object]]:
    """Views as rows of `dinamis.stereo_view`, as JSON data."""
    footprints = shapely.to_wkb([each.view.footprint for each in views], hex=True).tolist()
    return [
        {
            "item": each.item,
            "scene": each.scene,
            "collection": each.collection,
            "is_archive": each.is_archive,
            "platform": each.view.platform,
            "acquired_at": each.view.acquired_at,
            "footprint": f"\\x{footprint}",
            "azimuth": each.view.direction.azimuth_deg,
            "incidence": each.view.direction.incidence_deg,
            "direction_source": int(each.view.direction.source),
            "cloud_cover": each.view.cloud_cover_percent,
            "sun_azimuth": each.view.sun_azimuth_deg,
            "sun_elevation": each.view.sun_elevation_deg,
            "gsd": each.view.gsd_m,
        }
        for each, footprint in zip(views, footprints, strict=True)
    ]


def _view_item(row: Sequence[object], footprint: object) -> ViewItem:
    (item, scene, collection, is_archive, platform, acquired_at, _, azimuth, incidence, source, *rest) = row
    cloud, sun_azimuth, sun_elevation, gsd = cast("list[float | None]", rest)
    direction = NormalisedDirection(
        cast("float | None", azimuth), cast("float | None", incidence), DirectionSource(cast("int", source))
    )
    view = View(
        id=str(item),
        platform=str(platform),
        acquired_at=cast("datetime", acquired_at),
        footprint=cast("Region", footprint),
        direction=direction,
        cloud_cover_percent=cloud,
        sun_azimuth_deg=sun_azimuth,
        sun_elevation_deg=sun_elevation,
        gsd_m=gsd,
    )
    return ViewItem(scene=str(scene), collection=str(collection), is_archive=bool(is_archive), view=view)
