"""Which Item a record belongs to: that of its acquisition in the collection where the record belongs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from harvester.collection_documents import CollectionDocuments
from harvester.errors import CollectionDocumentError, ItemIdTaken, UnreadableScene
from harvester.feeds import Feed
from harvester.harvest_context import WritingOptions
from harvester.ledger import KnownItem
from harvester.pages.drafts import Draft, new_draft, standing_first
from harvester.record import SceneOutline


class RecordPlacing:
    """Decides where the records of a feed belong."""

    def __init__(self, feed: Feed, documents: CollectionDocuments, options: WritingOptions, now: datetime) -> None:
        """Place by the documents and by what the operator asked for; new Items are created at `now`, UTC."""
        self._feed = feed
        self._documents = documents
        self._options = options
        self._now = now

    def place(self, scene: SceneOutline, scene_id: str, of_scene: list[Draft], former: str | None) -> Draft:
        """The Item that a record belongs to, created if need be.

        Args:
            scene: what the record says.
            scene_id: id of its acquisition.
            of_scene: the Items of that acquisition.
            former: the Item that the record belonged to until now, or until it was withdrawn.

        Raises:
            UnreadableScene: no collection takes it, or the id of its Item is that of another acquisition.
        """
        collection = self._collection_of(scene, of_scene, former)
        there = [draft for draft in of_scene if draft.known.collection == collection]
        if there:
            return min(there, key=standing_first)
        of_scene.append(new_draft(scene, scene_id, collection, self._now))
        return of_scene[-1]

    def take_ids(self, drafts: dict[str, Draft], wanted: Sequence[Draft]) -> None:
        """Add the wanted Items to the drafts; a new one replaces an existing Item with its id that has no records.

        Args:
            drafts: all Items that have these ids, with the other Items of their acquisitions.
            wanted: Items that records will belong to, new or existing.

        Raises:
            ItemIdTaken: an id is that of another acquisition, or is taken in another collection.
        """
        taken: set[str] = set()
        for draft in wanted:
            known, standing = draft.known, drafts.get(draft.known.id)
            if standing and standing is not draft:
                is_elsewhere = standing.known.collection != known.collection
                # A draft that regrouping made has its records already: the withdrawn Item with its id follows it there.
                if standing.records or known.id in taken or (is_elsewhere and not draft.records):
                    raise ItemIdTaken(_other_item(standing.known, known))
                if is_elsewhere:
                    draft.moved_from = standing.known.collection
                draft.known, draft.is_new = known._replace(created=standing.known.created), False
                draft.stood_in, draft.was_published = standing.stood_in, standing.was_published
                if standing.known.scene != known.scene:
                    draft.parted_from = standing.known.scene
            drafts[known.id] = draft
            taken.add(known.id)

    def _collection_of(self, scene: SceneOutline, of_scene: Sequence[Draft], former: str | None) -> str:
        """The collection of a record: that of the feed or operator, else of its Item, else one that accepts it."""
        if self._feed.collection is not None:
            return self._feed.collection
        wanted = self._options.collection
        if wanted is None and self._options.move:
            wanted = self._accepting_collection(scene)
        held = sorted((draft for draft in of_scene if self._is_ours(draft, scene)), key=standing_first)
        elsewhere = [draft for draft in held if wanted not in (None, draft.known.collection)]
        if elsewhere and not self._options.move:
            where = " and ".join(f"{draft.known.id} in {draft.known.collection}" for draft in elsewhere)
            raise UnreadableScene(f"the catalogue has {where}; say --move to move it to {wanted}")
        self._refuse_company(elsewhere, [draft for draft in of_scene if draft.known.collection == wanted])
        for draft in elsewhere:
            draft.move(str(wanted))
        if wanted is not None:
            return wanted
        going_on = [draft for draft in held if draft.sources]
        remembered = [*going_on, *(draft for draft in of_scene if draft.known.id == former), *held]
        return remembered[0].known.collection if remembered else self._accepting_collection(scene)

    def _refuse_company(self, moving: Sequence[Draft], there: Sequence[Draft]) -> None:
        """Refuse a move after which one collection would have several Items of the acquisition.

        Raises:
            UnreadableScene: it would.
        """
        standing = [draft for draft in (*moving, *there) if draft.known.is_published]
        if len(standing) > 1:
            where = " and ".join(f"{draft.known.id} in {draft.known.collection}" for draft in standing)
            raise UnreadableScene(
                f"{where} are Items of one acquisition, of which no collection can have two: leave out --move, and "
                "--collection"
            )

    def _is_ours(self, draft: Draft, scene: SceneOutline) -> bool:
        """Whether records of this source continue an Item, perhaps a withdrawn one that comes back."""
        return self._feed.source in draft.sources or (not draft.sources and draft.known.id == scene.id)

    def _accepting_collection(self, scene: SceneOutline) -> str:
        try:
            return self._documents.accepting(str(scene.mission), str(scene.profile)).id
        except CollectionDocumentError as error:
            raise UnreadableScene(str(error)) from error


def _other_item(standing: KnownItem, wanted: KnownItem) -> str:
    """Why an Item cannot have the id of another one."""
    if standing.scene == wanted.scene:
        return (
            f"its Item {standing.id} is in {standing.collection}, and this is a source of {wanted.collection}: move it "
            f"(`dinamis harvest deliveries … --collection {wanted.collection} --move`), or harvest the source into "
            f"{standing.collection}"
        )
    return (
        f"its Item would be {standing.id}, which is that of another acquisition in {standing.collection}: one of the "
        "two sources gives ids that are not unique"
    )
