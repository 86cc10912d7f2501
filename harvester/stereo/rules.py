"""Which stereo sets go to which collection, according to `stereo` in the collection documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

from harvester.collection_documents import CollectionDocument
from harvester.collection_model import StereoMode, StereoSets
from harvester.stereo.views import ViewItem


@dataclass(frozen=True)
class Placement:
    """The collection of a set, and the Items that represent its views there."""

    collection: str
    views: tuple[ViewItem, ...]  #: in chronological order


class StereoRules:
    """The rules of all documents, those for held views first."""

    def __init__(self, documents: Mapping[str, CollectionDocument]) -> None:
        told = [(name, each.content.stereo) for name, each in documents.items() if each.content.stereo]
        self._rules = sorted(told, key=lambda rule: (not rule[1].held, rule[0]))
        self.view_collections = frozenset(view for _, rule in self._rules for view in rule.views)
        self.set_collections = frozenset(name for name, _ in self._rules)

    def placement(self, mode: StereoMode, acquisitions: Sequence[Iterable[ViewItem]]) -> Placement | None:
        """The first collection that accepts a set.

        Args:
            mode: of the set.
            acquisitions: the Items of each view, in chronological order.

        Returns:
            None if no document accepts it: then it is not published.
        """
        for collection, rule in self._rules:
            if rule.mode == mode and (chosen := _chosen(rule, acquisitions)):
                return Placement(collection, chosen)
        return None

    def collections_of_sets(self, views: Set[str]) -> set[str]:
        """The collections of the sets whose views are in some of these collections."""
        return {name for name, rule in self._rules if not views.isdisjoint(rule.views)}


def _chosen(rule: StereoSets, acquisitions: Sequence[Iterable[ViewItem]]) -> tuple[ViewItem, ...] | None:
    """For each view, the preferred Item of those that the rule accepts; None if the rule does not accept the set."""
    offered = [
        sorted((each for each in items if each.collection in rule.views), key=lambda each: each.preference)
        for items in acquisitions
    ]
    if not all(offered):
        return None
    chosen = tuple(items[0] for items in offered)
    is_held = not any(each.is_archive for each in chosen)
    return chosen if is_held == rule.held else None
