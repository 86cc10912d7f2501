"""Reads one yearly coverage: a layer, or a region of it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry import shape

from footprints import FootprintError, Region, footprint_as_drawn, union_footprints, valid_footprint
from harvester.errors import UnreadableAnswer, UnreadableScene
from harvester.record import RawRecord, RecordLink, SceneRecord
from harvester.sensors import Sensor, Sensors
from harvester.sources.ign.layers import Layer, layer_from_xml
from harvester.sources.iso19139.document import parsed_xml
from harvester.strict_reading import Fields

#: IGN's name of a family of layers -> id of the sensor document.
_SENSORS: Mapping[str, str] = {"SPOT": "spot-6-7", "PLEIADES": "pleiades"}

_WIDEST_DEG = 350.0


def scene_from_record(raw: RawRecord, sensors: Sensors) -> SceneRecord:
    """The yearly mosaic that a record describes: it has a period instead of a time, and no single satellite.

    Raises:
        UnreadableScene: The layer's name has no year or no known family, or nothing gives its extent.
    """
    record = Fields(raw.content)
    layer = _layer(record.text("xml"))
    if layer.year is None:
        raise UnreadableScene(f"layer {layer.name[:120]!r} is not named for a year: was it renamed?")
    sensor = _sensor(layer.name, sensors)
    region = record.text("region", None)
    footprint = _footprint(record.take("features", None), record.take("territory", None), layer)
    started_at = datetime(layer.year, 1, 1, tzinfo=UTC)
    item_id = _slug(raw.id)
    return SceneRecord(
        id=item_id,
        scene_keys=(),
        platform_title=f"{sensor.title} {region}" if region else sensor.title,
        acquired_at=None,
        started_at=started_at,
        ended_at=datetime(layer.year + 1, 1, 1, tzinfo=UTC) - timedelta(seconds=1),
        footprint=footprint,
        footprint_from="source",
        constellation=sensor.constellation,
        instruments=sensor.instruments,
        source_id=raw.id if raw.id != item_id else None,
        source_href=layer.documents[0] if layer.documents else None,
        properties={"dinamis:region": region} if region else {},
        links=tuple(_links(layer, record.text("service"), record.text("wms", None))),
        warnings=record.close(),
    )


def _layer(xml: str) -> Layer:
    try:
        return layer_from_xml(parsed_xml(xml.encode()))
    except UnreadableAnswer as error:
        raise UnreadableScene(f"the layer is not readable: {error.args[0]}") from error


def _sensor(name: str, sensors: Sensors) -> Sensor:
    wanted = next((sensor for family, sensor in _SENSORS.items() if f".{family}." in name), None)
    for sensor in sensors:
        if sensor.id == wanted:
            return sensor
    raise UnreadableScene(f"layer {name[:120]!r} is of no family with a sensor document ({', '.join(_SENSORS)})")


def _footprint(features: Any, territory: Any, layer: Layer) -> Region:
    try:
        if features is not None:
            return union_footprints([footprint_as_drawn(shape(feature["geometry"])) for feature in features])
        return _boxed(territory, layer)
    except FootprintError as error:
        raise UnreadableScene(str(error)) from error
    except (ShapelyError, ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise UnreadableScene(f"a feature of the graph has no readable geometry: {error}") from error


def _boxed(territory: Any, layer: Layer) -> Region:
    """The boxes of the layer, cut to a territory; without a territory, boxes of the whole world are refused."""
    if territory is None and (not layer.boxes or any(east - west > _WIDEST_DEG for west, _, east, _ in layer.boxes)):
        raise UnreadableScene(
            f"the box of {layer.name} is missing or the whole world: give territories or a graph in the options"
        )
    boxes = shapely.union_all([shapely.box(*box) for box in layer.boxes])
    return valid_footprint(boxes if territory is None else boxes.intersection(shapely.box(*territory)))


def _links(layer: Layer, wmts: str, wms: str | None) -> list[RecordLink]:
    """Links as in web-map-links 1.2.0: the bare address of the service, with the layer in a field of its own."""
    fields: dict[str, Any] = {"wmts:layer": layer.name}
    if layer.dimensions:
        fields["wmts:dimensions"] = dict(layer.dimensions)
    media_type = layer.formats[0] if layer.formats else None
    links = [RecordLink(rel="wmts", href=wmts, media_type=media_type, title=f"WMTS, {layer.name}", fields=fields)]
    if wms is not None:
        fields = {"wms:layers": [layer.name]}
        links.append(RecordLink(rel="wms", href=wms, media_type=media_type, title=f"WMS, {layer.name}", fields=fields))
    return links


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", plain).strip("-._")[:200]
