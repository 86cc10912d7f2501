"""When a harvest that failed is tried again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from harvester.errors import CatalogueError, HarvestError, SourceRefused, SourceUnavailable
from harvester.runs import PartLost, RunBusy

_SECONDS = tuple(timedelta(seconds=30 * 2**times) for times in range(5))
#: A service under repair is up again within hours; after half a day the next slot of the schedule takes over.
_HOURS = tuple(timedelta(minutes=5 * 3**times) for times in range(5))

#: By class of error, narrower ones first; any other error would only come again.
_WAITS: Sequence[tuple[type[HarvestError], Sequence[timedelta]]] = (
    (SourceRefused, ()),
    (SourceUnavailable, _HOURS),
    (CatalogueError, _SECONDS),
    (PartLost, _SECONDS),
)
#: A feed has one run at a time, however long that takes.
_WHILE_BUSY = timedelta(minutes=10)


def wait_before_repeat(error: HarvestError, failures: int) -> timedelta | None:
    """How long to wait before a harvest is tried again; None if that is useless.

    Args:
        error: why it failed.
        failures: how often it failed before without getting any further.
    """
    if isinstance(error, RunBusy):
        return _WHILE_BUSY
    waits: Sequence[timedelta] = next((waits for kind, waits in _WAITS if isinstance(error, kind)), ())
    return waits[failures] if failures < len(waits) else None
