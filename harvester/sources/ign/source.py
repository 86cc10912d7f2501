"""The yearly satellite coverages of IGN's Géoplateforme: one record per layer and region of its WMTS.

The capabilities of a WMTS have no change dates: each run reads them whole, and finds changes by comparing. `Selection`
narrows nothing. Where a WFS serves the mosaic graph of the layers, the graph gives their extents; otherwise the
bounding boxes of the capabilities do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import shapely

from harvester.credentials import without_credentials
from harvester.errors import UnreadableAnswer
from harvester.http import Session
from harvester.record import Page, RawRecord
from harvester.sources.ign.graph import features_by_region
from harvester.sources.ign.layers import Layer, layers_of_wms, layers_of_wmts
from harvester.sources.ign.options import Graph, Options
from harvester.sources.ign.records import scene_from_record
from harvester.sources.source import Fingerprints, Progress, Selection, undivided

__all__ = ["Graph", "Options", "is_selectable", "read_pages", "scene_from_record", "windows"]

is_selectable = False
#: There are a few dozen records.
windows = undivided


def read_pages(
    options: Options,
    selection: Selection,  # noqa: ARG001
    cursor: str | None,
    progress: Progress,
    fingerprints: Fingerprints,  # noqa: ARG001
) -> Iterator[Page]:
    """Read the layers of the family, one page for each.

    Raises:
        UnreadableAnswer: The capabilities are unintelligible or have no layer of the family, or the graph has no
            feature where there must be some.
        SourceUnavailable: It cannot be reached.
    """
    with Session(options) as session:
        layers = layers_of_wmts(session, options.url, f"{options.prefix}.{options.family}.")
        shown_by_wms = layers_of_wms(session, options.wms_url) if options.wms_url else frozenset()
        progress.total = len(layers) if options.graph is None and not options.territories else None
        for layer in layers:
            if layer.name <= (cursor or ""):
                continue
            progress.at_hand = layer.name
            wms = without_credentials(options.wms_url or "") if layer.name in shown_by_wms else None
            records = [
                _record(layer, region, {"service": options.shown_location, "wms": wms, **place})
                for region, place in _regions(session, options, layer)
            ]
            progress.records += len(records)
            yield Page(records=records, next_cursor=None if layer is layers[-1] else layer.name)


def _record(layer: Layer, region: str | None, said: Mapping[str, Any]) -> RawRecord:
    return RawRecord(
        id=f"{layer.name}/{region}" if region else layer.name,
        content={"xml": layer.xml, "region": region, **said},
    )


def _regions(session: Session, options: Options, layer: Layer) -> list[tuple[str | None, Mapping[str, Any]]]:
    """The regions of a layer, each with what gives its extent; None for a layer without regions."""
    if options.graph is not None and layer.year is not None:
        type_name = options.graph.type_name.format(year=layer.year)
        # The box of a layer may be the whole world, which would not reveal swapped axes.
        boxes = tuple(options.territories.values()) or layer.boxes
        regions = features_by_region(session, options.graph.url, type_name, options.graph.region, boxes)
        if len(regions) > 1000:
            raise UnreadableAnswer(f"{type_name} has {len(regions)} values of {options.graph.region}: no regions")
        return [(region, {"features": features}) for region, features in regions.items()]
    shown = [shapely.box(*box) for box in layer.boxes]
    met: list[tuple[str | None, Mapping[str, Any]]] = [
        (region, {"territory": list(box)})
        for region, box in sorted(options.territories.items())
        if any(shapely.box(*box).intersects(part) for part in shown)
    ]
    return met or [(None, {})]
