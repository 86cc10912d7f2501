"""Where records come from: each source reads pages of raw records, and one raw record into a scene.

A source is a module with `read_pages(options, cursor) -> Iterator[Page]` and
`scene_from_record(raw, sensors) -> SceneRecord`.
"""

from __future__ import annotations

from harvester.sources import deliveries

SOURCES = {"deliveries": deliveries}

__all__ = ["SOURCES"]
