"""Where sources contradict each other about one acquisition: reported, and settled by precedence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from footprints import overlap_fraction
from harvester.items.from_scenes import SourcedScene

#: Sources round differently: a smaller difference is no contradiction.
_MOMENT_S = 2.0
_CLOUD_PERCENT = 5.0
_OVERLAP = 0.5


def conflicts_between(records: Sequence[SourcedScene]) -> list[str]:
    """One sentence for each contradiction between the sources of an Item, naming the source that is believed."""
    believed, *others = sorted(records, key=lambda each: (each.precedence, each.source))
    found = [
        f"{other.source} says {theirs}, {believed.source} says {ours}, which is believed"
        for other in others
        if other.source != believed.source
        for ours, theirs in _contradictions(believed, other)
    ]
    return list(dict.fromkeys(found))


def _contradictions(one: SourcedScene, other: SourcedScene) -> Iterator[tuple[str, str]]:
    """What each of two sources says where they contradict each other."""
    first, second = one.scene.acquired_at, other.scene.acquired_at
    if first and second and abs((first - second).total_seconds()) > _MOMENT_S:
        yield f"acquired {first}", f"acquired {second}"
    clouds, others = _cloud_cover(one), _cloud_cover(other)
    if clouds is not None and others is not None and abs(clouds - others) > _CLOUD_PERCENT:
        yield f"cloud cover {clouds:g} %", f"cloud cover {others:g} %"
    if overlap_fraction(one.scene.footprint, other.scene.footprint) < _OVERLAP:
        yield "a footprint", "a footprint elsewhere"


def _cloud_cover(record: SourcedScene) -> float | None:
    return (record.scene.product or record.scene).cloud_cover_percent
