"""Where a stereo search looks: in which collections of stored sets, or of images among which sets are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stac_api.access.restriction import PresentCollection
from stac_api.errors import UnusableStereoSearch


@dataclass(frozen=True)
class Places:
    """Where a search looks: in stored sets, or in images among which sets are found."""

    sets: list[str]  #: collections of stored sets; empty when these cannot answer
    views: list[str]  #: collections of images; empty means all
    only_views: list[str]  #: stored sets match if all their images are in these; empty means any
    all_sets: list[str]  #: all collections of stored sets


def places_of(known: Sequence[PresentCollection], named: Sequence[str], modes: Sequence[str]) -> Places:
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


def _views_of(collections: Sequence[PresentCollection]) -> list[str]:
    return sorted({view for each in collections for view in each.view_collections})
