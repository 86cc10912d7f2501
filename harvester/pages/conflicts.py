"""Where sources contradict each other about one acquisition: reported, and settled by precedence."""

from __future__ import annotations

from collections.abc import Sequence

from footprints import overlap_fraction
from harvester.items.from_scenes import SourcedScene

#: Sources round differently: a smaller difference is no contradiction.
_MOMENT_S = 2.0
_CLOUD_PERCENT = 5.0
_OVERLAP = 0.5


def conflicts_between(records: Sequence[SourcedScene]) -> list[str]:
    """One sentence for each contradiction between the sources of an Item, naming the source that is believed."""
    ranked = sorted(records, key=lambda each: (each.precedence, each.source))
    if len({each.source for each in ranked}) < 2:
        return []
    believed = ranked[0]
    found = [
        f"{other.source} says {theirs}, {believed.source} says {ours}, which is believed"
        for other in ranked
        if other.source != believed.source
        for ours, theirs in _contradictions(believed, other)
    ]
    return list(dict.fromkeys(found))


def _contradictions(one: SourcedScene, other: SourcedScene) -> list[tuple[str, str]]:
    found = []
    first, second = one.scene, other.scene
    moments = (first.acquired_at, second.acquired_at)
    if None not in moments and abs((moments[0] - moments[1]).total_seconds()) > _MOMENT_S:  # type: ignore[operator]
        found.append((f"acquired {moments[0]}", f"acquired {moments[1]}"))
    clouds = [_cloud_cover(each) for each in (one, other)]
    if None not in clouds and abs(clouds[0] - clouds[1]) > _CLOUD_PERCENT:  # type: ignore[operator]
        found.append((f"cloud cover {clouds[0]:g} %", f"cloud cover {clouds[1]:g} %"))
    if overlap_fraction(first.footprint, second.footprint) < _OVERLAP:
        found.append(("a footprint", "a footprint elsewhere"))
    return found


def _cloud_cover(record: SourcedScene) -> float | None:
    product = record.scene.product
    return product.cloud_cover_percent if product else record.scene.cloud_cover_percent
