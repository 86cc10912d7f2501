"""Keeping stereo sets true: what a page of Items makes of the sets near them in time, inside the page's transaction.

Around each Item of the page there is a scope, as far as one pass reaches: all sets within it are found anew and held
against those that are stored. What is read reaches as far again, so that what is found in the scope is what would be
found over the whole archive.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, cast

import shapely
from psycopg import Connection
from psycopg.rows import class_row

from footprints import DirectionSource, NormalisedDirection, View
from footprints.wrapping import Region
from harvester.stereo.rules import StereoRules
from harvester.stereo.sets import LIMITS, FoundSet, find_sets
from harvester.stereo.stereo_items import Membership, memberships_of, published_suitability
from harvester.stereo.views import PlacedItem, ViewItem, view_items

#: Views of one set lie within a pass, and each may stand for a record some seconds beside it.
REACH = timedelta(seconds=LIMITS.pass_s + 2 * LIMITS.duplicate_s)


@dataclass(frozen=True, order=True)
class Span:
    """A stretch of time of one satellite, both ends within."""

    platform: str
    first: datetime
    last: datetime

    def widened(self, reach: timedelta) -> Span:
        """The span with so much more at both ends."""
        return Span(self.platform, self.first - reach, self.last + reach)


class Scope:
    """Stretches of time of satellites; those that meet are one."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self.spans: list[Span] = []
        for span in sorted(spans):
            before = self.spans[-1] if self.spans else None
            if before and before.platform == span.platform and span.first <= before.last:
                self.spans[-1] = Span(before.platform, before.first, max(before.last, span.last))
            else:
                self.spans.append(span)
        self._starts = [(span.platform, span.first) for span in self.spans]

    def widened(self, reach: timedelta) -> Scope:
        """The scope with so much more at both ends of each stretch."""
        return Scope(span.widened(reach) for span in self.spans)

    def holds(self, platform: str, first: datetime, last: datetime) -> bool:
        """Whether something lies within one of the stretches."""
        place = bisect_right(self._starts, (platform, first)) - 1
        return place >= 0 and self.spans[place].platform == platform and last <= self.spans[place].last

    def as_arrays(self) -> tuple[list[str], list[datetime], list[datetime]]:
        """Satellites, beginnings and ends."""
        spans = self.spans
        return [each.platform for each in spans], [each.first for each in spans], [each.last for each in spans]


@dataclass(frozen=True, kw_only=True)
class StoredSet:
    """A set as it stands in the catalogue."""

    id: str
    collection: str
    platform: str
    started_at: datetime
    ended_at: datetime
    views: list[str]
    suitability: float
    digest: bytes

    def memberships(self) -> Iterable[tuple[str, Membership]]:
        """The Item of each view with what it is in the set."""
        for number, view in enumerate(self.views, 1):
            yield view, Membership(-self.suitability, self.id, self.collection, len(self.views), number)


@dataclass(frozen=True)
class BuiltSet:
    """A set with the digest of its Item."""

    found: FoundSet
    digest: bytes


@dataclass(frozen=True)
class SetChanges:
    """What becomes of the sets near a page."""

    to_build: Sequence[FoundSet]  #: whose Items may be other than they are
    stored: Mapping[str, StoredSet]  #: all that stand there now, by id
    gone: Sequence[StoredSet]
    memberships: Mapping[str, frozenset[Membership]]  #: of each Item near the page, as they are to be
    changed_views: frozenset[str]  #: Items whose memberships are not what they were


NO_CHANGES = SetChanges((), {}, (), {}, frozenset())


class SetKeeping:
    """The tables of stereo as one transaction, which the caller owns, sees them."""

    def __init__(self, connection: Connection, rules: StereoRules) -> None:
        self._connection = connection
        self._rules = rules

    def changes(self, placed: Iterable[PlacedItem], windows: Sequence[Span] = ()) -> SetChanges:
        """Write down Items as a page leaves them, and find what becomes of the sets near them.

        Args:
            placed: Items that were written, moved or withdrawn.
            windows: where sets are to be found anew beside that.
        """
        if not self._rules.view_collections:
            return NO_CHANGES
        placed = list(placed)
        views = view_items(each for each in placed if each.collection in self._rules.view_collections)
        moments = [Span(each.view.platform, each.view.acquired_at, each.view.acquired_at) for each in views]
        self._lock_days(moments)
        former = self._keep_views(views, {each.item for each in placed} - {each.item for each in views})
        scope = Scope([*moments, *former, *windows]).widened(REACH)
        near = self._views_in(scope.widened(REACH)) if scope.spans else []
        # Most images stand alone; then a set can only be stored where its views were until now.
        if not (near or former or windows):
            return NO_CHANGES
        return self._compared(scope, near, {each.item for each in placed})

    def write(self, built: Iterable[BuiltSet], gone: Iterable[StoredSet], now: datetime) -> None:
        """Write down sets as their Items stand in the catalogue from now on.

        Args:
            built: that are new, or other than they were.
            gone: that are no more.
            now: UTC.
        """
        sets = list(built)
        self._keep_items(sets, now)
        self._keep_sets(sets)
        self._forget([each.id for each in gone])

    def created(self, sets: Collection[str]) -> dict[str, datetime]:
        """When the Items of sets were made first, those that were ever made."""
        rows = self._connection.execute("SELECT id, created FROM dinamis.item WHERE id = ANY(%s)", (list(sets),))
        return dict(rows.fetchall())

    def _compared(self, scope: Scope, near: Sequence[ViewItem], touched: Set[str]) -> SetChanges:
        stored = self._sets_in(scope.widened(REACH))
        found = [
            each
            for each in find_sets(near, self._rules)
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

    def _lock_days(self, moments: Iterable[Span]) -> None:
        """Take turns with whoever looks for sets on the same days of the same satellites."""
        near = [moment.widened(REACH) for moment in moments]
        days = {f"stereo {span.platform} {end.astimezone(UTC):%F}" for span in near for end in (span.first, span.last)}
        self._connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(day, 0)) FROM unnest(%s::text[]) AS day", (sorted(days),)
        )

    def _keep_views(self, views: Sequence[ViewItem], gone: Collection[str]) -> list[Span]:
        """Write down views, and forget others; gives the moments at which any of them were until now."""
        rows = self._connection.execute(
            "WITH former AS (SELECT platform, acquired_at FROM dinamis.stereo_view"
            "  WHERE item = ANY(%(items)s) OR item = ANY(%(gone)s)),"
            " forgotten AS (DELETE FROM dinamis.stereo_view WHERE item = ANY(%(gone)s)),"
            " kept AS (INSERT INTO dinamis.stereo_view (item, scene, collection, is_archive, platform, acquired_at,"
            "  footprint, azimuth, incidence, direction_source, cloud_cover, sun_azimuth, sun_elevation, gsd)"
            "  SELECT * FROM unnest(%(items)s::text[], %(scenes)s::text[], %(collections)s::text[],"
            "   %(archive)s::boolean[], %(platforms)s::text[], %(times)s::timestamptz[], %(footprints)b::bytea[],"
            "   %(azimuths)s::float8[], %(incidences)s::float8[], %(sources)s::smallint[], %(clouds)s::float8[],"
            "   %(sun_azimuths)s::float8[], %(sun_elevations)s::float8[], %(gsds)s::float8[])"
            "  ON CONFLICT (item) DO UPDATE SET scene = excluded.scene, collection = excluded.collection,"
            "   is_archive = excluded.is_archive, platform = excluded.platform, acquired_at = excluded.acquired_at,"
            "   footprint = excluded.footprint, azimuth = excluded.azimuth, incidence = excluded.incidence,"
            "   direction_source = excluded.direction_source, cloud_cover = excluded.cloud_cover,"
            "   sun_azimuth = excluded.sun_azimuth, sun_elevation = excluded.sun_elevation, gsd = excluded.gsd)"
            " SELECT platform, acquired_at FROM former",
            {"gone": list(gone), **_columns(views)},
        )
        return [Span(platform, moment, moment) for platform, moment in rows]

    def _views_in(self, scope: Scope) -> list[ViewItem]:
        """The views in a scope that are not alone in their pass."""
        rows = self._connection.execute(
            # OFFSET 0 keeps the planner to the index on platform and time, where it would compare every stretch with
            # every view of the satellite.
            "SELECT near.* FROM"
            " unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS span (platform, first, last)"
            " CROSS JOIN LATERAL (SELECT item, scene, collection, is_archive, platform, acquired_at, footprint,"
            "  azimuth, incidence, direction_source, cloud_cover, sun_azimuth, sun_elevation, gsd"
            "  FROM dinamis.stereo_view"
            "  WHERE stereo_view.platform = span.platform AND acquired_at BETWEEN span.first AND span.last OFFSET 0)"
            " AS near ORDER BY near.platform, near.acquired_at",
            scope.as_arrays(),
        ).fetchall()
        rows = list(_in_company(rows))
        footprints = shapely.from_wkb([bytes(row[6]) for row in rows]).tolist()
        return [_view_item(row, footprint) for row, footprint in zip(rows, footprints, strict=True)]

    def _sets_in(self, scope: Scope) -> list[StoredSet]:
        with self._connection.cursor(row_factory=class_row(StoredSet)) as sets:
            sets.execute(
                "SELECT near.* FROM"
                " unnest(%s::text[], %s::timestamptz[], %s::timestamptz[]) AS span (platform, first, last)"
                " CROSS JOIN LATERAL (SELECT id, collection, platform, started_at, ended_at, views, suitability,"
                "  digest FROM dinamis.stereo_set WHERE stereo_set.platform = span.platform"
                "  AND started_at BETWEEN span.first AND span.last OFFSET 0) AS near",
                scope.as_arrays(),
            )
            return sets.fetchall()

    def _keep_items(self, sets: Sequence[BuiltSet], now: datetime) -> None:
        self._connection.execute(
            "INSERT INTO dinamis.item"
            " (id, collection, is_published, is_archive, created, updated, first_change, change)"
            " SELECT id, collection, true, is_archive, %(now)s, %(now)s, 0, 0"
            " FROM unnest(%(ids)s::text[], %(collections)s::text[], %(archive)s::boolean[])"
            " AS kept (id, collection, is_archive)"
            " ON CONFLICT (id) DO UPDATE SET collection = excluded.collection, is_published = true,"
            " is_archive = excluded.is_archive",
            {
                "now": now,
                "ids": [each.found.id for each in sets],
                "collections": [each.found.collection for each in sets],
                "archive": [any(view.is_archive for view in each.found.views) for each in sets],
            },
        )

    def _keep_sets(self, sets: Sequence[BuiltSet]) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO dinamis.stereo_set"
                " (id, collection, mode, platform, started_at, ended_at, views, suitability, digest)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (id) DO UPDATE SET collection = excluded.collection, started_at = excluded.started_at,"
                " ended_at = excluded.ended_at, views = excluded.views, suitability = excluded.suitability,"
                " digest = excluded.digest",
                [
                    (
                        each.found.id,
                        each.found.collection,
                        each.found.mode,
                        each.found.set.platform,
                        each.found.started_at,
                        each.found.ended_at,
                        [view.item for view in each.found.views],
                        published_suitability(each.found),
                        each.digest,
                    )
                    for each in sets
                ],
            )

    def _forget(self, sets: list[str]) -> None:
        self._connection.execute("DELETE FROM dinamis.stereo_set WHERE id = ANY(%s)", (sets,))
        self._connection.execute("UPDATE dinamis.item SET is_published = false WHERE id = ANY(%s)", (sets,))


def _in_company(rows: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """Those rows of views, ordered by satellite and time, with another less than a pass before or after them."""
    meets = [
        before[4] == after[4] and (after[5] - before[5]).total_seconds() <= LIMITS.pass_s
        for before, after in pairwise(rows)
    ]
    return (
        row for row, earlier, later in zip(rows, [False, *meets], [*meets, False], strict=False) if earlier or later
    )


def _is_other(found: FoundSet, stored: StoredSet | None) -> bool:
    return stored is None or (stored.collection, stored.views) != (
        found.collection,
        [view.item for view in found.views],
    )


def _told(memberships: Iterable[Membership] | None) -> list[Membership]:
    """What an Item says of its sets: their order counts, not by how much one is better."""
    return [replace(each, rank=0.0) for each in sorted(memberships or ())]


def _memberships(told: Iterable[Iterable[tuple[str, Membership]]]) -> dict[str, frozenset[Membership]]:
    by_item: defaultdict[str, set[Membership]] = defaultdict(set)
    for each in told:
        for item, membership in each:
            by_item[item].add(membership)
    return {item: frozenset(memberships) for item, memberships in by_item.items()}


def _columns(views: Sequence[ViewItem]) -> dict[str, Sequence[object]]:
    seen = [each.view for each in views]
    return {
        "items": [each.item for each in views],
        "scenes": [each.scene for each in views],
        "collections": [each.collection for each in views],
        "archive": [each.is_archive for each in views],
        "platforms": [view.platform for view in seen],
        "times": [view.acquired_at for view in seen],
        "footprints": shapely.to_wkb([view.footprint for view in seen]).tolist(),
        "azimuths": [view.direction.azimuth_deg for view in seen],
        "incidences": [view.direction.incidence_deg for view in seen],
        "sources": [int(view.direction.source) for view in seen],
        "clouds": [view.cloud_cover_percent for view in seen],
        "sun_azimuths": [view.sun_azimuth_deg for view in seen],
        "sun_elevations": [view.sun_elevation_deg for view in seen],
        "gsds": [view.gsd_m for view in seen],
    }


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
