"""One page of records inside its transaction: into the ledger, and their Items into the catalogue.

Unchanged records are only noted. The others are read and grouped into acquisitions, and every Item that they change is
rebuilt from all its active records; then follow the stereo sets that these Items make or break. A record that cannot be
read, placed or built is refused alone. Everything is looked up and written for many records at once; a batch that fails
is halved until the record at fault stands alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache, partial
from itertools import zip_longest
from typing import Any, TypeVar

from psycopg import Connection

from harvester import catalogue
from harvester.errors import CatalogueError, UnreadableScene
from harvester.feeds import Feed
from harvester.harvest_context import HarvestContext, WritingOptions
from harvester.instants import rfc3339
from harvester.items.document import ItemDocument
from harvester.ledger import KnownRecord, Ledger, RecordEntry
from harvester.pages.batch import BatchWriting, IncomingRecord
from harvester.pages.conflicts import conflicts_between
from harvester.pages.drafts import Draft, ItemDrafts, given
from harvester.pages.placing import RecordPlacing
from harvester.pages.reading_ahead import Reading, Readings
from harvester.record import Page, RawRecord, SceneOutline, Withdrawal
from harvester.runs.report import ItemChange, Outcome, PageReport, printable, storable_id
from harvester.sources.registry import read_record
from harvester.stereo.page_sets import PageSets
from harvester.stereo.scope import Span
from harvester.stereo.stereo_items import with_sets

Told = TypeVar("Told", RawRecord, Withdrawal)

_written = lru_cache(maxsize=16)(rfc3339)  # mostly the same instants


class PageWriting:
    """One page inside its transaction, which the caller opens and commits."""

    def __init__(
        self,
        connection: Connection,
        side: Connection,
        feed: Feed,
        run: int | None,
        context: HarvestContext,
        options: WritingOptions,
    ) -> None:
        """Write for one run of a feed.

        Args:
            connection: has the page's transaction open.
            side: for looking Items up; on the page's own connection this would lock their partitions.
            feed: whose records they are.
            run: in which they are read; None for a dry run.
            context: has the documents and the sensors.
            options: what the operator asked for.
        """
        self._connection = connection
        self._side = side
        self._feed = feed
        self._context = context
        self._options = options
        self._now = _now(connection, run)
        self._ledger = Ledger(connection, source=feed.source, feed=feed.name, run=run, now=self._now)
        self._sets = PageSets(connection, side, context.documents, self._now)
        self._drafts = ItemDrafts(self._ledger, context.documents, context.sensors)
        placing = RecordPlacing(feed, context.documents, options, self._now)
        self._batches = BatchWriting(self._ledger, self._drafts, placing, feed.source, self._now)
        self._made: set[str] = set()  #: Items that the ledger did not have before this page
        self._others: dict[str, Draft] = {}  #: Items of the other views of changed sets
        self._reread: list[str] = []  #: the Items of unchanged records that were read again

    def take_in(self, page: Page, readings: Readings = (), refused: Sequence[RecordEntry] = ()) -> PageReport:
        """Write the records of the page into the ledger, and build the Items that they change.

        Args:
            page: records of the feed.
            readings: of the records of the page that were read beforehand; the others are read here.
            refused: further records, known to the ledger, to be quarantined even if they are in force.

        Raises:
            CatalogueError: a record that the source left unread is no longer in force.
        """
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport(passed_over=Counter(page.passed_over))
        records = list(map(_with_storable_id, page.records))
        known = self._ledger.records.known([raw.id for raw in records])
        self._note_unread(page, report)
        self._take(list(self._read_changed(records, known, readings, report)), report)
        gone = self._withdraw(list(map(_with_storable_id, page.withdrawals)), report)
        self._put_in_quarantine(refused, report)
        self._find_sets()
        self._settle(report)
        report.require_complete(len(records) + len(page.unread) + gone + len(refused))
        return report

    def rebuild(self, items: Iterable[str]) -> PageReport:
        """Rebuild Items from what the ledger has of them."""
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport()
        drafts = self._drafts.with_siblings(self._ledger.items.known(set(items)))
        for name in items:
            drafts[name].is_touched = True
        self._drafts.settled |= self._drafts.build(drafts)
        self._find_sets()
        self._settle(report)
        return report

    def move(self, items: Mapping[str, str]) -> PageReport:
        """Move Items (id -> collection) to other collections; one that cannot be built there stays where it is."""
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport()
        self._move(items, report)
        self._find_sets()
        self._settle(report)
        return report

    def rebuild_sets(self, items: Sequence[str], windows: Sequence[Span] = ()) -> PageReport:
        """Find the stereo sets of Items, and those within time windows, anew; those that are right are left alone.

        Items with a record that is no longer readable stay as they are, and are named in the report.
        """
        catalogue.wait_for_other_writers(self._connection)
        report = PageReport()
        self._drafts.settled |= self._drafts.built_anew(items)
        for name in items:
            if name not in self._drafts.settled:
                report.warn(name, [f"{name} stays as it is: a record of it is not readable any more"])
        self._reread += self._drafts.settled
        self._find_sets(windows)
        self._settle(report)
        return report

    def write_items(self) -> None:
        """Write the Items into the catalogue, and remove those that left it or their collection."""
        built = [self._document(draft, draft.built) for draft in self._drafts.settled.values() if draft.built]
        built += self._sets.documents
        catalogue.put_items(self._connection, self._side, sorted(built, key=lambda item: str(item["id"])))
        removals = [*self._removals(), *self._sets.removals()]
        if removals:
            catalogue.remove_items(self._connection, [(collection, item) for collection, item, _ in removals])
        self._sets.write()
        # A new Item got its change number when it was written into the ledger.
        known = {name: draft for name, draft in self._drafts.settled.items() if name not in self._made}
        is_new = {name: draft.stood_in != draft.known.collection for name, draft in known.items()}
        is_new |= self._sets.is_new()
        if is_new:
            self._ledger.items.number_changes(is_new)
        if removals:
            self._ledger.items.bury(removals)

    def touched_collections(self) -> set[str]:
        """Ids of the collections whose Items this page changes."""
        drafts = self._drafts.settled.values()
        stood_in = {draft.stood_in for draft in drafts if draft.stood_in}
        return {draft.known.collection for draft in drafts} | stood_in | self._sets.touched_collections()

    def changes(self) -> list[ItemChange]:
        """What this page does to Items, field by field: for a dry run."""
        stored = self._stored(self._drafts.settled) | self._sets.stored_items()
        outcomes = [
            (name, draft.known.collection, self._document(draft, draft.built) if draft.built else None)
            for name, draft in sorted(self._drafts.settled.items())
        ]
        return [
            ItemChange.between(
                name,
                collection,
                _comparable(stored[name]) if name in stored else None,
                _comparable(document) if document else None,
            )
            for name, collection, document in [*outcomes, *self._sets.outcomes()]
        ]

    # Reading

    def _note_unread(self, page: Page, report: PageReport) -> None:
        """Note records that the source did not read again because they had not changed."""
        unread, numbers = page.unread, page.numbers
        without = [name for name in unread if name not in numbers]
        active = self._ledger.records.saw_unread(without, [numbers[name] for name in unread if name in numbers])
        if active != len(unread):
            known = self._ledger.records.known(unread)
            lost = next(name for name in unread if name not in known or not known[name].is_active)
            raise CatalogueError(f"{lost} and perhaps others were withdrawn by another program meanwhile: run again")
        report.outcomes[Outcome.UNCHANGED] += len(unread)

    def _read_changed(
        self,
        records: Sequence[RawRecord],
        known: Mapping[str, KnownRecord],
        readings: Readings,
        report: PageReport,
    ) -> Iterator[IncomingRecord]:
        """The records to take in; the others are counted, and noted as seen."""
        unchanged = [raw for raw in records if self._is_unchanged(raw, known.get(raw.id))]
        left = [] if self._options.reads_all else unchanged
        self._ledger.records.saw(left)
        self._ledger.records.remember_fingerprints({raw.id: raw.fingerprint for raw in left if raw.fingerprint})
        report.outcomes[Outcome.UNCHANGED] += len(left)
        names = {raw.id for raw in left}
        for raw, reading in zip_longest(records, readings):
            if raw.id in names:
                continue
            if reading:
                raw.remember(reading.canonical)
            try:
                yield self._incoming(raw, known.get(raw.id), reading)
            except UnreadableScene as error:
                self._refuse(raw, known.get(raw.id), "read", error, report)

    def _incoming(self, raw: RawRecord, before: KnownRecord | None, reading: Reading | None) -> IncomingRecord:
        """A record with the scene that it describes.

        Raises:
            UnreadableScene: it cannot be read.
        """
        read = partial(read_record, self._feed.kind, raw, self._context.sensors)
        if reading is None:
            scene = read()
            return IncomingRecord(raw, SceneOutline.of(scene), given(scene), before)
        if isinstance(reading.result, UnreadableScene):
            raise reading.result
        return IncomingRecord(raw, reading.result, read, before, reading.alone)

    def _is_unchanged(self, raw: RawRecord, before: KnownRecord | None) -> bool:
        if before is None or not before.is_active or before.digest != raw.digest():
            return False
        return (self._feed.collection or self._options.collection) in (None, before.collection)

    def _refuse(
        self, raw: RawRecord, before: KnownRecord | None, stage: str, error: UnreadableScene, report: PageReport
    ) -> None:
        refusal = report.refuse(raw.id, str(error))
        if before and before.is_active:
            # Its last readable version stays in force: a broken upload must not remove an Item.
            self._ledger.records.saw([raw])
        elif before and before.state == "quarantined" and before.digest == raw.digest():
            self._ledger.records.refused_again(raw, stage, refusal.reason)
        else:
            self._ledger.records.keep(
                [RecordEntry(raw=raw, state="quarantined", stage=stage, reason=refusal.reason, is_new=before is None)]
            )

    # Taking in

    def _take(self, incoming: Sequence[IncomingRecord], report: PageReport) -> None:
        """Take in all at once; on failure by halves, down to the record at fault, which is refused."""
        if not incoming:
            return
        try:
            with self._connection.transaction():
                drafts = self._batches.take_in(incoming)
        except UnreadableScene as error:
            if len(incoming) == 1:
                self._refuse(incoming[0].raw, incoming[0].before, "build", error, report)
                return
            middle = len(incoming) // 2
            self._take(incoming[:middle], report)
            self._take(self._as_known_now(incoming[middle:]), report)
            return
        self._note(drafts)
        self._count(incoming, report)

    def _as_known_now(self, incoming: Sequence[IncomingRecord]) -> list[IncomingRecord]:
        """Look the records up again: those taken in before them may have changed their Items."""
        known = self._ledger.records.known([each.raw.id for each in incoming])
        return [each._replace(before=known.get(each.raw.id)) for each in incoming]

    def _note(self, drafts: Mapping[str, Draft]) -> None:
        self._drafts.settled |= drafts
        self._made |= {name for name, draft in drafts.items() if draft.is_new}

    def _count(self, incoming: Sequence[IncomingRecord], report: PageReport) -> None:
        for each in incoming:
            report.warn(each.raw.id, each.outline.warnings)
        new = sum(each.before is None or not each.before.is_active for each in incoming)
        again = [
            str(each.before.item) for each in incoming if each.before and self._is_unchanged(each.raw, each.before)
        ]
        self._reread += again
        report.outcomes[Outcome.NEW] += new
        report.outcomes[Outcome.CHANGED] += len(incoming) - new - len(again)

    # Moving

    def _move(self, items: Mapping[str, str], report: PageReport) -> None:
        """Move all at once; on failure by halves, down to the Item at fault, which stays."""
        try:
            with self._connection.transaction():
                changed = self._batches.move(items)
        except UnreadableScene as error:
            names = list(items)
            if len(names) == 1:
                report.warn(names[0], [f"{names[0]} stays where it is: {error}"])
                return
            for some in (names[: len(names) // 2], names[len(names) // 2 :]):
                self._move({name: items[name] for name in some}, report)
            return
        self._drafts.settled |= changed

    # Withdrawing

    def _withdraw(self, withdrawals: Sequence[Withdrawal], report: PageReport) -> int:
        """Withdraw records that are gone, except unknown or withdrawn ones and those that were seen again since.

        Returns:
            How many are accounted for.
        """
        known = self._ledger.records.known([each.id for each in withdrawals])
        seen = self._ledger.records.last_seen([each.id for each in withdrawals if each.at])
        gone = {
            each.id: printable(each.reason)
            for each in withdrawals
            if _is_gone(each, known.get(each.id), seen.get(each.id))
        }
        report.unknown_withdrawals += len(withdrawals) - len(gone)
        for some in self._taken_out(gone, report, self._ledger.records.withdraw):
            report.outcomes[Outcome.WITHDRAWN] += len(some)
            report.withdrawn += some.items()
        return len(gone)

    def _put_in_quarantine(self, refused: Sequence[RecordEntry], report: PageReport) -> None:
        entries = {each.raw.id: each for each in refused}
        reasons = {name: str(each.reason) for name, each in entries.items()}
        keep = partial(_keep_some, self._ledger, entries)
        for some in self._taken_out(reasons, report, keep):
            for name, reason in some.items():
                report.refuse(name, reason)

    def _taken_out(
        self,
        gone: Mapping[str, str],
        report: PageReport,
        note: Callable[[Mapping[str, str]], None],
    ) -> Iterator[Mapping[str, str]]:
        """Remove records (id -> reason) from their Items at once; on failure by halves, and the record at fault stays.

        Yields those that were removed, as `note` wrote them into the ledger.
        """
        if not gone:
            return
        known = self._ledger.records.known(gone)  # earlier removals may have changed their Items
        try:
            with self._connection.transaction():
                note(gone)
                changed = self._batches.take_out(
                    {name: (str(known[name].item), reason) for name, reason in gone.items() if known[name].is_active}
                )
        except UnreadableScene as error:
            if len(gone) == 1:
                (name,) = gone
                report.refuse(name, f"it is to go, but without it its Item cannot be built: {error}")
                return
            names = list(gone)
            for some in (names[: len(names) // 2], names[len(names) // 2 :]):
                yield from self._taken_out({name: gone[name] for name in some}, report, note)
            return
        self._note(changed)
        yield gone

    def _settle(self, report: PageReport) -> None:
        """Count the records that were read again as changed or unchanged, and drop the Items that stay equal."""
        again = {name: self._drafts.settled[name] for name in self._reread if name in self._drafts.settled}
        stored = self._stored(again)
        equal = {
            name
            for name, draft in again.items()
            if draft.built
            and name in stored
            and _comparable(self._document(draft, draft.built)) == _comparable(stored[name])
        }
        for name in self._reread:
            report.outcomes[Outcome.UNCHANGED if name in equal else Outcome.CHANGED] += 1
        for name in equal:
            del self._drafts.settled[name]
        for name, draft in self._drafts.settled.items():
            if len(draft.records) > 1 and (conflicts := conflicts_between(draft.scenes)):
                report.conflicts.append((name, "; ".join(conflicts)))
        settled = self._drafts.settled
        settled |= {name: draft for name, draft in self._others.items() if name in self._sets.changed_views}
        report.items_written = sum(draft.built is not None for draft in settled.values())
        report.items_removed = sum(bool(draft.stood_in) and not draft.built for draft in settled.values())
        report.items_written += len(self._sets.documents)
        report.items_removed += len(self._sets.gone)

    def _find_sets(self, windows: Sequence[Span] = ()) -> None:
        """Find the stereo sets that the Items of this page make or break, and build the Items of their other views."""
        needed = self._sets.find((draft.as_placed() for draft in self._drafts.settled.values()), windows)
        self._others = self._drafts.built_anew(sorted(needed - self._drafts.settled.keys()))
        views = {name: draft for name, draft in (self._others | self._drafts.settled).items() if name in needed}
        self._sets.build(
            {name: self._bare_document(draft, draft.built) for name, draft in views.items() if draft.built}
        )

    def _stored(self, drafts: Mapping[str, Draft]) -> dict[str, ItemDocument]:
        places = [(draft.stood_in, name) for name, draft in drafts.items() if draft.stood_in]
        return catalogue.stored_items(self._side, places) if places else {}

    def _removals(self) -> Iterator[tuple[str, str, str]]:
        """Collection, id and reason of the Items that leave the catalogue, or the collection where they were."""
        for name, draft in self._drafts.settled.items():
            if draft.stood_in and draft.built is None:
                yield draft.stood_in, name, draft.reason
            elif draft.stood_in not in (None, draft.known.collection):
                yield str(draft.stood_in), name, f"it was moved to {draft.known.collection}"

    def _document(self, draft: Draft, built: ItemDocument) -> ItemDocument:
        return with_sets(self._bare_document(draft, built), self._sets.memberships(draft.known.id))

    def _bare_document(self, draft: Draft, built: ItemDocument) -> ItemDocument:
        """The Item without its stereo memberships."""
        times = {"created": _written(draft.known.created), "updated": _written(self._now)}
        properties = {**built["properties"], **times}
        return {**built, "properties": properties, "private": draft.private}


def _now(connection: Connection, run: int | None) -> datetime:
    """The time of the database server, which also dates runs, UTC; never before the run began.

    By another clock, or one that was set back, what a run sees could seem to have been seen before it.
    """
    row = connection.execute(
        "SELECT greatest(clock_timestamp(), (SELECT started_at FROM dinamis.run WHERE id = %s))", (run,)
    ).fetchone()
    assert row is not None  # noqa: S101 - a query without a condition gives a row
    moment: datetime = row[0]
    return moment.astimezone(UTC)


def _with_storable_id(told: Told) -> Told:
    """A record or withdrawal under its id in the ledger; mostly the same object, which keeps what it has cached."""
    name = storable_id(told.id)
    return told if name == told.id else replace(told, id=name)


def _comparable(document: ItemDocument) -> dict[str, Any]:
    """The Item as JSON without the time of writing, and without nulls, which pgSTAC does not give back."""
    timeless = {**document, "properties": {**document["properties"], "updated": None}}
    plain: dict[str, Any] = json.loads(json.dumps(timeless), object_hook=_without_nulls)
    return plain


def _keep_some(ledger: Ledger, entries: Mapping[str, RecordEntry], names: Iterable[str]) -> None:
    ledger.records.keep([entries[name] for name in names])


def _is_gone(withdrawal: Withdrawal, known: KnownRecord | None, last_seen: datetime | None) -> bool:
    if known is None or known.state == "withdrawn":
        return False
    return withdrawal.at is None or last_seen is None or last_seen <= withdrawal.at


def _without_nulls(mapping: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if value is not None}
