"""Connected components and maximal cliques of linked rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from footprints.stereo.overlap import Rows

Neighbours = dict[int, set[int]]


def connected_components(size: int, first: Rows, second: Rows) -> Rows:
    """The smallest row that each row is connected to, through any number of links.

    Args:
        size: Number of rows.
        first: One end of each link.
        second: The other end.
    """
    labels = np.arange(size)
    while True:
        lowest = np.minimum(labels[first], labels[second])
        joined = labels.copy()
        np.minimum.at(joined, first, lowest)
        np.minimum.at(joined, second, lowest)
        joined = joined[joined]
        if np.array_equal(joined, labels):
            return labels
        labels = joined


def maximal_cliques(first: Rows, second: Rows) -> list[tuple[int, ...]]:
    """The maximal sets of rows that are all linked with each other, in order.

    Args:
        first: One end of each link.
        second: The other end, of another row.
    """
    neighbours: Neighbours = defaultdict(set)
    for a, b in zip(first.tolist(), second.tolist(), strict=True):
        neighbours[a].add(b)
        neighbours[b].add(a)
    cliques: list[tuple[int, ...]] = []
    for component in _components(neighbours):
        cliques.extend(tuple(sorted(clique)) for clique in _grown([], component, set(), neighbours))
    return sorted(cliques)


def cliques_larger_than(most: int, size: int, first: Rows, second: Rows) -> list[tuple[int, ...]]:
    """The maximal cliques of more than `most` rows; components too small for one are skipped."""
    labels = connected_components(size, first, second)
    large = np.bincount(labels, minlength=size)[labels] > most
    inside = large[first]
    return [clique for clique in maximal_cliques(first[inside], second[inside]) if len(clique) > most]


def _components(neighbours: Neighbours) -> Iterator[set[int]]:
    left = set(neighbours)
    while left:
        reached, edge = set[int](), {left.pop()}
        while edge:
            reached |= edge
            edge = set[int]().union(*(neighbours[row] for row in edge)) - reached
        left -= reached
        yield reached


def _grown(clique: list[int], candidates: set[int], done: set[int], neighbours: Neighbours) -> Iterator[list[int]]:
    """All maximal cliques that contain this one (Bron & Kerbosch 1973, with the pivot of Tomita 2006)."""
    if not candidates:
        if not done:
            yield clique
        return
    pivot = max(candidates | done, key=lambda row: len(candidates & neighbours[row]))
    for row in candidates - neighbours[pivot]:
        yield from _grown([*clique, row], candidates & neighbours[row], done & neighbours[row], neighbours)
        candidates = candidates - {row}
        done = done | {row}
