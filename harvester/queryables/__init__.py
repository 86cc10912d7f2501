"""The properties that readers may filter and sort on, typed, with words in French and English.

The catalogue refuses every other property in a filter, so a property that Items publish and that is missing here can
be read but not searched. Those that only the records of some sources have are in `of_sources`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harvester.queryables.airbus import AIRBUS_PROPERTIES
from harvester.queryables.definition import DEFAULT_LANGUAGE, Definitions
from harvester.queryables.of_stac import STAC_PROPERTIES
from harvester.queryables.stereo import STEREO_PROPERTIES

__all__ = ["DEFAULT_LANGUAGE", "INDEXED", "PROPERTIES", "QUERYABLES", "queryables"]

PROPERTIES: Definitions = {**STAC_PROPERTIES, **STEREO_PROPERTIES, **AIRBUS_PROPERTIES}

#: Beside id, dates and geometry: what images are mostly sorted by. Each index makes every load slower.
INDEXED = frozenset({"eo:cloud_cover"})


def queryables(language: str = DEFAULT_LANGUAGE) -> dict[str, dict[str, Any]]:
    """JSON Schema of every property common to the platform, by name, with words in one language."""
    return {name: definition.fragment(language) for name, definition in PROPERTIES.items()}


QUERYABLES: Mapping[str, dict[str, Any]] = queryables()
