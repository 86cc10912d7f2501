"""Compares the catalogue with the ledger: whether each Item is there, and as its records say today.

Harvests write both together, and look at an Item again only when its records change. Other changes of the catalogue
(Items deleted by hand, or loaded by another program; half a backup) would go unnoticed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from psycopg import Connection

from database.long_work import told_if_long
from database.statements import statements
from harvester import catalogue
from harvester.amendments.amendment_run import PAGE_SIZE
from harvester.amendments.rebuilt_page import rebuilt_page
from harvester.catalogue.connections import CatalogueConnections, translated_errors
from harvester.catalogue.publish import publish_changes, publish_missing_collections
from harvester.harvest_context import HarvestContext
from harvester.runs.report import NAMED_RECORDS, ItemChange
from harvester.stereo.rules import StereoRules

COUNT_PUBLISHED_ITEMS, FORGET_DIGESTS, ITEMS_LEFT_OVER, PUBLISHED_ITEMS = statements(
    "harvester.amendments", "count_published_items", "forget_digests", "items_left_over", "published_items"
)

Kind = Literal["missing", "different", "left over", "foreign", "unreadable"]

#: Findings for which it is unknown how the Item should be.
_LEFT_ALONE: Sequence[Kind] = ("foreign", "unreadable")

#: The finding for each kind of change that a rebuild would make to an Item.
_KIND_OF_CHANGE: Mapping[str, Kind] = {"new": "missing", "changed": "different", "withdrawn": "left over"}


@dataclass(frozen=True)
class Finding:
    """An Item that is not as the ledger has it.

    `missing`: it is not in the catalogue. `different`: it differs from what its records say. `left over`: it should no
    longer be there. `foreign`: no harvest ever made it. `unreadable`: one of its records can no longer be read, so it
    stays as it is.
    """

    item: str
    collection: str
    kind: Kind
    fields: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)  #: that differ: in catalogue, by records

    @property
    def can_be_mended(self) -> bool:
        """Whether it is known how the Item should be."""
        return self.kind not in _LEFT_ALONE

    def as_json(self) -> dict[str, Any]:
        """The finding as JSON data."""
        fields = {name: {"catalogue": there, "records": said} for name, (there, said) in self.fields.items()}
        return {"item": self.item, "collection": self.collection, "kind": self.kind, "fields": fields}


@dataclass
class Verification:
    """How many Items were checked, and what was found."""

    is_mended: bool  #: whether what can be mended is mended
    items: int = 0  #: Items of images checked so far
    of: int = 0  #: Items of images to check
    counts: Counter[Kind] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)  #: the first of them

    @property
    def mendable(self) -> int:
        """How many findings can be mended."""
        return self.counts.total() - sum(self.counts[kind] for kind in _LEFT_ALONE)

    @property
    def left(self) -> int:
        """How many Items are still not as they should be."""
        return self.counts.total() - (self.mendable if self.is_mended else 0)

    def add(self, findings: Iterable[Finding]) -> None:
        """Count findings, and keep the first of them."""
        for each in findings:
            self.counts[each.kind] += 1
            if len(self.findings) < NAMED_RECORDS:
                self.findings.append(each)

    def as_json(self) -> dict[str, Any]:
        """The account as JSON data."""
        return {
            "items": self.items,
            "counts": dict(self.counts),
            "mended": self.is_mended,
            "left": self.left,
            "findings": [each.as_json() for each in self.findings],
        }


Watcher = Callable[[Verification], None]


def verify(
    context: HarvestContext,
    collections: Collection[str] = (),
    *,
    mend: bool = False,
    watch: Watcher = lambda _account: None,
) -> Verification:
    """Build every Item anew from the ledger, without asking a source, and compare it with the one in the catalogue.

    Stereo sets are found anew with the Items that are their views. Harvests may run meanwhile.

    Args:
        context: the database and the documents.
        collections: only the Items of these, and the sets of which they are views; all if none is named.
        mend: write what is missing or different, and remove what is left over.
        watch: called after each page.

    Raises:
        CatalogueError: the catalogue cannot be written; what was mended before stays so.
    """
    account = Verification(is_mended=mend)
    wanted = sorted(collections) or None
    with translated_errors(context.attempts), CatalogueConnections(context.conninfo, context.attempts) as connections:
        work = _Work(connections, context, mend=mend)
        if mend:  # a Collection may have been deleted with its Items
            connections.patiently(
                lambda _, side: publish_missing_collections(side, context.conninfo, context.documents, context.language)
            )
        account.of = connections.patiently(partial(_count_items, wanted))
        try:
            for page in _pages(connections, wanted):
                account.add(work.found_among(page))
                account.items += len(page)
                watch(account)
            account.add(work.found_beside(wanted))
        finally:
            if mend:  # even if nothing was found: one that was killed before may not have published
                connections.patiently(
                    lambda _, side: publish_changes(side, context.documents, context.language, work.touched)
                )
    return account


def _count_items(collections: Sequence[str] | None, _: Connection, side: Connection) -> int:
    row = side.execute(COUNT_PUBLISHED_ITEMS, {"collections": collections}).fetchone()
    return int(row[0]) if row else 0


def _pages(connections: CatalogueConnections, collections: Sequence[str] | None) -> Iterator[dict[str, str]]:
    """Items with their collections, in the order of their ids."""
    last = ""

    def following(_: Connection, side: Connection) -> dict[str, str]:
        rows = side.execute(PUBLISHED_ITEMS, {"last": last, "collections": collections, "page": PAGE_SIZE})
        return dict(rows.fetchall())

    while page := connections.patiently(following):
        yield page
        last = next(reversed(page))


class _Work:
    """The work on one catalogue.

    Findings of a page are kept over its tries: if one was committed before its connection broke, the next finds none.
    """

    def __init__(self, connections: CatalogueConnections, context: HarvestContext, *, mend: bool) -> None:
        self._connections = connections
        self._context = context
        self._mend = mend
        self._set_collections = StereoRules(context.documents).set_collections
        self._sets_found: set[str] = set()  #: as the views of one set may be on several pages
        self.touched: set[str] = set()  #: collections of which Items were mended

    def found_among(self, items: Mapping[str, str]) -> Sequence[Finding]:
        """Which of these Items (id -> collection), and of their stereo sets, are not as the ledger has them."""
        found: dict[str, Finding] = {}
        with told_if_long(f"looking at a page of {len(items)} Items"):
            self._connections.patiently(partial(self._look_among, items, found))
        news = [each for each in found.values() if each.item not in self._sets_found]
        self._sets_found |= found.keys() - items.keys()
        return news

    def found_beside(self, collections: Sequence[str] | None) -> Sequence[Finding]:
        """Which Items are in the catalogue though the ledger has none there."""
        found: dict[tuple[str, str], Finding] = {}
        with told_if_long("looking for Items that the ledger does not have"):
            self._connections.patiently(partial(self._look_beside, collections, found))
        return list(found.values())

    def _look_among(
        self, items: Mapping[str, str], found: dict[str, Finding], connection: Connection, side: Connection
    ) -> None:
        with connection.transaction():
            amiss = self._amiss(items, connection, side)
            found |= {each.item: each for each in amiss}
            mendable = [each.item for each in amiss if each.can_be_mended]
            if self._mend and mendable:
                self._write(list(items), mendable, connection, side)

    def _amiss(self, items: Mapping[str, str], connection: Connection, side: Connection) -> list[Finding]:
        """What would change if these Items and all their sets were written as they should be."""
        catalogue.wait_for_other_writers(connection)
        with connection.transaction(force_rollback=True):
            connection.execute(FORGET_DIGESTS, {"views": list(items), "sets": None})
            page = rebuilt_page(connection, side, self._context)
            unreadable = [item for _, item in page.rebuild_sets(list(items)).warnings.values()]
            changes = page.changes()
        return [
            *(Finding(item, items[item], "unreadable") for item in unreadable),
            *(_found(each) for each in changes if each.kind != "unchanged" and self._is_looked_at(each, items)),
        ]

    def _is_looked_at(self, change: ItemChange, items: Mapping[str, str]) -> bool:
        """Whether the change is of a set, or of an Item of this page: other Items have pages of their own."""
        return change.item in items or change.collection in self._set_collections

    def _write(self, items: Sequence[str], amiss: Sequence[str], connection: Connection, side: Connection) -> None:
        connection.execute(FORGET_DIGESTS, {"views": items, "sets": amiss})
        page = rebuilt_page(connection, side, self._context)
        page.rebuild_sets(items)
        page.write_items()
        self.touched |= page.touched_collections()

    def _look_beside(
        self,
        collections: Sequence[str] | None,
        found: dict[tuple[str, str], Finding],
        connection: Connection,
        side: Connection,
    ) -> None:
        with connection.transaction():
            catalogue.wait_for_other_writers(connection)
            beside = side.execute(ITEMS_LEFT_OVER, {"collections": collections}).fetchall()
            for collection, item, is_known in beside:
                found[collection, item] = Finding(item, collection, "left over" if is_known else "foreign")
            left_over = [(collection, item) for collection, item, is_known in beside if is_known]
            if self._mend and left_over:
                catalogue.remove_items(connection, left_over)
                self.touched |= {collection for collection, _ in left_over}


def _found(change: ItemChange) -> Finding:
    return Finding(change.item, change.collection, _KIND_OF_CHANGE[change.kind], change.fields)
